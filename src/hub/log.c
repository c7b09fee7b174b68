
/*
 * The region: its layout, the journal, blocks, hints.
 */


#include <string.h>

#include "hub/log.h"
#include "hub/log_member.h"
#include "hub/log_message.h"
#include "hub/log_private.h"


#define ngx_websocket_log_align(n, a)  (((n) + (a) - 1) & ~(uint64_t) ((a) - 1))

#define ngx_websocket_log_rotate(x, b)  ((x) << (b) | (x) >> (64 - (b)))

#define NGX_WEBSOCKET_LOG_BLOCKS_MIN   64
#define NGX_WEBSOCKET_LOG_BUCKETS_MIN  64
#define NGX_WEBSOCKET_LOG_HINTS_MIN    1024


static size_t ngx_websocket_log_min_size(void);
static uint64_t ngx_websocket_log_power(uint64_t n, uint64_t min);
static void ngx_websocket_log_lay_out(ngx_websocket_log_t *log, size_t size);
static void ngx_websocket_log_sip_round(uint64_t v[4]);


/* the largest power of two up to n, but not less than min */

static uint64_t
ngx_websocket_log_power(uint64_t n, uint64_t min)
{
    uint64_t  p;

    for (p = min; p * 2 <= n; p *= 2) { /* void */ }

    return p;
}


/* fills what depends on the size only */

static void
ngx_websocket_log_lay_out(ngx_websocket_log_t *log, size_t size)
{
    uint64_t  n, end;

    end = ngx_websocket_log_align(sizeof(ngx_websocket_log_t), 64);

    /* a block, its kind, and a fourth of two buckets and of a hint */

    n = size > end ? (size - end) / (NGX_WEBSOCKET_LOG_BLOCK + 5) : 0;

    if (n > UINT32_MAX) {
        n = UINT32_MAX;
    }

    log->size = size;
    log->nbuckets = (uint32_t) ngx_websocket_log_power(n / 4,
                                               NGX_WEBSOCKET_LOG_BUCKETS_MIN);
    log->nhints = (uint32_t) ngx_websocket_log_power(n / 4,
                                                 NGX_WEBSOCKET_LOG_HINTS_MIN);

    log->hints_at = end;
    end += (uint64_t) log->nhints * sizeof(uint64_t);

    log->buckets_at = end;
    end += (uint64_t) log->nbuckets * sizeof(ngx_websocket_ref_t);

    log->keys_at = end;
    end += (uint64_t) log->nbuckets * sizeof(ngx_websocket_ref_t);

    log->kinds_at = end;
    log->blocks_at = ngx_websocket_log_align(end + n, 64);

    if (log->blocks_at < size
        && (size - log->blocks_at) / NGX_WEBSOCKET_LOG_BLOCK < n)
    {
        n = (size - log->blocks_at) / NGX_WEBSOCKET_LOG_BLOCK;
    }

    log->nblocks = log->blocks_at < size ? (uint32_t) n : 0;
}


/* the smallest region that can be formatted, bytes */

static size_t
ngx_websocket_log_min_size(void)
{
    return ngx_websocket_log_align(sizeof(ngx_websocket_log_t), 64)
           + NGX_WEBSOCKET_LOG_HINTS_MIN * sizeof(uint64_t)
           + 2 * NGX_WEBSOCKET_LOG_BUCKETS_MIN * sizeof(ngx_websocket_ref_t)
           + (NGX_WEBSOCKET_LOG_BLOCKS_MIN + 16)
             * (NGX_WEBSOCKET_LOG_BLOCK + 5);
}


int
ngx_websocket_log_format(void *base, size_t size, const uint8_t seed[16])
{
    ngx_websocket_log_t  *log;

    if (size < ngx_websocket_log_min_size()) {
        return NGX_WEBSOCKET_LOG_NOSPACE;
    }

    log = base;

    memset(log, 0, sizeof(ngx_websocket_log_t));

    ngx_websocket_log_lay_out(log, size);

    if (log->nblocks < NGX_WEBSOCKET_LOG_BLOCKS_MIN) {
        return NGX_WEBSOCKET_LOG_NOSPACE;
    }

    /* the blocks themselves are written when they are first used */

    memset(ngx_websocket_log_at(log, log->hints_at), 0,
           log->blocks_at - log->hints_at);

    memcpy(log->seed, seed, 16);

    /* clients see epochs: these must not tell the key */

    log->epoch = ngx_websocket_log_hash(log, (const uint8_t *) "epoch", 5);

    log->fresh = 1;
    log->version = NGX_WEBSOCKET_LOG_VERSION;
    log->magic = NGX_WEBSOCKET_LOG_MAGIC;

    return NGX_WEBSOCKET_LOG_OK;
}


