
#include "session/ngx_http_websocket_wheel.h"
#include "clock/ngx_http_websocket_turn.h"


#define NGX_HTTP_WEBSOCKET_WHEEL_SIZE  512      /* a power of two */
#define NGX_HTTP_WEBSOCKET_WHEEL_MASK  (NGX_HTTP_WEBSOCKET_WHEEL_SIZE - 1)

/* visitors at a time: there is one for each purpose */
#define NGX_HTTP_WEBSOCKET_VISITORS    4

/*
 * ticks between two looks at the clock; a worker that is so late stood still
 */
#define NGX_HTTP_WEBSOCKET_WHEEL_PULSE  10
#define NGX_HTTP_WEBSOCKET_WHEEL_LATE   15

/* milliseconds for which a standstill is remembered */
#define NGX_HTTP_WEBSOCKET_WHEEL_PAST   (24 * 60 * 60 * 1000u)


/* a node stands at the place of its tick modulo the size */

typedef struct {
    ngx_queue_t                   places[NGX_HTTP_WEBSOCKET_WHEEL_SIZE];
    ngx_queue_t                   due;      /* the handler is to be called */
    ngx_queue_t                   visits;   /* the visitors are */
    ngx_uint_t                    visiting;     /* 1: handlers are being
                                                   called */
    ngx_uint_t                    count;    /* of nodes, in all of these */
    ngx_msec_t                    tick;     /* the next tick to look at */
    ngx_msec_t                    armed;    /* the tick that the timer is set
                                               to */
    ngx_http_websocket_time_t     resumed;
    ngx_event_t                   event;
    ngx_event_t                   visit;
    ngx_connection_t              dummy;
    ngx_http_websocket_wheel_pt   handler;
    ngx_http_websocket_wheel_pt   visitors[NGX_HTTP_WEBSOCKET_VISITORS];
    ngx_uint_t                    nvisitors;
} ngx_http_websocket_wheel_t;


static void ngx_http_websocket_wheel_take(ngx_queue_t *queue,
    ngx_queue_t *place);
static void ngx_http_websocket_wheel_event(ngx_event_t *ev);
static void ngx_http_websocket_wheel_visit_event(ngx_event_t *ev);
static void ngx_http_websocket_wheel_pulse(ngx_msec_t now);
static ngx_msec_t ngx_http_websocket_wheel_first(void);
static void ngx_http_websocket_wheel_arm(ngx_msec_t tick);


static ngx_http_websocket_wheel_t  ngx_http_websocket_wheel;


void
ngx_http_websocket_wheel_init(ngx_cycle_t *cycle,
    ngx_http_websocket_wheel_pt handler)
{
    ngx_uint_t                   i;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    ngx_memzero(wheel, sizeof(ngx_http_websocket_wheel_t));

    for (i = 0; i < NGX_HTTP_WEBSOCKET_WHEEL_SIZE; i++) {
        ngx_queue_init(&wheel->places[i]);
    }

    ngx_queue_init(&wheel->due);
    ngx_queue_init(&wheel->visits);

    wheel->handler = handler;
    wheel->dummy.fd = (ngx_socket_t) -1;
    wheel->event.handler = ngx_http_websocket_wheel_event;
    wheel->event.data = &wheel->dummy;
    wheel->event.log = cycle->log;

    wheel->visit.handler = ngx_http_websocket_wheel_visit_event;
    wheel->visit.data = &wheel->dummy;
    wheel->visit.log = cycle->log;

    wheel->resumed = (ngx_http_websocket_time_t) ngx_current_msec
                     - NGX_HTTP_WEBSOCKET_WHEEL_PAST;
}


