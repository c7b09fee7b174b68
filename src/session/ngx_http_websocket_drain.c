
#include "session/ngx_http_websocket_drain.h"
#include "hub/ngx_http_websocket_worker.h"
#include "session/ngx_http_websocket_linger.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_write.h"


/*
 * how much of worker_shutdown_timeout is left at most for answers to our Close
 */
#define NGX_HTTP_WEBSOCKET_DRAIN_ANSWER  2000


typedef struct {
    ngx_uint_t                   sessions;  /* sessions, and others, that need
                                               the worker's slot */
    ngx_msec_t                   begun;
    ngx_msec_t                   longest;   /* how long a session may stay */
    unsigned                     dismissed:1;   /* the slot is wanted */
    unsigned                     over:1;    /* called when nginx is about to cut
                                               connections */
    ngx_event_t                  last;      /* called before nginx cuts the
                                               connections that are left */
    ngx_event_t                  left;
    ngx_connection_t             dummy;
    ngx_http_websocket_left_pt   handler;
} ngx_http_websocket_drain_t;


static ngx_int_t ngx_http_websocket_drain_hello(
    ngx_http_websocket_session_t *s, ngx_http_websocket_options_t *options);
static void ngx_http_websocket_drain_position(ngx_http_websocket_zone_t *zone,
    ngx_str_t *channel, ngx_uint_t n, ngx_http_websocket_options_t *options,
    ngx_websocket_position_t *position);
static void ngx_http_websocket_drain_node(ngx_queue_t *node);
static void ngx_http_websocket_drain_deaf_node(ngx_queue_t *node);
static void ngx_http_websocket_drain_last(ngx_event_t *ev);
static void ngx_http_websocket_drain_left(ngx_event_t *ev);
static void ngx_http_websocket_drain_abandon(ngx_queue_t *node);


static ngx_http_websocket_drain_t  ngx_http_websocket_draining;


void
ngx_http_websocket_drain_init(ngx_cycle_t *cycle,
    ngx_http_websocket_left_pt handler)
{
    ngx_http_websocket_drain_t  *drain;

    drain = &ngx_http_websocket_draining;

    drain->handler = handler;
    drain->dummy.fd = (ngx_socket_t) -1;

    drain->last.handler = ngx_http_websocket_drain_last;
    drain->last.data = &drain->dummy;
    drain->last.log = cycle->log;
    drain->last.cancelable = 1;

    drain->left.handler = ngx_http_websocket_drain_left;
    drain->left.data = &drain->dummy;
    drain->left.log = cycle->log;
}


ngx_uint_t
ngx_http_websocket_drain_holds(ngx_http_websocket_loc_conf_t *conf)
{
    return ngx_http_websocket_worker_slot() != NGX_HTTP_WEBSOCKET_NO_SLOT
           && !ngx_http_websocket_draining.dismissed
           && (conf->zone == NULL
               || ngx_http_websocket_zone_attach(conf->zone)
                  != NGX_HTTP_WEBSOCKET_ATTACH_NO_SLOT);
}


ngx_uint_t
ngx_http_websocket_drain_begin(ngx_http_websocket_session_t *s)
{
    ngx_uint_t  holds;

    holds = ngx_http_websocket_drain_holds(s->conf);

    s->record->away = !holds;
    ngx_http_websocket_draining.sessions += holds;

    return holds;
}


ngx_int_t
ngx_http_websocket_drain_refer(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options)
{
    if (s->conf->subscribes
        && ngx_http_websocket_drain_hello(s, options) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_websocket_drain_leave(s);

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_drain_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options)
{
    ngx_int_t                           rc;
    ngx_str_t                           name;
    ngx_uint_t                          i, n;
    ngx_http_websocket_hello_t          hello;
    ngx_http_websocket_subscription_t  *sub;

    n = ngx_http_websocket_session_channels(s);

    if (ngx_http_websocket_hello_begin(&hello, n, options, s->connection->log)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sub = NULL;

    for (i = 0; i < n; i++) {
        sub = ngx_http_websocket_subscription_next(s, sub);

        ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub),
                                        &name);
        ngx_http_websocket_drain_position(s->conf->zone, &name, i, options,
                                          &hello.positions[i]);
    }

    rc = ngx_http_websocket_protocol_of(s)->hello(s, &hello);

    ngx_http_websocket_hello_end(&hello);

    return rc;
}


/* the position that the client gave, else that of the newest message */

static void
ngx_http_websocket_drain_position(ngx_http_websocket_zone_t *zone,
    ngx_str_t *channel, ngx_uint_t n, ngx_http_websocket_options_t *options,
    ngx_websocket_position_t *position)
{
    ngx_uint_t                  i;
    ngx_websocket_store_info_t  info;

    ngx_memzero(position, sizeof(ngx_websocket_position_t));

    if (n < options->nsince) {
        *position = options->since[n];
    }

    if (ngx_http_websocket_zone_info(zone, channel, &info)
        != NGX_WEBSOCKET_STORE_OK)
    {
        return;
    }

    for (i = 0; i < options->nsince; i++) {
        if (options->since[i].epoch == info.epoch) {
            *position = options->since[i];
            return;
        }
    }

    if (options->nsince == 0) {
        position->epoch = info.epoch;
        position->offset = info.offset;
    }
}


/*
 * nginx cuts the connections that are left when worker_shutdown_timeout is
 * over.  All sessions are sent their Close a while before, so that they can
 * answer it; sessions that came late, just before.
 */

