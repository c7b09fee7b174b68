
/*
 * The API's methods "publish" and "broadcast".
 */


#ifndef NGX_HTTP_WEBSOCKET_API_PUBLISH_H
#define NGX_HTTP_WEBSOCKET_API_PUBLISH_H


#include "http/ngx_http_websocket_api.h"


/* Both return what a content handler returns. */
ngx_int_t ngx_http_websocket_api_publish(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);
ngx_int_t ngx_http_websocket_api_broadcast(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);


#endif /* NGX_HTTP_WEBSOCKET_API_PUBLISH_H */
