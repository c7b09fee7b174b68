
/* Filters: which messages pass, and which filters are none. */


#include "unit.h"
#include "memory.h"

#include "filter_model.h"
#include "message/json.c"
#include "message/scan.c"
#include "message/format.c"
#include "message/view.c"
#include "message/type.c"
#include "message/type_by.c"
#include "message/type_check.c"
#include "message/filter.c"
#include "message/filter_compile.c"
#include "message/filter_expect.c"


static ngx_websocket_filter_limits_t  limits = { 16, 16, 4, 64 };

static ngx_websocket_tag_t  tags[] = {
    { "env", 3, "prod", 4 },
    { "a.b", 3, "", 0 },
    { "n", 1, "5", 1 }
};

#define TAGS  (sizeof(tags) / sizeof(tags[0]))


static ngx_websocket_filters_t  *filters;


static json_t *
json_of(const char *text)
{
    json_t  *json;

    json = json_loads(text, JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, NULL);

    if (json == NULL) {
        unit_ok(0, "the test's own JSON: %s", text);
    }

    return json;
}


static ngx_websocket_filter_t *
compile(const char *text)
{
    json_t                      *json;
    ngx_websocket_json_e         rc;
    ngx_websocket_filter_t      *filter;
    ngx_websocket_json_error_t   error;

    json = json_of(text);
    filter = NULL;
    rc = ngx_websocket_filter_compile(filters, json, NULL, &filter, &error);
    json_decref(json);

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        unit_ok(0, "%s: %s: %s", text, error.path, error.rule);
    }

    return filter;
}


/* one message, of number 0 */

static void
show(json_t *message, const ngx_websocket_tag_t *with, size_t n)
{
    ngx_websocket_filters_forget(filters);

    if (ngx_websocket_filters_begin(filters) != 0) {
        unit_ok(0, "the first message has number 0");
    }

    ngx_websocket_filters_message(filters, 0, message, with, n);
}


static void
passes(const char *text, const char *message, int expected)
{
    int                      got, model;
    json_t                  *json, *filter_json;
    ngx_websocket_filter_t  *filter;

    filter_json = json_of(text);
    json = json_of(message);
    filter = compile(text);

    show(json, tags, TAGS);
    got = ngx_websocket_filter_match(filters, filter, 0);
    model = model_filter(filter_json, json, tags, TAGS);
    ngx_websocket_filters_forget(filters);

    unit_ok(got == expected && model == expected, "%s %s %s%s", text,
            expected ? "passes" : "stops", message,
            got == model ? "" : " (the model too)");

    ngx_websocket_filter_release(filters, filter);
    json_decref(filter_json);
    json_decref(json);
}


