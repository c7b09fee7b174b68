
#include <stdlib.h>
#include <string.h>

#include "message/fields.h"
#include "message/scan.h"
#include "wire/utf8.h"


typedef struct {
    ngx_websocket_scan_t         scan;
    ngx_websocket_json_text_t    text;      /* text of the name or value at
                                               hand */
    int                          failed;    /* memory was refused */
    const char                  *name;      /* of the one that is sought, or
                                               NULL: all are */
    size_t                       count;     /* of fields that were passed */
} ngx_websocket_fields_t;


static ngx_websocket_json_e ngx_websocket_fields_text(const char *text,
    size_t size, const char *name, json_t **found, size_t *count);
static int ngx_websocket_fields_whole(ngx_websocket_fields_t *fields,
    json_t **object);
static int ngx_websocket_fields_seek(ngx_websocket_fields_t *fields,
    json_t **value);
static int ngx_websocket_fields_is(ngx_websocket_fields_t *fields,
    const char *begin);
static json_t *ngx_websocket_fields_object(ngx_websocket_fields_t *fields,
    int depth);
static int ngx_websocket_fields_member(ngx_websocket_fields_t *fields,
    json_t *object, int depth);
static json_t *ngx_websocket_fields_value(ngx_websocket_fields_t *fields,
    int depth);
static json_t *ngx_websocket_fields_scalar(ngx_websocket_fields_t *fields,
    const char *p, size_t size);
static int ngx_websocket_fields_integer(const char *p, size_t size,
    json_int_t *integer);
static void ngx_websocket_fields_piece(ngx_websocket_json_text_t *text,
    const char *p, const char *last);
static void ngx_websocket_fields_string(ngx_websocket_json_text_t *text,
    const char *p, const char *last);
static const char *ngx_websocket_fields_escape(
    ngx_websocket_json_text_t *text, const char *p, const char *last);
static uint32_t ngx_websocket_fields_hex(const char *p);
static void ngx_websocket_fields_character(ngx_websocket_json_text_t *text,
    uint32_t c);


ngx_websocket_json_e
ngx_websocket_fields_read(const char *text, size_t size, json_t **object)
{
    return ngx_websocket_fields_text(text, size, NULL, object, NULL);
}


ngx_websocket_json_e
ngx_websocket_fields_find(const char *text, size_t size, const char *name,
    json_t **value, size_t *count)
{
    return ngx_websocket_fields_text(text, size, name, value, count);
}


