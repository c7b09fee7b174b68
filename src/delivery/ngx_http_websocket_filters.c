
#include "delivery/ngx_http_websocket_filters.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf.h"
#include "delivery/ngx_http_websocket_content.h"
#include "delivery/ngx_http_websocket_views.h"
#include "message/filter_compile.h"
#include "message/meta.h"
#include "message/tags.h"


/* a message that the set looks at, and whether it has its fields */

typedef struct {
    const ngx_http_websocket_message_t  *message;   /* NULL: it was freed */
    ngx_uint_t                           reads;
    ngx_websocket_tag_t                  tags[NGX_WEBSOCKET_TAGS];
} ngx_http_websocket_filtered_t;


static ngx_inline ngx_uint_t ngx_http_websocket_filters_know(
    const ngx_http_websocket_message_t *message);
static ngx_int_t ngx_http_websocket_filters_begin(ngx_log_t *log,
    ngx_uint_t reads, ngx_http_websocket_message_t *message);
static ngx_int_t ngx_http_websocket_filters_add(
    ngx_http_websocket_message_t *message);
static void ngx_http_websocket_filters_begin_anew(void);


static const ngx_websocket_filter_limits_t  ngx_http_websocket_filter_limits =
{
    128,        /* tests */
    1000,       /* values */
    16,         /* depth */
    16384       /* bytes of strings */
};


const ngx_websocket_json_limits_t  ngx_http_websocket_filter_json = {
    NGX_MAX_INT32_VALUE,
    32,         /* depth */
    2000        /* values */
};


static ngx_websocket_filters_t             *ngx_http_websocket_filters;

static ngx_http_websocket_filtered_t  ngx_http_websocket_filtered[
                                          NGX_WEBSOCKET_FILTER_MESSAGES];
static ngx_uint_t                     ngx_http_websocket_filtered_count;
static ngx_uint_t                     ngx_http_websocket_filtered_live;


ngx_websocket_json_e
ngx_http_websocket_filters_compile(const json_t *json,
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t view,
    ngx_websocket_filter_t **filter, ngx_websocket_json_error_t *error)
{
    ngx_websocket_filter_scope_t     scope;
    ngx_http_websocket_main_conf_t  *wmcf;

    if (ngx_http_websocket_filters == NULL) {
        ngx_http_websocket_filters =
            ngx_websocket_filters_create(&ngx_http_websocket_filter_limits);

        if (ngx_http_websocket_filters == NULL) {
            return NGX_WEBSOCKET_JSON_NO_MEMORY;
        }
    }

    wmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_websocket_module);

    ngx_http_websocket_filters_begin_anew();

    /* other locations may publish to the channel, with stamps of their own */

    scope.view = view ? ngx_http_websocket_view(view) : NULL;
    scope.type = ngx_http_websocket_sent_type(conf);
    scope.others = wmcf->stamps ? wmcf->stamps->elts : NULL;
    scope.others_count = wmcf->stamps ? wmcf->stamps->nelts : 0;

    return ngx_websocket_filter_compile(ngx_http_websocket_filters, json,
                                        &scope, filter, error);
}


ngx_websocket_json_e
ngx_http_websocket_filters_read(u_char *data, size_t size,
    ngx_http_websocket_loc_conf_t *conf, ngx_uint_t view,
    ngx_websocket_filter_t **filter, ngx_websocket_json_error_t *error)
{
    json_t                *json;
    ngx_websocket_json_e   rc;

    rc = ngx_websocket_json_decode((char *) data, size,
                                   &ngx_http_websocket_filter_json, &json,
                                   error);

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        return rc;
    }

    rc = ngx_http_websocket_filters_compile(json, conf, view, filter, error);

    json_decref(json);

    return rc;
}


void
ngx_http_websocket_filters_hold(ngx_websocket_filter_t *filter)
{
    ngx_websocket_filter_hold(filter);
}


void
ngx_http_websocket_filters_release(ngx_websocket_filter_t *filter)
{
    ngx_websocket_filter_release(ngx_http_websocket_filters, filter);
}


