
#include <stdlib.h>
#include <string.h>

#include "centrifuge/json_command.h"
#include "centrifuge/request.h"
#include "centrifuge/tags_filter.h"
#include "message/scan.h"


static int ngx_websocket_json_open(ngx_websocket_scan_t *scan);
static int ngx_websocket_json_next(ngx_websocket_scan_t *scan,
    ngx_websocket_bytes_t *name, ngx_websocket_bytes_t *value);
static ngx_websocket_commands_e ngx_websocket_json_envelope(
    ngx_websocket_bytes_t *text, ngx_websocket_command_t *command,
    ngx_websocket_bytes_t *request);
static ngx_websocket_commands_e ngx_websocket_json_members(
    ngx_websocket_commands_t *commands, ngx_websocket_bytes_t *text,
    const ngx_websocket_member_t *members,
    ngx_websocket_command_t *command);
static ngx_websocket_commands_e ngx_websocket_json_set(
    ngx_websocket_commands_t *commands, ngx_websocket_bytes_t *value,
    const ngx_websocket_member_t *member,
    ngx_websocket_command_t *command);
static int ngx_websocket_json_is(const ngx_websocket_bytes_t *text,
    const char *word);
static int ngx_websocket_json_number_of(const ngx_websocket_bytes_t *text,
    uint64_t most, uint64_t *number);
static int ngx_websocket_json_signed_of(const ngx_websocket_bytes_t *text,
    int32_t *number);
static ngx_websocket_commands_e ngx_websocket_json_string_of(
    ngx_websocket_commands_t *commands, const ngx_websocket_bytes_t *text,
    ngx_websocket_bytes_t *string);
static size_t ngx_websocket_json_unescape(char *to, const char *p,
    const char *last);
static const char *ngx_websocket_json_escape(char **to, const char *p,
    const char *last);
static uint32_t ngx_websocket_json_hex(const char *p);
static char *ngx_websocket_json_character(char *to, uint32_t c);


ngx_websocket_commands_e
ngx_websocket_json_command(ngx_websocket_commands_t *commands,
    ngx_websocket_command_t *command)
{
    ngx_websocket_scan_t      scan;
    ngx_websocket_bytes_t     text, request;
    ngx_websocket_commands_e  rc;

    if (commands->p == commands->last) {
        return NGX_WEBSOCKET_COMMANDS_END;
    }

    ngx_websocket_scan_init(&scan, commands->p,
                            (size_t) (commands->last - commands->p));

    text.data = scan.p;

    if (!ngx_websocket_scan_value(&scan)) {
        return NGX_WEBSOCKET_COMMANDS_BAD;
    }

    text.size = (size_t) (scan.p - text.data);

    while (scan.p < scan.last
           && (*scan.p == ' ' || *scan.p == '\t' || *scan.p == '\r'))
    {
        scan.p++;
    }

    if (!ngx_websocket_scan_char(&scan, '\n') && scan.p != scan.last) {
        return NGX_WEBSOCKET_COMMANDS_BAD;
    }

    memset(command, 0, sizeof(ngx_websocket_command_t));
    commands->used = 0;

    rc = ngx_websocket_json_envelope(&text, command, &request);

    if (rc != NGX_WEBSOCKET_COMMANDS_OK) {
        return rc;
    }

    if (request.data) {
        rc = ngx_websocket_json_members(commands, &request,
                            ngx_websocket_requests[command->kind].members,
                            command);
    }

    if (rc == NGX_WEBSOCKET_COMMANDS_OK) {
        commands->p = scan.p;
    }

    return rc;
}


ngx_websocket_json_e
ngx_websocket_json_filter(const ngx_websocket_bytes_t *tf, json_t **node)
{
    ngx_websocket_json_error_t  error;

    static const ngx_websocket_json_limits_t  limits = {
        INT32_MAX,
        2 * (NGX_WEBSOCKET_TAGS_FILTER_DEPTH + 1),  /* depth */
        NGX_WEBSOCKET_TAGS_FILTER_MOST              /* values */
    };

    return ngx_websocket_json_decode(tf->data, tf->size, &limits, node,
                                     &error);
}


