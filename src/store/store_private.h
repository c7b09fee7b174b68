
/*
 * The layout of the store's region, for the files of the store and their tests.
 */


#ifndef NGX_WEBSOCKET_STORE_PRIVATE_H
#define NGX_WEBSOCKET_STORE_PRIVATE_H


#include "store/store.h"


#define NGX_WEBSOCKET_STORE_MAGIC      UINT64_C(0x676f6c7373686e77)
#define NGX_WEBSOCKET_STORE_VERSION    9

#define NGX_WEBSOCKET_STORE_JOURNAL    128    /* stores of one change */

/*
 * Limits of the work that a call does besides its own.  In one section under
 * the lock no more than NGX_WEBSOCKET_STORE_SECTION messages, channels and
 * buckets are looked at, and no more than a megabyte of memory is copied.
 */
#define NGX_WEBSOCKET_STORE_SECTION    256
#define NGX_WEBSOCKET_STORE_TRIM       32     /* messages dropped */
#define NGX_WEBSOCKET_STORE_ROOM       64     /* looked at to make room */
#define NGX_WEBSOCKET_STORE_SEARCH     8      /* buckets searched for a channel
                                               that may go */
#define NGX_WEBSOCKET_STORE_CLEAN      128    /* messages of deleted channels */
#define NGX_WEBSOCKET_STORE_RESERVE    160    /* as ROOM, for a large message */
#define NGX_WEBSOCKET_STORE_TAKE       1024   /* blocks taken for one */
#define NGX_WEBSOCKET_STORE_SWEEP      192    /* the work of a sweep */

/* the age, ms, at which an unread message may go for want of space */
#define NGX_WEBSOCKET_STORE_HUNG       10000

/* the pause before all messages are looked at again when none may go, ms */
#define NGX_WEBSOCKET_STORE_RETRY      100

#define NGX_WEBSOCKET_STORE_INLINE     4      /* entries in the channel */
#define NGX_WEBSOCKET_STORE_OVERFLOW   10     /* entries in a further block */
#define NGX_WEBSOCKET_STORE_NAME       43     /* bytes of name in the channel */

/* kinds of blocks that are referred to from without; 0 is any other */
#define NGX_WEBSOCKET_STORE_CHANNEL    1
#define NGX_WEBSOCKET_STORE_MEMBER     2

/* what is known of a channel's readers, and of the copy that it is */
#define NGX_WEBSOCKET_STORE_WANTED     1      /* somebody subscribes to it */
#define NGX_WEBSOCKET_STORE_ASKED      2      /* somebody is about to read */
#define NGX_WEBSOCKET_STORE_LIVE       4      /* it is complete */

/* the list that a channel is on */
#define NGX_WEBSOCKET_STORE_IDLE       1
#define NGX_WEBSOCKET_STORE_GARBAGE    2

/* as what an entry has read: the channel has begun anew since */
#define NGX_WEBSOCKET_STORE_MISSED     UINT64_MAX

/* the most blocks of a message, which has so many bits for their number */
#define NGX_WEBSOCKET_STORE_BLOCKS_MAX  0xffffff


typedef struct {
    uint64_t               place;           /* bytes from the base */
    uint64_t               old;
    uint64_t               width;           /* 1, 4 or 8 */
} ngx_websocket_store_undo_t;


/* a list of members, or of channels */

typedef struct {
    ngx_websocket_ref_t    first;
    ngx_websocket_ref_t    last;
} ngx_websocket_list_t;


/* blocks that a worker fills before they are a message */

typedef struct {
    ngx_websocket_ref_t    first;
    ngx_websocket_ref_t    last;
    uint32_t               blocks;
} ngx_websocket_reserve_t;


struct ngx_websocket_store_s {
    uint64_t               magic;
    uint64_t               version;
    uint64_t               size;            /* of the region */
    uint32_t               head;            /* the size of this struct */
    uint32_t               block;           /* the size of a block */
    uint8_t                seed[16];
    uint8_t                reserved[128];   /* zeros: for what a region in a
                                               file says of its clocks, its
                                               machine and its workers */

    uint64_t               kinds_at;        /* places, bytes from the base */
    uint64_t               buckets_at;
    uint64_t               keys_at;         /* as many as buckets */
    uint64_t               hints_at;
    uint64_t               blocks_at;

    uint32_t               nblocks;         /* block 0 is never used */
    uint32_t               nbuckets;        /* powers of two */
    uint32_t               nhints;

    /* changed under the journal */

