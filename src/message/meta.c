
#include <string.h>

#include "message/meta.h"


static size_t ngx_websocket_meta_next(const uint8_t *data, size_t size);


int
ngx_websocket_meta_read(const uint8_t *data, size_t size,
    ngx_websocket_meta_t *meta)
{
    size_t                      n;
    ngx_websocket_meta_part_t  *part;

    memset(meta, 0, sizeof(ngx_websocket_meta_t));

    for ( /* void */ ; size; data += n, size -= n) {

        n = ngx_websocket_meta_next(data, size);

        if (n == 0) {
            goto invalid;
        }

        if (data[0] == 0 || data[0] >= NGX_WEBSOCKET_META_TYPES) {
            continue;
        }

        part = &meta->parts[data[0]];

        if (part->data) {
            goto invalid;
        }

        part->data = data + NGX_WEBSOCKET_META_HEAD;
        part->size = n - NGX_WEBSOCKET_META_HEAD;
    }

    part = &meta->parts[NGX_WEBSOCKET_META_MARKS];

    if (part->size) {
        meta->marks = part->data[0];
    }

    return 0;

invalid:

    memset(meta, 0, sizeof(ngx_websocket_meta_t));

    return -1;
}


/*
 * returns the size of the first part with its head; 0: there is no valid one
 */

static size_t
ngx_websocket_meta_next(const uint8_t *data, size_t size)
{
    size_t  n;

    if (size < NGX_WEBSOCKET_META_HEAD) {
        return 0;
    }

    n = ngx_websocket_meta_size(data);

    return n <= size ? n : 0;
}


size_t
ngx_websocket_meta_find(const uint8_t *data, size_t size,
    ngx_websocket_meta_type_e type, const uint8_t **part)
{
    size_t  n;

    while ((n = ngx_websocket_meta_next(data, size))) {

        if (data[0] == type) {
            *part = data + NGX_WEBSOCKET_META_HEAD;
            return n - NGX_WEBSOCKET_META_HEAD;
        }

        data += n;
        size -= n;
    }

    return 0;
}


uint8_t *
ngx_websocket_meta_head(uint8_t *p, ngx_websocket_meta_type_e type,
    size_t size)
{
    *p++ = (uint8_t) type;
    *p++ = (uint8_t) (size >> 8);
    *p++ = (uint8_t) size;

    return p;
}
