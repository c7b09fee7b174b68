
/*
 * A session: one client, from the 101 to the end of its connection.
 */


#ifndef NGX_HTTP_WEBSOCKET_SESSION_H
#define NGX_HTTP_WEBSOCKET_SESSION_H


#include "conf/ngx_http_websocket_conf.h"

#include <jansson.h>

#include "access/ngx_http_websocket_grant.h"
#include "hub/ngx_http_websocket_hub.h"
#include "message/filter.h"
#include "session/ngx_http_websocket_reason.h"
#include "session/ngx_http_websocket_wheel.h"
#include "wire/deflate.h"


typedef struct ngx_http_websocket_session_s    ngx_http_websocket_session_t;
typedef struct ngx_http_websocket_protocol_s   ngx_http_websocket_protocol_t;
typedef struct ngx_http_websocket_input_s      ngx_http_websocket_input_t;
typedef struct ngx_http_websocket_queue_s      ngx_http_websocket_queue_t;
typedef struct ngx_http_websocket_context_s    ngx_http_websocket_context_t;
typedef struct ngx_http_websocket_limits_s     ngx_http_websocket_limits_t;
typedef struct ngx_http_websocket_pause_s      ngx_http_websocket_pause_t;
typedef struct ngx_http_websocket_await_s      ngx_http_websocket_await_t;
typedef struct ngx_http_websocket_auth_s       ngx_http_websocket_auth_t;
typedef struct ngx_http_websocket_extra_s      ngx_http_websocket_extra_t;
typedef struct ngx_http_websocket_ack_s        ngx_http_websocket_ack_t;
typedef struct ngx_http_websocket_hooked_s     ngx_http_websocket_hooked_t;
typedef struct ngx_http_websocket_introduced_s
    ngx_http_websocket_introduced_t;
typedef struct ngx_http_websocket_further_s    ngx_http_websocket_further_t;
typedef struct ngx_http_websocket_named_s      ngx_http_websocket_named_t;


/* what few sessions have, or only at their end: made when it is needed */

typedef struct {
    ngx_http_websocket_context_t *context;  /* NULL: no context takeover */
    ngx_http_websocket_limits_t  *limits;   /* NULL: none was needed */
    ngx_http_websocket_pause_t   *pause;    /* NULL: none was needed */
    ngx_http_websocket_auth_t    *auth;     /* NULL: no token was asked for */
    ngx_http_websocket_extra_t   *extra;    /* NULL: no filter, no name, nothing
                                               collected */
    ngx_http_websocket_ack_t     *ack;      /* NULL: the client is told only
                                               what is wrong with its
                                               messages */
    ngx_http_websocket_hooked_t  *hooked;   /* NULL: the application is not
                                               asked, and was not */
    ngx_http_websocket_further_t *further;  /* the last subscription besides
                                               the first one, or NULL */
    void                         *choice;   /* of a language's own */
    u_char                       *close_reason;
    uint8_t                       close_reason_size;
    uint8_t                       visible;  /* heartbeats are messages */
    ngx_http_websocket_time_t     interval; /* of heartbeats; 0: as the
                                               location says */
    ngx_http_websocket_time_t     beat;     /* when the next visible one is
                                               due */
} ngx_http_websocket_aside_t;


/* what is not needed to deliver a message */

typedef struct {
    ngx_http_websocket_input_t   *input;    /* NULL: nothing has come in part */
    ngx_http_websocket_aside_t   *aside;
    uint64_t                      messages_in;
    uint64_t                      bytes_in;

    ngx_http_request_t           *request;  /* NULL: it was given back to
                                               nginx */
    uint64_t                      id;
    uint64_t                      started:48;       /* as ngx_current_msec */
    uint64_t                      close_code:16;    /* that ended it */

    ngx_http_websocket_time_t     due;      /* of the timer */
    ngx_http_websocket_time_t     leave;    /* when our Close was sent; before
                                               that, when it is to be sent;
                                               while a Ping is late, how many
                                               bytes the client will have taken
                                               when the Ping has arrived */
    uint32_t                      upgraded; /* c->sent with the 101 */
    ngx_http_websocket_time_t     progress; /* when the client was last seen
                                               to take something */
    uint32_t                      acked;    /* bytes that it had taken then */
    uint32_t                      dropped;
    ngx_http_websocket_time_t     rtt;      /* of the last Ping, and 1; 0: none
                                               was measured */
    uint16_t                      nsubscriptions;   /* active */
    unsigned                      away:1;   /* it holds nothing in the zone */
    unsigned                      headed:1;
    u_char                        head[1];  /* if it is headed, and then of any
                                               length: what the access log will
                                               need of the request */
} ngx_http_websocket_record_t;


