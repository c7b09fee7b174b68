
#include <stdio.h>
#include <stdlib.h>

#include "store/dump.h"
#include "store/dump_private.h"
#include "store/interest.h"
#include "store/message.h"
#include "store/store_private.h"


/* kinds looked at while the lock is held once */
#define NGX_WEBSOCKET_DUMP_KINDS    16384

/* the longest number in decimal */
#define NGX_WEBSOCKET_DUMP_DIGITS   20


static size_t ngx_websocket_dump_headline(const ngx_websocket_store_t *store,
    const char *magic, uint64_t now, uint64_t log, uint8_t *buf);
static void ngx_websocket_dump_go(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref);
static int ngx_websocket_dump_channels(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used);
static size_t ngx_websocket_dump_channel(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, ngx_websocket_ref_t ref, uint8_t *buf);
static int ngx_websocket_dump_messages(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used);
static int ngx_websocket_dump_rest(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used);
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
static void ngx_websocket_dump_entry(const ngx_websocket_dump_logged_t *log,
    ngx_websocket_dump_entry_t *entry);
static size_t ngx_websocket_dump_digits(uint64_t n, uint8_t *p);


int
ngx_websocket_dump_begin(const ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump)
{
    memset(dump, 0, sizeof(ngx_websocket_dump_t));

    dump->fresh = store->fresh;
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
    uint64_t log, uint8_t *buf)
{
    return ngx_websocket_dump_headline(store, NGX_WEBSOCKET_DUMP_MAGIC, now,
                                       log, buf);
}


size_t
ngx_websocket_dump_log_head(const ngx_websocket_store_t *store, uint64_t now,
    uint64_t log, uint8_t *buf)
{
    return ngx_websocket_dump_headline(store, NGX_WEBSOCKET_DUMP_LOG, now, log,
                                       buf);
}


static size_t
ngx_websocket_dump_headline(const ngx_websocket_store_t *store,
    const char *magic, uint64_t now, uint64_t log, uint8_t *buf)
{
    ngx_websocket_dump_head_t  head;

    memset(&head, 0, sizeof(head));

    memcpy(head.magic, magic, sizeof(head.magic));
    memcpy(head.seed, store->seed, sizeof(head.seed));

    head.format = NGX_WEBSOCKET_DUMP_FORMAT;
    head.size = sizeof(head);
    head.clock = now;
    head.epoch = store->epoch;
    head.shift = store->shift;
    head.log = log;
    head.nblocks = store->nblocks;
    head.crc = ngx_websocket_dump_head_crc(&head);

    memcpy(buf, &head, sizeof(head));

    return sizeof(head);
}


int
ngx_websocket_dump_next(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used)
{
    *used = 0;

    if (dump->begun) {
        return ngx_websocket_dump_messages(store, dump, buf, size, used);
    }

    if (dump->channel < dump->fresh) {
        return ngx_websocket_dump_channels(store, dump, buf, size, used);
    }

    dump->begun = 1;
    ngx_websocket_dump_go(store, store->newest);

    return NGX_WEBSOCKET_STORE_AGAIN;
}


/* the message to look at next: one that goes hands this on */

static void
ngx_websocket_dump_go(ngx_websocket_store_t *store, ngx_websocket_ref_t ref)
{
    ngx_websocket_store_set32(store, &store->dumping, ref);
    ngx_websocket_store_commit(store);
}


/* those that are made later come with their newest message */

static int
ngx_websocket_dump_channels(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used)
{
    uint32_t  n, looked;

    looked = 0;

    for (n = NGX_WEBSOCKET_DUMP_KINDS;
         n && dump->channel < dump->fresh
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
        return ngx_websocket_dump_rest(store, dump, buf, size, used);
    }

    rc = NGX_WEBSOCKET_STORE_OK;
    ref = store->dumping;

    for (n = 0; ref && n < NGX_WEBSOCKET_STORE_SECTION / 4; n++) {

        m = ngx_websocket_store_block(store, ref);

        rc = ngx_websocket_dump_message(store, dump, ref, buf, size, used);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            break;
        }

        ref = m->older;
    }

    ngx_websocket_dump_go(store, ref);

    ngx_websocket_store_looked(n);
    ngx_websocket_store_moved(*used);

    return rc == NGX_WEBSOCKET_STORE_OK && ref ? NGX_WEBSOCKET_STORE_AGAIN
                                               : rc;
}


static int
ngx_websocket_dump_rest(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used)
{
    ngx_websocket_message_t  *m;

    if (ngx_websocket_dump_copy(store, dump, buf, size, used)
        == NGX_WEBSOCKET_STORE_OK && *used)
    {
        m = ngx_websocket_store_block(store, dump->cursor.message);
        ngx_websocket_dump_go(store, m->older);
    }

    return NGX_WEBSOCKET_STORE_AGAIN;
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


size_t
ngx_websocket_dump_logged_size(const ngx_websocket_dump_logged_t *log)
{
    size_t  i, size;

    size = sizeof(ngx_websocket_dump_record_t)
           + sizeof(ngx_websocket_dump_entry_t) + log->name_size;

    for (i = 0; i < log->n; i++) {
        size += log->parts[i].data == ngx_websocket_store_offset
                ? NGX_WEBSOCKET_DUMP_DIGITS : log->parts[i].size;
    }

    return size;
}


size_t
ngx_websocket_dump_logged(const ngx_websocket_dump_logged_t *log, uint8_t *buf)
{
    size_t                       i;
    uint8_t                     *p;
    ngx_websocket_dump_entry_t   entry;

    memset(&entry, 0, sizeof(entry));

    ngx_websocket_dump_entry(log, &entry);

    buf += sizeof(ngx_websocket_dump_record_t);

    memcpy(buf, &entry, sizeof(entry));
    memcpy(buf + sizeof(entry), log->name, log->name_size);

    p = buf + sizeof(entry) + log->name_size;

    for (i = 0; i < log->n; i++) {

        if (log->parts[i].data == ngx_websocket_store_offset) {
            p += ngx_websocket_dump_digits(log->message->offset, p);
            continue;
        }

        memcpy(p, log->parts[i].data, log->parts[i].size);
        p += log->parts[i].size;
    }

    return ngx_websocket_dump_record(buf, NGX_WEBSOCKET_DUMP_LOGGED, p - buf);
}


static void
ngx_websocket_dump_entry(const ngx_websocket_dump_logged_t *log,
    ngx_websocket_dump_entry_t *entry)
{
    const ngx_websocket_store_message_t  *message;

    message = log->message;

    entry->channel.epoch = log->epoch;
    entry->channel.offset = message->offset;
    entry->channel.published = message->time;
    entry->channel.active = message->time;
    entry->channel.ended = message->end;
    entry->channel.name_size = log->name_size;

    if (log->history) {
        entry->channel.length = log->history->length;
        entry->channel.time = log->history->time;
        entry->channel.max = log->history->max;
    }

    entry->message.epoch = log->epoch;
    entry->message.offset = message->offset;
    entry->message.time = message->time;
    entry->message.source = message->source;
    entry->message.key[0] = message->key[0];
    entry->message.key[1] = ngx_websocket_store_key_word(message);
    entry->message.meta = message->meta;
    entry->message.type = message->type;
    entry->message.priority = message->priority;
    entry->message.fraction = message->fraction;
}


/* returns how many */

static size_t
ngx_websocket_dump_digits(uint64_t n, uint8_t *p)
{
    char  text[NGX_WEBSOCKET_DUMP_DIGITS + 1];
    int   size;

    size = snprintf(text, sizeof(text), "%llu", (unsigned long long) n);
    memcpy(p, text, size);

    return size;
}
