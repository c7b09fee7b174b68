
/*
 * The log: channels and their messages in one region of shared memory.
 *
 * The region is cut into blocks of NGX_WEBSOCKET_LOG_BLOCK bytes; a channel,
 * a message, a table of subscribers is one block or a chain of them, and
 * refers to others by block number, never by address.  Nothing is allocated
 * outside the region, and nothing in it belongs to a process that would have
 * to give it back: what a worker holds bears the worker's incarnation, and
 * is void as soon as the slot has another one.
 *
 * The log does not lock.  Whoever calls a function of the first kind holds
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
 * ngx_websocket_log_recover(), which puts back what stood half-written.
 *
 * Plain C, no nginx header.  Times are milliseconds of whatever clock the
 * caller has, best of one that nobody sets.
 */


#ifndef NGX_WEBSOCKET_LOG_H
#define NGX_WEBSOCKET_LOG_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_LOG_BLOCK      256
#define NGX_WEBSOCKET_LOG_WORKERS    256   /* slots of workers */
#define NGX_WEBSOCKET_LOG_NAME_SIZE  240   /* the longest channel name */
#define NGX_WEBSOCKET_LOG_MEMBER_SIZE  192 /* what is kept of a member */
#define NGX_WEBSOCKET_LOG_ROW_SIZE   20    /* the name of a row of seats */
#define NGX_WEBSOCKET_LOG_CROWD      4     /* the part of the region, 1/n, that
                                              is a crowd of messages */

/* what the functions return; ngx_websocket_log_strerror() says it */

#define NGX_WEBSOCKET_LOG_DUPLICATE   1    /* was appended before */
#define NGX_WEBSOCKET_LOG_OK          0
#define NGX_WEBSOCKET_LOG_EMPTY      -1    /* nothing to read now */
#define NGX_WEBSOCKET_LOG_GAP        -2    /* messages were lost to us */
#define NGX_WEBSOCKET_LOG_DELETED    -3    /* the channel was deleted */
#define NGX_WEBSOCKET_LOG_NOSPACE    -4    /* the region cannot hold it */
#define NGX_WEBSOCKET_LOG_SHORT      -5    /* the buffer is too small */
#define NGX_WEBSOCKET_LOG_NOTFOUND   -6    /* no such channel */
#define NGX_WEBSOCKET_LOG_INVALID    -7    /* not a log, or another layout */
#define NGX_WEBSOCKET_LOG_FULL       -8    /* as many as there may be */
#define NGX_WEBSOCKET_LOG_AGAIN      -9    /* call again: see below */


typedef struct ngx_websocket_log_s  ngx_websocket_log_t;   /* in the region */


/* the end of a section under the lock, for builds that count what is done */

#ifndef ngx_websocket_log_section
#define ngx_websocket_log_section()
#define ngx_websocket_log_section_begin()
#endif


/* a channel's block number; 0 is none */
typedef uint32_t  ngx_websocket_channel_ref_t;


/* what a channel keeps; a message goes when one of the bounds is passed */

typedef struct {
    uint32_t       length;          /* messages */
    uint32_t       time;            /* seconds; 0 is no limit of time */
    uint32_t       max;             /* blocks; 0 is no limit of these */
} ngx_websocket_log_history_t;


typedef struct {
    const uint8_t *data;            /* or ngx_websocket_log_offset */
    size_t         size;
} ngx_websocket_log_part_t;


/* the data of a part, of size 0, that is the message's offset, in decimal */
extern const uint8_t  ngx_websocket_log_offset[];


/* what is known of a message beside its bytes */

typedef struct {
    uint64_t       offset;          /* 1 for a channel's first message */
    uint64_t       time;            /* when it was appended */
    uint64_t       source;          /* who published it: the caller's own
                                       numbering, 0 is nobody in particular */
    uint64_t       key[2];          /* of ngx_websocket_log_key(), or zeros;
                                       not told by who reads */
    uint32_t       size;            /* of all parts: meta, then payload */
    uint16_t       meta;            /* how many of them are meta */
    uint8_t        type;            /* the opcode: text or binary */
    uint8_t        priority;
    uint8_t        fraction;        /* of time, for who tells it finer */
} ngx_websocket_log_message_t;


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
} ngx_websocket_log_cursor_t;


