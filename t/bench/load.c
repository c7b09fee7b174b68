
/*
 * The load generator: one thread, one epoll, a closed loop over loopback.
 *
 *     load CASE --port PORT --pid PID [OPTION VALUE ...]
 *
 * writes one line of JSON.  The options are in bench_names below.
 */


#define _GNU_SOURCE

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "load.h"


typedef struct {
    const char  *name;
    void       (*run)(void);
} bench_case_t;


typedef struct {
    const char  *name;
    char         type;              /* string, integer, unsigned, quad, float,
                                       pid, node */
    void        *value;
} bench_name_t;


bench_options_t  bench_options = {
    .sub = "/sub/%d", .pub = "/pub/%d", .echo = "/echo", .get = "/get",
    .cpu = -1, .connections = 1000, .channels = 1, .publishers = 1,
    .inflight = 1, .size = 128, .messages = 1000, .seconds = 10
};


static bench_case_t  bench_cases[] = {
    { "fanout", bench_fanout },
    { "post", bench_post },
    { "echo", bench_echo },
    { "idle", bench_idle },
    { "handshake", bench_handshake },
    { "get", bench_get },
    { "ping", bench_ping },
    { "crowd", bench_crowd },
    { NULL, NULL }
};


static bench_name_t  bench_names[] = {
    { "--port", 'i', &bench_options.port },
    { "--pid", 'p', NULL },
    { "--node", 'n', NULL },
    { "--cpu", 'i', &bench_options.cpu },
    { "--sub", 's', &bench_options.sub },
    { "--pub", 's', &bench_options.pub },
    { "--echo", 's', &bench_options.echo },
    { "--get", 's', &bench_options.get },
    { "--tls", 'i', &bench_options.tls },
    { "--http", 'i', &bench_options.http },
    { "--deflate", 'i', &bench_options.deflate },
    { "--deaf", 'i', &bench_options.deaf },
    { "--rcvbuf", 'i', &bench_options.rcvbuf },
    { "--json", 'u', &bench_options.json },
    { "--slices", 'i', &bench_options.slices },
    { "--connections", 'u', &bench_options.connections },
    { "--channels", 'u', &bench_options.channels },
    { "--publishers", 'u', &bench_options.publishers },
    { "--inflight", 'u', &bench_options.inflight },
    { "--size", 'u', &bench_options.size },
    { "--messages", 'q', &bench_options.messages },
    { "--seconds", 'f', &bench_options.seconds },
    { NULL, 0, NULL }
};


static void
bench_option(bench_name_t *o, const char *value)
{
    switch (o->type) {

    case 's':
        *(const char **) o->value = value;
        break;

    case 'i':
        *(int *) o->value = atoi(value);
        break;

    case 'u':
        *(uint32_t *) o->value = strtoul(value, NULL, 10);
        break;

    case 'q':
        *(uint64_t *) o->value = strtoull(value, NULL, 10);
        break;

    case 'f':
        *(double *) o->value = strtod(value, NULL);
        break;

    case 'p':
        if (bench_options.npids == BENCH_PIDS) {
            bench_fail("too many --pid");
        }

        bench_options.pids[bench_options.npids++] = atoi(value);
        break;

    case 'n':
        if (bench_options.nnodes == BENCH_NODES) {
            bench_fail("too many --node");
        }

        bench_options.nodes[bench_options.nnodes++] = atoi(value);
        break;
    }
}


static void
bench_arguments(int argc, char **argv)
{
    int            i;
    bench_name_t  *o;

    for (i = 2; i + 1 < argc; i += 2) {

        for (o = bench_names; o->name; o++) {

            if (strcmp(o->name, argv[i]) == 0) {
                break;
            }
        }

        if (o->name == NULL) {
            bench_fail("unknown option %s", argv[i]);
        }

        bench_option(o, argv[i + 1]);
    }

    if (i != argc) {
        bench_fail("%s needs a value", argv[i]);
    }

    if (bench_options.port == 0 || bench_options.npids == 0) {
        bench_fail("--port and --pid are needed");
    }

    if (bench_options.size < 8 || bench_options.inflight == 0
        || bench_options.channels == 0 || bench_options.publishers == 0)
    {
        bench_fail("--size is at least 8; --inflight, --channels and "
                   "--publishers at least 1");
    }

    if (bench_options.json
        && (bench_options.json > BENCH_VIEWS || bench_options.size < 128
            || bench_options.channels > 10
            || (bench_options.json > 1 && bench_options.deflate)))
    {
        bench_fail("--json is at most %d, with a --size of at least 128 and "
                   "at most 10 --channels; above 1 without --deflate",
                   BENCH_VIEWS);
    }
}


static void
bench_limits(void)
{
    cpu_set_t      set;
    struct rlimit  rl;

    rl.rlim_cur = rl.rlim_max = 1 << 20;

    if (setrlimit(RLIMIT_NOFILE, &rl) == -1
        && getrlimit(RLIMIT_NOFILE, &rl) == 0)
    {
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }

    if (bench_options.cpu >= 0) {
        CPU_ZERO(&set);
        CPU_SET(bench_options.cpu, &set);
        sched_setaffinity(0, sizeof(set), &set);
    }
}


int
main(int argc, char **argv)
{
    bench_case_t  *test;

    bench_options.name = (argc > 1) ? argv[1] : "?";

    for (test = bench_cases; test->name; test++) {

        if (strcmp(test->name, bench_options.name) == 0) {
            break;
        }
    }

    if (test->name == NULL) {
        bench_fail("the cases are fanout, post, echo, idle, handshake, get, "
                   "ping, crowd");
    }

    bench_arguments(argc, argv);
    bench_limits();
    bench_client_init();

    test->run();

    return 0;
}
