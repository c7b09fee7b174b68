
#include "protocol/ngx_http_websocket_centrifuge_token.h"
#include "centrifuge/json_command.h"
#include "clock/ngx_http_websocket_turn.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "wire/utf8.h"


static ngx_http_websocket_centrifuge_token_e
    ngx_http_websocket_centrifuge_token_claims(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_token_t *token, const char **error);
static const char *ngx_http_websocket_centrifuge_token_lacks(
    ngx_http_websocket_session_t *s, ngx_websocket_token_t *token);
static const char *ngx_http_websocket_centrifuge_token_end(
    ngx_http_websocket_centrifuge_token_t *token);
static ngx_http_websocket_centrifuge_token_e
    ngx_http_websocket_centrifuge_token_info(
    ngx_http_websocket_centrifuge_token_t *token, const char **error);
static ngx_http_websocket_centrifuge_token_e
    ngx_http_websocket_centrifuge_token_bytes(
    ngx_http_websocket_centrifuge_token_t *token, json_t *base64,
    const char **error);


ngx_http_websocket_centrifuge_token_e
ngx_http_websocket_centrifuge_token(ngx_http_websocket_session_t *s,
    const ngx_websocket_bytes_t *text,
    ngx_http_websocket_centrifuge_token_t *token)
{
    const char                             *error;
    ngx_websocket_token_e                   status;
    ngx_http_websocket_jwt_t               *jwt;
    ngx_http_websocket_centrifuge_token_e   rc;

    jwt = s->conf->jwt;
    ngx_memzero(token, sizeof(ngx_http_websocket_centrifuge_token_t));

    /* a signature may take a tenth of a turn */

    ngx_http_websocket_turn_worked(NGX_HTTP_WEBSOCKET_STEPS);

    status = ngx_websocket_token_verify(&token->token, &jwt->keys, &jwt->rules,
                                        (const uint8_t *) text->data,
                                        text->size, (int64_t) ngx_time());
    switch (status) {

    case NGX_WEBSOCKET_TOKEN_OK:
        rc = ngx_http_websocket_centrifuge_token_claims(s, token, &error);

        if (rc != NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_OK) {
            ngx_http_websocket_centrifuge_token_free(token);
        }

        break;

    case NGX_WEBSOCKET_TOKEN_NO_MEMORY:
        return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_NO_MEMORY;

    case NGX_WEBSOCKET_TOKEN_EXPIRED:
    case NGX_WEBSOCKET_TOKEN_NOT_YET:
        return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_EXPIRED;

    default:
        error = ngx_websocket_token_text(status);
        rc = NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_WRONG;
    }

    if (rc == NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_WRONG) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "websocket token refused: %s", error);
    }

    return rc;
}


static ngx_http_websocket_centrifuge_token_e
ngx_http_websocket_centrifuge_token_claims(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_token_t *token, const char **error)
{
    json_t  *channel;

    *error = ngx_http_websocket_centrifuge_token_lacks(s, &token->token);

    if (*error == NULL) {
        *error = ngx_http_websocket_centrifuge_token_end(token);
    }

    if (*error) {
        return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_WRONG;
    }

    channel = json_object_get(token->token.grants, "channel");

    if (channel) {
        token->channel.data = (u_char *) json_string_value(channel);
        token->channel.len = json_string_length(channel);
    }

    return ngx_http_websocket_centrifuge_token_info(token, error);
}


static const char *
ngx_http_websocket_centrifuge_token_lacks(ngx_http_websocket_session_t *s,
    ngx_websocket_token_t *token)
{
    size_t                      size;
    ngx_str_t                  *scope;
    ngx_uint_t                  i;
    ngx_http_websocket_grant_t  grant;

    if (token->subject) {

        /* the user is in logs and names */

        size = ngx_strlen(token->subject);

        if (ngx_websocket_control((const u_char *) token->subject, size)
            < size)
        {
            return "the token's subject has control characters";
        }
    }

    ngx_memzero(&grant, sizeof(ngx_http_websocket_grant_t));
    grant.token = *token;

    if (ngx_http_websocket_grant_revoked(&grant)) {
        return "the token was revoked";
    }

    if (s->conf->scopes == NULL) {
        return NULL;
    }

    scope = s->conf->scopes->elts;

    for (i = 0; i < s->conf->scopes->nelts; i++) {
        if (!ngx_websocket_token_has_scope(token, (char *) scope[i].data,
                                           scope[i].len))
        {
            return "the token lacks a scope that is required";
        }
    }

    return NULL;
}


/* "exp", or what stands for it, where it is of the token itself alone */

