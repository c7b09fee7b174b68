
/*
 * A message's fields, for those who look at some of them: any JSON object is
 * read, also what is refused where messages are checked.  On jansson, no
 * nginx header.
 */


#ifndef NGX_WEBSOCKET_FIELDS_H
#define NGX_WEBSOCKET_FIELDS_H


#include <stddef.h>

#include <jansson.h>

#include "message/json.h"


#define NGX_WEBSOCKET_FIELDS_DEPTH   8      /* of objects that are gone into:
                                               no path has more names */
#define NGX_WEBSOCKET_FIELDS_NUMBER  1024   /* bytes of one that is compared */


/*
 * Reads a JSON object, of RFC 8259's grammar, whatever its size and depth.  Of
 * a name that comes twice the last value counts.  Returns OK with a new
 * reference in *object, or NULL there when the text is none or is not UTF-8;
 * or NO_MEMORY.
 *
 * Arrays, what is in objects deeper than NGX_WEBSOCKET_FIELDS_DEPTH, and
 * numbers that are not integers of up to 18 digits are pieces of the text: a
 * string of jansson's that begins with the byte 0xff, then is as it was
 * written, without spaces between.  In names and strings a lone surrogate has
 * the three bytes that it would have in UTF-8.
 */
ngx_websocket_json_e ngx_websocket_fields_read(const char *text, size_t size,
    json_t **object);

/*
 * The same for one field of the object, which costs no more than to look at
 * the text, whatever else there is: *value is a new reference, or NULL when
 * there is no such field.  An object is a piece of the text, too.  *count,
 * where it is wanted, is how many fields there are, if *value is not NULL.
 */
ngx_websocket_json_e ngx_websocket_fields_find(const char *text, size_t size,
    const char *name, json_t **value, size_t *count);


#endif /* NGX_WEBSOCKET_FIELDS_H */
