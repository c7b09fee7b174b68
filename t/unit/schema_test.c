
/* Message types out of JSON Schema, and what is refused in one, and where. */


#include "unit.h"
#include "memory.h"
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


static char  views[64];

static ngx_websocket_json_limits_t  limits = { 65536, 64, 4096 };


/* a pattern matches what begins as it does behind "^" */

static void *
compile(void *data, const char *pattern, char *error, size_t size)
{
    (void) data;

    if (strstr(pattern, "))")) {
        snprintf(error, size, "unmatched )");
        return NULL;
    }

    return (void *) (uintptr_t) pattern[sizeof("(*UTF8)^") - 1];
}


static int
match(void *data, void *regex, const char *text, size_t size)
{
    (void) data;

    return size && text[0] == (char) (uintptr_t) regex;
}


static ngx_websocket_type_t *
create(void *data, const char *name, char *error, size_t size)
{
    ngx_websocket_type_t  *type;

    static const ngx_websocket_type_maker_t  maker = {
        NULL, find, compile, match
    };

    (void) data;

    if (find(NULL, name)) {
        snprintf(error, size, "duplicate message type \"%s\"", name);
        return NULL;
    }

    type = ngx_websocket_type_create(name, &maker, error, size);

    if (type) {
        types[types_count++] = type;
    }

    return type;
}


static int
view(void *data, ngx_websocket_type_t *type, const char *name, char *error,
    size_t size)
{
    (void) data;

    if (strlen(views) + strlen(name) > 20) {
        snprintf(error, size, "more than 20 letters of views");
        return -1;
    }

    strcat(strcat(strcat(views, ngx_websocket_type_name(type)), "/"), name);

    return 0;
}


static const ngx_websocket_schema_host_t  host = { NULL, create, view };


static int
make(const char *name, const char *text, ngx_websocket_schema_error_t *error)
{
    int       rc;
    size_t    n;
    uint8_t  *p;

    n = strlen(text);
    p = unit_guarded(n);
    memcpy(p, text, n);
    views[0] = '\0';

    rc = ngx_websocket_schema_make((char *) p, n, name, &host, error);

    unit_unguard(p, n);

    return rc;
}


static void
forget(void)
{
    size_t  i;

    for (i = 0; i < types_count; i++) {
        ngx_websocket_type_destroy(types[i]);
    }

    types_count = 0;
}


static ngx_websocket_type_t *
good(const char *name, const char *text)
{
    ngx_websocket_schema_error_t  error;

    if (make(name, text, &error) != 0) {
        unit_ok(0, "%s at %s: %s", text, error.place, error.reason);
        exit(1);
    }

    return find(NULL, name);
}


/* what is said of a message: "path: rule", or "" */

