
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

/*
 * Says who we are, where there is a password: the connection fails when that
 * is not right.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_redis_log_in(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_broker_login_t *login);

/*
 * Looks at an answer: 1 when it is an error, with which the connection fails,
 * or there is none; what is the command's name, for the log.
 */
ngx_uint_t ngx_http_websocket_redis_refused(ngx_http_websocket_redis_t *redis,
    const char *what, ngx_websocket_resp_value_t *value);

/*
 * The server's generation: its replication ID is another one after each start
 * and each promotion; and when a first replica comes, or the last one has been
 * away for long, while the connections go on.  Asks for it: NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_redis_identify(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_reply_pt reply);

/*
 * Sets redis->generation to what was answered.  Returns NGX_OK, or NGX_ERROR
 * when the connection is not of use any more.
 */
ngx_int_t ngx_http_websocket_redis_identified(
    ngx_http_websocket_redis_t *redis, ngx_websocket_resp_value_t *value);


#endif /* NGX_HTTP_WEBSOCKET_REDIS_GREET_H */
