
#include "session/ngx_http_websocket_queue.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_probe.h"
#include "clock/ngx_http_websocket_turn.h"
#include "session/ngx_http_websocket_frames.h"


#define NGX_HTTP_WEBSOCKET_PLACES  16       /* of a small queue */
#define NGX_HTTP_WEBSOCKET_SPARES  1024     /* small queues that are kept for
                                               reuse */
#define NGX_HTTP_WEBSOCKET_PONGS   16

/* milliseconds by which a message may be younger than one that it passes */
#define NGX_HTTP_WEBSOCKET_PASSED  1000

/* frames that one passes at most: to look at them takes some 5 ns each */
#define NGX_HTTP_WEBSOCKET_PASSES  4096

/*
 * frames that are looked at or moved, and dropped, in a step of a turn's work
 */
#define NGX_HTTP_WEBSOCKET_LOOKS   512
#define NGX_HTTP_WEBSOCKET_DROPS   64


/* what was seen of a queue so far, which is walked from its end */

typedef struct {
    uint64_t                        key;        /* 0: free */
    ngx_websocket_channel_ref_t     channel;
} ngx_http_websocket_seen_key_t;


typedef struct {
    ngx_http_websocket_seen_key_t  *keys;
    uint64_t                        mask;
    ngx_uint_t                      keyed;
} ngx_http_websocket_seen_t;


static uint32_t ngx_http_websocket_queue_place(
    ngx_http_websocket_session_t *s, ngx_http_websocket_frame_t *frame);
static uint32_t ngx_http_websocket_queue_find(ngx_http_websocket_session_t *s,
    ngx_uint_t priority);
static uint32_t ngx_http_websocket_queue_from(ngx_http_websocket_queue_t *q,
    uint32_t place);
static void ngx_http_websocket_queue_back(uint32_t *place, uint32_t to);
static ngx_int_t ngx_http_websocket_seen_create(
    ngx_http_websocket_seen_t *seen, ngx_http_websocket_session_t *s,
    uint32_t n);
static ngx_uint_t ngx_http_websocket_seen(ngx_http_websocket_seen_t *seen,
    ngx_http_websocket_frame_t *frame);
static void ngx_http_websocket_queue_drop_messages(
    ngx_http_websocket_session_t *s, uint32_t i,
    ngx_websocket_channel_ref_t channel,
    ngx_http_websocket_dropped_e reason);
static void ngx_http_websocket_queue_out(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame);
static void ngx_http_websocket_queue_dropped(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame, ngx_http_websocket_dropped_e reason);
static ngx_int_t ngx_http_websocket_queue_grow(
    ngx_http_websocket_session_t *s);
static ngx_http_websocket_queue_t *ngx_http_websocket_queue_alloc(
    uint32_t places, ngx_log_t *log);
static void ngx_http_websocket_queue_release(ngx_http_websocket_queue_t *q);


ngx_http_websocket_queue_t  ngx_http_websocket_queue_none;

/* small queues that were emptied: linked by their first place */

static ngx_http_websocket_queue_t  *ngx_http_websocket_spares;
static ngx_uint_t                   ngx_http_websocket_nspares;


ngx_int_t
ngx_http_websocket_queue_push_prior(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    return ngx_http_websocket_queue_insert(s, frame,
                                  s->ordered ? s->out->count
                                  : ngx_http_websocket_queue_place(s, frame));
}


/*
 * Finds the place behind the last message that is not to be passed: one of the
 * same or a higher priority, or one that has waited long enough.  In a long
 * queue, not all of it is passed.
 */

static uint32_t
ngx_http_websocket_queue_place(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    uint32_t                     i, first;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *other;

    q = s->out;
    first = ngx_http_websocket_queue_first(q);

    if (q->count > NGX_HTTP_WEBSOCKET_PASSES) {
        first = q->count - NGX_HTTP_WEBSOCKET_PASSES;
    }

    for (i = q->count; i > first; i--) {

        other = *ngx_http_websocket_queue_at(q, i - 1);

        if (!other->message || other->priority >= frame->priority
            || frame->time >= other->time + NGX_HTTP_WEBSOCKET_PASSED)
        {
            break;
        }
    }

    ngx_http_websocket_turn_worked((q->count - i)
                                   / NGX_HTTP_WEBSOCKET_LOOKS);
    return i;
}


