
#include "session/ngx_http_websocket_direct.h"
#include "delivery/ngx_http_websocket_content.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_select.h"
#include "session/ngx_http_websocket_tls.h"
#include "session/ngx_http_websocket_write.h"


/* casts of a delivery that are kept at a time */
#define NGX_HTTP_WEBSOCKET_CASTS      16

/* formats, codecs and views differ in their lowest bits */
#define ngx_http_websocket_cast_of(variant)                                   \
    (((variant) >> 16 ^ (variant) >> 7 ^ (variant)) % NGX_HTTP_WEBSOCKET_CASTS)

/* the frames of a delivery with their headers and positions */
#define NGX_HTTP_WEBSOCKET_CAST_SIZE                                          \
    (NGX_HTTP_WEBSOCKET_BATCH_SIZE + 64 * NGX_HTTP_WEBSOCKET_BATCH)

#define NGX_HTTP_WEBSOCKET_CORK_SIZE  65536


/* a delivery as all sessions of a variant get it: one piece of bytes */

typedef struct {
    uint64_t                      delivery;     /* its number */
    uint32_t                      variant;
    u_char                       *data;         /* NULL: too large */
    size_t                        size;
    u_char                       *buf;          /* for more than one frame */
    ngx_http_websocket_frame_t   *frames[NGX_HTTP_WEBSOCKET_BATCH];
} ngx_http_websocket_cast_t;


/* the messages of a delivery that pass a filter */

typedef struct {
    ngx_http_websocket_cast_t     cast;
    ngx_websocket_filter_t       *filter;
    ngx_uint_t                    n;
    uint16_t                      numbers[NGX_HTTP_WEBSOCKET_BATCH];
                                            /* in the delivery */
} ngx_http_websocket_selection_t;


static ngx_http_websocket_cast_t *ngx_http_websocket_cast_find(
    ngx_http_websocket_session_t *s, ngx_http_websocket_delivery_t *delivery)
    ngx_http_websocket_noinline;
static void ngx_http_websocket_cast_make(ngx_http_websocket_cast_t *cast,
    ngx_http_websocket_session_t *s, ngx_http_websocket_delivery_t *delivery);
static void ngx_http_websocket_cast_gather(ngx_http_websocket_cast_t *cast,
    ngx_uint_t n, ngx_log_t *log);
static ngx_inline void ngx_http_websocket_cast_sent(
    ngx_http_websocket_session_t *s, ngx_connection_t *c, ssize_t size,
    ngx_uint_t n);
#if (NGX_HTTP_SSL)
static ngx_uint_t ngx_http_websocket_direct_tls(
    ngx_http_websocket_session_t *s, ngx_http_websocket_cast_t *cast,
    ngx_uint_t n) ngx_http_websocket_noinline;
#endif
static void ngx_http_websocket_selection_make(
    ngx_http_websocket_selection_t *selection, ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_filter_t *filter, ngx_http_websocket_delivery_t *delivery);
static ngx_uint_t ngx_http_websocket_direct_rest(
    ngx_http_websocket_session_t *s, ngx_http_websocket_cast_t *cast,
    ngx_uint_t n, ssize_t sent) ngx_http_websocket_noinline;
static size_t ngx_http_websocket_direct_sent(ngx_http_websocket_session_t *s,
    ssize_t sent);
static void ngx_http_websocket_direct_broken(ngx_http_websocket_session_t *s);


static ngx_http_websocket_cast_t      ngx_http_websocket_casts[
                                          NGX_HTTP_WEBSOCKET_CASTS];

/*
 * the last cast that was used: most sessions of a channel get messages in the
 * same way
 */

static ngx_http_websocket_cast_t     *ngx_http_websocket_cast =
                                          ngx_http_websocket_casts;

/*
 * the last selection that was used: sessions with the same filter often follow
 * each other
 */

static ngx_http_websocket_selection_t  ngx_http_websocket_selected;

/* answers that are gathered, and the session that they are for */

static ngx_http_websocket_session_t  *ngx_http_websocket_corked;
static size_t                         ngx_http_websocket_cork_size;
static ngx_uint_t                     ngx_http_websocket_cork_messages;
static u_char                         ngx_http_websocket_cork_buffer[
                                          NGX_HTTP_WEBSOCKET_CORK_SIZE];


