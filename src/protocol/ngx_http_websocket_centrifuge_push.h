
/*
 * Messages of channels as publications of Centrifugo's protocol.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_PUSH_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_PUSH_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* In init_process: of the main configuration. */
void ngx_http_websocket_centrifuge_push_init(ngx_array_t *namespaces);

/* As make() of a format, which is an ngx_http_websocket_centrifuge_format_t. */
ngx_http_websocket_frame_t *ngx_http_websocket_centrifuge_push_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message);

/* Whether a message is a join or leave of its channel, and no publication. */
ngx_uint_t ngx_http_websocket_centrifuge_is_event(
    ngx_http_websocket_message_t *message);

/*
 * Has a publication's data be what makes them of another message, where that is
 * less; it is valid as those of publication() are.  p->delta tells.
 */
void ngx_http_websocket_centrifuge_patch(const ngx_websocket_codec_t *codec,
    ngx_websocket_publication_t *p, ngx_http_websocket_message_t *prior);

/*
 * What a message is: meta bytes of meta, and size bytes of the payload.  Where
 * the codec wants JSON, a text that is none becomes a string, binary data a
 * string in base64; what *p refers to is valid until the next call.
 * p->data.data is NULL when memory was refused.  Returns META_JOIN or
 * META_LEAVE of an event of the channel, which has only an info, else 0.
 */
ngx_uint_t ngx_http_websocket_centrifuge_publication(
    const ngx_websocket_codec_t *codec, ngx_websocket_publication_t *p,
    ngx_uint_t type, u_char *meta, size_t meta_size, u_char *data,
    size_t size);

/*
 * Who parts of meta are about, which *info refers to; its client's data is
 * NULL where they do not say.
 */
void ngx_http_websocket_centrifuge_client_info(
    ngx_websocket_client_info_t *info, u_char *meta, size_t size);

/*
 * Takes line ends, which in JSON stand outside of strings only, out of size
 * bytes.  Returns how many are left.
 */
size_t ngx_http_websocket_centrifuge_join_lines(u_char *data, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_PUSH_H */
