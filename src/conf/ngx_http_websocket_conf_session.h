
/*
 * Sessions: what a location says of their connections.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_SESSION_H
#define NGX_HTTP_WEBSOCKET_CONF_SESSION_H


#include "conf/ngx_http_websocket_conf.h"


/* The directives, as ngx_command_t says. */

char *ngx_http_websocket_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_subprotocols(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_SESSION_H */
