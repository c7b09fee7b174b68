
/*
 * The worker processes that share zones: who is alive, and how to wake it.
 *
 * The table lives in shared memory of its own and survives reloads, when the
 * workers of two configurations run side by side.  A slot is leased by a
 * robust mutex that its worker holds as long as it lives, so that the kernel
 * says exactly who died.
 */


#ifndef NGX_HTTP_WEBSOCKET_WORKER_H
#define NGX_HTTP_WEBSOCKET_WORKER_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <pthread.h>

#include "hub/log.h"


/*
 * Called for a slot whose worker died: its incarnation is void.  Returns
 * NGX_OK, or NGX_BUSY to be called again later.
 */
typedef ngx_int_t (*ngx_http_websocket_reap_pt)(ngx_uint_t slot);

typedef struct {
    ngx_event_handler_pt          wake;     /* another worker has news */
    ngx_event_handler_pt          quit;     /* this worker shuts down */
    ngx_http_websocket_reap_pt    reap;
} ngx_http_websocket_worker_handlers_t;


/*
 * Adds the table's shared memory to the configuration.  Called while a
 * directive is parsed, any number of times.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_worker_table(ngx_conf_t *cf);

/*
 * In init_module: makes the eventfds when the table is new, and begins a new
 * generation of the configuration.  Does nothing without a table.  Returns
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_worker_init_module(ngx_cycle_t *cycle);

/*
 * In init_process of a worker: leases a slot, registers its eventfd, and
 * reaps and wakes as after any worker's death.  Returns NGX_OK,
 * NGX_DECLINED when no slot is free (the worker then can hold no sessions),
 * or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_worker_start(ngx_cycle_t *cycle,
    ngx_http_websocket_worker_handlers_t *handlers);

/*
 * In exit_process: gives the slot back; where that cannot be said in all zones
 * now, others will find that the worker died.
 */
void ngx_http_websocket_worker_stop(ngx_cycle_t *cycle);

/* This worker's slot, or NGX_HTTP_WEBSOCKET_NO_SLOT. */
ngx_uint_t ngx_http_websocket_worker_slot(void);

#define NGX_HTTP_WEBSOCKET_NO_SLOT  ((ngx_uint_t) -1)

/* This worker's incarnation: never 0, never used before or again. */
uint32_t ngx_http_websocket_worker_incarnation(void);

/*
 * Wakes the workers of a set, this one excepted: one write to an eventfd
 * each, none for those that have yet to see the last one.
 */
void ngx_http_websocket_worker_wake(ngx_websocket_log_wake_t *wake);

/* Says that what woke this worker is going to be looked at. */
void ngx_http_websocket_worker_awake(void);

/* Looks for workers that died, and reaps their slots. */
void ngx_http_websocket_worker_reap(ngx_log_t *log);

/*
 * Makes a mutex in shared memory that outlives its owners: the next one to
 * lock it gets EOWNERDEAD.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_worker_mutex(pthread_mutex_t *mutex);

/* 1 when a newer configuration than this worker's was loaded. */
ngx_uint_t ngx_http_websocket_worker_outdated(void);


#endif /* NGX_HTTP_WEBSOCKET_WORKER_H */
