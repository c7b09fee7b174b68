
/*
 * Requests that wait: what all of them do, whatever they wait for.
 */


#ifndef NGX_HTTP_WEBSOCKET_SUSPEND_H
#define NGX_HTTP_WEBSOCKET_SUSPEND_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/*
 * The request waits: nginx keeps it, and ends it when its client goes.  What
 * is left of a body goes on being discarded.
 */
void ngx_http_websocket_suspend(ngx_http_request_t *r);

/* The request goes on, in an event of another: to be called first. */
void ngx_http_websocket_resume(ngx_http_request_t *r);

/*
 * Ends the request as nginx does, with what a content handler returned; to be
 * called last, for the request and its connection may be gone then.
 */
void ngx_http_websocket_finish(ngx_http_request_t *r, ngx_int_t rc);


#endif /* NGX_HTTP_WEBSOCKET_SUSPEND_H */