static void
comparisons(void)
{
    size_t  i;

    static const struct {
        const char  *filter;
        const char  *message;
        int          passes;
    } cases[] = {
        { "{}", "{}", 1 },
        { "{\"a\":1}", "{\"a\":1}", 1 },
        { "{\"a\":1}", "{\"a\":2}", 0 },
        { "{\"a\":1}", "{\"b\":1}", 0 },
        { "{\"a\":1}", "[]", 0 },
        { "{\"a\":1}", "{\"a\":1.0}", 1 },
        { "{\"a\":1.0}", "{\"a\":1}", 1 },
        { "{\"a\":0}", "{\"a\":-0.0}", 1 },
        { "{\"a\":1.5}", "{\"a\":1.5}", 1 },
        { "{\"a\":1.5}", "{\"a\":1}", 0 },
        { "{\"a\":1e300}", "{\"a\":1e300}", 1 },
        { "{\"a\":9007199254740993}", "{\"a\":9007199254740992.0}", 0 },
        { "{\"a\":9007199254740992}", "{\"a\":9007199254740992.0}", 1 },
        { "{\"a\":\"1\"}", "{\"a\":1}", 0 },
        { "{\"a\":1}", "{\"a\":\"1\"}", 0 },
        { "{\"a\":\"x\"}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":\"x\"}", "{\"a\":\"xx\"}", 0 },
        { "{\"a\":\"\"}", "{\"a\":\"\"}", 1 },
        { "{\"a\":true}", "{\"a\":true}", 1 },
        { "{\"a\":true}", "{\"a\":false}", 0 },
        { "{\"a\":true}", "{\"a\":1}", 0 },
        { "{\"a\":false}", "{\"a\":0}", 0 },
        { "{\"a\":false}", "{\"a\":null}", 0 },
        { "{\"a\":null}", "{\"a\":null}", 1 },
        { "{\"a\":null}", "{}", 0 },
        { "{\"a\":null}", "{\"a\":[]}", 0 },
        { "{\"a\":[1,\"x\",null]}", "{\"a\":\"x\"}", 1 },
        { "{\"a\":[1,\"x\",null]}", "{\"a\":null}", 1 },
        { "{\"a\":[1,\"x\",null]}", "{\"a\":\"1\"}", 0 },
        { "{\"a\":[]}", "{\"a\":[]}", 0 },
        { "{\"a\":{\"in\":[2,3]}}", "{\"a\":3.0}", 1 },
        { "{\"a\":{\"in\":[2,3]}}", "{}", 0 },
        { "{\"a\":{\"eq\":2}}", "{\"a\":2}", 1 },
        { "{\"a\":{\"ne\":2}}", "{\"a\":2}", 0 },
        { "{\"a\":{\"ne\":2}}", "{\"a\":3}", 1 },
        { "{\"a\":{\"ne\":2}}", "{\"a\":\"2\"}", 1 },
        { "{\"a\":{\"ne\":2}}", "{\"a\":[]}", 1 },
        { "{\"a\":{\"ne\":2}}", "{}", 0 },
        { "{\"not\":{\"a\":2}}", "{}", 1 },
        { "{\"a\":{\"gt\":10}}", "{\"a\":11}", 1 },
        { "{\"a\":{\"gt\":10}}", "{\"a\":10.5}", 1 },
        { "{\"a\":{\"gt\":10}}", "{\"a\":10}", 0 },
        { "{\"a\":{\"gt\":10}}", "{\"a\":\"11\"}", 0 },
        { "{\"a\":{\"gt\":10}}", "{\"a\":null}", 0 },
        { "{\"a\":{\"gt\":10}}", "{\"a\":true}", 0 },
        { "{\"a\":{\"lte\":10}}", "{\"a\":[]}", 0 },
        { "{\"a\":{\"lt\":\"10\"}}", "{\"a\":5}", 0 },
        { "{\"a\":{\"gte\":10}}", "{\"a\":10}", 1 },
        { "{\"a\":{\"gte\":10}}", "{\"a\":9}", 0 },
        { "{\"a\":{\"lt\":10}}", "{\"a\":9.9}", 1 },
        { "{\"a\":{\"lt\":10}}", "{\"a\":10}", 0 },
        { "{\"a\":{\"lte\":10}}", "{\"a\":10}", 1 },
        { "{\"a\":{\"lte\":10}}", "{\"a\":11}", 0 },
        { "{\"a\":{\"gt\":9007199254740992.0}}", "{\"a\":9007199254740993}",
          1 },
        { "{\"a\":{\"lt\":1e19}}", "{\"a\":9223372036854775807}", 1 },
        { "{\"a\":{\"gt\":-1e19}}", "{\"a\":-9223372036854775808}", 1 },
        { "{\"a\":{\"gt\":9223372036854775807}}",
          "{\"a\":9223372036854775808.0}", 1 },
        { "{\"a\":{\"gte\":-0.5}}", "{\"a\":0}", 1 },
        { "{\"a\":{\"gt\":-0.5}}", "{\"a\":-1}", 0 },
        { "{\"a\":{\"gt\":\"b\"}}", "{\"a\":\"ba\"}", 1 },
        { "{\"a\":{\"gt\":\"b\"}}", "{\"a\":\"b\"}", 0 },
        { "{\"a\":{\"gt\":\"b\"}}", "{\"a\":\"az\"}", 0 },
        { "{\"a\":{\"lt\":\"ba\"}}", "{\"a\":\"b\"}", 1 },
        { "{\"a\":{\"gt\":\"z\"}}", "{\"a\":\"\xc3\xa9\"}", 1 },
        { "{\"a\":{\"gt\":1,\"lt\":3}}", "{\"a\":2}", 1 },
        { "{\"a\":{\"gt\":1,\"lt\":3}}", "{\"a\":3}", 0 },
        { "{\"a\":{\"gt\":1,\"lt\":3}}", "{\"a\":1}", 0 },
        { "{\"a\":{\"prefix\":\"ab\"}}", "{\"a\":\"abc\"}", 1 },
        { "{\"a\":{\"prefix\":\"ab\"}}", "{\"a\":\"ab\"}", 1 },
        { "{\"a\":{\"prefix\":\"ab\"}}", "{\"a\":\"a\"}", 0 },
        { "{\"a\":{\"prefix\":\"ab\"}}", "{\"a\":\"acb\"}", 0 },
        { "{\"a\":{\"prefix\":\"\"}}", "{\"a\":\"\"}", 1 },
        { "{\"a\":{\"prefix\":\"\"}}", "{\"a\":1}", 0 },
        { "{\"a\":{\"suffix\":\"bc\"}}", "{\"a\":\"abc\"}", 1 },
        { "{\"a\":{\"suffix\":\"bc\"}}", "{\"a\":\"c\"}", 0 },
        { "{\"a\":{\"suffix\":\"b\"}}", "{\"a\":\"abc\"}", 0 },
        { "{\"a\":{\"suffix\":\"\"}}", "{\"a\":1}", 0 },
        { "{\"a\":{\"contains\":\"b\"}}", "{\"a\":\"abc\"}", 1 },
        { "{\"a\":{\"contains\":\"cb\"}}", "{\"a\":\"abc\"}", 0 },
        { "{\"a\":{\"contains\":\"\"}}", "{\"a\":\"\"}", 1 },
        { "{\"a\":{\"contains\":\"\"}}", "{\"a\":1}", 0 },
        { "{\"a\":{\"exists\":true}}", "{\"a\":null}", 1 },
        { "{\"a\":{\"exists\":true}}", "{\"a\":{}}", 1 },
        { "{\"a\":{\"exists\":true}}", "{}", 0 },
        { "{\"a\":{\"exists\":false}}", "{}", 1 },
        { "{\"a\":{\"exists\":false}}", "{\"a\":false}", 0 },
        { "{\"a\":{\"exists\":false,\"gt\":1}}", "{}", 0 },
        { "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":2}", 1 },
        { "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", 0 },
        { "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":2}", 0 },
        { "{\"a.b\":1}", "{\"a\":{\"b\":1}}", 1 },
        { "{\"a.b.c\":1}", "{\"a\":{\"b\":{\"c\":1}}}", 1 },
        { "{\"a.b.c.d.e.f.g.h\":{\"exists\":false}}", "{}", 1 },
        { "{\"a\":\"012345678901234567890123456789"
          "0123456789012345678901234567890123\"}", "{\"a\":1}", 0 },
        { "{\"a.b\":1}", "{\"a.b\":1}", 0 },
        { "{\"a.b\":{\"exists\":false}}", "{\"a\":1}", 1 },
        { "{\"a.b\":1}", "{\"a\":[{\"b\":1}]}", 0 },
        { "{\"tags.env\":\"prod\"}", "{}", 1 },
        { "{\"tags.env\":\"test\"}", "{\"tags\":{\"env\":\"test\"}}", 0 },
        { "{\"tags.en\":{\"exists\":true}}", "{}", 0 },
        { "{\"tags.a.b\":\"\"}", "{}", 1 },
        { "{\"tags.n\":5}", "{}", 0 },
        { "{\"tags.n\":{\"gte\":\"5\"}}", "{}", 1 },
        { "{\"tags.n\":{\"gte\":5}}", "{}", 1 },
        { "{\"tags.n\":{\"gt\":4.5,\"lt\":10}}", "{}", 1 },
        { "{\"tags.n\":{\"gt\":5}}", "{}", 0 },
        { "{\"tags.env\":{\"gt\":5}}", "{}", 0 },
        { "{\"tags.env\":{\"lt\":5}}", "{}", 0 },
        { "{\"n\":{\"gte\":5}}", "{\"n\":\"5\"}", 0 },
        { "{\"tags\":\"x\"}", "{\"tags\":\"x\"}", 1 },
        { "{\"tags.none\":{\"exists\":false}}", "{}", 1 },
        { "{\"or\":[{\"a\":1},{\"b\":2}]}", "{\"b\":2}", 1 },
        { "{\"or\":[{\"a\":1},{\"b\":2}]}", "{\"a\":1}", 1 },
        { "{\"or\":[{\"a\":1},{\"b\":2}]}", "{\"a\":2,\"b\":1}", 0 },
        { "{\"or\":[{\"a\":1}],\"b\":2}", "{\"a\":1}", 0 },
        { "{\"or\":[{\"a\":1},{}]}", "{}", 1 },
        { "{\"and\":[{\"a\":1},{\"a\":{\"lt\":2}}]}", "{\"a\":1}", 1 },
        { "{\"and\":[{\"a\":1},{\"a\":{\"gt\":2}}]}", "{\"a\":1}", 0 },
        { "{\"not\":{}}", "{}", 0 },
        { "{\"not\":{\"not\":{}}}", "{}", 1 },
        { "{\"not\":{\"a\":1,\"b\":1}}", "{\"a\":1}", 1 },
        { "{\"not\":{\"a\":1,\"b\":1}}", "{\"a\":1,\"b\":1}", 0 },
        { "{\"not\":{\"or\":[{\"a\":1},{\"b\":1}]},\"c\":1}", "{\"c\":1}", 1 },
        { "{\"not\":{\"or\":[{\"a\":1},{\"b\":1}]},\"c\":1}",
          "{\"b\":1,\"c\":1}", 0 },
        { "{\"level\":[\"error\",\"warn\"],\"value\":{\"gt\":10},"
          "\"tags.env\":\"prod\",\"or\":[{\"a\":1},{\"not\":{\"b\":1}}]}",
          "{\"level\":\"warn\",\"value\":11}", 1 },
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        passes(cases[i].filter, cases[i].message, cases[i].passes);
    }
}


