
/*
 * A session: one client, from the 101 to the end of its connection.
 */


#ifndef NGX_HTTP_WEBSOCKET_SESSION_H
#define NGX_HTTP_WEBSOCKET_SESSION_H


#include "ngx_http_websocket_module.h"

#include <jansson.h>

#include "auth/ngx_http_websocket_auth.h"
#include "hub/ngx_http_websocket_hub.h"
#include "message/filter.h"
#include "session/ngx_http_websocket_wheel.h"
#include "session/rate.h"
#include "wire/close.h"
#include "wire/deflate.h"
#include "wire/frame.h"
#include "wire/utf8.h"


typedef struct ngx_http_websocket_session_s    ngx_http_websocket_session_t;
typedef struct ngx_http_websocket_transport_s  ngx_http_websocket_transport_t;
typedef struct ngx_http_websocket_protocol_s   ngx_http_websocket_protocol_t;
typedef struct ngx_http_websocket_response_s   ngx_http_websocket_response_t;
typedef struct ngx_http_websocket_head_s       ngx_http_websocket_head_t;
typedef struct ngx_http_websocket_queue_s      ngx_http_websocket_queue_t;
typedef struct ngx_http_websocket_context_s    ngx_http_websocket_context_t;
typedef struct ngx_http_websocket_limits_s     ngx_http_websocket_limits_t;
typedef struct ngx_http_websocket_held_s       ngx_http_websocket_held_t;
typedef struct ngx_http_websocket_await_s      ngx_http_websocket_await_t;
typedef struct ngx_http_websocket_auth_s       ngx_http_websocket_auth_t;
typedef struct ngx_http_websocket_extra_s      ngx_http_websocket_extra_t;
typedef struct ngx_http_websocket_named_s      ngx_http_websocket_named_t;


/* where a session begins in its channels: told to it before anything else */

typedef struct {
    ngx_websocket_position_t     *positions;    /* one for each channel */
    ngx_uint_t                    asked;        /* it gave a position */
    ngx_uint_t                    recovered;    /* all of them were found */
} ngx_http_websocket_hello_t;


/* how bytes travel, and how a connection begins and ends */

