
/*
 * What a token lets its bearer do on which channels: its claim "channels",
 * compiled once.  The claim is an object of patterns and rights,
 *
 *     {"room/a-*": ["subscribe", "publish"], "news:**": ["subscribe"]}
 *
 * or a list of patterns, ["room/1", "news:**"], which says only on which
 * channels: what may be done there is left to the location.  Rights of
 * several patterns that match add up; nothing takes a right away.
 *
 * In a pattern * stands for one or more bytes other than "/", ** for one or
 * more of any, "/" too.  There is no other special character and no way to
 * have a star taken literally: an issuer that puts names of its users into
 * patterns must not let them have stars.
 *
 * Plain C on jansson, no nginx header.
 */


#ifndef NGX_WEBSOCKET_RIGHTS_H
#define NGX_WEBSOCKET_RIGHTS_H


#include <stddef.h>
#include <stdint.h>

#include <jansson.h>


#define NGX_WEBSOCKET_RIGHT_SUBSCRIBE  0x01
#define NGX_WEBSOCKET_RIGHT_PUBLISH    0x02
#define NGX_WEBSOCKET_RIGHT_PRESENCE   0x04
#define NGX_WEBSOCKET_RIGHT_HISTORY    0x08
#define NGX_WEBSOCKET_RIGHT_ALL        0x0f



/* one block without pointers, which may be copied */
typedef struct ngx_websocket_rights_s  ngx_websocket_rights_t;


/*
 * Compiles a claim into a block of its own, for free().  Returns NULL with
 * *error set to a constant text when the claim is of another form, names an
 * unknown right, exceeds a bound, or there is no memory: a claim is never
 * taken in part.
 */
ngx_websocket_rights_t *ngx_websocket_rights_compile(const json_t *claim,
    const char **error);

/*
 * The rights on a channel, NGX_WEBSOCKET_RIGHT_* or 0.  The time is bounded
 * by the product of the name's size and that of all patterns.
 */
unsigned ngx_websocket_rights_match(const ngx_websocket_rights_t *rights,
    const uint8_t *name, size_t size);


#endif /* NGX_WEBSOCKET_RIGHTS_H */
