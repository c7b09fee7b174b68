
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "store/dump.h"
#include "store/channel.h"
#include "store/interest.h"
#include "store/message.h"
#include "store/numbered.h"
#include "store/store_private.h"


#define NGX_WEBSOCKET_DUMP_MAGIC    "ngxwsdmp"
#define NGX_WEBSOCKET_DUMP_FORMAT   1

/* kinds looked at while the lock is held once */
#define NGX_WEBSOCKET_DUMP_KINDS    16384

/* messages that went while they were about to be written: then it gives up */
#define NGX_WEBSOCKET_DUMP_LOST     64

/* records: MORE are the author's own */
#define NGX_WEBSOCKET_DUMP_CHANNEL  1
#define NGX_WEBSOCKET_DUMP_MESSAGE  2
#define NGX_WEBSOCKET_DUMP_MORE     3
#define NGX_WEBSOCKET_DUMP_END      4


#define ngx_websocket_dump_min(a, b)  ((a) < (b) ? (a) : (b))


typedef struct {
    uint8_t        magic[8];
    uint32_t       format;
    uint32_t       size;            /* of this head: of numbers, too */
    uint64_t       clock;
    uint8_t        seed[16];
    uint32_t       nblocks;         /* channels are told apart by theirs */
    uint32_t       crc;             /* of all before */
} ngx_websocket_dump_head_t;


typedef struct {
    uint32_t       crc;             /* of all that follows */
    uint32_t       kind;
    uint64_t       size;            /* of what follows this */
} ngx_websocket_dump_record_t;


typedef struct {
    uint64_t       epoch;
    uint64_t       offset;
    uint64_t       published;
    uint64_t       active;
    uint32_t       block;
    uint32_t       length;          /* of its history */
    uint32_t       time;
    uint32_t       max;
    uint8_t        ended;
    uint8_t        name_size;
    uint8_t        unused[6];
} ngx_websocket_dump_channel_t;


typedef struct {
    uint64_t       epoch;           /* of its channel */
    uint64_t       offset;
    uint64_t       time;
    uint64_t       source;
    uint64_t       key[2];
    uint32_t       block;           /* of its channel */
    uint16_t       meta;
    uint8_t        type;
    uint8_t        priority;
    uint8_t        fraction;
    uint8_t        unused[7];
} ngx_websocket_dump_message_t;


typedef struct {
    uint64_t       channels;
    uint64_t       messages;
} ngx_websocket_dump_end_t;


/* what a dump is read with */

typedef struct {
    ngx_websocket_store_t       *store;
    ngx_websocket_dump_head_t    head;
    const uint8_t              **channels;  /* records, by their blocks */
    uint64_t                     now;
    uint64_t                     dropped;
} ngx_websocket_dump_load_t;


static int ngx_websocket_dump_channels(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used);
static size_t ngx_websocket_dump_channel(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, ngx_websocket_ref_t ref, uint8_t *buf);
static int ngx_websocket_dump_messages(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used);
static ngx_websocket_ref_t ngx_websocket_dump_after(
    ngx_websocket_store_t *store, ngx_websocket_dump_t *dump);
static void ngx_websocket_dump_pass(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, ngx_websocket_ref_t ref);
static int ngx_websocket_dump_is(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref, ngx_websocket_ref_t channel, uint64_t epoch,
    uint64_t offset, ngx_websocket_store_cursor_t *cursor);
static int ngx_websocket_dump_message(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, ngx_websocket_ref_t ref, uint8_t *buf,
    size_t size, size_t *used);
static int ngx_websocket_dump_copy(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used);
static size_t ngx_websocket_dump_record(uint8_t *body, uint32_t kind,
    size_t size);
static uint32_t ngx_websocket_dump_crc(
    const ngx_websocket_dump_record_t *record, const uint8_t *body);
static int ngx_websocket_dump_headed(const uint8_t *data, size_t size,
    ngx_websocket_dump_head_t *head);
static const uint8_t *ngx_websocket_dump_read(const uint8_t *p,
    const uint8_t *last, ngx_websocket_dump_record_t *record);
