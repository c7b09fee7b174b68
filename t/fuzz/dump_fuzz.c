
/*
 * Dumps: whatever one says, with checksums that are right, it is refused or
 * loaded, and what it is loaded into can be written and read again.
 */

#include "fuzz.h"
#include "store/store.c"
#include "store/channel.c"
#include "store/interest.c"
#include "store/member.c"
#include "store/ephemeral.c"
#include "store/message.c"
#include "store/numbered.c"
#include "store/quota.c"
#include "store/dump.c"


#define FUZZ_STORE  (256 * 1024)

static uint8_t  fuzz_store[FUZZ_STORE] __attribute__((aligned(64)));


/* as their author has them */

static void
fuzz_sums(uint8_t *data, size_t size)
{
    uint8_t                      *p, *body;
    ngx_websocket_dump_head_t     head;
    ngx_websocket_dump_record_t   record;

    if (size < sizeof(head)) {
        return;
    }

    memcpy(&head, data, sizeof(head));

    memcpy(head.magic, NGX_WEBSOCKET_DUMP_MAGIC, sizeof(head.magic));
    head.format = NGX_WEBSOCKET_DUMP_FORMAT;
    head.size = sizeof(head);
    head.nblocks %= 4096;
    head.crc = (uint32_t) crc32(0, (uint8_t *) &head,
                                offsetof(ngx_websocket_dump_head_t, crc));

    memcpy(data, &head, sizeof(head));

    for (p = data + sizeof(head);
         (body = (uint8_t *) ngx_websocket_dump_read(p, data + size, &record))
         != NULL;
         p = body + record.size)
    {
        record.crc = ngx_websocket_dump_crc(&record, body);
        memcpy(p, &record, sizeof(record));
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                         rc;
    size_t                      used;
    uint8_t                    *copy, *buf;
    ngx_websocket_dump_t        dump;
    ngx_websocket_dump_info_t   info;

    copy = fuzz_copy(p, n);
    fuzz_sums(copy, n);

    if (ngx_websocket_dump_check(copy, n, &info) != NGX_WEBSOCKET_STORE_OK) {
        free(copy);
        return 0;
    }

    rc = ngx_websocket_dump_load(fuzz_store, FUZZ_STORE, copy, n, n,
                                 info.clock, &info);

    free(copy);
    fuzz_check(rc == NGX_WEBSOCKET_STORE_OK);

    buf = malloc(FUZZ_STORE);
    fuzz_check(ngx_websocket_dump_begin((ngx_websocket_store_t *) fuzz_store,
                                        &dump)
               == 0);

    do {
        rc = ngx_websocket_dump_next((ngx_websocket_store_t *) fuzz_store,
                                     &dump, buf, FUZZ_STORE, &used);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    fuzz_check(rc == NGX_WEBSOCKET_STORE_OK);

    ngx_websocket_dump_done(&dump);
    free(buf);

    return 0;
}
