
/*
 * The store and death: at every store of every operation, at every store of
 * the recovery after it, and at any instant.
 *
 * An operation is a sequence of changes.  Between two of them the store is
 * whole; whoever dies within one, it must be, once recovered, as it was
 * before that change.
 */


#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static void fault(void);

#define ngx_websocket_store_fault()  fault()

#include "unit.h"
#include "store_work.h"
#include "store/store.c"
#include "store/channel.c"
#include "store/interest.c"
#include "store/member.c"
#include "store/ephemeral.c"
#include "store/message.c"
#include "store/numbered.c"
#include "store_check.c"
#include "store_model.h"


#define FAULT_DEPTH   2
#define FAULT_STATES  64


typedef void (*fault_pt)(void);


static fault_pt              fault_handler;
static unsigned long         fault_left;        /* stores to live */

static ngx_websocket_store_t  *l;                 /* shared */
static size_t                l_size;
static ngx_websocket_store_t  *copies[FAULT_DEPTH];

static const char           *wrong;
static unsigned long         nstores;
static unsigned              nstates;           /* between changes */
static uint64_t              states[FAULT_STATES];


static void
fault(void)
{
    if (fault_handler) {
        fault_handler();
    }
}


static void *
shared(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }

    return p;
}


static void
mix(uint64_t *digest, const void *p, size_t size)
{
    size_t  i;

    for (i = 0; i < size; i++) {
        *digest = (*digest ^ ((const uint8_t *) p)[i])
                  * UINT64_C(0x100000001b3);
    }
}


static void
mix_members(ngx_websocket_store_t *store, ngx_websocket_ref_t channel,
    uint64_t *digest)
{
    uint32_t                      i, n;
    uint64_t                      id;
    ngx_websocket_member_ref_t    ref;
    ngx_websocket_store_member_t  members[MODEL_MEMBERS];

    n = MODEL_MEMBERS;
    ref = 0;
    id = 0;

    ngx_websocket_store_members(store, channel, &ref, &id, members, &n);

    for (i = 0; i < n; i++) {
        mix(digest, &members[i].id, sizeof(members[i].id));
        mix(digest, members[i].data, members[i].size);
    }
}


static void
mix_ephemeral(ngx_websocket_store_t *store, ngx_websocket_channel_t *ch,
    uint64_t *digest)
{
    uint8_t                      buf[4096];
    ngx_websocket_ref_t          ref;
    ngx_websocket_message_t     *m;
    ngx_websocket_store_place_t  place;

    mix(digest, &ch->ephemerals, sizeof(ch->ephemerals));

    for (ref = ch->ephemeral.first; ref; ref = m->after) {
        m = ngx_websocket_store_block(store, ref);

        ngx_websocket_store_begin(store, ref, &place);
        ngx_websocket_store_copy(&place, buf, NULL, m->size);

        mix(digest, &m->number, sizeof(m->number));
        mix(digest, &m->offset, sizeof(m->offset));
        mix(digest, &m->unread, sizeof(m->unread));
        mix(digest, buf, m->size);
    }
}


/* all that can be seen of a channel from without, and of its subscribers */

static void
mix_channel(ngx_websocket_store_t *store, ngx_websocket_ref_t ref,
    uint64_t *digest)
{
    int                            rc;
    uint32_t                       i;
    uint8_t                        buf[4096];
    ngx_websocket_entry_t         *entry;
    ngx_websocket_channel_t       *ch;
    ngx_websocket_store_info_t     info;
    ngx_websocket_store_cursor_t   cursor;
    ngx_websocket_store_message_t  message;

    ch = ngx_websocket_store_block(store, ref);

    memset(&info, 0, sizeof(info));
    ngx_websocket_store_info(store, ref, &info);
    mix(digest, &info, sizeof(info));
    mix_members(store, ref, digest);
    mix(digest, &ch->length, sizeof(ch->length));
    mix(digest, &ch->time, sizeof(ch->time));
    mix_ephemeral(store, ch, digest);

    for (i = 0; (entry = ngx_websocket_store_entry(store, ch, i)); i++) {
        if (ngx_websocket_store_live(store, entry)) {
            mix(digest, entry, sizeof(ngx_websocket_entry_t));
        }
    }

    memset(&message, 0, sizeof(message));
    ngx_websocket_store_seek(store, ref, info.first, &cursor);

    for ( ;; ) {
        rc = ngx_websocket_store_read(store, &cursor, &message, buf,
                                      sizeof(buf));

        if (rc == NGX_WEBSOCKET_STORE_AGAIN) {
            mix(digest, &cursor.next, sizeof(cursor.next));
            continue;
        }

        if (rc != NGX_WEBSOCKET_STORE_OK) {
            break;
        }

        mix(digest, &message, offsetof(ngx_websocket_store_message_t,
                                       priority));
        mix(digest, buf, message.size);
    }
}


