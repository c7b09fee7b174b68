
/*
 * What few sessions have besides: a filter, names for stamps and for presence,
 * and what was collected of a stream.
 */


#ifndef NGX_HTTP_WEBSOCKET_EXTRA_H
#define NGX_HTTP_WEBSOCKET_EXTRA_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "message/json.h"
#include "session/ngx_http_websocket_session.h"


/* part of the record's aside, made when a session needs it */

struct ngx_http_websocket_extra_s {
    ngx_websocket_filter_t       *filter;       /* of the first channel, or
                                                   NULL */
    ngx_str_t                     from;         /* the sender's name in
                                                   stamps */
    u_char                       *member;       /* what presence tells of it:
                                                   parts of meta, or NULL */
    ngx_websocket_json_text_t     collected;    /* "[...,...", or empty */
    size_t                        certain;      /* of it, without the message
                                                   that is being published */
};


/*
 * Sets up a new session's filter and names, as it and its location ask for
 * them.  Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_extra_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_http_websocket_options_t *options);

/*
 * Makes the session's extra if it has none.  Returns NGX_OK, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_extra_create(ngx_http_websocket_session_t *s);

/* Frees the session's extra, if there is one. */
void ngx_http_websocket_extra_end(ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_EXTRA_H */