/* a large message on its way into a channel, in its author's memory */

typedef struct {
    uint64_t       offset;          /* that it was filled with */
    uint32_t       reserved;        /* blocks */
    uint32_t       next;            /* where its own offset stands in it: the */
    uint64_t       at;              /* block that follows, bytes from the */
    size_t         left;            /* base, bytes left there; 0: nowhere */
    size_t         digits;
} ngx_websocket_log_large_t;


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
} ngx_websocket_log_info_t;


/* who is on a channel, as it said itself */

typedef struct {
    uint64_t       id;              /* not 0 */
    uint64_t       time;            /* of its joining */
    uint16_t       size;            /* of data */
    uint8_t        mourn;           /* the caller's: tell of its death */
    uint8_t        data[NGX_WEBSOCKET_LOG_MEMBER_SIZE];
} ngx_websocket_log_member_t;

/* a member's block number; 0 is none */
typedef uint32_t  ngx_websocket_member_ref_t;


/* seats, of which no more than max are taken at a time */

typedef struct {
    uint8_t        name[NGX_WEBSOCKET_LOG_ROW_SIZE];
    uint32_t       max;
} ngx_websocket_log_row_t;


/* who sits keeps it in its own memory */

typedef struct {
    uint64_t                      entry;
    ngx_websocket_channel_ref_t   channel;
} ngx_websocket_log_seat_t;


/* workers with live subscribers: bit n of word n / 64 is slot n */

typedef struct {
    uint64_t       slots[NGX_WEBSOCKET_LOG_WORKERS / 64];
} ngx_websocket_log_wake_t;


typedef struct {
    uint64_t       blocks;          /* in all */
    uint64_t       used;            /* by channels, messages, entries */
    uint64_t       channels;
    uint64_t       messages;
} ngx_websocket_log_stat_t;


/* The smallest region that can be formatted, bytes. */
size_t ngx_websocket_log_min_size(void);

/*
 * Formats size bytes at base, which is aligned to 64 bytes.  seed is random:
 * it keys the hash of names and begins the epochs.  Returns OK, or NOSPACE
 * when size is below the minimum.
 */
int ngx_websocket_log_format(void *base, size_t size, const uint8_t seed[16]);

/*
 * Takes up a region that was formatted before, by this process or another.
 * Returns the log, or NULL when the region is not a log of this layout and
 * size.
 */
ngx_websocket_log_t *ngx_websocket_log_open(void *base, size_t size);

/*
 * Undoes a change that its author did not live to complete; without one it
 * does nothing.  To be called by who took the lock after a dead owner.
 * Readers find by ngx_websocket_log_repairs() that hints may be missing.
 */
void ngx_websocket_log_recover(ngx_websocket_log_t *log);

/*
 * Examines the whole log: every block is free or reachable exactly once,
 * every list is in order, every count is right.  For tests: it may allocate
 * from the heap, and takes as long as it takes.  Returns NULL, or a constant
 * string that says what is wrong.
 */
const char *ngx_websocket_log_check(ngx_websocket_log_t *log);

/* A constant string for a return value. */
const char *ngx_websocket_log_strerror(int rc);

/*
 * Lock-free.  The keyed hash of a name (SipHash-1-3), to be computed before
 * the lock is taken.
 */
uint64_t ngx_websocket_log_hash(const ngx_websocket_log_t *log,
    const uint8_t *name, size_t size);


/*
 * Lock-free.  The keyed hash of what a publisher gives to say that a message
 * is the same one: messages of a channel with equal keys are.  Of a key of
 * more than 255 bytes only the first 255 count.
 */
