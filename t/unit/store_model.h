
/*
 * The store run by a stream of commands beside a model in the heap, which
 * knows what was appended, who subscribes and what history shows.
 */


#ifndef NGX_WEBSOCKET_STORE_MODEL_H
#define NGX_WEBSOCKET_STORE_MODEL_H


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"


#define MODEL_CHANNELS  6
#define MODEL_WORKERS   7       /* more than a channel has room for inline */
#define MODEL_GHOSTS    8
#define MODEL_OFFSETS   4096    /* of so many messages the model knows */
#define MODEL_BUF       70000
#define MODEL_IDLE      3000
#define MODEL_MEMBERS   12


typedef struct {
    uint64_t                     epoch;     /* of its bytes */
    uint64_t                     offset;
    uint64_t                     time;
    uint32_t                     size;
} model_ephemeral_t;


typedef struct {
    uint64_t                     epoch;     /* 0: there is no such channel */
    uint64_t                     offset;
    uint64_t                     published;
    uint64_t                     used;      /* when last */
    uint64_t                     dropped;   /* up to this one, history may
                                               have let go */
    uint64_t                     hole;      /* the last one without all
                                               before it */
    uint64_t                     began;     /* with another numbering, at */
    int                          ended;
    uint8_t                      missed[MODEL_WORKERS];  /* it began anew */
    uint64_t                     ephemerals;
    uint64_t                     heard[MODEL_WORKERS];  /* to be read next */
    model_ephemeral_t            ephemeral[MODEL_OFFSETS];
    ngx_websocket_store_history_t  history;
    uint32_t                       subscribers[MODEL_WORKERS];
    uint64_t                       times[MODEL_OFFSETS];
    uint32_t                       sizes[MODEL_OFFSETS];
    uint8_t                        nothing[MODEL_OFFSETS];
} model_channel_t;


/* the subscribers of a worker to a channel that was deleted */

typedef struct {
    ngx_websocket_store_cursor_t  cursor;
    unsigned                      worker;
    uint32_t                      count;
} model_ghost_t;


typedef struct {
    ngx_websocket_member_ref_t   ref;
    uint64_t                     id;
    uint64_t                     epoch;     /* of the channel */
    unsigned                     channel;
    unsigned                     worker;
    int                          orphan;
} model_member_t;


/* a message as the model would have it, and what an append tells */

typedef struct {
    uint64_t                       offset;
    uint64_t                       time;
    uint64_t                       position;  /* of hints */
    ngx_websocket_store_message_t  message;
    ngx_websocket_store_part_t     parts[3];
    ngx_websocket_store_wake_t     wake;
} model_message_t;


typedef struct {
    ngx_websocket_store_t        *store;
    uint64_t                      now;
    uint64_t                      latest;    /* now at its greatest */
    uint64_t                      epoch;     /* the newest */
    uint64_t                      foreign;   /* the newest of a broker */
    uint32_t                      incarnation;
    int                           roomy;     /* nothing need be evicted */
    int                           set_back;  /* the clock was */
    int                           ending;    /* what is appended is the last */
    unsigned                      nmembers;
    uint64_t                      nids;
    model_member_t                members[MODEL_MEMBERS];
    unsigned                      nghosts;
    model_ghost_t                 ghosts[MODEL_GHOSTS];
    model_channel_t               channels[MODEL_CHANNELS];
    ngx_websocket_store_cursor_t  cursors[MODEL_CHANNELS][MODEL_WORKERS];
    uint8_t                       buf[MODEL_BUF];
    uint8_t                       want[MODEL_BUF];
    const char                   *wrong;     /* the first thing that was */
} model_t;


/* what is to be called again is, and each call is a section of its own */

#define model_again(rc, call)                                                 \
    do {                                                                      \
        log_section();                                                        \
        rc = (call);                                                          \
        log_section();                                                        \
    } while (rc == NGX_WEBSOCKET_STORE_AGAIN)


static const char  *model_names[MODEL_CHANNELS] = {
    "a", "room/1", "room/2",
    "0123456789012345678901234567890123456789012345678901234567890123456789ab",
    "0123456789012345678901234567890123456789012345678901234567890123456789abc",
    "a/name/that/is/long/enough/to/need/a/block/of/its/own/as/it/does/not/fit"
};


static void
model_wrong(model_t *model, const char *what)
{
    if (model->wrong == NULL) {
        model->wrong = what;
    }
}


static void
model_init(model_t *model, uint8_t *base, size_t size)
{
    unsigned  i;
    uint8_t   seed[16] = { 1, 2, 3 };

    memset(model, 0, sizeof(model_t));

    model->now = 1000000;
    model->latest = model->now;

    if (ngx_websocket_store_format(base, size,
                                   seed) != NGX_WEBSOCKET_STORE_OK) {
        fprintf(stderr, "a region of %zu bytes is too small\n", size);
        abort();
    }

    model->store = ngx_websocket_store_open(base, size);

    for (i = 0; i < MODEL_WORKERS; i++) {
        ngx_websocket_store_attach(model->store, i, ++model->incarnation);
    }
}


static uint64_t
model_hash(model_t *model, unsigned n)
{
    return ngx_websocket_store_hash(model->store,
                                    (const uint8_t *) model_names[n],
                                    strlen(model_names[n]));
}


static ngx_websocket_channel_ref_t
model_find(model_t *model, unsigned n)
{
    return ngx_websocket_store_find(model->store,
                                    (const uint8_t *) model_names[n],
                                    strlen(model_names[n]),
                                    model_hash(model, n));
}


/* the type of a message follows from where it stands, and is not NOTHING */

