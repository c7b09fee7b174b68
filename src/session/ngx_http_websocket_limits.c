
#include <ngx_sha1.h>

#include "session/ngx_http_websocket_limits.h"
#include "clock/rate.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_read.h"
#include "session/ngx_http_websocket_subscription.h"


/* what is counted and measured of a session: made when it is first needed */

struct ngx_http_websocket_limits_s {
    ngx_websocket_store_quota_t  *quotas;
    ngx_websocket_rate_bucket_t  *buckets;  /* one for each websocket_rate */
    ngx_websocket_rate_bucket_t   pings;
    ngx_websocket_rate_errors_t   errors;
    uint32_t                      refused;
    uint16_t                      nquotas;
    uint8_t                       left;     /* 1: the session has gone */
    ngx_http_websocket_zone_t    *zone;     /* of the quotas */
    ngx_http_websocket_waiter_t   debt;     /* to give them back */
};


static ngx_http_websocket_limits_t *ngx_http_websocket_limits_alloc(
    ngx_http_websocket_session_t *s, ngx_uint_t nquotas);
static ngx_int_t ngx_http_websocket_limits_acquire(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r,
    ngx_array_t *sessions);
static ngx_int_t ngx_http_websocket_limits_release(
    ngx_http_websocket_waiter_t *debt);
static void ngx_http_websocket_quota_name(
    ngx_http_websocket_max_sessions_t *max, ngx_str_t *key, u_char *name);
static ngx_http_websocket_limited_e ngx_http_websocket_limits_drop(
    ngx_http_websocket_session_t *s, ngx_http_websocket_max_rate_t *max);


/*
 * A Ping after a silence that is long enough for it is not counted, so that
 * sessions that ping now and then need no memory for that.  How long the
 * session that is being read was silent, unless a Ping has used this up
 * already.
 */

static uint32_t  ngx_http_websocket_silence;


ngx_int_t
ngx_http_websocket_limits_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_uint_t quotas)
{
    ngx_uint_t                         nquotas;
    ngx_http_websocket_limits_conf_t  *conf;

    conf = &s->conf->limits;
    nquotas = conf->sessions && quotas ? conf->sessions->nelts : 0;

    if (nquotas == 0
        && (conf->rates == NULL
            || ngx_http_websocket_protocol_of(s)->receive == NULL))
    {
        return NGX_OK;
    }

    if (ngx_http_websocket_limits_alloc(s, nquotas) == NULL) {
        return NGX_ERROR;
    }

    return nquotas ? ngx_http_websocket_limits_acquire(s, r, conf->sessions)
                  : NGX_OK;
}


static ngx_http_websocket_limits_t *
ngx_http_websocket_limits_alloc(ngx_http_websocket_session_t *s,
    ngx_uint_t nquotas)
{
    size_t                             size;
    ngx_uint_t                         i, n;
    ngx_http_websocket_time_t          now;
    ngx_http_websocket_limits_t       *limits;
    ngx_http_websocket_max_rate_t     *max;
    ngx_http_websocket_limits_conf_t  *conf;

    conf = &s->conf->limits;
    n = conf->rates ? conf->rates->nelts : 0;

    size = sizeof(ngx_http_websocket_limits_t)
           + nquotas * sizeof(ngx_websocket_store_quota_t)
           + n * sizeof(ngx_websocket_rate_bucket_t);

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NULL;
    }

    limits = ngx_calloc(size, s->connection->log);
    if (limits == NULL) {
        return NULL;
    }

    limits->quotas = (ngx_websocket_store_quota_t *) &limits[1];
    limits->buckets = (ngx_websocket_rate_bucket_t *) &limits->quotas[nquotas];

    now = ngx_http_websocket_now();

    for (i = 0; i < n; i++) {
        max = conf->rates->elts;
        ngx_websocket_rate_init(&limits->buckets[i], &max[i].rate, now);
    }

    if (conf->pings) {
        ngx_websocket_rate_init(&limits->pings, conf->pings, now);
    }

    s->record->aside->limits = limits;

    return limits;
}


