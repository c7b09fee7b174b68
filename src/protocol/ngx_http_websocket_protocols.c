
#include "protocol/ngx_http_websocket_protocols.h"
#include "protocol/ngx_http_websocket_centrifuge.h"
#include "protocol/ngx_http_websocket_events.h"
#include "protocol/ngx_http_websocket_plain.h"
#include "protocol/ngx_http_websocket_poll.h"


const ngx_http_websocket_protocol_t *const  ngx_http_websocket_protocols[] = {
    &ngx_http_websocket_plain_protocol,
    &ngx_http_websocket_events_protocol,
    &ngx_http_websocket_poll_protocol,
    &ngx_http_websocket_centrifuge_protocol,
    &ngx_http_websocket_centrifuge_protobuf_protocol,
    &ngx_http_websocket_centrifuge_stream_protocol,
    &ngx_http_websocket_centrifuge_stream_protobuf_protocol,
    &ngx_http_websocket_centrifuge_sse_protocol,
    NULL
};


_Static_assert(sizeof(ngx_http_websocket_protocols)
               / sizeof(ngx_http_websocket_protocol_t *) - 1
               <= NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS,
               "each protocol is counted by itself");
