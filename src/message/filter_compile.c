
#include <stdlib.h>
#include <string.h>

#include "message/filter_compile.h"
#include "message/filter_expect.h"
#include "message/filter_private.h"


/*
 * The tests are laid down in the order of the text.  Where one of a list
 * decides nothing, it goes on behind itself, at a place that is not known
 * while it is made: its jumps bear a label there, a number above those of all
 * tests, which is replaced once the element is complete.
 */

#define NGX_WEBSOCKET_FILTER_LABEL  NGX_WEBSOCKET_FILTER_TESTS

#define ngx_websocket_filter_json(name)  (1u << JSON_##name)

#define NGX_WEBSOCKET_FILTER_BOOLEAN                                          \
    (ngx_websocket_filter_json(TRUE) | ngx_websocket_filter_json(FALSE))

#define NGX_WEBSOCKET_FILTER_ORDERED                                          \
    (ngx_websocket_filter_json(STRING) | ngx_websocket_filter_json(INTEGER)   \
     | ngx_websocket_filter_json(REAL))

#define NGX_WEBSOCKET_FILTER_SCALAR                                           \
    (NGX_WEBSOCKET_FILTER_ORDERED | NGX_WEBSOCKET_FILTER_BOOLEAN              \
     | ngx_websocket_filter_json(NULL))


typedef struct {
    ngx_websocket_filters_t     *filters;
    const ngx_websocket_filter_scope_t  *scope;
    ngx_websocket_json_error_t  *error;
    const char                  *field;     /* that is compared */
    size_t                       field_size;
    const ngx_websocket_field_t *known;     /* NULL: the type is not known: the
                                               value may be anything */
    uint32_t                     tests;     /* so far */
    uint32_t                     values;
    uint32_t                     size;      /* of the strings */
    uint32_t                     depth;
    uint16_t                     label;     /* the next one */
    uint8_t                      reads;
} ngx_websocket_compile_t;


/* where it goes on */

typedef struct {
    uint16_t                     yes;
    uint16_t                     no;
} ngx_websocket_jump_t;


typedef struct {
    const char                  *name;
    ngx_websocket_test_e         op;
    unsigned                     types;     /* bytes of JSON that may follow */
    const char                  *expected;
} ngx_websocket_comparison_t;


/* one member of an object, at a place: its name is there */

typedef ngx_websocket_json_e (*ngx_websocket_member_pt)(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump);


static ngx_websocket_json_e ngx_websocket_compile_block(
    ngx_websocket_compile_t *c, ngx_websocket_filter_t **filter);
static ngx_websocket_json_e ngx_websocket_compile_filter(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump);
static ngx_websocket_json_e ngx_websocket_compile_members(
    ngx_websocket_compile_t *c, json_t *json,
    const ngx_websocket_json_place_t *parent, ngx_websocket_jump_t jump,
    ngx_websocket_member_pt member);
static ngx_websocket_json_e ngx_websocket_compile_member(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump);
static int ngx_websocket_compile_named(const ngx_websocket_json_place_t *place,
    const char *name);
static ngx_websocket_json_e ngx_websocket_compile_list(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *parent, ngx_websocket_jump_t jump,
    int any);
static void ngx_websocket_compile_behind(ngx_websocket_compile_t *c,
    uint32_t first, uint16_t label);
static ngx_websocket_json_e ngx_websocket_compile_field(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump);
static const char *ngx_websocket_compile_path(const char *path, size_t size);
static ngx_websocket_json_e ngx_websocket_compile_comparison(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump);
static ngx_websocket_json_e ngx_websocket_compile_in(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *parent, ngx_websocket_jump_t jump);
static ngx_websocket_json_e ngx_websocket_compile_any_fits(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *parent);
static int ngx_websocket_compile_by_hash(const void *a, const void *b);
static ngx_websocket_json_e ngx_websocket_compile_value(
    ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_value_t *value);
static ngx_websocket_json_e ngx_websocket_compile_test(
    ngx_websocket_compile_t *c, ngx_websocket_test_e op,
    ngx_websocket_jump_t jump, ngx_websocket_test_t **test);


