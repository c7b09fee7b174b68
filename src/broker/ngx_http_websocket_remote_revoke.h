
/*
 * Revocations that all nodes know.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_REVOKE_H
#define NGX_HTTP_WEBSOCKET_REMOTE_REVOKE_H


#include "broker/ngx_http_websocket_remote.h"


/* revocations that the server has at most, as a node has */
#define NGX_HTTP_WEBSOCKET_REVOCATIONS_MAX  8192

/* As revoke() of ngx_http_websocket_broker_t. */
ngx_int_t ngx_http_websocket_remote_revoke(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_revoke_t *v);

/*
 * The server has so many; where they are others than before, all are read, and
 * revoked here.
 */
void ngx_http_websocket_remote_revocations(ngx_http_websocket_remote_t *remote,
    int64_t number);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_REVOKE_H */
