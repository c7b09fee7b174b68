
#include "session/ngx_http_websocket_typed.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "message/fields.h"
#include "session/ngx_http_websocket_ack.h"
#include "session/ngx_http_websocket_collect.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_select.h"
#include "session/ngx_http_websocket_session_publish.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"


static ngx_int_t ngx_http_websocket_typed_end(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_typed_filter(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in,
    ngx_int_t *rc);
static ngx_int_t ngx_http_websocket_typed_publish(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in);
static ngx_uint_t ngx_http_websocket_typed_no_filter(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in,
    ngx_websocket_json_error_t *error, ngx_int_t *rc);
static ngx_uint_t ngx_http_websocket_typed_begins(u_char *p, u_char *last,
    u_char letter);
static ngx_int_t ngx_http_websocket_typed_bare(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in);
static ngx_int_t ngx_http_websocket_typed_refilter(
    ngx_http_websocket_session_t *s, json_t *json, json_t *replay,
    ngx_uint_t quiet);
static ngx_int_t ngx_http_websocket_typed_misfilter(
    ngx_http_websocket_session_t *s, ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_http_websocket_typed_replay(
    ngx_http_websocket_session_t *s, json_t *json, ngx_uint_t *newest,
    ngx_websocket_json_error_t *error);
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

    ngx_http_websocket_typed_intake(s, &in, type, data, size);

    if (s->conf->typed.stamp) {
        ngx_http_websocket_session_channel(s, &channel);
        ngx_http_websocket_stamp_set(&stamp, s->conf->typed.stamp, &channel,
                                     s->record->aside->extra
                                     ? &s->record->aside->extra->from : NULL);
        in.stamp = &stamp;
    }

    rc = ngx_http_websocket_typed_take(s, &in);

    ngx_http_websocket_intake_done(&in);

    return rc;
}


ngx_uint_t
ngx_http_websocket_typed_done(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size, ngx_int_t *rc)
{
    ngx_uint_t                   done;
    ngx_http_websocket_intake_t  in;

    ngx_http_websocket_typed_intake(s, &in, type, data, size);

    done = s->conf->typed.filter && s->record->nsubscriptions
           && ngx_http_websocket_typed_filter(s, &in, rc);

    if (!done) {
        *rc = ngx_http_websocket_typed_accept(s, &in);
        done = *rc != NGX_HTTP_WEBSOCKET_ACCEPTED;

        if (*rc == NGX_HTTP_WEBSOCKET_ACCEPT_REFUSED) {
            *rc = NGX_OK;
        }
    }

    ngx_http_websocket_intake_done(&in);

    return done;
}


void
ngx_http_websocket_typed_intake(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in, uint8_t type, u_char *data, size_t size)
{
    ngx_memzero(in, sizeof(ngx_http_websocket_intake_t));

    in->use = s->conf->typed.receive;
    in->priority_field = &s->conf->priority_field;
    in->except = s->conf->history_except;
    in->max = s->conf->max_message_size;
    in->type = type;
    in->data = data;
    in->size = size;
}


static ngx_int_t
ngx_http_websocket_typed_take(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    ngx_int_t  rc;

    if (s->conf->typed.filter && s->record->nsubscriptions
        && ngx_http_websocket_typed_filter(s, in, &rc))
    {
        return rc;
    }

    if (s->conf->subscribes && !s->conf->publishes) {

        if (s->conf->typed.bare && in->type == NGX_WEBSOCKET_TEXT) {
            return ngx_http_websocket_typed_bare(s, in);
        }

        ngx_http_websocket_session_fail(s,
                                       NGX_HTTP_WEBSOCKET_REASON_ONLY_FILTERS);
        return NGX_DONE;
    }

    return ngx_http_websocket_typed_publish(s, in);
}


static ngx_int_t
ngx_http_websocket_typed_publish(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    ngx_int_t                      rc;
    ngx_uint_t                     n, collects;
    ngx_websocket_store_part_t     parts[NGX_HTTP_WEBSOCKET_INTAKE_PARTS];
    ngx_websocket_store_message_t  message;

    collects = s->conf->typed.collect
               && s->conf->publishes && !s->conf->subscribes;

    if (collects) {

        if (ngx_http_websocket_intake_read(in) == NGX_WEBSOCKET_JSON_NO_MEMORY)
        {
            return ngx_http_websocket_typed_out_of_memory(s);
        }

        if (ngx_http_websocket_collect_ends(in->json)) {
            return ngx_http_websocket_typed_end(s);
        }
    }

    rc = ngx_http_websocket_typed_accept(s, in);

    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_ACCEPT_REFUSED ? NGX_OK : rc;
    }

    switch (collects ? ngx_http_websocket_collect(s, in)
                     : NGX_HTTP_WEBSOCKET_COLLECTED)
    {
    case NGX_HTTP_WEBSOCKET_COLLECTED:
        break;

    case NGX_HTTP_WEBSOCKET_COLLECT_FULL:
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_COLLECTED);
        return NGX_DONE;

    default:  /* NGX_HTTP_WEBSOCKET_COLLECT_NO_MEMORY */
        return ngx_http_websocket_typed_out_of_memory(s);
    }

    ngx_memzero(&message, sizeof(ngx_websocket_store_message_t));

    message.type = in->type;
    message.priority = in->priority;
    message.ephemeral = in->ephemeral;

    n = ngx_http_websocket_intake_parts(in, parts);

    return ngx_http_websocket_session_publish(s, &message, parts, n);
}


