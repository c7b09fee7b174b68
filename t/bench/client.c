
/*
 * Connections: many of them in one epoll, non-blocking after the handshake.
 */


#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "frame.h"


#define BENCH_BUFFER    (1 << 20)
#define BENCH_DIRECT    (1 << 16)
#define BENCH_EVENTS    1024
#define BENCH_BATCH     64
#define BENCH_ADDRESSES 100


uint64_t  bench_now;
uint64_t  bench_pings;
uint8_t   bench_key[4] = { 0x5a, 0xc3, 0x17, 0xe9 };

static int            bench_epoll;
static uint8_t       *bench_buffer;
static bench_conn_t  *bench_dirty;
static SSL_CTX       *bench_tls;        /* NULL without --tls */


static size_t bench_http_need(const uint8_t *p, size_t n);


void
bench_client_init(void)
{
    bench_epoll = epoll_create1(0);
    bench_buffer = bench_alloc(BENCH_BUFFER);

    if (bench_options.tls) {
        bench_tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_mode(bench_tls, SSL_MODE_ENABLE_PARTIAL_WRITE
                                    | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                    | SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_options(bench_tls, SSL_OP_IGNORE_UNEXPECTED_EOF);
    }
}


static void
bench_handshake_tls(bench_conn_t *c)
{
    c->ssl = SSL_new(bench_tls);

    if (c->ssl == NULL || SSL_set_fd(c->ssl, c->fd) != 1
        || SSL_connect(c->ssl) != 1)
    {
        bench_fail("no handshake of TLS");
    }
}


/* As recv() and send() */

static ssize_t
bench_recv(bench_conn_t *c, void *p, size_t n)
{
    int  got;

    if (c->ssl == NULL) {
        return recv(c->fd, p, n, 0);
    }

    got = SSL_read(c->ssl, p, n);

    if (got > 0) {
        return got;
    }

    switch (SSL_get_error(c->ssl, got)) {

    case SSL_ERROR_WANT_READ:
        errno = EAGAIN;
        return -1;

    case SSL_ERROR_ZERO_RETURN:
        return 0;

    default:
        errno = errno ? errno : EPROTO;
        return -1;
    }
}


static ssize_t
bench_send(bench_conn_t *c, const void *p, size_t n)
{
    int  sent;

    if (c->ssl == NULL) {
        return send(c->fd, p, n, MSG_NOSIGNAL);
    }

    sent = SSL_write(c->ssl, p, n);

    if (sent > 0) {
        return sent;
    }

    errno = SSL_get_error(c->ssl, sent) == SSL_ERROR_WANT_WRITE ? EAGAIN
                                                                : EPROTO;
    return -1;
}


/*
 * Connects, blocking.  n says which of the loopback addresses it comes from:
 * one address has about 28,000 ports.
 */

void
bench_connect(bench_conn_t *c, uint32_t n)
{
    int                 one;
    struct timeval      tv;
    struct sockaddr_in  sin;

    one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (c->fd == -1) {
        bench_fail("socket: %s", strerror(errno));
    }

    tv.tv_sec = 20;
    tv.tv_usec = 0;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));

    if (bench_options.rcvbuf) {
        setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &bench_options.rcvbuf,
                   sizeof(int));
    }

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(0x7f000101 + n % BENCH_ADDRESSES);

    if (bind(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        bench_fail("bind: %s", strerror(errno));
    }

    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sin.sin_port = htons(c->port ? c->port : bench_options.port);

    if (connect(c->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1) {
        bench_fail("connect: %s", strerror(errno));
    }

    if (bench_tls) {
        bench_handshake_tls(c);
    }
}


void
bench_send_now(bench_conn_t *c, const void *p, size_t n)
{
    if (bench_send(c, p, n) != (ssize_t) n) {
        bench_fail("send: %s", strerror(errno));
    }
}


void
bench_request(bench_conn_t *c, const char *path, int upgrade)
{
    int   n;
    char  buf[1024];

    if (!upgrade) {
        n = snprintf(buf, sizeof(buf), "GET %s HTTP/1.1\r\n"
                     "Host: localhost\r\n\r\n", path);

    } else {
        n = snprintf(buf, sizeof(buf), "GET %s HTTP/1.1\r\n"
                     "Host: localhost\r\n"
                     "Upgrade: websocket\r\n"
                     "Connection: Upgrade\r\n"
                     "Sec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: " BENCH_KEY "\r\n%s\r\n", path,
                     bench_options.deflate
                     ? "Sec-WebSocket-Extensions: permessage-deflate; "
                       "server_no_context_takeover; "
                       "client_no_context_takeover\r\n"
                     : "");
    }

    bench_send_now(c, buf, n);
}


/*
 * Reads an answer's head, blocking, checks its status, and for 101 what
 * proves the handshake.  What came behind the head is left in buf; returns
 * its size.
 */

size_t
bench_answer(bench_conn_t *c, const char *status, char *buf, size_t size)
{
    char     *end, *accept;
    size_t    have;
    ssize_t   n;

    have = 0;

    do {
        n = bench_recv(c, buf + have, size - 1 - have);

        if (n <= 0) {
            bench_fail("no answer to a request: %s",
                       n ? strerror(errno) : "closed");
        }

        have += n;
        buf[have] = '\0';
        end = memmem(buf, have, "\r\n\r\n", 4);

    } while (end == NULL);

    end += 4;

    if (memcmp(buf, "HTTP/1.1 ", 9) != 0
        || memcmp(buf + 9, status, 3) != 0)
    {
        bench_fail("%s was expected: %.*s", status, (int) (end - buf), buf);
    }

    if (memcmp(status, "101", 3) == 0) {
        accept = strcasestr(buf, "\r\nSec-WebSocket-Accept: " BENCH_ACCEPT
                            "\r\n");

        if (accept == NULL || accept > end) {
            bench_fail("a bad Sec-WebSocket-Accept");
        }
    }

    have -= end - buf;
    memmove(buf, end, have);

    return have;
}


static void
bench_watch(bench_conn_t *c, int op, uint32_t events)
{
    struct epoll_event  ee;

    ee.events = events;
    ee.data.ptr = c;

    if (epoll_ctl(bench_epoll, op, c->fd, &ee) == -1) {
        bench_fail("epoll_ctl: %s", strerror(errno));
    }
}


void
bench_path(char *dst, size_t size, const char *path, uint32_t channel,
    uint32_t number)
{
    int          n;
    uint32_t     value;
    const char  *mark;

    value = channel;

    while ((mark = strstr(path, "%d")) != NULL) {
        n = snprintf(dst, size, "%.*s%u", (int) (mark - path), path, value);

        if ((size_t) n >= size) {
            bench_fail("a path is too long");
        }

        dst += n;
        size -= n;
        path = mark + 2;
        value = number;
    }

    snprintf(dst, size, "%s", path);
}


static void
bench_frame(bench_conn_t *c, uint8_t *p, size_t size)
{
    size_t  head;

    head = bench_frame_head(p);

    if (!(p[0] & BENCH_FIN) || (p[1] & BENCH_MASK)) {
        bench_fail("a frame begins with %02x %02x", p[0], p[1]);
    }

    switch (p[0] & 0xf) {

    case BENCH_PING:
        bench_pings++;
        bench_queue_frame(c, BENCH_PONG, p + head, size - head);
        break;

    case BENCH_PONG:
        break;

    case BENCH_CLOSE:
        if (!c->leaving) {
            bench_fail("closed by the server, code %d",
                       size - head >= 2 ? p[head] << 8 | p[head + 1] : 1005);
        }

        break;

    default:
        c->message(c, p, size);
    }
}


/* What an HTTP response needs, as bench_frame_need() */

static size_t
bench_http_need(const uint8_t *p, size_t n)
{
    char     head[4096];
    char    *length;
    size_t   size;
    uint8_t  *end;

    end = memmem(p, n, "\r\n\r\n", 4);

    if (end == NULL) {
        return n + 1;
    }

    size = end - p;

    if (size >= sizeof(head)) {
        bench_fail("a long response");
    }

    memcpy(head, p, size);
    head[size] = '\0';
    length = strcasestr(head, "\r\nContent-Length:");

    if (length == NULL) {

        if (strcasestr(head, "\r\nTransfer-Encoding:")) {
            bench_fail("a chunked response");
        }

        return size + 4;
    }

    return size + 4 + strtoul(length + 17, NULL, 10);
}


/* Takes in n bytes of the stream: whole frames in place, the rest is kept. */

static void
bench_feed(bench_conn_t *c, uint8_t *p, size_t n)
{
    size_t  want, take;
    size_t  (*need)(const uint8_t *p, size_t n);
    void    (*whole)(bench_conn_t *c, uint8_t *p, size_t size);

    need = c->http ? bench_http_need : bench_frame_need;
    whole = c->http ? c->message : bench_frame;

    while (n) {

        if (c->rest_len == 0) {
            want = need(p, n);

            if (n >= want) {
                whole(c, p, want);
                p += want;
                n -= want;
                continue;
            }

        } else {
            want = need(c->rest, c->rest_len);
        }

        if (want > c->rest_size) {
            c->rest = realloc(c->rest, want);
            c->rest_size = want;
        }

        take = want - c->rest_len;
        take = (take < n) ? take : n;
        memcpy(c->rest + c->rest_len, p, take);
        c->rest_len += take;
        p += take;
        n -= take;

        want = need(c->rest, c->rest_len);

        if (c->rest_len >= want) {
            whole(c, c->rest, c->rest_len);
            c->rest_len = 0;
        }
    }
}


static void
bench_end(bench_conn_t *c)
{
    if (!c->leaving) {
        bench_fail("the server ended a connection: %s", strerror(errno));
    }

    c->gone = 1;
    close(c->fd);
}


static void
bench_read(bench_conn_t *c)
{
    size_t   want, size;
    ssize_t  n;

    /* the bulk of a large frame goes where it belongs */

    want = (c->rest_len && !c->http)
           ? bench_frame_need(c->rest, c->rest_len) - c->rest_len : 0;

    if (want >= BENCH_DIRECT && c->rest_size >= c->rest_len + want) {
        n = bench_recv(c, c->rest + c->rest_len, want);

        if (n > 0) {
            c->rest_len += n;
            size = c->rest_len;

            if ((size_t) n == want) {
                bench_now = bench_clock();
                c->rest_len = 0;
                bench_frame(c, c->rest, size);
            }

            return;
        }

    } else {
        n = bench_recv(c, bench_buffer, BENCH_BUFFER);
    }

    if (n > 0) {
        bench_now = bench_clock();
        bench_feed(c, bench_buffer, n);
        return;
    }

    if (n == 0 || errno != EAGAIN) {
        bench_end(c);
    }
}


static void
bench_prepare(bench_conn_t *c)
{
    int  flags;

    flags = fcntl(c->fd, F_GETFL);
    fcntl(c->fd, F_SETFL, flags | O_NONBLOCK);
    bench_watch(c, EPOLL_CTL_ADD, EPOLLIN);
}


/* Opens n WebSockets; channel c has those of its number. */

/* each node has a subscriber of a channel before one of them has two */

static int
bench_node(uint32_t n)
{
    n %= bench_options.nnodes + 1;

    return n ? bench_options.nodes[n - 1] : bench_options.port;
}


void
bench_open(bench_conn_t *conns, uint32_t n, const char *path,
    uint32_t channels, uint32_t per_channel, bench_message_pt message)
{
    char      buf[8192], uri[512];
    size_t    rest;
    uint32_t  i, from, to, views;

    views = bench_options.json;

    for (from = 0; from < n; from = to) {
        to = (n - from < BENCH_BATCH) ? n : from + BENCH_BATCH;

        for (i = from; i < to; i++) {
            conns[i].channel = (per_channel ? i / per_channel : i) % channels;
            conns[i].message = message;
            conns[i].view = (views > 1) ? i % views : 0;
            conns[i].port = per_channel ? 0 : bench_node(i / channels);
            bench_path(uri, sizeof(uri), path, conns[i].channel,
                       (views > 1) ? conns[i].view : i);
            bench_connect(&conns[i], i);
            bench_request(&conns[i], uri, 1);
        }

        for (i = from; i < to; i++) {
            rest = bench_answer(&conns[i], "101", buf, sizeof(buf));
            bench_prepare(&conns[i]);
            bench_feed(&conns[i], (uint8_t *) buf, rest);
        }
    }
}


void
bench_open_http(bench_conn_t *conns, uint32_t n, bench_message_pt message)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        conns[i].http = 1;
        conns[i].message = message;
        bench_connect(&conns[i], i);
        bench_prepare(&conns[i]);
    }
}


