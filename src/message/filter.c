
#ifndef _GNU_SOURCE
#define _GNU_SOURCE     /* memmem() */
#endif

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "message/filter.h"
#include "message/fields.h"
#include "message/filter_private.h"


#define NGX_WEBSOCKET_FILTER_BUCKETS  64    /* at first: a power of 2 */
#define NGX_WEBSOCKET_FILTER_HASHED   64    /* bytes of a string */
#define NGX_WEBSOCKET_FILTER_FEW      8     /* values that need no search */
#define NGX_WEBSOCKET_FILTER_SLOTS    1024  /* memory that is kept when no
                                               filter is in use */

#define NGX_WEBSOCKET_ORDER_LESS      1
#define NGX_WEBSOCKET_ORDER_EQUAL     2
#define NGX_WEBSOCKET_ORDER_GREATER   4

/* the sign of what memcmp() and the like return */
#define ngx_websocket_filter_ordered(n)                                       \
    (1 << (((n) >= 0) + ((n) > 0)))


static void ngx_websocket_filters_destroy(ngx_websocket_filters_t *filters);
static void ngx_websocket_filter_seed(ngx_websocket_filters_t *filters);
static uint32_t ngx_websocket_filter_hash(
    const ngx_websocket_filters_t *filters, const void *data, size_t size);
static void ngx_websocket_filter_string(
    const ngx_websocket_filters_t *filters, const char *string, size_t size,
    ngx_websocket_value_t *value);
static void ngx_websocket_filter_real(double real,
    ngx_websocket_value_t *value);
static void ngx_websocket_filter_piece(const json_t *json,
    ngx_websocket_value_t *value);
static int ngx_websocket_filter_more_slots(ngx_websocket_filters_t *filters);
static void ngx_websocket_filter_no_slots(ngx_websocket_filters_t *filters);
static int ngx_websocket_filter_more_values(ngx_websocket_filters_t *filters,
    uint32_t n);
static void ngx_websocket_filter_more_fields(
    ngx_websocket_filters_t *filters);
static void ngx_websocket_filter_more_filters(
    ngx_websocket_filters_t *filters);
static int ngx_websocket_filter_same(const ngx_websocket_filter_t *a,
    const ngx_websocket_filter_t *b);
static void ngx_websocket_filter_free(ngx_websocket_filters_t *filters,
    ngx_websocket_filter_t *filter);
static void ngx_websocket_filter_fill(ngx_websocket_filters_t *filters,
    const ngx_websocket_filtered_t *message, uint32_t slot);
static void ngx_websocket_filter_fill_tag(ngx_websocket_filters_t *filters,
    const ngx_websocket_filtered_t *message, uint32_t slot);
static const ngx_websocket_value_t *ngx_websocket_filter_field(
    ngx_websocket_filters_t *filters, unsigned number, uint32_t slot);
static int ngx_websocket_filter_test(const ngx_websocket_filter_t *filter,
    const ngx_websocket_test_t *test, const ngx_websocket_value_t *field);
static int ngx_websocket_filter_equal(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value, const char *strings);
static int ngx_websocket_filter_in(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *values, uint32_t n, const char *strings);
static int ngx_websocket_filter_order(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value, const char *strings);
static int ngx_websocket_filter_tail(const ngx_websocket_value_t *field,
    const char *string, size_t size);
static int ngx_websocket_filter_has(const ngx_websocket_value_t *field,
    const char *string, size_t size);
static int ngx_websocket_filter_decimals(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value);
static int ngx_websocket_filter_numbers(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value);
static int ngx_websocket_filter_number(const ngx_websocket_value_t *value,
    ngx_websocket_json_number_t *number);


