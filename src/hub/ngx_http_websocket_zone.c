
#include "hub/ngx_http_websocket_zone.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf.h"
#include "store/channel.h"
#include "store/interest.h"
#include "store/member.h"
#include "store/message.h"
#include "store/numbered.h"
#include "store/quota.h"
#include "hub/ngx_http_websocket_durable.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_restore.h"
#include "hub/ngx_http_websocket_worker.h"
#include <openssl/rand.h>


/* microseconds between two tries for the lock */
#define NGX_HTTP_WEBSOCKET_PAUSE     50

/* buckets looked at while the lock is held once */
#define NGX_HTTP_WEBSOCKET_BUCKETS   64

/* buckets looked at in a second, at least */
#define NGX_HTTP_WEBSOCKET_SHARE     4096

/* milliseconds after which another worker may take over a sweep */
#define NGX_HTTP_WEBSOCKET_SWEEPING  900

/*
 * bytes of messages that are read while a newcomer subscribes, which is other
 * work besides
 */
#define NGX_HTTP_WEBSOCKET_FIRST     64

/*
 * pieces of the store's work that are done before the turn's end is looked at
 */
#define NGX_HTTP_WEBSOCKET_PIECES    64

/* steps without progress, over all turns, after which there is no room */
#define NGX_HTTP_WEBSOCKET_STALLED   4096

/* the steps of appending a large message */
#define NGX_HTTP_WEBSOCKET_RESERVE   0
#define NGX_HTTP_WEBSOCKET_FILL      1
#define NGX_HTTP_WEBSOCKET_APPEND    2


/*
 * changes with ngx_http_websocket_shared_t; the store has a version of its own
 */
#define NGX_HTTP_WEBSOCKET_ZONE_LAYOUT  1


struct ngx_http_websocket_shared_s {
    pthread_mutex_t               mutex;
    size_t                        size;     /* of the log */
    ngx_atomic_t                  snapshot; /* when the last one was begun */
    u_char                        log[1] __attribute__((aligned(64)));
};


/* where a channel is that a broker has numbered */
typedef int (*ngx_http_websocket_zone_set_pt)(ngx_websocket_store_t *store,
    ngx_websocket_channel_ref_t channel, uint64_t epoch, uint64_t offset,
    ngx_websocket_store_wake_t *wake);


static ngx_int_t ngx_http_websocket_zone_map(
    ngx_http_websocket_region_t *region, ngx_http_websocket_region_e state);
static ngx_int_t ngx_http_websocket_zone_revive(
    ngx_http_websocket_zone_t *zone);
static ngx_int_t ngx_http_websocket_zone_format(
    ngx_http_websocket_region_t *region);
static void ngx_http_websocket_zone_seed(uint8_t seed[16]);
static ngx_int_t ngx_http_websocket_zone_lock(
    ngx_http_websocket_zone_t *zone);
static ngx_int_t ngx_http_websocket_zone_spin(
    ngx_http_websocket_zone_t *zone, ngx_uint_t tries);
static void ngx_http_websocket_zone_recover(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_zone_unlock(ngx_http_websocket_zone_t *zone);
static ngx_uint_t ngx_http_websocket_zone_again(int *rc, ngx_uint_t *n);
static int ngx_http_websocket_zone_append(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_websocket_store_large_t *large);
static ngx_inline uint64_t ngx_http_websocket_zone_prepare(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_publish_t *p,
    ngx_websocket_store_large_t *large, ngx_websocket_store_append_t *append);
static ngx_inline void ngx_http_websocket_zone_message(
    ngx_http_websocket_publish_t *p, ngx_websocket_store_append_t *append);
static ngx_inline int ngx_http_websocket_zone_open(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_publish_t *p,
    uint64_t hash, ngx_websocket_channel_ref_t *ref);
static int ngx_http_websocket_zone_append_large(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_publish_t *p);
static int ngx_http_websocket_zone_append_in_turns(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_publish_t *p);
static void ngx_http_websocket_zone_fill(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_large_t *large);
static void ngx_http_websocket_zone_filled(ngx_http_websocket_zone_t *zone,
    int rc);
static int ngx_http_websocket_zone_append_step(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_http_websocket_large_t *large);
static ngx_int_t ngx_http_websocket_zone_unreserve(
    ngx_http_websocket_waiter_t *debt);
static int ngx_http_websocket_zone_reserve(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_websocket_store_append_t *append);
static int ngx_http_websocket_zone_enter(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_zone_subscribe_t *s);
static void ngx_http_websocket_zone_seek_newcomer(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_zone_subscribe_t *s,
    uint64_t newest);
static int ngx_http_websocket_zone_read_some(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *messages,
    ngx_uint_t *n, u_char *buf, size_t size);
static int ngx_http_websocket_zone_read_locked(
    ngx_http_websocket_zone_t *zone, ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *messages, ngx_uint_t *n, u_char *buf,
    size_t size);
static ngx_uint_t ngx_http_websocket_zone_wake(
    ngx_websocket_store_wake_t *wake);
static int ngx_http_websocket_zone_admit(ngx_http_websocket_zone_t *zone,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_member_t *member,
    ngx_http_websocket_publish_t *p, ngx_websocket_member_ref_t *ref);
static int ngx_http_websocket_zone_told(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_websocket_channel_ref_t channel,
    ngx_websocket_store_append_t *append);
static int ngx_http_websocket_zone_part(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here);
static int ngx_http_websocket_zone_reap_member(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here);
static int ngx_http_websocket_zone_quota_take(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_quota_key_t *rows, size_t n,
    ngx_websocket_store_quota_t *quotas);
static ngx_uint_t ngx_http_websocket_zone_is_void(
    ngx_http_websocket_zone_t *zone, ngx_uint_t slot);
static int ngx_http_websocket_zone_make(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_history_t *history,
    ngx_websocket_store_info_t *info);
static int ngx_http_websocket_zone_drop_member(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_member_t *member,
    ngx_http_websocket_leave_message_pt leave_message,
    ngx_websocket_store_wake_t *wake);
static int ngx_http_websocket_zone_ask_once(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name);
static ngx_uint_t ngx_http_websocket_zone_is_large(
    ngx_http_websocket_publish_t *p);
static int ngx_http_websocket_zone_place_step(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole,
    ngx_http_websocket_large_t *large);
static int ngx_http_websocket_zone_place_once(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole,
    ngx_http_websocket_large_t *large);
static int ngx_http_websocket_zone_set(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t epoch, uint64_t offset, ngx_uint_t *here,
    ngx_http_websocket_zone_set_pt set);
static int ngx_http_websocket_zone_set_once(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t epoch, uint64_t offset, ngx_uint_t *here,
    ngx_http_websocket_zone_set_pt set);
static ngx_websocket_channel_ref_t ngx_http_websocket_zone_find(
    ngx_http_websocket_zone_t *zone, ngx_str_t *name, uint64_t hash);


ngx_http_websocket_zone_t *
ngx_http_websocket_zone_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    ngx_msec_t inactive, ngx_str_t *path, ngx_msec_t snapshot)
{
    ngx_http_websocket_zone_t    *zone;
    ngx_http_websocket_region_t  *region;

    region = ngx_http_websocket_region_add(cf, name, path,
                                      size - NGX_HTTP_WEBSOCKET_REGION_HEAD,
                                      NGX_HTTP_WEBSOCKET_ZONE_LAYOUT,
                                      ngx_http_websocket_zone_map);
    if (region == NULL) {
        return NULL;
    }

    zone = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_zone_t));
    if (zone == NULL) {
        return NULL;
    }

    zone->name = *name;
    zone->inactive = inactive;
    zone->snapshot = snapshot;
    zone->size = size;
    zone->stats = &ngx_http_websocket_stats_none;

    zone->reserved.handler = ngx_http_websocket_zone_unreserve;

    ngx_http_websocket_wait_init(zone);

    region->owner = zone;

    if (path && ngx_http_websocket_durable_add(cf, zone) != NGX_OK) {
        return NULL;
    }

    return zone;
}


