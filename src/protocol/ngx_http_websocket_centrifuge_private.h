
/*
 * What the files of Centrifugo's protocol share.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRIVATE_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRIVATE_H


#include "access/ngx_http_websocket_revocations.h"
#include "broker/ngx_http_websocket_uuid.h"
#include "centrifuge/codec.h"
#include "session/ngx_http_websocket_index.h"
#include "hook/ngx_http_websocket_hook.h"
#include "session/ngx_http_websocket_pause.h"
#include "session/ngx_http_websocket_subscription.h"


/* bytes of a text that are kept for the next one */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_TEXT  65536

/* publications of a reply at most */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_PAGE  300


typedef struct ngx_http_websocket_recovery_s   ngx_http_websocket_recovery_t;
typedef struct ngx_http_websocket_commands_s  ngx_http_websocket_commands_t;
typedef struct ngx_http_websocket_emulated_s  ngx_http_websocket_emulated_t;


/*
 * Beside NGX_OK and NGX_DONE, of which a protocol's receive() tells: nothing is
 * left to be done of a command, since it was answered with an error, or the
 * session closes.
 */
#define NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED  NGX_DECLINED


/* who a connection is of, by its token */

typedef struct {
    ngx_str_t                         user;
    ngx_str_t                         info;     /* JSON, or empty */
    time_t                            expires;  /* 0: never */
    ngx_http_websocket_revocable_t    token;    /* if it is revocable */
    ngx_uint_t                        revocable;
} ngx_http_websocket_identity_t;


/* what a session has beside others': its aside->choice */

typedef struct {
    ngx_http_websocket_recovery_t    *recovery; /* NULL: none is under way */
    ngx_http_websocket_commands_t    *rest;     /* NULL: no command waits */
    ngx_http_websocket_identity_t    *identity; /* NULL: anonymous */
    ngx_http_websocket_emulated_t    *emulated; /* NULL: on a WebSocket */
    ngx_http_websocket_verdict_t     *verdict;  /* of the application, on the
                                                   command; or NULL */
    ngx_http_websocket_entry_t        entry;    /* since it is connected */
    json_t                           *subs;     /* that its token wants, while
                                                   it connects */
    time_t                            grants;   /* when the first token of a
                                                   channel ends; 0: never */
    ngx_http_websocket_time_t         ping;     /* when the next one is due */
    ngx_http_websocket_time_t         pinged;   /* when the last one went */
    u_char                            client[NGX_HTTP_WEBSOCKET_UUID];
    unsigned                          connected:1;
    unsigned                          refused:1;    /* connect, with an error */
    unsigned                          pong:1;       /* is due */
    unsigned                          fetched:1;    /* the history of what it
                                                       subscribes to */
    unsigned                          unfetched:1;  /* it cannot be had */
} ngx_http_websocket_centrifuge_t;


/*
 * A form of the protocol: what its table has as choice.  A message of the codec
 * is one of a WebSocket, or stands in a response between two texts.
 */

typedef struct {
    ngx_http_websocket_choice_t   choice;
    const ngx_websocket_codec_t  *codec;
    ngx_uint_t                    emulated; /* in a response: its client sends
                                               requests */
    ngx_str_t                     before;
    ngx_str_t                     after;
} ngx_http_websocket_centrifuge_form_t;


/* how a form writes messages, for clients that get them so */

typedef struct {
    ngx_http_websocket_format_t                  format;    /* the first */
    const ngx_http_websocket_centrifuge_form_t  *form;
    ngx_websocket_delta_e                        delta;
} ngx_http_websocket_centrifuge_format_t;


#define ngx_http_websocket_centrifuge_of(s)                                   \
    ((ngx_http_websocket_centrifuge_t *) (s)->record->aside->choice)

#define ngx_http_websocket_centrifuge_form_of(s)                              \
    ((const ngx_http_websocket_centrifuge_form_t *)                           \
         ngx_http_websocket_protocol_of(s)->choice)

#define ngx_http_websocket_centrifuge_codec(s)                                \
    ngx_http_websocket_centrifuge_form_of(s)->codec


/* The user that a connection is of; an anonymous one has no name. */

static ngx_inline void
ngx_http_websocket_centrifuge_user(ngx_http_websocket_centrifuge_t *client,
    ngx_str_t *user)
{
    if (client->identity) {
        *user = client->identity->user;

    } else {
        ngx_str_null(user);
    }
}


/* A client's name, as the index of sessions has it. */

static ngx_inline uint64_t
ngx_http_websocket_centrifuge_client_id(u_char *client)
{
    return (uint64_t) ngx_crc32_short(client, NGX_HTTP_WEBSOCKET_UUID / 2) << 32
           | ngx_crc32_short(client + NGX_HTTP_WEBSOCKET_UUID / 2,
                             NGX_HTTP_WEBSOCKET_UUID / 2);
}


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_PRIVATE_H */
