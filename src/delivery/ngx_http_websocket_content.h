
/*
 * The content of a message that is being delivered: it is parsed when the first
 * session asks, and each view of it is made once for all sessions that have the
 * view.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONTENT_H
#define NGX_HTTP_WEBSOCKET_CONTENT_H


#include "delivery/ngx_http_websocket_message.h"

#include <jansson.h>


/*
 * The message's object, valid as long as the message: *json is NULL when it
 * is none (binary, no JSON, not an object).  Returns
 * NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_content_json(ngx_log_t *log,
    ngx_http_websocket_message_t *message, const json_t **json);

/*
 * Gives all frames of the message, present and future ones, the key that the
 * value of the field makes: 0 when that is neither a string nor an integer.
 * Returns as above.
 */
ngx_int_t ngx_http_websocket_content_key(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_str_t *field);

/*
 * Sets *message to what the view of that number shows of it, valid as long as
 * the message itself.  It is hidden when there is nothing to show: no object,
 * or none of the view's fields in it.
 */
ngx_http_websocket_shown_e ngx_http_websocket_content_project(ngx_log_t *log,
    ngx_http_websocket_message_t **message, ngx_uint_t number);

static ngx_inline ngx_http_websocket_shown_e
ngx_http_websocket_content_view(ngx_log_t *log,
    ngx_http_websocket_message_t **message, ngx_uint_t number)
{
    return number ? ngx_http_websocket_content_project(log, message, number)
                  : NGX_HTTP_WEBSOCKET_SHOWN;
}

/*
 * Returns the message's content, which is made if it has none: it is freed with
 * the message.  NULL when memory was refused.
 */
ngx_http_websocket_content_t *ngx_http_websocket_content_of(ngx_log_t *log,
    ngx_http_websocket_message_t *message);

/* Frees what the functions above allocated. */
void ngx_http_websocket_content_free(ngx_http_websocket_message_t *message);


#endif /* NGX_HTTP_WEBSOCKET_CONTENT_H */
