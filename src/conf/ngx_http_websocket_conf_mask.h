
/*
 * websocket_mask: which arguments logs must not tell.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_MASK_H
#define NGX_HTTP_WEBSOCKET_CONF_MASK_H


#include "conf/ngx_http_websocket_conf.h"


/* where a location does not say so: names that mean a secret everywhere */
extern ngx_array_t  ngx_http_websocket_masks_default;

/* The directive, as ngx_command_t says. */
char *ngx_http_websocket_mask_arguments(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_MASK_H */
