
/*
 * What is counted, for the operator.  A counter has one writer, the worker in
 * whose slot it is, so that counting needs no lock; a reader adds them up.
 *
 * The counters lie in shared memory of their own and survive reloads.  Totals
 * stay when their worker dies, and the next one in its slot goes on with
 * them; gauges are void with the worker.  A process without a slot counts by
 * itself, and adds its totals to a row that is nobody's.
 */


#ifndef NGX_HTTP_WEBSOCKET_STATS_H
#define NGX_HTTP_WEBSOCKET_STATS_H


#include <ngx_config.h>
#include <ngx_core.h>

#include <pthread.h>

#include "delivery/ngx_http_websocket_memory.h"
#include "store/store.h"


#define NGX_HTTP_WEBSOCKET_STATS_ENTRIES    64
#define NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS  16
#define NGX_HTTP_WEBSOCKET_STATS_CLOSES     17
#define NGX_HTTP_WEBSOCKET_STATS_BUCKETS    16
#define NGX_HTTP_WEBSOCKET_STATS_HOOKS      16      /* events of hooks */


/* why a message was dropped: the first three are as overflow= has them */

typedef enum {
    NGX_HTTP_WEBSOCKET_DROPPED_CLOSE = 0,
    NGX_HTTP_WEBSOCKET_DROPPED_DROP_OLDEST,
    NGX_HTTP_WEBSOCKET_DROPPED_CONFLATE,
    NGX_HTTP_WEBSOCKET_DROPPED_MEMORY,
    NGX_HTTP_WEBSOCKET_DROPPED_LEFT,    /* the client sent a Close */
    NGX_HTTP_WEBSOCKET_DROPPED_REASONS
} ngx_http_websocket_dropped_e;


/* why a handshake, a publish over HTTP, or an invalid message was refused */

typedef enum {
    NGX_HTTP_WEBSOCKET_REJECTED_HANDSHAKE = 0,
    NGX_HTTP_WEBSOCKET_REJECTED_CHANNEL,
    NGX_HTTP_WEBSOCKET_REJECTED_POSITION,
    NGX_HTTP_WEBSOCKET_REJECTED_SELECTION,
    NGX_HTTP_WEBSOCKET_REJECTED_INVALID,
    NGX_HTTP_WEBSOCKET_REJECTED_METHOD,
    NGX_HTTP_WEBSOCKET_REJECTED_HEADER,
    NGX_HTTP_WEBSOCKET_REJECTED_TOO_LARGE,
    NGX_HTTP_WEBSOCKET_REJECTED_NOT_UTF8,
    NGX_HTTP_WEBSOCKET_REJECTED_ZONE_FULL,
    NGX_HTTP_WEBSOCKET_REJECTED_CONNECTIONS,        /* too many of them */
    NGX_HTTP_WEBSOCKET_REJECTED_UNAVAILABLE,
    NGX_HTTP_WEBSOCKET_REJECTED_MEMORY,
    NGX_HTTP_WEBSOCKET_REJECTED_ORIGIN,
    NGX_HTTP_WEBSOCKET_REJECTED_TOKEN,
    NGX_HTTP_WEBSOCKET_REJECTED_RIGHT,
    NGX_HTTP_WEBSOCKET_REJECTED_ENDED,      /* the channel it is for */
    NGX_HTTP_WEBSOCKET_REJECTED_HOOK,       /* by the application */
    NGX_HTTP_WEBSOCKET_REJECTED_HOOK_FAILED,        /* it has not answered */
    NGX_HTTP_WEBSOCKET_REJECTED_REASONS
} ngx_http_websocket_rejected_e;


/* times: each is counted in the first bucket whose bound it does not exceed */

typedef struct {
    uint64_t                      buckets[NGX_HTTP_WEBSOCKET_STATS_BUCKETS];
    uint64_t                      time;     /* of all, us */
} ngx_http_websocket_histogram_t;


typedef struct ngx_http_websocket_stats_s        ngx_http_websocket_stats_t;
typedef struct ngx_http_websocket_stats_table_s
    ngx_http_websocket_stats_table_t;

/* of one worker slot and location; the last ones are a zone's */

struct ngx_http_websocket_stats_s {
    /* gauges */

    uint64_t                      active[NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS];
    uint64_t                      queued;   /* messages in send queues */
    uint64_t                      queued_bytes;     /* bytes of all that is in
                                                       them */
    uint64_t                      hook_active;      /* calls of hooks */
    uint64_t                      hook_queued;

    /* totals */

