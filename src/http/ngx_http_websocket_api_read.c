
/*
 * What is published is not read, but passed on as it is: numbers keep their
 * digits, and large data take no time.
 */


#include "http/ngx_http_websocket_api_read.h"
#include "clock/ngx_http_websocket_turn.h"


/* of a member that is read: its bytes, and the values in it */
#define NGX_HTTP_WEBSOCKET_API_MEMBER  (256 * 1024)
#define NGX_HTTP_WEBSOCKET_API_VALUES  2200
#define NGX_HTTP_WEBSOCKET_API_DEPTH   32

/* values that are gone through before the clock is read */
#define NGX_HTTP_WEBSOCKET_API_PART    256


/* what comes next */

typedef enum {
    NGX_HTTP_WEBSOCKET_API_BEGIN = 0,
    NGX_HTTP_WEBSOCKET_API_NAME,
    NGX_HTTP_WEBSOCKET_API_VALUE,
    NGX_HTTP_WEBSOCKET_API_BEHIND
} ngx_http_websocket_api_step_e;


static ngx_int_t ngx_http_websocket_api_step(
    ngx_http_websocket_api_call_t *call);
static ngx_int_t ngx_http_websocket_api_name(
    ngx_http_websocket_api_call_t *call);
static ngx_int_t ngx_http_websocket_api_value(
    ngx_http_websocket_api_call_t *call);
static ngx_int_t ngx_http_websocket_api_member(
    ngx_http_websocket_api_call_t *call);
static ngx_uint_t ngx_http_websocket_api_is(ngx_str_t *name,
    const char *known);


static const char  *ngx_http_websocket_api_members[] = {
    "channel", "channels", "b64data", "skip_history", "tags",
    "idempotency_key", "version", "version_epoch",
    "user", "client", "session", "whitelist", "disconnect",
    "expired", "expire_at", "info",
    "recover_since", "override",
    "limit", "since", "reverse", "pattern",
    NULL
};


void
ngx_http_websocket_api_read_init(ngx_http_websocket_api_call_t *call,
    const u_char *text, size_t size)
{
    ngx_websocket_scan_init(&call->scan, (const char *) text, size);
}


ngx_int_t
ngx_http_websocket_api_read(ngx_http_websocket_api_call_t *call)
{
    ngx_int_t  rc;

    do {
        rc = ngx_http_websocket_api_step(call);

        if (rc == NGX_AGAIN && ngx_http_websocket_turn_step(1)) {
            return NGX_BUSY;
        }

    } while (rc == NGX_AGAIN);

    return rc;
}


/* NGX_AGAIN when there are more; NGX_DECLINED as of api_read() */

