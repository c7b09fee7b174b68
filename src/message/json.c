
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/json.h"
#include "message/scan.h"


static ngx_websocket_json_e ngx_websocket_json_bounded(const char *text,
    size_t size, const ngx_websocket_json_limits_t *limits,
    ngx_websocket_json_error_t *error);
static int ngx_websocket_json_starved(const char *text, size_t size,
    const json_error_t *from);
static const char *ngx_websocket_json_string_end(const char *p,
    const char *last);
static void ngx_websocket_json_path(ngx_websocket_json_error_t *error,
    const ngx_websocket_json_place_t *place);
static char *ngx_websocket_json_path_part(char *p, char *last,
    const ngx_websocket_json_place_t *place, int first);
static void ngx_websocket_json_whole(char *text);
static char *ngx_websocket_json_room(ngx_websocket_json_text_t *text,
    size_t size);
static void ngx_websocket_json_append_escape(ngx_websocket_json_text_t *text,
    unsigned char c);
static void ngx_websocket_json_append_surrogate(
    ngx_websocket_json_text_t *text, const char *p);
static void ngx_websocket_json_append_deep(ngx_websocket_json_text_t *text,
    json_t *json, int depth);
static void ngx_websocket_json_append_object(ngx_websocket_json_text_t *text,
    json_t *json, int depth);
static void ngx_websocket_json_append_array(ngx_websocket_json_text_t *text,
    json_t *json, int depth);
static void ngx_websocket_json_append_integer(ngx_websocket_json_text_t *text,
    int64_t integer);
static void ngx_websocket_json_append_real(ngx_websocket_json_text_t *text,
    double real);


