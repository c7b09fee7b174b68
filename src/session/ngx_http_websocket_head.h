
/*
 * The HTTP request that a session began as, and what is kept of it when its
 * memory is given back while the session lives: enough for the access log's
 * line at the end.
 */


#ifndef NGX_HTTP_WEBSOCKET_HEAD_H
#define NGX_HTTP_WEBSOCKET_HEAD_H


#include "session/ngx_http_websocket_session.h"


/*
 * After the 101, which is written: gives the request's memory back, if
 * nothing of another module hangs on it, but for what the access log's line
 * will need.  Without memory for that the request stays.
 */
void ngx_http_websocket_request_release(ngx_http_websocket_session_t *s);

/* Writes the access log's line now, and not at the end. */
void ngx_http_websocket_request_log(ngx_http_request_t *r);

/* Ends the request as nginx does, which writes the access log's line. */
void ngx_http_websocket_request_end(ngx_http_websocket_session_t *s);

/*
 * For a cycle whose configuration is read: which headers the lines of its
 * access logs may need.  Returns NGX_OK or NGX_ERROR.
 */
ngx_int_t ngx_http_websocket_request_init(ngx_cycle_t *cycle);


#endif /* NGX_HTTP_WEBSOCKET_HEAD_H */
