
#include "session/ngx_http_websocket_head.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_subscription.h"

#include <dlfcn.h>


/* a larger one is not worth it: the request stays */
#define NGX_HTTP_WEBSOCKET_HEAD_SIZE  16384


/* a part of head->data */

typedef struct {
    uint16_t                      start;
    uint16_t                      len;
} ngx_http_websocket_slice_t;


/* a header, or a variable: its value is behind, a header's name before it */

typedef struct {
    uint16_t                      name;     /* length; a variable's index */
    uint16_t                      value;
} ngx_http_websocket_pair_t;


struct ngx_http_websocket_head_s {
    ngx_http_connection_t        *http_connection;
    void                        **srv_conf;
    void                        **loc_conf;

    time_t                        start_sec;
    uint16_t                      start_msec;
    uint16_t                      nheaders;
    uint16_t                      nvariables;
    uint8_t                       limit_req_status;
    uint8_t                       limit_conn_status;
    uint32_t                      request_length;
    uint32_t                      header_size;

    ngx_http_websocket_slice_t    line;
    ngx_http_websocket_slice_t    uri;
    ngx_http_websocket_slice_t    args;
    ngx_http_websocket_slice_t    exten;
    ngx_http_websocket_slice_t    unparsed_uri;
    ngx_http_websocket_slice_t    server;
    ngx_http_websocket_slice_t    pairs;    /* first the headers */

    u_char                        data[1];
};


/* which header a variable tells; none: the one that its name goes on with */

typedef struct {
    ngx_str_t                     variable;
    ngx_uint_t                    prefix;
    ngx_uint_t                    user;     /* only of type Basic */
    ngx_str_t                     header;
} ngx_http_websocket_source_t;


/* a header that variables of this configuration tell */

typedef struct {
    ngx_str_t                     name;     /* in lower case */
    ngx_uint_t                    user;     /* only of type Basic */
} ngx_http_websocket_wanted_t;


/* a head that is being made */

typedef struct {
    ngx_http_websocket_head_t    *head;
    ngx_str_t                     line;
    u_char                       *last;
    u_char                       *end;
    unsigned                      full:1;
} ngx_http_websocket_head_writer_t;


static ngx_int_t ngx_http_websocket_head_want(ngx_cycle_t *cycle,
    ngx_str_t *variable);
static ngx_uint_t ngx_http_websocket_head_is_known(void *handler);
static ngx_uint_t ngx_http_websocket_head_is_in(void *address, void *other);
static ngx_uint_t ngx_http_websocket_head_has_scripts(ngx_cycle_t *cycle);
static ngx_uint_t ngx_http_websocket_request_busy(ngx_http_request_t *r);
static void ngx_http_websocket_request_free(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc);
static ngx_http_websocket_head_t *ngx_http_websocket_head_create(
    ngx_http_request_t *r);
static void ngx_http_websocket_head_headers(
    ngx_http_websocket_head_writer_t *w, ngx_http_request_t *r);
static void ngx_http_websocket_head_variables(
    ngx_http_websocket_head_writer_t *w, ngx_http_request_t *r);
static void ngx_http_websocket_head_slice(ngx_http_websocket_head_writer_t *w,
    ngx_http_websocket_slice_t *slice, ngx_str_t *value);
static void ngx_http_websocket_head_pair(ngx_http_websocket_head_writer_t *w,
    size_t name_size, ngx_str_t *name, ngx_str_t *value);
static void ngx_http_websocket_head_write(ngx_http_websocket_head_writer_t *w,
    void *data, size_t size);
static ngx_uint_t ngx_http_websocket_head_wants(ngx_table_elt_t *h);
static void ngx_http_websocket_head_restore(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r);
static void ngx_http_websocket_head_restore_channels(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);
static void ngx_http_websocket_head_restore_line(
    ngx_http_websocket_head_t *head, ngx_http_request_t *r);
