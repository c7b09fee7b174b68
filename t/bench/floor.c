
/*
 * The floor: a server that does what a kernel demands of any, and no more.
 * It looks up nothing, checks nothing, and keeps nothing.
 *
 *     floor PORT send | coalesce [PING_MILLISECONDS [DIRECTORY]]
 *
 * GET /sub/N receives channel N, /pub/N publishes to it, /echo sends back.
 * With "send" each message is a send() to each subscriber at once; with
 * "coalesce" all that came for a channel in a turn of the loop is one send()
 * to each at the turn's end.  With the third argument each connection gets a
 * Ping so often, if that is not 0.  With a fourth one it speaks TLS, with
 * cert.pem and key.pem of that directory: an SSL_write() for each send().
 */


#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"


#define FLOOR_BUFFER    (1 << 20)
#define FLOOR_EVENTS    512
#define FLOOR_CHANNELS  (1 << 17)
#define FLOOR_TICK      100


typedef struct {
    uint8_t  *p;
    size_t    len;
    size_t    size;
} floor_bytes_t;

typedef struct floor_conn_s  floor_conn_t;

typedef struct {
    floor_conn_t  **subs;
    uint32_t        nsubs;
    uint32_t        dirty;
    floor_bytes_t   out;            /* of this turn */
} floor_channel_t;

struct floor_conn_s {
    int               fd;
    SSL              *ssl;          /* NULL without TLS */
    char              role;         /* '?', then 's', 'p', or 'e' */
    unsigned          writing:1;    /* EPOLLOUT is asked for */
    uint32_t          position;     /* among the channel's, or the tick's */
    floor_channel_t  *channel;
    floor_bytes_t     rest;         /* of a frame that is not complete */
    floor_bytes_t     out;          /* what the socket did not take */
};


static SSL_CTX          *floor_tls;
static int               floor_epoll;
static int               floor_coalesce;
static uint8_t          *floor_buffer;
static floor_bytes_t     floor_echo;
static floor_channel_t  *floor_channels;
static floor_channel_t **floor_dirty;       /* those with out */
static uint32_t          floor_ndirty;
static floor_channel_t  *floor_ticks;       /* who has its Ping when */
static uint32_t          floor_nticks;
static uint32_t          floor_tick;


static uint8_t *
floor_room(floor_bytes_t *b, size_t n)
{
    if (b->len + n > b->size) {
        b->size = 2 * (b->len + n);
        b->p = realloc(b->p, b->size);

        if (b->p == NULL) {
            abort();
        }
    }

    return b->p + b->len;
}


static void
floor_watch(floor_conn_t *c, int op)
{
    struct epoll_event  ee;

    ee.events = EPOLLIN | (c->writing ? EPOLLOUT : 0);
    ee.data.ptr = c;
    epoll_ctl(floor_epoll, op, c->fd, &ee);
}


/* As recv() and send() */

static ssize_t
floor_recv(floor_conn_t *c, uint8_t *p, size_t n)
{
    int  got;

    if (c->ssl == NULL) {
        return recv(c->fd, p, n, MSG_DONTWAIT);
    }

    got = SSL_read(c->ssl, p, n);

    if (got <= 0 && SSL_get_error(c->ssl, got) == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }

    return got > 0 ? got : 0;
}


static ssize_t
floor_write(floor_conn_t *c, const uint8_t *p, size_t n)
{
    int  sent;

    if (c->ssl == NULL) {
        return send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    }

    sent = SSL_write(c->ssl, p, n);

    if (sent <= 0) {
        errno = SSL_get_error(c->ssl, sent) == SSL_ERROR_WANT_WRITE ? EAGAIN
                                                                    : EPROTO;
        return -1;
    }

    return sent;
}


static void
floor_send(floor_conn_t *c, const uint8_t *p, size_t n)
{
    ssize_t  sent;

    sent = 0;

    if (!c->writing) {
        sent = floor_write(c, p, n);

        if (sent == (ssize_t) n) {
            return;
        }

        if (sent == -1) {

            if (errno != EAGAIN) {
                return;
            }

            sent = 0;
        }

        c->writing = 1;
        floor_watch(c, EPOLL_CTL_MOD);
    }

    memcpy(floor_room(&c->out, n - sent), p + sent, n - sent);
    c->out.len += n - sent;
}


static void
floor_writable(floor_conn_t *c)
{
    ssize_t  sent;

    sent = floor_write(c, c->out.p, c->out.len);

    if (sent > 0) {
        c->out.len -= sent;
        memmove(c->out.p, c->out.p + sent, c->out.len);
    }

    if (c->out.len == 0) {
        c->writing = 0;
        floor_watch(c, EPOLL_CTL_MOD);
    }
}


