
/*
 * Channels, and who subscribes to them.
 */


#include <string.h>

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
static uint32_t ngx_websocket_log_subscribers(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch);
static ngx_websocket_entry_t *ngx_websocket_log_own_entry(
    ngx_websocket_log_t *log, ngx_websocket_channel_t *ch, uint32_t slot);
static ngx_websocket_entry_t *ngx_websocket_log_free_entry(
    ngx_websocket_log_t *log, ngx_websocket_ref_t channel, uint64_t now);
static void ngx_websocket_log_enter(ngx_websocket_log_t *log,
    ngx_websocket_entry_t *entry, uint32_t slot, uint64_t read);
static void ngx_websocket_log_prune(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch);
static void ngx_websocket_log_free_channel(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel);
static uint32_t ngx_websocket_log_sweep_channel(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle, uint32_t max);


/* to free a channel is one change: links, counts, and three for each block */

_Static_assert(3 + 3 * (2 + NGX_WEBSOCKET_LOG_WORKERS
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

    rc = ngx_websocket_log_make_room(log, n, now, 0);

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
    }

    ngx_websocket_log_set8(log, ngx_websocket_log_kind(log, ref),
                           NGX_WEBSOCKET_LOG_CHANNEL);
    ngx_websocket_log_set64(log, &log->epoch, epoch);
    ngx_websocket_log_count(log, ch, 1);
    ngx_websocket_log_set32(log, bucket, ref);
    ngx_websocket_log_commit(log);

    *channel = ref;

    return NGX_WEBSOCKET_LOG_OK;
}


int
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
        || (ch->length == history->length && ch->time == history->time))
    {
        return;
    }

    ngx_websocket_log_set32(log, &ch->length, history->length);
    ngx_websocket_log_set32(log, &ch->time, history->time);
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
    ngx_websocket_log_commit(log);

    ngx_websocket_log_publish_hint(log, channel, 0);

    /* of a long history the rest goes with the sweep */

    ngx_websocket_log_trim(log, channel, 0, NGX_WEBSOCKET_LOG_LOOK);
    ngx_websocket_log_release(log, channel, 0, 0);
}


int
ngx_websocket_log_release(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    if (ch->count || ch->nmembers
        || (!ch->deleted && ngx_websocket_log_age(now, ch->active) < idle)
        || ngx_websocket_log_subscribers(log, ch))
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


static uint32_t
ngx_websocket_log_subscribers(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch)
{
    uint32_t                i, n;
    ngx_websocket_entry_t  *entry;

    n = 0;

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (ngx_websocket_log_live(log, entry)) {
            n += entry->count;
        }
    }

    return n;
}


void
ngx_websocket_log_info(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_info_t *info)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    info->epoch = ch->epoch;
    info->offset = ch->offset;
    info->published = ch->published;
    info->deleted = ch->deleted;
    info->members = ch->nmembers;
    info->subscribers = ngx_websocket_log_subscribers(log, ch);

    info->first = ngx_websocket_log_shown(log, ch);
    info->length = ch->offset + 1 - info->first;
}


static ngx_websocket_entry_t *
ngx_websocket_log_own_entry(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint32_t slot)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (entry->slot == slot && ngx_websocket_log_live(log, entry)) {
            return entry;
        }
    }

    return NULL;
}


/* one that nobody lives in; may make a further block of them */

static ngx_websocket_entry_t *
ngx_websocket_log_free_entry(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t now)
{
    uint32_t                  i;
    ngx_websocket_ref_t       ref, end;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_entries_t  *more;

    ch = ngx_websocket_log_block(log, channel);

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (!ngx_websocket_log_live(log, entry)) {
            return entry;
        }
    }

    if (ngx_websocket_log_make_room(log, 1, now, channel)
        != NGX_WEBSOCKET_LOG_OK)
    {
        return NULL;
    }

    ref = ngx_websocket_log_take(log, 1, &end);
    more = ngx_websocket_log_block(log, ref);

    ngx_websocket_log_fault();
    memset((uint8_t *) more + sizeof(ngx_websocket_ref_t), 0,
           sizeof(ngx_websocket_entries_t) - sizeof(ngx_websocket_ref_t));

    ngx_websocket_log_set32(log, &more->next, ch->more);
    ngx_websocket_log_set32(log, &ch->more, ref);
    ngx_websocket_log_commit(log);

    return &more->entries[0];
}


