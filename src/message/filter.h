
/*
 * Filters: which messages a subscriber gets.  A filter is a JSON object whose
 * members must all be true:
 *
 *     "FIELD": VALUE            the field is a string, a number, true, false
 *                               or null, and equals it
 *     "FIELD": [VALUE, ...]     it equals one of them
 *     "FIELD": {"gt": 10, ...}  all of these comparisons are true: eq, ne, gt,
 *                               gte, lt, lte (numbers, strings), in (an
 *                               array), prefix, suffix, contains (a
 *                               string), exists (true or false)
 *     "and": [FILTER, ...]      all of them, one of them, not it
 *     "or":  [FILTER, ...]
 *     "not": FILTER
 *
 * FIELD is a name, or names with dots between for what is in an object in an
 * object.  "tags.NAME" is always a tag that the publisher gave, a string, and
 * never a message's field; gt, gte, lt and lte compare it with a number as the
 * number that it is, if it is one.  {} is true.
 *
 * A field that is not there makes each comparison false, also ne, and only
 * "exists": false true: who wants "is not, or is not there" writes "not".
 * Values of different kinds are not equal, and neither is less or greater:
 * the number 5 and the string "5" have nothing in common.  Strings compare by
 * their characters' code points, numbers as what they are (1 equals 1.0).
 *
 * Where the type of the messages is known, a filter that asks for a field
 * which they never have is refused; so is a comparison that no value of a
 * field's kind ever fits, nor one of its enum.  "ne" and "exists" fit each.
 *
 * All filters of a worker are in one set.  The set knows each field that any
 * of them looks at; while a message is delivered, a field is looked up when
 * the first filter asks, and every other filter finds it there.  Filters that
 * say the same are one, and are evaluated once per message.  That holds for
 * some messages side by side, since those that are delivered together come to
 * the first subscriber all, then to the next one.
 */


#ifndef NGX_WEBSOCKET_FILTER_H
#define NGX_WEBSOCKET_FILTER_H


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "message/json.h"
#include "message/stamp.h"
#include "message/type.h"
#include "message/view.h"


#define NGX_WEBSOCKET_FILTER_PATH      8    /* names in one field's path */
#define NGX_WEBSOCKET_FILTER_MESSAGES  64   /* side by side, at most */


typedef struct ngx_websocket_filters_s  ngx_websocket_filters_t;
typedef struct ngx_websocket_filter_s   ngx_websocket_filter_t;
typedef struct ngx_websocket_value_s    ngx_websocket_value_t;


/* of one filter */

typedef struct {
    uint32_t       tests;     /* comparisons, up to 32,768 */
    uint32_t       values;    /* in all of its arrays */
    uint32_t       depth;     /* of and, or and not in each other, up to
                                 NGX_WEBSOCKET_JSON_DEPTH */
    uint32_t       size;      /* bytes in all strings */
} ngx_websocket_filter_limits_t;


typedef struct {
    const char    *name;
    size_t         name_size;
    const char    *value;
    size_t         value_size;
} ngx_websocket_tag_t;


/* the messages that a filter is for */

typedef struct {
    const ngx_websocket_view_t        *view;    /* NULL: all is shown */
    const ngx_websocket_type_t        *type;    /* NULL: they may be anything */
    const ngx_websocket_stamp_name_t  *others;  /* what they may have besides
                                                   the type's fields */
    size_t                             others_count;
} ngx_websocket_filter_scope_t;


/* Makes a set without filters.  Returns NULL when memory is refused. */
ngx_websocket_filters_t *ngx_websocket_filters_create(
    const ngx_websocket_filter_limits_t *limits);

/* Takes one more reference. */
void ngx_websocket_filter_hold(ngx_websocket_filter_t *filter);

/* Gives a reference back. */
void ngx_websocket_filter_release(ngx_websocket_filters_t *filters,
    ngx_websocket_filter_t *filter);

/*
 * Reads a text that is a decimal number, perhaps with an exponent.  Returns 0
 * when it is none, or longer than 64 bytes, or no double holds it.
 */
int ngx_websocket_filter_decimal(const char *string, size_t size,
    ngx_websocket_json_number_t *number);

/* Not 0 when it looks at a message's fields, not only at tags. */
int ngx_websocket_filter_reads(const ngx_websocket_filter_t *filter);

/*
 * Begins a message, beside those that were begun.  Returns its number, from 0
 * on, or -1 when memory was refused.  When there are as many as can be, all
 * are forgotten, and it is number 0 again.
 */
int ngx_websocket_filters_begin(ngx_websocket_filters_t *filters);

/*
 * Says what the message of that number is: it and its tags are valid until all
 * are forgotten.  NULL is a message without fields: none, binary, no JSON, no
 * object; or one of whose fields nothing is asked before they are given by
 * another call.
 */
void ngx_websocket_filters_message(ngx_websocket_filters_t *filters,
    unsigned number, const json_t *json, const ngx_websocket_tag_t *tags,
    size_t n);

/* Forgets all messages. */
void ngx_websocket_filters_forget(ngx_websocket_filters_t *filters);

/*
 * Not 0 when the message of that number passes.  It allocates nothing, and
 * makes as many steps as the filter has tests, at most.
 */
int ngx_websocket_filter_match(ngx_websocket_filters_t *filters,
    ngx_websocket_filter_t *filter, unsigned number);


/* for filter_compile.c */

/* Sets a value, which is all zeros, to what is in JSON: string is set. */
void ngx_websocket_filter_value(const ngx_websocket_filters_t *filters,
    const json_t *json, ngx_websocket_value_t *value);

/*
 * The slot of a field, with a new reference; NGX_WEBSOCKET_FILTER_NONE when
 * memory is refused.
 */
uint32_t ngx_websocket_filter_slot(ngx_websocket_filters_t *filters,
    const char *path, size_t size);

/* Gives a reference back. */
void ngx_websocket_filter_slot_release(ngx_websocket_filters_t *filters,
    uint32_t slot);

/*
 * Puts a filter of one reference into the set, or frees it and returns the
 * one that says the same, with a reference more.
 */
ngx_websocket_filter_t *ngx_websocket_filter_intern(
    ngx_websocket_filters_t *filters, ngx_websocket_filter_t *filter);


#endif /* NGX_WEBSOCKET_FILTER_H */
