
/*
 * A POST of a message that is so large that copying it takes many turns.
 */


#ifndef NGX_HTTP_WEBSOCKET_PUBLISH_LARGE_H
#define NGX_HTTP_WEBSOCKET_PUBLISH_LARGE_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "http/ngx_http_websocket_publish_body.h"
#include "hub/ngx_http_websocket_zone.h"


/*
 * Publishes a message whose body stays in its file, and has the file's space
 * given back.  Of p the message, the parts and their number are set; it is
 * copied.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_publish_large(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body, ngx_http_websocket_publish_t *p);


#endif /* NGX_HTTP_WEBSOCKET_PUBLISH_LARGE_H */
