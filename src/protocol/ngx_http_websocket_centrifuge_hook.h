
/*
 * Commands of which the application is asked, by websocket_hook.
 */


#ifndef NGX_HTTP_WEBSOCKET_CENTRIFUGE_HOOK_H
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_HOOK_H


#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "session/ngx_http_websocket_hooked.h"


/*
 * Asks of a command, if the location has that hook, before anything is done of
 * it; channel is the one that the command is about, or NULL.  Returns NGX_OK
 * when it is to be done, with what was answered in *answer, valid until it is,
 * or NULL: nothing was asked; COMMAND_ANSWERED when it was refused, and the
 * client told so; NGX_BUSY when it waits, and is done anew then; or NGX_DONE.
 */
ngx_int_t ngx_http_websocket_centrifuge_ask(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command, ngx_http_websocket_hook_e event,
    ngx_str_t *channel, ngx_websocket_answer_t **answer);

/*
 * The answer's data as bytes that the client's form of the protocol can have,
 * in *text, to be given back.  Returns NGX_OK, with nothing in it where there are
 * none; COMMAND_ANSWERED when they cannot be had, and the client was told so;
 * or NGX_DONE.
 */
ngx_int_t ngx_http_websocket_centrifuge_answer_data(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_websocket_answer_t *answer, ngx_websocket_json_text_t *text);

/* The command is done: frees what it was answered. */
void ngx_http_websocket_centrifuge_ask_done(ngx_http_websocket_session_t *s);

/* An rpc: the application answers, where the location has mode=answer. */
ngx_int_t ngx_http_websocket_centrifuge_rpc(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command);


#endif /* NGX_HTTP_WEBSOCKET_CENTRIFUGE_HOOK_H */
