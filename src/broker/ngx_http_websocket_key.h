
/*
 * The idempotency keys of messages, as the zone's broker compares them.
 */


#ifndef NGX_HTTP_WEBSOCKET_KEY_H
#define NGX_HTTP_WEBSOCKET_KEY_H


#include "hub/ngx_http_websocket_hub.h"


/* Sets key to that of a publisher's message, from what the publisher says. */
void ngx_http_websocket_publisher_key(ngx_http_websocket_zone_t *zone,
    ngx_str_t *id, uint64_t key[2]);

/*
 * The same of a client's message: its id, and whose it is, neither with zero
 * bytes.  The user is NULL for what all clients without one share, or, where
 * own is not 0, for a session, whose own random number it is.  A client that
 * guesses a publisher's keys, or another's ids, does not take their place.
 */
void ngx_http_websocket_client_key(ngx_http_websocket_zone_t *zone,
    ngx_str_t *user, uint64_t own, ngx_str_t *id, uint64_t key[2]);


#endif /* NGX_HTTP_WEBSOCKET_KEY_H */
