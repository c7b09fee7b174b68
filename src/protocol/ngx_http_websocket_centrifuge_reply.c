
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/close.h"
#include "wire/frame.h"


const ngx_http_websocket_close_t  ngx_http_websocket_centrifuge_closes[] = {
    [NGX_HTTP_WEBSOCKET_REASON_TOO_SLOW] = { 3008, 1, "slow" },
    [NGX_HTTP_WEBSOCKET_REASON_QUEUE_MEMORY] = {
        3004, 1, "internal server error"
    },
    [NGX_HTTP_WEBSOCKET_REASON_LOST] = { 3010, 1, "insufficient state" },
    [NGX_HTTP_WEBSOCKET_REASON_DELETED] = { 3010, 0, "insufficient state" },
    [NGX_HTTP_WEBSOCKET_REASON_IDLE] = { 3503, 0, "no message for too long" },
    [NGX_HTTP_WEBSOCKET_REASON_NO_PONG] = { 3012, 0, "no pong" },
    [NGX_HTTP_WEBSOCKET_REASON_RESTART] = { 3001, 0, "shutdown" },
    [NGX_HTTP_WEBSOCKET_REASON_SHUTDOWN] = { 3001, 0, "shutdown" },
    [NGX_HTTP_WEBSOCKET_REASON_DEAF] = { 3001, 0, "shutdown" },
    [NGX_HTTP_WEBSOCKET_REASON_EXPIRED] = { 3005, 0, "connection expired" },
    [NGX_HTTP_WEBSOCKET_REASON_REVOKED] = { 3500, 0, "invalid token" },
    [NGX_HTTP_WEBSOCKET_REASON_WRONG_TOKENS] = { 3500, 0, "invalid token" },
    [NGX_HTTP_WEBSOCKET_REASON_TOKEN_LACKS] = { 3500, 0, "invalid token" },
    [NGX_HTTP_WEBSOCKET_REASON_NO_RIGHT] = { 3507, 0, "permission denied" },
    [NGX_HTTP_WEBSOCKET_REASON_NO_SPACE] = {
        3004, 1, "internal server error"
    },
    [NGX_HTTP_WEBSOCKET_REASON_BUSY] = { 3004, 1, "internal server error" },
    [NGX_HTTP_WEBSOCKET_REASON_ENDED] = {
        NGX_WEBSOCKET_CLOSE_NORMAL, 0, "the stream has ended"
    },
    [NGX_HTTP_WEBSOCKET_REASON_UNWANTED] = { 3501, 0, "bad request" },
    [NGX_HTTP_WEBSOCKET_REASON_ONLY_FILTERS] = { 3501, 0, "bad request" },
    [NGX_HTTP_WEBSOCKET_REASON_INVALID] = { 3501, 0, "bad request" },
    [NGX_HTTP_WEBSOCKET_REASON_TOO_BIG] = {
        NGX_WEBSOCKET_CLOSE_TOO_BIG, 0, "message exceeds the maximum size"
    },
    [NGX_HTTP_WEBSOCKET_REASON_COLLECTED] = {
        NGX_WEBSOCKET_CLOSE_TOO_BIG, 0, "collected messages exceed the maximum"
    },
    [NGX_HTTP_WEBSOCKET_REASON_FRAGMENTS] = { 3501, 0, "bad request" },
    [NGX_HTTP_WEBSOCKET_REASON_NOT_UTF8] = { 3501, 0, "bad request" },
    [NGX_HTTP_WEBSOCKET_REASON_CUT_UTF8] = { 3501, 0, "bad request" },
    [NGX_HTTP_WEBSOCKET_REASON_NOT_DEFLATE] = { 3501, 0, "bad request" },
    [NGX_HTTP_WEBSOCKET_REASON_MESSAGES] = { 3013, 0, "too many requests" },
    [NGX_HTTP_WEBSOCKET_REASON_BYTES] = { 3013, 0, "too many requests" },
    [NGX_HTTP_WEBSOCKET_REASON_PINGS] = { 3013, 0, "too many requests" },
    [NGX_HTTP_WEBSOCKET_REASON_ERRORS] = { 3509, 0, "too many errors" },
    [NGX_HTTP_WEBSOCKET_REASON_MEMORY] = { 3004, 0, "internal server error" }
};


_Static_assert(sizeof(ngx_http_websocket_centrifuge_closes)
               / sizeof(ngx_http_websocket_close_t)
               == NGX_HTTP_WEBSOCKET_REASONS,
               "each reason has a code");


static const struct {
    ngx_uint_t                    code;
    const char                   *reason;

} ngx_http_websocket_disconnects[] = {
    { NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL, "internal server error" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_EXPIRED, "connection expired" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_SUBSCRIPTION_EXPIRED,
      "subscription expired" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_NO_PONG, "no pong" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_INVALID_TOKEN, "invalid token" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST, "bad request" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_STALE, "stale" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_FORCED, "force disconnect" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_CHANNEL_LIMIT, "channel limit" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_PERMISSION_DENIED, "permission denied" },
    { NGX_HTTP_WEBSOCKET_DISCONNECT_NOT_AVAILABLE, "not available" },
    { 0, "" }
};


