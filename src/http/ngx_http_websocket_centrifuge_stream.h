
/*
 * Clients of Centrifugo's protocol that cannot open a WebSocket: the requests
 * whose responses are streams, and those that bring their commands.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_STREAM_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_STREAM_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * A request of a location with Centrifugo's protocol that is no handshake.
 * Returns NGX_DECLINED when it is none of these that websocket_transports
 * allows, else as a content handler.
 */
ngx_int_t ngx_http_websocket_centrifuge_stream(ngx_http_request_t *r);

/* The content handler of websocket_emulation. */
ngx_int_t ngx_http_websocket_emulation_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_STREAM_H */
