
#include "broker/ngx_http_websocket_remote_publish.h"
#include "broker/ngx_http_websocket_remote_heal.h"
#include "broker/ngx_http_websocket_remote_ring.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "store/message.h"

#include <openssl/sha.h>


/* messages in one command, and about so many bytes of them */
#define NGX_HTTP_WEBSOCKET_TOGETHER       64
#define NGX_HTTP_WEBSOCKET_TOGETHER_SIZE  (256 * 1024)

/* bytes that wait while the server is away; and for its answers */
#define NGX_HTTP_WEBSOCKET_AWAY_SIZE      (1024 * 1024)
#define NGX_HTTP_WEBSOCKET_FLIGHT_SIZE    (64 * 1024 * 1024)

/* what a stream keeps at least: nodes fill their gaps from it */
#define NGX_HTTP_WEBSOCKET_STREAM_LENGTH  64

/* seconds that a stream is kept beyond its history */
#define NGX_HTTP_WEBSOCKET_STREAM_TIME    3600

/* how often a stream is told how long it is kept, ms */
#define NGX_HTTP_WEBSOCKET_RENEW          60000

/* how often messages are looked for that have waited for too long, ms */
#define NGX_HTTP_WEBSOCKET_EXPIRE         100

/* keys and arguments of one message in a command */
#define NGX_HTTP_WEBSOCKET_KEYS           2
#define NGX_HTTP_WEBSOCKET_ARGS           8
#define NGX_HTTP_WEBSOCKET_FLAGS          6


/* a message that has not completed */

typedef struct {
    ngx_queue_t                     queue;
    ngx_http_websocket_publish_t    p;
    ngx_websocket_store_part_t      parts[3];
    ngx_websocket_envelope_t        envelope;
    ngx_msec_t                      deadline;
    uint64_t                        hash;       /* of the channel's name */
    uint64_t                        ttl;        /* of its stream, ms */
    uint32_t                        size;       /* of the payload */
    u_char                         *payload;
    ngx_http_websocket_fetch_t      f;          /* of a deletion */
    ngx_http_websocket_change_t    *change;     /* with it; or NULL */
    unsigned                        remove:1;   /* it is one, not a message */
    unsigned                        silent:1;   /* a change without a message */
    unsigned                        again:1;    /* it may be there already */
    unsigned                        kept:1;     /* ttl was set of late */
    u_char                          data[1];    /* the channel's name */
} ngx_http_websocket_sending_t;


/* goes alone, and is not copied */

#define ngx_http_websocket_sending_large(sending)                             \
    ((sending)->size > NGX_WEBSOCKET_STORE_PIECE)


/* those of one command */

typedef struct {
    ngx_queue_t                     messages;
    ngx_uint_t                      n;
    ngx_uint_t                      script;     /* but for PUBLISH it is one */
    ngx_uint_t                      keys;
    ngx_uint_t                      args;
    size_t                          size;
} ngx_http_websocket_together_t;


