
/*
 * What happens to a message before it is published: it is checked against the
 * location's type, defaults are filled in, its priority is found, and it is
 * stamped.  Its text is parsed once.
 */


#ifndef NGX_HTTP_WEBSOCKET_INTAKE_H
#define NGX_HTTP_WEBSOCKET_INTAKE_H


#include "conf/ngx_http_websocket_conf.h"
#include "message/stamp.h"


#define NGX_HTTP_WEBSOCKET_INTAKE_PARTS  3


typedef struct {
    /* set by the caller; the rest is zeros */

    const ngx_http_websocket_use_t  *use;       /* NULL: any message */
    ngx_websocket_stamp_t           *stamp;     /* NULL: none */
    ngx_str_t                       *priority_field;    /* of length 0: none */
    const ngx_http_websocket_except_t  *except; /* NULL: the history keeps
                                                   all */
    size_t                           max;       /* bytes, with its defaults */
    uint8_t                          type;      /* NGX_WEBSOCKET_TEXT ... */

    /*
     * the message; after intake() what is to be published, in the caller's
     * bytes or in made
     */

    u_char                          *data;
    size_t                           size;

    /* set by the functions */

    ngx_uint_t                       priority;
    ngx_uint_t                       ephemeral; /* the history is not to keep
                                                   it */
    size_t                           number;    /* where in the data its offset
                                                   is to stand; 0: nowhere */
    json_t                          *json;      /* NULL: none was read */
    ngx_websocket_json_error_t       error;     /* where it is refused */
    ngx_websocket_json_text_t        made;
} ngx_http_websocket_intake_t;


/*
 * The two functions below return NGX_WEBSOCKET_JSON_OK, _REFUSED with the
 * error set when the message must not be published, or _NO_MEMORY.
 */

/* Reads the message as JSON; does nothing when that was done. */
ngx_websocket_json_e ngx_http_websocket_intake_read(
    ngx_http_websocket_intake_t *in);

/* Reads the message, and does with it what the location wants. */
ngx_websocket_json_e ngx_http_websocket_intake(
    ngx_http_websocket_intake_t *in);

/*
 * Sets what is to be published, parts of in->data or of its offset; returns
 * how many, up to NGX_HTTP_WEBSOCKET_INTAKE_PARTS.
 */
ngx_uint_t ngx_http_websocket_intake_parts(ngx_http_websocket_intake_t *in,
    ngx_websocket_store_part_t *parts);

/*
 * Sets what the location's stamp says now: who sent it, where from is not
 * NULL nor empty, and in which channel.
 */
void ngx_http_websocket_stamp_set(ngx_websocket_stamp_t *stamp,
    const ngx_http_websocket_stamp_t *conf, ngx_str_t *channel,
    ngx_str_t *from);

/* Frees what the functions allocated. */
void ngx_http_websocket_intake_done(ngx_http_websocket_intake_t *in);


#endif /* NGX_HTTP_WEBSOCKET_INTAKE_H */