ngx_websocket_filters_t *
ngx_websocket_filters_create(const ngx_websocket_filter_limits_t *limits)
{
    ngx_websocket_filters_t  *filters;

    filters = calloc(1, sizeof(ngx_websocket_filters_t));

    if (filters == NULL) {
        return NULL;
    }

    filters->limits = *limits;

    if (limits->tests > NGX_WEBSOCKET_FILTER_TESTS) {
        filters->limits.tests = NGX_WEBSOCKET_FILTER_TESTS;
    }

    if (limits->depth > NGX_WEBSOCKET_JSON_DEPTH) {
        filters->limits.depth = NGX_WEBSOCKET_JSON_DEPTH;
    }

    ngx_websocket_filter_seed(filters);

    filters->generation = 1;
    filters->slots_free = NGX_WEBSOCKET_FILTER_NONE;
    filters->fields_mask = NGX_WEBSOCKET_FILTER_BUCKETS - 1;
    filters->filters_mask = NGX_WEBSOCKET_FILTER_BUCKETS - 1;

    filters->fields = malloc(NGX_WEBSOCKET_FILTER_BUCKETS * sizeof(uint32_t));
    filters->filters = calloc(NGX_WEBSOCKET_FILTER_BUCKETS,
                              sizeof(ngx_websocket_filter_t *));
    filters->tests = malloc((filters->limits.tests + 1)
                            * sizeof(ngx_websocket_test_t));
    filters->values = malloc(((size_t) limits->values + 1)
                             * sizeof(ngx_websocket_value_t));
    filters->strings = malloc((size_t) limits->size + 1);

    if (filters->fields == NULL || filters->filters == NULL
        || filters->tests == NULL || filters->values == NULL
        || filters->strings == NULL)
    {
        ngx_websocket_filters_destroy(filters);
        return NULL;
    }

    memset(filters->fields, 0xff,
           NGX_WEBSOCKET_FILTER_BUCKETS * sizeof(uint32_t));

    return filters;
}


/* clients choose the names, and must not know which of them collide */

static void
ngx_websocket_filter_seed(ngx_websocket_filters_t *filters)
{
    if (getrandom(&filters->seed, sizeof(filters->seed), GRND_NONBLOCK)
        != sizeof(filters->seed))
    {
        filters->seed = (uint64_t) time(NULL) ^ (uint64_t) (uintptr_t) filters;
    }
}


/* frees the set with all filters that are still in it */

static void
ngx_websocket_filters_destroy(ngx_websocket_filters_t *filters)
{
    uint32_t                 i;
    ngx_websocket_filter_t  *filter;

    for (i = 0; filters->filters && i <= filters->filters_mask; i++) {

        while (filters->filters[i]) {
            filter = filters->filters[i];
            filters->filters[i] = filter->next;
            ngx_websocket_filter_free(filters, filter);
        }
    }

    for (i = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
        free(filters->messages[i].values);
    }

    free(filters->slots);
    free(filters->names);
    free(filters->fields);
    free(filters->filters);
    free(filters->tests);
    free(filters->values);
    free(filters->strings);
    free(filters);
}


/* the hash of bytes, of the set's own seed */

static uint32_t
ngx_websocket_filter_hash(const ngx_websocket_filters_t *filters,
    const void *data, size_t size)
{
    uint64_t        hash, word;
    const uint8_t  *p;

    static const uint64_t  odd = UINT64_C(0x9e3779b97f4a7c15);

    hash = filters->seed ^ size * odd;

    for (p = data; size; p += sizeof(word)) {

        word = 0;
        memcpy(&word, p, size < sizeof(word) ? size : sizeof(word));

        hash = (hash ^ word) * odd;
        hash ^= hash >> 29;

        if (size <= sizeof(word)) {
            break;
        }

        size -= sizeof(word);
    }

    return (uint32_t) (hash ^ hash >> 32);
}


