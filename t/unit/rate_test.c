
/*
 * Token buckets against an account in exact fractions, at any place of a
 * clock of 32 bits; the counter of errors; and how rates are written.
 */


#include "unit.h"
#include "clock/rate.c"


static ngx_websocket_rate_t
rate_of(const char *text, int bytes)
{
    uint8_t               *p;
    const char            *error;
    ngx_websocket_rate_t   rate = { 0, 0, 0 };

    p = unit_guarded(strlen(text));
    memcpy(p, text, strlen(text));

    error = ngx_websocket_rate_parse(&rate, p, strlen(text), bytes);

    if (error) {
        unit_ok(0, "%s: %s", text, error);
    }

    unit_unguard(p, strlen(text));

    return rate;
}


static void
reads(const char *text, int bytes, uint32_t count, uint32_t period,
    uint32_t burst)
{
    ngx_websocket_rate_t  rate;

    rate = rate_of(text, bytes);

    unit_ok(rate.count == count && rate.period == period
            && rate.burst == burst, "%s: %u in %u ms, burst %u", text,
            rate.count, rate.period, rate.burst);
}


static void
wrong(const char *text, int bytes, const char *part)
{
    uint8_t               *p;
    const char            *error;
    ngx_websocket_rate_t   rate;

    p = unit_guarded(strlen(text));
    memcpy(p, text, strlen(text));

    error = ngx_websocket_rate_parse(&rate, p, strlen(text), bytes);

    unit_ok(error && strstr(error, part), "no rate: \"%s\": %s", text,
            error ? error : "taken");

    unit_unguard(p, strlen(text));
}


static void
test_parse(void)
{
    reads("10/s", 0, 10, 1000, 10);
    reads("600/m", 0, 600, 60000, 10);
    reads("1/s", 0, 1, 1000, 1);
    reads("30/m", 0, 30, 60000, 1);
    reads("5/30s", 0, 5, 30000, 1);
    reads("10/100ms", 0, 10, 100, 100);
    reads("100/h", 0, 100, 3600000, 1);
    reads("1/d", 0, 1, 86400000, 1);
    reads("24/24h", 0, 24, 86400000, 1);
    reads("0010/01s", 0, 10, 1000, 10);
    reads("64k/s", 1, 65536, 1000, 65536);
    reads("64K/s", 1, 65536, 1000, 65536);
    reads("2m/m", 1, 2 << 20, 60000, (2 << 20) / 60);
    reads("1g/s", 1, 1 << 30, 1000, 1 << 30);
    reads("1g/ms", 1, 1 << 30, 1, 1 << 30);
    reads("1073741824/s", 0, 1 << 30, 1000, 1 << 30);

    wrong("", 1, "begins with");
    wrong("/s", 1, "begins with");
    wrong("-1/s", 1, "begins with");
    wrong("k/s", 1, "begins with");
    wrong("10", 0, "\"/\"");
    wrong("10k", 1, "\"/\"");
    wrong("10kb/s", 1, "\"/\"");
    wrong("10 /s", 0, "a rate is a number");
    wrong("1.5/s", 0, "a rate is a number");
    wrong("10t/s", 1, "a rate is a number");
    wrong("64k/s", 0, "without");
    wrong("0/s", 0, "1g");
    wrong("0k/s", 1, "1g");
    wrong("1073741825/s", 0, "1g");
    wrong("2g/s", 1, "1g");
    wrong("1025m/s", 1, "1g");
    wrong("4294967306/s", 0, "1g");
    wrong("18446744073709551626/s", 0, "1g");
    wrong("18446744073709551616k/s", 1, "1g");
    wrong("10/", 0, "ends with");
    wrong("10/5", 0, "ends with");
    wrong("10/sec", 0, "ends with");
    wrong("10/M", 0, "ends with");
    wrong("10/mss", 0, "ends with");
    wrong("10/w", 0, "ends with");
    wrong("10/s ", 0, "ends with");
    wrong("10/0s", 0, "1ms to 1d");
    wrong("10/2d", 0, "1ms to 1d");
    wrong("10/86401s", 0, "1ms to 1d");
    wrong("10/18446744073709551617s", 0, "1ms to 1d");
}


