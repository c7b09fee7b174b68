
/*
 * Sessions that do nothing: what they take of memory and, where the server
 * has heartbeats, of CPU time; what a burst of messages leaves behind, and
 * what is left when all have gone.
 */


#include <string.h>
#include <unistd.h>

#include "load.h"


static void
bench_idle_report(const char *when, bench_memory_t *memory,
    bench_memory_t *before)
{
    double  n;

    n = bench_options.connections;

    printf(",\"%s_private_per_session\":%.1f,"
           "\"%s_anonymous_per_session\":%.1f",
           when, ((double) memory->private_dirty
                  - (double) before->private_dirty) / n,
           when, ((double) memory->anonymous
                  - (double) before->anonymous) / n);
}


void
bench_idle(void)
{
    uint64_t        end, pings;
    bench_cost_t    cost;
    bench_memory_t  before, open, burst, closed;

    bench_settle();
    bench_memory(&before);

    bench_hub_open();
    bench_memory(&open);

    pings = bench_pings;
    memset(&cost, 0, sizeof(bench_cost_t));
    bench_stopwatch(&cost);
    end = bench_clock() + (uint64_t) (bench_options.seconds * 1e9);

    while (bench_clock() < end) {
        (void) bench_turn(100);
    }

    bench_stopwatch(&cost);
    pings = bench_pings - pings;

    bench_hub_run(bench_options.messages, 10);
    bench_settle();
    bench_memory(&burst);

    bench_hub_close();

    /* memory is given back a moment later */

    (void) usleep(1000000);
    bench_settle();
    bench_memory(&closed);

    bench_report(bench_options.connections, &cost);
    printf(",\"pings\":%llu", (unsigned long long) pings);

    bench_idle_report("open", &open, &before);
    bench_idle_report("burst", &burst, &before);
    bench_idle_report("closed", &closed, &before);
    printf("}\n");
}
