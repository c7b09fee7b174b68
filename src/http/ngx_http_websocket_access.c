
/*
 * Who may come in: a request's Origin, its token, and what that grants.
 */


#include "access/ngx_http_websocket_origin.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_request.h"
#include "http/ngx_http_websocket_variables.h"
#include "session/ngx_http_websocket_token.h"
#include "wire/utf8.h"


#define NGX_HTTP_WEBSOCKET_CLAIM  (sizeof("websocket_jwt_") - 1)


static ngx_int_t ngx_http_websocket_check_user(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_check_expired(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);
static ngx_int_t ngx_http_websocket_access(ngx_http_request_t *r,
    ngx_http_websocket_access_t **access);
static ngx_int_t ngx_http_websocket_access_verify(ngx_http_request_t *r,
    ngx_http_websocket_access_t *access);
static void ngx_http_websocket_access_look(ngx_http_websocket_access_t *access,
    ngx_http_websocket_jwt_t *jwt);
static void ngx_http_websocket_access_cleanup(void *data);
static void ngx_http_websocket_access_release(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_token(ngx_http_request_t *r,
    ngx_http_websocket_jwt_t *jwt, ngx_str_t *token);
static ngx_int_t ngx_http_websocket_token_value(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, ngx_str_t *token);
static ngx_int_t ngx_http_websocket_token_bearer(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_int_t ngx_http_websocket_token_subprotocol(ngx_http_request_t *r,
    ngx_str_t *token);
static ngx_int_t ngx_http_websocket_token_offered(ngx_str_t *list,
    ngx_str_t *token);
static void ngx_http_websocket_mask_names(ngx_http_request_t *r,
    ngx_str_t *names, ngx_uint_t n);
static void ngx_http_websocket_mask_text(ngx_str_t *text, ngx_str_t *names,
    ngx_uint_t n);
static size_t ngx_http_websocket_mask_name(u_char *p, u_char *last,
    ngx_str_t *names, ngx_uint_t n);
static ngx_uint_t ngx_http_websocket_wanted_rights(ngx_http_request_t *r,
    ngx_uint_t *n);
static ngx_int_t ngx_http_websocket_unauthorized(ngx_http_request_t *r,
    ngx_http_websocket_access_t *access);
static ngx_int_t ngx_http_websocket_insufficient(ngx_http_request_t *r,
    const char *text);
static ngx_int_t ngx_http_websocket_challenge(ngx_http_request_t *r,
    char *error, const char *description, ngx_array_t *scopes);
static ngx_int_t ngx_http_websocket_refuse(ngx_http_request_t *r,
    ngx_http_websocket_rejected_e reason, ngx_uint_t status, char *code,
    const char *text);
static ngx_int_t ngx_http_websocket_variable_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static const char *ngx_http_websocket_claim_name(
    ngx_websocket_token_t *token, ngx_str_t *name);


static ngx_str_t  ngx_http_websocket_claims = ngx_string("websocket_jwt_");
static ngx_str_t  ngx_http_websocket_token_name = ngx_string("token");
static ngx_str_t  ngx_http_websocket_connect_name = ngx_string("cf_connect");


ngx_int_t
ngx_http_websocket_check_request(ngx_http_request_t *r)
{
    u_char                          plain[NGX_HTTP_WEBSOCKET_PLAIN_SIZE];
    ngx_str_t                      *origin;
    const char                     *error;
    ngx_http_websocket_access_t    *access;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    error = ngx_http_websocket_origin_error(r, &origin);

    if (error) {
        ngx_http_websocket_mask(r);

        /*
         * The page is told nothing of the reason, and a wrong websocket_origin
         * is as frequent as an attack: the log has the origin.
         */

        if (origin) {
            ngx_http_websocket_plain(plain, origin->data, origin->len);

            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "websocket request of a page of the origin \"%s\", "
                          "which websocket_origin does not allow", plain);
        }

        return ngx_http_websocket_refuse(r, NGX_HTTP_WEBSOCKET_REJECTED_ORIGIN,
                                         NGX_HTTP_FORBIDDEN, "forbidden_origin",
                                         error);
    }

    if (conf->jwt == NULL || conf->centrifuge) {

        /* a client of Centrifugo's protocol sends its token later */

        return ngx_http_websocket_check_user(r);
    }

    if (ngx_http_websocket_access(r, &access) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the token's text is not needed any more, and logs must not have it */

    ngx_http_websocket_mask_names(r, &ngx_http_websocket_token_name, 1);

    /*
     * A variable may have had the token verified long before: it may have
     * expired or been revoked meanwhile.
     */

    ngx_http_websocket_access_look(access, conf->jwt);

    if (access->error) {
        return ngx_http_websocket_unauthorized(r, access);
    }

    error = ngx_http_websocket_grant_lacks(&access->grant, conf);

    return error ? ngx_http_websocket_insufficient(r, error)
                 : ngx_http_websocket_check_user(r);
}


ngx_int_t
ngx_http_websocket_check_again(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (conf->jwt && !conf->centrifuge) {
        ngx_http_websocket_access_look(ctx->access, conf->jwt);

        if (ctx->access->error) {
            return ngx_http_websocket_unauthorized(r, ctx->access);
        }
    }

    return conf->expires ? ngx_http_websocket_check_expired(r, ctx)
                         : NGX_HTTP_WEBSOCKET_PASS;
}


/* checks websocket_expires, and evaluates the user, which the session keeps */

static ngx_int_t
ngx_http_websocket_check_user(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_str_t                       value;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->user == NULL && conf->expires == NULL) {
        return NGX_HTTP_WEBSOCKET_PASS;
    }

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = conf->user ? ngx_http_websocket_user(r, &ctx->user) : NGX_DECLINED;

    if (rc == NGX_DECLINED) {
        ctx->user.len = 0;
    }

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (conf->expires == NULL) {
        return NGX_HTTP_WEBSOCKET_PASS;
    }

    if (ngx_http_complex_value(r, conf->expires, &value) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->expires = value.len ? ngx_atotm(value.data, value.len)
                             : NGX_WEBSOCKET_TOKEN_NEVER;

    return ngx_http_websocket_check_expired(r, ctx);
}


static ngx_int_t
ngx_http_websocket_check_expired(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx)
{
    if (ctx->expires == NGX_ERROR) {
        ngx_http_websocket_mask(r);

        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "the value of \"websocket_expires\" is not a time in "
                      "seconds");

        return ngx_http_websocket_refuse(r, NGX_HTTP_WEBSOCKET_REJECTED_TOKEN,
                                         NGX_HTTP_UNAUTHORIZED, "unauthorized",
                                         "it is not known when this expires");
    }

    return ctx->expires > (int64_t) ngx_time()
           ? NGX_HTTP_WEBSOCKET_PASS
           : ngx_http_websocket_refuse(r, NGX_HTTP_WEBSOCKET_REJECTED_TOKEN,
                                       NGX_HTTP_UNAUTHORIZED, "unauthorized",
                                       "this has expired");
}


ngx_int_t
ngx_http_websocket_check_channels(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx)
{
    ngx_uint_t                      i, n, wanted, rights;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->jwt == NULL || conf->centrifuge) {
        return NGX_HTTP_WEBSOCKET_PASS;
    }

    n = ctx->nchannels;
    wanted = ngx_http_websocket_wanted_rights(r, &n);

    for (i = 0; i < n; i++) {

        rights = ngx_http_websocket_grant_rights(&ctx->access->grant,
                                                 &ctx->channels[i]);

        if (rights == 0 || (rights & wanted) != wanted) {
            return ngx_http_websocket_insufficient(r,
                                  "the token has no right to do this on the "
                                  "channel");
        }
    }

    return NGX_HTTP_WEBSOCKET_PASS;
}


/*
 * Returns the rights that the token must have on the first *n channels; 0: any
 * one of them.
 */

static ngx_uint_t
ngx_http_websocket_wanted_rights(ngx_http_request_t *r, ngx_uint_t *n)
{
    ngx_str_t                       value;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (r->method == NGX_HTTP_POST) {

        /* a message that is sent goes to the first of several channels */

        *n = 1;
        return NGX_WEBSOCKET_RIGHT_PUBLISH;
    }

    if (!conf->publish) {
        return ngx_http_websocket_mode_rights(conf, n);
    }

    if (r->method == NGX_HTTP_DELETE) {
        return NGX_WEBSOCKET_RIGHT_ALL;
    }

    if (ngx_http_arg(r, (u_char *) "presence", 8, &value) == NGX_OK) {
        return NGX_WEBSOCKET_RIGHT_PRESENCE;
    }

    if (ngx_http_arg(r, (u_char *) "since", 5, &value) == NGX_OK
        || ngx_http_arg(r, (u_char *) "limit", 5, &value) == NGX_OK)
    {
        return NGX_WEBSOCKET_RIGHT_HISTORY;
    }

    return 0;
}


/*
 * Verifies the request's token.  This is done once, for the variable or the
 * handler that asks first, and again where the request has come to a location
 * with another websocket_jwt.
 */

static ngx_int_t
ngx_http_websocket_access(ngx_http_request_t *r,
    ngx_http_websocket_access_t **accessp)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_access_t    *access;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    access = ctx->access;

    if (access == NULL) {

        cln = ngx_pool_cleanup_add(r->pool,
                                   sizeof(ngx_http_websocket_access_t));
        if (cln == NULL) {
            return NGX_ERROR;
        }

        access = cln->data;
        ngx_memzero(access, sizeof(ngx_http_websocket_access_t));

        access->cleanup = cln;
        cln->handler = ngx_http_websocket_access_cleanup;

        ctx->access = access;
        ctx->release = ngx_http_websocket_access_release;
    }

    *accessp = access;

    if (access->jwt == conf->jwt) {
        return NGX_OK;
    }

    ngx_http_websocket_grant_free(&access->grant);
    access->jwt = NULL;

    if (ngx_http_websocket_access_verify(r, access) != NGX_OK) {
        return NGX_ERROR;
    }

    access->jwt = conf->jwt;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_access_verify(ngx_http_request_t *r,
    ngx_http_websocket_access_t *access)
{
    ngx_int_t                       rc;
    ngx_str_t                       token;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    rc = ngx_http_websocket_token(r, conf->jwt, &token);

    access->found = rc == NGX_OK;

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_grant(&access->grant, conf->jwt, token.data,
                                      token.len, &access->error);

    } else if (rc == NGX_DECLINED) {
        access->error = "a token is required";
    }

    if (rc == NGX_OK) {
        ngx_http_websocket_access_look(access, conf->jwt);
    }

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/* a token that was valid may have expired or been revoked meanwhile */

static void
ngx_http_websocket_access_look(ngx_http_websocket_access_t *access,
    ngx_http_websocket_jwt_t *jwt)
{
    if (access->error) {
        return;
    }

    if (ngx_websocket_token_expired(&access->grant.token, &jwt->rules,
                                    (int64_t) ngx_time()))
    {
        access->error = ngx_websocket_token_text(NGX_WEBSOCKET_TOKEN_EXPIRED);

    } else if (ngx_http_websocket_grant_revoked(&access->grant)) {
        access->error = "the token was revoked";
    }
}


static void
ngx_http_websocket_access_cleanup(void *data)
{
    ngx_http_websocket_access_t *access = data;

    ngx_http_websocket_grant_free(&access->grant);
}


/* frees what the request has of a token, before the request itself ends */

static void
ngx_http_websocket_access_release(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_websocket_ctx_t   *ctx;
    ngx_http_core_main_conf_t  *cmcf;
    ngx_http_variable_value_t  *value;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    /*
     * The access log's line may have variables of claims: they get their
     * values now.
     */

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (v[i].get_handler == ngx_http_websocket_variable_claim) {
            value = ngx_http_get_flushed_variable(r, i);

            if (value) {
                value->no_cacheable = 0;
            }
        }
    }

    ctx->access->cleanup->handler = NULL;
    ngx_http_websocket_grant_free(&ctx->access->grant);
    ctx->access = NULL;
    ctx->release = NULL;
}


