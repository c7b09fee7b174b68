
/*
 * The store examined, for tests: nothing here runs in a worker's normal life.
 */


#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"


/* a message of n parts that is appended to a channel, in one step */

#define store_appended(ref, m, p, count)                                      \
    ((ngx_websocket_store_append_t) { .channel = ref, .message = m,           \
                                      .parts = p, .n = count })


/* fills all pieces of a large message */

#define store_fill(store, append)                                             \
    do { } while (ngx_websocket_store_fill_piece(store, append)               \
                  == NGX_WEBSOCKET_STORE_AGAIN)


typedef struct {
    ngx_websocket_store_t  *store;
    uint8_t                *seen;           /* per block */
    uint64_t                channels;
    uint64_t                messages;       /* garbage too */
    uint64_t                garbage;
    uint64_t                waste;          /* blocks of garbage */
    uint64_t                keys;           /* messages that bear one */
    uint64_t                members;
    uint64_t                unnumbered;     /* blocks */
    uint64_t                lists[3];       /* channels on them */
} ngx_websocket_store_check_t;


static const char *ngx_websocket_check_chain(ngx_websocket_store_check_t *check,
    ngx_websocket_ref_t first, ngx_websocket_ref_t end, uint32_t n);
static const char *ngx_websocket_check_free(ngx_websocket_store_check_t *check);
static const char *ngx_websocket_check_channels(
    ngx_websocket_store_check_t *check);
static const char *ngx_websocket_check_channel(
    ngx_websocket_store_check_t *check, ngx_websocket_ref_t ref);
static const char *ngx_websocket_check_use(ngx_websocket_store_check_t *check,
    ngx_websocket_channel_t *ch);
static const char *ngx_websocket_check_idle(ngx_websocket_store_check_t *check,
    ngx_websocket_list_t *list, uint8_t which);
static const char *ngx_websocket_check_entries(
    ngx_websocket_store_check_t *check, ngx_websocket_channel_t *ch);
static const char *ngx_websocket_check_messages(
    ngx_websocket_store_check_t *check, ngx_websocket_ref_t ref);
static const char *ngx_websocket_check_ephemeral(
    ngx_websocket_store_check_t *check, ngx_websocket_ref_t channel);
static const char *ngx_websocket_check_message(
    ngx_websocket_store_check_t *check, ngx_websocket_ref_t channel,
    ngx_websocket_ref_t ref, uint64_t offset);
static const char *ngx_websocket_check_reserves(
    ngx_websocket_store_check_t *check);
static const char *ngx_websocket_check_order(
    ngx_websocket_store_check_t *check);
static const char *ngx_websocket_check_keys(ngx_websocket_store_check_t *check);
static const char *ngx_websocket_check_members(
    ngx_websocket_store_check_t *check, ngx_websocket_ref_t channel);
static const char *ngx_websocket_check_workers(
    ngx_websocket_store_check_t *check);
static const char *ngx_websocket_check_list(ngx_websocket_store_check_t *check,
    ngx_websocket_list_t *list, uint32_t slot, uint64_t *n);
static const char *ngx_websocket_check_all(ngx_websocket_store_check_t *check);


/*
 * Examines the whole store: every block is free or reachable exactly once,
 * every list is in order, every count is right.  It may allocate from the
 * heap, and takes as long as it takes.  Returns NULL, or a constant string
 * that says what is wrong.
 */

const char *
ngx_websocket_store_check(ngx_websocket_store_t *store)
{
    const char                  *wrong;
    ngx_websocket_store_check_t  check;

    memset(&check, 0, sizeof(check));
    check.store = store;

    check.seen = calloc(store->nblocks, 1);
    if (check.seen == NULL) {
        return "no memory for the check";
    }

    wrong = ngx_websocket_check_all(&check);

    free(check.seen);

    return wrong;
}


