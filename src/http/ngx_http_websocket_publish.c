
/*
 * The HTTP side of a channel: POST publishes.
 */


#include "http/ngx_http_websocket_publish.h"
#include "broker/ngx_http_websocket_broker.h"
#include "broker/ngx_http_websocket_key.h"
#include "delivery/ngx_http_websocket_intake.h"
#include "delivery/ngx_http_websocket_priority.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_fetch.h"
#include "http/ngx_http_websocket_handshake.h"
#include "http/ngx_http_websocket_history.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_publish_batch.h"
#include "http/ngx_http_websocket_publish_body.h"
#include "http/ngx_http_websocket_publish_large.h"
#include "http/ngx_http_websocket_publish_typed.h"
#include "http/ngx_http_websocket_request.h"
#include "http/ngx_http_websocket_suspend.h"
#include "http/ngx_http_websocket_variables.h"
#include "hub/ngx_http_websocket_worker.h"
#include "session/ngx_http_websocket_session.h"
#include "store/message.h"
#include "wire/frame.h"


#define NGX_HTTP_WEBSOCKET_KEY_MAX    255       /* the longest
                                                   Idempotency-Key */


/* a request that waits for its message to be published */

typedef struct {
    ngx_http_request_t                   *request;
    ngx_http_websocket_publish_t         *pending;  /* NULL: it is */
    ngx_http_websocket_publish_wait_pt    handler;
    void                                 *data;
} ngx_http_websocket_publishing_t;


static ngx_int_t ngx_http_websocket_publish_now(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_publish_check(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_post(ngx_http_request_t *r);
static void ngx_http_websocket_publish_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_message(ngx_http_request_t *r);
static off_t ngx_http_websocket_publish_most(ngx_http_request_t *r,
    ngx_http_websocket_loc_conf_t *conf);
static ngx_int_t ngx_http_websocket_publish_too_large(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_taken(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_publish_append(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body);
static ngx_int_t ngx_http_websocket_publish_try(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p);
static void ngx_http_websocket_publish_gone(void *data);
static void ngx_http_websocket_publish_done(ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_publish_later(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_publish_again(ngx_http_request_t *r);
static ngx_uint_t ngx_http_websocket_publish_binary(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_key(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, ngx_str_t *value);
static ngx_int_t ngx_http_websocket_publish_end(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, char **error);
static ngx_int_t ngx_http_websocket_publish_except(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, char **error);


static ngx_str_t  ngx_http_websocket_allow =
    ngx_string("GET, HEAD, POST, DELETE");
static ngx_str_t  ngx_http_websocket_allow_get = ngx_string("GET");


ngx_int_t
ngx_http_websocket_publish_handler(ngx_http_request_t *r)
{
    return ngx_http_websocket_in_turn(r, ngx_http_websocket_publish_now);
}


static ngx_int_t
ngx_http_websocket_publish_now(ngx_http_request_t *r, void *data)
{
    ngx_int_t  rc;

    if (r->method != NGX_HTTP_POST) {

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            ngx_http_websocket_mask(r);
            return rc;
        }
    }

    rc = ngx_http_websocket_publish_check(r);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    switch (r->method) {

    case NGX_HTTP_POST:
        return ngx_http_websocket_publish_post(r);

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:

        if (ngx_http_websocket_asks(r)) {
            ngx_http_websocket_rejected(r,
                                       NGX_HTTP_WEBSOCKET_REJECTED_HANDSHAKE);

            return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                      "not_a_stream", "websocket_publish is for "
                                      "publishing: connect to a location with "
                                      "\"websocket\"");
        }

        return ngx_http_websocket_history_get(r);

    case NGX_HTTP_DELETE:
        return ngx_http_websocket_history_delete(r);

    default:
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_METHOD);

        return ngx_http_websocket_not_allowed(r, &ngx_http_websocket_allow,
                                              "use POST, GET or DELETE");
    }
}


ngx_int_t
ngx_http_websocket_publish_from_client(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!conf->publishes) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_METHOD);

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_websocket_not_allowed(r, &ngx_http_websocket_allow_get,
                                              "this stream does not take "
                                              "messages: publish in a location "
                                              "with websocket_publish");
    }

    rc = ngx_http_websocket_publish_check(r);

    return rc == NGX_HTTP_WEBSOCKET_PASS ? ngx_http_websocket_publish_post(r)
                                         : rc;
}


/* a check; the names of the channels are in the request's context then */

static ngx_int_t
ngx_http_websocket_publish_check(ngx_http_request_t *r)
{
    char                      *error;
    ngx_int_t                  rc;
    ngx_http_websocket_ctx_t  *ctx;

    rc = ngx_http_websocket_check_request(r);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    rc = ngx_http_websocket_channel_names(r, &ctx, &error);

    if (rc == NGX_HTTP_BAD_REQUEST) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_CHANNEL);

        return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                               "invalid_channel", error);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_check_channels(r, ctx);
}


