
/*
 * websocket_revoke: a POST of {"user":"..."} or {"jti":"..."}.
 */


#include "access/ngx_http_websocket_revocations.h"
#include "broker/ngx_http_websocket_broker_local.h"
#include "http/ngx_http_websocket_access.h"
#include "http/ngx_http_websocket_answer.h"
#include "http/ngx_http_websocket_revoke.h"
#include "http/ngx_http_websocket_suspend.h"
#include "session/ngx_http_websocket_token.h"


#define NGX_HTTP_WEBSOCKET_REVOKE_SIZE  8192


typedef struct {
    ngx_http_request_t           *request;
    ngx_http_websocket_revoke_t  *pending;      /* or NULL */
    char                         *name;         /* what is revoked: the tokens
                                                   of a user, or a jti */
    json_t                       *what;
    int64_t                       until;
} ngx_http_websocket_revoking_t;


static void ngx_http_websocket_revoke_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_revoke_answer(ngx_http_request_t *r);
static ngx_uint_t ngx_http_websocket_revoke_read(ngx_http_request_t *r,
    u_char *buf, size_t *size);
static ngx_int_t ngx_http_websocket_revoke_too_large(ngx_http_request_t *r);
static ngx_int_t ngx_http_websocket_revoke_one(ngx_http_request_t *r,
    json_t *json);
static ngx_int_t ngx_http_websocket_revoke_ask(
    ngx_http_websocket_revoking_t *revoking, ngx_http_websocket_revoke_t *v);
static ngx_http_websocket_zone_t *ngx_http_websocket_revoke_zone(
    ngx_http_request_t *r);
static void ngx_http_websocket_revoke_gone(void *data);
static void ngx_http_websocket_revoke_done(ngx_http_websocket_revoke_t *v);
static ngx_int_t ngx_http_websocket_revoke_result(
    ngx_http_websocket_revoking_t *revoking,
    ngx_http_websocket_revocation_e rc);


static ngx_str_t  ngx_http_websocket_allow_post = ngx_string("POST");


ngx_int_t
ngx_http_websocket_revoke_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->method != NGX_HTTP_POST) {
        ngx_http_websocket_mask(r);

        return ngx_http_websocket_not_allowed(r,
                                              &ngx_http_websocket_allow_post,
                                              "use POST");
    }

    rc = ngx_http_websocket_check_request(r);

    if (rc != NGX_HTTP_WEBSOCKET_PASS) {
        return rc;
    }

    if (r->headers_in.content_length_n > NGX_HTTP_WEBSOCKET_REVOKE_SIZE) {
        return ngx_http_websocket_revoke_too_large(r);
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_websocket_revoke_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static void
ngx_http_websocket_revoke_body(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    /*
     * The token may have expired while the body was read, which takes as long
     * as the client likes.
     */

    rc = ngx_http_websocket_check_again(r);

    if (rc == NGX_HTTP_WEBSOCKET_PASS) {
        rc = ngx_http_websocket_revoke_answer(r);
    }

    ngx_http_finalize_request(r, rc);
}


static ngx_int_t
ngx_http_websocket_revoke_answer(ngx_http_request_t *r)
{
    size_t      size;
    u_char      buf[NGX_HTTP_WEBSOCKET_REVOKE_SIZE];
    json_t     *json;
    ngx_int_t   rc;

    if (!ngx_http_websocket_revoke_read(r, buf, &size)) {
        return ngx_http_websocket_revoke_too_large(r);
    }

    json = json_loadb((char *) buf, size, JSON_REJECT_DUPLICATES, NULL);

    rc = ngx_http_websocket_revoke_one(r, json);

    json_decref(json);

    return rc;
}


/*
 * Returns 0 when the body is too large; one that nginx did not keep in memory
 * is larger than any that is right.
 */

static ngx_uint_t
ngx_http_websocket_revoke_read(ngx_http_request_t *r, u_char *buf,
    size_t *size)
{
    size_t        n;
    ngx_chain_t  *cl;

    *size = 0;

    for (cl = r->request_body ? r->request_body->bufs : NULL;
         cl;
         cl = cl->next)
    {
        if (ngx_buf_special(cl->buf)) {
            continue;
        }

        n = ngx_buf_size(cl->buf);

        if (!ngx_buf_in_memory(cl->buf)
            || n > NGX_HTTP_WEBSOCKET_REVOKE_SIZE - *size)
        {
            return 0;
        }

        ngx_memcpy(buf + *size, cl->buf->pos, n);
        *size += n;
    }

    return 1;
}


static ngx_int_t
ngx_http_websocket_revoke_too_large(ngx_http_request_t *r)
{
    return ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_REQUEST_ENTITY_TOO_LARGE,
                                    "too_large",
                                    "the body is larger than 8192 bytes");
}


/* json may be NULL */