static void
ngx_websocket_log_enter(ngx_websocket_log_t *log,
    ngx_websocket_entry_t *entry, uint32_t slot, uint64_t read)
{
    ngx_websocket_log_set64(log, &entry->read, read);
    ngx_websocket_log_set32(log, &entry->incarnation, log->workers[slot]);
    ngx_websocket_log_set32(log, &entry->slot, slot);
    ngx_websocket_log_set32(log, &entry->count, 1);
    ngx_websocket_log_commit(log);
}


int
ngx_websocket_log_subscribe(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot, uint64_t now,
    ngx_websocket_log_cursor_t *cursor, uint64_t *offset)
{
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ngx_websocket_log_tick(log, now);

    ch = ngx_websocket_log_block(log, channel);

    *offset = ch->offset;

    entry = ngx_websocket_log_own_entry(log, ch, slot);

    if (entry) {
        ngx_websocket_log_set32(log, &entry->count, entry->count + 1);
        ngx_websocket_log_commit(log);

    } else {
        entry = ngx_websocket_log_free_entry(log, channel, now);

        if (entry == NULL) {
            return NGX_WEBSOCKET_LOG_NOSPACE;
        }

        ngx_websocket_log_enter(log, entry, slot, ch->offset);
    }

    ngx_websocket_log_fault();
    ch->active = now;

    if (cursor->entry == 0) {
        cursor->channel = channel;
        cursor->message = ch->last;
        cursor->epoch = ch->epoch;
        cursor->next = ch->offset + 1;
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
    }
}


/* frees the further blocks of entries that nobody lives in */

static void
ngx_websocket_log_prune(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch)
{
    uint32_t                  i;
    ngx_websocket_ref_t       ref, *p;
    ngx_websocket_entries_t  *more;

    for (p = &ch->more; *p; /* void */ ) {

        ref = *p;
        more = ngx_websocket_log_block(log, ref);

        for (i = 0; i < NGX_WEBSOCKET_LOG_OVERFLOW; i++) {
            if (ngx_websocket_log_live(log, &more->entries[i])) {
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
    uint32_t                  i;
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    /* the next attempt goes on where this one ends */

    for (i = 0; i < NGX_WEBSOCKET_LOG_SEARCH && i < log->nbuckets; i++) {

        for (ref = *ngx_websocket_log_bucket(log, log->sweep);
             ref;
             ref = ch->bucket)
        {
            ch = ngx_websocket_log_block(log, ref);

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
ngx_websocket_log_sweep(ngx_websocket_log_t *log, uint64_t n, uint64_t now,
    uint64_t idle)
{
    uint32_t                  left;
    uint64_t                  i;
    ngx_websocket_ref_t       ref, next;
    ngx_websocket_channel_t  *ch;

    ngx_websocket_log_tick(log, now);

    left = NGX_WEBSOCKET_LOG_SWEEP;

    if (n > log->nbuckets) {
        n = log->nbuckets;
    }

    for (i = 0; i < n; i++) {

        for (ref = *ngx_websocket_log_bucket(log, log->sweep); ref; ref = next)
        {
            ch = ngx_websocket_log_block(log, ref);
            next = ch->bucket;

            left -= ngx_websocket_log_sweep_channel(log, ref, now, idle, left);
        }

        if (left == 0) {

            /* the next one goes on here, or a long history would stay */

            break;
        }

        ngx_websocket_log_fault();
        log->sweep++;
    }

    return log->nbuckets;
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

    if (ch->count
        || ch->active > now
        || ngx_websocket_log_subscribers(log, ch))
    {
        ngx_websocket_log_fault();
        ch->active = now;
    }

    n = ngx_websocket_log_trim(log, channel, now, max);

    ngx_websocket_log_prune(log, ch);
    ngx_websocket_log_release(log, channel, now, idle);

    return n;
}
