
#include "session/ngx_http_websocket_typed.h"


static ngx_int_t ngx_http_websocket_typed_take(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in);
static ngx_int_t ngx_http_websocket_typed_violation(
    ngx_http_websocket_session_t *s, ngx_websocket_json_error_t *error);
static ngx_int_t ngx_http_websocket_typed_report(
    ngx_http_websocket_session_t *s, const char *code,
    ngx_websocket_json_error_t *error);
static ngx_int_t ngx_http_websocket_typed_answer(
    ngx_http_websocket_session_t *s, const char *data, size_t size);
static ngx_int_t ngx_http_websocket_typed_out_of_memory(
    ngx_http_websocket_session_t *s);


ngx_int_t
ngx_http_websocket_typed_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size)
{
    ngx_int_t                    rc;
    ngx_http_websocket_intake_t  in;

    ngx_memzero(&in, sizeof(ngx_http_websocket_intake_t));

    in.use = s->conf->typed.receive;
    in.priority_field = &s->conf->priority_field;
    in.type = type;
    in.data = data;
    in.size = size;

    rc = ngx_http_websocket_typed_take(s, &in);

    ngx_http_websocket_intake_done(&in);

    return rc;
}


static ngx_int_t
ngx_http_websocket_typed_take(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    switch (ngx_http_websocket_intake(in)) {

    case NGX_OK:
        return ngx_http_websocket_raw_publish(s, in->type, in->priority,
                                              in->data, in->size);

    case NGX_DECLINED:
        return ngx_http_websocket_typed_violation(s, &in->error);

    default:  /* NGX_ERROR */
        return ngx_http_websocket_typed_out_of_memory(s);
    }
}


/* a message is not what it is to be: this is where such are counted */

static ngx_int_t
ngx_http_websocket_typed_violation(ngx_http_websocket_session_t *s,
    ngx_websocket_json_error_t *error)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_typed_report(s, "invalid_message", error);

    if (rc != NGX_OK || s->conf->typed.receive == NULL
        || !s->conf->typed.receive->close)
    {
        return rc;
    }

    ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INVALID,
                                   "invalid message");
    return NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_typed_report(ngx_http_websocket_session_t *s,
    const char *code, ngx_websocket_json_error_t *error)
{
    ngx_int_t                  rc;
    ngx_websocket_json_text_t  text;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_http_websocket_intake_report(&text, code, error);

    rc = text.failed
         ? ngx_http_websocket_typed_out_of_memory(s)
         : ngx_http_websocket_typed_answer(s, text.data, text.size);

    ngx_websocket_json_text_done(&text);

    return rc;
}


/*
 * A text message of our own.  Who asks for many and reads none of them has a
 * bound, which is that of its send queue.
 */

static ngx_int_t
ngx_http_websocket_typed_answer(ngx_http_websocket_session_t *s,
    const char *data, size_t size)
{
    ngx_int_t                    rc;
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                            | NGX_WEBSOCKET_TEXT,
                                            (u_char *) data, size,
                                            s->connection->log);
    if (frame == NULL) {
        return ngx_http_websocket_typed_out_of_memory(s);
    }

    frame->message = 1;
    frame->priority = NGX_HTTP_WEBSOCKET_NORMAL;
    frame->time = ngx_http_websocket_zone_now();

    rc = ngx_http_websocket_send(s, frame);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_TRY_LATER,
                                     rc == NGX_DECLINED
                                     ? "too slow: the send queue is full"
                                     : "out of memory");
    return NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_typed_out_of_memory(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INTERNAL,
                                   "out of memory");
    return NGX_DONE;
}
