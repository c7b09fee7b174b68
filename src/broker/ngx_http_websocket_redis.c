
#include "broker/ngx_http_websocket_redis.h"
#include "broker/ngx_http_websocket_redis_address.h"
#include "broker/ngx_http_websocket_redis_greet.h"
#include "broker/ngx_http_websocket_redis_sentinel.h"
#include "broker/ngx_http_websocket_redis_tls.h"
#include "clock/ngx_http_websocket_turn.h"


/* milliseconds */
#define NGX_HTTP_WEBSOCKET_REDIS_CONNECT  2000
#define NGX_HTTP_WEBSOCKET_REDIS_NEXT     500       /* where there are more */
#define NGX_HTTP_WEBSOCKET_REDIS_TIMEOUT  3000      /* of an answer */
#define NGX_HTTP_WEBSOCKET_REDIS_PAUSE    100
#define NGX_HTTP_WEBSOCKET_REDIS_PAUSES   2000      /* the longest */

/* an error that does not end is logged again after so many seconds */
#define NGX_HTTP_WEBSOCKET_REDIS_AGAIN    60

/* bytes that are read at once, and of a reply */
#define NGX_HTTP_WEBSOCKET_REDIS_READ     (64 * 1024)
#define NGX_HTTP_WEBSOCKET_REDIS_REPLY    (256 * 1024 * 1024)

/* commands that are written at once */
#define NGX_HTTP_WEBSOCKET_REDIS_CHAIN    64

/* bytes between two looks at the clock */
#define NGX_HTTP_WEBSOCKET_REDIS_WRITE    (256 * 1024)

#define ngx_http_websocket_redis_command_size(command)                        \
    ((size_t) ((command)->last - (command)->text) + (command)->body.len)


