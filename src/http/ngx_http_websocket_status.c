
/*
 * What the module's state is, for machines that watch it.
 */


#include "http/ngx_http_websocket_http.h"


static json_t *ngx_http_websocket_zone_json(ngx_http_websocket_zone_t *zone);


ngx_int_t
ngx_http_websocket_status_handler(ngx_http_request_t *r)
{
    json_t                           *zones;
    ngx_int_t                         rc;
    ngx_uint_t                        i;
    ngx_http_websocket_zone_t       **zone;
    ngx_http_websocket_main_conf_t   *wmcf;

    if (r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_websocket_module);

    zones = json_array();
    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {

        if (json_array_append_new(zones,
                                  ngx_http_websocket_zone_json(zone[i])) != 0)
        {
            json_decref(zones);
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    return ngx_http_websocket_respond_json(r, NGX_HTTP_OK,
                                           json_pack("{s:o}", "zones", zones));
}


static json_t *
ngx_http_websocket_zone_json(ngx_http_websocket_zone_t *zone)
{
    ngx_websocket_log_stat_t  stat;

    ngx_http_websocket_zone_stat(zone, &stat);

    return json_pack("{s:s%,s:I,s:I,s:I,s:I}",
                     "name", zone->name.data, zone->name.len,
                     "size", (json_int_t) stat.blocks
                             * NGX_WEBSOCKET_LOG_BLOCK,
                     "used", (json_int_t) stat.used * NGX_WEBSOCKET_LOG_BLOCK,
                     "channels", (json_int_t) stat.channels,
                     "messages", (json_int_t) stat.messages);
}
