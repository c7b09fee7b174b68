
/*
 * Connect, request, answer, close: a WebSocket's handshake, and a plain GET
 * to compare it with, a batch of connections at a time.
 */


#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"
#include "frame.h"


#define BENCH_BATCH  16


static char      bench_uri[512];
static int       bench_upgrade;
static uint64_t  bench_count;


/* Reads until the server's Close, or the end of the connection. */

static void
bench_wait_close(bench_conn_t *c)
{
    size_t         have, need;
    ssize_t        n;
    static uint8_t buf[4096];

    have = 0;

    for ( ;; ) {
        n = recv(c->fd, buf + have, sizeof(buf) - have, 0);

        if (n <= 0) {
            return;
        }

        have += n;
        need = bench_frame_need(buf, have);

        if (have >= need && (buf[0] & 0xf) == BENCH_CLOSE) {
            return;
        }
    }
}


/* One batch; the addresses change so that ports do not run out. */

static void
bench_batch(uint64_t n)
{
    char           buf[8192];
    size_t         size;
    uint8_t        frame[BENCH_HEAD_SIZE + 2];
    uint32_t       i;
    bench_conn_t   conns[BENCH_BATCH];
    struct linger  linger;

    for (i = 0; i < BENCH_BATCH; i++) {
        bench_connect(&conns[i], n + i);
        bench_request(&conns[i], bench_uri, bench_upgrade);
    }

    size = bench_frame_put(frame, BENCH_FIN | BENCH_CLOSE, 2, bench_key);
    bench_frame_mask(frame + size, (const uint8_t *) "\x03\xe8", 2,
                     bench_key);

    for (i = 0; i < BENCH_BATCH; i++) {
        (void) bench_answer(&conns[i], bench_upgrade ? "101" : "204",
                            buf, sizeof(buf));

        if (bench_upgrade) {
            bench_send_now(&conns[i], frame, size + 2);
        }
    }

    linger.l_onoff = 1;
    linger.l_linger = 0;

    for (i = 0; i < BENCH_BATCH; i++) {

        if (bench_upgrade) {
            bench_wait_close(&conns[i]);
        }

        setsockopt(conns[i].fd, SOL_SOCKET, SO_LINGER, &linger,
                   sizeof(linger));
        close(conns[i].fd);
    }
}


static void
bench_batches(uint64_t messages, double seconds)
{
    uint64_t  end, last;

    end = bench_clock() + (uint64_t) (seconds * 1e9);
    last = bench_count + messages;

    while (bench_count < last && bench_clock() < end) {
        bench_batch(bench_count);
        bench_count += BENCH_BATCH;
    }
}


static void
bench_rate(const char *path, int upgrade)
{
    bench_path(bench_uri, sizeof(bench_uri), path, 0, 0);
    bench_upgrade = upgrade;
    bench_measure(bench_batches, &bench_count);
}


void
bench_handshake(void)
{
    bench_rate(bench_options.sub, 1);
}


void
bench_get(void)
{
    bench_rate(bench_options.get, 0);
}
