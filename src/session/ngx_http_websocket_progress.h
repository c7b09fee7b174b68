
/*
 * Whether a client takes what is sent to it.  What counts is what its TCP has
 * acknowledged: the kernel here takes megabytes for a client, and reports
 * nothing for minutes.
 */


#ifndef NGX_HTTP_WEBSOCKET_PROGRESS_H
#define NGX_HTTP_WEBSOCKET_PROGRESS_H


#include "session/ngx_http_websocket_session.h"


/*
 * Begins to watch a client: something is written, and all before was
 * acknowledged.
 */
void ngx_http_websocket_progress_begin(ngx_http_websocket_session_t *s);

/* To be called when something was written, or could not be. */
static ngx_inline void
ngx_http_websocket_progress(ngx_http_websocket_session_t *s)
{
    if (!s->unacked) {
        ngx_http_websocket_progress_begin(s);
    }
}

/*
 * Asks the kernel what the client has acknowledged, unless that is all.
 * Returns 1 when something waits for the client to take it, else 0.
 */
ngx_uint_t ngx_http_websocket_progress_look(ngx_http_websocket_session_t *s);

/* When progress_look() is to be called again. */
ngx_http_websocket_time_t ngx_http_websocket_progress_due(
    ngx_http_websocket_session_t *s);

/*
 * After a look: returns 1 when the client has taken nothing for longer than
 * websocket_send_timeout, else 0.
 */
ngx_uint_t ngx_http_websocket_progress_over(ngx_http_websocket_session_t *s);

/*
 * A frame that the client is to answer was queued: sets s->late when it stands
 * behind what is not acknowledged.
 */
void ngx_http_websocket_progress_mark(ngx_http_websocket_session_t *s);

/* Returns 1 when bytes of the client lie in its socket, else 0. */
ngx_uint_t ngx_http_websocket_progress_unread(ngx_http_websocket_session_t *s);

/*
 * Where only the newest value of each channel matters, has the kernel keep
 * little more than what is on its way: what waits in the session's queue can
 * still be dropped.
 */
void ngx_http_websocket_progress_fresh(ngx_http_websocket_session_t *s);

/*
 * The time from which a client's timeout counts: the given one, or the end of
 * the worker's last standstill if that is later.
 */
ngx_http_websocket_time_t ngx_http_websocket_progress_since(
    ngx_http_websocket_time_t time);

/*
 * Whether timeout milliseconds have passed since then, a standstill of the
 * worker not counted.
 */
ngx_uint_t ngx_http_websocket_progress_passed(ngx_http_websocket_time_t time,
    ngx_msec_t timeout);

/* The later one of two times. */
static ngx_inline ngx_http_websocket_time_t
ngx_http_websocket_progress_later(ngx_http_websocket_time_t a,
    ngx_http_websocket_time_t b)
{
    return (int32_t) (a - b) > 0 ? a : b;
}


#endif /* NGX_HTTP_WEBSOCKET_PROGRESS_H */
