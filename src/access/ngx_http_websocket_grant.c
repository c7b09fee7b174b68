
/* What a token grants, as the location says where to look in it. */


#include "access/ngx_http_websocket_grant.h"
#include "access/ngx_http_websocket_revocations.h"
#include "wire/utf8.h"


static ngx_uint_t ngx_http_websocket_printable(const char *text);


ngx_http_websocket_grant_e
ngx_http_websocket_grant(ngx_http_websocket_grant_t *grant,
    ngx_http_websocket_jwt_t *jwt, const u_char *text, size_t size,
    const char **error)
{
    json_t                 *channels;
    ngx_websocket_token_e   status;

    ngx_memzero(grant, sizeof(ngx_http_websocket_grant_t));

    status = ngx_websocket_token_verify(&grant->token, &jwt->keys, &jwt->rules,
                                        text, size, (int64_t) ngx_time());

    if (status == NGX_WEBSOCKET_TOKEN_NO_MEMORY) {
        return NGX_HTTP_WEBSOCKET_GRANT_NO_MEMORY;
    }

    if (status != NGX_WEBSOCKET_TOKEN_OK) {
        *error = ngx_websocket_token_text(status);
        ngx_memzero(grant, sizeof(ngx_http_websocket_grant_t));
        return NGX_HTTP_WEBSOCKET_GRANT_REFUSED;
    }

    *error = NULL;

    /* the subject is used in logs, headers and names */

    if (grant->token.subject
        && !ngx_http_websocket_printable(grant->token.subject))
    {
        *error = "the token's subject has control characters";
    }

    channels = json_object_get(grant->token.grants, "channels");

    if (*error == NULL && channels) {
        grant->rights = ngx_websocket_rights_compile(channels, error);
    }

    if (*error) {
        ngx_http_websocket_grant_free(grant);
        return NGX_HTTP_WEBSOCKET_GRANT_REFUSED;
    }

    return NGX_HTTP_WEBSOCKET_GRANTED;
}


static ngx_uint_t
ngx_http_websocket_printable(const char *text)
{
    size_t  size;

    size = ngx_strlen(text);

    return ngx_websocket_control((const u_char *) text, size) == size;
}


void
ngx_http_websocket_grant_free(ngx_http_websocket_grant_t *grant)
{
    if (grant->token.grants) {
        ngx_websocket_token_free(&grant->token);
    }

    ngx_free(grant->rights);

    ngx_memzero(grant, sizeof(ngx_http_websocket_grant_t));
}


const char *
ngx_http_websocket_grant_lacks(ngx_http_websocket_grant_t *grant,
    ngx_http_websocket_loc_conf_t *conf)
{
    ngx_str_t   *scope;
    ngx_uint_t   i;

    if (conf->jwt->channels && grant->rights == NULL) {
        return "the token has no claim \"channels\"";
    }

    if (conf->scopes == NULL) {
        return NULL;
    }

    scope = conf->scopes->elts;

    for (i = 0; i < conf->scopes->nelts; i++) {
        if (!ngx_websocket_token_has_scope(&grant->token,
                                           (char *) scope[i].data,
                                           scope[i].len))
        {
            return "the token lacks a scope that is required";
        }
    }

    return NULL;
}


ngx_uint_t
ngx_http_websocket_grant_revoked(ngx_http_websocket_grant_t *grant)
{
    ngx_http_websocket_revocable_t  what;

    return ngx_http_websocket_revocable(&what, &grant->token)
           && ngx_http_websocket_revoked(&what);
}


ngx_uint_t
ngx_http_websocket_grant_rights(ngx_http_websocket_grant_t *grant,
    ngx_str_t *channel)
{
    return grant->rights ? ngx_websocket_rights_match(grant->rights,
                                                      channel->data,
                                                      channel->len)
                         : NGX_WEBSOCKET_RIGHT_ALL;
}


ngx_uint_t
ngx_http_websocket_mode_rights(ngx_http_websocket_loc_conf_t *conf,
    ngx_uint_t *n)
{
    if (conf->subscribes) {
        return NGX_WEBSOCKET_RIGHT_SUBSCRIBE;
    }

    if (conf->publishes) {
        *n = 1;
        return NGX_WEBSOCKET_RIGHT_PUBLISH;
    }

    *n = 0;

    return 0;
}