void ngx_websocket_log_key(const ngx_websocket_log_t *log,
    const uint8_t *data, size_t size, uint64_t key[2]);


/*
 * Says which incarnation of a worker has the slot; 0 says that nobody has.
 * All that an earlier incarnation held in the log is void from then on:
 * what remains of it is freed as it is met.
 */
void ngx_websocket_log_attach(ngx_websocket_log_t *log, uint32_t slot,
    uint32_t incarnation);

/*
 * Lock-free, but with the lock held nobody changes it.  Which incarnation of a
 * worker has the slot in this log, 0 for none.
 */
uint32_t ngx_websocket_log_attached(const ngx_websocket_log_t *log,
    uint32_t slot);


/*
 * Finds a channel by name, 1 to NGX_WEBSOCKET_LOG_NAME_SIZE bytes.  Returns
 * its ref, or 0 when there is none (or it was deleted).
 */
ngx_websocket_channel_ref_t ngx_websocket_log_find(ngx_websocket_log_t *log,
    const uint8_t *name, size_t size, uint64_t hash);

/*
 * Finds a channel, or makes it, with an epoch that no other channel of this
 * log has or had.  history, where it is not NULL, is what the channel keeps
 * from now on.  Room is made as ngx_websocket_log_append() makes it.
 * Returns OK with *channel set, NOSPACE, or AGAIN.
 */
int ngx_websocket_log_open_channel(ngx_websocket_log_t *log,
    const uint8_t *name, size_t size, uint64_t hash, uint64_t now,
    const ngx_websocket_log_history_t *history,
    ngx_websocket_channel_ref_t *channel);

/*
 * Deletes a channel: its messages go, its name is free for a new channel
 * with a new epoch, and a hint tells every worker.  The messages are garbage,
 * which counts as free and is what room is made of first.  The remains live
 * until the last live subscriber's worker has unsubscribed.  *wake gets the
 * workers to wake.
 */
void ngx_websocket_log_delete(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_wake_t *wake);

/* What there is to say of a channel. */
void ngx_websocket_log_info(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_info_t *info);


/*
 * Appends a message of n parts to a channel.  message->time (now), source,
 * key, meta, type, priority and fraction are the caller's; offset and size are
 * set.  *wake gets the workers that have subscribers, *info the channel's
 * state after the append (either may be NULL).
 *
 * With a key that a message of the channel bears which is still in the log,
 * nothing is appended: DUPLICATE, with message->offset and time set to that
 * message's.
 *
 * First drops, in constant amortised time, what the channel's history no
 * longer keeps and every subscribed worker has read.  When blocks are short,
 * the channels go that have neither messages nor subscribers nor members, then
 * the oldest messages of the whole log, as long as no live subscribed worker
 * has yet to read them, or they are older than ten seconds (a worker that
 * hangs must not stop all publishing: it will be told of a gap).
 *
 * The time of a message is never before that of others: where message->time
 * is, as its author was held up, it is set to the present.
 *
 * Returns OK; NOSPACE with nothing appended (what had to go for the attempt
 * may be gone, but not when the message is larger than the region could ever
 * hold, or than a message may be: this is seen first); or AGAIN.
 */
int ngx_websocket_log_append(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake, ngx_websocket_log_info_t *info);


/*
 * Appending a message that is larger than NGX_WEBSOCKET_LOG_PIECE, so that the
 * lock is not held while it is copied: its blocks are reserved in the name of
 * the worker in the slot, which has one such message at a time; the worker
 * fills them, which is lock-free; then they are appended.  All three get the
 * same message and parts, and *large, which is zeroed before the first.
 *
 * reserve() returns OK, NOSPACE, or AGAIN; append_large() what append() does:
 * AGAIN says to begin with reserve() once more.  What was reserved and did not
 * become a message is to be given back by unreserve(), or is when the slot has
 * another incarnation.
 */
#define NGX_WEBSOCKET_LOG_PIECE      (512 * 1024)

