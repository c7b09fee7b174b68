
#include "clock/ngx_http_websocket_clock.h"


/* milliseconds: if the wall clock is off by more, somebody has set it */
#define NGX_HTTP_WEBSOCKET_CLOCK_SET  100


static uint64_t ngx_http_websocket_clock_read(clockid_t id);


/* the wall clock minus the messages' clock, milliseconds */

static int64_t  ngx_http_websocket_clock_between;


uint64_t
ngx_http_websocket_clock_now(void)
{
    return ngx_http_websocket_clock_read(CLOCK_MONOTONIC);
}


uint64_t
ngx_http_websocket_clock_now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


void
ngx_http_websocket_clock_stamp(ngx_websocket_store_message_t *message)
{
    uint64_t  us;

    us = ngx_http_websocket_clock_now_us();

    message->time = us / 1000;
    message->fraction = us % 1000 * 256 / 1000;
}


static uint64_t
ngx_http_websocket_clock_read(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


uint64_t
ngx_http_websocket_clock_wall(uint64_t time)
{
    return time + ngx_http_websocket_clock_offset();
}


int64_t
ngx_http_websocket_clock_offset(void)
{
    int64_t  between;

    /*
     * The offset is taken at the first call, and again when the wall clock was
     * set.  It is kept otherwise: the jitter between the two readings must not
     * be seen.
     */

    between = (int64_t) (ngx_http_websocket_clock_read(CLOCK_REALTIME)
                         - ngx_http_websocket_clock_now());

    if (between > ngx_http_websocket_clock_between
                  + NGX_HTTP_WEBSOCKET_CLOCK_SET
        || between < ngx_http_websocket_clock_between
                     - NGX_HTTP_WEBSOCKET_CLOCK_SET)
    {
        ngx_http_websocket_clock_between = between;
    }

    return ngx_http_websocket_clock_between;
}


void
ngx_http_websocket_clock_follow(int64_t offset)
{
    ngx_http_websocket_clock_between = offset;

    (void) ngx_http_websocket_clock_offset();
}
