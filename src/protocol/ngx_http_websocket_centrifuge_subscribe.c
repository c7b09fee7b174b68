
#include "protocol/ngx_http_websocket_centrifuge_subscribe.h"
#include "broker/ngx_http_websocket_broker.h"
#include "centrifuge/tags_filter.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "protocol/ngx_http_websocket_centrifuge_channel.h"
#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_hook.h"
#include "protocol/ngx_http_websocket_centrifuge_presence.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "protocol/ngx_http_websocket_centrifuge_token.h"


/*
 * A subscribe that has not been answered yet: everything that its client has
 * missed goes into the reply, and what is published meanwhile, too.
 */

struct ngx_http_websocket_recovery_s {
    ngx_http_websocket_subscription_t  *sub;
    ngx_websocket_json_text_t           list;
    ngx_uint_t                          count;
    ngx_websocket_position_t            position;   /* the position that it
                                                       begins after */
    ngx_http_websocket_message_t       *before;     /* the last of the list, to
                                                       be patched; or NULL */
    uint32_t                            id;
    unsigned                            told:1;     /* epoch and offset are */
    unsigned                            recoverable:1;
    unsigned                            asked:1;
    unsigned                            recovered:1;
    unsigned                            fails:1;    /* where it is not */
    unsigned                            cache:1;    /* the newest message is
                                                       all that counts */
    unsigned                            delta:1;    /* the client patches */
    unsigned                            live:1;
};


static ngx_websocket_error_e ngx_http_websocket_centrifuge_refuses(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel);
static ngx_int_t ngx_http_websocket_centrifuge_has(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_str_t *name);
static ngx_websocket_error_e ngx_http_websocket_centrifuge_filter(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_namespace_t *ns, ngx_websocket_filter_t **filter);
static ngx_int_t ngx_http_websocket_centrifuge_enter(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_grant_t *grant,
    ngx_websocket_filter_t *filter);
static ngx_int_t ngx_http_websocket_centrifuge_replay(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_websocket_position_t *since, ngx_http_websocket_replay_t *replay);
static ngx_uint_t ngx_http_websocket_centrifuge_events(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel);
static ngx_http_websocket_recovery_t *ngx_http_websocket_centrifuge_begin(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_grant_t *grant);
static ngx_uint_t ngx_http_websocket_centrifuge_position(
    ngx_websocket_command_t *command, ngx_websocket_position_t *since);
static ngx_int_t ngx_http_websocket_centrifuge_entered(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_int_t rc);
static void ngx_http_websocket_centrifuge_recovery_patch(
    ngx_http_websocket_session_t *s, ngx_websocket_publication_t *p,
    ngx_http_websocket_message_t *message);
static ngx_int_t ngx_http_websocket_centrifuge_subscribed(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_centrifuge_chain(
    ngx_http_websocket_recovery_t *recovery, ngx_uint_t recovered);
static void ngx_http_websocket_centrifuge_failed(
    ngx_http_websocket_session_t *s);


ngx_int_t
ngx_http_websocket_centrifuge_subscribe(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                                 rc;
    ngx_websocket_error_e                     error;
    ngx_websocket_answer_t                   *answer;
    ngx_websocket_filter_t                   *filter;
    ngx_http_websocket_centrifuge_grant_t    *grant;
    ngx_http_websocket_centrifuge_channel_t   channel;

    if (command->delta.size
        && (command->delta.size != 6
            || ngx_strncmp(command->delta.data, "fossil", 6) != 0))
    {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
    }

    rc = ngx_http_websocket_centrifuge_channel(s, command, &channel);

    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    error = ngx_http_websocket_centrifuge_refuses(s, command, &channel);

    if (error) {
        return ngx_http_websocket_centrifuge_error(s, command, error);
    }

    grant = NULL;

    if (command->token.size) {
        rc = ngx_http_websocket_centrifuge_grant(s, command, &channel, &grant);

    } else {
        rc = ngx_http_websocket_centrifuge_ask(s, command,
                                             NGX_HTTP_WEBSOCKET_HOOK_SUBSCRIBE,
                                               &channel.name, &answer);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_centrifuge_has(s, command, &channel.name);
    }

    if (rc != NGX_OK) {
        ngx_free(grant);
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    error = ngx_http_websocket_centrifuge_filter(s, command, channel.ns,
                                                 &filter);

    if (error) {
        ngx_free(grant);
        return ngx_http_websocket_centrifuge_error(s, command, error);
    }

    return ngx_http_websocket_centrifuge_enter(s, command, &channel, grant,
                                               filter);
}


/* the filter of tags, if one is asked for */

static ngx_websocket_error_e
ngx_http_websocket_centrifuge_filter(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_http_websocket_namespace_t *ns,
    ngx_websocket_filter_t **filter)
{
    json_t                      *node, *json;
    ngx_websocket_json_e         rc;
    ngx_websocket_json_error_t   error;

    *filter = NULL;

    if (command->tf.size == 0) {
        return 0;
    }

    if (!ns->filter) {
        return NGX_WEBSOCKET_ERROR_BAD_REQUEST;
    }

    /* many in a frame are much work, also those that are refused */

    ngx_http_websocket_turn_worked(command->tf.size / 64);

    rc = ngx_http_websocket_centrifuge_codec(s)->filter(&command->tf, &node);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_tags_filter(node, &json);
        json_decref(node);
    }

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_http_websocket_filters_compile(json, s->conf, 0, filter,
                                                &error);
        json_decref(json);
    }

    switch (rc) {

    case NGX_WEBSOCKET_JSON_OK:
        return 0;

    case NGX_WEBSOCKET_JSON_REFUSED:
        return NGX_WEBSOCKET_ERROR_BAD_REQUEST;

    default:  /* NGX_WEBSOCKET_JSON_NO_MEMORY */
        return NGX_WEBSOCKET_ERROR_INTERNAL;
    }
}


