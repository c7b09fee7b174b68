
#include <string.h>

#include "hub/log_channel.h"
#include "hub/log_message.h"
#include "hub/log_private.h"


static int ngx_websocket_log_is(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, const uint8_t *name, size_t size,
    uint64_t hash);
static int ngx_websocket_log_create(ngx_websocket_log_t *log,
    const uint8_t *name, size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_log_history_t *history,
    ngx_websocket_channel_ref_t *channel);
static void ngx_websocket_log_count(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, int n);
static void ngx_websocket_log_keep(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint64_t now,
    const ngx_websocket_log_history_t *history);
static int ngx_websocket_log_is_seats(const ngx_websocket_channel_t *ch);
static int ngx_websocket_log_present(ngx_websocket_log_t *log,
    const ngx_websocket_entry_t *entry);
static ngx_websocket_list_t *ngx_websocket_log_list_of(
    ngx_websocket_log_t *log, uint8_t list);
static int ngx_websocket_log_held(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch);
static void ngx_websocket_log_enlist(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint8_t list);
static void ngx_websocket_log_free_channel(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel);
static uint64_t ngx_websocket_log_worker(ngx_websocket_log_t *log,
    uint32_t slot);
static uint32_t ngx_websocket_log_sweep_bucket(ngx_websocket_log_t *log,
    uint64_t now, uint64_t idle, uint32_t max);
static uint32_t ngx_websocket_log_sweep_channel(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle, uint32_t max);


/* to free a channel is one change: links, counts, and three for each block */

_Static_assert(6 + 3 * (2 + NGX_WEBSOCKET_LOG_WORKERS
                            / NGX_WEBSOCKET_LOG_OVERFLOW + 1)
               <= NGX_WEBSOCKET_LOG_JOURNAL, "the journal is too short");


ngx_websocket_entry_t *
ngx_websocket_log_entry(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch,
    uint32_t i)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_entries_t  *more;

    if (i < NGX_WEBSOCKET_LOG_INLINE) {
        return &ch->entries[i];
    }

    i -= NGX_WEBSOCKET_LOG_INLINE;

    for (ref = ch->more; ref; ref = more->next) {

        more = ngx_websocket_log_block(log, ref);

        if (i < NGX_WEBSOCKET_LOG_OVERFLOW) {
            return &more->entries[i];
        }

        i -= NGX_WEBSOCKET_LOG_OVERFLOW;
    }

    return NULL;
}


int
ngx_websocket_log_live(ngx_websocket_log_t *log,
    const ngx_websocket_entry_t *entry)
{
    return entry->count && entry->incarnation
           && entry->incarnation == log->workers[entry->slot];
}


/* with subscribers or members */

static int
ngx_websocket_log_present(ngx_websocket_log_t *log,
    const ngx_websocket_entry_t *entry)
{
    return (entry->count | entry->members) && entry->incarnation
           && entry->incarnation == log->workers[entry->slot];
}


static int
ngx_websocket_log_is(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch,
    const uint8_t *name, size_t size, uint64_t hash)
{
    const uint8_t          *own;
    ngx_websocket_block_t  *block;

    if (ch->hash != hash || ch->deleted || ch->name_size != size) {
        return 0;
    }

    own = ch->name;

    if (ch->long_name) {
        block = ngx_websocket_log_block(log, ch->long_name);
        own = block->data;
    }

    return memcmp(own, name, size) == 0;
}


ngx_websocket_channel_ref_t
ngx_websocket_log_find(ngx_websocket_log_t *log, const uint8_t *name,
    size_t size, uint64_t hash)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    for (ref = *ngx_websocket_log_bucket(log, hash); ref; ref = ch->bucket) {

        ch = ngx_websocket_log_block(log, ref);

        if (ngx_websocket_log_is(log, ch, name, size, hash)) {
            return ref;
        }
    }

    return 0;
}