ngx_websocket_json_e
ngx_websocket_json_subs(const ngx_websocket_bytes_t *subs, json_t **json)
{
    ngx_websocket_json_error_t  error;

    static const ngx_websocket_json_limits_t  limits = {
        INT32_MAX,
        4,                          /* depth */
        NGX_WEBSOCKET_SUBS_MOST     /* values */
    };

    return ngx_websocket_json_decode(subs->data, subs->size, &limits, json,
                                     &error);
}


int
ngx_websocket_json_valid(const char *data, size_t size)
{
    ngx_websocket_scan_t  scan;

    ngx_websocket_scan_init(&scan, data, size);

    if (!ngx_websocket_scan_value(&scan)) {
        return 0;
    }

    ngx_websocket_scan_space(&scan);

    return scan.p == scan.last;
}


/* goes into an object; what is gone through below is valid JSON */

static int
ngx_websocket_json_open(ngx_websocket_scan_t *scan)
{
    ngx_websocket_scan_space(scan);

    return ngx_websocket_scan_char(scan, '{');
}


/* one member more; a name with escapes is none that is known */

static int
ngx_websocket_json_next(ngx_websocket_scan_t *scan,
    ngx_websocket_bytes_t *name, ngx_websocket_bytes_t *value)
{
    ngx_websocket_scan_space(scan);

    if (ngx_websocket_scan_char(scan, ',')) {
        ngx_websocket_scan_space(scan);
    }

    name->data = scan->p + 1;

    if (!ngx_websocket_scan_string(scan)) {
        return 0;
    }

    name->size = (size_t) (scan->p - name->data) - 1;

    (void) ngx_websocket_scan_colon(scan);
    ngx_websocket_scan_space(scan);

    value->data = scan->p;

    (void) ngx_websocket_scan_value(scan);

    value->size = (size_t) (scan->p - value->data);

    return 1;
}


/* request->data is NULL for a pong */

static ngx_websocket_commands_e
ngx_websocket_json_envelope(ngx_websocket_bytes_t *text,
    ngx_websocket_command_t *command, ngx_websocket_bytes_t *request)
{
    int                    kind, known;
    uint64_t               id;
    ngx_websocket_scan_t   scan;
    ngx_websocket_bytes_t  name, value;

    ngx_websocket_scan_init(&scan, text->data, text->size);

    if (!ngx_websocket_json_open(&scan)) {
        return NGX_WEBSOCKET_COMMANDS_BAD;
    }

    known = NGX_WEBSOCKET_COMMANDS;
    request->data = NULL;
    request->size = 0;

    while (ngx_websocket_json_next(&scan, &name, &value)) {

        if (ngx_websocket_json_is(&value, "null")) {
            continue;
        }

        if (ngx_websocket_json_is(&name, "id")) {

            if (!ngx_websocket_json_number_of(&value, UINT32_MAX, &id)) {
                return NGX_WEBSOCKET_COMMANDS_BAD;
            }

            command->id = (uint32_t) id;
            continue;
        }

        for (kind = 0; kind < NGX_WEBSOCKET_COMMANDS; kind++) {
            if (ngx_websocket_json_is(&name,
                                      ngx_websocket_requests[kind].name))
            {
                break;
            }
        }

        if (kind < NGX_WEBSOCKET_COMMANDS && kind <= known) {
            known = kind;
            *request = value;
        }
    }

    return ngx_websocket_request_kind(command, known);
}


