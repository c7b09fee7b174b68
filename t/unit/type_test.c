
/* Message types: what they are made of, and what keeps them. */


#include <time.h>

#include "unit.h"
#include "memory.h"
#include "message/json.c"
#include "message/scan.c"
#include "message/format.c"
#include "message/view.c"
#include "message/type.c"
#include "message/type_by.c"
#include "message/type_check.c"
#include "types.h"


#define WORDS  24


static ngx_websocket_json_limits_t  limits = { 65536, 64, 4096 };


/* a pattern is a text that must be somewhere in the string */

static void *
compile(void *data, const char *pattern, char *error, size_t size)
{
    (void) data;

    if (strchr(pattern, '(')) {
        snprintf(error, size, "missing )");
        return NULL;
    }

    return (void *) (uintptr_t) (strcmp(pattern, "^x") == 0 ? 1 : 2);
}


static int
match(void *data, void *regex, const char *text, size_t size)
{
    (void) data;

    return regex == (void *) 1 ? size > 0 && text[0] == 'x' : -1;
}


static ngx_websocket_type_maker_t  maker = { NULL, find, compile, match };


/* one directive of a message block */

static int
words(ngx_websocket_type_t *type, const char *line, char *error, size_t size)
{
    int          rc;
    char         copy[512], *p;
    size_t       n;
    const char  *list[WORDS];

    snprintf(copy, sizeof(copy), "%s", line);

    for (n = 0, p = strtok(copy, " "); p && n < WORDS; p = strtok(NULL, " ")) {
        list[n++] = p;
    }

    if (strcmp(list[0], "view") == 0) {
        rc = ngx_websocket_type_view(type, list + 1, n - 1, error, size);

    } else if (strcmp(list[0], "by") == 0) {
        rc = ngx_websocket_type_by(type, list + 1, n - 1, error, size);

    } else if (strcmp(list[0], "additional") == 0) {
        rc = ngx_websocket_type_additional(type, list + 1, n - 1, error, size);

    } else {
        rc = ngx_websocket_type_field(type, list + 1, n - 1, error, size);
    }

    /* the words do not last: nothing may point to them */

    memset(copy, 'X', strlen(line));

    return rc;
}


/* a type of lines with "\n" between */

static ngx_websocket_type_t *
make(const char *name, const char *lines)
{
    char                   error[256], line[512];
    size_t                 n;
    ngx_websocket_type_t  *type;

    type = ngx_websocket_type_create(name, &maker, error, sizeof(error));
    types[types_count++] = type;

    for ( /* void */ ; *lines; lines += n + (lines[n] == '\n')) {
        n = strcspn(lines, "\n");
        snprintf(line, sizeof(line), "%.*s", (int) n, lines);

        if (words(type, line, error, sizeof(error)) != 0) {
            unit_ok(0, "%s: %s", line, error);
        }
    }

    return type;
}


static void
forget(void)
{
    while (types_count) {
        ngx_websocket_type_destroy(types[--types_count]);
    }
}


/* what is said of a message: "path: rule", or "" */

