
/*
 * The log run by a stream of commands, and watched: what a reader gets must
 * be what was appended, in order, with every hole told.
 */


#ifndef NGX_WEBSOCKET_LOG_MODEL_H
#define NGX_WEBSOCKET_LOG_MODEL_H


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hub/log_private.h"


#define MODEL_CHANNELS  6
#define MODEL_WORKERS   7       /* more than a channel has room for inline */


typedef struct {
    uint64_t                      epoch;    /* 0: none */
    uint64_t                      offset;
    uint32_t                      subscribers[MODEL_WORKERS];
} model_channel_t;


typedef struct {
    uint8_t                      *base;
    ngx_websocket_log_t          *log;
    uint64_t                      now;
    uint32_t                      incarnation;
    int                           roomy;    /* no message can be evicted */
    model_channel_t               channels[MODEL_CHANNELS];
    ngx_websocket_log_cursor_t    cursors[MODEL_CHANNELS][MODEL_WORKERS];
    ngx_websocket_channel_ref_t   refs[MODEL_CHANNELS];
    uint8_t                       buf[70000];
    const char                   *wrong;
} model_t;


static const char  *model_names[MODEL_CHANNELS] = {
    "a", "room/1", "room/2",
    "0123456789012345678901234567890123456789012345678901234567890123456789ab",
    "0123456789012345678901234567890123456789012345678901234567890123456789abc",
    "a/name/that/is/long/enough/to/need/a/block/of/its/own/as/it/does/not/fit"
};


static int
model_name(model_t *model, unsigned n, uint64_t *hash, size_t *size)
{
    *size = strlen(model_names[n]);
    *hash = ngx_websocket_log_hash(model->log,
                                   (const uint8_t *) model_names[n], *size);
    return 0;
}


static void
model_init(model_t *model, uint8_t *base, size_t size)
{
    unsigned  i;
    uint8_t   seed[16] = { 1, 2, 3 };

    memset(model, 0, sizeof(model_t));

    model->base = base;
    model->now = 1000000;

    if (ngx_websocket_log_format(base, size, seed) != 0) {
        model->wrong = "cannot format";
        return;
    }

    model->log = ngx_websocket_log_open(base, size);

    for (i = 0; i < MODEL_WORKERS; i++) {
        ngx_websocket_log_attach(model->log, i, ++model->incarnation);
    }
}


/* the bytes of a message follow from where it stands */

static void
model_fill(uint8_t *p, size_t size, uint64_t epoch, uint64_t offset)
{
    size_t    i;
    uint64_t  x;

    x = epoch * UINT64_C(0x9e3779b97f4a7c15) + offset;

    for (i = 0; i < size; i++) {
        x = x * UINT64_C(6364136223846793005) + 1;
        p[i] = (uint8_t) (x >> 56);
    }
}


static int
model_same(const uint8_t *p, size_t size, uint64_t epoch, uint64_t offset)
{
    static uint8_t  want[70000];

    model_fill(want, size, epoch, offset);

    return memcmp(p, want, size) == 0;
}


static ngx_websocket_channel_ref_t
model_open(model_t *model, unsigned n,
    const ngx_websocket_log_history_t *history)
{
    size_t                        size;
    uint64_t                      hash;
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_log_info_t      info;

    model_name(model, n, &hash, &size);

    if (ngx_websocket_log_open_channel(model->log,
                                       (const uint8_t *) model_names[n], size,
                                       hash, model->now, history, &ref)
        != NGX_WEBSOCKET_LOG_OK)
    {
        return 0;
    }

    ngx_websocket_log_info(model->log, ref, &info);

    if (info.epoch != model->channels[n].epoch) {

        /* the log may drop a channel that nobody uses, and only such */

        for (unsigned i = 0; i < MODEL_WORKERS; i++) {
            if (model->channels[n].subscribers[i]) {
                model->wrong = "a channel in use was made anew";
            }
        }

        if (info.epoch <= model->channels[n].epoch) {
            model->wrong = "an epoch came again";
        }

        model->channels[n].epoch = info.epoch;
        model->channels[n].offset = 0;
    }

    if (info.offset != model->channels[n].offset) {
        model->wrong = "a channel's offset is wrong";
    }

    model->refs[n] = ref;

    return ref;
}