static ngx_websocket_commands_e
ngx_websocket_json_members(ngx_websocket_commands_t *commands,
    ngx_websocket_bytes_t *text, const ngx_websocket_member_t *members,
    ngx_websocket_command_t *command)
{
    ngx_websocket_scan_t                scan;
    ngx_websocket_bytes_t               name, value;
    ngx_websocket_commands_e            rc;
    const ngx_websocket_member_t  *member;

    ngx_websocket_scan_init(&scan, text->data, text->size);

    if (!ngx_websocket_json_open(&scan)) {
        return NGX_WEBSOCKET_COMMANDS_BAD;
    }

    while (ngx_websocket_json_next(&scan, &name, &value)) {

        for (member = members; member->name; member++) {
            if (ngx_websocket_json_is(&name, member->name)) {
                break;
            }
        }

        if (member->name == NULL
            || (member->type != NGX_WEBSOCKET_MEMBER_DATA
                && ngx_websocket_json_is(&value, "null")))
        {
            continue;
        }

        rc = ngx_websocket_json_set(commands, &value, member, command);

        if (rc != NGX_WEBSOCKET_COMMANDS_OK) {
            return rc;
        }
    }

    return NGX_WEBSOCKET_COMMANDS_OK;
}


static ngx_websocket_commands_e
ngx_websocket_json_set(ngx_websocket_commands_t *commands,
    ngx_websocket_bytes_t *value, const ngx_websocket_member_t *member,
    ngx_websocket_command_t *command)
{
    int       ok;
    void     *field;
    uint64_t  number;

    field = (char *) command + member->offset;

    switch (member->type) {

    case NGX_WEBSOCKET_MEMBER_STRING:
        return ngx_websocket_json_string_of(commands, value, field);

    case NGX_WEBSOCKET_MEMBER_DATA:
    case NGX_WEBSOCKET_MEMBER_RAW:
        *(ngx_websocket_bytes_t *) field = *value;
        return NGX_WEBSOCKET_COMMANDS_OK;

    case NGX_WEBSOCKET_MEMBER_POSITION:
        *(uint8_t *) field = 1;
        return ngx_websocket_json_members(commands, value,
                                          ngx_websocket_request_position,
                                          command);

    case NGX_WEBSOCKET_MEMBER_BOOL:
        *(uint8_t *) field = (uint8_t) ngx_websocket_json_is(value, "true");
        ok = *(uint8_t *) field || ngx_websocket_json_is(value, "false");
        break;

    case NGX_WEBSOCKET_MEMBER_UINT64:
        ok = ngx_websocket_json_number_of(value, UINT64_MAX, field);
        break;

    case NGX_WEBSOCKET_MEMBER_UINT32:
        number = 0;
        ok = ngx_websocket_json_number_of(value, UINT32_MAX, &number);
        *(uint32_t *) field = (uint32_t) number;
        break;

    default:  /* NGX_WEBSOCKET_MEMBER_INT32 */
        ok = ngx_websocket_json_signed_of(value, field);
    }

    return ok ? NGX_WEBSOCKET_COMMANDS_OK : NGX_WEBSOCKET_COMMANDS_BAD;
}


static int
ngx_websocket_json_is(const ngx_websocket_bytes_t *text, const char *word)
{
    size_t  size;

    size = strlen(word);

    return text->size == size && memcmp(text->data, word, size) == 0;
}


/* digits only, and not more than the most */

static int
ngx_websocket_json_number_of(const ngx_websocket_bytes_t *text, uint64_t most,
    uint64_t *number)
{
    size_t    i;
    uint64_t  n, digit;

    n = 0;

    for (i = 0; i < text->size; i++) {

        digit = (uint64_t) (text->data[i] - '0');

        if (text->data[i] < '0' || digit > 9 || n > (most - digit) / 10) {
            return 0;
        }

        n = n * 10 + digit;
    }

    *number = n;

    return 1;
}


