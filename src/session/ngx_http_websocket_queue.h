
/*
 * The frames that wait to be written to a session: a ring of references.
 */


#ifndef NGX_HTTP_WEBSOCKET_QUEUE_H
#define NGX_HTTP_WEBSOCKET_QUEUE_H


#include "session/ngx_http_websocket_session.h"


struct ngx_http_websocket_queue_s {
    size_t                        bytes;    /* still to be written */
    size_t                        sent;     /* of the first frame */
    uint32_t                      places;   /* 2^n, or 0 */
    uint32_t                      head;
    uint32_t                      count;
    uint32_t                      messages; /* of them, data messages */
    uint32_t                      pongs;
    ngx_http_websocket_frame_t   *pong;     /* the newest one */

    /* those of the messages that the client's own reading bounds */

    uint32_t                      replies;
    size_t                        reply_bytes;

    /*
     * Where the next search begins, as places that count on from the first
     * frame ever queued: before victims[P] no message of priority P can be
     * dropped (without priorities victims[0] is for all), and before conflated
     * there is none of the channel.
     */

    uint32_t                      victims[NGX_HTTP_WEBSOCKET_URGENT + 1];
    uint32_t                      conflated;
    ngx_websocket_channel_ref_t   channel;  /* 0: none */

    ngx_http_websocket_frame_t   *frames[1];
};


/* overflow= is the reason for which messages are dropped */

_Static_assert((int) NGX_HTTP_WEBSOCKET_OVERFLOW_CLOSE
               == (int) NGX_HTTP_WEBSOCKET_DROPPED_CLOSE
               && (int) NGX_HTTP_WEBSOCKET_OVERFLOW_DROP_OLDEST
                  == (int) NGX_HTTP_WEBSOCKET_DROPPED_DROP_OLDEST
               && (int) NGX_HTTP_WEBSOCKET_OVERFLOW_CONFLATE
                  == (int) NGX_HTTP_WEBSOCKET_DROPPED_CONFLATE,
               "an overflow is a reason");

#define ngx_http_websocket_overflow_reason(conf)                              \
    ((ngx_http_websocket_dropped_e) (conf)->overflow)


/* the queue of all sessions for which nothing waits */
extern ngx_http_websocket_queue_t  ngx_http_websocket_queue_none;


/* The i-th frame, counted from the one that goes first. */
static ngx_inline ngx_http_websocket_frame_t **
ngx_http_websocket_queue_at(ngx_http_websocket_queue_t *q, uint32_t i)
{
    return &q->frames[(q->head + i) & (q->places - 1)];
}

/* The first frame that can still be moved, dropped or passed. */
static ngx_inline uint32_t
ngx_http_websocket_queue_first(ngx_http_websocket_queue_t *q)
{
    return q->sent ? 1 : 0;
}

/*
 * Whether a message counts against the queue's bound: what others send does,
 * and answers do.
 */
static ngx_inline ngx_uint_t
ngx_http_websocket_queue_counts(ngx_http_websocket_frame_t *frame)
{
    return frame->fresh || frame->answer;
}

/*
 * The functions that take a frame take its reference over in any case.  They,
 * and reserve(), return NGX_OK, or NGX_ERROR when memory was refused.
 */

/* Puts a frame before the i-th one, i being at most the count. */
ngx_int_t ngx_http_websocket_queue_insert(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame, uint32_t i);

/* Makes room for one frame more. */
ngx_int_t ngx_http_websocket_queue_reserve(ngx_http_websocket_session_t *s);

/* Puts a message at its place: the end, but for priorities. */
ngx_int_t ngx_http_websocket_queue_push_prior(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

static ngx_inline ngx_int_t
ngx_http_websocket_queue_push(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    ngx_http_websocket_queue_t  *q;

    q = s->out;

    if (q->count == q->places || !s->ordered
        || !ngx_http_websocket_queue_counts(frame))
    {
        return ngx_http_websocket_queue_push_prior(s, frame);
    }

    *ngx_http_websocket_queue_at(q, q->count) = frame;

    q->count++;
    q->bytes += frame->size;
    q->messages++;
    s->conf->stats->queued++;
    s->conf->stats->queued_bytes += frame->size;

    return NGX_OK;
}

/*
 * Only the most recent Ping need be answered (RFC 6455, section 5.5.3): with
 * many Pongs waiting the newest is made into this one, so that Pings cannot
 * fill memory.  Returns 1 when that was done, else 0.
 */
ngx_uint_t ngx_http_websocket_queue_replace_pong(
    ngx_http_websocket_session_t *s, u_char *payload, size_t size);

/*
 * The oldest message that counts, of the lowest priority if the location has
 * priorities; the count when there is none that could be dropped.
 */
uint32_t ngx_http_websocket_queue_victim(ngx_http_websocket_session_t *s);

/* Drops the i-th frame, a message that is not partly written. */
void ngx_http_websocket_queue_remove(ngx_http_websocket_session_t *s,
    uint32_t i);

/* Drops all messages of a channel.  The module's own answers belong to none. */
void ngx_http_websocket_queue_conflate(ngx_http_websocket_session_t *s,
    ngx_websocket_channel_ref_t channel);

/*
 * Drops each message that a newer one with the same key replaces, among them
 * the given frame, which may be NULL.  In locations without keys, a newer one
 * of the same channel does.
 */
void ngx_http_websocket_queue_newest(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);

/* The client has sent its Close: drops all but what answers it. */
void ngx_http_websocket_queue_leave(ngx_http_websocket_session_t *s);

/* Drops all, but for a frame that is partly written. */
void ngx_http_websocket_queue_drop(ngx_http_websocket_session_t *s,
    ngx_http_websocket_dropped_e reason);

/*
 * The first size bytes were written: frees the frames that are wholly written.
 */
void ngx_http_websocket_queue_sent(ngx_http_websocket_session_t *s,
    size_t size);

/* Frees the queue with all frames in it. */
void ngx_http_websocket_queue_free(ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_QUEUE_H */
