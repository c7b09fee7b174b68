
/*
 * The request of a call: it has a connection that leads nowhere, whose only
 * purpose is that nginx has one.
 */


#include "hook/ngx_http_websocket_call_request.h"
#include "access/ngx_http_websocket_headers.h"


/* what nginx wants to have of a connection's first buffer */
#define NGX_HTTP_WEBSOCKET_CALL_BUFFER  1

/* headers of a call, beside those of a client */
#define NGX_HTTP_WEBSOCKET_CALL_HEADERS  8


/* the connection of a request that no client has sent */

typedef struct {
    ngx_http_connection_t         http;
    ngx_http_websocket_call_t    *call;     /* NULL: it is over */
    ngx_http_log_ctx_t            log_ctx;
    ngx_log_t                     log;
} ngx_http_websocket_call_connection_t;


static ngx_connection_t *ngx_http_websocket_call_connection(
    ngx_http_websocket_call_t *call);
static void ngx_http_websocket_call_events(ngx_connection_t *c);
static ngx_int_t ngx_http_websocket_call_client(
    ngx_http_websocket_call_t *call, ngx_connection_t *c);
static u_char *ngx_http_websocket_call_log(ngx_log_t *log, u_char *buf,
    size_t len);
static ngx_http_request_t *ngx_http_websocket_call_create(
    ngx_http_websocket_call_t *call, ngx_connection_t *c);
static ngx_int_t ngx_http_websocket_call_headers(
    ngx_http_websocket_call_t *call, ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_call_client_headers(
    ngx_http_request_t *r, ngx_http_request_t *client);
static ngx_int_t ngx_http_websocket_call_client_header(
    ngx_http_request_t *r, ngx_table_elt_t *h);
static ngx_table_elt_t *ngx_http_websocket_call_header(ngx_http_request_t *r,
    ngx_str_t *name, u_char *lowcase, ngx_str_t *value);
static ngx_int_t ngx_http_websocket_call_body(
    ngx_http_websocket_call_t *call, ngx_http_request_t *r);
static void ngx_http_websocket_call_close(ngx_event_t *rev);
static void ngx_http_websocket_call_write(ngx_event_t *wev);
static ssize_t ngx_http_websocket_call_recv(ngx_connection_t *c, u_char *buf,
    size_t size);
static ngx_chain_t *ngx_http_websocket_call_send_chain(ngx_connection_t *c,
    ngx_chain_t *in, off_t limit);


/* what is of the client's connection, or of the call's body, not the call's */

static char *const  ngx_http_websocket_call_others[] = {
    "host", "connection", "upgrade", "keep-alive", "expect", "te",
    "transfer-encoding", "content-length", "content-type", "accept-encoding",
    "sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions",
    "sec-websocket-protocol", "range", "if-range", "if-modified-since",
    "if-unmodified-since", "if-match", "if-none-match", "last-event-id",
    "x-websocket-event", NULL
};


static ngx_str_t  ngx_http_websocket_call_methods = ngx_string("POST");
static ngx_str_t  ngx_http_websocket_call_protocol = ngx_string("HTTP/1.1");
static ngx_str_t  ngx_http_websocket_call_json =
                      ngx_string("application/json");

static ngx_fd_t   ngx_http_websocket_call_null = NGX_INVALID_FILE;


/* a connection that nginx can close has a descriptor: one of nothing */

ngx_int_t
ngx_http_websocket_call_start(ngx_cycle_t *cycle)
{
    if (ngx_http_websocket_call_null != NGX_INVALID_FILE) {
        return NGX_OK;
    }

    ngx_http_websocket_call_null = ngx_open_file("/dev/null", NGX_FILE_RDONLY,
                                                 NGX_FILE_OPEN, 0);

    if (ngx_http_websocket_call_null == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      ngx_open_file_n " \"/dev/null\" failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_http_request_t *
ngx_http_websocket_call_request(ngx_http_websocket_call_t *call)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = ngx_http_websocket_call_connection(call);
    if (c == NULL) {
        return NULL;
    }

    r = ngx_http_websocket_call_create(call, c);

    if (r == NULL) {
        ngx_http_close_connection(c);
        return NULL;
    }

    if (ngx_http_websocket_call_headers(call, r) != NGX_OK
        || ngx_http_websocket_call_body(call, r) != NGX_OK)
    {
        r->logged = 1;

        ngx_http_free_request(r, 0);
        ngx_http_close_connection(c);

        return NULL;
    }

    return r;
}


static ngx_connection_t *
ngx_http_websocket_call_connection(ngx_http_websocket_call_t *call)
{
    ngx_fd_t           fd;
    ngx_connection_t  *c;

    fd = dup(ngx_http_websocket_call_null);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
                      "dup() failed");
        return NULL;
    }

    c = ngx_get_connection(fd, ngx_cycle->log);

    if (c == NULL) {
        (void) ngx_close_file(fd);
        return NULL;
    }

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_active, 1);
#endif

    /* closed by ngx_http_close_connection(), as all connections of requests */

    c->pool = ngx_create_pool(1024, ngx_cycle->log);

    if (c->pool == NULL) {
#if (NGX_STAT_STUB)
        (void) ngx_atomic_fetch_add(ngx_stat_active, -1);
#endif
        ngx_close_connection(c);
        return NULL;
    }

    c->buffer = ngx_create_temp_buf(c->pool, NGX_HTTP_WEBSOCKET_CALL_BUFFER);

    if (c->buffer == NULL || ngx_http_websocket_call_client(call, c) != NGX_OK) {
        ngx_http_close_connection(c);
        return NULL;
    }

    ngx_http_websocket_call_events(c);

    return c;
}