/* sets that are searched in halves: each value is found, nothing else is */

static void
sets(void)
{
    int                       i, wrong;
    char                      text[512], *p;
    json_t                   *message;
    ngx_websocket_filter_t   *filter;

    p = text + sprintf(text, "{\"a\":[null,\"9\",true");

    for (i = 0; i < 13; i++) {
        p += sprintf(p, ",%d", i * 2);
    }

    strcpy(p, "]}");
    filter = compile(text);
    message = json_object();
    wrong = 0;

    for (i = -1; i < 30; i++) {
        json_object_set_new(message, "a", json_integer(i));
        show(message, NULL, 0);
        wrong += ngx_websocket_filter_match(filters, filter, 0)
                 != (i >= 0 && i < 26 && i % 2 == 0);
    }

    unit_ok(wrong == 0, "16 values in a set: %d wrong", wrong);

    json_decref(message);
    ngx_websocket_filter_release(filters, filter);

    passes("{\"a\":[null,\"9\",true,1,2,3,4,5,6,7]}", "{\"a\":\"9\"}", 1);
    passes("{\"a\":[null,\"9\",true,1,2,3,4,5,6,7]}", "{\"a\":null}", 1);
    passes("{\"a\":[null,\"9\",true,1,2,3,4,5,6,7]}", "{\"a\":9}", 0);
    passes("{\"a\":[null,\"9\",true,1,2,3,4,5,6,7]}", "{\"a\":false}", 0);
}


