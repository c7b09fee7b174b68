
/*
 * Sessions of which the application is asked.
 */


#ifndef NGX_HTTP_WEBSOCKET_HOOKED_H
#define NGX_HTTP_WEBSOCKET_HOOKED_H


#include "hook/ngx_http_websocket_hook.h"
#include "session/ngx_http_websocket_session.h"


/* part of the record's aside, in sessions of which it is asked */

struct ngx_http_websocket_hooked_s {
    ngx_str_t                     state;    /* allocated; of no length: none */
    uint64_t                      number;   /* of the next question */
    ngx_msec_t                    time;     /* that all answers took */
};


/* what the answer to connect has said, in r->pool */

struct ngx_http_websocket_introduced_s {
    uint64_t                      session;  /* its number-to-be */
    ngx_str_t                     user;     /* empty: nothing was said of it */
    int64_t                       expires;  /* seconds; 0: the same */
    ngx_str_t                     state;
    ngx_str_t                    *channels;
    ngx_uint_t                    nchannels;
    json_t                       *send;     /* NULL: nothing */
    ngx_msec_t                    time;
    ngx_uint_t                    answered;
};


/*
 * Gives a new session what the answer to connect has said, which may be NULL.
 * Returns NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_hooked_begin(ngx_http_websocket_session_t *s,
    ngx_http_websocket_introduced_t *introduced);

/* Frees the session's part, if there is one. */
void ngx_http_websocket_hooked_end(ngx_http_websocket_session_t *s);

/*
 * The session as one of whom the application is asked; what is in it is valid
 * as long as the session's state and user are.
 */
void ngx_http_websocket_hooked_asker(ngx_http_websocket_session_t *s,
    ngx_http_websocket_asker_t *asker);

/*
 * Takes what an answer says of the session: its state.  Returns NGX_OK, or
 * NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_hooked_take(ngx_http_websocket_session_t *s,
    ngx_websocket_answer_t *answer);

/*
 * Whether the hook is for such a message, as match= says.  Returns NGX_OK,
 * NGX_DECLINED, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_hooked_matches(ngx_http_websocket_hook_t *hook,
    uint8_t type, u_char *data, size_t size);

/*
 * Sends what an answer has for the session alone.  Returns as the receive() of
 * a protocol.
 */
ngx_int_t ngx_http_websocket_hooked_send(ngx_http_websocket_session_t *s,
    json_t *send);

/* a client's message of which the application is to be asked */

typedef enum {
    NGX_HTTP_WEBSOCKET_ASK_NOT = NGX_DECLINED,      /* it goes on at once */
    NGX_HTTP_WEBSOCKET_ASKED = NGX_AGAIN,
    NGX_HTTP_WEBSOCKET_ASK_FAILED = NGX_DONE        /* so did the session */
} ngx_http_websocket_ask_e;

/*
 * Asks of a client's message, if the location's hook is for it.  It is given to
 * publish() when the application agrees, perhaps as something else.
 */
ngx_http_websocket_ask_e ngx_http_websocket_hooked_ask(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size,
    ngx_int_t (*publish)(ngx_http_websocket_session_t *s, uint8_t type,
    u_char *data, size_t size));


#endif /* NGX_HTTP_WEBSOCKET_HOOKED_H */
