
/*
 * Stamps.  The first byte says which fields are set, and whether there is a
 * sender; the second how many bytes of the rest are its name; then comes the
 * message.  What comes out is read by jansson, and held against what jansson
 * makes of the message itself.
 */

#include <ctype.h>

#include "fuzz.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/stamp.c"


static int
depth_of(json_t *json)
{
    int          depth, deepest;
    json_t      *value;
    size_t       i;
    const char  *name;

    deepest = 0;

    json_object_foreach(json, name, value) {
        depth = depth_of(value);
        deepest = depth > deepest ? depth : deepest;
    }

    json_array_foreach(json, i, value) {
        depth = depth_of(value);
        deepest = depth > deepest ? depth : deepest;
    }

    return deepest + (json_is_object(json) || json_is_array(json));
}


/* whether a decoder that is careless of case takes one name for the other */

static int
alike(const char *name, const char *own)
{
    size_t       i, n;
    const char  *letter;

    static const struct {
        const char  *text;
        char         letter;
    } others[] = {
        { "\xc4\xb0", 'i' }, { "\xc4\xb1", 'i' }, { "\xc5\xbf", 's' },
        { "\xe2\x84\xaa", 'k' }
    };

    for ( /* void */ ; *name && *own; own++) {

        letter = name;
        n = 1;

        for (i = 0; i < 4; i++) {

            if (strncmp(name, others[i].text, strlen(others[i].text)) == 0) {
                letter = &others[i].letter;
                n = strlen(others[i].text);
            }
        }

        if (tolower(*letter) != tolower(*own)) {
            return 0;
        }

        name += n;
    }

    return *name == *own;
}


static void
check_strings(json_t *value, const char *text, size_t size)
{
    int  whole;

    fuzz_check(json_is_string(value));

    if (memchr(text, '\0', size) == NULL
        && fuzz_utf8((const uint8_t *) text, size, &whole) == FUZZ_NONE
        && whole)
    {
        fuzz_check(json_string_length(value) == size
                   && memcmp(json_string_value(value), text, size) == 0);
    }
}


/* both are objects: the one that was stamped, and the client's */

static void
check_members(const ngx_websocket_stamp_t *stamp, json_t *out, json_t *in)
{
    int          own;
    void        *next;
    json_t      *value, *rest;
    unsigned     i;
    const char  *name;

    if (stamp->names[NGX_WEBSOCKET_STAMP_FROM].size) {
        value = json_object_get(out, "K.from");
        fuzz_check(value);

        if (stamp->from) {
            check_strings(value, stamp->from, stamp->from_size);

        } else {
            fuzz_check(json_is_null(value));
        }
    }

    if (stamp->names[NGX_WEBSOCKET_STAMP_SEQUENCE].size) {
        fuzz_check(json_integer_value(json_object_get(out, "sequence"))
                   == 17);
    }

    if (stamp->names[NGX_WEBSOCKET_STAMP_CHANNEL].size) {
        check_strings(json_object_get(out, "channel"), stamp->channel,
                      stamp->channel_size);
    }

    if (stamp->names[NGX_WEBSOCKET_STAMP_TIME].size) {
        fuzz_check(strcmp(json_string_value(json_object_get(out, "time")),
                          "2023-11-14T22:13:20.123Z") == 0);
    }

    if (stamp->names[NGX_WEBSOCKET_STAMP_TIME_2].size) {
        fuzz_check(json_equal(json_object_get(out, "at"),
                              json_object_get(out, "time"))
                   || stamp->names[NGX_WEBSOCKET_STAMP_TIME].size == 0);
    }

    if (stamp->names[NGX_WEBSOCKET_STAMP_LENGTH].size) {
        value = json_object_get(out, "length");
        fuzz_check(stamp->length < 0 ? json_is_null(value)
                   : json_integer_value(value) == stamp->length);
    }

    rest = json_copy(in);

    json_object_foreach_safe(in, next, name, value) {

        for (i = 0, own = 0; i < NGX_WEBSOCKET_STAMP_FIELDS; i++) {
            own |= stamp->names[i].size && alike(name, stamp->names[i].data);
        }

        if (own) {
            json_object_del(rest, name);
        }
    }

    for (i = 0; i < NGX_WEBSOCKET_STAMP_FIELDS; i++) {

        if (stamp->names[i].size) {
            json_object_del(out, stamp->names[i].data);
        }
    }

    fuzz_check(json_equal(out, rest));

    json_decref(rest);
}


