
#include "http/ngx_http_websocket_api_channel.h"
#include "broker/ngx_http_websocket_broker.h"
#include "centrifuge/json_codec.h"
#include "centrifuge/request.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_fetch.h"
#include "http/ngx_http_websocket_suspend.h"
#include "protocol/ngx_http_websocket_centrifuge_history.h"
#include "protocol/ngx_http_websocket_centrifuge_presence.h"


/* bytes of a list of members */
#define NGX_HTTP_WEBSOCKET_API_LIST  (1024 * 1024)


/* a call that is done in parts, in r->pool */

typedef struct {
    ngx_http_request_t             *request;
    ngx_http_websocket_api_call_t  *call;
    ngx_str_t                       name;
    ngx_uint_t                      stats;
    ngx_http_websocket_roll_t      *roll;       /* NULL: none is pending */
    ngx_websocket_command_t         command;    /* what it would be of a
                                                   client */
} ngx_http_websocket_api_asking_t;


static ngx_http_websocket_api_error_e ngx_http_websocket_api_channel(
    ngx_http_request_t *r, ngx_http_websocket_api_call_t *call,
    ngx_str_t *name, ngx_http_websocket_namespace_t **ns);
static ngx_http_websocket_api_asking_t *ngx_http_websocket_api_asking(
    ngx_http_request_t *r, ngx_http_websocket_api_call_t *call,
    ngx_str_t *name);
