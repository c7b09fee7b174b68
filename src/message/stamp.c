
#include <stdio.h>
#include <string.h>

#include "message/scan.h"
#include "message/stamp.h"
#include "wire/utf8.h"


#define NGX_WEBSOCKET_STAMP_LAST  UINT64_C(253402300799999) /* of year 9999 */


static void ngx_websocket_stamp_fields(const ngx_websocket_stamp_t *stamp,
    ngx_websocket_json_text_t *text);
static int ngx_websocket_stamp_name(const ngx_websocket_stamp_t *stamp,
    ngx_websocket_stamp_field_e field, ngx_websocket_json_text_t *text);
static void ngx_websocket_stamp_string(ngx_websocket_json_text_t *text,
    const char *data, size_t size);
static size_t ngx_websocket_stamp_whole(const char *data, size_t size);
static char *ngx_websocket_stamp_digits(char *p, uint32_t n, int digits);
static int ngx_websocket_stamp_members(ngx_websocket_scan_t *scan,
    const ngx_websocket_stamp_name_t *names, ngx_websocket_json_text_t *text);
static int ngx_websocket_stamp_own(const ngx_websocket_stamp_name_t *names,
    const char *p, const char *last);
static int ngx_websocket_stamp_same(const ngx_websocket_stamp_name_t *own,
    const char *name, size_t size);
static uint32_t ngx_websocket_stamp_character(const char **p);
static uint32_t ngx_websocket_stamp_hex(const char *p);


ngx_websocket_json_e
ngx_websocket_stamp(const char *message, size_t size,
    const ngx_websocket_stamp_t *stamp, ngx_websocket_json_text_t *text,
    size_t *number, ngx_websocket_json_error_t *error)
{
    ngx_websocket_scan_t  scan;

    ngx_websocket_scan_init(&scan, message, size);
    ngx_websocket_scan_space(&scan);

    if (!ngx_websocket_scan_char(&scan, '{')) {
        return ngx_websocket_json_refuse(error, NULL,
                                         "expected a JSON object");
    }

    ngx_websocket_json_append(text, "{", 1);

    *number = ngx_websocket_stamp_name(stamp, NGX_WEBSOCKET_STAMP_SEQUENCE,
                                       text)
              ? text->size : 0;

    ngx_websocket_stamp_fields(stamp, text);

    if (!ngx_websocket_stamp_members(&scan, stamp->names, text)) {
        return ngx_websocket_json_refuse(error, NULL,
                                         scan.deep
                                         ? "nested too deep, at byte %zu"
                                         : "invalid JSON at byte %zu",
                                         (size_t) (scan.p - message));
    }

    ngx_websocket_json_append(text, "}", 1);

    return text->failed ? NGX_WEBSOCKET_JSON_NO_MEMORY
                        : NGX_WEBSOCKET_JSON_OK;
}


static void
ngx_websocket_stamp_fields(const ngx_websocket_stamp_t *stamp,
    ngx_websocket_json_text_t *text)
{
    int   i, n;
    char  time[NGX_WEBSOCKET_STAMP_TIME_SIZE], length[24];

    if (ngx_websocket_stamp_name(stamp, NGX_WEBSOCKET_STAMP_FROM, text)) {

        if (stamp->from) {
            ngx_websocket_stamp_string(text, stamp->from, stamp->from_size);

        } else {
            ngx_websocket_json_append(text, "null", 4);
        }
    }

    for (i = NGX_WEBSOCKET_STAMP_TIME; i <= NGX_WEBSOCKET_STAMP_TIME_3; i++) {

        if (ngx_websocket_stamp_name(stamp, i, text)) {
            ngx_websocket_stamp_time(time, stamp->time);
            ngx_websocket_json_append_string(text, time, sizeof(time));
        }
    }

    if (ngx_websocket_stamp_name(stamp, NGX_WEBSOCKET_STAMP_CHANNEL, text)) {
        ngx_websocket_stamp_string(text, stamp->channel, stamp->channel_size);
    }

    if (ngx_websocket_stamp_name(stamp, NGX_WEBSOCKET_STAMP_LENGTH, text)) {
        n = stamp->length < 0
            ? snprintf(length, sizeof(length), "null")
            : snprintf(length, sizeof(length), "%lld",
                       (long long) stamp->length);
        ngx_websocket_json_append(text, length, (size_t) n);
    }
}


