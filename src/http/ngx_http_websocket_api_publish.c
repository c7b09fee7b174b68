
/*
 * The API's methods that publish: the channels one after the other, in as many
 * turns as it takes.
 */


#include "http/ngx_http_websocket_api_publish.h"
#include "broker/ngx_http_websocket_broker.h"
#include "broker/ngx_http_websocket_key.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_publish.h"
#include "message/meta.h"
#include "message/scan.h"
#include "message/tags.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "wire/frame.h"
#include "wire/utf8.h"


#define NGX_HTTP_WEBSOCKET_API_CHANNELS  1000

/* steps of a turn's work to publish so many bytes */
#define ngx_http_websocket_api_steps(size)  (4 + (size) / 128)

/* beside NGX_OK and NGX_BUSY: what the content handler returns is in rc */
#define NGX_HTTP_WEBSOCKET_API_WAITS  NGX_DECLINED


typedef struct {
    ngx_http_websocket_api_call_t   *call;
    json_t                          *channels;      /* names; the call's */
    json_t                          *responses;     /* as many as are done */
    ngx_uint_t                       several;       /* it is a broadcast */
    ngx_uint_t                       unrecorded;
    ngx_str_t                        key;           /* NULL: none */
    ngx_uint_t                       type;
    ngx_websocket_store_part_t       parts[2];      /* tags, data */
    ngx_uint_t                       keeps;         /* the channel that is being
                                                       published to has a
                                                       history */
    ngx_int_t                        rc;
} ngx_http_websocket_api_publish_t;


static ngx_int_t ngx_http_websocket_api_begin(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, json_t *channels,
    ngx_uint_t several);
static ngx_http_websocket_api_error_e ngx_http_websocket_api_options(
    ngx_http_request_t *r, ngx_http_websocket_api_call_t *call,
    ngx_http_websocket_api_publish_t *publish);
static ngx_http_websocket_api_error_e ngx_http_websocket_api_data(
    ngx_http_request_t *r, ngx_http_websocket_api_call_t *call,
    ngx_http_websocket_api_publish_t *publish);
static ngx_uint_t ngx_http_websocket_api_json(ngx_str_t *data);
static ngx_http_websocket_api_error_e ngx_http_websocket_api_tags(
    ngx_http_request_t *r, json_t *tags,
    ngx_http_websocket_api_publish_t *publish);
