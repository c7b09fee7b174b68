
/*
 * Who may come in: a request's Origin, its token, and what that grants.
 */


#ifndef NGX_HTTP_WEBSOCKET_ACCESS_H
#define NGX_HTTP_WEBSOCKET_ACCESS_H


#include "session/ngx_http_websocket_session.h"


/*
 * The checks below return NGX_HTTP_WEBSOCKET_PASS, or what a content handler
 * returns: the request was answered.
 */

/* Checks the request's Origin, its token and the token's scopes. */
ngx_int_t ngx_http_websocket_check_request(ngx_http_request_t *r);

/* Checks the token again, after the request has waited. */
ngx_int_t ngx_http_websocket_check_again(ngx_http_request_t *r);

/*
 * Checks that the token has the rights that the request needs on the channels
 * of ctx.
 */
ngx_int_t ngx_http_websocket_check_channels(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);

/*
 * Overwrites the arguments of websocket_mask, and the request's token, where
 * logs would tell them: nothing that reads arguments can follow.
 */
void ngx_http_websocket_mask(ngx_http_request_t *r);

/* Adds the variables of the token's claims.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_add_claims(ngx_conf_t *cf);

/* The subject of the request's token, or NULL; valid as long as the token. */
const char *ngx_http_websocket_subject(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_ACCESS_H */