ngx_uint_t
ngx_http_websocket_direct_allowed(ngx_http_websocket_session_t *s)
{
#if (NGX_HTTP_SSL)
    if (s->connection->ssl && !s->tls) {
        return 0;
    }
#endif

    /* messages of several channels are written together, if they come so */

    return ngx_http_websocket_protocol_of(s)->direct
           && (s->record->nsubscriptions <= 1
               || ngx_http_websocket_protocol_of(s)->choice)
           && s->ordered && s->conf->batch == NULL
           && s->conf->conflate_key.len == 0;
}


ngx_uint_t
ngx_http_websocket_direct_deliver(ngx_http_websocket_session_t *s,
    ngx_http_websocket_delivery_t *delivery)
{
    ssize_t                     n;
    ngx_connection_t           *c;
    ngx_http_websocket_cast_t  *cast;

    cast = ngx_http_websocket_cast;

    if (cast->delivery != delivery->number || cast->variant != s->variant) {
        cast = ngx_http_websocket_cast_find(s, delivery);
    }

    if (cast->data == NULL) {
        return 0;
    }

#if (NGX_HTTP_SSL)
    if (s->tls) {
        return ngx_http_websocket_direct_tls(s, cast, delivery->n)
               ? delivery->n : 0;
    }
#endif

    c = s->connection;

    n = send(c->fd, cast->data, cast->size, 0);

    if (n != (ssize_t) cast->size) {
        return ngx_http_websocket_direct_rest(s, cast, delivery->n, n);
    }

    ngx_http_websocket_cast_sent(s, c, n, delivery->n);

    return delivery->n;
}


static ngx_http_websocket_cast_t *
ngx_http_websocket_cast_find(ngx_http_websocket_session_t *s,
    ngx_http_websocket_delivery_t *delivery)
{
    ngx_http_websocket_cast_t  *cast;

    cast = &ngx_http_websocket_casts[ngx_http_websocket_cast_of(s->variant)];

    if (cast->delivery != delivery->number || cast->variant != s->variant) {
        ngx_http_websocket_cast_make(cast, s, delivery);
    }

    ngx_http_websocket_cast = cast;

    return cast;
}


static ngx_inline void
ngx_http_websocket_cast_sent(ngx_http_websocket_session_t *s,
    ngx_connection_t *c, ssize_t size, ngx_uint_t n)
{
    ngx_http_websocket_stats_t  *stats;

    stats = s->conf->stats;

    c->sent += size;
    stats->bytes_sent += size;

    s->messages_out += n;
    stats->messages_sent += n;

    s->active = ngx_http_websocket_now();
}


#if (NGX_HTTP_SSL)

/* returns 0 when the cast is too large, which is not usual; else all is done */

static ngx_uint_t
ngx_http_websocket_direct_tls(ngx_http_websocket_session_t *s,
    ngx_http_websocket_cast_t *cast, ngx_uint_t n)
{
    ngx_http_websocket_stats_t  *stats;

    if (cast->size > NGX_HTTP_WEBSOCKET_TLS_WRITE) {
        return 0;
    }

    stats = s->conf->stats;

    s->messages_out += n;
    stats->messages_sent += n;

    s->active = ngx_http_websocket_now();

    ngx_http_websocket_tls_write(s, cast->data, cast->size);

    return 1;
}

#endif


ngx_uint_t
ngx_http_websocket_direct_select(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery)
{
    ssize_t                          sent;
    ngx_uint_t                       n;
    ngx_connection_t                *c;
    ngx_websocket_filter_t          *filter;
    ngx_http_websocket_cast_t       *cast;
    ngx_http_websocket_selection_t  *selection;

    if (!s->conf->own_messages || ngx_http_websocket_deflate_own(s)) {
        return 0;
    }

    selection = &ngx_http_websocket_selected;
    cast = &selection->cast;
    filter = ngx_http_websocket_select_filter(s, subscription);

    if (cast->delivery != delivery->number || cast->variant != s->variant
        || selection->filter != filter)
    {
        ngx_http_websocket_selection_make(selection, s, subscription, filter,
                                          delivery);
    }

    if (cast->data == NULL) {
        return selection->n ? 0 : delivery->n;
    }

#if (NGX_HTTP_SSL)
    if (s->tls) {
        if (!ngx_http_websocket_direct_tls(s, cast, selection->n)) {
            return 0;
        }

        ngx_http_websocket_progress(s);
        return delivery->n;
    }
#endif

    c = s->connection;

    sent = send(c->fd, cast->data, cast->size, 0);

    if (sent == (ssize_t) cast->size) {
        ngx_http_websocket_cast_sent(s, c, sent, selection->n);
        ngx_http_websocket_progress(s);
        return delivery->n;
    }

    n = ngx_http_websocket_direct_rest(s, cast, selection->n, sent);

    return n < selection->n ? selection->numbers[n] : delivery->n;
}


