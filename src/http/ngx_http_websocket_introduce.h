
/*
 * Handshakes of which the application is asked, by the hook "connect".
 */


#ifndef NGX_HTTP_WEBSOCKET_INTRODUCE_H
#define NGX_HTTP_WEBSOCKET_INTRODUCE_H


#include "session/ngx_http_websocket_hooked.h"


/*
 * Asks whether the client of ctx may come in, where the location has the hook.
 * A check, which returns NGX_HTTP_WEBSOCKET_PASS where nothing is to be asked,
 * or was answered before; NGX_DONE when the request waits:
 * ngx_http_websocket_open_introduced() is called later, with copies of options
 * and key, which may be NULL.  The reference to a filter in options goes with
 * the copy.
 */
ngx_int_t ngx_http_websocket_introduce(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    ngx_str_t *key);


#endif /* NGX_HTTP_WEBSOCKET_INTRODUCE_H */
