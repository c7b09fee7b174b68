
/*
 * A filter as a program: comparisons, each with what comes next.
 */


#ifndef NGX_WEBSOCKET_FILTER_COMPILE_H
#define NGX_WEBSOCKET_FILTER_COMPILE_H


#include "message/filter.h"


/*
 * Compiles a filter into one block of memory, or finds one that says the
 * same: *filter has a new reference.  The JSON is not needed any more.  Where
 * the scope, which may be NULL, has a view, only what it shows may be asked
 * for: the fields that a subscriber does not see are not to be guessed by
 * filters.  Returns OK, REFUSED with the error's path and rule, or NO_MEMORY.
 */
ngx_websocket_json_e ngx_websocket_filter_compile(
    ngx_websocket_filters_t *filters, const json_t *json,
    const ngx_websocket_filter_scope_t *scope,
    ngx_websocket_filter_t **filter,
    ngx_websocket_json_error_t *error);


#endif /* NGX_WEBSOCKET_FILTER_COMPILE_H */
