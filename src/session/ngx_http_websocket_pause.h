
/*
 * Input that can wait: why nothing is read of a session for now, and what has
 * come of it already.
 */


#ifndef NGX_HTTP_WEBSOCKET_PAUSE_H
#define NGX_HTTP_WEBSOCKET_PAUSE_H


#include "session/ngx_http_websocket_session.h"


/* why a session is paused: it goes on when no reason is left */

#define NGX_HTTP_WEBSOCKET_PAUSE_TIME     0x01  /* until a time */
#define NGX_HTTP_WEBSOCKET_PAUSE_TURN     0x02  /* until all is delivered here,
                                                   or that time */
#define NGX_HTTP_WEBSOCKET_PAUSE_WORK     0x04  /* until its message is done */


/* how long one waits who floods those who read, or asks for what is dear */
#define NGX_HTTP_WEBSOCKET_MOMENT  NGX_HTTP_WEBSOCKET_WHEEL_TICK


/*
 * A message of the client that is not done when receive() returns: a part of
 * what belongs to whoever works on it.
 */

typedef struct ngx_http_websocket_work_s  ngx_http_websocket_work_t;

struct ngx_http_websocket_work_s {
    ngx_http_websocket_session_t *session;

    /*
     * The session closes, or its client has gone, and nobody is to be told
     * any more: called instead of one of the functions below.  What contains
     * the work is its owner's to free.
     */
    void                        (*cancel)(ngx_http_websocket_work_t *work);
};


/* made when it is first needed */

struct ngx_http_websocket_pause_s {
    u_char                       *parked;   /* of what has come, or NULL */
    size_t                        size;     /* of it */

    ngx_http_websocket_work_t    *work;     /* NULL: no message is under it */

    ngx_http_websocket_time_t     until;
    uint8_t                       why;
    uint8_t                       behind;   /* what is parked waits for its
                                               turn */
};


/*
 * Nothing more is read of the session for that reason, which is not its time.
 * Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_session_pause(ngx_http_websocket_session_t *s,
    ngx_uint_t why);

/* As that, for so many milliseconds: the longest time counts. */
ngx_int_t ngx_http_websocket_session_pause_for(
    ngx_http_websocket_session_t *s, uint32_t wait);

/* The reason is none any more: without others the reading goes on. */
void ngx_http_websocket_session_resume(ngx_http_websocket_session_t *s,
    ngx_uint_t why);

/* The session closes: all that it waits for is given up. */
void ngx_http_websocket_session_resume_all(ngx_http_websocket_session_t *s);

/*
 * The message that receive() was called with is not done yet: nothing more is
 * read of the session before one of the functions below is called, once, at
 * any time; who works on a message sees to it that this does not take for
 * ever.  work->cancel is set.  Returns NGX_AGAIN, which receive() returns then,
 * or NGX_DONE when the session failed for want of memory: nothing is called.
 */
ngx_int_t ngx_http_websocket_session_work(ngx_http_websocket_session_t *s,
    ngx_http_websocket_work_t *work);

/*
 * The message is done, and the session reads on, but not within the call: it
 * may be closed yet, or begin new work.  The work is its owner's to free.
 */
void ngx_http_websocket_work_done(ngx_http_websocket_work_t *work);

/* As that; but the message was refused: an error of the client's. */
void ngx_http_websocket_work_refused(ngx_http_websocket_work_t *work);

/* As that; but the session closes. */
void ngx_http_websocket_work_failed(ngx_http_websocket_work_t *work,
    ngx_http_websocket_reason_e reason);

/*
 * The message that is under work, if there is one, is given up: the session
 * ends.
 */
void ngx_http_websocket_pause_give_up(ngx_http_websocket_session_t *s);

/* Frees what was kept of the session. */
void ngx_http_websocket_pause_free(ngx_http_websocket_session_t *s);

/*
 * Parks what has come and is not to be looked at before the session has
 * waited, or had its turn.  Returns NGX_OK, or NGX_DONE when the session began
 * to fail.
 */
ngx_int_t ngx_http_websocket_input_park(ngx_http_websocket_session_t *s,
    u_char *pos, u_char *last);

/*
 * Gives back what was parked of a session that has a pause, to be freed: sets
 * *size.  Returns NULL where there is nothing, or the session is paused yet.
 */
u_char *ngx_http_websocket_input_resume(ngx_http_websocket_session_t *s,
    size_t *size);


/* Is nothing to be read of the session for now? */

static ngx_inline ngx_uint_t
ngx_http_websocket_session_is_paused(ngx_http_websocket_session_t *s)
{
    return s->paused && s->record->aside->pause->why;
}


#endif /* NGX_HTTP_WEBSOCKET_PAUSE_H */
