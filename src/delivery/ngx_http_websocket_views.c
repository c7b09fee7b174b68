
#include "delivery/ngx_http_websocket_views.h"


static ngx_http_websocket_view_t  *ngx_http_websocket_views;


void
ngx_http_websocket_views_start(ngx_array_t *views)
{
    /*
     * Clients must not be able to foresee the hashes of names: jansson gets a
     * random seed.
     */

    json_object_seed(0);

    ngx_http_websocket_views = views ? views->elts : NULL;
}


const ngx_websocket_view_t *
ngx_http_websocket_view(ngx_uint_t number)
{
    return ngx_http_websocket_views[number - 1].view;
}


ngx_int_t
ngx_http_websocket_view_number(ngx_array_t *views,
    const ngx_websocket_type_t *type, ngx_str_t *name)
{
    ngx_uint_t                   i;
    const ngx_websocket_view_t  *wanted;
    ngx_http_websocket_view_t   *view;

    static ngx_str_t             all = ngx_string("default");

    if (name->len == all.len
        && ngx_strncmp(name->data, all.data, all.len) == 0)
    {
        return 0;
    }

    wanted = type ? ngx_websocket_type_find_view(type, (char *) name->data,
                                                 name->len)
                  : NULL;

    if (wanted == NULL || views == NULL) {
        return NGX_ERROR;
    }

    view = views->elts;

    for (i = 0; i < views->nelts; i++) {
        if (view[i].view == wanted) {
            return i + 1;
        }
    }

    return NGX_ERROR;
}
