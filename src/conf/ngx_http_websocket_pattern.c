
#include <ngx_config.h>
#include <ngx_core.h>

#include "conf/ngx_http_websocket_pattern.h"


#if (NGX_PCRE)


/* steps of one match: some 10 ns each, */
#define NGX_HTTP_WEBSOCKET_PATTERN_STEPS   100000

/* and bytes that they go past: less than a nanosecond each */
#define NGX_HTTP_WEBSOCKET_PATTERN_BYTES   5000000

/* texts up to 64 bytes, up to 256 ... */
#define NGX_HTTP_WEBSOCKET_PATTERN_SIZES   6

/* how many of these where a match may begin everywhere */
#define NGX_HTTP_WEBSOCKET_PATTERN_SHORT   4

/* steps of a message's matches before their time is measured */
#define NGX_HTTP_WEBSOCKET_PATTERN_FREE    100000

/* of the processor's time, that all of a message may take: microseconds */
#define NGX_HTTP_WEBSOCKET_PATTERN_TIME    2000


/*
 * PCRE counts the steps of a match, in each of which it may go past all of the
 * text: the longer the text, the fewer there may be.  It counts them anew from
 * each place where a match may begin: where that is everywhere, there are even
 * fewer from each, and the text must be short, for PCRE goes past it that
 * often in any case.
 */

typedef struct {
    ngx_regex_t  *regex[NGX_HTTP_WEBSOCKET_PATTERN_SIZES];
    ngx_uint_t    anchored;
} ngx_http_websocket_pattern_t;


/* the work of the patterns that the current message was matched against */

typedef struct {
    ngx_uint_t    steps;        /* the most work, as long as no time was
                                   measured */
    ngx_uint_t    measured;
    ngx_uint_t    over;
    uint64_t      processor;
    uint64_t      clock;
} ngx_http_websocket_patterns_t;


static ngx_regex_t *ngx_http_websocket_pattern_regex(ngx_pool_t *pool,
    const char *pattern, ngx_uint_t limit, char *error, size_t size);
static ngx_uint_t ngx_http_websocket_pattern_limit(
    ngx_http_websocket_pattern_t *pattern, ngx_uint_t i);
static ngx_uint_t ngx_http_websocket_pattern_anchored(const char *p);
static ngx_uint_t ngx_http_websocket_pattern_over(ngx_uint_t steps);
static uint64_t ngx_http_websocket_pattern_time(clockid_t clock);


static ngx_http_websocket_patterns_t  ngx_http_websocket_patterns;

static size_t  ngx_http_websocket_pattern_sizes[] = {
    64, 256, 1024, 2048, 16384, 65536
};




void *
ngx_http_websocket_pattern_compile(ngx_pool_t *pool, const char *text,
    char *error, size_t size)
{
    ngx_uint_t                     i, n;
    ngx_http_websocket_pattern_t  *pattern;

    /* as it stands, for the error's text */

    if (ngx_http_websocket_pattern_regex(pool, text, 0, error, size) == NULL) {
        return NULL;
    }

    pattern = ngx_pcalloc(pool, sizeof(ngx_http_websocket_pattern_t));

    if (pattern == NULL) {
        (void) ngx_snprintf((u_char *) error, size, "no memory%Z");
        return NULL;
    }

    pattern->anchored = ngx_http_websocket_pattern_anchored(text);

    n = pattern->anchored ? NGX_HTTP_WEBSOCKET_PATTERN_SIZES
                          : NGX_HTTP_WEBSOCKET_PATTERN_SHORT;

    for (i = 0; i < n; i++) {

        pattern->regex[i] = ngx_http_websocket_pattern_regex(pool, text,
                              ngx_http_websocket_pattern_limit(pattern, i),
                              error, size);

        if (pattern->regex[i] == NULL) {
            return NULL;
        }
    }

    return pattern;
}


/* code of PCRE's JIT compiler does not count the steps within a repetition */

static ngx_regex_t *
ngx_http_websocket_pattern_regex(ngx_pool_t *pool, const char *pattern,
    ngx_uint_t limit, char *error, size_t size)
{
    u_char               *p;
    size_t                n;
    ngx_regex_compile_t   rc;

    static const char     bounds[] =
#if (NGX_PCRE2)
                              "(*NO_JIT)(*LIMIT_HEAP=1024)"
#else
                              "(*LIMIT_RECURSION=2000)"
#endif
                              "(*LIMIT_MATCH=%ui)%s";

    n = ngx_strlen(pattern);

    p = ngx_pnalloc(pool, sizeof(bounds) + NGX_INT_T_LEN + n);
    if (p == NULL) {
        (void) ngx_snprintf((u_char *) error, size, "no memory%Z");
        return NULL;
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern.data = p;
    rc.pattern.len = (limit ? ngx_sprintf(p, bounds, limit, pattern)
                            : ngx_cpymem(p, pattern, n))
                     - p;
    rc.pattern.data[rc.pattern.len] = '\0';
    rc.pool = pool;
    rc.err.data = (u_char *) error;
    rc.err.len = size - 1;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        rc.err.data[rc.err.len] = '\0';
        return NULL;
    }

    return rc.regex;
}


