
/*
 * What a client wants to get of a channel: its view and its filter.
 */


#include "http/ngx_http_websocket_subscribe_args.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "delivery/ngx_http_websocket_views.h"


static ngx_int_t ngx_http_websocket_filter_text(ngx_http_request_t *r,
    ngx_str_t *text);


ngx_int_t
ngx_http_websocket_subscribe_args(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, char **error)
{
    ngx_int_t                       rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (!conf->subscribes) {
        return NGX_OK;
    }

    rc = ngx_http_websocket_view_arg(r, &options->view, error);

    if (rc != NGX_OK || !conf->typed.filter) {
        return rc;
    }

    return ngx_http_websocket_filter_arg(r, options->view, &options->filter,
                                         error);
}


ngx_int_t
ngx_http_websocket_view_arg(ngx_http_request_t *r, ngx_uint_t *view,
    char **error)
{
    ngx_int_t                        n;
    ngx_str_t                        name;
    ngx_http_websocket_loc_conf_t   *conf;
    ngx_http_websocket_main_conf_t  *wmcf;

    *view = 0;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    wmcf = ngx_http_get_module_main_conf(r, ngx_http_websocket_module);

    if (conf->typed.view == NULL) {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, conf->typed.view, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name.len == 0) {
        return NGX_OK;
    }

    n = ngx_http_websocket_view_number(wmcf->views,
                                       ngx_http_websocket_sent_type(conf),
                                       &name);
    if (n == NGX_ERROR) {
        *error = "there is no view of that name";
        return NGX_HTTP_BAD_REQUEST;
    }

    *view = n;

    return NGX_OK;
}


/* as browsers write forms, with "+" for a space */

static ngx_int_t
ngx_http_websocket_filter_text(ngx_http_request_t *r, ngx_str_t *text)
{
    u_char     *dst, *src;
    size_t      i;
    ngx_str_t   arg;

    if (ngx_http_arg(r, (u_char *) "filter", sizeof("filter") - 1, &arg)
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    text->data = ngx_pnalloc(r->pool, arg.len + 1);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < arg.len; i++) {
        text->data[i] = arg.data[i] == '+' ? ' ' : arg.data[i];
    }

    dst = text->data;
    src = text->data;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    text->len = dst - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_filter_arg(ngx_http_request_t *r, ngx_uint_t view,
    ngx_websocket_filter_t **filter, char **error)
{
    u_char                         *p;
    size_t                          size;
    ngx_int_t                       rc;
    ngx_str_t                       text;
    ngx_websocket_json_error_t      wrong;
    ngx_http_websocket_loc_conf_t  *conf;

    rc = ngx_http_websocket_filter_text(r, &text);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    switch (ngx_http_websocket_filters_read(text.data, text.len, conf, view,
                                            filter, &wrong))
    {
    case NGX_WEBSOCKET_JSON_OK:
        return NGX_OK;

    case NGX_WEBSOCKET_JSON_REFUSED:
        break;

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        return NGX_ERROR;
    }

    size = sizeof("the filter is wrong: : ") + ngx_strlen(wrong.path)
           + ngx_strlen(wrong.rule);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_snprintf(p, size, "the filter is wrong: %s%s%s%Z", wrong.path,
                        wrong.path[0] ? ": " : "", wrong.rule);

    *error = (char *) p;

    return NGX_HTTP_BAD_REQUEST;
}