static ngx_int_t
ngx_http_websocket_revoke_one(ngx_http_request_t *r, json_t *json)
{
    json_t                         *user, *id, *what;
    ngx_pool_cleanup_t             *cln;
    ngx_http_websocket_revoke_t     v;
    ngx_http_websocket_revoking_t  *revoking;

    user = json_object_get(json, "user");
    id = json_object_get(json, "jti");
    what = user ? user : id;

    if ((user && id) || json_string_length(what) == 0) {
        return ngx_http_websocket_answer_error(r, NGX_HTTP_BAD_REQUEST,
                                      "invalid_body", "the body is not "
                                      "{\"user\":\"...\"} or "
                                      "{\"jti\":\"...\"}");
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_websocket_revoking_t));
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    revoking = cln->data;
    ngx_memzero(revoking, sizeof(ngx_http_websocket_revoking_t));

    revoking->request = r;
    revoking->name = user ? "user" : "jti";
    revoking->what = json_incref(what);

    cln->handler = ngx_http_websocket_revoke_gone;

    ngx_http_websocket_revocation_key(&v.key,
                                      user ? NGX_HTTP_WEBSOCKET_REVOKED_SUBJECT
                                           : NGX_HTTP_WEBSOCKET_REVOKED_ID,
                                      json_string_value(what),
                                      json_string_length(what));

    return ngx_http_websocket_revoke_ask(revoking, &v);
}


static ngx_int_t
ngx_http_websocket_revoke_ask(ngx_http_websocket_revoking_t *revoking,
    ngx_http_websocket_revoke_t *v)
{
    ngx_int_t                       rc;
    ngx_http_request_t             *r;
    ngx_http_websocket_zone_t      *zone;
    ngx_http_websocket_loc_conf_t  *conf;

    r = revoking->request;
    conf = ngx_http_get_module_loc_conf(r, ngx_http_websocket_module);

    v->time = (int64_t) ngx_time();
    v->until = v->time + conf->revoke;

    revoking->until = v->until;

    zone = ngx_http_websocket_revoke_zone(r);

    rc = zone ? zone->broker->revoke(zone, v)
              : ngx_http_websocket_broker_local.revoke(NULL, v);

    if (rc != NGX_AGAIN) {
        return ngx_http_websocket_revoke_result(revoking, v->rc);
    }

    revoking->pending = v->pending;
    revoking->pending->done = ngx_http_websocket_revoke_done;
    revoking->pending->data = revoking;

    ngx_http_websocket_suspend(r);

    return NGX_DONE;
}


/*
 * Revocations are for the whole nginx.  Those of several nginx go through the
 * first zone that they share.  NULL: there is no zone at all.
 */

static ngx_http_websocket_zone_t *
ngx_http_websocket_revoke_zone(ngx_http_request_t *r)
{
    ngx_uint_t                        i;
    ngx_http_websocket_zone_t       **zone;
    ngx_http_websocket_main_conf_t   *wmcf;

    wmcf = ngx_http_get_module_main_conf(r, ngx_http_websocket_module);
    zone = wmcf->zones.elts;

    for (i = 0; i < wmcf->zones.nelts; i++) {
        if (zone[i]->remote) {
            return zone[i];
        }
    }

    return wmcf->zones.nelts ? zone[0] : NULL;
}


/* the request ends: what was asked for is done all the same */

static void
ngx_http_websocket_revoke_gone(void *data)
{
    ngx_http_websocket_revoking_t  *revoking = data;

    json_decref(revoking->what);

    if (revoking->pending) {
        revoking->pending->done = NULL;
    }
}


static void
ngx_http_websocket_revoke_done(ngx_http_websocket_revoke_t *v)
{
    ngx_http_request_t             *r;
    ngx_http_websocket_revoking_t  *revoking;

    revoking = v->data;
    revoking->pending = NULL;

    r = revoking->request;

    ngx_http_websocket_resume(r);
    ngx_http_websocket_finish(r, ngx_http_websocket_revoke_result(revoking,
                                                                  v->rc));
}


static ngx_int_t
ngx_http_websocket_revoke_result(ngx_http_websocket_revoking_t *revoking,
    ngx_http_websocket_revocation_e rc)
{
    ngx_http_request_t  *r;

    r = revoking->request;

    switch (rc) {

    case NGX_HTTP_WEBSOCKET_REVOKED:
        break;

    case NGX_HTTP_WEBSOCKET_REVOCATIONS_BUSY:
        return ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_SERVICE_UNAVAILABLE, "busy",
                                    "a worker that writes a revocation is "
                                    "suspended: try again");

    case NGX_HTTP_WEBSOCKET_REVOCATIONS_AWAY:
        return ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_SERVICE_UNAVAILABLE,
                                    "broker_away",
                                    "the broker cannot be had: try again");

    default:  /* NGX_HTTP_WEBSOCKET_REVOCATIONS_FULL */
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "websocket has no room for one more revocation");

        return ngx_http_websocket_answer_error(r,
                                    NGX_HTTP_INSUFFICIENT_STORAGE,
                                    "revocations_full",
                                    "there are too many revocations");
    }

    /* the other workers close the user's sessions within a second */

    ngx_http_websocket_auth_revoke();

    return ngx_http_websocket_answer_json(r, NGX_HTTP_OK,
                                     json_pack("{s:O,s:I}", revoking->name,
                                              revoking->what, "until",
                                              (json_int_t) revoking->until));
}
