
/*
 * Channels: their names, and what is kept of them.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_CHANNEL_H
#define NGX_HTTP_WEBSOCKET_CONF_CHANNEL_H


#include "conf/ngx_http_websocket_conf.h"


/* The directives, as ngx_command_t says. */

char *ngx_http_websocket_channel(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_history(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_replay(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Reads length=, time= and max= of a history, and for a location except=,
 * which it sets there.  Returns NGX_CONF_OK, or NGX_CONF_ERROR, which it has
 * logged.
 */
char *ngx_http_websocket_history_params(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf,
    ngx_websocket_store_history_t *history);

/*
 * How many messages a value says, of "none", "all" or a number.  Returns it, or
 * NGX_ERROR, which is logged.
 */
ngx_int_t ngx_http_websocket_replay_number(ngx_conf_t *cf, ngx_str_t *value);

/*
 * Compiles a channel's name, whose variables may be empty or not.  Returns
 * NGX_OK, or NGX_ERROR, which is logged.
 */
ngx_int_t ngx_http_websocket_name_compile(ngx_conf_t *cf,
    ngx_http_websocket_name_t *name, ngx_str_t *text, ngx_uint_t empty);


#endif /* NGX_HTTP_WEBSOCKET_CONF_CHANNEL_H */