static ngx_uint_t ngx_http_websocket_remote_away(
    ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_sending_queue(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending);
static size_t ngx_http_websocket_remote_size(ngx_http_websocket_publish_t *p);
static ngx_http_websocket_sending_t *ngx_http_websocket_sending_create(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_publish_t *p);
static void ngx_http_websocket_sending_fill(
    ngx_http_websocket_sending_t *sending, ngx_http_websocket_publish_t *p);
static ngx_uint_t ngx_http_websocket_sending_script(
    ngx_http_websocket_sending_t *sending);
static void ngx_http_websocket_sending_count(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    ngx_http_websocket_together_t *together);
static u_char *ngx_http_websocket_change_args(u_char *p,
    ngx_http_websocket_change_t *change);
static void ngx_http_websocket_sending_changed(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_sending_done(
    ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, int rc);
static void ngx_http_websocket_sending_complete(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    ngx_websocket_resp_value_t *id, ngx_websocket_resp_value_t *nodes);
static ngx_uint_t ngx_http_websocket_sending_nowhere(
    ngx_http_websocket_sending_t *sending, ngx_websocket_resp_value_t *id,
    int *rc);
static int ngx_http_websocket_sending_where(
    ngx_http_websocket_sending_t *sending, ngx_websocket_resp_value_t *id,
    uint64_t *epoch, uint64_t *offset);
static void ngx_http_websocket_sending_there(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    uint64_t epoch, int rc);
static void ngx_http_websocket_sending_keep(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    uint64_t epoch);
static void ngx_http_websocket_sending_ring(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    uint64_t epoch, uint64_t offset, ngx_str_t *head, ngx_str_t *text);
static void ngx_http_websocket_sending_end(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    uint64_t epoch, uint64_t offset);
static void ngx_http_websocket_sending_removed(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    uint64_t epoch);
static void ngx_http_websocket_sending_place(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    uint64_t epoch);
static void ngx_http_websocket_remote_flush(ngx_event_t *ev);
static ngx_http_websocket_together_t *ngx_http_websocket_together_take(
    ngx_http_websocket_remote_t *remote);
static ngx_int_t ngx_http_websocket_together_send(
    ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_together_t *together);
static u_char *ngx_http_websocket_together_keys(
    ngx_http_websocket_remote_t *remote, u_char *p,
    ngx_http_websocket_sending_t *sending);
static size_t ngx_http_websocket_sending_flags(
    ngx_http_websocket_sending_t *sending, char *flags);
static u_char *ngx_http_websocket_together_args(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_command_t *command,
    u_char *p, ngx_http_websocket_sending_t *sending);
static void ngx_http_websocket_together_reply(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_together_refused(
    ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_together_t *together, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_together_back(
    ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_together_t *together);
static void ngx_http_websocket_remote_expire(ngx_event_t *ev);
static void ngx_http_websocket_remote_expire_queue(
    ngx_http_websocket_remote_t *remote, ngx_queue_t *queue);
static ngx_http_websocket_hint_t *ngx_http_websocket_remote_hint(
    ngx_http_websocket_remote_t *remote, uint64_t hash);
static void ngx_http_websocket_sending_hint(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_sending_t *sending,
    uint64_t epoch, int rc);


static ngx_str_t  ngx_http_websocket_none = ngx_null_string;


void
ngx_http_websocket_remote_publish_init(ngx_http_websocket_remote_t *remote)
{
    ngx_queue_init(&remote->again);
    ngx_queue_init(&remote->publishes);

    ngx_http_websocket_remote_event(remote, &remote->flush,
                                    ngx_http_websocket_remote_flush);
    ngx_http_websocket_remote_event(remote, &remote->expire,
                                    ngx_http_websocket_remote_expire);
}


ngx_int_t
ngx_http_websocket_remote_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_remote_t   *remote;
    ngx_http_websocket_sending_t  *sending;

    remote = zone->remote;

    if (ngx_http_websocket_remote_away(remote)) {
        p->rc = NGX_HTTP_WEBSOCKET_BROKER_AWAY;
        return NGX_OK;
    }

    sending = ngx_http_websocket_sending_create(remote, p);

    if (sending == NULL) {
        p->rc = NGX_WEBSOCKET_STORE_NOSPACE;
        return NGX_OK;
    }

    ngx_http_websocket_sending_queue(remote, sending);

    p->pending = &sending->p;

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_websocket_remote_remove(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f)
{
    ngx_http_websocket_remote_t   *remote;
    ngx_http_websocket_publish_t   p;
    ngx_http_websocket_sending_t  *sending;

    remote = zone->remote;

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));

    p.channel = f->channels[0];

    sending = ngx_http_websocket_remote_away(remote)
              ? NULL : ngx_http_websocket_sending_create(remote, &p);

    if (sending == NULL) {
        f->rc = NGX_HTTP_WEBSOCKET_FETCH_AWAY;
        return NGX_OK;
    }

    sending->remove = 1;

    ngx_http_websocket_sending_queue(remote, sending);

    f->pending = &sending->f;

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_websocket_remote_change(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_publish_t *p, ngx_http_websocket_change_t *change)
{
    ngx_http_websocket_change_t   *copy;
    ngx_http_websocket_sending_t  *sending;

    copy = ngx_alloc(sizeof(ngx_http_websocket_change_t)
                     + change->channel.len, remote->log);
    sending = copy ? ngx_http_websocket_sending_create(remote, p) : NULL;

    if (sending == NULL) {
        ngx_free(copy);

        p->rc = NGX_WEBSOCKET_STORE_NOSPACE;
        return NGX_OK;
    }

    *copy = *change;
    copy->channel.data = (u_char *) (copy + 1);
    ngx_memcpy(copy->channel.data, change->channel.data, change->channel.len);

    sending->change = copy;
    sending->silent = (p->n == 0);

    ngx_http_websocket_sending_queue(remote, sending);

    p->pending = &sending->p;

    return NGX_AGAIN;
}


/* more is not taken now */

static ngx_uint_t
ngx_http_websocket_remote_away(ngx_http_websocket_remote_t *remote)
{
    if (remote->ready) {
        return remote->size > NGX_HTTP_WEBSOCKET_FLIGHT_SIZE;
    }

    return remote->conf->refuse || remote->size > NGX_HTTP_WEBSOCKET_AWAY_SIZE;
}


static void
ngx_http_websocket_sending_queue(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending)
{
    ngx_queue_insert_tail(&remote->publishes, &sending->queue);

    remote->size += sending->size;
    remote->pending++;

    ngx_post_event(&remote->flush, &ngx_posted_events);

    /* not cancelable: a worker that shuts down waits for what is published */

    if (!remote->expire.timer_set) {
        ngx_add_timer(&remote->expire, NGX_HTTP_WEBSOCKET_EXPIRE);
    }
}


static size_t
ngx_http_websocket_remote_size(ngx_http_websocket_publish_t *p)
{
    size_t  i, size;

    for (size = 0, i = 0; i < p->n; i++) {
        size += p->parts[i].size;
    }

    return size;
}


static ngx_http_websocket_sending_t *
ngx_http_websocket_sending_create(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_publish_t *p)
{
    size_t                         size;
    ngx_http_websocket_sending_t  *sending;

    size = ngx_http_websocket_remote_size(p);

    sending = ngx_alloc(sizeof(ngx_http_websocket_sending_t) + p->channel.len
                        + size, remote->log);
    if (sending == NULL) {
        return NULL;
    }

    ngx_memzero(sending, sizeof(ngx_http_websocket_sending_t));

    sending->p = *p;
    sending->p.done = NULL;
    sending->size = size;
    sending->deadline = ngx_current_msec + remote->conf->wait;
    ngx_http_websocket_sending_fill(sending, p);

    ngx_http_websocket_clock_stamp(&sending->p.message);

    sending->envelope.node = remote->shared->node;

    if (p->message.key[0]) {
        sending->envelope.id[0] = p->message.key[0];
        sending->envelope.id[1] = (p->message.key[1] & ~(uint64_t) UINT32_MAX)
                                  | p->message.digest;

    } else {
        sending->envelope.id[0] = remote->shared->node;
        sending->envelope.id[1] = remote->number++;
    }

    sending->envelope.source = p->message.source;
    sending->envelope.type = p->message.type;
    sending->envelope.priority = p->message.priority;
    sending->envelope.meta = p->message.meta;

    if (p->history) {
        sending->envelope.flags = NGX_WEBSOCKET_ENVELOPE_HISTORY;
        sending->envelope.length = p->history->length;
        sending->envelope.time = p->history->time;
        sending->envelope.max = p->history->max;
    }

    sending->envelope.wall =
        ngx_http_websocket_clock_wall(sending->p.message.time) * 1000
        + sending->p.message.fraction * 1000 / 256;

    sending->hash = ngx_websocket_store_hash(remote->zone->store,
                                             sending->p.channel.data,
                                             sending->p.channel.len);

    return sending;
}


/* the channel's name and the payload, without the offset in its midst */

static void
ngx_http_websocket_sending_fill(ngx_http_websocket_sending_t *sending,
    ngx_http_websocket_publish_t *p)
{
    u_char  *last;
    size_t   i;

    sending->p.channel.data = sending->data;
    sending->payload = ngx_cpymem(sending->data, p->channel.data,
                                  p->channel.len);

    sending->envelope.place = NGX_WEBSOCKET_ENVELOPE_NOWHERE;
    last = sending->payload;

    for (i = 0; i < p->n; i++) {

        if (p->parts[i].data == ngx_websocket_store_offset) {
            sending->envelope.place = last - sending->payload;

        } else {
            last = ngx_cpymem(last, p->parts[i].data, p->parts[i].size);
        }
    }

    sending->size = last - sending->payload;

    sending->p.history = NULL;
    sending->p.parts = sending->parts;
}


void
ngx_http_websocket_remote_key(ngx_str_t *data, uint64_t key[2])
{
    u_char  digest[SHA256_DIGEST_LENGTH];

    (void) SHA256(data->data, data->len, digest);

    ngx_memcpy(key, digest, 2 * sizeof(uint64_t));

    key[0] |= NGX_WEBSOCKET_ENVELOPE_KEY;
}


u_char *
ngx_http_websocket_remote_key_name(ngx_http_websocket_redis_t *redis,
    u_char *p, ngx_str_t *channel, uint64_t key[2])
{
    u_char     text[NGX_WEBSOCKET_STORE_NAME_SIZE + 1 + 24];
    ngx_str_t  name;

    /* what a zone has of a key, beside the digest of its body */

    name.data = text;
    name.len = ngx_sprintf(text, "%V:%016xL%08xL", channel, key[0],
                           key[1] >> 32)
               - text;

    return ngx_http_websocket_redis_key(redis, p, "i:", &name);
}


void
ngx_http_websocket_remote_stream(ngx_http_websocket_remote_t *remote,
    uint32_t length, uint32_t time, ngx_http_websocket_ring_entry_t *entry)
{
    uint64_t  keep;

    keep = time ? time : remote->zone->inactive / 1000;

    entry->length = ngx_max(length, NGX_HTTP_WEBSOCKET_STREAM_LENGTH);
    entry->ttl = (keep + NGX_HTTP_WEBSOCKET_STREAM_TIME) * 1000;
    entry->keep = ngx_max(keep, 1) * 1000;
}


void
ngx_http_websocket_remote_open(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_publish_t *p, ngx_websocket_store_history_t *history,
    const ngx_websocket_envelope_t *envelope, const u_char *payload,
    size_t size)
{
    uint64_t                     now, wall, age;
    ngx_websocket_store_part_t  *part;

    part = p->parts;

    if (envelope->place == NGX_WEBSOCKET_ENVELOPE_NOWHERE) {
        part->data = payload;
        part->size = size;
        part++;

    } else {
        part->data = payload;
        part->size = envelope->place;
        part++;
        part->data = ngx_websocket_store_offset;
        part->size = 0;
        part++;
        part->data = payload + envelope->place;
        part->size = size - envelope->place;
        part++;
    }

    p->n = part - p->parts;
    p->history = NULL;

    if (envelope->flags & NGX_WEBSOCKET_ENVELOPE_HISTORY) {
        history->length = envelope->length;
        history->time = envelope->time;
        history->max = envelope->max;
        p->history = history;
    }

    ngx_memzero(&p->message, sizeof(ngx_websocket_store_message_t));

    p->message.key[0] = envelope->id[0];
    p->message.key[1] = envelope->id[1];
    p->message.digest = (uint32_t) envelope->id[1];
    p->message.meta = envelope->meta;
    p->message.type = envelope->type;
    p->message.priority = envelope->priority;

    /* the numbers of sessions are each node's own */

    p->message.source = envelope->node == remote->shared->node
                        ? envelope->source : 0;

    /* as old as it is by the clocks of both machines, but not of the future */

    now = ngx_http_websocket_clock_now_us();
    wall = ngx_http_websocket_clock_wall(now / 1000) * 1000;
    age = wall > envelope->wall ? wall - envelope->wall : 0;
    now = age < now ? now - age : 0;

    p->message.time = now / 1000;
    p->message.fraction = now % 1000 * 256 / 1000;
}


static void
ngx_http_websocket_remote_flush(ngx_event_t *ev)
{
    ngx_connection_t               *c;
    ngx_http_websocket_remote_t    *remote;
    ngx_http_websocket_together_t  *together;

    c = ev->data;
    remote = c->data;

    while (remote->ready
           && (!ngx_queue_empty(&remote->again)
               || !ngx_queue_empty(&remote->publishes)))
    {
        together = ngx_http_websocket_together_take(remote);

        if (together == NULL) {
            return;
        }

        if (ngx_http_websocket_together_send(remote, together) != NGX_OK) {

            /* they are tried again, until they have waited for too long */

            ngx_http_websocket_together_back(remote, together);
            return;
        }
    }
}


static ngx_uint_t
ngx_http_websocket_sending_script(ngx_http_websocket_sending_t *sending)
{
    if (sending->change) {
        return NGX_WEBSOCKET_SCRIPT_MEMBER;
    }

    return sending->remove ? NGX_WEBSOCKET_SCRIPT_DELETE
                           : NGX_WEBSOCKET_SCRIPT_PUBLISH;
}


/* the keys and the arguments that it adds, and the room for them */

static void
ngx_http_websocket_sending_count(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending,
    ngx_http_websocket_together_t *together)
{
    size_t                        size;
    ngx_http_websocket_change_t  *change;

    change = sending->change;

    if (change) {
        together->keys += 3;
        together->args += 5;

        size = ngx_http_websocket_redis_key_size(&remote->redis,
                                                 &change->channel);
        together->size += 3 * (size + sizeof(change->node))
                          + size + 4 * NGX_WEBSOCKET_RESP_NUMBER
                          + ngx_websocket_resp_bulk_size(change->size);
    }

    if (sending->silent) {
        return;
    }

    together->keys += sending->p.message.key[0] ? 2 : 1;
    together->args += sending->remove
                      ? 2 : 6 + (sending->p.message.key[0] ? 1 : 0)
                            + (sending->again ? 1 : 0);
    together->size += NGX_HTTP_WEBSOCKET_ARGS * NGX_WEBSOCKET_RESP_NUMBER
                      + NGX_HTTP_WEBSOCKET_KEYS
                        * (ngx_http_websocket_redis_key_size(&remote->redis,
                                                       &sending->p.channel)
                           + 33)
                      + NGX_WEBSOCKET_ENVELOPE_SIZE
                      + (ngx_http_websocket_sending_large(sending)
                         ? 0 : sending->size);
}


static ngx_http_websocket_together_t *
ngx_http_websocket_together_take(ngx_http_websocket_remote_t *remote)
{
    size_t                          size;
    ngx_uint_t                      script;
    ngx_queue_t                    *q;
    ngx_http_websocket_sending_t   *sending;
    ngx_http_websocket_together_t  *together;

    together = ngx_alloc(sizeof(ngx_http_websocket_together_t), remote->log);
    if (together == NULL) {
        return NULL;
    }

    ngx_memzero(together, sizeof(ngx_http_websocket_together_t));
    ngx_queue_init(&together->messages);

    for (size = 0;
         together->n < NGX_HTTP_WEBSOCKET_TOGETHER
         && size < NGX_HTTP_WEBSOCKET_TOGETHER_SIZE;
         size += sending->size)
    {
        q = !ngx_queue_empty(&remote->again)
            ? ngx_queue_head(&remote->again)
            : !ngx_queue_empty(&remote->publishes)
              ? ngx_queue_head(&remote->publishes) : NULL;

        if (q == NULL) {
            break;
        }

        sending = ngx_queue_data(q, ngx_http_websocket_sending_t, queue);

        script = ngx_http_websocket_sending_script(sending);

        if (together->n && (together->script != NGX_WEBSOCKET_SCRIPT_PUBLISH
                            || script != NGX_WEBSOCKET_SCRIPT_PUBLISH
                            || ngx_http_websocket_sending_large(sending)))
        {
            break;
        }

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&together->messages, q);

        together->n++;
        together->script = script;
        ngx_http_websocket_sending_count(remote, sending, together);
    }

    return together;
}


static ngx_int_t
ngx_http_websocket_together_send(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_together_t *together)
{
    size_t                         size;
    u_char                        *p;
    ngx_queue_t                   *q;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &remote->redis;

    size = NGX_HTTP_WEBSOCKET_REDIS_SCRIPT
           + 2 * ngx_http_websocket_redis_key_size(redis,
                                                   &ngx_http_websocket_none)
           + ngx_websocket_resp_bulk_size(remote->gen_size) + together->size;

    command = ngx_http_websocket_redis_command(redis, size,
                                     ngx_http_websocket_together_reply,
                                     together);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        together->script,
                                        2 + together->keys,
                                        1 + together->args);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_none);
    p = ngx_http_websocket_redis_key(redis, p, "e", &ngx_http_websocket_none);

    for (q = ngx_queue_head(&together->messages);
         q != ngx_queue_sentinel(&together->messages);
         q = ngx_queue_next(q))
    {
        p = ngx_http_websocket_together_keys(remote, p,
                ngx_queue_data(q, ngx_http_websocket_sending_t, queue));
    }

    p = ngx_websocket_resp_bulk(p, remote->gen, remote->gen_size);

    for (q = ngx_queue_head(&together->messages);
         q != ngx_queue_sentinel(&together->messages);
         q = ngx_queue_next(q))
    {
        p = ngx_http_websocket_together_args(remote, command, p,
                ngx_queue_data(q, ngx_http_websocket_sending_t, queue));
    }

    command->last = p;

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static u_char *
ngx_http_websocket_together_keys(ngx_http_websocket_remote_t *remote,
    u_char *p, ngx_http_websocket_sending_t *sending)
{
    u_char     text[NGX_HTTP_WEBSOCKET_REMOTE_NODE + 2];
    ngx_str_t  name;

    if (sending->change) {
        name.data = text;
        name.len = ngx_sprintf(text, "%*s:p", sizeof(sending->change->node),
                               sending->change->node)
                   - text;

        p = ngx_http_websocket_redis_key(&remote->redis, p, "p:",
                                         &sending->change->channel);
        p = ngx_http_websocket_redis_key(&remote->redis, p, "n:", &name);
        p = ngx_http_websocket_redis_key(&remote->redis, p, "nodes",
                                         &ngx_http_websocket_none);
    }

    if (sending->silent) {
        return p;
    }

    p = ngx_http_websocket_redis_key(&remote->redis, p, "s:",
                                     &sending->p.channel);

    if (sending->p.message.key[0]) {
        p = ngx_http_websocket_remote_key_name(&remote->redis, p,
                                               &sending->p.channel,
                                               sending->p.message.key);
    }

    return p;
}


static u_char *
ngx_http_websocket_change_args(u_char *p, ngx_http_websocket_change_t *change)
{
    u_char  session[16];

    (void) ngx_sprintf(session, "%016xL", change->id);

    p = ngx_websocket_resp_bulk(p, &change->op, 1);
    p = ngx_websocket_resp_bulk(p, change->node, sizeof(change->node));
    p = ngx_websocket_resp_bulk(p, session, sizeof(session));
    p = ngx_websocket_resp_bulk(p, change->channel.data, change->channel.len);

    return ngx_websocket_resp_bulk(p, change->value, change->size);
}


/* those of the script PUBLISH: returns how many there are */

static size_t
ngx_http_websocket_sending_flags(ngx_http_websocket_sending_t *sending,
    char *flags)
{
    size_t  n;

    n = 0;

    if (sending->p.message.key[0]) {
        flags[n++] = 'i';
    }

    if (sending->again) {
        flags[n++] = 'r';
    }

    if (sending->p.message.ephemeral) {
        flags[n++] = 'e';
    }

    if (!(sending->envelope.flags & NGX_WEBSOCKET_ENVELOPE_HISTORY)) {
        flags[n++] = 'k';
    }

    if (sending->p.message.end) {
        flags[n++] = 'z';
    }

    return n;
}


static u_char *
ngx_http_websocket_together_args(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_command_t *command, u_char *p,
    ngx_http_websocket_sending_t *sending)
{
    size_t                           n;
    uint8_t                          envelope[NGX_WEBSOCKET_ENVELOPE_SIZE];
    char                             flags[NGX_HTTP_WEBSOCKET_FLAGS];
    ngx_http_websocket_hint_t       *hint;
    ngx_http_websocket_ring_entry_t  stream;

    if (sending->change) {
        p = ngx_http_websocket_change_args(p, sending->change);
    }

    if (sending->silent) {
        return p;
    }

    n = ngx_http_websocket_sending_flags(sending, flags);

    ngx_http_websocket_remote_stream(remote, sending->envelope.length,
                                     sending->envelope.time, &stream);

    hint = ngx_http_websocket_remote_hint(remote, sending->hash);

    sending->ttl = stream.ttl;
    sending->kept = hint->ttl == stream.ttl
                    && ngx_current_msec - hint->renewed
                       < NGX_HTTP_WEBSOCKET_RENEW;

    if (sending->kept) {
        flags[n++] = 't';
    }

    if (sending->remove) {
        p = ngx_websocket_resp_number(p, hint->epoch);
        return ngx_websocket_resp_number(p, stream.ttl);
    }

    p = ngx_websocket_resp_bulk(p, flags, n);
    p = ngx_websocket_resp_number(p, hint->epoch);
    p = ngx_websocket_resp_number(p, stream.length);
    p = ngx_websocket_resp_number(p, stream.ttl);

    (void) ngx_websocket_envelope_write(envelope, &sending->envelope);

    p = ngx_websocket_resp_bulk(p, envelope, NGX_WEBSOCKET_ENVELOPE_SIZE);

    if (ngx_http_websocket_sending_large(sending)) {
        p = ngx_websocket_resp_bulk_header(p, sending->size);

        command->at = p;
        command->body.data = sending->payload;
        command->body.len = sending->size;

        *p++ = CR;
        *p++ = LF;

    } else {
        p = ngx_websocket_resp_bulk(p, sending->payload, sending->size);
    }

    if (sending->p.message.key[0]) {
        p = ngx_websocket_resp_number(p, stream.keep);
    }

    if (sending->again) {
        p = ngx_websocket_resp_bulk(p, "-", 1);
    }

    return p;
}


/* what is known of a channel; where memory is refused, of none */

static ngx_http_websocket_hint_t *
ngx_http_websocket_remote_hint(ngx_http_websocket_remote_t *remote,
    uint64_t hash)
{
    ngx_http_websocket_hint_t  *hint, **page;

    static ngx_http_websocket_hint_t  none;

    page = &remote->hints[hash / NGX_HTTP_WEBSOCKET_HINTS
                          % NGX_HTTP_WEBSOCKET_HINT_PAGES];

    if (*page == NULL) {
        *page = ngx_calloc(NGX_HTTP_WEBSOCKET_HINTS
                           * sizeof(ngx_http_websocket_hint_t), remote->log);
    }

    hint = *page ? *page + hash % NGX_HTTP_WEBSOCKET_HINTS : &none;

    if (hint->hash != hash || *page == NULL) {
        hint->hash = hash;
        hint->epoch = 0;
        hint->ttl = 0;
    }

    return hint;
}


void
ngx_http_websocket_remote_forget(ngx_http_websocket_remote_t *remote)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_HINT_PAGES; i++) {
        ngx_free(remote->hints[i]);
        remote->hints[i] = NULL;
    }
}


