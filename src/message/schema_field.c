
#include <string.h>

#include "message/schema_field.h"
#include "message/schema_pattern.h"
#include "message/schema_private.h"


/* name, kind, required, nullable, and what one kind may have */
#define NGX_WEBSOCKET_SCHEMA_WORDS   12


/*
 * A property, or what additional ones are, and the words that it becomes, each
 * from a keyword.
 */

struct ngx_websocket_schema_field_s {
    ngx_websocket_schema_t      schema;
    const char                 *name;      /* NULL: of additional ones */
    size_t                      n;
    const char                 *keys[NGX_WEBSOCKET_SCHEMA_WORDS];
    ngx_websocket_json_text_t   words[NGX_WEBSOCKET_SCHEMA_WORDS];
};


static int ngx_websocket_schema_make_field(
    const ngx_websocket_schema_object_t *object,
    const ngx_websocket_json_place_t *place, json_t *json, const char *name,
    int required);
static int ngx_websocket_schema_words(ngx_websocket_schema_field_t *field);
static int ngx_websocket_schema_done(ngx_websocket_schema_field_t *field);
static ngx_websocket_json_text_t *ngx_websocket_schema_word(
    ngx_websocket_schema_field_t *field, const char *key, const char *word);
static void ngx_websocket_schema_append(ngx_websocket_json_text_t *word,
    const char *text);
