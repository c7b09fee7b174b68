
#include "session/ngx_http_websocket_read.h"
#include "clock/ngx_http_websocket_probe.h"
#include "session/ngx_http_websocket_beat.h"
#include "session/ngx_http_websocket_behind.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_tls.h"
#include "session/ngx_http_websocket_token.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"
#include "wire/utf8.h"


/* the buffer of all sessions: an incomplete message is copied out of it */
#define NGX_HTTP_WEBSOCKET_READ_SIZE   65536

/* reads of one session before it is the others' turn */
#define NGX_HTTP_WEBSOCKET_READS       4

/*
 * just one where messages may be compressed: they may inflate to a thousand
 * times their size
 */
#define NGX_HTTP_WEBSOCKET_READ_PACKED  4096

/* where a rate may have to park what was read */
#define NGX_HTTP_WEBSOCKET_READ_RATED  4096

/* messages in one read, after which the session waits for their delivery */
#define NGX_HTTP_WEBSOCKET_GREEDY      64

/*
 * How much work is done between two looks at the clock.  A message weighs 1,
 * and 1 more for so many bytes; so many times that if it is parsed as JSON.
 * Before the first message of a read more work is allowed: that of other
 * sessions ends a turn, but seldom divides a read.
 */
#define NGX_HTTP_WEBSOCKET_READ_WORK    64
#define NGX_HTTP_WEBSOCKET_READ_OTHERS  256
#define NGX_HTTP_WEBSOCKET_READ_WEIGHT  256
#define NGX_HTTP_WEBSOCKET_READ_JSON    8

/* a message's first buffer */
#define NGX_HTTP_WEBSOCKET_MESSAGE     1024


/* a frame or a message that has come in part */

struct ngx_http_websocket_input_s {
    ngx_websocket_parser_t        parser;
    ngx_websocket_utf8_t          utf8;
    uint8_t                       control_size;
    unsigned                      control_borrowed:1;
    u_char                       *control;  /* 125 bytes; NULL unless a control
                                               frame has come in part */
    u_char                       *message;
    size_t                        message_size;
    size_t                        message_alloc;    /* 0: borrowed */
    ngx_websocket_inflater_t     *inflater; /* NULL: not compressed */
    size_t                        compressed;       /* bytes of it */
    uint32_t                      fragments;
};


static ngx_int_t ngx_http_websocket_read_once(
    ngx_http_websocket_session_t *s, ngx_event_t *rev, size_t size);
