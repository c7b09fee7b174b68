
/*
 * The store's channels and their subscribers.
 */


#ifndef NGX_WEBSOCKET_STORE_CHANNEL_H
#define NGX_WEBSOCKET_STORE_CHANNEL_H


#include "store/store.h"


/*
 * Finds a channel by name, 1 to NGX_WEBSOCKET_STORE_NAME_SIZE bytes.  Returns
 * its ref, or 0 when there is none.
 */
ngx_websocket_channel_ref_t ngx_websocket_store_find(
    ngx_websocket_store_t *store, const uint8_t *name, size_t size,
    uint64_t hash);

/*
 * Finds a channel or makes it, with an epoch that this store has given to no
 * other channel.  history, which may be NULL, is what the channel keeps from
 * now on.  Room is made as in ngx_websocket_store_append().
 * Returns OK with *channel set, NOSPACE, or AGAIN.
 */
int ngx_websocket_store_open_channel(ngx_websocket_store_t *store,
    const uint8_t *name, size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_store_history_t *history,
    ngx_websocket_channel_ref_t *channel);

/*
 * Deletes a channel: its name is free for a new channel with a new epoch, and
 * a hint is added.  Its messages become garbage, whose blocks count as free and
 * are taken first where room is needed.  The channel's block is kept until the
 * last live worker has unsubscribed.  *wake is set to the workers that have
 * subscribers.
 */
void ngx_websocket_store_delete(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_wake_t *wake);

/* Sets *info to the channel's state. */
void ngx_websocket_store_info(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_info_t *info);

/*
 * Counts one more subscriber of the worker in the slot.  For the worker's
 * first one, *cursor has entry 0 and is set to read what is appended from now
 * on; for others the caller passes the worker's cursor of the channel.
 * *offset is set to the channel's newest offset: the new subscriber is to get
 * everything after it.  Returns OK, NOSPACE or AGAIN.
 */
int ngx_websocket_store_subscribe(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot, uint64_t now,
    ngx_websocket_store_cursor_t *cursor, uint64_t *offset);

/*
 * Counts one subscriber less.  With the worker's last one its entry is freed,
 * cursor->entry is set to 0, and a deleted channel is freed when it has no
 * other live entry.
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

/* Returns how many buckets there are. */
uint64_t ngx_websocket_store_buckets(const ngx_websocket_store_t *store);

/*
 * One worker at a time sweeps, and begins no sooner than pause milliseconds
 * after another has begun.  sweeper() returns 1 when the worker in the slot is
 * to sweep: it is until it calls swept(), dies, or hangs for ten seconds.
 */
int ngx_websocket_store_sweeper(ngx_websocket_store_t *store, uint32_t slot,
    uint64_t now, uint64_t pause);
void ngx_websocket_store_swept(ngx_websocket_store_t *store, uint32_t slot);


/* for the other files of the store */

/*
 * Drops up to max messages of deleted channels, and those of these channels
 * that nothing holds.  Returns how many messages and channels it has handled.
 */
uint32_t ngx_websocket_store_clean(ngx_websocket_store_t *store, uint32_t max);

/* Returns the channel's entry number i, or NULL after the last. */
ngx_websocket_entry_t *ngx_websocket_store_entry(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint32_t i);

/* Returns 1 when the entry is of a worker that lives and has subscribers. */
int ngx_websocket_store_live(ngx_websocket_store_t *store,
    const ngx_websocket_entry_t *entry);

/* Returns the worker's entry, with subscribers or members, or NULL. */
ngx_websocket_entry_t *ngx_websocket_store_own_entry(
    ngx_websocket_store_t *store, ngx_websocket_channel_t *ch, uint32_t slot);

/*
 * Finds a free entry or makes one.  Returns OK, NOSPACE or AGAIN.
 */
int ngx_websocket_store_free_entry(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, ngx_websocket_entry_t **entry);

/*
 * Gives an entry to a worker, with so many subscribers and members: to be
 * committed.
 */
void ngx_websocket_store_enter(ngx_websocket_store_t *store,
    ngx_websocket_entry_t *entry, uint32_t slot, uint64_t read,
    uint32_t count, uint32_t members);

/* Frees the further blocks of entries in which no entry is in use. */
void ngx_websocket_store_prune(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);

/*
 * Frees the channel when it has neither messages, members nor live entries, and
 * is deleted or was not used for idle milliseconds.  Returns 1 if it did.
 */
int ngx_websocket_store_release(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint64_t idle);

/*
 * Puts the channel on the list of idle ones when it has neither messages,
 * members nor live entries: to be called when it may have lost the last.
 */
void ngx_websocket_store_settle(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);

/* Takes the channel off the list that it is on: to be committed. */
void ngx_websocket_store_unlist(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);

/* Frees the longest idle channel, but not keep.  Returns 1 if it did. */
int ngx_websocket_store_evict_channel(ngx_websocket_store_t *store,
    ngx_websocket_ref_t keep);

/*
 * Frees a channel that only dead workers have used, which is not on the list
 * of idle ones yet.  Looks at a few buckets; the next call goes on from there.
 * Returns 1 if it freed one.
 */
int ngx_websocket_store_evict_orphaned(ngx_websocket_store_t *store,
    ngx_websocket_ref_t keep);

/* Returns how many blocks the channel takes, without its messages. */
uint32_t ngx_websocket_store_own_blocks(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);


#endif /* NGX_WEBSOCKET_STORE_CHANNEL_H */
