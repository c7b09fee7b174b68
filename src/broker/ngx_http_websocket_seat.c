
#include "broker/ngx_http_websocket_seat.h"
#include "broker/ngx_http_websocket_remote_fetch.h"
#include "broker/ngx_http_websocket_remote_probe.h"
#include "broker/ngx_http_websocket_seat_fill.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_worker.h"
#include "store/channel.h"
#include "store/interest.h"


/* an owner that was not heard of for so long hangs, ms */
#define NGX_HTTP_WEBSOCKET_SEAT_BEAT     2000

/* how long a channel that nobody wants is looked after, ms */
#define NGX_HTTP_WEBSOCKET_SEAT_GRACE    10000

/* how often the server is reminded of one that has no messages, ms */
#define NGX_HTTP_WEBSOCKET_SEAT_FRESH    60000

/* channels in one command */
#define NGX_HTTP_WEBSOCKET_SEAT_CHANNELS 256

/* names read of the zone at a time */
#define NGX_HTTP_WEBSOCKET_SEAT_WALK     64

/* the part, 1/n, of the channels that a tick looks at */
#define NGX_HTTP_WEBSOCKET_SEAT_PART     64


static ngx_uint_t ngx_http_websocket_seat_is_mine(
    ngx_http_websocket_remote_t *remote);
static ngx_atomic_uint_t ngx_http_websocket_seat_self(void);
static void ngx_http_websocket_seat_wake(ngx_uint_t slot);
static void ngx_http_websocket_seat_try(ngx_http_websocket_remote_t *remote);
static ngx_uint_t ngx_http_websocket_seat_vacant(
    ngx_http_websocket_remote_t *remote, ngx_atomic_uint_t owner);
