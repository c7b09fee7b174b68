
/*
 * The log: what its functions promise, and random commands against a model.
 */


#include "unit.h"
#include "hub/log.c"
#include "hub/log_channel.c"
#include "hub/log_member.c"
#include "hub/log_message.c"
#include "log_check.c"
#include "log_model.h"
#include "log_region.h"


#define NOW  1000000


static ngx_websocket_channel_ref_t
find(const char *name)
{
    return ngx_websocket_log_find(l, (const uint8_t *) name, strlen(name),
                    ngx_websocket_log_hash(l, (const uint8_t *) name,
                                           strlen(name)));
}


static ngx_websocket_channel_ref_t
open_at(const char *name, uint64_t now, uint32_t length, uint32_t seconds)
{
    ngx_websocket_channel_ref_t  ref;
    ngx_websocket_log_history_t  history = { length, seconds };

    if (ngx_websocket_log_open_channel(l, (const uint8_t *) name,
                    strlen(name),
                    ngx_websocket_log_hash(l, (const uint8_t *) name,
                                           strlen(name)),
                    now, &history, &ref) != NGX_WEBSOCKET_LOG_OK)
    {
        return 0;
    }

    return ref;
}


static int
append(ngx_websocket_channel_ref_t ref, size_t size, uint64_t now)
{
    static uint8_t               zeros[1 << 20];
    ngx_websocket_log_part_t     part = { zeros, size };
    ngx_websocket_log_message_t  message;

    memset(&message, 0, sizeof(message));
    message.time = now;

    return ngx_websocket_log_append(l, ref, &message, &part, 1, NULL, NULL);
}


static ngx_websocket_log_cursor_t
subscribe(ngx_websocket_channel_ref_t ref, uint32_t slot)
{
    uint64_t                    offset;
    ngx_websocket_log_cursor_t  cursor;

    memset(&cursor, 0, sizeof(cursor));

    if (ngx_websocket_log_subscribe(l, ref, slot, NOW, &cursor, &offset)
        != NGX_WEBSOCKET_LOG_OK)
    {
        cursor.entry = 0;
    }

    return cursor;
}


static int
next(ngx_websocket_log_cursor_t *cursor, size_t size, uint64_t *offset)
{
    int                          rc;
    static uint8_t               buf[1 << 20];
    ngx_websocket_log_message_t  message;

    message.offset = 0;
    rc = ngx_websocket_log_read(l, cursor, &message, buf, size);
    *offset = message.offset;

    return rc;
}


/* a gap is told until it is acknowledged */

static int
gap(ngx_websocket_log_cursor_t *cursor, uint64_t next)
{
    int                          rc;
    uint64_t                     before;
    ngx_websocket_log_message_t  message;

    before = cursor->next;
    rc = ngx_websocket_log_read(l, cursor, &message, NULL, 0);

    if (rc != NGX_WEBSOCKET_LOG_GAP || cursor->next != before
        || ngx_websocket_log_read(l, cursor, &message, NULL, 0) != rc)
    {
        return 0;
    }

    ngx_websocket_log_skip(l, cursor);

    return cursor->next == next && cursor->next > before;
}


static void
format(void)
{
    size_t    size;
    uint8_t   seed[16] = { 0 };

    size = ngx_websocket_log_min_size();
    begin(size + 64);

    unit_ok(ngx_websocket_log_format(l, size - 1, seed)
            == NGX_WEBSOCKET_LOG_NOSPACE, "format: a region too small");
    unit_ok(ngx_websocket_log_format(l, size, seed) == NGX_WEBSOCKET_LOG_OK
            && l->nblocks >= 64 && l->nhints >= 1024 && l->nbuckets >= 64
            && sound(), "format: the smallest region");
    unit_ok(ngx_websocket_log_open(l, size) == l
            && ngx_websocket_log_open(l, size + 64) == NULL
            && ngx_websocket_log_open(l, 8) == NULL,
            "open: only of the size that was formatted");

    l->version++;
    unit_ok(ngx_websocket_log_open(l, size) == NULL, "open: another layout");

    memset(l, 0, 64);
    unit_ok(ngx_websocket_log_open(l, size) == NULL, "open: not a log");
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
        folded = folded * 31 + ngx_websocket_log_hash(l, name, i);
    }

    for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        unit_ok(ngx_websocket_log_hash(l, name, vectors[i].size)
                == vectors[i].hash, "hash: %zu bytes", vectors[i].size);
    }

    unit_ok(folded == UINT64_C(0x71020056298ad661), "hash: 0 to 63 bytes");
}


