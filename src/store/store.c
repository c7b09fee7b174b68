
/*
 * The region: its layout, the journal, blocks, hints.
 */


#include <string.h>

#include "store/store.h"
#include "store/member.h"
#include "store/message.h"
#include "store/store_private.h"


#define ngx_websocket_store_align(n, a)                                       \
    (((n) + (a) - 1) & ~(uint64_t) ((a) - 1))

#define ngx_websocket_store_rotate(x, b)  ((x) << (b) | (x) >> (64 - (b)))

#define NGX_WEBSOCKET_STORE_BLOCKS_MIN   64
#define NGX_WEBSOCKET_STORE_BUCKETS_MIN  64
#define NGX_WEBSOCKET_STORE_HINTS_MIN    1024


static size_t ngx_websocket_store_min_size(void);
static uint64_t ngx_websocket_store_power(uint64_t n, uint64_t min);
static void ngx_websocket_store_lay_out(ngx_websocket_store_t *store,
    size_t size);
static void ngx_websocket_store_sip_round(uint64_t v[4]);


/* the largest power of two up to n, but not less than min */

static uint64_t
ngx_websocket_store_power(uint64_t n, uint64_t min)
{
    uint64_t  p;

    for (p = min; p * 2 <= n; p *= 2) { /* void */ }

    return p;
}


/* sets the fields that depend on the size only */

static void
ngx_websocket_store_lay_out(ngx_websocket_store_t *store, size_t size)
{
    uint64_t  n, end;

    end = ngx_websocket_store_align(sizeof(ngx_websocket_store_t), 64);

    /* a block, its kind, and a fourth of two buckets and of a hint */

    n = size > end ? (size - end) / (NGX_WEBSOCKET_STORE_BLOCK + 5) : 0;

    if (n > UINT32_MAX) {
        n = UINT32_MAX;
    }

    store->size = size;
    store->nbuckets = (uint32_t) ngx_websocket_store_power(n / 4,
                                               NGX_WEBSOCKET_STORE_BUCKETS_MIN);
    store->nhints = (uint32_t) ngx_websocket_store_power(n / 4,
                                                 NGX_WEBSOCKET_STORE_HINTS_MIN);

    store->hints_at = end;
    end += (uint64_t) store->nhints * sizeof(uint64_t);

    store->buckets_at = end;
    end += (uint64_t) store->nbuckets * sizeof(ngx_websocket_ref_t);

    store->keys_at = end;
    end += (uint64_t) store->nbuckets * sizeof(ngx_websocket_ref_t);

    store->kinds_at = end;
    store->blocks_at = ngx_websocket_store_align(end + n, 64);

    if (store->blocks_at < size
        && (size - store->blocks_at) / NGX_WEBSOCKET_STORE_BLOCK < n)
    {
        n = (size - store->blocks_at) / NGX_WEBSOCKET_STORE_BLOCK;
    }

    store->nblocks = store->blocks_at < size ? (uint32_t) n : 0;
}


/* the smallest region that can be formatted, bytes */

static size_t
ngx_websocket_store_min_size(void)
{
    return ngx_websocket_store_align(sizeof(ngx_websocket_store_t), 64)
           + NGX_WEBSOCKET_STORE_HINTS_MIN * sizeof(uint64_t)
           + 2 * NGX_WEBSOCKET_STORE_BUCKETS_MIN * sizeof(ngx_websocket_ref_t)
           + (NGX_WEBSOCKET_STORE_BLOCKS_MIN + 16)
             * (NGX_WEBSOCKET_STORE_BLOCK + 5);
}


