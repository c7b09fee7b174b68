
/*
 * UTF-8 that arrives in pieces: RFC 3629, RFC 6455, section 8.1.
 */


#ifndef NGX_WEBSOCKET_UTF8_H
#define NGX_WEBSOCKET_UTF8_H


#include <stddef.h>
#include <stdint.h>


/* 0 between characters: the text may end here, and must begin here */
typedef uint32_t  ngx_websocket_utf8_t;


/*
 * Checks the next n bytes of a text; *state is 0 before its first byte.
 * Returns 0 while what came so far can be the beginning of a valid text,
 * -1 at the first byte that makes it invalid (overlong forms, surrogates,
 * values above U+10FFFF, stray or missing continuation bytes), whatever
 * would follow.  A text is complete when *state is 0 after its last byte.
 */
int ngx_websocket_utf8(ngx_websocket_utf8_t *state, const uint8_t *p,
    size_t n);

/*
 * Where in a text, UTF-8 or not, its first control character begins: U+0000 to
 * U+001F, U+007F, U+0080 to U+009F.  Returns n when there is none.
 */
size_t ngx_websocket_control(const uint8_t *p, size_t n);


#endif /* NGX_WEBSOCKET_UTF8_H */