static uint64_t
digest_of(ngx_websocket_store_t *store)
{
    uint64_t                    i, digest;
    ngx_websocket_ref_t         ref;
    ngx_websocket_channel_t    *ch;
    ngx_websocket_store_stat_t  stat;

    digest = UINT64_C(0xcbf29ce484222325);

    ngx_websocket_store_stat(store, &stat);
    mix(&digest, &stat, sizeof(stat));
    mix(&digest, &store->waste, sizeof(store->waste));
    mix(&digest, &store->sweeper, sizeof(store->sweeper));
    mix(&digest, store->workers, sizeof(store->workers));

    for (i = 0; i < store->nbuckets; i++) {
        for (ref = *ngx_websocket_store_bucket(store,
                                               i); ref; ref = ch->bucket) {
            ch = ngx_websocket_store_block(store, ref);
            mix(&digest, &ref, sizeof(ref));
            mix_channel(store, ref, &digest);
        }
    }

    return digest;
}


/* recovers a copy of a store, and compares it with the last whole state */

static uint64_t
recovered(ngx_websocket_store_t *store, unsigned depth, fault_pt handler)
{
    fault_pt     old;
    uint64_t     repairs;
    const char  *is;

    old = fault_handler;

    memcpy(copies[depth], store, l_size);
    repairs = ngx_websocket_store_repairs(copies[depth]);

    fault_handler = handler;
    ngx_websocket_store_recover(copies[depth]);
    fault_handler = NULL;

    is = ngx_websocket_store_check(copies[depth]);

    if (is == NULL
        && ngx_websocket_store_repairs(copies[depth]) != repairs + 1)
    {
        is = "a recovery was not counted";
    }

    if (is) {
        wrong = wrong ? wrong : is;
        fault_handler = old;
        return 0;
    }

    repairs = digest_of(copies[depth]);
    fault_handler = old;

    return repairs;
}


/* dead within the recovery: the next recovery must come out the same */

static void
die_recovering(void)
{
    if (recovered(copies[0], 1, NULL) != states[nstates - 1] && !wrong) {
        wrong = "a recovery that was interrupted came out otherwise";
    }
}


/* dead at this store of an operation */

static void
die_operating(void)
{
    uint64_t  digest;

    nstores++;

    digest = recovered(l, 0, l->nundo ? die_recovering : NULL);

    if (nstates && digest == states[nstates - 1]) {
        return;
    }

    if (l->nundo) {
        wrong = wrong ? wrong : "a change was not undone as a whole";

    } else if (nstates < FAULT_STATES) {
        states[nstates++] = digest;
    }
}


static void
die_at_last(void)
{
    if (--fault_left == 0) {
        raise(SIGKILL);
    }
}


/*
 * Operations, and how many whole states they pass through, the ones before
 * and after included: more than two where one call makes several changes.
 */

typedef struct {
    const char  *name;
    unsigned     states;
    void       (*prepare)(model_t *m);
    void       (*run)(model_t *m);
} operation_t;


static void
nothing(model_t *m)
{
    (void) m;
}


static void
append_small(model_t *m)
{
    model_append(m, 1, 100, NULL);
}


static void
append_last(model_t *m)
{
    m->ending = 1;
    model_append(m, 1, 100, NULL);
    m->ending = 0;
}


static void
append_large_last(model_t *m)
{
    m->ending = 1;
    model_append_by(m, 1, 700, 1, NULL);
    m->ending = 0;
}


