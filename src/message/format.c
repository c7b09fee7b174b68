
#include <stdint.h>
#include <string.h>

#include "message/format.h"


#define ngx_websocket_format_digit(c)  ((c) >= '0' && (c) <= '9')

#define ngx_websocket_format_alpha(c)                                         \
    (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')

#define ngx_websocket_format_hex(c)                                           \
    (ngx_websocket_format_digit(c)                                            \
     || (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'f'))


static int ngx_websocket_format_date_time(const char *text, size_t size);
static int ngx_websocket_format_shape(const char *text, const char *shape);
static int ngx_websocket_format_two(const char *text);
static int ngx_websocket_format_day(const char *text);
static int ngx_websocket_format_zone(const char *text, size_t size);
static int ngx_websocket_format_uri(const char *text, size_t size);
static const char *ngx_websocket_format_scheme(const char *p,
    const char *last);
static const char *ngx_websocket_format_host(const char *p, const char *last);
static int ngx_websocket_format_uri_rest(const char *p, const char *last);
static int ngx_websocket_format_uuid(const char *text, size_t size);
static int ngx_websocket_format_email(const char *text, size_t size);
static int ngx_websocket_format_words(const char *p, const char *last,
    const char *others);
static int ngx_websocket_format_labels(const char *p, const char *last);


const ngx_websocket_format_t *
ngx_websocket_format_find(const char *name)
{
    size_t  i;

    static const ngx_websocket_format_t  formats[] = {
        { "date-time", ngx_websocket_format_date_time },
        { "uri", ngx_websocket_format_uri },
        { "uuid", ngx_websocket_format_uuid },
        { "email", ngx_websocket_format_email }
    };

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {

        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }

    return NULL;
}


static int
ngx_websocket_format_date_time(const char *text, size_t size)
{
    const char  *p, *last;

    if (size < sizeof("0000-00-00T00:00:00Z") - 1
        || !ngx_websocket_format_shape(text, "0000-00-00T00:00:00")
        || !ngx_websocket_format_day(text)
        || ngx_websocket_format_two(text + 11) > 23
        || ngx_websocket_format_two(text + 14) > 59
        || ngx_websocket_format_two(text + 17) > 60)
    {
        return 0;
    }

    p = text + sizeof("0000-00-00T00:00:00") - 1;
    last = text + size;

    if (*p == '.') {

        for (p++; p < last && ngx_websocket_format_digit(*p); p++) {
            /* void */
        }

        if (p[-1] == '.') {
            return 0;
        }
    }

    return ngx_websocket_format_zone(p, (size_t) (last - p));
}


/* "0" in a shape is any digit, "T" also small */

static int
ngx_websocket_format_shape(const char *text, const char *shape)
{
    for ( /* void */ ; *shape; shape++, text++) {

        if (*shape == '0') {
            if (!ngx_websocket_format_digit(*text)) {
                return 0;
            }

        } else if (*text != *shape && !(*shape == 'T' && *text == 't')) {
            return 0;
        }
    }

    return 1;
}


static int
ngx_websocket_format_two(const char *text)
{
    return (text[0] - '0') * 10 + text[1] - '0';
}


static int
ngx_websocket_format_day(const char *text)
{
    int  year, month, day, days;

    static const int  lengths[] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    year = ngx_websocket_format_two(text) * 100
           + ngx_websocket_format_two(text + 2);
    month = ngx_websocket_format_two(text + 5);
    day = ngx_websocket_format_two(text + 8);

    if (month < 1 || month > 12) {
        return 0;
    }

    days = lengths[month - 1];

    if (month == 2 && year % 4 == 0 && (year % 100 || year % 400 == 0)) {
        days++;
    }

    return day >= 1 && day <= days;
}


static int
ngx_websocket_format_zone(const char *text, size_t size)
{
    if (size == 1) {
        return *text == 'Z' || *text == 'z';
    }

    return size == sizeof("+00:00") - 1
           && (*text == '+' || *text == '-')
           && ngx_websocket_format_shape(text + 1, "00:00")
           && ngx_websocket_format_two(text + 1) <= 23
           && ngx_websocket_format_two(text + 4) <= 59;
}


static int
ngx_websocket_format_uri(const char *text, size_t size)
{
    const char  *p, *last;

    last = text + size;
    p = ngx_websocket_format_scheme(text, last);

    if (p && last - p >= 2 && p[0] == '/' && p[1] == '/') {
        p = ngx_websocket_format_host(p + 2, last);
    }

    return p && ngx_websocket_format_uri_rest(p, last);
}


static const char *
ngx_websocket_format_scheme(const char *p, const char *last)
{
    const char  *begin;

    for (begin = p; p < last && *p != ':'; p++) {

        if (!ngx_websocket_format_alpha(*p)
            && (p == begin
                || (!ngx_websocket_format_digit(*p)
                    && (*p == '\0' || strchr("+-.", *p) == NULL))))
        {
            return NULL;
        }
    }

    return p < last && p > begin ? p + 1 : NULL;
}


/* past "[address]" and what may be before it; NULL: a stray bracket */

static const char *
ngx_websocket_format_host(const char *p, const char *last)
{
    const char  *begin, *open, *close;

    begin = p;

    while (p < last && *p != '/' && *p != '?' && *p != '#') {
        p++;
    }

    open = memchr(begin, '[', (size_t) (p - begin));

    if (open == NULL) {
        return begin;
    }

    close = memchr(open, ']', (size_t) (p - open));

    if (close == NULL || close - open < 3
        || (open > begin && open[-1] != '@')
        || !ngx_websocket_format_uri_rest(begin, open)
        || !ngx_websocket_format_uri_rest(open + 1, close)
        || (close + 1 < p && close[1] != ':'))
    {
        return NULL;
    }

    return close + 1;
}


/* characters that are reserved or not, escapes, and one "#" */

static int
ngx_websocket_format_uri_rest(const char *p, const char *last)
{
    int  fragment;

    for (fragment = 0; p < last; p++) {

        if (*p == '%') {

            if (last - p < 3 || !ngx_websocket_format_hex(p[1])
                || !ngx_websocket_format_hex(p[2]))
            {
                return 0;
            }

            p += 2;
            continue;
        }

        if (*p == '#' && fragment++) {
            return 0;
        }

        if (!ngx_websocket_format_alpha(*p) && !ngx_websocket_format_digit(*p)
            && (*p == '\0' || strchr("-._~:/?#@!$&'()*+,;=", *p) == NULL))
        {
            return 0;
        }
    }

    return 1;
}


static int
ngx_websocket_format_uuid(const char *text, size_t size)
{
    size_t       i;
    const char  *shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

    if (size != strlen(shape)) {
        return 0;
    }

    for (i = 0; i < size; i++) {

        if (shape[i] == '-' ? text[i] != '-'
                            : !ngx_websocket_format_hex(text[i]))
        {
            return 0;
        }
    }

    return 1;
}


static int
ngx_websocket_format_email(const char *text, size_t size)
{
    const char  *at;

    at = memchr(text, '@', size);

    return at && size <= 254 && at - text <= 64
           && ngx_websocket_format_words(text, at, "!#$%&'*+-/=?^_`{|}~")
           && ngx_websocket_format_words(at + 1, text + size, "-")
           && ngx_websocket_format_labels(at + 1, text + size);
}


/* words of letters, digits and others, with single dots between them */

static int
ngx_websocket_format_words(const char *p, const char *last, const char *others)
{
    char  before;

    for (before = '.'; p < last; p++) {

        if (*p == '.') {
            if (before == '.') {
                return 0;
            }

        } else if (!ngx_websocket_format_alpha(*p)
                   && !ngx_websocket_format_digit(*p)
                   && (unsigned char) *p < 0x80
                   && (*p == '\0' || strchr(others, *p) == NULL))
        {
            return 0;
        }

        before = *p;
    }

    return before != '.';
}


/* a name's labels, none empty: up to 63 bytes, no "-" at either end */

static int
ngx_websocket_format_labels(const char *p, const char *last)
{
    const char  *dot;

    for ( ;; ) {

        dot = memchr(p, '.', (size_t) (last - p));

        if (dot == NULL) {
            dot = last;
        }

        if (dot - p > 63 || *p == '-' || dot[-1] == '-') {
            return 0;
        }

        if (dot == last) {
            return 1;
        }

        p = dot + 1;
    }
}
