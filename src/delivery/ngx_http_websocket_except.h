
/* Messages that no history keeps, because of a field that they have. */


#ifndef NGX_HTTP_WEBSOCKET_EXCEPT_H
#define NGX_HTTP_WEBSOCKET_EXCEPT_H


#include "conf/ngx_http_websocket_conf.h"

#include <jansson.h>


/*
 * Whether a message, read as JSON, has the field with one of the values: a
 * string, true, false or an integer.  A message that is no object has no field.
 */
ngx_uint_t ngx_http_websocket_except_json(
    const ngx_http_websocket_except_t *except, const json_t *json);


#endif /* NGX_HTTP_WEBSOCKET_EXCEPT_H */
