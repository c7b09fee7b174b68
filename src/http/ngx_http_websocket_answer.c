
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "wire/utf8.h"


static ngx_str_t  ngx_http_websocket_text = ngx_string("text/plain");
static ngx_str_t  ngx_http_websocket_json = ngx_string("application/json");


static ngx_int_t ngx_http_websocket_answer_object(ngx_http_request_t *r,
    ngx_uint_t status, char *code, char *path, char *message);
static ngx_uint_t ngx_http_websocket_has_page(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_http_websocket_status_line(ngx_http_request_t *r,
    ngx_uint_t status);
static void ngx_http_websocket_log_refusal(ngx_http_request_t *r,
    ngx_uint_t status, char *text);


ngx_int_t
ngx_http_websocket_answer_text(ngx_http_request_t *r, ngx_uint_t status,
    char *text)
{
    size_t                     len;
    ngx_str_t                  body;
    ngx_http_websocket_ctx_t  *ctx;

    ngx_http_websocket_log_refusal(r, status, text);

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->refusal = text;

    len = ngx_strlen(text);

    body.len = len + 1;
    body.data = ngx_pnalloc(r->pool, body.len);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_memcpy(body.data, text, len);
    body.data[len] = LF;

    return ngx_http_websocket_answer(r, status, &ngx_http_websocket_text,
                                     &body);
}


/* Browsers do not tell a page why a request failed: the log does */

static void
ngx_http_websocket_log_refusal(ngx_http_request_t *r, ngx_uint_t status,
    char *text)
{
    u_char  plain[NGX_HTTP_WEBSOCKET_PLAIN_SIZE];

    if (r->connection->log->log_level < NGX_LOG_INFO) {
        return;
    }

    /*
     * nginx adds the request's line to the log's, and the line may have a
     * token.
     */

    ngx_http_websocket_mask(r);

    ngx_http_websocket_plain(plain, (u_char *) text, ngx_strlen(text));

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "websocket request refused with %ui: %s", status, plain);
}


void
ngx_http_websocket_plain(u_char *plain, const u_char *text, size_t size)
{
    size_t  i;

    size = ngx_min(size, NGX_HTTP_WEBSOCKET_PLAIN_SIZE - 1);

    ngx_memcpy(plain, text, size);

    i = ngx_websocket_control(plain, size);

    while (i < size) {

        if (plain[i] == 0xc2) {
            plain[i++] = '?';
        }

        plain[i++] = '?';
        i += ngx_websocket_control(plain + i, size - i);
    }

    plain[size] = '\0';
}


ngx_int_t
ngx_http_websocket_answer_json(ngx_http_request_t *r, ngx_uint_t status,
    json_t *json)
{
    size_t     flags;
    ngx_str_t  body;

    flags = JSON_COMPACT|JSON_PRESERVE_ORDER|JSON_REAL_PRECISION(12);

    body.len = json ? json_dumpb(json, NULL, 0, flags) : 0;

    if (body.len == 0) {
        json_decref(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.data = ngx_pnalloc(r->pool, body.len + 1);

    if (body.data == NULL
        || json_dumpb(json, (char *) body.data, body.len, flags) != body.len)
    {
        json_decref(json);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json_decref(json);

    body.data[body.len++] = LF;

    return ngx_http_websocket_answer(r, status, &ngx_http_websocket_json,
                                     &body);
}


ngx_int_t
ngx_http_websocket_answer_error(ngx_http_request_t *r, ngx_uint_t status,
    char *code, char *message)
{
    ngx_http_websocket_log_refusal(r, status, message);

    return ngx_http_websocket_answer_object(r, status, code, NULL, message);
}


ngx_int_t
ngx_http_websocket_answer_invalid(ngx_http_request_t *r, char *code,
    ngx_websocket_json_error_t *error)
{
    return ngx_http_websocket_answer_object(r,
                                            NGX_HTTP_WEBSOCKET_UNPROCESSABLE,
                                            code, error->path, error->rule);
}


static ngx_int_t
ngx_http_websocket_answer_object(ngx_http_request_t *r, ngx_uint_t status,
    char *code, char *path, char *message)
{
    ngx_str_t                  body;
    ngx_websocket_json_text_t  text;

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append_error(&text, code, path, message);
    ngx_websocket_json_append(&text, "\n", 1);

    body.len = text.size;
    body.data = text.failed ? NULL : ngx_pnalloc(r->pool, text.size);

    if (body.data) {
        ngx_memcpy(body.data, text.data, text.size);
    }

    ngx_websocket_json_text_done(&text);

    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_answer(r, status, &ngx_http_websocket_json,
                                     &body);
}


ngx_int_t
ngx_http_websocket_not_allowed(ngx_http_request_t *r, ngx_str_t *allow,
    char *text)
{
    if (ngx_http_websocket_add_header(r, "Allow", allow) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_answer_error(r, NGX_HTTP_NOT_ALLOWED,
                                           "method_not_allowed", text);
}


ngx_int_t
ngx_http_websocket_answer(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (ngx_http_websocket_has_page(r, status)) {
        return status;
    }

    ngx_http_websocket_mask(r);

    /*
     * What was not read of the request's body must not be taken for the next
     * request.
     */

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_websocket_status_line(r, status);
    r->headers_out.content_length_n = body->len;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    rc = ngx_http_send_header(r);

    if (rc != NGX_ERROR && rc <= NGX_OK && !r->header_only) {

        out.buf = b;
        out.next = NULL;

        rc = ngx_http_output_filter(r, &out);
    }

    /* nginx goes on to write the answer by itself: it was made to its end */

    return rc == NGX_AGAIN ? NGX_OK : rc;
}


/*
 * Returns 1 when nginx has an error_page for the status and would use it now.
 */

static ngx_uint_t
ngx_http_websocket_has_page(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (status < NGX_HTTP_BAD_REQUEST || clcf->error_pages == NULL
        || r->error_page || r->uri_changes == 0)
    {
        return 0;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == (ngx_int_t) status) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_websocket_status_line(ngx_http_request_t *r, ngx_uint_t status)
{
    r->disable_not_modified = 1;
    r->headers_out.status = status;

    switch (status) {

    case NGX_HTTP_WEBSOCKET_UNPROCESSABLE:
        ngx_str_set(&r->headers_out.status_line, "422 Unprocessable Content");
        break;

    case NGX_HTTP_WEBSOCKET_UPGRADE:
        ngx_str_set(&r->headers_out.status_line, "426 Upgrade Required");
        break;
    }
}


ngx_int_t
ngx_http_websocket_add_header(ngx_http_request_t *r, char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value = *value;

    return NGX_OK;
}