static uint8_t
model_type(uint64_t offset)
{
    return (uint8_t) (offset % NGX_WEBSOCKET_STORE_NOTHING);
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


static uint32_t
model_count(model_t *model, unsigned n)
{
    uint32_t  i, count;

    for (count = 0, i = 0; i < MODEL_WORKERS; i++) {
        count += model->channels[n].subscribers[i];
    }

    return count;
}


/* of the channel as it is now; with orphans, who is to be mourned too */

static uint32_t
model_members(model_t *model, unsigned n, int orphans)
{
    uint32_t         i, count;
    model_member_t  *member;

    for (count = 0, i = 0; i < model->nmembers; i++) {
        member = &model->members[i];

        count += member->channel == n
                 && member->epoch == model->channels[n].epoch
                 && (orphans || !member->orphan);
    }

    return count;
}


/* whether there is anybody whom the store must keep something for */

static int
model_deserted(model_t *model)
{
    unsigned  n;

    for (n = 0; n < MODEL_CHANNELS; n++) {
        if (model_count(model, n)) {
            return 0;
        }
    }

    return model->nghosts == 0 && model->nmembers == 0;
}


static int
model_over(model_t *model, model_channel_t *ch, uint64_t offset)
{
    return ch->history.time
           && ngx_websocket_store_age(model->now,
                                      ch->times[offset % MODEL_OFFSETS])
              >= (uint64_t) ch->history.time * 1000;
}


/* of what there is no reason to drop */

static uint64_t
model_blocks(model_channel_t *ch)
{
    uint64_t  offset, blocks;

    blocks = 0;

    for (offset = ch->dropped + 1; offset <= ch->offset; offset++) {
        blocks += ngx_websocket_store_blocks(ch->sizes[offset % MODEL_OFFSETS]);
    }

    return blocks;
}


/* the store may let go of what its history does not keep now */

static void
model_drop(model_t *model, model_channel_t *ch)
{
    if (ch->offset > ch->history.length
        && ch->dropped < ch->offset - ch->history.length)
    {
        ch->dropped = ch->offset - ch->history.length;
    }

    while (ch->dropped < ch->offset
           && (model_over(model, ch, ch->dropped + 1)
               || (ch->history.max && model_blocks(ch) > ch->history.max)))
    {
        ch->dropped++;
    }
}


/* a channel that is not there any more: nobody must have needed it */

static void
model_gone(model_t *model, unsigned n, int swept)
{
    model_channel_t  *ch;

    ch = &model->channels[n];

    if (model_count(model, n) || model_members(model, n, 1)) {
        model_wrong(model, "a channel with subscribers is gone");
    }

    if (model->roomy
        && (!swept || ch->dropped < ch->offset
            || (!model->set_back && model->now - ch->used < MODEL_IDLE)))
    {
        model_wrong(model, "a channel went too early");
    }

    memset(ch, 0, sizeof(model_channel_t));
}


/* history is what the policy says, of what had no reason to go */

static void
model_look_history(model_t *model, model_channel_t *ch,
    ngx_websocket_store_info_t *info)
{
    uint64_t  first;

    if (info->length != info->offset + 1 - info->first) {
        model_wrong(model, "history has another length");
    }

    first = ch->offset > ch->history.length
            ? ch->offset + 1 - ch->history.length : 1;

    if (info->first < first) {
        model_wrong(model, "history is too long");
    }

    if (ch->history.time && model->set_back) {
        return;
    }

    while (first <= ch->offset && model_over(model, ch, first)) {
        first++;
    }

    if (info->first < first) {
        model_wrong(model, "history shows what is too old");
    }

    if (first <= ch->dropped) {
        first = ch->dropped + 1;
    }

    if (model->roomy && info->first > first) {
        model_wrong(model, "history is too short");
    }
}


/* compares a channel; returns its ref, or 0 when there is none */

static ngx_websocket_channel_ref_t
model_look(model_t *model, unsigned n, int swept)
{
    model_channel_t              *ch;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   ref;

    ch = &model->channels[n];
    ref = model_find(model, n);

    if (ref == 0) {
        if (ch->epoch) {
            model_gone(model, n, swept);
        }

        return 0;
    }

    ngx_websocket_store_info(model->store, ref, &info);

    if (info.epoch != ch->epoch || info.offset != ch->offset
        || info.published != ch->published || info.deleted
        || info.ended != ch->ended
        || info.subscribers != model_count(model, n)
        || info.members != model_members(model, n, 0))
    {
        model_wrong(model, "a channel is another one than it should be");
    }

    model_look_history(model, ch, &info);

    return ref;
}


static ngx_websocket_channel_ref_t
model_open(model_t *model, unsigned n,
    const ngx_websocket_store_history_t *history)
{
    int                           rc;
    model_channel_t              *ch;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   ref;

    ch = &model->channels[n];

    model_again(rc, ngx_websocket_store_open_channel(model->store,
                                       (const uint8_t *) model_names[n],
                                       strlen(model_names[n]),
                                       model_hash(model, n), model->now,
                                       history, &ref));

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        if (ch->epoch || model->roomy || model_deserted(model)) {
            model_wrong(model, "no space for a channel");
        }

        return 0;
    }

    if (ch->epoch == 0) {
        ngx_websocket_store_info(model->store, ref, &info);

        if (info.epoch <= model->epoch) {
            model_wrong(model, "an epoch came again");
        }

        ch->epoch = info.epoch;
        model->epoch = info.epoch;
    }

    ch->used = model->now;

    if (history) {
        ch->history = *history;
        model_drop(model, ch);
    }

    return model_look(model, n, 0);
}


static void
model_no_space(model_t *model, ngx_websocket_channel_ref_t ref, size_t size)
{
    size_t                    blocks;
    ngx_websocket_channel_t  *ch;

    ch = ngx_websocket_store_block(model->store, ref);

    blocks = 1 + ngx_websocket_store_own_blocks(model->store, ch)
             + (size + NGX_WEBSOCKET_STORE_BLOCK)
               / (NGX_WEBSOCKET_STORE_BLOCK - 4);

    if (model->roomy
        || (model_deserted(model) && blocks < model->store->nblocks))
    {
        model_wrong(model, "no space where there is");
    }
}


/* exactly one hint, or none */

static void
model_hinted(model_t *model, uint64_t position, int hinted,
    ngx_websocket_channel_ref_t channel, uint64_t want)
{
    int                          rc;
    uint32_t                     offset;
    ngx_websocket_channel_ref_t  ref;

    rc = ngx_websocket_store_hint(model->store, &position, &ref, &offset);

    if (rc != (hinted ? NGX_WEBSOCKET_STORE_OK : NGX_WEBSOCKET_STORE_EMPTY)
        || (hinted && (ref != channel || offset != (uint32_t) want))
        || position != ngx_websocket_store_hints(model->store))
    {
        model_wrong(model, "a hint is wrong");
    }
}


