
#include "hub/ngx_http_websocket_hub.h"
#include "clock/ngx_http_websocket_probe.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub_deliver.h"
#include "hub/ngx_http_websocket_hub_private.h"
#include "hub/ngx_http_websocket_hub_subscribe.h"


#define NGX_HTTP_WEBSOCKET_BUCKETS_MIN   64

/*
 * members of dead workers that are removed in one turn: each leave is told to
 * others
 */
#define NGX_HTTP_WEBSOCKET_REAP_MAX       128


static void ngx_http_websocket_hub_wake_self(ngx_http_websocket_zone_t *zone,
    ngx_uint_t here);
static ngx_int_t ngx_http_websocket_hub_part(
    ngx_http_websocket_waiter_t *debt);


const ngx_http_websocket_subscriber_t  *ngx_http_websocket_kinds[
                                            NGX_HTTP_WEBSOCKET_KINDS];


ngx_int_t
ngx_http_websocket_hub_init(ngx_http_websocket_zone_t *zone,
    ngx_cycle_t *cycle)
{
    ngx_http_websocket_hub_t  *hub;

    hub = ngx_pcalloc(cycle->pool, sizeof(ngx_http_websocket_hub_t));
    if (hub == NULL) {
        return NGX_ERROR;
    }

    hub->buckets = ngx_calloc(NGX_HTTP_WEBSOCKET_BUCKETS_MIN
                              * sizeof(ngx_http_websocket_channel_t *),
                              cycle->log);
    if (hub->buckets == NULL) {
        return NGX_ERROR;
    }

    hub->mask = NGX_HTTP_WEBSOCKET_BUCKETS_MIN - 1;

    ngx_queue_init(&hub->dirty);
    ngx_queue_init(&hub->catching_up);

    hub->hints = ngx_websocket_store_hints(zone->store);
    hub->repairs = ngx_websocket_store_repairs(zone->store);

    hub->dummy.fd = (ngx_socket_t) -1;
    hub->dummy.data = zone;

    hub->event.handler = ngx_http_websocket_hub_event;
    hub->event.data = &hub->dummy;
    hub->event.log = cycle->log;

    hub->catch_up.handler = ngx_http_websocket_hub_catch_up;
    hub->catch_up.data = &hub->dummy;
    hub->catch_up.log = cycle->log;

    zone->hub = hub;

    return NGX_OK;
}


uint16_t
ngx_http_websocket_hub_kind(const ngx_http_websocket_subscriber_t *subscriber)
{
    uint16_t  i;

    i = 0;

    while (ngx_http_websocket_kinds[i]
           && ngx_http_websocket_kinds[i] != subscriber)
    {
        i++;
    }

    ngx_http_websocket_kinds[i] = subscriber;

    return i;
}


ngx_http_websocket_channel_name_t *
ngx_http_websocket_hub_name(ngx_http_websocket_subscription_t *subscription)
{
    return subscription->active ? subscription->channel->name
                                : subscription->name;
}


void
ngx_http_websocket_hub_position(
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_position_t *position)
{
    position->epoch = subscription->channel->cursor.epoch;
    position->offset = subscription->offset;
}


int
ngx_http_websocket_hub_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    int  rc;

    rc = ngx_http_websocket_zone_publish(zone, p);

    ngx_http_websocket_probe4(publish, p->channel.data, p->channel.len,
                              p->message.offset, rc);

    ngx_http_websocket_hub_wake_self(zone, p->here);

    return rc;
}


int
ngx_http_websocket_hub_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    int         rc;
    ngx_uint_t  here;

    rc = ngx_http_websocket_zone_delete(zone, name, &here);

    ngx_http_websocket_hub_wake_self(zone, here);

    return rc;
}


int
ngx_http_websocket_hub_place(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole)
{
    int  rc;

    rc = ngx_http_websocket_zone_place(zone, p, epoch, hole);

    ngx_http_websocket_probe4(publish, p->channel.data, p->channel.len,
                              p->message.offset, rc);

    ngx_http_websocket_hub_wake_self(zone, p->here);

    return rc;
}


int
ngx_http_websocket_hub_reset(ngx_http_websocket_zone_t *zone, ngx_str_t *name,
    uint64_t epoch, uint64_t offset)
{
    int         rc;
    ngx_uint_t  here;

    rc = ngx_http_websocket_zone_reset(zone, name, epoch, offset, &here);

    ngx_http_websocket_hub_wake_self(zone, here);

    return rc;
}


