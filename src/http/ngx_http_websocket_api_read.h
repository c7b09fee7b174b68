
/*
 * The JSON object of an API's call, read in as many turns as it takes.
 */


#ifndef NGX_HTTP_WEBSOCKET_API_READ_H
#define NGX_HTTP_WEBSOCKET_API_READ_H


#include "http/ngx_http_websocket_api.h"


/* Begins at the first byte of a text: the call is zeroed. */
void ngx_http_websocket_api_read_init(ngx_http_websocket_api_call_t *call,
    const u_char *text, size_t size);

/*
 * Reads on.  Returns NGX_OK, and the scan stands behind the object; NGX_BUSY
 * when the turn is over, to be called again; or NGX_DECLINED, with invalid set
 * where it is no JSON object, else the error.
 */
ngx_int_t ngx_http_websocket_api_read(ngx_http_websocket_api_call_t *call);

/*
 * Reads one of the values that stand in a call as they are into its args.
 * Returns NGX_OK, or NGX_DECLINED with the error set.
 */
ngx_int_t ngx_http_websocket_api_decode(ngx_http_websocket_api_call_t *call,
    const char *name, const ngx_str_t *value);


#endif /* NGX_HTTP_WEBSOCKET_API_READ_H */
