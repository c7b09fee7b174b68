
/*
 * The store: what its functions promise, and random commands against a model.
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
#include "store_check.c"
#include "store_model.h"
#include "store_region.h"


#define NOW  1000000


static ngx_websocket_channel_ref_t
find(const char *name)
{
    return ngx_websocket_store_find(l, (const uint8_t *) name, strlen(name),
                    ngx_websocket_store_hash(l, (const uint8_t *) name,
                                             strlen(name)));
}


static ngx_websocket_channel_ref_t
open_at(const char *name, uint64_t now, uint32_t length, uint32_t seconds)
{
    int                            rc;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_store_history_t  history = { length, seconds, 0 };

    model_again(rc, ngx_websocket_store_open_channel(l, (const uint8_t *) name,
                    strlen(name),
                    ngx_websocket_store_hash(l, (const uint8_t *) name,
                                             strlen(name)),
                    now, &history, &ref));

    return rc == NGX_WEBSOCKET_STORE_OK ? ref : 0;
}


static int
append(ngx_websocket_channel_ref_t ref, size_t size, uint64_t now)
{
    int                            rc;
    static uint8_t                 zeros[1 << 20];
    ngx_websocket_store_part_t     part = { zeros, size };
    ngx_websocket_store_message_t  message;

    memset(&message, 0, sizeof(message));
    message.time = now;

    model_again(rc, ngx_websocket_store_append(l, &store_appended(ref, &message,
                                                                  &part, 1)));

    return rc;
}


static ngx_websocket_store_cursor_t
subscribe(ngx_websocket_channel_ref_t ref, uint32_t slot)
{
    int                           rc;
    uint64_t                      offset;
    ngx_websocket_store_cursor_t  cursor;

    memset(&cursor, 0, sizeof(cursor));

    model_again(rc, ngx_websocket_store_subscribe(l, ref, slot, NOW, &cursor,
                                                  &offset));

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        cursor.entry = 0;
    }

    return cursor;
}


static int
next(ngx_websocket_store_cursor_t *cursor, size_t size, uint64_t *offset)
{
    int                            rc;
    static uint8_t                 buf[1 << 20];
    ngx_websocket_store_message_t  message;

    message.offset = 0;
    log_section();
    rc = ngx_websocket_store_read(l, cursor, &message, buf, size);
    log_section();
    *offset = message.offset;

    return rc;
}


/* a gap is told until it is acknowledged */

static int
gap(ngx_websocket_store_cursor_t *cursor, uint64_t next)
{
    int                            rc;
    uint64_t                       before, epoch;
    ngx_websocket_store_message_t  message;

    before = cursor->next;
    epoch = cursor->epoch;
    rc = ngx_websocket_store_read(l, cursor, &message, NULL, 0);

    if (rc != NGX_WEBSOCKET_STORE_GAP || cursor->next != before
        || ngx_websocket_store_read(l, cursor, &message, NULL, 0) != rc)
    {
        return 0;
    }

    ngx_websocket_store_skip(l, cursor);

    return cursor->next == next
           && (cursor->next > before || cursor->epoch != epoch);
}


static void
format(void)
{
    size_t    size;
    uint8_t   seed[16] = { 0 };

    size = ngx_websocket_store_min_size();
    begin(size + 64);

    unit_ok(ngx_websocket_store_format(l, size - 1, seed)
            == NGX_WEBSOCKET_STORE_NOSPACE, "format: a region too small");
    unit_ok(ngx_websocket_store_format(l, size, seed) == NGX_WEBSOCKET_STORE_OK
            && l->nblocks >= 64 && l->nhints >= 1024 && l->nbuckets >= 64
            && sound(), "format: the smallest region");
    unit_ok(ngx_websocket_store_open(l, size) == l
            && ngx_websocket_store_open(l, size + 64) == NULL
            && ngx_websocket_store_open(l, 8) == NULL,
            "open: only of the size that was formatted");

    l->version++;
    unit_ok(ngx_websocket_store_open(l, size) == NULL, "open: another layout");

    l->version--;
    l->head++;
    unit_ok(ngx_websocket_store_open(l, size) == NULL,
            "open: another struct of the same version");

    l->head--;
    l->block *= 2;
    unit_ok(ngx_websocket_store_open(l, size) == NULL, "open: other blocks");

    memset(l, 0, 64);
    unit_ok(ngx_websocket_store_open(l, size) == NULL, "open: not a store");
}


/* SipHash-1-3, key 00 to 0f, of the bytes 00, 01, ... */

static void
hash(void)
{
    size_t    i;
    uint8_t   name[64];
    uint64_t  folded;

    static const struct { size_t size; uint64_t hash; }  vectors[] = {
        {  0, UINT64_C(0xabac0158050fc4dc) },
        {  1, UINT64_C(0xc9f49bf37d57ca93) },
        {  7, UINT64_C(0xd3927d989bb11140) },
        {  8, UINT64_C(0x369095118d299a8e) },
        { 15, UINT64_C(0xd320d86d2a519956) },
        { 16, UINT64_C(0xcc4fdd1a7d908b66) },
        { 63, UINT64_C(0x9d199062b7bbb3a8) }
    };

    begin(1 << 20);

    for (folded = 0, i = 0; i < 64; i++) {
        name[i] = (uint8_t) i;
        folded = folded * 31 + ngx_websocket_store_hash(l, name, i);
    }

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        unit_ok(ngx_websocket_store_hash(l, name, vectors[i].size)
                == vectors[i].hash, "hash: %zu bytes", vectors[i].size);
    }

    unit_ok(folded == UINT64_C(0x71020056298ad661), "hash: 0 to 63 bytes");
}


static void
strerror_says(void)
{
    int  rc, other, different;

    different = 1;

    for (rc = NGX_WEBSOCKET_STORE_INVALID; rc <= 0; rc++) {
        for (other = rc + 1; other <= 0; other++) {
            different &= strcmp(ngx_websocket_store_strerror(rc),
                                ngx_websocket_store_strerror(other)) != 0;
        }
    }

    unit_ok(different, "strerror: a text for each");
}


static void
channels(void)
{
    char                          name[NGX_WEBSOCKET_STORE_NAME_SIZE + 1];
    uint64_t                      epoch;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_channel_ref_t   a, b;

    begin(1 << 20);

    memset(name, 'n', NGX_WEBSOCKET_STORE_NAME_SIZE);
    name[NGX_WEBSOCKET_STORE_NAME_SIZE] = '\0';

    a = open_at(name, NOW, 0, 0);
    name[NGX_WEBSOCKET_STORE_NAME_SIZE - 1] = 'm';
    b = open_at(name, NOW, 0, 0);

    unit_ok(a && b && a != b && find(name) == b && used() == 4 && sound(),
            "open_channel: the longest names");

    a = open_at("a", NOW, 3, 7);
    ngx_websocket_store_info(l, a, &info);
    epoch = info.epoch;

    unit_ok(epoch != 0 && info.offset == 0 && info.first == 1
            && info.length == 0 && info.published == 0 && !info.deleted,
            "info: a new channel");
    unit_ok(open_at("a", NOW, 3, 7) == a && find("a") == a && find("b") == 0,
            "find: only what there is");
    unit_ok(memcmp(&epoch, l->seed, 8) != 0
            && epoch - 3 != *(uint64_t *) l->seed,
            "open_channel: an epoch does not tell the seed");

    ngx_websocket_store_delete(l, a, &wake);
    b = open_at("a", NOW, 3, 7);
    ngx_websocket_store_info(l, b, &info);
    unit_ok(info.epoch != epoch, "delete: the name's new channel has a new "
            "epoch");
}


static void
history_of_length(void)
{
    int                           i, rc;
    uint64_t                      offset;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_cursor_t  reader, visitor;
    ngx_websocket_channel_ref_t   a;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    a = open_at("a", NOW, 0, 0);
    append(a, 100, NOW + 5);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(used() == 1 && info.offset == 1 && info.first == 2
            && info.length == 0 && info.published == NOW + 5,
            "append: nothing is stored for nobody");

    reader = subscribe(a, 0);

    for (i = 0; i < 40; i++) {
        append(a, 100, NOW);
    }

    ngx_websocket_store_info(l, a, &info);
    unit_ok(used() == 41 && info.length == 0 && info.first == 42,
            "append: what is stored for a reader is not history");

    rc = ngx_websocket_store_seek(l, a, 20, &visitor);
    unit_ok(rc == NGX_WEBSOCKET_STORE_GAP && visitor.next == 42
            && next(&visitor, 1000, &offset) == NGX_WEBSOCKET_STORE_EMPTY,
            "seek: a visitor does not see it");
    unit_ok(next(&reader, 99, &offset) == NGX_WEBSOCKET_STORE_SHORT
            && offset == 2 && reader.next == 2
            && next(&reader, 100, &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 2 && reader.next == 3,
            "read: a buffer one byte too small, and a sufficient one");

    /* more unread messages than one append drops, and nobody any more */

    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    append(a, 100, NOW);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 42 && sound(), "append: leaves no hole while old "
            "messages wait to be dropped");

    for (i = 0; i < 3; i++) {
        append(a, 100, NOW);
    }

    unit_ok(used() == 1 && sound(), "append: drops what nobody waits for");

    a = open_at("a", NOW, 3, 0);
    ngx_websocket_store_seek(l, a, 46, &visitor);

    for (i = 0; i < 5; i++) {
        append(a, 100, NOW);
    }

    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 50 && info.first == 48 && info.length == 3
            && used() == 4, "append: a history of three");
    unit_ok(gap(&visitor, 48)
            && next(&visitor, 1000, &offset) == 0 && offset == 48
            && next(&visitor, 1000, &offset) == 0 && offset == 49,
            "read: a visitor is told of a gap, and reads on");
    unit_ok(ngx_websocket_store_seek(l, a, 51, &visitor) == 0
            && ngx_websocket_store_seek(l, a, 52, &visitor)
               == NGX_WEBSOCKET_STORE_GAP && visitor.next == 48,
            "seek: after the newest, and beyond");
}


