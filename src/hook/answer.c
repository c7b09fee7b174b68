
#include "hook/answer.h"

#include <string.h>


static ngx_websocket_json_e ngx_websocket_answer_members(
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_answer_kinds(
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_answer_user(
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_answer_expires(
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_answer_state(
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_answer_channels(
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_answer_code(
    ngx_websocket_answer_t *answer, const char *name,
    ngx_websocket_json_error_t *error);
static ngx_websocket_json_e ngx_websocket_answer_wrong(
    ngx_websocket_json_error_t *error, const char *name, const char *rule);


static const ngx_websocket_json_limits_t  ngx_websocket_answer_limits = {
    65536,
    32,     /* levels */
    10000   /* values */
};


ngx_websocket_json_e
ngx_websocket_answer_read(const char *text, size_t size,
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error)
{
    ngx_websocket_json_e  rc;

    memset(answer, 0, sizeof(ngx_websocket_answer_t));

    if (size == 0) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    rc = ngx_websocket_json_decode(text, size, &ngx_websocket_answer_limits,
                                   &answer->json, error);

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        answer->json = NULL;
        return rc;
    }

    rc = json_is_object(answer->json)
         ? ngx_websocket_answer_members(answer, error)
         : ngx_websocket_json_refuse(error, NULL, "expected object, got %s",
                                     ngx_websocket_json_kind(answer->json));

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        ngx_websocket_answer_done(answer);
    }

    return rc;
}


static ngx_websocket_json_e
ngx_websocket_answer_members(ngx_websocket_answer_t *answer,
    ngx_websocket_json_error_t *error)
{
    json_t                *publish;
    ngx_websocket_json_e   rc;

    answer->data = json_object_get(answer->json, "data");
    answer->data_base64 = json_object_get(answer->json, "data_base64");
    answer->send = json_object_get(answer->json, "send");
    answer->channels = json_object_get(answer->json, "channels");
    answer->user = json_object_get(answer->json, "user");
    answer->state = json_object_get(answer->json, "state");

    publish = json_object_get(answer->json, "publish");

    if (publish && !json_is_boolean(publish)) {
        return ngx_websocket_answer_wrong(error, "publish",
                                          "expected true or false");
    }

    answer->silent = json_is_false(publish);

    rc = ngx_websocket_answer_kinds(answer, error);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_answer_user(answer, error);
    }

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_answer_expires(answer, error);
    }

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_answer_state(answer, error);
    }

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_answer_channels(answer, error);
    }

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_answer_code(answer, "error", error);
    }

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        rc = ngx_websocket_answer_code(answer, "close", error);
    }

    return rc;
}