static const char *
ngx_websocket_check_all(ngx_websocket_store_check_t *check)
{
    uint32_t                i;
    const char             *wrong;
    ngx_websocket_store_t  *store;

    store = check->store;

    if (store->nundo) {
        return "a change was not completed";
    }

    wrong = ngx_websocket_check_free(check);

    if (wrong == NULL) {
        wrong = ngx_websocket_check_channels(check);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_idle(check, &store->idle,
                                         NGX_WEBSOCKET_STORE_IDLE);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_idle(check, &store->garbage,
                                         NGX_WEBSOCKET_STORE_GARBAGE);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_order(check);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_keys(check);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_workers(check);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_reserves(check);
    }

    if (wrong) {
        return wrong;
    }

    for (i = 1; i < store->nblocks; i++) {
        if (check->seen[i] != (i < store->fresh)) {
            return "a block is neither free nor in use";
        }
    }

    if (store->nchannels != check->channels) {
        return "the number of channels is wrong";
    }

    if (store->waste != check->waste) {
        return "the number of garbage's blocks is wrong";
    }

    if (store->unnumbered != check->unnumbered) {
        return "ephemeral messages take other blocks than is counted";
    }

    return store->nmessages == check->messages - check->garbage
           ? NULL : "the number of messages is wrong";
}


/* n blocks in a chain, each of them met for the first time */

static const char *
ngx_websocket_check_chain(ngx_websocket_store_check_t *check,
    ngx_websocket_ref_t first, ngx_websocket_ref_t end, uint32_t n)
{
    ngx_websocket_ref_t     ref, last;
    ngx_websocket_block_t  *block;

    last = 0;

    for (ref = first; ref; ref = block->next) {

        if (ref >= check->store->fresh) {
            return "a link leads out of the region in use";
        }

        if (check->seen[ref]++) {
            return "a block is in use twice";
        }

        if (n-- == 0) {
            return "a chain is too long";
        }

        last = ref;
        block = ngx_websocket_store_block(check->store, ref);
    }

    if (n) {
        return "a chain is too short";
    }

    return last == end ? NULL : "a chain has another end";
}


static const char *
ngx_websocket_check_free(ngx_websocket_store_check_t *check)
{
    uint32_t                n;
    ngx_websocket_ref_t     ref, last;
    ngx_websocket_block_t  *block;

    last = 0;
    ref = check->store->free;

    for (n = 0; ref && n < check->store->listed; n++) {

        if (ref >= check->store->fresh) {
            return "the free list leads out of the region in use";
        }

        last = ref;
        block = ngx_websocket_store_block(check->store, ref);
        ref = block->next;
    }

    if (ref || n != check->store->listed) {
        return "the free list has another length";
    }

    return ngx_websocket_check_chain(check, check->store->free, last, n);
}


static const char *
ngx_websocket_check_channels(ngx_websocket_store_check_t *check)
{
    uint32_t                  i;
    const char               *wrong;
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    for (i = 0; i < check->store->nbuckets; i++) {

        for (ref = *ngx_websocket_store_bucket(check->store, i);
             ref;
             ref = ch->bucket)
        {
            ch = ngx_websocket_store_block(check->store, ref);

            wrong = ngx_websocket_check_channel(check, ref);

            if (wrong) {
                return wrong;
            }

            if (ngx_websocket_store_bucket(check->store, ch->hash)
                != ngx_websocket_store_bucket(check->store, i))
            {
                return "a channel is in the wrong bucket";
            }
        }
    }

    return NULL;
}


static const char *
ngx_websocket_check_channel(ngx_websocket_store_check_t *check,
    ngx_websocket_ref_t ref)
{
    const char               *wrong;
    ngx_websocket_ref_t       more;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_entries_t  *entries;

    if (ref >= check->store->fresh || check->seen[ref]++) {
        return "a channel's block is not its own";
    }

    ch = ngx_websocket_store_block(check->store, ref);
    check->channels += !ngx_websocket_store_is_quota(ch);

    if (*ngx_websocket_store_kind(check->store,
                                  ref) != NGX_WEBSOCKET_STORE_CHANNEL)
    {
        return "a channel is not marked as one";
    }

    if (ch->long_name && check->seen[ch->long_name]++) {
        return "a name's block is not its own";
    }

    for (more = ch->more; more; more = entries->next) {

        if (more >= check->store->fresh || check->seen[more]++) {
            return "a block of entries is not its own";
        }

        entries = ngx_websocket_store_block(check->store, more);
    }

    wrong = ngx_websocket_check_members(check, ref);

    if (wrong == NULL) {
        wrong = ngx_websocket_check_entries(check, ch);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_messages(check, ref);
    }

    if (wrong == NULL) {
        wrong = ngx_websocket_check_ephemeral(check, ref);
    }

    return wrong ? wrong : ngx_websocket_check_use(check, ch);
}