static void
history_of_time(void)
{
    int                           i, right;
    uint64_t                      offset;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_cursor_t  reader, visitor;
    ngx_websocket_channel_ref_t   a;

    begin(4 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    a = open_at("a", NOW, 10000, 60);
    reader = subscribe(a, 0);

    for (i = 0; i < 3000; i++) {
        append(a, 10, NOW + i * 100);
    }

    /* an unread message stays, but history is younger than a minute */

    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 3000 && info.first == 2401 && info.length == 600,
            "info: no more than a minute");
    unit_ok(ngx_websocket_store_seek(l, a, 2400, &visitor)
            == NGX_WEBSOCKET_STORE_GAP && visitor.next == 2401
            && next(&visitor, 10, &offset) == 0 && offset == 2401,
            "seek: no farther back than a minute");
    unit_ok(next(&reader, 10, &offset) == 0 && offset == 1,
            "read: a worker's messages do not grow old");

    for (right = 1, i = 0; i < 620; i++) {
        (void) open_at("b", NOW + 299900 + i * 100, 1, 0);
        ngx_websocket_store_info(l, a, &info);
        right &= info.length == (i < 600 ? 600u - i : 0)
                 && info.first == 3001 - info.length;
    }

    unit_ok(right, "info: what grows old, one by one");
    unit_ok(gap(&visitor, 3001)
            && next(&visitor, 10, &offset) == NGX_WEBSOCKET_STORE_EMPTY,
            "read: a visitor does not get what grew old");

    ngx_websocket_store_skip(l, &reader);
    unit_ok(next(&reader, 10, &offset) == 0 && offset == 2,
            "skip: nothing where there is no gap");

    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    sweep(NOW + 400000, 1000000);
    unit_ok(used() == 2 && sound(), "sweep: drops thousands at once");

    /* the clock is set back: nothing is older than nothing */

    a = open_at("a", NOW + 400000, 10000, 60);
    append(a, 10, NOW + 400000);
    append(a, 10, NOW);
    sweep(NOW, 1000);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.length == 2 && sound(), "append: the clock may step back");
}


static void
deletion(void)
{
    int                           i;
    uint64_t                      offset, position;
    uint32_t                      low;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_cursor_t  reader, other, visitor;
    ngx_websocket_channel_ref_t   a, b, ref;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 7, 1);
    ngx_websocket_store_attach(l, 200, 2);

    a = open_at("a", NOW, 1000, 0);
    reader = subscribe(a, 7);
    other = subscribe(a, 200);

    for (i = 0; i < 200; i++) {
        append(a, 10, NOW);
    }

    ngx_websocket_store_seek(l, a, 100, &visitor);
    position = ngx_websocket_store_hints(l);
    ngx_websocket_store_delete(l, a, &wake);

    unit_ok(wake.slots[0] == 1 << 7 && wake.slots[3] == 1 << 8
            && !wake.slots[1] && !wake.slots[2], "delete: whom to wake");
    unit_ok(ngx_websocket_store_hint(l, &position, &ref, &low) == 0
            && ref == a && low == 0, "delete: a hint");

    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.deleted && info.length == 0 && find("a") == 0 && sound(),
            "delete: the name is free, and the history gone");

    b = open_at("a", NOW, 1000, 0);
    unit_ok(b && b != a && find("a") == b, "delete: while the remains live");

    unit_ok(next(&reader, 1000, &offset) == NGX_WEBSOCKET_STORE_DELETED
            && next(&visitor, 1000, &offset) == NGX_WEBSOCKET_STORE_DELETED,
            "read: a deleted channel");

    ngx_websocket_store_skip(l, &reader);
    unit_ok(reader.next == 1 && sound(), "skip: nothing in a deleted channel");

    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    ngx_websocket_store_unsubscribe(l, &other, NOW);
    sweep(NOW, 60000);
    unit_ok(used() == 1 && sound(), "sweep: the rest of a deleted history");
    unit_ok(next(&visitor, 1000, &offset) == NGX_WEBSOCKET_STORE_DELETED,
            "read: a channel that was freed");

    append(b, 10, NOW);
    unit_ok(next(&visitor, 1000, &offset) == NGX_WEBSOCKET_STORE_DELETED,
            "read: a channel whose block is another's");

    reader = subscribe(b, 7);
    ngx_websocket_store_delete(l, b, &wake);
    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    unit_ok(used() == 0 && sound(), "unsubscribe: the last one frees a "
            "deleted channel");

    b = open_at("a", NOW, 1000, 0);
    append(b, 10, NOW);
    ngx_websocket_store_delete(l, b, &wake);
    unit_ok(used() == 0 && sound(), "delete: frees what nobody uses");
}


/* as many workers as there can be, in one channel */

static void
crowd(void)
{
    int                           i, right;
    uint64_t                      offset;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_channel_ref_t   a;
    ngx_websocket_store_cursor_t  cursors[NGX_WEBSOCKET_STORE_WORKERS];

    begin(1 << 20);
    a = open_at("a", NOW, 0, 0);

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        ngx_websocket_store_attach(l, i, 1000 + i);
        cursors[i] = subscribe(a, i);
    }

    append(a, 10, NOW);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.subscribers == 256 && used() == 2 + 26 && sound(),
            "subscribe: 256 workers");

    for (right = 1, i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        right &= next(&cursors[i], 10, &offset) == 0 && offset == 1;
    }

    append(a, 10, NOW);
    unit_ok(right && used() == 2 + 26, "read: by all, then dropped");

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        ngx_websocket_store_unsubscribe(l, &cursors[i], NOW);
        right &= cursors[i].entry == 0;
    }

    unit_ok(right && used() == 2 && sound(),
            "unsubscribe: gives back the blocks of entries");

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        cursors[i] = subscribe(a, i);
    }

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        ngx_websocket_store_attach(l, i, i < 8 ? 0 : 2000 + i);
    }

    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.subscribers == 0, "attach: voids what the last one held");

    sweep(NOW, 60000);
    unit_ok(used() == 1 && sound(), "sweep: what is left of dead workers");

    for (i = 8; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        cursors[i] = subscribe(a, i);
    }

    ngx_websocket_store_delete(l, a, &wake);

    for (i = 8; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        ngx_websocket_store_attach(l, i, 0);
    }

    sweep(NOW, 60000);
    unit_ok(used() == 0 && sound(),
            "sweep: a deleted channel of dead workers");
}


static void
idleness(void)
{
    ngx_websocket_channel_ref_t  a;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    a = open_at("a", NOW, 0, 0);
    sweep(NOW + 59999, 60000);
    unit_ok(find("a") == a, "sweep: not idle for long enough");
    sweep(NOW + 60000, 60000);
    unit_ok(find("a") == 0 && used() == 0, "sweep: an idle channel");

    a = open_at("a", NOW, 0, 0);
    (void) subscribe(a, 0);
    sweep(NOW + 500000, 60000);
    ngx_websocket_store_attach(l, 0, 0);
    sweep(NOW + 501000, 60000);
    unit_ok(find("a") == a, "sweep: its subscriber died only now");
    sweep(NOW + 560000, 60000);
    unit_ok(find("a") == 0, "sweep: long ago");

    a = open_at("a", NOW, 9, 500);
    append(a, 10, NOW);
    sweep(NOW + 500000, 60000);
    unit_ok(find("a") == a && used() == 1, "sweep: its history went only now");

    a = open_at("a", NOW + 900000, 0, 0);
    sweep(NOW, 60000);
    sweep(NOW + 60000, 60000);
    unit_ok(find("a") == 0, "sweep: the clock was set back");

    a = open_at("a", NOW, 0, 0);
    sweep(NOW + 60000, 60000);
    unit_ok(find("a") == 0, "sweep: goes round the table");

    unit_ok(ngx_websocket_store_sweep(l, UINT64_MAX, NOW, 60000, NULL)
            < l->nbuckets
            && ngx_websocket_store_sweep(l, 7, NOW, 60000, NULL) == 7,
            "sweep: a part of it at a time");
    log_section();
}


/* who is told of a channel's first and last subscriber */

static size_t
sweep_for(ngx_websocket_store_name_t *gone)
{
    log_section();
    ngx_websocket_store_sweep(l, UINT64_MAX, NOW, 60000, gone);
    log_section();

    return gone->size;
}


static void
interest(void)
{
    ngx_websocket_store_name_t    gone;
    ngx_websocket_store_cursor_t  one, two;
    ngx_websocket_channel_ref_t   a, b;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);
    ngx_websocket_store_attach(l, 1, 1);

    a = open_at("a", NOW, 0, 0);
    one = subscribe(a, 0);
    unit_ok(ngx_websocket_store_interest_first(l, a), "interest: the first");
    two = subscribe(a, 1);
    unit_ok(!ngx_websocket_store_interest_first(l, a),
            "interest: one of another worker is not the first");

    unit_ok(!ngx_websocket_store_interest_last(l, &one),
            "interest: nor the last");
    ngx_websocket_store_unsubscribe(l, &one, NOW);
    unit_ok(ngx_websocket_store_interest_last(l, &two), "interest: the last");
    ngx_websocket_store_unsubscribe(l, &two, NOW);

    one = subscribe(a, 0);
    unit_ok(ngx_websocket_store_interest_first(l, a),
            "interest: the first, again");
    b = open_at("b", NOW, 0, 0);
    two = subscribe(b, 0);
    (void) ngx_websocket_store_interest_first(l, b);

    ngx_websocket_store_attach(l, 0, 2);
    two = subscribe(b, 1);
    unit_ok(!ngx_websocket_store_interest_first(l, b),
            "interest: it is not told anew before the dead are found");
    unit_ok(sweep_for(&gone) == 1 && gone.data[0] == 'a',
            "interest: the last one has died");
    unit_ok(sweep_for(&gone) == 0, "interest: which is told once");
    unit_ok(ngx_websocket_store_interest_last(l, &two),
            "interest: the last one of those who live");
    ngx_websocket_store_unsubscribe(l, &two, NOW);

    one = subscribe(a, 0);
    two = subscribe(b, 0);
    (void) ngx_websocket_store_interest_first(l, a);
    (void) ngx_websocket_store_interest_first(l, b);
    ngx_websocket_store_attach(l, 0, 3);
    unit_ok(sweep_for(&gone) == 1, "interest: of two that have died one is told of");
    unit_ok(sweep_for(&gone) == 1, "interest: and then the other");
    log_section();
}


