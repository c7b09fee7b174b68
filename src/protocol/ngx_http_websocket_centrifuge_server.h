
/*
 * Subscriptions that the server makes: by the token of a connection, and by
 * applications.  What a client recovers by one follows as publications.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_SERVER_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_SERVER_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/*
 * The subscriptions {CHANNEL:{"info":..}} of a token's claims "subs", or
 * "channels": a new reference, or NULL where there are none.  *failed is set
 * where memory was refused.
 */
json_t *ngx_http_websocket_centrifuge_server_claims(json_t *claims,
    ngx_uint_t *failed);

/*
 * Subscribes a client that connects, and is yet to be told so, to all of these;
 * *list is what its reply has of them.  Returns NGX_OK; COMMAND_ANSWERED when
 * the connect was answered with an error, or closes; NGX_AGAIN, NGX_BUSY or
 * NGX_DONE as commands do: then none was made.
 */
ngx_int_t ngx_http_websocket_centrifuge_server_begin(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    json_t *subs, ngx_websocket_json_text_t *list);

/*
 * Subscribes a client to the channel of an application's call, and tells it,
 * unless it is subscribed.  Returns NGX_OK, or NGX_AGAIN when the zone is
 * stuck: then nothing was done.
 */
ngx_int_t ngx_http_websocket_centrifuge_server_subscribe(
    ngx_http_websocket_session_t *s, json_t *call);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_SERVER_H */