static void
says(const char *name, const char *text, const char *expected)
{
    char                         got[400];
    json_t                      *json;
    ngx_websocket_json_error_t   error;

    got[0] = '\0';

    if (ngx_websocket_json_decode(text, strlen(text), &limits, &json, &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        unit_ok(0, "%s: %s", text, error.rule);
        return;
    }

    if (ngx_websocket_type_check(find(NULL, name), json, &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        snprintf(got, sizeof(got), "%s: %s", error.path, error.rule);
    }

    json_decref(json);

    unit_ok(strcmp(got, expected) == 0, "%s: %s -> %s", name, text, got);
}


/* a value of a property "v" with a schema */

static void
value(const char *schema, const char *text, const char *expected)
{
    char  full[600], message[300], refused[300];

    snprintf(full, sizeof(full), "{\"type\":\"object\",\"properties\":"
             "{\"v\":%s}}", schema);
    snprintf(message, sizeof(message), "{\"v\":%s}", text);
    snprintf(refused, sizeof(refused), "v: %s", expected);

    (void) good("t", full);
    says("t", message, *expected ? refused : "");
    forget();
}


static void
kinds(void)
{
    size_t  i, k;
    char    schema[60], error[64];

    static const char  *values[] = {
        "\"a\"", "1", "1.5", "true", "[]", "{}", "null"
    };
    static const char  *names[] = {
        "string", "integer", "number", "boolean", "array", "object", "null"
    };

    for (k = 0; k < 6; k++) {

        for (i = 0; i < 7; i++) {

            snprintf(error, sizeof(error), "expected %s, got %s", names[k],
                     names[i]);

            if (k == i || (k == 2 && i == 1)) {
                error[0] = '\0';
            }

            snprintf(schema, sizeof(schema), "{\"type\":\"%s\"}", names[k]);
            value(schema, values[i], error);

            if (i == 6) {
                error[0] = '\0';
            }

            snprintf(schema, sizeof(schema), "{\"type\":[\"%s\",\"%s\"]}",
                     names[i & 1 ? k : 6], names[i & 1 ? 6 : k]);
            value(schema, values[i], error);
        }
    }

    for (i = 0; i < 7; i++) {
        value("{}", values[i], "");
    }

    value("{\"type\":\"integer\"}", "5.0", "");
}


static void
rules(void)
{
    value("{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", "\"\u20ac\"",
          "expected at least 2 characters");
    value("{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
          "\"\u20ac\u20ac\u20ac\u20ac\"", "expected at most 3 characters");
    value("{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}",
          "\"\u20ac\u20ac\u20ac\"", "");
    value("{\"type\":\"array\",\"minItems\":1,\"maxItems\":2}", "[]",
          "expected at least 1 item");
    value("{\"type\":\"array\",\"minItems\":1,\"maxItems\":2}", "[1,\"\",{}]",
          "expected at most 2 items");
    value("{\"type\":\"number\",\"minimum\":-0.1,\"maximum\":1e2}", "-0.11",
          "expected at least -0.1");
    value("{\"type\":\"number\",\"minimum\":-0.1,\"maximum\":1e2}", "-0.1",
          "");
    value("{\"type\":\"number\",\"minimum\":-0.1,\"maximum\":1e2}", "101",
          "expected at most 100");
    value("{\"type\":\"integer\",\"maximum\":9007199254740993}",
          "9007199254740993", "");
    value("{\"type\":\"integer\",\"maximum\":9007199254740993}",
          "9007199254740994", "expected at most 9007199254740993");
    value("{\"type\":\"string\",\"format\":\"uuid\"}", "\"x\"",
          "is not a valid uuid");
    value("{\"type\":\"string\",\"pattern\":\"^x\"}", "\"ax\"",
          "does not match its pattern");
    value("{\"type\":\"string\",\"pattern\":\"^x\"}", "\"xa\"", "");
    value("{\"type\":\"string\",\"enum\":[\"a b\",\"c=d\"]}", "\"c=d\"", "");
    value("{\"type\":\"string\",\"enum\":[\"a b\",\"c=d\"]}", "\"a\"",
          "expected one of a b|c=d");
    value("{\"type\":[\"string\",\"null\"],\"enum\":[null,\"a\"]}", "null",
          "");
    value("{\"type\":[\"null\",\"string\"],\"enum\":[\"a\",null]}", "\"b\"",
          "expected one of a");
    value("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "[\"\"]",
          "");
    value("{\"type\":\"array\",\"items\":{\"type\":\"array\"}}", "[[],[1]]",
          "");
    value("{\"type\":\"array\",\"items\":{}}", "[1,null]", "");
    value("{\"type\":\"array\",\"items\":{\"type\":\"object\"}}", "[{\"a\":1}]",
          "");
    value("{\"$comment\":1,\"title\":2,\"description\":3,\"examples\":4,"
          "\"$id\":5,\"$schema\":6}", "1", "");
}


static void
objects(void)
{
    char                          text[200];
    json_t                       *json;
    ngx_websocket_type_t         *type;
    const ngx_websocket_view_t   *some;
    ngx_websocket_json_text_t     out = { NULL, 0, 0, 0, 0, 0 };

    (void) good("point", "{\"type\":\"object\",\"required\":[\"x\"],"
                "\"properties\":{\"x\":{\"type\":\"number\"},"
                "\"unit\":{\"type\":\"string\",\"default\":\"a b=\\\"\"}},"
                "\"additionalProperties\":false}");

    type = good("m", "{\"type\":\"object\",\"properties\":{"
                "\"at\":{\"type\":\"object\",\"x-type\":\"point\"},"
                "\"path\":{\"type\":\"array\",\"items\":"
                "{\"type\":\"object\",\"x-type\":\"point\"}},"
                "\"in\":{\"type\":[\"object\",\"null\"],"
                "\"required\":[\"b\",\"a\"],\"properties\":{"
                "\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"object\","
                "\"properties\":{\"c\":{}},\"additionalProperties\":false}}},"
                "\"list\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
                "\"properties\":{\"n\":{\"type\":\"integer\",\"default\":7}},"
                "\"additionalProperties\":false}},"
                "\"none\":{\"type\":\"object\","
                "\"additionalProperties\":false},"
                "\"again\":{\"type\":\"object\",\"x-type\":\"m\"},"
                "\"on\":{\"type\":\"boolean\",\"default\":true}},"
                "\"x-views\":{\"one\":[\"on\",\"in.b.c\"],\"two\":[\"list\"]},"
                "\"additionalProperties\":true}");

    unit_ok(strcmp(views, "m/onem/two") == 0, "views: %s", views);
    unit_ok(types_count == 6, "%zu types", types_count);

    says("m", "{\"other\":1,\"in\":null}", "");
    says("m", "{\"at\":{\"x\":1},\"path\":[{\"x\":1},{}]}",
         "path[1].x: is required");
    says("m", "{\"at\":{\"x\":1,\"y\":1}}", "at.y: is not a field of point");
    says("m", "{\"in\":{\"b\":{}}}", "in.a: is required");
    says("m", "{\"in\":{\"b\":{\"d\":1},\"a\":1,\"z\":1}}",
         "in.b.d: is not a field of m.in.b");
    says("m", "{\"in\":{\"b\":{\"c\":[]},\"a\":1,\"z\":1}}", "");
    says("m", "{\"list\":[{\"n\":1},{\"n\":\"1\"}]}",
         "list[1].n: expected integer, got string");
    says("m", "{\"none\":{\"a\":1}}", "none.a: is not a field of m.none");
    says("m", "{\"again\":{\"again\":{\"on\":1}}}",
         "again.again.on: expected boolean, got integer");

    json = json_loads("{\"list\":[{}],\"at\":{\"x\":1},\"again\":{}}", 0,
                      NULL);
    unit_ok(ngx_websocket_type_defaults(type, json, SIZE_MAX) == 4,
            "four defaults");
    ngx_websocket_json_append_value(&out, json);
    ngx_websocket_json_append(&out, "", 1);
    unit_ok(strcmp(out.data, "{\"list\":[{\"n\":7}],\"at\":{\"x\":1,"
                   "\"unit\":\"a b=\\\"\"},\"again\":{\"on\":true},"
                   "\"on\":true}") == 0, "%s", out.data);
    json_decref(json);

    json = json_loads("{\"in\":{\"b\":{\"c\":1,\"d\":2}},\"on\":true,\"z\":1}",
                      0, NULL);
    some = ngx_websocket_type_find_view(type, "one", 3);
    out.size = 0;
    (void) ngx_websocket_view_project(some, json, &out);
    snprintf(text, sizeof(text), "%.*s", (int) out.size, out.data);
    unit_ok(strcmp(text, "{\"on\":true,\"in\":{\"b\":{\"c\":1}}}") == 0,
            "view one: %s", text);
    json_decref(json);

    ngx_websocket_json_text_done(&out);
    forget();
}


static void
refused(const char *text, const char *place, const char *reason)
{
    int                           rc;
    const char                   *line;
    ngx_websocket_schema_error_t  error;

    (void) good("other", "{\"type\":\"object\"}");
    (void) good("t.taken", "{\"type\":\"object\"}");

    rc = make("t", text, &error);

    /* a test's name is one line */

    line = strchr(text, '\n');

    unit_ok(rc == -1 && strcmp(error.place, place) == 0
            && strcmp(error.reason, reason) == 0, "%.60s -> %s: %s",
            line ? line + 1 : text, error.place, error.reason);
    forget();
}


/* a property "v" */

static void
property(const char *schema, const char *place, const char *reason)
{
    char  full[600], where[300];

    snprintf(full, sizeof(full), "{\"type\":\"object\",\"properties\":"
             "{\"v\":%s}}", schema);
    snprintf(where, sizeof(where), "/properties/v%s", place);

    refused(full, where, reason);
}


#define TYPES  "must be one of \"string\", \"integer\", \"number\", "         \
               "\"boolean\", \"array\" and \"object\", or a list of one and " \
               "\"null\""


static void
refused_texts(void)
{
    char                          *text;
    ngx_websocket_schema_error_t   error;

    refused("{\"type\":\"object\",\n  \"title\" 1}", "line 2, column 11",
            "is not JSON: ':' expected near '1'");
    refused("", "line 1, column 0",
            "is not JSON: unexpected token near end of file");
    refused("{\"type\":\"object\",\"type\":\"object\"}", "line 1, column 23",
            "is not JSON: duplicate object key near '\"type\"'");
    refused("{\"type\":\"object\"} x", "line 1, column 19",
            "is not JSON: end of file expected near 'x'");
    refused("[]", "", "a schema must be an object");
    refused("true", "", "a schema must be an object");

    unit_ok(ngx_websocket_schema_make("{}\0", 3, "t", &host, &error) == -1
            && strcmp(error.reason, "has a zero byte") == 0, "a zero byte");

    text = malloc(NGX_WEBSOCKET_SCHEMA_SIZE + 1);
    memset(text, ' ', NGX_WEBSOCKET_SCHEMA_SIZE + 1);
    memcpy(text, "{\"type\":\"object\"}", 17);
    unit_ok(ngx_websocket_schema_make(text, NGX_WEBSOCKET_SCHEMA_SIZE, "t",
                                      &host, &error) == 0,
            "as large as it may be");
    forget();
    unit_ok(ngx_websocket_schema_make(text, NGX_WEBSOCKET_SCHEMA_SIZE + 1, "t",
                                      &host, &error) == -1
            && strcmp(error.reason, "is larger than 262144 bytes") == 0,
            "larger");
    free(text);
}


static void
refused_roots(void)
{
    refused("{}", "", "\"type\" must be \"object\": a message is one");
    refused("{\"type\":\"array\"}", "",
            "\"type\" must be \"object\": a message is one");
    refused("{\"type\":[\"object\",\"null\"]}", "",
            "\"type\" must be \"object\": a message is one");
    refused("{\"type\":\"object\",\"x-type\":\"other\"}", "/x-type",
            "this keyword is not supported here");
    refused("{\"type\":\"object\",\"default\":{}}", "/default",
            "this keyword is not supported here");
    refused("{\"type\":\"object\",\"anyOf\":[]}", "/anyOf",
            "this keyword is not supported");
    refused("{\"type\":\"object\",\"a~/\\n\":1}", "/a~0~1?",
            "this keyword is not supported");
    refused("{\"type\":\"object\",\"properties\":[]}", "/properties",
            "must be an object");
    refused("{\"type\":\"object\",\"required\":true}", "/required",
            "must be a list of names");
    refused("{\"type\":\"object\",\"properties\":{\"a\":{}},"
            "\"required\":[\"a\",\"b\"]}", "/required/1",
            "must be a name of \"properties\"");
    refused("{\"type\":\"object\",\"required\":[1]}", "/required/0",
            "must be a name of \"properties\"");
    refused("{\"type\":\"object\",\"additionalProperties\":1}",
            "/additionalProperties", "must be true, false or a schema");
    refused("{\"type\":\"object\",\"additionalProperties\":"
            "{\"type\":\"string\",\"default\":\"x\"}}",
            "/additionalProperties/default",
            "\"additional\": \"default=\" needs a field with a name");
    refused("{\"type\":\"object\",\"additionalProperties\":"
            "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":1}}}}",
            "/additionalProperties/properties/a/type",
            "must be one of \"string\", \"integer\", \"number\", "
            "\"boolean\", \"array\" and \"object\", or a list of one and "
            "\"null\"");
    refused("{\"type\":\"object\",\"minProperties\":1}", "/minProperties",
            "this keyword is not supported here");
    refused("{\"type\":\"object\",\"x-views\":[]}", "/x-views",
            "must be an object of lists");
    refused("{\"type\":\"object\",\"x-views\":{\"v\":\"a\"}}", "/x-views/v",
            "must be a list of names");
    refused("{\"type\":\"object\",\"x-views\":{\"v\":[]}}", "/x-views/v",
            "must be a list of names");
    refused("{\"type\":\"object\",\"x-views\":{\"v\":[\"a\",1]}}",
            "/x-views/v", "must be a list of names");
    refused("{\"type\":\"object\",\"additionalProperties\":false,"
            "\"x-views\":{\"v\":[\"a\"]}}", "/x-views/v",
            "view \"v\": field \"a\" is unknown");
    refused("{\"type\":\"object\",\"x-views\":{\"default\":[\"a\"]}}",
            "/x-views/default",
            "duplicate view \"default\": it is always there");
    refused("{\"type\":\"object\",\"x-views\":"
            "{\"12345678\":[\"a\"],\"1234567890123\":[\"a\"]}}",
            "/x-views/1234567890123", "more than 20 letters of views");
}


