
/*
 * websocket_jwt and websocket_require_scope, as ngx_command_t says.
 */


#ifndef NGX_HTTP_WEBSOCKET_JWT_H
#define NGX_HTTP_WEBSOCKET_JWT_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


char *ngx_http_websocket_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_websocket_require_scope(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_JWT_H */
