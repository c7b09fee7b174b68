
/*
 * Requests whose answers take long to make: one after the other, in what the
 * turns have time for.
 */


#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_suspend.h"
#include "hub/ngx_http_websocket_turn.h"


/* a worker that shuts down waits for timers, and so for who waits here: ms */
#define NGX_HTTP_WEBSOCKET_LATER  10000


typedef struct {
    ngx_queue_t                   queue;
    ngx_uint_t                    waits;    /* in the queue */
    ngx_http_request_t           *request;
    ngx_http_websocket_later_pt   handler;
    void                         *data;
} ngx_http_websocket_later_t;


static void ngx_http_websocket_later_wait(ngx_http_websocket_later_t *one);
static void ngx_http_websocket_later_gone(void *data);
static void ngx_http_websocket_later_event(ngx_event_t *ev);
static void ngx_http_websocket_later_go_on(ngx_http_websocket_later_t *one);


static ngx_queue_t       ngx_http_websocket_later_queue;
static ngx_event_t       ngx_http_websocket_later_next;
static ngx_connection_t  ngx_http_websocket_later_dummy;


void
ngx_http_websocket_later_init(ngx_cycle_t *cycle)
{
    ngx_event_t  *ev;

    ngx_queue_init(&ngx_http_websocket_later_queue);

    ngx_http_websocket_later_dummy.fd = (ngx_socket_t) -1;

    ev = &ngx_http_websocket_later_next;

    ev->handler = ngx_http_websocket_later_event;
    ev->data = &ngx_http_websocket_later_dummy;
    ev->log = cycle->log;
}


ngx_int_t
ngx_http_websocket_later(ngx_http_request_t *r,
    ngx_http_websocket_later_pt handler, void *data)
{
    ngx_int_t                    rc;
    ngx_http_cleanup_t          *cln;
    ngx_http_websocket_later_t  *one;

    /* who comes waits behind those who do, or many would be one long turn */

    if (ngx_queue_empty(&ngx_http_websocket_later_queue)
        && !ngx_http_websocket_turn_over())
    {
        rc = handler(r, data);

        if (rc != NGX_BUSY) {
            return rc;
        }
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_later_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_websocket_later_gone;
    one = cln->data;

    one->request = r;
    one->handler = handler;
    one->data = data;

    ngx_http_websocket_later_wait(one);

    r->main->count++;

    return NGX_DONE;
}


static void
ngx_http_websocket_later_wait(ngx_http_websocket_later_t *one)
{
    ngx_event_t  *ev;

    one->waits = 1;
    ngx_queue_insert_tail(&ngx_http_websocket_later_queue, &one->queue);

    ev = &ngx_http_websocket_later_next;

    ngx_http_websocket_turn_next(ev);

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_LATER);
    }
}


/* the request ends, for whatever reason */

static void
ngx_http_websocket_later_gone(void *data)
{
    ngx_http_websocket_later_t *one = data;

    if (one->waits) {
        one->waits = 0;
        ngx_queue_remove(&one->queue);
    }
}


static void
ngx_http_websocket_later_event(ngx_event_t *ev)
{
    ngx_queue_t                 *q;
    ngx_http_websocket_later_t  *one;

    while (!ngx_queue_empty(&ngx_http_websocket_later_queue)) {

        q = ngx_queue_head(&ngx_http_websocket_later_queue);
        one = ngx_queue_data(q, ngx_http_websocket_later_t, queue);

        ngx_http_websocket_later_gone(one);
        ngx_http_websocket_later_go_on(one);

        if (ngx_http_websocket_turn_over()) {
            break;
        }
    }

    if (!ngx_queue_empty(&ngx_http_websocket_later_queue)) {
        ngx_http_websocket_turn_next(ev);
        return;
    }

    if (ev->timer_set) {
        ngx_del_timer(ev);
    }
}


static void
ngx_http_websocket_later_go_on(ngx_http_websocket_later_t *one)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = one->request;

    ngx_http_websocket_resume(r);

    rc = one->handler(r, one->data);

    if (rc == NGX_BUSY) {
        ngx_http_websocket_later_wait(one);
        return;
    }

    ngx_http_websocket_finish(r, rc);
}
