
/*
 * A message in a worker's memory, and the frames made of it.  Frames are
 * shared by reference count among the sessions of the worker.
 */


#ifndef NGX_HTTP_WEBSOCKET_MESSAGE_H
#define NGX_HTTP_WEBSOCKET_MESSAGE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "store/store.h"
#include "wire/frame.h"


/* in the log 0 is of who said nothing */

typedef enum {
    NGX_HTTP_WEBSOCKET_LOW = 1,
    NGX_HTTP_WEBSOCKET_NORMAL,
    NGX_HTTP_WEBSOCKET_HIGH,
    NGX_HTTP_WEBSOCKET_URGENT
} ngx_http_websocket_priority_e;


/* what a message can be sent as */

typedef enum {
    NGX_HTTP_WEBSOCKET_RAW_FRAME = 0,       /* the payload alone */
    NGX_HTTP_WEBSOCKET_POSITION_FRAME,      /* behind its position */
    NGX_HTTP_WEBSOCKET_EVENT,               /* a server-sent one */
    NGX_HTTP_WEBSOCKET_JSON
} ngx_http_websocket_encoding_e;


/*
 * What a session gets: an encoding in 3 bits, compressed by a codec in 6,
 * of a view in 7; 0 is no codec, and no view but all of the message.  A
 * frame's own variant has no view: it is of the message that the view shows.
 */

#define ngx_http_websocket_variant(variant, codec)    ((codec) << 3 | (variant))
#define ngx_http_websocket_variant_of(variant, view)  ((view) << 9 | (variant))
#define ngx_http_websocket_variant_encoding(variant)  ((variant) & 0x7)
#define ngx_http_websocket_variant_codec(variant)     ((variant) >> 3 & 0x3f)
#define ngx_http_websocket_variant_view(variant)      ((variant) >> 9)
#define ngx_http_websocket_variant_frame(variant)     ((variant) & 0x1ff)

#define NGX_HTTP_WEBSOCKET_CODECS  63


typedef struct ngx_http_websocket_frame_s    ngx_http_websocket_frame_t;
typedef struct ngx_http_websocket_content_s  ngx_http_websocket_content_t;


/* bytes ready for the wire */

struct ngx_http_websocket_frame_s {
    uint32_t                      refs;
    uint32_t                      size;
    u_char                       *data;

    ngx_http_websocket_frame_t   *next;     /* of the same message, while it
                                               is being delivered */
    uint16_t                      variant;
    uint8_t                       header;   /* bytes before the payload */

    /* of the message */

    uint8_t                       fraction; /* of time */
    uint8_t                       fresh;    /* no history: what its way takes
                                               is measured */
    uint64_t                      time;     /* as of clock_now() */
    ngx_websocket_channel_ref_t   channel;  /* 0: of none */
    uint8_t                       priority;

    uint8_t                       pong;
    uint8_t                       message;  /* 1: a whole data message */
    uint8_t                       answer;   /* to the client: never dropped */
};


/*
 * The message's bytes lie behind the struct, with the raw frame's header
 * before them: the raw frame is the allocation itself.  It heads the list of
 * the frames that are made when the first session wants one.  The rest of the
 * struct is there as long as the message is being delivered.
 */

typedef struct {
    ngx_http_websocket_frame_t    frame;

    uint64_t                      epoch;    /* of the channel */
    uint64_t                      offset;
    uint64_t                      source;
    uint8_t                       type;     /* NGX_WEBSOCKET_TEXT, _BINARY */
    uint8_t                       filtered; /* a number: of filters.c */
    uint8_t                       written;  /* to some subscribers at once */
    uint16_t                      meta_size;

    size_t                        size;
    u_char                       *payload;

    u_char                       *meta;     /* as the log has it */
    uint32_t                      holders;  /* who is to release it */
    ngx_http_websocket_content_t *content;  /* NULL: not looked at */
} ngx_http_websocket_message_t;


/*
 * Allocates a message of one reference, framed for a raw client, with room
 * for size bytes at message->payload that the caller fills.  Returns NULL
 * when memory is refused.
 */
ngx_http_websocket_message_t *ngx_http_websocket_message_create(uint8_t type,
    size_t size, ngx_log_t *log);

/* The same with room for what the log has besides, at message->meta. */
ngx_http_websocket_message_t *ngx_http_websocket_message_alloc(uint8_t type,
    size_t size, size_t meta, ngx_log_t *log);

/*
 * Ends the delivery: the last who holds the message gives back the references
 * of its own.
 */
void ngx_http_websocket_message_release(ngx_http_websocket_message_t *message);

/*
 * Allocates a WebSocket frame of one reference: first is its first byte
 * (opcode and bits); payload may be NULL: the caller fills the last size
 * bytes of frame->data.  Returns NULL when memory is refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_frame_create(uint8_t first,
    u_char *payload, size_t size, ngx_log_t *log);

/*
 * Allocates size bytes of one reference, to be filled by the caller, who may
 * use less and set frame->size.  Returns NULL when memory is refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_frame_alloc(size_t size,
    ngx_log_t *log);

/*
 * A control frame, with room for any other one in its place.  Returns NULL
 * when memory is refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_control_frame(uint8_t first,
    u_char *payload, size_t size, ngx_log_t *log);

/* Makes one into another. */
void ngx_http_websocket_control_fill(ngx_http_websocket_frame_t *frame,
    uint8_t first, u_char *payload, size_t size);

/* Gives a frame the properties of the message that it carries. */
void ngx_http_websocket_frame_of(ngx_http_websocket_frame_t *frame,
    ngx_http_websocket_message_t *message);

/* Gives a reference back. */
static ngx_inline void
ngx_http_websocket_frame_release(ngx_http_websocket_frame_t *frame)
{
    if (--frame->refs == 0) {
        ngx_free(frame);
    }
}


#endif /* NGX_HTTP_WEBSOCKET_MESSAGE_H */
