
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/schema.h"
#include "message/schema_field.h"
#include "message/schema_one_of.h"
#include "message/schema_private.h"


static json_t *ngx_websocket_schema_parse(const char *text, size_t size,
    ngx_websocket_schema_error_t *error);
static int ngx_websocket_schema_root(ngx_websocket_schema_t *root,
    const char *name);
static char *ngx_websocket_schema_pointer(char *p, char *last,
    const ngx_websocket_json_place_t *place);
static int ngx_websocket_schema_kind(ngx_websocket_schema_t *schema);
static void ngx_websocket_schema_implied(ngx_websocket_schema_t *schema);
static int ngx_websocket_schema_keywords(const ngx_websocket_schema_t *schema,
    unsigned where);
static int ngx_websocket_schema_additional(
    const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object);
static json_t *ngx_websocket_schema_required(
    const ngx_websocket_schema_t *schema);
static int ngx_websocket_schema_properties(
    const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object, json_t *required);
static int ngx_websocket_schema_views(const ngx_websocket_schema_t *root,
    ngx_websocket_type_t *type);
static int ngx_websocket_schema_view(const ngx_websocket_schema_t *views,
    ngx_websocket_type_t *type, const char *name, json_t *fields);


int
ngx_websocket_schema_make(const char *text, size_t size, const char *name,
    const ngx_websocket_schema_host_t *host,
    ngx_websocket_schema_error_t *error)
{
    int                            rc;
    ngx_websocket_schema_t         root;
    ngx_websocket_schema_object_t  none;

    memset(&none, 0, sizeof(none));
    memset(&root, 0, sizeof(root));

    none.host = host;
    none.error = error;
    root.object = &none;
    root.json = ngx_websocket_schema_parse(text, size, error);

    if (root.json == NULL) {
        return -1;
    }

    rc = ngx_websocket_schema_root(&root, name);

    json_decref(root.json);

    return rc;
}


static json_t *
ngx_websocket_schema_parse(const char *text, size_t size,
    ngx_websocket_schema_error_t *error)
{
    json_t        *json;
    json_error_t   at;

    error->place[0] = '\0';

    if (size > NGX_WEBSOCKET_SCHEMA_SIZE) {
        (void) snprintf(error->reason, sizeof(error->reason),
                        "is larger than %d bytes", NGX_WEBSOCKET_SCHEMA_SIZE);
        return NULL;
    }

    /* jansson passes over some zero bytes, so that all are refused here */

    if (memchr(text, '\0', size)) {
        (void) snprintf(error->reason, sizeof(error->reason),
                        "has a zero byte");
        return NULL;
    }

    json = json_loadb(text, size, JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, &at);

    if (json == NULL) {
        (void) snprintf(error->place, sizeof(error->place),
                        "line %d, column %d", at.line, at.column);
        (void) snprintf(error->reason, sizeof(error->reason),
                        "is not JSON: %s", at.text);
    }

    return json;
}


static int
ngx_websocket_schema_root(ngx_websocket_schema_t *root, const char *name)
{
    ngx_websocket_type_t  *type;

    if (ngx_websocket_schema_init(root, NGX_WEBSOCKET_SCHEMA_ROOT) != 0) {
        return -1;
    }

    if (root->kind != NGX_WEBSOCKET_KIND_OBJECT || root->nullable) {
        return ngx_websocket_schema_wrong(root, NULL,
                                          "\"type\" must be \"object\": a "
                                          "message is one");
    }

    if (ngx_websocket_schema_object(root, name, &type) != 0) {
        return -1;
    }

    return ngx_websocket_schema_views(root, type);
}


int
ngx_websocket_schema_wrong(const ngx_websocket_schema_t *schema,
    const char *key, const char *format, ...)
{
    char                          *p, *last;
    va_list                        args;
    ngx_websocket_json_place_t     place;
    ngx_websocket_schema_error_t  *error;

    error = schema->object->error;
    last = error->place + sizeof(error->place) - 1;

    p = ngx_websocket_schema_pointer(error->place, last, schema->place);

    if (key) {
        place.parent = NULL;
        place.name = key;
        place.size = strlen(key);
        p = ngx_websocket_schema_pointer(p, last, &place);
    }

    *p = '\0';

    va_start(args, format);
    (void) vsnprintf(error->reason, sizeof(error->reason), format, args);
    va_end(args);

    return -1;
}


/*
 * Goes as deep as the chain: three places for each of
 * NGX_WEBSOCKET_TYPE_DEPTH objects.
 */

