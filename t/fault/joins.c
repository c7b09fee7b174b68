
/*
 * A language for the tests, which "t/tools/build-fault BUILD joins" puts in the
 * place of the plain one: what a client sends is taken as that takes it, but
 * for these texts.
 *
 *     +NAME           subscribes to one channel more; "+NAME since=POSITION"
 *                     from there on, "+NAME view=NUMBER" with that view,
 *                     "+NAME filter=JSON", at the end, with that filter
 *     -NAME           ends a subscription
 *     ?               is answered, as the others are, in the order of all: with
 *                     0 when the request was given back
 *
 * Of what is delivered, the text "!leave" ends the subscription that it is
 * delivered to, and "!swap NAME" does so and subscribes to NAME.
 */


#include "plain.h"

#include "delivery/ngx_http_websocket_filters.h"
#include "session/ngx_http_websocket_subscription.h"


static ngx_int_t
ngx_http_websocket_joins_answer(ngx_http_websocket_session_t *s,
    ngx_str_t *what, ngx_int_t rc)
{
    u_char                       text[300];
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_frame_create(NGX_WEBSOCKET_FIN
                                            | NGX_WEBSOCKET_TEXT, text,
                                            ngx_sprintf(text, "%V: %i", what,
                                                        rc)
                                            - text, s->connection->log);

    return frame ? ngx_http_websocket_send_reply(s, frame) : NGX_ERROR;
}


/* cuts the option, and what is behind it, off the name */

static ngx_str_t
ngx_http_websocket_joins_option(ngx_str_t *name, char *option)
{
    u_char     *p;
    ngx_str_t   value = ngx_null_string;

    p = ngx_strnstr(name->data, option, name->len);

    if (p) {
        value.data = p + ngx_strlen(option);
        value.len = name->data + name->len - value.data;
        name->len = p - name->data;
    }

    return value;
}


static ngx_int_t
ngx_http_websocket_joins_enter(ngx_http_websocket_session_t *s,
    ngx_str_t *name)
{
    ngx_str_t                           since, view, filter;
    ngx_websocket_position_t            position;
    ngx_websocket_json_error_t          error;
    ngx_http_websocket_options_t        options;
    ngx_http_websocket_subscription_t  *sub;

    ngx_memzero(&options, sizeof(ngx_http_websocket_options_t));

    filter = ngx_http_websocket_joins_option(name, " filter=");
    since = ngx_http_websocket_joins_option(name, " since=");
    view = ngx_http_websocket_joins_option(name, " view=");

    if (since.len) {
        options.since = &position;
        options.nsince = ngx_websocket_position_parse(since.data, since.len,
                                                      &position, 1);
    }

    if (view.len) {
        options.view = ngx_atoi(view.data, view.len);
    }

    if (filter.len
        && ngx_http_websocket_filters_read(filter.data, filter.len, s->conf,
                                           options.view, &options.filter,
                                           &error)
           != NGX_WEBSOCKET_JSON_OK)
    {
        return NGX_ABORT;
    }

    return ngx_http_websocket_session_find(s, name)
           ? NGX_BUSY
           : ngx_http_websocket_session_subscribe(s, name, &options, &sub);
}


static ngx_int_t
ngx_http_websocket_joins_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size)
{
    ngx_int_t                           rc;
    ngx_str_t                           all, name;
    ngx_http_websocket_subscription_t  *sub;

    all.data = data;
    all.len = size;
    name.data = data + 1;
    name.len = size - 1;
    rc = NGX_OK;

    switch (size ? *data : 0) {

    case '+':
        rc = ngx_http_websocket_joins_enter(s, &name);
        break;

    case '-':
        sub = ngx_http_websocket_session_find(s, &name);

        if (sub == NULL) {
            rc = NGX_DECLINED;
            break;
        }

        ngx_http_websocket_session_unsubscribe(s, sub);
        break;

    case '?':
        rc = s->record->request ? NGX_AGAIN : NGX_OK;
        break;

    default:
        return ngx_http_websocket_plain_receive(s, type, data, size);
    }

    return ngx_http_websocket_joins_answer(s, &all, rc) == NGX_OK
           ? NGX_OK : NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_joins_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_t **frame)
{
    ngx_int_t  rc;
    ngx_str_t  name;

    rc = ngx_http_websocket_plain_push(s, from, message, frame);

    if (message->size < 5 || *message->payload != '!') {
        return rc;
    }

    ngx_http_websocket_session_unsubscribe(s, from);

    if (message->payload[1] == 's') {
        name.data = message->payload + 6;
        name.len = message->size - 6;

        (void) ngx_http_websocket_joins_enter(s, &name);
    }

    return rc;
}


plain_protocol(ngx_http_websocket_joins_receive, ngx_http_websocket_joins_push);
