
/*
 * The body of a POST, which is in memory, or in a file where it is large: it
 * is looked at, and read, in as many turns as it takes.
 */


#ifndef NGX_HTTP_WEBSOCKET_PUBLISH_BODY_H
#define NGX_HTTP_WEBSOCKET_PUBLISH_BODY_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "store/store.h"
#include "wire/utf8.h"


typedef struct {
    ngx_http_request_t           *request;

    /*
     * The body: the array has room for NGX_HTTP_WEBSOCKET_INTAKE_PARTS more,
     * and for tags, which come first.
     */
    ngx_websocket_store_part_t   *parts;
    ngx_uint_t                    n;
    off_t                         size;

    unsigned                      text:1;   /* it is to be UTF-8 */
    unsigned                      keyed:1;  /* the digest is wanted */
    unsigned                      stays:1;  /* what is in a file stays there:
                                               its part has no data */
    unsigned                      unread:1; /* it could not be read */
    unsigned                      tagged:1; /* a part of tags was put first */

    uint32_t                      digest;   /* when it was checked */

    /* so far it was checked, or dropped */

    ngx_uint_t                    part;
    size_t                        done;     /* bytes of it */
    ngx_websocket_utf8_t          utf8;
    off_t                         dropped;
} ngx_http_websocket_publish_body_t;


/*
 * Returns what is known of the body before it is looked at, from the request's
 * pool, or NULL when memory was refused.  The bits are the caller's to set.
 */
ngx_http_websocket_publish_body_t *ngx_http_websocket_publish_body_of(
    ngx_http_request_t *r);

/*
 * Checks the body, and has the parts' data, unless it stays in a file.  Returns
 * NGX_OK; NGX_BUSY when the turn is over, to be called again; NGX_DECLINED when
 * it is not UTF-8; or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_publish_body_check(
    ngx_http_websocket_publish_body_t *body);

/*
 * A reader of ngx_websocket_store_append_t, of a body that stays in its file:
 * at most NGX_WEBSOCKET_STORE_FILL bytes.
 */
const u_char *ngx_http_websocket_publish_body_read(void *data, size_t part,
    size_t from, size_t size);

/*
 * Drops what is in a file, which nobody needs any more: all at once, as nginx
 * does, would take long.  Returns NGX_OK, or NGX_BUSY as above.
 */
ngx_int_t ngx_http_websocket_publish_body_drop(
    ngx_http_websocket_publish_body_t *body);


#endif /* NGX_HTTP_WEBSOCKET_PUBLISH_BODY_H */