static ngx_websocket_json_text_t  ngx_http_websocket_centrifuge_scratch;


void
ngx_http_websocket_centrifuge_reply_to(ngx_websocket_reply_t *reply,
    const ngx_websocket_command_t *command)
{
    ngx_memzero(reply, sizeof(ngx_websocket_reply_t));

    reply->id = command->id;
    reply->kind = command->kind;
}


ngx_int_t
ngx_http_websocket_centrifuge_answer(ngx_http_websocket_session_t *s,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_json_text_t                   *text;
    const ngx_http_websocket_centrifuge_form_t  *form;

    form = ngx_http_websocket_centrifuge_form_of(s);
    text = ngx_http_websocket_centrifuge_text();

    form->codec->reply(text, reply);

    return ngx_http_websocket_send_answer(s,
                 ngx_http_websocket_centrifuge_frame(form, text,
                                                     s->connection->log));
}


ngx_int_t
ngx_http_websocket_centrifuge_error(ngx_http_websocket_session_t *s,
    const ngx_websocket_command_t *command, ngx_websocket_error_e error)
{
    ngx_websocket_reply_t  reply;

    ngx_http_websocket_centrifuge_reply_to(&reply, command);

    reply.error = error;

    if (ngx_http_websocket_centrifuge_answer(s, &reply) != NGX_OK) {
        return NGX_DONE;
    }

    return ngx_http_websocket_session_error(s);
}


void
ngx_http_websocket_centrifuge_unsubscribed(ngx_http_websocket_session_t *s,
    ngx_str_t *channel, ngx_http_websocket_unsubscribed_e code)
{
    ngx_websocket_push_t  push;

    ngx_memzero(&push, sizeof(ngx_websocket_push_t));

    push.kind = NGX_WEBSOCKET_PUSH_UNSUBSCRIBE;
    push.channel.data = (char *) channel->data;
    push.channel.size = channel->len;
    push.code = code;
    push.reason = code == NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_SERVER
                  ? "server unsubscribe"
                  : code == NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_STATE
                  ? "insufficient state" : "subscription expired";

    ngx_http_websocket_centrifuge_tell(s, &push);
}


void
ngx_http_websocket_centrifuge_refreshed(ngx_http_websocket_session_t *s,
    uint32_t ttl)
{
    ngx_websocket_push_t  push;

    ngx_memzero(&push, sizeof(ngx_websocket_push_t));

    push.kind = NGX_WEBSOCKET_PUSH_REFRESH;
    push.ttl = ttl;

    ngx_http_websocket_centrifuge_tell(s, &push);
}


void
ngx_http_websocket_centrifuge_tell(ngx_http_websocket_session_t *s,
    const ngx_websocket_push_t *push)
{
    ngx_websocket_json_text_t                   *text;
    const ngx_http_websocket_centrifuge_form_t  *form;

    form = ngx_http_websocket_centrifuge_form_of(s);
    text = ngx_http_websocket_centrifuge_text();

    form->codec->push(text, push);

    (void) ngx_http_websocket_send_answer(s,
                 ngx_http_websocket_centrifuge_frame(form, text,
                                                     s->connection->log));
}


ngx_int_t
ngx_http_websocket_centrifuge_disconnect(ngx_http_websocket_session_t *s,
    ngx_http_websocket_disconnect_e code)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_websocket_disconnects[i].code != code; i++) {
        /* void */
    }

    ngx_http_websocket_session_close_code(s, code,
                                     ngx_http_websocket_disconnects[i].reason);

    return NGX_OK;
}


ngx_websocket_json_text_t *
ngx_http_websocket_centrifuge_text(void)
{
    ngx_websocket_json_text_t  *text;

    text = &ngx_http_websocket_centrifuge_scratch;

    if (text->failed || text->alloc > NGX_HTTP_WEBSOCKET_CENTRIFUGE_TEXT) {
        ngx_websocket_json_text_done(text);
    }

    text->size = 0;

    return text;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_centrifuge_frame(
    const ngx_http_websocket_centrifuge_form_t *form,
    ngx_websocket_json_text_t *text, ngx_log_t *log)
{
    u_char                      *p;
    ngx_http_websocket_frame_t  *frame;

    if (text->failed) {
        return NULL;
    }

    if (!form->emulated) {
        return ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                               | form->codec->opcode,
                                               (u_char *) text->data,
                                               text->size, log);
    }

    frame = ngx_http_websocket_frame_alloc(form->before.len + text->size
                                           + form->after.len, log);
    if (frame == NULL) {
        return NULL;
    }

    p = ngx_cpymem(frame->data, form->before.data, form->before.len);
    p = ngx_cpymem(p, text->data, text->size);
    ngx_memcpy(p, form->after.data, form->after.len);

    return frame;
}
