
/*
 * Clients of Centrifugo's protocol that cannot open a WebSocket: they are told
 * what there is in a response that does not end, and send their commands in
 * requests of their own, which name the session by a secret.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_EMULATED_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_EMULATED_H


#include "protocol/ngx_http_websocket_centrifuge_relay.h"


/* Of a form's tables. */
extern const ngx_http_websocket_transport_t
    ngx_http_websocket_emulated_transport;

void ngx_http_websocket_emulated_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);


/* In init_process.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_emulated_init(ngx_cycle_t *cycle);

/*
 * Gives a session its secret, and takes it back; begin() returns as that of
 * ngx_http_websocket_choice_t.
 */
ngx_int_t ngx_http_websocket_emulated_begin(ngx_http_websocket_session_t *s);
void ngx_http_websocket_emulated_end(ngx_http_websocket_session_t *s);

/* What the client is to say in its requests. */
void ngx_http_websocket_emulated_tell(
    ngx_http_websocket_emulated_t *emulated, ngx_websocket_reply_t *reply);

/*
 * A session's client has sent commands: size bytes at data, which may be
 * changed.
 */
void ngx_http_websocket_emulated_take(ngx_http_websocket_session_t *s,
    u_char *data, size_t size);

/*
 * The same for a client in this worker or another one of the zone.  One that
 * is not there any more need not be told.
 */
ngx_http_websocket_relayed_e ngx_http_websocket_emulated_say(
    ngx_http_websocket_zone_t *zone, const ngx_websocket_emulation_t *e);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_EMULATED_H */
