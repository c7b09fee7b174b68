
/*
 * Which server is the master, by a Sentinel: asked before each connection,
 * and heard of when it changes.
 */


#ifndef NGX_HTTP_WEBSOCKET_REDIS_SENTINEL_H
#define NGX_HTTP_WEBSOCKET_REDIS_SENTINEL_H


#include "broker/ngx_http_websocket_redis.h"


/*
 * Asks, on a connection to a Sentinel that is there.  When the answer has come
 * redis->master is set, and the connection goes there; or, with redis->watch,
 * it is up, and subscribed to what the Sentinel tells.  Returns NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_redis_sentinel(
    ngx_http_websocket_redis_t *redis);

/* Sends a PING to it, whose answer is a push. */
void ngx_http_websocket_redis_sentinel_ping(ngx_http_websocket_redis_t *redis);

/*
 * Looks at what a Sentinel tells.  Returns NGX_OK when another server is the
 * master, with redis->master set; NGX_ERROR for an error, or an address that
 * is none; and NGX_DECLINED for all else.
 */
ngx_int_t ngx_http_websocket_redis_switched(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value);

/*
 * Connects redis to the master that watch was told of, when it is not there,
 * or on the way there.
 */
void ngx_http_websocket_redis_follow(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_redis_t *watch);


#endif /* NGX_HTTP_WEBSOCKET_REDIS_SENTINEL_H */
