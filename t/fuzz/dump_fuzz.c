
/*
 * Dumps and logs: whatever they say, with checksums that are right, they are
 * refused or loaded, and what is made of them can be written and read again.
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
#include "store/dump_load.c"


#define FUZZ_STORE  (256 * 1024)

static uint8_t  fuzz_store[FUZZ_STORE] __attribute__((aligned(64)));


/* as their author has them */

static void
fuzz_sums(uint8_t *data, size_t size, const char *magic)
{
    uint8_t                      *p, *body;
    ngx_websocket_dump_head_t     head;
    ngx_websocket_dump_record_t   record;

    if (size < sizeof(head)) {
        return;
    }

    memcpy(&head, data, sizeof(head));

    memcpy(head.magic, magic, sizeof(head.magic));
    head.format = NGX_WEBSOCKET_DUMP_FORMAT;
    head.size = sizeof(head);
    head.nblocks %= 4096;
    memset(head.seed, 7, sizeof(head.seed));
    head.crc = ngx_websocket_dump_head_crc(&head);

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


/* the first part is a dump, and the rest a log: either may be none */

static int
fuzz_load(uint8_t *copy, size_t n, size_t dump)
{
    ngx_websocket_dump_file_t     file = { .data = copy, .size = dump };
    ngx_websocket_dump_file_t     log = { .data = copy + dump,
                                          .size = n - dump };
    ngx_websocket_dump_source_t   source = { .random = n, .now = n };

    fuzz_sums(copy, dump, NGX_WEBSOCKET_DUMP_MAGIC);
    fuzz_sums(copy + dump, n - dump, NGX_WEBSOCKET_DUMP_LOG);

    if (ngx_websocket_dump_check(&file) == NGX_WEBSOCKET_STORE_OK) {
        source.dump = &file;
    }

    if (ngx_websocket_dump_check_log(&log) == NGX_WEBSOCKET_STORE_OK) {
        source.logs = &log;
        source.nlogs = 1;
    }

    if (source.dump == NULL && source.logs == NULL) {
        return 0;
    }

    fuzz_check(ngx_websocket_dump_load(fuzz_store, FUZZ_STORE, &source)
               == NGX_WEBSOCKET_STORE_OK);

    return 1;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    int                    rc;
    size_t                 used;
    uint8_t               *copy, *buf;
    ngx_websocket_dump_t   dump;

    if (n < 2) {
        return 0;
    }

    /* the last two bytes say how long the dump is */

    n -= 2;
    copy = fuzz_copy(p, n);
    rc = fuzz_load(copy, n, (p[n] << 8 | p[n + 1]) % (n + 1));

    free(copy);

    if (rc == 0) {
        return 0;
    }

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
