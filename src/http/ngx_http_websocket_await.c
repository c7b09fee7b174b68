
/*
 * Requests that wait for a zone that is stuck.
 */


#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_suspend.h"
#include "session/ngx_http_websocket_session.h"


struct ngx_http_websocket_await_s {
    ngx_http_websocket_waiter_t   waiter;
    ngx_http_request_t           *request;
    ngx_http_handler_pt           handler;
};


static ngx_http_websocket_await_t *ngx_http_websocket_await_of(
    ngx_http_request_t *r);
static void ngx_http_websocket_await_cleanup(void *data);
static ngx_int_t ngx_http_websocket_await_resume(
    ngx_http_websocket_waiter_t *waiter);


ngx_int_t
ngx_http_websocket_await(ngx_http_request_t *r, ngx_http_handler_pt handler)
{
    ngx_http_websocket_await_t     *await;
    ngx_http_websocket_loc_conf_t  *conf;

    await = ngx_http_websocket_await_of(r);
    if (await == NULL) {
        return NGX_ERROR;
    }

    await->handler = handler;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!ngx_http_websocket_wait(conf->zone, &await->waiter)) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


static ngx_http_websocket_await_t *
ngx_http_websocket_await_of(ngx_http_request_t *r)
{
    ngx_http_cleanup_t          *cln;
    ngx_http_websocket_ctx_t    *ctx;
    ngx_http_websocket_await_t  *await;

    ctx = ngx_http_websocket_ctx(r);

    if (ctx == NULL || ctx->await) {
        return ctx ? ctx->await : NULL;
    }

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_await_t));
    if (cln == NULL) {
        return NULL;
    }

    await = cln->data;
    ngx_memzero(await, sizeof(ngx_http_websocket_await_t));

    await->waiter.handler = ngx_http_websocket_await_resume;
    await->request = r;

    cln->handler = ngx_http_websocket_await_cleanup;
    ctx->await = await;

    return await;
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_await_cleanup(void *data)
{
    ngx_http_websocket_await_t  *await = data;

    ngx_http_websocket_wait_cancel(&await->waiter);
}


static ngx_int_t
ngx_http_websocket_await_resume(ngx_http_websocket_waiter_t *waiter)
{
    ngx_http_request_t          *r;
    ngx_http_websocket_await_t  *await;

    await = ngx_queue_data(waiter, ngx_http_websocket_await_t, waiter);
    r = await->request;

    ngx_http_websocket_resume(r);
    ngx_http_websocket_finish(r, await->handler(r));

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_await_or_refuse(ngx_http_request_t *r,
    ngx_http_handler_pt handler)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_await(r, handler);

    if (rc != NGX_HTTP_SERVICE_UNAVAILABLE) {
        return rc == NGX_DONE ? rc : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE);

    if (ngx_http_websocket_retry_later(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_answer_error(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                           "busy", "the zone cannot be "
                                           "had now: try again");
}


ngx_int_t
ngx_http_websocket_retry_later(ngx_http_request_t *r)
{
    static ngx_str_t  seconds = ngx_string("1");

    return ngx_http_websocket_add_header(r, "Retry-After", &seconds);
}
