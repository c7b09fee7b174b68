
#include <string.h>

#include "centrifuge/json_codec.h"
#include "centrifuge/json_command.h"
#include "centrifuge/request.h"
#include "message/tags.h"
#include "wire/frame.h"


#define ngx_websocket_json_constant(text, constant)                           \
    ngx_websocket_json_append(text, constant, sizeof(constant) - 1)


/* an object that is being written: the members that are not empty */

typedef struct {
    ngx_websocket_json_text_t    *text;
    int                           some;
} ngx_websocket_json_object_t;


static void ngx_websocket_json_publication(ngx_websocket_json_text_t *list,
    const ngx_websocket_publication_t *p);
static void ngx_websocket_json_member(ngx_websocket_json_text_t *list,
    const ngx_websocket_client_info_t *info);
static void ngx_websocket_json_subscription(ngx_websocket_json_text_t *list,
    const ngx_websocket_bytes_t *channel, const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_reply(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_result(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_connected(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_subscribed(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_refreshed(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_history_of(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_error_of(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_json_push(ngx_websocket_json_text_t *text,
    const ngx_websocket_push_t *push);
static void ngx_websocket_json_published(ngx_websocket_json_text_t *text,
    const ngx_websocket_publication_t *p);
static void ngx_websocket_json_tags(ngx_websocket_json_text_t *text,
    const ngx_websocket_bytes_t *packed);
static void ngx_websocket_json_info(ngx_websocket_json_text_t *text,
    const ngx_websocket_client_info_t *info);
static void ngx_websocket_json_open_object(ngx_websocket_json_object_t *o,
    ngx_websocket_json_text_t *text);
static void ngx_websocket_json_close_object(ngx_websocket_json_object_t *o);
static void ngx_websocket_json_name(ngx_websocket_json_object_t *o,
    const char *name);
static void ngx_websocket_json_string(ngx_websocket_json_object_t *o,
    const char *name, const ngx_websocket_bytes_t *value);
static void ngx_websocket_json_raw(ngx_websocket_json_object_t *o,
    const char *name, const ngx_websocket_bytes_t *value);
static void ngx_websocket_json_number_if(ngx_websocket_json_object_t *o,
    const char *name, uint64_t value);
static void ngx_websocket_json_true_if(ngx_websocket_json_object_t *o,
    const char *name, int value);
static void ngx_websocket_json_bytes(ngx_websocket_json_text_t *text,
    const ngx_websocket_bytes_t *value);
static void ngx_websocket_json_digits(ngx_websocket_json_text_t *text,
    uint64_t value);


const ngx_websocket_codec_t  ngx_websocket_json_codec = {
    NGX_WEBSOCKET_TEXT,
    0,
    ngx_websocket_json_command,
    ngx_websocket_json_filter,
    ngx_websocket_json_subs,
    ngx_websocket_json_publication,
    ngx_websocket_json_member,
    ngx_websocket_json_subscription,
    ngx_websocket_json_reply,
    ngx_websocket_json_push,
    { "{}", 2 }
};


static void
ngx_websocket_json_publication(ngx_websocket_json_text_t *list,
    const ngx_websocket_publication_t *p)
{
    if (list->size) {
        ngx_websocket_json_constant(list, ",");
    }

    ngx_websocket_json_published(list, p);
}


static void
ngx_websocket_json_member(ngx_websocket_json_text_t *list,
    const ngx_websocket_client_info_t *info)
{
    if (list->size) {
        ngx_websocket_json_constant(list, ",");
    }

    ngx_websocket_json_bytes(list, &info->client);
    ngx_websocket_json_constant(list, ":");
    ngx_websocket_json_info(list, info);
}


static void
ngx_websocket_json_subscription(ngx_websocket_json_text_t *list,
    const ngx_websocket_bytes_t *channel, const ngx_websocket_reply_t *reply)
{
    ngx_websocket_json_object_t  o;

    if (list->size) {
        ngx_websocket_json_constant(list, ",");
    }

    ngx_websocket_json_bytes(list, channel);
    ngx_websocket_json_constant(list, ":");
    ngx_websocket_json_open_object(&o, list);
    ngx_websocket_json_subscribed(&o, reply);
    ngx_websocket_json_close_object(&o);
}


static void
ngx_websocket_json_reply(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_json_object_t  all, result;

    ngx_websocket_json_open_object(&all, text);
    ngx_websocket_json_number_if(&all, "id", reply->id);

    if (reply->error) {
        ngx_websocket_json_name(&all, "error");
        ngx_websocket_json_error_of(text, reply);

    } else {
        ngx_websocket_json_name(&all, ngx_websocket_requests[reply->kind].name);
        ngx_websocket_json_open_object(&result, text);
        ngx_websocket_json_result(&result, reply);
        ngx_websocket_json_close_object(&result);
    }

    ngx_websocket_json_close_object(&all);
}


/* the other kinds have nothing in their result */

static void
ngx_websocket_json_result(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply)
{
    switch (reply->kind) {

    case NGX_WEBSOCKET_COMMAND_CONNECT:
        ngx_websocket_json_connected(o, reply);
        break;

    case NGX_WEBSOCKET_COMMAND_SUBSCRIBE:
        ngx_websocket_json_subscribed(o, reply);
        break;

    case NGX_WEBSOCKET_COMMAND_PRESENCE:
        ngx_websocket_json_name(o, "presence");
        ngx_websocket_json_constant(o->text, "{");
        ngx_websocket_json_append(o->text, reply->list.data,
                                  reply->list.size);
        ngx_websocket_json_constant(o->text, "}");
        break;

    case NGX_WEBSOCKET_COMMAND_PRESENCE_STATS:
        ngx_websocket_json_name(o, "num_clients");
        ngx_websocket_json_digits(o->text, reply->clients);
        ngx_websocket_json_name(o, "num_users");
        ngx_websocket_json_digits(o->text, reply->users);
        break;

    case NGX_WEBSOCKET_COMMAND_HISTORY:
        ngx_websocket_json_history_of(o, reply);
        break;

    case NGX_WEBSOCKET_COMMAND_RPC:
        ngx_websocket_json_raw(o, "data", &reply->data);
        break;

    case NGX_WEBSOCKET_COMMAND_REFRESH:
    case NGX_WEBSOCKET_COMMAND_SUB_REFRESH:
        ngx_websocket_json_refreshed(o, reply);
        break;

    default:
        break;
    }
}


static void
ngx_websocket_json_connected(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_json_refreshed(o, reply);
    ngx_websocket_json_raw(o, "data", &reply->data);

    if (reply->list.size) {
        ngx_websocket_json_name(o, "subs");
        ngx_websocket_json_constant(o->text, "{");
        ngx_websocket_json_append(o->text, reply->list.data,
                                  reply->list.size);
        ngx_websocket_json_constant(o->text, "}");
    }

    ngx_websocket_json_number_if(o, "ping", reply->ping);
    ngx_websocket_json_true_if(o, "pong", reply->pong);
    ngx_websocket_json_string(o, "session", &reply->session);
    ngx_websocket_json_string(o, "node", &reply->node);
}


static void
ngx_websocket_json_refreshed(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_json_string(o, "client", &reply->client);
    ngx_websocket_json_string(o, "version", &reply->version);
    ngx_websocket_json_true_if(o, "expires", reply->expires);
    ngx_websocket_json_number_if(o, "ttl", reply->ttl);
}


static void
ngx_websocket_json_subscribed(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_json_true_if(o, "expires", reply->expires);
    ngx_websocket_json_number_if(o, "ttl", reply->ttl);
    ngx_websocket_json_true_if(o, "recoverable", reply->recoverable);
    ngx_websocket_json_string(o, "epoch", &reply->epoch);

    if (reply->list.size) {
        ngx_websocket_json_name(o, "publications");
        ngx_websocket_json_constant(o->text, "[");
        ngx_websocket_json_append(o->text, reply->list.data,
                                  reply->list.size);
        ngx_websocket_json_constant(o->text, "]");
    }

    ngx_websocket_json_true_if(o, "recovered", reply->recovered);
    ngx_websocket_json_number_if(o, "offset", reply->offset);
    ngx_websocket_json_true_if(o, "positioned", reply->positioned);
    ngx_websocket_json_raw(o, "data", &reply->data);
    ngx_websocket_json_true_if(o, "was_recovering", reply->was_recovering);
    ngx_websocket_json_true_if(o, "delta", reply->delta);
}


static void
ngx_websocket_json_history_of(ngx_websocket_json_object_t *o,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_json_name(o, "publications");
    ngx_websocket_json_constant(o->text, "[");
    ngx_websocket_json_append(o->text, reply->list.data, reply->list.size);
    ngx_websocket_json_constant(o->text, "]");

    ngx_websocket_json_name(o, "epoch");
    ngx_websocket_json_bytes(o->text, &reply->epoch);

    ngx_websocket_json_name(o, "offset");
    ngx_websocket_json_digits(o->text, reply->offset);
}


static void
ngx_websocket_json_error_of(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    const char                   *message;
    ngx_websocket_json_object_t   o;

    message = reply->reason ? reply->reason
                            : ngx_websocket_request_error(reply->error);

    ngx_websocket_json_open_object(&o, text);
    ngx_websocket_json_number_if(&o, "code", reply->error);

    ngx_websocket_json_name(&o, "message");
    ngx_websocket_json_append_string(text, message, strlen(message));

    ngx_websocket_json_true_if(&o, "temporary",
                               ngx_websocket_request_temporary(reply->error));
    ngx_websocket_json_close_object(&o);
}


static void
ngx_websocket_json_push(ngx_websocket_json_text_t *text,
    const ngx_websocket_push_t *push)
{
    ngx_websocket_json_object_t  all, o;

    ngx_websocket_json_constant(text, "{\"push\":");
    ngx_websocket_json_open_object(&all, text);
    ngx_websocket_json_string(&all, "channel", &push->channel);

    switch (push->kind) {

    case NGX_WEBSOCKET_PUSH_PUBLICATION:
        ngx_websocket_json_name(&all, "pub");
        ngx_websocket_json_published(text, &push->publication);
        break;

    case NGX_WEBSOCKET_PUSH_UNSUBSCRIBE:
    case NGX_WEBSOCKET_PUSH_DISCONNECT:
        ngx_websocket_json_name(&all,
                                push->kind == NGX_WEBSOCKET_PUSH_UNSUBSCRIBE
                                ? "unsubscribe" : "disconnect");
        ngx_websocket_json_open_object(&o, text);
        ngx_websocket_json_number_if(&o, "code", push->code);
        ngx_websocket_json_name(&o, "reason");
        ngx_websocket_json_append_string(text, push->reason,
                                         strlen(push->reason));
        ngx_websocket_json_close_object(&o);
        break;

    case NGX_WEBSOCKET_PUSH_REFRESH:
        ngx_websocket_json_name(&all, "refresh");
        ngx_websocket_json_open_object(&o, text);
        ngx_websocket_json_true_if(&o, "expires", push->ttl != 0);
        ngx_websocket_json_number_if(&o, "ttl", push->ttl);
        ngx_websocket_json_close_object(&o);
        break;

    case NGX_WEBSOCKET_PUSH_SUBSCRIBE:
        ngx_websocket_json_name(&all, "subscribe");
        ngx_websocket_json_open_object(&o, text);
        ngx_websocket_json_true_if(&o, "recoverable",
                                   push->subscribed->recoverable);
        ngx_websocket_json_string(&o, "epoch", &push->subscribed->epoch);
        ngx_websocket_json_number_if(&o, "offset", push->subscribed->offset);
        ngx_websocket_json_true_if(&o, "positioned",
                                   push->subscribed->positioned);
        ngx_websocket_json_raw(&o, "data", &push->subscribed->data);
        ngx_websocket_json_close_object(&o);
        break;

    default:  /* NGX_WEBSOCKET_PUSH_JOIN, NGX_WEBSOCKET_PUSH_LEAVE */
        ngx_websocket_json_name(&all, push->kind == NGX_WEBSOCKET_PUSH_JOIN
                                      ? "join" : "leave");
        ngx_websocket_json_open_object(&o, text);
        ngx_websocket_json_name(&o, "info");
        ngx_websocket_json_info(text, &push->publication.info);
        ngx_websocket_json_close_object(&o);
    }

    ngx_websocket_json_close_object(&all);
    ngx_websocket_json_constant(text, "}");
}


static void
ngx_websocket_json_published(ngx_websocket_json_text_t *text,
    const ngx_websocket_publication_t *p)
{
    ngx_websocket_json_object_t  o;

    ngx_websocket_json_open_object(&o, text);

    if (p->delta) {
        ngx_websocket_json_name(&o, "data");
        ngx_websocket_json_bytes(text, &p->data);

    } else {
        ngx_websocket_json_raw(&o, "data", &p->data);
    }

    if (p->info.client.data) {
        ngx_websocket_json_name(&o, "info");
        ngx_websocket_json_info(text, &p->info);
    }

    ngx_websocket_json_number_if(&o, "offset", p->offset);

    if (p->tags.size) {
        ngx_websocket_json_name(&o, "tags");
        ngx_websocket_json_tags(text, &p->tags);
    }

    ngx_websocket_json_true_if(&o, "delta",
                               p->delta == NGX_WEBSOCKET_DELTA_PATCH);
    ngx_websocket_json_close_object(&o);
}


static void
ngx_websocket_json_tags(ngx_websocket_json_text_t *text,
    const ngx_websocket_bytes_t *packed)
{
    size_t               i, n;
    ngx_websocket_tag_t  tags[NGX_WEBSOCKET_TAGS];

    n = ngx_websocket_tags_unpack((const uint8_t *) packed->data, packed->size,
                                  tags);

    for (i = 0; i < n; i++) {
        ngx_websocket_json_append(text, i ? "," : "{", 1);
        ngx_websocket_json_append_string(text, tags[i].name,
                                         tags[i].name_size);
        ngx_websocket_json_constant(text, ":");
        ngx_websocket_json_append_string(text, tags[i].value,
                                         tags[i].value_size);
    }

    ngx_websocket_json_constant(text, "}");
}


/* both names are always there */

static void
ngx_websocket_json_info(ngx_websocket_json_text_t *text,
    const ngx_websocket_client_info_t *info)
{
    ngx_websocket_json_object_t  o;

    ngx_websocket_json_open_object(&o, text);

    ngx_websocket_json_name(&o, "user");
    ngx_websocket_json_bytes(text, &info->user);

    ngx_websocket_json_name(&o, "client");
    ngx_websocket_json_bytes(text, &info->client);

    ngx_websocket_json_raw(&o, "conn_info", &info->conn_info);
    ngx_websocket_json_raw(&o, "chan_info", &info->chan_info);
    ngx_websocket_json_close_object(&o);
}


static void
ngx_websocket_json_open_object(ngx_websocket_json_object_t *o,
    ngx_websocket_json_text_t *text)
{
    o->text = text;
    o->some = 0;

    ngx_websocket_json_constant(text, "{");
}


static void
ngx_websocket_json_close_object(ngx_websocket_json_object_t *o)
{
    ngx_websocket_json_constant(o->text, "}");
}


/* with the comma before it, and the colon */

static void
ngx_websocket_json_name(ngx_websocket_json_object_t *o, const char *name)
{
    if (o->some) {
        ngx_websocket_json_constant(o->text, ",");
    }

    o->some = 1;

    ngx_websocket_json_constant(o->text, "\"");
    ngx_websocket_json_append(o->text, name, strlen(name));
    ngx_websocket_json_constant(o->text, "\":");
}


static void
ngx_websocket_json_string(ngx_websocket_json_object_t *o, const char *name,
    const ngx_websocket_bytes_t *value)
{
    if (value->size) {
        ngx_websocket_json_name(o, name);
        ngx_websocket_json_append_string(o->text, value->data, value->size);
    }
}


static void
ngx_websocket_json_raw(ngx_websocket_json_object_t *o, const char *name,
    const ngx_websocket_bytes_t *value)
{
    if (value->size) {
        ngx_websocket_json_name(o, name);
        ngx_websocket_json_append(o->text, value->data, value->size);
    }
}


static void
ngx_websocket_json_number_if(ngx_websocket_json_object_t *o, const char *name,
    uint64_t value)
{
    if (value) {
        ngx_websocket_json_name(o, name);
        ngx_websocket_json_digits(o->text, value);
    }
}


static void
ngx_websocket_json_true_if(ngx_websocket_json_object_t *o, const char *name,
    int value)
{
    if (value) {
        ngx_websocket_json_name(o, name);
        ngx_websocket_json_constant(o->text, "true");
    }
}


/* as a string, which may be empty */

static void
ngx_websocket_json_bytes(ngx_websocket_json_text_t *text,
    const ngx_websocket_bytes_t *value)
{
    ngx_websocket_json_append_string(text, value->size ? value->data : "",
                                     value->size);
}


static void
ngx_websocket_json_digits(ngx_websocket_json_text_t *text, uint64_t value)
{
    char  buf[20], *p;

    p = buf + sizeof(buf);

    do {
        *--p = (char) ('0' + value % 10);
        value /= 10;
    } while (value);

    ngx_websocket_json_append(text, p, (size_t) (buf + sizeof(buf) - p));
}