/*
 * The zone is to have what there is of the channel.  COMMAND_ANSWERED when it
 * cannot be had, and the client was told so.
 */

static ngx_int_t
ngx_http_websocket_centrifuge_has(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_str_t *name)
{
    ngx_int_t                   rc;
    ngx_websocket_position_t    since;
    ngx_http_websocket_fetch_t  f;

    ngx_memzero(&f, sizeof(ngx_http_websocket_fetch_t));

    f.channels = name;
    f.n = 1;
    f.since = &since;
    f.nsince = ngx_http_websocket_centrifuge_position(command, &since);

    rc = ngx_http_websocket_centrifuge_fetch(s, &f);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_websocket_centrifuge_error(s, command,
                                                 NGX_WEBSOCKET_ERROR_INTERNAL);
        return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED : rc;
    }

    return rc;
}


static ngx_websocket_error_e
ngx_http_websocket_centrifuge_refuses(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel)
{
    ngx_http_websocket_lists_e  lists;

    if (channel->sub) {
        return NGX_WEBSOCKET_ERROR_ALREADY_SUBSCRIBED;
    }

    if (s->record->nsubscriptions >= s->conf->max_channels) {
        return NGX_WEBSOCKET_ERROR_LIMIT_EXCEEDED;
    }

    if (!ngx_http_websocket_namespace_takes(channel->ns, &channel->name)) {
        return NGX_WEBSOCKET_ERROR_BAD_REQUEST;
    }

    /* of other kinds of subscriptions than that to a stream there are none */

    if (command->type) {
        return NGX_WEBSOCKET_ERROR_PERMISSION_DENIED;
    }

    if (command->token.size) {

        /* it decides */

        return 0;
    }

    if (s->conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_SUBSCRIBE]) {

        /* the application decides */

        return ngx_http_websocket_centrifuge_lists(s, channel)
               == NGX_HTTP_WEBSOCKET_LISTS_OTHERS
               ? NGX_WEBSOCKET_ERROR_PERMISSION_DENIED : 0;
    }

    if (channel->name.data[0] == '$') {
        return NGX_WEBSOCKET_ERROR_PERMISSION_DENIED;
    }

    lists = ngx_http_websocket_centrifuge_lists(s, channel);

    if (lists == NGX_HTTP_WEBSOCKET_LISTS_USER || s->conf->insecure
        || (lists == NGX_HTTP_WEBSOCKET_LISTS_NOBODY
            && ngx_http_websocket_centrifuge_may(s, channel,
                                                 channel->ns->subscribe)))
    {
        return 0;
    }

    return NGX_WEBSOCKET_ERROR_PERMISSION_DENIED;
}


/* takes the grant and the filter over, which may be NULL */

