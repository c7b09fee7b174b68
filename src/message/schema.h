
/*
 * Message types out of JSON Schema: a schema is read, and its rules become
 * the words that a type is made of otherwise (type.h).  What a type has no
 * word for is refused, and so is what would mean something else there: a rule
 * that is passed over would let messages in.  On jansson, no nginx header.
 */


#ifndef NGX_WEBSOCKET_SCHEMA_H
#define NGX_WEBSOCKET_SCHEMA_H


#include "message/type.h"


#define NGX_WEBSOCKET_SCHEMA_SIZE    262144     /* bytes of a schema */
#define NGX_WEBSOCKET_SCHEMA_PLACE   256
#define NGX_WEBSOCKET_SCHEMA_REASON  512


/*
 * What is wrong, and where: a JSON pointer, empty for the whole schema, or a
 * line and a column.
 */

typedef struct {
    char           place[NGX_WEBSOCKET_SCHEMA_PLACE];
    char           reason[NGX_WEBSOCKET_SCHEMA_REASON];
} ngx_websocket_schema_error_t;


typedef struct ngx_websocket_schema_s         ngx_websocket_schema_t;
typedef struct ngx_websocket_schema_object_s  ngx_websocket_schema_object_t;


/* who keeps the types that a schema makes */

typedef struct {
    void          *data;      /* the first argument of both */

    /*
     * Makes a type without fields, which is found by its name from then on.
     * Returns NULL with an error's text.
     */
    ngx_websocket_type_t  *(*create)(void *data, const char *name,
                     char *error, size_t size);

    /* Hears of a view.  Returns 0, or -1 with an error's text. */
    int          (*view)(void *data, ngx_websocket_type_t *type,
                     const char *name, char *error, size_t size);
} ngx_websocket_schema_host_t;


/*
 * Makes the type of a name, and one for each object within it, whose name is
 * the path to it: "name.field".  Returns 0, or -1 with an error: the types
 * that were made are then only to be destroyed.
 */
int ngx_websocket_schema_make(const char *text, size_t size, const char *name,
    const ngx_websocket_schema_host_t *host,
    ngx_websocket_schema_error_t *error);


/* for schema_field.c and schema_one_of.c */

/*
 * Says what is wrong with a schema, or with the member of it that key names.
 * Returns -1.
 */
int ngx_websocket_schema_wrong(const ngx_websocket_schema_t *schema,
    const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Finds out the kind, and whether all of the keywords may be there. */
int ngx_websocket_schema_init(ngx_websocket_schema_t *schema,
    unsigned where);

/* Makes the type of the object that a schema is of. */
int ngx_websocket_schema_object(const ngx_websocket_schema_t *schema,
    const char *name, ngx_websocket_type_t **made);


#endif /* NGX_WEBSOCKET_SCHEMA_H */
