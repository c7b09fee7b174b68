
/*
 * The plain language, of which a language of the tests is another form.
 */


#define ngx_http_websocket_plain_protocol  ngx_http_websocket_other_protocol

#include "protocol/ngx_http_websocket_plain.c"

#undef ngx_http_websocket_plain_protocol


/* in the place of the plain one's table, with other receive() and push() */

#define plain_protocol(receives, pushes)                                      \
    const ngx_http_websocket_protocol_t                                       \
                                        ngx_http_websocket_plain_protocol = { \
        .name = "websocket",                                                  \
        .transport = &ngx_http_websocket_socket,                              \
        .format = &ngx_http_websocket_plain_format,                           \
        .positioned = &ngx_http_websocket_positions,                          \
        .closes = ngx_http_websocket_closes,                                  \
        .direct = 1,                                                          \
        .pongs = 1,                                                           \
        .hello = ngx_http_websocket_plain_hello,                              \
        .receive = receives,                                                  \
        .push = pushes,                                                       \
        .reply = ngx_http_websocket_plain_reply,                              \
        .ping = ngx_http_websocket_socket_ping,                               \
        .close = ngx_http_websocket_socket_close                              \
    }
