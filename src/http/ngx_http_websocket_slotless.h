
/*
 * Clients that come to a worker without a slot: they wait until an old worker
 * has given its own back.
 */


#ifndef NGX_HTTP_WEBSOCKET_SLOTLESS_H
#define NGX_HTTP_WEBSOCKET_SLOTLESS_H


#include "session/ngx_http_websocket_session.h"


/*
 * Holds the request until the worker can hold a session of its location, or a
 * second is over, then calls ngx_http_websocket_open_now(), with copies of
 * what options and key say now.  Returns NGX_DONE, or what a content handler
 * returns when memory was refused.
 */
ngx_int_t ngx_http_websocket_slotless(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *key);


#endif /* NGX_HTTP_WEBSOCKET_SLOTLESS_H */
