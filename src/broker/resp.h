
/*
 * RESP, version 2: what a Redis or Valkey server answers, and how a command is
 * written.  The reading is hiredis'; replies are made in an arena that is used
 * again for the next one, so that a message costs no allocation.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_RESP_H
#define NGX_WEBSOCKET_RESP_H


#include <stddef.h>
#include <stdint.h>


/* results */

#define NGX_WEBSOCKET_RESP_OK     0
#define NGX_WEBSOCKET_RESP_AGAIN  1     /* the reply is not whole */
#define NGX_WEBSOCKET_RESP_ERROR  -1    /* not RESP, too large, no memory: the
                                           connection is of no use any more */

/* the most elements of an array: more is taken for an error */
#define NGX_WEBSOCKET_RESP_ELEMENTS  (1024 * 1024)


typedef enum {
    NGX_WEBSOCKET_RESP_NIL = 0,
    NGX_WEBSOCKET_RESP_STRING,
    NGX_WEBSOCKET_RESP_STATUS,
    NGX_WEBSOCKET_RESP_REFUSED,     /* an error that the server tells */
    NGX_WEBSOCKET_RESP_INTEGER,
    NGX_WEBSOCKET_RESP_ARRAY
} ngx_websocket_resp_type_e;


typedef struct ngx_websocket_resp_s        ngx_websocket_resp_t;
typedef struct ngx_websocket_resp_value_s  ngx_websocket_resp_value_t;

struct ngx_websocket_resp_value_s {
    ngx_websocket_resp_type_e       type;
    int64_t                         number;     /* of an integer */
    size_t                          size;       /* bytes of a text, or elements
                                                   of an array */
    uint8_t                        *data;       /* of STRING, STATUS, REFUSED:
                                                   not terminated */
    ngx_websocket_resp_value_t    **elements;   /* of an array: none is NULL */
};


/*
 * Makes a reader whose replies take up to max bytes each, as they come and as
 * they are stored.  Returns NULL when memory was refused.
 */
ngx_websocket_resp_t *ngx_websocket_resp_create(size_t max);

/* Frees it, and the last reply; resp may be NULL. */
void ngx_websocket_resp_destroy(ngx_websocket_resp_t *resp);

/* Takes n bytes that came.  Returns OK or ERROR. */
int ngx_websocket_resp_feed(ngx_websocket_resp_t *resp, const uint8_t *p,
    size_t n);

/*
 * Returns OK with *value set to the next reply, which is valid until the next
 * call; AGAIN when more is to be fed; or ERROR.
 */
int ngx_websocket_resp_next(ngx_websocket_resp_t *resp,
    ngx_websocket_resp_value_t **value);

/* What was wrong, after ERROR: a text for the log. */
const char *ngx_websocket_resp_reason(const ngx_websocket_resp_t *resp);

/* 1 when a text is this one; value may be NULL. */
int ngx_websocket_resp_is(const ngx_websocket_resp_value_t *value,
    const char *text);

/* 1 when a text begins with this one, as errors do with their codes. */
int ngx_websocket_resp_begins(const ngx_websocket_resp_value_t *value,
    const char *text);

/*
 * The element of an array, or NULL when the value is no array or has no such
 * element.
 */
ngx_websocket_resp_value_t *ngx_websocket_resp_at(
    const ngx_websocket_resp_value_t *value, size_t i);


/*
 * Writing: a command is an array of n bulk strings.  Each function writes to
 * p, where there is as much room as its size, and returns the place after it.
 */

/* the most that a header takes: of an array, and of a bulk string */
#define NGX_WEBSOCKET_RESP_HEADER  (1 + 20 + 2)

/* the most that a bulk string of so many bytes takes */
#define ngx_websocket_resp_bulk_size(size)                                    \
    (NGX_WEBSOCKET_RESP_HEADER + (size) + 2)

uint8_t *ngx_websocket_resp_array(uint8_t *p, size_t n);
uint8_t *ngx_websocket_resp_bulk(uint8_t *p, const void *data, size_t size);

/* The header only: the bytes, and CR LF, follow by other means. */
uint8_t *ngx_websocket_resp_bulk_header(uint8_t *p, size_t size);

/* A number, in decimal digits. */
uint8_t *ngx_websocket_resp_number(uint8_t *p, uint64_t number);

#define NGX_WEBSOCKET_RESP_NUMBER  ngx_websocket_resp_bulk_size(20)


#endif /* NGX_WEBSOCKET_RESP_H */
