
/*
 * Tokens and the keys they are verified with.  The tokens are signed here,
 * with libcrypto and not with libjwt, so that they can be wrong in any way.
 */


#include "unit.h"
#include "auth/keys.c"
#include "auth/signature.c"
#include "auth/token.c"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>


#define SECRET  "a secret of more than 32 bytes, as HS256 wants it"
#define NOW     1700000000

#define HS256   "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"


static EVP_PKEY  *rsa, *p256, *p384, *p521;

static const ngx_websocket_token_rules_t  no_rules;


/* more than a megabyte is too much to ask: the one allocation to fail */

const char *
__asan_default_options(void)
{
    return "allocator_may_return_null=1:max_allocation_size_mb=1";
}


static char *
text_of(const char *format, ...)
{
    char     *text;
    va_list   args;

    text = malloc(16384);

    va_start(args, format);
    vsnprintf(text, 16384, format, args);
    va_end(args);

    return text;
}


/* base64url of n bytes, at the end of text */

static void
append(char *text, const void *data, size_t n)
{
    char    *p;
    size_t   size;

    p = text + strlen(text);
    size = (size_t) EVP_EncodeBlock((unsigned char *) p, data, (int) n);

    while (size && p[size - 1] == '=') {
        p[--size] = '\0';
    }

    for ( /* void */ ; *p; p++) {
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    }
}


static const EVP_MD *
digest(const char *alg)
{
    return alg[2] == '2' ? EVP_sha256() : alg[2] == '3' ? EVP_sha384()
                                                        : EVP_sha512();
}


/* the signature of a text, as JWS wants it: for ES both numbers in full */

static size_t
sign(unsigned char *signature, EVP_PKEY *key, const char *alg,
    const char *text)
{
    int                   half;
    size_t                n;
    EVP_MD_CTX           *ctx;
    ECDSA_SIG            *pair;
    const unsigned char  *p;
    unsigned char         der[1024];

    n = sizeof(der);
    ctx = EVP_MD_CTX_new();

    if (EVP_DigestSignInit(ctx, NULL, digest(alg), NULL, key) != 1
        || EVP_DigestSign(ctx, der, &n, (const unsigned char *) text,
                          strlen(text))
           != 1)
    {
        exit(1);
    }

    EVP_MD_CTX_free(ctx);
    memcpy(signature, der, n);

    if (EVP_PKEY_id(key) == EVP_PKEY_EC) {
        p = der;
        half = (EVP_PKEY_bits(key) + 7) / 8;
        pair = d2i_ECDSA_SIG(NULL, &p, (long) n);
        BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, half);
        BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + half, half);
        ECDSA_SIG_free(pair);
        n = 2 * (size_t) half;
    }

    return n;
}


/* a token, signed with a key, or with the secret when key is NULL */

static char *
token_of(const char *head, const char *body, const char *alg, EVP_PKEY *key,
    const char *secret)
{
    char           *text;
    size_t          n;
    unsigned        size;
    unsigned char   signature[1024];

    text = calloc(1, 16384);

    append(text, head, strlen(head));
    strcat(text, ".");
    append(text, body, strlen(body));

    if (key) {
        n = sign(signature, key, alg, text);

    } else {
        HMAC(digest(alg), secret, (int) strlen(secret),
             (unsigned char *) text, strlen(text), signature, &size);
        n = size;
    }

    strcat(text, ".");
    append(text, signature, n);

    return text;
}


static char *
hs256(const char *head, const char *body)
{
    return token_of(head, body, "HS256", NULL, SECRET);
}


static ngx_websocket_token_e
verify_for(const ngx_websocket_keys_t *keys, const char *text,
    const ngx_websocket_token_rules_t *rules)
{
    size_t                   n;
    uint8_t                 *copy;
    ngx_websocket_token_e    status;
    ngx_websocket_token_t    token;

    n = strlen(text);
    copy = unit_guarded(n);
    memcpy(copy, text, n);

    status = ngx_websocket_token_verify(&token, keys, rules, copy, n, NOW);

    if (status == NGX_WEBSOCKET_TOKEN_OK) {
        ngx_websocket_token_free(&token);

    } else if (token.grants) {
        unit_ok(0, "nothing is left of a token that is refused");
    }

    if (ERR_peek_error()) {
        unit_ok(0, "no error is left to OpenSSL");
        ERR_clear_error();
    }

    unit_unguard(copy, n);

    return status;
}


/* frees the text */

static void
is(ngx_websocket_token_e want, const ngx_websocket_keys_t *keys, char *text,
    const ngx_websocket_token_rules_t *rules, const char *what)
{
    ngx_websocket_token_e  status;

    status = verify_for(keys, text, rules);

    unit_ok(status == want, "%s: %s", what, ngx_websocket_token_text(status));

    free(text);
}


static const char *
load(ngx_websocket_keys_t *keys, const char *text, const char *alg)
{
    size_t       n;
    uint8_t     *copy;
    const char  *error;

    n = strlen(text);
    copy = unit_guarded(n);
    memcpy(copy, text, n);

    error = ngx_websocket_keys_load(keys, copy, n, alg);

    unit_unguard(copy, n);

    return error;
}


static void
must_load(ngx_websocket_keys_t *keys, char *text, const char *alg)
{
    const char  *error;

    error = load(keys, text, alg);

    if (error) {
        unit_ok(0, "the keys are loaded: %s", error);
        exit(1);
    }

    free(text);
}