static void
model_woken(model_t *model, unsigned n, ngx_websocket_store_wake_t *wake)
{
    unsigned  i;

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        if ((i < MODEL_WORKERS && model->channels[n].subscribers[i] != 0)
            != (wake->slots[i / 64] >> i % 64 & 1))
        {
            model_wrong(model, "the wrong workers are woken");
        }
    }
}


static void
model_key(model_t *model, uint64_t epoch, uint64_t offset, uint64_t key[2])
{
    uint64_t  id[2] = { epoch, offset };

    ngx_websocket_store_key(model->store, (uint8_t *) id, sizeof(id), key);
}


/* a message of a channel, before it is appended */

static void
model_message_at(model_t *model, unsigned n, uint64_t offset, size_t size,
    model_message_t *m)
{
    model_channel_t  *ch;

    ch = &model->channels[n];

    memset(m, 0, sizeof(*m));

    m->offset = offset;
    m->position = ngx_websocket_store_hints(model->store);

    model_fill(model->buf, size, ch->epoch, m->offset);

    m->parts[0].data = model->buf;
    m->parts[0].size = size / 3;
    m->parts[2].data = model->buf + size / 3;
    m->parts[2].size = size - size / 3;

    m->time = model->now > model->store->now ? model->now : model->store->now;

    if (m->time < ch->published) {
        m->time = ch->published;
    }

    m->message.time = model->now;
    m->message.source = m->offset * 3;
    m->message.meta = (uint16_t) (size / 3);
    m->message.type = model_type(m->offset);
    m->message.priority = (uint8_t) (m->offset * 7);
    m->message.fraction = (uint8_t) (m->offset * 11);

    model_key(model, ch->epoch, m->offset, m->message.key);
    model_drop(model, ch);
}


static void
model_message(model_t *model, unsigned n, size_t size, model_message_t *m)
{
    model_message_at(model, n, model->channels[n].offset + 1, size, m);
}


/* the same, but ephemeral */

static void
model_ephemeral(model_t *model, unsigned n, size_t size, model_message_t *m)
{
    uint64_t          number;
    model_channel_t  *ch;

    model_message(model, n, size, m);

    ch = &model->channels[n];
    number = ch->ephemerals + 1;

    m->offset = ch->offset;
    m->message.ephemeral = 1;
    m->message.source = number * 3;
    model_fill(model->buf, size, ch->epoch, ~number);
}


/* who subscribes then is due it, nobody else */

static void
model_ephemeral_appended(model_t *model, unsigned n, size_t size,
    model_message_t *m, ngx_websocket_channel_ref_t ref)
{
    model_channel_t    *ch;
    model_ephemeral_t  *e;

    ch = &model->channels[n];

    if (m->message.offset != ch->offset || m->message.size != size
        || m->message.time != m->time)
    {
        model_wrong(model, "an ephemeral append went wrong");
    }

    model_woken(model, n, &m->wake);
    model_hinted(model, m->position, model_count(model, n) != 0, ref, 0);

    if (model_count(model, n)) {
        e = &ch->ephemeral[++ch->ephemerals % MODEL_OFFSETS];
        e->epoch = ch->epoch;
        e->offset = ch->offset;
        e->time = m->time;
        e->size = (uint32_t) size;
    }
}


/* and after it */

static void
model_appended(model_t *model, unsigned n, size_t size, model_message_t *m,
    ngx_websocket_channel_ref_t ref)
{
    model_channel_t          *ch;
    ngx_websocket_channel_t  *log_ch;

    if (m->message.ephemeral) {
        model_ephemeral_appended(model, n, size, m, ref);
        return;
    }

    ch = &model->channels[n];

    ch->offset = m->offset;
    ch->published = m->time;
    ch->times[m->offset % MODEL_OFFSETS] = m->time;
    ch->sizes[m->offset % MODEL_OFFSETS] = (uint32_t) size;
    ch->nothing[m->offset % MODEL_OFFSETS] =
                       m->message.type == NGX_WEBSOCKET_STORE_NOTHING;

    model_drop(model, ch);

    if (m->message.offset != m->offset || m->message.size != size
        || m->message.time != m->time)
    {
        model_wrong(model, "an append went wrong");
    }

    log_ch = ngx_websocket_store_block(model->store, ref);

    if (ch->history.max && log_ch->held.of.blocks > ch->history.max
        && model_count(model, n) == 0)
    {
        model_wrong(model, "a channel keeps more than it may");
    }

    model_woken(model, n, &m->wake);
    model_hinted(model, m->position, model_count(model, n) != 0, ref,
                 m->offset);
}


/* in the three steps of a large message, whatever its size */

static int
model_append_large(model_t *model, unsigned worker,
    ngx_websocket_store_append_t *append)
{
    int                          rc;
    ngx_websocket_store_large_t  large;

    memset(&large, 0, sizeof(large));

    append->large = &large;
    append->slot = worker;

    do {
        model_again(rc, ngx_websocket_store_reserve(model->store, append));

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            break;
        }

        store_fill(model->store, append);
        log_section();

        rc = append->at ? ngx_websocket_store_place(model->store, append)
                        : ngx_websocket_store_append(model->store, append);
        log_section();

    } while (rc == NGX_WEBSOCKET_STORE_AGAIN);

    ngx_websocket_store_unreserve(model->store, worker);

    return rc;
}


static void
model_append_as(model_t *model, unsigned n, size_t size, unsigned worker,
    const ngx_websocket_store_history_t *history, int ephemeral)
{
    int                           rc;
    model_message_t               m;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_store_append_t  append;

    ref = model_open(model, n, history);

    if (ref == 0) {
        return;
    }

    if (ephemeral) {
        model_ephemeral(model, n, size, &m);

    } else {
        model_message(model, n, size, &m);
    }

    m.message.end = (uint8_t) model->ending;

    append = store_appended(ref, &m.message, m.parts, 3);
    append.info = &info;

    if (worker < MODEL_WORKERS) {
        rc = model_append_large(model, worker, &append);

    } else {
        model_again(rc, ngx_websocket_store_append(model->store, &append));
    }

    m.wake = append.wake;

    if (rc == NGX_WEBSOCKET_STORE_NOSPACE) {
        model_no_space(model, ref, size);
        model_hinted(model, m.position, 0, 0, 0);
        return;
    }

    if (rc != NGX_WEBSOCKET_STORE_OK || info.offset != m.offset) {
        model_wrong(model, "an append went wrong");
    }

    model->channels[n].ended = model->ending;

    model_appended(model, n, size, &m, ref);
}


