
/*
 * A session over an HTTP response.  Everything is written through nginx's
 * filters, so that it works over HTTP/1.0, HTTP/1.1, HTTP/2 and TLS alike.
 */


#ifndef NGX_HTTP_WEBSOCKET_RESPONSE_H
#define NGX_HTTP_WEBSOCKET_RESPONSE_H


#include "session/ngx_http_websocket_session.h"


/* the record of such a session, in r->pool */

typedef struct {
    ngx_http_websocket_record_t   record;
    ngx_http_cleanup_t           *first_cleanup;
    ngx_pool_cleanup_t           *last_cleanup;
    ngx_websocket_position_t     *positions;    /* of the newest queued message
                                                   of each channel */
    uint8_t                      *found;        /* as in the hello */
    ngx_uint_t                    n;            /* of them */
    ngx_uint_t                    ended;        /* how many channels have
                                                   ended */

    ngx_buf_t                     buf;          /* on its way; start is NULL
                                                   when nothing is */
    ngx_chain_t                   link;
    uint64_t                      bytes_out;
    uint32_t                      stream_sent;  /* of HTTP/2, as of last look */
    uint32_t                      stream_end;   /* on the connection, of it */

    unsigned                      exhausted:1;  /* its window was, then */
    unsigned                      asked:1;      /* of the hello */
    unsigned                      recovered:1;
    unsigned                      lost:1;       /* one of several channels has
                                                   lost something */
    unsigned                      full:1;       /* takes no more messages */
    unsigned                      complete:1;   /* its end was sent */
} ngx_http_websocket_response_t;


/* The response of a session that is over one. */

static ngx_inline ngx_http_websocket_response_t *
ngx_http_websocket_response_of(ngx_http_websocket_session_t *s)
{
    return (ngx_http_websocket_response_t *) s->record;
}


/*
 * The functions of these protocols' transports: each does what
 * ngx_http_websocket_protocol.h says of the one of its name.
 */

/*
 * Makes s->record, with room for the positions of n channels.  Returns NGX_OK,
 * or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_response_prepare(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r, ngx_uint_t n);

/*
 * Takes the request over, whose header is sent; what is queued is written at
 * the end of the turn.
 */
void ngx_http_websocket_response_start(ngx_http_websocket_session_t *s);

/*
 * Hands what is queued to nginx's filters.  Returns as
 * ngx_http_websocket_flush().
 */
ngx_int_t ngx_http_websocket_response_flush(ngx_http_websocket_session_t *s);

uint64_t ngx_http_websocket_response_bytes_out(
    ngx_http_websocket_session_t *s);

/* Finalizes the request, which frees the session: it is detached. */
void ngx_http_websocket_response_end(ngx_http_websocket_session_t *s);

/* The record is in r->pool: only what points to it goes. */
void ngx_http_websocket_response_forget(ngx_http_websocket_session_t *s);

/* A channel has ended: as the end() of a protocol. */
void ngx_http_websocket_response_ended(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_websocket_position_t *position);

/*
 * The client need not be sent a message: its position in that channel moves
 * behind the message.  As the pass() of a protocol.
 */
void ngx_http_websocket_response_pass(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message);


#endif /* NGX_HTTP_WEBSOCKET_RESPONSE_H */
