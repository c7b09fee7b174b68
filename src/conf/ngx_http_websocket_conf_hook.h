
/*
 * How websocket_hook is read.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_HOOK_H
#define NGX_HTTP_WEBSOCKET_CONF_HOOK_H


#include "conf/ngx_http_websocket_conf.h"


/* The names in metrics, in the order of ngx_http_websocket_hook_e. */
extern char *const  ngx_http_websocket_hook_names[];

/* The directive. */
char *ngx_http_websocket_hook(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* What a location without hooks begins with, and what it inherits. */
void ngx_http_websocket_hooks_create(ngx_http_websocket_loc_conf_t *conf);
void ngx_http_websocket_hooks_merge(ngx_http_websocket_loc_conf_t *prev,
    ngx_http_websocket_loc_conf_t *conf);

/*
 * In postconfiguration: whether no hook of a location leads to a stream of its
 * server, and what there is to warn of.  Returns NGX_OK, or NGX_ERROR, which it
 * has logged.
 */
ngx_int_t ngx_http_websocket_hooks_check(ngx_conf_t *cf,
    ngx_http_websocket_main_conf_t *wmcf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_HOOK_H */