typedef enum {
    NGX_HTTP_WEBSOCKET_UPGRADING = 0,   /* the 101 is not wholly written */
    NGX_HTTP_WEBSOCKET_OPEN,
    NGX_HTTP_WEBSOCKET_CLOSE_SENT,      /* the peer's Close is awaited */
    NGX_HTTP_WEBSOCKET_CLOSE_LAST,      /* the Close is being written, then
                                           the connection ends */
    NGX_HTTP_WEBSOCKET_LINGERING        /* nothing is left to say: wait for
                                           the peer to end the connection */
} ngx_http_websocket_state_e;


/*
 * The struct lies in what nginx has left of the connection's pool, if it fits
 * (it just does), since nobody else would use that memory.  What a session
 * needs only at times is allocated when it does.
 */

struct ngx_http_websocket_session_s {
    ngx_queue_t                           timer;    /* set as long as the
                                                       session lives */
    ngx_queue_t                           flush;    /* to be written at the
                                                       turn's end */
    ngx_http_websocket_record_t          *record;

    ngx_http_websocket_time_t             heard;    /* when the last byte came,
                                                       or the Ping was sent that
                                                       is open */
    uint8_t                               protocol:4;   /* its number among
                                                           session_protocols */
    uint8_t                               late:1;   /* the Ping, or the Close,
                                                       waits behind what the
                                                       client has not taken */
    uint8_t                               pooled:1; /* its memory is of the
                                                       connection's pool */
    uint8_t                               started:1;
    uint8_t                               paused:1;     /* its pause may tell
                                                       it not to read now */
    uint8_t                               state:7;
    uint8_t                               tls:1;    /* its records are made and
                                                       sent by us */

    /*
     * what delivery needs begins here, and takes few lines of the processor's
     * cache
     */

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
    uint16_t                              shared:1;     /* gets frames that
                                                           others get, too */
    uint16_t                              direct:1;     /* may be written to
                                                           at once */
    uint16_t                              catching_up:1;    /* perhaps */
    uint16_t                              greedy:1;     /* sends more than is
                                                            read at once */
    uint16_t                              detached:1;
    uint16_t                              unacked:1;    /* by the client's
                                                           TCP, perhaps */
    uint16_t                              filtered:1;   /* a filter keeps some
                                                           messages from it */
    uint16_t                              gone:1;       /* to be freed when a
                                                           turn has time */

    ngx_http_websocket_loc_conf_t        *conf;
    ngx_connection_t                     *connection;
    ngx_http_websocket_queue_t           *out;      /* waits to be written */
    uint64_t                              messages_out;
    ngx_http_websocket_time_t             active;   /* when there was the last
                                                       message */
    uint32_t                              variant;  /* how it gets messages */

    ngx_http_websocket_subscription_t     first;    /* further ones are on
                                                       their own */
};


/* the aside of all sessions that have put nothing aside: all is NULL */
extern ngx_http_websocket_aside_t  ngx_http_websocket_aside_none;

#define ngx_http_websocket_now()                                              \
    ((ngx_http_websocket_time_t) ngx_current_msec)


/* what a client asked for in its handshake */

typedef struct {
    const ngx_http_websocket_protocol_t  *protocol;
    ngx_str_t                            *subprotocol;  /* NULL: none */
    ngx_websocket_position_t             *since;
    ngx_uint_t                            nsince;
    ngx_uint_t                            hello;    /* it wants to be told
                                                       where it begins */
    ngx_msec_t                            interval; /* of heartbeats; 0: as
                                                       the location says */
    ngx_uint_t                            visible;  /* they are messages */
    ngx_uint_t                            ack;      /* its messages are
                                                       acknowledged */
    ngx_str_t                             user;     /* of a client with ack: who
                                                       it is, or empty */
    const ngx_http_websocket_format_t    *format;
    ngx_websocket_deflate_t               deflate;
    ngx_uint_t                            view;     /* 0: all */
    ngx_websocket_filter_t               *filter;   /* with its reference */
    ngx_str_t                             commands; /* that came with the
                                                       request, or empty */

    /* set when it has subscribed */

    ngx_uint_t                            over;     /* the client came back to
                                                       channels that have ended:
                                                       nothing comes */
} ngx_http_websocket_options_t;


/* the module's context of a request, in r->pool */

