
/*
 * Seats: never more than there may be, all or none, those of dead workers
 * free, nothing left of what nobody sits on; and the guess at a crowd.
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
#include "store_region.h"


#define NOW    1000000
#define ROWS   4
#define SLOTS  20
#define MANY   400


typedef struct {
    ngx_websocket_store_quota_t  quotas[2];
    size_t                       n;
    int                          rows[2];
    uint32_t                     slot;
    int                          taken;
} sitter_t;


static sitter_t  sitters[MANY];


static int
sit(uint32_t slot, int row, int other, uint32_t max,
    ngx_websocket_store_quota_t *quotas)
{
    ngx_websocket_store_quota_key_t  rows[2];

    memset(rows, 0, sizeof(rows));

    rows[0].name[0] = (uint8_t) row;
    rows[1].name[0] = (uint8_t) other;
    rows[0].max = rows[1].max = max;

    return ngx_websocket_store_quota_acquire(l, rows, row == other ? 1 : 2,
                                             slot, NOW, quotas);
}


static void
test_few(void)
{
    uint64_t                     before;
    ngx_websocket_store_quota_t  a[2], b[2], c[2], d[2];

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);
    ngx_websocket_store_attach(l, 1, 2);
    before = used();

    unit_ok(sit(0, 1, 1, 2, a) == NGX_WEBSOCKET_STORE_OK
            && sit(1, 1, 1, 2, b) == NGX_WEBSOCKET_STORE_OK, "two sit");
    unit_ok(sit(0, 1, 1, 2, c) == NGX_WEBSOCKET_STORE_FULL, "no third");
    unit_ok(sit(0, 2, 1, 2, c) == NGX_WEBSOCKET_STORE_FULL
            && sit(0, 2, 2, 1, c) == NGX_WEBSOCKET_STORE_OK,
            "who is refused in one row sits in none");
    unit_ok(sit(0, 1, 1, 3, d) == NGX_WEBSOCKET_STORE_OK,
            "a larger number lets one more sit");

    ngx_websocket_store_quota_release(l, d, 1, NOW);
    ngx_websocket_store_quota_release(l, a, 1, NOW);
    unit_ok(sit(0, 1, 1, 2, a) == NGX_WEBSOCKET_STORE_OK,
            "who rises makes room");

    ngx_websocket_store_attach(l, 1, 0);
    unit_ok(sit(0, 1, 1, 2, b) == NGX_WEBSOCKET_STORE_OK
            && sit(0, 1, 1, 2, d) == NGX_WEBSOCKET_STORE_FULL,
            "a dead worker's quota is free");

    ngx_websocket_store_quota_release(l, a, 1, NOW);
    ngx_websocket_store_quota_release(l, b, 1, NOW);
    ngx_websocket_store_quota_release(l, c, 1, NOW);
    unit_ok(used() == before && sound(), "nothing is left");
}


static void
test_nospace(void)
{
    size_t                           n;
    uint64_t                         before;
    ngx_websocket_store_quota_key_t  rows[2];
    ngx_websocket_store_quota_t      quotas[2], taken[4096];

    begin(ngx_websocket_store_min_size() + 16384);
    ngx_websocket_store_attach(l, 0, 1);
    before = used();

    memset(rows, 0, sizeof(rows));
    rows[0].max = rows[1].max = 1;

    for (n = 0; n < 4096; n++) {
        memcpy(rows[0].name + 4, &n, sizeof(n));

        if (ngx_websocket_store_quota_acquire(l, rows, 1, 0, NOW, &taken[n])
            != NGX_WEBSOCKET_STORE_OK)
        {
            break;
        }
    }

    unit_ok(n > 8 && n < 4096 && sound(), "full with %zu rows", n);

    /* one block is free: the first of two rows would have it */

    ngx_websocket_store_quota_release(l, &taken[--n], 1, NOW);
    rows[1].name[0] = 1;

    unit_ok(ngx_websocket_store_quota_acquire(l, rows, 2, 0, NOW, quotas)
            == NGX_WEBSOCKET_STORE_NOSPACE, "no space for the second row");
    unit_ok(ngx_websocket_store_quota_acquire(l, rows, 1, 0, NOW, &taken[n])
            == NGX_WEBSOCKET_STORE_OK, "the first was given back");

    ngx_websocket_store_quota_release(l, taken, n + 1, NOW);
    unit_ok(used() == before && sound(), "all is given back");
}


/* against counts of our own; workers die and others come */

