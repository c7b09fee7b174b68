
/*
 * Streams for clients that cannot open a WebSocket: server-sent events and
 * long-polling, on the same locations.
 */


#ifndef NGX_HTTP_WEBSOCKET_FALLBACK_H
#define NGX_HTTP_WEBSOCKET_FALLBACK_H


#include "session/ngx_http_websocket_session.h"


/*
 * The protocol that a GET which is no WebSocket's handshake asks for; NULL when
 * it asks for none.
 */
const ngx_http_websocket_protocol_t *ngx_http_websocket_fallback_protocol(
    ngx_http_request_t *r);

/* Whether the client takes server-sent events: RFC 9110, section 12.5.1. */
ngx_uint_t ngx_http_websocket_accepts_events(ngx_http_request_t *r);

/*
 * Reads where the client wants to begin, for options->protocol.  Returns
 * NGX_OK; NGX_HTTP_BAD_REQUEST with *error set to a constant string that says
 * what is wrong; or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_options(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    char **error);

/*
 * Begins the response of a stream: sends its header, or prepares that of an
 * answer which ends it.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_fallback_header(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options);

/*
 * Answers a HEAD with the header that a GET would get.  Returns what a content
 * handler returns.
 */
ngx_int_t ngx_http_websocket_fallback_head(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options);


#endif /* NGX_HTTP_WEBSOCKET_FALLBACK_H */