/* what each member is, whatever its name */

static void
additional(void)
{
    (void) good("t",
                "{\"type\":\"object\",\"properties\":{"
                "\"sizes\":{\"type\":\"object\",\"maxProperties\":2,"
                "\"additionalProperties\":{\"type\":\"object\","
                "\"required\":[\"w\"],\"properties\":{"
                "\"w\":{\"type\":\"integer\"}},"
                "\"additionalProperties\":false}},"
                "\"tags\":{\"type\":\"object\",\"additionalProperties\":"
                "{\"type\":[\"string\",\"null\"],\"maxLength\":3}},"
                "\"size\":{\"type\":\"object\",\"x-type\":\"t.sizes.*\"}},"
                "\"additionalProperties\":{\"type\":\"array\","
                "\"items\":{\"type\":\"integer\"},\"maxItems\":2}}");

    says("t", "{\"sizes\":{\"a\":{\"w\":1},\"b\":{\"w\":2}}}", "");
    says("t", "{\"sizes\":{\"a\":{\"w\":1},\"b\":{\"v\":2}}}",
         "sizes.b.w: is required");
    says("t", "{\"sizes\":{\"a\":{\"w\":1,\"v\":2}}}",
         "sizes.a.v: is not a field of t.sizes.*");
    says("t", "{\"sizes\":{\"a\":{\"w\":1},\"b\":{\"w\":1},"
         "\"c\":{\"w\":1}}}",
         "sizes: expected at most 2 members");
    says("t", "{\"tags\":{\"a\":\"abc\",\"b\":null}}", "");
    says("t", "{\"tags\":{\"a\":\"abcd\"}}",
         "tags.a: expected at most 3 characters");
    says("t", "{\"size\":{}}", "size.w: is required");
    says("t", "{\"more\":[1,2]}", "");
    says("t", "{\"more\":[1,2,3]}", "more: expected at most 2 items");

    forget();
}