static void
refused(const char *text, const char *expected)
{
    char                         said[400];
    json_t                      *json;
    ngx_websocket_json_e         rc;
    ngx_websocket_filter_t      *filter;
    ngx_websocket_json_error_t   error;

    json = json_of(text);
    rc = ngx_websocket_filter_compile(filters, json, NULL, &filter, &error);
    snprintf(said, sizeof(said), "%s: %s", error.path, error.rule);

    unit_ok(rc == NGX_WEBSOCKET_JSON_REFUSED && strcmp(said, expected) == 0
            && filters->slots_used == 0, "%.60s -> %s", text,
            rc ? said : "compiled");

    json_decref(json);
}


static void
errors(void)
{
    refused("1", ": expected object, got integer");
    refused("{\"a\":{}}", "a: expected a comparison");
    refused("{\"x\":1,\"a\":{\"gte\":1,\"foo\":1}}",
            "a.foo: expected one of eq, ne, gt, gte, lt, lte, in, prefix, "
            "suffix, contains, exists");
    refused("{\"a\":{\"gt\":true}}",
            "a.gt: expected number or string, got boolean");
    refused("{\"a\":{\"eq\":[]}}", "a.eq: expected string, number, boolean or "
            "null, got array");
    refused("{\"a\":{\"ne\":{}}}", "a.ne: expected string, number, boolean or "
            "null, got object");
    refused("{\"a\":{\"in\":1}}", "a.in: expected array, got integer");
    refused("{\"a\":{\"in\":[1,[]]}}", "a.in[1]: expected string, number, "
            "boolean or null, got array");
    refused("{\"a\":[1,{}]}", "a[1]: expected string, number, "
            "boolean or null, got object");
    refused("{\"a\":{\"prefix\":1}}", "a.prefix: expected string, got integer");
    refused("{\"a\":{\"exists\":1}}",
            "a.exists: expected boolean, got integer");
    refused("{\"or\":{}}", "or: expected array of filters, got object");
    refused("{\"or\":[]}", "or: expected array of filters, got none in it");
    refused("{\"and\":[]}", "and: expected array of filters, got none in it");
    refused("{\"or\":[{\"a\":1},1]}",
            "or[1]: expected object, got integer");
    refused("{\"or\":[{},{\"value\":{\"gt\":{}}}]}",
            "or[1].value.gt: expected number or string, got object");
    refused("{\"not\":1}", "not: expected object, got integer");
    refused("{\"\":1}", ": has an empty name");
    refused("{\".a\":1}", ".a: has an empty name");
    refused("{\"a.\":1}", "a.: has an empty name");
    refused("{\"a..b\":1}", "a..b: has an empty name");
    refused("{\"tags.\":1}", "tags.: has an empty name");
    refused("{\"a.b.c.d.e.f.g.h.i\":1}",
            "a.b.c.d.e.f.g.h.i: has too many names");
    refused("{\"not\":{\"not\":{\"not\":{\"not\":{\"a\":1}}}}}",
            "not.not.not.not: more than 4 filters in each other");
    refused("{\"a\":[1,2,3,4,5,6,7,8],\"b\":[1,2,3,4,5,6,7,8,9]}",
            "b: more than 16 values in arrays");
    refused("{\"a\":\"0123456789012345678901234567890123456789\","
            "\"b\":\"0123456789012345678901234\"}",
            "b: more than 64 bytes of strings");
    refused("{\"or\":[{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,"
            "\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1},"
            "{\"a\":1,\"b\":1},{},{\"c\":{\"gt\":1}}]}",
            ": more than 16 comparisons");
}


static void
within(void)
{
    json_t                      *json;
    const char                  *paths[] = { "a", "b.c" };
    ngx_websocket_view_t        *view;
    ngx_websocket_filter_t      *filter;
    ngx_websocket_json_error_t   error;

    ngx_websocket_filter_scope_t  scope = { NULL, NULL, NULL, 0 };

    view = ngx_websocket_view_create("summary", paths, 2, NULL, 0);
    scope.view = view;

    json = json_of("{\"a\":1,\"a.x\":1,\"b.c\":1,\"tags.x\":\"\"}");
    unit_ok(ngx_websocket_filter_compile(filters, json, &scope, &filter, &error)
            == NGX_WEBSOCKET_JSON_OK, "a filter of what a view shows");
    ngx_websocket_filter_release(filters, filter);
    json_decref(json);

    json = json_of("{\"a\":1,\"not\":{\"b\":{\"exists\":true}}}");
    unit_ok(ngx_websocket_filter_compile(filters, json, &scope, &filter, &error)
            == NGX_WEBSOCKET_JSON_REFUSED
            && strcmp(error.path, "not.b") == 0
            && strcmp(error.rule, "is not in view summary") == 0,
            "a filter of what it does not show: %s: %s", error.path,
            error.rule);
    json_decref(json);

    ngx_websocket_view_destroy(view);
}


/* what the messages of a type never have is refused, and nothing else */

