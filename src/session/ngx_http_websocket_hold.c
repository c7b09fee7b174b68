
#include "session/ngx_http_websocket_hold.h"
#include "delivery/ngx_http_websocket_intake.h"
#include "store/message.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_session_publish.h"


typedef struct {
    ngx_http_websocket_work_t       work;
    ngx_http_websocket_publish_t   *pending;    /* NULL: the message waits for
                                                   the zone */
    ngx_http_websocket_waiter_t     waiter;
    ngx_websocket_store_message_t   message;
    size_t                          n;
    ngx_websocket_store_part_t      parts[NGX_HTTP_WEBSOCKET_INTAKE_PARTS];
    u_char                          data[1];
} ngx_http_websocket_held_t;


static ngx_http_websocket_held_t *ngx_http_websocket_held_copy(
    ngx_http_websocket_session_t *s, ngx_websocket_store_part_t *parts,
    size_t n);
static ngx_int_t ngx_http_websocket_held_begin(
    ngx_http_websocket_session_t *s, ngx_http_websocket_held_t *held);
static void ngx_http_websocket_held_done(ngx_http_websocket_publish_t *p);
static void ngx_http_websocket_held_drop(ngx_http_websocket_work_t *work);
static ngx_int_t ngx_http_websocket_held_publish(
    ngx_http_websocket_waiter_t *waiter);


ngx_int_t
ngx_http_websocket_hold(ngx_http_websocket_session_t *s,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    size_t n)
{
    ngx_http_websocket_held_t  *held;

    held = ngx_http_websocket_held_copy(s, parts, n);

    if (ngx_http_websocket_held_begin(s, held) != NGX_AGAIN) {
        return NGX_DONE;
    }

    held->message = *message;

    if (!ngx_http_websocket_wait(s->conf->zone, &held->waiter)) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_BUSY);
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_websocket_hold_pending(ngx_http_websocket_session_t *s,
    ngx_http_websocket_publish_t *pending)
{
    ngx_http_websocket_held_t  *held;

    held = ngx_http_websocket_held_copy(s, NULL, 0);

    if (ngx_http_websocket_held_begin(s, held) != NGX_AGAIN) {
        return NGX_DONE;
    }

    held->pending = pending;

    pending->done = ngx_http_websocket_held_done;
    pending->data = held;

    return NGX_AGAIN;
}


/* as ngx_http_websocket_session_work(); held is NULL without memory for it */

static ngx_int_t
ngx_http_websocket_held_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_held_t *held)
{
    if (held == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    held->work.cancel = ngx_http_websocket_held_drop;

    if (ngx_http_websocket_session_work(s, &held->work) != NGX_AGAIN) {
        ngx_free(held);
        return NGX_DONE;
    }

    return NGX_AGAIN;
}


static void
ngx_http_websocket_held_done(ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_held_t  *held;

    held = p->data;

    ngx_http_websocket_work_done(&held->work);
    (void) ngx_http_websocket_session_published(held->work.session, p);

    ngx_free(held);
}


static ngx_http_websocket_held_t *
ngx_http_websocket_held_copy(ngx_http_websocket_session_t *s,
    ngx_websocket_store_part_t *parts, size_t n)
{
    u_char                     *p;
    size_t                      i, size;
    ngx_http_websocket_held_t  *held;

    size = sizeof(ngx_http_websocket_held_t);

    for (i = 0; i < n; i++) {
        size += parts[i].size;
    }

    held = ngx_alloc(size, s->connection->log);
    if (held == NULL) {
        return NULL;
    }

    ngx_memzero(held, sizeof(ngx_http_websocket_held_t));

    held->waiter.handler = ngx_http_websocket_held_publish;
    held->n = n;

    p = held->data;

    for (i = 0; i < n; i++) {

        held->parts[i] = parts[i];

        /* a part may stand for the message's offset, which is not known yet */

        if (parts[i].data != ngx_websocket_store_offset) {
            held->parts[i].data = p;
            p = ngx_cpymem(p, parts[i].data, parts[i].size);
        }
    }

    return held;
}


static void
ngx_http_websocket_held_drop(ngx_http_websocket_work_t *work)
{
    ngx_http_websocket_held_t     *held;
    ngx_http_websocket_session_t  *s;

    held = ngx_queue_data(work, ngx_http_websocket_held_t, work);
    s = work->session;

    if (held->pending) {

        /* the broker publishes the message all the same */

        held->pending->done = NULL;

    } else {
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket zone \"%V\" cannot take the message: it "
                      "cannot be had", &s->conf->zone->name);
    }

    ngx_http_websocket_wait_cancel(&held->waiter);
    ngx_free(held);
}


static ngx_int_t
ngx_http_websocket_held_publish(ngx_http_websocket_waiter_t *waiter)
{
    ngx_http_websocket_held_t  *held;

    held = ngx_queue_data(waiter, ngx_http_websocket_held_t, waiter);

    ngx_http_websocket_work_done(&held->work);

    /* the message may be held again, or the session may be closed */

    (void) ngx_http_websocket_session_publish(held->work.session,
                                              &held->message, held->parts,
                                              held->n);
    ngx_free(held);

    return NGX_OK;
}
