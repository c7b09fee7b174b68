
#include "hub/ngx_http_websocket_sweep.h"

#include <ngx_event.h>


/* the pause between slices, ms */
#define NGX_HTTP_WEBSOCKET_SLICE  20


typedef struct {
    ngx_http_websocket_reap_pt   reap;
    ngx_array_t                 *zones;
    ngx_event_t                  next;     /* slice */
} ngx_http_websocket_sweep_t;


static void ngx_http_websocket_sweep_handler(ngx_event_t *ev);


static ngx_http_websocket_sweep_t  ngx_http_websocket_sweeping;


void
ngx_http_websocket_sweep_init(ngx_cycle_t *cycle,
    ngx_http_websocket_reap_pt reap)
{
    static ngx_connection_t  dummy;

    dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_sweeping.reap = reap;
    ngx_http_websocket_sweeping.next.handler =
                                             ngx_http_websocket_sweep_handler;
    ngx_http_websocket_sweeping.next.data = &dummy;
    ngx_http_websocket_sweeping.next.log = cycle->log;

    /* a worker that is to exit does not wait for it */

    ngx_http_websocket_sweeping.next.cancelable = 1;
}


void
ngx_http_websocket_sweep(ngx_array_t *zones)
{
    ngx_uint_t                   i;
    ngx_http_websocket_zone_t  **zone;

    zone = zones->elts;

    for (i = 0; i < zones->nelts; i++) {
        if (zone[i]->hub) {
            ngx_http_websocket_zone_sweep_begin(zone[i]);
        }
    }

    ngx_http_websocket_sweeping.zones = zones;

    ngx_http_websocket_sweep_handler(&ngx_http_websocket_sweeping.next);
}


static void
ngx_http_websocket_sweep_handler(ngx_event_t *ev)
{
    ngx_uint_t                   i, left;
    ngx_http_websocket_zone_t  **zone;

    left = 0;
    zone = ngx_http_websocket_sweeping.zones->elts;

    for (i = 0; i < ngx_http_websocket_sweeping.zones->nelts; i++) {

        if (zone[i]->hub == NULL) {
            continue;
        }

        left |= ngx_http_websocket_sweeping.reap(zone[i]);
        left |= ngx_http_websocket_zone_sweep(zone[i]);
    }

    if (left) {
        ngx_add_timer(ev, NGX_HTTP_WEBSOCKET_SLICE);
    }
}
