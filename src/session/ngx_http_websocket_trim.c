
/*
 * malloc gives back by itself what is free at the end of its heap alone:
 * anything small that stays there, a session, a buffer that is kept for reuse
 * or what malloc itself keeps at hand, holds all that was freed before it.
 * malloc_trim() gives back the rest, but all at once: 8,000 sessions take it
 * 8 ms.  So when many sessions have gone, what is free is asked for in pieces,
 * whose pages are given back while they are held, as many in a turn as it has
 * time for: first large ones, then such as fit between sessions that are left.
 */


#include "session/ngx_http_websocket_trim.h"
#include "clock/ngx_http_websocket_turn.h"

#include <sys/mman.h>


/* from so many ended sessions on it is worth it: about 200 KB */
#define NGX_HTTP_WEBSOCKET_TRIM_MIN    256

/* so many are trimmed in any case: about 12 MB */
#define NGX_HTTP_WEBSOCKET_TRIM_MAX    16384

/* new sessions may come at once, as those of clients that poll do */
#define NGX_HTTP_WEBSOCKET_TRIM_DELAY  200

/* small enough to be of malloc's heap; takes some 50 us */
#define NGX_HTTP_WEBSOCKET_TRIM_LARGE  65536

/* large enough to have a whole page in any case */
#define NGX_HTTP_WEBSOCKET_TRIM_SMALL  8192

/* the most that a session that has gone leaves, bytes */
#define NGX_HTTP_WEBSOCKET_TRIM_SIZE   4096


/* written at the start of a piece that is held */

typedef struct ngx_http_websocket_trim_piece_s
    ngx_http_websocket_trim_piece_t;

struct ngx_http_websocket_trim_piece_s {
    ngx_http_websocket_trim_piece_t  *next;
};


static void ngx_http_websocket_trim_handler(ngx_event_t *ev);
static ngx_uint_t ngx_http_websocket_trim_due(void);
static void ngx_http_websocket_trim_pieces(ngx_event_t *ev);
static ngx_uint_t ngx_http_websocket_trim_piece(void);
static void ngx_http_websocket_trim_end(void);


static ngx_event_t                       ngx_http_websocket_trim_event;
static ngx_event_t                       ngx_http_websocket_trim_goes_on;

static ngx_http_websocket_trim_piece_t  *ngx_http_websocket_trim_held;
static size_t                            ngx_http_websocket_trim_size;
static size_t                            ngx_http_websocket_trim_left;

static ngx_uint_t                        ngx_http_websocket_sessions;

/* the most sessions that there were since the last trim */
static ngx_uint_t                        ngx_http_websocket_sessions_peak;


void
ngx_http_websocket_trim_init(ngx_cycle_t *cycle)
{
    static ngx_connection_t  dummy;

    dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_trim_event.handler = ngx_http_websocket_trim_handler;
    ngx_http_websocket_trim_event.data = &dummy;
    ngx_http_websocket_trim_event.log = cycle->log;
    ngx_http_websocket_trim_event.cancelable = 1;

    ngx_http_websocket_trim_goes_on.handler = ngx_http_websocket_trim_pieces;
    ngx_http_websocket_trim_goes_on.data = &dummy;
    ngx_http_websocket_trim_goes_on.log = cycle->log;
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
    ngx_uint_t  gone;

    if (!ngx_http_websocket_trim_due()) {
        return;
    }

    gone = ngx_http_websocket_sessions_peak - ngx_http_websocket_sessions;

    ngx_http_websocket_sessions_peak = ngx_http_websocket_sessions;

    /* a bound where the heap does not tell that no piece is free any more */

    ngx_http_websocket_trim_left = gone * NGX_HTTP_WEBSOCKET_TRIM_SIZE;
    ngx_http_websocket_trim_size = NGX_HTTP_WEBSOCKET_TRIM_LARGE;

    ngx_http_websocket_trim_pieces(&ngx_http_websocket_trim_goes_on);
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

    return gone >= NGX_HTTP_WEBSOCKET_TRIM_MAX
           || (gone >= NGX_HTTP_WEBSOCKET_TRIM_MIN
               && gone >= ngx_http_websocket_sessions_peak / 2);
}


static void
ngx_http_websocket_trim_pieces(ngx_event_t *ev)
{
    do {
        if (!ngx_http_websocket_trim_piece()) {
            ngx_http_websocket_trim_size /= 2;
        }

        if (ngx_http_websocket_trim_left < ngx_http_websocket_trim_size
            || ngx_http_websocket_trim_size < NGX_HTTP_WEBSOCKET_TRIM_SMALL)
        {
            ngx_http_websocket_trim_end();
            return;
        }

        ngx_http_websocket_trim_left -= ngx_http_websocket_trim_size;

    } while (!ngx_http_websocket_turn_over());

    ngx_http_websocket_turn_next(ev);
}


/*
 * Gives back the pages of a piece that is free, and holds it.  Returns 0 when
 * none is: the heap had to grow for it.  The next piece may begin in the last
 * page, which stays.
 */

static ngx_uint_t
ngx_http_websocket_trim_piece(void)
{
    void                             *end;
    u_char                           *first, *last;
    ngx_http_websocket_trim_piece_t  *piece;

    end = sbrk(0);

    piece = ngx_alloc(ngx_http_websocket_trim_size, ngx_cycle->log);
    if (piece == NULL) {
        return 0;
    }

    piece->next = ngx_http_websocket_trim_held;
    ngx_http_websocket_trim_held = piece;

    if (sbrk(0) != end) {
        return 0;
    }

    first = ngx_align_ptr(piece + 1, ngx_pagesize);
    last = (u_char *) piece + ngx_http_websocket_trim_size;
    last -= (uintptr_t) last % ngx_pagesize;

    /* where pages are large there may be no whole one */

    if (first < last) {
        (void) madvise(first, last - first, MADV_DONTNEED);
    }

    return 1;
}


static void
ngx_http_websocket_trim_end(void)
{
    ngx_http_websocket_trim_piece_t  *piece;

    while (ngx_http_websocket_trim_held) {
        piece = ngx_http_websocket_trim_held;
        ngx_http_websocket_trim_held = piece->next;

        ngx_free(piece);
    }
}