static void ngx_http_websocket_redis_connect(
    ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_redis_connected(ngx_event_t *ev);
static ngx_err_t ngx_http_websocket_redis_error(ngx_connection_t *c);
static void ngx_http_websocket_redis_begin(
    ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_redis_idle(ngx_event_t *ev);
static void ngx_http_websocket_redis_read(ngx_event_t *ev);
static ngx_int_t ngx_http_websocket_redis_take(
    ngx_http_websocket_redis_t *redis, u_char *p, size_t n);
static void ngx_http_websocket_redis_answer(
    ngx_http_websocket_redis_t *redis, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_redis_write(ngx_event_t *ev);
static void ngx_http_websocket_redis_flush(ngx_event_t *ev);
static ngx_chain_t *ngx_http_websocket_redis_chain(
    ngx_http_websocket_redis_t *redis, ngx_chain_t *cl, ngx_buf_t *b);
static ngx_uint_t ngx_http_websocket_redis_buf(ngx_buf_t *b, u_char *p,
    u_char *last, size_t *skip);
static void ngx_http_websocket_redis_written(
    ngx_http_websocket_redis_t *redis, ngx_chain_t *cl);
static void ngx_http_websocket_redis_await(
    ngx_http_websocket_redis_t *redis);
static ngx_uint_t ngx_http_websocket_redis_level(
    ngx_http_websocket_redis_t *redis, const char *reason);
static void ngx_http_websocket_redis_close(
    ngx_http_websocket_redis_t *redis);
static void ngx_http_websocket_redis_drop(ngx_http_websocket_redis_t *redis,
    ngx_queue_t *commands);
static void ngx_http_websocket_redis_retry(ngx_event_t *ev);


static u_char  ngx_http_websocket_redis_buffer[
                                           NGX_HTTP_WEBSOCKET_REDIS_READ];


void
ngx_http_websocket_redis_start(ngx_http_websocket_redis_t *redis)
{
    ngx_queue_init(&redis->unsent);
    ngx_queue_init(&redis->sent);

    redis->dummy.fd = (ngx_socket_t) -1;
    redis->dummy.data = redis;

    redis->flush.handler = ngx_http_websocket_redis_flush;
    redis->flush.data = &redis->dummy;
    redis->flush.log = redis->log;

    redis->retry.handler = ngx_http_websocket_redis_retry;
    redis->retry.data = &redis->dummy;
    redis->retry.log = redis->log;

    /* whoever waits for an answer has a timer of its own */

    redis->retry.cancelable = 1;

    redis->ended = 0;
    redis->failed = 0;

    ngx_http_websocket_redis_connect(redis);
}


void
ngx_http_websocket_redis_stop(ngx_http_websocket_redis_t *redis)
{
    redis->ended = 1;

    ngx_http_websocket_redis_close(redis);

    if (redis->retry.timer_set) {
        ngx_del_timer(&redis->retry);
    }
}


static void
ngx_http_websocket_redis_retry(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_websocket_redis_t  *redis;

    c = ev->data;
    redis = c->data;

    ngx_http_websocket_redis_connect(redis);
}


static void
ngx_http_websocket_redis_connect(ngx_http_websocket_redis_t *redis)
{
    ngx_memzero(&redis->peer, sizeof(ngx_peer_connection_t));

    redis->peer.get = ngx_event_get_peer;
    redis->peer.log = redis->log;
    redis->peer.log_error = NGX_ERROR_INFO;

    if (ngx_http_websocket_redis_address(redis) == NGX_OK) {
        ngx_http_websocket_redis_dial(redis);
    }
}


void
ngx_http_websocket_redis_dial(ngx_http_websocket_redis_t *redis)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t  *peer;

    peer = &redis->peer;

    redis->resp = ngx_websocket_resp_create(NGX_HTTP_WEBSOCKET_REDIS_REPLY);

    if (redis->resp == NULL) {
        ngx_http_websocket_redis_fail(redis, "memory was refused");
        return;
    }

    rc = ngx_event_connect_peer(peer);

    redis->connection = peer->connection;

    if (rc == NGX_ERROR || rc == NGX_DECLINED || rc == NGX_BUSY) {
        ngx_http_websocket_redis_fail(redis, "cannot connect");
        return;
    }

    c = peer->connection;

    c->data = redis;
    c->addr_text = *peer->name;
    c->read->handler = ngx_http_websocket_redis_idle;
    c->write->handler = ngx_http_websocket_redis_connected;

    /* cancelable: the worker's end does not wait for this */

    c->idle = 1;

    if (rc == NGX_AGAIN) {
        ngx_add_timer(c->write, ngx_http_websocket_redis_patience(redis,
                                         NGX_HTTP_WEBSOCKET_REDIS_CONNECT));
        c->write->cancelable = 1;
        return;
    }

    ngx_http_websocket_redis_begin(redis);
}


/* a Sentinel that is away is not waited for when another one may be there */

ngx_msec_t
ngx_http_websocket_redis_patience(ngx_http_websocket_redis_t *redis,
    ngx_msec_t time)
{
    return redis->conf->nhosts > 1
           && ngx_http_websocket_redis_host(redis) != &redis->master
           ? NGX_HTTP_WEBSOCKET_REDIS_NEXT : time;
}


ngx_http_websocket_broker_host_t *
ngx_http_websocket_redis_host(ngx_http_websocket_redis_t *redis)
{
    return redis->master.host.len && !redis->watch
           ? &redis->master
           : &redis->conf->hosts[redis->turn % redis->conf->nhosts];
}


void
ngx_http_websocket_redis_found(ngx_http_websocket_redis_t *redis)
{
    ngx_http_websocket_redis_close(redis);

    /* a timer that is set keeps its time if that is near */

    if (redis->retry.timer_set) {
        ngx_del_timer(&redis->retry);
    }

    ngx_add_timer(&redis->retry, 1);
}


static void
ngx_http_websocket_redis_connected(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_websocket_redis_t  *redis;

    c = ev->data;
    redis = c->data;

    if (ev->timedout) {
        ngx_http_websocket_redis_fail(redis, "it does not answer");
        return;
    }

    redis->error = ngx_http_websocket_redis_error(c);

    if (redis->error) {
        ngx_http_websocket_redis_fail(redis, "cannot connect");
        return;
    }

    ngx_del_timer(ev);
    ev->cancelable = 0;

    ngx_http_websocket_redis_begin(redis);
}


/* handles the end of a connection attempt */

static ngx_err_t
ngx_http_websocket_redis_error(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    return err;
}


static void
ngx_http_websocket_redis_begin(ngx_http_websocket_redis_t *redis)
{
#if (NGX_SSL)
    if (redis->conf->ssl) {
        ngx_http_websocket_redis_tls(redis);
        return;
    }
#endif

    ngx_http_websocket_redis_ready(redis);
}


void
ngx_http_websocket_redis_ready(ngx_http_websocket_redis_t *redis)
{
    ngx_int_t          rc;
    ngx_connection_t  *c;

    c = redis->connection;

    c->read->handler = ngx_http_websocket_redis_read;
    c->write->handler = ngx_http_websocket_redis_write;

    rc = redis->conf->sentinel.len
         && ngx_http_websocket_redis_host(redis) != &redis->master
         ? ngx_http_websocket_redis_sentinel(redis)
         : ngx_http_websocket_redis_greet(redis);

    if (rc != NGX_OK) {
        ngx_http_websocket_redis_fail(redis, "memory was refused");
        return;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK) {
        ngx_http_websocket_redis_fail(redis, "events cannot be had");
    }
}


/* the connection is not established yet: nothing is read */

static void
ngx_http_websocket_redis_idle(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;
    c->close = 0;
}


static void
ngx_http_websocket_redis_read(ngx_event_t *ev)
{
    ssize_t                      n;
    ngx_connection_t            *c;
    ngx_http_websocket_redis_t  *redis;

    c = ev->data;
    redis = c->data;

    if (c->close) {
        c->close = 0;

        if (redis->handlers->quit) {
            redis->handlers->quit(redis);
        }

        return;
    }

    if (ev->timedout) {
        ngx_http_websocket_redis_fail(redis, "it does not answer");
        return;
    }

    for ( ;; ) {

        n = c->recv(c, ngx_http_websocket_redis_buffer,
                    NGX_HTTP_WEBSOCKET_REDIS_READ);

        if (n == NGX_AGAIN) {
            break;
        }

        if (n == NGX_ERROR || n == 0) {
            ngx_http_websocket_redis_fail(redis, "the connection was closed");
            return;
        }

        if (ngx_http_websocket_redis_take(redis,
                                          ngx_http_websocket_redis_buffer, n)
            != NGX_OK)
        {
            return;
        }

        if (ngx_http_websocket_turn_over()) {
            ngx_http_websocket_turn_next(ev);
            break;
        }
    }

    ngx_http_websocket_redis_await(redis);

    if (ngx_handle_read_event(ev, 0) != NGX_OK) {
        ngx_http_websocket_redis_fail(redis, "events cannot be had");
    }
}


/* NGX_DONE when the connection is gone */

static ngx_int_t
ngx_http_websocket_redis_take(ngx_http_websocket_redis_t *redis, u_char *p,
    size_t n)
{
    int                          rc;
    ngx_websocket_resp_value_t  *value;

    rc = ngx_websocket_resp_feed(redis->resp, p, n);

    while (rc == NGX_WEBSOCKET_RESP_OK) {

        rc = ngx_websocket_resp_next(redis->resp, &value);

        if (rc == NGX_WEBSOCKET_RESP_OK) {

            ngx_http_websocket_redis_answer(redis, value);

            if (redis->connection == NULL) {
                return NGX_DONE;
            }
        }
    }

    if (rc == NGX_WEBSOCKET_RESP_ERROR) {
        ngx_http_websocket_redis_fail(redis,
                                      ngx_websocket_resp_reason(redis->resp));
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
ngx_http_websocket_redis_answer(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value)
{
    ngx_queue_t                   *q;
    ngx_http_websocket_command_t  *command;

    if (ngx_queue_empty(&redis->sent)) {

        if (redis->handlers->push && redis->up) {
            redis->handlers->push(redis, value);
            return;
        }

        ngx_http_websocket_redis_fail(redis, "it answers without being asked");
        return;
    }

    q = ngx_queue_head(&redis->sent);
    ngx_queue_remove(q);

    command = ngx_queue_data(q, ngx_http_websocket_command_t, queue);

    command->reply(redis, command, value);

    ngx_free(command);
}


ngx_http_websocket_command_t *
ngx_http_websocket_redis_command(ngx_http_websocket_redis_t *redis,
    size_t size, ngx_http_websocket_reply_pt reply, void *data)
{
    ngx_http_websocket_command_t  *command;

    command = ngx_alloc(sizeof(ngx_http_websocket_command_t) + size,
                        redis->log);

    if (command) {
        command->reply = reply;
        command->data = data;
        command->body.len = 0;
        command->last = command->text;
    }

    return command;
}


void
ngx_http_websocket_redis_send(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command)
{
    ngx_queue_insert_tail(&redis->unsent, &command->queue);

    ngx_post_event(&redis->flush, &ngx_posted_events);
}


u_char *
ngx_http_websocket_redis_script(ngx_http_websocket_redis_t *redis, u_char *p,
    ngx_websocket_script_e script, size_t keys, size_t args)
{
    p = ngx_websocket_resp_array(p, 3 + keys + args);
    p = ngx_websocket_resp_bulk(p, "EVALSHA", 7);
    p = ngx_websocket_resp_bulk(p, redis->sha[script], 40);

    return ngx_websocket_resp_number(p, keys);
}


u_char *
ngx_http_websocket_redis_key(ngx_http_websocket_redis_t *redis, u_char *p,
    const char *kind, ngx_str_t *name)
{
    size_t      len;
    ngx_str_t  *prefix;

    prefix = &redis->conf->prefix;
    len = ngx_strlen(kind);

    p = ngx_websocket_resp_bulk_header(p, prefix->len + len + name->len);
    p = ngx_cpymem(p, prefix->data, prefix->len);
    p = ngx_cpymem(p, kind, len);
    p = ngx_cpymem(p, name->data, name->len);
    *p++ = CR;
    *p++ = LF;

    return p;
}


size_t
ngx_http_websocket_redis_key_size(ngx_http_websocket_redis_t *redis,
    ngx_str_t *name)
{
    return ngx_websocket_resp_bulk_size(redis->conf->prefix.len + 8
                                        + name->len);
}


static void
ngx_http_websocket_redis_write(ngx_event_t *ev)
{
    ngx_connection_t            *c;
    ngx_http_websocket_redis_t  *redis;

    c = ev->data;
    redis = c->data;

    if (ev->timedout) {
        ngx_http_websocket_redis_fail(redis, "it does not read");
        return;
    }

    ngx_http_websocket_redis_flush(&redis->flush);
}


/* writes all commands of this turn at once */

static void
ngx_http_websocket_redis_flush(ngx_event_t *ev)
{
    ngx_buf_t                    bufs[NGX_HTTP_WEBSOCKET_REDIS_CHAIN];
    ngx_chain_t                  chain[NGX_HTTP_WEBSOCKET_REDIS_CHAIN];
    ngx_chain_t                 *cl;
    ngx_connection_t            *c, *dummy;
    ngx_http_websocket_redis_t  *redis;

    dummy = ev->data;
    redis = dummy->data;
    c = redis->connection;

    if (c == NULL || c->write->handler != ngx_http_websocket_redis_write) {
        return;
    }

    while (!ngx_queue_empty(&redis->unsent) || c->buffered) {

        if (!c->write->ready) {
            break;
        }

        cl = c->send_chain(c, ngx_http_websocket_redis_chain(redis, chain,
                                                             bufs),
                           NGX_HTTP_WEBSOCKET_REDIS_WRITE);
        if (cl == NGX_CHAIN_ERROR) {
            ngx_http_websocket_redis_fail(redis, "the connection was closed");
            return;
        }

        ngx_http_websocket_redis_written(redis, chain);

        if (ngx_http_websocket_turn_over()) {
            ngx_http_websocket_turn_next(&redis->flush);
            break;
        }
    }

    if (ngx_queue_empty(&redis->unsent) && !c->buffered) {

        if (c->write->timer_set) {
            ngx_del_timer(c->write);
        }

    } else if (!c->write->timer_set) {
        ngx_add_timer(c->write, NGX_HTTP_WEBSOCKET_REDIS_TIMEOUT);
    }

    ngx_http_websocket_redis_await(redis);

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_websocket_redis_fail(redis, "events cannot be had");
    }
}


/* returns the first unsent buffer, or NULL when there is none */

static ngx_chain_t *
ngx_http_websocket_redis_chain(ngx_http_websocket_redis_t *redis,
    ngx_chain_t *cl, ngx_buf_t *b)
{
    size_t                         skip;
    ngx_uint_t                     n;
    ngx_queue_t                   *q;
    ngx_http_websocket_command_t  *command;

    n = 0;
    skip = redis->written;

    for (q = ngx_queue_head(&redis->unsent);
         q != ngx_queue_sentinel(&redis->unsent)
         && n + 3 <= NGX_HTTP_WEBSOCKET_REDIS_CHAIN;
         q = ngx_queue_next(q))
    {
        command = ngx_queue_data(q, ngx_http_websocket_command_t, queue);

        if (command->body.len == 0) {
            n += ngx_http_websocket_redis_buf(&b[n], command->text,
                                              command->last, &skip);
            continue;
        }

        n += ngx_http_websocket_redis_buf(&b[n], command->text, command->at,
                                          &skip);
        n += ngx_http_websocket_redis_buf(&b[n], command->body.data,
                                          command->body.data
                                          + command->body.len, &skip);
        n += ngx_http_websocket_redis_buf(&b[n], command->at, command->last,
                                          &skip);
    }

    if (n == 0) {
        cl[0].buf = NULL;
        return NULL;
    }

    b[n - 1].flush = 1;

    while (n--) {
        cl[n].buf = &b[n];
        cl[n].next = b[n].flush ? NULL : &cl[n + 1];
    }

    return cl;
}


/* without the first *skip bytes, which were written; returns 0 if that is all */

static ngx_uint_t
ngx_http_websocket_redis_buf(ngx_buf_t *b, u_char *p, u_char *last,
    size_t *skip)
{
    size_t  n;

    n = ngx_min(*skip, (size_t) (last - p));
    *skip -= n;

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->start = p + n;
    b->pos = b->start;
    b->last = last;
    b->end = last;
    b->memory = 1;

    return b->pos < b->last;
}


static void
ngx_http_websocket_redis_written(ngx_http_websocket_redis_t *redis,
    ngx_chain_t *cl)
{
    ngx_queue_t                   *q;
    ngx_http_websocket_command_t  *command;

    for ( /* void */ ; cl && cl->buf; cl = cl->next) {
        redis->written += cl->buf->pos - cl->buf->start;
    }

    while (!ngx_queue_empty(&redis->unsent)) {

        q = ngx_queue_head(&redis->unsent);
        command = ngx_queue_data(q, ngx_http_websocket_command_t, queue);

        if (redis->written < ngx_http_websocket_redis_command_size(command)) {
            return;
        }

        redis->written -= ngx_http_websocket_redis_command_size(command);

        ngx_queue_remove(q);

        if (command->reply) {
            ngx_queue_insert_tail(&redis->sent, q);

        } else {
            ngx_free(command);
        }
    }
}


/* the time for the next answer, when there is to be one */

static void
ngx_http_websocket_redis_await(ngx_http_websocket_redis_t *redis)
{
    ngx_event_t  *rev;

    rev = redis->connection->read;

    if (!ngx_queue_empty(&redis->sent)) {
        ngx_add_timer(rev, ngx_http_websocket_redis_patience(redis,
                                         NGX_HTTP_WEBSOCKET_REDIS_TIMEOUT));

    } else if (rev->timer_set) {
        ngx_del_timer(rev);
    }
}


void
ngx_http_websocket_redis_welcome(ngx_http_websocket_redis_t *redis)
{
    if (redis->told) {
        ngx_log_error(NGX_LOG_NOTICE, redis->log, 0,
                      "websocket broker \"%V\" at %V is there again",
                      &redis->conf->name,
                      &ngx_http_websocket_redis_host(redis)->url);
        redis->told = 0;
    }

    redis->up = 1;
    redis->handlers->up(redis);
}


void
ngx_http_websocket_redis_fail(ngx_http_websocket_redis_t *redis,
    const char *reason)
{
    ngx_uint_t  level;
    ngx_msec_t  pause;

    if (redis->ended) {
        return;
    }

    level = ngx_http_websocket_redis_level(redis, reason);

    ngx_log_error(level, redis->log, redis->error,
                  "websocket broker \"%V\" at %V: %s", &redis->conf->name,
                  &ngx_http_websocket_redis_host(redis)->url, reason);

    redis->error = 0;

    if (redis->up) {
        redis->failed = 0;
    }

    /* another server may be the master now: a Sentinel is asked again */

    redis->turn++;
    redis->master.host.len = 0;

    ngx_http_websocket_redis_close(redis);

    /* all are tried at once the first time, and later after each failure */

    pause = ngx_min((ngx_msec_t) NGX_HTTP_WEBSOCKET_REDIS_PAUSE
                    << ngx_min(redis->failed, 8),
                    NGX_HTTP_WEBSOCKET_REDIS_PAUSES);

    ngx_add_timer(&redis->retry, redis->failed < redis->conf->nhosts
                                 ? 1 : 1 + ngx_random() % pause);

    redis->failed++;
}


/* what was told within a minute is not told again */

static ngx_uint_t
ngx_http_websocket_redis_level(ngx_http_websocket_redis_t *redis,
    const char *reason)
{
    time_t      now;
    uint32_t    hash;
    ngx_uint_t  i;

    now = ngx_time();

    if (redis->up || redis->told == 0
        || now - redis->told >= NGX_HTTP_WEBSOCKET_REDIS_AGAIN)
    {
        redis->told = now;
        ngx_memzero(redis->reasons, sizeof(redis->reasons));
    }

    hash = ngx_crc32_short((u_char *) reason, ngx_strlen(reason));

    for (i = 0; i < NGX_HTTP_WEBSOCKET_REDIS_REASONS; i++) {

        if (redis->reasons[i] == hash) {
            break;
        }

        if (redis->reasons[i] == 0) {
            redis->reasons[i] = hash;
            return NGX_LOG_ERR;
        }
    }

    return NGX_LOG_INFO;
}


static void
ngx_http_websocket_redis_close(ngx_http_websocket_redis_t *redis)
{
    ngx_uint_t         up;
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    c = redis->connection;
    up = redis->up;

    redis->connection = NULL;
    redis->up = 0;
    redis->known = 0;

    ngx_http_websocket_redis_address_cancel(redis);

    if (c) {
        pool = c->pool;

#if (NGX_SSL)
        if (c->ssl) {
            c->ssl->no_wait_shutdown = 1;
            c->ssl->no_send_shutdown = 1;
            (void) ngx_ssl_shutdown(c);
        }
#endif

        ngx_close_connection(c);

        if (pool) {
            ngx_destroy_pool(pool);
        }
    }

    if (redis->flush.posted) {
        ngx_delete_posted_event(&redis->flush);
    }

    ngx_websocket_resp_destroy(redis->resp);
    redis->resp = NULL;

    redis->written = 0;

    ngx_http_websocket_redis_drop(redis, &redis->sent);
    ngx_http_websocket_redis_drop(redis, &redis->unsent);

    if (up) {
        redis->handlers->down(redis);
    }
}


static void
ngx_http_websocket_redis_drop(ngx_http_websocket_redis_t *redis,
    ngx_queue_t *commands)
{
    ngx_queue_t                   *q;
    ngx_http_websocket_command_t  *command;

    while (!ngx_queue_empty(commands)) {

        q = ngx_queue_head(commands);
        ngx_queue_remove(q);

        command = ngx_queue_data(q, ngx_http_websocket_command_t, queue);

        if (command->reply) {
            command->reply(redis, command, NULL);
        }

        ngx_free(command);
    }
}
