
#include "session/ngx_http_websocket_behind.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"


/* the time of a session that is behind, before the next one's: microseconds */
#define NGX_HTTP_WEBSOCKET_BEHIND_QUANTUM  500


static void ngx_http_websocket_behind_handler(ngx_event_t *ev);


/* read events, posted here */

static ngx_queue_t  ngx_http_websocket_behind_list;
static ngx_event_t  ngx_http_websocket_behind_event;

static ngx_uint_t   ngx_http_websocket_behind_runs;
static ngx_uint_t   ngx_http_websocket_behind_owed;
static uint64_t     ngx_http_websocket_behind_end;


ngx_uint_t
ngx_http_websocket_behind_over(void)
{
    if (ngx_http_websocket_behind_owed) {
        ngx_http_websocket_behind_owed = 0;
        return 0;
    }

    return ngx_http_websocket_turn_over()
           || (ngx_http_websocket_behind_runs
               && ngx_http_websocket_clock_now_us()
                  >= ngx_http_websocket_behind_end);
}


void
ngx_http_websocket_behind_add(ngx_http_websocket_session_t *s)
{
    ngx_event_t  *rev;

    rev = s->connection->read;

    /*
     * an event that is posted with nginx's would come before the others' turn
     */

    if (rev->posted) {
        ngx_delete_posted_event(rev);
    }

    s->record->aside->pause->behind = 1;

    ngx_post_event(rev, &ngx_http_websocket_behind_list);

    if (!ngx_http_websocket_behind_event.posted) {
        ngx_http_websocket_turn_next(&ngx_http_websocket_behind_event);
    }
}


void
ngx_http_websocket_behind_del(ngx_http_websocket_session_t *s)
{
    if (!ngx_http_websocket_behind_is(s)) {
        return;
    }

    s->record->aside->pause->behind = 0;

    if (s->connection->read->posted) {
        ngx_delete_posted_event(s->connection->read);
    }
}


/*
 * A session that was added in this turn has been read in it.  A handler may
 * free its session, and put it or others at the list's end.
 */

static void
ngx_http_websocket_behind_handler(ngx_event_t *ev)
{
    ngx_queue_t  *q;
    ngx_event_t  *rev;

    ngx_http_websocket_behind_runs = 1;

    /* the first step begins the budget, if nothing began it before */

    (void) ngx_http_websocket_turn_over();

    while (!ngx_queue_empty(&ngx_http_websocket_behind_list)) {

        q = ngx_queue_head(&ngx_http_websocket_behind_list);
        rev = ngx_queue_data(q, ngx_event_t, queue);

        ngx_delete_posted_event(rev);

        ngx_http_websocket_behind_owed = 1;
        ngx_http_websocket_behind_end = ngx_http_websocket_clock_now_us()
                                        + NGX_HTTP_WEBSOCKET_BEHIND_QUANTUM;

        rev->handler(rev);

        ngx_http_websocket_behind_owed = 0;

        if (ngx_http_websocket_turn_over()) {
            break;
        }
    }

    ngx_http_websocket_behind_runs = 0;

    if (!ngx_queue_empty(&ngx_http_websocket_behind_list)) {
        ngx_http_websocket_turn_next(ev);
    }
}


void
ngx_http_websocket_behind_init(ngx_cycle_t *cycle)
{
    static ngx_connection_t  dummy;

    dummy.fd = (ngx_socket_t) -1;

    ngx_queue_init(&ngx_http_websocket_behind_list);

    ngx_http_websocket_behind_event.handler =
                                            ngx_http_websocket_behind_handler;
    ngx_http_websocket_behind_event.data = &dummy;
    ngx_http_websocket_behind_event.log = cycle->log;
}
