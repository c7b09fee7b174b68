
/*
 * Messages that are on the disk before their publisher is told.
 *
 * A message is in the zone first, as any, and then in a ring in shared memory
 * that all workers have, of which one thread at a time, in one of the workers,
 * writes what there is to a log beside the zone's dump.  Whoever waits is told
 * how far the log is on the disk; nobody waits in an event loop, nor longer
 * than the publisher wants to.
 */


#ifndef NGX_HTTP_WEBSOCKET_DURABLE_H
#define NGX_HTTP_WEBSOCKET_DURABLE_H


#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_region.h"
#include "hub/ngx_http_websocket_zone.h"

#include <pthread.h>


/* bytes that wait for the disk, at most, and of one message */
#ifndef NGX_HTTP_WEBSOCKET_RING
#define NGX_HTTP_WEBSOCKET_RING         (8 * 1024 * 1024)
#endif

#define NGX_HTTP_WEBSOCKET_RING_RECORD  (1024 * 1024)


/* what became of a zone's dumps, of all workers */

typedef struct {
    uint64_t                      begun;    /* the last whole one, by the
                                               clock; or the zone */
    uint64_t                      time;     /* that it took, ms */
    uint64_t                      bytes;    /* of it */
    uint64_t                      written;  /* dumps */
    uint64_t                      failed;
} ngx_http_websocket_dumped_t;


/* what is told of a zone's files */

typedef enum {
    NGX_HTTP_WEBSOCKET_FILE_AGE = 0,
    NGX_HTTP_WEBSOCKET_FILE_DURATION,
    NGX_HTTP_WEBSOCKET_FILE_BYTES,
    NGX_HTTP_WEBSOCKET_FILE_SNAPSHOTS,
    NGX_HTTP_WEBSOCKET_FILE_FAILURES,
    NGX_HTTP_WEBSOCKET_FILE_LOGGED,
    NGX_HTTP_WEBSOCKET_FILE_WAITING,
    NGX_HTTP_WEBSOCKET_FILE_ERRORS,
    NGX_HTTP_WEBSOCKET_FILE_VALUES
} ngx_http_websocket_file_e;


/* what all processes have of a zone's log; positions are bytes ever added */

typedef struct {
    pthread_mutex_t               mutex;    /* of who adds */
    pthread_mutex_t               lease;    /* of who writes */
    uint64_t                      head;     /* all that was added */
    uint64_t                      synced;   /* so much is on the disk */
    uint64_t                      log;      /* the newest log's number */
    uint64_t                      kept;     /* the first one that a dump needs
                                               which is begun now */
    uint64_t                      errors;   /* of the disk */
    uint32_t                      rotate;   /* 1: a dump wants a new log */
    uint32_t                      bell;     /* rung for who writes */
    uint32_t                      asleep;   /* 1: who writes waits for it */
    ngx_http_websocket_dumped_t   dumped;
    uint64_t                      waiting[NGX_WEBSOCKET_STORE_WORKERS / 64];
                                            /* slots of who waits */
    u_char                        data[NGX_HTTP_WEBSOCKET_RING];
} ngx_http_websocket_ring_t;


struct ngx_http_websocket_durable_s {
    ngx_http_websocket_zone_t    *zone;
    ngx_http_websocket_ring_t    *ring;
    ngx_queue_t                   waiters;  /* of this worker, in the order of
                                               their positions */
    ngx_event_t                   time;     /* theirs may be over */
    ngx_event_t                   look;     /* goes on in another turn */
    ngx_connection_t              dummy;
    ngx_http_websocket_place_t   *wanted;   /* by a location; or NULL */
};


/* Gives a zone with a file a log.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_durable_add(ngx_conf_t *cf,
    ngx_http_websocket_zone_t *zone);

/*
 * In postconfiguration: zones whose messages are to be durable must have a
 * file.  Returns NGX_OK or NGX_ERROR, which is logged.
 */
ngx_int_t ngx_http_websocket_durable_wanted(ngx_conf_t *cf);

/* In init_process. */
void ngx_http_websocket_durable_init(ngx_http_websocket_zone_t *zone,
    ngx_log_t *log);

/*
 * Logs a message that is in the zone, or was, and for which p->describe was
 * set.  Returns NGX_OK with p->reached set; or, where p->durable is WAIT,
 * NGX_AGAIN with p->pending set, as a broker's publish() does: there, reached
 * is FILE or LATE when done is called, as the message is on the disk or
 * p->patience was over.
 */
ngx_int_t ngx_http_websocket_durable(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p);

/* Tells those who waited for what is on the disk by now. */
void ngx_http_websocket_durable_look(ngx_http_websocket_zone_t *zone);

/*
 * What is known of the zone's files; returns 0 where it has none on a disk.
 */
ngx_uint_t ngx_http_websocket_durable_stat(ngx_http_websocket_zone_t *zone,
    uint64_t values[NGX_HTTP_WEBSOCKET_FILE_VALUES]);

/* Each second: somebody is to write. */
void ngx_http_websocket_durable_tick(ngx_http_websocket_zone_t *zone);


#endif /* NGX_HTTP_WEBSOCKET_DURABLE_H */
