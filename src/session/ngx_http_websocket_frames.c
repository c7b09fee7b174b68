
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
    ngx_uint_t                   codec, format;
    ngx_http_websocket_frame_t  *plain, *frame;

    codec = ngx_http_websocket_variant_codec(variant);
    format = ngx_http_websocket_variant_format(variant);

    if (codec == 0) {
        return ngx_http_websocket_formats[format]->make(log, message);
    }

    if (ngx_http_websocket_shared_frame(log, message, format, &plain)
        != NGX_OK)
    {
        return NULL;
    }

    frame = ngx_http_websocket_deflate_frame(log, codec, plain);

    ngx_http_websocket_frame_release(plain);

    return frame;
}
