
/*
 * websocket_message_file: a message type out of a file with JSON Schema.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_SCHEMA_H
#define NGX_HTTP_WEBSOCKET_CONF_SCHEMA_H


#include "conf/ngx_http_websocket_conf.h"


/* The directive, as ngx_command_t says. */
char *ngx_http_websocket_message_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_SCHEMA_H */
