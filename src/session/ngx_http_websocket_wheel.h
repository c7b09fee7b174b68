
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


/*
 * Times as sessions keep them: the low 32 bits of ngx_current_msec, compared
 * as differences, so that what is NGX_HTTP_WEBSOCKET_LONGEST apart is told.
 */

typedef uint32_t  ngx_http_websocket_time_t;


/*
 * A node is zeroed until it is set.  The handler is called once it is due, up
 * to a tick later, with the node not set; for one that is due more than a
 * turn of the wheel away also before, at each turn: it has to look, and to
 * set it again.
 */

typedef void (*ngx_http_websocket_wheel_pt)(ngx_queue_t *node);


/* In init_process. */
void ngx_http_websocket_wheel_init(ngx_cycle_t *cycle,
    ngx_http_websocket_wheel_pt handler);

/* Sets a node, or moves it. */
void ngx_http_websocket_wheel_set(ngx_queue_t *node,
    ngx_http_websocket_time_t due);

/* Has the handler called with the node in the next turn, or one of those. */
void ngx_http_websocket_wheel_next(ngx_queue_t *node);

/*
 * Has the visitor called with each node that there is, once at least, in as
 * many turns as it takes.  It may not free a session, and is to set the node,
 * which may be set.  There can be a few visitors at a time.
 */
void ngx_http_websocket_wheel_visit(ngx_http_websocket_wheel_pt visitor);

/* Takes all nodes off and calls the handler with each, which may set it. */
void ngx_http_websocket_wheel_each(ngx_http_websocket_wheel_pt handler);

/* Deletes a node; does nothing when it is not set. */
void ngx_http_websocket_wheel_del(ngx_queue_t *node);

/*
 * When the worker went on after it stood still (was stopped, or waited for a
 * disk or a machine that moved); long ago when it did not.  What clients sent
 * meanwhile may be unread yet, or on its way.
 */
ngx_http_websocket_time_t ngx_http_websocket_wheel_resumed(void);

/* Returns 1 when the node is set, else 0. */
static ngx_inline ngx_uint_t
ngx_http_websocket_wheel_is_set(ngx_queue_t *node)
{
    return node->next != NULL;
}


#endif /* NGX_HTTP_WEBSOCKET_WHEEL_H */
