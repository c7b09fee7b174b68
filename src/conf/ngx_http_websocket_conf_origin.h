
/*
 * websocket_origin: which pages browsers may come from.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_ORIGIN_H
#define NGX_HTTP_WEBSOCKET_CONF_ORIGIN_H


#include "conf/ngx_http_websocket_conf.h"


/* where a location does not say so: itself, and who is not a browser */
extern ngx_http_websocket_origins_t  ngx_http_websocket_origins_default;

/* The directive, as ngx_command_t says. */
char *ngx_http_websocket_origin(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_ORIGIN_H */