static void
append_large(model_t *m)
{
    model_append(m, 1, 3000, NULL);
}


/* a reserve that is given back, and one that becomes a message */

static void
append_in_steps(model_t *m)
{
    model_append_by(m, 1, 3000, 1, NULL);
}


static void
prepare_reserve(model_t *m)
{
    model_message_t               message;
    ngx_websocket_store_large_t   large;
    ngx_websocket_channel_ref_t   ref;
    ngx_websocket_store_append_t  append;

    ref = model_open(m, 1, NULL);
    memset(&large, 0, sizeof(large));
    model_message(m, 1, 3000, &message);

    append = store_appended(ref, &message.message, message.parts, 3);
    append.large = &large;
    append.slot = 1;

    ngx_websocket_store_reserve(l, &append);
}


static void
die_with_reserve(model_t *m)
{
    model_die(m, 1);
}


static void
append_ephemeral(model_t *m)
{
    model_append_as(m, 1, 300, MODEL_WORKERS, NULL, 1);
}


static void
prepare_ephemeral(model_t *m)
{
    append_ephemeral(m);
    append_ephemeral(m);
}


static void
prepare_heard(model_t *m)
{
    prepare_ephemeral(m);

    model_read(m, 1, 1, MODEL_BUF);
    model_read(m, 1, 1, MODEL_BUF);
    model_read(m, 1, 1, MODEL_BUF);
}


static void
read_ephemeral(model_t *m)
{
    model_read(m, 1, 1, MODEL_BUF);
}


static void
delete_ephemeral(model_t *m)
{
    model_delete(m, 1);
}


static void
join_ephemeral(model_t *m)
{
    model_join(m, 1, 1, 3);
}


static void
place_next(model_t *m)
{
    model_place(m, 1, 100, 0, 0, 0, MODEL_WORKERS);
}


static void
place_nothing(model_t *m)
{
    model_place(m, 1, 0, 0, 0, 0, MODEL_WORKERS);
}


static void
place_in_steps(model_t *m)
{
    model_place(m, 1, 3000, 0, 0, 0, 1);
}


static void
place_after_hole(model_t *m)
{
    model_place(m, 1, 100, 5, 0, 1, MODEL_WORKERS);
}


static void
place_first(model_t *m)
{
    model_place(m, 4, 100, 5, 1, 1, MODEL_WORKERS);
}


static void
reset_used(model_t *m)
{
    model_reset(m, 1, 5, 1);
}


static void
reset_farther(model_t *m)
{
    model_reset(m, 1, 5, 0);
}


static void
reset_first(model_t *m)
{
    model_reset(m, 4, 5, 1);
}


/* it ends where it is, as a broker says */

static void
end_there(model_t *model, unsigned n, int other)
{
    int                           rc;
    uint64_t                      epoch, position;
    model_channel_t              *ch;
    ngx_websocket_store_wake_t    wake;
    ngx_websocket_channel_ref_t   ref;

    ch = &model->channels[n];
    ref = model_look(model, n, 0);

    if (ref == 0) {
        return;
    }

    epoch = other ? model_other(model, ch, other & 1) : ch->epoch;
    position = ngx_websocket_store_hints(model->store);

    rc = ngx_websocket_store_end(model->store, ref, epoch, ch->offset, &wake);
    model_woken(model, n, &wake);

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        model_wrong(model, "a channel does not end");
    }

    model_hinted(model, position, 1, ref, 0);

    if (epoch != ch->epoch) {
        model_begin_at(model, n, epoch, 0);
    }

    ch->ended = 1;
}


static void
end_used(model_t *m)
{
    end_there(m, 1, 0);
}


static void
end_first(model_t *m)
{
    end_there(m, 4, 1);
}


static void
prepare_first(model_t *m)
{
    model_subscribe(m, 4, 1);
    model_subscribe(m, 4, 2);
}


static void
append_unheard(model_t *m)
{
    model_append(m, 4, 100, NULL);
}


static void
prepare_unheard(model_t *m)
{
    model_open(m, 4, NULL);
}


static void
prepare_trim(model_t *m)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        model_append(m, 1, 400, NULL);
    }

    for (i = 0; i < 5; i++) {
        model_read(m, 1, 1, MODEL_BUF);
    }
}