static void ngx_http_websocket_head_restore_pairs(
    ngx_http_websocket_head_t *head, ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_head_restore_header(ngx_http_request_t *r,
    ngx_str_t *key, ngx_str_t *value);
static ngx_str_t ngx_http_websocket_head_string(
    ngx_http_websocket_head_t *head, ngx_http_websocket_slice_t *slice);


static const ngx_http_websocket_source_t  ngx_http_websocket_sources[] = {
    { ngx_string("http_"), 1, 0, ngx_null_string },
    { ngx_string("cookie_"), 1, 0, ngx_string("cookie") },
    { ngx_string("remote_user"), 0, 1, ngx_string("authorization") },
    { ngx_string("websocket_user"), 0, 1, ngx_string("authorization") },
    { ngx_string("proxy_add_x_forwarded_for"), 0, 0,
      ngx_string("x-forwarded-for") },
    { ngx_string("content_type"), 0, 0, ngx_string("content-type") },
    { ngx_string("content_length"), 0, 0, ngx_string("content-length") },
    { ngx_string("uid_got"), 0, 0, ngx_string("cookie") },
    { ngx_string("invalid_referer"), 0, 0, ngx_string("referer") },
    { ngx_string("msie"), 0, 0, ngx_string("user-agent") },
    { ngx_string("ancient_browser"), 0, 0, ngx_string("user-agent") },
    { ngx_string("modern_browser"), 0, 0, ngx_string("user-agent") },
    { ngx_null_string, 0, 0, ngx_null_string }
};


static ngx_array_t  ngx_http_websocket_head_wanted;

/* 1: a variable may be told by anything of the request */
static ngx_uint_t   ngx_http_websocket_head_unknown;


ngx_int_t
ngx_http_websocket_request_init(ngx_cycle_t *cycle)
{
    ngx_uint_t                  i;
    ngx_http_variable_t        *v;
    ngx_http_core_main_conf_t  *cmcf;

    static ngx_str_t            addresses =
                                    ngx_string("proxy_add_x_forwarded_for");

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    if (ngx_array_init(&ngx_http_websocket_head_wanted, cycle->pool, 4,
                       sizeof(ngx_http_websocket_wanted_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* no name tells that a variable of geo is one with proxies */

    if (ngx_http_websocket_head_want(cycle, &addresses) != NGX_OK) {
        return NGX_ERROR;
    }

    /* those that have an index are those that something refers to */

    v = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {
        if (ngx_http_websocket_head_want(cycle, &v[i].name) != NGX_OK) {
            return NGX_ERROR;
        }

        if (v[i].get_handler
            && !ngx_http_websocket_head_is_known((void *) v[i].get_handler))
        {
            ngx_http_websocket_head_unknown = 1;
        }
    }

    if (ngx_http_websocket_head_has_scripts(cycle)) {
        ngx_http_websocket_head_unknown = 1;
    }

    return NGX_OK;
}


/*
 * A variable of nginx itself, of ours, or of ngx_devel_kit.  Those of others,
 * as of js_set and perl_set, may read any header.
 */

static ngx_uint_t
ngx_http_websocket_head_is_known(void *handler)
{
    return ngx_http_websocket_head_is_in(handler, &ngx_http_core_module)
           || ngx_http_websocket_head_is_in(handler,
                                            &ngx_http_websocket_module)
           || ngx_http_websocket_head_is_in(handler, &ndk_http_module);
}


/* one program or library has both */

static ngx_uint_t
ngx_http_websocket_head_is_in(void *address, void *other)
{
    Dl_info  one, two;

    /* a program without shared libraries does not know where anything is */

    if (!dladdr(other, &two)) {
        return 1;
    }

    return dladdr(address, &one) && one.dli_fbase == two.dli_fbase;
}


/* where they are part of nginx, their variables do not tell by themselves */

static ngx_uint_t
ngx_http_websocket_head_has_scripts(ngx_cycle_t *cycle)
{
    ngx_uint_t     i;
    ngx_module_t  *module;

    for (i = 0; cycle->modules[i]; i++) {

        module = cycle->modules[i];

        if ((ngx_strcmp(module->name, "ngx_http_js_module") == 0
             || ngx_strcmp(module->name, "ngx_http_perl_module") == 0)
            && ngx_http_websocket_head_is_in(module, &ngx_http_core_module))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_websocket_head_want(ngx_cycle_t *cycle, ngx_str_t *variable)
{
    size_t                               i;
    ngx_str_t                            header;
    ngx_http_websocket_wanted_t         *wanted;
    const ngx_http_websocket_source_t   *source;

    for (source = ngx_http_websocket_sources; source->variable.len; source++) {

        if (variable->len >= source->variable.len
            && (variable->len == source->variable.len || source->prefix)
            && ngx_strncmp(variable->data, source->variable.data,
                           source->variable.len)
               == 0)
        {
            break;
        }
    }

    if (source->variable.len == 0) {
        return NGX_OK;
    }

    header = source->header;

    if (header.len == 0) {
        header.data = variable->data + source->variable.len;
        header.len = variable->len - source->variable.len;
    }

    wanted = ngx_array_push(&ngx_http_websocket_head_wanted);
    if (wanted == NULL) {
        return NGX_ERROR;
    }

    wanted->user = source->user;
    wanted->name.len = header.len;
    wanted->name.data = ngx_pnalloc(cycle->pool, header.len);
    if (wanted->name.data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < header.len; i++) {
        wanted->name.data[i] = header.data[i] == '_' ? '-' : header.data[i];
    }

    return NGX_OK;
}


void
ngx_http_websocket_request_release(ngx_http_websocket_session_t *s)
{
    ngx_http_request_t        *r;
    ngx_http_websocket_ctx_t  *ctx;

    r = s->record->request;
    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    if (s->conf->log_start) {
        ngx_http_websocket_request_log(r);
    }

    if (ctx->release) {
        ctx->release(r);
    }

    if (ngx_http_websocket_request_busy(r)
        || (ngx_http_websocket_head_unknown && !r->logged))
    {
        return;
    }

    if (!r->logged) {
        s->record->head = ngx_http_websocket_head_create(r);

        if (s->record->head == NULL) {
            return;
        }

        r->logged = 1;
    }

    ngx_http_websocket_request_free(s);
}


/* what other modules undo when the request ends, they must not do now */

static ngx_uint_t
ngx_http_websocket_request_busy(ngx_http_request_t *r)
{
    ngx_http_cleanup_t  *cln;
    ngx_pool_cleanup_t  *pcln;

    if (r->count != 1 || r->blocked || r->postponed || r->posted_requests) {
        return 1;
    }

    for (cln = r->cleanup; cln; cln = cln->next) {
        if (cln->handler) {
            return 1;
        }
    }

    for (pcln = r->pool->cleanup; pcln; pcln = pcln->next) {
        if (pcln->handler) {
            return 1;
        }
    }

    return 0;
}


void
ngx_http_websocket_request_log(ngx_http_request_t *r)
{
    ngx_uint_t                  i;
    ngx_array_t                *handlers;
    ngx_http_handler_pt        *handler;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    handlers = &cmcf->phases[NGX_HTTP_LOG_PHASE].handlers;
    handler = handlers->elts;

    for (i = 0; i < handlers->nelts; i++) {
        (void) handler[i](r);
    }

    r->logged = 1;
}


static void
ngx_http_websocket_request_free(ngx_http_websocket_session_t *s)
{
    ngx_connection_t       *c;
    ngx_http_request_t     *r;
    ngx_http_connection_t  *hc;

    c = s->connection;
    r = s->record->request;
    hc = r->http_connection;

    s->record->request = NULL;

    ngx_http_free_request(r, 0);

    c->destroyed = 0;
    c->log->action = "streaming websocket messages";

    ngx_http_websocket_socket_own(s);

    ngx_http_websocket_free_buffers(c, hc);
}


/* as ngx_http_set_keepalive() does */

static void
ngx_http_websocket_free_buffers(ngx_connection_t *c, ngx_http_connection_t *hc)
{
    ngx_uint_t     i;
    ngx_chain_t   *cl, *ln, **chains[2];

    if (ngx_pfree(c->pool, c->buffer->start) == NGX_OK) {
        c->buffer->pos = NULL;
    }

    chains[0] = &hc->free;
    chains[1] = &hc->busy;

    for (i = 0; i < 2; i++) {

        for (cl = *chains[i]; cl; /* void */) {
            ln = cl;
            cl = cl->next;
            ngx_pfree(c->pool, ln->buf->start);
            ngx_free_chain(c->pool, ln);
        }

        *chains[i] = NULL;
    }

    hc->nbusy = 0;

#if (NGX_HTTP_SSL)
    if (c->ssl) {
        ngx_ssl_free_buffer(c);
    }
#endif
}


static ngx_http_websocket_head_t *
ngx_http_websocket_head_create(ngx_http_request_t *r)
{
    ngx_http_websocket_head_t         *head;
    ngx_http_websocket_head_writer_t   w;

    static uint64_t  buf[NGX_HTTP_WEBSOCKET_HEAD_SIZE / sizeof(uint64_t)];

    head = (ngx_http_websocket_head_t *) buf;

    ngx_memzero(head, sizeof(ngx_http_websocket_head_t));

    head->http_connection = r->http_connection;
    head->srv_conf = r->srv_conf;
    head->loc_conf = r->loc_conf;
    head->start_sec = r->start_sec;
    head->start_msec = r->start_msec;
    head->limit_req_status = r->limit_req_status;
    head->limit_conn_status = r->limit_conn_status;
    head->request_length = r->request_length;
    head->header_size = r->header_size;

    w.head = head;
    w.line = r->request_line;
    w.last = head->data;
    w.end = (u_char *) buf + NGX_HTTP_WEBSOCKET_HEAD_SIZE;
    w.full = 0;

    head->line.len = r->request_line.len;
    ngx_http_websocket_head_write(&w, r->request_line.data,
                                  r->request_line.len);

    ngx_http_websocket_head_slice(&w, &head->uri, &r->uri);
    ngx_http_websocket_head_slice(&w, &head->args, &r->args);
    ngx_http_websocket_head_slice(&w, &head->exten, &r->exten);
    ngx_http_websocket_head_slice(&w, &head->unparsed_uri, &r->unparsed_uri);
    ngx_http_websocket_head_slice(&w, &head->server, &r->headers_in.server);

    head->pairs.start = w.last - head->data;

    ngx_http_websocket_head_headers(&w, r);
    ngx_http_websocket_head_variables(&w, r);

    if (w.full) {
        return NULL;
    }

    head = ngx_alloc(w.last - (u_char *) buf, r->connection->log);

    if (head) {
        ngx_memcpy(head, buf, w.last - (u_char *) buf);
    }

    return head;
}


static void
ngx_http_websocket_head_headers(ngx_http_websocket_head_writer_t *w,
    ngx_http_request_t *r)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_websocket_head_wants(&h[i])) {
                ngx_http_websocket_head_pair(w, h[i].key.len, &h[i].key,
                                             &h[i].value);
                w->head->nheaders++;
            }
        }
    }
}


static ngx_uint_t
ngx_http_websocket_head_wants(ngx_table_elt_t *h)
{
    ngx_uint_t                    i;
    ngx_http_websocket_wanted_t  *wanted;

    wanted = ngx_http_websocket_head_wanted.elts;

    for (i = 0; i < ngx_http_websocket_head_wanted.nelts; i++) {

        if (h->key.len != wanted[i].name.len
            || ngx_strncmp(h->lowcase_key, wanted[i].name.data,
                           wanted[i].name.len)
               != 0)
        {
            continue;
        }

        /* a token has no user, and is long */

        if (!wanted[i].user
            || (h->value.len >= sizeof("Basic ") - 1
                && ngx_strncasecmp(h->value.data, (u_char *) "Basic ",
                                   sizeof("Basic ") - 1)
                   == 0))
        {
            return 1;
        }
    }

    return 0;
}


/* what was set, or has been evaluated once for all */

static void
ngx_http_websocket_head_variables(ngx_http_websocket_head_writer_t *w,
    ngx_http_request_t *r)
{
    ngx_str_t                   value;
    ngx_uint_t                  i;
    ngx_http_variable_value_t  *v;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);
    v = r->variables;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (!v[i].valid || v[i].not_found || v[i].no_cacheable) {
            continue;
        }

        value.data = v[i].data;
        value.len = v[i].len;

        ngx_http_websocket_head_pair(w, i, NULL, &value);
        w->head->nvariables++;
    }
}


