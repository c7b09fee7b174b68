
#include "protocol/ngx_http_websocket_centrifuge_presence.h"
#include "clock/ngx_http_websocket_turn.h"
#include "message/meta.h"
#include "protocol/ngx_http_websocket_centrifuge_channel.h"
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "session/ngx_http_websocket_presence.h"


/* members that are read with one lock, and those that a reply may have */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_MEMBERS  32
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_CROWD    4096

/* how often a list is begun anew because a member has left at its place */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_AGAIN    4


/* a reply that is being made */

typedef struct {
    const ngx_websocket_codec_t  *codec;
    ngx_str_t                     channel;
    ngx_websocket_json_text_t     list;
    json_t                       *users;        /* NULL: a list is made, else
                                                   numbers */
    ngx_uint_t                    count;
    ngx_uint_t                    failed;
} ngx_http_websocket_centrifuge_crowd_t;


static ngx_websocket_error_e ngx_http_websocket_centrifuge_presence_refuses(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel);
static int ngx_http_websocket_centrifuge_crowd(
    ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_crowd_t *crowd);
static void ngx_http_websocket_centrifuge_crowd_add(
    ngx_http_websocket_centrifuge_crowd_t *crowd,
    ngx_websocket_store_member_t *member);
static ngx_int_t ngx_http_websocket_centrifuge_crowd_answer(
    ngx_http_websocket_session_t *s, ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_crowd_t *crowd, int rc);
static u_char *ngx_http_websocket_centrifuge_member_part(u_char *p,
    u_char *last, ngx_websocket_meta_type_e type, u_char *data, size_t size);


ngx_int_t
ngx_http_websocket_centrifuge_presence(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    int                                      found;
    ngx_int_t                                rc;
    ngx_websocket_error_e                    error;
    ngx_http_websocket_centrifuge_crowd_t    crowd;
    ngx_http_websocket_centrifuge_channel_t  channel;

    rc = ngx_http_websocket_centrifuge_channel(s, command, &channel);

    if (rc != NGX_OK) {
        return rc == NGX_HTTP_WEBSOCKET_COMMAND_ANSWERED ? NGX_OK : rc;
    }

    error = ngx_http_websocket_centrifuge_presence_refuses(s, &channel);

    if (error) {
        return ngx_http_websocket_centrifuge_error(s, command, error);
    }

    ngx_memzero(&crowd, sizeof(ngx_http_websocket_centrifuge_crowd_t));

    crowd.codec = ngx_http_websocket_centrifuge_codec(s);
    crowd.channel = channel.name;

    if (command->kind == NGX_WEBSOCKET_COMMAND_PRESENCE_STATS) {
        crowd.users = json_object();
        crowd.failed = crowd.users == NULL;
    }

    found = ngx_http_websocket_centrifuge_crowd(s->conf->zone, &crowd);

    rc = ngx_http_websocket_centrifuge_crowd_answer(s, command, &crowd, found);

    ngx_websocket_json_text_done(&crowd.list);
    json_decref(crowd.users);

    return rc;
}


static ngx_websocket_error_e
ngx_http_websocket_centrifuge_presence_refuses(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel)
{
    if (!channel->ns->presence) {
        return NGX_WEBSOCKET_ERROR_NOT_AVAILABLE;
    }

    return ngx_http_websocket_centrifuge_may(s, channel,
                                             channel->ns->presence_access)
           ? 0 : NGX_WEBSOCKET_ERROR_PERMISSION_DENIED;
}


/* what ended the reading: OK when there are more than a reply may have */

static int
ngx_http_websocket_centrifuge_crowd(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_centrifuge_crowd_t *crowd)
{
    int                                  rc;
    uint32_t                             i, n;
    uint64_t                             id;
    ngx_uint_t                           again;
    ngx_websocket_member_ref_t           ref;
    static ngx_websocket_store_member_t  members[
                                         NGX_HTTP_WEBSOCKET_CENTRIFUGE_MEMBERS];

    id = 0;
    ref = 0;
    again = 0;

    do {
        n = NGX_HTTP_WEBSOCKET_CENTRIFUGE_MEMBERS;

        rc = ngx_http_websocket_zone_members(zone, &crowd->channel, &ref, &id,
                                             members, &n);

        if (rc == NGX_WEBSOCKET_STORE_GAP
            && again++ < NGX_HTTP_WEBSOCKET_CENTRIFUGE_AGAIN)
        {
            ref = 0;
            rc = NGX_WEBSOCKET_STORE_OK;

            crowd->count = 0;
            crowd->list.size = 0;

            (void) json_object_clear(crowd->users);
            continue;
        }

        if (rc != NGX_WEBSOCKET_STORE_OK && rc != NGX_WEBSOCKET_STORE_EMPTY) {
            break;
        }

        for (i = 0; i < n; i++) {
            ngx_http_websocket_centrifuge_crowd_add(crowd, &members[i]);
        }

        ngx_http_websocket_turn_worked(n);

    } while (rc == NGX_WEBSOCKET_STORE_OK
             && crowd->count < NGX_HTTP_WEBSOCKET_CENTRIFUGE_CROWD);

    return rc;
}