/*
 * Nothing is read or written.  The connection's end was read already, so that
 * nginx closes it when the request ends, without waiting for more.
 */

static void
ngx_http_websocket_call_events(ngx_connection_t *c)
{
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    c->recv = ngx_http_websocket_call_recv;
    c->send_chain = ngx_http_websocket_call_send_chain;

    c->read->log = c->log;
    c->read->handler = ngx_http_websocket_call_close;
    c->read->eof = 1;

    c->write->log = c->log;
    c->write->handler = ngx_http_websocket_call_write;
    c->write->ready = 1;

    if (ngx_event_flags & NGX_USE_CLEAR_EVENT) {

        /* the events are not to be added */

        c->read->active = 1;
        c->write->active = 1;

    } else {
        c->read->ready = 1;
    }
}


/* what logs and variables tell of the client */

static ngx_int_t
ngx_http_websocket_call_client(ngx_http_websocket_call_t *call,
    ngx_connection_t *c)
{
    u_char                                *p;
    ngx_http_websocket_call_connection_t  *cc;

    cc = ngx_pcalloc(c->pool, sizeof(ngx_http_websocket_call_connection_t));
    p = ngx_pnalloc(c->pool, 2 * sizeof(ngx_sockaddr_t) + NGX_SOCKADDR_STRLEN);

    if (cc == NULL || p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, &call->sockaddr, sizeof(ngx_sockaddr_t));
    c->sockaddr = (struct sockaddr *) p;
    c->socklen = call->from.socklen;

    p += sizeof(ngx_sockaddr_t);

    ngx_memcpy(p, &call->local_sockaddr, sizeof(ngx_sockaddr_t));
    c->local_sockaddr = (struct sockaddr *) p;
    c->local_socklen = call->from.local_socklen;

    p += sizeof(ngx_sockaddr_t);

    ngx_memcpy(p, call->addr_text, call->from.addr_text.len);
    c->addr_text.data = p;
    c->addr_text.len = call->from.addr_text.len;

    c->type = SOCK_STREAM;
    c->listening = call->from.listening;

    cc->log_ctx.connection = c;

    cc->log = *ngx_cycle->log;
    cc->log.connection = c->number;
    cc->log.handler = ngx_http_websocket_call_log;
    cc->log.data = &cc->log_ctx;
    cc->log.action = NULL;

    c->log = &cc->log;
    c->pool->log = c->log;
    c->data = cc;

    return NGX_OK;
}


