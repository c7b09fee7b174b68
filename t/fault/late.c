
/*
 * A broker that needs 50 ms for all that may complete later, and says in the
 * error log what it is told: built by "t/tools/build-fault BUILD late" in the
 * place of the local one, which does the work when the time has come.
 */

#define ngx_http_websocket_broker_local  ngx_http_websocket_broker_now

#include "broker/ngx_http_websocket_broker_local.c"
#include "hub/ngx_http_websocket_hub_subscribe.h"
#include "store/message.h"

#undef ngx_http_websocket_broker_local

#define LATE  50


typedef struct {
    ngx_event_t                     timer;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_publish_t    p;
    ngx_websocket_store_history_t   history;
    ngx_websocket_store_part_t      parts[8];
    u_char                          data[1];
} late_publish_t;


typedef struct {
    ngx_event_t                     timer;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_fetch_t      f;
    ngx_str_t                       channel;
    ngx_uint_t                      remove;
    u_char                          data[1];
} late_fetch_t;


typedef struct {
    ngx_event_t                     timer;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_revoke_t     v;
} late_revoke_t;


static ngx_int_t late_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p);
static ngx_int_t late_history(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f);
static ngx_int_t late_remove(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f);
static ngx_int_t late_revoke(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_revoke_t *v);
static void late_deliver(ngx_http_websocket_subscription_t *s,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first);
static ngx_uint_t late_ready(ngx_http_websocket_subscription_t *s);
static void late_live(ngx_http_websocket_subscription_t *s);
static void late_broken(ngx_http_websocket_subscription_t *s, int rc);
static void late_attach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel);
static void late_detach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel);


static const ngx_http_websocket_interest_t  late_interest = {
    late_attach,
    late_detach,
    NULL
};


extern const ngx_http_websocket_broker_t  ngx_http_websocket_broker_local;

const ngx_http_websocket_broker_t  ngx_http_websocket_broker_local = {
    late_publish,
    late_history,
    ngx_http_websocket_hub_join,
    ngx_http_websocket_hub_drop_member,
    ngx_http_websocket_hub_reap_members,
    late_remove,
    late_revoke,
    NULL,
    &late_interest,
    0
};


/* reads the channel "relayed" in each worker that publishes to it */

static const ngx_http_websocket_subscriber_t  late_subscriber = {
    late_deliver,
    late_ready,
    late_live,
    late_broken
};

static ngx_http_websocket_subscription_t  late_relay;


static ngx_connection_t  late_dummy;


static void
late_timer(ngx_event_t *timer, ngx_event_handler_pt handler)
{
    late_dummy.fd = (ngx_socket_t) -1;

    ngx_memzero(timer, sizeof(ngx_event_t));

    timer->handler = handler;
    timer->data = &late_dummy;
    timer->log = ngx_cycle->log;

    ngx_add_timer(timer, LATE);
}


static void
late_subscribe(ngx_http_websocket_zone_t *zone, ngx_str_t *channel)
{
    ngx_http_websocket_begin_t  begin;

    if (late_relay.active || channel->len != sizeof("relayed") - 1
        || ngx_strncmp(channel->data, "relayed", channel->len) != 0)
    {
        return;
    }

    ngx_memzero(&begin, sizeof(ngx_http_websocket_begin_t));

    late_relay.kind = ngx_http_websocket_hub_kind(&late_subscriber);

    if (late_relay.name == NULL) {
        late_relay.name = ngx_http_websocket_channel_name_create(channel,
                                                              ngx_cycle->log);
    }

    if (late_relay.name) {
        (void) ngx_http_websocket_hub_subscribe(zone, &begin, &late_relay);
    }
}


static void
late_deliver(ngx_http_websocket_subscription_t *s,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    for ( /* void */ ; first < delivery->n; first++) {
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "late: relay got %uL",
                      delivery->messages[first]->offset);
    }
}


static ngx_uint_t
late_ready(ngx_http_websocket_subscription_t *s)
{
    return 1;
}


static void
late_live(ngx_http_websocket_subscription_t *s)
{
    /* void */
}


static void
late_broken(ngx_http_websocket_subscription_t *s, int rc)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "late: relay ends");

    ngx_http_websocket_hub_unsubscribe(s);
}


static void
late_published(ngx_event_t *ev)
{
    late_publish_t                *late;
    ngx_http_websocket_publish_t  *p;

    late = ngx_queue_data(ev, late_publish_t, timer);
    p = &late->p;

    late_subscribe(late->zone, &p->channel);

    (void) ngx_http_websocket_broker_now.publish(late->zone, p);

    if (p->rc == NGX_WEBSOCKET_STORE_BUSY) {
        ngx_add_timer(ev, LATE);
        return;
    }

    if (p->done) {
        p->done(p);

    } else {
        ngx_log_error(NGX_LOG_WARN, ev->log, 0, "late: nobody waits for %uL",
                      p->message.offset);
    }

    ngx_free(late);
}