static void
floor_channel_flush(floor_channel_t *ch)
{
    uint32_t  i;

    for (i = 0; i < ch->nsubs; i++) {
        floor_send(ch->subs[i], ch->out.p, ch->out.len);
    }

    ch->out.len = 0;
}


static void
floor_join(floor_channel_t *ch, floor_conn_t *c)
{
    if ((ch->nsubs & (ch->nsubs - 1)) == 0) {
        ch->subs = realloc(ch->subs, 2 * (ch->nsubs + 1) * sizeof(c));
    }

    c->position = ch->nsubs;
    ch->subs[ch->nsubs++] = c;
}


static void
floor_end(floor_conn_t *c)
{
    floor_channel_t  *ch;

    ch = c->channel;

    if (ch && ch->nsubs && c->role == 's') {
        ch->subs[c->position] = ch->subs[--ch->nsubs];
        ch->subs[c->position]->position = c->position;
    }

    SSL_free(c->ssl);
    close(c->fd);
    free(c->rest.p);
    free(c->out.p);
    free(c);
}


/* Puts a frame of a client behind dst, as a server would send it. */

static void
floor_copy(floor_bytes_t *dst, const uint8_t *p, size_t size)
{
    size_t    head, len;
    uint8_t  *q;

    head = bench_frame_head(p);
    len = size - head;
    q = floor_room(dst, size + BENCH_HEAD_SIZE);
    q += bench_frame_put(q, p[0], len, NULL);
    bench_frame_mask(q, p + head, len, p + head - 4);
    dst->len = q + len - dst->p;
}


static void
floor_frame(floor_conn_t *c, const uint8_t *p, size_t size)
{
    floor_channel_t  *ch;

    if ((p[0] & 0xf) == BENCH_CLOSE) {
        floor_send(c, (const uint8_t *) "\x88\x02\x03\xe8", 4);
        return;
    }

    if ((p[0] & 0xf) >= BENCH_CLOSE) {
        return;
    }

    if (c->role == 'e') {
        floor_copy(&floor_echo, p, size);

        if (!floor_coalesce) {
            floor_send(c, floor_echo.p, floor_echo.len);
            floor_echo.len = 0;
        }

        return;
    }

    ch = c->channel;
    floor_copy(&ch->out, p, size);

    if (!floor_coalesce) {
        floor_channel_flush(ch);

    } else if (!ch->dirty) {
        ch->dirty = 1;
        floor_dirty[floor_ndirty++] = ch;
    }
}


/* A request, whole in one read: answers it, and learns who this is. */

