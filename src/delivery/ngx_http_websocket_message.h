
/*
 * A message in a worker's memory, and the frames made of it.  Frames are
 * shared by reference count among the sessions of the worker.
 */


#ifndef NGX_HTTP_WEBSOCKET_MESSAGE_H
#define NGX_HTTP_WEBSOCKET_MESSAGE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "delivery/ngx_http_websocket_memory.h"
#include "message/event.h"
#include "store/store.h"


/* in the store 0 is the priority of messages for which none was given */

typedef enum {
    NGX_HTTP_WEBSOCKET_LOW = 1,
    NGX_HTTP_WEBSOCKET_NORMAL,
    NGX_HTTP_WEBSOCKET_HIGH,
    NGX_HTTP_WEBSOCKET_URGENT
} ngx_http_websocket_priority_e;


/* whether a client gets a message, by its filter and its view */

typedef enum {
    NGX_HTTP_WEBSOCKET_SHOWN = NGX_OK,
    NGX_HTTP_WEBSOCKET_SHOW_NO_MEMORY = NGX_ERROR,
    NGX_HTTP_WEBSOCKET_HIDDEN = NGX_DECLINED
} ngx_http_websocket_shown_e;


/*
 * What a session gets: a format in 8 bits, compressed by a codec in 8, of a
 * view in 16; 0 is no codec, and no view but all of the message.  A frame's
 * own variant has no view: it is of the message that the view shows.
 */

#define ngx_http_websocket_variant_of(format, view)                           \
    ((uint32_t) (view) << 16 | (uint32_t) (format))
#define ngx_http_websocket_variant(variant, codec)                            \
    ((uint32_t) (codec) << 8 | (variant))
#define ngx_http_websocket_variant_format(variant)    ((variant) & 0xff)
#define ngx_http_websocket_variant_codec(variant)     ((variant) >> 8 & 0xff)
#define ngx_http_websocket_variant_view(variant)      ((variant) >> 16)
#define ngx_http_websocket_variant_frame(variant)     ((variant) & 0xffff)

#define NGX_HTTP_WEBSOCKET_CODECS  63

/* a bit of a source in the store: this session is not to get the message */
#define NGX_HTTP_WEBSOCKET_SOURCE_EXCEPT  (UINT64_C(1) << 63)

/* before a message's payload, for what a format writes there */
#define NGX_HTTP_WEBSOCKET_MESSAGE_ROOM  16


typedef struct ngx_http_websocket_frame_s    ngx_http_websocket_frame_t;
typedef struct ngx_http_websocket_content_s  ngx_http_websocket_content_t;
typedef struct ngx_http_websocket_message_s  ngx_http_websocket_message_t;
typedef struct ngx_http_websocket_format_s   ngx_http_websocket_format_t;


/* bytes ready for the wire */

struct ngx_http_websocket_frame_s {
    uint32_t                      refs;
    uint32_t                      size;
    u_char                       *data;

    ngx_http_websocket_frame_t   *next;     /* of the same message, while it
                                               is being delivered */
    uint32_t                      variant;
    uint8_t                       header;   /* bytes before the payload */

    /* of the message */

    uint8_t                       fraction; /* of time */
    uint8_t                       fresh;    /* 1: not of the history; the time
                                               that its delivery takes is
                                               measured */
    uint64_t                      time;     /* as of clock_now() */
    ngx_websocket_channel_ref_t   channel;  /* 0: of none */
    uint8_t                       priority;

    uint8_t                       pong;
    uint8_t                       message;  /* 1: a whole data message */
    uint8_t                       answer;   /* to the client: never dropped */

    uint64_t                      key;      /* of messages with the same key the
                                               newest counts; 0: none */
};


/*
 * The message's bytes lie behind the struct.  Frames are made of them when the
 * first session wants one; one of them may be the allocation itself, and its
 * struct has the properties that all of them have.  The rest of the struct is
 * there as long as the message is being delivered.
 */

struct ngx_http_websocket_message_s {
    ngx_http_websocket_frame_t    frame;    /* has data when it is used */

    ngx_http_websocket_frame_t   *frames;   /* that were made */