void
ngx_websocket_filter_value(const ngx_websocket_filters_t *filters,
    const json_t *json, ngx_websocket_value_t *value)
{
    switch (json_typeof(json)) {

    case JSON_STRING:
        if (ngx_websocket_json_is_piece(json)) {
            ngx_websocket_filter_piece(json, value);
            break;
        }

        ngx_websocket_filter_string(filters, json_string_value(json),
                                    json_string_length(json), value);
        return;

    case JSON_INTEGER:
        value->type = NGX_WEBSOCKET_VALUE_INTEGER;
        value->u.integer = json_integer_value(json);
        break;

    case JSON_REAL:
        ngx_websocket_filter_real(json_real_value(json), value);
        break;

    case JSON_TRUE:
        value->type = NGX_WEBSOCKET_VALUE_TRUE;
        break;

    case JSON_FALSE:
        value->type = NGX_WEBSOCKET_VALUE_FALSE;
        break;

    case JSON_NULL:
        value->type = NGX_WEBSOCKET_VALUE_NULL;
        break;

    default:
        value->type = NGX_WEBSOCKET_VALUE_OTHER;
        break;
    }

    value->hash = ngx_websocket_filter_hash(filters, &value->u.integer,
                                            sizeof(value->u.integer));
}


static void
ngx_websocket_filter_string(const ngx_websocket_filters_t *filters,
    const char *string, size_t size, ngx_websocket_value_t *value)
{
    value->type = NGX_WEBSOCKET_VALUE_STRING;
    value->u.string = string;
    value->size = (uint32_t) size;
    value->hash = ngx_websocket_filter_hash(filters, string,
                                            size < NGX_WEBSOCKET_FILTER_HASHED
                                            ? size
                                            : NGX_WEBSOCKET_FILTER_HASHED);
}


static void
ngx_websocket_filter_real(double real, ngx_websocket_value_t *value)
{
    value->type = NGX_WEBSOCKET_VALUE_REAL;
    value->u.real = real;

    if (real >= -9223372036854775808.0 && real < 9223372036854775808.0
        && real == (double) (int64_t) real)
    {
        value->type = NGX_WEBSOCKET_VALUE_INTEGER;
        value->u.integer = (int64_t) real;
    }
}


/* a number, of which doubles hold what they can, or a container */

static void
ngx_websocket_filter_piece(const json_t *json, ngx_websocket_value_t *value)
{
    char        *end;
    long long    integer;
    const char  *text;

    text = json_string_value(json) + 1;

    if (*text == '{' || *text == '['
        || json_string_length(json) > NGX_WEBSOCKET_FIELDS_NUMBER)
    {
        value->type = NGX_WEBSOCKET_VALUE_OTHER;
        return;
    }

    errno = 0;
    integer = strtoll(text, &end, 10);

    if (*end == '\0' && errno == 0) {
        value->type = NGX_WEBSOCKET_VALUE_INTEGER;
        value->u.integer = integer;
        return;
    }

    ngx_websocket_filter_real(strtod(text, NULL), value);
}


uint32_t
ngx_websocket_filter_slot(ngx_websocket_filters_t *filters, const char *path,
    size_t size)
{
    uint32_t                    i, hash;
    ngx_websocket_slot_name_t  *name;

    hash = ngx_websocket_filter_hash(filters, path, size);

    for (i = filters->fields[hash & filters->fields_mask];
         i != NGX_WEBSOCKET_FILTER_NONE;
         i = filters->names[i].next)
    {
        name = &filters->names[i];

        if (name->hash == hash && name->size == size
            && memcmp(name->path, path, size) == 0)
        {
            name->refs++;
            return i;
        }
    }

    if (filters->slots_used > filters->fields_mask) {
        ngx_websocket_filter_more_fields(filters);
    }

    if (filters->slots_free == NGX_WEBSOCKET_FILTER_NONE
        && ngx_websocket_filter_more_slots(filters) != 0)
    {
        return NGX_WEBSOCKET_FILTER_NONE;
    }

    i = filters->slots_free;
    name = &filters->names[i];
    name->path = malloc(size + 1);

    if (name->path == NULL) {
        return NGX_WEBSOCKET_FILTER_NONE;
    }

    filters->slots_free = name->next;
    filters->slots_used++;
    filters->slots[i].generation = 0;

    memcpy(name->path, path, size);
    name->path[size] = '\0';
    name->size = (uint32_t) size;
    name->hash = hash;
    name->refs = 1;

    name->next = filters->fields[hash & filters->fields_mask];
    filters->fields[hash & filters->fields_mask] = i;

    return i;
}