static ngx_int_t ngx_http_websocket_api_crowd(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, ngx_uint_t stats);
static ngx_int_t ngx_http_websocket_api_crowd_read(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_api_roll(ngx_http_request_t *r,
    ngx_http_websocket_api_asking_t *asking);
static void ngx_http_websocket_api_roll_gone(void *data);
static void ngx_http_websocket_api_rolled(ngx_http_websocket_roll_t *roll);
static ngx_int_t ngx_http_websocket_api_crowd_tell(ngx_http_request_t *r,
    ngx_http_websocket_api_asking_t *asking,
    ngx_http_websocket_centrifuge_crowd_t *crowd, int rc);
static ngx_uint_t ngx_http_websocket_api_page_command(
    ngx_http_websocket_api_call_t *call, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_api_fetched(ngx_http_request_t *r,
    ngx_int_t rc);
static ngx_int_t ngx_http_websocket_api_page(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_api_tell(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const ngx_websocket_reply_t *reply);


/* sets a channel that there may be, and its namespace */

static ngx_http_websocket_api_error_e
ngx_http_websocket_api_channel(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, ngx_str_t *name,
    ngx_http_websocket_namespace_t **ns)
{
    json_t                         *channel;
    ngx_http_websocket_loc_conf_t  *conf;

    channel = json_object_get(call->args, "channel");

    name->data = (u_char *) json_string_value(channel);
    name->len = json_string_length(channel);

    if (ngx_http_websocket_channel_name_error(name)) {
        return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    *ns = ngx_http_websocket_namespace_of(conf->namespaces, name);

    return *ns ? NGX_HTTP_WEBSOCKET_API_OK
               : NGX_HTTP_WEBSOCKET_API_UNKNOWN_CHANNEL;
}


/* for await() and fetch(): the request's channel, and what it is about */

static ngx_http_websocket_api_asking_t *
ngx_http_websocket_api_asking(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, ngx_str_t *name)
{
    ngx_http_websocket_ctx_t         *ctx;
    ngx_http_websocket_api_asking_t  *asking;

    ctx = ngx_http_websocket_ctx(r);
    asking = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_api_asking_t));

    if (ctx == NULL || asking == NULL) {
        return NULL;
    }

    asking->request = r;
    asking->call = call;
    asking->name = *name;

    ctx->channels = &asking->name;
    ctx->nchannels = 1;
    ctx->pending = asking;

    return asking;
}


ngx_int_t
ngx_http_websocket_api_presence(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    return ngx_http_websocket_api_crowd(r, call, 0);
}


ngx_int_t
ngx_http_websocket_api_presence_stats(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    return ngx_http_websocket_api_crowd(r, call, 1);
}


static ngx_int_t
ngx_http_websocket_api_crowd(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, ngx_uint_t stats)
{
    ngx_str_t                         name;
    ngx_http_websocket_loc_conf_t    *conf;
    ngx_http_websocket_namespace_t   *ns;
    ngx_http_websocket_api_error_e    error;
    ngx_http_websocket_api_asking_t  *asking;

    error = ngx_http_websocket_api_channel(r, call, &name, &ns);

    if (error == NGX_HTTP_WEBSOCKET_API_OK && !ns->presence) {
        error = NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE;
    }

    if (error) {
        return ngx_http_websocket_api_refuse(r, call, error);
    }

    asking = ngx_http_websocket_api_asking(r, call, &name);
    if (asking == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    asking->stats = stats;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    return conf->zone->broker->roll ? ngx_http_websocket_api_roll(r, asking)
                                    : ngx_http_websocket_api_crowd_read(r);
}


static ngx_int_t
ngx_http_websocket_api_crowd_read(ngx_http_request_t *r)
{
    int                                     found;
    ngx_int_t                               rc;
    ngx_http_websocket_ctx_t               *ctx;
    ngx_http_websocket_loc_conf_t          *conf;
    ngx_http_websocket_api_asking_t        *asking;
    ngx_http_websocket_centrifuge_crowd_t   crowd;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    asking = ctx->pending;

    ngx_http_websocket_centrifuge_crowd_init(&crowd, &ngx_websocket_json_codec,
                                             asking->stats);

    found = ngx_http_websocket_centrifuge_crowd_read(conf->zone, &asking->name,
                                                     &crowd);

    rc = found == NGX_WEBSOCKET_STORE_BUSY
         ? ngx_http_websocket_await_or_refuse(r,
                                            ngx_http_websocket_api_crowd_read)
         : ngx_http_websocket_api_crowd_tell(r, asking, &crowd, found);

    ngx_http_websocket_centrifuge_crowd_free(&crowd);

    return rc;
}


/* those of all nodes */

static ngx_int_t
ngx_http_websocket_api_roll(ngx_http_request_t *r,
    ngx_http_websocket_api_asking_t *asking)
{
    ngx_http_cleanup_t             *cln;
    ngx_http_websocket_roll_t       roll;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memzero(&roll, sizeof(ngx_http_websocket_roll_t));

    roll.channel = asking->name;
    roll.limit = NGX_HTTP_WEBSOCKET_CENTRIFUGE_CROWD;

    if (conf->zone->broker->roll(conf->zone, &roll) != NGX_AGAIN) {
        return ngx_http_websocket_api_refuse(r, asking->call,
                                             NGX_HTTP_WEBSOCKET_API_INTERNAL);
    }

    cln->handler = ngx_http_websocket_api_roll_gone;
    cln->data = asking;

    asking->roll = roll.pending;

    roll.pending->done = ngx_http_websocket_api_rolled;
    roll.pending->data = asking;

    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_api_roll_gone(void *data)
{
    ngx_http_websocket_api_asking_t *asking = data;

    if (asking->roll) {
        asking->roll->done = NULL;
    }
}


static void
ngx_http_websocket_api_rolled(ngx_http_websocket_roll_t *roll)
{
    ngx_int_t                               rc;
    ngx_uint_t                              i;
    ngx_http_request_t                     *r;
    ngx_http_websocket_api_asking_t        *asking;
    ngx_http_websocket_centrifuge_crowd_t   crowd;

    asking = roll->data;
    asking->roll = NULL;

    r = asking->request;

    ngx_http_websocket_resume(r);

    if (roll->rc != NGX_HTTP_WEBSOCKET_FETCHED) {
        ngx_http_websocket_finish(r, ngx_http_websocket_api_refuse(r,
                                            asking->call,
                                            NGX_HTTP_WEBSOCKET_API_INTERNAL));
        return;
    }

    ngx_http_websocket_centrifuge_crowd_init(&crowd, &ngx_websocket_json_codec,
                                             asking->stats);

    for (i = 0; i < roll->n; i++) {
        ngx_http_websocket_centrifuge_crowd_add(&crowd, &roll->members[i]);
    }

    rc = ngx_http_websocket_api_crowd_tell(r, asking, &crowd,
                                           roll->total > roll->n
                                           ? NGX_WEBSOCKET_STORE_OK
                                           : NGX_WEBSOCKET_STORE_EMPTY);

    ngx_http_websocket_centrifuge_crowd_free(&crowd);
    ngx_http_websocket_finish(r, rc);
}


static ngx_int_t
ngx_http_websocket_api_crowd_tell(ngx_http_request_t *r,
    ngx_http_websocket_api_asking_t *asking,
    ngx_http_websocket_centrifuge_crowd_t *crowd, int rc)
{
    ngx_websocket_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_websocket_reply_t));

    reply.kind = asking->stats ? NGX_WEBSOCKET_COMMAND_PRESENCE_STATS
                               : NGX_WEBSOCKET_COMMAND_PRESENCE;

    ngx_http_websocket_centrifuge_crowd_reply(crowd, rc,
                                              NGX_HTTP_WEBSOCKET_API_LIST,
                                              &reply);

    return ngx_http_websocket_api_tell(r, asking->call, &reply);
}


ngx_int_t
ngx_http_websocket_api_history(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    ngx_str_t                         name;
    ngx_http_websocket_loc_conf_t    *conf;
    ngx_http_websocket_namespace_t   *ns;
    ngx_http_websocket_api_error_e    error;
    ngx_http_websocket_api_asking_t  *asking;

    error = ngx_http_websocket_api_channel(r, call, &name, &ns);

    if (error == NGX_HTTP_WEBSOCKET_API_OK && ns->history.length == 0) {
        error = NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE;
    }

    if (error) {
        return ngx_http_websocket_api_refuse(r, call, error);
    }

    asking = ngx_http_websocket_api_asking(r, call, &name);
    if (asking == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!ngx_http_websocket_api_page_command(call, &asking->command)) {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    return ngx_http_websocket_fetch(r, conf->zone->broker->history,
                                    ngx_http_websocket_api_fetched);
}


/* 0 when something is not as it should be */

static ngx_uint_t
ngx_http_websocket_api_page_command(ngx_http_websocket_api_call_t *call,
    ngx_websocket_command_t *command)
{
    json_t  *since, *limit, *offset, *epoch;

    limit = json_object_get(call->args, "limit");
    since = json_object_get(call->args, "since");
    offset = json_object_get(since, "offset");
    epoch = json_object_get(since, "epoch");

    if ((limit && !json_is_integer(limit))
        || (since && !json_is_object(since))
        || (offset && (!json_is_integer(offset)
                       || json_integer_value(offset) < 0))
        || (epoch && !json_is_string(epoch)))
    {
        return 0;
    }

    command->limit = (int32_t) ngx_max(-1, ngx_min(json_integer_value(limit),
                                                   INT32_MAX));
    command->reverse = json_is_true(json_object_get(call->args, "reverse"));
    command->since = since != NULL;
    command->offset = (uint64_t) json_integer_value(offset);
    command->epoch.data = json_string_value(epoch);
    command->epoch.size = json_string_length(epoch);

    return 1;
}


/* the zone has what there is of the channel */

static ngx_int_t
ngx_http_websocket_api_fetched(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_websocket_ctx_t         *ctx;
    ngx_http_websocket_api_asking_t  *asking;

    if (rc == NGX_HTTP_WEBSOCKET_FETCHED) {
        return ngx_http_websocket_api_page(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    asking = ctx->pending;

    return ngx_http_websocket_api_refuse(r, asking->call,
                                         NGX_HTTP_WEBSOCKET_API_INTERNAL);
}


static ngx_int_t
ngx_http_websocket_api_page(ngx_http_request_t *r)
{
    ngx_int_t                              rc;
    ngx_websocket_reply_t                  reply;
    ngx_http_websocket_ctx_t              *ctx;
    ngx_http_websocket_loc_conf_t         *conf;
    ngx_http_websocket_api_asking_t       *asking;
    ngx_http_websocket_centrifuge_page_t   page;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    asking = ctx->pending;

    ngx_memzero(&reply, sizeof(ngx_websocket_reply_t));
    ngx_memzero(&page, sizeof(ngx_http_websocket_centrifuge_page_t));

    reply.kind = NGX_WEBSOCKET_COMMAND_HISTORY;
    page.codec = &ngx_websocket_json_codec;
    page.name = asking->name;

    rc = ngx_http_websocket_centrifuge_page(conf->zone, &page,
                                            &asking->command, &reply);

    rc = rc == NGX_AGAIN
         ? ngx_http_websocket_await_or_refuse(r, ngx_http_websocket_api_page)
         : ngx_http_websocket_api_tell(r, asking->call, &reply);

    ngx_websocket_json_text_done(&page.list);

    return rc;
}


/* the result is what a client would be told: {KIND:RESULT} */

static ngx_int_t
ngx_http_websocket_api_tell(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const ngx_websocket_reply_t *reply)
{
    size_t                      head;
    ngx_int_t                   rc;
    ngx_websocket_json_text_t   text;

    if (reply->error) {
        return ngx_http_websocket_api_refuse(r, call,
                               (ngx_http_websocket_api_error_e) reply->error);
    }

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_codec.reply(&text, reply);

    head = ngx_strlen(ngx_websocket_requests[reply->kind].name) + 4;

    rc = text.failed
         ? NGX_HTTP_INTERNAL_SERVER_ERROR
         : ngx_http_websocket_api_answer_text(r, call, text.data + head,
                                              text.size - head - 1);

    ngx_websocket_json_text_done(&text);

    return rc;
}
