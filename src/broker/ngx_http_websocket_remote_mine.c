
#include "broker/ngx_http_websocket_remote_mine.h"
#include "broker/ngx_http_websocket_remote_beat.h"
#include "broker/ngx_http_websocket_remote_heal.h"
#include "broker/ngx_http_websocket_remote_presence.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "store/channel.h"
#include "store/interest.h"


/* the server keeps them for a day, ms */
#define NGX_HTTP_WEBSOCKET_MINE_TIME  (12 * 3600 * 1000)

/* members that are told at once, and channels that are looked up */
#define NGX_HTTP_WEBSOCKET_MINE_SOME  16
#define NGX_HTTP_WEBSOCKET_MINE_NAMES 64


/*
 * One command at a time: it begins, tells of each channel, and then of those of
 * which the server thinks that the node has members there.
 */

struct ngx_http_websocket_mine_s {
    ngx_http_websocket_remote_t   *remote;
    ngx_event_t                    event;
    unsigned                       begun:1;
    unsigned                       waits:1;     /* for an answer */
    unsigned                       rest:1;      /* the names are the server's */

    uint64_t                       bucket;
    ngx_uint_t                     n;
    ngx_uint_t                     i;
    ngx_websocket_store_name_t     names[NGX_HTTP_WEBSOCKET_MINE_NAMES];

    /* the last one of the channel that was told */

    ngx_websocket_member_ref_t     ref;
    uint64_t                       id;

    ngx_websocket_store_member_t   members[NGX_HTTP_WEBSOCKET_MINE_SOME];
};


