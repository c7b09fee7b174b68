
/*
 * The headers of a request, by their names.
 */


#ifndef NGX_HTTP_WEBSOCKET_HEADERS_H
#define NGX_HTTP_WEBSOCKET_HEADERS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* a place in the headers of a request */

typedef struct {
    ngx_list_part_t               *part;
    ngx_uint_t                     i;
} ngx_http_websocket_headers_t;


/* Begins to go through the headers of a request. */
void ngx_http_websocket_headers_begin(ngx_http_request_t *r,
    ngx_http_websocket_headers_t *headers);

/*
 * The next header of that name, in lower case, or of any where it is NULL.
 * Returns NULL when there is none.
 */
ngx_table_elt_t *ngx_http_websocket_headers_next(
    ngx_http_websocket_headers_t *headers, char *name);

/*
 * The first header of that name, in lower case, or NULL.  *several, unless
 * several is NULL, is set to whether there are more of them.
 */
ngx_table_elt_t *ngx_http_websocket_header(ngx_http_request_t *r, char *name,
    ngx_uint_t *several);


/* Whether the header has that name. */
static ngx_inline ngx_uint_t
ngx_http_websocket_header_is(ngx_table_elt_t *h, char *name)
{
    return h->key.len == ngx_strlen(name)
           && ngx_strncmp(h->lowcase_key, name, h->key.len) == 0;
}


#endif /* NGX_HTTP_WEBSOCKET_HEADERS_H */
