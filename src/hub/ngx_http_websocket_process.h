
/*
 * A worker process: what it does from its start to its end, when it is woken,
 * and each second.
 */


#ifndef NGX_HTTP_WEBSOCKET_PROCESS_H
#define NGX_HTTP_WEBSOCKET_PROCESS_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "hub/ngx_http_websocket_hub.h"
#include "hub/ngx_http_websocket_snapshot.h"
#include "hub/ngx_http_websocket_sweep.h"


/* what the layers above do in it */

typedef struct {
    ngx_http_websocket_reap_pt    reap;     /* of members whose workers died */

    void                        (*wanted)(void);    /* the slot, by another
                                                       worker */
    void                        (*quit)(void);      /* it shuts down */
    void                        (*quitting)(void);  /* each second, while it
                                                       does */
    void                        (*tick)(void);      /* each second */
    ngx_http_websocket_snapshot_pt  snapshot;       /* what is in dumps, too */
} ngx_http_websocket_process_handlers_t;


/* 1 in a worker whose configuration has anything of the module. */
ngx_uint_t ngx_http_websocket_process_needed(ngx_cycle_t *cycle);

/*
 * In init_process of such a worker, when the layers above are ready.  Returns
 * NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_process_start(ngx_cycle_t *cycle,
    const ngx_http_websocket_process_handlers_t *handlers);

/* 1 in a worker that was started, and whose cycle still needs it. */
ngx_uint_t ngx_http_websocket_process_works(ngx_cycle_t *cycle);

/* In exit_process, when it works and its sessions are gone. */
void ngx_http_websocket_process_stop(ngx_cycle_t *cycle);

/*
 * This worker shuts down, and has no session left that needs the slot, which
 * is given back.
 */
void ngx_http_websocket_process_left(void);

/* Tells the statistics how much memory this worker has taken. */
void ngx_http_websocket_process_memory(void);


#endif /* NGX_HTTP_WEBSOCKET_PROCESS_H */
