
/*
 * How much clients may do.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_LIMITS_H
#define NGX_HTTP_WEBSOCKET_CONF_LIMITS_H


#include "conf/ngx_http_websocket_conf.h"


/* Sets all to "not said". */
void ngx_http_websocket_limits_create(ngx_http_websocket_limits_conf_t *conf);

/* Takes from prev what is not said. */
void ngx_http_websocket_limits_merge(ngx_http_websocket_limits_conf_t *conf,
    ngx_http_websocket_limits_conf_t *prev);

/* The directives, as ngx_command_t says. */

char *ngx_http_websocket_max_connections(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_max_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_max_times(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_LIMITS_H */
