
/*
 * A client's stream of messages that is answered once, at its end, with an
 * array of all of them.
 */


#ifndef NGX_HTTP_WEBSOCKET_COLLECT_H
#define NGX_HTTP_WEBSOCKET_COLLECT_H


#include "delivery/ngx_http_websocket_intake.h"
#include "session/ngx_http_websocket_session.h"


typedef enum {
    NGX_HTTP_WEBSOCKET_COLLECTED = 0,
    NGX_HTTP_WEBSOCKET_COLLECT_FULL,        /* it would be too much */
    NGX_HTTP_WEBSOCKET_COLLECT_NO_MEMORY
} ngx_http_websocket_collect_e;


/*
 * Whether a message, NULL for one that is no JSON, says that the stream has
 * ended: {"end":true}, or null, which clients send that Goa has generated.
 */
static ngx_inline ngx_uint_t
ngx_http_websocket_collect_ends(const json_t *json)
{
    return json_is_null(json)
           || (json_object_size(json) == 1
               && json_is_true(json_object_get(json, "end")));
}

/* Adds a message to what was collected. */
ngx_http_websocket_collect_e ngx_http_websocket_collect(
    ngx_http_websocket_session_t *s, ngx_http_websocket_intake_t *in);

/* Takes the last one off again, since it was not published. */
void ngx_http_websocket_collect_undo(ngx_http_websocket_session_t *s);

/*
 * Completes the array of what was collected.  The text remains the session's.
 * Returns NULL when memory was refused.
 */
ngx_websocket_json_text_t *ngx_http_websocket_collected(
    ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_COLLECT_H */
