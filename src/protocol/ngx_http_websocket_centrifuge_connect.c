
#include "protocol/ngx_http_websocket_centrifuge_connect.h"
#include "broker/ngx_http_websocket_mailbox.h"
#include "conf/ngx_http_websocket_version.h"
#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "protocol/ngx_http_websocket_centrifuge_emulated.h"
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_hook.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "protocol/ngx_http_websocket_centrifuge_server.h"
#include "protocol/ngx_http_websocket_centrifuge_token.h"
#include "session/ngx_http_websocket_behind.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"


#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_NAME     16
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_VERSION  64


static ngx_int_t ngx_http_websocket_centrifuge_listen(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_centrifuge_identify(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_verify(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_introduce(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_introduced(
    ngx_http_websocket_session_t *s, ngx_websocket_answer_t *answer);
static ngx_int_t ngx_http_websocket_centrifuge_introduced_to(
    ngx_http_websocket_centrifuge_t *client, json_t *channels);
static ngx_int_t ngx_http_websocket_centrifuge_welcome(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);
static ngx_int_t ngx_http_websocket_centrifuge_connected(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_websocket_json_text_t *subs);
static void ngx_http_websocket_centrifuge_reply_client(
    ngx_http_websocket_session_t *s, ngx_websocket_reply_t *reply);
static ngx_http_websocket_time_t ngx_http_websocket_centrifuge_ends(
    time_t end);
static ngx_uint_t ngx_http_websocket_centrifuge_ended(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_centrifuge_heartbeat(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_centrifuge_ping(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_centrifuge_deaf(
    ngx_http_websocket_session_t *s);


ngx_int_t
ngx_http_websocket_centrifuge_connect(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                         rc;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (command->name.size > NGX_HTTP_WEBSOCKET_CENTRIFUGE_NAME
        || command->version.size > NGX_HTTP_WEBSOCKET_CENTRIFUGE_VERSION)
    {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
    }

    rc = ngx_http_websocket_centrifuge_listen(s);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_websocket_centrifuge_identify(s, command);

    if (rc == NGX_OK && !s->close_queued) {
        rc = ngx_http_websocket_centrifuge_introduce(s, command);
    }

    if (rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED) {

        /* connect was answered with an error: the client is to connect anew */

        client->refused = 1;
        return NGX_OK;
    }

    if (rc != NGX_OK || s->close_queued) {
        return rc;
    }

    return ngx_http_websocket_centrifuge_welcome(s, command);
}


/* the application lets the client in, and may say who it is */

static ngx_int_t
ngx_http_websocket_centrifuge_introduce(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                         rc;
    ngx_websocket_answer_t           *answer;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    rc = ngx_http_websocket_centrifuge_ask(s, command,
                                           NGX_HTTP_WEBSOCKET_HOOK_CONNECT,
                                           NULL, &answer);

    if (rc == NGX_OK && answer
        && (ngx_http_websocket_centrifuge_introduced(s, answer) != NGX_OK
            || ngx_http_websocket_centrifuge_introduced_to(client,
                                                           answer->channels)
               != NGX_OK))
    {
        rc = ngx_http_websocket_centrifuge_disconnect(s,
                                       NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL);
    }

    if (rc == NGX_BUSY) {

        /* the token is read anew with the command */

        json_decref(client->subs);
        client->subs = NULL;
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_centrifuge_introduced(ngx_http_websocket_session_t *s,
    ngx_websocket_answer_t *answer)
{
    time_t                          expires;
    ngx_str_t                       user, info;
    ngx_http_websocket_identity_t  *identity;

    if (answer->user == NULL && answer->expires == 0) {
        return NGX_OK;
    }

    identity = ngx_http_websocket_centrifuge_of(s)->identity;

    ngx_str_null(&info);
    ngx_str_null(&user);
    expires = answer->expires;

    if (identity) {
        user = identity->user;
        info = identity->info;

        if (expires == 0 || (identity->expires && identity->expires < expires))
        {
            expires = identity->expires;
        }
    }

    if (answer->user) {
        user.data = (u_char *) json_string_value(answer->user);
        user.len = json_string_length(answer->user);
    }

    return ngx_http_websocket_centrifuge_identity(s, &user, &info, expires);
}


/* channels of the answer, as those of a token's "channels" */

static ngx_int_t
ngx_http_websocket_centrifuge_introduced_to(
    ngx_http_websocket_centrifuge_t *client, json_t *channels)
{
    size_t  i;

    if (json_array_size(channels) == 0) {
        return NGX_OK;
    }

    if (client->subs == NULL) {
        client->subs = json_object();
    }

    for (i = 0; i < json_array_size(channels); i++) {
        if (json_object_set_new(client->subs,
                              json_string_value(json_array_get(channels, i)),
                              json_object())
            != 0)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* subscribes the client to what its token wants, and tells it so */

static ngx_int_t
ngx_http_websocket_centrifuge_welcome(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                         rc;
    ngx_str_t                         user;
    ngx_websocket_json_text_t         list;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (ngx_http_websocket_uuid(client->client) != NGX_OK) {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                       NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL);
    }

    rc = NGX_OK;
    ngx_memzero(&list, sizeof(ngx_websocket_json_text_t));

    if (client->subs) {
        rc = ngx_http_websocket_centrifuge_server_begin(s, command,
                                                        client->subs, &list);
        json_decref(client->subs);
        client->subs = NULL;
    }

    if (rc == NGX_OK) {
        client->connected = 1;

        ngx_http_websocket_centrifuge_user(client, &user);
        ngx_http_websocket_index_add(&client->entry, s, &user,
                      ngx_http_websocket_centrifuge_client_id(client->client));

        rc = ngx_http_websocket_centrifuge_connected(s, command, &list);

    } else if (rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED) {
        client->refused = 1;
        rc = NGX_OK;
    }

    ngx_websocket_json_text_done(&list);

    return rc;
}


/*
 * From when it is connected on, others may mean this session.  Returns as a
 * command; COMMAND_ANSWERED where it closes.
 */

static ngx_int_t
ngx_http_websocket_centrifuge_listen(ngx_http_websocket_session_t *s)
{
    ngx_int_t                    rc;
    ngx_uint_t                   own;
    ngx_http_websocket_zone_t   *zone;
    ngx_http_websocket_fetch_t   f;

    zone = s->conf->zone;
    own = ngx_http_websocket_centrifuge_of(s)->emulated != NULL;

    if (ngx_http_websocket_mailbox_hears(zone, 0)
        && (!own || ngx_http_websocket_mailbox_hears(zone, 1)))
    {
        return NGX_OK;
    }

    ngx_memzero(&f, sizeof(ngx_http_websocket_fetch_t));

    f.channels = ngx_http_websocket_mailbox_name(zone, 0);
    f.n = 1;

    rc = ngx_http_websocket_centrifuge_fetch(s, &f);

    if (rc == NGX_BUSY || rc == NGX_DONE) {
        return rc;
    }

    /* a server that is away is heard when it is back: clients can connect */

    rc = ngx_http_websocket_mailbox_listen(zone, 0);

    if (rc == NGX_HTTP_WEBSOCKET_ROOM_OK && own) {
        rc = ngx_http_websocket_mailbox_listen(zone, 1);
    }

    if (rc == NGX_HTTP_WEBSOCKET_ROOM_OK
        || rc == NGX_HTTP_WEBSOCKET_ROOM_STUCK)
    {
        return rc;
    }

    (void) ngx_http_websocket_centrifuge_disconnect(s,
                                       NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL);

    return NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED;
}


/* COMMAND_ANSWERED when it may not connect, and was told so in a reply */

static ngx_int_t
ngx_http_websocket_centrifuge_identify(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    if (command->token.size && s->conf->jwt) {
        return ngx_http_websocket_centrifuge_verify(s, command);
    }

    if (s->conf->insecure
        || (command->token.size == 0
            && (s->conf->anonymous
                || s->conf->hooks[NGX_HTTP_WEBSOCKET_HOOK_CONNECT])))
    {
        return NGX_OK;
    }

    return ngx_http_websocket_centrifuge_disconnect(s, command->token.size
                                 ? NGX_HTTP_WEBSOCKET_DISCONNECT_INVALID_TOKEN
                                 : NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
}


/*
 * verifies the token of a connect, or of a refresh, whose user must be the same
 */

static ngx_int_t
ngx_http_websocket_centrifuge_verify(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                               rc;
    ngx_str_t                               user;
    ngx_uint_t                              wrong, failed;
    ngx_http_websocket_centrifuge_t        *client;
    ngx_http_websocket_centrifuge_token_t   token;

    client = ngx_http_websocket_centrifuge_of(s);

    /* to verify a signature takes as long as thousands of messages */

    if (client->connected) {
        (void) ngx_http_websocket_session_pause_for(s,
                                                    NGX_HTTP_WEBSOCKET_MOMENT);
    }

    switch (ngx_http_websocket_centrifuge_token(s, &command->token, &token)) {

    case NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_OK:
        break;

    case NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_EXPIRED:
        rc = ngx_http_websocket_centrifuge_error(s, command,
                                            NGX_WEBSOCKET_ERROR_TOKEN_EXPIRED);
        return rc == NGX_OK ? NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED : rc;

    case NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_WRONG:
        return ngx_http_websocket_centrifuge_disconnect(s,
                                  NGX_HTTP_WEBSOCKET_DISCONNECT_INVALID_TOKEN);

    default:  /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_NO_MEMORY */
        return ngx_http_websocket_centrifuge_disconnect(s,
                                       NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL);
    }

    ngx_http_websocket_centrifuge_user(client, &user);

    failed = 0;

    if (!client->connected) {
        json_decref(client->subs);
        client->subs = ngx_http_websocket_centrifuge_server_claims(
                                                 token.token.grants, &failed);
    }

    wrong = token.channel.len
            || (client->connected
                && (user.len != token.user.len
                    || ngx_memcmp(user.data, token.user.data, user.len) != 0));

    rc = wrong || failed
         ? NGX_ERROR
         : ngx_http_websocket_centrifuge_token_take(s, &token);

    ngx_http_websocket_centrifuge_token_free(&token);

    if (rc == NGX_OK) {
        return NGX_OK;
    }

    return ngx_http_websocket_centrifuge_disconnect(s, wrong
                                  ? NGX_HTTP_WEBSOCKET_DISCONNECT_INVALID_TOKEN
                                  : NGX_HTTP_WEBSOCKET_DISCONNECT_INTERNAL);
}


/* the first ping comes at a random time, so that not all come together */

static ngx_int_t
ngx_http_websocket_centrifuge_connected(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_websocket_json_text_t *subs)
{
    ngx_int_t                         rc;
    ngx_msec_t                        interval;
    ngx_websocket_reply_t             reply;
    ngx_websocket_json_text_t         text;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);
    interval = s->conf->heartbeat_interval;

    ngx_http_websocket_centrifuge_reply_to(&reply, command);
    ngx_http_websocket_centrifuge_reply_client(s, &reply);

    reply.list.data = subs->data;
    reply.list.size = subs->size;

    if (interval) {
        client->ping = ngx_http_websocket_now() + interval / 2
                       + ngx_random() % (interval / 2 + 1);

        reply.ping = (interval + 999) / 1000;
        reply.pong = 1;
    }

    if (client->emulated) {
        ngx_http_websocket_emulated_tell(client->emulated, &reply);
    }

    ngx_http_websocket_session_schedule(s);

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    if (client->verdict) {
        rc = ngx_http_websocket_centrifuge_answer_data(s, command,
                                                     &client->verdict->answer,
                                                       &text);
        if (rc != NGX_OK) {
            client->refused = 1;
            return rc;
        }
    }

    reply.data.data = text.data;
    reply.data.size = text.size;

    rc = ngx_http_websocket_centrifuge_answer(s, &reply);

    ngx_websocket_json_text_done(&text);

    return rc;
}


/* what a connect and a refresh are answered with */

static void
ngx_http_websocket_centrifuge_reply_client(ngx_http_websocket_session_t *s,
    ngx_websocket_reply_t *reply)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    reply->client.data = (char *) client->client;
    reply->client.size = NGX_HTTP_WEBSOCKET_UUID;

    reply->version.data = NGX_HTTP_WEBSOCKET_VERSION;
    reply->version.size = sizeof(NGX_HTTP_WEBSOCKET_VERSION) - 1;

    if (client->identity && !s->conf->insecure) {
        ngx_http_websocket_centrifuge_token_tell(reply,
                                                 client->identity->expires);
    }
}


ngx_int_t
ngx_http_websocket_centrifuge_refresh(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t              rc;
    ngx_websocket_reply_t  reply;

    if (command->token.size == 0 || s->conf->jwt == NULL) {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
    }

    rc = ngx_http_websocket_centrifuge_verify(s, command);

    if (rc != NGX_OK || s->close_queued) {
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    ngx_http_websocket_centrifuge_reply_to(&reply, command);
    ngx_http_websocket_centrifuge_reply_client(s, &reply);

    ngx_http_websocket_session_schedule(s);

    return ngx_http_websocket_centrifuge_answer(s, &reply);
}


/* a pong that was not asked for is an empty command: a client's fault */

ngx_int_t
ngx_http_websocket_centrifuge_pong(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (!client->pong) {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                    NGX_HTTP_WEBSOCKET_DISCONNECT_BAD_REQUEST);
    }

    client->pong = 0;

    return NGX_OK;
}


ngx_http_websocket_time_t
ngx_http_websocket_centrifuge_due(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_time_t         due, t;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (!client->connected) {
        return ngx_http_websocket_progress_since(
                              (ngx_http_websocket_time_t) s->record->started)
               + s->conf->connect_timeout;
    }

    due = ngx_http_websocket_now() + NGX_HTTP_WEBSOCKET_LONGEST;

#define ngx_http_websocket_earlier(time)                                      \
    t = time;                                                                 \
    if ((int32_t) (t - due) < 0) {                                            \
        due = t;                                                              \
    }

    if (s->conf->heartbeat_interval) {
        ngx_http_websocket_earlier(client->ping);

        if (client->pong && !s->late && !s->write_blocked) {
            ngx_http_websocket_earlier(
                              ngx_http_websocket_progress_since(client->pinged)
                              + s->conf->heartbeat_timeout);
        }
    }

    if (client->identity && client->identity->expires && !s->conf->insecure) {
        ngx_http_websocket_earlier(
                ngx_http_websocket_centrifuge_ends(client->identity->expires
                                                   + s->conf->token_grace));
    }

    if (client->grants) {
        ngx_http_websocket_earlier(
                ngx_http_websocket_centrifuge_ends(client->grants
                                                   + s->conf->token_grace));
    }

#undef ngx_http_websocket_earlier

    return due;
}


static ngx_http_websocket_time_t
ngx_http_websocket_centrifuge_ends(time_t end)
{
    int64_t      left;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    left = ((int64_t) end - tp->sec) * 1000 - tp->msec;

    left = ngx_max(left, 0);
    left = ngx_min(left, (int64_t) NGX_HTTP_WEBSOCKET_LONGEST);

    return ngx_http_websocket_now() + (ngx_http_websocket_time_t) left;
}


void
ngx_http_websocket_centrifuge_expire(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (!client->connected) {

        if (ngx_http_websocket_progress_passed(
                              (ngx_http_websocket_time_t) s->record->started,
                              s->conf->connect_timeout))
        {
            (void) ngx_http_websocket_centrifuge_disconnect(s,
                                          NGX_HTTP_WEBSOCKET_DISCONNECT_STALE);
        }

        return;
    }

    if (ngx_http_websocket_centrifuge_ended(s)) {
        return;
    }

    if (client->grants && ngx_time() >= client->grants + s->conf->token_grace)
    {
        ngx_http_websocket_centrifuge_grants_expire(s);
    }

    if (s->conf->heartbeat_interval) {
        ngx_http_websocket_centrifuge_heartbeat(s);
    }
}


/* the end of the token, with the time that a client has to refresh it */

static ngx_uint_t
ngx_http_websocket_centrifuge_ended(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_identity_t  *identity;

    identity = ngx_http_websocket_centrifuge_of(s)->identity;

    if (identity == NULL || identity->expires == 0 || s->conf->insecure
        || ngx_time() < identity->expires + s->conf->token_grace)
    {
        return 0;
    }

    (void) ngx_http_websocket_centrifuge_disconnect(s,
                                        NGX_HTTP_WEBSOCKET_DISCONNECT_EXPIRED);
    return 1;
}


ngx_uint_t
ngx_http_websocket_centrifuge_revoked(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_identity_t  *identity;

    identity = ngx_http_websocket_centrifuge_of(s)->identity;

    return identity && identity->revocable
           && ngx_http_websocket_revoked(&identity->token);
}


/*
 * pings go at every interval, whatever else is sent: some clients count on that
 */

static void
ngx_http_websocket_centrifuge_heartbeat(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->pong && ngx_http_websocket_centrifuge_deaf(s)) {
        s->conf->stats->dead++;

        (void) ngx_http_websocket_centrifuge_disconnect(s,
                                        NGX_HTTP_WEBSOCKET_DISCONNECT_NO_PONG);
        return;
    }

    if ((int32_t) (ngx_http_websocket_now() - client->ping) >= 0) {
        ngx_http_websocket_centrifuge_ping(s);
    }
}


/*
 * whether a pong is overdue, and cannot be among bytes that were not read yet
 */

static ngx_uint_t
ngx_http_websocket_centrifuge_deaf(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (s->late || s->write_blocked
        || !ngx_http_websocket_progress_passed(client->pinged,
                                               s->conf->heartbeat_timeout))
    {
        return 0;
    }

    if (ngx_http_websocket_session_is_paused(s)
        || ngx_http_websocket_behind_is(s)
        || ngx_http_websocket_progress_unread(s))
    {
        client->pinged = ngx_http_websocket_now();
        return 0;
    }

    return 1;
}


static void
ngx_http_websocket_centrifuge_ping(ngx_http_websocket_session_t *s)
{
    u_char                            bytes[NGX_WEBSOCKET_HEADER_SIZE + 8];
    u_char                           *p;
    ngx_http_websocket_frame_t       *frame;
    ngx_websocket_json_text_t        *text;
    const ngx_websocket_bytes_t      *ping;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);
    ping = &ngx_http_websocket_centrifuge_codec(s)->ping;

    client->ping = ngx_http_websocket_now() + s->conf->heartbeat_interval;

    if (!client->pong) {
        client->pong = 1;
        client->pinged = ngx_http_websocket_now();
    }

    if (ngx_http_websocket_direct_ready(s)) {

        p = bytes + ngx_websocket_frame_header(bytes, NGX_WEBSOCKET_FIN
                               | ngx_http_websocket_centrifuge_codec(s)->opcode,
                                               ping->size);
        p = ngx_cpymem(p, ping->data, ping->size);

        ngx_http_websocket_direct_write(s, bytes, p - bytes);

    } else {
        text = ngx_http_websocket_centrifuge_text();

        ngx_websocket_json_append(text, ping->data, ping->size);

        frame = ngx_http_websocket_centrifuge_frame(
                                     ngx_http_websocket_centrifuge_form_of(s),
                                                    text, s->connection->log);

        if (ngx_http_websocket_send_answer(s, frame) != NGX_OK) {
            return;
        }
    }

    ngx_http_websocket_progress_mark(s);
}