int
ngx_websocket_store_format(void *base, size_t size, const uint8_t seed[16])
{
    ngx_websocket_store_t  *store;

    if (size < ngx_websocket_store_min_size()) {
        return NGX_WEBSOCKET_STORE_NOSPACE;
    }

    store = base;

    memset(store, 0, sizeof(ngx_websocket_store_t));

    ngx_websocket_store_lay_out(store, size);

    if (store->nblocks < NGX_WEBSOCKET_STORE_BLOCKS_MIN) {
        return NGX_WEBSOCKET_STORE_NOSPACE;
    }

    /* the blocks themselves are written when they are first used */

    memset(ngx_websocket_store_at(store, store->hints_at), 0,
           store->blocks_at - store->hints_at);

    memcpy(store->seed, seed, 16);

    /* clients see epochs, which must not reveal the seed */

    store->epoch = ngx_websocket_store_hash(store, (const uint8_t *) "epoch",
                                            5) | NGX_WEBSOCKET_STORE_OWN;

    store->fresh = 1;
    store->head = sizeof(ngx_websocket_store_t);
    store->block = NGX_WEBSOCKET_STORE_BLOCK;
    store->version = NGX_WEBSOCKET_STORE_VERSION;
    store->magic = NGX_WEBSOCKET_STORE_MAGIC;

    return NGX_WEBSOCKET_STORE_OK;
}


ngx_websocket_store_t *
ngx_websocket_store_open(void *base, size_t size)
{
    ngx_websocket_store_t  *store;

    store = base;

    if (size < ngx_websocket_store_min_size()
        || store->magic != NGX_WEBSOCKET_STORE_MAGIC
        || store->version != NGX_WEBSOCKET_STORE_VERSION
        || store->head != sizeof(ngx_websocket_store_t)
        || store->block != NGX_WEBSOCKET_STORE_BLOCK
        || store->size != size)
    {
        return NULL;
    }

    return store;
}


int
ngx_websocket_store_revive(ngx_websocket_store_t *store)
{
    uint64_t               n;
    unsigned               slot;
    ngx_websocket_store_t  fresh;

    /* checks fields that could lead out of the region */

    ngx_websocket_store_lay_out(&fresh, store->size);

    if (store->nundo > NGX_WEBSOCKET_STORE_JOURNAL
        || store->kinds_at != fresh.kinds_at
        || store->buckets_at != fresh.buckets_at
        || store->keys_at != fresh.keys_at
        || store->hints_at != fresh.hints_at
        || store->blocks_at != fresh.blocks_at
        || store->nblocks != fresh.nblocks
        || store->nbuckets != fresh.nbuckets
        || store->nhints != fresh.nhints)
    {
        return NGX_WEBSOCKET_STORE_INVALID;
    }

    for (n = 0; n < store->nundo; n++) {
        if (store->undo[n].place > store->size - sizeof(uint64_t)) {
            return NGX_WEBSOCKET_STORE_INVALID;
        }
    }

    ngx_websocket_store_recover(store);

    for (slot = 0; slot < NGX_WEBSOCKET_STORE_WORKERS; slot++) {
        ngx_websocket_store_attach(store, slot, 0);
    }

    return NGX_WEBSOCKET_STORE_OK;
}


void
ngx_websocket_store_recover(ngx_websocket_store_t *store)
{
    void                        *p;
    uint32_t                     word;
    uint64_t                     n;
    ngx_websocket_store_undo_t  *undo;

    /* newest first; if this process dies too, the next owner does it again */

    for (n = store->nundo; n > 0; n--) {

        undo = &store->undo[n - 1];
        p = ngx_websocket_store_at(store, undo->place);
        word = (uint32_t) undo->old;

        ngx_websocket_store_fault();

        switch (undo->width) {

        case 1:
            *(uint8_t *) p = (uint8_t) word;
            break;

        case 4:
            memcpy(p, &word, sizeof(word));
            break;

        default:
            memcpy(p, &undo->old, sizeof(undo->old));
            break;
        }

        ngx_websocket_store_order();
    }

    ngx_websocket_store_commit(store);

    __atomic_fetch_add(&store->repairs, 1, __ATOMIC_RELEASE);
}


uint32_t
ngx_websocket_store_free_blocks(const ngx_websocket_store_t *store)
{
    return store->listed + (store->nblocks - store->fresh);
}


void
ngx_websocket_store_list(ngx_websocket_store_t *store, uint32_t n)
{
    ngx_websocket_ref_t     ref, end, first;
    ngx_websocket_block_t  *block;

    if (store->listed >= n) {
        return;
    }

    n -= store->listed;
    end = store->fresh + n;
    first = store->free;

    /* no other process knows these blocks yet; the lowest comes first */

    for (ref = end - 1; ref >= store->fresh; ref--) {
        block = ngx_websocket_store_block(store, ref);

        ngx_websocket_store_fault();
        block->next = first;
        first = ref;
    }

    ngx_websocket_store_moved(64 * (uint64_t) n);

    ngx_websocket_store_set32(store, &store->free, first);
    ngx_websocket_store_set32(store, &store->listed, store->listed + n);
    ngx_websocket_store_set32(store, &store->fresh, end);
    ngx_websocket_store_commit(store);
}