static ngx_websocket_json_e
ngx_websocket_answer_kinds(ngx_websocket_answer_t *answer,
    ngx_websocket_json_error_t *error)
{
    if (answer->data_base64
        && (answer->data || !json_is_string(answer->data_base64)))
    {
        return ngx_websocket_answer_wrong(error, "data_base64",
                                          answer->data
                                          ? "there is \"data\" already"
                                          : "expected string");
    }

    if (answer->send
        && (!json_is_array(answer->send)
            || json_array_size(answer->send) > NGX_WEBSOCKET_ANSWER_SEND))
    {
        return ngx_websocket_answer_wrong(error, "send",
                                          "expected an array of up to 16");
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* it goes to logs and names: no control characters */

static ngx_websocket_json_e
ngx_websocket_answer_user(ngx_websocket_answer_t *answer,
    ngx_websocket_json_error_t *error)
{
    size_t       i, size;
    const char  *text;

    if (answer->user == NULL) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    text = json_string_value(answer->user);
    size = json_string_length(answer->user);

    if (text == NULL || size == 0 || size > NGX_WEBSOCKET_ANSWER_USER) {
        return ngx_websocket_answer_wrong(error, "user",
                                          "expected a string of 1 to 255 "
                                          "bytes");
    }

    for (i = 0; i < size; i++) {
        if ((unsigned char) text[i] < 0x20 || text[i] == 0x7f) {
            return ngx_websocket_answer_wrong(error, "user",
                                              "has a control character");
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


static ngx_websocket_json_e
ngx_websocket_answer_expires(ngx_websocket_answer_t *answer,
    ngx_websocket_json_error_t *error)
{
    json_t  *expires;

    expires = json_object_get(answer->json, "expires");

    if (expires == NULL) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    answer->expires = json_integer_value(expires);

    /* milliseconds of it are a number, too */

    if (answer->expires <= 0 || answer->expires > INT64_MAX / 1000) {
        return ngx_websocket_answer_wrong(error, "expires",
                                          "expected seconds since 1970");
    }

    return NGX_WEBSOCKET_JSON_OK;
}


static ngx_websocket_json_e
ngx_websocket_answer_state(ngx_websocket_answer_t *answer,
    ngx_websocket_json_error_t *error)
{
    int                        failed;
    ngx_websocket_json_text_t  text;

    if (answer->state == NULL || json_is_null(answer->state)) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (!json_is_object(answer->state)) {
        return ngx_websocket_answer_wrong(error, "state",
                                          "expected object or null");
    }

    memset(&text, 0, sizeof(ngx_websocket_json_text_t));
    text.max = NGX_WEBSOCKET_ANSWER_STATE;

    ngx_websocket_json_append_value(&text, answer->state);

    failed = text.failed;
    ngx_websocket_json_text_done(&text);

    return failed ? ngx_websocket_answer_wrong(error, "state",
                                               "has more than 1024 bytes")
                  : NGX_WEBSOCKET_JSON_OK;
}


static ngx_websocket_json_e
ngx_websocket_answer_channels(ngx_websocket_answer_t *answer,
    ngx_websocket_json_error_t *error)
{
    size_t  i;

    if (answer->channels == NULL) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (!json_is_array(answer->channels)) {
        return ngx_websocket_answer_wrong(error, "channels",
                                          "expected array");
    }

    for (i = 0; i < json_array_size(answer->channels); i++) {
        if (!json_is_string(json_array_get(answer->channels, i))) {
            return ngx_websocket_answer_wrong(error, "channels",
                                              "expected strings");
        }
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* a refusal: "error" with a message, or "close" with a reason */

static ngx_websocket_json_e
ngx_websocket_answer_code(ngx_websocket_answer_t *answer, const char *name,
    ngx_websocket_json_error_t *error)
{
    json_t      *refusal, *reason;
    unsigned     close;
    json_int_t   code;

    close = name[0] == 'c';
    refusal = json_object_get(answer->json, name);

    if (refusal == NULL) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    code = json_integer_value(json_object_get(refusal, "code"));
    reason = json_object_get(refusal, close ? "reason" : "message");

    if (code < (close ? 3000 : 100) || code > (close ? 4999 : 1999)) {
        return ngx_websocket_answer_wrong(error, name, close
                                        ? "expected a code from 3000 to 4999"
                                        : "expected a code from 100 to 1999");
    }

    if (reason
        && (!json_is_string(reason)
            || json_string_length(reason) > NGX_WEBSOCKET_ANSWER_REASON))
    {
        return ngx_websocket_answer_wrong(error, name, close
                                    ? "expected a reason of up to 123 bytes"
                                    : "expected a message of up to 123 bytes");
    }

    answer->code = code;
    answer->close = close;
    answer->reason = reason;

    return NGX_WEBSOCKET_JSON_OK;
}


static ngx_websocket_json_e
ngx_websocket_answer_wrong(ngx_websocket_json_error_t *error,
    const char *name, const char *rule)
{
    ngx_websocket_json_place_t  place;

    place.parent = NULL;
    place.name = name;
    place.size = strlen(name);

    return ngx_websocket_json_refuse(error, &place, "%s", rule);
}


void
ngx_websocket_answer_done(ngx_websocket_answer_t *answer)
{
    json_decref(answer->json);

    memset(answer, 0, sizeof(ngx_websocket_answer_t));
}
