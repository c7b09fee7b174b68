
/*
 * Centrifugo's HTTP API for applications: POST /.../METHOD with a JSON object.
 */


#ifndef NGX_HTTP_WEBSOCKET_API_H
#define NGX_HTTP_WEBSOCKET_API_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "message/json.h"


/* errors, as Centrifugo numbers them */

typedef enum {
    NGX_HTTP_WEBSOCKET_API_OK = 0,
    NGX_HTTP_WEBSOCKET_API_INTERNAL = 100,
    NGX_HTTP_WEBSOCKET_API_UNKNOWN_CHANNEL = 102,
    NGX_HTTP_WEBSOCKET_API_NOT_FOUND = 104,
    NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED = 106,
    NGX_HTTP_WEBSOCKET_API_BAD_REQUEST = 107,
    NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE = 108
} ngx_http_websocket_api_error_e;


/* a call, in r->pool */

typedef struct {
    json_t                       *args;     /* an object of the members that are
                                               known, but "data"; as long as the
                                               request */
    ngx_str_t                     data;     /* its bytes; NULL: there is none */
} ngx_http_websocket_api_call_t;


/* The content handler of websocket_api. */
ngx_int_t ngx_http_websocket_api_handler(ngx_http_request_t *r);

/*
 * {"error":{...}}, or NULL when memory was refused.
 */
json_t *ngx_http_websocket_api_error(ngx_http_websocket_api_error_e code);

/*
 * Answers with an error, or with {"result":result}, whose reference it takes
 * over; NULL is: memory was refused.  Both return what a content handler
 * returns.
 */
ngx_int_t ngx_http_websocket_api_refuse(ngx_http_request_t *r,
    ngx_http_websocket_api_error_e code);
ngx_int_t ngx_http_websocket_api_answer(ngx_http_request_t *r, json_t *result);


#endif /* NGX_HTTP_WEBSOCKET_API_H */
