
#include "hub/ngx_http_websocket_durable.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_durable_writer.h"
#include "hub/ngx_http_websocket_log_file.h"
#include "hub/ngx_http_websocket_worker.h"
#include "store/dump.h"


/* changes with ngx_http_websocket_ring_t */
#define NGX_HTTP_WEBSOCKET_DURABLE_LAYOUT  1

/* the name of its region, behind that of the zone */
#define NGX_HTTP_WEBSOCKET_DURABLE_SUFFIX  ":log"

/* milliseconds between two looks at who has waited for too long */
#define NGX_HTTP_WEBSOCKET_DURABLE_LOOK    100

/* the lock is held while a message is copied; its owner may be suspended */
#define NGX_HTTP_WEBSOCKET_DURABLE_LOCK    2000     /* the longest, us */


/* a publisher that waits; p is told of */

typedef struct {
    ngx_queue_t                   queue;
    uint64_t                      position;
    ngx_msec_t                    until;
    ngx_http_websocket_publish_t  p;
} ngx_http_websocket_durable_waiter_t;


static ngx_int_t ngx_http_websocket_durable_map(
    ngx_http_websocket_region_t *region, ngx_http_websocket_region_e state);
static ngx_int_t ngx_http_websocket_durable_format(
    ngx_http_websocket_durable_t *durable, ngx_log_t *log);
static ngx_int_t ngx_http_websocket_durable_log(
    ngx_http_websocket_durable_t *durable, ngx_http_websocket_publish_t *p,
    uint64_t *position);
static ngx_uint_t ngx_http_websocket_durable_may(
    ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_durable_push(
    ngx_http_websocket_ring_t *ring, u_char *data, size_t size,
    uint64_t *position);
static ngx_int_t ngx_http_websocket_durable_lock(
    ngx_http_websocket_ring_t *ring);
static ngx_int_t ngx_http_websocket_durable_wait(
    ngx_http_websocket_durable_t *durable, ngx_http_websocket_publish_t *p,
    uint64_t position);
static ngx_uint_t ngx_http_websocket_durable_there(
    ngx_http_websocket_ring_t *ring, uint64_t position);
static void ngx_http_websocket_durable_done(
    ngx_http_websocket_durable_waiter_t *waiter, ngx_uint_t reached);
static void ngx_http_websocket_durable_handler(ngx_event_t *ev);
static void ngx_http_websocket_durable_over(ngx_event_t *ev);


ngx_int_t
ngx_http_websocket_durable_add(ngx_conf_t *cf, ngx_http_websocket_zone_t *zone)
{
    ngx_str_t                      name;
    ngx_http_websocket_region_t   *region;
    ngx_http_websocket_durable_t  *durable;

    durable = ngx_pcalloc(cf->pool, sizeof(ngx_http_websocket_durable_t));
    if (durable == NULL) {
        return NGX_ERROR;
    }

    name.len = zone->name.len + sizeof(NGX_HTTP_WEBSOCKET_DURABLE_SUFFIX) - 1;
    name.data = ngx_pnalloc(cf->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(name.data, "%V" NGX_HTTP_WEBSOCKET_DURABLE_SUFFIX,
                &zone->name);

    region = ngx_http_websocket_region_add(cf, &name, NULL,
                                           sizeof(ngx_http_websocket_ring_t),
                                           NGX_HTTP_WEBSOCKET_DURABLE_LAYOUT,
                                           ngx_http_websocket_durable_map);
    if (region == NULL) {
        return NGX_ERROR;
    }

    region->owner = durable;
    durable->zone = zone;
    zone->durable = durable;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_durable_wanted(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_websocket_durably_t    *durably;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);
    durably = wmcf->durably.elts;

    for (i = 0; i < wmcf->durably.nelts; i++) {

        if (durably[i].zone->durable == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"websocket_durable file\" needs a file on a disk, "
                          "and \"websocket_zone\" \"%V\" has no \"file=\" in "
                          "%s:%ui", &durably[i].zone->name,
                          durably[i].place.file, durably[i].place.line);
            return NGX_ERROR;
        }

        durably[i].zone->durable->wanted = &durably[i].place;
    }

    return NGX_OK;
}


/* the zone is there before */

static ngx_int_t
ngx_http_websocket_durable_map(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_e state)
{
    ngx_http_websocket_durable_t  *durable;

    durable = region->owner;
    durable->ring = region->data;

    if (durable->wanted && durable->zone->dump.len == 0 && !ngx_test_config) {
        ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                      "\"websocket_durable file\" needs a file on a disk, and "
                      "that of websocket zone \"%V\" is on tmpfs in %s:%ui",
                      &durable->zone->name, durable->wanted->file,
                      durable->wanted->line);
        return NGX_ERROR;
    }

    return state == NGX_HTTP_WEBSOCKET_REGION_FRESH
           ? ngx_http_websocket_durable_format(durable, region->log) : NGX_OK;
}


