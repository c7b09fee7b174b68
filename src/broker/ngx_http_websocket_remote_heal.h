
/*
 * The server's generation, and what is done when it is another one: the server
 * may have lost messages that clients have seen.  Each node brings what it has
 * that is newer than what the server has; when all have, one puts it in its
 * place, and the generation begins.  Nothing is published before.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_HEAL_H
#define NGX_HTTP_WEBSOCKET_REMOTE_HEAL_H


#include "broker/ngx_http_websocket_remote.h"


/*
 * The connection is there: asks for the server's generation, and goes on when
 * it is that of the server; else whoever has the seat heals.
 */
void ngx_http_websocket_remote_begin(ngx_http_websocket_remote_t *remote);

/*
 * From now on the worker publishes, or it does not: what was published before
 * was answered then.
 */
void ngx_http_websocket_remote_link(ngx_http_websocket_remote_t *remote,
    ngx_uint_t ready);

/* The server says that its generation is another one. */
void ngx_http_websocket_remote_fenced(ngx_http_websocket_remote_t *remote);

/* Some times in a second: it is asked again, and healing goes on. */
void ngx_http_websocket_remote_heal_tick(ngx_http_websocket_remote_t *remote);

/* The connection was lost: all begins anew with the next one. */
void ngx_http_websocket_remote_heal_end(ngx_http_websocket_remote_t *remote);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_HEAL_H */
