
/*
 * The API's method "channels": those that have subscribers, on this node.
 */


#ifndef NGX_HTTP_WEBSOCKET_API_CHANNELS_H
#define NGX_HTTP_WEBSOCKET_API_CHANNELS_H


#include "http/ngx_http_websocket_api.h"


/* Returns what a content handler returns. */
ngx_int_t ngx_http_websocket_api_channels(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);


#endif /* NGX_HTTP_WEBSOCKET_API_CHANNELS_H */
