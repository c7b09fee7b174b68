
/*
 * The broker of a zone that several nginx share: a Redis or Valkey server
 * gives the order of each channel's messages, and the zone has copies of the
 * channels that somebody reads here.
 *
 * Each worker has a connection of its own for commands.  One of them has the
 * seat: it subscribes, for all, to the channels that are wanted, and places
 * what it hears in the zone.
 */


#ifndef NGX_HTTP_WEBSOCKET_REMOTE_H
#define NGX_HTTP_WEBSOCKET_REMOTE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include <pthread.h>

#include "broker/envelope.h"
#include "broker/ngx_http_websocket_broker.h"
#include "broker/ngx_http_websocket_redis.h"


/* names of channels that are asked for and the seat has not read */
#define NGX_HTTP_WEBSOCKET_ASKS      256

/* epochs that a worker knows, in pages: powers of two */
#define NGX_HTTP_WEBSOCKET_HINTS       1024
#define NGX_HTTP_WEBSOCKET_HINT_PAGES  64

/* a generation and its floor, in text */
#define NGX_HTTP_WEBSOCKET_GEN       64


/* nodes that a node remembers to be alive */
#define NGX_HTTP_WEBSOCKET_NODES     64


typedef struct ngx_http_websocket_seat_s  ngx_http_websocket_seat_t;
typedef struct ngx_http_websocket_heal_s  ngx_http_websocket_heal_t;
typedef struct ngx_http_websocket_mine_s  ngx_http_websocket_mine_t;


/* counters of a node */

typedef enum {
    NGX_HTTP_WEBSOCKET_REMOTE_RECEIVED = 0,     /* messages that were heard */
    NGX_HTTP_WEBSOCKET_REMOTE_GAPS,         /* that were found missing then */
    NGX_HTTP_WEBSOCKET_REMOTE_FILLED,       /* messages that were read */
    NGX_HTTP_WEBSOCKET_REMOTE_REFUSED,      /* messages, by the server, or
                                               because it was away */
    NGX_HTTP_WEBSOCKET_REMOTE_RECONNECTS,
    NGX_HTTP_WEBSOCKET_REMOTE_TAKEOVERS,    /* of the seat */
    NGX_HTTP_WEBSOCKET_REMOTE_HEALED,       /* messages that were put back */
    NGX_HTTP_WEBSOCKET_REMOTE_LOST,         /* times that not all could be */
    NGX_HTTP_WEBSOCKET_REMOTE_COUNTERS
} ngx_http_websocket_remote_counter_e;


/* what the workers of a node share */

typedef struct {
    uint64_t                      node;     /* its number */
    ngx_atomic_t                  owner;    /* of the seat: incarnation, and
                                               slot + 1; or 0 */
    ngx_atomic_t                  beat;     /* of the owner: ms */
    ngx_atomic_t                  known;    /* 1: it took part in a generation */
    uint64_t                      floor;    /* of that one: the least epoch */

    /* the workers that publish, by slots: their incarnations; and the server's
       generation when they are to turn to another one */

    ngx_atomic_t                  linked[NGX_WEBSOCKET_STORE_WORKERS];
    u_char                        turn[16];

    /* which others lived when that was heard last */

    uint64_t                      nodes[NGX_HTTP_WEBSOCKET_NODES];
    ngx_uint_t                    nnodes;

    /* the generation that was told of the members here, and when, ms */

    u_char                        told[NGX_HTTP_WEBSOCKET_GEN];
    size_t                        told_size;
    uint64_t                      told_at;

    ngx_atomic_t                  heard;    /* when the last probe was: ms */
    ngx_atomic_t                  hears;    /* 1: as it was told last */

    ngx_atomic_t                  counters[NGX_HTTP_WEBSOCKET_REMOTE_COUNTERS];

    /* the workers that wait for a channel, by slots */
    ngx_atomic_t                  waiting[NGX_WEBSOCKET_STORE_WORKERS / 64];

    pthread_mutex_t               lock;     /* of what follows */
    ngx_atomic_t                  head;
    ngx_atomic_t                  tail;
    ngx_atomic_t                  overflow; /* 1: there were more */
    ngx_websocket_store_name_t    asks[NGX_HTTP_WEBSOCKET_ASKS];

    /* what was published of late: see ngx_http_websocket_remote_ring.h */

    size_t                        ring_size;
    uint64_t                      ring_first;
    uint64_t                      ring_last;
    u_char                        ring[] __attribute__((aligned(8)));
} ngx_http_websocket_remote_shared_t;