static const char *
ngx_http_websocket_centrifuge_token_end(
    ngx_http_websocket_centrifuge_token_t *token)
{
    json_t  *end;

    if (token->token.expires != NGX_WEBSOCKET_TOKEN_NEVER) {
        token->expires = (time_t) token->token.expires;
    }

    end = json_object_get(token->token.grants, "expire_at");

    if (end == NULL) {
        return NULL;
    }

    if (!json_is_integer(end) || json_integer_value(end) < 0) {
        return "the token's \"expire_at\" is not a time";
    }

    token->expires = (time_t) json_integer_value(end);

    return NULL;
}


/* sets who the token is of, and what is told of them */

static ngx_http_websocket_centrifuge_token_e
ngx_http_websocket_centrifuge_token_info(
    ngx_http_websocket_centrifuge_token_t *token, const char **error)
{
    json_t                     *info;
    ngx_websocket_json_text_t   text;

    token->user.data = (u_char *) token->token.subject;
    token->user.len = token->token.subject ? ngx_strlen(token->token.subject)
                                           : 0;

    info = json_object_get(token->token.grants, "info");

    if (info == NULL) {
        info = json_object_get(token->token.grants, "b64info");

        return info ? ngx_http_websocket_centrifuge_token_bytes(token, info,
                                                                error)
                    : NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_OK;
    }

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append_value(&text, info);

    if (text.failed) {
        ngx_websocket_json_text_done(&text);
        return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_NO_MEMORY;
    }

    token->info.data = (u_char *) text.data;
    token->info.len = text.size;

    return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_OK;
}


/* what is told to clients in JSON must be JSON */

static ngx_http_websocket_centrifuge_token_e
ngx_http_websocket_centrifuge_token_bytes(
    ngx_http_websocket_centrifuge_token_t *token, json_t *base64,
    const char **error)
{
    ngx_str_t             from;
    ngx_websocket_utf8_t  utf8;

    from.data = (u_char *) json_string_value(base64);
    from.len = json_string_length(base64);

    token->info.data = malloc(ngx_base64_decoded_length(from.len) + 1);
    if (token->info.data == NULL) {
        return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_NO_MEMORY;
    }

    utf8 = 0;

    if (from.data == NULL
        || ngx_decode_base64(&token->info, &from) != NGX_OK
        || ngx_websocket_utf8(&utf8, token->info.data, token->info.len) != 0
        || utf8 != 0
        || !ngx_websocket_json_valid((char *) token->info.data,
                                     token->info.len))
    {
        *error = "the token's \"b64info\" is not JSON in base64";
        return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_WRONG;
    }

    token->info.len = ngx_http_websocket_centrifuge_join_lines(
                                                             token->info.data,
                                                             token->info.len);
    return NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_OK;
}


void
ngx_http_websocket_centrifuge_token_free(
    ngx_http_websocket_centrifuge_token_t *token)
{
    free(token->info.data);
    ngx_websocket_token_free(&token->token);
}


ngx_int_t
ngx_http_websocket_centrifuge_token_take(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_token_t *token)
{
    ngx_http_websocket_identity_t  *identity;

    if (ngx_http_websocket_centrifuge_identity(s, &token->user, &token->info,
                                               token->expires)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    identity = ngx_http_websocket_centrifuge_of(s)->identity;

    identity->revocable = ngx_http_websocket_revocable(&identity->token,
                                                       &token->token);
    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_centrifuge_identity(ngx_http_websocket_session_t *s,
    const ngx_str_t *user, const ngx_str_t *info, time_t expires)
{
    u_char                           *p;
    ngx_http_websocket_identity_t    *identity;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    identity = ngx_alloc(sizeof(ngx_http_websocket_identity_t)
                         + user->len + info->len, s->connection->log);
    if (identity == NULL) {
        return NGX_ERROR;
    }

    identity->revocable = 0;

    if (client->identity) {
        *identity = *client->identity;
    }

    p = (u_char *) (identity + 1);

    identity->user.data = p;
    identity->user.len = user->len;
    p = ngx_cpymem(p, user->data, user->len);

    identity->info.data = p;
    identity->info.len = info->len;
    ngx_memcpy(p, info->data, info->len);

    identity->expires = expires;

    ngx_free(client->identity);
    client->identity = identity;

    return NGX_OK;
}


uint32_t
ngx_http_websocket_centrifuge_ttl(time_t expires)
{
    return expires
           ? ngx_max(1, ngx_min(expires - ngx_time(),
                                NGX_HTTP_WEBSOCKET_CENTRIFUGE_TTL))
           : 0;
}


void
ngx_http_websocket_centrifuge_token_tell(ngx_websocket_reply_t *reply,
    time_t expires)
{
    reply->expires = expires != 0;
    reply->ttl = ngx_http_websocket_centrifuge_ttl(expires);
}
