
/* Any split of a text is judged alike. The first byte says where to cut. */

#include <stdint.h>
#include <stdlib.h>

#include "wire/utf8.c"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                   whole, split;
    size_t                i, step;
    ngx_websocket_utf8_t  a, b;

    if (size == 0) {
        return 0;
    }

    step = data[0] % 16 + 1;
    data++;
    size--;

    a = 0;
    whole = ngx_websocket_utf8(&a, data, size);

    b = 0;
    split = 0;

    for (i = 0; i < size && split == 0; i += step) {
        split = ngx_websocket_utf8(&b, data + i,
                                   size - i < step ? size - i : step);
    }

    if (whole != split || (whole == 0 && a != b)) {
        abort();
    }

    return 0;
}