static ngx_int_t
ngx_http_websocket_api_step(ngx_http_websocket_api_call_t *call)
{
    switch (call->step) {

    case NGX_HTTP_WEBSOCKET_API_BEGIN:
        call->args = json_object();

        ngx_websocket_scan_space(&call->scan);

        if (!ngx_websocket_scan_char(&call->scan, '{')) {
            break;
        }

        ngx_websocket_scan_space(&call->scan);

        if (ngx_websocket_scan_char(&call->scan, '}')) {
            return NGX_OK;
        }

        call->step = NGX_HTTP_WEBSOCKET_API_NAME;
        return NGX_AGAIN;

    case NGX_HTTP_WEBSOCKET_API_NAME:
        return ngx_http_websocket_api_name(call);

    case NGX_HTTP_WEBSOCKET_API_VALUE:
        return ngx_http_websocket_api_value(call);

    default:  /* NGX_HTTP_WEBSOCKET_API_BEHIND */
        ngx_websocket_scan_space(&call->scan);

        if (ngx_websocket_scan_char(&call->scan, '}')) {
            return NGX_OK;
        }

        if (ngx_websocket_scan_char(&call->scan, ',')) {
            call->step = NGX_HTTP_WEBSOCKET_API_NAME;
            return NGX_AGAIN;
        }
    }

    call->invalid = 1;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_websocket_api_name(ngx_http_websocket_api_call_t *call)
{
    ngx_websocket_scan_space(&call->scan);

    call->name.data = (u_char *) call->scan.p;

    if (!ngx_websocket_scan_string(&call->scan)) {
        call->invalid = 1;
        return NGX_DECLINED;
    }

    call->name.len = (u_char *) call->scan.p - call->name.data;

    if (!ngx_websocket_scan_colon(&call->scan)) {
        call->invalid = 1;
        return NGX_DECLINED;
    }

    ngx_websocket_scan_space(&call->scan);

    call->value.data = (u_char *) call->scan.p;
    call->step = NGX_HTTP_WEBSOCKET_API_VALUE;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_websocket_api_value(ngx_http_websocket_api_call_t *call)
{
    const char  *from;

    from = call->scan.p;

    switch (ngx_websocket_scan_part(&call->scan, NGX_HTTP_WEBSOCKET_API_PART))
    {

    case 0:
        call->invalid = 1;
        return NGX_DECLINED;

    case 1:
        break;

    default:  /* -1 */
        ngx_http_websocket_turn_worked(NGX_HTTP_WEBSOCKET_API_PART / 32);
        return NGX_AGAIN;
    }

    ngx_http_websocket_turn_worked((call->scan.p - from) / 4096);

    call->value.len = (u_char *) call->scan.p - call->value.data;
    call->step = NGX_HTTP_WEBSOCKET_API_BEHIND;

    return ngx_http_websocket_api_member(call);
}


/*
 * A name with its quotes; of those that come twice the last one counts.  What
 * is not known is passed over: it may be large.
 */

static ngx_int_t
ngx_http_websocket_api_member(ngx_http_websocket_api_call_t *call)
{
    ngx_uint_t  i;

    if (ngx_http_websocket_api_is(&call->name, "data")) {
        call->data = call->value;
        return NGX_AGAIN;
    }

    if (ngx_http_websocket_api_is(&call->name, "commands")) {
        call->commands = call->value;
        return NGX_AGAIN;
    }

    for (i = 0; ngx_http_websocket_api_members[i]; i++) {

        if (ngx_http_websocket_api_is(&call->name,
                                      ngx_http_websocket_api_members[i]))
        {
            return ngx_http_websocket_api_decode(call,
                                             ngx_http_websocket_api_members[i],
                                                 &call->value)
                   == NGX_OK
                   ? NGX_AGAIN : NGX_DECLINED;
        }
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_websocket_api_decode(ngx_http_websocket_api_call_t *call,
    const char *name, const ngx_str_t *value)
{
    json_t                       *json;
    ngx_websocket_json_e          rc;
    ngx_websocket_json_error_t    error;
    ngx_websocket_json_limits_t   limits;

    if (value->len > NGX_HTTP_WEBSOCKET_API_MEMBER) {
        call->error = NGX_HTTP_WEBSOCKET_API_LIMIT_EXCEEDED;
        return NGX_DECLINED;
    }

    limits.size = value->len;
    limits.depth = NGX_HTTP_WEBSOCKET_API_DEPTH;
    limits.values = NGX_HTTP_WEBSOCKET_API_VALUES;

    ngx_http_websocket_turn_worked(1 + value->len / 512);

    rc = ngx_websocket_json_decode((char *) value->data, value->len,
                                   &limits, &json, &error);

    if (rc == NGX_WEBSOCKET_JSON_OK
        && json_object_set_new(call->args, name, json) == 0)
    {
        return NGX_OK;
    }

    call->error = rc == NGX_WEBSOCKET_JSON_REFUSED
                  ? NGX_HTTP_WEBSOCKET_API_BAD_REQUEST
                  : NGX_HTTP_WEBSOCKET_API_INTERNAL;

    return NGX_DECLINED;
}


static ngx_uint_t
ngx_http_websocket_api_is(ngx_str_t *name, const char *known)
{
    return name->len == ngx_strlen(known) + 2
           && ngx_strncmp(name->data + 1, known, name->len - 2) == 0;
}
