
#include "session/ngx_http_websocket_write.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_head.h"
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_read.h"
#include "session/ngx_http_websocket_response.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_tls.h"


#define NGX_HTTP_WEBSOCKET_IOVS  64

/* a write, in steps of a turn's work */
#define NGX_HTTP_WEBSOCKET_WRITE_STEPS  2

/* bytes of it that take a further step */
#define NGX_HTTP_WEBSOCKET_WRITE_BYTES  2048


static ngx_uint_t ngx_http_websocket_send_full(
    ngx_http_websocket_session_t *s, ngx_http_websocket_frame_t *frame);
static size_t ngx_http_websocket_send_counted(ngx_http_websocket_queue_t *q);
static void ngx_http_websocket_send_now(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_send_again(ngx_http_websocket_session_t *s);
static ngx_http_websocket_send_e ngx_http_websocket_send_make_room(
    ngx_http_websocket_session_t *s, ngx_http_websocket_frame_t *frame);
static ssize_t ngx_http_websocket_writev(ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_flush_plain(
    ngx_http_websocket_session_t *s);
#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_websocket_flush_ssl(ngx_http_websocket_session_t *s);
static ngx_chain_t *ngx_http_websocket_ssl_chain(
    ngx_http_websocket_session_t *s);
#endif
static void ngx_http_websocket_write_hold(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_release_held(ngx_event_t *ev);
static void ngx_http_websocket_flush_event(ngx_event_t *ev);
static void ngx_http_websocket_flush_session(ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_upgrade(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_shutdown(ngx_http_websocket_session_t *s);


/* the sessions to be written to at the end of this turn */

static ngx_queue_t       ngx_http_websocket_flushes;
static ngx_event_t       ngx_http_websocket_flusher;
static ngx_connection_t  ngx_http_websocket_flusher_dummy;


void
ngx_http_websocket_write_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_websocket_flushes);

    ngx_http_websocket_flusher_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_flusher.handler = ngx_http_websocket_flush_event;
    ngx_http_websocket_flusher.data = &ngx_http_websocket_flusher_dummy;
    ngx_http_websocket_flusher.log = cycle->log;
}


ngx_http_websocket_send_e
ngx_http_websocket_send(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    ngx_http_websocket_send_e    rc;
    ngx_http_websocket_batch_t  *batch;

    ngx_http_websocket_uncork(s);

    if (ngx_http_websocket_send_full(s, frame)) {

        rc = ngx_http_websocket_send_make_room(s, frame);

        if (rc != NGX_HTTP_WEBSOCKET_SEND_OK) {
            ngx_http_websocket_frame_release(frame);

            return rc == NGX_HTTP_WEBSOCKET_SEND_DROPPED
                   ? NGX_HTTP_WEBSOCKET_SEND_OK : rc;
        }
    }

    if (ngx_http_websocket_queue_push(s, frame) != NGX_OK) {
        return NGX_HTTP_WEBSOCKET_SEND_NO_MEMORY;
    }

    batch = s->conf->batch;

    if (batch && batch->newest && s->out->bytes >= batch->size) {
        ngx_http_websocket_queue_newest(s, NULL);
    }

    if (batch && s->out->bytes < batch->size) {
        ngx_http_websocket_write_hold(s);

    } else {
        ngx_http_websocket_post_flush(s);
    }

    return NGX_HTTP_WEBSOCKET_SEND_OK;
}


static ngx_uint_t
ngx_http_websocket_send_full(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    uint32_t                     messages;
    ngx_http_websocket_queue_t  *q;

    q = s->out;
    messages = q->messages - q->replies;

    return messages >= s->conf->queue_messages
           || (messages && ngx_http_websocket_send_counted(q) + frame->size
                           > s->conf->queue_size);
}


/*
 * the bytes that wait, without those that only the client's own reading brings
 */

static size_t
ngx_http_websocket_send_counted(ngx_http_websocket_queue_t *q)
{
    size_t                       bytes;
    ngx_http_websocket_frame_t  *first;

    bytes = q->bytes - q->reply_bytes;

    if (q->sent && q->replies) {

        first = *ngx_http_websocket_queue_at(q, 0);

        if (first->message && !ngx_http_websocket_queue_counts(first)) {
            bytes += q->sent;
        }
    }

    return bytes;
}


/* _SEND_OK: the frame may be queued now; _SEND_DROPPED: it is the one to go */

static ngx_http_websocket_send_e
ngx_http_websocket_send_make_room(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    uint32_t                     i;
    ngx_http_websocket_queue_t  *q;

    if (s->conf->batch && s->conf->batch->newest) {

        /* messages that the new one replaces need not be written */

        ngx_http_websocket_queue_newest(s, frame);

        if (!ngx_http_websocket_send_full(s, frame)) {
            return NGX_HTTP_WEBSOCKET_SEND_OK;
        }
    }

    /*
     * it is the turn that is busy, not the client that is slow; a broken
     * connection is noticed later
     */

    ngx_http_websocket_send_now(s);

    if (s->conf->overflow == NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE) {

        if (ngx_http_websocket_send_full(s, frame)) {
            ngx_http_websocket_send_again(s);
        }

        return ngx_http_websocket_send_full(s, frame)
               ? NGX_HTTP_WEBSOCKET_SEND_FULL : NGX_HTTP_WEBSOCKET_SEND_OK;
    }

    if (s->conf->overflow == NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE
        && ngx_http_websocket_send_full(s, frame))
    {
        if (s->conf->conflate_key.len) {
            ngx_http_websocket_queue_newest(s, frame);

        } else {
            ngx_http_websocket_queue_conflate(s, frame->channel);
        }
    }

    while (ngx_http_websocket_send_full(s, frame)) {

        q = s->out;
        i = ngx_http_websocket_queue_victim(s);

        if (i == q->count) {

            /*
             * nothing is left but a frame that is partly written, or answers
             */

            return q->messages - q->replies > ngx_http_websocket_queue_first(q)
                   ? NGX_HTTP_WEBSOCKET_SEND_FULL
                   : NGX_HTTP_WEBSOCKET_SEND_OK;
        }

        if (s->conf->priority
            && (*ngx_http_websocket_queue_at(q, i))->priority
               > frame->priority)
        {
            s->record->dropped++;
            s->conf->stats->dropped[
                            ngx_http_websocket_overflow_reason(s->conf)]++;

            return NGX_HTTP_WEBSOCKET_SEND_DROPPED;
        }

        ngx_http_websocket_queue_remove(s, i);
    }

    return NGX_HTTP_WEBSOCKET_SEND_OK;
}


/*
 * Writes before the end of the turn.  Does nothing for a poll: its answer is
 * written when all is queued that it is to have.
 */

static void
ngx_http_websocket_send_now(ngx_http_websocket_session_t *s)
{
    if (!s->write_blocked && !ngx_http_websocket_protocol_of(s)->once) {
        (void) ngx_http_websocket_flush(s);
    }
}


/*
 * A blocked client may have read everything while the worker stood still, and
 * the event that tells so comes after this one: the socket is asked before the
 * client is closed.
 */

static void
ngx_http_websocket_send_again(ngx_http_websocket_session_t *s)
{
    ngx_event_t  *rev, *wev;

    rev = s->connection->read;
    wev = s->connection->write;

    if (!s->write_blocked || s->state != NGX_HTTP_WEBSOCKET_OPEN
        || ngx_http_websocket_protocol_of(s)->once || wev->delayed)
    {
        return;
    }

#if (NGX_HTTP_V2)
    if (s->record->request && s->record->request->stream) {
        return;
    }
#endif

    wev->ready = 1;

    /* reading may have waited for writing */

    if (ngx_http_websocket_flush(s) == NGX_OK && rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
    }
}


ngx_int_t
ngx_http_websocket_send_reply(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    ngx_http_websocket_queue_t  *q;

    ngx_http_websocket_uncork(s);

    q = s->out;

    if (q->messages >= s->conf->queue_messages
        || (q->messages && q->bytes + frame->size > s->conf->queue_size))
    {
        /* only a write tells whether more may be read */

        ngx_http_websocket_send_now(s);
    }

    if (ngx_http_websocket_queue_push(s, frame) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_websocket_post_flush(s);

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_send_first(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    if (ngx_http_websocket_queue_insert(s, frame, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_websocket_post_flush(s);

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_send_answer(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    ngx_http_websocket_send_e  rc;

    if (frame == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return NGX_DONE;
    }

    frame->message = 1;
    frame->answer = 1;
    frame->priority = NGX_HTTP_WEBSOCKET_NORMAL;
    frame->time = ngx_http_websocket_clock_now();

    rc = ngx_http_websocket_send(s, frame);

    /* reading goes on for the client's Close */

    if (rc != NGX_HTTP_WEBSOCKET_SEND_OK) {
        ngx_http_websocket_session_close(s, rc == NGX_HTTP_WEBSOCKET_SEND_FULL
                                     ? NGX_HTTP_WEBSOCKET_REASON_TOO_SLOW
                                     : NGX_HTTP_WEBSOCKET_REASON_QUEUE_MEMORY);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_send_bytes(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    ngx_http_websocket_uncork(s);

    if (ngx_http_websocket_queue_insert(s, frame, s->out->count) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_websocket_post_flush(s);

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_send_control(ngx_http_websocket_session_t *s,
    uint8_t opcode, u_char *payload, size_t size)
{
    ngx_http_websocket_frame_t  *frame;

    if (ngx_http_websocket_cork_frame(s, NGX_WEBSOCKET_FIN | opcode, payload,
                                      size))
    {
        return NGX_OK;
    }

    if (opcode == NGX_WEBSOCKET_PONG
        && ngx_http_websocket_queue_replace_pong(s, payload, size))
    {
        return NGX_OK;
    }

    frame = ngx_http_websocket_control_frame(NGX_WEBSOCKET_FIN | opcode,
                                             payload, size,
                                             s->connection->log);
    if (frame == NULL) {
        return NGX_ERROR;
    }

    frame->pong = (opcode == NGX_WEBSOCKET_PONG);

    return ngx_http_websocket_send_bytes(s, frame);
}


/* writes when there is enough, or the delay is over */

static void
ngx_http_websocket_write_hold(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_batch_t  *batch;

    if (s->flush_posted || s->write_blocked) {
        return;
    }

    batch = s->conf->batch;

    s->flush_posted = 1;
    s->held = 1;
    ngx_queue_insert_tail(&batch->sessions, &s->flush);

    if (!batch->timer.timer_set) {
        batch->timer.handler = ngx_http_websocket_release_held;
        batch->timer.data = &batch->dummy;
        batch->timer.log = ngx_cycle->log;
        batch->timer.cancelable = 1;

        batch->dummy.fd = (ngx_socket_t) -1;
        batch->dummy.data = batch;

        ngx_add_timer(&batch->timer, batch->delay);
    }
}


static void
ngx_http_websocket_release_held(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_connection_t              *c;
    ngx_http_websocket_batch_t    *batch;
    ngx_http_websocket_session_t  *s;

    c = ev->data;
    batch = c->data;

    ngx_http_websocket_turn_loop();

    while (!ngx_queue_empty(&batch->sessions)) {

        q = ngx_queue_head(&batch->sessions);
        s = ngx_queue_data(q, ngx_http_websocket_session_t, flush);

        ngx_http_websocket_post_flush(s);

        if (ngx_http_websocket_turn_step(1)) {
            break;
        }
    }

    if (!ngx_queue_empty(&batch->sessions)) {
        ngx_http_websocket_turn_next(ev);
    }
}


void
ngx_http_websocket_post_flush(ngx_http_websocket_session_t *s)
{
    if (s->held) {
        s->held = 0;
        s->flush_posted = 0;
        ngx_queue_remove(&s->flush);

        if (s->conf->batch->newest) {
            ngx_http_websocket_queue_newest(s, NULL);
        }
    }

    if (s->flush_posted || (s->write_blocked && !s->connection->write->ready))
    {
        return;
    }

    s->flush_posted = 1;
    ngx_queue_insert_tail(&ngx_http_websocket_flushes, &s->flush);

    ngx_post_event(&ngx_http_websocket_flusher, &ngx_posted_events);
}


static void
ngx_http_websocket_flush_event(ngx_event_t *ev)
{
    ngx_queue_t                   *q;
    ngx_http_websocket_session_t  *s;

    ngx_http_websocket_turn_loop();

    while (!ngx_queue_empty(&ngx_http_websocket_flushes)) {

        q = ngx_queue_head(&ngx_http_websocket_flushes);
        s = ngx_queue_data(q, ngx_http_websocket_session_t, flush);

        ngx_queue_remove(q);
        s->flush_posted = 0;

        ngx_http_websocket_flush_session(s);

        if (ngx_http_websocket_turn_step(NGX_HTTP_WEBSOCKET_WRITE_STEPS)) {
            break;
        }
    }

    if (!ngx_queue_empty(&ngx_http_websocket_flushes)) {
        ngx_http_websocket_turn_next(ev);
    }
}


/* writes, and ends the session if this was the last that it had to write */

static void
ngx_http_websocket_flush_session(ngx_http_websocket_session_t *s)
{
    ngx_int_t  rc;

    if (s->close_queued) {
        ngx_http_websocket_session_unsubscribe_all(s);
    }

    rc = ngx_http_websocket_flush(s);

    if (rc == NGX_ERROR || rc == NGX_DONE) {
        ngx_http_websocket_session_free(s);
        return;
    }

    if (rc == NGX_AGAIN) {
        return;
    }

    if (s->state != NGX_HTTP_WEBSOCKET_CLOSE_LAST) {

        if (s->catching_up) {
            ngx_http_websocket_session_more(s);
        }

        return;
    }

    if (s->linger) {
        ngx_http_websocket_shutdown(s);
        return;
    }

    ngx_http_websocket_session_free(s);
}


/*
 * Closing a socket with unread bytes resets the connection, and the peer may
 * never see the Close: say that nothing follows, and wait for its end.
 */

static void
ngx_http_websocket_shutdown(ngx_http_websocket_session_t *s)
{
    ngx_connection_t  *c;

    c = s->connection;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_http_websocket_session_free(s);
        return;
    }
#endif

    if (ngx_shutdown_socket(c->fd, NGX_WRITE_SHUTDOWN) == -1) {
        ngx_http_websocket_session_free(s);
        return;
    }

    s->state = NGX_HTTP_WEBSOCKET_LINGERING;

    if (c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_events);
    }
}


void
ngx_http_websocket_write_handler(ngx_event_t *wev)
{
    ngx_connection_t  *c;

    c = wev->data;

    ngx_http_websocket_write(c->data);
}


void
ngx_http_websocket_write(ngx_http_websocket_session_t *s)
{
    ngx_uint_t         blocked;
    ngx_connection_t  *c;

    c = s->connection;

    if (s->state == NGX_HTTP_WEBSOCKET_UPGRADING
        && ngx_http_websocket_upgrade(s) != NGX_OK)
    {
        return;
    }

    blocked = s->write_blocked;

    if (s->out->count || c->buffered) {
        ngx_http_websocket_post_flush(s);
    }

    /* reading may have waited for writing */

    if (blocked && c->read->ready) {
        ngx_post_event(c->read, &ngx_posted_next_events);
    }
}


/* writes the rest of the 101; the session is open when it returns NGX_OK */

static ngx_int_t
ngx_http_websocket_upgrade(ngx_http_websocket_session_t *s)
{
    ngx_buf_t           *b;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = s->connection;
    r = s->record->request;

    if (c->buffered || r->buffered) {

        if (ngx_http_output_filter(r, NULL) == NGX_ERROR) {
            ngx_http_websocket_session_free(s);
            return NGX_DONE;
        }

        if (c->buffered || r->buffered) {

            if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
                ngx_http_websocket_session_free(s);
                return NGX_DONE;
            }

            return NGX_AGAIN;
        }
    }

    s->state = s->close_queued ? NGX_HTTP_WEBSOCKET_CLOSE_SENT
                               : NGX_HTTP_WEBSOCKET_OPEN;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_http_websocket_tls_begin(s);
    }
#endif

    s->direct = ngx_http_websocket_direct_allowed(s);

    ngx_http_websocket_progress_fresh(s);

    s->record->upgraded = c->sent;

    ngx_http_websocket_session_schedule(s);

    /* what the client sent with its handshake is still in nginx's buffer */

    b = r->header_in;

    if (b->pos < b->last) {
        s->record->bytes_in += b->last - b->pos;
        s->conf->stats->bytes_received += b->last - b->pos;
        (void) ngx_http_websocket_read_bytes(s, b->pos, b->last);
        b->pos = b->last;
    }

    ngx_http_websocket_request_release(s);

    ngx_post_event(c->read, &ngx_posted_events);

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_flush(ngx_http_websocket_session_t *s)
{
    ngx_int_t  rc;

    if (s->connection->error) {
        return NGX_ERROR;
    }

    if (s->state == NGX_HTTP_WEBSOCKET_UPGRADING) {
        return NGX_AGAIN;
    }

    ngx_http_websocket_turn_worked(s->out->bytes
                                   / NGX_HTTP_WEBSOCKET_WRITE_BYTES);

    rc = ngx_http_websocket_protocol_of(s)->transport->flush(s);

    if (rc == NGX_OK) {
        s->write_blocked = 0;
        ngx_http_websocket_queue_free(s);
        ngx_http_websocket_progress(s);
    }

    return rc;
}


ngx_int_t
ngx_http_websocket_socket_flush(ngx_http_websocket_session_t *s)
{
#if (NGX_HTTP_SSL)
    if (s->tls) {
        return ngx_http_websocket_tls_flush(s);
    }

    if (s->connection->ssl) {
        return ngx_http_websocket_flush_ssl(s);
    }
#endif

    return ngx_http_websocket_flush_plain(s);
}


static ngx_int_t
ngx_http_websocket_flush_plain(ngx_http_websocket_session_t *s)
{
    ssize_t  n;

    while (s->out->count) {

        n = ngx_http_websocket_writev(s);

        if (n == NGX_AGAIN) {
            return ngx_http_websocket_blocked(s);
        }

        if (n == NGX_ERROR) {
            return NGX_ERROR;
        }

        s->connection->sent += n;

        ngx_http_websocket_queue_sent(s, n);
    }

    return NGX_OK;
}


static ssize_t
ngx_http_websocket_writev(ngx_http_websocket_session_t *s)
{
    ssize_t                      n;
    uint32_t                     i;
    ngx_err_t                    err;
    struct iovec                 iovs[NGX_HTTP_WEBSOCKET_IOVS];
    ngx_connection_t            *c;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    c = s->connection;
    q = s->out;

    if (!c->write->ready) {
        return NGX_AGAIN;
    }

    for (i = 0; i < q->count && i < NGX_HTTP_WEBSOCKET_IOVS; i++) {
        frame = *ngx_http_websocket_queue_at(q, i);

        iovs[i].iov_base = frame->data;
        iovs[i].iov_len = frame->size;
    }

    iovs[0].iov_base = (u_char *) iovs[0].iov_base + q->sent;
    iovs[0].iov_len -= q->sent;

    do {
        n = writev(c->fd, iovs, i);
        err = (n == -1) ? ngx_socket_errno : 0;
    } while (err == NGX_EINTR);

    if (n != -1) {
        return n;
    }

    if (err == NGX_EAGAIN) {
        c->write->ready = 0;
        return NGX_AGAIN;
    }

    c->write->error = 1;
    ngx_connection_error(c, err, "writev() failed");

    return NGX_ERROR;
}


#if (NGX_HTTP_SSL)

/*
 * Through nginx's TLS layer, which gathers frames in a buffer of its own, where
 * the kernel makes the records; the buffer is given back as soon as it is
 * empty.
 */

static ngx_int_t
ngx_http_websocket_flush_ssl(ngx_http_websocket_session_t *s)
{
    size_t             size;
    ngx_chain_t       *cl, *rest;
    ngx_connection_t  *c;

    c = s->connection;

    while (s->out->count || c->buffered) {

        if (!c->write->ready) {
            return ngx_http_websocket_blocked(s);
        }

        cl = s->out->count ? ngx_http_websocket_ssl_chain(s) : NULL;

        rest = c->send_chain(c, cl, 0);

        if (rest == NGX_CHAIN_ERROR) {
            c->error = 1;
            return NGX_ERROR;
        }

        for (size = 0; cl; cl = cl->next) {
            size += cl->buf->pos - cl->buf->start;
        }

        if (size) {
            ngx_http_websocket_queue_sent(s, size);
        }
    }

    ngx_ssl_free_buffer(c);

    return NGX_OK;
}


/* buf->start is where this round begins: what is before it was sent */

static ngx_chain_t *
ngx_http_websocket_ssl_chain(ngx_http_websocket_session_t *s)
{
    uint32_t                     i;
    ngx_buf_t                   *b;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    static ngx_buf_t             bufs[NGX_HTTP_WEBSOCKET_IOVS];
    static ngx_chain_t           links[NGX_HTTP_WEBSOCKET_IOVS];

    q = s->out;

    for (i = 0; i < q->count && i < NGX_HTTP_WEBSOCKET_IOVS; i++) {
        frame = *ngx_http_websocket_queue_at(q, i);
        b = &bufs[i];

        ngx_memzero(b, sizeof(ngx_buf_t));

        b->start = frame->data + (i == 0 ? q->sent : 0);
        b->pos = b->start;
        b->last = frame->data + frame->size;
        b->end = b->last;
        b->memory = 1;

        links[i].buf = b;
        links[i].next = &links[i + 1];
    }

    bufs[i - 1].flush = 1;
    links[i - 1].next = NULL;

    return links;
}

#endif


ngx_int_t
ngx_http_websocket_blocked(ngx_http_websocket_session_t *s)
{
    if (ngx_handle_write_event(s->connection->write, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    s->write_blocked = 1;
    ngx_http_websocket_progress(s);

    return NGX_AGAIN;
}
