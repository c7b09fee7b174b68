
#include <string.h>

#include "hub/log_message.h"
#include "hub/log_channel.h"
#include "hub/log_private.h"


#define NGX_WEBSOCKET_LOG_FIRST                                               \
    (NGX_WEBSOCKET_LOG_BLOCK - offsetof(ngx_websocket_message_t, data))

#define NGX_WEBSOCKET_LOG_REST                                                \
    (NGX_WEBSOCKET_LOG_BLOCK - offsetof(ngx_websocket_block_t, data))


/* a place in the chain of a message's blocks */

typedef struct {
    ngx_websocket_log_t    *log;
    ngx_websocket_ref_t     next;
    uint8_t                *p;
    size_t                  left;           /* in this block */
} ngx_websocket_log_place_t;


static uint64_t ngx_websocket_log_blocks(uint64_t size);
static int ngx_websocket_log_kept(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now, uint32_t more);
static int ngx_websocket_log_over(ngx_websocket_channel_t *ch, uint32_t more);
static int ngx_websocket_log_young(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now);
static uint64_t ngx_websocket_log_shown_since(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint64_t first);
static int ngx_websocket_log_read_by_all(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint64_t offset);
static int ngx_websocket_log_evict(ngx_websocket_log_t *log, uint64_t now,
    ngx_websocket_ref_t keep, uint32_t *left);
static int ngx_websocket_log_evict_message(ngx_websocket_log_t *log,
    uint64_t now, uint32_t *left);
static int ngx_websocket_log_may_go(ngx_websocket_log_t *log,
    ngx_websocket_ref_t ref, uint64_t now);
static void ngx_websocket_log_let_go(ngx_websocket_log_t *log,
    ngx_websocket_ref_t ref);
static int ngx_websocket_log_measure(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, ngx_websocket_log_put_t *put, uint32_t more);
static void ngx_websocket_log_clamp(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, ngx_websocket_log_message_t *message);
static uint32_t ngx_websocket_log_wake(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, ngx_websocket_log_wake_t *wake);
static void ngx_websocket_log_store(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, ngx_websocket_log_put_t *put);
static ngx_websocket_ref_t ngx_websocket_log_acquire(ngx_websocket_log_t *log,
    ngx_websocket_log_put_t *put, ngx_websocket_ref_t *end);
static int ngx_websocket_log_renumber(ngx_websocket_log_t *log,
    ngx_websocket_log_put_t *put, ngx_websocket_log_large_t *large);
static void ngx_websocket_log_move(ngx_websocket_log_t *log, uint32_t n,
    ngx_websocket_reserve_t *reserve);
static int ngx_websocket_log_publish(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_put_t *put,
    ngx_websocket_log_large_t *large, ngx_websocket_log_wake_t *wake,
    ngx_websocket_log_info_t *info);
static int ngx_websocket_log_unwanted(ngx_websocket_channel_t *ch,
    ngx_websocket_log_put_t *put);
static int ngx_websocket_log_read_piece(ngx_websocket_log_cursor_t *cursor,
    ngx_websocket_message_t *m, ngx_websocket_log_place_t *place,
    uint8_t *buf);
static const ngx_websocket_log_part_t *ngx_websocket_log_part(
    ngx_websocket_log_put_t *put, size_t i);
static void ngx_websocket_log_number(ngx_websocket_log_put_t *put);
static ngx_websocket_message_t *ngx_websocket_log_same(
    ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    const uint64_t key[2]);
static void ngx_websocket_log_forget_key(ngx_websocket_log_t *log,
    ngx_websocket_ref_t ref);
static void ngx_websocket_log_link(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, ngx_websocket_ref_t ref);
static void ngx_websocket_log_set_jump(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, ngx_websocket_message_t *m);
static uint64_t ngx_websocket_log_first(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch);
static ngx_websocket_ref_t ngx_websocket_log_search(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint64_t offset);
static ngx_websocket_ref_t ngx_websocket_log_next(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, ngx_websocket_log_cursor_t *cursor);
static int ngx_websocket_log_readable(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor);
static uint64_t ngx_websocket_log_left(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor);
static void ngx_websocket_log_advance(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor, ngx_websocket_ref_t ref,
    uint64_t next);
static void ngx_websocket_log_begin(ngx_websocket_log_t *log,
    ngx_websocket_ref_t ref, ngx_websocket_log_place_t *place);
static void ngx_websocket_log_copy(ngx_websocket_log_place_t *place,
    uint8_t *out, const uint8_t *in, size_t size);


const uint8_t  ngx_websocket_log_offset[1];


static uint64_t
ngx_websocket_log_blocks(uint64_t size)
{
    if (size <= NGX_WEBSOCKET_LOG_FIRST) {
        return 1;
    }

    size -= NGX_WEBSOCKET_LOG_FIRST;

    return 1 + (size + NGX_WEBSOCKET_LOG_REST - 1) / NGX_WEBSOCKET_LOG_REST;
}


