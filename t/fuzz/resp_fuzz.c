
/*
 * RESP, from a server that may be another than it says.  The first byte of
 * the input chooses the size of the pieces.  The rest is read in these pieces,
 * byte by byte and whole: each time the replies must be the same, with the
 * error at the same reply, and no memory beyond the bound be taken.
 */

#include "fuzz.h"
#include "broker/resp.c"


#define MAX  (256 * 1024)


typedef struct {
    uint64_t   hash;        /* of all that was told */
    size_t     replies;
    int        rc;
} told_t;


static void
tell(told_t *told, const void *data, size_t n)
{
    size_t          i;
    const uint8_t  *p;

    p = data;

    for (i = 0; i < n; i++) {
        told->hash = (told->hash ^ p[i]) * UINT64_C(1099511628211);
    }
}


static void
tell_value(told_t *told, const ngx_websocket_resp_value_t *value)
{
    size_t  i;

    fuzz_check(value != NULL);

    tell(told, &value->type, sizeof(value->type));
    tell(told, &value->number, sizeof(value->number));
    tell(told, &value->size, sizeof(value->size));

    if (value->type != NGX_WEBSOCKET_RESP_ARRAY) {
        tell(told, value->data, value->size);
        return;
    }

    for (i = 0; i < value->size; i++) {
        tell_value(told, ngx_websocket_resp_at(value, i));
    }
}


static void
read_pieces(told_t *told, const uint8_t *p, size_t n, uint8_t choice,
    int whole)
{
    size_t                       at, i, size;
    uint8_t                     *piece;
    ngx_websocket_resp_t        *resp;
    ngx_websocket_resp_value_t  *value;

    memset(told, 0, sizeof(told_t));
    told->rc = NGX_WEBSOCKET_RESP_AGAIN;

    resp = ngx_websocket_resp_create(MAX);
    fuzz_check(resp != NULL);

    for (at = 0, i = 0;
         at < n && told->rc == NGX_WEBSOCKET_RESP_AGAIN;
         at += size, i++)
    {
        size = whole ? n : fuzz_piece(choice, i, n - at);
        piece = fuzz_copy(p + at, size);

        told->rc = ngx_websocket_resp_feed(resp, piece, size);
        free(piece);

        while (told->rc == NGX_WEBSOCKET_RESP_OK) {
            told->rc = ngx_websocket_resp_next(resp, &value);

            if (told->rc == NGX_WEBSOCKET_RESP_OK) {
                tell_value(told, value);
                told->replies++;
            }

            fuzz_check(resp->taken <= MAX);
        }
    }

    ngx_websocket_resp_destroy(resp);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    told_t  one, other, bytes;

    if (n == 0) {
        return 0;
    }

    read_pieces(&one, p + 1, n - 1, p[0], 0);
    read_pieces(&bytes, p + 1, n - 1, 1, 0);
    read_pieces(&other, p + 1, n - 1, 0, 1);

    fuzz_check(one.replies == other.replies && one.hash == other.hash);
    fuzz_check(one.replies == bytes.replies && one.hash == bytes.hash);

    /* what is not whole may have an error yet */

    fuzz_check(one.rc == other.rc && one.rc == bytes.rc);

    return 0;
}