/* what was logged so far is in the zone */

static ngx_int_t
ngx_http_websocket_durable_format(ngx_http_websocket_durable_t *durable,
    ngx_log_t *log)
{
    uint64_t                   *number;
    ngx_pool_t                 *pool;
    ngx_array_t                *numbers;
    ngx_http_websocket_ring_t  *ring;

    ring = durable->ring;

    if (ngx_http_websocket_worker_mutex(&ring->mutex) != NGX_OK
        || ngx_http_websocket_worker_mutex(&ring->lease) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ring->dumped.begun = ngx_http_websocket_clock_now();

    if (durable->zone->dump.len == 0) {
        return NGX_OK;
    }

    pool = ngx_create_pool(4096, log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    numbers = ngx_http_websocket_log_list(pool, &durable->zone->dump, 0);

    if (numbers && numbers->nelts) {
        number = numbers->elts;
        ring->log = number[numbers->nelts - 1];
    }

    ring->kept = ring->log + 1;

    ngx_destroy_pool(pool);

    return numbers ? NGX_OK : NGX_ERROR;
}


void
ngx_http_websocket_durable_init(ngx_http_websocket_zone_t *zone,
    ngx_log_t *log)
{
    ngx_http_websocket_durable_t  *durable;

    durable = zone->durable;

    if (durable == NULL) {
        return;
    }

    ngx_queue_init(&durable->waiters);

    durable->dummy.fd = (ngx_socket_t) -1;
    durable->dummy.data = durable;

    durable->time.handler = ngx_http_websocket_durable_over;
    durable->time.data = &durable->dummy;
    durable->time.log = log;

    durable->look.handler = ngx_http_websocket_durable_handler;
    durable->look.data = &durable->dummy;
    durable->look.log = log;
}


ngx_int_t
ngx_http_websocket_durable(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    uint64_t                       position;
    ngx_http_websocket_durable_t  *durable;

    durable = zone->durable;

    p->reached = NGX_HTTP_WEBSOCKET_REACHED_MEMORY;

    /* without a master process a later configuration has no hub */

    if (durable == NULL || zone->dump.len == 0 || zone->hub == NULL
        || !ngx_http_websocket_durable_may(p))
    {
        return NGX_OK;
    }

    position = 0;
    p->reached = NGX_HTTP_WEBSOCKET_REACHED_LATE;

    if (ngx_http_websocket_durable_log(durable, p, &position) != NGX_OK) {
        return NGX_OK;
    }

    if (position == 0) {
        p->reached = NGX_HTTP_WEBSOCKET_REACHED_MEMORY;
        return NGX_OK;
    }

    ngx_http_websocket_durable_writer(zone);

    if (p->durable == NGX_HTTP_WEBSOCKET_DURABLE_LOG) {
        p->reached = NGX_HTTP_WEBSOCKET_REACHED_LOG;
        return NGX_OK;
    }

    return ngx_http_websocket_durable_wait(durable, p, position);
}


/* what is not kept is not logged, nor what is read in pieces */

static ngx_uint_t
ngx_http_websocket_durable_may(ngx_http_websocket_publish_t *p)
{
    return !p->message.ephemeral && (p->large == NULL || p->large->read == NULL);
}


/*
 * NGX_OK with the position behind it, or 0: it is too large.  NGX_BUSY when
 * there is no room for it.
 */

static ngx_int_t
ngx_http_websocket_durable_log(ngx_http_websocket_durable_t *durable,
    ngx_http_websocket_publish_t *p, uint64_t *position)
{
    u_char                       *buf;
    size_t                        size;
    ngx_int_t                     rc;
    ngx_websocket_dump_logged_t   log;

    log.name = p->channel.data;
    log.name_size = p->channel.len;
    log.epoch = p->info.epoch;
    log.history = p->history;
    log.message = &p->message;
    log.parts = p->parts;
    log.n = p->n;

    size = ngx_websocket_dump_logged_size(&log);

    if (size > NGX_HTTP_WEBSOCKET_RING_RECORD) {
        return NGX_OK;
    }

    buf = ngx_alloc(size, ngx_cycle->log);
    if (buf == NULL) {
        return NGX_BUSY;
    }

    size = ngx_websocket_dump_logged(&log, buf);

    rc = ngx_http_websocket_durable_push(durable->ring, buf, size, position);

    ngx_free(buf);

    return rc;
}


static ngx_int_t
ngx_http_websocket_durable_push(ngx_http_websocket_ring_t *ring, u_char *data,
    size_t size, uint64_t *position)
{
    size_t    at, first;
    uint64_t  head;

    if (ngx_http_websocket_durable_lock(ring) != NGX_OK) {
        return NGX_BUSY;
    }

    head = ring->head;

    if (head + size - __atomic_load_n(&ring->synced, __ATOMIC_ACQUIRE)
        > NGX_HTTP_WEBSOCKET_RING)
    {
        (void) pthread_mutex_unlock(&ring->mutex);
        return NGX_BUSY;
    }

    at = head % NGX_HTTP_WEBSOCKET_RING;
    first = ngx_min(size, NGX_HTTP_WEBSOCKET_RING - at);

    ngx_memcpy(ring->data + at, data, first);
    ngx_memcpy(ring->data, data + first, size - first);

    /* who dies before has added nothing */

    __atomic_store_n(&ring->head, head + size, __ATOMIC_RELEASE);

    (void) pthread_mutex_unlock(&ring->mutex);

    *position = head + size;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_durable_lock(ngx_http_websocket_ring_t *ring)
{
    int       rc;
    uint64_t  end;

    end = 0;

    for ( ;; ) {
        rc = pthread_mutex_trylock(&ring->mutex);

        if (rc == EOWNERDEAD) {
            (void) pthread_mutex_consistent(&ring->mutex);
            return NGX_OK;
        }

        if (rc == 0) {
            return NGX_OK;
        }

        if (end == 0) {
            end = ngx_http_websocket_clock_now_us()
                  + NGX_HTTP_WEBSOCKET_DURABLE_LOCK;
        }

        if (ngx_http_websocket_clock_now_us() >= end) {
            return NGX_BUSY;
        }

        (void) sched_yield();
    }
}


static ngx_int_t
ngx_http_websocket_durable_wait(ngx_http_websocket_durable_t *durable,
    ngx_http_websocket_publish_t *p, uint64_t position)
{
    ngx_http_websocket_durable_waiter_t  *waiter;

    waiter = ngx_alloc(sizeof(ngx_http_websocket_durable_waiter_t),
                       ngx_cycle->log);
    if (waiter == NULL) {
        return NGX_OK;
    }

    waiter->position = position;
    waiter->until = ngx_current_msec + p->patience;
    waiter->p = *p;
    waiter->p.done = NULL;

    /* these are not there any more when it completes */

    waiter->p.parts = NULL;
    waiter->p.n = 0;
    waiter->p.history = NULL;
    waiter->p.large = NULL;
    ngx_str_null(&waiter->p.channel);

    ngx_queue_insert_tail(&durable->waiters, &waiter->queue);

    /* it may have been written before the writer knew of who waits */

    if (ngx_http_websocket_durable_there(durable->ring, position)) {
        ngx_post_event(&durable->look, &ngx_posted_events);
    }

    if (!durable->time.timer_set) {
        ngx_add_timer(&durable->time, NGX_HTTP_WEBSOCKET_DURABLE_LOOK);
    }

    p->pending = &waiter->p;

    return NGX_AGAIN;
}


void
ngx_http_websocket_durable_look(ngx_http_websocket_zone_t *zone)
{
    ngx_queue_t                          *q;
    ngx_http_websocket_durable_t         *durable;
    ngx_http_websocket_durable_waiter_t  *waiter;

    durable = zone->durable;

    if (durable == NULL) {
        return;
    }

    while (!ngx_queue_empty(&durable->waiters)) {

        q = ngx_queue_head(&durable->waiters);
        waiter = ngx_queue_data(q, ngx_http_websocket_durable_waiter_t, queue);

        if (!ngx_http_websocket_durable_there(durable->ring,
                                              waiter->position))
        {
            return;
        }

        ngx_http_websocket_durable_done(waiter,
                                        NGX_HTTP_WEBSOCKET_REACHED_FILE);

        if (ngx_http_websocket_turn_over()) {
            ngx_http_websocket_turn_next(&durable->look);
            return;
        }
    }

    if (durable->time.timer_set) {
        ngx_del_timer(&durable->time);
    }
}


/* 1: so much is on the disk; otherwise this worker is woken when more is */

static ngx_uint_t
ngx_http_websocket_durable_there(ngx_http_websocket_ring_t *ring,
    uint64_t position)
{
    ngx_uint_t  slot;

    if (__atomic_load_n(&ring->synced, __ATOMIC_SEQ_CST) >= position) {
        return 1;
    }

    slot = ngx_http_websocket_worker_slot();

    if (slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {
        (void) __atomic_fetch_or(&ring->waiting[slot / 64],
                                 UINT64_C(1) << slot % 64, __ATOMIC_SEQ_CST);
    }

    return __atomic_load_n(&ring->synced, __ATOMIC_SEQ_CST) >= position;
}


static void
ngx_http_websocket_durable_done(ngx_http_websocket_durable_waiter_t *waiter,
    ngx_uint_t reached)
{
    ngx_queue_remove(&waiter->queue);

    waiter->p.reached = reached;

    if (waiter->p.done) {
        waiter->p.done(&waiter->p);
    }

    ngx_free(waiter);
}


static void
ngx_http_websocket_durable_handler(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_websocket_durable_t  *durable;

    c = ev->data;
    durable = c->data;

    ngx_http_websocket_durable_look(durable->zone);
}


/* some may have waited for as long as they want to */

static void
ngx_http_websocket_durable_over(ngx_event_t *ev)
{
    ngx_queue_t                          *q, *next;
    ngx_connection_t                     *c;
    ngx_http_websocket_durable_t         *durable;
    ngx_http_websocket_durable_waiter_t  *waiter;

    c = ev->data;
    durable = c->data;

    ngx_http_websocket_durable_look(durable->zone);

    for (q = ngx_queue_head(&durable->waiters);
         q != ngx_queue_sentinel(&durable->waiters);
         q = next)
    {
        next = ngx_queue_next(q);
        waiter = ngx_queue_data(q, ngx_http_websocket_durable_waiter_t, queue);

        if ((ngx_msec_int_t) (waiter->until - ngx_current_msec) <= 0) {
            ngx_http_websocket_durable_done(waiter,
                                            NGX_HTTP_WEBSOCKET_REACHED_LATE);

            if (ngx_http_websocket_turn_over()) {
                break;
            }
        }
    }

    if (!ngx_queue_empty(&durable->waiters) && !ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_DURABLE_LOOK);
    }
}


void
ngx_http_websocket_durable_tick(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_ring_t  *ring;

    if (zone->durable == NULL || zone->dump.len == 0) {
        return;
    }

    ring = zone->durable->ring;

    if (__atomic_load_n(&ring->head, __ATOMIC_ACQUIRE)
        != __atomic_load_n(&ring->synced, __ATOMIC_ACQUIRE))
    {
        ngx_http_websocket_durable_writer(zone);
    }
}


ngx_uint_t
ngx_http_websocket_durable_stat(ngx_http_websocket_zone_t *zone,
    uint64_t values[NGX_HTTP_WEBSOCKET_FILE_VALUES])
{
    uint64_t                    now, synced;
    ngx_http_websocket_ring_t  *ring;

    if (zone->durable == NULL || zone->dump.len == 0) {
        return 0;
    }

    ring = zone->durable->ring;
    now = ngx_http_websocket_clock_now();
    synced = __atomic_load_n(&ring->synced, __ATOMIC_ACQUIRE);

    values[NGX_HTTP_WEBSOCKET_FILE_AGE] = (now - ring->dumped.begun) / 1000;
    values[NGX_HTTP_WEBSOCKET_FILE_DURATION] = ring->dumped.time;
    values[NGX_HTTP_WEBSOCKET_FILE_BYTES] = ring->dumped.bytes;
    values[NGX_HTTP_WEBSOCKET_FILE_SNAPSHOTS] = ring->dumped.written;
    values[NGX_HTTP_WEBSOCKET_FILE_FAILURES] = ring->dumped.failed;
    values[NGX_HTTP_WEBSOCKET_FILE_LOGGED] = synced;
    values[NGX_HTTP_WEBSOCKET_FILE_WAITING] =
                    __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE) - synced;
    values[NGX_HTTP_WEBSOCKET_FILE_ERRORS] = ring->errors;

    return 1;
}
