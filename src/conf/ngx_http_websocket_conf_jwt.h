
/*
 * websocket_jwt and websocket_require_scope: how tokens are verified, and
 * what they must have.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_JWT_H
#define NGX_HTTP_WEBSOCKET_CONF_JWT_H


#include "conf/ngx_http_websocket_conf.h"


/* The directives, as ngx_command_t says. */

char *ngx_http_websocket_jwt(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_websocket_require_scope(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_JWT_H */
