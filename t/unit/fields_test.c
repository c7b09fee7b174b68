
/* Fields: any JSON object is read, and nothing in it is lost. */


#include "unit.h"
#include "memory.h"
#include "message/json.c"
#include "message/scan.c"
#include "message/fields.c"
#include "wire/utf8.c"


/* what it is when it is written again; NULL when it is no object */

static void
reads(const char *message, size_t size, const char *expected)
{
    json_t                     *json;
    ngx_websocket_json_text_t   text = { NULL, 0, 0, 0, 0, 0 };

    if (ngx_websocket_fields_read(message, size, &json)
        != NGX_WEBSOCKET_JSON_OK)
    {
        unit_ok(0, "memory is there for %s", message);
        return;
    }

    if (json) {
        ngx_websocket_json_append_value(&text, json);
    }

    ngx_websocket_json_append(&text, "", 1);

    unit_ok(expected ? json && strcmp(text.data, expected) == 0 : json == NULL,
            "%.60s -> %.60s", message, text.data);

    ngx_websocket_json_text_done(&text);
    json_decref(json);
}


static void
objects(void)
{
    size_t       i;
    const char  *same[] = {
        "{}",
        "{\"a\":1,\"b\":-7,\"c\":true,\"d\":false,\"e\":null,\"f\":\"\"}",
        "{\"id\":18446744073709551615,\"n\":-9223372036854775809}",
        "{\"n\":1e999,\"m\":-0,\"o\":0.10,\"p\":1E+2,\"q\":-0.0}",
        "{\"n\":123456789012345678901234567890.5}",
        "{\"a\":\"a\\u0000b\",\"\\u0000\":1}",
        "{\"a\":\"\\ud800\",\"\\udfff\":\"x\\udbffy\"}",
        "{\"a\":\"\xed\x9f\xbf \xee\x80\x80 \xf0\x9f\x98\x80\"}",
        "{\"a\":[1.0,\"\\u0041 ,]\\\"\\\\\",{\"x\":[]}],"
        "\"b\":{\"c\":{\"d\":5}}}",
        "{\"1\":{\"2\":{\"3\":{\"4\":{\"5\":{\"6\":{\"7\":{\"8\":{\"9\":0.0}}}"
        "}}}}}}",
        NULL
    };

    for (i = 0; same[i]; i++) {
        reads(same[i], strlen(same[i]), same[i]);
    }

#define reads_as(message, expected)                                           \
    reads(message, sizeof(message) - 1, expected)

    reads_as(" {\t\"a\" : [ 1 , \"b c\" , { } ] , \"b\" : { \"c\" : 2 } }\t",
             "{\"a\":[1,\"b c\",{}],\"b\":{\"c\":2}}");
    reads_as("{\"a\":1,\"b\":2,\"\\u0061\":3}", "{\"a\":3,\"b\":2}");
    reads_as("{\"a\":\"\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\u007f\"}",
             "{\"a\":\"\xf0\x9f\x98\x80/\\b\\f\\n\\r\\t\x7f\"}");
}


static void
no_objects(void)
{
    reads_as("", NULL);
    reads_as("[]", NULL);
    reads_as("5", NULL);
    reads_as("{\"a\":1", NULL);
    reads_as("{\"a\":1}}", NULL);
    reads_as("{\"a\":1,}", NULL);
    reads_as("{\"a\":[1}]", NULL);
    reads_as("{\"a\":01}", NULL);
    reads_as("{\"a\" 1}", NULL);
    reads_as("{a:1}", NULL);
    reads_as("{\"a\":\"\\x\"}", NULL);
    reads_as("{\"a\":\"\\ud83\"}", NULL);
    reads_as("{\"a\":1}\0", NULL);
    reads_as("{\"a\":\"\xff\"}", NULL);
    reads_as("{\"a\":\"\xed\xa0\x80\"}", NULL);
}


/* no depth hides a field */

static void
deep(void)
{
    size_t   i, n;
    char    *message, *p;

    n = 30000;
    message = malloc(2 * n + 32);

    for (i = 0; i < 2; i++) {
        p = message + sprintf(message, "{\"a\":1,\"x\":");
        memset(p, '[', n);
        memset(p + n, ']', n - i);
        strcpy(p + 2 * n - i, "}");

        reads(message, strlen(message), i ? NULL : message);
    }

    free(message);
}


