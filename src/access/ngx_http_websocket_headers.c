
/*
 * The headers of a request, by their names.
 */


#include "access/ngx_http_websocket_headers.h"


void
ngx_http_websocket_headers_begin(ngx_http_request_t *r,
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

    ngx_http_websocket_headers_begin(r, &headers);

    h = ngx_http_websocket_headers_next(&headers, name);

    if (several) {
        *several = h && ngx_http_websocket_headers_next(&headers, name);
    }

    return h;
}
