
/*
 * The load generator: what its files share.
 */


#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H


#include <stddef.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdio.h>


#define BENCH_PIDS     64
#define BENCH_NODES    16
#define BENCH_BUCKETS  2048
#define BENCH_VIEWS    3


typedef struct {
    const char  *name;              /* the case */
    const char  *sub;               /* paths; "%d" is the channel's number, a
                                       second one the connection's or view's */
    const char  *pub;
    const char  *echo;
    const char  *get;
    int          port;
    int          tls;
    int          http;              /* publish by POST, not on a socket */
    int          deflate;
    int          deaf;              /* reads nothing */
    int          rcvbuf;
    uint32_t     json;              /* messages are objects, in so many views */
    int          slices;
    int          cpu;               /* where to run, -1: anywhere */
    uint32_t     connections;
    uint32_t     channels;
    uint32_t     publishers;        /* of each channel */
    uint32_t     inflight;
    uint32_t     size;
    uint64_t     messages;
    double       seconds;
    int          pids[BENCH_PIDS];  /* the server's */
    int          npids;
    int          nodes[BENCH_NODES];    /* the ports of others, where there
                                           are subscribers, too */
    int          nnodes;
} bench_options_t;


typedef struct bench_conn_s  bench_conn_t;

/* a whole frame, or a whole HTTP response, at p */
typedef void (*bench_message_pt)(bench_conn_t *c, uint8_t *p, size_t size);

struct bench_conn_s {
    int                fd;
    SSL               *ssl;         /* NULL without --tls */
    unsigned           http:1;
    unsigned           busy:1;      /* an HTTP publisher waits for an answer */
    unsigned           dirty:1;     /* in the list of those to be written */
    unsigned           writing:1;   /* EPOLLOUT is asked for */
    unsigned           leaving:1;   /* a Close was sent: an end is no error */
    unsigned           gone:1;

    int                port;
    uint32_t           channel;
    uint32_t           view;
    uint64_t           next;        /* how many messages it has got */

    uint8_t           *rest;        /* of a frame that is not complete */
    size_t             rest_len;
    size_t             rest_size;

    uint8_t           *out;
    size_t             out_pos;
    size_t             out_len;
    size_t             out_size;

    bench_message_pt   message;
    bench_conn_t      *next_dirty;
};


typedef struct {
    uint64_t     private_dirty;     /* bytes */
    uint64_t     anonymous;
} bench_memory_t;


/* nanoseconds */

typedef struct {
    uint64_t     cpu;               /* of the server */
    uint64_t     wall;
} bench_cost_t;


/* does so many of what a case does, or for so long */
typedef void (*bench_run_pt)(uint64_t messages, double seconds);


extern bench_options_t  bench_options;
extern uint64_t         bench_now;      /* of the last read, ns */
extern uint64_t         bench_pings;
extern uint8_t          bench_key[4];


/* client.c */

void bench_client_init(void);
void bench_connect(bench_conn_t *c, uint32_t n);
void bench_request(bench_conn_t *c, const char *path, int upgrade);
void bench_send_now(bench_conn_t *c, const void *p, size_t n);
size_t bench_answer(bench_conn_t *c, const char *status, char *buf,
    size_t size);
void bench_path(char *dst, size_t size, const char *path, uint32_t channel,
    uint32_t number);
void bench_open(bench_conn_t *conns, uint32_t n, const char *path,
    uint32_t channels, uint32_t per_channel, bench_message_pt message);
void bench_open_http(bench_conn_t *conns, uint32_t n,
    bench_message_pt message);
void bench_queue(bench_conn_t *c, const void *p, size_t n);
void bench_queue_frame(bench_conn_t *c, uint8_t opcode, const uint8_t *p,
    size_t n);
int bench_turn(int timeout);
void bench_flush(void);
void bench_close_all(bench_conn_t *conns, uint32_t n);
void bench_ignore(bench_conn_t *c, uint8_t *p, size_t size);

/* meter.c */

void bench_fail(const char *format, ...)
    __attribute__ ((format (printf, 1, 2), noreturn));
void *bench_alloc(size_t n);
uint64_t bench_clock(void);
void bench_stopwatch(bench_cost_t *cost);
void bench_memory(bench_memory_t *memory);
void bench_settle(void);
void bench_latency(uint64_t ns);
double bench_percentile(double q);
void bench_report(uint64_t units, bench_cost_t *cost);
void bench_measure(bench_run_pt run, uint64_t *units);

/* the cases */

void bench_fanout(void);
void bench_post(void);
void bench_echo(void);
void bench_idle(void);
void bench_handshake(void);
void bench_get(void);
void bench_ping(void);
void bench_crowd(void);

/* fanout.c, for the other cases */

void bench_hub_open(void);
void bench_hub_run(uint64_t messages, double seconds);
void bench_hub_close(void);


#endif /* BENCH_LOAD_H */
