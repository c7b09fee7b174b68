
#include "session/ngx_http_websocket_session.h"
#include "hub/ngx_http_websocket_worker.h"


static ngx_int_t ngx_http_websocket_session_subscribe(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_session_unsubscribe(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_session_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_message_t *message);
static void ngx_http_websocket_session_broken(
    ngx_http_websocket_subscription_t *subscription, int rc);
static void ngx_http_websocket_session_begin(ngx_event_t *ev);
static void ngx_http_websocket_session_note(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);
static void ngx_http_websocket_session_send_close(
    ngx_http_websocket_session_t *s, uint16_t code, const u_char *reason,
    size_t size);
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
    ngx_http_websocket_ctx_t *ctx)
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
    s->protocol = &ngx_http_websocket_raw_protocol;

    s->channels = ctx->channels;
    s->nchannels = ctx->nchannels;

    s->id = (uint64_t) ngx_http_websocket_worker_incarnation() << 32
            | ++ngx_http_websocket_session_number;

    s->started = ngx_current_msec;
    s->received = ngx_current_msec;
    s->active = ngx_current_msec;
    s->blocked = ngx_current_msec;

    s->close_code = NGX_WEBSOCKET_CLOSE_ABNORMAL;

    ngx_websocket_parser_init(&s->parser, 0);

    rc = ngx_http_websocket_session_subscribe(s);

    if (rc != NGX_OK) {
        ngx_http_websocket_session_unsubscribe(s);
        ngx_free(s->subscriptions);
        ngx_free(s);
        return rc;
    }

    ngx_queue_insert_tail(&ngx_http_websocket_sessions, &s->sessions);

    ctx->session = s;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_session_subscribe(ngx_http_websocket_session_t *s)
{
    ngx_int_t                           rc;
    ngx_uint_t                          i;
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
    if (s->subscriptions == NULL) {
        return NGX_ERROR;
    }

    s->nsubscriptions = s->nchannels;

    for (i = 0; i < s->nchannels; i++) {

        subscription = &s->subscriptions[i];

        subscription->handler = &ngx_http_websocket_session_subscriber;
        subscription->data = s;

        rc = ngx_http_websocket_hub_subscribe(s->conf->zone, &s->channels[i],
                          ngx_http_websocket_conf_history(s->conf, &history),
                          subscription);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


static void
ngx_http_websocket_session_unsubscribe(ngx_http_websocket_session_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < s->nsubscriptions; i++) {
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

    frame = s->protocol->frame(s, message);

    if (frame == NULL) {
        return;
    }

    rc = ngx_http_websocket_send(s, frame);

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
    ngx_connection_t  *c;

    c = s->connection;

    /*
     * c->data must remain the request until nginx has left its phases; the
     * session begins in an event of its own.
     */

    s->request->main->count++;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    c->read->handler = ngx_http_websocket_session_begin;
    c->write->handler = ngx_http_websocket_session_begin;

    ngx_http_websocket_session_schedule(s);

    ngx_post_event(c->write, &ngx_posted_events);
}


void
ngx_http_websocket_session_discard(ngx_http_websocket_ctx_t *ctx)
{
    ngx_http_websocket_session_t  *s;

    s = ctx->session;
    ctx->session = NULL;

    ngx_http_websocket_session_unsubscribe(s);
    ngx_queue_remove(&s->sessions);

    ngx_free(s->subscriptions);
    ngx_free(s);
}


static void
ngx_http_websocket_session_begin(ngx_event_t *ev)
{
    ngx_connection_t              *c;
    ngx_http_request_t            *r;
    ngx_http_websocket_ctx_t      *ctx;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_websocket_session_t  *s;

    c = ev->data;
    r = c->data;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    s = ctx->session;

    c->data = s;
    c->log->action = "streaming websocket messages";

    c->read->handler = ngx_http_websocket_read_handler;
    c->write->handler = ngx_http_websocket_write_handler;

    /* as ngx_http_set_keepalive() does */

    if (c->tcp_nopush == NGX_TCP_NOPUSH_SET) {
        if (ngx_tcp_push(c->fd) == -1) {
            ngx_connection_error(c, ngx_socket_errno,
                                 ngx_tcp_push_n " failed");
            ngx_http_websocket_session_free(s);
            return;
        }

        c->tcp_nopush = NGX_TCP_NOPUSH_UNSET;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay && ngx_tcp_nodelay(c) != NGX_OK) {
        ngx_http_websocket_session_free(s);
        return;
    }

    ngx_http_websocket_write_handler(c->write);
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

    ngx_http_websocket_session_send_close(s, code, (const u_char *) reason,
                                          ngx_strlen(reason));

    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        s->state = NGX_HTTP_WEBSOCKET_CLOSE_SENT;
    }

    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_session_fail(ngx_http_websocket_session_t *s,
    uint16_t code, const char *reason)
{
    if (s->state >= NGX_HTTP_WEBSOCKET_CLOSE_LAST) {
        return;
    }

    ngx_log_error(NGX_LOG_INFO, s->connection->log, 0,
                  "websocket session closed with %ui: %s",
                  (ngx_uint_t) code, reason);

    if (!s->close_queued) {
        ngx_http_websocket_session_send_close(s, code,
                                              (const u_char *) reason,
                                              ngx_strlen(reason));
    }

    s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;
    s->linger = 1;

    ngx_http_websocket_post_flush(s);
    ngx_http_websocket_session_schedule(s);
}


void
ngx_http_websocket_session_closed_by_peer(ngx_http_websocket_session_t *s,
    u_char *payload, size_t size)
{
    uint16_t  code, error;

    error = ngx_websocket_close_parse(payload, size, &code);

    if (error) {
        ngx_http_websocket_session_fail(s, error,
                                        error == NGX_WEBSOCKET_CLOSE_INVALID
                                        ? "close reason is not UTF-8"
                                        : "invalid close code or payload");
        return;
    }

    if (!s->close_queued) {

        /* the peer does not read on: what is queued would be in vain */

        ngx_http_websocket_queue_drop(s);

        ngx_http_websocket_session_send_close(s, code, NULL, 0);

        if (size > 2) {
            ngx_http_websocket_session_note(s, code, payload + 2, size - 2);
        }
    }

    s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;

    ngx_http_websocket_post_flush(s);
    ngx_http_websocket_session_schedule(s);
}


/* for the variables; the first closing counts */

static void
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


static void
ngx_http_websocket_session_send_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size)
{
    u_char  payload[NGX_WEBSOCKET_CONTROL_SIZE];

    s->close_queued = 1;
    s->closing = ngx_current_msec;

    ngx_http_websocket_session_unsubscribe(s);
    ngx_http_websocket_session_note(s, code, reason, size);

    size = ngx_websocket_close_payload(payload, code, reason, size);

    /* without memory for it the connection ends all the same, by the timer */

    (void) ngx_http_websocket_send_control(s, NGX_WEBSOCKET_CLOSE, payload,
                                           size);
}


void
ngx_http_websocket_session_free(ngx_http_websocket_session_t *s)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = s->connection;
    r = s->request;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, c->log, 0,
                   "websocket session free: %ui", (ngx_uint_t) s->close_code);

    ngx_http_websocket_session_unsubscribe(s);
    ngx_http_websocket_wheel_del(&s->timer);
    ngx_http_websocket_queue_free(s);
    ngx_queue_remove(&s->sessions);

    /* writes the access log's line, whose variables need the session */

    ngx_http_free_request(r, 0);

    if (s->message_alloc) {
        ngx_free(s->message);
    }

    ngx_free(s->control);
    ngx_free(s->subscriptions);
    ngx_free(s);

    ngx_http_close_connection(c);
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
            ngx_http_websocket_session_fail(s, NGX_WEBSOCKET_CLOSE_INTERNAL,
                                            "no answer to Ping");
        }

        return;
    }

    if (ngx_http_websocket_session_passed(s->received,
                                          conf->heartbeat_interval))
    {
        s->ping_open = 1;
        s->pinged = ngx_current_msec;

        (void) ngx_http_websocket_send_control(s, NGX_WEBSOCKET_PING, NULL,
                                               0);
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
