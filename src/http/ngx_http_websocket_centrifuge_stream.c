
#include "http/ngx_http_websocket_centrifuge_stream.h"
#include "broker/ngx_http_websocket_broker.h"
#include "centrifuge/protobuf_command.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_body.h"
#include "http/ngx_http_websocket_cors.h"
#include "http/ngx_http_websocket_handshake.h"
#include "http/ngx_http_websocket_publish.h"
#include "http/ngx_http_websocket_request.h"
#include "hub/ngx_http_websocket_worker.h"
#include "message/json.h"
#include "protocol/ngx_http_websocket_centrifuge.h"
#include "protocol/ngx_http_websocket_centrifuge_emulated.h"


static void ngx_http_websocket_centrifuge_stream_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_centrifuge_stream_open(
    ngx_http_request_t *r, const ngx_http_websocket_protocol_t *protocol,
    ngx_str_t *commands);
static ngx_int_t ngx_http_websocket_centrifuge_too_large(
    ngx_http_request_t *r);
static ngx_uint_t ngx_http_websocket_centrifuge_is_protobuf(
    ngx_http_request_t *r);
static void ngx_http_websocket_emulation_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_emulation_take(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_websocket_emulation_json(ngx_http_request_t *r,
    ngx_str_t *body);
static ngx_int_t ngx_http_websocket_emulation_say(ngx_http_request_t *r,
    const ngx_websocket_emulation_t *e);
static ngx_int_t ngx_http_websocket_emulation_said(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data);
static ngx_int_t ngx_http_websocket_emulation_stuck(ngx_http_request_t *r);
static void ngx_http_websocket_emulation_member(json_t *json, char *name,
    ngx_websocket_bytes_t *bytes);


static ngx_str_t  ngx_http_websocket_stream_methods =
    ngx_string("GET, POST, OPTIONS");
static ngx_str_t  ngx_http_websocket_emulation_methods =
    ngx_string("POST, OPTIONS");
static ngx_str_t  ngx_http_websocket_octets =
    ngx_string("application/octet-stream");


ngx_int_t
ngx_http_websocket_centrifuge_stream(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_str_t                       commands;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (r->method == NGX_HTTP_POST
        && (conf->transports & NGX_HTTP_WEBSOCKET_TRANSPORT_HTTP_STREAM))
    {
        if (r->headers_in.content_length_n > (off_t) conf->max_message_size) {
            return ngx_http_websocket_centrifuge_too_large(r);
        }

        rc = ngx_http_read_client_request_body(r,
                                    ngx_http_websocket_centrifuge_stream_body);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    if (r->method == NGX_HTTP_GET
        && (conf->transports & NGX_HTTP_WEBSOCKET_TRANSPORT_SSE))
    {
        rc = ngx_http_websocket_arg(r, "cf_connect", &commands);

        if (rc == NGX_ERROR) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (rc == NGX_OK) {
            rc = ngx_http_discard_request_body(r);

            return rc == NGX_OK
                   ? ngx_http_websocket_centrifuge_stream_open(r,
                                 &ngx_http_websocket_centrifuge_sse_protocol,
                                                               &commands)
                   : rc;
        }
    }

    return r->method == NGX_HTTP_OPTIONS
           && (conf->transports & (NGX_HTTP_WEBSOCKET_TRANSPORT_HTTP_STREAM
                                   | NGX_HTTP_WEBSOCKET_TRANSPORT_SSE))
           ? ngx_http_websocket_cors_preflight(r,
                                           &ngx_http_websocket_stream_methods)
           : NGX_DECLINED;
}


static void
ngx_http_websocket_centrifuge_stream_body(ngx_http_request_t *r)
{
    ngx_int_t                             rc;
    ngx_str_t                             body;
    ngx_http_websocket_loc_conf_t        *conf;
    const ngx_http_websocket_protocol_t  *protocol;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    protocol = ngx_http_websocket_centrifuge_is_protobuf(r)
               ? &ngx_http_websocket_centrifuge_stream_protobuf_protocol
               : &ngx_http_websocket_centrifuge_stream_protocol;

    rc = ngx_http_websocket_body(r, conf->max_message_size, &body);

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_centrifuge_stream_open(r, protocol, &body);

    } else {
        rc = rc == NGX_DECLINED ? ngx_http_websocket_centrifuge_too_large(r)
                                : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_websocket_centrifuge_stream_open(ngx_http_request_t *r,
    const ngx_http_websocket_protocol_t *protocol, ngx_str_t *commands)
{
    ngx_http_websocket_options_t  options;

    if (commands->len == 0) {
        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                                              "there are no commands");
    }

    ngx_memzero(&options, sizeof(ngx_http_websocket_options_t));

    options.protocol = protocol;
    options.commands = *commands;

    return ngx_http_websocket_open(r, &options, NULL);
}


static ngx_int_t
ngx_http_websocket_centrifuge_too_large(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    return rc == NGX_OK
           ? ngx_http_websocket_answer_text(r,
                                            NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                            "the body is too large")
           : rc;
}


static ngx_uint_t
ngx_http_websocket_centrifuge_is_protobuf(ngx_http_request_t *r)
{
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    type = &r->headers_in.content_type->value;

    return type->len >= ngx_http_websocket_octets.len
           && ngx_strncasecmp(type->data, ngx_http_websocket_octets.data,
                              ngx_http_websocket_octets.len)
              == 0;
}


ngx_int_t
ngx_http_websocket_emulation_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (r->method == NGX_HTTP_OPTIONS) {
        return ngx_http_websocket_cors_preflight(r,
                                        &ngx_http_websocket_emulation_methods);
    }

    if (r->method != NGX_HTTP_POST) {
        return ngx_http_websocket_not_allowed(r,
                                        &ngx_http_websocket_emulation_methods,
                                              "use POST");
    }

    rc = ngx_http_websocket_cors_refuse(r);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (conf->zone->hub == NULL || !ngx_http_websocket_worker_seek()) {
        return ngx_http_websocket_emulation_stuck(r);
    }

    /* commands as a string have an escape for each quote, and a little more */

    if (r->headers_in.content_length_n > 2 * (off_t) conf->max_message_size) {
        return ngx_http_websocket_centrifuge_too_large(r);
    }

    rc = ngx_http_read_client_request_body(r,
                                           ngx_http_websocket_emulation_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_websocket_emulation_body(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_str_t                       body;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    rc = ngx_http_websocket_body(r, 2 * conf->max_message_size, &body);

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_cors(r);
    }

    switch (rc) {

    case NGX_OK:
        rc = ngx_http_websocket_emulation_take(r, &body);
        break;

    case NGX_DECLINED:
        rc = ngx_http_websocket_centrifuge_too_large(r);
        break;

    default:  /* NGX_ERROR */
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_websocket_emulation_take(ngx_http_request_t *r, ngx_str_t *body)
{
    ngx_websocket_emulation_t  e;

    if (!ngx_http_websocket_centrifuge_is_protobuf(r)) {
        return ngx_http_websocket_emulation_json(r, body);
    }

    if (!ngx_websocket_protobuf_emulation((char *) body->data, body->len, &e))
    {
        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                                              "the body is not Protobuf");
    }

    return ngx_http_websocket_emulation_say(r, &e);
}


static ngx_int_t
ngx_http_websocket_emulation_json(ngx_http_request_t *r, ngx_str_t *body)
{
    json_t                       *json;
    ngx_int_t                     rc;
    ngx_websocket_emulation_t     e;
    ngx_websocket_json_error_t    error;
    ngx_websocket_json_limits_t   limits;

    limits.size = body->len;
    limits.depth = 1;
    limits.values = 16;

    if (ngx_websocket_json_decode((char *) body->data, body->len, &limits,
                                  &json, &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                                              "the body is not JSON, or more "
                                              "than node, session and data");
    }

    ngx_http_websocket_emulation_member(json, "node", &e.node);
    ngx_http_websocket_emulation_member(json, "session", &e.session);
    ngx_http_websocket_emulation_member(json, "data", &e.data);

    rc = ngx_http_websocket_emulation_say(r, &e);

    json_decref(json);

    return rc;
}


static void
ngx_http_websocket_emulation_member(json_t *json, char *name,
    ngx_websocket_bytes_t *bytes)
{
    json = json_object_get(json, name);

    bytes->data = json_string_value(json);
    bytes->size = json_string_length(json);
}


/* a session that has gone is told of by its stream, or a new one */

static ngx_int_t
ngx_http_websocket_emulation_say(ngx_http_request_t *r,
    const ngx_websocket_emulation_t *e)
{
    ngx_http_websocket_publish_t    p;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (e->node.data == NULL || e->session.data == NULL || e->data.size == 0
        || e->data.size > conf->max_message_size)
    {
        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                                              "there must be node, session "
                                              "and data");
    }

    if (ngx_http_websocket_emulated_say(conf->zone, e, &p) == NGX_AGAIN) {
        return ngx_http_websocket_publish_wait(r, p.pending,
                                              ngx_http_websocket_emulation_said,
                                               NULL);
    }

    return ngx_http_websocket_emulation_said(r, &p, NULL);
}


static ngx_int_t
ngx_http_websocket_emulation_said(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data)
{
    switch (p->rc) {

    case NGX_WEBSOCKET_STORE_OK:
        return NGX_HTTP_NO_CONTENT;

    case NGX_WEBSOCKET_STORE_NOTFOUND:
        return ngx_http_websocket_answer_text(r, NGX_HTTP_NOT_FOUND,
                                              "there is no such node");

    default:  /* NGX_WEBSOCKET_STORE_BUSY, NOSPACE, BROKER_AWAY */
        return ngx_http_websocket_emulation_stuck(r);
    }
}


static ngx_int_t
ngx_http_websocket_emulation_stuck(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    return rc == NGX_OK
           ? ngx_http_websocket_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                            "the zone cannot be had now: try "
                                            "again")
           : rc;
}
