
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "auth/signature.h"


static const EVP_MD *ngx_websocket_signature_hash(jwt_alg_t alg);
static int ngx_websocket_signature_secret(const ngx_websocket_key_t *key,
    const void *text, size_t size, const uint8_t *signature, size_t n);
static int ngx_websocket_signature_public(const ngx_websocket_key_t *key,
    const void *text, size_t size, const uint8_t *signature, size_t n);
static int ngx_websocket_signature_pair(EVP_PKEY *pkey, EVP_MD_CTX *ctx,
    const void *text, size_t size, const uint8_t *signature, size_t n);
static ECDSA_SIG *ngx_websocket_signature_numbers(const uint8_t *signature,
    size_t half);


int
ngx_websocket_signature_verify(const ngx_websocket_key_t *key,
    const void *text, size_t size, const uint8_t *signature, size_t n)
{
    int  rc;

    rc = ngx_websocket_keys_secret_alg(key->alg)
         ? ngx_websocket_signature_secret(key, text, size, signature, n)
         : ngx_websocket_signature_public(key, text, size, signature, n);

    /* nginx takes what is left there for an error of a TLS connection */

    ERR_clear_error();

    return rc;
}


static const EVP_MD *
ngx_websocket_signature_hash(jwt_alg_t alg)
{
    switch (alg) {

    case JWT_ALG_HS256:
    case JWT_ALG_RS256:
    case JWT_ALG_ES256:
        return EVP_sha256();

    case JWT_ALG_HS384:
    case JWT_ALG_RS384:
    case JWT_ALG_ES384:
        return EVP_sha384();

    default:
        return EVP_sha512();
    }
}


static int
ngx_websocket_signature_secret(const ngx_websocket_key_t *key,
    const void *text, size_t size, const uint8_t *signature, size_t n)
{
    unsigned  length;
    uint8_t   hash[EVP_MAX_MD_SIZE];

    if (HMAC(ngx_websocket_signature_hash(key->alg), key->data,
             (int) key->size, text, size, hash, &length)
        == NULL)
    {
        return -1;
    }

    return n == length && CRYPTO_memcmp(hash, signature, n) == 0;
}


static int
ngx_websocket_signature_public(const ngx_websocket_key_t *key,
    const void *text, size_t size, const uint8_t *signature, size_t n)
{
    int          rc;
    EVP_PKEY    *pkey;
    EVP_MD_CTX  *ctx;

    pkey = ngx_websocket_keys_read(key->data, key->size);
    ctx = EVP_MD_CTX_new();

    if (pkey == NULL || ctx == NULL
        || EVP_DigestVerifyInit(ctx, NULL,
                                ngx_websocket_signature_hash(key->alg), NULL,
                                pkey)
           != 1)
    {
        /* the key was read when it was loaded */

        rc = -1;

    } else if (EVP_PKEY_id(pkey) == EVP_PKEY_EC) {
        rc = ngx_websocket_signature_pair(pkey, ctx, text, size, signature,
                                          n);

    } else {
        rc = EVP_DigestVerify(ctx, signature, n, text, size) == 1;
    }

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(pkey);

    return rc;
}


/* two numbers of the curve's size (RFC 7518, section 3.4); OpenSSL has DER */

static int
ngx_websocket_signature_pair(EVP_PKEY *pkey, EVP_MD_CTX *ctx,
    const void *text, size_t size, const uint8_t *signature, size_t n)
{
    int         rc, length;
    size_t      half;
    uint8_t    *der;
    ECDSA_SIG  *pair;

    half = ((size_t) EVP_PKEY_bits(pkey) + 7) / 8;

    if (n != 2 * half) {
        return 0;
    }

    pair = ngx_websocket_signature_numbers(signature, half);
    if (pair == NULL) {
        return -1;
    }

    der = NULL;
    length = i2d_ECDSA_SIG(pair, &der);

    rc = length > 0 ? EVP_DigestVerify(ctx, der, (size_t) length, text, size)
                      == 1
                    : -1;

    OPENSSL_free(der);
    ECDSA_SIG_free(pair);

    return rc;
}


/* NULL: memory was refused */

static ECDSA_SIG *
ngx_websocket_signature_numbers(const uint8_t *signature, size_t half)
{
    BIGNUM     *r, *s;
    ECDSA_SIG  *pair;

    pair = ECDSA_SIG_new();
    r = BN_bin2bn(signature, (int) half, NULL);
    s = BN_bin2bn(signature + half, (int) half, NULL);

    if (pair == NULL || r == NULL || s == NULL
        || ECDSA_SIG_set0(pair, r, s) != 1)
    {
        ECDSA_SIG_free(pair);
        BN_free(r);
        BN_free(s);
        return NULL;
    }

    return pair;
}