static int
ngx_websocket_json_signed_of(const ngx_websocket_bytes_t *text,
    int32_t *number)
{
    int                    minus;
    uint64_t               n;
    ngx_websocket_bytes_t  digits;

    digits = *text;
    minus = digits.data[0] == '-';

    digits.data += minus;
    digits.size -= (size_t) minus;

    if (!ngx_websocket_json_number_of(&digits, INT32_MAX, &n)) {
        return 0;
    }

    *number = minus ? - (int32_t) n : (int32_t) n;

    return 1;
}


/* most have no escape: they are used where they lie */

static ngx_websocket_commands_e
ngx_websocket_json_string_of(ngx_websocket_commands_t *commands,
    const ngx_websocket_bytes_t *text, ngx_websocket_bytes_t *string)
{
    if (text->data[0] != '"') {
        return NGX_WEBSOCKET_COMMANDS_BAD;
    }

    string->data = text->data + 1;
    string->size = text->size - 2;

    if (memchr(string->data, '\\', string->size) == NULL) {
        return NGX_WEBSOCKET_COMMANDS_OK;
    }

    /* what is left of the frame is more than all its strings without escapes */

    if (commands->scratch == NULL) {
        commands->scratch = malloc((size_t) (commands->last - commands->p));

        if (commands->scratch == NULL) {
            return NGX_WEBSOCKET_COMMANDS_NO_MEMORY;
        }
    }

    string->size = ngx_websocket_json_unescape(
                                          commands->scratch + commands->used,
                                          string->data,
                                          string->data + string->size);
    string->data = commands->scratch + commands->used;

    commands->used += string->size;

    return NGX_WEBSOCKET_COMMANDS_OK;
}


static size_t
ngx_websocket_json_unescape(char *to, const char *p, const char *last)
{
    char  *begin;

    begin = to;

    while (p < last) {

        if (*p == '\\') {
            p = ngx_websocket_json_escape(&to, p + 1, last);

        } else {
            *to++ = *p++;
        }
    }

    return (size_t) (to - begin);
}


/* p is behind the backslash; half of a pair alone is U+FFFD */

static const char *
ngx_websocket_json_escape(char **to, const char *p, const char *last)
{
    uint32_t     c, low;
    const char  *place;

    static const char  names[] = "bfnrt";
    static const char  meant[] = "\b\f\n\r\t";

    if (*p != 'u') {
        place = strchr(names, *p);
        *(*to)++ = place ? meant[place - names] : *p;

        return p + 1;
    }

    c = ngx_websocket_json_hex(p + 1);
    p += 5;

    if (c >= 0xd800 && c <= 0xdbff && last - p >= 6 && p[0] == '\\'
        && p[1] == 'u')
    {
        low = ngx_websocket_json_hex(p + 2);

        if (low >= 0xdc00 && low <= 0xdfff) {
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            p += 6;
        }
    }

    if (c >= 0xd800 && c <= 0xdfff) {
        c = 0xfffd;
    }

    *to = ngx_websocket_json_character(*to, c);

    return p;
}


/* four digits */

static uint32_t
ngx_websocket_json_hex(const char *p)
{
    int       i;
    uint32_t  c;

    for (c = 0, i = 0; i < 4; i++) {
        c = c << 4 | (uint32_t) (p[i] <= '9' ? p[i] - '0'
                                             : (p[i] | 0x20) - 'a' + 10);
    }

    return c;
}


/* as UTF-8: never more bytes than its escape had */

static char *
ngx_websocket_json_character(char *to, uint32_t c)
{
    if (c < 0x80) {
        *to++ = (char) c;
        return to;
    }

    if (c < 0x800) {
        *to++ = (char) (0xc0 | c >> 6);

    } else {

        if (c < 0x10000) {
            *to++ = (char) (0xe0 | c >> 12);

        } else {
            *to++ = (char) (0xf0 | c >> 18);
            *to++ = (char) (0x80 | (c >> 12 & 0x3f));
        }

        *to++ = (char) (0x80 | (c >> 6 & 0x3f));
    }

    *to++ = (char) (0x80 | (c & 0x3f));

    return to;
}
