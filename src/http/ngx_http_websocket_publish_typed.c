
/* Publishing by POST in locations that have a type. */


#include "http/ngx_http_websocket_publish_typed.h"
#include "delivery/ngx_http_websocket_intake.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_request.h"
#include "message/meta.h"
#include "message/tags.h"
#include "protocol/ngx_http_websocket_events.h"
#include "session/ngx_http_websocket_session.h"


static char *ngx_http_websocket_publish_tag_list(ngx_http_request_t *r,
    ngx_str_t *list);
static ngx_int_t ngx_http_websocket_publish_stamp(ngx_http_request_t *r,
    ngx_websocket_stamp_t *stamp);
static ngx_int_t ngx_http_websocket_publish_join(ngx_http_request_t *r,
    ngx_http_websocket_intake_t *in, ngx_websocket_store_part_t *parts,
    ngx_uint_t n);
static ngx_int_t ngx_http_websocket_publish_keep(ngx_http_request_t *r,
    ngx_http_websocket_intake_t *in);


ngx_uint_t
ngx_http_websocket_publish_is_typed(ngx_http_request_t *r)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    return (conf->publish ? conf->typed.send : conf->typed.receive) != NULL
           || conf->typed.stamp || conf->priority_field.len
           || conf->history_except;
}


ngx_websocket_json_e
ngx_http_websocket_publish_intake(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    ngx_uint_t *n, ngx_websocket_json_error_t *error)
{
    ngx_websocket_json_e            rc;
    ngx_websocket_stamp_t           stamp;
    ngx_http_websocket_intake_t     in;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_memzero(&in, sizeof(ngx_http_websocket_intake_t));

    message->priority = NGX_HTTP_WEBSOCKET_NORMAL;

    in.use = conf->publish ? conf->typed.send : conf->typed.receive;
    in.priority_field = &conf->priority_field;
    in.except = conf->history_except;
    in.max = conf->max_message_size;
    in.type = message->type;

    if (conf->typed.stamp) {

        if (ngx_http_websocket_publish_stamp(r, &stamp) != NGX_OK) {
            return NGX_WEBSOCKET_JSON_NO_MEMORY;
        }

        in.stamp = &stamp;
    }

    if (!ngx_http_websocket_publish_is_typed(r)) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (ngx_http_websocket_publish_join(r, &in, parts, *n) != NGX_OK) {
        return NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    rc = ngx_http_websocket_intake(&in);

    if (rc == NGX_WEBSOCKET_JSON_OK
        && ngx_http_websocket_publish_keep(r, &in) != NGX_OK)
    {
        rc = NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    ngx_http_websocket_intake_done(&in);

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        *error = in.error;
        return rc;
    }

    message->priority = in.priority;
    message->ephemeral = in.ephemeral;

    *n = ngx_http_websocket_intake_parts(&in, parts);

    return NGX_WEBSOCKET_JSON_OK;
}


static ngx_int_t
ngx_http_websocket_publish_stamp(ngx_http_request_t *r,
    ngx_websocket_stamp_t *stamp)
{
    ngx_str_t                       from;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_str_null(&from);

    if (conf->typed.stamp->from
        && ngx_http_complex_value(r, conf->typed.stamp->from, &from) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_websocket_stamp_set(stamp, conf->typed.stamp, &ctx->channels[0],
                                 &from);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_publish_join(ngx_http_request_t *r,
    ngx_http_websocket_intake_t *in, ngx_websocket_store_part_t *parts,
    ngx_uint_t n)
{
    u_char      *p;
    ngx_uint_t   i;

    for (i = 0; i < n; i++) {
        in->size += parts[i].size;
    }

    if (n == 1) {
        in->data = (u_char *) parts[0].data;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, in->size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    in->data = p;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, parts[i].data, parts[i].size);
    }

    return NGX_OK;
}


/* the text that the intake made is freed with it: the pool gets a copy */

static ngx_int_t
ngx_http_websocket_publish_keep(ngx_http_request_t *r,
    ngx_http_websocket_intake_t *in)
{
    u_char  *p;

    if (in->data != (u_char *) in->made.data || in->size == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, in->size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, in->data, in->size);
    in->data = p;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_publish_invalid(ngx_http_request_t *r,
    ngx_websocket_json_error_t *error)
{
    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_INVALID);

    return ngx_http_websocket_answer_invalid(r, "invalid_message", error);
}


/*
 * The tags of a header, and the event's name as one more: returns what is wrong
 * with them, or NULL, with *list set, which may be empty.
 */

static char *
ngx_http_websocket_publish_tag_list(ngx_http_request_t *r, ngx_str_t *list)
{
    u_char           *p;
    ngx_uint_t        several;
    ngx_table_elt_t  *tags, *event;
    u_char            packed[NGX_WEBSOCKET_TAGS_SIZE];

    ngx_str_null(list);

    tags = ngx_http_websocket_header(r, "x-websocket-tags", &several);

    if (tags && several) {
        return "there are several X-WebSocket-Tags headers";
    }

    event = ngx_http_websocket_header(r, "x-websocket-event", &several);

    if (event == NULL) {

        if (tags) {
            *list = tags->value;
        }

        return NULL;
    }

    if (several || event->value.len == 0
        || ngx_http_websocket_event_reserved(event->value.data,
                                             event->value.len)
        || ngx_strlchr(event->value.data,
                       event->value.data + event->value.len, ','))
    {
        return "X-WebSocket-Event is not the name of an event, or is one of "
               "the server's";
    }

    list->data = ngx_pnalloc(r->pool, sizeof("event=,") + event->value.len
                                      + (tags ? tags->value.len : 0));
    if (list->data == NULL) {
        return "no memory for X-WebSocket-Event";
    }

    p = ngx_sprintf(list->data, "event=%V", &event->value);

    if (ngx_websocket_tags_pack((char *) list->data, p - list->data, packed)
        < 0)
    {
        return "X-WebSocket-Event is not the name of an event, or is too long";
    }

    if (tags && tags->value.len) {
        p = ngx_sprintf(p, ",%V", &tags->value);
    }

    list->len = p - list->data;

    return NULL;
}


char *
ngx_http_websocket_publish_tags(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    ngx_uint_t *n)
{
    int          size;
    char        *error;
    ngx_str_t    list;

    static u_char  buf[NGX_WEBSOCKET_META_HEAD + NGX_WEBSOCKET_TAGS_SIZE];

    error = ngx_http_websocket_publish_tag_list(r, &list);

    if (error || list.len == 0) {
        return error;
    }

    size = ngx_websocket_tags_pack((char *) list.data, list.len,
                                   buf + NGX_WEBSOCKET_META_HEAD);

    if (size < 0) {
        return "X-WebSocket-Tags is not NAME=VALUE, or several with commas";
    }

    if (size == 0) {
        return NULL;
    }

    (void) ngx_websocket_meta_head(buf, NGX_WEBSOCKET_META_TAGS, size);

    ngx_memmove(&parts[1], &parts[0], *n * sizeof(ngx_websocket_store_part_t));

    parts[0].data = buf;
    parts[0].size = NGX_WEBSOCKET_META_HEAD + size;

    message->meta = parts[0].size;
    (*n)++;

    return NULL;
}


char *
ngx_http_websocket_publish_skip(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message)
{
    ngx_uint_t        several;
    ngx_table_elt_t  *h;

    h = ngx_http_websocket_header(r, "x-websocket-history", &several);

    if (h == NULL) {
        return NULL;
    }

    if (several || h->value.len != 4
        || ngx_strncmp(h->value.data, "skip", 4) != 0)
    {
        return "X-WebSocket-History is not skip";
    }

    message->ephemeral = 1;

    return NULL;
}
