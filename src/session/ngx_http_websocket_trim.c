
/*
 * malloc gives back by itself what is free at the end of its heap alone:
 * anything small that stays there, a session, a buffer that is kept for reuse
 * or what malloc itself keeps at hand, holds all that was freed before it.
 * Where malloc can be told to give back what is free anywhere, that is done
 * when many sessions have gone; not at each end, for it looks at all large
 * pieces that are free.
 */


#include "session/ngx_http_websocket_trim.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif


/* from so many ended sessions on it is worth it: about 200 KB */
#define NGX_HTTP_WEBSOCKET_TRIM_MIN    256

/*
 * so many are trimmed in any case: about 12 MB, which takes less than a
 * millisecond
 */
#define NGX_HTTP_WEBSOCKET_TRIM_MAX    16384

/* with more free memory it takes longer than other sessions may wait */
#define NGX_HTTP_WEBSOCKET_TRIM_PEAK   131072

/* new sessions may come at once, as those of clients that poll do */
#define NGX_HTTP_WEBSOCKET_TRIM_DELAY  200


static void ngx_http_websocket_trim_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_websocket_trim_due(void);


static ngx_event_t  ngx_http_websocket_trim_event;

static ngx_uint_t   ngx_http_websocket_sessions;

/* the most sessions that there were since the last trim */
static ngx_uint_t   ngx_http_websocket_sessions_peak;


void
ngx_http_websocket_trim_init(ngx_cycle_t *cycle)
{
    static ngx_connection_t  dummy;

    dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_trim_event.handler = ngx_http_websocket_trim_handler;
    ngx_http_websocket_trim_event.data = &dummy;
    ngx_http_websocket_trim_event.log = cycle->log;
    ngx_http_websocket_trim_event.cancelable = 1;
}


void
ngx_http_websocket_trim_made(void)
{
    ngx_http_websocket_sessions++;

    if (ngx_http_websocket_sessions > ngx_http_websocket_sessions_peak) {
        ngx_http_websocket_sessions_peak = ngx_http_websocket_sessions;
    }
}


void
ngx_http_websocket_trim_freed(void)
{
    ngx_http_websocket_sessions--;

    if (ngx_http_websocket_trim_due()
        && !ngx_http_websocket_trim_event.timer_set)
    {
        ngx_add_timer(&ngx_http_websocket_trim_event,
                      NGX_HTTP_WEBSOCKET_TRIM_DELAY);
    }
}


static void
ngx_http_websocket_trim_handler(ngx_event_t *ev)
{
    if (!ngx_http_websocket_trim_due()) {
        return;
    }

    ngx_http_websocket_sessions_peak = ngx_http_websocket_sessions;

#if defined(__GLIBC__)
    (void) malloc_trim(0);
#endif
}


/*
 * little memory is free between the sessions that are left until half of them
 * have gone
 */

static ngx_uint_t
ngx_http_websocket_trim_due(void)
{
    ngx_uint_t  gone;

    gone = ngx_http_websocket_sessions_peak - ngx_http_websocket_sessions;

    if (ngx_http_websocket_sessions
        && ngx_http_websocket_sessions_peak > NGX_HTTP_WEBSOCKET_TRIM_PEAK)
    {
        return 0;
    }

    return gone >= NGX_HTTP_WEBSOCKET_TRIM_MAX
           || (gone >= NGX_HTTP_WEBSOCKET_TRIM_MIN
               && gone >= ngx_http_websocket_sessions_peak / 2);
}
