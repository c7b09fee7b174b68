
#include "delivery/ngx_http_websocket_priority.h"


static ngx_str_t  ngx_http_websocket_priorities[] = {
    ngx_null_string,
    ngx_string("low"),
    ngx_string("normal"),
    ngx_string("high"),
    ngx_string("urgent")
};


ngx_uint_t
ngx_http_websocket_priority_name(u_char *name, size_t size)
{
    ngx_uint_t  i;

    for (i = NGX_HTTP_WEBSOCKET_LOW; i <= NGX_HTTP_WEBSOCKET_URGENT; i++) {

        if (ngx_http_websocket_priorities[i].len == size
            && ngx_strncmp(ngx_http_websocket_priorities[i].data, name, size)
               == 0)
        {
            return i;
        }
    }

    return 0;
}


ngx_uint_t
ngx_http_websocket_priority_json(const json_t *value)
{
    ngx_uint_t  priority;

    priority = 0;

    if (json_is_string(value)) {
        priority = ngx_http_websocket_priority_name(
                                         (u_char *) json_string_value(value),
                                         json_string_length(value));
    }

    return priority ? priority : NGX_HTTP_WEBSOCKET_NORMAL;
}