/* most of them are parts of the request line */

static void
ngx_http_websocket_head_slice(ngx_http_websocket_head_writer_t *w,
    ngx_http_websocket_slice_t *slice, ngx_str_t *value)
{
    slice->len = value->len;

    /* nginx leaves the address unset where there is nothing: of args */

    if (value->len == 0) {
        slice->start = 0;
        return;
    }

    if (value->data >= w->line.data
        && value->data + value->len <= w->line.data + w->line.len)
    {
        slice->start = value->data - w->line.data;
        return;
    }

    slice->start = w->last - w->head->data;
    ngx_http_websocket_head_write(w, value->data, value->len);
}


static void
ngx_http_websocket_head_pair(ngx_http_websocket_head_writer_t *w,
    size_t name_size, ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_websocket_pair_t  pair;

    pair.name = name_size;
    pair.value = value->len;

    ngx_http_websocket_head_write(w, &pair, sizeof(ngx_http_websocket_pair_t));

    if (name) {
        ngx_http_websocket_head_write(w, name->data, name->len);
    }

    ngx_http_websocket_head_write(w, value->data, value->len);

    /* nginx reads headers up to a zero */

    ngx_http_websocket_head_write(w, "", 1);
}


static void
ngx_http_websocket_head_write(ngx_http_websocket_head_writer_t *w, void *data,
    size_t size)
{
    if (size > (size_t) (w->end - w->last)) {
        w->full = 1;
        return;
    }

    if (size) {
        w->last = ngx_cpymem(w->last, data, size);
    }
}