/* nothing of the publisher's is used when the call is over */

static ngx_int_t
late_publish(ngx_http_websocket_zone_t *zone, ngx_http_websocket_publish_t *p)
{
    u_char          *data;
    size_t           i, size;
    late_publish_t  *late;

    size = sizeof(late_publish_t) + p->channel.len;

    for (i = 0; i < p->n; i++) {
        size += p->parts[i].size;
    }

    late = p->n > 8 ? NULL : ngx_alloc(size, ngx_cycle->log);

    if (late == NULL) {
        p->rc = NGX_WEBSOCKET_STORE_NOSPACE;
        return NGX_OK;
    }

    late->zone = zone;
    late->p = *p;
    late->p.done = NULL;
    late->p.parts = late->parts;

    if (p->history) {
        late->history = *p->history;
        late->p.history = &late->history;
    }

    data = ngx_cpymem(late->data, p->channel.data, p->channel.len);
    late->p.channel.data = late->data;

    for (i = 0; i < p->n; i++) {
        late->parts[i] = p->parts[i];

        if (p->parts[i].data != ngx_websocket_store_offset) {
            late->parts[i].data = data;
            data = ngx_cpymem(data, p->parts[i].data, p->parts[i].size);
        }
    }

    late_timer(&late->timer, late_published);

    p->pending = &late->p;

    return NGX_AGAIN;
}


static void
late_attach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "late: %V: attach %*s",
                  &zone->name, (size_t) channel->size, channel->data);
}


static void
late_detach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel)
{
    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "late: %V: detach %*s",
                  &zone->name, (size_t) channel->size, channel->data);
}


/* a channel whose name begins with "not" cannot be had */

static void
late_fetched(ngx_event_t *ev)
{
    late_fetch_t  *late;

    late = ngx_queue_data(ev, late_fetch_t, timer);

    late->f.rc = NGX_OK;

    if (late->channel.len > 3
        && ngx_strncmp(late->channel.data, "not", 3) == 0)
    {
        late->f.rc = NGX_DECLINED;

    } else if (late->remove) {
        (void) ngx_http_websocket_broker_now.remove(late->zone, &late->f);
    }

    if (late->f.done) {
        late->f.done(&late->f);

    } else {
        ngx_log_error(NGX_LOG_WARN, ev->log, 0, "late: nobody %s",
                      late->remove ? "removes" : "opens");
    }

    ngx_free(late);
}


static ngx_int_t
late_fetch(ngx_http_websocket_zone_t *zone, ngx_http_websocket_fetch_t *f,
    ngx_uint_t remove)
{
    late_fetch_t  *late;

    late = ngx_calloc(sizeof(late_fetch_t) + f->channels[0].len,
                      ngx_cycle->log);

    if (late == NULL) {
        f->rc = NGX_DECLINED;
        return NGX_OK;
    }

    late->zone = zone;
    late->remove = remove;

    late->channel.len = f->channels[0].len;
    late->channel.data = late->data;
    ngx_memcpy(late->data, f->channels[0].data, f->channels[0].len);

    late->f.channels = &late->channel;
    late->f.n = 1;

    late_timer(&late->timer, late_fetched);

    f->pending = &late->f;

    return NGX_AGAIN;
}


static ngx_int_t
late_history(ngx_http_websocket_zone_t *zone, ngx_http_websocket_fetch_t *f)
{
    return late_fetch(zone, f, 0);
}


static ngx_int_t
late_remove(ngx_http_websocket_zone_t *zone, ngx_http_websocket_fetch_t *f)
{
    return late_fetch(zone, f, 1);
}


static void
late_revoked(ngx_event_t *ev)
{
    late_revoke_t  *late;

    late = ngx_queue_data(ev, late_revoke_t, timer);

    (void) ngx_http_websocket_broker_now.revoke(late->zone, &late->v);

    if (late->v.done) {
        late->v.done(&late->v);

    } else {
        ngx_log_error(NGX_LOG_WARN, ev->log, 0, "late: nobody revokes");
    }

    ngx_free(late);
}


static ngx_int_t
late_revoke(ngx_http_websocket_zone_t *zone, ngx_http_websocket_revoke_t *v)
{
    late_revoke_t  *late;

    late = ngx_calloc(sizeof(late_revoke_t), ngx_cycle->log);

    if (late == NULL) {
        v->rc = NGX_HTTP_WEBSOCKET_REVOCATIONS_AWAY;
        return NGX_OK;
    }

    late->zone = zone;
    late->v = *v;
    late->v.done = NULL;

    late_timer(&late->timer, late_revoked);

    v->pending = &late->v;

    return NGX_AGAIN;
}
