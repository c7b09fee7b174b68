
/*
 * The store's channels that somebody subscribes to: when the first one came,
 * and when the last one went.
 */


#ifndef NGX_WEBSOCKET_STORE_INTEREST_H
#define NGX_WEBSOCKET_STORE_INTEREST_H


#include "store/store.h"


/*
 * A channel is wanted from its first subscriber on.  It is not any more when
 * its last one went, or when a sweep finds that those whom it has died with
 * their workers; who comes before that finds it wanted.  Where it is deleted
 * to make room, nobody is told.
 */

/*
 * To be called after ngx_websocket_store_subscribe(): returns 1 when the
 * channel was not wanted yet.
 */
int ngx_websocket_store_interest_first(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel);

/*
 * To be called before ngx_websocket_store_unsubscribe(): returns 1 when the
 * channel will not be wanted then.
 */
int ngx_websocket_store_interest_last(ngx_websocket_store_t *store,
    const ngx_websocket_store_cursor_t *cursor);

/* Which channel this is. */
void ngx_websocket_store_name(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_name_t *name);


/*
 * A channel that is a copy of one elsewhere is asked for before it is read, and
 * live as long as somebody sees to it that the copy is complete.
 */

/* Asks for it, unless it is live: then returns 1. */
int ngx_websocket_store_ask(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel);

/* It is live from now on. */
void ngx_websocket_store_enliven(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel);

/*
 * Returns 1 when it is neither wanted nor asked for; with now set, it is not
 * live any more then.
 */
int ngx_websocket_store_neglect(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, int now);

/* which channels: those that are live, wanted or asked for */
#define NGX_WEBSOCKET_STORE_WALK_KEPT     0
/* those that are live */
#define NGX_WEBSOCKET_STORE_WALK_LIVE     1
/* those that have members */
#define NGX_WEBSOCKET_STORE_WALK_MEMBERS  2

/* all of them */
#define NGX_WEBSOCKET_STORE_WALK_ALL      3

/*
 * Sets names to at most n such channels, more than one, of the buckets from
 * *bucket on, which is 0 for the first call.  Returns how many; there are no
 * more when *bucket has become ngx_websocket_store_buckets().
 */
uint64_t ngx_websocket_store_walk(ngx_websocket_store_t *store,
    uint64_t *bucket, int which, ngx_websocket_store_name_t *names,
    uint64_t n);

/* buckets looked at in one call */
#define NGX_WEBSOCKET_STORE_WALK  64


/* for the other files of the store */

/* Whether a channel is wanted, but all its subscribers have died. */
int ngx_websocket_store_forsaken(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel);

/* It is not wanted any more. */
void ngx_websocket_store_forsake(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel);


#endif /* NGX_WEBSOCKET_STORE_INTEREST_H */