static u_char *
ngx_http_websocket_call_log(ngx_log_t *log, u_char *buf, size_t len)
{
    u_char              *p;
    ngx_http_log_ctx_t  *ctx;

    p = buf;
    ctx = log->data;

    if (log->action) {
        p = ngx_snprintf(p, len, " while %s", log->action);
    }

    p = ngx_snprintf(p, len - (p - buf), ", hook of client: %V",
                     &ctx->connection->addr_text);

    return ctx->request
           ? ctx->request->log_handler(ctx->request, ctx->current_request, p,
                                       len - (p - buf))
           : p;
}


/* the request begins in its server: the location that asks is another one */

static ngx_http_request_t *
ngx_http_websocket_call_create(ngx_http_websocket_call_t *call,
    ngx_connection_t *c)
{
    ngx_http_request_t                    *r;
    ngx_http_core_srv_conf_t              *cscf;
    ngx_http_websocket_call_connection_t  *cc;

    cc = c->data;
    cscf = call->conf->ctx.srv_conf[ngx_http_core_module.ctx_index];

    cc->http.conf_ctx = cscf->ctx;

    r = ngx_http_create_request(c);
    if (r == NULL) {
        return NULL;
    }

    c->data = r;

#if (NGX_STAT_STUB)
    (void) ngx_atomic_fetch_add(ngx_stat_reading, -1);
    r->stat_reading = 0;
    (void) ngx_atomic_fetch_add(ngx_stat_writing, 1);
    r->stat_writing = 1;
#endif

    r->internal = 1;
    r->http_state = NGX_HTTP_PROCESS_REQUEST_STATE;

    r->method = NGX_HTTP_POST;
    r->method_name = ngx_http_websocket_call_methods;
    r->http_version = NGX_HTTP_VERSION_11;
    r->http_protocol = ngx_http_websocket_call_protocol;

    r->uri = call->hook->uri;
    r->args = call->hook->args;
    r->unparsed_uri = call->hook->target;
    r->request_line = call->hook->line;

    r->headers_in.server = cscf->server_name;

    return r;
}


