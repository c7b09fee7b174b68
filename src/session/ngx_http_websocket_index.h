
/*
 * The sessions of this worker by their users, and by their ids: only those
 * that were entered, since few locations have sessions that others ask for.
 */


#ifndef NGX_HTTP_WEBSOCKET_INDEX_H
#define NGX_HTTP_WEBSOCKET_INDEX_H


#include "session/ngx_http_websocket_session.h"


/* part of what a session has: zeros at first */

typedef struct {
    ngx_rbtree_node_t             user;
    ngx_rbtree_node_t             id;
    ngx_http_websocket_session_t *session;  /* NULL: it is not in the index */
} ngx_http_websocket_entry_t;


/* In init_process. */
void ngx_http_websocket_index_init(void);

/*
 * Enters a session, whose user may be empty, under an id of 64 bits.  It is to
 * be removed before it is freed; that does nothing when it was not entered.
 */
void ngx_http_websocket_index_add(ngx_http_websocket_entry_t *entry,
    ngx_http_websocket_session_t *s, ngx_str_t *user, uint64_t id);
void ngx_http_websocket_index_remove(ngx_http_websocket_entry_t *entry);

/*
 * Goes through the sessions of a user, or through all where user is NULL: each
 * returns the next one, or NULL behind the last.  *place is 0 at first, and may
 * be kept for a later turn, whatever sessions come and go meanwhile; those that
 * came after the first call need not be among them.  Only the hash of a user is
 * known: others may be among them, and those of other zones are.
 */
ngx_http_websocket_session_t *ngx_http_websocket_index_next(ngx_str_t *user,
    uint64_t *place);

/* The session that has the id, or NULL. */
ngx_http_websocket_session_t *ngx_http_websocket_index_find(uint64_t id);


#endif /* NGX_HTTP_WEBSOCKET_INDEX_H */
