
#include <errno.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "auth/signature.h"
#include "auth/token.h"


#define NGX_WEBSOCKET_TOKEN_SECONDS  ((int64_t) 1 << 53)  /* what is a time */


/* a token taken apart: text is all of it and ends in zero */

typedef struct {
    size_t         head;              /* sizes of the three parts */
    size_t         body;
    size_t         signature;
    jwt_alg_t      alg;
    int            foreign;           /* 1: libjwt does not know its type */
    char           text[NGX_WEBSOCKET_TOKEN_SIZE + 1];
} ngx_websocket_token_parts_t;


static ngx_websocket_token_e ngx_websocket_token_split(
    ngx_websocket_token_parts_t *parts, const uint8_t *text, size_t size);
static json_t *ngx_websocket_token_object(const char *text, size_t size);
static ngx_websocket_token_e ngx_websocket_token_head(
    ngx_websocket_token_parts_t *parts,
    const ngx_websocket_token_rules_t *rules, json_t *head);
static const char *ngx_websocket_token_type(json_t *head);
static ngx_websocket_token_e ngx_websocket_token_signature(
    const ngx_websocket_token_parts_t *parts, const ngx_websocket_keys_t *keys,
    const char *id);
static ngx_websocket_token_e ngx_websocket_token_signed(
    const ngx_websocket_token_parts_t *parts, const ngx_websocket_key_t *key);
static ngx_websocket_token_e ngx_websocket_token_signed_foreign(
    const ngx_websocket_token_parts_t *parts, const ngx_websocket_key_t *key);
static int ngx_websocket_token_well_formed(json_t *claims);
static int ngx_websocket_token_name(json_t *claim);
static ngx_websocket_token_e ngx_websocket_token_claims(
    ngx_websocket_token_t *token, const ngx_websocket_token_rules_t *rules,
    int64_t now);
static int ngx_websocket_token_time(const ngx_websocket_token_t *token,
    const char *name, int64_t *seconds);
static int ngx_websocket_token_is_for(json_t *audience, const char *name);
static int ngx_websocket_token_scope_in(json_t *scopes, const char *scope,
    size_t length);


ngx_websocket_token_e
ngx_websocket_token_verify(ngx_websocket_token_t *token,
    const ngx_websocket_keys_t *keys, const ngx_websocket_token_rules_t *rules,
    const uint8_t *text, size_t size, int64_t now)
{
    json_t                       *head;
    ngx_websocket_token_e         status;
    ngx_websocket_token_parts_t   parts;

    token->grants = NULL;
    token->subject = NULL;
    token->expires = NGX_WEBSOCKET_TOKEN_NEVER;
    token->issued = 0;

    status = ngx_websocket_token_split(&parts, text, size);
    if (status != NGX_WEBSOCKET_TOKEN_OK) {
        return status;
    }

    head = ngx_websocket_token_object(parts.text, parts.head);
    token->grants = ngx_websocket_token_object(parts.text + parts.head + 1,
                                               parts.body);

    status = head && token->grants
             ? ngx_websocket_token_head(&parts, rules, head)
             : NGX_WEBSOCKET_TOKEN_MALFORMED;

    if (status == NGX_WEBSOCKET_TOKEN_OK) {
        status = ngx_websocket_token_signature(&parts, keys,
                               json_string_value(json_object_get(head, "kid")));
    }

    json_decref(head);

    if (status == NGX_WEBSOCKET_TOKEN_OK) {
        status = ngx_websocket_token_claims(token, rules, now);
    }

    if (status != NGX_WEBSOCKET_TOKEN_OK) {
        ngx_websocket_token_free(token);
    }

    return status;
}


int
ngx_websocket_token_expired(const ngx_websocket_token_t *token,
    const ngx_websocket_token_rules_t *rules, int64_t now)
{
    return now - rules->leeway >= token->expires;
}


void
ngx_websocket_token_free(ngx_websocket_token_t *token)
{
    json_decref(token->grants);

    token->grants = NULL;
    token->subject = NULL;
}


