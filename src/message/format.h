
/*
 * The formats that a string field may have.  Plain C.
 */


#ifndef NGX_WEBSOCKET_FORMAT_H
#define NGX_WEBSOCKET_FORMAT_H


#include <stddef.h>


typedef struct {
    const char    *name;
    int          (*check)(const char *text, size_t size);
} ngx_websocket_format_t;


/*
 * The format of a name, or NULL.  Its check returns not 0 when a text, of
 * UTF-8, has the format:
 *
 *     date-time   RFC 3339: a day that there is, seconds up to 60, any
 *                 fraction, "Z" or an offset
 *     uri         RFC 3986: with a scheme, of the characters that are allowed,
 *                 "%" before two digits, brackets around the host only
 *     uuid        RFC 9562: 8-4-4-4-12 hexadecimal digits, of any version
 *     email       RFC 5321: an address without quotes and literals, of at most
 *                 254 bytes, with characters beyond ASCII (RFC 6531)
 */
const ngx_websocket_format_t *ngx_websocket_format_find(const char *name);


#endif /* NGX_WEBSOCKET_FORMAT_H */
