
#include "delivery/ngx_http_websocket_except.h"


static ngx_uint_t ngx_http_websocket_except_text(json_t *value, u_char *buf,
    ngx_str_t *text);


ngx_uint_t
ngx_http_websocket_except_json(const ngx_http_websocket_except_t *except,
    json_t *value)
{
    u_char       buf[NGX_INT64_LEN];
    ngx_str_t    text, *one;
    ngx_uint_t   i;

    if (!ngx_http_websocket_except_text(value, buf, &text)) {
        return 0;
    }

    one = except->values.elts;

    for (i = 0; i < except->values.nelts; i++) {
        if (one[i].len == text.len
            && ngx_memcmp(one[i].data, text.data, text.len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * writes a value as the directive does; returns 0 for values that it has no
 * form for
 */

static ngx_uint_t
ngx_http_websocket_except_text(json_t *value, u_char *buf, ngx_str_t *text)
{
    if (json_is_string(value)) {
        text->data = (u_char *) json_string_value(value);
        text->len = json_string_length(value);

    } else if (json_is_integer(value)) {
        text->data = buf;
        text->len = ngx_sprintf(buf, "%L",
                                (int64_t) json_integer_value(value))
                    - buf;

    } else if (json_is_boolean(value)) {
        text->data = (u_char *) (json_is_true(value) ? "true" : "false");
        text->len = ngx_strlen(text->data);

    } else {
        return 0;
    }

    return 1;
}
