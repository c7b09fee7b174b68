
/*
 * Requests whose answers take long to make: one after the other, in what the
 * turns have time for.
 */


#ifndef NGX_HTTP_WEBSOCKET_LATER_H
#define NGX_HTTP_WEBSOCKET_LATER_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Makes a part of an answer.  Returns NGX_BUSY when it is to be called in a
 * later turn, else what a content handler returns: that is NGX_AGAIN where the
 * whole answer was made, and waits for the client to read.
 */
typedef ngx_int_t (*ngx_http_websocket_later_pt)(ngx_http_request_t *r,
    void *data);

/*
 * Makes an answer in as many turns as it takes, after those that other
 * requests wait for.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_later(ngx_http_request_t *r,
    ngx_http_websocket_later_pt handler, void *data);

/* In init_process. */
void ngx_http_websocket_later_init(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_WEBSOCKET_LATER_H */
