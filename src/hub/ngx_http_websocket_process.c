
#include "hub/ngx_http_websocket_process.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_durable_writer.h"
#include "hub/ngx_http_websocket_hub_deliver.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_sweep.h"
#include "hub/ngx_http_websocket_worker.h"


#define NGX_HTTP_WEBSOCKET_TICK  1000       /* milliseconds */


static ngx_array_t *ngx_http_websocket_cycle_zones(ngx_cycle_t *cycle);
static void ngx_http_websocket_each_zone(
    void (*handler)(ngx_http_websocket_zone_t *zone));
static void ngx_http_websocket_process_tick(ngx_cycle_t *cycle);
static void ngx_http_websocket_leased_handler(ngx_uint_t slot);
static void ngx_http_websocket_leased_zone(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_reap_handler(ngx_uint_t slot);
static void ngx_http_websocket_wake_handler(ngx_event_t *ev);
static void ngx_http_websocket_wake_zone(ngx_http_websocket_zone_t *zone);
static void ngx_http_websocket_quit_handler(ngx_event_t *ev);
static void ngx_http_websocket_tick_handler(ngx_event_t *ev);
static void ngx_http_websocket_tick_zone(ngx_http_websocket_zone_t *zone);


static ngx_http_websocket_process_handlers_t  ngx_http_websocket_process;

static ngx_event_t       ngx_http_websocket_tick;
static ngx_connection_t  ngx_http_websocket_tick_dummy;
static ngx_uint_t        ngx_http_websocket_started;


ngx_uint_t
ngx_http_websocket_process_needed(ngx_cycle_t *cycle)
{
    return (ngx_process == NGX_PROCESS_WORKER
            || ngx_process == NGX_PROCESS_SINGLE)
           && ngx_http_websocket_cycle_zones(cycle) != NULL;
}


/* a process is complete without a slot, which it may get, lose and get again */

ngx_int_t
ngx_http_websocket_process_start(ngx_cycle_t *cycle,
    const ngx_http_websocket_process_handlers_t *handlers)
{
    ngx_uint_t                             i;
    ngx_array_t                           *zones;
    ngx_http_websocket_zone_t            **zone;
    ngx_http_websocket_worker_handlers_t   worker;

    ngx_http_websocket_process = *handlers;

    ngx_http_websocket_region_start(cycle);
    ngx_http_websocket_turn_init(cycle);
    ngx_http_websocket_sweep_init(cycle, handlers->reap);

    zones = ngx_http_websocket_cycle_zones(cycle);
    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        if (ngx_http_websocket_hub_init(zone[i], cycle) != NGX_OK) {
            return NGX_ERROR;
        }

        ngx_http_websocket_durable_init(zone[i], cycle->log);
    }

    ngx_http_websocket_stats_start(cycle, NGX_HTTP_WEBSOCKET_NO_SLOT);

    worker.wake = ngx_http_websocket_wake_handler;
    worker.quit = ngx_http_websocket_quit_handler;
    worker.leased = ngx_http_websocket_leased_handler;
    worker.reap = ngx_http_websocket_reap_handler;

    ngx_http_websocket_worker_start(cycle->log, &worker);

    ngx_http_websocket_process_tick(cycle);

    ngx_http_websocket_started = 1;

    return NGX_OK;
}


static void
ngx_http_websocket_process_tick(ngx_cycle_t *cycle)
{
    ngx_http_websocket_tick_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_tick.handler = ngx_http_websocket_tick_handler;
    ngx_http_websocket_tick.data = &ngx_http_websocket_tick_dummy;
    ngx_http_websocket_tick.log = cycle->log;
    ngx_http_websocket_tick.cancelable = 1;

    ngx_add_timer(&ngx_http_websocket_tick, NGX_HTTP_WEBSOCKET_TICK);
}


ngx_uint_t
ngx_http_websocket_process_works(ngx_cycle_t *cycle)
{
    return ngx_http_websocket_started
           && ngx_http_websocket_cycle_zones(cycle) != NULL;
}


void
ngx_http_websocket_process_stop(ngx_cycle_t *cycle)
{
    ngx_http_websocket_each_zone(ngx_http_websocket_durable_stop);
    ngx_http_websocket_snapshot_stop();
    ngx_http_websocket_each_zone(ngx_http_websocket_wait_end);
    ngx_http_websocket_worker_stop();
    ngx_http_websocket_stats_merge(cycle);
}


/* NULL when nothing of the module is configured */

static ngx_array_t *
ngx_http_websocket_cycle_zones(ngx_cycle_t *cycle)
{
    ngx_http_websocket_main_conf_t  *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_websocket_module);

    return wmcf && wmcf->used ? &wmcf->zones : NULL;
}


