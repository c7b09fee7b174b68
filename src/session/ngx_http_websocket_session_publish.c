
#include "session/ngx_http_websocket_session_publish.h"
#include "session/ngx_http_websocket_hold.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_token.h"


ngx_int_t
ngx_http_websocket_session_publish(ngx_http_websocket_session_t *s,
    uint8_t type, ngx_uint_t priority, ngx_websocket_store_part_t *parts,
    size_t n)
{
    int                            rc;
    ngx_str_t                      channel;
    ngx_websocket_store_history_t  history;
    ngx_websocket_store_message_t  message;

    /* a timer or the tick would see it, but after this message */

    if (s->record->auth && ngx_http_websocket_auth_expire(s) == NGX_DONE) {
        return NGX_OK;
    }

    if (s->record->auth && !ngx_http_websocket_auth_publishes(s)) {
        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_NO_RIGHT);
        return NGX_OK;
    }

    ngx_memzero(&message, sizeof(ngx_websocket_store_message_t));

    message.type = type;
    message.source = s->record->id;
    message.priority = priority;

    /* of several channels the first is the one that the client talks to */

    ngx_http_websocket_socket_names(s, &channel, 1);

    rc = ngx_http_websocket_hub_publish(s->conf->zone, &channel,
                          ngx_http_websocket_conf_history(s->conf, &history),
                          &message, parts, n, NULL);

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        s->conf->stats->published++;
        return NGX_OK;
    }

    if (rc == NGX_WEBSOCKET_STORE_BUSY) {
        return ngx_http_websocket_hold(s, type, priority, parts, n);
    }

    ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                  "websocket zone \"%V\" cannot take the message: %s",
                  &s->conf->zone->name, ngx_websocket_store_strerror(rc));

    ngx_http_websocket_session_close(s, NGX_HTTP_WEBSOCKET_REASON_NO_SPACE);
    return NGX_OK;
}
