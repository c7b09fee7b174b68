
/*
 * The store's messages that were numbered elsewhere: a broker gives the epochs
 * and the offsets, and the store keeps a copy of its messages.
 *
 * The epochs that the store gives have the bit NGX_WEBSOCKET_STORE_OWN, those
 * of a broker have not, and only grow.
 */


#ifndef NGX_WEBSOCKET_STORE_NUMBERED_H
#define NGX_WEBSOCKET_STORE_NUMBERED_H


#include "store/store.h"


/*
 * Puts a message in its place: at the offset append->at, which is not 0, of the
 * epoch append->epoch.  It has to be the one after the channel's newest.
 * Placing a message again does nothing, so that several workers may do so that
 * do not know of each other.  A channel to which nothing was appended takes
 * over the epoch with its first message.
 *
 * message->time may be of the past; append->now is the time of the call.
 * message->ephemeral is 0; message->key and digest are kept, and nothing else
 * is done with them.  A message of type NGX_WEBSOCKET_STORE_NOTHING without a
 * size takes the place of one that nobody has.  *append->info, where it is
 * wanted, is set to the channel's state after the call in any case,
 * append->wake with OK.
 *
 * Returns what ngx_websocket_store_append() does, or, with nothing changed,
 *   DUPLICATE  it is not newer than the newest;
 *   GAP        messages before it are missing;
 *   EPOCH      the channel has another epoch.
 *
 * Where append->hole is 1 there is no GAP: nobody has the messages before it.
 * All that are there are dropped, in as many calls as it takes, and workers
 * that have not read them read a GAP.
 */
int ngx_websocket_store_place(ngx_websocket_store_t *store,
    ngx_websocket_store_append_t *append);

/*
 * The channel goes on after an offset of an epoch, which may be 0: the next
 * message to be placed is the one after it.  What is there is dropped, in as
 * many calls as it takes.  Its subscribers stay: each worker reads a GAP, even
 * if it had read all, unless nothing was appended before; visitors read
 * DELETED.  *wake is set.
 *
 * Returns OK, also when it is so already; AGAIN; or EPOCH when it would lead
 * back, to an older epoch, or in the same to an offset below the newest: such a
 * channel is to be deleted.
 */
int ngx_websocket_store_reset(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset,
    ngx_websocket_store_wake_t *wake);


/*
 * The channel has ended after an offset of an epoch, which may be 0.  *wake is
 * set.  Returns OK, or, with nothing changed, DUPLICATE when it has ended; GAP
 * when it is not there yet; EPOCH when it has another epoch.
 */
int ngx_websocket_store_end(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset,
    ngx_websocket_store_wake_t *wake);


/*
 * Sets *info and *history to the channel's, and key to that of its newest
 * message, or to zeros when it is not there any more, or was nobody's.
 */
void ngx_websocket_store_newest(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_info_t *info,
    ngx_websocket_store_history_t *history, uint64_t key[2]);

/*
 * Sets the key and the digest of a message that a visitor has read last.
 */
void ngx_websocket_store_read_key(ngx_websocket_store_t *store,
    const ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *message);


/* for the other files of the store */

/* What place() would return of a message, or OK. */
int ngx_websocket_store_fits(ngx_websocket_store_t *store,
    const ngx_websocket_store_append_t *append);

/*
 * Sets a channel, which has no messages, to an epoch and an offset, if it has
 * another epoch or an offset below: to be committed.
 */
void ngx_websocket_store_begin_at(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset);


#endif /* NGX_WEBSOCKET_STORE_NUMBERED_H */
