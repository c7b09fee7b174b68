
/*
 * Heartbeats: how often a session has them, and the visible ones, which are
 * messages.  An application in a browser sees neither Pings nor comments of
 * server-sent events.
 */


#ifndef NGX_HTTP_WEBSOCKET_BEAT_H
#define NGX_HTTP_WEBSOCKET_BEAT_H


#include "session/ngx_http_websocket_session.h"


/*
 * Gives a new session the heartbeats that it asked for.  Returns NGX_OK, or
 * NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_beat_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options);

/* Sends a visible heartbeat, if one is due. */
void ngx_http_websocket_beat(ngx_http_websocket_session_t *s);

/*
 * Sends the frame of a visible heartbeat, and takes over its reference.  The
 * heartbeat is left out while the client has yet to take what was sent before:
 * that is a sign of life, too.
 */
void ngx_http_websocket_beat_send(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Takes a message of the client that is its answer to a visible heartbeat, an
 * object with the one member "position": it is counted like a Pong.
 */
ngx_http_websocket_aside_e ngx_http_websocket_beat_answer(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);


/* Milliseconds between heartbeats, where the location has them. */

static ngx_inline ngx_http_websocket_time_t
ngx_http_websocket_beat_interval(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_time_t  interval;

    interval = s->record->aside->interval;

    return interval ? interval
                    : (ngx_http_websocket_time_t) s->conf->heartbeat_interval;
}


#endif /* NGX_HTTP_WEBSOCKET_BEAT_H */