static char *
pem_of(EVP_PKEY *key)
{
    BIO   *bio;
    long   n;
    char  *text, *data;

    bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    n = BIO_get_mem_data(bio, &data);

    text = text_of("%.*s", (int) n, data);
    BIO_free(bio);

    return text;
}


/* a PEM block inside of JSON */

static char *
escaped_pem(EVP_PKEY *key)
{
    char  *text, *pem, *from, *to;

    pem = pem_of(key);
    text = calloc(1, 16384);

    for (from = pem, to = text; *from; from++) {
        if (*from == '\n') {
            *to++ = '\\';
            *to++ = 'n';

        } else {
            *to++ = *from;
        }
    }

    free(pem);

    return text;
}


/* RFC 4648, section 10, without padding, and what no encoder writes */

static void
test_base64url(void)
{
    int      n;
    size_t   i;
    uint8_t  *src, dst[8];

    static const struct {
        const char  *text;
        const char  *bytes;           /* NULL: wrong */
    } cases[] = {
        { "", "" }, { "Zg", "f" }, { "Zm8", "fo" }, { "Zm9v", "foo" },
        { "Zm9vYg", "foob" }, { "Zm9vYmE", "fooba" }, { "_-8", "\xff\xef" },
        { "Zh", NULL }, { "Zm9", NULL }, { "Z", NULL }, { "A", NULL },
        { "Zm9vA", NULL }, { "Zg==", NULL }, { "/+8", NULL }, { "Z g", NULL },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        n = (int) strlen(cases[i].text);
        src = unit_guarded((size_t) n);
        memcpy(src, cases[i].text, (size_t) n);

        n = ngx_websocket_base64url(dst, src, (size_t) n);

        unit_ok(cases[i].bytes == NULL
                ? n == -1
                : n == (int) strlen(cases[i].bytes)
                  && memcmp(dst, cases[i].bytes, (size_t) n) == 0,
                "base64url \"%s\": %d", cases[i].text, n);

        unit_unguard(src, strlen(cases[i].text));
    }
}


/* RFC 7515, appendix A.1 */

static void
test_rfc7515(void)
{
    ngx_websocket_keys_t          keys;
    ngx_websocket_token_t         token;
    ngx_websocket_token_rules_t   rules = { .issuer = "joe", .expiry = 1 };

    static const char  text[] =
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
        ".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    must_load(&keys, text_of("{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\","
                             "\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJ"
                             "QLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CA"
                             "ow\"}]}"), NULL);

    unit_ok(!keys.weak, "RFC 7515, A.1: the key is long enough");

    unit_ok(ngx_websocket_token_verify(&token, &keys, &rules,
                                       (uint8_t *) text, sizeof(text) - 1,
                                       1300819379)
            == NGX_WEBSOCKET_TOKEN_OK, "RFC 7515, A.1: the token is valid");

    unit_ok(token.expires == 1300819380 && token.subject == NULL,
            "RFC 7515, A.1: when it expires");

    ngx_websocket_token_free(&token);

    unit_ok(ngx_websocket_token_verify(&token, &keys, &rules,
                                       (uint8_t *) text, sizeof(text) - 1,
                                       1300819380)
            == NGX_WEBSOCKET_TOKEN_EXPIRED, "RFC 7515, A.1: it has expired");

    ngx_websocket_keys_free(&keys);
}


/* each algorithm, and each with the signature of another key or algorithm */

static void
test_algorithms(void)
{
    int                    i, k;
    char                  *head;
    ngx_websocket_keys_t   keys;

    const struct {
        const char        *name;
        EVP_PKEY          *key;
    } algs[] = {
        { "HS256", NULL }, { "HS384", NULL }, { "HS512", NULL },
        { "RS256", rsa }, { "RS384", rsa }, { "RS512", rsa },
        { "ES256", p256 }, { "ES384", p384 }, { "ES512", p521 }
    };

    for (i = 0; i < 9; i++) {

        must_load(&keys, algs[i].key ? pem_of(algs[i].key) : text_of(SECRET),
                  algs[i].name);

        for (k = 0; k < 18; k++) {
            head = text_of("{\"alg\":\"%s\"%s}", algs[k % 9].name,
                           k < 9 ? "" : ",\"typ\":\"at+jwt\"");

            is(i == k % 9 ? NGX_WEBSOCKET_TOKEN_OK
                      : NGX_WEBSOCKET_TOKEN_ALGORITHM, &keys,
               token_of(head, "{}", algs[k % 9].name, algs[k % 9].key, SECRET),
               &no_rules, algs[i].name);

            free(head);
        }

        /* says the right thing and is signed with another */

        k = (i + 3) % 9;

        head = text_of("{\"alg\":\"%s\"}", algs[i].name);
        is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys,
           token_of(head, "{}", algs[k].name, algs[k].key, SECRET),
           &no_rules, "another signature");
        free(head);

        head = text_of("{\"alg\":\"%s\",\"typ\":\"at+jwt\"}", algs[i].name);
        is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys,
           token_of(head, "{}", algs[k].name, algs[k].key, SECRET),
           &no_rules, "another signature, of an access token");
        free(head);

        ngx_websocket_keys_free(&keys);
    }
}


