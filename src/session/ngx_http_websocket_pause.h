
/*
 * Input that can wait: the reasons for which nothing is read of a session for
 * now, and the bytes that had come already.
 */


#ifndef NGX_HTTP_WEBSOCKET_PAUSE_H
#define NGX_HTTP_WEBSOCKET_PAUSE_H


#include "session/ngx_http_websocket_session.h"


/* why a session is paused: it goes on when no reason is left */

#define NGX_HTTP_WEBSOCKET_PAUSE_TIME     0x01  /* until a time */
#define NGX_HTTP_WEBSOCKET_PAUSE_TURN     0x02  /* until all is delivered here,
                                                   or that time */
#define NGX_HTTP_WEBSOCKET_PAUSE_WORK     0x04  /* until its message is done */


/*
 * milliseconds that a session waits which floods its readers, or asks for
 * something expensive
 */
#define NGX_HTTP_WEBSOCKET_MOMENT  NGX_HTTP_WEBSOCKET_WHEEL_TICK


/*
 * A client's message that is not done when receive() returns.  It is part of a
 * struct of the function that works on it.
 */

typedef struct ngx_http_websocket_work_s  ngx_http_websocket_work_t;

struct ngx_http_websocket_work_s {
    ngx_http_websocket_session_t *session;

    /*
     * Called instead of one of the functions below, when the session closes or
     * its client has gone: nobody is to be told any more.  The owner frees the
     * struct that contains the work.
     */
    void                        (*cancel)(ngx_http_websocket_work_t *work);
};


/* made when it is first needed */

struct ngx_http_websocket_pause_s {
    u_char                       *parked;   /* bytes that came and were not
                                               read, or NULL */
    size_t                        size;     /* of it */

    ngx_http_websocket_work_t    *work;     /* NULL: no message is under work */

    ngx_http_websocket_time_t     until;
    uint8_t                       why;
    uint8_t                       behind;   /* what is parked waits for its
                                               turn */
};


/*
 * Pauses the session for a reason other than time: nothing more is read of it.
 * Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_session_pause(ngx_http_websocket_session_t *s,
    ngx_uint_t why);

/*
 * Pauses the session for so many milliseconds; of several times the longest
 * counts.  Returns as above.
 */
ngx_int_t ngx_http_websocket_session_pause_for(
    ngx_http_websocket_session_t *s, uint32_t wait);

/* Takes a reason away: if it was the only one, the session reads on. */
void ngx_http_websocket_session_resume(ngx_http_websocket_session_t *s,
    ngx_uint_t why);

/* Takes all reasons away, since the session closes. */
void ngx_http_websocket_session_resume_all(ngx_http_websocket_session_t *s);

/*
 * Puts the message that receive() was called with under work: nothing more is
 * read of the session until one of the functions below is called, once, at any
 * time.  Whoever works on a message must not let that take for ever.
 * work->cancel is set.  Returns NGX_AGAIN, which receive() returns then, or
 * NGX_DONE when the session failed for want of memory: nothing is called.
 */
ngx_int_t ngx_http_websocket_session_work(ngx_http_websocket_session_t *s,
    ngx_http_websocket_work_t *work);

/*
 * Ends the work: the message is done.  The session reads on, but not within the
 * call: before that it may be closed, or begin new work.  The owner frees the
 * work.
 */
void ngx_http_websocket_work_done(ngx_http_websocket_work_t *work);

/*
 * Ends the work: the message was refused, which counts as the client's error.
 */
void ngx_http_websocket_work_refused(ngx_http_websocket_work_t *work);

/* Ends the work and closes the session, for that reason. */
void ngx_http_websocket_work_failed(ngx_http_websocket_work_t *work,
    ngx_http_websocket_reason_e reason);

/*
 * Gives up the message that is under work, if there is one, since the session
 * ends.
 */
void ngx_http_websocket_pause_give_up(ngx_http_websocket_session_t *s);

/* Frees what was kept of the session. */
void ngx_http_websocket_pause_free(ngx_http_websocket_session_t *s);

/*
 * Parks bytes that have come and are not to be looked at before the session's
 * pause is over, or its turn comes.  Returns NGX_OK, or NGX_DONE when the
 * session began to fail.
 */
ngx_int_t ngx_http_websocket_input_park(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);

/*
 * Returns the parked bytes of a session that has a pause struct, for the caller
 * to free, and sets *size.  Returns NULL when there are none, or the session is
 * still paused.
 */
u_char *ngx_http_websocket_input_resume(ngx_http_websocket_session_t *s,
    size_t *size);


/* Whether nothing is to be read of the session for now. */

static ngx_inline ngx_uint_t
ngx_http_websocket_session_is_paused(ngx_http_websocket_session_t *s)
{
    return s->paused && s->record->aside->pause->why;
}


#endif /* NGX_HTTP_WEBSOCKET_PAUSE_H */
