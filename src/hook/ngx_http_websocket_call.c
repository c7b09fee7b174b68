
#include "hook/ngx_http_websocket_call.h"
#include "clock/ngx_http_websocket_clock.h"
#include "hook/ngx_http_websocket_call_request.h"
#include "hub/ngx_http_websocket_zone.h"


static void ngx_http_websocket_call_from(ngx_http_websocket_call_t *call,
    ngx_connection_t *c);
static void ngx_http_websocket_call_begin(ngx_http_websocket_call_t *call);
static ngx_int_t ngx_http_websocket_call_make(ngx_http_websocket_call_t *call);
static void ngx_http_websocket_call_end(void *data);
static void ngx_http_websocket_call_post(ngx_http_websocket_call_t *call,
    ngx_http_websocket_call_e rc);
static void ngx_http_websocket_call_timer(ngx_event_t *ev);
static void ngx_http_websocket_call_over(ngx_event_t *ev);
static void ngx_http_websocket_call_next(ngx_http_websocket_hook_t *hook);
static void ngx_http_websocket_call_unqueue(
    ngx_http_websocket_call_t *call);
static void ngx_http_websocket_call_free(ngx_http_websocket_call_t *call);
static ngx_int_t ngx_http_websocket_call_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_call_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_websocket_call_take(ngx_http_websocket_call_t *call,
    ngx_buf_t *b);


static ngx_http_output_header_filter_pt
    ngx_http_websocket_call_next_header_filter;
static ngx_http_output_body_filter_pt
    ngx_http_websocket_call_next_body_filter;


void
ngx_http_websocket_call_init(void)
{
    ngx_http_websocket_call_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_websocket_call_header_filter;

    ngx_http_websocket_call_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_websocket_call_body_filter;
}


ngx_http_websocket_call_t *
ngx_http_websocket_call(ngx_http_websocket_loc_conf_t *conf,
    ngx_http_websocket_hook_t *hook, ngx_connection_t *c,
    ngx_http_request_t *r, ngx_websocket_json_text_t *question)
{
    ngx_http_websocket_call_t  *call;

    call = question->failed
           ? NULL : ngx_calloc(sizeof(ngx_http_websocket_call_t), c->log);

    if (call == NULL) {
        ngx_websocket_json_text_done(question);
        return NULL;
    }

    call->hook = hook;
    call->conf = conf;
    call->client = r;
    call->question = *question;
    call->started = ngx_http_websocket_clock_now_us();

    ngx_http_websocket_call_from(call, c);

    call->timer.handler = ngx_http_websocket_call_timer;
    call->timer.data = &call->from;
    call->timer.log = ngx_cycle->log;

    call->over.handler = ngx_http_websocket_call_over;
    call->over.data = &call->from;
    call->over.log = ngx_cycle->log;

    conf->stats->hook_calls[hook->event]++;

    if (hook->active < hook->max) {
        ngx_add_timer(&call->timer, hook->timeout);
        ngx_http_websocket_call_begin(call);

    } else if (hook->waiting < hook->queue_max) {
        ngx_add_timer(&call->timer, hook->timeout);

        if (hook->queue.next == NULL) {
            ngx_queue_init(&hook->queue);
        }

        ngx_queue_insert_tail(&hook->queue, &call->queue);

        call->waits = 1;
        hook->waiting++;
        conf->stats->hook_queued++;

    } else {
        conf->stats->hook_dropped[hook->event]++;

        ngx_http_websocket_call_post(call, NGX_HTTP_WEBSOCKET_CALL_FULL);
    }

    return call;
}


