
#include "session/ngx_http_websocket_token.h"
#include "access/ngx_http_websocket_revocations.h"
#include "session/ngx_http_websocket_hooked.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"


/* wrong tokens in a row: a client that sends more does not want to renew */
#define NGX_HTTP_WEBSOCKET_WRONG_TOKENS  8

#define NGX_HTTP_WEBSOCKET_AUTH_NEVER     INT64_MAX


/* times are milliseconds of the wall clock */

struct ngx_http_websocket_auth_s {
    int64_t                       end;      /* with the leeway */
    int64_t                       limit;    /* the time that websocket_expires
                                               says */
    int64_t                       remind;
    uint8_t                       wrong;
    uint8_t                       named;    /* 1: it has a subject */
    uint8_t                       revocable;        /* by its token */
    uint8_t                       expelled;         /* by its user */
    ngx_http_websocket_revocable_t  token;
    ngx_http_websocket_revocable_t  of_user;
    ngx_str_t                     user;     /* of websocket_user, or a hook */
    char                          subject[1];       /* then the user */
};


static int64_t ngx_http_websocket_auth_now(void);
static void ngx_http_websocket_auth_set(ngx_http_websocket_session_t *s,
    ngx_http_websocket_grant_t *grant);
static void ngx_http_websocket_auth_tokenless(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_auth_is_revoked(
    ngx_http_websocket_auth_t *auth);
static ngx_uint_t ngx_http_websocket_auth_rights(
    ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_grant_t *grant);
static void ngx_http_websocket_auth_revoked(ngx_queue_t *node);
static ngx_uint_t ngx_http_websocket_auth_maybe(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);
static json_t *ngx_http_websocket_auth_token(u_char *data, size_t size,
    ngx_uint_t *readable);
static ngx_int_t ngx_http_websocket_auth_renew(ngx_http_websocket_session_t *s,
    json_t *token);
static ngx_int_t ngx_http_websocket_auth_accept(
    ngx_http_websocket_session_t *s, ngx_http_websocket_grant_t *grant);
static const char *ngx_http_websocket_auth_lacks(
    ngx_http_websocket_session_t *s, ngx_http_websocket_grant_t *grant);
static ngx_uint_t ngx_http_websocket_auth_same(
    ngx_http_websocket_auth_t *auth, const char *subject);
static ngx_int_t ngx_http_websocket_auth_wrong(ngx_http_websocket_session_t *s,
    const char *error);
static json_t *ngx_http_websocket_auth_expires(
    ngx_http_websocket_session_t *s);
static ngx_http_websocket_frame_t *ngx_http_websocket_auth_frame(
    ngx_http_websocket_session_t *s, json_t *json);
static ngx_int_t ngx_http_websocket_auth_reply(ngx_http_websocket_session_t *s,
    json_t *json);


/* limits of a message that is parsed to find out whether it has a token */

static const ngx_websocket_json_limits_t  ngx_http_websocket_token_limits = {
    NGX_MAX_INT32_VALUE,
    NGX_WEBSOCKET_JSON_DEPTH,
    10000       /* values */
};


ngx_int_t
ngx_http_websocket_auth_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_ctx_t *ctx)
{
    size_t                       size, length;
    ngx_str_t                   *user;
    const char                  *subject;
    ngx_http_websocket_auth_t   *auth;
    ngx_http_websocket_grant_t  *grant;

    grant = s->conf->jwt && ctx->access ? &ctx->access->grant : NULL;
    subject = grant ? grant->token.subject : NULL;
    length = subject ? ngx_strlen(subject) : 0;

    user = ctx->introduced && ctx->introduced->user.len
           ? &ctx->introduced->user : &ctx->user;

    size = offsetof(ngx_http_websocket_auth_t, subject) + length + 1
           + user->len;

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NGX_ERROR;
    }

    auth = ngx_calloc(size, s->connection->log);
    if (auth == NULL) {
        return NGX_ERROR;
    }

    if (subject) {
        auth->named = 1;
        ngx_memcpy(auth->subject, subject, length);
    }

    auth->user.len = user->len;
    auth->user.data = (u_char *) auth->subject + length + 1;

    if (user->len) {
        ngx_memcpy(auth->user.data, user->data, user->len);
        auth->expelled = ngx_http_websocket_revocable_user(&auth->of_user,
                                                           user);
    }

    auth->limit = s->conf->expires
                  && ctx->expires != NGX_WEBSOCKET_TOKEN_NEVER
                  ? ctx->expires * 1000 : NGX_HTTP_WEBSOCKET_AUTH_NEVER;

    if (ctx->introduced && ctx->introduced->expires) {
        auth->limit = ngx_min(auth->limit, ctx->introduced->expires * 1000);
    }

    s->record->aside->auth = auth;

    if (grant) {
        ngx_http_websocket_auth_set(s, grant);

    } else {
        ngx_http_websocket_auth_tokenless(s);
    }

    return NGX_OK;
}


