
/*
 * The API's method "batch": calls that are done one after the other.
 */


#ifndef NGX_HTTP_WEBSOCKET_API_BATCH_H
#define NGX_HTTP_WEBSOCKET_API_BATCH_H


#include "http/ngx_http_websocket_api.h"


/* Returns what a content handler returns. */
ngx_int_t ngx_http_websocket_api_batch(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);

/*
 * A call of a batch has its answer: {"result":..} or {"error":..}, of size
 * bytes, which are copied.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_api_batch_take(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const char *answer, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_API_BATCH_H */