/* a region that is not fresh has the channels of the last configuration */

static ngx_int_t
ngx_http_websocket_zone_map(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_e state)
{
    ngx_http_websocket_zone_t    *zone;
    ngx_http_websocket_shared_t  *shared;

    zone = region->owner;
    shared = region->data;

    zone->shared = shared;

    if (region->disk) {
        zone->dump = region->path;
    }

    if (state == NGX_HTTP_WEBSOCKET_REGION_FRESH
        && ngx_http_websocket_zone_format(region) != NGX_OK)
    {
        return NGX_ERROR;
    }

    zone->store = ngx_websocket_store_open(shared->log, region->size
                               - offsetof(ngx_http_websocket_shared_t, log));

    if (zone->store
        && state == NGX_HTTP_WEBSOCKET_REGION_FOUND
        && ngx_http_websocket_zone_revive(zone) != NGX_OK)
    {
        zone->store = NULL;
    }

    if (zone->store == NULL) {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "websocket zone \"%V\" was made by another version of "
                      "the module: restart nginx instead", &zone->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* from its dump, if it has one */

static ngx_int_t
ngx_http_websocket_zone_format(ngx_http_websocket_region_t *region)
{
    uint8_t                       seed[16];
    ngx_int_t                     rc;
    ngx_http_websocket_zone_t    *zone;
    ngx_http_websocket_shared_t  *shared;

    zone = region->owner;
    shared = region->data;

    shared->size = region->size - offsetof(ngx_http_websocket_shared_t, log);

    if (ngx_http_websocket_worker_mutex(&shared->mutex) != NGX_OK) {
        return NGX_ERROR;
    }

    if (zone->dump.len) {
        rc = ngx_http_websocket_restore(region, shared->log,
                                        shared->size);

        if (rc != NGX_DECLINED) {

            /* sessions had numbers before that it does not tell */

            ngx_http_websocket_region_head_of(region)->incarnations =
                                                                  ngx_time();
            return rc;
        }
    }

    ngx_http_websocket_zone_seed(seed);

    if (ngx_websocket_store_format(shared->log, shared->size, seed)
        != NGX_WEBSOCKET_STORE_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "websocket zone \"%V\" is too small", &zone->name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* nobody holds the lock, whose last owner may have been about to change it */

static ngx_int_t
ngx_http_websocket_zone_revive(ngx_http_websocket_zone_t *zone)
{
    if (ngx_websocket_store_revive(zone->store) != NGX_WEBSOCKET_STORE_OK) {
        return NGX_ERROR;
    }

    return ngx_http_websocket_worker_mutex(&zone->shared->mutex);
}


/* unknown to clients, who choose the names that are hashed with it */

static void
ngx_http_websocket_zone_seed(uint8_t seed[16])
{
    ngx_uint_t  i;

    if (RAND_bytes(seed, 16) == 1) {
        return;
    }

    for (i = 0; i < 16; i++) {
        seed[i] = (uint8_t) (ngx_random() >> 8);
    }
}


/*
 * NGX_BUSY when it cannot be had: the caller does without.  Nobody has it
 * before what is owed is done.
 */

static ngx_int_t
ngx_http_websocket_zone_lock(ngx_http_websocket_zone_t *zone)
{
    uint64_t  now, end;

    if (zone->wait.stuck && !zone->wait.paying) {

        if (ngx_http_websocket_zone_try(zone, 1) == NGX_OK) {
            ngx_http_websocket_wait_again(zone);
        }

        return NGX_BUSY;
    }

    end = 0;

    for ( ;; ) {

        if (ngx_http_websocket_zone_spin(zone, NGX_HTTP_WEBSOCKET_SPIN)
            == NGX_OK)
        {
            return NGX_OK;
        }

        now = ngx_http_websocket_clock_now_us();

        if (end == 0) {
            end = now + NGX_HTTP_WEBSOCKET_LOCK;
        }

        if (now >= end || zone->wait.paying) {
            ngx_http_websocket_wait_begin(zone);
            return NGX_BUSY;
        }

        (void) usleep(NGX_HTTP_WEBSOCKET_PAUSE);
    }
}


static ngx_int_t
ngx_http_websocket_zone_spin(ngx_http_websocket_zone_t *zone,
    ngx_uint_t tries)
{
    int  rc;

    while (tries--) {

        rc = pthread_mutex_trylock(&zone->shared->mutex);

        if (rc == 0) {
            ngx_websocket_store_section_begin();
            return NGX_OK;
        }

        if (rc == EOWNERDEAD) {
            ngx_http_websocket_zone_recover(zone);
            tries++;
            continue;
        }

        ngx_cpu_pause();
    }

    return NGX_BUSY;
}


static void
ngx_http_websocket_zone_recover(ngx_http_websocket_zone_t *zone)
{
    ngx_websocket_store_recover(zone->store);

    (void) pthread_mutex_consistent(&zone->shared->mutex);

    ngx_http_websocket_zone_unlock(zone);

    /*
     * logs after the unlock: a disk may be slow, and others need not wait for
     * it
     */

    ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                  "websocket zone \"%V\" recovered: a worker died "
                  "while it held the lock", &zone->name);
}


ngx_int_t
ngx_http_websocket_zone_try(ngx_http_websocket_zone_t *zone, ngx_uint_t tries)
{
    if (ngx_http_websocket_zone_spin(zone, tries) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_http_websocket_zone_unlock(zone);

    return NGX_OK;
}


static void
ngx_http_websocket_zone_unlock(ngx_http_websocket_zone_t *zone)
{
    ngx_websocket_store_section();

    (void) pthread_mutex_unlock(&zone->shared->mutex);
}


/* wakes the other workers of the set, and returns whether this one is in it */

static ngx_uint_t
ngx_http_websocket_zone_wake(ngx_websocket_store_wake_t *wake)
{
    ngx_uint_t  slot;

    ngx_http_websocket_worker_wake(wake);

    slot = ngx_http_websocket_worker_slot();

    return slot != NGX_HTTP_WEBSOCKET_NO_SLOT
           && (wake->slots[slot / 64] >> (slot % 64) & 1);
}


ngx_http_websocket_attach_e
ngx_http_websocket_zone_attach(ngx_http_websocket_zone_t *zone)
{
    uint32_t    incarnation;
    ngx_uint_t  slot;

    slot = ngx_http_websocket_worker_slot();
    incarnation = ngx_http_websocket_worker_incarnation();

    if (slot == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return NGX_HTTP_WEBSOCKET_ATTACH_NO_SLOT;
    }

    if (zone->incarnation == incarnation) {
        return NGX_HTTP_WEBSOCKET_ATTACHED;
    }

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_HTTP_WEBSOCKET_ATTACH_STUCK;
    }

    ngx_websocket_store_attach(zone->store, slot, incarnation);

    ngx_http_websocket_zone_unlock(zone);

    zone->incarnation = incarnation;

    return NGX_HTTP_WEBSOCKET_ATTACHED;
}


ngx_uint_t
ngx_http_websocket_zone_snapshot(ngx_http_websocket_zone_t *zone)
{
    uint64_t           now;
    ngx_atomic_uint_t  last;

    now = ngx_http_websocket_clock_now();
    last = zone->shared->snapshot;

    return now - last >= zone->snapshot
           && ngx_atomic_cmp_set(&zone->shared->snapshot, last, now);
}


void
ngx_http_websocket_zone_due(ngx_http_websocket_zone_t *zone)
{
    zone->shared->snapshot = 0;
}


int
ngx_http_websocket_zone_dump(ngx_http_websocket_zone_t *zone,
    ngx_websocket_dump_t *dump, u_char *buf, size_t size, size_t *used)
{
    int  rc;

    if (pthread_mutex_lock(&zone->shared->mutex) == EOWNERDEAD) {
        ngx_websocket_store_recover(zone->store);
        (void) pthread_mutex_consistent(&zone->shared->mutex);
    }

    rc = ngx_websocket_dump_next(zone->store, dump, buf, size, used);

    (void) pthread_mutex_unlock(&zone->shared->mutex);

    return rc;
}


void
ngx_http_websocket_zone_reap(ngx_http_websocket_zone_t *zone)
{
    ngx_uint_t  slot;

    for (slot = 0; slot < NGX_WEBSOCKET_STORE_WORKERS; slot++) {

        if (ngx_http_websocket_zone_is_void(zone, slot)) {
            if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
                return;
            }

            /* another worker may have been attached meanwhile */

            if (ngx_http_websocket_zone_is_void(zone, slot)) {
                ngx_websocket_store_attach(zone->store, slot, 0);
            }

            ngx_http_websocket_zone_unlock(zone);
        }
    }
}


static ngx_uint_t
ngx_http_websocket_zone_is_void(ngx_http_websocket_zone_t *zone,
    ngx_uint_t slot)
{
    uint32_t  incarnation;

    incarnation = ngx_websocket_store_attached(zone->store, slot);

    return incarnation && !ngx_http_websocket_worker_has(slot, incarnation);
}


/* whether the store is to be called again; if not, *rc is the result */

static ngx_uint_t
ngx_http_websocket_zone_again(int *rc, ngx_uint_t *n)
{
    if (*rc != NGX_WEBSOCKET_STORE_AGAIN) {
        return 0;
    }

    if (++*n % NGX_HTTP_WEBSOCKET_PIECES == 0
        && ngx_http_websocket_turn_over())
    {
        *rc = NGX_WEBSOCKET_STORE_NOSPACE;
        return 0;
    }

    return 1;
}


int
ngx_http_websocket_zone_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    int         rc;
    ngx_uint_t  pieces;

    p->here = 0;

    if (ngx_http_websocket_zone_is_large(p)) {
        return p->large ? ngx_http_websocket_zone_append_in_turns(zone, p)
                        : ngx_http_websocket_zone_append_large(zone, p);
    }

    if (p->large && p->large->read) {

        /* and nobody who would have the bytes read in pieces */

        return NGX_WEBSOCKET_STORE_BUSY;
    }

    pieces = 0;

    do {
        rc = ngx_http_websocket_zone_append(zone, p, NULL);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    return rc;
}


/* large is NULL, or the store has its bytes already */

static int
ngx_http_websocket_zone_append(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_websocket_store_large_t *large)
{
    int                           rc;
    uint64_t                      hash;
    ngx_websocket_store_append_t  append;

    hash = ngx_http_websocket_zone_prepare(zone, p, large, &append);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    rc = ngx_http_websocket_zone_open(zone, p, hash, &append.channel);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        rc = ngx_websocket_store_append(zone->store, &append);
    }

    if (rc == NGX_WEBSOCKET_STORE_OK && large) {

        /* a message that nobody is there for was not kept, its blocks were */

        ngx_websocket_store_unreserve(zone->store, append.slot);
    }

    ngx_http_websocket_zone_unlock(zone);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        p->here = ngx_http_websocket_zone_wake(&append.wake);
    }

    return rc;
}