/* who is held by something is not idle; what is deleted holds garbage only */

static const char *
ngx_websocket_check_use(ngx_websocket_store_check_t *check,
    ngx_websocket_channel_t *ch)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    if (ch->list > NGX_WEBSOCKET_STORE_GARBAGE) {
        return "a channel is on a list that there is not";
    }

    check->lists[ch->list]++;

    if (ch->list == NGX_WEBSOCKET_STORE_GARBAGE) {
        check->garbage += ch->held.of.count
                          + ngx_websocket_store_ephemerals(check->store, ch);
        check->waste += ch->held.of.blocks;
    }

    if (ch->deleted
        ? ch->list != NGX_WEBSOCKET_STORE_GARBAGE
          && (ch->held.of.count || ch->ephemeral.first)
        : ch->list == NGX_WEBSOCKET_STORE_GARBAGE)
    {
        return "a channel is garbage, or not, by mistake";
    }

    if (ch->list != NGX_WEBSOCKET_STORE_IDLE) {
        return NULL;
    }

    for (i = 0; (entry = ngx_websocket_store_entry(check->store, ch,
                                                   i)); i++) {
        if (ngx_websocket_store_live(check->store, entry)) {
            return "a channel with subscribers is idle";
        }
    }

    return ch->deleted || ch->held.of.count || ch->members.first
           || ch->ephemeral.first
           ? "a channel is idle by mistake" : NULL;
}


static const char *
ngx_websocket_check_idle(ngx_websocket_store_check_t *check,
    ngx_websocket_list_t *list, uint8_t which)
{
    uint64_t                  n;
    ngx_websocket_ref_t       ref, prev;
    ngx_websocket_channel_t  *ch;

    prev = 0;

    for (n = 0, ref = list->first; ref; ref = ch->next) {

        ch = ngx_websocket_store_block(check->store, ref);

        if (ref >= check->store->fresh || ch->prev != prev || ch->list != which
            || *ngx_websocket_store_kind(check->store, ref)
               != NGX_WEBSOCKET_STORE_CHANNEL
            || ++n > check->lists[which])
        {
            return "a list of channels is wrong";
        }

        prev = ref;
    }

    return list->last != prev || n != check->lists[which]
           ? "a list of channels has another end or length" : NULL;
}


/* a worker's entry counts its members */

static const char *
ngx_websocket_check_entries(ngx_websocket_store_check_t *check,
    ngx_websocket_channel_t *ch)
{
    uint32_t                 i, n, total;
    ngx_websocket_ref_t      ref;
    ngx_websocket_entry_t   *entry;
    ngx_websocket_member_t  *m;

    total = 0;

    for (ref = ch->members.first; ref; ref = m->after) {
        m = ngx_websocket_store_block(check->store, ref);
        total += m->incarnation == check->store->workers[m->slot];
    }

    for (i = 0; (entry = ngx_websocket_store_entry(check->store, ch,
                                                   i)); i++) {

        if (!ngx_websocket_store_present(check->store, entry)) {
            continue;
        }

        for (n = 0, ref = ch->members.first; ref; ref = m->after) {
            m = ngx_websocket_store_block(check->store, ref);
            n += m->slot == entry->slot
                 && m->incarnation == entry->incarnation;
        }

        if (n != entry->members) {
            return "a worker counts other members";
        }

        total -= n;
    }

    return total ? "members are not counted" : NULL;
}


