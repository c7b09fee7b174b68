
#include "session/ngx_http_websocket_hold.h"
#include "store/message.h"
#include "message/ngx_http_websocket_intake.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_raw.h"
#include "session/ngx_http_websocket_socket.h"
#include "wire/close.h"


typedef struct {
    ngx_http_websocket_waiter_t     waiter;
    ngx_http_websocket_session_t   *session;
    ngx_uint_t                      priority;
    uint8_t                         type;
    size_t                          n;
    ngx_websocket_store_part_t      parts[NGX_HTTP_WEBSOCKET_INTAKE_PARTS];
    u_char                          data[1];
} ngx_http_websocket_held_t;


static ngx_http_websocket_held_t *ngx_http_websocket_held_copy(
    ngx_http_websocket_session_t *s, ngx_websocket_store_part_t *parts,
    size_t n);
static void ngx_http_websocket_held_drop(void *data);
static ngx_int_t ngx_http_websocket_held_publish(
    ngx_http_websocket_waiter_t *waiter);


ngx_int_t
ngx_http_websocket_hold(ngx_http_websocket_session_t *s, uint8_t type,
    ngx_uint_t priority, ngx_websocket_store_part_t *parts, size_t n)
{
    ngx_http_websocket_held_t  *held;

    held = ngx_http_websocket_held_copy(s, parts, n);

    if (held == NULL
        || ngx_http_websocket_session_pause(s,
                                            NGX_HTTP_WEBSOCKET_PAUSE_MESSAGE)
           != NGX_OK)
    {
        ngx_free(held);
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INTERNAL,
                                       "out of memory");
        return NGX_DONE;
    }

    held->type = type;
    held->priority = priority;

    s->record->aside->pause->cancel = ngx_http_websocket_held_drop;
    s->record->aside->pause->data = held;

    if (ngx_http_websocket_wait(s->conf->zone, &held->waiter) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket zone \"%V\" cannot take the message: it "
                      "cannot be had", &s->conf->zone->name);

        ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_TRY_LATER,
                                         "message not published: the server "
                                         "is busy");
    }

    return NGX_OK;
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
    held->session = s;
    held->n = n;

    p = held->data;

    for (i = 0; i < n; i++) {

        held->parts[i] = parts[i];

        /* one part may be the message's offset, which is not there yet */

        if (parts[i].data != ngx_websocket_store_offset) {
            held->parts[i].data = p;
            p = ngx_cpymem(p, parts[i].data, parts[i].size);
        }
    }

    return held;
}


static void
ngx_http_websocket_held_drop(void *data)
{
    ngx_http_websocket_held_t  *held = data;

    ngx_http_websocket_wait_cancel(&held->waiter);
    ngx_free(held);
}


static ngx_int_t
ngx_http_websocket_held_publish(ngx_http_websocket_waiter_t *waiter)
{
    ngx_http_websocket_held_t     *held;
    ngx_http_websocket_pause_t    *pause;
    ngx_http_websocket_session_t  *s;

    held = ngx_queue_data(waiter, ngx_http_websocket_held_t, waiter);
    s = held->session;
    pause = s->record->aside->pause;

    pause->cancel = NULL;

    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        (void) ngx_http_websocket_raw_publish(s, held->type, held->priority,
                                              held->parts, held->n);
    }

    /* it may be held again, or the session be closed */

    if (pause->cancel == NULL) {
        ngx_http_websocket_session_resume(s, NGX_HTTP_WEBSOCKET_PAUSE_MESSAGE);
    }

    ngx_free(held);

    return NGX_OK;
}