static const ngx_websocket_comparison_t  ngx_websocket_comparisons[] = {
    { "eq", NGX_WEBSOCKET_TEST_EQ, NGX_WEBSOCKET_FILTER_SCALAR,
      "string, number, boolean or null" },
    { "ne", NGX_WEBSOCKET_TEST_NE, NGX_WEBSOCKET_FILTER_SCALAR,
      "string, number, boolean or null" },
    { "gt", NGX_WEBSOCKET_TEST_GT, NGX_WEBSOCKET_FILTER_ORDERED,
      "number or string" },
    { "gte", NGX_WEBSOCKET_TEST_GTE, NGX_WEBSOCKET_FILTER_ORDERED,
      "number or string" },
    { "lt", NGX_WEBSOCKET_TEST_LT, NGX_WEBSOCKET_FILTER_ORDERED,
      "number or string" },
    { "lte", NGX_WEBSOCKET_TEST_LTE, NGX_WEBSOCKET_FILTER_ORDERED,
      "number or string" },
    { "in", NGX_WEBSOCKET_TEST_IN, ngx_websocket_filter_json(ARRAY),
      "array" },
    { "prefix", NGX_WEBSOCKET_TEST_PREFIX, ngx_websocket_filter_json(STRING),
      "string" },
    { "suffix", NGX_WEBSOCKET_TEST_SUFFIX, ngx_websocket_filter_json(STRING),
      "string" },
    { "contains", NGX_WEBSOCKET_TEST_CONTAINS,
      ngx_websocket_filter_json(STRING), "string" },
    { "exists", NGX_WEBSOCKET_TEST_EXISTS, NGX_WEBSOCKET_FILTER_BOOLEAN,
      "boolean" }
};


ngx_websocket_json_e
ngx_websocket_filter_compile(ngx_websocket_filters_t *filters,
    const json_t *json, const ngx_websocket_filter_scope_t *scope,
    ngx_websocket_filter_t **filter, ngx_websocket_json_error_t *error)
{
    uint32_t                 i;
    ngx_websocket_json_e     rc;
    ngx_websocket_jump_t     jump;
    ngx_websocket_compile_t  c;

    memset(&c, 0, sizeof(c));

    c.filters = filters;
    c.scope = scope;
    c.error = error;
    c.label = NGX_WEBSOCKET_FILTER_LABEL;

    jump.yes = NGX_WEBSOCKET_FILTER_TRUE;
    jump.no = NGX_WEBSOCKET_FILTER_FALSE;

    rc = ngx_websocket_compile_filter(&c, json, NULL, jump);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_compile_block(&c, filter);
    }

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        *filter = ngx_websocket_filter_intern(filters, *filter);
        return NGX_WEBSOCKET_JSON_OK;
    }

    for (i = 0; i < c.tests; i++) {

        if (filters->tests[i].op != NGX_WEBSOCKET_TEST_ALWAYS) {
            ngx_websocket_filter_slot_release(filters, filters->tests[i].slot);
        }
    }

    return rc;
}


