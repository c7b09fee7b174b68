
#include <string.h>

#include "store/message.h"
#include "store/channel.h"
#include "store/ephemeral.h"
#include "store/numbered.h"
#include "store/store_private.h"


#define NGX_WEBSOCKET_STORE_FIRST                                             \
    (NGX_WEBSOCKET_STORE_BLOCK - offsetof(ngx_websocket_message_t, data))

#define NGX_WEBSOCKET_STORE_REST                                              \
    (NGX_WEBSOCKET_STORE_BLOCK - offsetof(ngx_websocket_block_t, data))


/* a place in the chain of a message's blocks */

typedef struct {
    ngx_websocket_store_t  *store;
    ngx_websocket_ref_t     next;
    uint8_t                *p;
    size_t                  left;           /* in this block */
} ngx_websocket_store_place_t;


static uint64_t ngx_websocket_store_blocks(uint64_t size);
static int ngx_websocket_store_kept(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now, uint32_t more);
static int ngx_websocket_store_over(ngx_websocket_channel_t *ch,
    uint32_t more);
static int ngx_websocket_store_young(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now);
static uint64_t ngx_websocket_store_shown_since(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint64_t first);
static int ngx_websocket_store_read_by_all(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint64_t offset);
static int ngx_websocket_store_evict(ngx_websocket_store_t *store,
    uint64_t now, ngx_websocket_ref_t keep, uint32_t *left);
static int ngx_websocket_store_evict_message(ngx_websocket_store_t *store,
    uint64_t now, uint32_t *left);
static int ngx_websocket_store_may_go(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref, uint64_t now);
static void ngx_websocket_store_let_go(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref);
static int ngx_websocket_store_measure(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_put_t *put,
    uint32_t more);
static void ngx_websocket_store_clamp(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_put_t *put);
static void ngx_websocket_store_write(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put);
static ngx_websocket_ref_t ngx_websocket_store_acquire(
    ngx_websocket_store_t *store, ngx_websocket_store_put_t *put,
    ngx_websocket_ref_t *end);
static void ngx_websocket_store_refill(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append);
static int ngx_websocket_store_fill_part(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put, size_t most, size_t *size);
static int ngx_websocket_store_renumber(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put);
static void ngx_websocket_store_move(ngx_websocket_store_t *store, uint32_t n,
    ngx_websocket_reserve_t *reserve);
static int ngx_websocket_store_unwanted(ngx_websocket_channel_t *ch,
    ngx_websocket_store_put_t *put);
static int ngx_websocket_store_read_piece(ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_message_t *m, ngx_websocket_store_place_t *place,
    uint8_t *buf);
static const ngx_websocket_store_part_t *ngx_websocket_store_part(
    ngx_websocket_store_put_t *put, size_t i);
static void ngx_websocket_store_number(ngx_websocket_store_put_t *put);
static ngx_websocket_message_t *ngx_websocket_store_same(
    ngx_websocket_store_t *store, ngx_websocket_ref_t channel,
    const uint64_t key[2]);
static int ngx_websocket_store_accept(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append);
static int ngx_websocket_store_known(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append, const ngx_websocket_message_t *m);
static void ngx_websocket_store_forget_key(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref);
static void ngx_websocket_store_link(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, ngx_websocket_ref_t ref);
static void ngx_websocket_store_order_last(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref);
static void ngx_websocket_store_set_jump(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_message_t *m);
static uint64_t ngx_websocket_store_first(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);
static ngx_websocket_ref_t ngx_websocket_store_search(
    ngx_websocket_store_t *store, ngx_websocket_channel_t *ch, uint64_t offset);
static ngx_websocket_ref_t ngx_websocket_store_next(
    ngx_websocket_store_t *store, ngx_websocket_channel_t *ch,
    ngx_websocket_store_cursor_t *cursor);
static void ngx_websocket_store_properties(ngx_websocket_message_t *m,
    ngx_websocket_store_message_t *message);
static int ngx_websocket_store_readable(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor);
static int ngx_websocket_store_renewed(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_cursor_t *cursor);
static uint64_t ngx_websocket_store_left(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor);
static void ngx_websocket_store_advance(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor, ngx_websocket_ref_t ref,
    uint64_t next);
static void ngx_websocket_store_begin(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref, ngx_websocket_store_place_t *place);
static void ngx_websocket_store_spot(
    const ngx_websocket_store_place_t *place, ngx_websocket_store_spot_t *spot);
static void ngx_websocket_store_return(ngx_websocket_store_t *store,
    const ngx_websocket_store_spot_t *spot, ngx_websocket_store_place_t *place);
static void ngx_websocket_store_copy(ngx_websocket_store_place_t *place,
    uint8_t *out, const uint8_t *in, size_t size);


const uint8_t  ngx_websocket_store_offset[1];


static uint64_t
ngx_websocket_store_blocks(uint64_t size)
{
    if (size <= NGX_WEBSOCKET_STORE_FIRST) {
        return 1;
    }

    size -= NGX_WEBSOCKET_STORE_FIRST;

    return 1 + (size + NGX_WEBSOCKET_STORE_REST - 1) / NGX_WEBSOCKET_STORE_REST;
}


void
ngx_websocket_store_drop_first(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m, *other;

    ch = ngx_websocket_store_block(store, channel);
    ref = ch->first;
    m = ngx_websocket_store_block(store, ref);

    ngx_websocket_store_set32(store, &ch->first, m->after);
    ngx_websocket_store_hold(store, ch, (uint32_t) -1, (uint32_t) -m->blocks);

    if (m->after) {
        other = ngx_websocket_store_block(store, m->after);
        ngx_websocket_store_set32(store, &other->before, 0);

    } else {
        ngx_websocket_store_set32(store, &ch->last, 0);
    }

    if (m->key[0] | m->key[1]) {
        ngx_websocket_store_forget_key(store, ref);
    }

    if (ch->list == NGX_WEBSOCKET_STORE_GARBAGE) {
        ngx_websocket_store_set32(store, &store->waste,
                                  store->waste - m->blocks);
    }

    ngx_websocket_store_free_message(store, ref);
    ngx_websocket_store_commit(store);
}