static ngx_int_t
ngx_http_websocket_publish_post(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (r->headers_in.content_length_n
        > ngx_http_websocket_publish_most(r, conf))
    {
        /*
         * The length alone is enough to refuse the body, before any of it is
         * read.
         */

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_websocket_publish_too_large(r);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_websocket_publish_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_websocket_publish_body(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /*
     * The token may have expired while the body was read, which takes as long
     * as the client likes.
     */

    rc = ngx_http_websocket_check_again(r);

    if (rc == NGX_HTTP_WEBSOCKET_PASS) {
        rc = ngx_http_websocket_publish_message(r);
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_websocket_publish_message(ngx_http_request_t *r)
{
    ngx_http_websocket_loc_conf_t      *conf;
    ngx_http_websocket_publish_body_t  *body;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    body = ngx_http_websocket_publish_body_of(r);
    if (body == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (body->size > ngx_http_websocket_publish_most(r, conf)) {
        return ngx_http_websocket_publish_too_large(r);
    }

    body->text = !ngx_http_websocket_publish_binary(r);
    body->keyed = ngx_http_websocket_header(r, "idempotency-key", NULL) != NULL;
    body->stays = body->size > NGX_WEBSOCKET_STORE_PIECE
                  && conf->zone->broker->in_turns
                  && ngx_http_websocket_worker_slot()
                     != NGX_HTTP_WEBSOCKET_NO_SLOT
                  && !ngx_http_websocket_publish_batch_is(r)
                  && !ngx_http_websocket_publish_is_typed(r);

    return body->size > NGX_WEBSOCKET_STORE_FILL
           ? ngx_http_websocket_later(r, ngx_http_websocket_publish_taken, body)
           : ngx_http_websocket_publish_taken(r, body);
}


/* as ngx_http_websocket_later_pt: the whole body has come */

static ngx_int_t
ngx_http_websocket_publish_taken(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_publish_body_t *body = data;

    switch (ngx_http_websocket_publish_body_check(body)) {

    case NGX_OK:
        break;

    case NGX_BUSY:
        return NGX_BUSY;

    case NGX_DECLINED:
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_NOT_UTF8);

        return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                    "invalid_utf8",
                                    "the body is not UTF-8: publish binary "
                                    "messages as application/octet-stream");

    default:  /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_publish_batch_is(r)
           ? ngx_http_websocket_publish_batch(r, body->parts, body->n)
           : ngx_http_websocket_publish_append(r, body);
}


/* of a body */

static off_t
ngx_http_websocket_publish_most(ngx_http_request_t *r,
    ngx_http_websocket_loc_conf_t *conf)
{
    return ngx_http_websocket_publish_batch_is(r)
           ? (off_t) ngx_max(conf->max_message_size,
                             NGX_HTTP_WEBSOCKET_BATCH_BODY)
           : (off_t) conf->max_message_size;
}


static ngx_int_t
ngx_http_websocket_publish_too_large(ngx_http_request_t *r)
{
    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_TOO_LARGE);

    return ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                    "too_large",
                                    "the message is larger than "
                                    "websocket_max_message_size");
}


static ngx_int_t
ngx_http_websocket_publish_append(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body)
{
    char                          *error;
    ngx_uint_t                     bare;
    ngx_websocket_json_error_t     invalid;
    ngx_http_websocket_publish_t   p;

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));

    p.parts = body->parts;
    p.n = body->n;
    p.message.type = body->text ? NGX_WEBSOCKET_TEXT : NGX_WEBSOCKET_BINARY;

    if (body->keyed) {

        /* of what the client sent: a stamp is another one each time */

        p.message.digest = body->digest;
    }

    /* an end without a last message */

    bare = body->size == 0
           && ngx_http_websocket_header(r, "x-websocket-end", NULL);

    switch (bare ? NGX_WEBSOCKET_JSON_OK
                 : ngx_http_websocket_publish_intake(r, &p.message, p.parts,
                                                     &p.n, &invalid))
    {
    case NGX_WEBSOCKET_JSON_OK:
        break;

    case NGX_WEBSOCKET_JSON_REFUSED:
        return ngx_http_websocket_publish_invalid(r, &invalid);

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    error = NULL;

    if (ngx_http_websocket_publish_options(r, &p.message, &error) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (error == NULL) {
        error = ngx_http_websocket_publish_durable(r, &p);
    }

    if (error == NULL && !bare) {
        error = ngx_http_websocket_publish_skip(r, &p.message);
    }

    if (bare) {
        p.message.ephemeral = 1;
        p.n = 0;

    } else if (error == NULL) {
        error = ngx_http_websocket_publish_tags(r, &p.message, p.parts, &p.n);
    }

    if (error) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HEADER);

        return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                               "invalid_header", error);
    }

    if (body->stays) {
        body->tagged = p.message.meta != 0;

        return ngx_http_websocket_publish_large(r, body, &p);
    }

    return ngx_http_websocket_publish_try(r, &p);
}


