
/*
 * When the lock of a zone cannot be had: its owner is suspended, or is not
 * given the processor.
 *
 * Nobody waits longer for it than NGX_HTTP_WEBSOCKET_LOCK; from then on the
 * zone is stuck in this worker: all that needs the lock is told so at once,
 * and a timer tries again.  What can be told to come later waits for that
 * without blocking, or is refused; what must be done is owed.  When the lock
 * is there again, what is owed is done first, then the waiters are called,
 * and deliveries go on.
 */


#ifndef NGX_HTTP_WEBSOCKET_WAIT_H
#define NGX_HTTP_WEBSOCKET_WAIT_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/* how long one call waits for the lock, microseconds */
#define NGX_HTTP_WEBSOCKET_LOCK     2000

/* how long a zone is stuck before what waits is refused, milliseconds */
#define NGX_HTTP_WEBSOCKET_PATIENCE  500


typedef struct ngx_http_websocket_zone_s    ngx_http_websocket_zone_t;
typedef struct ngx_http_websocket_waiter_s  ngx_http_websocket_waiter_t;

/*
 * Called when the lock may be had, or NGX_HTTP_WEBSOCKET_PATIENCE is over: a
 * waiter is in no list then, and finds out which it is by trying again.  What
 * is owed is tried until it returns NGX_OK; NGX_AGAIN says that the turn is
 * over, NGX_BUSY that the zone is stuck again.
 */
typedef ngx_int_t (*ngx_http_websocket_wait_pt)(
    ngx_http_websocket_waiter_t *waiter);

/* embedded in whatever waits, zeroed but for the handler */

struct ngx_http_websocket_waiter_s {
    ngx_queue_t                   queue;    /* next is NULL: in no list */
    ngx_http_websocket_wait_pt    handler;
};


/* of a zone, in this worker */

typedef struct {
    ngx_queue_t                   owed;     /* in this order */
    ngx_queue_t                   waiters;
    ngx_event_t                   event;    /* tries again */
    ngx_connection_t              dummy;
    ngx_msec_t                    since;    /* when it got stuck */
    unsigned                      stuck:1;
    unsigned                      paying:1; /* does what is owed */
    unsigned                      told:1;   /* to the error log */
} ngx_http_websocket_wait_t;


/* For a zone that is being configured. */
void ngx_http_websocket_wait_init(ngx_http_websocket_zone_t *zone);

/* The lock was waited for in vain: the zone is stuck. */
void ngx_http_websocket_wait_begin(ngx_http_websocket_zone_t *zone);

/*
 * The lock of a zone that is stuck could be had: what waits is called in this
 * turn, and what comes is not refused.
 */
void ngx_http_websocket_wait_again(ngx_http_websocket_zone_t *zone);

/*
 * Has a waiter called, and returns 1; or 0 when the zone has been stuck for too
 * long: what would wait is to be refused.
 */
ngx_uint_t ngx_http_websocket_wait(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_waiter_t *waiter);

/*
 * Has something done as soon as the lock is there, behind all that is owed
 * yet; what is owed already goes to the end.
 */
void ngx_http_websocket_owe(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_waiter_t *debt);

/* Takes a waiter or a debt off its list; does nothing when it is on none. */
void ngx_http_websocket_wait_cancel(ngx_http_websocket_waiter_t *waiter);

/*
 * In exit_process: does what is owed.  What cannot be done now becomes void
 * with the worker.
 */
void ngx_http_websocket_wait_end(ngx_http_websocket_zone_t *zone);


#endif /* NGX_HTTP_WEBSOCKET_WAIT_H */