void
ngx_websocket_log_drop_first(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m, *other;

    ch = ngx_websocket_log_block(log, channel);
    ref = ch->first;
    m = ngx_websocket_log_block(log, ref);

    ngx_websocket_log_set32(log, &ch->first, m->after);
    ngx_websocket_log_hold(log, ch, (uint32_t) -1, (uint32_t) -m->blocks);

    if (m->after) {
        other = ngx_websocket_log_block(log, m->after);
        ngx_websocket_log_set32(log, &other->before, 0);

    } else {
        ngx_websocket_log_set32(log, &ch->last, 0);
    }

    if (m->older) {
        other = ngx_websocket_log_block(log, m->older);
        ngx_websocket_log_set32(log, &other->newer, m->newer);

    } else {
        ngx_websocket_log_set32(log, &log->oldest, m->newer);
    }

    if (m->newer) {
        other = ngx_websocket_log_block(log, m->newer);
        ngx_websocket_log_set32(log, &other->older, m->older);

    } else {
        ngx_websocket_log_set32(log, &log->newest, m->older);
    }

    if (m->key[0] | m->key[1]) {
        ngx_websocket_log_forget_key(log, ref);
    }

    if (log->hand == ref) {
        ngx_websocket_log_set32(log, &log->hand, m->newer);
    }

    if (ch->list == NGX_WEBSOCKET_LOG_GARBAGE) {
        ngx_websocket_log_set32(log, &log->waste, log->waste - m->blocks);

    } else {
        ngx_websocket_log_set64(log, &log->nmessages, log->nmessages - 1);
    }

    ngx_websocket_log_give(log, ref, m->end, m->blocks);
    ngx_websocket_log_commit(log);
}


/*
 * Is the message, the channel's oldest, within its history, when this has so
 * many more blocks?
 */

static int
ngx_websocket_log_kept(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now, uint32_t more)
{
    if (ch->deleted || ch->held.of.count > ch->length
        || ngx_websocket_log_over(ch, more))
    {
        return 0;
    }

    return ngx_websocket_log_young(ch, m, now);
}


static int
ngx_websocket_log_over(ngx_websocket_channel_t *ch, uint32_t more)
{
    return ch->max && (uint64_t) ch->held.of.blocks + more > ch->max;
}


static int
ngx_websocket_log_young(ngx_websocket_channel_t *ch,
    ngx_websocket_message_t *m, uint64_t now)
{
    return ch->time == 0
           || ngx_websocket_log_age(now, m->time) < (uint64_t) ch->time * 1000;
}


uint64_t
ngx_websocket_log_shown(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch)
{
    uint64_t  n;

    n = ch->held.of.count < ch->length ? ch->held.of.count : ch->length;

    if (n == 0 || ch->deleted) {
        return ch->offset + 1;
    }

    if (ch->time == 0) {
        return ch->offset + 1 - n;
    }

    return ngx_websocket_log_shown_since(log, ch, ch->offset + 1 - n);
}


/* the oldest message from first on whose time is not over */

static uint64_t
ngx_websocket_log_shown_since(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint64_t first)
{
    uint64_t                  now;
    ngx_websocket_message_t  *m, *other;

    now = log->now;
    m = ngx_websocket_log_block(log, ch->first);

    /* most often it is the first one that is there */

    if (m->offset == first && ngx_websocket_log_young(ch, m, now)) {
        return first;
    }

    m = ngx_websocket_log_block(log, ch->last);

    if (!ngx_websocket_log_young(ch, m, now)) {
        return ch->offset + 1;
    }

    while (m->offset > first) {

        other = ngx_websocket_log_block(log, m->jump);

        if (m->jump_offset < first
            || !ngx_websocket_log_young(ch, other, now))
        {
            other = ngx_websocket_log_block(log, m->before);

            if (!ngx_websocket_log_young(ch, other, now)) {
                break;
            }
        }

        m = other;
    }

    return m->offset;
}


