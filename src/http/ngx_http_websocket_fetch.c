
#include "http/ngx_http_websocket_fetch.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_suspend.h"


typedef struct {
    ngx_http_request_t             *request;
    ngx_http_websocket_fetch_t     *pending;    /* NULL: the fetch has
                                                   completed */
    ngx_http_websocket_fetched_pt   handler;
} ngx_http_websocket_fetching_t;


static ngx_int_t ngx_http_websocket_fetch_wait(ngx_http_request_t *r,
    ngx_http_websocket_fetch_t *pending,
    ngx_http_websocket_fetched_pt handler);
static void ngx_http_websocket_fetch_gone(void *data);
static void ngx_http_websocket_fetch_done(ngx_http_websocket_fetch_t *f);


ngx_int_t
ngx_http_websocket_fetch(ngx_http_request_t *r, ngx_http_websocket_ask_pt ask,
    ngx_http_websocket_fetched_pt handler)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_fetch_t      f;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_memzero(&f, sizeof(ngx_http_websocket_fetch_t));

    f.channels = ctx->channels;
    f.n = 1;

    if (ask(conf->zone, &f) == NGX_AGAIN) {
        return ngx_http_websocket_fetch_wait(r, f.pending, handler);
    }

    return handler(r, f.rc);
}


static ngx_int_t
ngx_http_websocket_fetch_wait(ngx_http_request_t *r,
    ngx_http_websocket_fetch_t *pending, ngx_http_websocket_fetched_pt handler)
{
    ngx_http_cleanup_t             *cln;
    ngx_http_websocket_fetching_t  *fetching;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_fetching_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    fetching = cln->data;

    fetching->request = r;
    fetching->pending = pending;
    fetching->handler = handler;

    cln->handler = ngx_http_websocket_fetch_gone;

    pending->done = ngx_http_websocket_fetch_done;
    pending->data = fetching;

    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_fetch_gone(void *data)
{
    ngx_http_websocket_fetching_t  *fetching = data;

    if (fetching->pending) {
        fetching->pending->done = NULL;
    }
}


static void
ngx_http_websocket_fetch_done(ngx_http_websocket_fetch_t *f)
{
    ngx_http_request_t             *r;
    ngx_http_websocket_fetching_t  *fetching;

    fetching = f->data;
    fetching->pending = NULL;

    r = fetching->request;

    ngx_http_websocket_resume(r);
    ngx_http_websocket_finish(r, fetching->handler(r, f->rc));
}


ngx_int_t
ngx_http_websocket_broker_away(ngx_http_request_t *r)
{
    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE);

    if (ngx_http_websocket_retry_later(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_answer_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "broker_away",
                                           "the broker cannot be had now: "
                                           "try again");
}
