
/*
 * Centrifugo's client protocol over a WebSocket: clients command to subscribe
 * to many channels, to publish, and to read histories, and are told what is
 * published.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_H


#include "session/ngx_http_websocket_protocol.h"


extern const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_protocol;
extern const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_protobuf_protocol;

/* in responses */

extern const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_stream_protocol;
extern const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_stream_protobuf_protocol;
extern const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_sse_protocol;


/* In init_process. */
void ngx_http_websocket_centrifuge_init(ngx_cycle_t *cycle,
    ngx_http_websocket_main_conf_t *wmcf);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_H */
