
/*
 * A message's place: the epoch of its channel, and its offset there.  In
 * text EPOCH:OFFSET, the epoch in 16 hexadecimal digits; epochs are unique,
 * so that a position tells the channel too, and of several positions the
 * order does not matter.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_POSITION_H
#define NGX_WEBSOCKET_POSITION_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_POSITION_EPOCH  16            /* digits */
#define NGX_WEBSOCKET_POSITION_SIZE   (16 + 1 + 20) /* the longest in text */


typedef struct {
    uint64_t       epoch;
    uint64_t       offset;
} ngx_websocket_position_t;


/*
 * Reads positions separated by commas, up to max of them.  Returns their
 * number, or -1 when the text is something else or has more.
 */
int ngx_websocket_position_parse(const uint8_t *text, size_t size,
    ngx_websocket_position_t *positions, int max);

/*
 * The same of a text that others may have written: what is no position is
 * passed over, and so is what comes after max of them.  Returns their number.
 */
int ngx_websocket_position_gather(const uint8_t *text, size_t size,
    ngx_websocket_position_t *positions, int max);

/* Writes an epoch to buf, of NGX_WEBSOCKET_POSITION_EPOCH bytes. */
void ngx_websocket_position_print_epoch(uint8_t *buf, uint64_t epoch);

/*
 * Writes a position to buf, of NGX_WEBSOCKET_POSITION_SIZE bytes.  Returns
 * how many were written.
 */
size_t ngx_websocket_position_print(uint8_t *buf,
    const ngx_websocket_position_t *position);


#endif /* NGX_WEBSOCKET_POSITION_H */
