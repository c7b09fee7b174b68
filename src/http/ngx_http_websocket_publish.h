
/*
 * The HTTP side of a channel: POST publishes.
 */


#ifndef NGX_HTTP_WEBSOCKET_PUBLISH_H
#define NGX_HTTP_WEBSOCKET_PUBLISH_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* The content handler of websocket_publish. */
ngx_int_t ngx_http_websocket_publish_handler(ngx_http_request_t *r);

/*
 * Answers a POST to a location with "websocket".  Returns what a content
 * handler returns.
 */
ngx_int_t ngx_http_websocket_publish_from_client(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_PUBLISH_H */
