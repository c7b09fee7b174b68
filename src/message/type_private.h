
/* What a type is made of, for type.c, type_check.c and schema*.c. */


#ifndef NGX_WEBSOCKET_TYPE_PRIVATE_H
#define NGX_WEBSOCKET_TYPE_PRIVATE_H


#include "message/format.h"
#include "message/type.h"


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


struct ngx_websocket_field_s {
    char                        *name;
    size_t                       size;
    ngx_websocket_shape_t        shape;
    ngx_websocket_shape_t        items;     /* of an array */
    ngx_websocket_field_t       *each;      /* of a map's values, or NULL */

    unsigned                     required:1;
    unsigned                     nullable:1;

    ngx_websocket_bound_t        min;
    ngx_websocket_bound_t        max;

    const ngx_websocket_format_t  *format;
    char                        *values;    /* of an enum: "A|B" */
    ngx_websocket_word_t        *words;     /* of it, in order; "true" or
                                               "false" of a boolean */
    size_t                       words_count;
    void                        *regex;
    json_t                      *value;     /* the default */
    size_t                       given;     /* bytes of it in a text, with its
                                               name */
};


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

    size_t                       by;        /* the field that says which of
                                               the variants a message is */
    const ngx_websocket_type_t **variants;  /* in the order of its words, or
                                               NULL */

    ngx_websocket_field_t       *rest;      /* what additional fields are, or
                                               NULL */
    unsigned                     additional;
    unsigned                     defaults;  /* there may be some to give */
};


#endif /* NGX_WEBSOCKET_TYPE_PRIVATE_H */