int ngx_websocket_log_reserve(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_log_large_t *large);
void ngx_websocket_log_fill(ngx_websocket_log_t *log,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_log_large_t *large);
int ngx_websocket_log_append_large(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n, uint32_t slot,
    ngx_websocket_log_large_t *large, ngx_websocket_log_wake_t *wake,
    ngx_websocket_log_info_t *info);
void ngx_websocket_log_unreserve(ngx_websocket_log_t *log, uint32_t slot);

/*
 * Counts one more subscriber of the worker in the slot.  With the worker's
 * first one (*cursor has entry 0) the cursor is set to read what is appended
 * from now on; else the worker's cursor of this channel is passed.
 * *offset gets the channel's newest offset: the new subscriber is due
 * everything after it.  Returns OK, NOSPACE or AGAIN.
 */
int ngx_websocket_log_subscribe(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot, uint64_t now,
    ngx_websocket_log_cursor_t *cursor, uint64_t *offset);

/*
 * Counts one subscriber less.  With the last one the worker's entry goes,
 * cursor->entry becomes 0, and a deleted channel without further live
 * entries is freed.
 */
void ngx_websocket_log_unsubscribe(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor, uint64_t now);

/*
 * Takes a seat in each of n rows, whose names differ, in the name of the
 * worker in the slot.  A seat is taken until it is given back, or the worker's
 * slot has another incarnation.  Returns OK with the seats set; or with none
 * taken FULL when there is none left in one of them, NOSPACE or AGAIN.
 */
int ngx_websocket_log_sit(ngx_websocket_log_t *log,
    const ngx_websocket_log_row_t *rows, size_t n, uint32_t slot,
    uint64_t now, ngx_websocket_log_seat_t *seats);

/* Gives n seats back. */
void ngx_websocket_log_rise(ngx_websocket_log_t *log,
    const ngx_websocket_log_seat_t *seats, size_t n, uint64_t now);

/*
 * Is a large part of the region, by a guess, full of what one of the channel's
 * workers has yet to read?  Returns 0, 1 when it is only the one in the slot,
 * or 2.
 */
int ngx_websocket_log_crowded(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot);

/*
 * Makes somebody a member of the channel, in the name of the worker in the
 * slot; with it a message of n parts is appended, or none where message is
 * NULL: both happen, or neither.  *wake is set as by append.  The member is
 * on the list until it leaves, or its worker's slot has another incarnation.
 * Returns OK with *ref set, NOSPACE or AGAIN.
 */
int ngx_websocket_log_join(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint32_t slot,
    const ngx_websocket_log_member_t *member,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake, ngx_websocket_member_ref_t *ref);

/*
 * Takes a member off its channel's list, with a message as join.  Where there
 * is no space for the message, or the channel was deleted, the member goes
 * without.  Returns OK, or with a message AGAIN.
 */
int ngx_websocket_log_leave(ngx_websocket_log_t *log,
    ngx_websocket_member_ref_t ref, uint64_t now,
    ngx_websocket_log_message_t *message,
    const ngx_websocket_log_part_t *parts, size_t n,
    ngx_websocket_log_wake_t *wake);

/* What was said of a member when it joined. */
void ngx_websocket_log_member(ngx_websocket_log_t *log,
    ngx_websocket_member_ref_t ref, ngx_websocket_log_member_t *member);

/*
 * A member whose worker died and that has yet to be taken off by leave():
 * returns 0 when there is none.
 */
ngx_websocket_member_ref_t ngx_websocket_log_orphan(ngx_websocket_log_t *log,
    ngx_websocket_log_member_t *member);

/*
 * Copies up to *n members of the channel in the order of their joining, first
 * those after the one that *ref and *id say, or from the first when *ref is
 * 0; advances *ref and *id and sets *n, which may be 0 where many have died.
 * Returns OK, EMPTY when these were the last, or GAP when the one said is not
 * a member any more.
 */
