
#include "broker/ngx_http_websocket_remote_bury.h"
#include "broker/ngx_http_websocket_remote_beat.h"
#include "broker/ngx_http_websocket_remote_presence.h"


/* how long nobody else buries it, ms */
#define NGX_HTTP_WEBSOCKET_BURY_TIME  5000


static void ngx_http_websocket_bury_send(ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_bury_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_bury_members(
    ngx_http_websocket_remote_t *remote, ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_bury_member(
    ngx_http_websocket_remote_t *remote, ngx_websocket_store_name_t *channel,
    ngx_websocket_resp_value_t *session, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_bury_left(ngx_http_websocket_publish_t *p);
static void ngx_http_websocket_bury_end(ngx_http_websocket_remote_t *remote);


static ngx_str_t  ngx_http_websocket_bury_none = ngx_null_string;


/*
 * One node at a time.  What its members' ends tell is known when members were
 * looked for here, once in a second.
 */

void
ngx_http_websocket_remote_bury(ngx_http_websocket_remote_t *remote,
    ngx_websocket_resp_value_t *nodes)
{
    ngx_websocket_resp_value_t  *node;

    node = ngx_websocket_resp_at(nodes, 0);

    if (node == NULL || node->type != NGX_WEBSOCKET_RESP_STRING
        || node->size != sizeof(remote->bury)
        || remote->burying || remote->leave_message == NULL)
    {
        return;
    }

    ngx_memcpy(remote->bury, node->data, node->size);
    remote->burying = 1;

    ngx_http_websocket_bury_send(remote);
}


static void
ngx_http_websocket_bury_send(ngx_http_websocket_remote_t *remote)
{
    u_char                        *p;
    u_char                         text[sizeof(remote->bury) + 2];
    u_char                         self[NGX_HTTP_WEBSOCKET_NODE];
    ngx_str_t                      node, own;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &remote->redis;

    (void) ngx_cpymem(ngx_cpymem(text, remote->bury, sizeof(remote->bury)),
                      ":p", 2);

    node.data = text;
    node.len = sizeof(remote->bury);
    own.data = text;
    own.len = sizeof(text);

    command = ngx_http_websocket_redis_command(redis,
                        NGX_HTTP_WEBSOCKET_REDIS_SCRIPT
                        + 3 * ngx_http_websocket_redis_key_size(redis, &own)
                        + 4 * NGX_WEBSOCKET_RESP_NUMBER,
                        ngx_http_websocket_bury_reply, NULL);
    if (command == NULL) {
        ngx_http_websocket_bury_end(remote);
        return;
    }

    ngx_http_websocket_remote_node(remote, self);

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_BURY, 3, 4);
    p = ngx_http_websocket_redis_key(redis, p, "nodes",
                                     &ngx_http_websocket_bury_none);
    p = ngx_http_websocket_redis_key(redis, p, "bury:", &node);
    p = ngx_http_websocket_redis_key(redis, p, "n:", &own);
    p = ngx_websocket_resp_bulk(p, node.data, node.len);
    p = ngx_websocket_resp_bulk(p, self, sizeof(self));
    p = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_SILENT);
    command->last = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_BURY_TIME);

    ngx_http_websocket_redis_send(redis, command);
}


/* what is left when the connection is lost, a later beat finds */

static void
ngx_http_websocket_bury_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_websocket_resp_value_t   *go;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    go = value ? ngx_websocket_resp_at(value, 0) : NULL;

    if (go == NULL || go->type != NGX_WEBSOCKET_RESP_INTEGER
        || go->number != 1)
    {
        if (go && go->number == -1) {
            ngx_log_error(NGX_LOG_NOTICE, remote->log, 0,
                          "websocket broker \"%V\" has lost the node %*s",
                          &remote->conf->name, sizeof(remote->bury),
                          remote->bury);
        }

        ngx_http_websocket_bury_end(remote);
        return;
    }

    ngx_http_websocket_bury_members(remote, value);
}


/* when all of them have left, the next ones are asked for */

static void
ngx_http_websocket_bury_members(ngx_http_websocket_remote_t *remote,
    ngx_websocket_resp_value_t *value)
{
    size_t                       i;
    ngx_websocket_resp_value_t  *name, *session, *member;
    ngx_websocket_store_name_t   channel;

    name = ngx_websocket_resp_at(value, 1);

    if (!ngx_websocket_resp_begins(name, "")
        || name->size > NGX_WEBSOCKET_STORE_NAME_SIZE)
    {
        ngx_http_websocket_bury_end(remote);
        return;
    }

    channel.size = (uint8_t) name->size;
    ngx_memcpy(channel.data, name->data, name->size);

    for (i = 2; (member = ngx_websocket_resp_at(value, i + 1)); i += 2) {

        session = ngx_websocket_resp_at(value, i);

        if (ngx_http_websocket_bury_member(remote, &channel, session, member)
            == NGX_OK)
        {
            remote->leaving++;
        }
    }

    if (remote->leaving == 0) {
        ngx_http_websocket_bury_end(remote);
    }
}


static ngx_int_t
ngx_http_websocket_bury_member(ngx_http_websocket_remote_t *remote,
    ngx_websocket_store_name_t *channel, ngx_websocket_resp_value_t *session,
    ngx_websocket_resp_value_t *value)
{
    ngx_websocket_store_member_t  member;

    if (ngx_http_websocket_remote_member_read(session, value, &member)
        != NGX_OK)
    {
        /* one that nobody understands goes without a word */

        member.leave_message = 0;
        member.size = 0;

        if (session->type != NGX_WEBSOCKET_RESP_STRING
            || session->size != NGX_HTTP_WEBSOCKET_NODE
            || ngx_http_websocket_remote_digits(session->data, &member.id)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return ngx_http_websocket_remote_part(remote, remote->bury, channel,
                                          &member, remote->leave_message,
                                          ngx_http_websocket_bury_left,
                                          remote);
}


static void
ngx_http_websocket_bury_left(ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_remote_t  *remote;

    remote = p->data;

    if (--remote->leaving) {
        return;
    }

    if (p->rc == NGX_WEBSOCKET_STORE_OK && remote->ready) {
        ngx_http_websocket_bury_send(remote);

    } else {
        ngx_http_websocket_bury_end(remote);
    }
}


static void
ngx_http_websocket_bury_end(ngx_http_websocket_remote_t *remote)
{
    remote->burying = 0;
}