static void
model_append_by(model_t *model, unsigned n, size_t size, unsigned worker,
    const ngx_websocket_store_history_t *history)
{
    model_append_as(model, n, size, worker, history, 0);
}


static void
model_append(model_t *model, unsigned n, size_t size,
    const ngx_websocket_store_history_t *history)
{
    model_append_by(model, n, size, MODEL_WORKERS, history);
}


/* the channel is numbered by others from here on */

static void
model_begin_at(model_t *model, unsigned n, uint64_t epoch, uint64_t offset)
{
    unsigned          i;
    model_channel_t  *ch;

    ch = &model->channels[n];

    for (i = 0; i < model->nmembers; i++) {
        if (model->members[i].channel == n
            && model->members[i].epoch == ch->epoch)
        {
            model->members[i].epoch = epoch;
        }
    }

    for (i = 0; i < MODEL_WORKERS; i++) {
        ch->missed[i] |= ch->offset && ch->epoch != epoch && ch->subscribers[i];
    }

    ch->epoch = epoch;
    ch->began = offset + 1;
    ch->offset = offset;
    ch->dropped = offset;
    ch->hole = offset;
    ch->ended = 0;
}


/* the epoch of a broker that follows, or one that does not */

static uint64_t
model_other(model_t *model, model_channel_t *ch, int older)
{
    if (older && !(ch->epoch & NGX_WEBSOCKET_STORE_OWN)) {
        return ch->epoch - 1;
    }

    return ++model->foreign;
}


/* what place() is to return */