int
ngx_websocket_log_open_channel(ngx_websocket_log_t *log, const uint8_t *name,
    size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_log_history_t *history,
    ngx_websocket_channel_ref_t *channel)
{
    ngx_websocket_log_tick(log, now);

    *channel = ngx_websocket_log_find(log, name, size, hash);

    if (*channel == 0) {
        return ngx_websocket_log_create(log, name, size, hash, now, history,
                                        channel);
    }

    ngx_websocket_log_keep(log, ngx_websocket_log_block(log, *channel), now,
                           history);

    return NGX_WEBSOCKET_LOG_OK;
}


static int
ngx_websocket_log_create(ngx_websocket_log_t *log, const uint8_t *name,
    size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_log_history_t *history,
    ngx_websocket_channel_ref_t *channel)
{
    int                       rc;
    uint8_t                  *own;
    uint32_t                  n;
    uint64_t                  epoch;
    ngx_websocket_ref_t       ref, end, *bucket;
    ngx_websocket_block_t    *block;
    ngx_websocket_channel_t  *ch;

    n = size > NGX_WEBSOCKET_LOG_NAME ? 2 : 1;

    rc = ngx_websocket_log_make_room(log, n, now, 0, NGX_WEBSOCKET_LOG_ROOM);

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        return rc;
    }

    bucket = ngx_websocket_log_bucket(log, hash);
    ref = ngx_websocket_log_take(log, n, &end);
    epoch = log->epoch + 1 ? log->epoch + 1 : 1;

    /* all but the link is ours alone until the bucket leads here */

    ch = ngx_websocket_log_block(log, ref);

    ngx_websocket_log_fault();
    memset((uint8_t *) ch + sizeof(ngx_websocket_ref_t), 0,
           NGX_WEBSOCKET_LOG_BLOCK - sizeof(ngx_websocket_ref_t));

    own = ch->name;

    if (n == 2) {
        block = ngx_websocket_log_block(log, end);
        own = block->data;
        ch->long_name = end;
    }

    ngx_websocket_log_fault();
    memcpy(own, name, size);

    ngx_websocket_log_fault();
    ch->bucket = *bucket;
    ch->hash = hash;
    ch->epoch = epoch;
    ch->active = now;
    ch->name_size = (uint16_t) size;

    if (history) {
        ch->length = history->length;
        ch->time = history->time;
        ch->max = history->max;
    }

    ngx_websocket_log_set8(log, ngx_websocket_log_kind(log, ref),
                           NGX_WEBSOCKET_LOG_CHANNEL);
    ngx_websocket_log_set64(log, &log->epoch, epoch);
    ngx_websocket_log_count(log, ch, 1);
    ngx_websocket_log_enlist(log, ref, NGX_WEBSOCKET_LOG_IDLE);
    ngx_websocket_log_set32(log, bucket, ref);
    ngx_websocket_log_commit(log);

    *channel = ref;

    return NGX_WEBSOCKET_LOG_OK;
}


/* a channel that only counts seats */

static int
ngx_websocket_log_is_seats(const ngx_websocket_channel_t *ch)
{
    return ch->long_name == 0 && ch->name[0] == 0;
}


/* a key of a limit is no channel to whom asks how many there are */

static void
ngx_websocket_log_count(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch,
    int n)
{
    if (!ngx_websocket_log_is_seats(ch)) {
        ngx_websocket_log_set64(log, &log->nchannels, log->nchannels + n);
    }
}


static void
ngx_websocket_log_keep(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch,
    uint64_t now, const ngx_websocket_log_history_t *history)
{
    /* one word: right before and after */

    ngx_websocket_log_fault();
    ch->active = now;

    if (history == NULL
        || (ch->length == history->length && ch->time == history->time
            && ch->max == history->max))
    {
        return;
    }

    ngx_websocket_log_set32(log, &ch->length, history->length);
    ngx_websocket_log_set32(log, &ch->time, history->time);
    ngx_websocket_log_set32(log, &ch->max, history->max);
    ngx_websocket_log_commit(log);
}


