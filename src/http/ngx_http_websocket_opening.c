
#include "http/ngx_http_websocket_opening.h"
#include "broker/ngx_http_websocket_broker.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_handshake.h"
#include "http/ngx_http_websocket_suspend.h"
#include "delivery/ngx_http_websocket_filters.h"


typedef struct {
    ngx_http_request_t            *request;
    ngx_http_websocket_fetch_t    *pending;     /* NULL: the fetch has
                                                   completed */
    ngx_str_t                      key;
    ngx_http_websocket_options_t   options;
    unsigned                       socket:1;    /* key is that of its
                                                   handshake */
} ngx_http_websocket_opening_t;


static ngx_int_t ngx_http_websocket_opening_wait(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key,
    ngx_http_websocket_fetch_t *pending);
static void ngx_http_websocket_opening_gone(void *data);
static void ngx_http_websocket_opening_done(ngx_http_websocket_fetch_t *f);


ngx_int_t
ngx_http_websocket_opening(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    ngx_str_t *key)
{
    ngx_http_websocket_fetch_t      f;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!conf->subscribes) {
        return NGX_OK;
    }

    ngx_memzero(&f, sizeof(ngx_http_websocket_fetch_t));

    f.channels = ctx->channels;
    f.n = ctx->nchannels;
    f.since = options->since;
    f.nsince = options->nsince;

    if (conf->zone->broker->history(conf->zone, &f) == NGX_AGAIN) {
        return ngx_http_websocket_opening_wait(r, options, key, f.pending);
    }

    return f.rc;
}


static ngx_int_t
ngx_http_websocket_opening_wait(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key,
    ngx_http_websocket_fetch_t *pending)
{
    ngx_http_cleanup_t            *cln;
    ngx_http_websocket_opening_t  *opening;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_opening_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    opening = cln->data;
    ngx_memzero(opening, sizeof(ngx_http_websocket_opening_t));

    opening->request = r;
    opening->pending = pending;
    opening->options = *options;

    if (key) {
        opening->socket = 1;
        opening->key = *key;
    }

    cln->handler = ngx_http_websocket_opening_gone;

    pending->done = ngx_http_websocket_opening_done;
    pending->data = opening;

    ngx_http_websocket_suspend(r);

    return NGX_AGAIN;
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_opening_gone(void *data)
{
    ngx_http_websocket_opening_t  *opening = data;

    if (opening->pending == NULL) {
        return;
    }

    opening->pending->done = NULL;

    if (opening->options.filter) {
        ngx_http_websocket_filters_release(opening->options.filter);
    }
}


static void
ngx_http_websocket_opening_done(ngx_http_websocket_fetch_t *f)
{
    ngx_int_t                      rc;
    ngx_http_request_t            *r;
    ngx_http_websocket_opening_t  *opening;

    opening = f->data;
    opening->pending = NULL;

    r = opening->request;

    ngx_http_websocket_resume(r);

    rc = ngx_http_websocket_open_again(r, &opening->options,
                                       opening->socket ? &opening->key : NULL,
                                       f->rc);

    if (rc != NGX_DONE) {
        ngx_http_websocket_mask(r);
    }

    ngx_http_websocket_finish(r, rc);
}
