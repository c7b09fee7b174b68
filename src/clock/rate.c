
#include "clock/rate.h"


static const char *ngx_websocket_rate_number(uint32_t *n, const uint8_t **pp,
    const uint8_t *last, int bytes);
static const char *ngx_websocket_rate_period(uint32_t *period,
    const uint8_t *p, const uint8_t *last);
static uint32_t ngx_websocket_rate_wait(
    const ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, int64_t lacks);
static void ngx_websocket_rate_refill(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t now);


const char *
ngx_websocket_rate_parse(ngx_websocket_rate_t *rate, const uint8_t *text,
    size_t size, int bytes)
{
    uint64_t        burst;
    const char     *error;
    const uint8_t  *p, *last;

    p = text;
    last = text + size;

    error = ngx_websocket_rate_number(&rate->count, &p, last, bytes);

    if (error) {
        return error;
    }

    if (p == last || *p != '/') {
        return "a rate is a number, \"/\" and a time, as in 10/s";
    }

    error = ngx_websocket_rate_period(&rate->period, p + 1, last);

    if (error) {
        return error;
    }

    burst = (uint64_t) rate->count * 1000 / rate->period;

    rate->burst = burst == 0 ? 1
                  : burst > NGX_WEBSOCKET_RATE_MAX ? NGX_WEBSOCKET_RATE_MAX
                  : (uint32_t) burst;

    return NULL;
}


const char *
ngx_websocket_rate_parse_burst(ngx_websocket_rate_t *rate,
    const uint8_t *text, size_t size, int bytes)
{
    const char     *error;
    const uint8_t  *p;

    p = text;
    error = ngx_websocket_rate_number(&rate->burst, &p, text + size, bytes);

    if (error == NULL && p != text + size) {
        return "a burst is a number";
    }

    return error;
}


/* digits, and then perhaps k, m or g */

static const char *
ngx_websocket_rate_number(uint32_t *n, const uint8_t **pp,
    const uint8_t *last, int bytes)
{
    int             shift;
    uint64_t        value;
    const uint8_t  *p;

    value = 0;

    for (p = *pp; p < last && *p >= '0' && *p <= '9'; p++) {

        if (value <= NGX_WEBSOCKET_RATE_MAX) {
            value = value * 10 + (*p - '0');
        }
    }

    if (p == *pp) {
        return "a rate begins with a number";
    }

    if (p < last && *p != '/') {

        shift = (*p | 0x20) == 'k' ? 10 : (*p | 0x20) == 'm' ? 20
                : (*p | 0x20) == 'g' ? 30 : 0;

        if (shift == 0) {
            return "a rate is a number, perhaps with k, m or g, \"/\" and a "
                   "time, as in 10/s";
        }

        if (!bytes) {
            return "messages and errors are numbers without a unit";
        }

        value <<= shift;
        p++;
    }

    if (value == 0 || value > NGX_WEBSOCKET_RATE_MAX) {
        return "a number is not from 1 to 1g";
    }

    *n = (uint32_t) value;
    *pp = p;

    return NULL;
}


/* perhaps digits, and then ms, s, m, h or d */

static const char *
ngx_websocket_rate_period(uint32_t *period, const uint8_t *p,
    const uint8_t *last)
{
    uint64_t        n, unit;
    const uint8_t  *digits;

    n = 0;

    for (digits = p; p < last && *p >= '0' && *p <= '9'; p++) {

        if (n <= NGX_WEBSOCKET_RATE_PERIOD) {
            n = n * 10 + (*p - '0');
        }
    }

    if (p == digits) {
        n = 1;
    }

    if (last - p == 2 && p[0] == 'm' && p[1] == 's') {
        unit = 1;

    } else if (last - p != 1) {
        unit = 0;

    } else {
        unit = *p == 's' ? 1000 : *p == 'm' ? 60000
               : *p == 'h' ? 3600000 : *p == 'd' ? 86400000 : 0;
    }

    if (unit == 0) {
        return "the time of a rate ends with ms, s, m, h or d";
    }

    if (n == 0 || n * unit > NGX_WEBSOCKET_RATE_PERIOD) {
        return "the time of a rate is not from 1ms to 1d";
    }

    *period = (uint32_t) (n * unit);

    return NULL;
}


void
ngx_websocket_rate_init(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t now)
{
    bucket->level = (int32_t) rate->burst;
    bucket->rest = 0;
    bucket->time = now;
}


uint32_t
ngx_websocket_rate_take(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t n, uint32_t now)
{
    int64_t  lacks;

    ngx_websocket_rate_refill(bucket, rate, now);

    /* the level stays above -NGX_WEBSOCKET_RATE_MAX */

    if (n > NGX_WEBSOCKET_RATE_MAX) {
        n = NGX_WEBSOCKET_RATE_MAX;
    }

    lacks = (int64_t) (n < rate->burst ? n : rate->burst) - bucket->level;

    if (lacks <= 0) {
        bucket->level -= (int32_t) n;
        return 0;
    }

    return ngx_websocket_rate_wait(bucket, rate, lacks);
}


uint32_t
ngx_websocket_rate_charge(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t n, uint32_t now)
{
    int64_t  level;

    ngx_websocket_rate_refill(bucket, rate, now);

    level = (int64_t) bucket->level - n;

    bucket->level = level < -(int64_t) NGX_WEBSOCKET_RATE_MAX
                    ? -(int32_t) NGX_WEBSOCKET_RATE_MAX : (int32_t) level;

    return bucket->level > 0
           ? 0 : ngx_websocket_rate_wait(bucket, rate,
                                         1 - (int64_t) bucket->level);
}


/* until there are so many more than the level: lacks is above 0 */

static uint32_t
ngx_websocket_rate_wait(const ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, int64_t lacks)
{
    uint64_t  wait;

    /* below 2^31 * 2^27: rounded up, for a little less is not enough */

    wait = ((uint64_t) lacks * rate->period - bucket->rest + rate->count - 1)
           / rate->count;

    return wait < INT32_MAX ? (uint32_t) wait : INT32_MAX;
}


static void
ngx_websocket_rate_refill(ngx_websocket_rate_bucket_t *bucket,
    const ngx_websocket_rate_t *rate, uint32_t now)
{
    uint32_t  elapsed;
    uint64_t  gain;

    elapsed = now - bucket->time;
    bucket->time = now;

    if (elapsed > INT32_MAX) {
        return;
    }

    /* below 2^31 * 2^30 + 2^27 */

    gain = (uint64_t) elapsed * rate->count + bucket->rest;

    bucket->rest = (uint32_t) (gain % rate->period);
    gain /= rate->period;

    if (gain >= (uint64_t) ((int64_t) rate->burst - bucket->level)) {
        bucket->level = (int32_t) rate->burst;
        bucket->rest = 0;
        return;
    }

    bucket->level += (int32_t) gain;
}


int
ngx_websocket_rate_error(ngx_websocket_rate_errors_t *errors,
    const ngx_websocket_rate_t *rate, uint32_t now)
{
    if (errors->count == 0 || now - errors->begin >= rate->period) {
        errors->begin = now;
        errors->count = 0;
    }

    if (errors->count <= rate->count) {
        errors->count++;
    }

    return errors->count > rate->count;
}
