
/*
 * In which form a client speaks Centrifugo's protocol.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_FORM_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_FORM_H


#include "http/ngx_http_websocket_request.h"
#include "session/ngx_http_websocket_protocol.h"


/*
 * The form that a WebSocket's client wants: Protobuf where it offers that
 * subprotocol or has it in the query, as format or cf_protocol, else JSON.
 * *subprotocol, which is what websocket_subprotocols says, or NULL, is set
 * where the client offers that of a form.
 */
const ngx_http_websocket_protocol_t *ngx_http_websocket_centrifuge_form(
    ngx_http_request_t *r, ngx_str_t **subprotocol);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_FORM_H */
