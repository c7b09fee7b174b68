
/*
 * What each command has: its members, by the names that they have in JSON and
 * the numbers that they have in Protobuf.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_REQUEST_H
#define NGX_WEBSOCKET_REQUEST_H


#include "centrifuge/codec.h"


/* how a member's value is read */

typedef enum {
    NGX_WEBSOCKET_MEMBER_STRING = 0,
    NGX_WEBSOCKET_MEMBER_DATA,      /* null is as good as any */
    NGX_WEBSOCKET_MEMBER_RAW,
    NGX_WEBSOCKET_MEMBER_BOOL,
    NGX_WEBSOCKET_MEMBER_UINT64,
    NGX_WEBSOCKET_MEMBER_UINT32,
    NGX_WEBSOCKET_MEMBER_INT32,
    NGX_WEBSOCKET_MEMBER_POSITION   /* members of _position */
} ngx_websocket_member_e;


/* a list of them ends with one that has no name */

typedef struct {
    const char                   *name;
    uint32_t                      number;
    ngx_websocket_member_e        type;
    size_t                        offset;   /* in the command */
} ngx_websocket_member_t;


typedef struct {
    const char                   *name;     /* of a command, and its reply */
    uint32_t                      number;   /* in a Command */
    uint32_t                      reply;    /* in a Reply */
    const ngx_websocket_member_t *members;
} ngx_websocket_request_t;


/* by ngx_websocket_command_e */
extern const ngx_websocket_request_t  ngx_websocket_requests[];

extern const ngx_websocket_member_t   ngx_websocket_request_position[];


/* The message of an error. */
const char *ngx_websocket_request_error(ngx_websocket_error_e error);

/* Whether a client that was refused so may try again. */
int ngx_websocket_request_temporary(ngx_websocket_error_e error);

/*
 * Sets the kind of a command whose number is set, of what it has; COMMANDS
 * where it has nothing that is known.  One that is answered has a number, and
 * a pong has none.  Returns OK or BAD.
 */
ngx_websocket_commands_e ngx_websocket_request_kind(
    ngx_websocket_command_t *command, int kind);


#endif /* NGX_WEBSOCKET_REQUEST_H */
