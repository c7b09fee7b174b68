
#include "broker/ngx_http_websocket_remote_revoke.h"


/* revocations that are asked for at a time */
#define NGX_HTTP_WEBSOCKET_REVOKE_SCAN  "100"

/* a key in hexadecimal digits, and the cursor of a reading */
#define NGX_HTTP_WEBSOCKET_REVOKE_KEY     32
#define NGX_HTTP_WEBSOCKET_REVOKE_CURSOR  24


/* a revocation that has not completed; its command may outlive it */

typedef struct ngx_http_websocket_revoking_s  ngx_http_websocket_revoking_t;

typedef struct {
    ngx_http_websocket_revoking_t  *revoking;   /* NULL: nobody waits */
} ngx_http_websocket_revoke_sent_t;

struct ngx_http_websocket_revoking_s {
    ngx_event_t                        timer;
    ngx_http_websocket_revoke_t        v;
    ngx_http_websocket_revoke_sent_t  *sent;
};


static ngx_int_t ngx_http_websocket_revoke_send(
    ngx_http_websocket_remote_t *remote, ngx_http_websocket_revoke_t *v,
    ngx_http_websocket_revoke_sent_t *sent);
static void ngx_http_websocket_revoke_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_revoke_timeout(ngx_event_t *ev);
static void ngx_http_websocket_revoke_complete(
    ngx_http_websocket_revoking_t *revoking,
    ngx_http_websocket_revocation_e rc);
static ngx_int_t ngx_http_websocket_revocations_scan(
    ngx_http_websocket_remote_t *remote, ngx_str_t *cursor);
