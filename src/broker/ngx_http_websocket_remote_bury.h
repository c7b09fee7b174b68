
/*
 * Burying nodes that died without a word: what they have left in the server is
 * taken off, by one other node, and each of their members leaves once.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_BURY_H
#define NGX_HTTP_WEBSOCKET_REMOTE_BURY_H


#include "broker/ngx_http_websocket_remote.h"


/* These nodes are silent, as the server's script BEAT has it. */
void ngx_http_websocket_remote_bury(ngx_http_websocket_remote_t *remote,
    ngx_websocket_resp_value_t *nodes);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_BURY_H */
