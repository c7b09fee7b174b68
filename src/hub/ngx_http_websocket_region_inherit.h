
/*
 * What the binary that runs has left to this one by exec, after USR2: the
 * descriptors of its regions, with the numbers that they have there.
 */


#ifndef NGX_HTTP_WEBSOCKET_REGION_INHERIT_H
#define NGX_HTTP_WEBSOCKET_REGION_INHERIT_H


#include "hub/ngx_http_websocket_region.h"


/*
 * Maps at addr the region as the nginx that runs has it.  Returns NGX_OK;
 * NGX_DECLINED where there is nothing to inherit; or NGX_ERROR, which is
 * logged: this configuration is to have it elsewhere, or otherwise.
 */
ngx_int_t ngx_http_websocket_region_inherit(
    ngx_http_websocket_region_t *region, u_char *addr);

/*
 * In init_module: closes what was inherited, and is nobody's in the cycle.  A
 * file's lock would be held on and on.
 */
void ngx_http_websocket_region_disown(ngx_cycle_t *cycle);

/*
 * Warns where the file that the region is in has lost its name: a restart
 * would not find it.
 */
void ngx_http_websocket_region_named(ngx_http_websocket_region_t *region);


#endif /* NGX_HTTP_WEBSOCKET_REGION_INHERIT_H */