/*
 * A new message has set how long its stream is kept, unless that was of late; a
 * duplicate has not.
 */

static void
ngx_http_websocket_sending_hint(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, uint64_t epoch, int rc)
{
    ngx_http_websocket_hint_t  *hint;

    hint = ngx_http_websocket_remote_hint(remote, sending->hash);

    if (hint->epoch != epoch) {
        hint->epoch = epoch;
        hint->ttl = 0;
    }

    if (rc == NGX_WEBSOCKET_STORE_OK && !sending->kept) {
        hint->ttl = sending->ttl;
        hint->renewed = ngx_current_msec;
    }
}


static void
ngx_http_websocket_together_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    size_t                          i;
    ngx_queue_t                    *q;
    ngx_http_websocket_remote_t    *remote;
    ngx_http_websocket_sending_t   *sending;
    ngx_http_websocket_together_t  *together;

    remote = redis->data;
    together = command->data;

    if (value == NULL) {

        /* whether they were published is not known */

        for (q = ngx_queue_head(&together->messages);
             q != ngx_queue_sentinel(&together->messages);
             q = ngx_queue_next(q))
        {
            sending = ngx_queue_data(q, ngx_http_websocket_sending_t, queue);
            sending->again = 1;
        }

    } else if (value->type == NGX_WEBSOCKET_RESP_ARRAY) {

        for (i = 0;
             i + 1 < value->size && !ngx_queue_empty(&together->messages);
             i += 2)
        {
            q = ngx_queue_head(&together->messages);
            ngx_queue_remove(q);

            sending = ngx_queue_data(q, ngx_http_websocket_sending_t, queue);

            if (sending->change) {
                ngx_http_websocket_sending_changed(remote, sending, value);
                break;
            }

            ngx_http_websocket_sending_complete(remote, sending,
                                                value->elements[i],
                                                value->elements[i + 1]);
        }

    } else {
        ngx_http_websocket_together_refused(remote, together, value);
    }

    ngx_http_websocket_together_back(remote, together);
}


