
/*
 * Pages of other origins: what a browser must be told for them to read an
 * answer, as https://fetch.spec.whatwg.org/#http-cors-protocol has it.
 */


#ifndef NGX_HTTP_WEBSOCKET_CORS_H
#define NGX_HTTP_WEBSOCKET_CORS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Lets the page read the answer to a request whose Origin, if it has one, is
 * allowed.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_cors(ngx_http_request_t *r);

/*
 * Answers a request that asks whether another one may be made, which is one of
 * methods.  Returns as a content handler.
 */
ngx_int_t ngx_http_websocket_cors_preflight(ngx_http_request_t *r,
    ngx_str_t *methods);

/*
 * Refuses a request whose Origin is not allowed.  Returns NGX_DECLINED when it
 * is, else as a content handler.
 */
ngx_int_t ngx_http_websocket_cors_refuse(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_CORS_H */
