
/*
 * Message types.  With an odd first byte the rest is a type's directives, a
 * line each, which must be refused or make a type.  With an even one it is a
 * message: how it is read is held against jansson alone, how it is checked
 * against the same rules in plain C, and what a view shows against jansson's
 * objects.
 */

#include <math.h>

#include "fuzz.h"
#include "message/json.c"
#include "message/scan.c"
#include "message/format.c"
#include "message/view.c"
#include "message/type.c"
#include "message/type_by.c"
#include "message/type_check.c"


#define WORDS  12
#define DEPTH  12


static const ngx_websocket_json_limits_t  limits = { 4096, DEPTH, 200 };

static ngx_websocket_type_t  *item, *message_type;


static ngx_websocket_type_t *
find(void *data, const char *name)
{
    (void) data;

    return strcmp(name, "item") == 0 ? item
           : strcmp(name, "message") == 0 ? message_type : NULL;
}


static const ngx_websocket_type_maker_t  maker = { NULL, find, NULL, NULL };


static int
directive(ngx_websocket_type_t *type, char *line)
{
    int          rc;
    char         error[100], *p;
    size_t       n;
    const char  *words[WORDS];

    n = 0;

    for (p = strtok(line, " "); p && n < WORDS; p = strtok(NULL, " ")) {
        words[n++] = p;
    }

    if (n == 0) {
        return 0;
    }

    error[0] = '\0';

    rc = !strcmp(words[0], "view")
         ? ngx_websocket_type_view(type, words + 1, n - 1, error, 100)
         : !strcmp(words[0], "by")
         ? ngx_websocket_type_by(type, words + 1, n - 1, error, 100)
         : !strcmp(words[0], "additional")
         ? ngx_websocket_type_additional(type, words + 1, n - 1, error, 100)
         : ngx_websocket_type_field(type, words + 1, n - 1, error, 100);

    fuzz_check(rc == 0 || error[0]);

    return rc;
}


static void
check_directives(const uint8_t *p, size_t n)
{
    int                          rc;
    char                        *text, *line, *end, error[100];
    json_t                      *json;
    ngx_websocket_type_t        *type;
    ngx_websocket_json_error_t   wrong;

    text = calloc(1, n + 1);
    fuzz_check(text != NULL);
    memcpy(text, p, n);

    type = ngx_websocket_type_create("t", &maker, error, sizeof(error));
    rc = 0;

    for (line = text; line && rc == 0; line = end) {
        end = strchr(line, '\n');

        if (end) {
            *end++ = '\0';
        }

        rc = directive(type, line);
    }

    if (rc == 0) {
        json = json_object();

        if (ngx_websocket_type_check(type, json, &wrong)
            == NGX_WEBSOCKET_JSON_OK)
        {
            fuzz_check(ngx_websocket_type_defaults(type, json, SIZE_MAX) >= 0);
            fuzz_check(ngx_websocket_type_check(type, json, &wrong)
                       == NGX_WEBSOCKET_JSON_OK);
            fuzz_check(ngx_websocket_type_defaults(type, json, SIZE_MAX) == 0);
        }

        json_decref(json);
    }

    ngx_websocket_type_destroy(type);
    free(text);
}


static void
make_types(void)
{
    size_t  i;
    char    line[100], error[100];

    static const char  *items[] = {
        "field value number required min=-0.5 max=9007199254740992",
        "field unit string nullable default=ms max=3"
    };
    static const char  *fields[] = {
        "field level string required enum=error|warn",
        "field count integer min=-2 default=7",
        "field items array of=item min=1 max=2",
        "field names array of=string",
        "field item object of=item",
        "field parent object of=message",
        "field on boolean",
        "field data object",
        "field any any",
        "view some parent.level any data.a.b level data.c"
    };

    item = ngx_websocket_type_create("item", &maker, error, sizeof(error));
    message_type = ngx_websocket_type_create("message", &maker, error,
                                             sizeof(error));

    for (i = 0; i < 2; i++) {
        strcpy(line, items[i]);
        fuzz_check(directive(item, line) == 0);
    }

    for (i = 0; i < 10; i++) {
        strcpy(line, fields[i]);
        fuzz_check(directive(message_type, line) == 0);
    }
}


