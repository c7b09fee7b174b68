
/*
 * Streams for clients that cannot open a WebSocket: server-sent events and
 * long-polling, on the same locations.
 */


#include "http/ngx_http_websocket_fallback.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_heartbeat_arg.h"
#include "http/ngx_http_websocket_request.h"
#include "http/ngx_http_websocket_variables.h"
#include "protocol/ngx_http_websocket_events.h"
#include "protocol/ngx_http_websocket_poll.h"


/* bytes of a Last-Event-ID, which has a position for each channel */
#define NGX_HTTP_WEBSOCKET_LAST_POSITIONS  1024


static ngx_uint_t ngx_http_websocket_accepted(u_char *p, u_char *last);
static ngx_int_t ngx_http_websocket_ack_arg(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, char **error);
static ngx_int_t ngx_http_websocket_since(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    char **error);
static ngx_int_t ngx_http_websocket_last_event(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *id);
static char *ngx_http_websocket_flag_arg(ngx_http_request_t *r, char *name,
    ngx_uint_t *flag, char *wrong);
static ngx_int_t ngx_http_websocket_endless_header(ngx_http_request_t *r,
    const ngx_http_websocket_protocol_t *protocol);


static ngx_str_t  ngx_http_websocket_no_cache = ngx_string("no-cache");
static ngx_str_t  ngx_http_websocket_no_store = ngx_string("no-store");
static ngx_str_t  ngx_http_websocket_no = ngx_string("no");


const ngx_http_websocket_protocol_t *
ngx_http_websocket_fallback_protocol(ngx_http_request_t *r)
{
    ngx_str_t                       value;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if ((r->method != NGX_HTTP_GET && r->method != NGX_HTTP_HEAD)
        || !conf->subscribes)
    {
        return NULL;
    }

    if (ngx_http_websocket_accepts_events(r)) {
        return &ngx_http_websocket_events_protocol;
    }

    if (ngx_http_websocket_arg(r, "since", &value) == NGX_OK
        || (ngx_http_websocket_arg(r, "transport", &value) == NGX_OK
            && value.len == 4 && ngx_strncmp(value.data, "poll", 4) == 0))
    {
        return &ngx_http_websocket_poll_protocol;
    }

    return NULL;
}


/* all lines of the header are one list: RFC 9110, section 5.3 */

ngx_uint_t
ngx_http_websocket_accepts_events(ngx_http_request_t *r)
{
    u_char                        *p, *last, *end;
    ngx_uint_t                     quoted;
    ngx_table_elt_t               *h;
    ngx_http_websocket_headers_t   headers;

    ngx_http_websocket_headers_begin(r, &headers);

    for ( ;; ) {
        h = ngx_http_websocket_headers_next(&headers, "accept");

        if (h == NULL) {
            return 0;
        }

        last = h->value.data + h->value.len;

        for (p = h->value.data; p < last; p = end + 1) {

            quoted = 0;

            for (end = p; end < last && (quoted || *end != ','); end++) {
                quoted ^= *end == '"';
            }

            if (ngx_http_websocket_accepted(p, end)) {
                return 1;
            }
        }
    }
}


/* text/event-stream, but with q=0: "not acceptable", RFC 9110, 12.4.2 */

static ngx_uint_t
ngx_http_websocket_accepted(u_char *p, u_char *last)
{
    static ngx_str_t  type = ngx_string("text/event-stream");

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if ((size_t) (last - p) < type.len
        || ngx_strncasecmp(p, type.data, type.len) != 0)
    {
        return 0;
    }

    p += type.len;

    if (p < last && *p != ';' && *p != ' ' && *p != '\t') {
        return 0;
    }

    for ( /* void */ ; last - p > 2; p++) {

        if ((p[0] != ';' && p[0] != ' ' && p[0] != '\t')
            || (p[1] | 0x20) != 'q' || p[2] != '=')
        {
            continue;
        }

        for (p += 3; p < last && (*p == '0' || *p == '.'); p++) { /* void */ }

        return p < last && *p >= '1' && *p <= '9';
    }

    return 1;
}


ngx_int_t
ngx_http_websocket_options(ngx_http_request_t *r,
    ngx_http_websocket_ctx_t *ctx, ngx_http_websocket_options_t *options,
    char **error)
{
    ngx_int_t         rc;
    ngx_uint_t        position;
    ngx_table_elt_t  *h;

    *error = ngx_http_websocket_flag_arg(r, "position", &position,
                                         "position is not 0 or 1");

    if (*error == NULL) {
        *error = ngx_http_websocket_flag_arg(r, "hello", &options->hello,
                                             "hello is not 0 or 1");
    }

    if (*error) {
        return NGX_HTTP_BAD_REQUEST;
    }

    rc = ngx_http_websocket_heartbeat_arg(r, options, error);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_websocket_ack_arg(r, options, error);

    if (rc != NGX_OK) {
        return rc;
    }

    options->hello |= position;
    options->format = position ? options->protocol->positioned
                               : options->protocol->format;

    if (options->protocol->event_ids) {

        /*
         * EventSource comes back to the URL that it had first: the header is
         * newer than a position there
         */

        h = ngx_http_websocket_header(r, "last-event-id", NULL);

        if (h && h->value.len) {
            return ngx_http_websocket_last_event(r, options, &h->value);
        }
    }

    return ngx_http_websocket_since(r, ctx, options, error);
}