static void
strerror_says(void)
{
    int  rc, other, different;

    different = 1;

    for (rc = NGX_WEBSOCKET_LOG_INVALID; rc <= 0; rc++) {
        for (other = rc + 1; other <= 0; other++) {
            different &= strcmp(ngx_websocket_log_strerror(rc),
                                ngx_websocket_log_strerror(other)) != 0;
        }
    }

    unit_ok(different, "strerror: a text for each");
}


static void
channels(void)
{
    char                          name[NGX_WEBSOCKET_LOG_NAME_SIZE + 1];
    uint64_t                      epoch;
    ngx_websocket_log_info_t      info;
    ngx_websocket_log_wake_t      wake;
    ngx_websocket_channel_ref_t   a, b;

    begin(1 << 20);

    memset(name, 'n', NGX_WEBSOCKET_LOG_NAME_SIZE);
    name[NGX_WEBSOCKET_LOG_NAME_SIZE] = '\0';

    a = open_at(name, NOW, 0, 0);
    name[NGX_WEBSOCKET_LOG_NAME_SIZE - 1] = 'm';
    b = open_at(name, NOW, 0, 0);

    unit_ok(a && b && a != b && find(name) == b && used() == 4 && sound(),
            "open_channel: the longest names");

    a = open_at("a", NOW, 3, 7);
    ngx_websocket_log_info(l, a, &info);
    epoch = info.epoch;

    unit_ok(epoch != 0 && info.offset == 0 && info.first == 1
            && info.length == 0 && info.published == 0 && !info.deleted,
            "info: a new channel");
    unit_ok(open_at("a", NOW, 3, 7) == a && find("a") == a && find("b") == 0,
            "find: only what there is");
    unit_ok(memcmp(&epoch, l->seed, 8) != 0
            && epoch - 3 != *(uint64_t *) l->seed,
            "open_channel: an epoch does not tell the seed");

    ngx_websocket_log_delete(l, a, &wake);
    b = open_at("a", NOW, 3, 7);
    ngx_websocket_log_info(l, b, &info);
    unit_ok(info.epoch != epoch, "delete: the name's new channel has a new "
            "epoch");
}


static void
history_of_length(void)
{
    int                          i, rc;
    uint64_t                     offset;
    ngx_websocket_log_info_t     info;
    ngx_websocket_log_cursor_t   reader, visitor;
    ngx_websocket_channel_ref_t  a;

    begin(1 << 20);
    ngx_websocket_log_attach(l, 0, 1);

    a = open_at("a", NOW, 0, 0);
    append(a, 100, NOW + 5);
    ngx_websocket_log_info(l, a, &info);
    unit_ok(used() == 1 && info.offset == 1 && info.first == 2
            && info.length == 0 && info.published == NOW + 5,
            "append: nothing is stored for nobody");

    reader = subscribe(a, 0);

    for (i = 0; i < 40; i++) {
        append(a, 100, NOW);
    }

    ngx_websocket_log_info(l, a, &info);
    unit_ok(used() == 41 && info.length == 0 && info.first == 42,
            "append: what is stored for a reader is not history");

    rc = ngx_websocket_log_seek(l, a, 20, &visitor);
    unit_ok(rc == NGX_WEBSOCKET_LOG_GAP && visitor.next == 42
            && next(&visitor, 1000, &offset) == NGX_WEBSOCKET_LOG_EMPTY,
            "seek: a visitor does not see it");
    unit_ok(next(&reader, 99, &offset) == NGX_WEBSOCKET_LOG_SHORT
            && offset == 2 && reader.next == 2
            && next(&reader, 100, &offset) == NGX_WEBSOCKET_LOG_OK
            && offset == 2 && reader.next == 3,
            "read: a buffer one byte too small, and a sufficient one");

    /* more unread messages than one append drops, and nobody any more */

    ngx_websocket_log_unsubscribe(l, &reader, NOW);
    append(a, 100, NOW);
    ngx_websocket_log_info(l, a, &info);
    unit_ok(info.offset == 42 && sound(), "append: leaves no hole while old "
            "messages wait to be dropped");

    for (i = 0; i < 3; i++) {
        append(a, 100, NOW);
    }

    unit_ok(used() == 1 && sound(), "append: drops what nobody waits for");

    a = open_at("a", NOW, 3, 0);
    ngx_websocket_log_seek(l, a, 46, &visitor);

    for (i = 0; i < 5; i++) {
        append(a, 100, NOW);
    }

    ngx_websocket_log_info(l, a, &info);
    unit_ok(info.offset == 50 && info.first == 48 && info.length == 3
            && used() == 4, "append: a history of three");
    unit_ok(gap(&visitor, 48)
            && next(&visitor, 1000, &offset) == 0 && offset == 48
            && next(&visitor, 1000, &offset) == 0 && offset == 49,
            "read: a visitor is told of a gap, and reads on");
    unit_ok(ngx_websocket_log_seek(l, a, 51, &visitor) == 0
            && ngx_websocket_log_seek(l, a, 52, &visitor)
               == NGX_WEBSOCKET_LOG_GAP && visitor.next == 48,
            "seek: after the newest, and beyond");
}


