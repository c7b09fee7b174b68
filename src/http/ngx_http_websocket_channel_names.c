
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_name.h"
#include "hub/ngx_http_websocket_channel_name.h"


static ngx_uint_t ngx_http_websocket_channel_known(
    ngx_http_websocket_ctx_t *ctx, ngx_str_t *name);


ngx_int_t
ngx_http_websocket_channel_names(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t **ctxp, char **error)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i;
    ngx_str_t                       name;
    ngx_http_websocket_name_t      *names;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    ctx->nchannels = 0;
    ctx->channels = ngx_palloc(r->pool,
                               conf->channels->nelts * sizeof(ngx_str_t));
    if (ctx->channels == NULL) {
        return NGX_ERROR;
    }

    names = conf->channels->elts;

    for (i = 0; i < conf->channels->nelts; i++) {

        rc = ngx_http_websocket_name_value(r, &names[i], &name, error);

        if (rc != NGX_OK) {
            return rc;
        }

        *error = ngx_http_websocket_channel_name_error(&name);

        if (*error) {
            return NGX_HTTP_BAD_REQUEST;
        }

        if (!ngx_http_websocket_channel_known(ctx, &name)) {
            ctx->channels[ctx->nchannels++] = name;
        }
    }

    *ctxp = ctx;

    return NGX_OK;
}


ngx_http_websocket_ctx_t *
ngx_http_websocket_ctx(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ctx == NULL) {

        ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_ctx_t));

        if (ctx) {
            ngx_http_set_ctx(r, ctx, ngx_http_websocket_module);
        }
    }

    return ctx;
}


static ngx_uint_t
ngx_http_websocket_channel_known(ngx_http_websocket_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < ctx->nchannels; i++) {
        if (ctx->channels[i].len == name->len
            && ngx_memcmp(ctx->channels[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}
