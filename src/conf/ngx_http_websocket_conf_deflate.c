
#include "conf/ngx_http_websocket_conf_deflate.h"
#include "conf/ngx_http_websocket_conf_param.h"


#define NGX_HTTP_WEBSOCKET_MIN_LENGTH  64
#define NGX_HTTP_WEBSOCKET_LEVEL       1
#define NGX_HTTP_WEBSOCKET_WINDOW      12
#define NGX_HTTP_WEBSOCKET_MEMORY      5


static ngx_int_t ngx_http_websocket_number_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_int_t *value, ngx_int_t least,
    ngx_int_t most);
static ngx_int_t ngx_http_websocket_flag_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_uint_t *flag);


char *
ngx_http_websocket_deflate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                           level, min_length, window, memory;
    ngx_str_t                          *value;
    ngx_uint_t                          takeover;
    ngx_http_websocket_deflate_conf_t  *deflate;
    ngx_http_websocket_param_t          params[] = {
        { "level=", ngx_null_string },
        { "min_length=", ngx_null_string },
        { "window=", ngx_null_string },
        { "memory=", ngx_null_string },
        { "context_takeover=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->deflate != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->deflate = NULL;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "on") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\", it "
                           "must be \"on\" with parameters, or \"off\" alone",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    level = NGX_HTTP_WEBSOCKET_LEVEL;
    min_length = NGX_HTTP_WEBSOCKET_MIN_LENGTH;
    window = NGX_HTTP_WEBSOCKET_WINDOW;
    memory = NGX_HTTP_WEBSOCKET_MEMORY;
    takeover = 0;

    if (ngx_http_websocket_params(cf, params, 2) != NGX_CONF_OK
        || ngx_http_websocket_number_param(cf, &params[0], &level, 1, 9)
           != NGX_OK
        || ngx_http_websocket_number_param(cf, &params[1], &min_length, 0,
                                           NGX_MAX_INT32_VALUE)
           != NGX_OK
        || ngx_http_websocket_number_param(cf, &params[2], &window,
                                           NGX_WEBSOCKET_DEFLATE_MIN_BITS,
                                           NGX_WEBSOCKET_DEFLATE_MAX_BITS)
           != NGX_OK
        || ngx_http_websocket_number_param(cf, &params[3], &memory, 1, 9)
           != NGX_OK
        || ngx_http_websocket_flag_param(cf, &params[4], &takeover) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    deflate = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_deflate_conf_t));
    if (deflate == NULL) {
        return NGX_CONF_ERROR;
    }

    deflate->level = level;
    deflate->memory = memory;
    deflate->min_length = min_length;

    /* without takeover one inflater of the largest window serves all */

    deflate->agree.server_takeover = takeover;
    deflate->agree.client_takeover = takeover;
    deflate->agree.server_bits = window;
    deflate->agree.client_bits = takeover ? window
                                          : NGX_WEBSOCKET_DEFLATE_MAX_BITS;

    wlcf->deflate = deflate;

    return NGX_CONF_OK;
}


/* leaves *value as it is when the parameter was not given */

static ngx_int_t
ngx_http_websocket_number_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_int_t *value, ngx_int_t least,
    ngx_int_t most)
{
    ngx_int_t  n;

    if (param->value.data == NULL) {
        return NGX_OK;
    }

    n = ngx_parse_size(&param->value);

    if (n == NGX_ERROR || n < least || n > most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%s%V\": "
                           "not a number from %i to %i", param->name,
                           &param->value, least, most);
        return NGX_ERROR;
    }

    *value = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_flag_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_uint_t *flag)
{
    if (param->value.data == NULL) {
        return NGX_OK;
    }

    *flag = ngx_strcmp(param->value.data, "on") == 0;

    if (!*flag && ngx_strcmp(param->value.data, "off") != 0) {
        (void) ngx_http_websocket_bad_param(cf, param,
                                            "it must be \"on\" or \"off\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}