static void
model_append(model_t *model, unsigned n, size_t size,
    const ngx_websocket_log_history_t *history)
{
    int                           rc;
    size_t                        cut;
    ngx_websocket_log_info_t      info;
    ngx_websocket_log_part_t      parts[2];
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_log_message_t   message;
    ngx_websocket_log_wake_t      wake;

    ref = model_open(model, n, history);

    if (ref == 0) {
        return;
    }

    model_fill(model->buf, size, model->channels[n].epoch,
               model->channels[n].offset + 1);

    cut = size / 3;

    parts[0].data = model->buf;
    parts[0].size = cut;
    parts[1].data = model->buf + cut;
    parts[1].size = size - cut;

    memset(&message, 0, sizeof(message));
    message.time = model->now;
    message.type = 1;

    rc = ngx_websocket_log_append(model->log, ref, &message, parts, 2, &wake,
                                  &info);

    if (rc == NGX_WEBSOCKET_LOG_NOSPACE) {

        if (model->roomy) {
            model->wrong = "no space where there is";
        }

        return;
    }

    model->channels[n].offset++;

    if (rc != NGX_WEBSOCKET_LOG_OK
        || message.offset != model->channels[n].offset
        || info.offset != message.offset || message.size != size)
    {
        model->wrong = "an append went wrong";
    }

    for (unsigned i = 0; i < MODEL_WORKERS; i++) {
        if ((model->channels[n].subscribers[i] != 0)
            != (wake.slots[0] >> i & 1))
        {
            model->wrong = "the wrong workers are woken";
        }
    }
}


static void
model_subscribe(model_t *model, unsigned n, unsigned worker)
{
    uint64_t                      offset;
    ngx_websocket_log_cursor_t   *cursor;
    ngx_websocket_channel_ref_t   ref;

    ref = model_open(model, n, NULL);

    if (ref == 0) {
        return;
    }

    cursor = &model->cursors[n][worker];

    if (model->channels[n].subscribers[worker] == 0) {
        memset(cursor, 0, sizeof(*cursor));
    }

    if (ngx_websocket_log_subscribe(model->log, ref, worker, model->now,
                                    cursor, &offset)
        != NGX_WEBSOCKET_LOG_OK)
    {
        return;
    }

    model->channels[n].subscribers[worker]++;

    if (offset != model->channels[n].offset) {
        model->wrong = "subscribed at another offset";
    }
}


static void
model_unsubscribe(model_t *model, unsigned n, unsigned worker)
{
    if (model->channels[n].subscribers[worker] == 0) {
        return;
    }

    ngx_websocket_log_unsubscribe(model->log, &model->cursors[n][worker],
                                  model->now);

    model->channels[n].subscribers[worker]--;
}


static void
model_read(model_t *model, unsigned n, unsigned worker, size_t room)
{
    int                           rc;
    uint64_t                      next;
    ngx_websocket_log_cursor_t   *cursor;
    ngx_websocket_log_message_t   message;

    if (model->channels[n].subscribers[worker] == 0) {
        return;
    }

    cursor = &model->cursors[n][worker];
    next = cursor->next;

    rc = ngx_websocket_log_read(model->log, cursor, &message, model->buf,
                                room);

    switch (rc) {

    case NGX_WEBSOCKET_LOG_OK:
        if (message.offset != next || message.size > room
            || !model_same(model->buf, message.size, cursor->epoch, next))
        {
            model->wrong = "another message was read";
        }

        break;

    case NGX_WEBSOCKET_LOG_EMPTY:
        if (next != model->channels[n].offset + 1) {
            model->wrong = "a message is missing";
        }

        break;

    case NGX_WEBSOCKET_LOG_SHORT:
        if (cursor->next != next || message.size <= room) {
            model->wrong = "short without need";
        }

        break;

    case NGX_WEBSOCKET_LOG_GAP:
        if (model->roomy || cursor->next <= next) {
            model->wrong = "a gap without need";
        }

        break;

    default:
        model->wrong = "a channel in use is gone";
    }
}


/* subscribers of the old channel are told, and leave */

