
#include <string.h>

#include "store/member.h"
#include "store/channel.h"
#include "store/interest.h"
#include "store/message.h"
#include "store/store_private.h"


static void ngx_websocket_store_admit(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint32_t slot,
    const ngx_websocket_store_member_t *member, ngx_websocket_ref_t ref);
static void ngx_websocket_store_count_in(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint32_t slot, ngx_websocket_entry_t *entry);
static void ngx_websocket_store_count_out(ngx_websocket_store_t *store,
    ngx_websocket_member_t *m);
static void ngx_websocket_store_drop_member(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref);
static ngx_websocket_list_t *ngx_websocket_store_worker_list(
    ngx_websocket_store_t *store, ngx_websocket_member_t *m);
static ngx_websocket_store_append_t *ngx_websocket_store_append_wanted(
    ngx_websocket_store_t *store, ngx_websocket_store_append_t *append);
static uint32_t ngx_websocket_store_member_blocks(size_t size);
static void ngx_websocket_store_inscribe(ngx_websocket_store_t *store,
    ngx_websocket_member_t *m, const ngx_websocket_store_member_t *member);
static void ngx_websocket_store_describe(ngx_websocket_store_t *store,
    ngx_websocket_member_t *m, ngx_websocket_store_member_t *member);


int
ngx_websocket_store_join(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot,
    const ngx_websocket_store_member_t *member,
    ngx_websocket_store_append_t *append, ngx_websocket_member_ref_t *ref)
{
    int                        rc;
    uint32_t                   blocks;
    ngx_websocket_ref_t        end;
    ngx_websocket_entry_t     *entry;
    ngx_websocket_store_put_t  put;

    append = ngx_websocket_store_append_wanted(store, append);

    entry = ngx_websocket_store_own_entry(store,
                                          ngx_websocket_store_block(store,
                                                                     channel),
                                          slot);
    rc = NGX_WEBSOCKET_STORE_OK;
    blocks = ngx_websocket_store_member_blocks(member->size);

    if (entry == NULL) {
        rc = ngx_websocket_store_free_entry(store, channel, member->time,
                                            &entry);
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    if (append) {
        rc = ngx_websocket_store_prepare(store, append, &put, blocks);

    } else {
        rc = ngx_websocket_store_make_room(store, blocks, member->time,
                                           channel, NGX_WEBSOCKET_STORE_ROOM);
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    if (append) {
        ngx_websocket_store_put(store, &put);
    }

    *ref = ngx_websocket_store_take(store, blocks, &end);

    ngx_websocket_store_admit(store, channel, slot, member, *ref);
    ngx_websocket_store_count_in(store, channel, slot, entry);
    ngx_websocket_store_commit(store);

    if (append) {
        ngx_websocket_store_tell(store, &put);
    }

    return NGX_WEBSOCKET_STORE_OK;
}


/*
 * returns NULL where there is no append, or its channel takes no more messages
 */

static ngx_websocket_store_append_t *
ngx_websocket_store_append_wanted(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append)
{
    ngx_websocket_channel_t  *ch;

    if (append == NULL) {
        return NULL;
    }

    memset(&append->wake, 0, sizeof(ngx_websocket_store_wake_t));

    ch = ngx_websocket_store_block(store, append->channel);

    return ch->deleted || ch->ended ? NULL : append;
}


static uint32_t
ngx_websocket_store_member_blocks(size_t size)
{
    size_t  first, more;

    first = sizeof(((ngx_websocket_member_t *) 0)->data);
    more = sizeof(((ngx_websocket_block_t *) 0)->data);

    return size <= first ? 1 : 1 + (uint32_t) ((size - first + more - 1)
                                               / more);
}


static void
ngx_websocket_store_admit(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel,
    uint32_t slot, const ngx_websocket_store_member_t *member,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_list_t     *own;
    ngx_websocket_member_t   *m, *other;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);
    m = ngx_websocket_store_block(store, ref);
    own = &store->members[slot];

    /* only this process knows the block until it is linked */

    ngx_websocket_store_fault();
    m->channel = channel;
    m->after = 0;
    m->before = ch->members.last;
    m->worker_after = 0;
    m->worker_before = own->last;
    m->slot = slot;
    m->incarnation = store->workers[slot];
    m->id = member->id;
    m->time = member->time;
    m->size = member->size;
    m->leave_message = member->leave_message;
    ngx_websocket_store_inscribe(store, m, member);

    if (ch->members.last) {
        other = ngx_websocket_store_block(store, ch->members.last);
        ngx_websocket_store_set32(store, &other->after, ref);

    } else {
        ngx_websocket_store_set32(store, &ch->members.first, ref);
    }

    if (own->last) {
        other = ngx_websocket_store_block(store, own->last);
        ngx_websocket_store_set32(store, &other->worker_after, ref);

    } else {
        ngx_websocket_store_set32(store, &own->first, ref);
    }

    ngx_websocket_store_set32(store, &ch->members.last, ref);
    ngx_websocket_store_set32(store, &own->last, ref);
    ngx_websocket_store_set8(store, ngx_websocket_store_kind(store, ref),
                             NGX_WEBSOCKET_STORE_MEMBER);
}


/* the worker's entry counts members too, which are void when it dies */

static void
ngx_websocket_store_count_in(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint32_t slot, ngx_websocket_entry_t *entry)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);

    if (ngx_websocket_store_own_entry(store, ch, slot) == entry) {
        ngx_websocket_store_set32(store, &entry->members, entry->members + 1);

    } else {
        ngx_websocket_store_enter(store, entry, slot, ch->offset, 0, 1);
    }

    if (ch->list == NGX_WEBSOCKET_STORE_IDLE) {
        ngx_websocket_store_unlist(store, channel);
    }
}


