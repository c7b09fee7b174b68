
#include "hub/ngx_http_websocket_channel_name.h"
#include "store/store.h"
#include "wire/utf8.h"


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


/*
 * Names come from clients and go to logs and JSON: they are UTF-8 without
 * control characters.
 */

char *
ngx_http_websocket_channel_name_error(ngx_str_t *name)
{
    ngx_websocket_utf8_t  utf8;

    if (name->len == 0) {
        return "the channel name is empty";
    }

    if (name->len > NGX_WEBSOCKET_STORE_NAME_SIZE) {
        return "the channel name is longer than "
               ngx_value(NGX_WEBSOCKET_STORE_NAME_SIZE) " bytes";
    }

    if (ngx_websocket_control(name->data, name->len) < name->len) {
        return "the channel name has a control character";
    }

    utf8 = 0;

    if (ngx_websocket_utf8(&utf8, name->data, name->len) != 0 || utf8 != 0) {
        return "the channel name is not UTF-8";
    }

    return NULL;
}