static void
model_delete(model_t *model, unsigned n)
{
    size_t                        size;
    uint64_t                      hash;
    ngx_websocket_log_wake_t      wake;
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_log_message_t   message;

    model_name(model, n, &hash, &size);

    ref = ngx_websocket_log_find(model->log, (const uint8_t *) model_names[n],
                                 size, hash);
    if (ref == 0) {
        return;
    }

    ngx_websocket_log_delete(model->log, ref, &wake);

    for (unsigned i = 0; i < MODEL_WORKERS; i++) {

        if (model->channels[n].subscribers[i]
            && ngx_websocket_log_read(model->log, &model->cursors[n][i],
                                      &message, model->buf, 0)
               != NGX_WEBSOCKET_LOG_DELETED)
        {
            model->wrong = "a deleted channel can be read";
        }

        while (model->channels[n].subscribers[i]) {
            model_unsubscribe(model, n, i);
        }
    }
}


/* a visitor reads from anywhere: the history, no more and no less */

static void
model_visit(model_t *model, unsigned n, uint64_t back)
{
    int                           rc;
    size_t                        size;
    uint64_t                      hash, offset;
    ngx_websocket_log_info_t      info;
    ngx_websocket_log_cursor_t    cursor;
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_log_message_t   message;

    model_name(model, n, &hash, &size);

    ref = ngx_websocket_log_find(model->log, (const uint8_t *) model_names[n],
                                 size, hash);
    if (ref == 0) {
        return;
    }

    ngx_websocket_log_info(model->log, ref, &info);

    offset = info.offset + 2 > back ? info.offset + 2 - back : 0;
    rc = ngx_websocket_log_seek(model->log, ref, offset, &cursor);

    if ((rc == NGX_WEBSOCKET_LOG_GAP)
        != (offset < info.first || offset > info.offset + 1))
    {
        model->wrong = "a position was judged wrongly";
    }

    if (rc == NGX_WEBSOCKET_LOG_GAP) {
        offset = info.first;
    }

    while ((rc = ngx_websocket_log_read(model->log, &cursor, &message,
                                        model->buf, sizeof(model->buf)))
           == NGX_WEBSOCKET_LOG_OK)
    {
        if (message.offset != offset++
            || !model_same(model->buf, message.size, info.epoch,
                           message.offset))
        {
            model->wrong = "another message of the history was read";
        }
    }

    if (rc != NGX_WEBSOCKET_LOG_EMPTY || offset != info.offset + 1) {
        model->wrong = "the history ends too early";
    }
}


/* a worker dies, and another takes its slot */

static void
model_die(model_t *model, unsigned worker)
{
    unsigned  n;

    ngx_websocket_log_attach(model->log, worker, ++model->incarnation);

    for (n = 0; n < MODEL_CHANNELS; n++) {
        model->channels[n].subscribers[worker] = 0;
    }
}


/* one command: four bytes */

static void
model_command(model_t *model, const uint8_t c[4])
{
    unsigned                      n, worker;
    size_t                        size;
    ngx_websocket_log_history_t   history;

    n = c[1] % MODEL_CHANNELS;
    worker = c[2] % MODEL_WORKERS;
    size = c[3] < 200 ? c[3] : (size_t) (c[3] - 199) * 150;

    switch (c[0] % 16) {

    case 0:
        history.length = c[2] % 20;
        history.time = c[2] & 0x80 ? 5 : 0;
        model_append(model, n, size, &history);
        break;

    case 1: case 2: case 3: case 4:
        model_append(model, n, size, NULL);
        break;

    case 5: case 6:
        model_subscribe(model, n, worker);
        break;

    case 7:
        model_unsubscribe(model, n, worker);
        break;

    case 8: case 9: case 10: case 11:
        model_read(model, n, worker, c[3] & 1 ? sizeof(model->buf) : c[3]);
        break;

    case 12:
        model_visit(model, n, c[3] % 24);
        break;

    case 13:
        model->now += c[3] * 10;
        ngx_websocket_log_sweep(model->log, c[2], model->now, 3000);
        break;

    case 14:
        if (c[3] < 64) {
            model_delete(model, n);
        }

        break;

    default:
        if (c[3] < 64) {
            model_die(model, worker);

        } else if (c[3] < 96) {
            model->now -= 1500;     /* somebody set the clock back */
        }
    }
}


#endif /* NGX_WEBSOCKET_LOG_MODEL_H */