static void
ngx_http_websocket_centrifuge_crowd_add(
    ngx_http_websocket_centrifuge_crowd_t *crowd,
    ngx_websocket_store_member_t *member)
{
    ngx_websocket_client_info_t  info;

    ngx_http_websocket_centrifuge_client_info(&info, member->data,
                                              member->size);

    if (info.client.data == NULL) {
        return;
    }

    crowd->count++;

    if (crowd->users == NULL) {
        crowd->codec->member(&crowd->list, &info);
        return;
    }

    if (json_object_setn_new(crowd->users,
                             info.user.size ? info.user.data : "",
                             info.user.size, json_null())
        != 0)
    {
        crowd->failed = 1;
    }
}


static ngx_int_t
ngx_http_websocket_centrifuge_crowd_answer(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command,
    ngx_http_websocket_centrifuge_crowd_t *crowd, int rc)
{
    ngx_websocket_reply_t  reply;

    if (rc == NGX_WEBSOCKET_STORE_BUSY) {
        return NGX_AGAIN;
    }

    ngx_http_websocket_centrifuge_reply_to(&reply, command);

    if (crowd->failed || crowd->list.failed || rc == NGX_WEBSOCKET_STORE_GAP) {
        reply.error = NGX_WEBSOCKET_ERROR_INTERNAL;

    } else if (rc == NGX_WEBSOCKET_STORE_OK
               || crowd->list.size > s->conf->queue_size / 2)
    {
        reply.error = NGX_WEBSOCKET_ERROR_LIMIT_EXCEEDED;

    } else {
        reply.list.data = crowd->list.data;
        reply.list.size = crowd->list.size;
        reply.clients = crowd->count;
        reply.users = json_object_size(crowd->users);
    }

    return ngx_http_websocket_centrifuge_answer(s, &reply);
}


ngx_int_t
ngx_http_websocket_centrifuge_join(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *sub)
{
    u_char                                  data[
                                              NGX_WEBSOCKET_STORE_MEMBER_SIZE];
    u_char                                 *p, *last;
    ngx_http_websocket_identity_t          *identity;
    ngx_http_websocket_namespace_t         *ns;
    ngx_http_websocket_centrifuge_t        *client;
    ngx_http_websocket_centrifuge_grant_t  *grant;

    ns = ((ngx_http_websocket_further_t *) sub)->ns;

    if (!ns->presence && !ns->events) {
        return NGX_OK;
    }

    client = ngx_http_websocket_centrifuge_of(s);
    identity = client->identity;
    grant = ngx_http_websocket_centrifuge_grant_of(sub);

    last = data + NGX_WEBSOCKET_STORE_MEMBER_SIZE;

    p = ngx_http_websocket_centrifuge_member_part(data, last,
                                                  NGX_WEBSOCKET_META_CLIENT,
                                                  client->client,
                                                  NGX_HTTP_WEBSOCKET_UUID);
    if (identity) {
        p = ngx_http_websocket_centrifuge_member_part(p, last,
                                                  NGX_WEBSOCKET_META_USER,
                                                  identity->user.data,
                                                  identity->user.len);

        p = ngx_http_websocket_centrifuge_member_part(p, last,
                                                  NGX_WEBSOCKET_META_CONN_INFO,
                                                  identity->info.data,
                                                  identity->info.len);
    }

    if (grant) {
        p = ngx_http_websocket_centrifuge_member_part(p, last,
                                                  NGX_WEBSOCKET_META_CHAN_INFO,
                                                  grant->info.data,
                                                  grant->info.len);
    }

    /* joins and leaves are no publications: no history has them */

    return ngx_http_websocket_presence_join_as(s, sub, data, p - data,
                                               ns->events
                                              | NGX_HTTP_WEBSOCKET_UNRECORDED);
}


/* a member that there is no room for is left out */

static u_char *
ngx_http_websocket_centrifuge_member_part(u_char *p, u_char *last,
    ngx_websocket_meta_type_e type, u_char *data, size_t size)
{
    if (size == 0 || (size_t) (last - p) < NGX_WEBSOCKET_META_HEAD + size) {
        return p;
    }

    p = ngx_websocket_meta_head(p, type, size);

    return ngx_cpymem(p, data, size);
}