static ngx_int_t
ngx_http_websocket_centrifuge_enter(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_grant_t *grant,
    ngx_websocket_filter_t *filter)
{
    ngx_int_t                        rc;
    ngx_websocket_position_t         since;
    ngx_http_websocket_begin_t       begin;
    ngx_http_websocket_recovery_t   *recovery;
    ngx_http_websocket_namespace_t  *ns;

    /* the client has been let in */

    channel->enters = 1;

    ns = channel->ns;
    ngx_memzero(&begin, sizeof(ngx_http_websocket_begin_t));

    recovery = ngx_http_websocket_centrifuge_begin(s, command, channel, grant);

    rc = recovery ? ngx_http_websocket_centrifuge_replay(s, command, channel,
                                                         &since, &begin.replay)
                  : NGX_DONE;

    if (rc == NGX_OK) {
        begin.history = ns->history.length ? &ns->history : NULL;

        rc = ngx_http_websocket_session_choose(s, &channel->name, ns, filter,
                                               &begin, &recovery->sub);

    } else if (filter) {
        ngx_http_websocket_filters_release(filter);
    }

    if (rc == NGX_OK && recovery->sub) {
        ngx_http_websocket_centrifuge_grant_take(s, recovery->sub, grant);

        ((ngx_http_websocket_further_t *) recovery->sub)->events =
                   ngx_http_websocket_centrifuge_events(s, command, channel);
    } else {
        ngx_free(grant);
    }

    if (recovery == NULL) {
        return NGX_DONE;
    }

    recovery->position = begin.position;
    recovery->recovered = begin.recovered;

    /* a channel that is not there yet has lost nothing */

    if (recovery->asked && !recovery->cache && command->epoch.size == 0
        && begin.position.offset == command->offset)
    {
        recovery->recovered = 1;
    }

    return ngx_http_websocket_centrifuge_entered(s, command, rc);
}


/*
 * What the client gets first: all after the position that it recovers from,
 * or, of a channel that is a cache, the newest one where it does not have that.
 * Returns NGX_OK, or NGX_AGAIN when the zone is stuck.
 */

static ngx_int_t
ngx_http_websocket_centrifuge_replay(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_websocket_position_t *since, ngx_http_websocket_replay_t *replay)
{
    ngx_int_t                       rc;
    ngx_http_websocket_recovery_t  *recovery;

    recovery = ngx_http_websocket_centrifuge_of(s)->recovery;

    if (!recovery->asked) {
        return NGX_OK;
    }

    rc = NGX_ERROR;

    if (command->recover) {
        rc = ngx_http_websocket_centrifuge_since(s, command, &channel->name,
                                                 recovery->cache, since);
    }

    replay->since = since;
    replay->nsince = (rc == NGX_OK);
    replay->newest = recovery->cache;

    return rc == NGX_AGAIN ? NGX_AGAIN : NGX_OK;
}


/* whether the client is told who joins and leaves */

static ngx_uint_t
ngx_http_websocket_centrifuge_events(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel)
{
    ngx_http_websocket_namespace_t  *ns;

    ns = channel->ns;

    return ns->events
           && ((ns->events & NGX_HTTP_WEBSOCKET_PUSH)
               || (command->join_leave
                   && ngx_http_websocket_centrifuge_may(s, channel,
                                                       ns->presence_access)));
}


/* NULL when memory was refused: the session fails */

static ngx_http_websocket_recovery_t *
ngx_http_websocket_centrifuge_begin(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_centrifuge_grant_t *grant)
{
    ngx_uint_t                       reads, positioned;
    ngx_http_websocket_recovery_t   *recovery;
    ngx_http_websocket_namespace_t  *ns;

    recovery = ngx_calloc(sizeof(ngx_http_websocket_recovery_t),
                          s->connection->log);

    if (recovery == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NULL;
    }

    ns = channel->ns;

    /* a client that may read the history may recover from it as well */

    reads = ns->history.length
            && ngx_http_websocket_centrifuge_may(s, channel,
                                                 ns->history_access);

    recovery->recoverable = (ns->recovery & NGX_HTTP_WEBSOCKET_FORCE)
                            || (grant && grant->recovery)
                            || ((ns->recovery || reads)
                                && (command->recoverable
                                    || command->recover));

    positioned = ns->positioning == NGX_HTTP_WEBSOCKET_FORCE
                 || (grant && grant->positioning)
                 || ((ns->positioning || reads) && command->positioned);

    recovery->id = command->id;
    recovery->told = recovery->recoverable || positioned;
    recovery->cache = (ns->recovery & NGX_HTTP_WEBSOCKET_CACHE) != 0;
    recovery->asked = recovery->recoverable
                      && (command->recover
                          || (ns->recovery & NGX_HTTP_WEBSOCKET_CACHE_AUTO));
    recovery->fails = (command->flag & NGX_WEBSOCKET_FLAG_RECOVER_OR_FAIL)
                      != 0;
    recovery->delta = ns->delta && command->delta.size;
    recovery->list.max = s->conf->queue_size / 2;

    ngx_http_websocket_centrifuge_of(s)->recovery = recovery;

    return recovery;
}