static ngx_websocket_json_e
ngx_websocket_fields_text(const char *text, size_t size, const char *name,
    json_t **found, size_t *count)
{
    int                      rc;
    uint8_t                 *objects;
    ngx_websocket_utf8_t     utf8;
    ngx_websocket_fields_t   fields;

    *found = NULL;
    utf8 = 0;

    if (ngx_websocket_utf8(&utf8, (const uint8_t *) text, size) != 0
        || utf8 != 0)
    {
        return NGX_WEBSOCKET_JSON_OK;
    }

    memset(&fields, 0, sizeof(ngx_websocket_fields_t));

    /* a level of nesting takes at least two bytes of the text */

    objects = malloc(size / 2 + 1);

    if (objects == NULL) {
        return NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    ngx_websocket_scan_init(&fields.scan, text, size);

    fields.name = name;
    fields.scan.objects = objects;
    fields.scan.deepest = (uint32_t) (size / 2 + 1);

    rc = ngx_websocket_fields_whole(&fields, found);

    free(objects);
    ngx_websocket_json_text_done(&fields.text);

    if (count) {
        *count = fields.count;
    }

    if (rc == 0) {
        json_decref(*found);
        *found = NULL;
    }

    return fields.failed ? NGX_WEBSOCKET_JSON_NO_MEMORY
                         : NGX_WEBSOCKET_JSON_OK;
}


static int
ngx_websocket_fields_whole(ngx_websocket_fields_t *fields, json_t **found)
{
    int  rc;

    ngx_websocket_scan_space(&fields->scan);

    if (!ngx_websocket_scan_char(&fields->scan, '{')) {
        return 0;
    }

    if (fields->name) {
        rc = ngx_websocket_fields_seek(fields, found);

    } else {
        *found = ngx_websocket_fields_object(fields, 1);
        rc = *found != NULL;
    }

    ngx_websocket_scan_space(&fields->scan);

    return rc && fields->scan.p == fields->scan.last;
}


/* behind the outermost brace, up to behind its end */

static int
ngx_websocket_fields_seek(ngx_websocket_fields_t *fields, json_t **value)
{
    int          is;
    const char  *begin;

    ngx_websocket_scan_space(&fields->scan);

    if (ngx_websocket_scan_char(&fields->scan, '}')) {
        return 1;
    }

    do {
        ngx_websocket_scan_space(&fields->scan);

        begin = fields->scan.p;

        if (!ngx_websocket_scan_string(&fields->scan)) {
            return 0;
        }

        is = ngx_websocket_fields_is(fields, begin);

        if (!ngx_websocket_scan_colon(&fields->scan)) {
            return 0;
        }

        ngx_websocket_scan_space(&fields->scan);

        begin = fields->scan.p;

        if (!ngx_websocket_scan_value(&fields->scan)) {
            return 0;
        }

        if (is) {
            json_decref(*value);
            *value = ngx_websocket_fields_scalar(fields, begin,
                                           (size_t) (fields->scan.p - begin));
            fields->failed |= *value == NULL;
        }

        if (fields->failed) {
            return 0;
        }

        fields->count++;

        ngx_websocket_scan_space(&fields->scan);

    } while (ngx_websocket_scan_char(&fields->scan, ','));

    return ngx_websocket_scan_char(&fields->scan, '}');
}


/* whether the name that was just passed is the one that is sought */

static int
ngx_websocket_fields_is(ngx_websocket_fields_t *fields, const char *begin)
{
    size_t                      size;
    const char                 *last;
    ngx_websocket_json_text_t  *text;

    size = strlen(fields->name);
    last = fields->scan.p - 1;
    begin++;

    if (memchr(begin, '\\', (size_t) (last - begin)) == NULL) {
        return (size_t) (last - begin) == size
               && memcmp(begin, fields->name, size) == 0;
    }

    /* a byte is written with six at most */

    if ((size_t) (last - begin) > 6 * size) {
        return 0;
    }

    text = &fields->text;
    text->size = 0;

    ngx_websocket_fields_string(text, begin, last);

    fields->failed |= text->failed;

    return text->size == size && !text->failed
           && memcmp(text->data, fields->name, size) == 0;
}


/* behind the brace; NULL when something is wrong, or fields->failed */

static json_t *
ngx_websocket_fields_object(ngx_websocket_fields_t *fields, int depth)
{
    json_t  *object;

    object = json_object();

    if (object == NULL) {
        fields->failed = 1;
        return NULL;
    }

    ngx_websocket_scan_space(&fields->scan);

    if (ngx_websocket_scan_char(&fields->scan, '}')) {
        return object;
    }

    do {
        if (!ngx_websocket_fields_member(fields, object, depth)) {
            json_decref(object);
            return NULL;
        }

    } while (ngx_websocket_scan_char(&fields->scan, ','));

    if (!ngx_websocket_scan_char(&fields->scan, '}')) {
        json_decref(object);
        return NULL;
    }

    return object;
}


/* with the spaces around it */

static int
ngx_websocket_fields_member(ngx_websocket_fields_t *fields, json_t *object,
    int depth)
{
    char        *name;
    size_t       size;
    json_t      *value;
    const char  *begin;

    ngx_websocket_scan_space(&fields->scan);

    begin = fields->scan.p;

    if (!ngx_websocket_scan_string(&fields->scan)) {
        return 0;
    }

    fields->text.size = 0;
    ngx_websocket_fields_string(&fields->text, begin + 1, fields->scan.p - 1);

    /* the values within use fields->text too: the name is copied first */

    size = fields->text.size;
    name = malloc(size + 1);

    if (name == NULL || fields->text.failed) {
        free(name);
        fields->failed = 1;
        return 0;
    }

    if (size) {
        memcpy(name, fields->text.data, size);
    }

    value = ngx_websocket_scan_colon(&fields->scan)
            ? ngx_websocket_fields_value(fields, depth) : NULL;

    if (value
        && json_object_setn_new_nocheck(object, name, size, value) != 0)
    {
        fields->failed = 1;
        value = NULL;
    }

    free(name);

    ngx_websocket_scan_space(&fields->scan);

    return value != NULL;
}


/* of an object in that depth */

static json_t *
ngx_websocket_fields_value(ngx_websocket_fields_t *fields, int depth)
{
    json_t      *value;
    const char  *begin;

    ngx_websocket_scan_space(&fields->scan);

    if (depth < NGX_WEBSOCKET_FIELDS_DEPTH
        && ngx_websocket_scan_char(&fields->scan, '{'))
    {
        return ngx_websocket_fields_object(fields, depth + 1);
    }

    begin = fields->scan.p;

    if (!ngx_websocket_scan_value(&fields->scan)) {
        return NULL;
    }

    value = ngx_websocket_fields_scalar(fields, begin,
                                        (size_t) (fields->scan.p - begin));
    if (value == NULL) {
        fields->failed = 1;
    }

    return value;
}


static json_t *
ngx_websocket_fields_scalar(ngx_websocket_fields_t *fields, const char *p,
    size_t size)
{
    json_int_t                  integer;
    ngx_websocket_json_text_t  *text;

    text = &fields->text;
    text->size = 0;

    switch (*p) {

    case 't':
        return json_true();

    case 'f':
        return json_false();

    case 'n':
        return json_null();

    case '"':
        ngx_websocket_fields_string(text, p + 1, p + size - 1);
        break;

    default:
        if (ngx_websocket_fields_integer(p, size, &integer)) {
            return json_integer(integer);
        }

        ngx_websocket_json_append(text, "\xff", 1);
        ngx_websocket_fields_piece(text, p, p + size);
    }

    return text->failed
           ? NULL
           : json_stringn_nocheck(text->size ? text->data : "", text->size);
}


/* those that every reader has, and that are written as they were */

static int
ngx_websocket_fields_integer(const char *p, size_t size, json_int_t *integer)
{
    int     minus;
    size_t  i;

    minus = *p == '-';

    if (size - (size_t) minus > 18 || (minus && p[1] == '0')) {
        return 0;
    }

    *integer = 0;

    for (i = (size_t) minus; i < size; i++) {

        if (p[i] < '0' || p[i] > '9') {
            return 0;
        }

        *integer = *integer * 10 + (p[i] - '0');
    }

    if (minus) {
        *integer = -*integer;
    }

    return 1;
}


/* a value as it stands, without the spaces between what it is made of */

static void
ngx_websocket_fields_piece(ngx_websocket_json_text_t *text, const char *p,
    const char *last)
{
    const char  *begin;

    while (p < last) {

        for (begin = p; p < last && (unsigned char) *p > ' '; p++) {

            if (*p != '"') {
                continue;
            }

            for (p++; *p != '"'; p++) {
                p += *p == '\\';
            }
        }

        ngx_websocket_json_append(text, begin, (size_t) (p - begin));

        while (p < last && (unsigned char) *p <= ' ') {
            p++;
        }
    }
}


/* what is between a string's quotes */

static void
ngx_websocket_fields_string(ngx_websocket_json_text_t *text, const char *p,
    const char *last)
{
    const char  *plain;

    while (p < last) {

        plain = p;
        p = memchr(p, '\\', (size_t) (last - p));

        if (p == NULL) {
            p = last;
        }

        ngx_websocket_json_append(text, plain, (size_t) (p - plain));

        if (p < last) {
            p = ngx_websocket_fields_escape(text, p + 1, last);
        }
    }
}


/* skips an escape, or the two of a pair, from behind the backslash on */

static const char *
ngx_websocket_fields_escape(ngx_websocket_json_text_t *text, const char *p,
    const char *last)
{
    uint32_t     c, low;
    const char  *found;

    static const char  names[] = "\"\\/bfnrt";
    static const char  bytes[] = "\"\\/\b\f\n\r\t";

    if (*p != 'u') {
        found = strchr(names, *p);
        ngx_websocket_json_append(text, &bytes[found - names], 1);

        return p + 1;
    }

    c = ngx_websocket_fields_hex(p + 1);
    p += 5;

    if (c >= 0xd800 && c <= 0xdbff && last - p >= 6 && p[0] == '\\'
        && p[1] == 'u')
    {
        low = ngx_websocket_fields_hex(p + 2);

        if (low >= 0xdc00 && low <= 0xdfff) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }

    ngx_websocket_fields_character(text, c);

    return p;
}


static uint32_t
ngx_websocket_fields_hex(const char *p)
{
    int       i;
    uint32_t  c;

    for (i = 0, c = 0; i < 4; i++) {
        c = c << 4 | (uint32_t) (p[i] <= '9' ? p[i] - '0'
                                             : (p[i] | 0x20) - 'a' + 10);
    }

    return c;
}


static void
ngx_websocket_fields_character(ngx_websocket_json_text_t *text, uint32_t c)
{
    int            i, n;
    unsigned char  bytes[4];

    static const unsigned char  first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

    for (i = n - 1; i > 0; i--) {
        bytes[i] = (unsigned char) (0x80 | (c & 0x3f));
        c >>= 6;
    }

    bytes[0] = (unsigned char) (first[n] | c);

    ngx_websocket_json_append(text, bytes, (size_t) n);
}