static ngx_websocket_json_e
ngx_websocket_compile_block(ngx_websocket_compile_t *c,
    ngx_websocket_filter_t **filter)
{
    char                     *p;
    size_t                    tests, values, size;
    ngx_websocket_filter_t   *block;

    tests = c->tests * sizeof(ngx_websocket_test_t);
    values = c->values * sizeof(ngx_websocket_value_t);
    size = tests + values + c->size;

    block = malloc(sizeof(ngx_websocket_filter_t) + size);

    if (block == NULL) {
        return NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    memset(block, 0, sizeof(ngx_websocket_filter_t));

    block->refs = 1;
    block->tests = c->tests;
    block->values = c->values;
    block->size = (uint32_t) size;
    block->reads = c->reads;

    p = (char *) (block + 1);

    memcpy(p, c->filters->tests, tests);
    memcpy(p + tests, c->filters->values, values);
    memcpy(p + tests + values, c->filters->strings, c->size);

    *filter = block;

    return NGX_WEBSOCKET_JSON_OK;
}


static ngx_websocket_json_e
ngx_websocket_compile_filter(ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump)
{
    ngx_websocket_json_e   rc;
    ngx_websocket_test_t  *test;

    if (!json_is_object(json)) {
        return ngx_websocket_json_refuse(c->error, place,
                                         "expected object, got %s",
                                         ngx_websocket_json_kind(json));
    }

    if (json_object_size(json) == 0) {
        return ngx_websocket_compile_test(c, NGX_WEBSOCKET_TEST_ALWAYS, jump,
                                          &test);
    }

    if (c->depth == c->filters->limits.depth) {
        return ngx_websocket_json_refuse(c->error, place,
                                         "more than %u filters in each other",
                                         c->filters->limits.depth);
    }

    c->depth++;

    rc = ngx_websocket_compile_members(c, (json_t *) json, place, jump,
                                       ngx_websocket_compile_member);
    c->depth--;

    return rc;
}


/* all tests of a list must hold: each goes on to the next one */

static ngx_websocket_json_e
ngx_websocket_compile_members(ngx_websocket_compile_t *c, json_t *json,
    const ngx_websocket_json_place_t *parent, ngx_websocket_jump_t jump,
    ngx_websocket_member_pt member)
{
    void                        *at, *next;
    uint16_t                     label;
    uint32_t                     first;
    ngx_websocket_json_e         rc;
    ngx_websocket_jump_t         to;
    ngx_websocket_json_place_t   place;

    label = c->label++;
    place.parent = parent;

    for (at = json_object_iter(json); at; at = next) {

        place.name = json_object_iter_key(at);
        place.size = json_object_iter_key_len(at);

        next = json_object_iter_next(json, at);
        first = c->tests;

        to = jump;
        to.yes = next ? label : jump.yes;

        rc = member(c, json_object_iter_value(at), &place, to);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }

        ngx_websocket_compile_behind(c, first, label);
    }

    c->label--;

    return NGX_WEBSOCKET_JSON_OK;
}


static ngx_websocket_json_e
ngx_websocket_compile_member(ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump)
{
    ngx_websocket_jump_t  not;

    if (ngx_websocket_compile_named(place, "and")) {
        return ngx_websocket_compile_list(c, json, place, jump, 0);
    }

    if (ngx_websocket_compile_named(place, "or")) {
        return ngx_websocket_compile_list(c, json, place, jump, 1);
    }

    if (ngx_websocket_compile_named(place, "not")) {
        not.yes = jump.no;
        not.no = jump.yes;

        return ngx_websocket_compile_filter(c, json, place, not);
    }

    return ngx_websocket_compile_field(c, json, place, jump);
}


static int
ngx_websocket_compile_named(const ngx_websocket_json_place_t *place,
    const char *name)
{
    return place->size == strlen(name)
           && memcmp(place->name, name, place->size) == 0;
}


/* "any" of its filters, or all */

static ngx_websocket_json_e
ngx_websocket_compile_list(ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *parent, ngx_websocket_jump_t jump,
    int any)
{
    size_t                      n;
    uint16_t                    label;
    uint32_t                    first;
    ngx_websocket_json_e        rc;
    ngx_websocket_jump_t        to;
    ngx_websocket_json_place_t  place;

    n = json_array_size(json);

    if (n == 0) {
        return ngx_websocket_json_refuse(c->error, parent,
                                         "expected array of filters, got %s",
                                         json_is_array(json)
                                         ? "none in it"
                                         : ngx_websocket_json_kind(json));
    }

    label = c->label++;
    place.parent = parent;
    place.name = NULL;

    for (place.size = 0; place.size < n; place.size++) {

        first = c->tests;
        to = jump;

        if (place.size < n - 1) {
            *(any ? &to.no : &to.yes) = label;
        }

        rc = ngx_websocket_compile_filter(c, json_array_get(json, place.size),
                                          &place, to);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }

        ngx_websocket_compile_behind(c, first, label);
    }

    c->label--;

    return NGX_WEBSOCKET_JSON_OK;
}


/* the label is here, for the tests from the first one on */

static void
ngx_websocket_compile_behind(ngx_websocket_compile_t *c, uint32_t first,
    uint16_t label)
{
    ngx_websocket_test_t  *test, *last;

    test = c->filters->tests + first;
    last = c->filters->tests + c->tests;

    for ( /* void */ ; test < last; test++) {

        if (test->yes == label) {
            test->yes = (uint16_t) c->tests;
        }

        if (test->no == label) {
            test->no = (uint16_t) c->tests;
        }
    }
}


