
#include "session/ngx_http_websocket_head.h"
#include "access/ngx_http_websocket_headers.h"
#include "session/ngx_http_websocket_socket.h"
#include "session/ngx_http_websocket_subscription.h"

#include <dlfcn.h>


/* bytes of a head: with a larger one the request stays, for little is saved */
#define NGX_HTTP_WEBSOCKET_HEAD_SIZE  16384


/*
 * What is kept is a string of bytes behind the names in the session's record:
 * numbers and texts, in the order of ngx_http_websocket_head_create().  A
 * number has 7 bits in a byte, the low ones first, and the top bit where
 * another byte follows; each text is behind its length.
 */


/* which header a variable tells; none: the one that its name goes on with */

typedef struct {
    ngx_str_t                     variable;
    ngx_uint_t                    prefix;
    ngx_uint_t                    user;     /* of Authorization: only if its
                                               type is Basic */
    ngx_str_t                     header;
} ngx_http_websocket_source_t;


/* a header that variables of this configuration tell */

typedef struct {
    ngx_str_t                     name;     /* in lower case */
    ngx_uint_t                    user;     /* only of type Basic */
} ngx_http_websocket_wanted_t;


/* a head that is being written */

typedef struct {
    ngx_str_t                     line;
    u_char                       *last;
    u_char                       *end;
    unsigned                      full:1;
} ngx_http_websocket_head_writer_t;


/* one that is read */

typedef struct {
    ngx_str_t                     line;
    u_char                       *pos;
} ngx_http_websocket_head_reader_t;


static ngx_int_t ngx_http_websocket_head_want(ngx_cycle_t *cycle,
    ngx_str_t *variable);
static ngx_uint_t ngx_http_websocket_head_is_known(void *handler);
static ngx_uint_t ngx_http_websocket_head_is_in(void *address, void *other);
static ngx_uint_t ngx_http_websocket_head_has_scripts(ngx_cycle_t *cycle);
static ngx_uint_t ngx_http_websocket_request_busy(ngx_http_request_t *r);
static void ngx_http_websocket_request_free(ngx_http_websocket_session_t *s);
static void ngx_http_websocket_free_buffers(ngx_connection_t *c,
    ngx_http_connection_t *hc);
static ngx_int_t ngx_http_websocket_head_create(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_head_keep(ngx_http_websocket_session_t *s,
    ngx_http_connection_t *hc, u_char *data, size_t size);
static void ngx_http_websocket_head_headers(
    ngx_http_websocket_head_writer_t *w, ngx_http_request_t *r);
static void ngx_http_websocket_head_variables(
    ngx_http_websocket_head_writer_t *w, ngx_http_request_t *r);
static ngx_uint_t ngx_http_websocket_head_find(ngx_table_elt_t *h);
static void ngx_http_websocket_head_slice(ngx_http_websocket_head_writer_t *w,
    ngx_str_t *value);
static void ngx_http_websocket_head_pair(ngx_http_websocket_head_writer_t *w,
    ngx_uint_t index, ngx_str_t *value);
static void ngx_http_websocket_head_number(
    ngx_http_websocket_head_writer_t *w, uint64_t number);
static void ngx_http_websocket_head_write(ngx_http_websocket_head_writer_t *w,
    void *data, size_t size);
static void ngx_http_websocket_head_restore(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_http_websocket_head_reader_t *head);
static void ngx_http_websocket_head_restore_channels(
    ngx_http_websocket_session_t *s, ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx);
static void ngx_http_websocket_head_restore_line(
    ngx_http_websocket_head_reader_t *head, ngx_http_request_t *r);
static void ngx_http_websocket_head_restore_headers(
    ngx_http_websocket_head_reader_t *head, ngx_http_request_t *r);
static void ngx_http_websocket_head_restore_variables(
    ngx_http_websocket_head_reader_t *head, ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_head_restore_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static uint64_t ngx_http_websocket_head_read(
    ngx_http_websocket_head_reader_t *head);
static ngx_str_t ngx_http_websocket_head_text(
    ngx_http_websocket_head_reader_t *head, size_t len);
static ngx_str_t ngx_http_websocket_head_part(
    ngx_http_websocket_head_reader_t *head);


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

/* 1: a variable may need anything of the request */
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

    /*
     * the name does not tell whether a variable of geo looks at X-Forwarded-For
     */

    if (ngx_http_websocket_head_want(cycle, &addresses) != NGX_OK) {
        return NGX_ERROR;
    }

    /* variables have an index if something refers to them */

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
 * Whether a variable is nginx's own, this module's, or ngx_devel_kit's.
 * Others, as those of js_set and perl_set, may read any header.
 */

static ngx_uint_t
ngx_http_websocket_head_is_known(void *handler)
{
    return ngx_http_websocket_head_is_in(handler, &ngx_http_core_module)
           || ngx_http_websocket_head_is_in(handler,
                                            &ngx_http_websocket_module)
           || ngx_http_websocket_head_is_in(handler, &ndk_http_module);
}


/* both addresses are in the same program or library */

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


/*
 * modules that are linked into nginx cannot be told apart by their addresses
 */

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

        if (ngx_http_websocket_head_create(s, r) != NGX_OK) {
            return;
        }

        r->logged = 1;
    }

    ngx_http_websocket_request_free(s);
}


