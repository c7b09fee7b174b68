
/*
 * A zone: a store in shared memory, under one robust lock.  Every section that
 * holds the lock is in this file's .c, and holds it for the store's work only.
 */


#ifndef NGX_HTTP_WEBSOCKET_ZONE_H
#define NGX_HTTP_WEBSOCKET_ZONE_H


#include <ngx_config.h>
#include <ngx_core.h>

#include "store/dump.h"
#include "store/store.h"
#include "hub/ngx_http_websocket_stats.h"
#include "hub/ngx_http_websocket_wait.h"
#include "store/position.h"


typedef struct ngx_http_websocket_hub_s     ngx_http_websocket_hub_t;
typedef struct ngx_http_websocket_shared_s  ngx_http_websocket_shared_t;
typedef struct ngx_http_websocket_broker_s  ngx_http_websocket_broker_t;
typedef struct ngx_http_websocket_publish_s ngx_http_websocket_publish_t;
typedef struct ngx_http_websocket_large_s   ngx_http_websocket_large_t;
typedef struct ngx_http_websocket_remote_s  ngx_http_websocket_remote_t;
typedef struct ngx_http_websocket_durable_s ngx_http_websocket_durable_t;

/*
 * What is called for a channel's first subscriber 1: it is the first one in the
 * zone, of all workers, and for its last one: in the worker that sees it, after
 * the fact.
 */

typedef struct {
    void                        (*attach)(ngx_http_websocket_zone_t *zone,
                                     ngx_websocket_store_name_t *channel);
    void                        (*detach)(ngx_http_websocket_zone_t *zone,
                                     ngx_websocket_store_name_t *channel);

    /* this worker was woken, for whatever reason; may be NULL */
    void                        (*wake)(ngx_http_websocket_zone_t *zone);
} ngx_http_websocket_interest_t;


struct ngx_http_websocket_zone_s {
    ngx_str_t                     name;
    ngx_msec_t                    inactive;  /* milliseconds after which an idle
                                                 channel goes */
    ngx_http_websocket_durable_t *durable;   /* NULL: it has no file */
    ngx_str_t                     dump;      /* the path of its dump; empty:
                                                there is none */
    ngx_msec_t                    snapshot;  /* from one dump to the next */
    size_t                        size;

    ngx_http_websocket_shared_t  *shared;
    ngx_websocket_store_t        *store;

    const ngx_http_websocket_broker_t    *broker;
    const ngx_http_websocket_interest_t  *interest;     /* NULL: nobody's */
    ngx_http_websocket_remote_t          *remote;       /* of a broker
                                                           elsewhere; or NULL */
    ngx_uint_t                    deaf;      /* 1: it does not tell what is
                                                published elsewhere */

    ngx_http_websocket_hub_t     *hub;       /* this worker's subscribers; NULL
                                                in other processes, and in a
                                                worker before hub_init() */
    uint32_t                      incarnation;  /* this worker's, as the zone
                                                   knows it */
    ngx_http_websocket_stats_t   *stats;     /* this worker's */
    uint64_t                      sweep;     /* buckets it has yet to look at
                                                in this second */
    ngx_http_websocket_wait_t     wait;      /* for the lock, in this worker */
    ngx_http_websocket_waiter_t   reserved;  /* blocks that are to be given
                                                back */
    ngx_http_websocket_large_t   *filling;   /* whose blocks they are, while it
                                                is published in turns */
};


/*
 * Finds this worker's cursor of a channel: NULL when nobody subscribed to it
 * here.  Called with the lock held.
 */
typedef ngx_websocket_store_cursor_t *(*ngx_http_websocket_cursor_pt)(
    ngx_http_websocket_zone_t *zone, ngx_websocket_channel_ref_t ref);


/*
 * Adds a zone of size bytes to the configuration, whose idle channels go after
 * so many milliseconds, in the file of that path unless it is NULL; on a disk
 * it is a dump, which is written every snapshot milliseconds.  Returns NULL on
 * errors, which are logged.
 */
ngx_http_websocket_zone_t *ngx_http_websocket_zone_add(ngx_conf_t *cf,
    ngx_str_t *name, size_t size, ngx_msec_t inactive, ngx_str_t *path,
    ngx_msec_t snapshot);

/*
 * The functions below return the NGX_WEBSOCKET_STORE_* codes of store/store.h,
 * or NGX_OK; and BUSY or NGX_BUSY, with nothing done, when the lock cannot be
 * had: see ngx_http_websocket_wait.h.  name is 1 to
 * NGX_WEBSOCKET_STORE_NAME_SIZE bytes; history may be NULL.
 */

#define NGX_WEBSOCKET_STORE_BUSY  -100

/*
 * Whether the lock can be had, with so many tries in a row: NGX_OK or NGX_BUSY.
 * For wait.c.
 */
