
#include <string.h>

#include "wire/close.h"
#include "wire/utf8.h"


static int ngx_websocket_close_code_valid(unsigned code);


uint16_t
ngx_websocket_close_parse(const uint8_t *p, size_t n, uint16_t *code)
{
    ngx_websocket_utf8_t  utf8;

    if (n == 0) {
        *code = NGX_WEBSOCKET_CLOSE_NO_STATUS;
        return 0;
    }

    if (n == 1) {
        return NGX_WEBSOCKET_CLOSE_PROTOCOL;
    }

    *code = (uint16_t) (p[0] << 8 | p[1]);

    if (!ngx_websocket_close_code_valid(*code)) {
        return NGX_WEBSOCKET_CLOSE_PROTOCOL;
    }

    utf8 = 0;

    if (ngx_websocket_utf8(&utf8, p + 2, n - 2) != 0 || utf8 != 0) {
        return NGX_WEBSOCKET_CLOSE_INVALID;
    }

    return 0;
}


/*
 * Whether the code may stand in a Close frame: 1000-1003, 1007-1014, 3000-4999
 * (RFC 6455, section 7.4, and the IANA registry).
 */

static int
ngx_websocket_close_code_valid(unsigned code)
{
    return (code >= 1000 && code <= 1003)
           || (code >= 1007 && code <= 1014)
           || (code >= 3000 && code <= 4999);
}


size_t
ngx_websocket_close_payload(uint8_t *dst, uint16_t code,
    const uint8_t *reason, size_t size)
{
    if (code == NGX_WEBSOCKET_CLOSE_NO_STATUS) {
        return 0;
    }

    if (size > NGX_WEBSOCKET_CLOSE_REASON_SIZE) {
        size = NGX_WEBSOCKET_CLOSE_REASON_SIZE;

        /* goes back to the beginning of the character that is cut */

        while (size && (reason[size] & 0xc0) == 0x80) {
            size--;
        }
    }

    dst[0] = (uint8_t) (code >> 8);
    dst[1] = (uint8_t) code;

    if (size) {
        memcpy(dst + 2, reason, size);
    }

    return size + 2;
}
