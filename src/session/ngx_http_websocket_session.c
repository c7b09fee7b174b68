
#include "session/ngx_http_websocket_session.h"
#include "hub/ngx_http_websocket_worker.h"


static ngx_int_t ngx_http_websocket_session_subscribe(
    ngx_http_websocket_session_t *s, ngx_http_websocket_options_t *options);
static void ngx_http_websocket_session_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_message_t *message);
static ngx_uint_t ngx_http_websocket_session_ready(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_session_broken(
    ngx_http_websocket_subscription_t *subscription, int rc);
static void ngx_http_websocket_session_due(
    ngx_http_websocket_wheel_node_t *node);
static ngx_int_t ngx_http_websocket_session_expire(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_session_heartbeat(
    ngx_http_websocket_session_t *s);
static ngx_uint_t ngx_http_websocket_session_passed(ngx_msec_t since,
    ngx_msec_t timeout);
static void ngx_http_websocket_session_leave(ngx_http_websocket_session_t *s);


static const ngx_http_websocket_subscriber_t
    ngx_http_websocket_session_subscriber =
{
    ngx_http_websocket_session_deliver,
    ngx_http_websocket_session_ready,
    ngx_http_websocket_session_broken
};


/* all of this worker */
static ngx_queue_t  ngx_http_websocket_sessions;
static uint32_t     ngx_http_websocket_session_number;


ngx_int_t
ngx_http_websocket_session_init(ngx_cycle_t *cycle)
{
    ngx_queue_init(&ngx_http_websocket_sessions);

    ngx_http_websocket_write_init(cycle);
    ngx_http_websocket_wheel_init(cycle, ngx_http_websocket_session_due);

    return NGX_OK;
}


ngx_int_t
ngx_http_websocket_session_create(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options)
{
    ngx_int_t                      rc;
    ngx_http_websocket_session_t  *s;

    s = ngx_calloc(sizeof(ngx_http_websocket_session_t), r->connection->log);
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->connection = r->connection;
    s->request = r;
    s->conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    s->protocol = options->protocol;

    s->channels = ctx->channels;
    s->nchannels = ctx->nchannels;

    s->id = (uint64_t) ngx_http_websocket_worker_incarnation() << 32
            | ++ngx_http_websocket_session_number;

    s->started = ngx_current_msec;
    s->received = ngx_current_msec;
    s->active = ngx_current_msec;
    s->blocked = ngx_current_msec;

    s->close_code = NGX_WEBSOCKET_CLOSE_ABNORMAL;

    /* who counts by positions must not be given a later one first */

    s->position = options->position;
    s->ordered = options->position || options->nsince || !s->conf->priority
                 || s->protocol != &ngx_http_websocket_raw_protocol;

    ngx_queue_insert_tail(&ngx_http_websocket_sessions, &s->sessions);

    rc = s->protocol->transport->prepare(s);

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_session_subscribe(s, options);
    }

    if (rc != NGX_OK) {
        ngx_http_websocket_session_detach(s);
        ngx_http_websocket_session_dispose(s);
        return rc;
    }

    ctx->session = s;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_session_subscribe(ngx_http_websocket_session_t *s,
    ngx_http_websocket_options_t *options)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
    ngx_http_websocket_begin_t          begin;
    ngx_http_websocket_hello_t          hello;
    ngx_websocket_log_history_t         history;
    ngx_http_websocket_subscription_t  *subscription;

    if (s->conf->mode != NGX_HTTP_WEBSOCKET_BIDIRECTIONAL
        && s->conf->mode != NGX_HTTP_WEBSOCKET_RESULT)
    {
        return NGX_OK;
    }

    s->subscriptions = ngx_calloc(s->nchannels
                                  * sizeof(ngx_http_websocket_subscription_t),
                                  s->connection->log);

    hello.positions = ngx_palloc(s->request->pool,
                                 s->nchannels
                                 * sizeof(ngx_websocket_position_t));

    if (s->subscriptions == NULL || hello.positions == NULL) {
        return NGX_ERROR;
    }

    s->nsubscriptions = s->nchannels;
    s->catching_up = 1;

    hello.asked = options->nsince != 0;
    hello.recovered = 1;

    begin.history = ngx_http_websocket_conf_history(s->conf, &history);
    begin.replay.since = options->since;
    begin.replay.nsince = options->nsince;
    begin.replay.newest = s->conf->replay;

    /* of several the hello must be complete before any message */

    begin.defer = s->nchannels > 1;

    for (i = 0; i < s->nchannels; i++) {

        subscription = &s->subscriptions[i];

        subscription->handler = &ngx_http_websocket_session_subscriber;
        subscription->data = s;

        rc = ngx_http_websocket_hub_subscribe(s->conf->zone, &s->channels[i],
                                              &begin, subscription);
        if (rc != NGX_OK) {
            return rc;
        }

        if (s->close_queued) {

            /* memory was refused for the first messages */

            return NGX_ERROR;
        }

        hello.positions[i] = begin.position;
        hello.recovered &= begin.recovered;
    }

    if (s->protocol->hello(s, &hello) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < s->nchannels; i++) {
        ngx_http_websocket_presence_join(s, &s->subscriptions[i]);
    }

    return NGX_OK;
}


void
ngx_http_websocket_session_unsubscribe(ngx_http_websocket_session_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->nsubscriptions; i++) {
        ngx_http_websocket_presence_leave(s, &s->subscriptions[i]);
        ngx_http_websocket_hub_unsubscribe(&s->subscriptions[i]);
    }

    s->nsubscriptions = 0;
}


