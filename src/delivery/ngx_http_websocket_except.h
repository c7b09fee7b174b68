
/* Messages that no history keeps, because of a field that they have. */


#ifndef NGX_HTTP_WEBSOCKET_EXCEPT_H
#define NGX_HTTP_WEBSOCKET_EXCEPT_H


#include "conf/ngx_http_websocket_conf.h"

#include <jansson.h>


/*
 * Whether what a message has in the field, or NULL, is one of the values: a
 * string, true, false or an integer.
 */
ngx_uint_t ngx_http_websocket_except_json(
    const ngx_http_websocket_except_t *except, json_t *value);


#endif /* NGX_HTTP_WEBSOCKET_EXCEPT_H */