static int
ngx_websocket_log_read_by_all(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint64_t offset)
{
    uint32_t                i;
    ngx_websocket_entry_t  *entry;

    /* who reads a deleted channel is told of that, and no more */

    if (ch->deleted) {
        return 1;
    }

    for (i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {
        if (entry->read < offset && ngx_websocket_log_live(log, entry)) {
            return 0;
        }
    }

    return 1;
}


uint32_t
ngx_websocket_log_trim(ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    uint64_t now, uint32_t more, uint32_t max)
{
    uint32_t                  n;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ch = ngx_websocket_log_block(log, channel);

    for (n = 0; ch->held.of.count && n < max; n++) {

        m = ngx_websocket_log_block(log, ch->first);

        if (ngx_websocket_log_kept(ch, m, now, more)
            || !ngx_websocket_log_read_by_all(log, ch, m->offset))
        {
            break;
        }

        ngx_websocket_log_looked(1);
        ngx_websocket_log_drop_first(log, channel);
    }

    return n;
}


int
ngx_websocket_log_make_room(ngx_websocket_log_t *log, uint32_t n,
    uint64_t now, ngx_websocket_ref_t keep, uint32_t max)
{
    int  rc;

    while (ngx_websocket_log_free_blocks(log) < n) {

        if (max == 0) {
            return NGX_WEBSOCKET_LOG_AGAIN;
        }

        rc = ngx_websocket_log_evict(log, now, keep, &max);

        if (rc != NGX_WEBSOCKET_LOG_OK) {
            return rc;
        }
    }

    ngx_websocket_log_list(log, n);

    return NGX_WEBSOCKET_LOG_OK;
}


/* drops what may go first, and takes what it looked at off *left */

static int
ngx_websocket_log_evict(ngx_websocket_log_t *log, uint64_t now,
    ngx_websocket_ref_t keep, uint32_t *left)
{
    int  known;

    if (log->garbage.first) {
        *left -= ngx_websocket_log_clean(log, 1);
        return NGX_WEBSOCKET_LOG_OK;
    }

    if (ngx_websocket_log_evict_channel(log, keep)) {
        --*left;
        return NGX_WEBSOCKET_LOG_OK;
    }

    known = log->looked >= log->nmessages
            && ngx_websocket_log_age(now, log->full)
               < NGX_WEBSOCKET_LOG_RETRY;

    if (!known && log->looked >= log->nmessages) {
        ngx_websocket_log_fault();
        log->looked = 0;
    }

    if (ngx_websocket_log_evict_message(log, now, left)) {
        return NGX_WEBSOCKET_LOG_OK;
    }

    if (log->looked < log->nmessages) {
        return NGX_WEBSOCKET_LOG_AGAIN;
    }

    if (!known) {
        ngx_websocket_log_fault();
        log->full = now;
    }

    if (!ngx_websocket_log_evict_orphaned(log, keep)) {
        return NGX_WEBSOCKET_LOG_NOSPACE;
    }

    /* nothing is left where a search for messages has taken all */

    *left -= *left ? 1 : 0;

    return NGX_WEBSOCKET_LOG_OK;
}


/* drops a message that nobody waits for; 1 if it found one */

static int
ngx_websocket_log_evict_message(ngx_websocket_log_t *log, uint64_t now,
    uint32_t *left)
{
    uint64_t                  n;
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    if (log->oldest && ngx_websocket_log_may_go(log, log->oldest, now)) {
        --*left;
        ngx_websocket_log_let_go(log, log->oldest);
        return 1;
    }

    /* behind those that wait to be read, where the last search has ended */

    for (n = 0; *left && n < log->nmessages; n++) {

        --*left;
        ref = log->hand ? log->hand : log->oldest;

        if (ngx_websocket_log_may_go(log, ref, now)) {
            ngx_websocket_log_let_go(log, ref);
            return 1;
        }

        m = ngx_websocket_log_block(log, ref);

        ngx_websocket_log_fault();
        log->hand = m->newer;

        ngx_websocket_log_fault();
        log->looked++;
    }

    return 0;
}


static int
ngx_websocket_log_may_go(ngx_websocket_log_t *log, ngx_websocket_ref_t ref,
    uint64_t now)
{
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ngx_websocket_log_looked(1);

    m = ngx_websocket_log_block(log, ref);
    ch = ngx_websocket_log_block(log, m->channel);

    return ch->first == ref
           && (ngx_websocket_log_read_by_all(log, ch, m->offset)
               || ngx_websocket_log_age(now, m->time)
                  >= NGX_WEBSOCKET_LOG_HUNG);
}


static void
ngx_websocket_log_let_go(ngx_websocket_log_t *log, ngx_websocket_ref_t ref)
{
    ngx_websocket_ref_t       channel;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    m = ngx_websocket_log_block(log, ref);
    channel = m->channel;
    ch = ngx_websocket_log_block(log, channel);

    ngx_websocket_log_drop_first(log, channel);

    if (ch->held.of.count == 0) {
        ngx_websocket_log_settle(log, channel);
    }

    if (log->looked) {
        ngx_websocket_log_fault();
        log->looked = 0;
    }
}


int
ngx_websocket_log_append(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake, ngx_websocket_log_info_t *info)
{
    ngx_websocket_log_put_t  put;

    put.message = message;
    put.parts = parts;
    put.n = n;
    put.reserve = NULL;

    return ngx_websocket_log_publish(log, channel, &put, NULL, wake, info);
}


static int
ngx_websocket_log_publish(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_put_t *put,
    ngx_websocket_log_large_t *large, ngx_websocket_log_wake_t *wake,
    ngx_websocket_log_info_t *info)
{
    int                       rc;
    ngx_websocket_message_t  *m;

    m = ngx_websocket_log_same(log, channel, put->message->key);

    if (m) {
        put->message->offset = m->offset;
        put->message->time = m->time;

        if (wake) {
            memset(wake, 0, sizeof(ngx_websocket_log_wake_t));
        }

        rc = NGX_WEBSOCKET_LOG_DUPLICATE;

    } else {
        rc = ngx_websocket_log_prepare(log, channel, put, 0, wake);

        if (rc == NGX_WEBSOCKET_LOG_OK && large) {
            rc = ngx_websocket_log_renumber(log, put, large);
        }

        if (rc != NGX_WEBSOCKET_LOG_OK) {
            return rc;
        }

        ngx_websocket_log_put(log, channel, put);
        ngx_websocket_log_commit(log);
        ngx_websocket_log_tell(log, channel, put);
    }

    if (info) {
        ngx_websocket_log_info(log, channel, info);
    }

    return rc;
}


int
ngx_websocket_log_reserve(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_log_large_t *large)
{
    int                       rc;
    uint32_t                  blocks;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_log_put_t   put;
    ngx_websocket_reserve_t  *reserve;

    put.message = message;
    put.parts = parts;
    put.n = n;

    ch = ngx_websocket_log_block(log, channel);
    reserve = &log->reserves[slot];

    if (ngx_websocket_log_measure(log, ch, &put, 0) != NGX_WEBSOCKET_LOG_OK) {
        return NGX_WEBSOCKET_LOG_NOSPACE;
    }

    put.live = ngx_websocket_log_wake(log, ch, NULL);

    large->reserved = reserve->blocks;

    if (reserve->blocks >= put.blocks) {
        return NGX_WEBSOCKET_LOG_OK;
    }

    if (ngx_websocket_log_unwanted(ch, &put)) {

        /* not to be filled */

        large->reserved = 0;
        return NGX_WEBSOCKET_LOG_OK;
    }

    blocks = put.blocks - reserve->blocks;
    blocks = blocks < NGX_WEBSOCKET_LOG_TAKE ? blocks : NGX_WEBSOCKET_LOG_TAKE;

    rc = ngx_websocket_log_make_room(log, blocks, message->time, channel,
                                     NGX_WEBSOCKET_LOG_RESERVE);

    if (rc == NGX_WEBSOCKET_LOG_NOSPACE) {
        return rc;
    }

    if (rc == NGX_WEBSOCKET_LOG_AGAIN) {

        /* as far as it went, or others would take it meanwhile */

        blocks = ngx_websocket_log_free_blocks(log);
    }

    if (blocks) {
        ngx_websocket_log_list(log, blocks);
        ngx_websocket_log_move(log, blocks, reserve);
    }

    large->reserved = reserve->blocks;

    return reserve->blocks >= put.blocks ? NGX_WEBSOCKET_LOG_OK
                                         : NGX_WEBSOCKET_LOG_AGAIN;
}


/* takes blocks for a reserve */

static void
ngx_websocket_log_move(ngx_websocket_log_t *log, uint32_t n,
    ngx_websocket_reserve_t *reserve)
{
    ngx_websocket_ref_t     first, end;
    ngx_websocket_block_t  *last;

    first = ngx_websocket_log_take(log, n, &end);
    last = ngx_websocket_log_block(log, reserve->last);

    ngx_websocket_log_set32(log, reserve->blocks ? &last->next
                                                 : &reserve->first, first);
    ngx_websocket_log_set32(log, &reserve->last, end);
    ngx_websocket_log_set32(log, &reserve->blocks, reserve->blocks + n);
    ngx_websocket_log_commit(log);
}


void
ngx_websocket_log_unreserve(ngx_websocket_log_t *log, uint32_t slot)
{
    ngx_websocket_log_forgo(log, slot);
    ngx_websocket_log_commit(log);
}


void
ngx_websocket_log_forgo(ngx_websocket_log_t *log, uint32_t slot)
{
    ngx_websocket_reserve_t  *reserve;

    reserve = &log->reserves[slot];

    if (reserve->blocks == 0) {
        return;
    }

    ngx_websocket_log_give(log, reserve->first, reserve->last,
                           reserve->blocks);

    ngx_websocket_log_set32(log, &reserve->first, 0);
    ngx_websocket_log_set32(log, &reserve->last, 0);
    ngx_websocket_log_set32(log, &reserve->blocks, 0);
}


/*
 * Nobody else touches the blocks: the slot keeps its incarnation as long as
 * the worker lives.
 */

void
ngx_websocket_log_fill(ngx_websocket_log_t *log,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_log_large_t *large)
{
    size_t                           i;
    ngx_websocket_log_put_t          put;
    ngx_websocket_log_place_t        place;
    const ngx_websocket_log_part_t  *part;

    if (large->reserved == 0) {
        return;
    }

    put.message = message;
    put.parts = parts;
    put.n = n;

    large->offset = message->offset;
    large->left = 0;

    ngx_websocket_log_number(&put);
    ngx_websocket_log_begin(log, log->reserves[slot].first, &place);

    large->digits = put.offset.size;

    for (i = 0; i < n; i++) {

        part = ngx_websocket_log_part(&put, i);

        if (part == &put.offset) {
            large->at = (uint64_t) (place.p - (uint8_t *) log);
            large->next = place.next;
            large->left = place.left + 1;
        }

        ngx_websocket_log_copy(&place, NULL, part->data, part->size);
    }
}


int
ngx_websocket_log_append_large(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_log_large_t *large, ngx_websocket_log_wake_t *wake,
    ngx_websocket_log_info_t *info)
{
    ngx_websocket_log_put_t  put;

    put.message = message;
    put.parts = parts;
    put.n = n;
    put.reserve = &log->reserves[slot];

    return ngx_websocket_log_publish(log, channel, &put, large, wake, info);
}


/* others may have published since it was filled: its offset is another one */

static int
ngx_websocket_log_renumber(ngx_websocket_log_t *log,
    ngx_websocket_log_put_t *put, ngx_websocket_log_large_t *large)
{
    ngx_websocket_log_place_t  place;

    if (put->blocks == 0) {
        return NGX_WEBSOCKET_LOG_OK;
    }

    if (put->reserve->blocks < put->blocks) {
        return NGX_WEBSOCKET_LOG_AGAIN;
    }

    if (large->left == 0 || large->offset == put->message->offset) {
        return NGX_WEBSOCKET_LOG_OK;
    }

    if (large->digits != put->offset.size) {
        return NGX_WEBSOCKET_LOG_AGAIN;
    }

    place.log = log;
    place.p = ngx_websocket_log_at(log, large->at);
    place.next = large->next;
    place.left = large->left - 1;

    ngx_websocket_log_copy(&place, NULL, put->offset.data, put->offset.size);

    return NGX_WEBSOCKET_LOG_OK;
}


/* a message of the channel that bears the key, or NULL */

static ngx_websocket_message_t *
ngx_websocket_log_same(ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    const uint64_t key[2])
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    if ((key[0] | key[1]) == 0) {
        return NULL;
    }

    for (ref = *ngx_websocket_log_keys(log, key[0]); ref; ref = m->same) {

        m = ngx_websocket_log_block(log, ref);

        if (m->channel == channel && m->key[0] == key[0]
            && m->key[1] == key[1])
        {
            return m;
        }
    }

    return NULL;
}


