
/*
 * The module's configuration: made, merged, and checked.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_LOCATION_H
#define NGX_HTTP_WEBSOCKET_CONF_LOCATION_H


#include "conf/ngx_http_websocket_conf.h"


/* As ngx_http_module_t says; a location's stats are the caller's to set. */

void *ngx_http_websocket_create_main_conf(ngx_conf_t *cf);
void *ngx_http_websocket_create_loc_conf(ngx_conf_t *cf);
char *ngx_http_websocket_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);


#endif /* NGX_HTTP_WEBSOCKET_CONF_LOCATION_H */
