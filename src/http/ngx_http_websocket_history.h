
/*
 * The HTTP side of a channel: GET tells of it, of its history and of who is
 * there, DELETE deletes it.
 */


#ifndef NGX_HTTP_WEBSOCKET_HISTORY_H
#define NGX_HTTP_WEBSOCKET_HISTORY_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <jansson.h>

#include "store/store.h"


/*
 * The answers to GET and DELETE, for the first channel of the request's
 * context.  Each returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_history_get(ngx_http_request_t *r);
ngx_int_t ngx_http_websocket_history_delete(ngx_http_request_t *r);

/*
 * What each answer says of a channel: its name, epoch, offset and subscribers.
 * Returns NULL when memory was refused.
 */
json_t *ngx_http_websocket_history_channel(ngx_str_t *name,
    ngx_websocket_store_info_t *info);

/* A member, as an answer lists it.  Returns NULL when memory was refused. */
json_t *ngx_http_websocket_history_member(
    ngx_websocket_store_member_t *member);

/* The answer when there is no such channel. */
ngx_int_t ngx_http_websocket_history_not_found(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_HISTORY_H */
