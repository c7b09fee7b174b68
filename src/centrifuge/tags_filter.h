
/*
 * Filters of tags in Centrifugo's protocol, as a subscribe's member "tf" has
 * them.  A node is {"op":"and"|"or"|"not","nodes":[NODE, ...]} or a comparison
 * {"key":K,"cmp":C,"val":V} or, of "in" and "nin", {...,"vals":[V, ...]}.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_TAGS_FILTER_H
#define NGX_WEBSOCKET_TAGS_FILTER_H


#include <jansson.h>

#include "message/json.h"


/* nodes in each other: one more would be a filter that is refused anyway */
#define NGX_WEBSOCKET_TAGS_FILTER_DEPTH  16

/* what all nodes have in them: far more than a filter may compare */
#define NGX_WEBSOCKET_TAGS_FILTER_MOST  4000


/*
 * Makes the filter, in the language of message/filter.h, that lets the same
 * messages pass.  Returns OK with a new reference in *filter; REFUSED where the
 * node, or one within it, is none; NO_MEMORY.
 */
ngx_websocket_json_e ngx_websocket_tags_filter(const json_t *node,
    json_t **filter);


#endif /* NGX_WEBSOCKET_TAGS_FILTER_H */
