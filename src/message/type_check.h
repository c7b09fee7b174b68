
/*
 * Whether a message is of its type; and what the type gives it.
 */


#ifndef NGX_WEBSOCKET_TYPE_CHECK_H
#define NGX_WEBSOCKET_TYPE_CHECK_H


#include "message/type.h"


/*
 * Checks a message.  The first thing that is wrong is told: of the fields in
 * their order, then of those that the type has not.  The message is not
 * changed.  Returns OK or REFUSED.
 */
ngx_websocket_json_e ngx_websocket_type_check(const ngx_websocket_type_t *type,
    const json_t *message, ngx_websocket_json_error_t *error);

/*
 * Gives a checked message the defaults of the fields that it has not, also in
 * the objects within it.  Returns how many were given: 0 leaves the message's
 * own text what it is; or NGX_WEBSOCKET_TYPE_MORE when they are more than max
 * bytes of text, -1 when memory was refused: the message then has some.
 */
int ngx_websocket_type_defaults(const ngx_websocket_type_t *type,
    json_t *message, size_t max);


/* for the other files of types, filters and schemas */

/* The order of the words of an enum: of qsort() and bsearch(). */
int ngx_websocket_word_order(const void *one, const void *two);

/* Not 0 when a text is one of the field's enum. */
int ngx_websocket_check_enum(const ngx_websocket_field_t *field,
    const char *text, size_t size);

/* Checks the value of a field, which is at a place, in depth types. */
ngx_websocket_json_e ngx_websocket_check_field(
    const ngx_websocket_type_t *type, const ngx_websocket_field_t *field,
    const json_t *json, const ngx_websocket_json_place_t *place, int depth,
    ngx_websocket_json_error_t *error);

/*
 * Gives what is in a field's value, which was checked, its defaults: as
 * ngx_websocket_type_defaults(), with *left bytes that may be given yet.
 */
int ngx_websocket_defaults_value(const ngx_websocket_field_t *field,
    json_t *json, size_t *left);


#endif /* NGX_WEBSOCKET_TYPE_CHECK_H */
