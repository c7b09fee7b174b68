
/*
 * The opening handshake: RFC 6455, section 4.2.
 */


#include <ngx_sha1.h>

#include "http/ngx_http_websocket_handshake.h"
#include "broker/ngx_http_websocket_broker.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_centrifuge_form.h"
#include "http/ngx_http_websocket_centrifuge_stream.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_cors.h"
#include "http/ngx_http_websocket_fallback.h"
#include "http/ngx_http_websocket_introduce.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_opening.h"
#include "http/ngx_http_websocket_publish.h"
#include "http/ngx_http_websocket_request.h"
#include "http/ngx_http_websocket_slotless.h"
#include "http/ngx_http_websocket_subscribe_args.h"
#include "hub/ngx_http_websocket_worker.h"
#include "protocol/ngx_http_websocket_centrifuge_emulated.h"
#include "protocol/ngx_http_websocket_plain.h"
#include "protocol/ngx_http_websocket_protocols.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_drain.h"


#define NGX_HTTP_WEBSOCKET_KEY_SIZE  16     /* decoded */
#define NGX_HTTP_WEBSOCKET_SHA1      20

#define ngx_http_websocket_guid  "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


typedef struct {
    ngx_str_t                     key;
    ngx_str_t                     version;
    ngx_uint_t                    upgrades;
    ngx_uint_t                    keys;
    ngx_uint_t                    versions;
    unsigned                      websocket:1;      /* in an Upgrade */
    unsigned                      connection:1;     /* has "upgrade" */
} ngx_http_websocket_handshake_t;


