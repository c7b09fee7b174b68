
/*
 * A language for the tests, which "t/tools/build-fault BUILD asks" puts in the
 * place of the plain one: what a client sends is taken as that takes it, but
 * for texts that begin with one of these signs.  They need somebody's answer,
 * which comes 50 ms later, or with ^ in front of the sign 400 ms later.
 *
 *     ~TEXT           TEXT is published then
 *     !TEXT           "no: TEXT" is answered then, and it was an error
 *     #TEXT           the session is closed then
 *     =TEXT           TEXT is published, for the answer is there at once
 *     &TEXT           the answer does not come
 *
 * The error log says what was given up.
 */


#include "plain.h"

#include "session/ngx_http_websocket_pause.h"


typedef struct {
    ngx_http_websocket_work_t    work;
    ngx_event_t                  timer;
    uint8_t                      type;
    u_char                       sign;
    size_t                       size;
    u_char                       no[4];
    u_char                       text[1];
} asks_t;


static ngx_connection_t  asks_dummy;


static void
asks_cancel(ngx_http_websocket_work_t *work)
{
    asks_t  *asks;

    asks = ngx_queue_data(work, asks_t, work);

    ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0, "asks: given up %*s.",
                  ngx_min(asks->size, 20), asks->text);

    if (asks->timer.timer_set) {
        ngx_del_timer(&asks->timer);
    }

    ngx_free(asks);
}


static void
asks_answer(asks_t *asks)
{
    ngx_websocket_store_part_t     part;
    ngx_http_websocket_frame_t    *frame;
    ngx_http_websocket_session_t  *s;
    ngx_websocket_store_message_t  message;

    s = asks->work.session;

    switch (asks->sign) {

    case '!':
        ngx_memcpy(asks->no, "no: ", 4);

        frame = ngx_http_websocket_plain_reply(s, (char *) asks->no,
                                               asks->size + 4);

        (void) ngx_http_websocket_send_answer(s, frame);
        ngx_http_websocket_work_refused(&asks->work);
        break;

    case '#':
        ngx_http_websocket_work_failed(&asks->work,
                                       NGX_HTTP_WEBSOCKET_REASON_NO_RIGHT);
        break;

    default:
        ngx_memzero(&message, sizeof(ngx_websocket_store_message_t));

        message.type = asks->type;
        message.priority = NGX_HTTP_WEBSOCKET_NORMAL;

        part.data = asks->text;
        part.size = asks->size;

        ngx_http_websocket_work_done(&asks->work);
        (void) ngx_http_websocket_session_publish(s, &message, &part, 1);
    }

    ngx_free(asks);
}


static void
asks_handler(ngx_event_t *ev)
{
    asks_answer(ngx_queue_data(ev, asks_t, timer));
}


static ngx_int_t
asks_receive(ngx_http_websocket_session_t *s, uint8_t type, u_char *data,
    size_t size)
{
    asks_t      *asks;
    ngx_uint_t   late;

    late = size && *data == '^';
    data += late;
    size -= late;

    if (size == 0 || ngx_strlchr((u_char *) "~!#=&", (u_char *) "~!#=&" + 5,
                                 *data)
                     == NULL)
    {
        return ngx_http_websocket_plain_receive(s, type, data, size);
    }

    asks = ngx_calloc(sizeof(asks_t) + size, s->connection->log);
    if (asks == NULL) {
        return NGX_DONE;
    }

    asks->type = type;
    asks->sign = *data;
    asks->size = size - 1;
    ngx_memcpy(asks->text, data + 1, size - 1);

    asks->work.cancel = asks_cancel;

    if (ngx_http_websocket_session_work(s, &asks->work) != NGX_AGAIN) {
        ngx_free(asks);
        return NGX_DONE;
    }

    if (asks->sign == '=') {
        asks_answer(asks);
        return NGX_AGAIN;
    }

    if (asks->sign != '&') {
        asks_dummy.fd = (ngx_socket_t) -1;

        asks->timer.handler = asks_handler;
        asks->timer.data = &asks_dummy;
        asks->timer.log = ngx_cycle->log;

        ngx_add_timer(&asks->timer, late ? 400 : 50);
    }

    return NGX_AGAIN;
}


plain_protocol(asks_receive, ngx_http_websocket_plain_push);