static void
prepare_evict(model_t *m)
{
    ngx_websocket_store_history_t  history = { 1000, 0, 0 };

    while (ngx_websocket_store_free_blocks(m->store) > 3) {
        model_append(m, 4, 400, &history);
    }
}


static void
append_evicting(model_t *m)
{
    model_append(m, 1, 1500, NULL);
}


/* all is unread, but for a channel that nobody uses */

static void
prepare_evict_channel(model_t *m)
{
    model_open(m, 5, NULL);

    while (ngx_websocket_store_free_blocks(m->store)) {
        model_append(m, 0, 10, NULL);
    }

    model_append(m, 0, 10, NULL);
}


static void
append_evicting_channel(model_t *m)
{
    model_open(m, 3, NULL);
}


/* what waits to be read is older than what may go */

static void
prepare_behind(model_t *m)
{
    unsigned                       i;
    ngx_websocket_store_history_t  history = { 1000, 0, 0 };

    for (i = 0; i < 5; i++) {
        model_append(m, 0, 10, NULL);
    }

    for (i = 0; i < 200; i++) {
        model_append(m, 4, 400, &history);
    }
}


static void
prepare_history(model_t *m)
{
    unsigned                       i;
    ngx_websocket_store_history_t  history = { 1000, 0, 0 };

    for (i = 0; i < 4; i++) {
        model_append(m, 4, 400, &history);
    }
}


/* of a history that was deleted something is left */

static void
prepare_garbage(model_t *m)
{
    ngx_websocket_ref_t       ref;
    ngx_websocket_channel_t  *ch;

    prepare_history(m);

    ref = model_find(m, 4);
    ch = ngx_websocket_store_block(l, ref);

    /* as ngx_websocket_store_delete(), whose author did not get to the rest */

    ngx_websocket_store_set8(l, &ch->deleted, 1);
    ngx_websocket_store_enlist(l, ref, NGX_WEBSOCKET_STORE_GARBAGE);
    ngx_websocket_store_set32(l, &l->waste, ch->held.of.blocks);
    ngx_websocket_store_set64(l, &l->nmessages,
                              l->nmessages - ch->held.of.count);
    ngx_websocket_store_commit(l);

    memset(&m->channels[4], 0, sizeof(m->channels[4]));
}


static void
prepare_full_garbage(model_t *m)
{
    prepare_garbage(m);

    while (ngx_websocket_store_free_blocks(l) > 3) {
        model_append(m, 0, 400, NULL);
    }
}


static void
clean(model_t *m)
{
    (void) m;

    ngx_websocket_store_clean(l, 200);
}


static void
prepare_idle(model_t *m)
{
    model_open(m, 4, NULL);
    model_open(m, 5, NULL);
    model_open(m, 3, NULL);

    while (ngx_websocket_store_free_blocks(l) > 1) {
        model_append(m, 0, 10, NULL);
    }
}


static void
sweeper(model_t *m)
{
    ngx_websocket_store_sweeper(l, 2, m->now, 1000);
    ngx_websocket_store_swept(l, 2);
}


static void
open_new(model_t *m)
{
    ngx_websocket_store_history_t  history = { 3, 9, 0 };

    model_open(m, 3, &history);
}


static void
open_long(model_t *m)
{
    model_open(m, 5, NULL);
}


static void
open_again(model_t *m)
{
    ngx_websocket_store_history_t  history = { 30, 9, 0 };

    model_open(m, 1, &history);
}


static void
delete_used(model_t *m)
{
    model_delete(m, 2);
}


static void
delete_history(model_t *m)
{
    model_delete(m, 4);
}


static void
delete_unused(model_t *m)
{
    model_delete(m, 5);
}


static void
prepare_unused(model_t *m)
{
    ngx_websocket_store_history_t  history = { 3, 0, 0 };

    model_append(m, 5, 500, &history);
}


static void
subscribe_first(model_t *m)
{
    model_subscribe(m, 1, 3);
}


static void
subscribe_second(model_t *m)
{
    model_subscribe(m, 2, 0);
}