/*
 * another module's cleanup belongs to the request's end: it must not run now
 */

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


/*
 * NGX_ERROR also when it would be too much, or the request's configuration is
 * not the one that the session's tells.
 */

static ngx_int_t
ngx_http_websocket_head_create(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r)
{
    ngx_http_websocket_head_writer_t  w;

    static u_char  buf[NGX_HTTP_WEBSOCKET_HEAD_SIZE];

    if (r->srv_conf != s->conf->ctx.srv_conf
        || r->loc_conf != s->conf->ctx.loc_conf)
    {
        return NGX_ERROR;
    }

    w.line = r->request_line;
    w.last = buf;
    w.end = buf + NGX_HTTP_WEBSOCKET_HEAD_SIZE;
    w.full = 0;

    ngx_http_websocket_head_number(&w, r->start_sec);
    ngx_http_websocket_head_number(&w, r->start_msec);
    ngx_http_websocket_head_number(&w, r->limit_req_status << 2
                                       | r->limit_conn_status);
    ngx_http_websocket_head_number(&w, r->request_length);
    ngx_http_websocket_head_number(&w, r->header_size);

    ngx_http_websocket_head_number(&w, w.line.len);
    ngx_http_websocket_head_write(&w, w.line.data, w.line.len);

    ngx_http_websocket_head_slice(&w, &r->uri);
    ngx_http_websocket_head_slice(&w, &r->args);
    ngx_http_websocket_head_slice(&w, &r->unparsed_uri);
    ngx_http_websocket_head_slice(&w, &r->headers_in.server);

    ngx_http_websocket_head_headers(&w, r);
    ngx_http_websocket_head_variables(&w, r);

    if (w.full) {
        return NGX_ERROR;
    }

    return ngx_http_websocket_head_keep(s, r->http_connection, buf,
                                        w.last - buf);
}


static ngx_int_t
ngx_http_websocket_head_keep(ngx_http_websocket_session_t *s,
    ngx_http_connection_t *hc, u_char *data, size_t size)
{
    size_t                        before;
    u_char                       *p;
    ngx_http_websocket_record_t  *record;

    record = s->record;
    before = offsetof(ngx_http_websocket_record_t, head);

    p = ngx_alloc(before + size, s->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, record, before);
    ngx_memcpy(p + before, data, size);

    s->record = (ngx_http_websocket_record_t *) p;
    s->record->headed = 1;

    ngx_free(record);

    /* what nginx has of the connection stays with its buffer, now unused */

    s->connection->buffer->tag = (ngx_buf_tag_t) hc;

    return NGX_OK;
}


