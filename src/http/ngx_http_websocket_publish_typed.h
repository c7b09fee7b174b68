
/*
 * What is published by POST, where the location says what it is to be.
 */


#ifndef NGX_HTTP_WEBSOCKET_PUBLISH_TYPED_H
#define NGX_HTTP_WEBSOCKET_PUBLISH_TYPED_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/store.h"
#include "message/json.h"


/* Whether the location wants to know what is in a message. */
ngx_uint_t ngx_http_websocket_publish_is_typed(ngx_http_request_t *r);

/*
 * Checks the message that is POSTed as the location says, and sets its
 * priority.  Where the message is changed its parts become others, for which
 * there must be room.  Returns NGX_WEBSOCKET_JSON_OK, _REFUSED with *error set,
 * or _NO_MEMORY.
 */
ngx_websocket_json_e ngx_http_websocket_publish_intake(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    ngx_uint_t *n, ngx_websocket_json_error_t *error);

/*
 * Puts the tags of the header X-WebSocket-Tags before the parts, for which
 * there must be room: they are valid until the next call.  Returns what is
 * wrong with the header, or NULL.
 */
char *ngx_http_websocket_publish_tags(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    ngx_uint_t *n);

/*
 * Reads the header X-WebSocket-History, by which the message is not kept.
 * Returns what is wrong with the header, or NULL.
 */
char *ngx_http_websocket_publish_skip(ngx_http_request_t *r,
    ngx_websocket_store_message_t *message);

/* Answers with 422 and the error.  Returns what a content handler returns. */
ngx_int_t ngx_http_websocket_publish_invalid(ngx_http_request_t *r,
    ngx_websocket_json_error_t *error);


#endif /* NGX_HTTP_WEBSOCKET_PUBLISH_TYPED_H */
