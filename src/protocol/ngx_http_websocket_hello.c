
#include "protocol/ngx_http_websocket_hello.h"


size_t
ngx_http_websocket_print_position(u_char *buf,
    ngx_http_websocket_message_t *message)
{
    ngx_websocket_position_t  position;

    position.epoch = message->epoch;
    position.offset = message->offset;

    return ngx_websocket_position_print(buf, &position);
}


u_char *
ngx_http_websocket_print_positions(u_char *buf,
    ngx_websocket_position_t *positions, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (i) {
            *buf++ = ',';
        }

        buf += ngx_websocket_position_print(buf, &positions[i]);
    }

    return buf;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_hello_frame(ngx_http_websocket_session_t *s,
    ngx_http_websocket_hello_t *hello)
{
    u_char                      *p;
    ngx_http_websocket_frame_t  *frame;

    frame = ngx_http_websocket_frame_alloc(
                    sizeof("{\"recovered\":false,\"position\":\"\"}")
                    + hello->n * (NGX_WEBSOCKET_POSITION_SIZE + 1),
                    s->connection->log);
    if (frame == NULL) {
        return NULL;
    }

    p = frame->data;
    *p++ = '{';

    if (hello->asked) {
        p = ngx_sprintf(p, "\"recovered\":%s,",
                        hello->recovered ? "true" : "false");
    }

    p = ngx_cpymem(p, "\"position\":\"", sizeof("\"position\":\"") - 1);
    p = ngx_http_websocket_print_positions(p, hello->positions, hello->n);

    *p++ = '"';
    *p++ = '}';

    frame->size = p - frame->data;

    return frame;
}