static void
floor_request(floor_conn_t *c, uint8_t *p, size_t n)
{
    static const char  answer[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                  "Upgrade: websocket\r\n"
                                  "Connection: Upgrade\r\n"
                                  "Sec-WebSocket-Accept: " BENCH_ACCEPT
                                  "\r\n\r\n";

    if (n < 10 || p[n - 1] != '\n') {
        return;
    }

    c->role = p[5];
    p[n - 1] = '\0';

    if (c->role != 'e') {
        c->channel = &floor_channels[atoi((char *) p + 9) % FLOOR_CHANNELS];
    }

    if (floor_nticks) {
        c->channel = &floor_ticks[floor_tick % floor_nticks];
        c->role = 's';
    }

    if (c->role == 's') {
        floor_join(c->channel, c);
    }

    floor_send(c, (const uint8_t *) answer, sizeof(answer) - 1);
}


static void
floor_feed(floor_conn_t *c, uint8_t *p, size_t n)
{
    size_t  want, take;

    while (n) {
        want = c->rest.len ? bench_frame_need(c->rest.p, c->rest.len)
                           : bench_frame_need(p, n);

        if (c->rest.len == 0 && n >= want) {
            floor_frame(c, p, want);
            p += want;
            n -= want;
            continue;
        }

        take = want - c->rest.len;
        take = (take < n) ? take : n;
        memcpy(floor_room(&c->rest, want), p, take);
        c->rest.len += take;
        p += take;
        n -= take;

        if (c->rest.len == bench_frame_need(c->rest.p, c->rest.len)) {
            floor_frame(c, c->rest.p, c->rest.len);
            c->rest.len = 0;
        }
    }
}


static void
floor_readable(floor_conn_t *c)
{
    ssize_t  n;

    n = floor_recv(c, floor_buffer, FLOOR_BUFFER);

    if (n <= 0) {

        if (n == 0 || errno != EAGAIN) {
            floor_end(c);
        }

        return;
    }

    if (c->role == '?') {
        floor_request(c, floor_buffer, n);
        return;
    }

    floor_feed(c, floor_buffer, n);

    if (floor_echo.len) {
        floor_send(c, floor_echo.p, floor_echo.len);
        floor_echo.len = 0;
    }
}


static void
floor_accept(int fd)
{
    int            one, s;
    floor_conn_t  *c;

    one = 1;

    while ((s = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) != -1) {
        setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        c = calloc(1, sizeof(floor_conn_t));
        c->fd = s;
        c->role = '?';

        if (floor_tls) {
            c->ssl = SSL_new(floor_tls);
            SSL_set_fd(c->ssl, s);
            SSL_set_accept_state(c->ssl);
        }

        floor_watch(c, EPOLL_CTL_ADD);
    }
}


static uint64_t
floor_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


/* Sends the Pings that are due; returns how long to wait for the next ones. */

static int
floor_pings(void)
{
    uint64_t         now;
    floor_channel_t  *ch;
    static uint64_t  next;

    if (floor_nticks == 0) {
        return -1;
    }

    now = floor_clock();

    if (next == 0) {
        next = now + FLOOR_TICK;
    }

    while (now >= next) {
        next += FLOOR_TICK;
        ch = &floor_ticks[++floor_tick % floor_nticks];
        memcpy(floor_room(&ch->out, 2), "\x89\x00", 2);
        ch->out.len = 2;
        floor_channel_flush(ch);
    }

    return next - now;
}


static void
floor_turn(int listener, int timeout)
{
    int                        i, n;
    floor_conn_t              *c;
    static struct epoll_event  events[FLOOR_EVENTS];

    n = epoll_wait(floor_epoll, events, FLOOR_EVENTS, timeout);

    for (i = 0; i < n; i++) {
        c = events[i].data.ptr;

        if (c == NULL) {
            floor_accept(listener);
            continue;
        }

        if (events[i].events & EPOLLOUT) {
            floor_writable(c);
        }

        if (events[i].events & ~EPOLLOUT) {
            floor_readable(c);
        }
    }

    while (floor_ndirty) {
        floor_ndirty--;
        floor_dirty[floor_ndirty]->dirty = 0;
        floor_channel_flush(floor_dirty[floor_ndirty]);
    }
}


static void
floor_certificate(const char *directory)
{
    char  cert[4096], key[4096];

    snprintf(cert, sizeof(cert), "%s/cert.pem", directory);
    snprintf(key, sizeof(key), "%s/key.pem", directory);

    floor_tls = SSL_CTX_new(TLS_server_method());

    SSL_CTX_set_mode(floor_tls, SSL_MODE_RELEASE_BUFFERS
                                | SSL_MODE_ENABLE_PARTIAL_WRITE
                                | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(floor_tls, SSL_SESS_CACHE_OFF);

    if (SSL_CTX_use_certificate_chain_file(floor_tls, cert) != 1
        || SSL_CTX_use_PrivateKey_file(floor_tls, key, SSL_FILETYPE_PEM) != 1)
    {
        fprintf(stderr, "floor: no certificate in %s\n", directory);
        exit(1);
    }
}


static int
floor_listen(int port)
{
    int                 fd, one;
    struct sockaddr_in  sin;
    struct epoll_event  ee;

    one = 1;
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons(port);
    sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    if (bind(fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
        || listen(fd, 1024) == -1)
    {
        perror("floor");
        exit(1);
    }

    ee.events = EPOLLIN;
    ee.data.ptr = NULL;
    epoll_ctl(floor_epoll, EPOLL_CTL_ADD, fd, &ee);

    return fd;
}


int
main(int argc, char **argv)
{
    int            listener;
    struct rlimit  rl;

    if (argc < 3) {
        fprintf(stderr, "floor PORT send | coalesce [PING_MILLISECONDS "
                        "[DIRECTORY]]\n");
        return 1;
    }

    getrlimit(RLIMIT_NOFILE, &rl);
    rl.rlim_cur = rl.rlim_max;
    setrlimit(RLIMIT_NOFILE, &rl);

    floor_coalesce = (argv[2][0] == 'c');
    floor_nticks = (argc > 3) ? atoi(argv[3]) / FLOOR_TICK : 0;

    if (argc > 4) {
        floor_certificate(argv[4]);
    }

    floor_epoll = epoll_create1(0);
    floor_buffer = malloc(FLOOR_BUFFER);
    floor_channels = calloc(FLOOR_CHANNELS, sizeof(floor_channel_t));
    floor_dirty = calloc(FLOOR_CHANNELS, sizeof(floor_channel_t *));
    floor_ticks = calloc(floor_nticks + 1, sizeof(floor_channel_t));
    listener = floor_listen(atoi(argv[1]));

    for ( ;; ) {
        floor_turn(listener, floor_pings());
    }
}
