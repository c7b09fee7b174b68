
#include "broker/ngx_http_websocket_uuid.h"

#include <openssl/rand.h>


ngx_int_t
ngx_http_websocket_uuid(u_char *text)
{
    u_char      bytes[16], *p;
    ngx_uint_t  i;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
        return NGX_ERROR;
    }

    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;

    p = text;

    for (i = 0; i < sizeof(bytes); i++) {

        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *p++ = '-';
        }

        p = ngx_hex_dump(p, &bytes[i], 1);
    }

    return NGX_OK;
}
