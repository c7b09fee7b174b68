
#include "protocol/ngx_http_websocket_centrifuge_server.h"
#include "broker/ngx_http_websocket_broker.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_presence.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "protocol/ngx_http_websocket_centrifuge_subscribe.h"
#include "protocol/ngx_http_websocket_centrifuge_token.h"


/* steps of a turn's work for a subscription */
#define NGX_HTTP_WEBSOCKET_SERVER_STEPS  8


/* a subscription that is being made */

typedef struct {
    ngx_http_websocket_centrifuge_channel_t   channel;
    json_t                                   *options;
    ngx_websocket_command_t                   from;     /* where to recover,
                                                           as a client's
                                                           subscribe has it */
    ngx_websocket_reply_t                     reply;    /* set by _make() */
    u_char                                    epoch[
                                                NGX_WEBSOCKET_POSITION_EPOCH];
    ngx_websocket_json_text_t                 data;     /* that reply has */
} ngx_http_websocket_centrifuge_making_t;


static ngx_int_t ngx_http_websocket_centrifuge_server_all(
    ngx_http_websocket_session_t *s, json_t *subs, json_t *positions,
    ngx_websocket_json_text_t *list);
static ngx_int_t ngx_http_websocket_centrifuge_server_refuse(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_websocket_error_e error);
static ngx_websocket_error_e ngx_http_websocket_centrifuge_server_check(
    ngx_http_websocket_session_t *s, json_t *subs);
static ngx_int_t ngx_http_websocket_centrifuge_server_has(
    ngx_http_websocket_session_t *s, json_t *subs);
static void ngx_http_websocket_centrifuge_server_from(
    ngx_websocket_command_t *from, json_t *position);
static ngx_int_t ngx_http_websocket_centrifuge_server_make(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_making_t *making);
static void ngx_http_websocket_centrifuge_server_tell(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_making_t *making,
    ngx_http_websocket_centrifuge_grant_t *grant,
    ngx_http_websocket_begin_t *begin);


json_t *
ngx_http_websocket_centrifuge_server_claims(json_t *claims,
    ngx_uint_t *failed)
{
    size_t   i;
    json_t  *subs, *channel;

    *failed = 0;
    subs = json_object_get(claims, "subs");

    if (json_object_size(subs)) {
        return json_incref(subs);
    }

    if (json_array_size(json_object_get(claims, "channels")) == 0) {
        return NULL;
    }

    subs = json_object();
    *failed = subs == NULL;

    json_array_foreach(json_object_get(claims, "channels"), i, channel) {

        if (json_is_string(channel)
            && json_object_set_new(subs, json_string_value(channel),
                                   json_object())
               != 0)
        {
            *failed = 1;
        }
    }

    return subs;
}


