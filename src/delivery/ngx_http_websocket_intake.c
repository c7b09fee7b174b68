
#include "delivery/ngx_http_websocket_intake.h"
#include "clock/ngx_http_websocket_clock.h"
#include "conf/ngx_http_websocket_pattern.h"
#include "delivery/ngx_http_websocket_except.h"
#include "delivery/ngx_http_websocket_priority.h"
#include "store/message.h"
#include "message/fields.h"
#include "message/type_check.h"
#include "wire/frame.h"


static ngx_websocket_json_e ngx_http_websocket_intake_check(
    ngx_http_websocket_intake_t *in);
static ngx_websocket_json_e ngx_http_websocket_intake_fields(
    ngx_http_websocket_intake_t *in);
static ngx_websocket_json_e ngx_http_websocket_intake_field(
    ngx_http_websocket_intake_t *in, const ngx_str_t *name, json_t **value);
static ngx_websocket_json_e ngx_http_websocket_intake_stamp(
    ngx_http_websocket_intake_t *in);
static ngx_websocket_json_e ngx_http_websocket_intake_length(
    ngx_http_websocket_intake_t *in);
static ngx_websocket_json_e ngx_http_websocket_intake_binary(
    ngx_http_websocket_intake_t *in);


/* the limits of a message in a location without a type */

static const ngx_websocket_json_limits_t  ngx_http_websocket_intake_limits = {
    NGX_MAX_INT32_VALUE,
    NGX_HTTP_WEBSOCKET_DEPTH,
    NGX_HTTP_WEBSOCKET_VALUES
};


ngx_websocket_json_e
ngx_http_websocket_intake(ngx_http_websocket_intake_t *in)
{
    ngx_websocket_json_e  rc;

    in->priority = NGX_HTTP_WEBSOCKET_NORMAL;

    if (in->use) {
        rc = ngx_http_websocket_intake_check(in);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }
    }

    if ((in->priority_field->len || in->except)
        && in->type == NGX_WEBSOCKET_TEXT)
    {
        rc = ngx_http_websocket_intake_fields(in);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }
    }

    return in->stamp ? ngx_http_websocket_intake_stamp(in)
                     : NGX_WEBSOCKET_JSON_OK;
}


/* takes from the message's fields what they say of it */

static ngx_websocket_json_e
ngx_http_websocket_intake_fields(ngx_http_websocket_intake_t *in)
{
    json_t                *value;
    ngx_websocket_json_e   rc;

    if (in->priority_field->len) {
        rc = ngx_http_websocket_intake_field(in, in->priority_field, &value);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }

        in->priority = ngx_http_websocket_priority_json(value);

        json_decref(value);
    }

    if (in->except) {
        rc = ngx_http_websocket_intake_field(in, &in->except->field, &value);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }

        in->ephemeral = ngx_http_websocket_except_json(in->except, value);

        json_decref(value);
    }

    return NGX_WEBSOCKET_JSON_OK;
}


/* the name is a directive's argument: it ends with a null */

static ngx_websocket_json_e
ngx_http_websocket_intake_field(ngx_http_websocket_intake_t *in,
    const ngx_str_t *name, json_t **value)
{
    if (in->json) {
        *value = json_incref(json_object_get(in->json, (char *) name->data));
        return NGX_WEBSOCKET_JSON_OK;
    }

    return ngx_websocket_fields_find((char *) in->data, in->size,
                                     (char *) name->data, value, NULL);
}


ngx_websocket_json_e
ngx_http_websocket_intake_read(ngx_http_websocket_intake_t *in)
{
    if (in->json) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (in->type != NGX_WEBSOCKET_TEXT) {
        return ngx_http_websocket_intake_binary(in);
    }

    return ngx_websocket_json_decode((char *) in->data, in->size,
                                     in->use
                                     ? &in->use->limits
                                     : &ngx_http_websocket_intake_limits,
                                     &in->json, &in->error);
}


/*
 * Checks the message.  One that gets no defaults is published byte by byte as
 * it came.
 */