static int
ngx_websocket_filter_more_slots(ngx_websocket_filters_t *filters)
{
    uint32_t                    i, n;
    ngx_websocket_slot_t       *slots;
    ngx_websocket_slot_name_t  *names;

    n = filters->slots_count ? filters->slots_count * 2 : 16;

    if (ngx_websocket_filter_more_values(filters, n) != 0) {
        return -1;
    }

    slots = realloc(filters->slots, n * sizeof(ngx_websocket_slot_t));

    if (slots == NULL) {
        return -1;
    }

    filters->slots = slots;

    names = realloc(filters->names, n * sizeof(ngx_websocket_slot_name_t));

    if (names == NULL) {
        return -1;
    }

    filters->names = names;

    for (i = n; i-- > filters->slots_count; ) {
        names[i].path = NULL;
        names[i].next = filters->slots_free;
        filters->slots_free = i;
    }

    filters->slots_count = n;

    return 0;
}


/* gives each message in use room for n values; the others give theirs back */

static int
ngx_websocket_filter_more_values(ngx_websocket_filters_t *filters, uint32_t n)
{
    uint32_t                   i;
    ngx_websocket_value_t     *values;
    ngx_websocket_filtered_t  *message;

    for (i = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
        message = &filters->messages[i];

        if (i >= filters->messages_count) {
            free(message->values);
            message->values = NULL;
            continue;
        }

        values = realloc(message->values, n * sizeof(ngx_websocket_value_t));

        if (values == NULL) {
            return -1;
        }

        message->values = values;
    }

    return 0;
}


/* when memory is refused the chains only become longer */

static void
ngx_websocket_filter_more_fields(ngx_websocket_filters_t *filters)
{
    uint32_t                    i, n, *fields, *bucket;
    ngx_websocket_slot_name_t  *name;

    n = (filters->fields_mask + 1) * 2;
    fields = malloc(n * sizeof(uint32_t));

    if (fields == NULL) {
        return;
    }

    memset(fields, 0xff, n * sizeof(uint32_t));

    free(filters->fields);

    filters->fields = fields;
    filters->fields_mask = n - 1;

    for (i = 0; i < filters->slots_count; i++) {
        name = &filters->names[i];

        if (name->path) {
            bucket = &fields[name->hash & (n - 1)];
            name->next = *bucket;
            *bucket = i;
        }
    }
}


void
ngx_websocket_filter_slot_release(ngx_websocket_filters_t *filters,
    uint32_t slot)
{
    uint32_t                   *link;
    ngx_websocket_slot_name_t  *name;

    name = &filters->names[slot];

    if (--name->refs) {
        return;
    }

    link = &filters->fields[name->hash & filters->fields_mask];

    while (*link != slot) {
        link = &filters->names[*link].next;
    }

    *link = name->next;

    free(name->path);

    name->path = NULL;
    name->next = filters->slots_free;
    filters->slots_free = slot;

    if (--filters->slots_used == 0
        && filters->slots_count > NGX_WEBSOCKET_FILTER_SLOTS)
    {
        ngx_websocket_filter_no_slots(filters);
    }
}


/* the last filter has gone: the memory that many filters took is given back */

static void
ngx_websocket_filter_no_slots(ngx_websocket_filters_t *filters)
{
    uint32_t  i;

    free(filters->slots);
    free(filters->names);

    filters->slots = NULL;
    filters->names = NULL;
    filters->slots_count = 0;
    filters->slots_free = NGX_WEBSOCKET_FILTER_NONE;

    ngx_websocket_filters_forget(filters);

    for (i = 0; i < NGX_WEBSOCKET_FILTER_MESSAGES; i++) {
        free(filters->messages[i].values);
        filters->messages[i].values = NULL;
    }
}


