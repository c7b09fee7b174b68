
/* Views: which fields of a message they show, and how. */


#include "unit.h"
#include "memory.h"
#include "message/json.c"
#include "message/scan.c"
#include "message/view.c"


#define PATHS  16


static ngx_websocket_json_text_t  text;


/* a view of paths with spaces between, which do not last */

static ngx_websocket_view_t *
make(const char *line, char *error, size_t size)
{
    char                   copy[128], *p;
    size_t                 n;
    const char            *paths[PATHS];
    ngx_websocket_view_t  *view;

    snprintf(copy, sizeof(copy), "%s", line);

    for (n = 0, p = strtok(copy, " "); p && n < PATHS; p = strtok(NULL, " ")) {
        paths[n++] = p;
    }

    view = ngx_websocket_view_create("v", paths, n, error, size);

    memset(copy, 'X', sizeof(copy));

    return view;
}


static void
shows(const char *line, const char *message, const char *expected)
{
    int                    rc;
    char                   error[128];
    json_t                *json;
    ngx_websocket_view_t  *view;

    view = make(line, error, sizeof(error));
    json = json_loads(message, JSON_DECODE_ANY, NULL);

    text.size = 0;
    rc = ngx_websocket_view_project(view, json, &text);
    ngx_websocket_json_append(&text, "", 1);

    unit_ok(rc == 0 && strcmp(text.data, expected) == 0, "(%s) %s -> %s", line,
            message, text.data);

    json_decref(json);
    ngx_websocket_view_destroy(view);
}


static void
refused(const char *line, const char *expected)
{
    char                   error[128];
    ngx_websocket_view_t  *view;

    error[0] = '\0';
    view = make(line, error, sizeof(error));

    unit_ok(view == NULL && strcmp(error, expected) == 0, "(%s): %s", line,
            error);
}


static void
has(const char *line, const char *path, int expected)
{
    char                   error[128];
    uint8_t               *p;
    size_t                 n;
    ngx_websocket_view_t  *view;

    view = make(line, error, sizeof(error));

    n = strlen(path);
    p = unit_guarded(n);
    memcpy(p, path, n);

    unit_ok(!ngx_websocket_view_shows(view, (char *) p, n) == !expected,
            "(%s) shows %s%s", line, expected ? "" : "no ", path);

    unit_unguard(p, n);
    ngx_websocket_view_destroy(view);
}


static int
refusals(void)
{
    int                         rc;
    char                        error[64];
    json_t                     *json;
    const char                 *paths[] = { "a.b", "c", "a.d" };
    ngx_websocket_view_t       *view;
    ngx_websocket_json_text_t   out = { NULL, 0, 0, 0, 0, 0 };

    error[0] = '\0';
    view = ngx_websocket_view_create("v", paths, 3, error, sizeof(error));
    json = json_pack("{s:{s:i}}", "a", "b", 1);

    rc = json && view ? ngx_websocket_view_project(view, json, &out)
                      : json && error[0] == '\0' ? 0 : -1;

    ngx_websocket_json_text_done(&out);
    ngx_websocket_view_destroy(view);
    json_decref(json);

    return rc;
}


int
main(void)
{
    char                   error[128];
    ngx_websocket_view_t  *view;

    (void) unit_each_refused("a view", refusals);

    shows("a", "{\"a\":1,\"b\":2}", "{\"a\":1}");
    shows("b a", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}");
    shows("a b", "{\"b\":2}", "{\"b\":2}");
    shows("a b", "{\"a\":null}", "{\"a\":null}");
    shows("x", "{\"a\":1}", "{}");
    shows("a", "[1]", "{}");
    shows("a b", "{\"a\":[0.1,{\"c\":\"\\n\"}],\"b\":{\"d\":1}}",
          "{\"a\":[0.1,{\"c\":\"\\n\"}],\"b\":{\"d\":1}}");
    shows("a.b", "{\"a\":{\"b\":1,\"c\":2}}", "{\"a\":{\"b\":1}}");
    shows("a.c x a.b", "{\"a\":{\"b\":1,\"c\":2},\"x\":3}",
          "{\"a\":{\"c\":2,\"b\":1},\"x\":3}");
    shows("a.b.c a.d", "{\"a\":{\"d\":1,\"b\":{\"c\":2,\"e\":3}}}",
          "{\"a\":{\"b\":{\"c\":2},\"d\":1}}");
    shows("a.b x", "{\"a\":[{\"b\":1}],\"x\":1}", "{\"x\":1}");
    shows("a.b", "{\"a\":{\"c\":1}}", "{\"a\":{}}");
    shows("a.b.c.d.e.f.g.h",
          "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":[]}}}}}}}}",
          "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":[]}}}}}}}}");
    shows("q\"\\", "{\"q\\\"\\\\\":1}", "{\"q\\\"\\\\\":1}");
    shows("aa a aaa", "{\"a\":1,\"aa\":2,\"aaa\":3}",
          "{\"aa\":2,\"a\":1,\"aaa\":3}");
    shows("", "{\"a\":1,\"b\":[]}", "{\"a\":1,\"b\":[]}");
    shows("", "[1]", "[1]");

    refused("a a", "view \"v\": field \"a\" is already shown");
    refused("a a.b", "view \"v\": field \"a.b\" is already shown");
    refused("a.b a", "view \"v\": field \"a\" is already shown in part");
    refused("a.b a.b", "view \"v\": field \"a.b\" is already shown");
    refused(".a", "view \"v\": field \".a\" has an empty name");
    refused("a.", "view \"v\": field \"a.\" has an empty name");
    refused("a..b", "view \"v\": field \"a..b\" has an empty name");
    refused("a.b.c.d.e.f.g.h.i",
            "view \"v\": field \"a.b.c.d.e.f.g.h.i\" is nested too deep");

    has("a b.c", "a", 1);
    has("a b.c", "a.x", 1);
    has("a b.c", "b", 0);
    has("a b.c", "b.c", 1);
    has("a b.c", "b.c.d", 1);
    has("a b.c", "b.d", 0);
    has("a b.c", "aa", 0);
    has("aa", "a", 0);
    has("", "anything", 1);

    view = make("a", error, sizeof(error));
    unit_ok(strcmp(ngx_websocket_view_name(view), "v") == 0,
            "a view has its name");
    ngx_websocket_view_destroy(view);

    ngx_websocket_json_text_done(&text);

    return unit_done();
}
