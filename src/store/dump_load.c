
#include <stdlib.h>

#include "store/dump_load.h"
#include "store/dump_private.h"
#include "store/channel.h"
#include "store/message.h"
#include "store/numbered.h"
#include "store/store_private.h"


/* an epoch without the bit that says whose it is: these go round */
#define NGX_WEBSOCKET_DUMP_EPOCHS   (NGX_WEBSOCKET_STORE_OWN - 1)

/* places of messages that nobody has any more, in a row */
#define NGX_WEBSOCKET_DUMP_PLACES   65536


/* a message of a log */

typedef struct {
    const uint8_t               *body;
    size_t                       size;
    uint64_t                     shift;     /* of the log */
    uint64_t                     time;
    uint64_t                     offset;
} ngx_websocket_dump_item_t;


/* what a store is made with */

typedef struct {
    ngx_websocket_store_t       *store;
    ngx_websocket_dump_head_t    head;      /* of the dump, or the first log */
    const uint8_t              **channels;  /* records, by their blocks */
    const uint8_t              **messages;  /* records, newest first */
    size_t                       nmessages;
    ngx_websocket_dump_item_t   *items;
    size_t                       nitems;
    uint64_t                     epoch;     /* of the newest channel */
    uint64_t                     now;
    uint64_t                     dropped;
} ngx_websocket_dump_load_t;


static int ngx_websocket_dump_headed(const ngx_websocket_dump_file_t *file,
    const char *magic, ngx_websocket_dump_head_t *head);
static int ngx_websocket_dump_fits(const ngx_websocket_dump_record_t *record,
    const uint8_t *body, uint32_t nblocks);
static int ngx_websocket_dump_fits_channel(size_t size, const uint8_t *body,
    uint32_t nblocks);
static int ngx_websocket_dump_fits_message(size_t size, const uint8_t *body,
    uint32_t nblocks);
static int ngx_websocket_dump_fits_entry(size_t size, const uint8_t *body);
static int ngx_websocket_dump_room(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_source_t *source);
static void ngx_websocket_dump_load_dump(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_file_t *file);
static void ngx_websocket_dump_enter(ngx_websocket_dump_load_t *load,
    const uint8_t *body);
static void ngx_websocket_dump_forget(ngx_websocket_dump_load_t *load,
    const uint8_t *body);
static void ngx_websocket_dump_close(ngx_websocket_dump_load_t *load,
    const uint8_t *body);
static uint64_t ngx_websocket_dump_epoch(
    const ngx_websocket_dump_load_t *load, uint64_t epoch, uint64_t shift);
static int ngx_websocket_dump_newer(uint64_t epoch, uint64_t other);
static ngx_websocket_channel_ref_t ngx_websocket_dump_open(
    ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_channel_t *channel, const uint8_t *name);
static ngx_websocket_channel_ref_t ngx_websocket_dump_make(
    ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_channel_t *channel, const uint8_t *name,
    uint64_t hash);
static void ngx_websocket_dump_append(ngx_websocket_dump_load_t *load,
    const uint8_t *body);
static void ngx_websocket_dump_items(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_file_t *log);
static int ngx_websocket_dump_compare(const void *one, const void *two);
static void ngx_websocket_dump_item(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_item_t *item);
static void ngx_websocket_dump_fill(ngx_websocket_dump_load_t *load,
    ngx_websocket_channel_ref_t ref, uint64_t offset, uint64_t time);
static void ngx_websocket_dump_place(ngx_websocket_dump_load_t *load,
    ngx_websocket_channel_ref_t ref,
    const ngx_websocket_dump_message_t *head, const uint8_t *data,
    size_t size);
static int ngx_websocket_dump_put(ngx_websocket_dump_load_t *load,
    ngx_websocket_store_append_t *append);
static void ngx_websocket_dump_end_channel(ngx_websocket_dump_load_t *load,
    ngx_websocket_channel_ref_t ref);


