
/*
 * WebSocket frames: RFC 6455, section 5.  Plain C, no I/O, no allocation.
 */


#ifndef NGX_WEBSOCKET_FRAME_H
#define NGX_WEBSOCKET_FRAME_H


#include <stddef.h>
#include <stdint.h>


/* opcodes, RFC 6455, section 5.2 */

#define NGX_WEBSOCKET_CONTINUATION       0x0
#define NGX_WEBSOCKET_TEXT               0x1
#define NGX_WEBSOCKET_BINARY             0x2
#define NGX_WEBSOCKET_CLOSE              0x8
#define NGX_WEBSOCKET_PING               0x9
#define NGX_WEBSOCKET_PONG               0xa

#define NGX_WEBSOCKET_CONTROL            0x8   /* of an opcode's bits */

/* bits of a frame's first byte beside the opcode */

#define NGX_WEBSOCKET_FIN                0x80
#define NGX_WEBSOCKET_RSV1               0x40

#define NGX_WEBSOCKET_CONTROL_SIZE       125   /* control frame's payload */
#define NGX_WEBSOCKET_HEADER_SIZE        10    /* server's header: no mask */
#define NGX_WEBSOCKET_CLIENT_HEADER_SIZE 14


typedef enum {
    NGX_WEBSOCKET_PARSE_AGAIN = 0,  /* the input is used up: more is needed */
    NGX_WEBSOCKET_PARSE_HEADER,     /* opcode, fin, rsv1, length are set */
    NGX_WEBSOCKET_PARSE_PAYLOAD,    /* *data, *size: an unmasked piece */
    NGX_WEBSOCKET_PARSE_END,        /* the frame is complete */
    NGX_WEBSOCKET_PARSE_ERROR       /* code and reason are set */
} ngx_websocket_parse_e;


/*
 * The state of one connection's incoming frames.  The caller may read the
 * fields from length to message between PARSE_HEADER and PARSE_END, and code
 * and reason after PARSE_ERROR, which every further call returns again.  In a
 * continuation frame opcode is NGX_WEBSOCKET_CONTINUATION, and message is the
 * opcode of the message's first frame.  A control frame does not change
 * message.
 */

typedef struct {
    uint64_t       length;          /* the frame's payload, bytes */
    uint8_t        opcode;
    uint8_t        fin;             /* 0 or 1 */
    uint8_t        rsv1;            /* 0 or 1; 1 only where it was allowed */
    uint8_t        message;         /* the opcode of the message that the
                                       frame belongs to */
    uint16_t       code;            /* PARSE_ERROR: the close code to send */
    const char    *reason;          /* PARSE_ERROR: a constant string */

    /* private */

    uint64_t       received;        /* bytes of the payload returned so far */
    uint8_t        state;
    uint8_t        allow_rsv1;
    uint8_t        have;            /* bytes of an unfinished header in head;
                                       later head keeps the key */
    uint8_t        open;            /* the message is not finished */
    uint8_t        head[NGX_WEBSOCKET_CLIENT_HEADER_SIZE];
} ngx_websocket_parser_t;


/*
 * Makes a parser ready for the first byte after the handshake.
 * allow_rsv1 is not 0 where permessage-deflate was negotiated: RSV1 is then
 * accepted on the first frame of a message (RFC 7692, section 6).
 */
void ngx_websocket_parser_init(ngx_websocket_parser_t *parser,
    unsigned allow_rsv1);

/*
 * Parses a client's bytes from *pos up to last, and stops at the next event,
 * with *pos after the bytes used; to be called again until it returns
 * PARSE_AGAIN or PARSE_ERROR.  However the input is split, the events are the
 * same except for the number and size of the PAYLOAD pieces.  A frame without
 * payload gives HEADER, END.  A piece is unmasked in place, in the caller's
 * buffer, and is valid as long as that buffer is; *data and *size are set
 * with PARSE_PAYLOAD only.
 *
 * Errors, all with 1002 (RFC 6455, sections 5.1, 5.2, 5.4, 5.5): RSV bits
 * that were not negotiated, RSV1 on a control or continuation frame, an
 * unknown opcode, no mask, a length that is not in the shortest form or has
 * its highest bit set, a control frame that is fragmented or longer than
 * 125 bytes, a continuation without a message, a new message within an
 * unfinished one.  Each is found at the first byte that shows it.
 */
ngx_websocket_parse_e ngx_websocket_parse(ngx_websocket_parser_t *parser,
    uint8_t **pos, uint8_t *last, uint8_t **data, size_t *size);

/*
 * The fast path of ngx_websocket_parse(), for what most messages are: text or
 * binary in one frame that is all in the input, without RSV bits, its length in
 * the shortest form, with the parser between two messages.  Returns the opcode,
 * with the payload unmasked in place at *data, *size bytes, and *pos behind it.
 * For anything else returns 0 with nothing changed: the caller is to use
 * ngx_websocket_parse().
 */
uint8_t ngx_websocket_parse_message(ngx_websocket_parser_t *parser,
    uint8_t **pos, uint8_t *last, uint8_t **data, size_t *size);

/*
 * Returns 1 when the parser is in its first state: between two messages, with
 * no byte of a frame parsed.  Then it need not be kept.
 */
int ngx_websocket_parser_idle(const ngx_websocket_parser_t *parser);

/*
 * Estimates the work of the next frame, of which n bytes at p are there:
 * returns 1 for a small one, and 1 more for each 256 bytes of it.  Returns 0
 * when the length does not tell: the frame is compressed, a continuation,
 * larger than 64k, or not complete.
 */
size_t ngx_websocket_parser_weight(const ngx_websocket_parser_t *parser,
    const uint8_t *p, size_t n);

/*
 * XORs n bytes at p with the masking key (RFC 6455, section 5.3), whose
 * first byte to use is key[offset & 3].  In place, 16 bytes at a time.
 */
void ngx_websocket_mask(uint8_t *p, size_t n, const uint8_t key[4],
    uint64_t offset);

/*
 * Writes a server's frame header at dst, which has room for
 * NGX_WEBSOCKET_HEADER_SIZE bytes.  first is the opcode with FIN and RSV1
 * bits as wanted, length the payload's size.  Returns the number of bytes
 * written: 2, 4 or 10.
 */
size_t ngx_websocket_frame_header(uint8_t *dst, uint8_t first,
    uint64_t length);

/* The size of the header that ngx_websocket_frame_header() would write. */
size_t ngx_websocket_frame_header_size(uint64_t length);


#endif /* NGX_WEBSOCKET_FRAME_H */
