
/*
 * Presence: a member for each session and channel, and events that tell of
 * them, as the location says.  A member's data are the parts of meta that its
 * events have, too, so that a worker can tell of the leave of a dead worker's
 * members without knowing more.
 */


#ifndef NGX_HTTP_WEBSOCKET_PRESENCE_H
#define NGX_HTTP_WEBSOCKET_PRESENCE_H


#include "session/ngx_http_websocket_session.h"


/*
 * Keeps what presence tells of a new session, since the request may be given
 * back before the session joins a channel.  Returns NGX_OK, or NGX_ERROR when
 * memory was refused.
 */
ngx_int_t ngx_http_websocket_presence_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r);

/*
 * Makes the session a member of the channel of its subscription.  Returns
 * NGX_OK, also where the location has no presence or there was no room for a
 * member, or NGX_AGAIN when the zone is stuck: then nothing was done.
 */
ngx_int_t ngx_http_websocket_presence_join(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription);

/*
 * Makes the session a member with other data: size bytes of parts of meta, up
 * to NGX_WEBSOCKET_STORE_MEMBER_SIZE; and with other events than the
 * location's.  Returns as above.
 */
ngx_int_t ngx_http_websocket_presence_join_as(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription, u_char *data, size_t size,
    ngx_uint_t events);

/*
 * Ends the membership, at once or after the time that the location says; does
 * nothing when there is none.
 */
void ngx_http_websocket_presence_leave(
    ngx_http_websocket_subscription_t *subscription);

/*
 * Takes members of dead workers off, with "leave" events: returns 1 when there
 * are more.
 */
ngx_uint_t ngx_http_websocket_presence_reap(ngx_http_websocket_zone_t *zone);



#endif /* NGX_HTTP_WEBSOCKET_PRESENCE_H */