static char *
ngx_websocket_schema_pointer(char *p, char *last,
    const ngx_websocket_json_place_t *place)
{
    char         index[24];
    size_t       i, n;
    const char  *name;

    if (place == NULL) {
        return p;
    }

    p = ngx_websocket_schema_pointer(p, last, place->parent);

    name = place->name;
    n = place->size;

    if (name == NULL) {
        n = (size_t) snprintf(index, sizeof(index), "%zu", place->size);
        name = index;
    }

    if (p < last) {
        *p++ = '/';
    }

    for (i = 0; i < n && last - p >= 2; i++) {

        switch (name[i]) {

        case '~':
            *p++ = '~';
            *p++ = '0';
            break;

        case '/':
            *p++ = '~';
            *p++ = '1';
            break;

        default:
            *p++ = (unsigned char) name[i] < ' ' ? '?' : name[i];
            break;
        }
    }

    return p;
}


int
ngx_websocket_schema_init(ngx_websocket_schema_t *schema, unsigned where)
{
    if (!json_is_object(schema->json)) {
        return ngx_websocket_schema_wrong(schema, NULL,
                                          "a schema must be an object");
    }

    if (ngx_websocket_schema_kind(schema) != 0) {
        return -1;
    }

    return ngx_websocket_schema_keywords(schema, where);
}


static int
ngx_websocket_schema_kind(ngx_websocket_schema_t *schema)
{
    json_t      *value;
    size_t       null;
    const char  *name;

    value = json_object_get(schema->json, "type");

    schema->kind = NGX_WEBSOCKET_KIND_ANY;
    schema->nullable = 0;

    if (value == NULL) {
        ngx_websocket_schema_implied(schema);
        return 0;
    }

    if (json_array_size(value) == 2) {

        for (null = 0; null < 2; null++) {
            name = json_string_value(json_array_get(value, null));

            if (name && strcmp(name, "null") == 0) {
                schema->nullable = 1;
                value = json_array_get(value, 1 - null);
                break;
            }
        }
    }

    name = json_string_value(value);

    if (name && strcmp(name, "any") != 0) {
        schema->kind = ngx_websocket_kind_find(name);
    }

    if (schema->kind < NGX_WEBSOCKET_KIND_ANY) {
        return 0;
    }

    return ngx_websocket_schema_wrong(schema, "type",
                                      "must be one of \"string\", \"integer\","
                                      " \"number\", \"boolean\", \"array\" "
                                      "and \"object\", or a list of one and "
                                      "\"null\"");
}


/* a schema without "type" may yet let one kind pass only */

static void
ngx_websocket_schema_implied(ngx_websocket_schema_t *schema)
{
    json_t  *value;

    value = json_object_get(schema->json, "const");

    if (value == NULL) {
        value = json_array_get(json_object_get(schema->json, "enum"), 0);
    }

    if (json_is_string(value)) {
        schema->kind = NGX_WEBSOCKET_KIND_STRING;

    } else if (json_is_number(value)) {
        schema->kind = NGX_WEBSOCKET_KIND_NUMBER;

    } else if (json_is_boolean(value)) {
        schema->kind = NGX_WEBSOCKET_KIND_BOOLEAN;

    } else if (schema->within || json_object_get(schema->json, "oneOf")) {
        schema->kind = NGX_WEBSOCKET_KIND_OBJECT;
    }
}


static int
ngx_websocket_schema_keywords(const ngx_websocket_schema_t *schema,
    unsigned where)
{
    json_t                                *value;
    const char                            *key;
    const ngx_websocket_schema_keyword_t  *keyword;

    json_object_foreach(schema->json, key, value) {

        keyword = ngx_websocket_schema_keyword(key);

        if (keyword == NULL) {
            return ngx_websocket_schema_wrong(schema, key,
                                              "this keyword is not supported");
        }

        if (!(keyword->where & where)) {
            return ngx_websocket_schema_wrong(schema, key, "this keyword is "
                                              "not supported here");
        }

        if (!(keyword->kinds & 1u << schema->kind)) {
            return ngx_websocket_schema_wrong(schema, key, "this keyword is "
                                              "not for kind %s",
                                              ngx_websocket_kinds[
                                                            schema->kind]);
        }
    }

    return 0;
}


int
ngx_websocket_schema_object(const ngx_websocket_schema_t *schema,
    const char *name, ngx_websocket_type_t **made)
{
    int                            rc;
    json_t                        *required;
    ngx_websocket_schema_object_t  object;
    char                           error[NGX_WEBSOCKET_SCHEMA_REASON];

    object = *schema->object;
    object.parent = schema->object;

    if (++object.depth > NGX_WEBSOCKET_TYPE_DEPTH) {
        return ngx_websocket_schema_wrong(schema, NULL,
                                          "more than %d objects in each other",
                                          NGX_WEBSOCKET_TYPE_DEPTH);
    }

    object.type = object.host->create(object.host->data, name, error,
                                      sizeof(error));
    *made = object.type;

    if (object.type == NULL) {
        return ngx_websocket_schema_wrong(schema, NULL, "%s", error);
    }

    if (json_object_get(schema->json, "oneOf")) {
        return ngx_websocket_schema_one_of(schema, &object);
    }

    if (ngx_websocket_schema_additional(schema, &object) != 0) {
        return -1;
    }

    required = ngx_websocket_schema_required(schema);

    if (required == NULL) {
        return -1;
    }

    rc = ngx_websocket_schema_properties(schema, &object, required);

    json_decref(required);

    return rc;
}