static ngx_int_t ngx_http_websocket_handshake_now(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_handshake(ngx_http_request_t *r);
static ngx_uint_t ngx_http_websocket_handshake_hooked(
    ngx_http_websocket_loc_conf_t *conf);
static ngx_int_t ngx_http_websocket_handshake_websocket(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_handshake_plain(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_subrequest(ngx_http_request_t *r);
static ngx_uint_t ngx_http_websocket_open_possible(
    ngx_http_websocket_loc_conf_t *conf);
static ngx_int_t ngx_http_websocket_open_asked(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_http_websocket_ctx_t **ctx);
static ngx_int_t ngx_http_websocket_open_head(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options);
static ngx_int_t ngx_http_websocket_open_asking(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);
static ngx_int_t ngx_http_websocket_open_checked(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key, ngx_int_t history);
static ngx_int_t ngx_http_websocket_open_refused(
    ngx_http_websocket_options_t *options, ngx_int_t rc);
static ngx_int_t ngx_http_websocket_open_slotless(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_open_session(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_http_websocket_ctx_t *ctx);
static ngx_int_t ngx_http_websocket_open_later(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_handshake_check(ngx_http_request_t *r,
    ngx_http_websocket_handshake_t *h);
static void ngx_http_websocket_handshake_headers(ngx_http_request_t *r,
    ngx_http_websocket_handshake_t *h);
static ngx_uint_t ngx_http_websocket_handshake_version(
    ngx_http_websocket_handshake_t *h);
static char *ngx_http_websocket_handshake_request_error(
    ngx_http_request_t *r);
static char *ngx_http_websocket_handshake_header_error(
    ngx_http_websocket_handshake_t *h);
static ngx_int_t ngx_http_websocket_upgrade_required(ngx_http_request_t *r,
    char *text);
static ngx_int_t ngx_http_websocket_unavailable(ngx_http_request_t *r,
    char *text);
static ngx_uint_t ngx_http_websocket_has_token(ngx_str_t *list,
    ngx_str_t *token, ngx_uint_t fold);
static ngx_int_t ngx_http_websocket_extensions(ngx_http_request_t *r,
    ngx_websocket_deflate_t *agreed);
static ngx_int_t ngx_http_websocket_handshake_method(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_switch_protocols(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);
static ngx_int_t ngx_http_websocket_add_accept(ngx_http_request_t *r,
    ngx_str_t *key);
static ngx_int_t ngx_http_websocket_add_deflate(ngx_http_request_t *r,
    ngx_websocket_deflate_t *agreed);
static const ngx_http_websocket_protocol_t *
    ngx_http_websocket_handshake_protocol(ngx_str_t *subprotocol);


static ngx_str_t  ngx_http_websocket_websocket = ngx_string("websocket");
static ngx_str_t  ngx_http_websocket_upgrade_token = ngx_string("upgrade");
static ngx_str_t  ngx_http_websocket_version = ngx_string("13");


ngx_int_t
ngx_http_websocket_handshake_handler(ngx_http_request_t *r)
{
    return ngx_http_websocket_in_turn(r, ngx_http_websocket_handshake_now);
}


static ngx_int_t
ngx_http_websocket_handshake_now(ngx_http_request_t *r, void *data)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_handshake(r);

    if (rc != NGX_DONE) {

        /*
         * The request may have been refused before its token was looked at and
         * masked.
         */

        ngx_http_websocket_mask(r);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_handshake(ngx_http_request_t *r)
{
    ngx_int_t                        rc;
    ngx_uint_t                       asks;
    ngx_http_websocket_options_t     options;
    ngx_http_websocket_loc_conf_t   *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    asks = ngx_http_websocket_asks(r);

    if (r->method == NGX_HTTP_POST && !conf->echo && !asks
        && !(conf->transports & NGX_HTTP_WEBSOCKET_TRANSPORT_HTTP_STREAM)
        && !ngx_http_websocket_handshake_hooked(conf))
    {
        return ngx_http_websocket_publish_from_client(r);
    }

    if (r != r->main || ngx_http_websocket_call_is(r)) {
        return ngx_http_websocket_subrequest(r);
    }

    if (asks) {
        return ngx_http_websocket_handshake_websocket(r);
    }

    if (conf->centrifuge) {
        rc = ngx_http_websocket_centrifuge_stream(r);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        return ngx_http_websocket_handshake_method(r);
    }

    ngx_memzero(&options, sizeof(ngx_http_websocket_options_t));

    options.protocol = ngx_http_websocket_fallback_protocol(r);

    if (options.protocol == NULL) {
        return ngx_http_websocket_handshake_plain(r);
    }

    rc = ngx_http_discard_request_body(r);

    return rc == NGX_OK ? ngx_http_websocket_open(r, &options, NULL) : rc;
}


/* a client that may POST would get around the questions to the application */

static ngx_uint_t
ngx_http_websocket_handshake_hooked(ngx_http_websocket_loc_conf_t *conf)
{
    return conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_CONNECT]
           || conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_MESSAGE]
           || conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_ANSWER];
}


/*
 * A handshake whose Upgrade a proxy has removed is still a handshake, and its
 * client is told what is missing.  Another Upgrade, as "h2c", may be passed
 * over (RFC 9110, section 7.8), and a HEAD cannot be given a connection.
 */

ngx_uint_t
ngx_http_websocket_asks(ngx_http_request_t *r)
{
    ngx_table_elt_t               *h;
    ngx_http_websocket_headers_t   headers;

    if (r->method == NGX_HTTP_HEAD) {
        return 0;
    }

    ngx_http_websocket_headers_begin(r, &headers);

    do {
        h = ngx_http_websocket_headers_next(&headers, NULL);

        if (h == NULL) {
            return 0;
        }

    } while (!ngx_http_websocket_header_is(h, "sec-websocket-key")
             && !ngx_http_websocket_header_is(h, "sec-websocket-version")
             && !(ngx_http_websocket_header_is(h, "upgrade")
                  && ngx_http_websocket_has_token(&h->value,
                                               &ngx_http_websocket_websocket,
                                               1)));

    return 1;
}


static ngx_int_t
ngx_http_websocket_handshake_websocket(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_websocket_options_t    options;
    ngx_http_websocket_loc_conf_t  *conf;
    ngx_http_websocket_handshake_t  h;

    ngx_memzero(&h, sizeof(ngx_http_websocket_handshake_t));
    ngx_memzero(&options, sizeof(ngx_http_websocket_options_t));

    rc = ngx_http_websocket_handshake_check(r, &h);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HANDSHAKE);

        return rc;
    }

    if (ngx_http_websocket_extensions(r, &options.deflate) != NGX_OK) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HANDSHAKE);

        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                           "the Sec-WebSocket-Extensions header is malformed");
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->centrifuge
        && !(conf->transports & NGX_HTTP_WEBSOCKET_TRANSPORT_WEBSOCKET))
    {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HANDSHAKE);

        return ngx_http_websocket_answer_text(r, NGX_HTTP_FORBIDDEN,
                              "websocket_transports has no WebSocket here");
    }

    options.subprotocol = ngx_http_websocket_subprotocol(r);
    options.protocol = conf->centrifuge
                       ? ngx_http_websocket_centrifuge_form(r,
                                                          &options.subprotocol)
                       : ngx_http_websocket_handshake_protocol(
                                                          options.subprotocol);

    return ngx_http_websocket_open(r, &options, &h.key);
}


