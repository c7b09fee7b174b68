
/*
 * What differs between the languages that sessions speak, and between the
 * ways that their bytes travel: a table for each.
 */


#ifndef NGX_HTTP_WEBSOCKET_PROTOCOL_H
#define NGX_HTTP_WEBSOCKET_PROTOCOL_H


#include "session/ngx_http_websocket_session.h"


typedef struct ngx_http_websocket_transport_s  ngx_http_websocket_transport_t;


/*
 * Where a session begins in its channels.  The client is told so before
 * anything else, unless the hello is late.
 */

typedef struct {
    ngx_uint_t                    n;            /* subscriptions */
    ngx_websocket_position_t     *positions;    /* one for each of them */
    uint8_t                      *found;        /* for each, 1 when all that the
                                                   client missed was found */
    ngx_websocket_position_t      position;     /* the positions, where there is
                                                   one subscription */
    uint8_t                       only;
    ngx_uint_t                    asked;        /* the client gave a position */
    ngx_uint_t                    recovered;    /* the client misses nothing
                                                   that a history keeps, or,
                                                   where none does, nothing at
                                                   all */
    ngx_uint_t                    late;         /* an earlier hello told of
                                                   other channels */
    ngx_uint_t                    over;         /* all channels have ended, and
                                                   no history is to come */
    unsigned                      wanted:1;     /* the client wants a hello */

    /* set by hello_found() */

    unsigned                      kept:1;       /* a channel has a history */
    unsigned                      lost:1;
    unsigned                      lost_kept:1;
} ngx_http_websocket_hello_t;


/* how bytes travel, and how a connection begins and ends */

struct ngx_http_websocket_transport_s {
    /* makes s->record, of n channels: NGX_OK or NGX_ERROR */
    ngx_int_t                   (*prepare)(ngx_http_websocket_session_t *s,
                                     ngx_http_request_t *r, ngx_uint_t n);

    /* takes the request over once its header is sent: to be called last */
    void                        (*start)(ngx_http_websocket_session_t *s);

    /* writes what is queued: as ngx_http_websocket_flush() */
    ngx_int_t                   (*flush)(ngx_http_websocket_session_t *s);

    /* the bytes of frames that were written */
    uint64_t                    (*bytes_out)(ngx_http_websocket_session_t *s);

    /* ends the connection or the request; the session is detached and goes */
    void                        (*end)(ngx_http_websocket_session_t *s);

    /* gives s->record back, of which nothing is used any more */
    void                        (*forget)(ngx_http_websocket_session_t *s);

    /*
     * fails the session, for the client's fault or the server's: ends it with
     * that code and text, and reads no more.  NULL: clients send nothing
     */
    void                        (*fail)(ngx_http_websocket_session_t *s,
                                     uint16_t code, const char *text);

    unsigned                      socket:1;     /* the connection is the
                                                   session's alone */
};


/*
 * What a language does whose clients choose their channels while they are
 * connected, and whose heartbeat is its own.
 */

typedef struct {
    /* a new session.  Returns ROOM_OK, ROOM_FULL, ROOM_STUCK or
       ROOM_NO_MEMORY */
    ngx_int_t                   (*begin)(ngx_http_websocket_session_t *s);

    /* frees what it has of the session, also after begin() has failed */
    void                        (*end)(ngx_http_websocket_session_t *s);

    /* when expire() is to be called, which does what is due then */
    ngx_http_websocket_time_t   (*due)(ngx_http_websocket_session_t *s);
    void                        (*expire)(ngx_http_websocket_session_t *s);

    /* whether the token that the client is in by was revoked */
    ngx_uint_t                  (*revoked)(ngx_http_websocket_session_t *s);

    /* the subscription was given all that came before it */
    void                        (*live)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_subscription_t *sub);

    /* as the broken() of a kind of subscribers, in ngx_http_websocket_hub.h */
    void                        (*broken)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_subscription_t *sub,
                                     int rc);
} ngx_http_websocket_choice_t;


/* a language: how messages travel on a session */

struct ngx_http_websocket_protocol_s {
    char                                  *name;    /* a label of metrics */
    ngx_str_t                              subprotocol; /* the name that asks
                                                           for it, or empty */
    const ngx_http_websocket_transport_t  *transport;

