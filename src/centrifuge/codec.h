
/*
 * Centrifugo's client protocol: what a client commands and what it is told, as
 * structs, and a table of functions for each form in which they travel.  The
 * protocol's fields are those of definitions/client.proto in
 * https://github.com/centrifugal/protocol, by the names that they have in JSON.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_CODEC_H
#define NGX_WEBSOCKET_CODEC_H


#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "message/json.h"


/* what a command or a reply is: of several members the first of these counts */

typedef enum {
    NGX_WEBSOCKET_COMMAND_CONNECT = 0,
    NGX_WEBSOCKET_COMMAND_SUBSCRIBE,
    NGX_WEBSOCKET_COMMAND_UNSUBSCRIBE,
    NGX_WEBSOCKET_COMMAND_PUBLISH,
    NGX_WEBSOCKET_COMMAND_PRESENCE,
    NGX_WEBSOCKET_COMMAND_PRESENCE_STATS,
    NGX_WEBSOCKET_COMMAND_HISTORY,
    NGX_WEBSOCKET_COMMAND_RPC,
    NGX_WEBSOCKET_COMMAND_SEND,
    NGX_WEBSOCKET_COMMAND_REFRESH,
    NGX_WEBSOCKET_COMMAND_SUB_REFRESH,
    NGX_WEBSOCKET_COMMANDS,

    NGX_WEBSOCKET_COMMAND_PONG      /* there is no member at all */
} ngx_websocket_command_e;


/* the errors of replies */

typedef enum {
    NGX_WEBSOCKET_ERROR_INTERNAL = 100,
    NGX_WEBSOCKET_ERROR_UNAUTHORIZED = 101,
    NGX_WEBSOCKET_ERROR_UNKNOWN_CHANNEL = 102,
    NGX_WEBSOCKET_ERROR_PERMISSION_DENIED = 103,
    NGX_WEBSOCKET_ERROR_METHOD_NOT_FOUND = 104,
    NGX_WEBSOCKET_ERROR_ALREADY_SUBSCRIBED = 105,
    NGX_WEBSOCKET_ERROR_LIMIT_EXCEEDED = 106,
    NGX_WEBSOCKET_ERROR_BAD_REQUEST = 107,
    NGX_WEBSOCKET_ERROR_NOT_AVAILABLE = 108,
    NGX_WEBSOCKET_ERROR_TOKEN_EXPIRED = 109,
    NGX_WEBSOCKET_ERROR_EXPIRED = 110,
    NGX_WEBSOCKET_ERROR_TOO_MANY_REQUESTS = 111,
    NGX_WEBSOCKET_ERROR_UNRECOVERABLE = 112
} ngx_websocket_error_e;


/* values in a connect's subs: up to 512 channels */
#define NGX_WEBSOCKET_SUBS_MOST  2048


/* of a subscribe's flag: no subscription rather than one without recovery */
#define NGX_WEBSOCKET_FLAG_RECOVER_OR_FAIL  0x02


/* bytes of others; data is NULL where the member is not there */

typedef struct {
    const char                   *data;
    size_t                        size;
} ngx_websocket_bytes_t;


typedef struct {
    uint32_t                      id;           /* 0: there is none */
    ngx_websocket_command_e       kind;

    ngx_websocket_bytes_t         channel;
    ngx_websocket_bytes_t         token;
    ngx_websocket_bytes_t         epoch;
    ngx_websocket_bytes_t         name;
    ngx_websocket_bytes_t         version;
    ngx_websocket_bytes_t         method;
    ngx_websocket_bytes_t         delta;

    /* JSON as it is: in the other forms any bytes */

    ngx_websocket_bytes_t         data;
    ngx_websocket_bytes_t         subs;
    ngx_websocket_bytes_t         tf;

    uint64_t                      offset;
    uint32_t                      flag;
    uint32_t                      type;
    int32_t                       limit;
    uint8_t                       since;        /* epoch and offset are its */
    uint8_t                       reverse;
    uint8_t                       recover;
    uint8_t                       positioned;
    uint8_t                       recoverable;
    uint8_t                       join_leave;
} ngx_websocket_command_t;


/* a frame of commands, which is valid while they are used */

typedef struct {
    const char                   *p;            /* the next one, or the end */
    const char                   *last;

    char                         *scratch;      /* NULL: not needed yet */
    size_t                        used;
} ngx_websocket_commands_t;


typedef enum {
    NGX_WEBSOCKET_COMMANDS_OK = 0,
    NGX_WEBSOCKET_COMMANDS_END,                 /* there is no other one */
    NGX_WEBSOCKET_COMMANDS_BAD,
    NGX_WEBSOCKET_COMMANDS_NO_MEMORY
} ngx_websocket_commands_e;


/* commands of a client that has no WebSocket, which a request brings */

typedef struct {
    ngx_websocket_bytes_t         node;
    ngx_websocket_bytes_t         session;
    ngx_websocket_bytes_t         data;
} ngx_websocket_emulation_t;


/* who is told of: a client that has published, or is there */

typedef struct {
    ngx_websocket_bytes_t         user;
    ngx_websocket_bytes_t         client;       /* data is NULL: nobody */
    ngx_websocket_bytes_t         conn_info;
    ngx_websocket_bytes_t         chan_info;
} ngx_websocket_client_info_t;


/* what a publication's data are to a client that patches the one before */