void
ngx_websocket_store_free_message(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m, *other;

    m = ngx_websocket_store_block(store, ref);
    ch = ngx_websocket_store_block(store, m->channel);

    if (m->older) {
        other = ngx_websocket_store_block(store, m->older);
        ngx_websocket_store_set32(store, &other->newer, m->newer);

    } else {
        ngx_websocket_store_set32(store, &store->oldest, m->newer);
    }

    if (m->newer) {
        other = ngx_websocket_store_block(store, m->newer);
        ngx_websocket_store_set32(store, &other->older, m->older);

    } else {
        ngx_websocket_store_set32(store, &store->newest, m->older);
    }

    if (store->hand == ref) {
        ngx_websocket_store_set32(store, &store->hand, m->newer);
    }

    if (store->dumping == ref) {
        ngx_websocket_store_set32(store, &store->dumping, m->older);
    }

    if (ch->list != NGX_WEBSOCKET_STORE_GARBAGE) {
        ngx_websocket_store_set64(store, &store->nmessages,
                                  store->nmessages - 1);
    }

    ngx_websocket_store_give(store, ref, m->end, m->blocks);
}


/*
 * Whether the channel's oldest message is within its history, when this has so
 * many more blocks.
 */

static int
ngx_websocket_store_kept(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now, uint32_t more)
{
    if (ch->deleted || ch->held.of.count > ch->length
        || ngx_websocket_store_over(ch, more))
    {
        return 0;
    }

    return ngx_websocket_store_young(ch, m, now);
}


static int
ngx_websocket_store_over(ngx_websocket_channel_t *ch, uint32_t more)
{
    return ch->max && (uint64_t) ch->held.of.blocks + more > ch->max;
}


static int
ngx_websocket_store_young(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now)
{
    return ch->time == 0
           || ngx_websocket_store_age(now,
                                      m->time) < (uint64_t) ch->time * 1000;
}


uint64_t
ngx_websocket_store_shown(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    uint64_t  n;

    n = ch->held.of.count < ch->length ? ch->held.of.count : ch->length;

    if (n == 0 || ch->deleted) {
        return ch->offset + 1;
    }

    if (ch->time == 0) {
        return ch->offset + 1 - n;
    }

    return ngx_websocket_store_shown_since(store, ch, ch->offset + 1 - n);
}


/* the offset of the oldest message from first on that is not too old */

static uint64_t
ngx_websocket_store_shown_since(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint64_t first)
{
    uint64_t                  now;
    ngx_websocket_message_t  *m, *other;

    now = store->now;
    m = ngx_websocket_store_block(store, ch->first);

    /* most often the channel's first message is the one */

    if (m->offset == first && ngx_websocket_store_young(ch, m, now)) {
        return first;
    }

    m = ngx_websocket_store_block(store, ch->last);

    if (!ngx_websocket_store_young(ch, m, now)) {
        return ch->offset + 1;
    }

    while (m->offset > first) {

        other = ngx_websocket_store_block(store, m->jump);

        if (m->jump_offset < first
            || !ngx_websocket_store_young(ch, other, now))
        {
            other = ngx_websocket_store_block(store, m->before);

            if (!ngx_websocket_store_young(ch, other, now)) {
                break;
            }
        }

        m = other;
    }

    return m->offset;
}


static int
ngx_websocket_store_read_by_all(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint64_t offset)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    /* readers of a deleted channel get DELETED and no message */

    if (ch->deleted) {
        return 1;
    }

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (entry->read < offset && ngx_websocket_store_live(store, entry)) {
            return 0;
        }
    }

    return 1;
}


uint32_t
ngx_websocket_store_trim(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint32_t more, uint32_t max)
{
    uint32_t                  n;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ch = ngx_websocket_store_block(store, channel);

    for (n = 0; ch->held.of.count && n < max; n++) {

        m = ngx_websocket_store_block(store, ch->first);

        if (ngx_websocket_store_kept(ch, m, now, more)
            || !ngx_websocket_store_read_by_all(store, ch, m->offset))
        {
            break;
        }

        ngx_websocket_store_looked(1);
        ngx_websocket_store_drop_first(store, channel);
    }

    return n;
}


int
ngx_websocket_store_make_room(ngx_websocket_store_t *store, uint32_t n,
    uint64_t now, ngx_websocket_ref_t keep, uint32_t max)
{
    int  rc;

    while (ngx_websocket_store_free_blocks(store) < n) {

        if (max == 0) {
            return NGX_WEBSOCKET_STORE_AGAIN;
        }

        rc = ngx_websocket_store_evict(store, now, keep, &max);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            return rc;
        }
    }

    ngx_websocket_store_list(store, n);

    return NGX_WEBSOCKET_STORE_OK;
}


/* makes some room, and subtracts from *left what it looked at */

