
/*
 * A session: one client, from the 101 to the end of its connection.
 */


#ifndef NGX_HTTP_WEBSOCKET_SESSION_H
#define NGX_HTTP_WEBSOCKET_SESSION_H


#include "ngx_http_websocket_module.h"
#include "hub/ngx_http_websocket_hub.h"
#include "session/ngx_http_websocket_wheel.h"
#include "wire/close.h"
#include "wire/frame.h"
#include "wire/utf8.h"


typedef struct ngx_http_websocket_session_s   ngx_http_websocket_session_t;
typedef struct ngx_http_websocket_protocol_s  ngx_http_websocket_protocol_t;


/* how messages travel on a session: what differs between protocols */

struct ngx_http_websocket_protocol_s {
    /*
     * A client's message is complete; data is valid during the call.
     * Returns NGX_OK, or NGX_DONE when it began to close the session.
     */
    ngx_int_t                   (*receive)(ngx_http_websocket_session_t *s,
                                     uint8_t type, u_char *data, size_t size);

    /*
     * The frame to send a message of a channel in, without a reference of
     * the caller's own, or NULL when the client is not to get it.
     */
    ngx_http_websocket_frame_t *(*frame)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_message_t *message);
};


/* frames that wait to be written: a ring of 2^n places, none while empty */

typedef struct {
    ngx_http_websocket_frame_t  **frames;
    uint32_t                      mask;
    uint32_t                      head;
    uint32_t                      count;
    uint32_t                      messages; /* of them, data messages */
    size_t                        bytes;    /* still to be written */
    size_t                        sent;     /* of the first frame */
} ngx_http_websocket_queue_t;


typedef enum {
    NGX_HTTP_WEBSOCKET_UPGRADING = 0,   /* the 101 is not wholly written */
    NGX_HTTP_WEBSOCKET_OPEN,
    NGX_HTTP_WEBSOCKET_CLOSE_SENT,      /* the peer's Close is awaited */
    NGX_HTTP_WEBSOCKET_CLOSE_LAST,      /* the Close is being written, then
                                           the connection ends */
    NGX_HTTP_WEBSOCKET_LINGERING        /* nothing is left to say: wait for
                                           the peer to end the connection */
} ngx_http_websocket_state_e;


struct ngx_http_websocket_session_s {
    ngx_connection_t                     *connection;
    ngx_http_request_t                   *request;
    ngx_http_websocket_loc_conf_t        *conf;
    const ngx_http_websocket_protocol_t  *protocol;

    ngx_http_websocket_subscription_t    *subscriptions;
    ngx_uint_t                            nsubscriptions;
    ngx_str_t                            *channels;     /* all, by name */
    ngx_uint_t                            nchannels;

    ngx_websocket_parser_t                parser;
    ngx_websocket_utf8_t                  utf8;
    uint8_t                               control_size;
    u_char                               *control;      /* 125 bytes: while
                                                           one is split */
    u_char                               *message;      /* while incomplete */
    size_t                                message_size;
    size_t                                message_alloc;

    ngx_http_websocket_queue_t            out;
    ngx_queue_t                           flush;        /* to be written at
                                                           the turn's end */
    ngx_queue_t                           sessions;     /* of this worker */
    ngx_http_websocket_wheel_node_t       timer;

    /* ngx_current_msec of ... */
    ngx_msec_t                            started;
    ngx_msec_t                            received;     /* the last byte */
    ngx_msec_t                            active;       /* the last message */
    ngx_msec_t                            pinged;       /* the open Ping */
    ngx_msec_t                            blocked;      /* no progress since */
    ngx_msec_t                            closing;      /* our Close */
    ngx_msec_t                            drain;        /* when to leave */

    uint64_t                              id;
    uint64_t                              messages_in;
    uint64_t                              messages_out;
    uint64_t                              bytes_in;
    uint64_t                              bytes_out;
    uint64_t                              dropped;

    uint8_t                               state;
    uint8_t                               pongs;        /* in out */
    uint16_t                              close_code;   /* that ended it */
    uint8_t                               close_reason_size;
    u_char                               *close_reason; /* in r->pool */