    ngx_websocket_ref_t    free;            /* list by the blocks' next */
    uint32_t               listed;          /* its length */
    ngx_websocket_ref_t    fresh;           /* from here on never used yet */
    ngx_websocket_ref_t    oldest;          /* messages of all channels */
    ngx_websocket_ref_t    newest;
    ngx_websocket_list_t   idle;            /* channels that nothing holds */
    ngx_websocket_list_t   garbage;         /* deleted ones with messages */
    uint32_t               waste;           /* blocks of these messages */
    ngx_websocket_ref_t    hand;            /* the message to look at next when
                                               the oldest may not go */
    ngx_websocket_ref_t    dumping;         /* the message to be dumped next */
    uint64_t               nchannels;       /* without those of quotas */
    uint64_t               nmessages;       /* without garbage */
    uint64_t               unnumbered;      /* blocks of ephemeral messages */
    uint64_t               epoch;           /* of the newest channel */
    uint64_t               shift;           /* by so much its epochs are other
                                               ones than those that were loaded:
                                               it does not change */
    uint32_t               workers[NGX_WEBSOCKET_STORE_WORKERS];
    ngx_websocket_list_t   members[NGX_WEBSOCKET_STORE_WORKERS];
    ngx_websocket_list_t   orphans;         /* members of dead workers */
    ngx_websocket_reserve_t  reserves[NGX_WEBSOCKET_STORE_WORKERS];

    /* single words, right at any time */

    uint64_t               now;             /* the time of the last call, ms */
    uint64_t               sweep;           /* the bucket to sweep next */
    uint64_t               sweeper;         /* the worker: slot, incarnation */
    uint64_t               begun;           /* when the sweep began, ms */
    uint64_t               looked;          /* messages the hand has passed
                                               since it last found one */
    uint64_t               full;            /* when it had passed all, ms */
    uint64_t               hints;
    uint64_t               repairs;

    uint64_t               nundo;
    ngx_websocket_store_undo_t  undo[NGX_WEBSOCKET_STORE_JOURNAL];
};


/* a block begins with the next one of its chain, or of the free list */

typedef struct {
    ngx_websocket_ref_t    next;
    uint8_t                data[NGX_WEBSOCKET_STORE_BLOCK - 4];
} ngx_websocket_block_t;


/*
 * The subscribers and members of one worker.  The entry is live when count is
 * not 0 and the worker in the slot is still of that incarnation; without
 * members besides, and with those of a dead worker, it is free.
 */

struct ngx_websocket_entry_s {
    uint64_t               read;            /* the newest offset read; or
                                               MISSED */
    uint32_t               incarnation;
    uint32_t               count;
    uint32_t               slot;
    uint32_t               members;         /* the worker's, of the channel */
};


typedef struct {
    ngx_websocket_ref_t    next;            /* more entries */
    uint32_t               unused;
    ngx_websocket_entry_t  entries[NGX_WEBSOCKET_STORE_OVERFLOW];
} ngx_websocket_entries_t;


/* a channel's messages: changed as one word */

typedef union {
    struct {
        uint32_t           count;           /* messages */
        uint32_t           blocks;          /* of them */
    } of;
    uint64_t               word;
} ngx_websocket_held_t;


struct ngx_websocket_channel_s {
    ngx_websocket_ref_t    next;            /* of the list that it is on */
    ngx_websocket_ref_t    bucket;          /* the next of the bucket */
    uint64_t               hash;
    uint64_t               epoch;
    uint64_t               offset;          /* of the newest message */
    uint64_t               published;
    uint64_t               active;          /* last used: ms */
    uint64_t               ephemerals;      /* appended so far */
    ngx_websocket_ref_t    first;           /* messages: offsets without */
    ngx_websocket_ref_t    last;            /* a hole */
    ngx_websocket_held_t   held;
    uint32_t               length;          /* history, messages */
    uint32_t               time;            /* history, seconds; 0: any */
    uint32_t               max;             /* history, blocks; 0: any */
    ngx_websocket_ref_t    more;            /* ngx_websocket_entries_t */
    ngx_websocket_ref_t    long_name;       /* the block of a long name */
    ngx_websocket_ref_t    prev;            /* of the list that it is on */
    uint8_t                name_size;
    uint8_t                state;           /* WANTED, ASKED, LIVE */
    uint8_t                deleted;
    uint8_t                list;            /* which list */
    uint8_t                ended;           /* nothing is appended any more */
    uint8_t                name[NGX_WEBSOCKET_STORE_NAME];
    ngx_websocket_entry_t  entries[NGX_WEBSOCKET_STORE_INLINE];
    ngx_websocket_list_t   members;
    ngx_websocket_list_t   ephemeral;       /* messages without an offset */
};


