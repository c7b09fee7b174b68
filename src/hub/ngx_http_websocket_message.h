
/*
 * A message in a worker's memory, and the frames made of it.  Both are
 * shared by reference count among the sessions of the worker.
 */


#ifndef NGX_HTTP_WEBSOCKET_MESSAGE_H
#define NGX_HTTP_WEBSOCKET_MESSAGE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "wire/frame.h"


/* bytes ready for the wire */

typedef struct {
    uint32_t                      refs;
    uint32_t                      size;
    u_char                       *data;
    unsigned                      pong:1;
    unsigned                      message:1;    /* a whole data message */
} ngx_http_websocket_frame_t;


/*
 * The message's bytes lie behind the struct, with the raw frame's header
 * before them: the raw frame is the allocation itself.
 */

typedef struct {
    ngx_http_websocket_frame_t    frame;

    uint64_t                      offset;
    uint64_t                      time;     /* ms since the epoch */
    uint64_t                      source;
    uint8_t                       type;     /* NGX_WEBSOCKET_TEXT, _BINARY */
    uint8_t                       priority;

    size_t                        size;
    u_char                       *payload;
} ngx_http_websocket_message_t;


/*
 * Allocates a message of one reference, framed for a raw client, with room
 * for size bytes at message->payload that the caller fills.  Returns NULL
 * when memory is refused.
 */
ngx_http_websocket_message_t *ngx_http_websocket_message_create(uint8_t type,
    size_t size, ngx_log_t *log);

/*
 * Allocates a frame of one reference: first is its first byte (opcode and
 * bits).  Returns NULL when memory is refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_frame_create(uint8_t first,
    u_char *payload, size_t size, ngx_log_t *log);

/* Gives a reference back. */
static ngx_inline void
ngx_http_websocket_frame_release(ngx_http_websocket_frame_t *frame)
{
    if (--frame->refs == 0) {
        ngx_free(frame);
    }
}


#endif /* NGX_HTTP_WEBSOCKET_MESSAGE_H */