int
ngx_websocket_dump_check(ngx_websocket_dump_file_t *file)
{
    const uint8_t                *p, *body, *last;
    ngx_websocket_dump_end_t      end;
    ngx_websocket_dump_head_t     head;
    ngx_websocket_dump_info_t    *info;
    ngx_websocket_dump_record_t   record;

    info = &file->info;
    memset(info, 0, sizeof(ngx_websocket_dump_info_t));

    if (!ngx_websocket_dump_headed(file, NGX_WEBSOCKET_DUMP_MAGIC, &head)) {
        return NGX_WEBSOCKET_STORE_INVALID;
    }

    info->clock = head.clock;
    info->log = head.log;
    last = file->data + file->size;

    for (p = file->data + sizeof(head);
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

        case NGX_WEBSOCKET_DUMP_END:
            memcpy(&end, body, sizeof(end));

            return end.channels == info->channels
                   && end.messages == info->messages
                   && body + record.size == last
                   ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_INVALID;

        default:  /* NGX_WEBSOCKET_DUMP_LOGGED */
            return NGX_WEBSOCKET_STORE_INVALID;
        }
    }

    return NGX_WEBSOCKET_STORE_INVALID;
}


int
ngx_websocket_dump_check_log(ngx_websocket_dump_file_t *file)
{
    const uint8_t                *p, *body;
    ngx_websocket_dump_head_t     head;
    ngx_websocket_dump_info_t    *info;
    ngx_websocket_dump_record_t   record;

    info = &file->info;
    memset(info, 0, sizeof(ngx_websocket_dump_info_t));

    if (!ngx_websocket_dump_headed(file, NGX_WEBSOCKET_DUMP_LOG, &head)) {
        return NGX_WEBSOCKET_STORE_INVALID;
    }

    info->clock = head.clock;
    info->log = head.log;

    for (p = file->data + sizeof(head);
         (body = ngx_websocket_dump_read(p, file->data + file->size, &record))
         != NULL;
         p = body + record.size)
    {
        if (record.kind != NGX_WEBSOCKET_DUMP_LOGGED
            || record.crc != ngx_websocket_dump_crc(&record, body)
            || !ngx_websocket_dump_fits(&record, body, 0))
        {
            break;
        }

        info->messages++;
    }

    file->size = p - file->data;

    return NGX_WEBSOCKET_STORE_OK;
}


static int
ngx_websocket_dump_headed(const ngx_websocket_dump_file_t *file,
    const char *magic, ngx_websocket_dump_head_t *head)
{
    if (file->size < sizeof(ngx_websocket_dump_head_t)) {
        return 0;
    }

    memcpy(head, file->data, sizeof(ngx_websocket_dump_head_t));

    return memcmp(head->magic, magic, sizeof(head->magic)) == 0
           && head->format == NGX_WEBSOCKET_DUMP_FORMAT
           && head->size == sizeof(ngx_websocket_dump_head_t)
           && head->crc == ngx_websocket_dump_head_crc(head);
}


static int
ngx_websocket_dump_fits(const ngx_websocket_dump_record_t *record,
    const uint8_t *body, uint32_t nblocks)
{
    switch (record->kind) {

    case NGX_WEBSOCKET_DUMP_CHANNEL:
        return ngx_websocket_dump_fits_channel(record->size, body, nblocks);

    case NGX_WEBSOCKET_DUMP_MESSAGE:
        return ngx_websocket_dump_fits_message(record->size, body, nblocks);

    case NGX_WEBSOCKET_DUMP_MORE:
        return 1;

    case NGX_WEBSOCKET_DUMP_END:
        return record->size == sizeof(ngx_websocket_dump_end_t);

    case NGX_WEBSOCKET_DUMP_LOGGED:
        return ngx_websocket_dump_fits_entry(record->size, body);

    default:
        return 0;
    }
}


