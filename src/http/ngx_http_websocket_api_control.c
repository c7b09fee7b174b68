
#include "http/ngx_http_websocket_api_control.h"
#include "broker/ngx_http_websocket_mailbox.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_api_read.h"
#include "http/ngx_http_websocket_await.h"
#include "http/ngx_http_websocket_channel_names.h"
#include "http/ngx_http_websocket_publish.h"
#include "wire/utf8.h"


/* what a Close may have as its reason, bytes (RFC 6455, section 5.5) */
#define NGX_HTTP_WEBSOCKET_API_REASON     123

/* clients that a call may name */
#define NGX_HTTP_WEBSOCKET_API_WHITELIST  1000

/* the codes of applications, and of this protocol */
#define NGX_HTTP_WEBSOCKET_API_CODES      3000
#define NGX_HTTP_WEBSOCKET_API_LAST_CODE  4999


/* a call on its way, in r->pool */

typedef struct {
    ngx_http_websocket_api_call_t  *call;
    u_char                         *text;
    size_t                          size;
} ngx_http_websocket_api_letter_t;


static ngx_int_t ngx_http_websocket_api_control(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const char *method,
    const char *const *members);
static ngx_http_websocket_api_letter_t *ngx_http_websocket_api_letter(
    ngx_http_request_t *r, ngx_http_websocket_api_call_t *call,
    const char *method, const char *const *members);
static ngx_int_t ngx_http_websocket_api_send(ngx_http_request_t *r,
    ngx_http_websocket_api_letter_t *letter);
