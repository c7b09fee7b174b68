
/*
 * Which tokens were revoked.  Revocations are in memory that all workers
 * share, and outlive reloads.  Where the configuration has no websocket_revoke
 * there are none.
 */


#ifndef NGX_HTTP_WEBSOCKET_REVOCATIONS_H
#define NGX_HTTP_WEBSOCKET_REVOCATIONS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "auth/token.h"


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


typedef enum {
    NGX_HTTP_WEBSOCKET_REVOKED = 0,
    NGX_HTTP_WEBSOCKET_REVOCATIONS_FULL,
    NGX_HTTP_WEBSOCKET_REVOCATIONS_BUSY,    /* their lock cannot be had now */
    NGX_HTTP_WEBSOCKET_REVOCATIONS_AWAY     /* nor a broker, which has them */
} ngx_http_websocket_revocation_e;


/*
 * Copies all of them to buf, where it has room, for a dump of a zone: returns
 * the bytes.  Not for the event loop, since it waits for their lock.
 */
size_t ngx_http_websocket_revocations_dump(u_char *buf, size_t size);

/* Makes the memory, once for a configuration.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_revocations(ngx_conf_t *cf);

/* The key of what is revoked: a hash of its kind and its text. */
void ngx_http_websocket_revocation_key(
    ngx_http_websocket_revocation_key_t *key, u_char kind, const char *text,
    size_t size);

/*
 * Revokes what was issued up to now, until a time: both in seconds.  Where the
 * configuration has no revocations it does nothing.
 */
ngx_http_websocket_revocation_e ngx_http_websocket_revocation_add(
    ngx_http_websocket_revocation_key_t *key, int64_t now, int64_t until);

/*
 * Fills in what the token can be revoked by.  Returns 1, or 0 when nothing can
 * be revoked: then *what is left as it is.
 */
ngx_uint_t ngx_http_websocket_revocable(ngx_http_websocket_revocable_t *what,
    ngx_websocket_token_t *token);

/*
 * The same for a session that begins now, of a user who need not have a token.
 */
ngx_uint_t ngx_http_websocket_revocable_user(
    ngx_http_websocket_revocable_t *what, ngx_str_t *user);

/* Whether a token was revoked, as far as this worker knows. */
ngx_uint_t ngx_http_websocket_revoked(ngx_http_websocket_revocable_t *what);

/* Whether there are revocations that this worker has not been told of yet. */
ngx_uint_t ngx_http_websocket_revocations_new(void);


#endif /* NGX_HTTP_WEBSOCKET_REVOCATIONS_H */
