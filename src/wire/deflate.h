
/*
 * permessage-deflate: RFC 7692.  Plain C on zlib, no I/O; memory comes from
 * zlib's own callbacks, which the caller may set.
 *
 * Memory, with zlib 1.2.13 on 64 bits:
 *
 *     deflater   (1 << (bits + 2)) + (1 << (mem_level + 9)) + 6 KB, all of it
 *                from init on: 262 KB with 15 bits and level 8, 10 KB with 9
 *                bits and level 2
 *     inflater   7 KB from init on, and 1 << bits from the first message
 *                that is not empty: 39 KB with 15 bits, 7.5 KB with 9 bits
 *
 * Without context takeover a session needs neither between messages.  One
 * deflater per worker and set of parameters compresses each broadcast, once for
 * all its subscribers.  One inflater of 15 bits reads the messages of any
 * client, as its window is large enough for all smaller ones.  A session has an
 * inflater of its own only while a message arrives in several reads;
 * ngx_websocket_inflater_reset() then makes it ready for another session,
 * whether or not the message was complete.
 */


#ifndef NGX_WEBSOCKET_DEFLATE_H
#define NGX_WEBSOCKET_DEFLATE_H


#include <stddef.h>
#include <stdint.h>

#include <zlib.h>


#define NGX_WEBSOCKET_DEFLATE_MIN_BITS   9   /* least that zlib can compress
                                               with */
#define NGX_WEBSOCKET_DEFLATE_MAX_BITS   15

/* the longest response */

#define NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE                                   \
    (sizeof("permessage-deflate"                                              \
            "; server_no_context_takeover; client_no_context_takeover"        \
            "; server_max_window_bits=15; client_max_window_bits=15") - 1)


typedef enum {
    NGX_WEBSOCKET_DEFLATE_OK = 0,
    NGX_WEBSOCKET_DEFLATE_DECLINED,   /* no offer was acceptable */
    NGX_WEBSOCKET_DEFLATE_FULL,       /* the output is full */
    NGX_WEBSOCKET_DEFLATE_NO_MEMORY,
    NGX_WEBSOCKET_DEFLATE_ERROR
} ngx_websocket_deflate_e;


/* what the server offers and asks for */

typedef struct {
    uint8_t        server_takeover;   /* 1: may keep its window */
    uint8_t        client_takeover;   /* 1: the client may */
    uint8_t        server_bits;       /* 9..15, the largest to be used */
    uint8_t        client_bits;       /* 9..15, for clients that can limit it */
} ngx_websocket_deflate_conf_t;


/* the agreed parameters; all zeros before the first header line */

typedef struct {
    uint8_t        accepted;          /* 1: the rest is set */
    uint8_t        server_no_takeover;
    uint8_t        client_no_takeover;
    uint8_t        server_bits;       /* 9..15: for the deflater */
    uint8_t        client_bits;       /* 8..15: for the inflater */

    /* private: whether the response has them */

    uint8_t        say_server_bits;
    uint8_t        say_client_bits;
} ngx_websocket_deflate_t;


typedef struct {
    z_stream       stream;
    uint8_t        takeover;
    uint8_t        level;
} ngx_websocket_deflater_t;


typedef struct {
    z_stream       stream;
    uint8_t        takeover;
    uint8_t        fresh;             /* no input since the reset */
    uint8_t        failed;            /* the error to return until a reset */
    uint8_t        lent;              /* it shares its window with others */
} ngx_websocket_inflater_t;


/*
 * Reads one Sec-WebSocket-Extensions line of a client; a request may have
 * several, to be given in their order with the same *agreed.  The first
 * acceptable offer of permessage-deflate is accepted, other extensions are
 * ignored.  Returns
 *
 *     OK         an offer of this line or of one before it is in *agreed
 *     DECLINED   none so far: no response header, no compression
 *     ERROR      the line is not what RFC 6455, section 9.1, allows: the
 *                handshake must fail (400), even if an offer was accepted
 *
 * All of the line is read, also after the accepted offer.  Empty list
 * elements and spaces around ";", "," and "=" are allowed, as section 9.1 has
 * it; a quoted value must hold a token.  Names are compared with case.
 *
 * An offer with an unknown or repeated parameter, a value where none may be,
 * no value for server_max_window_bits, or a window that is not 8..15 without
 * leading zeros is declined, and the next one tried (RFC 7692, section 7.1).
 * So is server_max_window_bits=8: zlib has no raw deflate with a window of
 * 256 bytes (before 1.2.9 it took 512 instead, since then it refuses), and a
 * peer that knows this offers something else after it.
 *
 * The agreed windows and takeovers are the smaller of what both sides allow.  A
 * client that did not offer client_max_window_bits cannot be asked to limit its
 * window: client_bits is then 15, and where conf has less, the client is asked
 * for no takeover instead (RFC 7692, section 7.1.1.2).
 */
ngx_websocket_deflate_e ngx_websocket_deflate_accept(const uint8_t *line,
    size_t size, const ngx_websocket_deflate_conf_t *conf,
    ngx_websocket_deflate_t *agreed);

/*
 * Writes the value of the response's Sec-WebSocket-Extensions at dst, which
 * has room for NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE bytes; agreed->accepted
 * is 1.  Returns its size.  No zero byte follows.
 */
size_t ngx_websocket_deflate_response(const ngx_websocket_deflate_t *agreed,
    uint8_t *dst);


