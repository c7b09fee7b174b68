
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/type_by.h"
#include "message/type_check.h"
#include "message/type_private.h"


static int ngx_websocket_by_field(ngx_websocket_type_t *type,
    const char *const *words, size_t n, char *error, size_t size);
static int ngx_websocket_by_pair(ngx_websocket_type_t *type, const char *pair,
    char *error, size_t size);
static const ngx_websocket_type_t **ngx_websocket_by_place(
    const ngx_websocket_type_t *type, const char *data, size_t size);


int
ngx_websocket_type_by(ngx_websocket_type_t *type, const char *const *words,
    size_t n, char *error, size_t size)
{
    size_t  i;

    if (n < 2 || type->variants) {
        (void) snprintf(error, size, type->variants
                                     ? "duplicate \"by\""
                                     : "\"by\" is FIELD WORD=TYPE ...");
        return -1;
    }

    if (ngx_websocket_by_field(type, words, n, error, size) != 0) {
        return -1;
    }

    type->by = type->count - 1;
    type->variants = calloc(n - 1, sizeof(ngx_websocket_type_t *));

    if (type->variants == NULL) {
        (void) snprintf(error, size, "no memory");
        return -1;
    }

    for (i = 1; i < n; i++) {

        if (ngx_websocket_by_pair(type, words[i], error, size) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
ngx_websocket_by_field(ngx_websocket_type_t *type, const char *const *words,
    size_t n, char *error, size_t size)
{
    int                         rc;
    size_t                      i, len;
    const char                 *field[4];
    ngx_websocket_json_text_t   text = { NULL, 0, 0, 0, 0, 0 };

    ngx_websocket_json_append(&text, "enum=", sizeof("enum=") - 1);

    for (i = 1; i < n; i++) {
        len = strcspn(words[i], "=|");

        if (len == 0 || words[i][len] != '=') {
            ngx_websocket_json_text_done(&text);
            (void) snprintf(error, size, "\"by\": \"%s\" is not WORD=TYPE",
                            words[i]);
            return -1;
        }

        ngx_websocket_json_append(&text, "|", i > 1);
        ngx_websocket_json_append(&text, words[i], len);
    }

    ngx_websocket_json_append(&text, "", 1);

    if (text.failed) {
        ngx_websocket_json_text_done(&text);
        (void) snprintf(error, size, "no memory");
        return -1;
    }

    field[0] = words[0];
    field[1] = "string";
    field[2] = "required";
    field[3] = text.data;

    rc = ngx_websocket_type_field(type, field, 4, error, size);

    ngx_websocket_json_text_done(&text);

    return rc;
}


/*
 * A type of several cannot be one of the several: so that no message is held
 * against more than two types at one place, however they are nested.
 */

static int
ngx_websocket_by_pair(ngx_websocket_type_t *type, const char *pair,
    char *error, size_t size)
{
    size_t                        len;
    const ngx_websocket_type_t  **place, *variant;

    len = strcspn(pair, "=");

    variant = type->maker.find
              ? type->maker.find(type->maker.data, pair + len + 1) : NULL;

    if (variant == NULL || variant == type) {
        (void) snprintf(error, size, "\"by\": unknown type \"%s\"",
                        pair + len + 1);
        return -1;
    }

    if (variant->variants) {
        (void) snprintf(error, size, "\"by\": type \"%s\" has a \"by\" itself",
                        pair + len + 1);
        return -1;
    }

    place = ngx_websocket_by_place(type, pair, len);

    if (*place) {
        (void) snprintf(error, size, "\"by\": duplicate \"%.*s\"", (int) len,
                        pair);
        return -1;
    }

    *place = variant;
    type->defaults |= variant->defaults;

    return 0;
}


/* of a word's variant, NULL when it is none */

static const ngx_websocket_type_t **
ngx_websocket_by_place(const ngx_websocket_type_t *type, const char *data,
    size_t size)
{
    ngx_websocket_word_t          word, *found;
    const ngx_websocket_field_t  *field;

    word.data = data;
    word.size = size;

    field = &type->fields[type->by];

    found = bsearch(&word, field->words, field->words_count,
                    sizeof(ngx_websocket_word_t), ngx_websocket_word_order);

    return found ? &type->variants[found - field->words] : NULL;
}


const ngx_websocket_type_t *
ngx_websocket_type_variant(const ngx_websocket_type_t *type,
    const json_t *json)
{
    const json_t                 *value;
    const ngx_websocket_field_t  *field;
    const ngx_websocket_type_t  **place;

    if (type->variants == NULL) {
        return NULL;
    }

    field = &type->fields[type->by];
    value = json_object_getn(json, field->name, field->size);

    if (!json_is_string(value)) {
        return NULL;
    }

    place = ngx_websocket_by_place(type, json_string_value(value),
                                   json_string_length(value));

    return place ? *place : NULL;
}