static ngx_uint_t
ngx_http_websocket_pattern_limit(ngx_http_websocket_pattern_t *pattern,
    ngx_uint_t i)
{
    size_t  size;

    size = ngx_http_websocket_pattern_sizes[i];

    if (!pattern->anchored) {
        return NGX_HTTP_WEBSOCKET_PATTERN_STEPS / size + 10;
    }

    return ngx_min(NGX_HTTP_WEBSOCKET_PATTERN_STEPS,
                   NGX_HTTP_WEBSOCKET_PATTERN_BYTES / size + 20);
}


/* returns 1 when the pattern begins with "^" and so do all its alternatives */

static ngx_uint_t
ngx_http_websocket_pattern_anchored(const char *p)
{
    ngx_uint_t  depth, class;

    while (p[0] == '(' && p[1] == '*') {
        p += strcspn(p, ")");
        p += *p != '\0';
    }

    /* a class in a class hides where the outer one ends */

    if (p[0] != '^' || strchr("?*{", p[1]) || strstr(p, "[:")) {
        return 0;
    }

    for (depth = 0, class = 0; *p; p++) {

        if (p[0] == '\\' && p[1] != '\0') {

            /*
             * Text quoted by \Q is not parsed here: such a pattern counts as
             * not anchored.
             */

            if (p[1] == 'Q' || p[1] == 'E') {
                return 0;
            }

            p++;

        } else if (class) {
            class = p[0] != ']';

        } else if (p[0] == '[') {
            class = 1;
            p += p[1] == '^';
            p += p[1] == ']';

        } else if (p[0] == '(') {

            /* options change the meaning of what follows, comments hide it */

            if (p[1] == '?' && strchr(":=!<", p[2]) == NULL) {
                return 0;
            }

            depth++;

        } else if (p[0] == ')') {
            depth -= depth > 0;

        } else if (p[0] == '|' && depth == 0) {
            return 0;
        }
    }

    return 1;
}


void
ngx_http_websocket_pattern_begin(void)
{
    ngx_memzero(&ngx_http_websocket_patterns,
                sizeof(ngx_http_websocket_patterns_t));
}


int
ngx_http_websocket_pattern_match(void *data, const char *text, size_t size)
{
    ngx_http_websocket_pattern_t *pattern = data;

    ngx_int_t   n;
    ngx_str_t   s;
    ngx_uint_t  i, limit;

    for (i = 0; i < NGX_HTTP_WEBSOCKET_PATTERN_SIZES; i++) {
        if (size <= ngx_http_websocket_pattern_sizes[i]) {
            break;
        }
    }

    if (i == NGX_HTTP_WEBSOCKET_PATTERN_SIZES || pattern->regex[i] == NULL) {
        return -1;
    }

    limit = ngx_http_websocket_pattern_limit(pattern, i);

    if (ngx_http_websocket_pattern_over(pattern->anchored
                                        ? limit : limit * size))
    {
        return -1;
    }

    s.data = (u_char *) text;
    s.len = size;

    n = ngx_regex_exec(pattern->regex[i], &s, NULL, 0);

    if (n == NGX_REGEX_NO_MATCHED) {
        return 0;
    }

    return n >= 0 ? 1 : -1;
}


/*
 * Many texts, each within the bound, may take as long as one beyond it.  A
 * look at the clock is cheap; the processor's time is asked for only where
 * that has passed, for others may have run meanwhile.
 */

static ngx_uint_t
ngx_http_websocket_pattern_over(ngx_uint_t steps)
{
    uint64_t                        clock, processor;
    ngx_http_websocket_patterns_t  *spent;

    spent = &ngx_http_websocket_patterns;

    if (!spent->measured) {
        spent->steps += steps;

        if (spent->steps <= NGX_HTTP_WEBSOCKET_PATTERN_FREE) {
            return 0;
        }

        spent->measured = 1;
        spent->clock = ngx_http_websocket_pattern_time(CLOCK_MONOTONIC);
        spent->processor =
                      ngx_http_websocket_pattern_time(CLOCK_THREAD_CPUTIME_ID);
        return 0;
    }

    clock = ngx_http_websocket_pattern_time(CLOCK_MONOTONIC);

    if (spent->over
        || clock - spent->clock <= NGX_HTTP_WEBSOCKET_PATTERN_TIME)
    {
        return spent->over;
    }

    processor = ngx_http_websocket_pattern_time(CLOCK_THREAD_CPUTIME_ID)
                - spent->processor;

    spent->over = processor > NGX_HTTP_WEBSOCKET_PATTERN_TIME;
    spent->clock = clock - processor;

    return spent->over;
}


static uint64_t
ngx_http_websocket_pattern_time(clockid_t clock)
{
    struct timespec  ts;

    (void) clock_gettime(clock, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


#else /* !NGX_PCRE */


void *
ngx_http_websocket_pattern_compile(ngx_pool_t *pool, const char *text,
    char *error, size_t size)
{
    (void) ngx_snprintf((u_char *) error, size,
                        "needs regular expressions, and nginx was built "
                        "without PCRE%Z");
    return NULL;
}


void
ngx_http_websocket_pattern_begin(void)
{
    /* void */
}


int
ngx_http_websocket_pattern_match(void *data, const char *text, size_t size)
{
    return -1;
}


#endif /* NGX_PCRE */
