
/*
 * The store: channels and their messages in one region of shared memory.
 *
 * The region is cut into blocks of NGX_WEBSOCKET_STORE_BLOCK bytes; a channel,
 * a message, a table of subscribers is one block or a chain of them, and
 * refers to others by block number, never by address.  Nothing is allocated
 * outside the region, and no process has to give anything in it back: what a
 * worker holds bears the worker's incarnation, and is void as soon as the slot
 * has another one.
 *
 * The store does not lock.  The caller holds the zone's lock, except for the
 * functions that are marked "lock-free".
 *
 * The work of a call under the lock is bounded.  A call that has more to do
 * returns AGAIN: its change is not made yet, but the next call has less to do;
 * the caller releases the lock in between.
 *
 * A process may be killed between any two stores of a locked call.  Before
 * each store to memory that others can reach, the old value is noted in a
 * journal in the region; one store empties the journal when the change is
 * complete.  The next owner of the lock calls ngx_websocket_store_recover(),
 * which puts the noted values back.
 *
 * Plain C, no nginx header.  Times are milliseconds of the caller's clock,
 * which should be one that nobody sets.
 */


#ifndef NGX_WEBSOCKET_STORE_H
#define NGX_WEBSOCKET_STORE_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_STORE_BLOCK      256
#define NGX_WEBSOCKET_STORE_WORKERS    256   /* slots of workers */
#define NGX_WEBSOCKET_STORE_NAME_SIZE  240   /* the longest channel name */
#define NGX_WEBSOCKET_STORE_MEMBER_SIZE  1024 /* data of a member */
#define NGX_WEBSOCKET_STORE_QUOTA_SIZE  20   /* the name of a quota key */
#define NGX_WEBSOCKET_STORE_OWN        (UINT64_C(1) << 63) /* in epochs that
                                                the store gives */
#define NGX_WEBSOCKET_STORE_NOTHING    0xff  /* the type of a message that is
                                                not there: readers pass over */
#define NGX_WEBSOCKET_STORE_CROWD      4     /* unread messages in 1/n of the
                                                region are a crowd */

/* results; ngx_websocket_store_strerror() has a text for each */

#define NGX_WEBSOCKET_STORE_DUPLICATE  1     /* the message was there */
#define NGX_WEBSOCKET_STORE_OK         0
#define NGX_WEBSOCKET_STORE_EMPTY      -1    /* nothing to read now */
#define NGX_WEBSOCKET_STORE_GAP        -2    /* unread messages are gone */
#define NGX_WEBSOCKET_STORE_DELETED    -3    /* the channel was deleted */
#define NGX_WEBSOCKET_STORE_NOSPACE    -4    /* the region cannot hold it */
#define NGX_WEBSOCKET_STORE_SHORT      -5    /* the buffer is too small */
#define NGX_WEBSOCKET_STORE_NOTFOUND   -6    /* no such channel */
#define NGX_WEBSOCKET_STORE_INVALID    -7    /* not a store of this layout */
#define NGX_WEBSOCKET_STORE_FULL       -8    /* the quota is used up */
#define NGX_WEBSOCKET_STORE_AGAIN      -9    /* call again: see above */
#define NGX_WEBSOCKET_STORE_EPOCH      -10   /* the channel has another epoch */
#define NGX_WEBSOCKET_STORE_MISMATCH   -11   /* the key is another message's */
#define NGX_WEBSOCKET_STORE_ENDED      -12   /* the channel has ended */


/* in the region: store_private.h has what they are */

typedef struct ngx_websocket_store_s    ngx_websocket_store_t;
typedef struct ngx_websocket_channel_s  ngx_websocket_channel_t;
typedef struct ngx_websocket_message_s  ngx_websocket_message_t;
typedef struct ngx_websocket_entry_s    ngx_websocket_entry_t;


/* a message on its way into a channel */
typedef struct ngx_websocket_store_put_s  ngx_websocket_store_put_t;


/* the bounds of a section under the lock, for builds that count its work */

#ifndef ngx_websocket_store_section
#define ngx_websocket_store_section()
#define ngx_websocket_store_section_begin()
#endif