static int
model_place_rc(model_channel_t *ch, uint64_t epoch, uint64_t offset, int hole)
{
    if (epoch != ch->epoch) {
        if (ch->offset
            || (!(ch->epoch & NGX_WEBSOCKET_STORE_OWN) && epoch < ch->epoch))
        {
            return NGX_WEBSOCKET_STORE_EPOCH;
        }

        return offset == 1 || hole ? NGX_WEBSOCKET_STORE_OK
                                   : NGX_WEBSOCKET_STORE_GAP;
    }

    if (offset <= ch->offset) {
        return NGX_WEBSOCKET_STORE_DUPLICATE;
    }

    if (offset > ch->offset + 1 && !hole) {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    return ch->ended ? NGX_WEBSOCKET_STORE_ENDED : NGX_WEBSOCKET_STORE_OK;
}


/* in one step, or in those of a large message */

static int
model_place_by(model_t *model, ngx_websocket_channel_ref_t ref, uint64_t epoch,
    int hole, unsigned worker, model_message_t *m,
    ngx_websocket_store_info_t *info)
{
    int                           rc;
    ngx_websocket_store_append_t  append;

    append = store_appended(ref, &m->message, m->parts, 3);
    append.epoch = epoch;
    append.at = m->message.offset;
    append.now = model->now;
    append.hole = hole;
    append.info = info;

    if (worker == MODEL_WORKERS) {
        model_again(rc, ngx_websocket_store_place(model->store, &append));

    } else {
        rc = model_append_large(model, worker, &append);
    }

    m->wake = append.wake;

    return rc;
}


/*
 * A message that has its offset: known already, the next one, or farther on;
 * older than now by age, or with no size nothing.
 */

static void
model_place(model_t *model, unsigned n, size_t size, int step, int other,
    int hole, unsigned worker)
{
    int                           rc, want;
    uint64_t                      own, epoch, offset, now;
    model_channel_t              *ch;
    model_message_t               m;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   ref;

    ch = &model->channels[n];
    ref = model_open(model, n, NULL);

    if (ref == 0 || (int64_t) ch->offset + 1 + step < 1) {
        return;
    }

    epoch = other ? model_other(model, ch, step & 1) : ch->epoch;
    offset = (uint64_t) ((int64_t) ch->offset + 1 + step);
    want = model_place_rc(ch, epoch, offset, hole);

    own = ch->epoch;

    if (want == NGX_WEBSOCKET_STORE_OK && epoch != own) {
        model_begin_at(model, n, epoch, offset - 1);
    }

    model_message_at(model, n, offset, size, &m);
    m.message.offset = offset;

    if (size == 0) {
        m.message.type = NGX_WEBSOCKET_STORE_NOTHING;
    }

    /* it was somewhere else for a while */

    now = m.time;
    m.message.time = model->now - offset % 3 * 700;
    m.time = m.message.time > now ? now : m.message.time;
    m.time = m.time < ch->published ? ch->published : m.time;

    if (epoch == ch->epoch && offset > ch->offset + 1 && hole) {
        ch->dropped = ch->offset;                   /* even without space */
        ch->hole = ch->offset;
    }

    rc = model_place_by(model, ref, epoch, hole, worker, &m, &info);

    if (rc == NGX_WEBSOCKET_STORE_NOSPACE) {
        model_no_space(model, ref, size);
        info.offset = ch->offset;

    } else if (rc != want) {
        model_wrong(model, "a message was placed otherwise");
    }

    if (info.offset != (rc == NGX_WEBSOCKET_STORE_OK ? offset : ch->offset)) {
        model_wrong(model, "a message was placed elsewhere");
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        model_hinted(model, m.position, 0, 0, 0);

        if (epoch == ch->epoch && epoch != own) {
            model_begin_at(model, n, own, 0);
        }

        return;
    }

    if (offset > ch->offset + 1) {
        ch->dropped = offset - 1;
        ch->hole = offset - 1;
    }

    model_appended(model, n, size, &m, ref);
}


/* it goes on somewhere else; all subscribers are told, but for one reason */

static void
model_reset(model_t *model, unsigned n, int step, int other)
{
    int                           rc, same;
    unsigned                      i;
    uint64_t                      epoch, offset, position;
    model_channel_t              *ch;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_channel_ref_t   ref;

    ch = &model->channels[n];
    ref = model_look(model, n, 0);

    if (ref == 0 || (int64_t) ch->offset + step < 0) {
        return;
    }

    epoch = other ? model_other(model, ch, other & 1) : ch->epoch;
    offset = (uint64_t) ((int64_t) ch->offset + step);
    same = (epoch == ch->epoch && offset == ch->offset);
    position = ngx_websocket_store_hints(model->store);

    model_again(rc, ngx_websocket_store_reset(model->store, ref, epoch, offset,
                                              &wake));
    model_woken(model, n, &wake);

    if (epoch == ch->epoch
        ? step < 0
        : !(ch->epoch & NGX_WEBSOCKET_STORE_OWN) && epoch < ch->epoch)
    {
        if (rc != NGX_WEBSOCKET_STORE_EPOCH) {
            model_wrong(model, "a channel was led back");
        }

        model_hinted(model, position, 0, 0, 0);
        return;
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        model_wrong(model, "a reset failed");
    }

    model_hinted(model, position, !same, ref, 0);

    if (!same) {
        model_begin_at(model, n, epoch, offset);

        for (i = 0; i < MODEL_WORKERS; i++) {
            ch->heard[i] = ch->ephemerals + 1;
        }
    }

    if (model_look(model, n, 0) == 0) {
        model_wrong(model, "a channel went with its messages");
    }
}


/* a message that history shows is published again: nothing comes of it */

static void
model_repeat(model_t *model, unsigned n, uint64_t back)
{
    uint64_t                      offset;
    model_message_t               m;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_store_append_t  append;

    ref = model_look(model, n, 0);

    if (ref == 0) {
        return;
    }

    ngx_websocket_store_info(model->store, ref, &info);

    if (back >= info.length) {
        return;
    }

    offset = info.offset - back;

    model_message(model, n, 10, &m);
    model_key(model, model->channels[n].epoch, offset, m.message.key);

    append = store_appended(ref, &m.message, m.parts, 3);

    if (ngx_websocket_store_append(model->store, &append)
        != NGX_WEBSOCKET_STORE_DUPLICATE
        || m.message.offset != offset
        || m.message.time
           != model->channels[n].times[offset % MODEL_OFFSETS])
    {
        model_wrong(model, "the same message was appended again");
    }

    model_hinted(model, m.position, 0, 0, 0);
}


/* a member's message, which may be the next channel's */

static ngx_websocket_store_append_t *
model_tell(model_t *model, unsigned to, int ephemeral,
    ngx_websocket_channel_ref_t ref, model_message_t *m,
    ngx_websocket_store_append_t *append)
{
    if (ephemeral) {
        model_ephemeral(model, to, 60, m);

    } else {
        model_message(model, to, 60, m);
    }

    *append = store_appended(ref, &m->message, m->parts, 3);

    return append;
}


/* tell: 1 with a message, 2 an ephemeral one, 4 of the next channel */

static void
model_join(model_t *model, unsigned n, unsigned worker, int tell)
{
    int                           rc;
    unsigned                      to;
    model_member_t               *member;
    model_message_t               m;
    ngx_websocket_channel_ref_t   ref, told;
    ngx_websocket_store_append_t  append, *wanted;
    ngx_websocket_store_member_t  joins;

    if (model->nmembers == MODEL_MEMBERS) {
        return;
    }

    ref = model_find(model, n);

    if (ref == 0
        || !ngx_websocket_store_own_entry(model->store,
                                          ngx_websocket_store_block(
                                                          model->store, ref),
                                          worker))
    {
        tell &= 3;
    }

    to = tell & 4 ? (n + 1) % MODEL_CHANNELS : n;
    told = model_open(model, to, NULL);
    ref = to == n ? told : model_open(model, n, NULL);

    if (ref == 0 || told == 0 || model_find(model, to) != told) {
        return;
    }

    memset(&joins, 0, sizeof(joins));
    joins.id = ++model->nids;
    joins.time = model->now;
    joins.size = joins.id * 13 % NGX_WEBSOCKET_STORE_MEMBER_SIZE;
    joins.leave_message = (uint8_t) tell;
    memset(joins.data, (int) joins.id, joins.size);

    member = &model->members[model->nmembers];
    member->id = joins.id;
    member->channel = n;
    member->worker = worker;
    member->epoch = model->channels[n].epoch;
    member->orphan = 0;

    wanted = model_tell(model, to, tell & 2, told, &m, &append);

    model_again(rc, ngx_websocket_store_join(model->store, ref, worker, &joins,
                                             tell ? wanted : NULL,
                                             &member->ref));

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        if (model->roomy) {
            model_wrong(model, "no space for a member");
        }

        return;
    }

    model->nmembers++;

    if (tell) {
        m.wake = append.wake;
        model_appended(model, to, 60, &m, told);
    }
}


/* a member leaves, or what is left of it is taken off */

static void
model_part(model_t *model, unsigned i, int tell)
{
    int                           rc;
    unsigned                      to;
    uint64_t                      offset;
    model_member_t                member;
    model_message_t               m;
    ngx_websocket_store_info_t    info;
    ngx_websocket_store_name_t    name;
    ngx_websocket_channel_ref_t   told;
    ngx_websocket_store_append_t  append, *wanted;

    member = model->members[i];

    if (tell & 4) {
        to = (member.channel + 1) % MODEL_CHANNELS;
        told = model_open(model, to, NULL);

        if (told == 0) {
            tell = 0;
        }

    } else {
        to = member.channel;
        told = model_find(model, to);

        if (member.epoch != model->channels[to].epoch) {
            told = 0;                                   /* was deleted */
        }
    }

    wanted = model_tell(model, to, 0, told, &m, &append);

    if (told == 0) {
        append.channel = ngx_websocket_store_member_channel(model->store,
                                                            member.ref, &name);
    }

    model_again(rc, ngx_websocket_store_leave(model->store, member.ref,
                                              model->now,
                                              tell ? wanted : NULL));

    for (model->nmembers--; i < model->nmembers; i++) {
        model->members[i] = model->members[i + 1];
    }

    if (told == 0 || !tell) {
        model_hinted(model, m.position, 0, 0, 0);
        return;
    }

    offset = model->channels[to].offset;
    ngx_websocket_store_info(model->store, told, &info);

    if (info.offset == offset + 1) {
        m.wake = append.wake;
        model_appended(model, to, 60, &m, told);

    } else if (model->roomy || info.offset != offset) {
        model_wrong(model, "a member left without a word");
    }
}


