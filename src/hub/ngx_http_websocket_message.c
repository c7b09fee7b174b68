
#include "hub/ngx_http_websocket_message.h"


ngx_http_websocket_message_t *
ngx_http_websocket_message_create(uint8_t type, size_t size, ngx_log_t *log)
{
    size_t                         header;
    ngx_http_websocket_message_t  *message;

    header = ngx_websocket_frame_header_size(size);

    message = ngx_alloc(sizeof(ngx_http_websocket_message_t) + header + size,
                        log);
    if (message == NULL) {
        return NULL;
    }

    ngx_memzero(message, sizeof(ngx_http_websocket_message_t));

    message->type = type;
    message->size = size;

    message->frame.refs = 1;
    message->frame.size = header + size;
    message->frame.message = 1;
    message->frame.data = (u_char *) (message + 1);

    (void) ngx_websocket_frame_header(message->frame.data,
                                      NGX_WEBSOCKET_FIN | type, size);

    message->payload = message->frame.data + header;

    return message;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_frame_create(uint8_t first, u_char *payload, size_t size,
    ngx_log_t *log)
{
    size_t                       header;
    ngx_http_websocket_frame_t  *frame;

    header = ngx_websocket_frame_header_size(size);

    frame = ngx_alloc(sizeof(ngx_http_websocket_frame_t) + header + size, log);
    if (frame == NULL) {
        return NULL;
    }

    ngx_memzero(frame, sizeof(ngx_http_websocket_frame_t));

    frame->refs = 1;
    frame->size = header + size;
    frame->data = (u_char *) (frame + 1);

    (void) ngx_websocket_frame_header(frame->data, first, size);

    if (size) {
        ngx_memcpy(frame->data + header, payload, size);
    }

    return frame;
}