static void
history_of_time(void)
{
    int                          i, right;
    uint64_t                     offset;
    ngx_websocket_log_info_t     info;
    ngx_websocket_log_cursor_t   reader, visitor;
    ngx_websocket_channel_ref_t  a;

    begin(4 << 20);
    ngx_websocket_log_attach(l, 0, 1);

    a = open_at("a", NOW, 10000, 60);
    reader = subscribe(a, 0);

    for (i = 0; i < 3000; i++) {
        append(a, 10, NOW + i * 100);
    }

    /* an unread message stays, but history is younger than a minute */

    ngx_websocket_log_info(l, a, &info);
    unit_ok(info.offset == 3000 && info.first == 2401 && info.length == 600,
            "info: no more than a minute");
    unit_ok(ngx_websocket_log_seek(l, a, 2400, &visitor)
            == NGX_WEBSOCKET_LOG_GAP && visitor.next == 2401
            && next(&visitor, 10, &offset) == 0 && offset == 2401,
            "seek: no farther back than a minute");
    unit_ok(next(&reader, 10, &offset) == 0 && offset == 1,
            "read: a worker's messages do not grow old");

    for (right = 1, i = 0; i < 620; i++) {
        (void) open_at("b", NOW + 299900 + i * 100, 1, 0);
        ngx_websocket_log_info(l, a, &info);
        right &= info.length == (i < 600 ? 600u - i : 0)
                 && info.first == 3001 - info.length;
    }

    unit_ok(right, "info: what grows old, one by one");
    unit_ok(gap(&visitor, 3001)
            && next(&visitor, 10, &offset) == NGX_WEBSOCKET_LOG_EMPTY,
            "read: a visitor does not get what grew old");

    ngx_websocket_log_skip(l, &reader);
    unit_ok(next(&reader, 10, &offset) == 0 && offset == 2,
            "skip: nothing where there is no gap");

    ngx_websocket_log_unsubscribe(l, &reader, NOW);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 400000, 1000000);
    unit_ok(used() == 2 && sound(), "sweep: drops thousands at once");

    /* the clock is set back: nothing is older than nothing */

    a = open_at("a", NOW + 400000, 10000, 60);
    append(a, 10, NOW + 400000);
    append(a, 10, NOW);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW, 1000);
    ngx_websocket_log_info(l, a, &info);
    unit_ok(info.length == 2 && sound(), "append: the clock may step back");
}