/*
 * Without a master process the configuration may be a later one than that with
 * which the process began: its zones have no hub.
 */

static void
ngx_http_websocket_each_zone(void (*handler)(ngx_http_websocket_zone_t *zone))
{
    ngx_uint_t                   i;
    ngx_array_t                 *zones;
    ngx_http_websocket_zone_t  **zone;

    zones = ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle);

    if (zones == NULL) {
        return;
    }

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        if (zone[i]->hub) {
            handler(zone[i]);
        }
    }
}


static void
ngx_http_websocket_leased_handler(ngx_uint_t slot)
{
    ngx_http_websocket_stats_start((ngx_cycle_t *) ngx_cycle, slot);
    ngx_http_websocket_each_zone(ngx_http_websocket_leased_zone);
}


static void
ngx_http_websocket_leased_zone(ngx_http_websocket_zone_t *zone)
{
    (void) ngx_http_websocket_zone_attach(zone);
}


/* voids in the zones what the slot's last worker held */

static void
ngx_http_websocket_reap_handler(ngx_uint_t slot)
{
    ngx_http_websocket_stats_void((ngx_cycle_t *) ngx_cycle, slot);
}


static void
ngx_http_websocket_wake_handler(ngx_event_t *ev)
{
    ngx_http_websocket_worker_awake();

    if (ngx_http_websocket_worker_wanted()) {
        ngx_http_websocket_process.wanted();
    }

    ngx_http_websocket_each_zone(ngx_http_websocket_wake_zone);
}


static void
ngx_http_websocket_wake_zone(ngx_http_websocket_zone_t *zone)
{
    ngx_http_websocket_hub_deliver(zone, 0);
    ngx_http_websocket_durable_look(zone);

    if (zone->interest && zone->interest->wake) {
        zone->interest->wake(zone);
    }
}


static void
ngx_http_websocket_quit_handler(ngx_event_t *ev)
{
    ngx_http_websocket_worker_drain();
    ngx_http_websocket_process.quit();
}


void
ngx_http_websocket_process_left(void)
{
    ngx_uint_t                   i, slot;
    ngx_array_t                 *zones;
    ngx_http_websocket_zone_t  **zone;

    zones = ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle);
    zone = zones->elts;

    /*
     * what is still owed to zones belongs to this slot: the tick tries again
     */

    for (i = 0; i < zones->nelts; i++) {
        if (!ngx_queue_empty(&zone[i]->wait.owed)) {
            return;
        }
    }

    ngx_http_websocket_stats_start((ngx_cycle_t *) ngx_cycle,
                                   NGX_HTTP_WEBSOCKET_NO_SLOT);

    slot = ngx_http_websocket_worker_slot();

    if (slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {
        ngx_http_websocket_stats_void((ngx_cycle_t *) ngx_cycle, slot);
    }

    ngx_http_websocket_worker_release();
}


void
ngx_http_websocket_process_memory(void)
{
    ngx_uint_t  slot;

    slot = ngx_http_websocket_worker_slot();

    if (slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {
        ngx_http_websocket_stats_memory((ngx_cycle_t *) ngx_cycle, slot);
    }
}


/*
 * Housekeeping.  If a wake-up was lost with a worker that died before it wrote
 * it, this makes up for it.
 */

static void
ngx_http_websocket_tick_handler(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_TICK);

    /* without a master process the directives may be gone */

    if (ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle) == NULL) {
        return;
    }

    ngx_http_websocket_process_memory();

    ngx_http_websocket_worker_reap(ev->log);

    if (ngx_exiting) {
        ngx_http_websocket_process.quitting();

    } else {
        (void) ngx_http_websocket_worker_seek();
    }

    if (ngx_http_websocket_worker_slot() == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        ngx_http_websocket_stats_merge((ngx_cycle_t *) ngx_cycle);
    }

    ngx_http_websocket_wake_handler(ev);
    ngx_http_websocket_process.tick();

    ngx_http_websocket_each_zone(ngx_http_websocket_tick_zone);

    ngx_http_websocket_sweep(
                    ngx_http_websocket_cycle_zones((ngx_cycle_t *) ngx_cycle));
}


static void
ngx_http_websocket_tick_zone(ngx_http_websocket_zone_t *zone)
{
    (void) ngx_http_websocket_zone_attach(zone);

    ngx_http_websocket_zone_reap(zone);
    ngx_http_websocket_durable_tick(zone);
    ngx_http_websocket_snapshot_tick(zone,
                                     ngx_http_websocket_process.snapshot);
}
