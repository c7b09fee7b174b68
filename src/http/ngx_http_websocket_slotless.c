
/*
 * Clients that come to a worker without a slot: they wait until an old worker
 * has given its own back.
 */


#include "http/ngx_http_websocket_slotless.h"
#include "clock/ngx_http_websocket_turn.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_handshake.h"
#include "http/ngx_http_websocket_suspend.h"
#include "hub/ngx_http_websocket_worker.h"
#include "session/ngx_http_websocket_drain.h"


#define NGX_HTTP_WEBSOCKET_SLOTLESS        1000     /* the longest, ms */
#define NGX_HTTP_WEBSOCKET_SLOTLESS_AGAIN  10       /* it looks, ms */


typedef struct {
    ngx_queue_t                    queue;
    ngx_http_request_t            *request;
    ngx_msec_t                     until;
    ngx_str_t                      key;
    ngx_http_websocket_options_t   options;
    unsigned                       waits:1;
    unsigned                       socket:1;    /* key is that of its
                                                   handshake */
} ngx_http_websocket_slotless_t;


static void ngx_http_websocket_slotless_wait(
    ngx_http_websocket_slotless_t *one);
static void ngx_http_websocket_slotless_gone(void *data);
static void ngx_http_websocket_slotless_event(ngx_event_t *ev);
static ngx_uint_t ngx_http_websocket_slotless_over(
    ngx_http_websocket_slotless_t *one);
static void ngx_http_websocket_slotless_end(
    ngx_http_websocket_slotless_t *one);


static ngx_queue_t       ngx_http_websocket_slotless_queue;
static ngx_event_t       ngx_http_websocket_slotless_again;
static ngx_connection_t  ngx_http_websocket_slotless_dummy;


ngx_int_t
ngx_http_websocket_slotless(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key)
{
    ngx_http_cleanup_t             *cln;
    ngx_http_websocket_slotless_t  *one;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_slotless_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_websocket_slotless_gone;
    one = cln->data;

    ngx_memzero(one, sizeof(ngx_http_websocket_slotless_t));

    one->request = r;
    one->until = ngx_current_msec + NGX_HTTP_WEBSOCKET_SLOTLESS;
    one->options = *options;

    if (key) {
        one->socket = 1;
        one->key = *key;
    }

    ngx_http_websocket_slotless_wait(one);
    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


static void
ngx_http_websocket_slotless_wait(ngx_http_websocket_slotless_t *one)
{
    ngx_event_t  *ev;

    ev = &ngx_http_websocket_slotless_again;

    if (ev->handler == NULL) {
        ngx_queue_init(&ngx_http_websocket_slotless_queue);

        ngx_http_websocket_slotless_dummy.fd = (ngx_socket_t) -1;

        ev->handler = ngx_http_websocket_slotless_event;
        ev->data = &ngx_http_websocket_slotless_dummy;
        ev->log = ngx_cycle->log;
    }

    one->waits = 1;
    ngx_queue_insert_tail(&ngx_http_websocket_slotless_queue, &one->queue);

    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_SLOTLESS_AGAIN);
    }
}


/* the request ends, for whatever reason */

static void
ngx_http_websocket_slotless_gone(void *data)
{
    ngx_http_websocket_slotless_t *one = data;

    if (one->waits) {
        one->waits = 0;
        ngx_queue_remove(&one->queue);
    }
}


static void
ngx_http_websocket_slotless_event(ngx_event_t *ev)
{
    ngx_queue_t                     turn, *q;
    ngx_http_websocket_slotless_t  *one;

    if (!ngx_exiting) {
        (void) ngx_http_websocket_worker_seek();
    }

    /*
     * The end of one request may end others: only the head of the queue is
     * looked at.
     */

    ngx_queue_init(&turn);
    ngx_queue_add(&turn, &ngx_http_websocket_slotless_queue);
    ngx_queue_init(&ngx_http_websocket_slotless_queue);

    while (!ngx_queue_empty(&turn)) {

        q = ngx_queue_head(&turn);
        one = ngx_queue_data(q, ngx_http_websocket_slotless_t, queue);

        ngx_http_websocket_slotless_gone(one);

        if (ngx_http_websocket_slotless_over(one)) {
            ngx_http_websocket_slotless_end(one);

        } else {
            ngx_http_websocket_slotless_wait(one);
        }

        if (ngx_http_websocket_turn_over()) {
            break;
        }
    }

    if (!ngx_queue_empty(&turn)) {
        ngx_queue_add(&ngx_http_websocket_slotless_queue, &turn);
        ngx_http_websocket_turn_next(ev);
    }
}


static ngx_uint_t
ngx_http_websocket_slotless_over(ngx_http_websocket_slotless_t *one)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(one->request,
                                        ngx_http_websocket_module);

    return ngx_exiting || ngx_http_websocket_drain_holds(conf)
           || (ngx_msec_int_t) (one->until - ngx_current_msec) <= 0;
}


static void
ngx_http_websocket_slotless_end(ngx_http_websocket_slotless_t *one)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = one->request;

    ngx_http_websocket_resume(r);

    rc = ngx_http_websocket_open_now(r, &one->options,
                                     one->socket ? &one->key : NULL);

    if (rc != NGX_DONE) {
        ngx_http_websocket_mask(r);
    }

    ngx_http_websocket_finish(r, rc);
}