void
ngx_http_websocket_drain_all(void)
{
    ngx_msec_t                   bound;
    ngx_core_conf_t             *ccf;
    ngx_http_websocket_drain_t  *drain;

    drain = &ngx_http_websocket_draining;

    ccf = (ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                           ngx_core_module);
    bound = ccf->shutdown_timeout;

    drain->begun = ngx_current_msec;
    drain->longest = NGX_MAX_INT32_VALUE;

    if (bound) {
        drain->longest = bound - ngx_min(bound / 4,
                                         NGX_HTTP_WEBSOCKET_DRAIN_ANSWER);
        ngx_add_timer(&drain->last, bound - bound / 16 - 1);
    }

    ngx_http_websocket_wheel_visit(ngx_http_websocket_drain_node);

    if (!ngx_http_websocket_drain_waits()) {
        ngx_http_websocket_linger_end();
    }

    ngx_http_websocket_drain_look();
}


void
ngx_http_websocket_drain_dismiss(void)
{
    ngx_http_websocket_drain_t  *drain;

    drain = &ngx_http_websocket_draining;

    if (drain->dismissed) {
        return;
    }

    drain->dismissed = 1;
    drain->longest = 0;

    ngx_http_websocket_linger_end();

    ngx_http_websocket_wheel_visit(ngx_http_websocket_drain_node);
}


static void
ngx_http_websocket_drain_node(ngx_queue_t *node)
{
    ngx_http_websocket_drain(ngx_queue_data(node, ngx_http_websocket_session_t,
                                            timer));
}


void
ngx_http_websocket_drain(ngx_http_websocket_session_t *s)
{
    ngx_msec_t                   passed, time;
    ngx_http_websocket_drain_t  *drain;

    drain = &ngx_http_websocket_draining;

    s->draining = 1;

    if (s->close_queued) {

        if (drain->dismissed) {
            ngx_http_websocket_drain_away(s);
        }

    } else if (drain->over) {
        ngx_http_websocket_drain_leave(s);

    } else {
        s->record->leave = ngx_http_websocket_now();

        /* spread over time, so that not all clients come back at once */

        passed = ngx_current_msec - drain->begun;
        time = ngx_min(s->conf->drain, drain->longest);

        if (passed < time) {
            s->record->leave += (ngx_msec_t) ngx_random() % (time - passed);
        }
    }

    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_drain_deaf(ngx_http_websocket_zone_t *zone)
{
    if (!ngx_exiting) {
        ngx_http_websocket_wheel_visit(ngx_http_websocket_drain_deaf_node);
    }
}


static void
ngx_http_websocket_drain_deaf_node(ngx_queue_t *node)
{
    ngx_http_websocket_session_t  *s;

    s = ngx_queue_data(node, ngx_http_websocket_session_t, timer);

    if (ngx_exiting || s->draining || s->close_queued || !s->conf->subscribes
        || s->conf->zone == NULL || !s->conf->zone->deaf)
    {
        return;
    }

    s->draining = 1;
    s->record->leave = ngx_http_websocket_now();

    if (s->conf->drain) {
        s->record->leave += (ngx_msec_t) ngx_random() % s->conf->drain;
    }

    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_drain_leave(ngx_http_websocket_session_t *s)
{
    if (s->draining && !ngx_exiting) {

        /* the node is deaf, or was */

        if (s->conf->zone->deaf) {
            ngx_http_websocket_session_close(s,
                                             NGX_HTTP_WEBSOCKET_REASON_DEAF);
            return;
        }

        s->draining = 0;
        ngx_http_websocket_session_schedule(s);
        return;
    }

    if (ngx_http_websocket_worker_outdated()) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_RESTART);

    } else {
        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_SHUTDOWN);
    }

    if (ngx_http_websocket_draining.dismissed) {
        ngx_http_websocket_drain_away(s);
    }
}


void
ngx_http_websocket_drain_away(ngx_http_websocket_session_t *s)
{
    if (s->record->away) {
        return;
    }

    s->record->away = 1;

    ngx_http_websocket_limits_end(s);
    ngx_http_websocket_drain_release();
}


void
ngx_http_websocket_drain_hold(void)
{
    ngx_http_websocket_draining.sessions++;
}


void
ngx_http_websocket_drain_release(void)
{
    ngx_http_websocket_drain_t  *drain;

    drain = &ngx_http_websocket_draining;

    if (--drain->sessions == 0 && ngx_exiting) {
        ngx_post_event(&drain->left, &ngx_posted_events);
    }
}


ngx_uint_t
ngx_http_websocket_drain_waits(void)
{
    return !ngx_http_websocket_draining.dismissed
           && (!ngx_exiting || ngx_http_websocket_worker_outdated());
}


static void
ngx_http_websocket_drain_left(ngx_event_t *ev)
{
    ngx_http_websocket_drain_look();
}


void
ngx_http_websocket_drain_look(void)
{
    if (ngx_exiting && ngx_http_websocket_draining.sessions == 0) {
        ngx_http_websocket_draining.handler();
    }
}


static void
ngx_http_websocket_drain_last(ngx_event_t *ev)
{
    ngx_http_websocket_draining.over = 1;

    ngx_http_websocket_wheel_visit(ngx_http_websocket_drain_node);
}


void
ngx_http_websocket_drain_abandon_all(void)
{
    ngx_http_websocket_wheel_each(ngx_http_websocket_drain_abandon);
}


static void
ngx_http_websocket_drain_abandon(ngx_queue_t *node)
{
    ngx_http_websocket_session_t  *s;

    s = ngx_queue_data(node, ngx_http_websocket_session_t, timer);

    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        ngx_http_websocket_drain_leave(s);
        (void) ngx_http_websocket_flush(s);
    }

    ngx_http_websocket_session_free(s);
}