const char *
ngx_websocket_token_text(ngx_websocket_token_e status)
{
    switch (status) {

    case NGX_WEBSOCKET_TOKEN_OK:
        return "the token is valid";

    case NGX_WEBSOCKET_TOKEN_MALFORMED:
        return "the token is malformed";

    case NGX_WEBSOCKET_TOKEN_TYPE:
        return "the token's \"typ\" is not one that is taken here";

    case NGX_WEBSOCKET_TOKEN_KEY:
        return "the token's key is not known";

    case NGX_WEBSOCKET_TOKEN_ALGORITHM:
        return "the token's algorithm is not its key's";

    case NGX_WEBSOCKET_TOKEN_SIGNATURE:
        return "the token's signature is wrong";

    case NGX_WEBSOCKET_TOKEN_CLAIM:
        return "a claim of the token is of the wrong type, or empty";

    case NGX_WEBSOCKET_TOKEN_NO_EXPIRY:
        return "the token never expires";

    case NGX_WEBSOCKET_TOKEN_NO_AGE:
        return "the token does not say when it was issued";

    case NGX_WEBSOCKET_TOKEN_EXPIRED:
        return "the token has expired";

    case NGX_WEBSOCKET_TOKEN_NOT_YET:
        return "the token is not valid yet";

    case NGX_WEBSOCKET_TOKEN_ISSUER:
        return "the token is from another issuer";

    case NGX_WEBSOCKET_TOKEN_AUDIENCE:
        return "the token is for another audience";

    case NGX_WEBSOCKET_TOKEN_NO_MEMORY:
        return "no memory for the token";
    }

    return "the token is not valid";
}


static ngx_websocket_token_e
ngx_websocket_token_split(ngx_websocket_token_parts_t *parts,
    const uint8_t *text, size_t size)
{
    char     *body, *signature;
    uint8_t   decoded[NGX_WEBSOCKET_TOKEN_SIZE];

    if (size == 0 || size > NGX_WEBSOCKET_TOKEN_SIZE
        || memchr(text, '\0', size))
    {
        return NGX_WEBSOCKET_TOKEN_MALFORMED;
    }

    memcpy(parts->text, text, size);
    parts->text[size] = '\0';

    body = strchr(parts->text, '.');
    signature = body ? strchr(body + 1, '.') : NULL;

    if (signature == NULL) {
        return NGX_WEBSOCKET_TOKEN_MALFORMED;
    }

    parts->head = (size_t) (body++ - parts->text);
    parts->body = (size_t) (signature++ - body);
    parts->signature = size - (size_t) (signature - parts->text);

    /*
     * libjwt passes over characters outside of the alphabet: another text
     * would be the same signature.
     */

    if (ngx_websocket_base64url(decoded, (const uint8_t *) signature,
                                parts->signature)
        <= 0)
    {
        return NGX_WEBSOCKET_TOKEN_MALFORMED;
    }

    return NGX_WEBSOCKET_TOKEN_OK;
}


static json_t *
ngx_websocket_token_object(const char *text, size_t size)
{
    int       n;
    json_t   *json;
    uint8_t   decoded[NGX_WEBSOCKET_TOKEN_SIZE];

    n = ngx_websocket_base64url(decoded, (const uint8_t *) text, size);

    /* jansson passes over a zero behind a number or a word */

    if (n == -1 || memchr(decoded, '\0', (size_t) n)) {
        return NULL;
    }

    json = json_loadb((const char *) decoded, (size_t) n,
                      JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }

    return json;
}


static ngx_websocket_token_e
ngx_websocket_token_head(ngx_websocket_token_parts_t *parts,
    const ngx_websocket_token_rules_t *rules, json_t *head)
{
    json_t      *id, *type;
    const char  *name;

    id = json_object_get(head, "kid");
    type = json_object_get(head, "typ");

    /* an extension that must be understood is none that is known here */

    if (json_object_get(head, "crit")
        || (id && !json_is_string(id)) || (type && !json_is_string(type)))
    {
        return NGX_WEBSOCKET_TOKEN_MALFORMED;
    }

    name = ngx_websocket_token_type(head);

    if ((name && strcasecmp(name, "JWT") != 0
         && strcasecmp(name, "at+jwt") != 0)
        || (rules->type
            && (name == NULL || strcasecmp(name, rules->type) != 0)))
    {
        return NGX_WEBSOCKET_TOKEN_TYPE;
    }

    parts->foreign = type && strcasecmp(json_string_value(type), "JWT") != 0;

    parts->alg = ngx_websocket_keys_alg(
                           json_string_value(json_object_get(head, "alg")));

    return parts->alg == JWT_ALG_INVAL ? NGX_WEBSOCKET_TOKEN_ALGORITHM
                                       : NGX_WEBSOCKET_TOKEN_OK;
}


/* a media type, of which "application/" may be left out: RFC 7515, 4.1.9 */

static const char *
ngx_websocket_token_type(json_t *head)
{
    size_t       n;
    const char  *name;

    name = json_string_value(json_object_get(head, "typ"));
    n = sizeof("application/") - 1;

    return name && strncasecmp(name, "application/", n) == 0 ? name + n : name;
}


/* the keys that bear the token's kid, else those that have none */

