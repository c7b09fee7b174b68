
/*
 * Dumps: what a store has is in another one that is made of its dump, of
 * whatever size, and a dump that was changed in any bit is refused.
 */


#include "unit.h"
#include "store_work.h"
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
#include "store_check.c"
#include "store_region.h"


#define NOW  1700000000000ull


static uint8_t  *dumped;
static size_t    dumped_size;
static uint64_t  dropped;
static unsigned  loads;

static ngx_websocket_dump_file_t  logs[8];
static size_t                     nlogs;


static ngx_websocket_channel_ref_t
channel(ngx_websocket_store_t *store, const char *name, uint32_t length)
{
    int                            rc;
    uint64_t                       hash;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_store_history_t  history = { length, 3600, 0 };

    hash = ngx_websocket_store_hash(store, (const uint8_t *) name,
                                    strlen(name));

    if (length == 0) {
        return ngx_websocket_store_find(store, (const uint8_t *) name,
                                        strlen(name), hash);
    }

    do {
        rc = ngx_websocket_store_open_channel(store, (const uint8_t *) name,
                                              strlen(name), hash, NOW,
                                              &history, &ref);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    return rc == NGX_WEBSOCKET_STORE_OK ? ref : 0;
}


/* the text is of the number, so that it can be checked later */

static int
publish(const char *name, uint32_t n, size_t size, uint64_t time, int end)
{
    int                            rc;
    char                           key[32];
    static uint8_t                 text[2 << 20];
    ngx_websocket_store_part_t     part = { text, size };
    ngx_websocket_store_large_t    large;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;

    memset(text, 'a' + n % 26, size);
    memset(&append, 0, sizeof(append));
    memset(&large, 0, sizeof(large));
    memset(&message, 0, sizeof(message));

    snprintf(key, sizeof(key), "%s-%u", name, n);
    ngx_websocket_store_key(l, (const uint8_t *) key, strlen(key),
                            message.key);

    message.time = time;
    message.source = n;
    message.digest = 7 * n;
    message.type = 1 + n % 2;
    message.priority = n % 5;
    message.meta = size > 10 ? 3 : 0;
    message.end = end;

    append.channel = channel(l, name, 1000);
    append.message = &message;
    append.parts = &part;
    append.n = 1;

    if (size > NGX_WEBSOCKET_STORE_PIECE) {
        append.large = &large;

        while ((rc = ngx_websocket_store_reserve(l, &append))
               == NGX_WEBSOCKET_STORE_AGAIN)
        {
            /* void */
        }

        while (rc == NGX_WEBSOCKET_STORE_OK
               && ngx_websocket_store_fill_piece(l, &append)
                  == NGX_WEBSOCKET_STORE_AGAIN)
        {
            /* void */
        }
    }

    do {
        rc = ngx_websocket_store_append(l, &append);
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    return rc;
}


static void
add(const uint8_t *data, size_t size)
{
    dumped = realloc(dumped, dumped_size + size);
    memcpy(dumped + dumped_size, data, size);
    dumped_size += size;
}


/* what was counted before is not counted */

static void
log_begin(void)
{
    memset(&log_work, 0, sizeof(log_work));
}


/* between() is called as often as others may have the lock */

static int
dump(void (*between)(unsigned n))
{
    int                    rc;
    size_t                 size, written;
    uint8_t               *buf;
    unsigned               n;
    ngx_websocket_dump_t   state;

    dumped_size = 0;
    size = NGX_WEBSOCKET_DUMP_BUFFER;
    buf = malloc(size);

    if (ngx_websocket_dump_begin(l, &state) != 0) {
        exit(1);
    }

    add(buf, ngx_websocket_dump_head(l, NOW, 7, buf));

    for (n = 0; n < 1000000; n++) {

        log_begin();
        rc = ngx_websocket_dump_next(l, &state, buf, size, &written);
        log_section();

        if (rc == NGX_WEBSOCKET_STORE_SHORT) {
            size = state.need;
            buf = realloc(buf, size);
            continue;
        }

        add(buf, written);

        if (rc != NGX_WEBSOCKET_STORE_AGAIN) {
            break;
        }

        if (between) {
            between(n);
        }
    }

    add(buf, ngx_websocket_dump_more("more", 4, buf));
    add(buf, ngx_websocket_dump_end(&state, buf));

    ngx_websocket_dump_done(&state);
    free(buf);

    return rc;
}


/* makes l of the dump, and of what was logged */

static int
load(size_t size, ngx_websocket_dump_info_t *info)
{
    int                           rc;
    ngx_websocket_dump_file_t     file = { .data = dumped,
                                           .size = dumped_size };
    ngx_websocket_dump_source_t   source = { .random = 12345 * ++loads,
                                             .now = NOW + 1000 };

    rc = ngx_websocket_dump_check(&file);
    *info = file.info;

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return rc;
    }

    source.dump = &file;
    source.logs = logs;
    source.nlogs = nlogs;

    begin(size);

    rc = ngx_websocket_dump_load(l, size, &source);
    dropped = source.dropped;

    return rc;
}


/* how many of the channel's messages from first to last are as they were */

static unsigned
right(const char *name, uint32_t first, uint32_t last)
{
    char                            key[32];
    size_t                          i;
    uint64_t                        wanted[2];
    unsigned                        n;
    static uint8_t                  buf[2 << 20];
    ngx_websocket_message_t        *m;
    ngx_websocket_store_cursor_t    cursor;
    ngx_websocket_store_message_t   message;
    ngx_websocket_channel_ref_t     ref;

    ref = channel(l, name, 0);
    n = 0;

    if (ref == 0
        || ngx_websocket_store_seek(l, ref, first, &cursor)
           != NGX_WEBSOCKET_STORE_OK)
    {
        return 0;
    }

    while (first <= last) {

        switch (ngx_websocket_store_read(l, &cursor, &message, buf,
                                         sizeof(buf)))
        {
        case NGX_WEBSOCKET_STORE_AGAIN:
            continue;

        case NGX_WEBSOCKET_STORE_OK:
            break;

        default:
            return n;
        }

        for (i = 0; i < message.size && buf[i] == 'a' + first % 26; i++) {
            /* void */
        }

        snprintf(key, sizeof(key), "%s-%u", name, first);
        ngx_websocket_store_key(l, (const uint8_t *) key, strlen(key),
                                wanted);
        m = ngx_websocket_store_block(l, cursor.message);

        n += (i == message.size && message.offset == first
              && message.source == first && message.type == 1 + first % 2
              && message.priority == first % 5
              && message.meta == (message.size > 10 ? 3 : 0)
              && m->key[0] == wanted[0]
              && (uint32_t) m->key[1] == 7 * first);
        first++;
    }

    return n;
}


static void
round_trip(void)
{
    uint32_t                       n;
    ngx_websocket_dump_info_t      info;
    ngx_websocket_store_info_t     before, after;

    begin(8 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    for (n = 1; n <= 300; n++) {
        publish("a", n, n, NOW - 1000 + n, 0);
        publish("b", n, 3 * n, NOW - 1000 + n, n == 300);
    }

    publish("large", 1, 1 << 20, NOW - 500, 0);
    publish("large", 2, 100000, NOW - 400, 0);
    (void) channel(l, "empty", 10);

    ngx_websocket_store_info(l, channel(l, "a", 0), &before);

    unit_ok(dump(NULL) == NGX_WEBSOCKET_STORE_OK, "dump: all is written");

    unit_ok(load(8 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound()
            && used() > 600 && info.channels == 3 && info.messages == 602
            && dropped == 0 && info.log == 7 && info.clock == NOW
            && info.more_size == 4 && memcmp(info.more, "more", 4) == 0,
            "load: each channel, each message");

    ngx_websocket_store_info(l, channel(l, "a", 0), &after);
    unit_ok(after.epoch != before.epoch, "load: the epoch is another one");
    after.epoch = before.epoch;
    unit_ok(memcmp(&before, &after, sizeof(before)) == 0,
            "load: all else is as it was");
    unit_ok(right("a", 1, 300) == 300 && right("b", 1, 300) == 300
            && right("large", 1, 2) == 2, "load: all messages, as they were");
    unit_ok(publish("a", 300, 300, NOW + 2000, 0)
            == NGX_WEBSOCKET_STORE_DUPLICATE, "load: keys hold");
    unit_ok(publish("b", 301, 1, NOW + 2000, 0) == NGX_WEBSOCKET_STORE_ENDED,
            "load: what has ended has");
    unit_ok(publish("a", 301, 9, NOW + 2000, 0) == NGX_WEBSOCKET_STORE_OK
            && right("a", 301, 301) == 1 && sound(), "load: it goes on");
}


static void
smaller(void)
{
    uint32_t                    n;
    ngx_websocket_dump_info_t   info;

    begin(8 << 20);

    for (n = 1; n <= 1000; n++) {
        publish("a", n, 2000, NOW - 5000 + n, 0);
        publish("b", n, 2000, NOW - 5000 + n, 0);
    }

    (void) dump(NULL);
    unit_ok(load(1 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound(),
            "smaller: it is loaded");
    unit_ok(right("a", 901, 1000) == 100 && right("b", 901, 1000) == 100
            && right("a", 700, 700) == 0 && right("b", 700, 700) == 0,
            "smaller: the oldest of all channels are not there");

    (void) load(32 << 20, &info);
    unit_ok(right("a", 1, 1000) == 1000 && right("b", 1, 1000) == 1000
            && sound(), "larger: all are there");
}


static uint32_t  disturbed;


/* others publish, delete and drop meanwhile */

static void
disturb(unsigned n)
{
    char  name[16];

    ngx_websocket_store_wake_t  wake;

    publish("a", ++disturbed, 3000, NOW, 0);

    if (n % 3 == 0) {
        snprintf(name, sizeof(name), "c%u", n);
        publish(name, 1, 3000, NOW, 0);
    }

    if (n % 7 == 0 && channel(l, "b", 0)) {
        ngx_websocket_store_delete(l, channel(l, "b", 0), &wake);
    }
}


static void
disturbances(void)
{
    uint32_t                    n;
    ngx_websocket_dump_info_t   info;

    begin(2 << 20);

    for (n = 1; n <= 400; n++) {
        publish("a", n, 2000, NOW - 1000 + n, 0);
        publish("b", n, 2000, NOW - 1000 + n, 0);
    }

    disturbed = 400;

    unit_ok(dump(disturb) == NGX_WEBSOCKET_STORE_OK
            && load(2 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound(),
            "disturbed: it is a dump");
    unit_ok(right("a", 380, 400) == 21, "disturbed: with what was there");
}


static void
make_anew(unsigned n)
{
    uint32_t                    i;
    ngx_websocket_store_wake_t  wake;

    if (n == 3) {
        ngx_websocket_store_delete(l, channel(l, "a", 0), &wake);
        (void) channel(l, "other", 10);

        for (i = 1; i <= 5; i++) {
            publish("a", i, 50, NOW, 0);
        }
    }
}


static void
anew(void)
{
    uint32_t                     n;
    ngx_websocket_dump_info_t    info;
    ngx_websocket_store_info_t   after;

    begin(2 << 20);

    for (n = 1; n <= 400; n++) {
        publish("a", n, 500, NOW - 1000 + n, n == 400);
    }

    unit_ok(dump(make_anew) == NGX_WEBSOCKET_STORE_OK
            && load(2 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound(),
            "anew: it is a dump");
    ngx_websocket_store_info(l, channel(l, "a", 0), &after);
    unit_ok(after.offset == 400 && after.ended && after.length < 400
            && right("a", after.first, 400) == after.length,
            "anew: it is of its beginning, with what there was yet");
}


/* all that was there has gone before it could be written, but the newest */

static void
overtake(unsigned n)
{
    uint32_t  i;

    (void) n;

    for (i = 0; i < 20; i++) {
        publish("a", ++disturbed, 3000, NOW, 0);
    }
}


/* a channel with a short history drops the very message that is the next */

static void
hasten(unsigned n)
{
    int                         rc;
    uint32_t                    i;
    ngx_websocket_ref_t         ref;
    ngx_websocket_message_t    *m;

    (void) n;

    ref = l->dumping;

    for (i = 0; ref && i < 3; i++) {
        m = ngx_websocket_store_block(l, ref);
        rc = m->channel == channel(l, "b", 0);
        ref = m->older;

        if (rc) {
            publish("b", ++disturbed, 10, NOW, 0);
        }
    }
}


static void
slow(void)
{
    uint32_t                      n;
    ngx_websocket_dump_info_t     info;
    ngx_websocket_store_info_t    after;

    begin(2 << 20);

    for (n = 1; n <= 400; n++) {
        publish("a", n, 3000, NOW - 1000 + n, 0);
    }

    disturbed = 400;

    unit_ok(dump(overtake) == NGX_WEBSOCKET_STORE_OK && disturbed < 2000
            && load(2 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound(),
            "slow: all goes faster than it is written, and it is a dump");
    ngx_websocket_store_info(l, channel(l, "a", 0), &after);
    unit_ok(after.offset == 420 && after.length > 50
            && right("a", after.first, 420) == after.length,
            "slow: with the newest %u that there were, up to %u",
            (unsigned) after.length, (unsigned) after.offset);

    begin(2 << 20);

    for (n = 1; n <= 300; n++) {
        publish("a", n, 2000, NOW - 1000 + n, 0);
        publish("b", n, 10, NOW - 1000 + n, 0);
    }

    /* the last ten only are kept from now on */

    (void) channel(l, "b", 10);
    disturbed = 300;

    unit_ok(dump(hasten) == NGX_WEBSOCKET_STORE_OK
            && load(2 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound()
            && right("a", 1, 300) == 300,
            "slow: the next one goes each time, and none of the others");
}


/* logs a message that was appended, and has that text */

static void
log_message(const char *name, uint32_t n, size_t size, uint64_t time)
{
    char                            key[32];
    size_t                          room;
    uint8_t                        *p;
    static uint8_t                  text[1000];
    ngx_websocket_dump_file_t      *file;
    ngx_websocket_store_info_t      info;
    ngx_websocket_store_part_t      part = { text, size };
    ngx_websocket_dump_logged_t     log;
    ngx_websocket_store_message_t   message;
    ngx_websocket_store_history_t   history = { 1000, 3600, 0 };

    file = &logs[nlogs - 1];
    ngx_websocket_store_info(l, channel(l, name, 0), &info);

    memset(text, 'a' + n % 26, size);
    memset(&message, 0, sizeof(message));
    memset(&log, 0, sizeof(log));

    snprintf(key, sizeof(key), "%s-%u", name, n);
    ngx_websocket_store_key(l, (const uint8_t *) key, strlen(key),
                            message.key);

    message.offset = n;
    message.time = time;
    message.source = n;
    message.digest = 7 * n;
    message.type = 1 + n % 2;
    message.priority = n % 5;
    message.meta = size > 10 ? 3 : 0;

    log.name = (const uint8_t *) name;
    log.name_size = strlen(name);
    log.epoch = info.epoch;
    log.history = &history;
    log.message = &message;
    log.parts = &part;
    log.n = 1;

    room = ngx_websocket_dump_logged_size(&log);
    p = realloc((void *) file->data, file->size + room);
    file->data = p;
    file->size += ngx_websocket_dump_logged(&log, p + file->size);
}


/* publishes, and logs */

static void
durable(const char *name, uint32_t n, size_t size)
{
    (void) publish(name, n, size, NOW + n, 0);
    log_message(name, n, size, NOW + n);
}


static void
log_file(uint64_t n)
{
    uint8_t  *p;

    p = malloc(NGX_WEBSOCKET_DUMP_HEAD);
    logs[nlogs].data = p;
    logs[nlogs].size = ngx_websocket_dump_log_head(l, NOW, n, p);
    nlogs++;
}


static int
logs_whole(void)
{
    int     rc;
    size_t  i;

    rc = 1;

    for (i = 0; i < nlogs; i++) {
        rc &= ngx_websocket_dump_check_log(&logs[i])
              == NGX_WEBSOCKET_STORE_OK;
    }

    return rc;
}


static void
logged(void)
{
    size_t                        i, size, wanted;
    uint32_t                      n;
    unsigned                      bad;
    uint64_t                      epoch;
    ngx_websocket_dump_info_t     info;
    ngx_websocket_store_info_t    after;
    ngx_websocket_store_wake_t    wake;

    begin(4 << 20);

    for (n = 1; n <= 50; n++) {
        publish("a", n, n, NOW - 1000 + n, 0);
        publish("gone", n, n, NOW - 1000 + n, 0);
    }

    (void) dump(NULL);

    log_file(7);

    /* two processes, one after the other: their order does not matter */

    for (n = 51; n <= 60; n += 2) {
        publish("a", n, n, NOW + n, 0);
        durable("a", n + 1, n + 1);
        log_message("a", n, n, NOW + n);
    }

    durable("new", 1, 100);
    ngx_websocket_store_delete(l, channel(l, "gone", 0), &wake);
    durable("gone", 1, 77);

    /* of these only the last is logged */

    for (n = 61; n < 70; n++) {
        publish("a", n, n, NOW + n, 0);
    }

    durable("a", 70, 70);

    unit_ok(logs_whole() && logs[0].info.messages == 13
            && load(4 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound(),
            "log: it is loaded");
    unit_ok(right("a", 1, 60) == 60 && right("new", 1, 1) == 1
            && right("gone", 1, 1) == 1 && dropped == 0,
            "log: what it has is there, with what the dump has");
    ngx_websocket_store_info(l, channel(l, "a", 0), &after);
    unit_ok(after.offset == 70 && after.first == 1 && right("a", 70, 70) == 1,
            "log: what was not logged leaves the rest where it is");

    /* the same channels go on, with a log of their own, and are loaded again */

    epoch = after.epoch;
    log_file(8);
    durable("a", 71, 71);
    durable("new", 2, 200);

    unit_ok(logs_whole()
            && load(4 << 20, &info) == NGX_WEBSOCKET_STORE_OK && sound()
            && right("a", 70, 71) == 2 && right("a", 1, 60) == 60
            && right("new", 1, 2) == 2 && right("gone", 1, 1) == 1
            && dropped == 0, "log: two, of two lives, are one after the other");

    ngx_websocket_store_info(l, channel(l, "a", 0), &after);
    unit_ok(after.epoch != epoch, "log: each life has its epochs");

    /* the head of the second log has to be whole, and its first record */

    size = logs[1].size;
    wanted = 0;
    bad = 0;

    for (i = 0; i <= size; i++) {
        logs[1].size = i;

        if (ngx_websocket_dump_check_log(&logs[1]) == NGX_WEBSOCKET_STORE_OK) {
            bad += logs[1].info.messages < wanted || logs[1].size > i;
            wanted = logs[1].info.messages;
        }
    }

    unit_ok(bad == 0 && wanted == 2, "log: cut anywhere, it is what is whole");

    for (i = 0; i < size * 8; i++) {
        ((uint8_t *) logs[1].data)[i / 8] ^= 1 << i % 8;
        logs[1].size = size;

        bad += ngx_websocket_dump_check_log(&logs[1])
               == NGX_WEBSOCKET_STORE_OK && logs[1].info.messages == 2;

        ((uint8_t *) logs[1].data)[i / 8] ^= 1 << i % 8;
    }

    unit_ok(bad == 0, "log: a bit changed anywhere ends it");

    while (nlogs) {
        free((void *) logs[--nlogs].data);
    }
}


static int
whole(size_t size)
{
    ngx_websocket_dump_file_t  file = { .data = dumped, .size = size };

    return ngx_websocket_dump_check(&file) == NGX_WEBSOCKET_STORE_OK;
}


static void
broken(void)
{
    size_t                        i, size;
    uint8_t                       was;
    unsigned                      taken;
    ngx_websocket_dump_file_t     file;
    ngx_websocket_dump_source_t   source = { .now = NOW };

    begin(1 << 20);
    publish("a", 1, 20, NOW, 0);
    publish("b", 1, 20, NOW, 0);
    (void) dump(NULL);

    taken = 0;

    for (i = 0; i < dumped_size * 8; i++) {
        was = dumped[i / 8];
        dumped[i / 8] ^= 1 << i % 8;
        taken += whole(dumped_size);
        dumped[i / 8] = was;
    }

    unit_ok(taken == 0, "broken: %u bits, none of which may change",
            (unsigned) i);

    for (size = 0; size < dumped_size; size++) {
        taken += whole(size);
    }

    unit_ok(taken == 0, "broken: cut anywhere");
    unit_ok(whole(dumped_size), "broken: not that one");

    source.dump = &file;
    file.data = dumped;
    file.size = dumped_size;

    unit_ok(ngx_websocket_dump_load(l, 100, &source)
            == NGX_WEBSOCKET_STORE_NOSPACE, "load: too small a region");
}


int
main(void)
{
    round_trip();
    smaller();
    disturbances();
    anew();
    slow();
    logged();
    broken();

    unit_ok(log_most.looked <= NGX_WEBSOCKET_STORE_SECTION
            && log_most.moved <= LOG_MEGABYTE,
            "under the lock at most %u were looked at, and %u bytes moved",
            (unsigned) log_most.looked, (unsigned) log_most.moved);

    free(dumped);

    return unit_done();
}
