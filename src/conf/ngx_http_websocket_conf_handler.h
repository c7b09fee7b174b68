
/*
 * The directives that answer requests: websocket, websocket_publish,
 * websocket_status and websocket_revoke, of which a location has one at most.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_HANDLER_H
#define NGX_HTTP_WEBSOCKET_CONF_HANDLER_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * The directives, as ngx_command_t says; cmd->post is the content handler of
 * each.
 */

char *ngx_http_websocket_websocket(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_publish(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_emulation(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_revoke(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_HANDLER_H */
