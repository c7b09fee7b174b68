
#include "broker/ngx_http_websocket_remote_probe.h"
#include "broker/ngx_http_websocket_remote_beat.h"


/* milliseconds */
#define NGX_HTTP_WEBSOCKET_PROBE        500     /* between two numbers */
#define NGX_HTTP_WEBSOCKET_PROBE_LATE   1000    /* that came to the server */
#define NGX_HTTP_WEBSOCKET_PROBE_DEAF   2500    /* without any */

/* of the node, in hexadecimal digits */
#define NGX_HTTP_WEBSOCKET_PROBE_NODE   16


static u_char *ngx_http_websocket_probe_channel(
    ngx_http_websocket_seat_t *seat, u_char *p);
static void ngx_http_websocket_probe_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);


void
ngx_http_websocket_probe(ngx_http_websocket_seat_t *seat)
{
    u_char                        *p;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &seat->remote->redis;

    if (!seat->redis.up || !redis->up) {
        return;
    }

    /*
     * a number that the server has taken must come back by the subscription, or
     * nothing does
     */

    if (seat->taken > seat->heard
        && ngx_current_msec - seat->since >= NGX_HTTP_WEBSOCKET_PROBE_LATE)
    {
        ngx_http_websocket_redis_fail(&seat->redis, "it does not tell us "
                                                    "what is published");
        return;
    }

    if (seat->probing
        || ngx_current_msec - seat->probed < NGX_HTTP_WEBSOCKET_PROBE)
    {
        return;
    }

    command = ngx_http_websocket_redis_command(redis,
                        NGX_WEBSOCKET_RESP_HEADER
                        + ngx_websocket_resp_bulk_size(7)
                        + ngx_websocket_resp_bulk_size(redis->conf->prefix.len
                                                       + 32)
                        + NGX_WEBSOCKET_RESP_NUMBER,
                        ngx_http_websocket_probe_reply, seat->remote);
    if (command == NULL) {
        return;
    }

    seat->probing = 1;
    seat->probed = ngx_current_msec;

    p = ngx_websocket_resp_array(command->last, 3);
    p = ngx_websocket_resp_bulk(p, "PUBLISH", 7);
    p = ngx_http_websocket_probe_channel(seat, p);
    command->last = ngx_websocket_resp_number(p, ++seat->probe);

    ngx_http_websocket_redis_send(redis, command);
}


static u_char *
ngx_http_websocket_probe_channel(ngx_http_websocket_seat_t *seat, u_char *p)
{
    u_char     text[NGX_HTTP_WEBSOCKET_PROBE_NODE];
    ngx_str_t  node;

    node.data = text;
    node.len = ngx_sprintf(text, "%016xL", seat->remote->shared->node) - text;

    return ngx_http_websocket_redis_key(&seat->redis, p, "n:", &node);
}


/* the seat may be another worker's by now, or this one's once more */

static void
ngx_http_websocket_probe_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_seat_t    *seat;
    ngx_http_websocket_remote_t  *remote;

    remote = command->data;
    seat = remote->seat;

    if (seat == NULL) {
        return;
    }

    seat->probing = 0;

    if (value && value->type == NGX_WEBSOCKET_RESP_INTEGER
        && seat->listens && seat->taken <= seat->heard)
    {
        seat->taken = seat->probe;
        seat->since = ngx_current_msec;
    }
}


ngx_int_t
ngx_http_websocket_probe_subscribe(ngx_http_websocket_seat_t *seat)
{
    u_char                        *p;
    ngx_http_websocket_command_t  *command;

    seat->listens = 0;
    seat->taken = seat->heard;

    command = ngx_http_websocket_redis_command(&seat->redis,
                        NGX_WEBSOCKET_RESP_HEADER
                        + ngx_websocket_resp_bulk_size(9)
                        + ngx_websocket_resp_bulk_size(
                                     seat->redis.conf->prefix.len + 32),
                        NULL, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, 2);
    p = ngx_websocket_resp_bulk(p, "SUBSCRIBE", 9);
    command->last = ngx_http_websocket_probe_channel(seat, p);

    ngx_http_websocket_redis_send(&seat->redis, command);

    return NGX_OK;
}


/* a number, or the answer to SUBSCRIBE */

void
ngx_http_websocket_probe_heard(ngx_http_websocket_seat_t *seat,
    ngx_websocket_resp_value_t *number)
{
    ngx_int_t  n;

    seat->listens = 1;

    if (number->type != NGX_WEBSOCKET_RESP_STRING) {
        return;
    }

    n = ngx_atoi(number->data, number->size);

    if (n != NGX_ERROR && (uint64_t) n > seat->heard) {
        seat->heard = n;
        seat->remote->shared->heard = ngx_current_msec;
    }
}


/*
 * Where the server answers this node it is this one that is cut off; where it
 * does not, it may be a failover, and nobody hears anything.
 */

void
ngx_http_websocket_remote_listen(ngx_http_websocket_remote_t *remote)
{
    ngx_uint_t   was;
    ngx_msec_t   silent, most;

    was = remote->zone->deaf;

    /* this worker was suspended, or has begun: what there is to be heard comes */

    if (ngx_current_msec - remote->listened >= NGX_HTTP_WEBSOCKET_PROBE) {
        remote->awake = ngx_current_msec;
    }

    remote->listened = ngx_current_msec;

    most = remote->ready
           && ngx_current_msec - remote->since >= NGX_HTTP_WEBSOCKET_PROBE_DEAF
           ? NGX_HTTP_WEBSOCKET_PROBE_DEAF : NGX_HTTP_WEBSOCKET_SILENT;

    silent = ngx_current_msec - (ngx_msec_t) remote->shared->heard;

    remote->zone->deaf = !ngx_http_websocket_remote_hears(remote)
                         && !remote->conf->stay
                         && remote->shared->heard
                         && ngx_current_msec - remote->awake
                            >= NGX_HTTP_WEBSOCKET_PROBE_DEAF
                         && (ngx_msec_int_t) silent
                            >= (ngx_msec_int_t) most;

    if (remote->zone->deaf && !was) {
        remote->deaf(remote->zone);
    }
}


ngx_uint_t
ngx_http_websocket_remote_hears(ngx_http_websocket_remote_t *remote)
{
    ngx_uint_t                           hears, level;
    ngx_http_websocket_remote_shared_t  *shared;

    shared = remote->shared;

    hears = shared->heard
            && (ngx_msec_int_t) (ngx_current_msec
                                 - (ngx_msec_t) shared->heard)
               < NGX_HTTP_WEBSOCKET_PROBE_DEAF;

    if (shared->hears != hears
        && ngx_atomic_cmp_set(&shared->hears, !hears, hears))
    {
        level = hears ? NGX_LOG_NOTICE : NGX_LOG_ERR;

        ngx_log_error(level, remote->log, 0,
                      "websocket broker \"%V\": zone \"%V\" %s",
                      &remote->conf->name, &remote->zone->name,
                      hears ? "hears what is published" : "is deaf");
    }

    return hears;
}