/* a block's number; 0 is none */
typedef uint32_t  ngx_websocket_ref_t;

/* a channel's block number; 0 is none */
typedef uint32_t  ngx_websocket_channel_ref_t;


/* a channel's history: a message is dropped when it passes one of the bounds */

typedef struct {
    uint32_t       length;          /* messages */
    uint32_t       time;            /* seconds; 0 is no limit of time */
    uint32_t       max;             /* blocks; 0 is no limit of these */
} ngx_websocket_store_history_t;


typedef struct {
    const uint8_t *data;            /* or ngx_websocket_store_offset; NULL in a
                                       large message: to be read */
    size_t         size;
} ngx_websocket_store_part_t;


/* a message's properties */

typedef struct {
    uint64_t       offset;          /* 1 for a channel's first message */
    uint64_t       time;            /* when it was appended */
    uint64_t       source;          /* the publisher: a number of the caller's,
                                       0 is nobody in particular */
    uint64_t       key[2];          /* of ngx_websocket_store_key(), or zeros;
                                       not set by a read */
    uint32_t       digest;          /* of what the publisher sent under the
                                       key; not set by a read */
    uint32_t       size;            /* bytes: meta, then payload */
    uint16_t       meta;            /* bytes of meta */
    uint8_t        type;            /* the opcode: text or binary */
    uint8_t        priority;
    uint8_t        fraction;        /* of a millisecond, 1/256, after time */
    uint8_t        ephemeral;       /* 1: not numbered, see below */
    uint8_t        end;             /* 1: the channel's last one; not set by a
                                       read */
} ngx_websocket_store_message_t;


/* workers with subscribers: bit n % 64 of word n / 64 is slot n */

typedef struct {
    uint64_t       slots[NGX_WEBSOCKET_STORE_WORKERS / 64];
} ngx_websocket_store_wake_t;


/*
 * With message->end the channel has ended: nothing is appended to it any more
 * until it is deleted.  Where the message is ephemeral and empty, it is not a
 * message, and the channel ends without one.
 */


/*
 * An ephemeral message is not part of the channel's numbering and history: it
 * is for the workers that have subscribers when it is appended, and is dropped
 * when they have read it.  message->offset is that of the newest numbered
 * message before it.
 *
 * A worker reads ephemeral and numbered messages in the order in which they
 * were appended, and each at most once.  After ten seconds, or when ephemeral
 * messages would be a crowd, the oldest may be dropped although a worker has
 * not read them; it reads no gap then.
 */


/*
 * A reader's place in a channel, in the reader's own memory.  With entry 0
 * the reader is a visitor, who reads history; else it is the one cursor of a
 * worker that subscribes to the channel, and messages that the worker has not
 * read stay in the store.
 */

typedef struct {
    ngx_websocket_channel_ref_t   channel;
    uint32_t                      message;  /* the last one read, or 0 */
    uint64_t                      epoch;
    uint64_t                      next;     /* the offset to read next */
    uint64_t                      entry;    /* place of the worker's entry */
    uint32_t                      done;     /* bytes read of a large message */
    uint32_t                      piece;    /* its block to read next */
    uint64_t                      ephemeral;  /* the number to read next */
    uint32_t                      heard;    /* the last ephemeral one read */
    uint32_t                      partly;   /* 1: done is of an ephemeral one */
} ngx_websocket_store_cursor_t;


/* a byte of a message */

typedef struct {
    uint32_t       next;            /* the block that follows */
    uint64_t       at;              /* bytes from the base */
    size_t         left;            /* bytes from there to the block's end */
} ngx_websocket_store_spot_t;


/* a large message on its way into a channel, in its author's memory */

typedef struct {
    uint32_t       reserved;        /* blocks */

    /* so far it was filled */

    size_t         part;
    size_t         done;            /* bytes of this part */
    ngx_websocket_store_spot_t  end;

    /* where the message contains its own offset in digits */

    ngx_websocket_store_spot_t  own;
    uint64_t       offset;          /* when it was filled */
    size_t         digits;          /* 0: it does not contain it yet */
} ngx_websocket_store_large_t;