static ngx_websocket_json_e
ngx_websocket_compile_field(ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_jump_t jump)
{
    int                    tag;
    const char            *wrong;
    ngx_websocket_json_e   rc;
    ngx_websocket_test_t  *test;

    wrong = ngx_websocket_compile_path(place->name, place->size);

    if (wrong) {
        return ngx_websocket_json_refuse(c->error, place, "%s", wrong);
    }

    tag = ngx_websocket_filter_is_tag(place->name, place->size);
    c->known = NULL;

    if (c->scope && !tag
        && ngx_websocket_filter_expect(c->scope, place, &c->known, c->error)
           != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    c->field = place->name;
    c->field_size = place->size;
    c->reads |= !tag;

    switch (json_typeof(json)) {

    case JSON_ARRAY:
        return ngx_websocket_compile_in(c, json, place, jump);

    case JSON_OBJECT:

        if (json_object_size(json) == 0) {
            return ngx_websocket_json_refuse(c->error, place,
                                             "expected a comparison");
        }

        return ngx_websocket_compile_members(c, (json_t *) json, place, jump,
                                             ngx_websocket_compile_comparison);

    default:
        rc = ngx_websocket_filter_fits(c->known, NGX_WEBSOCKET_TEST_EQ, json,
                                       place, c->error);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }

        rc = ngx_websocket_compile_test(c, NGX_WEBSOCKET_TEST_EQ, jump, &test);

        return rc ? rc : ngx_websocket_compile_value(c, json, place,
                                                     &test->value);
    }
}


/* returns what is wrong with a field's path, or NULL */

static const char *
ngx_websocket_compile_path(const char *path, size_t size)
{
    size_t  i, names;

    if (size == 0 || path[0] == '.' || path[size - 1] == '.') {
        return "has an empty name";
    }

    for (i = 1, names = 1; i < size; i++) {

        if (path[i] != '.') {
            continue;
        }

        if (path[i - 1] == '.') {
            return "has an empty name";
        }

        names++;
    }

    return names > NGX_WEBSOCKET_FILTER_PATH ? "has too many names" : NULL;
}


static ngx_websocket_json_e
ngx_websocket_compile_comparison(ngx_websocket_compile_t *c,
    const json_t *json, const ngx_websocket_json_place_t *place,
    ngx_websocket_jump_t jump)
{
    size_t                             i, n;
    uint16_t                           yes;
    ngx_websocket_json_e               rc;
    ngx_websocket_test_t              *test;
    const ngx_websocket_comparison_t  *comparison;

    n = sizeof(ngx_websocket_comparisons)
        / sizeof(ngx_websocket_comparisons[0]);

    for (i = 0;
         i < n && !ngx_websocket_compile_named(place,
                                            ngx_websocket_comparisons[i].name);
         i++)
    {
        /* void */
    }

    if (i == n) {
        return ngx_websocket_json_refuse(c->error, place,
                         "expected one of eq, ne, gt, gte, lt, lte, in, "
                         "prefix, suffix, contains, exists");
    }

    comparison = &ngx_websocket_comparisons[i];

    if (!(comparison->types & 1u << json_typeof(json))) {
        return ngx_websocket_json_refuse(c->error, place,
                                         "expected %s, got %s",
                                         comparison->expected,
                                         ngx_websocket_json_kind(json));
    }

    if (comparison->op == NGX_WEBSOCKET_TEST_IN) {
        return ngx_websocket_compile_in(c, json, place, jump);
    }

    if (comparison->op == NGX_WEBSOCKET_TEST_EXISTS && json_is_false(json)) {
        yes = jump.yes;
        jump.yes = jump.no;
        jump.no = yes;
    }

    rc = ngx_websocket_filter_fits(c->known, comparison->op, json, place,
                                   c->error);

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        return rc;
    }

    rc = ngx_websocket_compile_test(c, comparison->op, jump, &test);

    if (rc != NGX_WEBSOCKET_JSON_OK
        || comparison->op == NGX_WEBSOCKET_TEST_EXISTS)
    {
        return rc;
    }

    if (json_is_number(json) && comparison->op >= NGX_WEBSOCKET_TEST_GT
        && ngx_websocket_filter_is_tag(c->field, c->field_size))
    {
        test->count = 1;
    }

    return ngx_websocket_compile_value(c, json, place, &test->value);
}