static void
prepare_many(model_t *m)
{
    unsigned  i;

    for (i = 0; i < 4; i++) {
        model_subscribe(m, 1, i);
    }
}


static void
subscribe_more(model_t *m)
{
    model_subscribe(m, 1, 5);
}


static void
prepare_more(model_t *m)
{
    prepare_many(m);
    model_subscribe(m, 1, 5);
}


static void
unsubscribe_more(model_t *m)
{
    model_unsubscribe(m, 1, 5);
}


static void
unsubscribe_second(model_t *m)
{
    model_unsubscribe(m, 2, 0);
}


static void
unsubscribe_last(model_t *m)
{
    model_unsubscribe(m, 0, 0);
}


static void
prepare_deleted(model_t *m)
{
    model_delete(m, 0);
}


static void
unsubscribe_deleted(model_t *m)
{
    model_leave(m, 0);
}


static void
read_one(model_t *m)
{
    model_read(m, 0, 0, MODEL_BUF);
}


/* a reader that hung, and a zone that could not wait for it */

static void
prepare_gap(model_t *m)
{
    unsigned  i;

    model_clock(m, NGX_WEBSOCKET_STORE_HUNG);
    prepare_evict(m);

    for (i = 0; i < 20; i++) {
        append_evicting(m);
    }
}


static void
skip(model_t *m)
{
    ngx_websocket_store_skip(m->store, &m->cursors[0][0]);
}


static void
attach(model_t *m)
{
    model_die(m, 0);
}


static void
join_silently(model_t *m)
{
    model_join(m, 1, 1, 0);
}


static void
join_telling(model_t *m)
{
    model_join(m, 1, 1, 1);
}


/* with data for several blocks */

static void
join_long(model_t *m)
{
    m->nids = 70;
    model_join(m, 1, 1, 1);
}


static void
prepare_another(model_t *m)
{
    model_open(m, 3, NULL);
}


static void
join_telling_another(model_t *m)
{
    model_join(m, 2, 0, 5);
}


static void
prepare_members(model_t *m)
{
    model_join(m, 1, 1, 0);
    model_join(m, 2, 1, 1);
    model_join(m, 1, 0, 1);
}


static void
prepare_long(model_t *m)
{
    m->nids = 70;
    prepare_members(m);
}


static void
part_telling_another(model_t *m)
{
    model_part(m, 1, 5);
}


static void
part_silently(model_t *m)
{
    model_part(m, 0, 0);
}


static void
part_telling(model_t *m)
{
    model_part(m, 1, 1);
}


static void
die_with_members(model_t *m)
{
    model_die(m, 1);
}


static void
prepare_orphans(model_t *m)
{
    prepare_members(m);
    model_die(m, 1);
}


/* two workers are dead: a message, a block of entries and a channel go */

static void
sweeps(model_t *m)
{
    ngx_websocket_store_attach(m->store, 0, 0);
    ngx_websocket_store_attach(m->store, 5, 0);
    ngx_websocket_store_sweep(m->store, UINT64_MAX, m->now, 1000, NULL);
    ngx_websocket_store_sweep(m->store, UINT64_MAX, m->now + 60000, 1000,
                              NULL);
}


