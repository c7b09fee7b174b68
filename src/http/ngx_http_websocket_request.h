
/*
 * What a request says.
 */


#ifndef NGX_HTTP_WEBSOCKET_REQUEST_H
#define NGX_HTTP_WEBSOCKET_REQUEST_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * An argument of the request, decoded, in r->pool.  Returns NGX_OK,
 * NGX_DECLINED when there is none, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_arg(ngx_http_request_t *r, char *name,
    ngx_str_t *value);

/* The first header of that name (in lower case), or NULL. */
ngx_table_elt_t *ngx_http_websocket_header(ngx_http_request_t *r, char *name);

/* How many headers of that name there are. */
ngx_uint_t ngx_http_websocket_headers(ngx_http_request_t *r, char *name);


/* Whether the header has that name. */
static ngx_inline ngx_uint_t
ngx_http_websocket_header_is(ngx_table_elt_t *h, char *name)
{
    return h->key.len == ngx_strlen(name)
           && ngx_strncmp(h->lowcase_key, name, h->key.len) == 0;
}


#endif /* NGX_HTTP_WEBSOCKET_REQUEST_H */