/* where a client was: 1, or 0 when it does not say so */

static ngx_uint_t
ngx_http_websocket_centrifuge_position(ngx_websocket_command_t *command,
    ngx_websocket_position_t *since)
{
    u_char  text[NGX_WEBSOCKET_POSITION_EPOCH + 2];

    if (!command->recover
        || command->epoch.size != NGX_WEBSOCKET_POSITION_EPOCH)
    {
        return 0;
    }

    (void) ngx_cpymem(ngx_cpymem(text, command->epoch.data,
                                 NGX_WEBSOCKET_POSITION_EPOCH),
                      ":0", 2);

    if (ngx_websocket_position_parse(text, sizeof(text), since, 1) != 1) {
        return 0;
    }

    since->offset = command->offset;

    return 1;
}


ngx_int_t
ngx_http_websocket_centrifuge_since(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_str_t *name, ngx_uint_t newest,
    ngx_websocket_position_t *since)
{
    int                         rc;
    u_char                      epoch[NGX_WEBSOCKET_POSITION_EPOCH];
    ngx_websocket_store_info_t  info;

    rc = ngx_http_websocket_zone_info(s->conf->zone, name, &info);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_AGAIN : NGX_ERROR;
    }

    ngx_websocket_position_print_epoch(epoch, info.epoch);

    if (command->epoch.size
        && (command->epoch.size != NGX_WEBSOCKET_POSITION_EPOCH
            || ngx_memcmp(command->epoch.data, epoch,
                          NGX_WEBSOCKET_POSITION_EPOCH)
               != 0))
    {
        return NGX_ERROR;
    }

    /* a recovery that would not be whole is not begun */

    if (command->offset > info.offset
        || info.offset - command->offset > (newest ? 0
                                         : NGX_HTTP_WEBSOCKET_CENTRIFUGE_PAGE))
    {
        return NGX_ERROR;
    }

    since->epoch = info.epoch;
    since->offset = command->offset;

    return NGX_OK;
}


/* rc is of session_choose() */

static ngx_int_t
ngx_http_websocket_centrifuge_entered(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_int_t rc)
{
    ngx_http_websocket_recovery_t  *recovery;

    recovery = ngx_http_websocket_centrifuge_of(s)->recovery;

    if (rc == NGX_OK && recovery->sub == NULL) {

        /* messages were lost while it began */

        rc = NGX_HTTP_WEBSOCKET_ROOM_FULL;
    }

    switch (rc) {

    case NGX_HTTP_WEBSOCKET_ROOM_OK:
        break;

    case NGX_HTTP_WEBSOCKET_ROOM_STUCK:
        ngx_http_websocket_centrifuge_recovery_free(s);
        return NGX_AGAIN;

    case NGX_HTTP_WEBSOCKET_ROOM_FULL:
        ngx_http_websocket_centrifuge_recovery_free(s);

        return ngx_http_websocket_centrifuge_error(s, command,
                                                 NGX_WEBSOCKET_ERROR_INTERNAL);

    case NGX_HTTP_WEBSOCKET_ROOM_ENDING:
        ngx_http_websocket_centrifuge_recovery_free(s);
        return NGX_OK;

    default:  /* NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY */
        ngx_http_websocket_centrifuge_recovery_free(s);
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);

        return NGX_DONE;
    }

    if (recovery->live) {
        return ngx_http_websocket_centrifuge_subscribed(s);
    }

    return ngx_http_websocket_centrifuge_wait(s) ? NGX_BUSY : NGX_DONE;
}