static ngx_websocket_json_e
ngx_websocket_compile_in(ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *parent, ngx_websocket_jump_t jump)
{
    size_t                       n;
    ngx_websocket_json_e         rc;
    ngx_websocket_test_t        *test;
    ngx_websocket_value_t       *values;
    ngx_websocket_json_place_t   place;

    n = json_array_size(json);

    if (n > c->filters->limits.values - c->values) {
        return ngx_websocket_json_refuse(c->error, parent,
                                         "more than %u values in arrays",
                                         c->filters->limits.values);
    }

    rc = ngx_websocket_compile_test(c, NGX_WEBSOCKET_TEST_IN, jump, &test);

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        return rc;
    }

    values = c->filters->values + c->values;

    test->value.u.offset = c->values;
    test->count = (uint32_t) n;
    c->values += (uint32_t) n;

    place.parent = parent;
    place.name = NULL;

    for (place.size = 0; place.size < n; place.size++) {

        rc = ngx_websocket_compile_value(c, json_array_get(json, place.size),
                                         &place, &values[place.size]);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }
    }

    qsort(values, n, sizeof(ngx_websocket_value_t),
          ngx_websocket_compile_by_hash);

    return ngx_websocket_compile_any_fits(c, json, parent);
}


/*
 * One of the values must be possible: a client that knows a newer version of
 * the type may name others too.
 */

static ngx_websocket_json_e
ngx_websocket_compile_any_fits(ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *parent)
{
    ngx_websocket_json_e        rc;
    ngx_websocket_json_place_t  place;

    rc = NGX_WEBSOCKET_JSON_OK;

    place.parent = parent;
    place.name = NULL;

    /* the error that is told is that of the first value */

    for (place.size = json_array_size(json); place.size-- > 0; ) {

        rc = ngx_websocket_filter_fits(c->known, NGX_WEBSOCKET_TEST_IN,
                                       json_array_get(json, place.size),
                                       &place, c->error);

        if (rc == NGX_WEBSOCKET_JSON_OK) {
            break;
        }
    }

    return rc;
}


static int
ngx_websocket_compile_by_hash(const void *a, const void *b)
{
    const ngx_websocket_value_t  *one = a, *two = b;

    return (one->hash > two->hash) - (one->hash < two->hash);
}


static ngx_websocket_json_e
ngx_websocket_compile_value(ngx_websocket_compile_t *c, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_value_t *value)
{
    const char  *string;

    if (!(NGX_WEBSOCKET_FILTER_SCALAR & 1u << json_typeof(json))) {
        return ngx_websocket_json_refuse(c->error, place, "expected string, "
                                         "number, boolean or null, got %s",
                                         ngx_websocket_json_kind(json));
    }

    memset(value, 0, sizeof(ngx_websocket_value_t));
    ngx_websocket_filter_value(c->filters, json, value);

    if (value->type != NGX_WEBSOCKET_VALUE_STRING) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (value->size > c->filters->limits.size - c->size) {
        return ngx_websocket_json_refuse(c->error, place,
                                         "more than %u bytes of strings",
                                         c->filters->limits.size);
    }

    string = value->u.string;
    value->u.offset = c->size;

    memcpy(c->filters->strings + c->size, string, value->size);
    c->size += value->size;

    return NGX_WEBSOCKET_JSON_OK;
}


/* a test of the current field; its value is all zeros */

static ngx_websocket_json_e
ngx_websocket_compile_test(ngx_websocket_compile_t *c, ngx_websocket_test_e op,
    ngx_websocket_jump_t jump, ngx_websocket_test_t **test)
{
    uint32_t  slot;

    if (c->tests == c->filters->limits.tests) {
        return ngx_websocket_json_refuse(c->error, NULL,
                                         "more than %u comparisons",
                                         c->filters->limits.tests);
    }

    slot = 0;

    if (op != NGX_WEBSOCKET_TEST_ALWAYS) {
        slot = ngx_websocket_filter_slot(c->filters, c->field, c->field_size);

        if (slot == NGX_WEBSOCKET_FILTER_NONE) {
            return NGX_WEBSOCKET_JSON_NO_MEMORY;
        }
    }

    *test = &c->filters->tests[c->tests++];

    memset(*test, 0, sizeof(ngx_websocket_test_t));

    (*test)->slot = slot;
    (*test)->yes = jump.yes;
    (*test)->no = jump.no;
    (*test)->op = op;

    return NGX_WEBSOCKET_JSON_OK;
}
