
/*
 * The store's members: who is on a channel, and says so.
 */


#ifndef NGX_WEBSOCKET_STORE_MEMBER_H
#define NGX_WEBSOCKET_STORE_MEMBER_H


#include "store/store.h"


/*
 * Makes somebody a member of the channel, in the name of the worker in the
 * slot; with it a message of n parts is appended, or none where message is
 * NULL: both happen, or neither.  *wake is set as by append.  The member is
 * on the list until it leaves, or its worker's slot has another incarnation.
 * Returns OK with *ref set, NOSPACE or AGAIN.
 */
int ngx_websocket_store_join(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot,
    const ngx_websocket_store_member_t *member,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n,
    ngx_websocket_store_wake_t *wake, ngx_websocket_member_ref_t *ref);

/*
 * Takes a member off its channel's list, with a message as join.  Where there
 * is no space for the message, or the channel was deleted, the member goes
 * without.  Returns OK, or with a message AGAIN.
 */
int ngx_websocket_store_leave(ngx_websocket_store_t *store,
    ngx_websocket_member_ref_t ref, uint64_t now,
    ngx_websocket_store_message_t *message,
    const ngx_websocket_store_part_t *parts, size_t n,
    ngx_websocket_store_wake_t *wake);

/* What was said of a member when it joined. */
void ngx_websocket_store_member(ngx_websocket_store_t *store,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_member_t *member);

/*
 * A member whose worker died and that has yet to be taken off by leave():
 * returns 0 when there is none.
 */
ngx_websocket_member_ref_t ngx_websocket_store_orphan(
    ngx_websocket_store_t *store, ngx_websocket_store_member_t *member);

/*
 * Copies up to *n members of the channel in the order of their joining, first
 * those after the one that *ref and *id say, or from the first when *ref is
 * 0; advances *ref and *id and sets *n, which may be 0 where many have died.
 * Returns OK, EMPTY when these were the last, or GAP when the one said is not
 * a member any more.
 */
int ngx_websocket_store_members(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_member_ref_t *ref,
    uint64_t *id, ngx_websocket_store_member_t *members, uint32_t *n);


/* for the other files of the store */

/* A worker's members, from now on those of a dead one: to be committed. */
void ngx_websocket_store_orphan_members(ngx_websocket_store_t *store,
    uint32_t slot);


#endif /* NGX_WEBSOCKET_STORE_MEMBER_H */
