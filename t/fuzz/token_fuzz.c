
/*
 * Tokens and keys.  The first byte chooses: the rest is a token as it is,
 * which is valid only if its signature is that of the secret; or it is a
 * header and claims, in JSON with an empty line between, which are signed
 * here and held against a simple account of what is asked of them; or it is
 * a key file.
 */

#include <math.h>

#include <openssl/hmac.h>

#include "fuzz.h"
#include "auth/keys.c"
#include "auth/signature.c"
#include "auth/token.c"


#define SECRET  "a secret of more than 32 bytes, as HS256 wants it"
#define NOW     1700000000
#define LEEWAY  10


static const char  public_key[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEH3NIfXpHGCxpRPXwKkdq3wIJO6MU\n"
    "n6/OVTJEVV5yaN2FObJGEw1w2O3SzifEbXABcFHj/PRBXAAPVqXVOrzpBA==\n"
    "-----END PUBLIC KEY-----\n";

static const ngx_websocket_token_rules_t  rules = {
    .audience = "ws", .leeway = LEEWAY, .expiry = 1
};


/* base64url at the end of text */

static void
append(char *text, const uint8_t *p, size_t n)
{
    char    *q;
    size_t   size;

    q = text + strlen(text);
    size = (size_t) EVP_EncodeBlock((unsigned char *) q, p, (int) n);

    while (size && q[size - 1] == '=') {
        q[--size] = '\0';
    }

    for ( /* void */ ; *q; q++) {
        *q = *q == '+' ? '-' : *q == '/' ? '_' : *q;
    }
}


static void
append_signature(char *text)
{
    unsigned       size;
    unsigned char  signature[EVP_MAX_MD_SIZE];

    HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1, (unsigned char *) text,
         strlen(text), signature, &size);

    strcat(text, ".");
    append(text, signature, size);
}


static void
load(ngx_websocket_keys_t *keys, const char *text, const char *alg)
{
    fuzz_check(ngx_websocket_keys_load(keys, (const uint8_t *) text,
                                       strlen(text), alg)
               == NULL);
}


static void
check_raw(const uint8_t *p, size_t n)
{
    char                    *text, *dot;
    uint8_t                 *copy;
    ngx_websocket_keys_t     keys;
    ngx_websocket_token_e    status;
    ngx_websocket_token_t    token;

    copy = fuzz_copy(p, n);

    load(&keys, SECRET, "HS256");
    status = ngx_websocket_token_verify(&token, &keys, &rules, copy, n, NOW);
    ngx_websocket_keys_free(&keys);

    if (status == NGX_WEBSOCKET_TOKEN_OK) {

        text = calloc(1, n + 64);
        fuzz_check(text != NULL);
        memcpy(text, p, n);

        dot = strrchr(text, '.');
        fuzz_check(dot != NULL);
        *dot = '\0';
        append_signature(text);

        fuzz_check(strlen(text) == n && memcmp(text, p, n) == 0);
        free(text);
        ngx_websocket_token_free(&token);
    }

    fuzz_check(token.grants == NULL);

    load(&keys, public_key, "ES256");
    fuzz_check(ngx_websocket_token_verify(&token, &keys, &rules, copy, n, NOW)
               != NGX_WEBSOCKET_TOKEN_OK);
    ngx_websocket_keys_free(&keys);

    fuzz_check(ERR_peek_error() == 0);
    free(copy);
}


static int
has(json_t *json, const char *name, const char *want)
{
    const char  *value;

    value = json_string_value(json_object_get(json, name));

    return value && strcmp(value, want) == 0;
}


/* not 0 if it is a number and in [from, to], or missing where it may be */

static int
within(json_t *claims, const char *name, double from, double to, int missing)
{
    double   value;
    json_t  *json;

    json = json_object_get(claims, name);

    if (json == NULL) {
        return missing;
    }

    value = json_number_value(json);

    return json_is_number(json) && value >= from && value < to;
}


