
#include "clock/ngx_http_websocket_clock.h"


/* milliseconds: if the wall clock is off by more, somebody has set it */
#define NGX_HTTP_WEBSOCKET_CLOCK_SET  100


static uint64_t ngx_http_websocket_clock_read(clockid_t id);


/* milliseconds added to CLOCK_MONOTONIC; 0: none was chosen yet */

static int64_t     ngx_http_websocket_clock_added;
static ngx_uint_t  ngx_http_websocket_clock_followed;


uint64_t
ngx_http_websocket_clock_now(void)
{
    return ngx_http_websocket_clock_read(CLOCK_MONOTONIC)
           + ngx_http_websocket_clock_added;
}


uint64_t
ngx_http_websocket_clock_now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000
           + ngx_http_websocket_clock_added * 1000;
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
    int64_t         between;
    static int64_t  offset;

    /*
     * The offset is taken again when the wall clock was set.  It is kept
     * otherwise: the jitter between the two readings must not be seen.
     */

    between = (int64_t) (ngx_http_websocket_clock_read(CLOCK_REALTIME)
                         - ngx_http_websocket_clock_now());

    if (between > offset + NGX_HTTP_WEBSOCKET_CLOCK_SET
        || between < offset - NGX_HTTP_WEBSOCKET_CLOCK_SET)
    {
        offset = between;
    }

    return time + offset;
}


int64_t
ngx_http_websocket_clock_base(void)
{
    if (ngx_http_websocket_clock_added == 0) {
        ngx_http_websocket_clock_added = (int64_t)
                               (ngx_http_websocket_clock_read(CLOCK_REALTIME)
                                - ngx_http_websocket_clock_now());
    }

    return ngx_http_websocket_clock_added;
}


void
ngx_http_websocket_clock_follow(int64_t base)
{
    if (ngx_http_websocket_clock_followed) {

        /* what two have left: time must not go back for either */

        base = ngx_max(base, ngx_http_websocket_clock_added);
    }

    ngx_http_websocket_clock_added = base;
    ngx_http_websocket_clock_followed = 1;
}
