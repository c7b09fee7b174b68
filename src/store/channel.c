
#include <string.h>

#include "store/channel.h"
#include "store/ephemeral.h"
#include "store/interest.h"
#include "store/message.h"
#include "store/store_private.h"


static int ngx_websocket_store_is(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, const uint8_t *name, size_t size,
    uint64_t hash);
static int ngx_websocket_store_create(ngx_websocket_store_t *store,
    const uint8_t *name, size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_store_history_t *history,
    ngx_websocket_channel_ref_t *channel);
static void ngx_websocket_store_count(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, int n);
static void ngx_websocket_store_keep(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint64_t now,
    const ngx_websocket_store_history_t *history);
static int ngx_websocket_store_is_quota(const ngx_websocket_channel_t *ch);
static int ngx_websocket_store_present(ngx_websocket_store_t *store,
    const ngx_websocket_entry_t *entry);
static ngx_websocket_list_t *ngx_websocket_store_list_of(
    ngx_websocket_store_t *store, uint8_t list);
static int ngx_websocket_store_held(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);
static void ngx_websocket_store_enlist(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint8_t list);
static void ngx_websocket_store_free_channel(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);
static uint64_t ngx_websocket_store_worker(ngx_websocket_store_t *store,
    uint32_t slot);
static uint32_t ngx_websocket_store_sweep_bucket(ngx_websocket_store_t *store,
    uint64_t now, uint64_t idle, ngx_websocket_store_name_t *gone,
    uint32_t max);
static int ngx_websocket_store_sweep_forsaken(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, ngx_websocket_store_name_t *gone);
static uint32_t ngx_websocket_store_sweep_channel(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle, uint32_t max);


/* freeing a channel is one change: links, counts, three stores per block */

_Static_assert(6 + 3 * (2 + NGX_WEBSOCKET_STORE_WORKERS
                            / NGX_WEBSOCKET_STORE_OVERFLOW + 1)
               <= NGX_WEBSOCKET_STORE_JOURNAL, "the journal is too short");


ngx_websocket_entry_t *
ngx_websocket_store_entry(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint32_t i)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_entries_t  *more;

    if (i < NGX_WEBSOCKET_STORE_INLINE) {
        return &ch->entries[i];
    }

    i -= NGX_WEBSOCKET_STORE_INLINE;

    for (ref = ch->more; ref; ref = more->next) {

        more = ngx_websocket_store_block(store, ref);

        if (i < NGX_WEBSOCKET_STORE_OVERFLOW) {
            return &more->entries[i];
        }

        i -= NGX_WEBSOCKET_STORE_OVERFLOW;
    }

    return NULL;
}


int
ngx_websocket_store_live(ngx_websocket_store_t *store,
    const ngx_websocket_entry_t *entry)
{
    return entry->count && entry->incarnation
           && entry->incarnation == store->workers[entry->slot];
}


/* whether the entry is of a live worker, and has subscribers or members */

static int
ngx_websocket_store_present(ngx_websocket_store_t *store,
    const ngx_websocket_entry_t *entry)
{
    return (entry->count | entry->members) && entry->incarnation
           && entry->incarnation == store->workers[entry->slot];
}


static int
ngx_websocket_store_is(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch,
    const uint8_t *name, size_t size, uint64_t hash)
{
    const uint8_t          *own;
    ngx_websocket_block_t  *block;

    if (ch->hash != hash || ch->deleted || ch->name_size != size) {
        return 0;
    }

    own = ch->name;

    if (ch->long_name) {
        block = ngx_websocket_store_block(store, ch->long_name);
        own = block->data;
    }

    return memcmp(own, name, size) == 0;
}


ngx_websocket_channel_ref_t
ngx_websocket_store_find(ngx_websocket_store_t *store, const uint8_t *name,
    size_t size, uint64_t hash)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    for (ref = *ngx_websocket_store_bucket(store,
                                           hash); ref; ref = ch->bucket) {

        ch = ngx_websocket_store_block(store, ref);

        if (ngx_websocket_store_is(store, ch, name, size, hash)) {
            return ref;
        }
    }

    return 0;
}


