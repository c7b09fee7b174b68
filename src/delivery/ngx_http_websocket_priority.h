
/*
 * What a publisher says of its message's urgency.
 */


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
 * Reads a message that is a JSON object with a field of that name whose value
 * is a priority's.  Returns the priority: "normal" of anything else.
 */
ngx_uint_t ngx_http_websocket_priority_field(ngx_str_t *field, u_char *data,
    size_t size);

/* The same of a message that was read. */
ngx_uint_t ngx_http_websocket_priority_json(ngx_str_t *field,
    const json_t *json);


#endif /* NGX_HTTP_WEBSOCKET_PRIORITY_H */