void
ngx_http_websocket_wheel_set(ngx_queue_t *node,
    ngx_http_websocket_time_t due)
{
    ngx_msec_t                   tick;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    ngx_http_websocket_wheel_del(node);

    if (wheel->count == 0) {
        wheel->tick = ngx_current_msec / NGX_HTTP_WEBSOCKET_WHEEL_TICK;
    }

    /* rounded up: never early */

    tick = (ngx_current_msec
            + (int32_t) (due - (ngx_http_websocket_time_t) ngx_current_msec))
           / NGX_HTTP_WEBSOCKET_WHEEL_TICK + 1;

    if ((ngx_msec_int_t) (tick - wheel->tick) < 0) {
        tick = wheel->tick;
    }

    /* a visitor must not miss a node that moves before it was visited */

    ngx_queue_insert_tail(ngx_queue_empty(&wheel->visits) || wheel->visiting
                          ? &wheel->places[tick
                                           & NGX_HTTP_WEBSOCKET_WHEEL_MASK]
                          : &wheel->visits,
                          node);
    wheel->count++;

    if (!wheel->event.timer_set) {
        ngx_http_websocket_wheel_arm(ngx_min(tick, wheel->tick
                                           + NGX_HTTP_WEBSOCKET_WHEEL_PULSE));

    } else if ((ngx_msec_int_t) (tick - wheel->armed) < 0) {
        ngx_http_websocket_wheel_arm(tick);
    }
}


void
ngx_http_websocket_wheel_next(ngx_queue_t *node)
{
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    /* the wheel keeps its timer, which a worker that shuts down waits for */

    ngx_http_websocket_wheel_set(node,
                                 (ngx_http_websocket_time_t) ngx_current_msec);
    ngx_queue_remove(node);
    ngx_queue_insert_tail(&wheel->due, node);

    ngx_http_websocket_turn_next(&wheel->event);
}


void
ngx_http_websocket_wheel_del(ngx_queue_t *node)
{
    if (!ngx_http_websocket_wheel_is_set(node)) {
        return;
    }

    ngx_queue_remove(node);
    node->next = NULL;

    ngx_http_websocket_wheel.count--;

    /* an exiting worker waits for timers that are set */

    if (ngx_http_websocket_wheel.count == 0
        && ngx_http_websocket_wheel.event.timer_set)
    {
        ngx_del_timer(&ngx_http_websocket_wheel.event);
    }
}


void
ngx_http_websocket_wheel_visit(ngx_http_websocket_wheel_pt visitor)
{
    ngx_uint_t                   i;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    for (i = 0; i < wheel->nvisitors; i++) {
        if (wheel->visitors[i] == visitor) {
            break;
        }
    }

    if (i == wheel->nvisitors) {
        wheel->visitors[wheel->nvisitors++] = visitor;
    }

    /* nodes that were visited by an earlier visitor are visited once more */

    for (i = 0; i < NGX_HTTP_WEBSOCKET_WHEEL_SIZE; i++) {
        ngx_http_websocket_wheel_take(&wheel->visits, &wheel->places[i]);
    }

    ngx_http_websocket_wheel_take(&wheel->visits, &wheel->due);

    ngx_http_websocket_wheel_visit_event(&wheel->visit);
}


/* moves the nodes of a place behind those that are in the queue */

static void
ngx_http_websocket_wheel_take(ngx_queue_t *queue, ngx_queue_t *place)
{
    if (!ngx_queue_empty(place)) {
        ngx_queue_add(queue, place);
        ngx_queue_init(place);
    }
}


static void
ngx_http_websocket_wheel_visit_event(ngx_event_t *ev)
{
    ngx_uint_t                   i;
    ngx_queue_t                 *node;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    ngx_http_websocket_turn_loop();

    while (!ngx_queue_empty(&wheel->visits)) {

        node = ngx_queue_head(&wheel->visits);

        ngx_http_websocket_wheel_del(node);

        wheel->visiting = 1;

        for (i = 0; i < wheel->nvisitors; i++) {
            wheel->visitors[i](node);
        }

        wheel->visiting = 0;

        if (ngx_http_websocket_turn_step(1)) {
            break;
        }
    }

    if (ngx_queue_empty(&wheel->visits)) {
        wheel->nvisitors = 0;
        return;
    }

    ngx_http_websocket_turn_next(ev);
}


