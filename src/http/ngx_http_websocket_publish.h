
/*
 * The HTTP side of a channel: POST publishes.
 */


#ifndef NGX_HTTP_WEBSOCKET_PUBLISH_H
#define NGX_HTTP_WEBSOCKET_PUBLISH_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <jansson.h>

#include "hub/ngx_http_websocket_zone.h"


/* The content handler of websocket_publish. */
ngx_int_t ngx_http_websocket_publish_handler(ngx_http_request_t *r);

/*
 * Answers a POST to a location with "websocket".  Returns what a content
 * handler returns.
 */
ngx_int_t ngx_http_websocket_publish_from_client(ngx_http_request_t *r);


/* for publish_batch.c and publish_large.c */

/* Whether the body is of a content type, whatever its parameters are. */
ngx_uint_t ngx_http_websocket_publish_of(ngx_http_request_t *r,
    ngx_str_t *name);

/*
 * Reads what headers say of the message; *error is what is wrong with them, or
 * is left as it is.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_publish_options(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, char **error);

/*
 * Sets p->durable and p->patience as a header, or the location, has it.
 * Returns NULL, or what is wrong with the header.
 */
char *ngx_http_websocket_publish_durable(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p);

/* Says in an answer where the message is. */
void ngx_http_websocket_publish_reached(json_t *json,
    ngx_http_websocket_publish_t *p);

/* Answers that the disk was too slow, as publish_refused() does. */
ngx_int_t ngx_http_websocket_publish_late(ngx_http_request_t *r);

/*
 * The request waits until its message, which is pending at the broker, is
 * published; the message is, also when the request has gone by then.  The
 * handler returns what a content handler returns, as this does.
 */
typedef ngx_int_t (*ngx_http_websocket_publish_wait_pt)(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data);

ngx_int_t ngx_http_websocket_publish_wait(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *pending,
    ngx_http_websocket_publish_wait_pt handler, void *data);

/*
 * As a handler above, without data: answers with what became of the message.
 */
ngx_int_t ngx_http_websocket_publish_answer(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data);

/*
 * Answers that the store did not take the message: rc is what the broker
 * returned.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_publish_refused(ngx_http_request_t *r, int rc);


#endif /* NGX_HTTP_WEBSOCKET_PUBLISH_H */
