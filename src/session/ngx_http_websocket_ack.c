
#include "session/ngx_http_websocket_ack.h"
#include "broker/ngx_http_websocket_key.h"
#include "message/fields.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"

#include <openssl/rand.h>


#define NGX_HTTP_WEBSOCKET_ACK_ID  255      /* bytes of an id */


static ngx_int_t ngx_http_websocket_ack_own(uint64_t *own);
static ngx_int_t ngx_http_websocket_ack_id(ngx_http_websocket_session_t *s,
    ngx_str_t *id);
static ngx_uint_t ngx_http_websocket_ack_text(json_t *value, u_char *buf,
    ngx_str_t *id);
static void ngx_http_websocket_ack_append(ngx_http_websocket_session_t *s,
    ngx_websocket_json_text_t *text);
static ngx_int_t ngx_http_websocket_ack_send(ngx_http_websocket_session_t *s,
    ngx_websocket_json_text_t *text);
static ngx_int_t ngx_http_websocket_ack_no_memory(
    ngx_http_websocket_session_t *s);


#define ngx_http_websocket_ack_literal(text, literal)                         \
    ngx_websocket_json_append(text, literal, sizeof(literal) - 1)


ngx_int_t
ngx_http_websocket_ack_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options)
{
    ngx_http_websocket_ack_t  *ack;

    if (!options->ack) {
        return NGX_OK;
    }

    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NGX_ERROR;
    }

    ack = ngx_calloc(sizeof(ngx_http_websocket_ack_t), s->connection->log);
    if (ack == NULL) {
        return NGX_ERROR;
    }

    s->record->aside->ack = ack;

    if (options->user.len == 0) {
        return ngx_http_websocket_ack_own(&ack->own);
    }

    ack->user.data = ngx_alloc(options->user.len, s->connection->log);
    if (ack->user.data == NULL) {
        return NGX_ERROR;
    }

    ack->user.len = options->user.len;
    ngx_memcpy(ack->user.data, options->user.data, ack->user.len);

    return NGX_OK;
}


/* sessions of other nodes may have the same number: the key needs a name */

static ngx_int_t
ngx_http_websocket_ack_own(uint64_t *own)
{
    do {
        if (RAND_bytes((u_char *) own, sizeof(uint64_t)) != 1) {
            return NGX_ERROR;
        }
    } while (*own == 0);

    return NGX_OK;
}


void
ngx_http_websocket_ack_free(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_ack_t  *ack;

    ack = s->record->aside->ack;

    if (ack == NULL) {
        return;
    }

    s->record->aside->ack = NULL;

    ngx_free(ack->user.data);
    ngx_free(ack->id);
    ngx_free(ack);
}


ngx_int_t
ngx_http_websocket_ack_message(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size)
{
    u_char                     buf[NGX_INT64_LEN];
    json_t                    *value;
    ngx_int_t                  rc;
    ngx_str_t                  id;
    ngx_http_websocket_ack_t  *ack;

    ack = s->record->aside->ack;

    ngx_free(ack->id);

    ack->id = NULL;
    ack->key[0] = 0;
    ack->key[1] = 0;
    ack->digest = 0;

    if (type != NGX_WEBSOCKET_TEXT) {
        return NGX_OK;
    }

    if (ngx_websocket_fields_find((char *) data, size, "id", &value,
                                  NULL)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return ngx_http_websocket_ack_no_memory(s);
    }

    rc = NGX_OK;

    if (ngx_http_websocket_ack_text(value, buf, &id)) {
        ack->digest = ngx_crc32_long(data, size);
        rc = ngx_http_websocket_ack_id(s, &id);
    }

    json_decref(value);

    return rc;
}


/* keeps the id, and makes the key of it where the session has a channel */

static ngx_int_t
ngx_http_websocket_ack_id(ngx_http_websocket_session_t *s, ngx_str_t *id)
{
    ngx_http_websocket_ack_t  *ack;

    ack = s->record->aside->ack;

    ack->id = ngx_alloc(id->len, s->connection->log);
    if (ack->id == NULL) {
        return ngx_http_websocket_ack_no_memory(s);
    }

    ngx_memcpy(ack->id, id->data, id->len);
    ack->size = id->len;

    if (s->conf->echo) {
        return NGX_OK;
    }

    ngx_http_websocket_client_key(s->conf->zone,
                                  ack->user.data ? &ack->user : NULL,
                                  ack->own, id, ack->key);

    return NGX_OK;
}