/* a browser's address line, a search engine */

static ngx_int_t
ngx_http_websocket_handshake_plain(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HANDSHAKE);

    return ngx_http_websocket_upgrade_required(r,
                                            "this is a WebSocket endpoint: "
                                            "connect with a WebSocket client");
}


static ngx_int_t
ngx_http_websocket_handshake_method(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_str_t                      *allow;
    ngx_http_websocket_loc_conf_t  *conf;

    static ngx_str_t                get = ngx_string("GET");
    static ngx_str_t                both = ngx_string("GET, POST");

    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_METHOD);

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    allow = conf->publishes && !ngx_http_websocket_handshake_hooked(conf)
            ? &both : &get;

    return ngx_http_websocket_not_allowed(r, allow,
                               allow == &both ? "use a WebSocket, GET or POST"
                                              : "use a WebSocket or GET");
}


/*
 * A subrequest (of an include, auth_request or mirror) has the connection of
 * another request, and what asks an application has none.
 */

static ngx_int_t
ngx_http_websocket_subrequest(ngx_http_request_t *r)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "websocket stream \"%V\" is no part of another response",
                  &conf->location);

    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HANDSHAKE);

    return ngx_http_websocket_answer_text(r, NGX_HTTP_FORBIDDEN,
                              "a stream is no part of another response");
}


ngx_int_t
ngx_http_websocket_open(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key)
{
    ngx_http_websocket_loc_conf_t  *conf;

    /*
     * error_page has kept the status of an error: a stream cannot be answered
     * with it.
     */

    if (r->err_status >= NGX_HTTP_SPECIAL_RESPONSE) {
        return r->err_status;
    }

    r->err_status = 0;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    /* without a master process a zone of a later configuration has no hub */

    if (!ngx_http_websocket_open_possible(conf)
        && (conf->zone == NULL || conf->zone->hub))
    {
        return ngx_http_websocket_slotless(r, options, key);
    }

    return ngx_http_websocket_open_now(r, options, key);
}


/*
 * A worker that shuts down accepts a handshake, in order to tell the client to
 * connect again.
 */

static ngx_uint_t
ngx_http_websocket_open_possible(ngx_http_websocket_loc_conf_t *conf)
{
    if (conf->zone && conf->zone->hub == NULL) {
        return 0;
    }

    return ngx_exiting
           || (ngx_http_websocket_worker_seek()
               && ngx_http_websocket_drain_holds(conf));
}


ngx_int_t
ngx_http_websocket_open_now(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key)
{
    ngx_int_t                       rc;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!ngx_http_websocket_open_possible(conf)) {
        return ngx_http_websocket_open_slotless(r);
    }

    ctx = NULL;
    rc = ngx_http_websocket_check_request(r);

    if (rc == NGX_HTTP_WEBSOCKET_PASS) {
        rc = ngx_http_websocket_open_asked(r, options, &ctx);
    }

    if (rc == NGX_HTTP_WEBSOCKET_PASS && r->method == NGX_HTTP_HEAD) {
        return ngx_http_websocket_open_head(r, options);
    }

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    rc = ngx_http_websocket_introduce(r, ctx, options, key);

    if (rc == NGX_DONE) {
        return NGX_DONE;
    }

    return rc == NGX_HTTP_WEBSOCKET_PASS
           ? ngx_http_websocket_open_asking(r, options, key)
           : ngx_http_websocket_open_refused(options, rc);
}


/* asks for the histories of the channels */

static ngx_int_t
ngx_http_websocket_open_asking(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key)
{
    ngx_int_t                  rc;
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    rc = ngx_http_websocket_opening(r, ctx, options, key);

    return rc == NGX_AGAIN
           ? NGX_DONE : ngx_http_websocket_open_checked(r, options, key, rc);
}


