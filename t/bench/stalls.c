
/*
 * Stalls: the round trips of a client that has nothing to do with what goes
 * on at the server, and the crowd that it goes on with.  Both are told by
 * lines on the standard input when to begin and when to end.
 */


#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load.h"
#include "frame.h"


#define BENCH_INTERVAL  500000          /* of the pings, ns */
#define BENCH_TRIES     1000
#define BENCH_PATIENCE  30             /* seconds */
#define BENCH_URI       16384


typedef struct {
    uint64_t     bytes;
    uint32_t     answered;
    uint32_t     ended;
    int          told;              /* to end */
} bench_crowd_t;


static void
bench_say(const char *what)
{
    printf("%s\n", what);
    fflush(stdout);
}


static void
bench_await(void)
{
    char  c;

    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') { /* void */ }
}


static int
bench_told(void)
{
    struct pollfd  pfd;

    pfd.fd = STDIN_FILENO;
    pfd.events = POLLIN;

    return poll(&pfd, 1, 0) != 0;
}


/* Whether the answer is of the worker that is asked for, or says of none. */

static int
bench_ping_right(bench_conn_t *c, const char *status)
{
    char     buf[4096], want[64], *end, *worker;
    size_t   have;
    ssize_t  n;

    have = 0;

    do {
        n = recv(c->fd, buf + have, sizeof(buf) - 1 - have, 0);

        if (n <= 0) {
            bench_fail("no answer to a request: %s",
                       n ? strerror(errno) : "closed");
        }

        have += n;
        buf[have] = '\0';
        end = strstr(buf, "\r\n\r\n");

    } while (end == NULL);

    if (strncmp(buf, "HTTP/1.1 ", 9) != 0
        || strncmp(buf + 9, status, 3) != 0)
    {
        bench_fail("%s was expected: %s", status, buf);
    }

    snprintf(want, sizeof(want), "\r\nX-Worker: %d\r\n",
             bench_options.pids[0]);
    worker = strstr(buf, "\r\nX-Worker: ");

    return worker == NULL || strncmp(worker, want, strlen(want)) == 0;
}


static void
bench_ping_open(bench_conn_t *c)
{
    int             i;
    struct timeval  tv;

    for (i = 0; i < BENCH_TRIES; i++) {
        bench_connect(c, i);

        if (bench_options.http) {
            bench_request(c, bench_options.get, 0);

            if (bench_ping_right(c, "200")) {
                break;
            }

        } else {
            bench_request(c, bench_options.echo, 1);

            if (bench_ping_right(c, "101")) {
                break;
            }
        }

        close(c->fd);
    }

    if (i == BENCH_TRIES) {
        bench_fail("worker %d gets no connection", bench_options.pids[0]);
    }

    tv.tv_sec = BENCH_PATIENCE;
    tv.tv_usec = 0;
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
}


/* an echo, or an answer: both are short enough to come in one piece */

static void
bench_ping_once(bench_conn_t *c)
{
    char                  buf[4096];
    ssize_t               n;
    static const uint8_t  message[] = {
        BENCH_FIN | BENCH_TEXT, BENCH_MASK | 1, 0, 0, 0, 0, 'x'
    };

    if (bench_options.http) {
        bench_request(c, bench_options.get, 0);

    } else {
        bench_send_now(c, message, sizeof(message));
    }

    n = recv(c->fd, buf, sizeof(buf), 0);

    if (n <= 0) {
        bench_fail("no echo: %s", n ? strerror(errno) : "closed");
    }
}