/*
 * Sets append to what is published, with its time, but without the channel,
 * which is found under the lock.  Returns the hash of the channel's name.
 */

static ngx_inline uint64_t
ngx_http_websocket_zone_prepare(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_websocket_store_large_t *large,
    ngx_websocket_store_append_t *append)
{
    ngx_http_websocket_clock_stamp(&p->message);
    ngx_http_websocket_zone_message(p, append);

    append->large = large;

    return ngx_websocket_store_hash(zone->store, p->channel.data,
                                    p->channel.len);
}


/* sets append to what is published, in one step and without a channel */

static ngx_inline void
ngx_http_websocket_zone_message(ngx_http_websocket_publish_t *p,
    ngx_websocket_store_append_t *append)
{
    append->message = &p->message;
    append->parts = p->parts;
    append->n = p->n;
    append->large = NULL;
    append->slot = ngx_http_websocket_worker_slot();
    append->at = 0;
    append->info = p->describe ? &p->info : NULL;
}


/* the channel that a message is for, with the lock held */

static ngx_inline int
ngx_http_websocket_zone_open(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t hash,
    ngx_websocket_channel_ref_t *ref)
{
    return ngx_websocket_store_open_channel(zone->store, p->channel.data,
                                            p->channel.len, hash,
                                            p->message.time, p->history, ref);
}


/*
 * appends in one call, before publishers that go on in later turns and have to
 * begin anew
 */

