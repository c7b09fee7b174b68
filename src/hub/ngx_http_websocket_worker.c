
#include "hub/ngx_http_websocket_worker.h"

#include <sys/eventfd.h>


#define NGX_HTTP_WEBSOCKET_SLOTS_MIN  16


/* a slot fills cache lines of its own: its flag is written by all others */

typedef struct {
    pthread_mutex_t               lease;
    ngx_atomic_t                  incarnation;  /* 0: nobody's */
    int                           fd;           /* the same in all processes */
    ngx_atomic_t                  pending       /* woken, and has not looked */
                                  __attribute__((aligned(64)));
} __attribute__((aligned(64))) ngx_http_websocket_slot_t;


typedef struct {
    ngx_uint_t                    nslots;       /* 0: no eventfds yet */
    ngx_atomic_t                  generation;
    ngx_atomic_t                  incarnations;
    ngx_http_websocket_slot_t     slots[NGX_WEBSOCKET_LOG_WORKERS];
} ngx_http_websocket_table_t;


extern ngx_module_t  ngx_http_websocket_module;


static ngx_int_t ngx_http_websocket_worker_init_table(
    ngx_shm_zone_t *shm_zone, void *data);
static ngx_int_t ngx_http_websocket_worker_create_eventfds(
    ngx_cycle_t *cycle);