void
ngx_websocket_log_delete(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_wake_t *wake)
{
    uint32_t                  i;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    memset(wake, 0, sizeof(ngx_websocket_log_wake_t));

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (ngx_websocket_log_live(log, entry)) {
            wake->slots[entry->slot / 64] |= (uint64_t) 1 << entry->slot % 64;
        }
    }

    ngx_websocket_log_set8(log, &ch->deleted, 1);

    if (ch->list) {
        ngx_websocket_log_unlist(log, channel);
    }

    if (ch->held.of.count) {
        ngx_websocket_log_enlist(log, channel, NGX_WEBSOCKET_LOG_GARBAGE);
        ngx_websocket_log_set32(log, &log->waste,
                                log->waste + ch->held.of.blocks);
        ngx_websocket_log_set64(log, &log->nmessages,
                                log->nmessages - ch->held.of.count);
    }

    ngx_websocket_log_commit(log);

    ngx_websocket_log_publish_hint(log, channel, 0);

    /* of a long history the rest goes when there is need, or by the sweep */

    if (ch->list == 0) {
        ngx_websocket_log_release(log, channel, 0, 0);

    } else {
        ngx_websocket_log_clean(log, NGX_WEBSOCKET_LOG_ROOM);
    }
}


uint32_t
ngx_websocket_log_clean(ngx_websocket_log_t *log, uint32_t max)
{
    uint32_t                  n;
    ngx_websocket_ref_t       channel;
    ngx_websocket_channel_t  *ch;

    for (n = 0; log->garbage.first && n < max; n++) {

        channel = log->garbage.first;
        ch = ngx_websocket_log_block(log, channel);

        ngx_websocket_log_looked(1);

        if (ch->held.of.count) {
            ngx_websocket_log_drop_first(log, channel);
            continue;
        }

        ngx_websocket_log_unlist(log, channel);
        ngx_websocket_log_commit(log);

        ngx_websocket_log_release(log, channel, 0, 0);
    }

    return n;
}


static ngx_websocket_list_t *
ngx_websocket_log_list_of(ngx_websocket_log_t *log, uint8_t list)
{
    return list == NGX_WEBSOCKET_LOG_IDLE ? &log->idle : &log->garbage;
}


/* puts a channel on a list: to be committed */

static void
ngx_websocket_log_enlist(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint8_t which)
{
    ngx_websocket_list_t     *list;
    ngx_websocket_channel_t  *ch, *other;

    ch = ngx_websocket_log_block(log, channel);
    list = ngx_websocket_log_list_of(log, which);

    ngx_websocket_log_set32(log, &ch->next, 0);
    ngx_websocket_log_set32(log, &ch->prev, list->last);
    ngx_websocket_log_set8(log, &ch->list, which);

    other = ngx_websocket_log_block(log, list->last);
    ngx_websocket_log_set32(log, list->last ? &other->next : &list->first,
                            channel);
    ngx_websocket_log_set32(log, &list->last, channel);
}


void
ngx_websocket_log_unlist(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_list_t     *list;
    ngx_websocket_channel_t  *ch, *other;

    ch = ngx_websocket_log_block(log, channel);
    list = ngx_websocket_log_list_of(log, ch->list);

    other = ngx_websocket_log_block(log, ch->prev);
    ngx_websocket_log_set32(log, ch->prev ? &other->next : &list->first,
                            ch->next);

    other = ngx_websocket_log_block(log, ch->next);
    ngx_websocket_log_set32(log, ch->next ? &other->prev : &list->last,
                            ch->prev);

    ngx_websocket_log_set8(log, &ch->list, 0);
}


/* by messages, members or subscribers */

static int
ngx_websocket_log_held(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    if (ch->held.of.count || ch->members.first) {
        return 1;
    }

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (ngx_websocket_log_live(log, entry)) {
            return 1;
        }
    }

    return 0;
}


void
ngx_websocket_log_settle(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    if (ch->list || ch->deleted || ngx_websocket_log_held(log, ch)) {
        return;
    }

    ngx_websocket_log_enlist(log, channel, NGX_WEBSOCKET_LOG_IDLE);
    ngx_websocket_log_commit(log);
}


int
ngx_websocket_log_release(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    if ((!ch->deleted && ngx_websocket_log_age(now, ch->active) < idle)
        || ngx_websocket_log_held(log, ch))
    {
        return 0;
    }

    ngx_websocket_log_free_channel(log, channel);

    return 1;
}