ngx_int_t
ngx_http_websocket_typed_accept(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    ngx_int_t  rc;

    switch (ngx_http_websocket_intake(in)) {

    case NGX_WEBSOCKET_JSON_OK:
        return NGX_OK;

    case NGX_WEBSOCKET_JSON_REFUSED:
        rc = ngx_http_websocket_typed_violation(s, &in->error);
        return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_ACCEPT_REFUSED : rc;

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        return ngx_http_websocket_typed_out_of_memory(s);
    }
}


/* the client has sent everything: it gets the answer, and nothing else */

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

    /* reading goes on for the client's Close */

    ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_ENDED);
    return NGX_OK;
}


/*
 * Returns 1 when the message was {"filter":...}, perhaps with "replay", and
 * nothing else, or when memory was refused: *rc is then what receive()
 * returns.  Returns 0 for any other message.
 */

static ngx_uint_t
ngx_http_websocket_typed_filter(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in, ngx_int_t *rc)
{
    json_t                      *json, *filter, *replay;
    u_char                      *last;
    ngx_uint_t                   found;
    ngx_websocket_json_error_t   error;

    last = in->data + in->size;

    if (in->type != NGX_WEBSOCKET_TEXT
        || (!ngx_http_websocket_typed_begins(in->data, last, 'f')
            && !ngx_http_websocket_typed_begins(in->data, last, 'r')))
    {
        return 0;
    }

    switch (ngx_websocket_json_decode((char *) in->data, in->size,
                                      &ngx_http_websocket_filter_json, &json,
                                      &error))
    {
    case NGX_WEBSOCKET_JSON_OK:
        break;

    case NGX_WEBSOCKET_JSON_REFUSED:
        return ngx_http_websocket_typed_no_filter(s, in, &error, rc);

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        *rc = ngx_http_websocket_typed_out_of_memory(s);
        return 1;
    }

    filter = json_object_get(json, "filter");
    replay = json_object_get(json, "replay");
    found = filter && json_object_size(json) == (replay ? 2 : 1);

    if (found) {
        *rc = ngx_http_websocket_typed_refilter(s, filter, replay, 0);
    }

    json_decref(json);

    return found;
}


/*
 * what is too deep, or too much, for a filter: an object with nothing else was
 * meant as one, and is not published; returns as above
 */

static ngx_uint_t
ngx_http_websocket_typed_no_filter(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in, ngx_websocket_json_error_t *error,
    ngx_int_t *rc)
{
    size_t                 count;
    json_t                *filter, *replay;
    ngx_uint_t             found;
    ngx_websocket_json_e   one, two;

    one = ngx_websocket_fields_find((char *) in->data, in->size, "filter",
                                    &filter, &count);
    two = ngx_websocket_fields_find((char *) in->data, in->size, "replay",
                                    &replay, NULL);

    found = filter && count == (size_t) (replay ? 2 : 1);

    json_decref(filter);
    json_decref(replay);

    if (one != NGX_WEBSOCKET_JSON_OK || two != NGX_WEBSOCKET_JSON_OK) {
        *rc = ngx_http_websocket_typed_out_of_memory(s);
        return 1;
    }

    if (found) {
        *rc = ngx_http_websocket_typed_misfilter(s, error);
    }

    return found;
}


/*
 * whether the message may be an object whose first name begins with that letter
 */

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


/* a message that is a filter itself; the answer is what matches, alone */