static const operation_t  operations[] = {
    { "append", 2, nothing, append_small },
    { "append of many blocks", 2, nothing, append_large },
    { "append of the last message", 2, nothing, append_last },
    { "append of the last message in steps", 3, nothing, append_large_last },
    { "append in steps", 3, nothing, append_in_steps },
    { "append in steps that evicts", 8, prepare_evict, append_in_steps },
    { "attach after a reserve", 2, prepare_reserve, die_with_reserve },
    { "append for nobody", 2, prepare_unheard, append_unheard },
    { "append that trims", 4, prepare_trim, append_small },
    { "append that evicts", 4, prepare_evict, append_evicting },
    { "append that evicts what is behind", 5, prepare_behind,
      append_evicting },
    { "append that evicts channels", 5, prepare_idle, append_evicting },
    { "append that takes garbage", 4, prepare_full_garbage,
      append_evicting },
    { "garbage", 6, prepare_garbage, clean },
    { "append of an ephemeral message", 2, nothing, append_ephemeral },
    { "append that trims ephemeral ones", 4, prepare_heard, append_small },
    { "read of an ephemeral message", 2, prepare_ephemeral, read_ephemeral },
    { "delete with ephemeral messages", 6, prepare_ephemeral,
      delete_ephemeral },
    { "join with an ephemeral message", 2, nothing, join_ephemeral },
    { "place", 2, nothing, place_next },
    { "place of nothing", 2, nothing, place_nothing },
    { "place in steps", 3, nothing, place_in_steps },
    { "place after a hole", 5, nothing, place_after_hole },
    { "place that gives the epoch", 4, prepare_first, place_first },
    { "reset", 7, prepare_ephemeral, reset_used },
    { "reset in the same epoch", 7, prepare_ephemeral, reset_farther },
    { "reset before the first message", 4, prepare_first, reset_first },
    { "end", 2, nothing, end_used },
    { "end before the first message", 2, prepare_first, end_first },
    { "sweeper", 3, nothing, sweeper },
    { "open that evicts a channel", 3, prepare_evict_channel,
      append_evicting_channel },
    { "open", 2, nothing, open_new },
    { "open with a long name", 2, nothing, open_long },
    { "open with another history", 2, nothing, open_again },
    { "delete", 4, nothing, delete_used },
    { "delete of a history", 7, prepare_history, delete_history },
    { "delete of an unused channel", 4, prepare_unused, delete_unused },
    { "first subscribe", 2, nothing, subscribe_first },
    { "second subscribe", 2, nothing, subscribe_second },
    { "subscribe that needs a block", 3, prepare_many, subscribe_more },
    { "unsubscribe that frees a block", 3, prepare_more, unsubscribe_more },
    { "unsubscribe", 2, nothing, unsubscribe_second },
    { "last unsubscribe", 2, nothing, unsubscribe_last },
    { "last unsubscribe of a deleted channel", 3, prepare_deleted,
      unsubscribe_deleted },
    { "read", 2, nothing, read_one },
    { "skip", 2, prepare_gap, skip },
    { "attach", 2, nothing, attach },
    { "join", 2, nothing, join_silently },
    { "join that tells", 2, nothing, join_telling },
    { "join with much to tell", 2, nothing, join_long },
    { "join that tells another channel", 2, prepare_another,
      join_telling_another },
    { "leave", 2, prepare_members, part_silently },
    { "leave that tells", 3, prepare_members, part_telling },
    { "leave after much was told", 2, prepare_long, part_silently },
    { "leave that tells another channel", 3, prepare_members,
      part_telling_another },
    { "attach after members", 2, prepare_members, die_with_members },
    { "orphans", 4, prepare_orphans, model_bury },
    { "sweeps", 6, prepare_more, sweeps }
};


static void
prepare(model_t *m, const operation_t *operation)
{
    ngx_websocket_store_history_t  history = { 3, 0, 0 };

    model_init(m, (uint8_t *) l, l_size);

    model_append(m, 1, 100, &history);
    model_append(m, 2, 700, &history);
    model_subscribe(m, 0, 0);
    model_subscribe(m, 2, 0);
    model_subscribe(m, 2, 0);
    model_subscribe(m, 1, 1);
    model_append(m, 0, 300, NULL);
    model_append(m, 1, 300, NULL);
    model_append(m, 2, 10, NULL);
    model_read(m, 1, 1, MODEL_BUF);

    operation->prepare(m);
}


/* looks at every store without dying */

static void
deaths(model_t *m, const operation_t *operation)
{
    nstores = 0;
    nstates = 0;
    wrong = NULL;

    prepare(m, operation);

    states[nstates++] = recovered(l, 0, NULL);

    fault_handler = die_operating;
    operation->run(m);
    fault_handler = NULL;

    if (recovered(l, 0, NULL) != states[nstates - 1] && nstates < FAULT_STATES)
    {
        states[nstates++] = recovered(l, 0, NULL);
    }

    if (wrong == NULL && m->wrong) {
        wrong = m->wrong;
    }

    unit_ok(wrong == NULL && nstores && nstates == operation->states,
            "death at %lu stores between %u states: %s%s%s", nstores, nstates,
            operation->name, wrong ? ": " : "", wrong ? wrong : "");
}


