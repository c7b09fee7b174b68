
/*
 * Fields of messages.  What jansson reads as an object is read, and says the
 * same when it is written again; what is read, whether jansson does or not,
 * is JSON when it is written, and stays the same from then on.
 */

#include "fuzz.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/fields.c"


static json_t *
read_fields(const char *message, size_t size)
{
    json_t  *json;

    fuzz_check(ngx_websocket_fields_read(message, size, &json)
               == NGX_WEBSOCKET_JSON_OK);
    return json;
}


/* one field is what it is among all */

static void
fuzz_find(const char *message, size_t size, const json_t *json)
{
    json_t  *value, *same;

    fuzz_check(ngx_websocket_fields_find(message, size, "id", &value, NULL)
               == NGX_WEBSOCKET_JSON_OK);

    same = json_object_get(json, "id");

    fuzz_check(json_is_object(same)
               ? ngx_websocket_json_is_piece(value)
               : value == same || json_equal(value, same));

    json_decref(value);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char                       *copy;
    json_t                     *json, *again, *other;
    json_error_t                error;
    ngx_websocket_json_text_t   text = { NULL, 0, 0, 0, 0, 0 };
    ngx_websocket_json_text_t   same = { NULL, 0, 0, 0, 0, 0 };

    copy = (char *) fuzz_copy(p, n);
    json = read_fields(copy, n);
    other = n && memchr(p, 0, n) == NULL
            ? json_loadb(copy, n, JSON_REJECT_DUPLICATES, &error) : NULL;

    fuzz_check(!json_is_object(other) || json);
    fuzz_find(copy, n, json);

    if (json) {
        ngx_websocket_json_append_value(&text, json);

        again = read_fields(text.data, text.size);
        fuzz_check(again != NULL);
        ngx_websocket_json_append_value(&same, again);
        json_decref(again);

        fuzz_check(text.size == same.size
                   && memcmp(text.data, same.data, text.size) == 0);
    }

    if (json_is_object(other)) {
        again = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES,
                           &error);
        fuzz_check(again && json_equal(again, other));
        json_decref(again);
    }

    ngx_websocket_json_text_done(&text);
    ngx_websocket_json_text_done(&same);
    json_decref(other);
    json_decref(json);
    free(copy);

    return 0;
}