int
ngx_websocket_store_open_channel(ngx_websocket_store_t *store,
    const uint8_t *name, size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_store_history_t *history,
    ngx_websocket_channel_ref_t *channel)
{
    ngx_websocket_store_tick(store, now);

    *channel = ngx_websocket_store_find(store, name, size, hash);

    if (*channel == 0) {
        return ngx_websocket_store_create(store, name, size, hash, now,
                                          history, channel);
    }

    ngx_websocket_store_keep(store, ngx_websocket_store_block(store, *channel),
                             now, history);

    return NGX_WEBSOCKET_STORE_OK;
}


static int
ngx_websocket_store_create(ngx_websocket_store_t *store, const uint8_t *name,
    size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_store_history_t *history,
    ngx_websocket_channel_ref_t *channel)
{
    int                       rc;
    uint8_t                  *own;
    uint32_t                  n;
    uint64_t                  epoch;
    ngx_websocket_ref_t       ref, end, *bucket;
    ngx_websocket_block_t    *block;
    ngx_websocket_channel_t  *ch;

    n = size > NGX_WEBSOCKET_STORE_NAME ? 2 : 1;

    rc = ngx_websocket_store_make_room(store, n, now, 0,
                                       NGX_WEBSOCKET_STORE_ROOM);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    bucket = ngx_websocket_store_bucket(store, hash);
    ref = ngx_websocket_store_take(store, n, &end);
    epoch = (store->epoch + 1) | NGX_WEBSOCKET_STORE_OWN;

    /* only this process knows the blocks until the bucket leads to them */

    ch = ngx_websocket_store_block(store, ref);

    ngx_websocket_store_fault();
    memset((uint8_t *) ch + sizeof(ngx_websocket_ref_t), 0,
           NGX_WEBSOCKET_STORE_BLOCK - sizeof(ngx_websocket_ref_t));

    own = ch->name;

    if (n == 2) {
        block = ngx_websocket_store_block(store, end);
        own = block->data;
        ch->long_name = end;
    }

    ngx_websocket_store_fault();
    memcpy(own, name, size);

    ngx_websocket_store_fault();
    ch->bucket = *bucket;
    ch->hash = hash;
    ch->epoch = epoch;
    ch->active = now;
    ch->name_size = (uint8_t) size;

    if (history) {
        ch->length = history->length;
        ch->time = history->time;
        ch->max = history->max;
    }

    ngx_websocket_store_set8(store, ngx_websocket_store_kind(store, ref),
                             NGX_WEBSOCKET_STORE_CHANNEL);
    ngx_websocket_store_set64(store, &store->epoch, epoch);
    ngx_websocket_store_count(store, ch, 1);
    ngx_websocket_store_enlist(store, ref, NGX_WEBSOCKET_STORE_IDLE);
    ngx_websocket_store_set32(store, bucket, ref);
    ngx_websocket_store_commit(store);

    *channel = ref;

    return NGX_WEBSOCKET_STORE_OK;
}


/* whether the channel is a quota key's */

static int
ngx_websocket_store_is_quota(const ngx_websocket_channel_t *ch)
{
    return ch->long_name == 0 && ch->name[0] == 0;
}


/* quota keys are not among the channels that are counted */

static void
ngx_websocket_store_count(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, int n)
{
    if (!ngx_websocket_store_is_quota(ch)) {
        ngx_websocket_store_set64(store, &store->nchannels,
                                  store->nchannels + n);
    }
}


static void
ngx_websocket_store_keep(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch,
    uint64_t now, const ngx_websocket_store_history_t *history)
{
    /* one word: right before and after */

    ngx_websocket_store_fault();
    ch->active = now;

    if (history == NULL
        || (ch->length == history->length && ch->time == history->time
            && ch->max == history->max))
    {
        return;
    }

    ngx_websocket_store_set32(store, &ch->length, history->length);
    ngx_websocket_store_set32(store, &ch->time, history->time);
    ngx_websocket_store_set32(store, &ch->max, history->max);
    ngx_websocket_store_commit(store);
}


