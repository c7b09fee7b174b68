
/*
 * What a token grants, and a location demands.
 */


#ifndef NGX_HTTP_WEBSOCKET_GRANT_H
#define NGX_HTTP_WEBSOCKET_GRANT_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "auth/rights.h"
#include "auth/token.h"
#include "conf/ngx_http_websocket_conf.h"


typedef enum {
    NGX_HTTP_WEBSOCKET_GRANTED = NGX_OK,
    NGX_HTTP_WEBSOCKET_GRANT_NO_MEMORY = NGX_ERROR,
    NGX_HTTP_WEBSOCKET_GRANT_REFUSED = NGX_DECLINED
} ngx_http_websocket_grant_e;


/* what a valid token grants; zeroed: none */

typedef struct {
    ngx_websocket_token_t         token;
    ngx_websocket_rights_t       *rights;   /* NULL: all */
} ngx_http_websocket_grant_t;


/* a request's token, in r->pool */

typedef struct {
    ngx_http_websocket_jwt_t     *jwt;      /* what it was verified by */
    ngx_http_websocket_grant_t    grant;
    ngx_pool_cleanup_t           *cleanup;
    const char                   *error;    /* NULL: it is valid */
    ngx_uint_t                    found;
} ngx_http_websocket_access_t;


/*
 * Verifies a token and reads its claims.  Of one that is granted the caller
 * frees the grant; of one that is refused *error is set to a constant text.
 */
ngx_http_websocket_grant_e ngx_http_websocket_grant(
    ngx_http_websocket_grant_t *grant, ngx_http_websocket_jwt_t *jwt,
    const u_char *text, size_t size, const char **error);

/* Frees what a grant has; it may be zeroed, and is zeroed then. */
void ngx_http_websocket_grant_free(ngx_http_websocket_grant_t *grant);

/*
 * What the location demands besides: NULL, or a constant text that says what
 * the grant lacks.
 */
const char *ngx_http_websocket_grant_lacks(ngx_http_websocket_grant_t *grant,
    ngx_http_websocket_loc_conf_t *conf);

/* Whether the token was revoked, as far as this worker knows. */
ngx_uint_t ngx_http_websocket_grant_revoked(
    ngx_http_websocket_grant_t *grant);

/* The rights on a channel: NGX_WEBSOCKET_RIGHT_*, or 0. */
ngx_uint_t ngx_http_websocket_grant_rights(ngx_http_websocket_grant_t *grant,
    ngx_str_t *channel);

/*
 * The rights that a session of the location must have on its channels: on the
 * first *n of them, which is set to less where it is less.
 */
ngx_uint_t ngx_http_websocket_mode_rights(
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t *n);


#endif /* NGX_HTTP_WEBSOCKET_GRANT_H */