struct ngx_http_websocket_transport_s {
    /* makes s->record, of n channels: NGX_OK or NGX_ERROR */
    ngx_int_t                   (*prepare)(ngx_http_websocket_session_t *s,
                                     ngx_http_request_t *r,
                                     ngx_str_t *channels, ngx_uint_t n);

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
     * Returns NGX_OK, also when it began to close the session (what follows
     * may be the client's Close), or NGX_DONE when nothing more is to be read.
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


/* a frame or a message that has come in part */

typedef struct {
    ngx_websocket_parser_t        parser;
    ngx_websocket_utf8_t          utf8;
    uint8_t                       control_size;
    unsigned                      control_borrowed:1;
    u_char                       *control;  /* 125 bytes: while one is split */
    u_char                       *message;
    size_t                        message_size;
    size_t                        message_alloc;    /* 0: borrowed */
    ngx_websocket_inflater_t     *inflater; /* NULL: not compressed */
    size_t                        compressed;       /* bytes of it */
    uint32_t                      fragments;
} ngx_http_websocket_input_t;


/* what is counted and measured of a session: made when it is first needed */

struct ngx_http_websocket_limits_s {
    ngx_websocket_log_seat_t     *seats;
    ngx_websocket_rate_bucket_t  *buckets;  /* one for each websocket_rate */
    u_char                       *rest;     /* of what has come, or NULL */
    size_t                        size;     /* of it */
    ngx_http_websocket_time_t     until;    /* it waits */
    ngx_websocket_rate_bucket_t   pings;
    ngx_websocket_rate_errors_t   errors;
    uint32_t                      refused;
    uint16_t                      nseats;
    uint8_t                       waits;    /* nothing is read of it */
    uint8_t                       turn;     /* until all is delivered here */
    uint8_t                       behind;   /* the rest waits for its turn */
    uint8_t                       left;     /* the session has gone */
    ngx_http_websocket_held_t    *held;     /* NULL: no message waits */
    ngx_http_websocket_zone_t    *zone;     /* of the seats */
    ngx_http_websocket_waiter_t   debt;     /* to give them back */
};


/* what is not needed to deliver a message */

typedef struct {
    ngx_http_websocket_input_t   *input;    /* NULL: nothing is split */
    uint64_t                      messages_in;
    uint64_t                      bytes_in;

    ngx_http_request_t           *request;  /* NULL: was given back */
    ngx_http_websocket_head_t    *head;     /* of it, for the access log */
    ngx_http_websocket_context_t *context;  /* NULL: no context takeover */
    ngx_http_websocket_limits_t  *limits;   /* NULL: none was needed */
    ngx_http_websocket_auth_t    *auth;     /* NULL: no token was asked for */
    ngx_http_websocket_extra_t   *extra;    /* NULL: no filter nor such */

    ngx_http_websocket_time_t     due;      /* of the timer */
    ngx_http_websocket_time_t     leave;    /* when our Close was sent; before
                                               it, when to send it; before
                                               that, the bytes that the client
                                               has taken once the Ping is
                                               there that is late */
    ngx_msec_t                    started;
    uint64_t                      id;
    u_char                       *close_reason;
    uint32_t                      upgraded; /* c->sent with the 101 */
    ngx_http_websocket_time_t     progress; /* when the client was last seen
                                               to take something */
    uint32_t                      acked;    /* bytes that it had taken then */
    uint32_t                      dropped;
    uint16_t                      close_code;       /* that ended it */
    uint16_t                      nchannels;
    uint8_t                       close_reason_size;
    uint8_t                       away;     /* it holds nothing in the zone */
    u_char                        names[1]; /* of a socket's channels */
} ngx_http_websocket_record_t;


/* the record of a session over an HTTP response, in r->pool */

struct ngx_http_websocket_response_s {
    ngx_http_websocket_record_t   record;
    ngx_http_cleanup_t           *first_cleanup;
    ngx_pool_cleanup_t           *last_cleanup;
    ngx_websocket_position_t     *positions;    /* of what was queued */

    ngx_buf_t                     buf;          /* on its way: no start when
                                                   there is none */
    ngx_chain_t                   link;
    uint64_t                      bytes_out;
    uint32_t                      stream_sent;  /* of HTTP/2, as of last look */
    uint32_t                      stream_end;   /* on the connection, of it */

    unsigned                      exhausted:1;  /* its window was, then */
    unsigned                      asked:1;      /* of the hello */
    unsigned                      recovered:1;
    unsigned                      full:1;       /* takes no more messages */
    unsigned                      complete:1;   /* its end was sent */
};


typedef enum {
    NGX_HTTP_WEBSOCKET_UPGRADING = 0,   /* the 101 is not wholly written */
    NGX_HTTP_WEBSOCKET_OPEN,
    NGX_HTTP_WEBSOCKET_CLOSE_SENT,      /* the peer's Close is awaited */
    NGX_HTTP_WEBSOCKET_CLOSE_LAST,      /* the Close is being written, then
                                           the connection ends */
    NGX_HTTP_WEBSOCKET_LINGERING        /* nothing is left to say: wait for
                                           the peer to end the connection */
} ngx_http_websocket_state_e;


/* a session's protocol, as an index of ngx_http_websocket_protocols */

typedef enum {
    NGX_HTTP_WEBSOCKET_RAW = 0,
    NGX_HTTP_WEBSOCKET_SSE,
    NGX_HTTP_WEBSOCKET_POLL
} ngx_http_websocket_protocol_e;


/*
 * The struct with its subscriptions is one piece of memory: in what nginx has
 * left of the connection's pool, where it fits, for nobody else would use
 * that.  What a session needs only at times is allocated when it does.
 */

struct ngx_http_websocket_session_s {
    ngx_queue_t                           timer;    /* set as long as the
                                                       session lives */
    ngx_queue_t                           flush;    /* to be written at the
                                                       turn's end */
    ngx_http_websocket_record_t          *record;

    ngx_http_websocket_time_t             heard;    /* when the last byte came,
                                                       or the Ping went that is
                                                       open */
    uint16_t                              nsubscriptions;
    uint8_t                               protocol:4;
    uint8_t                               late:1;   /* the Ping, or the Close,
                                                       waits behind what the
                                                       client has not taken */
    uint8_t                               pooled:1; /* its memory is of the
                                                       connection's pool */
    uint8_t                               started:1;
    uint8_t                               limited:1;    /* its limits may tell
                                                       it not to read now */
    uint8_t                               state;

    /* from here on what delivery needs: few lines of the processor's cache */

    ngx_http_websocket_loc_conf_t        *conf;
    ngx_connection_t                     *connection;
    ngx_http_websocket_queue_t           *out;      /* waits to be written */
    uint64_t                              messages_out;
    ngx_http_websocket_time_t             active;   /* when there was the last
                                                       message */
    uint16_t                              variant;  /* how it gets messages */

    uint16_t                              flush_posted:1;
    uint16_t                              ping_open:1;
    uint16_t                              write_blocked:1;
    uint16_t                              draining:1;
    uint16_t                              close_queued:1;
    uint16_t                              linger:1;     /* end the connection
                                                           in two steps */
    uint16_t                              held:1;       /* flush waits for
                                                           more to write */
    uint16_t                              ordered:1;    /* no message passes
                                                           another */
    uint16_t                              shared:1;     /* takes frames that
                                                           others take too */
    uint16_t                              direct:1;     /* may be written to
                                                           at once */
    uint16_t                              catching_up:1;    /* perhaps */
    uint16_t                              greedy:1;     /* sends more than is
                                                            read at once */
    uint16_t                              detached:1;
    uint16_t                              unacked:1;    /* by the client's
                                                           TCP, perhaps */
    uint16_t                              filtered:1;   /* gets not all */
    uint16_t                              gone:1;       /* to be freed when a
                                                           turn has time */

    ngx_http_websocket_subscription_t     subscriptions[1];
};


extern const ngx_http_websocket_protocol_t  *ngx_http_websocket_protocols[];

#define ngx_http_websocket_protocol_of(s)                                     \
    ngx_http_websocket_protocols[(s)->protocol]

#define ngx_http_websocket_now()                                              \
    ((ngx_http_websocket_time_t) ngx_current_msec)


static ngx_inline ngx_http_websocket_response_t *
ngx_http_websocket_response_of(ngx_http_websocket_session_t *s)
{
    return s->protocol == NGX_HTTP_WEBSOCKET_RAW
           ? NULL : (ngx_http_websocket_response_t *) s->record;
}


/* what a client asked for when it came */

typedef struct {
    ngx_http_websocket_protocol_e         protocol;
    ngx_websocket_position_t             *since;
    ngx_uint_t                            nsince;
    ngx_http_websocket_encoding_e         encoding;
    ngx_websocket_deflate_t               deflate;
    ngx_uint_t                            view;     /* 0: all */
    ngx_websocket_filter_t               *filter;   /* with its reference */
} ngx_http_websocket_options_t;


/* the module's context of a request, in r->pool */

typedef struct {
    ngx_str_t                            *channels;
    ngx_uint_t                            nchannels;
    ngx_http_websocket_session_t         *session;      /* or NULL */
    ngx_http_websocket_access_t          *access;       /* or NULL */
    ngx_http_websocket_named_t           *named;        /* or NULL */
    ngx_http_websocket_await_t           *await;        /* or NULL */
    void                                 *pending;      /* of who awaits */
} ngx_http_websocket_ctx_t;


/*
 * Makes a session of a request and subscribes it to the channels of ctx,
 * where its location's mode wants it; sets ctx->session.  The connection
 * remains nginx's; once the response's header was sent,
 * ngx_http_websocket_session_start() takes it over.  Returns NGX_OK,
 * NGX_DECLINED when the zone is full, NGX_AGAIN when it is stuck, NGX_BUSY when
 * there are as many sessions as there may be, or NGX_ERROR when memory was
 * refused.
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

/* The bytes of frames that were written. */
uint64_t ngx_http_websocket_session_bytes_out(ngx_http_websocket_session_t *s);

/* Ends all subscriptions. */
void ngx_http_websocket_session_unsubscribe(ngx_http_websocket_session_t *s);

/* All is written: what the session is yet to catch up with may follow. */
void ngx_http_websocket_session_more(ngx_http_websocket_session_t *s);

/* Takes the session out of all lists; it delivers and writes no more. */
void ngx_http_websocket_session_detach(ngx_http_websocket_session_t *s);

/* Frees the memory of a detached session. */
void ngx_http_websocket_session_dispose(ngx_http_websocket_session_t *s);

/* The session that a subscription is of. */
static ngx_inline ngx_http_websocket_session_t *
ngx_http_websocket_session_of(ngx_http_websocket_subscription_t *subscription)
{
    return (ngx_http_websocket_session_t *)
               ((u_char *) (subscription - subscription->number)
                - offsetof(ngx_http_websocket_session_t, subscriptions));
}

/*
 * Fills in the names of the first n channels of a session that is not over an
 * HTTP response: valid as long as the session is.
 */
void ngx_http_websocket_socket_names(ngx_http_websocket_session_t *s,
    ngx_str_t *names, ngx_uint_t n);

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

/*
 * The same for one whose client has gone, but in a turn that has time for it:
 * those who leave together may be many, each of many channels.
 */
void ngx_http_websocket_session_gone(ngx_http_websocket_session_t *s);

/* In init_process. */
void ngx_http_websocket_session_init(ngx_cycle_t *cycle);

/* for ngx_http_websocket_hub_init() */
extern const ngx_http_websocket_subscriber_t  ngx_http_websocket_subscriber;

/* Sets the timer to the next thing that can become due. */
void ngx_http_websocket_session_schedule(ngx_http_websocket_session_t *s);


/* drain: how a worker that shuts down gets rid of its sessions */

/* Whether the worker can hold a session of the location now. */
ngx_uint_t ngx_http_websocket_drain_holds(ngx_http_websocket_loc_conf_t *conf);

/*
 * A session is made.  Returns 0 when the worker cannot hold it: then it must
 * have nothing in the zone, and ngx_http_websocket_drain_refer() is called.
 */
ngx_uint_t ngx_http_websocket_drain_begin(ngx_http_websocket_session_t *s);

/*
 * Only sends the client away, told from where to go on with another worker.
 * Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_drain_refer(ngx_http_websocket_session_t *s,
    ngx_str_t *channels, ngx_http_websocket_options_t *options);

/* Sends a session away, at a moment of its own. */
void ngx_http_websocket_drain(ngx_http_websocket_session_t *s);

/* Sends it away now. */
void ngx_http_websocket_drain_leave(ngx_http_websocket_session_t *s);

/* It has no subscription any more, and gives its seats back. */
void ngx_http_websocket_drain_away(ngx_http_websocket_session_t *s);

/* A worker that shuts down sends all its sessions away, spread over time. */
void ngx_http_websocket_drain_all(void);

/* The same at once, for another worker wants its slot. */
void ngx_http_websocket_drain_dismiss(void);

/* Is none left that needs the slot of a worker that shuts down? */
void ngx_http_websocket_drain_look(void);

/* A worker that exits at once tells its sessions so, without waiting. */
void ngx_http_websocket_drain_abandon_all(void);

/* called when a worker that shuts down has no session that needs its slot */
typedef void (*ngx_http_websocket_left_pt)(void);

/* In init_process. */
void ngx_http_websocket_drain_init(ngx_cycle_t *cycle,
    ngx_http_websocket_left_pt handler);


/* read */

/* for a connection whose data is the session */
void ngx_http_websocket_read_handler(ngx_event_t *rev);

/* There is something to read, or time to. */
void ngx_http_websocket_read(ngx_http_websocket_session_t *s);

/* Frees what has come in part. */
void ngx_http_websocket_input_free(ngx_http_websocket_session_t *s);

/*
 * Takes bytes that came with the handshake; they are unmasked in place.
 * Returns NGX_OK, or NGX_DONE when the session reads no more.
 */
ngx_int_t ngx_http_websocket_read_bytes(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);


/* the request */

/*
 * After the 101, which is written: gives the request's memory back, if
 * nothing of another module hangs on it, but for what the access log's line
 * will need.  Without memory for that the request stays.
 */
void ngx_http_websocket_request_release(ngx_http_websocket_session_t *s);

/* Writes the access log's line now, and not at the end. */
void ngx_http_websocket_request_log(ngx_http_request_t *r);

/* Ends the request as nginx does, which writes the access log's line. */
void ngx_http_websocket_request_end(ngx_http_websocket_session_t *s);

/*
 * For a cycle whose configuration is read: which headers the lines of its
 * access logs may need.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_request_init(ngx_cycle_t *cycle);


/* write */

/* for a connection whose data is the session */
void ngx_http_websocket_write_handler(ngx_event_t *wev);

/* It can be written to; a new session begins with this. */
void ngx_http_websocket_write(ngx_http_websocket_session_t *s);

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
 * Queues a text message of our own, as ngx_http_websocket_send() does: who
 * asks for many and reads none has a bound, at which the session is closed.
 * The frame is NULL where memory was refused for it: then the session fails,
 * and NGX_DONE is returned, else NGX_OK.
 */
ngx_int_t ngx_http_websocket_send_answer(ngx_http_websocket_session_t *s,
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

/* The peer must read first: returns NGX_AGAIN, or NGX_ERROR. */
ngx_int_t ngx_http_websocket_blocked(ngx_http_websocket_session_t *s);

void ngx_http_websocket_write_init(ngx_cycle_t *cycle);


/*
 * A frame of a message that several sessions share: made for the first of
 * them, with a reference for each.  Returns NGX_OK, or NGX_ERROR when memory
 * was refused.
 */
ngx_int_t ngx_http_websocket_shared_frame(ngx_log_t *log,
    ngx_http_websocket_message_t *message, ngx_uint_t variant,
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


/* the token of a session, where record->auth is set */

/*
 * Takes over what the session needs of its token.  Returns NGX_OK, or
 * NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_auth_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_ctx_t *ctx);

/* The subject, or NULL. */
const char *ngx_http_websocket_auth_subject(ngx_http_websocket_auth_t *auth);

/* When to look at it again. */
ngx_http_websocket_time_t ngx_http_websocket_auth_due(
    ngx_http_websocket_session_t *s);

/* Looks at it: NGX_OK, or NGX_DONE when it began to close the session. */
ngx_int_t ngx_http_websocket_auth_expire(ngx_http_websocket_session_t *s);

/*
 * A message of the client: NGX_DECLINED when it is to be taken as usual,
 * NGX_OK when it was for us, NGX_DONE when nothing more is to be read.
 */
ngx_int_t ngx_http_websocket_auth_receive(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size);

/* Whether the token of a session that has one lets it publish. */
ngx_uint_t ngx_http_websocket_auth_publishes(ngx_http_websocket_session_t *s);

/*
 * Closes the sessions whose token was revoked since this was called last: all
 * are looked at, in as many turns as it takes.
 */
void ngx_http_websocket_auth_revoke(void);

/* Gives back what a request has of a token, which variables may yet tell. */
void ngx_http_websocket_access_release(ngx_http_request_t *r);


/*
 * Who is there: joins and leaves as the location says.  To join returns NGX_OK,
 * also when it was not to be, or NGX_AGAIN when the zone is stuck.
 */

ngx_int_t ngx_http_websocket_presence_join(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription);
void ngx_http_websocket_presence_leave(
    ngx_http_websocket_subscription_t *subscription);

/* For ngx_http_websocket_hub_bury(). */
size_t ngx_http_websocket_presence_mourn(ngx_websocket_log_member_t *member,
    ngx_websocket_log_message_t *message, ngx_websocket_log_part_t *parts);


/* over a connection of its own: RFC 6455 */

extern const ngx_http_websocket_transport_t  ngx_http_websocket_socket;

/* The connection is the session's alone: no request is left that needs it. */
void ngx_http_websocket_socket_own(ngx_http_websocket_session_t *s);

ngx_int_t ngx_http_websocket_socket_flush(ngx_http_websocket_session_t *s);

extern const ngx_http_websocket_protocol_t   ngx_http_websocket_raw_protocol;

/* over an HTTP response */

extern const ngx_http_websocket_protocol_t   ngx_http_websocket_sse_protocol;
extern const ngx_http_websocket_protocol_t   ngx_http_websocket_poll_protocol;


#endif /* NGX_HTTP_WEBSOCKET_SESSION_H */