ngx_websocket_ref_t
ngx_websocket_store_take(ngx_websocket_store_t *store, uint32_t n,
    ngx_websocket_ref_t *end)
{
    uint32_t                i;
    ngx_websocket_ref_t     first, ref;
    ngx_websocket_block_t  *block;

    first = store->free;
    ref = first;

    for (i = 1; i < n; i++) {
        block = ngx_websocket_store_block(store, ref);
        ref = block->next;
    }

    ngx_websocket_store_moved(64 * (uint64_t) n);

    block = ngx_websocket_store_block(store, ref);

    ngx_websocket_store_set32(store, &store->free, block->next);
    ngx_websocket_store_set32(store, &store->listed, store->listed - n);
    ngx_websocket_store_set32(store, &block->next, 0);

    *end = ref;

    return first;
}


void
ngx_websocket_store_give(ngx_websocket_store_t *store,
    ngx_websocket_ref_t first, ngx_websocket_ref_t end, uint32_t n)
{
    ngx_websocket_block_t  *block;

    block = ngx_websocket_store_block(store, end);

    ngx_websocket_store_set32(store, &block->next, store->free);
    ngx_websocket_store_set32(store, &store->free, first);
    ngx_websocket_store_set32(store, &store->listed, store->listed + n);
}


void
ngx_websocket_store_attach(ngx_websocket_store_t *store, uint32_t slot,
    uint32_t incarnation)
{
    if (store->workers[slot] != incarnation) {
        ngx_websocket_store_orphan_members(store, slot);
        ngx_websocket_store_forgo(store, slot);
    }

    ngx_websocket_store_set32(store, &store->workers[slot], incarnation);
    ngx_websocket_store_commit(store);
}


uint32_t
ngx_websocket_store_attached(const ngx_websocket_store_t *store, uint32_t slot)
{
    return *(const volatile uint32_t *) &store->workers[slot];
}


void
ngx_websocket_store_publish_hint(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t offset)
{
    uint64_t  *hints;

    hints = ngx_websocket_store_at(store, store->hints_at);

    /* release: a reader that sees this hint in the place of an old one also
       sees the head that is there */

    ngx_websocket_store_fault();

    __atomic_store_n(&hints[store->hints & (store->nhints - 1)],
                     (uint64_t) channel << 32 | (uint32_t) offset,
                     __ATOMIC_RELEASE);

    ngx_websocket_store_fault();

    __atomic_store_n(&store->hints, store->hints + 1, __ATOMIC_RELEASE);
}


uint64_t
ngx_websocket_store_hints(const ngx_websocket_store_t *store)
{
    return __atomic_load_n(&store->hints, __ATOMIC_SEQ_CST);
}


int
ngx_websocket_store_hint(const ngx_websocket_store_t *store,
    uint64_t *position, ngx_websocket_channel_ref_t *channel, uint32_t *offset)
{
    uint64_t  head, hint, *hints;

    /*
     * A worker sets that it is awake, then reads the hints; a publisher stores
     * the hint, then reads whether the worker is awake: one of them must see
     * the other's store.  A load that only acquires may be done before an
     * earlier store, as with LDAPR on ARM.
     */

    head = __atomic_load_n(&store->hints, __ATOMIC_SEQ_CST);

    if (*position == head) {
        return NGX_WEBSOCKET_STORE_EMPTY;
    }

    hints = ngx_websocket_store_at(store, store->hints_at);

    hint = __atomic_load_n(&hints[*position & (store->nhints - 1)],
                           __ATOMIC_ACQUIRE);

    /* the hint at the head's place may be being overwritten just now */

    head = __atomic_load_n(&store->hints, __ATOMIC_ACQUIRE);

    if (head - *position >= store->nhints) {
        *position = head;
        return NGX_WEBSOCKET_STORE_GAP;
    }

    (*position)++;

    *channel = (ngx_websocket_channel_ref_t) (hint >> 32);
    *offset = (uint32_t) hint;

    return NGX_WEBSOCKET_STORE_OK;
}