/* returns 0 unless the id is a text of 1 to 255 bytes, or an integer */

static ngx_uint_t
ngx_http_websocket_ack_text(json_t *value, u_char *buf, ngx_str_t *id)
{
    if (json_is_integer(value)) {
        id->data = buf;
        id->len = ngx_sprintf(buf, "%L",
                              (int64_t) json_integer_value(value))
                  - buf;
        return 1;
    }

    if (!json_is_string(value) || ngx_websocket_json_is_piece(value)) {
        return 0;
    }

    id->data = (u_char *) json_string_value(value);
    id->len = json_string_length(value);

    return id->len > 0 && id->len <= NGX_HTTP_WEBSOCKET_ACK_ID
           && ngx_strlen(id->data) == id->len;
}


ngx_uint_t
ngx_http_websocket_ack_awaits(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_pause_t  *pause;

    pause = s->record->aside->pause;

    return s->record->aside->ack && pause && pause->work;
}


ngx_int_t
ngx_http_websocket_ack(ngx_http_websocket_session_t *s,
    ngx_websocket_position_t *position, ngx_uint_t duplicate,
    const char *durable)
{
    u_char                     buf[NGX_WEBSOCKET_POSITION_SIZE];
    ngx_websocket_json_text_t  text;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_http_websocket_ack_literal(&text, "{\"ack\":");
    ngx_http_websocket_ack_append(s, &text);

    if (position) {
        ngx_http_websocket_ack_literal(&text, ",\"position\":\"");
        ngx_websocket_json_append(&text, buf,
                                  ngx_websocket_position_print(buf, position));
        ngx_http_websocket_ack_literal(&text, "\"");
    }

    if (duplicate) {
        ngx_http_websocket_ack_literal(&text, ",\"duplicate\":true");
    }

    if (durable) {
        ngx_http_websocket_ack_literal(&text, ",\"durable\":\"");
        ngx_websocket_json_append(&text, durable, ngx_strlen(durable));
        ngx_http_websocket_ack_literal(&text, "\"");
    }

    ngx_http_websocket_ack_literal(&text, "}");

    return ngx_http_websocket_ack_send(s, &text);
}


ngx_int_t
ngx_http_websocket_ack_error(ngx_http_websocket_session_t *s,
    const char *code, const char *path, const char *message)
{
    ngx_websocket_json_text_t  text;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append_error(&text, code, path, message);

    if (!text.failed) {

        /* written before the ends of both objects */

        text.size -= 2;

        ngx_http_websocket_ack_literal(&text, ",\"id\":");
        ngx_http_websocket_ack_append(s, &text);
        ngx_http_websocket_ack_literal(&text, "}}");
    }

    return ngx_http_websocket_ack_send(s, &text);
}


/*
 * the message's id as a string, or, without one, its number among the client's
 * messages
 */

static void
ngx_http_websocket_ack_append(ngx_http_websocket_session_t *s,
    ngx_websocket_json_text_t *text)
{
    u_char                     number[NGX_INT64_LEN];
    ngx_http_websocket_ack_t  *ack;

    ack = s->record->aside->ack;

    if (ack->id) {
        ngx_websocket_json_append_string(text, (char *) ack->id, ack->size);
        return;
    }

    ngx_websocket_json_append(text, number,
                              ngx_sprintf(number, "%uL",
                                          s->record->messages_in)
                              - number);
}


static ngx_int_t
ngx_http_websocket_ack_send(ngx_http_websocket_session_t *s,
    ngx_websocket_json_text_t *text)
{
    ngx_int_t  rc;

    if (text->failed) {
        rc = ngx_http_websocket_ack_no_memory(s);

    } else if (ngx_http_websocket_cork_frame(s, NGX_WEBSOCKET_FIN
                                                | NGX_WEBSOCKET_TEXT,
                                             (u_char *) text->data,
                                             text->size))
    {
        rc = NGX_OK;

    } else {
        rc = ngx_http_websocket_send_answer(s,
                         ngx_http_websocket_protocol_of(s)->reply(s,
                                                                  text->data,
                                                                  text->size));
    }

    ngx_websocket_json_text_done(text);

    return rc;
}


static ngx_int_t
ngx_http_websocket_ack_no_memory(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
    return NGX_DONE;
}
