
#include "protocol/ngx_http_websocket_centrifuge.h"
#include "centrifuge/json_codec.h"
#include "centrifuge/protobuf_codec.h"
#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "protocol/ngx_http_websocket_centrifuge_connect.h"
#include "protocol/ngx_http_websocket_centrifuge_control.h"
#include "protocol/ngx_http_websocket_centrifuge_emulated.h"
#include "protocol/ngx_http_websocket_centrifuge_hook.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "protocol/ngx_http_websocket_centrifuge_subscribe.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_socket.h"
#include "wire/frame.h"


static ngx_int_t ngx_http_websocket_centrifuge_open(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_centrifuge_end(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_centrifuge_hello(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hello_t *hello);
static ngx_int_t ngx_http_websocket_centrifuge_push(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame);
static ngx_uint_t ngx_http_websocket_centrifuge_variant(
    ngx_http_websocket_session_t *s, ngx_http_websocket_further_t *from,
    ngx_http_websocket_message_t *message);


#define ngx_http_websocket_centrifuge_choice                                  \
    {                                                                         \
        ngx_http_websocket_centrifuge_open,                                   \
        ngx_http_websocket_centrifuge_end,                                    \
        ngx_http_websocket_centrifuge_due,                                    \
        ngx_http_websocket_centrifuge_expire,                                 \
        ngx_http_websocket_centrifuge_revoked,                                \
        ngx_http_websocket_centrifuge_live,                                   \
        ngx_http_websocket_centrifuge_broken                                  \
    }


static const ngx_http_websocket_centrifuge_form_t
    ngx_http_websocket_centrifuge_json_form =
{
    ngx_http_websocket_centrifuge_choice,
    &ngx_websocket_json_codec,
    0,
    ngx_null_string,
    ngx_null_string
};


static const ngx_http_websocket_centrifuge_form_t
    ngx_http_websocket_centrifuge_protobuf_form =
{
    ngx_http_websocket_centrifuge_choice,
    &ngx_websocket_protobuf_codec,
    0,
    ngx_null_string,
    ngx_null_string
};


static const ngx_http_websocket_centrifuge_form_t
    ngx_http_websocket_centrifuge_stream_form =
{
    ngx_http_websocket_centrifuge_choice,
    &ngx_websocket_json_codec,
    1,
    ngx_null_string,
    ngx_string("\n")
};


static const ngx_http_websocket_centrifuge_form_t
    ngx_http_websocket_centrifuge_stream_protobuf_form =
{
    ngx_http_websocket_centrifuge_choice,
    &ngx_websocket_protobuf_codec,
    1,
    ngx_null_string,
    ngx_null_string
};


static const ngx_http_websocket_centrifuge_form_t
    ngx_http_websocket_centrifuge_sse_form =
{
    ngx_http_websocket_centrifuge_choice,
    &ngx_websocket_json_codec,
    1,
    ngx_string("data: "),
    ngx_string("\n\n")
};


/* those of a form, which have numbers one behind the other: each delta's */

#define ngx_http_websocket_centrifuge_format(name, form, delta)               \
    { { name, ngx_http_websocket_centrifuge_push_frame, 1,                    \
        ngx_http_websocket_centrifuge_push_frame },                           \
      &form, delta }

#define ngx_http_websocket_centrifuge_formats(name, form)                     \
    {                                                                         \
        ngx_http_websocket_centrifuge_format(name, form,                      \
                                             NGX_WEBSOCKET_DELTA_NONE),       \
        ngx_http_websocket_centrifuge_format(name "-whole", form,             \
                                             NGX_WEBSOCKET_DELTA_WHOLE),      \
        ngx_http_websocket_centrifuge_format(name "-patch", form,             \
                                             NGX_WEBSOCKET_DELTA_PATCH)       \
    }


static const ngx_http_websocket_centrifuge_format_t
    ngx_http_websocket_centrifuge_json_formats[] =
    ngx_http_websocket_centrifuge_formats("centrifuge",
        ngx_http_websocket_centrifuge_json_form);

static const ngx_http_websocket_centrifuge_format_t
    ngx_http_websocket_centrifuge_protobuf_formats[] =
    ngx_http_websocket_centrifuge_formats("centrifuge-protobuf",
        ngx_http_websocket_centrifuge_protobuf_form);

static const ngx_http_websocket_centrifuge_format_t
    ngx_http_websocket_centrifuge_stream_formats[] =
    ngx_http_websocket_centrifuge_formats("centrifuge-http-stream",
        ngx_http_websocket_centrifuge_stream_form);

static const ngx_http_websocket_centrifuge_format_t
    ngx_http_websocket_centrifuge_stream_protobuf_formats[] =
    ngx_http_websocket_centrifuge_formats("centrifuge-http-stream-protobuf",
        ngx_http_websocket_centrifuge_stream_protobuf_form);

static const ngx_http_websocket_centrifuge_format_t
    ngx_http_websocket_centrifuge_sse_formats[] =
    ngx_http_websocket_centrifuge_formats("centrifuge-sse",
        ngx_http_websocket_centrifuge_sse_form);


static const ngx_http_websocket_centrifuge_format_t
    *ngx_http_websocket_centrifuge_all_formats[] =
{
    ngx_http_websocket_centrifuge_json_formats,
    ngx_http_websocket_centrifuge_protobuf_formats,
    ngx_http_websocket_centrifuge_stream_formats,
    ngx_http_websocket_centrifuge_stream_protobuf_formats,
    ngx_http_websocket_centrifuge_sse_formats,
    NULL
};


const ngx_http_websocket_protocol_t  ngx_http_websocket_centrifuge_protocol = {
    .name = "centrifuge",
    .transport = &ngx_http_websocket_socket,
    .format = &ngx_http_websocket_centrifuge_json_formats[0].format,
    .positioned = &ngx_http_websocket_centrifuge_json_formats[0].format,
    .choice = &ngx_http_websocket_centrifuge_json_form.choice,
    .closes = ngx_http_websocket_centrifuge_closes,
    .direct = 1,
    .hello = ngx_http_websocket_centrifuge_hello,
    .receive = ngx_http_websocket_centrifuge_receive,
    .push = ngx_http_websocket_centrifuge_push,
    .close = ngx_http_websocket_socket_close
};


const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_protobuf_protocol =
{
    .name = "centrifuge-protobuf",
    .transport = &ngx_http_websocket_socket,
    .format = &ngx_http_websocket_centrifuge_protobuf_formats[0].format,
    .positioned = &ngx_http_websocket_centrifuge_protobuf_formats[0].format,
    .choice = &ngx_http_websocket_centrifuge_protobuf_form.choice,
    .closes = ngx_http_websocket_centrifuge_closes,
    .direct = 1,
    .hello = ngx_http_websocket_centrifuge_hello,
    .receive = ngx_http_websocket_centrifuge_receive,
    .push = ngx_http_websocket_centrifuge_push,
    .close = ngx_http_websocket_socket_close
};


const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_stream_protocol =
{
    .name = "centrifuge-http-stream",
    .transport = &ngx_http_websocket_emulated_transport,
    .format = &ngx_http_websocket_centrifuge_stream_formats[0].format,
    .positioned = &ngx_http_websocket_centrifuge_stream_formats[0].format,
    .type = ngx_string("application/json"),
    .choice = &ngx_http_websocket_centrifuge_stream_form.choice,
    .closes = ngx_http_websocket_centrifuge_closes,
    .hello = ngx_http_websocket_centrifuge_hello,
    .receive = ngx_http_websocket_centrifuge_receive,
    .push = ngx_http_websocket_centrifuge_push,
    .close = ngx_http_websocket_emulated_close
};


const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_stream_protobuf_protocol =
{
    .name = "centrifuge-http-stream-protobuf",
    .transport = &ngx_http_websocket_emulated_transport,
    .format =
             &ngx_http_websocket_centrifuge_stream_protobuf_formats[0].format,
    .positioned =
             &ngx_http_websocket_centrifuge_stream_protobuf_formats[0].format,
    .type = ngx_string("application/octet-stream"),
    .choice = &ngx_http_websocket_centrifuge_stream_protobuf_form.choice,
    .closes = ngx_http_websocket_centrifuge_closes,
    .hello = ngx_http_websocket_centrifuge_hello,
    .receive = ngx_http_websocket_centrifuge_receive,
    .push = ngx_http_websocket_centrifuge_push,
    .close = ngx_http_websocket_emulated_close
};


const ngx_http_websocket_protocol_t
    ngx_http_websocket_centrifuge_sse_protocol =
{
    .name = "centrifuge-sse",
    .transport = &ngx_http_websocket_emulated_transport,
    .format = &ngx_http_websocket_centrifuge_sse_formats[0].format,
    .positioned = &ngx_http_websocket_centrifuge_sse_formats[0].format,
    .type = ngx_string("text/event-stream"),
    .choice = &ngx_http_websocket_centrifuge_sse_form.choice,
    .closes = ngx_http_websocket_centrifuge_closes,
    .hello = ngx_http_websocket_centrifuge_hello,
    .receive = ngx_http_websocket_centrifuge_receive,
    .push = ngx_http_websocket_centrifuge_push,
    .close = ngx_http_websocket_emulated_close
};


void
ngx_http_websocket_centrifuge_init(ngx_cycle_t *cycle,
    ngx_http_websocket_main_conf_t *wmcf)
{
    ngx_uint_t                                       delta;
    const ngx_http_websocket_centrifuge_format_t   **formats;

    for (formats = ngx_http_websocket_centrifuge_all_formats;
         *formats;
         formats++)
    {
        for (delta = 0; delta <= NGX_WEBSOCKET_DELTA_PATCH; delta++) {
            (void) ngx_http_websocket_format_number(&(*formats)[delta].format);
        }
    }

    ngx_http_websocket_centrifuge_commands_init(cycle);
    ngx_http_websocket_centrifuge_push_init(wmcf->namespaces);
    ngx_http_websocket_emulated_init();
    ngx_http_websocket_centrifuge_control_init();
}


static ngx_int_t
ngx_http_websocket_centrifuge_open(ngx_http_websocket_session_t *s)
{
    if (ngx_http_websocket_session_aside(s) != NGX_OK) {
        return NGX_ERROR;
    }

    s->record->aside->choice = ngx_calloc(
                                       sizeof(ngx_http_websocket_centrifuge_t),
                                       s->connection->log);

    if (s->record->aside->choice == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_websocket_centrifuge_form_of(s)->emulated
           ? ngx_http_websocket_emulated_begin(s) : NGX_OK;
}


static void
ngx_http_websocket_centrifuge_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client == NULL) {
        return;
    }

    ngx_http_websocket_centrifuge_recovery_free(s);
    ngx_http_websocket_emulated_end(s);
    ngx_http_websocket_index_remove(&client->entry);
    ngx_http_websocket_centrifuge_ask_done(s);

    json_decref(client->subs);
    ngx_free(client->identity);
    ngx_free(client);
}


/* a client is told of a connection when it asks for one */

static ngx_int_t
ngx_http_websocket_centrifuge_hello(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_centrifuge_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    ngx_uint_t                     variant;
    ngx_http_websocket_further_t  *further;

    further = (ngx_http_websocket_further_t *) from;

    if (message->event && !further->events) {
        return NGX_HTTP_WEBSOCKET_HIDDEN;
    }

    if (ngx_http_websocket_centrifuge_recover(s, from, message)) {
        return NGX_HTTP_WEBSOCKET_HIDDEN;
    }

    variant = further->delta
              ? ngx_http_websocket_centrifuge_variant(s, further, message)
              : s->variant;

    if (ngx_http_websocket_deflate_own(s)) {
        return ngx_http_websocket_deflate_message(s, message, variant, frame);
    }

    return ngx_http_websocket_shared_frame(s->connection->log, message,
                                           variant, frame);
}


/* a patch is for who has the publication that it is of */

static ngx_uint_t
ngx_http_websocket_centrifuge_variant(ngx_http_websocket_session_t *s,
    ngx_http_websocket_further_t *from, ngx_http_websocket_message_t *message)
{
    ngx_uint_t                     patch;
    ngx_http_websocket_message_t  *prior;

    if (ngx_http_websocket_centrifuge_is_event(message)) {
        return s->variant;
    }

    prior = message->prior;

    patch = prior && from->base == prior->offset
            && prior->epoch == message->epoch;

    from->base = message->ephemeral || message->event ? 0 : message->offset;

    return s->variant + (patch ? NGX_WEBSOCKET_DELTA_PATCH
                               : NGX_WEBSOCKET_DELTA_WHOLE);
}
