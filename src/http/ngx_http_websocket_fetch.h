
/*
 * Requests that need what a broker has, perhaps elsewhere.
 */


#ifndef NGX_HTTP_WEBSOCKET_FETCH_H
#define NGX_HTTP_WEBSOCKET_FETCH_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "broker/ngx_http_websocket_broker.h"


/* What a broker is asked: its history() or its remove(). */
typedef ngx_int_t (*ngx_http_websocket_ask_pt)(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f);

/* Returns what a content handler returns; rc is the broker's. */
typedef ngx_int_t (*ngx_http_websocket_fetched_pt)(ngx_http_request_t *r,
    ngx_int_t rc);

/*
 * Asks the broker of the location's zone about the request's first channel, and
 * calls the handler when it has answered, now or in another event, unless the
 * request has ended.  Returns what a content handler returns.
 */
ngx_int_t ngx_http_websocket_fetch(ngx_http_request_t *r,
    ngx_http_websocket_ask_pt ask, ngx_http_websocket_fetched_pt handler);

/* The answer when the broker could not be had in time. */
ngx_int_t ngx_http_websocket_broker_away(ngx_http_request_t *r);


#endif /* NGX_HTTP_WEBSOCKET_FETCH_H */