static void
model_bury(model_t *model)
{
    unsigned                      i;
    ngx_websocket_member_ref_t    ref;
    ngx_websocket_store_member_t  member;

    while ((ref = ngx_websocket_store_orphan(model->store, &member))) {

        for (i = 0; i < model->nmembers; i++) {
            if (model->members[i].ref == ref) {
                break;
            }
        }

        if (i == model->nmembers || !model->members[i].orphan
            || model->members[i].id != member.id)
        {
            model_wrong(model, "an orphan is not one");
            return;
        }

        model_part(model, i, member.leave_message);
    }

    for (i = 0; i < model->nmembers; i++) {
        if (model->members[i].orphan) {
            model_wrong(model, "an orphan was forgotten");
        }
    }
}


/* who is there, in their order, read in pieces */

static void
model_list(model_t *model, unsigned n)
{
    int                           rc;
    uint32_t                      i, j, count;
    uint64_t                      id;
    ngx_websocket_member_ref_t    ref;
    ngx_websocket_channel_ref_t   channel;
    ngx_websocket_store_member_t  members[3];

    channel = model_find(model, n);

    if (channel == 0) {
        return;
    }

    ref = 0;
    id = 0;
    i = 0;

    do {
        log_section();

        count = 3;
        rc = ngx_websocket_store_members(model->store, channel, &ref, &id,
                                         members, &count);

        for (j = 0; j < count; j++) {

            while (i < model->nmembers
                   && (model->members[i].orphan
                       || model->members[i].channel != n
                       || model->members[i].epoch
                          != model->channels[n].epoch))
            {
                i++;
            }

            if (i == model->nmembers || members[j].id != model->members[i].id
                || (members[j].size
                    && members[j].data[0] != (uint8_t) members[j].id))
            {
                model_wrong(model, "the list of members is wrong");
                return;
            }

            i++;
        }

    } while (rc == NGX_WEBSOCKET_STORE_OK);

    for ( /* void */ ; i < model->nmembers; i++) {
        if (!model->members[i].orphan && model->members[i].channel == n
            && model->members[i].epoch == model->channels[n].epoch)
        {
            model_wrong(model, "the list of members is too short");
        }
    }
}


static void
model_subscribe(model_t *model, unsigned n, unsigned worker)
{
    int                            rc;
    uint64_t                       offset;
    model_channel_t               *ch;
    ngx_websocket_store_cursor_t  *cursor;
    ngx_websocket_channel_ref_t    ref;

    ch = &model->channels[n];
    ref = model_open(model, n, NULL);

    if (ref == 0) {
        return;
    }

    cursor = &model->cursors[n][worker];

    if (ch->subscribers[worker] == 0) {
        memset(cursor, 0, sizeof(*cursor));
    }

    model_again(rc, ngx_websocket_store_subscribe(model->store, ref, worker,
                                                model->now, cursor, &offset));

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        if (model->roomy || ch->subscribers[worker] || model_deserted(model)) {
            model_wrong(model, "no space for a subscriber");
        }

        return;
    }

    if (offset != ch->offset
        || (ch->subscribers[worker] == 0 && cursor->next != offset + 1))
    {
        model_wrong(model, "subscribed at another offset");
    }

    if (ch->subscribers[worker]++ == 0) {
        ch->heard[worker] = ch->ephemerals + 1;
        ch->missed[worker] = 0;
    }
}


static void
model_unsubscribe(model_t *model, unsigned n, unsigned worker)
{
    model_channel_t               *ch;
    ngx_websocket_store_cursor_t  *cursor;

    ch = &model->channels[n];

    if (ch->subscribers[worker] == 0) {
        return;
    }

    cursor = &model->cursors[n][worker];

    ngx_websocket_store_unsubscribe(model->store, cursor, model->now);

    ch->used = model->now;

    if ((--ch->subscribers[worker] == 0) != (cursor->entry == 0)) {
        model_wrong(model, "an entry went too early or too late");
    }
}


/* the message that was read, all of it */

static void
model_compare(model_t *model, model_channel_t *ch,
    ngx_websocket_store_message_t *m, uint64_t offset)
{
    uint32_t  size;

    size = ch->sizes[offset % MODEL_OFFSETS];

    model_fill(model->want, size, ch->epoch, offset);

    if (m->offset != offset || m->size != size || m->meta != size / 3
        || m->time != ch->times[offset % MODEL_OFFSETS]
        || m->source != offset * 3 || m->type != model_type(offset)
        || m->priority != (uint8_t) (offset * 7)
        || (m->fraction && m->fraction != (uint8_t) (offset * 11))
        || memcmp(model->buf, model->want, size) != 0)
    {
        model_wrong(model, "another message was read");
    }
}


/* what was not read may go only when its reader hangs */

static void
model_gap(model_t *model, model_channel_t *ch, uint64_t offset, uint64_t next)
{
    if (next <= offset || next > ch->offset + 1
        || (model->roomy && next > ch->hole + 1))
    {
        model_wrong(model, "a gap without need");
    }

    for ( /* void */ ; offset < next; offset++) {
        if (offset > ch->hole
            && ngx_websocket_store_age(model->latest,
                                    ch->times[offset % MODEL_OFFSETS])
            < NGX_WEBSOCKET_STORE_HUNG)
        {
            model_wrong(model, "an unread message went too early");
        }
    }
}


/* ephemeral messages up to number are passed over: all are old, or too many */

static void
model_pass(model_t *model, unsigned n, unsigned worker, uint64_t number)
{
    model_channel_t  *ch;

    ch = &model->channels[n];

    for ( /* void */ ; ch->heard[worker] < number; ch->heard[worker]++) {
        if (ngx_websocket_store_age(model->latest,
                                    ch->ephemeral[ch->heard[worker]
                                                  % MODEL_OFFSETS].time)
            < NGX_WEBSOCKET_STORE_HUNG && model->roomy)
        {
            model_wrong(model, "an ephemeral message is missing");
        }
    }
}


/* none that was appended before the message that is read next is left */

static void
model_pass_until(model_t *model, unsigned n, unsigned worker, uint64_t next)
{
    uint64_t          number;
    model_channel_t  *ch;

    ch = &model->channels[n];

    for (number = ch->heard[worker]; number <= ch->ephemerals; number++) {
        if (ch->ephemeral[number % MODEL_OFFSETS].offset >= next) {
            break;
        }
    }

    model_pass(model, n, worker, number);
}