static void
deletion(void)
{
    int                          i;
    uint64_t                     offset, position;
    uint32_t                     low;
    ngx_websocket_log_wake_t     wake;
    ngx_websocket_log_info_t     info;
    ngx_websocket_log_cursor_t   reader, other, visitor;
    ngx_websocket_channel_ref_t  a, b, ref;

    begin(1 << 20);
    ngx_websocket_log_attach(l, 7, 1);
    ngx_websocket_log_attach(l, 200, 2);

    a = open_at("a", NOW, 1000, 0);
    reader = subscribe(a, 7);
    other = subscribe(a, 200);

    for (i = 0; i < 200; i++) {
        append(a, 10, NOW);
    }

    ngx_websocket_log_seek(l, a, 100, &visitor);
    position = ngx_websocket_log_hints(l);
    ngx_websocket_log_delete(l, a, &wake);

    unit_ok(wake.slots[0] == 1 << 7 && wake.slots[3] == 1 << 8
            && !wake.slots[1] && !wake.slots[2], "delete: whom to wake");
    unit_ok(ngx_websocket_log_hint(l, &position, &ref, &low) == 0
            && ref == a && low == 0, "delete: a hint");

    ngx_websocket_log_info(l, a, &info);
    unit_ok(info.deleted && info.length == 0 && find("a") == 0 && sound(),
            "delete: the name is free, and the history gone");

    b = open_at("a", NOW, 1000, 0);
    unit_ok(b && b != a && find("a") == b, "delete: while the remains live");

    unit_ok(next(&reader, 1000, &offset) == NGX_WEBSOCKET_LOG_DELETED
            && next(&visitor, 1000, &offset) == NGX_WEBSOCKET_LOG_DELETED,
            "read: a deleted channel");

    ngx_websocket_log_skip(l, &reader);
    unit_ok(reader.next == 1 && sound(), "skip: nothing in a deleted channel");

    ngx_websocket_log_unsubscribe(l, &reader, NOW);
    ngx_websocket_log_unsubscribe(l, &other, NOW);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW, 60000);
    unit_ok(used() == 1 && sound(), "sweep: the rest of a deleted history");
    unit_ok(next(&visitor, 1000, &offset) == NGX_WEBSOCKET_LOG_DELETED,
            "read: a channel that was freed");

    append(b, 10, NOW);
    unit_ok(next(&visitor, 1000, &offset) == NGX_WEBSOCKET_LOG_DELETED,
            "read: a channel whose block is another's");

    reader = subscribe(b, 7);
    ngx_websocket_log_delete(l, b, &wake);
    ngx_websocket_log_unsubscribe(l, &reader, NOW);
    unit_ok(used() == 0 && sound(), "unsubscribe: the last one frees a "
            "deleted channel");

    b = open_at("a", NOW, 1000, 0);
    append(b, 10, NOW);
    ngx_websocket_log_delete(l, b, &wake);
    unit_ok(used() == 0 && sound(), "delete: frees what nobody uses");
}


/* as many workers as there can be, in one channel */

static void
crowd(void)
{
    int                          i, right;
    uint64_t                     offset;
    ngx_websocket_log_info_t     info;
    ngx_websocket_log_wake_t     wake;
    ngx_websocket_channel_ref_t  a;
    ngx_websocket_log_cursor_t   cursors[NGX_WEBSOCKET_LOG_WORKERS];

    begin(1 << 20);
    a = open_at("a", NOW, 0, 0);

    for (i = 0; i < NGX_WEBSOCKET_LOG_WORKERS; i++) {
        ngx_websocket_log_attach(l, i, 1000 + i);
        cursors[i] = subscribe(a, i);
    }

    append(a, 10, NOW);
    ngx_websocket_log_info(l, a, &info);
    unit_ok(info.subscribers == 256 && used() == 2 + 26 && sound(),
            "subscribe: 256 workers");

    for (right = 1, i = 0; i < NGX_WEBSOCKET_LOG_WORKERS; i++) {
        right &= next(&cursors[i], 10, &offset) == 0 && offset == 1;
    }

    append(a, 10, NOW);
    unit_ok(right && used() == 2 + 26, "read: by all, then dropped");

    for (i = 0; i < NGX_WEBSOCKET_LOG_WORKERS; i++) {
        ngx_websocket_log_unsubscribe(l, &cursors[i], NOW);
        right &= cursors[i].entry == 0;
    }

    unit_ok(right && used() == 2 && sound(),
            "unsubscribe: gives back the blocks of entries");

    for (i = 0; i < NGX_WEBSOCKET_LOG_WORKERS; i++) {
        cursors[i] = subscribe(a, i);
    }

    for (i = 0; i < NGX_WEBSOCKET_LOG_WORKERS; i++) {
        ngx_websocket_log_attach(l, i, i < 8 ? 0 : 2000 + i);
    }

    ngx_websocket_log_info(l, a, &info);
    unit_ok(info.subscribers == 0, "attach: voids what the last one held");

    ngx_websocket_log_sweep(l, UINT64_MAX, NOW, 60000);
    unit_ok(used() == 1 && sound(), "sweep: what is left of dead workers");

    for (i = 8; i < NGX_WEBSOCKET_LOG_WORKERS; i++) {
        cursors[i] = subscribe(a, i);
    }

    ngx_websocket_log_delete(l, a, &wake);

    for (i = 8; i < NGX_WEBSOCKET_LOG_WORKERS; i++) {
        ngx_websocket_log_attach(l, i, 0);
    }

    ngx_websocket_log_sweep(l, UINT64_MAX, NOW, 60000);
    unit_ok(used() == 0 && sound(), "sweep: a deleted channel of dead workers");
}