ngx_websocket_log_t *
ngx_websocket_log_open(void *base, size_t size)
{
    ngx_websocket_log_t  *log;

    log = base;

    if (size < ngx_websocket_log_min_size()
        || log->magic != NGX_WEBSOCKET_LOG_MAGIC
        || log->version != NGX_WEBSOCKET_LOG_VERSION
        || log->size != size)
    {
        return NULL;
    }

    return log;
}


void
ngx_websocket_log_recover(ngx_websocket_log_t *log)
{
    void                      *p;
    uint32_t                   word;
    uint64_t                   n;
    ngx_websocket_log_undo_t  *undo;

    /* newest first; should we die here too, the next owner does it again */

    for (n = log->nundo; n > 0; n--) {

        undo = &log->undo[n - 1];
        p = ngx_websocket_log_at(log, undo->place);
        word = (uint32_t) undo->old;

        ngx_websocket_log_fault();

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

        ngx_websocket_log_order();
    }

    ngx_websocket_log_commit(log);

    __atomic_fetch_add(&log->repairs, 1, __ATOMIC_RELEASE);
}


uint32_t
ngx_websocket_log_free_blocks(const ngx_websocket_log_t *log)
{
    return log->listed + (log->nblocks - log->fresh);
}


void
ngx_websocket_log_list(ngx_websocket_log_t *log, uint32_t n)
{
    ngx_websocket_ref_t     ref, end, first;
    ngx_websocket_block_t  *block;

    if (log->listed >= n) {
        return;
    }

    n -= log->listed;
    end = log->fresh + n;
    first = log->free;

    /* nobody knows these yet; the lowest comes first */

    for (ref = end - 1; ref >= log->fresh; ref--) {
        block = ngx_websocket_log_block(log, ref);

        ngx_websocket_log_fault();
        block->next = first;
        first = ref;
    }

    ngx_websocket_log_moved(64 * (uint64_t) n);

    ngx_websocket_log_set32(log, &log->free, first);
    ngx_websocket_log_set32(log, &log->listed, log->listed + n);
    ngx_websocket_log_set32(log, &log->fresh, end);
    ngx_websocket_log_commit(log);
}


ngx_websocket_ref_t
ngx_websocket_log_take(ngx_websocket_log_t *log, uint32_t n,
    ngx_websocket_ref_t *end)
{
    uint32_t                i;
    ngx_websocket_ref_t     first, ref;
    ngx_websocket_block_t  *block;

    first = log->free;
    ref = first;

    for (i = 1; i < n; i++) {
        block = ngx_websocket_log_block(log, ref);
        ref = block->next;
    }

    ngx_websocket_log_moved(64 * (uint64_t) n);

    block = ngx_websocket_log_block(log, ref);

    ngx_websocket_log_set32(log, &log->free, block->next);
    ngx_websocket_log_set32(log, &log->listed, log->listed - n);
    ngx_websocket_log_set32(log, &block->next, 0);

    *end = ref;

    return first;
}


void
ngx_websocket_log_give(ngx_websocket_log_t *log, ngx_websocket_ref_t first,
    ngx_websocket_ref_t end, uint32_t n)
{
    ngx_websocket_block_t  *block;

    block = ngx_websocket_log_block(log, end);

    ngx_websocket_log_set32(log, &block->next, log->free);
    ngx_websocket_log_set32(log, &log->free, first);
    ngx_websocket_log_set32(log, &log->listed, log->listed + n);
}


void
ngx_websocket_log_attach(ngx_websocket_log_t *log, uint32_t slot,
    uint32_t incarnation)
{
    if (log->workers[slot] != incarnation) {
        ngx_websocket_log_bereave(log, slot);
        ngx_websocket_log_forgo(log, slot);
    }

    ngx_websocket_log_set32(log, &log->workers[slot], incarnation);
    ngx_websocket_log_commit(log);
}


uint32_t
ngx_websocket_log_attached(const ngx_websocket_log_t *log, uint32_t slot)
{
    return *(const volatile uint32_t *) &log->workers[slot];
}


void
ngx_websocket_log_publish_hint(ngx_websocket_log_t *log,
    ngx_websocket_ref_t channel, uint64_t offset)
{
    uint64_t  *hints;

    hints = ngx_websocket_log_at(log, log->hints_at);

    /* release: who sees this hint over an old one sees the head at it too */

    ngx_websocket_log_fault();

    __atomic_store_n(&hints[log->hints & (log->nhints - 1)],
                     (uint64_t) channel << 32 | (uint32_t) offset,
                     __ATOMIC_RELEASE);

    ngx_websocket_log_fault();

    __atomic_store_n(&log->hints, log->hints + 1, __ATOMIC_RELEASE);
}


