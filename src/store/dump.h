
/*
 * A dump: all that a store has, as text that another store can be made of,
 * whatever its size, and whatever the layout of either.
 *
 * It is a head and records, each with a checksum; the last record says how many
 * there are.  Channels come before the messages, and these from the newest to
 * the oldest, over all channels: what goes while they are written is what would
 * be written last.  Numbers are as this machine has them.
 *
 * Beside a dump there may be logs: each is a head and a record for each message
 * that was to be on the disk before its publisher was told.  Its last record
 * may be in part, after a loss of power.
 *
 * What is loaded has other epochs, by one number more than the dump says: a
 * channel is the same one in a dump and in logs, also in those that were begun
 * after that dump was loaded.
 */


#ifndef NGX_WEBSOCKET_DUMP_H
#define NGX_WEBSOCKET_DUMP_H


#include "store/store.h"


/* bytes of a buffer that is always long enough, but for longer messages */
#define NGX_WEBSOCKET_DUMP_BUFFER  (64 * 1024)

/* bytes of a head, at most */
#define NGX_WEBSOCKET_DUMP_HEAD    256


/* who writes a dump, in its own memory */

typedef struct {
    uint32_t      *written;         /* of each block's channel: a part of the
                                       epoch that was written; or 0 */
    uint32_t       channel;         /* the block to look at next */
    uint32_t       fresh;           /* up to here: channels that are made later
                                       come with their messages */
    uint32_t       begun;           /* 1: with the messages */
    uint32_t       partly;          /* 1: the next one is written in part */
    ngx_websocket_store_cursor_t  cursor;
    uint64_t       channels;
    uint64_t       messages;
    size_t         need;            /* with SHORT: bytes of the buffer */
} ngx_websocket_dump_t;


/* a message for a log */

typedef struct {
    const uint8_t                       *name;      /* of its channel */
    size_t                               name_size;
    uint64_t                             epoch;
    const ngx_websocket_store_history_t *history;   /* or NULL */
    const ngx_websocket_store_message_t *message;   /* as it was appended */
    const ngx_websocket_store_part_t    *parts;
    size_t                               n;
} ngx_websocket_dump_logged_t;


/*
 * Lock-free.  Begins to write; 0, or -1 when memory is refused.  done() frees
 * it.  There is one dump of a store at a time.
 */
int ngx_websocket_dump_begin(const ngx_websocket_store_t *store,
    ngx_websocket_dump_t *dump);
void ngx_websocket_dump_done(ngx_websocket_dump_t *dump);

/*
 * Lock-free.  Write the head of a dump, with the number of the first log that
 * is needed with it, or that of a log: return its bytes.
 */
size_t ngx_websocket_dump_head(const ngx_websocket_store_t *store,
    uint64_t now, uint64_t log, uint8_t *buf);
size_t ngx_websocket_dump_log_head(const ngx_websocket_store_t *store,
    uint64_t now, uint64_t log, uint8_t *buf);

/*
 * Under the lock: writes the next records, as a section may be long, to a
 * buffer of at least NGX_WEBSOCKET_DUMP_BUFFER bytes, and sets *used.
 * Returns AGAIN, with the same buffer where *used is 0; OK when all is written;
 * or SHORT when the next record takes a buffer of dump->need bytes.
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
 * Lock-free.  The bytes of a message's record in a log, and that record, which
 * returns them.
 */
size_t ngx_websocket_dump_logged_size(const ngx_websocket_dump_logged_t *log);
size_t ngx_websocket_dump_logged(const ngx_websocket_dump_logged_t *log,
    uint8_t *buf);


#endif /* NGX_WEBSOCKET_DUMP_H */