void
ngx_websocket_store_delete(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_wake_t *wake)
{
    uint32_t                  i;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    memset(wake, 0, sizeof(ngx_websocket_store_wake_t));

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (ngx_websocket_store_live(store, entry)) {
            wake->slots[entry->slot / 64] |= (uint64_t) 1 << entry->slot % 64;
        }
    }

    ngx_websocket_store_set8(store, &ch->deleted, 1);

    if (ch->list) {
        ngx_websocket_store_unlist(store, channel);
    }

    if (ch->held.of.count || ch->ephemeral.first) {
        ngx_websocket_store_enlist(store, channel,
                                   NGX_WEBSOCKET_STORE_GARBAGE);
        ngx_websocket_store_set32(store, &store->waste,
                                  store->waste + ch->held.of.blocks);
        ngx_websocket_store_set64(store, &store->nmessages, store->nmessages
                                  - ch->held.of.count
                                  - ngx_websocket_store_ephemerals(store, ch));
    }

    ngx_websocket_store_commit(store);

    ngx_websocket_store_publish_hint(store, channel, 0);

    /*
     * the rest of a long history is dropped when room is needed, or by a sweep
     */

    if (ch->list == 0) {
        ngx_websocket_store_release(store, channel, 0, 0);

    } else {
        ngx_websocket_store_clean(store, NGX_WEBSOCKET_STORE_ROOM);
    }
}


uint32_t
ngx_websocket_store_clean(ngx_websocket_store_t *store, uint32_t max)
{
    uint32_t                  n;
    ngx_websocket_ref_t       channel;
    ngx_websocket_channel_t  *ch;

    for (n = 0; store->garbage.first && n < max; n++) {

        channel = store->garbage.first;
        ch = ngx_websocket_store_block(store, channel);

        ngx_websocket_store_looked(1);

        if (ch->held.of.count) {
            ngx_websocket_store_drop_first(store, channel);
            continue;
        }

        if (ch->ephemeral.first) {
            ngx_websocket_store_drop_ephemeral(store, channel);
            continue;
        }

        ngx_websocket_store_unlist(store, channel);
        ngx_websocket_store_commit(store);

        ngx_websocket_store_release(store, channel, 0, 0);
    }

    return n;
}


static ngx_websocket_list_t *
ngx_websocket_store_list_of(ngx_websocket_store_t *store, uint8_t list)
{
    return list == NGX_WEBSOCKET_STORE_IDLE ? &store->idle : &store->garbage;
}


/* puts a channel on a list: to be committed */

static void
ngx_websocket_store_enlist(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint8_t which)
{
    ngx_websocket_list_t     *list;
    ngx_websocket_channel_t  *ch, *other;

    ch = ngx_websocket_store_block(store, channel);
    list = ngx_websocket_store_list_of(store, which);

    ngx_websocket_store_set32(store, &ch->next, 0);
    ngx_websocket_store_set32(store, &ch->prev, list->last);
    ngx_websocket_store_set8(store, &ch->list, which);

    other = ngx_websocket_store_block(store, list->last);
    ngx_websocket_store_set32(store, list->last ? &other->next : &list->first,
                              channel);
    ngx_websocket_store_set32(store, &list->last, channel);
}


void
ngx_websocket_store_unlist(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_list_t     *list;
    ngx_websocket_channel_t  *ch, *other;

    ch = ngx_websocket_store_block(store, channel);
    list = ngx_websocket_store_list_of(store, ch->list);

    other = ngx_websocket_store_block(store, ch->prev);
    ngx_websocket_store_set32(store, ch->prev ? &other->next : &list->first,
                              ch->next);

    other = ngx_websocket_store_block(store, ch->next);
    ngx_websocket_store_set32(store, ch->next ? &other->prev : &list->last,
                              ch->prev);

    ngx_websocket_store_set8(store, &ch->list, 0);
}


/* whether the channel has messages, members or subscribers */

static int
ngx_websocket_store_held(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    if (ch->held.of.count || ch->members.first || ch->ephemeral.first) {
        return 1;
    }

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (ngx_websocket_store_live(store, entry)) {
            return 1;
        }
    }

    return 0;
}


void
ngx_websocket_store_settle(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ch->list || ch->deleted || ngx_websocket_store_held(store, ch)) {
        return;
    }

    ngx_websocket_store_enlist(store, channel, NGX_WEBSOCKET_STORE_IDLE);
    ngx_websocket_store_commit(store);
}


int
ngx_websocket_store_release(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if ((!ch->deleted && ngx_websocket_store_age(now, ch->active) < idle)
        || ngx_websocket_store_held(store, ch))
    {
        return 0;
    }

    ngx_websocket_store_free_channel(store, channel);

    return 1;
}