static int
ngx_websocket_store_evict(ngx_websocket_store_t *store, uint64_t now,
    ngx_websocket_ref_t keep, uint32_t *left)
{
    int  known;

    if (store->garbage.first) {
        *left -= ngx_websocket_store_clean(store, 1);
        return NGX_WEBSOCKET_STORE_OK;
    }

    if (ngx_websocket_store_evict_channel(store, keep)) {
        --*left;
        return NGX_WEBSOCKET_STORE_OK;
    }

    known = store->looked >= store->nmessages
            && ngx_websocket_store_age(now, store->full)
               < NGX_WEBSOCKET_STORE_RETRY;

    if (!known && store->looked >= store->nmessages) {
        ngx_websocket_store_fault();
        store->looked = 0;
    }

    if (ngx_websocket_store_evict_message(store, now, left)) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    if (store->looked < store->nmessages) {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    if (!known) {
        ngx_websocket_store_fault();
        store->full = now;
    }

    if (!ngx_websocket_store_evict_orphaned(store, keep)) {
        return NGX_WEBSOCKET_STORE_NOSPACE;
    }

    /* the search for messages may have used up what was left */

    *left -= *left ? 1 : 0;

    return NGX_WEBSOCKET_STORE_OK;
}


/* drops a message that no live worker has to read; 1 if it found one */

static int
ngx_websocket_store_evict_message(ngx_websocket_store_t *store, uint64_t now,
    uint32_t *left)
{
    uint64_t                  n;
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    if (store->oldest && ngx_websocket_store_may_go(store, store->oldest,
                                                    now)) {
        --*left;
        ngx_websocket_store_let_go(store, store->oldest);
        return 1;
    }

    /*
     * searches behind the unread messages, from where the last search has ended
     */

    for (n = 0; *left && n < store->nmessages; n++) {

        --*left;
        ref = store->hand ? store->hand : store->oldest;

        if (ngx_websocket_store_may_go(store, ref, now)) {
            ngx_websocket_store_let_go(store, ref);
            return 1;
        }

        m = ngx_websocket_store_block(store, ref);

        ngx_websocket_store_fault();
        store->hand = m->newer;

        ngx_websocket_store_fault();
        store->looked++;
    }

    return 0;
}


static int
ngx_websocket_store_may_go(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref, uint64_t now)
{
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ngx_websocket_store_looked(1);

    m = ngx_websocket_store_block(store, ref);
    ch = ngx_websocket_store_block(store, m->channel);

    if (ch->ephemeral.first == ref) {
        return ngx_websocket_store_ephemeral_over(store, ch, m, now);
    }

    return ch->first == ref
           && (ngx_websocket_store_read_by_all(store, ch, m->offset)
               || ngx_websocket_store_age(now, m->time)
                  >= NGX_WEBSOCKET_STORE_HUNG);
}


static void
ngx_websocket_store_let_go(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_ref_t       channel;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    m = ngx_websocket_store_block(store, ref);
    channel = m->channel;
    ch = ngx_websocket_store_block(store, channel);

    if (ch->ephemeral.first == ref) {
        ngx_websocket_store_drop_ephemeral(store, channel);

    } else {
        ngx_websocket_store_drop_first(store, channel);
    }

    if (ch->held.of.count == 0) {
        ngx_websocket_store_settle(store, channel);
    }

    if (store->looked) {
        ngx_websocket_store_fault();
        store->looked = 0;
    }
}


int
ngx_websocket_store_append(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append)
{
    int                        rc;
    ngx_websocket_store_put_t  put;

    rc = ngx_websocket_store_accept(store, append);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        rc = ngx_websocket_store_prepare(store, append, &put, 0);
    }

    if (rc == NGX_WEBSOCKET_STORE_OK && append->large) {
        rc = ngx_websocket_store_renumber(store, &put);
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    if (append->at) {
        ngx_websocket_store_begin_at(store, append->channel, append->epoch,
                                     append->at - 1);
    }

    ngx_websocket_store_put(store, &put);
    ngx_websocket_store_commit(store);
    ngx_websocket_store_tell(store, &put);

    if (append->info) {
        ngx_websocket_store_info(store, append->channel, append->info);
    }

    return NGX_WEBSOCKET_STORE_OK;
}


/* OK, where the channel does not know the message, and has not ended */

static int
ngx_websocket_store_accept(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append)
{
    ngx_websocket_channel_t        *ch;
    ngx_websocket_message_t        *m;
    ngx_websocket_store_message_t  *message;

    message = append->message;

    m = message->ephemeral || append->at ? NULL
        : ngx_websocket_store_same(store, append->channel, message->key);

    if (m) {
        return ngx_websocket_store_known(store, append, m);
    }

    ch = ngx_websocket_store_block(store, append->channel);

    return ch->ended ? NGX_WEBSOCKET_STORE_ENDED : NGX_WEBSOCKET_STORE_OK;
}


/* the message's key is that of m, which is there: nobody is to be woken */

static int
ngx_websocket_store_known(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append, const ngx_websocket_message_t *m)
{
    if ((uint32_t) m->key[1] != append->message->digest) {
        return NGX_WEBSOCKET_STORE_MISMATCH;
    }

    append->message->offset = m->offset;
    append->message->time = m->time;

    memset(&append->wake, 0, sizeof(ngx_websocket_store_wake_t));

    if (append->info) {
        ngx_websocket_store_info(store, append->channel, append->info);
    }

    return NGX_WEBSOCKET_STORE_DUPLICATE;
}


int
ngx_websocket_store_reserve(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append)
{
    int                           rc;
    uint32_t                      blocks;
    ngx_websocket_channel_t      *ch;
    ngx_websocket_reserve_t      *reserve;
    ngx_websocket_store_put_t     put;
    ngx_websocket_store_large_t  *large;

    put.append = append;
    put.message = append->message;

    large = append->large;
    reserve = &store->reserves[append->slot];
    ch = ngx_websocket_store_block(store, append->channel);

    /* making room could drop the very message that the key is of */

    rc = append->at ? ngx_websocket_store_fits(store, append)
                    : ngx_websocket_store_accept(store, append);

    if (rc != NGX_WEBSOCKET_STORE_OK) {

        if (append->at && append->info) {
            ngx_websocket_store_info(store, append->channel, append->info);
        }

        return rc;
    }

    if (ngx_websocket_store_measure(store, ch, &put, 0)
        != NGX_WEBSOCKET_STORE_OK)
    {
        return NGX_WEBSOCKET_STORE_NOSPACE;
    }

    put.live = ngx_websocket_store_wake(store, ch, NULL);

    large->reserved = reserve->blocks;

    if (reserve->blocks >= put.blocks) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    if (ngx_websocket_store_unwanted(ch, &put)) {

        /* fill() need not copy it */

        large->reserved = 0;
        return NGX_WEBSOCKET_STORE_OK;
    }

    blocks = put.blocks - reserve->blocks;
    blocks = blocks < NGX_WEBSOCKET_STORE_TAKE ? blocks
                                               : NGX_WEBSOCKET_STORE_TAKE;

    rc = ngx_websocket_store_make_room(store, blocks,
                                       append->at ? append->now
                                                  : append->message->time,
                                       append->channel,
                                       NGX_WEBSOCKET_STORE_RESERVE);

    if (rc == NGX_WEBSOCKET_STORE_NOSPACE) {
        return rc;
    }

    if (rc == NGX_WEBSOCKET_STORE_AGAIN) {

        /*
         * takes the blocks that are free already, or others would take them
         * meanwhile
         */

        blocks = ngx_websocket_store_free_blocks(store);
    }

    if (blocks) {
        ngx_websocket_store_list(store, blocks);
        ngx_websocket_store_move(store, blocks, reserve);
    }

    large->reserved = reserve->blocks;

    return reserve->blocks >= put.blocks ? NGX_WEBSOCKET_STORE_OK
                                         : NGX_WEBSOCKET_STORE_AGAIN;
}


/* takes n blocks and adds them to a worker's reserve */

static void
ngx_websocket_store_move(ngx_websocket_store_t *store, uint32_t n,
    ngx_websocket_reserve_t *reserve)
{
    ngx_websocket_ref_t     first, end;
    ngx_websocket_block_t  *last;

    first = ngx_websocket_store_take(store, n, &end);
    last = ngx_websocket_store_block(store, reserve->last);

    ngx_websocket_store_set32(store, reserve->blocks ? &last->next
                                                   : &reserve->first, first);
    ngx_websocket_store_set32(store, &reserve->last, end);
    ngx_websocket_store_set32(store, &reserve->blocks, reserve->blocks + n);
    ngx_websocket_store_commit(store);
}


void
ngx_websocket_store_unreserve(ngx_websocket_store_t *store, uint32_t slot)
{
    ngx_websocket_store_forgo(store, slot);
    ngx_websocket_store_commit(store);
}


void
ngx_websocket_store_forgo(ngx_websocket_store_t *store, uint32_t slot)
{
    ngx_websocket_reserve_t  *reserve;

    reserve = &store->reserves[slot];

    if (reserve->blocks == 0) {
        return;
    }

    ngx_websocket_store_give(store, reserve->first, reserve->last,
                             reserve->blocks);

    ngx_websocket_store_set32(store, &reserve->first, 0);
    ngx_websocket_store_set32(store, &reserve->last, 0);
    ngx_websocket_store_set32(store, &reserve->blocks, 0);
}


/*
 * No other process touches the blocks: the slot keeps its incarnation as long
 * as the worker lives.
 */

int
ngx_websocket_store_fill_piece(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append)
{
    size_t                        size, left;
    ngx_websocket_store_put_t     put;
    ngx_websocket_store_large_t  *large;

    large = append->large;

    if (large->reserved == 0) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    put.append = append;
    put.message = append->message;

    ngx_websocket_store_number(&put);

    if ((large->part == 0 && large->done == 0)
        || (large->digits && large->digits != put.offset.size))
    {
        ngx_websocket_store_refill(store, append);
    }

    for (left = NGX_WEBSOCKET_STORE_FILL;
         left;
         left = left > size ? left - size : 0)
    {

        if (large->part == append->n) {
            return NGX_WEBSOCKET_STORE_OK;
        }

        if (ngx_websocket_store_fill_part(store, &put, left, &size) != 0) {
            return NGX_WEBSOCKET_STORE_NOSPACE;
        }
    }

    return NGX_WEBSOCKET_STORE_AGAIN;
}


/* begins a message's copy from its first byte */

static void
ngx_websocket_store_refill(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append)
{
    ngx_websocket_store_large_t  *large;
    ngx_websocket_store_place_t   place;

    large = append->large;

    ngx_websocket_store_begin(store, store->reserves[append->slot].first,
                              &place);
    ngx_websocket_store_spot(&place, &large->end);

    large->part = 0;
    large->done = 0;
    large->digits = 0;
}


/* as much of a part as there is, and may be: sets *size; -1 if it is not had */

static int
ngx_websocket_store_fill_part(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put, size_t most, size_t *size)
{
    const uint8_t                     *data;
    ngx_websocket_store_place_t        place;
    ngx_websocket_store_large_t       *large;
    const ngx_websocket_store_part_t  *part;

    large = put->append->large;
    part = ngx_websocket_store_part(put, large->part);

    *size = part->size - large->done;

    if (part == &put->offset) {

        /* one piece is copied in this call: a part may need more of them */

        large->own = large->end;
        large->offset = put->message->offset;
        large->digits = put->offset.size;

    } else if (*size > most) {
        *size = most;
    }

    if (*size) {
        data = part->data ? part->data + large->done
                          : put->append->read(put->append->reader, large->part,
                                              large->done, *size);
        if (data == NULL) {
            return -1;
        }

        ngx_websocket_store_return(store, &large->end, &place);
        ngx_websocket_store_copy(&place, NULL, data, *size);
        ngx_websocket_store_spot(&place, &large->end);
    }

    large->done += *size;

    if (large->done == part->size) {
        large->part++;
        large->done = 0;
    }

    return 0;
}


/*
 * Writes the message's own offset again where others have published since it
 * was filled.
 */

static int
ngx_websocket_store_renumber(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put)
{
    ngx_websocket_store_place_t   place;
    ngx_websocket_store_large_t  *large;

    large = put->append->large;

    if (put->blocks == 0) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    if (put->reserve->blocks < put->blocks) {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    if (large->digits == 0 || large->offset == put->message->offset) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    if (large->digits != put->offset.size) {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    ngx_websocket_store_return(store, &large->own, &place);
    ngx_websocket_store_copy(&place, NULL, put->offset.data, put->offset.size);

    return NGX_WEBSOCKET_STORE_OK;
}


/* the message of the channel that has the key, or NULL */

static ngx_websocket_message_t *
ngx_websocket_store_same(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, const uint64_t key[2])
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    if ((key[0] | key[1]) == 0) {
        return NULL;
    }

    for (ref = *ngx_websocket_store_keys(store, key[0]); ref; ref = m->same) {

        m = ngx_websocket_store_block(store, ref);

        if (m->channel == channel && m->key[0] == key[0]
            && m->key[1] >> 32 == key[1] >> 32)
        {
            return m;
        }
    }

    return NULL;
}


static void
ngx_websocket_store_forget_key(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_ref_t      *p;
    ngx_websocket_message_t  *m, *other;

    m = ngx_websocket_store_block(store, ref);
    p = ngx_websocket_store_keys(store, m->key[0]);

    while (*p != ref) {
        other = ngx_websocket_store_block(store, *p);
        p = &other->same;
    }

    ngx_websocket_store_set32(store, p, m->same);
}


int
ngx_websocket_store_prepare(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append, ngx_websocket_store_put_t *put,
    uint32_t more)
{
    int                       rc;
    uint32_t                  n, numbered;
    uint64_t                  now;
    ngx_websocket_ref_t       channel;
    ngx_websocket_channel_t  *ch;

    put->append = append;
    put->message = append->message;
    put->reserve = append->large ? &store->reserves[append->slot] : NULL;
    put->now = append->now;

    channel = append->channel;
    ch = ngx_websocket_store_block(store, channel);

    if (ngx_websocket_store_measure(store, ch, put, more)
        != NGX_WEBSOCKET_STORE_OK)
    {
        return NGX_WEBSOCKET_STORE_NOSPACE;
    }

    ngx_websocket_store_clamp(store, ch, put);
    now = put->now;

    ngx_websocket_store_tick(store, now);

    numbered = put->message->ephemeral ? 0 : put->blocks;

    n = ngx_websocket_store_trim(store, channel, now, numbered,
                                 NGX_WEBSOCKET_STORE_TRIM);

    (void) ngx_websocket_store_trim_ephemeral(store, channel, now,
                                              NGX_WEBSOCKET_STORE_TRIM);

    put->live = ngx_websocket_store_wake(store, ch, &append->wake);

    if (ngx_websocket_store_unwanted(ch, put)) {
        put->blocks = 0;
        numbered = 0;
    }

    if (n == NGX_WEBSOCKET_STORE_TRIM && !put->message->ephemeral
        && ngx_websocket_store_over(ch, numbered))
    {
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    if (put->reserve) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    rc = ngx_websocket_store_make_room(store, put->blocks + more, now, channel,
                                       NGX_WEBSOCKET_STORE_ROOM);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_websocket_store_settle(store, channel);
    }

    return rc;
}


/* whether neither a reader nor the history needs the message */

static int
ngx_websocket_store_unwanted(ngx_websocket_channel_t *ch,
    ngx_websocket_store_put_t *put)
{
    if (put->message->ephemeral) {
        return put->live == 0
               || (put->message->end && put->message->size == 0);
    }

    return put->live == 0 && ch->length == 0 && ch->held.of.count == 0;
}


/* sets the message's size, blocks and offset; NOSPACE if it can never fit */

static int
ngx_websocket_store_measure(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_put_t *put, uint32_t more)
{
    size_t    i;
    uint64_t  size, blocks;

    put->message->offset = put->append->at
                           ? put->append->at
                           : ch->offset + !put->message->ephemeral;

    for (size = 0, i = 0; i < put->append->n; i++) {

        if (put->append->parts[i].data == ngx_websocket_store_offset) {
            ngx_websocket_store_number(put);
        }

        size += ngx_websocket_store_part(put, i)->size;
    }

    blocks = ngx_websocket_store_blocks(size);

    /*
     * the message could not fit even if nothing but its channel were in the
     * region
     */

    if (size > UINT32_MAX
        || blocks > NGX_WEBSOCKET_STORE_BLOCKS_MAX
        || blocks + more + ngx_websocket_store_own_blocks(store, ch)
           >= store->nblocks)
    {
        return NGX_WEBSOCKET_STORE_NOSPACE;
    }

    put->message->size = (uint32_t) size;
    put->blocks = (uint32_t) blocks;

    return NGX_WEBSOCKET_STORE_OK;
}


/*
 * The caller took the time before it waited for the lock.  Times of a channel's
 * messages must be in order, as the search relies on it, and a message must not
 * be too old when it is appended.  A message that has its offset already was
 * somewhere else before: it may be older, but not of the future.
 */

static void
ngx_websocket_store_clamp(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_put_t *put)
{
    uint64_t                        now, least;
    ngx_websocket_store_message_t  *message;

    message = put->message;
    now = store->now > ch->published ? store->now : ch->published;
    least = now;

    if (put->append->at) {
        put->now = put->now > now ? put->now : now;
        least = ch->published;

        if (message->time > put->now) {
            message->time = put->now;
            message->fraction = 0;
        }
    }

    if (message->time < least) {
        message->time = least;
        message->fraction = 0;
    }

    if (put->append->at == 0) {
        put->now = message->time;
    }
}


static const ngx_websocket_store_part_t *
ngx_websocket_store_part(ngx_websocket_store_put_t *put, size_t i)
{
    const ngx_websocket_store_part_t  *part;

    part = &put->append->parts[i];

    return part->data == ngx_websocket_store_offset ? &put->offset : part;
}


static void
ngx_websocket_store_number(ngx_websocket_store_put_t *put)
{
    uint8_t   *p;
    uint64_t   n;

    p = put->digits + sizeof(put->digits);
    n = put->message->offset;

    do {
        *--p = (uint8_t) ('0' + n % 10);
        n /= 10;
    } while (n);

    put->offset.data = p;
    put->offset.size = (size_t) (put->digits + sizeof(put->digits) - p);
}


void
ngx_websocket_store_put(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, put->append->channel);

    if (put->message->end) {
        ngx_websocket_store_set8(store, &ch->ended, 1);
    }

    if (put->blocks) {
        ngx_websocket_store_write(store, put);
        return;
    }

    if (put->message->ephemeral) {
        return;
    }

    ngx_websocket_store_set64(store, &ch->offset, put->message->offset);
    ngx_websocket_store_set64(store, &ch->published, put->message->time);
}


void
ngx_websocket_store_tell(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put)
{
    ngx_websocket_ref_t       channel;
    ngx_websocket_channel_t  *ch;

    channel = put->append->channel;
    ch = ngx_websocket_store_block(store, channel);

    ngx_websocket_store_trim(store, channel, put->now, 0,
                             NGX_WEBSOCKET_STORE_TRIM);

    if (ch->held.of.count == 0) {
        ngx_websocket_store_settle(store, channel);
    }

    ngx_websocket_store_fault();
    ch->active = put->now;

    if (put->live) {

        /* the offset of an ephemeral message is not new to readers */

        ngx_websocket_store_publish_hint(store, channel,
                                         put->message->ephemeral
                                         ? 0 : put->message->offset);
    }
}


uint32_t
ngx_websocket_store_wake(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_wake_t *wake)
{
    uint32_t                i, n;
    ngx_websocket_entry_t  *entry;

    if (wake) {
        memset(wake, 0, sizeof(ngx_websocket_store_wake_t));
    }

    for (n = 0, i = 0; (entry = ngx_websocket_store_entry(store, ch,
                                                          i)); i++) {

        if (!ngx_websocket_store_live(store, entry)) {
            continue;
        }

        n++;

        if (wake) {
            wake->slots[entry->slot / 64] |= (uint64_t) 1 << entry->slot % 64;
        }
    }

    return n;
}


static void
ngx_websocket_store_write(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put)
{
    size_t                             i;
    ngx_websocket_ref_t                ref, end, channel;
    ngx_websocket_channel_t           *ch;
    ngx_websocket_message_t           *m;
    ngx_websocket_store_place_t        place;
    ngx_websocket_store_message_t     *message;
    const ngx_websocket_store_part_t  *part;

    message = put->message;
    channel = put->append->channel;
    ch = ngx_websocket_store_block(store, channel);

    ref = ngx_websocket_store_acquire(store, put, &end);
    m = ngx_websocket_store_block(store, ref);

    /* only this process knows the block until it is linked */

    ngx_websocket_store_fault();
    m->end = end;
    m->blocks = put->blocks;
    m->fraction = message->fraction;
    m->channel = channel;
    m->newer = 0;
    m->older = store->newest;
    m->after = 0;
    m->before = ch->last;
    m->size = message->size;
    m->meta = message->meta;
    m->type = message->type;
    m->priority = message->priority;
    m->same = 0;
    m->offset = message->offset;
    m->time = message->time;
    m->source = message->source;
    m->key[0] = message->ephemeral ? 0 : message->key[0];
    m->key[1] = message->ephemeral ? 0 : ngx_websocket_store_key_word(message);

    if (!message->ephemeral) {
        ngx_websocket_store_set_jump(store, ch, m);
    }

    ngx_websocket_store_begin(store, ref, &place);

    for (i = 0; put->reserve == NULL && i < put->append->n; i++) {
        part = ngx_websocket_store_part(put, i);
        ngx_websocket_store_copy(&place, NULL, part->data, part->size);
    }

    if (ch->list) {
        ngx_websocket_store_unlist(store, channel);
    }

    if (message->ephemeral) {
        ngx_websocket_store_link_ephemeral(store, ref, put->live);

    } else {
        ngx_websocket_store_link(store, channel, ref);
    }

    ngx_websocket_store_order_last(store, ref);
}


/* takes blocks for the message; those of a large one have its bytes */

static ngx_websocket_ref_t
ngx_websocket_store_acquire(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put, ngx_websocket_ref_t *end)
{
    ngx_websocket_ref_t       first;
    ngx_websocket_reserve_t  *reserve;

    reserve = put->reserve;

    if (reserve == NULL) {
        return ngx_websocket_store_take(store, put->blocks, end);
    }

    first = reserve->first;
    *end = reserve->last;
    put->blocks = reserve->blocks;

    ngx_websocket_store_set32(store, &reserve->first, 0);
    ngx_websocket_store_set32(store, &reserve->last, 0);
    ngx_websocket_store_set32(store, &reserve->blocks, 0);

    return first;
}


/* makes a message, which is complete, the channel's newest */

static void
ngx_websocket_store_link(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, ngx_websocket_ref_t ref)
{
    ngx_websocket_ref_t      *bucket;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m, *other;

    ch = ngx_websocket_store_block(store, channel);
    m = ngx_websocket_store_block(store, ref);

    if (m->key[0] | m->key[1]) {
        bucket = ngx_websocket_store_keys(store, m->key[0]);

        m->same = *bucket;
        ngx_websocket_store_set32(store, bucket, ref);
    }

    if (ch->last) {
        other = ngx_websocket_store_block(store, ch->last);
        ngx_websocket_store_set32(store, &other->after, ref);

    } else {
        ngx_websocket_store_set32(store, &ch->first, ref);
    }

    ngx_websocket_store_set32(store, &ch->last, ref);
    ngx_websocket_store_hold(store, ch, 1, m->blocks);
    ngx_websocket_store_set64(store, &ch->offset, m->offset);
    ngx_websocket_store_set64(store, &ch->published, m->time);
}


/* makes it the newest message of all channels */

static void
ngx_websocket_store_order_last(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_message_t  *other;

    if (store->newest) {
        other = ngx_websocket_store_block(store, store->newest);
        ngx_websocket_store_set32(store, &other->newer, ref);

    } else {
        ngx_websocket_store_set32(store, &store->oldest, ref);
    }

    ngx_websocket_store_set32(store, &store->newest, ref);
    ngx_websocket_store_set64(store, &store->nmessages, store->nmessages + 1);
}


/*
 * The new jump spans the two jumps before it when these have the same length;
 * otherwise it leads to the message before.
 */

static void
ngx_websocket_store_set_jump(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_message_t *m)
{
    uint64_t                  first;
    ngx_websocket_message_t  *last, *far;

    m->jump = 0;
    m->jump_offset = 0;

    if (ch->last == 0) {
        return;
    }

    last = ngx_websocket_store_block(store, ch->last);
    first = ngx_websocket_store_first(store, ch);

    m->jump = ch->last;
    m->jump_offset = last->offset;

    if (last->jump_offset == 0 || last->jump_offset < first) {
        return;
    }

    far = ngx_websocket_store_block(store, last->jump);

    if (far->jump_offset && far->jump_offset >= first
        && last->offset - far->offset == far->offset - far->jump_offset)
    {
        m->jump = far->jump;
        m->jump_offset = far->jump_offset;
    }
}


/* the offset of the channel's oldest message, which is there */

static uint64_t
ngx_websocket_store_first(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch)
{
    ngx_websocket_message_t  *m;

    m = ngx_websocket_store_block(store, ch->first);

    return m->offset;
}


/* the message with the offset, which is there */

static ngx_websocket_ref_t
ngx_websocket_store_search(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint64_t offset)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    /* a message that is not older than offset has not been dropped */

    for (ref = ch->last; ref; /* void */ ) {

        m = ngx_websocket_store_block(store, ref);

        if (m->offset == offset) {
            break;
        }

        ref = m->jump_offset >= offset ? m->jump : m->before;
    }

    return ref;
}


