
/*
 * What is on a disk of a zone, loaded: its dump, and what was logged since.
 */


#ifndef NGX_HTTP_WEBSOCKET_RESTORE_H
#define NGX_HTTP_WEBSOCKET_RESTORE_H


#include "hub/ngx_http_websocket_region.h"


/*
 * In the master: makes the zone's store, at base, of what the region has on a
 * disk.  Its channels get new epochs.  A dump that is not whole is renamed, and
 * that is logged; a file that neither the master's user nor the workers' has
 * written is refused.  Returns NGX_OK, NGX_DECLINED when there is nothing, or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_restore(ngx_http_websocket_region_t *region,
    void *base, size_t size);

/*
 * Then: copies what else was in the newest dump that was loaded, if it is of
 * that size.
 */
void ngx_http_websocket_restore_more(void *data, size_t size);

/* In init_module: nothing is loaded any more. */
void ngx_http_websocket_restored(void);


#endif /* NGX_HTTP_WEBSOCKET_RESTORE_H */