static void
ngx_http_websocket_session_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_message_t *message)
{
    ngx_int_t                      rc;
    ngx_http_websocket_frame_t    *frame;
    ngx_http_websocket_session_t  *s;

    s = subscription->data;

    rc = s->protocol->frame(s, subscription, message, &frame);

    if (rc == NGX_DECLINED) {
        return;
    }

    if (rc == NGX_OK) {
        rc = subscription->catch_up ? ngx_http_websocket_send_reply(s, frame)
                                    : ngx_http_websocket_send(s, frame);
    }

    if (rc == NGX_OK) {
        s->active = ngx_current_msec;
        return;
    }

    s->dropped++;

    ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_TRY_LATER,
                                     rc == NGX_DECLINED
                                     ? "too slow: the send queue is full"
                                     : "out of memory");
}


static ngx_uint_t
ngx_http_websocket_session_ready(
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_http_websocket_session_t  *s;

    s = subscription->data;

    return s->out.count == 0;
}


void
ngx_http_websocket_session_more(ngx_http_websocket_session_t *s)
{
    ngx_uint_t  i;

    s->catching_up = 0;

    for (i = 0; i < s->nsubscriptions; i++) {
        if (s->subscriptions[i].catch_up) {
            s->catching_up = 1;
            ngx_http_websocket_hub_more(&s->subscriptions[i]);
        }
    }
}


static void
ngx_http_websocket_session_broken(
    ngx_http_websocket_subscription_t *subscription, int rc)
{
    ngx_http_websocket_session_t  *s;

    s = subscription->data;

    if (rc == NGX_WEBSOCKET_LOG_DELETED) {
        ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_NORMAL,
                                         "the channel was deleted");
        return;
    }

    ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_TRY_LATER,
                                     "messages were lost");
}


void
ngx_http_websocket_session_start(ngx_http_websocket_session_t *s)
{
    s->request->main->count++;

    s->protocol->transport->start(s);

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
    uint16_t code, const char *reason)
{
    if (s->close_queued) {
        return;
    }

    if (code == NGX_WEBSOCKET_CLOSE_TRY_LATER) {
        ngx_http_websocket_queue_drop(s);
    }

    s->close_queued = 1;
    s->closing = ngx_current_msec;

    ngx_http_websocket_session_unsubscribe(s);
    ngx_http_websocket_session_note(s, code, (const u_char *) reason,
                                    ngx_strlen(reason));

    s->protocol->transport->close(s, code, (const u_char *) reason,
                                  ngx_strlen(reason));

    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_session_note(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size)
{
    s->close_code = code;

    if (size == 0 || s->request == NULL) {
        return;
    }

    s->close_reason = ngx_pnalloc(s->request->pool, size);
    if (s->close_reason == NULL) {
        return;
    }

    ngx_memcpy(s->close_reason, reason, size);
    s->close_reason_size = size;
}


void
ngx_http_websocket_session_free(ngx_http_websocket_session_t *s)
{
    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, s->connection->log, 0,
                   "websocket session free: %ui", (ngx_uint_t) s->close_code);

    ngx_http_websocket_session_detach(s);

    s->protocol->transport->end(s);
}


void
ngx_http_websocket_session_detach(ngx_http_websocket_session_t *s)
{
    if (s->detached) {
        return;
    }

    s->detached = 1;

    ngx_http_websocket_session_unsubscribe(s);
    ngx_http_websocket_wheel_del(&s->timer);
    ngx_http_websocket_queue_free(s);
    ngx_queue_remove(&s->sessions);
}


void
ngx_http_websocket_session_dispose(ngx_http_websocket_session_t *s)
{
    if (s->message_alloc) {
        ngx_free(s->message);
    }

    if (s->response) {
        s->response->first_cleanup->handler = NULL;
        s->response->last_cleanup->handler = NULL;
        ngx_free(s->response->buf.start);
    }

    ngx_free(s->control);
    ngx_free(s->subscriptions);
    ngx_free(s);
}


