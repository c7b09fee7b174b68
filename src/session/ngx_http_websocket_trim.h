
/*
 * The memory of sessions that have ended goes back to the system.
 */


#ifndef NGX_HTTP_WEBSOCKET_TRIM_H
#define NGX_HTTP_WEBSOCKET_TRIM_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


/* In init_process. */
void ngx_http_websocket_trim_init(ngx_cycle_t *cycle);

/* A session is made. */
void ngx_http_websocket_trim_made(void);

/* A session is freed: when many are, their memory follows soon. */
void ngx_http_websocket_trim_freed(void);


#endif /* NGX_HTTP_WEBSOCKET_TRIM_H */
