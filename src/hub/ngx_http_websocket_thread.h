
/*
 * Threads of a worker, for what may wait for a disk.
 */


#ifndef NGX_HTTP_WEBSOCKET_THREAD_H
#define NGX_HTTP_WEBSOCKET_THREAD_H


#include <ngx_config.h>
#include <ngx_core.h>


/*
 * Starts a thread that nobody joins, without signals, which are the worker's:
 * returns 0, or an errno.
 */
int ngx_http_websocket_thread(void *(*start)(void *data), void *data);


#endif /* NGX_HTTP_WEBSOCKET_THREAD_H */
