
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_deflate.h"


#define NGX_HTTP_WEBSOCKET_FORMATS  (2 * NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS)


static ngx_http_websocket_frame_t *ngx_http_websocket_make_frame(
    ngx_log_t *log, ngx_http_websocket_message_t *message, ngx_uint_t variant);


static const ngx_http_websocket_format_t  *ngx_http_websocket_formats[
                                               NGX_HTTP_WEBSOCKET_FORMATS];
static ngx_uint_t                          ngx_http_websocket_nformats;


ngx_uint_t
ngx_http_websocket_format_number(const ngx_http_websocket_format_t *format)
{
    ngx_uint_t  i;

    for (i = 0; i < ngx_http_websocket_nformats; i++) {
        if (ngx_http_websocket_formats[i] == format) {
            return i;
        }
    }

    ngx_http_websocket_formats[ngx_http_websocket_nformats++] = format;

    return i;
}


const ngx_http_websocket_format_t *
ngx_http_websocket_format_of(ngx_uint_t variant)
{
    return ngx_http_websocket_formats[
                                 ngx_http_websocket_variant_format(variant)];
}


ngx_int_t
ngx_http_websocket_shared_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
    ngx_http_websocket_frame_t **frame)
{
    ngx_uint_t                   codec;
    ngx_http_websocket_frame_t  *f;

    variant = ngx_http_websocket_variant_frame(variant);
    codec = ngx_http_websocket_variant_codec(variant);

    if (codec && !ngx_http_websocket_deflate_worth(codec, message->size)) {
        variant = ngx_http_websocket_variant_format(variant);
    }

    for (f = message->frames; f; f = f->next) {

        if (f->variant == variant) {
            f->refs++;
            *frame = f;

            return NGX_OK;
        }
    }

    f = ngx_http_websocket_make_frame(log, message, variant);
    if (f == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_frame_of(f, message);

    f->refs++;
    f->variant = variant;
    f->next = message->frames;
    message->frames = f;

    *frame = f;

    return NGX_OK;
}


static ngx_http_websocket_frame_t *
ngx_http_websocket_make_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant)
{
    ngx_uint_t                          codec;
    ngx_http_websocket_frame_t         *plain, *frame;
    const ngx_http_websocket_format_t  *format;

    codec = ngx_http_websocket_variant_codec(variant);

    if (codec == 0) {
        format = ngx_http_websocket_format_of(variant);

        return message->event && format->event
               ? format->event(format, log, message)
               : format->make(format, log, message);
    }

    if (ngx_http_websocket_shared_frame(log, message,
                                ngx_http_websocket_variant_format(variant),
                                        &plain)
        != NGX_OK)
    {
        return NULL;
    }

    frame = ngx_http_websocket_deflate_frame(log, codec, plain);

    ngx_http_websocket_frame_release(plain);

    return frame;
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
