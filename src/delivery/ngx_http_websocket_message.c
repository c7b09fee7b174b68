
#include "delivery/ngx_http_websocket_message.h"
#include "delivery/ngx_http_websocket_content.h"


static ngx_http_websocket_message_t *ngx_http_websocket_message_alloc(
    uint8_t type, size_t size, size_t meta, ngx_log_t *log);
static ngx_http_websocket_message_t *ngx_http_websocket_message_event(
    ngx_websocket_store_message_t *m, u_char *p, ngx_log_t *log);


uint64_t  ngx_http_websocket_memory[NGX_HTTP_WEBSOCKET_MEMORY_KINDS];


ngx_http_websocket_message_t *
ngx_http_websocket_message_create(uint8_t type, size_t size, ngx_log_t *log)
{
    return ngx_http_websocket_message_alloc(type, size, 0, log);
}


/* with room for the parts of meta, at message->meta */

static ngx_http_websocket_message_t *
ngx_http_websocket_message_alloc(uint8_t type, size_t size, size_t meta,
    ngx_log_t *log)
{
    ngx_http_websocket_message_t  *message;

    message = ngx_http_websocket_memory_alloc(
                   NGX_HTTP_WEBSOCKET_MEMORY_MESSAGES,
                   sizeof(ngx_http_websocket_message_t)
                   + NGX_HTTP_WEBSOCKET_MESSAGE_ROOM + size + meta, log);
    if (message == NULL) {
        return NULL;
    }

    ngx_memzero(message, sizeof(ngx_http_websocket_message_t));

    message->type = type;
    message->size = size;
    message->meta_size = meta;
    message->holders = 1;

    message->frame.refs = 1;
    message->frame.message = 1;
    message->frame.priority = NGX_HTTP_WEBSOCKET_NORMAL;

    message->payload = (u_char *) (message + 1)
                       + NGX_HTTP_WEBSOCKET_MESSAGE_ROOM;
    message->meta = message->payload + size;

    return message;
}


ngx_http_websocket_message_t *
ngx_http_websocket_message_read(ngx_websocket_store_message_t *m, u_char *p,
    ngx_log_t *log)
{
    ngx_http_websocket_message_t  *message;

    if (ngx_http_websocket_message_is_event(m, p)) {
        message = ngx_http_websocket_message_event(m, p, log);

    } else {
        message = ngx_http_websocket_message_alloc(m->type, m->size - m->meta,
                                                   m->meta, log);
        if (message) {
            ngx_memcpy(message->payload, p + m->meta, message->size);
        }
    }

    if (message == NULL) {
        return NULL;
    }

    ngx_memcpy(message->meta, p, m->meta);

    message->offset = m->offset;
    message->source = m->source & ~NGX_HTTP_WEBSOCKET_SOURCE_EXCEPT;
    message->except = (m->source & NGX_HTTP_WEBSOCKET_SOURCE_EXCEPT) != 0;
    message->ephemeral = m->ephemeral;
    message->frame.time = m->time;
    message->frame.fraction = m->fraction;
    message->frame.priority = m->priority;

    return message;
}


static ngx_http_websocket_message_t *
ngx_http_websocket_message_event(ngx_websocket_store_message_t *m, u_char *p,
    ngx_log_t *log)
{
    ngx_websocket_meta_t           meta;
    ngx_websocket_json_text_t      text;
    ngx_http_websocket_message_t  *message;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    (void) ngx_websocket_meta_read(p, m->meta, &meta);

    ngx_websocket_event_text(&meta, &text);

    message = NULL;

    if (!text.failed) {
        message = ngx_http_websocket_message_alloc(m->type, text.size, m->meta,
                                                   log);
    }

    if (message) {
        ngx_memcpy(message->payload, text.data, text.size);
        message->event = ngx_websocket_event_mark(p, m->meta);
    }

    ngx_websocket_json_text_done(&text);

    return message;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_message_frame(ngx_http_websocket_message_t *message,
    size_t header)
{
    ngx_http_websocket_frame_t  *frame;

    frame = &message->frame;

    frame->refs++;
    frame->header = header;
    frame->size = header + message->size;
    frame->data = message->payload - header;

    return frame;
}


void
ngx_http_websocket_message_release(ngx_http_websocket_message_t *message)
{
    ngx_http_websocket_frame_t  *frame, *next;

    if (--message->holders) {
        return;
    }

    if (message->content) {
        ngx_http_websocket_content_free(message);
    }

    for (frame = message->frames; frame; frame = next) {
        next = frame->next;
        ngx_http_websocket_frame_release(frame);
    }

    ngx_http_websocket_frame_release(&message->frame);
}


ngx_http_websocket_frame_t *
ngx_http_websocket_frame_alloc(size_t size, ngx_log_t *log)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_memory_alloc(NGX_HTTP_WEBSOCKET_MEMORY_MESSAGES,
                                     sizeof(ngx_http_websocket_frame_t) + size,
                                     log);
    if (frame == NULL) {
        return NULL;
    }

    ngx_memzero(frame, sizeof(ngx_http_websocket_frame_t));

    frame->refs = 1;
    frame->size = size;
    frame->data = (u_char *) (frame + 1);

    return frame;
}


void
ngx_http_websocket_frame_of(ngx_http_websocket_frame_t *frame,
    ngx_http_websocket_message_t *message)
{
    frame->time = message->frame.time;
    frame->fraction = message->frame.fraction;
    frame->fresh = message->frame.fresh;
    frame->channel = message->frame.channel;
    frame->priority = message->frame.priority;
    frame->key = message->frame.key;
    frame->message = 1;
}
