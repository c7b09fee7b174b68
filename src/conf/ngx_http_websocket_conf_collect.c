
#include "conf/ngx_http_websocket_conf_collect.h"
#include "conf/ngx_http_websocket_conf_types.h"


/* bytes that are collected at most, where max= does not say */
#define NGX_HTTP_WEBSOCKET_COLLECT  65536


/* on [view=NAME] [max=SIZE], or off */

char *
ngx_http_websocket_collects(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ssize_t                        size;
    ngx_str_t                     *value, s;
    ngx_uint_t                     i;
    ngx_http_websocket_collect_t  *collect;

    if (wlcf->typed.collect != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->typed.collect = NULL;
        return cf->args->nelts == 2 ? NGX_CONF_OK : "has \"off\" alone";
    }

    if (ngx_strcmp(value[1].data, "on") != 0) {
        return "is \"on\" with parameters, or \"off\" alone";
    }

    collect = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_collect_t));
    if (collect == NULL) {
        return NGX_CONF_ERROR;
    }

    collect->max = NGX_HTTP_WEBSOCKET_COLLECT;

    for (i = 2; i < cf->args->nelts; i++) {

        if (value[i].len > 5 && ngx_strncmp(value[i].data, "view=", 5) == 0) {
            collect->name.data = value[i].data + 5;
            collect->name.len = value[i].len - 5;
            continue;
        }

        s.data = value[i].data + 4;
        s.len = value[i].len - 4;

        size = value[i].len > 4 && ngx_strncmp(value[i].data, "max=", 4) == 0
               ? ngx_parse_size(&s) : NGX_ERROR;

        if (size < 2 || size > NGX_MAX_INT32_VALUE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid parameter "
                               "\"%V\", view=NAME and max=SIZE are known",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        collect->max = size;
    }

    wlcf->typed.collect = collect;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_collect_check(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_http_websocket_collect_t  *collect;

    collect = conf->typed.collect;

    if (conf->typed.receive == NULL) {
        return "\"websocket_collect\" needs \"websocket_inbound_type\"";
    }

    /* the answer is made of messages that are yet to be published */

    if (conf->typed.stamp
        && conf->typed.stamp->names[NGX_WEBSOCKET_STAMP_SEQUENCE].size)
    {
        return "\"websocket_collect\" cannot go with a \"sequence\" of "
               "\"websocket_stamp\"";
    }

    if (collect->name.len == 0
        || ngx_strcmp(collect->name.data, "default") == 0)
    {
        return NGX_CONF_OK;
    }

    collect->view = ngx_websocket_type_find_view(conf->typed.receive->type,
                                                 (char *) collect->name.data,
                                                 collect->name.len);

    return collect->view
           ? NGX_CONF_OK
           : ngx_http_websocket_no_view(cf, conf->typed.receive->type,
                                        &collect->name, "websocket_collect");
}