#define CHAT                                                                  \
    "{\"type\":\"object\",\"required\":[\"kind\",\"type\"],"                     \
    "\"properties\":{\"kind\":{},\"type\":{\"const\":\"chat\"},"                 \
    "\"data\":{\"type\":\"string\",\"maxLength\":3}},"                          \
    "\"additionalProperties\":false}"

#define JOIN                                                                  \
    "{\"type\":\"object\",\"required\":[\"type\"],"                              \
    "\"properties\":{\"type\":{\"const\":\"join\"},"                            \
    "\"data\":{\"type\":\"object\",\"additionalProperties\":"                  \
    "{\"type\":[\"integer\",\"null\"]}}}}"

#define ONE_OF(list)  "{\"oneOf\":[" list "]}"


static void
one_of(void)
{
    json_t                       *json;
    const char                   *wrong;
    ngx_websocket_type_t         *type;
    const ngx_websocket_type_t   *of;
    const ngx_websocket_field_t  *field;

    type = good("t", ONE_OF(CHAT "," JOIN));

    says("t", "{\"kind\":1,\"type\":\"chat\",\"data\":\"abc\"}", "");
    says("t", "{\"type\":\"chat\",\"data\":\"abc\"}", "kind: is required");
    says("t", "{\"kind\":1,\"type\":\"chat\",\"data\":\"abcd\"}",
         "data: expected at most 3 characters");
    says("t", "{\"kind\":1,\"type\":\"chat\",\"more\":1}",
         "more: is not a field of t.chat");
    says("t", "{\"type\":\"join\",\"more\":1}", "");
    says("t", "{\"type\":\"join\",\"data\":{\"a\":1,\"b\":null}}", "");
    says("t", "{\"type\":\"join\",\"data\":{\"a\":\"1\"}}",
         "data.a: expected integer, got string");
    says("t", "{\"type\":\"left\"}", "type: expected one of chat|join");
    says("t", "{\"type\":1}", "type: expected string, got integer");
    says("t", "{}", "type: is required");

    /* what filters and views ask of it */

    of = type;
    wrong = ngx_websocket_type_path(&of, "type", &field);
    unit_ok(wrong == NULL && field && field->words_count == 2,
            "the path of the field that says which");

    of = type;
    wrong = ngx_websocket_type_path(&of, "data.a", &field);
    unit_ok(wrong == NULL && field == NULL, "a path that several have");

    forget();

    type = good("t", ONE_OF(CHAT));

    of = type;
    wrong = ngx_websocket_type_path(&of, "data", &field);
    unit_ok(wrong == NULL && field
            && field->shape.kind == NGX_WEBSOCKET_KIND_STRING,
            "a path that one has");

    of = type;
    wrong = ngx_websocket_type_path(&of, "other", &field);
    unit_ok(wrong && field == NULL, "a path that none has");

    json = json_object();
    unit_ok(ngx_websocket_type_variant(type, json) == NULL, "no variant");
    json_decref(json);

    forget();

    refused("{\"oneOf\":[]}", "/oneOf", "must be a list of 1 to 256 schemas");
    refused("{\"oneOf\":[{\"type\":\"object\"}]}", "/oneOf",
            "no property is \"required\", with a string as \"const\", in each "
            "of them");
    refused(ONE_OF(CHAT "," CHAT), "/oneOf/1",
            "duplicate message type \"t.chat\"");
    refused("{\"oneOf\":[" CHAT "],\"properties\":{}}", "/properties",
            "this keyword is not supported beside \"oneOf\"");
    refused("{\"oneOf\":[{\"required\":[\"a\"],\"properties\":"
            "{\"a\":{\"const\":\"x\"}}}]}", "/oneOf/0/required",
            "this keyword is not for kind any");
    refused("{\"oneOf\":[{\"type\":\"object\",\"required\":[\"a\"],"
            "\"properties\":{\"a\":{\"const\":\"x|y\"}}}]}", "/oneOf",
            "\"by\": \"x|y=t.x|y\" is not WORD=TYPE");
}


