
#include "http/ngx_http_websocket_body.h"


static ngx_int_t ngx_http_websocket_body_copy(ngx_buf_t *b, u_char *p,
    size_t size);


ngx_int_t
ngx_http_websocket_body(ngx_http_request_t *r, size_t most, ngx_str_t *body)
{
    off_t         size;
    u_char       *p;
    ngx_chain_t  *cl, *bufs;

    bufs = r->request_body ? r->request_body->bufs : NULL;
    size = 0;

    for (cl = bufs; cl; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (size > (off_t) most) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, (size_t) size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    body->len = (size_t) size;

    for (cl = bufs; cl; cl = cl->next) {

        size = ngx_buf_size(cl->buf);

        if (ngx_http_websocket_body_copy(cl->buf, p, (size_t) size) != NGX_OK)
        {
            return NGX_ERROR;
        }

        p += size;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_body_copy(ngx_buf_t *b, u_char *p, size_t size)
{
    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, size);
        return NGX_OK;
    }

    return size == 0
           || ngx_read_file(b->file, p, size, b->file_pos) == (ssize_t) size
           ? NGX_OK : NGX_ERROR;
}
