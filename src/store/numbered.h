
/*
 * The store's messages that were numbered elsewhere: a broker gives the epoch
 * and the offsets, and the store keeps a copy of its messages.
 */


#ifndef NGX_WEBSOCKET_STORE_NUMBERED_H
#define NGX_WEBSOCKET_STORE_NUMBERED_H


#include "store/store.h"


/*
 * Appends a message that was numbered elsewhere: epoch and message->offset,
 * which is not 0, are the caller's.  A message that is not newer than the
 * channel's newest is not appended: DUPLICATE.  Before one above the next
 * offset is appended, all earlier messages are dropped: workers that have not
 * read the message before it read a GAP.  A channel to which nothing was
 * appended takes over the epoch and begins with the message; one of another
 * epoch is left unchanged: EPOCH.  Keys are not compared; message->ephemeral
 * is 0.  Else as ngx_websocket_store_append().
 */
int ngx_websocket_store_append_at(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n,
    ngx_websocket_store_wake_t *wake, ngx_websocket_store_info_t *info);

/*
 * Sets the epoch and the newest offset of a channel to which nothing was
 * appended.  Its subscribers stay, and read what is appended then.  Returns OK,
 * or EPOCH with nothing changed when the channel has an offset already.
 */
int ngx_websocket_store_begin_at(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset);


#endif /* NGX_WEBSOCKET_STORE_NUMBERED_H */