static ngx_int_t ngx_http_websocket_api_make(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_api_one(ngx_http_request_t *r,
    ngx_http_websocket_api_publish_t *publish, json_t *channel);
static ngx_int_t ngx_http_websocket_api_append(ngx_http_request_t *r,
    ngx_http_websocket_api_publish_t *publish, ngx_str_t *name,
    ngx_http_websocket_namespace_t *ns);
static ngx_int_t ngx_http_websocket_api_published(ngx_http_request_t *r,
    ngx_http_websocket_api_publish_t *publish, ngx_http_websocket_publish_t *p);
static ngx_http_websocket_api_error_e ngx_http_websocket_api_failed(
    ngx_http_request_t *r, int rc);
static ngx_int_t ngx_http_websocket_api_respond(
    ngx_http_websocket_api_publish_t *publish, json_t *response);
static ngx_int_t ngx_http_websocket_api_go_on(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data);
static ngx_int_t ngx_http_websocket_api_again(ngx_http_request_t *r);
static void ngx_http_websocket_api_publish_gone(void *data);


ngx_int_t
ngx_http_websocket_api_publish(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    json_t     *channels;
    ngx_int_t   rc;

    channels = json_pack("[O]", json_object_get(call->args, "channel"));

    if (channels == NULL) {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    /* the call keeps it */

    rc = json_object_set_new(call->args, "channels", channels);

    return rc == 0 ? ngx_http_websocket_api_begin(r, call, channels, 0)
                   : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


ngx_int_t
ngx_http_websocket_api_broadcast(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    json_t  *channels;

    channels = json_object_get(call->args, "channels");

    if (json_array_size(channels) == 0) {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    if (json_array_size(channels) > NGX_HTTP_WEBSOCKET_API_CHANNELS) {
        return ngx_http_websocket_api_refuse(r, call,
                                        NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED);
    }

    return ngx_http_websocket_api_begin(r, call, channels, 1);
}


static ngx_int_t
ngx_http_websocket_api_begin(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, json_t *channels, ngx_uint_t several)
{
    ngx_pool_cleanup_t                *cln;
    ngx_http_websocket_api_error_e     error;
    ngx_http_websocket_api_publish_t  *publish;

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_websocket_api_publish_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    publish = cln->data;
    ngx_memzero(publish, sizeof(ngx_http_websocket_api_publish_t));

    publish->call = call;
    publish->channels = channels;
    publish->several = several;
    publish->responses = json_array();

    cln->handler = ngx_http_websocket_api_publish_gone;

    if (publish->responses == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    error = ngx_http_websocket_api_options(r, call, publish);

    return error ? ngx_http_websocket_api_refuse(r, call, error)
                 : ngx_http_websocket_later(r, ngx_http_websocket_api_make,
                                            publish);
}


static ngx_http_websocket_api_error_e
ngx_http_websocket_api_options(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call,
    ngx_http_websocket_api_publish_t *publish)
{
    json_t                          *key, *tags;
    ngx_http_websocket_api_error_e   error;

    error = ngx_http_websocket_api_data(r, call, publish);

    if (error) {
        return error;
    }

    if (json_integer_value(json_object_get(call->args, "version"))) {
        return NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE;
    }

    publish->unrecorded = json_is_true(json_object_get(call->args,
                                                       "skip_history"));

    key = json_object_get(call->args, "idempotency_key");

    if (json_string_length(key)) {
        publish->key.data = (u_char *) json_string_value(key);
        publish->key.len = json_string_length(key);
    }

    tags = json_object_get(call->args, "tags");

    return json_object_size(tags)
           ? ngx_http_websocket_api_tags(r, tags, publish)
           : NGX_HTTP_WEBSOCKET_API_OK;
}


/* bytes in base64 are a text where they are JSON */

static ngx_http_websocket_api_error_e
ngx_http_websocket_api_data(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call,
    ngx_http_websocket_api_publish_t *publish)
{
    json_t                         *coded;
    ngx_str_t                       data, text;
    ngx_http_websocket_loc_conf_t  *conf;

    data = call->data;
    coded = json_object_get(call->args, "b64data");

    publish->type = NGX_WEBSOCKET_TEXT;

    if (json_string_length(coded)) {

        text.data = (u_char *) json_string_value(coded);
        text.len = json_string_length(coded);

        data.data = ngx_pnalloc(r->pool, ngx_base64_decoded_length(text.len));

        if (data.data == NULL) {
            return NGX_HTTP_WEBSOCKET_API_INTERNAL;
        }

        if (ngx_decode_base64(&data, &text) != NGX_OK) {
            return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
        }

        if (!ngx_http_websocket_api_json(&data)) {
            publish->type = NGX_WEBSOCKET_BINARY;
        }
    }

    if (data.len == 0) {
        return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (data.len > conf->max_message_size) {
        return NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED;
    }

    if (publish->type == NGX_WEBSOCKET_TEXT) {
        data.len = ngx_http_websocket_centrifuge_join_lines(data.data,
                                                            data.len);
    }

    publish->parts[1].data = data.data;
    publish->parts[1].size = data.len;

    return NGX_HTTP_WEBSOCKET_API_OK;
}


static ngx_uint_t
ngx_http_websocket_api_json(ngx_str_t *data)
{
    ngx_websocket_scan_t  scan;
    ngx_websocket_utf8_t  utf8;

    utf8 = 0;

    if (ngx_websocket_utf8(&utf8, data->data, data->len) != 0 || utf8 != 0) {
        return 0;
    }

    ngx_websocket_scan_init(&scan, (char *) data->data, data->len);

    if (!ngx_websocket_scan_value(&scan)) {
        return 0;
    }

    ngx_websocket_scan_space(&scan);

    return scan.p == scan.last;
}


/* as the list that X-WebSocket-Tags is */

static ngx_http_websocket_api_error_e
ngx_http_websocket_api_tags(ngx_http_request_t *r, json_t *tags,
    ngx_http_websocket_api_publish_t *publish)
{
    int          size;
    u_char      *p, *buf, *list;
    size_t       len;
    json_t      *value;
    const char  *name;

    len = 0;

    json_object_foreach(tags, name, value) {

        /* of what is joined here nothing may look like two */

        if (!json_is_string(value)
            || strpbrk(name, ",=")
            || ngx_strlchr((u_char *) json_string_value(value),
                           (u_char *) json_string_value(value)
                           + json_string_length(value), ','))
        {
            return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
        }

        len += ngx_strlen(name) + json_string_length(value) + 2;
    }

    list = ngx_pnalloc(r->pool, len);
    buf = ngx_pnalloc(r->pool,
                      NGX_WEBSOCKET_META_HEAD + NGX_WEBSOCKET_TAGS_SIZE);

    if (list == NULL || buf == NULL) {
        return NGX_HTTP_WEBSOCKET_API_INTERNAL;
    }

    p = list;

    json_object_foreach(tags, name, value) {
        p = ngx_cpymem(p, name, ngx_strlen(name));
        *p++ = '=';
        p = ngx_cpymem(p, json_string_value(value), json_string_length(value));
        *p++ = ',';
    }

    size = ngx_websocket_tags_pack((char *) list, len - 1,
                                   buf + NGX_WEBSOCKET_META_HEAD);
    if (size <= 0) {
        return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
    }

    (void) ngx_websocket_meta_head(buf, NGX_WEBSOCKET_META_TAGS, size);

    publish->parts[0].data = buf;
    publish->parts[0].size = NGX_WEBSOCKET_META_HEAD + size;

    return NGX_HTTP_WEBSOCKET_API_OK;
}


/* as ngx_http_websocket_later_pt */

static ngx_int_t
ngx_http_websocket_api_make(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_api_publish_t *publish = data;

    size_t     done;
    json_t    *responses;
    ngx_int_t  rc;

    responses = publish->responses;

    ngx_http_websocket_turn_loop();

    for (done = json_array_size(responses);
         done < json_array_size(publish->channels);
         done = json_array_size(responses))
    {
        rc = ngx_http_websocket_api_one(r, publish,
                                     json_array_get(publish->channels, done));
        if (rc != NGX_OK) {
            return rc == NGX_HTTP_WEBSOCKET_API_WAITS ? publish->rc : rc;
        }
    }

    return publish->several
           ? ngx_http_websocket_api_answer(r, publish->call,
                                           json_pack("{s:O}", "responses",
                                                     responses))
           : ngx_http_websocket_api_say(r, publish->call,
                                   json_incref(json_array_get(responses, 0)));
}


/* NGX_OK; NGX_BUSY when the turn is over; or API_WAITS, with publish->rc set */

static ngx_int_t
ngx_http_websocket_api_one(ngx_http_request_t *r,
    ngx_http_websocket_api_publish_t *publish, json_t *channel)
{
    ngx_str_t                        name;
    ngx_http_websocket_loc_conf_t   *conf;
    ngx_http_websocket_namespace_t  *ns;

    name.data = (u_char *) json_string_value(channel);
    name.len = json_string_length(channel);

    if (ngx_http_websocket_channel_name_error(&name)) {
        return ngx_http_websocket_api_respond(publish,
             ngx_http_websocket_api_error(NGX_HTTP_WEBSOCKET_API_BAD_REQUEST));
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    ns = ngx_http_websocket_namespace_of(conf->namespaces, &name);

    if (ns == NULL) {
        return ngx_http_websocket_api_respond(publish,
                                              ngx_http_websocket_api_error(
                                      NGX_HTTP_WEBSOCKET_API_UNKNOWN_CHANNEL));
    }

    return ngx_http_websocket_api_append(r, publish, &name, ns);
}


static ngx_int_t
ngx_http_websocket_api_append(ngx_http_request_t *r,
    ngx_http_websocket_api_publish_t *publish, ngx_str_t *name,
    ngx_http_websocket_namespace_t *ns)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_publish_t    p;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));

    publish->keeps = ns->history.length && !publish->unrecorded;

    p.message.type = publish->type;
    p.message.priority = NGX_HTTP_WEBSOCKET_NORMAL;
    p.message.ephemeral = publish->unrecorded;
    p.message.meta = publish->parts[0].size;

    if (publish->keeps && publish->key.len) {
        ngx_http_websocket_publisher_key(conf->zone, &publish->key,
                                         p.message.key);
    }

    p.parts = p.message.meta ? publish->parts : &publish->parts[1];
    p.n = p.message.meta ? 2 : 1;

    p.channel = *name;
    p.history = publish->keeps ? &ns->history : NULL;
    p.describe = 1;
    p.durable = conf->durable ? NGX_HTTP_WEBSOCKET_DURABLE_WAIT
                              : NGX_HTTP_WEBSOCKET_DURABLE_OFF;
    p.patience = conf->durable_wait;

    if (conf->zone->broker->publish(conf->zone, &p) == NGX_AGAIN) {
        publish->rc = ngx_http_websocket_publish_wait(r, p.pending,
                                               ngx_http_websocket_api_go_on,
                                                      publish);
        return NGX_HTTP_WEBSOCKET_API_WAITS;
    }

    if (p.rc == NGX_WEBSOCKET_STORE_BUSY) {

        ctx = ngx_http_websocket_ctx(r);

        if (ctx == NULL) {
            publish->rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
            return NGX_HTTP_WEBSOCKET_API_WAITS;
        }

        ctx->pending = publish;
        publish->rc = ngx_http_websocket_await_or_refuse(r,
                                               ngx_http_websocket_api_again);
        return NGX_HTTP_WEBSOCKET_API_WAITS;
    }

    return ngx_http_websocket_api_published(r, publish, &p);
}


static ngx_int_t
ngx_http_websocket_api_published(ngx_http_request_t *r,
    ngx_http_websocket_api_publish_t *publish, ngx_http_websocket_publish_t *p)
{
    u_char                          epoch[NGX_INT64_LEN + 1];
    json_t                         *response;
    ngx_http_websocket_loc_conf_t  *conf;

    if (p->rc < NGX_WEBSOCKET_STORE_OK) {
        return ngx_http_websocket_api_respond(publish,
                  ngx_http_websocket_api_error(
                                     ngx_http_websocket_api_failed(r, p->rc)));
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (p->rc == NGX_WEBSOCKET_STORE_OK) {
        conf->stats->published++;
    }

    if (p->durable && p->reached == NGX_HTTP_WEBSOCKET_REACHED_LATE) {

        /* it is published, and not on the disk yet */

        return ngx_http_websocket_api_respond(publish,
                  ngx_http_websocket_api_error(
                                          NGX_HTTP_WEBSOCKET_API_INTERNAL));
    }

    if (!publish->keeps) {
        response = json_pack("{s:{}}", "result");

    } else {
        *ngx_sprintf(epoch, "%016xL", p->info.epoch) = '\0';

        response = json_pack("{s:{s:I,s:s}}", "result",
                             "offset", (json_int_t) p->message.offset,
                             "epoch", (char *) epoch);
    }

    return ngx_http_websocket_api_respond(publish, response);
}


/* what is said of a message that was not published */

static ngx_http_websocket_api_error_e
ngx_http_websocket_api_failed(ngx_http_request_t *r, int rc)
{
    ngx_http_websocket_loc_conf_t  *conf;

    switch (rc) {

    case NGX_WEBSOCKET_STORE_ENDED:
        return NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE;

    case NGX_HTTP_WEBSOCKET_BROKER_AWAY:
        return NGX_HTTP_WEBSOCKET_API_INTERNAL;

    default:
        break;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "websocket zone \"%V\" cannot take the message: %s",
                  &conf->zone->name, ngx_websocket_store_strerror(rc));

    return NGX_HTTP_WEBSOCKET_API_INTERNAL;
}


/* as ngx_http_websocket_api_one(); takes over the reference to the response */

static ngx_int_t
ngx_http_websocket_api_respond(ngx_http_websocket_api_publish_t *publish,
    json_t *response)
{
    if (response == NULL
        || json_array_append_new(publish->responses, response) != 0)
    {
        publish->rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
        return NGX_HTTP_WEBSOCKET_API_WAITS;
    }

    return ngx_http_websocket_turn_step(
                           ngx_http_websocket_api_steps(publish->parts[1].size))
           ? NGX_BUSY : NGX_OK;
}


/* the broker has published to one of the channels: the next one */

static ngx_int_t
ngx_http_websocket_api_go_on(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data)
{
    ngx_http_websocket_api_publish_t *publish = data;

    if (ngx_http_websocket_api_published(r, publish, p)
        == NGX_HTTP_WEBSOCKET_API_WAITS)
    {
        return publish->rc;
    }

    return ngx_http_websocket_later(r, ngx_http_websocket_api_make, publish);
}


/* the zone is not stuck any more */

static ngx_int_t
ngx_http_websocket_api_again(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    return ngx_http_websocket_later(r, ngx_http_websocket_api_make,
                                    ctx->pending);
}


static void
ngx_http_websocket_api_publish_gone(void *data)
{
    ngx_http_websocket_api_publish_t *publish = data;

    json_decref(publish->responses);
}
