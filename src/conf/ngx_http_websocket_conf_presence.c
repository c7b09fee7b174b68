
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_presence.h"


char *
ngx_http_websocket_presence(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t  *value, from;

    if (wlcf->presence != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_http_websocket_conf_flag(cf, &wlcf->presence) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    if (value[2].len <= 5 || ngx_strncmp(value[2].data, "from=", 5) != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", from=VALUE is expected",
                           &value[2]);
        return NGX_CONF_ERROR;
    }

    from.data = value[2].data + 5;
    from.len = value[2].len - 5;

    wlcf->presence_from = ngx_palloc(cf->pool,
                                     sizeof(ngx_http_complex_value_t));

    if (wlcf->presence_from == NULL
        || ngx_http_websocket_compile(cf, wlcf->presence_from, &from)
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* join and leave, with history=off, or off */

char *
ngx_http_websocket_events(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t           *value;
    ngx_uint_t           i, mask;
    ngx_conf_bitmask_t  *name;

    if (wlcf->events) {
        return "is duplicate";
    }

    value = cf->args->elts;
    mask = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        for (name = cmd->post; name->name.len; name++) {
            if (ngx_strcmp(name->name.data, value[i].data) == 0) {
                break;
            }
        }

        if (name->name.len == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\", it must be \"join\", "
                               "\"leave\", \"history=off\", or \"off\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        mask |= name->mask;
    }

    if ((mask & NGX_CONF_BITMASK_SET) && cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"off\" stands alone");
        return NGX_CONF_ERROR;
    }

    if (mask == NGX_HTTP_WEBSOCKET_UNRECORDED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"history=off\" needs \"join\" or \"leave\"");
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_bitmask_slot(cf, cmd, conf);
}
