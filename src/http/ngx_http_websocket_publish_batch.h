
/*
 * A POST of many messages: application/x-ndjson, a message a line.
 */


#ifndef NGX_HTTP_WEBSOCKET_PUBLISH_BATCH_H
#define NGX_HTTP_WEBSOCKET_PUBLISH_BATCH_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/store.h"


/* bytes of a body with many messages */
#define NGX_HTTP_WEBSOCKET_BATCH_BODY  (1024 * 1024)


/* Whether the request's body is such. */
ngx_uint_t ngx_http_websocket_publish_batch_is(ngx_http_request_t *r);

/*
 * Publishes the lines of a body, of n parts, which is UTF-8: first all are
 * checked, then all are published, in as many turns as it takes.  Returns what
 * a content handler returns.
 */
ngx_int_t ngx_http_websocket_publish_batch(ngx_http_request_t *r,
    ngx_websocket_store_part_t *parts, ngx_uint_t n);


#endif /* NGX_HTTP_WEBSOCKET_PUBLISH_BATCH_H */
