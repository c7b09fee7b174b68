
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_region_inherit.h"
#include "hub/ngx_http_websocket_restore.h"
#include "hub/ngx_http_websocket_worker.h"

#include <sys/eventfd.h>
#include <sys/resource.h>


/* eventfds may be 1/n of the files that may be open */
#define NGX_HTTP_WEBSOCKET_EVENTFDS  4

/* milliseconds after which another worker is asked for its slot */
#define NGX_HTTP_WEBSOCKET_ASKED     250

/* changes with ngx_http_websocket_table_t */
#define NGX_HTTP_WEBSOCKET_TABLE_LAYOUT  1

/* master processes at a time, of which an upgrade has two */
#define NGX_HTTP_WEBSOCKET_MASTERS   16


/* a slot fills cache lines of its own: its flag is written by all others */

typedef struct {
    pthread_mutex_t               lease;
    ngx_atomic_t                  incarnation;  /* 0: nobody's */
    ngx_atomic_t                  draining;     /* since when its worker shuts
                                                   down: the lower, the longer;
                                                   0: it does not */
    ngx_atomic_t                  wanted;       /* 1: a worker without a slot
                                                   wants it */
    ngx_atomic_t                  pending       /* 1: its worker was woken, and
                                                   has not looked yet */
                                  __attribute__((aligned(64)));
} __attribute__((aligned(64))) ngx_http_websocket_slot_t;


typedef struct {
    ngx_atomic_t                  generation;   /* of configurations */
    ngx_atomic_t                  incarnations;
    ngx_atomic_t                  drains;       /* that began */
    ngx_atomic_t                  masters;      /* incarnations that there ever
                                                   were */
    ngx_atomic_t                  loaded[NGX_HTTP_WEBSOCKET_MASTERS];
                                                /* configurations, by master */
    ngx_uint_t                    neventfds;    /* the eventfds of slots: the
                                                   same in all processes, which
                                                   inherit them */
    int                           eventfds[NGX_WEBSOCKET_STORE_WORKERS];
    ngx_http_websocket_slot_t     slots[NGX_WEBSOCKET_STORE_WORKERS];
} ngx_http_websocket_table_t;


/* which worker this one has asked for its slot */

typedef struct {
    ngx_uint_t                    slot;
    ngx_atomic_uint_t             incarnation;  /* 0: none */
    ngx_msec_t                    time;
} ngx_http_websocket_asked_t;


static ngx_int_t ngx_http_websocket_worker_map_table(
    ngx_http_websocket_region_t *region, ngx_http_websocket_region_e state);
static void ngx_http_websocket_worker_change_table(
    ngx_http_websocket_table_t *table);
static ngx_int_t ngx_http_websocket_worker_inherit_eventfds(ngx_log_t *log);
static void ngx_http_websocket_worker_create_eventfds(ngx_log_t *log);
static uint32_t ngx_http_websocket_worker_next_incarnation(void);
static ngx_uint_t ngx_http_websocket_worker_lease(void);
static void ngx_http_websocket_worker_unlease(void);
static void ngx_http_websocket_worker_ask(void);
static ngx_int_t ngx_http_websocket_worker_add_event(void);
static void ngx_http_websocket_worker_event(ngx_event_t *ev);
static void ngx_http_websocket_worker_reap_slot(ngx_uint_t n, ngx_log_t *log);
static void ngx_http_websocket_worker_signal(ngx_uint_t n);


static ngx_str_t  ngx_http_websocket_table_name =
    ngx_string("ngx_http_websocket_workers");

/* of the configuration that was loaded last, as the eventfds, in the master */

static ngx_http_websocket_table_t  *ngx_http_websocket_table;
static ngx_uint_t                   ngx_http_websocket_generation;
static ngx_uint_t                   ngx_http_websocket_master;
static ngx_uint_t                   ngx_http_websocket_loaded;

static int         ngx_http_websocket_eventfds[NGX_WEBSOCKET_STORE_WORKERS];
static ngx_uint_t  ngx_http_websocket_neventfds;

static ngx_uint_t         ngx_http_websocket_slot = NGX_HTTP_WEBSOCKET_NO_SLOT;
static uint32_t           ngx_http_websocket_incarnation;
static ngx_connection_t  *ngx_http_websocket_eventfd;

