
/*
 * The budget of a turn: of one round of nginx's event loop.
 *
 * A loop whose length a client, a publisher, the zone's size or a death decides
 * asks every few steps whether the turn is over.  What is left then is done in
 * the next turn, after others had theirs.  A loop does at least one step in
 * each turn, so that all get on.
 */


#ifndef NGX_HTTP_WEBSOCKET_TURN_H
#define NGX_HTTP_WEBSOCKET_TURN_H


#include <ngx_config.h>
#include <ngx_core.h>


/* the work that may be begun in one turn, microseconds */
#ifndef NGX_HTTP_WEBSOCKET_TURN
#define NGX_HTTP_WEBSOCKET_TURN   1000
#endif

/* what is done between two looks at the clock, in steps */
#ifndef NGX_HTTP_WEBSOCKET_STEPS
#define NGX_HTTP_WEBSOCKET_STEPS  64
#endif


/*
 * Returns 1 when the turn's budget is used up, else 0.  It reads the clock:
 * some 25 ns, to be asked once for several cheap steps.
 */
ngx_uint_t ngx_http_websocket_turn_over(void);

/*
 * The same for loops of many cheap steps, of some microseconds at most each: a
 * loop that begins, in a turn whose clock was not read yet, may do
 * NGX_HTTP_WEBSOCKET_STEPS of them in any case; then the clock is read, and
 * again each time that so many were done.  Whatever does more work than a step
 * says so by turn_worked().
 */
extern ngx_int_t   ngx_http_websocket_turn_steps;   /* left but for one */
extern ngx_msec_t  ngx_http_websocket_turn_msec;    /* ngx_current_msec when
                                                       the turn began */

ngx_uint_t ngx_http_websocket_turn_ask(void);

static ngx_inline void
ngx_http_websocket_turn_loop(void)
{
    if (ngx_http_websocket_turn_msec != ngx_current_msec) {
        ngx_http_websocket_turn_steps = NGX_HTTP_WEBSOCKET_STEPS - 1;
    }
}

static ngx_inline void
ngx_http_websocket_turn_worked(ngx_int_t steps)
{
    ngx_http_websocket_turn_steps -= steps;
}

/* Counts steps that were done.  Returns 1 when the turn is over, else 0. */
static ngx_inline ngx_uint_t
ngx_http_websocket_turn_step(ngx_int_t steps)
{
    ngx_http_websocket_turn_steps -= steps;

    return ngx_http_websocket_turn_steps < 0
           && ngx_http_websocket_turn_ask();
}

/*
 * Has an event's handler called in the next turn, for what is left.  An event
 * that is posted already stays where it is.
 */
void ngx_http_websocket_turn_next(ngx_event_t *ev);

/* In init_process. */
void ngx_http_websocket_turn_init(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_WEBSOCKET_TURN_H */
