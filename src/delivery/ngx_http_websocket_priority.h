
/* The priority that a publisher gives its message. */


#ifndef NGX_HTTP_WEBSOCKET_PRIORITY_H
#define NGX_HTTP_WEBSOCKET_PRIORITY_H


#include <ngx_config.h>
#include <ngx_core.h>

#include <jansson.h>

#include "delivery/ngx_http_websocket_message.h"


/*
 * Returns the ngx_http_websocket_priority_e of a name ("low", "normal",
 * "high", "urgent"), or 0 when it is none.
 */
ngx_uint_t ngx_http_websocket_priority_name(u_char *name, size_t size);

/*
 * The priority that a message has by its field's value, or NULL: "normal" where
 * it has none.
 */
ngx_uint_t ngx_http_websocket_priority_json(const json_t *value);


#endif /* NGX_HTTP_WEBSOCKET_PRIORITY_H */
