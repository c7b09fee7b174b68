
/*
 * Where the servers of "websocket_broker" are.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_BROKER_HOST_H
#define NGX_HTTP_WEBSOCKET_CONF_BROKER_HOST_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * Adds what a URL says to the hosts of a broker, for which there is room.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR when it was told what is wrong.
 */
char *ngx_http_websocket_broker_host(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker, ngx_str_t *url);

/*
 * When all directives are read: finds the addresses of names, or leaves them
 * to the "resolver" of the http block; and warns where passwords go in plain
 * text.  Returns NGX_OK, or NGX_ERROR when it was told what is wrong.
 */
ngx_int_t ngx_http_websocket_broker_resolve(ngx_conf_t *cf,
    ngx_http_websocket_broker_conf_t *broker);


#endif /* NGX_HTTP_WEBSOCKET_CONF_BROKER_HOST_H */
