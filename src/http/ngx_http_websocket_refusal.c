
#include "http/ngx_http_websocket_refusal.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_fallback.h"
#include "http/ngx_http_websocket_handshake.h"
#include "http/ngx_http_websocket_request.h"
#include "wire/close.h"
#include "wire/frame.h"


/* what a header filter leaves of a response: all bodies are refusals here */

#define NGX_HTTP_WEBSOCKET_REFUSAL_CODE   4000  /* and the status */
#define NGX_HTTP_WEBSOCKET_REFUSAL_FRAME  (2 + 125)


static ngx_int_t ngx_http_websocket_refusal_header(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_refusal_body(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_websocket_refusal_wanted(ngx_http_request_t *r,
    ngx_str_t *key);
static void ngx_http_websocket_refusal_clear(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_refusal_switch(ngx_http_request_t *r,
    ngx_str_t *key);
static ngx_int_t ngx_http_websocket_refusal_stream(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_refusal_event(ngx_http_request_t *r,
    ngx_uint_t status, char *text);
static ngx_int_t ngx_http_websocket_refusal_last(ngx_http_request_t *r,
    u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_refusal_close(ngx_http_request_t *r,
    ngx_uint_t status, char *text);
static ngx_int_t ngx_http_websocket_refusal_subprotocol(ngx_http_request_t *r,
    ngx_str_t *name);


static ngx_http_output_header_filter_pt  ngx_http_websocket_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_websocket_next_body_filter;


void
ngx_http_websocket_refusal_init(void)
{
    ngx_http_websocket_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_websocket_refusal_header;

    ngx_http_websocket_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_websocket_refusal_body;
}


/*
 * Whoever refuses the stream, nginx or this module, sends a header; a browser
 * would tell its page nothing of it.
 */

static ngx_int_t
ngx_http_websocket_refusal_header(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  key;
    ngx_uint_t                 status;
    ngx_http_websocket_ctx_t  *ctx;

    if (!ngx_http_websocket_refusal_wanted(r, &key)) {
        return ngx_http_websocket_next_header_filter(r);
    }

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    status = r->headers_out.status;

    ngx_http_websocket_refusal_clear(r);

    rc = key.len ? ngx_http_websocket_refusal_switch(r, &key)
                 : ngx_http_websocket_refusal_stream(r);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->refused = 1;

    /* keeps the status for the access log's line */

    r->err_status = status;

    rc = ngx_http_websocket_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    return key.len ? ngx_http_websocket_refusal_close(r, status, ctx->refusal)
                   : ngx_http_websocket_refusal_event(r, status, ctx->refusal);
}


/* the key is empty where the client has asked for server-sent events */

static ngx_uint_t
ngx_http_websocket_refusal_wanted(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    /*
     * An error_page may have led to another location.  What a header filter
     * refuses may be the header that was made here.
     */

    if (!conf->refuse_close
        || r != r->main
        || r->filter_finalize
        || (!conf->websocket && !r->error_page)
        || r->headers_out.status < NGX_HTTP_SPECIAL_RESPONSE)
    {
        return 0;
    }

    if (ngx_http_websocket_handshake_key(r, key)) {
        return 1;
    }

    ngx_str_null(key);

    return r->method == NGX_HTTP_GET && ngx_http_websocket_accepts_events(r);
}


/* what a header says of a body that does not follow */

static void
ngx_http_websocket_refusal_clear(ngx_http_request_t *r)
{
    ngx_http_clear_content_length(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_etag(r);
    ngx_http_clear_location(r);

    r->headers_out.content_type.len = 0;
    r->headers_out.content_type_len = 0;
    r->headers_out.charset.len = 0;

    if (r->headers_out.content_encoding) {
        r->headers_out.content_encoding->hash = 0;
        r->headers_out.content_encoding = NULL;
    }

    r->chunked = 0;
    r->allow_ranges = 0;
}


static ngx_int_t
ngx_http_websocket_refusal_switch(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_str_t  name, *subprotocol;

    subprotocol = ngx_http_websocket_subprotocol(r);

    if (subprotocol == NULL
        && ngx_http_websocket_refusal_subprotocol(r, &name) == NGX_OK)
    {
        subprotocol = &name;
    }

    /* waits, to read the client's Close */

    r->lingering_close = 1;

    return ngx_http_websocket_switch(r, subprotocol, key);
}


static ngx_int_t
ngx_http_websocket_refusal_stream(ngx_http_request_t *r)
{
    static ngx_str_t  no_store = ngx_string("no-store");

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.status_line.len = 0;
    r->disable_not_modified = 1;

    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_http_websocket_add_header(r, "Cache-Control", &no_store);
}


/*
 * An EventSource comes back by itself to a stream that has ended: after an hour
 * if that is in vain, so that there is time to close it.
 */

static ngx_int_t
ngx_http_websocket_refusal_event(ngx_http_request_t *r, ngx_uint_t status,
    char *text)
{
    u_char  *data, *p;
    size_t   size, len;

    len = text ? ngx_strlen(text) : 0;

    size = sizeof("retry: 3600000\nevent: close\n"
                  "data: {\"code\":4000,\"reason\":\"HTTP status 000\"}\n\n")
           + len + (text ? ngx_escape_json(NULL, (u_char *) text, len) : 0);

    data = ngx_pnalloc(r->pool, size);
    if (data == NULL) {
        return NGX_ERROR;
    }

    p = data;

    if (status < NGX_HTTP_INTERNAL_SERVER_ERROR
        && status != NGX_HTTP_TOO_MANY_REQUESTS)
    {
        p = ngx_cpymem(p, "retry: 3600000\n", sizeof("retry: 3600000\n") - 1);
    }

    p = ngx_sprintf(p, "event: close\ndata: {\"code\":%ui,\"reason\":\"",
                    NGX_HTTP_WEBSOCKET_REFUSAL_CODE + status);

    p = text ? (u_char *) ngx_escape_json(p, (u_char *) text, len)
             : ngx_sprintf(p, "HTTP status %ui", status);

    p = ngx_cpymem(p, "\"}\n\n", sizeof("\"}\n\n") - 1);

    return ngx_http_websocket_refusal_last(r, data, p - data);
}


static ngx_int_t
ngx_http_websocket_refusal_close(ngx_http_request_t *r, ngx_uint_t status,
    char *text)
{
    u_char  *frame, *p, reason[sizeof("HTTP status 000")];
    size_t   size;

    frame = ngx_pnalloc(r->pool, NGX_HTTP_WEBSOCKET_REFUSAL_FRAME);
    if (frame == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) text;
    size = text ? ngx_strlen(text) : 0;

    if (text == NULL) {
        p = reason;
        size = ngx_sprintf(reason, "HTTP status %ui", status) - reason;
    }

    size = ngx_websocket_close_payload(frame + 2,
                                  NGX_HTTP_WEBSOCKET_REFUSAL_CODE + status, p,
                                  size);
    (void) ngx_websocket_frame_header(frame,
                                      NGX_WEBSOCKET_FIN | NGX_WEBSOCKET_CLOSE,
                                      size);

    return ngx_http_websocket_refusal_last(r, frame, 2 + size);
}


/* all that the response has for a body */

static ngx_int_t
ngx_http_websocket_refusal_last(ngx_http_request_t *r, u_char *data,
    size_t size)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = data;
    b->last = data + size;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    rc = ngx_http_websocket_next_body_filter(r, &out);

    return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
}


/*
 * A browser that has offered subprotocols, of which none is chosen, ends the
 * connection without the code: the first one is chosen that is no token.
 */

static ngx_int_t
ngx_http_websocket_refusal_subprotocol(ngx_http_request_t *r, ngx_str_t *name)
{
    u_char           *p, *last;
    ngx_table_elt_t  *h;

    h = ngx_http_websocket_header(r, "sec-websocket-protocol", NULL);

    if (h == NULL) {
        return NGX_ERROR;
    }

    p = h->value.data;
    last = p + h->value.len;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        name->data = p;

        while (p < last && *p != ' ' && *p != '\t' && *p != ',') {
            p++;
        }

        name->len = p - name->data;

        if (name->len
            && (name->len < sizeof("bearer.") - 1
                || ngx_strncmp(name->data, "bearer.", sizeof("bearer.") - 1)
                   != 0))
        {
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


/* the page that would have been sent */

static ngx_int_t
ngx_http_websocket_refusal_body(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (ctx == NULL || !ctx->refused) {
        return ngx_http_websocket_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    return NGX_OK;
}
