
#include "http/ngx_http_websocket_centrifuge_form.h"
#include "http/ngx_http_websocket_handshake.h"
#include "protocol/ngx_http_websocket_centrifuge.h"


static ngx_uint_t ngx_http_websocket_centrifuge_form_asked(
    ngx_http_request_t *r, char *name);


static ngx_str_t  ngx_http_websocket_centrifuge_form_json =
    ngx_string("centrifuge-json");
static ngx_str_t  ngx_http_websocket_centrifuge_form_protobuf =
    ngx_string("centrifuge-protobuf");


const ngx_http_websocket_protocol_t *
ngx_http_websocket_centrifuge_form(ngx_http_request_t *r,
    ngx_str_t **subprotocol)
{
    if (ngx_http_websocket_offered(r,
                                 &ngx_http_websocket_centrifuge_form_protobuf))
    {
        *subprotocol = &ngx_http_websocket_centrifuge_form_protobuf;

        return &ngx_http_websocket_centrifuge_protobuf_protocol;
    }

    if (ngx_http_websocket_offered(r,
                                   &ngx_http_websocket_centrifuge_form_json))
    {
        *subprotocol = &ngx_http_websocket_centrifuge_form_json;

        return &ngx_http_websocket_centrifuge_protocol;
    }

    return ngx_http_websocket_centrifuge_form_asked(r, "format")
           || ngx_http_websocket_centrifuge_form_asked(r, "cf_protocol")
           ? &ngx_http_websocket_centrifuge_protobuf_protocol
           : &ngx_http_websocket_centrifuge_protocol;
}


static ngx_uint_t
ngx_http_websocket_centrifuge_form_asked(ngx_http_request_t *r, char *name)
{
    ngx_str_t  arg;

    return ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &arg) == NGX_OK
           && arg.len == 8
           && ngx_strncmp(arg.data, "protobuf", 8) == 0;
}
