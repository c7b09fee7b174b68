
/*
 * The thread that writes the log of a zone: one at a time of all workers.
 */


#ifndef NGX_HTTP_WEBSOCKET_DURABLE_WRITER_H
#define NGX_HTTP_WEBSOCKET_DURABLE_WRITER_H


#include "hub/ngx_http_websocket_durable.h"


/*
 * Something was added: wakes who writes, and begins to write here where nobody
 * does.
 */
void ngx_http_websocket_durable_writer(ngx_http_websocket_zone_t *zone);

/*
 * In a thread that is about to write a dump: has what is logged from now on be
 * in another log.  Returns the first one that the dump needs; *over, which the
 * process sets when it exits, ends the waiting.
 */
uint64_t ngx_http_websocket_durable_rotate(ngx_http_websocket_zone_t *zone,
    ngx_atomic_t *over);

/* In exit_process: nothing is written any more. */
void ngx_http_websocket_durable_stop(ngx_http_websocket_zone_t *zone);


#endif /* NGX_HTTP_WEBSOCKET_DURABLE_WRITER_H */
