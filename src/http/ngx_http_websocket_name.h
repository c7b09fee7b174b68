
/*
 * Names with variables in them: of channels, where a variable without a value
 * would bring all together that have none, and those of websocket_set_name.
 */


#ifndef NGX_HTTP_WEBSOCKET_NAME_H
#define NGX_HTTP_WEBSOCKET_NAME_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* the name of a channel, as the location says it */

typedef struct {
    ngx_http_complex_value_t      value;
    ngx_array_t                  *variables;    /* that must have a value; or
                                                   NULL: none must */
} ngx_http_websocket_name_t;


/*
 * Compiles a name; empty says that its variables may lack values.  Returns
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_name_compile(ngx_conf_t *cf,
    ngx_http_websocket_name_t *name, ngx_str_t *text, ngx_uint_t empty);

/*
 * Evaluates a name.  Returns NGX_OK; NGX_DECLINED with *error set to a text
 * that says which variable is empty; or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_name_value(ngx_http_request_t *r,
    ngx_http_websocket_name_t *name, ngx_str_t *value, char **error);

/*
 * websocket_set_name, which decodes what a client wrote in a URI to (a part
 * of) a channel's name: empty where that would not be a valid one.
 */
char *ngx_http_websocket_set_name(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/*
 * Adds the handlers of websocket_set_name for the phases after rewriting, if
 * it is used there.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_named_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_WEBSOCKET_NAME_H */
