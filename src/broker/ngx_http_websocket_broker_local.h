
/*
 * The broker of a zone that only this nginx has: its workers share the memory,
 * and all is done at once.
 */


#ifndef NGX_HTTP_WEBSOCKET_BROKER_LOCAL_H
#define NGX_HTTP_WEBSOCKET_BROKER_LOCAL_H


#include "broker/ngx_http_websocket_broker.h"


extern const ngx_http_websocket_broker_t  ngx_http_websocket_broker_local;


/* Its revoke(), for brokers that have none of their own. */
ngx_int_t ngx_http_websocket_local_revoke(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_revoke_t *v);


#endif /* NGX_HTTP_WEBSOCKET_BROKER_LOCAL_H */
