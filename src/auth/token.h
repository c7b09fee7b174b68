
/*
 * JSON Web Tokens: RFC 7515 and 7519, the compact form of a signature.
 *
 * libjwt verifies signatures and nothing else; this looks first at all that
 * it is given.  What libjwt 1.10 does, and what stands before it here:
 *
 *     takes "alg": "none", or any, from the token  the key's is the only one
 *     takes any token when the key is empty        no empty key is loaded
 *     takes any token when it has no memory for    its answer counts only
 *     the key                                      with the key's algorithm
 *     reads base64 with any letters and padding    base64url or nothing
 *     the last of equal members counts             there is none twice
 *     does not know "crit", exp, nbf, iat          done here
 *     leaves its errors in the queue of OpenSSL    taken out
 *     refuses a "typ" other than "JWT"             auth/signature.h verifies
 *                                                  these
 *
 * What is parsed of a token before its signature is known to be right is its
 * JSON, of no more than 6 KB: less than a millisecond.
 *
 * Plain C on libjwt, libcrypto and jansson, no nginx header.
 */


#ifndef NGX_WEBSOCKET_TOKEN_H
#define NGX_WEBSOCKET_TOKEN_H


#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

#include "auth/keys.h"


#define NGX_WEBSOCKET_TOKEN_SIZE   8192        /* the longest token */
#define NGX_WEBSOCKET_TOKEN_NEVER  INT64_MAX   /* when it expires */


typedef enum {
    NGX_WEBSOCKET_TOKEN_OK = 0,
    NGX_WEBSOCKET_TOKEN_MALFORMED,
    NGX_WEBSOCKET_TOKEN_TYPE,
    NGX_WEBSOCKET_TOKEN_KEY,          /* no key of this kid */
    NGX_WEBSOCKET_TOKEN_ALGORITHM,    /* not the key's */
    NGX_WEBSOCKET_TOKEN_SIGNATURE,
    NGX_WEBSOCKET_TOKEN_CLAIM,        /* one of RFC 7519, section 4.1, is of
                                         the wrong type, or sub or jti empty */
    NGX_WEBSOCKET_TOKEN_NO_EXPIRY,
    NGX_WEBSOCKET_TOKEN_NO_AGE,       /* it does not say when it was issued */
    NGX_WEBSOCKET_TOKEN_EXPIRED,
    NGX_WEBSOCKET_TOKEN_NOT_YET,
    NGX_WEBSOCKET_TOKEN_ISSUER,
    NGX_WEBSOCKET_TOKEN_AUDIENCE,
    NGX_WEBSOCKET_TOKEN_NO_MEMORY
} ngx_websocket_token_e;


/* the keys of others than HS256 and the like that a token is tried with */
#define NGX_WEBSOCKET_TOKEN_TRIES  4


/* what is asked of a token besides its signature */

typedef struct {
    const char    *type;              /* what typ must be, "application/" left
                                         out; NULL: any that is taken */
    const char    *issuer;            /* NULL: iss is not looked at */
    const char    *audience;          /* NULL: aud is not looked at */
    uint32_t       leeway;            /* seconds, for exp, nbf and iat */
    uint32_t       max_age;           /* seconds after iat, which must be there,
                                         in which it expires; 0: any */
    uint8_t        expiry;            /* 1: exp must be there */
} ngx_websocket_token_rules_t;


typedef struct {
    json_t        *grants;            /* an object, all of the claims */
    const char    *subject;           /* sub, NULL if there is none */
    int64_t        expires;           /* exp, or iat and max_age if that is
                                         earlier, or ..._NEVER; no leeway in
                                         it */
    int64_t        issued;            /* iat less the leeway, when it may have
                                         been at the earliest; 0: none */
} ngx_websocket_token_t;


/*
 * Verifies size bytes of a token at the time now, in seconds.  When OK is
 * returned, *token is to be freed, else there is nothing to free in it.  A
 * token without a kid, or a key without one, is tried with all keys that it
 * may be of, where these are public keys with the first four of its algorithm.
 *
 * "typ" (RFC 7519, section 5.1) may be missing, or be "JWT", or that of an
 * access token, "at+jwt" (RFC 9068): in any case, and with "application/"
 * before it or without.  Others are tokens for other purposes.
 *
 * A second that is not whole is cut.  A token is EXPIRED from exp + leeway
 * on, and NOT_YET while nbf or iat is after now + leeway.
 */
ngx_websocket_token_e ngx_websocket_token_verify(ngx_websocket_token_t *token,
    const ngx_websocket_keys_t *keys, const ngx_websocket_token_rules_t *rules,
    const uint8_t *text, size_t size, int64_t now);

/* Not 0 if a token that was verified has expired since. */
int ngx_websocket_token_expired(const ngx_websocket_token_t *token,
    const ngx_websocket_token_rules_t *rules, int64_t now);

void ngx_websocket_token_free(ngx_websocket_token_t *token);

/* A constant text: "the token has expired", and so on. */
const char *ngx_websocket_token_text(ngx_websocket_token_e status);

/*
 * Writes a claim as text to buf: a string as it is, anything else as JSON.
 * Returns the size of the text, or -1 if there is no such claim or no memory.
 * If it is more than size, what is in buf is of no use; with size 0, buf may
 * be NULL.
 */
ssize_t ngx_websocket_token_claim(const ngx_websocket_token_t *token,
    const char *name, size_t length, char *buf, size_t size);

/*
 * Not 0 if the token has this scope, of length bytes: in "scope", "scopes"
 * or "scp", each a string with spaces between scopes (RFC 8693, section 4.2)
 * or an array of strings.
 */
int ngx_websocket_token_has_scope(const ngx_websocket_token_t *token,
    const char *scope, size_t length);


#endif /* NGX_WEBSOCKET_TOKEN_H */