static void
idleness(void)
{
    ngx_websocket_channel_ref_t  a;

    begin(1 << 20);
    ngx_websocket_log_attach(l, 0, 1);

    a = open_at("a", NOW, 0, 0);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 59999, 60000);
    unit_ok(find("a") == a, "sweep: not idle for long enough");
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 60000, 60000);
    unit_ok(find("a") == 0 && used() == 0, "sweep: an idle channel");

    a = open_at("a", NOW, 0, 0);
    (void) subscribe(a, 0);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 500000, 60000);
    ngx_websocket_log_attach(l, 0, 0);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 501000, 60000);
    unit_ok(find("a") == a, "sweep: its subscriber died only now");
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 560000, 60000);
    unit_ok(find("a") == 0, "sweep: long ago");

    a = open_at("a", NOW, 9, 500);
    append(a, 10, NOW);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 500000, 60000);
    unit_ok(find("a") == a && used() == 1, "sweep: its history went only now");

    a = open_at("a", NOW + 900000, 0, 0);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW, 60000);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 60000, 60000);
    unit_ok(find("a") == 0, "sweep: the clock was set back");

    a = open_at("a", NOW, 0, 0);
    unit_ok(ngx_websocket_log_sweep(l, l->nbuckets - 1, NOW + 60000, 60000)
            == l->nbuckets
            && ngx_websocket_log_sweep(l, 1, NOW + 60000, 60000)
            && find("a") == 0, "sweep: goes round the table");
}


static void
shortage(void)
{
    int                          i, rc;
    size_t                       most;
    uint64_t                     offset, messages;
    ngx_websocket_log_info_t     info;
    ngx_websocket_log_cursor_t   reader;
    ngx_websocket_channel_ref_t  a, b;

    begin(ngx_websocket_log_min_size());
    ngx_websocket_log_attach(l, 0, 1);

    a = open_at("a", NOW, 0, 0);
    b = open_at("b", NOW, 1000, 0);
    reader = subscribe(a, 0);

    append(b, 10, NOW);

    for (i = 0; append(a, 100, NOW) == NGX_WEBSOCKET_LOG_OK; i++) { /**/ }

    ngx_websocket_log_info(l, b, &info);
    unit_ok(info.length == 0 && ngx_websocket_log_free_blocks(l) == 0,
            "append: history goes first");

    ngx_websocket_log_info(l, a, &info);
    rc = append(a, 100, NOW + 9999);
    unit_ok(rc == NGX_WEBSOCKET_LOG_NOSPACE && info.offset == (uint64_t) i
            && next(&reader, 1000, &offset) == 0 && offset == 1,
            "append: what is unread and young stays");
    unit_ok(append(a, 100, NOW + 9999) == NGX_WEBSOCKET_LOG_OK,
            "append: what was read goes");

    (void) next(&reader, 1000, &offset);
    rc = append(a, 600, NOW + 10000);
    ngx_websocket_log_info(l, a, &info);
    unit_ok(rc == NGX_WEBSOCKET_LOG_OK
            && gap(&reader, info.offset + 1 - l->nmessages)
            && reader.next > 3
            && next(&reader, 1000, &offset) == 0 && sound(),
            "append: does not wait for ten seconds");
    unit_ok(find("b") == 0, "append: a channel that nobody uses goes");

    /* all that there is, but for the channel and its entries */

    begin(ngx_websocket_log_min_size());
    a = open_at("a", NOW, 1000, 0);

    for (i = 0; i < 20; i++) {
        append(a, 10, NOW);
        (void) open_at((char[]) { 'c', 'a' + i, 0 }, NOW, 0, 0);
    }

    messages = l->nmessages;
    most = (l->nblocks - 3) * (size_t) (NGX_WEBSOCKET_LOG_BLOCK - 4)
           + NGX_WEBSOCKET_LOG_FIRST;

    unit_ok(append(a, most + 1, NOW) == NGX_WEBSOCKET_LOG_NOSPACE
            && l->nmessages == messages && l->nchannels == 21,
            "append: what can never fit drives nothing out");
    unit_ok(append(a, most, NOW) == NGX_WEBSOCKET_LOG_OK
            && l->nmessages == 1 && l->nchannels == 1 && sound()
            && ngx_websocket_log_free_blocks(l) == 0,
            "append: as large as the region");
    unit_ok(open_at("b", NOW, 0, 0) != 0 && l->nmessages == 0,
            "open_channel: makes room");

    begin(ngx_websocket_log_min_size());
    a = open_at("0123456789012345678901234567890123456789012345678901234567890"
                "123456789012", NOW, 1000, 0);
    append(a, 10, NOW);

    unit_ok(append(a, most - 252 + 1, NOW) == NGX_WEBSOCKET_LOG_NOSPACE
            && l->nmessages == 1
            && append(a, most - 252, NOW) == NGX_WEBSOCKET_LOG_OK,
            "append: where the channel has a long name");
}


