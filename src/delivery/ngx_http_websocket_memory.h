
/*
 * How much memory a worker has taken for what: bytes as the allocator counts
 * them.  Where there are many sessions, or slow ones, an operator sees what
 * made the worker grow.
 */


#ifndef NGX_HTTP_WEBSOCKET_MEMORY_H
#define NGX_HTTP_WEBSOCKET_MEMORY_H


#include <ngx_config.h>
#include <ngx_core.h>

#include <malloc.h>


typedef enum {
    NGX_HTTP_WEBSOCKET_MEMORY_MESSAGES = 0, /* and the frames made of them */
    NGX_HTTP_WEBSOCKET_MEMORY_QUEUES,       /* what sessions have of these */
    NGX_HTTP_WEBSOCKET_MEMORY_DEFLATE,      /* contexts, both ways */
    NGX_HTTP_WEBSOCKET_MEMORY_INPUT,        /* messages that came in part */
    NGX_HTTP_WEBSOCKET_MEMORY_KINDS
} ngx_http_websocket_memory_e;


extern uint64_t  ngx_http_websocket_memory[NGX_HTTP_WEBSOCKET_MEMORY_KINDS];


/* As ngx_alloc(). */

static ngx_inline void *
ngx_http_websocket_memory_alloc(ngx_http_websocket_memory_e kind, size_t size,
    ngx_log_t *log)
{
    void  *p;

    p = ngx_alloc(size, log);

    if (p) {
        ngx_http_websocket_memory[kind] += malloc_usable_size(p);
    }

    return p;
}


/* As ngx_free(), of what was taken for the same. */

static ngx_inline void
ngx_http_websocket_memory_free(ngx_http_websocket_memory_e kind, void *p)
{
    if (p) {
        ngx_http_websocket_memory[kind] -= malloc_usable_size(p);
        ngx_free(p);
    }
}


#endif /* NGX_HTTP_WEBSOCKET_MEMORY_H */