static void ngx_http_websocket_revocations_reply(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_revocations_entry(
    ngx_http_websocket_remote_t *remote, ngx_websocket_resp_value_t *key,
    ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_revocation_parse(
    ngx_websocket_resp_value_t *key, ngx_websocket_resp_value_t *value,
    ngx_http_websocket_revoke_t *v);


static ngx_str_t  ngx_http_websocket_revoke_none = ngx_null_string;


ngx_int_t
ngx_http_websocket_remote_revoke(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_revoke_t *v)
{
    ngx_http_websocket_remote_t       *remote;
    ngx_http_websocket_revoking_t     *revoking;
    ngx_http_websocket_revoke_sent_t  *sent;

    remote = zone->remote;

    v->rc = NGX_HTTP_WEBSOCKET_REVOCATIONS_AWAY;

    if (!remote->redis.up) {
        return NGX_OK;
    }

    revoking = ngx_calloc(sizeof(ngx_http_websocket_revoking_t), remote->log);
    sent = ngx_alloc(sizeof(ngx_http_websocket_revoke_sent_t), remote->log);

    if (revoking == NULL || sent == NULL
        || ngx_http_websocket_revoke_send(remote, v, sent) != NGX_OK)
    {
        ngx_free(revoking);
        ngx_free(sent);

        return NGX_OK;
    }

    sent->revoking = revoking;

    revoking->sent = sent;
    revoking->v = *v;
    revoking->v.done = NULL;

    /* not cancelable: a worker that shuts down waits for it */

    ngx_http_websocket_remote_event(remote, &revoking->timer,
                                    ngx_http_websocket_revoke_timeout);
    ngx_add_timer(&revoking->timer, remote->conf->wait);

    v->pending = &revoking->v;

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_websocket_revoke_send(ngx_http_websocket_remote_t *remote,
    ngx_http_websocket_revoke_t *v, ngx_http_websocket_revoke_sent_t *sent)
{
    u_char                        *p;
    u_char                         key[NGX_HTTP_WEBSOCKET_REVOKE_KEY];
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &remote->redis;

    command = ngx_http_websocket_redis_command(redis,
                     NGX_HTTP_WEBSOCKET_REDIS_SCRIPT
                     + 2 * ngx_http_websocket_redis_key_size(redis,
                                            &ngx_http_websocket_revoke_none)
                     + ngx_websocket_resp_bulk_size(sizeof(key))
                     + 4 * NGX_WEBSOCKET_RESP_NUMBER,
                     ngx_http_websocket_revoke_reply, sent);
    if (command == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_hex_dump(key, v->key.hash, sizeof(v->key.hash));

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_REVOKE, 2, 5);
    p = ngx_http_websocket_redis_key(redis, p, "rev",
                                     &ngx_http_websocket_revoke_none);
    p = ngx_http_websocket_redis_key(redis, p, "rev:n",
                                     &ngx_http_websocket_revoke_none);
    p = ngx_websocket_resp_bulk(p, key, sizeof(key));
    p = ngx_websocket_resp_number(p, v->time);
    p = ngx_websocket_resp_number(p, v->until);
    p = ngx_websocket_resp_number(p, ngx_time());
    command->last = ngx_websocket_resp_number(p,
                                          NGX_HTTP_WEBSOCKET_REVOCATIONS_MAX);

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static void
ngx_http_websocket_revoke_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_revoke_t       *v;
    ngx_http_websocket_revocation_e    rc;
    ngx_http_websocket_revoking_t     *revoking;
    ngx_http_websocket_revoke_sent_t  *sent;

    sent = command->data;
    revoking = sent->revoking;

    ngx_free(sent);

    if (revoking == NULL) {
        return;
    }

    revoking->sent = NULL;
    v = &revoking->v;

    /* it may be revoked all the same, which to do again does no harm */

    rc = NGX_HTTP_WEBSOCKET_REVOCATIONS_AWAY;

    if (value && value->type == NGX_WEBSOCKET_RESP_INTEGER) {
        rc = value->number
             ? ngx_http_websocket_revocation_add(&v->key, v->time, v->until)
             : NGX_HTTP_WEBSOCKET_REVOCATIONS_FULL;
    }

    ngx_http_websocket_revoke_complete(revoking, rc);
}


static void
ngx_http_websocket_revoke_timeout(ngx_event_t *ev)
{
    ngx_http_websocket_revoking_t  *revoking;

    revoking = ngx_queue_data(ev, ngx_http_websocket_revoking_t, timer);

    revoking->sent->revoking = NULL;

    ngx_http_websocket_revoke_complete(revoking,
                                       NGX_HTTP_WEBSOCKET_REVOCATIONS_AWAY);
}


static void
ngx_http_websocket_revoke_complete(ngx_http_websocket_revoking_t *revoking,
    ngx_http_websocket_revocation_e rc)
{
    if (revoking->timer.timer_set) {
        ngx_del_timer(&revoking->timer);
    }

    revoking->v.rc = rc;

    if (revoking->v.done) {
        revoking->v.done(&revoking->v);
    }

    ngx_free(revoking);
}


/* while they are read, what was revoked meanwhile makes the number another */

void
ngx_http_websocket_remote_revocations(ngx_http_websocket_remote_t *remote,
    int64_t number)
{
    ngx_str_t  cursor;

    if (remote->revocations == number || remote->reading_revocations) {
        return;
    }

    ngx_str_set(&cursor, "0");

    if (ngx_http_websocket_revocations_scan(remote, &cursor) == NGX_OK) {
        remote->reading_revocations = 1;
        remote->next_revocations = number;
    }
}


static ngx_int_t
ngx_http_websocket_revocations_scan(ngx_http_websocket_remote_t *remote,
    ngx_str_t *cursor)
{
    u_char                        *p;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &remote->redis;

    command = ngx_http_websocket_redis_command(redis,
                     NGX_WEBSOCKET_RESP_HEADER
                     + 3 * ngx_websocket_resp_bulk_size(5)
                     + ngx_http_websocket_redis_key_size(redis,
                                            &ngx_http_websocket_revoke_none)
                     + ngx_websocket_resp_bulk_size(cursor->len),
                     ngx_http_websocket_revocations_reply, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, 5);
    p = ngx_websocket_resp_bulk(p, "HSCAN", 5);
    p = ngx_http_websocket_redis_key(redis, p, "rev",
                                     &ngx_http_websocket_revoke_none);
    p = ngx_websocket_resp_bulk(p, cursor->data, cursor->len);
    p = ngx_websocket_resp_bulk(p, "COUNT", 5);
    command->last = ngx_websocket_resp_bulk(p, NGX_HTTP_WEBSOCKET_REVOKE_SCAN,
                              sizeof(NGX_HTTP_WEBSOCKET_REVOKE_SCAN) - 1);

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


static void
ngx_http_websocket_revocations_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    size_t                        i;
    ngx_str_t                     text;
    ngx_websocket_resp_value_t   *cursor, *entries;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    remote->reading_revocations = 0;

    if (value == NULL) {
        return;
    }

    cursor = ngx_websocket_resp_at(value, 0);
    entries = ngx_websocket_resp_at(value, 1);

    if (entries == NULL || cursor->type != NGX_WEBSOCKET_RESP_STRING
        || cursor->size > NGX_HTTP_WEBSOCKET_REVOKE_CURSOR
        || entries->type != NGX_WEBSOCKET_RESP_ARRAY)
    {
        ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                      "websocket broker \"%V\" does not tell its revocations",
                      &remote->conf->name);
        return;
    }

    for (i = 0; i + 1 < entries->size; i += 2) {
        ngx_http_websocket_revocations_entry(remote, entries->elements[i],
                                             entries->elements[i + 1]);
    }

    if (ngx_websocket_resp_is(cursor, "0")) {
        remote->revocations = remote->next_revocations;
        return;
    }

    text.data = cursor->data;
    text.len = cursor->size;

    if (ngx_http_websocket_revocations_scan(remote, &text) == NGX_OK) {
        remote->reading_revocations = 1;
    }
}


static void
ngx_http_websocket_revocations_entry(ngx_http_websocket_remote_t *remote,
    ngx_websocket_resp_value_t *key, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_revoke_t  v;

    if (ngx_http_websocket_revocation_parse(key, value, &v) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                      "websocket broker \"%V\" has a revocation that is none",
                      &remote->conf->name);
        return;
    }

    if (v.until > (int64_t) ngx_time()
        && ngx_http_websocket_revocation_add(&v.key, v.time, v.until)
           == NGX_HTTP_WEBSOCKET_REVOCATIONS_FULL)
    {
        ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                      "websocket has no room for a revocation of broker "
                      "\"%V\"", &remote->conf->name);
    }
}


/* the key in hexadecimal digits; TIME UNTIL */

static ngx_int_t
ngx_http_websocket_revocation_parse(ngx_websocket_resp_value_t *key,
    ngx_websocket_resp_value_t *value, ngx_http_websocket_revoke_t *v)
{
    u_char     *space;
    size_t      i;
    ngx_int_t   digit;

    if (key->type != NGX_WEBSOCKET_RESP_STRING
        || key->size != NGX_HTTP_WEBSOCKET_REVOKE_KEY
        || value->type != NGX_WEBSOCKET_RESP_STRING)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < sizeof(v->key.hash); i++) {

        digit = ngx_hextoi(key->data + 2 * i, 2);

        if (digit == NGX_ERROR) {
            return NGX_ERROR;
        }

        v->key.hash[i] = (u_char) digit;
    }

    space = ngx_strlchr(value->data, value->data + value->size, ' ');

    if (space == NULL) {
        return NGX_ERROR;
    }

    v->time = ngx_atotm(value->data, space - value->data);
    v->until = ngx_atotm(space + 1, value->data + value->size - (space + 1));

    return v->time == NGX_ERROR || v->until == NGX_ERROR ? NGX_ERROR : NGX_OK;
}
