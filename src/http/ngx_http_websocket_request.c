
/*
 * What a request says.
 */


#include "http/ngx_http_websocket_request.h"


ngx_int_t
ngx_http_websocket_arg(ngx_http_request_t *r, char *name, ngx_str_t *value)
{
    u_char     *dst, *src;
    ngx_str_t   arg;

    if (ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &arg) != NGX_OK) {
        return NGX_DECLINED;
    }

    value->data = ngx_pnalloc(r->pool, arg.len + 1);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    dst = value->data;
    src = arg.data;

    ngx_unescape_uri(&dst, &src, arg.len, 0);

    value->len = dst - value->data;

    return NGX_OK;
}


void
ngx_http_websocket_headers(ngx_http_request_t *r,
    ngx_http_websocket_headers_t *headers)
{
    headers->part = &r->headers_in.headers.part;
    headers->i = 0;
}


ngx_table_elt_t *
ngx_http_websocket_headers_next(ngx_http_websocket_headers_t *headers,
    char *name)
{
    size_t            len;
    ngx_table_elt_t  *h;

    len = name ? ngx_strlen(name) : 0;

    while (headers->part) {

        while (headers->i < headers->part->nelts) {

            h = (ngx_table_elt_t *) headers->part->elts + headers->i++;

            if (name == NULL
                || (h->key.len == len
                    && ngx_strncmp(h->lowcase_key, name, len) == 0))
            {
                return h;
            }
        }

        headers->part = headers->part->next;
        headers->i = 0;
    }

    return NULL;
}


ngx_table_elt_t *
ngx_http_websocket_header(ngx_http_request_t *r, char *name,
    ngx_uint_t *several)
{
    ngx_table_elt_t               *h;
    ngx_http_websocket_headers_t   headers;

    ngx_http_websocket_headers(r, &headers);

    h = ngx_http_websocket_headers_next(&headers, name);

    if (several) {
        *several = h && ngx_http_websocket_headers_next(&headers, name);
    }

    return h;
}