static void
shortage(void)
{
    int                           i, rc;
    size_t                        most;
    uint64_t                      offset, messages;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_cursor_t  reader;
    ngx_websocket_channel_ref_t   a, b;

    begin(ngx_websocket_store_min_size());
    ngx_websocket_store_attach(l, 0, 1);

    a = open_at("a", NOW, 0, 0);
    b = open_at("b", NOW, 1000, 0);
    reader = subscribe(a, 0);

    append(b, 10, NOW);

    for (i = 0; append(a, 100, NOW) == NGX_WEBSOCKET_STORE_OK; i++) { /**/ }

    unit_ok(find("b") == 0 && ngx_websocket_store_free_blocks(l) == 0,
            "append: history goes first, and its channel with it");

    ngx_websocket_store_info(l, a, &info);
    rc = append(a, 100, NOW + 9999);
    unit_ok(rc == NGX_WEBSOCKET_STORE_NOSPACE && info.offset == (uint64_t) i
            && next(&reader, 1000, &offset) == 0 && offset == 1,
            "append: what is unread and young stays");
    unit_ok(append(a, 100, NOW + 9999) == NGX_WEBSOCKET_STORE_OK,
            "append: what was read goes");

    (void) next(&reader, 1000, &offset);
    rc = append(a, 600, NOW + 10000);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(rc == NGX_WEBSOCKET_STORE_OK
            && gap(&reader, info.offset + 1 - l->nmessages)
            && reader.next > 3
            && next(&reader, 1000, &offset) == 0 && sound(),
            "append: does not wait for ten seconds");

    /* all that there is, but for the channel and its entries */

    begin(ngx_websocket_store_min_size());
    a = open_at("a", NOW, 1000, 0);

    for (i = 0; i < 20; i++) {
        append(a, 10, NOW);
        (void) open_at((char[]) { 'c', 'a' + i, 0 }, NOW, 0, 0);
    }

    messages = l->nmessages;
    most = (l->nblocks - 3) * (size_t) (NGX_WEBSOCKET_STORE_BLOCK - 4)
           + NGX_WEBSOCKET_STORE_FIRST;

    unit_ok(append(a, most + 1, NOW) == NGX_WEBSOCKET_STORE_NOSPACE
            && l->nmessages == messages && l->nchannels == 21,
            "append: what can never fit drives nothing out");
    unit_ok(append(a, most, NOW) == NGX_WEBSOCKET_STORE_OK
            && l->nmessages == 1 && l->nchannels == 1 && sound()
            && ngx_websocket_store_free_blocks(l) == 0,
            "append: as large as the region");
    unit_ok(open_at("b", NOW, 0, 0) != 0 && l->nmessages == 0,
            "open_channel: makes room");

    begin(ngx_websocket_store_min_size());
    a = open_at("0123456789012345678901234567890123456789012345678901234567890"
                "123456789012", NOW, 1000, 0);
    append(a, 10, NOW);

    unit_ok(append(a, most - 252 + 1, NOW) == NGX_WEBSOCKET_STORE_NOSPACE
            && l->nmessages == 1
            && append(a, most - 252, NOW) == NGX_WEBSOCKET_STORE_OK,
            "append: where the channel has a long name");
}


/* a subscriber may drive out messages of its own channel, but not this */

static void
subscribe_short(void)
{
    int                           i;
    uint64_t                      offset;
    ngx_websocket_store_cursor_t  cursors[5];
    ngx_websocket_channel_ref_t   a;

    begin(ngx_websocket_store_min_size());
    a = open_at("a", NOW, 1000, 0);

    for (i = 0; i < 5; i++) {
        ngx_websocket_store_attach(l, i, 1 + i);

        if (i == 4) {
            while (ngx_websocket_store_free_blocks(l)) {
                append(a, 10, NOW);
            }
        }

        cursors[i] = subscribe(a, i);

        while (i < 4 && next(&cursors[i], 10, &offset) == 0) { /* void */ }
    }

    unit_ok(cursors[4].entry == 0 && sound(),
            "subscribe: no space while all is unread");

    while (next(&cursors[0], 10, &offset) == 0) { /* void */ }
    while (next(&cursors[1], 10, &offset) == 0) { /* void */ }
    while (next(&cursors[2], 10, &offset) == 0) { /* void */ }
    while (next(&cursors[3], 10, &offset) == 0) { /* void */ }

    cursors[4] = subscribe(a, 4);
    append(a, 10, NOW);
    unit_ok(cursors[4].entry && next(&cursors[4], 10, &offset) == 0
            && offset == l->nmessages + 2 && sound(),
            "subscribe: makes room");
}


/* seeks are short however long the history */

static void
seeks(void)
{
    uint64_t                      i, offset;
    uint32_t                      most, steps;
    ngx_websocket_ref_t           ref;
    ngx_websocket_channel_t      *ch;
    ngx_websocket_message_t      *m;
    ngx_websocket_store_cursor_t  cursor;
    ngx_websocket_channel_ref_t   a;

    begin(24 << 20);
    a = open_at("a", NOW, 60000, 0);

    for (i = 0; i < 100000; i++) {
        append(a, 8, NOW);
    }

    ch = ngx_websocket_store_block(l, a);

    for (most = 0, i = 0; i < 60000; i += 7) {

        offset = ch->offset - i;

        if (ngx_websocket_store_seek(l, a, offset, &cursor) != 0
            || next(&cursor, 8, &offset) != 0 || offset != ch->offset - i)
        {
            break;
        }

        /* the way that a search goes, counted */

        for (steps = 0, ref = ch->last; ref; steps++) {
            m = ngx_websocket_store_block(l, ref);

            if (m->offset == offset) {
                break;
            }

            ref = m->jump_offset >= offset ? m->jump : m->before;
        }

        most = steps > most ? steps : most;
    }

    unit_ok(i >= 60000 && ch->held.of.count == 60000,
            "seek: anywhere in 60,000");
    unit_ok(most <= 3 * 16, "seek: takes at most %u steps", most);
}


static void
hints(void)
{
    uint32_t                      low, i;
    uint64_t                      position, offset;
    ngx_websocket_store_cursor_t  reader;
    ngx_websocket_channel_ref_t   a, ref;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);
    a = open_at("a", NOW, 1, 0);
    position = ngx_websocket_store_hints(l);

    append(a, 1, NOW);
    unit_ok(ngx_websocket_store_hint(l, &position, &ref, &low)
            == NGX_WEBSOCKET_STORE_EMPTY, "hint: none where nobody listens");

    reader = subscribe(a, 0);

    for (i = 1; i < l->nhints; i++) {
        append(a, 1, NOW);
        (void) next(&reader, 1, &offset);
    }

    for (i = 2; ngx_websocket_store_hint(l, &position, &ref, &low) == 0; i++) {
        if (ref != a || low != i) {
            break;
        }
    }

    unit_ok(i == l->nhints + 1 && position == ngx_websocket_store_hints(l),
            "hint: a ring full but one");

    for (i = 0; i < l->nhints; i++) {
        append(a, 1, NOW);
        (void) next(&reader, 1, &offset);
    }

    unit_ok(ngx_websocket_store_hint(l, &position, &ref, &low)
            == NGX_WEBSOCKET_STORE_GAP
            && position == ngx_websocket_store_hints(l),
            "hint: the ring was, or is being, overwritten");

    /* a hint that was written, but whose author died before it was counted */

    append(a, 1, NOW);
    l->hints--;
    ngx_websocket_store_recover(l);
    unit_ok(ngx_websocket_store_repairs(l) == 1, "repairs: counted, as a hint "
            "may be lost");
}


static int
append_digest(ngx_websocket_channel_ref_t ref, const char *key,
    uint32_t digest, uint64_t *offset)
{
    int                            rc;
    ngx_websocket_store_part_t     part = { (const uint8_t *) key,
    strlen(key) };
    ngx_websocket_store_message_t  message;

    memset(&message, 0, sizeof(message));
    message.time = NOW;

    ngx_websocket_store_key(l, part.data, part.size, message.key);
    message.digest = digest;

    rc = ngx_websocket_store_append(l, &store_appended(ref, &message,
                                                       &part, 1));
    *offset = message.offset;

    return rc;
}


static int
append_key(ngx_websocket_channel_ref_t ref, const char *key,
    uint64_t *offset)
{
    return append_digest(ref, key, 0, offset);
}