ngx_int_t
ngx_http_websocket_open_introduced(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key)
{
    ngx_int_t                       rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    rc = ngx_http_websocket_open_possible(conf)
         ? ngx_http_websocket_check_again(r)
         : ngx_http_websocket_open_slotless(r);

    return rc == NGX_HTTP_WEBSOCKET_PASS
           ? ngx_http_websocket_open_asking(r, options, key)
           : ngx_http_websocket_open_refused(options, rc);
}


/* the request has waited: what was checked may have changed */

ngx_int_t
ngx_http_websocket_open_again(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key, ngx_int_t history)
{
    ngx_int_t                       rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    rc = ngx_http_websocket_open_possible(conf)
         ? ngx_http_websocket_check_again(r)
         : ngx_http_websocket_open_slotless(r);

    return rc == NGX_HTTP_WEBSOCKET_PASS
           ? ngx_http_websocket_open_checked(r, options, key, history)
           : ngx_http_websocket_open_refused(options, rc);
}


/* opens the stream, now that the histories of its channels were asked for */

static ngx_int_t
ngx_http_websocket_open_checked(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key, ngx_int_t history)
{
    ngx_int_t                  rc;
    ngx_http_websocket_ctx_t  *ctx;

    if (history != NGX_OK) {
        ngx_http_websocket_rejected(r, history == NGX_HTTP_WEBSOCKET_FETCH_AWAY
                                   ? NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE
                                   : NGX_HTTP_WEBSOCKET_REJECTED_MEMORY);

        rc = history == NGX_HTTP_WEBSOCKET_FETCH_AWAY
             ? ngx_http_websocket_unavailable(r, "the channel cannot be had "
                                              "now: try again")
             : NGX_HTTP_INTERNAL_SERVER_ERROR;

        return ngx_http_websocket_open_refused(options, rc);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    rc = ngx_http_websocket_open_session(r, options, ctx);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    if (options->over && options->protocol->event_ids) {

        /* the one status that tells EventSource not to come back */

        ngx_http_websocket_session_discard(ctx);
        return NGX_HTTP_NO_CONTENT;
    }

    ngx_http_websocket_mask(r);

    if (options->commands.len && ngx_http_websocket_cors(r) != NGX_OK) {
        ngx_http_websocket_session_discard(ctx);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = key ? ngx_http_websocket_switch_protocols(r, options, key)
             : ngx_http_websocket_fallback_header(r, options);

    if (rc != NGX_OK) {
        ngx_http_websocket_session_discard(ctx);
        return rc;
    }

    ngx_http_websocket_session_start(ctx->session);

    if (ctx->introduced && ctx->introduced->send) {
        (void) ngx_http_websocket_hooked_send(ctx->session,
                                              ctx->introduced->send);
    }

    if (options->commands.len) {
        ngx_http_websocket_emulated_take(ctx->session, options->commands.data,
                                         options->commands.len);
    }

    return NGX_DONE;
}


/*
 * frees what the options have: the request was answered with rc, before there
 * was a session
 */

static ngx_int_t
ngx_http_websocket_open_refused(ngx_http_websocket_options_t *options,
    ngx_int_t rc)
{
    if (options->filter) {
        ngx_http_websocket_filters_release(options->filter);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_open_slotless(ngx_http_request_t *r)
{
    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE);

    return ngx_http_websocket_unavailable(r, "no worker slot is free");
}


/* a check that reads what the client asks for */

static ngx_int_t
ngx_http_websocket_open_asked(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_http_websocket_ctx_t **ctx)
{
    char                           *error;
    ngx_int_t                       rc, permitted;
    ngx_http_websocket_rejected_e   reason;

    reason = NGX_HTTP_WEBSOCKET_REJECTED_CHANNEL;
    rc = ngx_http_websocket_channel_names(r, ctx, &error);

    if (rc == NGX_OK) {
        reason = NGX_HTTP_WEBSOCKET_REJECTED_POSITION;
        rc = ngx_http_websocket_options(r, *ctx, options, &error);
    }

    if (rc == NGX_OK) {

        /* a client that may not come in must not have filters compiled */

        permitted = ngx_http_websocket_check_channels(r, *ctx);

        if (permitted != NGX_HTTP_WEBSOCKET_PASS) {
            return permitted;
        }

        reason = NGX_HTTP_WEBSOCKET_REJECTED_SELECTION;
        rc = ngx_http_websocket_subscribe_args(r, options, &error);
    }

    if (rc == NGX_HTTP_BAD_REQUEST) {
        ngx_http_websocket_rejected(r, reason);

        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                                              error);
    }

    return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_PASS
                        : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* the header that a GET would get */

static ngx_int_t
ngx_http_websocket_open_head(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options)
{
    if (options->filter) {
        ngx_http_websocket_filters_release(options->filter);
    }

    return ngx_http_websocket_fallback_head(r, options);
}


/* a check that makes the session */

static ngx_int_t
ngx_http_websocket_open_session(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_http_websocket_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_session_create(r, ctx, options);

    if (options->filter) {
        ngx_http_websocket_filters_release(options->filter);
    }

    switch (rc) {

    case NGX_HTTP_WEBSOCKET_ROOM_OK:
        return NGX_HTTP_WEBSOCKET_PASS;

    case NGX_HTTP_WEBSOCKET_ROOM_STUCK:
        return ngx_http_websocket_open_later(r);

    case NGX_HTTP_WEBSOCKET_ROOM_FULL:
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_ZONE_FULL);

        return ngx_http_websocket_unavailable(r, "the zone is full");

    case NGX_HTTP_WEBSOCKET_ROOM_LIMIT:
        ngx_http_websocket_rejected(r,
                                    NGX_HTTP_WEBSOCKET_REJECTED_CONNECTIONS);

        return ngx_http_websocket_unavailable(r, "too many connections");

    default:  /* NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY */
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_MEMORY);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* the zone is stuck: the handshake begins anew when it is not */

static ngx_int_t
ngx_http_websocket_open_later(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_await(r, ngx_http_websocket_handshake_handler);

    switch (rc) {

    case NGX_DONE:
        return NGX_DONE;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        ngx_http_websocket_rejected(r,
                                    NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE);

        return ngx_http_websocket_unavailable(r, "the zone cannot be had "
                                              "now: try again");

    default:  /* NGX_ERROR */
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_MEMORY);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


/* a check: whether the handshake is one of RFC 6455, section 4.2.1 */

static ngx_int_t
ngx_http_websocket_handshake_check(ngx_http_request_t *r,
    ngx_http_websocket_handshake_t *h)
{
    char       *error;
    ngx_int_t   rc;

    error = ngx_http_websocket_handshake_request_error(r);

    /*
     * Discarding a body forgets its length, so that the checks above come
     * first.
     */

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    if (error) {
        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                                              error);
    }

    ngx_http_websocket_handshake_headers(r, h);

    error = ngx_http_websocket_handshake_header_error(h);

    if (error) {
        return ngx_http_websocket_answer_text(r, NGX_HTTP_BAD_REQUEST,
                                              error);
    }

    if (!ngx_http_websocket_handshake_version(h)) {
        return ngx_http_websocket_upgrade_required(r,
                                       "Sec-WebSocket-Version must be 13");
    }

    return NGX_HTTP_WEBSOCKET_PASS;
}


static ngx_uint_t
ngx_http_websocket_handshake_version(ngx_http_websocket_handshake_t *h)
{
    return h->version.len == ngx_http_websocket_version.len
           && ngx_strncmp(h->version.data, ngx_http_websocket_version.data,
                          h->version.len)
              == 0;
}


ngx_uint_t
ngx_http_websocket_handshake_key(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_http_websocket_handshake_t  h;

    if (!ngx_http_websocket_asks(r)
        || ngx_http_websocket_handshake_request_error(r))
    {
        return 0;
    }

    ngx_memzero(&h, sizeof(ngx_http_websocket_handshake_t));
    ngx_http_websocket_handshake_headers(r, &h);

    if (ngx_http_websocket_handshake_header_error(&h)
        || !ngx_http_websocket_handshake_version(&h))
    {
        return 0;
    }

    *key = h.key;

    return 1;
}


static char *
ngx_http_websocket_handshake_request_error(ngx_http_request_t *r)
{
    if (r->http_version >= NGX_HTTP_VERSION_20) {
        return "WebSocket needs HTTP/1.1: the connection uses HTTP/2 or later";
    }

    if (r->http_version < NGX_HTTP_VERSION_11) {
        return "WebSocket needs HTTP/1.1: the request has an older version, "
               "which a proxy on the way may have made of it";
    }

    if (r->method != NGX_HTTP_GET) {
        return "WebSocket needs the method GET";
    }

    if (r->headers_in.content_length_n > 0 || r->headers_in.chunked) {
        return "a WebSocket handshake has no body";
    }

    return NULL;
}


static void
ngx_http_websocket_handshake_headers(ngx_http_request_t *r,
    ngx_http_websocket_handshake_t *h)
{
    ngx_table_elt_t               *header;
    ngx_http_websocket_headers_t   headers;

    ngx_http_websocket_headers_begin(r, &headers);

    for ( ;; ) {
        header = ngx_http_websocket_headers_next(&headers, NULL);

        if (header == NULL) {
            return;
        }

        if (ngx_http_websocket_header_is(header, "upgrade")) {
            h->websocket |= ngx_http_websocket_has_token(&header->value,
                                             &ngx_http_websocket_websocket, 1);
            h->upgrades++;

        } else if (ngx_http_websocket_header_is(header, "connection")) {
            h->connection |= ngx_http_websocket_has_token(&header->value,
                                         &ngx_http_websocket_upgrade_token, 1);

        } else if (ngx_http_websocket_header_is(header, "sec-websocket-key")) {
            h->key = header->value;
            h->keys++;

        } else if (ngx_http_websocket_header_is(header,
                                                "sec-websocket-version"))
        {
            h->version = header->value;
            h->versions++;
        }
    }
}


static char *
ngx_http_websocket_handshake_header_error(ngx_http_websocket_handshake_t *h)
{
    u_char     buf[NGX_HTTP_WEBSOCKET_KEY_SIZE + 2];
    ngx_str_t  key;

    if (h->upgrades == 0) {
        return "the Upgrade header is missing: a proxy on the way must pass it "
               "on";
    }

    if (!h->websocket) {
        return "the Upgrade header is not \"websocket\"";
    }

    if (!h->connection) {
        return "the Connection header has no \"upgrade\": a proxy on the way "
               "must pass it on";
    }

    if (h->keys == 0) {
        return "the Sec-WebSocket-Key header is missing";
    }

    key.data = buf;

    if (h->keys > 1
        || h->key.len != ngx_base64_encoded_length(NGX_HTTP_WEBSOCKET_KEY_SIZE)
        || ngx_decode_base64(&key, &h->key) != NGX_OK
        || key.len != NGX_HTTP_WEBSOCKET_KEY_SIZE)
    {
        return "the Sec-WebSocket-Key header is not one of 16 bytes in base64";
    }

    if (h->versions == 0) {
        return "the Sec-WebSocket-Version header is missing";
    }

    if (h->versions > 1) {
        return "there are several Sec-WebSocket-Version headers";
    }

    return NULL;
}


static ngx_int_t
ngx_http_websocket_upgrade_required(ngx_http_request_t *r, char *text)
{
    /* in HTTP/2 it must not be there: RFC 9113, section 8.2.2 */

    if (r->http_version < NGX_HTTP_VERSION_20
        && ngx_http_websocket_add_header(r, "Upgrade",
                                         &ngx_http_websocket_websocket)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_websocket_add_header(r, "Sec-WebSocket-Version",
                                      &ngx_http_websocket_version)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_answer_text(r, NGX_HTTP_WEBSOCKET_UPGRADE,
                                          text);
}


static ngx_int_t
ngx_http_websocket_unavailable(ngx_http_request_t *r, char *text)
{
    if (ngx_http_websocket_retry_later(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                          text);
}


/* looks in a comma-separated list; fold: letters' case does not matter */

static ngx_uint_t
ngx_http_websocket_has_token(ngx_str_t *list, ngx_str_t *token,
    ngx_uint_t fold)
{
    u_char  *p, *last, *end, *next;

    last = list->data + list->len;

    for (p = list->data; p < last; p = next + 1) {

        next = ngx_strlchr(p, last, ',');
        if (next == NULL) {
            next = last;
        }

        end = next;

        while (p < end && (*p == ' ' || *p == '\t')) {
            p++;
        }

        while (p < end && (end[-1] == ' ' || end[-1] == '\t')) {
            end--;
        }

        if ((size_t) (end - p) != token->len) {
            continue;
        }

        if (fold ? ngx_strncasecmp(p, token->data, token->len) == 0
                 : ngx_strncmp(p, token->data, token->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * An extension that the client does not offer, or that is not acceptable, is
 * left out.
 */

static ngx_int_t
ngx_http_websocket_extensions(ngx_http_request_t *r,
    ngx_websocket_deflate_t *agreed)
{
    ngx_table_elt_t                *header;
    ngx_http_websocket_headers_t    headers;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->deflate == NULL) {
        return NGX_OK;
    }

    ngx_http_websocket_headers_begin(r, &headers);

    do {
        header = ngx_http_websocket_headers_next(&headers,
                                                 "sec-websocket-extensions");
        if (header == NULL) {
            return NGX_OK;
        }

    } while (ngx_http_websocket_deflate_offer(conf, &header->value, agreed)
             == NGX_OK);

    return NGX_HTTP_BAD_REQUEST;
}


static ngx_int_t
ngx_http_websocket_switch_protocols(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key)
{
    ngx_int_t  rc;

    if (ngx_http_websocket_switch(r, options->subprotocol, key) != NGX_OK
        || (options->deflate.accepted
            && ngx_http_websocket_add_deflate(r, &options->deflate) != NGX_OK))
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    rc = ngx_http_send_special(r, NGX_HTTP_FLUSH);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_websocket_switch(ngx_http_request_t *r, ngx_str_t *subprotocol,
    ngx_str_t *key)
{
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    ngx_str_set(&r->headers_out.status_line, "101 Switching Protocols");

    r->keepalive = 0;

    if (ngx_http_websocket_add_header(r, "Upgrade",
                                      &ngx_http_websocket_websocket) != NGX_OK
        || ngx_http_websocket_add_accept(r, key) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return subprotocol
           ? ngx_http_websocket_add_header(r, "Sec-WebSocket-Protocol",
                                           subprotocol)
           : NGX_OK;
}


static ngx_int_t
ngx_http_websocket_add_accept(ngx_http_request_t *r, ngx_str_t *key)
{
    u_char      digest[NGX_HTTP_WEBSOCKET_SHA1];
    ngx_str_t   hash, accept;
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_update(&sha1, ngx_http_websocket_guid,
                    sizeof(ngx_http_websocket_guid) - 1);
    ngx_sha1_final(digest, &sha1);

    hash.len = NGX_HTTP_WEBSOCKET_SHA1;
    hash.data = digest;

    accept.data = ngx_pnalloc(r->pool, ngx_base64_encoded_length(hash.len));
    if (accept.data == NULL) {
        return NGX_ERROR;
    }

    ngx_encode_base64(&accept, &hash);

    return ngx_http_websocket_add_header(r, "Sec-WebSocket-Accept", &accept);
}


static ngx_int_t
ngx_http_websocket_add_deflate(ngx_http_request_t *r,
    ngx_websocket_deflate_t *agreed)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_websocket_deflate_response(agreed, value.data);

    return ngx_http_websocket_add_header(r, "Sec-WebSocket-Extensions",
                                         &value);
}


ngx_str_t *
ngx_http_websocket_subprotocol(ngx_http_request_t *r)
{
    ngx_uint_t                      i;
    ngx_str_t                      *name;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->subprotocols == NULL) {
        return NULL;
    }

    name = conf->subprotocols->elts;

    for (i = 0; i < conf->subprotocols->nelts; i++) {
        if (ngx_http_websocket_offered(r, &name[i])) {
            return &name[i];
        }
    }

    return NULL;
}


/* most subprotocols mean something only to the applications at both ends */

static const ngx_http_websocket_protocol_t *
ngx_http_websocket_handshake_protocol(ngx_str_t *subprotocol)
{
    ngx_uint_t                            i;
    const ngx_http_websocket_protocol_t  *protocol;

    for (i = 0; subprotocol && ngx_http_websocket_protocols[i]; i++) {

        protocol = ngx_http_websocket_protocols[i];

        if (protocol->subprotocol.len == subprotocol->len
            && ngx_strncmp(protocol->subprotocol.data, subprotocol->data,
                           subprotocol->len)
               == 0)
        {
            return protocol;
        }
    }

    return &ngx_http_websocket_plain_protocol;
}


ngx_uint_t
ngx_http_websocket_offered(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_table_elt_t               *header;
    ngx_http_websocket_headers_t   headers;

    ngx_http_websocket_headers_begin(r, &headers);

    do {
        header = ngx_http_websocket_headers_next(&headers,
                                                 "sec-websocket-protocol");
        if (header == NULL) {
            return 0;
        }

    } while (!ngx_http_websocket_has_token(&header->value, name, 0));

    return 1;
}
