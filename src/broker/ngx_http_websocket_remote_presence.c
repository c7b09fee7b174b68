
#include "broker/ngx_http_websocket_remote_presence.h"
#include "broker/ngx_http_websocket_remote_beat.h"
#include "clock/ngx_http_websocket_clock.h"



/*
 * A member on its way out: it stays in the zone until the server has taken it
 * off, so that if this worker dies another one finds it, and says so again.
 */

typedef struct {
    ngx_http_websocket_zone_t            *zone;
    ngx_websocket_member_ref_t            ref;
    uint64_t                              id;
    ngx_http_websocket_leave_message_pt   leave_message;
} ngx_http_websocket_leaving_t;


static void ngx_http_websocket_remote_untold(
    ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_remote_joined(ngx_http_websocket_publish_t *p);
static void ngx_http_websocket_remote_left(ngx_http_websocket_publish_t *p);
static void ngx_http_websocket_remote_reaped(ngx_http_websocket_publish_t *p);


ngx_int_t
ngx_http_websocket_remote_join(ngx_http_websocket_subscription_t *s,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p)
{
    ngx_int_t                      rc;
    ngx_http_websocket_remote_t   *remote;
    ngx_http_websocket_change_t    change;
    ngx_http_websocket_publish_t   none;

    if (!s->active || s->member) {
        return NGX_OK;
    }

    ngx_memzero(&none, sizeof(ngx_http_websocket_publish_t));

    rc = ngx_http_websocket_hub_join(s, member, &none);

    if (rc != NGX_OK) {
        return rc;
    }

    remote = ngx_http_websocket_hub_zone(s)->remote;

    change.op = 'j';
    change.id = member->id;
    change.channel = ngx_http_websocket_hub_name(s)->text;
    change.size = ngx_http_websocket_remote_member_write(change.value, member);
    ngx_http_websocket_remote_node(remote, change.node);

    if (p->n == 0) {
        p = &none;
    }

    if (p->channel.len == 0) {
        p->channel = change.channel;
    }

    if (ngx_http_websocket_remote_change(remote, p, &change) == NGX_AGAIN) {
        p->pending->done = ngx_http_websocket_remote_joined;
        p->pending->data = remote;

    } else {
        ngx_http_websocket_remote_untold(remote);
    }

    return NGX_OK;
}


/*
 * the session goes on without being listed, as if the zone had no room for a
 * member
 */

static void
ngx_http_websocket_remote_untold(ngx_http_websocket_remote_t *remote)
{
    ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                  "websocket broker \"%V\" was not told who has come or gone",
                  &remote->conf->name);
}


static void
ngx_http_websocket_remote_joined(ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_remote_t  *remote;

    remote = p->data;

    if (p->rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_remote_untold(remote);
    }
}


void
ngx_http_websocket_remote_leave(ngx_http_websocket_zone_t *zone,
    ngx_websocket_member_ref_t ref,
    ngx_http_websocket_leave_message_pt leave_message)
{
    ngx_websocket_store_name_t     name;
    ngx_http_websocket_leaving_t  *leaving;
    ngx_websocket_store_member_t   member;

    leaving = ngx_alloc(sizeof(ngx_http_websocket_leaving_t), ngx_cycle->log);

    if (leaving
        && ngx_http_websocket_zone_member(zone, ref, &member, &name)
           == NGX_WEBSOCKET_STORE_OK)
    {
        leaving->zone = zone;
        leaving->ref = ref;

        if (ngx_http_websocket_remote_part(zone->remote, NULL, &name, &member,
                                           leave_message,
                                           ngx_http_websocket_remote_left,
                                           leaving)
            == NGX_OK)
        {
            return;
        }
    }

    ngx_free(leaving);

    /* without a message */

    ngx_http_websocket_remote_untold(zone->remote);

    ngx_http_websocket_hub_drop_member(zone, ref, NULL);
}


ngx_int_t
ngx_http_websocket_remote_part(ngx_http_websocket_remote_t *remote,
    u_char *node, ngx_websocket_store_name_t *name,
    ngx_websocket_store_member_t *member,
    ngx_http_websocket_leave_message_pt leave_message,
    void (*done)(ngx_http_websocket_publish_t *p), void *data)
{
    ngx_websocket_store_part_t    parts[NGX_HTTP_WEBSOCKET_PARTS];
    ngx_http_websocket_change_t   change;
    ngx_http_websocket_publish_t  p;

    ngx_memzero(&p, sizeof(ngx_http_websocket_publish_t));

    p.parts = parts;

    change.op = node ? 'b' : 'l';
    change.id = member->id;
    change.size = 0;
    change.channel.data = name->data;
    change.channel.len = name->size;

    if (node) {
        ngx_memcpy(change.node, node, sizeof(change.node));

    } else {
        ngx_http_websocket_remote_node(remote, change.node);
    }

    leave_message(&change.channel, member, &p);

    if (p.channel.len == 0) {
        p.channel = change.channel;
    }

    if (ngx_http_websocket_remote_change(remote, &p, &change) != NGX_AGAIN) {
        return NGX_ERROR;
    }

    p.pending->done = done;
    p.pending->data = data;

    return NGX_OK;
}


