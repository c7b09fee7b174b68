
/*
 * Centrifugo's HTTP API: the key, the body, and which method it is.
 */


#include "http/ngx_http_websocket_api.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_api_publish.h"
#include "http/ngx_http_websocket_later.h"
#include "http/ngx_http_websocket_publish_body.h"
#include "http/ngx_http_websocket_request.h"
#include "message/scan.h"
#include "store/message.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>


/* bytes of a member that is read, not passed on */
#define NGX_HTTP_WEBSOCKET_API_MEMBER  (256 * 1024)


typedef struct {
    ngx_str_t                     name;
    ngx_int_t                   (*handler)(ngx_http_request_t *r,
                                     ngx_http_websocket_api_call_t *call);
} ngx_http_websocket_api_method_t;


static ngx_uint_t ngx_http_websocket_api_allowed(ngx_http_request_t *r);
static void ngx_http_websocket_api_presented(ngx_http_request_t *r,
    ngx_str_t *key);
static void ngx_http_websocket_api_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_api_taken(ngx_http_request_t *r,
    void *data);
static ngx_int_t ngx_http_websocket_api_call(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body);
static void ngx_http_websocket_api_gone(void *data);
static ngx_http_websocket_api_error_e ngx_http_websocket_api_read(
    ngx_http_websocket_api_call_t *call, ngx_str_t *text);
static ngx_http_websocket_api_error_e ngx_http_websocket_api_member(
    ngx_http_websocket_api_call_t *call, ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_websocket_api_invalid(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_api_method(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call);


static ngx_http_websocket_api_method_t  ngx_http_websocket_api_methods[] = {
    { ngx_string("publish"), ngx_http_websocket_api_publish },
    { ngx_string("broadcast"), ngx_http_websocket_api_broadcast },
    { ngx_null_string, NULL }
};

/* what is read of a call, beside its data */

static ngx_str_t  ngx_http_websocket_api_members[] = {
    ngx_string("channel"),
    ngx_string("channels"),
    ngx_string("b64data"),
    ngx_string("version"),
    ngx_string("skip_history"),
    ngx_string("idempotency_key"),
    ngx_string("tags"),
    ngx_null_string
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
        return ngx_http_websocket_api_call(r, body);

    case NGX_BUSY:
        return NGX_BUSY;

    case NGX_DECLINED:
        return ngx_http_websocket_api_invalid(r);

    default:  /* NGX_ERROR */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
}


static ngx_int_t
ngx_http_websocket_api_call(ngx_http_request_t *r,
    ngx_http_websocket_publish_body_t *body)
{
    u_char                         *p;
    ngx_str_t                       text;
    ngx_uint_t                      i;
    ngx_pool_cleanup_t             *cln;
    ngx_http_websocket_api_call_t  *call;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_websocket_api_call_t));
    text.data = ngx_pnalloc(r->pool, body->size + 1);

    if (cln == NULL || text.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    for (p = text.data, i = 0; i < body->n; i++) {
        p = ngx_cpymem(p, body->parts[i].data, body->parts[i].size);
    }

    text.len = p - text.data;

    call = cln->data;
    ngx_memzero(call, sizeof(ngx_http_websocket_api_call_t));

    call->args = json_object();
    cln->handler = ngx_http_websocket_api_gone;

    switch (ngx_http_websocket_api_read(call, &text)) {

    case NGX_HTTP_WEBSOCKET_API_OK:
        return ngx_http_websocket_api_method(r, call);

    case NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED:
        return ngx_http_websocket_api_refuse(r,
                                        NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED);

    case NGX_HTTP_WEBSOCKET_API_INTERNAL:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;

    default:
        return ngx_http_websocket_api_invalid(r);
    }
}


static void
ngx_http_websocket_api_gone(void *data)
{
    ngx_http_websocket_api_call_t *call = data;

    json_decref(call->args);
}


/*
 * What is published is not read, but passed on as it is: numbers keep their
 * digits, and large data take no time.
 */

static ngx_http_websocket_api_error_e
ngx_http_websocket_api_read(ngx_http_websocket_api_call_t *call,
    ngx_str_t *text)
{
    ngx_str_t                       name, value;
    ngx_uint_t                      more;
    ngx_websocket_scan_t            scan;
    ngx_http_websocket_api_error_e  rc;

    if (call->args == NULL) {
        return NGX_HTTP_WEBSOCKET_API_INTERNAL;
    }

    ngx_websocket_scan_init(&scan, (char *) text->data, text->len);
    ngx_websocket_scan_space(&scan);

    if (!ngx_websocket_scan_char(&scan, '{')) {
        return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
    }

    ngx_websocket_scan_space(&scan);

    more = !ngx_websocket_scan_char(&scan, '}');

    while (more) {

        ngx_websocket_scan_space(&scan);
        name.data = (u_char *) scan.p;

        if (!ngx_websocket_scan_string(&scan)) {
            return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
        }

        name.len = (u_char *) scan.p - name.data;

        if (!ngx_websocket_scan_colon(&scan)) {
            return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
        }

        ngx_websocket_scan_space(&scan);
        value.data = (u_char *) scan.p;

        if (!ngx_websocket_scan_value(&scan)) {
            return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
        }

        value.len = (u_char *) scan.p - value.data;

        rc = ngx_http_websocket_api_member(call, &name, &value);

        if (rc != NGX_HTTP_WEBSOCKET_API_OK) {
            return rc;
        }

        ngx_websocket_scan_space(&scan);

        if (ngx_websocket_scan_char(&scan, '}')) {
            more = 0;

        } else if (!ngx_websocket_scan_char(&scan, ',')) {
            return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
        }
    }

    ngx_websocket_scan_space(&scan);

    return scan.p == scan.last ? NGX_HTTP_WEBSOCKET_API_OK
                               : NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
}


/*
 * A name with its quotes; of those that come twice the last one counts.  What
 * is not known is passed over: it may be large.
 */

static ngx_http_websocket_api_error_e
ngx_http_websocket_api_member(ngx_http_websocket_api_call_t *call,
    ngx_str_t *name, ngx_str_t *value)
{
    json_t     *json;
    ngx_str_t  *known;

    static ngx_str_t  data = ngx_string("\"data\"");

    if (name->len == data.len
        && ngx_strncmp(name->data, data.data, data.len) == 0)
    {
        call->data = *value;
        return NGX_HTTP_WEBSOCKET_API_OK;
    }

    for (known = ngx_http_websocket_api_members; known->len; known++) {

        if (name->len == known->len + 2
            && ngx_strncmp(name->data + 1, known->data, known->len) == 0)
        {
            break;
        }
    }

    if (known->len == 0) {
        return NGX_HTTP_WEBSOCKET_API_OK;
    }

    if (value->len > NGX_HTTP_WEBSOCKET_API_MEMBER) {
        return NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED;
    }

    json = json_loadb((char *) value->data, value->len,
                      JSON_DECODE_ANY|JSON_REJECT_DUPLICATES, NULL);

    if (json == NULL) {
        return NGX_HTTP_WEBSOCKET_API_BAD_REQUEST;
    }

    return json_object_set_new(call->args, (char *) known->data, json) == 0
           ? NGX_HTTP_WEBSOCKET_API_OK : NGX_HTTP_WEBSOCKET_API_INTERNAL;
}


static ngx_int_t
ngx_http_websocket_api_invalid(ngx_http_request_t *r)
{
    ngx_http_websocket_rejected(r, NGX_HTTP_WEBSOCKET_REJECTED_INVALID);

    return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                           "invalid_body",
                                           "the body is not a JSON object");
}


