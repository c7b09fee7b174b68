
#include "clock/ngx_http_websocket_turn.h"

#include <ngx_event.h>

#include "clock/ngx_http_websocket_clock.h"


/* so many steps at once are the work of a turn */
#define NGX_HTTP_WEBSOCKET_MUCH  384


typedef struct {
    uint64_t      end;      /* of the budget, microseconds */
    ngx_event_t   next;     /* begins the next turn */
    ngx_uint_t    begun;    /* 1: work was done since that event was posted */
} ngx_http_websocket_turn_t;


static void ngx_http_websocket_turn_begin(void);
static void ngx_http_websocket_turn_handler(ngx_event_t *ev);


static ngx_http_websocket_turn_t  ngx_http_websocket_turn;

ngx_int_t   ngx_http_websocket_turn_steps;
ngx_msec_t  ngx_http_websocket_turn_msec;


/*
 * nginx does not count its turns, but it reads the time in each: as long as
 * that says the same, all that was done took less than a millisecond, and may
 * count together.
 */

ngx_uint_t
ngx_http_websocket_turn_over(void)
{
    if (ngx_http_websocket_turn_msec != ngx_current_msec) {
        ngx_http_websocket_turn_begin();
        return 0;
    }

    return ngx_http_websocket_clock_now_us() >= ngx_http_websocket_turn.end;
}


/*
 * If the clock was not read in this turn yet, so many steps at once have taken
 * their time: the turn is over.  A loop that goes on all the same is told so at
 * its next step again.
 */

ngx_uint_t
ngx_http_websocket_turn_ask(void)
{
    if (ngx_http_websocket_turn_msec != ngx_current_msec
        && ngx_http_websocket_turn_steps < -NGX_HTTP_WEBSOCKET_MUCH)
    {
        return 1;
    }

    if (ngx_http_websocket_turn_over()) {
        return 1;
    }

    ngx_http_websocket_turn_steps = NGX_HTTP_WEBSOCKET_STEPS - 1;

    return 0;
}


static void
ngx_http_websocket_turn_begin(void)
{
    ngx_http_websocket_turn_msec = ngx_current_msec;
    ngx_http_websocket_turn.end = ngx_http_websocket_clock_now_us()
                                  + NGX_HTTP_WEBSOCKET_TURN;

    ngx_http_websocket_turn_steps = NGX_HTTP_WEBSOCKET_STEPS - 1;
    ngx_http_websocket_turn.begun = 1;
}


void
ngx_http_websocket_turn_next(ngx_event_t *ev)
{
    /* before what is left, in the order of posting */

    if (!ngx_http_websocket_turn.next.posted) {
        ngx_http_websocket_turn.begun = 0;
        ngx_post_event(&ngx_http_websocket_turn.next, &ngx_posted_next_events);
    }

    ngx_post_event(ev, &ngx_posted_next_events);
}


/*
 * What was left of the last turn counts from its first step on, unless what
 * came in this turn, which goes before it, has begun it.  With
 * timer_resolution the time that nginx knows stands still for many turns,
 * which are told by this alone.
 */

static void
ngx_http_websocket_turn_handler(ngx_event_t *ev)
{
    if (!ngx_http_websocket_turn.begun) {
        ngx_http_websocket_turn_begin();
    }
}


void
ngx_http_websocket_turn_init(ngx_cycle_t *cycle)
{
    static ngx_connection_t  dummy;

    dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_turn_msec = ngx_current_msec - 1;
    ngx_http_websocket_turn.next.handler = ngx_http_websocket_turn_handler;
    ngx_http_websocket_turn.next.data = &dummy;
    ngx_http_websocket_turn.next.log = cycle->log;
}
