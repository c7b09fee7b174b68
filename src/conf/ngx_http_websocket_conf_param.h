
/*
 * What the directives call that need more than nginx's own slots: as
 * ngx_command_t says, with an error that names what is wrong.
 */


#ifndef NGX_HTTP_WEBSOCKET_DIRECTIVES_H
#define NGX_HTTP_WEBSOCKET_DIRECTIVES_H


#include "conf/ngx_http_websocket_conf.h"


/* a parameter NAME=VALUE of a directive */

typedef struct {
    char                         *name;         /* with the "=" */
    ngx_str_t                     value;        /* data is NULL: not given */
} ngx_http_websocket_param_t;


char *ngx_http_websocket_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_websocket(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_publish(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_channel(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_history(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_replay(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_heartbeat(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_deflate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_batch(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_priority(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_presence(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_events(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_send_queue(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_subprotocols(ngx_conf_t *cf,
    ngx_command_t *cmd, void *conf);
char *ngx_http_websocket_off_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_websocket_check_time(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_websocket_check_timer(ngx_conf_t *cf, void *post,
    void *data);

/* Compiles a value with variables in it.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_compile(ngx_conf_t *cf,
    ngx_http_complex_value_t *cv, ngx_str_t *value);

/*
 * Reads a file that a directive names, and makes its name a full one.  buf has
 * a byte more than size, which is how much there may be of the file.  Returns
 * the bytes read, or NGX_ERROR, which it has logged; what says whose file.
 */
ssize_t ngx_http_websocket_conf_file(ngx_conf_t *cf, char *what,
    ngx_str_t *name, u_char *buf, size_t size);

/*
 * Sorts the directive's arguments NAME=VALUE, from the one of number first
 * on, to the params of these names, which end with one without a name.
 */
char *ngx_http_websocket_params(ngx_conf_t *cf,
    ngx_http_websocket_param_t *params, ngx_uint_t first);

/* Logs what is wrong with one.  Returns NGX_CONF_ERROR. */
char *ngx_http_websocket_bad_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, char *what);


#endif /* NGX_HTTP_WEBSOCKET_DIRECTIVES_H */