    /* how its messages are written; how, when a client wants positions */
    const ngx_http_websocket_format_t     *format;
    const ngx_http_websocket_format_t     *positioned;

    ngx_str_t                              type;    /* of a response */

    /* NULL: sessions come with their channels */
    const ngx_http_websocket_choice_t     *choice;

    /* the code and text of each reason */
    const ngx_http_websocket_close_t      *closes;

    unsigned                      direct:1;     /* push() gives the message's
                                                   frame, and does no more: it
                                                   may be written at once */
    unsigned                      pongs:1;      /* a client answers ping() */
    unsigned                      once:1;       /* a session ends with its first
                                                   messages, or without any
                                                   after the heartbeat's
                                                   interval: the client asks
                                                   anew for what follows */
    unsigned                      acks:1;       /* a client may be told what
                                                   became of its messages */
    unsigned                      event_ids:1;  /* a client that comes back
                                                   says where it was in
                                                   Last-Event-ID */

    /*
     * Tells the client where it begins, before what may be queued already,
     * or behind it if that is late.
     * Returns NGX_OK, or NGX_ERROR when memory was refused.
     */
    ngx_int_t                   (*hello)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_hello_t *hello);

    /*
     * A client's message is complete; data is valid during the call.
     * Returns NGX_OK, also when it began to close the session (what follows
     * may be the client's Close); NGX_AGAIN, from session_work(), when the
     * message is not done yet: nothing more is read until it is; or NGX_DONE
     * when nothing more is to be read at all.
     * NULL: clients send nothing.
     */
    ngx_int_t                   (*receive)(ngx_http_websocket_session_t *s,
                                     uint8_t type, u_char *data, size_t size);

    /*
     * A client's message was dropped by a rate: the client may be told.
     * Returns as receive().  NULL: it is not.
     */
    ngx_int_t                   (*dropped)(ngx_http_websocket_session_t *s,
                                     uint8_t type, u_char *data, size_t size);

    /*
     * The frame to send a message of a channel in, with a reference for the
     * caller: SHOWN; or HIDDEN when the client is not to get it, or
     * SHOW_NO_MEMORY.
     */
    ngx_int_t                   (*push)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_subscription_t *from,
                                     ngx_http_websocket_message_t *message,
                                     ngx_http_websocket_frame_t **frame);

    /*
     * A message does not pass the client's filter: a client that comes back
     * need not be shown it again.  NULL: the client is told positions with
     * messages only.
     */
    void                        (*pass)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_subscription_t *from,
                                     ngx_http_websocket_message_t *message);

    /*
     * A channel has ended, and the client was given all until the position.
     * NULL: the end of the session says it.
     */
    void                        (*end)(ngx_http_websocket_session_t *s,
                                     ngx_http_websocket_subscription_t *from,
                                     ngx_websocket_position_t *position);

    /*
     * The frame of a JSON text that answers what the client sent, or tells it
     * of its token; NULL when memory was refused.  A language that has
     * receive() has it.
     */
    ngx_http_websocket_frame_t *(*reply)(ngx_http_websocket_session_t *s,
                                     const char *data, size_t size);

    /* the client was not heard or spoken to for the heartbeat's interval */
    void                        (*ping)(ngx_http_websocket_session_t *s);

    /*
     * Sends a heartbeat that the application sees, with the positions of the
     * session's channels: in each interval, also when there were messages.
     * NULL: what ping() sends is seen.
     */
    void                        (*beat)(ngx_http_websocket_session_t *s);

    /* says why the session ends, behind what is queued */
    void                        (*close)(ngx_http_websocket_session_t *s,
                                     uint16_t code, const u_char *reason,
                                     size_t size);
};


/*
 * all protocols, ended by NULL, as ngx_http_websocket_session_init() was given
 * them
 */
extern const ngx_http_websocket_protocol_t *const
    *ngx_http_websocket_session_protocols;

#define ngx_http_websocket_protocol_of(s)                                     \
    ngx_http_websocket_session_protocols[(s)->protocol]


#endif /* NGX_HTTP_WEBSOCKET_PROTOCOL_H */
