
#include "http/ngx_http_websocket_publish_body.h"
#include "clock/ngx_http_websocket_turn.h"
#include "delivery/ngx_http_websocket_intake.h"
#include "store/message.h"


/* what is dropped of a file between two looks at the clock */
#define NGX_HTTP_WEBSOCKET_BODY_DROP  (1024 * 1024)


static ngx_int_t ngx_http_websocket_publish_body_piece(
    ngx_http_websocket_publish_body_t *body, ngx_buf_t *b, size_t size);
static ngx_buf_t *ngx_http_websocket_publish_body_buf(
    ngx_http_websocket_publish_body_t *body, size_t part);
static ngx_int_t ngx_http_websocket_publish_body_load(
    ngx_http_websocket_publish_body_t *body, ngx_buf_t *b, size_t from,
    u_char *p, size_t size);


/* what stays in its file goes through this, piece by piece */

static u_char  ngx_http_websocket_publish_body_buffer[NGX_WEBSOCKET_STORE_FILL];


ngx_http_websocket_publish_body_t *
ngx_http_websocket_publish_body_of(ngx_http_request_t *r)
{
    ngx_chain_t                        *cl, *bufs;
    ngx_websocket_store_part_t         *part;
    ngx_http_websocket_publish_body_t  *body;

    body = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_publish_body_t));
    if (body == NULL) {
        return NULL;
    }

    bufs = r->request_body ? r->request_body->bufs : NULL;

    for (cl = bufs; cl; cl = cl->next) {
        body->size += ngx_buf_size(cl->buf);
        body->n++;
    }

    part = ngx_pcalloc(r->pool, (body->n + NGX_HTTP_WEBSOCKET_INTAKE_PARTS + 1)
                                * sizeof(ngx_websocket_store_part_t));
    if (part == NULL) {
        return NULL;
    }

    body->request = r;
    body->parts = part;

    ngx_crc32_init(body->digest);

    for (cl = bufs; cl; cl = cl->next, part++) {

        /* the last buffer may only mark the end */

        part->size = ngx_buf_special(cl->buf) ? 0 : ngx_buf_size(cl->buf);

        if (ngx_buf_in_memory(cl->buf)) {
            part->data = cl->buf->pos;
        }
    }

    return body;
}


ngx_int_t
ngx_http_websocket_publish_body_check(ngx_http_websocket_publish_body_t *body)
{
    size_t       size;
    ngx_int_t    rc;
    ngx_buf_t   *b;

    while (body->part < body->n) {

        b = ngx_http_websocket_publish_body_buf(body, body->part);

        size = body->parts[body->part].size - body->done;
        size = ngx_min(size, NGX_WEBSOCKET_STORE_FILL);

        if (size) {
            rc = ngx_http_websocket_publish_body_piece(body, b, size);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        body->done += size;

        if (body->done == body->parts[body->part].size) {
            body->part++;
            body->done = 0;
        }

        /* a small one is looked at at once */

        if (body->size > NGX_WEBSOCKET_STORE_FILL
            && ngx_http_websocket_turn_over())
        {
            return NGX_BUSY;
        }
    }

    if (body->utf8) {
        return NGX_DECLINED;
    }

    ngx_crc32_final(body->digest);

    return NGX_OK;
}


/* reads it where it is not in memory, and checks it */

static ngx_int_t
ngx_http_websocket_publish_body_piece(ngx_http_websocket_publish_body_t *body,
    ngx_buf_t *b, size_t size)
{
    u_char                      *p;
    ngx_websocket_store_part_t  *part;

    part = &body->parts[body->part];

    if (ngx_buf_in_memory(b)) {
        p = b->pos + body->done;

    } else {

        if (body->stays) {
            p = ngx_http_websocket_publish_body_buffer;

        } else {

            if (part->data == NULL) {
                part->data = ngx_pnalloc(body->request->pool, part->size);

                if (part->data == NULL) {
                    return NGX_ERROR;
                }
            }

            p = (u_char *) part->data + body->done;
        }

        if (ngx_http_websocket_publish_body_load(body, b, body->done, p, size)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (body->text && ngx_websocket_utf8(&body->utf8, p, size) != 0) {
        return NGX_DECLINED;
    }

    if (body->keyed) {
        ngx_crc32_update(&body->digest, p, size);
    }

    return NGX_OK;
}


static ngx_buf_t *
ngx_http_websocket_publish_body_buf(ngx_http_websocket_publish_body_t *body,
    size_t part)
{
    ngx_chain_t  *cl;

    for (cl = body->request->request_body->bufs; part; part--) {
        cl = cl->next;
    }

    return cl->buf;
}


static ngx_int_t
ngx_http_websocket_publish_body_load(ngx_http_websocket_publish_body_t *body,
    ngx_buf_t *b, size_t from, u_char *p, size_t size)
{
    ssize_t  n;

    n = ngx_read_file(b->file, p, size, b->file_pos + from);

    if (n == (ssize_t) size) {
        return NGX_OK;
    }

    if (n != NGX_ERROR) {
        ngx_log_error(NGX_LOG_CRIT, body->request->connection->log, 0,
                      ngx_read_file_n " read only %z of %uz from \"%V\"",
                      n, size, &b->file->name);
    }

    return NGX_ERROR;
}


const u_char *
ngx_http_websocket_publish_body_read(void *data, size_t part, size_t from,
    size_t size)
{
    ngx_http_websocket_publish_body_t *body = data;

    ngx_buf_t  *b;

    b = ngx_http_websocket_publish_body_buf(body, part - body->tagged);

    if (ngx_http_websocket_publish_body_load(body, b, from,
                                       ngx_http_websocket_publish_body_buffer,
                                             size)
        != NGX_OK)
    {
        body->unread = 1;
        return NULL;
    }

    return ngx_http_websocket_publish_body_buffer;
}


/*
 * Not where others may read it yet: a mirror's subrequest, by which the request
 * is counted once more, or who finds the file by its name.
 */

ngx_int_t
ngx_http_websocket_publish_body_drop(ngx_http_websocket_publish_body_t *body)
{
    off_t                size;
    ngx_temp_file_t     *tf;
    ngx_http_request_t  *r;

    r = body->request;
    tf = r->request_body ? r->request_body->temp_file : NULL;

    if (tf == NULL || tf->persistent || r != r->main || r->count != 1) {
        return NGX_OK;
    }

    while (body->dropped < body->size) {

        body->dropped += NGX_HTTP_WEBSOCKET_BODY_DROP;
        size = ngx_max(body->size - body->dropped, 0);

        if (ftruncate(tf->file.fd, size) == -1) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                          "ftruncate() \"%V\" failed", &tf->file.name);
            return NGX_OK;
        }

        if (ngx_http_websocket_turn_over()) {
            return NGX_BUSY;
        }
    }

    return NGX_OK;
}