void
ngx_http_websocket_session_schedule(ngx_http_websocket_session_t *s)
{
    ngx_msec_t                      due, t;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = s->conf;

    /* far enough away to be none */
    due = ngx_current_msec + 24 * 60 * 60 * 1000;

#define ngx_http_websocket_earlier(time)                                      \
    t = time;                                                                 \
    if ((ngx_msec_int_t) (t - due) < 0) {                                     \
        due = t;                                                              \
    }

    if (s->state >= NGX_HTTP_WEBSOCKET_CLOSE_SENT) {
        ngx_http_websocket_earlier(s->closing + conf->close_timeout);

    } else if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {

        if (s->ping_open) {
            ngx_http_websocket_earlier(s->pinged + conf->heartbeat_timeout);

        } else if (conf->heartbeat_interval) {
            ngx_http_websocket_earlier(s->received
                                       + conf->heartbeat_interval);
        }

        if (conf->idle_timeout) {
            ngx_http_websocket_earlier(s->active + conf->idle_timeout);
        }

        if (s->draining) {
            ngx_http_websocket_earlier(s->drain);
        }
    }

    if (s->write_blocked || s->state == NGX_HTTP_WEBSOCKET_UPGRADING) {
        ngx_http_websocket_earlier(s->blocked + conf->send_timeout);
    }

#undef ngx_http_websocket_earlier

    /* what is due later than the node is found when the node comes up */

    if (s->timer.set && (ngx_msec_int_t) (s->timer.due - due) <= 0) {
        return;
    }

    ngx_http_websocket_wheel_set(&s->timer, due);
}


static void
ngx_http_websocket_session_due(ngx_http_websocket_wheel_node_t *node)
{
    ngx_http_websocket_session_t  *s;

    s = (ngx_http_websocket_session_t *)
            ((u_char *) node - offsetof(ngx_http_websocket_session_t, timer));

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
    ngx_http_websocket_loc_conf_t  *conf;

    conf = s->conf;

    if ((s->write_blocked || s->state == NGX_HTTP_WEBSOCKET_UPGRADING)
        && ngx_http_websocket_session_passed(s->blocked, conf->send_timeout))
    {
        ngx_log_error(NGX_LOG_INFO, s->connection->log, NGX_ETIMEDOUT,
                      "websocket client does not read");

        s->connection->timedout = 1;
        return NGX_DONE;
    }

    if (s->state >= NGX_HTTP_WEBSOCKET_CLOSE_SENT) {

        if (ngx_http_websocket_session_passed(s->closing,
                                              conf->close_timeout))
        {
            ngx_log_error(NGX_LOG_INFO, s->connection->log, NGX_ETIMEDOUT,
                          "websocket client did not close");
            return NGX_DONE;
        }

        return NGX_OK;
    }

    if (s->state != NGX_HTTP_WEBSOCKET_OPEN) {
        return NGX_OK;
    }

    if (s->draining && ngx_http_websocket_session_passed(s->drain, 0)) {
        ngx_http_websocket_session_leave(s);
        return NGX_OK;
    }

    if (conf->idle_timeout
        && ngx_http_websocket_session_passed(s->active, conf->idle_timeout))
    {
        ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_NORMAL,
                                         "no message for too long");
        return NGX_OK;
    }

    ngx_http_websocket_session_heartbeat(s);

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

    if (s->ping_open) {

        if (ngx_http_websocket_session_passed(s->pinged,
                                              conf->heartbeat_timeout))
        {
            ngx_http_websocket_socket_fail(s, NGX_WEBSOCKET_CLOSE_INTERNAL,
                                            "no answer to Ping");
        }

        return;
    }

    if (ngx_http_websocket_session_passed(s->received,
                                          conf->heartbeat_interval))
    {
        s->protocol->transport->ping(s);
    }
}


static ngx_uint_t
ngx_http_websocket_session_passed(ngx_msec_t since, ngx_msec_t timeout)
{
    return (ngx_msec_int_t) (ngx_current_msec - since - timeout) >= 0;
}


static void
ngx_http_websocket_session_leave(ngx_http_websocket_session_t *s)
{
    if (ngx_http_websocket_worker_outdated()) {
        ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_RESTART,
                                         "server restarts: connect again");
        return;
    }

    ngx_http_websocket_session_close(s, NGX_WEBSOCKET_CLOSE_GOING_AWAY,
                                     "server shuts down");
}


void
ngx_http_websocket_session_drain_all(void)
{
    ngx_queue_t                   *q;
    ngx_http_websocket_session_t  *s;

    for (q = ngx_queue_head(&ngx_http_websocket_sessions);
         q != ngx_queue_sentinel(&ngx_http_websocket_sessions);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, ngx_http_websocket_session_t, sessions);

        s->draining = 1;
        s->drain = ngx_current_msec;

        /* spread, so that all do not come back at once */

        if (s->conf->drain) {
            s->drain += (ngx_msec_t) ngx_random() % s->conf->drain;
        }

        ngx_http_websocket_session_schedule(s);
    }
}


void
ngx_http_websocket_session_abandon_all(void)
{
    ngx_queue_t                   *q;
    ngx_http_websocket_session_t  *s;

    while (!ngx_queue_empty(&ngx_http_websocket_sessions)) {

        q = ngx_queue_head(&ngx_http_websocket_sessions);
        s = ngx_queue_data(q, ngx_http_websocket_session_t, sessions);

        if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
            ngx_http_websocket_session_leave(s);
            (void) ngx_http_websocket_flush(s);
        }

        ngx_http_websocket_session_free(s);
    }
}
