
/*
 * Server-sent events: WHATWG HTML, section 9.2.  An event's id is the position
 * of what was sent, so that EventSource recovers by itself.
 */


#ifndef NGX_HTTP_WEBSOCKET_EVENTS_H
#define NGX_HTTP_WEBSOCKET_EVENTS_H


#include "session/ngx_http_websocket_protocol.h"


extern const ngx_http_websocket_protocol_t  ngx_http_websocket_events_protocol;


/* Whether the server, or EventSource, has another use for an event's name. */
ngx_uint_t ngx_http_websocket_event_reserved(const u_char *name, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_EVENTS_H */
