
/*
 * How much a session may do: it holds quotas, which are counted across all
 * workers, and what it sends is counted against rates.
 */


#ifndef NGX_HTTP_WEBSOCKET_LIMITS_H
#define NGX_HTTP_WEBSOCKET_LIMITS_H


#include "session/ngx_http_websocket_session.h"


/* what becomes of a message that was counted */

typedef enum {
    NGX_HTTP_WEBSOCKET_LIMITED_TAKEN = 0,
    NGX_HTTP_WEBSOCKET_LIMITED_DROPPED,     /* it is not to be taken */
    NGX_HTTP_WEBSOCKET_LIMITED_CLOSED       /* the session began to close */
} ngx_http_websocket_limited_e;


/*
 * Takes the quotas that the location asks for, all or none, or with quotas 0
 * none in any case.  Returns ROOM_OK, ROOM_LIMIT, ROOM_FULL, ROOM_STUCK, or
 * ROOM_NO_MEMORY.
 */
ngx_int_t ngx_http_websocket_limits_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_uint_t quotas);

/* Gives the quotas back. */
void ngx_http_websocket_limits_end(ngx_http_websocket_session_t *s);

/* Frees what was kept of the session. */
void ngx_http_websocket_limits_free(ngx_http_websocket_session_t *s);

/*
 * Counts a client's message against the rates of the location, which has some.
 * The session may be paused from then on.
 */
ngx_http_websocket_limited_e ngx_http_websocket_limits_message(
    ngx_http_websocket_session_t *s, size_t size);

/*
 * To be called when bytes have come, while s->heard still says when those
 * before them did.
 */
void ngx_http_websocket_limits_heard(ngx_http_websocket_session_t *s);

/*
 * Counts a Ping or Pong of the client.  Returns NGX_OK, or NGX_DONE when the
 * session began to close.
 */
ngx_int_t ngx_http_websocket_limits_ping(ngx_http_websocket_session_t *s);

/*
 * Counts an error of the client, which was refused something and may stay: one
 * error too many closes the session.  Returns NGX_OK, or NGX_DONE when the
 * session began to close.
 */
ngx_int_t ngx_http_websocket_session_error(ngx_http_websocket_session_t *s);

/* Returns how many of the client's messages were dropped. */
uint32_t ngx_http_websocket_limits_refused(ngx_http_websocket_session_t *s);

/*
 * To be called when the session has published many messages: it is paused for a
 * moment if a large part of the zone is what others have yet to read.
 */
void ngx_http_websocket_limits_flood(ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_LIMITS_H */
