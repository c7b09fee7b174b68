
/*
 * Centrifugo's HTTP API: the key, the body, and which method it is.
 */


#include "http/ngx_http_websocket_api.h"
#include "clock/ngx_http_websocket_turn.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_api_batch.h"
#include "http/ngx_http_websocket_api_channel.h"
#include "http/ngx_http_websocket_api_channels.h"
#include "http/ngx_http_websocket_api_control.h"
#include "http/ngx_http_websocket_api_publish.h"
#include "http/ngx_http_websocket_api_read.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_publish_body.h"
#include "http/ngx_http_websocket_request.h"
#include "store/message.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>


static ngx_uint_t ngx_http_websocket_api_allowed(ngx_http_request_t *r);
static void ngx_http_websocket_api_presented(ngx_http_request_t *r,
    ngx_str_t *key);
static void ngx_http_websocket_api_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_api_taken(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_api_begin(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body);
static void ngx_http_websocket_api_gone(void *data);
static ngx_int_t ngx_http_websocket_api_go_on(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_api_do(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);
static ngx_int_t ngx_http_websocket_api_invalid(ngx_http_request_t *r);
static char *ngx_http_websocket_api_error_text(
    ngx_http_websocket_api_error_e code);


static const struct {
    ngx_str_t                         name;
    ngx_http_websocket_api_method_pt  handler;

} ngx_http_websocket_api_methods[] = {
    { ngx_string("publish"), ngx_http_websocket_api_publish },
    { ngx_string("broadcast"), ngx_http_websocket_api_broadcast },
    { ngx_string("subscribe"), ngx_http_websocket_api_subscribe },
    { ngx_string("unsubscribe"), ngx_http_websocket_api_unsubscribe },
    { ngx_string("disconnect"), ngx_http_websocket_api_disconnect },
    { ngx_string("refresh"), ngx_http_websocket_api_refresh },
    { ngx_string("presence"), ngx_http_websocket_api_presence },
    { ngx_string("presence_stats"), ngx_http_websocket_api_presence_stats },
    { ngx_string("history"), ngx_http_websocket_api_history },
    { ngx_string("channels"), ngx_http_websocket_api_channels },
    { ngx_string("batch"), ngx_http_websocket_api_batch },
    { ngx_null_string, NULL }
};

static ngx_str_t  ngx_http_websocket_api_post = ngx_string("POST");


ngx_int_t
ngx_http_websocket_api_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->method != NGX_HTTP_POST) {
        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK
               ? ngx_http_websocket_not_allowed(r,
                                                &ngx_http_websocket_api_post,
                                                "use POST")
               : rc;
    }

    if (!ngx_http_websocket_api_allowed(r)) {
        ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_TOKEN);

        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK
               ? ngx_http_websocket_answer_error(r, NGX_HTTP_UNAUTHORIZED,
                                                 "unauthorized",
                                                 "no key, or not one of the "
                                                 "API's")
               : rc;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_websocket_api_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* all keys are compared: how long it takes says nothing of any of them */

static ngx_uint_t
ngx_http_websocket_api_allowed(ngx_http_request_t *r)
{
    u_char                          digest[NGX_HTTP_WEBSOCKET_API_DIGEST];
    ngx_str_t                       presented;
    ngx_uint_t                      i, allowed;
    ngx_http_websocket_api_key_t   *keys;
    ngx_http_websocket_loc_conf_t  *conf;

    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    if (conf->api_keys == NULL) {
        return 1;
    }

    ngx_http_websocket_api_presented(r, &presented);

    (void) SHA256(presented.data, presented.len, digest);

    allowed = 0;
    keys = conf->api_keys->elts;

    for (i = 0; i < conf->api_keys->nelts; i++) {
        allowed |= CRYPTO_memcmp(digest, keys[i].digest, sizeof(digest)) == 0;
    }

    return allowed && presented.len;
}


static void
ngx_http_websocket_api_presented(ngx_http_request_t *r, ngx_str_t *key)
{
    ngx_uint_t        several;
    ngx_table_elt_t  *h;

    static ngx_str_t  scheme = ngx_string("apikey ");

    ngx_str_set(key, "");

    h = ngx_http_websocket_header(r, "x-api-key", &several);

    if (h) {
        if (!several) {
            *key = h->value;
        }

        return;
    }

    h = ngx_http_websocket_header(r, "authorization", &several);

    if (h && !several && h->value.len > scheme.len
        && ngx_strncasecmp(h->value.data, scheme.data, scheme.len) == 0)
    {
        key->data = h->value.data + scheme.len;
        key->len = h->value.len - scheme.len;
    }
}


static void
ngx_http_websocket_api_body(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_http_websocket_publish_body_t  *body;

    body = ngx_http_websocket_publish_body_of(r);

    if (body == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    body->text = 1;

    rc = body->size > NGX_WEBSOCKET_STORE_FILL
         ? ngx_http_websocket_later(r, ngx_http_websocket_api_taken, body)
         : ngx_http_websocket_api_taken(r, body);

    ngx_http_finalize_request(r, rc);
}


/* as ngx_http_websocket_later_pt: the whole body has come */

static ngx_int_t
ngx_http_websocket_api_taken(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_publish_body_t *body = data;

    switch (ngx_http_websocket_publish_body_check(body)) {

    case NGX_OK:
        return ngx_http_websocket_api_begin(r, body);

    case NGX_BUSY:
        return NGX_BUSY;

    case NGX_DECLINED:
        return ngx_http_websocket_api_invalid(r);

    default:  /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_websocket_api_begin(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body)
{
    u_char                         *p;
    ngx_str_t                       text;
    ngx_uint_t                      i;
    ngx_pool_cleanup_t             *cln;
    ngx_http_websocket_api_call_t  *call;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_websocket_api_call_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    text.data = (u_char *) "";
    text.len = body->size;

    if (body->n == 1) {
        text.data = (u_char *) body->parts[0].data;

    } else if (body->n) {
        text.data = ngx_pnalloc(r->pool, text.len);
        if (text.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        for (p = text.data, i = 0; i < body->n; i++) {
            p = ngx_cpymem(p, body->parts[i].data, body->parts[i].size);
        }
    }

    call = cln->data;
    cln->handler = ngx_http_websocket_api_gone;

    ngx_memzero(call, sizeof(ngx_http_websocket_api_call_t));
    ngx_http_websocket_api_read_init(call, text.data, text.len);

    return ngx_http_websocket_later(r, ngx_http_websocket_api_go_on, call);
}


static void
ngx_http_websocket_api_gone(void *data)
{
    ngx_http_websocket_api_call_t *call = data;

    json_decref(call->args);
}


/* as ngx_http_websocket_later_pt */

static ngx_int_t
ngx_http_websocket_api_go_on(ngx_http_request_t *r, void *data)
{
    ngx_http_websocket_api_call_t *call = data;

    ngx_int_t  rc;

    ngx_http_websocket_turn_loop();

    rc = ngx_http_websocket_api_read(call);

    if (rc == NGX_BUSY) {
        return NGX_BUSY;
    }

    if (rc == NGX_OK) {
        ngx_websocket_scan_space(&call->scan);

        call->invalid = call->scan.p != call->scan.last;
    }

    if (call->invalid) {
        return ngx_http_websocket_api_invalid(r);
    }

    return rc == NGX_OK ? ngx_http_websocket_api_do(r, call)
                        : ngx_http_websocket_api_refuse(r, call, call->error);
}


static ngx_int_t
ngx_http_websocket_api_invalid(ngx_http_request_t *r)
{
    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_INVALID);

    return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                           "invalid_body",
                                           "the body is not a JSON object");
}


/* the method stands behind the last slash */

static ngx_int_t
ngx_http_websocket_api_do(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    u_char                            *p, *last;
    ngx_http_websocket_api_method_pt   handler;

    last = r->uri.data + r->uri.len;

    for (p = last; p > r->uri.data && p[-1] != '/'; p--) {
        /* void */
    }

    handler = ngx_http_websocket_api_method(p, last - p);

    return handler ? handler(r, call)
                   : ngx_http_websocket_api_refuse(r, call,
                                             NGX_HTTP_WEBSOCKET_API_NOT_FOUND);
}


ngx_http_websocket_api_method_pt
ngx_http_websocket_api_method(const u_char *name, size_t len)
{
    ngx_uint_t  i;

    for (i = 0; ngx_http_websocket_api_methods[i].handler; i++) {

        if (ngx_http_websocket_api_methods[i].name.len == len
            && ngx_strncmp(ngx_http_websocket_api_methods[i].name.data, name,
                           len)
               == 0)
        {
            break;
        }
    }

    return ngx_http_websocket_api_methods[i].handler;
}


static char *
ngx_http_websocket_api_error_text(ngx_http_websocket_api_error_e code)
{
    switch (code) {

    case NGX_HTTP_WEBSOCKET_API_UNKNOWN_CHANNEL:
        return "unknown channel";

    case NGX_HTTP_WEBSOCKET_API_NOT_FOUND:
        return "not found";

    case NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED:
        return "limit exceeded";

    case NGX_HTTP_WEBSOCKET_API_BAD_REQUEST:
        return "bad request";

    case NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE:
        return "not available";

    case NGX_HTTP_WEBSOCKET_API_UNRECOVERABLE:
        return "unrecoverable position";

    default:
        return "internal server error";
    }
}


json_t *
ngx_http_websocket_api_error(ngx_http_websocket_api_error_e code)
{
    return json_pack("{s:{s:i,s:s}}", "error", "code", (int) code,
                     "message", ngx_http_websocket_api_error_text(code));
}


ngx_int_t
ngx_http_websocket_api_refuse(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, ngx_http_websocket_api_error_e code)
{
    return ngx_http_websocket_api_say(r, call,
                                      ngx_http_websocket_api_error(code));
}


ngx_int_t
ngx_http_websocket_api_answer(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, json_t *result)
{
    return ngx_http_websocket_api_say(r, call,
                               result ? json_pack("{s:o}", "result", result)
                                      : NULL);
}


ngx_int_t
ngx_http_websocket_api_say(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, json_t *answer)
{
    ngx_int_t                   rc;
    ngx_websocket_json_text_t   text;

    if (call->batch == NULL || answer == NULL) {
        return ngx_http_websocket_answer_json(r, NGX_HTTP_OK, answer);
    }

    ngx_memzero(&text, sizeof(ngx_websocket_json_text_t));

    ngx_websocket_json_append_value(&text, answer);
    json_decref(answer);

    rc = text.failed ? NGX_HTTP_INTERNAL_SERVER_ERROR
                     : ngx_http_websocket_api_batch_take(r, call, text.data,
                                                         text.size);
    ngx_websocket_json_text_done(&text);

    return rc;
}


ngx_int_t
ngx_http_websocket_api_answer_text(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call, const char *result, size_t size)
{
    u_char            *p;
    ngx_str_t          body;
    static ngx_str_t   type = ngx_string("application/json");
    static ngx_str_t   head = ngx_string("{\"result\":");

    body.data = ngx_pnalloc(r->pool, head.len + size + 1);
    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_cpymem(body.data, head.data, head.len);
    p = ngx_cpymem(p, result, size);
    *p++ = '}';

    body.len = p - body.data;

    if (call->batch) {
        return ngx_http_websocket_api_batch_take(r, call, (char *) body.data,
                                                 body.len);
    }

    return ngx_http_websocket_answer(r, NGX_HTTP_OK, &type, &body);
}
