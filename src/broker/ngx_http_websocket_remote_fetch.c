
#include "broker/ngx_http_websocket_remote_fetch.h"
#include "broker/ngx_http_websocket_seat.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_worker.h"


/* how long who has read farther on another node waits for this one, ms */
#define NGX_HTTP_WEBSOCKET_FETCH_AHEAD  500


typedef struct {
    ngx_queue_t                   queue;
    ngx_event_t                   timer;    /* the longest time that a fetch
                                               waits, milliseconds */
    ngx_http_websocket_remote_t  *remote;
    ngx_http_websocket_fetch_t    f;
    ngx_uint_t                    ready;    /* channels, from the first on */
    ngx_msec_t                    ahead;    /* since when all there is was less
                                               than it has; or 0 */
    ngx_str_t                     channels[1];
} ngx_http_websocket_fetching_t;


static ngx_http_websocket_fetching_t *ngx_http_websocket_fetch_create(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_fetch_t *f);
static int ngx_http_websocket_fetch_try(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_fetch_t *f, ngx_uint_t *ready, ngx_uint_t ask);
static ngx_uint_t ngx_http_websocket_fetch_is_ahead(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_fetch_t *f);
static ngx_uint_t ngx_http_websocket_fetch_is_done(
    ngx_http_websocket_fetching_t *fetching);
static void ngx_http_websocket_fetch_wait(
    ngx_http_websocket_remote_t *remote, ngx_uint_t wait);
static void ngx_http_websocket_fetch_timeout(ngx_event_t *ev);
static void ngx_http_websocket_fetch_done(
    ngx_http_websocket_fetching_t *fetching, ngx_int_t rc);


ngx_int_t
ngx_http_websocket_remote_history(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f)
{
    int                             rc;
    ngx_uint_t                      ready;
    ngx_http_websocket_remote_t    *remote;
    ngx_http_websocket_fetching_t  *fetching;

    remote = zone->remote;

    if (zone->deaf) {
        f->rc = NGX_HTTP_WEBSOCKET_FETCH_AWAY;
        return NGX_OK;
    }

    ready = 0;
    rc = ngx_http_websocket_fetch_try(remote, f, &ready, 0);

    if (rc == NGX_WEBSOCKET_STORE_OK
        && !ngx_http_websocket_fetch_is_ahead(remote, f))
    {
        f->rc = NGX_OK;
        return NGX_OK;
    }

    fetching = ngx_http_websocket_fetch_create(remote, f);

    if (fetching == NULL || rc == NGX_WEBSOCKET_STORE_NOSPACE) {

        if (fetching) {
            ngx_free(fetching);
        }

        f->rc = NGX_HTTP_WEBSOCKET_FETCH_AWAY;
        return NGX_OK;
    }

    ngx_queue_insert_tail(&remote->fetches, &fetching->queue);
    ngx_add_timer(&fetching->timer, remote->conf->wait);

    ngx_http_websocket_fetch_wait(remote, 1);

    /* asked after this worker was entered as one that waits */

    (void) ngx_http_websocket_fetch_try(remote, &fetching->f,
                                        &fetching->ready, 1);

    if (rc == NGX_WEBSOCKET_STORE_OK) {

        /* the seat reads what is there */

        ngx_http_websocket_seat_ask(remote, &f->channels[0]);
    }

    f->pending = &fetching->f;

    return NGX_AGAIN;
}


static ngx_http_websocket_fetching_t *
ngx_http_websocket_fetch_create(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_fetch_t *f)
{
    size_t                          size;
    u_char                         *p;
    ngx_uint_t                      i;
    ngx_http_websocket_fetching_t  *fetching;

    size = sizeof(ngx_http_websocket_fetching_t) + f->n * sizeof(ngx_str_t)
           + f->nsince * sizeof(ngx_websocket_position_t);

    for (i = 0; i < f->n; i++) {
        size += f->channels[i].len;
    }

    fetching = ngx_calloc(size, remote->log);
    if (fetching == NULL) {
        return NULL;
    }

    p = (u_char *) &fetching->channels[f->n];

    fetching->f.since = (ngx_websocket_position_t *) p;
    fetching->f.nsince = f->nsince;

    if (f->nsince) {
        p = ngx_cpymem(p, f->since,
                       f->nsince * sizeof(ngx_websocket_position_t));
    }

    for (i = 0; i < f->n; i++) {
        fetching->channels[i].data = p;
        fetching->channels[i].len = f->channels[i].len;
        p = ngx_cpymem(p, f->channels[i].data, f->channels[i].len);
    }

    fetching->remote = remote;
    fetching->f.channels = fetching->channels;
    fetching->f.n = f->n;

    /* not cancelable: a worker that shuts down waits for it */

    ngx_http_websocket_remote_event(remote, &fetching->timer,
                                    ngx_http_websocket_fetch_timeout);

    return fetching;
}


/* OK when all are live; with ask set the seat is told of those that are not */

