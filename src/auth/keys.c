
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "auth/keys.h"


#define NGX_WEBSOCKET_KEYS_BEGIN  "-----BEGIN "
#define NGX_WEBSOCKET_KEYS_PUBLIC "-----BEGIN PUBLIC KEY-----"
#define NGX_WEBSOCKET_KEYS_END    "-----END PUBLIC KEY-----"

#define NGX_WEBSOCKET_KEYS_RSA    2048    /* bits: RFC 7518, section 3.3 */

#define NGX_WEBSOCKET_KEYS_NO_MEMORY  "no memory for the keys"
#define NGX_WEBSOCKET_KEYS_ALGORITHM                                          \
    "a key's algorithm is missing or unknown: it is one of HS256, HS384, "    \
    "HS512, RS256, RS384, RS512, ES256, ES384, ES512"


/*
 * what an algorithm wants: bits is the least size of a secret or an RSA key, or
 * a curve's size
 */

typedef struct {
    const char    *name;
    jwt_alg_t      alg;
    int            type;
    int            bits;
} ngx_websocket_keys_alg_t;


static const ngx_websocket_keys_alg_t *ngx_websocket_keys_find(
    const char *name);
static const char *ngx_websocket_keys_json(ngx_websocket_keys_t *keys,
    const uint8_t *text, size_t size, const char *alg);
static const char *ngx_websocket_keys_entry(ngx_websocket_keys_t *keys,
    json_t *entry, const char *alg);
static const char *ngx_websocket_keys_material(ngx_websocket_keys_t *keys,
    json_t *entry, const ngx_websocket_keys_alg_t *alg);
static const char *ngx_websocket_keys_encoded(ngx_websocket_keys_t *keys,
    json_t *k, const ngx_websocket_keys_alg_t *alg);
static const char *ngx_websocket_keys_pem(ngx_websocket_keys_t *keys,
    const uint8_t *text, size_t size, const ngx_websocket_keys_alg_t *alg);
static const char *ngx_websocket_keys_public(const uint8_t *text, size_t size,
    const ngx_websocket_keys_alg_t *alg);
static int ngx_websocket_keys_no_password(char *buf, int size, int writing,
    void *data);
static const char *ngx_websocket_keys_secret(ngx_websocket_keys_t *keys,
    const uint8_t *text, size_t size, const ngx_websocket_keys_alg_t *alg);
static const char *ngx_websocket_keys_add(ngx_websocket_keys_t *keys,
    const uint8_t *data, size_t size, const ngx_websocket_keys_alg_t *alg);
static const uint8_t *ngx_websocket_keys_seek(const uint8_t *p,
    const uint8_t *last, const char *what);


static const ngx_websocket_keys_alg_t  ngx_websocket_keys_algs[] = {
    { "HS256", JWT_ALG_HS256, EVP_PKEY_NONE, 256 },
    { "HS384", JWT_ALG_HS384, EVP_PKEY_NONE, 384 },
    { "HS512", JWT_ALG_HS512, EVP_PKEY_NONE, 512 },
    { "RS256", JWT_ALG_RS256, EVP_PKEY_RSA, NGX_WEBSOCKET_KEYS_RSA },
    { "RS384", JWT_ALG_RS384, EVP_PKEY_RSA, NGX_WEBSOCKET_KEYS_RSA },
    { "RS512", JWT_ALG_RS512, EVP_PKEY_RSA, NGX_WEBSOCKET_KEYS_RSA },
    { "ES256", JWT_ALG_ES256, EVP_PKEY_EC, 256 },
    { "ES384", JWT_ALG_ES384, EVP_PKEY_EC, 384 },
    { "ES512", JWT_ALG_ES512, EVP_PKEY_EC, 521 },
    { NULL, JWT_ALG_INVAL, 0, 0 }
};


