
#include "session/ngx_http_websocket_session.h"


/* one for all sessions: what is incomplete in it is copied out */
#define NGX_HTTP_WEBSOCKET_READ_SIZE   65536

/* reads of one session before the others' turn */
#define NGX_HTTP_WEBSOCKET_READS       4

/* a message's first buffer */
#define NGX_HTTP_WEBSOCKET_MESSAGE     1024


static ngx_int_t ngx_http_websocket_read_header(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_payload(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_end(ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_control_piece(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_control(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_message_piece(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_message_grow(
    ngx_http_websocket_session_t *s, size_t size);
static ngx_int_t ngx_http_websocket_read_message(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_out_of_memory(
    ngx_http_websocket_session_t *s);


static u_char  ngx_http_websocket_read_buffer[NGX_HTTP_WEBSOCKET_READ_SIZE];


void
ngx_http_websocket_read_handler(ngx_event_t *rev)
{
    ssize_t                        n;
    ngx_uint_t                     i;
    ngx_connection_t              *c;
    ngx_http_websocket_session_t  *s;

    c = rev->data;
    s = c->data;

    if (c->close) {

        /* worker_shutdown_timeout: no time for a closing handshake */

        ngx_http_websocket_session_free(s);
        return;
    }

    if (s->state == NGX_HTTP_WEBSOCKET_UPGRADING) {

        /* nginx's buffer may hold what comes first */

        return;
    }

    for (i = 0; i < NGX_HTTP_WEBSOCKET_READS; i++) {

        /* who does not read the answers is not read from either */

        if (s->write_blocked && s->state == NGX_HTTP_WEBSOCKET_OPEN
            && s->conf->mode == NGX_HTTP_WEBSOCKET_ECHO)
        {
            return;
        }

        n = c->recv(c, ngx_http_websocket_read_buffer,
                    NGX_HTTP_WEBSOCKET_READ_SIZE);

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                ngx_http_websocket_session_free(s);
            }

            return;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_websocket_session_free(s);
            return;
        }

        s->bytes_in += n;
        s->received = ngx_current_msec;
        s->ping_open = 0;

        if (s->state < NGX_HTTP_WEBSOCKET_CLOSE_LAST) {
            (void) ngx_http_websocket_read_bytes(s,
                                           ngx_http_websocket_read_buffer,
                                           ngx_http_websocket_read_buffer + n);
        }

        if (!rev->ready) {
            break;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_websocket_session_free(s);
        return;
    }

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
    }
}


ngx_int_t
ngx_http_websocket_read_bytes(ngx_http_websocket_session_t *s, u_char *pos,
    u_char *last)
{
    u_char     *data;
    size_t      size;
    ngx_int_t   rc;

    for ( ;; ) {

        switch (ngx_websocket_parse(&s->parser, &pos, last, &data, &size)) {

        case NGX_WEBSOCKET_PARSE_HEADER:
            rc = ngx_http_websocket_read_header(s);
            break;

        case NGX_WEBSOCKET_PARSE_PAYLOAD:
            rc = ngx_http_websocket_read_payload(s, data, size);
            break;

        case NGX_WEBSOCKET_PARSE_END:
            rc = ngx_http_websocket_read_end(s);
            break;

        case NGX_WEBSOCKET_PARSE_ERROR:
            ngx_http_websocket_socket_fail(s, s->parser.code,
                                            s->parser.reason);
            return NGX_DONE;

        default:  /* NGX_WEBSOCKET_PARSE_AGAIN */
            return NGX_OK;
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }
}


/* what can be refused before its bytes come */

static ngx_int_t
ngx_http_websocket_read_header(ngx_http_websocket_session_t *s)
{
    if (s->parser.opcode & 0x8) {
        s->control_size = 0;
        return NGX_OK;
    }

    if (s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    if (s->conf->mode == NGX_HTTP_WEBSOCKET_RESULT) {
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_POLICY,
                                 "this stream does not take messages");
        return NGX_DONE;
    }

    if (s->parser.length > s->conf->max_message_size - s->message_size) {
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_TOO_BIG,
                                 "message exceeds the maximum size");
        return NGX_DONE;
    }

    if (s->parser.opcode != NGX_WEBSOCKET_CONTINUATION) {
        s->utf8 = 0;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_read_payload(ngx_http_websocket_session_t *s, u_char *data,
    size_t size)
{
    if (s->parser.opcode & 0x8) {
        return ngx_http_websocket_read_control_piece(s, data, size);
    }

    /* a closing session takes no messages any more */

    if (s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    if (s->parser.message == NGX_WEBSOCKET_TEXT
        && ngx_websocket_utf8(&s->utf8, data, size) != 0)
    {
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INVALID,
                                        "text is not UTF-8");
        return NGX_DONE;
    }

    return ngx_http_websocket_read_message_piece(s, data, size);
}


static ngx_int_t
ngx_http_websocket_read_end(ngx_http_websocket_session_t *s)
{
    if (s->parser.opcode & 0x8) {
        return ngx_http_websocket_read_control(s);
    }

    if (!s->parser.fin || s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    return ngx_http_websocket_read_message(s);
}


static ngx_int_t
ngx_http_websocket_read_control_piece(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    if (s->control == NULL) {

        if (size == s->parser.length) {
            s->control = data;
            s->control_borrowed = 1;
            s->control_size = size;

            return NGX_OK;
        }

        s->control = ngx_alloc(NGX_WEBSOCKET_CONTROL_SIZE,
                               s->connection->log);
        if (s->control == NULL) {
            return ngx_http_websocket_read_out_of_memory(s);
        }
    }

    ngx_memcpy(s->control + s->control_size, data, size);
    s->control_size += size;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_read_control(ngx_http_websocket_session_t *s)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    switch (s->parser.opcode) {

    case NGX_WEBSOCKET_PING:
        if (s->state == NGX_HTTP_WEBSOCKET_OPEN
            && ngx_http_websocket_send_control(s, NGX_WEBSOCKET_PONG,
                                               s->control, s->control_size)
               != NGX_OK)
        {
            rc = ngx_http_websocket_read_out_of_memory(s);
        }

        break;

    case NGX_WEBSOCKET_CLOSE:
        ngx_http_websocket_socket_closed_by_peer(s, s->control,
                                                  s->control_size);
        rc = NGX_DONE;
        break;

    default:  /* a Pong, answered or not asked for: it was heard */
        break;
    }

    if (!s->control_borrowed) {
        ngx_free(s->control);
    }

    s->control = NULL;
    s->control_borrowed = 0;

    return rc;
}


static ngx_int_t
ngx_http_websocket_read_message_piece(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    if (s->message_alloc == 0 && s->parser.fin && size == s->parser.length) {

        /* the whole message is in hand: it is handled where it lies */

        s->message = data;
        s->message_size = size;

        return NGX_OK;
    }

    if (s->message_size + size > s->message_alloc
        && ngx_http_websocket_read_message_grow(s, s->message_size + size)
           != NGX_OK)
    {
        return ngx_http_websocket_read_out_of_memory(s);
    }

    ngx_memcpy(s->message + s->message_size, data, size);
    s->message_size += size;

    return NGX_OK;
}


/*
 * Memory follows what has come, not what was announced: a client pays for
 * what it takes.
 */

static ngx_int_t
ngx_http_websocket_read_message_grow(ngx_http_websocket_session_t *s,
    size_t size)
{
    u_char  *p;
    size_t   alloc;

    alloc = ngx_max(2 * s->message_alloc, NGX_HTTP_WEBSOCKET_MESSAGE);
    alloc = ngx_min(alloc, s->conf->max_message_size);
    alloc = ngx_max(alloc, size);

    p = ngx_alloc(alloc, s->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (s->message_size) {
        ngx_memcpy(p, s->message, s->message_size);
    }

    if (s->message_alloc) {
        ngx_free(s->message);
    }

    s->message = p;
    s->message_alloc = alloc;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_read_message(ngx_http_websocket_session_t *s)
{
    ngx_int_t  rc;

    if (s->parser.message == NGX_WEBSOCKET_TEXT && s->utf8 != 0) {
        ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INVALID,
                                        "text ends within a character");
        return NGX_DONE;
    }

    s->messages_in++;
    s->active = ngx_current_msec;

    rc = s->protocol->receive(s, s->parser.message, s->message,
                              s->message_size);

    if (s->message_alloc) {
        ngx_free(s->message);
        s->message_alloc = 0;
    }

    s->message = NULL;
    s->message_size = 0;

    return rc;
}


static ngx_int_t
ngx_http_websocket_read_out_of_memory(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INTERNAL,
                                    "out of memory");
    return NGX_DONE;
}
