
/*
 * The commands of a frame, one after the other: what cannot be done at once
 * waits, with all that follows it.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_COMMANDS_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_COMMANDS_H


#include "broker/ngx_http_websocket_broker.h"
#include "protocol/ngx_http_websocket_centrifuge_private.h"


/*
 * What does a command of one kind.  Returns NGX_OK when it is done, or the
 * session began to close; NGX_AGAIN when it is to be done anew once the zone
 * can be had; NGX_BUSY when what follows it waits; NGX_DONE when the session
 * failed.
 */
typedef ngx_int_t (*ngx_http_websocket_command_pt)(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command);


/* what waits: of a session's centrifuge_t */

struct ngx_http_websocket_commands_s {
    ngx_http_websocket_work_t        work;
    ngx_http_websocket_waiter_t      waiter;    /* for the zone */
    ngx_queue_t                      queue;     /* it is to go on; next is
                                                   NULL: not yet */
    u_char                          *data;      /* NULL: nothing follows */
    size_t                           size;
    ngx_uint_t                       again;     /* the command is done anew */

    /* a command that the broker has, which is to be answered */

    ngx_http_websocket_publish_t    *publish;   /* NULL: there is none */
    uint32_t                         id;

    ngx_http_websocket_fetch_t      *fetch;     /* of a history; or NULL */
    ngx_http_websocket_call_t       *call;      /* of a hook; or NULL */
};


/* In init_process. */
void ngx_http_websocket_centrifuge_commands_init(ngx_cycle_t *cycle);

/* A frame of commands, as the receive() of a protocol. */
ngx_int_t ngx_http_websocket_centrifuge_receive(
    ngx_http_websocket_session_t *s, uint8_t type, u_char *data, size_t size);

/*
 * What follows a command is to wait until _go_on() is called.  Returns NULL
 * when memory was refused: the session fails.
 */
ngx_http_websocket_commands_t *ngx_http_websocket_centrifuge_wait(
    ngx_http_websocket_session_t *s);

/*
 * Has the zone have what there is of channels, as the broker's history() does,
 * before a command goes on.  Returns NGX_OK; NGX_DECLINED when it cannot be
 * had; NGX_BUSY when the command waits, and is done anew then; or NGX_DONE.
 */
ngx_int_t ngx_http_websocket_centrifuge_fetch(ngx_http_websocket_session_t *s,
    ngx_http_websocket_fetch_t *f);

/* It goes on, but not within the call; does nothing where nothing waits. */
void ngx_http_websocket_centrifuge_go_on(ngx_http_websocket_session_t *s);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_COMMANDS_H */
