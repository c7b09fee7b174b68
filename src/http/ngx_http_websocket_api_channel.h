
/*
 * The API's methods that tell of channels: who is there, and what was
 * published.
 */


#ifndef NGX_HTTP_WEBSOCKET_API_CHANNEL_H
#define NGX_HTTP_WEBSOCKET_API_CHANNEL_H


#include "http/ngx_http_websocket_api.h"


/* All return what a content handler returns. */
ngx_int_t ngx_http_websocket_api_presence(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);
ngx_int_t ngx_http_websocket_api_presence_stats(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);
ngx_int_t ngx_http_websocket_api_history(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);


#endif /* NGX_HTTP_WEBSOCKET_API_CHANNEL_H */