static void
maps(void)
{
    value("{\"const\":\"a|b\"}", "\"a|b\"", "");
    value("{\"const\":\"a|b\"}", "\"a\"", "expected one of a|b");
    value("{\"const\":5}", "5.0", "");
    value("{\"const\":5}", "6", "expected at most 5");
    value("{\"const\":true}", "false", "expected true");
    value("{\"const\":true}", "true", "");
    value("{\"enum\":[\"a\",\"b\"]}", "\"c\"", "expected one of a|b");
    value("{\"type\":\"object\",\"minProperties\":1}", "{}",
          "expected at least 1 member");
    value("{\"type\":\"object\",\"maxProperties\":1}", "{\"a\":1,\"b\":2}",
          "expected at most 1 member");
    value("{\"type\":\"object\",\"maxProperties\":1}", "{\"a\":1}", "");
}


static void
refused_properties(void)
{
    property("true", "", "a schema must be an object");
    property("{\"type\":\"null\"}", "/type", TYPES);
    property("{\"type\":\"any\"}", "/type", TYPES);
    property("{\"type\":1}", "/type", TYPES);
    property("{\"type\":[]}", "/type", TYPES);
    property("{\"type\":[\"string\"]}", "/type", TYPES);
    property("{\"type\":[\"string\",\"number\"]}", "/type", TYPES);
    property("{\"type\":[\"null\",\"null\"]}", "/type", TYPES);
    property("{\"type\":[\"string\",\"null\",\"null\"]}", "/type", TYPES);

    property("{\"$ref\":\"#\"}", "/$ref", "this keyword is not supported");
    property("{\"const\":null}", "/const",
             "this keyword is not for kind any");
    property("{\"const\":\"a\",\"enum\":[\"a\"]}", "/const",
             "cannot stand beside \"enum\"");
    property("{\"const\":3,\"maximum\":2}", "/const",
             "cannot stand beside \"maximum\"");
    property("{\"type\":[\"string\",\"null\"],\"const\":\"a\"}", "/const",
             "\"type\" says that null may be there too");
    property("{\"type\":\"integer\",\"const\":1.5}", "/const",
             "field \"v\": invalid number \"const=1.5\"");
    property("{\"type\":\"number\",\"exclusiveMinimum\":1}",
             "/exclusiveMinimum", "this keyword is not supported");
    property("{\"type\":\"array\",\"uniqueItems\":true}", "/uniqueItems",
             "this keyword is not supported");
    property("{\"type\":\"object\",\"x-views\":{}}", "/x-views",
             "this keyword is not supported here");
    property("{\"minLength\":1}", "/minLength",
             "this keyword is not for kind any");
    property("{\"type\":\"number\",\"minLength\":1}", "/minLength",
             "this keyword is not for kind number");
    property("{\"type\":\"string\",\"minimum\":1}", "/minimum",
             "this keyword is not for kind string");
    property("{\"type\":\"integer\",\"enum\":[1]}", "/enum",
             "this keyword is not for kind integer");
    property("{\"properties\":{}}", "/properties",
             "this keyword is not for kind any");
    property("{\"type\":\"string\",\"items\":{}}", "/items",
             "this keyword is not for kind string");
}