ngx_websocket_filter_t *
ngx_websocket_filter_intern(ngx_websocket_filters_t *filters,
    ngx_websocket_filter_t *filter)
{
    ngx_websocket_filter_t  *other, **bucket;

    filter->hash = ngx_websocket_filter_hash(filters, filter + 1,
                                             filter->size);

    for (other = filters->filters[filter->hash & filters->filters_mask];
         other;
         other = other->next)
    {
        if (ngx_websocket_filter_same(filter, other)) {
            ngx_websocket_filter_free(filters, filter);
            other->refs++;
            return other;
        }
    }

    if (filters->filters_count++ > filters->filters_mask) {
        ngx_websocket_filter_more_filters(filters);
    }

    bucket = &filters->filters[filter->hash & filters->filters_mask];
    filter->next = *bucket;
    *bucket = filter;

    return filter;
}


static void
ngx_websocket_filter_more_filters(ngx_websocket_filters_t *filters)
{
    uint32_t                  i, n;
    ngx_websocket_filter_t   *filter, *next, **buckets, **bucket;

    n = (filters->filters_mask + 1) * 2;
    buckets = calloc(n, sizeof(ngx_websocket_filter_t *));

    if (buckets == NULL) {
        return;
    }

    for (i = 0; i <= filters->filters_mask; i++) {

        for (filter = filters->filters[i]; filter; filter = next) {
            next = filter->next;
            bucket = &buckets[filter->hash & (n - 1)];
            filter->next = *bucket;
            *bucket = filter;
        }
    }

    free(filters->filters);

    filters->filters = buckets;
    filters->filters_mask = n - 1;
}


static int
ngx_websocket_filter_same(const ngx_websocket_filter_t *a,
    const ngx_websocket_filter_t *b)
{
    return a->hash == b->hash && a->size == b->size && a->tests == b->tests
           && a->values == b->values && memcmp(a + 1, b + 1, a->size) == 0;
}


void
ngx_websocket_filter_hold(ngx_websocket_filter_t *filter)
{
    filter->refs++;
}


void
ngx_websocket_filter_release(ngx_websocket_filters_t *filters,
    ngx_websocket_filter_t *filter)
{
    ngx_websocket_filter_t  **link;

    if (--filter->refs) {
        return;
    }

    link = &filters->filters[filter->hash & filters->filters_mask];

    while (*link != filter) {
        link = &(*link)->next;
    }

    *link = filter->next;
    filters->filters_count--;

    ngx_websocket_filter_free(filters, filter);
}


static void
ngx_websocket_filter_free(ngx_websocket_filters_t *filters,
    ngx_websocket_filter_t *filter)
{
    uint32_t               i;
    ngx_websocket_test_t  *tests;

    tests = ngx_websocket_filter_tests(filter);

    for (i = 0; i < filter->tests; i++) {

        if (tests[i].op != NGX_WEBSOCKET_TEST_ALWAYS) {
            ngx_websocket_filter_slot_release(filters, tests[i].slot);
        }
    }

    free(filter);
}


int
ngx_websocket_filter_reads(const ngx_websocket_filter_t *filter)
{
    return filter->reads;
}


int
ngx_websocket_filters_begin(ngx_websocket_filters_t *filters)
{
    uint32_t                   i;
    ngx_websocket_filtered_t  *message;

    i = filters->messages_count;

    /* there is always room for one message, however many fields it has */

    if (i == NGX_WEBSOCKET_FILTER_MESSAGES
        || (i + 1) * (uint64_t) filters->slots_count
           > NGX_WEBSOCKET_FILTER_KEPT)
    {
        ngx_websocket_filters_forget(filters);
        i = 0;
    }

    message = &filters->messages[i];

    if (message->values == NULL && filters->slots_count) {
        message->values = malloc(filters->slots_count
                                 * sizeof(ngx_websocket_value_t));

        if (message->values == NULL) {
            return -1;
        }
    }

    filters->messages_count++;

    return (int) i;
}


