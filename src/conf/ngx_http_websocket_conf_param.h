
/*
 * What several directives are parsed with.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_PARAM_H
#define NGX_HTTP_WEBSOCKET_CONF_PARAM_H


#include "conf/ngx_http_websocket_conf.h"


/* what a time above NGX_HTTP_WEBSOCKET_LONGEST is said to be */
#define NGX_HTTP_WEBSOCKET_TOO_LONG  "is too long: 20d is the most"


/* a parameter NAME=VALUE of a directive */

typedef struct {
    char                         *name;         /* with the "=" */
    ngx_str_t                     value;        /* data is NULL: not given */
} ngx_http_websocket_param_t;


/*
 * Sorts the directive's arguments NAME=VALUE, from the one of number first
 * on, to the params of these names, which end with one without a name.
 * Returns NGX_CONF_OK, or NGX_CONF_ERROR, which it has logged.
 */
char *ngx_http_websocket_params(ngx_conf_t *cf,
    ngx_http_websocket_param_t *params, ngx_uint_t first);

/* Logs what is wrong with one.  Returns NGX_CONF_ERROR. */
char *ngx_http_websocket_bad_param(ngx_conf_t *cf,
    ngx_http_websocket_param_t *param, char *what);

/*
 * Reads the first argument, "on" or "off", of a directive that has more.
 * Returns NGX_OK, or NGX_ERROR, which it has logged.
 */
ngx_int_t ngx_http_websocket_conf_flag(ngx_conf_t *cf, ngx_flag_t *flag);

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

/* A slot as ngx_conf_set_msec_slot(), which also takes "off": 0. */
char *ngx_http_websocket_off_msec(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Post handlers of times: one is not above NGX_HTTP_WEBSOCKET_LONGEST, one is
 * besides above zero.
 */
char *ngx_http_websocket_check_time(ngx_conf_t *cf, void *post,
    void *data);
char *ngx_http_websocket_check_timer(ngx_conf_t *cf, void *post,
    void *data);


#endif /* NGX_HTTP_WEBSOCKET_CONF_PARAM_H */