static void
refused_values(void)
{
    property("{\"type\":\"string\",\"minLength\":-1}", "/minLength",
             "must be an integer of 0 or more");
    property("{\"type\":\"string\",\"maxLength\":1.5}", "/maxLength",
             "must be an integer of 0 or more");
    property("{\"type\":\"array\",\"maxItems\":\"1\"}", "/maxItems",
             "must be an integer of 0 or more");
    property("{\"type\":\"string\",\"minLength\":2,\"maxLength\":1}", "",
             "field \"v\": \"min=\" is above \"max=\"");
    property("{\"type\":\"number\",\"minimum\":\"1\"}", "/minimum",
             "must be of kind number, as the value");
    property("{\"type\":\"integer\",\"minimum\":1.5}", "/minimum",
             "must be of kind integer, as the value");
    property("{\"type\":\"string\",\"format\":\"ipv4\"}", "/format",
             "field \"v\": unknown format \"ipv4\"");
    property("{\"type\":\"string\",\"format\":1}", "/format",
             "must be a string");
    property("{\"type\":\"string\",\"pattern\":1}", "/pattern",
             "must be a string");
    property("{\"type\":\"string\",\"pattern\":\"(?i)a\"}", "/pattern",
             "of groups that begin with (? only (?: (?= and (?! are "
             "supported");
    property("{\"type\":\"string\",\"pattern\":\"a))\"}", "/pattern",
             "field \"v\": pattern \"(*UTF8)a))\": unmatched )");
    property("{\"type\":\"string\",\"enum\":\"a\"}", "/enum",
             "must be a list of strings");
    property("{\"type\":\"string\",\"enum\":[]}", "/enum",
             "must be a list of strings");
    property("{\"type\":\"string\",\"enum\":[\"a\",1]}", "/enum",
             "value 2 is no string, is empty, or has a \"|\"");
    property("{\"type\":\"string\",\"enum\":[\"a|b\"]}", "/enum",
             "value 1 is no string, is empty, or has a \"|\"");
    property("{\"type\":\"string\",\"enum\":[\"\"]}", "/enum",
             "value 1 is no string, is empty, or has a \"|\"");
    property("{\"type\":[\"string\",\"null\"],\"enum\":[\"a\"]}", "/enum",
             "null must be both here and in \"type\", or in neither");
    property("{\"type\":\"string\",\"enum\":[\"a\",null]}", "/enum",
             "null must be both here and in \"type\", or in neither");
    property("{\"type\":\"string\",\"default\":1}", "/default",
             "must be a string");
    property("{\"type\":[\"string\",\"null\"],\"default\":null}", "/default",
             "must be a string");
    property("{\"type\":\"number\",\"maximum\":1,\"default\":2}", "",
             "field \"v\": default: expected at most 1");
    refused("{\"type\":\"object\",\"properties\":{\"\":{}}}",
            "/properties/", "invalid field name \"\"");
    refused("{\"type\":\"object\",\"properties\":{\"a.b\":{}}}",
            "/properties/a.b", "invalid field name \"a.b\"");
    refused("{\"type\":\"object\",\"required\":[\"v\"],\"properties\":"
            "{\"v\":{\"default\":1}}}", "/properties/v",
            "field \"v\": a required field has no use for \"default=\"");
}