static void
test_model(uint64_t seed)
{
    int        i, j, wrong, full, row, other, counts[ROWS] = { 0 };
    uint32_t   slot, incarnation, max;
    uint64_t   before;
    sitter_t  *s;

    begin(1 << 20);
    before = used();
    memset(sitters, 0, sizeof(sitters));
    wrong = full = 0;

    for (slot = 0; slot < SLOTS; slot++) {
        ngx_websocket_store_attach(l, slot, slot + 1);
    }

    incarnation = SLOTS;

    for (i = 0; i < 20000; i++) {

        s = &sitters[unit_random(&seed) % MANY];

        if (unit_random(&seed) % 500 == 0) {
            slot = unit_random(&seed) % SLOTS;
            ngx_websocket_store_attach(l, slot, ++incarnation);

            for (j = 0; j < MANY; j++) {
                if (sitters[j].taken && sitters[j].slot == slot) {
                    sitters[j].taken = 0;
                    counts[sitters[j].rows[0]]--;
                    counts[sitters[j].rows[1]] -= sitters[j].n == 2;
                }
            }

        } else if (s->taken) {
            ngx_websocket_store_quota_release(l, s->quotas, s->n, NOW);
            s->taken = 0;
            counts[s->rows[0]]--;
            counts[s->rows[1]] -= s->n == 2;

        } else {
            row = unit_random(&seed) % ROWS;
            other = unit_random(&seed) % ROWS;
            max = 1 + unit_random(&seed) % 100;
            s->slot = unit_random(&seed) % SLOTS;
            s->n = row == other ? 1 : 2;
            s->rows[0] = row;
            s->rows[1] = other;
            s->taken = sit(s->slot, row, other, max, s->quotas)
                       == NGX_WEBSOCKET_STORE_OK;
            full += !s->taken;
            wrong += s->taken != (counts[row] < (int) max
                                  && counts[other] < (int) max);

            if (s->taken) {
                counts[row]++;
                counts[other] += s->n == 2;
            }
        }
    }

    unit_ok(wrong == 0 && full > 100 && sound(), "20000 steps, %d refused",
            full);

    for (i = 0; i < MANY; i++) {
        if (sitters[i].taken) {
            ngx_websocket_store_quota_release(l, sitters[i].quotas,
                                              sitters[i].n, NOW);
        }
    }

    /* the sweep has what was left by the dead */

    (void) ngx_websocket_store_sweep(l, UINT32_MAX, NOW, 0, NULL);
    unit_ok(used() == before && sound(), "nothing is left");
}


static void
test_crowd(void)
{
    int                            rc;
    uint8_t                        data[1000] = { 0 };
    uint64_t                       hash, offset;
    ngx_websocket_store_part_t     part = { data, sizeof(data) };
    ngx_websocket_store_cursor_t   cursor = { 0 };
    ngx_websocket_store_message_t  message;
    ngx_websocket_channel_ref_t    ref;

    begin(1 << 20);
    ngx_websocket_store_attach(l, 0, 1);

    hash = ngx_websocket_store_hash(l, (uint8_t *) "x", 1);
    (void) ngx_websocket_store_open_channel(l, (uint8_t *) "x", 1, hash, NOW,
                                            NULL, &ref);
    (void) ngx_websocket_store_subscribe(l, ref, 0, NOW, &cursor, &offset);

    unit_ok(!ngx_websocket_store_crowded(l, ref, 1), "an empty room");

    do {
        memset(&message, 0, sizeof(message));
        message.time = NOW;
        message.type = 2;
        rc = ngx_websocket_store_append(l, &store_appended(ref, &message,
                                                           &part, 1));

    } while (rc == NGX_WEBSOCKET_STORE_OK
             && !ngx_websocket_store_crowded(l, ref, 1));

    unit_ok(rc == NGX_WEBSOCKET_STORE_OK && used() > l->nblocks / 5
            && used() < l->nblocks / 3, "a crowd at %u of %u blocks",
            (unsigned) used(), l->nblocks);

    unit_ok(ngx_websocket_store_crowded(l, ref, 1) == 2
            && ngx_websocket_store_crowded(l, ref, 0) == 1, "whose it is");

    while (ngx_websocket_store_read(l, &cursor, &message, data, sizeof(data))
           == NGX_WEBSOCKET_STORE_OK)
    {
        /* void */
    }

    unit_ok(!ngx_websocket_store_crowded(l, ref, 1), "all is read");
}


int
main(void)
{
    uint64_t  seed;

    test_few();
    test_nospace();
    test_crowd();

    for (seed = 1; seed <= 5; seed++) {
        test_model(seed);
    }

    return unit_done();
}
