
/*
 * GET ?presence of a channel that several nodes share.
 */


#ifndef NGX_HTTP_WEBSOCKET_ROLL_H
#define NGX_HTTP_WEBSOCKET_ROLL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * Asks the broker of the location's zone who is there in the request's first
 * channel, and answers when it knows.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_roll(ngx_http_request_t *r, ngx_uint_t limit);


#endif /* NGX_HTTP_WEBSOCKET_ROLL_H */
