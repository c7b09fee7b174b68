
/*
 * The store: channels and their messages in one region of shared memory.
 *
 * The region is cut into blocks of NGX_WEBSOCKET_STORE_BLOCK bytes; a channel,
 * a message, a table of subscribers is one block or a chain of them, and
 * refers to others by block number, never by address.  Nothing is allocated
 * outside the region, and nothing in it belongs to a process that would have
 * to give it back: what a worker holds bears the worker's incarnation, and
 * is void as soon as the slot has another one.
 *
 * The store does not lock.  Whoever calls a function of the first kind holds
 * the zone's lock; the functions of the second kind (marked "lock-free")
 * need none.
 *
 * What is done while the lock is held is bounded.  A call that has more to do
 * returns AGAIN: what it was to do is not done yet, but the next call has less
 * to do; the lock is to be given to others in between.
 *
 * A process may be killed between any two stores of a locked call.  Each
 * store to what others can reach is preceded by a note of the old value in a
 * journal in the region, and the journal is emptied by one store when the
 * change is complete; the next owner of the lock calls
 * ngx_websocket_store_recover(), which puts back what stood half-written.
 *
 * Plain C, no nginx header.  Times are milliseconds of whatever clock the
 * caller has, best of one that nobody sets.
 */


#ifndef NGX_WEBSOCKET_STORE_H
#define NGX_WEBSOCKET_STORE_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_STORE_BLOCK      256
#define NGX_WEBSOCKET_STORE_WORKERS    256   /* slots of workers */
#define NGX_WEBSOCKET_STORE_NAME_SIZE  240   /* the longest channel name */
#define NGX_WEBSOCKET_STORE_MEMBER_SIZE  192   /* what is kept of a member */
#define NGX_WEBSOCKET_STORE_QUOTA_SIZE   20    /* the name of a row of quotas */
#define NGX_WEBSOCKET_STORE_CROWD      4     /* the part of the region, 1/n,
                                                that is a crowd of messages */

/* what the functions return; ngx_websocket_store_strerror() says it */

#define NGX_WEBSOCKET_STORE_DUPLICATE   1    /* was appended before */
#define NGX_WEBSOCKET_STORE_OK          0
#define NGX_WEBSOCKET_STORE_EMPTY      -1    /* nothing to read now */
#define NGX_WEBSOCKET_STORE_GAP        -2    /* messages were lost to us */
#define NGX_WEBSOCKET_STORE_DELETED    -3    /* the channel was deleted */
#define NGX_WEBSOCKET_STORE_NOSPACE    -4    /* the region cannot hold it */
#define NGX_WEBSOCKET_STORE_SHORT      -5    /* the buffer is too small */
#define NGX_WEBSOCKET_STORE_NOTFOUND   -6    /* no such channel */
#define NGX_WEBSOCKET_STORE_INVALID    -7    /* not a store, or another layout */
#define NGX_WEBSOCKET_STORE_FULL       -8    /* as many as there may be */
#define NGX_WEBSOCKET_STORE_AGAIN      -9    /* call again: see below */
#define NGX_WEBSOCKET_STORE_EPOCH      -10   /* the channel has another epoch */


/* in the region: store_private.h has what they are */

typedef struct ngx_websocket_store_s    ngx_websocket_store_t;
typedef struct ngx_websocket_channel_s  ngx_websocket_channel_t;
typedef struct ngx_websocket_message_s  ngx_websocket_message_t;
typedef struct ngx_websocket_entry_s    ngx_websocket_entry_t;


/* a message on its way into a channel */
typedef struct ngx_websocket_store_put_s  ngx_websocket_store_put_t;


/* the end of a section under the lock, for builds that count what is done */

#ifndef ngx_websocket_store_section
#define ngx_websocket_store_section()
#define ngx_websocket_store_section_begin()
#endif


/* a block's number; 0 is none */
typedef uint32_t  ngx_websocket_ref_t;

/* a channel's block number; 0 is none */
typedef uint32_t  ngx_websocket_channel_ref_t;


/* what a channel keeps; a message goes when one of the bounds is passed */

typedef struct {
    uint32_t       length;          /* messages */
    uint32_t       time;            /* seconds; 0 is no limit of time */
    uint32_t       max;             /* blocks; 0 is no limit of these */
} ngx_websocket_store_history_t;


