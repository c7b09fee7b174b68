
/*
 * What stands behind the directive "websocket_api".
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_API_H
#define NGX_HTTP_WEBSOCKET_CONF_API_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * Reads the directive's parameters, and its files of keys.  Returns
 * NGX_CONF_OK, or NGX_CONF_ERROR, which it has logged.
 */
char *ngx_http_websocket_conf_api(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *wlcf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_API_H */
