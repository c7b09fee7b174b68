
#include <stdlib.h>
#include <string.h>

#include "message/type_check.h"
#include "message/type_by.h"
#include "message/type_private.h"


/* members of an object that count as few, for a type of so many fields */
#define NGX_WEBSOCKET_CHECK_FEW   16
#define NGX_WEBSOCKET_CHECK_MANY  32


static ngx_websocket_json_e ngx_websocket_check_object(
    const ngx_websocket_type_t *type, const json_t *json,
    const ngx_websocket_json_place_t *parent, int depth,
    ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_check_fields(
    const ngx_websocket_type_t *type, const json_t *json,
    const ngx_websocket_json_place_t *parent, int depth, size_t *found,
    ngx_websocket_json_error_t *error);
static size_t ngx_websocket_check_few(const ngx_websocket_type_t *type,
    const json_t *json, size_t *few);
static ngx_websocket_json_e ngx_websocket_check_rest(
    const ngx_websocket_type_t *type, const ngx_websocket_type_t *variant,
    const json_t *json, const ngx_websocket_json_place_t *parent, int depth,
    ngx_websocket_json_error_t *error);
static const ngx_websocket_type_t *ngx_websocket_check_last(
    const ngx_websocket_type_t *type, const ngx_websocket_type_t *variant);
static int ngx_websocket_check_named(const ngx_websocket_type_t *type,
    const ngx_websocket_type_t *variant, const char *name, size_t size);
static ngx_websocket_json_e ngx_websocket_check_map(
    const ngx_websocket_type_t *type, const ngx_websocket_field_t *field,
    const json_t *json, const ngx_websocket_json_place_t *parent, int depth,
    ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_check_shape(
    const ngx_websocket_shape_t *shape, const json_t *json,
    const ngx_websocket_json_place_t *place, int depth,
    ngx_websocket_json_error_t *error);
static int ngx_websocket_check_kind(ngx_websocket_kind_e kind,
    const json_t *json);
static ngx_websocket_json_e ngx_websocket_check_bounds(
    const ngx_websocket_field_t *field,
    const ngx_websocket_json_number_t *number, const char *unit,
    const ngx_websocket_json_place_t *place,
    ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_check_string(
    const ngx_websocket_type_t *type, const ngx_websocket_field_t *field,
    const json_t *json, const ngx_websocket_json_place_t *place,
    ngx_websocket_json_error_t *error);
static int64_t ngx_websocket_check_characters(const char *text, size_t size);
static ngx_websocket_json_e ngx_websocket_check_array(
    const ngx_websocket_field_t *field, const json_t *json,
    const ngx_websocket_json_place_t *place, int depth,
    ngx_websocket_json_error_t *error);
static int ngx_websocket_defaults_object(const ngx_websocket_type_t *type,
    json_t *json, size_t *left);
static int ngx_websocket_defaults_fields(const ngx_websocket_type_t *type,
    json_t *json, size_t *left);
static int ngx_websocket_defaults_rest(const ngx_websocket_type_t *type,
    const ngx_websocket_type_t *variant, json_t *json, size_t *left);
static int ngx_websocket_defaults_give(const ngx_websocket_field_t *field,
    json_t *json, size_t *left);


ngx_websocket_json_e
ngx_websocket_type_check(const ngx_websocket_type_t *type,
    const json_t *message, ngx_websocket_json_error_t *error)
{
    return ngx_websocket_check_object(type, message, NULL, 1, error);
}


static ngx_websocket_json_e
ngx_websocket_check_object(const ngx_websocket_type_t *type,
    const json_t *json, const ngx_websocket_json_place_t *parent, int depth,
    ngx_websocket_json_error_t *error)
{
    size_t                       found;
    const ngx_websocket_type_t  *variant;

    if (!json_is_object(json)) {
        return ngx_websocket_json_refuse(error, parent,
                                         "expected object, got %s",
                                         ngx_websocket_json_kind(json));
    }

    if (depth > NGX_WEBSOCKET_TYPE_DEPTH) {
        return ngx_websocket_json_refuse(error, parent,
                                         "more than %d types in each other",
                                         NGX_WEBSOCKET_TYPE_DEPTH);
    }

    found = 0;

    if (ngx_websocket_check_fields(type, json, parent, depth, &found, error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    variant = ngx_websocket_type_variant(type, json);

    if (variant
        && ngx_websocket_check_fields(variant, json, parent, depth, &found,
                                      error)
           != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    /* a field that both types have was found twice: each member is looked at */

    if (found < json_object_size(json) || variant) {
        return ngx_websocket_check_rest(type, variant, json, parent, depth,
                                        error);
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* the members that the type knows; adds how many there are to *found */

static ngx_websocket_json_e
ngx_websocket_check_fields(const ngx_websocket_type_t *type,
    const json_t *json, const ngx_websocket_json_place_t *parent, int depth,
    size_t *found, ngx_websocket_json_error_t *error)
{
    json_t                       *value;
    size_t                        i, n, few[NGX_WEBSOCKET_CHECK_FEW];
    const ngx_websocket_field_t  *field;
    ngx_websocket_json_place_t    place;

    place.parent = parent;

    n = ngx_websocket_check_few(type, json, few);

    for (i = 0; i < n; i++) {

        field = &type->fields[n == type->count ? i : few[i]];
        place.name = field->name;
        place.size = field->size;

        value = json_object_getn(json, field->name, field->size);

        if (value) {
            (*found)++;

            if (ngx_websocket_check_field(type, field, value, &place, depth,
                                          error)
                != NGX_WEBSOCKET_JSON_OK)
            {
                return NGX_WEBSOCKET_JSON_REFUSED;
            }

        } else if (field->required) {
            return ngx_websocket_json_refuse(error, &place, "is required");
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/*
 * Of an object with few members the numbers of the fields that it has, in
 * their order, if none is missing: a message may be of thousands of objects,
 * and their type of hundreds of fields.  Returns how many there are, or those
 * of the type: all are to be looked at.
 */

static size_t
ngx_websocket_check_few(const ngx_websocket_type_t *type, const json_t *json,
    size_t *few)
{
    void                         *member;
    size_t                        i, n, at, required;
    const ngx_websocket_field_t  *field;

    if (type->count < NGX_WEBSOCKET_CHECK_MANY
        || json_object_size(json) > NGX_WEBSOCKET_CHECK_FEW)
    {
        return type->count;
    }

    n = 0;
    required = 0;

    for (member = json_object_iter((json_t *) json);
         member;
         member = json_object_iter_next((json_t *) json, member))
    {
        field = ngx_websocket_type_find_field(type,
                                           json_object_iter_key(member),
                                           json_object_iter_key_len(member));
        if (field == NULL) {
            continue;
        }

        at = (size_t) (field - type->fields);
        required += field->required;

        for (i = n++; i > 0 && few[i - 1] > at; i--) {
            few[i] = few[i - 1];
        }

        few[i] = at;
    }

    return required == type->required ? n : type->count;
}


/*
 * The members that neither type has: tells the first one, unless there may be
 * additional ones.
 */

static ngx_websocket_json_e
ngx_websocket_check_rest(const ngx_websocket_type_t *type,
    const ngx_websocket_type_t *variant, const json_t *json,
    const ngx_websocket_json_place_t *parent, int depth,
    ngx_websocket_json_error_t *error)
{
    void                         *member;
    const ngx_websocket_type_t   *last;
    ngx_websocket_json_place_t    place;

    last = ngx_websocket_check_last(type, variant);

    if (last->additional && last->rest == NULL) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    place.parent = parent;

    for (member = json_object_iter((json_t *) json);
         member;
         member = json_object_iter_next((json_t *) json, member))
    {
        place.name = json_object_iter_key(member);
        place.size = json_object_iter_key_len(member);

        if (ngx_websocket_check_named(type, variant, place.name, place.size)) {
            continue;
        }

        if (!last->additional) {
            return ngx_websocket_json_refuse(error, &place,
                                             "is not a field of %s",
                                             last->name);
        }

        if (ngx_websocket_check_field(last, last->rest,
                                      json_object_iter_value(member), &place,
                                      depth, error)
            != NGX_WEBSOCKET_JSON_OK)
        {
            return NGX_WEBSOCKET_JSON_REFUSED;
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* the one of both that says what members are that neither has */

static const ngx_websocket_type_t *
ngx_websocket_check_last(const ngx_websocket_type_t *type,
    const ngx_websocket_type_t *variant)
{
    return variant && !type->additional ? variant : type;
}


static int
ngx_websocket_check_named(const ngx_websocket_type_t *type,
    const ngx_websocket_type_t *variant, const char *name, size_t size)
{
    return ngx_websocket_type_find_field(type, name, size) != NULL
           || (variant
               && ngx_websocket_type_find_field(variant, name, size) != NULL);
}


ngx_websocket_json_e
ngx_websocket_check_field(const ngx_websocket_type_t *type,
    const ngx_websocket_field_t *field, const json_t *json,
    const ngx_websocket_json_place_t *place, int depth,
    ngx_websocket_json_error_t *error)
{
    ngx_websocket_json_number_t  number;

    if (json_is_null(json) && field->nullable) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (ngx_websocket_check_shape(&field->shape, json, place, depth, error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    switch (field->shape.kind) {

    case NGX_WEBSOCKET_KIND_INTEGER:
    case NGX_WEBSOCKET_KIND_NUMBER:
        number = ngx_websocket_json_number(json);

        return ngx_websocket_check_bounds(field, &number, "", place, error);

    case NGX_WEBSOCKET_KIND_STRING:
        return ngx_websocket_check_string(type, field, json, place, error);

    case NGX_WEBSOCKET_KIND_BOOLEAN:

        if (field->values && json_is_true(json) != (*field->values == 't')) {
            return ngx_websocket_json_refuse(error, place, "expected %s",
                                             field->values);
        }

        return NGX_WEBSOCKET_JSON_OK;

    case NGX_WEBSOCKET_KIND_ARRAY:
        return ngx_websocket_check_array(field, json, place, depth, error);

    case NGX_WEBSOCKET_KIND_OBJECT:
        return ngx_websocket_check_map(type, field, json, place, depth, error);

    default:
        return NGX_WEBSOCKET_JSON_OK;
    }
}


/* how many members an object has, and what each is */

static ngx_websocket_json_e
ngx_websocket_check_map(const ngx_websocket_type_t *type,
    const ngx_websocket_field_t *field, const json_t *json,
    const ngx_websocket_json_place_t *parent, int depth,
    ngx_websocket_json_error_t *error)
{
    void                         *member;
    ngx_websocket_json_place_t    place;
    ngx_websocket_json_number_t   number;

    number.is_real = 0;
    number.integer = (int64_t) json_object_size(json);

    if (ngx_websocket_check_bounds(field, &number, " member", parent, error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    if (field->each == NULL) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    place.parent = parent;

    for (member = json_object_iter((json_t *) json);
         member;
         member = json_object_iter_next((json_t *) json, member))
    {
        place.name = json_object_iter_key(member);
        place.size = json_object_iter_key_len(member);

        if (ngx_websocket_check_field(type, field->each,
                                      json_object_iter_value(member), &place,
                                      depth, error)
            != NGX_WEBSOCKET_JSON_OK)
        {
            return NGX_WEBSOCKET_JSON_REFUSED;
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


static ngx_websocket_json_e
ngx_websocket_check_shape(const ngx_websocket_shape_t *shape,
    const json_t *json, const ngx_websocket_json_place_t *place, int depth,
    ngx_websocket_json_error_t *error)
{
    if (!ngx_websocket_check_kind(shape->kind, json)) {
        return ngx_websocket_json_refuse(error, place, "expected %s, got %s",
                                         ngx_websocket_kinds[shape->kind],
                                         ngx_websocket_json_kind(json));
    }

    if (shape->of) {
        return ngx_websocket_check_object(shape->of, json, place, depth + 1,
                                          error);
    }

    return NGX_WEBSOCKET_JSON_OK;
}


static int
ngx_websocket_check_kind(ngx_websocket_kind_e kind, const json_t *json)
{
    double  real;

    switch (kind) {

    case NGX_WEBSOCKET_KIND_STRING:
        return json_is_string(json);

    case NGX_WEBSOCKET_KIND_INTEGER:

        if (!json_is_real(json)) {
            return json_is_integer(json);
        }

        /* beyond 2^53 all doubles are without a fraction */

        real = json_real_value(json);

        return real >= -9007199254740992.0 && real <= 9007199254740992.0
               && real == (double) (int64_t) real;

    case NGX_WEBSOCKET_KIND_NUMBER:
        return json_is_number(json);

    case NGX_WEBSOCKET_KIND_BOOLEAN:
        return json_is_boolean(json);

    case NGX_WEBSOCKET_KIND_ARRAY:
        return json_is_array(json);

    case NGX_WEBSOCKET_KIND_OBJECT:
        return json_is_object(json);

    default:
        return 1;
    }
}


/* number is a value, or how many of a unit (" character") there are */

static ngx_websocket_json_e
ngx_websocket_check_bounds(const ngx_websocket_field_t *field,
    const ngx_websocket_json_number_t *number, const char *unit,
    const ngx_websocket_json_place_t *place, ngx_websocket_json_error_t *error)
{
    const char                   *limit;
    const ngx_websocket_bound_t  *bound;

    if (field->min.set
        && ngx_websocket_json_compare(number, &field->min.number) < 0)
    {
        bound = &field->min;
        limit = "least";

    } else if (field->max.set
               && ngx_websocket_json_compare(number, &field->max.number) > 0)
    {
        bound = &field->max;
        limit = "most";

    } else {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (bound->number.is_real) {
        return ngx_websocket_json_refuse(error, place, "expected at %s %.15g",
                                         limit, bound->number.real);
    }

    return ngx_websocket_json_refuse(error, place, "expected at %s %lld%s%s",
                                     limit, (long long) bound->number.integer,
                                     unit,
                                     *unit && bound->number.integer != 1
                                     ? "s" : "");
}


static ngx_websocket_json_e
ngx_websocket_check_string(const ngx_websocket_type_t *type,
    const ngx_websocket_field_t *field, const json_t *json,
    const ngx_websocket_json_place_t *place, ngx_websocket_json_error_t *error)
{
    int                           rc;
    size_t                        size;
    const char                   *text;
    ngx_websocket_json_number_t   number;

    text = json_string_value(json);
    size = json_string_length(json);

    if (field->min.set || field->max.set) {
        number.is_real = 0;
        number.integer = ngx_websocket_check_characters(text, size);

        if (ngx_websocket_check_bounds(field, &number, " character", place,
                                       error)
            != NGX_WEBSOCKET_JSON_OK)
        {
            return NGX_WEBSOCKET_JSON_REFUSED;
        }
    }

    if (field->values && !ngx_websocket_check_enum(field, text, size)) {
        return ngx_websocket_json_refuse(error, place, "expected one of %s",
                                         field->values);
    }

    if (field->format && !field->format->check(text, size)) {
        return ngx_websocket_json_refuse(error, place, "is not a valid %s",
                                         field->format->name);
    }

    if (field->regex) {
        rc = type->maker.match(type->maker.data, field->regex, text, size);

        if (rc != 1) {
            return ngx_websocket_json_refuse(error, place, rc == 0
                                            ? "does not match its pattern"
                                            : "cannot be matched against its "
                                              "pattern");
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* all bytes of UTF-8 but those that continue a character */

static int64_t
ngx_websocket_check_characters(const char *text, size_t size)
{
    size_t   i;
    int64_t  n;

    for (i = 0, n = 0; i < size; i++) {
        n += (text[i] & 0xc0) != 0x80;
    }

    return n;
}


int
ngx_websocket_check_enum(const ngx_websocket_field_t *field, const char *text,
    size_t size)
{
    ngx_websocket_word_t  word;

    word.data = text;
    word.size = size;

    return bsearch(&word, field->words, field->words_count,
                   sizeof(ngx_websocket_word_t), ngx_websocket_word_order)
           != NULL;
}


int
ngx_websocket_word_order(const void *one, const void *two)
{
    const ngx_websocket_word_t *a = one;
    const ngx_websocket_word_t *b = two;

    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }

    return memcmp(a->data, b->data, a->size);
}


static ngx_websocket_json_e
ngx_websocket_check_array(const ngx_websocket_field_t *field,
    const json_t *json, const ngx_websocket_json_place_t *parent, int depth,
    ngx_websocket_json_error_t *error)
{
    size_t                       n;
    ngx_websocket_json_place_t   place;
    ngx_websocket_json_number_t  number;

    n = json_array_size(json);

    number.is_real = 0;
    number.integer = (int64_t) n;

    if (ngx_websocket_check_bounds(field, &number, " item", parent, error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    if (field->items.kind == NGX_WEBSOCKET_KIND_ANY) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    place.parent = parent;
    place.name = NULL;

    for (place.size = 0; place.size < n; place.size++) {

        if (ngx_websocket_check_shape(&field->items,
                                      json_array_get(json, place.size),
                                      &place, depth, error)
            != NGX_WEBSOCKET_JSON_OK)
        {
            return NGX_WEBSOCKET_JSON_REFUSED;
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


int
ngx_websocket_type_defaults(const ngx_websocket_type_t *type, json_t *message,
    size_t max)
{
    return ngx_websocket_defaults_object(type, message, &max);
}


/* this recursion is as deep as the check of the same message was */

static int
ngx_websocket_defaults_object(const ngx_websocket_type_t *type, json_t *json,
    size_t *left)
{
    int                          n, more, given;
    const ngx_websocket_type_t  *variant;

    if (!type->defaults) {
        return 0;
    }

    variant = ngx_websocket_type_variant(type, json);
    given = ngx_websocket_defaults_fields(type, json, left);

    if (given < 0) {
        return given;
    }

    n = variant ? ngx_websocket_defaults_fields(variant, json, left) : 0;

    if (n < 0) {
        return n;
    }

    more = ngx_websocket_defaults_rest(type, variant, json, left);

    return more < 0 ? more : given + n + more;
}


static int
ngx_websocket_defaults_fields(const ngx_websocket_type_t *type, json_t *json,
    size_t *left)
{
    int                           n, given;
    json_t                       *value;
    size_t                        i, count, few[NGX_WEBSOCKET_CHECK_FEW];
    const ngx_websocket_field_t  *field;

    count = ngx_websocket_check_few(type, json, few);

    for (i = 0, given = 0; i < count; i++) {

        field = &type->fields[count == type->count ? i : few[i]];
        value = json_object_getn(json, field->name, field->size);
        n = value ? ngx_websocket_defaults_value(field, value, left) : 0;

        if (n < 0) {
            return n;
        }

        given += n;
    }

    for (i = 0; i < type->givers_count; i++) {

        field = &type->fields[type->givers[i]];

        if (json_object_getn(json, field->name, field->size)) {
            continue;
        }

        n = ngx_websocket_defaults_give(field, json, left);

        if (n < 0) {
            return n;
        }

        given += n;
    }

    return given;
}


/* within the members that have no names in the types */

static int
ngx_websocket_defaults_rest(const ngx_websocket_type_t *type,
    const ngx_websocket_type_t *variant, json_t *json, size_t *left)
{
    int                           n, given;
    void                         *member;
    const ngx_websocket_field_t  *rest;

    rest = ngx_websocket_check_last(type, variant)->rest;

    if (rest == NULL || (rest->shape.of == NULL && rest->items.of == NULL)) {
        return 0;
    }

    for (member = json_object_iter(json), given = 0;
         member;
         member = json_object_iter_next(json, member))
    {
        if (ngx_websocket_check_named(type, variant,
                                      json_object_iter_key(member),
                                      json_object_iter_key_len(member)))
        {
            continue;
        }

        n = ngx_websocket_defaults_value(rest, json_object_iter_value(member),
                                         left);
        if (n < 0) {
            return n;
        }

        given += n;
    }

    return given;
}


/*
 * The size is checked before a default is copied: thousands of objects of an
 * array may get it.
 */

static int
ngx_websocket_defaults_give(const ngx_websocket_field_t *field, json_t *json,
    size_t *left)
{
    json_t  *value;

    if (field->given > *left) {
        return NGX_WEBSOCKET_TYPE_MORE;
    }

    *left -= field->given;

    value = json_deep_copy(field->value);

    if (value == NULL
        || json_object_setn_new_nocheck(json, field->name, field->size, value)
           != 0)
    {
        return -1;
    }

    return 1;
}


int
ngx_websocket_defaults_value(const ngx_websocket_field_t *field, json_t *json,
    size_t *left)
{
    int     n, given;
    size_t  i;

    if (field->shape.of && json_is_object(json)) {
        return ngx_websocket_defaults_object(field->shape.of, json, left);
    }

    if (field->items.of == NULL) {
        return 0;
    }

    for (i = 0, given = 0; i < json_array_size(json); i++) {

        n = ngx_websocket_defaults_object(field->items.of,
                                          json_array_get(json, i), left);
        if (n < 0) {
            return n;
        }

        given += n;
    }

    return given;
}