static void
keys(void)
{
    uint64_t                     offset, key[2], other[2];
    uint8_t                      bytes[300];
    ngx_websocket_channel_ref_t  a, b, none;

    begin(1 << 20);

    a = open_at("a", NOW, 2, 0);
    b = open_at("b", NOW, 2, 0);
    none = open_at("none", NOW, 0, 0);

    unit_ok(append_key(a, "x",
                       &offset) == NGX_WEBSOCKET_STORE_OK && offset == 1
            && append_key(a, "y", &offset) == NGX_WEBSOCKET_STORE_OK
            && append_key(a, "x", &offset) == NGX_WEBSOCKET_STORE_DUPLICATE
            && offset == 1
            && append_key(a, "y", &offset) == NGX_WEBSOCKET_STORE_DUPLICATE
            && offset == 2, "keys: the first one's place");
    unit_ok(append_key(b, "x",
                       &offset) == NGX_WEBSOCKET_STORE_OK && offset == 1,
            "keys: another channel's are others");
    unit_ok(append_key(a, "z", &offset) == NGX_WEBSOCKET_STORE_OK
            && append_key(a, "x", &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 4, "keys: forgotten with the history");
    unit_ok(append_key(none, "x", &offset) == NGX_WEBSOCKET_STORE_OK
            && append_key(none, "x", &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 2, "keys: nothing is known where nothing is kept");

    unit_ok(append_digest(b, "d", 7, &offset) == NGX_WEBSOCKET_STORE_OK
            && append_digest(b, "d", 8,
                             &offset) == NGX_WEBSOCKET_STORE_MISMATCH
            && append_digest(b, "d", 7,
                             &offset) == NGX_WEBSOCKET_STORE_DUPLICATE
            && offset == 2 && sound(), "keys: of something else");

    memset(bytes, 'k', sizeof(bytes));
    ngx_websocket_store_key(l, bytes, 255, key);
    ngx_websocket_store_key(l, bytes, 300, other);

    unit_ok(key[0] == other[0] && key[1] == other[1] && key[0] != key[1],
            "keys: 255 bytes count");

    ngx_websocket_store_key(l, bytes, 254, other);
    unit_ok(key[0] != other[0] && key[1] != other[1] && sound(),
            "keys: and each of them does");
}


static void
ends(void)
{
    int                            rc;
    uint8_t                        buf[100];
    uint64_t                       offset;
    ngx_websocket_store_wake_t     wake;
    ngx_websocket_store_info_t     info;
    ngx_websocket_store_cursor_t   cursor, visitor;
    ngx_websocket_store_append_t   last;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    a;

    begin(1 << 20);

    a = open_at("a", NOW, 2, 0);
    cursor = subscribe(a, 0);

    memset(&message, 0, sizeof(message));
    message.time = NOW;
    message.end = 1;
    message.ephemeral = 1;

    last = store_appended(a, &message, NULL, 0);
    last.info = &info;

    unit_ok(append_key(a, "x", &offset) == NGX_WEBSOCKET_STORE_OK
            && ngx_websocket_store_append(l, &last) == NGX_WEBSOCKET_STORE_OK
            && info.offset == 1 && info.length == 1 && info.ended,
            "end: without a last message");

    rc = ngx_websocket_store_read(l, &cursor, &message, buf, sizeof(buf));
    unit_ok(rc == NGX_WEBSOCKET_STORE_OK && message.offset == 1
            && ngx_websocket_store_read(l, &cursor, &message, buf, sizeof(buf))
               == NGX_WEBSOCKET_STORE_ENDED, "end: behind what there is");

    ngx_websocket_store_seek(l, a, 2, &visitor);
    unit_ok(ngx_websocket_store_read(l, &visitor, &message, buf, sizeof(buf))
            == NGX_WEBSOCKET_STORE_ENDED, "end: for who comes later");

    unit_ok(append_key(a, "y", &offset) == NGX_WEBSOCKET_STORE_ENDED
            && append_key(a, "x", &offset) == NGX_WEBSOCKET_STORE_DUPLICATE
            && sound(), "end: it takes no more, but knows what it has");

    ngx_websocket_store_delete(l, a, &wake);
    unit_ok(append_key(open_at("a", NOW, 2, 0), "y",
                       &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 1 && sound(), "end: until it is deleted");
}


/* a part that is the message's own offset, over the edge of a block too */

static void
numbers(void)
{
    int                            rc, bad;
    char                           said[300], expected[600];
    uint8_t                        buf[600];
    size_t                         n, room;
    uint64_t                       offset;
    ngx_websocket_store_part_t     parts[3];
    ngx_websocket_store_cursor_t   cursor;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    ref;

    begin(1 << 20);

    ref = open_at("a", NOW, 1, 0);
    cursor = subscribe(ref, 0);
    bad = 0;

    memset(said, 's', sizeof(said));

    for (offset = 1; offset <= 1200; offset++) {

        room = offset % 300;

        parts[0].data = (uint8_t *) said;
        parts[0].size = room;
        parts[1].data = ngx_websocket_store_offset;
        parts[1].size = 0;
        parts[2].data = (uint8_t *) "end";
        parts[2].size = 3;

        memset(&message, 0, sizeof(message));
        message.time = NOW;

        log_section();
        rc = ngx_websocket_store_append(l, &store_appended(ref, &message,
                                                           parts, 3));
        n = (size_t) sprintf(expected, "%.*s%lluend", (int) room, said,
                             (unsigned long long) offset);

        bad += rc != NGX_WEBSOCKET_STORE_OK || message.offset != offset
               || message.size != n;

        rc = ngx_websocket_store_read(l, &cursor, &message, buf,
                                      sizeof(buf));

        bad += rc != NGX_WEBSOCKET_STORE_OK || message.size != n
               || memcmp(buf, expected, n) != 0;
    }

    unit_ok(bad == 0 && sound(), "numbers in messages: %d wrong", bad);
}


/* messages in steps, and in pieces */

static int
append_large(ngx_websocket_channel_ref_t ref, const uint8_t *data,
    size_t size, unsigned others)
{
    int                            rc;
    unsigned                       tries;
    uint64_t                       offset;
    ngx_websocket_store_part_t     parts[3];
    ngx_websocket_store_large_t    large;
    ngx_websocket_store_append_t   steps;
    ngx_websocket_store_message_t  message;

    parts[0].data = data;
    parts[0].size = size / 2;
    parts[1].data = ngx_websocket_store_offset;
    parts[1].size = 0;
    parts[2].data = data + size / 2;
    parts[2].size = size - size / 2;

    memset(&large, 0, sizeof(large));
    memset(&message, 0, sizeof(message));
    message.time = NOW;

    steps = store_appended(ref, &message, parts, 3);
    steps.large = &large;

    for (tries = 1; ; tries++) {

        model_again(rc, ngx_websocket_store_reserve(l, &steps));

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            ngx_websocket_store_unreserve(l, 0);
            return rc;
        }

        store_fill(l, &steps);
        log_work.moved = 0;

        while (others) {
            append(ref, 10, NOW);
            others--;
        }

        rc = ngx_websocket_store_append(l, &steps);
        offset = message.offset;
        log_section();

        if (rc != NGX_WEBSOCKET_STORE_AGAIN) {
            return rc == NGX_WEBSOCKET_STORE_OK && offset ? (int) tries : rc;
        }
    }
}


/* bytes that are had by pieces; there are none from some place on */

static size_t  large_end;

static const uint8_t *
large_bytes(void *reader, size_t part, size_t from, size_t size)
{
    if (part != 0 || size > NGX_WEBSOCKET_STORE_FILL
        || from + size > large_end)
    {
        return NULL;
    }

    return (uint8_t *) reader + from;
}


/* others publish after so many pieces: returns how many there were */

static int
append_read(ngx_websocket_channel_ref_t ref, uint8_t *data, size_t size,
    unsigned after, unsigned others)
{
    int                            rc;
    unsigned                       pieces;
    ngx_websocket_store_part_t     parts[2];
    ngx_websocket_store_large_t    large;
    ngx_websocket_store_append_t   steps;
    ngx_websocket_store_message_t  message;

    parts[0].data = NULL;
    parts[0].size = size;
    parts[1].data = ngx_websocket_store_offset;
    parts[1].size = 0;

    memset(&large, 0, sizeof(large));
    memset(&message, 0, sizeof(message));
    message.time = NOW;

    steps = store_appended(ref, &message, parts, 2);
    steps.large = &large;
    steps.read = large_bytes;
    steps.reader = data;

    pieces = 0;

    do {
        model_again(rc, ngx_websocket_store_reserve(l, &steps));

        do {
            rc = ngx_websocket_store_fill_piece(l, &steps);
            log_work.moved = 0;

            if (++pieces == after) {

                while (others) {
                    append(ref, 10, NOW);
                    others--;
                }

                (void) ngx_websocket_store_reserve(l, &steps);
            }

        } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            ngx_websocket_store_unreserve(l, 0);
            return rc;
        }

        rc = ngx_websocket_store_append(l, &steps);
        log_section();

    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    return rc == NGX_WEBSOCKET_STORE_OK ? (int) pieces : rc;
}


static int
read_large(ngx_websocket_store_cursor_t *cursor, uint8_t *buf, size_t size,
    ngx_websocket_store_message_t *message, unsigned *pieces)
{
    int  rc;

    for (*pieces = 1; ; ++*pieces) {

        log_section();
        rc = ngx_websocket_store_read(l, cursor, message, buf, size);
        log_section();

        if (rc != NGX_WEBSOCKET_STORE_AGAIN) {
            return rc;
        }
    }
}


static int
skip_small(ngx_websocket_store_cursor_t *cursor, uint8_t *buf, size_t size,
    unsigned n)
{
    ngx_websocket_store_message_t  message;

    while (n && ngx_websocket_store_read(l, cursor, &message, buf, size)
                == NGX_WEBSOCKET_STORE_OK)
    {
        n--;
    }

    log_section();

    return (int) n;
}


static void
large(void)
{
    int                            rc;
    size_t                         i, size;
    uint8_t                       *data, *buf;
    uint64_t                       offset;
    unsigned                       pieces;
    ngx_websocket_store_wake_t     wake;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_large_t    state;
    ngx_websocket_store_cursor_t   reader;
    ngx_websocket_store_append_t   steps;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    a, b;

    size = 1500000;
    data = malloc(size);
    buf = malloc(size + 100);

    for (i = 0; i < size; i++) {
        data[i] = (uint8_t) (i * 7 + (i >> 9));
    }

    begin(4 << 20);
    ngx_websocket_store_attach(l, 0, 1);
    ngx_websocket_store_attach(l, 1, 1);

    b = open_at("b", NOW, 1000000, 0);

    while (ngx_websocket_store_free_blocks(l)) {
        append(b, 1, NOW);
    }

    a = open_at("a", NOW, 100, 0);
    reader = subscribe(a, 1);

    unit_ok(append_large(a, data, size, 0) == 1 && sound(),
            "large: into a zone that is full of small ones");

    rc = read_large(&reader, buf, size + 100, &message, &pieces);
    unit_ok(rc == NGX_WEBSOCKET_STORE_OK && pieces == 3
            && message.size == size + 1 && memcmp(buf, data, size / 2) == 0
            && buf[size / 2] == '1'
            && memcmp(buf + size / 2 + 1, data + size / 2, size / 2) == 0,
            "large: read in %u pieces", pieces);

    unit_ok(append_large(a, data, 600000, 3) == 1
            && next(&reader, 10, &offset) == 0
            && next(&reader, 10, &offset) == 0
            && next(&reader, 10, &offset) == 0
            && read_large(&reader, buf, size, &message, &pieces) == 0
            && message.offset == 5 && buf[300000] == '5'
            && memcmp(buf + 300001, data + 300000, 300000) == 0 && sound(),
            "large: others have published meanwhile");
    unit_ok(append_large(a, data, 600000, 5) == 2 && sound(),
            "large: its offset has one digit more");

    for (i = 0; i < 5; i++) {
        (void) next(&reader, 10, &offset);
    }

    unit_ok(read_large(&reader, buf, size, &message, &pieces) == 0
            && message.offset == 11 && memcmp(buf + 300000, "11", 2) == 0
            && memcmp(buf + 300002, data + 300000, 300000) == 0,
            "large: and that is in it");

    /* it goes in the midst of being read */

    append_large(a, data, 600000, 0);
    rc = ngx_websocket_store_read(l, &reader, &message, buf, size);
    ngx_websocket_store_delete(l, a, &wake);
    unit_ok(rc == NGX_WEBSOCKET_STORE_AGAIN
            && ngx_websocket_store_read(l, &reader, &message, buf, size)
               == NGX_WEBSOCKET_STORE_DELETED, "large: deleted meanwhile");

    ngx_websocket_store_unsubscribe(l, &reader, NOW);

    a = open_at("none", NOW, 0, 0);
    unit_ok(append_large(a, data, size, 0) == 1
            && ngx_websocket_store_free_blocks(l) < 20000 && sound(),
            "large: for nobody");

    /* the last subscriber leaves when a part of the blocks is reserved */

    reader = subscribe(a, 1);

    part.data = data;
    part.size = size;
    memset(&state, 0, sizeof(state));
    memset(&message, 0, sizeof(message));
    message.time = NOW;

    steps = store_appended(a, &message, &part, 1);
    steps.large = &state;

    rc = ngx_websocket_store_reserve(l, &steps);
    unit_ok(rc == NGX_WEBSOCKET_STORE_AGAIN && state.reserved
            && l->reserves[0].blocks == state.reserved && sound(),
            "large: %u blocks are reserved", state.reserved);
    log_section();

    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    rc = ngx_websocket_store_reserve(l, &steps);
    store_fill(l, &steps);
    unit_ok(rc == NGX_WEBSOCKET_STORE_OK && state.reserved == 0
            && ngx_websocket_store_append(l, &steps) == 0
            && message.offset == 2 && sound(), "large: for nobody any more");

    ngx_websocket_store_unreserve(l, 0);
    unit_ok(l->reserves[0].blocks == 0 && sound(), "large: given back");
    log_section();

    unit_ok(append_large(b, data, (size_t) 5 << 20, 0)
            == NGX_WEBSOCKET_STORE_NOSPACE && l->nmessages > 100 && sound(),
            "large: what can never fit drives nothing out");

    free(data);
    free(buf);
}


/* its bytes are not in memory, and it is filled while others publish */

static void
large_read(void)
{
    size_t                         i, size;
    uint8_t                       *data, *buf;
    unsigned                       pieces;
    ngx_websocket_store_cursor_t   reader;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    a;

    size = 600000;
    data = malloc(size);
    buf = malloc(size + 100);

    for (i = 0; i < size; i++) {
        data[i] = (uint8_t) (i * 7 + (i >> 9));
    }

    begin(4 << 20);
    ngx_websocket_store_attach(l, 0, 1);
    ngx_websocket_store_attach(l, 1, 1);

    a = open_at("a", NOW, 100, 0);
    reader = subscribe(a, 1);
    append(a, 1, NOW);

    large_end = size;
    unit_ok(append_read(a, data, 600000, 3, 5) == 10
            && skip_small(&reader, buf, size + 100, 6) == 0
            && read_large(&reader, buf, size + 100, &message, &pieces) == 0
            && message.offset == 7 && message.size == 600001
            && memcmp(buf, data, 600000) == 0
            && memcmp(buf + 600000, "7", 1) == 0,
            "large: read by pieces, and numbered when it is there");

    unit_ok(append_read(a, data, 600000, 10, 92) == 20
            && skip_small(&reader, buf, size + 100, 92) == 0
            && read_large(&reader, buf, size + 100, &message, &pieces) == 0
            && message.offset == 100 && message.size == 600003
            && memcmp(buf, data, 600000) == 0
            && memcmp(buf + 600000, "100", 3) == 0,
            "large: and with a digit more");

    large_end = 300000;
    unit_ok(append_read(a, data, 600000, 0, 0) == NGX_WEBSOCKET_STORE_NOSPACE
            && l->reserves[0].blocks == 0 && sound(),
            "large: what cannot be read is not published");

    free(data);
    free(buf);
}


/* the numbers of a message's blocks have 24 bits */

static void
too_large(void)
{
    int                            rc;
    size_t                         size;
    uint8_t                       *data;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    a;

    begin((size_t) 4600 << 20);
    size = (size_t) NGX_WEBSOCKET_STORE_BLOCKS_MAX * NGX_WEBSOCKET_STORE_REST;
    data = mmap(NULL, size + 300, PROT_READ,
                MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    a = open_at("a", NOW, 10, 0);
    part.data = data;
    part.size = size + 300;

    memset(&message, 0, sizeof(message));
    message.time = NOW;

    rc = ngx_websocket_store_append(l, &store_appended(a, &message, &part, 1));
    unit_ok(rc == NGX_WEBSOCKET_STORE_NOSPACE && used() == 1,
            "append: more blocks than can be counted");

    munmap(data, size + 300);
    begin(1 << 20);
}


static void
attach_three(void)
{
    uint32_t  i;

    for (i = 0; i < 3; i++) {
        ngx_websocket_store_attach(l, i, i + 1);
    }
}


static int
append_ephemeral(ngx_websocket_channel_ref_t ref, uint8_t byte, size_t size,
    uint64_t now)
{
    int                            rc;
    static uint8_t                 bytes[600 << 10];
    ngx_websocket_store_part_t     part = { bytes, size };
    ngx_websocket_store_message_t  message;

    memset(bytes, byte, sizeof(bytes));
    memset(&message, 0, sizeof(message));
    message.time = now;
    message.ephemeral = 1;

    log_section();
    rc = ngx_websocket_store_append(l, &store_appended(ref, &message,
                                                       &part, 1));
    log_section();

    return rc;
}


/* reads all that there is: "1" is a numbered message, its offset; "a" not */

static const char *
reads(ngx_websocket_store_cursor_t *cursor)
{
    int                            rc;
    char                          *p;
    static char                    text[64];
    static uint8_t                 buf[1 << 20];
    ngx_websocket_store_message_t  message;

    for (p = text; p < text + sizeof(text) - 2; /* void */ ) {

        log_section();
        rc = ngx_websocket_store_read(l, cursor, &message, buf, sizeof(buf));
        log_section();

        if (rc == NGX_WEBSOCKET_STORE_AGAIN) {
            continue;
        }

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            *p++ = rc == NGX_WEBSOCKET_STORE_EMPTY ? '.' : '!';
            break;
        }

        *p++ = (char) (message.ephemeral ? buf[message.size - 1]
                                         : '0' + message.offset);
    }

    *p = '\0';

    return text;
}


static void
ephemeral(void)
{
    uint64_t                      before;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   a;
    ngx_websocket_store_cursor_t  first, second, third, visitor;

    begin(4 << 20);

    attach_three();
    a = open_at("a", NOW, 10, 0);
    before = used();

    unit_ok(append_ephemeral(a, 'x', 10, NOW) == NGX_WEBSOCKET_STORE_OK
            && used() == before, "ephemeral: for nobody, it is not kept");

    first = subscribe(a, 0);
    second = subscribe(a, 1);

    append(a, 10, NOW);
    append_ephemeral(a, 'a', 10, NOW);
    append_ephemeral(a, 'b', 1000, NOW);
    third = subscribe(a, 2);
    append(a, 10, NOW);
    append_ephemeral(a, 'c', 10, NOW);

    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 2 && info.length == 2 && sound(),
            "ephemeral: it is not numbered, nor part of the history");

    unit_ok(strcmp(reads(&first), "1ab2c.") == 0,
            "ephemeral: read in the order of all messages");
    unit_ok(strcmp(reads(&first), ".") == 0, "ephemeral: and once");
    unit_ok(strcmp(reads(&third), "2c.") == 0,
            "ephemeral: who came after it is not given it");

    ngx_websocket_store_seek(l, a, 1, &visitor);
    unit_ok(strcmp(reads(&visitor), "12.") == 0,
            "ephemeral: a visitor is not given it");

    before = used();
    append_ephemeral(a, 'd', 10, NOW);
    unit_ok(used() == before + 1 && strcmp(reads(&second), "1ab2cd.") == 0,
            "ephemeral: it stays until all have read it");

    append_ephemeral(a, 'e', 10, NOW);
    unit_ok(used() == before + 1 - 7 + 1 && sound(),
            "ephemeral: then it goes with the next append");

    (void) reads(&first);
    (void) reads(&second);
    (void) reads(&third);
    append_ephemeral(a, 'f', 10, NOW);
    append_ephemeral(a, 'g', 10, NOW + NGX_WEBSOCKET_STORE_HUNG);
    unit_ok(strcmp(reads(&first), "g.") == 0,
            "ephemeral: one that is old goes unread, without a gap");

    ngx_websocket_store_unsubscribe(l, &first, NOW);
    ngx_websocket_store_attach(l, 1, 9);
    ngx_websocket_store_attach(l, 2, 9);
    sweep(NOW + NGX_WEBSOCKET_STORE_HUNG, 1000);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(used() == 3 && info.length == 2 && sound(),
            "ephemeral: it goes when no worker is there for it");
}


/* nobody reads: the oldest make room for those that come, and for numbers */

static void
ephemeral_crowd(void)
{
    int                           i, rc;
    uint64_t                      before;
    ngx_websocket_channel_ref_t   a, b;
    ngx_websocket_store_cursor_t  first, second;

    begin(1 << 20);

    attach_three();
    a = open_at("a", NOW, 10, 0);
    b = open_at("b", NOW, 10, 0);
    first = subscribe(a, 0);
    second = subscribe(a, 1);
    before = used();

    for (i = 0; i < 20; i++) {
        append_ephemeral(a, 'a', 10000, NOW);
    }

    unit_ok(ngx_websocket_store_crowded(l, a, 0) == 2
            && !ngx_websocket_store_crowded(l, b, 0),
            "ephemeral: unread ones are a crowd");

    for (i = 0, rc = 0; i < 1000 && rc == NGX_WEBSOCKET_STORE_OK; i++) {
        rc = append_ephemeral(a, 'b', 10000, NOW);
    }

    unit_ok(i == 1000 && used() - before <= l->nblocks / 4 + 41 && sound(),
            "ephemeral: which takes no more than its part");

    for (i = 0; i < 100; i++) {
        append(b, 10000, NOW);
    }

    append(a, 10, NOW);
    unit_ok(strchr(reads(&first), 'a') == NULL && reads(&first)[0] == '.'
            && strchr(reads(&second), '1') && sound(),
            "ephemeral: the newest are read, without a gap");
}


/* a large one is gone when a part of it was read: what follows is whole */

static void
ephemeral_large(void)
{
    uint8_t                       *buf;
    ngx_websocket_store_info_t     info;
    ngx_websocket_channel_ref_t    a;
    ngx_websocket_store_cursor_t   cursor;
    ngx_websocket_store_message_t  message;

    begin(4 << 20);

    attach_three();
    buf = malloc(600 << 10);
    a = open_at("a", NOW, 10, 0);
    cursor = subscribe(a, 0);

    append_ephemeral(a, 'a', 600 << 10, NOW);
    append(a, 600 << 10, NOW);

    unit_ok(ngx_websocket_store_read(l, &cursor, &message, buf, 600 << 10)
            == NGX_WEBSOCKET_STORE_AGAIN && message.ephemeral,
            "ephemeral: a large one, in part");

    append_ephemeral(a, 'b', 10, NOW + NGX_WEBSOCKET_STORE_HUNG);
    log_section();

    unit_ok(ngx_websocket_store_read(l, &cursor, &message, buf, 600 << 10)
            == NGX_WEBSOCKET_STORE_AGAIN && !message.ephemeral
            && cursor.done < NGX_WEBSOCKET_STORE_PIECE
            && ngx_websocket_store_read(l, &cursor, &message, buf, 600 << 10)
               == NGX_WEBSOCKET_STORE_OK
            && buf[0] == 0 && memcmp(buf, buf + 1, (600 << 10) - 1) == 0,
            "ephemeral: it went, and the next one is read from its beginning");
    unit_ok(strcmp(reads(&cursor), "b.") == 0, "ephemeral: and what follows");

    append_ephemeral(a, 'c', 600 << 10, NOW + NGX_WEBSOCKET_STORE_HUNG);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(strcmp(reads(&cursor), "c.") == 0 && info.offset == 1,
            "ephemeral: a large one, all of it");

    free(buf);
}


static int
place(ngx_websocket_channel_ref_t ref, uint64_t epoch, uint64_t offset,
    int hole)
{
    int                            rc;
    ngx_websocket_store_part_t     part = { ngx_websocket_store_offset, 0 };
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;

    memset(&message, 0, sizeof(message));
    message.time = NOW;

    append = store_appended(ref, &message, &part, 1);
    append.epoch = epoch;
    append.at = offset;
    append.now = NOW;
    append.hole = hole;

    message.offset = offset;

    model_again(rc, ngx_websocket_store_place(l, &append));

    return message.offset == offset ? rc : NGX_WEBSOCKET_STORE_INVALID;
}


static void
place_keys(void)
{
    unsigned                        i;
    uint64_t                        key[2];
    ngx_websocket_store_info_t      info;
    ngx_websocket_store_part_t      part = { (const uint8_t *) "x", 1 };
    ngx_websocket_store_append_t    append;
    ngx_websocket_channel_ref_t     a;
    ngx_websocket_store_cursor_t    cursor;
    ngx_websocket_store_history_t   history;
    ngx_websocket_store_message_t   message;

    begin(1 << 20);

    a = open_at("a", NOW, 1000, 60);

    ngx_websocket_store_newest(l, a, &info, &history, key);
    unit_ok(info.offset == 0 && history.length == 1000 && history.time == 60
            && (key[0] | key[1]) == 0, "newest: of a channel without messages");

    for (i = 1; i <= 3; i++) {
        memset(&message, 0, sizeof(message));
        message.time = NOW;
        message.offset = i;
        message.key[0] = 7;
        message.key[1] = (UINT64_C(8) << 32) + 9 + i / 2;
        message.digest = 9 + i / 2;

        append = store_appended(a, &message, &part, 1);
        append.epoch = 77;
        append.at = i;
        append.now = NOW;
        append.hole = 0;

        unit_ok(ngx_websocket_store_place(l, &append)
                == NGX_WEBSOCKET_STORE_OK, "place: with a key that is there");
    }

    ngx_websocket_store_newest(l, a, &info, &history, key);
    unit_ok(info.offset == 3 && info.epoch == 77 && key[0] == 7
            && key[1] == (UINT64_C(8) << 32) + 10, "newest: and its key");

    unit_ok(ngx_websocket_store_seek(l, a, 1, &cursor)
            == NGX_WEBSOCKET_STORE_OK, "a visitor");

    for (i = 1; i <= 3; i++) {
        uint8_t  buf[8];

        unit_ok(ngx_websocket_store_read(l, &cursor, &message, buf,
                                         sizeof(buf))
                == NGX_WEBSOCKET_STORE_OK, "reads");

        ngx_websocket_store_read_key(l, &cursor, &message);
        unit_ok(message.offset == i && message.key[0] == 7
                && message.key[1] == (UINT64_C(8) << 32) + 9 + i / 2
                && message.digest == 9 + i / 2, "each with its key");
    }

    unit_ok(sound(), "and the store is sound");
}


static int
reset(ngx_websocket_channel_ref_t ref, uint64_t epoch, uint64_t offset)
{
    int                         rc;
    ngx_websocket_store_wake_t  wake;

    model_again(rc, ngx_websocket_store_reset(l, ref, epoch, offset, &wake));

    return rc;
}


static void
place_numbered(void)
{
    unsigned                      i;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   a;
    ngx_websocket_store_cursor_t  cursor, other;

    begin(1 << 20);

    attach_three();
    a = open_at("a", NOW, 1000, 0);
    cursor = subscribe(a, 0);

    unit_ok(place(a, 77, 995, 0) == NGX_WEBSOCKET_STORE_GAP
            && place(a, 77, 995, 1) == NGX_WEBSOCKET_STORE_OK,
            "place: a channel's first message gives it its epoch");
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.epoch == 77 && info.offset == 995 && info.first == 995
            && sound(), "place: and its offset");

    other = subscribe(a, 1);

    unit_ok(place(a, 77, 996, 0) == NGX_WEBSOCKET_STORE_OK
            && place(a, 77, 996, 0) == NGX_WEBSOCKET_STORE_DUPLICATE
            && place(a, 77, 3, 1) == NGX_WEBSOCKET_STORE_DUPLICATE,
            "place: the next one once, an older one not");
    unit_ok(place(a, 77, 998, 0) == NGX_WEBSOCKET_STORE_GAP
            && place(a, 78, 997, 1) == NGX_WEBSOCKET_STORE_EPOCH
            && place(a, 76, 997, 1) == NGX_WEBSOCKET_STORE_EPOCH,
            "place: not with a hole, nor of another epoch");

    unit_ok(next(&cursor, 100, &info.offset) == NGX_WEBSOCKET_STORE_OK
            && info.offset == 995
            && next(&cursor, 100, &info.offset) == NGX_WEBSOCKET_STORE_OK
            && info.offset == 996 && cursor.epoch == 77,
            "place: who subscribed before the first is given all");
    unit_ok(next(&other, 100, &info.offset) == NGX_WEBSOCKET_STORE_OK
            && info.offset == 996,
            "place: who subscribed after it is given the next");

    for (i = 0; i < 200; i++) {
        append(a, 10, NOW);
    }

    unit_ok(place(a, 77, 1300, 1) == NGX_WEBSOCKET_STORE_OK,
            "place: farther on");
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 1300 && info.first == 1300 && info.length == 1
            && sound(), "place: nothing before a hole is kept");
    unit_ok(gap(&cursor, 1300)
            && next(&cursor, 100, &info.offset) == NGX_WEBSOCKET_STORE_OK
            && info.offset == 1300, "place: readers are told of a hole");
}


