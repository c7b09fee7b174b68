
#include "session/ngx_http_websocket_presence.h"
#include "broker/ngx_http_websocket_broker.h"
#include "clock/ngx_http_websocket_clock.h"
#include "message/event.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_linger.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_subscription.h"
#include "wire/frame.h"


/* the longest name as a JSON string */
#define NGX_HTTP_WEBSOCKET_FROM_SIZE     156

/* a session's id, in hexadecimal digits */
#define NGX_HTTP_WEBSOCKET_SESSION_SIZE  16

/* what the events of a member are, in its leave_message */
#define NGX_HTTP_WEBSOCKET_TELL_LEAVE    0x01
#define NGX_HTTP_WEBSOCKET_TELL_ONCE     0x02   /* a session without a record of
                                                   what is told of it */


static ngx_uint_t ngx_http_websocket_presence_wanted(
    ngx_http_websocket_session_t *s);
static size_t ngx_http_websocket_presence_data(
    ngx_http_websocket_session_t *s, u_char *data);
static void ngx_http_websocket_presence_leave_message(ngx_str_t *channel,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p);
static size_t ngx_http_websocket_presence_name(ngx_str_t *name);
static void ngx_http_websocket_presence_event(unsigned mark,
    ngx_str_t *channel, ngx_websocket_store_member_t *member,
    ngx_http_websocket_publish_t *p);
static ngx_uint_t ngx_http_websocket_presence_told(ngx_str_t *channel,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p);


