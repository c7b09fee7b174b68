
/*
 * websocket_stamp: what the server adds to messages.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_STAMP_H
#define NGX_HTTP_WEBSOCKET_CONF_STAMP_H


#include "conf/ngx_http_websocket_conf.h"


/* The directive, as ngx_command_t says. */
char *ngx_http_websocket_stamp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_STAMP_H */