/* messages that are not there are passed over, one in a call */

static void
place_nothing(void)
{
    uint64_t                       offset;
    ngx_websocket_channel_ref_t    a;
    ngx_websocket_store_cursor_t   cursor, visitor;
    ngx_websocket_store_append_t   nobody;
    ngx_websocket_store_message_t  message;

    begin(1 << 20);

    attach_three();
    a = open_at("a", NOW, 1000, 0);
    cursor = subscribe(a, 0);

    place(a, 77, 1, 0);

    memset(&message, 0, sizeof(message));
    message.time = NOW;
    message.type = NGX_WEBSOCKET_STORE_NOTHING;

    nobody = store_appended(a, &message, NULL, 0);
    nobody.epoch = 77;
    nobody.at = 2;
    nobody.now = NOW;

    unit_ok(ngx_websocket_store_place(l, &nobody) == NGX_WEBSOCKET_STORE_OK
            && place(a, 77, 3, 0) == NGX_WEBSOCKET_STORE_OK,
            "nothing: takes a place");

    ngx_websocket_store_seek(l, a, 2, &visitor);

    unit_ok(next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 1
            && next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_AGAIN
            && next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 3, "nothing: a worker reads what is after it");
    unit_ok(next(&visitor, 100, &offset) == NGX_WEBSOCKET_STORE_AGAIN
            && next(&visitor, 100, &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 3, "nothing: a visitor does, too");
}


static void
reset_numbered(void)
{
    uint64_t                       offset;
    ngx_websocket_store_info_t     info;
    ngx_websocket_channel_ref_t    a, b;
    ngx_websocket_store_cursor_t   cursor, fresh, visitor;

    begin(1 << 20);

    attach_three();
    a = open_at("a", NOW, 1000, 0);
    cursor = subscribe(a, 0);

    unit_ok(reset(a, 5, 40) == NGX_WEBSOCKET_STORE_OK
            && place(a, 5, 41, 0) == NGX_WEBSOCKET_STORE_OK
            && next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 41 && sound(),
            "reset: before the first message nobody has missed anything");

    ngx_websocket_store_seek(l, a, 42, &visitor);

    unit_ok(reset(a, 5, 41) == NGX_WEBSOCKET_STORE_OK
            && next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_EMPTY,
            "reset: to where it is, does nothing");
    unit_ok(reset(a, 5, 40) == NGX_WEBSOCKET_STORE_EPOCH
            && reset(a, 4, 99) == NGX_WEBSOCKET_STORE_EPOCH,
            "reset: does not lead back");

    unit_ok(reset(a, 7, 3) == NGX_WEBSOCKET_STORE_OK && sound(),
            "reset: to another epoch");
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.epoch == 7 && info.offset == 3 && info.length == 0
            && info.subscribers == 1, "reset: the channel is another, and has "
            "its subscribers");
    unit_ok(next(&visitor, 100, &offset) == NGX_WEBSOCKET_STORE_DELETED,
            "reset: a visitor's channel is gone");

    fresh = subscribe(a, 1);
    place(a, 7, 4, 0);

    unit_ok(next(&fresh, 100, &offset) == NGX_WEBSOCKET_STORE_OK && offset == 4,
            "reset: who comes after it reads what follows");
    unit_ok(gap(&cursor, 4) && cursor.epoch == 7
            && next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 4, "reset: who had read all is told");

    unit_ok(reset(a, 7, 9) == NGX_WEBSOCKET_STORE_OK && gap(&cursor, 10)
            && gap(&fresh, 10) && sound(), "reset: farther on");

    b = open_at("b", NOW, 10, 0);
    append(b, 10, NOW);
    cursor = subscribe(b, 0);

    unit_ok(reset(b, 1, 1) == NGX_WEBSOCKET_STORE_OK && gap(&cursor, 2),
            "reset: what was numbered here goes, whatever the epoch");
}


