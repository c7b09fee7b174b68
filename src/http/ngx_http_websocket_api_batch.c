
#include "http/ngx_http_websocket_api_batch.h"
#include "clock/ngx_http_websocket_turn.h"
#include "http/ngx_http_websocket_api_read.h"
#include "http/ngx_http_websocket_later.h"


/* calls of a batch, and bytes of their answers */
#define NGX_HTTP_WEBSOCKET_API_CALLS    1000
#define NGX_HTTP_WEBSOCKET_API_REPLIES  (4 * 1024 * 1024)


/* in r->pool: each call is a member of the batch's "commands", {METHOD:{}} */

struct ngx_http_websocket_api_batch_s {
    ngx_http_websocket_api_call_t   *call;      /* the batch's own */
    ngx_http_websocket_api_call_t    one;       /* the one that is done */
    ngx_str_t                        method;    /* of it; NULL: none is read */
    ngx_websocket_scan_t             scan;
    ngx_uint_t                       n;
    ngx_uint_t                       inside;    /* its method was called, and
                                                   has not returned */
    ngx_uint_t                       answered;
    ngx_websocket_json_text_t        replies;
};


static void ngx_http_websocket_api_batch_gone(void *data);
static ngx_int_t ngx_http_websocket_api_batch_go_on(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_api_batch_next(
    ngx_http_websocket_api_batch_t *batch);
static ngx_uint_t ngx_http_websocket_api_batch_end(
    ngx_http_websocket_api_batch_t *batch);
static ngx_uint_t ngx_http_websocket_api_batch_do(ngx_http_request_t *r,
    ngx_http_websocket_api_batch_t *batch, ngx_int_t *rc);
static ngx_int_t ngx_http_websocket_api_batch_answer(ngx_http_request_t *r,
    ngx_http_websocket_api_batch_t *batch);
static void ngx_http_websocket_api_batch_append(
    ngx_http_websocket_api_batch_t *batch, const char *answer, size_t size);


ngx_int_t
ngx_http_websocket_api_batch(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    ngx_pool_cleanup_t              *cln;
    ngx_http_websocket_api_batch_t  *batch;

    if (call->batch || call->commands.len == 0) {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_websocket_api_batch_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    batch = cln->data;
    cln->handler = ngx_http_websocket_api_batch_gone;

    ngx_memzero(batch, sizeof(ngx_http_websocket_api_batch_t));

    batch->call = call;
    batch->replies.max = NGX_HTTP_WEBSOCKET_API_REPLIES;

    ngx_websocket_scan_init(&batch->scan, (char *) call->commands.data,
                            call->commands.len);

    if (!ngx_websocket_scan_char(&batch->scan, '[')) {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    return ngx_http_websocket_later(r, ngx_http_websocket_api_batch_go_on,
                                    batch);
}


static void
ngx_http_websocket_api_batch_gone(void *data)
{
    ngx_http_websocket_api_batch_t *batch = data;

    json_decref(batch->one.args);
    ngx_websocket_json_text_done(&batch->replies);
}


/* as ngx_http_websocket_later_pt: until one of the calls has to wait */

static ngx_int_t
ngx_http_websocket_api_batch_go_on(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_api_batch_t *batch = data;

    ngx_int_t  rc;

    ngx_http_websocket_turn_loop();

    for ( ;; ) {

        rc = batch->method.data ? NGX_OK
                                : ngx_http_websocket_api_batch_next(batch);

        if (rc == NGX_OK) {
            rc = ngx_http_websocket_api_read(&batch->one);

            if (rc == NGX_BUSY) {
                return NGX_BUSY;
            }

            if (rc == NGX_OK && ngx_http_websocket_api_batch_end(batch)) {

                if (ngx_http_websocket_api_batch_do(r, batch, &rc)) {
                    continue;
                }

                return rc;
            }

            rc = NGX_DECLINED;
            batch->call->error = batch->one.error
                                 ? batch->one.error
                                 : NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
        }

        return rc == NGX_DONE
               ? ngx_http_websocket_api_batch_answer(r, batch)
               : ngx_http_websocket_api_refuse(r, batch->call,
                                               batch->call->error);
    }
}


/* NGX_DONE when there is no other; NGX_DECLINED, with the call's error set */

static ngx_int_t
ngx_http_websocket_api_batch_next(ngx_http_websocket_api_batch_t *batch)
{
    ngx_websocket_scan_t  *scan;

    scan = &batch->scan;
    batch->call->error = NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;

    ngx_websocket_scan_space(scan);

    if (ngx_websocket_scan_char(scan, ']')) {
        return NGX_DONE;
    }

    if (batch->n == NGX_HTTP_WEBSOCKET_API_CALLS) {
        batch->call->error = NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED;
        return NGX_DECLINED;
    }

    if (batch->n++) {
        (void) ngx_websocket_scan_char(scan, ',');
        ngx_websocket_scan_space(scan);
    }

    if (!ngx_websocket_scan_char(scan, '{')) {
        return NGX_DECLINED;
    }

    ngx_websocket_scan_space(scan);

    batch->method.data = (u_char *) scan->p + 1;

    if (!ngx_websocket_scan_string(scan)) {
        return NGX_DECLINED;
    }

    batch->method.len = (u_char *) scan->p - 1 - batch->method.data;

    if (!ngx_websocket_scan_colon(scan)) {
        return NGX_DECLINED;
    }

    json_decref(batch->one.args);
    ngx_memzero(&batch->one, sizeof(ngx_http_websocket_api_call_t));

    batch->one.batch = batch;

    ngx_http_websocket_api_read_init(&batch->one, (u_char *) scan->p,
                                     scan->last - scan->p);
    return NGX_OK;
}


/* a command has one method: 0 when there is another member */

static ngx_uint_t
ngx_http_websocket_api_batch_end(ngx_http_websocket_api_batch_t *batch)
{
    batch->scan.p = batch->one.scan.p;

    ngx_websocket_scan_space(&batch->scan);

    return ngx_websocket_scan_char(&batch->scan, '}');
}


/* 1 when it was answered, else *rc is what the content handler returns */

static ngx_uint_t
ngx_http_websocket_api_batch_do(ngx_http_request_t *r,
    ngx_http_websocket_api_batch_t *batch, ngx_int_t *rc)
{
    ngx_http_websocket_api_method_pt  handler;

    handler = ngx_http_websocket_api_method(batch->method.data,
                                            batch->method.len);
    batch->inside = 1;
    batch->answered = 0;

    *rc = handler ? handler(r, &batch->one)
                  : ngx_http_websocket_api_refuse(r, &batch->one,
                                             NGX_HTTP_WEBSOCKET_API_NOT_FOUND);
    batch->inside = 0;

    if (batch->answered) {
        batch->method.data = NULL;
    }

    return batch->answered;
}


ngx_int_t
ngx_http_websocket_api_batch_take(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const char *answer, size_t size)
{
    ngx_http_websocket_api_batch_t  *batch;

    batch = call->batch;

    ngx_http_websocket_api_batch_append(batch, answer, size);

    batch->answered = 1;

    if (batch->inside) {
        return NGX_OK;
    }

    batch->method.data = NULL;

    return ngx_http_websocket_later(r, ngx_http_websocket_api_batch_go_on,
                                    batch);
}


/* {METHOD:RESULT} of {"result":RESULT}, and an error as it is */

static void
ngx_http_websocket_api_batch_append(ngx_http_websocket_api_batch_t *batch,
    const char *answer, size_t size)
{
    static ngx_str_t  result = ngx_string("{\"result\":");

    if (batch->replies.size) {
        ngx_websocket_json_append(&batch->replies, ",", 1);
    }

    if (size > result.len && ngx_strncmp(answer, result.data, result.len) == 0)
    {
        ngx_websocket_json_append(&batch->replies, "{\"", 2);
        ngx_websocket_json_append(&batch->replies,
                                  (char *) batch->method.data,
                                  batch->method.len);
        ngx_websocket_json_append(&batch->replies, "\":", 2);

        answer += result.len;
        size -= result.len;
    }

    ngx_websocket_json_append(&batch->replies, answer, size);
}


static ngx_int_t
ngx_http_websocket_api_batch_answer(ngx_http_request_t *r,
    ngx_http_websocket_api_batch_t *batch)
{
    ngx_int_t                   rc;
    ngx_websocket_json_text_t   text;

    static ngx_str_t  head = ngx_string("{\"replies\":[");

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append(&text, (char *) head.data, head.len);
    ngx_websocket_json_append(&text, batch->replies.data ? batch->replies.data
                                                         : "",
                              batch->replies.size);
    ngx_websocket_json_append(&text, "]}", 2);

    if (batch->replies.over) {
        rc = ngx_http_websocket_api_refuse(r, batch->call,
                                        NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED);

    } else if (batch->replies.failed || text.failed) {
        rc = NGX_HTTP_INTERNAL_SERVER_ERROR;

    } else {
        rc = ngx_http_websocket_api_answer_text(r, batch->call, text.data,
                                                text.size);
    }

    ngx_websocket_json_text_done(&text);

    return rc;
}
