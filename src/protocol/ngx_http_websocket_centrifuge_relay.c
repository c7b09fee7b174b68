
#include "protocol/ngx_http_websocket_centrifuge_relay.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub_subscribe.h"
#include "wire/frame.h"


/* in no name that a client may have is a control character */

#define NGX_HTTP_WEBSOCKET_RELAY_PREFIX  "\001relay:"
#define NGX_HTTP_WEBSOCKET_RELAY_NAME                                         \
    (sizeof(NGX_HTTP_WEBSOCKET_RELAY_PREFIX) - 1 + NGX_HTTP_WEBSOCKET_UUID)


/* this worker's channel of a zone */

typedef struct {
    ngx_http_websocket_subscription_t   subscription;
    ngx_queue_t                         queue;
    ngx_http_websocket_zone_t          *zone;
    ngx_uint_t                          lost;
} ngx_http_websocket_relay_box_t;


/*
 * Commands that have come: a subscriber must not end what others are
 * subscribed to, as commands do.
 */

typedef struct {
    ngx_queue_t                         queue;
    size_t                              size;
    u_char                              secret[NGX_HTTP_WEBSOCKET_UUID];
} ngx_http_websocket_relay_item_t;


static void ngx_http_websocket_relay_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first);
static ngx_uint_t ngx_http_websocket_relay_ready(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_relay_live(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_relay_broken(
    ngx_http_websocket_subscription_t *subscription, int rc);
static void ngx_http_websocket_relay_name(ngx_str_t *name, u_char *buf,
    const ngx_websocket_bytes_t *node);
static ngx_int_t ngx_http_websocket_relay_subscribe(
    ngx_http_websocket_relay_box_t *box, ngx_str_t *name);
static void ngx_http_websocket_relay_event(ngx_event_t *ev);


static const ngx_http_websocket_subscriber_t  ngx_http_websocket_relayed = {
    ngx_http_websocket_relay_deliver,
    ngx_http_websocket_relay_ready,
    ngx_http_websocket_relay_live,
    ngx_http_websocket_relay_broken
};


static ngx_queue_t        ngx_http_websocket_relay_boxes;
static ngx_queue_t        ngx_http_websocket_relay_items;
static ngx_event_t        ngx_http_websocket_relay_ev;
static ngx_connection_t   ngx_http_websocket_relay_dummy;
static uint16_t           ngx_http_websocket_relay_kind;

static void             (*ngx_http_websocket_relay_take)(
                                         const ngx_websocket_emulation_t *e);
static void             (*ngx_http_websocket_relay_lost)(
                                         ngx_http_websocket_zone_t *zone);


void
ngx_http_websocket_relay_init(ngx_cycle_t *cycle,
    void (*take)(const ngx_websocket_emulation_t *e),
    void (*lost)(ngx_http_websocket_zone_t *zone))
{
    ngx_http_websocket_relay_take = take;
    ngx_http_websocket_relay_lost = lost;
    ngx_http_websocket_relay_kind =
                     ngx_http_websocket_hub_kind(&ngx_http_websocket_relayed);

    ngx_queue_init(&ngx_http_websocket_relay_boxes);
    ngx_queue_init(&ngx_http_websocket_relay_items);

    ngx_http_websocket_relay_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_relay_ev.handler = ngx_http_websocket_relay_event;
    ngx_http_websocket_relay_ev.data = &ngx_http_websocket_relay_dummy;
    ngx_http_websocket_relay_ev.log = cycle->log;
}


ngx_int_t
ngx_http_websocket_relay_listen(ngx_http_websocket_zone_t *zone,
    const ngx_websocket_bytes_t *node)
{
    u_char                           buf[NGX_HTTP_WEBSOCKET_RELAY_NAME];
    ngx_str_t                        name;
    ngx_queue_t                     *q;
    ngx_http_websocket_relay_box_t  *box;

    ngx_http_websocket_relay_name(&name, buf, node);

    for (q = ngx_queue_head(&ngx_http_websocket_relay_boxes);
         q != ngx_queue_sentinel(&ngx_http_websocket_relay_boxes);
         q = ngx_queue_next(q))
    {
        box = ngx_queue_data(q, ngx_http_websocket_relay_box_t, queue);

        if (box->zone == zone) {
            return box->subscription.active
                   ? NGX_OK : ngx_http_websocket_relay_subscribe(box, &name);
        }
    }

    /* for as long as the worker lives */

    box = ngx_calloc(sizeof(ngx_http_websocket_relay_box_t), ngx_cycle->log);
    if (box == NULL) {
        return NGX_ERROR;
    }

    box->zone = zone;
    box->subscription.kind = ngx_http_websocket_relay_kind;

    ngx_queue_insert_tail(&ngx_http_websocket_relay_boxes, &box->queue);

    return ngx_http_websocket_relay_subscribe(box, &name);
}


static ngx_int_t
ngx_http_websocket_relay_subscribe(ngx_http_websocket_relay_box_t *box,
    ngx_str_t *name)
{
    ngx_http_websocket_begin_t  begin;

    if (box->subscription.name == NULL) {
        box->subscription.name = ngx_http_websocket_channel_name_create(name,
                                                               ngx_cycle->log);
        if (box->subscription.name == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memzero(&begin, sizeof(ngx_http_websocket_begin_t));

    return ngx_http_websocket_hub_subscribe(box->zone, &begin,
                                            &box->subscription);
}


static void
ngx_http_websocket_relay_name(ngx_str_t *name, u_char *buf,
    const ngx_websocket_bytes_t *node)
{
    u_char  *p;

    p = ngx_cpymem(buf, NGX_HTTP_WEBSOCKET_RELAY_PREFIX,
                   sizeof(NGX_HTTP_WEBSOCKET_RELAY_PREFIX) - 1);

    ngx_memcpy(p, node->data, NGX_HTTP_WEBSOCKET_UUID);

    name->data = buf;
    name->len = NGX_HTTP_WEBSOCKET_RELAY_NAME;
}


ngx_http_websocket_relayed_e
ngx_http_websocket_relay(ngx_http_websocket_zone_t *zone,
    const ngx_websocket_emulation_t *e)
{
    int                           rc;
    u_char                        buf[NGX_HTTP_WEBSOCKET_RELAY_NAME];
    ngx_websocket_store_part_t    parts[2];
    ngx_websocket_store_info_t    info;
    ngx_http_websocket_publish_t  p;

    if (e->node.size != NGX_HTTP_WEBSOCKET_UUID
        || e->session.size != NGX_HTTP_WEBSOCKET_UUID)
    {
        return NGX_HTTP_WEBSOCKET_RELAY_NOWHERE;
    }

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));

    ngx_http_websocket_relay_name(&p.channel, buf, &e->node);

    rc = ngx_http_websocket_zone_info(zone, &p.channel, &info);

    if (rc == NGX_WEBSOCKET_STORE_OK) {

        parts[0].data = (u_char *) e->session.data;
        parts[0].size = e->session.size;
        parts[1].data = (u_char *) e->data.data;
        parts[1].size = e->data.size;

        p.message.type = NGX_WEBSOCKET_BINARY;
        p.message.priority = NGX_HTTP_WEBSOCKET_NORMAL;
        p.parts = parts;
        p.n = 2;

        rc = ngx_http_websocket_hub_publish(zone, &p);
    }

    switch (rc) {

    case NGX_WEBSOCKET_STORE_OK:
        return NGX_HTTP_WEBSOCKET_RELAYED;

    case NGX_WEBSOCKET_STORE_BUSY:
        return NGX_HTTP_WEBSOCKET_RELAY_STUCK;

    case NGX_WEBSOCKET_STORE_NOTFOUND:
        return NGX_HTTP_WEBSOCKET_RELAY_NOWHERE;

    default:
        return NGX_HTTP_WEBSOCKET_RELAY_FAILED;
    }
}


static void
ngx_http_websocket_relay_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    ngx_uint_t                        i;
    ngx_http_websocket_message_t     *message;
    ngx_http_websocket_relay_box_t   *box;
    ngx_http_websocket_relay_item_t  *item;

    box = ngx_queue_data(subscription, ngx_http_websocket_relay_box_t,
                         subscription);

    for (i = first; i < delivery->n; i++) {

        message = delivery->messages[i];

        if (message->size < NGX_HTTP_WEBSOCKET_UUID) {
            continue;
        }

        item = ngx_alloc(sizeof(ngx_http_websocket_relay_item_t)
                         + message->size - NGX_HTTP_WEBSOCKET_UUID,
                         ngx_cycle->log);

        if (item == NULL) {
            box->lost = 1;
            break;
        }

        item->size = message->size - NGX_HTTP_WEBSOCKET_UUID;
        ngx_memcpy(item->secret, message->payload, message->size);

        ngx_queue_insert_tail(&ngx_http_websocket_relay_items, &item->queue);
    }

    ngx_http_websocket_turn_next(&ngx_http_websocket_relay_ev);
}


static ngx_uint_t
ngx_http_websocket_relay_ready(ngx_http_websocket_subscription_t *subscription)
{
    return 1;
}


static void
ngx_http_websocket_relay_live(ngx_http_websocket_subscription_t *subscription)
{
    /* void */
}


static void
ngx_http_websocket_relay_broken(
    ngx_http_websocket_subscription_t *subscription, int rc)
{
    ngx_http_websocket_relay_box_t  *box;

    box = ngx_queue_data(subscription, ngx_http_websocket_relay_box_t,
                         subscription);

    ngx_http_websocket_hub_unsubscribe(subscription);

    box->lost = 1;

    ngx_http_websocket_turn_next(&ngx_http_websocket_relay_ev);
}


/* commands, and then the end of those of which some may have been lost */

static void
ngx_http_websocket_relay_event(ngx_event_t *ev)
{
    ngx_queue_t                      *q;
    ngx_websocket_emulation_t         e;
    ngx_http_websocket_relay_box_t   *box;
    ngx_http_websocket_relay_item_t  *item;

    ngx_http_websocket_turn_loop();

    while (!ngx_queue_empty(&ngx_http_websocket_relay_items)) {
        q = ngx_queue_head(&ngx_http_websocket_relay_items);
        ngx_queue_remove(q);

        item = ngx_queue_data(q, ngx_http_websocket_relay_item_t, queue);

        ngx_memzero(&e, sizeof(ngx_websocket_emulation_t));
        e.session.data = (char *) item->secret;
        e.session.size = NGX_HTTP_WEBSOCKET_UUID;
        e.data.data = (char *) item->secret + NGX_HTTP_WEBSOCKET_UUID;
        e.data.size = item->size;

        ngx_http_websocket_relay_take(&e);
        ngx_http_websocket_turn_worked(1 + item->size / 1024);

        ngx_free(item);

        /* after each one: however busy a worker is, they get done */

        if (ngx_http_websocket_turn_over()
            && !ngx_queue_empty(&ngx_http_websocket_relay_items))
        {
            ngx_http_websocket_turn_next(ev);
            return;
        }
    }

    for (q = ngx_queue_head(&ngx_http_websocket_relay_boxes);
         q != ngx_queue_sentinel(&ngx_http_websocket_relay_boxes);
         q = ngx_queue_next(q))
    {
        box = ngx_queue_data(q, ngx_http_websocket_relay_box_t, queue);

        if (box->lost) {
            box->lost = 0;
            ngx_http_websocket_relay_lost(box->zone);
        }
    }
}