static int ngx_websocket_dump_fits(const ngx_websocket_dump_record_t *record,
    const uint8_t *body, uint32_t nblocks);
static void ngx_websocket_dump_enter(ngx_websocket_dump_load_t *load,
    const uint8_t *body);
static void ngx_websocket_dump_replace(ngx_websocket_dump_load_t *load,
    const uint8_t *body);
static void ngx_websocket_dump_close(ngx_websocket_dump_load_t *load,
    const uint8_t *body);
static ngx_websocket_channel_ref_t ngx_websocket_dump_open(
    ngx_websocket_dump_load_t *load, const uint8_t *body, uint64_t offset);
static void ngx_websocket_dump_append(ngx_websocket_dump_load_t *load,
    const uint8_t *body, size_t size);
static int ngx_websocket_dump_put(ngx_websocket_dump_load_t *load,
    ngx_websocket_store_append_t *append);


int
ngx_websocket_dump_begin(const ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump)
{
    memset(dump, 0, sizeof(ngx_websocket_dump_t));

    dump->nwritten = store->nblocks;
    dump->written = calloc(store->nblocks, sizeof(uint32_t));

    return dump->written ? 0 : -1;
}


void
ngx_websocket_dump_done(ngx_websocket_dump_t *dump)
{
    free(dump->written);
    dump->written = NULL;
}


size_t
ngx_websocket_dump_head(const ngx_websocket_store_t *store, uint64_t now,
    uint8_t *buf)
{
    ngx_websocket_dump_head_t  head;

    memset(&head, 0, sizeof(head));

    memcpy(head.magic, NGX_WEBSOCKET_DUMP_MAGIC, sizeof(head.magic));
    memcpy(head.seed, store->seed, sizeof(head.seed));

    head.format = NGX_WEBSOCKET_DUMP_FORMAT;
    head.size = sizeof(head);
    head.clock = now;
    head.nblocks = store->nblocks;
    head.crc = (uint32_t) crc32(0, (const uint8_t *) &head,
                                offsetof(ngx_websocket_dump_head_t, crc));

    memcpy(buf, &head, sizeof(head));

    return sizeof(head);
}


int
ngx_websocket_dump_next(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used)
{
    *used = 0;

    if (dump->channel < store->fresh && dump->message == 0) {
        return ngx_websocket_dump_channels(store, dump, buf, size, used);
    }

    return ngx_websocket_dump_messages(store, dump, buf, size, used);
}


/* those that are made later come with their first message */

static int
ngx_websocket_dump_channels(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used)
{
    uint32_t  n, looked;

    looked = 0;

    for (n = NGX_WEBSOCKET_DUMP_KINDS;
         n && dump->channel < store->fresh
         && looked < NGX_WEBSOCKET_STORE_SECTION / 2
         && size - *used >= 512;
         n--, dump->channel++)
    {
        if (*ngx_websocket_store_kind(store, dump->channel)
            == NGX_WEBSOCKET_STORE_CHANNEL)
        {
            *used += ngx_websocket_dump_channel(store, dump, dump->channel,
                                                buf + *used);
            looked++;
        }
    }

    ngx_websocket_store_looked(looked);
    ngx_websocket_store_moved(*used);

    return NGX_WEBSOCKET_STORE_AGAIN;
}


/* 0: it is one that nobody needs, as quotas are, or it was written */

static size_t
ngx_websocket_dump_channel(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, ngx_websocket_ref_t ref, uint8_t *buf)
{
    uint32_t                       part;
    ngx_websocket_channel_t       *ch;
    ngx_websocket_store_name_t     name;
    ngx_websocket_dump_channel_t   channel;

    ch = ngx_websocket_store_block(store, ref);
    part = (uint32_t) ch->epoch | 1;

    if (ch->deleted || (ch->offset == 0 && !ch->ended)
        || dump->written[ref] == part)
    {
        return 0;
    }

    dump->written[ref] = part;
    dump->channels++;

    ngx_websocket_store_name(store, ref, &name);

    memset(&channel, 0, sizeof(channel));

    channel.epoch = ch->epoch;
    channel.offset = ch->offset;
    channel.published = ch->published;
    channel.active = ch->active;
    channel.block = ref;
    channel.length = ch->length;
    channel.time = ch->time;
    channel.max = ch->max;
    channel.ended = ch->ended;
    channel.name_size = name.size;

    buf += sizeof(ngx_websocket_dump_record_t);

    memcpy(buf, &channel, sizeof(channel));
    memcpy(buf + sizeof(channel), name.data, name.size);

    return ngx_websocket_dump_record(buf, NGX_WEBSOCKET_DUMP_CHANNEL,
                                     sizeof(channel) + name.size);
}