/* what stands behind the last slash */

static ngx_int_t
ngx_http_websocket_api_method(ngx_http_request_t *r,
    ngx_http_websocket_api_call_t *call)
{
    u_char                           *p, *last;
    ngx_http_websocket_api_method_t  *method;

    last = r->uri.data + r->uri.len;

    for (p = last; p > r->uri.data && p[-1] != '/'; p--) {
        /* void */
    }

    for (method = ngx_http_websocket_api_methods; method->handler; method++) {

        if (method->name.len == (size_t) (last - p)
            && ngx_strncmp(method->name.data, p, last - p) == 0)
        {
            return method->handler(r, call);
        }
    }

    return ngx_http_websocket_api_refuse(r, NGX_HTTP_WEBSOCKET_API_NOT_FOUND);
}


json_t *
ngx_http_websocket_api_error(ngx_http_websocket_api_error_e code)
{
    char  *message;

    switch (code) {

    case NGX_HTTP_WEBSOCKET_API_UNKNOWN_CHANNEL:
        message = "unknown channel";
        break;

    case NGX_HTTP_WEBSOCKET_API_NOT_FOUND:
        message = "not found";
        break;

    case NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED:
        message = "limit exceeded";
        break;

    case NGX_HTTP_WEBSOCKET_API_BAD_REQUEST:
        message = "bad request";
        break;

    case NGX_HTTP_WEBSOCKET_API_NOT_AVAILABLE:
        message = "not available";
        break;

    default:
        message = "internal server error";
    }

    return json_pack("{s:{s:i,s:s}}", "error", "code", (int) code,
                     "message", message);
}


ngx_int_t
ngx_http_websocket_api_refuse(ngx_http_request_t *r,
    ngx_http_websocket_api_error_e code)
{
    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK,
                                          ngx_http_websocket_api_error(code));
}


ngx_int_t
ngx_http_websocket_api_answer(ngx_http_request_t *r, json_t *result)
{
    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK,
                               result ? json_pack("{s:o}", "result", result)
                                      : NULL);
}