/* a field alone: what it is, as JSON, or NULL when there is none */

static void
finds(const char *message, size_t fields, const char *expected)
{
    size_t                      count;
    json_t                     *value;
    ngx_websocket_json_text_t   text = { NULL, 0, 0, 0, 0, 0 };

    if (ngx_websocket_fields_find(message, strlen(message), "id", &value,
                                  &count)
        != NGX_WEBSOCKET_JSON_OK)
    {
        unit_ok(0, "memory is there for %s", message);
        return;
    }

    if (value) {
        ngx_websocket_json_append_value(&text, value);
    }

    ngx_websocket_json_append(&text, "", 1);

    unit_ok(expected ? value && count == fields
                       && strcmp(text.data, expected) == 0
                     : value == NULL,
            "id of %.60s: %.60s", message, text.data);

    ngx_websocket_json_text_done(&text);
    json_decref(value);
}


static void
one(void)
{
    finds("{\"id\":7}", 1, "7");
    finds(" { \"a\" : [ 1 , { \"id\" : 2 } ] , \"id\" : \"x\" } ", 2, "\"x\"");
    finds("{\"\\u0069\\u0064\":1}", 1, "1");
    finds("{\"i\\u0064\":1,\"id\":2,\"\\u0069d\":3}", 3, "3");
    finds("{\"id\":{\"id\":1},\"a\":{}}", 2, "{\"id\":1}");
    finds("{\"id\":[1, 2]}", 1, "[1,2]");
    finds("{\"id\":null}", 1, "null");
    finds("{\"id\":1e999}", 1, "1e999");

    finds("{}", 0, NULL);
    finds("{\"ID\":1,\"id \":2,\"\":3,\"\\u0069\":4,\"idd\":5}", 0, NULL);
    finds("{\"\\u0069\\u0064\\u0064\\u0064\\u0064\\u0064\":1}", 0, NULL);
    finds("[{\"id\":1}]", 0, NULL);
    finds("\"id\"", 0, NULL);
    finds("", 0, NULL);
    finds("{\"id\":1", 0, NULL);
    finds("{\"id\":1}}", 0, NULL);
    finds("{\"id\":1,}", 0, NULL);
    finds("{\"id\":1,\"a\":}", 0, NULL);
    finds("{\"id\" 1}", 0, NULL);
    finds("{\"id\":1,\"a\":\"\xff\"}", 0, NULL);
}


/* the other fields take no memory, however many there are */

static void
many(void)
{
    int      rc;
    size_t   i, n;
    char    *message, *p;
    json_t  *value;

    n = 20000;
    message = malloc(n * 16 + 32);
    p = message + sprintf(message, "{\"id\":7");

    for (i = 0; i < n; i++) {
        p += sprintf(p, ",\"k%zu\":[%zu]", i, i);
    }

    p += sprintf(p, "}");

    json_set_alloc_funcs(memory_alloc, free);
    memory_count = 0;

    rc = ngx_websocket_fields_find(message, (size_t) (p - message), "id",
                                   &value, &i);

    unit_ok(rc == NGX_WEBSOCKET_JSON_OK && json_integer_value(value) == 7
            && i == n + 1 && memory_count < 10,
            "one of %zu fields, with %zu allocations", i, memory_count);

    json_decref(value);
    free(message);
}


static int
found(void)
{
    int          rc;
    json_t      *value;
    const char  *message = "{\"\\u0069d\":\"a\",\"id\":[1,2]}";

    rc = ngx_websocket_fields_find(message, strlen(message), "id", &value,
                                   NULL)
         == NGX_WEBSOCKET_JSON_OK && ngx_websocket_json_is_piece(value)
         ? 0 : -1;

    json_decref(value);

    return rc;
}


static int
refusals(void)
{
    int          rc;
    json_t      *json;
    const char  *message = "{\"a\":[1,2],\"b\":{\"c\":\"\\u0000\"},\"d\":0.5}";

    rc = ngx_websocket_fields_read(message, strlen(message), &json)
         == NGX_WEBSOCKET_JSON_OK && json_object_size(json) == 3
         ? 0 : -1;

    json_decref(json);

    return rc;
}


int
main(void)
{
    objects();
    no_objects();
    deep();
    one();
    many();
    (void) unit_each_refused("fields", refusals);
    (void) unit_each_refused("one field", found);

    return unit_done();
}