static int
taken(json_t *type)
{
    size_t  i;

    static const char *const  types[] = {
        "jwt", "application/jwt", "at+jwt", "application/at+jwt"
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcasecmp(json_string_value(type), types[i]) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
named(json_t *claim)
{
    return claim == NULL
           || (json_is_string(claim) && json_string_length(claim) != 0);
}


static int
acceptable(json_t *head, json_t *claims)
{
    int      heard;
    size_t   i;
    json_t  *type, *audience, *one;

    type = json_object_get(head, "typ");
    audience = json_object_get(claims, "aud");
    heard = has(claims, "aud", "ws");

    json_array_foreach(audience, i, one) {
        heard |= json_is_string(one)
                 && strcmp(json_string_value(one), "ws") == 0;
    }

    json_array_foreach(audience, i, one) {
        heard &= json_is_string(one);
    }

    return json_is_object(head) && json_is_object(claims) && heard
           && has(head, "alg", "HS256") && !json_object_get(head, "crit")
           && (type == NULL || (json_is_string(type) && taken(type)))
           && (json_object_get(head, "kid") == NULL
               || json_is_string(json_object_get(head, "kid")))
           && named(json_object_get(claims, "sub"))
           && named(json_object_get(claims, "jti"))
           && (json_object_get(claims, "iss") == NULL
               || json_is_string(json_object_get(claims, "iss")))
           && within(claims, "exp", NOW - LEEWAY + 1, INFINITY, 0)
           && within(claims, "nbf", -INFINITY, NOW + LEEWAY + 1, 1)
           && within(claims, "iat", -INFINITY, NOW + LEEWAY + 1, 1);
}


static void
check_claims(const ngx_websocket_token_t *token)
{
    char        *buf;
    json_t      *claim;
    ssize_t      n;
    const char  *name;

    json_object_foreach(token->grants, name, claim) {

        n = ngx_websocket_token_claim(token, name, strlen(name), NULL, 0);
        fuzz_check(n >= 0 && (n > 0 || json_is_string(claim)));

        buf = malloc((size_t) n + 1);
        fuzz_check(buf != NULL);
        fuzz_check(ngx_websocket_token_claim(token, name, strlen(name), buf,
                                             (size_t) n)
                   == n);

        (void) ngx_websocket_token_has_scope(token, buf, (size_t) n);
        free(buf);
    }
}


static void
check_signed(const uint8_t *p, size_t n)
{
    char                    *text;
    size_t                   i;
    json_t                  *head, *claims;
    ngx_websocket_keys_t     keys;
    ngx_websocket_token_e    status;
    ngx_websocket_token_t    token;

    for (i = 0; i + 1 < n && memcmp(p + i, "\n\n", 2) != 0; i++) {
        /* void */
    }

    if (i + 1 >= n || n > 4096) {
        return;
    }

    text = calloc(1, 8192);
    fuzz_check(text != NULL);

    append(text, p, i);
    strcat(text, ".");
    append(text, p + i + 2, n - i - 2);
    append_signature(text);

    load(&keys, SECRET, "HS256");
    status = ngx_websocket_token_verify(&token, &keys, &rules,
                                        (uint8_t *) text, strlen(text), NOW);
    ngx_websocket_keys_free(&keys);

    head = json_loadb((const char *) p, i, JSON_REJECT_DUPLICATES, NULL);
    claims = json_loadb((const char *) p + i + 2, n - i - 2,
                        JSON_REJECT_DUPLICATES, NULL);

    /* jansson passes over a zero behind a number or a word */

    if (memchr(p, '\0', n)) {
        fuzz_check(status != NGX_WEBSOCKET_TOKEN_OK);

    } else {
        fuzz_check(status != NGX_WEBSOCKET_TOKEN_SIGNATURE);
        fuzz_check((status == NGX_WEBSOCKET_TOKEN_OK)
                   == (acceptable(head, claims) != 0));
    }

    if (status == NGX_WEBSOCKET_TOKEN_OK) {
        check_claims(&token);
        ngx_websocket_token_free(&token);
    }

    json_decref(head);
    json_decref(claims);
    free(text);
}


static void
check_keys(const uint8_t *p, size_t n, const char *alg)
{
    uint8_t               *copy;
    unsigned               i;
    const char            *error;
    ngx_websocket_keys_t   keys;

    copy = fuzz_copy(p, n);
    error = ngx_websocket_keys_load(&keys, copy, n, alg);

    fuzz_check(error || keys.n);

    for (i = 0; error == NULL && i < keys.n; i++) {
        fuzz_check(keys.key[i].data && keys.key[i].size);
        fuzz_check(keys.key[i].alg > JWT_ALG_NONE
                   && keys.key[i].alg < JWT_ALG_TERM);
        fuzz_check(alg == NULL
                   || strcmp(jwt_alg_str(keys.key[i].alg), alg) == 0);
    }

    if (error == NULL) {
        ngx_websocket_keys_free(&keys);
    }

    fuzz_check(ERR_peek_error() == 0);
    free(copy);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const char *const  algs[] = { NULL, "HS256", "RS256", "ES256" };

    if (n == 0) {
        return 0;
    }

    switch (p[0] % 3) {

    case 0:
        check_raw(p + 1, n - 1);
        break;

    case 1:
        check_signed(p + 1, n - 1);
        break;

    default:
        check_keys(p + 1, n - 1, algs[p[0] / 3 % 4]);
    }

    return 0;
}
