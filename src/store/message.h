
/*
 * The store's messages: appended, read, dropped.
 */


#ifndef NGX_WEBSOCKET_STORE_MESSAGE_H
#define NGX_WEBSOCKET_STORE_MESSAGE_H


#include "store/store.h"


/* the data of a part, of size 0, that is the message's offset, in decimal */
extern const uint8_t  ngx_websocket_store_offset[];


/*
 * Appends a message of n parts to a channel.  message->time (now), source,
 * key, meta, type, priority and fraction are the caller's; offset and size are
 * set.  *wake gets the workers that have subscribers, *info the channel's
 * state after the append (either may be NULL).
 *
 * With a key that a message of the channel bears which is still in the store,
 * nothing is appended: DUPLICATE, with message->offset and time set to that
 * message's.
 *
 * First drops, in constant amortised time, what the channel's history no
 * longer keeps and every subscribed worker has read.  When blocks are short,
 * the channels go that have neither messages nor subscribers nor members, then
 * the oldest messages of the whole store, as long as no live subscribed worker
 * has yet to read them, or they are older than ten seconds (a worker that
 * hangs must not stop all publishing: it will be told of a gap).
 *
 * The time of a message is never before that of others: where message->time
 * is, as its author was held up, it is set to the present.
 *
 * Returns OK; NOSPACE with nothing appended (what had to go for the attempt
 * may be gone, but not when the message is larger than the region could ever
 * hold, or than a message may be: this is seen first); or AGAIN.
 */
int ngx_websocket_store_append(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n,
    ngx_websocket_store_wake_t *wake, ngx_websocket_store_info_t *info);

/*
 * Appending a message that is larger than NGX_WEBSOCKET_STORE_PIECE, so that
 * the lock is not held while it is copied: its blocks are reserved in the name
 * of the worker in the slot, which has one such message at a time; the worker
 * fills them, which is lock-free; then they are appended.  All three get the
 * same message and parts, and *large, which is zeroed before the first.
 *
 * reserve() returns OK, NOSPACE, or AGAIN; append_large() what append() does:
 * AGAIN says to begin with reserve() once more.  What was reserved and did not
 * become a message is to be given back by unreserve(), or is when the slot has
 * another incarnation.
 */
#define NGX_WEBSOCKET_STORE_PIECE      (512 * 1024)

int ngx_websocket_store_reserve(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_store_large_t *large);
void ngx_websocket_store_fill(ngx_websocket_store_t *store,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_store_large_t *large);
int ngx_websocket_store_append_large(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_store_large_t *large, ngx_websocket_store_wake_t *wake,
    ngx_websocket_store_info_t *info);
void ngx_websocket_store_unreserve(ngx_websocket_store_t *store,
    uint32_t slot);

/*
 * Sets a visitor's cursor to read from offset on.  Takes O(store n) steps in a
 * history of n messages.  Returns OK (also for the offset after the newest),
 * or GAP when the history does not reach back that far or has not come that
 * far: the cursor is then at the oldest message that there is.
 */
int ngx_websocket_store_seek(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t offset,
    ngx_websocket_store_cursor_t *cursor);

/*
 * Copies the next message, meta first, to buf and advances the cursor, and
 * with it, in the store, the worker's progress.  A visitor is not given what
 * the channel's history no longer keeps.  Returns
 *   OK       *message is set, buf filled;
 *   EMPTY    all is read;
 *   SHORT    *message is set, but size is less than message->size: nothing
 *            was copied, the cursor stays;
 *   AGAIN    a part of a large message was copied: to be called again with the
 *            same buffer;
 *   GAP      what should come next is gone: it is said again and again, until
 *            who reads acknowledges it by ngx_websocket_store_skip();
 *   DELETED  the channel (or this incarnation of it) is gone.
 */
int ngx_websocket_store_read(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *message, uint8_t *buf, size_t size);

/*
 * Acknowledges a gap: the cursor moves to the oldest message that there is,
 * or to the next one to come.  Does nothing where there is no gap.
 */
void ngx_websocket_store_skip(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor);


/* for the other files of the store */

/*
 * Drops what deleted channels have left, channels that nothing holds but keep,
 * and old messages, until n blocks are free; looks at up to max of them.
 * Returns OK, NOSPACE, or AGAIN where there may be more to drop.
 */
int ngx_websocket_store_make_room(ngx_websocket_store_t *store, uint32_t n,
    uint64_t now, ngx_websocket_ref_t keep, uint32_t max);

/*
 * Drops what the channel need not keep with so many more blocks, but no more
 * than max messages.  Returns how many went.
 */
uint32_t ngx_websocket_store_trim(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint32_t more, uint32_t max);

/* Gives back what the worker has reserved: to be committed. */
void ngx_websocket_store_forgo(ngx_websocket_store_t *store, uint32_t slot);

/* Drops the channel's oldest message, which is there. */
void ngx_websocket_store_drop_first(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);

/*
 * The offset of the oldest message that the history shows, or the next
 * offset when it shows none.  Messages before it may be there still, for
 * workers that have not read them.
 */
uint64_t ngx_websocket_store_shown(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);

/*
 * Appending in three steps, for who changes something else with it: the first
 * makes room for the message and for more blocks besides and sets *wake (which
 * may be NULL); returns OK or NOSPACE.  The second puts the message in the
 * channel and is to be committed.  The third tells of it.
 */
int ngx_websocket_store_prepare(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, ngx_websocket_store_put_t *put, uint32_t more,
    ngx_websocket_store_wake_t *wake);
void ngx_websocket_store_put(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, ngx_websocket_store_put_t *put);
void ngx_websocket_store_tell(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, ngx_websocket_store_put_t *put);


#endif /* NGX_WEBSOCKET_STORE_MESSAGE_H */
