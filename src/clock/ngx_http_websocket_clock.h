
/*
 * The clocks: the monotonic one, whose times messages bear, and the wall clock.
 */


#ifndef NGX_HTTP_WEBSOCKET_CLOCK_H
#define NGX_HTTP_WEBSOCKET_CLOCK_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "store/store.h"


/*
 * Milliseconds of a monotonic clock, as messages bear them: a clock that
 * somebody sets must not end a history, nor prolong it.  It is about as late as
 * the wall's.
 */
uint64_t ngx_http_websocket_clock_now(void);

/* The same clock in microseconds. */
uint64_t ngx_http_websocket_clock_now_us(void);

/*
 * Gives a message the present time, with a fraction in 256ths of a
 * millisecond; and when that was, in microseconds.
 */
void ngx_http_websocket_clock_stamp(ngx_websocket_store_message_t *message);

#define ngx_http_websocket_clock_us(time, fraction)                           \
    ((uint64_t) (time) * 1000 + (fraction) * 1000 / 256)

/* The wall clock's time for such a time, in milliseconds since 1970. */
uint64_t ngx_http_websocket_clock_wall(uint64_t time);

/*
 * What this clock adds to CLOCK_MONOTONIC, ms: chosen once, such that it is the
 * wall's then.  All processes that share memory have the same; what is kept
 * over a restart is told times by the same clock.
 */
int64_t ngx_http_websocket_clock_base(void);

/* Has it be that of processes which this one goes on for; in the master. */
void ngx_http_websocket_clock_follow(int64_t base);


#endif /* NGX_HTTP_WEBSOCKET_CLOCK_H */
