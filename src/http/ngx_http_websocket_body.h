
/*
 * The body of a request, whole.
 */


#ifndef NGX_HTTP_WEBSOCKET_BODY_H
#define NGX_HTTP_WEBSOCKET_BODY_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Puts a body that was read together, in r->pool.  Returns NGX_OK,
 * NGX_DECLINED when it has more than so many bytes, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_body(ngx_http_request_t *r, size_t most,
    ngx_str_t *body);


#endif /* NGX_HTTP_WEBSOCKET_BODY_H */
