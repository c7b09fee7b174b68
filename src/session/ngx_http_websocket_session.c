
#include "session/ngx_http_websocket_session.h"
#include "delivery/ngx_http_websocket_content.h"
#include "clock/ngx_http_websocket_probe.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub_subscribe.h"
#include "hub/ngx_http_websocket_worker.h"
#include "session/ngx_http_websocket_ack.h"
#include "session/ngx_http_websocket_beat.h"
#include "session/ngx_http_websocket_behind.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_direct.h"
#include "session/ngx_http_websocket_drain.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_frames.h"
#include "session/ngx_http_websocket_hooked.h"
#include "session/ngx_http_websocket_index.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_presence.h"
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_read.h"
#include "session/ngx_http_websocket_select.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_tls.h"
#include "session/ngx_http_websocket_token.h"
#include "session/ngx_http_websocket_trim.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/close.h"


/*
 * how often websocket_close_timeout begins anew for a client that takes what
 * waits
 */
#define NGX_HTTP_WEBSOCKET_CLOSINGS  12

/* to end a connection, in steps of a turn's work */
#define NGX_HTTP_WEBSOCKET_END_STEPS  8

/*
 * Whether the client cannot be expected to answer a Ping: it has yet to get it,
 * or its buffers are full.  It is then closed only if it takes nothing.
 */
#define ngx_http_websocket_session_hindered(s)                                \
    ((s)->late || (s)->write_blocked)


static ngx_int_t ngx_http_websocket_session_known(
    ngx_http_websocket_session_t *s, ngx_http_websocket_ctx_t *ctx);
static ngx_int_t ngx_http_websocket_session_asked(
    ngx_http_websocket_session_t *s, ngx_http_websocket_options_t *options);
static ngx_http_websocket_session_t *ngx_http_websocket_session_alloc(
    ngx_http_request_t *r, const ngx_http_websocket_protocol_t *protocol);
static ngx_uint_t ngx_http_websocket_session_protocol(
    const ngx_http_websocket_protocol_t *protocol);
static void ngx_http_websocket_session_release(
    ngx_http_websocket_session_t *s);
