
/*
 * Origins.  The input is a pattern, an origin and a Host header, in lines;
 * the first byte says whether the request came by TLS and which are missing.
 * Held against texts: the origin is written out in full, in small letters
 * with its port, and so is what the pattern wants.
 */

#include <ctype.h>

#include "fuzz.h"
#include "auth/origin.c"


#define TEXT_SIZE  8192


static const char *
port_of(const char *scheme)
{
    return strcmp(scheme, "http") == 0 ? "80"
           : strcmp(scheme, "https") == 0 ? "443" : "";
}


/* HOST[:PORT] as HOST:PORT, with the port given if there is none */

static int
authority(const char *text, const char *port, char *full)
{
    size_t       n, digits;
    const char  *p;

    if (text[0] == '[') {
        n = 1 + strspn(text + 1, "abcdefghijklmnopqrstuvwxyz0123456789.:");

        if (n == 1 || text[n++] != ']') {
            return 0;
        }

    } else {
        n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-_");
    }

    if (n == 0) {
        return 0;
    }

    if (text[n]) {

        p = text + n + 1;
        digits = strspn(p, "0123456789");

        if (text[n] != ':' || digits == 0 || p[digits]) {
            return 0;
        }

        p += strspn(p, "0");
        digits = strlen(p);

        if (digits == 0 || digits > 5
            || (digits == 5 && strcmp(p, "65535") > 0))
        {
            return 0;
        }

        port = p;
    }

    sprintf(full, "%.*s:%s", (int) n, text, port);

    return 1;
}


/* SCHEME://AUTHORITY in full */

static int
origin_in_full(const char *text, char *scheme, char *full)
{
    size_t       n;
    const char  *p;

    p = strstr(text, "://");

    if (p == NULL || !islower((unsigned char) text[0])) {
        return 0;
    }

    n = (size_t) (p - text);

    if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789+-.") < n) {
        return 0;
    }

    sprintf(scheme, "%.*s", (int) n, text);

    return authority(p + 3, port_of(scheme), full);
}


static int
ends_with(const char *text, const char *end)
{
    return strlen(text) > strlen(end)
           && strcmp(text + strlen(text) - strlen(end), end) == 0;
}


/* [SCHEME://]*.AUTHORITY, where any is not 0 if it can be read at all */

static int
below(const char *pattern, const char *scheme, const char *full, int *any)
{
    char         wanted[TEXT_SIZE], text[TEXT_SIZE], end[TEXT_SIZE];
    const char  *star;

    star = strchr(pattern, '*');

    if (star > pattern) {

        sprintf(text, "%.*sx", (int) (star - pattern), pattern);

        if (!ends_with(text, "://x") || !origin_in_full(text, wanted, end))
        {
            *any = 0;
            return 0;
        }

    } else {
        strcpy(wanted, scheme);
    }

    end[0] = '.';

    *any = star[1] == '.' && star[2] != '['
           && authority(star + 2, port_of(wanted), end + 1);

    return *any && strcmp(wanted, scheme) == 0
           && (star > pattern || *port_of(scheme))
           && ends_with(full, end);
}


static int
model(const char *raw, const char *pattern, const char *origin, int null,
    const char *host, int https, int *valid)
{
    int    known, read, matches;
    char   scheme[TEXT_SIZE], full[TEXT_SIZE], other[TEXT_SIZE];

    known = 1;
    scheme[0] = full[0] = '\0';
    read = origin && origin_in_full(origin, scheme, full);

    *valid = 1;

    if (strcmp(raw, "any") == 0) {
        return 1;
    }

    if (strcmp(raw, "none") == 0) {
        return origin == NULL;
    }

    if (strcmp(raw, "null") == 0) {
        return null;
    }

    if (strcmp(raw, "same") == 0) {
        return read && *port_of(scheme) && !(https && scheme[4] == '\0')
               && host && authority(host, port_of(scheme), other)
               && strcmp(full, other) == 0;
    }

    if (strchr(pattern, '*')) {
        matches = below(pattern, scheme, full, &known);
        *valid = known;
        return read && matches;
    }

    *valid = origin_in_full(pattern, other, other + TEXT_SIZE / 2);

    return *valid && read && strcmp(other, scheme) == 0
           && strcmp(other + TEXT_SIZE / 2, full) == 0;
}


/* a line in memory of its own, in small letters; NUL ends the input */

static char *
line(const uint8_t *p, const uint8_t *last, int small)
{
    char           *text;
    size_t          n;
    const uint8_t  *end;

    for (end = p; end < last && *end != '\n'; end++) {
        /* void */
    }

    n = (size_t) (end - p);
    text = malloc(n + 1);
    fuzz_check(text != NULL);

    if (n) {
        memcpy(text, p, n);
    }

    text[n] = '\0';

    for (n = 0; small && text[n]; n++) {
        if (text[n] >= 'A' && text[n] <= 'Z') {
            text[n] = (char) (text[n] | 0x20);
        }
    }

    return text;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                      i, got, want, valid;
    char                    *text[3], *small[3];
    uint8_t                 *copy[3];
    const char              *error;
    const uint8_t           *last, *q;
    ngx_websocket_origin_t   pattern;

    if (n == 0 || n > 1024 || memchr(p, '\0', n) != NULL) {
        return 0;
    }

    last = p + n;
    q = p + 1;

    for (i = 0; i < 3; i++) {
        text[i] = line(q, last, 0);
        small[i] = line(q, last, 1);
        copy[i] = fuzz_copy((uint8_t *) text[i], strlen(text[i]));
        q += strlen(text[i]);
        q += q < last;
    }

    error = ngx_websocket_origin_parse(&pattern, copy[0], strlen(text[0]));

    want = model(text[0], small[0], *p & 2 ? NULL : small[1],
                 !(*p & 2) && strcmp(text[1], "null") == 0,
                 *p & 4 ? NULL : small[2], *p & 1, &valid);

    fuzz_check((error == NULL) == valid);

    if (error == NULL) {
        got = ngx_websocket_origin_match(&pattern, 1,
                                         *p & 2 ? NULL : copy[1],
                                         strlen(text[1]),
                                         *p & 4 ? NULL : copy[2],
                                         strlen(text[2]), *p & 1);
        fuzz_check(got == want);
    }

    for (i = 0; i < 3; i++) {
        free(text[i]);
        free(small[i]);
        free(copy[i]);
    }

    return 0;
}
