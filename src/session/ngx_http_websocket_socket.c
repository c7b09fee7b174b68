
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_head.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_read.h"
#include "session/ngx_http_websocket_tls.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/close.h"
#include "wire/frame.h"


static ngx_int_t ngx_http_websocket_socket_prepare(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r, ngx_uint_t n);
static void ngx_http_websocket_socket_start(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_socket_begin(ngx_event_t *ev);
static void ngx_http_websocket_socket_shared(ngx_event_t *ev);
static void ngx_http_websocket_socket_say_close(
    ngx_http_websocket_session_t *s, uint16_t code, const u_char *reason,
    size_t size);
static void ngx_http_websocket_socket_queue_close(
    ngx_http_websocket_session_t *s, uint16_t code, const u_char *reason,
    size_t size);
static uint64_t ngx_http_websocket_socket_bytes_out(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_socket_end(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_socket_forget(ngx_http_websocket_session_t *s);


const ngx_http_websocket_transport_t  ngx_http_websocket_socket = {
    ngx_http_websocket_socket_prepare,
    ngx_http_websocket_socket_start,
    ngx_http_websocket_socket_flush,
    ngx_http_websocket_socket_bytes_out,
    ngx_http_websocket_socket_end,
    ngx_http_websocket_socket_forget,
    ngx_http_websocket_socket_fail,
    1
};


static ngx_int_t
ngx_http_websocket_socket_prepare(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_uint_t n)
{
    /* the session outlives the request */

    s->record = ngx_calloc(sizeof(ngx_http_websocket_record_t),
                           r->connection->log);

    return s->record ? NGX_OK : NGX_ERROR;
}


static void
ngx_http_websocket_socket_start(ngx_http_websocket_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connection;

    /*
     * c->data must remain the request until nginx has left its phases; the
     * session begins in an event of its own.
     */

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    c->read->handler = ngx_http_websocket_socket_begin;
    c->write->handler = ngx_http_websocket_socket_begin;

    ngx_post_event(c->write, &ngx_posted_events);
}


static void
ngx_http_websocket_socket_begin(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_websocket_ctx_t      *ctx;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_websocket_session_t  *s;

    c = ev->data;
    r = c->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    s = ctx->session;

    c->log->action = "streaming websocket messages";

    if (r->count == 1) {
        ngx_http_websocket_socket_own(s);

    } else {
        c->read->handler = ngx_http_websocket_socket_shared;
        c->write->handler = ngx_http_websocket_socket_shared;
    }

    /* as ngx_http_set_keepalive() does */

    if (c->tcp_nopush == NGX_TCP_NOPUSH_SET) {
        if (ngx_tcp_push(c->fd) == -1) {
            ngx_connection_error(c, ngx_socket_errno,
                                 ngx_tcp_push_n " failed");
            ngx_http_websocket_session_free(s);
            return;
        }

        c->tcp_nopush = NGX_TCP_NOPUSH_UNSET;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_http_websocket_session_free(s);
        return;
    }

    ngx_http_websocket_write(s);
}


void
ngx_http_websocket_socket_own(ngx_http_websocket_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connection;

    c->data = s;
    c->read->handler = ngx_http_websocket_read_handler;
    c->write->handler = ngx_http_websocket_write_handler;
}


/*
 * The request has subrequests that go on, as "mirror" makes them: nginx comes
 * back to them by way of c->data, which remains the request.
 */

static void
ngx_http_websocket_socket_shared(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_http_request_t        *r;
    ngx_http_websocket_ctx_t  *ctx;

    c = ev->data;
    r = c->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ev->write) {
        ngx_http_websocket_write(ctx->session);

    } else {
        ngx_http_websocket_read(ctx->session);
    }
}


void
ngx_http_websocket_socket_ping(ngx_http_websocket_session_t *s)
{
    static u_char  ping[] = { NGX_WEBSOCKET_FIN | NGX_WEBSOCKET_PING, 0 };

    s->ping_open = 1;
    s->heard = ngx_http_websocket_now();

    if (ngx_http_websocket_direct_ready(s)) {
        ngx_http_websocket_direct_write(s, ping, sizeof(ping));

    } else {
        (void) ngx_http_websocket_send_control(s, NGX_WEBSOCKET_PING, NULL, 0);
    }

    ngx_http_websocket_progress_mark(s);
}


void
ngx_http_websocket_socket_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size)
{
    ngx_http_websocket_socket_queue_close(s, code, reason, size);

    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        s->state = NGX_HTTP_WEBSOCKET_CLOSE_SENT;
    }
}


