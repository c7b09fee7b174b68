
/*
 * What the application answers when it is asked: one JSON object.
 */


#ifndef NGX_WEBSOCKET_ANSWER_H
#define NGX_WEBSOCKET_ANSWER_H


#include <stddef.h>
#include <stdint.h>

#include "message/json.h"


#define NGX_WEBSOCKET_ANSWER_USER    255    /* bytes at most */
#define NGX_WEBSOCKET_ANSWER_STATE   1024   /* of JSON text */
#define NGX_WEBSOCKET_ANSWER_SEND    16     /* messages to one session */
#define NGX_WEBSOCKET_ANSWER_REASON  123    /* RFC 6455, section 5.5 */


/*
 * All values are references into json, and NULL where the answer does not have
 * them.  All zeros: an answer without anything in it.
 */

typedef struct {
    json_t        *json;        /* what is to be freed, or NULL */

    json_t        *data;        /* a string, or any other value */
    json_t        *data_base64; /* a string, where there is no data */
    json_t        *send;        /* an array */
    json_t        *channels;    /* an array of strings */
    json_t        *user;        /* a string */
    json_t        *state;       /* an object; or null: it is forgotten */
    json_t        *reason;      /* a string: of a refusal, or a close */
    int64_t        expires;     /* seconds since 1970; 0: nothing is said */
    uint16_t       code;        /* of a close, or an error; 0: there is none */
    unsigned       close:1;     /* the code is that of a close */
    unsigned       silent:1;    /* "publish" is false */
} ngx_websocket_answer_t;


/*
 * Reads an answer.  An empty text is one without anything in it, members that
 * are not known are passed over.  Returns OK, with an answer that is to be
 * given back; REFUSED with the error that says what is wrong, and where; or
 * NO_MEMORY.
 */
ngx_websocket_json_e ngx_websocket_answer_read(const char *text, size_t size,
    ngx_websocket_answer_t *answer, ngx_websocket_json_error_t *error);

/* Frees what the answer has: it is all zeros then. */
void ngx_websocket_answer_done(ngx_websocket_answer_t *answer);


#endif /* NGX_WEBSOCKET_ANSWER_H */
