
#include "protocol/ngx_http_websocket_centrifuge_control.h"
#include "broker/ngx_http_websocket_mailbox.h"
#include "clock/ngx_http_websocket_turn.h"
#include "protocol/ngx_http_websocket_centrifuge_emulated.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "protocol/ngx_http_websocket_centrifuge_server.h"
#include "protocol/ngx_http_websocket_centrifuge_subscribe.h"
#include "protocol/ngx_http_websocket_centrifuge_token.h"


/* steps of a turn's work for a session that is meant */
#define NGX_HTTP_WEBSOCKET_CONTROL_STEPS  8


/*
 * Does to a session what was said.  Returns NGX_OK, or NGX_AGAIN when it is to
 * be tried again.
 */
typedef ngx_int_t (*ngx_http_websocket_control_pt)(ngx_http_websocket_session_t *s,
    json_t *call);


static ngx_int_t ngx_http_websocket_control_take(
    ngx_http_websocket_letter_t *letter);
static ngx_int_t ngx_http_websocket_control_lost(
    ngx_http_websocket_letter_t *letter);
static ngx_int_t ngx_http_websocket_control_all(
    ngx_http_websocket_letter_t *letter, json_t *call,
    ngx_http_websocket_control_pt handler);
static ngx_uint_t ngx_http_websocket_control_is_meant(
    ngx_http_websocket_session_t *s, ngx_http_websocket_zone_t *zone,
    json_t *call);
static ngx_uint_t ngx_http_websocket_control_is_listed(
    ngx_http_websocket_centrifuge_t *client, json_t *list);
static ngx_uint_t ngx_http_websocket_control_same(json_t *json,
    const u_char *data, size_t size);
static ngx_int_t ngx_http_websocket_control_unsubscribe(
    ngx_http_websocket_session_t *s, json_t *call);
static ngx_int_t ngx_http_websocket_control_disconnect(
    ngx_http_websocket_session_t *s, json_t *call);
static ngx_int_t ngx_http_websocket_control_refresh(
    ngx_http_websocket_session_t *s, json_t *call);


static const ngx_http_websocket_reader_t  ngx_http_websocket_control_reader = {
    ngx_http_websocket_control_take,
    ngx_http_websocket_control_lost,
    0
};


static const struct {
    const char                     *method;
    ngx_http_websocket_control_pt   handler;

} ngx_http_websocket_controls[] = {
    { "subscribe", ngx_http_websocket_centrifuge_server_subscribe },
    { "unsubscribe", ngx_http_websocket_control_unsubscribe },
    { "disconnect", ngx_http_websocket_control_disconnect },
    { "refresh", ngx_http_websocket_control_refresh },
    { NULL, NULL }
};


void
ngx_http_websocket_centrifuge_control_init(void)
{
    ngx_http_websocket_mailbox_reader(NGX_HTTP_WEBSOCKET_LETTER_CONTROL,
                                      &ngx_http_websocket_control_reader);
}


static ngx_int_t
ngx_http_websocket_control_take(ngx_http_websocket_letter_t *letter)
{
    json_t      *call;
    ngx_int_t    rc;
    ngx_uint_t   i;
    const char  *method;

    call = letter->work;

    if (call == NULL) {
        ngx_http_websocket_turn_worked(1 + letter->size / 256);

        call = letter->cut ? NULL
                           : json_loadb((char *) letter->data, letter->size, 0,
                                        NULL);

        if (call == NULL) {

            /* too many wait, or memory was refused */

            return ngx_http_websocket_control_lost(letter);
        }

        letter->work = call;
    }

    method = json_string_value(json_object_get(call, "method"));

    for (i = 0; ngx_http_websocket_controls[i].method; i++) {

        if (method
            && ngx_strcmp(method, ngx_http_websocket_controls[i].method) == 0)
        {
            break;
        }
    }

    rc = ngx_http_websocket_controls[i].method
         ? ngx_http_websocket_control_all(letter, call,
                                       ngx_http_websocket_controls[i].handler)
         : NGX_OK;

    if (rc == NGX_OK) {
        json_decref(call);
    }

    return rc;
}


static ngx_int_t
ngx_http_websocket_control_all(ngx_http_websocket_letter_t *letter,
    json_t *call, ngx_http_websocket_control_pt handler)
{
    json_t                        *client;
    uint64_t                       place;
    ngx_str_t                      user;
    ngx_uint_t                     steps;
    ngx_http_websocket_session_t  *s;

    client = json_object_get(call, "client");

    if (json_string_length(client) == NGX_HTTP_WEBSOCKET_UUID) {

        s = ngx_http_websocket_index_find(
                 ngx_http_websocket_centrifuge_client_id(
                                       (u_char *) json_string_value(client)));

        return s && ngx_http_websocket_control_is_meant(s, letter->zone, call)
               ? handler(s, call) : NGX_OK;
    }

    user.data = (u_char *) json_string_value(json_object_get(call, "user"));
    user.len = json_string_length(json_object_get(call, "user"));

    for ( ;; ) {
        place = letter->place;
        s = ngx_http_websocket_index_next(&user, &letter->place);

        if (s == NULL) {
            return NGX_OK;
        }

        steps = 1;

        if (ngx_http_websocket_control_is_meant(s, letter->zone, call)) {
            steps = NGX_HTTP_WEBSOCKET_CONTROL_STEPS;

            if (handler(s, call) == NGX_AGAIN) {
                letter->place = place;
                return NGX_AGAIN;
            }
        }

        if (ngx_http_websocket_turn_step(steps)) {
            return NGX_AGAIN;
        }
    }
}


/* none of those that may have been meant lives on */

