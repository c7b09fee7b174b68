
#include <string.h>

#include "message/scan.h"


/* what comes next */

typedef enum {
    NGX_WEBSOCKET_SCAN_WRONG = 0,
    NGX_WEBSOCKET_SCAN_VALUE,           /* another value must come */
    NGX_WEBSOCKET_SCAN_WHOLE            /* one ends here */
} ngx_websocket_scan_e;


static int ngx_websocket_scan_begin(ngx_websocket_scan_t *scan);
static int ngx_websocket_scan_behind(ngx_websocket_scan_t *scan);
static int ngx_websocket_scan_name(ngx_websocket_scan_t *scan);
static int ngx_websocket_scan_scalar(ngx_websocket_scan_t *scan);
static int ngx_websocket_scan_escape(ngx_websocket_scan_t *scan);
static int ngx_websocket_scan_number(ngx_websocket_scan_t *scan);
static int ngx_websocket_scan_digits(ngx_websocket_scan_t *scan);
static int ngx_websocket_scan_word(ngx_websocket_scan_t *scan,
    const char *word);


void
ngx_websocket_scan_init(ngx_websocket_scan_t *scan, const char *text,
    size_t size)
{
    scan->p = text;
    scan->last = text + size;
    scan->depth = 0;
    scan->deepest = NGX_WEBSOCKET_JSON_DEPTH - 1;
    scan->deep = 0;
    scan->objects = scan->few;
}


void
ngx_websocket_scan_space(ngx_websocket_scan_t *scan)
{
    while (scan->p < scan->last
           && (*scan->p == ' ' || *scan->p == '\t' || *scan->p == '\n'
               || *scan->p == '\r'))
    {
        scan->p++;
    }
}


int
ngx_websocket_scan_char(ngx_websocket_scan_t *scan, char c)
{
    if (scan->p == scan->last || *scan->p != c) {
        return 0;
    }

    scan->p++;

    return 1;
}


int
ngx_websocket_scan_colon(ngx_websocket_scan_t *scan)
{
    ngx_websocket_scan_space(scan);

    return ngx_websocket_scan_char(scan, ':');
}


int
ngx_websocket_scan_value(ngx_websocket_scan_t *scan)
{
    int  rc;

    do {
        rc = ngx_websocket_scan_part(scan, SIZE_MAX);
    } while (rc < 0);

    return rc;
}


/* a value with all that is in it: no recursion, a flag for each container */

int
ngx_websocket_scan_part(ngx_websocket_scan_t *scan, size_t values)
{
    int  rc;

    do {
        rc = ngx_websocket_scan_begin(scan);

        if (rc == NGX_WEBSOCKET_SCAN_WHOLE) {
            rc = ngx_websocket_scan_behind(scan);
        }

    } while (rc == NGX_WEBSOCKET_SCAN_VALUE && --values);

    return rc == NGX_WEBSOCKET_SCAN_VALUE ? -1
                                          : rc == NGX_WEBSOCKET_SCAN_WHOLE;
}


/* a value, or the beginning of a container up to the first one in it */

static int
ngx_websocket_scan_begin(ngx_websocket_scan_t *scan)
{
    uint8_t  object;

    ngx_websocket_scan_space(scan);

    object = ngx_websocket_scan_char(scan, '{');

    if (!object && !ngx_websocket_scan_char(scan, '[')) {
        return ngx_websocket_scan_scalar(scan) ? NGX_WEBSOCKET_SCAN_WHOLE
                                               : NGX_WEBSOCKET_SCAN_WRONG;
    }

    /* the message itself is around all that is scanned here */

    if (scan->depth == scan->deepest) {
        scan->deep = 1;
        return NGX_WEBSOCKET_SCAN_WRONG;
    }

    ngx_websocket_scan_space(scan);

    if (ngx_websocket_scan_char(scan, object ? '}' : ']')) {
        return NGX_WEBSOCKET_SCAN_WHOLE;
    }

    scan->objects[scan->depth++] = object;

    return object ? ngx_websocket_scan_name(scan) : NGX_WEBSOCKET_SCAN_VALUE;
}