ngx_int_t
ngx_http_websocket_centrifuge_server_begin(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, json_t *subs,
    ngx_websocket_json_text_t *list)
{
    json_t                 *positions;
    ngx_int_t               rc;
    ngx_websocket_error_e   error;

    if (json_object_size(subs) > s->conf->max_channels) {
        (void) ngx_http_websocket_centrifuge_disconnect(s,
                                  NGX_HTTP_WEBSOCKET_DISCONNECT_CHANNEL_LIMIT);
        return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
    }

    error = ngx_http_websocket_centrifuge_server_check(s, subs);

    if (error) {
        return ngx_http_websocket_centrifuge_server_refuse(s, command, error);
    }

    rc = ngx_http_websocket_centrifuge_server_has(s, subs);

    if (rc == NGX_DECLINED) {
        return ngx_http_websocket_centrifuge_server_refuse(s, command,
                                                 NGX_WEBSOCKET_ERROR_INTERNAL);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    positions = NULL;

    if (command->subs.size) {

        ngx_http_websocket_turn_worked(command->subs.size / 64);

        if (ngx_http_websocket_centrifuge_codec(s)->subs(&command->subs,
                                                         &positions)
            != NGX_WEBSOCKET_JSON_OK)
        {
            (void) ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
            return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
        }
    }

    rc = ngx_http_websocket_centrifuge_server_all(s, subs, positions, list);

    json_decref(positions);

    if (rc == NGX_DECLINED) {
        return ngx_http_websocket_centrifuge_server_refuse(s, command,
                                                 NGX_WEBSOCKET_ERROR_INTERNAL);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_centrifuge_server_refuse(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_websocket_error_e error)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_centrifuge_error(s, command, error);

    return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED : rc;
}


/* whether there may be these channels */

static ngx_websocket_error_e
ngx_http_websocket_centrifuge_server_check(ngx_http_websocket_session_t *s,
    json_t *subs)
{
    json_t      *options;
    ngx_str_t    name;
    const char  *key;

    json_object_foreach(subs, key, options) {

        name.data = (u_char *) key;
        name.len = ngx_strlen(key);

        if (ngx_http_websocket_channel_name_error(&name)) {
            return NGX_WEBSOCKET_ERROR_BAD_REQUEST;
        }

        if (ngx_http_websocket_namespace_of(s->conf->namespaces, &name)
            == NULL)
        {
            return NGX_WEBSOCKET_ERROR_UNKNOWN_CHANNEL;
        }
    }

    return 0;
}


/* the zone is to have what there is of them, as of centrifuge_fetch() */

static ngx_int_t
ngx_http_websocket_centrifuge_server_has(ngx_http_websocket_session_t *s,
    json_t *subs)
{
    size_t                       n;
    json_t                      *options;
    ngx_int_t                    rc;
    ngx_str_t                   *names;
    const char                  *key;
    ngx_http_websocket_fetch_t   f;

    names = ngx_alloc(json_object_size(subs) * sizeof(ngx_str_t),
                      s->connection->log);
    if (names == NULL) {
        return NGX_DECLINED;
    }

    n = 0;

    json_object_foreach(subs, key, options) {
        names[n].data = (u_char *) key;
        names[n++].len = ngx_strlen(key);
    }

    ngx_memzero(&f, sizeof(ngx_http_websocket_fetch_t));

    f.channels = names;
    f.n = n;

    rc = ngx_http_websocket_centrifuge_fetch(s, &f);

    ngx_free(names);

    return rc;
}


/* NGX_DECLINED where there is no room, or no memory, for one */

static ngx_int_t
ngx_http_websocket_centrifuge_server_all(ngx_http_websocket_session_t *s,
    json_t *subs, json_t *positions, ngx_websocket_json_text_t *list)
{
    json_t                                  *options;
    ngx_int_t                                rc;
    const char                              *key;
    ngx_websocket_bytes_t                    name;
    ngx_http_websocket_subscription_t       *sub;
    ngx_http_websocket_centrifuge_making_t   making;

    rc = NGX_OK;

    json_object_foreach(subs, key, options) {

        ngx_memzero(&making, sizeof(ngx_http_websocket_centrifuge_making_t));

        name.data = key;
        name.size = ngx_strlen(key);

        making.channel.name.data = (u_char *) key;
        making.channel.name.len = name.size;
        making.options = options;

        ngx_http_websocket_centrifuge_server_from(&making.from,
                                              json_object_get(positions, key));

        rc = ngx_http_websocket_centrifuge_server_make(s, &making);

        if (rc == NGX_OK) {
            ngx_http_websocket_centrifuge_codec(s)->subscription(list, &name,
                                                                &making.reply);
        }

        ngx_websocket_json_text_done(&making.data);

        if (rc != NGX_OK) {
            break;
        }
    }

    if (rc == NGX_OK && !list->failed) {
        return NGX_OK;
    }

    /* the connect is done anew, or not at all */

    while ((sub = ngx_http_websocket_subscription_next(s, NULL)) != NULL) {
        ngx_http_websocket_session_unsubscribe(s, sub);
    }

    return rc == NGX_HTTP_WEBSOCKET_ROOM_STUCK ? NGX_AGAIN : NGX_DECLINED;
}


/* {"recover":true,"offset":N,"epoch":E} */

static void
ngx_http_websocket_centrifuge_server_from(ngx_websocket_command_t *from,
    json_t *position)
{
    json_t  *epoch;

    epoch = json_object_get(position, "epoch");

    from->recover = json_is_true(json_object_get(position, "recover"));
    from->offset = (uint64_t) json_integer_value(json_object_get(position,
                                                                 "offset"));
    from->epoch.data = json_string_value(epoch);
    from->epoch.size = json_string_length(epoch);
}


ngx_int_t
ngx_http_websocket_centrifuge_server_subscribe(ngx_http_websocket_session_t *s,
    json_t *call)
{
    json_t                                  *channel, *since;
    ngx_int_t                                rc;
    ngx_websocket_push_t                     push;
    ngx_http_websocket_centrifuge_making_t   making;

    ngx_memzero(&making, sizeof(ngx_http_websocket_centrifuge_making_t));

    channel = json_object_get(call, "channel");
    since = json_object_get(call, "recover_since");

    making.options = call;
    making.channel.name.data = (u_char *) json_string_value(channel);
    making.channel.name.len = json_string_length(channel);

    if (ngx_http_websocket_session_find(s, &making.channel.name)
        || ngx_http_websocket_namespace_of(s->conf->namespaces,
                                           &making.channel.name)
           == NULL)
    {
        return NGX_OK;
    }

    if (s->record->nsubscriptions >= s->conf->max_channels) {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                  NGX_HTTP_WEBSOCKET_DISCONNECT_CHANNEL_LIMIT);
    }

    ngx_http_websocket_centrifuge_server_from(&making.from, since);

    making.from.recover = since != NULL;

    rc = ngx_http_websocket_centrifuge_server_make(s, &making);

    switch (rc) {

    case NGX_HTTP_WEBSOCKET_ROOM_OK:
        ngx_memzero(&push, sizeof(ngx_websocket_push_t));

        push.kind = NGX_WEBSOCKET_PUSH_SUBSCRIBE;
        push.channel.data = (char *) making.channel.name.data;
        push.channel.size = making.channel.name.len;
        push.subscribed = &making.reply;

        ngx_http_websocket_centrifuge_tell(s, &push);
        break;

    case NGX_HTTP_WEBSOCKET_ROOM_STUCK:
        rc = NGX_AGAIN;
        break;

    case NGX_HTTP_WEBSOCKET_ROOM_ENDING:
        break;

    default:  /* ROOM_FULL, ROOM_NO_MEMORY: it is to connect anew */
        (void) ngx_http_websocket_centrifuge_disconnect(s,
                                       NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL);
    }

    ngx_websocket_json_text_done(&making.data);

    return rc == NGX_AGAIN ? NGX_AGAIN : NGX_OK;
}


/*
 * as ngx_http_websocket_session_choose(): nothing is delivered yet, and nothing
 * was done where it does not succeed
 */

static ngx_int_t
ngx_http_websocket_centrifuge_server_make(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_making_t *making)
{
    ngx_int_t                                 rc;
    ngx_websocket_position_t                  since;
    ngx_http_websocket_begin_t                begin;
    ngx_http_websocket_further_t             *further;
    ngx_http_websocket_namespace_t           *ns;
    ngx_http_websocket_subscription_t        *sub;
    ngx_http_websocket_centrifuge_grant_t    *grant;
    ngx_http_websocket_centrifuge_channel_t  *channel;

    channel = &making->channel;

    ns = ngx_http_websocket_namespace_of(s->conf->namespaces, &channel->name);
    channel->ns = ns;
    channel->enters = 1;

    grant = ngx_http_websocket_centrifuge_grant_of_options(s, making->options);

    if (grant == NULL) {
        return NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY;
    }

    ngx_http_websocket_turn_worked(NGX_HTTP_WEBSOCKET_SERVER_STEPS);

    ngx_memzero(&begin, sizeof(ngx_http_websocket_begin_t));

    begin.defer = 1;
    begin.history = ns->history.length ? &ns->history : NULL;

    making->reply.recoverable = grant->recovery
                                || (ns->recovery & NGX_HTTP_WEBSOCKET_FORCE)
                                || (ns->recovery && making->from.recover);

    rc = NGX_ERROR;

    if (making->reply.recoverable && making->from.recover) {

        rc = ngx_http_websocket_centrifuge_since(s, &making->from,
                        &channel->name,
                        (ns->recovery & NGX_HTTP_WEBSOCKET_CACHE) != 0,
                                                 &since);
        begin.replay.since = &since;
        begin.replay.nsince = rc == NGX_OK;
        begin.replay.newest = (ns->recovery & NGX_HTTP_WEBSOCKET_CACHE) != 0;
    }

    if (rc != NGX_AGAIN) {
        rc = ngx_http_websocket_session_choose(s, &channel->name, ns, NULL,
                                               &begin, &sub);
    }

    if (rc != NGX_OK) {
        ngx_free(grant);
        return rc;
    }

    further = (ngx_http_websocket_further_t *) sub;

    further->server = 1;
    further->events = ns->events && (ns->events & NGX_HTTP_WEBSOCKET_PUSH);

    ngx_http_websocket_centrifuge_server_tell(s, making, grant, &begin);
    ngx_http_websocket_centrifuge_grant_take(s, sub, grant);

    rc = ngx_http_websocket_centrifuge_join(s, sub);

    if (rc != NGX_OK) {
        ngx_http_websocket_session_unsubscribe(s, sub);
    }

    return rc;
}


static void
ngx_http_websocket_centrifuge_server_tell(ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_making_t *making,
    ngx_http_websocket_centrifuge_grant_t *grant,
    ngx_http_websocket_begin_t *begin)
{
    json_t                 *data;
    ngx_websocket_reply_t  *reply;

    reply = &making->reply;

    if (!s->conf->insecure) {
        ngx_http_websocket_centrifuge_token_tell(reply, grant->expires);
    }

    reply->positioned = reply->recoverable || grant->positioning
                        || making->channel.ns->positioning
                           == NGX_HTTP_WEBSOCKET_FORCE;

    if (reply->positioned) {
        ngx_websocket_position_print_epoch(making->epoch,
                                           begin->position.epoch);

        reply->epoch.data = (char *) making->epoch;
        reply->epoch.size = NGX_WEBSOCKET_POSITION_EPOCH;
        reply->offset = begin->position.offset;
    }

    if (reply->recoverable && making->from.recover) {
        reply->was_recovering = 1;

        /* a channel that is not there yet has lost nothing */

        reply->recovered = begin->recovered
                           || (making->from.epoch.size == 0
                               && making->from.offset
                                  == begin->position.offset);
    }

    data = json_object_get(making->options, "data");

    if (data) {
        ngx_websocket_json_append_value(&making->data, data);

        if (!making->data.failed) {
            reply->data.data = making->data.data;
            reply->data.size = making->data.size;
        }
    }
}
