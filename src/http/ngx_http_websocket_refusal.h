
/*
 * Handshakes that are refused with a Close: "websocket_refuse close".
 */


#ifndef NGX_HTTP_WEBSOCKET_REFUSAL_H
#define NGX_HTTP_WEBSOCKET_REFUSAL_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * In postconfiguration, where a location has it: puts filters in the place of
 * nginx's first ones.
 */
void ngx_http_websocket_refusal_init(void);


#endif /* NGX_HTTP_WEBSOCKET_REFUSAL_H */