static void
test_confusion(void)
{
    char                  *pem;
    ngx_websocket_keys_t   keys, wrong;

    static const char *const  none[] = { "none", "None", "NONE", "nOnE", "",
                                         "HS256 ", "hs256", "PS256" };

    pem = pem_of(rsa);
    must_load(&keys, strdup(pem), "RS256");

    is(NGX_WEBSOCKET_TOKEN_ALGORITHM, &keys,
       token_of(HS256, "{}", "HS256", NULL, pem), &no_rules,
       "the public key is no secret");

    is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys,
       token_of("{\"alg\":\"RS256\"}", "{}", "HS256", NULL, pem), &no_rules,
       "nor is it under the other name");

    unit_ok(load(&wrong, pem, "HS256") != NULL,
            "a public key is not loaded as a secret");

    free(pem);
    ngx_websocket_keys_free(&keys);
    must_load(&keys, text_of(SECRET), "HS256");

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        pem = text_of("{\"alg\":\"%s\"}", none[i]);

        is(NGX_WEBSOCKET_TOKEN_ALGORITHM, &keys, hs256(pem, "{}"), &no_rules,
           pem);

        free(pem);
    }

    is(NGX_WEBSOCKET_TOKEN_MALFORMED, &keys,
       text_of("eyJhbGciOiJub25lIn0.e30."), &no_rules, "none, not signed");

    is(NGX_WEBSOCKET_TOKEN_ALGORITHM, &keys,
       text_of("eyJhbGciOiJub25lIn0.e30.AA"), &no_rules, "none, as if signed");

    ngx_websocket_keys_free(&keys);
}


static void
test_head(void)
{
    size_t                 i;
    ngx_websocket_keys_t   keys;

    static const struct {
        const char             *head;
        ngx_websocket_token_e   status;
    } cases[] = {
        { HS256, NGX_WEBSOCKET_TOKEN_OK },
        { "{\"alg\":\"HS256\"}", NGX_WEBSOCKET_TOKEN_OK },
        { " { \"typ\":\"jwt\", \"alg\":\"HS256\" } ", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"alg\":\"HS256\",\"kid\":\"any\"}", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"application/JWT\"}",
          NGX_WEBSOCKET_TOKEN_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"Application/AT+jwt\"}",
          NGX_WEBSOCKET_TOKEN_OK },
        { "{\"alg\":\"HS256\",\"typ\":\"\"}", NGX_WEBSOCKET_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"JWE\"}", NGX_WEBSOCKET_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"at+jwt \"}",
          NGX_WEBSOCKET_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"logout+jwt\"}",
          NGX_WEBSOCKET_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"text/at+jwt\"}",
          NGX_WEBSOCKET_TOKEN_TYPE },
        { "{\"alg\":\"HS256\",\"typ\":\"application/application/jwt\"}",
          NGX_WEBSOCKET_TOKEN_TYPE },
        { "{\"alg\":\"none\",\"typ\":\"at+jwt\"}",
          NGX_WEBSOCKET_TOKEN_ALGORITHM },
        { "{\"alg\":\"HS256\",\"typ\":1}", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"alg\":\"HS256\",\"kid\":1}", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"alg\":\"HS256\",\"crit\":[\"exp\"]}",
          NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"alg\":\"none\",\"alg\":\"HS256\"}",
          NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"alg\":\"HS256\",\"alg\":\"HS256\"}",
          NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{}", NGX_WEBSOCKET_TOKEN_ALGORITHM },
        { "{\"alg\":null}", NGX_WEBSOCKET_TOKEN_ALGORITHM },
        { "{\"alg\":[\"HS256\"]}", NGX_WEBSOCKET_TOKEN_ALGORITHM },
        { "[\"alg\",\"HS256\"]", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "\"HS256\"", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"alg\":\"HS256\"", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"alg\":\"HS256\"}x", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "", NGX_WEBSOCKET_TOKEN_MALFORMED },
    };

    must_load(&keys, text_of(SECRET), "HS256");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is(cases[i].status, &keys, hs256(cases[i].head, "{}"), &no_rules,
           cases[i].head);
    }

    ngx_websocket_keys_free(&keys);
}


static void
test_type(void)
{
    ngx_websocket_keys_t          keys;
    ngx_websocket_token_rules_t   rules = { .type = "at+jwt" };

    static const char  access[] = "{\"alg\":\"HS256\",\"typ\":\"AT+JWT\"}";

    must_load(&keys, text_of(SECRET), "HS256");

    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(access, "{}"), &rules,
       "an access token, as asked for");
    is(NGX_WEBSOCKET_TOKEN_TYPE, &keys, hs256(HS256, "{}"), &rules,
       "another type than was asked for");
    is(NGX_WEBSOCKET_TOKEN_TYPE, &keys, hs256("{\"alg\":\"HS256\"}", "{}"),
       &rules, "no type");

    rules.type = "JWT";

    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(HS256, "{}"), &rules,
       "a JWT, as asked for");
    is(NGX_WEBSOCKET_TOKEN_TYPE, &keys, hs256(access, "{}"), &rules,
       "an access token, not asked for");

    ngx_websocket_keys_free(&keys);
}


/* of a token without a kid: keys cost up to half a millisecond each */

