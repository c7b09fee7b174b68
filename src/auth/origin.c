
#include <string.h>
#include <strings.h>

#include "auth/origin.h"


#define NGX_WEBSOCKET_ORIGIN_HTTP   80
#define NGX_WEBSOCKET_ORIGIN_HTTPS  443


static const char *ngx_websocket_origin_below(ngx_websocket_origin_t *pattern,
    const uint8_t *p, const uint8_t *last);
static const char *ngx_websocket_origin_read(ngx_websocket_origin_t *origin,
    const uint8_t *p, const uint8_t *last);
static const uint8_t *ngx_websocket_origin_scheme(const uint8_t *p,
    const uint8_t *last);
static const char *ngx_websocket_origin_authority(
    ngx_websocket_origin_t *origin, const uint8_t *p, const uint8_t *last);
static const char *ngx_websocket_origin_port(uint32_t *port,
    const uint8_t *p, const uint8_t *last);
static int ngx_websocket_origin_digit(uint8_t c);
static int ngx_websocket_origin_letter(uint8_t c);
static uint32_t ngx_websocket_origin_default(const uint8_t *scheme,
    size_t size);
static int ngx_websocket_origin_is(const uint8_t *a, size_t size,
    const uint8_t *b, size_t n);
static int ngx_websocket_origin_one(const ngx_websocket_origin_t *pattern,
    const ngx_websocket_origin_t *origin, const ngx_websocket_origin_t *host,
    int https);
static int ngx_websocket_origin_is_below(const ngx_websocket_origin_t *pattern,
    const ngx_websocket_origin_t *origin);


const char *
ngx_websocket_origin_parse(ngx_websocket_origin_t *pattern,
    const uint8_t *text, size_t size)
{
    size_t          i;
    const uint8_t  *star;

    static const struct {
        const char               *name;
        ngx_websocket_origin_e    kind;
    } words[] = {
        { "any", NGX_WEBSOCKET_ORIGIN_ANY },
        { "none", NGX_WEBSOCKET_ORIGIN_NONE },
        { "null", NGX_WEBSOCKET_ORIGIN_NULL },
        { "same", NGX_WEBSOCKET_ORIGIN_SAME },
    };

    memset(pattern, 0, sizeof(ngx_websocket_origin_t));

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (size == strlen(words[i].name)
            && memcmp(text, words[i].name, size) == 0)
        {
            pattern->kind = words[i].kind;
            return NULL;
        }
    }

    star = size ? memchr(text, '*', size) : NULL;

    if (star) {
        return ngx_websocket_origin_below(pattern, text, text + size);
    }

    return ngx_websocket_origin_read(pattern, text, text + size);
}


/* [SCHEME://]*.HOST[:PORT], and there is a star */

static const char *
ngx_websocket_origin_below(ngx_websocket_origin_t *pattern, const uint8_t *p,
    const uint8_t *last)
{
    const char     *error;
    const uint8_t  *end;

    pattern->kind = NGX_WEBSOCKET_ORIGIN_BELOW;

    end = ngx_websocket_origin_scheme(p, last);

    if (end) {
        pattern->scheme = p;
        pattern->scheme_size = (size_t) (end - p);
        p = end + 3;
    }

    if (last - p < 3 || p[0] != '*' || p[1] != '.' || p[2] == '['
        || memchr(p + 2, '*', (size_t) (last - p - 2)))
    {
        return "a star stands only at the beginning of a host, as in "
               "https://*.example.com; all origins are \"any\"";
    }

    error = ngx_websocket_origin_authority(pattern, p + 2, last);

    if (error) {
        return error;
    }

    pattern->host--;
    pattern->host_size++;

    if (pattern->port == 0 && end) {
        pattern->port = ngx_websocket_origin_default(pattern->scheme,
                                                     pattern->scheme_size);
    }

    return NULL;
}


static const char *
ngx_websocket_origin_read(ngx_websocket_origin_t *origin, const uint8_t *p,
    const uint8_t *last)
{
    const char     *error;
    const uint8_t  *end;

    end = ngx_websocket_origin_scheme(p, last);

    if (end == NULL) {
        return "an origin begins with a scheme, as in https://example.com";
    }

    origin->scheme = p;
    origin->scheme_size = (size_t) (end - p);

    error = ngx_websocket_origin_authority(origin, end + 3, last);

    if (error == NULL && origin->port == 0) {
        origin->port = ngx_websocket_origin_default(origin->scheme,
                                                    origin->scheme_size);
    }

    return error;
}


/* returns the end of the scheme, where "://" stands */

static const uint8_t *
ngx_websocket_origin_scheme(const uint8_t *p, const uint8_t *last)
{
    const uint8_t  *begin;

    begin = p;

    while (p < last
           && (ngx_websocket_origin_letter(*p)
               || (p > begin && (ngx_websocket_origin_digit(*p) || *p == '+'
                                 || *p == '-' || *p == '.'))))
    {
        p++;
    }

    if (p == begin || last - p < 3 || memcmp(p, "://", 3) != 0) {
        return NULL;
    }

    return p;
}


/* HOST[:PORT] to the end; an address of IPv6 stands in brackets */