static ngx_inline void ngx_http_websocket_session_take(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first);
static void ngx_http_websocket_session_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first);
static void ngx_http_websocket_session_choose_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first);
static void ngx_http_websocket_session_queue(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
    ngx_http_websocket_noinline;
static void ngx_http_websocket_session_queue_all(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first);
static ngx_int_t ngx_http_websocket_session_queue_one(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_message_t *message);
static ngx_int_t ngx_http_websocket_session_pass(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_message_t *message);
static ngx_uint_t ngx_http_websocket_session_ready(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_session_live(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_session_broken(
    ngx_http_websocket_subscription_t *subscription, int rc);
static void ngx_http_websocket_session_ended(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_session_say_close(
    ngx_http_websocket_session_t *s, uint16_t code, const char *text);
static void ngx_http_websocket_session_due(
    ngx_queue_t *node);
static ngx_int_t ngx_http_websocket_session_expire(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_session_heartbeat(
    ngx_http_websocket_session_t *s);
static ngx_http_websocket_time_t ngx_http_websocket_session_closing(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_session_passed(
    ngx_http_websocket_time_t since, ngx_msec_t timeout);
static void ngx_http_websocket_session_count_end(
    ngx_http_websocket_session_t *s);


static const ngx_http_websocket_subscriber_t  ngx_http_websocket_subscriber = {
    ngx_http_websocket_session_deliver,
    ngx_http_websocket_session_ready,
    ngx_http_websocket_session_live,
    ngx_http_websocket_session_broken
};


/*
 * for clients that choose: they may have many channels, of which few are busy
 * at a time
 */

static const ngx_http_websocket_subscriber_t  ngx_http_websocket_chooser = {
    ngx_http_websocket_session_choose_deliver,
    ngx_http_websocket_session_ready,
    ngx_http_websocket_session_live,
    ngx_http_websocket_session_broken
};


const ngx_http_websocket_protocol_t *const
    *ngx_http_websocket_session_protocols;

ngx_http_websocket_aside_t  ngx_http_websocket_aside_none;

static uint32_t             ngx_http_websocket_session_number;
static uint16_t             ngx_http_websocket_session_kind;
static uint16_t             ngx_http_websocket_chooser_kind;


void
ngx_http_websocket_session_init(ngx_cycle_t *cycle,
    const ngx_http_websocket_protocol_t *const *protocols)
{
    ngx_http_websocket_session_protocols = protocols;
    ngx_http_websocket_session_kind =
                  ngx_http_websocket_hub_kind(&ngx_http_websocket_subscriber);
    ngx_http_websocket_chooser_kind =
                     ngx_http_websocket_hub_kind(&ngx_http_websocket_chooser);

    ngx_http_websocket_index_init();
    ngx_http_websocket_behind_init(cycle);
    ngx_http_websocket_subscription_init(cycle);
    ngx_http_websocket_write_init(cycle);
#if (NGX_HTTP_SSL)
    ngx_http_websocket_tls_init(cycle);
#endif
    ngx_http_websocket_wheel_init(cycle, ngx_http_websocket_session_due);
    ngx_http_websocket_trim_init(cycle);
}


ngx_int_t
ngx_http_websocket_session_create(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options)
{
    ngx_int_t                      rc;
    ngx_uint_t                     holds;
    ngx_http_websocket_session_t  *s;

    s = ngx_http_websocket_session_alloc(r, options->protocol);
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->variant = ngx_http_websocket_variant_of(
                            ngx_http_websocket_format_number(options->format),
                            options->view);

    if (ngx_http_websocket_protocol_of(s)->transport->prepare(s, r,
                                                              ctx->nchannels)
        != NGX_OK)
    {
        ngx_http_websocket_session_release(s);
        return NGX_ERROR;
    }

    s->record->aside = &ngx_http_websocket_aside_none;

    holds = ngx_http_websocket_drain_begin(s);

    s->conf->stats->active[s->protocol]++;

    s->record->request = r;
    s->record->progress = s->heard;
    s->record->close_code = NGX_WEBSOCKET_CLOSE_ABNORMAL;
    s->record->started = ngx_current_msec;
    s->record->id = ctx->introduced ? ctx->introduced->session
                                    : ngx_http_websocket_session_next();

    rc = ngx_http_websocket_session_asked(s, options);

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_subscription_create(s, ctx->channels,
                                                    ctx->nchannels);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_limits_begin(s, r, holds);
    }

    if (rc == NGX_OK && options->deflate.accepted) {
        rc = ngx_http_websocket_deflate_begin(s, &options->deflate);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_session_known(s, ctx);
    }

    s->shared = s->conf->own_messages && !ngx_http_websocket_deflate_own(s);

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_extra_begin(s, r, options);
    }

    if (rc == NGX_OK && s->conf->subscribes) {
        rc = ngx_http_websocket_presence_begin(s, r);
    }

    if (rc == NGX_OK && options->protocol->choice) {
        rc = options->protocol->choice->begin(s);
    }

    if (rc == NGX_OK && !holds) {
        rc = ngx_http_websocket_drain_refer(s, options);

    } else if (rc == NGX_OK && s->conf->subscribes) {
        rc = ngx_http_websocket_subscription_begin(s, options);
    }

    if (rc != NGX_OK) {
        ngx_http_websocket_session_detach(s);
        ngx_http_websocket_session_dispose(s);
        return rc;
    }

    ctx->session = s;

    return NGX_OK;
}


/* whose session it is, and until when */

static ngx_int_t
ngx_http_websocket_session_known(ngx_http_websocket_session_t *s,
    ngx_http_websocket_ctx_t *ctx)
{
    if (((ctx->access && s->conf->jwt) || s->conf->user || s->conf->expires
         || ctx->introduced)
        && ngx_http_websocket_auth_begin(s, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_websocket_hooked_begin(s, ctx->introduced);
}


/* sets up what else the client has asked to be told */

static ngx_int_t
ngx_http_websocket_session_asked(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options)
{
    if (ngx_http_websocket_beat_begin(s, options) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_websocket_ack_begin(s, options);
}


static ngx_http_websocket_session_t *
ngx_http_websocket_session_alloc(ngx_http_request_t *r,
    const ngx_http_websocket_protocol_t *protocol)
{
    size_t                          size;
    ngx_uint_t                      pooled;
    ngx_pool_t                     *pool;
    ngx_http_websocket_session_t   *s;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    size = sizeof(ngx_http_websocket_session_t);
    pool = r->connection->pool;
    pooled = protocol->transport->socket && pool->current == pool
             && ngx_align_ptr(pool->d.last, NGX_ALIGNMENT) + size
                <= pool->d.end;

    s = pooled ? ngx_pcalloc(pool, size)
               : ngx_calloc(size, r->connection->log);
    if (s == NULL) {
        return NULL;
    }

    s->pooled = pooled;
    s->first.kind = protocol->choice ? ngx_http_websocket_chooser_kind
                                     : ngx_http_websocket_session_kind;
    s->protocol = ngx_http_websocket_session_protocol(protocol);
    s->connection = r->connection;
    s->conf = conf;
    s->out = &ngx_http_websocket_queue_none;

    s->heard = ngx_http_websocket_now();
    s->active = s->heard;

    ngx_http_websocket_trim_made();

    return s;
}


static ngx_uint_t
ngx_http_websocket_session_protocol(
    const ngx_http_websocket_protocol_t *protocol)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_websocket_session_protocols[i] != protocol; i++) {
        /* void */
    }

    return i;
}


ngx_int_t
ngx_http_websocket_session_aside(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_aside_t  *aside;

    if (s->record->aside != &ngx_http_websocket_aside_none) {
        return NGX_OK;
    }

    aside = ngx_calloc(sizeof(ngx_http_websocket_aside_t), s->connection->log);
    if (aside == NULL) {
        return NGX_ERROR;
    }

    s->record->aside = aside;

    return NGX_OK;
}


void
ngx_http_websocket_session_part(ngx_http_websocket_session_t *s)
{
    /*
     * a session that does not read, or is a response, may have waited long for
     * a flush
     */

    if (!ngx_http_websocket_turn_step(NGX_HTTP_WEBSOCKET_END_STEPS)
        || s->write_blocked
        || !ngx_http_websocket_protocol_of(s)->transport->socket)
    {
        ngx_http_websocket_session_unsubscribe_all(s);
        return;
    }

    /*
     * messages that are delivered until then are dropped, not written at once
     */

    s->shared = 0;

    ngx_http_websocket_uncork(s);
    ngx_http_websocket_post_flush(s);
}


static void
ngx_http_websocket_session_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    ngx_http_websocket_session_take(
                                  ngx_http_websocket_session_of(subscription),
                                  subscription, delivery, first);
}


static ngx_inline void
ngx_http_websocket_session_take(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    if (first == 0 && s->shared && s->unacked
        && ngx_http_websocket_direct_ready(s)
        && subscription->catch_up == NULL)
    {
        first = ngx_http_websocket_direct_deliver(s, delivery);
    }

    if (first < delivery->n) {
        ngx_http_websocket_session_queue(s, subscription, delivery, first);
    }
}


/*
 * Messages of several channels in one turn are written together, not all that
 * get the other messages get joins, and a patch is for who has what it is of.
 */

static void
ngx_http_websocket_session_choose_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    ngx_http_websocket_session_t  *s;
    ngx_http_websocket_further_t  *further;

    further = (ngx_http_websocket_further_t *) subscription;
    s = further->session;

    if ((delivery->alone || s->record->nsubscriptions == 1)
        && (!delivery->events || further->events) && !further->delta)
    {
        ngx_http_websocket_session_take(s, subscription, delivery, first);

    } else if (!s->close_queued) {
        ngx_http_websocket_session_queue_all(s, subscription, delivery, first);
    }
}


static void
ngx_http_websocket_session_queue(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    if (s->close_queued) {

        /* the session has yet to leave */

        return;
    }

    if (first == 0 && ngx_http_websocket_direct_ready(s)
        && subscription->catch_up == NULL)
    {
        if (s->filtered) {
            first = ngx_http_websocket_direct_select(s, subscription,
                                                     delivery);

        } else if (s->shared && !s->unacked) {

            /* nothing was on its way to the client so far */

            ngx_http_websocket_progress_begin(s);

            first = ngx_http_websocket_direct_deliver(s, delivery);
        }
    }

    ngx_http_websocket_session_queue_all(s, subscription, delivery, first);
}


static void
ngx_http_websocket_session_queue_all(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    /* the delivery may have ended the subscription */

    for (i = first; i < delivery->n && subscription->active; i++) {

        rc = ngx_http_websocket_session_queue_one(s, subscription,
                                                  delivery->messages[i]);

        if (rc != NGX_OK) {
            s->record->dropped++;
            s->conf->stats->dropped[rc == NGX_HTTP_WEBSOCKET_SEND_FULL
                                    ? NGX_HTTP_WEBSOCKET_DROPPED_CLOSE
                                    : NGX_HTTP_WEBSOCKET_DROPPED_MEMORY]++;

            ngx_http_websocket_session_close(s,
                                     rc == NGX_HTTP_WEBSOCKET_SEND_FULL
                                     ? NGX_HTTP_WEBSOCKET_REASON_TOO_SLOW
                                     : NGX_HTTP_WEBSOCKET_REASON_QUEUE_MEMORY);
            return;
        }
    }
}


static ngx_int_t
ngx_http_websocket_session_pass(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_message_t *message)
{
    const ngx_http_websocket_protocol_t  *protocol;

    protocol = ngx_http_websocket_protocol_of(s);

    if (protocol->pass) {
        protocol->pass(s, subscription, message);
    }

    return NGX_OK;
}


/* as ngx_http_websocket_send() */

static ngx_int_t
ngx_http_websocket_session_queue_one(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_message_t *message)
{
    ngx_int_t                    rc;
    ngx_http_websocket_frame_t  *frame;

    if (message->except && message->source == s->record->id) {
        return ngx_http_websocket_session_pass(s, subscription, message);
    }

    if (s->conf->conflate_key.len && message->frame.fresh
        && ngx_http_websocket_content_key(s->connection->log, message,
                                          &s->conf->conflate_key)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (s->filtered || subscription->view) {

        rc = ngx_http_websocket_select(s, subscription,
                             ngx_http_websocket_select_filter(s, subscription),
                                       &message);

        if (rc != NGX_OK) {
            return rc == NGX_HTTP_WEBSOCKET_HIDDEN ? NGX_OK : rc;
        }
    }

    rc = ngx_http_websocket_protocol_of(s)->push(s, subscription, message,
                                                 &frame);
    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_HIDDEN ? NGX_OK : rc;
    }

    s->active = ngx_http_websocket_now();

    return subscription->catch_up ? ngx_http_websocket_send_reply(s, frame)
                                  : ngx_http_websocket_send(s, frame);
}


static ngx_uint_t
ngx_http_websocket_session_ready(
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_http_websocket_session_t  *s;

    s = ngx_http_websocket_session_of(subscription);

    /*
     * a language that gathers messages does not wait for what was queued before
     */

    return s->out->count == 0
           || (ngx_http_websocket_protocol_of(s)->choice
               && !((ngx_http_websocket_further_t *) subscription)->server);
}


static void
ngx_http_websocket_session_live(
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_http_websocket_session_t       *s;
    const ngx_http_websocket_choice_t  *choice;

    s = ngx_http_websocket_session_of(subscription);
    choice = ngx_http_websocket_protocol_of(s)->choice;

    if (choice) {
        choice->live(s, subscription);
    }
}


void
ngx_http_websocket_session_more(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_subscription_t  *sub;

    s->catching_up = 0;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        if (sub->catch_up) {
            s->catching_up = 1;
            ngx_http_websocket_hub_more(sub);
        }
    }
}


static void
ngx_http_websocket_session_broken(
    ngx_http_websocket_subscription_t *subscription, int rc)
{
    ngx_http_websocket_session_t       *s;
    const ngx_http_websocket_choice_t  *choice;

    s = ngx_http_websocket_session_of(subscription);
    choice = ngx_http_websocket_protocol_of(s)->choice;

    if (choice) {
        choice->broken(s, subscription, rc);
        return;
    }

    if (rc == NGX_WEBSOCKET_STORE_ENDED) {
        ngx_http_websocket_session_ended(s, subscription);
        return;
    }

    /*
     * the subscribers of the channel are told one by one, until there are none
     */

    ngx_http_websocket_session_unsubscribe_all(s);

    if (rc == NGX_WEBSOCKET_STORE_DELETED) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_DELETED);
        return;
    }

    ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_LOST);
}


