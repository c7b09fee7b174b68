
#include <string.h>

#include "message/filter_expect.h"
#include "message/filter_private.h"
#include "message/type_check.h"


static int ngx_websocket_filter_other(
    const ngx_websocket_filter_scope_t *scope, const char *path);
static int ngx_websocket_filter_is(ngx_websocket_kind_e kind,
    const json_t *json);


ngx_websocket_json_e
ngx_websocket_filter_expect(const ngx_websocket_filter_scope_t *scope,
    const ngx_websocket_json_place_t *place,
    const ngx_websocket_field_t **field, ngx_websocket_json_error_t *error)
{
    const char                  *wrong;
    const ngx_websocket_type_t  *type;

    *field = NULL;

    if (scope->view
        && !ngx_websocket_view_shows(scope->view, place->name, place->size))
    {
        return ngx_websocket_json_refuse(error, place, "is not in view %s",
                                         ngx_websocket_view_name(scope->view));
    }

    if (ngx_websocket_filter_other(scope, place->name)) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    type = scope->type;
    wrong = ngx_websocket_type_path(&type, place->name, field);

    if (wrong && *field) {
        return ngx_websocket_json_refuse(error, place, "%s", wrong);
    }

    if (wrong) {
        return ngx_websocket_json_refuse(error, place, "is not a field of %s",
                                         ngx_websocket_type_name(type));
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* whatever the type says of such a name, it holds only before the message
   gets it */

static int
ngx_websocket_filter_other(const ngx_websocket_filter_scope_t *scope,
    const char *path)
{
    size_t  i, size;

    size = strcspn(path, ".");

    for (i = 0; i < scope->others_count; i++) {

        if (scope->others[i].size == size
            && memcmp(scope->others[i].data, path, size) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_websocket_json_e
ngx_websocket_filter_fits(const ngx_websocket_field_t *field,
    ngx_websocket_test_e op, const json_t *json,
    const ngx_websocket_json_place_t *place,
    ngx_websocket_json_error_t *error)
{
    int                   equal;
    ngx_websocket_kind_e  kind;

    if (field == NULL || field->shape.kind == NGX_WEBSOCKET_KIND_ANY
        || op == NGX_WEBSOCKET_TEST_NE || op == NGX_WEBSOCKET_TEST_EXISTS
        || (json_is_null(json) && field->nullable))
    {
        return NGX_WEBSOCKET_JSON_OK;
    }

    kind = field->shape.kind;
    equal = op == NGX_WEBSOCKET_TEST_EQ || op == NGX_WEBSOCKET_TEST_IN;

    if (kind == NGX_WEBSOCKET_KIND_ARRAY || kind == NGX_WEBSOCKET_KIND_OBJECT
        || (kind == NGX_WEBSOCKET_KIND_BOOLEAN && !equal))
    {
        return ngx_websocket_json_refuse(error, place,
                                         "never holds for kind %s",
                                         ngx_websocket_kinds[kind]);
    }

    if (!ngx_websocket_filter_is(kind, json)) {
        return ngx_websocket_json_refuse(error, place, "expected %s, got %s",
                                         ngx_websocket_kinds[kind],
                                         ngx_websocket_json_kind(json));
    }

    if (equal && field->values && kind == NGX_WEBSOCKET_KIND_STRING
        && !ngx_websocket_check_enum(field, json_string_value(json),
                                     json_string_length(json)))
    {
        return ngx_websocket_json_refuse(error, place, "expected one of %s",
                                         field->values);
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* numbers compare with integers, whatever their fraction */

static int
ngx_websocket_filter_is(ngx_websocket_kind_e kind, const json_t *json)
{
    switch (kind) {

    case NGX_WEBSOCKET_KIND_STRING:
        return json_is_string(json);

    case NGX_WEBSOCKET_KIND_BOOLEAN:
        return json_is_boolean(json);

    default: /* NGX_WEBSOCKET_KIND_INTEGER, NGX_WEBSOCKET_KIND_NUMBER */
        return json_is_number(json);
    }
}