static ngx_int_t ngx_http_websocket_worker_lease(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_websocket_worker_add_event(ngx_cycle_t *cycle);
static void ngx_http_websocket_worker_event(ngx_event_t *ev);
static void ngx_http_websocket_worker_reap_slot(ngx_uint_t n, ngx_log_t *log);
static void ngx_http_websocket_worker_signal(ngx_http_websocket_slot_t *slot);


static ngx_str_t  ngx_http_websocket_table_name =
    ngx_string("ngx_http_websocket_workers");

static ngx_shm_zone_t              *ngx_http_websocket_table_zone;
static ngx_http_websocket_table_t  *ngx_http_websocket_table;

static ngx_uint_t  ngx_http_websocket_slot = NGX_HTTP_WEBSOCKET_NO_SLOT;
static uint32_t    ngx_http_websocket_incarnation;
static ngx_uint_t  ngx_http_websocket_generation;

static ngx_http_websocket_worker_handlers_t  ngx_http_websocket_handlers;


ngx_int_t
ngx_http_websocket_worker_table(ngx_conf_t *cf)
{
    size_t           size;
    ngx_shm_zone_t  *shm_zone;

    /* the slab pool of nginx takes the first page, and some of the rest */

    size = sizeof(ngx_http_websocket_table_t) + 8 * ngx_pagesize;

    shm_zone = ngx_shared_memory_add(cf, &ngx_http_websocket_table_name,
                                     ngx_align(size, ngx_pagesize),
                                     &ngx_http_websocket_module);
    if (shm_zone == NULL) {
        return NGX_ERROR;
    }

    shm_zone->init = ngx_http_websocket_worker_init_table;
    shm_zone->data = shm_zone;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_worker_init_table(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_uint_t                   n;
    ngx_slab_pool_t             *shpool;
    ngx_http_websocket_table_t  *table;

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    ngx_http_websocket_table_zone = shm_zone;

    if (data) {
        ngx_http_websocket_table = shpool->data;
        return NGX_OK;
    }

    /* pages of the slab are aligned as slots need it */

    table = ngx_slab_calloc(shpool, sizeof(ngx_http_websocket_table_t));
    if (table == NULL) {
        return NGX_ERROR;
    }

    for (n = 0; n < NGX_WEBSOCKET_LOG_WORKERS; n++) {
        if (ngx_http_websocket_worker_mutex(&table->slots[n].lease)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                          "websocket: no process-shared robust mutexes");
            return NGX_ERROR;
        }
    }

    shpool->data = table;
    ngx_http_websocket_table = table;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_worker_mutex(pthread_mutex_t *mutex)
{
    ngx_int_t            rc;
    pthread_mutexattr_t  attr;

    if (pthread_mutexattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;

    if (pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0
        && pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) == 0
        && pthread_mutex_init(mutex, &attr) == 0)
    {
        rc = NGX_OK;
    }

    (void) pthread_mutexattr_destroy(&attr);

    return rc;
}


ngx_int_t
ngx_http_websocket_worker_init_module(ngx_cycle_t *cycle)
{
    ngx_core_conf_t  *ccf;

    if (ngx_http_websocket_table == NULL) {
        return NGX_OK;
    }

    if (ngx_http_websocket_table->nslots == 0
        && ngx_http_websocket_worker_create_eventfds(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if ((ngx_uint_t) ccf->worker_processes > ngx_http_websocket_table->nslots)
    {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "websocket: %i worker processes, but nginx was started "
                      "with room for %ui: the others will refuse websocket "
                      "sessions until nginx is restarted",
                      ccf->worker_processes, ngx_http_websocket_table->nslots);
    }

    (void) ngx_atomic_fetch_add(&ngx_http_websocket_table->generation, 1);

    return NGX_OK;
}


/*
 * A process has the eventfds that existed when it was forked, hence all are
 * made at once, enough for the workers of some reloads that overlap.
 */

static ngx_int_t
ngx_http_websocket_worker_create_eventfds(ngx_cycle_t *cycle)
{
    int               fd;
    ngx_uint_t        n, nslots;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    nslots = 4 * ccf->worker_processes;
    nslots = ngx_max(nslots, NGX_HTTP_WEBSOCKET_SLOTS_MIN);
    nslots = ngx_min(nslots, NGX_WEBSOCKET_LOG_WORKERS);

    for (n = 0; n < nslots; n++) {

        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "eventfd() failed");
            return NGX_ERROR;
        }

        ngx_http_websocket_table->slots[n].fd = fd;
    }

    ngx_http_websocket_table->nslots = nslots;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_worker_start(ngx_cycle_t *cycle,
    ngx_http_websocket_worker_handlers_t *handlers)
{
    ngx_uint_t  n;

    ngx_http_websocket_slot = NGX_HTTP_WEBSOCKET_NO_SLOT;
    ngx_http_websocket_handlers = *handlers;
    ngx_http_websocket_generation = ngx_http_websocket_table->generation;

    ngx_http_websocket_worker_reap(cycle->log);

    if (ngx_http_websocket_worker_lease(cycle) != NGX_OK) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "websocket: no free worker slot of %ui, this worker "
                      "refuses websocket sessions",
                      ngx_http_websocket_table->nslots);
        return NGX_DECLINED;
    }

    if (ngx_http_websocket_worker_add_event(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    /*
     * A worker that died may have set the flags of others, or appended
     * something, and not lived to write to their eventfds.
     */

    for (n = 0; n < ngx_http_websocket_table->nslots; n++) {
        if (ngx_http_websocket_table->slots[n].incarnation) {
            ngx_http_websocket_worker_signal(
                                          &ngx_http_websocket_table->slots[n]);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_worker_lease(ngx_cycle_t *cycle)
{
    int                         rc;
    ngx_uint_t                  n;
    ngx_http_websocket_slot_t  *slot;

    for (n = 0; n < ngx_http_websocket_table->nslots; n++) {

        slot = &ngx_http_websocket_table->slots[n];

        rc = pthread_mutex_trylock(&slot->lease);

        if (rc == EOWNERDEAD) {
            (void) pthread_mutex_consistent(&slot->lease);
            rc = 0;
        }

        if (rc != 0) {
            continue;
        }

        /* 0 means nobody: skipped when the counter comes round */

        do {
            ngx_http_websocket_incarnation = (uint32_t)
                ngx_atomic_fetch_add(&ngx_http_websocket_table->incarnations,
                                     1);
        } while (ngx_http_websocket_incarnation == 0);

        slot->pending = 0;
        slot->incarnation = ngx_http_websocket_incarnation;

        ngx_http_websocket_slot = n;

        ngx_log_debug2(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                       "websocket worker slot:%ui incarnation:%uD",
                       n, ngx_http_websocket_incarnation);

        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_websocket_worker_add_event(ngx_cycle_t *cycle)
{
    int                fd;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    fd = ngx_http_websocket_table->slots[ngx_http_websocket_slot].fd;

    c = ngx_get_connection(fd, cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->pool = cycle->pool;

    rev = c->read;

    rev->log = cycle->log;
    c->write->log = cycle->log;

    rev->channel = 1;
    c->write->channel = 1;

    rev->handler = ngx_http_websocket_worker_event;

    /* edge-triggered: a write is an edge, and nobody need read the count */

    if (ngx_add_event(rev, NGX_READ_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        return NGX_ERROR;
    }

    /* ngx_close_idle_connections() will tell of a graceful shutdown */

    c->idle = 1;

    return NGX_OK;
}


static void
ngx_http_websocket_worker_event(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    if (c->close) {
        c->close = 0;
        c->idle = 0;

        ngx_http_websocket_handlers.quit(ev);
        return;
    }

    ngx_http_websocket_handlers.wake(ev);
}


void
ngx_http_websocket_worker_stop(ngx_cycle_t *cycle)
{
    ngx_http_websocket_slot_t  *slot;

    if (ngx_http_websocket_slot == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return;
    }

    slot = &ngx_http_websocket_table->slots[ngx_http_websocket_slot];

    if (ngx_http_websocket_handlers.reap(ngx_http_websocket_slot) != NGX_OK) {
        return;
    }

    slot->incarnation = 0;
    (void) pthread_mutex_unlock(&slot->lease);

    ngx_http_websocket_slot = NGX_HTTP_WEBSOCKET_NO_SLOT;

    ngx_log_debug0(NGX_LOG_DEBUG_CORE, cycle->log, 0,
                   "websocket worker slot given back");
}


ngx_uint_t
ngx_http_websocket_worker_slot(void)
{
    return ngx_http_websocket_slot;
}


uint32_t
ngx_http_websocket_worker_incarnation(void)
{
    return ngx_http_websocket_incarnation;
}


void
ngx_http_websocket_worker_wake(ngx_websocket_log_wake_t *wake)
{
    uint64_t                    slots;
    ngx_uint_t                  i, n;
    ngx_http_websocket_slot_t  *slot;

    for (i = 0; i < NGX_WEBSOCKET_LOG_WORKERS / 64; i++) {

        for (slots = wake->slots[i]; slots; slots &= slots - 1) {

            n = 64 * i + __builtin_ctzll(slots);

            if (n == ngx_http_websocket_slot
                || n >= ngx_http_websocket_table->nslots)
            {
                continue;
            }

            slot = &ngx_http_websocket_table->slots[n];

            if (__atomic_exchange_n(&slot->pending, 1, __ATOMIC_SEQ_CST)
                == 0)
            {
                ngx_http_websocket_worker_signal(slot);
            }
        }
    }
}


static void
ngx_http_websocket_worker_signal(ngx_http_websocket_slot_t *slot)
{
    uint64_t  one;

    one = 1;

    /* EAGAIN needs 2^64 - 2 writes that nobody read; the fd is still ready */

    if (write(slot->fd, &one, sizeof(uint64_t)) == -1
        && ngx_errno != NGX_EAGAIN)
    {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "write() to eventfd %d failed", slot->fd);
    }
}


void
ngx_http_websocket_worker_awake(void)
{
    if (ngx_http_websocket_slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {

        /* before the first look, or what comes after it would be missed */

        __atomic_store_n(
            &ngx_http_websocket_table->slots[ngx_http_websocket_slot].pending,
            0, __ATOMIC_SEQ_CST);
    }
}


void
ngx_http_websocket_worker_reap(ngx_log_t *log)
{
    ngx_uint_t  n;

    for (n = 0; n < ngx_http_websocket_table->nslots; n++) {

        if (ngx_http_websocket_table->slots[n].incarnation
            && n != ngx_http_websocket_slot)
        {
            ngx_http_websocket_worker_reap_slot(n, log);
        }
    }
}


static void
ngx_http_websocket_worker_reap_slot(ngx_uint_t n, ngx_log_t *log)
{
    int                         rc;
    ngx_http_websocket_slot_t  *slot;

    slot = &ngx_http_websocket_table->slots[n];
    rc = pthread_mutex_trylock(&slot->lease);

    if (rc == EOWNERDEAD) {
        (void) pthread_mutex_consistent(&slot->lease);

    } else if (rc != 0) {

        /* EBUSY: it lives */

        return;
    }

    if (slot->incarnation && ngx_http_websocket_handlers.reap(n) == NGX_OK) {
        slot->incarnation = 0;
    }

    (void) pthread_mutex_unlock(&slot->lease);

    /* only now: to others, who wait for its seats, it lived until now */

    if (rc == EOWNERDEAD) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "websocket: the worker in slot %ui died, "
                      "its subscriptions are void", n);
    }
}


ngx_uint_t
ngx_http_websocket_worker_outdated(void)
{
    return ngx_http_websocket_table->generation
           != ngx_http_websocket_generation;
}