void
ngx_http_websocket_request_end(ngx_http_websocket_session_t *s)
{
    ngx_connection_t           *c;
    ngx_http_request_t         *r;
    ngx_http_websocket_head_t  *head;

    c = s->connection;
    r = s->record->request;
    head = s->record->head;

    if (r == NULL) {

        if (head == NULL) {
            return;
        }

        c->data = head->http_connection;

        r = ngx_http_create_request(c);
        if (r == NULL) {
            return;
        }

        /* no request of the client's */

        c->requests--;

#if (NGX_STAT_STUB)
        (void) ngx_atomic_fetch_add(ngx_stat_requests, -1);
#endif

        ngx_http_websocket_head_restore(s, r);
    }

    s->record->request = NULL;

    ngx_http_free_request(r, 0);
}


/* what cannot be restored is not in the log's line: memory was refused */

static void
ngx_http_websocket_head_restore(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t   *ctx;
    ngx_http_websocket_head_t  *head;

    head = s->record->head;

    r->srv_conf = head->srv_conf;
    r->loc_conf = head->loc_conf;
    r->start_sec = head->start_sec;
    r->start_msec = head->start_msec;
    r->limit_req_status = head->limit_req_status;
    r->limit_conn_status = head->limit_conn_status;
    r->request_length = head->request_length;
    r->header_size = head->header_size;

    r->http_state = NGX_HTTP_WRITING_REQUEST_STATE;
    r->headers_out.status = NGX_HTTP_SWITCHING_PROTOCOLS;
    r->header_sent = 1;

    ngx_http_websocket_head_restore_line(head, r);

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_websocket_ctx_t));

    if (ctx) {
        ctx->session = s;
        ngx_http_websocket_head_restore_channels(s, r, ctx);

        ngx_http_set_ctx(r, ctx, ngx_http_websocket_module);
    }

    ngx_http_websocket_head_restore_pairs(head, r);
}


