
#include "broker/ngx_http_websocket_remote.h"
#include "broker/ngx_http_websocket_remote_beat.h"
#include "broker/ngx_http_websocket_remote_fetch.h"
#include "broker/ngx_http_websocket_remote_heal.h"
#include "broker/ngx_http_websocket_remote_mine.h"
#include "broker/ngx_http_websocket_remote_presence.h"
#include "broker/ngx_http_websocket_remote_probe.h"
#include "broker/ngx_http_websocket_remote_publish.h"
#include "broker/ngx_http_websocket_remote_revoke.h"
#include "broker/ngx_http_websocket_remote_ring.h"
#include "broker/ngx_http_websocket_remote_roll.h"
#include "broker/ngx_http_websocket_remote_watch.h"
#include "broker/ngx_http_websocket_seat.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_worker.h"

#include <openssl/rand.h>


#define NGX_HTTP_WEBSOCKET_REMOTE_TICK  100     /* milliseconds */

/* for the lock, in a row */
#define NGX_HTTP_WEBSOCKET_REMOTE_TRIES 1000

/* changes with ngx_http_websocket_remote_shared_t */
#define NGX_HTTP_WEBSOCKET_REMOTE_LAYOUT  3


static ngx_int_t ngx_http_websocket_remote_map(
    ngx_http_websocket_region_t *region, ngx_http_websocket_region_e state);
static void ngx_http_websocket_remote_up(ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_remote_down(ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_remote_wake(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_remote_tick(ngx_event_t *ev);
static void ngx_http_websocket_remote_attach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel);
static void ngx_http_websocket_remote_detach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel);


static const ngx_http_websocket_interest_t
    ngx_http_websocket_remote_interest =
{
    ngx_http_websocket_remote_attach,
    ngx_http_websocket_remote_detach,
    ngx_http_websocket_remote_wake
};


const ngx_http_websocket_broker_t  ngx_http_websocket_broker_remote = {
    ngx_http_websocket_remote_publish,
    ngx_http_websocket_remote_history,
    ngx_http_websocket_remote_join,
    ngx_http_websocket_remote_leave,
    ngx_http_websocket_remote_reap_members,
    ngx_http_websocket_remote_remove,
    ngx_http_websocket_remote_revoke,
    ngx_http_websocket_remote_roll,
    &ngx_http_websocket_remote_interest,
    0
};


static const ngx_http_websocket_redis_handlers_t
    ngx_http_websocket_remote_handlers =
{
    ngx_http_websocket_remote_up,
    ngx_http_websocket_remote_down,
    NULL,
    NULL
};


ngx_int_t
ngx_http_websocket_remote_add(ngx_conf_t *cf, ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_broker_conf_t *conf)
{
    ngx_str_t                     name;
    ngx_http_websocket_region_t  *region;
    ngx_http_websocket_remote_t  *remote;

    static ngx_str_t  prefix = ngx_string("ngx_http_websocket_broker:");

    remote = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_remote_t));

    name.len = prefix.len + zone->name.len;
    name.data = ngx_pnalloc(cf->pool, name.len);

    if (remote == NULL || name.data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_cpymem(ngx_cpymem(name.data, prefix.data, prefix.len),
                      zone->name.data, zone->name.len);

    region = ngx_http_websocket_region_add(cf, &name, NULL,
                                   sizeof(ngx_http_websocket_remote_shared_t)
                                   + ngx_http_websocket_remote_ring_size(
                                         zone->size),
                                   NGX_HTTP_WEBSOCKET_REMOTE_LAYOUT,
                                   ngx_http_websocket_remote_map);
    if (region == NULL) {
        return NGX_ERROR;
    }

    region->owner = remote;

    remote->zone = zone;
    remote->conf = conf;

    zone->remote = remote;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_remote_map(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_e state)
{
    ngx_http_websocket_remote_t         *remote;
    ngx_http_websocket_remote_shared_t  *shared;

    remote = region->owner;
    shared = region->data;

    remote->shared = shared;

    if (state != NGX_HTTP_WEBSOCKET_REGION_FRESH) {
        return NGX_OK;
    }

    if (ngx_http_websocket_worker_mutex(&shared->lock) != NGX_OK
        || RAND_bytes((u_char *) &shared->node, sizeof(uint64_t)) != 1)
    {
        return NGX_ERROR;
    }

    /* in the id of a message the first bit tells keys from nodes */

    shared->node &= ~NGX_WEBSOCKET_ENVELOPE_KEY;

    shared->ring_size = ngx_http_websocket_remote_ring_size(
                                                        remote->zone->size);

    return NGX_OK;
}


void
ngx_http_websocket_remote_start(ngx_http_websocket_zone_t *zone,
    ngx_cycle_t *cycle, ngx_http_websocket_remote_deaf_pt deaf)
{
    ngx_http_websocket_remote_t  *remote;

    remote = zone->remote;

    remote->deaf = deaf;
    remote->log = cycle->log;
    remote->dummy.fd = (ngx_socket_t) -1;
    remote->dummy.data = remote;

    /* no other worker, and no later one, uses the same numbers */

    (void) RAND_bytes((u_char *) &remote->number, sizeof(uint64_t));

    ngx_queue_init(&remote->fetches);

    ngx_http_websocket_remote_event(remote, &remote->fetched,
                                    ngx_http_websocket_remote_fetched_event);

    ngx_http_websocket_remote_publish_init(remote);

    ngx_http_websocket_remote_event(remote, &remote->tick,
                                    ngx_http_websocket_remote_tick);
    remote->tick.cancelable = 1;

    remote->redis.conf = remote->conf;
    remote->redis.handlers = &ngx_http_websocket_remote_handlers;
    remote->redis.data = remote;
    remote->redis.log = cycle->log;
    remote->redis.scripts = 1;
    remote->revocations = -1;

    ngx_http_websocket_redis_start(&remote->redis);
    ngx_http_websocket_remote_watch_start(remote);

    ngx_add_timer(&remote->tick, NGX_HTTP_WEBSOCKET_REMOTE_TICK);
}


void
ngx_http_websocket_remote_stop(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_remote_watch_stop(zone->remote);
    ngx_http_websocket_seat_leave(zone->remote);
    ngx_http_websocket_redis_stop(&zone->remote->redis);
    ngx_http_websocket_remote_forget(zone->remote);
}


ngx_int_t
ngx_http_websocket_remote_lock(ngx_http_websocket_remote_t *remote)
{
    int                                  rc;
    ngx_uint_t                           i;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = remote->shared;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_REMOTE_TRIES; i++) {

        rc = pthread_mutex_trylock(&shared->lock);

        if (rc == EOWNERDEAD) {

            /* a name that was half written is not counted, or half a name */

            (void) pthread_mutex_consistent(&shared->lock);
            shared->overflow = 1;
            rc = 0;
        }

        if (rc == 0) {
            return NGX_OK;
        }

        ngx_cpu_pause();
    }

    return NGX_BUSY;
}


