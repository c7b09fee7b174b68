
#include "http/ngx_http_websocket_publish_large.h"
#include "broker/ngx_http_websocket_broker.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_publish.h"
#include "session/ngx_http_websocket_session.h"


typedef struct {
    ngx_http_websocket_publish_t        p;
    ngx_http_websocket_large_t          large;
    ngx_http_websocket_zone_t          *zone;
    ngx_http_websocket_publish_body_t  *body;
    ngx_uint_t                          published;
    u_char                              tags[1];
} ngx_http_websocket_publish_large_t;


static void ngx_http_websocket_publish_large_gone(void *data);
static ngx_int_t ngx_http_websocket_publish_large_step(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_publish_large_again(ngx_http_request_t *r);


ngx_int_t
ngx_http_websocket_publish_large(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body, ngx_http_websocket_publish_t *p)
{
    ngx_http_cleanup_t                  *cln;
    ngx_http_websocket_ctx_t            *ctx;
    ngx_http_websocket_loc_conf_t       *conf;
    ngx_http_websocket_publish_large_t  *one;

    one = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_publish_large_t)
                               + p->message.meta);
    if (one == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_websocket_publish_large_gone;
    cln->data = one;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (p->message.meta) {
        ngx_memcpy(one->tags, p->parts[0].data, p->message.meta);
        p->parts[0].data = one->tags;
    }

    one->large.read = ngx_http_websocket_publish_body_read;
    one->large.reader = body;
    one->zone = conf->zone;
    one->body = body;

    one->p = *p;
    one->p.channel = ctx->channels[0];
    one->p.describe = 1;
    one->p.large = &one->large;

    ctx->pending = one;

    return ngx_http_websocket_later(r, ngx_http_websocket_publish_large_step,
                                    one);
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_publish_large_gone(void *data)
{
    ngx_http_websocket_publish_large_t *one = data;

    ngx_http_websocket_zone_forgo(one->zone, &one->large);
}


/* as ngx_http_websocket_later_pt */

static ngx_int_t
ngx_http_websocket_publish_large_step(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_publish_large_t *one = data;

    ngx_websocket_store_history_t   history;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!one->published) {

        one->p.history = ngx_http_websocket_conf_history(conf, &history);

        (void) one->zone->broker->publish(one->zone, &one->p);

        if (one->p.rc == NGX_WEBSOCKET_STORE_AGAIN) {
            return NGX_BUSY;
        }

        if (one->p.rc == NGX_WEBSOCKET_STORE_BUSY) {
            return ngx_http_websocket_await_or_refuse(r,
                                       ngx_http_websocket_publish_large_again);
        }

        if (one->body->unread) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        one->published = 1;
    }

    if (one->p.rc >= NGX_WEBSOCKET_STORE_OK
        && ngx_http_websocket_publish_body_drop(one->body) == NGX_BUSY)
    {
        return NGX_BUSY;
    }

    return ngx_http_websocket_publish_answer(r, &one->p, NULL);
}


/* the zone is not stuck any more */

static ngx_int_t
ngx_http_websocket_publish_large_again(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_websocket_ctx_t  *ctx;

    rc = ngx_http_websocket_check_again(r);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    return ngx_http_websocket_later(r, ngx_http_websocket_publish_large_step,
                                    ctx->pending);
}