static ngx_http_websocket_asked_t            ngx_http_websocket_asked;
static ngx_http_websocket_worker_handlers_t  ngx_http_websocket_handlers;


ngx_int_t
ngx_http_websocket_worker_table(ngx_conf_t *cf)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_websocket_module);

    wmcf->workers = ngx_http_websocket_region_add(cf,
                                          &ngx_http_websocket_table_name, NULL,
                                          sizeof(ngx_http_websocket_table_t),
                                          NGX_HTTP_WEBSOCKET_TABLE_LAYOUT,
                                          ngx_http_websocket_worker_map_table);

    return wmcf->workers ? NGX_OK : NGX_ERROR;
}


/*
 * The configuration may still fail to load: what this process works with is set
 * by init_module, when it cannot fail any more.
 */

static ngx_int_t
ngx_http_websocket_worker_map_table(ngx_http_websocket_region_t *region,
    ngx_http_websocket_region_e state)
{
    ngx_uint_t                   n;
    ngx_http_websocket_table_t  *table;

    if (state != NGX_HTTP_WEBSOCKET_REGION_FRESH) {
        return NGX_OK;
    }

    table = region->data;

    for (n = 0; n < NGX_WEBSOCKET_STORE_WORKERS; n++) {
        if (ngx_http_websocket_worker_mutex(&table->slots[n].lease)
            != NGX_OK)
        {
            ngx_log_error(NGX_LOG_EMERG, region->log, 0,
                          "websocket: no process-shared robust mutexes");
            return NGX_ERROR;
        }
    }

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
    uint64_t                         n;
    ngx_core_conf_t                 *ccf;
    ngx_http_websocket_table_t      *table;
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);

    table = wmcf && wmcf->workers ? wmcf->workers->data : NULL;

    ngx_http_websocket_region_disown(cycle);
    ngx_http_websocket_restored();

    if (table != ngx_http_websocket_table) {
        ngx_http_websocket_worker_change_table(table);
    }

    if (table == NULL) {
        return NGX_OK;
    }

    ngx_http_websocket_region_settle(cycle);

    /* entries of former workers in files must not seem to be of new ones */

    n = ngx_http_websocket_region_incarnations(cycle);

    if (table->incarnations < n) {
        table->incarnations = n;
    }

    if (ngx_http_websocket_worker_inherit_eventfds(cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_websocket_worker_create_eventfds(cycle->log);

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if ((ngx_uint_t) ccf->worker_processes > ngx_http_websocket_neventfds) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "websocket: %i worker processes, but only %ui of them "
                      "can hold websocket sessions: raise the limit of open "
                      "files, or use fewer",
                      ccf->worker_processes, ngx_http_websocket_neventfds);
    }

    ngx_http_websocket_generation = ngx_atomic_fetch_add(&table->generation, 1)
                                    + 1;
    ngx_http_websocket_loaded =
             ngx_atomic_fetch_add(&table->loaded[ngx_http_websocket_master], 1)
             + 1;

    return NGX_OK;
}


static void
ngx_http_websocket_worker_change_table(ngx_http_websocket_table_t *table)
{
    ngx_http_websocket_table_t  *last;

    last = ngx_http_websocket_table;

    /*
     * The directives have gone, or have come: workers with the last table are
     * out of date, and so is this process if it has no master.
     */

    if (last) {
        (void) ngx_atomic_fetch_add(&last->generation, 1);
        (void) ngx_atomic_fetch_add(&last->loaded[ngx_http_websocket_master],
                                    1);
    }

    ngx_http_websocket_table = table;
    ngx_http_websocket_slot = NGX_HTTP_WEBSOCKET_NO_SLOT;

    if (table) {
        ngx_http_websocket_master = ngx_atomic_fetch_add(&table->masters, 1)
                                    % NGX_HTTP_WEBSOCKET_MASTERS;
    }
}


/* a number is the same eventfd in the binary that had the table before */