static void
test_tries(void)
{
    char                  *pem, *text;
    unsigned               i;
    EVP_PKEY              *key[NGX_WEBSOCKET_TOKEN_TRIES + 1];
    ngx_websocket_keys_t   keys;

    static const char  head[] = "{\"alg\":\"ES512\"}";

    text = calloc(1, 16384);

    for (i = 0; i <= NGX_WEBSOCKET_TOKEN_TRIES; i++) {
        key[i] = EVP_EC_gen("P-521");
        pem = pem_of(key[i]);
        strcat(text, pem);
        free(pem);
    }

    must_load(&keys, text, "ES512");

    is(NGX_WEBSOCKET_TOKEN_OK, &keys,
       token_of(head, "{}", "ES512", key[i - 2], NULL), &no_rules,
       "the last key that is tried");
    is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys,
       token_of(head, "{}", "ES512", key[i - 1], NULL), &no_rules,
       "one more is not tried");

    for (i = 0; i <= NGX_WEBSOCKET_TOKEN_TRIES; i++) {
        EVP_PKEY_free(key[i]);
    }

    ngx_websocket_keys_free(&keys);
}


static void
test_times(void)
{
    size_t                        i;
    ngx_websocket_keys_t          keys;
    ngx_websocket_token_rules_t   rules = { .leeway = 10 };

    static const struct {
        const char             *body;
        ngx_websocket_token_e   status;
    } cases[] = {
        { "{\"exp\":1700000001}", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"exp\":1699999991}", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"exp\":1699999991.5}", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"exp\":1699999990}", NGX_WEBSOCKET_TOKEN_EXPIRED },
        { "{\"exp\":1699999990.9}", NGX_WEBSOCKET_TOKEN_EXPIRED },
        { "{\"exp\":0}", NGX_WEBSOCKET_TOKEN_EXPIRED },
        { "{\"exp\":-1}", NGX_WEBSOCKET_TOKEN_EXPIRED },
        { "{\"exp\":-9223372036854775808}", NGX_WEBSOCKET_TOKEN_EXPIRED },
        { "{\"exp\":-1e300}", NGX_WEBSOCKET_TOKEN_EXPIRED },
        { "{\"exp\":9223372036854775807}", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"exp\":1e300}", NGX_WEBSOCKET_TOKEN_OK },
        { "{\"exp\":\"1800000000\"}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"exp\":null}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"exp\":true}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"exp\":1e999}", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"exp\":92233720368547758080}", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"exp\":1800000000,\"exp\":1}", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"nbf\":1700000010,\"iat\":1700000010}",
          NGX_WEBSOCKET_TOKEN_OK },
        { "{\"nbf\":1700000011}", NGX_WEBSOCKET_TOKEN_NOT_YET },
        { "{\"iat\":1700000011}", NGX_WEBSOCKET_TOKEN_NOT_YET },
        { "{\"nbf\":1e300}", NGX_WEBSOCKET_TOKEN_NOT_YET },
        { "{\"nbf\":\"0\"}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"iat\":{}}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"sub\":7}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "[]", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"sub\":\"a\\u0000b\"}", NGX_WEBSOCKET_TOKEN_MALFORMED },
        { "{\"sub\":\"\xff\"}", NGX_WEBSOCKET_TOKEN_MALFORMED },
    };

    must_load(&keys, text_of(SECRET), "HS256");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is(cases[i].status, &keys, hs256(HS256, cases[i].body), &rules,
           cases[i].body);
    }

    rules.expiry = 1;

    is(NGX_WEBSOCKET_TOKEN_NO_EXPIRY, &keys, hs256(HS256, "{}"), &rules,
       "exp is missing");
    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(HS256, "{\"exp\":1700000001}"),
       &rules, "exp is not missing");

    /* the age, with the leeway */

    rules.expiry = 0;
    rules.max_age = 60;

    is(NGX_WEBSOCKET_TOKEN_NO_AGE, &keys,
       hs256(HS256, "{\"exp\":1700000001}"), &rules, "iat is missing");
    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(HS256, "{\"iat\":1699999931}"),
       &rules, "as old as may be");
    is(NGX_WEBSOCKET_TOKEN_EXPIRED, &keys,
       hs256(HS256, "{\"iat\":1699999930,\"exp\":1800000000}"), &rules,
       "too old, whatever exp says");
    is(NGX_WEBSOCKET_TOKEN_EXPIRED, &keys,
       hs256(HS256, "{\"iat\":1699999999,\"exp\":1699999990}"), &rules,
       "an exp that is earlier");

    ngx_websocket_keys_free(&keys);
}


/* RFC 7519, section 4.1: of what type the registered claims are */

static void
test_registered(void)
{
    size_t                 i;
    ngx_websocket_keys_t   keys;

    static const struct {
        const char             *body;
        ngx_websocket_token_e   status;
    } cases[] = {
        { "{\"sub\":\"a\",\"jti\":\"7\",\"iss\":\"\",\"aud\":[]}",
          NGX_WEBSOCKET_TOKEN_OK },
        { "{\"sub\":\"\"}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"sub\":null}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"jti\":7}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"jti\":7.5}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"jti\":true}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"jti\":null}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"jti\":[\"7\"]}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"jti\":{}}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"jti\":\"\"}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"iss\":1}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"aud\":1}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"aud\":null}", NGX_WEBSOCKET_TOKEN_CLAIM },
        { "{\"aud\":[\"a\",1]}", NGX_WEBSOCKET_TOKEN_CLAIM },
    };

    must_load(&keys, text_of(SECRET), "HS256");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is(cases[i].status, &keys, hs256(HS256, cases[i].body), &no_rules,
           cases[i].body);
    }

    ngx_websocket_keys_free(&keys);
}


