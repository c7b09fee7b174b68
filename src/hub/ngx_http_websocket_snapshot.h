
/*
 * Dumps of a zone that are kept on a disk.  The live zone is memory, and never
 * waits for the disk: a thread of one worker writes what is there every so
 * often, to a file beside, which then takes the place of the last one.
 */


#ifndef NGX_HTTP_WEBSOCKET_SNAPSHOT_H
#define NGX_HTTP_WEBSOCKET_SNAPSHOT_H


#include "hub/ngx_http_websocket_zone.h"


/*
 * What else is in a dump, where this is set: copies up to size bytes to buf,
 * returns how many.  Called in the thread.
 */
typedef size_t (*ngx_http_websocket_snapshot_pt)(u_char *buf, size_t size);

#define NGX_HTTP_WEBSOCKET_SNAPSHOT_MORE  (512 * 1024)


/* In a worker, each second: begins to write if it is time; more may be NULL. */
void ngx_http_websocket_snapshot_tick(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_snapshot_pt more);

/* In exit_process: nothing is written any more. */
void ngx_http_websocket_snapshot_stop(void);


#endif /* NGX_HTTP_WEBSOCKET_SNAPSHOT_H */