static int
ngx_websocket_dump_fits_channel(size_t size, const uint8_t *body,
    uint32_t nblocks)
{
    ngx_websocket_dump_channel_t  channel;

    if (size < sizeof(channel)) {
        return 0;
    }

    memcpy(&channel, body, sizeof(channel));

    return channel.block < nblocks && channel.name_size
           && channel.name_size <= NGX_WEBSOCKET_STORE_NAME_SIZE
           && size == sizeof(channel) + channel.name_size;
}


static int
ngx_websocket_dump_fits_message(size_t size, const uint8_t *body,
    uint32_t nblocks)
{
    ngx_websocket_dump_message_t  message;

    if (size < sizeof(message) || size - sizeof(message) > UINT32_MAX) {
        return 0;
    }

    memcpy(&message, body, sizeof(message));

    return message.block < nblocks && message.offset
           && message.meta <= size - sizeof(message);
}


static int
ngx_websocket_dump_fits_entry(size_t size, const uint8_t *body)
{
    ngx_websocket_dump_entry_t  entry;

    if (size < sizeof(entry) || size - sizeof(entry) > UINT32_MAX) {
        return 0;
    }

    memcpy(&entry, body, sizeof(entry));
    size -= sizeof(entry);

    return entry.channel.name_size
           && entry.channel.name_size <= NGX_WEBSOCKET_STORE_NAME_SIZE
           && entry.channel.name_size <= size && entry.message.offset
           && entry.message.meta <= size - entry.channel.name_size;
}


int
ngx_websocket_dump_load(void *base, size_t size,
    ngx_websocket_dump_source_t *source)
{
    int                         rc;
    size_t                      i;
    ngx_websocket_dump_load_t   load;

    memset(&load, 0, sizeof(load));

    memcpy(&load.head, source->dump ? source->dump->data
                                    : source->logs[0].data,
           sizeof(load.head));

    rc = ngx_websocket_store_format(base, size, load.head.seed);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    load.store = base;
    load.now = source->now;

    /* the newest is one of the lower half: epochs of channels to come follow */

    load.store->shift = (source->random & (NGX_WEBSOCKET_DUMP_EPOCHS >> 1))
                        - load.head.epoch + load.head.shift;
    load.epoch = ngx_websocket_dump_epoch(&load, load.head.epoch,
                                          load.head.shift);

    rc = ngx_websocket_dump_room(&load, source);

    if (rc == NGX_WEBSOCKET_STORE_OK) {

        if (source->dump) {
            ngx_websocket_dump_load_dump(&load, source->dump);
        }

        for (i = 0; i < source->nlogs; i++) {
            ngx_websocket_dump_items(&load, &source->logs[i]);
        }

        /* writers of several processes may have overtaken each other */

        qsort(load.items, load.nitems, sizeof(ngx_websocket_dump_item_t),
              ngx_websocket_dump_compare);

        for (i = 0; i < load.nitems; i++) {
            ngx_websocket_dump_item(&load, &load.items[i]);
        }

        load.store->epoch = load.epoch;
    }

    free(load.channels);
    free(load.messages);
    free(load.items);

    source->dropped = load.dropped;

    return rc;
}


static int
ngx_websocket_dump_room(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_source_t *source)
{
    size_t  i, n;

    for (n = 0, i = 0; i < source->nlogs; i++) {
        n += source->logs[i].info.messages;
    }

    load->items = calloc(n + 1, sizeof(ngx_websocket_dump_item_t));
    load->channels = calloc(load->head.nblocks + 1, sizeof(uint8_t *));
    load->messages = calloc(source->dump ? source->dump->info.messages + 1 : 1,
                            sizeof(uint8_t *));

    return load->items && load->channels && load->messages
           ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_NOSPACE;
}


