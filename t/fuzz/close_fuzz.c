
/* What is read of a Close frame can be written again, and is the same. */

#include <stdlib.h>
#include <string.h>

#include "wire/utf8.c"
#include "wire/close.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t    n;
    uint8_t   out[125];
    uint16_t  code, again;

    if (size > 125 || ngx_websocket_close_parse(data, size, &code) != 0) {

        /* as a reason: whatever it is, what is written has its place */

        (void) ngx_websocket_close_payload(out, 1000, data, size);
        return 0;
    }

    n = ngx_websocket_close_payload(out, code, data + 2,
                                    size > 2 ? size - 2 : 0);

    if (n != size || memcmp(out, data, n) != 0
        || ngx_websocket_close_parse(out, n, &again) != 0 || again != code)
    {
        abort();
    }

    return 0;
}