ngx_int_t
ngx_http_websocket_presence_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r)
{
    u_char     *p;
    size_t      size;
    ngx_str_t   name;

    if (!ngx_http_websocket_presence_wanted(s)
        || s->conf->presence_from == NULL)
    {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, s->conf->presence_from, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    size = ngx_http_websocket_presence_name(&name);

    if (size == 0) {
        return NGX_OK;
    }

    if (ngx_http_websocket_extra_create(s) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_alloc(NGX_WEBSOCKET_META_HEAD + size, s->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    s->record->aside->extra->member = p;

    p = ngx_websocket_meta_head(p, NGX_WEBSOCKET_META_USER, size);
    ngx_memcpy(p, name.data, size);

    return NGX_OK;
}


/* a client that polls comes and goes all the time */

static ngx_uint_t
ngx_http_websocket_presence_wanted(ngx_http_websocket_session_t *s)
{
    return !ngx_http_websocket_protocol_of(s)->once
           && (s->conf->presence || s->conf->events);
}


ngx_int_t
ngx_http_websocket_presence_join(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription)
{
    size_t  size;
    u_char  data[NGX_WEBSOCKET_STORE_MEMBER_SIZE];

    if (!ngx_http_websocket_presence_wanted(s)) {
        return NGX_OK;
    }

    size = ngx_http_websocket_presence_data(s, data);

    return ngx_http_websocket_presence_join_as(s, subscription, data, size,
                                               s->conf->events);
}


ngx_int_t
ngx_http_websocket_presence_join_as(ngx_http_websocket_session_t *s,
    ngx_http_websocket_subscription_t *subscription, u_char *data, size_t size,
    ngx_uint_t events)
{
    ngx_int_t                      rc;
    ngx_str_t                      channel;
    ngx_websocket_store_part_t     parts[NGX_HTTP_WEBSOCKET_PARTS];
    ngx_http_websocket_publish_t   p;
    ngx_websocket_store_member_t   member;
    ngx_websocket_store_history_t  history;

    member.id = s->record->id;
    member.time = ngx_http_websocket_clock_now();
    member.size = size;
    member.leave_message = 0;

    ngx_memcpy(member.data, data, size);

    if (events & NGX_HTTP_WEBSOCKET_LEAVE) {
        member.leave_message |= NGX_HTTP_WEBSOCKET_TELL_LEAVE;
    }

    if (events & NGX_HTTP_WEBSOCKET_UNRECORDED) {
        member.leave_message |= NGX_HTTP_WEBSOCKET_TELL_ONCE;
    }

    ngx_str_null(&p.channel);
    p.history = NULL;
    p.parts = parts;
    p.n = 0;
    p.describe = 0;

    if (events & NGX_HTTP_WEBSOCKET_JOIN) {
        ngx_http_websocket_channel_name(
                                     ngx_http_websocket_hub_name(subscription),
                                     &channel);
        ngx_http_websocket_presence_event(NGX_WEBSOCKET_META_JOIN, &channel,
                                          &member, &p);
    }

    /* other nodes may hear of the channel by this message first */

    if (s->conf->zone->remote && p.channel.len == 0) {
        p.history = ngx_http_websocket_conf_history(s->conf, &history);
    }

    rc = s->conf->zone->broker->join(subscription, &member, &p);

    if (rc == NGX_HTTP_WEBSOCKET_ROOM_FULL) {
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket zone \"%V\" has no space for one more "
                      "member of a channel", &s->conf->zone->name);
    }

    return rc == NGX_HTTP_WEBSOCKET_ROOM_STUCK ? NGX_AGAIN : NGX_OK;
}


void
ngx_http_websocket_presence_leave(
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_websocket_member_ref_t      ref;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_session_t   *s;
    ngx_http_websocket_loc_conf_t  *conf;

    if (!subscription->active || subscription->member == 0) {
        return;
    }

    s = ngx_http_websocket_session_of(subscription);
    conf = s->conf;
    zone = conf->zone;

    ref = subscription->member;
    subscription->member = 0;

    if (conf->events_delay
        && ngx_http_websocket_protocol_of(s)->choice == NULL
        && ngx_http_websocket_linger(zone, ref, conf->events_delay,
                                   ngx_http_websocket_presence_leave_message)
           == NGX_OK)
    {
        return;
    }

    zone->broker->leave(zone, ref, ngx_http_websocket_presence_leave_message);
}


ngx_uint_t
ngx_http_websocket_presence_reap(ngx_http_websocket_zone_t *zone)
{
    return zone->broker->reap_members(zone,
                                  ngx_http_websocket_presence_leave_message);
}


static void
ngx_http_websocket_presence_leave_message(ngx_str_t *channel,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p)
{
    if (member->leave_message & NGX_HTTP_WEBSOCKET_TELL_LEAVE) {
        ngx_http_websocket_presence_event(NGX_WEBSOCKET_META_LEAVE, channel,
                                          member, p);
    }
}


/* a member's data are the parts of meta of its events */

static size_t
ngx_http_websocket_presence_data(ngx_http_websocket_session_t *s, u_char *data)
{
    u_char    *p, *from;
    size_t     size;
    uint32_t   hash;

    p = data;
    from = s->record->aside->extra ? s->record->aside->extra->member : NULL;

    if (from) {
        size = ngx_websocket_meta_size(from);
        p = ngx_cpymem(p, from, size);
    }

    p = ngx_websocket_meta_head(p, NGX_WEBSOCKET_META_CLIENT,
                                NGX_HTTP_WEBSOCKET_SESSION_SIZE);
    p = ngx_sprintf(p, "%016xL", s->record->id);

    if (s->conf->events_channel.len) {
        hash = ngx_murmur_hash2(s->conf->events_channel.data,
                                s->conf->events_channel.len);

        p = ngx_websocket_meta_head(p, NGX_WEBSOCKET_META_TOLD, sizeof(hash));
        p = ngx_cpymem(p, &hash, sizeof(hash));
    }

    return p - data;
}


/*
 * Returns how many bytes of a name are told: as many as make a JSON string of
 * NGX_HTTP_WEBSOCKET_FROM_SIZE bytes at most; 0 if the name is not UTF-8.
 */

static size_t
ngx_http_websocket_presence_name(ngx_str_t *name)
{
    char     string[NGX_HTTP_WEBSOCKET_FROM_SIZE];
    size_t   len, size;
    json_t  *json;

    /* cut where it is too long, but not within a character */

    for (len = name->len; len > 0; len--) {

        if (len < name->len && (name->data[len] & 0xc0) == 0x80) {
            continue;
        }

        json = json_stringn((char *) name->data, len);

        if (json == NULL) {
            break;
        }

        size = json_dumpb(json, string, NGX_HTTP_WEBSOCKET_FROM_SIZE,
                          JSON_ENCODE_ANY);
        json_decref(json);

        if (size && size <= NGX_HTTP_WEBSOCKET_FROM_SIZE) {
            return len;
        }

        /*
         * bytes that would not fit even without an escape need not be looked at
         */

        len = ngx_min(len, NGX_HTTP_WEBSOCKET_FROM_SIZE);
    }

    return 0;
}


/* the parts are valid until the next call, and as long as the member */

static void
ngx_http_websocket_presence_event(unsigned mark, ngx_str_t *channel,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p)
{
    static u_char  head[NGX_WEBSOCKET_EVENT_SIZE];

    ngx_memzero(&p->message, sizeof(ngx_websocket_store_message_t));

    ngx_http_websocket_clock_stamp(&p->message);
    p->message.type = NGX_WEBSOCKET_TEXT;
    p->message.priority = NGX_HTTP_WEBSOCKET_NORMAL;
    p->message.source = member->id;
    p->message.ephemeral = (member->leave_message
                            & NGX_HTTP_WEBSOCKET_TELL_ONCE)
                           != 0;
    p->message.meta = sizeof(head) + member->size;

    ngx_websocket_event_write(head, mark,
                              ngx_http_websocket_clock_wall(p->message.time));

    p->parts[0].data = head;
    p->parts[0].size = sizeof(head);
    p->parts[1].data = member->data;
    p->parts[1].size = member->size;
    p->n = ngx_http_websocket_presence_told(channel, member, p);
}


/*
 * If the member's events are published in another channel, the message is for
 * that one, and the member's own channel is one more part.  Returns the number
 * of parts: 0 where no configuration knows the channel any more.
 */

static ngx_uint_t
ngx_http_websocket_presence_told(ngx_str_t *channel,
    ngx_websocket_store_member_t *member, ngx_http_websocket_publish_t *p)
{
    uint32_t                         hash;
    ngx_str_t                       *name;
    ngx_uint_t                       i;
    const uint8_t                   *told;
    ngx_http_websocket_main_conf_t  *wmcf;

    static u_char  own[NGX_WEBSOCKET_META_HEAD
                       + NGX_WEBSOCKET_STORE_NAME_SIZE];

    if (ngx_websocket_meta_find(member->data, member->size,
                                NGX_WEBSOCKET_META_TOLD, &told)
        != sizeof(hash))
    {
        return 2;
    }

    ngx_memcpy(&hash, told, sizeof(hash));

    wmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_websocket_module);
    name = wmcf->events ? wmcf->events->elts : NULL;

    for (i = 0; name && i < wmcf->events->nelts; i++) {

        if (ngx_murmur_hash2(name[i].data, name[i].len) != hash) {
            continue;
        }

        ngx_memcpy(ngx_websocket_meta_head(own, NGX_WEBSOCKET_META_CHANNEL,
                                           channel->len),
                   channel->data, channel->len);

        p->channel = name[i];
        p->parts[2].data = own;
        p->parts[2].size = NGX_WEBSOCKET_META_HEAD + channel->len;
        p->message.meta += p->parts[2].size;

        return 3;
    }

    return 0;
}
