
#include "hub/ngx_http_websocket_channel_name.h"


ngx_http_websocket_channel_name_t *
ngx_http_websocket_channel_name_create(ngx_str_t *text, ngx_log_t *log)
{
    ngx_http_websocket_channel_name_t  *name;

    name = ngx_alloc(offsetof(ngx_http_websocket_channel_name_t, data)
                     + text->len, log);
    if (name == NULL) {
        return NULL;
    }

    name->refs = 1;
    name->size = text->len;
    ngx_memcpy(name->data, text->data, text->len);

    return name;
}


void
ngx_http_websocket_channel_name_release(
    ngx_http_websocket_channel_name_t *name)
{
    if (--name->refs == 0) {
        ngx_free(name);
    }
}


void
ngx_http_websocket_channel_name(ngx_http_websocket_channel_name_t *name,
    ngx_str_t *text)
{
    ngx_str_null(text);

    if (name) {
        text->len = name->size;
        text->data = name->data;
    }
}
