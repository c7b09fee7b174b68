
/*
 * Whom the node has, told to a server that may not know it: when a generation
 * has begun, when the server has buried the node, and twice in a day, before
 * the server forgets.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_MINE_H
#define NGX_HTTP_WEBSOCKET_REMOTE_MINE_H


#include "broker/ngx_http_websocket_remote.h"


/* Called some times in a second by whoever has the seat: tells whom it has. */
void ngx_http_websocket_remote_mine_tick(ngx_http_websocket_remote_t *remote);

/* The server does not know the node: they are to be told. */
void ngx_http_websocket_remote_mine_again(ngx_http_websocket_remote_t *remote);

/* The connection was lost. */
void ngx_http_websocket_remote_mine_end(ngx_http_websocket_remote_t *remote);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_MINE_H */