static ngx_int_t
ngx_http_websocket_worker_inherit_eventfds(ngx_log_t *log)
{
    ngx_uint_t                   n;
    ngx_http_websocket_table_t  *table;

    table = ngx_http_websocket_table;

    if (ngx_http_websocket_neventfds) {
        return NGX_OK;
    }

    for (n = 0; n < table->neventfds; n++) {

        if (fcntl(table->eventfds[n], F_GETFD) == -1) {
            ngx_log_error(NGX_LOG_EMERG, log, ngx_errno,
                          "websocket: eventfd %d of the nginx that runs was "
                          "not inherited", table->eventfds[n]);
            return NGX_ERROR;
        }

        ngx_http_websocket_eventfds[n] = table->eventfds[n];
    }

    ngx_http_websocket_neventfds = n;

    return NGX_OK;
}


/*
 * A process has the eventfds that existed when it was forked, hence all are
 * made at once, and kept for good: whatever reloads take the directives away
 * and bring them back, an eventfd's number means one slot.
 */

static void
ngx_http_websocket_worker_create_eventfds(ngx_log_t *log)
{
    int                          fd;
    ngx_uint_t                   n;
    struct rlimit                limit;
    ngx_http_websocket_table_t  *table;

    table = ngx_http_websocket_table;

    /*
     * no eventfds are made beside those that were inherited, or made already
     */

    n = table->neventfds ? table->neventfds : NGX_WEBSOCKET_STORE_WORKERS;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        n = ngx_min(n, limit.rlim_cur / NGX_HTTP_WEBSOCKET_EVENTFDS);
    }

    while (ngx_http_websocket_neventfds < n) {

        fd = eventfd(0, EFD_NONBLOCK);

        if (fd == -1) {
            ngx_log_error(NGX_LOG_WARN, log, ngx_errno,
                          "eventfd() failed, websocket has %ui worker slots "
                          "of %ui", ngx_http_websocket_neventfds, n);
            break;
        }

        ngx_http_websocket_eventfds[ngx_http_websocket_neventfds++] = fd;
    }

    ngx_memcpy(table->eventfds, ngx_http_websocket_eventfds,
               sizeof(ngx_http_websocket_eventfds));
    table->neventfds = ngx_http_websocket_neventfds;
}


void
ngx_http_websocket_worker_start(ngx_log_t *log,
    ngx_http_websocket_worker_handlers_t *handlers)
{
    ngx_uint_t  n;

    ngx_http_websocket_handlers = *handlers;
    ngx_http_websocket_incarnation =
                                ngx_http_websocket_worker_next_incarnation();

    ngx_http_websocket_worker_reap(log);

    if (!ngx_http_websocket_worker_seek()) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "websocket: no free worker slot of %ui, sessions wait "
                      "until an old worker gives its own back",
                      ngx_http_websocket_neventfds);
    }

    /*
     * A worker that died may have set the flags of others, or appended
     * something, and not lived to write to their eventfds.
     */

    for (n = 0; n < ngx_http_websocket_neventfds; n++) {

        /* only the master process hands them on */

        (void) fcntl(ngx_http_websocket_eventfds[n], F_SETFD, FD_CLOEXEC);

        if (ngx_http_websocket_table->slots[n].incarnation) {
            ngx_http_websocket_worker_signal(n);
        }
    }
}


/* 0 means nobody, and is skipped when the counter wraps around */

static uint32_t
ngx_http_websocket_worker_next_incarnation(void)
{
    uint64_t  n;

    do {
        n = ngx_atomic_fetch_add(&ngx_http_websocket_table->incarnations, 1);
    } while ((uint32_t) n == 0);

    ngx_http_websocket_region_incarnated((ngx_cycle_t *) ngx_cycle, n + 1);

    return (uint32_t) n;
}


ngx_uint_t
ngx_http_websocket_worker_seek(void)
{
    if (ngx_http_websocket_slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return 1;
    }

    if (ngx_http_websocket_table == NULL) {
        return 0;
    }

    if (!ngx_http_websocket_worker_lease()) {
        ngx_http_websocket_worker_ask();
        return 0;
    }

    if (ngx_http_websocket_worker_add_event() != NGX_OK) {
        ngx_http_websocket_worker_unlease();
        return 0;
    }

    ngx_http_websocket_handlers.leased(ngx_http_websocket_slot);

    return 1;
}