/* a process does die at every store, and the next one lives on */

static void
real_deaths(model_t *m, const operation_t *operation)
{
    int            status;
    pid_t          pid;
    unsigned       i;
    unsigned long  n;

    wrong = NULL;

    for (n = 1; n <= nstores && wrong == NULL; n++) {

        prepare(m, operation);
        fflush(stdout);

        pid = fork();

        if (pid == 0) {
            fault_left = n;
            fault_handler = die_at_last;
            operation->run(m);
            _exit(0);
        }

        waitpid(pid, &status, 0);

        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
            wrong = "nobody died";
            break;
        }

        ngx_websocket_store_recover(l);
        wrong = ngx_websocket_store_check(l);

        for (i = 0; i < nstates; i++) {
            if (wrong == NULL && digest_of(l) == states[i]) {
                break;
            }
        }

        if (i == nstates) {
            wrong = wrong ? wrong : "it is neither as before nor as after";
        }
    }

    unit_ok(wrong == NULL, "%lu processes died: %s%s%s", n - 1,
            operation->name, wrong ? ": " : "", wrong ? wrong : "");
}


/* writers that are killed at any instant, under a lock as that of zones */

static pthread_mutex_t  *mutex;


static void
lock(void)
{
    if (pthread_mutex_lock(mutex) == EOWNERDEAD) {
        ngx_websocket_store_recover(l);
        pthread_mutex_consistent(mutex);
    }
}


static void
hammer_read(ngx_websocket_store_cursor_t *cursor, uint64_t now)
{
    int                            rc;
    uint64_t                       before;
    uint8_t                        buf[2048], want[2048];
    ngx_websocket_store_message_t  message;

    for ( ;; ) {
        before = cursor->next;
        rc = ngx_websocket_store_read(l, cursor, &message, buf, sizeof(buf));

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            model_fill(want, message.size, cursor->epoch, message.offset);

            if (message.offset != before
                || memcmp(buf, want, message.size) != 0)
            {
                abort();
            }

            continue;
        }

        if (rc == NGX_WEBSOCKET_STORE_DELETED) {
            if (cursor->entry) {
                ngx_websocket_store_unsubscribe(l, cursor, now);
            }

            return;
        }

        if ((rc != NGX_WEBSOCKET_STORE_EMPTY
             && rc != NGX_WEBSOCKET_STORE_ENDED)
            || cursor->entry == 0)
        {
            abort();
        }

        return;
    }
}


static void
hammer_publish(ngx_websocket_channel_ref_t ref, size_t size, uint64_t now)
{
    uint8_t                        buf[2048];
    ngx_websocket_store_info_t     info;
    ngx_websocket_store_part_t     parts[2];
    ngx_websocket_store_message_t  message;

    ngx_websocket_store_info(l, ref, &info);
    model_fill(buf, size, info.epoch, info.offset + 1);

    memset(&message, 0, sizeof(message));
    message.time = now;

    parts[0].data = buf;
    parts[0].size = size / 2;
    parts[1].data = buf + size / 2;
    parts[1].size = size - size / 2;

    (void) ngx_websocket_store_append(l, &store_appended(ref, &message, parts,
                                                         2));
}


/* one turn under the lock; times stand still, so that nobody seems to hang */

static void
hammer_turn(ngx_websocket_store_cursor_t cursors[4], unsigned worker,
    uint64_t *seed)
{
    char                           name[100];
    size_t                         size;
    uint64_t                       offset;
    unsigned                       n, choice;
    ngx_websocket_store_wake_t     wake;
    ngx_websocket_channel_ref_t    ref;
    ngx_websocket_store_history_t  history = { 20, 0, 0 };

    n = unit_random(seed) % 4;
    choice = unit_random(seed) % 32;
    size = (size_t) snprintf(name, sizeof(name), "%*u", n < 2 ? 3 : 90, n);

    if (ngx_websocket_store_open_channel(l, (uint8_t *) name, size,
                          ngx_websocket_store_hash(l, (uint8_t *) name, size),
                          1000, &history, &ref) != NGX_WEBSOCKET_STORE_OK)
    {
        return;
    }

    if (cursors[n].entry) {
        hammer_read(&cursors[n], 1000);
    }

    if (cursors[n].entry == 0) {
        (void) ngx_websocket_store_subscribe(l, ref, worker, 1000, &cursors[n],
                                             &offset);

    } else if (choice < 4) {
        ngx_websocket_store_unsubscribe(l, &cursors[n], 1000);

    } else if (choice == 4) {
        ngx_websocket_store_delete(l, ref, &wake);
        return;

    } else if (choice == 5) {
        ngx_websocket_store_sweep(l, 16, 1000, 0, NULL);
    }

    hammer_publish(ref, unit_random(seed) % 2000, 1000);
}


