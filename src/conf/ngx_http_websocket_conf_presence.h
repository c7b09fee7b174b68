
/*
 * websocket_presence and websocket_events: who is there.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_PRESENCE_H
#define NGX_HTTP_WEBSOCKET_CONF_PRESENCE_H


#include "conf/ngx_http_websocket_conf.h"


/* The directives, as ngx_command_t says. */

char *ngx_http_websocket_presence(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_events(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_PRESENCE_H */
