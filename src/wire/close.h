
/*
 * The payload of Close frames: RFC 6455, sections 5.5.1 and 7.4.
 */


#ifndef NGX_WEBSOCKET_CLOSE_H
#define NGX_WEBSOCKET_CLOSE_H


#include <stddef.h>
#include <stdint.h>


#define NGX_WEBSOCKET_CLOSE_NORMAL       1000
#define NGX_WEBSOCKET_CLOSE_GOING_AWAY   1001
#define NGX_WEBSOCKET_CLOSE_PROTOCOL     1002
#define NGX_WEBSOCKET_CLOSE_UNSUPPORTED  1003
#define NGX_WEBSOCKET_CLOSE_NO_STATUS    1005  /* never on the wire */
#define NGX_WEBSOCKET_CLOSE_ABNORMAL     1006  /* never on the wire */
#define NGX_WEBSOCKET_CLOSE_INVALID      1007
#define NGX_WEBSOCKET_CLOSE_POLICY       1008
#define NGX_WEBSOCKET_CLOSE_TOO_BIG      1009
#define NGX_WEBSOCKET_CLOSE_INTERNAL     1011
#define NGX_WEBSOCKET_CLOSE_RESTART      1012
#define NGX_WEBSOCKET_CLOSE_TRY_LATER    1013

#define NGX_WEBSOCKET_CLOSE_REASON_SIZE  123


/*
 * Reads the payload of a peer's Close frame, n <= 125 bytes at p.
 * Returns 0 with *code set (1005 when the payload is empty), or the close
 * code to fail the connection with: 1002 for a payload of one byte or a
 * code that may not be sent, 1007 for a reason that is not UTF-8.
 */
uint16_t ngx_websocket_close_parse(const uint8_t *p, size_t n,
    uint16_t *code);

/*
 * Writes a Close payload at dst, which has room for 125 bytes: nothing when
 * code is 1005, else the code and the reason, size bytes of UTF-8, cut at
 * 123 bytes between two characters.  Returns the payload's size.
 */
size_t ngx_websocket_close_payload(uint8_t *dst, uint16_t code,
    const uint8_t *reason, size_t size);


#endif /* NGX_WEBSOCKET_CLOSE_H */
