
/*
 * The store, used by three processes in every order of their steps, with the
 * death of a process at every store of a step.
 *
 * A step is what a worker does while it holds the zone's lock, hence steps
 * do not overlap; what needs no lock, a reader's look at the hints, may come
 * between any two of its loads and a writer's stores: this is tried apart.
 * A death is tried within fault(), on a copy of the store as it stands there:
 * the next process recovers, and all goes on without the dead one.  Deaths
 * within a recovery are store_kill_test.c's.
 *
 * A model knows what has to be seen.  Each call to the store takes it from one
 * state to the next; who dies within the call leaves either, and nothing
 * else.  States that were seen are not explored again.
 */


#include <inttypes.h>

#include "unit.h"


static void fault(void);
static uint64_t hook_load(const uint64_t *word, int order);
static void hook_store(uint64_t *word, uint64_t value, int order);


#define ngx_websocket_store_fault()      fault()
#define __atomic_load_n(p, order)      hook_load(p, order)
#define __atomic_store_n(p, v, order)  hook_store(p, v, order)


#include "store/store.c"
#include "store/channel.c"
#include "store/interest.c"
#include "store/member.c"
#include "store/ephemeral.c"
#include "store/message.c"
#include "store/numbered.c"
#include "store_check.c"


#define NOW       1000000
#define ACTORS    3
#define CHANNELS  2             /* and one that fills the region */
#define CROWD     8             /* slots of idle subscribers */
#define MESSAGES  14            /* of a channel, in a run */
#define HINTS     4             /* size of the ring */
#define SIZE      200           /* of a message: two blocks */
#define DEPTH     64
#define SEEN      (1u << 22)

#define EPHEMERAL  6            /* of a channel, in a run */

#define KEYED     0x80          /* a message's number says so */
#define CROWDED   1             /* others subscribe, and never read */
#define SCARCE    2             /* there is hardly any space */


/*
 * Steps: a, b append to the channel 0, 1; k append to 0 with a key; f append
 * an ephemeral message to 0; s, u
 * subscribe, unsubscribe; r, o read all, one; h look at hints, read if told
 * to; v read one as a visitor; j, J join with a message, without; l leave;
 * p, q reserve and fill a message for 0, append it; d, e delete the channel 0,
 * 1; w sweep; x reap the dead.
 */

typedef struct {
    const char  *name;
    const char  *scripts[ACTORS];
    unsigned     history;       /* of channel 0; channel 1 has none */
    unsigned     deaths;
    unsigned     flags;
} scenario_t;


typedef struct {
    uint64_t                     epoch;     /* 0: not known yet */
    uint32_t                     exists;
    uint32_t                     crowd;
    uint32_t                     n;
    uint8_t                      ids[MESSAGES];
    uint8_t                      nephemeral;
    uint8_t                      after[EPHEMERAL];  /* so many messages */
    uint8_t                      ephemeral[EPHEMERAL];
} model_channel_t;


typedef struct {
    uint64_t                     epoch;     /* of the channel; 0: none */
    uint64_t                     read;
    uint64_t                     heard;     /* ephemeral messages */
} model_sub_t;


typedef struct {
    uint64_t                     epoch;     /* of channel 0 it is on */
    uint64_t                     actor;
    uint32_t                     orphan;
    uint32_t                     leave_message;
} model_member_t;


typedef struct {
    uint64_t                     epoch;     /* the newest */
    model_channel_t              channels[CHANNELS];
    model_sub_t                  subs[ACTORS];
    uint64_t                     nmembers;
    model_member_t               members[ACTORS];
} model_t;


/* what a process has in its own memory */

typedef struct {
    uint64_t                      dead;
    uint64_t                      done;      /* steps */
    uint64_t                      reaped;
    uint64_t                      dirty;
    uint64_t                      hints;
    uint64_t                      repairs;
    uint64_t                      member;
    uint64_t                      filled;    /* the message's number */
    ngx_websocket_store_large_t   large;
    ngx_websocket_store_cursor_t  cursor;
    ngx_websocket_store_cursor_t  visitor;
} actor_t;


typedef struct {
    model_t                      before;    /* the call that goes on */
    model_t                      model;     /* and after it */
    uint64_t                     deaths;
    actor_t                      actors[ACTORS];
} state_t;


typedef struct {
    ngx_websocket_store_t       *store;
    state_t                      s;
} world_t;


static const scenario_t  *scenario;
static unsigned           more_deaths;
static size_t             l_size;

static world_t            worlds[DEPTH];
static unsigned           depth;
static world_t           *w;            /* of this depth */
static actor_t           *self;         /* who may die; NULL: nobody */

static uint64_t          *seen;
static unsigned           nseen;
static unsigned           nends;
static unsigned           ndeaths;

static const char        *wrong;
static char               trail[DEPTH * 16];

static const char        *names[] = {
    "a",
    "a/name/that/is/long/enough/to/need/a/block/of/its/own/as/it/does/not/fit",
    "full"
};


static void
fail(const char *what)
{
    if (wrong == NULL) {
        wrong = what;
    }
}


/* hashes of states */

static uint64_t
mix(uint64_t h, const void *p, size_t size)
{
    size_t    i;
    uint64_t  v;

    for (i = 0; i < size; i += sizeof(v)) {
        v = 0;
        memcpy(&v, (const uint8_t *) p + i,
               size - i < sizeof(v) ? size - i : sizeof(v));

        h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }

    return h;
}


/* of free blocks nothing matters but their order, once the store is whole */

static uint64_t
hash_blocks(ngx_websocket_store_t *store, uint64_t h)
{
    uint8_t                 is_free[512];
    ngx_websocket_ref_t     ref;
    ngx_websocket_block_t  *block;

    memset(is_free, 0, sizeof(is_free));

    for (ref = store->nundo ? 0 : store->free; ref; ref = block->next) {
        is_free[ref] = 1;
        block = ngx_websocket_store_block(store, ref);
        h = mix(h, &ref, sizeof(ref));
    }

    for (ref = 1; ref < store->fresh; ref++) {
        if (!is_free[ref]) {
            h = mix(h, ngx_websocket_store_block(store, ref),
                    NGX_WEBSOCKET_STORE_BLOCK);
        }
    }

    return h;
}


