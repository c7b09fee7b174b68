
#include <stdlib.h>
#include <string.h>

#include "message/schema_one_of.h"
#include "message/type_by.h"


/* more words than a property's enum is likely to have */
#define NGX_WEBSOCKET_SCHEMA_VARIANTS  256


/* the words of "by": the property's name, and "WORD=TYPE" of each variant */

typedef struct {
    const char                  *name;
    size_t                       n;
    ngx_websocket_json_text_t   *pairs;
} ngx_websocket_schema_by_t;


static int ngx_websocket_schema_alone(const ngx_websocket_schema_t *schema);
static const char *ngx_websocket_schema_by(json_t *list);
static const char *ngx_websocket_schema_word_of(json_t *variant,
    const char *name);
static int ngx_websocket_schema_variants(const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object, json_t *list,
    ngx_websocket_schema_by_t *by);
static int ngx_websocket_schema_variant(
    const ngx_websocket_schema_t *variant, ngx_websocket_schema_by_t *by);
static int ngx_websocket_schema_by_done(const ngx_websocket_schema_t *schema,
    ngx_websocket_type_t *type, ngx_websocket_schema_by_t *by);


int
ngx_websocket_schema_one_of(const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object)
{
    int                         rc;
    size_t                      i, n;
    json_t                     *list;
    ngx_websocket_schema_by_t   by;

    list = json_object_get(schema->json, "oneOf");
    n = json_array_size(list);

    if (n == 0 || n > NGX_WEBSOCKET_SCHEMA_VARIANTS) {
        return ngx_websocket_schema_wrong(schema, "oneOf", "must be a list of "
                                          "1 to %d schemas",
                                          NGX_WEBSOCKET_SCHEMA_VARIANTS);
    }

    if (ngx_websocket_schema_alone(schema) != 0) {
        return -1;
    }

    by.n = 0;
    by.name = ngx_websocket_schema_by(list);

    if (by.name == NULL) {
        return ngx_websocket_schema_wrong(schema, "oneOf", "no property is "
                                          "\"required\", with a string as "
                                          "\"const\", in each of them");
    }

    by.pairs = calloc(n, sizeof(ngx_websocket_json_text_t));

    if (by.pairs == NULL) {
        return ngx_websocket_schema_wrong(schema, "oneOf", "no memory");
    }

    rc = ngx_websocket_schema_variants(schema, object, list, &by);

    for (i = 0; i < by.n; i++) {
        ngx_websocket_json_text_done(&by.pairs[i]);
    }

    free(by.pairs);

    return rc;
}


static int
ngx_websocket_schema_alone(const ngx_websocket_schema_t *schema)
{
    size_t                    i;

    static const char *const  others[] = {
        "properties", "required", "additionalProperties"
    };

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {

        if (json_object_get(schema->json, others[i])) {
            return ngx_websocket_schema_wrong(schema, others[i], "this keyword "
                                              "is not supported beside "
                                              "\"oneOf\"");
        }
    }

    return 0;
}


/* the first property of the first that is such in all */

static const char *
ngx_websocket_schema_by(json_t *list)
{
    void        *member;
    size_t       i, n;
    json_t      *properties;
    const char  *name;

    n = json_array_size(list);
    properties = json_object_get(json_array_get(list, 0), "properties");

    for (member = json_object_iter(properties);
         member;
         member = json_object_iter_next(properties, member))
    {
        name = json_object_iter_key(member);

        for (i = 0; i < n; i++) {

            if (ngx_websocket_schema_word_of(json_array_get(list, i), name)
                == NULL)
            {
                break;
            }
        }

        if (i == n) {
            return name;
        }
    }

    return NULL;
}


/* the constant of a property that must be there, or NULL */

static const char *
ngx_websocket_schema_word_of(json_t *variant, const char *name)
{
    size_t       i;
    json_t      *list, *item, *property;
    const char  *other;

    property = json_object_get(json_object_get(variant, "properties"), name);
    list = json_object_get(variant, "required");

    json_array_foreach(list, i, item) {

        other = json_string_value(item);

        if (other && strcmp(other, name) == 0) {
            return json_string_value(json_object_get(property, "const"));
        }
    }

    return NULL;
}


static int
ngx_websocket_schema_variants(const ngx_websocket_schema_t *schema,
    const ngx_websocket_schema_object_t *object, json_t *list,
    ngx_websocket_schema_by_t *by)
{
    ngx_websocket_schema_t      variant;
    ngx_websocket_json_place_t  key, place;

    key.parent = schema->place;
    key.name = "oneOf";
    key.size = strlen(key.name);

    place.parent = &key;
    place.name = NULL;

    memset(&variant, 0, sizeof(variant));

    variant.place = &place;
    variant.object = object;
    variant.within = json_object_get(schema->json, "type") != NULL;

    json_array_foreach(list, place.size, variant.json) {

        if (ngx_websocket_schema_variant(&variant, by) != 0) {
            return -1;
        }
    }

    return ngx_websocket_schema_by_done(schema, object->type, by);
}


static int
ngx_websocket_schema_variant(const ngx_websocket_schema_t *schema,
    ngx_websocket_schema_by_t *by)
{
    const char                 *word, *name;
    ngx_websocket_type_t       *type;
    ngx_websocket_schema_t      variant;
    ngx_websocket_json_text_t  *pair;

    variant = *schema;

    if (ngx_websocket_schema_init(&variant, NGX_WEBSOCKET_SCHEMA_ITEMS) != 0) {
        return -1;
    }

    if (variant.kind != NGX_WEBSOCKET_KIND_OBJECT || variant.nullable) {
        return ngx_websocket_schema_wrong(&variant, "type",
                                          "must be \"object\"");
    }

    word = ngx_websocket_schema_word_of(variant.json, by->name);
    name = ngx_websocket_type_name(variant.object->type);
    pair = &by->pairs[by->n++];

    /* "WORD=NAME.WORD": what is behind the "=" is the type's name */

    ngx_websocket_json_append(pair, word, strlen(word));
    ngx_websocket_json_append(pair, "=", 1);
    ngx_websocket_json_append(pair, name, strlen(name));
    ngx_websocket_json_append(pair, ".", 1);
    ngx_websocket_json_append(pair, word, strlen(word) + 1);

    if (pair->failed) {
        return ngx_websocket_schema_wrong(&variant, NULL, "no memory");
    }

    return ngx_websocket_schema_object(&variant,
                                       pair->data + strlen(word) + 1, &type);
}


static int
ngx_websocket_schema_by_done(const ngx_websocket_schema_t *schema,
    ngx_websocket_type_t *type, ngx_websocket_schema_by_t *by)
{
    int           rc;
    size_t        i;
    const char  **words;
    char          error[NGX_WEBSOCKET_SCHEMA_REASON];

    words = malloc((by->n + 1) * sizeof(const char *));

    if (words == NULL) {
        return ngx_websocket_schema_wrong(schema, "oneOf", "no memory");
    }

    words[0] = by->name;

    for (i = 0; i < by->n; i++) {
        words[i + 1] = by->pairs[i].data;
    }

    rc = ngx_websocket_type_by(type, words, by->n + 1, error, sizeof(error));

    free(words);

    return rc ? ngx_websocket_schema_wrong(schema, "oneOf", "%s", error) : 0;
}