static void
ngx_http_websocket_head_restore_channels(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_http_websocket_ctx_t *ctx)
{
    ngx_http_websocket_subscription_t  *sub;

    ctx->channels = ngx_palloc(r->pool, ngx_http_websocket_session_channels(s)
                                        * sizeof(ngx_str_t));
    if (ctx->channels == NULL) {
        return;
    }

    for (sub = ngx_http_websocket_subscription_next(s, NULL);
         sub;
         sub = ngx_http_websocket_subscription_next(s, sub))
    {
        ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub),
                                        &ctx->channels[ctx->nchannels++]);
    }
}


static void
ngx_http_websocket_head_restore_line(ngx_http_websocket_head_t *head,
    ngx_http_request_t *r)
{
    u_char  *p;

    r->request_line = ngx_http_websocket_head_string(head, &head->line);
    r->uri = ngx_http_websocket_head_string(head, &head->uri);
    r->args = ngx_http_websocket_head_string(head, &head->args);
    r->exten = ngx_http_websocket_head_string(head, &head->exten);
    r->unparsed_uri = ngx_http_websocket_head_string(head,
                                                     &head->unparsed_uri);
    r->headers_in.server = ngx_http_websocket_head_string(head, &head->server);

    r->method = NGX_HTTP_GET;
    ngx_str_set(&r->method_name, "GET");
    r->http_version = NGX_HTTP_VERSION_11;

    for (p = r->request_line.data + r->request_line.len;
         p > r->request_line.data && p[-1] != ' ';
         p--)
    {
        /* void */
    }

    r->http_protocol.data = p;
    r->http_protocol.len = r->request_line.data + r->request_line.len - p;
}


