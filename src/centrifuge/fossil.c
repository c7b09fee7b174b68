
#include <string.h>

#include "centrifuge/fossil.h"


/*
 * The source's blocks of 8 bytes that begin at every so many bytes are found
 * by their hash; what they have in common with the target is then as long as
 * it can be.  Few blocks of the same hash are looked at, and few bytes before
 * a block, which an earlier block would have found otherwise.
 */

#define NGX_WEBSOCKET_FOSSIL_BLOCK   8
#define NGX_WEBSOCKET_FOSSIL_STEP    4          /* at least */
#define NGX_WEBSOCKET_FOSSIL_BLOCKS  4096       /* at most */
#define NGX_WEBSOCKET_FOSSIL_BITS    13
#define NGX_WEBSOCKET_FOSSIL_NONE    0xffff
#define NGX_WEBSOCKET_FOSSIL_TRIES   4
#define NGX_WEBSOCKET_FOSSIL_BEFORE  64


typedef struct {
    const uint8_t                *source;
    size_t                        source_size;
    const uint8_t                *target;
    size_t                        size;
    int                           text;

    size_t                        step;
    unsigned                      shift;        /* of a hash */

    size_t                        done;         /* of the target */
    uint8_t                      *p;
    uint8_t                      *last;
    int                           full;         /* it is no gain */
} ngx_websocket_fossil_t;


/* bytes that source and target have in common */

typedef struct {
    size_t                        from;         /* in the source */
    size_t                        at;           /* in the target */
    size_t                        size;
} ngx_websocket_fossil_copy_t;


static void ngx_websocket_fossil_index(ngx_websocket_fossil_t *f);
static uint64_t ngx_websocket_fossil_block(const uint8_t *p);
static unsigned ngx_websocket_fossil_hash(ngx_websocket_fossil_t *f,
    uint64_t block);
static void ngx_websocket_fossil_find(ngx_websocket_fossil_t *f, size_t at,
    ngx_websocket_fossil_copy_t *best);
static void ngx_websocket_fossil_extend(ngx_websocket_fossil_t *f, size_t from,
    size_t at, ngx_websocket_fossil_copy_t *best);
static void ngx_websocket_fossil_whole(ngx_websocket_fossil_t *f,
    ngx_websocket_fossil_copy_t *copy);
static int ngx_websocket_fossil_inside(ngx_websocket_fossil_t *f, size_t at);
static void ngx_websocket_fossil_literal(ngx_websocket_fossil_t *f,
    size_t size);
static void ngx_websocket_fossil_copy(ngx_websocket_fossil_t *f,
    ngx_websocket_fossil_copy_t *copy);
static void ngx_websocket_fossil_number(ngx_websocket_fossil_t *f,
    uint32_t number, uint8_t mark);
static uint32_t ngx_websocket_fossil_sum(const uint8_t *p, size_t size);


/* the first block of each hash, and the next one of the same */

static uint16_t  ngx_websocket_fossil_first[1 << NGX_WEBSOCKET_FOSSIL_BITS];
static uint16_t  ngx_websocket_fossil_next[NGX_WEBSOCKET_FOSSIL_BLOCKS];


size_t
ngx_websocket_fossil_make(const uint8_t *source, size_t source_size,
    const uint8_t *target, size_t size, int text, uint8_t *patch)
{
    size_t                       at;
    ngx_websocket_fossil_t       f;
    ngx_websocket_fossil_copy_t  copy;

    if (source_size < NGX_WEBSOCKET_FOSSIL_BLOCK
        || size < NGX_WEBSOCKET_FOSSIL_BLOCK
        || source_size > NGX_WEBSOCKET_FOSSIL_SIZE
        || size > NGX_WEBSOCKET_FOSSIL_SIZE)
    {
        return 0;
    }

    memset(&f, 0, sizeof(f));

    f.source = source;
    f.source_size = source_size;
    f.target = target;
    f.size = size;
    f.text = text;
    f.p = patch;
    f.last = patch + size - 1;

    ngx_websocket_fossil_index(&f);
    ngx_websocket_fossil_number(&f, (uint32_t) size, '\n');

    for (at = 0; at + NGX_WEBSOCKET_FOSSIL_BLOCK <= size && !f.full; /* */ ) {

        copy.size = 0;
        ngx_websocket_fossil_find(&f, at, &copy);

        if (copy.size == 0) {
            at++;
            continue;
        }

        ngx_websocket_fossil_literal(&f, copy.at - f.done);
        ngx_websocket_fossil_copy(&f, &copy);

        at = f.done;
    }

    ngx_websocket_fossil_literal(&f, size - f.done);
    ngx_websocket_fossil_number(&f, ngx_websocket_fossil_sum(target, size),
                                ';');

    return f.full ? 0 : (size_t) (f.p - patch);
}


static void
ngx_websocket_fossil_index(ngx_websocket_fossil_t *f)
{
    size_t    n, i, all;
    unsigned  bits, hash;

    f->step = f->source_size / NGX_WEBSOCKET_FOSSIL_BLOCKS + 1;

    if (f->step < NGX_WEBSOCKET_FOSSIL_STEP) {
        f->step = NGX_WEBSOCKET_FOSSIL_STEP;
    }

    all = (f->source_size - NGX_WEBSOCKET_FOSSIL_BLOCK) / f->step + 1;

    for (bits = 4; bits < NGX_WEBSOCKET_FOSSIL_BITS; bits++) {
        if (((size_t) 1 << bits) >= 2 * all) {
            break;
        }
    }

    f->shift = 64 - bits;

    memset(ngx_websocket_fossil_first, 0xff,
           sizeof(ngx_websocket_fossil_first[0]) << bits);

    /* from the last one on: of those of a hash the first comes first */

    for (n = all; n; n--) {

        i = n - 1;
        hash = ngx_websocket_fossil_hash(f,
                      ngx_websocket_fossil_block(f->source + i * f->step));

        ngx_websocket_fossil_next[i] = ngx_websocket_fossil_first[hash];
        ngx_websocket_fossil_first[hash] = (uint16_t) i;
    }
}


