
/* What a set of filters is made of, for filter.c and filter_compile.c. */


#ifndef NGX_WEBSOCKET_FILTER_PRIVATE_H
#define NGX_WEBSOCKET_FILTER_PRIVATE_H


#include "message/filter.h"
#include "message/type_private.h"


#define NGX_WEBSOCKET_FILTER_TESTS  0x8000
#define NGX_WEBSOCKET_FILTER_TRUE   0xffff
#define NGX_WEBSOCKET_FILTER_FALSE  0xfffe

#define NGX_WEBSOCKET_FILTER_NONE   UINT32_MAX

/* bytes of a text that may be a number */
#define NGX_WEBSOCKET_FILTER_DIGITS  64

/* fields' values in all messages: with more fields there are fewer messages */
#define NGX_WEBSOCKET_FILTER_KEPT   65536


typedef enum {
    NGX_WEBSOCKET_VALUE_MISSING = 0,
    NGX_WEBSOCKET_VALUE_NULL,
    NGX_WEBSOCKET_VALUE_FALSE,
    NGX_WEBSOCKET_VALUE_TRUE,
    NGX_WEBSOCKET_VALUE_INTEGER,    /* also a real that is one */
    NGX_WEBSOCKET_VALUE_REAL,
    NGX_WEBSOCKET_VALUE_STRING,
    NGX_WEBSOCKET_VALUE_OTHER       /* an object or an array: equals none */
} ngx_websocket_value_e;


typedef enum {
    NGX_WEBSOCKET_TEST_ALWAYS = 0,
    NGX_WEBSOCKET_TEST_EXISTS,
    NGX_WEBSOCKET_TEST_EQ,
    NGX_WEBSOCKET_TEST_NE,
    NGX_WEBSOCKET_TEST_GT,
    NGX_WEBSOCKET_TEST_GTE,
    NGX_WEBSOCKET_TEST_LT,
    NGX_WEBSOCKET_TEST_LTE,
    NGX_WEBSOCKET_TEST_IN,
    NGX_WEBSOCKET_TEST_PREFIX,
    NGX_WEBSOCKET_TEST_SUFFIX,
    NGX_WEBSOCKET_TEST_CONTAINS
} ngx_websocket_test_e;


/* a field's value in a message, or one in a filter */

struct ngx_websocket_value_s {
    uint32_t                    type;
    uint32_t                    hash;
    uint32_t                    size;       /* of a string */
    union {
        int64_t                 integer;
        double                  real;
        const char             *string;     /* in a message */
        uint64_t                offset;     /* in a filter's strings */
    } u;
};


/* a comparison, and which one comes next, or TRUE or FALSE */

typedef struct {
    uint32_t                    slot;
    uint16_t                    yes;
    uint16_t                    no;
    uint32_t                    op;
    uint32_t                    count;      /* of values, for "in"; of an order
                                               not 0 when a tag is compared
                                               as a number */
    ngx_websocket_value_t       value;      /* offset: the first of them */
} ngx_websocket_test_t;


/* behind it lie its tests, values, and strings: no pointers in there */

struct ngx_websocket_filter_s {
    ngx_websocket_filter_t     *next;       /* of the same hash */
    uint64_t                    generation; /* of the results */
    uint64_t                    known;      /* of which messages, by bits */
    uint64_t                    passed;
    uint32_t                    refs;
    uint32_t                    hash;
    uint32_t                    size;       /* of all that lies behind */
    uint32_t                    tests;
    uint32_t                    values;
    uint8_t                     reads;
};


/* a field: in which messages of a generation it was looked up, by bits */

typedef struct {
    uint64_t                    generation;
    uint64_t                    known;
} ngx_websocket_slot_t;


/* a message, with the values of its fields by slots */

typedef struct {
    const json_t               *json;
    const ngx_websocket_tag_t  *tags;
    size_t                      tags_count;
    ngx_websocket_value_t      *values;     /* NULL, or of all slots */
} ngx_websocket_filtered_t;


/* the field that a slot is of */

typedef struct {
    char                       *path;       /* NULL: the slot is free */
    uint32_t                    size;
    uint32_t                    hash;
    uint32_t                    refs;
    uint32_t                    next;       /* of the same hash, or free */
} ngx_websocket_slot_name_t;


struct ngx_websocket_filters_s {
    uint64_t                    seed;       /* of the hashes */
    uint64_t                    generation; /* another one when the messages
                                               are forgotten */
    uint32_t                    messages_count;
    ngx_websocket_filtered_t    messages[NGX_WEBSOCKET_FILTER_MESSAGES];

    ngx_websocket_slot_t       *slots;
    ngx_websocket_slot_name_t  *names;
    uint32_t                    slots_count;
    uint32_t                    slots_used;
    uint32_t                    slots_free;

    uint32_t                   *fields;     /* slots by hash */
    uint32_t                    fields_mask;
    ngx_websocket_filter_t    **filters;    /* by hash */
    uint32_t                    filters_mask;
    uint32_t                    filters_count;

    /* the filter being compiled */

    ngx_websocket_filter_limits_t  limits;
    ngx_websocket_test_t       *tests;
    ngx_websocket_value_t      *values;
    char                       *strings;
};


static inline ngx_websocket_test_t *
ngx_websocket_filter_tests(const ngx_websocket_filter_t *filter)
{
    return (ngx_websocket_test_t *) (filter + 1);
}


static inline ngx_websocket_value_t *
ngx_websocket_filter_values(const ngx_websocket_filter_t *filter)
{
    return (ngx_websocket_value_t *)
           (ngx_websocket_filter_tests(filter) + filter->tests);
}

/* Not 0 when a field's path is a tag's: "tags.NAME". */
static inline int
ngx_websocket_filter_is_tag(const char *path, size_t size)
{
    return size > 5 && path[0] == 't' && path[1] == 'a' && path[2] == 'g'
           && path[3] == 's' && path[4] == '.';
}


#endif /* NGX_WEBSOCKET_FILTER_PRIVATE_H */
