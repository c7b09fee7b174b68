
/*
 * What is measured: the server's CPU time and memory, the time from publish
 * to receipt.
 */


#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "load.h"


/* latencies: 32 buckets for each power of two, exact to three percent */

static uint64_t  bench_buckets[BENCH_BUCKETS];
static uint64_t  bench_samples;
static uint64_t  bench_longest;


void
bench_fail(const char *format, ...)
{
    va_list  args;

    fprintf(stderr, "load %s: ", bench_options.name);

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);

    fprintf(stderr, "\n");
    exit(1);
}


void *
bench_alloc(size_t n)
{
    void  *p;

    p = calloc(1, n ? n : 1);

    if (p == NULL) {
        bench_fail("no memory");
    }

    return p;
}


uint64_t
bench_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + ts.tv_nsec;
}


static uint64_t
bench_first_number(const char *name)
{
    FILE                *f;
    unsigned long long   n;

    f = fopen(name, "r");

    if (f == NULL) {
        return 0;
    }

    if (fscanf(f, "%llu", &n) != 1) {
        n = 0;
    }

    fclose(f);

    return n;
}


static int
bench_runs(const char *name)
{
    int    running;
    char   state;
    FILE  *f;

    f = fopen(name, "r");

    if (f == NULL) {
        return 0;
    }

    running = (fscanf(f, "%*d (%*[^)]) %c", &state) == 1 && state == 'R');
    fclose(f);

    return running;
}


static uint64_t
bench_cpu_of(int pid, int *running)
{
    DIR            *dir;
    char            name[300];
    uint64_t        sum;
    struct dirent  *entry;

    snprintf(name, sizeof(name), "/proc/%d/task", pid);
    dir = opendir(name);

    if (dir == NULL) {
        bench_fail("the server, process %d, is gone", pid);
    }

    sum = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (entry->d_name[0] == '.') {
            continue;
        }

        snprintf(name, sizeof(name), "/proc/%d/task/%s/schedstat", pid,
                 entry->d_name);
        sum += bench_first_number(name);

        snprintf(name, sizeof(name), "/proc/%d/task/%s/stat", pid,
                 entry->d_name);
        *running |= bench_runs(name);
    }

    closedir(dir);

    return sum;
}


/*
 * The CPU time of all threads of the server, ns.  The kernel brings the
 * number up to date when a thread gives up the CPU, so the server should be
 * idle when it is asked for: running says when one is not.
 */

static uint64_t
bench_cpu(int *running)
{
    int       i;
    uint64_t  sum;

    sum = 0;
    *running = 0;

    for (i = 0; i < bench_options.npids; i++) {
        sum += bench_cpu_of(bench_options.pids[i], running);
    }

    return sum;
}


void
bench_memory(bench_memory_t *memory)
{
    int                  i;
    FILE                *f;
    char                 line[256];
    unsigned long long   kb;

    memset(memory, 0, sizeof(bench_memory_t));

    for (i = 0; i < bench_options.npids; i++) {
        snprintf(line, sizeof(line), "/proc/%d/smaps_rollup",
                 bench_options.pids[i]);
        f = fopen(line, "r");

        if (f == NULL) {
            bench_fail("%s: %s", line, strerror(errno));
        }

        while (fgets(line, sizeof(line), f)) {

            if (sscanf(line, "Private_Dirty: %llu kB", &kb) == 1) {
                memory->private_dirty += kb * 1024;

            } else if (sscanf(line, "Anonymous: %llu kB", &kb) == 1) {
                memory->anonymous += kb * 1024;
            }
        }

        fclose(f);
    }
}


/* Waits until the server does nothing any more, at most ten seconds. */

void
bench_settle(void)
{
    int       i, quiet, running;
    uint64_t  cpu, last;

    last = bench_cpu(&running);
    quiet = 0;

    for (i = 0; i < 500 && quiet < 3; i++) {
        (void) bench_turn(0);
        usleep(20000);

        cpu = bench_cpu(&running);
        quiet = (!running && cpu - last < 1000000) ? quiet + 1 : 0;
        last = cpu;
    }
}