static void
ngx_http_websocket_remote_left(ngx_http_websocket_publish_t *p)
{
    ngx_http_websocket_leaving_t  *leaving;

    leaving = p->data;

    if (p->rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_remote_untold(leaving->zone->remote);
    }

    ngx_http_websocket_hub_drop_member(leaving->zone, leaving->ref, NULL);

    ngx_free(leaving);
}


/*
 * Members are removed one after the other: the next one is found when the one
 * before it has gone.  Several workers may do so at the same time, of which the
 * server hears the first.
 */

ngx_uint_t
ngx_http_websocket_remote_reap_members(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_leave_message_pt leave_message)
{
    ngx_http_websocket_remote_t   *remote;
    ngx_websocket_store_name_t     name;
    ngx_http_websocket_leaving_t  *leaving;
    ngx_websocket_store_member_t   member;

    remote = zone->remote;
    remote->leave_message = leave_message;

    if (remote->reaping
        || ngx_http_websocket_zone_orphan(zone, &member, &name)
           != NGX_WEBSOCKET_STORE_OK)
    {
        return 0;
    }

    leaving = ngx_alloc(sizeof(ngx_http_websocket_leaving_t), remote->log);
    if (leaving == NULL) {
        return 0;
    }

    leaving->zone = zone;
    leaving->id = member.id;
    leaving->leave_message = leave_message;

    if (ngx_http_websocket_remote_part(remote, NULL, &name, &member,
                                       leave_message,
                                       ngx_http_websocket_remote_reaped,
                                       leaving)
        != NGX_OK)
    {
        ngx_free(leaving);
        return 0;
    }

    remote->reaping = 1;

    return 0;
}


static void
ngx_http_websocket_remote_reaped(ngx_http_websocket_publish_t *p)
{
    int                                  rc;
    ngx_http_websocket_zone_t           *zone;
    ngx_http_websocket_leaving_t        *leaving;
    ngx_http_websocket_leave_message_pt  leave_message;

    rc = p->rc;
    leaving = p->data;

    zone = leaving->zone;
    leave_message = leaving->leave_message;

    zone->remote->reaping = 0;

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_zone_drop_orphan(zone, leaving->id);
    }

    ngx_free(leaving);

    /* otherwise the tick tries again */

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        (void) ngx_http_websocket_remote_reap_members(zone, leave_message);
    }
}


/* when it joined, by the wall clock; what its end tells; what is known of it */

/*
 * Writes a member as the server has it to value, of
 * NGX_HTTP_WEBSOCKET_REMOTE_VALUE bytes.  Returns how many were written.
 */

size_t
ngx_http_websocket_remote_member_write(u_char *value,
    ngx_websocket_store_member_t *member)
{
    u_char      *p;
    uint64_t     time;
    ngx_uint_t   i;

    p = value;
    time = ngx_http_websocket_clock_wall(member->time);

    for (i = 8; i; i--) {
        *p++ = (u_char) (time >> 8 * (i - 1));
    }

    *p++ = member->leave_message;
    p = ngx_cpymem(p, member->data, member->size);

    return p - value;
}


ngx_int_t
ngx_http_websocket_remote_member_read(ngx_websocket_resp_value_t *field,
    ngx_websocket_resp_value_t *value, ngx_websocket_store_member_t *member)
{
    u_char     *p;
    uint64_t    time, now;
    ngx_uint_t  i;

    if (field->type != NGX_WEBSOCKET_RESP_STRING
        || field->size < NGX_HTTP_WEBSOCKET_REMOTE_NODE
        || value->type != NGX_WEBSOCKET_RESP_STRING || value->size < 9
        || value->size > NGX_HTTP_WEBSOCKET_REMOTE_VALUE)
    {
        return NGX_ERROR;
    }

    if (ngx_http_websocket_remote_digits(field->data + field->size
                                         - NGX_HTTP_WEBSOCKET_REMOTE_NODE,
                                         &member->id)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    time = 0;
    p = value->data;

    for (i = 0; i < 8; i++) {
        time = time << 8 | *p++;
    }

    now = ngx_http_websocket_clock_now();

    member->time = now - (ngx_http_websocket_clock_wall(now) - time);
    member->leave_message = *p++;
    member->size = value->data + value->size - p;

    ngx_memcpy(member->data, p, member->size);

    return NGX_OK;
}
