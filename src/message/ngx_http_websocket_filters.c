
#include "ngx_http_websocket_module.h"
#include "message/ngx_http_websocket_content.h"
#include "message/ngx_http_websocket_filters.h"
#include "message/tags.h"


static ngx_int_t ngx_http_websocket_filters_begin(ngx_log_t *log,
    ngx_uint_t reads, ngx_http_websocket_message_t *message);


static const ngx_websocket_filter_limits_t  ngx_http_websocket_filter_limits =
{
    128,        /* tests */
    1000,       /* values */
    16,         /* depth */
    16384       /* bytes of strings */
};


static ngx_websocket_filters_t             *ngx_http_websocket_filters;

/* the message that the set looks at, and whether it has its fields */

static const ngx_http_websocket_message_t  *ngx_http_websocket_filtered;
static ngx_uint_t                           ngx_http_websocket_filtered_reads;
static ngx_websocket_tag_t                  ngx_http_websocket_filtered_tags[
                                                NGX_WEBSOCKET_TAGS];


ngx_int_t
ngx_http_websocket_filters_compile(const json_t *json,
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t view,
    ngx_websocket_filter_t **filter, ngx_websocket_json_error_t *error)
{
    ngx_websocket_json_e             rc;
    ngx_websocket_filter_scope_t     scope;
    ngx_http_websocket_main_conf_t  *wmcf;

    if (ngx_http_websocket_filters == NULL) {
        ngx_http_websocket_filters =
            ngx_websocket_filters_create(&ngx_http_websocket_filter_limits);

        if (ngx_http_websocket_filters == NULL) {
            return NGX_ERROR;
        }
    }

    wmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_websocket_module);

    /* a channel gets what other locations stamp too */

    scope.view = view ? ngx_http_websocket_view(view) : NULL;
    scope.type = ngx_http_websocket_sent_type(conf);
    scope.others = wmcf->stamps ? wmcf->stamps->elts : NULL;
    scope.others_count = wmcf->stamps ? wmcf->stamps->nelts : 0;

    rc = ngx_websocket_filter_compile(ngx_http_websocket_filters, json, &scope,
                                      filter, error);

    if (rc == NGX_WEBSOCKET_JSON_OK) {
        return NGX_OK;
    }

    return rc == NGX_WEBSOCKET_JSON_REFUSED ? NGX_DECLINED : NGX_ERROR;
}


ngx_int_t
ngx_http_websocket_filters_read(u_char *data, size_t size,
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t view,
    ngx_websocket_filter_t **filter, ngx_websocket_json_error_t *error)
{
    json_t                       *json;
    ngx_int_t                     rc;
    ngx_websocket_json_e          decoded;
    ngx_websocket_json_limits_t   limits;

    limits.size = NGX_MAX_INT32_VALUE;
    limits.depth = NGX_HTTP_WEBSOCKET_FILTER_DEPTH;
    limits.values = NGX_HTTP_WEBSOCKET_FILTER_VALUES;

    decoded = ngx_websocket_json_decode((char *) data, size, &limits, &json,
                                        error);

    if (decoded != NGX_WEBSOCKET_JSON_OK) {
        return decoded == NGX_WEBSOCKET_JSON_REFUSED ? NGX_DECLINED
                                                     : NGX_ERROR;
    }

    rc = ngx_http_websocket_filters_compile(json, conf, view, filter, error);

    json_decref(json);

    return rc;
}


void
ngx_http_websocket_filters_release(ngx_websocket_filter_t *filter)
{
    ngx_websocket_filter_release(ngx_http_websocket_filters, filter);
}


ngx_int_t
ngx_http_websocket_filters_pass(ngx_log_t *log,
    ngx_websocket_filter_t *filter, ngx_http_websocket_message_t *message)
{
    ngx_uint_t  reads;

    reads = ngx_websocket_filter_reads(filter);

    if ((ngx_http_websocket_filtered != message
         || (reads && !ngx_http_websocket_filtered_reads))
        && ngx_http_websocket_filters_begin(log, reads, message) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_websocket_filter_match(ngx_http_websocket_filters, filter)
           ? NGX_OK : NGX_DECLINED;
}


/* a message of which only tags are asked is not read */

static ngx_int_t
ngx_http_websocket_filters_begin(ngx_log_t *log, ngx_uint_t reads,
    ngx_http_websocket_message_t *message)
{
    size_t         n;
    const json_t  *json;

    json = NULL;

    if (ngx_http_websocket_content_of(log, message) == NULL
        || (reads
            && ngx_http_websocket_content_json(log, message, &json) != NGX_OK))
    {
        return NGX_ERROR;
    }

    n = ngx_websocket_tags_unpack(message->meta, message->meta_size,
                                  ngx_http_websocket_filtered_tags);

    ngx_websocket_filters_message(ngx_http_websocket_filters, json,
                                  ngx_http_websocket_filtered_tags, n);

    ngx_http_websocket_filtered = message;
    ngx_http_websocket_filtered_reads = reads;

    return NGX_OK;
}


void
ngx_http_websocket_filters_forget(ngx_http_websocket_message_t *message)
{
    if (ngx_http_websocket_filtered == message) {
        ngx_websocket_filters_message(ngx_http_websocket_filters, NULL, NULL,
                                      0);
        ngx_http_websocket_filtered = NULL;
    }
}
