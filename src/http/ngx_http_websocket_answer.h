
/*
 * Whole responses, and what the log says of those that refuse.
 */


#ifndef NGX_HTTP_WEBSOCKET_ANSWER_H
#define NGX_HTTP_WEBSOCKET_ANSWER_H


#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_stats.h"
#include "message/json.h"


/* statuses that nginx has no name for */
#define NGX_HTTP_WEBSOCKET_UNPROCESSABLE  422
#define NGX_HTTP_WEBSOCKET_UPGRADE        426

/*
 * What a check of a request returns when the request may go on.  Else the
 * check has answered it, and returns what a content handler returns.
 */
#define NGX_HTTP_WEBSOCKET_PASS  NGX_DECLINED

/*
 * The functions below send a whole response and return what a content
 * handler returns: of a refusal, where an error_page is for its status, that
 * status, and nginx sends the page.
 */

/* type and body remain the caller's until the request ends */
ngx_int_t ngx_http_websocket_answer(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_str_t *body);

/* a refusal, which is logged; text is a string, without the end of line */
ngx_int_t ngx_http_websocket_answer_text(ngx_http_request_t *r,
    ngx_uint_t status, char *text);

/* takes over the reference to json, which may be NULL: out of memory */
ngx_int_t ngx_http_websocket_answer_json(ngx_http_request_t *r,
    ngx_uint_t status, json_t *json);

/* a refusal, which is logged: {"error":{"code":code,"message":message}} */
ngx_int_t ngx_http_websocket_answer_error(ngx_http_request_t *r,
    ngx_uint_t status, char *code, char *message);

/* 422: the same with the path of what is wrong; the log does not tell it */
ngx_int_t ngx_http_websocket_answer_invalid(ngx_http_request_t *r, char *code,
    ngx_websocket_json_error_t *error);

/* 405: allow is the Allow header, text says what to use instead */
ngx_int_t ngx_http_websocket_not_allowed(ngx_http_request_t *r,
    ngx_str_t *allow, char *text);


/* Adds a header to the response.  Returns NGX_OK or NGX_ERROR. */
ngx_int_t ngx_http_websocket_add_header(ngx_http_request_t *r, char *name,
    ngx_str_t *value);


/* Counts a handshake or a publish that is refused. */
static ngx_inline void
ngx_http_websocket_rejected(ngx_http_request_t *r,
    ngx_http_websocket_rejected_e reason)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    conf->stats->rejected[reason]++;
}


/* of a text in a log's line */
#define NGX_HTTP_WEBSOCKET_PLAIN_SIZE  512

/*
 * Copies what a client may have sent for a log's line: cut off, ended by a
 * zero, and without characters that move a terminal's cursor.  plain has
 * NGX_HTTP_WEBSOCKET_PLAIN_SIZE bytes.
 */
void ngx_http_websocket_plain(u_char *plain, const u_char *text, size_t size);


#endif /* NGX_HTTP_WEBSOCKET_ANSWER_H */