static void
put_number(ngx_websocket_json_text_t *text, size_t number)
{
    if (number) {
        ngx_websocket_json_append(text, "  ", 2);
        memmove(text->data + number + 2, text->data + number,
                text->size - 2 - number);
        memcpy(text->data + number, "17", 2);
    }
}


static void
check(const ngx_websocket_stamp_t *stamp, const uint8_t *p, size_t n)
{
    json_t                      *in, *out;
    size_t                       number;
    uint8_t                     *copy;
    json_error_t                 from;
    ngx_websocket_json_e         rc;
    ngx_websocket_json_text_t    text = { NULL, 0, 0, 0, 0, 0 };
    ngx_websocket_json_error_t   error;

    copy = fuzz_copy(p, n);
    rc = ngx_websocket_stamp((char *) copy, n, stamp, &text, &number,
                             &error);
    free(copy);

    /* jansson passes over a zero behind a number or a word */

    if (n && memchr(p, '\0', n)) {
        fuzz_check(rc == NGX_WEBSOCKET_JSON_REFUSED);
        ngx_websocket_json_text_done(&text);
        return;
    }

    in = json_loadb((const char *) p, n, JSON_DECODE_ANY, &from);

    if (rc == NGX_WEBSOCKET_JSON_REFUSED) {
        fuzz_check(!json_is_object(in)
                   || depth_of(in) > NGX_WEBSOCKET_JSON_DEPTH);

    } else if (in) {
        fuzz_check(rc == NGX_WEBSOCKET_JSON_OK && json_is_object(in));

        /* no name of the server's may be there a second time */

        put_number(&text, number);
        out = json_loadb(text.data, text.size, 0, &from);
        fuzz_check(out);
        check_members(stamp, out, in);
        json_decref(out);

    } else {
        fuzz_check(json_error_code(&from) == json_error_numeric_overflow
                   || json_error_code(&from) == json_error_null_character
                   || json_error_code(&from) == json_error_null_byte_in_key
                   || json_error_code(&from) == json_error_invalid_utf8
                   || strstr(from.text, "invalid Unicode") == from.text);
    }

    ngx_websocket_json_text_done(&text);
    json_decref(in);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                       i, size;
    ngx_websocket_stamp_t        stamp;
    ngx_websocket_stamp_name_t   names[NGX_WEBSOCKET_STAMP_FIELDS];

    /* what is there since the corpora were made has the bits above theirs */

    static const unsigned char  bits[] = { 1, 2, 4, 0x20, 0, 8, 0x40 };

    static const char  *own[] = {
        "sequence", "K.from", "time", "at", "", "channel", "length"
    };

    if (n < 2) {
        return 0;
    }

    memset(&stamp, 0, sizeof(stamp));

    size = p[1] < n - 2 ? p[1] : n - 2;

    for (i = 0; i < NGX_WEBSOCKET_STAMP_FIELDS; i++) {
        names[i].data = own[i];
        names[i].size = p[0] & bits[i] ? strlen(own[i]) : 0;
    }

    stamp.names = names;
    stamp.time = UINT64_C(1700000000123);
    stamp.from = p[0] & 0x10 ? (const char *) p + 2 : NULL;
    stamp.from_size = size;
    stamp.channel = (const char *) p + 2;
    stamp.channel_size = size;
    stamp.length = p[1] == 0 ? -1 : p[1];

    check(&stamp, p + 2 + size, n - 2 - size);

    return 0;
}
