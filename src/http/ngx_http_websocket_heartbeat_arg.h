
/*
 * The heartbeats that a client wants.
 */


#ifndef NGX_HTTP_WEBSOCKET_HEARTBEAT_ARG_H
#define NGX_HTTP_WEBSOCKET_HEARTBEAT_ARG_H


#include "session/ngx_http_websocket_session.h"


/*
 * Reads the argument "heartbeat", and what the location says: sets
 * options->interval and ->visible.  Returns NGX_OK; NGX_HTTP_BAD_REQUEST with
 * *error set to a constant string that says what is wrong; or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_heartbeat_arg(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, char **error);


#endif /* NGX_HTTP_WEBSOCKET_HEARTBEAT_ARG_H */