static uint64_t
hash(world_t *world)
{
    uint64_t                h;
    ngx_websocket_store_t  *store;

    store = world->store;

    h = self ? (uint64_t) (self - w->s.actors) + 1 : 0;
    h = mix(h, &world->s, sizeof(state_t));
    h = mix(h, &store->free, offsetof(ngx_websocket_store_t, workers)
                           - offsetof(ngx_websocket_store_t, free));
    h = mix(h, store->workers, 16 * sizeof(store->workers[0]));
    h = mix(h, store->members, 16 * sizeof(store->members[0]));
    h = mix(h, store->reserves, 16 * sizeof(store->reserves[0]));
    h = mix(h, &store->orphans, sizeof(store->orphans));
    h = mix(h, &store->now, offsetof(ngx_websocket_store_t, undo)
                          - offsetof(ngx_websocket_store_t, now));
    h = mix(h, store->undo, store->nundo * sizeof(store->undo[0]));
    h = mix(h, ngx_websocket_store_at(store, store->hints_at), HINTS * 8);
    h = mix(h, ngx_websocket_store_at(store, store->buckets_at),
            store->kinds_at - store->buckets_at + store->fresh);

    return hash_blocks(store, h);
}


/* whether it is the first time */

static int
is_new(uint64_t h)
{
    uint64_t  i;

    h += h == 0;

    for (i = h % SEEN; seen[i]; i = (i + 1) % SEEN) {
        if (seen[i] == h) {
            return 0;
        }
    }

    if (++nseen > SEEN / 4 * 3) {
        fprintf(stderr, "there are too many states\n");
        abort();
    }

    seen[i] = h;

    return 1;
}


/* a copy of this world, to go on from: w is the copy */

static void
enter(void)
{
    world_t  *from;

    from = w;

    if (++depth == DEPTH) {
        fprintf(stderr, "a run is too long\n");
        abort();
    }

    w = &worlds[depth];

    if (w->store == NULL) {
        w->store = aligned_alloc(64, l_size);
        memset((void *) w->store, 0, l_size);
    }

    memcpy(&w->s, &from->s, sizeof(state_t));
    memcpy((void *) w->store, from->store,
           from->store->blocks_at
           + (uint64_t) from->store->fresh * NGX_WEBSOCKET_STORE_BLOCK);
}


static void
leave(void)
{
    w = &worlds[--depth];
}


static ngx_websocket_channel_ref_t
find(ngx_websocket_store_t *store, unsigned n)
{
    return ngx_websocket_store_find(store, (const uint8_t *) names[n],
                    strlen(names[n]),
                    ngx_websocket_store_hash(store, (const uint8_t *) names[n],
                                             strlen(names[n])));
}


static void
the_key(ngx_websocket_store_t *store, unsigned id, uint64_t key[2])
{
    key[0] = 0;
    key[1] = 0;

    if (id & KEYED) {
        ngx_websocket_store_key(store, (const uint8_t *) "key", 3, key);
    }
}


/* what must be seen: the store compared with a model */

static void
compare_messages(ngx_websocket_store_t *store, ngx_websocket_channel_t *ch,
    model_channel_t *m)
{
    uint8_t                      buf[SIZE], want[SIZE];
    uint64_t                     offset;
    ngx_websocket_ref_t          ref;
    ngx_websocket_message_t     *message;
    ngx_websocket_store_place_t  place;

    offset = ch->offset - ch->held.of.count;

    for (ref = ch->first; ref; ref = message->after) {

        message = ngx_websocket_store_block(store, ref);

        if (message->offset != ++offset || message->size != SIZE) {
            fail("a message is out of order");
            return;
        }

        memset(want, m->ids[offset - 1], SIZE);
        ngx_websocket_store_begin(store, ref, &place);
        ngx_websocket_store_copy(&place, buf, NULL, SIZE);

        if (memcmp(buf, want, SIZE) != 0) {
            fail("there is another message");
        }
    }
}


/* there are the last ones, and no subscriber has yet to read others */

static void
compare_ephemeral(ngx_websocket_store_t *store, ngx_websocket_channel_t *ch,
    model_t *m, model_channel_t *channel)
{
    uint8_t                      buf[SIZE], want[SIZE];
    uint64_t                     i, n;
    ngx_websocket_ref_t          ref;
    ngx_websocket_message_t     *message;
    ngx_websocket_store_place_t  place;

    n = channel->nephemeral - ngx_websocket_store_ephemerals(store, ch);

    for (i = 0; i < ACTORS; i++) {
        if (m->subs[i].epoch == channel->epoch && m->subs[i].heard < n) {
            fail("an ephemeral message went unread");
        }
    }

    for (ref = ch->ephemeral.first; ref; ref = message->after) {

        message = ngx_websocket_store_block(store, ref);

        memset(want, channel->ephemeral[n], SIZE);
        ngx_websocket_store_begin(store, ref, &place);
        ngx_websocket_store_copy(&place, buf, NULL, SIZE);

        if (message->offset != channel->after[n]
            || memcmp(buf, want, SIZE) != 0)
        {
            fail("there is another ephemeral message");
        }

        n++;
    }

    if (ch->ephemerals != channel->nephemeral) {
        fail("there are other ephemeral messages");
    }
}


/* who is subscribed has yet to read some, and these must be there */

