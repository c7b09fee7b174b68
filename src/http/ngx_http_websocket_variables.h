
/*
 * The variables $websocket_*.
 */


#ifndef NGX_HTTP_WEBSOCKET_VARIABLES_H
#define NGX_HTTP_WEBSOCKET_VARIABLES_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* Adds the variables.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_add_variables(ngx_conf_t *cf);

/*
 * The user of the request, as $websocket_user says; valid as long as the
 * token.  Returns NGX_OK, NGX_DECLINED when nobody knows, or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_user(ngx_http_request_t *r, ngx_str_t *user);


#endif /* NGX_HTTP_WEBSOCKET_VARIABLES_H */
