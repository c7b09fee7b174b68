
/*
 * The address that a connection is made to: of the configuration, of a name
 * that nginx's resolver is asked for, or of the master that a Sentinel named.
 * No worker waits for it.
 */


#ifndef NGX_HTTP_WEBSOCKET_REDIS_ADDRESS_H
#define NGX_HTTP_WEBSOCKET_REDIS_ADDRESS_H


#include "broker/ngx_http_websocket_redis.h"


/*
 * Sets the address of redis->peer.  Returns NGX_OK; NGX_AGAIN when it is asked
 * for: ngx_http_websocket_redis_dial() follows, or the connection fails; or
 * NGX_ERROR when it has failed.
 */
ngx_int_t ngx_http_websocket_redis_address(ngx_http_websocket_redis_t *redis);

/* Does not wait for it any more. */
void ngx_http_websocket_redis_address_cancel(
    ngx_http_websocket_redis_t *redis);


#endif /* NGX_HTTP_WEBSOCKET_REDIS_ADDRESS_H */
