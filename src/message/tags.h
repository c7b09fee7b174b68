
/*
 * The tags that a publisher gives a message, "name=value, name=value": words
 * beside the message, for filters.  Plain C.
 */


#ifndef NGX_WEBSOCKET_TAGS_H
#define NGX_WEBSOCKET_TAGS_H


#include <stddef.h>
#include <stdint.h>

#include "message/filter.h"


#define NGX_WEBSOCKET_TAGS       16     /* of one message */
#define NGX_WEBSOCKET_TAGS_SIZE  1024   /* of one message, packed */


/*
 * Packs a list into buf of NGX_WEBSOCKET_TAGS_SIZE bytes.  A name is of
 * letters, digits, "_", "-" and "."; a value, which may be empty, of UTF-8
 * without commas and control characters.  Spaces around both do not count.
 * Returns the size, 0 of an empty list, or -1 when the list is malformed, has
 * a name twice, or is too long.
 */
int ngx_websocket_tags_pack(const char *text, size_t size, uint8_t *buf);

/*
 * Sets tags, of NGX_WEBSOCKET_TAGS elements, to what was packed: they refer
 * to its bytes.  Returns their number.
 */
size_t ngx_websocket_tags_unpack(const uint8_t *data, size_t size,
    ngx_websocket_tag_t *tags);


/*
 * Finds the value of one tag in what was packed.  Returns its size, with *value
 * set to its bytes, or 0 when there is none.
 */
size_t ngx_websocket_tags_find(const uint8_t *data, size_t size,
    const char *name, const char **value);


#endif /* NGX_WEBSOCKET_TAGS_H */
