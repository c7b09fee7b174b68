
#include "session/ngx_http_websocket_queue.h"


#define NGX_HTTP_WEBSOCKET_PLACES  16       /* of a small queue */
#define NGX_HTTP_WEBSOCKET_SPARES  1024     /* small queues kept for reuse */
#define NGX_HTTP_WEBSOCKET_PONGS   16

/* a message is not passed by one that was published so much later, ms */
#define NGX_HTTP_WEBSOCKET_PASSED  1000


static uint32_t ngx_http_websocket_queue_place(
    ngx_http_websocket_session_t *s, ngx_http_websocket_frame_t *frame);
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
 * Behind the last message that is not to be passed: of the same or a higher
 * priority, or published so long before that it has waited enough.
 */

static uint32_t
ngx_http_websocket_queue_place(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    uint32_t                     i;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *other;

    q = s->out;

    for (i = q->count; i > ngx_http_websocket_queue_first(q); i--) {

        other = *ngx_http_websocket_queue_at(q, i - 1);

        if (!other->message || other->priority >= frame->priority
            || frame->time >= other->time + NGX_HTTP_WEBSOCKET_PASSED)
        {
            break;
        }
    }

    return i;
}


ngx_int_t
ngx_http_websocket_queue_insert(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame, uint32_t i)
{
    uint32_t                     n;
    ngx_http_websocket_queue_t  *q;

    if (s->out->count == s->out->places
        && ngx_http_websocket_queue_grow(s) != NGX_OK)
    {
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
    q->messages += frame->message;
    q->pongs += frame->pong;
    s->conf->stats->queued += frame->message;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_queue_grow(ngx_http_websocket_session_t *s)
{
    uint32_t                     i;
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

    q->bytes = old->bytes;
    q->sent = old->sent;
    q->count = old->count;
    q->messages = old->messages;
    q->pongs = old->pongs;

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
        q = ngx_alloc(offsetof(ngx_http_websocket_queue_t, frames)
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
        ngx_free(q);
    }
}


ngx_uint_t
ngx_http_websocket_queue_replace_pong(ngx_http_websocket_session_t *s,
    ngx_http_websocket_frame_t *frame)
{
    uint32_t                      i;
    ngx_http_websocket_queue_t   *q;
    ngx_http_websocket_frame_t  **place;

    q = s->out;

    if (q->pongs < NGX_HTTP_WEBSOCKET_PONGS) {
        return 0;
    }

    for (i = q->count; i > ngx_http_websocket_queue_first(q); i--) {

        place = ngx_http_websocket_queue_at(q, i - 1);

        if ((*place)->pong) {
            q->bytes += frame->size;
            q->bytes -= (*place)->size;

            ngx_http_websocket_frame_release(*place);
            *place = frame;

            return 1;
        }
    }

    return 0;
}


uint32_t
ngx_http_websocket_queue_victim(ngx_http_websocket_session_t *s)
{
    uint32_t                     i, victim, lowest;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    q = s->out;
    victim = q->count;
    lowest = NGX_HTTP_WEBSOCKET_URGENT + 1;

    for (i = ngx_http_websocket_queue_first(q); i < q->count; i++) {

        frame = *ngx_http_websocket_queue_at(q, i);

        if (!frame->message) {
            continue;
        }

        if (!s->conf->priority) {
            return i;
        }

        if (frame->priority < lowest) {
            lowest = frame->priority;
            victim = i;
        }
    }

    return victim;
}


void
ngx_http_websocket_queue_conflate(ngx_http_websocket_session_t *s,
    ngx_websocket_channel_ref_t channel)
{
    uint32_t                     i;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    q = s->out;

    for (i = ngx_http_websocket_queue_first(q); i < q->count; /* void */ ) {

        frame = *ngx_http_websocket_queue_at(q, i);

        if (frame->message && frame->channel == channel) {
            ngx_http_websocket_queue_remove(s, i);

        } else {
            i++;
        }
    }
}


/* those before it move up */

void
ngx_http_websocket_queue_remove(ngx_http_websocket_session_t *s, uint32_t i)
{
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    q = s->out;
    frame = *ngx_http_websocket_queue_at(q, i);

    for ( /* void */ ; i > 0; i--) {
        *ngx_http_websocket_queue_at(q, i) =
                                       *ngx_http_websocket_queue_at(q, i - 1);
    }

    q->head++;
    q->count--;
    q->messages--;
    q->bytes -= frame->size;

    s->record->dropped++;
    s->conf->stats->dropped[s->conf->overflow]++;
    s->conf->stats->queued--;

    ngx_http_websocket_frame_release(frame);
}


void
ngx_http_websocket_queue_drop(ngx_http_websocket_session_t *s,
    ngx_http_websocket_dropped_e reason)
{
    uint32_t                     i;
    ngx_http_websocket_queue_t  *q;
    ngx_http_websocket_frame_t  *frame;

    q = s->out;

    for (i = ngx_http_websocket_queue_first(q); i < q->count; i++) {

        frame = *ngx_http_websocket_queue_at(q, i);

        q->bytes -= frame->size;
        q->messages -= frame->message;
        q->pongs -= frame->pong;

        s->record->dropped += frame->message;
        s->conf->stats->dropped[reason] += frame->message;
        s->conf->stats->queued -= frame->message;

        ngx_http_websocket_frame_release(frame);
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
        q->messages -= frame->message;
        q->pongs -= frame->pong;

        if (frame->fresh) {
            now = now ? now : ngx_http_websocket_zone_now_us();

            ngx_http_websocket_stats_delivered(s->conf->zone->stats,
                          now - ngx_http_websocket_zone_us(frame->time,
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

    for (i = 0; i < q->count; i++) {
        ngx_http_websocket_frame_release(*ngx_http_websocket_queue_at(q, i));
    }

    ngx_http_websocket_queue_release(q);

    s->out = &ngx_http_websocket_queue_none;
}