static int
end(ngx_websocket_channel_ref_t ref, uint64_t epoch, uint64_t offset)
{
    ngx_websocket_store_wake_t  wake;

    return ngx_websocket_store_end(l, ref, epoch, offset, &wake);
}


static void
end_numbered(void)
{
    uint64_t                       offset;
    ngx_websocket_store_info_t     info;
    ngx_websocket_channel_ref_t    a, b;
    ngx_websocket_store_cursor_t   cursor;

    begin(1 << 20);

    attach_three();
    a = open_at("a", NOW, 1000, 0);
    cursor = subscribe(a, 0);
    place(a, 5, 1, 0);

    unit_ok(end(a, 5, 2) == NGX_WEBSOCKET_STORE_GAP
            && end(a, 4, 1) == NGX_WEBSOCKET_STORE_EPOCH
            && end(a, 6, 1) == NGX_WEBSOCKET_STORE_EPOCH,
            "end: not before it is there, nor of another epoch");
    unit_ok(end(a, 5, 1) == NGX_WEBSOCKET_STORE_OK
            && end(a, 5, 1) == NGX_WEBSOCKET_STORE_DUPLICATE && sound(),
            "end: once");
    unit_ok(next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_OK
            && offset == 1
            && next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_ENDED
            && place(a, 5, 2, 0) == NGX_WEBSOCKET_STORE_ENDED,
            "end: after what was there, and nothing follows");
    unit_ok(reset(a, 7, 0) == NGX_WEBSOCKET_STORE_OK
            && place(a, 7, 1, 0) == NGX_WEBSOCKET_STORE_OK,
            "end: another epoch begins anew");

    b = open_at("b", NOW, 10, 0);
    cursor = subscribe(b, 0);

    unit_ok(end(b, 9, 0) == NGX_WEBSOCKET_STORE_OK
            && next(&cursor, 100, &offset) == NGX_WEBSOCKET_STORE_ENDED,
            "end: before the first message");
    ngx_websocket_store_info(l, b, &info);
    unit_ok(info.epoch == 9 && info.offset == 0 && info.ended,
            "end: which gives the epoch");
}