const char *
ngx_websocket_keys_load(ngx_websocket_keys_t *keys, const uint8_t *text,
    size_t size, const char *alg)
{
    unsigned        n;
    const char     *error;
    const uint8_t  *p, *last;

    memset(keys, 0, sizeof(ngx_websocket_keys_t));

    if (size > NGX_WEBSOCKET_KEYS_SIZE) {
        return "a key file has at most 64k";
    }

    last = text + size;

    for (p = text; p < last && strchr(" \t\r\n", *p) && *p; p++) {
        /* void */
    }

    if (p < last && *p == '{') {
        error = ngx_websocket_keys_json(keys, p, (size_t) (last - p), alg);

    } else if (ngx_websocket_keys_find(alg) == NULL) {
        error = NGX_WEBSOCKET_KEYS_ALGORITHM;

    } else if (ngx_websocket_keys_seek(text, last, NGX_WEBSOCKET_KEYS_BEGIN)) {
        error = ngx_websocket_keys_pem(keys, text, size,
                                       ngx_websocket_keys_find(alg));

    } else {
        size -= (size && text[size - 1] == '\n');
        size -= (size && text[size - 1] == '\r');

        error = ngx_websocket_keys_secret(keys, text, size,
                                          ngx_websocket_keys_find(alg));
    }

    if (error) {
        n = keys->n;
        ngx_websocket_keys_free(keys);
        keys->n = n;
    }

    return error;
}


void
ngx_websocket_keys_free(ngx_websocket_keys_t *keys)
{
    unsigned  i;

    /* the entry behind the last key may have been given an id already */

    for (i = 0; i < NGX_WEBSOCKET_KEYS_MAX; i++) {

        if (keys->key[i].data) {
            OPENSSL_cleanse(keys->key[i].data, keys->key[i].size);
        }

        free(keys->key[i].data);
        free(keys->key[i].id);
    }

    memset(keys, 0, sizeof(ngx_websocket_keys_t));
}


jwt_alg_t
ngx_websocket_keys_alg(const char *name)
{
    const ngx_websocket_keys_alg_t  *alg;

    alg = ngx_websocket_keys_find(name);

    return alg ? alg->alg : JWT_ALG_INVAL;
}


int
ngx_websocket_keys_secret_alg(jwt_alg_t alg)
{
    return alg == JWT_ALG_HS256 || alg == JWT_ALG_HS384
           || alg == JWT_ALG_HS512;
}


static const ngx_websocket_keys_alg_t *
ngx_websocket_keys_find(const char *name)
{
    const ngx_websocket_keys_alg_t  *alg;

    for (alg = ngx_websocket_keys_algs; name && alg->name; alg++) {
        if (strcmp(alg->name, name) == 0) {
            return alg;
        }
    }

    return NULL;
}


static const char *
ngx_websocket_keys_json(ngx_websocket_keys_t *keys, const uint8_t *text,
    size_t size, const char *alg)
{
    size_t       i;
    json_t      *json, *list;
    const char  *error;

    json = json_loadb((const char *) text, size, JSON_REJECT_DUPLICATES, NULL);
    list = json_object_get(json, "keys");

    if (json == NULL) {
        error = "the key file begins with \"{\" and is not JSON";

    } else if (!json_is_array(list) || json_array_size(list) == 0) {
        error = "the key file has no list \"keys\"";

    } else {
        error = NULL;
    }

    for (i = 0; error == NULL && i < json_array_size(list); i++) {
        error = ngx_websocket_keys_entry(keys, json_array_get(list, i), alg);
    }

    json_decref(json);

    return error;
}


static const char *
ngx_websocket_keys_entry(ngx_websocket_keys_t *keys, json_t *entry,
    const char *alg)
{
    json_t      *id, *own;
    unsigned     i;
    const char  *use;

    if (keys->n == NGX_WEBSOCKET_KEYS_MAX) {
        return "there are more than 16 keys";
    }

    if (!json_is_object(entry)) {
        return "a key is not an object";
    }

    id = json_object_get(entry, "kid");
    own = json_object_get(entry, "alg");
    use = json_string_value(json_object_get(entry, "use"));

    if (own && alg && strcmp(alg, json_is_string(own)
                                  ? json_string_value(own) : "") != 0)
    {
        return "a key's \"alg\" is not the one that was asked for";
    }

    if (use && strcmp(use, "sig") != 0) {
        return "a key's \"use\" is not \"sig\"";
    }

    if (id) {

        if (!json_is_string(id)) {
            return "a key's \"kid\" is not a string";
        }

        for (i = 0; i < keys->n; i++) {
            if (keys->key[i].id
                && strcmp(keys->key[i].id, json_string_value(id)) == 0)
            {
                return "two keys have the same \"kid\"";
            }
        }

        keys->key[keys->n].id = strdup(json_string_value(id));

        if (keys->key[keys->n].id == NULL) {
            return NGX_WEBSOCKET_KEYS_NO_MEMORY;
        }
    }

    return ngx_websocket_keys_material(keys, entry,
               ngx_websocket_keys_find(own ? json_string_value(own) : alg));
}


