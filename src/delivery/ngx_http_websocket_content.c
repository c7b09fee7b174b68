
#include "delivery/ngx_http_websocket_content.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "delivery/ngx_http_websocket_views.h"
#include "message/fields.h"
#include "wire/frame.h"


/* the work of reading or writing so many bytes of JSON, in steps of a turn */
#define ngx_http_websocket_content_steps(size)  (1 + (size) / 128)


/* a message as a view shows it */

typedef struct ngx_http_websocket_shown_s  ngx_http_websocket_shown_t;

struct ngx_http_websocket_shown_s {
    ngx_http_websocket_shown_t    *next;
    ngx_http_websocket_message_t  *message;     /* NULL: there is nothing to
                                                   show */
    ngx_uint_t                     number;
};


struct ngx_http_websocket_content_s {
    json_t                        *json;
    ngx_uint_t                     read;        /* or not to be read */
    ngx_uint_t                     keyed;       /* 1: its frames have its key */
    ngx_http_websocket_shown_t    *shown;
};


static uint64_t ngx_http_websocket_content_hash(const json_t *value);
static ngx_int_t ngx_http_websocket_content_show(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_http_websocket_shown_t *shown);
static ngx_http_websocket_message_t *ngx_http_websocket_content_message(
    ngx_log_t *log, ngx_http_websocket_message_t *message,
    ngx_websocket_json_text_t *text);


ngx_http_websocket_content_t *
ngx_http_websocket_content_of(ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    if (message->content == NULL) {
        message->content = ngx_calloc(sizeof(ngx_http_websocket_content_t),
                                      log);
    }

    return message->content;
}


ngx_int_t
ngx_http_websocket_content_json(ngx_log_t *log,
    ngx_http_websocket_message_t *message, const json_t **json)
{
    ngx_http_websocket_content_t  *content;

    content = ngx_http_websocket_content_of(log, message);

    if (content == NULL) {
        return NGX_ERROR;
    }

    if (!content->read && message->type == NGX_WEBSOCKET_TEXT) {

        ngx_http_websocket_turn_worked(
                            ngx_http_websocket_content_steps(message->size));

        if (ngx_websocket_fields_read((char *) message->payload,
                                      message->size, &content->json)
            != NGX_WEBSOCKET_JSON_OK)
        {
            return NGX_ERROR;
        }
    }

    content->read = 1;
    *json = content->json;

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_content_key(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_str_t *field)
{
    uint64_t                       key;
    const json_t                  *json;
    ngx_http_websocket_frame_t    *frame;
    ngx_http_websocket_content_t  *content;

    content = ngx_http_websocket_content_of(log, message);

    if (content == NULL
        || ngx_http_websocket_content_json(log, message, &json) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (content->keyed) {
        return NGX_OK;
    }

    key = json ? ngx_http_websocket_content_hash(json_object_getn(json,
                                           (char *) field->data, field->len))
               : 0;

    message->frame.key = key;

    for (frame = message->frames; frame; frame = frame->next) {
        frame->key = key;
    }

    content->keyed = 1;

    return NGX_OK;
}


/*
 * 64 bits: of two values with the same hash, one would take the other's place
 */

static uint64_t
ngx_http_websocket_content_hash(const json_t *value)
{
    u_char       number[NGX_INT64_LEN + 1];
    size_t       size;
    const char  *text;

    if (json_is_string(value)) {
        text = json_string_value(value);
        size = json_string_length(value);

    } else if (json_is_integer(value)) {
        text = (char *) number;
        size = ngx_sprintf(number, "%L", (int64_t) json_integer_value(value))
               - number;
    } else {
        return 0;
    }

    return (uint64_t) ngx_murmur_hash2((u_char *) text, size) << 32
           | (ngx_crc32_long((u_char *) text, size) | 1);
}


ngx_http_websocket_shown_e
ngx_http_websocket_content_project(ngx_log_t *log,
    ngx_http_websocket_message_t **message, ngx_uint_t number)
{
    ngx_http_websocket_shown_t    *shown;
    ngx_http_websocket_content_t  *content;

    content = ngx_http_websocket_content_of(log, *message);

    if (content == NULL) {
        return NGX_HTTP_WEBSOCKET_SHOW_NO_MEMORY;
    }

    for (shown = content->shown; shown; shown = shown->next) {
        if (shown->number == number) {
            break;
        }
    }

    if (shown == NULL) {

        shown = ngx_alloc(sizeof(ngx_http_websocket_shown_t), log);
        if (shown == NULL) {
            return NGX_HTTP_WEBSOCKET_SHOW_NO_MEMORY;
        }

        shown->number = number;
        shown->message = NULL;

        if (ngx_http_websocket_content_show(log, *message, shown) != NGX_OK) {
            ngx_free(shown);
            return NGX_HTTP_WEBSOCKET_SHOW_NO_MEMORY;
        }

        shown->next = content->shown;
        content->shown = shown;
    }

    if (shown->message == NULL) {
        return NGX_HTTP_WEBSOCKET_HIDDEN;
    }

    /* a message that is kept may be shown in a later delivery */

    shown->message->name = (*message)->name;

    *message = shown->message;

    return NGX_HTTP_WEBSOCKET_SHOWN;
}


static ngx_int_t
ngx_http_websocket_content_show(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_http_websocket_shown_t *shown)
{
    const json_t               *json;
    ngx_websocket_json_text_t   text;

    if (ngx_http_websocket_content_json(log, message, &json) != NGX_OK) {
        return NGX_ERROR;
    }

    if (json == NULL) {
        return NGX_OK;
    }

    ngx_http_websocket_turn_worked(
                            ngx_http_websocket_content_steps(message->size));

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    if (ngx_websocket_view_project(ngx_http_websocket_view(shown->number),
                                   message->content->json, &text)
        != 0)
    {
        ngx_websocket_json_text_done(&text);
        return NGX_ERROR;
    }

    /* a message of which the view shows no field is not delivered */

    if (text.size > 2) {
        shown->message = ngx_http_websocket_content_message(log, message,
                                                            &text);

        if (shown->message == NULL) {
            ngx_websocket_json_text_done(&text);
            return NGX_ERROR;
        }
    }

    ngx_websocket_json_text_done(&text);

    return NGX_OK;
}


static ngx_http_websocket_message_t *
ngx_http_websocket_content_message(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_websocket_json_text_t *text)
{
    ngx_http_websocket_message_t  *m;

    m = ngx_http_websocket_message_create(NGX_WEBSOCKET_TEXT, text->size, log);

    if (m == NULL) {
        return NULL;
    }

    ngx_memcpy(m->payload, text->data, text->size);

    m->epoch = message->epoch;
    m->offset = message->offset;
    m->source = message->source;
    m->except = message->except;
    m->ephemeral = message->ephemeral;
    m->event = message->event;
    m->meta = message->meta;
    m->meta_size = message->meta_size;

    ngx_http_websocket_frame_of(&m->frame, message);

    return m;
}


void
ngx_http_websocket_content_free(ngx_http_websocket_message_t *message)
{
    ngx_http_websocket_shown_t    *shown, *next;
    ngx_http_websocket_content_t  *content;

    ngx_http_websocket_filters_forget(message);

    content = message->content;
    message->content = NULL;

    for (shown = content->shown; shown; shown = next) {
        next = shown->next;

        if (shown->message) {
            ngx_http_websocket_message_release(shown->message);
        }

        ngx_free(shown);
    }

    json_decref(content->json);
    ngx_free(content);
}