/* the session goes on as long as one of its channels does */

static void
ngx_http_websocket_session_ended(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_websocket_position_t              position;
    const ngx_http_websocket_protocol_t  *protocol;

    protocol = ngx_http_websocket_protocol_of(s);

    if (protocol->end) {
        ngx_http_websocket_hub_position(subscription, &position);
        protocol->end(s, subscription, &position);
    }

    ngx_http_websocket_session_unsubscribe(s, subscription);

    if (s->record->nsubscriptions == 0) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_ENDED);
    }
}


void
ngx_http_websocket_session_start(ngx_http_websocket_session_t *s)
{
    s->record->request->main->count++;

    s->started = 1;
    s->conf->stats->connections[s->protocol]++;

    ngx_http_websocket_probe3(upgrade, s->record->id,
                              (ngx_uint_t) s->protocol, s->connection->fd);

    ngx_http_websocket_protocol_of(s)->transport->start(s);

    if (ngx_exiting) {

        /*
         * the request came before the worker was told to quit, and was read
         * after that
         */

        ngx_http_websocket_drain(s);
        return;
    }

    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_session_discard(ngx_http_websocket_ctx_t *ctx)
{
    ngx_http_websocket_session_t  *s;

    s = ctx->session;
    ctx->session = NULL;

    ngx_http_websocket_session_detach(s);
    ngx_http_websocket_session_dispose(s);
}


void
ngx_http_websocket_session_close(ngx_http_websocket_session_t *s,
    ngx_http_websocket_reason_e reason)
{
    ngx_http_websocket_session_close_text(s, reason,
                     ngx_http_websocket_protocol_of(s)->closes[reason].text);
}


void
ngx_http_websocket_session_fail(ngx_http_websocket_session_t *s,
    ngx_http_websocket_reason_e reason)
{
    const ngx_http_websocket_close_t     *close;
    const ngx_http_websocket_protocol_t  *protocol;

    protocol = ngx_http_websocket_protocol_of(s);
    close = &protocol->closes[reason];

    protocol->transport->fail(s, close->code, close->text);
}


void
ngx_http_websocket_session_close_text(ngx_http_websocket_session_t *s,
    ngx_http_websocket_reason_e reason, const char *text)
{
    const ngx_http_websocket_close_t     *close;
    const ngx_http_websocket_protocol_t  *protocol;

    if (s->close_queued) {
        return;
    }

    protocol = ngx_http_websocket_protocol_of(s);
    close = &protocol->closes[reason];

    /*
     * a poll asked for the messages that wait, and is told a position behind
     * them
     */

    if (close->drop && !protocol->once) {
        ngx_http_websocket_queue_drop(s, NGX_HTTP_WEBSOCKET_DROPPED_CLOSE);
    }

    ngx_http_websocket_session_say_close(s, close->code, text);
}


void
ngx_http_websocket_session_close_code(ngx_http_websocket_session_t *s,
    uint16_t code, const char *text)
{
    if (!s->close_queued) {
        ngx_http_websocket_session_say_close(s, code, text);
    }
}


static void
ngx_http_websocket_session_say_close(ngx_http_websocket_session_t *s,
    uint16_t code, const char *text)
{
    s->close_queued = 1;
    s->record->leave = ngx_http_websocket_now();

    ngx_http_websocket_session_part(s);
    ngx_http_websocket_session_note(s, code, (const u_char *) text,
                                    ngx_strlen(text));

    ngx_http_websocket_protocol_of(s)->close(s, code, (const u_char *) text,
                                             ngx_strlen(text));
    ngx_http_websocket_progress_mark(s);

    ngx_http_websocket_session_resume_all(s);
    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_session_note(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size)
{
    u_char  *p;

    s->record->close_code = code;

    if (size == 0 || s->record->aside->close_reason
        || ngx_http_websocket_session_aside(s) != NGX_OK)
    {
        return;
    }

    p = ngx_alloc(size, s->connection->log);
    if (p == NULL) {
        return;
    }

    ngx_memcpy(p, reason, size);

    s->record->aside->close_reason = p;
    s->record->aside->close_reason_size = size;
}


uint64_t
ngx_http_websocket_session_next(void)
{
    return (uint64_t) ngx_http_websocket_worker_incarnation() << 32
           | ++ngx_http_websocket_session_number;
}


uint64_t
ngx_http_websocket_session_bytes_out(ngx_http_websocket_session_t *s)
{
    return ngx_http_websocket_protocol_of(s)->transport->bytes_out(s);
}


void
ngx_http_websocket_session_free(ngx_http_websocket_session_t *s)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, s->connection->log, 0,
                   "websocket session free: %ui",
                   (ngx_uint_t) s->record->close_code);

    ngx_http_websocket_turn_worked(NGX_HTTP_WEBSOCKET_END_STEPS);

    ngx_http_websocket_session_detach(s);

    ngx_http_websocket_protocol_of(s)->transport->end(s);
}