/* JSON Schema allows additional properties unless the schema forbids them */

static int
ngx_websocket_schema_additional(const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object)
{
    json_t                      *value;
    ngx_websocket_json_place_t   place;

    value = json_object_get(schema->json, "additionalProperties");

    if (json_is_object(value)) {
        place.parent = schema->place;
        place.name = "additionalProperties";
        place.size = strlen(place.name);

        return ngx_websocket_schema_rest(object, &place, value);
    }

    if (value && !json_is_boolean(value)) {
        return ngx_websocket_schema_wrong(schema, "additionalProperties",
                                          "must be true, false or a schema");
    }

    object->type->additional = !json_is_false(value);

    return 0;
}


/* the names that are required, as an object's */

static json_t *
ngx_websocket_schema_required(const ngx_websocket_schema_t *schema)
{
    json_t                      *names, *list, *name, *properties;
    ngx_websocket_schema_t       at;
    ngx_websocket_json_place_t   key, place;

    list = json_object_get(schema->json, "required");
    properties = json_object_get(schema->json, "properties");
    names = json_object();

    if (names == NULL || (list && !json_is_array(list))) {
        (void) ngx_websocket_schema_wrong(schema, "required",
                                          names ? "must be a list of names"
                                                : "no memory");
        json_decref(names);
        return NULL;
    }

    key.parent = schema->place;
    key.name = "required";
    key.size = strlen(key.name);

    place.parent = &key;
    place.name = NULL;

    at = *schema;
    at.place = &place;

    json_array_foreach(list, place.size, name) {

        if (json_object_get(properties, json_string_value(name)) == NULL) {
            (void) ngx_websocket_schema_wrong(&at, NULL, "must be a name of "
                                              "\"properties\"");
            break;
        }

        if (json_object_set(names, json_string_value(name), name) != 0) {
            (void) ngx_websocket_schema_wrong(&at, NULL, "no memory");
            break;
        }
    }

    if (place.size < json_array_size(list)) {
        json_decref(names);
        return NULL;
    }

    return names;
}


static int
ngx_websocket_schema_properties(const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object, json_t *required)
{
    json_t                      *properties, *value;
    const char                  *name;
    ngx_websocket_json_place_t   key, place;

    properties = json_object_get(schema->json, "properties");

    if (properties && !json_is_object(properties)) {
        return ngx_websocket_schema_wrong(schema, "properties",
                                          "must be an object");
    }

    key.parent = schema->place;
    key.name = "properties";
    key.size = strlen(key.name);

    place.parent = &key;

    json_object_foreach(properties, name, value) {

        place.name = name;
        place.size = strlen(name);

        if (ngx_websocket_schema_field(object, &place, value,
                                       json_object_get(required, name) != NULL)
            != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
ngx_websocket_schema_views(const ngx_websocket_schema_t *root,
    ngx_websocket_type_t *type)
{
    json_t                      *list, *fields;
    const char                  *name;
    ngx_websocket_schema_t       views;
    ngx_websocket_json_place_t   place;

    list = json_object_get(root->json, "x-views");

    if (list && !json_is_object(list)) {
        return ngx_websocket_schema_wrong(root, "x-views",
                                          "must be an object of lists");
    }

    place.parent = NULL;
    place.name = "x-views";
    place.size = strlen(place.name);

    views = *root;
    views.place = &place;

    json_object_foreach(list, name, fields) {

        if (ngx_websocket_schema_view(&views, type, name, fields) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
ngx_websocket_schema_view(const ngx_websocket_schema_t *views,
    ngx_websocket_type_t *type, const char *name, json_t *fields)
{
    int                                 rc;
    size_t                              i, n;
    const char                        **words;
    char                                error[NGX_WEBSOCKET_SCHEMA_REASON];
    const ngx_websocket_schema_host_t  *host;

    host = views->object->host;
    n = json_array_size(fields);
    words = malloc((n + 1) * sizeof(const char *));

    if (words == NULL) {
        return ngx_websocket_schema_wrong(views, name, "no memory");
    }

    words[0] = name;

    for (i = 0; i < n; i++) {
        words[i + 1] = json_string_value(json_array_get(fields, i));

        if (words[i + 1] == NULL) {
            break;
        }
    }

    if (n == 0 || i < n) {
        free(words);
        return ngx_websocket_schema_wrong(views, name,
                                          "must be a list of names");
    }

    rc = ngx_websocket_type_view(type, words, n + 1, error, sizeof(error));

    if (rc == 0) {
        rc = host->view(host->data, type, name, error, sizeof(error));
    }

    free(words);

    return rc ? ngx_websocket_schema_wrong(views, name, "%s", error) : 0;
}
