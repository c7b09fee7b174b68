
/*
 * A stream of a client that ends with an answer: all that it sent, as an
 * array.
 */


#ifndef NGX_HTTP_WEBSOCKET_COLLECT_H
#define NGX_HTTP_WEBSOCKET_COLLECT_H


#include "delivery/ngx_http_websocket_intake.h"
#include "session/ngx_http_websocket_session.h"


/*
 * Whether a message says that the stream has ended, {"end":true}.  Returns
 * NGX_OK, NGX_DECLINED when it is something else (what cannot be read is
 * refused later), or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_collect_ends(ngx_http_websocket_intake_t *in);

/*
 * Adds a message to what was collected.  Returns NGX_OK, NGX_DECLINED when it
 * would be too much, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_collect(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in);

/*
 * All that was collected, which ends with this; it remains the session's.
 * Returns NULL when memory was refused.
 */
ngx_websocket_json_text_t *ngx_http_websocket_collected(
    ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_COLLECT_H */
