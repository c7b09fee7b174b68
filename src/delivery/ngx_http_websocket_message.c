
#include "delivery/ngx_http_websocket_message.h"
#include "delivery/ngx_http_websocket_content.h"


ngx_http_websocket_message_t *
ngx_http_websocket_message_create(uint8_t type, size_t size, ngx_log_t *log)
{
    return ngx_http_websocket_message_alloc(type, size, 0, log);
}


ngx_http_websocket_message_t *
ngx_http_websocket_message_alloc(uint8_t type, size_t size, size_t meta,
    ngx_log_t *log)
{
    size_t                         header;
    ngx_http_websocket_message_t  *message;

    header = ngx_websocket_frame_header_size(size);

    message = ngx_alloc(sizeof(ngx_http_websocket_message_t) + header + size
                        + meta, log);
    if (message == NULL) {
        return NULL;
    }

    ngx_memzero(message, sizeof(ngx_http_websocket_message_t));

    message->type = type;
    message->size = size;
    message->meta_size = meta;
    message->holders = 1;

    message->frame.refs = 1;
    message->frame.size = header + size;
    message->frame.header = header;
    message->frame.message = 1;
    message->frame.priority = NGX_HTTP_WEBSOCKET_NORMAL;
    message->frame.data = (u_char *) (message + 1);

    (void) ngx_websocket_frame_header(message->frame.data,
                                      NGX_WEBSOCKET_FIN | type, size);

    message->payload = message->frame.data + header;
    message->meta = message->payload + size;

    return message;
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

    for (frame = &message->frame; frame; frame = next) {
        next = frame->next;
        ngx_http_websocket_frame_release(frame);
    }
}


ngx_http_websocket_frame_t *
ngx_http_websocket_frame_create(uint8_t first, u_char *payload, size_t size,
    ngx_log_t *log)
{
    size_t                       header;
    ngx_http_websocket_frame_t  *frame;

    header = ngx_websocket_frame_header_size(size);

    frame = ngx_http_websocket_frame_alloc(header + size, log);
    if (frame == NULL) {
        return NULL;
    }

    frame->header = header;
    (void) ngx_websocket_frame_header(frame->data, first, size);

    if (size && payload) {
        ngx_memcpy(frame->data + header, payload, size);
    }

    return frame;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_frame_alloc(size_t size, ngx_log_t *log)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_alloc(sizeof(ngx_http_websocket_frame_t) + size, log);
    if (frame == NULL) {
        return NULL;
    }

    ngx_memzero(frame, sizeof(ngx_http_websocket_frame_t));

    frame->refs = 1;
    frame->size = size;
    frame->data = (u_char *) (frame + 1);

    return frame;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_control_frame(uint8_t first, u_char *payload, size_t size,
    ngx_log_t *log)
{
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_frame_alloc(NGX_WEBSOCKET_HEADER_SIZE
                                           + NGX_WEBSOCKET_CONTROL_SIZE, log);
    if (frame) {
        ngx_http_websocket_control_fill(frame, first, payload, size);
    }

    return frame;
}


void
ngx_http_websocket_control_fill(ngx_http_websocket_frame_t *frame,
    uint8_t first, u_char *payload, size_t size)
{
    size_t  header;

    header = ngx_websocket_frame_header(frame->data, first, size);

    frame->header = header;
    frame->size = header + size;

    if (size) {
        ngx_memcpy(frame->data + header, payload, size);
    }
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
    frame->message = 1;
}
