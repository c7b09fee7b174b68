
/*
 * Message types out of JSON Schema: the input is a schema and, behind a zero,
 * a message.  A schema that is refused says why; of one that makes a type, the
 * type and a slow reading of the schema itself must agree on the message.
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
#include "message/schema_pattern.c"
#include "message/schema_field.c"
#include "message/schema_one_of.c"
#include "message/schema.c"
#include "types.h"


static const ngx_websocket_json_limits_t  limits = { 4096, 64, 500 };

static json_t  *root;


static int valid(json_t *schema, json_t *json, int depth);


/* all patterns match a text of an even size: what they say is held elsewhere */

static void *
compile(void *data, const char *pattern, char *error, size_t size)
{
    (void) data;

    fuzz_check(strncmp(pattern, "(*UTF8)", 7) == 0);
    (void) snprintf(error, size, "x");

    return strchr(pattern, ')') ? &root : NULL;
}


static int
match(void *data, void *regex, const char *text, size_t size)
{
    (void) data;

    fuzz_check(regex == &root && text);

    return size % 2 == 0;
}


static ngx_websocket_type_t *
create(void *data, const char *name, char *error, size_t size)
{
    static const ngx_websocket_type_maker_t  maker = {
        NULL, find, compile, match
    };

    (void) data;

    if (types_count == TYPES_MAX || find(NULL, name)) {
        (void) snprintf(error, size, "one too many");
        return NULL;
    }

    types[types_count] = ngx_websocket_type_create(name, &maker, error, size);
    fuzz_check(types[types_count] != NULL);

    return types[types_count++];
}


static int
view(void *data, ngx_websocket_type_t *type, const char *name, char *error,
    size_t size)
{
    (void) data;
    (void) error;
    (void) size;

    fuzz_check(ngx_websocket_type_find_view(type, name, strlen(name)));

    return 0;
}


static const ngx_websocket_schema_host_t  host = { NULL, create, view };


/* what a variant says the property of that name is, when it must be there */

static json_t *
constant(json_t *variant, const char *name)
{
    size_t   i;
    json_t  *one, *value;

    value = json_object_get(json_object_get(json_object_get(variant,
                                                            "properties"),
                                            name), "const");

    json_array_foreach(json_object_get(variant, "required"), i, one) {

        if (json_is_string(value) && json_is_string(one)
            && strcmp(json_string_value(one), name) == 0)
        {
            return value;
        }
    }

    return NULL;
}


/* of the variants of a schema the one whose type's name goes on so */

static json_t *
variant_of(json_t *schema, const char *rest, size_t *n)
{
    int          all;
    size_t       i;
    json_t      *list, *one, *value;
    const char  *name;

    list = json_object_get(schema, "oneOf");

    json_object_foreach(json_object_get(json_array_get(list, 0),
                                        "properties"), name, value)
    {
        all = 1;

        json_array_foreach(list, i, one) {
            all &= constant(one, name) != NULL;
        }

        if (!all) {
            continue;
        }

        json_array_foreach(list, i, one) {
            *n = json_string_length(constant(one, name));

            if (strncmp(rest, json_string_value(constant(one, name)), *n) == 0
                && (rest[*n] == '.' || rest[*n] == '\0'))
            {
                return one;
            }
        }

        return NULL;
    }

    return NULL;
}


/* the schema of the type of a name: "t.where.there" */

static json_t *
resolve(const char *name)
{
    size_t   n;
    json_t  *schema;

    fuzz_check(*name == 't');

    for (schema = root, name++; *name == '.'; name += n) {

        name++;

        if (json_object_get(schema, "oneOf")) {
            schema = variant_of(schema, name, &n);
            continue;
        }

        n = strcspn(name, ".");
        schema = json_object_getn(json_object_get(schema, "properties"), name,
                                  n);

        if (json_object_get(schema, "items")) {
            schema = json_object_get(schema, "items");
        }
    }

    fuzz_check(schema && *name == '\0');

    return schema;
}


static long double
number(json_t *json)
{
    return json_is_integer(json) ? (long double) json_integer_value(json)
                                 : (long double) json_real_value(json);
}


static int
is(json_t *json, const char *type)
{
    switch (*type) {

    case 'a':
        return json_is_array(json);
    case 'b':
        return json_is_boolean(json);
    case 'i':
        return json_is_integer(json)
               || (json_is_real(json)
                   && fabs(json_real_value(json)) <= 0x1p53
                   && floor(json_real_value(json)) == json_real_value(json));
    case 'n':
        return type[2] == 'l' ? json_is_null(json) : json_is_number(json);
    case 'o':
        return json_is_object(json);
    default:
        return json_is_string(json);
    }
}


static int
within(json_t *schema, const char *least, const char *most, long double value)
{
    json_t  *min, *max;

    min = json_object_get(schema, least);
    max = json_object_get(schema, most);

    return !(min && value < number(min)) && !(max && value > number(max));
}


static int
valid_string(json_t *schema, json_t *json)
{
    size_t       i, n;
    json_t      *rule;
    const char  *text;

    text = json_string_value(json);

    for (i = 0, n = 0; text[i]; i++) {
        n += (unsigned char) text[i] < 0x80 || (unsigned char) text[i] > 0xbf;
    }

    if (!within(schema, "minLength", "maxLength", (long double) n)
        || (json_object_get(schema, "pattern") && i % 2))
    {
        return 0;
    }

    rule = json_object_get(schema, "format");

    return rule == NULL
           || ngx_websocket_format_find(json_string_value(rule))
                  ->check(text, i);
}