static void
ngx_http_websocket_head_headers(ngx_http_websocket_head_writer_t *w,
    ngx_http_request_t *r)
{
    ngx_uint_t                     index;
    ngx_table_elt_t               *h;
    ngx_http_websocket_headers_t   headers;

    ngx_http_websocket_headers_begin(r, &headers);

    while ((h = ngx_http_websocket_headers_next(&headers, NULL))) {

        index = ngx_http_websocket_head_find(h);

        if (index) {
            ngx_http_websocket_head_pair(w, index, &h->value);
        }
    }

    ngx_http_websocket_head_number(w, 0);
}


/* returns the header's place among those that are wanted, from 1 on, or 0 */

static ngx_uint_t
ngx_http_websocket_head_find(ngx_table_elt_t *h)
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

        /* a bearer token tells no user, and is long */

        if (!wanted[i].user
            || (h->value.len >= sizeof("Basic ") - 1
                && ngx_strncasecmp(h->value.data, (u_char *) "Basic ",
                                   sizeof("Basic ") - 1)
                   == 0))
        {
            return i + 1;
        }
    }

    return 0;
}


/* values that were set, or evaluated once and cached */

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

        ngx_http_websocket_head_pair(w, i + 1, &value);
    }

    ngx_http_websocket_head_number(w, 0);
}


/*
 * Most values are parts of the request line, and kept as their place in it: at
 * least 1
 */

static void
ngx_http_websocket_head_slice(ngx_http_websocket_head_writer_t *w,
    ngx_str_t *value)
{
    ngx_http_websocket_head_number(w, value->len);

    /* nginx leaves r->args.data unset where there are no arguments */

    if (value->len == 0) {
        return;
    }

    if (value->data >= w->line.data
        && value->data + value->len <= w->line.data + w->line.len)
    {
        ngx_http_websocket_head_number(w, value->data - w->line.data + 1);
        return;
    }

    ngx_http_websocket_head_number(w, 0);
    ngx_http_websocket_head_write(w, value->data, value->len);
}


/*
 * writes the value of a header or a variable behind its index, which is 1 at
 * least
 */

static void
ngx_http_websocket_head_pair(ngx_http_websocket_head_writer_t *w,
    ngx_uint_t index, ngx_str_t *value)
{
    ngx_http_websocket_head_number(w, index);
    ngx_http_websocket_head_number(w, value->len);
    ngx_http_websocket_head_write(w, value->data, value->len);

    /* nginx reads headers up to a zero */

    ngx_http_websocket_head_write(w, "", 1);
}


static void
ngx_http_websocket_head_number(ngx_http_websocket_head_writer_t *w,
    uint64_t number)
{
    u_char  byte;

    do {
        byte = number & 0x7f;
        number >>= 7;

        if (number) {
            byte |= 0x80;
        }

        ngx_http_websocket_head_write(w, &byte, 1);

    } while (number);
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
    ngx_connection_t                  *c;
    ngx_http_request_t                *r;
    ngx_http_websocket_head_reader_t   head;

    c = s->connection;
    r = s->record->request;

    if (r == NULL) {

        if (!s->record->headed) {
            return;
        }

        head.pos = s->record->head;

        c->data = c->buffer->tag;

        r = ngx_http_create_request(c);
        if (r == NULL) {
            return;
        }

        /* it is no request of a client */

        c->requests--;

#if (NGX_STAT_STUB)
        (void) ngx_atomic_fetch_add(ngx_stat_requests, -1);
#endif

        ngx_http_websocket_head_restore(s, r, &head);
    }

    s->record->request = NULL;

    ngx_http_free_request(r, 0);
}


/* without memory a value is not restored, and missing in the log's line */