void
bench_ignore(bench_conn_t *c, uint8_t *p, size_t size)
{
    (void) c;
    (void) p;
    (void) size;
}


static uint8_t *
bench_room(bench_conn_t *c, size_t n)
{
    if (c->out_len + n > c->out_size) {
        c->out_size = 2 * (c->out_len + n);
        c->out = realloc(c->out, c->out_size);

        if (c->out == NULL) {
            bench_fail("no memory");
        }
    }

    if (!c->dirty) {
        c->dirty = 1;
        c->next_dirty = bench_dirty;
        bench_dirty = c;
    }

    return c->out + c->out_len;
}


/* Queues bytes; all that was queued in a turn is one write at its end. */

void
bench_queue(bench_conn_t *c, const void *p, size_t n)
{
    memcpy(bench_room(c, n), p, n);
    c->out_len += n;
}


void
bench_queue_frame(bench_conn_t *c, uint8_t opcode, const uint8_t *p, size_t n)
{
    size_t    head;
    uint8_t  *dst;

    dst = bench_room(c, n + BENCH_HEAD_SIZE);
    head = bench_frame_put(dst, BENCH_FIN | opcode, n, bench_key);
    bench_frame_mask(dst + head, p, n, bench_key);
    c->out_len += head + n;
}


static void
bench_write(bench_conn_t *c)
{
    int      blocked;
    ssize_t  n;

    if (c->gone) {
        return;
    }

    n = bench_send(c, c->out + c->out_pos, c->out_len - c->out_pos);

    if (n == -1 && errno != EAGAIN) {

        /* the end of the connection will be read */
        n = c->out_len - c->out_pos;
    }

    if (n > 0) {
        c->out_pos += n;
    }

    blocked = (c->out_pos < c->out_len);

    if (!blocked) {
        c->out_pos = 0;
        c->out_len = 0;
    }

    if (blocked != c->writing) {
        c->writing = blocked;
        bench_watch(c, EPOLL_CTL_MOD, EPOLLIN | (blocked ? EPOLLOUT : 0));
    }
}