void
ngx_http_websocket_remote_unlock(ngx_http_websocket_remote_t *remote)
{
    (void) pthread_mutex_unlock(&remote->shared->lock);
}


void
ngx_http_websocket_remote_event(ngx_http_websocket_remote_t *remote,
    ngx_event_t *ev, ngx_event_handler_pt handler)
{
    ev->handler = handler;
    ev->data = &remote->dummy;
    ev->log = remote->log;
}


static void
ngx_http_websocket_remote_up(ngx_http_websocket_redis_t *redis)
{
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;

    ngx_http_websocket_remote_begin(remote);
}


static void
ngx_http_websocket_remote_down(ngx_http_websocket_redis_t *redis)
{
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    remote->asking = 0;
    remote->turned = 0;
    ngx_http_websocket_remote_link(remote, 0);
    remote->revocations = -1;

    ngx_http_websocket_remote_heal_end(remote);
    ngx_http_websocket_remote_mine_end(remote);

    ngx_http_websocket_remote_count(remote,
                                    NGX_HTTP_WEBSOCKET_REMOTE_RECONNECTS);
}


/* another worker has something for this one, or for whoever has the seat */

static void
ngx_http_websocket_remote_wake(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_remote_t  *remote;

    remote = zone->remote;

    if (remote->seat || remote->shared->owner == 0) {
        ngx_http_websocket_seat_look(remote);
    }

    ngx_http_websocket_remote_heal_tick(remote);

    if (!ngx_queue_empty(&remote->fetches)) {
        ngx_http_websocket_remote_fetched(remote);
    }
}


static void
ngx_http_websocket_remote_tick(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_websocket_remote_t  *remote;

    c = ev->data;
    remote = c->data;

    ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_REMOTE_TICK);

    ngx_http_websocket_remote_watch_tick(remote);
    ngx_http_websocket_seat_tick(remote);
    ngx_http_websocket_remote_heal_tick(remote);

    if (remote->seat) {
        ngx_http_websocket_remote_beat(remote);
        ngx_http_websocket_remote_mine_tick(remote);
    }

    ngx_http_websocket_remote_listen(remote);

    if (!ngx_queue_empty(&remote->fetches)) {
        ngx_http_websocket_remote_fetched(remote);
    }
}


/*
 * A subscriber has asked for the channel before, but the seat may have stopped
 * looking after it in between.
 */

static void
ngx_http_websocket_remote_attach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel)
{
    ngx_str_t  name;

    name.len = channel->size;
    name.data = channel->data;

    if (ngx_http_websocket_zone_ask(zone, &name)
        == NGX_WEBSOCKET_STORE_EMPTY)
    {
        ngx_http_websocket_seat_ask(zone->remote, &name);
    }
}


/* the seat finds out by itself which channels are not wanted any more */

static void
ngx_http_websocket_remote_detach(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_name_t *channel)
{
}