static int
ngx_http_websocket_zone_append_large(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    int                          rc;
    ngx_uint_t                   stalled;
    ngx_http_websocket_large_t   large;

    ngx_memzero(&large, sizeof(ngx_http_websocket_large_t));

    ngx_http_websocket_zone_fill(zone, &large);

    do {
        rc = ngx_http_websocket_zone_append_step(zone, p, &large);

        /* it goes on as long as there is progress */

        stalled = large.stalled;

    } while (ngx_http_websocket_zone_again(&rc, &stalled));

    ngx_http_websocket_zone_filled(zone, rc);

    return rc;
}


static int
ngx_http_websocket_zone_append_in_turns(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    int                          rc;
    ngx_http_websocket_large_t  *large;

    large = p->large;

    if (zone->filling != large
        || large->incarnation != ngx_http_websocket_worker_incarnation())
    {
        if (zone->filling && zone->filling != large) {
            return NGX_WEBSOCKET_STORE_AGAIN;
        }

        ngx_http_websocket_zone_fill(zone, large);
    }

    do {
        rc = ngx_http_websocket_zone_append_step(zone, p, large);

        if (large->stalled > NGX_HTTP_WEBSOCKET_STALLED) {
            rc = NGX_WEBSOCKET_STORE_NOSPACE;
        }

        if (rc != NGX_WEBSOCKET_STORE_AGAIN) {
            ngx_http_websocket_zone_filled(zone, rc);
            return rc;
        }

    } while (!ngx_http_websocket_turn_over());

    return NGX_WEBSOCKET_STORE_AGAIN;
}


/* the blocks that this worker reserves are for that message from now on */

static void
ngx_http_websocket_zone_fill(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_large_t *large)
{
    ngx_http_websocket_wait_cancel(&zone->reserved);

    zone->filling = large;

    large->step = NGX_HTTP_WEBSOCKET_RESERVE;
    large->stalled = 0;
    large->incarnation = ngx_http_websocket_worker_incarnation();

    ngx_memzero(&large->state, sizeof(ngx_websocket_store_large_t));
}


/* and then for no message */

static void
ngx_http_websocket_zone_filled(ngx_http_websocket_zone_t *zone, int rc)
{
    zone->filling = NULL;

    if (rc != NGX_WEBSOCKET_STORE_OK
        && ngx_http_websocket_zone_unreserve(&zone->reserved) != NGX_OK)
    {
        ngx_http_websocket_owe(zone, &zone->reserved);
    }
}


void
ngx_http_websocket_zone_forgo(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_large_t *large)
{
    if (zone->filling == large) {
        ngx_http_websocket_zone_filled(zone, NGX_WEBSOCKET_STORE_NOSPACE);
    }
}


/* the copy of the message is made without the lock */

static int
ngx_http_websocket_zone_append_step(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_http_websocket_large_t *large)
{
    int                           rc;
    uint32_t                      reserved;
    ngx_websocket_store_append_t  append;

    switch (large->step) {

    case NGX_HTTP_WEBSOCKET_RESERVE:
        reserved = large->state.reserved;
        append.large = &large->state;

        rc = ngx_http_websocket_zone_reserve(zone, p, &append);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            large->stalled = large->state.reserved > reserved
                             ? 0 : large->stalled + 1;
            return rc;
        }

        large->step = NGX_HTTP_WEBSOCKET_FILL;

        return NGX_WEBSOCKET_STORE_AGAIN;

    case NGX_HTTP_WEBSOCKET_FILL:
        ngx_http_websocket_zone_message(p, &append);

        append.large = &large->state;
        append.read = large->read;
        append.reader = large->reader;

        rc = ngx_websocket_store_fill_piece(zone->store, &append);

        if (rc == NGX_WEBSOCKET_STORE_AGAIN) {
            large->stalled = 0;
        }

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            large->step = NGX_HTTP_WEBSOCKET_APPEND;
            rc = NGX_WEBSOCKET_STORE_AGAIN;
        }

        return rc;

    default:  /* NGX_HTTP_WEBSOCKET_APPEND */
        rc = ngx_http_websocket_zone_append(zone, p, &large->state);

        if (rc == NGX_WEBSOCKET_STORE_AGAIN) {
            large->step = NGX_HTTP_WEBSOCKET_RESERVE;
            large->stalled++;
        }

        return rc;
    }
}


static ngx_int_t
ngx_http_websocket_zone_unreserve(ngx_http_websocket_waiter_t *debt)
{
    ngx_http_websocket_zone_t  *zone;

    zone = ngx_queue_data(debt, ngx_http_websocket_zone_t, reserved);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_websocket_store_unreserve(zone->store,
                                  ngx_http_websocket_worker_slot());

    ngx_http_websocket_zone_unlock(zone);

    return NGX_OK;
}


static int
ngx_http_websocket_zone_reserve(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_websocket_store_append_t *append)
{
    int       rc;
    uint64_t  hash;

    hash = ngx_http_websocket_zone_prepare(zone, p, append->large, append);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    rc = ngx_http_websocket_zone_open(zone, p, hash, &append->channel);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        rc = ngx_websocket_store_reserve(zone->store, append);
    }

    ngx_http_websocket_zone_unlock(zone);

    return rc;
}


int
ngx_http_websocket_zone_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_uint_t *here)
{
    uint64_t                     hash;
    ngx_websocket_store_wake_t   wake;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        *here = 0;
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_websocket_store_find(zone->store, name->data, name->len, hash);

    if (ref) {
        ngx_websocket_store_delete(zone->store, ref, &wake);
    }

    ngx_http_websocket_zone_unlock(zone);

    if (ref == 0) {
        *here = 0;
        return NGX_WEBSOCKET_STORE_NOTFOUND;
    }

    *here = ngx_http_websocket_zone_wake(&wake);

    return NGX_WEBSOCKET_STORE_OK;
}


int
ngx_http_websocket_zone_info(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_info_t *info)
{
    uint64_t                     hash;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_websocket_store_find(zone->store, name->data, name->len, hash);

    if (ref) {
        ngx_websocket_store_info(zone->store, ref, info);
    }

    ngx_http_websocket_zone_unlock(zone);

    return ref ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_NOTFOUND;
}


int
ngx_http_websocket_zone_begin(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_history_t *history,
    ngx_websocket_store_info_t *info)
{
    int         rc;
    ngx_uint_t  pieces;

    pieces = 0;

    do {
        rc = ngx_http_websocket_zone_make(zone, name, history, info);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    return rc;
}


static int
ngx_http_websocket_zone_make(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_history_t *history,
    ngx_websocket_store_info_t *info)
{
    int                          rc;
    uint64_t                     hash;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    rc = ngx_websocket_store_open_channel(zone->store, name->data, name->len,
                                          hash,
                                          ngx_http_websocket_clock_now(),
                                          history, &ref);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        ngx_websocket_store_info(zone->store, ref, info);
    }

    ngx_http_websocket_zone_unlock(zone);

    return rc;
}