/*
 * What the server says of the first message, or of all.  Where it is of all,
 * or may pass, they are tried again.
 */

static void
ngx_http_websocket_together_refused(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_together_t *together, ngx_websocket_resp_value_t *value)
{
    int                            rc;
    ngx_queue_t                   *q;
    ngx_http_websocket_sending_t  *sending;

    if (ngx_websocket_resp_begins(value, "FENCED")) {

        ngx_http_websocket_remote_fenced(remote);
        return;
    }

    if (ngx_websocket_resp_begins(value, "NOSCRIPT")) {
        ngx_http_websocket_redis_fail(&remote->redis,
                                      "it has lost its scripts");
        return;
    }

    if (ngx_websocket_resp_begins(value, "READONLY")
        || ngx_websocket_resp_begins(value, "LOADING")
        || ngx_websocket_resp_begins(value, "MASTERDOWN"))
    {
        ngx_http_websocket_redis_fail(&remote->redis, "it takes no messages");
        return;
    }

    rc = ngx_websocket_resp_begins(value, "OOM")
         ? NGX_WEBSOCKET_STORE_NOSPACE : NGX_HTTP_WEBSOCKET_BROKER_AWAY;

    ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                  "websocket broker \"%V\" refuses a message: %*s",
                  &remote->conf->name, ngx_min(value->size, 200),
                  value->size ? (char *) value->data : "");

    q = ngx_queue_head(&together->messages);
    sending = ngx_queue_data(q, ngx_http_websocket_sending_t, queue);

    ngx_queue_remove(q);
    ngx_http_websocket_sending_done(remote, sending, rc);
}


