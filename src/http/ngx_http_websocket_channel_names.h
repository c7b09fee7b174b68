
/*
 * The channels of a request, by name, and its context, which has them.
 */


#ifndef NGX_HTTP_WEBSOCKET_CHANNEL_NAMES_H
#define NGX_HTTP_WEBSOCKET_CHANNEL_NAMES_H


#include "session/ngx_http_websocket_session.h"


/*
 * The request's context, which is made if there is none.  Returns NULL when
 * memory was refused.
 */
ngx_http_websocket_ctx_t *ngx_http_websocket_ctx(ngx_http_request_t *r);

/*
 * Evaluates the names of the location's channels, each once, and puts them in
 * the request's context.  Returns NGX_OK; NGX_HTTP_BAD_REQUEST with *error set
 * to what is wrong with a name; or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_channel_names(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t **ctx, char **error);


#endif /* NGX_HTTP_WEBSOCKET_CHANNEL_NAMES_H */