/* of the past: times are in order, and not of the future */

static void
place_times(void)
{
    unsigned                       i;
    uint64_t                       times[] = { NOW - 5000, NOW - 9000,
                                               NOW + 9000, NOW };
    uint64_t                       want[] = { NOW - 5000, NOW - 5000, NOW, NOW };
    ngx_websocket_store_info_t     info;
    ngx_websocket_channel_ref_t    a;
    ngx_websocket_store_append_t   placed;
    ngx_websocket_store_message_t  message;

    begin(1 << 20);

    a = open_at("a", NOW, 1000, 0);

    for (i = 0; i < 4; i++) {
        memset(&message, 0, sizeof(message));
        message.time = times[i];

        placed = store_appended(a, &message, NULL, 0);
        placed.epoch = 7;
        placed.at = i + 1;
        placed.now = NOW;
        placed.info = &info;

        ngx_websocket_store_place(l, &placed);

        unit_ok(message.time == want[i] && info.published == want[i],
                "place: the time of message %u", i + 1);
    }

    unit_ok(l->now == NOW, "place: the time of the call is now");
}


/* what dead workers have used is on no list: the search for it is bounded */

static void
evict_search(void)
{
    unsigned                      n, tries;
    char                          name[16];
    ngx_websocket_channel_t      *ch;
    ngx_websocket_store_cursor_t  cursor;

    begin(8 << 20);
    ngx_websocket_store_attach(l, 0, 1);
    ngx_websocket_store_attach(l, 1, 1);
    memset(&cursor, 0, sizeof(cursor));

    for (n = 0; ngx_websocket_store_free_blocks(l) > 1; n++) {
        snprintf(name, sizeof(name), "%u", n);
        (void) subscribe(open_at(name, NOW, 0, 0), 0);
    }

    cursor = subscribe(open_at("dead", NOW, 0, 0), 1);

    unit_ok(open_at("more", NOW, 0, 0) == 0, "evict: all are in use");

    ngx_websocket_store_attach(l, 1, 0);

    /* as far away as can be */

    ch = ngx_websocket_store_block(l, cursor.channel);
    l->sweep = ch->hash + 1;

    for (tries = 1; tries < 2000 && open_at("more", NOW, 0, 0) == 0; tries++) {
        /* void */
    }

    unit_ok(tries > 1 && tries <= l->nbuckets / NGX_WEBSOCKET_STORE_SEARCH + 1
            && sound(), "evict: what a dead worker used is found in %u tries",
            tries);
}


/* channels that nothing holds go before any message, the first one first */

static void
evict_idle(void)
{
    int                           i;
    char                          name[16];
    uint64_t                      offset;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_cursor_t  reader;
    ngx_websocket_store_member_t  member;
    ngx_websocket_member_ref_t    m;
    ngx_websocket_channel_ref_t   a, b, c;

    begin(ngx_websocket_store_min_size());
    ngx_websocket_store_attach(l, 0, 1);

    a = open_at("a", NOW, 1000, 0);
    b = open_at("b", NOW, 0, 0);
    c = open_at("c", NOW, 0, 0);
    reader = subscribe(b, 0);

    memset(&member, 0, sizeof(member));
    member.id = 1;
    ngx_websocket_store_join(l, c, 0, &member, NULL, &m);

    for (i = 0; i < 10; i++) {
        append(a, 100, NOW);
    }

    for (i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "idle%d", i);

        if (open_at(name, NOW, 0, 0) == 0) {
            break;
        }
    }

    ngx_websocket_store_info(l, a, &info);
    unit_ok(i == 1000 && info.length == 10 && find("b") && find("c")
            && find("idle999") && find("idle0") == 0 && sound(),
            "evict: a flood of empty channels drives itself out only");

    while (find("idle999")) {
        append(a, 100, NOW);
    }

    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.first == 1 && find("b") && find("c"),
            "evict: a history drives empty channels out");

    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    ngx_websocket_store_leave(l, m, NOW, NULL);

    for (i = 0; i < 3; i++) {
        append(a, 100, NOW);
    }

    ngx_websocket_store_info(l, a, &info);
    unit_ok(find("b") == 0 && find("c") == 0 && info.first == 1 && sound(),
            "evict: and those that nobody uses any more");

    append(a, 100, NOW);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.first == 2, "evict: then the oldest messages");

    /* the last message goes, and then the channel does */

    b = open_at("b", NOW, 1000, 0);
    reader = subscribe(b, 0);

    for (i = 0; find("a") && i < 1000; i++) {
        append(b, 100, NOW);
        (void) next(&reader, 100, &offset);
    }

    unit_ok(find("a") == 0 && sound(), "evict: the channel goes after its "
            "last message");
}


/* what waits to be read does not hide what may go */

static void
evict_behind(void)
{
    int                           i, rc, bad;
    uint64_t                      offset;
    log_work_t                    most;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_cursor_t  stuck;
    ngx_websocket_channel_ref_t   a, b;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    a = open_at("a", NOW, 0, 0);
    b = open_at("b", NOW, 1000000, 0);
    stuck = subscribe(a, 0);

    append(b, 10, NOW);

    for (i = 0; i < 1500; i++) {
        append(a, 10, NOW);
    }

    for (bad = 0, i = 0; i < 20000; i++) {
        bad += append(b, 10, NOW) != NGX_WEBSOCKET_STORE_OK;
    }

    ngx_websocket_store_info(l, b, &info);
    unit_ok(bad == 0 && info.length > 1500 && sound(),
            "evict: 1500 that wait to be read, %d refusals", bad);
    unit_ok(next(&stuck, 10, &offset) == 0 && offset == 1,
            "evict: and they are still there");

    /* once read they are the oldest */

    while (next(&stuck, 10, &offset) == 0) { /* void */ }

    append(b, 10, NOW);
    unit_ok(ngx_websocket_store_free_blocks(l) == 0 && l->nmessages < 4000
            && sound(), "evict: the oldest that was read goes");

    for (i = 0; i < 1500; i++) {
        append(b, 10, NOW);
    }

    unit_ok(((ngx_websocket_channel_t *)
             ngx_websocket_store_block(l, a))->held.of.count == 0,
            "evict: and so do all of them");

    /* all waits to be read: that is found out, and is not so for ever */

    (void) subscribe(b, 0);

    while (append(a, 10, NOW) == NGX_WEBSOCKET_STORE_OK) { /* void */ }

    most = log_most;
    log_most.looked = 0;
    rc = append(b, 10, NOW);
    unit_ok(rc == NGX_WEBSOCKET_STORE_NOSPACE
            && log_most.looked <= 2 * NGX_WEBSOCKET_STORE_ROOM,
            "evict: a zone that is known to be full is not searched again");

    log_most.looked = most.looked;
    ngx_websocket_store_unsubscribe(l, &stuck, NOW);
    unit_ok(append(b, 10, NOW) == NGX_WEBSOCKET_STORE_OK && sound(),
            "evict: until somebody has left");
}


/* a channel that may keep so many blocks only */

static void
history_of_blocks(void)
{
    int                            i;
    ngx_websocket_channel_t       *ch;
    ngx_websocket_store_info_t     info;
    ngx_websocket_store_cursor_t   reader;
    ngx_websocket_channel_ref_t    a, b;
    ngx_websocket_store_history_t  history = { 100000, 0, 40 };

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    b = open_at("b", NOW, 1000, 0);
    append(b, 10, NOW);

    a = open_at("a", NOW, 100000, 0);
    ch = ngx_websocket_store_block(l, a);

    for (i = 0; i < 1000; i++) {
        append(a, 10, NOW);
    }

    ngx_websocket_store_open_channel(l, (const uint8_t *) "a", 1,
                         ngx_websocket_store_hash(l, (const uint8_t *) "a", 1),
                         NOW, &history, &a);

    append(a, 10, NOW);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.length == 40 && ch->held.of.blocks == 40 && sound(),
            "history: shortened to 40 blocks");

    append(a, 9000, NOW);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 1002 && ch->held.of.blocks == 40
            && info.length == 4, "history: a large message, and what fits "
            "beside it");

    append(a, 20000, NOW);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 1003 && info.length == 0
            && ch->held.of.blocks == 0, "history: one that is too large");

    reader = subscribe(a, 0);
    append(a, 20000, NOW);
    append(a, 10, NOW);
    unit_ok(ch->held.of.count == 2, "history: what a worker has yet to read "
            "stays");

    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    sweep(NOW, 60000);
    unit_ok(ch->held.of.count == 1 && sound(), "history: until it has");

    ngx_websocket_store_info(l, b, &info);
    unit_ok(info.length == 1, "history: another channel's is untouched");
}