static ngx_websocket_token_e
ngx_websocket_token_signature(const ngx_websocket_token_parts_t *parts,
    const ngx_websocket_keys_t *keys, const char *id)
{
    int                         known;
    unsigned                    i, tries;
    const ngx_websocket_key_t  *key;
    ngx_websocket_token_e       status, got;

    known = 0;
    tries = 0;

    for (i = 0; id && i < keys->n; i++) {
        known |= keys->key[i].id && strcmp(keys->key[i].id, id) == 0;
    }

    status = NGX_WEBSOCKET_TOKEN_KEY;

    for (i = 0; i < keys->n; i++) {

        key = &keys->key[i];

        if (id && (key->id ? strcmp(key->id, id) != 0 : known)) {
            continue;
        }

        if (key->alg != parts->alg) {
            got = NGX_WEBSOCKET_TOKEN_ALGORITHM;

        } else if (ngx_websocket_keys_secret_alg(key->alg)
                   || tries++ < NGX_WEBSOCKET_TOKEN_TRIES)
        {
            got = ngx_websocket_token_signed(parts, key);

        } else {

            /*
             * A verification takes half a millisecond: the number of keys that
             * are tried is bounded.
             */

            break;
        }

        if (got == NGX_WEBSOCKET_TOKEN_OK
            || got == NGX_WEBSOCKET_TOKEN_NO_MEMORY)
        {
            return got;
        }

        /*
         * Of several keys that fail, the error of the one that came farthest
         * is told.
         */

        if (got > status) {
            status = got;
        }
    }

    return status;
}


static ngx_websocket_token_e
ngx_websocket_token_signed(const ngx_websocket_token_parts_t *parts,
    const ngx_websocket_key_t *key)
{
    int         rc;
    jwt_t      *jwt;
    jwt_alg_t   alg;

    if (parts->foreign) {
        return ngx_websocket_token_signed_foreign(parts, key);
    }

    rc = jwt_decode(&jwt, parts->text, key->data, (int) key->size);

    /* nginx takes what is left there for an error of a TLS connection */

    ERR_clear_error();

    if (rc == ENOMEM) {
        return NGX_WEBSOCKET_TOKEN_NO_MEMORY;
    }

    if (rc != 0) {
        return NGX_WEBSOCKET_TOKEN_SIGNATURE;
    }

    alg = jwt_get_alg(jwt);
    jwt_free(jwt);

    /*
     * OpenSSL returns 0 also where memory was refused for the key, before
     * anything was read.
     */

    return alg == key->alg ? NGX_WEBSOCKET_TOKEN_OK
                           : NGX_WEBSOCKET_TOKEN_NO_MEMORY;
}


static ngx_websocket_token_e
ngx_websocket_token_signed_foreign(const ngx_websocket_token_parts_t *parts,
    const ngx_websocket_key_t *key)
{
    int      n;
    size_t   size;
    uint8_t  decoded[NGX_WEBSOCKET_TOKEN_SIZE];

    size = parts->head + 1 + parts->body;

    n = ngx_websocket_base64url(decoded,
                                (const uint8_t *) parts->text + size + 1,
                                parts->signature);

    switch (ngx_websocket_signature_verify(key, parts->text, size, decoded,
                                           (size_t) n))
    {
    case 1:
        return NGX_WEBSOCKET_TOKEN_OK;

    case 0:
        return NGX_WEBSOCKET_TOKEN_SIGNATURE;

    default:
        return NGX_WEBSOCKET_TOKEN_NO_MEMORY;
    }
}


/* RFC 7519, section 4.1; a sub or jti that is empty could not be revoked */

static int
ngx_websocket_token_well_formed(json_t *claims)
{
    size_t   i;
    json_t  *audience, *issuer;

    audience = json_object_get(claims, "aud");
    issuer = json_object_get(claims, "iss");

    for (i = 0; i < json_array_size(audience); i++) {
        if (!json_is_string(json_array_get(audience, i))) {
            return 0;
        }
    }

    return (audience == NULL || json_is_string(audience)
            || json_is_array(audience))
           && (issuer == NULL || json_is_string(issuer))
           && ngx_websocket_token_name(json_object_get(claims, "sub"))
           && ngx_websocket_token_name(json_object_get(claims, "jti"));
}


static int
ngx_websocket_token_name(json_t *claim)
{
    return claim == NULL
           || (json_is_string(claim) && json_string_length(claim) != 0);
}