ngx_int_t ngx_http_websocket_zone_try(ngx_http_websocket_zone_t *zone,
    ngx_uint_t tries);

/*
 * tries before other processes are let run: the lock is held for moments only
 */
#define NGX_HTTP_WEBSOCKET_SPIN  200

/* whether a zone knows this worker, which may hold something in it then */

typedef enum {
    NGX_HTTP_WEBSOCKET_ATTACHED = 0,
    NGX_HTTP_WEBSOCKET_ATTACH_STUCK,    /* the lock could not be had */
    NGX_HTTP_WEBSOCKET_ATTACH_NO_SLOT   /* the worker has none */
} ngx_http_websocket_attach_e;

/* Tells the zone of this worker's slot and incarnation, if it is news to it. */
ngx_http_websocket_attach_e ngx_http_websocket_zone_attach(
    ngx_http_websocket_zone_t *zone);

/*
 * 1 when it is time for a dump, of which this worker is to see to; and makes it
 * time for one, which a thread may do, too.
 */
ngx_uint_t ngx_http_websocket_zone_snapshot(ngx_http_websocket_zone_t *zone);
void ngx_http_websocket_zone_due(ngx_http_websocket_zone_t *zone);

/*
 * The next part of a dump, as store/dump.h has it.  Not for the event loop: it
 * waits for the lock as long as it takes.
 */
int ngx_http_websocket_zone_dump(ngx_http_websocket_zone_t *zone,
    ngx_websocket_dump_t *dump, u_char *buf, size_t size, size_t *used);

/* Voids what workers hold that do not have their slot any more. */
void ngx_http_websocket_zone_reap(ngx_http_websocket_zone_t *zone);


/*
 * A message on its way to a channel.  What it points to is valid during the
 * call.
 */

/*
 * A large message that is being published: zeros at first.  That of a publisher
 * is published in as many turns as it takes.
 */

struct ngx_http_websocket_large_s {
    ngx_uint_t                    step;         /* of ours: what is to be done */
    ngx_uint_t                    stalled;      /* steps without progress */
    uint32_t                      incarnation;  /* of the worker */
    ngx_websocket_store_large_t   state;

    /* as in ngx_websocket_store_append_t, for parts that have no data */

    const u_char               *(*read)(void *reader, size_t part, size_t from,
                                      size_t size);
    void                         *reader;
};


/* what is to be done before a publisher is told */

typedef enum {
    NGX_HTTP_WEBSOCKET_DURABLE_OFF = 0,
    NGX_HTTP_WEBSOCKET_DURABLE_LOG,     /* another message, which follows, is
                                           waited for */
    NGX_HTTP_WEBSOCKET_DURABLE_WAIT     /* it is on the disk */
} ngx_http_websocket_durable_e;

/* and where the message was then */

typedef enum {
    NGX_HTTP_WEBSOCKET_REACHED_MEMORY = 0,  /* it is none for a disk */
    NGX_HTTP_WEBSOCKET_REACHED_LOG,         /* about to be written */
    NGX_HTTP_WEBSOCKET_REACHED_FILE,
    NGX_HTTP_WEBSOCKET_REACHED_LATE         /* the disk was too slow */
} ngx_http_websocket_reached_e;


struct ngx_http_websocket_publish_s {
    /* set by the publisher */

    ngx_str_t                       channel;    /* its name */
    ngx_websocket_store_history_t  *history;    /* may be NULL */
    ngx_websocket_store_message_t   message;    /* its time is set */
    ngx_websocket_store_part_t     *parts;
    size_t                          n;
    ngx_uint_t                      describe;   /* info is wanted */
    ngx_http_websocket_durable_e    durable;    /* how it is published */
    ngx_msec_t                      patience;   /* how long it waits for the
                                                   disk then, ms */
    ngx_http_websocket_large_t     *large;      /* NULL: it is published in one
                                                   call, however large it is */

    /* set by the function */

    ngx_websocket_store_info_t      info;       /* after the message */
    ngx_uint_t                      here;       /* this worker has subscribers
                                                   of the channel */

    ngx_uint_t                      nodes;      /* that heard of it, where
                                                   there are several */
    ngx_http_websocket_reached_e    reached;    /* with durable */

    /* of a broker, of which ngx_http_websocket_broker.h tells */

    int                             rc;
    ngx_http_websocket_publish_t   *pending;    /* completes later */
    void                          (*done)(ngx_http_websocket_publish_t *p);
    void                           *data;       /* of done */
};

/*
 * Appends a message to its channel, which is made when it does not exist, and
 * wakes the other workers that have subscribers of it.  With p->large it also
 * returns AGAIN, when the turn is over, or another such message is on its way:
 * then it is to be called in a later turn, with the same p, or
 * ngx_http_websocket_zone_forgo() instead, when the message is not to be
 * published any more.
 */
