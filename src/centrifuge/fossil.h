
/*
 * Patches in the format that Fossil has for its deltas
 * (https://fossil-scm.org/home/doc/tip/www/delta_format.wiki), by which clients
 * of Centrifugo's protocol are told what has changed since the publication
 * before.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_FOSSIL_H
#define NGX_WEBSOCKET_FOSSIL_H


#include <stddef.h>
#include <stdint.h>


/* of larger sources and targets, in bytes, no patches are made */
#define NGX_WEBSOCKET_FOSSIL_SIZE  131072


/*
 * Writes to patch what makes target of source: less than size bytes, which is
 * that of the target.  With text set the target is UTF-8, and so is the patch:
 * no character of it is cut.  Takes a time that is linear in both sizes.
 * Returns the patch's size, or 0 when it would not be smaller than the target,
 * or one of them is too large.
 */
size_t ngx_websocket_fossil_make(const uint8_t *source, size_t source_size,
    const uint8_t *target, size_t size, int text, uint8_t *patch);


#endif /* NGX_WEBSOCKET_FOSSIL_H */
