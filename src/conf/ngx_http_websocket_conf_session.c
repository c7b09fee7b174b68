
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_session.h"


static ngx_uint_t ngx_http_websocket_is_token(ngx_str_t *value);


char *
ngx_http_websocket_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_msec_t                  *times[2];
    ngx_http_websocket_param_t   params[] = {
        { "interval=", ngx_null_string },
        { "timeout=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->heartbeat_interval != NGX_CONF_UNSET_MSEC
        || wlcf->heartbeat_timeout != NGX_CONF_UNSET_MSEC)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->heartbeat_interval = 0;
        wlcf->heartbeat_timeout = 0;

        return NGX_CONF_OK;
    }

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    times[0] = &wlcf->heartbeat_interval;
    times[1] = &wlcf->heartbeat_timeout;

    for (i = 0; i < 2; i++) {

        if (params[i].value.data == NULL) {
            continue;
        }

        *times[i] = ngx_parse_time(&params[i].value, 0);

        if (*times[i] == (ngx_msec_t) NGX_ERROR || *times[i] == 0) {
            return ngx_http_websocket_bad_param(cf, &params[i],
                                                "not a time above zero");
        }

        if (*times[i] > NGX_HTTP_WEBSOCKET_LONGEST) {
            return ngx_http_websocket_bad_param(cf, &params[i],
                                               NGX_HTTP_WEBSOCKET_TOO_LONG);
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_subprotocols(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    if (wlcf->subprotocols != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    wlcf->subprotocols = ngx_array_create(cf->pool, cf->args->nelts - 1,
                                          sizeof(ngx_str_t));
    if (wlcf->subprotocols == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (!ngx_http_websocket_is_token(&value[i])) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid subprotocol \"%V\": a name has no "
                               "spaces, separators or control characters",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        name = ngx_array_push(wlcf->subprotocols);
        if (name == NULL) {
            return NGX_CONF_ERROR;
        }

        *name = value[i];
    }

    return NGX_CONF_OK;
}


/* RFC 9110, section 5.6.2 */

static ngx_uint_t
ngx_http_websocket_is_token(ngx_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        if (value->data[i] <= 0x20 || value->data[i] >= 0x7f
            || ngx_strchr("()<>@,;:\\\"/[]?={}", value->data[i]))
        {
            return 0;
        }
    }

    return value->len > 0;
}
