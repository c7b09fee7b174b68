
/*
 * Commands that have come to a worker and are for a session of another one: a
 * message in a channel of that worker, which no client can name.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_RELAY_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_RELAY_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* what became of commands that were to be relayed */

typedef enum {
    NGX_HTTP_WEBSOCKET_RELAYED = NGX_OK,
    NGX_HTTP_WEBSOCKET_RELAY_STUCK = NGX_AGAIN,     /* the zone is */
    NGX_HTTP_WEBSOCKET_RELAY_FAILED = NGX_ERROR,    /* it is full */
    NGX_HTTP_WEBSOCKET_RELAY_NOWHERE = NGX_DECLINED /* there is no such node */
} ngx_http_websocket_relayed_e;


/* In init_process: what takes the commands of a session by its secret. */
void ngx_http_websocket_relay_init(ngx_cycle_t *cycle,
    void (*take)(const ngx_websocket_emulation_t *e),
    void (*lost)(ngx_http_websocket_zone_t *zone));

/*
 * Has this worker, whose name is node, take what others relay in the zone; does
 * nothing when it does already.  Returns as ngx_http_websocket_hub_subscribe().
 */
ngx_int_t ngx_http_websocket_relay_listen(ngx_http_websocket_zone_t *zone,
    const ngx_websocket_bytes_t *node);

/* Relays commands to the worker of that name. */
ngx_http_websocket_relayed_e ngx_http_websocket_relay(
    ngx_http_websocket_zone_t *zone, const ngx_websocket_emulation_t *e);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_RELAY_H */
