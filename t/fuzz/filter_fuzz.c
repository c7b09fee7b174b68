
/*
 * Filters: a filter, a message, and tags ("k=v,k=v"), with zeros between.
 * What is compiled, and which messages pass, is held against a second account
 * of both.  A filter that is refused for what a type's messages are must match
 * none of them.
 */

#include "fuzz.h"
#include "filter_model.h"
#include "message/json.c"
#include "message/scan.c"
#include "message/format.c"
#include "message/view.c"
#include "message/type.c"
#include "message/type_by.c"
#include "message/type_check.c"
#include "message/filter.c"
#include "message/filter_compile.c"
#include "message/filter_expect.c"


#define TAGS  4


static const ngx_websocket_filter_limits_t  limits = { 40, 40, 5, 400 };

static const ngx_websocket_json_limits_t  json_limits = { 65536, 64, 4096 };


static int valid_filter(json_t *filter);


static int
valid_path(const char *path)
{
    int     names;
    size_t  n;

    for (names = 1; ; names++) {
        n = strcspn(path, ".");

        if (n == 0) {
            return 0;
        }

        if (path[n] == '\0') {
            return names <= NGX_WEBSOCKET_FILTER_PATH;
        }

        path += n + 1;
    }
}


static int
is_scalar(json_t *value)
{
    return !json_is_array(value) && !json_is_object(value);
}


static int
valid_set(json_t *values)
{
    size_t  i;

    for (i = 0; i < json_array_size(values); i++) {

        if (!is_scalar(json_array_get(values, i))) {
            return 0;
        }
    }

    return json_is_array(values);
}


static int
valid_comparison(const char *op, json_t *value)
{
    if (!strcmp(op, "eq") || !strcmp(op, "ne")) {
        return is_scalar(value);
    }

    if (!strcmp(op, "gt") || !strcmp(op, "gte") || !strcmp(op, "lt")
        || !strcmp(op, "lte"))
    {
        return json_is_number(value) || json_is_string(value);
    }

    return (!strcmp(op, "in") && valid_set(value))
           || ((!strcmp(op, "prefix") || !strcmp(op, "suffix")
                || !strcmp(op, "contains"))
               && json_is_string(value))
           || (!strcmp(op, "exists") && json_is_boolean(value));
}


static int
valid_member(const char *name, json_t *value)
{
    int          valid;
    json_t      *other;
    size_t       i;
    const char  *op;

    if (!strcmp(name, "and") || !strcmp(name, "or")) {
        valid = json_array_size(value) > 0;

        for (i = 0; i < json_array_size(value); i++) {
            valid &= valid_filter(json_array_get(value, i));
        }

        return valid;
    }

    if (!strcmp(name, "not")) {
        return valid_filter(value);
    }

    if (!valid_path(name)) {
        return 0;
    }

    if (!json_is_object(value)) {
        return is_scalar(value) || valid_set(value);
    }

    valid = json_object_size(value) > 0;

    json_object_foreach(value, op, other) {
        valid &= valid_comparison(op, other);
    }

    return valid;
}


static int
valid_filter(json_t *filter)
{
    int          valid;
    json_t      *value;
    const char  *name;

    valid = json_is_object(filter);

    json_object_foreach(filter, name, value) {
        valid &= valid_member(name, value);
    }

    return valid;
}


/* all of its members must be true, and none is true of what is not there */

