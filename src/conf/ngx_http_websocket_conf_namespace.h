
/*
 * Namespaces: the rules for a family of channels, whose names begin with the
 * namespace's and a colon.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_NAMESPACE_H
#define NGX_HTTP_WEBSOCKET_CONF_NAMESPACE_H


#include "conf/ngx_http_websocket_conf.h"


/* The directive, as ngx_command_t says. */
char *ngx_http_websocket_namespace(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * The namespace that a channel is of, of those that are configured.  A name
 * without a colon is of "default", which gives no rights where it is not
 * configured.  Returns NULL when there is none.
 */
ngx_http_websocket_namespace_t *ngx_http_websocket_namespace_of(
    ngx_array_t *namespaces, ngx_str_t *channel);

/* Whether the namespace's pattern lets the channel have that name. */
ngx_uint_t ngx_http_websocket_namespace_takes(
    ngx_http_websocket_namespace_t *ns, ngx_str_t *channel);


#endif /* NGX_HTTP_WEBSOCKET_CONF_NAMESPACE_H */
