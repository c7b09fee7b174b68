
#include "session/ngx_http_websocket_session_publish.h"
#include "session/ngx_http_websocket_ack.h"
#include "session/ngx_http_websocket_collect.h"
#include "session/ngx_http_websocket_hold.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_token.h"


static ngx_int_t ngx_http_websocket_session_unauthorized(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_session_publish_acked(
    ngx_http_websocket_session_t *s, ngx_http_websocket_publish_t *p);
static const char *ngx_http_websocket_session_reached(
    ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_session_acked(
    ngx_http_websocket_session_t *s, ngx_http_websocket_publish_t *p);


ngx_int_t
ngx_http_websocket_session_publish(ngx_http_websocket_session_t *s,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    size_t n)
{
    ngx_http_websocket_publish_t   p;
    ngx_websocket_store_history_t  history;

    /*
     * an expired token would be noticed by a timer or the tick, but after this
     * message
     */

    if (s->record->aside->auth
        && (ngx_http_websocket_auth_over(s) || !s->first.publishes))
    {
        return ngx_http_websocket_session_unauthorized(s);
    }

    p.message = *message;
    p.message.source = s->record->id;

    p.history = ngx_http_websocket_conf_history(s->conf, &history);
    p.parts = parts;
    p.n = n;
    p.describe = 0;
    p.large = NULL;
    p.durable = s->conf->durable ? NGX_HTTP_WEBSOCKET_DURABLE_WAIT
                                 : NGX_HTTP_WEBSOCKET_DURABLE_OFF;
    p.patience = s->conf->durable_wait;

    if (s->record->aside->ack) {
        ngx_http_websocket_session_publish_acked(s, &p);
    }

    ngx_http_websocket_session_channel(s, &p.channel);

    if (s->conf->zone->broker->publish(s->conf->zone, &p) == NGX_AGAIN) {
        return ngx_http_websocket_hold_pending(s, p.pending);
    }

    if (p.rc == NGX_WEBSOCKET_STORE_BUSY) {
        return ngx_http_websocket_hold(s, message, parts, n);
    }

    return ngx_http_websocket_session_published(s, &p);
}


/* what became of the message is told before the session closes */

static ngx_int_t
ngx_http_websocket_session_unauthorized(ngx_http_websocket_session_t *s)
{
    ngx_int_t  rc;

    rc = NGX_OK;

    if (s->record->aside->ack) {
        rc = ngx_http_websocket_auth_over(s)
             ? ngx_http_websocket_ack_error(s, "unauthorized", NULL,
                                            "the session's time is over, or "
                                            "its token was revoked")
             : ngx_http_websocket_ack_error(s, "forbidden", NULL,
                                            "the token does not allow to "
                                            "publish");
    }

    if (rc == NGX_OK && ngx_http_websocket_auth_expire(s) == NGX_OK) {
        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_NO_RIGHT);
    }

    return rc;
}


ngx_int_t
ngx_http_websocket_session_publish_as_is(ngx_http_websocket_session_t *s,
    uint8_t type, u_char *data, size_t size)
{
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_message_t  message;

    ngx_memzero(&message, sizeof(ngx_websocket_store_message_t));

    message.type = type;
    message.priority = NGX_HTTP_WEBSOCKET_NORMAL;

    part.data = data;
    part.size = size;

    return ngx_http_websocket_session_publish(s, &message, &part, 1);
}


static void
ngx_http_websocket_session_publish_acked(ngx_http_websocket_session_t *s,
    ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_ack_t  *ack;

    ack = s->record->aside->ack;

    p->message.key[0] = ack->key[0];
    p->message.key[1] = ack->key[1];
    p->message.digest = ack->digest;
    p->describe = 1;
}


ngx_int_t
ngx_http_websocket_session_published(ngx_http_websocket_session_t *s,
    ngx_http_websocket_publish_t *p)
{
    if (p->rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_collect_undo(s);
    }

    if (p->rc == NGX_WEBSOCKET_STORE_OK) {
        s->conf->stats->published++;

    } else if (p->rc < NGX_WEBSOCKET_STORE_OK
               && p->rc != NGX_WEBSOCKET_STORE_ENDED
               && p->rc != NGX_WEBSOCKET_STORE_MISMATCH
               && p->rc != NGX_HTTP_WEBSOCKET_BROKER_AWAY)
    {
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket zone \"%V\" cannot take the message: %s",
                      &s->conf->zone->name,
                      ngx_websocket_store_strerror(p->rc));
    }

    if (s->record->aside->ack) {
        return ngx_http_websocket_session_acked(s, p);
    }

    switch (p->rc) {

    case NGX_WEBSOCKET_STORE_OK:
        break;

    case NGX_WEBSOCKET_STORE_ENDED:
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_ENDED);
        break;

    case NGX_HTTP_WEBSOCKET_BROKER_AWAY:
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_BUSY);
        break;

    default:
        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_NO_SPACE);
    }

    return NGX_OK;
}


/* where the message is, if that was asked for; or NULL */

static const char *
ngx_http_websocket_session_reached(ngx_http_websocket_publish_t *p)
{
    if (!p->durable) {
        return NULL;
    }

    return p->reached == NGX_HTTP_WEBSOCKET_REACHED_FILE ? "file" : "memory";
}


/* the client is told, and may try again, unless the channel has ended */

static ngx_int_t
ngx_http_websocket_session_acked(ngx_http_websocket_session_t *s,
    ngx_http_websocket_publish_t *p)
{
    ngx_int_t                 rc;
    ngx_websocket_position_t  position;

    switch (p->rc) {

    case NGX_WEBSOCKET_STORE_OK:
    case NGX_WEBSOCKET_STORE_DUPLICATE:

        if (p->durable && p->reached == NGX_HTTP_WEBSOCKET_REACHED_LATE) {
            return ngx_http_websocket_ack_error(s, "not_durable", NULL,
                                                "the message is published, and "
                                                "not on the disk yet");
        }

        position.epoch = p->info.epoch;
        position.offset = p->message.offset;

        return ngx_http_websocket_ack(s, &position,
                                      p->rc == NGX_WEBSOCKET_STORE_DUPLICATE,
                                      ngx_http_websocket_session_reached(p));

    case NGX_WEBSOCKET_STORE_MISMATCH:
        return ngx_http_websocket_ack_error(s, "idempotency_mismatch", NULL,
                                            "the id was that of a message "
                                            "with another body");

    case NGX_WEBSOCKET_STORE_ENDED:
        rc = ngx_http_websocket_ack_error(s, "ended", NULL,
                                          "the channel has ended");
        if (rc == NGX_OK) {
            ngx_http_websocket_session_close(s,
                                             NGX_HTTP_WEBSOCKET_REASON_ENDED);
        }

        return rc;

    case NGX_HTTP_WEBSOCKET_BROKER_AWAY:
        return ngx_http_websocket_ack_error(s, "broker_away", NULL,
                                            "no server of the broker can be "
                                            "had now");

    default:
        return ngx_http_websocket_ack_error(s, "zone_full", NULL,
                                            "the zone has no space for the "
                                            "message");
    }
}