static void
ngx_websocket_store_count_out(ngx_websocket_store_t *store,
    ngx_websocket_member_t *m)
{
    ngx_websocket_entry_t  *entry;

    if (m->incarnation != store->workers[m->slot]) {
        return;
    }

    entry = ngx_websocket_store_own_entry(store,
                                     ngx_websocket_store_block(store,
                                                               m->channel),
                                     m->slot);

    ngx_websocket_store_set32(store, &entry->members, entry->members - 1);
}


int
ngx_websocket_store_leave(ngx_websocket_store_t *store,
    ngx_websocket_member_ref_t ref, uint64_t now,
    ngx_websocket_store_append_t *append)
{
    int                        rc;
    ngx_websocket_ref_t        channel;
    ngx_websocket_member_t    *m;
    ngx_websocket_channel_t   *ch;
    ngx_websocket_store_put_t  put;

    m = ngx_websocket_store_block(store, ref);
    channel = m->channel;
    ch = ngx_websocket_store_block(store, channel);

    append = ngx_websocket_store_append_wanted(store, append);

    if (append) {
        rc = ngx_websocket_store_prepare(store, append, &put, 0);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            memset(&append->wake, 0, sizeof(ngx_websocket_store_wake_t));
            append = NULL;
        }

        if (rc == NGX_WEBSOCKET_STORE_AGAIN) {
            return rc;
        }
    }

    if (append) {
        ngx_websocket_store_put(store, &put);
    }

    ngx_websocket_store_drop_member(store, ref);
    ngx_websocket_store_commit(store);

    if (append) {
        ngx_websocket_store_tell(store, &put);
    }

    ngx_websocket_store_prune(store, ch);

    if (ch->deleted) {
        ngx_websocket_store_release(store, channel, now, 0);

    } else {
        ngx_websocket_store_settle(store, channel);
    }

    return NGX_WEBSOCKET_STORE_OK;
}


static void
ngx_websocket_store_drop_member(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref)
{
    uint32_t                  i, n;
    ngx_websocket_ref_t       end;
    ngx_websocket_list_t     *own;
    ngx_websocket_block_t    *block;
    ngx_websocket_member_t   *m, *other;
    ngx_websocket_channel_t  *ch;

    m = ngx_websocket_store_block(store, ref);
    ch = ngx_websocket_store_block(store, m->channel);
    own = ngx_websocket_store_worker_list(store, m);

    other = ngx_websocket_store_block(store, m->before);
    ngx_websocket_store_set32(store, m->before ? &other->after
                                             : &ch->members.first, m->after);

    other = ngx_websocket_store_block(store, m->after);
    ngx_websocket_store_set32(store, m->after ? &other->before
                                            : &ch->members.last, m->before);

    other = ngx_websocket_store_block(store, m->worker_before);
    ngx_websocket_store_set32(store, m->worker_before ? &other->worker_after
                                                    : &own->first,
                              m->worker_after);

    other = ngx_websocket_store_block(store, m->worker_after);
    ngx_websocket_store_set32(store, m->worker_after ? &other->worker_before
                                                   : &own->last,
                              m->worker_before);

    ngx_websocket_store_count_out(store, m);
    ngx_websocket_store_set8(store, ngx_websocket_store_kind(store, ref), 0);

    n = ngx_websocket_store_member_blocks(m->size);
    end = ref;

    for (i = 1; i < n; i++) {
        block = ngx_websocket_store_block(store, end);
        end = block->next;
    }

    ngx_websocket_store_give(store, ref, end, n);
}