typedef struct {
    const uint8_t *data;            /* or ngx_websocket_store_offset */
    size_t         size;
} ngx_websocket_store_part_t;


/* what is known of a message beside its bytes */

typedef struct {
    uint64_t       offset;          /* 1 for a channel's first message */
    uint64_t       time;            /* when it was appended */
    uint64_t       source;          /* who published it: the caller's own
                                       numbering, 0 is nobody in particular */
    uint64_t       key[2];          /* of ngx_websocket_store_key(), or zeros;
                                       not told by who reads */
    uint32_t       size;            /* of all parts: meta, then payload */
    uint16_t       meta;            /* how many of them are meta */
    uint8_t        type;            /* the opcode: text or binary */
    uint8_t        priority;
    uint8_t        fraction;        /* of time, for who tells it finer */
    uint8_t        ephemeral;       /* it has no offset: see below */
} ngx_websocket_store_message_t;


/*
 * An ephemeral message is not part of the channel's numbering or history: it
 * goes to the workers that have subscribers when it is appended, and is gone
 * when they have read it.  message->offset is that of the newest numbered
 * message before it.
 *
 * A worker reads ephemeral and numbered messages in the order in which they
 * were appended, and each at most once.  One that a worker has not read within
 * ten seconds may be dropped for want of space or with those after it; so it
 * is where the worker died.  Nobody is told of it: there is no gap.
 */


/*
 * A reader's place in a channel, in the reader's own memory.  With entry 0
 * it is a visitor's (history); else it is the one cursor of a worker that
 * subscribes to the channel, and its progress holds unread messages in the
 * log.
 */

typedef struct {
    ngx_websocket_channel_ref_t   channel;
    uint32_t                      message;  /* the last one read, or 0 */
    uint64_t                      epoch;
    uint64_t                      next;     /* the offset to read next */
    uint64_t                      entry;    /* place of the worker's entry */
    uint32_t                      done;     /* bytes of it that were read */
    uint32_t                      piece;    /* the block that comes then */
    uint64_t                      ephemeral;  /* the number to read next */
    uint32_t                      heard;    /* the last ephemeral one read */
    uint32_t                      partly;   /* done is of an ephemeral one */
} ngx_websocket_store_cursor_t;


/* a large message on its way into a channel, in its author's memory */

typedef struct {
    uint64_t       offset;          /* that it was filled with */
    uint32_t       reserved;        /* blocks */
    uint32_t       next;            /* where its own offset stands in it: the */
    uint64_t       at;              /* block that follows, bytes from the */
    size_t         left;            /* base, bytes left there; 0: nowhere */
    size_t         digits;
} ngx_websocket_store_large_t;


typedef struct {
    uint64_t       epoch;
    uint64_t       offset;          /* of the newest message; 0 before any */
    uint64_t       first;           /* offset of the oldest message in
                                       history; offset + 1 when none is */
    uint64_t       length;          /* messages in history */
    uint64_t       published;       /* when last; 0 never */
    uint32_t       subscribers;     /* of all live workers */
    uint32_t       members;         /* who joined and did not leave */
    uint8_t        deleted;
} ngx_websocket_store_info_t;


/* a channel's name, and which one of that name */

typedef struct {
    uint64_t       epoch;
    uint8_t        size;
    uint8_t        data[NGX_WEBSOCKET_STORE_NAME_SIZE];
} ngx_websocket_store_name_t;


/* who is on a channel, as it said itself */

typedef struct {
    uint64_t       id;              /* not 0 */
    uint64_t       time;            /* of its joining */
    uint16_t       size;            /* of data */
    uint8_t        leave_message;   /* the caller's: tell of its death */
    uint8_t        data[NGX_WEBSOCKET_STORE_MEMBER_SIZE];
} ngx_websocket_store_member_t;

/* a member's block number; 0 is none */
typedef uint32_t  ngx_websocket_member_ref_t;


/* quotas, of which no more than max are taken at a time */

typedef struct {
    uint8_t        name[NGX_WEBSOCKET_STORE_QUOTA_SIZE];
    uint32_t       max;
} ngx_websocket_store_quota_key_t;


/* who sits keeps it in its own memory */

typedef struct {
    uint64_t                      entry;
    ngx_websocket_channel_ref_t   channel;
} ngx_websocket_store_quota_t;