static int
valid_array(json_t *schema, json_t *json, int depth)
{
    size_t   i;
    json_t  *items, *item;

    items = json_object_get(schema, "items");

    json_array_foreach(json, i, item) {

        if (items && !valid(items, item, depth)) {
            return 0;
        }
    }

    return within(schema, "minItems", "maxItems",
                  (long double) json_array_size(json));
}


/* of an object that was counted already: one of them, and no other */

static int
valid_one_of(json_t *list, json_t *json, int depth)
{
    int      found;
    size_t   i;
    json_t  *one;

    found = 0;

    json_array_foreach(list, i, one) {
        found += valid(one, json, depth - 1);
    }

    return found == 1;
}


static int
valid_object(json_t *schema, json_t *json, int depth)
{
    size_t       i;
    json_t      *rule, *value;
    const char  *name;

    rule = json_object_get(schema, "x-type");

    if (rule) {
        return valid(resolve(json_string_value(rule)), json, depth);
    }

    /* any object is no type's */

    if (json_object_get(schema, "properties")
        || json_object_get(schema, "required")
        || json_object_get(schema, "additionalProperties")
        || json_object_get(schema, "oneOf") || depth == 0)
    {
        depth++;
    }

    if (depth > NGX_WEBSOCKET_TYPE_DEPTH) {
        return 0;
    }

    if (!within(schema, "minProperties", "maxProperties",
                (long double) json_object_size(json)))
    {
        return 0;
    }

    rule = json_object_get(schema, "oneOf");

    if (rule) {
        return valid_one_of(rule, json, depth);
    }

    json_array_foreach(json_object_get(schema, "required"), i, rule) {

        if (!json_object_get(json, json_string_value(rule))) {
            return 0;
        }
    }

    json_object_foreach(json, name, value) {

        rule = json_object_get(json_object_get(schema, "properties"), name);

        if (rule == NULL) {
            rule = json_object_get(schema, "additionalProperties");
        }

        if (json_is_object(rule) ? !valid(rule, value, depth)
                                 : json_is_false(rule))
        {
            return 0;
        }
    }

    return 1;
}


static int
valid(json_t *schema, json_t *json, int depth)
{
    int      good, found;
    size_t   i;
    json_t  *type, *list, *one;

    type = json_object_get(schema, "type");
    good = type == NULL || (json_is_string(type)
                            && is(json, json_string_value(type)));

    json_array_foreach(type, i, one) {
        good |= is(json, json_string_value(one));
    }

    /* one of these, also where null is of the type */

    list = json_object_get(schema, "enum");
    found = list == NULL;

    json_array_foreach(list, i, one) {
        found |= json_equal(one, json);
    }

    one = json_object_get(schema, "const");

    if (one) {
        found &= json_is_number(one) && json_is_number(json)
                 ? number(one) == number(json) : json_equal(one, json);
    }

    if (json_object_get(schema, "oneOf")) {
        found &= json_is_object(json);
    }

    if (!good || !found) {
        return 0;
    }

    switch (json_typeof(json)) {

    case JSON_STRING:
        return valid_string(schema, json);

    case JSON_INTEGER:
    case JSON_REAL:
        return within(schema, "minimum", "maximum", number(json));

    case JSON_ARRAY:
        return valid_array(schema, json, depth);

    case JSON_OBJECT:
        return valid_object(schema, json, depth);

    default:
        return 1;
    }
}


static void
check_message(const char *text, size_t size)
{
    int                          good;
    json_t                      *json;
    ngx_websocket_json_error_t   error;

    if (ngx_websocket_json_decode(text, size, &limits, &json, &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return;
    }

    good = ngx_websocket_type_check(types[0], json, &error)
           == NGX_WEBSOCKET_JSON_OK;

    fuzz_check(good == valid(root, json, 0));

    if (good) {

        /* what it is given keeps the rules too, and nothing is missing then */

        fuzz_check(ngx_websocket_type_defaults(types[0], json, SIZE_MAX) >= 0);
        fuzz_check(valid(root, json, 0));
        fuzz_check(ngx_websocket_type_defaults(types[0], json, SIZE_MAX) == 0);
    }

    json_decref(json);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                            rc;
    size_t                         size;
    uint8_t                       *copy;
    const uint8_t                 *end;
    ngx_websocket_schema_error_t   error;

    end = n ? memchr(p, '\0', n) : NULL;
    size = end ? (size_t) (end - p) : n;
    copy = fuzz_copy(p, size);

    memset(&error, 0, sizeof(error));

    rc = ngx_websocket_schema_make((char *) copy, size, "t", &host, &error);

    fuzz_check(rc == 0 || error.reason[0]);

    if (rc == 0 && end) {
        root = json_loadb((char *) copy, size, 0, NULL);
        fuzz_check(root != NULL);
        check_message((const char *) end + 1, n - size - 1);
        json_decref(root);
    }

    while (types_count) {
        ngx_websocket_type_destroy(types[--types_count]);
    }

    free(copy);

    return 0;
}