static void
ngx_websocket_dump_load_dump(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_file_t *file)
{
    size_t                        i;
    const uint8_t                *p, *body;
    ngx_websocket_dump_record_t   record;

    for (p = file->data + sizeof(load->head);
         (body = ngx_websocket_dump_read(p, file->data + file->size, &record))
         != NULL;
         p = body + record.size)
    {
        if (record.kind == NGX_WEBSOCKET_DUMP_MESSAGE) {
            load->messages[load->nmessages++] = body;

        } else if (record.kind == NGX_WEBSOCKET_DUMP_CHANNEL) {
            ngx_websocket_dump_enter(load, body);
        }
    }

    for (i = load->nmessages; i > 0; i--) {
        ngx_websocket_dump_append(load, load->messages[i - 1]);
    }

    for (i = 0; i < load->head.nblocks; i++) {
        ngx_websocket_dump_close(load, load->channels[i]);
    }
}


/* of channels that had one block, one after the other, the last one counts */

static void
ngx_websocket_dump_enter(ngx_websocket_dump_load_t *load, const uint8_t *body)
{
    ngx_websocket_dump_channel_t  channel;

    memcpy(&channel, body, sizeof(channel));

    if (load->channels[channel.block]) {
        ngx_websocket_dump_forget(load, load->channels[channel.block]);
    }

    load->channels[channel.block] = body;

    channel.epoch = ngx_websocket_dump_epoch(load, channel.epoch,
                                             load->head.shift);

    if (ngx_websocket_dump_open(load, &channel, body + sizeof(channel)) == 0) {
        load->dropped++;
    }
}


/* a channel that was deleted while the dump was written */

static void
ngx_websocket_dump_forget(ngx_websocket_dump_load_t *load, const uint8_t *body)
{
    uint64_t                       hash;
    const uint8_t                 *name;
    ngx_websocket_channel_t       *ch;
    ngx_websocket_store_wake_t     wake;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_dump_channel_t   channel;

    memcpy(&channel, body, sizeof(channel));
    name = body + sizeof(channel);

    hash = ngx_websocket_store_hash(load->store, name, channel.name_size);
    ref = ngx_websocket_store_find(load->store, name, channel.name_size, hash);

    if (ref == 0) {
        return;
    }

    ch = ngx_websocket_store_block(load->store, ref);

    if (ch->epoch == ngx_websocket_dump_epoch(load, channel.epoch,
                                              load->head.shift))
    {
        ngx_websocket_store_delete(load->store, ref, &wake);
    }
}


/*
 * The channel has all its messages: it may have none, may have been removed to
 * make room, and may have ended.
 */

static void
ngx_websocket_dump_close(ngx_websocket_dump_load_t *load, const uint8_t *body)
{
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_dump_channel_t   channel;

    if (body == NULL) {
        return;
    }

    memcpy(&channel, body, sizeof(channel));

    channel.epoch = ngx_websocket_dump_epoch(load, channel.epoch,
                                             load->head.shift);

    ref = ngx_websocket_dump_open(load, &channel, body + sizeof(channel));

    if (ref && channel.ended) {
        ngx_websocket_dump_end_channel(load, ref);
    }
}


static void
ngx_websocket_dump_end_channel(ngx_websocket_dump_load_t *load,
    ngx_websocket_channel_ref_t ref)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(load->store, ref);

    ngx_websocket_store_set8(load->store, &ch->ended, 1);
    ngx_websocket_store_commit(load->store);
}


/* what an epoch of a file with that shift is in the store */

static uint64_t
ngx_websocket_dump_epoch(const ngx_websocket_dump_load_t *load, uint64_t epoch,
    uint64_t shift)
{
    return ((epoch + load->store->shift - shift) & NGX_WEBSOCKET_DUMP_EPOCHS)
           | NGX_WEBSOCKET_STORE_OWN;
}


static int
ngx_websocket_dump_newer(uint64_t epoch, uint64_t other)
{
    uint64_t  n;

    n = (epoch - other) & NGX_WEBSOCKET_DUMP_EPOCHS;

    return n && n <= NGX_WEBSOCKET_DUMP_EPOCHS / 2;
}


/*
 * Finds a channel, whose epoch is the store's, or makes it with its offset; or
 * returns 0 where there is a newer one of that name, or no room.
 */

