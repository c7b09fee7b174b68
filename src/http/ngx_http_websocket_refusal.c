
#include "http/ngx_http_websocket_refusal.h"
#include "http/ngx_http_websocket_channel_names.h"
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
 * Whoever refuses the handshake, nginx or this module, sends a header; a
 * browser would tell its page nothing of it.
 */

static ngx_int_t
ngx_http_websocket_refusal_header(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  key, name, *subprotocol;
    ngx_uint_t                 status;
    ngx_http_websocket_ctx_t  *ctx;

    if (!ngx_http_websocket_refusal_wanted(r, &key)) {
        return ngx_http_websocket_next_header_filter(r);
    }

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    subprotocol = ngx_http_websocket_subprotocol(r);

    if (subprotocol == NULL
        && ngx_http_websocket_refusal_subprotocol(r, &name) == NGX_OK)
    {
        subprotocol = &name;
    }

    status = r->headers_out.status;

    ngx_http_websocket_refusal_clear(r);

    if (ngx_http_websocket_switch(r, subprotocol, &key) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->refused = 1;

    /* waits, to read the client's Close, and for the access log's line */

    r->err_status = status;
    r->lingering_close = 1;

    rc = ngx_http_websocket_next_header_filter(r);

    if (rc == NGX_ERROR || rc > NGX_OK) {
        return rc;
    }

    return ngx_http_websocket_refusal_close(r, status, ctx->refusal);
}


static ngx_uint_t
ngx_http_websocket_refusal_wanted(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    /* an error_page may have led to another location */

    return conf->refuse_close
           && r == r->main
           && (conf->websocket || r->error_page)
           && r->headers_out.status >= NGX_HTTP_SPECIAL_RESPONSE
           && ngx_http_websocket_handshake_key(r, key);
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
ngx_http_websocket_refusal_close(ngx_http_request_t *r, ngx_uint_t status,
    char *text)
{
    u_char       *frame, *p, reason[sizeof("HTTP status 000")];
    size_t        size;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    frame = ngx_pnalloc(r->pool, NGX_HTTP_WEBSOCKET_REFUSAL_FRAME);
    b = ngx_calloc_buf(r->pool);

    if (frame == NULL || b == NULL) {
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

    b->pos = frame;
    b->last = frame + 2 + size;
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