void
ngx_http_websocket_session_gone(ngx_http_websocket_session_t *s)
{
    if (!ngx_http_websocket_turn_over()) {
        ngx_http_websocket_session_free(s);
        return;
    }

    s->gone = 1;

    ngx_http_websocket_wheel_next(&s->timer);
}


void
ngx_http_websocket_session_detach(ngx_http_websocket_session_t *s)
{
    if (s->detached) {
        return;
    }

    s->detached = 1;

    ngx_http_websocket_session_count_end(s);

    ngx_http_websocket_session_unsubscribe_all(s);
    ngx_http_websocket_pause_give_up(s);
    ngx_http_websocket_drain_away(s);
    ngx_http_websocket_wheel_del(&s->timer);
    ngx_http_websocket_queue_free(s);

    if (s->flush_posted) {
        s->flush_posted = 0;
        ngx_queue_remove(&s->flush);
    }
}


/* the end of a poll is not the end of a stream */

static void
ngx_http_websocket_session_count_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_stats_t  *stats;

    stats = s->conf->stats;

    stats->active[s->protocol]--;

    ngx_http_websocket_probe4(close, s->record->id,
                              (ngx_uint_t) s->record->close_code,
                              s->record->messages_in, s->messages_out);

    if (s->started
        && (s->close_queued || !ngx_http_websocket_protocol_of(s)->once))
    {
        stats->closes[ngx_http_websocket_stats_close(s->record->close_code)]++;
    }
}