static ngx_websocket_channel_ref_t
ngx_websocket_dump_open(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_channel_t *channel, const uint8_t *name)
{
    uint64_t                      hash;
    ngx_websocket_channel_t      *ch;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_channel_ref_t   ref;

    hash = ngx_websocket_store_hash(load->store, name, channel->name_size);
    ref = ngx_websocket_store_find(load->store, name, channel->name_size,
                                   hash);

    if (ref) {
        ch = ngx_websocket_store_block(load->store, ref);

        if (ch->epoch == channel->epoch) {
            return ref;
        }

        if (ngx_websocket_dump_newer(ch->epoch, channel->epoch)) {
            return 0;
        }

        ngx_websocket_store_delete(load->store, ref, &wake);
    }

    return ngx_websocket_dump_make(load, channel, name, hash);
}


static ngx_websocket_channel_ref_t
ngx_websocket_dump_make(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_channel_t *channel, const uint8_t *name,
    uint64_t hash)
{
    int                             rc;
    ngx_websocket_channel_t        *ch;
    ngx_websocket_channel_ref_t     ref;
    ngx_websocket_store_history_t   history;

    history.length = channel->length;
    history.time = channel->time;
    history.max = channel->max;

    do {
        rc = ngx_websocket_store_open_channel(load->store, name,
                                              channel->name_size, hash,
                                              load->now, &history, &ref);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return 0;
    }

    ch = ngx_websocket_store_block(load->store, ref);

    ngx_websocket_store_begin_at(load->store, ref, channel->epoch,
                                 channel->offset);
    ngx_websocket_store_set64(load->store, &ch->published,
                              ngx_websocket_dump_min(channel->published,
                                                     load->now));
    ngx_websocket_store_commit(load->store);

    if (ngx_websocket_dump_newer(channel->epoch, load->epoch)) {
        load->epoch = channel->epoch;
    }

    return ref;
}


static void
ngx_websocket_dump_append(ngx_websocket_dump_load_t *load, const uint8_t *body)
{
    const uint8_t                 *record;
    ngx_websocket_channel_t       *ch;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_dump_record_t    before;
    ngx_websocket_dump_channel_t   channel;
    ngx_websocket_dump_message_t   head;

    memcpy(&head, body, sizeof(head));
    memcpy(&before, body - sizeof(before), sizeof(before));

    record = load->channels[head.block];

    if (record == NULL) {
        load->dropped++;
        return;
    }

    memcpy(&channel, record, sizeof(channel));

    if (channel.epoch != head.epoch) {

        /* of one that was deleted */

        return;
    }

    channel.epoch = ngx_websocket_dump_epoch(load, channel.epoch,
                                             load->head.shift);

    ref = ngx_websocket_dump_open(load, &channel, record + sizeof(channel));

    if (ref == 0) {
        load->dropped++;
        return;
    }

    ch = ngx_websocket_store_block(load->store, ref);

    if (ch->held.of.count == 0) {

        /* its oldest one */

        ngx_websocket_store_begin_at(load->store, ref, channel.epoch,
                                     head.offset - 1);
        ngx_websocket_store_commit(load->store);
    }

    ngx_websocket_dump_place(load, ref, &head, body + sizeof(head),
                             before.size - sizeof(head));
}


/* what a log has */

static void
ngx_websocket_dump_items(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_file_t *log)
{
    const uint8_t                *p, *body;
    ngx_websocket_dump_head_t     head;
    ngx_websocket_dump_item_t    *item;
    ngx_websocket_dump_entry_t    entry;
    ngx_websocket_dump_record_t   record;

    memcpy(&head, log->data, sizeof(head));

    if (memcmp(head.seed, load->head.seed, sizeof(head.seed)) != 0) {

        /* of another store, where keys are others */

        load->dropped += log->info.messages;
        return;
    }

    for (p = log->data + sizeof(head);
         (body = ngx_websocket_dump_read(p, log->data + log->size, &record))
         != NULL;
         p = body + record.size)
    {
        memcpy(&entry, body, sizeof(entry));

        item = &load->items[load->nitems++];

        item->body = body;
        item->size = record.size;
        item->shift = head.shift;
        item->time = entry.message.time;
        item->offset = entry.message.offset;
    }
}


