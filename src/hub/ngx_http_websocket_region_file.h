
/*
 * A region in a file on tmpfs, which is there when all processes of nginx are
 * gone.  The file is the memory itself: what was stored before a kill -9 is
 * there.  A lock on it, which the processes that may write inherit, ends with
 * the last of them.
 */


#ifndef NGX_HTTP_WEBSOCKET_REGION_FILE_H
#define NGX_HTTP_WEBSOCKET_REGION_FILE_H


#include "hub/ngx_http_websocket_region.h"


/*
 * Sets the name that the region's memory has where its file is on a disk.
 * Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_region_file_live(ngx_pool_t *pool,
    ngx_http_websocket_region_t *region);

/*
 * 1 when a region's file of that path is there, or the memory of one on a disk.
 */
ngx_uint_t ngx_http_websocket_region_file_there(ngx_pool_t *pool,
    ngx_str_t *path);

/* 1 when the region's file is, or is to be, on a disk. */
ngx_uint_t ngx_http_websocket_region_file_on_disk(
    ngx_http_websocket_region_t *region);

/* The path of the file that is mapped. */
ngx_str_t *ngx_http_websocket_region_file_path(
    ngx_http_websocket_region_t *region);

/*
 * Opens the region's file, or makes it, and maps it at addr.  Returns NGX_OK
 * and sets *state, or NGX_ERROR: why is logged, and what is not ours was not
 * touched.
 */
ngx_int_t ngx_http_websocket_region_file_open(
    ngx_http_websocket_region_t *region, u_char *addr,
    ngx_http_websocket_region_e *state);

/* What a fresh file says of the machine, beside what other regions say. */
void ngx_http_websocket_region_file_head(ngx_http_websocket_region_t *region);


#endif /* NGX_HTTP_WEBSOCKET_REGION_FILE_H */