uint64_t
ngx_websocket_store_repairs(const ngx_websocket_store_t *store)
{
    return __atomic_load_n(&store->repairs, __ATOMIC_ACQUIRE);
}


void
ngx_websocket_store_stat(ngx_websocket_store_t *store,
    ngx_websocket_store_stat_t *stat)
{
    stat->blocks = store->nblocks - 1;
    stat->used = stat->blocks - ngx_websocket_store_free_blocks(store)
                 - store->waste;
    stat->channels = store->nchannels;
    stat->messages = store->nmessages;
}


const char *
ngx_websocket_store_strerror(int rc)
{
    switch (rc) {

    case NGX_WEBSOCKET_STORE_DUPLICATE:
        return "appended before";

    case NGX_WEBSOCKET_STORE_OK:
        return "no error";

    case NGX_WEBSOCKET_STORE_EMPTY:
        return "nothing to read";

    case NGX_WEBSOCKET_STORE_GAP:
        return "messages were lost";

    case NGX_WEBSOCKET_STORE_DELETED:
        return "the channel was deleted";

    case NGX_WEBSOCKET_STORE_NOSPACE:
        return "no space left";

    case NGX_WEBSOCKET_STORE_SHORT:
        return "the buffer is too small";

    case NGX_WEBSOCKET_STORE_NOTFOUND:
        return "no such channel";

    case NGX_WEBSOCKET_STORE_FULL:
        return "as many are there as may be";

    case NGX_WEBSOCKET_STORE_AGAIN:
        return "there is more to do";

    case NGX_WEBSOCKET_STORE_EPOCH:
        return "the channel has another epoch";

    case NGX_WEBSOCKET_STORE_MISMATCH:
        return "the key is another message's";

    case NGX_WEBSOCKET_STORE_ENDED:
        return "the channel has ended";

    default:
        return "not a store of this layout";
    }
}


static void
ngx_websocket_store_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = ngx_websocket_store_rotate(v[1], 13) ^ v[0];
    v[3] = ngx_websocket_store_rotate(v[3], 16) ^ v[2];
    v[0] = ngx_websocket_store_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = ngx_websocket_store_rotate(v[1], 17) ^ v[2];
    v[3] = ngx_websocket_store_rotate(v[3], 21) ^ v[0];
    v[2] = ngx_websocket_store_rotate(v[2], 32);
}


/* SipHash-1-3: Aumasson and Bernstein, 2012 */

uint64_t
ngx_websocket_store_hash(const ngx_websocket_store_t *store,
    const uint8_t *name, size_t size)
{
    size_t    i, n;
    uint64_t  key[2], v[4], word;

    memcpy(key, store->seed, sizeof(key));

    v[0] = key[0] ^ UINT64_C(0x736f6d6570736575);
    v[1] = key[1] ^ UINT64_C(0x646f72616e646f6d);
    v[2] = key[0] ^ UINT64_C(0x6c7967656e657261);
    v[3] = key[1] ^ UINT64_C(0x7465646279746573);

    for (i = 0; i <= size; i += 8) {

        n = size - i < 8 ? size - i : 8;
        word = n < 8 ? (uint64_t) size << 56 : 0;

        while (n--) {
            word |= (uint64_t) name[i + n] << (8 * n);
        }

        v[3] ^= word;
        ngx_websocket_store_sip_round(v);
        v[0] ^= word;
    }

    v[2] ^= 0xff;

    for (i = 0; i < 3; i++) {
        ngx_websocket_store_sip_round(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


void
ngx_websocket_store_key(const ngx_websocket_store_t *store,
    const uint8_t *data, size_t size, uint64_t key[2])
{
    uint8_t  buf[256];

    if (size > sizeof(buf) - 1) {
        size = sizeof(buf) - 1;
    }

    memcpy(&buf[1], data, size);

    buf[0] = 1;
    key[0] = ngx_websocket_store_hash(store, buf, size + 1);

    buf[0] = 2;
    key[1] = ngx_websocket_store_hash(store, buf, size + 1);
}