static void ngx_http_websocket_mine_begin(
    ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_mine_event(ngx_event_t *ev);
static void ngx_http_websocket_mine_go(ngx_http_websocket_mine_t *mine);
static ngx_int_t ngx_http_websocket_mine_step(ngx_http_websocket_mine_t *mine);
static ngx_int_t ngx_http_websocket_mine_walk(ngx_http_websocket_mine_t *mine);
static ngx_int_t ngx_http_websocket_mine_channel(
    ngx_http_websocket_mine_t *mine);
static ngx_uint_t ngx_http_websocket_mine_orphans(
    ngx_http_websocket_mine_t *mine);
static ngx_int_t ngx_http_websocket_mine_send(ngx_http_websocket_mine_t *mine,
    ngx_str_t *channel, const char *what, ngx_uint_t n);
static void ngx_http_websocket_mine_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_mine_rest(ngx_http_websocket_mine_t *mine,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_mine_done(ngx_http_websocket_remote_t *remote);


static ngx_str_t  ngx_http_websocket_mine_none = ngx_null_string;


void
ngx_http_websocket_remote_mine_tick(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_remote_shared_t  *shared;

    if (!remote->ready) {
        return;
    }

    if (remote->mine) {
        ngx_http_websocket_mine_go(remote->mine);
        return;
    }

    shared = remote->shared;

    if (shared->told_size != remote->gen_size
        || ngx_memcmp(shared->told, remote->gen, remote->gen_size) != 0
        || ngx_http_websocket_clock_now() - shared->told_at
           >= NGX_HTTP_WEBSOCKET_MINE_TIME)
    {
        ngx_http_websocket_mine_begin(remote);
    }
}


void
ngx_http_websocket_remote_mine_again(ngx_http_websocket_remote_t *remote)
{
    remote->shared->told_size = 0;
}


static void
ngx_http_websocket_mine_begin(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_mine_t  *mine;

    mine = ngx_alloc(sizeof(ngx_http_websocket_mine_t), remote->log);
    if (mine == NULL) {
        return;
    }

    ngx_memzero(mine, offsetof(ngx_http_websocket_mine_t, names));
    mine->ref = 0;
    mine->id = 0;
    mine->remote = remote;

    ngx_http_websocket_remote_event(remote, &mine->event,
                                    ngx_http_websocket_mine_event);

    remote->mine = mine;

    ngx_http_websocket_mine_go(mine);
}


void
ngx_http_websocket_remote_mine_end(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_mine_t  *mine;

    mine = remote->mine;
    remote->mine = NULL;

    if (mine == NULL) {
        return;
    }

    if (mine->event.posted) {
        ngx_delete_posted_event(&mine->event);
    }

    ngx_free(mine);
}


static void
ngx_http_websocket_mine_event(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_websocket_remote_t  *remote;

    c = ev->data;
    remote = c->data;

    ngx_http_websocket_mine_go(remote->mine);
}


/* called again with each answer, and in each tick */

static void
ngx_http_websocket_mine_go(ngx_http_websocket_mine_t *mine)
{
    ngx_int_t  rc;

    do {
        if (mine->waits) {
            return;
        }

        rc = ngx_http_websocket_mine_step(mine);

        if (rc == NGX_ERROR) {
            ngx_http_websocket_redis_fail(&mine->remote->redis,
                                          "memory was refused");
            return;
        }

    } while (rc == NGX_OK && !ngx_http_websocket_turn_over());

    if (rc == NGX_OK) {
        ngx_http_websocket_turn_next(&mine->event);
    }
}


/* NGX_OK; NGX_AGAIN when the zone is stuck; NGX_ERROR */

static ngx_int_t
ngx_http_websocket_mine_step(ngx_http_websocket_mine_t *mine)
{
    ngx_str_t  name;

    if (!mine->begun) {
        mine->begun = 1;
        return ngx_http_websocket_mine_send(mine,
                                            &ngx_http_websocket_mine_none,
                                            "o", 0);
    }

    if (mine->i < mine->n) {

        if (!mine->rest) {
            return ngx_http_websocket_mine_channel(mine);
        }

        if (ngx_http_websocket_mine_orphans(mine)) {
            return NGX_AGAIN;
        }

        name.data = mine->names[mine->i].data;
        name.len = mine->names[mine->i].size;
        mine->i++;

        return ngx_http_websocket_mine_send(mine, &name, "e", 0);
    }

    if (!mine->rest) {
        return ngx_http_websocket_mine_walk(mine);
    }

    return ngx_http_websocket_mine_send(mine, &ngx_http_websocket_mine_none,
                                        "c", 0);
}


static ngx_int_t
ngx_http_websocket_mine_walk(ngx_http_websocket_mine_t *mine)
{
    int                         rc;
    ngx_http_websocket_zone_t  *zone;

    zone = mine->remote->zone;
    mine->i = 0;
    mine->n = 0;

    if (mine->bucket >= ngx_websocket_store_buckets(zone->store)) {
        mine->rest = 1;
        return NGX_OK;
    }

    mine->n = NGX_HTTP_WEBSOCKET_MINE_NAMES;

    rc = ngx_http_websocket_zone_walk(zone, &mine->bucket,
                                      NGX_WEBSOCKET_STORE_WALK_MEMBERS,
                                      mine->names, &mine->n);

    return rc == NGX_WEBSOCKET_STORE_OK ? NGX_OK : NGX_AGAIN;
}


/* where one that was told last has gone, the channel is told anew */

static ngx_int_t
ngx_http_websocket_mine_channel(ngx_http_websocket_mine_t *mine)
{
    int        rc;
    uint32_t   n;
    ngx_int_t  result;
    ngx_str_t  name;

    n = NGX_HTTP_WEBSOCKET_MINE_SOME;
    name.data = mine->names[mine->i].data;
    name.len = mine->names[mine->i].size;

    rc = ngx_http_websocket_zone_members(mine->remote->zone, &name, &mine->ref,
                                         &mine->id, mine->members, &n);

    switch (rc) {

    case NGX_WEBSOCKET_STORE_BUSY:
        return NGX_AGAIN;

    case NGX_WEBSOCKET_STORE_GAP:
        mine->ref = 0;
        return NGX_OK;

    case NGX_WEBSOCKET_STORE_OK:
        return ngx_http_websocket_mine_send(mine, &name, "p", n);

    default:
        if (ngx_http_websocket_mine_orphans(mine)) {
            mine->ref = 0;
            return NGX_AGAIN;
        }

        result = ngx_http_websocket_mine_send(mine, &name, "e", n);

        mine->ref = 0;
        mine->i++;

        return result;
    }
}


/*
 * Members of workers that died are not read, but they are still there until
 * they have left: that the channel has no others is said then.
 */

static ngx_uint_t
ngx_http_websocket_mine_orphans(ngx_http_websocket_mine_t *mine)
{
    ngx_websocket_store_name_t    name;
    ngx_websocket_store_member_t  member;

    return ngx_http_websocket_zone_orphan(mine->remote->zone, &member, &name)
           != NGX_WEBSOCKET_STORE_EMPTY;
}


static ngx_int_t
ngx_http_websocket_mine_send(ngx_http_websocket_mine_t *mine,
    ngx_str_t *channel, const char *what, ngx_uint_t n)
{
    size_t                         size;
    u_char                        *p;
    u_char                         text[NGX_HTTP_WEBSOCKET_NODE + 2];
    ngx_str_t                      node, own;
    ngx_uint_t                     i;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_remote_t   *remote;
    ngx_http_websocket_command_t  *command;
    u_char                         session[NGX_HTTP_WEBSOCKET_NODE];
    u_char                         value[NGX_HTTP_WEBSOCKET_REMOTE_VALUE];

    remote = mine->remote;
    redis = &remote->redis;

    size = NGX_HTTP_WEBSOCKET_REDIS_SCRIPT
           + 4 * (ngx_http_websocket_redis_key_size(redis, channel)
                  + sizeof(text))
           + ngx_websocket_resp_bulk_size(remote->gen_size)
           + ngx_websocket_resp_bulk_size(sizeof(session))
           + ngx_websocket_resp_bulk_size(channel->len)
           + ngx_websocket_resp_bulk_size(1)
           + n * (ngx_websocket_resp_bulk_size(sizeof(session))
                  + ngx_websocket_resp_bulk_size(sizeof(value)));

    command = ngx_http_websocket_redis_command(redis, size,
                                               ngx_http_websocket_mine_reply,
                                               NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_remote_node(remote, text);
    ngx_memcpy(text + NGX_HTTP_WEBSOCKET_NODE, ":p", 2);

    node.data = text;
    node.len = NGX_HTTP_WEBSOCKET_NODE;
    own.data = text;
    own.len = sizeof(text);

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_MINE, 4,
                                        4 + 2 * n);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_mine_none);
    p = ngx_http_websocket_redis_key(redis, p, "p:", channel);
    p = ngx_http_websocket_redis_key(redis, p, "n:", &own);
    p = ngx_http_websocket_redis_key(redis, p, "m:", &node);
    p = ngx_websocket_resp_bulk(p, remote->gen, remote->gen_size);
    p = ngx_websocket_resp_bulk(p, node.data, node.len);
    p = ngx_websocket_resp_bulk(p, channel->data, channel->len);
    p = ngx_websocket_resp_bulk(p, what, 1);

    for (i = 0; i < n; i++) {
        (void) ngx_sprintf(session, "%016xL", mine->members[i].id);

        size = ngx_http_websocket_remote_member_write(value,
                                                      &mine->members[i]);
        p = ngx_websocket_resp_bulk(p, session, sizeof(session));
        p = ngx_websocket_resp_bulk(p, value, size);
    }

    command->last = p;

    ngx_http_websocket_redis_send(redis, command);

    mine->waits = 1;

    return NGX_OK;
}


static void
ngx_http_websocket_mine_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_mine_t    *mine;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    mine = remote->mine;

    if (value == NULL) {
        return;
    }

    if (value->type == NGX_WEBSOCKET_RESP_REFUSED
        || (value->type == NGX_WEBSOCKET_RESP_INTEGER && value->number < 0))
    {
        /* it begins anew with a tick */

        ngx_http_websocket_remote_mine_end(remote);

        if (ngx_websocket_resp_begins(value, "FENCED")) {
            ngx_http_websocket_remote_fenced(remote);
        }

        return;
    }

    mine->waits = 0;

    if (value->type == NGX_WEBSOCKET_RESP_ARRAY) {

        if (value->size == 0) {
            ngx_http_websocket_mine_done(remote);
            return;
        }

        ngx_http_websocket_mine_rest(mine, value);
    }

    ngx_http_websocket_mine_go(mine);
}


/* channels of which the server thinks that the node has members there */

static void
ngx_http_websocket_mine_rest(ngx_http_websocket_mine_t *mine,
    ngx_websocket_resp_value_t *value)
{
    size_t                       i;
    ngx_websocket_resp_value_t  *name;

    mine->i = 0;
    mine->n = 0;

    for (i = 0;
         mine->n < NGX_HTTP_WEBSOCKET_MINE_NAMES
         && (name = ngx_websocket_resp_at(value, i));
         i++)
    {
        if (name->type == NGX_WEBSOCKET_RESP_STRING
            && name->size <= NGX_WEBSOCKET_STORE_NAME_SIZE)
        {
            mine->names[mine->n].size = (uint8_t) name->size;
            ngx_memcpy(mine->names[mine->n].data, name->data, name->size);
            mine->n++;
        }
    }
}


static void
ngx_http_websocket_mine_done(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_remote_shared_t  *shared;

    ngx_http_websocket_remote_mine_end(remote);

    shared = remote->shared;

    ngx_memcpy(shared->told, remote->gen, remote->gen_size);
    shared->told_size = remote->gen_size;
    shared->told_at = ngx_http_websocket_clock_now();
}