ngx_websocket_json_e
ngx_websocket_json_decode(const char *text, size_t size,
    const ngx_websocket_json_limits_t *limits, json_t **json,
    ngx_websocket_json_error_t *error)
{
    char          *near;
    const char    *rule;
    json_error_t   from;

    if (ngx_websocket_json_bounded(text, size, limits, error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    *json = json_loadb(size ? text : "", size,
                       JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, &from);

    if (*json) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (ngx_websocket_json_starved(text, size, &from)) {
        return NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    rule = from.text;

    switch (json_error_code(&from)) {

    case json_error_null_character:
    case json_error_null_byte_in_key:
        rule = "\\u0000 is not allowed";
        break;

    default:
        break;
    }

    /* jansson's text quotes some of the client's bytes: they are cut off */

    near = strstr(from.text, " near '");

    if (near) {
        *near = '\0';
    }

    return ngx_websocket_json_refuse(error, NULL,
                                     "invalid JSON at line %d, byte %d: %s",
                                     from.line, from.position, rule);
}


/*
 * Whether jansson failed because memory was refused.  Most often it does not
 * say so, or finds a fault with a text that has none.
 */

static int
ngx_websocket_json_starved(const char *text, size_t size,
    const json_error_t *from)
{
    ngx_websocket_scan_t  scan;

    if (from->text[0] == '\0'
        || json_error_code(from) == json_error_out_of_memory)
    {
        return 1;
    }

    if (json_error_code(from) != json_error_invalid_syntax
        || strncmp(from->text, "invalid Unicode", 15) == 0)
    {
        return 0;
    }

    ngx_websocket_scan_init(&scan, text, size);

    if (!ngx_websocket_scan_value(&scan)) {
        return 0;
    }

    ngx_websocket_scan_space(&scan);

    return scan.p == scan.last;
}


/*
 * Counts what jansson would allocate: at most one value for each comma and
 * each bracket, besides the first.  A number with an exponent is another one:
 * to read it, and to write it again, takes that long.
 */

static ngx_websocket_json_e
ngx_websocket_json_bounded(const char *text, size_t size,
    const ngx_websocket_json_limits_t *limits,
    ngx_websocket_json_error_t *error)
{
    size_t       depth, deepest, values;
    const char  *p, *last;

    if (size > limits->size || size > INT_MAX) {
        return ngx_websocket_json_refuse(error, NULL,
                                         "longer than %zu bytes",
                                         limits->size);
    }

    /* jansson passes over a zero behind a number or a word */

    p = size ? memchr(text, '\0', size) : NULL;

    if (p) {
        return ngx_websocket_json_refuse(error, NULL,
                                      "invalid JSON: a zero byte at byte %zu",
                                      (size_t) (p - text));
    }

    deepest = limits->depth < NGX_WEBSOCKET_JSON_DEPTH
              ? limits->depth : NGX_WEBSOCKET_JSON_DEPTH;
    depth = 0;
    values = 1;
    last = text + size;

    for (p = text; p < last; p++) {

        switch (*p) {

        case '"':
            p = ngx_websocket_json_string_end(p + 1, last);
            continue;

        case '{':
        case '[':
            depth++;
            values++;
            break;

        case '}':
        case ']':
            depth -= depth > 0;
            continue;

        case ',':
            values++;
            break;

        case 'e':
        case 'E':
            if (p == text || p[-1] < '0' || p[-1] > '9') {
                continue;
            }

            values++;
            break;

        default:
            continue;
        }

        if (depth > deepest) {
            return ngx_websocket_json_refuse(error, NULL,
                                          "nested deeper than %zu, at byte %zu",
                                          deepest, (size_t) (p - text));
        }

        if (values > limits->values) {
            return ngx_websocket_json_refuse(error, NULL,
                                         "more than %u values, from byte %zu",
                                         limits->values, (size_t) (p - text));
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* the closing quote, or the last byte when there is none */

static const char *
ngx_websocket_json_string_end(const char *p, const char *last)
{
    for ( /* void */ ; p < last && *p != '"'; p++) {

        if (*p == '\\') {
            p++;
        }
    }

    return p < last ? p : last - 1;
}


ngx_websocket_json_e
ngx_websocket_json_refuse(ngx_websocket_json_error_t *error,
    const ngx_websocket_json_place_t *place, const char *format, ...)
{
    va_list  args;

    ngx_websocket_json_path(error, place);

    va_start(args, format);
    (void) vsnprintf(error->rule, sizeof(error->rule), format, args);
    va_end(args);

    ngx_websocket_json_whole(error->rule);

    return NGX_WEBSOCKET_JSON_REFUSED;
}


static void
ngx_websocket_json_path(ngx_websocket_json_error_t *error,
    const ngx_websocket_json_place_t *place)
{
    int    i, n;
    char  *p, *last;

    const ngx_websocket_json_place_t  *places[NGX_WEBSOCKET_JSON_DEPTH + 1];

    for (n = 0; place && n <= NGX_WEBSOCKET_JSON_DEPTH; n++) {
        places[n] = place;
        place = place->parent;
    }

    p = error->path;
    last = error->path + sizeof(error->path) - 1;

    for (i = n; i-- > 0; ) {
        p = ngx_websocket_json_path_part(p, last, places[i], i == n - 1);
    }

    *p = '\0';

    ngx_websocket_json_whole(error->path);
}


static char *
ngx_websocket_json_path_part(char *p, char *last,
    const ngx_websocket_json_place_t *place, int first)
{
    size_t  n, room;

    room = (size_t) (last - p);

    if (place->name == NULL) {
        n = (size_t) snprintf(p, room + 1, "[%zu]", place->size);

        return p + (n < room ? n : room);
    }

    if (!first && room) {
        *p++ = '.';
        room--;
    }

    n = place->size < room ? place->size : room;
    memcpy(p, place->name, n);

    return p + n;
}


/* takes away the beginning of a character at a cut text's end */

static void
ngx_websocket_json_whole(char *text)
{
    size_t         n, i, size;
    unsigned char  c;

    n = strlen(text);

    for (i = n; i && n - i < 4; ) {

        c = (unsigned char) text[--i];

        if ((c & 0xc0) != 0x80) {
            size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

            if (n - i < size) {
                text[i] = '\0';
            }

            return;
        }
    }
}


const char *
ngx_websocket_json_kind(const json_t *json)
{
    static const char  *kinds[] = {
        "object", "array", "string", "integer", "number", "boolean", "boolean",
        "null"
    };

    return kinds[json_typeof(json)];
}


ngx_websocket_json_number_t
ngx_websocket_json_number(const json_t *json)
{
    ngx_websocket_json_number_t  number;

    memset(&number, 0, sizeof(number));

    if (json_is_integer(json)) {
        number.integer = json_integer_value(json);

    } else {
        number.is_real = 1;
        number.real = json_real_value(json);
    }

    return number;
}


int
ngx_websocket_json_compare(const ngx_websocket_json_number_t *a,
    const ngx_websocket_json_number_t *b)
{
    double   real;
    int64_t  whole;

    if (a->is_real && b->is_real) {
        return (a->real > b->real) - (a->real < b->real);
    }

    if (a->is_real) {
        return -ngx_websocket_json_compare(b, a);
    }

    if (!b->is_real) {
        return (a->integer > b->integer) - (a->integer < b->integer);
    }

    /* 2^63 and beyond, which no cast may see */

    real = b->real;

    if (real >= 9223372036854775808.0) {
        return -1;
    }

    if (real < -9223372036854775808.0) {
        return 1;
    }

    whole = (int64_t) real;

    if (a->integer != whole) {
        return a->integer > whole ? 1 : -1;
    }

    return (real < (double) whole) - (real > (double) whole);
}


/* room for size bytes at the text's end, NULL when memory is refused */

static char *
ngx_websocket_json_room(ngx_websocket_json_text_t *text, size_t size)
{
    char    *data;
    size_t   alloc;

    if (text->failed) {
        return NULL;
    }

    if (text->max && size > text->max - text->size) {
        text->failed = 1;
        text->over = 1;
        return NULL;
    }

    if (size > text->alloc - text->size) {

        alloc = text->alloc ? text->alloc : 256;

        while (alloc - text->size < size) {
            alloc *= 2;
        }

        data = realloc(text->data, alloc);

        if (data == NULL) {
            text->failed = 1;
            return NULL;
        }

        text->data = data;
        text->alloc = alloc;
    }

    return text->data + text->size;
}


void
ngx_websocket_json_append(ngx_websocket_json_text_t *text, const void *data,
    size_t size)
{
    char  *p;

    if (size == 0) {
        return;
    }

    p = ngx_websocket_json_room(text, size);

    if (p) {
        memcpy(p, data, size);
        text->size += size;
    }
}


void
ngx_websocket_json_append_string(ngx_websocket_json_text_t *text,
    const char *data, size_t size)
{
    ngx_websocket_json_append(text, "\"", 1);
    ngx_websocket_json_append_escaped(text, data, size);
    ngx_websocket_json_append(text, "\"", 1);
}


void
ngx_websocket_json_append_escaped(ngx_websocket_json_text_t *text,
    const char *data, size_t size)
{
    const char     *p, *plain, *last;
    unsigned char   c;

    last = data + size;

    for (plain = p = data; p < last; p++) {

        c = (unsigned char) *p;

        if (c >= 0x20 && c != '"' && c != '\\' && c != 0xed) {
            continue;
        }

        if (c == 0xed && (last - p < 3 || (unsigned char) p[1] < 0xa0)) {
            continue;
        }

        ngx_websocket_json_append(text, plain, (size_t) (p - plain));

        if (c == 0xed) {
            ngx_websocket_json_append_surrogate(text, p);
            p += 2;

        } else {
            ngx_websocket_json_append_escape(text, c);
        }

        plain = p + 1;
    }

    ngx_websocket_json_append(text, plain, (size_t) (p - plain));
}


static void
ngx_websocket_json_append_escape(ngx_websocket_json_text_t *text,
    unsigned char c)
{
    char         escape[6];
    const char  *found;

    static const char  plain[] = "\"\\\b\f\n\r\t";
    static const char  names[] = "\"\\bfnrt";

    found = c ? strchr(plain, c) : NULL;

    if (found) {
        escape[0] = '\\';
        escape[1] = names[found - plain];
        ngx_websocket_json_append(text, escape, 2);
        return;
    }

    memcpy(escape, "\\u00", 4);
    escape[4] = "0123456789abcdef"[c >> 4];
    escape[5] = "0123456789abcdef"[c & 0xf];
    ngx_websocket_json_append(text, escape, 6);
}


/* a lone surrogate can be written as an escape only */

static void
ngx_websocket_json_append_surrogate(ngx_websocket_json_text_t *text,
    const char *p)
{
    char  escape[7];

    (void) snprintf(escape, sizeof(escape), "\\ud%x%x%x",
                    ((unsigned) p[1] & 0x3f) >> 2,
                    ((unsigned) p[1] & 3) << 2 | ((unsigned) p[2] & 0x3f) >> 4,
                    (unsigned) p[2] & 0xf);

    ngx_websocket_json_append(text, escape, 6);
}


void
ngx_websocket_json_append_value(ngx_websocket_json_text_t *text, json_t *json)
{
    ngx_websocket_json_append_deep(text, json, 0);
}


static void
ngx_websocket_json_append_deep(ngx_websocket_json_text_t *text, json_t *json,
    int depth)
{
    switch (json_typeof(json)) {

    case JSON_OBJECT:
        ngx_websocket_json_append_object(text, json, depth + 1);
        break;

    case JSON_ARRAY:
        ngx_websocket_json_append_array(text, json, depth + 1);
        break;

    case JSON_STRING:
        if (ngx_websocket_json_is_piece(json)) {
            ngx_websocket_json_append(text, json_string_value(json) + 1,
                                      json_string_length(json) - 1);
            break;
        }

        ngx_websocket_json_append_string(text, json_string_value(json),
                                         json_string_length(json));
        break;

    case JSON_INTEGER:
        ngx_websocket_json_append_integer(text, json_integer_value(json));
        break;

    case JSON_REAL:
        ngx_websocket_json_append_real(text, json_real_value(json));
        break;

    case JSON_TRUE:
        ngx_websocket_json_append(text, "true", 4);
        break;

    case JSON_FALSE:
        ngx_websocket_json_append(text, "false", 5);
        break;

    case JSON_NULL:
        ngx_websocket_json_append(text, "null", 4);
        break;
    }
}


static void
ngx_websocket_json_append_object(ngx_websocket_json_text_t *text, json_t *json,
    int depth)
{
    void  *member;

    if (depth > NGX_WEBSOCKET_JSON_DEPTH) {
        text->failed = 1;
        return;
    }

    ngx_websocket_json_append(text, "{", 1);

    member = json_object_iter(json);

    while (member) {

        ngx_websocket_json_append_string(text, json_object_iter_key(member),
                                         json_object_iter_key_len(member));
        ngx_websocket_json_append(text, ":", 1);
        ngx_websocket_json_append_deep(text, json_object_iter_value(member),
                                       depth);

        member = json_object_iter_next(json, member);

        if (member) {
            ngx_websocket_json_append(text, ",", 1);
        }
    }

    ngx_websocket_json_append(text, "}", 1);
}


static void
ngx_websocket_json_append_array(ngx_websocket_json_text_t *text, json_t *json,
    int depth)
{
    size_t  i, n;

    if (depth > NGX_WEBSOCKET_JSON_DEPTH) {
        text->failed = 1;
        return;
    }

    ngx_websocket_json_append(text, "[", 1);

    n = json_array_size(json);

    for (i = 0; i < n; i++) {

        if (i) {
            ngx_websocket_json_append(text, ",", 1);
        }

        ngx_websocket_json_append_deep(text, json_array_get(json, i), depth);
    }

    ngx_websocket_json_append(text, "]", 1);
}


static void
ngx_websocket_json_append_integer(ngx_websocket_json_text_t *text,
    int64_t integer)
{
    char      buf[20], *p;
    uint64_t  n;

    p = buf + sizeof(buf);
    n = integer < 0 ? 0 - (uint64_t) integer : (uint64_t) integer;

    do {
        *--p = (char) ('0' + n % 10);
        n /= 10;
    } while (n);

    if (integer < 0) {
        *--p = '-';
    }

    ngx_websocket_json_append(text, p, (size_t) (buf + sizeof(buf) - p));
}


static void
ngx_websocket_json_append_real(ngx_websocket_json_text_t *text, double real)
{
    int   digits, n;
    char  buf[32];

    digits = 15;

    /* 17 digits are always enough */

    do {
        n = snprintf(buf, sizeof(buf), "%.*g", digits, real);
    } while (digits < 17 && strtod(buf, NULL) != real && ++digits);

    ngx_websocket_json_append(text, buf, (size_t) n);

    /* a real number must be one when it is read again */

    if (strpbrk(buf, ".e") == NULL) {
        ngx_websocket_json_append(text, ".0", 2);
    }
}


void
ngx_websocket_json_append_error(ngx_websocket_json_text_t *text,
    const char *code, const char *path, const char *message)
{
    ngx_websocket_json_append(text, "{\"error\":{\"code\":", 17);
    ngx_websocket_json_append_string(text, code, strlen(code));

    if (path) {
        ngx_websocket_json_append(text, ",\"path\":", 8);
        ngx_websocket_json_append_string(text, path, strlen(path));
    }

    ngx_websocket_json_append(text, ",\"message\":", 11);
    ngx_websocket_json_append_string(text, message, strlen(message));
    ngx_websocket_json_append(text, "}}", 2);
}


void
ngx_websocket_json_text_done(ngx_websocket_json_text_t *text)
{
    free(text->data);
    memset(text, 0, sizeof(*text));
}
