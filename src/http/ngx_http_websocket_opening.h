
/*
 * Handshakes between their checks and their sessions: the broker may need time
 * for the histories of their channels.
 */


#ifndef NGX_HTTP_WEBSOCKET_OPENING_H
#define NGX_HTTP_WEBSOCKET_OPENING_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "session/ngx_http_websocket_session.h"


/*
 * Asks the broker for the channels of ctx.  Returns FETCHED, FETCH_AWAY or
 * FETCH_NO_MEMORY; or NGX_AGAIN when the request waits:
 * ngx_http_websocket_open_again() is called later, with copies of options and
 * key, which may be NULL.  The reference to a filter in options goes with the
 * copy.
 */
ngx_int_t ngx_http_websocket_opening(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    ngx_str_t *key);


#endif /* NGX_HTTP_WEBSOCKET_OPENING_H */