void
ngx_websocket_filters_message(ngx_websocket_filters_t *filters,
    unsigned number, const json_t *json, const ngx_websocket_tag_t *tags,
    size_t n)
{
    ngx_websocket_filtered_t  *message;

    message = &filters->messages[number];

    message->json = json;
    message->tags = tags;
    message->tags_count = n;
}


void
ngx_websocket_filters_forget(ngx_websocket_filters_t *filters)
{
    filters->generation++;
    filters->messages_count = 0;
}


int
ngx_websocket_filter_match(ngx_websocket_filters_t *filters,
    ngx_websocket_filter_t *filter, unsigned number)
{
    uint32_t                      i;
    uint64_t                      bit;
    const ngx_websocket_test_t   *tests, *test;
    const ngx_websocket_value_t  *field;

    bit = UINT64_C(1) << number;

    if (filter->generation != filters->generation) {
        filter->generation = filters->generation;
        filter->known = 0;
        filter->passed = 0;
    }

    if (filter->known & bit) {
        return (filter->passed & bit) != 0;
    }

    tests = ngx_websocket_filter_tests(filter);
    i = 0;

    do {
        test = &tests[i];

        if (test->op == NGX_WEBSOCKET_TEST_ALWAYS) {
            i = test->yes;
            continue;
        }

        field = ngx_websocket_filter_field(filters, number, test->slot);

        i = ngx_websocket_filter_test(filter, test, field) ? test->yes
                                                           : test->no;
    } while (i < NGX_WEBSOCKET_FILTER_TESTS);

    filter->known |= bit;

    if (i == NGX_WEBSOCKET_FILTER_TRUE) {
        filter->passed |= bit;
    }

    return i == NGX_WEBSOCKET_FILTER_TRUE;
}


/* the value that the message of that number has in a slot */

static const ngx_websocket_value_t *
ngx_websocket_filter_field(ngx_websocket_filters_t *filters, unsigned number,
    uint32_t slot)
{
    uint64_t               bit;
    ngx_websocket_slot_t  *field;

    bit = UINT64_C(1) << number;
    field = &filters->slots[slot];

    if (field->generation != filters->generation) {
        field->generation = filters->generation;
        field->known = 0;
    }

    if (!(field->known & bit)) {
        field->known |= bit;
        ngx_websocket_filter_fill(filters, &filters->messages[number], slot);
    }

    return &filters->messages[number].values[slot];
}


static void
ngx_websocket_filter_fill(ngx_websocket_filters_t *filters,
    const ngx_websocket_filtered_t *message, uint32_t slot)
{
    size_t                            n;
    const char                       *p;
    const json_t                     *json;
    const ngx_websocket_slot_name_t  *name;

    name = &filters->names[slot];

    memset(&message->values[slot], 0, sizeof(ngx_websocket_value_t));

    if (ngx_websocket_filter_is_tag(name->path, name->size)) {
        ngx_websocket_filter_fill_tag(filters, message, slot);
        return;
    }

    json = message->json;
    p = name->path;

    for ( ;; ) {
        n = strcspn(p, ".");
        json = json_object_getn(json, p, n);

        if (json == NULL || p[n] == '\0') {
            break;
        }

        p += n + 1;
    }

    if (json) {
        ngx_websocket_filter_value(filters, json, &message->values[slot]);
    }
}


