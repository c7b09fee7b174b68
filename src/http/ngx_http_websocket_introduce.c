
#include "http/ngx_http_websocket_introduce.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_handshake.h"
#include "http/ngx_http_websocket_suspend.h"
#include "http/ngx_http_websocket_variables.h"
#include "hub/ngx_http_websocket_channel_name.h"
#include "session/ngx_http_websocket_protocol.h"


typedef struct {
    ngx_http_request_t            *request;
    ngx_http_websocket_call_t     *call;        /* NULL: it is over */
    ngx_str_t                      key;
    ngx_http_websocket_options_t   options;
    unsigned                       socket:1;    /* key is that of its
                                                   handshake */
} ngx_http_websocket_introduction_t;


static ngx_int_t ngx_http_websocket_introduce_ask(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    ngx_str_t *key);
static ngx_http_websocket_call_t *ngx_http_websocket_introduce_call(
    ngx_http_request_t *r, ngx_http_websocket_ctx_t *ctx,
    ngx_http_websocket_options_t *options);
static void ngx_http_websocket_introduce_gone(void *data);
static void ngx_http_websocket_introduce_done(
    ngx_http_websocket_call_t *call);
static ngx_int_t ngx_http_websocket_introduce_take(
    ngx_http_websocket_introduction_t *in, ngx_http_websocket_verdict_t *v);
static ngx_int_t ngx_http_websocket_introduce_keep(ngx_http_request_t *r,
    ngx_http_websocket_introduced_t *to, ngx_websocket_answer_t *answer);
static ngx_int_t ngx_http_websocket_introduce_channels(ngx_http_request_t *r,
    ngx_http_websocket_introduced_t *to, json_t *channels);
static ngx_int_t ngx_http_websocket_introduce_add(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);
static ngx_uint_t ngx_http_websocket_introduce_known(
    ngx_http_websocket_ctx_t *ctx, ngx_str_t *name);
static ngx_int_t ngx_http_websocket_introduce_string(ngx_http_request_t *r,
    json_t *json, ngx_str_t *to);
static void ngx_http_websocket_introduce_unsent(void *data);
static ngx_int_t ngx_http_websocket_introduce_refused(ngx_http_request_t *r,
    ngx_http_websocket_verdict_t *verdict);


ngx_int_t
ngx_http_websocket_introduce(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    ngx_str_t *key)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_CONNECT] == NULL
        || conf->centrifuge)
    {
        return NGX_HTTP_WEBSOCKET_PASS;
    }

    if (ctx->introduced == NULL || !ctx->introduced->answered) {
        return ngx_http_websocket_introduce_ask(r, ctx, options, key);
    }

    /* the handshake has begun anew, since the zone was stuck */

    if (ctx->introduced->user.len) {
        options->user = ctx->introduced->user;
    }

    return ngx_http_websocket_introduce_add(r, ctx) == NGX_OK
           ? NGX_HTTP_WEBSOCKET_PASS : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