/* objects within, n of them, the last one a schema */

static char *
within(size_t n, const char *schema)
{
    size_t       i;
    static char  text[4000];

    text[0] = '\0';

    for (i = 0; i < n; i++) {
        strcat(text, "{\"type\":\"object\",\"properties\":{\"a\":");
    }

    strcat(text, schema);

    for (i = 0; i < n; i++) {
        strcat(text, "}}");
    }

    return text;
}


static void
refused_nested(void)
{
    size_t                         n;
    char                           place[1000];
    ngx_websocket_schema_error_t   error;

    property("{\"type\":\"array\",\"items\":[]}", "/items",
             "a schema must be an object");
    property("{\"type\":\"array\",\"items\":{\"type\":\"string\","
             "\"minLength\":1}}", "/items/minLength",
             "this keyword is not supported here");
    property("{\"type\":\"array\",\"items\":{\"type\":[\"string\",\"null\"]}}",
             "/items/type", "\"null\" is not supported here");
    property("{\"type\":\"array\",\"items\":{\"type\":\"array\","
             "\"items\":{}}}", "/items/items",
             "this keyword is not supported here");
    property("{\"type\":\"array\",\"items\":{\"type\":\"object\","
             "\"properties\":{\"a\":{\"type\":\"number\",\"minLength\":1}}}}",
             "/items/properties/a/minLength",
             "this keyword is not for kind number");
    property("{\"type\":\"object\",\"properties\":{\"a\":{}},"
             "\"required\":[\"b\"]}", "/required/0",
             "must be a name of \"properties\"");
    property("{\"type\":\"object\",\"x-type\":\"none\"}", "/x-type",
             "field \"v\": unknown type \"none\"");
    property("{\"type\":\"object\",\"x-type\":1}", "/x-type",
             "must be the name of a type");
    property("{\"type\":\"array\",\"items\":{\"type\":\"object\","
             "\"x-type\":\"string\"}}", "/items/x-type",
             "must be the name of a type");
    property("{\"type\":\"array\",\"items\":{\"type\":\"object\","
             "\"x-type\":\"none\"}}", "/items",
             "field \"v\": unknown type \"none\"");
    property("{\"type\":\"object\",\"x-type\":\"other\","
             "\"additionalProperties\":false}", "/x-type",
             "the type says what its properties are");
    property("{\"type\":\"object\",\"properties\":{\"a\":"
             "{\"type\":\"object\",\"x-type\":\"t\"}}}",
             "/properties/a/x-type", "type \"t\" is not made yet: only its "
             "own properties may be of it");
    refused("{\"type\":\"object\",\"properties\":{\"taken\":"
            "{\"type\":\"object\",\"properties\":{}}}}", "/properties/taken",
            "duplicate message type \"t.taken\"");

    unit_ok(make("t", within(32, "{\"type\":\"string\"}"), &error) == 0,
            "32 objects in each other");
    forget();

    place[0] = '\0';

    for (n = 0; n < 32; n++) {
        strcat(place, "/properties/a");
    }

    place[NGX_WEBSOCKET_SCHEMA_PLACE - 1] = '\0';
    unit_ok(make("t", within(33, "{\"type\":\"string\"}"), &error) == -1
            && strncmp(error.place, place, 200) == 0
            && strcmp(error.reason, "more than 32 objects in each other") == 0,
            "33: %s", error.reason);
    forget();

    memset(place, '[', 200);
    memcpy(place, "{\"default\":", 11);
    memset(place + 200, ']', 189);
    strcpy(place + 389, "}");
    property(place, "/default", "no memory, or nested deeper than 128");
}


static void
pattern(const char *text, const char *expected)
{
    const char                 *got;
    ngx_websocket_json_text_t   out = { NULL, 0, 0, 0, 0, 0 };

    got = ngx_websocket_schema_pattern(text, &out);
    ngx_websocket_json_append(&out, "", 1);

    if (got == NULL) {
        got = out.data + sizeof("(*UTF8)") - 1;
    }

    unit_ok(strcmp(got, expected) == 0, "pattern %s -> %s", text, got);
    ngx_websocket_json_text_done(&out);
}


