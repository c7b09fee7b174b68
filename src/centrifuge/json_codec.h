
/*
 * Centrifugo's protocol in JSON: replies and pushes, each one line.  A member
 * that is 0, false or empty is left out, but for those that clients count on.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_JSON_CODEC_H
#define NGX_WEBSOCKET_JSON_CODEC_H


#include "centrifuge/codec.h"


extern const ngx_websocket_codec_t  ngx_websocket_json_codec;


#endif /* NGX_WEBSOCKET_JSON_CODEC_H */
