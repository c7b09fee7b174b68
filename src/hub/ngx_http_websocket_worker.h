
/*
 * The worker processes that share zones: who is alive, and how to wake it.
 *
 * The table lives in shared memory of its own and survives reloads, when the
 * workers of two configurations run side by side.  A slot is leased by a
 * robust mutex that its worker holds as long as it has the slot, so that the
 * kernel says exactly who died.
 *
 * A slot is the right to hold sessions, and nothing else: a process works
 * without one, seeks one as long as it takes sessions, and gives it back when
 * it shuts down and its last session is gone.
 */


#ifndef NGX_HTTP_WEBSOCKET_WORKER_H
#define NGX_HTTP_WEBSOCKET_WORKER_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <pthread.h>

#include "store/store.h"


typedef void (*ngx_http_websocket_slot_pt)(ngx_uint_t slot);

typedef struct {
    ngx_event_handler_pt          wake;     /* another worker has news, or
                                               wants the slot */
    ngx_event_handler_pt          quit;     /* this worker shuts down */
    ngx_http_websocket_slot_pt    leased;   /* this worker has it from now on */
    ngx_http_websocket_slot_pt    reap;     /* its worker died, or gives it
                                               back: nobody else has it yet */
} ngx_http_websocket_worker_handlers_t;


/*
 * Adds the table's shared memory to the configuration, once.  Returns NGX_OK
 * or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_worker_table(ngx_conf_t *cf);

/*
 * In init_module, for any configuration: makes the eventfds when it has a
 * table, or takes over those of the binary that runs, and begins a new
 * generation.  With fewer eventfds there are fewer slots, which is no error.
 * Returns NGX_OK, or NGX_ERROR: nginx does not start.
 */
ngx_int_t ngx_http_websocket_worker_init_module(ngx_cycle_t *cycle);

/*
 * In init_process of a worker whose configuration has a table: seeks a slot,
 * and reaps and wakes as after any worker's death.
 */
void ngx_http_websocket_worker_start(ngx_log_t *log,
    ngx_http_websocket_worker_handlers_t *handlers);

/*
 * Leases a slot, if this worker has none.  Returns 1 when it has one.  Else,
 * when none is free, the worker that shuts down for longest was asked for its
 * own, which it may take some tenths of a second to give back.
 */
ngx_uint_t ngx_http_websocket_worker_seek(void);

/* This worker, which has a slot, begins to shut down. */
void ngx_http_websocket_worker_drain(void);

/* 1 when this worker shuts down, and another waits for its slot. */
ngx_uint_t ngx_http_websocket_worker_wanted(void);

/* Gives the slot back; does nothing without one. */
void ngx_http_websocket_worker_release(void);

/* The same in exit_process. */
void ngx_http_websocket_worker_stop(void);

/* This worker's slot, or NGX_HTTP_WEBSOCKET_NO_SLOT. */
ngx_uint_t ngx_http_websocket_worker_slot(void);

#define NGX_HTTP_WEBSOCKET_NO_SLOT  ((ngx_uint_t) -1)

/*
 * This worker's incarnation, another one with each slot that it leases: never
 * 0, never used before or again.
 */
uint32_t ngx_http_websocket_worker_incarnation(void);

/* 1 when that incarnation has the slot: once it has not, it never will. */
ngx_uint_t ngx_http_websocket_worker_has(ngx_uint_t slot,
    uint32_t incarnation);

/*
 * Wakes the workers of a set, this one excepted: one write to an eventfd
 * each, none for those that have yet to see the last one.
 */
void ngx_http_websocket_worker_wake(ngx_websocket_store_wake_t *wake);

/* Wakes a worker, which may be this one, as the above; in any thread. */
void ngx_http_websocket_worker_rouse(ngx_uint_t slot);

/* Says that what woke this worker is going to be looked at. */
void ngx_http_websocket_worker_awake(void);

/*
 * Looks for workers that died, and reaps their slots; what they held in a zone
 * is voided by ngx_http_websocket_zone_reap().
 */
void ngx_http_websocket_worker_reap(ngx_log_t *log);

/*
 * Makes a mutex in shared memory that outlives its owners: the next one to
 * lock it gets EOWNERDEAD.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_worker_mutex(pthread_mutex_t *mutex);

/*
 * 1 when a newer configuration than this worker's was loaded, be it by another
 * master process, which may be gone again.
 */
ngx_uint_t ngx_http_websocket_worker_outdated(void);

/* 1 when this worker's own master process has loaded a newer one. */
ngx_uint_t ngx_http_websocket_worker_replaced(void);


#endif /* NGX_HTTP_WEBSOCKET_WORKER_H */
