
/*
 * What the server says of a message, in the message: who sent it, when, which
 * one it is, and in which channel.  A client cannot say it: what it gave
 * under these names is left out, however it is spelled ("fr\u006fm"), as
 * often as it comes, and also where only the case of its letters differs, for
 * there are decoders to which "From" is "from".
 *
 * Works on the text alone: the rest of the message stays what it is byte for
 * byte, its numbers too.  No nginx header.
 */


#ifndef NGX_WEBSOCKET_STAMP_H
#define NGX_WEBSOCKET_STAMP_H


#include <stddef.h>
#include <stdint.h>

#include "message/json.h"


/* in the order in which they stand in a message */

typedef enum {
    NGX_WEBSOCKET_STAMP_SEQUENCE = 0,
    NGX_WEBSOCKET_STAMP_FROM,
    NGX_WEBSOCKET_STAMP_TIME,
    NGX_WEBSOCKET_STAMP_TIME_2,     /* the same under other names */
    NGX_WEBSOCKET_STAMP_TIME_3,
    NGX_WEBSOCKET_STAMP_CHANNEL,
    NGX_WEBSOCKET_STAMP_LENGTH,     /* of the string in a field of it */
    NGX_WEBSOCKET_STAMP_FIELDS
} ngx_websocket_stamp_field_e;


#define NGX_WEBSOCKET_STAMP_NAME_SIZE  64

#define NGX_WEBSOCKET_STAMP_TIME_SIZE                                         \
    (sizeof("1970-01-01T00:00:00.000Z") - 1)


/* what a field is called: ASCII letters, digits, "_", "-" and "." */

typedef struct {
    const char    *data;
    size_t         size;          /* 0: the field is not said */
} ngx_websocket_stamp_name_t;


typedef struct {
    const ngx_websocket_stamp_name_t  *names;   /* of all fields */
    const char                        *from;    /* NULL: null is said */
    size_t                             from_size;
    const char                        *channel;
    size_t                             channel_size;
    uint64_t                           time;    /* ms since the epoch */
    const char                        *measured;  /* the name of a field */
    size_t                             measured_size;
    int64_t                            length;  /* of the string in it; -1:
                                                   null is said */
} ngx_websocket_stamp_t;


/*
 * Appends a message, size bytes of UTF-8, with the stamp's fields before all
 * others.  The message must be a JSON object: its grammar is checked to the
 * last byte (but not that its names differ, nor what its escapes mean).  What
 * is not UTF-8 in the stamp's strings becomes U+FFFD.
 *
 * The number in the sequence is not known yet: *number gets its place in what
 * was appended, where the caller is to put it in, or 0 when it has none.
 *
 * Returns OK; REFUSED with the error's rule; or NO_MEMORY.  Unless OK, the
 * text is to be thrown away.
 */
ngx_websocket_json_e ngx_websocket_stamp(const char *message, size_t size,
    const ngx_websocket_stamp_t *stamp, ngx_websocket_json_text_t *text,
    size_t *number, ngx_websocket_json_error_t *error);

/*
 * Writes a time as RFC 3339 has it, in UTC with milliseconds, to buf of
 * NGX_WEBSOCKET_STAMP_TIME_SIZE bytes; years end with 9999.
 */
void ngx_websocket_stamp_time(char *buf, uint64_t time);


#endif /* NGX_WEBSOCKET_STAMP_H */