static uint32_t
compare_subscribers(ngx_websocket_store_t *store, ngx_websocket_channel_t *ch,
    model_t *m, model_channel_t *channel)
{
    uint32_t                i, n;
    ngx_websocket_entry_t  *entry;

    for (n = 0, i = 0; i < ACTORS; i++) {

        entry = ngx_websocket_store_own_entry(store, ch, i);

        if (entry && !ngx_websocket_store_live(store, entry)) {
            entry = NULL;                               /* members only */
        }

        if ((entry != NULL) != (m->subs[i].epoch == channel->epoch)) {
            fail("a subscriber is missing, or too many");
            continue;
        }

        if (entry && entry->read != m->subs[i].read) {
            fail("a subscriber has read another number of messages");
        }

        if (entry && ch->held.of.count < channel->n - m->subs[i].read) {
            fail("a message went unread");
        }

        n += entry != NULL;
    }

    return n;
}


static uint32_t
compare_members(ngx_websocket_store_t *store, ngx_websocket_channel_ref_t ref,
    model_t *m, uint64_t epoch)
{
    uint32_t                      i, j, n, total;
    uint64_t                      id;
    ngx_websocket_member_ref_t    at;
    ngx_websocket_store_member_t  members[ACTORS + 1];

    at = 0;
    n = ACTORS + 1;
    ngx_websocket_store_members(store, ref, &at, &id, members, &n);

    for (total = 0, j = 0, i = 0; i < m->nmembers; i++) {

        if (m->members[i].epoch != epoch) {
            continue;
        }

        total += !m->members[i].orphan;

        if (!m->members[i].orphan
            && (j == n || members[j].id != m->members[i].actor + 1
                || members[j++].data[0] != m->members[i].actor))
        {
            fail("a member is missing");
        }
    }

    if (j != n) {
        fail("there are too many members");
    }

    return total;
}


/* a message is known by its key as long as it is there */

static void
compare_key(ngx_websocket_store_t *store, ngx_websocket_channel_ref_t ref,
    ngx_websocket_channel_t *ch, model_channel_t *m)
{
    uint64_t                  i, offset, key[2];
    ngx_websocket_message_t  *message;

    for (offset = 0, i = ch->offset - ch->held.of.count; i < m->n; i++) {
        if (m->ids[i] & KEYED) {
            offset = offset ? UINT64_MAX : i + 1;
        }
    }

    the_key(store, KEYED, key);
    message = ngx_websocket_store_same(store, ref, key);

    if (offset != (message ? message->offset : 0)) {
        fail("a key is of another message");
    }
}


static void
compare_channel(ngx_websocket_store_t *store, model_t *m, unsigned n)
{
    uint32_t                      kept;
    model_channel_t              *channel;
    ngx_websocket_channel_t      *ch;
    ngx_websocket_store_info_t    info;
    ngx_websocket_channel_ref_t   ref;

    channel = &m->channels[n];
    ref = find(store, n);

    if ((ref != 0) != channel->exists) {
        fail("a channel is there that should not be, or not there");
    }

    if (ref == 0 || wrong) {
        return;
    }

    ch = ngx_websocket_store_block(store, ref);
    ngx_websocket_store_info(store, ref, &info);

    if (channel->epoch == 0 && info.epoch > m->epoch) {
        m->epoch = info.epoch;
        channel->epoch = info.epoch;
    }

    kept = n ? 0 : scenario->history;
    kept = kept < channel->n ? kept : channel->n;

    if (info.epoch != channel->epoch || info.offset != channel->n
        || info.length > kept
        || (info.length < kept && !(scenario->flags & SCARCE)))
    {
        fail("a channel has another epoch, offset or history");
        return;
    }

    compare_messages(store, ch, channel);
    compare_ephemeral(store, ch, m, channel);
    compare_key(store, ref, ch, channel);

    if (info.members != compare_members(store, ref, m, channel->epoch)
        || info.subscribers != compare_subscribers(store, ch, m, channel)
                               + channel->crowd)
    {
        fail("a channel counts other members or subscribers");
    }
}


/* members of deleted channels too */

static void
compare_workers(ngx_websocket_store_t *store, model_t *m)
{
    unsigned                 i, n;
    ngx_websocket_ref_t      ref;
    ngx_websocket_member_t  *member;

    n = 0;

    for (i = 0; i < ACTORS; i++) {
        n += store->members[i].first != 0;
    }

    for (ref = store->orphans.first; ref; ref = member->worker_after) {
        member = ngx_websocket_store_block(store, ref);
        n++;
    }

    for (i = 0; i < m->nmembers; i++) {
        if (!m->members[i].orphan
            && store->members[m->members[i].actor].first == 0)
        {
            fail("a worker's member is missing");
        }
    }

    if (n != m->nmembers) {
        fail("there are other members");
    }
}


static const char *
compare(world_t *world, model_t *m)
{
    unsigned     i;
    const char  *old, *rc;

    old = wrong;
    wrong = ngx_websocket_store_check(world->store);

    for (i = 0; i < CHANNELS && wrong == NULL; i++) {
        compare_channel(world->store, m, i);
    }

    compare_workers(world->store, m);

    rc = wrong;
    wrong = old;

    return rc;
}


/* a call has returned, and what it did is there */

static void
returned(void)
{
    actor_t     *old;
    const char  *is;

    old = self;
    self = NULL;

    is = compare(w, &w->s.model);

    if (is) {
        fail(is);
    }

    memcpy(&w->s.before, &w->s.model, sizeof(model_t));

    self = old;
}


/* the steps */

static ngx_websocket_channel_ref_t
open_channel(unsigned n)
{
    model_channel_t               *channel;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_store_history_t  history = { n ? 0 : scenario->history, 0,
    0 };

    channel = &w->s.model.channels[n];

    if (!channel->exists) {
        memset(channel, 0, sizeof(model_channel_t));
        channel->exists = 1;
    }

    if (ngx_websocket_store_open_channel(w->store, (const uint8_t *) names[n],
                    strlen(names[n]),
                    ngx_websocket_store_hash(w->store,
                                             (const uint8_t *) names[n],
                                             strlen(names[n])),
                    NOW, &history, &ref) != NGX_WEBSOCKET_STORE_OK)
    {
        fail("no space for a channel");
    }

    returned();

    return ref;
}