/*
 * The first block of a message.  jump leads to an older message of the
 * channel, farther back the longer the way is (skew-binary jumps, as of a
 * random-access list), so that a search takes O(log n) steps; its target may
 * be gone, which the offset tells.
 *
 * An ephemeral message is on another list of its channel, in the order of its
 * numbers.  Its offset is that of the newest numbered message at the time that
 * it was appended, and nobody searches for it: it has no jump.
 */

struct ngx_websocket_message_s {
    ngx_websocket_ref_t    next;
    ngx_websocket_ref_t    end;             /* the last block of the chain */
    uint32_t               blocks:24;
    uint32_t               fraction:8;
    ngx_websocket_ref_t    channel;
    ngx_websocket_ref_t    newer;           /* of all channels */
    ngx_websocket_ref_t    older;
    ngx_websocket_ref_t    after;           /* of the channel */
    ngx_websocket_ref_t    before;
    union {
        ngx_websocket_ref_t  jump;
        uint32_t           unread;          /* ephemeral: by so many workers */
    };
    uint32_t               size;
    uint16_t               meta;
    uint8_t                type;
    uint8_t                priority;
    ngx_websocket_ref_t    same;            /* the next of the key's bucket */
    uint64_t               offset;
    union {
        uint64_t           jump_offset;     /* 0: no jump */
        uint64_t           number;          /* ephemeral: 1 for the first */
    };
    uint64_t               time;
    uint64_t               source;
    uint64_t               key[2];          /* zeros: none; the low half of the
                                               second is a digest */
    uint8_t                data[NGX_WEBSOCKET_STORE_BLOCK - 96];
};


/*
 * The first block of a member, which is on its channel's list and on its
 * worker's.  What its data has no room for here is in further blocks.
 */

typedef struct {
    ngx_websocket_ref_t    next;
    ngx_websocket_ref_t    channel;
    ngx_websocket_ref_t    after;           /* of the channel */
    ngx_websocket_ref_t    before;
    ngx_websocket_ref_t    worker_after;    /* of the worker */
    ngx_websocket_ref_t    worker_before;
    uint32_t               slot;
    uint32_t               incarnation;
    uint64_t               id;
    uint64_t               time;
    uint16_t               size;
    uint8_t                leave_message;
    uint8_t                data[NGX_WEBSOCKET_STORE_BLOCK - 51];
} ngx_websocket_member_t;


/* a message on its way into a channel */

struct ngx_websocket_store_put_s {
    ngx_websocket_store_append_t      *append;
    ngx_websocket_store_message_t     *message;   /* append's */
    ngx_websocket_reserve_t           *reserve;   /* with the bytes of a large
                                                     message; or NULL */
    uint64_t                           now;   /* the time of the message, or of
                                                 the call that places it */
    uint32_t                           live;  /* workers with subscribers */
    uint32_t                           blocks;
    ngx_websocket_store_part_t         offset;    /* in digits, if it is asked
                                                   for as a part */
    uint8_t                          digits[sizeof("18446744073709551615") - 1];
};


_Static_assert(sizeof(ngx_websocket_channel_t) <= NGX_WEBSOCKET_STORE_BLOCK
               && sizeof(ngx_websocket_message_t) == NGX_WEBSOCKET_STORE_BLOCK
               && sizeof(ngx_websocket_member_t) <= NGX_WEBSOCKET_STORE_BLOCK
               && sizeof(ngx_websocket_entries_t) <= NGX_WEBSOCKET_STORE_BLOCK,
               "the structures fit in a block");


/* fault injection: tests define it to die at the n-th store */

#ifndef ngx_websocket_store_fault
#define ngx_websocket_store_fault()
#endif

/*
 * what is done under the lock, for tests that count it: messages, channels,
 * members and buckets looked at; bytes copied, with 64 for a block in passing
 */

#ifndef ngx_websocket_store_looked
#define ngx_websocket_store_looked(n)
#define ngx_websocket_store_moved(n)
#endif

/* keeps the compiler from moving stores: a process may die between them */

#define ngx_websocket_store_order()  __asm__ volatile ("" ::: "memory")


