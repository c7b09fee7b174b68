
/*
 * Requests that wait for a zone that is stuck.
 */


#ifndef NGX_HTTP_WEBSOCKET_AWAIT_H
#define NGX_HTTP_WEBSOCKET_AWAIT_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Has handler called when the request's zone is not stuck any more, or has
 * been for too long, and takes its result as a content handler's.  Returns
 * NGX_DONE; NGX_HTTP_SERVICE_UNAVAILABLE when the request has waited too long
 * already, for the caller to answer; or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_await(ngx_http_request_t *r,
    ngx_http_handler_pt handler);

/*
 * The same, but a request that has waited too long is answered with 503.
 * Returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_await_or_refuse(ngx_http_request_t *r,
    ngx_http_handler_pt handler);

/*
 * Adds a Retry-After of one second to the response.  Returns NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_retry_later(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_AWAIT_H */
