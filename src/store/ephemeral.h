
/*
 * The store's ephemeral messages: for the other files of the store.
 *
 * They are on a list of their own in each channel, numbered without a hole.
 * Each counts the workers that have not read it.  The count stays too high when
 * a worker dies or unsubscribes before it reads: such a message is dropped when
 * it is ten seconds old.  When all of them take more than a crowd's part of the
 * region, a channel to which something is appended drops its oldest, also those
 * that are not read.
 */


#ifndef NGX_WEBSOCKET_STORE_EPHEMERAL_H
#define NGX_WEBSOCKET_STORE_EPHEMERAL_H


#include "store/store.h"


/* Returns how many of them the channel has. */
uint64_t ngx_websocket_store_ephemerals(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch);

/*
 * Makes a message, which is complete, the channel's newest ephemeral one, for
 * so many workers: to be committed.
 */
void ngx_websocket_store_link_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref, uint32_t workers);

/*
 * Returns the ephemeral message that the cursor is to read before the next
 * numbered one, or 0 when there is none.
 */
ngx_websocket_ref_t ngx_websocket_store_next_ephemeral(
    ngx_websocket_store_t *store, ngx_websocket_channel_t *ch,
    ngx_websocket_store_cursor_t *cursor);

/* Advances the cursor past the ephemeral message, which was read. */
void ngx_websocket_store_advance_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_store_cursor_t *cursor, ngx_websocket_ref_t ref);

/* Returns 1 when no worker is to read the ephemeral message any more. */
int ngx_websocket_store_ephemeral_over(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, ngx_websocket_message_t *m, uint64_t now);

/* Drops the channel's oldest ephemeral message, which is there. */
void ngx_websocket_store_drop_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel);

/*
 * Drops up to max of the channel's oldest ephemeral messages that no worker is
 * to read any more, or that are too much.  Returns how many.
 */
uint32_t ngx_websocket_store_trim_ephemeral(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t now, uint32_t max);


#endif /* NGX_WEBSOCKET_STORE_EPHEMERAL_H */