int
ngx_websocket_store_seek(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t offset,
    ngx_websocket_store_cursor_t *cursor)
{
    int                       rc;
    uint64_t                  first;
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    memset(cursor, 0, sizeof(ngx_websocket_store_cursor_t));

    ch = ngx_websocket_store_block(store, channel);
    first = ngx_websocket_store_shown(store, ch);

    rc = NGX_WEBSOCKET_STORE_OK;

    if (offset < first || offset > ch->offset + 1) {
        offset = first;
        rc = NGX_WEBSOCKET_STORE_GAP;
    }

    cursor->channel = channel;
    cursor->message = ch->last;
    cursor->epoch = ch->epoch;
    cursor->next = offset;

    if (offset <= ch->offset) {
        ref = ngx_websocket_store_search(store, ch, offset);
        m = ngx_websocket_store_block(store, ref);
        cursor->message = m->before;
    }

    return rc;
}


static void
ngx_websocket_store_properties(ngx_websocket_message_t *m,
    ngx_websocket_store_message_t *message)
{
    message->offset = m->offset;
    message->time = m->time;
    message->source = m->source;
    message->size = m->size;
    message->meta = m->meta;
    message->type = m->type;
    message->priority = m->priority;
    message->fraction = m->fraction;
}


int
ngx_websocket_store_read(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *message, uint8_t *buf, size_t size)
{
    int                          rc;
    uint32_t                     ephemeral;
    ngx_websocket_ref_t          ref;
    ngx_websocket_channel_t     *ch;
    ngx_websocket_message_t     *m;
    ngx_websocket_store_place_t  place;

    rc = ngx_websocket_store_readable(store, cursor);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    ch = ngx_websocket_store_block(store, cursor->channel);

    ref = ch->ephemeral.first ? ngx_websocket_store_next_ephemeral(store, ch,
                                                                   cursor)
                              : 0;
    ephemeral = (ref != 0);

    if (!ephemeral) {

        if (cursor->next > ch->offset) {
            return ch->ended ? NGX_WEBSOCKET_STORE_ENDED
                             : NGX_WEBSOCKET_STORE_EMPTY;
        }

        if (cursor->next < ngx_websocket_store_left(store, cursor)) {
            cursor->done = 0;
            return NGX_WEBSOCKET_STORE_GAP;
        }

        ref = ngx_websocket_store_next(store, ch, cursor);
    }

    ngx_websocket_store_looked(1);

    m = ngx_websocket_store_block(store, ref);

    if (m->type == NGX_WEBSOCKET_STORE_NOTHING) {
        ngx_websocket_store_advance(store, cursor, ref, m->offset + 1);
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    ngx_websocket_store_properties(m, message);
    message->ephemeral = (uint8_t) ephemeral;

    if (size < m->size) {
        return NGX_WEBSOCKET_STORE_SHORT;
    }

    ngx_websocket_store_begin(store, ref, &place);

    if (m->size > NGX_WEBSOCKET_STORE_PIECE) {

        if (cursor->partly != ephemeral) {

            /* the message that was read in part is gone */

            cursor->partly = ephemeral;
            cursor->done = 0;
        }

        if (ngx_websocket_store_read_piece(cursor, m, &place, buf)
            == NGX_WEBSOCKET_STORE_AGAIN)
        {
            return NGX_WEBSOCKET_STORE_AGAIN;
        }

    } else {
        ngx_websocket_store_copy(&place, buf, NULL, m->size);
    }

    if (ephemeral) {
        ngx_websocket_store_advance_ephemeral(store, cursor, ref);

    } else {
        ngx_websocket_store_advance(store, cursor, ref, m->offset + 1);
    }

    return NGX_WEBSOCKET_STORE_OK;
}


/*
 * The pieces end where blocks do.  As long as the message is there its blocks
 * are the same.
 */

static int
ngx_websocket_store_read_piece(ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_message_t *m, ngx_websocket_store_place_t *place,
    uint8_t *buf)
{
    size_t  size;

    size = NGX_WEBSOCKET_STORE_FIRST;

    if (cursor->done) {
        place->next = cursor->piece;
        place->left = 0;
        size = 0;
    }

    size += (NGX_WEBSOCKET_STORE_PIECE - NGX_WEBSOCKET_STORE_FIRST)
            / NGX_WEBSOCKET_STORE_REST * NGX_WEBSOCKET_STORE_REST;

    if (size > m->size - cursor->done) {
        size = m->size - cursor->done;
    }

    ngx_websocket_store_copy(place, buf + cursor->done, NULL, size);

    cursor->done += (uint32_t) size;
    cursor->piece = place->next;

    return cursor->done < m->size ? NGX_WEBSOCKET_STORE_AGAIN
                                  : NGX_WEBSOCKET_STORE_OK;
}


/* the message of offset cursor->next, which is there */

static ngx_websocket_ref_t
ngx_websocket_store_next(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_cursor_t *cursor)
{
    uint64_t                  first;
    ngx_websocket_message_t  *m;

    first = ngx_websocket_store_first(store, ch);

    if (cursor->next == first) {
        return ch->first;
    }

    /* the message before is there too: it is the one that was read last */

    if (cursor->message) {
        m = ngx_websocket_store_block(store, cursor->message);
        return m->after;
    }

    return ngx_websocket_store_search(store, ch, cursor->next);
}


/* DELETED when the channel that the cursor was set in is not there any more */

static int
ngx_websocket_store_readable(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, cursor->channel);

    if (*ngx_websocket_store_kind(store, cursor->channel)
        != NGX_WEBSOCKET_STORE_CHANNEL
        || ch->deleted)
    {
        return NGX_WEBSOCKET_STORE_DELETED;
    }

    if (ch->epoch == cursor->epoch) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    return cursor->entry ? ngx_websocket_store_renewed(store, ch, cursor)
                         : NGX_WEBSOCKET_STORE_DELETED;
}


