
/*
 * Directives that do nothing where they stand.
 */


#ifndef NGX_HTTP_WEBSOCKET_CONF_USELESS_H
#define NGX_HTTP_WEBSOCKET_CONF_USELESS_H


#include "conf/ngx_http_websocket_conf.h"


/*
 * Warns of what stands in the location itself, and does nothing with the
 * directive that answers its requests: to be called before the location
 * inherits anything but that directive.
 */
void ngx_http_websocket_warn_useless(ngx_conf_t *cf,
    ngx_http_websocket_loc_conf_t *conf);


#endif /* NGX_HTTP_WEBSOCKET_CONF_USELESS_H */
