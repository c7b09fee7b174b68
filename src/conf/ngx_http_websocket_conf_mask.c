
#include "conf/ngx_http_websocket_conf_mask.h"


static ngx_str_t  ngx_http_websocket_mask_names[] = {
    ngx_string("access_token"),
    ngx_string("api_key"),
    ngx_string("apikey"),
    ngx_string("jwt"),
    ngx_string("password"),
    ngx_string("secret"),
    ngx_string("signature"),
    ngx_string("token")
};


ngx_array_t  ngx_http_websocket_masks_default = {
    .elts = ngx_http_websocket_mask_names,
    .nelts = sizeof(ngx_http_websocket_mask_names) / sizeof(ngx_str_t),
    .size = sizeof(ngx_str_t)
};


char *
ngx_http_websocket_mask_arguments(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    u_char      *p;
    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (wlcf->masks != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    wlcf->masks = ngx_array_create(cf->pool, cf->args->nelts,
                                   sizeof(ngx_str_t));
    if (wlcf->masks == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        return NGX_CONF_OK;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        for (p = value[i].data; *p > ' ' && !ngx_strchr("=&?#", *p); p++) {
            /* void */
        }

        if (value[i].len == 0 || *p) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid name \"%V\": that of an argument, "
                               "without \"=\", is expected", &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(wlcf->masks);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}
