
/*
 * The requests that calls are made by.
 */


#ifndef NGX_HTTP_WEBSOCKET_CALL_REQUEST_H
#define NGX_HTTP_WEBSOCKET_CALL_REQUEST_H


#include "hook/ngx_http_websocket_call.h"


/* In init_process.  Returns NGX_OK, or NGX_ERROR, which it has logged. */
ngx_int_t ngx_http_websocket_call_start(ngx_cycle_t *cycle);

/*
 * Makes the request of a call, with its question, for ngx_http_handler().
 * Returns NULL when memory was refused, or a connection.
 */
ngx_http_request_t *ngx_http_websocket_call_request(
    ngx_http_websocket_call_t *call);

/* Ends such a request, whatever it does: its pool's cleanups tell of it. */
void ngx_http_websocket_call_abort(ngx_http_request_t *r);

/*
 * Where the call stands that the request, or its main request, is of: NULL for
 * a request of a client.
 */
ngx_http_websocket_call_t **ngx_http_websocket_call_of(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_CALL_REQUEST_H */
