
/*
 * The API's methods that are for the sessions of a user, wherever they are.
 */


#ifndef NGX_HTTP_WEBSOCKET_API_CONTROL_H
#define NGX_HTTP_WEBSOCKET_API_CONTROL_H


#include "http/ngx_http_websocket_api.h"


/* All return what a content handler returns. */
ngx_int_t ngx_http_websocket_api_subscribe(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);
ngx_int_t ngx_http_websocket_api_unsubscribe(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);
ngx_int_t ngx_http_websocket_api_disconnect(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);
ngx_int_t ngx_http_websocket_api_refresh(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);


#endif /* NGX_HTTP_WEBSOCKET_API_CONTROL_H */
