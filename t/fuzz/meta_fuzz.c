
/*
 * Parts of a message's meta: those that are read lie within the bytes, each
 * is found alone where it was read, and written again they are the same.
 */

#include "fuzz.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/stamp.c"
#include "message/meta.c"
#include "message/event.c"


/* whatever an event's parts are, there is a text of them */

static void
fuzz_event(const ngx_websocket_meta_t *meta)
{
    ngx_websocket_json_text_t  text;

    memset(&text, 0, sizeof(text));
    ngx_websocket_event_text(meta, &text);

    fuzz_check(!text.failed && text.data[0] == '{'
               && text.data[text.size - 1] == '}');

    ngx_websocket_json_text_done(&text);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                         i, rc;
    size_t                      size;
    uint8_t                    *copy, *again, *end;
    const uint8_t              *part;
    ngx_websocket_meta_t        meta, same;
    ngx_websocket_meta_part_t  *m;

    copy = fuzz_copy(p, n);
    again = malloc(n + 1);
    end = again;

    rc = ngx_websocket_meta_read(copy, n, &meta);

    if (rc == 0) {
        fuzz_event(&meta);
    }

    for (i = 0; i < NGX_WEBSOCKET_META_TYPES; i++) {

        m = &meta.parts[i];
        size = i ? ngx_websocket_meta_find(copy, n, i, &part) : 0;

        if (m->data == NULL) {
            fuzz_check(m->size == 0 && (rc != 0 || size == 0));
            continue;
        }

        fuzz_check(rc == 0 && m->data >= copy + NGX_WEBSOCKET_META_HEAD
                   && m->data + m->size <= copy + n
                   && size == m->size && part == m->data);

        end = ngx_websocket_meta_head(end, i, m->size);
        memcpy(end, m->data, m->size);
        end += m->size;
    }

    fuzz_check(ngx_websocket_meta_read(again, end - again, &same) == 0
               && same.marks == meta.marks);

    for (i = 0; i < NGX_WEBSOCKET_META_TYPES; i++) {
        fuzz_check(same.parts[i].size == meta.parts[i].size
                   && (same.parts[i].data == NULL)
                      == (meta.parts[i].data == NULL)
                   && memcmp(same.parts[i].data ? same.parts[i].data : again,
                             meta.parts[i].data ? meta.parts[i].data : again,
                             same.parts[i].size) == 0);
    }

    free(again);
    free(copy);

    return 0;
}
