
#include "hook/ngx_http_websocket_hook.h"
#include "hub/ngx_http_websocket_stats.h"


#define ngx_http_websocket_question_literal(text, literal)                    \
    ngx_websocket_json_append(text, literal, sizeof(literal) - 1)


static void ngx_http_websocket_question_name(ngx_websocket_json_text_t *text,
    const char *name);
static void ngx_http_websocket_question_base64(
    ngx_websocket_json_text_t *text, const u_char *data, size_t size);
static void ngx_http_websocket_verdict_answered(
    ngx_http_websocket_call_t *call, ngx_http_websocket_verdict_t *verdict);
static void ngx_http_websocket_verdict_read(ngx_http_websocket_call_t *call,
    ngx_http_websocket_verdict_t *verdict);
static void ngx_http_websocket_verdict_failed(ngx_http_websocket_call_t *call,
    ngx_http_websocket_verdict_t *verdict, const char *why,
    ngx_websocket_json_error_t *error);
static const char *ngx_http_websocket_call_text(ngx_http_websocket_call_e rc);


void
ngx_http_websocket_question(ngx_websocket_json_text_t *text,
    ngx_http_websocket_hook_t *hook, ngx_http_websocket_loc_conf_t *conf,
    ngx_http_websocket_asker_t *asker)
{
    u_char  id[sizeof("0123456789abcdef-") + NGX_INT64_LEN];
    u_char  *p;

    p = ngx_sprintf(id, "%016xL-%uL", asker->session, asker->number);

    ngx_http_websocket_question_literal(text, "{\"event\":\"");
    ngx_websocket_json_append(text, hook->name.data, hook->name.len);
    ngx_http_websocket_question_literal(text, "\"");

    ngx_http_websocket_question_add(text, "id", id, p - id);
    ngx_http_websocket_question_add(text, "session", id, 16);

    if (asker->user.len) {
        ngx_http_websocket_question_add(text, "user", asker->user.data,
                                        asker->user.len);
    }

    ngx_http_websocket_question_add(text, "location", conf->location.data,
                                    conf->location.len);

    if (asker->state.len) {
        ngx_http_websocket_question_name(text, "state");
        ngx_websocket_json_append(text, asker->state.data, asker->state.len);
    }
}


static void
ngx_http_websocket_question_name(ngx_websocket_json_text_t *text,
    const char *name)
{
    ngx_http_websocket_question_literal(text, ",\"");
    ngx_websocket_json_append(text, name, ngx_strlen(name));
    ngx_http_websocket_question_literal(text, "\":");
}


void
ngx_http_websocket_question_add(ngx_websocket_json_text_t *text,
    const char *name, const u_char *data, size_t size)
{
    ngx_http_websocket_question_name(text, name);
    ngx_websocket_json_append_string(text, (const char *) data, size);
}


void
ngx_http_websocket_question_message(ngx_websocket_json_text_t *text,
    ngx_uint_t binary, const u_char *data, size_t size)
{
    if (!binary) {
        ngx_http_websocket_question_literal(text, ",\"type\":\"text\"");
        ngx_http_websocket_question_add(text, "data", data, size);

        return;
    }

    ngx_http_websocket_question_literal(text, ",\"type\":\"binary\"");
    ngx_http_websocket_question_name(text, "data_base64");
    ngx_http_websocket_question_base64(text, data, size);
}


static void
ngx_http_websocket_question_base64(ngx_websocket_json_text_t *text,
    const u_char *data, size_t size)
{
    size_t     n;
    u_char     chunk[ngx_base64_encoded_length(768)];
    ngx_str_t  from, to;

    ngx_http_websocket_question_literal(text, "\"");

    while (size) {

        /* a multiple of three: nothing is filled up before the end */

        n = ngx_min(size, 768);

        from.data = (u_char *) data;
        from.len = n;
        to.data = chunk;

        ngx_encode_base64(&to, &from);
        ngx_websocket_json_append(text, to.data, to.len);

        data += n;
        size -= n;
    }

    ngx_http_websocket_question_literal(text, "\"");
}


void
ngx_http_websocket_question_list(ngx_websocket_json_text_t *text,
    const char *name, ngx_str_t *list, ngx_uint_t n)
{
    ngx_uint_t  i;

    ngx_http_websocket_question_name(text, name);
    ngx_http_websocket_question_literal(text, "[");

    for (i = 0; i < n; i++) {

        if (i) {
            ngx_http_websocket_question_literal(text, ",");
        }

        ngx_websocket_json_append_string(text, (char *) list[i].data,
                                         list[i].len);
    }

    ngx_http_websocket_question_literal(text, "]");
}


void
ngx_http_websocket_question_end(ngx_websocket_json_text_t *text)
{
    ngx_http_websocket_question_literal(text, "}");
}