static void
ngx_websocket_log_free_channel(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_ref_t       ref, next, *p;
    ngx_websocket_entries_t  *more;
    ngx_websocket_channel_t  *ch, *other;

    ch = ngx_websocket_log_block(log, channel);

    p = ngx_websocket_log_bucket(log, ch->hash);

    while (*p != channel) {
        other = ngx_websocket_log_block(log, *p);
        p = &other->bucket;
    }

    if (ch->list) {
        ngx_websocket_log_unlist(log, channel);
    }

    ngx_websocket_log_set32(log, p, ch->bucket);
    ngx_websocket_log_set8(log, ngx_websocket_log_kind(log, channel), 0);
    ngx_websocket_log_count(log, ch, -1);

    for (ref = ch->more; ref; ref = next) {
        more = ngx_websocket_log_block(log, ref);
        next = more->next;
        ngx_websocket_log_give(log, ref, ref, 1);
    }

    if (ch->long_name) {
        ngx_websocket_log_give(log, ch->long_name, ch->long_name, 1);
    }

    ngx_websocket_log_give(log, channel, channel, 1);
    ngx_websocket_log_commit(log);
}


void
ngx_websocket_log_info(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_info_t *info)
{
    uint32_t                  i;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    info->epoch = ch->epoch;
    info->offset = ch->offset;
    info->published = ch->published;
    info->deleted = ch->deleted;
    info->members = 0;
    info->subscribers = 0;

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (ngx_websocket_log_present(log, entry)) {
            info->members += entry->members;
            info->subscribers += entry->count;
        }
    }

    info->first = ngx_websocket_log_shown(log, ch);
    info->length = ch->offset + 1 - info->first;
}


ngx_websocket_entry_t *
ngx_websocket_log_own_entry(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint32_t slot)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (entry->slot == slot && ngx_websocket_log_present(log, entry)) {
            return entry;
        }
    }

    return NULL;
}


int
ngx_websocket_log_free_entry(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t now, ngx_websocket_entry_t **entry)
{
    int                       rc;
    uint32_t                  i;
    ngx_websocket_ref_t       ref, end;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_entries_t  *more;

    ch = ngx_websocket_log_block(log, channel);

    for (i = 0; (*entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (!ngx_websocket_log_present(log, *entry)) {
            return NGX_WEBSOCKET_LOG_OK;
        }
    }

    rc = ngx_websocket_log_make_room(log, 1, now, channel,
                                     NGX_WEBSOCKET_LOG_ROOM);

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        return rc;
    }

    ref = ngx_websocket_log_take(log, 1, &end);
    more = ngx_websocket_log_block(log, ref);

    ngx_websocket_log_fault();
    memset((uint8_t *) more + sizeof(ngx_websocket_ref_t), 0,
           sizeof(ngx_websocket_entries_t) - sizeof(ngx_websocket_ref_t));

    ngx_websocket_log_set32(log, &more->next, ch->more);
    ngx_websocket_log_set32(log, &ch->more, ref);
    ngx_websocket_log_commit(log);

    *entry = &more->entries[0];

    return NGX_WEBSOCKET_LOG_OK;
}


void
ngx_websocket_log_enter(ngx_websocket_log_t *log,
    ngx_websocket_entry_t *entry, uint32_t slot, uint64_t read,
    uint32_t count, uint32_t members)
{
    ngx_websocket_log_set64(log, &entry->read, read);
    ngx_websocket_log_set32(log, &entry->incarnation, log->workers[slot]);
    ngx_websocket_log_set32(log, &entry->slot, slot);
    ngx_websocket_log_set32(log, &entry->count, count);
    ngx_websocket_log_set32(log, &entry->members, members);
}