static void
model_read_ephemeral(model_t *model, unsigned n, unsigned worker,
    ngx_websocket_store_message_t *message, uint64_t next)
{
    uint64_t            number;
    model_channel_t    *ch;
    model_ephemeral_t  *e;

    ch = &model->channels[n];
    number = message->source / 3;
    e = &ch->ephemeral[number % MODEL_OFFSETS];

    if (number < ch->heard[worker] || number > ch->ephemerals) {
        model_wrong(model, "an ephemeral message came again");
        return;
    }

    model_pass(model, n, worker, number);
    ch->heard[worker]++;

    model_fill(model->want, e->size, e->epoch, ~number);

    if (message->offset != e->offset || message->size != e->size
        || e->offset >= next || model->cursors[n][worker].next != next
        || memcmp(model->buf, model->want, e->size) != 0)
    {
        model_wrong(model, "another ephemeral message was read");
    }
}


/* who subscribed before the channel began anew is told, whatever it had read */

static void
model_read_missed(model_t *model, model_channel_t *ch, unsigned worker,
    ngx_websocket_store_cursor_t *cursor)
{
    unsigned                       i;
    ngx_websocket_store_message_t  message;

    for (i = 0; i < 2; i++) {
        if (ngx_websocket_store_read(model->store, cursor, &message,
                                     model->buf, MODEL_BUF)
            != NGX_WEBSOCKET_STORE_GAP)
        {
            model_wrong(model, "who missed something is not told");
        }
    }

    ngx_websocket_store_skip(model->store, cursor);
    ch->missed[worker] = 0;

    if (cursor->epoch != ch->epoch || cursor->next < ch->began
        || cursor->next > ch->offset + 1
        || (model->roomy && cursor->next > ch->began
            && cursor->next > ch->dropped + 1))
    {
        model_wrong(model, "who missed something goes on elsewhere");
    }
}


static void
model_read(model_t *model, unsigned n, unsigned worker, size_t room)
{
    int                            rc;
    uint64_t                       next;
    model_channel_t               *ch;
    ngx_websocket_store_cursor_t  *cursor;
    ngx_websocket_store_message_t  message;

    ch = &model->channels[n];

    if (ch->subscribers[worker] == 0) {
        return;
    }

    cursor = &model->cursors[n][worker];
    next = cursor->epoch == ch->epoch ? cursor->next : ch->began;

    if (ch->missed[worker]) {
        model_read_missed(model, ch, worker, cursor);
        return;
    }

    rc = ngx_websocket_store_read(model->store, cursor, &message, model->buf,
                                  room);

    if (rc == NGX_WEBSOCKET_STORE_OK && message.ephemeral) {
        model_read_ephemeral(model, n, worker, &message, next);
        return;
    }

    if (rc != NGX_WEBSOCKET_STORE_SHORT) {
        model_pass_until(model, n, worker, next);
    }

    switch (rc) {

    case NGX_WEBSOCKET_STORE_OK:
        model_compare(model, ch, &message, next);
        break;

    case NGX_WEBSOCKET_STORE_AGAIN:
        if (!ch->nothing[next % MODEL_OFFSETS] || cursor->next != next + 1) {
            model_wrong(model, "something was passed over");
        }

        break;

    case NGX_WEBSOCKET_STORE_EMPTY:
    case NGX_WEBSOCKET_STORE_ENDED:
        if (next != ch->offset + 1
            || ch->ended != (rc == NGX_WEBSOCKET_STORE_ENDED))
        {
            model_wrong(model, "a message is missing");
        }

        break;

    case NGX_WEBSOCKET_STORE_SHORT:
        if (cursor->next != next || message.size <= room) {
            model_wrong(model, "short without need");
        }

        break;

    case NGX_WEBSOCKET_STORE_GAP:
        if (cursor->next != next
            || ngx_websocket_store_read(model->store, cursor, &message,
                                        model->buf, room)
               != NGX_WEBSOCKET_STORE_GAP)
        {
            model_wrong(model, "a gap is told once only");
        }

        ngx_websocket_store_skip(model->store, cursor);
        model_gap(model, ch, next, cursor->next);
        break;

    default:
        model_wrong(model, "a channel in use cannot be read");
    }
}


/* who subscribed to a deleted channel is told, and leaves at some time */

static void
model_leave(model_t *model, unsigned i)
{
    model_ghost_t                 *ghost;
    ngx_websocket_store_message_t  message;

    ghost = &model->ghosts[i];

    if (ngx_websocket_store_read(model->store, &ghost->cursor, &message,
                                 model->buf, MODEL_BUF)
        != NGX_WEBSOCKET_STORE_DELETED)
    {
        model_wrong(model, "a deleted channel can be read");
    }

    while (ghost->count--) {
        ngx_websocket_store_unsubscribe(model->store, &ghost->cursor,
                                        model->now);
    }

    *ghost = model->ghosts[--model->nghosts];
}


static void
model_delete(model_t *model, unsigned n)
{
    unsigned                      i;
    uint64_t                      position;
    model_ghost_t                *ghost;
    model_channel_t              *ch;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_channel_ref_t   ref;

    ch = &model->channels[n];
    ref = model_look(model, n, 0);

    if (ref == 0) {
        return;
    }

    position = ngx_websocket_store_hints(model->store);

    log_section();
    ngx_websocket_store_delete(model->store, ref, &wake);
    log_section();

    model_woken(model, n, &wake);
    model_hinted(model, position, 1, ref, 0);

    for (i = 0; i < MODEL_WORKERS; i++) {

        if (ch->subscribers[i] == 0) {
            continue;
        }

        if (model->nghosts == MODEL_GHOSTS) {
            model_leave(model, 0);
        }

        ghost = &model->ghosts[model->nghosts++];
        ghost->cursor = model->cursors[n][i];
        ghost->worker = i;
        ghost->count = ch->subscribers[i];
    }

    memset(ch, 0, sizeof(model_channel_t));

    if (model_find(model, n)) {
        model_wrong(model, "a deleted channel is found");
    }
}


/* a visitor reads from anywhere: the history, no more and no less */