static void
asks(const ngx_websocket_filter_scope_t *scope, const char *text,
    const char *expected)
{
    char                         said[400];
    json_t                      *json;
    ngx_websocket_json_e         rc;
    ngx_websocket_filter_t      *filter;
    ngx_websocket_json_error_t   error;

    json = json_of(text);
    rc = ngx_websocket_filter_compile(filters, json, scope, &filter, &error);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        strcpy(said, "fits");
        ngx_websocket_filter_release(filters, filter);

    } else {
        snprintf(said, sizeof(said), "%s: %s", error.path, error.rule);
    }

    unit_ok(strcmp(said, expected) == 0 && filters->slots_used == 0,
            "%.60s -> %s", text, said);

    json_decref(json);
}


static ngx_websocket_type_t  *point;


static ngx_websocket_type_t *
find_point(void *data, const char *name)
{
    (void) data;

    return point && strcmp(name, "point") == 0 ? point : NULL;
}


static ngx_websocket_type_t *
type_of(const char *name, const char *const fields[][5], size_t n)
{
    char                        error[200];
    size_t                      i, words;
    ngx_websocket_type_t       *type;
    ngx_websocket_type_maker_t  maker = { NULL, find_point, NULL, NULL };

    type = ngx_websocket_type_create(name, &maker, error, sizeof(error));

    for (i = 0; i < n; i++) {

        for (words = 0; words < 5 && fields[i][words]; words++) {
            /* void */
        }

        if (ngx_websocket_type_field(type, fields[i], words, error,
                                     sizeof(error))
            != 0)
        {
            unit_ok(0, "the test's own type: %s", error);
        }
    }

    return type;
}


static void
typed(void)
{
    size_t                        i;
    const char                   *on = "on";
    ngx_websocket_type_t         *entry, *open;
    ngx_websocket_filter_scope_t  scope;

    static const char *const  inner[][5] = { { "x", "number" } };

    static const char *const  fields[][5] = {
        { "level", "string", "enum=info|warn" }, { "text", "string" },
        { "count", "integer" }, { "value", "number", "nullable" },
        { "ok", "boolean" }, { "list", "array" }, { "data", "object" },
        { "what", "any" }, { "where", "object", "of=point" },
        { "unit", "string", "nullable", "enum=s|ms" }
    };

    static const ngx_websocket_stamp_name_t  stamps[] = {
        { "fromx", 4 }, { "level", 5 }
    };

    static const struct {
        const char  *filter;
        const char  *said;
    } cases[] = {
        { "{}", "fits" },
        { "{\"levle\":\"info\"}", "levle: is not a field of entry" },
        { "{\"or\":[{},{\"not\":{\"x\":{\"gt\":1}}}]}",
          "or[1].not.x: is not a field of entry" },
        { "{\"x\":{\"exists\":false}}", "x: is not a field of entry" },
        { "{\"x\":{\"ne\":1}}", "x: is not a field of entry" },
        { "{\"leve\":1}", "leve: is not a field of entry" },
        { "{\"levels\":1}", "levels: is not a field of entry" },
        { "{\"tags.x\":\"1\",\"tags.level\":{\"gt\":5}}", "fits" },
        { "{\"tags\":\"x\"}", "tags: is not a field of entry" },
        { "{\"from\":\"x\"}", "from: is not a field of entry" },

        { "{\"where.x\":{\"gt\":1.5}}", "fits" },
        { "{\"where.y\":1}", "where.y: is not a field of point" },
        { "{\"where.x.y\":1}", "where.x.y: is within what is no object" },
        { "{\"text.x\":1}", "text.x: is within what is no object" },
        { "{\"list.0\":1}", "list.0: is within what is no object" },
        { "{\"data.x.y\":1,\"data.z\":{\"lt\":\"\"}}", "fits" },
        { "{\"what.x\":1,\"what\":[null,true,1,\"\"]}", "fits" },
        { "{\"what\":{\"prefix\":\"a\",\"gt\":1}}", "fits" },

        { "{\"level\":\"info\"}", "fits" },
        { "{\"level\":\"inf\"}", "level: expected one of info|warn" },
        { "{\"level\":{\"eq\":\"\"}}", "level.eq: expected one of info|warn" },
        { "{\"level\":5}", "level: expected string, got integer" },
        { "{\"level\":null}", "level: expected string, got null" },
        { "{\"level\":[\"fatal\",5,null,\"warn\"]}", "fits" },
        { "{\"level\":[\"fatal\",5]}",
          "level[0]: expected one of info|warn" },
        { "{\"level\":{\"in\":[5,\"fatal\"]}}",
          "level.in[0]: expected string, got integer" },
        { "{\"level\":[]}", "fits" },
        { "{\"level\":{\"ne\":\"x\",\"exists\":true}}", "fits" },
        { "{\"level\":{\"ne\":5}}", "fits" },
        { "{\"level\":{\"prefix\":\"x\",\"gt\":\"k\"}}", "fits" },
        { "{\"level\":{\"gt\":10}}",
          "level.gt: expected string, got integer" },
        { "{\"unit\":null}", "fits" },
        { "{\"unit\":{\"in\":[null,\"x\"]}}", "fits" },
        { "{\"unit\":\"x\"}", "unit: expected one of s|ms" },

        { "{\"count\":1,\"value\":null}", "fits" },
        { "{\"count\":1e300}", "fits" },
        { "{\"count\":{\"lte\":1.5,\"eq\":2.0,\"gte\":-1e300}}", "fits" },
        { "{\"count\":\"1\"}", "count: expected integer, got string" },
        { "{\"count\":null}", "count: expected integer, got null" },
        { "{\"value\":{\"lt\":\"1\"}}",
          "value.lt: expected number, got string" },
        { "{\"value\":{\"prefix\":\"1\"}}",
          "value.prefix: expected number, got string" },
        { "{\"ok\":true}", "fits" },
        { "{\"ok\":[1,false]}", "fits" },
        { "{\"ok\":1}", "ok: expected boolean, got integer" },
        { "{\"ok\":{\"gt\":1}}", "ok.gt: never holds for kind boolean" },
        { "{\"list\":{\"exists\":true,\"ne\":1}}", "fits" },
        { "{\"list\":1}", "list: never holds for kind array" },
        { "{\"data\":{\"lt\":1}}", "data.lt: never holds for kind object" },
        { "{\"where\":null}", "where: never holds for kind object" }
    };

    point = type_of("point", inner, sizeof(inner) / sizeof(inner[0]));
    entry = type_of("entry", fields, sizeof(fields) / sizeof(fields[0]));
    open = type_of("open", fields, 1);
    (void) ngx_websocket_type_additional(open, &on, 1, NULL, 0);

    memset(&scope, 0, sizeof(scope));
    scope.type = entry;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        asks(&scope, cases[i].filter, cases[i].said);
    }

    /* these names may be anything, but only they */

    scope.others = stamps;
    scope.others_count = 2;

    asks(&scope, "{\"from\":\"x\",\"from.x\":1,\"level\":5}", "fits");
    asks(&scope, "{\"fro\":1}", "fro: is not a field of entry");
    asks(&scope, "{\"fromx\":1}", "fromx: is not a field of entry");
    asks(&scope, "{\"where.from\":1}", "where.from: is not a field of point");

    /* what an open type says of its fields still holds */

    scope.others_count = 0;
    scope.type = open;

    asks(&scope, "{\"levle\":1,\"x.y\":null}", "fits");
    asks(&scope, "{\"level\":1}", "level: expected string, got integer");

    scope.type = NULL;
    asks(&scope, "{\"levle\":1}", "fits");

    ngx_websocket_type_destroy(open);
    ngx_websocket_type_destroy(entry);
    ngx_websocket_type_destroy(point);
}