static void
ngx_websocket_store_free_channel(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_ref_t       ref, next, *p;
    ngx_websocket_entries_t  *more;
    ngx_websocket_channel_t  *ch, *other;

    ch = ngx_websocket_store_block(store, channel);

    p = ngx_websocket_store_bucket(store, ch->hash);

    while (*p != channel) {
        other = ngx_websocket_store_block(store, *p);
        p = &other->bucket;
    }

    if (ch->list) {
        ngx_websocket_store_unlist(store, channel);
    }

    ngx_websocket_store_set32(store, p, ch->bucket);
    ngx_websocket_store_set8(store, ngx_websocket_store_kind(store, channel),
                             0);
    ngx_websocket_store_count(store, ch, -1);

    for (ref = ch->more; ref; ref = next) {
        more = ngx_websocket_store_block(store, ref);
        next = more->next;
        ngx_websocket_store_give(store, ref, ref, 1);
    }

    if (ch->long_name) {
        ngx_websocket_store_give(store, ch->long_name, ch->long_name, 1);
    }

    ngx_websocket_store_give(store, channel, channel, 1);
    ngx_websocket_store_commit(store);
}


void
ngx_websocket_store_info(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_info_t *info)
{
    uint32_t                  i;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    info->epoch = ch->epoch;
    info->offset = ch->offset;
    info->published = ch->published;
    info->deleted = ch->deleted;
    info->ended = ch->ended;
    info->keeps = ch->length != 0;
    info->members = 0;
    info->subscribers = 0;

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (ngx_websocket_store_present(store, entry)) {
            info->members += entry->members;
            info->subscribers += entry->count;
        }
    }

    info->first = ngx_websocket_store_shown(store, ch);
    info->length = ch->offset + 1 - info->first;
}


ngx_websocket_entry_t *
ngx_websocket_store_own_entry(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint32_t slot)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (entry->slot == slot && ngx_websocket_store_present(store, entry)) {
            return entry;
        }
    }

    return NULL;
}


int
ngx_websocket_store_free_entry(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, ngx_websocket_entry_t **entry)
{
    int                       rc;
    uint32_t                  i;
    ngx_websocket_ref_t       ref, end;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_entries_t  *more;

    ch = ngx_websocket_store_block(store, channel);

    for (i = 0; (*entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (!ngx_websocket_store_present(store, *entry)) {
            return NGX_WEBSOCKET_STORE_OK;
        }
    }

    rc = ngx_websocket_store_make_room(store, 1, now, channel,
                                       NGX_WEBSOCKET_STORE_ROOM);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    ref = ngx_websocket_store_take(store, 1, &end);
    more = ngx_websocket_store_block(store, ref);

    ngx_websocket_store_fault();
    memset((uint8_t *) more + sizeof(ngx_websocket_ref_t), 0,
           sizeof(ngx_websocket_entries_t) - sizeof(ngx_websocket_ref_t));

    ngx_websocket_store_set32(store, &more->next, ch->more);
    ngx_websocket_store_set32(store, &ch->more, ref);
    ngx_websocket_store_commit(store);

    *entry = &more->entries[0];

    return NGX_WEBSOCKET_STORE_OK;
}


void
ngx_websocket_store_enter(ngx_websocket_store_t *store,
    ngx_websocket_entry_t *entry, uint32_t slot, uint64_t read,
    uint32_t count, uint32_t members)
{
    ngx_websocket_store_set64(store, &entry->read, read);
    ngx_websocket_store_set32(store, &entry->incarnation,
                              store->workers[slot]);
    ngx_websocket_store_set32(store, &entry->slot, slot);
    ngx_websocket_store_set32(store, &entry->count, count);
    ngx_websocket_store_set32(store, &entry->members, members);
}


int
ngx_websocket_store_subscribe(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot, uint64_t now,
    ngx_websocket_store_cursor_t *cursor, uint64_t *offset)
{
    int                       rc;
    uint32_t                  members;
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ngx_websocket_store_tick(store, now);

    ch = ngx_websocket_store_block(store, channel);

    *offset = ch->offset;

    entry = ngx_websocket_store_own_entry(store, ch, slot);
    members = entry ? entry->members : 0;

    if (entry == NULL) {
        rc = ngx_websocket_store_free_entry(store, channel, now, &entry);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            return rc;
        }
    }

    if (ngx_websocket_store_live(store, entry)) {
        ngx_websocket_store_set32(store, &entry->count, entry->count + 1);

    } else {
        ngx_websocket_store_enter(store, entry, slot, ch->offset, 1, members);
    }

    if (ch->list) {
        ngx_websocket_store_unlist(store, channel);
    }

    ngx_websocket_store_commit(store);

    ngx_websocket_store_fault();
    ch->active = now;

    if (cursor->entry == 0) {
        cursor->channel = channel;
        cursor->message = ch->last;
        cursor->epoch = ch->epoch;
        cursor->next = ch->offset + 1;
        cursor->done = 0;
        cursor->ephemeral = ch->ephemerals + 1;
        cursor->heard = ch->ephemeral.last;
        cursor->partly = 0;
        cursor->entry = (uint64_t) ((uint8_t *) entry - (uint8_t *) store);
    }

    return NGX_WEBSOCKET_STORE_OK;
}