int
ngx_http_websocket_hub_end(ngx_http_websocket_zone_t *zone, ngx_str_t *name,
    uint64_t epoch, uint64_t offset)
{
    int         rc;
    ngx_uint_t  here;

    rc = ngx_http_websocket_zone_end(zone, name, epoch, offset, &here);

    ngx_http_websocket_hub_wake_self(zone, here);

    return rc;
}


ngx_uint_t
ngx_http_websocket_hub_behind(ngx_http_websocket_zone_t *zone)
{
    return zone->hub && !zone->wait.stuck
           && (zone->hub->flooded || zone->hub->unseen
               || !ngx_queue_empty(&zone->hub->dirty));
}


void
ngx_http_websocket_hub_flooded(ngx_http_websocket_zone_t *zone)
{
    if (zone->hub && zone->hub->event.posted) {
        zone->hub->flooded = 1;
    }
}


/* something was published that subscribers of this worker are to get */

static void
ngx_http_websocket_hub_wake_self(ngx_http_websocket_zone_t *zone,
    ngx_uint_t here)
{
    if (here && zone->hub) {
        ngx_post_event(&zone->hub->event, &ngx_posted_events);
    }
}


ngx_int_t
ngx_http_websocket_hub_join(ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p)
{
    int                             rc;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_farewell_t  *farewell;

    if (!subscription->active || subscription->member) {
        return NGX_OK;
    }

    zone = subscription->channel->zone;

    farewell = ngx_alloc(sizeof(ngx_http_websocket_farewell_t),
                         ngx_cycle->log);
    if (farewell == NULL) {
        return NGX_HTTP_WEBSOCKET_ROOM_FULL;
    }

    rc = ngx_http_websocket_zone_join(zone, subscription->channel->ref,
                                      member, p, &subscription->member);

    ngx_http_websocket_hub_wake_self(zone, p->here);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_free(farewell);
        return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_HTTP_WEBSOCKET_ROOM_STUCK
                                              : NGX_HTTP_WEBSOCKET_ROOM_FULL;
    }

    farewell->next = zone->hub->farewells;
    zone->hub->farewells = farewell;

    return NGX_OK;
}


void
ngx_http_websocket_hub_drop_member(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message)
{
    ngx_http_websocket_farewell_t  *farewell;

    farewell = zone->hub->farewells;
    zone->hub->farewells = farewell->next;

    ngx_memzero(farewell, sizeof(ngx_http_websocket_farewell_t));

    farewell->debt.handler = ngx_http_websocket_hub_part;
    farewell->zone = zone;
    farewell->leave_message = leave_message;
    farewell->ref = ref;

    if (ngx_http_websocket_hub_part(&farewell->debt) != NGX_OK) {
        ngx_http_websocket_owe(zone, &farewell->debt);
    }
}


void
ngx_http_websocket_hub_chain(ngx_http_websocket_subscription_t *subscription)
{
    subscription->channel->chained = 1;
}


ngx_http_websocket_zone_t *
ngx_http_websocket_hub_zone(ngx_http_websocket_subscription_t *subscription)
{
    return subscription->channel->zone;
}


/* frees the farewell if it returns NGX_OK */

static ngx_int_t
ngx_http_websocket_hub_part(ngx_http_websocket_waiter_t *debt)
{
    ngx_uint_t                      here;
    ngx_http_websocket_farewell_t  *farewell;

    farewell = ngx_queue_data(debt, ngx_http_websocket_farewell_t, debt);

    if (ngx_http_websocket_zone_leave(farewell->zone, farewell->ref,
                                      farewell->leave_message, &here)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    ngx_http_websocket_hub_wake_self(farewell->zone, here);

    ngx_free(farewell);

    return NGX_OK;
}


ngx_uint_t
ngx_http_websocket_hub_reap_members(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message)
{
    ngx_uint_t  n, here;

    for (n = 1; n <= NGX_HTTP_WEBSOCKET_REAP_MAX; n++) {

        if (!ngx_http_websocket_zone_reap_members(zone, leave_message,
                                                  &here)) {
            return 0;
        }

        ngx_http_websocket_hub_wake_self(zone, here);

        if (n % 8 == 0 && ngx_http_websocket_turn_over()) {
            break;
        }
    }

    return 1;
}


void
ngx_http_websocket_hub_resume(ngx_http_websocket_zone_t *zone)
{
    if (zone->hub) {
        ngx_post_event(&zone->hub->event, &ngx_posted_events);
        ngx_post_event(&zone->hub->catch_up, &ngx_posted_events);
    }
}