/* a subscriber may drive out messages of its own channel, but not this */

static void
subscribe_short(void)
{
    int                          i;
    uint64_t                     offset;
    ngx_websocket_log_cursor_t   cursors[5];
    ngx_websocket_channel_ref_t  a;

    begin(ngx_websocket_log_min_size());
    a = open_at("a", NOW, 1000, 0);

    for (i = 0; i < 5; i++) {
        ngx_websocket_log_attach(l, i, 1 + i);

        if (i == 4) {
            while (ngx_websocket_log_free_blocks(l)) {
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
    uint64_t                     i, offset;
    uint32_t                     most, steps;
    ngx_websocket_ref_t          ref;
    ngx_websocket_channel_t     *ch;
    ngx_websocket_message_t     *m;
    ngx_websocket_log_cursor_t   cursor;
    ngx_websocket_channel_ref_t  a;

    begin(24 << 20);
    a = open_at("a", NOW, 60000, 0);

    for (i = 0; i < 100000; i++) {
        append(a, 8, NOW);
    }

    ch = ngx_websocket_log_block(l, a);

    for (most = 0, i = 0; i < 60000; i += 7) {

        offset = ch->offset - i;

        if (ngx_websocket_log_seek(l, a, offset, &cursor) != 0
            || next(&cursor, 8, &offset) != 0 || offset != ch->offset - i)
        {
            break;
        }

        /* the way that a search goes, counted */

        for (steps = 0, ref = ch->last; ref; steps++) {
            m = ngx_websocket_log_block(l, ref);

            if (m->offset == offset) {
                break;
            }

            ref = m->jump_offset >= offset ? m->jump : m->before;
        }

        most = steps > most ? steps : most;
    }

    unit_ok(i >= 60000 && ch->count == 60000, "seek: anywhere in 60,000");
    unit_ok(most <= 3 * 16, "seek: takes at most %u steps", most);
}


static void
hints(void)
{
    uint32_t                     low, i;
    uint64_t                     position, offset;
    ngx_websocket_log_cursor_t   reader;
    ngx_websocket_channel_ref_t  a, ref;

    begin(1 << 20);
    ngx_websocket_log_attach(l, 0, 1);
    a = open_at("a", NOW, 1, 0);
    position = ngx_websocket_log_hints(l);

    append(a, 1, NOW);
    unit_ok(ngx_websocket_log_hint(l, &position, &ref, &low)
            == NGX_WEBSOCKET_LOG_EMPTY, "hint: none where nobody listens");

    reader = subscribe(a, 0);

    for (i = 1; i < l->nhints; i++) {
        append(a, 1, NOW);
        (void) next(&reader, 1, &offset);
    }

    for (i = 2; ngx_websocket_log_hint(l, &position, &ref, &low) == 0; i++) {
        if (ref != a || low != i) {
            break;
        }
    }

    unit_ok(i == l->nhints + 1 && position == ngx_websocket_log_hints(l),
            "hint: a ring full but one");

    for (i = 0; i < l->nhints; i++) {
        append(a, 1, NOW);
        (void) next(&reader, 1, &offset);
    }

    unit_ok(ngx_websocket_log_hint(l, &position, &ref, &low)
            == NGX_WEBSOCKET_LOG_GAP
            && position == ngx_websocket_log_hints(l),
            "hint: the ring was, or is being, overwritten");

    /* a hint that was written, but whose author died before it was counted */

    append(a, 1, NOW);
    l->hints--;
    ngx_websocket_log_recover(l);
    unit_ok(ngx_websocket_log_repairs(l) == 1, "repairs: counted, as a hint "
            "may be lost");
}


static int
append_key(ngx_websocket_channel_ref_t ref, const char *key,
    uint64_t *offset)
{
    int                          rc;
    ngx_websocket_log_part_t     part = { (const uint8_t *) key, strlen(key) };
    ngx_websocket_log_message_t  message;

    memset(&message, 0, sizeof(message));
    message.time = NOW;

    ngx_websocket_log_key(l, part.data, part.size, message.key);

    rc = ngx_websocket_log_append(l, ref, &message, &part, 1, NULL, NULL);
    *offset = message.offset;

    return rc;
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

    unit_ok(append_key(a, "x", &offset) == NGX_WEBSOCKET_LOG_OK && offset == 1
            && append_key(a, "y", &offset) == NGX_WEBSOCKET_LOG_OK
            && append_key(a, "x", &offset) == NGX_WEBSOCKET_LOG_DUPLICATE
            && offset == 1
            && append_key(a, "y", &offset) == NGX_WEBSOCKET_LOG_DUPLICATE
            && offset == 2, "keys: the first one's place");
    unit_ok(append_key(b, "x", &offset) == NGX_WEBSOCKET_LOG_OK && offset == 1,
            "keys: another channel's are others");
    unit_ok(append_key(a, "z", &offset) == NGX_WEBSOCKET_LOG_OK
            && append_key(a, "x", &offset) == NGX_WEBSOCKET_LOG_OK
            && offset == 4, "keys: forgotten with the history");
    unit_ok(append_key(none, "x", &offset) == NGX_WEBSOCKET_LOG_OK
            && append_key(none, "x", &offset) == NGX_WEBSOCKET_LOG_OK
            && offset == 2, "keys: nothing is known where nothing is kept");

    memset(bytes, 'k', sizeof(bytes));
    ngx_websocket_log_key(l, bytes, 255, key);
    ngx_websocket_log_key(l, bytes, 300, other);

    unit_ok(key[0] == other[0] && key[1] == other[1] && key[0] != key[1],
            "keys: 255 bytes count");

    ngx_websocket_log_key(l, bytes, 254, other);
    unit_ok(key[0] != other[0] && key[1] != other[1] && sound(),
            "keys: and each of them does");
}


/* a part that is the message's own offset, over the edge of a block too */

static void
numbers(void)
{
    int                          rc, bad;
    char                         said[300], expected[600];
    uint8_t                      buf[600];
    size_t                       n, room;
    uint64_t                     offset;
    ngx_websocket_log_part_t     parts[3];
    ngx_websocket_log_cursor_t   cursor;
    ngx_websocket_log_message_t  message;
    ngx_websocket_channel_ref_t  ref;

    begin(1 << 20);

    ref = open_at("a", NOW, 1, 0);
    cursor = subscribe(ref, 0);
    bad = 0;

    memset(said, 's', sizeof(said));

    for (offset = 1; offset <= 1200; offset++) {

        room = offset % 300;

        parts[0].data = (uint8_t *) said;
        parts[0].size = room;
        parts[1].data = ngx_websocket_log_offset;
        parts[1].size = 0;
        parts[2].data = (uint8_t *) "end";
        parts[2].size = 3;

        memset(&message, 0, sizeof(message));
        message.time = NOW;

        rc = ngx_websocket_log_append(l, ref, &message, parts, 3, NULL, NULL);
        n = (size_t) sprintf(expected, "%.*s%lluend", (int) room, said,
                             (unsigned long long) offset);

        bad += rc != NGX_WEBSOCKET_LOG_OK || message.offset != offset
               || message.size != n;

        rc = ngx_websocket_log_read(l, &cursor, &message, buf,
                                    sizeof(buf));

        bad += rc != NGX_WEBSOCKET_LOG_OK || message.size != n
               || memcmp(buf, expected, n) != 0;
    }

    unit_ok(bad == 0 && sound(), "numbers in messages: %d wrong", bad);
}


/* the search for a channel to evict is bounded, and goes on where it was */

static void
evict_search(void)
{
    unsigned                    n, tries;
    char                        name[16];
    ngx_websocket_channel_t    *ch;
    ngx_websocket_log_cursor_t  cursor;

    begin(8 << 20);
    ngx_websocket_log_attach(l, 0, 1);
    memset(&cursor, 0, sizeof(cursor));

    for (n = 0; ngx_websocket_log_free_blocks(l); n++) {
        snprintf(name, sizeof(name), "%u", n);
        cursor = subscribe(open_at(name, NOW, 0, 0), 0);
    }

    unit_ok(open_at("more", NOW, 0, 0) == 0, "evict: all are in use");

    ngx_websocket_log_unsubscribe(l, &cursor, NOW);

    /* as far away as can be */

    ch = ngx_websocket_log_block(l, cursor.channel);
    l->sweep = ch->hash + 1;

    for (tries = 1; tries < 100 && open_at("more", NOW, 0, 0) == 0; tries++) {
        /* void */
    }

    unit_ok(tries > 1 && tries <= l->nbuckets / NGX_WEBSOCKET_LOG_SEARCH + 1
            && sound(), "evict: the one that is not is found in %u tries",
            tries);
}


static void
members_of(void)
{
    int                           rc;
    uint32_t                      n;
    uint64_t                      id;
    ngx_websocket_log_wake_t      wake;
    ngx_websocket_log_member_t    member, list[4];
    ngx_websocket_member_ref_t    refs[3], ref;
    ngx_websocket_channel_ref_t   a;

    begin(1 << 20);
    ngx_websocket_log_attach(l, 0, 1);
    ngx_websocket_log_attach(l, 1, 2);

    a = open_at("a", NOW, 0, 0);
    memset(&member, 0, sizeof(member));

    for (id = 1; id <= 3; id++) {
        member.id = id;
        ngx_websocket_log_join(l, a, id == 2, &member, NULL, NULL, 0, &wake,
                               &refs[id - 1]);
    }

    ref = 0;
    id = 0;
    n = 2;
    rc = ngx_websocket_log_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_LOG_OK && n == 2 && list[0].id == 1
            && list[1].id == 2 && id == 2, "members: the first two");

    n = 2;
    rc = ngx_websocket_log_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_LOG_EMPTY && n == 1 && list[0].id == 3,
            "members: and the last");

    ref = refs[1];
    id = 2;
    ngx_websocket_log_leave(l, refs[1], NOW, NULL, NULL, 0, &wake);
    n = 2;
    rc = ngx_websocket_log_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_LOG_GAP && n == 0,
            "members: the one to go on from has left");

    ngx_websocket_log_attach(l, 0, 0);
    n = 4;
    ref = 0;
    rc = ngx_websocket_log_members(l, a, &ref, &id, list, &n);
    unit_ok(rc == NGX_WEBSOCKET_LOG_EMPTY && n == 0,
            "members: a dead worker's are not shown");

    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 1000000, 0);
    unit_ok(find("a") == a && ngx_websocket_log_orphan(l, &member) == refs[0]
            && member.id == 1, "members: but wait to be taken off");

    ngx_websocket_log_leave(l, refs[0], NOW, NULL, NULL, 0, &wake);
    ngx_websocket_log_leave(l, refs[2], NOW, NULL, NULL, 0, &wake);
    ngx_websocket_log_sweep(l, UINT64_MAX, NOW + 1000000, 0);
    unit_ok(ngx_websocket_log_orphan(l, &member) == 0 && used() == 0
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
    ngx_websocket_log_sweep(l, UINT64_MAX, m->now, 0);

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
    shortage();
    subscribe_short();
    seeks();
    hints();
    keys();
    numbers();
    evict_search();
    members_of();

    for (seed = 1; seed <= 4; seed++) {
        random_commands(ngx_websocket_log_min_size(), 0, 8000, seed);
        random_commands(256 << 10, 0, 8000, seed);
        random_commands(8 << 20, 1, 2000, seed);
    }

    return unit_done();
}
