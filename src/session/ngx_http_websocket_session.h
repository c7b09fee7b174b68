
/*
 * A session: one client, from the 101 to the end of its connection.
 */


#ifndef NGX_HTTP_WEBSOCKET_SESSION_H
#define NGX_HTTP_WEBSOCKET_SESSION_H


#include <jansson.h>

#include "ngx_http_websocket_module.h"
#include "hub/ngx_http_websocket_hub.h"
#include "session/ngx_http_websocket_wheel.h"
#include "wire/close.h"
#include "wire/frame.h"
#include "wire/utf8.h"


typedef struct ngx_http_websocket_session_s    ngx_http_websocket_session_t;
typedef struct ngx_http_websocket_transport_s  ngx_http_websocket_transport_t;
typedef struct ngx_http_websocket_protocol_s   ngx_http_websocket_protocol_t;
typedef struct ngx_http_websocket_response_s   ngx_http_websocket_response_t;


/* where a session begins in its channels: told to it before anything else */

typedef struct {
    ngx_websocket_position_t     *positions;    /* one for each channel */
    ngx_uint_t                    asked;        /* it gave a position */
    ngx_uint_t                    recovered;    /* all of them were found */
} ngx_http_websocket_hello_t;


/* how bytes travel, and how a connection begins and ends */

struct ngx_http_websocket_transport_s {
    /* before the session subscribes: NGX_OK or NGX_ERROR */
    ngx_int_t                   (*prepare)(ngx_http_websocket_session_t *s);

    /* takes the request over once its header is sent: to be called last */
    void                        (*start)(ngx_http_websocket_session_t *s);

    /* writes what is queued: as ngx_http_websocket_flush() */
    ngx_int_t                   (*flush)(ngx_http_websocket_session_t *s);

    /* the client was not heard or spoken to for the heartbeat's interval */
    void                        (*ping)(ngx_http_websocket_session_t *s);

    /* says why the session ends, behind what is queued */
    void                        (*close)(ngx_http_websocket_session_t *s,
                                     uint16_t code, const u_char *reason,
                                     size_t size);

    /* ends the connection or the request; the session is detached and goes */
    void                        (*end)(ngx_http_websocket_session_t *s);
};


/* how messages travel on a session: what differs between protocols */

struct ngx_http_websocket_protocol_s {
    const ngx_http_websocket_transport_t  *transport;

    /*
     * A client's message is complete; data is valid during the call.
     * Returns NGX_OK, or NGX_DONE when it began to close the session.
     */
    ngx_int_t                   (*receive)(ngx_http_websocket_session_t *s,
                                     uint8_t type, u_char *data, size_t size);

    /*
     * The frame to send a message of a channel in, with a reference for the
     * caller.  Returns NGX_OK, NGX_DECLINED when the client is not to get it,
     * or NGX_ERROR when memory was refused.
     */
    ngx_int_t                   (*frame)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_subscription_t *from,
                                     ngx_http_websocket_message_t *message,
                                     ngx_http_websocket_frame_t **frame);

    /*
     * Tells the client where it begins, before what may be queued already.
     * Returns NGX_OK, or NGX_ERROR when memory was refused.
     */
    ngx_int_t                   (*hello)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_hello_t *hello);
};


/* what a session over an HTTP response has besides, in r->pool */

struct ngx_http_websocket_response_s {
    ngx_http_cleanup_t           *first_cleanup;
    ngx_pool_cleanup_t           *last_cleanup;
    ngx_websocket_position_t     *positions;    /* of what was queued */

    ngx_buf_t                     buf;          /* on its way: no start when
                                                   there is none */
    ngx_chain_t                   link;
    u_char                       *sent;         /* buf.pos when last seen */

    unsigned                      asked:1;      /* of the hello */
    unsigned                      recovered:1;
    unsigned                      full:1;       /* takes no more messages */
    unsigned                      complete:1;   /* its end was sent */
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

    ngx_http_websocket_response_t        *response;     /* or NULL */

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
    unsigned                              held:1;       /* flush waits for
                                                           more to write */
    unsigned                              position:1;   /* told with each
                                                           message */
    unsigned                              ordered:1;    /* no message passes
                                                           another */
    unsigned                              catching_up:1;    /* perhaps */
    unsigned                              detached:1;
};


/* what a client asked for when it came */

typedef struct {
    const ngx_http_websocket_protocol_t  *protocol;
    ngx_websocket_position_t             *since;
    ngx_uint_t                            nsince;
    ngx_uint_t                            position;     /* with each message */
} ngx_http_websocket_options_t;


/* the module's context of a request, in r->pool */

typedef struct {
    ngx_str_t                            *channels;
    ngx_uint_t                            nchannels;
    ngx_http_websocket_session_t         *session;      /* or NULL */
} ngx_http_websocket_ctx_t;


/*
 * Makes a session of a request and subscribes it to the channels of ctx,
 * where its location's mode wants it; sets ctx->session.  The connection
 * remains nginx's; once the response's header was sent,
 * ngx_http_websocket_session_start() takes it over.  Returns NGX_OK,
 * NGX_DECLINED when the zone is full, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_session_create(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options);

/* To be called last: the request is held until the session ends. */
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

/* For the variables: why the session ends; the first to say so counts. */
void ngx_http_websocket_session_note(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);