/*
 * What is left of a command goes before all that was not sent yet: commands
 * come back in the order in which they were given.
 */

static void
ngx_http_websocket_together_back(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_together_t *together)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&together->messages)) {

        q = ngx_queue_head(&together->messages);
        ngx_queue_remove(q);

        ngx_queue_insert_tail(&remote->again, q);
    }

    if (!ngx_queue_empty(&remote->again) && remote->ready) {
        ngx_post_event(&remote->flush, &ngx_posted_events);
    }

    ngx_free(together);
}


/* where nothing has changed there is no message, and no place of one */

static void
ngx_http_websocket_sending_changed(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, ngx_websocket_resp_value_t *value)
{
    ngx_websocket_resp_value_t  *id, *nodes;

    id = ngx_websocket_resp_at(value, 2);
    nodes = ngx_websocket_resp_at(value, 3);

    if (nodes) {
        ngx_http_websocket_sending_complete(remote, sending, id, nodes);
        return;
    }

    ngx_http_websocket_sending_done(remote, sending, NGX_WEBSOCKET_STORE_OK);
}


static void
ngx_http_websocket_sending_complete(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, ngx_websocket_resp_value_t *id,
    ngx_websocket_resp_value_t *nodes)
{
    int       rc;
    uint64_t  epoch, offset;

    if (nodes->type == NGX_WEBSOCKET_RESP_INTEGER) {
        sending->p.nodes = nodes->number;
    }

    if (ngx_http_websocket_sending_nowhere(sending, id, &rc)) {
        ngx_http_websocket_sending_done(remote, sending, rc);
        return;
    }

    rc = ngx_http_websocket_sending_where(sending, id, &epoch, &offset);

    if (rc < NGX_WEBSOCKET_STORE_OK) {
        ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                      "websocket broker \"%V\" does not say where a message "
                      "is", &remote->conf->name);

        ngx_http_websocket_sending_done(remote, sending, rc);
        return;
    }

    ngx_http_websocket_sending_hint(remote, sending, epoch, rc);

    sending->p.message.offset = offset;

    if (sending->remove) {
        ngx_http_websocket_sending_keep(remote, sending, epoch);
        ngx_http_websocket_sending_removed(remote, sending, epoch);
        return;
    }

    ngx_http_websocket_sending_there(remote, sending, epoch, rc);

    if (sending->p.describe
        && ngx_http_websocket_zone_info(remote->zone, &sending->p.channel,
                                        &sending->p.info)
           != NGX_WEBSOCKET_STORE_OK)
    {
        ngx_memzero(&sending->p.info, sizeof(ngx_websocket_store_info_t));
    }

    sending->p.info.epoch = epoch;
    sending->p.info.offset = offset;

    ngx_http_websocket_sending_done(remote, sending, rc);
}


