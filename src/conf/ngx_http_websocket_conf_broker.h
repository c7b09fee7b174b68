
/*
 * The directive "websocket_broker".
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_BROKER_H
#define NGX_HTTP_WEBSOCKET_CONF_BROKER_H


#include "conf/ngx_http_websocket_conf.h"


char *ngx_http_websocket_broker(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Finds the broker of a zone's "broker=", when all directives are read.
 * Returns NULL on errors, which are logged.
 */
ngx_http_websocket_broker_conf_t *ngx_http_websocket_broker_find(
    ngx_conf_t *cf, ngx_http_websocket_brokered_t *brokered);


#endif /* NGX_HTTP_WEBSOCKET_CONF_BROKER_H */