/* a message says who it is in each of its bytes */

static void
make_message(unsigned id, ngx_websocket_store_message_t *message,
    ngx_websocket_store_part_t *part, uint8_t buf[SIZE])
{
    memset(buf, (int) id, SIZE);
    memset(message, 0, sizeof(ngx_websocket_store_message_t));

    message->time = NOW;
    the_key(w->store, id, message->key);

    part->data = buf;
    part->size = SIZE;
}


static void
model_append(model_channel_t *channel, unsigned id)
{
    if (channel->n == MESSAGES) {
        fprintf(stderr, "a run has too many messages\n");
        abort();
    }

    channel->ids[channel->n++] = (uint8_t) id;
}


static void
append(unsigned n, unsigned id)
{
    int                            rc, want;
    uint8_t                        buf[SIZE];
    model_channel_t               *channel;
    ngx_websocket_message_t       *same;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    ref;

    ref = open_channel(n);
    channel = &w->s.model.channels[n];

    if (wrong) {
        return;
    }

    make_message(id, &message, &part, buf);

    /* compare() has seen to it that this is right */

    same = ngx_websocket_store_same(w->store, ref, message.key);
    want = same ? NGX_WEBSOCKET_STORE_DUPLICATE : NGX_WEBSOCKET_STORE_OK;

    if (!same) {
        model_append(channel, id);
    }

    append = store_appended(ref, &message, &part, 1);
    rc = ngx_websocket_store_append(w->store, &append);

    if (rc == NGX_WEBSOCKET_STORE_NOSPACE && scenario->flags & SCARCE) {
        memcpy(&w->s.model, &w->s.before, sizeof(model_t));

    } else if (rc != want
               || message.offset != (same ? same->offset : channel->n))
    {
        fail("an append went wrong");
    }

    returned();
}


static void
append_ephemeral(unsigned id)
{
    unsigned                       i, live;
    uint8_t                        buf[SIZE];
    model_channel_t               *channel;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    ref;

    ref = open_channel(0);
    channel = &w->s.model.channels[0];

    if (wrong) {
        return;
    }

    make_message(id, &message, &part, buf);
    message.ephemeral = 1;

    for (live = channel->crowd, i = 0; i < ACTORS; i++) {
        live += w->s.model.subs[i].epoch == channel->epoch;
    }

    if (live) {
        channel->after[channel->nephemeral] = (uint8_t) channel->n;
        channel->ephemeral[channel->nephemeral++] = (uint8_t) id;
    }

    append = store_appended(ref, &message, &part, 1);

    if (ngx_websocket_store_append(w->store, &append)
        != NGX_WEBSOCKET_STORE_OK || message.offset != channel->n)
    {
        fail("an ephemeral append went wrong");
    }

    returned();
}


static void
reserve(unsigned actor, unsigned id)
{
    uint8_t                        buf[SIZE];
    actor_t                       *who;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    ref;

    who = &w->s.actors[actor];
    ref = open_channel(0);

    make_message(id, &message, &part, buf);

    memset(&who->large, 0, sizeof(who->large));
    who->filled = id;

    append = store_appended(ref, &message, &part, 1);
    append.large = &who->large;
    append.slot = actor;

    if (ngx_websocket_store_reserve(w->store, &append)
        != NGX_WEBSOCKET_STORE_OK)
    {
        fail("no space for a reserve");
    }

    store_fill(w->store, &append);
    returned();
}


static void
append_filled(unsigned actor)
{
    uint8_t                        buf[SIZE];
    actor_t                       *who;
    model_channel_t               *channel;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    ref;

    who = &w->s.actors[actor];
    ref = open_channel(0);
    channel = &w->s.model.channels[0];

    make_message((unsigned) who->filled, &message, &part, buf);
    model_append(channel, (unsigned) who->filled);

    append = store_appended(ref, &message, &part, 1);
    append.large = &who->large;
    append.slot = actor;

    if (ngx_websocket_store_append(w->store, &append)
        != NGX_WEBSOCKET_STORE_OK || message.offset != channel->n)
    {
        fail("an append in steps went wrong");
    }

    returned();
}


static void
subscribe(unsigned actor)
{
    uint64_t                      offset;
    model_sub_t                  *sub;
    ngx_websocket_channel_ref_t   ref;

    sub = &w->s.model.subs[actor];

    if (sub->epoch) {
        return;
    }

    ref = open_channel(0);

    sub->epoch = w->s.model.channels[0].epoch;
    sub->read = w->s.model.channels[0].n;
    sub->heard = w->s.model.channels[0].nephemeral;

    if (ngx_websocket_store_subscribe(w->store, ref, actor, NOW,
                                      &w->s.actors[actor].cursor, &offset)
        != NGX_WEBSOCKET_STORE_OK || offset != sub->read)
    {
        fail("a subscription went wrong");
    }

    returned();
}


static void
unsubscribe(unsigned actor)
{
    if (w->s.model.subs[actor].epoch == 0) {
        return;
    }

    memset(&w->s.model.subs[actor], 0, sizeof(model_sub_t));

    ngx_websocket_store_unsubscribe(w->store, &w->s.actors[actor].cursor, NOW);
    returned();
}


/* what a cursor at that place must be given */

static int
expect_read(uint64_t epoch, uint64_t *next, int visitor)
{
    uint64_t          shown;
    model_channel_t  *channel;

    channel = &w->s.model.channels[0];

    if (!channel->exists || channel->epoch != epoch) {
        return NGX_WEBSOCKET_STORE_DELETED;
    }

    if (*next > channel->n) {
        return NGX_WEBSOCKET_STORE_EMPTY;
    }

    shown = channel->n > scenario->history ? channel->n - scenario->history
                                           : 0;

    if (visitor && *next <= shown) {
        return NGX_WEBSOCKET_STORE_GAP;
    }

    (*next)++;

    return NGX_WEBSOCKET_STORE_OK;
}


