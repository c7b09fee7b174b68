
/*
 * The clocks: the monotonic one, whose times messages bear, and the wall clock.
 */


#ifndef NGX_HTTP_WEBSOCKET_CLOCK_H
#define NGX_HTTP_WEBSOCKET_CLOCK_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "store/store.h"


/*
 * Milliseconds of the monotonic clock, as messages bear them: a clock that
 * somebody sets must not end a history, nor prolong it.
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

/* What is between the two, ms: the same until the wall clock is set. */
int64_t ngx_http_websocket_clock_offset(void);

/*
 * Has this process tell times as another one that has this between them,
 * unless the wall clock was set since.
 */
void ngx_http_websocket_clock_follow(int64_t offset);


#endif /* NGX_HTTP_WEBSOCKET_CLOCK_H */
