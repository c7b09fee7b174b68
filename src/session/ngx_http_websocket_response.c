
#include "session/ngx_http_websocket_response.h"
#include "session/ngx_http_websocket_head.h"
#include "session/ngx_http_websocket_progress.h"
#include "session/ngx_http_websocket_queue.h"
#include "session/ngx_http_websocket_write.h"
#include "clock/ngx_http_websocket_turn.h"


#define NGX_HTTP_WEBSOCKET_RESPONSE_SIZE  16384


static void ngx_http_websocket_response_detach(void *data);
static void ngx_http_websocket_response_dispose(void *data);
static void ngx_http_websocket_response_reader(ngx_http_request_t *r);
static void ngx_http_websocket_response_writer(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_response_fill(
    ngx_http_websocket_session_t *s);


ngx_int_t
ngx_http_websocket_response_prepare(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_uint_t n)
{
    ngx_pool_cleanup_t             *last;
    ngx_http_cleanup_t             *first;
    ngx_http_websocket_response_t  *response;

    response = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_response_t));
    if (response == NULL) {
        return NGX_ERROR;
    }

    response->n = n;
    response->positions = ngx_pcalloc(r->pool,
                                      n * (sizeof(ngx_websocket_position_t)
                                           + 1));
    first = ngx_http_cleanup_add(r, 0);
    last = ngx_pool_cleanup_add(r->pool, 0);

    if (response->positions == NULL || first == NULL || last == NULL) {
        return NGX_ERROR;
    }

    response->found = (uint8_t *) &response->positions[n];

    /*
     * The session ends with the request, when nginx says so.  The access log's
     * line is written in between, and asks the session.
     */

    first->handler = ngx_http_websocket_response_detach;
    first->data = s;

    last->handler = ngx_http_websocket_response_dispose;
    last->data = s;

    response->first_cleanup = first;
    response->last_cleanup = last;

    s->record = &response->record;

    return NGX_OK;
}


static void
ngx_http_websocket_response_detach(void *data)
{
    ngx_http_websocket_session_detach(data);
}


static void
ngx_http_websocket_response_dispose(void *data)
{
    ngx_http_websocket_session_dispose(data);
}


void
ngx_http_websocket_response_start(ngx_http_websocket_session_t *s)
{
    ngx_http_request_t  *r;

    r = s->record->request;

    r->read_event_handler = ngx_http_websocket_response_reader;
    r->write_event_handler = ngx_http_websocket_response_writer;

    s->state = s->close_queued ? NGX_HTTP_WEBSOCKET_CLOSE_LAST
                               : NGX_HTTP_WEBSOCKET_OPEN;

#if (NGX_HTTP_V2)
    if (r->stream == NULL)
#endif
    {
        ngx_http_websocket_progress_fresh(s);
    }

    /* nothing of a poll is written before its whole answer */

    if (s->conf->log_start && r->header_sent) {
        ngx_http_websocket_request_log(r);
    }

    ngx_http_websocket_post_flush(s);
}


/* nginx would end the requests of all clients that have gone in one turn */

static void
ngx_http_websocket_response_reader(ngx_http_request_t *r)
{
    ngx_uint_t                 gone;
    ngx_connection_t          *c;
    ngx_http_websocket_ctx_t  *ctx;

    c = r->connection;
    gone = c->read->pending_eof;

#if (NGX_HTTP_V2)
    if (r->stream) {
        gone = c->error;
    }
#endif

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (!gone || ctx->session == NULL || ctx->session->detached
        || !ngx_http_websocket_turn_over())
    {
        ngx_http_test_reading(r);
        return;
    }

    if (ctx->session->gone) {
        return;
    }

    c->error = 1;

    ngx_http_websocket_session_gone(ctx->session);
}


static void
ngx_http_websocket_response_writer(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    /* with limit_rate nginx's own timer calls again */

    if (ctx->session == NULL || ctx->session->detached
        || r->connection->write->delayed)
    {
        return;
    }

    ngx_http_websocket_post_flush(ctx->session);
}