static void
ngx_http_websocket_auth_tokenless(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_auth_t          *auth;
    ngx_http_websocket_subscription_t  *sub;

    auth = s->record->aside->auth;

    auth->end = auth->limit;
    auth->remind = NGX_HTTP_WEBSOCKET_AUTH_NEVER;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        sub->publishes = 1;
    }
}


/*
 * A client is reminded no earlier than when half of the time is over, so that
 * one that always gets tokens of a short life does not renew in a loop.
 */

static void
ngx_http_websocket_auth_set(ngx_http_websocket_session_t *s,
    ngx_http_websocket_grant_t *grant)
{
    int64_t                             now, renew;
    ngx_http_websocket_jwt_t           *jwt;
    ngx_http_websocket_auth_t          *auth;
    ngx_http_websocket_subscription_t  *sub;

    auth = s->record->aside->auth;
    jwt = s->conf->jwt;

    auth->wrong = 0;
    auth->revocable = ngx_http_websocket_revocable(&auth->token,
                                                   &grant->token);
    auth->end = auth->limit;
    auth->remind = NGX_HTTP_WEBSOCKET_AUTH_NEVER;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        sub->publishes = (ngx_http_websocket_auth_rights(sub, grant)
                          & NGX_WEBSOCKET_RIGHT_PUBLISH)
                         != 0;
    }

    if (grant->token.expires == NGX_WEBSOCKET_TOKEN_NEVER) {
        return;
    }

    auth->end = ngx_min((grant->token.expires + jwt->rules.leeway) * 1000,
                        auth->limit);

    /* who can send one */

    if (jwt->renew && ngx_http_websocket_protocol_of(s)->receive) {

        now = ngx_http_websocket_auth_now();
        renew = (int64_t) jwt->renew * 1000;

        auth->remind = auth->end - ngx_min(renew, (auth->end - now) / 2);
    }
}


static ngx_uint_t
ngx_http_websocket_auth_rights(ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_grant_t *grant)
{
    ngx_str_t  name;

    ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub), &name);

    return ngx_http_websocket_grant_rights(grant, &name);
}


static int64_t
ngx_http_websocket_auth_now(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}


const char *
ngx_http_websocket_auth_subject(ngx_http_websocket_auth_t *auth)
{
    return auth->named ? auth->subject : NULL;
}


void
ngx_http_websocket_auth_user(ngx_http_websocket_auth_t *auth, ngx_str_t *user)
{
    *user = auth->user;
}


ngx_http_websocket_time_t
ngx_http_websocket_auth_due(ngx_http_websocket_session_t *s)
{
    int64_t                     left;
    ngx_http_websocket_auth_t  *auth;

    auth = s->record->aside->auth;

    left = ngx_min(auth->end, auth->remind) - ngx_http_websocket_auth_now();
    left = ngx_max(left, 0);

    return ngx_http_websocket_now()
           + (ngx_http_websocket_time_t)
             ngx_min(left, (int64_t) NGX_HTTP_WEBSOCKET_LONGEST);
}


ngx_uint_t
ngx_http_websocket_auth_over(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_auth_t  *auth;

    auth = s->record->aside->auth;

    return ngx_http_websocket_auth_now() >= auth->end
           || ngx_http_websocket_auth_is_revoked(auth);
}


ngx_int_t
ngx_http_websocket_auth_expire(ngx_http_websocket_session_t *s)
{
    int64_t                      now;
    ngx_http_websocket_auth_t   *auth;
    ngx_http_websocket_frame_t  *frame;

    auth = s->record->aside->auth;
    now = ngx_http_websocket_auth_now();

    if (now >= auth->limit) {
        ngx_http_websocket_session_close_text(s,
                                             NGX_HTTP_WEBSOCKET_REASON_EXPIRED,
                                             "session expired");
        return NGX_DONE;
    }

    if (now >= auth->end) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_EXPIRED);
        return NGX_DONE;
    }

    if (ngx_http_websocket_auth_is_revoked(auth)) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_REVOKED);
        return NGX_DONE;
    }

    if (now < auth->remind) {
        return NGX_OK;
    }

    auth->remind = NGX_HTTP_WEBSOCKET_AUTH_NEVER;

    /* without memory the client is not reminded */

    frame = ngx_http_websocket_auth_frame(s, json_pack("{s:s,s:o}", "type",
                                          "token_expiring", "expires",
                                          ngx_http_websocket_auth_expires(s)));
    if (frame) {
        (void) ngx_http_websocket_send_bytes(s, frame);
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_websocket_auth_is_revoked(ngx_http_websocket_auth_t *auth)
{
    return (auth->revocable && ngx_http_websocket_revoked(&auth->token))
           || (auth->expelled && ngx_http_websocket_revoked(&auth->of_user));
}


/* one look at all sessions serves for all new revocations */

void
ngx_http_websocket_auth_revoke(void)
{
    if (ngx_http_websocket_revocations_new()) {
        ngx_http_websocket_wheel_visit(ngx_http_websocket_auth_revoked);
    }
}


static void
ngx_http_websocket_auth_revoked(ngx_queue_t *node)
{
    ngx_http_websocket_auth_t          *auth;
    ngx_http_websocket_session_t       *s;
    const ngx_http_websocket_choice_t  *choice;

    s = ngx_queue_data(node, ngx_http_websocket_session_t, timer);
    auth = s->record->aside->auth;
    choice = ngx_http_websocket_protocol_of(s)->choice;

    if ((auth && ngx_http_websocket_auth_is_revoked(auth))
        || (choice && choice->revoked(s)))
    {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_REVOKED);
    }

    ngx_http_websocket_session_schedule(s);
}


