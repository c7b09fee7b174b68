
/* What schema*.c share: how a schema is read. */


#ifndef NGX_WEBSOCKET_SCHEMA_PRIVATE_H
#define NGX_WEBSOCKET_SCHEMA_PRIVATE_H


#include "message/schema.h"
#include "message/type_private.h"


/* where a keyword may be */
#define NGX_WEBSOCKET_SCHEMA_ROOT    1
#define NGX_WEBSOCKET_SCHEMA_FIELD   2
#define NGX_WEBSOCKET_SCHEMA_ITEMS   4

#define NGX_WEBSOCKET_SCHEMA_INNER                                            \
    (NGX_WEBSOCKET_SCHEMA_FIELD | NGX_WEBSOCKET_SCHEMA_ITEMS)
#define NGX_WEBSOCKET_SCHEMA_ANY                                              \
    (NGX_WEBSOCKET_SCHEMA_ROOT | NGX_WEBSOCKET_SCHEMA_INNER)


/* an object whose type is being made; what the root is in has no type */

struct ngx_websocket_schema_object_s {
    const ngx_websocket_schema_object_t  *parent;
    ngx_websocket_type_t                 *type;
    int                                   depth;
    const ngx_websocket_schema_host_t    *host;
    ngx_websocket_schema_error_t         *error;
};


/* of the root, a property or items */

struct ngx_websocket_schema_s {
    json_t                               *json;
    const ngx_websocket_json_place_t     *place;
    const ngx_websocket_schema_object_t  *object;   /* that it is in */
    ngx_websocket_kind_e                  kind;
    unsigned                              nullable;
    unsigned                              within;   /* what it is one of says
                                                       that it is an object */
};


typedef struct ngx_websocket_schema_field_s  ngx_websocket_schema_field_t;

typedef struct {
    const char   *name;
    unsigned      where;
    unsigned      kinds;      /* that may have it, by bits */
    const char   *word;

    /* makes a word of the keyword's value; NULL: done elsewhere */
    int         (*set)(ngx_websocket_schema_field_t *field,
                     const char *key, json_t *value,
                     ngx_websocket_json_text_t *word);
} ngx_websocket_schema_keyword_t;


#endif /* NGX_WEBSOCKET_SCHEMA_PRIVATE_H */