/* whether an ephemeral message comes before that place */

static int
expect_ephemeral(uint64_t epoch, uint64_t next, model_sub_t *sub)
{
    model_channel_t  *channel;

    channel = &w->s.model.channels[0];

    return channel->exists && channel->epoch == epoch
           && sub->heard < channel->nephemeral
           && channel->after[sub->heard] < next;
}


static int
read_ephemeral(ngx_websocket_store_cursor_t *cursor, model_sub_t *sub)
{
    int                            rc;
    uint8_t                        buf[SIZE], bytes[SIZE];
    uint64_t                       next;
    ngx_websocket_store_message_t  message;

    next = cursor->next;

    memset(bytes, w->s.model.channels[0].ephemeral[sub->heard], SIZE);
    sub->heard++;

    rc = ngx_websocket_store_read(w->store, cursor, &message, buf, SIZE);

    if (rc != NGX_WEBSOCKET_STORE_OK || !message.ephemeral
        || cursor->next != next || memcmp(buf, bytes, SIZE) != 0)
    {
        fail("another ephemeral message was read");
    }

    returned();

    return rc;
}


static int
read_one(ngx_websocket_store_cursor_t *cursor, model_sub_t *sub)
{
    int                            rc, want;
    uint8_t                        buf[SIZE], bytes[SIZE];
    uint64_t                       next;
    ngx_websocket_store_message_t  message;

    next = cursor->next;

    if (sub && expect_ephemeral(cursor->epoch, next, sub)) {
        return read_ephemeral(cursor, sub);
    }
    want = expect_read(cursor->epoch, &next, sub == NULL);

    if (sub && want == NGX_WEBSOCKET_STORE_OK) {
        sub->read = next - 1;
    }

    rc = ngx_websocket_store_read(w->store, cursor, &message, buf, SIZE);

    if (rc != want || cursor->next != next) {
        fail("another thing was read than was to be");

    } else if (rc == NGX_WEBSOCKET_STORE_GAP) {
        ngx_websocket_store_skip(w->store, cursor);

        next = cursor->next;

        if (expect_read(cursor->epoch, &next, 1) == NGX_WEBSOCKET_STORE_GAP)
        {
            fail("a gap was not skipped");
        }

    } else if (rc == NGX_WEBSOCKET_STORE_OK) {

        memset(bytes, w->s.model.channels[0].ids[next - 2], SIZE);

        if (message.offset != next - 1 || memcmp(buf, bytes, SIZE) != 0) {
            fail("another message was read");
        }
    }

    returned();

    return rc;
}


/* as a worker does: who subscribes to a deleted channel leaves it */

static void
read_some(unsigned actor, unsigned n)
{
    int  rc;

    rc = NGX_WEBSOCKET_STORE_OK;

    while (w->s.model.subs[actor].epoch && rc == NGX_WEBSOCKET_STORE_OK && n--
           && wrong == NULL)
    {
        rc = read_one(&w->s.actors[actor].cursor, &w->s.model.subs[actor]);

        if (rc == NGX_WEBSOCKET_STORE_DELETED) {
            unsubscribe(actor);
        }
    }
}


static void
visit(actor_t *actor)
{
    ngx_websocket_channel_ref_t  ref;

    if (actor->visitor.epoch == 0) {

        ref = find(w->store, 0);

        if (ref == 0) {
            return;
        }

        (void) ngx_websocket_store_seek(w->store, ref, 0, &actor->visitor);
    }

    (void) read_one(&actor->visitor, NULL);
}


/* as ngx_http_websocket_hub_look(): whether there is something to be read */

static int
look(ngx_websocket_store_t *store, actor_t *actor)
{
    int                          rc, dirty;
    uint32_t                     offset;
    uint64_t                     repairs;
    ngx_websocket_channel_ref_t  ref;

    repairs = ngx_websocket_store_repairs(store);

    dirty = repairs != actor->repairs;
    actor->repairs = repairs;

    for ( ;; ) {

        rc = ngx_websocket_store_hint(store, &actor->hints, &ref, &offset);

        if (rc == NGX_WEBSOCKET_STORE_EMPTY) {
            return dirty;
        }

        dirty |= rc == NGX_WEBSOCKET_STORE_GAP
                 || (ref == actor->cursor.channel
                     && (offset == 0
                         || (int32_t) (offset - (uint32_t) actor->cursor.next)
                            >= 0));
    }
}


static void
look_and_read(unsigned actor)
{
    uint64_t      next;
    model_sub_t  *sub;

    sub = &w->s.model.subs[actor];

    w->s.actors[actor].dirty |= (uint64_t) look(w->store, &w->s.actors[actor]);

    if (w->s.actors[actor].dirty) {
        w->s.actors[actor].dirty = 0;
        read_some(actor, MESSAGES + 1);
        return;
    }

    next = sub->read + 1;

    if (sub->epoch
        && expect_read(sub->epoch, &next, 0) != NGX_WEBSOCKET_STORE_EMPTY)
    {
        fail("a reader was not told");
    }
}


static void
join(unsigned actor, unsigned id)
{
    unsigned                       i;
    uint8_t                        buf[SIZE];
    model_t                       *m;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_member_t   member;
    ngx_websocket_store_message_t  message;
    ngx_websocket_member_ref_t     ref;
    ngx_websocket_channel_ref_t    channel;

    channel = open_channel(0);
    m = &w->s.model;

    i = (unsigned) m->nmembers++;
    m->members[i].epoch = m->channels[0].epoch;
    m->members[i].actor = actor;
    m->members[i].leave_message = id != 0;

    if (id) {
        make_message(id, &message, &part, buf);
        model_append(&m->channels[0], id);
    }

    memset(&member, 0, sizeof(member));
    member.id = actor + 1;
    member.size = 1;
    member.leave_message = id != 0;
    member.data[0] = (uint8_t) actor;

    append = store_appended(channel, &message, &part, 1);

    if (ngx_websocket_store_join(w->store, channel, actor, &member,
                                 id ? &append : NULL, &ref)
        != NGX_WEBSOCKET_STORE_OK)
    {
        fail("no space for a member");
    }

    w->s.actors[actor].member = ref;
    returned();
}