void
ngx_http_websocket_session_dispose(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_record_t  *record;

    record = s->record;

    ngx_http_websocket_input_free(s);
    ngx_http_websocket_subscription_free(s);
    ngx_http_websocket_deflate_end(s);
    ngx_http_websocket_pause_free(s);
    ngx_http_websocket_limits_free(s);
    ngx_http_websocket_extra_end(s);
    ngx_http_websocket_ack_free(s);
    ngx_http_websocket_hooked_end(s);

    if (ngx_http_websocket_protocol_of(s)->choice) {
        ngx_http_websocket_protocol_of(s)->choice->end(s);
    }

    ngx_free(record->aside->close_reason);
    ngx_free(record->aside->auth);

    if (record->aside != &ngx_http_websocket_aside_none) {
        ngx_free(record->aside);
    }

    ngx_http_websocket_protocol_of(s)->transport->forget(s);

    ngx_http_websocket_session_release(s);
}


static void
ngx_http_websocket_session_release(ngx_http_websocket_session_t *s)
{
    if (!s->pooled) {
        ngx_free(s);
    }

    ngx_http_websocket_trim_freed();
}


void
ngx_http_websocket_session_schedule(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_time_t       due, t;
    ngx_http_websocket_pause_t     *pause;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = s->conf;

    /* a time that is far enough away to mean never */
    due = ngx_http_websocket_now() + NGX_HTTP_WEBSOCKET_LONGEST;

#define ngx_http_websocket_earlier(time)                                      \
    t = time;                                                                 \
    if ((int32_t) (t - due) < 0) {                                            \
        due = t;                                                              \
    }

    if (s->state >= NGX_HTTP_WEBSOCKET_CLOSE_SENT) {
        ngx_http_websocket_earlier(ngx_http_websocket_session_closing(s));

    } else if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {

        if (ngx_http_websocket_protocol_of(s)->choice) {
            ngx_http_websocket_earlier(
                            ngx_http_websocket_protocol_of(s)->choice->due(s));

        } else if (s->ping_open) {

            if (!ngx_http_websocket_session_hindered(s)) {
                ngx_http_websocket_earlier(
                                   ngx_http_websocket_progress_since(s->heard)
                                   + conf->heartbeat_timeout);
            }

        } else if (conf->heartbeat_interval) {
            ngx_http_websocket_earlier(s->heard
                                       + ngx_http_websocket_beat_interval(s));
        }

        if (s->record->aside->visible) {
            ngx_http_websocket_earlier(s->record->aside->beat);
        }

        if (ngx_http_websocket_session_is_paused(s)) {

            pause = s->record->aside->pause;

            if (pause->why & NGX_HTTP_WEBSOCKET_PAUSE_TIME) {
                ngx_http_websocket_earlier(pause->until);
            }

        } else if (conf->idle_timeout) {
            ngx_http_websocket_earlier(
                                  ngx_http_websocket_progress_since(s->active)
                                  + conf->idle_timeout);
        }

        if (s->record->aside->auth) {
            ngx_http_websocket_earlier(ngx_http_websocket_auth_due(s));
        }
    }

    if (s->draining && !s->close_queued) {
        ngx_http_websocket_earlier(s->record->leave);
    }

    if (s->unacked || s->state == NGX_HTTP_WEBSOCKET_UPGRADING) {
        ngx_http_websocket_earlier(ngx_http_websocket_progress_due(s));
    }

    if (s->gone) {
        ngx_http_websocket_earlier(ngx_http_websocket_now());
    }

#undef ngx_http_websocket_earlier

    /* a later time is noticed when the node comes up */

    if (ngx_http_websocket_wheel_is_set(&s->timer)
        && (int32_t) (s->record->due - due) <= 0)
    {
        return;
    }

    s->record->due = due;
    ngx_http_websocket_wheel_set(&s->timer, due);
}


