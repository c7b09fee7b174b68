
#include "conf/ngx_http_websocket_conf_param.h"
#include "conf/ngx_http_websocket_conf_stamp.h"


/* characters of a field's name */

#define NGX_HTTP_WEBSOCKET_STAMP_LETTERS                                      \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."


static char *ngx_http_websocket_stamp_field(ngx_conf_t *cf,
    ngx_http_websocket_stamp_t *stamp, ngx_str_t *field);
static ngx_int_t ngx_http_websocket_stamp_kind(ngx_str_t *kind);
static char *ngx_http_websocket_stamp_name(ngx_conf_t *cf,
    ngx_http_websocket_stamp_t *stamp, ngx_uint_t field, ngx_str_t *name);
static char *ngx_http_websocket_stamp_known(ngx_conf_t *cf,
    ngx_websocket_stamp_name_t *name);
static char *ngx_http_websocket_stamp_from(ngx_conf_t *cf,
    ngx_http_websocket_stamp_t *stamp, ngx_str_t *from);


/* [NAME:]from[=VALUE], [NAME:]time, ...; or off */

char *
ngx_http_websocket_stamp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_websocket_loc_conf_t *wlcf = conf;

    ngx_str_t                   *value;
    ngx_uint_t                   i;
    ngx_http_websocket_stamp_t  *stamp;

    if (wlcf->typed.stamp != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        wlcf->typed.stamp = NULL;
        return cf->args->nelts == 2 ? NGX_CONF_OK : "has \"off\" alone";
    }

    stamp = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_stamp_t));
    if (stamp == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_http_websocket_stamp_field(cf, stamp, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    wlcf->typed.stamp = stamp;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_stamp_field(ngx_conf_t *cf,
    ngx_http_websocket_stamp_t *stamp, ngx_str_t *field)
{
    u_char      *last, *equals, *colon;
    ngx_int_t    i;
    ngx_str_t    name, kind, from;

    last = field->data + field->len;
    equals = ngx_strlchr(field->data, last, '=');

    ngx_str_set(&from, "$websocket_user");

    if (equals) {
        from.data = equals + 1;
        from.len = last - from.data;
        last = equals;
    }

    colon = ngx_strlchr(field->data, last, ':');

    kind.data = colon ? colon + 1 : field->data;
    kind.len = last - kind.data;

    name.data = field->data;
    name.len = (colon ? colon : last) - name.data;

    i = ngx_http_websocket_stamp_kind(&kind);

    if (i == NGX_ERROR || from.len == 0
        || (equals && i != NGX_WEBSOCKET_STAMP_FROM
            && i != NGX_WEBSOCKET_STAMP_LENGTH)
        || (equals == NULL && i == NGX_WEBSOCKET_STAMP_LENGTH))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid field \"%V\", it "
                           "must be \"from\", \"from=VALUE\", \"time\", "
                           "\"sequence\", \"channel\", or \"length=FIELD\", "
                           "with \"NAME:\" before it for another name", field);
        return NGX_CONF_ERROR;
    }

    /* the time may have several names */

    while (i >= NGX_WEBSOCKET_STAMP_TIME && i < NGX_WEBSOCKET_STAMP_TIME_3
           && stamp->names[i].size)
    {
        i++;
    }

    if (i == NGX_WEBSOCKET_STAMP_LENGTH) {
        stamp->measured = from;
    }

    if (ngx_http_websocket_stamp_name(cf, stamp, i, &name) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return i == NGX_WEBSOCKET_STAMP_FROM
           ? ngx_http_websocket_stamp_from(cf, stamp, &from) : NGX_CONF_OK;
}


static ngx_int_t
ngx_http_websocket_stamp_kind(ngx_str_t *kind)
{
    ngx_uint_t        i;

    static ngx_str_t  kinds[] = {
        ngx_string("sequence"),
        ngx_string("from"),
        ngx_string("time"),
        ngx_null_string,
        ngx_null_string,
        ngx_string("channel"),
        ngx_string("length")
    };

    for (i = 0; i < NGX_WEBSOCKET_STAMP_FIELDS; i++) {

        if (kind->len == kinds[i].len
            && ngx_strncmp(kind->data, kinds[i].data, kind->len) == 0)
        {
            return i;
        }
    }

    return NGX_ERROR;
}


static char *
ngx_http_websocket_stamp_name(ngx_conf_t *cf,
    ngx_http_websocket_stamp_t *stamp, ngx_uint_t field, ngx_str_t *name)
{
    ngx_uint_t                   i;
    ngx_websocket_stamp_name_t  *own;

    if (name->len == 0 || name->len > NGX_WEBSOCKET_STAMP_NAME_SIZE
        || strspn((char *) name->data, NGX_HTTP_WEBSOCKET_STAMP_LETTERS)
           < name->len)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid name \"%V\" of a "
                           "field, it must be up to %d letters, digits, "
                           "\"_\", \"-\", and \".\"", name,
                           NGX_WEBSOCKET_STAMP_NAME_SIZE);
        return NGX_CONF_ERROR;
    }

    own = stamp->names;

    for (i = 0; i < NGX_WEBSOCKET_STAMP_FIELDS; i++) {

        if (own[i].size && (i == field
                            || (own[i].size == name->len
                                && ngx_strncasecmp((u_char *) own[i].data,
                                                   name->data, name->len)
                                   == 0)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "duplicate field \"%V\"",
                               name);
            return NGX_CONF_ERROR;
        }
    }

    own[field].data = (char *) name->data;
    own[field].size = name->len;

    return ngx_http_websocket_stamp_known(cf, &own[field]);
}


/* for filters, which may ask for what any location stamps */

static char *
ngx_http_websocket_stamp_known(ngx_conf_t *cf,
    ngx_websocket_stamp_name_t *name)
{
    ngx_websocket_stamp_name_t      *known;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    if (wmcf->stamps == NULL) {
        wmcf->stamps = ngx_array_create(cf->pool, 4,
                                        sizeof(ngx_websocket_stamp_name_t));
        if (wmcf->stamps == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    known = ngx_array_push(wmcf->stamps);
    if (known == NULL) {
        return NGX_CONF_ERROR;
    }

    *known = *name;

    return NGX_CONF_OK;
}


static char *
ngx_http_websocket_stamp_from(ngx_conf_t *cf,
    ngx_http_websocket_stamp_t *stamp, ngx_str_t *from)
{
    stamp->from = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));

    if (stamp->from == NULL
        || ngx_http_websocket_compile(cf, stamp->from, from) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
