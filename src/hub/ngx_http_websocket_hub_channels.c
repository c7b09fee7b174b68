
#include "hub/ngx_http_websocket_hub_channels.h"
#include "hub/ngx_http_websocket_hub_deliver.h"
#include "hub/ngx_http_websocket_hub_private.h"


static void ngx_http_websocket_hub_remove(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel);


ngx_websocket_store_cursor_t *
ngx_http_websocket_hub_cursor(ngx_http_websocket_zone_t *zone,
    ngx_websocket_channel_ref_t ref)
{
    ngx_http_websocket_channel_t  *channel;

    channel = ngx_http_websocket_hub_find(zone->hub, ref);

    return channel ? &channel->cursor : NULL;
}


ngx_http_websocket_channel_t *
ngx_http_websocket_hub_find(ngx_http_websocket_hub_t *hub,
    ngx_websocket_channel_ref_t ref)
{
    ngx_http_websocket_channel_t  *channel;

    for (channel = hub->buckets[ref & hub->mask];
         channel;
         channel = channel->next)
    {
        if (channel->ref == ref) {
            return channel;
        }
    }

    return NULL;
}


/* makes room in the table for one channel more */

ngx_int_t
ngx_http_websocket_hub_grow(ngx_http_websocket_hub_t *hub, ngx_log_t *log)
{
    ngx_uint_t                      i, n;
    ngx_http_websocket_channel_t   *channel, *next, **old, **buckets;

    n = hub->mask + 1;

    if (hub->nchannels < n) {
        return NGX_OK;
    }

    buckets = ngx_calloc(2 * n * sizeof(ngx_http_websocket_channel_t *), log);
    if (buckets == NULL) {
        return NGX_ERROR;
    }

    old = hub->buckets;

    hub->buckets = buckets;
    hub->mask = 2 * n - 1;
    hub->nchannels = 0;

    if (hub->unseen) {
        hub->unseen = 2 * n;
    }

    for (i = 0; i < n; i++) {
        for (channel = old[i]; channel; channel = next) {
            next = channel->next;
            ngx_http_websocket_hub_insert(hub, channel);
        }
    }

    ngx_free(old);

    return NGX_OK;
}


void
ngx_http_websocket_hub_insert(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel)
{
    ngx_http_websocket_channel_t  **bucket;

    bucket = &hub->buckets[channel->ref & hub->mask];

    channel->next = *bucket;
    *bucket = channel;

    hub->nchannels++;
}


static void
ngx_http_websocket_hub_remove(ngx_http_websocket_hub_t *hub,
    ngx_http_websocket_channel_t *channel)
{
    ngx_http_websocket_channel_t  **p;

    p = &hub->buckets[channel->ref & hub->mask];

    while (*p != channel) {
        p = &(*p)->next;
    }

    *p = channel->next;

    hub->nchannels--;
}


void
ngx_http_websocket_hub_release(ngx_http_websocket_channel_t *channel)
{
    if (channel->busy) {
        return;
    }

    /*
     * What is left of a delivery is for nobody now.  It must not outlive the
     * last subscriber, since the zone may give the channel's number to another
     * channel.
     */

    if (channel->rest
        && ngx_queue_head(&channel->subscriptions) == &channel->rest->place
        && ngx_queue_last(&channel->subscriptions) == &channel->rest->place)
    {
        ngx_queue_remove(&channel->rest->place);
        ngx_http_websocket_hub_delivered(channel->zone,
                                         &channel->rest->delivery);
        ngx_http_websocket_hub_done(channel);
    }

    if (channel->owed || !ngx_queue_empty(&channel->subscriptions)) {
        return;
    }

    ngx_http_websocket_hub_remove(channel->zone->hub, channel);

    if (channel->queued) {
        ngx_queue_remove(&channel->dirty);
    }

    if (channel->last) {
        ngx_http_websocket_message_release(channel->last);
    }

    ngx_http_websocket_channel_name_release(channel->name);
    ngx_free(channel);
}
