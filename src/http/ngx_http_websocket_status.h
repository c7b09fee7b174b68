
/*
 * What the module's state is, for machines that watch it.
 */


#ifndef NGX_HTTP_WEBSOCKET_STATUS_H
#define NGX_HTTP_WEBSOCKET_STATUS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The content handler of websocket_status. */
ngx_int_t ngx_http_websocket_status_handler(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_STATUS_H */
