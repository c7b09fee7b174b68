
/*
 * How a worker that shuts down gets rid of its sessions, and of its slot.
 */


#ifndef NGX_HTTP_WEBSOCKET_DRAIN_H
#define NGX_HTTP_WEBSOCKET_DRAIN_H


#include "session/ngx_http_websocket_session.h"


/* called when a worker that shuts down has no session that needs its slot */
typedef void (*ngx_http_websocket_left_pt)(void);


/* In init_process. */
void ngx_http_websocket_drain_init(ngx_cycle_t *cycle,
    ngx_http_websocket_left_pt handler);

/* Whether the worker can hold a session of the location now. */
ngx_uint_t ngx_http_websocket_drain_holds(ngx_http_websocket_loc_conf_t *conf);

/*
 * To be called when a session is made.  Returns 0 when the worker cannot hold
 * it: the session must then hold nothing in the zone, and
 * ngx_http_websocket_drain_refer() is called.
 */
ngx_uint_t ngx_http_websocket_drain_begin(ngx_http_websocket_session_t *s);

/*
 * Has the session do no more than send its client away, after telling it the
 * positions to go on from with another worker.  Returns NGX_OK, or NGX_ERROR
 * when memory was refused.
 */
ngx_int_t ngx_http_websocket_drain_refer(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options);

/* Sends a session away at a random moment within websocket_drain. */
void ngx_http_websocket_drain(ngx_http_websocket_session_t *s);

/*
 * The node does not hear what is published in the zone elsewhere: sends those
 * away who get messages of it, if that is still so when their time comes.
 */
void ngx_http_websocket_drain_deaf(ngx_http_websocket_zone_t *zone);

/* Sends a session away now. */
void ngx_http_websocket_drain_leave(ngx_http_websocket_session_t *s);

/* The session has no subscription any more, and gives its quotas back. */
void ngx_http_websocket_drain_away(ngx_http_websocket_session_t *s);

/* A worker that shuts down sends all its sessions away, spread over time. */
void ngx_http_websocket_drain_all(void);

/* Another worker wants the slot: sends all sessions away at once. */
void ngx_http_websocket_drain_dismiss(void);

/* Something else than a session needs the worker's slot, or does no more. */
void ngx_http_websocket_drain_hold(void);
void ngx_http_websocket_drain_release(void);

/* Whether the slot may be held for longer: unless nginx quits, or another
   worker wants it. */
ngx_uint_t ngx_http_websocket_drain_waits(void);

/*
 * Calls the handler when the worker shuts down and nothing is left that
 * needs its slot.
 */
void ngx_http_websocket_drain_look(void);

/* A worker that exits at once tells its sessions so, without waiting. */
void ngx_http_websocket_drain_abandon_all(void);


#endif /* NGX_HTTP_WEBSOCKET_DRAIN_H */