static void
ngx_http_websocket_session_due(ngx_queue_t *node)
{
    ngx_http_websocket_session_t  *s;

    s = ngx_queue_data(node, ngx_http_websocket_session_t, timer);

    if (ngx_http_websocket_session_expire(s) == NGX_DONE) {
        ngx_http_websocket_session_free(s);
        return;
    }

    ngx_http_websocket_session_schedule(s);
}


/* NGX_DONE when the connection is to end now */

static ngx_int_t
ngx_http_websocket_session_expire(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_pause_t     *pause;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = s->conf;

    if (s->gone) {
        return NGX_DONE;
    }

    (void) ngx_http_websocket_progress_look(s);

    if (ngx_http_websocket_progress_over(s)) {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, NGX_ETIMEDOUT,
                      "websocket client does not read");

        s->connection->timedout = 1;
        return NGX_DONE;
    }

    if (s->state >= NGX_HTTP_WEBSOCKET_CLOSE_SENT) {

        if (ngx_http_websocket_session_passed(
                                     ngx_http_websocket_session_closing(s), 0))
        {
            ngx_log_error(NGX_LOG_INFO, s->connection->log, NGX_ETIMEDOUT,
                          "websocket client did not close");
            return NGX_DONE;
        }

        return NGX_OK;
    }

    /* a session that is not open yet has its Close behind the 101 */

    if (s->draining && !s->close_queued
        && ngx_http_websocket_session_passed(s->record->leave, 0))
    {
        ngx_http_websocket_drain_leave(s);
        return NGX_OK;
    }

    if (s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    /* a message that was on its way before is answered before the Close */

    if (s->record->aside->auth && !ngx_http_websocket_ack_awaits(s)
        && ngx_http_websocket_auth_expire(s) == NGX_DONE)
    {
        return NGX_OK;
    }

    if (ngx_http_websocket_session_is_paused(s)) {

        pause = s->record->aside->pause;

        if ((pause->why & NGX_HTTP_WEBSOCKET_PAUSE_TIME)
            && ngx_http_websocket_session_passed(pause->until, 0))
        {
            ngx_http_websocket_session_resume(s,
                                              NGX_HTTP_WEBSOCKET_PAUSE_TIME);
            return NGX_OK;
        }

    } else if (conf->idle_timeout && !ngx_http_websocket_behind_is(s)
               && ngx_http_websocket_progress_passed(s->active,
                                                     conf->idle_timeout)
               && !ngx_http_websocket_progress_unread(s))
    {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_IDLE);
        return NGX_OK;
    }

    if (ngx_http_websocket_protocol_of(s)->choice) {
        ngx_http_websocket_protocol_of(s)->choice->expire(s);

    } else {
        ngx_http_websocket_session_heartbeat(s);
    }

    return NGX_OK;
}