/* a long history is deleted at once, and is room from then on */

static void
garbage(void)
{
    int                           i;
    uint64_t                      before;
    log_work_t                    most;
    ngx_websocket_store_stat_t    stat;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_cursor_t  reader;
    ngx_websocket_channel_ref_t   a, b;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    b = open_at("b", NOW, 100000, 0);
    append(b, 10, NOW);
    a = open_at("a", NOW, 100000, 0);
    reader = subscribe(a, 0);

    while (ngx_websocket_store_free_blocks(l)) {
        append(a, 10, NOW);
        ngx_websocket_store_skip(l, &reader);
    }

    before = l->nmessages;
    log_section();
    most = log_most;
    log_most.looked = 0;
    ngx_websocket_store_delete(l, a, &wake);
    log_section();
    ngx_websocket_store_stat(l, &stat);

    unit_ok(before > 3000 && stat.messages == 1 && stat.used == 3
            && stat.channels == 2
            && log_most.looked <= NGX_WEBSOCKET_STORE_ROOM && sound(),
            "delete: of %u messages after a look at %u", (unsigned) before,
            (unsigned) log_most.looked);

    log_most.looked = most.looked;

    for (i = 0; i < 2000; i++) {
        append(b, 10, NOW);
    }

    ngx_websocket_store_info(l, b, &info);
    unit_ok(info.length == 2001 && sound(), "append: takes from it first");

    ngx_websocket_store_delete(l, b, &wake);
    unit_ok(l->garbage.first == a && l->garbage.last == b && sound(),
            "delete: another one");

    ngx_websocket_store_unsubscribe(l, &reader, NOW);
    sweep(NOW, 60000);
    unit_ok(used() == 0 && l->garbage.first == 0
            && ngx_websocket_store_free_blocks(l) == l->nblocks - 1 && sound(),
            "sweep: gives it all back");
}


/* one worker sweeps, until it says that it has, or is dead */

static void
sweepers(void)
{
    begin(1 << 20);
    ngx_websocket_store_attach(l, 3, 1);
    ngx_websocket_store_attach(l, 4, 1);

    unit_ok(ngx_websocket_store_sweeper(l, 3, NOW, 900)
            && ngx_websocket_store_sweeper(l, 3, NOW + 5000, 900)
            && !ngx_websocket_store_sweeper(l, 4, NOW + 5000, 900),
            "sweeper: one at a time");

    ngx_websocket_store_swept(l, 4);
    unit_ok(!ngx_websocket_store_sweeper(l, 4, NOW + 5000, 900),
            "sweeper: not for another");

    ngx_websocket_store_swept(l, 3);
    unit_ok(!ngx_websocket_store_sweeper(l, 4, NOW + 899, 900)
            && ngx_websocket_store_sweeper(l, 4, NOW + 900, 900)
            && !ngx_websocket_store_sweeper(l, 3, NOW + 5000, 900),
            "sweeper: the next one, after a pause");

    ngx_websocket_store_attach(l, 4, 2);
    unit_ok(ngx_websocket_store_sweeper(l, 3, NOW + 5000, 900),
            "sweeper: void with its worker");
    unit_ok(!ngx_websocket_store_sweeper(l, 4, NOW + 14999, 900)
            && ngx_websocket_store_sweeper(l, 4, NOW + 15000, 900)
            && !ngx_websocket_store_sweeper(l, 3, NOW + 15000, 900),
            "sweeper: for ten seconds, if it hangs");

    ngx_websocket_store_swept(l, 4);
    (void) ngx_websocket_store_sweeper(l, 3, NOW + 16000, 900);

    ngx_websocket_store_swept(l, 3);
    unit_ok(ngx_websocket_store_sweeper(l, 4, NOW, 900),
            "sweeper: the clock may step back");
}


/* times are in order, whatever the publishers were told before the lock */

static void
late(void)
{
    ngx_websocket_store_info_t   info;
    ngx_websocket_channel_ref_t  a;

    begin(1 << 20);
    a = open_at("a", NOW, 100, 60);

    append(a, 10, NOW + 100);
    append(a, 10, NOW + 50);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.published == NOW + 100, "append: no earlier than the last");

    (void) open_at("b", NOW + 90000, 0, 0);
    append(a, 10, NOW + 200);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.published == NOW + 90000 && info.length == 1 && sound(),
            "append: who was held up does not append what is old");
}


/* the users are all gone, and what they have left goes on, if it can */

static void
revive(void)
{
    uint64_t                      nundo;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   a;

    begin(1 << 20);
    a = open_at("a", NOW, 100, 60);
    append(a, 10, NOW);
    ngx_websocket_store_attach(l, 3, 7);

    /* somebody died in the midst of a change */

    ngx_websocket_store_set64(l, &l->nmessages, 99);
    nundo = l->nundo;

    unit_ok(nundo == 1
            && ngx_websocket_store_revive(l) == NGX_WEBSOCKET_STORE_OK
            && l->nmessages == 1 && l->nundo == 0 && sound(),
            "revive: what was half done is undone");
    unit_ok(ngx_websocket_store_attached(l, 3) == 0,
            "revive: nobody holds anything");

    append(a, 10, NOW);
    ngx_websocket_store_info(l, a, &info);
    unit_ok(info.offset == 2 && info.length == 2, "revive: it goes on");

    l->nundo = NGX_WEBSOCKET_STORE_JOURNAL + 1;
    unit_ok(ngx_websocket_store_revive(l) == NGX_WEBSOCKET_STORE_INVALID,
            "revive: a journal that is too long");

    l->nundo = 1;
    l->undo[0].place = l->size - 4;
    unit_ok(ngx_websocket_store_revive(l) == NGX_WEBSOCKET_STORE_INVALID
            && l->nundo == 1,
            "revive: a journal that leads out of the region");

    l->nundo = 0;
    l->nblocks++;
    unit_ok(ngx_websocket_store_revive(l) == NGX_WEBSOCKET_STORE_INVALID,
            "revive: more blocks than there are");
    l->nblocks--;
}


static void
members_of(void)
{
    int                           rc;
    uint32_t                      n;
    uint64_t                      id;
    ngx_websocket_store_member_t  member, list[4];
    ngx_websocket_member_ref_t    refs[3], ref;
    ngx_websocket_channel_ref_t   a;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);
    ngx_websocket_store_attach(l, 1, 2);

    a = open_at("a", NOW, 0, 0);
    memset(&member, 0, sizeof(member));

    for (id = 1; id <= 3; id++) {
        member.id = id;
        ngx_websocket_store_join(l, a, id == 2, &member, NULL, &refs[id - 1]);
    }

    ref = 0;
    id = 0;
    n = 2;
    rc = ngx_websocket_store_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_STORE_OK && n == 2 && list[0].id == 1
            && list[1].id == 2 && id == 2, "members: the first two");

    n = 2;
    rc = ngx_websocket_store_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_STORE_EMPTY && n == 1 && list[0].id == 3,
            "members: and the last");

    ref = refs[1];
    id = 2;
    ngx_websocket_store_leave(l, refs[1], NOW, NULL);
    n = 2;
    rc = ngx_websocket_store_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_STORE_GAP && n == 0,
            "members: the one to go on from has left");

    ngx_websocket_store_attach(l, 0, 0);
    n = 4;
    ref = 0;
    rc = ngx_websocket_store_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_STORE_EMPTY && n == 0,
            "members: a dead worker's are not shown");

    sweep(NOW + 1000000, 0);
    unit_ok(find("a") == a && ngx_websocket_store_orphan(l, &member) == refs[0]
            && member.id == 1, "members: but wait to be taken off");

    ngx_websocket_store_leave(l, refs[0], NOW, NULL);
    ngx_websocket_store_leave(l, refs[2], NOW, NULL);
    sweep(NOW + 1000000, 0);
    unit_ok(ngx_websocket_store_orphan(l, &member) == 0 && used() == 0
            && sound(), "members: and then all is given back");
}


static void
random_commands(size_t size, int roomy, unsigned rounds, uint64_t seed)
{
    int        k;
    model_t   *m;
    uint8_t    c[4];
    unsigned   i;
    uint64_t   state;

    begin(size);
    m = calloc(1, sizeof(model_t));
    state = seed;

    model_init(m, (uint8_t *) l, size);
    m->roomy = roomy;

    for (i = 0; i < rounds && m->wrong == NULL; i++) {

        for (k = 0; k < 4; k++) {
            c[k] = (uint8_t) unit_random(&state);
        }

        model_command(m, c);
    }

    unit_ok(m->wrong == NULL, "%u random commands, seed %u, %zu bytes%s%s", i,
            (unsigned) seed, size, m->wrong ? ": " : "",
            m->wrong ? m->wrong : "");

    /* the workers die, time passes: all blocks come back */

    for (i = 0; i < MODEL_WORKERS; i++) {
        model_die(m, i);
    }

    for (i = 0; i < MODEL_CHANNELS; i++) {
        model_delete(m, i);
    }

    model_bury(m);
    sweep(m->now, 0);

    unit_ok(used() == 0 && sound() && m->wrong == NULL,
            "and everything was given back");

    free(m);
}


int
main(void)
{
    uint64_t  seed;

    format();
    hash();
    strerror_says();
    channels();
    history_of_length();
    history_of_time();
    deletion();
    crowd();
    idleness();
    interest();
    shortage();
    subscribe_short();
    seeks();
    hints();
    keys();
    ends();
    numbers();
    large();
    large_read();
    too_large();
    ephemeral();
    ephemeral_crowd();
    ephemeral_large();
    place_numbered();
    place_keys();
    place_nothing();
    reset_numbered();
    end_numbered();
    place_times();
    evict_search();
    evict_idle();
    evict_behind();
    history_of_blocks();
    garbage();
    sweepers();
    late();
    revive();
    members_of();

    for (seed = 1; seed <= 4; seed++) {
        random_commands(ngx_websocket_store_min_size(), 0, 8000, seed);
        random_commands(256 << 10, 0, 8000, seed);
        random_commands(8 << 20, 1, 2000, seed);
    }

    unit_ok(log_most.looked <= NGX_WEBSOCKET_STORE_SECTION
            && log_most.moved <= LOG_MEGABYTE,
            "under the lock at most %u were looked at, and %u bytes moved",
            (unsigned) log_most.looked, (unsigned) log_most.moved);

    return unit_done();
}