uint64_t
ngx_websocket_log_hints(const ngx_websocket_log_t *log)
{
    return __atomic_load_n(&log->hints, __ATOMIC_SEQ_CST);
}


int
ngx_websocket_log_hint(const ngx_websocket_log_t *log, uint64_t *position,
    ngx_websocket_channel_ref_t *channel, uint32_t *offset)
{
    uint64_t  head, hint, *hints;

    /*
     * A worker says that it is awake, then looks; who publishes stores the
     * hint, then looks whether it is: one of them must see the other's store.
     * A load that only acquires may be done before a store that stands before
     * it, as with LDAPR on ARM.
     */

    head = __atomic_load_n(&log->hints, __ATOMIC_SEQ_CST);

    if (*position == head) {
        return NGX_WEBSOCKET_LOG_EMPTY;
    }

    hints = ngx_websocket_log_at(log, log->hints_at);

    hint = __atomic_load_n(&hints[*position & (log->nhints - 1)],
                           __ATOMIC_ACQUIRE);

    /* the hint at the head's place may be being overwritten just now */

    head = __atomic_load_n(&log->hints, __ATOMIC_ACQUIRE);

    if (head - *position >= log->nhints) {
        *position = head;
        return NGX_WEBSOCKET_LOG_GAP;
    }

    (*position)++;

    *channel = (ngx_websocket_channel_ref_t) (hint >> 32);
    *offset = (uint32_t) hint;

    return NGX_WEBSOCKET_LOG_OK;
}


uint64_t
ngx_websocket_log_repairs(const ngx_websocket_log_t *log)
{
    return __atomic_load_n(&log->repairs, __ATOMIC_ACQUIRE);
}


void
ngx_websocket_log_stat(ngx_websocket_log_t *log,
    ngx_websocket_log_stat_t *stat)
{
    stat->blocks = log->nblocks - 1;
    stat->used = stat->blocks - ngx_websocket_log_free_blocks(log)
                 - log->waste;
    stat->channels = log->nchannels;
    stat->messages = log->nmessages;
}


const char *
ngx_websocket_log_strerror(int rc)
{
    switch (rc) {

    case NGX_WEBSOCKET_LOG_DUPLICATE:
        return "appended before";

    case NGX_WEBSOCKET_LOG_OK:
        return "no error";

    case NGX_WEBSOCKET_LOG_EMPTY:
        return "nothing to read";

    case NGX_WEBSOCKET_LOG_GAP:
        return "messages were lost";

    case NGX_WEBSOCKET_LOG_DELETED:
        return "the channel was deleted";

    case NGX_WEBSOCKET_LOG_NOSPACE:
        return "no space left";

    case NGX_WEBSOCKET_LOG_SHORT:
        return "the buffer is too small";

    case NGX_WEBSOCKET_LOG_NOTFOUND:
        return "no such channel";

    case NGX_WEBSOCKET_LOG_FULL:
        return "as many are there as may be";

    case NGX_WEBSOCKET_LOG_AGAIN:
        return "there is more to do";

    default:
        return "not a log of this layout";
    }
}


static void
ngx_websocket_log_sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = ngx_websocket_log_rotate(v[1], 13) ^ v[0];
    v[3] = ngx_websocket_log_rotate(v[3], 16) ^ v[2];
    v[0] = ngx_websocket_log_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = ngx_websocket_log_rotate(v[1], 17) ^ v[2];
    v[3] = ngx_websocket_log_rotate(v[3], 21) ^ v[0];
    v[2] = ngx_websocket_log_rotate(v[2], 32);
}


/* SipHash-1-3: Aumasson and Bernstein, 2012 */

uint64_t
ngx_websocket_log_hash(const ngx_websocket_log_t *log, const uint8_t *name,
    size_t size)
{
    size_t    i, n;
    uint64_t  key[2], v[4], word;

    memcpy(key, log->seed, sizeof(key));

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
        ngx_websocket_log_sip_round(v);
        v[0] ^= word;
    }

    v[2] ^= 0xff;

    for (i = 0; i < 3; i++) {
        ngx_websocket_log_sip_round(v);
    }

    return v[0] ^ v[1] ^ v[2] ^ v[3];
}


void
ngx_websocket_log_key(const ngx_websocket_log_t *log, const uint8_t *data,
    size_t size, uint64_t key[2])
{
    uint8_t  buf[256];

    if (size > sizeof(buf) - 1) {
        size = sizeof(buf) - 1;
    }

    memcpy(&buf[1], data, size);

    buf[0] = 1;
    key[0] = ngx_websocket_log_hash(log, buf, size + 1);

    buf[0] = 2;
    key[1] = ngx_websocket_log_hash(log, buf, size + 1);
}