/* Ends all subscriptions. */
void ngx_http_websocket_session_unsubscribe(ngx_http_websocket_session_t *s);

/* All is written: what the session is yet to catch up with may follow. */
void ngx_http_websocket_session_more(ngx_http_websocket_session_t *s);

/* Takes the session out of all lists; it delivers and writes no more. */
void ngx_http_websocket_session_detach(ngx_http_websocket_session_t *s);

/* Frees the memory of a detached session. */
void ngx_http_websocket_session_dispose(ngx_http_websocket_session_t *s);

/*
 * Fails the connection (RFC 6455, section 7.1.7): a Close with the code, and
 * nothing more is read.
 */
void ngx_http_websocket_socket_fail(ngx_http_websocket_session_t *s,
    uint16_t code, const char *reason);

/* Answers the peer's Close, whose payload is size bytes. */
void ngx_http_websocket_socket_closed_by_peer(
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
 * Queues a frame, whose reference is the queue's from then on, to be written
 * at the end of the turn or as websocket_batch says.  At the queue's bound
 * something is dropped, as the location says.  Returns NGX_OK; NGX_DECLINED
 * when the session is to be closed (the frame is not queued); NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_send(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * The same at the end of the turn and without a bound, for what the client's
 * own reading bounds: it gets no more before all is written.
 */
ngx_int_t ngx_http_websocket_send_reply(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/* The same, before all that is queued. */
ngx_int_t ngx_http_websocket_send_first(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Queues bytes that are no message, for the end of the turn; the reference
 * goes with them.  Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_send_bytes(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/*
 * Queues a control frame of its own.  Returns NGX_OK, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_send_control(ngx_http_websocket_session_t *s,
    uint8_t opcode, u_char *payload, size_t size);

/*
 * Writes what is queued.  Returns NGX_OK when all is written, NGX_AGAIN when
 * the peer must read first, NGX_DONE when the session has done what it was
 * for, NGX_ERROR when the connection is broken.
 */
ngx_int_t ngx_http_websocket_flush(ngx_http_websocket_session_t *s);

/* Has the session's queue written at the end of the turn. */
void ngx_http_websocket_post_flush(ngx_http_websocket_session_t *s);

/* Drops what is queued, but for a frame that is partly written. */
void ngx_http_websocket_queue_drop(ngx_http_websocket_session_t *s);

/* Frees the queue with all frames in it. */
void ngx_http_websocket_queue_free(ngx_http_websocket_session_t *s);

/* The first size bytes of the queue went: frees what is wholly written. */
void ngx_http_websocket_queue_sent(ngx_http_websocket_session_t *s,
    size_t size);

/* The peer must read first: returns NGX_AGAIN, or NGX_ERROR. */
ngx_int_t ngx_http_websocket_blocked(ngx_http_websocket_session_t *s);

void ngx_http_websocket_write_init(ngx_cycle_t *cycle);


/*
 * A frame of a message that several sessions share: made for the first of
 * them, with a reference for each.  Returns NGX_OK, or NGX_ERROR when memory
 * was refused.
 */
ngx_int_t ngx_http_websocket_shared_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_http_websocket_frame_e which,
    ngx_http_websocket_frame_t **frame);

/*
 * A message as a server-sent event (WHATWG HTML, section 9.2), with the id
 * that is given.  Returns NULL when memory was refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_event_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_str_t *id);

/*
 * What a position is told by, for all of the session's channels, separated by
 * commas: writes to buf, of n * (NGX_WEBSOCKET_POSITION_SIZE + 1) bytes, and
 * returns the end.
 */
u_char *ngx_http_websocket_print_positions(u_char *buf,
    ngx_websocket_position_t *positions, ngx_uint_t n);

/*
 * {"recovered":true,"position":"EPOCH:OFFSET,..."}, the first only where a
 * position was asked for.  Returns NULL when memory was refused.
 */
ngx_http_websocket_frame_t *ngx_http_websocket_hello_frame(
    ngx_http_websocket_session_t *s, ngx_http_websocket_hello_t *hello);

/*
 * A message as an object {"offset":...,"time":...,"type":...,"data":...}, a
 * binary one's data in base64.  Returns NULL when memory was refused.
 */
json_t *ngx_http_websocket_message_json(ngx_log_t *log, uint64_t offset,
    uint64_t time, uint8_t type, u_char *payload, size_t size);


/* who is there: joins and leaves as the location says */

void ngx_http_websocket_presence_join(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription);
void ngx_http_websocket_presence_leave(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription);

/* For ngx_http_websocket_hub_bury(). */
size_t ngx_http_websocket_presence_mourn(ngx_websocket_log_member_t *member,
    ngx_websocket_log_message_t *message, ngx_websocket_log_part_t *parts);


/* over a connection of its own: RFC 6455 */

extern const ngx_http_websocket_transport_t  ngx_http_websocket_socket;
ngx_int_t ngx_http_websocket_socket_flush(ngx_http_websocket_session_t *s);

extern const ngx_http_websocket_protocol_t   ngx_http_websocket_raw_protocol;

/* over an HTTP response */

extern const ngx_http_websocket_protocol_t   ngx_http_websocket_sse_protocol;
extern const ngx_http_websocket_protocol_t   ngx_http_websocket_poll_protocol;


#endif /* NGX_HTTP_WEBSOCKET_SESSION_H */
