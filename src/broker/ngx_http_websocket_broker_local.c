
#include "broker/ngx_http_websocket_broker_local.h"
#include "hub/ngx_http_websocket_durable.h"


static ngx_int_t ngx_http_websocket_local_publish(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_publish_t *p);
static ngx_int_t ngx_http_websocket_local_history(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_fetch_t *f);
static ngx_int_t ngx_http_websocket_local_remove(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_fetch_t *f);
static ngx_int_t ngx_http_websocket_local_revoke(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_revoke_t *v);


const ngx_http_websocket_broker_t  ngx_http_websocket_broker_local = {
    ngx_http_websocket_local_publish,
    ngx_http_websocket_local_history,
    ngx_http_websocket_hub_join,
    ngx_http_websocket_hub_drop_member,
    ngx_http_websocket_hub_reap_members,
    ngx_http_websocket_local_remove,
    ngx_http_websocket_local_revoke,
    NULL,
    NULL,
    1
};


static ngx_int_t
ngx_http_websocket_local_publish(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_publish_t *p)
{
    if (p->durable) {
        p->describe = 1;
    }

    p->rc = ngx_http_websocket_hub_publish(zone, p);

    /* what was published before may not be on the disk yet, either */

    return p->durable && (p->rc == NGX_WEBSOCKET_STORE_OK
                          || p->rc == NGX_WEBSOCKET_STORE_DUPLICATE)
           ? ngx_http_websocket_durable(zone, p) : NGX_OK;
}


/* what there is of a channel is in the zone */

static ngx_int_t
ngx_http_websocket_local_history(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f)
{
    f->rc = NGX_OK;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_local_remove(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_fetch_t *f)
{
    switch (ngx_http_websocket_hub_delete(zone, &f->channels[0])) {

    case NGX_WEBSOCKET_STORE_OK:
        f->rc = NGX_HTTP_WEBSOCKET_FETCHED;
        break;

    case NGX_WEBSOCKET_STORE_BUSY:
        f->rc = NGX_HTTP_WEBSOCKET_FETCH_AWAY;
        break;

    default:  /* NGX_WEBSOCKET_STORE_NOTFOUND */
        f->rc = NGX_HTTP_WEBSOCKET_FETCH_NOTFOUND;
    }

    return NGX_OK;
}


/* revocations are of the whole nginx, not of a zone */

static ngx_int_t
ngx_http_websocket_local_revoke(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_revoke_t *v)
{
    v->rc = ngx_http_websocket_revocation_add(&v->key, v->time, v->until);

    return NGX_OK;
}