static uint64_t
bench_ping_cpu(void)
{
    clockid_t        id;
    struct timespec  ts;

    if (clock_getcpuclockid(bench_options.pids[0], &id) != 0
        || clock_gettime(id, &ts) != 0)
    {
        return 0;
    }

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static void
bench_ping_sleep(uint64_t until)
{
    struct timespec  ts;

    ts.tv_sec = until / 1000000000;
    ts.tv_nsec = until % 1000000000;

    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}


/*
 * One each half millisecond.  Those that were due while one was on its way
 * would have taken the rest of its time, and are counted so: a long stall is
 * not one sample among thousands.  Returns the most that the worker worked
 * while a ping was on its way: the machine's other work is no part of it.
 */

static uint64_t
bench_ping_run(bench_conn_t *c)
{
    uint64_t  due, now, took, cpu, longest;

    longest = 0;
    due = bench_clock();

    while (!bench_told()) {
        bench_ping_sleep(due);

        cpu = bench_ping_cpu();
        now = bench_clock();
        bench_ping_once(c);
        took = bench_clock() - now;
        cpu = bench_ping_cpu() - cpu;

        longest = (cpu > longest) ? cpu : longest;
        due = now + took + BENCH_INTERVAL;

        bench_latency(took);

        while (took > BENCH_INTERVAL) {
            took -= BENCH_INTERVAL;
            bench_latency(took);
        }
    }

    return longest;
}


void
bench_ping(void)
{
    uint64_t            longest;
    bench_conn_t        c;
    struct sched_param  param;

    memset(&c, 0, sizeof(bench_conn_t));
    bench_ping_open(&c);

    /* it wants to know when its echo is there, not when others let it */

    param.sched_priority = 1;
    sched_setscheduler(0, SCHED_FIFO, &param);

    bench_say("ready");
    bench_await();
    longest = bench_ping_run(&c);

    printf("{\"p50\":%.4f,\"p99\":%.4f,\"p999\":%.4f,\"max\":%.4f,"
           "\"cpu\":%.4f}\n",
           bench_percentile(0.5) / 1e3, bench_percentile(0.99) / 1e3,
           bench_percentile(0.999) / 1e3, bench_percentile(1) / 1e3,
           longest / 1e6);
}


static void
bench_crowd_ask(int fd, uint32_t number)
{
    char        uri[BENCH_URI];
    static char request[BENCH_URI + 512];

    bench_path(uri, sizeof(uri), bench_options.sub,
               number % bench_options.channels, number);

    snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n"
             "Host: localhost\r\n"
             "Upgrade: websocket\r\n"
             "Connection: Upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\n"
             "Sec-WebSocket-Key: " BENCH_KEY "\r\n\r\n", uri);

    if (send(fd, request, strlen(request), MSG_NOSIGNAL) == -1) {
        bench_fail("send: %s", strerror(errno));
    }
}


static bench_conn_t *
bench_crowd_open(int epoll)
{
    uint32_t            i;
    bench_conn_t       *conns;
    struct epoll_event  ee;

    conns = bench_alloc(bench_options.connections * sizeof(bench_conn_t));
    ee.events = EPOLLIN;

    for (i = 0; i < bench_options.connections; i++) {
        bench_connect(&conns[i], i);
        ee.data.ptr = &conns[i];
        epoll_ctl(epoll, EPOLL_CTL_ADD, conns[i].fd, &ee);
    }

    ee.data.ptr = NULL;
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &ee);

    return conns;
}


/* Reads what there is; the first that comes is the answer. */

static void
bench_crowd_read(bench_crowd_t *crowd, bench_conn_t *c)
{
    ssize_t      n;
    static char  buf[1 << 18];

    n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

    if (n == -1 && errno == EAGAIN) {
        return;
    }

    if (n <= 0) {
        close(c->fd);
        crowd->ended++;
        return;
    }

    crowd->bytes += n;

    if (c->next++) {
        return;
    }

    if (n < 12 || strncmp(buf + 9, "101", 3) != 0) {
        bench_fail("101 was expected: %.*s", (int) n, buf);
    }

    if (++crowd->answered == bench_options.connections) {
        bench_say("answered");

        if (bench_options.deaf) {
            bench_await();
            crowd->told = 1;
        }
    }
}


/*
 * Connections that ask all at once, and read all that comes, or, with
 * --deaf 1, nothing after the answer: "connected", a line, "answered", a
 * line, and what came.
 */

void
bench_crowd(void)
{
    int                        i, n, epoll;
    uint32_t                   j;
    bench_conn_t              *conns;
    bench_crowd_t              crowd;
    static struct epoll_event  events[1024];

    memset(&crowd, 0, sizeof(bench_crowd_t));
    epoll = epoll_create1(0);
    conns = bench_crowd_open(epoll);
    bench_say("connected");
    bench_await();

    for (j = 0; j < bench_options.connections; j++) {
        bench_crowd_ask(conns[j].fd, j);
    }

    while (!crowd.told) {
        n = epoll_wait(epoll, events, 1024, -1);

        for (i = 0; i < n && !crowd.told; i++) {

            if (events[i].data.ptr == NULL) {
                crowd.told = 1;

            } else {
                bench_crowd_read(&crowd, events[i].data.ptr);
            }
        }
    }

    printf("{\"bytes\":%llu,\"ended\":%u}\n",
           (unsigned long long) crowd.bytes, crowd.ended);
}
