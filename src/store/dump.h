
/*
 * A dump: all that a store has, as text that another store can be made of,
 * whatever its size, and whatever the layout of either.
 *
 * It is a head and records, each with a checksum; the last record says how many
 * there are.  Channels come before their messages, and messages in the order
 * in which they were appended, over all channels, so that a store which is too
 * small drops the oldest.  Numbers are as this machine has them.
 */


#ifndef NGX_WEBSOCKET_DUMP_H
#define NGX_WEBSOCKET_DUMP_H


#include "store/store.h"


/* bytes of a buffer that is always long enough, but for longer messages */
#define NGX_WEBSOCKET_DUMP_BUFFER  (64 * 1024)


/* who writes a dump, in its own memory */

typedef struct {
    uint32_t      *written;         /* of each block's channel: a part of the
                                       epoch that was written; or 0 */
    uint32_t       nwritten;
    uint32_t       channel;         /* the block to look at next */
    uint32_t       message;         /* the last one looked at, and what it
                                       was */
    uint32_t       of;
    uint64_t       offset;
    uint64_t       time;
    uint64_t       passed;          /* messages looked at */
    uint32_t       lost;            /* how many times it was not there */
    uint32_t       partly;          /* 1: the next one is written in part */
    ngx_websocket_store_cursor_t  cursor;
    uint64_t       channels;
    uint64_t       messages;
    size_t         need;            /* with SHORT: bytes of the buffer */
} ngx_websocket_dump_t;


/* what a dump says of itself */

typedef struct {
    uint64_t       clock;           /* when it was begun, by the messages' */
    uint64_t       channels;
    uint64_t       messages;
    const uint8_t *more;            /* what its author has added, or NULL */
    size_t         more_size;
    uint64_t       dropped;         /* set by load: found no room */
} ngx_websocket_dump_info_t;


/*
 * Lock-free.  Begins to write; 0, or -1 when memory is refused.  done() frees
 * it.
 */
int ngx_websocket_dump_begin(const ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump);
void ngx_websocket_dump_done(ngx_websocket_dump_t *dump);

/* Lock-free.  Writes the head: returns its bytes, at most 256. */
size_t ngx_websocket_dump_head(const ngx_websocket_store_t *store,
    uint64_t now, uint8_t *buf);

/*
 * Under the lock: writes the next records, as a section may be long, to a
 * buffer of at least NGX_WEBSOCKET_DUMP_BUFFER bytes, and sets *used.
 * Returns AGAIN, with the same buffer where *used is 0; OK when all is written;
 * SHORT when the next record takes a buffer of dump->need bytes; or GAP when
 * messages go faster than they are written.
 */
int ngx_websocket_dump_next(ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump, uint8_t *buf, size_t size, size_t *used);

/*
 * Lock-free.  Write a record of the author's own, with so many bytes, and the
 * last one: return its bytes, which are 32 more at most.
 */
size_t ngx_websocket_dump_more(const void *data, size_t size, uint8_t *buf);
size_t ngx_websocket_dump_end(const ngx_websocket_dump_t *dump, uint8_t *buf);

/*
 * Looks at a whole dump: returns OK, or INVALID when anything of it is not as
 * it was written.  *info is set.
 */
int ngx_websocket_dump_check(const uint8_t *data, size_t size,
    ngx_websocket_dump_info_t *info);

/*
 * Formats a store at base, of so many bytes, with what a dump has that was
 * checked.  The channels get new epochs, which begin at random: what came after
 * the dump is lost, and clients are told.  now is the time, which is not before
 * info->clock.  Returns OK, or NOSPACE when the
 * region is too small for any store.
 */
int ngx_websocket_dump_load(void *base, size_t size, const uint8_t *data,
    size_t data_size, uint64_t random, uint64_t now,
    ngx_websocket_dump_info_t *info);


#endif /* NGX_WEBSOCKET_DUMP_H */