static ngx_int_t
ngx_http_websocket_limits_acquire(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_array_t *sessions)
{
    int                                 rc;
    size_t                              n;
    ngx_str_t                           key;
    ngx_uint_t                          i;
    ngx_http_websocket_limits_t        *limits;
    ngx_websocket_store_quota_key_t    *row;
    ngx_websocket_store_quota_key_t     rows[NGX_HTTP_WEBSOCKET_LIMITS];
    ngx_http_websocket_max_sessions_t  *max;

    n = 0;
    max = sessions->elts;

    for (i = 0; i < sessions->nelts; i++) {

        ngx_str_null(&key);

        if (max[i].text.len) {

            if (ngx_http_complex_value(r, &max[i].key, &key) != NGX_OK) {
                return NGX_ERROR;
            }

            if (key.len == 0) {
                continue;
            }
        }

        row = &rows[n++];

        ngx_http_websocket_quota_name(&max[i], &key, row->name);
        row->max = (uint32_t) max[i].max;
    }

    limits = s->record->aside->limits;

    rc = ngx_http_websocket_zone_quota_acquire(s->conf->zone, rows, n,
                                               limits->quotas);

    if (rc == NGX_WEBSOCKET_STORE_FULL) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                      "websocket session refused: as many are there as may "
                      "be");
        return NGX_HTTP_WEBSOCKET_ROOM_LIMIT;
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_HTTP_WEBSOCKET_ROOM_STUCK
                                              : NGX_HTTP_WEBSOCKET_ROOM_FULL;
    }

    limits->zone = s->conf->zone;
    limits->nquotas = n;

    return NGX_OK;
}


/* the same for all workers, of all configurations */

static void
ngx_http_websocket_quota_name(ngx_http_websocket_max_sessions_t *max,
    ngx_str_t *key, u_char *name)
{
    ngx_sha1_t  sha1;

    ngx_sha1_init(&sha1);
    ngx_sha1_update(&sha1, max->text.data, max->text.len);
    ngx_sha1_update(&sha1, "", 1);
    ngx_sha1_update(&sha1, key->data, key->len);
    ngx_sha1_final(name, &sha1);
}


void
ngx_http_websocket_limits_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_limits_t  *limits;

    limits = s->record->aside->limits;

    if (limits == NULL || limits->nquotas == 0 || limits->debt.queue.next) {
        return;
    }

    limits->debt.handler = ngx_http_websocket_limits_release;

    if (ngx_http_websocket_limits_release(&limits->debt) != NGX_OK) {
        ngx_http_websocket_owe(limits->zone, &limits->debt);
    }
}


static ngx_int_t
ngx_http_websocket_limits_release(ngx_http_websocket_waiter_t *debt)
{
    ngx_http_websocket_limits_t  *limits;

    limits = ngx_queue_data(debt, ngx_http_websocket_limits_t, debt);

    if (ngx_http_websocket_zone_quota_release(limits->zone, limits->quotas,
                                              limits->nquotas)
        != NGX_OK)
    {
        return NGX_BUSY;
    }

    limits->nquotas = 0;

    if (limits->left) {
        ngx_free(limits);
    }

    return NGX_OK;
}


void
ngx_http_websocket_limits_free(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_limits_t  *limits;

    limits = s->record->aside->limits;

    if (limits == NULL) {
        return;
    }

    s->record->aside->limits = NULL;

    /* the quotas may still have to be given back */

    limits->left = 1;

    if (limits->nquotas == 0) {
        ngx_free(limits);
    }
}


/*
 * action=delay: the message has come, and is taken.  The account is overdrawn,
 * and no message is read before it is even.
 */

ngx_http_websocket_limited_e
ngx_http_websocket_limits_message(ngx_http_websocket_session_t *s, size_t size)
{
    uint32_t                        n, now, wait;
    ngx_uint_t                      i;
    ngx_array_t                    *rates;
    ngx_http_websocket_limited_e    rc;
    ngx_http_websocket_max_rate_t  *max;
    ngx_websocket_rate_bucket_t    *bucket;

    rc = NGX_HTTP_WEBSOCKET_LIMITED_TAKEN;
    rates = s->conf->limits.rates;
    now = ngx_http_websocket_now();
    max = rates->elts;
    bucket = s->record->aside->limits->buckets;

    for (i = 0; i < rates->nelts; i++) {

        n = max[i].bytes ? (uint32_t) size : 1;

        if (max[i].excess == NGX_HTTP_WEBSOCKET_DELAY) {
            wait = ngx_websocket_rate_charge(&bucket[i], &max[i].rate, n, now);

            if (wait
                && ngx_http_websocket_session_pause_for(s, wait) != NGX_OK)
            {
                ngx_http_websocket_session_fail(s,
                                             NGX_HTTP_WEBSOCKET_REASON_MEMORY);
                return NGX_HTTP_WEBSOCKET_LIMITED_CLOSED;
            }

            continue;
        }

        if (rc == NGX_HTTP_WEBSOCKET_LIMITED_TAKEN
            && ngx_websocket_rate_take(&bucket[i], &max[i].rate, n, now))
        {
            rc = ngx_http_websocket_limits_drop(s, &max[i]);
        }

        if (rc == NGX_HTTP_WEBSOCKET_LIMITED_CLOSED) {
            break;
        }
    }

    return rc;
}