void
ngx_websocket_store_unsubscribe(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor, uint64_t now)
{
    ngx_websocket_entry_t    *entry;
    ngx_websocket_channel_t  *ch;

    ngx_websocket_store_tick(store, now);

    ch = ngx_websocket_store_block(store, cursor->channel);
    entry = ngx_websocket_store_at(store, cursor->entry);

    /* set before the entry goes: the channel was in use until now */

    ngx_websocket_store_fault();
    ch->active = now;

    ngx_websocket_store_set32(store, &entry->count, entry->count - 1);
    ngx_websocket_store_commit(store);

    if (entry->count) {
        return;
    }

    cursor->entry = 0;

    ngx_websocket_store_prune(store, ch);

    if (ch->deleted) {
        ngx_websocket_store_release(store, cursor->channel, now, 0);
        return;
    }

    ngx_websocket_store_settle(store, cursor->channel);
}


void
ngx_websocket_store_prune(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    uint32_t                  i;
    ngx_websocket_ref_t       ref, *p;
    ngx_websocket_entries_t  *more;

    for (p = &ch->more; *p; /* void */ ) {

        ref = *p;
        more = ngx_websocket_store_block(store, ref);

        for (i = 0; i < NGX_WEBSOCKET_STORE_OVERFLOW; i++) {
            if (ngx_websocket_store_present(store, &more->entries[i])) {
                break;
            }
        }

        if (i < NGX_WEBSOCKET_STORE_OVERFLOW) {
            p = &more->next;
            continue;
        }

        ngx_websocket_store_set32(store, p, more->next);
        ngx_websocket_store_give(store, ref, ref, 1);
        ngx_websocket_store_commit(store);
    }
}


uint32_t
ngx_websocket_store_own_blocks(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    uint32_t                  n;
    ngx_websocket_ref_t       ref;
    ngx_websocket_entries_t  *more;

    n = ch->long_name ? 2 : 1;

    for (ref = ch->more; ref; ref = more->next) {
        more = ngx_websocket_store_block(store, ref);
        n++;
    }

    return n;
}


int
ngx_websocket_store_evict_channel(ngx_websocket_store_t *store,
    ngx_websocket_ref_t keep)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    ref = store->idle.first;

    if (ref && ref == keep) {
        ch = ngx_websocket_store_block(store, ref);
        ref = ch->next;
    }

    if (ref == 0) {
        return 0;
    }

    ngx_websocket_store_looked(1);

    return ngx_websocket_store_release(store, ref, 0, 0);
}


int
ngx_websocket_store_evict_orphaned(ngx_websocket_store_t *store,
    ngx_websocket_ref_t keep)
{
    uint32_t                  i;
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    for (i = 0; i < NGX_WEBSOCKET_STORE_SEARCH && i < store->nbuckets; i++) {

        ngx_websocket_store_looked(1);

        for (ref = *ngx_websocket_store_bucket(store, store->sweep);
             ref;
             ref = ch->bucket)
        {
            ch = ngx_websocket_store_block(store, ref);

            ngx_websocket_store_looked(1);

            if (ref != keep && ngx_websocket_store_release(store, ref, 0, 0)) {
                return 1;
            }
        }

        ngx_websocket_store_fault();
        store->sweep++;
    }

    return 0;
}


uint64_t
ngx_websocket_store_buckets(const ngx_websocket_store_t *store)
{
    return store->nbuckets;
}


/* the incarnation of the worker in the slot; 0: there is none */

static uint64_t
ngx_websocket_store_worker(ngx_websocket_store_t *store, uint32_t slot)
{
    return store->workers[slot]
           ? (uint64_t) store->workers[slot] << 32 | slot : 0;
}


