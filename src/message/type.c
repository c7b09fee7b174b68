
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/type.h"
#include "message/type_check.h"
#include "message/type_private.h"


/* what an error of the configuration is reported with */

typedef struct {
    ngx_websocket_type_t        *type;
    ngx_websocket_field_t       *field;
    char                        *error;
    size_t                       size;
} ngx_websocket_words_t;


typedef struct {
    const char                  *name;      /* "min=", "required" */
    unsigned                     kinds;     /* kinds that may have the word, one
                                               bit each */
    int                        (*set)(ngx_websocket_words_t *words,
                                     const char *value);
} ngx_websocket_option_t;


static void *ngx_websocket_type_more(void *array, size_t n, size_t size);
static int ngx_websocket_type_wrong(ngx_websocket_words_t *words,
    const char *format, ...) __attribute__((format(printf, 2, 3)));
static void ngx_websocket_field_free(ngx_websocket_field_t *field);
static int ngx_websocket_field_words(ngx_websocket_field_t *field);
static ngx_websocket_field_t *ngx_websocket_field_each(
    ngx_websocket_words_t *words, ngx_websocket_kind_e kind);
static int ngx_websocket_field_named(ngx_websocket_type_t *type,
    const char *name);
static size_t ngx_websocket_type_place(const ngx_websocket_type_t *type,
    const char *name, size_t size);
static int ngx_websocket_field_order(const ngx_websocket_field_t *field,
    const char *name, size_t size);
static int ngx_websocket_field_gives(ngx_websocket_type_t *type,
    const ngx_websocket_field_t *field);
static int ngx_websocket_field_init(ngx_websocket_words_t *words,
    const char *name, const char *kind);
static int ngx_websocket_field_options(ngx_websocket_words_t *words,
    const char *const *list, size_t n, size_t *wrong);
static int ngx_websocket_field_option(ngx_websocket_words_t *words,
    const char *word);
