
#include <string.h>

#include "centrifuge/protobuf_codec.h"
#include "centrifuge/protobuf_command.h"
#include "centrifuge/request.h"
#include "message/tags.h"
#include "wire/frame.h"


#define NGX_WEBSOCKET_PROTOBUF_NONE  0      /* of a field: it has no tag */


static void ngx_websocket_protobuf_publication(
    ngx_websocket_json_text_t *list, const ngx_websocket_publication_t *p);
static void ngx_websocket_protobuf_member(ngx_websocket_json_text_t *list,
    const ngx_websocket_client_info_t *info);
static void ngx_websocket_protobuf_subscription(
    ngx_websocket_json_text_t *list, const ngx_websocket_bytes_t *channel,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_protobuf_reply(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_protobuf_error(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_protobuf_result(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_protobuf_connected(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_protobuf_refreshed(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_protobuf_subscribed(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply);
static void ngx_websocket_protobuf_push(ngx_websocket_json_text_t *text,
    const ngx_websocket_push_t *push);
static void ngx_websocket_protobuf_published(ngx_websocket_json_text_t *text,
    const ngx_websocket_publication_t *p);
static void ngx_websocket_protobuf_tags(ngx_websocket_json_text_t *text,
    const ngx_websocket_bytes_t *packed);
static void ngx_websocket_protobuf_info(ngx_websocket_json_text_t *text,
    uint32_t number, const ngx_websocket_client_info_t *info);
static void ngx_websocket_protobuf_list(ngx_websocket_json_text_t *text,
    uint32_t number, const ngx_websocket_bytes_t *list);
static void ngx_websocket_protobuf_bytes(ngx_websocket_json_text_t *text,
    uint32_t number, const ngx_websocket_bytes_t *value);
static void ngx_websocket_protobuf_string(ngx_websocket_json_text_t *text,
    uint32_t number, const char *value);
static void ngx_websocket_protobuf_number(ngx_websocket_json_text_t *text,
    uint32_t number, uint64_t value);
static size_t ngx_websocket_protobuf_open(ngx_websocket_json_text_t *text,
    uint32_t number);
static void ngx_websocket_protobuf_close(ngx_websocket_json_text_t *text,
    size_t at);
static void ngx_websocket_protobuf_append(ngx_websocket_json_text_t *text,
    uint64_t value);
static size_t ngx_websocket_protobuf_print(char *p, uint64_t value);


const ngx_websocket_codec_t  ngx_websocket_protobuf_codec = {
    NGX_WEBSOCKET_BINARY,
    1,
    ngx_websocket_protobuf_command,
    ngx_websocket_protobuf_filter,
    ngx_websocket_protobuf_subs,
    ngx_websocket_protobuf_publication,
    ngx_websocket_protobuf_member,
    ngx_websocket_protobuf_subscription,
    ngx_websocket_protobuf_reply,
    ngx_websocket_protobuf_push,
    { "\0", 1 }
};


/* what is in a list has its length, and gets its tag in the reply */

static void
ngx_websocket_protobuf_publication(ngx_websocket_json_text_t *list,
    const ngx_websocket_publication_t *p)
{
    size_t  at;

    at = ngx_websocket_protobuf_open(list, NGX_WEBSOCKET_PROTOBUF_NONE);
    ngx_websocket_protobuf_published(list, p);
    ngx_websocket_protobuf_close(list, at);
}


/* an entry of a map */

static void
ngx_websocket_protobuf_member(ngx_websocket_json_text_t *list,
    const ngx_websocket_client_info_t *info)
{
    size_t  at;

    at = ngx_websocket_protobuf_open(list, NGX_WEBSOCKET_PROTOBUF_NONE);
    ngx_websocket_protobuf_bytes(list, 1, &info->client);
    ngx_websocket_protobuf_info(list, 2, info);
    ngx_websocket_protobuf_close(list, at);
}


/* an entry of a map */

static void
ngx_websocket_protobuf_subscription(ngx_websocket_json_text_t *list,
    const ngx_websocket_bytes_t *channel, const ngx_websocket_reply_t *reply)
{
    size_t  at, result;

    at = ngx_websocket_protobuf_open(list, NGX_WEBSOCKET_PROTOBUF_NONE);
    ngx_websocket_protobuf_bytes(list, 1, channel);
    result = ngx_websocket_protobuf_open(list, 2);
    ngx_websocket_protobuf_subscribed(list, reply);
    ngx_websocket_protobuf_close(list, result);
    ngx_websocket_protobuf_close(list, at);
}


static void
ngx_websocket_protobuf_reply(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    size_t  all, result;

    all = ngx_websocket_protobuf_open(text, NGX_WEBSOCKET_PROTOBUF_NONE);
    ngx_websocket_protobuf_number(text, 1, reply->id);

    if (reply->error) {
        ngx_websocket_protobuf_error(text, reply);

    } else {
        result = ngx_websocket_protobuf_open(text,
                                    ngx_websocket_requests[reply->kind].reply);
        ngx_websocket_protobuf_result(text, reply);
        ngx_websocket_protobuf_close(text, result);
    }

    ngx_websocket_protobuf_close(text, all);
}


static void
ngx_websocket_protobuf_error(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    size_t  at;

    at = ngx_websocket_protobuf_open(text, 2);
    ngx_websocket_protobuf_number(text, 1, reply->error);
    ngx_websocket_protobuf_string(text, 2, reply->reason
                                  ? reply->reason
                                  : ngx_websocket_request_error(reply->error));
    ngx_websocket_protobuf_number(text, 3, (uint64_t)
                               ngx_websocket_request_temporary(reply->error));
    ngx_websocket_protobuf_close(text, at);
}


/* the other kinds have nothing in their result */

static void
ngx_websocket_protobuf_result(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    switch (reply->kind) {

    case NGX_WEBSOCKET_COMMAND_CONNECT:
        ngx_websocket_protobuf_connected(text, reply);
        break;

    case NGX_WEBSOCKET_COMMAND_SUBSCRIBE:
        ngx_websocket_protobuf_subscribed(text, reply);
        break;

    case NGX_WEBSOCKET_COMMAND_PRESENCE:
        ngx_websocket_protobuf_list(text, 1, &reply->list);
        break;

    case NGX_WEBSOCKET_COMMAND_PRESENCE_STATS:
        ngx_websocket_protobuf_number(text, 1, reply->clients);
        ngx_websocket_protobuf_number(text, 2, reply->users);
        break;

    case NGX_WEBSOCKET_COMMAND_HISTORY:
        ngx_websocket_protobuf_list(text, 1, &reply->list);
        ngx_websocket_protobuf_bytes(text, 2, &reply->epoch);
        ngx_websocket_protobuf_number(text, 3, reply->offset);
        break;

    case NGX_WEBSOCKET_COMMAND_RPC:
        ngx_websocket_protobuf_bytes(text, 1, &reply->data);
        break;

    case NGX_WEBSOCKET_COMMAND_REFRESH:
        ngx_websocket_protobuf_refreshed(text, reply);
        break;

    case NGX_WEBSOCKET_COMMAND_SUB_REFRESH:
        ngx_websocket_protobuf_number(text, 1, reply->expires);
        ngx_websocket_protobuf_number(text, 2, reply->ttl);
        break;

    default:
        break;
    }
}


static void
ngx_websocket_protobuf_connected(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_protobuf_refreshed(text, reply);
    ngx_websocket_protobuf_bytes(text, 5, &reply->data);
    ngx_websocket_protobuf_list(text, 6, &reply->list);
    ngx_websocket_protobuf_number(text, 7, reply->ping);
    ngx_websocket_protobuf_number(text, 8, reply->pong);
    ngx_websocket_protobuf_bytes(text, 9, &reply->session);
    ngx_websocket_protobuf_bytes(text, 10, &reply->node);
}


static void
ngx_websocket_protobuf_refreshed(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_protobuf_bytes(text, 1, &reply->client);
    ngx_websocket_protobuf_bytes(text, 2, &reply->version);
    ngx_websocket_protobuf_number(text, 3, reply->expires);
    ngx_websocket_protobuf_number(text, 4, reply->ttl);
}


static void
ngx_websocket_protobuf_subscribed(ngx_websocket_json_text_t *text,
    const ngx_websocket_reply_t *reply)
{
    ngx_websocket_protobuf_number(text, 1, reply->expires);
    ngx_websocket_protobuf_number(text, 2, reply->ttl);
    ngx_websocket_protobuf_number(text, 3, reply->recoverable);
    ngx_websocket_protobuf_bytes(text, 6, &reply->epoch);
    ngx_websocket_protobuf_list(text, 7, &reply->list);
    ngx_websocket_protobuf_number(text, 8, reply->recovered);
    ngx_websocket_protobuf_number(text, 9, reply->offset);
    ngx_websocket_protobuf_number(text, 10, reply->positioned);
    ngx_websocket_protobuf_bytes(text, 11, &reply->data);
    ngx_websocket_protobuf_number(text, 12, reply->was_recovering);
    ngx_websocket_protobuf_number(text, 13, reply->delta);
}


static void
ngx_websocket_protobuf_push(ngx_websocket_json_text_t *text,
    const ngx_websocket_push_t *push)
{
    size_t  all, at, what;

    all = ngx_websocket_protobuf_open(text, NGX_WEBSOCKET_PROTOBUF_NONE);
    at = ngx_websocket_protobuf_open(text, 4);
    ngx_websocket_protobuf_bytes(text, 2, &push->channel);

    switch (push->kind) {

    case NGX_WEBSOCKET_PUSH_PUBLICATION:
        what = ngx_websocket_protobuf_open(text, 4);
        ngx_websocket_protobuf_published(text, &push->publication);
        break;

    case NGX_WEBSOCKET_PUSH_DISCONNECT:
        what = ngx_websocket_protobuf_open(text, 11);
        ngx_websocket_protobuf_number(text, 1, push->code);
        ngx_websocket_protobuf_string(text, 2, push->reason);
        break;

    case NGX_WEBSOCKET_PUSH_UNSUBSCRIBE:
        what = ngx_websocket_protobuf_open(text, 7);
        ngx_websocket_protobuf_number(text, 2, push->code);
        ngx_websocket_protobuf_string(text, 3, push->reason);
        break;

    case NGX_WEBSOCKET_PUSH_REFRESH:
        what = ngx_websocket_protobuf_open(text, 12);
        ngx_websocket_protobuf_number(text, 1, push->ttl != 0);
        ngx_websocket_protobuf_number(text, 2, push->ttl);
        break;

    case NGX_WEBSOCKET_PUSH_SUBSCRIBE:
        what = ngx_websocket_protobuf_open(text, 9);
        ngx_websocket_protobuf_number(text, 1, push->subscribed->recoverable);
        ngx_websocket_protobuf_bytes(text, 4, &push->subscribed->epoch);
        ngx_websocket_protobuf_number(text, 5, push->subscribed->offset);
        ngx_websocket_protobuf_number(text, 6, push->subscribed->positioned);
        ngx_websocket_protobuf_bytes(text, 7, &push->subscribed->data);
        break;

    default:  /* NGX_WEBSOCKET_PUSH_JOIN, NGX_WEBSOCKET_PUSH_LEAVE */
        what = ngx_websocket_protobuf_open(text,
                                  push->kind == NGX_WEBSOCKET_PUSH_JOIN ? 5
                                                                        : 6);
        ngx_websocket_protobuf_info(text, 1, &push->publication.info);
    }

    ngx_websocket_protobuf_close(text, what);
    ngx_websocket_protobuf_close(text, at);
    ngx_websocket_protobuf_close(text, all);
}


static void
ngx_websocket_protobuf_published(ngx_websocket_json_text_t *text,
    const ngx_websocket_publication_t *p)
{
    ngx_websocket_protobuf_bytes(text, 4, &p->data);

    if (p->info.client.data) {
        ngx_websocket_protobuf_info(text, 5, &p->info);
    }

    ngx_websocket_protobuf_number(text, 6, p->offset);

    if (p->tags.size) {
        ngx_websocket_protobuf_tags(text, &p->tags);
    }

    ngx_websocket_protobuf_number(text, 8,
                                  p->delta == NGX_WEBSOCKET_DELTA_PATCH);
}


/* entries of a map */

static void
ngx_websocket_protobuf_tags(ngx_websocket_json_text_t *text,
    const ngx_websocket_bytes_t *packed)
{
    size_t                 i, n, at;
    ngx_websocket_tag_t    tags[NGX_WEBSOCKET_TAGS];
    ngx_websocket_bytes_t  bytes;

    n = ngx_websocket_tags_unpack((const uint8_t *) packed->data, packed->size,
                                  tags);

    for (i = 0; i < n; i++) {
        at = ngx_websocket_protobuf_open(text, 7);

        bytes.data = tags[i].name;
        bytes.size = tags[i].name_size;
        ngx_websocket_protobuf_bytes(text, 1, &bytes);

        bytes.data = tags[i].value;
        bytes.size = tags[i].value_size;
        ngx_websocket_protobuf_bytes(text, 2, &bytes);

        ngx_websocket_protobuf_close(text, at);
    }
}


static void
ngx_websocket_protobuf_info(ngx_websocket_json_text_t *text, uint32_t number,
    const ngx_websocket_client_info_t *info)
{
    size_t  at;

    at = ngx_websocket_protobuf_open(text, number);
    ngx_websocket_protobuf_bytes(text, 1, &info->user);
    ngx_websocket_protobuf_bytes(text, 2, &info->client);
    ngx_websocket_protobuf_bytes(text, 3, &info->conn_info);
    ngx_websocket_protobuf_bytes(text, 4, &info->chan_info);
    ngx_websocket_protobuf_close(text, at);
}


static void
ngx_websocket_protobuf_list(ngx_websocket_json_text_t *text, uint32_t number,
    const ngx_websocket_bytes_t *list)
{
    uint64_t               size;
    const char            *p, *last;
    ngx_websocket_bytes_t  item;

    p = list->size ? list->data : "";
    last = p + list->size;

    while (p < last && ngx_websocket_protobuf_varint(&p, last, &size)) {

        item.data = p;
        item.size = (size_t) size;

        ngx_websocket_protobuf_bytes(text, number, &item);

        p += size;
    }
}


static void
ngx_websocket_protobuf_bytes(ngx_websocket_json_text_t *text, uint32_t number,
    const ngx_websocket_bytes_t *value)
{
    if (value->size) {
        ngx_websocket_protobuf_append(text, number << 3 | 2);
        ngx_websocket_protobuf_append(text, value->size);
        ngx_websocket_json_append(text, value->data, value->size);
    }
}


static void
ngx_websocket_protobuf_string(ngx_websocket_json_text_t *text, uint32_t number,
    const char *value)
{
    ngx_websocket_bytes_t  bytes;

    bytes.data = value;
    bytes.size = strlen(value);

    ngx_websocket_protobuf_bytes(text, number, &bytes);
}


static void
ngx_websocket_protobuf_number(ngx_websocket_json_text_t *text, uint32_t number,
    uint64_t value)
{
    if (value) {
        ngx_websocket_protobuf_append(text, number << 3);
        ngx_websocket_protobuf_append(text, value);
    }
}


/* a message in it: where it begins, for close(), which has its length */

static size_t
ngx_websocket_protobuf_open(ngx_websocket_json_text_t *text, uint32_t number)
{
    if (number != NGX_WEBSOCKET_PROTOBUF_NONE) {
        ngx_websocket_protobuf_append(text, number << 3 | 2);
    }

    return text->size;
}


static void
ngx_websocket_protobuf_close(ngx_websocket_json_text_t *text, size_t at)
{
    char    length[10];
    size_t  n, size;

    if (text->failed) {
        return;
    }

    size = text->size - at;
    n = ngx_websocket_protobuf_print(length, size);

    ngx_websocket_json_append(text, length, n);

    if (text->failed) {
        return;
    }

    memmove(text->data + at + n, text->data + at, size);
    memcpy(text->data + at, length, n);
}


static void
ngx_websocket_protobuf_append(ngx_websocket_json_text_t *text, uint64_t value)
{
    char  buf[10];

    ngx_websocket_json_append(text, buf,
                              ngx_websocket_protobuf_print(buf, value));
}


static size_t
ngx_websocket_protobuf_print(char *p, uint64_t value)
{
    char  *begin;

    begin = p;

    while (value >= 0x80) {
        *p++ = (char) (0x80 | (value & 0x7f));
        value >>= 7;
    }

    *p++ = (char) value;

    return (size_t) (p - begin);
}