static int
ngx_websocket_dump_messages(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used)
{
    int                       rc;
    uint32_t                  n;
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    if (dump->partly) {
        if (ngx_websocket_dump_copy(store, dump, buf, size, used)
            == NGX_WEBSOCKET_STORE_OK && *used)
        {
            ngx_websocket_dump_pass(store, dump, dump->cursor.message);
        }

        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    rc = NGX_WEBSOCKET_STORE_OK;

    ref = ngx_websocket_dump_after(store, dump);

    for (n = 0; ref && n < NGX_WEBSOCKET_STORE_SECTION / 4; n++) {

        m = ngx_websocket_store_block(store, ref);

        rc = ngx_websocket_dump_message(store, dump, ref, buf, size, used);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            break;
        }

        ngx_websocket_dump_pass(store, dump, ref);
        ref = m->newer < store->fresh ? m->newer : 0;
    }

    ngx_websocket_store_looked(n);
    ngx_websocket_store_moved(*used);

    if (dump->lost > NGX_WEBSOCKET_DUMP_LOST
        || dump->passed > 8 * (uint64_t) store->nblocks)
    {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    if (rc == NGX_WEBSOCKET_STORE_OK && ref) {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    return rc;
}


/*
 * The message to look at next, or 0.  Nothing tells a message's block from the
 * data of another one, but for those that lead to it: where these are not right
 * the message has gone, and nearly all that were before it.
 */

static ngx_websocket_ref_t
ngx_websocket_dump_after(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump)
{
    ngx_websocket_message_t  *m, *older;

    if (dump->message == 0) {
        return store->oldest;
    }

    m = ngx_websocket_store_block(store, dump->message);

    if (m->channel == dump->of && m->offset == dump->offset
        && m->time == dump->time && m->older < store->fresh
        && m->newer < store->fresh)
    {
        if (m->older == 0) {
            if (store->oldest == dump->message) {
                return m->newer;
            }

        } else {
            older = ngx_websocket_store_block(store, m->older);

            if (older->newer == dump->message) {
                return m->newer;
            }
        }
    }

    dump->lost++;

    return store->oldest;
}


static void
ngx_websocket_dump_pass(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, ngx_websocket_ref_t ref)
{
    ngx_websocket_message_t  *m;

    m = ngx_websocket_store_block(store, ref);

    dump->message = ref;
    dump->of = m->channel;
    dump->offset = m->offset;
    dump->time = m->time;
    dump->passed++;
}


/* 1: this is a message that the history of that channel shows */

static int
ngx_websocket_dump_is(ngx_websocket_store_t *store, ngx_websocket_ref_t ref,
    ngx_websocket_ref_t channel, uint64_t epoch, uint64_t offset,
    ngx_websocket_store_cursor_t *cursor)
{
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *before;

    ch = ngx_websocket_store_block(store, channel);

    if (*ngx_websocket_store_kind(store, channel)
        != NGX_WEBSOCKET_STORE_CHANNEL
        || ch->deleted || ch->epoch != epoch || offset > ch->offset
        || ngx_websocket_store_seek(store, channel, offset, cursor)
           != NGX_WEBSOCKET_STORE_OK)
    {
        return 0;
    }

    if (cursor->message == 0) {
        return ch->first == ref;
    }

    before = ngx_websocket_store_block(store, cursor->message);

    return before->after == ref;
}


/*
 * OK: it was written, or is to be left out.  AGAIN: the buffer is to be written
 * first; or a part of the message is there.
 */

static int
ngx_websocket_dump_message(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, ngx_websocket_ref_t ref, uint8_t *buf,
    size_t size, size_t *used)
{
    size_t                    need;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    m = ngx_websocket_store_block(store, ref);

    /* a place to go on from that only seemed to be one */

    if (m->channel >= store->fresh) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    ch = ngx_websocket_store_block(store, m->channel);

    /* of a deleted channel, or not numbered, or out of the history */

    if (m->type == NGX_WEBSOCKET_STORE_NOTHING
        || !ngx_websocket_dump_is(store, ref, m->channel, ch->epoch,
                                  m->offset, &dump->cursor))
    {
        return NGX_WEBSOCKET_STORE_OK;
    }

    if (size - *used < 512) {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    *used += ngx_websocket_dump_channel(store, dump, m->channel, buf + *used);

    need = sizeof(ngx_websocket_dump_record_t)
           + sizeof(ngx_websocket_dump_message_t) + m->size;

    if (need > size - *used) {
        dump->need = need;

        return *used ? NGX_WEBSOCKET_STORE_AGAIN : NGX_WEBSOCKET_STORE_SHORT;
    }

    if (m->size > NGX_WEBSOCKET_STORE_PIECE && *used) {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    return ngx_websocket_dump_copy(store, dump, buf, size, used);
}


/* the message that the dump's cursor is before, or the rest of it */

static int
ngx_websocket_dump_copy(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used)
{
    int                             rc;
    uint8_t                        *p;
    ngx_websocket_message_t        *m;
    ngx_websocket_dump_message_t    head;
    ngx_websocket_store_message_t   message;

    p = buf + *used + sizeof(ngx_websocket_dump_record_t);

    rc = ngx_websocket_store_read(store, &dump->cursor, &message,
                                  p + sizeof(head),
                                  size - (p + sizeof(head) - buf));

    dump->partly = (rc == NGX_WEBSOCKET_STORE_AGAIN);

    if (rc != NGX_WEBSOCKET_STORE_OK) {

        /* the part is there; or the message is gone meanwhile */

        return dump->partly ? rc : NGX_WEBSOCKET_STORE_OK;
    }

    m = ngx_websocket_store_block(store, dump->cursor.message);

    memset(&head, 0, sizeof(head));

    head.epoch = dump->cursor.epoch;
    head.offset = message.offset;
    head.time = message.time;
    head.source = message.source;
    head.key[0] = m->key[0];
    head.key[1] = m->key[1];
    head.block = m->channel;
    head.meta = message.meta;
    head.type = message.type;
    head.priority = message.priority;
    head.fraction = message.fraction;

    memcpy(p, &head, sizeof(head));

    *used += ngx_websocket_dump_record(p, NGX_WEBSOCKET_DUMP_MESSAGE,
                                       sizeof(head) + message.size);

    dump->messages++;

    return NGX_WEBSOCKET_STORE_OK;
}


/* body is complete, behind room for what says so; returns the bytes of both */

static size_t
ngx_websocket_dump_record(uint8_t *body, uint32_t kind, size_t size)
{
    ngx_websocket_dump_record_t  record;

    record.kind = kind;
    record.size = size;
    record.crc = 0;
    record.crc = ngx_websocket_dump_crc(&record, body);

    memcpy(body - sizeof(record), &record, sizeof(record));

    return sizeof(record) + size;
}


static uint32_t
ngx_websocket_dump_crc(const ngx_websocket_dump_record_t *record,
    const uint8_t *body)
{
    uLong  crc;

    crc = crc32_z(0, (const uint8_t *) &record->kind,
                  sizeof(ngx_websocket_dump_record_t)
                  - offsetof(ngx_websocket_dump_record_t, kind));

    return (uint32_t) crc32_z(crc, body, record->size);
}


size_t
ngx_websocket_dump_more(const void *data, size_t size, uint8_t *buf)
{
    uint8_t  *body;

    body = buf + sizeof(ngx_websocket_dump_record_t);

    memcpy(body, data, size);

    return ngx_websocket_dump_record(body, NGX_WEBSOCKET_DUMP_MORE, size);
}


size_t
ngx_websocket_dump_end(const ngx_websocket_dump_t *dump, uint8_t *buf)
{
    uint8_t                   *body;
    ngx_websocket_dump_end_t   end;

    end.channels = dump->channels;
    end.messages = dump->messages;

    body = buf + sizeof(ngx_websocket_dump_record_t);

    memcpy(body, &end, sizeof(end));

    return ngx_websocket_dump_record(body, NGX_WEBSOCKET_DUMP_END,
                                     sizeof(end));
}


int
ngx_websocket_dump_check(const uint8_t *data, size_t size,
    ngx_websocket_dump_info_t *info)
{
    const uint8_t                *p, *body, *last;
    ngx_websocket_dump_end_t      end;
    ngx_websocket_dump_head_t     head;
    ngx_websocket_dump_record_t   record;

    memset(info, 0, sizeof(ngx_websocket_dump_info_t));

    if (!ngx_websocket_dump_headed(data, size, &head)) {
        return NGX_WEBSOCKET_STORE_INVALID;
    }

    info->clock = head.clock;
    last = data + size;

    for (p = data + sizeof(head);
         (body = ngx_websocket_dump_read(p, last, &record)) != NULL;
         p = body + record.size)
    {
        if (record.crc != ngx_websocket_dump_crc(&record, body)
            || !ngx_websocket_dump_fits(&record, body, head.nblocks))
        {
            break;
        }

        switch (record.kind) {

        case NGX_WEBSOCKET_DUMP_CHANNEL:
            info->channels++;
            break;

        case NGX_WEBSOCKET_DUMP_MESSAGE:
            info->messages++;
            break;

        case NGX_WEBSOCKET_DUMP_MORE:
            info->more = body;
            info->more_size = record.size;
            break;

        default:  /* NGX_WEBSOCKET_DUMP_END */
            memcpy(&end, body, sizeof(end));

            return end.channels == info->channels
                   && end.messages == info->messages
                   && body + record.size == last
                   ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_INVALID;
        }
    }

    return NGX_WEBSOCKET_STORE_INVALID;
}


static int
ngx_websocket_dump_headed(const uint8_t *data, size_t size,
    ngx_websocket_dump_head_t *head)
{
    if (size < sizeof(ngx_websocket_dump_head_t)) {
        return 0;
    }

    memcpy(head, data, sizeof(ngx_websocket_dump_head_t));

    return memcmp(head->magic, NGX_WEBSOCKET_DUMP_MAGIC, sizeof(head->magic))
           == 0
           && head->format == NGX_WEBSOCKET_DUMP_FORMAT
           && head->size == sizeof(ngx_websocket_dump_head_t)
           && head->crc == (uint32_t) crc32(0, data,
                                 offsetof(ngx_websocket_dump_head_t, crc));
}


/* the body, or NULL where there is no whole record */

static const uint8_t *
ngx_websocket_dump_read(const uint8_t *p, const uint8_t *last,
    ngx_websocket_dump_record_t *record)
{
    if ((size_t) (last - p) < sizeof(ngx_websocket_dump_record_t)) {
        return NULL;
    }

    memcpy(record, p, sizeof(ngx_websocket_dump_record_t));

    p += sizeof(ngx_websocket_dump_record_t);

    return record->size <= (size_t) (last - p) ? p : NULL;
}


static int
ngx_websocket_dump_fits(const ngx_websocket_dump_record_t *record,
    const uint8_t *body, uint32_t nblocks)
{
    ngx_websocket_dump_channel_t  channel;
    ngx_websocket_dump_message_t  message;

    switch (record->kind) {

    case NGX_WEBSOCKET_DUMP_CHANNEL:

        if (record->size < sizeof(channel)) {
            return 0;
        }

        memcpy(&channel, body, sizeof(channel));

        return channel.block < nblocks && channel.name_size
               && record->size == sizeof(channel) + channel.name_size;

    case NGX_WEBSOCKET_DUMP_MESSAGE:

        if (record->size < sizeof(message)
            || record->size - sizeof(message) > UINT32_MAX)
        {
            return 0;
        }

        memcpy(&message, body, sizeof(message));

        return message.block < nblocks && message.offset
               && message.meta <= record->size - sizeof(message);

    case NGX_WEBSOCKET_DUMP_MORE:
        return 1;

    case NGX_WEBSOCKET_DUMP_END:
        return record->size == sizeof(ngx_websocket_dump_end_t);

    default:
        return 0;
    }
}


int
ngx_websocket_dump_load(void *base, size_t size, const uint8_t *data,
    size_t data_size, uint64_t random, uint64_t now,
    ngx_websocket_dump_info_t *info)
{
    int                           rc;
    uint32_t                      i;
    const uint8_t                *p, *body;
    ngx_websocket_dump_load_t     load;
    ngx_websocket_dump_record_t   record;

    memset(&load, 0, sizeof(load));
    memcpy(&load.head, data, sizeof(load.head));

    rc = ngx_websocket_store_format(base, size, load.head.seed);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    load.channels = calloc(load.head.nblocks, sizeof(uint8_t *));

    if (load.channels == NULL) {
        return NGX_WEBSOCKET_STORE_NOSPACE;
    }

    load.store = base;
    load.now = now;

    load.store->epoch = random | NGX_WEBSOCKET_STORE_OWN;

    for (p = data + sizeof(load.head);
         (body = ngx_websocket_dump_read(p, data + data_size, &record))
         != NULL;
         p = body + record.size)
    {
        if (record.kind == NGX_WEBSOCKET_DUMP_MESSAGE) {
            ngx_websocket_dump_append(&load, body, record.size);

        } else if (record.kind == NGX_WEBSOCKET_DUMP_CHANNEL) {
            ngx_websocket_dump_enter(&load, body);
        }
    }

    for (i = 0; i < load.head.nblocks; i++) {
        ngx_websocket_dump_close(&load, load.channels[i]);
    }

    free(load.channels);

    info->dropped = load.dropped;

    return NGX_WEBSOCKET_STORE_OK;
}


/* of channels that had one block, one after the other, the last one counts */

static void
ngx_websocket_dump_enter(ngx_websocket_dump_load_t *load, const uint8_t *body)
{
    ngx_websocket_dump_channel_t  channel;

    memcpy(&channel, body, sizeof(channel));

    ngx_websocket_dump_close(load, load->channels[channel.block]);
    ngx_websocket_dump_replace(load, body);

    load->channels[channel.block] = body;
}


/* a channel that was deleted, and made anew, while the dump was written */

static void
ngx_websocket_dump_replace(ngx_websocket_dump_load_t *load,
    const uint8_t *body)
{
    uint32_t                       i;
    const uint8_t                 *name;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_store_wake_t     wake;
    ngx_websocket_dump_channel_t   channel, other;

    memcpy(&channel, body, sizeof(channel));
    name = body + sizeof(channel);

    ref = ngx_websocket_store_find(load->store, name, channel.name_size,
                                   ngx_websocket_store_hash(load->store, name,
                                                         channel.name_size));
    if (ref == 0) {
        return;
    }

    ngx_websocket_store_delete(load->store, ref, &wake);

    for (i = 0; i < load->head.nblocks; i++) {

        if (load->channels[i] == NULL) {
            continue;
        }

        memcpy(&other, load->channels[i], sizeof(other));

        if (other.name_size == channel.name_size
            && memcmp(load->channels[i] + sizeof(other), name,
                      channel.name_size)
               == 0)
        {
            load->channels[i] = NULL;
        }
    }
}


/* the channel has all its messages: it may have none, and may have ended */

static void
ngx_websocket_dump_close(ngx_websocket_dump_load_t *load, const uint8_t *body)
{
    ngx_websocket_channel_t       *ch;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_dump_channel_t   channel;

    if (body == NULL) {
        return;
    }

    memcpy(&channel, body, sizeof(channel));

    ref = ngx_websocket_dump_open(load, body, channel.offset);

    if (ref && channel.ended) {
        ch = ngx_websocket_store_block(load->store, ref);
        ngx_websocket_store_set8(load->store, &ch->ended, 1);
        ngx_websocket_store_commit(load->store);
    }
}


/* finds the channel of a record, or makes it, with that offset; or 0 */

static ngx_websocket_channel_ref_t
ngx_websocket_dump_open(ngx_websocket_dump_load_t *load, const uint8_t *body,
    uint64_t offset)
{
    int                             rc;
    uint64_t                        hash;
    const uint8_t                  *name;
    ngx_websocket_channel_t        *ch;
    ngx_websocket_channel_ref_t     ref;
    ngx_websocket_dump_channel_t    channel;
    ngx_websocket_store_history_t   history;

    memcpy(&channel, body, sizeof(channel));
    name = body + sizeof(channel);

    hash = ngx_websocket_store_hash(load->store, name, channel.name_size);
    ref = ngx_websocket_store_find(load->store, name, channel.name_size, hash);

    if (ref) {
        return ref;
    }

    history.length = channel.length;
    history.time = channel.time;
    history.max = channel.max;

    do {
        rc = ngx_websocket_store_open_channel(load->store, name,
                                              channel.name_size, hash,
                                              load->now, &history, &ref);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        load->dropped++;
        return 0;
    }

    ch = ngx_websocket_store_block(load->store, ref);

    ngx_websocket_store_begin_at(load->store, ref, ch->epoch, offset);
    ngx_websocket_store_set64(load->store, &ch->published,
                              ngx_websocket_dump_min(channel.published,
                                                     load->now));
    ngx_websocket_store_commit(load->store);

    return ref;
}


static void
ngx_websocket_dump_append(ngx_websocket_dump_load_t *load,
    const uint8_t *body, size_t size)
{
    int                             rc;
    const uint8_t                  *channel;
    ngx_websocket_channel_t        *ch;
    ngx_websocket_store_part_t      part;
    ngx_websocket_store_large_t     large;
    ngx_websocket_dump_message_t    head;
    ngx_websocket_store_append_t    append;
    ngx_websocket_store_message_t   message;

    memcpy(&head, body, sizeof(head));

    channel = load->channels[head.block];

    memset(&append, 0, sizeof(append));

    append.channel = channel ? ngx_websocket_dump_open(load, channel,
                                                       head.offset - 1)
                             : 0;
    if (append.channel == 0) {
        load->dropped++;
        return;
    }

    ch = ngx_websocket_store_block(load->store, append.channel);

    memset(&message, 0, sizeof(message));

    message.time = ngx_websocket_dump_min(head.time, load->now);
    message.source = head.source;
    message.key[0] = head.key[0];
    message.key[1] = head.key[1];
    message.digest = (uint32_t) head.key[1];
    message.meta = head.meta;
    message.type = head.type;
    message.priority = head.priority;
    message.fraction = head.fraction;

    part.data = body + sizeof(head);
    part.size = size - sizeof(head);

    memset(&large, 0, sizeof(large));

    append.message = &message;
    append.parts = &part;
    append.n = 1;
    append.epoch = ch->epoch;
    append.at = head.offset;
    append.now = load->now;
    append.hole = 1;
    append.large = part.size > NGX_WEBSOCKET_STORE_PIECE ? &large : NULL;

    do {
        rc = ngx_websocket_dump_put(load, &append);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    if (rc != NGX_WEBSOCKET_STORE_OK && rc != NGX_WEBSOCKET_STORE_DUPLICATE) {
        load->dropped++;
    }
}


static int
ngx_websocket_dump_put(ngx_websocket_dump_load_t *load,
    ngx_websocket_store_append_t *append)
{
    int  rc;

    if (append->large == NULL) {
        return ngx_websocket_store_place(load->store, append);
    }

    rc = ngx_websocket_store_reserve(load->store, append);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    do {
        rc = ngx_websocket_store_fill_piece(load->store, append);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    return rc == NGX_WEBSOCKET_STORE_OK
           ? ngx_websocket_store_place(load->store, append) : rc;
}