static int
known(json_t *json, const char *names)
{
    json_t      *value;
    char         word[64];
    const char  *name;

    json_object_foreach(json, name, value) {
        snprintf(word, sizeof(word), " %.60s ", name);

        if (strchr(name, ' ') || strlen(name) > 10 || !strstr(names, word)) {
            return 0;
        }
    }

    return json_is_object(json);
}


static int
valid_item(json_t *json)
{
    size_t   i, n;
    json_t  *value, *unit;

    value = json_object_get(json, "value");
    unit = json_object_get(json, "unit");

    if (!known(json, " value unit ") || !json_is_number(value)
        || (json_is_integer(value)
            && json_integer_value(value) > INT64_C(9007199254740992))
        || json_number_value(value) > 9007199254740992.0
        || json_number_value(value) < -0.5)
    {
        return 0;
    }

    if (json_is_string(unit)) {
        const char  *p = json_string_value(unit);

        for (i = 0, n = 0; p[i]; i++) {
            n += (unsigned char) p[i] < 0x80 || (unsigned char) p[i] > 0xbf;
        }

        return n <= 3;
    }

    return unit == NULL || json_is_null(unit);
}


static int
valid_message(json_t *json)
{
    int          valid;
    double       count;
    size_t       i;
    json_t      *value, *other;
    const char  *level;

    level = json_string_value(json_object_get(json, "level"));
    valid = known(json, " level count items names item parent on data any ")
            && level && (!strcmp(level, "error") || !strcmp(level, "warn"));

    if ((value = json_object_get(json, "count"))) {
        count = json_number_value(value);
        valid &= json_is_integer(value)
                 || (json_is_real(value) && fabs(count) <= 0x1p53
                     && floor(count) == count);
        valid &= count >= -2;
    }

    if ((value = json_object_get(json, "items"))) {
        valid &= json_array_size(value) == 1 || json_array_size(value) == 2;

        json_array_foreach(value, i, other) {
            valid &= valid_item(other);
        }
    }

    if ((value = json_object_get(json, "names"))) {
        valid &= json_is_array(value);

        json_array_foreach(value, i, other) {
            valid &= json_is_string(other);
        }
    }

    if ((value = json_object_get(json, "item"))) {
        valid &= valid_item(value);
    }

    if ((value = json_object_get(json, "parent"))) {
        valid &= valid_message(value);
    }

    if ((value = json_object_get(json, "on"))) {
        valid &= json_is_boolean(value);
    }

    if ((value = json_object_get(json, "data"))) {
        valid &= json_is_object(value);
    }

    return valid;
}


/* what is written is read again as the same */

static void
check_text(ngx_websocket_json_text_t *text, json_t *expected)
{
    json_t  *json;

    fuzz_check(!text->failed);

    json = json_loadb(text->data, text->size,
                      JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, NULL);

    fuzz_check(json && json_equal(json, expected));

    json_decref(json);
}


static void
show(json_t *to, const char *name, json_t *from)
{
    json_t  *value;

    value = json_object_get(from, name);

    if (value) {
        json_object_set(to, name, value);
    }
}


/* parent.level any data.a.b level data.c */

static void
check_view(json_t *json)
{
    json_t                      *expected, *a, *b;
    ngx_websocket_json_text_t    text = { NULL, 0, 0, 0, 0, 0 };

    expected = json_object();

    if (json_is_object(json_object_get(json, "parent"))) {
        a = json_object();
        show(a, "level", json_object_get(json, "parent"));
        json_object_set_new(expected, "parent", a);
    }

    if (json_is_object(json_object_get(json, "data"))) {
        a = json_object();
        json_object_set_new(expected, "data", a);
        show(a, "c", json_object_get(json, "data"));

        if (json_is_object(json_object_get(json_object_get(json, "data"),
                                           "a")))
        {
            b = json_object();
            json_object_set_new(a, "a", b);
            show(b, "b", json_object_get(json_object_get(json, "data"), "a"));
        }
    }

    show(expected, "any", json);
    show(expected, "level", json);

    fuzz_check(ngx_websocket_view_project(
                   ngx_websocket_type_find_view(message_type, "some", 4),
                   json, &text) == 0);
    check_text(&text, expected);

    ngx_websocket_json_text_done(&text);
    json_decref(expected);
}