static ngx_websocket_json_e
ngx_http_websocket_intake_check(ngx_http_websocket_intake_t *in)
{
    int                   n;
    ngx_websocket_json_e  rc;

    rc = ngx_http_websocket_intake_read(in);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        ngx_http_websocket_pattern_begin();

        rc = ngx_websocket_type_check(in->use->type, in->json, &in->error);
    }

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        return rc;
    }

    n = ngx_websocket_type_defaults(in->use->type, in->json, in->max);

    if (n == 0) {
        return NGX_WEBSOCKET_JSON_OK;
    }

    if (n > 0) {
        in->made.max = in->max;
        ngx_websocket_json_append_value(&in->made, in->json);
    }

    if (n == NGX_WEBSOCKET_TYPE_MORE || in->made.over) {
        return ngx_websocket_json_refuse(&in->error, NULL,
                                "with its defaults larger than %zu bytes",
                                in->max);
    }

    if (n < 0 || in->made.failed) {
        return NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    in->data = (u_char *) in->made.data;
    in->size = in->made.size;

    return NGX_WEBSOCKET_JSON_OK;
}


/*
 * Stamps the message's text.  The parsed message, in->json, remains without
 * the stamp.
 */

static ngx_websocket_json_e
ngx_http_websocket_intake_stamp(ngx_http_websocket_intake_t *in)
{
    ngx_websocket_json_e       rc;
    ngx_websocket_json_text_t  text;

    if (in->type != NGX_WEBSOCKET_TEXT) {
        return ngx_http_websocket_intake_binary(in);
    }

    if (in->stamp->measured) {
        rc = ngx_http_websocket_intake_length(in);

        if (rc != NGX_WEBSOCKET_JSON_OK) {
            return rc;
        }
    }

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    rc = ngx_websocket_stamp((char *) in->data, in->size, in->stamp, &text,
                             &in->number, &in->error);

    ngx_websocket_json_text_done(&in->made);

    in->made = text;
    in->data = (u_char *) text.data;
    in->size = text.size;

    return rc;
}


/* the length of the string in the field whose length the stamp tells */

static ngx_websocket_json_e
ngx_http_websocket_intake_length(ngx_http_websocket_intake_t *in)
{
    json_t                *value;
    ngx_websocket_json_e   rc;

    rc = ngx_http_websocket_intake_read(in);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        value = json_object_getn(in->json, in->stamp->measured,
                                 in->stamp->measured_size);
        in->stamp->length = json_is_string(value)
                            ? (int64_t) json_string_length(value) : -1;
    }

    return rc;
}


ngx_uint_t
ngx_http_websocket_intake_parts(ngx_http_websocket_intake_t *in,
    ngx_websocket_store_part_t *parts)
{
    parts[0].data = in->data;
    parts[0].size = in->size;

    if (in->number == 0) {
        return 1;
    }

    parts[0].size = in->number;

    parts[1].data = ngx_websocket_store_offset;
    parts[1].size = 0;

    parts[2].data = in->data + in->number;
    parts[2].size = in->size - in->number;

    return 3;
}


static ngx_websocket_json_e
ngx_http_websocket_intake_binary(ngx_http_websocket_intake_t *in)
{
    return ngx_websocket_json_refuse(&in->error, NULL,
                                     "expected text, got binary");
}


void
ngx_http_websocket_intake_done(ngx_http_websocket_intake_t *in)
{
    json_decref(in->json);
    in->json = NULL;

    ngx_websocket_json_text_done(&in->made);
}


void
ngx_http_websocket_stamp_set(ngx_websocket_stamp_t *stamp,
    const ngx_http_websocket_stamp_t *conf, ngx_str_t *channel,
    ngx_str_t *from)
{
    ngx_memzero(stamp, sizeof(ngx_websocket_stamp_t));

    stamp->names = conf->names;
    stamp->channel = (char *) channel->data;
    stamp->channel_size = channel->len;
    stamp->time = ngx_http_websocket_clock_wall(
                                              ngx_http_websocket_clock_now());

    if (conf->measured.len) {
        stamp->measured = (char *) conf->measured.data;
        stamp->measured_size = conf->measured.len;
    }

    if (from && from->len) {
        stamp->from = (char *) from->data;
        stamp->from_size = from->len;
    }
}