int ngx_websocket_log_members(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, ngx_websocket_member_ref_t *ref,
    uint64_t *id, ngx_websocket_log_member_t *members, uint32_t *n);


/*
 * Sets a visitor's cursor to read from offset on.  Takes O(log n) steps in a
 * history of n messages.  Returns OK (also for the offset after the newest),
 * or GAP when the history does not reach back that far or has not come that
 * far: the cursor is then at the oldest message that there is.
 */
int ngx_websocket_log_seek(ngx_websocket_log_t *log,
    ngx_websocket_channel_ref_t channel, uint64_t offset,
    ngx_websocket_log_cursor_t *cursor);

/*
 * Copies the next message, meta first, to buf and advances the cursor, and
 * with it, in the log, the worker's progress.  A visitor is not given what
 * the channel's history no longer keeps.  Returns
 *   OK       *message is set, buf filled;
 *   EMPTY    all is read;
 *   SHORT    *message is set, but size is less than message->size: nothing
 *            was copied, the cursor stays;
 *   AGAIN    a part of a large message was copied: to be called again with the
 *            same buffer;
 *   GAP      what should come next is gone: it is said again and again, until
 *            who reads acknowledges it by ngx_websocket_log_skip();
 *   DELETED  the channel (or this incarnation of it) is gone.
 */
int ngx_websocket_log_read(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor, ngx_websocket_log_message_t *message,
    uint8_t *buf, size_t size);

/*
 * Acknowledges a gap: the cursor moves to the oldest message that there is,
 * or to the next one to come.  Does nothing where there is no gap.
 */
void ngx_websocket_log_skip(ngx_websocket_log_t *log,
    ngx_websocket_log_cursor_t *cursor);


/*
 * Looks at up to n of the next buckets of the channel table, of which the log
 * remembers where it stopped: drops the messages whose time is over, what is
 * left of dead workers, and channels that for idle milliseconds had neither
 * subscriber, history nor publish; before that what is left of deleted
 * channels.  Returns how many buckets it got past: it may be none.
 */
uint64_t ngx_websocket_log_sweep(ngx_websocket_log_t *log, uint64_t n,
    uint64_t now, uint64_t idle);

/* How many buckets there are. */
uint64_t ngx_websocket_log_buckets(const ngx_websocket_log_t *log);

/*
 * One worker at a time sweeps, and begins no sooner than pause milliseconds
 * after another has begun: returns 1 to the one in the slot when it is the one,
 * until it gives this up, has died, or has hung for ten seconds.
 */
int ngx_websocket_log_sweeper(ngx_websocket_log_t *log, uint32_t slot,
    uint64_t now, uint64_t pause);
void ngx_websocket_log_swept(ngx_websocket_log_t *log, uint32_t slot);

void ngx_websocket_log_stat(ngx_websocket_log_t *log,
    ngx_websocket_log_stat_t *stat);


/*
 * Hints: where something was appended or deleted, in order; a ring that is
 * overwritten.  A worker keeps the position up to which it has read them,
 * beginning with ngx_websocket_log_hints(), and looks at each channel that is
 * hinted.  All three are lock-free.
 */

/* The position after the newest hint. */
uint64_t ngx_websocket_log_hints(const ngx_websocket_log_t *log);

/*
 * Reads the hint at *position and advances it.  *offset gets the low 32 bits
 * of the appended offset (0 for a deletion: look in any case).  Returns OK,
 * EMPTY, or GAP when the ring was overwritten: *position is then at the
 * newest, and every channel must be looked at.
 */
int ngx_websocket_log_hint(const ngx_websocket_log_t *log, uint64_t *position,
    ngx_websocket_channel_ref_t *channel, uint32_t *offset);

/*
 * How many times the log was recovered.  After a change every channel must
 * be looked at: a hint may have been lost with its author.
 */
uint64_t ngx_websocket_log_repairs(const ngx_websocket_log_t *log);


#endif /* NGX_WEBSOCKET_LOG_H */