ngx_int_t
ngx_http_websocket_response_flush(ngx_http_websocket_session_t *s)
{
    ngx_chain_t                    *cl;
    ngx_http_request_t             *r;
    ngx_http_websocket_response_t  *response;

    r = s->record->request;
    response = ngx_http_websocket_response_of(s);

    for ( ;; ) {

        cl = NULL;

        if (response->buf.pos == response->buf.last) {

            if (s->out->count == 0) {
                break;
            }

            if (ngx_http_websocket_response_fill(s) != NGX_OK) {
                return NGX_ERROR;
            }

            cl = &response->link;
        }

        if (ngx_http_output_filter(r, cl) == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (r->buffered || r->connection->buffered
            || response->buf.pos != response->buf.last)
        {
            return ngx_http_websocket_blocked(s);
        }
    }

    ngx_free(response->buf.start);
    ngx_memzero(&response->buf, sizeof(ngx_buf_t));

    return NGX_OK;
}


/* nginx copies what it cannot write at once */

static ngx_int_t
ngx_http_websocket_response_fill(ngx_http_websocket_session_t *s)
{
    size_t                       size;
    u_char                      *p;
    ngx_buf_t                   *b;
    ngx_http_websocket_frame_t  *frame;

    b = &ngx_http_websocket_response_of(s)->buf;
    p = b->start;

    if (p == NULL) {
        p = ngx_alloc(NGX_HTTP_WEBSOCKET_RESPONSE_SIZE, s->connection->log);
        if (p == NULL) {
            return NGX_ERROR;
        }
    }

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = p;
    b->end = p + NGX_HTTP_WEBSOCKET_RESPONSE_SIZE;
    b->pos = p;
    b->memory = 1;
    b->flush = 1;

    while (s->out->count && p < b->end) {

        frame = *ngx_http_websocket_queue_at(s->out, 0);
        size = ngx_min(frame->size - s->out->sent, (size_t) (b->end - p));

        p = ngx_cpymem(p, frame->data + s->out->sent, size);

        ngx_http_websocket_queue_sent(s, size);
        ngx_http_websocket_response_of(s)->bytes_out += size;
    }

    b->last = p;

    ngx_http_websocket_response_of(s)->link.buf = b;
    ngx_http_websocket_response_of(s)->link.next = NULL;

    return NGX_OK;
}


void
ngx_http_websocket_response_end(ngx_http_websocket_session_t *s)
{
    ngx_int_t            rc;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = s->connection;
    r = s->record->request;
    rc = NGX_ERROR;

    if (s->gone) {
        rc = NGX_HTTP_CLIENT_CLOSED_REQUEST;

        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "client prematurely closed connection");
    }

    if (s->state == NGX_HTTP_WEBSOCKET_CLOSE_LAST && !c->error && !c->timedout)
    {
        rc = r->header_sent ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;

        if (rc == NGX_OK && !ngx_http_websocket_response_of(s)->complete) {
            rc = ngx_http_send_special(r, NGX_HTTP_LAST);
        }
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


uint64_t
ngx_http_websocket_response_bytes_out(ngx_http_websocket_session_t *s)
{
    return ngx_http_websocket_response_of(s)->bytes_out;
}


void
ngx_http_websocket_response_forget(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    response->first_cleanup->handler = NULL;
    response->last_cleanup->handler = NULL;

    ngx_free(response->buf.start);
}


void
ngx_http_websocket_response_pass(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_http_websocket_message_t *message)
{
    ngx_websocket_position_t       *position;
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    if (response->full) {
        return;
    }

    position = &response->positions[from->number];

    position->epoch = message->epoch;
    position->offset = message->offset;
}


void
ngx_http_websocket_response_ended(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *from,
    ngx_websocket_position_t *position)
{
    ngx_http_websocket_response_t  *response;

    response = ngx_http_websocket_response_of(s);

    if (response->full) {
        return;
    }

    response->positions[from->number] = *position;
    response->ended++;
}