ngx_uint_t
ngx_http_websocket_centrifuge_recover(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message)
{
    ngx_uint_t                      event;
    ngx_websocket_publication_t     p;
    const ngx_websocket_codec_t    *codec;
    ngx_http_websocket_recovery_t  *recovery;

    recovery = ngx_http_websocket_centrifuge_of(s)->recovery;

    if (recovery == NULL || recovery->sub != from || recovery->live) {
        return 0;
    }

    codec = ngx_http_websocket_centrifuge_codec(s);

    event = ngx_http_websocket_centrifuge_publication(codec, &p, message->type,
                                           message->meta, message->meta_size,
                                           message->payload, message->size);

    if (event) {
        return 1;
    }

    p.offset = message->offset;

    if (p.data.data == NULL
        || ++recovery->count > NGX_HTTP_WEBSOCKET_CENTRIFUGE_PAGE)
    {
        recovery->list.failed = 1;
        return 1;
    }

    if (recovery->delta) {
        ngx_http_websocket_centrifuge_recovery_patch(s, &p, message);
    }

    codec->publication(&recovery->list, &p);

    return 1;
}


/* the first one is whole, the others are patches of those before them */

static void
ngx_http_websocket_centrifuge_recovery_patch(ngx_http_websocket_session_t *s,
    ngx_websocket_publication_t *p, ngx_http_websocket_message_t *message)
{
    ngx_http_websocket_recovery_t  *recovery;

    recovery = ngx_http_websocket_centrifuge_of(s)->recovery;

    p->delta = NGX_WEBSOCKET_DELTA_WHOLE;

    if (recovery->before) {
        ngx_http_websocket_centrifuge_patch(
                                    ngx_http_websocket_centrifuge_codec(s), p,
                                    recovery->before);

        ngx_http_websocket_message_release(recovery->before);
    }

    recovery->before = message;
    message->holders++;
}


void
ngx_http_websocket_centrifuge_live(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->recovery == NULL || client->recovery->sub != sub) {
        return;
    }

    client->recovery->live = 1;

    /* else the command is still being done, and answers itself */

    if (client->rest) {
        (void) ngx_http_websocket_centrifuge_subscribed(s);
        ngx_http_websocket_centrifuge_go_on(s);
    }
}


/* the reply, before anything of the channel that is new */

static ngx_int_t
ngx_http_websocket_centrifuge_subscribed(ngx_http_websocket_session_t *s)
{
    u_char                                  epoch[
                                                NGX_WEBSOCKET_POSITION_EPOCH];
    ngx_int_t                               rc;
    ngx_uint_t                              recovered;
    ngx_websocket_reply_t                   reply;
    ngx_http_websocket_recovery_t          *recovery;
    ngx_http_websocket_centrifuge_grant_t  *grant;

    recovery = ngx_http_websocket_centrifuge_of(s)->recovery;
    grant = ngx_http_websocket_centrifuge_grant_of(recovery->sub);

    ngx_memzero(&reply, sizeof(ngx_websocket_reply_t));

    reply.id = recovery->id;
    reply.kind = NGX_WEBSOCKET_COMMAND_SUBSCRIBE;

    if (grant && !s->conf->insecure) {
        ngx_http_websocket_centrifuge_token_tell(&reply, grant->expires);
    }

    /* of a cache it is what there is: where nothing is, it is not recovered */

    recovered = recovery->asked && !recovery->list.failed
                && (recovery->recovered
                    || (recovery->cache
                        && recovery->sub->offset > recovery->position.offset));

    if (recovery->told) {
        ngx_websocket_position_print_epoch(epoch, recovery->position.epoch);

        reply.epoch.data = (char *) epoch;
        reply.epoch.size = NGX_WEBSOCKET_POSITION_EPOCH;

        reply.positioned = 1;
        reply.recoverable = recovery->recoverable;
        reply.was_recovering = recovery->asked;
        reply.recovered = recovered;
        reply.offset = recovered ? recovery->position.offset
                                 : recovery->sub->offset;
    }

    if (recovery->delta) {
        reply.delta = 1;
        ngx_http_websocket_centrifuge_chain(recovery, recovered);
    }

    if (recovered) {
        reply.list.data = recovery->list.data;
        reply.list.size = recovery->list.size;

    } else if (recovery->asked && recovery->fails) {
        reply.error = NGX_WEBSOCKET_ERROR_UNRECOVERABLE;
    }

    /*
     * the join is told to the others, and to the client itself, behind the
     * reply
     */

    if (reply.error == 0
        && ngx_http_websocket_centrifuge_join(s, recovery->sub) != NGX_OK)
    {
        reply.error = NGX_WEBSOCKET_ERROR_INTERNAL;
    }

    if (reply.error) {
        ngx_http_websocket_session_unsubscribe(s, recovery->sub);
    }

    rc = ngx_http_websocket_centrifuge_answer(s, &reply);

    ngx_http_websocket_centrifuge_recovery_free(s);

    return rc;
}


