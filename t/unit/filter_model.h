
/* Filters as filter.h tells them: slow, and without a second thought. */


#ifndef NGX_WEBSOCKET_FILTER_MODEL_H
#define NGX_WEBSOCKET_FILTER_MODEL_H


#include <string.h>

#include <jansson.h>

#include "message/filter.h"


static int model_filter(json_t *filter, json_t *message,
    const ngx_websocket_tag_t *tags, size_t n);


/* a new reference to what a path leads to, or NULL */

static json_t *
model_field(const char *path, json_t *message,
    const ngx_websocket_tag_t *tags, size_t n)
{
    char     name[4096];
    size_t   i, size;

    if (strncmp(path, "tags.", 5) == 0) {

        for (i = 0; i < n; i++) {

            if (tags[i].name_size == strlen(path + 5)
                && memcmp(tags[i].name, path + 5, tags[i].name_size) == 0)
            {
                return json_stringn_nocheck(tags[i].value, tags[i].value_size);
            }
        }

        return NULL;
    }

    for ( ;; ) {
        size = strcspn(path, ".");

        memcpy(name, path, size);
        name[size] = '\0';
        message = json_object_get(message, name);

        if (path[size] == '\0') {
            return json_incref(message);
        }

        path += size + 1;
    }
}


/* -1, 0, 1; 2: neither less nor equal nor greater */

static int
model_compare(json_t *a, json_t *b)
{
    int          rc;
    long double  x, y;

    if (json_is_string(a) && json_is_string(b)) {
        rc = strcmp(json_string_value(a), json_string_value(b));
        return (rc > 0) - (rc < 0);
    }

    if (json_is_number(a) && json_is_number(b)) {

        /* 64 bits of mantissa hold every integer and every double */

        x = json_is_integer(a) ? (long double) json_integer_value(a)
                               : json_real_value(a);
        y = json_is_integer(b) ? (long double) json_integer_value(b)
                               : json_real_value(b);
        return (x > y) - (x < y);
    }

    return 2;
}


static int
model_equal(json_t *a, json_t *b)
{
    if (json_typeof(a) == json_typeof(b)
        && (json_is_boolean(a) || json_is_null(a)))
    {
        return 1;
    }

    return model_compare(a, b) == 0;
}


static int
model_test(const char *op, json_t *field, json_t *value)
{
    int          rc;
    size_t       i;
    const char  *prefix;

    if (strcmp(op, "exists") == 0) {
        return (field != NULL) == json_is_true(value);
    }

    if (field == NULL) {
        return 0;
    }

    if (strcmp(op, "eq") == 0) {
        return model_equal(field, value);
    }

    if (strcmp(op, "ne") == 0) {
        return !model_equal(field, value);
    }

    if (strcmp(op, "in") == 0) {

        for (i = 0; i < json_array_size(value); i++) {

            if (model_equal(field, json_array_get(value, i))) {
                return 1;
            }
        }

        return 0;
    }

    if (strcmp(op, "prefix") == 0) {
        prefix = json_string_value(value);

        return json_is_string(field)
               && strncmp(json_string_value(field), prefix, strlen(prefix))
                  == 0;
    }

    if (strcmp(op, "suffix") == 0) {
        prefix = json_string_value(value);

        return json_is_string(field)
               && json_string_length(field) >= strlen(prefix)
               && strcmp(json_string_value(field) + json_string_length(field)
                         - strlen(prefix), prefix)
                  == 0;
    }

    if (strcmp(op, "contains") == 0) {
        return json_is_string(field)
               && strstr(json_string_value(field), json_string_value(value));
    }

    rc = model_compare(field, value);

    return rc != 2
           && ((op[0] == 'g' && rc > 0) || (op[0] == 'l' && rc < 0)
               || (op[2] == 'e' && rc == 0));
}


/* the number that a tag is compared as, or NULL */

static json_t *
model_decimal(const char *name, const char *op, json_t *field, json_t *value)
{
    ngx_websocket_json_number_t  number;

    if (strncmp(name, "tags.", 5) != 0 || !json_is_number(value)
        || (op[0] != 'g' && op[0] != 'l')
        || !json_is_string(field)
        || !ngx_websocket_filter_decimal(json_string_value(field),
                                         json_string_length(field), &number))
    {
        return NULL;
    }

    return number.is_real ? json_real(number.real)
                          : json_integer(number.integer);
}


static int
model_member(const char *name, json_t *value, json_t *message,
    const ngx_websocket_tag_t *tags, size_t n)
{
    int          passed;
    json_t      *field, *other, *number;
    size_t       i;
    const char  *op;

    if (strcmp(name, "and") == 0 || strcmp(name, "or") == 0) {

        for (i = 0, passed = 0; i < json_array_size(value); i++) {
            passed += model_filter(json_array_get(value, i), message, tags, n);
        }

        return name[0] == 'o' ? passed > 0 : passed == (int) i;
    }

    if (strcmp(name, "not") == 0) {
        return !model_filter(value, message, tags, n);
    }

    field = model_field(name, message, tags, n);
    passed = 1;

    if (!json_is_object(value)) {
        passed = model_test(json_is_array(value) ? "in" : "eq", field, value);
    }

    json_object_foreach(value, op, other) {
        number = model_decimal(name, op, field, other);
        passed &= model_test(op, number ? number : field, other);
        json_decref(number);
    }

    json_decref(field);

    return passed;
}


/* whether a message passes a filter that can be compiled */

static int
model_filter(json_t *filter, json_t *message, const ngx_websocket_tag_t *tags,
    size_t n)
{
    int          passed;
    json_t      *value;
    const char  *name;

    passed = 1;

    json_object_foreach(filter, name, value) {
        passed &= model_member(name, value, message, tags, n);
    }

    return passed;
}


#endif /* NGX_WEBSOCKET_FILTER_MODEL_H */