static void
ngx_http_websocket_head_restore_pairs(ngx_http_websocket_head_t *head,
    ngx_http_request_t *r)
{
    u_char                     *p;
    ngx_str_t                   key, value;
    ngx_uint_t                  i;
    ngx_http_variable_value_t  *v;
    ngx_http_websocket_pair_t   pair;

    p = head->data + head->pairs.start;

    if (ngx_list_init(&r->headers_in.headers, r->pool, head->nheaders + 1,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return;
    }

    for (i = 0; i < (ngx_uint_t) head->nheaders + head->nvariables; i++) {

        ngx_memcpy(&pair, p, sizeof(ngx_http_websocket_pair_t));
        p += sizeof(ngx_http_websocket_pair_t);

        key.data = p;
        key.len = i < head->nheaders ? pair.name : 0;
        value.data = p + key.len;
        value.len = pair.value;
        p = value.data + value.len + 1;

        if (i >= head->nheaders) {
            v = &r->variables[pair.name];
            v->valid = 1;
            v->data = value.data;
            v->len = value.len;

        } else if (ngx_http_websocket_head_restore_header(r, &key, &value)
                   != NGX_OK)
        {
            return;
        }
    }
}


static ngx_int_t
ngx_http_websocket_head_restore_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_table_elt_t            *h;
    ngx_http_header_t          *hh;
    ngx_http_core_main_conf_t  *cmcf;

    h = ngx_list_push(&r->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(h, sizeof(ngx_table_elt_t));

    h->key = *key;
    h->value = *value;

    h->lowcase_key = ngx_pnalloc(r->pool, key->len);
    if (h->lowcase_key == NULL) {
        return NGX_ERROR;
    }

    h->hash = ngx_hash_strlow(h->lowcase_key, key->data, key->len);

    /* the host is known, and its handler may end the request */

    if (key->len == 4 && ngx_strncmp(h->lowcase_key, "host", 4) == 0) {
        r->headers_in.host = h;
        return NGX_OK;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, h->hash, h->lowcase_key,
                       key->len);

    return hh ? hh->handler(r, h, hh->offset) : NGX_OK;
}


static ngx_str_t
ngx_http_websocket_head_string(ngx_http_websocket_head_t *head,
    ngx_http_websocket_slice_t *slice)
{
    ngx_str_t  value;

    /* no data is what a variable without a value is known by */

    value.len = slice->len;
    value.data = slice->len ? head->data + slice->start : NULL;

    return value;
}