/* who joined with a message leaves with one */

static void
part(unsigned actor, ngx_websocket_member_ref_t ref, unsigned id)
{
    unsigned                       i;
    uint8_t                        buf[SIZE];
    model_t                       *m;
    model_member_t                 gone;
    ngx_websocket_store_name_t     name;
    ngx_websocket_store_part_t     bytes;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;

    m = &w->s.model;

    for (i = 0; i < m->nmembers && m->members[i].actor != actor; i++) {
        /* void */
    }

    if (i == m->nmembers) {
        return;
    }

    gone = m->members[i];
    m->nmembers--;
    memmove(&m->members[i], &m->members[i + 1],
            (m->nmembers - i) * sizeof(model_member_t));
    memset(&m->members[m->nmembers], 0, sizeof(model_member_t));

    if (gone.leave_message && m->channels[0].epoch == gone.epoch) {
        model_append(&m->channels[0], id);
    }

    make_message(id, &message, &bytes, buf);

    append = store_appended(ngx_websocket_store_member_channel(w->store, ref,
                                                               &name),
                            &message, &bytes, 1);

    ngx_websocket_store_leave(w->store, ref, NOW,
                              gone.leave_message ? &append : NULL);
    returned();
}


static void
delete(unsigned n)
{
    ngx_websocket_store_wake_t   wake;
    ngx_websocket_channel_ref_t  ref;

    ref = find(w->store, n);

    if (ref == 0) {
        return;
    }

    memset(&w->s.model.channels[n], 0, sizeof(model_channel_t));

    ngx_websocket_store_delete(w->store, ref, &wake);
    returned();
}


static void
reap_one(unsigned dead, uint32_t incarnation)
{
    unsigned                      i;
    model_t                      *m;
    ngx_websocket_member_ref_t    ref;
    ngx_websocket_store_member_t  member;

    m = &w->s.model;

    memset(&m->subs[dead], 0, sizeof(model_sub_t));

    for (i = 0; i < m->nmembers; i++) {
        m->members[i].orphan |= m->members[i].actor == dead;
    }

    ngx_websocket_store_attach(w->store, dead, incarnation);
    returned();

    while ((ref = ngx_websocket_store_orphan(w->store, &member)) && !wrong) {
        part((unsigned) member.id - 1, ref, 0x70 + (unsigned) member.id);
    }

    if (ngx_websocket_store_orphan(w->store, &member)) {
        fail("an orphan stays");
    }

    w->s.actors[dead].reaped = 1;
}


static void
reap(uint32_t incarnation)
{
    unsigned  i;

    for (i = 0; i < ACTORS && wrong == NULL; i++) {
        if (w->s.actors[i].dead && !w->s.actors[i].reaped) {
            reap_one(i, incarnation);
        }
    }
}


static void
step(unsigned actor, char what, unsigned id)
{
    switch (what) {
    case 'a': append(0, id); break;
    case 'f': append_ephemeral(id); break;
    case 'b': append(1, id); break;
    case 'k': append(0, id | KEYED); break;
    case 'p': reserve(actor, id); break;
    case 'q': append_filled(actor); break;
    case 's': subscribe(actor); break;
    case 'u': unsubscribe(actor); break;
    case 'r': read_some(actor, MESSAGES + 1); break;
    case 'o': read_some(actor, 1); break;
    case 'h': look_and_read(actor); break;
    case 'v': visit(&w->s.actors[actor]); break;
    case 'j': join(actor, id); break;
    case 'J': join(actor, 0); break;
    case 'l': part(actor, (ngx_websocket_member_ref_t)
                          w->s.actors[actor].member, id); break;
    case 'd': delete(0); break;
    case 'e': delete(1); break;
    case 'w': ngx_websocket_store_sweep(w->store, 64, NOW,
                                        1, NULL); returned(); break;
    case 'x': reap(20); break;
    }
}


/* the end: all go, and nothing remains */

static void
finish(void)
{
    unsigned                     i;
    ngx_websocket_store_wake_t   wake;
    ngx_websocket_store_stat_t   stat;
    ngx_websocket_channel_ref_t  ref;

    nends++;
    enter();
    reap(0);

    for (i = 0; i < ACTORS && wrong == NULL; i++) {
        if (!w->s.actors[i].dead) {
            look_and_read(i);
            part(i, (ngx_websocket_member_ref_t) w->s.actors[i].member, i + 1);
            read_some(i, MESSAGES + 1);
            unsubscribe(i);
        }
    }

    for (i = 0; i < 4; i++) {
        ngx_websocket_store_attach(w->store, CROWD + i, 0);
    }

    for (i = 0; i < CHANNELS + 1 && wrong == NULL; i++) {
        ref = find(w->store, i);

        if (ref) {
            ngx_websocket_store_delete(w->store, ref, &wake);
        }
    }

    ngx_websocket_store_sweep(w->store, 64, NOW, 0, NULL);
    ngx_websocket_store_stat(w->store, &stat);

    if (stat.used || stat.channels || stat.messages
        || ngx_websocket_store_check(w->store))
    {
        fail("a block did not come back");
    }

    leave();
}


/* all that may follow */

static void
explore(void)
{
    unsigned  i, end, any;
    actor_t  *actor;

    if (wrong || !is_new(hash(w))) {
        return;
    }

    end = (unsigned) strlen(trail);
    any = 0;

    for (i = 0; i < ACTORS && wrong == NULL; i++) {

        actor = &w->s.actors[i];

        if (actor->dead || scenario->scripts[i][actor->done] == '\0') {
            continue;
        }

        any = 1;
        enter();

        self = &w->s.actors[i];
        sprintf(trail + end, " %c%c", "ABC"[i],
                scenario->scripts[i][self->done]);
        self->done++;

        step(i, trail[end + 2], 16 * i + (unsigned) self->done);
        fault();
        self = NULL;

        explore();
        leave();

        if (wrong == NULL) {
            trail[end] = '\0';
        }
    }

    if (!any && wrong == NULL) {
        finish();
    }
}


