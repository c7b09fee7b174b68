
/*
 * The store's channels, and who subscribes to them.
 */


#ifndef NGX_WEBSOCKET_STORE_CHANNEL_H
#define NGX_WEBSOCKET_STORE_CHANNEL_H


#include "store/store.h"


/*
 * Finds a channel by name, 1 to NGX_WEBSOCKET_STORE_NAME_SIZE bytes.  Returns
 * its ref, or 0 when there is none (or it was deleted).
 */
ngx_websocket_channel_ref_t ngx_websocket_store_find(
    ngx_websocket_store_t *store, const uint8_t *name, size_t size, uint64_t hash);

/*
 * Finds a channel, or makes it, with an epoch that no other channel of this
 * store has or had.  history, where it is not NULL, is what the channel keeps
 * from now on.  Room is made as ngx_websocket_store_append() makes it.
 * Returns OK with *channel set, NOSPACE, or AGAIN.
 */
int ngx_websocket_store_open_channel(ngx_websocket_store_t *store,
    const uint8_t *name, size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_store_history_t *history,
    ngx_websocket_channel_ref_t *channel);

/*
 * Deletes a channel: its messages go, its name is free for a new channel
 * with a new epoch, and a hint tells every worker.  The messages are garbage,
 * which counts as free and is what room is made of first.  The remains live
 * until the last live subscriber's worker has unsubscribed.  *wake gets the
 * workers to wake.
 */
void ngx_websocket_store_delete(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_wake_t *wake);

/* What there is to say of a channel. */
void ngx_websocket_store_info(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_info_t *info);

/*
 * Counts one more subscriber of the worker in the slot.  With the worker's
 * first one (*cursor has entry 0) the cursor is set to read what is appended
 * from now on; else the worker's cursor of this channel is passed.
 * *offset gets the channel's newest offset: the new subscriber is due
 * everything after it.  Returns OK, NOSPACE or AGAIN.
 */
int ngx_websocket_store_subscribe(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot, uint64_t now,
    ngx_websocket_store_cursor_t *cursor, uint64_t *offset);

/*
 * Counts one subscriber less.  With the last one the worker's entry goes,
 * cursor->entry becomes 0, and a deleted channel without further live
 * entries is freed.
 */
void ngx_websocket_store_unsubscribe(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor, uint64_t now);

/*
 * Looks at up to n of the next buckets of the channel table, of which the
 * store remembers where it stopped: drops the messages whose time is over,
 * what is left of dead workers, and channels that for idle milliseconds had
 * neither subscriber, history nor publish; before that what is left of deleted
 * channels.  Returns how many buckets it got past: it may be none.  *gone,
 * which may be NULL, is set to a channel whose subscribers have all died, with
 * size 0 to none; where there are more of them it ends.
 */
uint64_t ngx_websocket_store_sweep(ngx_websocket_store_t *store, uint64_t n,
    uint64_t now, uint64_t idle, ngx_websocket_store_name_t *gone);

/* How many buckets there are. */
uint64_t ngx_websocket_store_buckets(const ngx_websocket_store_t *store);

/*
 * One worker at a time sweeps, and begins no sooner than pause milliseconds
 * after another has begun: returns 1 to the one in the slot when it is the
 * one, until it gives this up, has died, or has hung for ten seconds.
 */
int ngx_websocket_store_sweeper(ngx_websocket_store_t *store, uint32_t slot,
    uint64_t now, uint64_t pause);
void ngx_websocket_store_swept(ngx_websocket_store_t *store, uint32_t slot);


/* for the other files of the store */

/*
 * Drops up to max messages of deleted channels, and of these channels what
 * nobody uses.  Returns how many messages and channels it has seen to.
 */
uint32_t ngx_websocket_store_clean(ngx_websocket_store_t *store, uint32_t max);

/* The channel's entry number i, or NULL after the last. */
ngx_websocket_entry_t *ngx_websocket_store_entry(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint32_t i);

/* Whether the entry is of a worker that lives and has subscribers. */
int ngx_websocket_store_live(ngx_websocket_store_t *store,
    const ngx_websocket_entry_t *entry);

/* The entry of a worker that has subscribers or members, or NULL. */
ngx_websocket_entry_t *ngx_websocket_store_own_entry(
    ngx_websocket_store_t *store, ngx_websocket_channel_t *ch, uint32_t slot);

/*
 * Finds an entry that is free, or makes one.  Returns OK, NOSPACE or AGAIN.
 */
int ngx_websocket_store_free_entry(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, ngx_websocket_entry_t **entry);

/* Gives it to a worker, with so many subscribers and members. */
void ngx_websocket_store_enter(ngx_websocket_store_t *store,
    ngx_websocket_entry_t *entry, uint32_t slot, uint64_t read,
    uint32_t count, uint32_t members);

/* Frees the further blocks of entries that are all free. */
void ngx_websocket_store_prune(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);

/*
 * Frees the channel if it has neither messages nor live entries, and is
 * deleted or was not used for idle milliseconds.  Returns 1 if it did.
 */
int ngx_websocket_store_release(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle);

/*
 * Puts a channel on the list of those that nothing holds, when nothing does:
 * to be called when it may have lost its last message, subscriber or member.
 */
void ngx_websocket_store_settle(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);

/* Takes a channel off the list that it is on: to be committed. */
void ngx_websocket_store_unlist(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);

/* Frees a channel that nothing holds, but not keep.  Returns 1 if it did. */
int ngx_websocket_store_evict_channel(ngx_websocket_store_t *store,
    ngx_websocket_ref_t keep);

/*
 * The same, for what a worker that died has used: it is on no list yet.  The
 * next call goes on where this one ended.
 */
int ngx_websocket_store_evict_orphaned(ngx_websocket_store_t *store,
    ngx_websocket_ref_t keep);

/* The blocks of a channel and its entries, without its messages. */
uint32_t ngx_websocket_store_own_blocks(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);


#endif /* NGX_WEBSOCKET_STORE_CHANNEL_H */
