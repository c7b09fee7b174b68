
/*
 * Centrifugo's protocol in Protobuf: replies and pushes, each with its length
 * before it.  A member that is 0, false or empty is left out.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_PROTOBUF_CODEC_H
#define NGX_WEBSOCKET_PROTOBUF_CODEC_H


#include "centrifuge/codec.h"


extern const ngx_websocket_codec_t  ngx_websocket_protobuf_codec;


#endif /* NGX_WEBSOCKET_PROTOBUF_CODEC_H */
