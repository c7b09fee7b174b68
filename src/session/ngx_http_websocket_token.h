
/*
 * The token of a session: it ends the session, unless the client renews it,
 * and it may forbid to publish.  A session whose location asks for no token
 * has no record->aside->auth.
 */


#ifndef NGX_HTTP_WEBSOCKET_TOKEN_H
#define NGX_HTTP_WEBSOCKET_TOKEN_H


#include "session/ngx_http_websocket_session.h"


/*
 * Takes over what the session needs of its token, its user and its end.
 * Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_auth_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_ctx_t *ctx);

/* The token's subject, or NULL. */
const char *ngx_http_websocket_auth_subject(ngx_http_websocket_auth_t *auth);

/* What websocket_user said when the session began; it may be empty. */
void ngx_http_websocket_auth_user(ngx_http_websocket_auth_t *auth,
    ngx_str_t *user);

/* When ngx_http_websocket_auth_expire() is to be called again. */
ngx_http_websocket_time_t ngx_http_websocket_auth_due(
    ngx_http_websocket_session_t *s);

/* Whether the session's time is over, or its token or user was revoked. */
ngx_uint_t ngx_http_websocket_auth_over(ngx_http_websocket_session_t *s);

/*
 * Looks whether the token has ended or was revoked, or is to be renewed, which
 * the client is told.  Returns NGX_OK, or NGX_DONE when it began to close the
 * session.
 */
ngx_int_t ngx_http_websocket_auth_expire(ngx_http_websocket_session_t *s);

/* Takes a message of the client that is a new token. */
ngx_http_websocket_aside_e ngx_http_websocket_auth_receive(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);

/*
 * Closes the sessions whose token was revoked since this was called last: all
 * are looked at, in as many turns as it takes.
 */
void ngx_http_websocket_auth_revoke(void);


#endif /* NGX_HTTP_WEBSOCKET_TOKEN_H */