static const char *
ngx_websocket_keys_material(ngx_websocket_keys_t *keys, json_t *entry,
    const ngx_websocket_keys_alg_t *alg)
{
    size_t          size;
    json_t         *k, *secret, *pem;
    unsigned        n;
    const char     *error;
    const uint8_t  *text;

    k = json_object_get(entry, "k");
    secret = json_object_get(entry, "secret");
    pem = json_object_get(entry, "pem");

    if (alg == NULL) {
        return NGX_WEBSOCKET_KEYS_ALGORITHM;
    }

    if (json_is_string(k) + json_is_string(secret) + json_is_string(pem) != 1) {
        return "a key has one of \"k\", \"secret\", \"pem\", a string";
    }

    if (json_is_string(k)) {
        return ngx_websocket_keys_encoded(keys, k, alg);
    }

    if (json_is_string(secret)) {
        return ngx_websocket_keys_secret(keys,
                            (const uint8_t *) json_string_value(secret),
                            json_string_length(secret), alg);
    }

    n = keys->n;
    text = (const uint8_t *) json_string_value(pem);
    size = json_string_length(pem);

    error = ngx_websocket_keys_pem(keys, text, size, alg);

    if (error == NULL && keys->n != n + 1) {
        return "a key's \"pem\" is not one public key";
    }

    return error;
}


static const char *
ngx_websocket_keys_encoded(ngx_websocket_keys_t *keys, json_t *k,
    const ngx_websocket_keys_alg_t *alg)
{
    int          n;
    size_t       size;
    uint8_t     *secret;
    const char  *error;

    size = json_string_length(k);

    secret = malloc(size + 1);
    if (secret == NULL) {
        return NGX_WEBSOCKET_KEYS_NO_MEMORY;
    }

    n = ngx_websocket_base64url(secret,
                                (const uint8_t *) json_string_value(k), size);

    error = n == -1 ? "a key's \"k\" is not base64url without padding"
                    : ngx_websocket_keys_secret(keys, secret, (size_t) n, alg);

    OPENSSL_cleanse(secret, size + 1);
    free(secret);

    return error;
}


/* adds each block of the text */

static const char *
ngx_websocket_keys_pem(ngx_websocket_keys_t *keys, const uint8_t *text,
    size_t size, const ngx_websocket_keys_alg_t *alg)
{
    size_t          length;
    const char     *error;
    const uint8_t  *p, *end, *last;

    if (alg->type == EVP_PKEY_NONE) {
        return "HS256, HS384 and HS512 take a secret, not a PEM file";
    }

    last = text + size;

    for (p = text; /* void */ ; p = end) {

        p = ngx_websocket_keys_seek(p, last, NGX_WEBSOCKET_KEYS_BEGIN);

        if (p == NULL) {
            return NULL;
        }

        end = ngx_websocket_keys_seek(p, last, NGX_WEBSOCKET_KEYS_END);

        if (ngx_websocket_keys_seek(p, last, NGX_WEBSOCKET_KEYS_PUBLIC) != p
            || end == NULL)
        {
            return "a PEM block is not one of BEGIN PUBLIC KEY (as written by "
                   "openssl pkey -pubout, openssl x509 -pubkey)";
        }

        end += sizeof(NGX_WEBSOCKET_KEYS_END) - 1;
        length = (size_t) (end - p);

        error = ngx_websocket_keys_public(p, length, alg);

        if (error == NULL) {
            error = ngx_websocket_keys_add(keys, p, length, alg);
        }

        if (error) {
            return error;
        }
    }
}


/*
 * libjwt would tell of such a key only when the first token comes, by refusing
 * it.
 */