typedef struct {
    uint64_t                      hash;
    uint64_t                      epoch;    /* 0: none is known */
    uint64_t                      ttl;      /* of the stream, ms, as this worker
                                               has set it */
    ngx_msec_t                    renewed;  /* when that was */
} ngx_http_websocket_hint_t;


/* the node does not hear what is published in the zone elsewhere */
typedef void (*ngx_http_websocket_remote_deaf_pt)(
    ngx_http_websocket_zone_t *zone);


struct ngx_http_websocket_remote_s {
    ngx_http_websocket_zone_t           *zone;
    ngx_http_websocket_broker_conf_t    *conf;
    ngx_http_websocket_remote_shared_t  *shared;
    ngx_log_t                    *log;
    ngx_connection_t              dummy;    /* of the events */

    ngx_http_websocket_redis_t    redis;    /* for commands */
    ngx_event_t                   tick;
    ngx_http_websocket_remote_deaf_pt  deaf;
    ngx_msec_t                    listened; /* when it was asked last whether
                                               it is */
    ngx_msec_t                    awake;    /* since when that is done */

    ngx_http_websocket_redis_t    watch;    /* to a Sentinel, when there are */
    ngx_msec_t                    watch_asked;
    ngx_msec_t                    watch_heard;

    /* what the server has for the key "gen" */

    u_char                        gen[NGX_HTTP_WEBSOCKET_GEN];
    size_t                        gen_size;
    unsigned                      ready:1;  /* gen is of this connection's
                                               server */
    unsigned                      asking:1; /* for gen */
    unsigned                      turned:1; /* others were told of the server */
    ngx_msec_t                    since;    /* ready, when it is */
    ngx_http_websocket_heal_t    *heal;     /* NULL: it does not */

    /* publishing */

    uint64_t                      number;   /* of the next message */
    ngx_queue_t                   again;    /* before those that are new */
    ngx_queue_t                   publishes;
    size_t                        size;     /* of all that did not complete */
    ngx_uint_t                    pending;  /* how many these are */
    ngx_event_t                   flush;
    ngx_event_t                   expire;
    ngx_http_websocket_hint_t    *hints[NGX_HTTP_WEBSOCKET_HINT_PAGES];
                                            /* NULL: none is known there */

    ngx_queue_t                   fetches;
    ngx_queue_t                   end;      /* of those of this turn */
    ngx_event_t                   fetched;
    ngx_http_websocket_seat_t    *seat;     /* NULL: another worker has it */

    /* what all nodes know, of whoever has the seat */

    ngx_msec_t                    beat;     /* when the last one was */
    int64_t                       revocations;      /* the number of those that
                                                       were read; -1: none */
    int64_t                       next_revocations; /* that are being read */
    unsigned                      beating:1;        /* it was not answered */
    unsigned                      reading_revocations:1;

    /* members of workers that died */

    unsigned                      reaping:1;

    /* of this node, which the server is told of; NULL: it is not */

    ngx_http_websocket_mine_t    *mine;

    /* of a node that died */

    ngx_http_websocket_leave_message_pt  leave_message;
    u_char                        bury[16];     /* its number, in digits */
    ngx_uint_t                    leaving;      /* how many are */
    unsigned                      burying:1;
};


#define ngx_http_websocket_remote_count(remote, counter)                      \
    ngx_http_websocket_remote_count_some(remote, counter, 1)

#define ngx_http_websocket_remote_count_some(remote, counter, n)              \
    (void) ngx_atomic_fetch_add(&(remote)->shared->counters[counter], n)


extern const ngx_http_websocket_broker_t  ngx_http_websocket_broker_remote;


/*
 * Gives a zone that is being configured this broker.  Returns NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_remote_add(ngx_conf_t *cf,
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_broker_conf_t *conf);

/* In init_process of a worker, for each zone that has this broker. */
void ngx_http_websocket_remote_start(ngx_http_websocket_zone_t *zone,
    ngx_cycle_t *cycle, ngx_http_websocket_remote_deaf_pt deaf);

/* In exit_process. */
void ngx_http_websocket_remote_stop(ngx_http_websocket_zone_t *zone);

/* The lock of what workers share: NGX_OK, or NGX_BUSY. */
ngx_int_t ngx_http_websocket_remote_lock(ngx_http_websocket_remote_t *remote);
void ngx_http_websocket_remote_unlock(ngx_http_websocket_remote_t *remote);

/* An event of the broker's, whose c->data is it. */
void ngx_http_websocket_remote_event(ngx_http_websocket_remote_t *remote,
    ngx_event_t *ev, ngx_event_handler_pt handler);


#endif /* NGX_HTTP_WEBSOCKET_REMOTE_H */