static ngx_int_t
ngx_http_websocket_publish_try(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_store_history_t   history;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    p->channel = ctx->channels[0];
    p->history = ngx_http_websocket_conf_history(conf, &history);
    p->describe = 1;

    if (conf->zone->broker->publish(conf->zone, p) == NGX_AGAIN) {
        return ngx_http_websocket_publish_wait(r, p->pending,
                                         ngx_http_websocket_publish_answer,
                                               NULL);
    }

    if (p->rc == NGX_WEBSOCKET_STORE_BUSY) {
        return ngx_http_websocket_publish_later(r, p);
    }

    return ngx_http_websocket_publish_answer(r, p, NULL);
}


ngx_int_t
ngx_http_websocket_publish_wait(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *pending,
    ngx_http_websocket_publish_wait_pt handler, void *data)
{
    ngx_http_cleanup_t               *cln;
    ngx_http_websocket_publishing_t  *publishing;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_publishing_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    publishing = cln->data;

    publishing->request = r;
    publishing->pending = pending;
    publishing->handler = handler;
    publishing->data = data;

    cln->handler = ngx_http_websocket_publish_gone;

    pending->done = ngx_http_websocket_publish_done;
    pending->data = publishing;

    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_publish_gone(void *data)
{
    ngx_http_websocket_publishing_t  *publishing = data;

    if (publishing->pending) {
        publishing->pending->done = NULL;
    }
}


static void
ngx_http_websocket_publish_done(ngx_http_websocket_publish_t *p)
{
    ngx_http_request_t               *r;
    ngx_http_websocket_publishing_t  *publishing;

    publishing = p->data;
    publishing->pending = NULL;

    r = publishing->request;

    ngx_http_websocket_resume(r);
    ngx_http_websocket_finish(r, publishing->handler(r, p, publishing->data));
}


ngx_int_t
ngx_http_websocket_publish_answer(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data)
{
    json_t                         *json;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    if (p->rc < NGX_WEBSOCKET_STORE_OK) {
        return ngx_http_websocket_publish_refused(r, p->rc);
    }

    if (p->durable && p->reached == NGX_HTTP_WEBSOCKET_REACHED_LATE) {
        return ngx_http_websocket_publish_late(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    /* a message that was there already has a place of its own */

    p->info.offset = p->message.offset;

    json = ngx_http_websocket_history_channel(&ctx->channels[0], &p->info);

    if (p->rc == NGX_WEBSOCKET_STORE_DUPLICATE) {
        (void) json_object_set_new(json, "duplicate", json_true());

    } else {
        conf->stats->published++;
    }

    if (p->durable || conf->durable) {
        ngx_http_websocket_publish_reached(json, p);
    }

    if (conf->zone->remote) {
        (void) json_object_set_new(json, "nodes",
                                   json_integer((json_int_t) p->nodes));
    }

    return ngx_http_websocket_answer_json(r, p->info.subscribers || p->nodes
                                             ? NGX_HTTP_OK
                                             : NGX_HTTP_ACCEPTED,
                                          json);
}


void
ngx_http_websocket_publish_reached(json_t *json,
    ngx_http_websocket_publish_t *p)
{
    (void) json_object_set_new(json, "durable",
               json_string(p->durable
                           && p->reached == NGX_HTTP_WEBSOCKET_REACHED_FILE
                           ? "file" : "memory"));
}


/* it is published all the same: with its key it can be repeated */

ngx_int_t
ngx_http_websocket_publish_late(ngx_http_request_t *r)
{
    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE);

    return ngx_http_websocket_answer_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                "not_durable",
                                "the message is published, and not on the "
                                "disk yet: repeat it with its Idempotency-Key");
}


ngx_int_t
ngx_http_websocket_publish_refused(ngx_http_request_t *r, int rc)
{
    ngx_http_websocket_loc_conf_t  *conf;

    if (rc == NGX_WEBSOCKET_STORE_MISMATCH) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HEADER);

        return ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_WEBSOCKET_UNPROCESSABLE,
                                    "idempotency_mismatch",
                                    "the Idempotency-Key was that of a "
                                    "message with another body");
    }

    if (rc == NGX_WEBSOCKET_STORE_ENDED) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_ENDED);

        return ngx_http_websocket_answer_error(r, NGX_HTTP_CONFLICT,
                                               "ended",
                                               "the channel has ended: "
                                               "DELETE it to begin anew");
    }

    if (rc == NGX_HTTP_WEBSOCKET_BROKER_AWAY) {
        return ngx_http_websocket_broker_away(r);
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "websocket zone \"%V\" cannot take the message: %s",
                  &conf->zone->name, ngx_websocket_store_strerror(rc));

    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_ZONE_FULL);

    return ngx_http_websocket_answer_error(r, NGX_HTTP_INSUFFICIENT_STORAGE,
                                    "zone_full",
                                    "the zone has no space for the message");
}