/*
 * The field's name, behind a comma unless it is the object's first.  Returns 0
 * when the field is not said.
 */

static int
ngx_websocket_stamp_name(const ngx_websocket_stamp_t *stamp,
    ngx_websocket_stamp_field_e field, ngx_websocket_json_text_t *text)
{
    const ngx_websocket_stamp_name_t  *name;

    name = &stamp->names[field];

    if (name->size == 0) {
        return 0;
    }

    if (text->size && text->data[text->size - 1] != '{') {
        ngx_websocket_json_append(text, ",", 1);
    }

    ngx_websocket_json_append_string(text, name->data, name->size);
    ngx_websocket_json_append(text, ":", 1);

    return 1;
}


static void
ngx_websocket_stamp_string(ngx_websocket_json_text_t *text, const char *data,
    size_t size)
{
    size_t  n;

    ngx_websocket_json_append(text, "\"", 1);

    for ( /* void */ ; size; data += n, size -= n) {

        n = ngx_websocket_stamp_whole(data, size);

        if (n) {
            ngx_websocket_json_append_escaped(text, data, n);

        } else {
            ngx_websocket_json_append(text, "\xef\xbf\xbd", 3);
            n = 1;
        }
    }

    ngx_websocket_json_append(text, "\"", 1);
}


/* the size of the character there, 0: it is none that may be in a message */

static size_t
ngx_websocket_stamp_whole(const char *data, size_t size)
{
    size_t                n;
    ngx_websocket_utf8_t  utf8;

    utf8 = 0;

    for (n = 0; n < size && data[n]; ) {

        if (ngx_websocket_utf8(&utf8, (const uint8_t *) data + n, 1) != 0) {
            return 0;
        }

        n++;

        if (utf8 == 0) {
            return n;
        }
    }

    return 0;
}


void
ngx_websocket_stamp_time(char *buf, uint64_t time)
{
    uint32_t  days, ms, era, day, year, month;

    if (time > NGX_WEBSOCKET_STAMP_LAST) {
        time = NGX_WEBSOCKET_STAMP_LAST;
    }

    ms = (uint32_t) (time % 86400000);

    /* years that begin in March, of 400-year eras: a leap day is the last */

    days = (uint32_t) (time / 86400000) + 719468;
    era = days / 146097;
    day = days % 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= year * 365 + year / 4 - year / 100;
    month = (day * 5 + 2) / 153;
    day -= (month * 153 + 2) / 5;

    year += era * 400 + (month >= 10);
    month = month < 10 ? month + 3 : month - 9;

    buf = ngx_websocket_stamp_digits(buf, year, 4);
    *buf++ = '-';
    buf = ngx_websocket_stamp_digits(buf, month, 2);
    *buf++ = '-';
    buf = ngx_websocket_stamp_digits(buf, day + 1, 2);
    *buf++ = 'T';
    buf = ngx_websocket_stamp_digits(buf, ms / 3600000, 2);
    *buf++ = ':';
    buf = ngx_websocket_stamp_digits(buf, ms / 60000 % 60, 2);
    *buf++ = ':';
    buf = ngx_websocket_stamp_digits(buf, ms / 1000 % 60, 2);
    *buf++ = '.';
    buf = ngx_websocket_stamp_digits(buf, ms % 1000, 3);
    *buf = 'Z';
}


static char *
ngx_websocket_stamp_digits(char *p, uint32_t n, int digits)
{
    int  i;

    for (i = digits; i-- > 0; n /= 10) {
        p[i] = (char) ('0' + n % 10);
    }

    return p + digits;
}


/*
 * copies the client's members, from behind "{" on, without those that the stamp
 * has
 */

