
/*
 * Requests for which a turn has no time: they go on one after the other, in
 * what the turns to come have time for.  They stand in two lines, so that those
 * that take a moment are not behind answers that take long to make.
 */


#include "http/ngx_http_websocket_later.h"
#include "clock/ngx_http_websocket_turn.h"
#include "http/ngx_http_websocket_suspend.h"


/*
 * milliseconds of a timer: a worker that shuts down waits for it, and so for
 * the requests here
 */
#define NGX_HTTP_WEBSOCKET_LATER  10000

/* a request that takes a moment, in steps of a turn's work */
#define NGX_HTTP_WEBSOCKET_REQUEST_STEPS  8


typedef struct {
    ngx_queue_t                   queue;
    ngx_event_t                   next;
} ngx_http_websocket_line_t;


typedef struct {
    ngx_queue_t                   queue;
    ngx_uint_t                    waits;    /* in the queue */
    ngx_http_websocket_line_t    *line;
    ngx_http_request_t           *request;
    ngx_http_websocket_later_pt   handler;
    void                         *data;
} ngx_http_websocket_later_t;


static void ngx_http_websocket_line_init(ngx_http_websocket_line_t *line,
    ngx_cycle_t *cycle);
static ngx_int_t ngx_http_websocket_later_put_off(ngx_http_request_t *r,
    ngx_http_websocket_line_t *line, ngx_http_websocket_later_pt handler,
    void *data);
static void ngx_http_websocket_later_wait(ngx_http_websocket_later_t *one);
static void ngx_http_websocket_later_gone(void *data);
static void ngx_http_websocket_later_event(ngx_event_t *ev);
static void ngx_http_websocket_later_go_on(ngx_http_websocket_later_t *one);


static ngx_http_websocket_line_t  ngx_http_websocket_brief;
static ngx_http_websocket_line_t  ngx_http_websocket_long;


void
ngx_http_websocket_later_init(ngx_cycle_t *cycle)
{
    ngx_http_websocket_line_init(&ngx_http_websocket_brief, cycle);
    ngx_http_websocket_line_init(&ngx_http_websocket_long, cycle);
}


static void
ngx_http_websocket_line_init(ngx_http_websocket_line_t *line,
    ngx_cycle_t *cycle)
{
    static ngx_connection_t  dummy;

    dummy.fd = (ngx_socket_t) -1;

    ngx_queue_init(&line->queue);

    line->next.handler = ngx_http_websocket_later_event;
    line->next.data = &dummy;
    line->next.log = cycle->log;
}


ngx_int_t
ngx_http_websocket_in_turn(ngx_http_request_t *r,
    ngx_http_websocket_later_pt handler)
{
    ngx_http_websocket_line_t  *line;

    line = &ngx_http_websocket_brief;

    if (ngx_queue_empty(&line->queue)
        && !ngx_http_websocket_turn_step(NGX_HTTP_WEBSOCKET_REQUEST_STEPS))
    {
        return handler(r, NULL);
    }

    return ngx_http_websocket_later_put_off(r, line, handler, NULL);
}


ngx_int_t
ngx_http_websocket_later(ngx_http_request_t *r,
    ngx_http_websocket_later_pt handler, void *data)
{
    ngx_int_t                   rc;
    ngx_http_websocket_line_t  *line;

    line = &ngx_http_websocket_long;

    /*
     * A request that comes while others wait goes behind them: many at once
     * would make one long turn.
     */

    if (ngx_queue_empty(&line->queue) && !ngx_http_websocket_turn_over()) {
        rc = handler(r, data);

        if (rc != NGX_BUSY) {
            return rc;
        }
    }

    return ngx_http_websocket_later_put_off(r, line, handler, data);
}


static ngx_int_t
ngx_http_websocket_later_put_off(ngx_http_request_t *r,
    ngx_http_websocket_line_t *line, ngx_http_websocket_later_pt handler,
    void *data)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_websocket_later_t  *one;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_later_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_websocket_later_gone;
    one = cln->data;

    one->line = line;
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
    ngx_queue_insert_tail(&one->line->queue, &one->queue);

    ev = &one->line->next;

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
    ngx_http_websocket_line_t   *line;
    ngx_http_websocket_later_t  *one;

    line = ngx_queue_data(ev, ngx_http_websocket_line_t, next);

    ngx_http_websocket_turn_loop();

    while (!ngx_queue_empty(&line->queue)) {

        q = ngx_queue_head(&line->queue);
        one = ngx_queue_data(q, ngx_http_websocket_later_t, queue);

        ngx_http_websocket_later_gone(one);
        ngx_http_websocket_later_go_on(one);

        if (ngx_http_websocket_turn_over()) {
            break;
        }
    }

    if (!ngx_queue_empty(&line->queue)) {
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
