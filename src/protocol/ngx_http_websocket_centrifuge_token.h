
/*
 * The tokens of Centrifugo's protocol: who a connection is of, and what it may
 * subscribe to.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_H


#include "protocol/ngx_http_websocket_centrifuge_private.h"


/* the longest time until an end that is told, seconds */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_TTL  (365 * 24 * 60 * 60)


typedef enum {
    NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_OK = 0,
    NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_WRONG,
    NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_EXPIRED,    /* or not valid yet */
    NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_NO_MEMORY
} ngx_http_websocket_centrifuge_token_e;


/* a token that is valid, with memory that it refers to */

typedef struct {
    ngx_websocket_token_t         token;
    ngx_str_t                     user;
    ngx_str_t                     channel;      /* empty: none */
    ngx_str_t                     info;         /* JSON, or empty */
    time_t                        expires;      /* 0: never */
} ngx_http_websocket_centrifuge_token_t;


/*
 * Verifies a token by the location's websocket_jwt.  What is OK is to be
 * freed; of what is WRONG the log is told why.
 */
ngx_http_websocket_centrifuge_token_e ngx_http_websocket_centrifuge_token(
    ngx_http_websocket_session_t *s, const ngx_websocket_bytes_t *text,
    ngx_http_websocket_centrifuge_token_t *token);

void ngx_http_websocket_centrifuge_token_free(
    ngx_http_websocket_centrifuge_token_t *token);

/*
 * The session is of the token's user from now on, until it expires.  Returns
 * NGX_OK, or NGX_ERROR when memory was refused.
 */
ngx_int_t ngx_http_websocket_centrifuge_token_take(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_token_t *token);

/*
 * Says who the session is of, until when, 0 is for ever, and what others are
 * told of them: what it had is replaced, but not what could revoke it.  The
 * texts are copied.  Returns as above.
 */
ngx_int_t ngx_http_websocket_centrifuge_identity(
    ngx_http_websocket_session_t *s, const ngx_str_t *user,
    const ngx_str_t *info, time_t expires);

/* Seconds until what ends at that time does, as clients are told; 0: never. */
uint32_t ngx_http_websocket_centrifuge_ttl(time_t expires);

/* Tells a reply when what a token gave ends; 0 is never. */
void ngx_http_websocket_centrifuge_token_tell(ngx_websocket_reply_t *reply,
    time_t expires);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_TOKEN_H */
