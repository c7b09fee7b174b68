
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
 * In init_process; leave_message is for ngx_http_websocket_hub_reap_members().
 */
void ngx_http_websocket_sweep_init(ngx_cycle_t *cycle,
    ngx_http_websocket_leave_message_pt leave_message);

/*
 * To be called each second, with the zones (ngx_http_websocket_zone_t *), of
 * which those without a hub are passed over.
 */
void ngx_http_websocket_sweep(ngx_array_t *zones);


#endif /* NGX_HTTP_WEBSOCKET_SWEEP_H */
