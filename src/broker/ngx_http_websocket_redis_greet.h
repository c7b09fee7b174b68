
/*
 * What a connection begins with: who we are, whether the server is one that
 * orders messages, and the scripts.
 */


#ifndef NGX_HTTP_WEBSOCKET_REDIS_GREET_H
#define NGX_HTTP_WEBSOCKET_REDIS_GREET_H


#include "broker/ngx_http_websocket_redis.h"


/*
 * Gives the first commands, after the answers to which the connection is up,
 * or has failed.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_redis_greet(ngx_http_websocket_redis_t *redis);


#endif /* NGX_HTTP_WEBSOCKET_REDIS_GREET_H */