void
bench_latency(uint64_t ns)
{
    int       shift;
    uint64_t  i;

    if (ns > bench_longest) {
        bench_longest = ns;
    }

    shift = 0;

    while ((ns >> shift) >= 64) {
        shift++;
    }

    i = (uint64_t) shift * 32 + (ns >> shift);
    bench_buckets[i < BENCH_BUCKETS ? i : BENCH_BUCKETS - 1]++;
    bench_samples++;
}


static void
bench_latency_reset(void)
{
    memset(bench_buckets, 0, sizeof(bench_buckets));
    bench_samples = 0;
    bench_longest = 0;
}


/* Microseconds; q is between 0 and 1, and 1 is the longest exactly. */

double
bench_percentile(double q)
{
    uint64_t  i, sum, want, shift;

    if (q >= 1) {
        return bench_longest / 1e3;
    }

    want = (uint64_t) (q * bench_samples);
    sum = 0;

    for (i = 0; i < BENCH_BUCKETS; i++) {
        sum += bench_buckets[i];

        if (sum > want) {
            break;
        }
    }

    if (i < 64) {
        return i / 1e3;
    }

    shift = i / 32 - 1;

    return (double) ((i - shift * 32) << shift) / 1e3;
}


/* The first call starts it, of a cost that is zero, the second one stops it. */

void
bench_stopwatch(bench_cost_t *cost)
{
    int  running;

    cost->cpu = bench_cpu(&running) - cost->cpu;
    cost->wall = bench_clock() - cost->wall;
}


/* The members that all cases have; units are what the CPU time is shared by. */

void
bench_report(uint64_t units, bench_cost_t *cost)
{
    double  n;

    n = units ? units : 1;

    printf("{\"case\":\"%s\",\"connections\":%u,\"units\":%llu,"
           "\"us_per_unit\":%.4f,\"per_cpu_second\":%.1f,"
           "\"server_cpu_ns\":%llu,\"wall_s\":%.6f,\"per_second\":%.1f",
           bench_options.name, bench_options.connections,
           (unsigned long long) units,
           cost->cpu / n / 1e3, cost->cpu ? units * 1e9 / cost->cpu : 0.0,
           (unsigned long long) cost->cpu, cost->wall / 1e9,
           cost->wall ? units * 1e9 / cost->wall : 0.0);
}


static void
bench_slice(bench_run_pt run, uint64_t *units)
{
    uint64_t      first, done;
    bench_cost_t  cost;

    bench_latency_reset();
    first = *units;

    memset(&cost, 0, sizeof(bench_cost_t));
    bench_stopwatch(&cost);
    run(bench_options.messages, bench_options.seconds);
    done = bench_clock();
    bench_settle();
    bench_stopwatch(&cost);
    cost.wall -= bench_clock() - done;

    bench_report(*units - first, &cost);
    printf(",\"ever\":%llu,\"p50_us\":%.1f,\"p99_us\":%.1f,"
           "\"max_us\":%.1f}\n", (unsigned long long) *units,
           bench_percentile(0.5), bench_percentile(0.99),
           bench_percentile(1));
    fflush(stdout);
}


/*
 * Runs a case for warmth, then what is measured: once, or with --slices 1
 * once for each line on the standard input, so that several can take turns.
 * units is a counter of what run() does.
 */

void
bench_measure(bench_run_pt run, uint64_t *units)
{
    char  line[16];

    run(bench_options.messages / 10 + bench_options.inflight,
        bench_options.seconds / 4);
    bench_settle();

    if (!bench_options.slices) {
        bench_slice(run, units);
        return;
    }

    printf("ready\n");
    fflush(stdout);

    while (fgets(line, sizeof(line), stdin)) {
        bench_slice(run, units);
    }
}