void
ngx_http_websocket_socket_fail(ngx_http_websocket_session_t *s,
    uint16_t code, const char *text)
{
    if (s->state >= NGX_HTTP_WEBSOCKET_CLOSE_LAST) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "websocket session closed with %ui: %s",
                  (ngx_uint_t) code, text);

    if (!s->close_queued) {
        ngx_http_websocket_socket_say_close(s, code, (const u_char *) text,
                                            ngx_strlen(text));
    }

    s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;
    s->linger = 1;

    ngx_http_websocket_post_flush(s);
    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_socket_closed_by_peer(ngx_http_websocket_session_t *s,
    u_char *payload, size_t size)
{
    uint16_t  code, error;

    error = ngx_websocket_close_parse(payload, size, &code);

    if (error) {
        ngx_http_websocket_socket_fail(s, error,
                                         error == NGX_WEBSOCKET_CLOSE_INVALID
                                         ? "close reason is not UTF-8"
                                         : "invalid close code or payload");
        return;
    }

    if (!s->close_queued) {

        /*
         * answers to what the client sent go before our Close; it listens no
         * more
         */

        ngx_http_websocket_queue_leave(s);

        ngx_http_websocket_socket_say_close(s, code, NULL, 0);

        if (size > 2) {
            ngx_http_websocket_session_note(s, code, payload + 2, size - 2);
        }
    }

    s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;

    ngx_http_websocket_post_flush(s);
    ngx_http_websocket_session_schedule(s);
}


/* the session fails for a reason of RFC 6455 */

static void
ngx_http_websocket_socket_say_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size)
{
    s->close_queued = 1;
    s->record->leave = ngx_http_websocket_now();

    ngx_http_websocket_session_part(s);
    ngx_http_websocket_session_note(s, code, reason, size);

    ngx_http_websocket_socket_queue_close(s, code, reason, size);
    ngx_http_websocket_progress_mark(s);

    ngx_http_websocket_session_resume_all(s);
}


static void
ngx_http_websocket_socket_queue_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size)
{
    u_char  payload[NGX_WEBSOCKET_CONTROL_SIZE];

    size = ngx_websocket_close_payload(payload, code, reason, size);

    /*
     * without memory for the Close the timer ends the connection all the same
     */

    (void) ngx_http_websocket_send_control(s, NGX_WEBSOCKET_CLOSE, payload,
                                           size);
}


static uint64_t
ngx_http_websocket_socket_bytes_out(ngx_http_websocket_session_t *s)
{
    if (s->state == NGX_HTTP_WEBSOCKET_UPGRADING) {
        return 0;
    }

    return s->connection->sent - s->record->upgraded;
}


static void
ngx_http_websocket_socket_end(ngx_http_websocket_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connection;

    /* writes the access log's line, whose variables need the session */

    ngx_http_websocket_request_end(s);

#if (NGX_HTTP_SSL)
    if (s->tls) {
        ngx_http_websocket_tls_end(s);
    }
#endif

    ngx_http_websocket_session_dispose(s);

    ngx_http_close_connection(c);
}


static void
ngx_http_websocket_socket_forget(ngx_http_websocket_session_t *s)
{
    ngx_free(s->record);
}