/* filters that say the same are one, and a field has one slot */

static void
shared(void)
{
    json_t                  *one, *two;
    ngx_websocket_filter_t  *a, *b, *c, *d;

    a = compile("{\"x\":1,\"y\":[\"a\",\"b\"]}");
    b = compile(" { \"x\" : 1.0, \"y\" : { \"in\" : [\"a\", \"b\"] } } ");
    c = compile("{\"x\":2,\"y\":[\"a\",\"b\"]}");
    d = compile("{\"x\":1,\"y\":[\"a\",\"c\"]}");

    unit_ok(a == b && a != c && a != d && filters->filters_count == 3,
            "filters that say the same are one");
    unit_ok(filters->slots_used == 2, "a field has one slot");
    unit_ok(ngx_websocket_filter_reads(a), "it reads the message");

    one = json_of("{\"x\":1,\"y\":\"b\"}");
    two = json_of("{\"x\":2,\"y\":\"b\"}");

    show(one, NULL, 0);
    unit_ok(ngx_websocket_filter_match(filters, a, 0)
            && !ngx_websocket_filter_match(filters, c, 0)
            && !ngx_websocket_filter_match(filters, d, 0)
            && ngx_websocket_filter_match(filters, a, 0), "one message");
    a->passed ^= 1;
    unit_ok(!ngx_websocket_filter_match(filters, a, 0),
            "a filter is evaluated once per message");
    show(two, NULL, 0);
    unit_ok(!ngx_websocket_filter_match(filters, a, 0)
            && ngx_websocket_filter_match(filters, c, 0)
            && !ngx_websocket_filter_match(filters, a, 0), "the next one");
    show(NULL, NULL, 0);
    unit_ok(!ngx_websocket_filter_match(filters, a, 0)
            && !ngx_websocket_filter_match(filters, c, 0), "and none");

    ngx_websocket_filter_release(filters, b);
    unit_ok(filters->filters_count == 3, "one reference less");
    ngx_websocket_filter_release(filters, a);
    ngx_websocket_filter_release(filters, c);
    unit_ok(filters->filters_count == 1 && filters->slots_used == 2,
            "one filter left");
    ngx_websocket_filter_release(filters, d);
    unit_ok(filters->filters_count == 0 && filters->slots_used == 0,
            "nothing left");

    /* a slot that is given to another field within one message */

    show(one, NULL, 0);
    a = compile("{\"x\":1}");
    unit_ok(ngx_websocket_filter_match(filters, a, 0), "a field");
    ngx_websocket_filter_release(filters, a);
    a = compile("{\"y\":\"b\"}");
    unit_ok(ngx_websocket_filter_match(filters, a, 0), "another in its slot");
    ngx_websocket_filter_release(filters, a);
    ngx_websocket_filters_forget(filters);

    a = compile("{\"tags.x\":\"1\"}");
    unit_ok(!ngx_websocket_filter_reads(a), "only tags");
    ngx_websocket_filter_release(filters, a);

    json_decref(one);
    json_decref(two);
}


