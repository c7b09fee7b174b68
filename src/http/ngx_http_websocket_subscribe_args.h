
/*
 * What a client wants to get of a channel: its view and its filter.
 */


#ifndef NGX_HTTP_WEBSOCKET_SUBSCRIBE_ARGS_H
#define NGX_HTTP_WEBSOCKET_SUBSCRIBE_ARGS_H


#include "session/ngx_http_websocket_session.h"


/*
 * Reads which view and filter the client wants.  options->filter gets a
 * reference, which the caller gives back.  Returns NGX_OK;
 * NGX_HTTP_BAD_REQUEST with *error set to what is wrong; or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_subscribe_args(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, char **error);

/*
 * Reads the view alone, which is 0 where the client wants all of a message.
 * Returns as ngx_http_websocket_subscribe_args().
 */
ngx_int_t ngx_http_websocket_view_arg(ngx_http_request_t *r,
    ngx_uint_t *view, char **error);


/*
 * Reads the filter alone, for what is in that view: *filter gets a reference,
 * which the caller gives back, or is left as it is.  Returns as
 * ngx_http_websocket_subscribe_args().
 */
ngx_int_t ngx_http_websocket_filter_arg(ngx_http_request_t *r,
    ngx_uint_t view, ngx_websocket_filter_t **filter, char **error);


#endif /* NGX_HTTP_WEBSOCKET_SUBSCRIBE_ARGS_H */
