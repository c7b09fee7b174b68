
/*
 * A message of a client that is yet to be published: its zone is stuck, or its
 * broker needs time.
 */


#ifndef NGX_HTTP_WEBSOCKET_HOLD_H
#define NGX_HTTP_WEBSOCKET_HOLD_H


#include "broker/ngx_http_websocket_broker.h"
#include "session/ngx_http_websocket_session.h"


/*
 * The zone is stuck: keeps a client's message, which is published as soon as
 * the zone can be had.  Nothing is read of the session until then.  A session
 * that would have to wait for too long is closed.  Returns NGX_AGAIN, or
 * NGX_DONE when the session failed for want of memory.
 */
ngx_int_t ngx_http_websocket_hold(ngx_http_websocket_session_t *s,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    size_t n);

/*
 * The broker publishes a client's message, and completes later: nothing is read
 * of the session until then.  Returns as ngx_http_websocket_hold().
 */
ngx_int_t ngx_http_websocket_hold_pending(ngx_http_websocket_session_t *s,
    ngx_http_websocket_publish_t *pending);


#endif /* NGX_HTTP_WEBSOCKET_HOLD_H */