static void
ngx_http_websocket_head_restore(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r, ngx_http_websocket_head_reader_t *head)
{
    ngx_uint_t                 status;
    ngx_http_websocket_ctx_t  *ctx;

    r->srv_conf = s->conf->ctx.srv_conf;
    r->loc_conf = s->conf->ctx.loc_conf;

    r->start_sec = ngx_http_websocket_head_read(head);
    r->start_msec = ngx_http_websocket_head_read(head);

    status = ngx_http_websocket_head_read(head);
    r->limit_req_status = status >> 2;
    r->limit_conn_status = status & 3;

    r->request_length = ngx_http_websocket_head_read(head);
    r->header_size = ngx_http_websocket_head_read(head);

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

    if (ngx_list_init(&r->headers_in.headers, r->pool, 4,
                      sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return;
    }

    ngx_http_websocket_head_restore_headers(head, r);
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
ngx_http_websocket_head_restore_line(ngx_http_websocket_head_reader_t *head,
    ngx_http_request_t *r)
{
    u_char  *p;

    head->line = ngx_http_websocket_head_text(head,
                                          ngx_http_websocket_head_read(head));

    r->request_line = head->line;
    r->uri = ngx_http_websocket_head_part(head);
    r->args = ngx_http_websocket_head_part(head);
    r->unparsed_uri = ngx_http_websocket_head_part(head);
    r->headers_in.server = ngx_http_websocket_head_part(head);

    ngx_http_set_exten(r);

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
ngx_http_websocket_head_restore_headers(ngx_http_websocket_head_reader_t *head,
    ngx_http_request_t *r)
{
    ngx_str_t                     value;
    ngx_uint_t                    index;
    ngx_http_websocket_wanted_t  *wanted;

    wanted = ngx_http_websocket_head_wanted.elts;

    for ( ;; ) {

        index = ngx_http_websocket_head_read(head);

        if (index == 0) {
            break;
        }

        value = ngx_http_websocket_head_text(head,
                                          ngx_http_websocket_head_read(head));
        head->pos++;

        if (ngx_http_websocket_head_restore_header(r, &wanted[index - 1].name,
                                                   &value)
            != NGX_OK)
        {
            return;
        }
    }

    ngx_http_websocket_head_restore_variables(head, r);
}


static void
ngx_http_websocket_head_restore_variables(
    ngx_http_websocket_head_reader_t *head, ngx_http_request_t *r)
{
    ngx_str_t                   value;
    ngx_uint_t                  index;
    ngx_http_variable_value_t  *v;

    for ( ;; ) {

        index = ngx_http_websocket_head_read(head);

        if (index == 0) {
            return;
        }

        value = ngx_http_websocket_head_text(head,
                                          ngx_http_websocket_head_read(head));
        head->pos++;

        v = &r->variables[index - 1];

        v->valid = 1;
        v->data = value.data;
        v->len = value.len;
    }
}


static ngx_int_t
ngx_http_websocket_head_restore_header(ngx_http_request_t *r, ngx_str_t *name,
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

    h->key = *name;
    h->value = *value;
    h->lowcase_key = name->data;
    h->hash = ngx_hash_key(name->data, name->len);

    /*
     * nginx has taken the Host header already, and its handler could end the
     * request
     */

    if (name->len == 4 && ngx_strncmp(name->data, "host", 4) == 0) {
        r->headers_in.host = h;
        return NGX_OK;
    }

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, h->hash, h->lowcase_key,
                       name->len);

    return hh ? hh->handler(r, h, hh->offset) : NGX_OK;
}


static uint64_t
ngx_http_websocket_head_read(ngx_http_websocket_head_reader_t *head)
{
    u_char       byte;
    uint64_t     number;
    ngx_uint_t   shift;

    number = 0;
    shift = 0;

    do {
        byte = *head->pos++;
        number |= (uint64_t) (byte & 0x7f) << shift;
        shift += 7;

    } while (byte & 0x80);

    return number;
}


static ngx_str_t
ngx_http_websocket_head_text(ngx_http_websocket_head_reader_t *head,
    size_t len)
{
    ngx_str_t  text;

    text.len = len;
    text.data = head->pos;

    head->pos += len;

    return text;
}


static ngx_str_t
ngx_http_websocket_head_part(ngx_http_websocket_head_reader_t *head)
{
    size_t     len, place;
    ngx_str_t  part;

    len = ngx_http_websocket_head_read(head);

    if (len == 0) {

        /* a variable without a value is kept as one with no data */

        ngx_str_null(&part);
        return part;
    }

    place = ngx_http_websocket_head_read(head);

    if (place == 0) {
        return ngx_http_websocket_head_text(head, len);
    }

    part.len = len;
    part.data = head->line.data + place - 1;

    return part;
}
