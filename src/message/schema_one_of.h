
/*
 * "oneOf" of JSON Schema, as types of which a constant says which one it is.
 */


#ifndef NGX_WEBSOCKET_SCHEMA_ONE_OF_H
#define NGX_WEBSOCKET_SCHEMA_ONE_OF_H


#include "message/schema_private.h"


/*
 * Gives the object's type its variants, each a type of its own, "NAME.WORD".
 * Exactly one of the schemas can match when each requires a property whose
 * "const" is another string than in the others: all else is refused.  Returns
 * 0 or -1.
 */
int ngx_websocket_schema_one_of(const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object);


#endif /* NGX_WEBSOCKET_SCHEMA_ONE_OF_H */
