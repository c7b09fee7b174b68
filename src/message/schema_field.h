
/*
 * The properties of a schema: each becomes a field of a type, and the schema
 * of additional ones what its fields without a name are.
 */


#ifndef NGX_WEBSOCKET_SCHEMA_FIELD_H
#define NGX_WEBSOCKET_SCHEMA_FIELD_H


#include "message/schema_private.h"


/* Gives the type of an object its field: the property that is at a place. */
int ngx_websocket_schema_field(
    const ngx_websocket_schema_object_t *object,
    const ngx_websocket_json_place_t *place, json_t *json, int required);

/* Says what its additional properties are, by the schema at a place. */
int ngx_websocket_schema_rest(
    const ngx_websocket_schema_object_t *object,
    const ngx_websocket_json_place_t *place, json_t *json);

/* The keyword of a name, or NULL. */
const ngx_websocket_schema_keyword_t *ngx_websocket_schema_keyword(
    const char *name);


#endif /* NGX_WEBSOCKET_SCHEMA_FIELD_H */