int ngx_http_websocket_zone_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p);

/* Gives up a message that is published in turns: nothing is left of it. */
void ngx_http_websocket_zone_forgo(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_large_t *large);

/* Deletes a channel: NOTFOUND when there is none. */
int ngx_http_websocket_zone_delete(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_uint_t *here);

/* Describes a channel: NOTFOUND when there is none. */
int ngx_http_websocket_zone_info(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_info_t *info);

/*
 * Describes a channel, which is made when it does not exist: OK, NOSPACE or
 * BUSY.
 */
int ngx_http_websocket_zone_begin(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_history_t *history,
    ngx_websocket_store_info_t *info);

/* what a newcomer gets first, of what history shows */

typedef struct {
    ngx_websocket_position_t     *since;    /* of any channels; may be NULL */
    ngx_uint_t                    nsince;
    uint64_t                      newest;   /* so many of the newest, for a
                                               newcomer without a position */
} ngx_http_websocket_replay_t;


typedef struct {
    /* set by the caller */

    ngx_str_t                      *name;
    ngx_websocket_store_history_t  *history;
    ngx_http_websocket_replay_t    *replay;
    ngx_http_websocket_cursor_pt    find;

    ngx_websocket_store_message_t  *messages; /* as of zone_read() */
    ngx_uint_t                      n;
    u_char                         *buf;
    size_t                          size;

    /* set by the function */

    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_store_cursor_t  cursor;   /* to be used when find() knows
                                               none for the channel */
    ngx_websocket_store_cursor_t  visitor;  /* reads on after messages */
    ngx_websocket_position_t      position; /* the subscriber begins behind
                                               it */
    ngx_uint_t                    first;    /* in the zone */
    ngx_uint_t                    recovered;
    ngx_uint_t                    over;     /* the channel has ended, and
                                               nothing follows the position */
    ngx_uint_t                    keeps;    /* the channel has a history */
    int                           rc;       /* what ended the reading of
                                               messages */
} ngx_http_websocket_zone_subscribe_t;

/*
 * Subscribes once more to the channel of that name, finds where the newcomer
 * begins, and reads the first messages that it is due, all at one instant:
 * what is appended later is read after these.  recovered is 1 when the
 * position that was asked for was found.  Returns OK or NOSPACE.
 */
int ngx_http_websocket_zone_subscribe(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_zone_subscribe_t *s);

/*
 * Counts one subscriber less.  Returns NGX_OK, or NGX_BUSY when the lock
 * cannot be had now: then nothing was done.
 */
ngx_int_t ngx_http_websocket_zone_unsubscribe(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor);

/*
 * Reads up to *n messages into buf, one after the other, as many as fit in
 * size bytes; sets *n to their number.  Returns OK when there may be more,
 * else what ended the reading.  With SHORT messages[*n].size is the size of
 * the one that did not fit.  GAP is said until zone_skip() acknowledges it.
 */
int ngx_http_websocket_zone_read(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *messages,
    ngx_uint_t *n, u_char *buf, size_t size);

/* Goes on behind a gap, as ngx_websocket_store_skip() does. */
void ngx_http_websocket_zone_skip(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor);

/*
 * Sets a visitor's cursor in the channel of that name to read from offset:
 * NOTFOUND, GAP or OK as ngx_websocket_store_seek(); info is set but with
 * NOTFOUND.
 */
int ngx_http_websocket_zone_seek(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t offset, ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_info_t *info);

/*
 * Joins as ngx_websocket_store_join() does, with a message to p->channel, or to
 * the member's own channel where that is empty; without one where p has no
 * parts.  Wakes the other workers; p->here is set.
 */
int ngx_http_websocket_zone_join(ngx_http_websocket_zone_t *zone,
    ngx_websocket_channel_ref_t channel, ngx_websocket_store_member_t *member,
    ngx_http_websocket_publish_t *p, ngx_websocket_member_ref_t *ref);

/*
 * Makes the message of a member that leaves a channel: sets p->message, up to
 * NGX_HTTP_WEBSOCKET_PARTS parts in p->parts, p->n to how many, and p->channel
 * where the message is for another channel.  Without parts there is none.
 * Called with the lock held.
 */
#define NGX_HTTP_WEBSOCKET_PARTS  6

typedef void (*ngx_http_websocket_leave_message_pt)(ngx_str_t *channel,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p);

/* Removes a member, as ngx_websocket_store_leave() does. */
ngx_int_t ngx_http_websocket_zone_leave(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here);

/* Sets *member and the name of its channel: OK or BUSY. */
int ngx_http_websocket_zone_member(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref, ngx_websocket_store_member_t *member,
    ngx_websocket_store_name_t *name);