static void
ngx_http_websocket_call_from(ngx_http_websocket_call_t *call,
    ngx_connection_t *c)
{
    call->from.fd = (ngx_socket_t) -1;
    call->from.listening = c->listening;

    ngx_memcpy(&call->sockaddr, c->sockaddr,
               ngx_min(c->socklen, (socklen_t) sizeof(ngx_sockaddr_t)));

    call->from.sockaddr = &call->sockaddr.sockaddr;
    call->from.socklen = c->socklen;

    if (c->local_sockaddr) {
        ngx_memcpy(&call->local_sockaddr, c->local_sockaddr,
                   ngx_min(c->local_socklen,
                           (socklen_t) sizeof(ngx_sockaddr_t)));
    }

    call->from.local_sockaddr = &call->local_sockaddr.sockaddr;
    call->from.local_socklen = c->local_socklen;

    call->from.addr_text.len = ngx_min(c->addr_text.len, NGX_SOCKADDR_STRLEN);
    call->from.addr_text.data = call->addr_text;

    ngx_memcpy(call->addr_text, c->addr_text.data, call->from.addr_text.len);
}


static void
ngx_http_websocket_call_begin(ngx_http_websocket_call_t *call)
{
    call->active = 1;
    call->hook->active++;
    call->conf->stats->hook_active++;

    if (ngx_http_websocket_call_make(call) != NGX_OK) {
        ngx_http_websocket_call_post(call, NGX_HTTP_WEBSOCKET_CALL_FAILED);
    }
}


static ngx_int_t
ngx_http_websocket_call_make(ngx_http_websocket_call_t *call)
{
    ngx_connection_t    *c;
    ngx_pool_cleanup_t  *cln;
    ngx_http_request_t  *r;

    r = ngx_http_websocket_call_request(call);
    if (r == NULL) {
        return NGX_ERROR;
    }

    c = r->connection;

    /* of the pool: an internal redirect forgets what hangs on the request */

    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (cln == NULL) {
        r->logged = 1;

        ngx_http_free_request(r, 0);
        ngx_http_close_connection(c);

        return NGX_ERROR;
    }

    cln->handler = ngx_http_websocket_call_end;
    cln->data = r;

    *ngx_http_websocket_call_of(r) = call;

    call->request = r;

    ngx_http_handler(r);
    ngx_http_run_posted_requests(c);

    return NGX_OK;
}


/* the request has ended, and perhaps the call before it */

static void
ngx_http_websocket_call_end(void *data)
{
    ngx_http_request_t *r = data;

    ngx_http_websocket_call_t  *call;

    call = *ngx_http_websocket_call_of(r);

    if (call == NULL) {
        return;
    }

    /* a response without a body has none to end */

    ngx_http_websocket_call_post(call,
                                 call->rc != NGX_HTTP_WEBSOCKET_CALL_ANSWERED
                                 ? call->rc
                                 : call->headed && (call->last || r->header_only)
                                 ? NGX_HTTP_WEBSOCKET_CALL_ANSWERED
                                 : NGX_HTTP_WEBSOCKET_CALL_CUT);
}


static void
ngx_http_websocket_call_post(ngx_http_websocket_call_t *call,
    ngx_http_websocket_call_e rc)
{
    call->rc = rc;

    if (call->request) {
        *ngx_http_websocket_call_of(call->request) = NULL;
        call->request = NULL;
    }

    if (call->timer.timer_set) {
        ngx_del_timer(&call->timer);
    }

    ngx_post_event(&call->over, &ngx_posted_events);
}


static void
ngx_http_websocket_call_timer(ngx_event_t *ev)
{
    ngx_http_request_t         *r;
    ngx_http_websocket_call_t  *call;

    call = ngx_queue_data(ev, ngx_http_websocket_call_t, timer);
    r = call->request;

    ngx_http_websocket_call_post(call, NGX_HTTP_WEBSOCKET_CALL_LATE);

    if (r) {
        ngx_http_websocket_call_abort(r);
    }
}


static void
ngx_http_websocket_call_over(ngx_event_t *ev)
{
    uint64_t                    us;
    ngx_http_websocket_call_t  *call;
    ngx_http_websocket_hook_t  *hook;

    call = ngx_queue_data(ev, ngx_http_websocket_call_t, over);
    hook = call->hook;

    us = ngx_http_websocket_clock_now_us() - call->started;
    call->time = us / 1000;

    if (call->active) {
        hook->active--;
        call->conf->stats->hook_active--;
    }

    if (call->conf->zone && call->rc != NGX_HTTP_WEBSOCKET_CALL_FULL) {
        ngx_http_websocket_histogram_add(&call->conf->zone->stats->hooks, us);
    }

    ngx_http_websocket_call_unqueue(call);

    if (call->done) {
        call->done(call);
    }

    ngx_http_websocket_call_free(call);
    ngx_http_websocket_call_next(hook);
}


