
#include "broker/ngx_http_websocket_remote_beat.h"
#include "broker/ngx_http_websocket_remote_bury.h"
#include "broker/ngx_http_websocket_remote_heal.h"
#include "broker/ngx_http_websocket_remote_mine.h"
#include "broker/ngx_http_websocket_remote_revoke.h"


#define NGX_HTTP_WEBSOCKET_BEAT  1000       /* milliseconds */


static void ngx_http_websocket_remote_beaten(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_remote_lives(
    ngx_http_websocket_remote_t *remote, ngx_websocket_resp_value_t *nodes);


static ngx_str_t  ngx_http_websocket_beat_none = ngx_null_string;


void
ngx_http_websocket_remote_node(ngx_http_websocket_remote_t *remote,
    u_char *buf)
{
    (void) ngx_sprintf(buf, "%016xL", remote->shared->node);
}


void
ngx_http_websocket_remote_beat(ngx_http_websocket_remote_t *remote)
{
    u_char                        *p;
    u_char                         node[NGX_HTTP_WEBSOCKET_NODE];
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &remote->redis;

    if (!remote->ready || remote->beating
        || (remote->beat
            && ngx_current_msec - remote->beat < NGX_HTTP_WEBSOCKET_BEAT))
    {
        return;
    }

    command = ngx_http_websocket_redis_command(redis,
                     NGX_HTTP_WEBSOCKET_REDIS_SCRIPT
                     + 3 * ngx_http_websocket_redis_key_size(redis,
                                            &ngx_http_websocket_beat_none)
                     + ngx_websocket_resp_bulk_size(sizeof(node))
                     + NGX_WEBSOCKET_RESP_NUMBER,
                     ngx_http_websocket_remote_beaten, NULL);
    if (command == NULL) {
        return;
    }

    ngx_http_websocket_remote_node(remote, node);

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_BEAT, 3, 2);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_beat_none);
    p = ngx_http_websocket_redis_key(redis, p, "nodes",
                                     &ngx_http_websocket_beat_none);
    p = ngx_http_websocket_redis_key(redis, p, "rev:n",
                                     &ngx_http_websocket_beat_none);
    p = ngx_websocket_resp_bulk(p, node, sizeof(node));
    command->last = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_SILENT);

    ngx_http_websocket_redis_send(redis, command);

    remote->beat = ngx_current_msec ? ngx_current_msec : 1;
    remote->beating = 1;
}


static void
ngx_http_websocket_remote_beaten(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_websocket_resp_value_t   *number, *gen;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    remote->beating = 0;

    if (value == NULL) {
        return;
    }

    number = ngx_websocket_resp_at(value, 2);

    if (ngx_websocket_resp_at(value, 5) == NULL
        || number->type != NGX_WEBSOCKET_RESP_INTEGER)
    {
        ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                      "websocket broker \"%V\" does not hear this node",
                      &remote->conf->name);
        return;
    }

    gen = ngx_websocket_resp_at(value, 1);

    if (remote->ready && ngx_websocket_resp_begins(gen, "")
        && (gen->size != remote->gen_size
            || ngx_memcmp(gen->data, remote->gen, gen->size) != 0))
    {
        ngx_http_websocket_remote_fenced(remote);
    }

    if (ngx_websocket_resp_at(value, 3)->number == 1) {
        ngx_http_websocket_remote_mine_again(remote);
    }

    ngx_http_websocket_remote_bury(remote, ngx_websocket_resp_at(value, 4));
    ngx_http_websocket_remote_lives(remote, ngx_websocket_resp_at(value, 5));
    ngx_http_websocket_remote_revocations(remote, number->number);
}


/* a server that has lost all does not know whom it is to wait for */

static void
ngx_http_websocket_remote_lives(ngx_http_websocket_remote_t *remote,
    ngx_websocket_resp_value_t *nodes)
{
    size_t                               i;
    ngx_uint_t                           n;
    ngx_websocket_resp_value_t          *node;
    ngx_http_websocket_remote_shared_t  *shared;

    n = 0;
    shared = remote->shared;

    for (i = 0;
         n < NGX_HTTP_WEBSOCKET_NODES && (node = ngx_websocket_resp_at(nodes,
                                                                       i));
         i++)
    {
        if (node->type == NGX_WEBSOCKET_RESP_STRING
            && node->size == NGX_HTTP_WEBSOCKET_NODE
            && ngx_http_websocket_remote_digits(node->data, &shared->nodes[n])
               == NGX_OK)
        {
            n++;
        }
    }

    shared->nnodes = n;
}


ngx_int_t
ngx_http_websocket_remote_digits(u_char *p, uint64_t *number)
{
    ngx_int_t  digit;
    u_char    *last;

    *number = 0;

    for (last = p + NGX_HTTP_WEBSOCKET_NODE; p < last; p++) {
        digit = ngx_hextoi(p, 1);

        if (digit == NGX_ERROR) {
            return NGX_ERROR;
        }

        *number = *number << 4 | (uint64_t) digit;
    }

    return NGX_OK;
}