static int
ngx_websocket_stamp_members(ngx_websocket_scan_t *scan,
    const ngx_websocket_stamp_name_t *names, ngx_websocket_json_text_t *text)
{
    const char  *member, *name;

    ngx_websocket_scan_space(scan);

    if (!ngx_websocket_scan_char(scan, '}')) {

        do {
            ngx_websocket_scan_space(scan);

            member = scan->p;

            if (!ngx_websocket_scan_string(scan)) {
                return 0;
            }

            name = scan->p;

            if (!ngx_websocket_scan_colon(scan)
                || !ngx_websocket_scan_value(scan))
            {
                return 0;
            }

            if (!ngx_websocket_stamp_own(names, member + 1, name - 1)) {

                if (text->size && text->data[text->size - 1] != '{') {
                    ngx_websocket_json_append(text, ",", 1);
                }

                ngx_websocket_json_append(text, member,
                                          (size_t) (scan->p - member));
            }

            ngx_websocket_scan_space(scan);

        } while (ngx_websocket_scan_char(scan, ','));

        if (!ngx_websocket_scan_char(scan, '}')) {
            return 0;
        }
    }

    ngx_websocket_scan_space(scan);

    return scan->p == scan->last;
}


/* not 0 when the name, the inside of a string, is one of the fields' */

static int
ngx_websocket_stamp_own(const ngx_websocket_stamp_name_t *names,
    const char *p, const char *last)
{
    char      name[NGX_WEBSOCKET_STAMP_NAME_SIZE];
    size_t    i, n;
    uint32_t  c;

    for (n = 0; p < last; n++) {

        c = ngx_websocket_stamp_character(&p);

        if (c > 0x7f || n == sizeof(name)) {
            return 0;
        }

        name[n] = (char) c;
    }

    for (i = 0; n && i < NGX_WEBSOCKET_STAMP_FIELDS; i++) {

        if (ngx_websocket_stamp_same(&names[i], name, n)) {
            return 1;
        }
    }

    return 0;
}


/* a name in small letters, and the field's in any */

static int
ngx_websocket_stamp_same(const ngx_websocket_stamp_name_t *own,
    const char *name, size_t size)
{
    size_t  i;

    if (own->size != size) {
        return 0;
    }

    for (i = 0; i < size; i++) {

        if ((own->data[i] >= 'A' && own->data[i] <= 'Z'
             ? own->data[i] | 0x20 : own->data[i])
            != name[i])
        {
            return 0;
        }
    }

    return 1;
}


/* the next character of a string, small; 0x80 and more: not of a name */

static uint32_t
ngx_websocket_stamp_character(const char **p)
{
    uint32_t  c;

    c = (uint8_t) *(*p)++;

    if (c == '\\') {
        c = (uint8_t) *(*p)++;

        if (c != 'u') {
            return 0x80;
        }

        c = ngx_websocket_stamp_hex(*p);
        *p += 4;

    } else if (c >= 0xc0 && c < 0xe0) {
        c = (c & 0x1f) << 6 | (*(*p)++ & 0x3f);

    } else if (c >= 0xe0 && c < 0xf0) {
        c = (c & 0x0f) << 12 | ((*p)[0] & 0x3f) << 6 | ((*p)[1] & 0x3f);
        *p += 2;
    }

    switch (c) {

    /* these have a letter of ASCII in the other case */

    case 0x130:     /* with a dot */
    case 0x131:     /* without */
        return 'i';

    case 0x17f:     /* long */
        return 's';

    case 0x212a:    /* Kelvin */
        return 'k';

    default:
        return c >= 'A' && c <= 'Z' ? c | 0x20 : c;
    }
}


static uint32_t
ngx_websocket_stamp_hex(const char *p)
{
    int       i;
    uint32_t  n;

    for (i = 0, n = 0; i < 4; i++) {
        n = n << 4 | (uint32_t) (p[i] <= '9' ? p[i] - '0'
                                             : (p[i] | 0x20) - 'a' + 10);
    }

    return n;
}
