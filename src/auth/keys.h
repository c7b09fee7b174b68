
/*
 * The keys that tokens are verified with.  Each has one algorithm, fixed
 * where the key is loaded: a token never chooses how it is verified.
 *
 * A key file is one of three things:
 *
 *     JSON    {"keys": [{"kid": "2024", "alg": "HS256", "k": "base64url"},
 *                       {"kid": "web", "alg": "HS512", "secret": "text"},
 *                       {"kid": "idp", "alg": "RS256", "pem": "-----BEGIN "}]}
 *             which is a JSON Web Key Set of "oct" keys, with "secret" (the
 *             bytes of the text) and "pem" beside "k"; other members are not
 *             looked at.  "kid" may be left out, "alg" where the caller names
 *             one, and then it must be the same.
 *     PEM     one or several blocks BEGIN PUBLIC KEY, all for one algorithm
 *     secret  anything else: the bytes of the file, without one line end
 *
 * Algorithms: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, ES512.
 *
 * Plain C on libjwt, libcrypto and jansson, no nginx header.
 */


#ifndef NGX_WEBSOCKET_KEYS_H
#define NGX_WEBSOCKET_KEYS_H


#include <stddef.h>
#include <stdint.h>

#include <jwt.h>
#include <openssl/evp.h>


#define NGX_WEBSOCKET_KEYS_MAX   16
#define NGX_WEBSOCKET_KEYS_SIZE  65536   /* of a file */


typedef struct {
    jwt_alg_t      alg;
    char          *id;                /* NULL: none */
    uint8_t       *data;              /* the secret, or one block of PEM */
    size_t         size;
} ngx_websocket_key_t;


typedef struct {
    ngx_websocket_key_t  key[NGX_WEBSOCKET_KEYS_MAX];
    unsigned             n;
    uint8_t              weak;        /* 1: a secret is shorter than its hash,
                                         against RFC 7518, section 3.2 */
} ngx_websocket_keys_t;


/*
 * Loads the contents of a key file, or a secret from elsewhere.  alg is the
 * name of an algorithm, NULL where the keys say their own.  Returns NULL, or
 * a constant text that says what is wrong; then no key is held, and keys->n
 * is the index of the wrong one.  No text bears any part of a key.
 */
const char *ngx_websocket_keys_load(ngx_websocket_keys_t *keys,
    const uint8_t *text, size_t size, const char *alg);

/* Wipes and frees the keys. */
void ngx_websocket_keys_free(ngx_websocket_keys_t *keys);

/*
 * The algorithm of this name, in the letters of RFC 7518; JWT_ALG_INVAL for
 * others, and for "none".
 */
jwt_alg_t ngx_websocket_keys_alg(const char *name);

/* Not 0 for HS256, HS384 and HS512. */
int ngx_websocket_keys_secret_alg(jwt_alg_t alg);

/* Reads a block of PEM.  Returns NULL when it is none, or without memory. */
EVP_PKEY *ngx_websocket_keys_read(const uint8_t *text, size_t size);

/*
 * Decodes base64url without padding (RFC 7515, section 2), n bytes at src,
 * to dst, which has room for n * 3 / 4 bytes.  Returns their number, -1 for
 * anything that an encoder does not write.
 */
int ngx_websocket_base64url(uint8_t *dst, const uint8_t *src, size_t n);


#endif /* NGX_WEBSOCKET_KEYS_H */
