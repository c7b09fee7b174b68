
/*
 * A session's messages where the location says what they are to be, and what
 * it has besides for that.
 */


#ifndef NGX_HTTP_WEBSOCKET_TYPED_H
#define NGX_HTTP_WEBSOCKET_TYPED_H


#include "message/ngx_http_websocket_intake.h"
#include "session/ngx_http_websocket_session.h"


/* of the record: made when a session needs one */

struct ngx_http_websocket_extra_s {
    ngx_websocket_filter_t       *filter;       /* NULL: none */
    ngx_str_t                     from;         /* who it is, for stamps */
    ngx_websocket_json_text_t     collected;    /* "[...,...", or empty */
};


/*
 * Takes a client's message: publishes it, or tells the client what is wrong
 * with it.  Returns as the receive() of a protocol.
 */
ngx_int_t ngx_http_websocket_typed_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size);

/* Publishes what a client sent, in n parts.  Returns as the above. */
ngx_int_t ngx_http_websocket_raw_publish(ngx_http_websocket_session_t *s,
    uint8_t type, ngx_uint_t priority, ngx_websocket_log_part_t *parts,
    size_t n);


/*
 * Gives a new session what it asked for.  Returns NGX_OK, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_extra_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_http_websocket_options_t *options);

/* Makes the session's extra if it has none.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_extra_create(ngx_http_websocket_session_t *s);

/* Frees it, if there is one. */
void ngx_http_websocket_extra_end(ngx_http_websocket_session_t *s);


/*
 * Finds what a session that has a filter or a view is to get for a message:
 * sets *message.  Returns NGX_OK, NGX_DECLINED for nothing, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_select(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t **message);

/*
 * Gives the session, which has an extra, another filter, whose reference it
 * takes over: NULL for none.
 */
void ngx_http_websocket_select_by(ngx_http_websocket_session_t *s,
    ngx_websocket_filter_t *filter);


/*
 * Whether a message says that the stream has ended, {"end":true}.  Returns
 * NGX_OK, NGX_DECLINED when it is something else (what cannot be read is
 * refused later), or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_collect_ends(ngx_http_websocket_intake_t *in);

/*
 * Adds a message to what was collected.  Returns NGX_OK, NGX_DECLINED when it
 * would be too much, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_collect(ngx_http_websocket_session_t *s,
    ngx_http_websocket_intake_t *in);

/* All of it, of which there is no more; NULL when memory was refused. */
ngx_websocket_json_text_t *ngx_http_websocket_collected(
    ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_TYPED_H */
