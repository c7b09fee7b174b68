
#include "protocol/ngx_http_websocket_centrifuge_publish.h"
#include "broker/ngx_http_websocket_broker.h"
#include "centrifuge/json_command.h"
#include "message/meta.h"
#include "protocol/ngx_http_websocket_centrifuge_channel.h"
#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_hook.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "wire/frame.h"
#include "wire/utf8.h"


/* who publishes, as parts of meta, and then the data */

#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_PARTS  9

typedef struct {
    ngx_websocket_store_part_t    parts[NGX_HTTP_WEBSOCKET_CENTRIFUGE_PARTS];
    size_t                        n;
    size_t                        meta;
    u_char                        heads[4][NGX_WEBSOCKET_META_HEAD];
} ngx_http_websocket_publication_parts_t;


static ngx_int_t ngx_http_websocket_centrifuge_decided(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_websocket_answer_t *answer);
static ngx_int_t ngx_http_websocket_centrifuge_put(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel);
static ngx_uint_t ngx_http_websocket_centrifuge_type(
    const ngx_websocket_codec_t *codec, ngx_websocket_bytes_t *data);
static void ngx_http_websocket_centrifuge_author(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_publication_parts_t *all);
static void ngx_http_websocket_centrifuge_add(
    ngx_http_websocket_publication_parts_t *all,
    ngx_websocket_meta_type_e type, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_centrifuge_append(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_publication_parts_t *all, ngx_uint_t type);
static ngx_int_t ngx_http_websocket_centrifuge_pending(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_publish_t *pending);
static void ngx_http_websocket_centrifuge_arrived(
    ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_centrifuge_published(
    ngx_http_websocket_session_t *s, uint32_t id,
    ngx_http_websocket_publish_t *p);


ngx_int_t
ngx_http_websocket_centrifuge_publish(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    ngx_int_t                                 rc;
    ngx_websocket_error_e                     error;
    ngx_websocket_answer_t                   *answer;
    ngx_http_websocket_centrifuge_channel_t   channel;

    rc = ngx_http_websocket_centrifuge_channel(s, command, &channel);

    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    error = 0;

    if (command->data.size == 0) {
        error = NGX_WEBSOCKET_ERROR_BAD_REQUEST;

    } else if (!ngx_http_websocket_centrifuge_may(s, &channel,
                                                  channel.ns->publish))
    {
        error = NGX_WEBSOCKET_ERROR_PERMISSION_DENIED;
    }

    if (error) {
        return ngx_http_websocket_centrifuge_error(s, command, error);
    }

    rc = ngx_http_websocket_centrifuge_ask(s, command,
                                           NGX_HTTP_WEBSOCKET_HOOK_MESSAGE,
                                           &channel.name, &answer);

    if (rc == NGX_OK && answer) {
        return ngx_http_websocket_centrifuge_decided(s, command, &channel,
                                                     answer);
    }

    return rc == NGX_OK
           ? ngx_http_websocket_centrifuge_put(s, command, &channel) : rc;
}


/* publishes what the application has made of it, or nothing */

static ngx_int_t
ngx_http_websocket_centrifuge_decided(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_websocket_answer_t *answer)
{
    ngx_int_t                  rc;
    ngx_websocket_reply_t      reply;
    ngx_websocket_bytes_t      data;
    ngx_websocket_json_text_t  text;

    if (answer->silent) {
        ngx_http_websocket_centrifuge_reply_to(&reply, command);
        return ngx_http_websocket_centrifuge_answer(s, &reply);
    }

    rc = ngx_http_websocket_centrifuge_answer_data(s, command, answer, &text);

    if (rc != NGX_OK) {
        return rc;
    }

    /* the command is done anew with its own data, if it must be */

    data = command->data;

    if (text.size) {
        command->data.data = text.data;
        command->data.size = text.size;
    }

    rc = ngx_http_websocket_centrifuge_put(s, command, channel);

    command->data = data;
    ngx_websocket_json_text_done(&text);

    return rc;
}


static ngx_int_t
ngx_http_websocket_centrifuge_put(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel)
{
    ngx_uint_t                               type;
    ngx_websocket_store_part_t              *part;
    ngx_http_websocket_publication_parts_t   all;

    type = ngx_http_websocket_centrifuge_type(
                                        ngx_http_websocket_centrifuge_codec(s),
                                              &command->data);

    ngx_http_websocket_centrifuge_author(s, channel->sub, &all);

    part = &all.parts[all.n++];
    part->data = (u_char *) command->data.data;
    part->size = command->data.size;

    return ngx_http_websocket_centrifuge_append(s, command, channel, &all,
                                                type);
}


/*
 * What data are: a text is JSON, which has its line ends taken out where it
 * came as JSON.
 */

static ngx_uint_t
ngx_http_websocket_centrifuge_type(const ngx_websocket_codec_t *codec,
    ngx_websocket_bytes_t *data)
{
    size_t                size;
    ngx_websocket_utf8_t  utf8;

    if (codec->raw) {
        utf8 = 0;

        return ngx_websocket_utf8(&utf8, (u_char *) data->data, data->size)
               == 0
               && utf8 == 0
               && ngx_websocket_json_valid(data->data, data->size)
               ? NGX_WEBSOCKET_TEXT : NGX_WEBSOCKET_BINARY;
    }

    /* the command may be done anew: what is left of the data is the same */

    size = ngx_http_websocket_centrifuge_join_lines((u_char *) data->data,
                                                    data->size);

    ngx_memset((u_char *) data->data + size, ' ', data->size - size);

    data->size = size;

    return NGX_WEBSOCKET_TEXT;
}


static void
ngx_http_websocket_centrifuge_author(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub,
    ngx_http_websocket_publication_parts_t *all)
{
    ngx_http_websocket_identity_t          *identity;
    ngx_http_websocket_centrifuge_t        *client;
    ngx_http_websocket_centrifuge_grant_t  *grant;

    client = ngx_http_websocket_centrifuge_of(s);
    identity = client->identity;

    all->n = 0;
    all->meta = 0;

    ngx_http_websocket_centrifuge_add(all, NGX_WEBSOCKET_META_CLIENT,
                                      client->client,
                                      NGX_HTTP_WEBSOCKET_UUID);
    if (identity) {
        ngx_http_websocket_centrifuge_add(all, NGX_WEBSOCKET_META_USER,
                                          identity->user.data,
                                          identity->user.len);

        ngx_http_websocket_centrifuge_add(all, NGX_WEBSOCKET_META_CONN_INFO,
                                          identity->info.data,
                                          identity->info.len);
    }

    grant = sub ? ngx_http_websocket_centrifuge_grant_of(sub) : NULL;

    if (grant) {
        ngx_http_websocket_centrifuge_add(all, NGX_WEBSOCKET_META_CHAN_INFO,
                                          grant->info.data, grant->info.len);
    }
}


static void
ngx_http_websocket_centrifuge_add(ngx_http_websocket_publication_parts_t *all,
    ngx_websocket_meta_type_e type, u_char *data, size_t size)
{
    u_char  *head;

    if (size == 0) {
        return;
    }

    head = all->heads[all->n / 2];

    (void) ngx_websocket_meta_head(head, type, size);

    all->parts[all->n].data = head;
    all->parts[all->n++].size = NGX_WEBSOCKET_META_HEAD;

    all->parts[all->n].data = data;
    all->parts[all->n++].size = size;

    all->meta += NGX_WEBSOCKET_META_HEAD + size;
}


static ngx_int_t
ngx_http_websocket_centrifuge_append(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_channel_t *channel,
    ngx_http_websocket_publication_parts_t *all, ngx_uint_t type)
{
    ngx_http_websocket_publish_t  p;

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));

    p.message.type = type;
    p.message.priority = NGX_HTTP_WEBSOCKET_NORMAL;
    p.message.source = s->record->id;
    p.message.meta = all->meta;

    p.channel = channel->name;
    p.history = channel->ns->history.length ? &channel->ns->history : NULL;
    p.parts = all->parts;
    p.n = all->n;
    p.durable = s->conf->durable ? NGX_HTTP_WEBSOCKET_DURABLE_WAIT
                                 : NGX_HTTP_WEBSOCKET_DURABLE_OFF;
    p.patience = s->conf->durable_wait;

    if (s->conf->zone->broker->publish(s->conf->zone, &p) == NGX_AGAIN) {
        return ngx_http_websocket_centrifuge_pending(s, command, p.pending);
    }

    if (p.rc == NGX_WEBSOCKET_STORE_BUSY) {
        return NGX_AGAIN;
    }

    return ngx_http_websocket_centrifuge_published(s, command->id, &p);
}


