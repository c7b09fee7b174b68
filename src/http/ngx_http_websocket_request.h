
/*
 * The arguments of a request, and its headers.
 */


#ifndef NGX_HTTP_WEBSOCKET_REQUEST_H
#define NGX_HTTP_WEBSOCKET_REQUEST_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "access/ngx_http_websocket_headers.h"


/*
 * An argument of the request, decoded, in r->pool.  Returns NGX_OK,
 * NGX_DECLINED when there is none, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_arg(ngx_http_request_t *r, char *name,
    ngx_str_t *value);


#endif /* NGX_HTTP_WEBSOCKET_REQUEST_H */