void
ngx_http_websocket_wheel_each(ngx_http_websocket_wheel_pt handler)
{
    ngx_uint_t                   i;
    ngx_queue_t                  all, *node;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    ngx_queue_init(&all);

    for (i = 0; i < NGX_HTTP_WEBSOCKET_WHEEL_SIZE; i++) {
        ngx_http_websocket_wheel_take(&all, &wheel->places[i]);
    }

    ngx_http_websocket_wheel_take(&all, &wheel->due);
    ngx_http_websocket_wheel_take(&all, &wheel->visits);

    while (!ngx_queue_empty(&all)) {

        node = ngx_queue_head(&all);

        ngx_http_websocket_wheel_del(node);
        handler(node);
    }
}


static void
ngx_http_websocket_wheel_event(ngx_event_t *ev)
{
    ngx_uint_t                   n;
    ngx_msec_t                   now;
    ngx_queue_t                 *node;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;
    now = ngx_current_msec / NGX_HTTP_WEBSOCKET_WHEEL_TICK;

    ngx_http_websocket_wheel_pulse(now);

    for (n = 0;
         n < NGX_HTTP_WEBSOCKET_WHEEL_SIZE
         && (ngx_msec_int_t) (now - wheel->tick) >= 0;
         n++)
    {
        ngx_http_websocket_wheel_take(&wheel->due,
              &wheel->places[wheel->tick++ & NGX_HTTP_WEBSOCKET_WHEEL_MASK]);
    }

    /* a handler that sets a node in the past means the next tick */

    if ((ngx_msec_int_t) (now - wheel->tick) >= 0) {
        wheel->tick = now + 1;
    }

    ngx_http_websocket_turn_loop();

    while (!ngx_queue_empty(&wheel->due)) {

        node = ngx_queue_head(&wheel->due);

        ngx_http_websocket_wheel_del(node);
        wheel->handler(node);

        if (ngx_http_websocket_turn_step(1)) {
            break;
        }
    }

    if (!ngx_queue_empty(&wheel->due)) {
        ngx_http_websocket_turn_next(ev);
    }

    /* the nodes that handlers set meanwhile are not all */

    if (wheel->count) {
        ngx_http_websocket_wheel_arm(ngx_http_websocket_wheel_first());
    }
}


/* the timer's own delay tells that the worker stood still */

static void
ngx_http_websocket_wheel_pulse(ngx_msec_t now)
{
    ngx_http_websocket_time_t    past;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    if ((ngx_msec_int_t) (now - wheel->armed)
        >= NGX_HTTP_WEBSOCKET_WHEEL_LATE)
    {
        wheel->resumed = (ngx_http_websocket_time_t) ngx_current_msec;
        return;
    }

    /* times are compared as differences: none may be too long ago */

    past = (ngx_http_websocket_time_t) ngx_current_msec
           - NGX_HTTP_WEBSOCKET_WHEEL_PAST;

    if ((int32_t) (wheel->resumed - past) < 0) {
        wheel->resumed = past;
    }
}


ngx_http_websocket_time_t
ngx_http_websocket_wheel_resumed(void)
{
    return ngx_http_websocket_wheel.resumed;
}


/*
 * Finds the next tick whose place is not empty.  The timer need not go off
 * earlier, except to see that time passes.
 */

static ngx_msec_t
ngx_http_websocket_wheel_first(void)
{
    ngx_msec_t                   tick, end;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;
    end = wheel->tick + NGX_HTTP_WEBSOCKET_WHEEL_PULSE;

    for (tick = wheel->tick; tick != end; tick++) {
        if (!ngx_queue_empty(
                        &wheel->places[tick & NGX_HTTP_WEBSOCKET_WHEEL_MASK]))
        {
            break;
        }
    }

    return tick;
}


static void
ngx_http_websocket_wheel_arm(ngx_msec_t tick)
{
    ngx_msec_int_t               delay;
    ngx_http_websocket_wheel_t  *wheel;

    wheel = &ngx_http_websocket_wheel;

    /* ngx_add_timer() would leave a timer that is set to nearly the same */

    if (wheel->event.timer_set) {
        ngx_del_timer(&wheel->event);
    }

    delay = tick * NGX_HTTP_WEBSOCKET_WHEEL_TICK - ngx_current_msec;

    wheel->armed = tick;
    ngx_add_timer(&wheel->event, delay > 0 ? (ngx_msec_t) delay : 1);
}