ngx_int_t
ngx_http_websocket_queue_insert(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame, uint32_t i)
{
    uint32_t                     n;
    ngx_http_websocket_queue_t  *q;

    if (ngx_http_websocket_queue_reserve(s) != NGX_OK) {
        ngx_http_websocket_frame_release(frame);
        return NGX_ERROR;
    }

    q = s->out;

    for (n = q->count; n > i; n--) {
        *ngx_http_websocket_queue_at(q, n) =
                                       *ngx_http_websocket_queue_at(q, n - 1);
    }

    *ngx_http_websocket_queue_at(q, i) = frame;

    q->count++;
    q->bytes += frame->size;
    s->conf->stats->queued += frame->message;
    s->conf->stats->queued_bytes += frame->size;

    if (frame->message) {
        q->messages++;

        n = s->conf->priority ? frame->priority : 0;
        ngx_http_websocket_queue_back(&q->victims[n], q->head + i);

        if (!ngx_http_websocket_queue_counts(frame)) {
            q->replies++;
            q->reply_bytes += frame->size;
        }

        if (frame->channel == q->channel
            && (int32_t) (q->head + i - q->conflated) < 0)
        {
            q->channel = 0;
        }

    } else if (frame->pong) {
        q->pongs++;
        q->pong = frame;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_queue_reserve(ngx_http_websocket_session_t *s)
{
    return s->out->count == s->out->places ? ngx_http_websocket_queue_grow(s)
                                           : NGX_OK;
}


static ngx_int_t
ngx_http_websocket_queue_grow(ngx_http_websocket_session_t *s)
{
    uint32_t                     i, places;
    ngx_http_websocket_queue_t  *old, *q;

    old = s->out;

    q = ngx_http_websocket_queue_alloc(old->places
                                       ? 2 * old->places
                                       : NGX_HTTP_WEBSOCKET_PLACES,
                                       s->connection->log);
    if (q == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < old->count; i++) {
        q->frames[i] = *ngx_http_websocket_queue_at(old, i);
    }

    places = q->places;

    ngx_memcpy(q, old, offsetof(ngx_http_websocket_queue_t, frames));

    q->places = places;
    q->head = 0;
    q->conflated -= old->head;

    for (i = 0; i <= NGX_HTTP_WEBSOCKET_URGENT; i++) {
        q->victims[i] -= old->head;
    }

    ngx_http_websocket_queue_release(old);

    s->out = q;

    return NGX_OK;
}


static ngx_http_websocket_queue_t *
ngx_http_websocket_queue_alloc(uint32_t places, ngx_log_t *log)
{
    ngx_http_websocket_queue_t  *q;

    q = NULL;

    if (places == NGX_HTTP_WEBSOCKET_PLACES) {
        q = ngx_http_websocket_spares;
    }

    if (q) {
        ngx_http_websocket_spares = (ngx_http_websocket_queue_t *)
                                        q->frames[0];
        ngx_http_websocket_nspares--;

    } else {
        q = ngx_http_websocket_memory_alloc(NGX_HTTP_WEBSOCKET_MEMORY_QUEUES,
                         offsetof(ngx_http_websocket_queue_t, frames)
                         + places * sizeof(ngx_http_websocket_frame_t *), log);
        if (q == NULL) {
            return NULL;
        }
    }

    ngx_memzero(q, offsetof(ngx_http_websocket_queue_t, frames));

    q->places = places;

    return q;
}


static void
ngx_http_websocket_queue_release(ngx_http_websocket_queue_t *q)
{
    if (q->places == NGX_HTTP_WEBSOCKET_PLACES
        && ngx_http_websocket_nspares < NGX_HTTP_WEBSOCKET_SPARES)
    {
        q->frames[0] = (ngx_http_websocket_frame_t *)
                           ngx_http_websocket_spares;
        ngx_http_websocket_spares = q;
        ngx_http_websocket_nspares++;

    } else if (q->places) {
        ngx_http_websocket_memory_free(NGX_HTTP_WEBSOCKET_MEMORY_QUEUES, q);
    }
}


/* with so many of them the newest is not the one that is partly written */

ngx_uint_t
ngx_http_websocket_queue_replace_pong(ngx_http_websocket_session_t *s,
    u_char *payload, size_t size)
{
    ngx_http_websocket_queue_t  *q;

    q = s->out;

    if (q->pongs < NGX_HTTP_WEBSOCKET_PONGS) {
        return 0;
    }

    q->bytes -= q->pong->size;
    s->conf->stats->queued_bytes -= q->pong->size;

    ngx_http_websocket_control_fill(q->pong,
                                    NGX_WEBSOCKET_FIN | NGX_WEBSOCKET_PONG,
                                    payload, size);
    q->bytes += q->pong->size;
    s->conf->stats->queued_bytes += q->pong->size;

    return 1;
}


uint32_t
ngx_http_websocket_queue_victim(ngx_http_websocket_session_t *s)
{
    uint32_t    i;
    ngx_uint_t  priority;

    priority = 0;

    do {
        i = ngx_http_websocket_queue_find(s, priority);

    } while (i == s->out->count && s->conf->priority
             && ++priority <= NGX_HTTP_WEBSOCKET_URGENT);

    return i;
}


/* the search goes on where the last one ended */

static uint32_t
ngx_http_websocket_queue_find(ngx_http_websocket_session_t *s,
    ngx_uint_t priority)
{
    uint32_t                     i, from;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    q = s->out;
    from = ngx_http_websocket_queue_from(q, q->victims[priority]);

    for (i = from; i < q->count; i++) {

        frame = *ngx_http_websocket_queue_at(q, i);

        if (frame->message && frame->fresh
            && (!s->conf->priority || frame->priority == priority))
        {
            break;
        }
    }

    q->victims[priority] = q->head + i;

    ngx_http_websocket_turn_worked((i - from) / NGX_HTTP_WEBSOCKET_LOOKS);

    return i;
}


/* the frame at a place, or the first one when that has gone */

static uint32_t
ngx_http_websocket_queue_from(ngx_http_websocket_queue_t *q, uint32_t place)
{
    uint32_t  first;

    first = ngx_http_websocket_queue_first(q);

    return (int32_t) (place - (q->head + first)) > 0 ? place - q->head : first;
}


/* the search must not begin behind the new frame */

static void
ngx_http_websocket_queue_back(uint32_t *place, uint32_t to)
{
    if ((int32_t) (*place - to) > 0) {
        *place = to;
    }
}


/* the search goes on where that for the last message of the channel ended */

void
ngx_http_websocket_queue_conflate(ngx_http_websocket_session_t *s,
    ngx_websocket_channel_ref_t channel)
{
    ngx_http_websocket_queue_t  *q;

    q = s->out;

    if (channel == 0) {
        return;
    }

    ngx_http_websocket_queue_drop_messages(s,
                           channel == q->channel
                           ? ngx_http_websocket_queue_from(q, q->conflated)
                           : ngx_http_websocket_queue_first(q),
                           channel,
                           ngx_http_websocket_overflow_reason(s->conf));

    q->channel = channel;
    q->conflated = q->head + q->count;
}


/*
 * Walks from the newest message on, keeps the first of each key, and moves it
 * up; then moves all down to the place of the first one.
 */

void
ngx_http_websocket_queue_newest(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    uint32_t                     i, n, first, kept;
    ngx_http_websocket_seen_t    seen;
    ngx_http_websocket_queue_t  *q;

    q = s->out;
    first = ngx_http_websocket_queue_first(q);

    if (q->count <= first
        || ngx_http_websocket_seen_create(&seen, s, q->count) != NGX_OK)
    {
        return;
    }

    if (frame) {
        (void) ngx_http_websocket_seen(&seen, frame);
    }

    for (n = 0; n <= NGX_HTTP_WEBSOCKET_URGENT; n++) {
        ngx_http_websocket_queue_back(&q->victims[n], q->head + first);
    }

    q->channel = 0;

    for (i = q->count, kept = q->count; i > first; i--) {

        frame = *ngx_http_websocket_queue_at(q, i - 1);

        if (frame->message && frame->fresh && !frame->answer
            && ngx_http_websocket_seen(&seen, frame))
        {
            ngx_http_websocket_queue_dropped(s, frame,
                                         NGX_HTTP_WEBSOCKET_DROPPED_CONFLATE);
        } else {
            *ngx_http_websocket_queue_at(q, --kept) = frame;
        }
    }

    for (i = first, n = kept; n < q->count; i++, n++) {
        *ngx_http_websocket_queue_at(q, i) = *ngx_http_websocket_queue_at(q, n);
    }

    ngx_http_websocket_turn_worked(q->count / NGX_HTTP_WEBSOCKET_DROPS);
    q->count = i;

    ngx_free(seen.keys);
}


/* room for so many keys, in a table that is never full */

static ngx_int_t
ngx_http_websocket_seen_create(ngx_http_websocket_seen_t *seen,
    ngx_http_websocket_session_t *s, uint32_t n)
{
    seen->keyed = s->conf->conflate_key.len != 0;
    seen->mask = 2;

    while (seen->mask <= 2 * n) {
        seen->mask *= 2;
    }

    seen->keys = ngx_calloc(seen->mask * sizeof(ngx_http_websocket_seen_key_t),
                            s->connection->log);
    seen->mask--;

    return seen->keys ? NGX_OK : NGX_ERROR;
}


/*
 * returns 1 when a frame with the same key was seen before; a frame without a
 * key is always new
 */

static ngx_uint_t
ngx_http_websocket_seen(ngx_http_websocket_seen_t *seen,
    ngx_http_websocket_frame_t *frame)
{
    uint64_t                        i, key;
    ngx_http_websocket_seen_key_t  *one;

    key = seen->keyed ? frame->key : 1;

    if (key == 0 || frame->channel == 0) {
        return 0;
    }

    for (i = key ^ frame->channel * UINT64_C(0x9e3779b97f4a7c15); ; i++) {

        one = &seen->keys[i & seen->mask];

        if (one->key == key && one->channel == frame->channel) {
            return 1;
        }

        if (one->key == 0) {
            one->key = key;
            one->channel = frame->channel;
            return 0;
        }
    }
}


void
ngx_http_websocket_queue_leave(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_queue_drop_messages(s,
                                      ngx_http_websocket_queue_first(s->out),
                                      0, NGX_HTTP_WEBSOCKET_DROPPED_LEFT);
}


/* from the i-th frame on, the messages of a channel, or of any: 0 */

static void
ngx_http_websocket_queue_drop_messages(ngx_http_websocket_session_t *s,
    uint32_t i, ngx_websocket_channel_ref_t channel,
    ngx_http_websocket_dropped_e reason)
{
    uint32_t                     n, kept;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    q = s->out;

    /* frames move down, and with them the places where searches begin */

    for (n = 0; n <= NGX_HTTP_WEBSOCKET_URGENT; n++) {
        ngx_http_websocket_queue_back(&q->victims[n], q->head + i);
    }

    ngx_http_websocket_turn_worked((ngx_int_t) q->count
                                   / NGX_HTTP_WEBSOCKET_LOOKS);

    for (kept = i; i < q->count; i++) {

        frame = *ngx_http_websocket_queue_at(q, i);

        if (frame->message && frame->channel
            && (channel == 0 || frame->channel == channel))
        {
            ngx_http_websocket_queue_dropped(s, frame, reason);

        } else {
            *ngx_http_websocket_queue_at(q, kept++) = frame;
        }
    }

    if (kept < q->count) {
        ngx_http_websocket_turn_worked((q->count - kept)
                                       / NGX_HTTP_WEBSOCKET_DROPS);
        q->count = kept;
    }
}


/* the frames before it move up by one */

void
ngx_http_websocket_queue_remove(ngx_http_websocket_session_t *s, uint32_t i)
{
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    q = s->out;
    frame = *ngx_http_websocket_queue_at(q, i);

    ngx_http_websocket_turn_worked(i / NGX_HTTP_WEBSOCKET_LOOKS);

    for ( /* void */ ; i > 0; i--) {
        *ngx_http_websocket_queue_at(q, i) =
                                       *ngx_http_websocket_queue_at(q, i - 1);
    }

    q->head++;
    q->count--;

    ngx_http_websocket_queue_dropped(s, frame,
                                ngx_http_websocket_overflow_reason(s->conf));
}


/* counts a frame out that leaves the queue, all but its bytes */

static void
ngx_http_websocket_queue_out(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    ngx_http_websocket_queue_t  *q;

    q = s->out;

    q->pongs -= frame->pong;

    if (!frame->message) {
        return;
    }

    q->messages--;

    if (!ngx_http_websocket_queue_counts(frame)) {
        q->replies--;
        q->reply_bytes -= frame->size;
    }
}


/* drops a frame that is not partly written */

static void
ngx_http_websocket_queue_dropped(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame, ngx_http_websocket_dropped_e reason)
{
    s->out->bytes -= frame->size;
    s->conf->stats->queued_bytes -= frame->size;

    ngx_http_websocket_queue_out(s, frame);

    s->record->dropped += frame->message;
    s->conf->stats->dropped[reason] += frame->message;
    s->conf->stats->queued -= frame->message;

    ngx_http_websocket_probe4(overflow, s->record->id, frame->size, reason,
                              s->out->bytes);

    ngx_http_websocket_frame_release(frame);
}


void
ngx_http_websocket_queue_drop(ngx_http_websocket_session_t *s,
    ngx_http_websocket_dropped_e reason)
{
    uint32_t                     i;
    ngx_http_websocket_queue_t  *q;

    q = s->out;

    for (i = ngx_http_websocket_queue_first(q); i < q->count; i++) {
        ngx_http_websocket_queue_dropped(s,
                                         *ngx_http_websocket_queue_at(q, i),
                                         reason);
    }

    q->count = ngx_min(q->count, ngx_http_websocket_queue_first(q));
}


void
ngx_http_websocket_queue_sent(ngx_http_websocket_session_t *s, size_t size)
{
    uint32_t                     n;
    uint64_t                     now;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;
    ngx_http_websocket_stats_t  *stats;

    q = s->out;
    n = q->messages;
    now = 0;
    stats = s->conf->stats;

    stats->bytes_sent += size;
    stats->queued_bytes -= size;

    q->bytes -= size;
    size += q->sent;

    while (q->count) {

        frame = *ngx_http_websocket_queue_at(q, 0);

        if (size < frame->size) {
            break;
        }

        size -= frame->size;

        q->head++;
        q->count--;

        ngx_http_websocket_queue_out(s, frame);

        if (frame->fresh) {
            now = now ? now : ngx_http_websocket_clock_now_us();

            ngx_http_websocket_histogram_add(&s->conf->zone->stats->delivery,
                          now - ngx_http_websocket_clock_us(frame->time,
                                                           frame->fraction));
        }

        ngx_http_websocket_frame_release(frame);
    }

    q->sent = size;

    n -= q->messages;

    s->messages_out += n;
    stats->messages_sent += n;
    stats->queued -= n;
}


void
ngx_http_websocket_queue_free(ngx_http_websocket_session_t *s)
{
    uint32_t                     i;
    ngx_http_websocket_queue_t  *q;

    q = s->out;

    s->conf->stats->queued -= q->messages;
    s->conf->stats->queued_bytes -= q->bytes;

    for (i = 0; i < q->count; i++) {
        ngx_http_websocket_frame_release(*ngx_http_websocket_queue_at(q, i));
    }

    ngx_http_websocket_queue_release(q);

    s->out = &ngx_http_websocket_queue_none;
}
