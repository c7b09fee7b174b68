
/*
 * A message of a client that is yet to be published: its zone is stuck, or its
 * broker needs time.
 */


#ifndef NGX_HTTP_WEBSOCKET_HOLD_H
#define NGX_HTTP_WEBSOCKET_HOLD_H


#include "broker/ngx_http_websocket_broker.h"
#include "session/ngx_http_websocket_session.h"


/*
 * The zone is stuck: keeps a message of the client, which is published when it
 * is not any more; until then the session stops.  Who would have to wait for
 * too long is closed.  Returns NGX_AGAIN, or NGX_DONE when the session failed
 * for want of memory.
 */
ngx_int_t ngx_http_websocket_hold(ngx_http_websocket_session_t *s,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    size_t n);

/*
 * The broker publishes a message of the client, which completes later: until
 * then the session stops.  Returns as above.
 */
ngx_int_t ngx_http_websocket_hold_pending(ngx_http_websocket_session_t *s,
    ngx_http_websocket_publish_t *pending);


#endif /* NGX_HTTP_WEBSOCKET_HOLD_H */
