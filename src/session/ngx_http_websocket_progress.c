
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_response.h"
#include "session/ngx_http_websocket_tls.h"

#include <linux/sockios.h>


/* milliseconds between two looks at a session */
#define NGX_HTTP_WEBSOCKET_LOOK     2000

/*
 * Acknowledgements come in leaps, since the client's system announces room only
 * when much of its buffer is free: 128 KB, read at 10 KB a second, take 12.8 s.
 * So many milliseconds are added to the timeout.
 */
#define NGX_HTTP_WEBSOCKET_LEAP     3300

/* more bytes than Pings and Pongs have: there is a message among them */
#define NGX_HTTP_WEBSOCKET_TRAFFIC  4096

/* bytes that the kernel may hold unsent where only the newest values matter */
#define NGX_HTTP_WEBSOCKET_FRESH    16384


/* the bytes of a connection, as numbers that wrap around */

typedef struct {
    uint32_t    written;
    uint32_t    acked;
    ngx_uint_t  pending;
} ngx_http_websocket_bytes_t;


static ngx_connection_t *ngx_http_websocket_progress_connection(
    ngx_http_websocket_session_t *s);
static uint32_t ngx_http_websocket_progress_written(
    ngx_http_websocket_session_t *s, ngx_connection_t *c);
static void ngx_http_websocket_progress_bytes(ngx_http_websocket_session_t *s,
    ngx_http_websocket_bytes_t *bytes);
static ngx_uint_t ngx_http_websocket_progress_moved(
    ngx_http_websocket_session_t *s, ngx_http_websocket_bytes_t *bytes);
