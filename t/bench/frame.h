
/*
 * WebSocket frames as the benchmark's programs need them, client's side and
 * server's side.
 */


#ifndef BENCH_FRAME_H
#define BENCH_FRAME_H


#include <stddef.h>
#include <stdint.h>
#include <string.h>


#define BENCH_TEXT        0x1
#define BENCH_CLOSE       0x8
#define BENCH_PING        0x9
#define BENCH_PONG        0xa

#define BENCH_FIN         0x80
#define BENCH_RSV1        0x40
#define BENCH_MASK        0x80

#define BENCH_HEAD_SIZE   14

/*
 * The key of RFC 6455, section 1.3, and what belongs to it: all connections
 * use it, so that neither side needs SHA-1.
 */

#define BENCH_KEY         "dGhlIHNhbXBsZSBub25jZQ=="
#define BENCH_ACCEPT      "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


/* The size of a frame's header; n bytes of the frame are there, at least 2. */

static inline size_t
bench_frame_head(const uint8_t *p)
{
    size_t  size;

    size = 2;

    switch (p[1] & 0x7f) {

    case 126:
        size += 2;
        break;

    case 127:
        size += 8;
        break;
    }

    return size + ((p[1] & BENCH_MASK) ? 4 : 0);
}


/*
 * How many bytes, from the frame's first, are needed to go on when n are
 * there: those of the whole frame as soon as its header is complete.
 */

static inline size_t
bench_frame_need(const uint8_t *p, size_t n)
{
    size_t    head, i, bytes;
    uint64_t  length;

    if (n < 2) {
        return 2;
    }

    head = bench_frame_head(p);

    if (n < head) {
        return head;
    }

    length = p[1] & 0x7f;

    if (length < 126) {
        return head + length;
    }

    bytes = (length == 126) ? 2 : 8;
    length = 0;

    for (i = 0; i < bytes; i++) {
        length = (length << 8) | p[2 + i];
    }

    return head + length;
}


/*
 * Writes a header, masked with key unless that is NULL; dst has room for
 * BENCH_HEAD_SIZE bytes.  Returns the header's size.
 */

static inline size_t
bench_frame_put(uint8_t *dst, uint8_t first, uint64_t length,
    const uint8_t *key)
{
    size_t   n, i, bytes;
    uint8_t  mask;

    mask = key ? BENCH_MASK : 0;
    dst[0] = first;
    n = 2;

    if (length < 126) {
        dst[1] = mask | (uint8_t) length;

    } else {
        bytes = (length < 65536) ? 2 : 8;
        dst[1] = mask | ((bytes == 2) ? 126 : 127);

        for (i = 0; i < bytes; i++) {
            dst[n++] = (uint8_t) (length >> (8 * (bytes - 1 - i)));
        }
    }

    if (key) {
        memcpy(dst + n, key, 4);
        n += 4;
    }

    return n;
}


static inline void
bench_frame_mask(uint8_t *dst, const uint8_t *src, size_t n,
    const uint8_t *key)
{
    size_t    i;
    uint64_t  word, wide;

    for (i = 0; i < 8; i++) {
        ((uint8_t *) &wide)[i] = key[i & 3];
    }

    for (i = 0; i + 8 <= n; i += 8) {
        memcpy(&word, src + i, 8);
        word ^= wide;
        memcpy(dst + i, &word, 8);
    }

    for ( /* void */ ; i < n; i++) {
        dst[i] = src[i] ^ key[i & 3];
    }
}


#endif /* BENCH_FRAME_H */
