
/*
 * The store's messages: appended, read, dropped.
 */


#ifndef NGX_WEBSOCKET_STORE_MESSAGE_H
#define NGX_WEBSOCKET_STORE_MESSAGE_H


#include "store/store.h"


/* as a part's data, of size 0: the part is the message's offset, in decimal */
extern const uint8_t  ngx_websocket_store_offset[];


/*
 * Appends a message of append->n parts to a channel.  The caller sets
 * message->time (now), source, key, meta, type, priority, fraction, ephemeral
 * and end; the function sets offset and size, append->wake, and *append->info
 * where it is wanted.  append->at is 0: a message that has
 * its offset already is placed.
 *
 * When the store still has a message of the channel with the same key, nothing
 * is appended: DUPLICATE, with message->offset and time set to that message's;
 * or MISMATCH where its digest was another.  A channel that has ended takes no
 * other message: ENDED.
 *
 * Before, in constant amortised time, messages are dropped that the channel's
 * history no longer keeps and every subscribed worker has read.  When blocks
 * are short, channels go that have neither messages nor subscribers nor
 * members, then the oldest messages of the whole store that all live
 * subscribed workers have read, or that are older than ten seconds: a worker
 * that hangs must not stop all publishing, and reads a GAP later.
 *
 * A message's time is not before that of older messages: where message->time
 * is, because the caller had to wait for the lock, it is set to the newest.
 *
 * The key of an ephemeral message does not count, and where no worker has
 * subscribers the message is not kept.
 *
 * Returns OK, AGAIN, or NOSPACE with nothing appended.  Messages may have been
 * dropped for the attempt, but not when the message is larger than the region
 * could ever hold, or than a message may be.
 */
int ngx_websocket_store_append(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append);

/*
 * A message that is larger than NGX_WEBSOCKET_STORE_PIECE is appended in three
 * steps, so that the lock is not held while it is copied: reserve() takes the
 * blocks for the worker in append->slot, which has one such message at a time;
 * fill_piece() copies the next NGX_WEBSOCKET_STORE_FILL bytes of the parts,
 * lock-free; append() or place() makes them a message.  All three are given the
 * same message and parts, and the same *append->large, which is zeroed before
 * the first call.
 *
 * reserve() returns OK, NOSPACE, or AGAIN; or what append() returns of a message
 * that the channel knows, or does not take.  fill_piece() returns OK when all is
 * copied, AGAIN, or NOSPACE when what is to be read cannot be had.  Where
 * append() or place() returns AGAIN, the caller begins with reserve() once more,
 * and what was filled already is not filled again.  unreserve() gives back
 * blocks that did not become a message; those of a dead worker go when its slot
 * has another incarnation.
 */
#define NGX_WEBSOCKET_STORE_PIECE      (512 * 1024)
#define NGX_WEBSOCKET_STORE_FILL       (64 * 1024)

int ngx_websocket_store_reserve(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append);
int ngx_websocket_store_fill_piece(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append);
void ngx_websocket_store_unreserve(ngx_websocket_store_t *store,
    uint32_t slot);

/*
 * Sets a visitor's cursor to read from offset on.  Takes O(log n) steps in a
 * history of n messages.  Returns OK (also for the offset after the newest),
 * or GAP when the history has no such offset: the cursor is then at the oldest
 * message of the history.
 */
int ngx_websocket_store_seek(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t offset,
    ngx_websocket_store_cursor_t *cursor);

/*
 * Copies the next message, meta first, to buf and advances the cursor, and
 * with it, in the store, the worker's progress.  A visitor is not given what
 * the channel's history no longer keeps, nor ephemeral messages.  Returns
 *   OK       *message is set, buf filled;
 *   EMPTY    all is read;
 *   ENDED    all is read, and nothing will come;
 *   SHORT    *message is set, but size is less than message->size: nothing
 *            was copied, the cursor stays;
 *   AGAIN    a piece of a large message was copied: to be called again with the
 *            same buffer;
 *   GAP      the next message is gone: returned by each call until the reader
 *            calls ngx_websocket_store_skip();
 *   DELETED  the channel was deleted.
 */
int ngx_websocket_store_read(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *message, uint8_t *buf, size_t size);

/*
 * Acknowledges a gap: moves the cursor to the oldest message that there is, or
 * to the next one to come.  Does nothing where there is no gap.
 */
void ngx_websocket_store_skip(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor);


/* for the other files of the store */

/*
 * Drops the messages of deleted channels, then channels that nothing holds,
 * except keep, then old messages, until n blocks are free, and puts these on
 * the free list.  Looks at up to max of them.  Returns OK, NOSPACE, or AGAIN
 * where there may be more to drop.
 */
int ngx_websocket_store_make_room(ngx_websocket_store_t *store, uint32_t n,
    uint64_t now, ngx_websocket_ref_t keep, uint32_t max);

/*
 * Drops up to max of the channel's oldest messages that all have read and that
 * its history, with more blocks in it, does not keep.  Returns how many.
 */
uint32_t ngx_websocket_store_trim(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint32_t more, uint32_t max);

/* Gives back the blocks that the worker has reserved: to be committed. */
void ngx_websocket_store_forgo(ngx_websocket_store_t *store, uint32_t slot);

/* Drops the channel's oldest numbered message, which is there. */
void ngx_websocket_store_drop_first(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);

/*
 * Takes a message, to which its channel does not lead any more, off the list
 * of all messages, and frees its blocks: to be committed.
 */
void ngx_websocket_store_free_message(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref);

/*
 * Returns the offset of the oldest message that the history shows, or the next
 * offset when it shows none.  Older messages may still be there, for workers
 * that have not read them.
 */
uint64_t ngx_websocket_store_shown(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);

/* Sets *wake to the workers that have subscribers; returns how many. */
uint32_t ngx_websocket_store_wake(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_store_wake_t *wake);

/*
 * Appending in three steps, for callers that change something else with it.
 * prepare() makes room for the message and for more blocks besides, and sets
 * append->wake; it returns OK, NOSPACE or AGAIN.  put() puts the message in the
 * channel, and is to be committed.  tell(), after the commit, adds the hint.
 * prepare() sets *put for the other two, which find append there.
 */
int ngx_websocket_store_prepare(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append, ngx_websocket_store_put_t *put,
    uint32_t more);
void ngx_websocket_store_put(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put);
void ngx_websocket_store_tell(ngx_websocket_store_t *store,
    ngx_websocket_store_put_t *put);


#endif /* NGX_WEBSOCKET_STORE_MESSAGE_H */