#define DOT     "[^\\n\\r\\x{2028}\\x{2029}]"
#define SPACES  "\\t\\n\\x0b\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}"       \
                "\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define ESCAPES "of escapes only \\d \\D \\w \\W \\s \\S \\b \\B \\t \\n "    \
                "\\v \\f \\r \\xHH \\uHHHH and those of ^$\\.*+?()[]{}|/- "   \
                "are supported"
#define GROUPS  "of groups that begin with (? only (?: (?= and (?! are "      \
                "supported"
#define BRACE   "\"{\" is neither escaped nor {n}, {n,} or {n,m}"


static void
patterns(void)
{
    pattern("", "");
    pattern("^a|b$", "^a|b\\z");
    pattern("a.c", "a" DOT "c");
    pattern("(a)(?:b)(?=c)(?!d)", "(?:a)(?:b)(?=c)(?!d)");
    pattern("a*b+c?d*?e+?f??", "a*b+c?d*?e+?f??");
    pattern("a{1}b{12,}c{1,3}?", "a{1}b{12,}c{1,3}?");
    pattern("\xc3\xa9*", "\xc3\xa9*");
    pattern("[^a-z\\d_-]+", "[^a-z\\d_-]+");
    pattern("[-a^$.*(){}|?]", "[-a^$.*(){}|?]");
    pattern("[[:a]", "[\\[:a]");
    pattern("\\s\\S", "[" SPACES "][^" SPACES "]");
    pattern("[\\s-]", "[" SPACES "-]");
    pattern("\\bx\\B\\v[\\b\\v]", "\\bx\\B\\x0b[\\x08\\x0b]");
    pattern("\\x41\\u20AC[\\u0041-\\u005a]",
            "\\x{41}\\x{20AC}[\\x{0041}-\\x{005a}]");
    pattern("\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/\\-",
            "\\^\\$\\\\\\.\\*\\+\\?\\(\\)\\[\\]\\{\\}\\|\\/\\-");
    pattern("[\\]\\-\\\\]", "[\\]\\-\\\\]");

    pattern("(?i)a", GROUPS);
    pattern("(?<=a)b", GROUPS);
    pattern("(?", GROUPS);
    pattern("(*UTF8)a", "there is nothing to repeat");
    pattern("*", "there is nothing to repeat");
    pattern("a++", "there is nothing to repeat");
    pattern("a{1}{2}", "there is nothing to repeat");
    pattern("^*", "there is nothing to repeat");
    pattern("a|*", "there is nothing to repeat");
    pattern("$+", "there is nothing to repeat");
    pattern("\\b+", "there is nothing to repeat");
    pattern("a{,3}", BRACE);
    pattern("a{x}", BRACE);
    pattern("a{1", BRACE);
    pattern("a{1,2", BRACE);
    pattern("a]", "a bracket without its partner is not escaped");
    pattern("a}", "a bracket without its partner is not escaped");
    pattern("[]a]", "an empty class is not supported");
    pattern("[^]a]", "an empty class is not supported");
    pattern("[a", "a class has no end");
    pattern("[", "a class has no end");
    pattern("[a\\", "it ends with a backslash");
    pattern("\\", "it ends with a backslash");
    pattern("[\\S]", "\\S in a class is not supported");
    pattern("[\\B]", "\\B in a class is not supported");
    pattern("[a-\\d]", "a class is no end of a range");
    pattern("[\\s-\\uffff]", "a class is no end of a range");
    pattern("\\1", ESCAPES);
    pattern("\\A", ESCAPES);
    pattern("\\p{L}", ESCAPES);
    pattern("\\Qa\\E", ESCAPES);
    pattern("\\\xc3\xa9", ESCAPES);
    pattern("\\x4", "\\x has two hexadecimal digits, \\u four");
    pattern("\\u{41}", "\\x has two hexadecimal digits, \\u four");
    pattern("\\ud83d\\ude00",
            "a surrogate in it is not supported: write the character");
    pattern("\\uD7ff", "\\x{D7ff}");
}


static int
run(void)
{
    int                           rc;
    ngx_websocket_schema_error_t  error;

    rc = make("t", "{\"type\":\"object\",\"required\":[\"a\"],"
              "\"properties\":{\"a\":{\"type\":[\"string\",\"null\"],"
              "\"minLength\":1,\"pattern\":\"^x\",\"format\":\"uri\"},"
              "\"b\":{\"type\":\"object\",\"properties\":{\"c\":"
              "{\"default\":[1.5]}}},"
              "\"d\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
              "\"x-type\":\"t\"}},"
              "\"e\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}},"
              "\"x-views\":{\"v\":[\"a\",\"b.c\"]}}", &error);
    forget();

    return rc;
}


int
main(void)
{
    kinds();
    rules();
    objects();
    refused_texts();
    additional();
    one_of();
    maps();
    refused_roots();
    refused_properties();
    refused_values();
    refused_nested();
    patterns();

    (void) unit_each_refused("a schema", run);

    return unit_done();
}
