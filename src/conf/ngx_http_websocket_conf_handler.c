
#include "conf/ngx_http_websocket_conf_handler.h"
#include "conf/ngx_http_websocket_conf_api.h"


/* what clients do with "websocket" */

typedef struct {
    ngx_str_t                     name;
    ngx_uint_t                    subscribes;
    ngx_uint_t                    publishes;
    ngx_uint_t                    echo;
    ngx_uint_t                    centrifuge;
} ngx_http_websocket_mode_t;


static char *ngx_http_websocket_set_location(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_websocket_loc_conf_t *wlcf,
    ngx_uint_t param);
static void ngx_http_websocket_set_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_websocket_loc_conf_t *wlcf);


static ngx_http_websocket_mode_t  ngx_http_websocket_modes[] = {
    { ngx_string("pubsub"), 1, 1, 0, 0 },
    { ngx_string("subscribe"), 1, 0, 0, 0 },
    { ngx_string("publish"), 0, 1, 0, 0 },
    { ngx_string("echo"), 0, 0, 1, 0 },
    { ngx_string("centrifuge"), 0, 0, 0, 1 },
    { ngx_null_string, 0, 0, 0, 0 }
};


char *
ngx_http_websocket_websocket(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                  *value;
    ngx_http_websocket_mode_t  *mode;

    if (wlcf->websocket) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (mode = ngx_http_websocket_modes; mode->name.len; mode++) {

        if (mode->name.len == value[1].len
            && ngx_strncmp(mode->name.data, value[1].data, value[1].len) == 0)
        {
            break;
        }
    }

    if (mode->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid mode \"%V\", it must be "
                           "\"pubsub\", \"subscribe\", \"publish\", "
                           "\"echo\", or \"centrifuge\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (wlcf->publish) {
        return "cannot stand in one location with \"websocket_publish\"";
    }

    wlcf->websocket = 1;
    wlcf->subscribes = mode->subscribes;
    wlcf->publishes = mode->publishes;
    wlcf->echo = mode->echo;
    wlcf->centrifuge = mode->centrifuge;

    return ngx_http_websocket_set_location(cf, cmd, wlcf, 2);
}


char *
ngx_http_websocket_publish(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    if (wlcf->publish) {
        return "is duplicate";
    }

    if (wlcf->websocket) {
        return "cannot stand in one location with \"websocket\"";
    }

    wlcf->publish = 1;

    return ngx_http_websocket_set_location(cf, cmd, wlcf, 1);
}


/* what both have: zone= as the argument of that number */

static char *
ngx_http_websocket_set_location(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_websocket_loc_conf_t *wlcf, ngx_uint_t param)
{
    ngx_str_t                       *value;
    ngx_http_websocket_main_conf_t  *wmcf;

    if (wlcf->status) {
        return "cannot stand in one location with \"websocket_status\"";
    }

    if (wlcf->emulation && (wlcf->websocket || wlcf->publish)) {
        return "cannot stand in one location with \"websocket_emulation\"";
    }

    if (wlcf->revoke) {
        return "cannot stand in one location with \"websocket_revoke\"";
    }

    if (wlcf->api) {
        return "cannot stand in one location with \"websocket_api\"";
    }

    value = cf->args->elts;

    if (cf->args->nelts > param) {

        if (value[param].len <= 5
            || ngx_strncmp(value[param].data, "zone=", 5) != 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", "
                               "zone=NAME is expected", &value[param]);
            return NGX_CONF_ERROR;
        }

        wlcf->zone_name.data = value[param].data + 5;
        wlcf->zone_name.len = value[param].len - 5;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    wmcf->used = 1;

    ngx_http_websocket_set_handler(cf, cmd, wlcf);

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t  *value;

    if (wlcf->status) {
        return "is duplicate";
    }

    if (wlcf->api) {
        return "cannot stand in one location with \"websocket_api\"";
    }

    if (wlcf->publish || wlcf->revoke || wlcf->websocket || wlcf->emulation) {
        return "cannot stand in one location with \"websocket\", "
               "\"websocket_publish\" or \"websocket_revoke\"";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "json") == 0) {
        wlcf->status = NGX_HTTP_WEBSOCKET_STATUS_JSON;

    } else if (ngx_strcmp(value[1].data, "prometheus") == 0) {
        wlcf->status = NGX_HTTP_WEBSOCKET_STATUS_PROMETHEUS;

    } else if (ngx_strcmp(value[1].data, "health") == 0) {
        wlcf->status = NGX_HTTP_WEBSOCKET_STATUS_HEALTH;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid format \"%V\", it must be \"json\", "
                           "\"prometheus\", or \"health\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    ngx_http_websocket_set_handler(cf, cmd, wlcf);

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_revoke(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                        time;
    ngx_str_t                       *value, text;
    ngx_http_websocket_main_conf_t  *wmcf;

    if (wlcf->revoke) {
        return "is duplicate";
    }

    if (wlcf->api || wlcf->publish || wlcf->status || wlcf->websocket
        || wlcf->emulation)
    {
        return "cannot stand in one location with another that answers";
    }

    value = cf->args->elts;
    time = NGX_ERROR;

    if (value[1].len > 5 && ngx_strncmp(value[1].data, "time=", 5) == 0) {
        text.data = value[1].data + 5;
        text.len = value[1].len - 5;
        time = ngx_parse_time(&text, 1);
    }

    if (time == NGX_ERROR || time == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\", time=TIME is expected, "
                           "a second or more", &value[1]);
        return NGX_CONF_ERROR;
    }

    wlcf->revoke = time;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    wmcf->used = 1;
    wmcf->revokes = 1;

    ngx_http_websocket_set_handler(cf, cmd, wlcf);

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_emulation(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    if (wlcf->emulation) {
        return "is duplicate";
    }

    if (wlcf->publish || wlcf->status || wlcf->websocket || wlcf->revoke
        || wlcf->api)
    {
        return "cannot stand in one location with another that answers";
    }

    wlcf->emulation = 1;

    return ngx_http_websocket_set_location(cf, cmd, wlcf, 1);
}


char *
ngx_http_websocket_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_http_websocket_main_conf_t  *wmcf;

    if (wlcf->api) {
        return "is duplicate";
    }

    if (wlcf->publish || wlcf->revoke || wlcf->status || wlcf->websocket
        || wlcf->emulation)
    {
        return "cannot stand in one location with another that answers";
    }

    wlcf->api = 1;

    if (ngx_http_websocket_conf_api(cf, wlcf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    wmcf->used = 1;

    ngx_http_websocket_set_handler(cf, cmd, wlcf);

    return NGX_CONF_OK;
}


static void
ngx_http_websocket_set_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_websocket_loc_conf_t *wlcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    wlcf->handler = (ngx_http_handler_pt) cmd->post;
    wlcf->place.file = cf->conf_file->file.name.data;
    wlcf->place.line = cf->conf_file->line;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = wlcf->handler;
}