static ngx_http_websocket_limited_e
ngx_http_websocket_limits_drop(ngx_http_websocket_session_t *s,
    ngx_http_websocket_max_rate_t *max)
{
    if (max->excess == NGX_HTTP_WEBSOCKET_CLOSE) {
        ngx_http_websocket_session_fail(s, max->bytes
                                     ? NGX_HTTP_WEBSOCKET_REASON_BYTES
                                     : NGX_HTTP_WEBSOCKET_REASON_MESSAGES);
        return NGX_HTTP_WEBSOCKET_LIMITED_CLOSED;
    }

    s->record->aside->limits->refused++;
    s->conf->stats->refused++;

    return ngx_http_websocket_session_error(s) == NGX_OK
           ? NGX_HTTP_WEBSOCKET_LIMITED_DROPPED
           : NGX_HTTP_WEBSOCKET_LIMITED_CLOSED;
}


void
ngx_http_websocket_limits_heard(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_silence = ngx_http_websocket_now() - s->heard;
}


ngx_int_t
ngx_http_websocket_limits_ping(ngx_http_websocket_session_t *s)
{
    ngx_websocket_rate_t         *rate;
    ngx_http_websocket_limits_t  *limits;

    rate = s->conf->limits.pings;

    if (rate == NULL || s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    limits = s->record->aside->limits;

    if (limits == NULL
        && (uint64_t) ngx_http_websocket_silence * rate->count >= rate->period)
    {
        ngx_http_websocket_silence = 0;
        return NGX_OK;
    }

    if (limits == NULL) {
        limits = ngx_http_websocket_limits_alloc(s, 0);
    }

    if (limits == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    if (ngx_websocket_rate_take(&limits->pings, rate, 1,
                                ngx_http_websocket_now())
        == 0)
    {
        return NGX_OK;
    }

    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_PINGS);
    return NGX_DONE;
}


ngx_int_t
ngx_http_websocket_session_error(ngx_http_websocket_session_t *s)
{
    ngx_websocket_rate_t         *rate;
    ngx_http_websocket_limits_t  *limits;

    rate = s->conf->limits.errors;

    if (rate == NULL) {
        return NGX_OK;
    }

    limits = s->record->aside->limits;

    if (limits == NULL) {
        limits = ngx_http_websocket_limits_alloc(s, 0);
    }

    /* without memory this error is not counted */

    if (limits == NULL
        || !ngx_websocket_rate_error(&limits->errors, rate,
                                     ngx_http_websocket_now()))
    {
        return NGX_OK;
    }

    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_ERRORS);
    return NGX_DONE;
}


uint32_t
ngx_http_websocket_limits_refused(ngx_http_websocket_session_t *s)
{
    return s->record->aside->limits ? s->record->aside->limits->refused : 0;
}


void
ngx_http_websocket_limits_flood(ngx_http_websocket_session_t *s)
{
    ngx_str_t   channel;
    ngx_uint_t  crowded;

    if (s->conf->echo || s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return;
    }

    ngx_http_websocket_session_channel(s, &channel);

    crowded = ngx_http_websocket_zone_crowded(s->conf->zone, &channel);

    if (crowded == 0 || ngx_http_websocket_session_is_paused(s)
        || ngx_http_websocket_session_pause_for(s, NGX_HTTP_WEBSOCKET_MOMENT)
           != NGX_OK)
    {
        return;
    }

    if (crowded == 1) {

        /*
         * this worker is the one that has yet to read them: at the end of this
         * turn, and in later ones
         */

        (void) ngx_http_websocket_session_pause(s,
                                            NGX_HTTP_WEBSOCKET_PAUSE_TURN);
        ngx_http_websocket_hub_flooded(s->conf->zone);
        ngx_post_event(s->connection->read, &ngx_posted_next_events);
    }
}