static ngx_int_t ngx_http_websocket_api_send_again(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_api_sent(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data);
static ngx_uint_t ngx_http_websocket_api_is_whom(json_t *args);
static ngx_uint_t ngx_http_websocket_api_is_time(json_t *args);
static ngx_uint_t ngx_http_websocket_api_is_text(json_t *args,
    const char *name);
static ngx_uint_t ngx_http_websocket_api_is_list(json_t *list);
static ngx_uint_t ngx_http_websocket_api_is_disconnect(json_t *disconnect);


ngx_int_t
ngx_http_websocket_api_subscribe(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    json_t                         *since;
    ngx_str_t                       name;
    ngx_http_websocket_loc_conf_t  *conf;
    static const char *const        members[] = {
        "channel", "info", "data", "recover_since", "expire_at", "override",
        NULL
    };

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    since = json_object_get(call->args, "recover_since");

    name.data = (u_char *) json_string_value(json_object_get(call->args,
                                                             "channel"));
    name.len = json_string_length(json_object_get(call->args, "channel"));

    if (!ngx_http_websocket_api_is_whom(call->args)
        || ngx_http_websocket_channel_name_error(&name)
        || !ngx_http_websocket_api_is_time(call->args)
        || (since && !json_is_object(since)))
    {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    if (ngx_http_websocket_namespace_of(conf->namespaces, &name) == NULL) {
        return ngx_http_websocket_api_refuse(r, call,
                                       NGX_HTTP_WEBSOCKET_API_UNKNOWN_CHANNEL);
    }

    if (call->data.len > conf->max_message_size) {
        return ngx_http_websocket_api_refuse(r, call,
                                        NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED);
    }

    if (call->data.len
        && ngx_http_websocket_api_decode(call, "data", &call->data) != NGX_OK)
    {
        return ngx_http_websocket_api_refuse(r, call, call->error);
    }

    return ngx_http_websocket_api_control(r, call, "subscribe", members);
}


ngx_int_t
ngx_http_websocket_api_unsubscribe(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    static const char *const  members[] = { "channel", NULL };

    if (!ngx_http_websocket_api_is_whom(call->args)
        || !ngx_http_websocket_api_is_text(call->args, "channel"))
    {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    return ngx_http_websocket_api_control(r, call, "unsubscribe", members);
}


ngx_int_t
ngx_http_websocket_api_disconnect(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    json_t                    *list, *disconnect;
    static const char *const   members[] = {
        "whitelist", "disconnect", NULL
    };

    list = json_object_get(call->args, "whitelist");
    disconnect = json_object_get(call->args, "disconnect");

    if (!ngx_http_websocket_api_is_whom(call->args)
        || (list && !ngx_http_websocket_api_is_list(list))
        || (disconnect && !ngx_http_websocket_api_is_disconnect(disconnect)))
    {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    if (json_array_size(list) > NGX_HTTP_WEBSOCKET_API_WHITELIST) {
        return ngx_http_websocket_api_refuse(r, call,
                                        NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED);
    }

    return ngx_http_websocket_api_control(r, call, "disconnect", members);
}


ngx_int_t
ngx_http_websocket_api_refresh(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    static const char *const  members[] = {
        "expired", "expire_at", "info", NULL
    };

    if (!ngx_http_websocket_api_is_whom(call->args)
        || !ngx_http_websocket_api_is_time(call->args))
    {
        return ngx_http_websocket_api_refuse(r, call,
                                           NGX_HTTP_WEBSOCKET_API_BAD_REQUEST);
    }

    return ngx_http_websocket_api_control(r, call, "refresh", members);
}


/* the sessions of a user, or one of them */

static ngx_uint_t
ngx_http_websocket_api_is_whom(json_t *args)
{
    return json_is_string(json_object_get(args, "user"))
           && ngx_http_websocket_api_is_text(args, "client")
           && ngx_http_websocket_api_is_text(args, "session");
}


static ngx_uint_t
ngx_http_websocket_api_is_time(json_t *args)
{
    json_t  *at;

    at = json_object_get(args, "expire_at");

    return at == NULL || (json_is_integer(at) && json_integer_value(at) >= 0);
}


static ngx_uint_t
ngx_http_websocket_api_is_text(json_t *args, const char *name)
{
    json_t  *text;

    text = json_object_get(args, name);

    return text == NULL || json_is_string(text);
}


static ngx_uint_t
ngx_http_websocket_api_is_list(json_t *list)
{
    size_t   i;
    json_t  *one;

    json_array_foreach(list, i, one) {

        if (!json_is_string(one)) {
            return 0;
        }
    }

    return json_is_array(list);
}


/* a Close must be able to tell it */

static ngx_uint_t
ngx_http_websocket_api_is_disconnect(json_t *disconnect)
{
    size_t       size;
    json_t      *code, *reason;
    json_int_t   number;

    code = json_object_get(disconnect, "code");
    reason = json_object_get(disconnect, "reason");

    number = json_integer_value(code);
    size = json_string_length(reason);

    return number >= NGX_HTTP_WEBSOCKET_API_CODES
           && number <= NGX_HTTP_WEBSOCKET_API_LAST_CODE
           && (reason == NULL || json_is_string(reason))
           && size <= NGX_HTTP_WEBSOCKET_API_REASON
           && (size == 0
               || ngx_websocket_control((u_char *) json_string_value(reason),
                                        size)
                  == size);
}


static ngx_int_t
ngx_http_websocket_api_control(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const char *method,
    const char *const *members)
{
    ngx_http_websocket_api_letter_t  *letter;

    letter = ngx_http_websocket_api_letter(r, call, method, members);

    return letter ? ngx_http_websocket_api_send(r, letter)
                  : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* the members of the call that its method has, and whom it is for */

static ngx_http_websocket_api_letter_t *
ngx_http_websocket_api_letter(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const char *method,
    const char *const *members)
{
    json_t                           *json, *member;
    ngx_uint_t                        i;
    ngx_http_websocket_api_letter_t  *letter;

    json = json_pack("{s:s,s:O,s:O*,s:O*}", "method", method,
                     "user", json_object_get(call->args, "user"),
                     "client", json_object_get(call->args, "client"),
                     "session", json_object_get(call->args, "session"));

    for (i = 0; members[i]; i++) {
        member = json_object_get(call->args, members[i]);

        if (member && json_object_set(json, members[i], member) != 0) {
            json_decref(json);
            return NULL;
        }
    }

    letter = ngx_palloc(r->pool, sizeof(ngx_http_websocket_api_letter_t));

    if (letter) {
        letter->call = call;
        letter->size = json_dumpb(json, NULL, 0, JSON_COMPACT);
        letter->text = ngx_pnalloc(r->pool, letter->size);

        if (letter->size == 0 || letter->text == NULL) {
            letter = NULL;

        } else {
            (void) json_dumpb(json, (char *) letter->text, letter->size,
                              JSON_COMPACT);
        }
    }

    json_decref(json);

    return letter;
}


static ngx_int_t
ngx_http_websocket_api_send(ngx_http_request_t *r,
    ngx_http_websocket_api_letter_t *letter)
{
    ngx_http_websocket_ctx_t       *ctx;
    ngx_websocket_store_part_t      parts[2];
    ngx_http_websocket_publish_t    p;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    parts[1].data = letter->text;
    parts[1].size = letter->size;

    if (ngx_http_websocket_mailbox_send(conf->zone,
                                        NGX_HTTP_WEBSOCKET_LETTER_CONTROL,
                                        NULL, parts, 1, &p)
        == NGX_AGAIN)
    {
        return ngx_http_websocket_publish_wait(r, p.pending,
                                               ngx_http_websocket_api_sent,
                                               letter);
    }

    if (p.rc != NGX_WEBSOCKET_STORE_BUSY) {
        return ngx_http_websocket_api_sent(r, &p, letter);
    }

    ctx = ngx_http_websocket_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->pending = letter;

    return ngx_http_websocket_await_or_refuse(r,
                                            ngx_http_websocket_api_send_again);
}


/* the zone is not stuck any more */

static ngx_int_t
ngx_http_websocket_api_send_again(ngx_http_request_t *r)
{
    ngx_http_websocket_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_websocket_module);

    return ngx_http_websocket_api_send(r, ctx->pending);
}


static ngx_int_t
ngx_http_websocket_api_sent(ngx_http_request_t *r,
    ngx_http_websocket_publish_t *p, void *data)
{
    ngx_http_websocket_api_letter_t *letter = data;

    switch (p->rc) {

    case NGX_WEBSOCKET_STORE_OK:
        return ngx_http_websocket_api_answer(r, letter->call, json_object());

    default:  /* NGX_WEBSOCKET_STORE_NOSPACE, BROKER_AWAY */
        return ngx_http_websocket_api_refuse(r, letter->call,
                                             NGX_HTTP_WEBSOCKET_API_INTERNAL);
    }
}