static const char *
said(const ngx_websocket_type_t *type, const char *text)
{
    json_t                      *json;
    ngx_websocket_json_error_t   error;
    static char                  buf[400];

    if (ngx_websocket_json_decode(text, strlen(text), &limits, &json, &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        snprintf(buf, sizeof(buf), "%s", error.rule);
        return buf;
    }

    buf[0] = '\0';

    if (ngx_websocket_type_check(type, json, &error) != NGX_WEBSOCKET_JSON_OK)
    {
        snprintf(buf, sizeof(buf), "%s: %s", error.path, error.rule);
    }

    json_decref(json);

    return buf;
}


static void
says(const ngx_websocket_type_t *type, const char *text, const char *expected)
{
    const char  *got;

    got = said(type, text);

    unit_ok(strcmp(got, expected) == 0, "%.100s -> \"%s\"%s%s", text, expected,
            strcmp(got, expected) ? " but " : "",
            strcmp(got, expected) ? got : "");
}


/* a value v of the field "v" of one type after another */

static void
field(const char *line, const char *value, const char *expected)
{
    char                   text[1024], full[128];
    ngx_websocket_type_t  *type;

    snprintf(full, sizeof(full), "field v %s", line);
    snprintf(text, sizeof(text), "{\"v\":%s}", value);
    type = make("t", full);

    if (*expected) {
        snprintf(full, sizeof(full), "v: %s", expected);
        expected = full;
    }

    says(type, text, expected);
    ngx_websocket_type_destroy(types[--types_count]);
}


static void
kinds(void)
{
    size_t  i, k;

    static const char  *values[] = {
        "\"a\"", "1", "1.5", "true", "[]", "{}", "null"
    };
    static const char  *got[] = {
        "string", "integer", "number", "boolean", "array", "object", "null"
    };
    static const char  *kind[] = {
        "string", "integer", "number", "boolean", "array", "object", "any"
    };

    for (k = 0; k < 7; k++) {

        for (i = 0; i < 7; i++) {
            char  error[64];
            int   good = k == i || k == 6 || (k == 2 && i == 1);

            snprintf(error, sizeof(error), "expected %s, got %s", kind[k],
                     got[i]);
            field(kind[k], values[i], good ? "" : error);
        }
    }

    field("boolean", "false", "");
    field("string nullable", "null", "");
    field("string nullable min=3", "null", "");
    field("string nullable", "1", "expected string, got integer");
    field("integer", "5.0", "");
    field("integer", "1e3", "");
    field("integer", "-9007199254740992.0", "");
    field("integer", "1e300", "expected integer, got number");
    field("integer", "9223372036854775807", "");
    field("number", "1e308", "");
}


static void
bounds(void)
{
    field("number min=0", "-0.5", "expected at least 0");
    field("number min=0", "0", "");
    field("number min=0", "-0.0", "");
    field("number max=0.1", "0.1", "");
    field("number max=0.1", "0.11", "expected at most 0.1");
    field("number max=1e2", "100", "");
    field("number max=1e2", "101", "expected at most 100");
    field("integer min=-3 max=3", "-4", "expected at least -3");
    field("integer min=-3 max=3", "4", "expected at most 3");
    field("integer min=-3 max=3", "3", "");
    field("integer min=3", "2.0", "expected at least 3");

    /* the double next to it is the bound itself */

    field("integer max=9007199254740992", "9007199254740993",
          "expected at most 9007199254740992");
    field("number max=9007199254740992.0", "9007199254740993",
          "expected at most 9.00719925474099e+15");

    field("string min=2", "\"a\"", "expected at least 2 characters");
    field("string min=2", "\"ab\"", "");
    field("string max=2", "\"\xc3\xa9\xe2\x82\xac\"", "");
    field("string max=2", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
          "expected at most 2 characters");
    field("string min=2", "\"\xf0\x9f\x98\x80\"",
          "expected at least 2 characters");
    field("array min=1", "[]", "expected at least 1 item");
    field("array max=2", "[1,2]", "");
    field("array max=2", "[1,2,3]", "expected at most 2 items");
}


static void
strings(void)
{
    field("string enum=a|bc", "\"bc\"", "");
    field("string enum=a|bc", "\"a\"", "");
    field("string enum=a|bc", "\"b\"", "expected one of a|bc");
    field("string enum=a|bc", "\"a|bc\"", "expected one of a|bc");
    field("string enum=a|bc", "\"\"", "expected one of a|bc");
    field("string pattern=^x", "\"xa\"", "");
    field("string pattern=^x", "\"ax\"", "does not match its pattern");
    field("string pattern=loop", "\"x\"",
          "cannot be matched against its pattern");
}


static void
format(const char *name, const char *text, int good)
{
    char  line[64], value[512], error[64];

    snprintf(line, sizeof(line), "string format=%s", name);
    snprintf(value, sizeof(value), "\"%s\"", text);
    snprintf(error, sizeof(error), "is not a valid %s", name);

    field(line, value, good ? "" : error);
}


static void
formats(void)
{
    size_t  i;
    char    text[400];

    static const struct {
        const char  *name;
        const char  *text;
        int          good;
    } cases[] = {
        { "date-time", "2024-02-29T23:59:60Z", 1 },
        { "date-time", "2024-02-29t00:00:00z", 1 },
        { "date-time", "2000-02-29T00:00:00.123456789+23:59", 1 },
        { "date-time", "2023-12-31T00:00:00-00:00", 1 },
        { "date-time", "2023-12-01T00:00:00Z", 1 },
        { "date-time", "2023-02-29T00:00:00Z", 0 },
        { "date-time", "1900-02-29T00:00:00Z", 0 },
        { "date-time", "2023-04-31T00:00:00Z", 0 },
        { "date-time", "2023-00-01T00:00:00Z", 0 },
        { "date-time", "2023-13-01T00:00:00Z", 0 },
        { "date-time", "2023-01-00T00:00:00Z", 0 },
        { "date-time", "2023-01-01T24:00:00Z", 0 },
        { "date-time", "2023-01-01T00:60:00Z", 0 },
        { "date-time", "2023-01-01T00:00:61Z", 0 },
        { "date-time", "2023-01-01T00:00:00", 0 },
        { "date-time", "2023-01-01 00:00:00Z", 0 },
        { "date-time", "2023-01-01T00:00:00.Z", 0 },
        { "date-time", "2023-01-01T00:00:00.5", 0 },
        { "date-time", "2023-01-01T00:00:00ZZ", 0 },
        { "date-time", "2023-01-01T00:00:00+24:00", 0 },
        { "date-time", "2023-01-01T00:00:00+00:60", 0 },
        { "date-time", "2023-01-01T00:00:00*00:00", 0 },
        { "date-time", "2023-01-01T00:00:00+0000", 0 },
        { "date-time", "2023-1-01T00:00:00Z", 0 },
        { "date-time", "", 0 },

        { "uri", "https://user@example.org:8080/a/b?c=d&e#f", 1 },
        { "uri", "urn:isbn:0451450523", 1 },
        { "uri", "mailto:a@b.c", 1 },
        { "uri", "http://[::1]:80/x", 1 },
        { "uri", "http://u@[::1]", 1 },
        { "uri", "http://[::]", 1 },
        { "uri", "http://[a b]", 0 },
        { "uri", "http://a b@[::1]", 0 },
        { "uri", "a+b-c.1:", 1 },
        { "uri", "http://a/%c3%A9", 1 },
        { "uri", "/relative", 0 },
        { "uri", "1http://a", 0 },
        { "uri", "ht_tp://a", 0 },
        { "uri", ":x", 0 },
        { "uri", "http", 0 },
        { "uri", "", 0 },
        { "uri", "http://a/%c", 0 },
        { "uri", "http://a/%zz", 0 },
        { "uri", "http://a/b c", 0 },
        { "uri", "http://a/[b]", 0 },
        { "uri", "http://[::1", 0 },
        { "uri", "http://[]/", 0 },
        { "uri", "http://[::1]x", 0 },
        { "uri", "http://x[::1]", 0 },
        { "uri", "http://a]/", 0 },
        { "uri", "http://a#b#c", 0 },
        { "uri", "http://a/\xc3\xa9", 0 },
        { "uri", "http://a/\\\\", 0 },

        { "uuid", "123e4567-e89b-12d3-A456-426614174000", 1 },
        { "uuid", "123e4567-e89b-12d3-a456-42661417400", 0 },
        { "uuid", "123e4567-e89b-12d3-a456-4266141740000", 0 },
        { "uuid", "123e4567ee89b-12d3-a456-426614174000", 0 },
        { "uuid", "123e4567-e89b-12d3-a456-42661417400g", 0 },
        { "uuid", "g23e4567-e89b-12d3-a456-426614174000", 0 },
        { "uuid", "", 0 },

        { "email", "a@b", 1 },
        { "email", "first.last+tag@sub.example.org", 1 },
        { "email", "\xc3\xa9@\xc3\xa9.org", 1 },
        { "email", "a", 0 },
        { "email", "@b", 0 },
        { "email", "a@", 0 },
        { "email", "a@b@c", 0 },
        { "email", ".a@b", 0 },
        { "email", "a.@b", 0 },
        { "email", "a..b@c", 0 },
        { "email", "a b@c", 0 },
        { "email", "a@b..c", 0 },
        { "email", "a@-b", 0 },
        { "email", "a@b-.c", 0 },
        { "email", "a@b.c-", 0 },
        { "email", "a@b_c", 0 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        format(cases[i].name, cases[i].text, cases[i].good);
    }

    memset(text, 'a', sizeof(text));
    memcpy(text + 64, "@b", 3);
    format("email", text, 1);
    memset(text, 'a', sizeof(text));
    memcpy(text + 65, "@b", 3);
    format("email", text, 0);
    memset(text, 'a', sizeof(text));
    text[1] = '@';
    text[65] = '\0';
    format("email", text, 1);
    text[65] = 'a';
    text[66] = '\0';
    format("email", text, 0);
    memset(text, 'a', sizeof(text));

    for (i = 1; i < sizeof(text); i += 50) {
        text[i] = i == 1 ? '@' : '.';
    }

    text[254] = '\0';
    format("email", text, 1);
    text[254] = 'a';
    text[255] = '\0';
    format("email", text, 0);
}


static void
nested(void)
{
    size_t                 n;
    char                   text[1024];
    ngx_websocket_type_t  *type;

    make("item", "field value number required\nfield name string");
    make("meta", "field items array of=item\nfield numbers array of=integer");
    type = make("report", "field metadata object of=meta required\n"
                "field tags array of=string max=3\nfield rest any\n"
                "field parent object of=report");

    says(type, "{\"metadata\":{\"items\":[{\"value\":1},{\"value\":\"x\"}]}}",
         "metadata.items[1].value: expected number, got string");
    says(type, "{\"metadata\":{\"items\":[{\"value\":1},2]}}",
         "metadata.items[1]: expected object, got integer");
    says(type, "{\"metadata\":{\"items\":[{}]}}",
         "metadata.items[0].value: is required");
    says(type, "{\"metadata\":{\"numbers\":[1,2,3.5]}}",
         "metadata.numbers[2]: expected integer, got number");
    says(type, "{\"metadata\":{\"numbers\":[1,null]}}",
         "metadata.numbers[1]: expected integer, got null");
    says(type, "{\"metadata\":{\"x\":1}}",
         "metadata.x: is not a field of meta");
    says(type, "{}", "metadata: is required");
    says(type, "[]", ": expected object, got array");
    says(type, "{\"metadata\":{},\"tags\":[\"a\",1]}",
         "tags[1]: expected string, got integer");
    says(type, "{\"metadata\":{},\"rest\":[{\"a\":[]}]}", "");
    says(type, "{\"metadata\":{},\"m\":1,\"n\":2}",
         "m: is not a field of report");
    says(type, "{\"n\":2,\"metadata\":{},\"rest\":null}",
         "n: is not a field of report");

    text[0] = '\0';

    for (n = 0; n < 35; n++) {
        strcat(text, "{\"metadata\":{},\"parent\":");
    }

    strcat(text, "{\"metadata\":{}}");

    for (n = 0; n < 35; n++) {
        strcat(text, "}");
    }

    unit_ok(strstr(said(type, text), ": more than 32 types in each other")
            != NULL, "types in each other are bounded");

    unit_ok(words(type, "additional on", text, sizeof(text)) == 0,
            "additional on");
    says(type, "{\"n\":2,\"metadata\":{}}", "");
    words(type, "additional off", text, sizeof(text));
    says(type, "{\"n\":2,\"metadata\":{}}", "n: is not a field of report");

    forget();
}


/* lines that are refused, and how */

static void
refused(const char *line, const char *expected)
{
    char                   error[256];
    ngx_websocket_type_t  *type;

    type = make("t", "field there string\nfield deep object of=other\n"
                "field loose object\nview some there");
    error[0] = '\0';

    unit_ok(words(type, line, error, sizeof(error)) == -1
            && strcmp(error, expected) == 0, "%s -> %s", line, error);

    ngx_websocket_type_destroy(types[--types_count]);
}


static void
directives(void)
{
    char                         error[256], small[10];
    ngx_websocket_type_maker_t   none;

    make("other", "field a string");

    refused("field", "a field is NAME KIND ...");
    refused("field v", "a field is NAME KIND ...");
    refused("field v strin", "field \"v\": unknown kind \"strin\"");
    refused("field a.b string", "invalid field name \"a.b\"");
    refused("field a=b string", "invalid field name \"a=b\"");
    refused("field there string", "duplicate field \"there\"");
    refused("field v string max", "field \"v\": invalid parameter \"max\"");
    refused("field v string requiredx",
            "field \"v\": invalid parameter \"requiredx\"");
    refused("field v boolean min=1",
            "field \"v\": \"min=\" is not for kind boolean");
    refused("field v number enum=a",
            "field \"v\": \"enum=\" is not for kind number");
    refused("field v string of=other",
            "field \"v\": \"of=\" is not for kind string");
    refused("field v string min=-1", "field \"v\": invalid number \"min=-1\"");
    refused("field v string min=1.5",
            "field \"v\": invalid number \"min=1.5\"");
    refused("field v number min=abc",
            "field \"v\": invalid number \"min=abc\"");
    refused("field v number min=1x", "field \"v\": invalid number \"min=1x\"");
    refused("field v number min=\"1\"",
            "field \"v\": invalid number \"min=\"1\"\"");
    refused("field v number min=", "field \"v\": invalid number \"min=\"");
    refused("field v number min=2 max=1",
            "field \"v\": \"min=\" is above \"max=\"");
    refused("field v string format=date",
            "field \"v\": unknown format \"date\"");
    refused("field v string enum=",
            "field \"v\": empty value in \"enum=\"");
    refused("field v string enum=a||b",
            "field \"v\": empty value in \"enum=a||b\"");
    refused("field v string enum=a|",
            "field \"v\": empty value in \"enum=a|\"");
    refused("field v string enum=|a",
            "field \"v\": empty value in \"enum=|a\"");
    refused("field v string pattern=(",
            "field \"v\": pattern \"(\": missing )");
    refused("field v object of=nothing",
            "field \"v\": unknown type \"nothing\"");
    refused("field v array of=nothing",
            "field \"v\": unknown type \"nothing\"");
    refused("field v number default=x",
            "field \"v\": \"default=x\" is not JSON: invalid token near 'x'");
    refused("field v number default=true",
            "field \"v\": default: expected number, got boolean");
    refused("field v number max=1 default=2",
            "field \"v\": default: expected at most 1");
    refused("field v number default=2 max=1",
            "field \"v\": default: expected at most 1");
    refused("field v string enum=a|b default=c",
            "field \"v\": default: expected one of a|b");
    refused("field v object of=other default={\"b\":1}",
            "field \"v\": default.b: is not a field of other");
    refused("field v number required default=2",
            "field \"v\": a required field has no use for \"default=\"");
    refused("field v string default=\xff",
            "field \"v\": \"default=\xff\" is not UTF-8");

    refused("view", "a view is NAME FIELD ...");
    refused("view v", "a view is NAME FIELD ...");
    refused("view some there", "duplicate view \"some\"");
    refused("view default there",
            "duplicate view \"default\": it is always there");
    refused("view v nothing", "view \"v\": field \"nothing\" is unknown");
    refused("view v there.a",
            "view \"v\": field \"there.a\" is within what is no object");
    refused("view v deep.b", "view \"v\": field \"deep.b\" is unknown");
    refused("view v deep deep.a",
            "view \"v\": field \"deep.a\" is already shown");
    refused("view v loose..a",
            "view \"v\": field \"loose..a\" has an empty name");
    refused("additional", "\"additional\" is \"on\", \"off\" or a kind");
    refused("additional maybe", "\"additional\" is \"on\", \"off\" or a kind");

    unit_ok(ngx_websocket_type_create("string", &maker, error, sizeof(error))
            == NULL && strcmp(error, "\"string\" cannot be a type's name")
               == 0, "%s", error);
    unit_ok(ngx_websocket_type_create("", &maker, small, sizeof(small))
            == NULL && strlen(small) == 9, "an error is cut: %s", small);

    forget();

    none = maker;
    memset(&maker, 0, sizeof(maker));
    types[types_count++] = ngx_websocket_type_create("t", &maker, error,
                                                     sizeof(error));
    words(types[0], "field v string pattern=x", error, sizeof(error));
    unit_ok(strcmp(error, "field \"v\": \"pattern=\" needs regular "
                   "expressions, which are not there") == 0, "%s", error);
    forget();

    maker.compile = compile;
    types[types_count++] = ngx_websocket_type_create("t", &maker, error,
                                                     sizeof(error));
    unit_ok(words(types[0], "field v string pattern=x", error, sizeof(error))
            == -1, "patterns need all of their functions");
    forget();
    maker = none;
}


/* a message with its defaults, and how many there were */

static void
given(ngx_websocket_type_t *type, const char *text, int n,
    const char *expected)
{
    int                          got;
    json_t                      *json;
    ngx_websocket_json_text_t    out = { NULL, 0, 0, 0, 0, 0 };

    json = json_loads(text, 0, NULL);
    got = ngx_websocket_type_defaults(type, json, SIZE_MAX);
    ngx_websocket_json_append_value(&out, json);
    ngx_websocket_json_append(&out, "", 1);

    unit_ok(got == n && strcmp(out.data, expected) == 0, "%s -> %d, %s", text,
            got, out.data);

    ngx_websocket_json_text_done(&out);
    json_decref(json);
}


static void
defaults(void)
{
    ngx_websocket_type_t  *type;

    make("item", "field unit string default=ms\nfield value number");
    type = make("t", "field a string default=x\nfield b number default=0.1\n"
                "field c array of=item\nfield d object of=item\n"
                "field e object of=item default={}\n"
                "field f string nullable default=");

    given(type, "{}", 4,
          "{\"a\":\"x\",\"b\":0.1,\"e\":{\"unit\":\"ms\"},\"f\":\"\"}");
    given(type, "{\"f\":null,\"e\":{\"unit\":\"s\"},\"b\":1,\"a\":\"\"}", 0,
          "{\"f\":null,\"e\":{\"unit\":\"s\"},\"b\":1,\"a\":\"\"}");
    given(type, "{\"c\":[{},{\"unit\":\"s\"}],\"d\":{},\"a\":\"\",\"b\":2,"
          "\"e\":{},\"f\":\"\"}", 3,
          "{\"c\":[{\"unit\":\"ms\"},{\"unit\":\"s\"}],"
          "\"d\":{\"unit\":\"ms\"},\"a\":\"\",\"b\":2,"
          "\"e\":{\"unit\":\"ms\"},\"f\":\"\"}");

    /* "unit":"ms", is 12 bytes: no more are given than there is room for */

    {
        json_t  *json = json_loads("{\"c\":[{},{},{}],\"d\":{},\"a\":\"\","
                                   "\"b\":2,\"e\":{},\"f\":\"\"}", 0, NULL);

        unit_ok(ngx_websocket_type_defaults(type, json, 59)
                == NGX_WEBSOCKET_TYPE_MORE, "five defaults in 59 bytes");
        unit_ok(ngx_websocket_type_defaults(type, json, 12) == 1,
                "the fifth in 12 bytes");
        json_decref(json);
    }

    /* one message's defaults are not another one's */

    {
        json_t  *one = json_object(), *two = json_object();

        ngx_websocket_type_defaults(type, one, SIZE_MAX);
        json_object_set_new(json_object_get(one, "e"), "unit",
                            json_integer(1));
        ngx_websocket_type_defaults(type, two, SIZE_MAX);
        unit_ok(json_is_string(json_object_get(json_object_get(two, "e"),
                                               "unit")),
                "a default belongs to its message");
        json_decref(one);
        json_decref(two);
    }

    forget();
}


/* a type of so many fields, of which one is required, and two have defaults */

static ngx_websocket_type_t *
wide(const char *name, unsigned n)
{
    char                   line[64], error[256];
    unsigned               i;
    ngx_websocket_type_t  *type;

    type = make(name, "field r integer required\nfield d string default=x\n"
                "field m integer max=5");

    for (i = 3; i < n - 1; i++) {
        snprintf(line, sizeof(line), "field f%u integer max=5", i);
        (void) words(type, line, error, sizeof(error));
    }

    (void) words(type, "field z string default=y", error, sizeof(error));

    return type;
}


/* an object of few of the fields is told the same, and costs no more */

static void
many(void)
{
    unsigned                     i, n;
    json_t                      *json, *items;
    clock_t                      begin;
    ngx_websocket_type_t        *type;
    ngx_websocket_json_error_t   error;

    for (n = 8; n <= 80; n += 72) {
        type = wide("w", n);

        says(type, "{\"r\":1}", "");
        says(type, "{\"m\":9}", "r: is required");
        says(type, "{\"f4\":9,\"m\":8,\"r\":\"\"}",
             "r: expected integer, got string");
        says(type, "{\"f4\":9,\"m\":8,\"r\":1}", "m: expected at most 5");
        says(type, "{\"f4\":9,\"no\":1,\"r\":1}", "f4: expected at most 5");
        says(type, "{\"no\":1,\"r\":1}", "no: is not a field of w");
        given(type, "{\"r\":1}", 2, "{\"r\":1,\"d\":\"x\",\"z\":\"y\"}");
        given(type, "{\"z\":\"\",\"r\":1}", 1,
              "{\"z\":\"\",\"r\":1,\"d\":\"x\"}");
        forget();
    }

    (void) wide("w", 3000);
    type = make("t", "field l array of=w");
    json = json_object();
    items = json_array();
    json_object_set_new(json, "l", items);

    for (i = 0; i < 5000; i++) {
        json_array_append_new(items, json_pack("{s:i}", "r", i));
    }

    begin = clock();
    unit_ok(ngx_websocket_type_check(type, json, &error)
            == NGX_WEBSOCKET_JSON_OK
            && ngx_websocket_type_defaults(type, json, SIZE_MAX) == 10000,
            "5000 objects of a type of 3000 fields");
    begin = (clock() - begin) / (CLOCKS_PER_SEC / 1000);
    unit_ok(begin < 100, "it takes %ld ms", (long) begin);

    json_decref(json);
    forget();
}


/* an enum of thousands of words, for thousands of values */

static void
choices(void)
{
    char                         option[40000], error[256], *p;
    unsigned                     i;
    json_t                      *json, *items;
    clock_t                      begin;
    const char                  *list[] = { "v", "string", option };
    ngx_websocket_type_t        *type;
    ngx_websocket_json_error_t   told;

    p = option + sprintf(option, "enum=");

    for (i = 0; i < 5000; i++) {
        p += sprintf(p, "%sw%u", i ? "|" : "", i);
    }

    type = make("c", "");
    unit_ok(ngx_websocket_type_field(type, list, 3, error, sizeof(error)) == 0,
            "an enum of 5000 words");
    type = make("t", "field l array of=c");
    json = json_object();
    items = json_array();
    json_object_set_new(json, "l", items);

    for (i = 0; i < 5000; i++) {
        json_array_append_new(items, json_pack("{s:s+}", "v", "w", "4999"));
    }

    begin = clock();
    unit_ok(ngx_websocket_type_check(type, json, &told)
            == NGX_WEBSOCKET_JSON_OK, "5000 values of it");
    begin = (clock() - begin) / (CLOCKS_PER_SEC / 1000);
    unit_ok(begin < 100, "they take %ld ms", (long) begin);

    json_array_append_new(items, json_pack("{s:s}", "v", "w5000"));
    unit_ok(ngx_websocket_type_check(type, json, &told)
            == NGX_WEBSOCKET_JSON_REFUSED
            && strcmp(told.path, "l[5000].v") == 0, "one is not: %s",
            told.path);

    json_decref(json);
    forget();
}


static void
decodes(const char *text, size_t size, const char *expected)
{
    uint8_t                     *p;
    json_t                      *json;
    ngx_websocket_json_error_t   error;

    p = unit_guarded(size);
    memcpy(p, text, size);

    error.rule[0] = '\0';
    json = NULL;
    (void) ngx_websocket_json_decode((char *) p, size, &limits, &json, &error);

    /* a name is one line */

    unit_ok(strcmp(error.rule, expected) == 0, "decode %.40s: %s",
            text + (*text == '\n'), error.rule);

    json_decref(json);
    unit_unguard(p, size);
}


static void
decoding(void)
{
    size_t  i;
    char    text[5000];

    static const char  *cases[][2] = {
        { "true", "" },
        { " {\"a\" : [ ] } ", "" },
        { "", "invalid JSON at line 1, byte 0: "
              "unexpected token near end of file" },
        { "{\"a\":1,\"a\":2}",
          "invalid JSON at line 1, byte 10: duplicate object key" },
        { "\n{\"abcdefghij\": nul}",
          "invalid JSON at line 2, byte 19: invalid token" },
        { "\"\\u0000\"",
          "invalid JSON at line 1, byte 8: \\u0000 is not allowed" },
        { "{\"\\u0000\":1}",
          "invalid JSON at line 1, byte 9: \\u0000 is not allowed" },
        { "\"\\ud800\"",
          "invalid JSON at line 1, byte 8: invalid Unicode '\\uD800'" },
        { "\"\\udc00\"",
          "invalid JSON at line 1, byte 8: invalid Unicode '\\uDC00'" },
        { "\"\xff\"",
          "invalid JSON at line 1, byte 1: unable to decode byte 0xff" },
        { "9223372036854775808",
          "invalid JSON at line 1, byte 19: too big integer" },
        { "-9223372036854775808", "" },
        { "1e400", "invalid JSON at line 1, byte 5: real number overflow" },
        { "[1,]", "invalid JSON at line 1, byte 4: unexpected token" },
        { "\"a", "invalid JSON at line 1, byte 2: "
                 "premature end of input" },
        { "\"a\\", "invalid JSON at line 1, byte 3: invalid escape" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        decodes(cases[i][0], strlen(cases[i][0]), cases[i][1]);
    }

    decodes("[1\0]", 4, "invalid JSON: a zero byte at byte 2");
    decodes("{\"a\":true\0}", 11, "invalid JSON: a zero byte at byte 9");

    limits.size = 10;
    decodes("\"12345678\"", 10, "");
    decodes("\"123456789\"", 11, "longer than 10 bytes");
    limits.size = 65536;

    limits.depth = 3;
    decodes("[[{}],[[]]]", 11, "");
    decodes("[[\"[[[[\",{\"a\":[]}]]", 19,
            "nested deeper than 3, at byte 14");
    limits.depth = 200;
    memset(text, '[', 128);
    memset(text + 128, ']', 128);
    decodes(text, 256, "");
    memset(text, '[', 129);
    memset(text + 129, ']', 129);
    decodes(text, 258, "nested deeper than 128, at byte 128");
    limits.depth = 64;

    limits.values = 4;
    decodes("[1,\"\\\",,,,\",3]", 14, "");
    decodes("[1,2,3,4]", 9, "more than 4 values, from byte 6");
    limits.values = 4096;
}


static void
paths(void)
{
    size_t                       i;
    char                         name[200], text[300];
    ngx_websocket_type_t        *type;
    json_t                      *json;
    ngx_websocket_json_error_t   error;

    type = make("t", "field a string");
    types_count = 1;

    /* a long name is cut between characters, wherever it is cut */

    for (i = 0; i < 3; i++) {
        size_t  n;

        memset(name, 'x', i);

        for (n = i; n < 180; n += 3) {
            memcpy(name + n, "\xe2\x82\xac", 3);
        }

        snprintf(text, sizeof(text), "{\"%.*s\":1}", (int) n, name);
        json = json_loads(text, 0, NULL);
        (void) ngx_websocket_type_check(type, json, &error);
        json_decref(json);

        json = json_string(error.path);
        unit_ok(json && strlen(error.path) >= 157
                && strlen(error.path) < sizeof(error.path),
                "a path of %zu bytes, whole characters", strlen(error.path));
        json_decref(json);
    }

    forget();
}


/* objects or arrays in each other, around one of them */

static void
nests(ngx_websocket_json_text_t *text, int objects, size_t n)
{
    json_t  *json, *outer;
    size_t   i;

    json = objects ? json_object() : json_array();

    for (i = 0; i < n; i++) {
        outer = objects ? json_pack("{s:o}", "a", json)
                        : json_pack("[o]", json);
        json = outer;
    }

    ngx_websocket_json_append_value(text, json);
    unit_ok(!text->failed == (n < 128), "%s, %zu deep, %s written",
            objects ? "objects" : "arrays", n + 1, n < 128 ? "are" : "not");

    ngx_websocket_json_text_done(text);
    json_decref(json);
}


static void
numbers(void)
{
    size_t                       i;
    json_t                      *json;
    ngx_websocket_json_text_t    text = { NULL, 0, 0, 0, 0, 0 };

    static const char  *cases[][2] = {
        { "0.1", "0.1" }, { "1.0", "1.0" }, { "-0.0", "-0.0" },
        { "1e22", "1e+22" }, { "0.30000000000000004", "0.30000000000000004" },
        { "5e-324", "4.94065645841247e-324" },
        { "1.7976931348623157e308", "1.7976931348623157e+308" },
        { "123456789012345.0", "123456789012345.0" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" }, { "0", "0" },
        { "\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\/\xc3\xa9\\u001f\"",
          "\"\\u0001\\b\\f\\n\\r\\t\\\"\\\\/\xc3\xa9\\u001f\"" },
        { "[]", "[]" }, { "[1,[2,{}],null]", "[1,[2,{}],null]" },
        { "{\"b\":true,\"a\":false}", "{\"b\":true,\"a\":false}" },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json = json_loads(cases[i][0], JSON_DECODE_ANY, NULL);
        text.size = 0;
        ngx_websocket_json_append_value(&text, json);
        ngx_websocket_json_append(&text, "", 1);
        unit_ok(!text.failed && strcmp(text.data, cases[i][1]) == 0,
                "%s is written %s", cases[i][0], text.data);
        json_decref(json);
    }

    ngx_websocket_json_text_done(&text);

    for (i = 0; i < 4; i++) {
        nests(&text, i & 1, 127 + i / 2);
    }
}


/* the longest way: types, a message, its defaults */

static int
refusals(void)
{
    int                          rc, n;
    char                         error[256];
    size_t                       i;
    json_t                      *json;
    ngx_websocket_type_t        *type;
    ngx_websocket_json_error_t   wrong;

    static const char  *lines[] = {
        "field unit string default=ms", NULL,
        "field a string required enum=x|y", "field b number min=1 default=2",
        "field c array of=u default=[{}]", "field d object of=t",
        "field e array of=u", "view v a d.b", "view w b"
    };

    static const char  message[] = "{\"a\":\"x\",\"d\":{\"a\":\"y\"},"
                                   "\"e\":[{},{}]}";

    error[0] = '\0';
    type = NULL;
    rc = 0;

    for (i = 0; i < sizeof(lines) / sizeof(lines[0]) && rc == 0; i++) {

        if (i == 0 || lines[i] == NULL) {
            type = ngx_websocket_type_create(i ? "t" : "u", &maker, error,
                                             sizeof(error));
            types[types_count++] = type;
        }

        if (type == NULL) {
            types_count--;
            rc = -1;

        } else if (lines[i]) {
            rc = words(type, lines[i], error, sizeof(error));
        }
    }

    if (rc == 0) {
        json = NULL;
        rc = ngx_websocket_json_decode(message, strlen(message), &limits,
                                       &json, &wrong);

        if (rc == NGX_WEBSOCKET_JSON_OK) {
            rc = ngx_websocket_type_check(type, json, &wrong);
        }

        if (rc == NGX_WEBSOCKET_JSON_OK) {
            n = ngx_websocket_type_defaults(type, json, SIZE_MAX);
            rc = n < 0 ? -1 : 0;

            if (rc == 0 && n != 6) {
                unit_ok(0, "%d defaults of 6", n);
            }
        }

        json_decref(json);

    } else if (error[0] == '\0') {
        rc = 0;     /* without a word: that is wrong */
    }

    forget();

    return rc;
}


/* what a client is told of an error */

static void
told(const char *path, const char *message, const char *expected)
{
    ngx_websocket_json_text_t  out = { NULL, 0, 0, 0, 0, 0 };

    ngx_websocket_json_append_error(&out, "invalid", path, message);
    ngx_websocket_json_append(&out, "", 1);

    unit_ok(strcmp(out.data, expected) == 0, "an error: %s", out.data);

    ngx_websocket_json_text_done(&out);
}


static void
maps(void)
{
    char                   error[256];
    ngx_websocket_type_t  *type;

    field("object of=string", "{\"a\":\"b\",\"\":\"\"}", "");
    field("object of=string", "{}", "");
    field("object of=string", "1", "expected object, got integer");
    field("object of=any max=1", "{\"a\":1,\"b\":2}",
          "expected at most 1 member");
    field("object min=1", "{}", "expected at least 1 member");
    field("object of=string default={\"a\":\"b\"}", "{}", "");

    type = make("t", "field m object of=integer\nadditional string");

    says(type, "{\"m\":{\"a\":1,\"b\":\"2\"}}",
         "m.b: expected integer, got string");
    says(type, "{\"m\":{\"a\":1},\"x\":\"y\",\"z\":\"\"}", "");
    says(type, "{\"x\":\"y\",\"z\":3}", "z: expected string, got integer");

    forget();

    (void) make("size", "field w integer required\nfield h integer default=1");
    (void) make("sizes", "additional object of=size nullable");
    type = make("all", "field m object of=sizes max=2\nadditional array "
                "of=size max=2\nview v m.a.w");

    says(type, "{\"m\":{\"a\":{\"w\":1},\"b\":null}}", "");
    says(type, "{\"m\":{\"a\":{\"w\":1},\"b\":{\"w\":\"1\"}}}",
         "m.b.w: expected integer, got string");
    says(type, "{\"m\":{\"a\":{}}}", "m.a.w: is required");
    says(type, "{\"m\":{\"a\":{\"w\":1,\"x\":1}}}",
         "m.a.x: is not a field of size");
    says(type, "{\"m\":{\"a\":1}}", "m.a: expected object, got integer");
    says(type, "{\"m\":{\"a\":null,\"b\":null,\"c\":null}}",
         "m: expected at most 2 members");
    says(type, "{\"x\":[{\"w\":1},{\"w\":2}]}", "");
    says(type, "{\"x\":[{\"w\":1},{\"v\":2}]}", "x[1].w: is required");
    says(type, "{\"x\":[{\"w\":1},{\"w\":2},{\"w\":3}]}",
         "x: expected at most 2 items");

    given(type, "{\"m\":{\"a\":{\"w\":1},\"b\":null},\"x\":[{\"w\":2}]}", 2,
          "{\"m\":{\"a\":{\"w\":1,\"h\":1},\"b\":null},"
          "\"x\":[{\"w\":2,\"h\":1}]}");

    forget();

    (void) make("other", "field a string");

    refused("additional string min=1 enum=a|b|",
            "\"additional\": empty value in \"enum=a|b|\"");
    refused("additional string required",
            "\"additional\": \"required\" needs a field with a name");
    refused("additional integer default=1",
            "\"additional\": \"default=\" needs a field with a name");
    refused("additional integer min=2 max=1",
            "\"additional\": \"min=\" is above \"max=\"");
    refused("additional object of=none", "\"additional\": unknown type "
            "\"none\"");

    forget();

    type = make("twice", "additional string");

    unit_ok(words(type, "additional integer", error, sizeof(error)) == -1
            && strcmp(error, "duplicate \"additional\"") == 0,
            "additional twice: %s", error);
    forget();

    field("string const=a|b", "\"a|b\"", "");
    field("string const=a|b", "\"a\"", "expected one of a|b");
    field("integer const=3", "3.0", "");
    field("integer const=3", "2", "expected at least 3");
    field("boolean const=false", "false", "");
    field("boolean const=false", "true", "expected false");
}


/* types of several */

static void
several(void)
{
    size_t                 i;
    char                   error[256];
    json_t                *json;
    ngx_websocket_type_t  *type;

    static const char  *wrong[][2] = {
        { "by type", "\"by\" is FIELD WORD=TYPE ..." },
        { "by type chat", "\"by\": \"chat\" is not WORD=TYPE" },
        { "by type a|b=chat", "\"by\": \"a|b=chat\" is not WORD=TYPE" },
        { "by type =chat", "\"by\": \"=chat\" is not WORD=TYPE" },
        { "by type chat=none", "\"by\": unknown type \"none\"" },
        { "by type chat=u", "\"by\": unknown type \"u\"" },
        { "by type chat=all", "\"by\": type \"all\" has a \"by\" itself" },
        { "by type a=chat a=join", "\"by\": duplicate \"a\"" },
        { "by from a=chat", "duplicate field \"from\"" }
    };

    (void) make("chat", "field data string required max=3\n"
                        "field unit string default=x\nfield n string");
    (void) make("join", "field data object of=string\nadditional integer");
    type = make("all", "field from string default=me\nfield n integer\n"
                       "by type chat=chat join=join");

    says(type, "{\"type\":\"chat\",\"data\":\"abc\",\"from\":\"a\"}", "");
    says(type, "{\"type\":\"chat\",\"data\":\"abcd\"}",
         "data: expected at most 3 characters");
    says(type, "{\"type\":\"chat\"}", "data: is required");
    says(type, "{\"type\":\"chat\",\"data\":\"\",\"more\":1}",
         "more: is not a field of chat");
    says(type, "{\"type\":\"join\",\"data\":{\"a\":\"b\"},\"more\":1}", "");
    says(type, "{\"type\":\"join\",\"more\":\"1\"}",
         "more: expected integer, got string");
    says(type, "{\"type\":\"join\",\"from\":1}",
         "from: expected string, got integer");
    says(type, "{\"type\":\"leave\"}", "type: expected one of chat|join");
    says(type, "{\"type\":null}", "type: expected string, got null");
    says(type, "{\"data\":1}", "type: is required");

    /* a member that both know is of both */

    says(type, "{\"type\":\"chat\",\"data\":\"\",\"n\":1}",
         "n: expected string, got integer");

    /* both give their defaults */

    json = json_pack("{s:s,s:s}", "type", "chat", "data", "a");
    unit_ok(ngx_websocket_type_defaults(type, json, 99) == 2
            && json_object_get(json, "unit") && json_object_get(json, "from"),
            "the defaults of both");
    unit_ok(ngx_websocket_type_defaults(type, json, 99) == 0, "given once");
    json_decref(json);

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        type = make("u", "field from string");
        unit_ok(words(type, wrong[i][0], error, sizeof(error)) == -1
                && strcmp(error, wrong[i][1]) == 0, "%s: %s", wrong[i][0],
                error);
        ngx_websocket_type_destroy(types[--types_count]);
    }

    forget();
}


int
main(void)
{
    (void) unit_each_refused("a type", refusals);

    kinds();
    bounds();
    strings();
    formats();
    nested();
    maps();
    several();
    directives();
    defaults();
    many();
    choices();
    decoding();
    paths();
    numbers();

    told(NULL, "no", "{\"error\":{\"code\":\"invalid\",\"message\":\"no\"}}");
    told("a\"b", "expected \\", "{\"error\":{\"code\":\"invalid\","
         "\"path\":\"a\\\"b\",\"message\":\"expected \\\\\"}}");

    return unit_done();
}