typedef struct {
    uint64_t       epoch;
    uint64_t       offset;          /* of the newest message; 0 before any */
    uint64_t       first;           /* offset of the oldest message in
                                       history; offset + 1 when none is */
    uint64_t       length;          /* messages in history */
    uint64_t       published;       /* the time of the newest message, or 0 */
    uint32_t       subscribers;     /* of all live workers */
    uint32_t       members;         /* of all live workers */
    uint8_t        deleted;
    uint8_t        ended;
    uint8_t        keeps;           /* 1: messages stay in its history */
} ngx_websocket_store_info_t;


/*
 * What is appended to a channel, and what comes of it.  The members that an
 * append does not need are 0.
 */

typedef struct {
    ngx_websocket_channel_ref_t        channel;
    ngx_websocket_store_message_t     *message;
    const ngx_websocket_store_part_t  *parts;
    size_t                             n;

    /* of a large message, which is appended in steps: see store/message.h */

    ngx_websocket_store_large_t       *large;   /* or NULL */
    uint32_t                           slot;    /* the worker's */

    /*
     * Returns bytes of a part without data, in a buffer of the function's, or
     * NULL when they cannot be had.
     */
    const uint8_t                   *(*read)(void *reader, size_t part,
                                           size_t from, size_t size);
    void                              *reader;

    /* of a message that was numbered elsewhere: see store/numbered.h */

    uint64_t                           epoch;
    uint64_t                           at;      /* its offset; 0: the next */
    uint64_t                           now;     /* the time of the call */
    int                                hole;    /* 1: there is no GAP */

    /* set by the function */

    ngx_websocket_store_wake_t         wake;    /* workers with subscribers */
    ngx_websocket_store_info_t        *info;    /* the channel's state after
                                                   it; or NULL */
} ngx_websocket_store_append_t;


/* a channel's name, and which one of that name */

typedef struct {
    uint64_t       epoch;
    uint8_t        size;
    uint8_t        data[NGX_WEBSOCKET_STORE_NAME_SIZE];
} ngx_websocket_store_name_t;


/* a member of a channel: a client that is listed as present */

typedef struct {
    uint64_t       id;              /* not 0 */
    uint64_t       time;            /* when it joined */
    uint16_t       size;            /* of data */
    uint8_t        leave_message;   /* the caller's: not 0 when a message says
                                       that it left */
    uint8_t        data[NGX_WEBSOCKET_STORE_MEMBER_SIZE];
} ngx_websocket_store_member_t;

/* a member's block number; 0 is none */
typedef uint32_t  ngx_websocket_member_ref_t;


/* what is counted, and how many of it there may be at a time */

typedef struct {
    uint8_t        name[NGX_WEBSOCKET_STORE_QUOTA_SIZE];
    uint32_t       max;
} ngx_websocket_store_quota_key_t;


/* one that was acquired, in the memory of the worker that has it */

typedef struct {
    uint64_t                      entry;
    ngx_websocket_channel_ref_t   channel;
} ngx_websocket_store_quota_t;


typedef struct {
    uint64_t       blocks;          /* in all */
    uint64_t       used;            /* by channels, messages, entries */
    uint64_t       channels;
    uint64_t       messages;
} ngx_websocket_store_stat_t;


/*
 * Formats size bytes at base, which is aligned to 64 bytes.  seed is random:
 * it keys the hash of names and begins the epochs.  Returns OK, or NOSPACE
 * when size is below the minimum.
 */
int ngx_websocket_store_format(void *base, size_t size,
    const uint8_t seed[16]);

/*
 * Has a store go on whose users are all gone, at whatever moment: undoes what
 * was half done, and voids all that workers held.  Returns OK, or INVALID
 * when what it says of its region cannot be: nothing was touched then.
 */
int ngx_websocket_store_revive(ngx_websocket_store_t *store);

/*
 * Opens a region that this process or another has formatted.  Returns the
 * store, or NULL when the region is not a store of this layout and size.
 */
