
/*
 * JSON from clients: read within bounds, compared exactly, written back in
 * the fewest digits; and the errors that say what is wrong with it, and
 * where.  On jansson, no nginx header.
 */


#ifndef NGX_WEBSOCKET_JSON_H
#define NGX_WEBSOCKET_JSON_H


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>


#define NGX_WEBSOCKET_JSON_PATH   160   /* bytes of an error's path, with its
                                           final zero */
#define NGX_WEBSOCKET_JSON_RULE   160
#define NGX_WEBSOCKET_JSON_DEPTH  128   /* the deepest that is ever allowed */


typedef enum {
    NGX_WEBSOCKET_JSON_OK = 0,
    NGX_WEBSOCKET_JSON_REFUSED,         /* the error says why */
    NGX_WEBSOCKET_JSON_NO_MEMORY
} ngx_websocket_json_e;


/*
 * Both texts are UTF-8 and end with a zero.  The path is that of a value,
 * "metadata.items[3].value", and empty for the whole text; the rule is what
 * it does not keep, "expected number, got string".  The path is made of
 * names that a client chose.
 */

typedef struct {
    char           path[NGX_WEBSOCKET_JSON_PATH];
    char           rule[NGX_WEBSOCKET_JSON_RULE];
} ngx_websocket_json_error_t;


/* where a value is: a chain on the stack, from the value up to the root */

typedef struct ngx_websocket_json_place_s  ngx_websocket_json_place_t;

struct ngx_websocket_json_place_s {
    const ngx_websocket_json_place_t  *parent;  /* NULL: in the root */
    const char                        *name;    /* NULL: of an array */
    size_t                             size;    /* of the name, or index */
};


typedef struct {
    size_t         size;      /* bytes, up to INT_MAX */
    uint32_t       depth;     /* up to NGX_WEBSOCKET_JSON_DEPTH */
    uint32_t       values;    /* all of them: members, items, containers; and
                                 exponents of numbers */
} ngx_websocket_json_limits_t;


typedef struct {
    unsigned       is_real;   /* 0: integer is it */
    int64_t        integer;
    double         real;
} ngx_websocket_json_number_t;


/* bytes that grow; all zeros at first, used again by setting size to 0 */

typedef struct {
    char          *data;      /* malloc'ed, no final zero */
    size_t         size;
    size_t         alloc;
    size_t         max;       /* of its size; 0: none */
    unsigned       failed:1;  /* memory was refused: the text has a hole */
    unsigned       over:1;    /* failed, for it would be beyond max */
} ngx_websocket_json_text_t;


/*
 * Reads a JSON text of any kind.  Refused are
 *
 *     what is over a limit, before anything is allocated
 *     a name that comes twice in one object
 *     U+0000, which jansson's names cannot hold, and lone surrogates, in
 *     escapes; zero bytes, of which jansson passes over some; text that is
 *     not UTF-8
 *     integers outside of 64 bits with a sign, and numbers that no double
 *     holds (1e400)
 *
 * Returns OK with a new reference in *json, REFUSED or NO_MEMORY.
 */
ngx_websocket_json_e ngx_websocket_json_decode(const char *text, size_t size,
    const ngx_websocket_json_limits_t *limits, json_t **json,
    ngx_websocket_json_error_t *error);

/*
 * Fills an error with the path of a place, NULL for the root, and a rule as
 * printf() would print it; what does not fit is cut between two characters.
 * Returns REFUSED.
 */
ngx_websocket_json_e ngx_websocket_json_refuse(
    ngx_websocket_json_error_t *error,
    const ngx_websocket_json_place_t *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Not 0 for a piece of text, as ngx_websocket_fields_read() has them. */
static inline int
ngx_websocket_json_is_piece(const json_t *json)
{
    return json_is_string(json)
           && (unsigned char) json_string_value(json)[0] == 0xff;
}

/* The name of a value's kind: "object", "integer", "null" ... */
const char *ngx_websocket_json_kind(const json_t *json);

/* The number that a JSON integer or real is. */
ngx_websocket_json_number_t ngx_websocket_json_number(const json_t *json);

/*
 * Compares two numbers as what they are, not as the doubles next to them.
 * Returns less than 0, 0, or more than 0.
 */
int ngx_websocket_json_compare(const ngx_websocket_json_number_t *a,
    const ngx_websocket_json_number_t *b);

/*
 * Appends bytes; a string's inside, with what must be escaped escaped; a
 * string in quotes; or a value: compact, in the order of its members, reals
 * with the fewest digits that give the same double again (jansson's own
 * prints 0.1 as 0.10000000000000001).  Strings are UTF-8, lone surrogates
 * excepted, which are written as escapes.  Refused memory is
 * told by text->failed, after which nothing is appended.  A value that is
 * nested deeper than NGX_WEBSOCKET_JSON_DEPTH sets it too, and so does what
 * would make the text longer than text->max.
 */
void ngx_websocket_json_append(ngx_websocket_json_text_t *text,
    const void *data, size_t size);
void ngx_websocket_json_append_escaped(ngx_websocket_json_text_t *text,
    const char *data, size_t size);
void ngx_websocket_json_append_string(ngx_websocket_json_text_t *text,
    const char *data, size_t size);
void ngx_websocket_json_append_value(ngx_websocket_json_text_t *text,
    json_t *json);

/*
 * Appends the object that tells a client what is wrong,
 * {"error":{"code":code,"path":path,"message":message}}; without a path where
 * it is NULL.
 */
void ngx_websocket_json_append_error(ngx_websocket_json_text_t *text,
    const char *code, const char *path, const char *message);

/* Frees the text's memory: it is empty again. */
void ngx_websocket_json_text_done(ngx_websocket_json_text_t *text);


#endif /* NGX_WEBSOCKET_JSON_H */
