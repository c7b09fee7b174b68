
/*
 * websocket_zone.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_ZONE_H
#define NGX_HTTP_WEBSOCKET_CONF_ZONE_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * Adds a zone of size bytes to the configuration.  Returns NULL on errors,
 * which are logged.
 */
typedef ngx_http_websocket_zone_t *(*ngx_http_websocket_zone_add_pt)(
    ngx_conf_t *cf, ngx_str_t *name, size_t size, ngx_msec_t inactive,
    ngx_str_t *path, ngx_msec_t snapshot);

/* The directive, as ngx_command_t says; cmd->post is a zone_add_pt. */
char *ngx_http_websocket_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* websocket_durable memory | file [wait=TIME] */
char *ngx_http_websocket_durable_conf(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_ZONE_H */