/* what is revoked is what may have been issued before, by any clock */

static void
test_issued(void)
{
    char                         *text;
    size_t                        i;
    ngx_websocket_keys_t          keys;
    ngx_websocket_token_t         token;
    ngx_websocket_token_rules_t   rules = { .leeway = 60 };

    static const struct {
        const char  *body;
        int64_t      issued;
    } cases[] = {
        { "{\"iat\":1700000030}", 1699999970 },
        { "{\"iat\":1700000000.9}", 1699999940 },
        { "{\"iat\":59}", 0 }, { "{\"iat\":-5}", 0 },
        { "{\"iat\":-1e300}", 0 }, { "{}", 0 },
    };

    must_load(&keys, text_of(SECRET), "HS256");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        text = hs256(HS256, cases[i].body);

        unit_ok(ngx_websocket_token_verify(&token, &keys, &rules,
                                           (uint8_t *) text, strlen(text), NOW)
                == NGX_WEBSOCKET_TOKEN_OK && token.issued == cases[i].issued,
                "%s: issued at %ld", cases[i].body, (long) token.issued);

        ngx_websocket_token_free(&token);
        free(text);
    }

    ngx_websocket_keys_free(&keys);
}


static void
test_parties(void)
{
    ngx_websocket_keys_t          keys;
    ngx_websocket_token_rules_t   rules = { .issuer = "idp" };

    must_load(&keys, text_of(SECRET), "HS256");

    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(HS256, "{\"iss\":\"idp\"}"),
       &rules, "the issuer");
    is(NGX_WEBSOCKET_TOKEN_ISSUER, &keys, hs256(HS256, "{\"iss\":\"IDP\"}"),
       &rules, "another issuer");
    is(NGX_WEBSOCKET_TOKEN_CLAIM, &keys, hs256(HS256, "{\"iss\":[\"idp\"]}"),
       &rules, "an issuer in a list");
    is(NGX_WEBSOCKET_TOKEN_ISSUER, &keys, hs256(HS256, "{}"), &rules,
       "no issuer");

    rules.issuer = NULL;
    rules.audience = "ws";

    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(HS256, "{\"aud\":\"ws\"}"),
       &rules, "the audience");
    is(NGX_WEBSOCKET_TOKEN_OK, &keys,
       hs256(HS256, "{\"aud\":[\"1\",\"api\",\"ws\"]}"), &rules,
       "the audience in a list");
    is(NGX_WEBSOCKET_TOKEN_AUDIENCE, &keys,
       hs256(HS256, "{\"aud\":\"ws \"}"), &rules, "another audience");
    is(NGX_WEBSOCKET_TOKEN_AUDIENCE, &keys,
       hs256(HS256, "{\"aud\":[\"api\",\"\"]}"), &rules, "others in a list");
    is(NGX_WEBSOCKET_TOKEN_CLAIM, &keys,
       hs256(HS256, "{\"aud\":{\"ws\":\"ws\"}}"), &rules, "an object");
    is(NGX_WEBSOCKET_TOKEN_AUDIENCE, &keys, hs256(HS256, "{}"), &rules,
       "no audience");

    ngx_websocket_keys_free(&keys);
}


/* each letter exchanged, each beginning, and letters that are too many */

static void
test_forged(const char *head)
{
    char                  *text, was;
    size_t                 i, n, passed;
    ngx_websocket_keys_t   keys;

    must_load(&keys, text_of(SECRET), "HS256");
    text = hs256(head, "{\"sub\":\"u\",\"exp\":1800000000}");
    n = strlen(text);
    passed = 0;

    for (i = 0; i < n; i++) {
        was = text[i];

        for (const char *c = "AQgwBRhxZ_-9.=+/ \n"; *c; c++) {
            text[i] = *c;
            passed += *c != was
                      && !verify_for(&keys, text, &no_rules);
        }

        text[i] = '\0';
        passed += !verify_for(&keys, text, &no_rules);
        text[i] = was;
    }

    unit_ok(passed == 0, "no other letters: %d pass", (int) passed);
    unit_ok(verify_for(&keys, text, &no_rules) == NGX_WEBSOCKET_TOKEN_OK,
            "but these");

    for (const char *c = "A.=+ "; *c; c++) {
        text[n] = *c;
        text[n + 1] = '\0';
        passed += !verify_for(&keys, text, &no_rules);
    }

    unit_ok(passed == 0, "nothing after the signature");

    free(text);
    ngx_websocket_keys_free(&keys);
}