/* the cast has no data when nothing passes, or when that is too large */

static void
ngx_http_websocket_selection_make(ngx_http_websocket_selection_t *selection,
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_websocket_filter_t *filter, ngx_http_websocket_delivery_t *delivery)
{
    ngx_int_t                      rc;
    ngx_log_t                     *log;
    ngx_uint_t                     i, n;
    ngx_http_websocket_cast_t     *cast;
    ngx_http_websocket_frame_t    *frame;
    ngx_http_websocket_message_t  *message;

    log = s->connection->log;
    cast = &selection->cast;

    cast->delivery = 0;
    cast->variant = s->variant;
    cast->data = NULL;
    cast->size = 0;

    selection->filter = filter;

    for (i = 0, n = 0; i < delivery->n; i++) {

        message = delivery->messages[i];

        rc = ngx_http_websocket_select(s, subscription, filter, &message);

        if (rc == NGX_HTTP_WEBSOCKET_HIDDEN) {
            continue;
        }

        if (rc != NGX_OK || message->except
            || ngx_http_websocket_shared_frame(log, message, s->variant,
                                               &frame)
               != NGX_OK)
        {
            /* the way by the queue tells the client what went wrong */

            selection->n = delivery->n;
            return;
        }

        ngx_http_websocket_frame_release(frame);

        delivery->written = 1;
        delivery->messages[i]->written = 1;

        selection->numbers[n] = i;
        cast->frames[n++] = frame;
        cast->size += frame->size;
    }

    cast->delivery = delivery->number;
    selection->n = n;

    if (n > 1) {
        ngx_http_websocket_cast_gather(cast, n, log);

    } else if (n == 1) {
        cast->data = cast->frames[0]->data;
    }
}


/* the frames are valid as long as the delivery is */

static void
ngx_http_websocket_cast_make(ngx_http_websocket_cast_t *cast,
    ngx_http_websocket_session_t *s, ngx_http_websocket_delivery_t *delivery)
{
    ngx_log_t                     *log;
    ngx_uint_t                     i;
    ngx_http_websocket_frame_t    *frame;
    ngx_http_websocket_message_t  *message;

    frame = NULL;
    log = s->connection->log;

    delivery->written = 1;

    cast->delivery = delivery->number;
    cast->variant = s->variant;
    cast->data = NULL;
    cast->size = 0;

    for (i = 0; i < delivery->n; i++) {

        message = delivery->messages[i];

        if (message->except) {

            /* a message may have one session that is not to get it */

            return;
        }

        message->written = 1;

        /*
         * a view may not show all of the messages: each session is looked at by
         * itself
         */

        if (ngx_http_websocket_content_view(log, &message,
                               ngx_http_websocket_variant_view(s->variant))
            != NGX_OK
            || ngx_http_websocket_shared_frame(log, message, s->variant,
                                               &frame)
               != NGX_OK)
        {
            return;
        }

        ngx_http_websocket_frame_release(frame);

        cast->frames[i] = frame;
        cast->size += frame->size;
    }

    if (delivery->n == 1) {
        cast->data = frame->data;
        return;
    }

    ngx_http_websocket_cast_gather(cast, delivery->n, log);
}


static void
ngx_http_websocket_cast_gather(ngx_http_websocket_cast_t *cast, ngx_uint_t n,
    ngx_log_t *log)
{
    u_char      *p;
    ngx_uint_t   i;

    if (cast->size > NGX_HTTP_WEBSOCKET_CAST_SIZE) {
        return;
    }

    if (cast->buf == NULL) {
        cast->buf = ngx_alloc(NGX_HTTP_WEBSOCKET_CAST_SIZE, log);

        if (cast->buf == NULL) {
            return;
        }
    }

    p = cast->buf;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, cast->frames[i]->data, cast->frames[i]->size);
    }

    cast->data = cast->buf;
}


/* the message that was written in part is queued, those after it are not */