static void
model_visit(model_t *model, unsigned n, uint64_t offset)
{
    int                            rc;
    model_channel_t               *ch;
    ngx_websocket_store_info_t     info;
    ngx_websocket_store_cursor_t   cursor;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_store_message_t  message;

    ch = &model->channels[n];
    ref = model_look(model, n, 0);

    if (ref == 0) {
        return;
    }

    ngx_websocket_store_info(model->store, ref, &info);

    rc = ngx_websocket_store_seek(model->store, ref, offset, &cursor);

    if ((rc == NGX_WEBSOCKET_STORE_GAP)
        != (offset < info.first || offset > info.offset + 1))
    {
        model_wrong(model, "a position was judged wrongly");
    }

    if (rc == NGX_WEBSOCKET_STORE_GAP) {
        offset = info.first;
    }

    for ( ;; ) {
        rc = ngx_websocket_store_read(model->store, &cursor, &message,
                                      model->buf, MODEL_BUF);

        if (rc != NGX_WEBSOCKET_STORE_OK && rc != NGX_WEBSOCKET_STORE_AGAIN) {
            break;
        }

        log_section();

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            model_compare(model, ch, &message, offset);

        } else if (!ch->nothing[offset % MODEL_OFFSETS]) {
            model_wrong(model, "a visitor passed over something");
        }

        offset++;
    }

    if (rc != (ch->ended ? NGX_WEBSOCKET_STORE_ENDED
                         : NGX_WEBSOCKET_STORE_EMPTY)
        || offset != info.offset + 1)
    {
        model_wrong(model, "the history ends too early");
    }
}


static void
model_sweep(model_t *model, uint64_t n)
{
    unsigned  i;

    ngx_websocket_store_sweep(model->store, n, model->now, MODEL_IDLE, NULL);
    log_section();

    for (i = 0; i < MODEL_CHANNELS; i++) {
        model_drop(model, &model->channels[i]);
        (void) model_look(model, i, 1);
    }
}


/* a worker dies, and another takes its slot */

static void
model_die(model_t *model, unsigned worker)
{
    unsigned  i;

    ngx_websocket_store_attach(model->store, worker, ++model->incarnation);

    for (i = 0; i < MODEL_CHANNELS; i++) {
        model->channels[i].subscribers[worker] = 0;
    }

    for (i = 0; i < model->nmembers; i++) {
        if (model->members[i].worker == worker) {
            model->members[i].orphan = 1;
        }
    }

    for (i = 0; i < model->nghosts; /* void */ ) {

        if (model->ghosts[i].worker == worker) {
            model->ghosts[i] = model->ghosts[--model->nghosts];

        } else {
            i++;
        }
    }
}


static void
model_clock(model_t *model, int64_t step)
{
    model->now = (uint64_t) ((int64_t) model->now + step);

    if (model->now > model->latest) {
        model->latest = model->now;
    }

    if (step < 0) {
        model->set_back = 1;
    }
}


/* one command: four bytes */

__attribute__((unused))
static void
model_command(model_t *model, const uint8_t c[4])
{
    unsigned                       n, worker;
    size_t                         size;
    ngx_websocket_store_history_t  history;

    n = c[1] % MODEL_CHANNELS;
    worker = c[2] % MODEL_WORKERS;
    size = c[3] < 200 ? c[3] : (size_t) (c[3] - 199) * 150;

    switch (c[0] % 25) {

    case 0:
        history.length = c[2] % 20;
        history.time = c[2] & 0x80 ? 5 : 0;
        history.max = c[2] & 0x40 ? c[3] % 32 : 0;
        model_append(model, n, size, &history);
        break;

    case 1: case 2: case 3:
        model_append(model, n, size, NULL);
        break;

    case 4:
        model_append_by(model, n, size, worker, NULL);
        break;

    case 5: case 6:
        model_subscribe(model, n, worker);
        break;

    case 7:
        model_unsubscribe(model, n, worker);
        break;

    case 8: case 9: case 10: case 11:
        model_read(model, n, worker, c[3] & 1 ? MODEL_BUF : c[3]);
        break;

    case 12:
        model_visit(model, n, model->channels[n].offset + 2 - c[3] % 24);
        break;

    case 13:
        model_clock(model, c[3] * 10);
        model_sweep(model, c[2]);
        break;

    case 14:
        if (c[3] < 64) {
            model_delete(model, n);

        } else if (c[3] < 160 && model->nghosts) {
            model_leave(model, c[2] % model->nghosts);
        }

        break;

    case 15:
        model_repeat(model, n, c[3]);
        break;

    case 20:
        model_append_as(model, n, size, MODEL_WORKERS, NULL, 1);
        break;

    case 21:
        model_append_as(model, n, size, c[2] & 1 ? worker : MODEL_WORKERS,
                        NULL, 1);
        break;

    case 22:
        model_place(model, n, size,
                    c[2] & 0x30 ? 0 : (int) (c[2] % 16) - 8, c[2] & 0x40,
                    c[3] & 2, c[3] & 4 ? worker : MODEL_WORKERS);
        break;

    case 24:
        model_reset(model, n, (int) (c[3] % 16) - 8, c[2] % 3);
        break;

    case 16: case 17:
        model_join(model, n, worker, c[3] & 1 ? c[3] & 7 : 0);
        break;

    case 18:
        if (model->nmembers && c[3] < 200) {
            if (!model->members[c[2] % model->nmembers].orphan) {
                model_part(model, c[2] % model->nmembers,
                           c[3] & 1 ? c[3] & 5 : 0);
            }

        } else {
            model_bury(model);
        }

        break;

    default:
        if (c[3] < 64) {
            model_die(model, worker);

        } else if (c[3] < 72) {
            model_clock(model, -1500);      /* somebody set it back */
        }
    }

    for (n = 0; n < MODEL_CHANNELS; n++) {
        (void) model_look(model, n, 0);
    }

    model_list(model, c[1] % MODEL_CHANNELS);

    if (log_most.looked > NGX_WEBSOCKET_STORE_SECTION
        || log_most.moved > LOG_MEGABYTE)
    {
        model_wrong(model, "the lock was held for too much");
    }

    if (model->wrong == NULL) {
        model->wrong = ngx_websocket_store_check(model->store);
    }
}


#endif /* NGX_WEBSOCKET_STORE_MODEL_H */