/*
 * Stores to what others can reach.  A change is any number of these up to
 * NGX_WEBSOCKET_STORE_JOURNAL, then ngx_websocket_store_commit().
 */

static inline void
ngx_websocket_store_note(ngx_websocket_store_t *store, void *p, uint64_t old,
    uint64_t width)
{
    ngx_websocket_store_undo_t  *undo;

    undo = &store->undo[store->nundo];

    ngx_websocket_store_fault();
    undo->place = (uint64_t) ((uint8_t *) p - (uint8_t *) store);
    ngx_websocket_store_fault();
    undo->old = old;
    ngx_websocket_store_fault();
    undo->width = width;

    ngx_websocket_store_order();
    ngx_websocket_store_fault();
    store->nundo++;
    ngx_websocket_store_order();
    ngx_websocket_store_fault();
}


static inline void
ngx_websocket_store_set8(ngx_websocket_store_t *store, uint8_t *p, uint8_t v)
{
    ngx_websocket_store_note(store, p, *p, 1);
    *p = v;
    ngx_websocket_store_order();
}


static inline void
ngx_websocket_store_set32(ngx_websocket_store_t *store, uint32_t *p,
    uint32_t v)
{
    ngx_websocket_store_note(store, p, *p, 4);
    *p = v;
    ngx_websocket_store_order();
}


static inline void
ngx_websocket_store_set64(ngx_websocket_store_t *store, uint64_t *p,
    uint64_t v)
{
    ngx_websocket_store_note(store, p, *p, 8);
    *p = v;
    ngx_websocket_store_order();
}


static inline void
ngx_websocket_store_commit(ngx_websocket_store_t *store)
{
    ngx_websocket_store_order();
    ngx_websocket_store_fault();
    store->nundo = 0;
    ngx_websocket_store_order();
    ngx_websocket_store_fault();
}


static inline void *
ngx_websocket_store_at(const ngx_websocket_store_t *store, uint64_t place)
{
    return (uint8_t *) store + place;
}


static inline void *
ngx_websocket_store_block(const ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref)
{
    return ngx_websocket_store_at(store, store->blocks_at
                                 + (uint64_t) ref * NGX_WEBSOCKET_STORE_BLOCK);
}


static inline uint8_t *
ngx_websocket_store_kind(const ngx_websocket_store_t *store,
    ngx_websocket_ref_t ref)
{
    return ngx_websocket_store_at(store, store->kinds_at + ref);
}


static inline ngx_websocket_ref_t *
ngx_websocket_store_bucket(const ngx_websocket_store_t *store, uint64_t n)
{
    return (ngx_websocket_ref_t *) ngx_websocket_store_at(store,
                                                          store->buckets_at)
           + (n & (store->nbuckets - 1));
}


/* the messages with keys of that hash */

static inline ngx_websocket_ref_t *
ngx_websocket_store_keys(const ngx_websocket_store_t *store, uint64_t hash)
{
    return (ngx_websocket_ref_t *) ngx_websocket_store_at(store,
                                                          store->keys_at)
           + (hash & (store->nbuckets - 1));
}


/* adds messages, and their blocks, to the channel's counts */

static inline void
ngx_websocket_store_hold(ngx_websocket_store_t *store,
    ngx_websocket_channel_t *ch, uint32_t count, uint32_t blocks)
{
    ngx_websocket_held_t  held;

    held = ch->held;
    held.of.count += count;
    held.of.blocks += blocks;

    ngx_websocket_store_set64(store, &ch->held.word, held.word);
}


/* blocks of messages that nobody has read yet, from which on they are a crowd */

static inline uint64_t
ngx_websocket_store_crowd(const ngx_websocket_store_t *store)
{
    return store->nblocks / NGX_WEBSOCKET_STORE_CROWD;
}


/* keeps the time for calls that are not given it */

static inline void
ngx_websocket_store_tick(ngx_websocket_store_t *store, uint64_t now)
{
    ngx_websocket_store_fault();
    store->now = now;
}


/* 96 bits of a key are enough to tell keys apart: the digest has the others */

static inline uint64_t
ngx_websocket_store_key_word(const ngx_websocket_store_message_t *message)
{
    if ((message->key[0] | message->key[1]) == 0) {
        return 0;
    }

    return (message->key[1] & ~(uint64_t) UINT32_MAX) | message->digest;
}


/* the time since then, ms; 0 when the clock was set back */

static inline uint64_t
ngx_websocket_store_age(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}


#endif /* NGX_WEBSOCKET_STORE_PRIVATE_H */