/* the zone is stuck: what is ready is kept, but the body it is part of is */

static ngx_int_t
ngx_http_websocket_publish_later(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p)
{
    u_char                        *tags;
    ngx_http_websocket_ctx_t      *ctx;
    ngx_http_websocket_publish_t  *kept;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (p != ctx->pending) {

        kept = ngx_palloc(r->pool, sizeof(ngx_http_websocket_publish_t)
                                   + p->message.meta);
        if (kept == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        *kept = *p;

        if (kept->message.meta) {
            tags = (u_char *) &kept[1];
            ngx_memcpy(tags, kept->parts[0].data, kept->message.meta);
            kept->parts[0].data = tags;
        }

        ctx->pending = kept;
    }

    return ngx_http_websocket_await_or_refuse(r,
                                             ngx_http_websocket_publish_again);
}


static ngx_int_t
ngx_http_websocket_publish_again(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_websocket_ctx_t  *ctx;

    rc = ngx_http_websocket_check_again(r);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    return ngx_http_websocket_publish_try(r, ctx->pending);
}


ngx_int_t
ngx_http_websocket_publish_options(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, char **error)
{
    ngx_uint_t        several;
    ngx_table_elt_t  *h;

    h = ngx_http_websocket_header(r, "x-websocket-priority", &several);

    if (h) {
        if (several) {
            *error = "there are several X-WebSocket-Priority headers";
            return NGX_OK;
        }

        message->priority = ngx_http_websocket_priority_name(h->value.data,
                                                             h->value.len);
        if (message->priority == 0) {
            *error = "X-WebSocket-Priority is not low, normal, high or urgent";
            return NGX_OK;
        }
    }

    if (ngx_http_websocket_publish_end(r, message, error) != NGX_OK
        || ngx_http_websocket_publish_except(r, message, error) != NGX_OK)
    {
        return NGX_OK;
    }

    h = ngx_http_websocket_header(r, "idempotency-key", &several);

    if (h == NULL) {
        return NGX_OK;
    }

    if (several) {
        *error = "there are several Idempotency-Key headers";
        return NGX_OK;
    }

    if (h->value.len == 0 || h->value.len > NGX_HTTP_WEBSOCKET_KEY_MAX) {
        *error = "Idempotency-Key is not of 1 to "
                 ngx_value(NGX_HTTP_WEBSOCKET_KEY_MAX) " bytes";
        return NGX_OK;
    }

    return ngx_http_websocket_publish_key(r, message, &h->value);
}


char *
ngx_http_websocket_publish_durable(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p)
{
    ngx_uint_t                      several, file;
    ngx_table_elt_t                *h;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    file = conf->durable;

    h = ngx_http_websocket_header(r, "x-websocket-durable", &several);

    if (h) {
        file = (h->value.len == 4
                && ngx_strncmp(h->value.data, "file", 4) == 0);

        if (several
            || (!file && (h->value.len != 6
                          || ngx_strncmp(h->value.data, "memory", 6) != 0)))
        {
            return "X-WebSocket-Durable is neither memory nor file";
        }

        if (file && conf->zone->dump.len == 0) {
            return "X-WebSocket-Durable: file needs a zone with a file on a "
                   "disk";
        }
    }

    p->durable = file ? NGX_HTTP_WEBSOCKET_DURABLE_WAIT
                      : NGX_HTTP_WEBSOCKET_DURABLE_OFF;
    p->patience = conf->durable_wait;

    return NULL;
}


/* Returns NGX_OK, or NGX_ERROR with *error set. */

static ngx_int_t
ngx_http_websocket_publish_end(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, char **error)
{
    ngx_uint_t                      several;
    ngx_table_elt_t                *h;
    ngx_http_websocket_loc_conf_t  *conf;

    h = ngx_http_websocket_header(r, "x-websocket-end", &several);

    if (h == NULL) {
        return NGX_OK;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!conf->publish) {

        /* a client must not end what others are to get */

        *error = "X-WebSocket-End is for locations with websocket_publish";
        return NGX_ERROR;
    }

    if (several || h->value.len != 1 || h->value.data[0] != '1') {
        *error = "X-WebSocket-End is not 1";
        return NGX_ERROR;
    }

    message->end = 1;

    return NGX_OK;
}


/* as above */

static ngx_int_t
ngx_http_websocket_publish_except(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, char **error)
{
    ngx_int_t         id;
    ngx_uint_t        several;
    ngx_table_elt_t  *h;

    h = ngx_http_websocket_header(r, "x-websocket-except", &several);

    if (h == NULL) {
        return NGX_OK;
    }

    id = several || h->value.len != 16 ? NGX_ERROR
                                       : ngx_hextoi(h->value.data, 16);

    if (id == NGX_ERROR) {
        *error = "X-WebSocket-Except is not a session's 16 digits";
        return NGX_ERROR;
    }

    message->source = (uint64_t) id | NGX_HTTP_WEBSOCKET_SOURCE_EXCEPT;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_publish_key(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, ngx_str_t *value)
{
    ngx_int_t                       rc;
    ngx_str_t                       user;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->publish) {
        ngx_http_websocket_publisher_key(conf->zone, value, message->key);
        return NGX_OK;
    }

    rc = ngx_http_websocket_user(r, &user);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_websocket_client_key(conf->zone, rc == NGX_OK ? &user : NULL, 0,
                                  value, message->key);

    return NGX_OK;
}


static ngx_uint_t
ngx_http_websocket_publish_binary(ngx_http_request_t *r)
{
    static ngx_str_t  binary = ngx_string("application/octet-stream");

    return ngx_http_websocket_publish_of(r, &binary);
}


ngx_uint_t
ngx_http_websocket_publish_of(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_table_elt_t  *type;

    type = r->headers_in.content_type;

    return type
           && type->value.len >= name->len
           && ngx_strncasecmp(type->value.data, name->data, name->len) == 0
           && (type->value.len == name->len
               || type->value.data[name->len] == ';'
               || type->value.data[name->len] == ' ');
}