typedef struct {
    ngx_str_t                            *channels;
    ngx_uint_t                            nchannels;
    ngx_http_websocket_session_t         *session;      /* or NULL */
    ngx_http_websocket_access_t          *access;       /* or NULL */
    ngx_http_websocket_named_t           *named;        /* or NULL */
    ngx_http_websocket_await_t           *await;        /* or NULL */
    ngx_http_websocket_introduced_t      *introduced;   /* or NULL */
    void                                 *pending;      /* of who awaits */
    ngx_str_t                             user;     /* of websocket_user, which
                                                       may be empty */
    int64_t                               expires;  /* of websocket_expires,
                                                       seconds */
    char                                 *refusal;      /* why; or NULL */
    ngx_uint_t                            refused;      /* 1: with a Close */

    /* frees what the request has of a token and its session does not need;
       NULL: nothing */
    void                                (*release)(ngx_http_request_t *r);
} ngx_http_websocket_ctx_t;


/*
 * In init_process: protocols are what sessions can speak, ended by NULL, and
 * NGX_HTTP_WEBSOCKET_STATS_PROTOCOLS at most.
 */
void ngx_http_websocket_session_init(ngx_cycle_t *cycle,
    const ngx_http_websocket_protocol_t *const *protocols);

/*
 * Makes a session of a request and subscribes it to the channels of ctx,
 * where its location's mode wants it; sets ctx->session.  The connection
 * remains nginx's; once the response's header was sent,
 * ngx_http_websocket_session_start() takes it over.  Returns ROOM_OK,
 * ROOM_FULL, ROOM_STUCK, ROOM_LIMIT, or ROOM_NO_MEMORY.
 */
ngx_int_t ngx_http_websocket_session_create(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options);

/* A number for a session of the worker, which no other one has had. */
uint64_t ngx_http_websocket_session_next(void);

/* what became of a client's message that may be for the session itself */

typedef enum {
    NGX_HTTP_WEBSOCKET_ASIDE_TAKEN = NGX_OK,
    NGX_HTTP_WEBSOCKET_ASIDE_OTHER = NGX_DECLINED,  /* it is another one */
    NGX_HTTP_WEBSOCKET_ASIDE_OVER = NGX_DONE        /* nothing more is to be
                                                       read */
} ngx_http_websocket_aside_e;

/*
 * Gives the session an aside of its own, before something is put there.
 * Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_session_aside(ngx_http_websocket_session_t *s);

/*
 * Takes the connection over.  To be called last: the request is held until the
 * session ends.
 */
void ngx_http_websocket_session_start(ngx_http_websocket_session_t *s);

/* Undoes ngx_http_websocket_session_create(). */
void ngx_http_websocket_session_discard(ngx_http_websocket_ctx_t *ctx);

/*
 * Begins the end: the client is told what its protocol says of the reason.
 * What was queued before is sent first, or dropped, as the reason has it.
 */
void ngx_http_websocket_session_close(ngx_http_websocket_session_t *s,
    ngx_http_websocket_reason_e reason);

/*
 * Begins the end at once: the client is told as above, but nothing more is
 * read of it, not even its answer.  For sessions whose clients send something.
 */
void ngx_http_websocket_session_fail(ngx_http_websocket_session_t *s,
    ngx_http_websocket_reason_e reason);

/* The same as close() with a text of its own, which is constant. */
void ngx_http_websocket_session_close_text(ngx_http_websocket_session_t *s,
    ngx_http_websocket_reason_e reason, const char *text);

/* The same with a code of its own, behind what is queued. */
void ngx_http_websocket_session_close_code(ngx_http_websocket_session_t *s,
    uint16_t code, const char *text);

/* For the variables: why the session ends; the first to say so counts. */
void ngx_http_websocket_session_note(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);

/* The bytes of frames that were written. */
uint64_t ngx_http_websocket_session_bytes_out(ngx_http_websocket_session_t *s);

/*
 * Ends all subscriptions of a session that is about to say Close; before that
 * is written at the latest, for those who end together may be many, each of
 * many channels.
 */
void ngx_http_websocket_session_part(ngx_http_websocket_session_t *s);

/* All is written: what the session is yet to catch up with may follow. */
void ngx_http_websocket_session_more(ngx_http_websocket_session_t *s);

/* Takes the session out of all lists; it delivers and writes no more. */
void ngx_http_websocket_session_detach(ngx_http_websocket_session_t *s);

/* Frees the memory of a detached session. */
void ngx_http_websocket_session_dispose(ngx_http_websocket_session_t *s);

/* Ends the connection now and frees the session. */
void ngx_http_websocket_session_free(ngx_http_websocket_session_t *s);

/*
 * The client has gone: frees the session, but in a turn that has time for it.
 * Those who leave together may be many, each of many channels.
 */
void ngx_http_websocket_session_gone(ngx_http_websocket_session_t *s);

/* Sets the timer to the next thing that can become due. */
void ngx_http_websocket_session_schedule(ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_SESSION_H */