/*
 * Finds the request's token.  The cookie, which a browser sends unasked, comes
 * last.  Returns NGX_DECLINED when there is no token.
 */

static ngx_int_t
ngx_http_websocket_token(ngx_http_request_t *r, ngx_http_websocket_jwt_t *jwt,
    ngx_str_t *token)
{
    ngx_int_t  rc;

    if (jwt->from) {
        return ngx_http_websocket_token_value(r, jwt->from, token);
    }

    rc = ngx_http_websocket_token_bearer(r, token);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_websocket_token_subprotocol(r, token);
    }

    if (rc == NGX_DECLINED) {
        rc = ngx_http_websocket_arg(r, "token", token);
    }

    if (rc == NGX_DECLINED && jwt->cookie) {
        rc = ngx_http_websocket_token_value(r, jwt->cookie, token);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_token_value(ngx_http_request_t *r,
    ngx_http_complex_value_t *cv, ngx_str_t *token)
{
    if (ngx_http_complex_value(r, cv, token) != NGX_OK) {
        return NGX_ERROR;
    }

    return token->len ? NGX_OK : NGX_DECLINED;
}


/* RFC 6750, section 2.1 */

static ngx_int_t
ngx_http_websocket_token_bearer(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_table_elt_t  *h;

    h = ngx_http_websocket_header(r, "authorization", NULL);

    if (h == NULL || h->value.len < sizeof("Bearer ") - 1
        || ngx_strncasecmp(h->value.data, (u_char *) "Bearer ",
                           sizeof("Bearer ") - 1)
           != 0)
    {
        return NGX_DECLINED;
    }

    token->data = h->value.data + sizeof("Bearer ") - 1;
    token->len = h->value.data + h->value.len - token->data;

    while (token->len && token->data[0] == ' ') {
        token->data++;
        token->len--;
    }

    return NGX_OK;
}


/* a page can set no other header of a WebSocket's handshake */

static ngx_int_t
ngx_http_websocket_token_subprotocol(ngx_http_request_t *r, ngx_str_t *token)
{
    ngx_table_elt_t               *h;
    ngx_http_websocket_headers_t   headers;

    ngx_http_websocket_headers_begin(r, &headers);

    do {
        h = ngx_http_websocket_headers_next(&headers,
                                            "sec-websocket-protocol");
        if (h == NULL) {
            return NGX_DECLINED;
        }

    } while (ngx_http_websocket_token_offered(&h->value, token) != NGX_OK);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_token_offered(ngx_str_t *list, ngx_str_t *token)
{
    u_char  *p, *last;

    last = list->data + list->len;

    for (p = list->data; p < last; p++) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        token->data = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != ',') {
            p++;
        }

        token->len = p - token->data;

        if (token->len > sizeof("bearer.") - 1
            && ngx_strncmp(token->data, "bearer.", sizeof("bearer.") - 1)
               == 0)
        {
            token->data += sizeof("bearer.") - 1;
            token->len -= sizeof("bearer.") - 1;

            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


void
ngx_http_websocket_mask(ngx_http_request_t *r)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->jwt) {
        ngx_http_websocket_mask_names(r, &ngx_http_websocket_token_name, 1);
    }

    if (conf->centrifuge) {
        ngx_http_websocket_mask_names(r, &ngx_http_websocket_connect_name, 1);
    }

    ngx_http_websocket_mask_names(r, conf->masks->elts, conf->masks->nelts);
}


/* masks what $request, $args and the error log's lines are made of */

static void
ngx_http_websocket_mask_names(ngx_http_request_t *r, ngx_str_t *names,
    ngx_uint_t n)
{
    ngx_http_websocket_mask_text(&r->request_line, names, n);
    ngx_http_websocket_mask_text(&r->unparsed_uri, names, n);
    ngx_http_websocket_mask_text(&r->args, names, n);
}


static void
ngx_http_websocket_mask_text(ngx_str_t *text, ngx_str_t *names, ngx_uint_t n)
{
    u_char  *p, *last;
    size_t   len;

    if (text->len == 0) {

        /* nginx leaves r->args.data unset where there are no arguments */

        return;
    }

    p = text->data;
    last = p + text->len;

    for ( /* void */ ; p < last; p++) {

        if (p > text->data && p[-1] != '?' && p[-1] != '&') {
            continue;
        }

        len = ngx_http_websocket_mask_name(p, last, names, n);

        if (len == 0) {
            continue;
        }

        p += len + 1;

        while (p < last && *p != '&' && *p != ' ' && *p != '#') {
            *p++ = '*';
        }
    }
}


/* the length of the name that stands at p, before a "="; 0: none of these */

static size_t
ngx_http_websocket_mask_name(u_char *p, u_char *last, ngx_str_t *names,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if ((size_t) (last - p) > names[i].len && p[names[i].len] == '='
            && ngx_strncasecmp(p, names[i].data, names[i].len) == 0)
        {
            return names[i].len;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_websocket_unauthorized(ngx_http_request_t *r,
    ngx_http_websocket_access_t *access)
{
    if (ngx_http_websocket_challenge(r, access->found ? "invalid_token" : NULL,
                                     access->error, NULL)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_refuse(r, NGX_HTTP_WEBSOCKET_REJECTED_TOKEN,
                                     NGX_HTTP_UNAUTHORIZED,
                                     access->found ? "invalid_token"
                                                   : "unauthorized",
                                     access->error);
}


static ngx_int_t
ngx_http_websocket_insufficient(ngx_http_request_t *r, const char *text)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (ngx_http_websocket_challenge(r, "insufficient_scope", text,
                                     conf->scopes)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_refuse(r, NGX_HTTP_WEBSOCKET_REJECTED_RIGHT,
                                     NGX_HTTP_FORBIDDEN, "forbidden", text);
}


/* RFC 6750, section 3; without a token the client is told only the scheme */

static ngx_int_t
ngx_http_websocket_challenge(ngx_http_request_t *r, char *error,
    const char *description, ngx_array_t *scopes)
{
    u_char      *p, *text;
    size_t       size;
    ngx_str_t    value, *scope;
    ngx_uint_t   i, n;

    n = scopes ? scopes->nelts : 0;
    scope = n ? scopes->elts : NULL;

    size = sizeof("Bearer error=\"invalid_token_or_scope\", "
                  "error_description=\"\", scope=\"\"")
           + ngx_strlen(description);

    for (i = 0; i < n; i++) {
        size += scope[i].len + 1;
    }

    value.data = ngx_pnalloc(r->pool, size);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(value.data, "Bearer", sizeof("Bearer") - 1);

    if (error) {
        p = ngx_sprintf(p, " error=\"%s\", error_description=\"", error);
        text = p;
        p = ngx_sprintf(p, "%s", description);

        for ( /* void */ ; text < p; text++) {
            if (*text == '"') {
                *text = '\'';
            }
        }

        *p++ = '"';
    }

    for (i = 0; i < n; i++) {
        p = ngx_sprintf(p, "%s%V", i ? " " : ", scope=\"", &scope[i]);
    }

    if (n) {
        *p++ = '"';
    }

    value.len = p - value.data;

    return ngx_http_websocket_add_header(r, "WWW-Authenticate", &value);
}


/* answers in JSON or in text, as the location does for all errors */

static ngx_int_t
ngx_http_websocket_refuse(ngx_http_request_t *r,
    ngx_http_websocket_rejected_e reason, ngx_uint_t status, char *code,
    const char *text)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_http_websocket_rejected(r, reason);

    return conf->publish || r->method == NGX_HTTP_POST
           ? ngx_http_websocket_answer_error(r, status, code, (char *) text)
           : ngx_http_websocket_answer_text(r, status, (char *) text);
}


ngx_int_t
ngx_http_websocket_add_claims(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var;

    /*
     * nginx keeps a request's cached variables in subrequests and in other
     * locations, where other claims are valid, or none: claims are not cached.
     */

    var = ngx_http_add_variable(cf, &ngx_http_websocket_claims,
                                NGX_HTTP_VAR_PREFIX|NGX_HTTP_VAR_NOCACHEABLE);
    if (var == NULL) {
        return NGX_ERROR;
    }

    var->get_handler = ngx_http_websocket_variable_claim;

    return NGX_OK;
}


/* data is the variable's name, which nginx has put in lower case */

static ngx_int_t
ngx_http_websocket_variable_claim(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t *variable = (ngx_str_t *) data;

    ssize_t                         n;
    ngx_str_t                       name;
    const char                     *claim;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_access_t    *access;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    v->not_found = 1;

    /* a session goes on without its request, whose token was freed then */

    if (conf->jwt == NULL || (ctx && ctx->session && ctx->access == NULL)) {
        return NGX_OK;
    }

    if (ngx_http_websocket_access(r, &access) != NGX_OK) {
        return NGX_ERROR;
    }

    name.data = variable->data + NGX_HTTP_WEBSOCKET_CLAIM;
    name.len = variable->len - NGX_HTTP_WEBSOCKET_CLAIM;

    claim = access->error ? NULL
                          : ngx_http_websocket_claim_name(&access->grant.token,
                                                          &name);
    if (claim == NULL) {
        return NGX_OK;
    }

    n = ngx_websocket_token_claim(&access->grant.token, claim, name.len, NULL,
                                  0);
    if (n < 0) {
        return NGX_OK;
    }

    v->data = ngx_pnalloc(r->pool, n + 1);
    if (v->data == NULL) {
        return NGX_ERROR;
    }

    n = ngx_websocket_token_claim(&access->grant.token, claim, name.len,
                                  (char *) v->data, n);

    /*
     * Variables are used in headers, logs and names: a value with control
     * characters is not told.
     */

    v->len = ngx_max(n, 0);

    if (ngx_websocket_control(v->data, v->len) < v->len) {
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


/*
 * Returns the claim of this name, else the first whose name differs in case
 * only.
 */

static const char *
ngx_http_websocket_claim_name(ngx_websocket_token_t *token, ngx_str_t *name)
{
    json_t      *value;
    const char  *key, *found;

    found = NULL;

    json_object_foreach(token->grants, key, value) {

        if (ngx_strlen(key) != name->len
            || ngx_strncasecmp((u_char *) key, name->data, name->len) != 0)
        {
            continue;
        }

        if (ngx_strncmp(key, name->data, name->len) == 0) {
            return key;
        }

        if (found == NULL) {
            found = key;
        }
    }

    return found;
}


const char *
ngx_http_websocket_subject(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_access_t    *access;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (conf->jwt == NULL) {
        return NULL;
    }

    if (ctx && ctx->session && ctx->session->record->aside->auth) {
        return ngx_http_websocket_auth_subject(
                                           ctx->session->record->aside->auth);
    }

    if ((ctx && ctx->session)
        || ngx_http_websocket_access(r, &access) != NGX_OK || access->error)
    {
        return NULL;
    }

    return access->grant.token.subject;
}