static const char *
ngx_websocket_keys_public(const uint8_t *text, size_t size,
    const ngx_websocket_keys_alg_t *alg)
{
    EVP_PKEY    *key;
    const char  *error;

    key = ngx_websocket_keys_read(text, size);

    if (key == NULL) {
        error = "a PEM block is not a public key";

    } else if (EVP_PKEY_id(key) != alg->type) {
        error = "a public key is of another kind than its algorithm";

    } else if (alg->type == EVP_PKEY_RSA && EVP_PKEY_bits(key) < alg->bits) {
        error = "an RSA key has at least 2048 bits";

    } else if (alg->type == EVP_PKEY_EC && EVP_PKEY_bits(key) != alg->bits) {
        error = "a public key is on another curve than its algorithm";

    } else {
        error = NULL;
    }

    EVP_PKEY_free(key);
    ERR_clear_error();

    return error;
}


EVP_PKEY *
ngx_websocket_keys_read(const uint8_t *text, size_t size)
{
    BIO       *bio;
    EVP_PKEY  *key;

    bio = BIO_new_mem_buf(text, (int) size);
    if (bio == NULL) {
        return NULL;
    }

    key = PEM_read_bio_PUBKEY(bio, NULL, ngx_websocket_keys_no_password, NULL);

    BIO_free(bio);

    return key;
}


/* an encrypted block must not ask on the terminal */

static int
ngx_websocket_keys_no_password(char *buf, int size, int writing, void *data)
{
    (void) buf;
    (void) size;
    (void) writing;
    (void) data;

    return -1;
}


static const char *
ngx_websocket_keys_secret(ngx_websocket_keys_t *keys, const uint8_t *text,
    size_t size, const ngx_websocket_keys_alg_t *alg)
{
    if (alg->type != EVP_PKEY_NONE) {
        return "RS256 and the like take a public key in PEM, not a secret";
    }

    /* without a key libjwt takes any token for valid */

    if (size == 0) {
        return "a secret is empty";
    }

    /* a public key as a secret would let anybody sign */

    if (ngx_websocket_keys_seek(text, text + size, NGX_WEBSOCKET_KEYS_BEGIN)) {
        return "HS256, HS384 and HS512 take a secret, not a PEM file";
    }

    if (size < (size_t) alg->bits / 8) {
        keys->weak = 1;
    }

    return ngx_websocket_keys_add(keys, text, size, alg);
}


static const char *
ngx_websocket_keys_add(ngx_websocket_keys_t *keys, const uint8_t *data,
    size_t size, const ngx_websocket_keys_alg_t *alg)
{
    ngx_websocket_key_t  *key;

    if (keys->n == NGX_WEBSOCKET_KEYS_MAX) {
        return "there are more than 16 keys";
    }

    key = &keys->key[keys->n];

    key->data = malloc(size);
    if (key->data == NULL) {
        return NGX_WEBSOCKET_KEYS_NO_MEMORY;
    }

    memcpy(key->data, data, size);

    key->size = size;
    key->alg = alg->alg;

    keys->n++;

    return NULL;
}


static const uint8_t *
ngx_websocket_keys_seek(const uint8_t *p, const uint8_t *last,
    const char *what)
{
    size_t  n;

    n = strlen(what);

    for ( /* void */ ; (size_t) (last - p) >= n; p++) {
        if (memcmp(p, what, n) == 0) {
            return p;
        }
    }

    return NULL;
}


int
ngx_websocket_base64url(uint8_t *dst, const uint8_t *src, size_t n)
{
    size_t       i;
    uint8_t     *p;
    uint32_t     bits;
    const char  *digit;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    p = dst;
    bits = 0;

    for (i = 0; i < n; i++) {

        digit = src[i] ? strchr(digits, src[i]) : NULL;
        if (digit == NULL) {
            return -1;
        }

        bits = bits << 6 | (uint32_t) (digit - digits);

        if (i % 4) {
            *p++ = (uint8_t) (bits >> (6 - 2 * (i % 4)));
        }
    }

    /* bits that are left over make no byte, and must be zeros */

    if (n % 4 == 1
        || (n % 4 == 2 && (bits & 0x0f)) || (n % 4 == 3 && (bits & 0x03)))
    {
        return -1;
    }

    return (int) (p - dst);
}
