
/*
 * Quotas: how many of something all live workers have together.  A quota key is
 * a channel without messages, whose name begins with a zero byte, as no other
 * channel's does; its subscribers are counted.
 */


#ifndef NGX_WEBSOCKET_STORE_QUOTA_H
#define NGX_WEBSOCKET_STORE_QUOTA_H


#include "store/store.h"


/*
 * Acquires one of each of n keys, whose names differ, for the worker in the
 * slot, which has them until they are released, or the slot has another
 * incarnation.  Returns OK with the quotas set; or, with none acquired, FULL
 * when one of the keys has reached its max, NOSPACE or AGAIN.
 */
int ngx_websocket_store_quota_acquire(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_key_t *keys, size_t n, uint32_t slot,
    uint64_t now, ngx_websocket_store_quota_t *quotas);

/* Releases n quotas. */
void ngx_websocket_store_quota_release(ngx_websocket_store_t *store,
    const ngx_websocket_store_quota_t *quotas, size_t n, uint64_t now);

/*
 * Estimates whether messages that one of the channel's workers has not read fill
 * a large part of the region.  Returns 0 when they do not, 1 when it
 * is only the worker in the slot, or 2.
 */
int ngx_websocket_store_crowded(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint32_t slot);


#endif /* NGX_WEBSOCKET_STORE_QUOTA_H */