/*
 * Makes a deflater: bits 9..15, level 0..9 or -1 for zlib's default (6),
 * mem_level 1..9.  takeover is not 0 where a message may refer to those
 * before it: such a deflater belongs to one session, and all its output must be
 * sent in order.  alloc and release are zlib's zalloc and zfree, called with
 * data; where both are NULL, malloc() and free() are used.
 *
 * Returns OK, NO_MEMORY or ERROR (a parameter out of its range), and owns
 * nothing unless OK.
 */
ngx_websocket_deflate_e ngx_websocket_deflater_init(
    ngx_websocket_deflater_t *deflater, int bits, int level, int mem_level,
    unsigned takeover, alloc_func alloc, free_func release, void *data);

/*
 * Returns the capacity with which compressing n bytes is never FULL: 13% more,
 * and some bytes.
 */
size_t ngx_websocket_deflate_bound(size_t n);

/*
 * Compresses one message, n bytes at p, to dst, and sets *size: the payload
 * for frames of which the first has RSV1.  It is not empty; that of an empty
 * message is the byte 0 (RFC 7692, section 7.2.3.6).  Returns
 *
 *     OK
 *     FULL    dst is too small, and the message is best sent uncompressed.  A
 *             capacity of n tests whether compression gains anything: zlib
 *             needs 5 bytes more than *size would be.
 *     ERROR   zlib failed, or n is 4 GB or more
 *
 * At levels above 5 zlib is limited to fewer comparisons per byte the larger
 * the message is: 64 KB of any content take some milliseconds.
 *
 * After FULL and ERROR the deflater is reset: the next message does not refer
 * to others, which is valid with or without context takeover.  The cost of a
 * message without takeover includes clearing the hash table, 1 <<
 * (mem_level + 8) bytes.
 */
ngx_websocket_deflate_e ngx_websocket_deflate(
    ngx_websocket_deflater_t *deflater, const uint8_t *p, size_t n,
    uint8_t *dst, size_t capacity, size_t *size);

/* Frees what a deflater owns. */
void ngx_websocket_deflater_done(ngx_websocket_deflater_t *deflater);


/*
 * Makes an inflater: bits 8..15, those agreed for the client or more (8 is
 * taken for 9: clients with an old zlib use 512 bytes when they say 256).
 * takeover is not 0 where a message may refer to those before it: such an
 * inflater belongs to one session.  The other parameters and the results are
 * those of ngx_websocket_deflater_init().
 */
ngx_websocket_deflate_e ngx_websocket_inflater_init(
    ngx_websocket_inflater_t *inflater, int bits, unsigned takeover,
    alloc_func alloc, free_func release, void *data);

/*
 * Makes an inflater of 15 bits without takeover that shares its window with all
 * others made by this function in the process: it owns 7 KB, not 40.  Where
 * zlib allocates its window in an unexpected way, the window is its own.
 * Results as of ngx_websocket_inflater_init().
 */
ngx_websocket_deflate_e ngx_websocket_inflater_init_lent(
    ngx_websocket_inflater_t *inflater);

/*
 * Restores the shared window of such an inflater, to be called before feed()
 * and end() when another inflater may have used it since.  last is the end of
 * the message's output so far, all of which is still in memory before it.
 */
void ngx_websocket_inflater_recall(ngx_websocket_inflater_t *inflater,
    const uint8_t *last);

/*
 * Decompresses the next n bytes of a message's payload, any pieces of it,
 * into dst, whose capacity is at least 1.  *consumed and *produced are set in
 * every case.  Returns
 *
 *     OK          all input is used, and all its output is in dst
 *     FULL        dst is full: call again with more room and the rest of the
 *                 input, which may be empty; there may be more output or not
 *     NO_MEMORY   the window, which the first output needs, was refused
 *     ERROR       the data is invalid
 *
 * An error stays until the inflater is reset.  For ERROR the connection
 * fails with 1007.  RFC 7692 names no code; the payload is data that is not
 * what the message claims, which RFC 6455 gives 1007; peers answer either
 * that or 1002.
 *
 * The caller limits what a decompression bomb can cost: it gives at most one
 * byte more room than a message may have, and stops (1009) when that is used.
 * Blocks may be empty, so that input need not make output: the caller limits
 * the bytes of the payload as well.
 *
 * A block with BFINAL set ends a stream, and what follows begins another
 * with an empty window (section 7.2.3.4 and 7.2.3.5).
 */
ngx_websocket_deflate_e ngx_websocket_inflater_feed(
    ngx_websocket_inflater_t *inflater, const uint8_t *p, size_t n,
    uint8_t *dst, size_t capacity, size_t *consumed, size_t *produced);

/*
 * Ends a message, after feed() returned OK for its last byte.  Returns OK, with
 * the inflater ready for the next message; ERROR (1007) when the payload ended
 * within a block; or NO_MEMORY.
 *
 * A payload should end with an empty block without its last 4 bytes.  One that
 * ends after a whole block, at the end of a byte, is accepted too: some
 * libraries send empty messages or the last of several fragments like this,
 * because a second sync flush of zlib has no output.
 */
ngx_websocket_deflate_e ngx_websocket_inflater_end(
    ngx_websocket_inflater_t *inflater);

/*
 * Resets an inflater: it forgets the message, errors and, with takeover,
 * earlier messages.  The memory is kept.
 */
void ngx_websocket_inflater_reset(ngx_websocket_inflater_t *inflater);

/* Frees what an inflater owns. */
void ngx_websocket_inflater_done(ngx_websocket_inflater_t *inflater);


#endif /* NGX_WEBSOCKET_DEFLATE_H */