void
bench_flush(void)
{
    bench_conn_t  *c;

    while (bench_dirty) {
        c = bench_dirty;
        bench_dirty = c->next_dirty;
        c->dirty = 0;

        if (!c->writing) {
            bench_write(c);
        }
    }
}


/*
 * Waits at most timeout milliseconds, -1: ten seconds, after which that
 * nothing comes is an error.  Returns the number of events.
 */

int
bench_turn(int timeout)
{
    int                        i, n;
    bench_conn_t              *c;
    static struct epoll_event  events[BENCH_EVENTS];

    bench_flush();

    n = epoll_wait(bench_epoll, events, BENCH_EVENTS,
                   timeout == -1 ? 10000 : timeout);

    if (n == 0 && timeout == -1) {
        bench_fail("nothing came for ten seconds");
    }

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (events[i].events & EPOLLOUT) {
            bench_write(c);
        }

        if (events[i].events & ~EPOLLOUT) {
            bench_read(c);
        }
    }

    return n;
}


/* Says goodbye on all connections, and waits for the server to end them. */

void
bench_close_all(bench_conn_t *conns, uint32_t n)
{
    uint32_t       i;
    uint64_t       deadline;
    static uint8_t code[2] = { 1000 >> 8, 1000 & 0xff };

    for (i = 0; i < n; i++) {
        conns[i].leaving = 1;
        conns[i].message = bench_ignore;

        if (!conns[i].http) {
            bench_queue_frame(&conns[i], BENCH_CLOSE, code, 2);
        }

        bench_flush();
        shutdown(conns[i].fd, SHUT_WR);
    }

    deadline = bench_clock() + 3000000000;

    while (bench_clock() < deadline && bench_turn(200) > 0) { /* void */ }

    for (i = 0; i < n; i++) {

        if (!conns[i].gone) {
            close(conns[i].fd);
        }

        SSL_free(conns[i].ssl);
        free(conns[i].rest);
        free(conns[i].out);
    }
}