static const char *
ngx_websocket_check_messages(ngx_websocket_store_check_t *check,
    ngx_websocket_ref_t channel)
{
    uint32_t                  n, blocks;
    const char               *wrong;
    ngx_websocket_ref_t       ref, before;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ch = ngx_websocket_store_block(check->store, channel);

    before = 0;
    blocks = 0;
    ref = ch->first;

    for (n = 0; ref && n < ch->held.of.count; n++) {

        wrong = ngx_websocket_check_message(check, channel, ref, ch->offset
                                            - ch->held.of.count + 1 + n);
        if (wrong) {
            return wrong;
        }

        m = ngx_websocket_store_block(check->store, ref);

        if (m->before != before) {
            return "a message has another one before it";
        }

        before = ref;
        ref = m->after;
        blocks += m->blocks;
    }

    check->messages += n;

    if (blocks != ch->held.of.blocks) {
        return "a channel has another number of blocks";
    }

    if (ref || n != ch->held.of.count) {
        return "a channel has another number of messages";
    }

    return ch->last == before ? NULL : "a channel has another last message";
}


/* numbers without a hole, and offsets that do not fall */

static const char *
ngx_websocket_check_ephemeral(ngx_websocket_store_check_t *check,
    ngx_websocket_ref_t channel)
{
    uint64_t                  n, offset;
    const char               *wrong;
    ngx_websocket_ref_t       ref, before;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ch = ngx_websocket_store_block(check->store, channel);

    before = 0;
    offset = 0;
    n = ch->ephemerals - ngx_websocket_store_ephemerals(check->store, ch);

    for (ref = ch->ephemeral.first; ref; ref = m->after) {

        if (ref >= check->store->fresh) {
            return "an ephemeral message is out of the region in use";
        }

        m = ngx_websocket_store_block(check->store, ref);

        if (m->channel != channel || m->number != ++n || m->before != before
            || m->offset < offset || m->offset > ch->offset
            || (m->key[0] | m->key[1]))
        {
            return "an ephemeral message is out of order";
        }

        wrong = ngx_websocket_check_chain(check, ref, m->end, m->blocks);
        if (wrong) {
            return wrong;
        }

        before = ref;
        offset = m->offset;
        check->messages++;
        check->unnumbered += m->blocks;
    }

    return ch->ephemeral.last == before && n == ch->ephemerals
           ? NULL : "the ephemeral messages have another end";
}


static const char *
ngx_websocket_check_message(ngx_websocket_store_check_t *check,
    ngx_websocket_ref_t channel, ngx_websocket_ref_t ref, uint64_t offset)
{
    ngx_websocket_message_t  *m;

    if (ref >= check->store->fresh) {
        return "a message is out of the region in use";
    }

    m = ngx_websocket_store_block(check->store, ref);

    if (m->channel != channel) {
        return "a message is of another channel";
    }

    if (m->offset != offset) {
        return "a message has another offset";
    }

    check->keys += (m->key[0] | m->key[1]) != 0;

    if (m->jump_offset >= m->offset) {
        return "a jump leads forward";
    }

    return ngx_websocket_check_chain(check, ref, m->end, m->blocks);
}


/* what workers fill: of those that live */

static const char *
ngx_websocket_check_reserves(ngx_websocket_store_check_t *check)
{
    uint32_t                  i;
    const char               *wrong;
    ngx_websocket_reserve_t  *reserve;

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {

        reserve = &check->store->reserves[i];

        wrong = ngx_websocket_check_chain(check, reserve->first,
                                          reserve->last, reserve->blocks);
        if (wrong) {
            return wrong;
        }

        if (reserve->blocks && check->store->workers[i] == 0) {
            return "nobody has reserved blocks";
        }
    }

    return NULL;
}


/* the list of all messages, oldest first */

static const char *
ngx_websocket_check_order(ngx_websocket_store_check_t *check)
{
    int                       hand, dumping;
    uint64_t                  n;
    ngx_websocket_ref_t       ref, older;
    ngx_websocket_message_t  *m;

    older = 0;
    ref = check->store->oldest;
    hand = check->store->hand == 0;
    dumping = check->store->dumping == 0;

    for (n = 0; ref && n < check->messages; n++) {

        m = ngx_websocket_store_block(check->store, ref);

        if (m->older != older) {
            return "a message has another older one";
        }

        hand |= check->store->hand == ref;
        dumping |= check->store->dumping == ref;
        older = ref;
        ref = m->newer;
    }

    if (ref || n != check->messages) {
        return "the list of all messages has another length";
    }

    if (!hand || !dumping) {
        return "the hand, or a dump, is at a message that is gone";
    }

    return check->store->newest == older
           ? NULL : "another message is the newest";
}


