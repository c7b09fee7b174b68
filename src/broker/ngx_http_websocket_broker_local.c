
#include "broker/ngx_http_websocket_broker_local.h"


static ngx_int_t ngx_http_websocket_local_publish(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_local_history(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_fetch_t *f);


const ngx_http_websocket_broker_t  ngx_http_websocket_broker_local = {
    ngx_http_websocket_local_publish,
    ngx_http_websocket_local_history,
    ngx_http_websocket_hub_join,
    ngx_http_websocket_hub_leave,
    ngx_http_websocket_hub_reap_members,
    NULL
};


static ngx_int_t
ngx_http_websocket_local_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    p->rc = ngx_http_websocket_hub_publish(zone, p);

    return NGX_OK;
}


/* what there is of a channel is in the zone */

static ngx_int_t
ngx_http_websocket_local_history(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f)
{
    f->rc = NGX_OK;

    return NGX_OK;
}