int
ngx_http_websocket_zone_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_zone_subscribe_t *s)
{
    int                         rc;
    ngx_uint_t                  pieces;
    ngx_websocket_store_name_t  name;

    pieces = 0;
    s->n = ngx_min(s->n, NGX_HTTP_WEBSOCKET_FIRST);

    s->first = 0;

    do {
        rc = ngx_http_websocket_zone_enter(zone, s);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    if (s->first && zone->interest) {
        name.epoch = s->position.epoch;
        name.size = (uint8_t) s->name->len;
        ngx_memcpy(name.data, s->name->data, name.size);

        zone->interest->attach(zone, &name);
    }

    return rc;
}


static int
ngx_http_websocket_zone_enter(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_zone_subscribe_t *s)
{
    int                            rc;
    uint64_t                       hash, now, newest;
    ngx_websocket_store_cursor_t  *own;

    newest = 0;
    hash = ngx_websocket_store_hash(zone->store, s->name->data, s->name->len);
    now = ngx_http_websocket_clock_now();

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    rc = ngx_websocket_store_open_channel(zone->store, s->name->data,
                                          s->name->len, hash, now, s->history,
                                          &s->ref);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        own = s->find(zone, s->ref);

        rc = ngx_websocket_store_subscribe(zone->store, s->ref,
                                           ngx_http_websocket_worker_slot(),
                                           now, own ? own : &s->cursor,
                                           &newest);
    }

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        s->first = ngx_websocket_store_interest_first(zone->store, s->ref);

        ngx_http_websocket_zone_seek_newcomer(zone, s, newest);

        /*
         * set also where nothing is read now: messages that come after this are
         * not history
         */

        if (s->visitor.next > newest) {
            s->rc = s->over ? NGX_WEBSOCKET_STORE_ENDED
                            : NGX_WEBSOCKET_STORE_EMPTY;
            s->n = 0;

        } else {
            s->rc = ngx_http_websocket_zone_read_locked(zone, &s->visitor,
                                                        s->messages, &s->n,
                                                        s->buf, s->size);
        }
    }

    ngx_http_websocket_zone_unlock(zone);

    return rc;
}


/*
 * seeks to the position that the newcomer gave, or so many messages before the
 * newest
 */

static void
ngx_http_websocket_zone_seek_newcomer(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_zone_subscribe_t *s, uint64_t newest)
{
    ngx_uint_t                  i;
    ngx_websocket_store_info_t  info;
    ngx_websocket_position_t   *since;

    ngx_websocket_store_info(zone->store, s->ref, &info);

    s->recovered = 0;

    for (i = 0; i < s->replay->nsince; i++) {

        since = &s->replay->since[i];

        if (since->epoch == info.epoch && since->offset <= newest
            && ngx_websocket_store_seek(zone->store, s->ref, since->offset + 1,
                                        &s->visitor)
               == NGX_WEBSOCKET_STORE_OK)
        {
            s->recovered = 1;
            break;
        }
    }

    if (!s->recovered) {
        (void) ngx_websocket_store_seek(zone->store, s->ref,
                                        newest + 1 - ngx_min(s->replay->newest,
                                                             info.length),
                                        &s->visitor);
    }

    s->keeps = info.keeps;
    s->position.epoch = info.epoch;
    s->position.offset = s->visitor.next - 1;
    s->over = info.ended && s->visitor.next > newest;
}


ngx_int_t
ngx_http_websocket_zone_unsubscribe(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor)
{
    uint64_t                    now;
    ngx_uint_t                  last;
    ngx_websocket_store_name_t  name;

    now = ngx_http_websocket_clock_now();

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_BUSY;
    }

    last = ngx_websocket_store_interest_last(zone->store, cursor)
           && zone->interest;

    if (last) {
        ngx_websocket_store_name(zone->store, cursor->channel, &name);
    }

    ngx_websocket_store_unsubscribe(zone->store, cursor, now);

    ngx_http_websocket_zone_unlock(zone);

    if (last) {
        zone->interest->detach(zone, &name);
    }

    return NGX_OK;
}


int
ngx_http_websocket_zone_read(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *messages,
    ngx_uint_t *n, u_char *buf, size_t size)
{
    int         rc;
    ngx_uint_t  most;

    most = *n;

    /* what another read has begun was in another buffer */

    cursor->done = 0;

    do {
        *n = most;
        rc = ngx_http_websocket_zone_read_some(zone, cursor, messages, n, buf,
                                               size);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN && *n == 0);

    return rc == NGX_WEBSOCKET_STORE_AGAIN ? NGX_WEBSOCKET_STORE_OK : rc;
}


static int
ngx_http_websocket_zone_read_some(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *messages,
    ngx_uint_t *n, u_char *buf, size_t size)
{
    int  rc;

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        *n = 0;
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    rc = ngx_http_websocket_zone_read_locked(zone, cursor, messages, n, buf,
                                             size);

    ngx_http_websocket_zone_unlock(zone);

    return rc;
}


static int
ngx_http_websocket_zone_read_locked(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *messages,
    ngx_uint_t *n, u_char *buf, size_t size)
{
    int         rc;
    ngx_uint_t  i;

    rc = NGX_WEBSOCKET_STORE_OK;

    for (i = 0; i < *n; i++) {
        rc = ngx_websocket_store_read(zone->store, cursor, &messages[i], buf,
                                      size);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            break;
        }

        buf += messages[i].size;
        size -= messages[i].size;
    }

    *n = i;

    return rc;
}


void
ngx_http_websocket_zone_skip(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor)
{
    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {

        /* the code is returned by the next call again */

        return;
    }

    ngx_websocket_store_skip(zone->store, cursor);

    ngx_http_websocket_zone_unlock(zone);
}


int
ngx_http_websocket_zone_seek(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t offset, ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_info_t *info)
{
    int                          rc;
    uint64_t                     hash;
    ngx_websocket_channel_ref_t  ref;

    rc = NGX_WEBSOCKET_STORE_NOTFOUND;
    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_websocket_store_find(zone->store, name->data, name->len, hash);

    if (ref) {
        ngx_websocket_store_info(zone->store, ref, info);
        rc = ngx_websocket_store_seek(zone->store, ref, offset, cursor);
    }

    ngx_http_websocket_zone_unlock(zone);

    return rc;
}


void
ngx_http_websocket_zone_sweep_begin(ngx_http_websocket_zone_t *zone)
{
    zone->sweep = ngx_max(ngx_websocket_store_buckets(zone->store)
                          / NGX_HTTP_WEBSOCKET_SWEEP,
                          NGX_HTTP_WEBSOCKET_SHARE);
}