static void
test_size(void)
{
    char                  *body, *text;
    ngx_websocket_keys_t   keys;
    ngx_websocket_token_t  token;

    must_load(&keys, text_of(SECRET), "HS256");

    body = text_of("{\"sub\":\"%06085d\"}", 0);
    text = hs256("{\"alg\":\"HS256\"}", body);

    unit_ok(strlen(text) == NGX_WEBSOCKET_TOKEN_SIZE, "the longest token");
    is(NGX_WEBSOCKET_TOKEN_OK, &keys, text, &no_rules, "it is valid");
    free(body);

    body = text_of("{\"sub\":\"%06086d\"}", 0);

    is(NGX_WEBSOCKET_TOKEN_MALFORMED, &keys,
       hs256("{\"alg\":\"HS256\"}", body), &no_rules, "a longer one is not");
    free(body);

    unit_ok(ngx_websocket_token_verify(&token, &keys, &no_rules, NULL, 0, NOW)
            == NGX_WEBSOCKET_TOKEN_MALFORMED, "nothing is not a token");

    body = calloc(1, 4001);
    memset(body, '[', 4000);
    is(NGX_WEBSOCKET_TOKEN_MALFORMED, &keys, hs256(HS256, body), &no_rules,
       "4000 arrays as claims");
    is(NGX_WEBSOCKET_TOKEN_MALFORMED, &keys, hs256(body, "{}"), &no_rules,
       "4000 arrays as a header");
    free(body);

    ngx_websocket_keys_free(&keys);
}


/* without memory for its copy of the key libjwt 1.10 says that all is well */

static void
test_no_memory(void)
{
    ngx_websocket_keys_t  keys;

    memset(&keys, 0, sizeof(keys));

    keys.n = 1;
    keys.key[0].alg = JWT_ALG_HS256;
    keys.key[0].size = 2 << 20;
    keys.key[0].data = mmap(NULL, keys.key[0].size, PROT_READ,
                            MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    is(NGX_WEBSOCKET_TOKEN_NO_MEMORY, &keys, hs256(HS256, "{}"), &no_rules,
       "no memory for a key");

    munmap(keys.key[0].data, keys.key[0].size);
}


static void
test_kid(void)
{
    char                  *pem;
    ngx_websocket_keys_t   keys;

    pem = escaped_pem(p256);

    must_load(&keys, text_of(
        "{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS256\",\"secret\":\"one\"},"
        "{\"kid\":\"b\",\"alg\":\"HS256\",\"secret\":\"" SECRET "\","
        "\"use\":\"sig\"},"
        "{\"kid\":\"e\",\"alg\":\"ES256\",\"pem\":\"%s\"}]}", pem), NULL);

    free(pem);

    unit_ok(keys.weak, "a short secret is seen");

    is(NGX_WEBSOCKET_TOKEN_OK, &keys,
       hs256("{\"alg\":\"HS256\",\"kid\":\"b\"}", "{}"), &no_rules,
       "the key of the kid");
    is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys,
       hs256("{\"alg\":\"HS256\",\"kid\":\"a\"}", "{}"), &no_rules,
       "another key's kid");
    is(NGX_WEBSOCKET_TOKEN_ALGORITHM, &keys,
       hs256("{\"alg\":\"HS256\",\"kid\":\"e\"}", "{}"), &no_rules,
       "the kid of a key of another algorithm");
    is(NGX_WEBSOCKET_TOKEN_KEY, &keys,
       hs256("{\"alg\":\"HS256\",\"kid\":\"c\"}", "{}"), &no_rules,
       "a kid that is not known");
    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(HS256, "{}"), &no_rules,
       "no kid: all keys of the algorithm");
    is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys,
       token_of(HS256, "{}", "HS256", NULL, "two"), &no_rules,
       "no kid, and none of the keys");
    is(NGX_WEBSOCKET_TOKEN_OK, &keys,
       token_of("{\"alg\":\"ES256\",\"kid\":\"e\"}", "{}", "ES256", p256,
                NULL), &no_rules, "a PEM key of the kid");

    ngx_websocket_keys_free(&keys);

    must_load(&keys, text_of(
        "{\"keys\":[{\"alg\":\"HS256\",\"secret\":\"" SECRET "\"},"
        "{\"kid\":\"a\",\"secret\":\"one\"}]}"), "HS256");

    is(NGX_WEBSOCKET_TOKEN_OK, &keys,
       hs256("{\"alg\":\"HS256\",\"kid\":\"c\"}", "{}"), &no_rules,
       "a key without a kid is for all that are not known");
    is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys,
       hs256("{\"alg\":\"HS256\",\"kid\":\"a\"}", "{}"), &no_rules,
       "and not for those that are");

    ngx_websocket_keys_free(&keys);
}


static void
wrong_keys(const char *text, const char *alg, unsigned n, const char *part)
{
    const char            *error;
    ngx_websocket_keys_t   keys;

    error = load(&keys, text, alg);

    unit_ok(error && strstr(error, part) && keys.n == n,
            "no keys: %s", error ? error : "loaded");

    unit_ok(ERR_peek_error() == 0, "no error is left to OpenSSL");
}