/* messages that are looked at side by side: each has its own fields */

static void
side_by_side(void)
{
    int                      i, first, wrong;
    json_t                  *jsons[NGX_WEBSOCKET_FILTER_MESSAGES];
    ngx_websocket_filter_t  *a, *b, *c;

    a = compile("{\"x\":{\"gte\":10}}");
    b = compile("{\"x\":{\"lt\":50},\"tags.n\":\"5\"}");

    ngx_websocket_filters_forget(filters);
    wrong = 0;

    for (i = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
        jsons[i] = json_pack("{s:i,s:i}", "x", i, "y", i % 2);
        wrong += ngx_websocket_filters_begin(filters) != i;

        ngx_websocket_filters_message(filters, (unsigned) i, jsons[i],
                                      i % 3 ? tags : NULL, i % 3 ? TAGS : 0);
    }

    for (first = 0; first < 2; first++) {

        for (i = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
            wrong += ngx_websocket_filter_match(filters, a, (unsigned) i)
                     != (i >= 10);
            wrong += ngx_websocket_filter_match(filters, b, (unsigned) i)
                     != (i < 50 && i % 3);
        }
    }

    unit_ok(wrong == 0, "%d messages side by side: %d wrong", i, wrong);

    a->passed ^= UINT64_C(1) << 63;
    unit_ok(!ngx_websocket_filter_match(filters, a, 63)
            && ngx_websocket_filter_match(filters, a, 62),
            "each is evaluated once");

    /* one more field, while they are there */

    c = compile("{\"y\":1}");
    wrong = 0;

    for (i = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
        wrong += ngx_websocket_filter_match(filters, c, (unsigned) i) != i % 2;
        wrong += ngx_websocket_filter_match(filters, b, (unsigned) i)
                 != (i < 50 && i % 3);
    }

    unit_ok(wrong == 0, "a new filter of them: %d wrong", wrong);

    /* all but the newest one are forgotten */

    unit_ok(ngx_websocket_filters_begin(filters) == 0, "one more is the first");
    ngx_websocket_filters_message(filters, 0, jsons[63], NULL, 0);
    unit_ok(ngx_websocket_filter_match(filters, a, 0)
            && ngx_websocket_filter_match(filters, c, 0), "it has its fields");

    /* fields that come after the tags */

    ngx_websocket_filters_forget(filters);
    (void) ngx_websocket_filters_begin(filters);
    ngx_websocket_filters_message(filters, 0, NULL, tags, TAGS);
    ngx_websocket_filter_release(filters, c);
    c = compile("{\"tags.n\":\"5\"}");
    unit_ok(ngx_websocket_filter_match(filters, c, 0), "a tag");
    ngx_websocket_filters_message(filters, 0, jsons[11], tags, TAGS);
    unit_ok(ngx_websocket_filter_match(filters, a, 0)
            && ngx_websocket_filter_match(filters, b, 0)
            && ngx_websocket_filter_match(filters, c, 0), "then its fields");

    ngx_websocket_filters_forget(filters);
    ngx_websocket_filter_release(filters, a);
    ngx_websocket_filter_release(filters, b);
    ngx_websocket_filter_release(filters, c);

    for (i = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
        json_decref(jsons[i]);
    }
}


/* the more fields, the fewer messages: memory has a bound */

static void
bounded(void)
{
    int                      n;
    char                     text[64];
    size_t                   i, values;
    ngx_websocket_filter_t  *list[3000];

    for (i = 0; i < 3000; i++) {
        snprintf(text, sizeof(text), "{\"f%zu\":1}", i);
        list[i] = compile(text);
    }

    ngx_websocket_filters_forget(filters);

    for (n = ngx_websocket_filters_begin(filters);
         ngx_websocket_filters_begin(filters) == n + 1;
         n++)
    {
        /* void */
    }

    for (i = 0, values = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
        values += filters->messages[i].values ? filters->slots_count : 0;
    }

    unit_ok(n == 15 && values <= NGX_WEBSOCKET_FILTER_KEPT,
            "%d messages of 3,000 fields: %zu values", n + 1, values);

    for (i = 0; i < 3000; i++) {
        ngx_websocket_filter_release(filters, list[i]);
    }

    ngx_websocket_filters_forget(filters);
}


/* each message twice: the second time it is known */

static size_t
many_wrong(json_t **jsons, ngx_websocket_filter_t **list, size_t n,
    json_t **messages, size_t count)
{
    int     got;
    size_t  i, k, wrong;

    for (i = 0, wrong = 0; i < n; i++) {

        for (k = 0; list[i] && k < 2 * count; k++) {
            got = ngx_websocket_filter_match(filters, list[i],
                                             (unsigned) (k % count));
            wrong += got != model_filter(jsons[i], messages[k % count], NULL,
                                         0);
        }
    }

    return wrong;
}


