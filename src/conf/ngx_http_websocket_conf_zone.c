
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_zone.h"


#define NGX_HTTP_WEBSOCKET_INACTIVE    60000    /* milliseconds */
#define NGX_HTTP_WEBSOCKET_SNAPSHOT    60000
#define NGX_HTTP_WEBSOCKET_DURABLE_MOST  60000
#define NGX_HTTP_WEBSOCKET_PAGES_MIN   16

/* a block has a number of 32 bits: beyond, memory would not be used */
#define NGX_HTTP_WEBSOCKET_ZONE_MAX    (UINT64_C(1) << 40)


static char *ngx_http_websocket_zone_make(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *name, size_t size, ngx_msec_t inactive, ngx_str_t *path,
    ngx_msec_t snapshot);
static char *ngx_http_websocket_zone_size(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_str_t *name, ssize_t *size);
static char *ngx_http_websocket_zone_file(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_str_t **path);
static char *ngx_http_websocket_zone_default(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param);
static char *ngx_http_websocket_zone_broker(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param);


char *
ngx_http_websocket_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ssize_t                      size;
    ngx_int_t                    inactive, snapshot;
    ngx_str_t                    name, *path;
    ngx_http_websocket_param_t   params[] = {
        { "zone=", ngx_null_string },
        { "inactive=", ngx_null_string },
        { "broker=", ngx_null_string },
        { "default", ngx_null_string },
        { "file=", ngx_null_string },
        { "snapshot=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (ngx_http_websocket_params(cf, params, 1) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_websocket_zone_size(cf, &params[0], &name, &size)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    inactive = NGX_HTTP_WEBSOCKET_INACTIVE;

    if (params[1].value.data) {
        inactive = ngx_parse_time(&params[1].value, 0);

        if (inactive == NGX_ERROR) {
            return ngx_http_websocket_bad_param(cf, &params[1],
                                                "not a time");
        }
    }

    snapshot = NGX_HTTP_WEBSOCKET_SNAPSHOT;

    if (params[5].value.data) {
        snapshot = ngx_parse_time(&params[5].value, 0);

        if (snapshot == NGX_ERROR || snapshot < 1000) {
            return ngx_http_websocket_bad_param(cf, &params[5],
                                                "not a time of at least 1s");
        }

        if (params[4].value.data == NULL) {
            return ngx_http_websocket_bad_param(cf, &params[5],
                                                "there is no file=");
        }
    }

    if (params[2].value.data && params[4].value.data) {
        return ngx_http_websocket_bad_param(cf, &params[4],
                                            "what has a broker has no file");
    }

    if (ngx_http_websocket_zone_file(cf, &params[4], &path) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_websocket_zone_make(cf, cmd, &name, size, inactive, path,
                                     snapshot)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_websocket_zone_default(cf, &params[3]) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_websocket_zone_broker(cf, &params[2]);
}


/* NAME:SIZE */

static char *
ngx_http_websocket_zone_size(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_str_t *name, ssize_t *size)
{
    u_char     *colon;
    ngx_str_t   s;

    *size = 0;
    *name = param->value;

    colon = name->data ? ngx_strlchr(name->data, name->data + name->len, ':')
                       : NULL;

    if (colon == NULL || colon == name->data) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "zone=NAME:SIZE is required");
    }

    s.data = colon + 1;
    s.len = name->data + name->len - s.data;
    name->len = colon - name->data;

    *size = ngx_parse_size(&s);

    if (*size == NGX_ERROR) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "the size is not a number with "
                                            "k or m");
    }

    if (*size < (ssize_t) (NGX_HTTP_WEBSOCKET_PAGES_MIN * ngx_pagesize)) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "the zone is too small: 64k is "
                                            "the least");
    }

    if ((uint64_t) *size > NGX_HTTP_WEBSOCKET_ZONE_MAX) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "the zone is too large: 1048576m "
                                            "is the most");
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_zone_file(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, ngx_str_t **path)
{
    ngx_str_t                        file, *files;
    ngx_uint_t                       i;
    ngx_http_websocket_main_conf_t  *wmcf;

    *path = NULL;

    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    file = param->value;

    if (file.len == 0) {
        return ngx_http_websocket_bad_param(cf, param, "it names no file");
    }

    if (ngx_conf_full_name(cf->cycle, &file, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    files = wmcf->zone_files.elts;

    for (i = 0; i < wmcf->zone_files.nelts; i++) {

        if (files[i].len == file.len
            && ngx_strncmp(files[i].data, file.data, file.len) == 0)
        {
            return ngx_http_websocket_bad_param(cf, param,
                                                "another zone has it");
        }
    }

    *path = ngx_array_push(&wmcf->zone_files);
    if (*path == NULL) {
        return NGX_CONF_ERROR;
    }

    **path = file;

    return NGX_CONF_OK;
}


/* of the zone that was made last */

static char *
ngx_http_websocket_zone_default(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param)
{
    ngx_http_websocket_zone_t       **zone;
    ngx_http_websocket_main_conf_t   *wmcf;

    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (param->value.len) {
        return ngx_http_websocket_bad_param(cf, param, "it takes no value");
    }

    if (wmcf->default_zone) {
        return ngx_http_websocket_bad_param(cf, param,
                                            "another zone is the default");
    }

    zone = wmcf->zones.elts;
    wmcf->default_zone = zone[wmcf->zones.nelts - 1];

    return NGX_CONF_OK;
}


/* of the zone that was made last; the broker may be defined later */

static char *
ngx_http_websocket_zone_broker(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param)
{
    ngx_http_websocket_zone_t       **zone;
    ngx_http_websocket_brokered_t    *brokered;
    ngx_http_websocket_main_conf_t   *wmcf;

    if (param->value.data == NULL) {
        return NGX_CONF_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    brokered = ngx_array_push(&wmcf->brokered);
    if (brokered == NULL) {
        return NGX_CONF_ERROR;
    }

    zone = wmcf->zones.elts;

    brokered->zone = zone[wmcf->zones.nelts - 1];
    brokered->broker = param->value;
    brokered->place.file = cf->conf_file->file.name.data;
    brokered->place.line = cf->conf_file->line;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_zone_make(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *name, size_t size, ngx_msec_t inactive, ngx_str_t *path,
    ngx_msec_t snapshot)
{
    ngx_str_t                       *known;
    ngx_http_websocket_zone_t       *zone, **slot;
    ngx_http_websocket_zone_add_pt   add;
    ngx_http_websocket_main_conf_t  *wmcf;

    add = (ngx_http_websocket_zone_add_pt) cmd->post;

    zone = add(cf, name, size, inactive, path, snapshot);
    if (zone == NULL) {
        return NGX_CONF_ERROR;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    slot = ngx_array_push(&wmcf->zones);
    known = ngx_array_push(&wmcf->zone_names);

    if (slot == NULL || known == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = zone;
    *known = *name;

    wmcf->used = 1;

    return NGX_CONF_OK;
}


char *
ngx_http_websocket_durable_conf(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_int_t                    wait;
    ngx_str_t                   *value;
    ngx_http_websocket_param_t   params[] = {
        { "wait=", ngx_null_string },
        { NULL, ngx_null_string }
    };

    if (wlcf->durable != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "file") == 0) {
        wlcf->durable = 1;

    } else if (ngx_strcmp(value[1].data, "memory") == 0) {
        wlcf->durable = 0;

    } else {
        return "is neither \"memory\" nor \"file\"";
    }

    if (ngx_http_websocket_params(cf, params, 2) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (params[0].value.data) {
        wait = ngx_parse_time(&params[0].value, 0);

        if (wait == NGX_ERROR || wait == 0
            || wait > NGX_HTTP_WEBSOCKET_DURABLE_MOST)
        {
            return ngx_http_websocket_bad_param(cf, &params[0],
                                                "not a time of 1ms to 60s");
        }

        wlcf->durable_wait = wait;
    }

    return NGX_CONF_OK;
}
