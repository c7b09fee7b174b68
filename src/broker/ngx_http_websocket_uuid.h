
/* Random names: UUIDs. */


#ifndef NGX_HTTP_WEBSOCKET_UUID_H
#define NGX_HTTP_WEBSOCKET_UUID_H


#include <ngx_config.h>
#include <ngx_core.h>


/* bytes of its text */
#define NGX_HTTP_WEBSOCKET_UUID  36


/*
 * Writes a UUID of version 4 (RFC 9562, section 5.4), which nobody can guess.
 * Returns NGX_OK, or NGX_ERROR when there was no randomness.
 */
ngx_int_t ngx_http_websocket_uuid(u_char *text);


#endif /* NGX_HTTP_WEBSOCKET_UUID_H */
