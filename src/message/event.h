
/*
 * Events: messages that tell of a client that has come to a channel, or has
 * left it.  In the store they have no payload: the parts of their meta say it
 * all, and each language writes an event of these as it likes.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_EVENT_H
#define NGX_WEBSOCKET_EVENT_H


#include "message/json.h"
#include "message/meta.h"


/* the parts that only an event has: its mark, and when it was */
#define NGX_WEBSOCKET_EVENT_SIZE  (2 * NGX_WEBSOCKET_META_HEAD + 1 + 8)

/*
 * Writes these parts to p, which has room for NGX_WEBSOCKET_EVENT_SIZE bytes:
 * mark is META_JOIN or META_LEAVE, time is milliseconds since 1970.  The parts
 * that say who it is follow: META_CHANNEL, where the event is told in another
 * channel than its own, META_CLIENT, META_USER and others.
 */
void ngx_websocket_event_write(uint8_t *p, unsigned mark, uint64_t time);

/*
 * Returns META_JOIN or META_LEAVE where the parts of meta, which are size
 * bytes, are those of an event, or 0.
 */
unsigned ngx_websocket_event_mark(const uint8_t *meta, size_t size);

/*
 * Appends an event as an object: {"type":"join","channel":...,"from":...,
 * "session":...,"time":...}, with a channel only where the event has that
 * part, and from null where nobody knows who it is.
 */
void ngx_websocket_event_text(const ngx_websocket_meta_t *meta,
    ngx_websocket_json_text_t *text);


#endif /* NGX_WEBSOCKET_EVENT_H */