static void
ngx_http_websocket_call_next(ngx_http_websocket_hook_t *hook)
{
    ngx_queue_t                *q;
    ngx_http_websocket_call_t  *call;

    while (hook->waiting && hook->active < hook->max) {

        q = ngx_queue_head(&hook->queue);
        call = ngx_queue_data(q, ngx_http_websocket_call_t, queue);

        ngx_http_websocket_call_unqueue(call);
        ngx_http_websocket_call_begin(call);
    }
}


static void
ngx_http_websocket_call_unqueue(ngx_http_websocket_call_t *call)
{
    if (!call->waits) {
        return;
    }

    call->waits = 0;

    ngx_queue_remove(&call->queue);

    call->hook->waiting--;
    call->conf->stats->hook_queued--;
}


void
ngx_http_websocket_call_cancel(ngx_http_websocket_call_t *call)
{
    call->done = NULL;

    if (call->waits) {
        ngx_http_websocket_call_unqueue(call);
        ngx_del_timer(&call->timer);
        ngx_http_websocket_call_free(call);
    }
}


static void
ngx_http_websocket_call_free(ngx_http_websocket_call_t *call)
{
    ngx_websocket_json_text_done(&call->question);

    ngx_free(call->body.data);
    ngx_free(call);
}


ngx_uint_t
ngx_http_websocket_call_is(ngx_http_request_t *r)
{
    return ngx_http_websocket_call_of(r) != NULL;
}


/* responses of subrequests, as of auth_request, go on as they do */

static ngx_int_t
ngx_http_websocket_call_header_filter(ngx_http_request_t *r)
{
    ngx_http_websocket_call_t  **call;

    call = ngx_http_websocket_call_of(r);

    if (call == NULL || r != r->main) {
        return ngx_http_websocket_call_next_header_filter(r);
    }

    r->header_sent = 1;

    if (*call) {
        (*call)->headed = 1;
        (*call)->status = r->headers_out.status;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_call_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_int_t                    rc;
    ngx_http_websocket_call_t  **call;

    call = ngx_http_websocket_call_of(r);

    if (call == NULL || r != r->main) {
        return ngx_http_websocket_call_next_body_filter(r, in);
    }

    rc = NGX_OK;

    for ( /* void */ ; in; in = in->next) {

        if (*call && rc == NGX_OK) {
            rc = ngx_http_websocket_call_take(*call, in->buf);
        }

        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    return rc;
}


/* NGX_ERROR ends the request: no more is to be read of the answer */

static ngx_int_t
ngx_http_websocket_call_take(ngx_http_websocket_call_t *call, ngx_buf_t *b)
{
    off_t    size;
    u_char  *p;

    call->last |= b->last_buf;

    size = ngx_buf_special(b) ? 0 : ngx_buf_size(b);

    if (size == 0) {
        return NGX_OK;
    }

    if (call->body.len + size > NGX_HTTP_WEBSOCKET_CALL_ANSWER) {
        call->rc = NGX_HTTP_WEBSOCKET_CALL_LARGE;
        return NGX_ERROR;
    }

    p = ngx_alloc(call->body.len + size, ngx_cycle->log);
    if (p == NULL) {
        call->rc = NGX_HTTP_WEBSOCKET_CALL_FAILED;
        return NGX_ERROR;
    }

    if (call->body.len) {
        ngx_memcpy(p, call->body.data, call->body.len);
        ngx_free(call->body.data);
    }

    call->body.data = p;
    p += call->body.len;

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(p, b->pos, size);

    } else if (ngx_read_file(b->file, p, size, b->file_pos) != (ssize_t) size) {
        call->rc = NGX_HTTP_WEBSOCKET_CALL_CUT;
        return NGX_ERROR;
    }

    call->body.len += size;

    return NGX_OK;
}
