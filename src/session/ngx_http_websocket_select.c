
#include "session/ngx_http_websocket_select.h"
#include "message/ngx_http_websocket_content.h"
#include "message/ngx_http_websocket_filters.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_response.h"


static void ngx_http_websocket_select_passed(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message);


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
        rc = ngx_http_websocket_filters_pass(log,
                                             s->record->aside->extra->filter,
                                             *message);
    }

    if (rc == NGX_OK) {
        rc = ngx_http_websocket_content_view(log, message,
                                 ngx_http_websocket_variant_view(s->variant));
    }

    if (rc == NGX_DECLINED) {
        ngx_http_websocket_select_passed(s, from, *message);
    }

    return rc;
}


/* who comes back is not to look again at what is not for it */

static void
ngx_http_websocket_select_passed(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message)
{
    ngx_websocket_position_t       *position;
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    if (response == NULL || response->full) {
        return;
    }

    position = &response->positions[from->number];

    position->epoch = message->epoch;
    position->offset = message->offset;
}


void
ngx_http_websocket_select_by(ngx_http_websocket_session_t *s,
    ngx_websocket_filter_t *filter)
{
    ngx_http_websocket_extra_t  *extra;

    extra = s->record->aside->extra;

    if (extra->filter) {
        ngx_http_websocket_filters_release(extra->filter);
    }

    extra->filter = filter;
    s->filtered = (filter != NULL);

    s->shared = s->conf->own_messages && !s->filtered
                && !ngx_http_websocket_deflate_own(s);
}
