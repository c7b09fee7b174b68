
/*
 * The node lives: its seat says so each second, and hears what all nodes know.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_BEAT_H
#define NGX_HTTP_WEBSOCKET_REMOTE_BEAT_H


#include "broker/ngx_http_websocket_remote.h"


/* a node's number, in hexadecimal digits */
#define NGX_HTTP_WEBSOCKET_NODE  16

/* a node that was not heard of for so long is dead, ms */
#define NGX_HTTP_WEBSOCKET_SILENT  10000


/* Says so, if it is time: called some times in a second. */
void ngx_http_websocket_remote_beat(ngx_http_websocket_remote_t *remote);

/* Writes the node's number, of NGX_HTTP_WEBSOCKET_NODE digits, to buf. */
void ngx_http_websocket_remote_node(ngx_http_websocket_remote_t *remote,
    u_char *buf);

/*
 * Reads NGX_HTTP_WEBSOCKET_NODE digits: of a node's number, or of a session's.
 * Returns NGX_OK, or NGX_ERROR when they are others.
 */
ngx_int_t ngx_http_websocket_remote_digits(u_char *p, uint64_t *number);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_BEAT_H */
