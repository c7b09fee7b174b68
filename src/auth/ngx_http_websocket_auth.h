
/*
 * Who may come in: by its origin, and by what its token grants.
 */


#ifndef NGX_HTTP_WEBSOCKET_AUTH_H
#define NGX_HTTP_WEBSOCKET_AUTH_H


#include "conf/ngx_http_websocket_conf.h"
#include "auth/rights.h"
#include "auth/token.h"


/* the code of a Close when the token ends before the session does */
#define NGX_HTTP_WEBSOCKET_CLOSE_TOKEN  4401


/* what is revoked: all tokens of a subject up to a time, or one, by its jti */

#define NGX_HTTP_WEBSOCKET_REVOKED_SUBJECT  's'
#define NGX_HTTP_WEBSOCKET_REVOKED_ID       'i'

typedef struct {
    u_char                        hash[16];
} ngx_http_websocket_revocation_key_t;


/* what a token can be revoked by */

typedef struct {
    ngx_http_websocket_revocation_key_t  subject;
    ngx_http_websocket_revocation_key_t  id;
    int64_t                              issued;    /* seconds, the earliest
                                                       that it may be */
} ngx_http_websocket_revocable_t;


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
 * Whether the pages that the request comes from may do so: NULL, or a
 * constant text that says why not; *origin is the one that is not allowed, or
 * NULL.
 */
const char *ngx_http_websocket_origin_error(ngx_http_request_t *r,
    ngx_str_t **origin);

/*
 * Verifies a token and reads its claims.  Returns NGX_OK: the grant is to be
 * freed; NGX_DECLINED with *error set to a constant text; or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_grant(ngx_http_websocket_grant_t *grant,
    ngx_http_websocket_jwt_t *jwt, const u_char *text, size_t size,
    const char **error);

void ngx_http_websocket_grant_free(ngx_http_websocket_grant_t *grant);

/*
 * What the location demands besides: NULL, or a constant text that says what
 * the grant lacks.
 */
const char *ngx_http_websocket_grant_lacks(ngx_http_websocket_grant_t *grant,
    ngx_http_websocket_loc_conf_t *conf);

ngx_uint_t ngx_http_websocket_grant_revoked(
    ngx_http_websocket_grant_t *grant);

/* The rights on a channel. */
ngx_uint_t ngx_http_websocket_grant_rights(ngx_http_websocket_grant_t *grant,
    ngx_str_t *channel);

/*
 * What a session of the location does with its channels: rights that it must
 * have, on the first *n of them, which is set to less where it is less.
 */
ngx_uint_t ngx_http_websocket_mode_rights(
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t *n);


/*
 * Revocations are in memory that all workers share, and outlive reloads.
 * Where the configuration has no websocket_revoke there are none.
 */

/* Makes the memory, once for a configuration.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_revocations(ngx_conf_t *cf);

/* What is known of a revoked thing is its hash. */
void ngx_http_websocket_revocation_key(
    ngx_http_websocket_revocation_key_t *key, u_char kind, const char *text,
    size_t size);

/*
 * Revokes what was issued up to now, until a time: both in seconds.  Returns
 * NGX_OK; NGX_DECLINED when there is no more room; NGX_BUSY when the table's
 * lock cannot be had now.
 */
ngx_int_t ngx_http_websocket_revocation_add(
    ngx_http_websocket_revocation_key_t *key, int64_t now, int64_t until);

/* Returns 0 when nothing can be revoked: *what is left as it is. */
ngx_uint_t ngx_http_websocket_revocable(ngx_http_websocket_revocable_t *what,
    ngx_websocket_token_t *token);

ngx_uint_t ngx_http_websocket_revoked(ngx_http_websocket_revocable_t *what);

/* Whether there are revocations that this worker has not been told of yet. */
ngx_uint_t ngx_http_websocket_revocations_new(void);


#endif /* NGX_HTTP_WEBSOCKET_AUTH_H */
