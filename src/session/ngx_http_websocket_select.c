
#include "session/ngx_http_websocket_select.h"
#include "delivery/ngx_http_websocket_content.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_protocol.h"


ngx_int_t
ngx_http_websocket_select(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t **message)
{
    ngx_int_t   rc;
    ngx_log_t  *log;

    rc = NGX_OK;
    log = s->connection->log;

    if (s->filtered) {
        rc = ngx_http_websocket_filters_pass(log, s->record->extra->filter,
                                             *message);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_content_view(log, message,
                                 ngx_http_websocket_variant_view(s->variant));
    }

    if (rc == NGX_DECLINED && ngx_http_websocket_protocol_of(s)->pass) {
        ngx_http_websocket_protocol_of(s)->pass(s, from, *message);
    }

    return rc;
}


void
ngx_http_websocket_select_by(ngx_http_websocket_session_t *s,
    ngx_websocket_filter_t *filter)
{
    ngx_http_websocket_extra_t  *extra;

    extra = s->record->extra;

    if (extra->filter) {
        ngx_http_websocket_filters_release(extra->filter);
    }

    extra->filter = filter;
    s->filtered = (filter != NULL);

    s->shared = s->conf->own_messages && !s->filtered
                && !ngx_http_websocket_deflate_own(s);
}
