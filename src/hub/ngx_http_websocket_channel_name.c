
#include "hub/ngx_http_websocket_channel_name.h"


ngx_http_websocket_channel_name_t *
ngx_http_websocket_channel_name_create(ngx_str_t *text, ngx_log_t *log)
{
    ngx_http_websocket_channel_name_t  *name;

    name = ngx_alloc(sizeof(ngx_http_websocket_channel_name_t) + text->len,
                     log);
    if (name == NULL) {
        return NULL;
    }

    name->refs = 1;
    name->text.len = text->len;
    name->text.data = (u_char *) (name + 1);
    ngx_memcpy(name->text.data, text->data, text->len);

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
        *text = name->text;
    }
}