    unsigned                              flush_posted:1;
    unsigned                              ping_open:1;
    unsigned                              write_blocked:1;
    unsigned                              draining:1;
    unsigned                              close_queued:1;
    unsigned                              linger:1;     /* end the connection
                                                           in two steps */
    unsigned                              control_borrowed:1;
};


/* the module's context of a request, in r->pool */

typedef struct {
    ngx_str_t                            *channels;
    ngx_uint_t                            nchannels;
    ngx_http_websocket_session_t         *session;      /* or NULL */
} ngx_http_websocket_ctx_t;


/*
 * Makes a session of a request and subscribes it to the channels of ctx,
 * where its location's mode wants it; sets ctx->session.  The connection
 * remains nginx's.  Returns NGX_OK, NGX_DECLINED when the zone is full, or
 * NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_session_create(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);

/*
 * Takes over the connection: to be called last, after the 101 was sent.  The
 * request is held until the session ends.
 */
void ngx_http_websocket_session_start(ngx_http_websocket_session_t *s);

/* Undoes ngx_http_websocket_session_create(). */
void ngx_http_websocket_session_discard(ngx_http_websocket_ctx_t *ctx);

/*
 * Begins the closing handshake with a code and a constant reason; what was
 * queued before is sent first.  With NGX_WEBSOCKET_CLOSE_TRY_LATER what was
 * queued is dropped, since the client does not read.
 */
void ngx_http_websocket_session_close(ngx_http_websocket_session_t *s,
    uint16_t code, const char *reason);

/*
 * Fails the connection (RFC 6455, section 7.1.7): a Close with the code, and
 * nothing more is read.
 */
void ngx_http_websocket_session_fail(ngx_http_websocket_session_t *s,
    uint16_t code, const char *reason);

/* Answers the peer's Close, whose payload is size bytes. */
void ngx_http_websocket_session_closed_by_peer(
    ngx_http_websocket_session_t *s, u_char *payload, size_t size);

/* Ends the connection now and frees the session. */
void ngx_http_websocket_session_free(ngx_http_websocket_session_t *s);

/* A worker that shuts down sends all its sessions away, spread over time. */
void ngx_http_websocket_session_drain_all(void);

/* A worker that exits at once tells its sessions so, without waiting. */
void ngx_http_websocket_session_abandon_all(void);

/* In init_process: returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_session_init(ngx_cycle_t *cycle);

/* Sets the timer to the next thing that can become due. */
void ngx_http_websocket_session_schedule(ngx_http_websocket_session_t *s);


/* read */

void ngx_http_websocket_read_handler(ngx_event_t *rev);

/*
 * Takes bytes that came with the handshake; they are unmasked in place.
 * Returns NGX_OK, or NGX_DONE when the session reads no more.
 */
ngx_int_t ngx_http_websocket_read_bytes(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);


/* write */

void ngx_http_websocket_write_handler(ngx_event_t *wev);

/*
 * Queues a frame, of which the queue takes a reference, to be written at the
 * end of the turn.  Returns NGX_OK; NGX_DECLINED when the queue's bound is
 * reached (the frame is not queued); NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_send(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * The same without a bound, for what the session's own reading bounds: it
 * reads no more while its queue is blocked.
 */
ngx_int_t ngx_http_websocket_send_reply(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Queues a control frame of its own.  Returns NGX_OK, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_send_control(ngx_http_websocket_session_t *s,
    uint8_t opcode, u_char *payload, size_t size);

/*
 * Writes what is queued.  Returns NGX_OK when all is written, NGX_AGAIN when
 * the peer must read first, NGX_ERROR when the connection is broken.
 */
ngx_int_t ngx_http_websocket_flush(ngx_http_websocket_session_t *s);

/* Has the session's queue written at the end of the turn. */
void ngx_http_websocket_post_flush(ngx_http_websocket_session_t *s);

/* Drops what is queued, but for a frame that is partly written. */
void ngx_http_websocket_queue_drop(ngx_http_websocket_session_t *s);

/* Frees the queue with all frames in it. */
void ngx_http_websocket_queue_free(ngx_http_websocket_session_t *s);

void ngx_http_websocket_write_init(ngx_cycle_t *cycle);


/* raw */

extern const ngx_http_websocket_protocol_t  ngx_http_websocket_raw_protocol;


#endif /* NGX_HTTP_WEBSOCKET_SESSION_H */
