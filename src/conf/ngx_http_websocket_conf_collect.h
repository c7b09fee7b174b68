
/*
 * websocket_collect: several messages of one client are answered as one.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_COLLECT_H
#define NGX_HTTP_WEBSOCKET_CONF_COLLECT_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * What is wrong with it in a location that is merged, whose clients only
 * publish, or NGX_CONF_OK.
 */
char *ngx_http_websocket_collect_check(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);

/* The directive, as ngx_command_t says. */
char *ngx_http_websocket_collects(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_COLLECT_H */