/* some look at the hints before the store is recovered; 1 if there were any */

static int
look_all(void)
{
    int       any;
    unsigned  i;
    uint64_t  hints;
    actor_t  *actor;

    for (any = 0, i = 0; i < ACTORS; i++) {

        actor = &w->s.actors[i];
        hints = actor->hints;

        if (!actor->dead && w->s.model.subs[i].epoch) {
            actor->dirty |= (uint64_t) look(w->store, actor);
            any |= actor->hints != hints;
        }
    }

    return any;
}


/* somebody died here: what he did is there, or nothing of it */

static void
recover(void)
{
    const char  *is;

    ngx_websocket_store_recover(w->store);

    is = compare(w, &w->s.model);

    if (is && compare(w, &w->s.before) == NULL) {
        memcpy(&w->s.model, &w->s.before, sizeof(model_t));

    } else if (is) {
        fail(is);
        return;
    }

    memcpy(&w->s.before, &w->s.model, sizeof(model_t));
}


static void
fault(void)
{
    int       looked;
    unsigned  n, end;
    actor_t  *who;

    who = self;

    if (who == NULL || wrong || w->s.deaths == scenario->deaths + more_deaths
        || !is_new(hash(w)))
    {
        return;
    }

    n = (unsigned) (who - w->s.actors);
    end = (unsigned) strlen(trail);
    self = NULL;

    for (looked = 0; looked < 2 && wrong == NULL; looked++) {

        enter();

        ndeaths++;
        w->s.deaths++;
        memset(&w->s.actors[n], 0, sizeof(actor_t));
        w->s.actors[n].dead = 1;

        strcpy(trail + end, looked ? "?!" : "!");

        if (!looked || look_all()) {
            recover();
            explore();
        }

        leave();

        if (wrong == NULL) {
            trail[end] = '\0';
        }
    }

    self = who;
}


/* what comes before the first step */

static void
idle(ngx_websocket_channel_ref_t ref, unsigned slot)
{
    uint64_t                      offset;
    ngx_websocket_store_cursor_t  cursor;

    memset(&cursor, 0, sizeof(cursor));
    ngx_websocket_store_subscribe(w->store, ref, slot, NOW, &cursor, &offset);
}


/* unread messages of a channel leave free blocks for one message only */

static void
fill(void)
{
    uint8_t                        buf[SIZE];
    unsigned                       i;
    uint64_t                       key;
    ngx_websocket_store_part_t     part;
    ngx_websocket_store_append_t   append;
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    ref;

    key = ngx_websocket_store_hash(w->store, (const uint8_t *) names[CHANNELS],
                                   4);
    ngx_websocket_store_open_channel(w->store,
                                     (const uint8_t *) names[CHANNELS],
                                     4, key, NOW, NULL, &ref);
    idle(ref, CROWD);

    for (i = 0; i < 64 && ngx_websocket_store_free_blocks(w->store) > 5; i++) {
        make_message(1, &message, &part, buf);
        append = store_appended(ref, &message, &part, 1);
        ngx_websocket_store_append(w->store, &append);
    }
}


static void
prepare(const scenario_t *s)
{
    unsigned                     i;
    uint8_t                      seed[16] = { 1 };
    ngx_websocket_channel_ref_t  ref;

    scenario = s;
    wrong = NULL;
    nseen = 0;
    nends = 0;
    ndeaths = 0;
    trail[0] = '\0';
    memset(seen, 0, SEEN * sizeof(uint64_t));
    memset(&w->s, 0, sizeof(state_t));

    ngx_websocket_store_format(w->store, l_size, seed);
    w->store->nhints = HINTS;

    for (i = 0; i < 4; i++) {
        ngx_websocket_store_attach(w->store, i, 10);
        ngx_websocket_store_attach(w->store, CROWD + i, 10);
    }

    w->s.model.epoch = w->store->epoch;
    ref = open_channel(0);

    for (i = 0; i < 4 && s->flags & CROWDED; i++) {
        idle(ref, CROWD + i);
        w->s.model.channels[0].crowd++;
    }

    if (s->flags & SCARCE) {
        fill();
    }

    returned();

    for (i = 0; i < ACTORS; i++) {
        w->s.actors[i].hints = ngx_websocket_store_hints(w->store);
    }
}


static const scenario_t  scenarios[] = {
    { "writers and readers", { "aa", "aa", "srr" }, 9, 1, 0 },
    { "a short history", { "aaa", "soor", "vvv" }, 1, 1, 0 },
    { "two channels", { "ab", "be", "sor" }, 1, 1, 0 },
    { "messages in steps", { "pq", "apq", "srx" }, 2, 1, 0 },
    { "a key that is repeated", { "kk", "ka", "sk" }, 2, 1, 0 },
    { "a key, and a history that forgets it", { "ka", "ak", "sr" }, 1, 1, 0 },
    { "readers who are told", { "aa", "sh", "shh" }, 2, 1, 0 },
    { "ephemeral messages", { "faf", "sr", "sor" }, 2, 1, 0 },
    { "ephemeral messages of a deleted channel", { "ffd", "sr", "sf" }, 2, 1,
      0 },
    { "members", { "jl", "Jx", "xa" }, 9, 2, 0 },
    { "members of a channel that is deleted", { "jl", "Jd", "xa" }, 9, 1, 0 },
    { "a channel that is deleted", { "ada", "shh", "vv" }, 2, 1, 0 },
    { "a subscriber who dies", { "sra", "xa", "saw" }, 1, 1, 0 },
    { "more subscribers than fit", { "sua", "sh", "xd" }, 2, 1, CROWDED },
    { "no space", { "aa", "ak", "sor" }, 9, 1, SCARCE },
};