ngx_http_websocket_shown_e
ngx_http_websocket_filters_pass(ngx_log_t *log,
    ngx_websocket_filter_t *filter, ngx_http_websocket_message_t *message)
{
    ngx_uint_t  reads;

    ngx_http_websocket_turn_worked(1);

    if (!ngx_http_websocket_filters_know(message)
        || !ngx_http_websocket_filtered[message->filtered].reads)
    {
        reads = ngx_websocket_filter_reads(filter);

        if ((reads || !ngx_http_websocket_filters_know(message))
            && ngx_http_websocket_filters_begin(log, reads, message) != NGX_OK)
        {
            return NGX_HTTP_WEBSOCKET_SHOW_NO_MEMORY;
        }
    }

    return ngx_websocket_filter_match(ngx_http_websocket_filters, filter,
                                      message->filtered)
           ? NGX_HTTP_WEBSOCKET_SHOWN : NGX_HTTP_WEBSOCKET_HIDDEN;
}


/*
 * The set may have forgotten the message, and given its number to another one.
 */

static ngx_inline ngx_uint_t
ngx_http_websocket_filters_know(const ngx_http_websocket_message_t *message)
{
    return message->filtered < ngx_http_websocket_filtered_count
           && ngx_http_websocket_filtered[message->filtered].message
              == message;
}


/*
 * A message is parsed only where a filter asks for its fields: tags are beside
 * it.
 */

static ngx_int_t
ngx_http_websocket_filters_begin(ngx_log_t *log, ngx_uint_t reads,
    ngx_http_websocket_message_t *message)
{
    size_t                          n;
    const json_t                   *json;
    const uint8_t                  *tags;
    ngx_http_websocket_filtered_t  *filtered;

    json = NULL;

    if (ngx_http_websocket_content_of(log, message) == NULL
        || (reads
            && ngx_http_websocket_content_json(log, message, &json) != NGX_OK)
        || (!ngx_http_websocket_filters_know(message)
            && ngx_http_websocket_filters_add(message) != NGX_OK))
    {
        return NGX_ERROR;
    }

    filtered = &ngx_http_websocket_filtered[message->filtered];

    tags = NULL;
    n = ngx_websocket_meta_find(message->meta, message->meta_size,
                                NGX_WEBSOCKET_META_TAGS, &tags);
    n = ngx_websocket_tags_unpack(tags, n, filtered->tags);

    ngx_websocket_filters_message(ngx_http_websocket_filters,
                                  message->filtered, json, filtered->tags, n);
    filtered->reads = reads;

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_filters_add(ngx_http_websocket_message_t *message)
{
    int  number;

    number = ngx_websocket_filters_begin(ngx_http_websocket_filters);

    if (number == -1) {
        return NGX_ERROR;
    }

    if (number == 0) {
        ngx_http_websocket_filtered_live = 0;
    }

    message->filtered = number;

    ngx_http_websocket_filtered[number].message = message;
    ngx_http_websocket_filtered_count = number + 1;
    ngx_http_websocket_filtered_live++;

    return NGX_OK;
}


/*
 * A new filter may have fields of its own: the values that are kept of the
 * messages at hand, which may wait long for a slow reader, are not to grow by
 * them.
 */

static void
ngx_http_websocket_filters_begin_anew(void)
{
    ngx_websocket_filters_forget(ngx_http_websocket_filters);

    ngx_http_websocket_filtered_count = 0;
    ngx_http_websocket_filtered_live = 0;
}


void
ngx_http_websocket_filters_forget(ngx_http_websocket_message_t *message)
{
    if (!ngx_http_websocket_filters_know(message)) {
        return;
    }

    ngx_http_websocket_filtered[message->filtered].message = NULL;

    if (--ngx_http_websocket_filtered_live == 0) {
        ngx_websocket_filters_forget(ngx_http_websocket_filters);
        ngx_http_websocket_filtered_count = 0;
    }
}