    ngx_str_t                    *name;     /* of the channel; only while the
                                               hub delivers the message */
    uint64_t                      epoch;    /* of the channel */
    uint64_t                      offset;   /* ephemeral: of the one before */
    uint64_t                      source;
    uint8_t                       type;     /* NGX_WEBSOCKET_TEXT, _BINARY */
    uint8_t                       filtered; /* a number: of filters.c */
    uint8_t                       written;  /* to some subscribers at once */
    uint8_t                       ephemeral;
    uint8_t                       event;    /* META_JOIN or _LEAVE of
                                               message/meta.h, or 0 */
    uint16_t                      meta_size;
    uint8_t                       except;   /* 1: the source is not to get it,
                                               whatever it says of its own */

    size_t                        size;
    u_char                       *payload;

    u_char                       *meta;     /* parts: message/meta.h */
    uint32_t                      holders;  /* how many are to release it */
    ngx_http_websocket_message_t *prior;    /* the one before it in its channel,
                                               where a subscriber wants to know;
                                               only while it is delivered */
    ngx_http_websocket_content_t *content;  /* NULL: not parsed yet */
};


/*
 * How messages are written: what sessions of the same format get is made once
 * for all of them.
 */

struct ngx_http_websocket_format_s {
    char                         *name;

    /*
     * Writes a message, for ngx_http_websocket_shared_frame(): a frame of one
     * reference, or NULL when memory is refused.  Of what a codec is to
     * compress, the frame is a WebSocket's.
     */
    ngx_http_websocket_frame_t *(*make)(
                                     const ngx_http_websocket_format_t *format,
                                     ngx_log_t *log,
                                     ngx_http_websocket_message_t *message);

    /* tells where a message is in its channel: none may pass another */
    unsigned                      positions:1;

    /*
     * Writes a message that is an event, of which the parts of its meta tell.
     * NULL: events are written as their payload, a JSON text.
     */
    ngx_http_websocket_frame_t *(*event)(
                                     const ngx_http_websocket_format_t *format,
                                     ngx_log_t *log,
                                     ngx_http_websocket_message_t *message);
};


/*
 * Allocates a message of one reference, with room for size bytes at
 * message->payload that the caller fills.  Returns NULL when memory is
 * refused.
 */
ngx_http_websocket_message_t *ngx_http_websocket_message_create(uint8_t type,
    size_t size, ngx_log_t *log);

/*
 * Makes a message of what the store has: m->size bytes at p, which are copied.
 * The payload of an event is made, as message/event.h has it.  The epoch and
 * what the frame has of the channel is set by the caller.  Returns NULL when
 * memory is refused.
 */
ngx_http_websocket_message_t *ngx_http_websocket_message_read(
    ngx_websocket_store_message_t *m, u_char *p, ngx_log_t *log);

/* Whether a message of the store is an event. */
static ngx_inline ngx_uint_t
ngx_http_websocket_message_is_event(ngx_websocket_store_message_t *m,
    u_char *p)
{
    return m->size == m->meta && m->size
           && ngx_websocket_event_mark(p, m->meta);
}

/*
 * The message's own bytes as a frame, once, without a copy: header bytes, not
 * more than NGX_HTTP_WEBSOCKET_MESSAGE_ROOM, are before the payload, for the
 * caller to fill.  With a reference for the caller.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_message_frame(
    ngx_http_websocket_message_t *message, size_t header);

/*
 * Lets go of a message.  The last holder's call frees it, with its own
 * references to frames.
 */
void ngx_http_websocket_message_release(ngx_http_websocket_message_t *message);

/*
 * Allocates size bytes of one reference, to be filled by the caller, who may
 * use less and set frame->size.  Returns NULL when memory is refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_frame_alloc(size_t size,
    ngx_log_t *log);

/* Gives a frame the properties of the message that it carries. */
void ngx_http_websocket_frame_of(ngx_http_websocket_frame_t *frame,
    ngx_http_websocket_message_t *message);

/* Gives a reference back. */
static ngx_inline void
ngx_http_websocket_frame_release(ngx_http_websocket_frame_t *frame)
{
    if (--frame->refs == 0) {
        ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_MESSAGES,
                                       frame);
    }
}


#endif /* NGX_HTTP_WEBSOCKET_MESSAGE_H */
