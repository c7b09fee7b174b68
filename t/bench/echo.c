
/*
 * Echo: each connection has so many messages under way, and sends another
 * for each that came back.
 */


#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "frame.h"


#define BENCH_ID_SIZE  8


static bench_conn_t  *bench_conns;
static uint8_t       *bench_payload;
static uint64_t      *bench_sent;       /* for each connection, a ring */
static uint64_t       bench_left;       /* still to be sent */
static uint64_t       bench_echoes;
static uint32_t       bench_waiting;    /* messages under way */
static uint64_t       bench_deadline;


static uint64_t *
bench_sent_of(bench_conn_t *c, uint64_t id)
{
    return &bench_sent[(uint64_t) c->channel * bench_options.inflight
                       + id % bench_options.inflight];
}


static void
bench_echo_send(bench_conn_t *c, uint64_t id)
{
    if (bench_left == 0 || bench_now > bench_deadline) {
        return;
    }

    bench_left--;
    bench_waiting++;
    *bench_sent_of(c, id) = bench_now;
    memcpy(bench_payload, &id, BENCH_ID_SIZE);
    bench_queue_frame(c, BENCH_TEXT + 1, bench_payload, bench_options.size);
}


static void
bench_echo_message(bench_conn_t *c, uint8_t *p, size_t size)
{
    size_t    head;
    uint64_t  id;

    head = bench_frame_head(p);
    id = c->next++;

    if (p[0] != (BENCH_FIN | (BENCH_TEXT + 1))
        || size - head != bench_options.size
        || memcmp(p + head, &id, BENCH_ID_SIZE) != 0
        || memcmp(p + head + BENCH_ID_SIZE, bench_payload + BENCH_ID_SIZE,
                  bench_options.size - BENCH_ID_SIZE) != 0)
    {
        bench_fail("an echo is not what was sent");
    }

    bench_latency(bench_now - *bench_sent_of(c, id));
    bench_echoes++;
    bench_waiting--;
    bench_echo_send(c, id + bench_options.inflight);
}


static void
bench_echo_run(uint64_t messages, double seconds)
{
    uint32_t       i, k;
    bench_conn_t  *c;

    bench_left = messages;
    bench_now = bench_clock();
    bench_deadline = bench_now + (uint64_t) (seconds * 1e9);

    for (i = 0; i < bench_options.connections; i++) {
        c = &bench_conns[i];

        for (k = 0; k < bench_options.inflight; k++) {
            bench_echo_send(c, c->next + k);
        }
    }

    while (bench_waiting) {
        (void) bench_turn(-1);
    }
}


void
bench_echo(void)
{
    uint32_t  i, n;

    n = bench_options.connections;
    bench_conns = bench_alloc(n * sizeof(bench_conn_t));
    bench_sent = bench_alloc((size_t) n * bench_options.inflight
                             * sizeof(uint64_t));
    bench_payload = bench_alloc(bench_options.size);

    for (i = 0; i < bench_options.size; i++) {
        bench_payload[i] = (uint8_t) (i * 31);
    }

    bench_open(bench_conns, n, bench_options.echo, n, 0, bench_echo_message);
    bench_measure(bench_echo_run, &bench_echoes);
}