#if (NGX_HTTP_V2)
static ngx_http_v2_stream_t *ngx_http_websocket_progress_stream(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_progress_stream_moved(
    ngx_http_websocket_session_t *s, ngx_http_v2_stream_t *stream,
    ngx_http_websocket_bytes_t *bytes);
#endif
static ngx_uint_t ngx_http_websocket_progress_ours(
    ngx_http_websocket_session_t *s, ngx_http_websocket_bytes_t *bytes);
static void ngx_http_websocket_progress_alive(ngx_http_websocket_session_t *s,
    ngx_http_websocket_bytes_t *bytes);
static ngx_msec_t ngx_http_websocket_progress_probed(
    ngx_http_websocket_session_t *s);
static ngx_int_t ngx_http_websocket_progress_info(
    ngx_http_websocket_session_t *s, struct tcp_info *info);
static ngx_msec_t ngx_http_websocket_progress_patience(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_progress_refused(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_progress_asks(
    ngx_http_websocket_session_t *s);


void
ngx_http_websocket_progress_begin(ngx_http_websocket_session_t *s)
{
    s->unacked = 1;
    s->record->progress = ngx_http_websocket_now();

    ngx_http_websocket_session_schedule(s);
}


ngx_uint_t
ngx_http_websocket_progress_look(ngx_http_websocket_session_t *s)
{
    ngx_uint_t                  moved, pending;
    ngx_http_websocket_bytes_t  bytes;

    if (!s->unacked) {
        return 0;
    }

    ngx_http_websocket_progress_bytes(s, &bytes);

    moved = ngx_http_websocket_progress_moved(s, &bytes);

    pending = bytes.pending || s->write_blocked;

    s->record->acked = bytes.acked;

    if (moved) {
        ngx_http_websocket_progress_alive(s, &bytes);

    } else if (ngx_http_websocket_progress_ours(s, &bytes)) {
        s->record->progress = ngx_http_websocket_now();

    } else if (!pending) {
        s->unacked = 0;
    }

    if (s->late && s->state == NGX_HTTP_WEBSOCKET_OPEN
        && (!pending
            || (!s->draining
                && (int32_t) (bytes.acked - s->record->leave) >= 0)))
    {
        /* the client has the Ping: now it may be expected to answer */

        s->late = 0;
        s->heard = ngx_http_websocket_now();
    }

    return pending;
}


/* the connection that the kernel knows: streams of HTTP/2 share it */

static ngx_connection_t *
ngx_http_websocket_progress_connection(ngx_http_websocket_session_t *s)
{
#if (NGX_HTTP_V2)
    ngx_http_v2_stream_t  *stream;

    stream = ngx_http_websocket_progress_stream(s);

    if (stream) {
        return stream->connection->connection;
    }
#endif

    return s->connection;
}


static uint32_t
ngx_http_websocket_progress_written(ngx_http_websocket_session_t *s,
    ngx_connection_t *c)
{
#if (NGX_HTTP_SSL)
    if (s->tls) {
        return ngx_http_websocket_tls_written(c);
    }

    if (c->ssl) {
        return (uint32_t) BIO_number_written(
                                         SSL_get_wbio(c->ssl->connection));
    }
#endif

    return (uint32_t) c->sent;
}


static void
ngx_http_websocket_progress_bytes(ngx_http_websocket_session_t *s,
    ngx_http_websocket_bytes_t *bytes)
{
    int                n;
    ngx_connection_t  *c;

    c = ngx_http_websocket_progress_connection(s);

    if (ioctl(c->fd, SIOCOUTQ, &n) == -1) {
        n = 0;
    }

    bytes->written = ngx_http_websocket_progress_written(s, c);
    bytes->acked = bytes->written - (uint32_t) n;
    bytes->pending = n;
}


/* whether the client has taken something since the last look */

static ngx_uint_t
ngx_http_websocket_progress_moved(ngx_http_websocket_session_t *s,
    ngx_http_websocket_bytes_t *bytes)
{
#if (NGX_HTTP_V2)
    ngx_http_v2_stream_t  *stream;

    stream = ngx_http_websocket_progress_stream(s);

    if (stream) {
        return ngx_http_websocket_progress_stream_moved(s, stream, bytes);
    }
#endif

    return bytes->acked != s->record->acked;
}


#if (NGX_HTTP_V2)

static ngx_http_v2_stream_t *
ngx_http_websocket_progress_stream(ngx_http_websocket_session_t *s)
{
    return s->record->request ? s->record->request->stream : NULL;
}


/*
 * For a stream of HTTP/2, the peer's acknowledgements count as long as
 * something of the stream is on its way; after that only an update of its
 * window counts.
 */

static ngx_uint_t
ngx_http_websocket_progress_stream_moved(ngx_http_websocket_session_t *s,
    ngx_http_v2_stream_t *stream, ngx_http_websocket_bytes_t *bytes)
{
    uint32_t                        sent;
    ngx_uint_t                      on_way, opened;
    ngx_http_websocket_record_t    *record;
    ngx_http_websocket_response_t  *response;

    record = s->record;
    response = ngx_http_websocket_response_of(s);

    on_way = stream->queued
             || (int32_t) (response->stream_end - record->acked) > 0;
    opened = 0;

    sent = (uint32_t) s->connection->sent;

    if (sent != response->stream_sent) {
        on_way = 1;
        opened = response->exhausted;

        response->stream_sent = sent;
        response->stream_end = bytes->written;
    }

    response->exhausted = stream->send_window <= 0 || stream->waiting;

    if (stream->queued == 0
        && (int32_t) (response->stream_end - bytes->acked) <= 0)
    {
        bytes->pending = 0;
    }

    return opened || (on_way && bytes->acked != record->acked);
}

#endif


/* whether it is limit_rate that delays, and not the client */

static ngx_uint_t
ngx_http_websocket_progress_ours(ngx_http_websocket_session_t *s,
    ngx_http_websocket_bytes_t *bytes)
{
    return bytes->pending == 0 && s->connection->write->delayed;
}


static void
ngx_http_websocket_progress_alive(ngx_http_websocket_session_t *s,
    ngx_http_websocket_bytes_t *bytes)
{
    s->record->progress = ngx_http_websocket_now();

    if (bytes->pending) {
        s->record->progress -= ngx_http_websocket_progress_probed(s);
    }

    /* a message that is on its way shows that the session is not idle */

    if (bytes->pending > NGX_HTTP_WEBSOCKET_TRAFFIC) {
        s->active = ngx_http_websocket_now();
    }

    /* with full buffers nothing moves unless the application reads */

    if (s->write_blocked && s->ping_open) {
        s->heard = ngx_http_websocket_now();
    }
}


/*
 * How long the client has not taken anything at least.  The kernel asks a
 * system without room again after intervals that double, so that an
 * acknowledgement may be that old.
 */

static ngx_msec_t
ngx_http_websocket_progress_probed(ngx_http_websocket_session_t *s)
{
    uint64_t         time;
    struct tcp_info  info;

    if (ngx_http_websocket_progress_info(s, &info) != NGX_OK
        || info.tcpi_unacked)
    {
        return 0;
    }

    time = (uint64_t) (info.tcpi_rto / 1000)
           * ((1u << ngx_min(info.tcpi_backoff, 16)) - 1);

    return ngx_min(time, NGX_HTTP_WEBSOCKET_LOOK);
}


static ngx_int_t
ngx_http_websocket_progress_info(ngx_http_websocket_session_t *s,
    struct tcp_info *info)
{
    socklen_t  len;

    len = sizeof(struct tcp_info);

    return getsockopt(ngx_http_websocket_progress_connection(s)->fd,
                      IPPROTO_TCP, TCP_INFO, info, &len)
           == -1 ? NGX_ERROR : NGX_OK;
}


ngx_http_websocket_time_t
ngx_http_websocket_progress_due(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_time_t  now, over, look;

    now = ngx_http_websocket_now();

    over = ngx_http_websocket_progress_since(s->record->progress)
           + ngx_http_websocket_progress_patience(s);

    /* spread, so that not all sessions are looked at at the same time */

    look = now + NGX_HTTP_WEBSOCKET_LOOK
           - (now + (uint32_t) ((uintptr_t) s >> 6)) % NGX_HTTP_WEBSOCKET_LOOK;

    return (int32_t) (over - look) < 0 ? over : look;
}


static ngx_msec_t
ngx_http_websocket_progress_patience(ngx_http_websocket_session_t *s)
{
    ngx_msec_t  timeout;

    timeout = s->conf->send_timeout;

    return timeout + ngx_min(2 * timeout, NGX_HTTP_WEBSOCKET_LEAP);
}


ngx_uint_t
ngx_http_websocket_progress_over(ngx_http_websocket_session_t *s)
{
    if (!s->unacked && s->state != NGX_HTTP_WEBSOCKET_UPGRADING) {
        return 0;
    }

    if (!ngx_http_websocket_progress_passed(s->record->progress,
                                     ngx_http_websocket_progress_patience(s)))
    {
        return 0;
    }

    if (s->write_blocked || s->state == NGX_HTTP_WEBSOCKET_UPGRADING
        || ngx_http_websocket_progress_refused(s)
        || !ngx_http_websocket_progress_asks(s))
    {
        return 1;
    }

    /*
     * The network fails, or is slow to come back: heartbeats will find out, and
     * the Ping has waited long enough.
     */

    s->late = 0;
    s->record->progress = ngx_http_websocket_now();

    return 0;
}


/* the client's system answers, but takes nothing: nobody reads there */

static ngx_uint_t
ngx_http_websocket_progress_refused(ngx_http_websocket_session_t *s)
{
    struct tcp_info            info;
    ngx_http_websocket_time_t  passed;

    if (ngx_http_websocket_progress_info(s, &info) != NGX_OK) {
        return 0;
    }

    passed = ngx_http_websocket_now() - s->record->progress;

    return info.tcpi_last_ack_recv < passed;
}


static ngx_uint_t
ngx_http_websocket_progress_asks(ngx_http_websocket_session_t *s)
{
    return ngx_http_websocket_protocol_of(s)->pongs
           && s->conf->heartbeat_interval;
}


void
ngx_http_websocket_progress_mark(ngx_http_websocket_session_t *s)
{
    ngx_connection_t  *c;

    s->late = ngx_http_websocket_progress_look(s);

    /*
     * how far the Ping has got does not matter for a session that is about to
     * leave, or has left
     */

    if (!s->late || s->draining || s->close_queued) {
        return;
    }

    c = s->connection;

    s->record->leave = ngx_http_websocket_progress_written(s, c)
                       + s->out->bytes;

#if (NGX_HTTP_SSL)
    if (s->tls) {
        s->record->leave += ngx_http_websocket_tls_waits(c);

    } else if (c->ssl && c->ssl->buf) {
        s->record->leave += c->ssl->buf->last - c->ssl->buf->pos;
    }
#endif
}


ngx_uint_t
ngx_http_websocket_progress_unread(ngx_http_websocket_session_t *s)
{
    int  n;

    return ioctl(s->connection->fd, FIONREAD, &n) != -1 && n > 0;
}


void
ngx_http_websocket_progress_fresh(ngx_http_websocket_session_t *s)
{
    int  size;

    if (s->conf->overflow != NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE) {
        return;
    }

    size = NGX_HTTP_WEBSOCKET_FRESH;

    /* without this option the kernel holds more */

    (void) setsockopt(s->connection->fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &size,
                      sizeof(int));
}


ngx_http_websocket_time_t
ngx_http_websocket_progress_since(ngx_http_websocket_time_t time)
{
    return ngx_http_websocket_progress_later(time,
                                          ngx_http_websocket_wheel_resumed());
}


ngx_uint_t
ngx_http_websocket_progress_passed(ngx_http_websocket_time_t time,
    ngx_msec_t timeout)
{
    return (int32_t) (ngx_http_websocket_now()
                      - ngx_http_websocket_progress_since(time)
                      - (ngx_http_websocket_time_t) timeout)
           >= 0;
}
