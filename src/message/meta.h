
/*
 * What a message has beside its payload: parts of several types, in the store
 * one behind the other before the payload.  A part is its type in a byte, its
 * size in two, the higher one first, and so many bytes.  A message without any
 * has no meta at all.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_META_H
#define NGX_WEBSOCKET_META_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_META_HEAD  3              /* bytes before a part's own */
#define NGX_WEBSOCKET_META_SIZE  (16 * 1024)    /* of all parts of a message */


/* the types of parts; a reader passes over those that it does not know */

typedef enum {
    NGX_WEBSOCKET_META_TAGS = 1,    /* as message/tags.h packs them */
    NGX_WEBSOCKET_META_MARKS,       /* one byte of the bits below */

    /* of the client that published the message, or that it is about */

    NGX_WEBSOCKET_META_CLIENT,      /* its id, text */
    NGX_WEBSOCKET_META_USER,        /* text */
    NGX_WEBSOCKET_META_CONN_INFO,   /* JSON */
    NGX_WEBSOCKET_META_CHAN_INFO,   /* JSON */

    NGX_WEBSOCKET_META_CHANNEL,     /* the name of the one that it is about */
    NGX_WEBSOCKET_META_TIME,        /* when it was: milliseconds since 1970 in
                                       8 bytes, the highest first */

    NGX_WEBSOCKET_META_TOLD,        /* of a member: a hash of the name of the
                                       channel that its events are told in */

    NGX_WEBSOCKET_META_TYPES
} ngx_websocket_meta_type_e;


#define NGX_WEBSOCKET_META_JOIN     0x01        /* the client has joined */
#define NGX_WEBSOCKET_META_LEAVE    0x02        /* the client has left */
#define NGX_WEBSOCKET_META_REMOVED  0x04        /* there is no payload: it was
                                                   removed, or never known */
#define NGX_WEBSOCKET_META_DELTA    0x08        /* the next one may be sent as
                                                   its difference from this */


typedef struct {
    const uint8_t                *data;         /* NULL: there is none */
    size_t                        size;
} ngx_websocket_meta_part_t;


typedef struct {
    unsigned                      marks;
    ngx_websocket_meta_part_t     parts[NGX_WEBSOCKET_META_TYPES];
} ngx_websocket_meta_t;


/*
 * Sets *meta to the parts that lie in size bytes at data, and refers to these.
 * Returns 0, or -1 with *meta empty when the bytes are not parts, or have a
 * known type twice.
 */
int ngx_websocket_meta_read(const uint8_t *data, size_t size,
    ngx_websocket_meta_t *meta);

/*
 * Finds one part only, without looking at those behind it.  Returns its size,
 * with *part set to its bytes, or 0 when there is none.
 */
size_t ngx_websocket_meta_find(const uint8_t *data, size_t size,
    ngx_websocket_meta_type_e type, const uint8_t **part);

/*
 * Writes what stands before a part's bytes, which are not more than
 * NGX_WEBSOCKET_META_SIZE, to NGX_WEBSOCKET_META_HEAD bytes at p.  Returns
 * where the part's own bytes belong.
 */
uint8_t *ngx_websocket_meta_head(uint8_t *p, ngx_websocket_meta_type_e type,
    size_t size);


/* The size of a part that is there, with what stands before its bytes. */

static inline size_t
ngx_websocket_meta_size(const uint8_t *p)
{
    return NGX_WEBSOCKET_META_HEAD + ((size_t) p[1] << 8) + p[2];
}


#endif /* NGX_WEBSOCKET_META_H */