ngx_websocket_store_t *ngx_websocket_store_open(void *base, size_t size);

/*
 * Undoes the change that the lock's owner had not completed when it died; does
 * nothing when there is none.  The process that takes the lock after a dead
 * owner calls it first.  Readers notice by ngx_websocket_store_repairs() that
 * hints may be missing.
 */
void ngx_websocket_store_recover(ngx_websocket_store_t *store);

/* A constant string for a return value. */
const char *ngx_websocket_store_strerror(int rc);

/*
 * Lock-free.  Returns the keyed hash of a name (SipHash-1-3), to be computed
 * before the lock is taken.
 */
uint64_t ngx_websocket_store_hash(const ngx_websocket_store_t *store,
    const uint8_t *name, size_t size);


/*
 * Lock-free.  Sets key to the keyed hash of a publisher's idempotency key:
 * messages of a channel with equal keys are the same message.  Only the first
 * 255 bytes of the data count.
 */
void ngx_websocket_store_key(const ngx_websocket_store_t *store,
    const uint8_t *data, size_t size, uint64_t key[2]);


/*
 * Gives the slot to an incarnation of a worker, or to nobody (0).  All that an
 * earlier incarnation held in the store is void from then on; later calls free
 * it when they meet it.
 */
void ngx_websocket_store_attach(ngx_websocket_store_t *store, uint32_t slot,
    uint32_t incarnation);

/*
 * Lock-free; while the lock is held it does not change.  Returns which
 * incarnation of a worker has the slot, 0 for none.
 */
uint32_t ngx_websocket_store_attached(const ngx_websocket_store_t *store,
    uint32_t slot);

/* Sets *stat to what is in the store now. */
void ngx_websocket_store_stat(ngx_websocket_store_t *store,
    ngx_websocket_store_stat_t *stat);


/*
 * Hints are a ring of channels in which something was appended or deleted, in
 * order; the oldest are overwritten.  A worker keeps the position up to which
 * it has read them, beginning with ngx_websocket_store_hints(), and looks at
 * each channel that it reads there.  These functions are lock-free.
 */

/* Returns the position after the newest hint. */
uint64_t ngx_websocket_store_hints(const ngx_websocket_store_t *store);

/*
 * Reads the hint at *position and advances it.  *offset is set to the low 32
 * bits of the appended offset, or to 0 for a deletion and an ephemeral message:
 * the channel is to be looked at in any case.  Returns OK, EMPTY, or GAP when
 * the ring was overwritten: *position is then after the newest hint, and every
 * channel is to be looked at.
 */
int ngx_websocket_store_hint(const ngx_websocket_store_t *store,
    uint64_t *position,
    ngx_websocket_channel_ref_t *channel, uint32_t *offset);

/*
 * Returns how many times the store was recovered.  When the number changes,
 * every channel is to be looked at: a worker may have died after its append,
 * before its hint.
 */
uint64_t ngx_websocket_store_repairs(const ngx_websocket_store_t *store);


/* for the other files of the store */

/* Adds a hint, after the change was committed. */
void ngx_websocket_store_publish_hint(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t offset);

/* Returns how many blocks are free. */
uint32_t ngx_websocket_store_free_blocks(const ngx_websocket_store_t *store);

/*
 * Puts blocks that were never used on the free list until it has n; there are
 * n free blocks.  Memory is not touched before it is needed.
 */
void ngx_websocket_store_list(ngx_websocket_store_t *store, uint32_t n);

/*
 * Takes n blocks off the free list, which has as many.  Returns the first of
 * their chain, with *end set to the last: to be committed.
 */
ngx_websocket_ref_t ngx_websocket_store_take(ngx_websocket_store_t *store,
    uint32_t n, ngx_websocket_ref_t *end);

/* Puts a chain of n blocks on the free list: to be committed. */
void ngx_websocket_store_give(ngx_websocket_store_t *store,
    ngx_websocket_ref_t first, ngx_websocket_ref_t end, uint32_t n);


#endif /* NGX_WEBSOCKET_STORE_H */