static ngx_uint_t ngx_http_websocket_read_last(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_read_broken(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_read_heard(ngx_http_websocket_session_t *s,
    size_t n);
static void ngx_http_websocket_read_answered(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_read_waits(
    ngx_http_websocket_session_t *s);
static ngx_inline void ngx_http_websocket_read_taken(
    ngx_http_websocket_session_t *s, u_char *pos, u_char *last);
static ngx_uint_t ngx_http_websocket_read_behind(
    ngx_http_websocket_session_t *s, ngx_event_t *rev)
    ngx_http_websocket_noinline;
static ngx_int_t ngx_http_websocket_read_defer(
    ngx_http_websocket_session_t *s, u_char *pos, u_char *last);
static ngx_inline ngx_uint_t ngx_http_websocket_read_is_dear(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_read_over(
    ngx_http_websocket_session_t *s, u_char *pos, u_char *last,
    ngx_uint_t dear, ngx_uint_t first);
static ngx_int_t ngx_http_websocket_input_keep(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_frames(
    ngx_http_websocket_session_t *s, u_char *pos, u_char *last);
static ngx_int_t ngx_http_websocket_read_frame(
    ngx_http_websocket_session_t *s, ngx_websocket_parser_t *parser,
    u_char **pos, u_char *last) ngx_http_websocket_noinline;
static ngx_int_t ngx_http_websocket_read_whole(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_header(
    ngx_http_websocket_session_t *s);
static ngx_inline ngx_uint_t ngx_http_websocket_read_is_unwanted(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_unwanted(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_too_big(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_payload(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_end(ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_control_piece(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_control(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_read_pong(ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_message_piece(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_compressed_piece(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_check_text(
    ngx_http_websocket_session_t *s, u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_read_message_grow(
    ngx_http_websocket_session_t *s, size_t size);
static ngx_int_t ngx_http_websocket_read_message(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_aside(
    ngx_http_websocket_session_t *s, ngx_http_websocket_input_t *in)
    ngx_http_websocket_noinline;
static ngx_int_t ngx_http_websocket_read_receive(
    ngx_http_websocket_session_t *s, ngx_http_websocket_input_t *in);
static ngx_int_t ngx_http_websocket_read_dropped(
    ngx_http_websocket_session_t *s, ngx_http_websocket_input_t *in);
static ngx_int_t ngx_http_websocket_read_compressed_end(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_not_deflate(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_read_out_of_memory(
    ngx_http_websocket_session_t *s);


static u_char                      ngx_http_websocket_read_buffer[
                                       NGX_HTTP_WEBSOCKET_READ_SIZE];

/* the input of the session that is being read, if it has none of its own */

static ngx_http_websocket_input_t  ngx_http_websocket_scratch;

/* milliseconds since the open Ping when bytes came, plus 1; 0: none is open */

static ngx_http_websocket_time_t   ngx_http_websocket_read_rtt;

/* work since the clock was looked at */

static ngx_uint_t                  ngx_http_websocket_read_work;


void
ngx_http_websocket_read_handler(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    ngx_http_websocket_read(c->data);
}


void
ngx_http_websocket_read(ngx_http_websocket_session_t *s)
{
    size_t        size;
    ngx_uint_t    i, reads;
    ngx_event_t  *rev;

    rev = s->connection->read;

    if (s->connection->close) {

        /*
         * worker_shutdown_timeout is over: there is no time for a closing
         * handshake
         */

        ngx_http_websocket_session_free(s);
        return;
    }

    if (s->gone) {
        return;
    }

    if (s->state == NGX_HTTP_WEBSOCKET_UPGRADING) {

        /* nginx's buffer may hold what comes first */

        return;
    }

    size = NGX_HTTP_WEBSOCKET_READ_SIZE;
    reads = NGX_HTTP_WEBSOCKET_READS;

    if (ngx_http_websocket_variant_codec(s->variant)) {
        size = NGX_HTTP_WEBSOCKET_READ_PACKED;
        reads = 1;

    } else if (s->conf->limits.rates) {
        size = NGX_HTTP_WEBSOCKET_READ_RATED;
    }

    if (s->paused && ngx_http_websocket_read_behind(s, rev)) {
        return;
    }

    for (i = 0; i < reads; i++) {

        if (ngx_http_websocket_read_once(s, rev, size) != NGX_OK) {
            return;
        }

        if (!rev->ready || ngx_http_websocket_read_waits(s)
            || ngx_http_websocket_behind_is(s))
        {
            break;
        }
    }

    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_websocket_session_free(s);
        return;
    }

    if (rev->ready && !ngx_http_websocket_session_is_paused(s)
        && !ngx_http_websocket_behind_is(s))
    {
        /*
         * a session that waits goes behind those that come later in this turn
         */

        ngx_post_event(rev, ngx_http_websocket_read_waits(s)
                            ? &ngx_posted_events : &ngx_posted_next_events);
    }
}


/* NGX_DONE when there is no more to be done now, or no session */

static ngx_int_t
ngx_http_websocket_read_once(ngx_http_websocket_session_t *s, ngx_event_t *rev,
    size_t size)
{
    ssize_t            n;
    ngx_connection_t  *c;

    c = s->connection;

    /* the session is paused: its timer comes back to it */

    if (ngx_http_websocket_session_is_paused(s)) {

        if (rev->pending_eof && ngx_http_websocket_read_broken(s)) {
            ngx_http_websocket_session_free(s);
        }

        return NGX_DONE;
    }

    /* nothing is read from a client that does not read its answers */

    if (s->write_blocked && s->state == NGX_HTTP_WEBSOCKET_OPEN
        && s->conf->echo)
    {
        return NGX_DONE;
    }

    /* nor from one that would fill the zone with what nobody has read yet */

    if (ngx_http_websocket_read_waits(s)) {
        ngx_post_event(rev, &ngx_posted_next_events);
        return NGX_DONE;
    }

    /*
     * with many sessions these lines are not in the cache: recv() gives time to
     * load them
     */

    __builtin_prefetch(s->record);
    __builtin_prefetch(&c->sent);

    n = c->recv(c, ngx_http_websocket_read_buffer, size);

#if (NGX_HTTP_SSL)
    if (s->tls) {
        ngx_http_websocket_tls_heard(s);
    }
#endif

    if (n > 0) {
        ngx_http_websocket_read_heard(s, n);
        return NGX_OK;
    }

    if (n == 0 && ngx_http_websocket_read_last(s)) {
        return NGX_DONE;
    }

    if (n != NGX_AGAIN || ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_websocket_session_gone(s);
    }

    return NGX_DONE;
}


/*
 * a client that sends no more after its Close may still read what goes before
 * ours
 */

static ngx_uint_t
ngx_http_websocket_read_last(ngx_http_websocket_session_t *s)
{
    return s->state == NGX_HTTP_WEBSOCKET_CLOSE_LAST
           && (s->out->count || s->connection->buffered);
}


/*
 * the limit is not only checked at the frame's end: messages before it may have
 * to be taken first
 */

static ngx_uint_t
ngx_http_websocket_read_broken(ngx_http_websocket_session_t *s)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(s->connection->fd, SOL_SOCKET, SO_ERROR, (void *) &err,
                   &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err) {
        ngx_connection_error(s->connection, err, "the client has gone");
        s->connection->error = 1;
    }

    return err != 0;
}


/*
 * the session sent more than a turn has time for: its next turn comes back to
 * it
 */

static ngx_uint_t
ngx_http_websocket_read_behind(ngx_http_websocket_session_t *s,
    ngx_event_t *rev)
{
    size_t                       size;
    u_char                      *parked;
    ngx_http_websocket_pause_t  *pause;

    if (ngx_http_websocket_behind_is(s)) {

        if (rev->pending_eof && ngx_http_websocket_read_broken(s)) {
            ngx_http_websocket_session_free(s);
            return 1;
        }

        if (rev->posted) {
            return 1;
        }

        if (ngx_http_websocket_read_waits(s)) {
            ngx_post_event(rev, &ngx_posted_next_events);
            return 1;
        }

        ngx_http_websocket_behind_del(s);
    }

    parked = ngx_http_websocket_input_resume(s, &size);

    if (parked) {
        ngx_http_websocket_read_taken(s, parked, parked + size);
        ngx_free(parked);
    }

    pause = s->record->aside->pause;

    s->paused = pause->why || pause->parked;

    return ngx_http_websocket_behind_is(s);
}


static void
ngx_http_websocket_read_heard(ngx_http_websocket_session_t *s, size_t n)
{
    ngx_http_websocket_limits_heard(s);

    s->record->bytes_in += n;
    s->conf->stats->bytes_received += n;

    if (s->ping_open) {
        ngx_http_websocket_read_answered(s);

    } else {
        s->heard = ngx_http_websocket_now();
    }

    ngx_http_websocket_read_taken(s, ngx_http_websocket_read_buffer,
                                  ngx_http_websocket_read_buffer + n);

    ngx_http_websocket_read_rtt = 0;
}


static void
ngx_http_websocket_read_answered(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_read_rtt = ngx_http_websocket_now() - s->heard + 1;

    s->ping_open = 0;
    s->heard = ngx_http_websocket_now();

    /* the next Ping may be due before the end of the time for this one */

    ngx_http_websocket_session_schedule(s);
}


/* handles bytes that were read, or parked, of a session that may close */

static ngx_inline void
ngx_http_websocket_read_taken(ngx_http_websocket_session_t *s, u_char *pos,
    u_char *last)
{
    uint64_t  messages;

    messages = s->record->messages_in;

    if (s->state < NGX_HTTP_WEBSOCKET_CLOSE_LAST) {
        (void) ngx_http_websocket_read_bytes(s, pos, last);
    }

    s->greedy = (s->record->messages_in - messages
                 > NGX_HTTP_WEBSOCKET_GREEDY);

    if (s->greedy && s->conf->zone) {
        ngx_http_websocket_hub_flooded(s->conf->zone);
    }
}


static ngx_uint_t
ngx_http_websocket_read_waits(ngx_http_websocket_session_t *s)
{
    return s->greedy && s->state == NGX_HTTP_WEBSOCKET_OPEN && s->conf->zone
           && ngx_http_websocket_hub_behind(s->conf->zone);
}


ngx_int_t
ngx_http_websocket_read_bytes(ngx_http_websocket_session_t *s, u_char *pos,
    u_char *last)
{
    ngx_int_t                    rc;
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in == NULL) {

        /* most often no input is left when all is parsed */

        in = &ngx_http_websocket_scratch;

        ngx_websocket_parser_init(&in->parser,
                                  ngx_http_websocket_variant_codec(s->variant));
        s->record->input = in;
    }

    ngx_http_websocket_cork(s);

    rc = ngx_http_websocket_read_frames(s, pos, last);

    ngx_http_websocket_uncork(s);

    if (rc != NGX_OK) {
        ngx_http_websocket_input_free(s);
        return rc;
    }

    if (in != &ngx_http_websocket_scratch) {

        if (ngx_websocket_parser_idle(&in->parser)) {
            ngx_http_websocket_input_free(s);
        }

        return NGX_OK;
    }

    s->record->input = NULL;

    return ngx_websocket_parser_idle(&in->parser)
           ? NGX_OK : ngx_http_websocket_input_keep(s);
}


/*
 * A frame or a message has come in part: it gets an input of its own.  The
 * scratch one is all zeros again but for its parser, as after a whole message.
 */

static ngx_int_t
ngx_http_websocket_input_keep(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_input_t  *input;

    input = ngx_http_websocket_memory_alloc(NGX_HTTP_WEBSOCKET_MEMORY_INPUT,
                                            sizeof(ngx_http_websocket_input_t),
                                            s->connection->log);

    if (input == NULL) {
        s->record->input = &ngx_http_websocket_scratch;
        ngx_http_websocket_input_free(s);
        return ngx_http_websocket_read_out_of_memory(s);
    }

    *input = ngx_http_websocket_scratch;
    s->record->input = input;

    ngx_memzero(&ngx_http_websocket_scratch,
                sizeof(ngx_http_websocket_input_t));

    return NGX_OK;
}


void
ngx_http_websocket_input_free(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in == NULL) {
        return;
    }

    if (!in->control_borrowed) {
        ngx_free(in->control);
    }

    if (in->message_alloc) {
        ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_INPUT,
                                       in->message);
    }

    if (in->inflater) {
        ngx_http_websocket_inflater_give(s, in->inflater);
    }

    if (in == &ngx_http_websocket_scratch) {
        ngx_memzero(in, sizeof(ngx_http_websocket_input_t));

    } else {
        ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_INPUT, in);
    }

    s->record->input = NULL;
}


static ngx_int_t
ngx_http_websocket_read_frames(ngx_http_websocket_session_t *s, u_char *pos,
    u_char *last)
{
    u_char                  *data;
    size_t                   size;
    ngx_int_t                rc;
    ngx_uint_t               dear, limit;
    ngx_websocket_parser_t  *parser;

    parser = &s->record->input->parser;
    dear = ngx_http_websocket_read_is_dear(s);

    /* a few answers wait together, or are written at once */

    if (ngx_http_websocket_read_over(s, pos, last, dear, 1)) {
        return ngx_http_websocket_read_defer(s, pos, last);
    }

    limit = ngx_http_websocket_read_work + NGX_HTTP_WEBSOCKET_READ_WORK;

    while (pos != last) {

        if (ngx_websocket_parse_message(parser, &pos, last, &data, &size)) {
            rc = ngx_http_websocket_read_whole(s, data, size);

        } else {
            rc = ngx_http_websocket_read_frame(s, parser, &pos, last);
        }

        if (rc == NGX_AGAIN) {
            return ngx_http_websocket_input_park(s, pos, last);
        }

        if (rc != NGX_OK) {
            return rc;
        }

        if (dear || ngx_http_websocket_read_work >= limit) {

            if (ngx_http_websocket_read_over(s, pos, last, dear, 0)) {
                return ngx_http_websocket_read_defer(s, pos, last);
            }

            limit = NGX_HTTP_WEBSOCKET_READ_WORK;
        }
    }

    return NGX_OK;
}


/* the pieces of a frame that have come, up to its end */

static ngx_int_t
ngx_http_websocket_read_frame(ngx_http_websocket_session_t *s,
    ngx_websocket_parser_t *parser, u_char **pos, u_char *last)
{
    u_char     *data;
    size_t      size;
    ngx_int_t   rc;

    do {
        switch (ngx_websocket_parse(parser, pos, last, &data, &size)) {

        case NGX_WEBSOCKET_PARSE_HEADER:
            rc = ngx_http_websocket_read_header(s);
            break;

        case NGX_WEBSOCKET_PARSE_PAYLOAD:
            rc = ngx_http_websocket_read_payload(s, data, size);
            break;

        case NGX_WEBSOCKET_PARSE_END:
            return ngx_http_websocket_read_end(s);

        case NGX_WEBSOCKET_PARSE_ERROR:
            ngx_http_websocket_socket_fail(s, parser->code, parser->reason);
            return NGX_DONE;

        default:  /* NGX_WEBSOCKET_PARSE_AGAIN */
            return NGX_OK;
        }

    } while (rc == NGX_OK);

    return rc;
}


/* whether the work for a message may be much more than its length tells */

static ngx_inline ngx_uint_t
ngx_http_websocket_read_is_dear(ngx_http_websocket_session_t *s)
{
    return s->conf->typed.takes || s->record->aside->ack
           || ngx_http_websocket_variant_codec(s->variant);
}


/*
 * Asks before a frame, or the rest of one, whether the turn is over.  A client
 * that sent no more than one small frame is served at once: the work of others
 * is not to delay it.
 */

static ngx_uint_t
ngx_http_websocket_read_over(ngx_http_websocket_session_t *s, u_char *pos,
    u_char *last, ngx_uint_t dear, ngx_uint_t first)
{
    size_t      weight;
    ngx_uint_t  small, most;

    if (pos == last) {
        return 0;
    }

    weight = 1;
    small = first && last - pos <= NGX_HTTP_WEBSOCKET_READ_WEIGHT;
    most = first ? NGX_HTTP_WEBSOCKET_READ_OTHERS
                 : NGX_HTTP_WEBSOCKET_READ_WORK;

    if (dear) {

        weight = ngx_websocket_parser_weight(&s->record->input->parser, pos,
                                             last - pos);

        most = NGX_HTTP_WEBSOCKET_READ_WORK;
        ngx_http_websocket_read_work += weight * NGX_HTTP_WEBSOCKET_READ_JSON;
    }

    if (weight && (small || ngx_http_websocket_read_work < most)) {
        return 0;
    }

    ngx_http_websocket_read_work = 0;

    return ngx_http_websocket_behind_over();
}


/* the turn is over: the rest is looked at in a later one */

static ngx_int_t
ngx_http_websocket_read_defer(ngx_http_websocket_session_t *s, u_char *pos,
    u_char *last)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_input_park(s, pos, last);

    if (rc == NGX_OK) {
        ngx_http_websocket_behind_add(s);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_read_whole(ngx_http_websocket_session_t *s, u_char *data,
    size_t size)
{
    ngx_http_websocket_input_t  *in;

    if (s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    in = s->record->input;

    if (ngx_http_websocket_read_is_unwanted(s)) {
        return ngx_http_websocket_read_unwanted(s);
    }

    if (size > s->conf->max_message_size) {
        return ngx_http_websocket_read_too_big(s);
    }

    in->utf8 = 0;

    if (ngx_http_websocket_read_check_text(s, data, size) != NGX_OK) {
        return NGX_DONE;
    }

    in->message = data;
    in->message_size = size;

    return ngx_http_websocket_read_message(s);
}


/* refuses a frame by its header, before its bytes come */

static ngx_int_t
ngx_http_websocket_read_header(ngx_http_websocket_session_t *s)
{
    uint64_t                     room;
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in->parser.opcode & NGX_WEBSOCKET_CONTROL) {
        in->control_size = 0;
        return NGX_OK;
    }

    if (s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    if (ngx_http_websocket_read_is_unwanted(s)) {
        return ngx_http_websocket_read_unwanted(s);
    }

    if (in->parser.opcode == NGX_WEBSOCKET_CONTINUATION) {

        if (++in->fragments > s->conf->limits.fragments) {
            ngx_http_websocket_session_fail(s,
                                         NGX_HTTP_WEBSOCKET_REASON_FRAGMENTS);
            return NGX_DONE;
        }

    } else {
        in->utf8 = 0;
        in->fragments = 1;

        if (in->parser.rsv1) {
            in->inflater = ngx_http_websocket_inflater_take(s);
            in->compressed = 0;

            if (in->inflater == NULL) {
                return ngx_http_websocket_read_out_of_memory(s);
            }
        }
    }

    room = s->conf->max_message_size - in->message_size;

    if (in->inflater) {

        /*
         * The inflated size is not known yet; compressed data need not be
         * longer than the largest message in the worst case.
         */

        room = ngx_websocket_deflate_bound(s->conf->max_message_size)
               - in->compressed;
    }

    return in->parser.length > room ? ngx_http_websocket_read_too_big(s)
                                    : NGX_OK;
}


/*
 * Where tokens are renewed, filters are taken or heartbeats are answered, the
 * message may be one of those.
 */

static ngx_inline ngx_uint_t
ngx_http_websocket_read_is_unwanted(ngx_http_websocket_session_t *s)
{
    return s->conf->subscribes && !s->conf->publishes
           && !s->conf->typed.filter && !s->record->aside->visible
           && (s->conf->jwt == NULL || s->conf->jwt->renew == 0);
}


static ngx_int_t
ngx_http_websocket_read_unwanted(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_UNWANTED);
    return NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_read_too_big(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_TOO_BIG);
    return NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_read_payload(ngx_http_websocket_session_t *s, u_char *data,
    size_t size)
{
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in->parser.opcode & NGX_WEBSOCKET_CONTROL) {
        return ngx_http_websocket_read_control_piece(s, data, size);
    }

    /* a closing session takes no messages any more */

    if (s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    /* the session is not idle while a message comes */

    s->active = ngx_http_websocket_now();

    if (in->inflater) {
        return ngx_http_websocket_read_compressed_piece(s, data, size);
    }

    if (ngx_http_websocket_read_check_text(s, data, size) != NGX_OK) {
        return NGX_DONE;
    }

    return ngx_http_websocket_read_message_piece(s, data, size);
}


static ngx_int_t
ngx_http_websocket_read_check_text(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in->parser.message == NGX_WEBSOCKET_TEXT
        && ngx_websocket_utf8(&in->utf8, data, size) != 0)
    {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_NOT_UTF8);
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_read_end(ngx_http_websocket_session_t *s)
{
    ngx_websocket_parser_t  *parser;

    parser = &s->record->input->parser;

    if (parser->opcode & NGX_WEBSOCKET_CONTROL) {
        return ngx_http_websocket_read_control(s);
    }

    if (!parser->fin || s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    return ngx_http_websocket_read_message(s);
}


static ngx_int_t
ngx_http_websocket_read_control_piece(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in->control == NULL) {

        if (size == in->parser.length) {
            in->control = data;
            in->control_borrowed = 1;
            in->control_size = size;

            return NGX_OK;
        }

        in->control = ngx_alloc(NGX_WEBSOCKET_CONTROL_SIZE,
                                s->connection->log);
        if (in->control == NULL) {
            return ngx_http_websocket_read_out_of_memory(s);
        }
    }

    ngx_memcpy(in->control + in->control_size, data, size);
    in->control_size += size;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_read_control(ngx_http_websocket_session_t *s)
{
    ngx_int_t                    rc;
    ngx_http_websocket_input_t  *in;

    rc = NGX_OK;
    in = s->record->input;

    ngx_http_websocket_read_work++;

    switch (in->parser.opcode) {

    case NGX_WEBSOCKET_PING:
        rc = ngx_http_websocket_limits_ping(s);

        if (s->state == NGX_HTTP_WEBSOCKET_OPEN
            && ngx_http_websocket_send_control(s, NGX_WEBSOCKET_PONG,
                                               in->control, in->control_size)
               != NGX_OK)
        {
            rc = ngx_http_websocket_read_out_of_memory(s);
        }

        break;

    case NGX_WEBSOCKET_CLOSE:
        ngx_http_websocket_socket_closed_by_peer(s, in->control,
                                                 in->control_size);
        rc = NGX_DONE;
        break;

    default:  /* a Pong, an answer or unsolicited: the client was heard */
        ngx_http_websocket_read_pong(s);
        rc = ngx_http_websocket_limits_ping(s);
        break;
    }

    if (!in->control_borrowed) {
        ngx_free(in->control);
    }

    in->control = NULL;
    in->control_borrowed = 0;

    return rc;
}


/*
 * a Pong behind other bytes may have waited for them: its time is not measured
 */

static void
ngx_http_websocket_read_pong(ngx_http_websocket_session_t *s)
{
    if (ngx_http_websocket_read_rtt == 0) {
        return;
    }

    s->record->rtt = ngx_http_websocket_read_rtt;

    ngx_http_websocket_read_rtt = 0;

    if (s->conf->zone) {
        ngx_http_websocket_histogram_add(&s->conf->zone->stats->rtt,
                                   (uint64_t) (s->record->rtt - 1) * 1000);
    }
}


static ngx_int_t
ngx_http_websocket_read_message_piece(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in->message_alloc == 0 && in->parser.fin && size == in->parser.length)
    {
        /* the whole message is in the buffer, and handled where it lies */

        in->message = data;
        in->message_size = size;

        return NGX_OK;
    }

    if (in->message_size + size > in->message_alloc
        && ngx_http_websocket_read_message_grow(s, in->message_size + size)
           != NGX_OK)
    {
        return ngx_http_websocket_read_out_of_memory(s);
    }

    ngx_memcpy(in->message + in->message_size, data, size);
    in->message_size += size;

    return NGX_OK;
}


/* a compression bomb costs no more than the largest message and a byte */

static ngx_int_t
ngx_http_websocket_read_compressed_piece(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    u_char                      *p;
    size_t                       used, made;
    ngx_websocket_deflate_e      rc;
    ngx_http_websocket_input_t  *in;

    in = s->record->input;
    in->compressed += size;

    ngx_websocket_inflater_recall(in->inflater,
                                  in->message + in->message_size);

    do {
        if (in->message_size == in->message_alloc
            && ngx_http_websocket_read_message_grow(s, in->message_size + 1)
               != NGX_OK)
        {
            return ngx_http_websocket_read_out_of_memory(s);
        }

        p = in->message + in->message_size;

        rc = ngx_websocket_inflater_feed(in->inflater, data, size, p,
                                         in->message_alloc - in->message_size,
                                         &used, &made);

        if (rc == NGX_WEBSOCKET_DEFLATE_NO_MEMORY) {
            return ngx_http_websocket_read_out_of_memory(s);
        }

        if (rc == NGX_WEBSOCKET_DEFLATE_ERROR) {
            return ngx_http_websocket_read_not_deflate(s);
        }

        in->message_size += made;

        if (in->message_size > s->conf->max_message_size) {
            return ngx_http_websocket_read_too_big(s);
        }

        if (ngx_http_websocket_read_check_text(s, p, made) != NGX_OK) {
            return NGX_DONE;
        }

        data += used;
        size -= used;

    } while (rc == NGX_WEBSOCKET_DEFLATE_FULL);

    return NGX_OK;
}


/*
 * Memory grows with the bytes that have come, not with those that were
 * announced: a client must send what it makes the server hold.
 */

static ngx_int_t
ngx_http_websocket_read_message_grow(ngx_http_websocket_session_t *s,
    size_t size)
{
    u_char                      *p;
    size_t                       alloc;
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    alloc = ngx_max(2 * in->message_alloc, NGX_HTTP_WEBSOCKET_MESSAGE);
    alloc = ngx_min(alloc, s->conf->max_message_size);
    alloc = ngx_max(alloc, size);

    p = ngx_http_websocket_memory_alloc(NGX_HTTP_WEBSOCKET_MEMORY_INPUT, alloc,
                                        s->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    if (in->message_size) {
        ngx_memcpy(p, in->message, in->message_size);
    }

    if (in->message_alloc) {
        ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_INPUT,
                                       in->message);
    }

    in->message = p;
    in->message_alloc = alloc;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_read_message(ngx_http_websocket_session_t *s)
{
    ngx_int_t                    rc;
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    if (in->inflater && ngx_http_websocket_read_compressed_end(s) != NGX_OK) {
        return NGX_DONE;
    }

    if (in->parser.message == NGX_WEBSOCKET_TEXT && in->utf8 != 0) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_CUT_UTF8);
        return NGX_DONE;
    }

    s->record->messages_in++;
    s->conf->stats->messages_received++;
    s->active = ngx_http_websocket_now();

    ngx_http_websocket_read_work += 1 + in->message_size
                                        / NGX_HTTP_WEBSOCKET_READ_WEIGHT;

    rc = NGX_HTTP_WEBSOCKET_ASIDE_OTHER;

    if (s->record->aside != &ngx_http_websocket_aside_none) {
        rc = ngx_http_websocket_read_aside(s, in);
    }

    if (rc == NGX_HTTP_WEBSOCKET_ASIDE_OTHER) {
        rc = ngx_http_websocket_read_receive(s, in);
    }

    if (in->message_alloc) {
        ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_INPUT,
                                       in->message);
        in->message_alloc = 0;
    }

    in->message = NULL;
    in->message_size = 0;

    if (rc == NGX_DONE) {
        return NGX_DONE;
    }

    /* what receive() said to be under work may be done by now */

    return ngx_http_websocket_session_is_paused(s) ? NGX_AGAIN : NGX_OK;
}


/*
 * Takes what is not for receive(), nor one message too many for the rates: the
 * session would end without it.  Where clients only listen, the session closes
 * for any other message.
 */

static ngx_int_t
ngx_http_websocket_read_aside(ngx_http_websocket_session_t *s,
    ngx_http_websocket_input_t *in)
{
    ngx_int_t                    rc;
    ngx_http_websocket_aside_t  *aside;

    rc = NGX_HTTP_WEBSOCKET_ASIDE_OTHER;
    aside = s->record->aside;

    if (aside->visible) {
        rc = ngx_http_websocket_beat_answer(s, in->parser.message,
                                            in->message, in->message_size);
    }

    if (rc == NGX_HTTP_WEBSOCKET_ASIDE_OTHER && aside->auth) {
        rc = ngx_http_websocket_auth_receive(s, in->parser.message,
                                             in->message, in->message_size);
    }

    if (rc == NGX_HTTP_WEBSOCKET_ASIDE_OTHER && s->conf->subscribes
        && !s->conf->publishes && !s->conf->typed.filter)
    {
        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_UNWANTED);
        return NGX_OK;
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_read_receive(ngx_http_websocket_session_t *s,
    ngx_http_websocket_input_t *in)
{
    ngx_int_t  rc;

    ngx_http_websocket_probe3(message, s->record->id, in->message_size,
                              (ngx_uint_t) in->parser.message);

    if (s->conf->limits.rates) {

        switch (ngx_http_websocket_limits_message(s, in->message_size)) {

        case NGX_HTTP_WEBSOCKET_LIMITED_TAKEN:
            break;

        case NGX_HTTP_WEBSOCKET_LIMITED_DROPPED:
            return ngx_http_websocket_read_dropped(s, in);

        default:  /* NGX_HTTP_WEBSOCKET_LIMITED_CLOSED */
            return NGX_DONE;
        }
    }

    rc = ngx_http_websocket_protocol_of(s)->receive(s, in->parser.message,
                                                    in->message,
                                                    in->message_size);

    if (s->record->messages_in % NGX_HTTP_WEBSOCKET_GREEDY == 0) {
        ngx_http_websocket_limits_flood(s);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_read_dropped(ngx_http_websocket_session_t *s,
    ngx_http_websocket_input_t *in)
{
    const ngx_http_websocket_protocol_t  *protocol;

    protocol = ngx_http_websocket_protocol_of(s);

    return protocol->dropped
           ? protocol->dropped(s, in->parser.message, in->message,
                               in->message_size)
           : NGX_OK;
}


static ngx_int_t
ngx_http_websocket_read_compressed_end(ngx_http_websocket_session_t *s)
{
    ngx_websocket_deflate_e      rc;
    ngx_http_websocket_input_t  *in;

    in = s->record->input;

    ngx_websocket_inflater_recall(in->inflater,
                                  in->message + in->message_size);

    rc = ngx_websocket_inflater_end(in->inflater);

    ngx_http_websocket_inflater_give(s, in->inflater);
    in->inflater = NULL;

    switch (rc) {

    case NGX_WEBSOCKET_DEFLATE_OK:
        return NGX_OK;

    case NGX_WEBSOCKET_DEFLATE_NO_MEMORY:
        return ngx_http_websocket_read_out_of_memory(s);

    default:
        return ngx_http_websocket_read_not_deflate(s);
    }
}


static ngx_int_t
ngx_http_websocket_read_not_deflate(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_NOT_DEFLATE);
    return NGX_DONE;
}


static ngx_int_t
ngx_http_websocket_read_out_of_memory(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
    return NGX_DONE;
}