static void
test_wrong_keys(void)
{
    char  *pem, *more;

    wrong_keys("", "HS256", 0, "empty");
    wrong_keys("\n", "HS256", 0, "empty");
    wrong_keys("secret", NULL, 0, "algorithm");
    wrong_keys("secret", "none", 0, "algorithm");
    wrong_keys("secret", "hs256", 0, "algorithm");
    wrong_keys("secret", "RS256", 0, "PEM");
    wrong_keys("{\"keys\":[]}", NULL, 0, "list");
    wrong_keys("{\"keys\":{}}", NULL, 0, "list");
    wrong_keys(" {\"keys\":", NULL, 0, "JSON");
    wrong_keys("{\"keys\":[1]}", NULL, 0, "object");
    wrong_keys("{\"keys\":[{\"alg\":\"HS256\"}]}", NULL, 0, "one of");
    wrong_keys("{\"keys\":[{\"secret\":\"s\"}]}", NULL, 0, "algorithm");
    wrong_keys("{\"keys\":[{\"alg\":\"none\",\"secret\":\"s\"}]}", NULL, 0,
               "algorithm");
    wrong_keys("{\"keys\":[{\"alg\":\"HS256\",\"secret\":\"\"}]}", NULL, 0,
               "empty");
    wrong_keys("{\"keys\":[{\"alg\":\"HS256\",\"k\":\"\"}]}", NULL, 0,
               "empty");
    wrong_keys("{\"keys\":[{\"alg\":\"HS256\",\"k\":\"ab==\"}]}", NULL, 0,
               "base64url");
    wrong_keys("{\"keys\":[{\"alg\":\"HS256\",\"k\":\"s\",\"secret\":\"s\"}]}",
               NULL, 0, "one of");
    wrong_keys("{\"keys\":[{\"alg\":\"HS256\",\"secret\":\"s\"}]}", "HS512",
               0, "asked for");
    wrong_keys("{\"keys\":[{\"alg\":7,\"secret\":\"s\"}]}", "HS512", 0,
               "asked for");
    wrong_keys("{\"keys\":[{\"secret\":\"s\",\"use\":\"enc\"}]}", "HS256", 0,
               "use");
    wrong_keys("{\"keys\":[{\"secret\":\"s\",\"kid\":1}]}", "HS256", 0,
               "kid");
    wrong_keys("{\"keys\":[{\"secret\":\"s\",\"kid\":\"a\"},"
               "{\"secret\":\"t\",\"kid\":\"a\"}]}", "HS256", 1, "same");
    wrong_keys("{\"keys\":[{\"secret\":\"s\",\"secret\":\"t\"}]}", "HS256",
               0, "JSON");
    wrong_keys("{\"keys\":[{\"secret\":\"-----BEGIN PUBLIC KEY-----\"}]}",
               "HS256", 0, "PEM");
    wrong_keys("{\"keys\":[{\"pem\":\"s\"}]}", "RS256", 0, "one public");

    wrong_keys("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
               "RS256", 0, "not one of");
    wrong_keys("-----BEGIN PUBLIC KEY-----\n", "RS256", 0, "not one of");
    wrong_keys("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
               "RS256", 0, "not a public key");
    wrong_keys("-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
               "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
               "AAAA\n-----END PUBLIC KEY-----\n", "RS256", 0,
               "not a public key");

    pem = pem_of(p384);
    wrong_keys(pem, "ES256", 0, "curve");
    wrong_keys(pem, "RS256", 0, "kind");

    more = pem_of(rsa);
    strcat(more, pem);
    wrong_keys(more, "ES384", 0, "kind");
    wrong_keys(more, "RS256", 1, "kind");
    free(pem);
    free(more);

    more = escaped_pem(p256);
    pem = text_of("{\"keys\":[{\"alg\":\"ES256\",\"pem\":\"%s%s\"}]}", more,
                  more);
    wrong_keys(pem, NULL, 2, "one public");
    free(pem);
    free(more);
}


static void
test_more_keys(void)
{
    int                    i;
    char                  *text, *pem;
    EVP_PKEY              *small, *other;
    ngx_websocket_keys_t   keys;

    small = EVP_RSA_gen(1024);
    pem = pem_of(small);
    wrong_keys(pem, "RS256", 0, "2048");
    free(pem);
    EVP_PKEY_free(small);

    other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    text = text_of("old and new:\n");

    for (i = 0; i < 17; i++) {
        pem = pem_of(i % 2 ? p256 : other);
        strcat(text, pem);
        free(pem);

        if (i == 1) {
            must_load(&keys, strdup(text), "ES256");

            unit_ok(keys.n == 2, "several PEM blocks");
            is(NGX_WEBSOCKET_TOKEN_OK, &keys,
               token_of("{\"alg\":\"ES256\",\"kid\":\"x\"}", "{}", "ES256",
                        p256, NULL), &no_rules, "the second of two keys");

            ngx_websocket_keys_free(&keys);
        }
    }

    wrong_keys(text, "ES256", 16, "16");
    free(text);
    EVP_PKEY_free(other);

    text = text_of("{\"keys\":[{\"secret\":\"s\"}");

    for (i = 0; i < 15; i++) {
        strcat(text, ",{\"secret\":\"s\"}");
    }

    strcat(text, ",{\"secret\":\"s\",\"kid\":\"a\"}]}");
    wrong_keys(text, "HS256", 16, "16");
    free(text);

    text = malloc(NGX_WEBSOCKET_KEYS_SIZE + 2);
    memset(text, 's', NGX_WEBSOCKET_KEYS_SIZE + 1);
    text[NGX_WEBSOCKET_KEYS_SIZE + 1] = '\0';
    wrong_keys(text, "HS256", 0, "64k");
    free(text);

    must_load(&keys, text_of(SECRET "\r\n"), "HS256");
    is(NGX_WEBSOCKET_TOKEN_OK, &keys, hs256(HS256, "{}"), &no_rules,
       "the end of the line is not in the secret");
    ngx_websocket_keys_free(&keys);

    must_load(&keys, text_of(SECRET "\n\n"), "HS256");
    is(NGX_WEBSOCKET_TOKEN_SIGNATURE, &keys, hs256(HS256, "{}"), &no_rules,
       "a second one is");
    ngx_websocket_keys_free(&keys);
}


