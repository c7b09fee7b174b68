
#include "protocol/ngx_http_websocket_centrifuge_presence.h"
#include "clock/ngx_http_websocket_turn.h"
#include "message/meta.h"
#include "protocol/ngx_http_websocket_centrifuge_channel.h"
#include "protocol/ngx_http_websocket_centrifuge_grant.h"
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "session/ngx_http_websocket_presence.h"


/* members that are read with one lock */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_MEMBERS  32

/* how often a list is begun anew because a member has left at its place */
#define NGX_HTTP_WEBSOCKET_CENTRIFUGE_AGAIN    4


static ngx_websocket_error_e ngx_http_websocket_centrifuge_presence_refuses(
    ngx_http_websocket_session_t *s,
    ngx_http_websocket_centrifuge_channel_t *channel);
static u_char *ngx_http_websocket_centrifuge_member_part(u_char *p,
    u_char *last, ngx_websocket_meta_type_e type, u_char *data, size_t size);


ngx_int_t
ngx_http_websocket_centrifuge_presence(ngx_http_websocket_session_t *s,
    ngx_websocket_command_t *command)
{
    int                                      found;
    ngx_int_t                                rc;
    ngx_websocket_error_e                    error;
    ngx_websocket_reply_t                    reply;
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

    ngx_http_websocket_centrifuge_crowd_init(&crowd,
                       ngx_http_websocket_centrifuge_codec(s),
                       command->kind == NGX_WEBSOCKET_COMMAND_PRESENCE_STATS);

    found = ngx_http_websocket_centrifuge_crowd_read(s->conf->zone,
                                                     &channel.name, &crowd);
    rc = NGX_AGAIN;

    if (found != NGX_WEBSOCKET_STORE_BUSY) {
        ngx_http_websocket_centrifuge_reply_to(&reply, command);
        ngx_http_websocket_centrifuge_crowd_reply(&crowd, found,
                                                  s->conf->queue_size / 2,
                                                  &reply);

        rc = ngx_http_websocket_centrifuge_answer(s, &reply);
    }

    ngx_http_websocket_centrifuge_crowd_free(&crowd);

    return rc;
}


void
ngx_http_websocket_centrifuge_crowd_init(
    ngx_http_websocket_centrifuge_crowd_t *crowd,
    const ngx_websocket_codec_t *codec, ngx_uint_t stats)
{
    ngx_memzero(crowd, sizeof(ngx_http_websocket_centrifuge_crowd_t));

    crowd->codec = codec;

    if (stats) {
        crowd->users = json_object();
        crowd->failed = crowd->users == NULL;
    }
}


void
ngx_http_websocket_centrifuge_crowd_free(
    ngx_http_websocket_centrifuge_crowd_t *crowd)
{
    ngx_websocket_json_text_done(&crowd->list);
    json_decref(crowd->users);
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


int
ngx_http_websocket_centrifuge_crowd_read(ngx_http_websocket_zone_t *zone,
    ngx_str_t *channel, ngx_http_websocket_centrifuge_crowd_t *crowd)
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

        rc = ngx_http_websocket_zone_members(zone, channel, &ref, &id, members,
                                             &n);

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


void
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


void
ngx_http_websocket_centrifuge_crowd_reply(
    ngx_http_websocket_centrifuge_crowd_t *crowd, int rc, size_t max,
    ngx_websocket_reply_t *reply)
{
    if (crowd->failed || crowd->list.failed || rc == NGX_WEBSOCKET_STORE_GAP) {
        reply->error = NGX_WEBSOCKET_ERROR_INTERNAL;

    } else if (rc == NGX_WEBSOCKET_STORE_OK || crowd->list.size > max) {
        reply->error = NGX_WEBSOCKET_ERROR_LIMIT_EXCEEDED;

    } else {
        reply->list.data = crowd->list.data;
        reply->list.size = crowd->list.size;
        reply->clients = crowd->count;
        reply->users = json_object_size(crowd->users);
    }
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
