
/*
 * Clients of Centrifugo's protocol that cannot open a WebSocket: they are told
 * what there is in a response that does not end, and send their commands in
 * requests of their own, which name the session by a secret.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_EMULATED_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_EMULATED_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* Of a form's tables. */
extern const ngx_http_websocket_transport_t
    ngx_http_websocket_emulated_transport;

void ngx_http_websocket_emulated_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size);


/* In init_process. */
void ngx_http_websocket_emulated_init(void);

/*
 * Gives a session its secret, and takes it back.  begin() returns NGX_OK or
 * NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_emulated_begin(ngx_http_websocket_session_t *s);
void ngx_http_websocket_emulated_end(ngx_http_websocket_session_t *s);

/* What the client is to say in its requests. */
void ngx_http_websocket_emulated_tell(
    ngx_http_websocket_emulated_t *emulated, ngx_websocket_reply_t *reply);

/* The secret of a session, constant; empty for NULL. */
void ngx_http_websocket_emulated_secret(
    ngx_http_websocket_emulated_t *emulated, ngx_str_t *secret);

/*
 * A session's client has sent commands: size bytes at data, which may be
 * changed.
 */
void ngx_http_websocket_emulated_take(ngx_http_websocket_session_t *s,
    u_char *data, size_t size);

/*
 * The same for a client in any worker that has the zone, also in this one.
 * Returns as ngx_http_websocket_mailbox_send(): p->rc is
 * NGX_WEBSOCKET_STORE_NOTFOUND where there is no such worker.  A client that
 * is not there any more need not be told.
 */
ngx_int_t ngx_http_websocket_emulated_say(ngx_http_websocket_zone_t *zone,
    const ngx_websocket_emulation_t *e, ngx_http_websocket_publish_t *p);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_EMULATED_H */
