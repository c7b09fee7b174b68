
/*
 * The HTTP side of a channel: POST publishes, GET describes, DELETE deletes.
 */


#include "http/ngx_http_websocket_http.h"


#define NGX_HTTP_WEBSOCKET_PAGE       100       /* messages of a GET */
#define NGX_HTTP_WEBSOCKET_PAGE_MAX   1000
#define NGX_HTTP_WEBSOCKET_PAGE_SIZE  (1024 * 1024)

#define NGX_HTTP_WEBSOCKET_EPOCH      16        /* hexadecimal digits */


typedef struct {
    uint64_t                      epoch;
    uint64_t                      offset;
    ngx_uint_t                    limit;
} ngx_http_websocket_position_t;


static ngx_int_t ngx_http_websocket_publish_post(ngx_http_request_t *r);
static void ngx_http_websocket_publish_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_message(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_append(ngx_http_request_t *r,
    ngx_websocket_log_part_t *parts, ngx_uint_t n);
static ngx_int_t ngx_http_websocket_publish_parts(ngx_http_request_t *r,
    ngx_websocket_log_part_t **parts, ngx_uint_t *n, off_t *size);
static ngx_int_t ngx_http_websocket_publish_read_file(ngx_http_request_t *r,
    ngx_buf_t *b, ngx_websocket_log_part_t *part);
static ngx_int_t ngx_http_websocket_publish_check_utf8(
    ngx_websocket_log_part_t *parts, ngx_uint_t n);
static ngx_uint_t ngx_http_websocket_publish_binary(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_get(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_publish_history(ngx_http_request_t *r,
    ngx_str_t *since);
static char *ngx_http_websocket_parse_position(ngx_http_request_t *r,
    ngx_str_t *since, ngx_http_websocket_position_t *position);
static json_t *ngx_http_websocket_history_page(ngx_http_request_t *r,
    ngx_websocket_log_cursor_t *cursor, ngx_uint_t limit);
static json_t *ngx_http_websocket_history_message(ngx_http_request_t *r,
    ngx_websocket_log_message_t *message, u_char *buf);
static ngx_int_t ngx_http_websocket_publish_delete(ngx_http_request_t *r);
static json_t *ngx_http_websocket_info_json(ngx_str_t *name,
    ngx_websocket_log_info_t *info);
static void ngx_http_websocket_info_describe(json_t *json,
    ngx_websocket_log_info_t *info);
static ngx_int_t ngx_http_websocket_not_found(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_not_allowed(ngx_http_request_t *r);


static ngx_str_t  ngx_http_websocket_allow =
    ngx_string("GET, HEAD, POST, DELETE");


ngx_int_t
ngx_http_websocket_publish_handler(ngx_http_request_t *r)
{
    char                      *error;
    ngx_int_t                  rc;
    ngx_http_websocket_ctx_t  *ctx;

    if (r->method != NGX_HTTP_POST) {

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = ngx_http_websocket_channels(r, &ctx, &error);

    if (rc == NGX_DECLINED) {
        return ngx_http_websocket_respond_error(r, NGX_HTTP_BAD_REQUEST,
                                                "bad_channel", error);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (r->method) {

    case NGX_HTTP_POST:
        return ngx_http_websocket_publish_post(r);

    case NGX_HTTP_GET:
    case NGX_HTTP_HEAD:
        return ngx_http_websocket_publish_get(r);

    case NGX_HTTP_DELETE:
        return ngx_http_websocket_publish_delete(r);

    default:
        return ngx_http_websocket_not_allowed(r);
    }
}


static ngx_int_t
ngx_http_websocket_publish_post(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (r->headers_in.content_length_n > (off_t) conf->max_message_size) {

        /* before any of it is read */

        rc = ngx_http_discard_request_body(r);

        if (rc != NGX_OK) {
            return rc;
        }

        return ngx_http_websocket_respond_error(r,
                                    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                    "too_large",
                                    "the message exceeds the maximum size");
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_websocket_publish_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_websocket_publish_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_websocket_publish_message(r));
}


static ngx_int_t
ngx_http_websocket_publish_message(ngx_http_request_t *r)
{
    off_t                           size;
    ngx_uint_t                      n;
    ngx_websocket_log_part_t       *parts;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (ngx_http_websocket_publish_parts(r, &parts, &n, &size) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (size > (off_t) conf->max_message_size) {
        return ngx_http_websocket_respond_error(r,
                                    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                    "too_large",
                                    "the message exceeds the maximum size");
    }

    if (!ngx_http_websocket_publish_binary(r)
        && ngx_http_websocket_publish_check_utf8(parts, n) != NGX_OK)
    {
        return ngx_http_websocket_respond_error(r, NGX_HTTP_BAD_REQUEST,
                                    "not_utf8",
                                    "the body is not UTF-8: publish binary "
                                    "messages as application/octet-stream");
    }

    return ngx_http_websocket_publish_append(r, parts, n);
}


static ngx_int_t
ngx_http_websocket_publish_append(ngx_http_request_t *r,
    ngx_websocket_log_part_t *parts, ngx_uint_t n)
{
    int                             rc;
    json_t                         *json;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_log_info_t        info;
    ngx_websocket_log_history_t     history;
    ngx_websocket_log_message_t     message;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    ngx_memzero(&message, sizeof(ngx_websocket_log_message_t));

    message.type = ngx_http_websocket_publish_binary(r)
                   ? NGX_WEBSOCKET_BINARY : NGX_WEBSOCKET_TEXT;

    rc = ngx_http_websocket_hub_publish(conf->zone, &ctx->channels[0],
                                ngx_http_websocket_conf_history(conf,
                                                                &history),
                                &message, parts, n, &info);

    if (rc != NGX_WEBSOCKET_LOG_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "websocket zone \"%V\" cannot take the message: %s",
                      &conf->zone->name, ngx_websocket_log_strerror(rc));

        return ngx_http_websocket_respond_error(r,
                                    NGX_HTTP_INSUFFICIENT_STORAGE, "zone_full",
                                    "the zone has no space for the message");
    }

    json = ngx_http_websocket_info_json(&ctx->channels[0], &info);

    return ngx_http_websocket_respond_json(r, info.subscribers
                                              ? NGX_HTTP_OK
                                              : NGX_HTTP_ACCEPTED,
                                           json);
}


/* the body as nginx has it: some buffers, in memory or in a file */

static ngx_int_t
ngx_http_websocket_publish_parts(ngx_http_request_t *r,
    ngx_websocket_log_part_t **parts, ngx_uint_t *n, off_t *size)
{
    ngx_buf_t                 *b;
    ngx_chain_t               *cl, *bufs;
    ngx_websocket_log_part_t  *part;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    bufs = r->request_body ? r->request_body->bufs : NULL;

    *n = 0;
    *size = 0;

    for (cl = bufs; cl; cl = cl->next) {
        *size += ngx_buf_size(cl->buf);
        (*n)++;
    }

    part = ngx_palloc(r->pool, (*n + 1) * sizeof(ngx_websocket_log_part_t));
    if (part == NULL) {
        return NGX_ERROR;
    }

    *parts = part;

    if (*size > (off_t) conf->max_message_size) {
        return NGX_OK;
    }

    for (cl = bufs; cl; cl = cl->next) {

        b = cl->buf;

        /* the last one may be neither, and say only that it is the last */

        part->data = b->pos;
        part->size = ngx_buf_special(b) ? 0 : ngx_buf_size(b);

        if (part->size && !ngx_buf_in_memory(b)
            && ngx_http_websocket_publish_read_file(r, b, part) != NGX_OK)
        {
            return NGX_ERROR;
        }

        part++;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_publish_read_file(ngx_http_request_t *r, ngx_buf_t *b,
    ngx_websocket_log_part_t *part)
{
    u_char   *p;
    ssize_t   n;

    p = ngx_pnalloc(r->pool, part->size + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    n = ngx_read_file(b->file, p, part->size, b->file_pos);

    if (n != (ssize_t) part->size) {

        if (n != NGX_ERROR) {
            ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                          ngx_read_file_n " read only %z of %uz from \"%V\"",
                          n, part->size, &b->file->name);
        }

        return NGX_ERROR;
    }

    part->data = p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_publish_check_utf8(ngx_websocket_log_part_t *parts,
    ngx_uint_t n)
{
    ngx_uint_t            i;
    ngx_websocket_utf8_t  utf8;

    utf8 = 0;

    for (i = 0; i < n; i++) {
        if (ngx_websocket_utf8(&utf8, parts[i].data, parts[i].size) != 0) {
            return NGX_DECLINED;
        }
    }

    return utf8 == 0 ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_http_websocket_publish_binary(ngx_http_request_t *r)
{
    ngx_table_elt_t  *type;

    static ngx_str_t  binary = ngx_string("application/octet-stream");

    type = r->headers_in.content_type;

    return type
           && type->value.len >= binary.len
           && ngx_strncasecmp(type->value.data, binary.data, binary.len) == 0
           && (type->value.len == binary.len
               || type->value.data[binary.len] == ';'
               || type->value.data[binary.len] == ' ');
}


static ngx_int_t
ngx_http_websocket_publish_get(ngx_http_request_t *r)
{
    json_t                         *json;
    ngx_str_t                       since;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_log_info_t        info;
    ngx_http_websocket_loc_conf_t  *conf;

    if (ngx_http_arg(r, (u_char *) "since", 5, &since) == NGX_OK) {
        return ngx_http_websocket_publish_history(r, &since);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (ngx_http_websocket_zone_info(conf->zone, &ctx->channels[0], &info)
        != NGX_WEBSOCKET_LOG_OK)
    {
        return ngx_http_websocket_not_found(r);
    }

    json = ngx_http_websocket_info_json(&ctx->channels[0], &info);
    ngx_http_websocket_info_describe(json, &info);

    return ngx_http_websocket_respond_json(r, NGX_HTTP_OK, json);
}


static ngx_int_t
ngx_http_websocket_publish_history(ngx_http_request_t *r, ngx_str_t *since)
{
    int                             rc;
    char                           *error;
    json_t                         *json, *page;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_log_info_t        info;
    ngx_websocket_log_cursor_t      cursor;
    ngx_http_websocket_position_t   position;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    error = ngx_http_websocket_parse_position(r, since, &position);

    if (error) {
        return ngx_http_websocket_respond_error(r, NGX_HTTP_BAD_REQUEST,
                                                "bad_position", error);
    }

    ngx_memzero(&cursor, sizeof(ngx_websocket_log_cursor_t));

    rc = ngx_http_websocket_zone_seek(conf->zone, &ctx->channels[0],
                                      position.offset + 1, &cursor, &info);

    if (rc == NGX_WEBSOCKET_LOG_NOTFOUND) {
        return ngx_http_websocket_not_found(r);
    }

    if (info.epoch != position.epoch) {

        /* an offset of another life of the channel says nothing here */

        rc = ngx_http_websocket_zone_seek(conf->zone, &ctx->channels[0],
                                          info.first, &cursor, &info);

        if (rc == NGX_WEBSOCKET_LOG_NOTFOUND) {
            return ngx_http_websocket_not_found(r);
        }

        rc = NGX_WEBSOCKET_LOG_GAP;
    }

    page = ngx_http_websocket_history_page(r, &cursor, position.limit);
    json = ngx_http_websocket_info_json(&ctx->channels[0], &info);
    ngx_http_websocket_info_describe(json, &info);

    if (page == NULL
        || json_object_set_new(json, "recovered",
                               json_boolean(rc == NGX_WEBSOCKET_LOG_OK)) != 0
        || json_object_set(json, "messages", page) != 0)
    {
        json_decref(json);
        json = NULL;
    }

    json_decref(page);

    return ngx_http_websocket_respond_json(r, NGX_HTTP_OK, json);
}


/* EPOCH:OFFSET, and ?limit=; returns what is wrong, or NULL */

static char *
ngx_http_websocket_parse_position(ngx_http_request_t *r, ngx_str_t *since,
    ngx_http_websocket_position_t *position)
{
    u_char     *colon, *p;
    off_t       offset;
    ngx_int_t   digit, limit;
    ngx_str_t   arg;

    colon = ngx_strlchr(since->data, since->data + since->len, ':');

    if (colon == NULL || colon - since->data != NGX_HTTP_WEBSOCKET_EPOCH) {
        return "since is not EPOCH:OFFSET";
    }

    position->epoch = 0;

    for (p = since->data; p < colon; p++) {
        digit = ngx_hextoi(p, 1);

        if (digit == NGX_ERROR) {
            return "since is not EPOCH:OFFSET";
        }

        position->epoch = position->epoch << 4 | digit;
    }

    offset = ngx_atoof(colon + 1, since->data + since->len - colon - 1);

    if (offset == NGX_ERROR) {
        return "since is not EPOCH:OFFSET";
    }

    position->offset = offset;
    position->limit = NGX_HTTP_WEBSOCKET_PAGE;

    if (ngx_http_arg(r, (u_char *) "limit", 5, &arg) == NGX_OK) {
        limit = ngx_atoi(arg.data, arg.len);

        if (limit < 1 || limit > NGX_HTTP_WEBSOCKET_PAGE_MAX) {
            return "limit is not a number from 1 to "
                   ngx_value(NGX_HTTP_WEBSOCKET_PAGE_MAX);
        }

        position->limit = limit;
    }

    return NULL;
}


/* NULL when memory was refused */

static json_t *
ngx_http_websocket_history_page(ngx_http_request_t *r,
    ngx_websocket_log_cursor_t *cursor, ngx_uint_t limit)
{
    int                             rc;
    u_char                         *buf;
    size_t                          size, total;
    json_t                         *page;
    ngx_uint_t                      n;
    ngx_websocket_log_message_t     message;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    size = ngx_max(conf->max_message_size, (size_t) ngx_pagesize);
    total = 0;

    buf = ngx_palloc(r->pool, size);
    page = json_array();

    if (buf == NULL) {
        json_decref(page);
        return NULL;
    }

    while (json_array_size(page) < limit
           && total < NGX_HTTP_WEBSOCKET_PAGE_SIZE)
    {
        n = 1;
        rc = ngx_http_websocket_zone_read(conf->zone, cursor, &message, &n,
                                          buf, size);

        if (rc == NGX_WEBSOCKET_LOG_SHORT) {

            /* published where larger messages are allowed */

            size = message.size;

            buf = ngx_palloc(r->pool, size);
            if (buf == NULL) {
                json_decref(page);
                return NULL;
            }

            continue;
        }

        if (n == 0) {
            break;
        }

        total += message.size;

        if (json_array_append_new(page,
                                  ngx_http_websocket_history_message(r,
                                                               &message, buf))
            != 0)
        {
            json_decref(page);
            return NULL;
        }
    }

    return page;
}


static json_t *
ngx_http_websocket_history_message(ngx_http_request_t *r,
    ngx_websocket_log_message_t *message, u_char *buf)
{
    json_t     *data;
    ngx_str_t   payload, base64;

    payload.data = buf + message->meta;
    payload.len = message->size - message->meta;

    if (message->type == NGX_WEBSOCKET_TEXT) {
        data = json_stringn((char *) payload.data, payload.len);

    } else {
        base64.data = ngx_pnalloc(r->pool,
                                  ngx_base64_encoded_length(payload.len) + 1);
        if (base64.data == NULL) {
            return NULL;
        }

        ngx_encode_base64(&base64, &payload);
        data = json_stringn((char *) base64.data, base64.len);
    }

    return json_pack("{s:I,s:I,s:s,s:o}",
                     "offset", (json_int_t) message->offset,
                     "time", (json_int_t) message->time,
                     "type", message->type == NGX_WEBSOCKET_TEXT
                             ? "text" : "binary",
                     "data", data);
}


static ngx_int_t
ngx_http_websocket_publish_delete(ngx_http_request_t *r)
{
    ngx_str_t                      *name;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    name = &ctx->channels[0];

    if (ngx_http_websocket_hub_delete(conf->zone, name)
        != NGX_WEBSOCKET_LOG_OK)
    {
        return ngx_http_websocket_not_found(r);
    }

    return ngx_http_websocket_respond_json(r, NGX_HTTP_OK,
                               json_pack("{s:s%,s:b}", "channel", name->data,
                                         name->len, "deleted", 1));
}


/* what the answer to a POST says; NULL when memory was refused */

static json_t *
ngx_http_websocket_info_json(ngx_str_t *name, ngx_websocket_log_info_t *info)
{
    u_char  epoch[NGX_HTTP_WEBSOCKET_EPOCH + 1];

    *ngx_sprintf(epoch, "%016xL", info->epoch) = '\0';

    return json_pack("{s:s%,s:s,s:I,s:i}", "channel", name->data, name->len,
                     "epoch", epoch,
                     "offset", (json_int_t) info->offset,
                     "subscribers", (int) info->subscribers);
}


/* what the answer to a GET says besides; json may be NULL */

static void
ngx_http_websocket_info_describe(json_t *json, ngx_websocket_log_info_t *info)
{
    (void) json_object_set_new(json, "history",
                               json_integer((json_int_t) info->length));
    (void) json_object_set_new(json, "first",
                               json_integer((json_int_t) info->first));
    (void) json_object_set_new(json, "published",
                               info->published
                               ? json_integer((json_int_t) info->published)
                               : json_null());
}


static ngx_int_t
ngx_http_websocket_not_found(ngx_http_request_t *r)
{
    return ngx_http_websocket_respond_error(r, NGX_HTTP_NOT_FOUND,
                                            "no_channel",
                                            "the channel does not exist");
}


static ngx_int_t
ngx_http_websocket_not_allowed(ngx_http_request_t *r)
{
    if (ngx_http_websocket_add_header(r, "Allow", &ngx_http_websocket_allow)
        != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_websocket_respond_error(r, NGX_HTTP_NOT_ALLOWED,
                                            "bad_method",
                                            "use POST, GET or DELETE");
}
