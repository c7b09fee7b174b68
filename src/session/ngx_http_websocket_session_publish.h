
/*
 * What a client sends goes to the channel that it talks to.
 */


#ifndef NGX_HTTP_WEBSOCKET_SESSION_PUBLISH_H
#define NGX_HTTP_WEBSOCKET_SESSION_PUBLISH_H


#include "broker/ngx_http_websocket_broker.h"
#include "session/ngx_http_websocket_session.h"


/*
 * Publishes what a client sent, in n parts.  Of the message its type and
 * priority are set, and what else is said of it; the rest is zeros.  Returns
 * as the receive() of a protocol.
 */
ngx_int_t ngx_http_websocket_session_publish(ngx_http_websocket_session_t *s,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    size_t n);

/* Publishes a client's message of that type as it is.  Returns as above. */
ngx_int_t ngx_http_websocket_session_publish_as_is(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);

/*
 * What became of a message: p->rc, message and info are set as by a broker.
 * The client is told, or the session closes where the message was not
 * published.  Returns as the receive() of a protocol.
 */
ngx_int_t ngx_http_websocket_session_published(
    ngx_http_websocket_session_t *s, ngx_http_websocket_publish_t *p);


#endif /* NGX_HTTP_WEBSOCKET_SESSION_PUBLISH_H */
