
/*
 * websocket_revoke: a POST of {"user":"..."} or {"jti":"..."}.
 */


#ifndef NGX_HTTP_WEBSOCKET_REVOKE_H
#define NGX_HTTP_WEBSOCKET_REVOKE_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The content handler of websocket_revoke. */
ngx_int_t ngx_http_websocket_revoke_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_REVOKE_H */
