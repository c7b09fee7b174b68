
/*
 * The log's members: who is on a channel, and says so.
 */


#ifndef NGX_WEBSOCKET_LOG_MEMBER_H
#define NGX_WEBSOCKET_LOG_MEMBER_H


#include "hub/log.h"


/*
 * Makes somebody a member of the channel, in the name of the worker in the
 * slot; with it a message of n parts is appended, or none where message is
 * NULL: both happen, or neither.  *wake is set as by append.  The member is
 * on the list until it leaves, or its worker's slot has another incarnation.
 * Returns OK with *ref set, NOSPACE or AGAIN.
 */
int ngx_websocket_log_join(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot,
    const ngx_websocket_log_member_t *member,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake, ngx_websocket_member_ref_t *ref);

/*
 * Takes a member off its channel's list, with a message as join.  Where there
 * is no space for the message, or the channel was deleted, the member goes
 * without.  Returns OK, or with a message AGAIN.
 */
int ngx_websocket_log_leave(ngx_websocket_log_t *log,
    ngx_websocket_member_ref_t ref, uint64_t now,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake);

/* What was said of a member when it joined. */
void ngx_websocket_log_member(ngx_websocket_log_t *log,
    ngx_websocket_member_ref_t ref, ngx_websocket_log_member_t *member);

/*
 * A member whose worker died and that has yet to be taken off by leave():
 * returns 0 when there is none.
 */
ngx_websocket_member_ref_t ngx_websocket_log_orphan(ngx_websocket_log_t *log,
    ngx_websocket_log_member_t *member);

/*
 * Copies up to *n members of the channel in the order of their joining, first
 * those after the one that *ref and *id say, or from the first when *ref is
 * 0; advances *ref and *id and sets *n, which may be 0 where many have died.
 * Returns OK, EMPTY when these were the last, or GAP when the one said is not
 * a member any more.
 */
int ngx_websocket_log_members(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_member_ref_t *ref,
    uint64_t *id, ngx_websocket_log_member_t *members, uint32_t *n);


/* for the other files of the log */

/* A worker's members, from now on those of a dead one: to be committed. */
void ngx_websocket_log_bereave(ngx_websocket_log_t *log, uint32_t slot);


#endif /* NGX_WEBSOCKET_LOG_MEMBER_H */