ngx_http_websocket_aside_e
ngx_http_websocket_auth_receive(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    json_t      *json;
    ngx_uint_t   readable;

    if (ngx_http_websocket_auth_maybe(s, type, data, size)) {

        json = ngx_http_websocket_auth_token(data, size, &readable);

        if (json || !readable) {

            /* to verify a signature takes as long as thousands of messages */

            (void) ngx_http_websocket_session_pause_for(s,
                                                    NGX_HTTP_WEBSOCKET_MOMENT);
        }

        if (json) {
            return ngx_http_websocket_auth_renew(s, json);
        }

        /* a message with a malformed token must not be published either */

        if (!readable) {
            return ngx_http_websocket_auth_wrong(s, "the message is no JSON, "
                                                 "or too much of it");
        }
    }

    return NGX_HTTP_WEBSOCKET_ASIDE_OTHER;
}


/*
 * Whether the message may be one with a token: it need not be parsed if it has
 * no such word, nor a letter of it as an escape.  A token that is too long
 * counts as one, and is not published either.
 */

static ngx_uint_t
ngx_http_websocket_auth_maybe(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    u_char  *p, *last;

    if (s->conf->jwt == NULL || s->conf->jwt->renew == 0
        || type != NGX_WEBSOCKET_TEXT) {
        return 0;
    }

    last = data + size;

    for (p = data; p < last; p++) {
        if (*p != ' ' && *p != '\t' && *p != CR && *p != LF) {
            break;
        }
    }

    if (p == last || *p != '{') {
        return 0;
    }

    if (ngx_strlcasestrn(p, last, (u_char *) "\"token\"",
                         sizeof("\"token\"") - 2))
    {
        return 1;
    }

    while ((p = ngx_strlchr(p, last, '\\')) != NULL) {

        if (last - p > 4 && ngx_strncmp(p, "\\u00", 4) == 0
            && p[4] >= '4' && p[4] <= '7')
        {
            return 1;
        }

        p++;
    }

    return 0;
}


/*
 * {"type":"token","token":"..."}, as JSON; NULL for anything else, which may
 * be none for want of memory: then *readable is 0 too.
 */

static json_t *
ngx_http_websocket_auth_token(u_char *data, size_t size, ngx_uint_t *readable)
{
    json_t                      *json;
    const char                  *name;
    ngx_websocket_json_error_t   error;

    *readable = ngx_websocket_json_decode((char *) data, size,
                                          &ngx_http_websocket_token_limits,
                                          &json, &error)
                == NGX_WEBSOCKET_JSON_OK;

    if (!*readable) {
        return NULL;
    }

    name = json_string_value(json_object_get(json, "type"));

    if (name == NULL || ngx_strcmp(name, "token") != 0
        || !json_is_string(json_object_get(json, "token")))
    {
        json_decref(json);
        return NULL;
    }

    return json;
}


/* takes the reference to the message; returns as ..._auth_receive() */