/* each message with a key is in its bucket, once */

static const char *
ngx_websocket_check_keys(ngx_websocket_store_check_t *check)
{
    uint32_t                  i;
    uint64_t                  n;
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    n = 0;

    for (i = 0; i < check->store->nbuckets; i++) {

        for (ref = *ngx_websocket_store_keys(check->store,
                                             i); ref; ref = m->same)
        {
            m = ngx_websocket_store_block(check->store, ref);

            if (ngx_websocket_store_keys(check->store, m->key[0])
                != ngx_websocket_store_keys(check->store, i))
            {
                return "a key is in the wrong bucket";
            }

            if (++n > check->keys) {
                return "there are too many keys";
            }
        }
    }

    return n == check->keys ? NULL : "a key is missing";
}


static const char *
ngx_websocket_check_members(ngx_websocket_store_check_t *check,
    ngx_websocket_ref_t channel)
{
    size_t                    size;
    uint32_t                  n;
    ngx_websocket_ref_t       ref, before, next;
    ngx_websocket_block_t    *block;
    ngx_websocket_member_t   *m;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(check->store, channel);
    before = 0;
    ref = ch->members.first;

    for (n = 0; ref; n++) {

        if (ref >= check->store->fresh || check->seen[ref]++) {
            return "a member's block is not its own";
        }

        m = ngx_websocket_store_block(check->store, ref);

        if (m->channel != channel || m->before != before
            || *ngx_websocket_store_kind(check->store, ref)
               != NGX_WEBSOCKET_STORE_MEMBER)
        {
            return "a member is of another channel";
        }

        block = ngx_websocket_store_block(check->store, ref);
        next = block->next;

        for (size = sizeof(m->data); size < m->size;
             size += sizeof(block->data))
        {
            if (next == 0 || next >= check->store->fresh
                || check->seen[next]++)
            {
                return "a member's further block is not its own";
            }

            block = ngx_websocket_store_block(check->store, next);
            next = block->next;
        }

        if (next) {
            return "a member has a block too many";
        }

        before = ref;
        ref = m->after;
    }

    check->members += n;

    return ch->members.last != before ? "a channel has other members" : NULL;
}


/* each member is on one list of its worker's or of the orphans */

static const char *
ngx_websocket_check_workers(ngx_websocket_store_check_t *check)
{
    uint32_t     i;
    uint64_t     n;
    const char  *wrong;

    n = 0;
    wrong = ngx_websocket_check_list(check, &check->store->orphans,
                                     NGX_WEBSOCKET_STORE_WORKERS, &n);

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS && wrong == NULL; i++) {
        wrong = ngx_websocket_check_list(check, &check->store->members[i], i,
                                         &n);
    }

    if (wrong) {
        return wrong;
    }

    return n == check->members ? NULL : "a member is on no worker's list";
}


static const char *
ngx_websocket_check_list(ngx_websocket_store_check_t *check,
    ngx_websocket_list_t *list, uint32_t slot, uint64_t *n)
{
    ngx_websocket_ref_t      ref, before;
    ngx_websocket_member_t  *m;

    before = 0;

    for (ref = list->first; ref; ref = m->worker_after) {

        m = ngx_websocket_store_block(check->store, ref);

        if (m->worker_before != before || ++*n > check->members) {
            return "a worker's list of members is wrong";
        }

        if (slot != NGX_WEBSOCKET_STORE_WORKERS
            ? m->slot != slot
              || m->incarnation != check->store->workers[slot]
            : m->incarnation == check->store->workers[m->slot])
        {
            return "a member is on another's list";
        }

        before = ref;
    }

    return list->last == before ? NULL : "a list has another end";
}
