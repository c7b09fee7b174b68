
#include "http/ngx_http_websocket_roll.h"
#include "broker/ngx_http_websocket_broker.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_fetch.h"
#include "http/ngx_http_websocket_history.h"
#include "http/ngx_http_websocket_suspend.h"
#include "session/ngx_http_websocket_session.h"


typedef struct {
    ngx_http_request_t         *request;
    ngx_http_websocket_roll_t  *pending;        /* NULL: it has completed */
} ngx_http_websocket_rolling_t;


static void ngx_http_websocket_roll_gone(void *data);
static void ngx_http_websocket_roll_done(ngx_http_websocket_roll_t *roll);
static ngx_int_t ngx_http_websocket_roll_answer(ngx_http_request_t *r,
    ngx_http_websocket_roll_t *roll);
static json_t *ngx_http_websocket_roll_page(ngx_http_websocket_roll_t *roll);


ngx_int_t
ngx_http_websocket_roll(ngx_http_request_t *r, ngx_uint_t limit)
{
    ngx_http_cleanup_t             *cln;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_http_websocket_roll_t       roll;
    ngx_http_websocket_rolling_t   *rolling;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    cln = ngx_http_cleanup_add(r, sizeof(ngx_http_websocket_rolling_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    roll.channel = ctx->channels[0];
    roll.limit = limit;

    if (conf->zone->broker->roll(conf->zone, &roll) != NGX_AGAIN) {
        return ngx_http_websocket_broker_away(r);
    }

    rolling = cln->data;

    rolling->request = r;
    rolling->pending = roll.pending;

    cln->handler = ngx_http_websocket_roll_gone;

    roll.pending->done = ngx_http_websocket_roll_done;
    roll.pending->data = rolling;

    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


/* the request ends, perhaps because the client has gone */

static void
ngx_http_websocket_roll_gone(void *data)
{
    ngx_http_websocket_rolling_t  *rolling = data;

    if (rolling->pending) {
        rolling->pending->done = NULL;
    }
}


static void
ngx_http_websocket_roll_done(ngx_http_websocket_roll_t *roll)
{
    ngx_http_request_t            *r;
    ngx_http_websocket_rolling_t  *rolling;

    rolling = roll->data;
    rolling->pending = NULL;

    r = rolling->request;

    ngx_http_websocket_resume(r);
    ngx_http_websocket_finish(r, ngx_http_websocket_roll_answer(r, roll));
}


static ngx_int_t
ngx_http_websocket_roll_answer(ngx_http_request_t *r,
    ngx_http_websocket_roll_t *roll)
{
    json_t                         *json, *page;
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_store_info_t      info;
    ngx_http_websocket_loc_conf_t  *conf;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (roll->rc != NGX_OK) {
        return ngx_http_websocket_broker_away(r);
    }

    if (ngx_http_websocket_zone_info(conf->zone, &ctx->channels[0], &info)
        != NGX_WEBSOCKET_STORE_OK
        || (roll->total == 0 && info.published == 0 && info.length == 0))
    {
        return ngx_http_websocket_history_not_found(r);
    }

    page = ngx_http_websocket_roll_page(roll);
    json = ngx_http_websocket_history_channel(&ctx->channels[0], &info);

    if (page == NULL
        || json_object_set_new(json, "members",
                               json_integer((json_int_t) roll->total))
           != 0
        || json_object_set(json, "presence", page) != 0)
    {
        json_decref(json);
        json = NULL;
    }

    json_decref(page);

    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK, json);
}


static json_t *
ngx_http_websocket_roll_page(ngx_http_websocket_roll_t *roll)
{
    json_t      *page;
    ngx_uint_t   i;

    page = json_array();

    for (i = 0; i < roll->n; i++) {

        if (json_array_append_new(page,
                           ngx_http_websocket_history_member(&roll->members[i]))
            != 0)
        {
            json_decref(page);
            return NULL;
        }
    }

    return page;
}
