
/*
 * The views of all message types, by their numbers.
 */


#ifndef NGX_HTTP_WEBSOCKET_VIEWS_H
#define NGX_HTTP_WEBSOCKET_VIEWS_H


#include "conf/ngx_http_websocket_conf.h"


/* In init_process: the views of the configuration that runs. */
void ngx_http_websocket_views_start(ngx_array_t *views);

/* The view of a number above 0, in a worker. */
const ngx_websocket_view_t *ngx_http_websocket_view(ngx_uint_t number);

/*
 * The number of the view of a name, 0 for "default"; NGX_ERROR when the type
 * has none of that name.  Either of the first two may be NULL.
 */
ngx_int_t ngx_http_websocket_view_number(ngx_array_t *views,
    const ngx_websocket_type_t *type, ngx_str_t *name);


#endif /* NGX_HTTP_WEBSOCKET_VIEWS_H */
