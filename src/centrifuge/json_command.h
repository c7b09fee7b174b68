
/*
 * Commands in JSON: objects in a frame, one a line.
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_JSON_COMMAND_H
#define NGX_WEBSOCKET_JSON_COMMAND_H


#include "centrifuge/codec.h"


/*
 * Takes the next command of a frame that is UTF-8.  What is no object, has a known member of another
 * kind, or a kind of command that is not known, is BAD; of equal members the
 * last one counts; unknown ones are passed over.
 */
ngx_websocket_commands_e ngx_websocket_json_command(
    ngx_websocket_commands_t *commands, ngx_websocket_command_t *command);

/* Reads a filter of tags, as ngx_websocket_codec_t says. */
ngx_websocket_json_e ngx_websocket_json_filter(const ngx_websocket_bytes_t *tf,
    json_t **node);

/* Reads a connect's subs, as it says. */
ngx_websocket_json_e ngx_websocket_json_subs(const ngx_websocket_bytes_t *subs,
    json_t **json);

/* Not 0 if it is one value of JSON, not too deep, with spaces around it. */
int ngx_websocket_json_valid(const char *data, size_t size);


#endif /* NGX_WEBSOCKET_JSON_COMMAND_H */
