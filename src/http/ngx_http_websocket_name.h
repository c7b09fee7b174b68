
/*
 * Names with variables in them, of a request: of channels, where a variable
 * without a value would bring all together that have none, and those of
 * websocket_set_decoded.
 */


#ifndef NGX_HTTP_WEBSOCKET_NAME_H
#define NGX_HTTP_WEBSOCKET_NAME_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * Evaluates a name.  Returns NGX_OK; NGX_HTTP_BAD_REQUEST with *error set to a
 * text that says which variable is empty; or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_name_value(ngx_http_request_t *r,
    ngx_http_websocket_name_t *name, ngx_str_t *value, char **error);

/*
 * Decodes what a client wrote in a URI to (a part of) a channel's name: empty
 * where that would not be a valid one.  For websocket_set_decoded, whose
 * ngx_http_websocket_set_name_t data is: called in the rewrite phase, by
 * ngx_devel_kit, in order with "set" and "if".  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_set(ngx_http_request_t *r, ngx_str_t *res,
    ngx_http_variable_value_t *v, void *data);

/*
 * Adds the handlers of websocket_set_decoded for the phases after rewriting, if
 * it is used there.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_named_init(ngx_conf_t *cf);


#endif /* NGX_HTTP_WEBSOCKET_NAME_H */