/* workers with live subscribers: bit n of word n / 64 is slot n */

typedef struct {
    uint64_t       slots[NGX_WEBSOCKET_STORE_WORKERS / 64];
} ngx_websocket_store_wake_t;


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
 * Takes up a region that was formatted before, by this process or another.
 * Returns the store, or NULL when the region is not a store of this layout and
 * size.
 */
ngx_websocket_store_t *ngx_websocket_store_open(void *base, size_t size);

/*
 * Undoes a change that its author did not live to complete; without one it
 * does nothing.  To be called by who took the lock after a dead owner.
 * Readers find by ngx_websocket_store_repairs() that hints may be missing.
 */
void ngx_websocket_store_recover(ngx_websocket_store_t *store);

/* A constant string for a return value. */
const char *ngx_websocket_store_strerror(int rc);

/*
 * Lock-free.  The keyed hash of a name (SipHash-1-3), to be computed before
 * the lock is taken.
 */
uint64_t ngx_websocket_store_hash(const ngx_websocket_store_t *store,
    const uint8_t *name, size_t size);


/*
 * Lock-free.  The keyed hash of what a publisher gives to say that a message
 * is the same one: messages of a channel with equal keys are.  Of a key of
 * more than 255 bytes only the first 255 count.
 */
void ngx_websocket_store_key(const ngx_websocket_store_t *store,
    const uint8_t *data, size_t size, uint64_t key[2]);


/*
 * Says which incarnation of a worker has the slot; 0 says that nobody has.
 * All that an earlier incarnation held in the store is void from then on:
 * what remains of it is freed as it is met.
 */
void ngx_websocket_store_attach(ngx_websocket_store_t *store, uint32_t slot,
    uint32_t incarnation);

/*
 * Lock-free, but with the lock held nobody changes it.  Which incarnation of a
 * worker has the slot in this store, 0 for none.
 */
uint32_t ngx_websocket_store_attached(const ngx_websocket_store_t *store,
    uint32_t slot);

/* What there is in the store now. */
void ngx_websocket_store_stat(ngx_websocket_store_t *store,
    ngx_websocket_store_stat_t *stat);


/*
 * Hints: where something was appended or deleted, in order; a ring that is
 * overwritten.  A worker keeps the position up to which it has read them,
 * beginning with ngx_websocket_store_hints(), and looks at each channel that
 * is hinted.  All three are lock-free.
 */

/* The position after the newest hint. */
uint64_t ngx_websocket_store_hints(const ngx_websocket_store_t *store);

/*
 * Reads the hint at *position and advances it.  *offset gets the low 32 bits
 * of the appended offset (0 for a deletion: look in any case).  Returns OK,
 * EMPTY, or GAP when the ring was overwritten: *position is then at the
 * newest, and every channel must be looked at.
 */
int ngx_websocket_store_hint(const ngx_websocket_store_t *store,
    uint64_t *position,
    ngx_websocket_channel_ref_t *channel, uint32_t *offset);

/*
 * How many times the store was recovered.  After a change every channel must
 * be looked at: a hint may have been lost with its author.
 */
uint64_t ngx_websocket_store_repairs(const ngx_websocket_store_t *store);


/* for the other files of the store */

/* Tells workers of a change that was committed. */
void ngx_websocket_store_publish_hint(ngx_websocket_store_t *store,
    ngx_websocket_ref_t channel, uint64_t offset);

/* How many blocks are free. */
uint32_t ngx_websocket_store_free_blocks(const ngx_websocket_store_t *store);

/*
 * Sees to it that n blocks are on the free list, of those that are free: a
 * block that was never used is not touched before it is needed.
 */
void ngx_websocket_store_list(ngx_websocket_store_t *store, uint32_t n);

/*
 * Takes n blocks off the free list, where there are as many, as a chain.
 */
ngx_websocket_ref_t ngx_websocket_store_take(ngx_websocket_store_t *store,
    uint32_t n, ngx_websocket_ref_t *end);

/* Gives a chain of n blocks back to the free list. */
void ngx_websocket_store_give(ngx_websocket_store_t *store,
    ngx_websocket_ref_t first, ngx_websocket_ref_t end, uint32_t n);


#endif /* NGX_WEBSOCKET_STORE_H */
