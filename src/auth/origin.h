
/*
 * From which pages browsers may connect: patterns for the Origin header,
 * RFC 6454.
 *
 *     any                        everything, also what is no origin
 *     none                       no Origin header: what is not a browser
 *     null                       the origin "null": sandboxes, files, data
 *     same                       the host and port of the request
 *     https://example.com:8443   this origin; a port left out is that of the
 *                                scheme, 80 or 443
 *     [https://]*.example.com    all below example.com, not example.com itself;
 *                                without a scheme those with http or https
 *
 * Scheme and host are compared without case.  "same": a request that came by
 * TLS is only that of an https page; one that came without may be that of
 * either, for TLS may have ended at a proxy before.  A host without a port is
 * one at the default port of the origin's scheme.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_ORIGIN_H
#define NGX_WEBSOCKET_ORIGIN_H


#include <stddef.h>
#include <stdint.h>


typedef enum {
    NGX_WEBSOCKET_ORIGIN_EXACT = 0,
    NGX_WEBSOCKET_ORIGIN_BELOW,       /* host begins with "." */
    NGX_WEBSOCKET_ORIGIN_SAME,
    NGX_WEBSOCKET_ORIGIN_NONE,
    NGX_WEBSOCKET_ORIGIN_NULL,
    NGX_WEBSOCKET_ORIGIN_ANY
} ngx_websocket_origin_e;


/* a pattern, or an origin taken apart; points into the text it is made of */

typedef struct {
    ngx_websocket_origin_e   kind;
    uint32_t                 port;         /* 0: the scheme's, or none */
    const uint8_t           *scheme;       /* without "://" */
    size_t                   scheme_size;  /* 0: http or https */
    const uint8_t           *host;
    size_t                   host_size;
} ngx_websocket_origin_t;


/*
 * Reads a pattern; the text must stay where it is.  Returns NULL or a
 * constant text that says what is wrong.
 */
const char *ngx_websocket_origin_parse(ngx_websocket_origin_t *pattern,
    const uint8_t *text, size_t size);

/*
 * Not 0 if one of n patterns matches.  origin is the Origin header's value,
 * NULL if there is none; of several headers none may be given away: then the
 * caller refuses.  host is the Host header's value, https not 0 when the
 * request came by TLS.
 */
int ngx_websocket_origin_match(const ngx_websocket_origin_t *patterns,
    size_t n, const uint8_t *origin, size_t origin_size, const uint8_t *host,
    size_t host_size, int https);


#endif /* NGX_WEBSOCKET_ORIGIN_H */