static ngx_int_t
ngx_http_websocket_centrifuge_pending(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_http_websocket_publish_t *pending)
{
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_http_websocket_centrifuge_wait(s);
    if (rest == NULL) {
        return NGX_DONE;
    }

    rest->publish = pending;
    rest->id = command->id;

    pending->done = ngx_http_websocket_centrifuge_arrived;
    pending->data = s;

    return NGX_BUSY;
}


static void
ngx_http_websocket_centrifuge_arrived(ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_session_t   *s;
    ngx_http_websocket_commands_t  *rest;

    s = p->data;
    rest = ngx_http_websocket_centrifuge_of(s)->rest;

    rest->publish = NULL;

    (void) ngx_http_websocket_centrifuge_published(s, rest->id, p);

    ngx_http_websocket_centrifuge_go_on(s);
}


static ngx_int_t
ngx_http_websocket_centrifuge_published(ngx_http_websocket_session_t *s,
    uint32_t id, ngx_http_websocket_publish_t *p)
{
    ngx_websocket_reply_t  reply;

    ngx_memzero(&reply, sizeof(ngx_websocket_reply_t));

    reply.id = id;
    reply.kind = NGX_WEBSOCKET_COMMAND_PUBLISH;

    if (p->rc == NGX_WEBSOCKET_STORE_OK) {
        s->conf->stats->published++;

        if (p->durable && p->reached == NGX_HTTP_WEBSOCKET_REACHED_LATE) {

            /* it is published, and not on the disk yet */

            reply.error = NGX_WEBSOCKET_ERROR_INTERNAL;
        }

    } else if (p->rc == NGX_WEBSOCKET_STORE_ENDED) {
        reply.error = NGX_WEBSOCKET_ERROR_NOT_AVAILABLE;

    } else {
        reply.error = NGX_WEBSOCKET_ERROR_INTERNAL;

        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket zone \"%V\" cannot take the message: %s",
                      &s->conf->zone->name, ngx_websocket_store_strerror(p->rc));
    }

    return ngx_http_websocket_centrifuge_answer(s, &reply);
}
