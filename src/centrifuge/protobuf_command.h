
/*
 * Commands in Protobuf: in a frame one behind the other, each with its length
 * before it.  The encoding is that of
 * https://protobuf.dev/programming-guides/encoding/
 *
 * Plain C, no nginx header.
 */


#ifndef NGX_WEBSOCKET_PROTOBUF_COMMAND_H
#define NGX_WEBSOCKET_PROTOBUF_COMMAND_H


#include "centrifuge/codec.h"


/*
 * Takes the next command of a frame.  What is cut off, has a known member of
 * another kind, a string that is not UTF-8, or a kind of command that is not
 * known, is BAD; of equal members the last one counts; unknown ones are
 * passed over.
 */
ngx_websocket_commands_e ngx_websocket_protobuf_command(
    ngx_websocket_commands_t *commands, ngx_websocket_command_t *command);

/* Reads a filter of tags, as ngx_websocket_codec_t says. */
ngx_websocket_json_e ngx_websocket_protobuf_filter(
    const ngx_websocket_bytes_t *tf, json_t **node);

/* Reads a connect's subs, as it says. */
ngx_websocket_json_e ngx_websocket_protobuf_subs(
    const ngx_websocket_bytes_t *subs, json_t **json);

/*
 * Reads a number of up to 64 bits at *p, which goes past it.  Returns 0 when
 * it does not end before last, or is longer.
 */
int ngx_websocket_protobuf_varint(const char **p, const char *last,
    uint64_t *number);

/* Reads an EmulationRequest.  Returns 0 when it is none. */
int ngx_websocket_protobuf_emulation(const char *data, size_t size,
    ngx_websocket_emulation_t *emulation);


#endif /* NGX_WEBSOCKET_PROTOBUF_COMMAND_H */