static int ngx_websocket_field_required(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_nullable(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_min(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_max(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_bound(ngx_websocket_words_t *words,
    ngx_websocket_bound_t *bound, const char *name, const char *value);
static int ngx_websocket_field_format(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_enum(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_const(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_pattern(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_of(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_default(ngx_websocket_words_t *words,
    const char *value);
static int ngx_websocket_field_done(ngx_websocket_words_t *words);
static int ngx_websocket_field_given(ngx_websocket_field_t *field);
static const char *ngx_websocket_type_member(const ngx_websocket_type_t *type,
    const char *name, size_t size, const ngx_websocket_field_t **field);


const char *const  ngx_websocket_kinds[] = {
    "string", "integer", "number", "boolean", "array", "object", "any"
};

#define ngx_websocket_kind_bit(name)  (1u << NGX_WEBSOCKET_KIND_##name)

#define NGX_WEBSOCKET_KIND_BOUNDED                                            \
    (ngx_websocket_kind_bit(STRING) | ngx_websocket_kind_bit(INTEGER)         \
     | ngx_websocket_kind_bit(NUMBER) | ngx_websocket_kind_bit(ARRAY)         \
     | ngx_websocket_kind_bit(OBJECT))

#define NGX_WEBSOCKET_KIND_CONST                                              \
    (ngx_websocket_kind_bit(STRING) | ngx_websocket_kind_bit(INTEGER)         \
     | ngx_websocket_kind_bit(NUMBER) | ngx_websocket_kind_bit(BOOLEAN))

#define NGX_WEBSOCKET_KIND_ALL  ((1u << NGX_WEBSOCKET_KINDS) - 1)


static const ngx_websocket_option_t  ngx_websocket_options[] = {
    { "required", NGX_WEBSOCKET_KIND_ALL, ngx_websocket_field_required },
    { "nullable", NGX_WEBSOCKET_KIND_ALL, ngx_websocket_field_nullable },
    { "min=", NGX_WEBSOCKET_KIND_BOUNDED, ngx_websocket_field_min },
    { "max=", NGX_WEBSOCKET_KIND_BOUNDED, ngx_websocket_field_max },
    { "format=", ngx_websocket_kind_bit(STRING), ngx_websocket_field_format },
    { "enum=", ngx_websocket_kind_bit(STRING), ngx_websocket_field_enum },
    { "const=", NGX_WEBSOCKET_KIND_CONST, ngx_websocket_field_const },
    { "pattern=", ngx_websocket_kind_bit(STRING),
      ngx_websocket_field_pattern },
    { "default=", NGX_WEBSOCKET_KIND_ALL, ngx_websocket_field_default },
    { "of=", ngx_websocket_kind_bit(ARRAY) | ngx_websocket_kind_bit(OBJECT),
      ngx_websocket_field_of }
};


ngx_websocket_type_t *
ngx_websocket_type_create(const char *name,
    const ngx_websocket_type_maker_t *maker, char *error, size_t size)
{
    ngx_websocket_type_t  *type;

    if (*name == '\0' || ngx_websocket_kind_find(name) != NGX_WEBSOCKET_KINDS)
    {
        (void) snprintf(error, size, "\"%s\" cannot be a type's name", name);
        return NULL;
    }

    type = calloc(1, sizeof(ngx_websocket_type_t));

    if (type) {
        type->maker = *maker;
        type->name = strdup(name);
        type->views = calloc(1, sizeof(ngx_websocket_view_t *));
    }

    if (type && type->name && type->views) {
        type->views[0] = ngx_websocket_view_create("default", NULL, 0, error,
                                                   size);
        type->views_count = type->views[0] != NULL;
    }

    if (type == NULL || type->views_count == 0) {
        ngx_websocket_type_destroy(type);
        (void) snprintf(error, size, "no memory for type \"%s\"", name);
        return NULL;
    }

    return type;
}


void
ngx_websocket_type_destroy(ngx_websocket_type_t *type)
{
    size_t  i;

    if (type == NULL) {
        return;
    }

    for (i = 0; i < type->count; i++) {
        ngx_websocket_field_free(&type->fields[i]);
    }

    if (type->rest) {
        ngx_websocket_field_free(type->rest);
        free(type->rest);
    }

    for (i = 0; i < type->views_count; i++) {
        ngx_websocket_view_destroy(type->views[i]);
    }

    free(type->fields);
    free(type->names);
    free(type->givers);
    free(type->variants);
    free(type->views);
    free(type->name);
    free(type);
}


/* what it is made of; a map's field has one more within */

static void
ngx_websocket_field_free(ngx_websocket_field_t *field)
{
    free(field->name);
    free(field->values);
    free(field->words);
    json_decref(field->value);

    if (field->each) {
        free(field->each->name);
        free(field->each);
    }
}


const char *
ngx_websocket_type_name(const ngx_websocket_type_t *type)
{
    return type->name;
}


/* an array of n elements with room for one more, of zeros */

static void *
ngx_websocket_type_more(void *array, size_t n, size_t size)
{
    char  *more;

    more = realloc(array, (n + 1) * size);

    if (more) {
        memset(more + n * size, 0, size);
    }

    return more;
}


static int
ngx_websocket_type_wrong(ngx_websocket_words_t *words, const char *format, ...)
{
    int      n;
    va_list  args;

    n = 0;

    if (words->field && words->field == words->type->rest) {
        n = snprintf(words->error, words->size, "\"additional\": ");

    } else if (words->field) {
        n = snprintf(words->error, words->size, "field \"%s\": ",
                     words->field->name);
    }

    if (n >= 0 && (size_t) n < words->size) {
        va_start(args, format);
        (void) vsnprintf(words->error + n, words->size - (size_t) n, format,
                         args);
        va_end(args);
    }

    return -1;
}


int
ngx_websocket_type_field(ngx_websocket_type_t *type, const char *const *words,
    size_t n, char *error, size_t size)
{
    size_t  wrong;

    return ngx_websocket_type_field_at(type, words, n, &wrong, error, size);
}


int
ngx_websocket_type_field_at(ngx_websocket_type_t *type,
    const char *const *words, size_t n, size_t *wrong, char *error,
    size_t size)
{
    ngx_websocket_words_t  ctx = { type, NULL, error, size };

    *wrong = 0;

    if (n < 2) {
        return ngx_websocket_type_wrong(&ctx, "a field is NAME KIND ...");
    }

    if (ngx_websocket_field_init(&ctx, words[0], words[1]) != 0) {
        return -1;
    }

    *wrong = 2;

    if (ngx_websocket_field_options(&ctx, words, n, wrong) != 0) {
        return -1;
    }

    type->required += ctx.field->required;

    return 0;
}


static int
ngx_websocket_field_init(ngx_websocket_words_t *words, const char *name,
    const char *kind)
{
    ngx_websocket_type_t   *type;
    ngx_websocket_field_t  *fields;

    type = words->type;

    if (*name == '\0' || strpbrk(name, ".[]=")) {
        return ngx_websocket_type_wrong(words, "invalid field name \"%s\"",
                                        name);
    }

    if (ngx_websocket_type_find_field(type, name, strlen(name))) {
        return ngx_websocket_type_wrong(words, "duplicate field \"%s\"", name);
    }

    fields = ngx_websocket_type_more(type->fields, type->count,
                                     sizeof(ngx_websocket_field_t));

    if (fields == NULL) {
        return ngx_websocket_type_wrong(words, "no memory");
    }

    type->fields = fields;
    fields[type->count].name = strdup(name);

    if (fields[type->count].name == NULL
        || ngx_websocket_field_named(type, name) != 0)
    {
        free(fields[type->count].name);
        return ngx_websocket_type_wrong(words, "no memory");
    }

    words->field = &fields[type->count++];
    words->field->size = strlen(name);
    words->field->shape.kind = ngx_websocket_kind_find(kind);
    words->field->items.kind = NGX_WEBSOCKET_KIND_ANY;

    if (words->field->shape.kind == NGX_WEBSOCKET_KINDS) {
        return ngx_websocket_type_wrong(words, "unknown kind \"%s\"", kind);
    }

    return 0;
}


/* the one that is about to be counted has its place by its name */

static int
ngx_websocket_field_named(ngx_websocket_type_t *type, const char *name)
{
    size_t  i, *names;

    names = ngx_websocket_type_more(type->names, type->count, sizeof(size_t));

    if (names == NULL) {
        return -1;
    }

    type->names = names;
    i = ngx_websocket_type_place(type, name, strlen(name));

    memmove(&names[i + 1], &names[i], (type->count - i) * sizeof(size_t));
    names[i] = type->count;

    return 0;
}


ngx_websocket_kind_e
ngx_websocket_kind_find(const char *name)
{
    unsigned  i;

    for (i = 0; i < NGX_WEBSOCKET_KINDS; i++) {

        if (strcmp(ngx_websocket_kinds[i], name) == 0) {
            break;
        }
    }

    return (ngx_websocket_kind_e) i;
}


/* the words from the one that is not known to be wrong yet */

static int
ngx_websocket_field_options(ngx_websocket_words_t *words,
    const char *const *list, size_t n, size_t *wrong)
{
    for ( /* void */ ; *wrong < n; (*wrong)++) {

        if (ngx_websocket_field_option(words, list[*wrong]) != 0) {
            return -1;
        }
    }

    return ngx_websocket_field_done(words);
}


static int
ngx_websocket_field_option(ngx_websocket_words_t *words, const char *word)
{
    size_t                         i, size;
    const ngx_websocket_option_t  *option;

    for (i = 0;
         i < sizeof(ngx_websocket_options) / sizeof(ngx_websocket_options[0]);
         i++)
    {
        option = &ngx_websocket_options[i];
        size = strlen(option->name);

        if (strncmp(word, option->name, size) != 0
            || (option->name[size - 1] != '=' && word[size] != '\0'))
        {
            continue;
        }

        if (!(option->kinds & 1u << words->field->shape.kind)) {
            return ngx_websocket_type_wrong(words,
                                     "\"%s\" is not for kind %s", option->name,
                                     ngx_websocket_kinds[
                                                 words->field->shape.kind]);
        }

        if (words->field == words->type->rest
            && (option->set == ngx_websocket_field_required
                || option->set == ngx_websocket_field_default))
        {
            return ngx_websocket_type_wrong(words, "\"%s\" needs a field "
                                            "with a name", option->name);
        }

        return option->set(words, word + size);
    }

    return ngx_websocket_type_wrong(words, "invalid parameter \"%s\"", word);
}


static int
ngx_websocket_field_required(ngx_websocket_words_t *words, const char *value)
{
    (void) value;

    words->field->required = 1;

    return 0;
}


static int
ngx_websocket_field_nullable(ngx_websocket_words_t *words, const char *value)
{
    (void) value;

    words->field->nullable = 1;

    return 0;
}


static int
ngx_websocket_field_min(ngx_websocket_words_t *words, const char *value)
{
    return ngx_websocket_field_bound(words, &words->field->min, "min", value);
}


static int
ngx_websocket_field_max(ngx_websocket_words_t *words, const char *value)
{
    return ngx_websocket_field_bound(words, &words->field->max, "max", value);
}


static int
ngx_websocket_field_bound(ngx_websocket_words_t *words,
    ngx_websocket_bound_t *bound, const char *name, const char *value)
{
    json_t                *json;
    ngx_websocket_kind_e   kind;

    kind = words->field->shape.kind;
    json = json_loads(value, JSON_DECODE_ANY, NULL);

    if (!json_is_number(json)
        || (kind != NGX_WEBSOCKET_KIND_NUMBER && !json_is_integer(json))
        || ((kind == NGX_WEBSOCKET_KIND_STRING
             || kind == NGX_WEBSOCKET_KIND_ARRAY
             || kind == NGX_WEBSOCKET_KIND_OBJECT)
            && json_integer_value(json) < 0))
    {
        json_decref(json);
        return ngx_websocket_type_wrong(words, "invalid number \"%s=%s\"",
                                        name, value);
    }

    bound->set = 1;
    bound->number = ngx_websocket_json_number(json);

    json_decref(json);

    return 0;
}


static int
ngx_websocket_field_format(ngx_websocket_words_t *words, const char *value)
{
    words->field->format = ngx_websocket_format_find(value);

    if (words->field->format == NULL) {
        return ngx_websocket_type_wrong(words, "unknown format \"%s\"", value);
    }

    return 0;
}


static int
ngx_websocket_field_enum(ngx_websocket_words_t *words, const char *value)
{
    size_t  size;

    size = strlen(value);

    if (size == 0 || *value == '|' || value[size - 1] == '|'
        || strstr(value, "||"))
    {
        return ngx_websocket_type_wrong(words, "empty value in \"enum=%s\"",
                                        value);
    }

    free(words->field->values);

    words->field->values = strdup(value);

    return words->field->values && ngx_websocket_field_words(words->field) == 0
           ? 0 : ngx_websocket_type_wrong(words, "no memory");
}


/* a message may have thousands of values, and an enum hundreds */

static int
ngx_websocket_field_words(ngx_websocket_field_t *field)
{
    char                  *p;
    ngx_websocket_word_t  *word;

    free(field->words);

    field->words = malloc((strlen(field->values) / 2 + 1)
                          * sizeof(ngx_websocket_word_t));

    if (field->words == NULL) {
        return -1;
    }

    field->words_count = 0;

    for (p = field->values; /* void */ ; p++) {
        word = &field->words[field->words_count++];
        word->data = p;
        word->size = strcspn(p, "|");

        p += word->size;

        if (*p == '\0') {
            break;
        }
    }

    qsort(field->words, field->words_count, sizeof(ngx_websocket_word_t),
          ngx_websocket_word_order);

    return 0;
}


/* a string's or a boolean's is an enum of one, a number's both its bounds */

static int
ngx_websocket_field_const(ngx_websocket_words_t *words, const char *value)
{
    ngx_websocket_field_t  *field;

    field = words->field;

    switch (field->shape.kind) {

    case NGX_WEBSOCKET_KIND_INTEGER:
    case NGX_WEBSOCKET_KIND_NUMBER:

        if (ngx_websocket_field_bound(words, &field->min, "const", value)
            != 0)
        {
            return -1;
        }

        field->max = field->min;

        return 0;

    case NGX_WEBSOCKET_KIND_BOOLEAN:

        if (strcmp(value, "true") && strcmp(value, "false")) {
            return ngx_websocket_type_wrong(words, "\"const=%s\" is not "
                                            "\"true\" or \"false\"", value);
        }

        break;

    default: /* NGX_WEBSOCKET_KIND_STRING */
        break;
    }

    free(field->values);
    free(field->words);

    field->values = strdup(value);
    field->words = malloc(sizeof(ngx_websocket_word_t));

    if (field->values == NULL || field->words == NULL) {
        return ngx_websocket_type_wrong(words, "no memory");
    }

    field->words[0].data = field->values;
    field->words[0].size = strlen(value);
    field->words_count = 1;

    return 0;
}


static int
ngx_websocket_field_pattern(ngx_websocket_words_t *words, const char *value)
{
    char                        error[256];
    ngx_websocket_type_maker_t  *maker;

    maker = &words->type->maker;

    if (maker->compile == NULL || maker->match == NULL) {
        return ngx_websocket_type_wrong(words, "\"pattern=\" needs regular "
                                        "expressions, which are not there");
    }

    error[0] = '\0';

    words->field->regex = maker->compile(maker->data, value, error,
                                         sizeof(error));

    if (words->field->regex == NULL) {
        return ngx_websocket_type_wrong(words, "pattern \"%s\": %s", value,
                                        error);
    }

    return 0;
}


static int
ngx_websocket_field_of(ngx_websocket_words_t *words, const char *value)
{
    ngx_websocket_shape_t       *shape;
    ngx_websocket_kind_e         kind;
    ngx_websocket_type_maker_t  *maker;

    maker = &words->type->maker;
    shape = &words->field->shape;
    kind = ngx_websocket_kind_find(value);

    if (shape->kind == NGX_WEBSOCKET_KIND_OBJECT
        && kind != NGX_WEBSOCKET_KINDS)
    {
        words->field->each = ngx_websocket_field_each(words, kind);

        return words->field->each ? 0 : -1;
    }

    if (shape->kind == NGX_WEBSOCKET_KIND_ARRAY) {
        shape = &words->field->items;
        shape->kind = NGX_WEBSOCKET_KIND_OBJECT;

        if (kind != NGX_WEBSOCKET_KINDS) {
            shape->kind = kind;
            return 0;
        }
    }

    shape->of = maker->find ? maker->find(maker->data, value) : NULL;

    if (shape->of == NULL) {
        return ngx_websocket_type_wrong(words, "unknown type \"%s\"", value);
    }

    words->type->defaults |= shape->of->defaults;

    return 0;
}


/* what a value of a name that is not known is */

static ngx_websocket_field_t *
ngx_websocket_field_each(ngx_websocket_words_t *words,
    ngx_websocket_kind_e kind)
{
    ngx_websocket_field_t  *each;

    each = calloc(1, sizeof(ngx_websocket_field_t));

    if (each) {
        each->name = strdup("");
    }

    if (each == NULL || each->name == NULL) {
        free(each);
        (void) ngx_websocket_type_wrong(words, "no memory");
        return NULL;
    }

    each->shape.kind = kind;
    each->items.kind = NGX_WEBSOCKET_KIND_ANY;

    return each;
}


static int
ngx_websocket_field_default(ngx_websocket_words_t *words, const char *value)
{
    json_error_t            error;
    ngx_websocket_field_t  *field;

    field = words->field;

    json_decref(field->value);

    if (field->shape.kind == NGX_WEBSOCKET_KIND_STRING) {
        field->value = json_string(value);

        return field->value
               ? 0 : ngx_websocket_type_wrong(words, "\"default=%s\" is not "
                                              "UTF-8", value);
    }

    field->value = json_loads(value, JSON_DECODE_ANY|JSON_REJECT_DUPLICATES,
                              &error);

    return field->value
           ? 0 : ngx_websocket_type_wrong(words, "\"default=%s\" is not JSON: "
                                          "%s", value, error.text);
}


/* checks that need all words of the field */

static int
ngx_websocket_field_done(ngx_websocket_words_t *words)
{
    size_t                       left;
    ngx_websocket_field_t       *field;
    ngx_websocket_json_error_t   error;
    ngx_websocket_json_place_t   place;

    field = words->field;

    if (field->min.set && field->max.set
        && ngx_websocket_json_compare(&field->min.number, &field->max.number)
           > 0)
    {
        return ngx_websocket_type_wrong(words, "\"min=\" is above \"max=\"");
    }

    if (field->value == NULL) {
        return 0;
    }

    if (field->required) {
        return ngx_websocket_type_wrong(words, "a required field has no use "
                                        "for \"default=\"");
    }

    place.parent = NULL;
    place.name = "default";
    place.size = sizeof("default") - 1;

    if (ngx_websocket_check_field(words->type, field, field->value, &place, 1,
                                  &error)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return ngx_websocket_type_wrong(words, "%s: %s", error.path,
                                        error.rule);
    }

    /*
     * A default is copied whole: the check of the message does not descend
     * into it.
     */

    left = SIZE_MAX;

    if (ngx_websocket_defaults_value(field, field->value, &left) < 0
        || ngx_websocket_field_given(field) != 0
        || ngx_websocket_field_gives(words->type, field) != 0)
    {
        return ngx_websocket_type_wrong(words, "no memory");
    }

    return 0;
}


static int
ngx_websocket_field_gives(ngx_websocket_type_t *type,
    const ngx_websocket_field_t *field)
{
    size_t  *givers;

    givers = ngx_websocket_type_more(type->givers, type->givers_count,
                                     sizeof(size_t));
    if (givers == NULL) {
        return -1;
    }

    type->defaults = 1;
    type->givers = givers;
    type->givers[type->givers_count++] = (size_t) (field - type->fields);

    return 0;
}


/* "NAME":VALUE, behind a comma */

static int
ngx_websocket_field_given(ngx_websocket_field_t *field)
{
    int                        rc;
    ngx_websocket_json_text_t  text;

    memset(&text, 0, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append_string(&text, field->name, field->size);
    ngx_websocket_json_append_value(&text, field->value);

    field->given = text.size + 2;
    rc = text.failed ? -1 : 0;

    ngx_websocket_json_text_done(&text);

    return rc;
}


int
ngx_websocket_type_view(ngx_websocket_type_t *type, const char *const *words,
    size_t n, char *error, size_t size)
{
    size_t                        i;
    const char                   *wrong;
    ngx_websocket_view_t        **views;
    const ngx_websocket_type_t   *of;
    const ngx_websocket_field_t  *field;
    ngx_websocket_words_t         ctx = { type, NULL, error, size };

    if (n < 2) {
        return ngx_websocket_type_wrong(&ctx, "a view is NAME FIELD ...");
    }

    if (ngx_websocket_type_find_view(type, words[0], strlen(words[0]))) {
        return ngx_websocket_type_wrong(&ctx, "duplicate view \"%s\"%s",
                                     words[0],
                                     strcmp(words[0], "default") ? ""
                                         : ": it is always there");
    }

    for (i = 1; i < n; i++) {

        of = type;
        wrong = ngx_websocket_type_path(&of, words[i], &field);

        if (wrong) {
            return ngx_websocket_type_wrong(&ctx,
                                            "view \"%s\": field \"%s\" %s",
                                            words[0], words[i], wrong);
        }
    }

    views = ngx_websocket_type_more(type->views, type->views_count,
                                    sizeof(ngx_websocket_view_t *));

    if (views == NULL) {
        return ngx_websocket_type_wrong(&ctx, "no memory");
    }

    type->views = views;
    views[type->views_count] = ngx_websocket_view_create(words[0], words + 1,
                                                         n - 1, error, size);

    if (views[type->views_count] == NULL) {
        return -1;
    }

    type->views_count++;

    return 0;
}


const char *
ngx_websocket_type_path(const ngx_websocket_type_t **type, const char *path,
    const ngx_websocket_field_t **field)
{
    size_t       size;
    const char  *wrong;

    while (*type) {

        size = strcspn(path, ".");
        wrong = ngx_websocket_type_member(*type, path, size, field);

        if (wrong) {
            return wrong;
        }

        if (*field == NULL || path[size] == '\0') {
            return NULL;
        }

        if ((*field)->each) {
            path += size + 1;
            size = strcspn(path, ".");
            *field = (*field)->each;

            if (path[size] == '\0') {
                return NULL;
            }
        }

        if ((*field)->shape.kind != NGX_WEBSOCKET_KIND_OBJECT
            && (*field)->shape.kind != NGX_WEBSOCKET_KIND_ANY)
        {
            return "is within what is no object";
        }

        *type = (*field)->shape.of;
        path += size + 1;
    }

    *field = NULL;

    return NULL;
}


/*
 * As ngx_websocket_type_path(), for the first name of one.  Of a name that
 * several variants have nothing is said: a client's path would else be looked
 * up in all that these are made of.
 */

static const char *
ngx_websocket_type_member(const ngx_websocket_type_t *type, const char *name,
    size_t size, const ngx_websocket_field_t **field)
{
    size_t                        i, n, known;
    const ngx_websocket_type_t   *variant;
    const ngx_websocket_field_t  *other;

    *field = ngx_websocket_type_find_field(type, name, size);

    if (*field) {
        return NULL;
    }

    n = type->variants ? type->fields[type->by].words_count : 0;
    known = 0;

    for (i = 0; i < n; i++) {
        variant = type->variants[i];
        other = ngx_websocket_type_find_field(variant, name, size);

        if (other || variant->additional) {
            *field = known++ ? NULL : other ? other : variant->rest;
        }
    }

    if (known || type->additional) {
        *field = type->additional ? type->rest : *field;
        return NULL;
    }

    return "is unknown";
}


int
ngx_websocket_type_additional(ngx_websocket_type_t *type,
    const char *const *words, size_t n, char *error, size_t size)
{
    size_t                 wrong;
    ngx_websocket_words_t  ctx = { type, NULL, error, size };

    if (n == 1 && (strcmp(words[0], "on") == 0
                   || strcmp(words[0], "off") == 0))
    {
        type->additional = strcmp(words[0], "on") == 0;
        return 0;
    }

    if (n == 0 || ngx_websocket_kind_find(words[0]) == NGX_WEBSOCKET_KINDS) {
        return ngx_websocket_type_wrong(&ctx,
                                        "\"additional\" is \"on\", \"off\" "
                                        "or a kind");
    }

    return ngx_websocket_type_rest_at(type, words, n, &wrong, error, size);
}


int
ngx_websocket_type_rest_at(ngx_websocket_type_t *type,
    const char *const *words, size_t n, size_t *wrong, char *error,
    size_t size)
{
    ngx_websocket_words_t  ctx = { type, NULL, error, size };

    *wrong = 0;

    if (type->rest) {
        return ngx_websocket_type_wrong(&ctx, "duplicate \"additional\"");
    }

    type->rest = ngx_websocket_field_each(&ctx,
                                          ngx_websocket_kind_find(words[0]));
    if (type->rest == NULL) {
        return -1;
    }

    *wrong = 1;

    ctx.field = type->rest;
    type->additional = 1;

    return ngx_websocket_field_options(&ctx, words, n, wrong);
}


const ngx_websocket_field_t *
ngx_websocket_type_find_field(const ngx_websocket_type_t *type,
    const char *name, size_t size)
{
    size_t                        i;
    const ngx_websocket_field_t  *field;

    i = ngx_websocket_type_place(type, name, size);

    if (i == type->count) {
        return NULL;
    }

    field = &type->fields[type->names[i]];

    return ngx_websocket_field_order(field, name, size) == 0 ? field : NULL;
}


/* finds the first of the sorted names that is not before this one */

static size_t
ngx_websocket_type_place(const ngx_websocket_type_t *type, const char *name,
    size_t size)
{
    size_t  first, last, i;

    first = 0;
    last = type->count;

    while (first < last) {
        i = (first + last) / 2;

        if (ngx_websocket_field_order(&type->fields[type->names[i]], name,
                                      size)
            < 0)
        {
            first = i + 1;

        } else {
            last = i;
        }
    }

    return first;
}


static int
ngx_websocket_field_order(const ngx_websocket_field_t *field,
    const char *name, size_t size)
{
    if (field->size != size) {
        return field->size < size ? -1 : 1;
    }

    return memcmp(field->name, name, size);
}


const ngx_websocket_view_t *
ngx_websocket_type_find_view(const ngx_websocket_type_t *type,
    const char *name, size_t size)
{
    size_t       i;
    const char  *other;

    for (i = 0; i < type->views_count; i++) {
        other = ngx_websocket_view_name(type->views[i]);

        if (strlen(other) == size && memcmp(other, name, size) == 0) {
            return type->views[i];
        }
    }

    return NULL;
}
