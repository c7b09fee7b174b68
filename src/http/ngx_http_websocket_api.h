
/*
 * Centrifugo's HTTP API for applications: POST /.../METHOD with a JSON object.
 */


#ifndef NGX_HTTP_WEBSOCKET_API_H
#define NGX_HTTP_WEBSOCKET_API_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "message/json.h"
#include "message/scan.h"


typedef struct ngx_http_websocket_api_call_s   ngx_http_websocket_api_call_t;
typedef struct ngx_http_websocket_api_batch_s  ngx_http_websocket_api_batch_t;


/* errors, as Centrifugo numbers them */

typedef enum {
    NGX_HTTP_WEBSOCKET_API_OK = 0,
    NGX_HTTP_WEBSOCKET_API_INTERNAL = 100,
    NGX_HTTP_WEBSOCKET_API_UNKNOWN_CHANNEL = 102,
    NGX_HTTP_WEBSOCKET_API_NOT_FOUND = 104,
    NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED = 106,
    NGX_HTTP_WEBSOCKET_API_BAD_REQUEST = 107,
    NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE = 108,
    NGX_HTTP_WEBSOCKET_API_UNRECOVERABLE = 112
} ngx_http_websocket_api_error_e;


/*
 * Does a call, and answers it by one of the functions below, now or later.
 * Returns what a content handler returns.
 */
typedef ngx_int_t (*ngx_http_websocket_api_method_pt)(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);


/* a call, in r->pool */

struct ngx_http_websocket_api_call_s {
    json_t                         *args;       /* an object of the members
                                                   that are known, but for
                                                   those below; as long as the
                                                   call */

    /* as they are in the body; data is NULL where there is none */

    ngx_str_t                       data;
    ngx_str_t                       commands;

    ngx_http_websocket_api_batch_t *batch;      /* NULL: it is not of a batch */

    /* of api_read.h */

    ngx_websocket_scan_t            scan;
    ngx_str_t                       name;
    ngx_str_t                       value;
    ngx_uint_t                      step;
    ngx_http_websocket_api_error_e  error;
    ngx_uint_t                      invalid;    /* it is no JSON object */
};


/* The content handler of websocket_api. */
ngx_int_t ngx_http_websocket_api_handler(ngx_http_request_t *r);


/* The method of that name, or NULL. */
ngx_http_websocket_api_method_pt ngx_http_websocket_api_method(
    const u_char *name, size_t len);

/* {"error":{...}}, or NULL when memory was refused. */
json_t *ngx_http_websocket_api_error(ngx_http_websocket_api_error_e code);

/*
 * Answer a call with an error, or with a result, whose reference is taken over:
 * NULL is that memory was refused.  Both return what a content handler returns.
 */
ngx_int_t ngx_http_websocket_api_refuse(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, ngx_http_websocket_api_error_e code);
ngx_int_t ngx_http_websocket_api_answer(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, json_t *result);

/* The same with a whole {"result":..} or {"error":..}. */
ngx_int_t ngx_http_websocket_api_say(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, json_t *answer);

/* The same with the JSON of a result, which is copied. */
ngx_int_t ngx_http_websocket_api_answer_text(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const char *result, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_API_H */
