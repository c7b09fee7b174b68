
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_variables.h"
#include "session/ngx_http_websocket_hooked.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_token.h"
#include "wire/utf8.h"


typedef enum {
    NGX_HTTP_WEBSOCKET_V_SESSION = 0,
    NGX_HTTP_WEBSOCKET_V_MESSAGES_IN,
    NGX_HTTP_WEBSOCKET_V_MESSAGES_OUT,
    NGX_HTTP_WEBSOCKET_V_BYTES_IN,
    NGX_HTTP_WEBSOCKET_V_BYTES_OUT,
    NGX_HTTP_WEBSOCKET_V_DROPPED,
    NGX_HTTP_WEBSOCKET_V_REFUSED,
    NGX_HTTP_WEBSOCKET_V_CLOSE_CODE,
    NGX_HTTP_WEBSOCKET_V_DURATION
} ngx_http_websocket_variable_e;


static ngx_int_t ngx_http_websocket_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static u_char *ngx_http_websocket_variable_print(u_char *p,
    ngx_http_websocket_session_t *s, ngx_http_websocket_variable_e what);
static ngx_int_t ngx_http_websocket_variable_rtt(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_websocket_variable_channel(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_websocket_variable_close_reason(
    ngx_http_request_t *r, ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_websocket_variable_user(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_uint_t ngx_http_websocket_hooked_user(ngx_http_request_t *r,
    ngx_str_t *user);
static ngx_int_t ngx_http_websocket_variable_hook_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_websocket_named_user(ngx_http_request_t *r,
    ngx_str_t *user);
static void ngx_http_websocket_variable_set(ngx_http_variable_value_t *v,
    u_char *data, size_t len);


static ngx_http_variable_t  ngx_http_websocket_variables[] = {

    { ngx_string("websocket_channel"), NULL,
      ngx_http_websocket_variable_channel, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_session"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_SESSION,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_user"), NULL,
      ngx_http_websocket_variable_user, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_messages_in"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_MESSAGES_IN,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_messages_out"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_MESSAGES_OUT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_bytes_in"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_BYTES_IN,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_bytes_out"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_BYTES_OUT,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_dropped"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_DROPPED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_rate_limited"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_REFUSED,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_close_code"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_CLOSE_CODE,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_close_reason"), NULL,
      ngx_http_websocket_variable_close_reason, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_rtt"), NULL,
      ngx_http_websocket_variable_rtt, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_hook_time"), NULL,
      ngx_http_websocket_variable_hook_time, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("websocket_duration"), NULL,
      ngx_http_websocket_variable, NGX_HTTP_WEBSOCKET_V_DURATION,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_websocket_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_websocket_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return ngx_http_websocket_add_claims(cf);
}


/* numbers of the session; not found where there is none */

static ngx_int_t
ngx_http_websocket_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                    *p;
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ctx == NULL || ctx->session == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + sizeof(".000"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_variable_set(v, p,
                   ngx_http_websocket_variable_print(p, ctx->session, data)
                   - p);

    return NGX_OK;
}


static u_char *
ngx_http_websocket_variable_print(u_char *p, ngx_http_websocket_session_t *s,
    ngx_http_websocket_variable_e what)
{
    ngx_msec_int_t  ms;

    switch (what) {

    case NGX_HTTP_WEBSOCKET_V_SESSION:
        return ngx_sprintf(p, "%016xL", s->record->id);

    case NGX_HTTP_WEBSOCKET_V_MESSAGES_IN:
        return ngx_sprintf(p, "%uL", s->record->messages_in);

    case NGX_HTTP_WEBSOCKET_V_MESSAGES_OUT:
        return ngx_sprintf(p, "%uL", s->messages_out);

    case NGX_HTTP_WEBSOCKET_V_BYTES_IN:
        return ngx_sprintf(p, "%uL", s->record->bytes_in);

    case NGX_HTTP_WEBSOCKET_V_BYTES_OUT:
        return ngx_sprintf(p, "%uL",
                           ngx_http_websocket_session_bytes_out(s));

    case NGX_HTTP_WEBSOCKET_V_DROPPED:
        return ngx_sprintf(p, "%uD", s->record->dropped);

    case NGX_HTTP_WEBSOCKET_V_REFUSED:
        return ngx_sprintf(p, "%uD", ngx_http_websocket_limits_refused(s));

    case NGX_HTTP_WEBSOCKET_V_CLOSE_CODE:
        return ngx_sprintf(p, "%ui", (ngx_uint_t) s->record->close_code);

    default:  /* NGX_HTTP_WEBSOCKET_V_DURATION */
        ms = ngx_max((ngx_msec_int_t) (ngx_current_msec
                                       - s->record->started), 0);

        return ngx_sprintf(p, "%T.%03M", (time_t) (ms / 1000),
                           (ngx_msec_t) ms % 1000);
    }
}


static ngx_int_t
ngx_http_websocket_variable_rtt(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                    *p;
    uint32_t                   rtt;
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    rtt = ctx && ctx->session ? ctx->session->record->rtt : 0;

    if (rtt == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT32_LEN + sizeof(".000"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    rtt--;

    ngx_http_websocket_variable_set(v, p,
                                    ngx_sprintf(p, "%uD.%03uD", rtt / 1000,
                                                rtt % 1000)
                                    - p);

    return NGX_OK;
}


/* how long the application was asked, all in all */

static ngx_int_t
ngx_http_websocket_variable_hook_time(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                    *p;
    ngx_msec_t                 time;
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ctx && ctx->session && ctx->session->record->aside->hooked) {
        time = ctx->session->record->aside->hooked->time;

    } else if (ctx && ctx->introduced) {
        time = ctx->introduced->time;

    } else {
        v->not_found = 1;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_TIME_T_LEN + 4);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_variable_set(v, p,
                         ngx_sprintf(p, "%T.%03M", (time_t) (time / 1000),
                                     time % 1000) - p);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_variable_channel(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char                    *p, *start;
    size_t                     len;
    ngx_uint_t                 i;
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ctx == NULL || ctx->nchannels == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    len = 0;

    for (i = 0; i < ctx->nchannels; i++) {
        len += ctx->channels[i].len + 1;
    }

    start = ngx_pnalloc(r->pool, len);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    for (i = 0; i < ctx->nchannels; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, ctx->channels[i].data, ctx->channels[i].len);
    }

    ngx_http_websocket_variable_set(v, start, p - start);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_variable_close_reason(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_websocket_ctx_t     *ctx;
    ngx_http_websocket_record_t  *record;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    record = ctx && ctx->session ? ctx->session->record : NULL;

    if (record == NULL || record->aside->close_reason == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    ngx_http_websocket_variable_set(v, record->aside->close_reason,
                                    record->aside->close_reason_size);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_variable_user(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    u_char     *p;
    ngx_int_t   rc;
    ngx_str_t   user;

    rc = ngx_http_websocket_user(r, &user);

    if (rc != NGX_OK) {
        v->not_found = 1;
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    /* the token may be freed before the request is: the value is copied */

    p = ngx_pnalloc(r->pool, user.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, user.data, user.len);
    ngx_http_websocket_variable_set(v, p, user.len);

    return NGX_OK;
}


/* whom the application has named, when it was asked */

static ngx_uint_t
ngx_http_websocket_hooked_user(ngx_http_request_t *r, ngx_str_t *user)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ctx == NULL) {
        return 0;
    }

    if (ctx->introduced) {
        *user = ctx->introduced->user;
        return user->len != 0;
    }

    if (ctx->session == NULL || ctx->session->record->aside->hooked == NULL
        || ctx->session->record->aside->auth == NULL)
    {
        return 0;
    }

    ngx_http_websocket_auth_user(ctx->session->record->aside->auth, user);

    return user->len != 0;
}


/*
 * The value of websocket_user: a session keeps it.  It goes to logs and names,
 * so that one with control characters is none.
 */

static ngx_int_t
ngx_http_websocket_named_user(ngx_http_request_t *r, ngx_str_t *user)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ctx && ctx->session && ctx->session->record->aside->auth) {
        ngx_http_websocket_auth_user(ctx->session->record->aside->auth, user);

    } else if (ngx_http_complex_value(r, conf->user, user) != NGX_OK) {
        return NGX_ERROR;
    }

    return user->len && ngx_websocket_control(user->data, user->len)
                        == user->len
           ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_websocket_user(ngx_http_request_t *r, ngx_str_t *user)
{
    ngx_int_t                       rc;
    const char                     *subject;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (ngx_http_websocket_hooked_user(r, user)) {
        return NGX_OK;
    }

    if (conf->user) {
        return ngx_http_websocket_named_user(r, user);
    }

    subject = ngx_http_websocket_subject(r);

    if (subject) {
        user->data = (u_char *) subject;
        user->len = ngx_strlen(subject);

        return NGX_OK;
    }

    /*
     * Where tokens are required, a token without a subject must not let the
     * client name a user in Authorization.
     */

    rc = conf->jwt ? NGX_DECLINED : ngx_http_auth_basic_user(r);

    if (rc != NGX_OK) {
        return rc;
    }

    *user = r->headers_in.user;

    return user->len ? NGX_OK : NGX_DECLINED;
}


static void
ngx_http_websocket_variable_set(ngx_http_variable_value_t *v, u_char *data,
    size_t len)
{
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = data;
    v->len = len;
}
