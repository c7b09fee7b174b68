
/*
 * What a session gets of its channels' messages, and in which view.
 */


#ifndef NGX_HTTP_WEBSOCKET_SELECT_H
#define NGX_HTTP_WEBSOCKET_SELECT_H


#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_subscription.h"


/*
 * Finds what a session that has a filter or a view is to get for a message:
 * sets *message, if that is SHOWN.  The filter is the subscription's.
 */
ngx_http_websocket_shown_e ngx_http_websocket_select(
    ngx_http_websocket_session_t *s, ngx_http_websocket_subscription_t *from,
    ngx_websocket_filter_t *filter, ngx_http_websocket_message_t **message);

/*
 * Gives all subscriptions of a session another filter, whose reference is
 * taken over: NULL for none.  Returns NGX_OK, or NGX_ERROR when memory was
 * refused.
 */
ngx_int_t ngx_http_websocket_select_by(ngx_http_websocket_session_t *s,
    ngx_websocket_filter_t *filter);

/* Gives one subscription another filter, in the same way. */
ngx_int_t ngx_http_websocket_select_one(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub, ngx_websocket_filter_t *filter);


/* The filter of a subscription, or NULL. */

static ngx_inline ngx_websocket_filter_t *
ngx_http_websocket_select_filter(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    ngx_http_websocket_extra_t  *extra;

    if (sub->further) {
        return ((ngx_http_websocket_further_t *) sub)->filter;
    }

    extra = s->record->aside->extra;

    return extra ? extra->filter : NULL;
}


#endif /* NGX_HTTP_WEBSOCKET_SELECT_H */
