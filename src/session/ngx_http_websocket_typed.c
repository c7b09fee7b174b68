
#include "session/ngx_http_websocket_typed.h"
#include "message/ngx_http_websocket_filters.h"
#include "session/ngx_http_websocket_collect.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_raw.h"
#include "session/ngx_http_websocket_select.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/close.h"


static ngx_int_t ngx_http_websocket_typed_end(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_typed_filter(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in);
static ngx_uint_t ngx_http_websocket_typed_begins(u_char *p, u_char *last,
    u_char letter);
static ngx_int_t ngx_http_websocket_typed_refilter(
    ngx_http_websocket_session_t *s, json_t *json);
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
    ngx_str_t                    channel;
    ngx_websocket_stamp_t        stamp;
    ngx_http_websocket_intake_t  in;

    ngx_memzero(&in, sizeof(ngx_http_websocket_intake_t));

    in.use = s->conf->typed.receive;
    in.priority_field = &s->conf->priority_field;
    in.max = s->conf->max_message_size;
    in.type = type;
    in.data = data;
    in.size = size;

    if (s->conf->typed.stamp) {
        ngx_http_websocket_session_channel(s, &channel);
        ngx_http_websocket_stamp_set(&stamp, s->conf->typed.stamp, &channel,
                                     s->record->extra
                                     ? &s->record->extra->from : NULL);
        in.stamp = &stamp;
    }

    rc = ngx_http_websocket_typed_take(s, &in);

    ngx_http_websocket_intake_done(&in);

    return rc;
}


static ngx_int_t
ngx_http_websocket_typed_take(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    ngx_int_t                   rc;
    ngx_uint_t                  n, collects;
    ngx_websocket_store_part_t  parts[NGX_HTTP_WEBSOCKET_INTAKE_PARTS];

    if (s->conf->typed.filter && s->nsubscriptions) {

        rc = ngx_http_websocket_typed_filter(s, in);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (s->conf->subscribes && !s->conf->publishes) {
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_POLICY,
                              "this stream does not take messages but filters");
        return NGX_DONE;
    }

    collects = s->conf->typed.collect
               && s->conf->publishes && !s->conf->subscribes;

    rc = collects ? ngx_http_websocket_collect_ends(in) : NGX_DECLINED;

    if (rc == NGX_OK) {
        return ngx_http_websocket_typed_end(s);
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_websocket_intake(in);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_websocket_typed_violation(s, &in->error);
    }

    if (rc == NGX_OK && collects) {
        rc = ngx_http_websocket_collect(s, in);
    }

    switch (rc) {

    case NGX_OK:
        n = ngx_http_websocket_intake_parts(in, parts);

        return ngx_http_websocket_raw_publish(s, in->type, in->priority,
                                              parts, n);

    case NGX_DECLINED:
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_TOO_BIG,
                                    "collected messages exceed the maximum");
        return NGX_DONE;

    default:  /* NGX_ERROR */
        return ngx_http_websocket_typed_out_of_memory(s);
    }
}


/* the client has sent all: it gets the answer, and nothing else */

static ngx_int_t
ngx_http_websocket_typed_end(ngx_http_websocket_session_t *s)
{
    ngx_int_t                   rc;
    ngx_websocket_json_text_t  *all;

    all = ngx_http_websocket_collected(s);

    if (all == NULL) {
        return ngx_http_websocket_typed_out_of_memory(s);
    }

    rc = ngx_http_websocket_typed_answer(s, all->data, all->size);

    if (rc != NGX_OK) {
        return rc;
    }

    /* what comes yet is read on, for the client's Close */

    ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_NORMAL,
                                     "the stream has ended");
    return NGX_OK;
}


/* {"filter":...} and nothing else: NGX_DECLINED when it is something else */

static ngx_int_t
ngx_http_websocket_typed_filter(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    json_t                       *json, *filter;
    ngx_int_t                     rc;
    ngx_websocket_json_e          decoded;
    ngx_websocket_json_error_t    error;
    ngx_websocket_json_limits_t   limits;

    if (in->type != NGX_WEBSOCKET_TEXT
        || !ngx_http_websocket_typed_begins(in->data, in->data + in->size,
                                            'f'))
    {
        return NGX_DECLINED;
    }

    limits.size = NGX_MAX_INT32_VALUE;
    limits.depth = NGX_HTTP_WEBSOCKET_FILTER_DEPTH;
    limits.values = NGX_HTTP_WEBSOCKET_FILTER_VALUES;

    decoded = ngx_websocket_json_decode((char *) in->data, in->size, &limits,
                                        &json, &error);

    if (decoded != NGX_WEBSOCKET_JSON_OK) {
        return decoded == NGX_WEBSOCKET_JSON_REFUSED
               ? NGX_DECLINED : ngx_http_websocket_typed_out_of_memory(s);
    }

    filter = json_object_get(json, "filter");
    rc = NGX_DECLINED;

    if (filter && json_object_size(json) == 1) {
        rc = ngx_http_websocket_typed_refilter(s, filter);
    }

    json_decref(json);

    return rc;
}


/* it may be an object whose first name begins with that letter */

static ngx_uint_t
ngx_http_websocket_typed_begins(u_char *p, u_char *last, u_char letter)
{
    static u_char   signs[] = "{\"";

    u_char         *sign;

    for (sign = signs; *sign; sign++) {

        while (p < last
               && (*p == ' ' || *p == '\t' || *p == CR || *p == LF))
        {
            p++;
        }

        if (p == last || *p++ != *sign) {
            return 0;
        }
    }

    return p < last && (*p == letter || *p == '\\');
}


static ngx_int_t
ngx_http_websocket_typed_refilter(ngx_http_websocket_session_t *s,
    json_t *json)
{
    ngx_int_t                    rc;
    ngx_websocket_filter_t      *filter;
    ngx_websocket_json_error_t   error;

    rc = NGX_OK;
    filter = NULL;

    if (!json_is_null(json)) {
        rc = ngx_http_websocket_filters_compile(json, s->conf, s->first.view,
                                                &filter, &error);
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_websocket_typed_report(s, "invalid_filter", &error);

        return rc == NGX_OK ? ngx_http_websocket_session_error(s) : rc;
    }

    if (rc != NGX_OK || ngx_http_websocket_select_by(s, filter) != NGX_OK) {
        return ngx_http_websocket_typed_out_of_memory(s);
    }

    return ngx_http_websocket_typed_answer(s, "{\"filter\":\"ok\"}",
                                          sizeof("{\"filter\":\"ok\"}") - 1);
}


/* a message is not what it is to be: this is where such are counted */

static ngx_int_t
ngx_http_websocket_typed_violation(ngx_http_websocket_session_t *s,
    ngx_websocket_json_error_t *error)
{
    ngx_int_t  rc;

    s->conf->stats->rejected[NGX_HTTP_WEBSOCKET_REJECTED_INVALID]++;

    rc = ngx_http_websocket_typed_report(s, "invalid_message", error);

    if (rc != NGX_OK) {
        return rc;
    }

    if (s->conf->typed.receive == NULL || !s->conf->typed.receive->close) {
        return ngx_http_websocket_session_error(s);
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


static ngx_int_t
ngx_http_websocket_typed_answer(ngx_http_websocket_session_t *s,
    const char *data, size_t size)
{
    return ngx_http_websocket_send_answer(s,
                 ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                                 | NGX_WEBSOCKET_TEXT,
                                                 (u_char *) data, size,
                                                 s->connection->log));
}


static ngx_int_t
ngx_http_websocket_typed_out_of_memory(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INTERNAL,
                                   "out of memory");
    return NGX_DONE;
}
