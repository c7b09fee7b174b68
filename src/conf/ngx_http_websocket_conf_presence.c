
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_presence.h"


/* how long a leave may wait, milliseconds */
#define NGX_HTTP_WEBSOCKET_EVENTS_DELAY  60000


static ngx_int_t ngx_http_websocket_events_take(ngx_conf_t *cf, char *begin,
    ngx_str_t *rest);
static char *ngx_http_websocket_events_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf);
static char *ngx_http_websocket_events_delay(ngx_conf_t *cf,
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
 * Takes an argument that begins like this out of the others.  Returns NGX_OK
 * with what stands behind that, or NGX_DECLINED: there is none.
 */

static ngx_int_t
ngx_http_websocket_events_take(ngx_conf_t *cf, char *begin, ngx_str_t *rest)
{
    size_t       len;
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = cf->args->elts;
    len = ngx_strlen(begin);

    for (i = 1; i < cf->args->nelts; i++) {
        if (ngx_strncmp(value[i].data, begin, len) == 0) {
            break;
        }
    }

    if (i == cf->args->nelts) {
        return NGX_DECLINED;
    }

    rest->data = value[i].data + len;
    rest->len = value[i].len - len;

    for (cf->args->nelts--; i < cf->args->nelts; i++) {
        value[i] = value[i + 1];
    }

    return NGX_OK;
}


/*
 * The channel's name is the same for all clients: who tells of a client whose
 * worker died finds it by its hash.
 */

static char *
ngx_http_websocket_events_channel(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf)
{
    ngx_str_t                       *name;
    ngx_http_websocket_main_conf_t  *wmcf;

    name = &wlcf->events_channel;

    if (ngx_http_websocket_events_take(cf, "channel=", name) != NGX_OK) {
        return NGX_CONF_OK;
    }

    if (name->len == 0 || name->len > NGX_WEBSOCKET_STORE_NAME_SIZE
        || ngx_strlchr(name->data, name->data + name->len, '$'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter "
                           "\"channel=%V\": a channel's name without "
                           "variables, of 1 to "
                           ngx_value(NGX_WEBSOCKET_STORE_NAME_SIZE)
                           " bytes, is expected", name);
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

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_events_delay(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf)
{
    ngx_int_t  delay;
    ngx_str_t  value;

    if (ngx_http_websocket_events_take(cf, "delay=", &value) != NGX_OK) {
        return NGX_CONF_OK;
    }

    delay = ngx_parse_time(&value, 0);

    if (delay <= 0 || delay > NGX_HTTP_WEBSOCKET_EVENTS_DELAY) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter "
                           "\"delay=%V\": a time above zero, of 1m at most, "
                           "is expected", &value);
        return NGX_CONF_ERROR;
    }

    wlcf->events_delay = (ngx_msec_t) delay;

    return NGX_CONF_OK;
}


/* join and leave, with history=off, channel= and delay=, or off */

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

    if (ngx_http_websocket_events_channel(cf, wlcf) != NGX_CONF_OK
        || ngx_http_websocket_events_delay(cf, wlcf) != NGX_CONF_OK)
    {
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
                               "\"channel=NAME\", \"delay=TIME\", or "
                               "\"off\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        mask |= name->mask;
    }

    if ((mask & NGX_CONF_BITMASK_SET)
        && (cf->args->nelts > 2 || wlcf->events_channel.len
            || wlcf->events_delay))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"off\" stands alone");
        return NGX_CONF_ERROR;
    }

    if (mask == NGX_HTTP_WEBSOCKET_UNRECORDED || mask == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%s\" needs \"join\" or "
                           "\"leave\"", mask ? "history=off"
                                         : wlcf->events_channel.len
                                           ? "channel=" : "delay=");
        return NGX_CONF_ERROR;
    }

    if (wlcf->events_delay && !(mask & NGX_HTTP_WEBSOCKET_LEAVE)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"delay=\" needs \"leave\"");
        return NGX_CONF_ERROR;
    }

    return ngx_conf_set_bitmask_slot(cf, cmd, conf);
}
