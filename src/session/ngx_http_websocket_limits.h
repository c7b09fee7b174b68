
/*
 * How much a session may do: it sits on quotas that are counted across all
 * workers, and what it sends is measured.
 */


#ifndef NGX_HTTP_WEBSOCKET_LIMITS_H
#define NGX_HTTP_WEBSOCKET_LIMITS_H


#include "session/ngx_http_websocket_session.h"
#include "session/rate.h"


typedef struct ngx_http_websocket_held_s  ngx_http_websocket_held_t;


/* what is counted and measured of a session: made when it is first needed */

struct ngx_http_websocket_limits_s {
    ngx_websocket_store_quota_t  *quotas;
    ngx_websocket_rate_bucket_t  *buckets;  /* one for each websocket_rate */
    u_char                       *rest;     /* of what has come, or NULL */
    size_t                        size;     /* of it */
    ngx_http_websocket_time_t     until;    /* it waits */
    ngx_websocket_rate_bucket_t   pings;
    ngx_websocket_rate_errors_t   errors;
    uint32_t                      refused;
    uint16_t                      nquotas;
    uint8_t                       waits;    /* nothing is read of it */
    uint8_t                       turn;     /* until all is delivered here */
    uint8_t                       behind;   /* the rest waits for its turn */
    uint8_t                       left;     /* the session has gone */
    ngx_http_websocket_held_t    *held;     /* NULL: no message waits */
    ngx_http_websocket_zone_t    *zone;     /* of the quotas */
    ngx_http_websocket_waiter_t   debt;     /* to give them back */
};


/*
 * Takes the quotas that the location asks for, all or none, or with quotas 0
 * none in any case.  Returns NGX_OK;
 * NGX_BUSY when there are as many sessions as there may be, NGX_DECLINED when
 * the zone is full, NGX_AGAIN when it is stuck, NGX_ERROR when memory was
 * refused.
 */
ngx_int_t ngx_http_websocket_limits_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_uint_t quotas);

/* Gives the quotas back. */
void ngx_http_websocket_limits_end(ngx_http_websocket_session_t *s);

/* Frees what was kept of the session. */
void ngx_http_websocket_limits_free(ngx_http_websocket_session_t *s);

/*
 * Measures a message of the client, where the location has rates.  Returns
 * NGX_OK when it is to be taken, NGX_DECLINED when it is dropped, NGX_DONE
 * when the session began to close.  The session may wait from then on.
 */
ngx_int_t ngx_http_websocket_limits_message(ngx_http_websocket_session_t *s,
    size_t size);

/* Bytes came, and s->heard still says when the last ones did. */
void ngx_http_websocket_limits_heard(ngx_http_websocket_session_t *s);

/*
 * Measures a Ping or Pong of the client.  Returns NGX_OK, or NGX_DONE when the
 * session began to close.
 */
ngx_int_t ngx_http_websocket_limits_ping(ngx_http_websocket_session_t *s);

/*
 * Whoever refuses a client something, but lets the session live, says so: an
 * error that is one too many closes the session.  Returns NGX_OK, or NGX_DONE
 * when the session began to close.
 */
ngx_int_t ngx_http_websocket_session_error(ngx_http_websocket_session_t *s);

/* The messages that were dropped. */
uint32_t ngx_http_websocket_limits_refused(ngx_http_websocket_session_t *s);

/*
 * The session has published many messages: it waits a moment where others
 * have yet to read a large part of what the zone can hold.
 */
void ngx_http_websocket_limits_flood(ngx_http_websocket_session_t *s);

/*
 * What the session asked for is dear: nothing more is read of it for a moment.
 * Without memory it goes on.
 */
void ngx_http_websocket_limits_pause(ngx_http_websocket_session_t *s);

/*
 * Nothing more is read of the session until it resumes: sets *until to when
 * that would be without this.  Returns NGX_OK, or NGX_ERROR when memory was
 * refused.
 */
ngx_int_t ngx_http_websocket_limits_stop(ngx_http_websocket_session_t *s,
    ngx_http_websocket_time_t *until);

/* It resumes then, or at once. */
void ngx_http_websocket_limits_go(ngx_http_websocket_session_t *s,
    ngx_http_websocket_time_t until);

/*
 * What has come and is not to be looked at before the session has waited, or
 * had its turn.  Returns NGX_OK, or NGX_DONE when the session began to fail.
 */
ngx_int_t ngx_http_websocket_limits_keep(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);

/*
 * Gives it back, of a session that has limits, to be freed: sets *size.
 * Returns NULL where there is nothing, or the session still waits.
 */
u_char *ngx_http_websocket_limits_rest(ngx_http_websocket_session_t *s,
    size_t *size);

/* Ends the waiting: the session's reading goes on. */
void ngx_http_websocket_limits_resume(ngx_http_websocket_session_t *s);


/* Is nothing to be read of the session for now? */

static ngx_inline ngx_uint_t
ngx_http_websocket_limits_waits(ngx_http_websocket_session_t *s)
{
    return s->limited && s->record->aside->limits->waits;
}


#endif /* NGX_HTTP_WEBSOCKET_LIMITS_H */