/* 1 when it has no place, with *rc set to what became of it */

static ngx_uint_t
ngx_http_websocket_sending_nowhere(ngx_http_websocket_sending_t *sending,
    ngx_websocket_resp_value_t *id, int *rc)
{
    if (ngx_websocket_resp_begins(id, "!")) {
        *rc = NGX_WEBSOCKET_STORE_MISMATCH;

    } else if (ngx_websocket_resp_begins(id, ".")) {

        /* who comes and goes there does so without a message */

        *rc = sending->change ? NGX_WEBSOCKET_STORE_OK
                              : NGX_WEBSOCKET_STORE_ENDED;

    } else if (ngx_websocket_resp_begins(id, "~")) {
        *rc = NGX_WEBSOCKET_STORE_OK;

    } else if (sending->remove && ngx_websocket_resp_is(id, "")) {
        *rc = NGX_WEBSOCKET_STORE_NOTFOUND;

    } else {
        return 0;
    }

    return 1;
}


/* OK, DUPLICATE, or AWAY when the reply does not say so */

static int
ngx_http_websocket_sending_where(ngx_http_websocket_sending_t *sending,
    ngx_websocket_resp_value_t *id, uint64_t *epoch, uint64_t *offset)
{
    int       rc;
    size_t    size;
    uint8_t  *p;

    if (!ngx_websocket_resp_begins(id, "")) {
        return NGX_HTTP_WEBSOCKET_BROKER_AWAY;
    }

    rc = NGX_WEBSOCKET_STORE_OK;
    p = id->data;
    size = id->size;

    if (ngx_websocket_resp_begins(id, "=")) {

        /* of a message that was sent twice, by us, it is its own place */

        rc = sending->again && (sending->p.message.key[0] == 0
                                || sending->p.message.ephemeral)
             ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_DUPLICATE;
        p++;
        size--;
    }

    return ngx_websocket_envelope_parse_id(p, size, epoch, offset) == 0
           ? rc : NGX_HTTP_WEBSOCKET_BROKER_AWAY;
}