static void
ngx_websocket_log_forget_key(ngx_websocket_log_t *log,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_ref_t      *p;
    ngx_websocket_message_t  *m, *other;

    m = ngx_websocket_log_block(log, ref);
    p = ngx_websocket_log_keys(log, m->key[0]);

    while (*p != ref) {
        other = ngx_websocket_log_block(log, *p);
        p = &other->same;
    }

    ngx_websocket_log_set32(log, p, m->same);
}


int
ngx_websocket_log_prepare(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, ngx_websocket_log_put_t *put, uint32_t more,
    ngx_websocket_log_wake_t *wake)
{
    int                       rc;
    uint32_t                  n;
    uint64_t                  now;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    if (ngx_websocket_log_measure(log, ch, put, more)
        != NGX_WEBSOCKET_LOG_OK)
    {
        return NGX_WEBSOCKET_LOG_NOSPACE;
    }

    ngx_websocket_log_clamp(log, ch, put->message);
    now = put->message->time;

    ngx_websocket_log_tick(log, now);

    n = ngx_websocket_log_trim(log, channel, now, put->blocks,
                               NGX_WEBSOCKET_LOG_TRIM);

    put->live = ngx_websocket_log_wake(log, ch, wake);

    if (ngx_websocket_log_unwanted(ch, put)) {
        put->blocks = 0;
    }

    if (n == NGX_WEBSOCKET_LOG_TRIM
        && ngx_websocket_log_over(ch, put->blocks))
    {
        return NGX_WEBSOCKET_LOG_AGAIN;
    }

    if (put->reserve) {
        return NGX_WEBSOCKET_LOG_OK;
    }

    rc = ngx_websocket_log_make_room(log, put->blocks + more, now, channel,
                                     NGX_WEBSOCKET_LOG_ROOM);

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        ngx_websocket_log_settle(log, channel);
    }

    return rc;
}


