
/*
 * One timer for many: a wheel of 512 places, a tenth of a second each.  To
 * set, move and delete a node costs the same whatever their number is.
 */


#ifndef NGX_HTTP_WEBSOCKET_WHEEL_H
#define NGX_HTTP_WEBSOCKET_WHEEL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


#define NGX_HTTP_WEBSOCKET_WHEEL_TICK  100      /* milliseconds */


typedef struct {
    ngx_queue_t                   queue;
    ngx_msec_t                    due;      /* ngx_current_msec */
    unsigned                      set:1;
} ngx_http_websocket_wheel_node_t;


/* called once the node is due, up to a tick later; the node is not set */
typedef void (*ngx_http_websocket_wheel_pt)(
    ngx_http_websocket_wheel_node_t *node);


/* In init_process. */
void ngx_http_websocket_wheel_init(ngx_cycle_t *cycle,
    ngx_http_websocket_wheel_pt handler);

/* Sets a node, or moves it; due is a value of ngx_current_msec. */
void ngx_http_websocket_wheel_set(ngx_http_websocket_wheel_node_t *node,
    ngx_msec_t due);

/* Deletes a node; does nothing when it is not set. */
void ngx_http_websocket_wheel_del(ngx_http_websocket_wheel_node_t *node);


#endif /* NGX_HTTP_WEBSOCKET_WHEEL_H */