static ngx_uint_t
ngx_http_websocket_direct_rest(ngx_http_websocket_session_t *s,
    ngx_http_websocket_cast_t *cast, ngx_uint_t n, ssize_t sent)
{
    size_t                       size;
    ngx_uint_t                   i;
    ngx_http_websocket_frame_t  *frame;

    size = ngx_http_websocket_direct_sent(s, sent);

    if (s->connection->error) {
        return n;
    }

    for (i = 0; size >= cast->frames[i]->size; i++) {
        size -= cast->frames[i]->size;
    }

    s->messages_out += i;
    s->conf->stats->messages_sent += i;

    if (size == 0) {
        return i;
    }

    frame = cast->frames[i];
    frame->refs++;

    if (ngx_http_websocket_send_reply(s, frame) != NGX_OK) {

        /* nothing can follow half a frame */

        ngx_http_websocket_direct_broken(s);
        return n;
    }

    s->out->sent = size;
    s->out->bytes -= size;
    s->conf->stats->queued_bytes -= size;

    return i + 1;
}


/* accounts for what send() returned */

static size_t
ngx_http_websocket_direct_sent(ngx_http_websocket_session_t *s, ssize_t sent)
{
    ngx_err_t          err;
    ngx_connection_t  *c;

    c = s->connection;

    if (sent >= 0) {
        c->sent += sent;
        s->conf->stats->bytes_sent += sent;
        return sent;
    }

    err = ngx_socket_errno;

    if (err == NGX_EAGAIN) {
        c->write->ready = 0;

    } else if (err != NGX_EINTR) {
        ngx_connection_error(c, err, "send() failed");
        ngx_http_websocket_direct_broken(s);
    }

    return 0;
}


/*
 * a session must not be freed by whoever writes to it: its event does so next
 */

static void
ngx_http_websocket_direct_broken(ngx_http_websocket_session_t *s)
{
    s->connection->error = 1;

    ngx_http_websocket_post_flush(s);
}


void
ngx_http_websocket_cork(ngx_http_websocket_session_t *s)
{
    if (ngx_http_websocket_direct_ready(s)) {
        ngx_http_websocket_corked = s;
    }
}


ngx_uint_t
ngx_http_websocket_cork_frame(ngx_http_websocket_session_t *s, uint8_t first,
    u_char *data, size_t size)
{
    u_char  *p;

    if (ngx_http_websocket_corked != s
        || NGX_WEBSOCKET_HEADER_SIZE + size
           > NGX_HTTP_WEBSOCKET_CORK_SIZE - ngx_http_websocket_cork_size)
    {
        return 0;
    }

    p = ngx_http_websocket_cork_buffer + ngx_http_websocket_cork_size;

    p += ngx_websocket_frame_header(p, first, size);

    if (size) {
        p = ngx_cpymem(p, data, size);
    }

    ngx_http_websocket_cork_size = p - ngx_http_websocket_cork_buffer;
    ngx_http_websocket_cork_messages += !(first & NGX_WEBSOCKET_CONTROL);

    return 1;
}


void
ngx_http_websocket_uncork(ngx_http_websocket_session_t *s)
{
    size_t  size;

    if (ngx_http_websocket_corked != s) {
        return;
    }

    size = ngx_http_websocket_cork_size;
    s->messages_out += ngx_http_websocket_cork_messages;
    s->conf->stats->messages_sent += ngx_http_websocket_cork_messages;

    ngx_http_websocket_corked = NULL;
    ngx_http_websocket_cork_size = 0;
    ngx_http_websocket_cork_messages = 0;

    if (size) {
        ngx_http_websocket_direct_write(s, ngx_http_websocket_cork_buffer,
                                        size);
        ngx_http_websocket_progress(s);
    }
}


void
ngx_http_websocket_direct_write(ngx_http_websocket_session_t *s, u_char *data,
    size_t size)
{
    size_t                       sent;
    ngx_http_websocket_frame_t  *rest;

#if (NGX_HTTP_SSL)
    if (s->tls) {
        ngx_http_websocket_tls_write(s, data, size);
        return;
    }
#endif

    sent = ngx_http_websocket_direct_sent(s, send(s->connection->fd, data,
                                                  size, 0));

    if (sent == size || s->connection->error) {
        return;
    }

    rest = ngx_http_websocket_frame_alloc(size - sent, s->connection->log);

    if (rest) {
        ngx_memcpy(rest->data, data + sent, size - sent);
    }

    if (rest == NULL || ngx_http_websocket_send_bytes(s, rest) != NGX_OK) {
        ngx_http_websocket_direct_broken(s);
    }
}