ngx_uint_t
ngx_http_websocket_zone_sweep(ngx_http_websocket_zone_t *zone)
{
    uint64_t                    n, now;
    ngx_uint_t                  slot;
    ngx_websocket_store_name_t  gone;

    now = ngx_http_websocket_clock_now();
    slot = ngx_http_websocket_worker_slot();

    if (slot == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return 0;
    }

    while (zone->sweep) {

        if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
            return 0;
        }

        n = zone->sweep;
        gone.size = 0;

        if (ngx_websocket_store_sweeper(zone->store, slot, now,
                                        NGX_HTTP_WEBSOCKET_SWEEPING))
        {
            n = ngx_websocket_store_sweep(zone->store,
                                        ngx_min(n, NGX_HTTP_WEBSOCKET_BUCKETS),
                                          now, zone->inactive, &gone);

            if (n == zone->sweep) {
                ngx_websocket_store_swept(zone->store, slot);
            }
        }

        ngx_http_websocket_zone_unlock(zone);

        if (gone.size && zone->interest) {
            zone->interest->detach(zone, &gone);
        }

        zone->sweep -= n;

        if (ngx_http_websocket_turn_over()) {
            break;
        }
    }

    return zone->sweep != 0;
}


int
ngx_http_websocket_zone_join(ngx_http_websocket_zone_t *zone,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_member_t *member,
    ngx_http_websocket_publish_t *p, ngx_websocket_member_ref_t *ref)
{
    int         rc;
    ngx_uint_t  pieces;

    pieces = 0;
    p->here = 0;

    do {
        rc = ngx_http_websocket_zone_admit(zone, channel, member, p, ref);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    return rc;
}


static int
ngx_http_websocket_zone_admit(ngx_http_websocket_zone_t *zone,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_member_t *member,
    ngx_http_websocket_publish_t *p, ngx_websocket_member_ref_t *ref)
{
    int                           rc;
    ngx_websocket_store_append_t  append;

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    rc = ngx_http_websocket_zone_told(zone, p, channel, &append);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        rc = ngx_websocket_store_join(zone->store, channel,
                                      ngx_http_websocket_worker_slot(), member,
                                      p->n ? &append : NULL, ref);
    }

    ngx_http_websocket_zone_unlock(zone);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        p->here = ngx_http_websocket_zone_wake(&append.wake);
    }

    return rc;
}


/* where the message of a member of the channel goes, with the lock held */

static int
ngx_http_websocket_zone_told(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, ngx_websocket_channel_ref_t channel,
    ngx_websocket_store_append_t *append)
{
    uint64_t  hash;

    ngx_memzero(&append->wake, sizeof(ngx_websocket_store_wake_t));

    ngx_http_websocket_zone_message(p, append);

    append->channel = channel;

    if (p->n == 0 || p->channel.len == 0) {
        return NGX_WEBSOCKET_STORE_OK;
    }

    hash = ngx_websocket_store_hash(zone->store, p->channel.data,
                                    p->channel.len);

    return ngx_http_websocket_zone_open(zone, p, hash, &append->channel);
}


ngx_int_t
ngx_http_websocket_zone_leave(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here)
{
    int         rc;
    ngx_uint_t  pieces;

    pieces = 0;

    do {
        rc = ngx_http_websocket_zone_part(zone, ref, leave_message, here);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    if (rc == NGX_WEBSOCKET_STORE_NOSPACE) {
        rc = ngx_http_websocket_zone_part(zone, ref, NULL, here);
    }

    return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_BUSY : NGX_OK;
}


static int
ngx_http_websocket_zone_part(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here)
{
    int                           rc;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_store_member_t  member;

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        *here = 0;
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ngx_websocket_store_member(zone->store, ref, &member);
    rc = ngx_http_websocket_zone_drop_member(zone, ref, &member, leave_message,
                                             &wake);

    ngx_http_websocket_zone_unlock(zone);

    *here = ngx_http_websocket_zone_wake(&wake);

    return rc;
}


ngx_uint_t
ngx_http_websocket_zone_reap_members(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here)
{
    int         rc;
    ngx_uint_t  pieces;

    pieces = 0;

    do {
        rc = ngx_http_websocket_zone_reap_member(zone, leave_message, here);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    if (rc == NGX_WEBSOCKET_STORE_NOSPACE) {
        rc = ngx_http_websocket_zone_reap_member(zone, NULL, here);
    }

    return rc == NGX_WEBSOCKET_STORE_OK;
}


static int
ngx_http_websocket_zone_reap_member(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here)
{
    int                           rc;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_member_ref_t    ref;
    ngx_websocket_store_member_t  member;

    rc = NGX_WEBSOCKET_STORE_EMPTY;

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        *here = 0;
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_websocket_store_orphan(zone->store, &member);

    if (ref) {
        rc = ngx_http_websocket_zone_drop_member(zone, ref, &member,
                                                 leave_message, &wake);
    }

    ngx_http_websocket_zone_unlock(zone);

    *here = ref ? ngx_http_websocket_zone_wake(&wake) : 0;

    return rc;
}


int
ngx_http_websocket_zone_member(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_member_t *member,
    ngx_websocket_store_name_t *name)
{
    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ngx_websocket_store_member(zone->store, ref, member);
    (void) ngx_websocket_store_member_channel(zone->store, ref, name);

    ngx_http_websocket_zone_unlock(zone);

    return NGX_WEBSOCKET_STORE_OK;
}


int
ngx_http_websocket_zone_orphan(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_member_t *member, ngx_websocket_store_name_t *name)
{
    ngx_websocket_member_ref_t  ref;

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_websocket_store_orphan(zone->store, member);

    if (ref) {
        (void) ngx_websocket_store_member_channel(zone->store, ref, name);
    }

    ngx_http_websocket_zone_unlock(zone);

    return ref ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_EMPTY;
}


void
ngx_http_websocket_zone_drop_orphan(ngx_http_websocket_zone_t *zone,
    uint64_t id)
{
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_member_ref_t    ref;
    ngx_websocket_store_member_t  member;

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return;
    }

    ref = ngx_websocket_store_orphan(zone->store, &member);

    if (ref && member.id == id) {
        (void) ngx_http_websocket_zone_drop_member(zone, ref, &member, NULL,
                                                   &wake);
    }

    ngx_http_websocket_zone_unlock(zone);
}


/* without a message where leave_message is NULL */

static int
ngx_http_websocket_zone_drop_member(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_member_t *member,
    ngx_http_websocket_leave_message_pt leave_message,
    ngx_websocket_store_wake_t *wake)
{
    int                           rc;
    ngx_str_t                     channel;
    ngx_websocket_store_name_t    name;
    ngx_websocket_store_part_t    parts[NGX_HTTP_WEBSOCKET_PARTS];
    ngx_websocket_channel_ref_t   own;
    ngx_http_websocket_publish_t  p;
    ngx_websocket_store_append_t  append;

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));
    p.parts = parts;

    own = ngx_websocket_store_member_channel(zone->store, ref, &name);

    if (leave_message) {
        channel.data = name.data;
        channel.len = name.size;

        leave_message(&channel, member, &p);
    }

    rc = ngx_http_websocket_zone_told(zone, &p, own, &append);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        rc = ngx_websocket_store_leave(zone->store, ref,
                                       ngx_http_websocket_clock_now(),
                                       p.n ? &append : NULL);
    }

    *wake = append.wake;

    return rc;
}