int
ngx_websocket_log_subscribe(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot, uint64_t now,
    ngx_websocket_log_cursor_t *cursor, uint64_t *offset)
{
    int                       rc;
    uint32_t                  members;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ngx_websocket_log_tick(log, now);

    ch = ngx_websocket_log_block(log, channel);

    *offset = ch->offset;

    entry = ngx_websocket_log_own_entry(log, ch, slot);
    members = entry ? entry->members : 0;

    if (entry == NULL) {
        rc = ngx_websocket_log_free_entry(log, channel, now, &entry);

        if (rc != NGX_WEBSOCKET_LOG_OK) {
            return rc;
        }
    }

    if (ngx_websocket_log_live(log, entry)) {
        ngx_websocket_log_set32(log, &entry->count, entry->count + 1);

    } else {
        ngx_websocket_log_enter(log, entry, slot, ch->offset, 1, members);
    }

    if (ch->list) {
        ngx_websocket_log_unlist(log, channel);
    }

    ngx_websocket_log_commit(log);

    ngx_websocket_log_fault();
    ch->active = now;

    if (cursor->entry == 0) {
        cursor->channel = channel;
        cursor->message = ch->last;
        cursor->epoch = ch->epoch;
        cursor->next = ch->offset + 1;
        cursor->done = 0;
        cursor->entry = (uint64_t) ((uint8_t *) entry - (uint8_t *) log);
    }

    return NGX_WEBSOCKET_LOG_OK;
}


void
ngx_websocket_log_unsubscribe(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor, uint64_t now)
{
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ngx_websocket_log_tick(log, now);

    ch = ngx_websocket_log_block(log, cursor->channel);
    entry = ngx_websocket_log_at(log, cursor->entry);

    /* no later than the entry: the channel was in use until now */

    ngx_websocket_log_fault();
    ch->active = now;

    ngx_websocket_log_set32(log, &entry->count, entry->count - 1);
    ngx_websocket_log_commit(log);

    if (entry->count) {
        return;
    }

    cursor->entry = 0;

    ngx_websocket_log_prune(log, ch);

    if (ch->deleted) {
        ngx_websocket_log_release(log, cursor->channel, now, 0);
        return;
    }

    ngx_websocket_log_settle(log, cursor->channel);
}


void
ngx_websocket_log_prune(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch)
{
    uint32_t                  i;
    ngx_websocket_ref_t       ref, *p;
    ngx_websocket_entries_t  *more;

    for (p = &ch->more; *p; /* void */ ) {

        ref = *p;
        more = ngx_websocket_log_block(log, ref);

        for (i = 0; i < NGX_WEBSOCKET_LOG_OVERFLOW; i++) {
            if (ngx_websocket_log_present(log, &more->entries[i])) {
                break;
            }
        }

        if (i < NGX_WEBSOCKET_LOG_OVERFLOW) {
            p = &more->next;
            continue;
        }

        ngx_websocket_log_set32(log, p, more->next);
        ngx_websocket_log_give(log, ref, ref, 1);
        ngx_websocket_log_commit(log);
    }
}


uint32_t
ngx_websocket_log_own_blocks(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch)
{
    uint32_t                  n;
    ngx_websocket_ref_t       ref;
    ngx_websocket_entries_t  *more;

    n = ch->long_name ? 2 : 1;

    for (ref = ch->more; ref; ref = more->next) {
        more = ngx_websocket_log_block(log, ref);
        n++;
    }

    return n;
}


int
ngx_websocket_log_evict_channel(ngx_websocket_log_t *log,
    ngx_websocket_ref_t keep)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    ref = log->idle.first;

    if (ref && ref == keep) {
        ch = ngx_websocket_log_block(log, ref);
        ref = ch->next;
    }

    if (ref == 0) {
        return 0;
    }

    ngx_websocket_log_looked(1);

    return ngx_websocket_log_release(log, ref, 0, 0);
}


int
ngx_websocket_log_evict_orphaned(ngx_websocket_log_t *log,
    ngx_websocket_ref_t keep)
{
    uint32_t                  i;
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    for (i = 0; i < NGX_WEBSOCKET_LOG_SEARCH && i < log->nbuckets; i++) {

        ngx_websocket_log_looked(1);

        for (ref = *ngx_websocket_log_bucket(log, log->sweep);
             ref;
             ref = ch->bucket)
        {
            ch = ngx_websocket_log_block(log, ref);

            ngx_websocket_log_looked(1);

            if (ref != keep && ngx_websocket_log_release(log, ref, 0, 0)) {
                return 1;
            }
        }

        ngx_websocket_log_fault();
        log->sweep++;
    }

    return 0;
}


