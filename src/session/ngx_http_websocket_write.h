
/*
 * What is sent to a client: frames are queued, and written together at the
 * end of a turn of the event loop, or as websocket_coalesce says.
 */


#ifndef NGX_HTTP_WEBSOCKET_WRITE_H
#define NGX_HTTP_WEBSOCKET_WRITE_H


#include "session/ngx_http_websocket_session.h"


/* what became of a frame that was to be queued */

typedef enum {
    NGX_HTTP_WEBSOCKET_SEND_OK = NGX_OK,
    NGX_HTTP_WEBSOCKET_SEND_NO_MEMORY = NGX_ERROR,
    NGX_HTTP_WEBSOCKET_SEND_DROPPED = NGX_DONE,     /* as overflow= says */
    NGX_HTTP_WEBSOCKET_SEND_FULL = NGX_DECLINED     /* the session must be
                                                       closed */
} ngx_http_websocket_send_e;


/* The write event's handler of a connection whose data is the session. */
void ngx_http_websocket_write_handler(ngx_event_t *wev);

/* The connection can be written to; a new session begins with this. */
void ngx_http_websocket_write(ngx_http_websocket_session_t *s);

/*
 * Queues a frame, whose reference is the queue's from then on, to be written
 * at the end of the turn or as websocket_coalesce says.  At the queue's bound
 * something is dropped, as the location says.  Returns _SEND_OK, also where
 * the frame itself was dropped; _SEND_FULL or _SEND_NO_MEMORY.
 */
ngx_http_websocket_send_e ngx_http_websocket_send(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Queues a frame for the end of the turn and without a bound: one that the
 * client's own reading bounds, since it gets no more before all is written.
 * Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_send_reply(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * As ngx_http_websocket_send_reply(), but the frame goes before all that is
 * queued.
 */
ngx_int_t ngx_http_websocket_send_first(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Queues a text message of our own, as ngx_http_websocket_send() does: who
 * asks for many and reads none has a bound, at which the session is closed.
 * The frame is NULL where memory was refused for it: then the session fails,
 * and NGX_DONE is returned, else NGX_OK.
 */
ngx_int_t ngx_http_websocket_send_answer(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Queues bytes that are no message, for the end of the turn; the reference
 * goes with them.  Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_send_bytes(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Queues a control frame of its own.  Returns NGX_OK, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_send_control(ngx_http_websocket_session_t *s,
    uint8_t opcode, u_char *payload, size_t size);

/*
 * Writes what is queued.  Returns NGX_OK when all is written, NGX_AGAIN when
 * the peer must read first, NGX_DONE when the session has done what it was
 * for, NGX_ERROR when the connection is broken.
 */
ngx_int_t ngx_http_websocket_flush(ngx_http_websocket_session_t *s);

/* The flush of a socket's transport: returns as ngx_http_websocket_flush(). */
ngx_int_t ngx_http_websocket_socket_flush(ngx_http_websocket_session_t *s);

/* Has the session's queue written at the end of the turn. */
void ngx_http_websocket_post_flush(ngx_http_websocket_session_t *s);

/*
 * The peer must read before more can be written: has the write handler called
 * then.  Returns NGX_AGAIN, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_blocked(ngx_http_websocket_session_t *s);

/* In init_process. */
void ngx_http_websocket_write_init(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_WEBSOCKET_WRITE_H */