int
ngx_http_websocket_zone_members(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_member_ref_t *ref, uint64_t *id,
    ngx_websocket_store_member_t *members, uint32_t *n)
{
    int                          rc;
    uint64_t                     hash;
    ngx_websocket_channel_ref_t  channel;

    rc = NGX_WEBSOCKET_STORE_NOTFOUND;
    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        *n = 0;
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    channel = ngx_websocket_store_find(zone->store, name->data, name->len,
                                       hash);

    if (channel) {
        rc = ngx_websocket_store_members(zone->store, channel, ref, id,
                                         members, n);
    }

    ngx_http_websocket_zone_unlock(zone);

    return rc;
}


void
ngx_http_websocket_zone_stat(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_stat_t *stat)
{
    ngx_int_t  locked;

    locked = ngx_http_websocket_zone_lock(zone);

    ngx_websocket_store_stat(zone->store, stat);

    if (locked == NGX_OK) {
        ngx_http_websocket_zone_unlock(zone);
        return;
    }

    /*
     * reads counters without the lock: one may not have followed another yet
     */

    stat->used = (int64_t) stat->used < 0 ? 0 : stat->used;
}


int
ngx_http_websocket_zone_quota_acquire(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_quota_key_t *rows, size_t n,
    ngx_websocket_store_quota_t *quotas)
{
    int         rc;
    ngx_uint_t  pieces;

    pieces = 0;

    do {
        rc = ngx_http_websocket_zone_quota_take(zone, rows, n, quotas);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    return rc;
}


static int
ngx_http_websocket_zone_quota_take(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_quota_key_t *rows, size_t n,
    ngx_websocket_store_quota_t *quotas)
{
    int         rc;
    uint64_t    now;
    ngx_uint_t  reaped;

    now = ngx_http_websocket_clock_now();

    for (reaped = 0; ; reaped = 1) {

        if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
            return NGX_WEBSOCKET_STORE_BUSY;
        }

        rc = ngx_websocket_store_quota_acquire(zone->store, rows, n,
                                   ngx_http_websocket_worker_slot(), now,
                                               quotas);

        ngx_http_websocket_zone_unlock(zone);

        if (rc != NGX_WEBSOCKET_STORE_FULL || reaped) {
            return rc;
        }

        /* nobody may have noticed yet that a worker died */

        ngx_http_websocket_worker_reap(ngx_cycle->log);
        ngx_http_websocket_zone_reap(zone);
    }
}


ngx_int_t
ngx_http_websocket_zone_quota_release(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_quota_t *quotas, size_t n)
{
    uint64_t  now;

    now = ngx_http_websocket_clock_now();

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_BUSY;
    }

    ngx_websocket_store_quota_release(zone->store, quotas, n, now);

    ngx_http_websocket_zone_unlock(zone);

    return NGX_OK;
}


ngx_uint_t
ngx_http_websocket_zone_crowded(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    uint64_t                     hash;
    ngx_uint_t                   crowded;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return 0;
    }

    ref = ngx_websocket_store_find(zone->store, name->data, name->len, hash);
    crowded = ref ? ngx_websocket_store_crowded(zone->store, ref,
                                           ngx_http_websocket_worker_slot())
                  : 0;

    ngx_http_websocket_zone_unlock(zone);

    return crowded;
}


int
ngx_http_websocket_zone_ask(ngx_http_websocket_zone_t *zone, ngx_str_t *name)
{
    int         rc;
    ngx_uint_t  pieces;

    pieces = 0;

    do {
        rc = ngx_http_websocket_zone_ask_once(zone, name);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    return rc;
}


static int
ngx_http_websocket_zone_ask_once(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    int                          rc;
    uint64_t                     hash, now;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);
    now = ngx_http_websocket_clock_now();

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    rc = ngx_websocket_store_open_channel(zone->store, name->data, name->len,
                                          hash, now, NULL, &ref);

    if (rc == NGX_WEBSOCKET_STORE_OK
        && !ngx_websocket_store_ask(zone->store, ref))
    {
        rc = NGX_WEBSOCKET_STORE_EMPTY;
    }

    ngx_http_websocket_zone_unlock(zone);

    return rc;
}


/* with the lock held */

static ngx_websocket_channel_ref_t
ngx_http_websocket_zone_find(ngx_http_websocket_zone_t *zone, ngx_str_t *name,
    uint64_t hash)
{
    return ngx_websocket_store_find(zone->store, name->data, name->len, hash);
}


int
ngx_http_websocket_zone_place(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole)
{
    int                         rc;
    ngx_uint_t                  pieces;
    ngx_http_websocket_large_t  large;

    pieces = 0;
    p->here = 0;

    if (ngx_http_websocket_zone_is_large(p)) {

        ngx_memzero(&large, sizeof(ngx_http_websocket_large_t));

        ngx_http_websocket_zone_fill(zone, &large);

        do {
            rc = ngx_http_websocket_zone_place_step(zone, p, epoch, hole,
                                                    &large);
            pieces = large.stalled;

        } while (ngx_http_websocket_zone_again(&rc, &pieces));

        ngx_http_websocket_zone_filled(zone, rc);

        return rc;
    }

    do {
        rc = ngx_http_websocket_zone_place_once(zone, p, epoch, hole, NULL);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    return rc;
}


/*
 * whether it is too large to be copied with the lock held; blocks that a process
 * without a slot reserves would be given back by nobody
 */

static ngx_uint_t
ngx_http_websocket_zone_is_large(ngx_http_websocket_publish_t *p)
{
    size_t  i, size;

    for (size = 0, i = 0; i < p->n; i++) {
        size += p->parts[i].size;
    }

    return size > NGX_WEBSOCKET_STORE_PIECE
           && ngx_http_websocket_worker_slot() != NGX_HTTP_WEBSOCKET_NO_SLOT;
}


static int
ngx_http_websocket_zone_place_step(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole,
    ngx_http_websocket_large_t *large)
{
    int                           rc;
    uint32_t                      reserved;
    ngx_websocket_store_append_t  append;

    if (large->step == NGX_HTTP_WEBSOCKET_FILL) {

        ngx_http_websocket_zone_message(p, &append);
        append.large = &large->state;
        append.at = p->message.offset;

        rc = ngx_websocket_store_fill_piece(zone->store, &append);

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            large->step = NGX_HTTP_WEBSOCKET_APPEND;
            rc = NGX_WEBSOCKET_STORE_AGAIN;
        }

        large->stalled = 0;

        return rc;
    }

    reserved = large->state.reserved;

    rc = ngx_http_websocket_zone_place_once(zone, p, epoch, hole, large);

    if (large->step == NGX_HTTP_WEBSOCKET_RESERVE
        && rc == NGX_WEBSOCKET_STORE_OK)
    {
        large->step = NGX_HTTP_WEBSOCKET_FILL;
        return NGX_WEBSOCKET_STORE_AGAIN;
    }

    if (rc == NGX_WEBSOCKET_STORE_AGAIN) {
        large->step = NGX_HTTP_WEBSOCKET_RESERVE;
        large->stalled = large->state.reserved > reserved
                         ? 0 : large->stalled + 1;
    }

    return rc;
}