int
ngx_websocket_store_sweeper(ngx_websocket_store_t *store, uint32_t slot,
    uint64_t now, uint64_t pause)
{
    uint32_t  other;
    uint64_t  self;

    self = ngx_websocket_store_worker(store, slot);

    if (store->sweeper == self) {
        return 1;
    }

    other = (uint32_t) store->sweeper;

    /* a worker that hangs must not stop all sweeping */

    if (store->sweeper && ngx_websocket_store_worker(store,
                                                    other) == store->sweeper) {
        pause = NGX_WEBSOCKET_STORE_HUNG;
    }

    if (now >= store->begun && now - store->begun < pause) {
        return 0;
    }

    ngx_websocket_store_fault();
    store->begun = now;

    ngx_websocket_store_fault();
    store->sweeper = self;

    return 1;
}


void
ngx_websocket_store_swept(ngx_websocket_store_t *store, uint32_t slot)
{
    if (store->sweeper == ngx_websocket_store_worker(store, slot)) {
        ngx_websocket_store_fault();
        store->sweeper = 0;
    }
}


uint64_t
ngx_websocket_store_sweep(ngx_websocket_store_t *store, uint64_t n,
    uint64_t now, uint64_t idle, ngx_websocket_store_name_t *gone)
{
    uint32_t  work;
    uint64_t  i;

    ngx_websocket_store_tick(store, now);

    if (gone) {
        gone->size = 0;
    }

    work = ngx_websocket_store_clean(store, NGX_WEBSOCKET_STORE_CLEAN);

    if (n > store->nbuckets) {
        n = store->nbuckets;
    }

    for (i = 0; i < n && work < NGX_WEBSOCKET_STORE_SWEEP; i++) {

        work += ngx_websocket_store_sweep_bucket(store, now, idle, gone,
                                             NGX_WEBSOCKET_STORE_SWEEP - work);

        if (work >= NGX_WEBSOCKET_STORE_SWEEP) {

            /* the next sweep goes on here, or a long history would stay */

            break;
        }

        ngx_websocket_store_fault();
        store->sweep++;
    }

    return i;
}


/* returns how much work was done: max when there may be more */

static uint32_t
ngx_websocket_store_sweep_bucket(ngx_websocket_store_t *store, uint64_t now,
    uint64_t idle, ngx_websocket_store_name_t *gone, uint32_t max)
{
    uint32_t                  work;
    ngx_websocket_ref_t       ref, next;
    ngx_websocket_channel_t  *ch;

    work = 1;

    ngx_websocket_store_looked(1);

    for (ref = *ngx_websocket_store_bucket(store,
                                           store->sweep); ref; ref = next) {

        ch = ngx_websocket_store_block(store, ref);
        next = ch->bucket;

        ngx_websocket_store_looked(1);

        if (!ngx_websocket_store_sweep_forsaken(store, ref, gone)) {
            return max;
        }

        if (++work < max) {
            work += ngx_websocket_store_sweep_channel(store, ref, now, idle,
                                                      max - work);
        }
    }

    return work < max ? work : max;
}


/*
 * returns 0 when the channel is to be told of in the next call, since one was
 * told of in this one
 */

static int
ngx_websocket_store_sweep_forsaken(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, ngx_websocket_store_name_t *gone)
{
    if (!ngx_websocket_store_forsaken(store, channel)) {
        return 1;
    }

    if (gone) {
        if (gone->size) {
            return 0;
        }

        ngx_websocket_store_name(store, channel, gone);
    }

    ngx_websocket_store_forsake(store, channel);

    return 1;
}


/* returns how many messages went */

static uint32_t
ngx_websocket_store_sweep_channel(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle, uint32_t max)
{
    uint32_t                  n;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    /*
     * A channel is idle from when its subscribers and history are gone.  No
     * call need tell so: workers die, and messages grow old.  A time in the
     * future was set before the clock was set back.
     */

    if (ch->active > now || ngx_websocket_store_held(store, ch)) {
        ngx_websocket_store_fault();
        ch->active = now;
    }

    n = ngx_websocket_store_trim(store, channel, now, 0, max);
    n += ngx_websocket_store_trim_ephemeral(store, channel, now, max - n);

    ngx_websocket_store_prune(store, ch);

    if (!ngx_websocket_store_release(store, channel, now, idle)) {
        ngx_websocket_store_settle(store, channel);
    }

    return n;
}
