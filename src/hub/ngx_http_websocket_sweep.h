
/*
 * Housekeeping in the zones: what is left of dead workers, and what is too old
 * or idle.  It is done in slices, between which others have their turns.
 */


#ifndef NGX_HTTP_WEBSOCKET_SWEEP_H
#define NGX_HTTP_WEBSOCKET_SWEEP_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "hub/ngx_http_websocket_zone.h"


/*
 * Takes off members whose workers died, as ngx_http_websocket_hub_reap_members()
 * does.  Returns 1 when there are more.
 */
typedef ngx_uint_t (*ngx_http_websocket_reap_pt)(
    ngx_http_websocket_zone_t *zone);

/* In init_process. */
void ngx_http_websocket_sweep_init(ngx_cycle_t *cycle,
    ngx_http_websocket_reap_pt reap);

/*
 * To be called each second, with the zones (ngx_http_websocket_zone_t *), of
 * which those without a hub are passed over.
 */
void ngx_http_websocket_sweep(ngx_array_t *zones);


#endif /* NGX_HTTP_WEBSOCKET_SWEEP_H */
