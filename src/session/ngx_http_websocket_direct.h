
/*
 * Writing at once, without the session's queue: most often a client's socket
 * takes all that there is for it.
 */


#ifndef NGX_HTTP_WEBSOCKET_DIRECT_H
#define NGX_HTTP_WEBSOCKET_DIRECT_H


#include "session/ngx_http_websocket_queue.h"


/* Whether a session's messages may be written at once, now that it is open. */
ngx_uint_t ngx_http_websocket_direct_allowed(ngx_http_websocket_session_t *s);

/* Whether nothing waits to be written before it. */
#define ngx_http_websocket_direct_ready(s)                                    \
    ((s)->direct && !(s)->flush_posted                                        \
     && (s)->out == &ngx_http_websocket_queue_none)

/*
 * Writes the messages of a delivery, to a session that is ready, and whose
 * progress has begun.  Returns how many of the messages are done with.  What
 * the socket did not take of a message is queued.
 */
ngx_uint_t ngx_http_websocket_direct_deliver(ngx_http_websocket_session_t *s,
    ngx_http_websocket_delivery_t *delivery);

/*
 * Writes those messages of a delivery that pass the session's filter, and
 * begins its progress.  Does nothing for a session whose frames are for itself
 * alone.  Returns as direct_deliver().
 */
ngx_uint_t ngx_http_websocket_direct_select(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery);

/*
 * Gathers the answers to what is read from one session, to be written by
 * ngx_http_websocket_uncork(); does nothing when the session is not ready.
 * What is queued otherwise must be queued behind it: after uncork().
 */
void ngx_http_websocket_cork(ngx_http_websocket_session_t *s);
void ngx_http_websocket_uncork(ngx_http_websocket_session_t *s);

/*
 * Adds a frame, whose first byte is given (opcode and bits), and returns 1; or
 * 0 when nothing is gathered for the session or the frame is too large for it.
 */
ngx_uint_t ngx_http_websocket_cork_frame(ngx_http_websocket_session_t *s,
    uint8_t first, u_char *data, size_t size);

/* Writes bytes to a session that is ready; what is not taken is queued. */
void ngx_http_websocket_direct_write(ngx_http_websocket_session_t *s,
    u_char *data, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_DIRECT_H */