/* from behind a value to the next one, or to the end of the outermost */

static int
ngx_websocket_scan_behind(ngx_websocket_scan_t *scan)
{
    uint8_t  object;

    while (scan->depth) {

        object = scan->objects[scan->depth - 1];

        ngx_websocket_scan_space(scan);

        if (ngx_websocket_scan_char(scan, ',')) {
            return object ? ngx_websocket_scan_name(scan)
                          : NGX_WEBSOCKET_SCAN_VALUE;
        }

        if (!ngx_websocket_scan_char(scan, object ? '}' : ']')) {
            return NGX_WEBSOCKET_SCAN_WRONG;
        }

        scan->depth--;
    }

    return NGX_WEBSOCKET_SCAN_WHOLE;
}


static int
ngx_websocket_scan_name(ngx_websocket_scan_t *scan)
{
    ngx_websocket_scan_space(scan);

    return ngx_websocket_scan_string(scan) && ngx_websocket_scan_colon(scan)
           ? NGX_WEBSOCKET_SCAN_VALUE : NGX_WEBSOCKET_SCAN_WRONG;
}


static int
ngx_websocket_scan_scalar(ngx_websocket_scan_t *scan)
{
    if (scan->p == scan->last) {
        return 0;
    }

    switch (*scan->p) {

    case '"':
        return ngx_websocket_scan_string(scan);

    case 't':
        return ngx_websocket_scan_word(scan, "true");

    case 'f':
        return ngx_websocket_scan_word(scan, "false");

    case 'n':
        return ngx_websocket_scan_word(scan, "null");

    default:
        return ngx_websocket_scan_number(scan);
    }
}


int
ngx_websocket_scan_string(ngx_websocket_scan_t *scan)
{
    if (!ngx_websocket_scan_char(scan, '"')) {
        return 0;
    }

    while (scan->p < scan->last && (uint8_t) *scan->p >= 0x20) {

        switch (*scan->p++) {

        case '"':
            return 1;

        case '\\':
            if (!ngx_websocket_scan_escape(scan)) {
                return 0;
            }
        }
    }

    return 0;
}


/* skips an escape, from behind the backslash on */

static int
ngx_websocket_scan_escape(ngx_websocket_scan_t *scan)
{
    int   i;
    char  c;

    if (scan->p == scan->last || *scan->p == '\0'
        || strchr("\"\\/bfnrtu", *scan->p) == NULL)
    {
        return 0;
    }

    if (*scan->p++ != 'u') {
        return 1;
    }

    for (i = 0; i < 4 && scan->p < scan->last; i++, scan->p++) {

        c = *scan->p;

        if ((c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'f')) {
            return 0;
        }
    }

    return i == 4;
}


static int
ngx_websocket_scan_number(ngx_websocket_scan_t *scan)
{
    (void) ngx_websocket_scan_char(scan, '-');

    if (!ngx_websocket_scan_char(scan, '0')
        && !ngx_websocket_scan_digits(scan))
    {
        return 0;
    }

    if (ngx_websocket_scan_char(scan, '.')
        && !ngx_websocket_scan_digits(scan))
    {
        return 0;
    }

    if (ngx_websocket_scan_char(scan, 'e')
        || ngx_websocket_scan_char(scan, 'E'))
    {
        if (!ngx_websocket_scan_char(scan, '-')) {
            (void) ngx_websocket_scan_char(scan, '+');
        }

        return ngx_websocket_scan_digits(scan);
    }

    return 1;
}


/* one at least */

static int
ngx_websocket_scan_digits(ngx_websocket_scan_t *scan)
{
    const char  *begin;

    begin = scan->p;

    while (scan->p < scan->last && *scan->p >= '0' && *scan->p <= '9') {
        scan->p++;
    }

    return scan->p > begin;
}


static int
ngx_websocket_scan_word(ngx_websocket_scan_t *scan, const char *word)
{
    while (*word && ngx_websocket_scan_char(scan, *word)) {
        word++;
    }

    return *word == '\0';
}