static int
defaults_of_item(json_t *json)
{
    return json && !json_object_get(json, "unit");
}


static int
defaults_of(json_t *json)
{
    int      n;
    size_t   i;
    json_t  *other;

    n = !json_object_get(json, "count")
        + defaults_of_item(json_object_get(json, "item"));

    json_array_foreach(json_object_get(json, "items"), i, other) {
        n += defaults_of_item(other);
    }

    other = json_object_get(json, "parent");

    return other ? n + defaults_of(other) : n;
}


static void
check_type(json_t *json)
{
    int                          n;
    ngx_websocket_json_error_t   error;

    if (ngx_websocket_type_check(message_type, json, &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        json = json_object();
        fuzz_check(json_object_set_new(json, error.path,
                                       json_string(error.rule)) == 0);
        json_decref(json);
        return;
    }

    n = defaults_of(json);
    fuzz_check(ngx_websocket_type_defaults(message_type, json, SIZE_MAX) == n);
    fuzz_check(ngx_websocket_type_check(message_type, json, &error)
               == NGX_WEBSOCKET_JSON_OK);
    fuzz_check(ngx_websocket_type_defaults(message_type, json, SIZE_MAX) == 0);
}


static int
measure(json_t *json, int *values)
{
    int          depth, deepest;
    json_t      *value;
    size_t       i;
    const char  *name;

    deepest = 0;
    *values += 1;

    json_object_foreach(json, name, value) {
        depth = measure(value, values);
        deepest = depth > deepest ? depth : deepest;
    }

    json_array_foreach(json, i, value) {
        depth = measure(value, values);
        deepest = depth > deepest ? depth : deepest;
    }

    return deepest + (json_is_object(json) || json_is_array(json));
}


static void
check_message(const uint8_t *p, size_t n)
{
    int                          values;
    json_t                      *json, *expected;
    uint8_t                     *copy;
    ngx_websocket_json_e         rc;
    ngx_websocket_json_text_t    text = { NULL, 0, 0, 0, 0, 0 };
    ngx_websocket_json_error_t   error;

    copy = fuzz_copy(p, n);
    rc = ngx_websocket_json_decode((char *) copy, n, &limits, &json, &error);
    free(copy);

    expected = json_loadb((const char *) p, n,
                          JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, NULL);
    values = 0;

    if (rc != NGX_WEBSOCKET_JSON_OK) {

        /*
         * An empty container may count for two; and jansson passes over a zero
         * behind a number or a word.
         */

        fuzz_check(expected == NULL || n > limits.size || memchr(p, '\0', n)
                   || measure(expected, &values) > DEPTH || values > 100);
        json_decref(expected);
        return;
    }

    fuzz_check(expected && json_equal(json, expected));
    fuzz_check(measure(json, &values) <= DEPTH && values <= 200);
    json_decref(expected);

    ngx_websocket_json_append_value(&text, json);
    check_text(&text, json);
    ngx_websocket_json_text_done(&text);

    check_view(json);

    fuzz_check(valid_message(json)
               == (ngx_websocket_type_check(message_type, json, &error)
                   == NGX_WEBSOCKET_JSON_OK));
    check_type(json);

    json_decref(json);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (item == NULL) {
        make_types();
    }

    if (n && p[0] & 1) {
        check_directives(p + 1, n - 1);

    } else if (n) {
        check_message(p + 1, n - 1);
    }

    return 0;
}