/* nobody is there for it and nothing keeps it */

static int
ngx_websocket_log_unwanted(ngx_websocket_channel_t *ch,
    ngx_websocket_log_put_t *put)
{
    return put->live == 0 && ch->length == 0 && ch->held.of.count == 0;
}


/* how large the message is, and whether it may ever fit */

static int
ngx_websocket_log_measure(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, ngx_websocket_log_put_t *put, uint32_t more)
{
    size_t    i;
    uint64_t  size, blocks;

    put->message->offset = ch->offset + 1;

    for (size = 0, i = 0; i < put->n; i++) {

        if (put->parts[i].data == ngx_websocket_log_offset) {
            ngx_websocket_log_number(put);
        }

        size += ngx_websocket_log_part(put, i)->size;
    }

    blocks = ngx_websocket_log_blocks(size);

    /* never, even if nothing but its channel were there */

    if (size > UINT32_MAX
        || blocks > NGX_WEBSOCKET_LOG_BLOCKS_MAX
        || blocks + more + ngx_websocket_log_own_blocks(log, ch)
           >= log->nblocks)
    {
        return NGX_WEBSOCKET_LOG_NOSPACE;
    }

    put->message->size = (uint32_t) size;
    put->blocks = (uint32_t) blocks;

    return NGX_WEBSOCKET_LOG_OK;
}