static int
ngx_http_websocket_fetch_try(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_fetch_t *f, ngx_uint_t *ready, ngx_uint_t ask)
{
    int         rc;
    ngx_uint_t  i;

    rc = NGX_WEBSOCKET_STORE_OK;

    for (i = *ready; i < f->n; i++) {

        rc = ngx_http_websocket_zone_ask(remote->zone, &f->channels[i]);

        if (rc == NGX_WEBSOCKET_STORE_OK) {

            if (i == *ready) {
                (*ready)++;
            }

            continue;
        }

        if (!ask) {
            return rc;
        }

        ngx_http_websocket_seat_ask(remote, &f->channels[i]);
    }

    return *ready == f->n ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_EMPTY;
}


/*
 * Who comes from another node may have read what this one has not heard of yet:
 * it is there, or will be when the server is healed.
 */

static ngx_uint_t
ngx_http_websocket_fetch_is_ahead(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_fetch_t *f)
{
    ngx_uint_t                   i, k;
    ngx_websocket_position_t    *since;
    ngx_websocket_store_info_t   info;

    for (i = 0; f->nsince && i < f->n; i++) {

        if (ngx_http_websocket_zone_info(remote->zone, &f->channels[i], &info)
            != NGX_WEBSOCKET_STORE_OK
            || (info.epoch & NGX_WEBSOCKET_STORE_OWN))
        {
            continue;
        }

        for (k = 0; k < f->nsince; k++) {
            since = &f->since[k];

            if (since->epoch == info.epoch ? since->offset > info.offset
                                           : f->n == 1 && f->nsince == 1
                                             && since->epoch > info.epoch
                                             && !(since->epoch
                                                  & NGX_WEBSOCKET_STORE_OWN))
            {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_websocket_fetch_is_done(ngx_http_websocket_fetching_t *fetching)
{
    ngx_http_websocket_remote_t  *remote;

    remote = fetching->remote;

    if (ngx_http_websocket_fetch_try(remote, &fetching->f, &fetching->ready, 0)
        != NGX_WEBSOCKET_STORE_OK)
    {
        return 0;
    }

    if (!ngx_http_websocket_fetch_is_ahead(remote, &fetching->f)) {
        return 1;
    }

    if (!remote->ready || fetching->ahead == 0) {
        fetching->ahead = ngx_current_msec ? ngx_current_msec : 1;
    }

    return ngx_current_msec - fetching->ahead
           >= NGX_HTTP_WEBSOCKET_FETCH_AHEAD;
}


static void
ngx_http_websocket_fetch_wait(ngx_http_websocket_remote_t *remote,
    ngx_uint_t wait)
{
    uint64_t    bit;
    ngx_uint_t  slot;

    slot = ngx_http_websocket_worker_slot();

    if (slot == NGX_HTTP_WEBSOCKET_NO_SLOT) {
        return;
    }

    bit = (uint64_t) 1 << slot % 64;

    if (wait) {
        (void) __atomic_fetch_or(&remote->shared->waiting[slot / 64], bit,
                                 __ATOMIC_SEQ_CST);

    } else {
        (void) __atomic_fetch_and(&remote->shared->waiting[slot / 64], ~bit,
                                  __ATOMIC_SEQ_CST);
    }
}


void
ngx_http_websocket_remote_fetched(ngx_http_websocket_remote_t *remote)
{
    ngx_queue_t                    *end, *q;
    ngx_http_websocket_fetching_t  *fetching;

    if (ngx_queue_empty(&remote->fetches)) {
        return;
    }

    /* fetches that are not reached now are first in the next turn */

    end = &remote->end;

    ngx_queue_insert_tail(&remote->fetches, end);
    ngx_http_websocket_turn_loop();

    for (q = ngx_queue_head(&remote->fetches);
         q != end;
         q = ngx_queue_head(&remote->fetches))
    {
        fetching = ngx_queue_data(q, ngx_http_websocket_fetching_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(&remote->fetches, q);

        if (ngx_http_websocket_fetch_is_done(fetching)) {
            ngx_http_websocket_fetch_done(fetching, NGX_OK);
        }

        if (ngx_http_websocket_turn_step(8)) {
            ngx_http_websocket_turn_next(&remote->fetched);
            break;
        }
    }

    ngx_queue_remove(end);

    if (ngx_queue_empty(&remote->fetches)) {
        ngx_http_websocket_fetch_wait(remote, 0);
    }
}


void
ngx_http_websocket_remote_fetched_event(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_websocket_remote_fetched(c->data);
}


static void
ngx_http_websocket_fetch_timeout(ngx_event_t *ev)
{
    ngx_http_websocket_fetching_t  *fetching;

    fetching = ngx_queue_data(ev, ngx_http_websocket_fetching_t, timer);

    ngx_http_websocket_fetch_done(fetching, NGX_HTTP_WEBSOCKET_FETCH_AWAY);
}


static void
ngx_http_websocket_fetch_done(ngx_http_websocket_fetching_t *fetching,
    ngx_int_t rc)
{
    ngx_queue_remove(&fetching->queue);

    if (ngx_queue_empty(&fetching->remote->fetches)) {
        ngx_http_websocket_fetch_wait(fetching->remote, 0);
    }

    if (fetching->timer.timer_set) {
        ngx_del_timer(&fetching->timer);
    }

    fetching->f.rc = rc;

    if (fetching->f.done) {
        fetching->f.done(&fetching->f);
    }

    ngx_free(fetching);
}