static ngx_uint_t
ngx_http_websocket_worker_lease(void)
{
    int                         rc;
    ngx_uint_t                  n;
    ngx_http_websocket_slot_t  *slot;

    for (n = 0; n < ngx_http_websocket_neventfds; n++) {

        slot = &ngx_http_websocket_table->slots[n];

        rc = pthread_mutex_trylock(&slot->lease);

        if (rc == EOWNERDEAD) {
            (void) pthread_mutex_consistent(&slot->lease);
            rc = 0;
        }

        if (rc != 0) {
            continue;
        }

        /*
         * what was held under an earlier incarnation never becomes valid again
         */

        ngx_http_websocket_incarnation =
                                ngx_http_websocket_worker_next_incarnation();

        slot->pending = 0;
        slot->draining = 0;
        slot->wanted = 0;

        __atomic_store_n(&slot->incarnation, ngx_http_websocket_incarnation,
                         __ATOMIC_SEQ_CST);

        ngx_http_websocket_slot = n;

        ngx_log_debug2(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                       "websocket worker slot:%ui incarnation:%uD",
                       n, ngx_http_websocket_incarnation);

        return 1;
    }

    return 0;
}


static void
ngx_http_websocket_worker_unlease(void)
{
    ngx_http_websocket_slot_t  *slot;

    slot = &ngx_http_websocket_table->slots[ngx_http_websocket_slot];

    ngx_http_websocket_handlers.reap(ngx_http_websocket_slot);

    slot->draining = 0;
    __atomic_store_n(&slot->incarnation, 0, __ATOMIC_SEQ_CST);

    (void) pthread_mutex_unlock(&slot->lease);

    ngx_http_websocket_slot = NGX_HTTP_WEBSOCKET_NO_SLOT;

    ngx_log_debug0(NGX_LOG_DEBUG_CORE, ngx_cycle->log, 0,
                   "websocket worker slot given back");
}


/*
 * asks the worker that has been draining for longest to send its sessions away
 * at once
 */

static void
ngx_http_websocket_worker_ask(void)
{
    ngx_uint_t                   n, oldest;
    ngx_http_websocket_slot_t   *slot, *slots;
    ngx_http_websocket_asked_t  *asked;

    asked = &ngx_http_websocket_asked;
    slots = ngx_http_websocket_table->slots;

    /* one slot is needed, and one was asked for: it may take a moment */

    if (asked->incarnation
        && slots[asked->slot].incarnation == asked->incarnation
        && ngx_current_msec - asked->time < NGX_HTTP_WEBSOCKET_ASKED)
    {
        return;
    }

    oldest = NGX_HTTP_WEBSOCKET_NO_SLOT;

    for (n = 0; n < ngx_http_websocket_neventfds; n++) {

        slot = &slots[n];

        if (slot->draining && !slot->wanted
            && (oldest == NGX_HTTP_WEBSOCKET_NO_SLOT
                || slot->draining < slots[oldest].draining))
        {
            oldest = n;
        }
    }

    if (oldest == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return;
    }

    asked->slot = oldest;
    asked->incarnation = slots[oldest].incarnation;
    asked->time = ngx_current_msec;

    /* another worker that asks for this one finds the next */

    if (ngx_atomic_cmp_set(&slots[oldest].wanted, 0, 1)) {
        ngx_http_websocket_worker_signal(oldest);
    }
}


