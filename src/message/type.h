
/*
 * A message type: the fields of a JSON object, what each must be, and the
 * views of it.  It is made of the words of the configuration
 *
 *     field NAME KIND [required] [nullable] [min=N] [max=N] [format=NAME]
 *         [enum=A|B] [const=VALUE] [pattern=REGEX] [default=VALUE]
 *         [of=TYPE|KIND]
 *     by FIELD WORD=TYPE ...
 *     view NAME FIELD ...
 *     additional on|off|KIND [nullable] [min=N] ...
 *
 * and then only read.  Kinds: string, integer, number, boolean, array,
 * object, any.
 *
 *     required   the message must have it
 *     nullable   null is allowed too; else a null is no value of any kind but
 *                "any"
 *     min, max   a number's value, a string's length in characters (not
 *                bytes), an array's items, an object's members
 *     format     of strings: date-time (RFC 3339), uri (RFC 3986, with its
 *                scheme), uuid, email
 *     enum       of strings: one of these
 *     const      of a string, a number, a boolean: this one
 *     pattern    of strings: a regular expression must match
 *     default    what a message without the field gets: a string's own words,
 *                for the other kinds JSON.  It keeps the field's rules
 *     of         an object's type, or the kind of all its values, which makes
 *                it a map; the type or the kind of an array's items
 *
 * A number without a fraction, as 5.0 or 1e3, is an integer.  Fields that are
 * not named are refused, unless additional is on, or says what each of them
 * is, in the words of a field.
 *
 * "by" makes a type of several: FIELD, a string, is one of the words, and the
 * message is of that word's type, beside the fields that are named here.
 */


#ifndef NGX_WEBSOCKET_TYPE_H
#define NGX_WEBSOCKET_TYPE_H


#include <stddef.h>

#include <jansson.h>

#include "message/json.h"
#include "message/view.h"


#define NGX_WEBSOCKET_TYPE_DEPTH  32    /* types within types */
#define NGX_WEBSOCKET_TYPE_MORE   -2    /* defaults than there may be */


typedef struct ngx_websocket_type_s   ngx_websocket_type_t;
typedef struct ngx_websocket_field_s  ngx_websocket_field_t;


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


/* what a type asks of its maker: each may be NULL, then there is none */

typedef struct {
    void          *data;      /* the first argument of all */

    /* the type of a name: one that was made, or is being made */
    ngx_websocket_type_t  *(*find)(void *data, const char *name);

    /*
     * Compiles a regular expression, which the maker keeps and frees.
     * Returns it, or NULL with an error's text.
     */
    void        *(*compile)(void *data, const char *pattern, char *error,
                     size_t size);

    /* Returns 1 when it matches, 0 when not, -1 when it cannot tell. */
    int          (*match)(void *data, void *regex, const char *text,
                     size_t size);
} ngx_websocket_type_maker_t;


/*
 * Makes a type without fields.  The maker's struct is copied.  Returns NULL
 * with an error's text when the name is a kind's or empty, or when memory is
 * refused.
 */
ngx_websocket_type_t *ngx_websocket_type_create(const char *name,
    const ngx_websocket_type_maker_t *maker, char *error, size_t size);

/*
 * When no type that has fields of it is used any more: types that have fields
 * of each other go in any order.
 */
void ngx_websocket_type_destroy(ngx_websocket_type_t *type);

/*
 * Each takes the words behind the directive's name.  Returns 0, or -1 with an
 * error's text: the type is then only to be destroyed.  A view names fields
 * that are there already.
 */
int ngx_websocket_type_field(ngx_websocket_type_t *type,
    const char *const *words, size_t n, char *error, size_t size);
int ngx_websocket_type_view(ngx_websocket_type_t *type,
    const char *const *words, size_t n, char *error, size_t size);
int ngx_websocket_type_additional(ngx_websocket_type_t *type,
    const char *const *words, size_t n, char *error, size_t size);

/* Its name. */
const char *ngx_websocket_type_name(const ngx_websocket_type_t *type);

/* The view of a name, or NULL.  "default" is always there: all fields. */
const ngx_websocket_view_t *ngx_websocket_type_find_view(
    const ngx_websocket_type_t *type, const char *name, size_t size);


/* for the other files of types, filters and schemas */

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

/*
 * What the fields without a name are, KIND ..., as a field's words behind its
 * name, and which of them is wrong.
 */
int ngx_websocket_type_rest_at(ngx_websocket_type_t *type,
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


#endif /* NGX_WEBSOCKET_TYPE_H */