    uint64_t                  connections[NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS];
    uint64_t                      dead;
    uint64_t                      messages_sent;
    uint64_t                      messages_received;
    uint64_t                      bytes_sent;
    uint64_t                      bytes_received;
    uint64_t                      published;
    uint64_t                      refused;  /* messages, by a rate */
    uint64_t                      dropped[NGX_HTTP_WEBSOCKET_DROPPED_REASONS];
    uint64_t                      closes[NGX_HTTP_WEBSOCKET_STATS_CLOSES];
    uint64_t                    rejected[NGX_HTTP_WEBSOCKET_REJECTED_REASONS];
    uint64_t                      hook_calls[NGX_HTTP_WEBSOCKET_STATS_HOOKS];
    uint64_t                    hook_failures[NGX_HTTP_WEBSOCKET_STATS_HOOKS];
    uint64_t                      hook_dropped[NGX_HTTP_WEBSOCKET_STATS_HOOKS];

    ngx_http_websocket_histogram_t  delivery;       /* what deliveries took */
    ngx_http_websocket_histogram_t  rtt;    /* from Pings to Pongs */
    ngx_http_websocket_histogram_t  hooks;  /* what calls of hooks took */
} __attribute__((aligned(64)));


/* an entry's name; a zone's own entry has no location */

typedef struct {
    uint8_t                       zone_size;
    uint8_t                       location_size;
    uint8_t                       others;   /* stands in for locations that
                                               found no entry */
    u_char                        zone[64];
    u_char                        location[189];
} ngx_http_websocket_stats_entry_t;


/* entries are only ever added, by master processes */

struct ngx_http_websocket_stats_table_s {
    pthread_mutex_t                   mutex;    /* of whoever adds an entry */
    ngx_atomic_t                      nentries;
    ngx_atomic_t                      nslots;   /* that were ever in use */
    ngx_http_websocket_stats_entry_t  entries[
                                          NGX_HTTP_WEBSOCKET_STATS_ENTRIES];
    ngx_http_websocket_stats_t        stats[NGX_WEBSOCKET_STORE_WORKERS + 1]
                                          [NGX_HTTP_WEBSOCKET_STATS_ENTRIES];

    /* of workers, in bytes; told once a second */
    uint64_t                          memory[NGX_WEBSOCKET_STORE_WORKERS]
                                           [NGX_HTTP_WEBSOCKET_MEMORY_KINDS];
};

/* the row of processes without a slot */
#define NGX_HTTP_WEBSOCKET_STATS_SLOTLESS  NGX_WEBSOCKET_STORE_WORKERS


/* counters that take what has no place elsewhere, and are not read */
extern ngx_http_websocket_stats_t  ngx_http_websocket_stats_none;

/*
 * Adds the table's shared memory to the configuration, once.  Returns NGX_OK
 * or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_stats_table(ngx_conf_t *cf);

/*
 * The place of a close code among those that are counted, and their names.
 */
ngx_uint_t ngx_http_websocket_stats_close(uint16_t code);
extern char *const  ngx_http_websocket_stats_closes[];

/*
 * The buckets' upper bounds, in us; the last bucket has none.
 */
extern const uint32_t  ngx_http_websocket_stats_bounds[];

/* Counts a time of so many us: in a zone's own entry. */
void ngx_http_websocket_histogram_add(
    ngx_http_websocket_histogram_t *histogram, uint64_t time);

/*
 * In a worker: has the locations and zones of the cycle's configuration
 * counted in the slot, or in the process where there is none.
 */
void ngx_http_websocket_stats_start(ngx_cycle_t *cycle, ngx_uint_t slot);

/* Tells the table what the process has counted without a slot. */
void ngx_http_websocket_stats_merge(ngx_cycle_t *cycle);

/* Voids the gauges of a slot whose worker is gone. */
void ngx_http_websocket_stats_void(ngx_cycle_t *cycle, ngx_uint_t slot);

/* Tells the table how much memory the worker of the slot has taken. */
void ngx_http_websocket_stats_memory(ngx_cycle_t *cycle, ngx_uint_t slot);

/* The memory of all workers that was taken for one thing. */
uint64_t ngx_http_websocket_stats_memory_sum(
    ngx_http_websocket_stats_table_t *table, ngx_uint_t kind);

/* Adds up an entry over all slots. */
void ngx_http_websocket_stats_sum(ngx_http_websocket_stats_table_t *table,
    ngx_uint_t entry, ngx_http_websocket_stats_t *sum);

/* The entry of that zone and location, or the one that stands in for it. */
ngx_uint_t ngx_http_websocket_stats_find(
    ngx_http_websocket_stats_table_t *table, ngx_str_t *zone,
    ngx_str_t *location);


#endif /* NGX_HTTP_WEBSOCKET_STATS_H */
