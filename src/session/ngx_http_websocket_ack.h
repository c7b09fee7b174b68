
/*
 * A client that is told what became of each message that it sent.
 */


#ifndef NGX_HTTP_WEBSOCKET_ACK_H
#define NGX_HTTP_WEBSOCKET_ACK_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "message/json.h"
#include "session/ngx_http_websocket_session.h"


/* part of the record's aside, in sessions that asked for acknowledgements */

struct ngx_http_websocket_ack_s {
    ngx_str_t                     user;     /* data is NULL: there is none */
    uint64_t                      own;      /* where there is no user: the
                                               session's own number, or 0 */

    /* of the message that is under work */

    u_char                       *id;       /* NULL: it has none */
    size_t                        size;     /* of it */
    uint64_t                      key[2];   /* zeros: it has none */
    uint32_t                      digest;
};


/*
 * Sets up acknowledgements for a new session that asked for them.  Returns
 * NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_ack_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options);

/* Frees what the session has for acknowledgements, if it has them. */
void ngx_http_websocket_ack_free(ngx_http_websocket_session_t *s);

/*
 * To be called when a session with acknowledgements begins to process a
 * client's message: what is said of the message from now on names its id.
 * Returns NGX_OK, or NGX_DONE when the session failed for want of memory.
 */
ngx_int_t ngx_http_websocket_ack_message(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size);

/* Whether a message of the client is under work, of which it is to be told. */
ngx_uint_t ngx_http_websocket_ack_awaits(ngx_http_websocket_session_t *s);

/*
 * Acknowledges the client's message, which was published at the position, or
 * nowhere if that is NULL.  duplicate is 1 if the same message had been
 * published before, durable where it is by now, or NULL: it is not said.
 * Returns as the receive() of a protocol.
 */
ngx_int_t ngx_http_websocket_ack(ngx_http_websocket_session_t *s,
    ngx_websocket_position_t *position, ngx_uint_t duplicate,
    const char *durable);

/*
 * Tells the client that its message was refused: why, and at which member, or
 * NULL.  Returns as the receive() of a protocol.
 */
ngx_int_t ngx_http_websocket_ack_error(ngx_http_websocket_session_t *s,
    const char *code, const char *path, const char *message);


#endif /* NGX_HTTP_WEBSOCKET_ACK_H */