/* what the server has of it, this node has, too */

static void
ngx_http_websocket_sending_there(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, uint64_t epoch, int rc)
{
    ngx_websocket_store_message_t  *message;

    message = &sending->p.message;

    if (!message->ephemeral
        && (rc == NGX_WEBSOCKET_STORE_OK || sending->again))
    {
        ngx_http_websocket_sending_keep(remote, sending, epoch);
    }

    if (!message->ephemeral && rc == NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_sending_place(remote, sending, epoch);
    }

    if (message->end && rc == NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_sending_end(remote, sending, epoch,
                                       message->offset);
    }
}


/* the server may lose it, and nobody else may have heard it */

static void
ngx_http_websocket_sending_keep(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, uint64_t epoch)
{
    u_char     buf[NGX_INT_T_LEN + 1 + NGX_WEBSOCKET_ENVELOPE_SIZE];
    ngx_str_t  head, text;

    head.data = buf;

    if (sending->remove) {
        head.len = ngx_sprintf(buf, "xd") - buf;

    } else {
        head.len = ngx_websocket_envelope_write(
                         ngx_sprintf(buf, "%d ", NGX_WEBSOCKET_ENVELOPE_SIZE),
                         &sending->envelope)
                   - buf;
    }

    text.data = sending->payload;
    text.len = sending->size;

    ngx_http_websocket_sending_ring(remote, sending, epoch,
                                    sending->p.message.offset, &head, &text);
}


