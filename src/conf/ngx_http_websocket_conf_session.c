
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_session.h"


static char *ngx_http_websocket_heartbeat_interval(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_websocket_param_t *params);
static char *ngx_http_websocket_heartbeat_time(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_msec_t *time);
static ngx_uint_t ngx_http_websocket_is_token(ngx_str_t *value);


char *
ngx_http_websocket_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                   *value;
    ngx_http_websocket_param_t   params[] = {
        { "interval=", ngx_null_string },
        { "timeout=", ngx_null_string },
        { "max=", ngx_null_string },
        { "visible", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->heartbeat_interval != NGX_CONF_UNSET_MSEC
        || wlcf->heartbeat_timeout != NGX_CONF_UNSET_MSEC
        || wlcf->heartbeat_max != NGX_CONF_UNSET_MSEC
        || wlcf->heartbeat_visible != NGX_CONF_UNSET)
    {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->heartbeat_interval = 0;
        wlcf->heartbeat_timeout = 0;

        return NGX_CONF_OK;
    }

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK
        || ngx_http_websocket_heartbeat_interval(cf, wlcf, params)
           != NGX_CONF_OK
        || ngx_http_websocket_heartbeat_time(cf, &params[1],
                                             &wlcf->heartbeat_timeout)
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (params[3].value.data) {

        if (params[3].value.len) {
            return ngx_http_websocket_bad_param(cf, &params[3],
                                                "\"visible\" has no value");
        }

        wlcf->heartbeat_visible = 1;
    }

    return NGX_CONF_OK;
}


/* the interval, and the longest that a client may ask for */

static char *
ngx_http_websocket_heartbeat_interval(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_http_websocket_param_t *params)
{
    ngx_str_t  *interval;

    interval = &params[0].value;

    if (ngx_http_websocket_heartbeat_time(cf, &params[2],
                                          &wlcf->heartbeat_max)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_script_variables_count(interval) == 0) {

        if (ngx_http_websocket_heartbeat_time(cf, &params[0],
                                              &wlcf->heartbeat_interval)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (interval->data && params[2].value.data
            && wlcf->heartbeat_max < wlcf->heartbeat_interval)
        {
            return ngx_http_websocket_bad_param(cf, &params[2],
                                                "less than the interval");
        }

        return NGX_CONF_OK;
    }

    if (params[2].value.data == NULL) {
        return ngx_http_websocket_bad_param(cf, &params[0],
                                            "with variables max= is needed");
    }

    wlcf->heartbeat_interval = NGX_HTTP_WEBSOCKET_HEARTBEAT;
    wlcf->heartbeat_value = ngx_palloc(cf->pool,
                                       sizeof(ngx_http_complex_value_t));

    if (wlcf->heartbeat_value == NULL
        || ngx_http_websocket_compile(cf, wlcf->heartbeat_value, interval)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_heartbeat_time(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_msec_t *time)
{
    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    *time = ngx_parse_time(&param->value, 0);

    if (*time == (ngx_msec_t) NGX_ERROR || *time == 0) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "not a time above zero");
    }

    if (*time > NGX_HTTP_WEBSOCKET_LONGEST) {
        return ngx_http_websocket_bad_param(cf, param,
                                            NGX_HTTP_WEBSOCKET_TOO_LONG);
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