static void
hammer(unsigned worker, uint64_t seed)
{
    ngx_websocket_store_cursor_t  cursors[4];

    memset(cursors, 0, sizeof(cursors));

    lock();
    ngx_websocket_store_attach(l, worker, (uint32_t) seed);
    pthread_mutex_unlock(mutex);

    for ( ;; ) {
        lock();
        hammer_turn(cursors, worker, &seed);
        pthread_mutex_unlock(mutex);
    }
}


static pid_t
start(unsigned worker, uint64_t seed)
{
    pid_t  pid;

    fflush(stdout);
    pid = fork();

    if (pid == 0) {
        hammer(worker, seed);
    }

    return pid;
}


/* whether it died by our hand, and left a store that can be recovered */

static void
kill_one(pid_t pid)
{
    int  status;

    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);

    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        wrong = "a worker saw something wrong";
        return;
    }

    lock();
    wrong = ngx_websocket_store_check(l);
    pthread_mutex_unlock(mutex);
}


static void
kills(unsigned n)
{
    pid_t                       pids[2];
    uint64_t                    state;
    unsigned                    i;
    uint32_t                    left;
    struct timespec             pause;
    pthread_mutexattr_t         attr;
    ngx_websocket_store_stat_t  stat;

    uint8_t  seed[16] = { 7 };

    mutex = shared(sizeof(pthread_mutex_t));
    wrong = NULL;
    state = 7;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(mutex, &attr);

    ngx_websocket_store_format(l, l_size, seed);

    pids[0] = start(0, 1);
    pids[1] = start(1, 2);

    for (i = 0; i < n && wrong == NULL; i++) {

        pause.tv_sec = 0;
        pause.tv_nsec = unit_random(&state) % 3000000;
        nanosleep(&pause, NULL);

        kill_one(pids[i % 2]);
        pids[i % 2] = start(i % 2, 3 + i);
    }

    for (i = 0; i < 2; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }

    lock();

    unit_ok(wrong == NULL && ngx_websocket_store_repairs(l),
            "%u kills at any instant, %u recoveries%s%s", n,
            (unsigned) ngx_websocket_store_repairs(l), wrong ? ": " : "",
            wrong ? wrong : "");

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        ngx_websocket_store_attach(l, i, 0);
    }

    while (l->oldest) {
        left = 1;
        (void) ngx_websocket_store_evict(l, 1000, 0, &left);
    }

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {
        ngx_websocket_store_sweep(l, UINT64_MAX, 1000, 0, NULL);
    }

    ngx_websocket_store_stat(l, &stat);

    unit_ok(stat.used == 0 && ngx_websocket_store_check(l) == NULL,
            "and every block came back");

    pthread_mutex_unlock(mutex);
}


int
main(void)
{
    size_t    i;
    model_t  *m;

    l_size = ngx_websocket_store_min_size();
    l = shared(l_size);
    m = calloc(1, sizeof(model_t));

    for (i = 0; i < FAULT_DEPTH; i++) {
        copies[i] = aligned_alloc(64, (l_size + 63) & ~(size_t) 63);
    }

    for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        deaths(m, &operations[i]);
        real_deaths(m, &operations[i]);
    }

    for (i = 0; i < FAULT_DEPTH; i++) {
        free(copies[i]);
    }

    free(m);

    kills(getenv("LOG_TEST_KILLS") ? atoi(getenv("LOG_TEST_KILLS")) : 300);

    return unit_done();
}
