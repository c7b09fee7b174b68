
#include "broker/ngx_http_websocket_remote_roll.h"
#include "broker/ngx_http_websocket_remote_beat.h"
#include "broker/ngx_http_websocket_remote_presence.h"


/* a roll that has not completed; its command may outlive it */

typedef struct ngx_http_websocket_calling_s  ngx_http_websocket_calling_t;

typedef struct {
    ngx_http_websocket_calling_t  *calling;     /* NULL: nobody waits */
} ngx_http_websocket_called_t;

struct ngx_http_websocket_calling_s {
    ngx_event_t                    timer;
    ngx_http_websocket_roll_t      roll;
    ngx_http_websocket_called_t   *called;
    ngx_log_t                     *log;
};


static ngx_int_t ngx_http_websocket_roll_send(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_roll_t *roll,
    ngx_http_websocket_called_t *called);
static void ngx_http_websocket_roll_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_roll_read(
    ngx_http_websocket_calling_t *calling, ngx_websocket_resp_value_t *value);
static int ngx_libc_cdecl ngx_http_websocket_roll_cmp(const void *one,
    const void *two);
static void ngx_http_websocket_roll_timeout(ngx_event_t *ev);
static void ngx_http_websocket_roll_complete(
    ngx_http_websocket_calling_t *calling, ngx_int_t rc);


static ngx_str_t  ngx_http_websocket_roll_none = ngx_null_string;


ngx_int_t
ngx_http_websocket_remote_roll(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_roll_t *roll)
{
    ngx_http_websocket_remote_t   *remote;
    ngx_http_websocket_called_t   *called;
    ngx_http_websocket_calling_t  *calling;

    remote = zone->remote;
    roll->rc = NGX_HTTP_WEBSOCKET_FETCH_AWAY;

    if (!remote->redis.up) {
        return NGX_OK;
    }

    calling = ngx_calloc(sizeof(ngx_http_websocket_calling_t), remote->log);
    called = ngx_alloc(sizeof(ngx_http_websocket_called_t), remote->log);

    if (calling == NULL || called == NULL
        || ngx_http_websocket_roll_send(remote, roll, called) != NGX_OK)
    {
        ngx_free(calling);
        ngx_free(called);

        return NGX_OK;
    }

    called->calling = calling;

    calling->called = called;
    calling->log = remote->log;
    calling->roll.limit = roll->limit;

    /* not cancelable: a worker that shuts down waits for it */

    ngx_http_websocket_remote_event(remote, &calling->timer,
                                    ngx_http_websocket_roll_timeout);
    ngx_add_timer(&calling->timer, remote->conf->wait);

    roll->pending = &calling->roll;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_websocket_roll_send(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_roll_t *roll, ngx_http_websocket_called_t *called)
{
    u_char                        *p;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &remote->redis;

    command = ngx_http_websocket_redis_command(redis,
                     NGX_HTTP_WEBSOCKET_REDIS_SCRIPT
                     + ngx_http_websocket_redis_key_size(redis, &roll->channel)
                     + ngx_http_websocket_redis_key_size(redis,
                                            &ngx_http_websocket_roll_none)
                     + 2 * NGX_WEBSOCKET_RESP_NUMBER,
                     ngx_http_websocket_roll_reply, called);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_MEMBERS, 2, 2);
    p = ngx_http_websocket_redis_key(redis, p, "p:", &roll->channel);
    p = ngx_http_websocket_redis_key(redis, p, "nodes",
                                     &ngx_http_websocket_roll_none);
    p = ngx_websocket_resp_number(p, roll->limit);
    command->last = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_SILENT);

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static void
ngx_http_websocket_roll_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_called_t   *called;
    ngx_http_websocket_calling_t  *calling;

    called = command->data;
    calling = called->calling;

    ngx_free(called);

    if (calling) {
        ngx_http_websocket_roll_complete(calling,
                                         ngx_http_websocket_roll_read(calling,
                                                                      value));
    }
}


static ngx_int_t
ngx_http_websocket_roll_read(ngx_http_websocket_calling_t *calling,
    ngx_websocket_resp_value_t *value)
{
    size_t                       i;
    ngx_http_websocket_roll_t   *roll;
    ngx_websocket_resp_value_t  *total;

    roll = &calling->roll;
    total = value ? ngx_websocket_resp_at(value, 0) : NULL;

    if (total == NULL || total->type != NGX_WEBSOCKET_RESP_INTEGER) {
        return NGX_HTTP_WEBSOCKET_FETCH_AWAY;
    }

    roll->total = total->number;
    roll->members = ngx_alloc((value->size / 2 + 1)
                              * sizeof(ngx_websocket_store_member_t),
                              calling->log);
    if (roll->members == NULL) {
        return NGX_HTTP_WEBSOCKET_FETCH_AWAY;
    }

    for (i = 1; i + 1 < value->size; i += 2) {

        if (ngx_http_websocket_remote_member_read(value->elements[i],
                                                  value->elements[i + 1],
                                                  &roll->members[roll->n])
            == NGX_OK)
        {
            roll->n++;
        }
    }

    ngx_qsort(roll->members, roll->n, sizeof(ngx_websocket_store_member_t),
              ngx_http_websocket_roll_cmp);

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_websocket_roll_cmp(const void *one, const void *two)
{
    const ngx_websocket_store_member_t  *a, *b;

    a = one;
    b = two;

    return (a->time > b->time) - (a->time < b->time);
}


static void
ngx_http_websocket_roll_timeout(ngx_event_t *ev)
{
    ngx_http_websocket_calling_t  *calling;

    calling = ngx_queue_data(ev, ngx_http_websocket_calling_t, timer);

    calling->called->calling = NULL;

    ngx_http_websocket_roll_complete(calling, NGX_HTTP_WEBSOCKET_FETCH_AWAY);
}


static void
ngx_http_websocket_roll_complete(ngx_http_websocket_calling_t *calling,
    ngx_int_t rc)
{
    if (calling->timer.timer_set) {
        ngx_del_timer(&calling->timer);
    }

    calling->roll.rc = rc;

    if (calling->roll.done) {
        calling->roll.done(&calling->roll);
    }

    ngx_free(calling->roll.members);
    ngx_free(calling);
}
