
/*
 * A message type: the fields of a JSON object, what each must be, and the
 * views of it.  It is made of the words of the configuration
 *
 *     field NAME KIND [required] [nullable] [min=N] [max=N] [format=NAME]
 *         [enum=A|B] [pattern=REGEX] [default=VALUE] [of=TYPE|KIND]
 *     view NAME FIELD ...
 *     additional on|off
 *
 * and then only read.  Kinds: string, integer, number, boolean, array,
 * object, any.
 *
 *     required   the message must have it
 *     nullable   null is allowed too; else a null is no value of any kind but
 *                "any"
 *     min, max   a number's value, a string's length in characters (not
 *                bytes), an array's items
 *     format     of strings: date-time (RFC 3339), uri (RFC 3986, with its
 *                scheme), uuid, email
 *     enum       of strings: one of these
 *     pattern    of strings: a regular expression must match
 *     default    what a message without the field gets: a string's own words,
 *                for the other kinds JSON.  It keeps the field's rules
 *     of         an object's type; the type or the kind of an array's items
 *
 * A number without a fraction, as 5.0 or 1e3, is an integer.  Fields that are
 * not named are refused, unless additional is on.
 */


#ifndef NGX_WEBSOCKET_TYPE_H
#define NGX_WEBSOCKET_TYPE_H


#include <stddef.h>

#include <jansson.h>

#include "message/json.h"
#include "message/view.h"


#define NGX_WEBSOCKET_TYPE_DEPTH  32    /* types within types */
#define NGX_WEBSOCKET_TYPE_MORE   -2    /* defaults than there may be */


typedef struct ngx_websocket_type_s  ngx_websocket_type_t;


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

/*
 * Checks a message.  The first thing that is wrong is told: of the fields in
 * their order, then of those that the type has not.  The message is not
 * changed.  Returns OK or REFUSED.
 */
ngx_websocket_json_e ngx_websocket_type_check(const ngx_websocket_type_t *type,
    const json_t *message, ngx_websocket_json_error_t *error);

/*
 * Gives a checked message the defaults of the fields that it has not, also in
 * the objects within it.  Returns how many were given: 0 leaves the message's
 * own text what it is; or NGX_WEBSOCKET_TYPE_MORE when they are more than max
 * bytes of text, -1 when memory was refused: the message then has some.
 */
int ngx_websocket_type_defaults(const ngx_websocket_type_t *type,
    json_t *message, size_t max);


#endif /* NGX_WEBSOCKET_TYPE_H */
