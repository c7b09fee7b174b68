
/*
 * The store's members: clients that are listed as present on a channel.
 */


#ifndef NGX_WEBSOCKET_STORE_MEMBER_H
#define NGX_WEBSOCKET_STORE_MEMBER_H


#include "store/store.h"


/*
 * Adds a member to the channel, for the worker in the slot, and appends a
 * message that tells of it, or none where append is NULL or the message's
 * channel has ended: both happen, or neither.  The message may be another
 * channel's if the worker has subscribers of the member's.  The member is
 * listed until it leaves, or its worker's slot has another incarnation.
 * Returns OK with *ref set, NOSPACE or AGAIN.
 */
int ngx_websocket_store_join(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot,
    const ngx_websocket_store_member_t *member,
    ngx_websocket_store_append_t *append, ngx_websocket_member_ref_t *ref);

/*
 * Removes a member from its channel, and appends a message, which may be
 * another channel's, as join() does.  Where there is no space for the message,
 * or its channel was deleted or has ended, the member is removed without one.
 * Returns OK, or AGAIN where append is not NULL.
 */
int ngx_websocket_store_leave(ngx_websocket_store_t *store,
    ngx_websocket_member_ref_t ref, uint64_t now,
    ngx_websocket_store_append_t *append);

/*
 * Returns the channel of a member, and sets *name to the channel's name; the
 * channel may have been deleted.
 */
ngx_websocket_channel_ref_t ngx_websocket_store_member_channel(
    ngx_websocket_store_t *store, ngx_websocket_member_ref_t ref,
    ngx_websocket_store_name_t *name);

/* Sets *member to what it was when it joined. */
void ngx_websocket_store_member(ngx_websocket_store_t *store,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_member_t *member);

/*
 * Returns a member whose worker died, which the caller is to remove by leave(),
 * with *member set; 0 when there is none.
 */
ngx_websocket_member_ref_t ngx_websocket_store_orphan(
    ngx_websocket_store_t *store, ngx_websocket_store_member_t *member);

/*
 * Copies up to *n members of the channel, in the order in which they joined:
 * those after the member *ref with *id, or from the first when *ref is 0.
 * Advances *ref and *id and sets *n, which may be 0 where the workers of many
 * members have died.  Returns OK, EMPTY when these were the last, or GAP when
 * *ref is not a member any more.
 */
int ngx_websocket_store_members(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_member_ref_t *ref,
    uint64_t *id, ngx_websocket_store_member_t *members, uint32_t *n);


/* for the other files of the store */

/* Makes the members of a worker that died orphans: to be committed. */
void ngx_websocket_store_orphan_members(ngx_websocket_store_t *store,
    uint32_t slot);


#endif /* NGX_WEBSOCKET_STORE_MEMBER_H */
