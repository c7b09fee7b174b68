
/*
 * The seat: the one worker of a node that subscribes to the channels that are
 * wanted here, and keeps their copies complete.
 *
 * It is the worker whose incarnation stands in shared memory, until it dies,
 * shuts down, or has not been heard of for a while: then another one takes it,
 * and does all anew.  That two have it for a moment does no harm, since a
 * message that is there is not placed again.
 */


#ifndef NGX_HTTP_WEBSOCKET_SEAT_H
#define NGX_HTTP_WEBSOCKET_SEAT_H


#include "broker/ngx_http_websocket_remote.h"


/* Tells the seat, in whichever worker, of a channel that is asked for. */
void ngx_http_websocket_seat_ask(ngx_http_websocket_remote_t *remote,
    ngx_str_t *name);

/* Takes the seat if it is free; looks for what it was told, if it is here. */
void ngx_http_websocket_seat_look(ngx_http_websocket_remote_t *remote);

/* The same, some times in a second, and what else there is to do then. */
void ngx_http_websocket_seat_tick(ngx_http_websocket_remote_t *remote);

/* The server can be asked for messages. */
void ngx_http_websocket_seat_fills(ngx_http_websocket_remote_t *remote);

/* Wakes all workers of the node. */
void ngx_http_websocket_seat_wake_all(void);

/* Gives the seat away, if it is here. */
void ngx_http_websocket_seat_leave(ngx_http_websocket_remote_t *remote);


/* for the other file of the seat */

/* a channel that the seat looks after */

typedef struct ngx_http_websocket_filling_s  ngx_http_websocket_filling_t;

typedef struct {
    ngx_str_node_t                node;     /* in seat->tree: its name */
    ngx_queue_t                   all;      /* in seat->channels */
    ngx_queue_t                   queue;    /* in seat->todo, or in seat->fills
                                               when it is subscribed to */
    ngx_http_websocket_filling_t *filling;  /* its command; or NULL */
    ngx_msec_t                    unwanted; /* since when; 0: it is wanted */
    ngx_msec_t                    read;     /* when it was last; of one without
                                               messages */
    ngx_uint_t                    most;     /* messages to ask for */
    unsigned                      subscribed:1;
    unsigned                      queued:1;
    unsigned                      again:1;  /* something came meanwhile */
    unsigned                      live:1;
    unsigned                      fresh:1;  /* it has no messages */
    u_char                        name[1];
} ngx_http_websocket_kept_t;


struct ngx_http_websocket_seat_s {
    ngx_http_websocket_remote_t  *remote;
    ngx_http_websocket_redis_t    redis;    /* which subscribes */
    ngx_rbtree_t                  tree;
    ngx_rbtree_node_t             sentinel;
    ngx_queue_t                   channels;
    ngx_uint_t                    nchannels;
    ngx_queue_t                   todo;     /* to be subscribed to */
    ngx_event_t                   subscribe;
    ngx_queue_t                   fills;    /* to be read */
    ngx_uint_t                    filling;  /* that are being read */
    ngx_uint_t                    paused;   /* 1: until the next tick */
    ngx_event_t                   walk;     /* of the zone */
    uint64_t                      bucket;
    ngx_event_t                   tell;     /* who waits */

    /* numbers that are to come back: a later seat's are its own */

    uint64_t                      probe;    /* published last */
    uint64_t                      taken;    /* by the server, and awaited */
    uint64_t                      heard;
    ngx_msec_t                    probed;   /* when it was */
    ngx_msec_t                    since;    /* it is awaited */
    unsigned                      probing:1;
    unsigned                      listens:1;
};


/* The channel is gone, or nobody wants it: it is not looked after any more. */
void ngx_http_websocket_seat_drop(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept);


#endif /* NGX_HTTP_WEBSOCKET_SEAT_H */
