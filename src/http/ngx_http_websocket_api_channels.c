
#include "http/ngx_http_websocket_api_channels.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf.h"
#include "hub/ngx_http_websocket_zone.h"
#include "http/ngx_http_websocket_later.h"
#include "store/channel.h"
#include "store/interest.h"


/* names that are read of the zone at a time, and bytes of the list */
#define NGX_HTTP_WEBSOCKET_API_NAMES  64
#define NGX_HTTP_WEBSOCKET_API_LIST   (4 * 1024 * 1024)


/* a list that is being made, in r->pool */

typedef struct {
    ngx_http_websocket_api_call_t  *call;
    ngx_str_t                       pattern;    /* empty: all */
    uint64_t                        bucket;
    ngx_websocket_json_text_t       list;
} ngx_http_websocket_api_listing_t;


static void ngx_http_websocket_api_channels_gone(void *data);
static ngx_int_t ngx_http_websocket_api_channels_go_on(ngx_http_request_t *r,
    void *data);
static void ngx_http_websocket_api_channels_add(
    ngx_http_websocket_zone_t *zone, ngx_http_websocket_api_listing_t *listing,
    ngx_websocket_store_name_t *name);
static ngx_uint_t ngx_http_websocket_api_matches(ngx_str_t *pattern,
    ngx_websocket_store_name_t *name);


ngx_int_t
ngx_http_websocket_api_channels(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    json_t                            *pattern;
    ngx_pool_cleanup_t                *cln;
    ngx_http_websocket_api_listing_t  *listing;

    pattern = json_object_get(call->args, "pattern");

    if (pattern && !json_is_string(pattern)) {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    cln = ngx_pool_cleanup_add(r->pool,
                               sizeof(ngx_http_websocket_api_listing_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    listing = cln->data;
    cln->handler = ngx_http_websocket_api_channels_gone;

    ngx_memzero(listing, sizeof(ngx_http_websocket_api_listing_t));

    listing->call = call;
    listing->pattern.data = (u_char *) json_string_value(pattern);
    listing->pattern.len = ngx_min(json_string_length(pattern),
                                   2 * NGX_WEBSOCKET_STORE_NAME_SIZE);
    listing->list.max = NGX_HTTP_WEBSOCKET_API_LIST;

    ngx_websocket_json_append(&listing->list, "{\"channels\":{", 13);

    return ngx_http_websocket_later(r, ngx_http_websocket_api_channels_go_on,
                                    listing);
}


static void
ngx_http_websocket_api_channels_gone(void *data)
{
    ngx_http_websocket_api_listing_t *listing = data;

    ngx_websocket_json_text_done(&listing->list);
}


/* as ngx_http_websocket_later_pt */

static ngx_int_t
ngx_http_websocket_api_channels_go_on(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_api_listing_t *listing = data;

    ngx_uint_t                         i, n;
    ngx_http_websocket_zone_t         *zone;
    ngx_http_websocket_loc_conf_t     *conf;
    static ngx_websocket_store_name_t  names[NGX_HTTP_WEBSOCKET_API_NAMES];

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);
    zone = conf->zone;

    ngx_http_websocket_turn_loop();

    while (listing->bucket < ngx_websocket_store_buckets(zone->store)
           && !listing->list.failed)
    {
        n = NGX_HTTP_WEBSOCKET_API_NAMES;

        if (ngx_http_websocket_zone_walk(zone, &listing->bucket,
                                         NGX_WEBSOCKET_STORE_WALK_ALL, names,
                                         &n)
            != NGX_WEBSOCKET_STORE_OK)
        {
            return ngx_http_websocket_api_refuse(r, listing->call,
                                              NGX_HTTP_WEBSOCKET_API_INTERNAL);
        }

        for (i = 0; i < n; i++) {
            ngx_http_websocket_api_channels_add(zone, listing, &names[i]);
        }

        if (ngx_http_websocket_turn_step(2 + n)) {
            return NGX_BUSY;
        }
    }

    ngx_websocket_json_append(&listing->list, "}}", 2);

    return listing->list.failed
           ? ngx_http_websocket_api_refuse(r, listing->call,
                                         listing->list.over
                                         ? NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED
                                         : NGX_HTTP_WEBSOCKET_API_INTERNAL)
           : ngx_http_websocket_api_answer_text(r, listing->call,
                                                listing->list.data,
                                                listing->list.size);
}


/* one that clients may have, with subscribers, and as the pattern says */

static void
ngx_http_websocket_api_channels_add(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_api_listing_t *listing,
    ngx_websocket_store_name_t *name)
{
    u_char                      text[NGX_INT_T_LEN + 20];
    ngx_str_t                   channel;
    ngx_websocket_store_info_t  info;

    channel.data = name->data;
    channel.len = name->size;

    if (name->data[0] < ' '
        || (listing->pattern.len
            && !ngx_http_websocket_api_matches(&listing->pattern, name))
        || ngx_http_websocket_zone_info(zone, &channel, &info)
           != NGX_WEBSOCKET_STORE_OK
        || info.subscribers == 0)
    {
        return;
    }

    /* behind the first one, whose brace it is */

    if (listing->list.data[listing->list.size - 1] == '}') {
        ngx_websocket_json_append(&listing->list, ",", 1);
    }

    ngx_websocket_json_append_string(&listing->list, (char *) name->data,
                                     name->size);
    ngx_websocket_json_append(&listing->list, (char *) text,
                              ngx_sprintf(text, ":{\"num_clients\":%uD}",
                                          info.subscribers)
                              - text);
}


/* "*" is any text, "?" any byte; one "*" is tried anew at a time */

static ngx_uint_t
ngx_http_websocket_api_matches(ngx_str_t *pattern,
    ngx_websocket_store_name_t *name)
{
    size_t  p, n, star, from;

    p = 0;
    n = 0;
    from = 0;
    star = pattern->len;

    while (n < name->size) {

        if (p < pattern->len && pattern->data[p] == '*') {
            star = p++;
            from = n;

        } else if (p < pattern->len
                   && (pattern->data[p] == '?'
                       || pattern->data[p] == name->data[n]))
        {
            p++;
            n++;

        } else if (star < pattern->len) {
            p = star + 1;
            n = ++from;

        } else {
            return 0;
        }
    }

    while (p < pattern->len && pattern->data[p] == '*') {
        p++;
    }

    return p == pattern->len;
}