static ngx_int_t
ngx_http_websocket_call_headers(ngx_http_websocket_call_t *call,
    ngx_http_request_t *r)
{
    u_char           *p;
    ngx_str_t         value;
    ngx_table_elt_t  *type, *length;

    static ngx_str_t  content_type = ngx_string("Content-Type");
    static ngx_str_t  content_length = ngx_string("Content-Length");
    static ngx_str_t  event = ngx_string("X-WebSocket-Event");

    if (ngx_list_init(&r->headers_in.headers, r->pool,
                      NGX_HTTP_WEBSOCKET_CALL_HEADERS,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, NGX_SIZE_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value.data = p;
    value.len = ngx_sprintf(p, "%uz", call->question.size) - p;

    type = ngx_http_websocket_call_header(r, &content_type,
                                          (u_char *) "content-type",
                                          &ngx_http_websocket_call_json);
    length = ngx_http_websocket_call_header(r, &content_length,
                                            (u_char *) "content-length",
                                            &value);

    if (type == NULL || length == NULL
        || ngx_http_websocket_call_header(r, &event,
                                          (u_char *) "x-websocket-event",
                                          &call->hook->name)
           == NULL)
    {
        return NGX_ERROR;
    }

    r->headers_in.content_type = type;
    r->headers_in.content_length = length;
    r->headers_in.content_length_n = call->question.size;

    return call->client
           ? ngx_http_websocket_call_client_headers(r, call->client) : NGX_OK;
}


/* copied, for the client may go while the application thinks */

static ngx_int_t
ngx_http_websocket_call_client_headers(ngx_http_request_t *r,
    ngx_http_request_t *client)
{
    ngx_uint_t                     i;
    ngx_table_elt_t               *h;
    ngx_http_websocket_headers_t   headers;

    r->headers_in.server.len = client->headers_in.server.len;
    r->headers_in.server.data = ngx_pstrdup(r->pool,
                                            &client->headers_in.server);

    if (r->headers_in.server.data == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_headers_begin(client, &headers);

    while ((h = ngx_http_websocket_headers_next(&headers, NULL)) != NULL) {

        for (i = 0; ngx_http_websocket_call_others[i]; i++) {
            if (ngx_http_websocket_header_is(h,
                                            ngx_http_websocket_call_others[i]))
            {
                break;
            }
        }

        if (ngx_http_websocket_call_others[i] == NULL
            && ngx_http_websocket_call_client_header(r, h) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_call_client_header(ngx_http_request_t *r,
    ngx_table_elt_t *h)
{
    u_char                     *p;
    ngx_str_t                   name, value;
    ngx_table_elt_t            *copy;
    ngx_http_header_t          *known;
    ngx_http_core_main_conf_t  *cmcf;

    p = ngx_pnalloc(r->pool, 2 * h->key.len + h->value.len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    name.data = p;
    name.len = h->key.len;
    p = ngx_cpymem(p, h->key.data, h->key.len);

    value.data = p;
    value.len = h->value.len;
    p = ngx_cpymem(p, h->value.data, h->value.len);
    *p++ = '\0';

    ngx_memcpy(p, h->lowcase_key, h->key.len);

    copy = ngx_http_websocket_call_header(r, &name, p, &value);
    if (copy == NULL) {
        return NGX_ERROR;
    }

    /* variables as $http_cookie have those that nginx knows from elsewhere */

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    known = ngx_hash_find(&cmcf->headers_in_hash, copy->hash,
                          copy->lowcase_key, copy->key.len);

    return known && known->handler(r, copy, known->offset) != NGX_OK
           ? NGX_ERROR : NGX_OK;
}


static ngx_table_elt_t *
ngx_http_websocket_call_header(ngx_http_request_t *r, ngx_str_t *name,
    u_char *lowcase, ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NULL;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->hash = ngx_hash_key(lowcase, name->len);
    h->key = *name;
    h->value = *value;
    h->lowcase_key = lowcase;

    return h;
}


static ngx_int_t
ngx_http_websocket_call_body(ngx_http_websocket_call_t *call,
    ngx_http_request_t *r)
{
    ngx_buf_t                *b;
    ngx_http_request_body_t  *rb;

    rb = ngx_pcalloc(r->pool, sizeof(ngx_http_request_body_t));
    if (rb == NULL) {
        return NGX_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, call->question.size);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, call->question.data, call->question.size);
    b->last_buf = 1;

    rb->bufs = ngx_alloc_chain_link(r->pool);
    if (rb->bufs == NULL) {
        return NGX_ERROR;
    }

    rb->bufs->buf = b;
    rb->bufs->next = NULL;
    rb->buf = b;

    r->request_body = rb;

    /* the call has no more use for it */

    ngx_websocket_json_text_done(&call->question);

    return NGX_OK;
}


/* the worker closes the connection, or nginx has sent a page of an error */

static void
ngx_http_websocket_call_close(ngx_event_t *rev)
{
    ngx_connection_t  *c;

    c = rev->data;

    if (c->close) {
        ngx_http_websocket_call_abort(c->data);
    }
}


void
ngx_http_websocket_call_abort(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    /* as for a client that has gone */

    c->error = 1;
    r = r->main;
    r->count++;

    ngx_http_finalize_request(r, NGX_HTTP_CLIENT_CLOSED_REQUEST);
    ngx_http_run_posted_requests(c);
}


/* a timer of the request, as that of limit_req */

static void
ngx_http_websocket_call_write(ngx_event_t *wev)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    c = wev->data;
    r = c->data;

    ngx_http_set_log_request(c->log, r);

    if (wev->delayed && wev->timedout) {
        wev->delayed = 0;
        wev->timedout = 0;
    }

    r->write_event_handler(r);

    ngx_http_run_posted_requests(c);
}


static ssize_t
ngx_http_websocket_call_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    return NGX_AGAIN;
}


/* what gets past the filters is of subrequests */

static ngx_chain_t *
ngx_http_websocket_call_send_chain(ngx_connection_t *c, ngx_chain_t *in,
    off_t limit)
{
    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
        in->buf->file_pos = in->buf->file_last;
    }

    return NULL;
}


ngx_http_websocket_call_t **
ngx_http_websocket_call_of(ngx_http_request_t *r)
{
    ngx_connection_t  *c;

    c = r->connection;

    return c->recv == ngx_http_websocket_call_recv
           ? &((ngx_http_websocket_call_connection_t *) r->http_connection)
                 ->call
           : NULL;
}