/*
 * The time was told before the lock was waited for: those of a channel's
 * messages are in order all the same, as their search needs it, and who had to
 * wait for long does not append what has grown old already.
 */

static void
ngx_websocket_log_clamp(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch,
    ngx_websocket_log_message_t *message)
{
    uint64_t  now;

    now = log->now > ch->published ? log->now : ch->published;

    if (message->time < now) {
        message->time = now;
        message->fraction = 0;
    }
}


static const ngx_websocket_log_part_t *
ngx_websocket_log_part(ngx_websocket_log_put_t *put, size_t i)
{
    return put->parts[i].data == ngx_websocket_log_offset ? &put->offset
                                                          : &put->parts[i];
}


static void
ngx_websocket_log_number(ngx_websocket_log_put_t *put)
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
ngx_websocket_log_put(ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    ngx_websocket_log_put_t *put)
{
    ngx_websocket_channel_t  *ch;

    if (put->blocks) {
        ngx_websocket_log_store(log, channel, put);
        return;
    }

    ch = ngx_websocket_log_block(log, channel);

    ngx_websocket_log_set64(log, &ch->offset, put->message->offset);
    ngx_websocket_log_set64(log, &ch->published, put->message->time);
}


void
ngx_websocket_log_tell(ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    ngx_websocket_log_put_t *put)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, channel);

    ngx_websocket_log_trim(log, channel, put->message->time, 0,
                           NGX_WEBSOCKET_LOG_TRIM);

    if (ch->held.of.count == 0) {
        ngx_websocket_log_settle(log, channel);
    }

    ngx_websocket_log_fault();
    ch->active = put->message->time;

    if (put->live) {
        ngx_websocket_log_publish_hint(log, channel, put->message->offset);
    }
}


/* the workers to wake; returns how many */