static void
ngx_http_websocket_sending_ring(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, uint64_t epoch, uint64_t offset,
    ngx_str_t *head, ngx_str_t *text)
{
    ngx_http_websocket_ring_entry_t  entry;

    ngx_memzero(&entry, sizeof(ngx_http_websocket_ring_entry_t));

    entry.epoch = epoch;
    entry.offset = offset;

    if (offset != NGX_WEBSOCKET_ENVELOPE_LAST) {
        entry.key[0] = sending->p.message.key[0];
        entry.key[1] = sending->p.message.key[1];
    }

    ngx_http_websocket_remote_stream(remote, sending->envelope.length,
                                     sending->envelope.time, &entry);

    ngx_http_websocket_remote_ring_keep(remote, &entry, &sending->p.channel,
                                        head, text);
}


/* the channel has ended, after that offset */

static void
ngx_http_websocket_sending_end(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, uint64_t epoch, uint64_t offset)
{
    u_char     buf[2 + NGX_INT64_LEN];
    ngx_str_t  head;

    head.data = buf;
    head.len = ngx_sprintf(buf, "xe%uL", offset) - buf;

    ngx_http_websocket_sending_ring(remote, sending, epoch,
                                    NGX_WEBSOCKET_ENVELOPE_LAST, &head,
                                    &ngx_http_websocket_none);

    (void) ngx_http_websocket_hub_end(remote->zone, &sending->p.channel, epoch,
                                      offset);
}


/* whoever hears the answer finds the channel deleted here */

static void
ngx_http_websocket_sending_removed(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, uint64_t epoch)
{
    ngx_websocket_store_info_t  info;

    if (ngx_http_websocket_zone_info(remote->zone, &sending->p.channel, &info)
        == NGX_WEBSOCKET_STORE_OK
        && !(info.epoch & NGX_WEBSOCKET_STORE_OWN) && info.epoch < epoch)
    {
        (void) ngx_http_websocket_hub_delete(remote->zone,
                                             &sending->p.channel);
    }

    ngx_http_websocket_sending_done(remote, sending, NGX_WEBSOCKET_STORE_OK);
}


/*
 * The next one of a channel that is read here is placed at once; others come
 * by the seat, if anybody wants them.
 */

static void
ngx_http_websocket_sending_place(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, uint64_t epoch)
{
    uint64_t                       offset;
    ngx_websocket_store_history_t  history;
    ngx_websocket_store_message_t  message;

    message = sending->p.message;
    offset = message.offset;

    ngx_http_websocket_remote_open(remote, &sending->p, &history,
                                   &sending->envelope, sending->payload,
                                   sending->size);

    sending->p.message.offset = offset;
    sending->p.message.time = message.time;
    sending->p.message.fraction = message.fraction;

    (void) ngx_http_websocket_hub_place(remote->zone, &sending->p, epoch, 0);

    sending->p.message.offset = offset;
}


static void
ngx_http_websocket_sending_done(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_sending_t *sending, int rc)
{
    remote->size -= sending->size;
    remote->pending--;

    if (remote->pending == 0 && remote->expire.timer_set) {
        ngx_del_timer(&remote->expire);
    }

    if (rc == NGX_HTTP_WEBSOCKET_BROKER_AWAY
        || rc == NGX_WEBSOCKET_STORE_NOSPACE)
    {
        ngx_http_websocket_remote_count(remote,
                                        NGX_HTTP_WEBSOCKET_REMOTE_REFUSED);
    }

    sending->p.rc = rc;

    sending->f.rc = rc == NGX_WEBSOCKET_STORE_OK
                    ? NGX_HTTP_WEBSOCKET_FETCHED
                    : rc == NGX_WEBSOCKET_STORE_NOTFOUND
                      ? NGX_HTTP_WEBSOCKET_FETCH_NOTFOUND
                      : NGX_HTTP_WEBSOCKET_FETCH_AWAY;

    if (sending->f.done) {
        sending->f.done(&sending->f);
    }

    if (sending->p.done) {
        sending->p.done(&sending->p);
    }

    ngx_free(sending->change);
    ngx_free(sending);
}


/* those that are with the server have its own time */

static void
ngx_http_websocket_remote_expire(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_websocket_remote_t  *remote;

    c = ev->data;
    remote = c->data;

    ngx_http_websocket_remote_expire_queue(remote, &remote->again);
    ngx_http_websocket_remote_expire_queue(remote, &remote->publishes);

    if (remote->pending && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_EXPIRE);
    }

    /* what memory was refused for */

    if (remote->ready) {
        ngx_post_event(&remote->flush, &ngx_posted_events);
    }
}


/* in both they stand in the order in which they came */

static void
ngx_http_websocket_remote_expire_queue(ngx_http_websocket_remote_t *remote,
    ngx_queue_t *queue)
{
    ngx_queue_t                   *q;
    ngx_http_websocket_sending_t  *sending;

    while (!ngx_queue_empty(queue)) {

        q = ngx_queue_head(queue);
        sending = ngx_queue_data(q, ngx_http_websocket_sending_t, queue);

        if ((ngx_msec_int_t) (sending->deadline - ngx_current_msec) > 0
            || ngx_http_websocket_turn_over())
        {
            return;
        }

        ngx_queue_remove(q);
        ngx_http_websocket_sending_done(remote, sending,
                                        NGX_HTTP_WEBSOCKET_BROKER_AWAY);
    }
}
