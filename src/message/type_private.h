
/* What a type is made of, for type.c, type_check.c and schema*.c. */


#ifndef NGX_WEBSOCKET_TYPE_PRIVATE_H
#define NGX_WEBSOCKET_TYPE_PRIVATE_H


#include "message/format.h"
#include "message/type.h"


typedef enum {
    NGX_WEBSOCKET_KIND_STRING = 0,
    NGX_WEBSOCKET_KIND_INTEGER,
    NGX_WEBSOCKET_KIND_NUMBER,
    NGX_WEBSOCKET_KIND_BOOLEAN,
    NGX_WEBSOCKET_KIND_ARRAY,
    NGX_WEBSOCKET_KIND_OBJECT,
    NGX_WEBSOCKET_KIND_ANY,
    NGX_WEBSOCKET_KINDS
} ngx_websocket_kind_e;


/* what a value is: a field's, or those of an array's items */

typedef struct {
    ngx_websocket_kind_e         kind;
    const ngx_websocket_type_t  *of;        /* of an object, or NULL */
} ngx_websocket_shape_t;


typedef struct {
    unsigned                     set;
    ngx_websocket_json_number_t  number;
} ngx_websocket_bound_t;


typedef struct {
    const char                  *data;
    size_t                       size;
} ngx_websocket_word_t;


typedef struct {
    char                        *name;
    size_t                       size;
    ngx_websocket_shape_t        shape;
    ngx_websocket_shape_t        items;     /* of an array */

    unsigned                     required:1;
    unsigned                     nullable:1;

    ngx_websocket_bound_t        min;
    ngx_websocket_bound_t        max;

    const ngx_websocket_format_t  *format;
    char                        *values;    /* of an enum: "A|B" */
    ngx_websocket_word_t        *words;     /* of it, in order */
    size_t                       words_count;
    void                        *regex;
    json_t                      *value;     /* the default */
    size_t                       given;     /* bytes of it in a text, with its
                                               name */
} ngx_websocket_field_t;


struct ngx_websocket_type_s {
    char                        *name;
    ngx_websocket_type_maker_t   maker;

    ngx_websocket_field_t       *fields;
    size_t                       count;
    size_t                       required;  /* of them */
    size_t                      *names;     /* their numbers, by name */
    size_t                      *givers;    /* of those with a default */
    size_t                       givers_count;
    ngx_websocket_view_t       **views;
    size_t                       views_count;

    unsigned                     additional;
    unsigned                     defaults;  /* there may be some to give */
};


/* the names of the kinds, in the enum's order */
extern const char *const  ngx_websocket_kinds[];


/* The kind of a name, NGX_WEBSOCKET_KINDS when there is none. */
ngx_websocket_kind_e ngx_websocket_kind_find(const char *name);

/*
 * As ngx_websocket_type_field(), and tells which word is wrong: n when it is
 * all of them together.
 */
int ngx_websocket_type_field_at(ngx_websocket_type_t *type,
    const char *const *words, size_t n, size_t *wrong, char *error,
    size_t size);

/* The field of a name, or NULL. */
const ngx_websocket_field_t *ngx_websocket_type_find_field(
    const ngx_websocket_type_t *type, const char *name, size_t size);

/*
 * Looks a path up, "a.b".  Returns why a message never has a value there, or
 * NULL: *field is then its field, or NULL where nothing is said of it.  *type
 * becomes the type that was looked at last.
 */
const char *ngx_websocket_type_path(const ngx_websocket_type_t **type,
    const char *path, const ngx_websocket_field_t **field);

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


#endif /* NGX_WEBSOCKET_TYPE_PRIVATE_H */
