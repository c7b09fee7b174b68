
#include "session/ngx_http_websocket_presence.h"
#include "broker/ngx_http_websocket_broker.h"
#include "clock/ngx_http_websocket_clock.h"
#include "session/ngx_http_websocket_extra.h"
#include "session/ngx_http_websocket_protocol.h"
#include "session/ngx_http_websocket_subscription.h"
#include "wire/frame.h"


/* "from": and ,"session":"0123456789abcdef" */
#define NGX_HTTP_WEBSOCKET_FROM_SIZE  (NGX_WEBSOCKET_STORE_MEMBER_SIZE        \
                                       - (sizeof("\"from\":") - 1)            \
                                       - (sizeof(",\"session\":\"\"") - 1) - 16)


static ngx_uint_t ngx_http_websocket_presence_wanted(
    ngx_http_websocket_session_t *s);
static void ngx_http_websocket_presence_member(
    ngx_http_websocket_session_t *s, ngx_websocket_store_member_t *member);
static size_t ngx_http_websocket_presence_leave_message(
    ngx_websocket_store_member_t *member,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts);
static u_char *ngx_http_websocket_presence_name(u_char *p, ngx_str_t *name);
static size_t ngx_http_websocket_presence_event(char *type,
    ngx_websocket_store_member_t *member,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts);


ngx_int_t
ngx_http_websocket_presence_begin(ngx_http_websocket_session_t *s,
    ngx_http_request_t *r)
{
    u_char     *p, *last;
    ngx_str_t   name;
    u_char      from[NGX_HTTP_WEBSOCKET_FROM_SIZE + 1];

    if (!ngx_http_websocket_presence_wanted(s)
        || s->conf->presence_from == NULL)
    {
        return NGX_OK;
    }

    if (ngx_http_complex_value(r, s->conf->presence_from, &name) != NGX_OK) {
        return NGX_ERROR;
    }

    if (name.len == 0) {
        return NGX_OK;
    }

    last = ngx_http_websocket_presence_name(from, &name);
    *last++ = '\0';

    if (ngx_http_websocket_extra_create(s) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_alloc(last - from, s->connection->log);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, from, last - from);
    s->record->aside->extra->member = p;

    return NGX_OK;
}


/* who polls comes and goes all the time */

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
    ngx_int_t                     rc;
    ngx_websocket_store_part_t    parts[NGX_HTTP_WEBSOCKET_PARTS];
    ngx_http_websocket_publish_t  p;
    ngx_websocket_store_member_t  member;

    if (!ngx_http_websocket_presence_wanted(s)) {
        return NGX_OK;
    }

    ngx_http_websocket_presence_member(s, &member);

    p.parts = parts;
    p.n = 0;

    if (s->conf->events & NGX_HTTP_WEBSOCKET_JOIN) {
        p.n = ngx_http_websocket_presence_event("join", &member, &p.message,
                                                parts);
    }

    rc = s->conf->zone->broker->join(subscription, &member, &p);

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_ERR, s->connection->log, 0,
                      "websocket zone \"%V\" has no space for one more "
                      "member of a channel", &s->conf->zone->name);
    }

    return rc == NGX_AGAIN ? NGX_AGAIN : NGX_OK;
}


void
ngx_http_websocket_presence_leave(
    ngx_http_websocket_subscription_t *subscription)
{
    ngx_http_websocket_session_t  *s;

    s = ngx_http_websocket_session_of(subscription);

    s->conf->zone->broker->leave(subscription,
                                 ngx_http_websocket_presence_leave_message);
}


ngx_uint_t
ngx_http_websocket_presence_reap(ngx_http_websocket_zone_t *zone)
{
    return zone->broker->reap_members(zone,
                                  ngx_http_websocket_presence_leave_message);
}


/* fills in the message and its parts; returns how many, 0 for none */

static size_t
ngx_http_websocket_presence_leave_message(ngx_websocket_store_member_t *member,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts)
{
    return member->leave_message ? ngx_http_websocket_presence_event("leave",
                                                                     member,
                                                             message, parts)
                         : 0;
}


static void
ngx_http_websocket_presence_member(ngx_http_websocket_session_t *s,
    ngx_websocket_store_member_t *member)
{
    u_char  *p, *from;

    from = s->record->aside->extra ? s->record->aside->extra->member : NULL;

    p = ngx_sprintf(member->data, "\"from\":%s",
                    from ? (char *) from : "null");
    p = ngx_sprintf(p, ",\"session\":\"%016xL\"", s->record->id);

    member->id = s->record->id;
    member->time = ngx_http_websocket_clock_now();
    member->size = p - member->data;
    member->leave_message = (s->conf->events & NGX_HTTP_WEBSOCKET_LEAVE) != 0;
}


/* as a JSON string of up to NGX_HTTP_WEBSOCKET_FROM_SIZE bytes, or null */

static u_char *
ngx_http_websocket_presence_name(u_char *p, ngx_str_t *name)
{
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

        size = json_dumpb(json, (char *) p, NGX_HTTP_WEBSOCKET_FROM_SIZE,
                          JSON_ENCODE_ANY);
        json_decref(json);

        if (size && size <= NGX_HTTP_WEBSOCKET_FROM_SIZE) {
            return p + size;
        }

        /* what is beyond the room even without an escape */

        len = ngx_min(len, NGX_HTTP_WEBSOCKET_FROM_SIZE);
    }

    return ngx_cpymem(p, "null", 4);
}


/* returns the number of parts, which are valid until the next call */

static size_t
ngx_http_websocket_presence_event(char *type,
    ngx_websocket_store_member_t *member,
    ngx_websocket_store_message_t *message, ngx_websocket_store_part_t *parts)
{
    uint64_t       wall;
    ngx_tm_t       tm;
    static u_char  head[sizeof("{\"type\":\"leave\",")];
    static u_char  tail[sizeof(",\"time\":\"1970-09-28T12:00:00.000Z\"}") + 8];

    ngx_memzero(message, sizeof(ngx_websocket_store_message_t));

    ngx_http_websocket_clock_stamp(message);
    message->type = NGX_WEBSOCKET_TEXT;
    message->priority = NGX_HTTP_WEBSOCKET_NORMAL;
    message->source = member->id;

    wall = ngx_http_websocket_clock_wall(message->time);
    ngx_gmtime((time_t) (wall / 1000), &tm);

    parts[0].data = head;
    parts[0].size = ngx_sprintf(head, "{\"type\":\"%s\",", type) - head;

    parts[1].data = member->data;
    parts[1].size = member->size;

    parts[2].data = tail;
    parts[2].size = ngx_sprintf(tail, ",\"time\":\"%04d-%02d-%02dT"
                                "%02d:%02d:%02d.%03uiZ\"}",
                                tm.ngx_tm_year, tm.ngx_tm_mon,
                                tm.ngx_tm_mday, tm.ngx_tm_hour,
                                tm.ngx_tm_min, tm.ngx_tm_sec,
                                (ngx_uint_t) (wall % 1000))
                    - tail;

    return 3;
}