static ngx_int_t
ngx_http_websocket_worker_add_event(void)
{
    ngx_log_t         *log;
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    log = ngx_cycle->log;

    c = ngx_get_connection(
                        ngx_http_websocket_eventfds[ngx_http_websocket_slot],
                        log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->pool = ngx_cycle->pool;

    rev = c->read;

    rev->log = log;
    c->write->log = log;

    rev->channel = 1;
    c->write->channel = 1;

    rev->handler = ngx_http_websocket_worker_event;

    /* edge-triggered: a write is an edge, and nobody need read the count */

    if (ngx_add_event(rev, NGX_READ_EVENT, NGX_CLEAR_EVENT) != NGX_OK) {
        ngx_free_connection(c);
        c->fd = (ngx_socket_t) -1;
        return NGX_ERROR;
    }

    /* ngx_close_idle_connections() will tell of a graceful shutdown */

    c->idle = 1;

    ngx_http_websocket_eventfd = c;

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
ngx_http_websocket_worker_drain(void)
{
    ngx_http_websocket_slot_t  *slot;

    slot = &ngx_http_websocket_table->slots[ngx_http_websocket_slot];

    /* a worker that asked the slot's last owner too late has asked this one */

    slot->wanted = 0;
    slot->draining = ngx_atomic_fetch_add(&ngx_http_websocket_table->drains, 1)
                     + 1;
}


ngx_uint_t
ngx_http_websocket_worker_wanted(void)
{
    ngx_http_websocket_slot_t  *slot;

    if (ngx_http_websocket_slot == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return 0;
    }

    slot = &ngx_http_websocket_table->slots[ngx_http_websocket_slot];

    return slot->draining && slot->wanted;
}


void
ngx_http_websocket_worker_release(void)
{
    ngx_connection_t  *c;

    if (ngx_http_websocket_slot == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return;
    }

    c = ngx_http_websocket_eventfd;

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    (void) ngx_del_event(c->read, NGX_READ_EVENT, 0);

    /* the eventfd itself remains, to wake the slot's next owner */

    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    ngx_http_websocket_worker_unlease();
}


void
ngx_http_websocket_worker_stop(void)
{
    if (ngx_http_websocket_slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {
        ngx_http_websocket_worker_unlease();
    }
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


ngx_uint_t
ngx_http_websocket_worker_has(ngx_uint_t slot, uint32_t incarnation)
{
    return __atomic_load_n(&ngx_http_websocket_table->slots[slot].incarnation,
                           __ATOMIC_SEQ_CST)
           == incarnation;
}


void
ngx_http_websocket_worker_wake(ngx_websocket_store_wake_t *wake)
{
    uint64_t    slots;
    ngx_uint_t  i, n;

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS / 64; i++) {

        for (slots = wake->slots[i]; slots; slots &= slots - 1) {

            n = 64 * i + __builtin_ctzll(slots);

            if (n != ngx_http_websocket_slot) {
                ngx_http_websocket_worker_rouse(n);
            }
        }
    }
}


void
ngx_http_websocket_worker_rouse(ngx_uint_t n)
{
    ngx_http_websocket_slot_t  *slot;

    if (n >= ngx_http_websocket_neventfds) {
        return;
    }

    slot = &ngx_http_websocket_table->slots[n];

    if (__atomic_exchange_n(&slot->pending, 1, __ATOMIC_SEQ_CST) == 0) {
        ngx_http_websocket_worker_signal(n);
    }
}


static void
ngx_http_websocket_worker_signal(ngx_uint_t n)
{
    int       fd;
    uint64_t  one;

    one = 1;
    fd = ngx_http_websocket_eventfds[n];

    /* EAGAIN needs 2^64 - 2 writes that nobody read; the fd is still ready */

    if (write(fd, &one, sizeof(uint64_t)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, ngx_errno,
                      "write() to eventfd %d failed", fd);
    }
}


void
ngx_http_websocket_worker_awake(void)
{
    if (ngx_http_websocket_slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {

        /*
         * set before the first look, or what comes after that would be missed
         */

        __atomic_store_n(
            &ngx_http_websocket_table->slots[ngx_http_websocket_slot].pending,
            0, __ATOMIC_SEQ_CST);
    }
}


void
ngx_http_websocket_worker_reap(ngx_log_t *log)
{
    ngx_uint_t  n;

    for (n = 0; n < ngx_http_websocket_neventfds; n++) {

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

    if (slot->incarnation) {
        ngx_http_websocket_handlers.reap(n);
        slot->draining = 0;
        __atomic_store_n(&slot->incarnation, 0, __ATOMIC_SEQ_CST);
    }

    (void) pthread_mutex_unlock(&slot->lease);

    /*
     * only now: others may wait for quotas of the dead worker, which counted
     * until now
     */

    if (rc == EOWNERDEAD) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "websocket: the worker in slot %ui died, "
                      "its subscriptions are void", n);
    }
}


ngx_uint_t
ngx_http_websocket_worker_outdated(void)
{
    return ngx_http_websocket_table == NULL
           || ngx_http_websocket_table->generation
              != ngx_http_websocket_generation;
}


ngx_uint_t
ngx_http_websocket_worker_replaced(void)
{
    return ngx_http_websocket_table == NULL
           || ngx_http_websocket_table->loaded[ngx_http_websocket_master]
              != ngx_http_websocket_loaded;
}