static int ngx_websocket_schema_set_count(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_set_number(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_set_string(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_set_pattern(
    ngx_websocket_schema_field_t *field, const char *key, json_t *value,
    ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_set_enum(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_set_const(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_set_default(
    ngx_websocket_schema_field_t *field, const char *key, json_t *value,
    ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_set_items(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_of(ngx_websocket_schema_field_t *field,
    const ngx_websocket_schema_t *schema, ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_plain(const ngx_websocket_schema_t *schema);
static int ngx_websocket_schema_named(const ngx_websocket_schema_t *schema,
    ngx_websocket_json_text_t *word);
static int ngx_websocket_schema_nested(ngx_websocket_schema_field_t *field,
    const ngx_websocket_schema_t *schema, ngx_websocket_json_text_t *word);


#define ngx_websocket_schema_bit(name)  (1u << NGX_WEBSOCKET_KIND_##name)

#define NGX_WEBSOCKET_SCHEMA_KINDS  ((1u << NGX_WEBSOCKET_KINDS) - 1)

#define ngx_websocket_schema_own(name, where, kinds)                          \
    { name, NGX_WEBSOCKET_SCHEMA_##where, kinds, NULL, NULL }

#define ngx_websocket_schema_rule(name, kinds, word, set)                     \
    { name, NGX_WEBSOCKET_SCHEMA_FIELD, kinds, word,                          \
      ngx_websocket_schema_set_##set }

#define NGX_WEBSOCKET_SCHEMA_STRING  ngx_websocket_schema_bit(STRING)
#define NGX_WEBSOCKET_SCHEMA_ARRAY   ngx_websocket_schema_bit(ARRAY)
#define NGX_WEBSOCKET_SCHEMA_OBJECT  ngx_websocket_schema_bit(OBJECT)
#define NGX_WEBSOCKET_SCHEMA_NUMBER                                           \
    (ngx_websocket_schema_bit(INTEGER) | ngx_websocket_schema_bit(NUMBER))
#define NGX_WEBSOCKET_SCHEMA_CONST                                            \
    (NGX_WEBSOCKET_SCHEMA_STRING | NGX_WEBSOCKET_SCHEMA_NUMBER                \
     | ngx_websocket_schema_bit(BOOLEAN))


static const ngx_websocket_schema_keyword_t  ngx_websocket_schema_known[] = {

    ngx_websocket_schema_own("type", ANY, NGX_WEBSOCKET_SCHEMA_KINDS),
    ngx_websocket_schema_own("properties", ANY, NGX_WEBSOCKET_SCHEMA_OBJECT),
    ngx_websocket_schema_own("required", ANY, NGX_WEBSOCKET_SCHEMA_OBJECT),
    ngx_websocket_schema_own("additionalProperties", ANY,
                             NGX_WEBSOCKET_SCHEMA_OBJECT),
    ngx_websocket_schema_own("oneOf", ANY, NGX_WEBSOCKET_SCHEMA_OBJECT),
    ngx_websocket_schema_own("x-type", INNER, NGX_WEBSOCKET_SCHEMA_OBJECT),
    ngx_websocket_schema_own("x-views", ROOT, NGX_WEBSOCKET_SCHEMA_OBJECT),

    ngx_websocket_schema_rule("minLength", NGX_WEBSOCKET_SCHEMA_STRING,
                              "min=", count),
    ngx_websocket_schema_rule("maxLength", NGX_WEBSOCKET_SCHEMA_STRING,
                              "max=", count),
    ngx_websocket_schema_rule("minItems", NGX_WEBSOCKET_SCHEMA_ARRAY,
                              "min=", count),
    ngx_websocket_schema_rule("maxItems", NGX_WEBSOCKET_SCHEMA_ARRAY,
                              "max=", count),
    ngx_websocket_schema_rule("minProperties", NGX_WEBSOCKET_SCHEMA_OBJECT,
                              "min=", count),
    ngx_websocket_schema_rule("maxProperties", NGX_WEBSOCKET_SCHEMA_OBJECT,
                              "max=", count),
    ngx_websocket_schema_rule("minimum", NGX_WEBSOCKET_SCHEMA_NUMBER,
                              "min=", number),
    ngx_websocket_schema_rule("maximum", NGX_WEBSOCKET_SCHEMA_NUMBER,
                              "max=", number),
    ngx_websocket_schema_rule("format", NGX_WEBSOCKET_SCHEMA_STRING,
                              "format=", string),
    ngx_websocket_schema_rule("pattern", NGX_WEBSOCKET_SCHEMA_STRING,
                              "pattern=", pattern),
    ngx_websocket_schema_rule("enum", NGX_WEBSOCKET_SCHEMA_STRING,
                              "enum=", enum),
    ngx_websocket_schema_rule("const", NGX_WEBSOCKET_SCHEMA_CONST,
                              "const=", const),
    ngx_websocket_schema_rule("items", NGX_WEBSOCKET_SCHEMA_ARRAY,
                              "of=", items),
    ngx_websocket_schema_rule("default", NGX_WEBSOCKET_SCHEMA_KINDS,
                              "default=", default),

    /* keywords that are annotations, without an effect on validation */

    ngx_websocket_schema_own("$schema", ANY, NGX_WEBSOCKET_SCHEMA_KINDS),
    ngx_websocket_schema_own("$id", ANY, NGX_WEBSOCKET_SCHEMA_KINDS),
    ngx_websocket_schema_own("$comment", ANY, NGX_WEBSOCKET_SCHEMA_KINDS),
    ngx_websocket_schema_own("title", ANY, NGX_WEBSOCKET_SCHEMA_KINDS),
    ngx_websocket_schema_own("description", ANY, NGX_WEBSOCKET_SCHEMA_KINDS),
    ngx_websocket_schema_own("examples", ANY, NGX_WEBSOCKET_SCHEMA_KINDS)
};

#define NGX_WEBSOCKET_SCHEMA_KNOWN                                            \
    (sizeof(ngx_websocket_schema_known)                                       \
     / sizeof(ngx_websocket_schema_known[0]))


const ngx_websocket_schema_keyword_t *
ngx_websocket_schema_keyword(const char *name)
{
    size_t  i;

    for (i = 0; i < NGX_WEBSOCKET_SCHEMA_KNOWN; i++) {

        if (strcmp(ngx_websocket_schema_known[i].name, name) == 0) {
            return &ngx_websocket_schema_known[i];
        }
    }

    return NULL;
}


int
ngx_websocket_schema_field(const ngx_websocket_schema_object_t *object,
    const ngx_websocket_json_place_t *place, json_t *json, int required)
{
    return ngx_websocket_schema_make_field(object, place, json, place->name,
                                           required);
}


int
ngx_websocket_schema_rest(const ngx_websocket_schema_object_t *object,
    const ngx_websocket_json_place_t *place, json_t *json)
{
    return ngx_websocket_schema_make_field(object, place, json, NULL, 0);
}


/* without a name it is what additional ones are */

static int
ngx_websocket_schema_make_field(const ngx_websocket_schema_object_t *object,
    const ngx_websocket_json_place_t *place, json_t *json, const char *name,
    int required)
{
    int                            rc;
    size_t                         i;
    ngx_websocket_schema_field_t   field;

    memset(&field, 0, sizeof(field));

    field.name = name;
    field.schema.json = json;
    field.schema.place = place;
    field.schema.object = object;

    if (ngx_websocket_schema_init(&field.schema, NGX_WEBSOCKET_SCHEMA_FIELD)
        != 0)
    {
        return -1;
    }

    if (name) {
        (void) ngx_websocket_schema_word(&field, NULL, name);
    }

    (void) ngx_websocket_schema_word(&field, NULL,
                                     ngx_websocket_kinds[field.schema.kind]);
    if (required) {
        (void) ngx_websocket_schema_word(&field, NULL, "required");
    }

    if (field.schema.nullable) {
        (void) ngx_websocket_schema_word(&field, NULL, "nullable");
    }

    rc = ngx_websocket_schema_words(&field);

    if (rc == 0) {
        rc = ngx_websocket_schema_done(&field);
    }

    for (i = 0; i < field.n; i++) {
        ngx_websocket_json_text_done(&field.words[i]);
    }

    return rc;
}


static int
ngx_websocket_schema_words(ngx_websocket_schema_field_t *field)
{
    size_t                                 i;
    json_t                                *value;
    ngx_websocket_json_text_t             *word;
    const ngx_websocket_schema_keyword_t  *keyword;

    for (i = 0; i < NGX_WEBSOCKET_SCHEMA_KNOWN; i++) {

        keyword = &ngx_websocket_schema_known[i];
        value = json_object_get(field->schema.json, keyword->name);

        if (value == NULL || keyword->set == NULL) {
            continue;
        }

        word = ngx_websocket_schema_word(field, keyword->name, keyword->word);

        if (keyword->set(field, keyword->name, value, word) != 0) {
            return -1;
        }
    }

    if (field->schema.kind == NGX_WEBSOCKET_KIND_OBJECT
        && !ngx_websocket_schema_plain(&field->schema))
    {
        word = ngx_websocket_schema_word(field, "x-type", "of=");

        return ngx_websocket_schema_of(field, &field->schema, word);
    }

    return 0;
}


/* gives the words to the type */

static int
ngx_websocket_schema_done(ngx_websocket_schema_field_t *field)
{
    int                    rc;
    size_t                 i, wrong;
    const char            *words[NGX_WEBSOCKET_SCHEMA_WORDS];
    ngx_websocket_type_t  *type;
    char                   error[NGX_WEBSOCKET_SCHEMA_REASON];

    for (i = 0; i < field->n; i++) {

        ngx_websocket_json_append(&field->words[i], "", 1);

        if (field->words[i].failed) {
            return ngx_websocket_schema_wrong(&field->schema, field->keys[i],
                                              "no memory, or nested deeper "
                                              "than %d",
                                              NGX_WEBSOCKET_JSON_DEPTH);
        }

        words[i] = field->words[i].data;
    }

    type = field->schema.object->type;

    rc = field->name ? ngx_websocket_type_field_at(type, words, field->n,
                                                   &wrong, error,
                                                   sizeof(error))
                     : ngx_websocket_type_rest_at(type, words, field->n,
                                                  &wrong, error,
                                                  sizeof(error));

    if (rc != 0) {
        return ngx_websocket_schema_wrong(&field->schema,
                                          wrong < field->n ? field->keys[wrong]
                                                           : NULL,
                                          "%s", error);
    }

    return 0;
}


static ngx_websocket_json_text_t *
ngx_websocket_schema_word(ngx_websocket_schema_field_t *field, const char *key,
    const char *word)
{
    size_t  n;

    n = field->n++;

    field->keys[n] = key;
    ngx_websocket_schema_append(&field->words[n], word);

    return &field->words[n];
}


static void
ngx_websocket_schema_append(ngx_websocket_json_text_t *word, const char *text)
{
    size_t  size;

    size = strlen(text);

    if (size) {
        ngx_websocket_json_append(word, text, size);
    }
}


static int
ngx_websocket_schema_set_count(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return ngx_websocket_schema_wrong(&field->schema, key,
                                          "must be an integer of 0 or more");
    }

    ngx_websocket_json_append_value(word, value);

    return 0;
}


static int
ngx_websocket_schema_set_number(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    if (field->schema.kind == NGX_WEBSOCKET_KIND_INTEGER
        ? !json_is_integer(value) : !json_is_number(value))
    {
        return ngx_websocket_schema_wrong(&field->schema, key,
                                          "must be of kind %s, as the value",
                                          ngx_websocket_kinds[
                                                         field->schema.kind]);
    }

    ngx_websocket_json_append_value(word, value);

    return 0;
}


static int
ngx_websocket_schema_set_string(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    if (!json_is_string(value)) {
        return ngx_websocket_schema_wrong(&field->schema, key,
                                          "must be a string");
    }

    ngx_websocket_schema_append(word, json_string_value(value));

    return 0;
}


static int
ngx_websocket_schema_set_pattern(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    const char  *wrong;

    if (!json_is_string(value)) {
        return ngx_websocket_schema_wrong(&field->schema, key,
                                          "must be a string");
    }

    wrong = ngx_websocket_schema_pattern(json_string_value(value), word);

    return wrong ? ngx_websocket_schema_wrong(&field->schema, key, "%s", wrong)
                 : 0;
}


/* an enum without null does not let null in, whatever "type" says */

static int
ngx_websocket_schema_set_enum(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    size_t       i;
    json_t      *item;
    unsigned     null, strings;
    const char  *text;

    null = 0;
    strings = 0;

    json_array_foreach(value, i, item) {

        if (json_is_null(item)) {
            null = 1;
            continue;
        }

        text = json_string_value(item);

        if (text == NULL || *text == '\0' || strchr(text, '|')) {
            return ngx_websocket_schema_wrong(&field->schema, key,
                                              "value %zu is no string, is "
                                              "empty, or has a \"|\"", i + 1);
        }

        ngx_websocket_schema_append(word, strings++ ? "|" : "");
        ngx_websocket_schema_append(word, text);
    }

    if (strings == 0) {
        return ngx_websocket_schema_wrong(&field->schema, key,
                                          "must be a list of strings");
    }

    if (null != field->schema.nullable) {
        return ngx_websocket_schema_wrong(&field->schema, key,
                                          "null must be both here and in "
                                          "\"type\", or in neither");
    }

    return 0;
}


/* what would say the same of the value is refused beside it */

static int
ngx_websocket_schema_set_const(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    size_t                    i;

    static const char *const  others[] = { "enum", "minimum", "maximum" };

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {

        if (json_object_get(field->schema.json, others[i])) {
            return ngx_websocket_schema_wrong(&field->schema, key,
                                              "cannot stand beside \"%s\"",
                                              others[i]);
        }
    }

    if (field->schema.nullable) {
        return ngx_websocket_schema_wrong(&field->schema, key, "\"type\" says "
                                          "that null may be there too");
    }

    return ngx_websocket_schema_set_default(field, key, value, word);
}


static int
ngx_websocket_schema_set_default(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    if (field->schema.kind == NGX_WEBSOCKET_KIND_STRING) {
        return ngx_websocket_schema_set_string(field, key, value, word);
    }

    ngx_websocket_json_append_value(word, value);

    return 0;
}


static int
ngx_websocket_schema_set_items(ngx_websocket_schema_field_t *field,
    const char *key, json_t *value, ngx_websocket_json_text_t *word)
{
    ngx_websocket_schema_t      items;
    ngx_websocket_json_place_t  place;

    place.parent = field->schema.place;
    place.name = key;
    place.size = strlen(key);

    memset(&items, 0, sizeof(items));

    items.json = value;
    items.place = &place;
    items.object = field->schema.object;

    if (ngx_websocket_schema_init(&items, NGX_WEBSOCKET_SCHEMA_ITEMS) != 0) {
        return -1;
    }

    if (items.nullable) {
        return ngx_websocket_schema_wrong(&items, "type", "\"null\" is not "
                                          "supported here");
    }

    return ngx_websocket_schema_of(field, &items, word);
}


/* the type or kind behind "of=": of a property, or of its items */

static int
ngx_websocket_schema_of(ngx_websocket_schema_field_t *field,
    const ngx_websocket_schema_t *schema, ngx_websocket_json_text_t *word)
{
    if (ngx_websocket_schema_plain(schema)) {
        ngx_websocket_schema_append(word, ngx_websocket_kinds[schema->kind]);
        return 0;
    }

    if (json_object_get(schema->json, "x-type") == NULL) {
        return ngx_websocket_schema_nested(field, schema, word);
    }

    if (json_object_get(schema->json, "properties")
        || json_object_get(schema->json, "required")
        || json_object_get(schema->json, "additionalProperties")
        || json_object_get(schema->json, "oneOf"))
    {
        return ngx_websocket_schema_wrong(schema, "x-type", "the type says "
                                          "what its properties are");
    }

    return ngx_websocket_schema_named(schema, word);
}


/* returns 1 when the schema says nothing of the object but that it is one */

static int
ngx_websocket_schema_plain(const ngx_websocket_schema_t *schema)
{
    return json_object_get(schema->json, "x-type") == NULL
           && json_object_get(schema->json, "properties") == NULL
           && json_object_get(schema->json, "required") == NULL
           && json_object_get(schema->json, "additionalProperties") == NULL
           && json_object_get(schema->json, "oneOf") == NULL;
}


static int
ngx_websocket_schema_named(const ngx_websocket_schema_t *schema,
    ngx_websocket_json_text_t *word)
{
    const char                           *name;
    const ngx_websocket_schema_object_t  *object;

    name = json_string_value(json_object_get(schema->json, "x-type"));

    if (name == NULL || ngx_websocket_kind_find(name) != NGX_WEBSOCKET_KINDS) {
        return ngx_websocket_schema_wrong(schema, "x-type",
                                          "must be the name of a type");
    }

    /* whether it has defaults is known only when it is made */

    for (object = schema->object->parent; object->type;
         object = object->parent)
    {
        if (strcmp(name, ngx_websocket_type_name(object->type)) == 0) {
            return ngx_websocket_schema_wrong(schema, "x-type",
                                              "type \"%s\" is not made yet: "
                                              "only its own properties may be "
                                              "of it", name);
        }
    }

    ngx_websocket_schema_append(word, name);

    return 0;
}


static int
ngx_websocket_schema_nested(ngx_websocket_schema_field_t *field,
    const ngx_websocket_schema_t *schema, ngx_websocket_json_text_t *word)
{
    int                         rc;
    ngx_websocket_type_t       *type;
    ngx_websocket_json_text_t   name = { NULL, 0, 0, 0, 0, 0 };

    ngx_websocket_schema_append(&name, ngx_websocket_type_name(
                                           schema->object->type));
    ngx_websocket_schema_append(&name, ".");
    ngx_websocket_schema_append(&name, field->name ? field->name : "*");
    ngx_websocket_json_append(&name, "", 1);

    if (name.failed) {
        return ngx_websocket_schema_wrong(schema, NULL, "no memory");
    }

    rc = ngx_websocket_schema_object(schema, name.data, &type);

    if (rc == 0) {
        ngx_websocket_schema_append(word, name.data);
    }

    ngx_websocket_json_text_done(&name);

    return rc;
}