/* the times of a channel's messages do not go back */

static int
ngx_websocket_dump_compare(const void *one, const void *two)
{
    const ngx_websocket_dump_item_t *a = one, *b = two;

    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }

    return (a->offset > b->offset) - (a->offset < b->offset);
}


/* a message that may be there already */

static void
ngx_websocket_dump_item(ngx_websocket_dump_load_t *load,
    const ngx_websocket_dump_item_t *item)
{
    size_t                         size;
    const uint8_t                 *name;
    ngx_websocket_channel_t       *ch;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_dump_entry_t     entry;

    memcpy(&entry, item->body, sizeof(entry));
    name = item->body + sizeof(entry);
    size = item->size - sizeof(entry) - entry.channel.name_size;

    entry.channel.epoch = ngx_websocket_dump_epoch(load, entry.channel.epoch,
                                                   item->shift);
    entry.channel.offset--;

    ref = ngx_websocket_dump_open(load, &entry.channel, name);

    if (ref == 0) {
        load->dropped++;
        return;
    }

    ch = ngx_websocket_store_block(load->store, ref);

    if (entry.message.offset > ch->offset) {
        ngx_websocket_dump_fill(load, ref, entry.message.offset, item->time);
        ngx_websocket_dump_place(load, ref, &entry.message,
                                 name + entry.channel.name_size, size);
    }

    if (entry.channel.ended) {
        ngx_websocket_dump_end_channel(load, ref);
    }
}


/*
 * What was published between, without being logged, is lost.  Where the history
 * reaches beyond, there is nothing in its place.
 */

static void
ngx_websocket_dump_fill(ngx_websocket_dump_load_t *load,
    ngx_websocket_channel_ref_t ref, uint64_t offset, uint64_t time)
{
    uint64_t                       n;
    ngx_websocket_channel_t       *ch;
    ngx_websocket_dump_message_t   head;

    ch = ngx_websocket_store_block(load->store, ref);

    n = offset - 1 - ch->offset;

    if (ch->held.of.count == 0 || n >= ch->length
        || n > NGX_WEBSOCKET_DUMP_PLACES)
    {
        return;
    }

    memset(&head, 0, sizeof(head));

    head.type = NGX_WEBSOCKET_STORE_NOTHING;
    head.time = time;

    while (n--) {
        head.offset = offset - 1 - n;
        ngx_websocket_dump_place(load, ref, &head, NULL, 0);
    }
}


static void
ngx_websocket_dump_place(ngx_websocket_dump_load_t *load,
    ngx_websocket_channel_ref_t ref,
    const ngx_websocket_dump_message_t *head, const uint8_t *data,
    size_t size)
{
    int                             rc;
    ngx_websocket_channel_t        *ch;
    ngx_websocket_store_part_t      part;
    ngx_websocket_store_large_t     large;
    ngx_websocket_store_append_t    append;
    ngx_websocket_store_message_t   message;

    memset(&append, 0, sizeof(append));
    memset(&message, 0, sizeof(message));
    memset(&large, 0, sizeof(large));

    ch = ngx_websocket_store_block(load->store, ref);

    message.time = ngx_websocket_dump_min(head->time, load->now);
    message.source = head->source;
    message.key[0] = head->key[0];
    message.key[1] = head->key[1];
    message.digest = (uint32_t) head->key[1];
    message.meta = head->meta;
    message.type = head->type;
    message.priority = head->priority;
    message.fraction = head->fraction;

    part.data = data;
    part.size = size;

    append.channel = ref;
    append.message = &message;
    append.parts = &part;
    append.n = size ? 1 : 0;
    append.epoch = ch->epoch;
    append.at = head->offset;
    append.now = load->now;
    append.hole = 1;
    append.large = size > NGX_WEBSOCKET_STORE_PIECE ? &large : NULL;

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
