
/*
 * What a message is accompanied by on its way through a broker: the envelope,
 * which only nodes read, and the text under which a server gives both to
 * those who listen.
 *
 * An envelope begins with 16 bytes that no other message of its channel has:
 * a hash of its publisher's idempotency key, with the first bit set, whose last
 * 4 bytes are a digest of the body instead; or its node's number and one of the
 * node's.  All numbers are big-endian.
 *
 *     id 16, version 1, type 1, priority 1, flags 1, meta 2,
 *     source 8, wall clock in microseconds 8, place of the offset 4,
 *     history: messages 4, seconds 4, blocks 4; node 8
 *
 * The place is where the message has its own offset, in digits, from the
 * beginning of the payload, which is without it: who places the message knows
 * it.  UINT32_MAX: nowhere.  The history is what the channel keeps from now on,
 * with the flag HISTORY; else its publisher does not say.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_ENVELOPE_H
#define NGX_WEBSOCKET_ENVELOPE_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_ENVELOPE_VERSION  1
#define NGX_WEBSOCKET_ENVELOPE_SIZE     62

/* flags */
#define NGX_WEBSOCKET_ENVELOPE_HISTORY  1

#define NGX_WEBSOCKET_ENVELOPE_NOWHERE  UINT32_MAX

/* of id[0]: it is that of an idempotency key */
#define NGX_WEBSOCKET_ENVELOPE_KEY      (UINT64_C(1) << 63)


typedef struct {
    uint64_t       id[2];
    uint64_t       node;
    uint64_t       source;          /* a number of that node's */
    uint64_t       wall;            /* microseconds since 1970 */
    uint32_t       place;           /* of the message's offset, or NOWHERE */
    uint32_t       length;          /* of the history, as time and max */
    uint32_t       time;
    uint32_t       max;
    uint16_t       meta;
    uint8_t        type;
    uint8_t        priority;
    uint8_t        flags;
} ngx_websocket_envelope_t;


/* Writes NGX_WEBSOCKET_ENVELOPE_SIZE bytes; returns the place after them. */
uint8_t *ngx_websocket_envelope_write(uint8_t *p,
    const ngx_websocket_envelope_t *envelope);

/*
 * Reads an envelope whose payload has so many bytes.  Returns 0, or -1 when it
 * is none of this version, or says what cannot be of its payload.
 */
int ngx_websocket_envelope_read(const uint8_t *p, size_t size, size_t payload,
    ngx_websocket_envelope_t *envelope);

/* 1 when the envelope at p, of which 16 bytes are there, has this id. */
int ngx_websocket_envelope_is(const uint8_t *p, const uint64_t id[2]);


/* an ID of a stream: EPOCH-OFFSET in decimal */

#define NGX_WEBSOCKET_ENVELOPE_ID  (20 + 1 + 20)

/* the offset in the ID of a channel's end */
#define NGX_WEBSOCKET_ENVELOPE_LAST  UINT64_MAX

/* Writes an ID; returns the place after it. */
uint8_t *ngx_websocket_envelope_print_id(uint8_t *p, uint64_t epoch,
    uint64_t offset);

/* Reads an ID that is all of the text.  Returns 0, or -1. */
int ngx_websocket_envelope_parse_id(const uint8_t *p, size_t size,
    uint64_t *epoch, uint64_t *offset);


/* what a server gives to those who listen to a channel */

typedef enum {
    NGX_WEBSOCKET_ENVELOPE_MESSAGE = '+',
    NGX_WEBSOCKET_ENVELOPE_EPHEMERAL = '~',
    NGX_WEBSOCKET_ENVELOPE_DELETED = 'x',
    NGX_WEBSOCKET_ENVELOPE_ENDED = 'e'
} ngx_websocket_envelope_kind_e;


typedef struct {
    ngx_websocket_envelope_kind_e  kind;
    uint64_t                       epoch;
    uint64_t                       offset;
    ngx_websocket_envelope_t       envelope;    /* of a message */
    const uint8_t                 *payload;
    size_t                         size;
} ngx_websocket_heard_t;

/*
 * Reads KIND ID " " SIZE " " ENVELOPE PAYLOAD, or KIND ID of what is no
 * message.  Returns 0, or -1 when it is something else.
 */
int ngx_websocket_envelope_hear(const uint8_t *p, size_t size,
    ngx_websocket_heard_t *heard);


#endif /* NGX_WEBSOCKET_ENVELOPE_H */