/* many of them, made and given back at random, against the model */

static void
many(void)
{
    char                      text[200];
    json_t                   *jsons[300], *messages[5];
    size_t                    i, k, m, count, wrong;
    uint64_t                  state;
    ngx_websocket_filter_t   *list[300];

    state = 7;
    wrong = 0;
    memset(list, 0, sizeof(list));

    for (k = 0; k < 3000; k++) {

        i = unit_random(&state) % 300;

        if (list[i]) {
            ngx_websocket_filter_release(filters, list[i]);
            json_decref(jsons[i]);
        }

        snprintf(text, sizeof(text),
                 "{\"f%u\":{\"gt\":%u},\"%s\":[{\"f%u\":[%u,%u,\"a\"]},"
                 "{\"f%u.x\":{\"exists\":true}}]}",
                 unit_random(&state) % 200, unit_random(&state) % 5,
                 unit_random(&state) % 2 ? "or" : "and",
                 unit_random(&state) % 5, unit_random(&state) % 10,
                 unit_random(&state) % 10, unit_random(&state) % 5);

        jsons[i] = json_of(text);
        list[i] = compile(text);

        if (k % 50) {
            continue;
        }

        count = 1 + unit_random(&state) % 5;

        for (m = 0; m < count; m++) {

            messages[m] = json_object();

            for (i = 0; i < 200; i++) {
                snprintf(text, sizeof(text), "f%zu", i);
                json_object_set_new(messages[m], text,
                                    json_integer(unit_random(&state) % 10));
            }

            wrong += ngx_websocket_filters_begin(filters) != (int) m;
            ngx_websocket_filters_message(filters, (unsigned) m, messages[m],
                                          NULL, 0);
        }

        wrong += many_wrong(jsons, list, 300, messages, count);

        ngx_websocket_filters_forget(filters);

        for (m = 0; m < count; m++) {
            json_decref(messages[m]);
        }
    }

    unit_ok(wrong == 0, "300 filters: %zu wrong", wrong);

    for (i = 0; i < 300; i++) {

        if (i % 2 && list[i]) {
            ngx_websocket_filter_release(filters, list[i]);
        }

        json_decref(list[i] ? jsons[i] : NULL);
    }
}


/* a set that has to grow, and a filter that is compiled twice */

/* the fields' table goes with the last filter, and comes again */

static void
fewer(void)
{
    int                          n, round, number;
    char                         text[32];
    json_t                      *json;
    ngx_websocket_filter_t      *list[1500];
    ngx_websocket_filters_t     *set;
    ngx_websocket_json_error_t   error;

    set = ngx_websocket_filters_create(&limits);

    for (round = 0; round < 2; round++) {

        for (n = 0; n < 1500; n++) {
            snprintf(text, sizeof(text), "{\"f%d\":1}", n);
            json = json_of(text);
            (void) ngx_websocket_filter_compile(set, json, NULL, &list[n],
                                                &error);

            if (n < 1499) {
                json_decref(json);
            }
        }

        ngx_websocket_filters_forget(set);
        number = ngx_websocket_filters_begin(set);
        ngx_websocket_filters_message(set, (unsigned) number, json, NULL, 0);

        unit_ok(ngx_websocket_filter_match(set, list[1499], (unsigned) number)
                && !ngx_websocket_filter_match(set, list[7],
                                               (unsigned) number),
                "one of 1500 filters passes");

        json_decref(json);

        for (n = 0; n < 1500; n++) {
            ngx_websocket_filter_release(set, list[n]);
        }

        unit_ok(set->slots_count == 0 && set->slots_used == 0,
                "without filters there is no table of fields");
    }

    ngx_websocket_filters_destroy(set);
}


static int
growing(void)
{
    int                           rc;
    char                          text[100];
    size_t                        i;
    json_t                       *json;
    ngx_websocket_filter_t       *filter;
    ngx_websocket_filters_t      *set;
    ngx_websocket_json_error_t    error;

    set = ngx_websocket_filters_create(&limits);
    rc = set ? 0 : -1;

    for (i = 0; i < 70 && rc == 0; i++) {

        if (i % 30 == 5 && ngx_websocket_filters_begin(set) < 0) {
            rc = -1;
        }

        snprintf(text, sizeof(text), "{\"a%zu\":\"x\",\"b\":[%zu]}", i, i / 2);
        json = json_loads(text, 0, NULL);
        rc = json ? 0 : -1;

        if (json && ngx_websocket_filter_compile(set, json, NULL, &filter,
                                                 &error)
                    != NGX_WEBSOCKET_JSON_OK)
        {
            rc = -1;
        }

        json_decref(json);
    }

    if (set) {
        ngx_websocket_filters_destroy(set);
    }

    /* what only makes the set slower may be refused */

    return memory_refused < memory_count && rc == 0 && i == 70 ? 1 : rc;
}


int
main(void)
{
    (void) unit_each_refused("filters", growing);

    filters = ngx_websocket_filters_create(&limits);

    comparisons();
    sets();
    errors();
    within();
    typed();
    shared();
    side_by_side();
    bounded();
    many();
    fewer();

    /* with those that were not given back */

    ngx_websocket_filters_destroy(filters);

    return unit_done();
}