uint64_t
ngx_websocket_log_buckets(const ngx_websocket_log_t *log)
{
    return log->nbuckets;
}


/* who is in the slot, in one word; 0 is nobody */

static uint64_t
ngx_websocket_log_worker(ngx_websocket_log_t *log, uint32_t slot)
{
    return log->workers[slot] ? (uint64_t) log->workers[slot] << 32 | slot : 0;
}


int
ngx_websocket_log_sweeper(ngx_websocket_log_t *log, uint32_t slot,
    uint64_t now, uint64_t pause)
{
    uint32_t  other;
    uint64_t  self;

    self = ngx_websocket_log_worker(log, slot);

    if (log->sweeper == self) {
        return 1;
    }

    other = (uint32_t) log->sweeper;

    /* one that is suspended must not stop all sweeping */

    if (log->sweeper && ngx_websocket_log_worker(log, other) == log->sweeper) {
        pause = NGX_WEBSOCKET_LOG_HUNG;
    }

    if (now >= log->begun && now - log->begun < pause) {
        return 0;
    }

    ngx_websocket_log_fault();
    log->begun = now;

    ngx_websocket_log_fault();
    log->sweeper = self;

    return 1;
}


void
ngx_websocket_log_swept(ngx_websocket_log_t *log, uint32_t slot)
{
    if (log->sweeper == ngx_websocket_log_worker(log, slot)) {
        ngx_websocket_log_fault();
        log->sweeper = 0;
    }
}


uint64_t
ngx_websocket_log_sweep(ngx_websocket_log_t *log, uint64_t n, uint64_t now,
    uint64_t idle)
{
    uint32_t  work;
    uint64_t  i;

    ngx_websocket_log_tick(log, now);

    work = ngx_websocket_log_clean(log, NGX_WEBSOCKET_LOG_CLEAN);

    if (n > log->nbuckets) {
        n = log->nbuckets;
    }

    for (i = 0; i < n && work < NGX_WEBSOCKET_LOG_SWEEP; i++) {

        work += ngx_websocket_log_sweep_bucket(log, now, idle,
                                             NGX_WEBSOCKET_LOG_SWEEP - work);

        if (work >= NGX_WEBSOCKET_LOG_SWEEP) {

            /* the next one goes on here, or a long history would stay */

            break;
        }

        ngx_websocket_log_fault();
        log->sweep++;
    }

    return i;
}


/* returns how much it had to do: max when it may not have done with it */

static uint32_t
ngx_websocket_log_sweep_bucket(ngx_websocket_log_t *log, uint64_t now,
    uint64_t idle, uint32_t max)
{
    uint32_t                  work;
    ngx_websocket_ref_t       ref, next;
    ngx_websocket_channel_t  *ch;

    work = 1;

    ngx_websocket_log_looked(1);

    for (ref = *ngx_websocket_log_bucket(log, log->sweep); ref; ref = next) {

        ch = ngx_websocket_log_block(log, ref);
        next = ch->bucket;

        ngx_websocket_log_looked(1);

        if (++work < max) {
            work += ngx_websocket_log_sweep_channel(log, ref, now, idle,
                                                    max - work);
        }
    }

    return work < max ? work : max;
}


/* returns how many messages went */

static uint32_t
ngx_websocket_log_sweep_channel(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle, uint32_t max)
{
    uint32_t                  n;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    /*
     * The time of idleness begins when subscribers and history are gone,
     * which nobody may have told us: workers die, and messages grow old.
     * A time that is yet to come is of a clock that was set back since.
     */

    if (ch->active > now || ngx_websocket_log_held(log, ch)) {
        ngx_websocket_log_fault();
        ch->active = now;
    }

    n = ngx_websocket_log_trim(log, channel, now, 0, max);

    ngx_websocket_log_prune(log, ch);

    if (!ngx_websocket_log_release(log, channel, now, idle)) {
        ngx_websocket_log_settle(log, channel);
    }

    return n;
}