/*
 * The worker's entry holds the channel, which was given another numbering
 * before its first message, or has begun anew: then GAP.
 */

static int
ngx_websocket_store_renewed(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_cursor_t *cursor)
{
    ngx_websocket_entry_t  *entry;

    entry = ngx_websocket_store_at(store, cursor->entry);

    cursor->done = 0;

    if (entry->read == NGX_WEBSOCKET_STORE_MISSED) {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    cursor->epoch = ch->epoch;
    cursor->next = entry->read + 1;
    cursor->message = 0;

    return NGX_WEBSOCKET_STORE_OK;
}


/* the offset of the oldest message that the cursor may read */

static uint64_t
ngx_websocket_store_left(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(store, cursor->channel);

    return cursor->entry ? ch->offset + 1 - ch->held.of.count
                         : ngx_websocket_store_shown(store, ch);
}


void
ngx_websocket_store_skip(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor)
{
    int                       rc;
    uint64_t                  left;
    ngx_websocket_channel_t  *ch;

    rc = ngx_websocket_store_readable(store, cursor);

    if (rc == NGX_WEBSOCKET_STORE_DELETED) {
        return;
    }

    left = ngx_websocket_store_left(store, cursor);

    if (rc == NGX_WEBSOCKET_STORE_GAP) {
        ch = ngx_websocket_store_block(store, cursor->channel);

        cursor->epoch = ch->epoch;
        cursor->next = 0;
    }

    if (cursor->next < left) {
        ngx_websocket_store_advance(store, cursor, 0, left);
    }
}


static void
ngx_websocket_store_advance(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor, ngx_websocket_ref_t ref,
    uint64_t next)
{
    ngx_websocket_entry_t  *entry;

    cursor->message = ref;
    cursor->next = next;
    cursor->done = 0;

    if (cursor->entry) {
        entry = ngx_websocket_store_at(store, cursor->entry);

        /* one word: right before and after */

        ngx_websocket_store_fault();
        entry->read = next - 1;
    }
}


static void
ngx_websocket_store_begin(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref, ngx_websocket_store_place_t *place)
{
    ngx_websocket_message_t  *m;

    m = ngx_websocket_store_block(store, ref);

    place->store = store;
    place->next = m->next;
    place->p = m->data;
    place->left = NGX_WEBSOCKET_STORE_FIRST;
}


/* restores a place that was kept while the worker did other things */

static void
ngx_websocket_store_spot(const ngx_websocket_store_place_t *place,
    ngx_websocket_store_spot_t *spot)
{
    spot->next = place->next;
    spot->at = (uint64_t) (place->p - (uint8_t *) place->store);
    spot->left = place->left;
}


static void
ngx_websocket_store_return(ngx_websocket_store_t *store,
    const ngx_websocket_store_spot_t *spot, ngx_websocket_store_place_t *place)
{
    place->store = store;
    place->next = spot->next;
    place->p = ngx_websocket_store_at(store, spot->at);
    place->left = spot->left;
}


/* copies from a message's blocks to out, or, where out is NULL, from in */

static void
ngx_websocket_store_copy(ngx_websocket_store_place_t *place, uint8_t *out,
    const uint8_t *in, size_t size)
{
    size_t                  n;
    ngx_websocket_block_t  *block;

    ngx_websocket_store_moved(size);

    while (size) {

        if (place->left == 0) {
            block = ngx_websocket_store_block(place->store, place->next);

            place->next = block->next;
            place->p = block->data;
            place->left = NGX_WEBSOCKET_STORE_REST;
        }

        n = size < place->left ? size : place->left;

        if (out) {
            memcpy(out, place->p, n);
            out += n;

        } else {
            ngx_websocket_store_fault();
            memcpy(place->p, in, n);
            in += n;
        }

        place->p += n;
        place->left -= n;
        size -= n;
    }
}
