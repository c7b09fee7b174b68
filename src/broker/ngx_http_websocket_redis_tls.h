
/*
 * TLS to a server or a Sentinel: its certificate must be trusted, and be for
 * the name or the address that is connected to, or for ssl_name=.
 */


#ifndef NGX_HTTP_WEBSOCKET_REDIS_TLS_H
#define NGX_HTTP_WEBSOCKET_REDIS_TLS_H


#include "broker/ngx_http_websocket_redis.h"


#if (NGX_SSL)

/* Begins it: ngx_http_websocket_redis_ready() follows, or it fails. */
void ngx_http_websocket_redis_tls(ngx_http_websocket_redis_t *redis);

#endif


#endif /* NGX_HTTP_WEBSOCKET_REDIS_TLS_H */