/* with large, which may be NULL, its step */

static int
ngx_http_websocket_zone_place_once(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole,
    ngx_http_websocket_large_t *large)
{
    int                           rc;
    uint64_t                      hash;
    ngx_uint_t                    reserve;
    ngx_websocket_store_append_t  append;

    ngx_http_websocket_zone_message(p, &append);

    append.epoch = epoch;
    append.at = p->message.ephemeral ? 0 : p->message.offset;
    append.now = ngx_http_websocket_clock_now();
    append.hole = hole;
    append.info = &p->info;
    append.large = large ? &large->state : NULL;

    reserve = large && large->step == NGX_HTTP_WEBSOCKET_RESERVE;

    rc = NGX_WEBSOCKET_STORE_NOTFOUND;
    hash = ngx_websocket_store_hash(zone->store, p->channel.data,
                                    p->channel.len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    append.channel = ngx_http_websocket_zone_find(zone, &p->channel, hash);

    if (append.channel && p->history) {

        /* the channel keeps so much history from now on */

        (void) ngx_websocket_store_open_channel(zone->store, p->channel.data,
                                                p->channel.len, hash,
                                                append.now, p->history,
                                                &append.channel);
    }

    if (append.channel) {
        rc = reserve ? ngx_websocket_store_reserve(zone->store, &append)
             : append.at ? ngx_websocket_store_place(zone->store, &append)
             : ngx_websocket_store_append(zone->store, &append);
    }

    if (rc == NGX_WEBSOCKET_STORE_OK && large && !reserve) {

        /* a message that nobody is there for was not kept, its blocks were */

        ngx_websocket_store_unreserve(zone->store, append.slot);
    }

    ngx_http_websocket_zone_unlock(zone);

    if (rc == NGX_WEBSOCKET_STORE_OK && !reserve) {
        p->here = ngx_http_websocket_zone_wake(&append.wake);
    }

    return rc;
}


int
ngx_http_websocket_zone_reset(ngx_http_websocket_zone_t *zone, ngx_str_t *name,
    uint64_t epoch, uint64_t offset, ngx_uint_t *here)
{
    return ngx_http_websocket_zone_set(zone, name, epoch, offset, here,
                                       ngx_websocket_store_reset);
}


int
ngx_http_websocket_zone_end(ngx_http_websocket_zone_t *zone, ngx_str_t *name,
    uint64_t epoch, uint64_t offset, ngx_uint_t *here)
{
    return ngx_http_websocket_zone_set(zone, name, epoch, offset, here,
                                       ngx_websocket_store_end);
}


static int
ngx_http_websocket_zone_set(ngx_http_websocket_zone_t *zone, ngx_str_t *name,
    uint64_t epoch, uint64_t offset, ngx_uint_t *here,
    ngx_http_websocket_zone_set_pt set)
{
    int         rc;
    ngx_uint_t  pieces;

    pieces = 0;
    *here = 0;

    do {
        rc = ngx_http_websocket_zone_set_once(zone, name, epoch, offset, here,
                                              set);
    } while (ngx_http_websocket_zone_again(&rc, &pieces));

    return rc;
}


static int
ngx_http_websocket_zone_set_once(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t epoch, uint64_t offset, ngx_uint_t *here,
    ngx_http_websocket_zone_set_pt set)
{
    int                          rc;
    uint64_t                     hash;
    ngx_websocket_store_wake_t   wake;
    ngx_websocket_channel_ref_t  ref;

    rc = NGX_WEBSOCKET_STORE_NOTFOUND;
    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_http_websocket_zone_find(zone, name, hash);

    if (ref) {
        rc = set(zone->store, ref, epoch, offset, &wake);
    }

    ngx_http_websocket_zone_unlock(zone);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        *here = ngx_http_websocket_zone_wake(&wake);
    }

    return rc;
}


int
ngx_http_websocket_zone_enliven(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    uint64_t                     hash;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_http_websocket_zone_find(zone, name, hash);

    if (ref) {
        ngx_websocket_store_enliven(zone->store, ref);
    }

    ngx_http_websocket_zone_unlock(zone);

    return ref ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_NOTFOUND;
}


int
ngx_http_websocket_zone_neglect(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_uint_t now)
{
    uint64_t                     hash;
    ngx_uint_t                   neglected;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_http_websocket_zone_find(zone, name, hash);
    neglected = ref ? ngx_websocket_store_neglect(zone->store, ref, now) : 1;

    ngx_http_websocket_zone_unlock(zone);

    return neglected ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_DUPLICATE;
}


int
ngx_http_websocket_zone_walk(ngx_http_websocket_zone_t *zone,
    uint64_t *bucket, int which, ngx_websocket_store_name_t *names,
    ngx_uint_t *n)
{
    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        *n = 0;
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    *n = ngx_websocket_store_walk(zone->store, bucket, which, names, *n);

    ngx_http_websocket_zone_unlock(zone);

    return NGX_WEBSOCKET_STORE_OK;
}


int
ngx_http_websocket_zone_newest(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_info_t *info,
    ngx_websocket_store_history_t *history, uint64_t key[2])
{
    uint64_t                     hash;
    ngx_websocket_channel_ref_t  ref;

    hash = ngx_websocket_store_hash(zone->store, name->data, name->len);

    if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
        return NGX_WEBSOCKET_STORE_BUSY;
    }

    ref = ngx_http_websocket_zone_find(zone, name, hash);

    if (ref) {
        ngx_websocket_store_newest(zone->store, ref, info, history, key);
    }

    ngx_http_websocket_zone_unlock(zone);

    return ref ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_NOTFOUND;
}


int
ngx_http_websocket_zone_read_keyed(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *message, u_char *buf, size_t size)
{
    int  rc;

    /* pieces of a large one, and places of those that are not there */

    do {
        if (ngx_http_websocket_zone_lock(zone) != NGX_OK) {
            return NGX_WEBSOCKET_STORE_BUSY;
        }

        rc = ngx_websocket_store_read(zone->store, cursor, message, buf,
                                      size);

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            ngx_websocket_store_read_key(zone->store, cursor, message);
        }

        ngx_http_websocket_zone_unlock(zone);

    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    return rc;
}
