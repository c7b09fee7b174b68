
/*
 * Shared memory that outlives the nginx that made it: each region lies in a
 * memfd, which the binary that takes over after USR2 inherits by exec.  Its
 * workers and those of the last binary then share all that is in it, as those
 * of two configurations do after a reload.
 *
 * nginx keeps a shared memory zone of its own for each region, with the header
 * of its slab pool, which the master process writes to when a worker dies; the
 * region is mapped over the pages behind.  So its address remains over reloads,
 * and nginx frees it as any zone.
 */


#ifndef NGX_HTTP_WEBSOCKET_REGION_H
#define NGX_HTTP_WEBSOCKET_REGION_H


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_http_websocket_region_s  ngx_http_websocket_region_t;
typedef struct ngx_http_websocket_memfd_s   ngx_http_websocket_memfd_t;

/*
 * Called when the region is mapped.  A fresh one is all zeros; any other one is
 * as its last users have left it, who may be using it.  Returns NGX_OK, or
 * NGX_ERROR: the configuration is not taken.
 */
typedef ngx_int_t (*ngx_http_websocket_region_pt)(
    ngx_http_websocket_region_t *region, ngx_uint_t fresh);


struct ngx_http_websocket_region_s {
    ngx_str_t                      name;
    size_t                         size;        /* of data, in bytes */
    void                          *data;        /* the caller's; aligned as
                                                   a cache line is */
    void                          *owner;       /* the caller's, to be set */
    uint32_t                       layout;
    ngx_http_websocket_memfd_t    *memfd;       /* NULL: none here */
    ngx_log_t                     *log;
    ngx_http_websocket_region_pt   handler;
};


/* what a region has in front of its data */
#define NGX_HTTP_WEBSOCKET_REGION_HEAD  64


/*
 * Adds a region to the configuration, with size bytes for the caller.  The name
 * is not copied; layout is the version of what the caller keeps in it: a binary
 * that has another one does not start.  Returns NULL where the name is taken,
 * which is told, or memory is refused.
 */
ngx_http_websocket_region_t *ngx_http_websocket_region_add(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, uint32_t layout,
    ngx_http_websocket_region_pt handler);

/* In a worker: only the master process hands regions on. */
void ngx_http_websocket_region_start(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_WEBSOCKET_REGION_H */