static void
test_parse_burst(void)
{
    size_t                 i;
    const char            *error;
    ngx_websocket_rate_t   rate;

    static const struct {
        const char  *text;
        int          bytes;
        uint32_t     burst;           /* 0: wrong */
    } cases[] = {
        { "1", 0, 1 }, { "20", 0, 20 }, { "128k", 1, 131072 },
        { "128k", 0, 0 }, { "0", 0, 0 }, { "", 0, 0 }, { "10/s", 0, 0 },
        { "10x", 1, 0 }, { "10kk", 1, 0 }, { "2g", 1, 0 }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {

        rate.burst = 0;
        error = ngx_websocket_rate_parse_burst(&rate,
                                               (uint8_t *) cases[i].text,
                                               strlen(cases[i].text),
                                               cases[i].bytes);

        unit_ok(cases[i].burst ? error == NULL && rate.burst == cases[i].burst
                               : error != NULL,
                "burst \"%s\": %s", cases[i].text, error ? error : "ok");
    }
}


static void
test_take(uint32_t now)
{
    int                           i, taken;
    uint32_t                      wait;
    ngx_websocket_rate_t          rate;
    ngx_websocket_rate_bucket_t   bucket;

    rate = rate_of("10/s", 0);
    ngx_websocket_rate_init(&bucket, &rate, now);

    for (taken = 0, i = 0; i < 20; i++) {
        taken += ngx_websocket_rate_take(&bucket, &rate, 1, now) == 0;
    }

    unit_ok(taken == 10, "at %x: a burst of 10: %d", now, taken);

    wait = ngx_websocket_rate_take(&bucket, &rate, 1, now);
    unit_ok(wait == 100, "at %x: then one in 100 ms: %u", now, wait);

    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 1, now + 99) == 1,
            "at %x: 1 ms too early", now);
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 1, now + 100) == 0,
            "at %x: on time", now);
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 3, now + 150) == 250,
            "at %x: three take longer", now);
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 1, now + 140) != 0,
            "at %x: a clock that goes back gives nothing", now);

    (void) ngx_websocket_rate_take(&bucket, &rate, 0, now + 100000);
    unit_ok(bucket.level == 10, "at %x: full is full", now);

    /* 35 of a burst of 10: paid for with 25 */

    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 35, now + 100000) == 0,
            "at %x: more than the burst from a full bucket", now);
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 1, now + 100000) == 2600,
            "at %x: the next one waits for it", now);
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 35, now + 103499) == 1,
            "at %x: more than the burst waits until it is full", now);
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 35, now + 103500) == 0,
            "at %x: and is taken", now);
}


/* exact: what was earned, in 1/period, never above the burst */

static void
test_model(uint64_t seed)
{
    int                           i, wrong, waited;
    int64_t                       level, burst;
    uint32_t                      n, now, step, wait, want;
    ngx_websocket_rate_t          rate;
    ngx_websocket_rate_bucket_t   bucket;

    rate.count = 1 + unit_random(&seed) % (seed & 1 ? 20 : 1 << 30);
    rate.period = 1 + unit_random(&seed) % (seed & 1 ? 1000 : 86400000);
    rate.burst = 1 + unit_random(&seed) % (seed & 1 ? 50 : 1 << 30);
    now = unit_random(&seed) * 2;

    ngx_websocket_rate_init(&bucket, &rate, now);

    burst = (int64_t) rate.burst * rate.period;
    level = burst;
    wrong = 0;
    waited = 0;
    wait = 0;

    for (i = 0; i < 20000; i++) {

        step = unit_random(&seed) % 4 == 0 ? wait
               : unit_random(&seed) % 3 ? unit_random(&seed) % 2000
               : unit_random(&seed) % 100000;

        now += step;
        level += (int64_t) step * rate.count;
        level = level < burst ? level : burst;

        n = unit_random(&seed) % 3 ? unit_random(&seed) % rate.burst
            : unit_random(&seed) % (seed & 2 ? 100 : 1u << 30);

        want = n < rate.burst ? n : rate.burst;

        wait = ngx_websocket_rate_take(&bucket, &rate, n, now);

        if ((int64_t) want * rate.period <= level) {
            wrong += wait != 0;
            level -= (int64_t) n * rate.period;

        } else {
            waited++;
            wrong += wait == 0;

            /* the least that is enough */

            wrong += wait != INT32_MAX
                     && (level + (int64_t) wait * rate.count
                             < (int64_t) want * rate.period
                         || level + (int64_t) (wait - 1) * rate.count
                                >= (int64_t) want * rate.period);
        }
    }

    unit_ok(wrong == 0 && waited > 0,
            "%u in %u ms, burst %u: %d of 20000 wait", rate.count,
            rate.period, rate.burst, waited);
}


/* what is taken in any case: the account may be overdrawn */