static ngx_websocket_list_t *
ngx_websocket_store_worker_list(ngx_websocket_store_t *store,
    ngx_websocket_member_t *m)
{
    return m->incarnation == store->workers[m->slot] ? &store->members[m->slot]
                                                   : &store->orphans;
}


void
ngx_websocket_store_orphan_members(ngx_websocket_store_t *store, uint32_t slot)
{
    ngx_websocket_list_t    *own;
    ngx_websocket_member_t  *m;

    own = &store->members[slot];

    if (own->first == 0) {
        return;
    }

    if (store->orphans.last) {
        m = ngx_websocket_store_block(store, store->orphans.last);
        ngx_websocket_store_set32(store, &m->worker_after, own->first);

        m = ngx_websocket_store_block(store, own->first);
        ngx_websocket_store_set32(store, &m->worker_before,
                                  store->orphans.last);

    } else {
        ngx_websocket_store_set32(store, &store->orphans.first, own->first);
    }

    ngx_websocket_store_set32(store, &store->orphans.last, own->last);
    ngx_websocket_store_set32(store, &own->first, 0);
    ngx_websocket_store_set32(store, &own->last, 0);
}


ngx_websocket_member_ref_t
ngx_websocket_store_orphan(ngx_websocket_store_t *store,
    ngx_websocket_store_member_t *member)
{
    if (store->orphans.first) {
        ngx_websocket_store_member(store, store->orphans.first, member);
    }

    return store->orphans.first;
}


ngx_websocket_channel_ref_t
ngx_websocket_store_member_channel(ngx_websocket_store_t *store,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_name_t *name)
{
    ngx_websocket_member_t  *m;

    m = ngx_websocket_store_block(store, ref);

    ngx_websocket_store_name(store, m->channel, name);

    return m->channel;
}


void
ngx_websocket_store_member(ngx_websocket_store_t *store,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_member_t *member)
{
    ngx_websocket_store_describe(store, ngx_websocket_store_block(store, ref),
                                 member);
}


int
ngx_websocket_store_members(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_member_ref_t *ref,
    uint64_t *id, ngx_websocket_store_member_t *members, uint32_t *n)
{
    uint32_t                  i, max;
    ngx_websocket_ref_t       next;
    ngx_websocket_member_t   *m;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, channel);
    max = *n;
    *n = 0;

    next = ch->members.first;

    if (*ref) {
        m = ngx_websocket_store_block(store, *ref);

        if (*ngx_websocket_store_kind(store,
                                      *ref) != NGX_WEBSOCKET_STORE_MEMBER
            || m->channel != channel || m->id != *id)
        {
            return NGX_WEBSOCKET_STORE_GAP;
        }

        next = m->after;
    }

    for (i = 0; next && *n < max && i < NGX_WEBSOCKET_STORE_SECTION; i++) {

        ngx_websocket_store_looked(1);

        m = ngx_websocket_store_block(store, next);

        *ref = next;
        *id = m->id;
        next = m->after;

        /*
         * an orphan is not present any more, although it was not removed yet
         */

        if (m->incarnation == store->workers[m->slot]) {
            ngx_websocket_store_describe(store, m, &members[(*n)++]);
        }
    }

    return next ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_EMPTY;
}


/* only this process knows the blocks yet */

static void
ngx_websocket_store_inscribe(ngx_websocket_store_t *store,
    ngx_websocket_member_t *m, const ngx_websocket_store_member_t *member)
{
    size_t                  n, size;
    const uint8_t          *data;
    ngx_websocket_ref_t     next;
    ngx_websocket_block_t  *block;

    data = member->data;
    size = member->size;
    n = size < sizeof(m->data) ? size : sizeof(m->data);

    memcpy(m->data, data, n);

    for (next = m->next; n < size; next = block->next) {
        data += n;
        size -= n;

        block = ngx_websocket_store_block(store, next);
        n = size < sizeof(block->data) ? size : sizeof(block->data);

        memcpy(block->data, data, n);
    }
}


static void
ngx_websocket_store_describe(ngx_websocket_store_t *store,
    ngx_websocket_member_t *m, ngx_websocket_store_member_t *member)
{
    size_t                  n, size;
    uint8_t                *data;
    ngx_websocket_ref_t     next;
    ngx_websocket_block_t  *block;

    member->id = m->id;
    member->time = m->time;
    member->size = m->size;
    member->leave_message = m->leave_message;

    data = member->data;
    size = m->size;
    n = size < sizeof(m->data) ? size : sizeof(m->data);

    memcpy(data, m->data, n);

    for (next = m->next; n < size; next = block->next) {
        data += n;
        size -= n;

        block = ngx_websocket_store_block(store, next);
        n = size < sizeof(block->data) ? size : sizeof(block->data);

        memcpy(data, block->data, n);
    }
}
