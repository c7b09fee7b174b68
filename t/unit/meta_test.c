
/* The parts of a message's meta: whole, cut anywhere, twice, unknown. */


#include "unit.h"
#include "message/meta.c"


/*
 * Reads bytes that end where memory does, and says in a line what there is:
 * "TYPE:BYTES;" for each part.
 */

static void
is(const char *what, const void *bytes, size_t size, const char *expected)
{
    int                    rc;
    char                   line[256], *p;
    size_t                 i;
    uint8_t               *copy;
    const uint8_t         *part;
    ngx_websocket_meta_t   meta;

    copy = unit_guarded(size);
    memcpy(copy, bytes, size);

    rc = ngx_websocket_meta_read(copy, size, &meta);
    p = line;
    *p = '\0';

    for (i = 0; i < NGX_WEBSOCKET_META_TYPES; i++) {

        if (meta.parts[i].data == NULL) {
            continue;
        }

        p += sprintf(p, "%zu:%.*s;", i, (int) meta.parts[i].size,
                     (const char *) meta.parts[i].data);

        part = NULL;

        if (ngx_websocket_meta_find(copy, size, i, &part)
            != meta.parts[i].size || part != meta.parts[i].data)
        {
            strcpy(line, "found otherwise");
        }
    }

    unit_ok(strcmp(rc == 0 ? line : "none", expected) == 0
            && (rc == 0 || (p == line && meta.marks == 0)),
            "%s: %s", what, rc == 0 ? line : "none");
}


/* what is cut before its last byte is not parts, but where a part ends */

static void
cut(void)
{
    size_t                n;
    uint8_t              *copy;
    const uint8_t        *part;
    ngx_websocket_meta_t  meta;

    static const uint8_t  two[] = "\1\0\5a=b;c\3\0\2me";

    for (n = 0; n < sizeof(two) - 1; n++) {

        copy = unit_guarded(n);
        memcpy(copy, two, n);

        if (ngx_websocket_meta_read(copy, n, &meta) != (n == 0 || n == 8
                                                        ? 0 : -1)
            || ngx_websocket_meta_find(copy, n, NGX_WEBSOCKET_META_CLIENT,
                                       &part)
            || (n >= 8) != (ngx_websocket_meta_find(copy, n,
                                              NGX_WEBSOCKET_META_TAGS, &part)
                            == 5))
        {
            break;
        }
    }

    unit_ok(n == sizeof(two) - 1, "cut anywhere: at %zu of %zu bytes", n,
            sizeof(two) - 1);
}


static void
written(void)
{
    uint8_t               *p, *buf;
    ngx_websocket_meta_t   meta;

    buf = unit_guarded(2 * NGX_WEBSOCKET_META_HEAD + 1 + 1000);

    p = ngx_websocket_meta_head(buf, NGX_WEBSOCKET_META_MARKS, 1);
    *p++ = NGX_WEBSOCKET_META_LEAVE | NGX_WEBSOCKET_META_DELTA;
    p = ngx_websocket_meta_head(p, NGX_WEBSOCKET_META_CONN_INFO, 1000);
    memset(p, 'x', 1000);

    unit_ok(ngx_websocket_meta_read(buf, p + 1000 - buf, &meta) == 0
            && meta.marks == (NGX_WEBSOCKET_META_LEAVE
                              | NGX_WEBSOCKET_META_DELTA)
            && meta.parts[NGX_WEBSOCKET_META_CONN_INFO].data == p
            && meta.parts[NGX_WEBSOCKET_META_CONN_INFO].size == 1000
            && meta.parts[NGX_WEBSOCKET_META_TAGS].data == NULL,
            "what was written is read, where it lies");
}


int
main(void)
{
    is("nothing", "", 0, "");
    is("a part", "\1\0\3a=b", 6, "1:a=b;");
    is("an empty part", "\4\0\0", 3, "4:;");
    is("parts in another order", "\6\0\2{}\1\0\1t\2\0\1\1", 13,
       "1:t;2:\1;6:{};");
    is("marks of no byte", "\2\0\0", 3, "2:;");
    is("unknown parts", "\77\0\2xx\4\0\1u\0\0\1z\377\0\0", 16, "4:u;");
    is("a part twice", "\4\0\1u\4\0\1v", 8, "none");
    is("an empty part twice", "\4\0\0\4\0\0", 6, "none");
    is("a part that is longer than the rest", "\4\377\377u", 4, "none");
    is("an unknown one that is", "\77\0\2x", 4, "none");
    is("a head that is cut", "\4\0\1u\4\0", 6, "none");

    cut();
    written();

    return unit_done();
}
