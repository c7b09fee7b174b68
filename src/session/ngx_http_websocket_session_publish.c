
#include "session/ngx_http_websocket_session_publish.h"
#include "broker/ngx_http_websocket_broker.h"
#include "session/ngx_http_websocket_hold.h"
#include "session/ngx_http_websocket_subscription.h"
#include "session/ngx_http_websocket_token.h"


ngx_int_t
ngx_http_websocket_session_publish(ngx_http_websocket_session_t *s,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts,
    size_t n)
{
    ngx_http_websocket_publish_t   p;
    ngx_websocket_store_history_t  history;

    /* a timer or the tick would see it, but after this message */

    if (s->record->aside->auth
        && ngx_http_websocket_auth_expire(s) == NGX_DONE)
    {
        return NGX_OK;
    }

    if (s->record->aside->auth && !s->first.publishes) {
        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_NO_RIGHT);
        return NGX_OK;
    }

    p.message = *message;
    p.message.source = s->record->id;

    p.history = ngx_http_websocket_conf_history(s->conf, &history);
    p.parts = parts;
    p.n = n;
    p.describe = 0;

    ngx_http_websocket_session_channel(s, &p.channel);

    if (s->conf->zone->broker->publish(s->conf->zone, &p) == NGX_AGAIN) {
        return ngx_http_websocket_hold_pending(s, p.pending);
    }

    if (p.rc == NGX_WEBSOCKET_STORE_BUSY) {
        return ngx_http_websocket_hold(s, message, parts, n);
    }

    ngx_http_websocket_session_published(s, p.rc);

    return NGX_OK;
}


void
ngx_http_websocket_session_published(ngx_http_websocket_session_t *s, int rc)
{
    if (rc == NGX_WEBSOCKET_STORE_OK) {
        s->conf->stats->published++;
        return;
    }

    if (rc == NGX_WEBSOCKET_STORE_ENDED) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_ENDED);
        return;
    }

    if (rc == NGX_HTTP_WEBSOCKET_BROKER_AWAY) {
        ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_BUSY);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                  "websocket zone \"%V\" cannot take the message: %s",
                  &s->conf->zone->name, ngx_websocket_store_strerror(rc));

    ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_NO_SPACE);
}