static ngx_int_t
ngx_http_websocket_typed_bare(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in)
{
    json_t                      *json;
    ngx_int_t                    rc;
    ngx_websocket_json_error_t   error;

    switch (ngx_websocket_json_decode((char *) in->data, in->size,
                                      &ngx_http_websocket_filter_json, &json,
                                      &error))
    {
    case NGX_WEBSOCKET_JSON_OK:
        break;

    case NGX_WEBSOCKET_JSON_REFUSED:
        return ngx_http_websocket_typed_misfilter(s, &error);

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        return ngx_http_websocket_typed_out_of_memory(s);
    }

    rc = ngx_http_websocket_typed_refilter(s, json, NULL, 1);

    json_decref(json);

    return rc;
}


static ngx_int_t
ngx_http_websocket_typed_refilter(ngx_http_websocket_session_t *s,
    json_t *json, json_t *replay, ngx_uint_t quiet)
{
    ngx_uint_t                   newest;
    ngx_websocket_json_e         rc;
    ngx_websocket_filter_t      *filter;
    ngx_websocket_json_error_t   error;

    filter = NULL;
    rc = ngx_http_websocket_typed_replay(s, replay, &newest, &error);

    if (rc == NGX_WEBSOCKET_JSON_OK && !json_is_null(json)) {
        rc = ngx_http_websocket_filters_compile(json, s->conf, s->first.view,
                                                &filter, &error);
    }

    if (rc == NGX_WEBSOCKET_JSON_REFUSED) {
        return ngx_http_websocket_typed_misfilter(s, &error);
    }

    if (rc != NGX_WEBSOCKET_JSON_OK
        || ngx_http_websocket_select_by(s, filter) != NGX_OK)
    {
        return ngx_http_websocket_typed_out_of_memory(s);
    }

    switch (ngx_http_websocket_session_rewind(s, newest)) {

    case NGX_OK:
        break;

    case NGX_AGAIN:
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_BUSY);
        return NGX_OK;

    default:  /* NGX_ERROR */
        return ngx_http_websocket_typed_out_of_memory(s);
    }

    if (quiet) {
        return NGX_OK;
    }

    return ngx_http_websocket_typed_answer(s, "{\"filter\":\"ok\"}",
                                          sizeof("{\"filter\":\"ok\"}") - 1);
}


static ngx_int_t
ngx_http_websocket_typed_misfilter(ngx_http_websocket_session_t *s,
    ngx_websocket_json_error_t *error)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_typed_report(s, "invalid_filter", error);

    return rc == NGX_OK ? ngx_http_websocket_session_error(s) : rc;
}


/* how many of the newest messages the filter is applied to */

static ngx_websocket_json_e
ngx_http_websocket_typed_replay(ngx_http_websocket_session_t *s,
    json_t *json, ngx_uint_t *newest, ngx_websocket_json_error_t *error)
{
    json_int_t                  n;
    ngx_websocket_json_place_t  place;

    *newest = s->conf->typed.replay;

    if (json == NULL) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    n = json_integer_value(json);

    if (json_is_string(json) && ngx_strcmp(json_string_value(json), "all") == 0)
    {
        n = NGX_MAX_INT32_VALUE;

    } else if (!json_is_integer(json) || n < 0) {
        place.parent = NULL;
        place.name = "replay";
        place.size = sizeof("replay") - 1;

        return ngx_websocket_json_refuse(error, &place, "expected \"all\" or a "
                                         "number of messages");
    }

    *newest = ngx_min(n, NGX_MAX_INT32_VALUE);

    return NGX_WEBSOCKET_JSON_OK;
}


/* tells the client what is wrong with its message, and counts the error */

static ngx_int_t
ngx_http_websocket_typed_violation(ngx_http_websocket_session_t *s,
    ngx_websocket_json_error_t *error)
{
    ngx_int_t  rc;

    s->conf->stats->rejected[NGX_HTTP_WEBSOCKET_REJECTED_INVALID]++;

    rc = s->record->aside->ack
         ? ngx_http_websocket_ack_error(s, "invalid_message", error->path,
                                        error->rule)
         : ngx_http_websocket_typed_report(s, "invalid_message", error);

    if (rc != NGX_OK) {
        return rc;
    }

    if (s->conf->typed.receive == NULL || !s->conf->typed.receive->close) {
        return ngx_http_websocket_session_error(s);
    }

    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_INVALID);
    return NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_typed_report(ngx_http_websocket_session_t *s,
    const char *code, ngx_websocket_json_error_t *error)
{
    ngx_int_t                  rc;
    ngx_websocket_json_text_t  text;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append_error(&text, code, error->path, error->rule);

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
                     ngx_http_websocket_protocol_of(s)->reply(s, data, size));
}


static ngx_int_t
ngx_http_websocket_typed_out_of_memory(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
    return NGX_DONE;
}
