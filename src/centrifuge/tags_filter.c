
#include <string.h>

#include "centrifuge/tags_filter.h"
#include "message/filter.h"


typedef enum {
    NGX_WEBSOCKET_TAGS_FILTER_STRING = 0,
    NGX_WEBSOCKET_TAGS_FILTER_DECIMAL,
    NGX_WEBSOCKET_TAGS_FILTER_VALUES,
    NGX_WEBSOCKET_TAGS_FILTER_NONE      /* it asks for no value */
} ngx_websocket_tags_filter_e;


typedef struct {
    const char                   *name;
    const char                   *op;           /* in the other language */
    ngx_websocket_tags_filter_e   wants;
    int                           negated;
} ngx_websocket_tags_comparison_t;


static json_t *ngx_websocket_tags_node(const json_t *node, unsigned depth,
    ngx_websocket_json_e *rc);
static json_t *ngx_websocket_tags_nodes(const char *op, const json_t *node,
    unsigned depth, ngx_websocket_json_e *rc);
static json_t *ngx_websocket_tags_leaf(const json_t *node,
    ngx_websocket_json_e *rc);
static int ngx_websocket_tags_leaf_ok(const json_t *node, const char *key,
    const ngx_websocket_tags_comparison_t *comparison);
static json_t *ngx_websocket_tags_value(const json_t *node,
    const ngx_websocket_tags_comparison_t *comparison);
static json_t *ngx_websocket_tags_test(const char *key, const char *op,
    json_t *value);
static json_t *ngx_websocket_tags_in(const char *key, const json_t *values,
    int negated);
static json_t *ngx_websocket_tags_not(json_t *filter);
static const char *ngx_websocket_tags_text(const json_t *node,
    const char *name);


static const ngx_websocket_tags_comparison_t  ngx_websocket_tags_comparisons[]
    =
{
    { "eq", "eq", NGX_WEBSOCKET_TAGS_FILTER_STRING, 0 },
    { "neq", "eq", NGX_WEBSOCKET_TAGS_FILTER_STRING, 1 },
    { "in", "in", NGX_WEBSOCKET_TAGS_FILTER_VALUES, 0 },
    { "nin", "in", NGX_WEBSOCKET_TAGS_FILTER_VALUES, 1 },
    { "ex", "exists", NGX_WEBSOCKET_TAGS_FILTER_NONE, 0 },
    { "nex", "exists", NGX_WEBSOCKET_TAGS_FILTER_NONE, 1 },
    { "sw", "prefix", NGX_WEBSOCKET_TAGS_FILTER_STRING, 0 },
    { "ew", "suffix", NGX_WEBSOCKET_TAGS_FILTER_STRING, 0 },
    { "ct", "contains", NGX_WEBSOCKET_TAGS_FILTER_STRING, 0 },
    { "gt", "gt", NGX_WEBSOCKET_TAGS_FILTER_DECIMAL, 0 },
    { "gte", "gte", NGX_WEBSOCKET_TAGS_FILTER_DECIMAL, 0 },
    { "lt", "lt", NGX_WEBSOCKET_TAGS_FILTER_DECIMAL, 0 },
    { "lte", "lte", NGX_WEBSOCKET_TAGS_FILTER_DECIMAL, 0 }
};