typedef enum {
    NGX_WEBSOCKET_DELTA_NONE = 0,   /* it does not */
    NGX_WEBSOCKET_DELTA_WHOLE,      /* all; in JSON in a string */
    NGX_WEBSOCKET_DELTA_PATCH       /* as of fossil.h; in JSON in a string */
} ngx_websocket_delta_e;


typedef struct {
    ngx_websocket_bytes_t         data;
    ngx_websocket_delta_e         delta;
    ngx_websocket_client_info_t   info;
    ngx_websocket_bytes_t         tags;         /* as message/tags.h packs
                                                   them */
    uint64_t                      offset;       /* 0: not told */
} ngx_websocket_publication_t;


/* an epoch's digits, or nothing where data is NULL */

typedef struct {
    uint32_t                      id;
    ngx_websocket_command_e       kind;         /* of the result */
    ngx_websocket_error_e         error;        /* 0: there is a result */
    const char                   *reason;       /* of the error; NULL: its
                                                   own */

    ngx_websocket_bytes_t         client;
    ngx_websocket_bytes_t         version;
    ngx_websocket_bytes_t         session;
    ngx_websocket_bytes_t         node;
    ngx_websocket_bytes_t         epoch;
    ngx_websocket_bytes_t         data;         /* as it was given, of a
                                                   connection, a subscription
                                                   or an rpc */
    ngx_websocket_bytes_t         list;         /* of publication(), member() or
                                                   subscription() */
    uint64_t                      offset;
    uint32_t                      ttl;
    uint32_t                      ping;
    uint32_t                      clients;
    uint32_t                      users;

    uint8_t                       expires;
    uint8_t                       pong;
    uint8_t                       recoverable;
    uint8_t                       positioned;
    uint8_t                       recovered;
    uint8_t                       was_recovering;
    uint8_t                       delta;
} ngx_websocket_reply_t;


typedef enum {
    NGX_WEBSOCKET_PUSH_PUBLICATION = 0,
    NGX_WEBSOCKET_PUSH_JOIN,
    NGX_WEBSOCKET_PUSH_LEAVE,
    NGX_WEBSOCKET_PUSH_UNSUBSCRIBE,
    NGX_WEBSOCKET_PUSH_DISCONNECT,  /* of no channel */
    NGX_WEBSOCKET_PUSH_REFRESH,     /* of no channel */
    NGX_WEBSOCKET_PUSH_SUBSCRIBE
} ngx_websocket_push_e;


typedef struct {
    ngx_websocket_push_e          kind;
    ngx_websocket_bytes_t         channel;
    ngx_websocket_publication_t   publication;  /* join, leave: its info */

    /* of an unsubscribe, and a disconnect */

    uint32_t                      code;
    const char                   *reason;

    uint32_t                      ttl;          /* of a refresh; 0: never */

    const ngx_websocket_reply_t  *subscribed;   /* of a subscribe: of this the
                                                   position, and data */
} ngx_websocket_push_t;


/* a form: what it appends to a text fails as the text does */

typedef struct {
    uint8_t                       opcode;       /* of its messages */
    uint8_t                       raw;          /* data are any bytes: else
                                                   they are JSON */

    /*
     * Takes the next command.  What it refers to is valid until the one after
     * it is taken.
     */
    ngx_websocket_commands_e    (*next)(ngx_websocket_commands_t *commands,
                                     ngx_websocket_command_t *command);

    /*
     * Reads a command's filter of tags.  Returns OK with a new reference to its
     * node, as of tags_filter.h, perhaps with what is none; REFUSED, or
     * NO_MEMORY.
     */
    ngx_websocket_json_e        (*filter)(const ngx_websocket_bytes_t *tf,
                                     json_t **node);

    /*
     * Reads the positions in a connect's subs.  Returns OK with a new reference
     * to {CHANNEL:{"recover":true,"offset":N,"epoch":E}}, in which other
     * members, and members of other kinds, may be; REFUSED, or NO_MEMORY.
     */
    ngx_websocket_json_e        (*subs)(const ngx_websocket_bytes_t *subs,
                                     json_t **json);

    /* Append one more to what will be a reply's list. */
    void                        (*publication)(ngx_websocket_json_text_t *list,
                                     const ngx_websocket_publication_t *p);
    void                        (*member)(ngx_websocket_json_text_t *list,
                                     const ngx_websocket_client_info_t *info);

    void                        (*subscription)(
                                     ngx_websocket_json_text_t *list,
                                     const ngx_websocket_bytes_t *channel,
                                     const ngx_websocket_reply_t *reply);

    void                        (*reply)(ngx_websocket_json_text_t *text,
                                     const ngx_websocket_reply_t *reply);
    void                        (*push)(ngx_websocket_json_text_t *text,
                                     const ngx_websocket_push_t *push);

    ngx_websocket_bytes_t         ping;         /* the message */
} ngx_websocket_codec_t;


/* Of a frame. */

static inline void
ngx_websocket_commands_init(ngx_websocket_commands_t *commands,
    const char *data, size_t size)
{
    commands->p = data;
    commands->last = data + size;
    commands->scratch = NULL;
    commands->used = 0;
}


/* Frees what they needed. */

static inline void
ngx_websocket_commands_done(ngx_websocket_commands_t *commands)
{
    free(commands->scratch);
    commands->scratch = NULL;
}


#endif /* NGX_WEBSOCKET_CODEC_H */
