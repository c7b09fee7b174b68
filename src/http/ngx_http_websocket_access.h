
/*
 * Who may come in: a request's Origin, its token, and what that grants.
 */


#ifndef NGX_HTTP_WEBSOCKET_ACCESS_H
#define NGX_HTTP_WEBSOCKET_ACCESS_H


#include "session/ngx_http_websocket_session.h"


/*
 * Whether the request may come in, by its Origin, its token and the token's
 * scopes.  Returns NGX_DECLINED when it may, else what a content handler
 * returns: the request was answered.
 */
ngx_int_t ngx_http_websocket_admit(ngx_http_request_t *r);

/*
 * Whether what let the request in still holds, after it has waited.  Returns
 * as ngx_http_websocket_admit().
 */
ngx_int_t ngx_http_websocket_readmit(ngx_http_request_t *r);

/*
 * Whether the token has the rights on the channels of ctx that the request
 * needs.  Returns as ngx_http_websocket_admit().
 */
ngx_int_t ngx_http_websocket_permit(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);

/*
 * Overwrites the request's token where logs would tell it, if the location
 * asks for one; it cannot be verified any more.
 */
void ngx_http_websocket_mask(ngx_http_request_t *r);

/* Adds the variables of the token's claims.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_add_claims(ngx_conf_t *cf);

/* The subject of the request's token, or NULL; valid as long as the token. */
const char *ngx_http_websocket_subject(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_ACCESS_H */
