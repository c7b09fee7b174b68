
/*
 * Names with variables in them, and websocket_set_name.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_NAME_H
#define NGX_HTTP_WEBSOCKET_CONF_NAME_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * The variables of a text that was compiled, and so is right.  Returns an
 * array of ngx_http_websocket_name_variable_t, or NULL on errors, which are
 * logged.
 */
ngx_array_t *ngx_http_websocket_name_variables(ngx_conf_t *cf,
    ngx_str_t *text);

/*
 * The directive, as ngx_command_t says; cmd->post is the filter that decodes
 * the value in the rewrite phase, as ngx_devel_kit calls it, with the
 * ngx_http_websocket_set_name_t as its data.
 */
char *ngx_http_websocket_set_name(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_NAME_H */