static int
is_conjunction(json_t *filter)
{
    json_t      *value;
    const char  *name;

    json_object_foreach(filter, name, value) {

        if (!strcmp(name, "and") || !strcmp(name, "or")
            || !strcmp(name, "not") || json_object_get(value, "exists"))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_websocket_type_t *
type_of(void)
{
    char                        error[200];
    size_t                      i, n;
    ngx_websocket_type_t       *type;

    static const char *const  fields[][4] = {
        { "a", "string", "enum=x|b|error" }, { "b", "integer", "nullable" },
        { "c", "number" }, { "d", "boolean" }, { "e", "array" },
        { "f", "object" }, { "g", "any" },
        { "level", "string", "enum=error|warn" }, { "value", "number" }
    };

    static const ngx_websocket_type_maker_t  maker;

    type = ngx_websocket_type_create("m", &maker, error, sizeof(error));
    fuzz_check(type != NULL);

    for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {

        for (n = 0; n < 4 && fields[i][n]; n++) {
            /* void */
        }

        fuzz_check(ngx_websocket_type_field(type, fields[i], n, error,
                                            sizeof(error))
                   == 0);
    }

    return type;
}


/* the same filter and message, where the messages' type is known */

static void
check_typed(ngx_websocket_filters_t *filters, json_t *json, json_t *message,
    ngx_websocket_tag_t *tags, size_t n)
{
    ngx_websocket_json_e           rc;
    ngx_websocket_filter_t        *filter;
    ngx_websocket_json_error_t     error;
    ngx_websocket_filter_scope_t   scope;

    static const ngx_websocket_stamp_name_t  others[] = { { "from", 4 } };

    static ngx_websocket_type_t   *type;

    if (type == NULL) {
        type = type_of();
    }

    scope.view = NULL;
    scope.type = type;
    scope.others = others;
    scope.others_count = 1;

    rc = ngx_websocket_filter_compile(filters, json, &scope, &filter, &error);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        ngx_websocket_filter_release(filters, filter);
        return;
    }

    if (message == NULL || !is_conjunction(json)
        || ngx_websocket_type_check(type, message, &error)
           != NGX_WEBSOCKET_JSON_OK)
    {
        return;
    }

    fuzz_check(model_filter(json, message, tags, n) == 0);

    json_object_set_new(message, "from", json_string("x"));
    fuzz_check(model_filter(json, message, tags, n) == 0);
    json_object_del(message, "from");
}


/* the next part of the input, up to a zero */

static size_t
part(const uint8_t **p, size_t *n)
{
    size_t          size;
    const uint8_t  *zero;

    zero = *n ? memchr(*p, '\0', *n) : NULL;
    size = zero ? (size_t) (zero - *p) : *n;

    *p += size + (zero != NULL);
    *n -= size + (zero != NULL);

    return size;
}


static size_t
read_tags(char *text, ngx_websocket_tag_t *tags)
{
    size_t  n;

    for (n = 0; n < TAGS && *text; n++) {
        tags[n].name = text;
        tags[n].name_size = strcspn(text, "=,");
        text += tags[n].name_size + (text[tags[n].name_size] == '=');
        tags[n].value = text;
        tags[n].value_size = strcspn(text, ",");
        text += tags[n].value_size + (text[tags[n].value_size] == ',');
    }

    return n;
}


static void
check(json_t *json, json_t *message, ngx_websocket_tag_t *tags, size_t n)
{
    unsigned                     i;
    ngx_websocket_json_e         rc;
    ngx_websocket_filter_t      *filter, *again;
    ngx_websocket_filters_t     *filters;
    ngx_websocket_json_error_t   error;

    filters = ngx_websocket_filters_create(&limits);
    fuzz_check(filters != NULL);

    rc = ngx_websocket_filter_compile(filters, json, NULL, &filter, &error);

    if (rc == NGX_WEBSOCKET_JSON_REFUSED) {
        fuzz_check(strstr(error.rule, "more than") || !valid_filter(json));

    } else {
        fuzz_check(rc == NGX_WEBSOCKET_JSON_OK && valid_filter(json));

        fuzz_check(ngx_websocket_filters_begin(filters) == 0);
        ngx_websocket_filters_message(filters, 0, message, tags, n);
        fuzz_check(ngx_websocket_filters_begin(filters) == 1);
        ngx_websocket_filters_message(filters, 1, NULL, tags, n);
        fuzz_check(ngx_websocket_filters_begin(filters) == 2);
        ngx_websocket_filters_message(filters, 2, message, NULL, 0);

        /* evaluated, then known */

        for (i = 0; i < 6; i++) {
            fuzz_check(ngx_websocket_filter_match(filters, filter, i % 3)
                       == model_filter(json, i % 3 == 1 ? NULL : message,
                                       tags, i % 3 == 2 ? 0 : n));
        }

        rc = ngx_websocket_filter_compile(filters, json, NULL, &again, &error);
        fuzz_check(rc == NGX_WEBSOCKET_JSON_OK && again == filter);

        ngx_websocket_filters_forget(filters);
        fuzz_check(ngx_websocket_filters_begin(filters) == 0);
        ngx_websocket_filters_message(filters, 0, NULL, tags, n);
        fuzz_check(ngx_websocket_filter_match(filters, filter, 0)
                   == model_filter(json, NULL, tags, n));

        ngx_websocket_filter_release(filters, filter);
        ngx_websocket_filter_release(filters, filter);

        check_typed(filters, json, message, tags, n);
    }

    fuzz_check(filters->slots_used == 0 && filters->filters_count == 0);

    ngx_websocket_filters_destroy(filters);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char                        *text;
    json_t                      *filter, *message;
    size_t                       size;
    const uint8_t               *begin;
    ngx_websocket_tag_t          tags[TAGS];
    ngx_websocket_json_error_t   error;

    filter = NULL;
    message = NULL;

    begin = p;
    size = part(&p, &n);
    (void) ngx_websocket_json_decode((const char *) begin, size, &json_limits,
                                     &filter, &error);
    begin = p;
    size = part(&p, &n);
    (void) ngx_websocket_json_decode((const char *) begin, size, &json_limits,
                                     &message, &error);

    text = calloc(1, n + 1);
    fuzz_check(text != NULL);
    memcpy(text, p, n);

    if (filter) {
        check(filter, message, tags, read_tags(text, tags));
    }

    free(text);
    json_decref(filter);
    json_decref(message);

    return 0;
}