static uint64_t
ngx_websocket_fossil_block(const uint8_t *p)
{
    uint64_t  block;

    memcpy(&block, p, sizeof(block));

    return block;
}


static unsigned
ngx_websocket_fossil_hash(ngx_websocket_fossil_t *f, uint64_t block)
{
    return (unsigned) (block * UINT64_C(0x9e3779b97f4a7c15) >> f->shift);
}


/* what is longest of a block that is found at a place of the target */

static void
ngx_websocket_fossil_find(ngx_websocket_fossil_t *f, size_t at,
    ngx_websocket_fossil_copy_t *best)
{
    size_t    from;
    uint16_t  i;
    unsigned  tries;
    uint64_t  block;

    block = ngx_websocket_fossil_block(f->target + at);
    i = ngx_websocket_fossil_first[ngx_websocket_fossil_hash(f, block)];

    for (tries = 0;
         i != NGX_WEBSOCKET_FOSSIL_NONE
         && tries < NGX_WEBSOCKET_FOSSIL_TRIES;
         tries++, i = ngx_websocket_fossil_next[i])
    {
        from = i * f->step;

        if (ngx_websocket_fossil_block(f->source + from) == block) {
            ngx_websocket_fossil_extend(f, from, at, best);
        }
    }
}


static void
ngx_websocket_fossil_extend(ngx_websocket_fossil_t *f, size_t from, size_t at,
    ngx_websocket_fossil_copy_t *best)
{
    size_t                       before;
    ngx_websocket_fossil_copy_t  copy;

    copy.from = from;
    copy.at = at;
    copy.size = NGX_WEBSOCKET_FOSSIL_BLOCK;

    while (from + copy.size < f->source_size && at + copy.size < f->size
           && f->source[from + copy.size] == f->target[at + copy.size])
    {
        copy.size++;
    }

    for (before = 0;
         before < NGX_WEBSOCKET_FOSSIL_BEFORE
         && copy.from && copy.at > f->done
         && f->source[copy.from - 1] == f->target[copy.at - 1];
         before++)
    {
        copy.from--;
        copy.at--;
        copy.size++;
    }

    if (f->text) {
        ngx_websocket_fossil_whole(f, &copy);
    }

    /* a copy is written in seven bytes, or a few more */

    if (copy.size >= NGX_WEBSOCKET_FOSSIL_BLOCK && copy.size > best->size) {
        *best = copy;
    }
}


/* whole characters of the target: what is left of it are whole ones, too */

static void
ngx_websocket_fossil_whole(ngx_websocket_fossil_t *f,
    ngx_websocket_fossil_copy_t *copy)
{
    while (copy->size && ngx_websocket_fossil_inside(f, copy->at)) {
        copy->from++;
        copy->at++;
        copy->size--;
    }

    while (copy->size
           && ngx_websocket_fossil_inside(f, copy->at + copy->size))
    {
        copy->size--;
    }
}


static int
ngx_websocket_fossil_inside(ngx_websocket_fossil_t *f, size_t at)
{
    return at < f->size && (f->target[at] & 0xc0) == 0x80;
}


/* the next bytes of the target */

static void
ngx_websocket_fossil_literal(ngx_websocket_fossil_t *f, size_t size)
{
    if (size == 0) {
        return;
    }

    ngx_websocket_fossil_number(f, (uint32_t) size, ':');

    if (f->full || size > (size_t) (f->last - f->p)) {
        f->full = 1;
        return;
    }

    memcpy(f->p, f->target + f->done, size);

    f->p += size;
    f->done += size;
}


static void
ngx_websocket_fossil_copy(ngx_websocket_fossil_t *f,
    ngx_websocket_fossil_copy_t *copy)
{
    ngx_websocket_fossil_number(f, (uint32_t) copy->size, '@');
    ngx_websocket_fossil_number(f, (uint32_t) copy->from, ',');

    f->done += copy->size;
}


/* with the byte that stands behind it */

static void
ngx_websocket_fossil_number(ngx_websocket_fossil_t *f, uint32_t number,
    uint8_t mark)
{
    uint8_t  buf[7], *p;

    static const char  digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                                  "abcdefghijklmnopqrstuvwxyz~";

    p = buf + sizeof(buf);
    *--p = mark;

    do {
        *--p = (uint8_t) digits[number & 0x3f];
        number >>= 6;
    } while (number);

    if (f->full || buf + sizeof(buf) - p > f->last - f->p) {
        f->full = 1;
        return;
    }

    memcpy(f->p, p, (size_t) (buf + sizeof(buf) - p));
    f->p += buf + sizeof(buf) - p;
}


/* of words of four bytes, the last of which may lack some */

static uint32_t
ngx_websocket_fossil_sum(const uint8_t *p, size_t size)
{
    size_t    i;
    uint32_t  sum;

    for (sum = 0, i = 0; i < size; i++) {
        sum += (uint32_t) p[i] << 8 * (3 - i % 4);
    }

    return sum;
}