static void
claim_is(const ngx_websocket_token_t *token, const char *name,
    const char *want)
{
    char     *buf;
    ssize_t   n, again;

    n = ngx_websocket_token_claim(token, name, strlen(name), NULL, 0);

    if (want == NULL) {
        unit_ok(n == -1, "no claim \"%s\"", name);
        return;
    }

    buf = malloc(n > 0 ? (size_t) n : 1);
    again = ngx_websocket_token_claim(token, name, strlen(name), buf,
                                      n > 0 ? (size_t) n : 0);

    unit_ok(n == (ssize_t) strlen(want) && again == n
            && memcmp(buf, want, strlen(want)) == 0, "%s: %s", name, want);

    free(buf);
}


static void
test_claims(void)
{
    char                   *text;
    ngx_websocket_keys_t    keys;
    ngx_websocket_token_t   token;

    must_load(&keys, text_of(SECRET), "HS256");

    text = hs256(HS256, "{\"sub\":\"u \\\"1\\\" \\u00e9\",\"n\":-7,\"e\":\"\","
                        "\"r\":0.1,\"t\":true,\"f\":false,\"z\":null,"
                        "\"l\":[1, \"a\"],\"o\":{\"b\":1,\"a\":{}}}");

    unit_ok(ngx_websocket_token_verify(&token, &keys, &no_rules,
                                       (uint8_t *) text, strlen(text), NOW)
            == NGX_WEBSOCKET_TOKEN_OK, "a token with claims");

    free(text);
    ngx_websocket_keys_free(&keys);

    unit_ok(strcmp(token.subject, "u \"1\" \xc3\xa9") == 0, "the subject");
    unit_ok(token.expires == NGX_WEBSOCKET_TOKEN_NEVER, "it never expires");

    claim_is(&token, "sub", "u \"1\" \xc3\xa9");
    claim_is(&token, "e", "");
    claim_is(&token, "n", "-7");
    claim_is(&token, "r", "0.1");
    claim_is(&token, "t", "true");
    claim_is(&token, "f", "false");
    claim_is(&token, "z", "null");
    claim_is(&token, "l", "[1,\"a\"]");
    claim_is(&token, "o", "{\"b\":1,\"a\":{}}");
    claim_is(&token, "x", NULL);
    claim_is(&token, "", NULL);

    unit_ok(ngx_websocket_token_claim(&token, "nothing", 1, NULL, 0) == 2,
            "a claim's name has a length");

    ngx_websocket_token_free(&token);
}


static void
scopes_are(const char *json, const char *want)
{
    char                    got[8] = "";
    ngx_websocket_token_t   token;

    static const char *const  names[] = { "a", "read", "b:c", "", "read b" };

    token.grants = json_loads(json, 0, NULL);

    for (int i = 0; i < 5; i++) {
        strcat(got, ngx_websocket_token_has_scope(&token, names[i],
                                                  strlen(names[i]))
                    ? "1" : "0");
    }

    unit_ok(strcmp(got, want) == 0, "scopes %s: %s", json, got);

    json_decref(token.grants);
}


static void
test_scopes(void)
{
    scopes_are("{}", "00000");
    scopes_are("{\"scope\":\"\"}", "00000");
    scopes_are("{\"scope\":\"read\"}", "01000");
    scopes_are("{\"scope\":\"  a  b:c \"}", "10100");
    scopes_are("{\"scope\":\"reader ab rea\"}", "00000");
    scopes_are("{\"scope\":[\"a\",1,\"read\"]}", "11000");
    scopes_are("{\"scopes\":[\"b:c\"],\"scope\":\"a\"}", "10100");
    scopes_are("{\"scopes\":\"read b\"}", "01000");
    scopes_are("{\"scp\":[\"read\"]}", "01000");
    scopes_are("{\"scope\":{\"a\":\"a\"},\"scopes\":7}", "00000");
    scopes_are("{\"roles\":[\"a\"]}", "00000");
}


int
main(void)
{
    int          i;
    const char  *text;

    rsa = EVP_RSA_gen(2048);
    p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    p384 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    p521 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");

    test_base64url();
    test_rfc7515();
    test_algorithms();
    test_confusion();
    test_head();
    test_type();
    test_tries();
    test_registered();
    test_issued();
    test_times();
    test_parties();
    test_forged(HS256);
    test_forged("{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}");
    test_size();
    test_no_memory();
    test_kid();
    test_wrong_keys();
    test_more_keys();
    test_claims();
    test_scopes();

    for (i = 0; i <= NGX_WEBSOCKET_TOKEN_NO_MEMORY + 1; i++) {
        text = ngx_websocket_token_text((ngx_websocket_token_e) i);
        unit_ok(text && strstr(text, "token"), "a text: %s", text);
    }

    EVP_PKEY_free(rsa);
    EVP_PKEY_free(p256);
    EVP_PKEY_free(p384);
    EVP_PKEY_free(p521);

    return unit_done();
}
