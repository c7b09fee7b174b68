
/*
 * What waits to be sent to a client: how much, how long, in which order.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_QUEUE_H
#define NGX_HTTP_WEBSOCKET_CONF_QUEUE_H


#include "conf/ngx_http_websocket_conf.h"


/* The directives, as ngx_command_t says. */

char *ngx_http_websocket_send_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_batch(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_websocket_priority(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_QUEUE_H */