static void
ngx_websocket_filter_fill_tag(ngx_websocket_filters_t *filters,
    const ngx_websocket_filtered_t *message, uint32_t slot)
{
    size_t                      i, size;
    const char                 *path;
    const ngx_websocket_tag_t  *tag;

    path = filters->names[slot].path + sizeof("tags.") - 1;
    size = filters->names[slot].size - (sizeof("tags.") - 1);

    for (i = 0; i < message->tags_count; i++) {
        tag = &message->tags[i];

        if (tag->name_size == size && memcmp(tag->name, path, size) == 0) {
            ngx_websocket_filter_string(filters, tag->value, tag->value_size,
                                        &message->values[slot]);
            return;
        }
    }
}


static int
ngx_websocket_filter_test(const ngx_websocket_filter_t *filter,
    const ngx_websocket_test_t *test, const ngx_websocket_value_t *field)
{
    int                           order;
    const char                   *strings;
    const ngx_websocket_value_t  *values;

    if (field->type == NGX_WEBSOCKET_VALUE_MISSING) {
        return 0;
    }

    values = ngx_websocket_filter_values(filter);
    strings = (const char *) (values + filter->values);

    switch (test->op) {

    case NGX_WEBSOCKET_TEST_EXISTS:
        return 1;

    case NGX_WEBSOCKET_TEST_EQ:
        return ngx_websocket_filter_equal(field, &test->value, strings);

    case NGX_WEBSOCKET_TEST_NE:
        return !ngx_websocket_filter_equal(field, &test->value, strings);

    case NGX_WEBSOCKET_TEST_IN:
        return ngx_websocket_filter_in(field, values + test->value.u.offset,
                                       test->count, strings);

    case NGX_WEBSOCKET_TEST_PREFIX:
        return field->type == NGX_WEBSOCKET_VALUE_STRING
               && field->size >= test->value.size
               && memcmp(field->u.string, strings + test->value.u.offset,
                         test->value.size) == 0;

    case NGX_WEBSOCKET_TEST_SUFFIX:
        return ngx_websocket_filter_tail(field,
                                         strings + test->value.u.offset,
                                         test->value.size);

    case NGX_WEBSOCKET_TEST_CONTAINS:
        return ngx_websocket_filter_has(field, strings + test->value.u.offset,
                                        test->value.size);
    }

    order = test->count
            ? ngx_websocket_filter_decimals(field, &test->value)
            : ngx_websocket_filter_order(field, &test->value, strings);

    switch (test->op) {

    case NGX_WEBSOCKET_TEST_GT:
        return order == NGX_WEBSOCKET_ORDER_GREATER;

    case NGX_WEBSOCKET_TEST_GTE:
        return order & (NGX_WEBSOCKET_ORDER_GREATER|NGX_WEBSOCKET_ORDER_EQUAL);

    case NGX_WEBSOCKET_TEST_LT:
        return order == NGX_WEBSOCKET_ORDER_LESS;

    default: /* NGX_WEBSOCKET_TEST_LTE */
        return order & (NGX_WEBSOCKET_ORDER_LESS|NGX_WEBSOCKET_ORDER_EQUAL);
    }
}


static int
ngx_websocket_filter_equal(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value, const char *strings)
{
    if (field->hash != value->hash || field->type != value->type) {
        return 0;
    }

    switch (field->type) {

    case NGX_WEBSOCKET_VALUE_STRING:
        return field->size == value->size
               && memcmp(field->u.string, strings + value->u.offset,
                         field->size) == 0;

    case NGX_WEBSOCKET_VALUE_INTEGER:
        return field->u.integer == value->u.integer;

    case NGX_WEBSOCKET_VALUE_REAL:
        return field->u.real == value->u.real;

    default: /* null, true, false */
        return 1;
    }
}


/* the values are in the order of their hashes */

static int
ngx_websocket_filter_in(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *values, uint32_t n, const char *strings)
{
    uint32_t  i, low, high, middle;

    low = 0;

    if (n > NGX_WEBSOCKET_FILTER_FEW) {

        high = n;

        while (low < high) {
            middle = low + (high - low) / 2;

            if (values[middle].hash < field->hash) {
                low = middle + 1;

            } else {
                high = middle;
            }
        }
    }

    for (i = low; i < n; i++) {

        if (ngx_websocket_filter_equal(field, &values[i], strings)) {
            return 1;
        }

        if (values[i].hash > field->hash) {
            return 0;
        }
    }

    return 0;
}