static ngx_websocket_token_e
ngx_websocket_token_claims(ngx_websocket_token_t *token,
    const ngx_websocket_token_rules_t *rules, int64_t now)
{
    int64_t      begins, issued;
    const char  *issuer;

    begins = issued = INT64_MIN;

    if (ngx_websocket_token_time(token, "exp", &token->expires) == -1
        || ngx_websocket_token_time(token, "nbf", &begins) == -1
        || ngx_websocket_token_time(token, "iat", &issued) == -1
        || !ngx_websocket_token_well_formed(token->grants))
    {
        return NGX_WEBSOCKET_TOKEN_CLAIM;
    }

    token->subject = json_string_value(json_object_get(token->grants, "sub"));

    if (issued > (int64_t) rules->leeway) {
        token->issued = issued - rules->leeway;
    }

    if (rules->expiry && token->expires == NGX_WEBSOCKET_TOKEN_NEVER) {
        return NGX_WEBSOCKET_TOKEN_NO_EXPIRY;
    }

    if (rules->max_age) {

        if (issued == INT64_MIN) {
            return NGX_WEBSOCKET_TOKEN_NO_AGE;
        }

        if (token->expires > issued + rules->max_age) {
            token->expires = issued + rules->max_age;
        }
    }

    if (ngx_websocket_token_expired(token, rules, now)) {
        return NGX_WEBSOCKET_TOKEN_EXPIRED;
    }

    if (begins > now + rules->leeway || issued > now + rules->leeway) {
        return NGX_WEBSOCKET_TOKEN_NOT_YET;
    }

    issuer = json_string_value(json_object_get(token->grants, "iss"));

    if (rules->issuer && (issuer == NULL || strcmp(issuer, rules->issuer))) {
        return NGX_WEBSOCKET_TOKEN_ISSUER;
    }

    if (rules->audience
        && !ngx_websocket_token_is_for(json_object_get(token->grants, "aud"),
                                       rules->audience))
    {
        return NGX_WEBSOCKET_TOKEN_AUDIENCE;
    }

    return NGX_WEBSOCKET_TOKEN_OK;
}


/* leaves *seconds as it is when there is no such claim */

static int
ngx_websocket_token_time(const ngx_websocket_token_t *token, const char *name,
    int64_t *seconds)
{
    double   value;
    json_t  *json;

    json = json_object_get(token->grants, name);

    if (json == NULL) {
        return 0;
    }

    if (!json_is_number(json)) {
        return -1;
    }

    value = json_number_value(json);

    if (value >= (double) NGX_WEBSOCKET_TOKEN_SECONDS) {
        *seconds = NGX_WEBSOCKET_TOKEN_SECONDS;

    } else if (value <= (double) -NGX_WEBSOCKET_TOKEN_SECONDS) {
        *seconds = -NGX_WEBSOCKET_TOKEN_SECONDS;

    } else {
        *seconds = (int64_t) value;
    }

    return 0;
}


static int
ngx_websocket_token_is_for(json_t *audience, const char *name)
{
    size_t       i;
    const char  *one;

    if (json_is_string(audience)) {
        return strcmp(json_string_value(audience), name) == 0;
    }

    for (i = 0; i < json_array_size(audience); i++) {

        one = json_string_value(json_array_get(audience, i));

        if (one && strcmp(one, name) == 0) {
            return 1;
        }
    }

    return 0;
}


ssize_t
ngx_websocket_token_claim(const ngx_websocket_token_t *token,
    const char *name, size_t length, char *buf, size_t size)
{
    size_t   n;
    json_t  *claim;

    claim = json_object_getn(token->grants, name, length);

    if (claim == NULL) {
        return -1;
    }

    if (json_is_string(claim)) {

        n = json_string_length(claim);

        if (n && n <= size) {
            memcpy(buf, json_string_value(claim), n);
        }

        return (ssize_t) n;
    }

    /* 15 digits, so that 0.1 is written as 0.1 */

    n = json_dumpb(claim, buf, size,
                   JSON_COMPACT|JSON_ENCODE_ANY|JSON_REAL_PRECISION(15));

    return n ? (ssize_t) n : -1;
}


int
ngx_websocket_token_has_scope(const ngx_websocket_token_t *token,
    const char *scope, size_t length)
{
    size_t   i, k;
    json_t  *scopes, *one;

    static const char *const  names[] = { "scope", "scopes", "scp" };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        scopes = json_object_get(token->grants, names[i]);

        if (json_is_string(scopes)
            && ngx_websocket_token_scope_in(scopes, scope, length))
        {
            return 1;
        }

        for (k = 0; k < json_array_size(scopes); k++) {

            one = json_array_get(scopes, k);

            if (json_is_string(one) && json_string_length(one) == length
                && memcmp(json_string_value(one), scope, length) == 0)
            {
                return 1;
            }
        }
    }

    return 0;
}


static int
ngx_websocket_token_scope_in(json_t *scopes, const char *scope, size_t length)
{
    size_t       n;
    const char  *p;

    for (p = json_string_value(scopes); *p; p += n) {

        p += strspn(p, " ");
        n = strcspn(p, " ");

        if (n && n == length && memcmp(p, scope, n) == 0) {
            return 1;
        }
    }

    return 0;
}
