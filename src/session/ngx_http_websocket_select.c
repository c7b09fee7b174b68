
#include "session/ngx_http_websocket_select.h"
#include "delivery/ngx_http_websocket_content.h"
#include "delivery/ngx_http_websocket_filters.h"
#include "session/ngx_http_websocket_deflate.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_subscription.h"


static void ngx_http_websocket_select_shared(ngx_http_websocket_session_t *s);


ngx_http_websocket_shown_e
ngx_http_websocket_select(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from, ngx_websocket_filter_t *filter,
    ngx_http_websocket_message_t **message)
{
    ngx_log_t                   *log;
    ngx_http_websocket_shown_e   rc;

    rc = NGX_HTTP_WEBSOCKET_SHOWN;
    log = s->connection->log;

    /* who comes and goes is not what a client that chooses filters */

    if (filter
        && !((*message)->event && ngx_http_websocket_protocol_of(s)->choice))
    {
        rc = ngx_http_websocket_filters_pass(log, filter, *message);
    }

    if (rc == NGX_HTTP_WEBSOCKET_SHOWN) {
        rc = ngx_http_websocket_content_view(log, message, from->view);
    }

    if (rc == NGX_HTTP_WEBSOCKET_HIDDEN
        && ngx_http_websocket_protocol_of(s)->pass)
    {
        ngx_http_websocket_protocol_of(s)->pass(s, from, *message);
    }

    return rc;
}


ngx_int_t
ngx_http_websocket_select_by(ngx_http_websocket_session_t *s,
    ngx_websocket_filter_t *filter)
{
    ngx_int_t                           rc;
    ngx_http_websocket_subscription_t  *sub;

    rc = NGX_OK;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub && rc == NGX_OK;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        if (filter) {
            ngx_http_websocket_filters_hold(filter);
        }

        rc = ngx_http_websocket_select_one(s, sub, filter);
    }

    if (filter) {
        ngx_http_websocket_filters_release(filter);
    }

    return rc;
}


ngx_int_t
ngx_http_websocket_select_one(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub, ngx_websocket_filter_t *filter)
{
    ngx_websocket_filter_t  **p;

    if (sub->further) {
        p = &((ngx_http_websocket_further_t *) sub)->filter;

    } else if (ngx_http_websocket_extra_create(s) == NGX_OK) {
        p = &s->record->aside->extra->filter;

    } else {
        if (filter) {
            ngx_http_websocket_filters_release(filter);
        }

        return NGX_ERROR;
    }

    if (*p) {
        ngx_http_websocket_filters_release(*p);
    }

    *p = filter;

    ngx_http_websocket_select_shared(s);

    return NGX_OK;
}


/*
 * sets s->shared: whether the session gets all messages in the frames that
 * others get
 */

static void
ngx_http_websocket_select_shared(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_subscription_t  *sub;

    s->filtered = 0;

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub && !s->filtered;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        s->filtered = (ngx_http_websocket_select_filter(s, sub) != NULL);
    }

    s->shared = s->conf->own_messages && !s->filtered
                && !ngx_http_websocket_deflate_own(s);
}