static ngx_int_t
ngx_http_websocket_control_lost(ngx_http_websocket_letter_t *letter)
{
    ngx_http_websocket_session_t  *s;

    while ((s = ngx_http_websocket_index_next(NULL, &letter->place)) != NULL) {

        if (ngx_http_websocket_protocol_of(s)->choice
            && s->conf->zone == letter->zone)
        {
            ngx_http_websocket_session_close(s,
                                             NGX_HTTP_WEBSOCKET_REASON_LOST);
        }

        if (ngx_http_websocket_turn_step(1)) {
            return NGX_AGAIN;
        }
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_websocket_control_is_meant(ngx_http_websocket_session_t *s,
    ngx_http_websocket_zone_t *zone, json_t *call)
{
    ngx_str_t                         user;
    ngx_str_t                         secret;
    ngx_http_websocket_centrifuge_t  *client;

    if (ngx_http_websocket_protocol_of(s)->choice == NULL
        || s->conf->zone != zone || s->close_queued || s->detached)
    {
        return 0;
    }

    client = ngx_http_websocket_centrifuge_of(s);

    ngx_http_websocket_centrifuge_user(client, &user);
    ngx_http_websocket_emulated_secret(client->emulated, &secret);

    return ngx_http_websocket_control_same(json_object_get(call, "user"),
                                           user.data, user.len)
           && (json_string_length(json_object_get(call, "client")) == 0
               || ngx_http_websocket_control_same(
                                     json_object_get(call, "client"),
                                     client->client, NGX_HTTP_WEBSOCKET_UUID))
           && (json_string_length(json_object_get(call, "session")) == 0
               || ngx_http_websocket_control_same(
                                             json_object_get(call, "session"),
                                                  secret.data, secret.len))
           && !ngx_http_websocket_control_is_listed(client,
                                          json_object_get(call, "whitelist"));
}


static ngx_uint_t
ngx_http_websocket_control_is_listed(ngx_http_websocket_centrifuge_t *client,
    json_t *list)
{
    size_t   i;
    json_t  *one;

    json_array_foreach(list, i, one) {

        if (ngx_http_websocket_control_same(one, client->client,
                                            NGX_HTTP_WEBSOCKET_UUID))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_websocket_control_same(json_t *json, const u_char *data, size_t size)
{
    return json_string_length(json) == size
           && (size == 0 || ngx_memcmp(json_string_value(json), data, size)
                            == 0);
}


/*
 * Of one channel, or of all.  A subscribe that was not answered yet comes
 * after it.
 */

static ngx_int_t
ngx_http_websocket_control_unsubscribe(ngx_http_websocket_session_t *s,
    json_t *call)
{
    json_t                             *channel;
    ngx_str_t                           name;
    ngx_http_websocket_subscription_t  *sub, *next;

    channel = json_object_get(call, "channel");

    for (sub = ngx_http_websocket_subscription_next(s, NULL); sub; sub = next)
    {
        next = ngx_http_websocket_subscription_next(s, sub);

        if (!sub->active || ngx_http_websocket_centrifuge_is_new(s, sub)) {
            continue;
        }

        ngx_http_websocket_channel_name(ngx_http_websocket_hub_name(sub),
                                        &name);

        if (json_string_length(channel)
            && !ngx_http_websocket_control_same(channel, name.data, name.len))
        {
            continue;
        }

        ngx_http_websocket_centrifuge_unsubscribed(s, &name,
                                       NGX_HTTP_WEBSOCKET_UNSUBSCRIBED_SERVER);
        ngx_http_websocket_session_unsubscribe(s, sub);

        ngx_http_websocket_turn_worked(NGX_HTTP_WEBSOCKET_CONTROL_STEPS);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_websocket_control_disconnect(ngx_http_websocket_session_t *s,
    json_t *call)
{
    json_t      *disconnect;
    uint16_t     code;
    const char  *reason;

    disconnect = json_object_get(call, "disconnect");
    code = (uint16_t) json_integer_value(json_object_get(disconnect, "code"));
    reason = json_string_value(json_object_get(disconnect, "reason"));

    if (code == 0) {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                         NGX_HTTP_WEBSOCKET_DISCONNECT_FORCED);
    }

    ngx_http_websocket_session_close_code(s, code, reason ? reason : "");

    return NGX_OK;
}


/* when the connection ends, and what others are told of its user */

static ngx_int_t
ngx_http_websocket_control_refresh(ngx_http_websocket_session_t *s,
    json_t *call)
{
    json_t                           *json;
    time_t                            expires;
    ngx_str_t                         user, info;
    ngx_websocket_json_text_t         text;
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (json_is_true(json_object_get(call, "expired"))) {
        return ngx_http_websocket_centrifuge_disconnect(s,
                                        NGX_HTTP_WEBSOCKET_DISCONNECT_EXPIRED);
    }

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));
    ngx_str_null(&info);

    ngx_http_websocket_centrifuge_user(client, &user);

    if (client->identity) {
        info = client->identity->info;
    }

    json = json_object_get(call, "info");

    if (json) {
        ngx_websocket_json_append_value(&text, json);

        info.data = (u_char *) text.data;
        info.len = text.size;
    }

    expires = (time_t) json_integer_value(json_object_get(call, "expire_at"));

    if (text.failed
        || ngx_http_websocket_centrifuge_identity(s, &user, &info, expires)
           != NGX_OK)
    {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);

    } else {
        ngx_http_websocket_centrifuge_refreshed(s,
                                   ngx_http_websocket_centrifuge_ttl(expires));
        ngx_http_websocket_session_schedule(s);
    }

    ngx_websocket_json_text_done(&text);

    return NGX_OK;
}