static void
test_charge(uint32_t now)
{
    uint64_t                      seed;
    uint32_t                      i, sum, wait;
    ngx_websocket_rate_t          rate;
    ngx_websocket_rate_bucket_t   bucket;

    rate = rate_of("10/s", 0);
    rate.burst = 3;
    ngx_websocket_rate_init(&bucket, &rate, now);

    unit_ok(ngx_websocket_rate_charge(&bucket, &rate, 1, now) == 0
            && ngx_websocket_rate_charge(&bucket, &rate, 1, now) == 0
            && ngx_websocket_rate_charge(&bucket, &rate, 1, now) == 100,
            "at %x: after the burst the next one waits", now);
    unit_ok(ngx_websocket_rate_charge(&bucket, &rate, 24, now) == 2500
            && bucket.level == -24, "at %x: overdrawn", now);
    unit_ok(ngx_websocket_rate_charge(&bucket, &rate, 0, now + 2499) == 1
            && ngx_websocket_rate_charge(&bucket, &rate, 0, now + 2500) == 0,
            "at %x: and even", now);

    /* whoever waits as told gets what the rate says, and the burst */

    seed = now;
    sum = 0;
    ngx_websocket_rate_init(&bucket, &rate, now);

    for (i = 0; i < 100000; /* void */ ) {
        wait = ngx_websocket_rate_charge(&bucket, &rate, 1, now + i);
        sum++;
        i += wait ? wait + unit_random(&seed) % 100 : 0;
    }

    unit_ok(sum >= 990 && sum <= 1003, "at %x: %u in 100 s", now, sum);

    bucket.level = 0;
    (void) ngx_websocket_rate_charge(&bucket, &rate, UINT32_MAX, bucket.time);
    (void) ngx_websocket_rate_charge(&bucket, &rate, UINT32_MAX, bucket.time);

    unit_ok(bucket.level == -(1 << 30), "at %x: the lowest level", now);
}


static void
test_extremes(void)
{
    ngx_websocket_rate_t          rate = { 1, 86400000, 1 << 30 };
    ngx_websocket_rate_bucket_t   bucket;

    unit_ok(sizeof(bucket) <= 12 && sizeof(ngx_websocket_rate_errors_t) <= 8,
            "small states");

    ngx_websocket_rate_init(&bucket, &rate, 0);

    unit_ok(ngx_websocket_rate_take(&bucket, &rate, UINT32_MAX, 0) == 0
            && bucket.level == 0, "all there is, at most 1g");
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, UINT32_MAX, 0)
            == INT32_MAX, "the longest wait");

    rate.count = 1 << 30;
    rate.period = 1;

    unit_ok(ngx_websocket_rate_take(&bucket, &rate, UINT32_MAX, INT32_MAX)
            == 0, "the fastest, after the longest silence");

    rate.burst = 1;
    bucket.level = 1;

    unit_ok(ngx_websocket_rate_take(&bucket, &rate, UINT32_MAX, INT32_MAX)
            == 0 && bucket.level == 1 - (1 << 30), "the lowest level");
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 1, INT32_MAX) == 1,
            "which is paid for at once");

    /* 25 days of silence look like a clock that went back */

    rate.count = rate.period = 1000;
    rate.burst = 10;
    ngx_websocket_rate_init(&bucket, &rate, 0);
    (void) ngx_websocket_rate_take(&bucket, &rate, 10, 0);

    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 5, 0x80000001u) == 5,
            "nothing for 25 days");
    unit_ok(ngx_websocket_rate_take(&bucket, &rate, 5, 0x80000006u) == 0,
            "but for what follows");
}


static void
test_errors(uint32_t now)
{
    ngx_websocket_rate_t         rate;
    ngx_websocket_rate_errors_t  errors = { 0, 0 };

    rate = rate_of("3/10s", 0);

    unit_ok(!ngx_websocket_rate_error(&errors, &rate, now)
            && !ngx_websocket_rate_error(&errors, &rate, now + 1)
            && !ngx_websocket_rate_error(&errors, &rate, now + 9998),
            "at %x: three errors in 10 s", now);
    unit_ok(ngx_websocket_rate_error(&errors, &rate, now + 9999),
            "at %x: the fourth", now);
    unit_ok(ngx_websocket_rate_error(&errors, &rate, now + 9999),
            "at %x: the fifth", now);
    unit_ok(!ngx_websocket_rate_error(&errors, &rate, now + 10000)
            && errors.count == 1, "at %x: one after 10 s", now);

    rate.count = 1 << 30;
    errors.count = 1 << 30;

    unit_ok(ngx_websocket_rate_error(&errors, &rate, now + 10000)
            && ngx_websocket_rate_error(&errors, &rate, now + 10000)
            && errors.count == (1 << 30) + 1, "at %x: the most", now);
}


int
main(void)
{
    uint64_t  seed;

    test_parse();
    test_parse_burst();

    test_take(0);
    test_take(0x7fffffff);
    test_take(0xffffffff);
    test_take(0xffffff00);

    test_charge(0);
    test_charge(0xffffff00);

    for (seed = 1; seed <= 40; seed++) {
        test_model(seed);
    }

    test_extremes();
    test_errors(0);
    test_errors(0xffffe000);

    return unit_done();
}
