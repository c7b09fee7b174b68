
/*
 * websocket_origin: which pages browsers may come from.
 */


#ifndef NGX_HTTP_WEBSOCKET_ORIGIN_H
#define NGX_HTTP_WEBSOCKET_ORIGIN_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Whether the pages that the request comes from may do so: NULL, or a
 * constant text that says why not; *origin is the one that is not allowed, or
 * NULL.
 */
const char *ngx_http_websocket_origin_error(ngx_http_request_t *r,
    ngx_str_t **origin);


#endif /* NGX_HTTP_WEBSOCKET_ORIGIN_H */