ngx_websocket_json_e
ngx_websocket_tags_filter(const json_t *node, json_t **filter)
{
    ngx_websocket_json_e  rc;

    rc = NGX_WEBSOCKET_JSON_OK;

    *filter = ngx_websocket_tags_node(node, 0, &rc);

    if (*filter == NULL && rc == NGX_WEBSOCKET_JSON_OK) {
        return NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    return rc;
}


/* NULL with *rc set to REFUSED, or left as it is where memory was refused */

static json_t *
ngx_websocket_tags_node(const json_t *node, unsigned depth,
    ngx_websocket_json_e *rc)
{
    const char  *op;

    op = ngx_websocket_tags_text(node, "op");

    if (!json_is_object(node) || op == NULL
        || depth == NGX_WEBSOCKET_TAGS_FILTER_DEPTH)
    {
        *rc = NGX_WEBSOCKET_JSON_REFUSED;
        return NULL;
    }

    return op[0] ? ngx_websocket_tags_nodes(op, node, depth, rc)
                 : ngx_websocket_tags_leaf(node, rc);
}


static json_t *
ngx_websocket_tags_nodes(const char *op, const json_t *node, unsigned depth,
    ngx_websocket_json_e *rc)
{
    int      not;
    size_t   i, n;
    json_t  *nodes, *filters, *filter;

    nodes = json_object_get(node, "nodes");
    n = json_array_size(nodes);
    not = strcmp(op, "not") == 0;

    if (not ? n != 1 : (n == 0 || (strcmp(op, "and") && strcmp(op, "or")))) {
        *rc = NGX_WEBSOCKET_JSON_REFUSED;
        return NULL;
    }

    if (not) {
        return ngx_websocket_tags_not(
                        ngx_websocket_tags_node(json_array_get(nodes, 0),
                                                depth + 1, rc));
    }

    filters = json_array();

    for (i = 0; i < n; i++) {
        filter = ngx_websocket_tags_node(json_array_get(nodes, i), depth + 1,
                                         rc);

        if (json_array_append_new(filters, filter) != 0) {
            json_decref(filters);
            return NULL;
        }
    }

    return json_pack("{s:o}", op, filters);
}


static json_t *
ngx_websocket_tags_leaf(const json_t *node, ngx_websocket_json_e *rc)
{
    size_t                                  i, n;
    json_t                                 *filter, *value;
    const char                             *key, *name;
    const ngx_websocket_tags_comparison_t  *comparison;

    key = ngx_websocket_tags_text(node, "key");
    name = ngx_websocket_tags_text(node, "cmp");
    comparison = ngx_websocket_tags_comparisons;

    n = sizeof(ngx_websocket_tags_comparisons)
        / sizeof(ngx_websocket_tags_comparisons[0]);

    for (i = 0; i < n && name && strcmp(name, comparison->name) != 0; i++) {
        comparison++;
    }

    if (key == NULL || name == NULL || i == n
        || !ngx_websocket_tags_leaf_ok(node, key, comparison))
    {
        *rc = NGX_WEBSOCKET_JSON_REFUSED;
        return NULL;
    }

    if (comparison->wants == NGX_WEBSOCKET_TAGS_FILTER_VALUES) {
        return ngx_websocket_tags_in(key, json_object_get(node, "vals"),
                                     comparison->negated);
    }

    value = ngx_websocket_tags_value(node, comparison);

    /* what is no number is neither more nor less */

    filter = value ? ngx_websocket_tags_test(key, comparison->op, value)
                   : ngx_websocket_tags_not(json_object());

    return comparison->negated ? ngx_websocket_tags_not(filter) : filter;
}


static int
ngx_websocket_tags_leaf_ok(const json_t *node, const char *key,
    const ngx_websocket_tags_comparison_t *comparison)
{
    size_t       i, n;
    json_t      *values;
    const char  *value;

    value = ngx_websocket_tags_text(node, "val");
    values = json_object_get(node, "vals");
    n = json_array_size(values);

    if (key[0] == '\0' || value == NULL
        || (values && !json_is_array(values) && !json_is_null(values)))
    {
        return 0;
    }

    for (i = 0; i < n; i++) {
        if (!json_is_string(json_array_get(values, i))) {
            return 0;
        }
    }

    switch (comparison->wants) {

    case NGX_WEBSOCKET_TAGS_FILTER_VALUES:
        return n && value[0] == '\0';

    case NGX_WEBSOCKET_TAGS_FILTER_NONE:
        return n == 0 && value[0] == '\0';

    default:  /* NGX_WEBSOCKET_TAGS_FILTER_STRING, _DECIMAL */
        return n == 0 && value[0];
    }
}


/* NULL of a text that should be a number, and is none */

static json_t *
ngx_websocket_tags_value(const json_t *node,
    const ngx_websocket_tags_comparison_t *comparison)
{
    const char                   *value;
    ngx_websocket_json_number_t   number;

    value = ngx_websocket_tags_text(node, "val");

    switch (comparison->wants) {

    case NGX_WEBSOCKET_TAGS_FILTER_NONE:
        return json_true();

    case NGX_WEBSOCKET_TAGS_FILTER_STRING:
        return json_string_nocheck(value);

    default:  /* NGX_WEBSOCKET_TAGS_FILTER_DECIMAL */
        break;
    }

    if (!ngx_websocket_filter_decimal(value, strlen(value), &number)) {
        return NULL;
    }

    return number.is_real ? json_real(number.real)
                          : json_integer(number.integer);
}


/* takes the value */

static json_t *
ngx_websocket_tags_test(const char *key, const char *op, json_t *value)
{
    return json_pack("{s+:{s:o}}", "tags.", key, op, value);
}


/* a tag that is not there is an empty one for "in" */

static json_t *
ngx_websocket_tags_in(const char *key, const json_t *values, int negated)
{
    size_t   i;
    json_t  *filter;

    filter = ngx_websocket_tags_test(key, "in", json_deep_copy(values));

    if (negated) {
        return ngx_websocket_tags_not(filter);
    }

    for (i = 0; i < json_array_size(values); i++) {

        if (json_string_length(json_array_get(values, i)) == 0) {
            return json_pack("{s:[o,o]}", "or", filter,
                             ngx_websocket_tags_test(key, "exists",
                                                     json_false()));
        }
    }

    return filter;
}


/* takes the filter */

static json_t *
ngx_websocket_tags_not(json_t *filter)
{
    return filter ? json_pack("{s:o}", "not", filter) : NULL;
}


/* an empty one where there is none; NULL where it is something else */

static const char *
ngx_websocket_tags_text(const json_t *node, const char *name)
{
    json_t  *text;

    text = json_object_get(node, name);

    return text == NULL || json_is_null(text) ? "" : json_string_value(text);
}