static ngx_int_t
ngx_http_websocket_introduce_ask(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    ngx_str_t *key)
{
    ngx_http_cleanup_t                 *cln;
    ngx_http_websocket_introduction_t  *in;

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_introduction_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    in = cln->data;
    ngx_memzero(in, sizeof(ngx_http_websocket_introduction_t));

    ctx->introduced = ngx_pcalloc(r->pool,
                                  sizeof(ngx_http_websocket_introduced_t));
    if (ctx->introduced == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->introduced->session = ngx_http_websocket_session_next();

    in->call = ngx_http_websocket_introduce_call(r, ctx, options);
    if (in->call == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    in->request = r;
    in->options = *options;

    if (key) {
        in->socket = 1;
        in->key = *key;
    }

    cln->handler = ngx_http_websocket_introduce_gone;

    in->call->done = ngx_http_websocket_introduce_done;
    in->call->data = in;

    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


static ngx_http_websocket_call_t *
ngx_http_websocket_introduce_call(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options)
{
    ngx_str_t                       user;
    ngx_http_websocket_hook_t      *hook;
    ngx_websocket_json_text_t       text;
    ngx_http_websocket_asker_t      asker;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    hook = conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_CONNECT];

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));
    ngx_memzero(&asker, sizeof(ngx_http_websocket_asker_t));

    asker.session = ctx->introduced->session;

    switch (ngx_http_websocket_user(r, &user)) {

    case NGX_OK:
        asker.user = user;
        break;

    case NGX_ERROR:
        return NULL;

    default:  /* NGX_DECLINED */
        break;
    }

    ngx_http_websocket_question(&text, hook, conf, &asker);
    ngx_http_websocket_question_add(&text, "protocol",
                                    (u_char *) options->protocol->name,
                                    ngx_strlen(options->protocol->name));
    ngx_http_websocket_question_add(&text, "address",
                                    r->connection->addr_text.data,
                                    r->connection->addr_text.len);
    ngx_http_websocket_question_list(&text, "channels", ctx->channels,
                                     ctx->nchannels);
    ngx_http_websocket_question_end(&text);

    return ngx_http_websocket_call(conf, hook, r->connection, r, &text);
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_introduce_gone(void *data)
{
    ngx_http_websocket_introduction_t  *in = data;

    if (in->call == NULL) {
        return;
    }

    ngx_http_websocket_call_cancel(in->call);

    if (in->options.filter) {
        ngx_http_websocket_filters_release(in->options.filter);
    }
}


static void
ngx_http_websocket_introduce_done(ngx_http_websocket_call_t *call)
{
    ngx_int_t                           rc;
    ngx_http_request_t                 *r;
    ngx_http_websocket_ctx_t           *ctx;
    ngx_http_websocket_verdict_t        verdict;
    ngx_http_websocket_introduction_t  *in;

    in = call->data;
    in->call = NULL;

    r = in->request;
    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    ctx->introduced->time = call->time;

    ngx_http_websocket_verdict(call, &verdict);
    ngx_http_websocket_resume(r);

    rc = ngx_http_websocket_introduce_take(in, &verdict);

    ngx_websocket_answer_done(&verdict.answer);

    if (rc != NGX_DONE) {
        ngx_http_websocket_mask(r);
    }

    ngx_http_websocket_finish(r, rc);
}


static ngx_int_t
ngx_http_websocket_introduce_take(ngx_http_websocket_introduction_t *in,
    ngx_http_websocket_verdict_t *verdict)
{
    ngx_int_t                         rc;
    ngx_http_request_t               *r;
    ngx_http_websocket_ctx_t         *ctx;
    ngx_http_websocket_introduced_t  *introduced;

    r = in->request;
    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    introduced = ctx->introduced;

    if (verdict->rc != NGX_HTTP_WEBSOCKET_VERDICT_GO) {
        rc = ngx_http_websocket_introduce_refused(r, verdict);

    } else if (ngx_http_websocket_introduce_keep(r, introduced,
                                                 &verdict->answer)
               != NGX_OK
               || ngx_http_websocket_introduce_add(r, ctx) != NGX_OK)
    {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        introduced->answered = 1;

        if (introduced->user.len) {
            in->options.user = introduced->user;
        }

        return ngx_http_websocket_open_introduced(r, &in->options,
                                                  in->socket ? &in->key
                                                             : NULL);
    }

    if (in->options.filter) {
        ngx_http_websocket_filters_release(in->options.filter);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_introduce_keep(ngx_http_request_t *r,
    ngx_http_websocket_introduced_t *to, ngx_websocket_answer_t *answer)
{
    ngx_int_t                   rc;
    ngx_http_cleanup_t         *cln;
    ngx_websocket_json_text_t   text;

    to->expires = answer->expires;

    if (answer->user
        && ngx_http_websocket_introduce_string(r, answer->user, &to->user)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (answer->state && !json_is_null(answer->state)) {

        ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));
        ngx_websocket_json_append_value(&text, answer->state);

        to->state.len = text.size;
        to->state.data = text.failed ? NULL : ngx_pnalloc(r->pool, text.size);

        rc = to->state.data ? NGX_OK : NGX_ERROR;

        if (rc == NGX_OK) {
            ngx_memcpy(to->state.data, text.data, text.size);
        }

        ngx_websocket_json_text_done(&text);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (answer->send) {

        cln = ngx_http_cleanup_add(r, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_websocket_introduce_unsent;
        cln->data = to;

        to->send = json_incref(answer->send);
    }

    return ngx_http_websocket_introduce_channels(r, to, answer->channels);
}


static void
ngx_http_websocket_introduce_unsent(void *data)
{
    ngx_http_websocket_introduced_t *to = data;

    json_decref(to->send);
    to->send = NULL;
}


static ngx_int_t
ngx_http_websocket_introduce_channels(ngx_http_request_t *r,
    ngx_http_websocket_introduced_t *to, json_t *channels)
{
    char       *error;
    size_t      i, n;
    ngx_str_t  *name;

    n = json_array_size(channels);

    if (n == 0) {
        return NGX_OK;
    }

    to->channels = ngx_palloc(r->pool, n * sizeof(ngx_str_t));
    if (to->channels == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        name = &to->channels[to->nchannels];

        if (ngx_http_websocket_introduce_string(r, json_array_get(channels, i),
                                                name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        error = ngx_http_websocket_channel_name_error(name);

        if (error) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "websocket_hook connect: a channel of the answer "
                          "is passed over: %s", error);
            continue;
        }

        to->nchannels++;
    }

    return NGX_OK;
}


/* the channels of the answer, behind those of the location */

static ngx_int_t
ngx_http_websocket_introduce_add(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx)
{
    ngx_str_t                        *all;
    ngx_uint_t                        i;
    ngx_http_websocket_introduced_t  *introduced;

    introduced = ctx->introduced;

    if (introduced->nchannels == 0) {
        return NGX_OK;
    }

    all = ngx_palloc(r->pool, (ctx->nchannels + introduced->nchannels)
                              * sizeof(ngx_str_t));
    if (all == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(all, ctx->channels, ctx->nchannels * sizeof(ngx_str_t));

    ctx->channels = all;

    for (i = 0; i < introduced->nchannels; i++) {
        if (!ngx_http_websocket_introduce_known(ctx, &introduced->channels[i]))
        {
            all[ctx->nchannels++] = introduced->channels[i];
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_websocket_introduce_known(ngx_http_websocket_ctx_t *ctx,
    ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < ctx->nchannels; i++) {
        if (ctx->channels[i].len == name->len
            && ngx_memcmp(ctx->channels[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_websocket_introduce_string(ngx_http_request_t *r, json_t *json,
    ngx_str_t *to)
{
    to->len = json_string_length(json);
    to->data = ngx_pnalloc(r->pool, to->len + 1);

    if (to->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(to->data, json_string_value(json), to->len + 1);

    return NGX_OK;
}


/* with the application's status, and its reason */

static ngx_int_t
ngx_http_websocket_introduce_refused(ngx_http_request_t *r,
    ngx_http_websocket_verdict_t *verdict)
{
    ngx_str_t   reason;
    ngx_uint_t  status;

    if (verdict->rc == NGX_HTTP_WEBSOCKET_VERDICT_FAILED) {
        ngx_http_websocket_rejected(r,
                                    NGX_HTTP_WEBSOCKET_REJECTED_HOOK_FAILED);

        return ngx_http_websocket_answer_text(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                                              "the application does not "
                                              "answer now: try again");
    }

    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_HOOK);

    status = verdict->status;

    if (!verdict->answer.close && verdict->answer.code >= NGX_HTTP_BAD_REQUEST
        && verdict->answer.code < NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        status = verdict->answer.code;
    }

    if (verdict->answer.reason == NULL
        || ngx_http_websocket_introduce_string(r, verdict->answer.reason,
                                               &reason)
           != NGX_OK)
    {
        ngx_str_set(&reason, "the application refuses the connection");
    }

    return ngx_http_websocket_answer_text(r, status, (char *) reason.data);
}
