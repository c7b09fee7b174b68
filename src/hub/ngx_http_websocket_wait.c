
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub.h"


/* milliseconds between two tries at most */
#define NGX_HTTP_WEBSOCKET_RETRY  10


static void ngx_http_websocket_wait_handler(ngx_event_t *ev);
static ngx_int_t ngx_http_websocket_wait_pay(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_wait_call(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_wait_success(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_wait_failure(ngx_http_websocket_zone_t *zone);
static ngx_uint_t ngx_http_websocket_wait_over(
    ngx_http_websocket_wait_t *wait);
static void ngx_http_websocket_wait_retry(ngx_http_websocket_wait_t *wait);


void
ngx_http_websocket_wait_init(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_wait_t  *wait;

    wait = &zone->wait;

    ngx_queue_init(&wait->owed);
    ngx_queue_init(&wait->waiters);

    wait->dummy.fd = (ngx_socket_t) -1;
    wait->dummy.data = zone;

    wait->event.handler = ngx_http_websocket_wait_handler;
    wait->event.data = &wait->dummy;
}


void
ngx_http_websocket_wait_begin(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_wait_t  *wait;

    wait = &zone->wait;

    if (!wait->stuck) {

        /* a standstill of this worker does not count as the zone's */

        ngx_time_update();

        wait->stuck = 1;
        wait->since = ngx_current_msec;
    }

    ngx_http_websocket_wait_retry(wait);
}


void
ngx_http_websocket_wait_again(ngx_http_websocket_zone_t *zone)
{
    zone->wait.since = ngx_current_msec;

    ngx_post_event(&zone->wait.event, &ngx_posted_events);
}


ngx_uint_t
ngx_http_websocket_wait(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_waiter_t *waiter)
{
    ngx_http_websocket_wait_t  *wait;

    wait = &zone->wait;

    if (ngx_http_websocket_wait_over(wait)) {
        return 0;
    }

    ngx_queue_insert_tail(&wait->waiters, &waiter->queue);

    /* a worker that shuts down does not end before they were called */

    wait->event.cancelable = 0;

    return 1;
}


void
ngx_http_websocket_owe(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_waiter_t *debt)
{
    ngx_http_websocket_wait_cancel(debt);

    ngx_queue_insert_tail(&zone->wait.owed, &debt->queue);
}


void
ngx_http_websocket_wait_cancel(ngx_http_websocket_waiter_t *waiter)
{
    if (waiter->queue.next) {
        ngx_queue_remove(&waiter->queue);
        waiter->queue.next = NULL;
    }
}


static void
ngx_http_websocket_wait_handler(ngx_event_t *ev)
{
    ngx_connection_t           *c;
    ngx_http_websocket_wait_t  *wait;
    ngx_http_websocket_zone_t  *zone;

    c = ev->data;
    zone = c->data;
    wait = &zone->wait;

    if (wait->stuck) {

        switch (ngx_http_websocket_wait_pay(zone)) {

        case NGX_OK:
            ngx_http_websocket_wait_success(zone);
            break;

        case NGX_AGAIN:
            ngx_http_websocket_turn_next(ev);
            return;

        default:  /* NGX_BUSY */
            ngx_http_websocket_wait_failure(zone);
        }
    }

    ngx_http_websocket_wait_call(zone);
}


/* NGX_OK when the lock is there and all is done that was owed */

static ngx_int_t
ngx_http_websocket_wait_pay(ngx_http_websocket_zone_t *zone)
{
    ngx_int_t                     rc;
    ngx_queue_t                  *q;
    ngx_http_websocket_wait_t    *wait;
    ngx_http_websocket_waiter_t  *debt;

    wait = &zone->wait;
    wait->paying = 1;

    rc = ngx_http_websocket_zone_try(zone, NGX_HTTP_WEBSOCKET_SPIN);

    while (rc == NGX_OK && !ngx_queue_empty(&wait->owed)) {

        q = ngx_queue_head(&wait->owed);
        debt = ngx_queue_data(q, ngx_http_websocket_waiter_t, queue);

        /* the struct that contains the debt may be freed when it is paid */

        ngx_http_websocket_wait_cancel(debt);

        rc = debt->handler(debt);

        if (rc != NGX_OK) {
            ngx_queue_insert_head(&wait->owed, &debt->queue);

        } else if (ngx_http_websocket_turn_over()) {
            rc = NGX_AGAIN;
        }
    }

    wait->paying = 0;

    return rc;
}


/* calls waiters until the zone is stuck again, or the turn is over */

static void
ngx_http_websocket_wait_call(ngx_http_websocket_zone_t *zone)
{
    ngx_queue_t                  *q;
    ngx_http_websocket_wait_t    *wait;
    ngx_http_websocket_waiter_t  *waiter;

    wait = &zone->wait;

    while (!ngx_queue_empty(&wait->waiters)
           && (!wait->stuck || ngx_http_websocket_wait_over(wait)))
    {
        q = ngx_queue_head(&wait->waiters);
        waiter = ngx_queue_data(q, ngx_http_websocket_waiter_t, queue);

        ngx_http_websocket_wait_cancel(waiter);

        (void) waiter->handler(waiter);

        if (ngx_http_websocket_turn_over()) {
            ngx_http_websocket_turn_next(&wait->event);
            ngx_http_websocket_wait_retry(wait);
            return;
        }
    }
}


static void
ngx_http_websocket_wait_success(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_wait_t  *wait;

    wait = &zone->wait;

    if (wait->told) {
        ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                      "websocket zone \"%V\" goes on", &zone->name);
    }

    wait->stuck = 0;
    wait->told = 0;

    ngx_http_websocket_hub_resume(zone);
}


static void
ngx_http_websocket_wait_failure(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_wait_t  *wait;

    wait = &zone->wait;

    if (!wait->told && ngx_http_websocket_wait_over(wait)) {
        wait->told = 1;

        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "websocket zone \"%V\" cannot be had: a worker that "
                      "holds its lock does not go on, it may be suspended",
                      &zone->name);
    }

    ngx_http_websocket_wait_retry(wait);
}


static ngx_uint_t
ngx_http_websocket_wait_over(ngx_http_websocket_wait_t *wait)
{
    return wait->stuck
           && ngx_current_msec - wait->since >= NGX_HTTP_WEBSOCKET_PATIENCE;
}


/* tries soon at first: most often the lock's owner runs again at once */

static void
ngx_http_websocket_wait_retry(ngx_http_websocket_wait_t *wait)
{
    ngx_msec_t  passed;

    if (wait->event.timer_set) {
        return;
    }

    passed = ngx_current_msec - wait->since;

    wait->event.log = ngx_cycle->log;
    wait->event.cancelable = ngx_queue_empty(&wait->waiters);

    ngx_add_timer(&wait->event,
                  ngx_min(1 + passed / 8, NGX_HTTP_WEBSOCKET_RETRY));
}


void
ngx_http_websocket_wait_end(ngx_http_websocket_zone_t *zone)
{
    ngx_int_t  rc;

    do {
        rc = zone->wait.stuck ? ngx_http_websocket_wait_pay(zone) : NGX_OK;

    } while (rc == NGX_AGAIN);

    zone->wait.stuck = (rc != NGX_OK);
}
