
/*
 * Filters of tags in Centrifugo's protocol: what each becomes, and which are
 * none.
 */


#include "unit.h"
#include "message/json.c"
#include "message/scan.c"
#include "message/filter.c"
#include "centrifuge/tags_filter.c"


static void
is(const char *text, const char *expected)
{
    char                  *said;
    json_t                *node, *filter;
    ngx_websocket_json_e   rc;

    node = json_loads(text, JSON_DECODE_ANY, NULL);

    rc = ngx_websocket_tags_filter(node, &filter);

    said = rc == NGX_WEBSOCKET_JSON_OK ? json_dumps(filter, JSON_COMPACT)
                                       : strdup("refused");

    unit_ok(strcmp(said, expected) == 0, "%s -> %s", text, said);

    free(said);
    json_decref(node);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        json_decref(filter);
    }
}


static void
becomes(void)
{
    is("{\"key\":\"k\",\"cmp\":\"eq\",\"val\":\"v\"}",
       "{\"tags.k\":{\"eq\":\"v\"}}");
    is("{\"op\":\"\",\"key\":\"k\",\"cmp\":\"neq\",\"val\":\"v\",\"vals\":[]}",
       "{\"not\":{\"tags.k\":{\"eq\":\"v\"}}}");
    is("{\"key\":\"k\",\"cmp\":\"in\",\"vals\":[\"a\",\"b\"]}",
       "{\"tags.k\":{\"in\":[\"a\",\"b\"]}}");
    is("{\"key\":\"k\",\"cmp\":\"in\",\"vals\":[\"a\",\"\"]}",
       "{\"or\":[{\"tags.k\":{\"in\":[\"a\",\"\"]}},"
       "{\"tags.k\":{\"exists\":false}}]}");
    is("{\"key\":\"k\",\"cmp\":\"nin\",\"vals\":[\"\"]}",
       "{\"not\":{\"tags.k\":{\"in\":[\"\"]}}}");
    is("{\"key\":\"k\",\"cmp\":\"ex\"}", "{\"tags.k\":{\"exists\":true}}");
    is("{\"key\":\"k\",\"cmp\":\"nex\",\"val\":null}",
       "{\"not\":{\"tags.k\":{\"exists\":true}}}");
    is("{\"key\":\"k\",\"cmp\":\"sw\",\"val\":\"v\"}",
       "{\"tags.k\":{\"prefix\":\"v\"}}");
    is("{\"key\":\"k\",\"cmp\":\"ew\",\"val\":\"v\"}",
       "{\"tags.k\":{\"suffix\":\"v\"}}");
    is("{\"key\":\"k\",\"cmp\":\"ct\",\"val\":\"v\"}",
       "{\"tags.k\":{\"contains\":\"v\"}}");
    is("{\"key\":\"k\",\"cmp\":\"gt\",\"val\":\"10\"}",
       "{\"tags.k\":{\"gt\":10}}");
    is("{\"key\":\"k\",\"cmp\":\"gte\",\"val\":\"-1.5\"}",
       "{\"tags.k\":{\"gte\":-1.5}}");
    is("{\"key\":\"k\",\"cmp\":\"lt\",\"val\":\"x\"}", "{\"not\":{}}");
    is("{\"key\":\"k\",\"cmp\":\"lte\",\"val\":\"1e400\"}", "{\"not\":{}}");
    is("{\"op\":\"and\",\"nodes\":[{\"key\":\"a\",\"cmp\":\"ex\"},"
       "{\"op\":\"not\",\"nodes\":[{\"op\":\"or\",\"nodes\":["
       "{\"key\":\"b\",\"cmp\":\"ex\"},{\"key\":\"c\",\"cmp\":\"ex\"}]}]}]}",
       "{\"and\":[{\"tags.a\":{\"exists\":true}},"
       "{\"not\":{\"or\":[{\"tags.b\":{\"exists\":true}},"
       "{\"tags.c\":{\"exists\":true}}]}}]}");
}


static void
refused(void)
{
    size_t  i;

    static const char *const  nodes[] = {
        "1", "[]", "null", "{}", "{\"op\":1}", "{\"op\":\"xor\"}",
        "{\"op\":\"and\"}", "{\"op\":\"or\",\"nodes\":[]}",
        "{\"op\":\"and\",\"nodes\":{}}", "{\"op\":\"and\",\"nodes\":[1,2]}",
        "{\"op\":\"not\",\"nodes\":[{\"key\":\"k\",\"cmp\":\"ex\"},"
            "{\"key\":\"k\",\"cmp\":\"ex\"}]}",
        "{\"op\":\"not\"}", "{\"op\":\"not\",\"nodes\":[{}]}",
        "{\"cmp\":\"eq\",\"val\":\"v\"}", "{\"key\":\"k\",\"val\":\"v\"}",
        "{\"key\":1,\"cmp\":\"ex\"}", "{\"key\":\"k\",\"cmp\":\"like\"}",
        "{\"key\":\"k\",\"cmp\":\"eq\"}",
        "{\"key\":\"k\",\"cmp\":\"eq\",\"val\":\"\"}",
        "{\"key\":\"k\",\"cmp\":\"eq\",\"val\":1}",
        "{\"key\":\"k\",\"cmp\":\"eq\",\"val\":\"v\",\"vals\":[\"v\"]}",
        "{\"key\":\"k\",\"cmp\":\"in\"}",
        "{\"key\":\"k\",\"cmp\":\"in\",\"vals\":[]}",
        "{\"key\":\"k\",\"cmp\":\"in\",\"vals\":[1]}",
        "{\"key\":\"k\",\"cmp\":\"in\",\"vals\":\"v\"}",
        "{\"key\":\"k\",\"cmp\":\"in\",\"vals\":[\"v\"],\"val\":\"v\"}",
        "{\"key\":\"k\",\"cmp\":\"ex\",\"val\":\"v\"}",
        "{\"key\":\"k\",\"cmp\":\"nex\",\"vals\":[\"v\"]}"
    };

    for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        is(nodes[i], "refused");
    }
}


/* as deep as can be, and deeper */

static void
deep(unsigned depth, const char *expected)
{
    char      text[4096], said[4096], *p;
    unsigned  i;

    p = text;

    for (i = 1; i < depth; i++) {
        p = stpcpy(p, "{\"op\":\"not\",\"nodes\":[");
    }

    p = stpcpy(p, "{\"key\":\"k\",\"cmp\":\"ex\"}");

    for (i = 1; i < depth; i++) {
        p = stpcpy(p, "]}");
    }

    if (expected) {
        is(text, expected);
        return;
    }

    p = said;

    for (i = 1; i < depth; i++) {
        p = stpcpy(p, "{\"not\":");
    }

    p = stpcpy(p, "{\"tags.k\":{\"exists\":true}}");

    for (i = 1; i < depth; i++) {
        p = stpcpy(p, "}");
    }

    is(text, said);
}


int
main(void)
{
    becomes();
    refused();
    deep(NGX_WEBSOCKET_TAGS_FILTER_DEPTH, NULL);
    deep(NGX_WEBSOCKET_TAGS_FILTER_DEPTH + 1, "refused");

    return unit_done();
}