/*
 * Sets them for a member whose worker died: OK, BUSY, or EMPTY: there is none.
 */
int ngx_http_websocket_zone_orphan(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_member_t *member, ngx_websocket_store_name_t *name);

/* Removes that member, without a message, if it has that id. */
void ngx_http_websocket_zone_drop_orphan(ngx_http_websocket_zone_t *zone,
    uint64_t id);

/* Removes a member whose worker died.  Returns 0 when none was removed. */
ngx_uint_t ngx_http_websocket_zone_reap_members(
    ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message, ngx_uint_t *here);

/*
 * Reads up to *n members of the channel of that name.  Returns as
 * ngx_websocket_store_members() does, or NOTFOUND.
 */
int ngx_http_websocket_zone_members(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_member_ref_t *ref, uint64_t *id,
    ngx_websocket_store_member_t *members, uint32_t *n);

/*
 * Takes n quotas for this worker, as ngx_websocket_store_quota_acquire() does.
 * What a dead worker has held is not counted from the moment of its death.
 */
int ngx_http_websocket_zone_quota_acquire(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_quota_key_t *rows, size_t n,
    ngx_websocket_store_quota_t *quotas);

/* Gives them back. */
ngx_int_t ngx_http_websocket_zone_quota_release(
    ngx_http_websocket_zone_t *zone, ngx_websocket_store_quota_t *quotas,
    size_t n);

/*
 * Whether the zone is crowded with unread messages of that channel, as
 * ngx_websocket_store_crowded() says: 1 when only this worker has yet to read
 * them.
 */
ngx_uint_t ngx_http_websocket_zone_crowded(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name);

/*
 * Sets *stat to how full the zone is; while the zone is stuck the numbers are
 * not exact.
 */
void ngx_http_websocket_zone_stat(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_stat_t *stat);

/*
 * Sweeping: the whole table is seen about once in NGX_HTTP_WEBSOCKET_SWEEP
 * seconds.  Each second begins with the first; the second does what it can in
 * this turn, unless another worker sweeps, and returns 1 when there is more;
 * where the zone is stuck it is left for later.
 */
void ngx_http_websocket_zone_sweep_begin(ngx_http_websocket_zone_t *zone);
ngx_uint_t ngx_http_websocket_zone_sweep(ngx_http_websocket_zone_t *zone);

#define NGX_HTTP_WEBSOCKET_SWEEP  16


/*
 * A channel that is a copy of a broker's: its messages are numbered there.
 */

/*
 * Asks for a channel, which is made when it does not exist.  Returns OK when
 * it is live, EMPTY when it was asked for, NOSPACE or BUSY.
 */
int ngx_http_websocket_zone_ask(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name);

/*
 * Puts p->message, whose offset is set, in its place, as
 * ngx_websocket_store_place() does; an ephemeral one is appended.  Returns what
 * that does, NOTFOUND when there is no such channel, or BUSY.  p->info is set
 * where there is one.
 */
int ngx_http_websocket_zone_place(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p, uint64_t epoch, ngx_uint_t hole);

/*
 * Has a channel go on after an offset, as ngx_websocket_store_reset() does; or
 * NOTFOUND, NOSPACE or BUSY.  *here is set as p->here is by zone_publish().
 */
int ngx_http_websocket_zone_reset(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t epoch, uint64_t offset, ngx_uint_t *here);

/* Has a channel end after an offset, as ngx_websocket_store_end() does; or so. */
int ngx_http_websocket_zone_end(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, uint64_t epoch, uint64_t offset, ngx_uint_t *here);

/* Makes a channel live: OK, NOTFOUND or BUSY. */
int ngx_http_websocket_zone_enliven(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name);

/*
 * OK when nobody wants the channel, or it is gone; with now set it is not live
 * any more then.  DUPLICATE when somebody does; BUSY.
 */
int ngx_http_websocket_zone_neglect(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_uint_t now);

/* As ngx_websocket_store_walk(): OK or BUSY; *n is the number of names. */
int ngx_http_websocket_zone_walk(ngx_http_websocket_zone_t *zone,
    uint64_t *bucket, int which, ngx_websocket_store_name_t *names,
    ngx_uint_t *n);

/* As ngx_websocket_store_newest(): OK, NOTFOUND or BUSY. */
int ngx_http_websocket_zone_newest(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name, ngx_websocket_store_info_t *info,
    ngx_websocket_store_history_t *history, uint64_t key[2]);

/*
 * Reads one message as ngx_http_websocket_zone_read() does, with a visitor's
 * cursor, and its key.
 */
int ngx_http_websocket_zone_read_keyed(ngx_http_websocket_zone_t *zone,
    ngx_websocket_store_cursor_t *cursor,
    ngx_websocket_store_message_t *message, u_char *buf, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_ZONE_H */
