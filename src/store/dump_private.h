
/*
 * The form of dumps and of logs, for those who write and load them.
 */


#ifndef NGX_WEBSOCKET_DUMP_PRIVATE_H
#define NGX_WEBSOCKET_DUMP_PRIVATE_H


#include <stddef.h>
#include <string.h>
#include <zlib.h>

#include "store/store.h"


#define NGX_WEBSOCKET_DUMP_MAGIC    "ngxwsdmp"
#define NGX_WEBSOCKET_DUMP_LOG      "ngxwslog"
#define NGX_WEBSOCKET_DUMP_FORMAT   2

/* records: MORE are the author's own, LOGGED are all that a log has */
#define NGX_WEBSOCKET_DUMP_CHANNEL  1
#define NGX_WEBSOCKET_DUMP_MESSAGE  2
#define NGX_WEBSOCKET_DUMP_MORE     3
#define NGX_WEBSOCKET_DUMP_END      4
#define NGX_WEBSOCKET_DUMP_LOGGED   5


#define ngx_websocket_dump_min(a, b)  ((a) < (b) ? (a) : (b))


typedef struct {
    uint8_t        magic[8];
    uint32_t       format;
    uint32_t       size;            /* of this head: of numbers, too */
    uint64_t       clock;
    uint64_t       epoch;           /* of the store's newest channel */
    uint64_t       shift;           /* of its epochs, see dump.h */
    uint64_t       log;             /* a dump's: the first one after it; or
                                       which one this is */
    uint8_t        seed[16];
    uint32_t       nblocks;         /* channels are told apart by theirs */
    uint32_t       crc;             /* of all before */
} ngx_websocket_dump_head_t;


typedef struct {
    uint32_t       crc;             /* of all that follows */
    uint32_t       kind;
    uint64_t       size;            /* of what follows this */
} ngx_websocket_dump_record_t;


typedef struct {
    uint64_t       epoch;
    uint64_t       offset;
    uint64_t       published;
    uint64_t       active;
    uint32_t       block;
    uint32_t       length;          /* of its history */
    uint32_t       time;
    uint32_t       max;
    uint8_t        ended;
    uint8_t        name_size;
    uint8_t        unused[6];
} ngx_websocket_dump_channel_t;


typedef struct {
    uint64_t       epoch;           /* of its channel */
    uint64_t       offset;
    uint64_t       time;
    uint64_t       source;
    uint64_t       key[2];
    uint32_t       block;           /* of its channel */
    uint16_t       meta;
    uint8_t        type;
    uint8_t        priority;
    uint8_t        fraction;
    uint8_t        unused[7];
} ngx_websocket_dump_message_t;


/* a message in a log, with all that is to be known of its channel */

typedef struct {
    ngx_websocket_dump_channel_t  channel;
    ngx_websocket_dump_message_t  message;
} ngx_websocket_dump_entry_t;


typedef struct {
    uint64_t       channels;
    uint64_t       messages;
} ngx_websocket_dump_end_t;


static inline uint32_t
ngx_websocket_dump_crc(const ngx_websocket_dump_record_t *record,
    const uint8_t *body)
{
    uLong  crc;

    crc = crc32_z(0, (const uint8_t *) &record->kind,
                  sizeof(ngx_websocket_dump_record_t)
                  - offsetof(ngx_websocket_dump_record_t, kind));

    return (uint32_t) crc32_z(crc, body, record->size);
}


static inline uint32_t
ngx_websocket_dump_head_crc(const ngx_websocket_dump_head_t *head)
{
    return (uint32_t) crc32(0, (const uint8_t *) head,
                            offsetof(ngx_websocket_dump_head_t, crc));
}


/* the body, or NULL where there is no whole record */

static inline const uint8_t *
ngx_websocket_dump_read(const uint8_t *p, const uint8_t *last,
    ngx_websocket_dump_record_t *record)
{
    if ((size_t) (last - p) < sizeof(ngx_websocket_dump_record_t)) {
        return NULL;
    }

    memcpy(record, p, sizeof(ngx_websocket_dump_record_t));

    p += sizeof(ngx_websocket_dump_record_t);

    return record->size <= (size_t) (last - p) ? p : NULL;
}


#endif /* NGX_WEBSOCKET_DUMP_PRIVATE_H */