static uint32_t
ngx_websocket_log_wake(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch,
    ngx_websocket_log_wake_t *wake)
{
    uint32_t                i, n;
    ngx_websocket_entry_t  *entry;

    if (wake) {
        memset(wake, 0, sizeof(ngx_websocket_log_wake_t));
    }

    for (n = 0, i = 0; (entry = ngx_websocket_log_entry(log, ch, i)); i++) {

        if (!ngx_websocket_log_live(log, entry)) {
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
ngx_websocket_log_store(ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    ngx_websocket_log_put_t *put)
{
    size_t                           i;
    ngx_websocket_ref_t              ref, end;
    ngx_websocket_channel_t         *ch;
    ngx_websocket_message_t         *m;
    ngx_websocket_log_place_t        place;
    ngx_websocket_log_message_t     *message;
    const ngx_websocket_log_part_t  *part;

    message = put->message;
    ch = ngx_websocket_log_block(log, channel);

    ref = ngx_websocket_log_acquire(log, put, &end);
    m = ngx_websocket_log_block(log, ref);

    /* ours alone until it is linked */

    ngx_websocket_log_fault();
    m->end = end;
    m->blocks = put->blocks;
    m->fraction = message->fraction;
    m->channel = channel;
    m->newer = 0;
    m->older = log->newest;
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
    m->key[0] = message->key[0];
    m->key[1] = message->key[1];

    ngx_websocket_log_set_jump(log, ch, m);
    ngx_websocket_log_begin(log, ref, &place);

    for (i = 0; put->reserve == NULL && i < put->n; i++) {
        part = ngx_websocket_log_part(put, i);
        ngx_websocket_log_copy(&place, NULL, part->data, part->size);
    }

    ngx_websocket_log_link(log, channel, ref);
}


/* the blocks of the message, which are ours: of a large one with its bytes */

static ngx_websocket_ref_t
ngx_websocket_log_acquire(ngx_websocket_log_t *log,
    ngx_websocket_log_put_t *put, ngx_websocket_ref_t *end)
{
    ngx_websocket_ref_t       first;
    ngx_websocket_reserve_t  *reserve;

    reserve = put->reserve;

    if (reserve == NULL) {
        return ngx_websocket_log_take(log, put->blocks, end);
    }

    first = reserve->first;
    *end = reserve->last;
    put->blocks = reserve->blocks;

    ngx_websocket_log_set32(log, &reserve->first, 0);
    ngx_websocket_log_set32(log, &reserve->last, 0);
    ngx_websocket_log_set32(log, &reserve->blocks, 0);

    return first;
}


/* makes a message, which is complete, part of the log */

static void
ngx_websocket_log_link(ngx_websocket_log_t *log, ngx_websocket_ref_t channel,
    ngx_websocket_ref_t ref)
{
    ngx_websocket_ref_t      *bucket;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m, *other;

    ch = ngx_websocket_log_block(log, channel);
    m = ngx_websocket_log_block(log, ref);

    if (ch->list) {
        ngx_websocket_log_unlist(log, channel);
    }

    if (m->key[0] | m->key[1]) {
        bucket = ngx_websocket_log_keys(log, m->key[0]);

        m->same = *bucket;
        ngx_websocket_log_set32(log, bucket, ref);
    }

    if (ch->last) {
        other = ngx_websocket_log_block(log, ch->last);
        ngx_websocket_log_set32(log, &other->after, ref);

    } else {
        ngx_websocket_log_set32(log, &ch->first, ref);
    }

    if (log->newest) {
        other = ngx_websocket_log_block(log, log->newest);
        ngx_websocket_log_set32(log, &other->newer, ref);

    } else {
        ngx_websocket_log_set32(log, &log->oldest, ref);
    }

    ngx_websocket_log_set32(log, &ch->last, ref);
    ngx_websocket_log_hold(log, ch, 1, m->blocks);
    ngx_websocket_log_set64(log, &ch->offset, m->offset);
    ngx_websocket_log_set64(log, &ch->published, m->time);
    ngx_websocket_log_set32(log, &log->newest, ref);
    ngx_websocket_log_set64(log, &log->nmessages, log->nmessages + 1);
}


/*
 * When the two jumps before this one are of one length, it spans both;
 * otherwise it is a step.
 */

static void
ngx_websocket_log_set_jump(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, ngx_websocket_message_t *m)
{
    uint64_t                  first;
    ngx_websocket_message_t  *last, *far;

    m->jump = 0;
    m->jump_offset = 0;

    if (ch->last == 0) {
        return;
    }

    last = ngx_websocket_log_block(log, ch->last);
    first = ngx_websocket_log_first(log, ch);

    m->jump = ch->last;
    m->jump_offset = last->offset;

    if (last->jump_offset == 0 || last->jump_offset < first) {
        return;
    }

    far = ngx_websocket_log_block(log, last->jump);

    if (far->jump_offset && far->jump_offset >= first
        && last->offset - far->offset == far->offset - far->jump_offset)
    {
        m->jump = far->jump;
        m->jump_offset = far->jump_offset;
    }
}


/* the offset of the oldest message that is there; count is not 0 */

static uint64_t
ngx_websocket_log_first(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch)
{
    ngx_websocket_message_t  *m;

    m = ngx_websocket_log_block(log, ch->first);

    return m->offset;
}


/* the message of an offset that is there */

static ngx_websocket_ref_t
ngx_websocket_log_search(ngx_websocket_log_t *log,
    ngx_websocket_channel_t *ch, uint64_t offset)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_message_t  *m;

    /* what is not older than offset has not been dropped either */

    for (ref = ch->last; ref; /* void */ ) {

        m = ngx_websocket_log_block(log, ref);

        if (m->offset == offset) {
            break;
        }

        ref = m->jump_offset >= offset ? m->jump : m->before;
    }

    return ref;
}


int
ngx_websocket_log_seek(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint64_t offset,
    ngx_websocket_log_cursor_t *cursor)
{
    int                       rc;
    uint64_t                  first;
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;
    ngx_websocket_message_t  *m;

    ch = ngx_websocket_log_block(log, channel);
    first = ngx_websocket_log_shown(log, ch);

    rc = NGX_WEBSOCKET_LOG_OK;

    if (offset < first || offset > ch->offset + 1) {
        offset = first;
        rc = NGX_WEBSOCKET_LOG_GAP;
    }

    cursor->channel = channel;
    cursor->message = ch->last;
    cursor->epoch = ch->epoch;
    cursor->next = offset;
    cursor->entry = 0;
    cursor->done = 0;

    if (offset <= ch->offset) {
        ref = ngx_websocket_log_search(log, ch, offset);
        m = ngx_websocket_log_block(log, ref);
        cursor->message = m->before;
    }

    return rc;
}


int
ngx_websocket_log_read(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor, ngx_websocket_log_message_t *message,
    uint8_t *buf, size_t size)
{
    ngx_websocket_ref_t         ref;
    ngx_websocket_channel_t    *ch;
    ngx_websocket_message_t    *m;
    ngx_websocket_log_place_t   place;

    if (!ngx_websocket_log_readable(log, cursor)) {
        return NGX_WEBSOCKET_LOG_DELETED;
    }

    ch = ngx_websocket_log_block(log, cursor->channel);

    if (cursor->next > ch->offset) {
        return NGX_WEBSOCKET_LOG_EMPTY;
    }

    if (cursor->next < ngx_websocket_log_left(log, cursor)) {
        cursor->done = 0;
        return NGX_WEBSOCKET_LOG_GAP;
    }

    ngx_websocket_log_looked(1);

    ref = ngx_websocket_log_next(log, ch, cursor);
    m = ngx_websocket_log_block(log, ref);

    message->offset = m->offset;
    message->time = m->time;
    message->source = m->source;
    message->size = m->size;
    message->meta = m->meta;
    message->type = m->type;
    message->priority = m->priority;
    message->fraction = m->fraction;

    if (size < m->size) {
        return NGX_WEBSOCKET_LOG_SHORT;
    }

    ngx_websocket_log_begin(log, ref, &place);

    if (m->size > NGX_WEBSOCKET_LOG_PIECE) {

        if (ngx_websocket_log_read_piece(cursor, m, &place, buf)
            == NGX_WEBSOCKET_LOG_AGAIN)
        {
            return NGX_WEBSOCKET_LOG_AGAIN;
        }

    } else {
        ngx_websocket_log_copy(&place, buf, NULL, m->size);
    }

    ngx_websocket_log_advance(log, cursor, ref, m->offset + 1);

    return NGX_WEBSOCKET_LOG_OK;
}


/*
 * The pieces end where blocks do.  As long as the message is there its blocks
 * are the same.
 */

static int
ngx_websocket_log_read_piece(ngx_websocket_log_cursor_t *cursor,
    ngx_websocket_message_t *m, ngx_websocket_log_place_t *place, uint8_t *buf)
{
    size_t  size;

    size = NGX_WEBSOCKET_LOG_FIRST;

    if (cursor->done) {
        place->next = cursor->piece;
        place->left = 0;
        size = 0;
    }

    size += (NGX_WEBSOCKET_LOG_PIECE - NGX_WEBSOCKET_LOG_FIRST)
            / NGX_WEBSOCKET_LOG_REST * NGX_WEBSOCKET_LOG_REST;

    if (size > m->size - cursor->done) {
        size = m->size - cursor->done;
    }

    ngx_websocket_log_copy(place, buf + cursor->done, NULL, size);

    cursor->done += (uint32_t) size;
    cursor->piece = place->next;

    return cursor->done < m->size ? NGX_WEBSOCKET_LOG_AGAIN
                                  : NGX_WEBSOCKET_LOG_OK;
}


/* the message of offset cursor->next, which is there */

static ngx_websocket_ref_t
ngx_websocket_log_next(ngx_websocket_log_t *log, ngx_websocket_channel_t *ch,
    ngx_websocket_log_cursor_t *cursor)
{
    uint64_t                  first;
    ngx_websocket_message_t  *m;

    first = ngx_websocket_log_first(log, ch);

    if (cursor->next == first) {
        return ch->first;
    }

    /* the one before is there too, and is the one that was read last */

    if (cursor->message) {
        m = ngx_websocket_log_block(log, cursor->message);
        return m->after;
    }

    return ngx_websocket_log_search(log, ch, cursor->next);
}


/* is the channel that the cursor was set in still there? */

static int
ngx_websocket_log_readable(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, cursor->channel);

    return *ngx_websocket_log_kind(log, cursor->channel)
           == NGX_WEBSOCKET_LOG_CHANNEL
           && ch->epoch == cursor->epoch && !ch->deleted;
}


/* the offset of the oldest message that the cursor may read */

static uint64_t
ngx_websocket_log_left(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor)
{
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_log_block(log, cursor->channel);

    return cursor->entry ? ch->offset + 1 - ch->held.of.count
                         : ngx_websocket_log_shown(log, ch);
}


void
ngx_websocket_log_skip(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor)
{
    uint64_t  left;

    if (!ngx_websocket_log_readable(log, cursor)) {
        return;
    }

    left = ngx_websocket_log_left(log, cursor);

    if (cursor->next < left) {
        ngx_websocket_log_advance(log, cursor, 0, left);
    }
}


static void
ngx_websocket_log_advance(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor, ngx_websocket_ref_t ref,
    uint64_t next)
{
    ngx_websocket_entry_t  *entry;

    cursor->message = ref;
    cursor->next = next;
    cursor->done = 0;

    if (cursor->entry) {
        entry = ngx_websocket_log_at(log, cursor->entry);

        /* one word: right before and after */

        ngx_websocket_log_fault();
        entry->read = next - 1;
    }
}


static void
ngx_websocket_log_begin(ngx_websocket_log_t *log, ngx_websocket_ref_t ref,
    ngx_websocket_log_place_t *place)
{
    ngx_websocket_message_t  *m;

    m = ngx_websocket_log_block(log, ref);

    place->log = log;
    place->next = m->next;
    place->p = m->data;
    place->left = NGX_WEBSOCKET_LOG_FIRST;
}


/* copies between a message's blocks and one of out and in */

static void
ngx_websocket_log_copy(ngx_websocket_log_place_t *place, uint8_t *out,
    const uint8_t *in, size_t size)
{
    size_t                  n;
    ngx_websocket_block_t  *block;

    ngx_websocket_log_moved(size);

    while (size) {

        if (place->left == 0) {
            block = ngx_websocket_log_block(place->log, place->next);

            place->next = block->next;
            place->p = block->data;
            place->left = NGX_WEBSOCKET_LOG_REST;
        }

        n = size < place->left ? size : place->left;

        if (out) {
            memcpy(out, place->p, n);
            out += n;

        } else {
            ngx_websocket_log_fault();
            memcpy(place->p, in, n);
            in += n;
        }

        place->p += n;
        place->left -= n;
        size -= n;
    }
}