static const char *
ngx_websocket_origin_authority(ngx_websocket_origin_t *origin,
    const uint8_t *p, const uint8_t *last)
{
    int  brackets;

    origin->host = p;
    brackets = p < last && *p == '[';

    for (p += brackets; p < last; p++) {

        if (ngx_websocket_origin_letter(*p) || ngx_websocket_origin_digit(*p)
            || *p == '.')
        {
            continue;
        }

        if (brackets ? *p != ':' : *p != '-' && *p != '_') {
            break;
        }
    }

    if (brackets) {

        if (p == last || *p != ']') {
            return "an address in brackets has no end";
        }

        p++;
    }

    origin->host_size = (size_t) (p - origin->host);

    if (origin->host_size <= 2 * (size_t) brackets) {
        return "an origin has no host";
    }

    if (p == last) {
        return NULL;
    }

    if (*p != ':') {
        return "an origin is a scheme, a host and perhaps a port: "
               "https://example.com:8443";
    }

    return ngx_websocket_origin_port(&origin->port, p + 1, last);
}


static const char *
ngx_websocket_origin_port(uint32_t *port, const uint8_t *p,
    const uint8_t *last)
{
    uint32_t  n;

    n = 0;

    for ( /* void */ ; p < last && n <= 65535; p++) {

        if (!ngx_websocket_origin_digit(*p)) {
            n = 0;
            break;
        }

        n = n * 10 + (*p - '0');
    }

    if (n == 0 || n > 65535) {
        return "a port is a number from 1 to 65535";
    }

    *port = n;

    return NULL;
}


static int
ngx_websocket_origin_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}


static int
ngx_websocket_origin_letter(uint8_t c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}


static uint32_t
ngx_websocket_origin_default(const uint8_t *scheme, size_t size)
{
    if (ngx_websocket_origin_is(scheme, size, (uint8_t *) "https", 5)) {
        return NGX_WEBSOCKET_ORIGIN_HTTPS;
    }

    if (ngx_websocket_origin_is(scheme, size, (uint8_t *) "http", 4)) {
        return NGX_WEBSOCKET_ORIGIN_HTTP;
    }

    return 0;
}


static int
ngx_websocket_origin_is(const uint8_t *a, size_t size, const uint8_t *b,
    size_t n)
{
    return size == n
           && (n == 0
               || strncasecmp((const char *) a, (const char *) b, n) == 0);
}


int
ngx_websocket_origin_match(const ngx_websocket_origin_t *patterns, size_t n,
    const uint8_t *origin, size_t origin_size, const uint8_t *host,
    size_t host_size, int https)
{
    size_t                  i;
    ngx_websocket_origin_t  page, request;

    memset(&page, 0, sizeof(ngx_websocket_origin_t));
    memset(&request, 0, sizeof(ngx_websocket_origin_t));

    /* an origin that cannot be parsed matches "any" alone */

    if (origin == NULL) {
        page.kind = NGX_WEBSOCKET_ORIGIN_NONE;

    } else if (origin_size == 4 && memcmp(origin, "null", 4) == 0) {
        page.kind = NGX_WEBSOCKET_ORIGIN_NULL;

    } else if (ngx_websocket_origin_read(&page, origin, origin + origin_size)
               != NULL)
    {
        page.kind = NGX_WEBSOCKET_ORIGIN_ANY;
    }

    if (host == NULL
        || ngx_websocket_origin_authority(&request, host, host + host_size)
           != NULL)
    {
        request.kind = NGX_WEBSOCKET_ORIGIN_NONE;
    }

    for (i = 0; i < n; i++) {
        if (ngx_websocket_origin_one(&patterns[i], &page, &request, https)) {
            return 1;
        }
    }

    return 0;
}


static int
ngx_websocket_origin_one(const ngx_websocket_origin_t *pattern,
    const ngx_websocket_origin_t *origin, const ngx_websocket_origin_t *host,
    int https)
{
    uint32_t  port;

    if (pattern->kind == NGX_WEBSOCKET_ORIGIN_ANY) {
        return 1;
    }

    if (origin->kind != NGX_WEBSOCKET_ORIGIN_EXACT) {
        return pattern->kind == origin->kind;
    }

    switch (pattern->kind) {

    case NGX_WEBSOCKET_ORIGIN_EXACT:
        return pattern->port == origin->port
               && ngx_websocket_origin_is(pattern->scheme,
                                          pattern->scheme_size,
                                          origin->scheme, origin->scheme_size)
               && ngx_websocket_origin_is(pattern->host, pattern->host_size,
                                          origin->host, origin->host_size);

    case NGX_WEBSOCKET_ORIGIN_BELOW:
        return ngx_websocket_origin_is_below(pattern, origin);

    case NGX_WEBSOCKET_ORIGIN_SAME:

        port = ngx_websocket_origin_default(origin->scheme,
                                            origin->scheme_size);

        /* other schemes have no default port */

        if (port == 0 || host->kind != NGX_WEBSOCKET_ORIGIN_EXACT
            || (https && port != NGX_WEBSOCKET_ORIGIN_HTTPS))
        {
            return 0;
        }

        return origin->port == (host->port ? host->port : port)
               && ngx_websocket_origin_is(host->host, host->host_size,
                                          origin->host, origin->host_size);

    default:
        return 0;
    }
}


static int
ngx_websocket_origin_is_below(const ngx_websocket_origin_t *pattern,
    const ngx_websocket_origin_t *origin)
{
    size_t    n;
    uint32_t  port;

    port = ngx_websocket_origin_default(origin->scheme, origin->scheme_size);

    if (pattern->scheme_size) {

        if (!ngx_websocket_origin_is(pattern->scheme, pattern->scheme_size,
                                     origin->scheme, origin->scheme_size))
        {
            return 0;
        }

        port = pattern->port;

    } else if (port == 0) {
        return 0;

    } else if (pattern->port) {
        port = pattern->port;
    }

    if (origin->port != port || origin->host_size <= pattern->host_size) {
        return 0;
    }

    n = origin->host_size - pattern->host_size;

    return ngx_websocket_origin_is(pattern->host, pattern->host_size,
                                   origin->host + n, pattern->host_size);
}
