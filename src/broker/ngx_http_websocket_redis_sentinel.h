
/*
 * Which server is the master, by a Sentinel: asked before each connection.
 */


#ifndef NGX_HTTP_WEBSOCKET_REDIS_SENTINEL_H
#define NGX_HTTP_WEBSOCKET_REDIS_SENTINEL_H


#include "broker/ngx_http_websocket_redis.h"


/*
 * Asks, on a connection to a Sentinel that is there: it is closed when the
 * answer has come, and redis->master set.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_redis_sentinel(
    ngx_http_websocket_redis_t *redis);


#endif /* NGX_HTTP_WEBSOCKET_REDIS_SENTINEL_H */
