
/*
 * How much one session may send: a token bucket, and a counter of errors.
 * Integers only; the state is small and zeros, and the limits stand once in
 * the configuration.
 *
 * now is in milliseconds and may wrap at 2^32.  A clock that goes back gives
 * nothing.  A session that is silent for more than 24 days may get less than
 * it has earned, never more.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_RATE_H
#define NGX_WEBSOCKET_RATE_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_RATE_MAX     1073741824u  /* messages or bytes: 1g */
#define NGX_WEBSOCKET_RATE_PERIOD  86400000u    /* the longest: a day */


/* count in each period of so many milliseconds, at most burst at once */

typedef struct {
    uint32_t       count;
    uint32_t       period;
    uint32_t       burst;
} ngx_websocket_rate_t;


/* the level is below 0 after a message that is larger than the burst */

typedef struct {
    int32_t        level;
    uint32_t       rest;              /* of one more, in 1/period */
    uint32_t       time;
} ngx_websocket_rate_bucket_t;


typedef struct {
    uint32_t       begin;
    uint32_t       count;             /* 0: none yet */
} ngx_websocket_rate_errors_t;


/*
 * Reads N[k|m|g]/[T]UNIT: "10/s", "600/m", "64k/s", "5/30s"; UNIT is ms, s,
 * m, h or d, and T is 1 if it is left out.  bytes not 0 allows k, m and g.
 * The burst becomes what a second brings, at least 1.  Returns NULL or a
 * constant text that says what is wrong.
 */
const char *ngx_websocket_rate_parse(ngx_websocket_rate_t *rate,
    const uint8_t *text, size_t size, int bytes);

/* Reads a burst, a number from 1 on, as above. */
const char *ngx_websocket_rate_parse_burst(ngx_websocket_rate_t *rate,
    const uint8_t *text, size_t size, int bytes);

/* Fills the bucket. */
void ngx_websocket_rate_init(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t now);

/*
 * Takes n, or nothing.  Returns 0, or the milliseconds after which the same
 * call takes it, or INT32_MAX if they are more.  More than the burst is taken
 * from a full bucket, and those who come next wait until it is paid for.
 */
uint32_t ngx_websocket_rate_take(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t n, uint32_t now);

/*
 * Takes n in any case: the level may be below 0 then, down to
 * -NGX_WEBSOCKET_RATE_MAX.  Returns the milliseconds after which it is above 0
 * again, or INT32_MAX if they are more.
 */
uint32_t ngx_websocket_rate_charge(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t n, uint32_t now);

/*
 * Counts an error.  Returns not 0 when it is one more than rate->count since
 * the first, which is forgotten after rate->period.
 */
int ngx_websocket_rate_error(ngx_websocket_rate_errors_t *errors,
    const ngx_websocket_rate_t *rate, uint32_t now);


#endif /* NGX_WEBSOCKET_RATE_H */
