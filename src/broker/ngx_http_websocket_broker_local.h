
/*
 * The broker of a zone that only this nginx has: its workers share the memory,
 * and all is done at once.
 */


#ifndef NGX_HTTP_WEBSOCKET_BROKER_LOCAL_H
#define NGX_HTTP_WEBSOCKET_BROKER_LOCAL_H


#include "broker/ngx_http_websocket_broker.h"


extern const ngx_http_websocket_broker_t  ngx_http_websocket_broker_local;


#endif /* NGX_HTTP_WEBSOCKET_BROKER_LOCAL_H */