void
ngx_http_websocket_verdict(ngx_http_websocket_call_t *call,
    ngx_http_websocket_verdict_t *verdict)
{
    ngx_memzero(verdict, sizeof(ngx_http_websocket_verdict_t));

    if (call->rc == NGX_HTTP_WEBSOCKET_CALL_ANSWERED) {
        ngx_http_websocket_verdict_answered(call, verdict);
        return;
    }

    ngx_http_websocket_verdict_failed(call, verdict,
                                      ngx_http_websocket_call_text(call->rc),
                                      NULL);
}


static void
ngx_http_websocket_verdict_answered(ngx_http_websocket_call_t *call,
    ngx_http_websocket_verdict_t *verdict)
{
    if (call->status < NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_websocket_verdict_read(call, verdict);
        return;
    }

    if (call->status < NGX_HTTP_BAD_REQUEST
        || call->status >= NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        ngx_http_websocket_verdict_failed(call, verdict, "status", NULL);
        return;
    }

    verdict->rc = NGX_HTTP_WEBSOCKET_VERDICT_REFUSED;
    verdict->status = call->status;

    /* the page of an error says no more than the status does */

    (void) ngx_websocket_answer_read((char *) call->body.data, call->body.len,
                                     &verdict->answer,
                                     &(ngx_websocket_json_error_t) { "", "" });
}


static void
ngx_http_websocket_verdict_read(ngx_http_websocket_call_t *call,
    ngx_http_websocket_verdict_t *verdict)
{
    ngx_websocket_json_error_t  error;

    switch (ngx_websocket_answer_read((char *) call->body.data, call->body.len,
                                      &verdict->answer, &error))
    {
    case NGX_WEBSOCKET_JSON_OK:

        if (verdict->answer.code) {
            verdict->rc = NGX_HTTP_WEBSOCKET_VERDICT_REFUSED;
            verdict->status = NGX_HTTP_FORBIDDEN;
        }

        return;

    case NGX_WEBSOCKET_JSON_REFUSED:
        ngx_http_websocket_verdict_failed(call, verdict,
                                          "the answer cannot be used", &error);
        return;

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        ngx_http_websocket_verdict_failed(call, verdict, "no memory", NULL);
    }
}


/* the log is told where the answer is wrong, but nothing that is in it */

static void
ngx_http_websocket_verdict_failed(ngx_http_websocket_call_t *call,
    ngx_http_websocket_verdict_t *verdict, const char *why,
    ngx_websocket_json_error_t *error)
{
    ngx_http_websocket_hook_t  *hook;

    hook = call->hook;

    call->conf->stats->hook_failures[hook->event]++;

    ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                  "websocket_hook %V \"%V\" has failed after %M ms, status "
                  "%ui: %s%s%s%s%s", &hook->name, &hook->target, call->time,
                  call->status, why, error ? ": " : "",
                  error ? error->path : "", error && error->path[0] ? ": " : "",
                  error ? error->rule : "");

    verdict->rc = hook->open ? NGX_HTTP_WEBSOCKET_VERDICT_GO
                             : NGX_HTTP_WEBSOCKET_VERDICT_FAILED;
}


static const char *
ngx_http_websocket_call_text(ngx_http_websocket_call_e rc)
{
    switch (rc) {

    case NGX_HTTP_WEBSOCKET_CALL_CUT:
        return "the answer ended early";

    case NGX_HTTP_WEBSOCKET_CALL_LARGE:
        return "the answer has more than 64k";

    case NGX_HTTP_WEBSOCKET_CALL_LATE:
        return "no answer came in time";

    case NGX_HTTP_WEBSOCKET_CALL_FULL:
        return "too many calls wait";

    default:  /* NGX_HTTP_WEBSOCKET_CALL_FAILED */
        return "no memory, or no connection";
    }
}


ngx_int_t
ngx_http_websocket_answer_data(ngx_websocket_answer_t *answer,
    ngx_websocket_json_text_t *text)
{
    ngx_int_t  rc;
    ngx_str_t  from, to;

    ngx_memzero(text, sizeof(ngx_websocket_json_text_t));

    if (json_is_string(answer->data)) {
        ngx_websocket_json_append(text, json_string_value(answer->data),
                                  json_string_length(answer->data));

    } else if (answer->data) {
        ngx_websocket_json_append_value(text, answer->data);

    } else if (answer->data_base64 == NULL) {
        return NGX_DECLINED;
    }

    if (answer->data) {
        return text->failed ? NGX_ERROR : NGX_OK;
    }

    from.data = (u_char *) json_string_value(answer->data_base64);
    from.len = json_string_length(answer->data_base64);

    to.data = ngx_alloc(ngx_base64_decoded_length(from.len) + 1,
                        ngx_cycle->log);
    if (to.data == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_decode_base64(&to, &from);

    if (rc == NGX_OK) {
        ngx_websocket_json_append(text, to.data, to.len);
    }

    ngx_free(to.data);

    if (rc != NGX_OK) {
        return NGX_ABORT;
    }

    return text->failed ? NGX_ERROR : NGX_OK;
}
