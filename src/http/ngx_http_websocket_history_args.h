
/*
 * Which page of a channel's history a GET asks for.
 */


#ifndef NGX_HTTP_WEBSOCKET_HISTORY_ARGS_H
#define NGX_HTTP_WEBSOCKET_HISTORY_ARGS_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "message/filter.h"
#include "session/ngx_http_websocket_session.h"


typedef struct {
    ngx_websocket_position_t   position;    /* since it, or before it */
    ngx_uint_t                 asked;       /* for one */
    ngx_uint_t                 newest;      /* these first */
    ngx_uint_t                 limit;
    ngx_uint_t                 view;
    ngx_websocket_filter_t    *filter;      /* a reference, or NULL */
} ngx_http_websocket_history_args_t;


/*
 * Reads since=, before=, order=, limit= and filter=, and the location's view.
 * Returns NGX_OK; NGX_DECLINED when no page is asked for;
 * NGX_HTTP_BAD_REQUEST with *code and *error set; or NGX_ERROR.  The filter's
 * reference is the caller's in any case.
 */
ngx_int_t ngx_http_websocket_history_args(ngx_http_request_t *r,
    ngx_http_websocket_history_args_t *args, char **code, char **error);

/* Reads limit=.  Returns what is wrong with it, or NULL. */
char *ngx_http_websocket_history_limit(ngx_http_request_t *r,
    ngx_uint_t *limit);


#endif /* NGX_HTTP_WEBSOCKET_HISTORY_ARGS_H */