/*
 * whether the client's messages are acknowledged; their ids are unique per user
 */

static ngx_int_t
ngx_http_websocket_ack_arg(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, char **error)
{
    ngx_int_t                       rc;
    ngx_str_t                       user;
    ngx_uint_t                      asked;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    *error = ngx_http_websocket_flag_arg(r, "ack", &asked,
                                         "ack is not 0 or 1");
    if (*error) {
        return NGX_HTTP_BAD_REQUEST;
    }

    if (!options->protocol->acks || (!conf->publishes && !conf->echo)
        || conf->ack == NGX_HTTP_WEBSOCKET_ACK_OFF
        || (conf->ack == NGX_HTTP_WEBSOCKET_ACK_ASK && !asked))
    {
        return NGX_OK;
    }

    options->ack = 1;

    rc = ngx_http_websocket_user(r, &user);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }

    /* a token may be freed before the session is made */

    options->user.data = ngx_pstrdup(r->pool, &user);
    options->user.len = user.len;

    return options->user.data ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
ngx_http_websocket_since(ngx_http_request_t *r, ngx_http_websocket_ctx_t *ctx,
    ngx_http_websocket_options_t *options, char **error)
{
    int        n;
    ngx_int_t  rc;
    ngx_str_t  value;

    rc = ngx_http_websocket_arg(r, "since", &value);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    options->since = ngx_palloc(r->pool, ctx->nchannels
                                         * sizeof(ngx_websocket_position_t));
    if (options->since == NULL) {
        return NGX_ERROR;
    }

    n = ngx_websocket_position_parse(value.data, value.len, options->since,
                                     (int) ctx->nchannels);

    if (n == -1) {
        *error = "the position is not EPOCH:OFFSET, or several with commas, "
                 "one for each channel";
        return NGX_HTTP_BAD_REQUEST;
    }

    options->nsince = n;

    return NGX_OK;
}


/*
 * No status can tell EventSource that its id is wrong, since any but 200 ends
 * it: an id of other channels, or of another server, counts as a lost position.
 */

static ngx_int_t
ngx_http_websocket_last_event(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options, ngx_str_t *id)
{
    int     n;
    size_t  i;

    n = 1;

    for (i = 0; i < id->len && n < NGX_HTTP_WEBSOCKET_LAST_POSITIONS; i++) {
        n += id->data[i] == ',';
    }

    options->since = ngx_palloc(r->pool, n * sizeof(ngx_websocket_position_t));
    if (options->since == NULL) {
        return NGX_ERROR;
    }

    n = ngx_websocket_position_gather(id->data, id->len, options->since, n);

    if (n == 0) {

        /* no channel has the epoch 0 */

        ngx_memzero(options->since, sizeof(ngx_websocket_position_t));
        n = 1;
    }

    options->nsince = n;

    return NGX_OK;
}


/* returns what is wrong, or NULL */

static char *
ngx_http_websocket_flag_arg(ngx_http_request_t *r, char *name,
    ngx_uint_t *flag, char *wrong)
{
    ngx_str_t  value;

    *flag = 0;

    if (ngx_http_websocket_arg(r, name, &value) != NGX_OK) {
        return NULL;
    }

    if (value.len != 1 || (value.data[0] != '0' && value.data[0] != '1')) {
        return wrong;
    }

    *flag = value.data[0] - '0';

    return NULL;
}


ngx_int_t
ngx_http_websocket_fallback_head(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options)
{
    ngx_int_t  rc;

    rc = ngx_http_websocket_fallback_header(r, options);

    if (rc != NGX_OK || !options->protocol->once) {
        return rc;
    }

    r->disable_not_modified = 1;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = options->protocol->type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return ngx_http_send_header(r);
}


ngx_int_t
ngx_http_websocket_fallback_header(ngx_http_request_t *r,
    ngx_http_websocket_options_t *options)
{
    if (!options->protocol->once) {
        return ngx_http_websocket_endless_header(r, options->protocol);
    }

    /* a poll's header is sent with its answer */

    return ngx_http_websocket_add_header(r, "Cache-Control",
                                         &ngx_http_websocket_no_store);
}


static ngx_int_t
ngx_http_websocket_endless_header(ngx_http_request_t *r,
    const ngx_http_websocket_protocol_t *protocol)
{
    ngx_int_t  rc;

    /* of what has no end no one has a copy: a 304 would have no body */

    r->disable_not_modified = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = protocol->type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    ngx_http_clear_content_length(r);

    /* proxies on the way must pass events on at once */

    if (ngx_http_websocket_add_header(r, "Cache-Control",
                                      &ngx_http_websocket_no_cache) != NGX_OK
        || ngx_http_websocket_add_header(r, "X-Accel-Buffering",
                                         &ngx_http_websocket_no) != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_send_header(r);

    return rc == NGX_ERROR || rc > NGX_OK ? NGX_ERROR : NGX_OK;
}