/* returns 0 when neither is less than the other one, as of other kinds */

static int
ngx_websocket_filter_order(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value, const char *strings)
{
    int       order;
    uint32_t  size;

    if (field->type == NGX_WEBSOCKET_VALUE_INTEGER
        && value->type == NGX_WEBSOCKET_VALUE_INTEGER)
    {
        return ngx_websocket_filter_ordered((field->u.integer
                                             > value->u.integer)
                                            - (field->u.integer
                                               < value->u.integer));
    }

    if (field->type != NGX_WEBSOCKET_VALUE_STRING
        || value->type != NGX_WEBSOCKET_VALUE_STRING)
    {
        return ngx_websocket_filter_numbers(field, value);
    }

    size = field->size < value->size ? field->size : value->size;

    order = memcmp(field->u.string, strings + value->u.offset, size);

    if (order == 0) {
        order = (field->size > value->size) - (field->size < value->size);
    }

    return ngx_websocket_filter_ordered(order);
}


static int
ngx_websocket_filter_tail(const ngx_websocket_value_t *field,
    const char *string, size_t size)
{
    return field->type == NGX_WEBSOCKET_VALUE_STRING && field->size >= size
           && memcmp(field->u.string + field->size - size, string, size) == 0;
}


static int
ngx_websocket_filter_has(const ngx_websocket_value_t *field,
    const char *string, size_t size)
{
    return field->type == NGX_WEBSOCKET_VALUE_STRING
           && (size == 0
               || memmem(field->u.string, field->size, string, size) != NULL);
}


/* of a tag, which is a string, and a number */

static int
ngx_websocket_filter_decimals(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value)
{
    ngx_websocket_json_number_t  a, b;

    if (!ngx_websocket_filter_decimal(field->u.string, field->size, &a)
        || !ngx_websocket_filter_number(value, &b))
    {
        return 0;
    }

    return ngx_websocket_filter_ordered(ngx_websocket_json_compare(&a, &b));
}


int
ngx_websocket_filter_decimal(const char *string, size_t size,
    ngx_websocket_json_number_t *number)
{
    char    buf[NGX_WEBSOCKET_FILTER_DIGITS + 1], *end;
    size_t  i;

    if (size == 0 || size > NGX_WEBSOCKET_FILTER_DIGITS) {
        return 0;
    }

    for (i = 0; i < size; i++) {

        if (string[i] == '\0' || strchr("0123456789+-.eE", string[i]) == NULL) {
            return 0;
        }

        buf[i] = string[i];
    }

    buf[size] = '\0';
    errno = 0;

    number->is_real = 0;
    number->integer = strtoll(buf, &end, 10);

    if (*end == '\0' && errno == 0) {
        return 1;
    }

    number->is_real = 1;
    number->real = strtod(buf, &end);

    return *end == '\0' && isfinite(number->real);
}


static int
ngx_websocket_filter_numbers(const ngx_websocket_value_t *field,
    const ngx_websocket_value_t *value)
{
    ngx_websocket_json_number_t  a, b;

    if (!ngx_websocket_filter_number(field, &a)
        || !ngx_websocket_filter_number(value, &b))
    {
        return 0;
    }

    return ngx_websocket_filter_ordered(ngx_websocket_json_compare(&a, &b));
}


static int
ngx_websocket_filter_number(const ngx_websocket_value_t *value,
    ngx_websocket_json_number_t *number)
{
    number->is_real = value->type == NGX_WEBSOCKET_VALUE_REAL;

    if (number->is_real) {
        number->real = value->u.real;

    } else {
        number->integer = value->u.integer;
    }

    return number->is_real || value->type == NGX_WEBSOCKET_VALUE_INTEGER;
}