/* what follows is patches, of what was recovered, or of what comes first */

static void
ngx_http_websocket_centrifuge_chain(ngx_http_websocket_recovery_t *recovery,
    ngx_uint_t recovered)
{
    ngx_http_websocket_further_t  *further;
    ngx_http_websocket_message_t  *before;

    before = recovered ? recovery->before : NULL;
    further = (ngx_http_websocket_further_t *) recovery->sub;

    further->delta = 1;
    further->base = before && !before->ephemeral ? before->offset : 0;

    ngx_http_websocket_hub_chain(recovery->sub);
}


ngx_uint_t
ngx_http_websocket_centrifuge_is_new(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    ngx_http_websocket_recovery_t  *recovery;

    recovery = ngx_http_websocket_centrifuge_of(s)->recovery;

    return recovery && recovery->sub == sub;
}


void
ngx_http_websocket_centrifuge_recovery_free(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->recovery) {
        if (client->recovery->before) {
            ngx_http_websocket_message_release(client->recovery->before);
        }

        ngx_websocket_json_text_done(&client->recovery->list);
        ngx_free(client->recovery);

        client->recovery = NULL;
    }
}


void
ngx_http_websocket_centrifuge_broken(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub, int rc)
{
    ngx_str_t                         name;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->recovery && client->recovery->sub == sub) {

        if (rc != NGX_WEBSOCKET_STORE_ENDED || client->rest == NULL) {
            ngx_http_websocket_centrifuge_failed(s);
            return;
        }

        /* the channel has ended: this is all that there will ever be */

        ngx_http_websocket_centrifuge_live(s, sub);
    }

    if (!sub->active) {
        return;
    }

    if (((ngx_http_websocket_further_t *) sub)->server
        && rc != NGX_WEBSOCKET_STORE_ENDED)
    {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_LOST);
        return;
    }

    ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub), &name);

    ngx_http_websocket_centrifuge_unsubscribed(s, &name,
                               rc == NGX_WEBSOCKET_STORE_ENDED
                               ? NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_SERVER
                               : NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_STATE);

    ngx_http_websocket_session_unsubscribe(s, sub);
}


/* a subscription that was not answered yet: the client tries again */

static void
ngx_http_websocket_centrifuge_failed(ngx_http_websocket_session_t *s)
{
    ngx_websocket_reply_t             reply;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    ngx_http_websocket_session_unsubscribe(s, client->recovery->sub);

    client->recovery->sub = NULL;

    if (client->rest == NULL) {

        /* the command is still being done, and answers itself */

        return;
    }

    ngx_memzero(&reply, sizeof(ngx_websocket_reply_t));

    reply.id = client->recovery->id;
    reply.kind = NGX_WEBSOCKET_COMMAND_SUBSCRIBE;
    reply.error = NGX_WEBSOCKET_ERROR_INTERNAL;

    (void) ngx_http_websocket_centrifuge_answer(s, &reply);

    ngx_http_websocket_centrifuge_recovery_free(s);
    ngx_http_websocket_centrifuge_go_on(s);
}


ngx_int_t
ngx_http_websocket_centrifuge_unsubscribe(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_str_t                           name;
    ngx_websocket_reply_t               reply;
    ngx_http_websocket_subscription_t  *sub;

    if (command->channel.size == 0) {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
    }

    /* no error: one would have clients connect anew */

    name.data = (u_char *) command->channel.data;
    name.len = command->channel.size;

    sub = ngx_http_websocket_session_find(s, &name);

    if (sub) {
        ngx_http_websocket_session_unsubscribe(s, sub);
    }

    ngx_http_websocket_centrifuge_reply_to(&reply, command);

    return ngx_http_websocket_centrifuge_answer(s, &reply);
}