static ngx_int_t
ngx_http_websocket_auth_renew(ngx_http_websocket_session_t *s, json_t *json)
{
    json_t                      *token;
    ngx_int_t                    accepted;
    const char                  *error;
    ngx_http_websocket_grant_e   rc;
    ngx_http_websocket_grant_t   grant;

    token = json_object_get(json, "token");

    rc = ngx_http_websocket_grant(&grant, s->conf->jwt,
                                  (const u_char *) json_string_value(token),
                                  json_string_length(token), &error);
    json_decref(json);

    if (rc == NGX_HTTP_WEBSOCKET_GRANT_REFUSED) {
        return ngx_http_websocket_auth_wrong(s, error);
    }

    if (rc == NGX_HTTP_WEBSOCKET_GRANT_NO_MEMORY) {
        return ngx_http_websocket_auth_wrong(s, "no memory for the token");
    }

    if (!ngx_http_websocket_auth_same(s->record->aside->auth,
                                      grant.token.subject))
    {
        ngx_http_websocket_grant_free(&grant);

        return ngx_http_websocket_auth_wrong(s,
                                          "the token is of another subject");
    }

    if (ngx_http_websocket_grant_revoked(&grant)) {
        ngx_http_websocket_grant_free(&grant);

        return ngx_http_websocket_auth_wrong(s, "the token was revoked");
    }

    accepted = ngx_http_websocket_auth_accept(s, &grant);
    ngx_http_websocket_grant_free(&grant);

    return accepted;
}


static ngx_int_t
ngx_http_websocket_auth_accept(ngx_http_websocket_session_t *s,
    ngx_http_websocket_grant_t *grant)
{
    const char  *lacks;

    lacks = ngx_http_websocket_auth_lacks(s, grant);

    if (lacks) {
        ngx_http_websocket_session_close_text(s,
                                         NGX_HTTP_WEBSOCKET_REASON_TOKEN_LACKS,
                                         lacks);
        return NGX_OK;
    }

    ngx_http_websocket_auth_set(s, grant);

    ngx_http_websocket_session_schedule(s);

    return ngx_http_websocket_auth_reply(s, json_pack("{s:s,s:o}", "type",
                                          "token_renewed", "expires",
                                          ngx_http_websocket_auth_expires(s)));
}


/*
 * returns the right that the session has by its old token, and the new one does
 * not grant
 */

static const char *
ngx_http_websocket_auth_lacks(ngx_http_websocket_session_t *s,
    ngx_http_websocket_grant_t *grant)
{
    const char                         *lacks;
    ngx_uint_t                          n, wanted;
    ngx_http_websocket_subscription_t  *sub;

    lacks = ngx_http_websocket_grant_lacks(grant, s->conf);

    if (lacks) {
        return lacks;
    }

    n = NGX_MAX_INT32_VALUE;
    wanted = ngx_http_websocket_mode_rights(s->conf, &n);

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub && n > 0;
         sub = ngx_http_websocket_subscription_next(s, sub), n--)
    {
        if ((ngx_http_websocket_auth_rights(sub, grant) & wanted) == 0) {
            return "the new token has no right to the channel";
        }
    }

    return NULL;
}


static ngx_uint_t
ngx_http_websocket_auth_same(ngx_http_websocket_auth_t *auth,
    const char *subject)
{
    if (!auth->named || subject == NULL) {
        return !auth->named && subject == NULL;
    }

    return ngx_strcmp(auth->subject, subject) == 0;
}


static ngx_int_t
ngx_http_websocket_auth_wrong(ngx_http_websocket_session_t *s,
    const char *error)
{
    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "websocket token not renewed: %s", error);

    if (++s->record->aside->auth->wrong > NGX_HTTP_WEBSOCKET_WRONG_TOKENS) {
        ngx_http_websocket_session_close(s,
                                       NGX_HTTP_WEBSOCKET_REASON_WRONG_TOKENS);
        return NGX_OK;
    }

    return ngx_http_websocket_auth_reply(s, json_pack("{s:s,s:s}", "type",
                                                      "token_error",
                                                      "message", error));
}


/* the end as the token says it, without the leeway */

static json_t *
ngx_http_websocket_auth_expires(ngx_http_websocket_session_t *s)
{
    int64_t  end;

    end = s->record->aside->auth->end;

    if (end == NGX_HTTP_WEBSOCKET_AUTH_NEVER) {
        return json_null();
    }

    return json_integer(end == s->record->aside->auth->limit
                        ? end / 1000
                        : end / 1000 - s->conf->jwt->rules.leeway);
}


/* takes the reference to json, which may be NULL */

static ngx_http_websocket_frame_t *
ngx_http_websocket_auth_frame(ngx_http_websocket_session_t *s, json_t *json)
{
    char                        *text;
    ngx_http_websocket_frame_t  *frame;

    frame = NULL;
    text = json ? json_dumps(json, JSON_COMPACT) : NULL;

    if (text) {
        frame = ngx_http_websocket_protocol_of(s)->reply(s, text,
                                                         ngx_strlen(text));
        free(text);
    }

    json_decref(json);

    return frame;
}


static ngx_int_t
ngx_http_websocket_auth_reply(ngx_http_websocket_session_t *s, json_t *json)
{
    return ngx_http_websocket_send_answer(s,
                                      ngx_http_websocket_auth_frame(s, json));
}
