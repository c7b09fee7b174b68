
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_presence.h"


static char *ngx_http_websocket_events_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf);


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


/*
 * Takes channel=NAME out of the arguments.  The name is the same for all
 * clients: who tells of a client whose worker died finds it by its hash.
 */

static char *
ngx_http_websocket_events_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf)
{
    ngx_str_t                       *value, *name;
    ngx_uint_t                       i;
    ngx_http_websocket_main_conf_t  *wmcf;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_strncmp(value[i].data, "channel=", 8) == 0) {
            break;
        }
    }

    if (i == cf->args->nelts) {
        return NGX_CONF_OK;
    }

    wlcf->events_channel.data = value[i].data + 8;
    wlcf->events_channel.len = value[i].len - 8;

    if (wlcf->events_channel.len == 0
        || wlcf->events_channel.len > NGX_WEBSOCKET_STORE_NAME_SIZE
        || ngx_strlchr(value[i].data, value[i].data + value[i].len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter \"%V\": a "
                           "channel's name without variables, of 1 to "
                           ngx_value(NGX_WEBSOCKET_STORE_NAME_SIZE)
                           " bytes, is expected", &value[i]);
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (wmcf->events == NULL) {
        wmcf->events = ngx_array_create(cf->pool, 1, sizeof(ngx_str_t));
    }

    name = wmcf->events ? ngx_array_push(wmcf->events) : NULL;
    if (name == NULL) {
        return NGX_CONF_ERROR;
    }

    *name = wlcf->events_channel;

    for (cf->args->nelts--; i < cf->args->nelts; i++) {
        value[i] = value[i + 1];
    }

    return NGX_CONF_OK;
}


/* join and leave, with history=off and channel=, or off */

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

    if (ngx_http_websocket_events_channel(cf, wlcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
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
                               "\"leave\", \"history=off\", "
                               "\"channel=NAME\", or \"off\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        mask |= name->mask;
    }

    if ((mask & NGX_CONF_BITMASK_SET)
        && (cf->args->nelts > 2 || wlcf->events_channel.len))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"off\" stands alone");
        return NGX_CONF_ERROR;
    }

    if (mask == NGX_HTTP_WEBSOCKET_UNRECORDED || mask == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%s\" needs \"join\" or "
                           "\"leave\"", mask ? "history=off" : "channel=");
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_bitmask_slot(cf, cmd, conf);
}
