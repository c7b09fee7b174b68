
#include "session/ngx_http_websocket_linger.h"
#include "broker/ngx_http_websocket_broker.h"
#include "clock/ngx_http_websocket_turn.h"
#include "session/ngx_http_websocket_drain.h"


/* members of a worker at most */
#define NGX_HTTP_WEBSOCKET_LINGER_MAX  4096


typedef struct {
    ngx_rbtree_node_t                     node;     /* the key is its time */
    ngx_http_websocket_zone_t            *zone;
    ngx_websocket_member_ref_t            ref;
    ngx_http_websocket_leave_message_pt   leave_message;
} ngx_http_websocket_lingerer_t;


static void ngx_http_websocket_linger_first(void);
static void ngx_http_websocket_linger_handler(ngx_event_t *ev);


static ngx_rbtree_t       ngx_http_websocket_lingerers;
static ngx_rbtree_node_t  ngx_http_websocket_linger_sentinel;
static ngx_uint_t         ngx_http_websocket_linger_count;
static ngx_uint_t         ngx_http_websocket_linger_over;

static ngx_event_t        ngx_http_websocket_linger_event;
static ngx_connection_t   ngx_http_websocket_linger_dummy;


void
ngx_http_websocket_linger_init(ngx_cycle_t *cycle)
{
    ngx_rbtree_init(&ngx_http_websocket_lingerers,
                    &ngx_http_websocket_linger_sentinel,
                    ngx_rbtree_insert_timer_value);

    ngx_http_websocket_linger_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_linger_event.handler =
                                         ngx_http_websocket_linger_handler;
    ngx_http_websocket_linger_event.data = &ngx_http_websocket_linger_dummy;
    ngx_http_websocket_linger_event.log = cycle->log;
}


ngx_int_t
ngx_http_websocket_linger(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref, ngx_msec_t delay,
    ngx_http_websocket_leave_message_pt leave_message)
{
    ngx_event_t                    *ev;
    ngx_http_websocket_lingerer_t  *lingerer;

    if (ngx_http_websocket_linger_over || !ngx_http_websocket_drain_waits()) {
        return NGX_DECLINED;
    }

    lingerer = ngx_alloc(sizeof(ngx_http_websocket_lingerer_t),
                         ngx_cycle->log);
    if (lingerer == NULL) {
        return NGX_DECLINED;
    }

    lingerer->node.key = ngx_current_msec + delay;
    lingerer->zone = zone;
    lingerer->ref = ref;
    lingerer->leave_message = leave_message;

    ngx_rbtree_insert(&ngx_http_websocket_lingerers, &lingerer->node);

    ngx_http_websocket_drain_hold();

    if (++ngx_http_websocket_linger_count > NGX_HTTP_WEBSOCKET_LINGER_MAX) {
        ngx_http_websocket_linger_first();
    }

    ev = &ngx_http_websocket_linger_event;

    if (!ev->posted
        && (!ev->timer_set
            || (ngx_msec_int_t) (ngx_current_msec + delay - ev->timer.key)
               < 0))
    {
        ngx_add_timer(ev, delay);
    }

    return NGX_OK;
}


/* there is one */

static void
ngx_http_websocket_linger_first(void)
{
    ngx_rbtree_node_t              *node;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_lingerer_t  *lingerer;

    node = ngx_rbtree_min(ngx_http_websocket_lingerers.root,
                          &ngx_http_websocket_linger_sentinel);

    lingerer = (ngx_http_websocket_lingerer_t *) node;
    zone = lingerer->zone;

    ngx_rbtree_delete(&ngx_http_websocket_lingerers, node);
    ngx_http_websocket_linger_count--;

    zone->broker->leave(zone, lingerer->ref, lingerer->leave_message);

    ngx_free(lingerer);

    ngx_http_websocket_drain_release();
}


static void
ngx_http_websocket_linger_handler(ngx_event_t *ev)
{
    ngx_msec_int_t      left;
    ngx_rbtree_node_t  *node;

    while (ngx_http_websocket_linger_count) {

        node = ngx_rbtree_min(ngx_http_websocket_lingerers.root,
                              &ngx_http_websocket_linger_sentinel);

        left = (ngx_msec_int_t) (node->key - ngx_current_msec);

        if (left > 0 && !ngx_http_websocket_linger_over) {
            ngx_add_timer(ev, (ngx_msec_t) left);
            return;
        }

        ngx_http_websocket_linger_first();

        if (ngx_http_websocket_linger_count
            && ngx_http_websocket_turn_over())
        {
            ngx_http_websocket_turn_next(ev);
            return;
        }
    }
}


void
ngx_http_websocket_linger_end(void)
{
    ngx_http_websocket_linger_over = 1;

    if (ngx_http_websocket_linger_count == 0) {
        return;
    }

    if (ngx_http_websocket_linger_event.timer_set) {
        ngx_del_timer(&ngx_http_websocket_linger_event);
    }

    ngx_post_event(&ngx_http_websocket_linger_event, &ngx_posted_events);
}