static ngx_int_t ngx_http_websocket_seat_take(
    ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_seat_lose(ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_seat_asks(ngx_http_websocket_seat_t *seat);
static void ngx_http_websocket_seat_want(ngx_http_websocket_seat_t *seat,
    ngx_websocket_store_name_t *name);
static void ngx_http_websocket_seat_walk(ngx_event_t *ev);
static void ngx_http_websocket_seat_subscribe(ngx_event_t *ev);
static ngx_int_t ngx_http_websocket_seat_subscribe_some(
    ngx_http_websocket_seat_t *seat);
static void ngx_http_websocket_seat_unsubscribe(
    ngx_http_websocket_seat_t *seat, ngx_http_websocket_kept_t *kept);
static void ngx_http_websocket_seat_review(ngx_http_websocket_seat_t *seat);
static void ngx_http_websocket_seat_tell(ngx_event_t *ev);
static void ngx_http_websocket_seat_up(ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_seat_down(ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_seat_push(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_seat_quit(ngx_http_websocket_redis_t *redis);
static ngx_http_websocket_kept_t *ngx_http_websocket_seat_find(
    ngx_http_websocket_seat_t *seat, u_char *name, size_t len);


static const ngx_http_websocket_redis_handlers_t
    ngx_http_websocket_seat_handlers =
{
    ngx_http_websocket_seat_up,
    ngx_http_websocket_seat_down,
    ngx_http_websocket_seat_push,
    ngx_http_websocket_seat_quit
};


void
ngx_http_websocket_seat_ask(ngx_http_websocket_remote_t *remote,
    ngx_str_t *name)
{
    ngx_atomic_uint_t                    owner;
    ngx_websocket_store_name_t          *ask;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = remote->shared;

    if (ngx_http_websocket_remote_lock(remote) != NGX_OK) {

        /* it finds all by a walk */

        shared->overflow = 1;

    } else {
        if (shared->tail - shared->head == NGX_HTTP_WEBSOCKET_ASKS) {
            shared->overflow = 1;

        } else {
            ask = &shared->asks[shared->tail % NGX_HTTP_WEBSOCKET_ASKS];
            ask->size = (uint8_t) name->len;
            ngx_memcpy(ask->data, name->data, ask->size);

            shared->tail++;
        }

        ngx_http_websocket_remote_unlock(remote);
    }

    owner = shared->owner;

    if (remote->seat) {
        ngx_post_event(&remote->seat->subscribe, &ngx_posted_events);

    } else if (owner) {
        ngx_http_websocket_seat_wake((owner & 0xffffffff) - 1);
    }
}


static void
ngx_http_websocket_seat_wake(ngx_uint_t slot)
{
    ngx_websocket_store_wake_t  wake;

    ngx_memzero(&wake, sizeof(ngx_websocket_store_wake_t));

    wake.slots[slot / 64 % (NGX_WEBSOCKET_STORE_WORKERS / 64)] =
                                                 (uint64_t) 1 << slot % 64;

    ngx_http_websocket_worker_wake(&wake);
}


static ngx_atomic_uint_t
ngx_http_websocket_seat_self(void)
{
    return (ngx_atomic_uint_t) ngx_http_websocket_worker_incarnation() << 32
           | (ngx_http_websocket_worker_slot() + 1);
}


static ngx_uint_t
ngx_http_websocket_seat_is_mine(ngx_http_websocket_remote_t *remote)
{
    return ngx_http_websocket_worker_slot() != NGX_HTTP_WEBSOCKET_NO_SLOT
           && remote->shared->owner == ngx_http_websocket_seat_self();
}


void
ngx_http_websocket_seat_look(ngx_http_websocket_remote_t *remote)
{
    if (remote->seat == NULL) {
        ngx_http_websocket_seat_try(remote);
        return;
    }

    if (remote->shared->tail != remote->shared->head
        || remote->shared->overflow)
    {
        ngx_post_event(&remote->seat->subscribe, &ngx_posted_events);
    }
}


void
ngx_http_websocket_seat_tick(ngx_http_websocket_remote_t *remote)
{
    if (remote->seat && !ngx_http_websocket_seat_is_mine(remote)) {

        /* this worker was away for long, or has another slot */

        ngx_http_websocket_seat_lose(remote);
    }

    ngx_http_websocket_seat_look(remote);

    if (remote->seat == NULL) {
        return;
    }

    remote->shared->beat = ngx_current_msec;

    remote->seat->paused = 0;

    /* one that is not the master any more tells nothing, or other things */

    if (remote->seat->redis.up && remote->redis.up
        && ngx_memcmp(remote->seat->redis.generation, remote->redis.generation,
                      sizeof(remote->redis.generation))
           != 0)
    {
        ngx_http_websocket_redis_fail(&remote->seat->redis,
                                      "another server is the master");
    }

    ngx_http_websocket_probe(remote->seat);
    ngx_http_websocket_seat_review(remote->seat);
    ngx_http_websocket_seat_fill_next(remote->seat);
}


static void
ngx_http_websocket_seat_try(ngx_http_websocket_remote_t *remote)
{
    ngx_atomic_uint_t  owner;

    if (ngx_exiting || ngx_http_websocket_worker_replaced()
        || ngx_http_websocket_worker_slot() == NGX_HTTP_WEBSOCKET_NO_SLOT)
    {
        return;
    }

    owner = remote->shared->owner;

    if (!ngx_http_websocket_seat_vacant(remote, owner)
        || !ngx_atomic_cmp_set(&remote->shared->owner, owner,
                               ngx_http_websocket_seat_self()))
    {
        return;
    }

    remote->shared->beat = ngx_current_msec;

    if (ngx_http_websocket_seat_take(remote) != NGX_OK) {
        remote->shared->owner = 0;
    }
}


static ngx_uint_t
ngx_http_websocket_seat_vacant(ngx_http_websocket_remote_t *remote,
    ngx_atomic_uint_t owner)
{
    ngx_msec_int_t  silent;

    if (owner == 0) {
        return 1;
    }

    /* nobody may have noticed yet that a worker died */

    ngx_http_websocket_worker_reap(remote->log);

    if (!ngx_http_websocket_worker_has((owner & 0xffffffff) - 1,
                                       (uint32_t) (owner >> 32)))
    {
        return 1;
    }

    silent = (ngx_msec_int_t) (ngx_current_msec
                               - (ngx_msec_t) remote->shared->beat);

    return silent > NGX_HTTP_WEBSOCKET_SEAT_BEAT;
}


static ngx_int_t
ngx_http_websocket_seat_take(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_seat_t  *seat;

    seat = ngx_calloc(sizeof(ngx_http_websocket_seat_t), remote->log);
    if (seat == NULL) {
        return NGX_ERROR;
    }

    seat->remote = remote;

    ngx_http_websocket_remote_count(remote,
                                    NGX_HTTP_WEBSOCKET_REMOTE_TAKEOVERS);

    ngx_rbtree_init(&seat->tree, &seat->sentinel, ngx_str_rbtree_insert_value);
    ngx_queue_init(&seat->channels);
    ngx_queue_init(&seat->todo);
    ngx_queue_init(&seat->fills);

    ngx_http_websocket_remote_event(remote, &seat->subscribe,
                                    ngx_http_websocket_seat_subscribe);
    ngx_http_websocket_remote_event(remote, &seat->walk,
                                    ngx_http_websocket_seat_walk);
    ngx_http_websocket_remote_event(remote, &seat->tell,
                                    ngx_http_websocket_seat_tell);

    seat->redis.conf = remote->conf;
    seat->redis.handlers = &ngx_http_websocket_seat_handlers;
    seat->redis.data = seat;
    seat->redis.log = remote->log;

    remote->seat = seat;

    ngx_http_websocket_redis_start(&seat->redis);

    ngx_post_event(&seat->walk, &ngx_posted_events);

    return NGX_OK;
}


void
ngx_http_websocket_seat_leave(ngx_http_websocket_remote_t *remote)
{
    if (remote->seat == NULL) {
        return;
    }

    ngx_http_websocket_seat_lose(remote);

    if (ngx_http_websocket_seat_is_mine(remote)) {

        remote->shared->owner = 0;

        /* whoever comes first takes it */

        ngx_http_websocket_seat_wake_all();
    }
}


void
ngx_http_websocket_seat_wake_all(void)
{
    ngx_uint_t                  i;
    ngx_websocket_store_wake_t  wake;

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS / 64; i++) {
        wake.slots[i] = UINT64_MAX;
    }

    ngx_http_websocket_worker_wake(&wake);
}


static void
ngx_http_websocket_seat_lose(ngx_http_websocket_remote_t *remote)
{
    ngx_queue_t                *q;
    ngx_event_t                *ev;
    ngx_uint_t                  i;
    ngx_http_websocket_seat_t  *seat;

    seat = remote->seat;
    remote->seat = NULL;

    ngx_http_websocket_redis_stop(&seat->redis);

    while (!ngx_queue_empty(&seat->channels)) {
        q = ngx_queue_head(&seat->channels);
        ngx_http_websocket_seat_drop(seat,
                       ngx_queue_data(q, ngx_http_websocket_kept_t, all));
    }

    for (i = 0; i < 3; i++) {
        ev = i == 0 ? &seat->subscribe : i == 1 ? &seat->walk : &seat->tell;

        if (ev->posted) {
            ngx_delete_posted_event(ev);
        }
    }

    ngx_free(seat);
}


void
ngx_http_websocket_seat_fills(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_seat_fill_next(remote->seat);
}


/* what was asked for, in this worker or in others */

static void
ngx_http_websocket_seat_asks(ngx_http_websocket_seat_t *seat)
{
    ngx_websocket_store_name_t           name;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = seat->remote->shared;

    while (shared->tail != shared->head) {

        if (ngx_http_websocket_remote_lock(seat->remote) != NGX_OK) {
            break;
        }

        name = shared->asks[shared->head % NGX_HTTP_WEBSOCKET_ASKS];
        shared->head++;

        ngx_http_websocket_remote_unlock(seat->remote);

        ngx_http_websocket_seat_want(seat, &name);
    }

    if (shared->overflow) {
        shared->overflow = 0;
        seat->bucket = 0;
        ngx_post_event(&seat->walk, &ngx_posted_events);
    }
}


static void
ngx_http_websocket_seat_want(ngx_http_websocket_seat_t *seat,
    ngx_websocket_store_name_t *name)
{
    ngx_http_websocket_kept_t  *kept;

    kept = ngx_http_websocket_seat_find(seat, name->data, name->size);

    if (kept) {
        kept->unwanted = 0;

        /* who asks for it may have found that it is not live */

        if (kept->subscribed && kept->live) {
            ngx_http_websocket_seat_fill(seat, kept);
        }

        return;
    }

    kept = ngx_calloc(sizeof(ngx_http_websocket_kept_t) + name->size,
                      seat->remote->log);
    if (kept == NULL) {
        seat->remote->shared->overflow = 1;
        return;
    }

    kept->node.str.data = kept->name;
    kept->node.str.len = name->size;
    ngx_memcpy(kept->name, name->data, name->size);

    kept->node.node.key = ngx_crc32_short(kept->name, name->size);
    ngx_rbtree_insert(&seat->tree, &kept->node.node);

    ngx_queue_insert_tail(&seat->channels, &kept->all);
    seat->nchannels++;

    kept->queued = 1;
    ngx_queue_insert_tail(&seat->todo, &kept->queue);
}


static ngx_http_websocket_kept_t *
ngx_http_websocket_seat_find(ngx_http_websocket_seat_t *seat, u_char *name,
    size_t len)
{
    ngx_str_t  text;

    text.data = name;
    text.len = len;

    /* the node is the first member */

    return (ngx_http_websocket_kept_t *)
               ngx_str_rbtree_lookup(&seat->tree, &text,
                                     ngx_crc32_short(name, len));
}


void
ngx_http_websocket_seat_drop(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    if (kept->subscribed && seat->redis.up) {
        ngx_http_websocket_seat_unsubscribe(seat, kept);
    }

    if (kept->queued) {
        ngx_queue_remove(&kept->queue);
    }

    ngx_http_websocket_seat_fill_forget(seat, kept);

    ngx_queue_remove(&kept->all);
    seat->nchannels--;

    ngx_rbtree_delete(&seat->tree, &kept->node.node);

    ngx_free(kept);
}


/* after another had the seat, or more was asked for than can be told */

static void
ngx_http_websocket_seat_walk(ngx_event_t *ev)
{
    int                                rc;
    ngx_uint_t                         i, n;
    ngx_connection_t                  *c;
    ngx_http_websocket_seat_t         *seat;
    ngx_http_websocket_remote_t       *remote;
    static ngx_websocket_store_name_t  names[NGX_HTTP_WEBSOCKET_SEAT_WALK];

    c = ev->data;
    remote = c->data;
    seat = remote->seat;

    while (seat->bucket < ngx_websocket_store_buckets(remote->zone->store)) {

        n = NGX_HTTP_WEBSOCKET_SEAT_WALK;
        rc = ngx_http_websocket_zone_walk(remote->zone, &seat->bucket,
                                          NGX_WEBSOCKET_STORE_WALK_KEPT,
                                          names, &n);

        for (i = 0; i < n; i++) {
            ngx_http_websocket_seat_want(seat, &names[i]);
        }

        if (rc != NGX_WEBSOCKET_STORE_OK || ngx_http_websocket_turn_over()) {
            ngx_http_websocket_turn_next(ev);
            break;
        }
    }

    ngx_post_event(&seat->subscribe, &ngx_posted_events);
}


static void
ngx_http_websocket_seat_subscribe(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_websocket_seat_t    *seat;
    ngx_http_websocket_remote_t  *remote;

    c = ev->data;
    remote = c->data;
    seat = remote->seat;

    ngx_http_websocket_seat_asks(seat);

    while (seat->redis.up && !ngx_queue_empty(&seat->todo)) {

        if (ngx_http_websocket_seat_subscribe_some(seat) != NGX_OK) {
            ngx_http_websocket_redis_fail(&seat->redis, "memory was refused");
            return;
        }

        if (ngx_http_websocket_turn_over()) {
            ngx_http_websocket_turn_next(ev);
            return;
        }
    }
}


static ngx_int_t
ngx_http_websocket_seat_subscribe_some(ngx_http_websocket_seat_t *seat)
{
    size_t                         size;
    u_char                        *p;
    ngx_uint_t                     n;
    ngx_queue_t                   *q;
    ngx_http_websocket_kept_t     *kept;
    ngx_http_websocket_command_t  *command;

    n = 0;
    size = NGX_WEBSOCKET_RESP_HEADER + ngx_websocket_resp_bulk_size(9);

    for (q = ngx_queue_head(&seat->todo);
         q != ngx_queue_sentinel(&seat->todo)
         && n < NGX_HTTP_WEBSOCKET_SEAT_CHANNELS;
         q = ngx_queue_next(q))
    {
        kept = ngx_queue_data(q, ngx_http_websocket_kept_t, queue);
        size += ngx_http_websocket_redis_key_size(&seat->redis,
                                                  &kept->node.str);
        n++;
    }

    command = ngx_http_websocket_redis_command(&seat->redis, size, NULL, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, 1 + n);
    p = ngx_websocket_resp_bulk(p, "SUBSCRIBE", 9);

    while (n--) {
        q = ngx_queue_head(&seat->todo);
        kept = ngx_queue_data(q, ngx_http_websocket_kept_t, queue);

        ngx_queue_remove(q);
        kept->queued = 0;

        p = ngx_http_websocket_redis_key(&seat->redis, p, "c:",
                                         &kept->node.str);
    }

    command->last = p;

    ngx_http_websocket_redis_send(&seat->redis, command);

    return NGX_OK;
}


/* where memory is refused, what is heard of it yet is passed over */

static void
ngx_http_websocket_seat_unsubscribe(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    u_char                        *p;
    ngx_http_websocket_command_t  *command;

    command = ngx_http_websocket_redis_command(&seat->redis,
                        NGX_WEBSOCKET_RESP_HEADER
                        + ngx_websocket_resp_bulk_size(11)
                        + ngx_http_websocket_redis_key_size(&seat->redis,
                                                            &kept->node.str),
                        NULL, NULL);
    if (command == NULL) {
        return;
    }

    p = ngx_websocket_resp_array(command->last, 2);
    p = ngx_websocket_resp_bulk(p, "UNSUBSCRIBE", 11);
    command->last = ngx_http_websocket_redis_key(&seat->redis, p, "c:",
                                                 &kept->node.str);

    ngx_http_websocket_redis_send(&seat->redis, command);
}


/* which channels nobody has wanted for a while: a part of them at a time */

static void
ngx_http_websocket_seat_review(ngx_http_websocket_seat_t *seat)
{
    int                         rc;
    ngx_uint_t                  n, over;
    ngx_queue_t                *q;
    ngx_http_websocket_kept_t  *kept;

    for (n = seat->nchannels / NGX_HTTP_WEBSOCKET_SEAT_PART + 1;
         n && !ngx_queue_empty(&seat->channels);
         n--)
    {
        q = ngx_queue_head(&seat->channels);
        kept = ngx_queue_data(q, ngx_http_websocket_kept_t, all);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&seat->channels, q);

        if (!kept->live) {
            continue;
        }

        over = kept->unwanted
               && ngx_current_msec - kept->unwanted
                  >= NGX_HTTP_WEBSOCKET_SEAT_GRACE;

        if (kept->fresh && !over
            && ngx_current_msec - kept->read >= NGX_HTTP_WEBSOCKET_SEAT_FRESH)
        {
            kept->read = ngx_current_msec;
            ngx_http_websocket_seat_fill(seat, kept);
        }

        rc = ngx_http_websocket_zone_neglect(seat->remote->zone,
                                             &kept->node.str, over);

        if (rc == NGX_WEBSOCKET_STORE_DUPLICATE) {
            kept->unwanted = 0;

        } else if (rc == NGX_WEBSOCKET_STORE_OK) {

            if (over) {
                ngx_http_websocket_seat_drop(seat, kept);

            } else if (kept->unwanted == 0) {
                kept->unwanted = ngx_current_msec ? ngx_current_msec : 1;
            }
        }

        if (n % 16 == 0 && ngx_http_websocket_turn_over()) {
            return;
        }
    }
}


/* channels have become live */

static void
ngx_http_websocket_seat_tell(ngx_event_t *ev)
{
    ngx_uint_t                    i;
    ngx_connection_t             *c;
    ngx_websocket_store_wake_t    wake;
    ngx_http_websocket_remote_t  *remote;

    c = ev->data;
    remote = c->data;

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS / 64; i++) {
        wake.slots[i] = remote->shared->waiting[i];
    }

    ngx_http_websocket_worker_wake(&wake);

    ngx_http_websocket_remote_fetched(remote);
}


static void
ngx_http_websocket_seat_up(ngx_http_websocket_redis_t *redis)
{
    ngx_http_websocket_seat_t  *seat;

    seat = redis->data;

    if (ngx_http_websocket_probe_subscribe(seat) != NGX_OK) {
        ngx_http_websocket_redis_fail(redis, "memory was refused");
        return;
    }

    ngx_post_event(&seat->subscribe, &ngx_posted_events);
}


/* what was published meanwhile is found when all is subscribed to again */

static void
ngx_http_websocket_seat_down(ngx_http_websocket_redis_t *redis)
{
    ngx_queue_t                *q;
    ngx_http_websocket_seat_t  *seat;
    ngx_http_websocket_kept_t  *kept;

    seat = redis->data;

    ngx_http_websocket_remote_count(seat->remote,
                                    NGX_HTTP_WEBSOCKET_REMOTE_RECONNECTS);

    for (q = ngx_queue_head(&seat->channels);
         q != ngx_queue_sentinel(&seat->channels);
         q = ngx_queue_next(q))
    {
        kept = ngx_queue_data(q, ngx_http_websocket_kept_t, all);

        if (kept->queued) {
            ngx_queue_remove(&kept->queue);
        }

        kept->subscribed = 0;
        kept->queued = 1;

        ngx_queue_insert_tail(&seat->todo, &kept->queue);
    }
}


static void
ngx_http_websocket_seat_push(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value)
{
    size_t                       skip;
    ngx_http_websocket_seat_t   *seat;
    ngx_http_websocket_kept_t   *kept;
    ngx_websocket_resp_value_t  *kind, *channel, *text;

    seat = redis->data;

    kind = ngx_websocket_resp_at(value, 0);
    channel = ngx_websocket_resp_at(value, 1);
    text = ngx_websocket_resp_at(value, 2);
    skip = redis->conf->prefix.len + 2;

    if (text == NULL || channel->type != NGX_WEBSOCKET_RESP_STRING
        || channel->size <= skip)
    {
        /* an error has no such parts */

        ngx_http_websocket_redis_fail(redis, "it does not let us subscribe");
        return;
    }

    if (channel->data[skip - 2] == 'n') {
        ngx_http_websocket_probe_heard(seat, text);
        return;
    }

    kept = ngx_http_websocket_seat_find(seat, channel->data + skip,
                                        channel->size - skip);

    if (ngx_websocket_resp_is(kind, "message")) {

        if (kept && text->type == NGX_WEBSOCKET_RESP_STRING) {
            ngx_http_websocket_seat_hear(seat, kept, text->data, text->size);
        }

        return;
    }

    if (kept == NULL || kept->queued) {
        return;
    }

    if (ngx_websocket_resp_is(kind, "subscribe")) {
        kept->subscribed = 1;
        ngx_http_websocket_seat_fill(seat, kept);

    } else if (ngx_websocket_resp_is(kind, "unsubscribe")) {

        /* of what was dropped, and is wanted again meanwhile: a SUBSCRIBE
           follows, or the server did so by itself */

        if (kept->subscribed) {
            kept->subscribed = 0;
            kept->queued = 1;
            ngx_queue_insert_tail(&seat->todo, &kept->queue);
            ngx_post_event(&seat->subscribe, &ngx_posted_events);
        }
    }
}


static void
ngx_http_websocket_seat_quit(ngx_http_websocket_redis_t *redis)
{
    ngx_http_websocket_seat_t  *seat;

    seat = redis->data;

    ngx_http_websocket_seat_leave(seat->remote);
}