static const scenario_t  long_scenarios[] = {
    { "writers and readers", { "aaa", "aka", "srus" }, 3, 1, 0 },
    { "readers who are told", { "aad", "shah", "shh" }, 2, 1, 0 },
    { "ephemeral messages", { "fafa", "srux", "sorf" }, 2, 1, 0 },
    { "members", { "jlsj", "Jljl", "xaxv" }, 9, 1, 0 },
    { "a channel that is deleted", { "jada", "shdh", "vvxav" }, 2, 1, 0 },
    { "a subscriber who dies", { "srala", "xaux", "saw" }, 1, 1, 0 },
    { "more subscribers than fit", { "suas", "shud", "shxa" }, 2, 1, CROWDED },
    { "no space", { "aak", "aka", "sora" }, 9, 1, SCARCE },
};


static void
run(const scenario_t *s)
{
    prepare(s);
    explore();

    if (!unit_ok(wrong == NULL, "%s: %u states, %u deaths, %u ends%s%s",
                 s->name, nseen, ndeaths, nends, wrong ? ": " : "",
                 wrong ? wrong : ""))
    {
        printf("# the steps of A, B, C, a death \"!\", hints looked at before "
               "the recovery \"?\":\n#%s\n", trail);
    }
}


/*
 * Hints without the lock: a writer's stores are seen in their order, as all
 * of them release, and a reader's loads each see one of the states between
 * them, later ones no earlier state.  So all that may happen to a reader is
 * to begin anywhere and to find any three states for its three loads.
 */

#define TRACE  16

typedef struct {
    uint64_t    hints;          /* the position of the newest */
    uint64_t    ring[HINTS];
} trace_t;


static trace_t   trace[TRACE];
static unsigned  ntrace;                /* 0: it is not recorded */
static unsigned  replay[3];             /* what the next loads see */
static unsigned  nreplay;
static int       replaying;


static void
record(void)
{
    trace[ntrace].hints = w->store->hints;
    memcpy(trace[ntrace].ring, ngx_websocket_store_at(w->store,
                                                      w->store->hints_at),
           sizeof(trace[ntrace].ring));

    ntrace++;
}


static uint64_t
hook_load(const uint64_t *word, int order)
{
    trace_t         *t;
    const uint64_t  *ring;

    if (order != __ATOMIC_ACQUIRE && order != __ATOMIC_SEQ_CST) {
        fail("a load does not acquire");
    }

    if (!replaying) {
        return *word;
    }

    t = &trace[replay[nreplay++]];
    ring = ngx_websocket_store_at(w->store, w->store->hints_at);

    return word == &w->store->hints ? t->hints : t->ring[word - ring];
}


static void
hook_store(uint64_t *word, uint64_t value, int order)
{
    if (order != __ATOMIC_RELEASE) {
        fail("a store does not release");
    }

    *word = value;

    if (ntrace) {
        record();
    }
}


/* of each hint the offset is its position, from first on */

static void
replay_one(uint64_t first, uint64_t position)
{
    int                          rc;
    uint32_t                     offset;
    uint64_t                     at;
    ngx_websocket_channel_ref_t  ref;

    at = position;
    nreplay = 0;
    replaying = 1;
    rc = ngx_websocket_store_hint(w->store, &at, &ref, &offset);
    replaying = 0;

    switch (rc) {

    case NGX_WEBSOCKET_STORE_EMPTY:
        if (at != position || trace[replay[0]].hints != position) {
            fail("a hint was not seen");
        }

        break;

    case NGX_WEBSOCKET_STORE_OK:
        if (at != position + 1 || ref != 7
            || offset != (uint32_t) (position - first))
        {
            fail("a hint is not the one that was published");
        }

        break;

    default:
        if (at != trace[replay[2]].hints || at - position < w->store->nhints) {
            fail("a gap without need");
        }
    }
}


static void
hints(uint32_t size, uint64_t first)
{
    uint64_t  i, position;
    unsigned  n;

    prepare(&scenarios[0]);

    w->store->nhints = size;
    w->store->hints = first;

    for (i = 0; i < size + 6; i++) {

        if (i == size) {
            record();
        }

        ngx_websocket_store_publish_hint(w->store, 7, i);
    }

    for (n = 0; n < ntrace * ntrace * ntrace && wrong == NULL; n++) {

        replay[0] = n / ntrace / ntrace;
        replay[1] = n / ntrace % ntrace;
        replay[2] = n % ntrace;

        if (replay[0] > replay[1] || replay[1] > replay[2]) {
            continue;
        }

        for (position = first; position != trace[replay[0]].hints + 1;
             position++)
        {
            replay_one(first, position);
        }
    }

    ntrace = 0;

    unit_ok(wrong == NULL, "a ring of %u hints from %" PRIu64 " on%s%s", size,
            first, wrong ? ": " : "", wrong ? wrong : "");
}


int
main(void)
{
    size_t    i, n;
    unsigned  is_long;

    l_size = (ngx_websocket_store_min_size() + 63) & ~(size_t) 63;
    seen = malloc(SEEN * sizeof(uint64_t));
    w = worlds;
    w->store = aligned_alloc(64, l_size);
    is_long = getenv("WEBSOCKET_LONG") != NULL;

    hints(1, 0);
    hints(2, 0);
    hints(4, UINT64_MAX - 5);

    more_deaths = is_long;

    for (i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        run(&scenarios[i]);
    }

    more_deaths = 0;
    n = is_long ? sizeof(long_scenarios) / sizeof(long_scenarios[0]) : 0;

    for (i = 0; i < n; i++) {
        run(&long_scenarios[i]);
    }

    for (i = 0; i < DEPTH; i++) {
        free(worlds[i].store);
    }

    free(seen);

    return unit_done();
}