static void
ngx_http_websocket_session_heartbeat(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = s->conf;

    if (conf->heartbeat_interval == 0) {
        return;
    }

    if (s->record->aside->visible) {
        ngx_http_websocket_beat(s);
    }

    if (s->ping_open) {

        if (ngx_http_websocket_session_hindered(s)
            || !ngx_http_websocket_progress_passed(s->heard,
                                                   conf->heartbeat_timeout))
        {
            return;
        }

        if (ngx_http_websocket_session_is_paused(s)
            || ngx_http_websocket_behind_is(s)
            || ngx_http_websocket_progress_unread(s))
        {
            /* the answer may be among the bytes that were not read yet */

            s->heard = ngx_http_websocket_now();

        } else {
            s->conf->stats->dead++;

            ngx_http_websocket_session_fail(s,
                                           NGX_HTTP_WEBSOCKET_REASON_NO_PONG);
        }

        return;
    }

    if (ngx_http_websocket_session_passed(s->heard,
                                          ngx_http_websocket_beat_interval(s)))
    {
        ngx_http_websocket_protocol_of(s)->ping(s);
    }
}


/*
 * Until when the peer may take for the closing handshake: it counts from our
 * Close on, or from when the peer last took something of what is before the
 * Close; but not for ever.
 */

static ngx_http_websocket_time_t
ngx_http_websocket_session_closing(ngx_http_websocket_session_t *s)
{
    ngx_msec_t                 timeout;
    ngx_http_websocket_time_t  due, end;

    timeout = s->conf->close_timeout;
    due = s->record->leave;
    end = due + NGX_HTTP_WEBSOCKET_CLOSINGS * timeout;

    if (s->late) {
        due = ngx_http_websocket_progress_later(due, s->record->progress);
    }

    due = ngx_http_websocket_progress_since(due) + timeout;

    return (int32_t) (due - end) < 0 ? due : end;
}


static ngx_uint_t
ngx_http_websocket_session_passed(ngx_http_websocket_time_t since,
    ngx_msec_t timeout)
{
    return (int32_t) (ngx_http_websocket_now() - since
                      - (ngx_http_websocket_time_t) timeout)
           >= 0;
}
