
#include "broker/ngx_http_websocket_remote_heal.h"
#include "broker/ngx_http_websocket_remote_beat.h"
#include "broker/ngx_http_websocket_remote_publish.h"
#include "broker/ngx_http_websocket_remote_ring.h"
#include "broker/ngx_http_websocket_redis_greet.h"
#include "broker/ngx_http_websocket_seat.h"
#include "clock/ngx_http_websocket_clock.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_worker.h"
#include "store/channel.h"
#include "store/interest.h"


/* milliseconds: for nodes that were alive, and of what was brought */
#define NGX_HTTP_WEBSOCKET_HEAL_WAIT   3000
#define NGX_HTTP_WEBSOCKET_HEAL_KEEP   60000

/* and for workers of this one, ms */
#define NGX_HTTP_WEBSOCKET_HEAL_LINKED 2000

/* messages that are brought at a time, and of a channel at most */
#define NGX_HTTP_WEBSOCKET_HEAL_FLIGHT 32

/* and so many bytes of them, about */
#define NGX_HTTP_WEBSOCKET_HEAL_BYTES  (4 * 1024 * 1024)
#define NGX_HTTP_WEBSOCKET_HEAL_MOST   4096

/* channels whose newest messages are asked for at once */
#define NGX_HTTP_WEBSOCKET_HEAL_SOME   64

/* bytes of a message that are read into one buffer */
#define NGX_HTTP_WEBSOCKET_HEAL_BUFFER (64 * 1024)

/* of a cursor of SSCAN, in digits */
#define NGX_HTTP_WEBSOCKET_HEAL_SCAN   20


typedef enum {
    NGX_HTTP_WEBSOCKET_HEAL_LINK = 0,   /* other workers know it yet */
    NGX_HTTP_WEBSOCKET_HEAL_ZONE,       /* brings what is in the zone */
    NGX_HTTP_WEBSOCKET_HEAL_RING,       /* what was published of late */
    NGX_HTTP_WEBSOCKET_HEAL_READY,      /* waits for the others */
    NGX_HTTP_WEBSOCKET_HEAL_MERGE,
    NGX_HTTP_WEBSOCKET_HEAL_FINISH
} ngx_http_websocket_heal_stage_e;


struct ngx_http_websocket_heal_s {
    ngx_http_websocket_remote_t      *remote;
    ngx_http_websocket_heal_stage_e   stage;
    ngx_event_t                       event;
    ngx_uint_t                        flight;   /* commands without an answer */
    size_t                            bytes;    /* of them, what is brought */
    unsigned                          waits:1;  /* for an answer, or a tick */
    unsigned                          late:1;   /* not all is there */
    unsigned                          last:1;   /* the end of what is walked */
    unsigned                          reads:1;  /* a channel, by the cursor */
    uint64_t                          merged;   /* messages */
    ngx_msec_t                        begun;

    uint64_t                          next;     /* in the zone, or the ring */
    ngx_uint_t                        n;        /* of these */
    ngx_uint_t                        i;        /* the first one to look at */
    ngx_websocket_store_name_t        names[NGX_HTTP_WEBSOCKET_HEAL_SOME];
    ngx_websocket_position_t          tops[NGX_HTTP_WEBSOCKET_HEAL_SOME];
    ngx_http_websocket_ring_entry_t   entries[NGX_HTTP_WEBSOCKET_HEAL_SOME];
    uint64_t                          places[NGX_HTTP_WEBSOCKET_HEAL_SOME];

    /* the channel that is read */

    ngx_websocket_store_cursor_t      cursor;
    ngx_websocket_store_info_t        info;
    ngx_websocket_store_history_t     history;
    uint64_t                          brought;  /* the offset */

    u_char                            scan[NGX_HTTP_WEBSOCKET_HEAL_SCAN];
    size_t                            scan_size;
    u_char                            buf[NGX_HTTP_WEBSOCKET_HEAL_BUFFER];
};


/* what is brought of a channel: content is head and text, or "xt" */

typedef struct {
    ngx_str_t                         channel;
    ngx_http_websocket_ring_entry_t   entry;
    ngx_str_t                         head;
    ngx_str_t                         text;
} ngx_http_websocket_bring_t;


static void ngx_http_websocket_heal_identified(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static ngx_uint_t ngx_http_websocket_heal_is_turn(
    ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_heal_ask(ngx_http_websocket_remote_t *remote);
static ngx_int_t ngx_http_websocket_heal_agree(
    ngx_http_websocket_remote_t *remote, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_heal_generation(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_heal_turn(ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_heal_begin(ngx_http_websocket_remote_t *remote);
static void ngx_http_websocket_heal_event(ngx_event_t *ev);
static void ngx_http_websocket_heal_go(ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_step(ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_linked(
    ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_some(ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_walk(ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_published(
    ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_tops(ngx_http_websocket_heal_t *heal);
static void ngx_http_websocket_heal_tops_reply(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_heal_channel(
    ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_open(ngx_http_websocket_heal_t *heal,
    ngx_str_t *name, ngx_websocket_position_t *top);
static ngx_int_t ngx_http_websocket_heal_message(
    ngx_http_websocket_heal_t *heal, ngx_str_t *name);
static ngx_int_t ngx_http_websocket_heal_read(ngx_http_websocket_heal_t *heal,
    ngx_str_t *name, ngx_websocket_store_message_t *message, u_char *buf);
static ngx_int_t ngx_http_websocket_heal_rest(ngx_http_websocket_heal_t *heal,
    ngx_str_t *name);
static ngx_int_t ngx_http_websocket_heal_place(ngx_http_websocket_heal_t *heal,
    ngx_str_t *name, uint64_t offset, ngx_str_t *text);
static void ngx_http_websocket_heal_stream(ngx_http_websocket_heal_t *heal,
    ngx_http_websocket_ring_entry_t *entry);
static ngx_int_t ngx_http_websocket_heal_kept(ngx_http_websocket_heal_t *heal);
static ngx_int_t ngx_http_websocket_heal_bring(ngx_http_websocket_heal_t *heal,
    ngx_http_websocket_bring_t *bring, uint64_t at);
static size_t ngx_http_websocket_heal_bring_size(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_bring_t *bring);
static void ngx_http_websocket_heal_brought(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_heal_ready(
    ngx_http_websocket_heal_t *heal);
static void ngx_http_websocket_heal_ready_reply(
    ngx_http_websocket_redis_t *redis, ngx_http_websocket_command_t *command,
    ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_heal_scan(ngx_http_websocket_heal_t *heal);
static void ngx_http_websocket_heal_scanned(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_heal_merge(ngx_http_websocket_heal_t *heal,
    ngx_websocket_resp_value_t *name);
static void ngx_http_websocket_heal_merged(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static ngx_int_t ngx_http_websocket_heal_finish(
    ngx_http_websocket_heal_t *heal);
static void ngx_http_websocket_heal_finished(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static u_char *ngx_http_websocket_heal_key(
    ngx_http_websocket_redis_t *redis, u_char *p, const char *kind,
    ngx_str_t *name);
static ngx_uint_t ngx_http_websocket_heal_refused(
    ngx_http_websocket_redis_t *redis, ngx_websocket_resp_value_t *value,
    const char *what);


static ngx_str_t  ngx_http_websocket_heal_none = ngx_null_string;
static ngx_str_t  ngx_http_websocket_heal_lost = ngx_string("xt");


/* what a command takes: a script with so many keys and numbers */

#define ngx_http_websocket_heal_size(redis, keys, size, numbers)              \
    (NGX_HTTP_WEBSOCKET_REDIS_SCRIPT                                          \
     + (keys) * (ngx_websocket_resp_bulk_size((redis)->conf->prefix.len + 8   \
                                              + 1 + 16 + (size)))             \
     + (numbers) * NGX_WEBSOCKET_RESP_NUMBER)


void
ngx_http_websocket_remote_begin(ngx_http_websocket_remote_t *remote)
{
    if (ngx_http_websocket_redis_identify(&remote->redis,
                                          ngx_http_websocket_heal_identified)
        != NGX_OK)
    {
        ngx_http_websocket_redis_fail(&remote->redis, "memory was refused");
        return;
    }

    remote->asking = 1;
}


/* what was answered before this was by the server that it is */

static void
ngx_http_websocket_heal_identified(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;

    if (ngx_http_websocket_redis_identified(redis, value) != NGX_OK) {
        return;
    }

    if (remote->ready && !ngx_http_websocket_heal_is_turn(remote)) {
        ngx_http_websocket_redis_fail(redis, "another server is the master");
        return;
    }

    ngx_http_websocket_remote_link(remote, 0);
    ngx_http_websocket_heal_ask(remote);
}


/* the server is the one that another worker of the node has found last */

static ngx_uint_t
ngx_http_websocket_heal_is_turn(ngx_http_websocket_remote_t *remote)
{
    u_char  *turn;

    turn = remote->shared->turn;

    return turn[0] == 0
           || ngx_memcmp(turn, remote->redis.generation,
                         sizeof(remote->shared->turn))
              == 0;
}


static void
ngx_http_websocket_heal_ask(ngx_http_websocket_remote_t *remote)
{
    u_char                        *p;
    u_char                         node[NGX_HTTP_WEBSOCKET_NODE];
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &remote->redis;

    command = ngx_http_websocket_redis_command(redis,
                                 ngx_http_websocket_heal_size(redis, 2, 0, 3),
                                 ngx_http_websocket_heal_generation, NULL);
    if (command == NULL) {
        ngx_http_websocket_redis_fail(redis, "memory was refused");
        return;
    }

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_GENERATION, 2, 3);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_redis_key(redis, p, "nodes",
                                     &ngx_http_websocket_heal_none);
    p = ngx_websocket_resp_bulk(p, redis->generation,
                                sizeof(redis->generation));
    p = ngx_websocket_resp_number(p, !remote->shared->known);

    ngx_http_websocket_remote_node(remote, node);

    command->last = ngx_websocket_resp_bulk(p, node, sizeof(node));

    ngx_http_websocket_redis_send(redis, command);
}


void
ngx_http_websocket_remote_link(ngx_http_websocket_remote_t *remote,
    ngx_uint_t ready)
{
    ngx_uint_t  slot;

    if (ready && !remote->ready) {
        remote->since = ngx_current_msec;
    }

    remote->ready = ready;

    slot = ngx_http_websocket_worker_slot();

    if (slot != NGX_HTTP_WEBSOCKET_NO_SLOT) {
        remote->shared->linked[slot] = ready
                                ? ngx_http_websocket_worker_incarnation() : 0;
    }
}


void
ngx_http_websocket_remote_fenced(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_remote_link(remote, 0);

    if (!remote->asking && remote->heal == NULL) {
        ngx_http_websocket_remote_begin(remote);
    }
}


static void
ngx_http_websocket_heal_generation(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    remote->asking = 0;

    if (value == NULL
        || ngx_http_websocket_heal_agree(remote, value) != NGX_DECLINED)
    {
        return;
    }

    if (remote->seat) {
        ngx_http_websocket_heal_begin(remote);

    } else if (!remote->turned) {

        /* whoever has the seat may know nothing of it; once, as this one may
           be wrong */

        remote->turned = 1;
        ngx_http_websocket_heal_turn(remote);
    }
}


/* the server of this worker is the one to be turned to */

static void
ngx_http_websocket_heal_turn(ngx_http_websocket_remote_t *remote)
{
    ngx_memcpy(remote->shared->turn, remote->redis.generation,
               sizeof(remote->shared->turn));

    ngx_http_websocket_seat_wake_all();
}


/* NGX_OK when it is this server's generation, else NGX_DECLINED; NGX_ERROR */

static ngx_int_t
ngx_http_websocket_heal_agree(ngx_http_websocket_remote_t *remote,
    ngx_websocket_resp_value_t *value)
{
    ngx_int_t  floor;

    if (value->type != NGX_WEBSOCKET_RESP_STRING
        || value->size > NGX_HTTP_WEBSOCKET_GEN)
    {
        ngx_http_websocket_redis_fail(&remote->redis,
                                      "its scripts do not work");
        return NGX_ERROR;
    }

    if (value->size <= sizeof(remote->redis.generation)
        || ngx_memcmp(value->data, remote->redis.generation,
                      sizeof(remote->redis.generation))
           != 0)
    {
        return NGX_DECLINED;
    }

    if (value->size != remote->gen_size
        || ngx_memcmp(value->data, remote->gen, value->size) != 0)
    {
        /* epochs of before may be below the floor: none goes on by a hint */

        ngx_http_websocket_remote_forget(remote);

        ngx_memcpy(remote->gen, value->data, value->size);
        remote->gen_size = value->size;
    }

    floor = ngx_atoi(value->data + sizeof(remote->redis.generation) + 1,
                     value->size - sizeof(remote->redis.generation) - 1);

    if (floor > 0) {
        remote->shared->floor = ngx_max(remote->shared->floor,
                                        (uint64_t) floor);
    }

    ngx_memcpy(remote->shared->turn, remote->redis.generation,
               sizeof(remote->shared->turn));

    ngx_http_websocket_remote_link(remote, 1);
    remote->shared->known = 1;

    ngx_post_event(&remote->flush, &ngx_posted_events);

    if (remote->seat) {
        ngx_http_websocket_seat_fills(remote);
    }

    return NGX_OK;
}


static void
ngx_http_websocket_heal_begin(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_heal_t  *heal;

    heal = ngx_alloc(sizeof(ngx_http_websocket_heal_t), remote->log);
    if (heal == NULL) {
        return;
    }

    ngx_memzero(heal, offsetof(ngx_http_websocket_heal_t, names));
    heal->begun = ngx_current_msec;
    heal->scan[0] = '0';
    heal->scan_size = 1;
    heal->remote = remote;

    ngx_http_websocket_heal_turn(remote);

    ngx_http_websocket_remote_event(remote, &heal->event,
                                    ngx_http_websocket_heal_event);

    remote->heal = heal;

    ngx_log_error(NGX_LOG_NOTICE, remote->log, 0,
                  "websocket broker \"%V\" may have lost messages: zone \"%V\" "
                  "brings what it has", &remote->conf->name,
                  &remote->zone->name);

    ngx_http_websocket_heal_go(heal);
}


void
ngx_http_websocket_remote_heal_end(ngx_http_websocket_remote_t *remote)
{
    ngx_http_websocket_heal_t  *heal;

    heal = remote->heal;
    remote->heal = NULL;

    if (heal == NULL) {
        return;
    }

    if (heal->event.posted) {
        ngx_delete_posted_event(&heal->event);
    }

    ngx_free(heal);
}


void
ngx_http_websocket_remote_heal_tick(ngx_http_websocket_remote_t *remote)
{
    if (!remote->redis.up) {
        return;
    }

    if (remote->ready) {

        if (!remote->asking && !ngx_http_websocket_heal_is_turn(remote)) {
            ngx_http_websocket_remote_begin(remote);
        }

        return;
    }

    if (remote->heal == NULL) {

        if (remote->asking) {
            return;
        }

        if (remote->turned && !ngx_http_websocket_heal_is_turn(remote)) {
            ngx_http_websocket_redis_fail(&remote->redis,
                                          "another server is the master");
            return;
        }

        ngx_http_websocket_remote_begin(remote);
        return;
    }

    if (remote->heal->flight == 0) {
        remote->heal->waits = 0;
    }

    ngx_http_websocket_heal_go(remote->heal);
}


static void
ngx_http_websocket_heal_event(ngx_event_t *ev)
{
    ngx_connection_t             *c;
    ngx_http_websocket_remote_t  *remote;

    c = ev->data;
    remote = c->data;

    ngx_http_websocket_heal_go(remote->heal);
}


/* it is called again with each answer, and in each tick */

static void
ngx_http_websocket_heal_go(ngx_http_websocket_heal_t *heal)
{
    ngx_int_t  rc;

    do {
        if (heal->waits || heal->flight >= NGX_HTTP_WEBSOCKET_HEAL_FLIGHT
            || heal->bytes >= NGX_HTTP_WEBSOCKET_HEAL_BYTES)
        {
            return;
        }

        rc = ngx_http_websocket_heal_step(heal);

        if (rc == NGX_ERROR) {
            ngx_http_websocket_redis_fail(&heal->remote->redis,
                                          "memory was refused");
            return;
        }

    } while (rc == NGX_OK && !ngx_http_websocket_turn_over());

    if (rc == NGX_OK) {
        ngx_http_websocket_turn_next(&heal->event);
    }
}


/* NGX_OK; NGX_AGAIN to wait for an answer or a tick; NGX_ERROR */

static ngx_int_t
ngx_http_websocket_heal_step(ngx_http_websocket_heal_t *heal)
{
    switch (heal->stage) {

    case NGX_HTTP_WEBSOCKET_HEAL_LINK:
        return ngx_http_websocket_heal_linked(heal);

    case NGX_HTTP_WEBSOCKET_HEAL_ZONE:
    case NGX_HTTP_WEBSOCKET_HEAL_RING:
        return ngx_http_websocket_heal_some(heal);

    case NGX_HTTP_WEBSOCKET_HEAL_READY:
        return ngx_http_websocket_heal_ready(heal);

    case NGX_HTTP_WEBSOCKET_HEAL_MERGE:
        return ngx_http_websocket_heal_scan(heal);

    default:
        return ngx_http_websocket_heal_finish(heal);
    }
}


/* until no worker has answers of another server's that it has not read */

static ngx_int_t
ngx_http_websocket_heal_linked(ngx_http_websocket_heal_t *heal)
{
    ngx_uint_t     i;
    ngx_atomic_t  *linked;

    linked = heal->remote->shared->linked;

    for (i = 0; i < NGX_WEBSOCKET_STORE_WORKERS; i++) {

        if (linked[i] == 0
            || !ngx_http_websocket_worker_has(i, (uint32_t) linked[i]))
        {
            continue;
        }

        if (ngx_current_msec - heal->begun < NGX_HTTP_WEBSOCKET_HEAL_LINKED) {
            return NGX_AGAIN;
        }

        /* one that hangs may have had an answer that nobody knows of */

        heal->late = 1;
    }

    heal->stage = NGX_HTTP_WEBSOCKET_HEAL_ZONE;

    return NGX_OK;
}


/* looks at the next channel or message; when there is none, asks for tops */

static ngx_int_t
ngx_http_websocket_heal_some(ngx_http_websocket_heal_t *heal)
{
    ngx_int_t   rc;
    ngx_uint_t  zone;

    zone = (heal->stage == NGX_HTTP_WEBSOCKET_HEAL_ZONE);

    if (heal->i < heal->n) {
        return zone ? ngx_http_websocket_heal_channel(heal)
                    : ngx_http_websocket_heal_kept(heal);
    }

    heal->i = 0;
    heal->n = 0;

    if (!heal->last) {
        rc = zone ? ngx_http_websocket_heal_walk(heal)
                  : ngx_http_websocket_heal_published(heal);

        return rc == NGX_OK && heal->n ? ngx_http_websocket_heal_tops(heal)
                                       : rc;
    }

    if (zone) {
        heal->stage = NGX_HTTP_WEBSOCKET_HEAL_RING;
        heal->last = 0;
        heal->next = 0;
        return NGX_OK;
    }

    if (heal->flight) {
        return NGX_AGAIN;
    }

    heal->stage = NGX_HTTP_WEBSOCKET_HEAL_READY;

    return NGX_OK;
}


/* copies that are not live may be old: others have later ones, if anybody */

static ngx_int_t
ngx_http_websocket_heal_walk(ngx_http_websocket_heal_t *heal)
{
    int                         rc;
    ngx_http_websocket_zone_t  *zone;

    zone = heal->remote->zone;
    heal->n = NGX_HTTP_WEBSOCKET_HEAL_SOME;

    rc = ngx_http_websocket_zone_walk(zone, &heal->next,
                                      NGX_WEBSOCKET_STORE_WALK_LIVE,
                                      heal->names, &heal->n);

    heal->last = heal->next >= ngx_websocket_store_buckets(zone->store);

    return rc == NGX_WEBSOCKET_STORE_OK ? NGX_OK : NGX_AGAIN;
}


/* what is older than a node that died is waited for may be of long ago, too */

static ngx_int_t
ngx_http_websocket_heal_published(ngx_http_websocket_heal_t *heal)
{
    uint64_t                          now;
    ngx_int_t                         rc;
    ngx_http_websocket_ring_entry_t  *entry;

    rc = NGX_OK;
    now = ngx_http_websocket_clock_now();

    while (heal->n < NGX_HTTP_WEBSOCKET_HEAL_SOME) {

        entry = &heal->entries[heal->n];

        rc = ngx_http_websocket_remote_ring_next(heal->remote, &heal->next,
                                                 entry, &heal->names[heal->n],
                                                 &heal->places[heal->n]);
        if (rc != NGX_OK) {
            heal->last = (rc == NGX_DONE);
            break;
        }

        if (now - entry->time < NGX_HTTP_WEBSOCKET_SILENT) {
            heal->n++;
        }

        if (ngx_http_websocket_turn_step(1)) {
            break;
        }
    }

    return rc == NGX_BUSY && heal->n == 0 ? NGX_AGAIN : NGX_OK;
}


static ngx_int_t
ngx_http_websocket_heal_tops(ngx_http_websocket_heal_t *heal)
{
    u_char                        *p;
    ngx_str_t                      name;
    ngx_uint_t                     i;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &heal->remote->redis;

    command = ngx_http_websocket_redis_command(redis,
                        ngx_http_websocket_heal_size(redis, heal->n,
                                            NGX_WEBSOCKET_STORE_NAME_SIZE, 0),
                        ngx_http_websocket_heal_tops_reply, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_TOPS, heal->n, 0);

    for (i = 0; i < heal->n; i++) {
        name.data = heal->names[i].data;
        name.len = heal->names[i].size;
        p = ngx_http_websocket_redis_key(redis, p, "s:", &name);
    }

    command->last = p;

    ngx_http_websocket_redis_send(redis, command);

    heal->flight++;
    heal->waits = 1;

    return NGX_OK;
}


static void
ngx_http_websocket_heal_tops_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_uint_t                    i;
    ngx_websocket_position_t     *top;
    ngx_http_websocket_heal_t    *heal;
    ngx_websocket_resp_value_t   *id;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    heal = remote->heal;

    if (value == NULL || ngx_http_websocket_heal_refused(redis, value, NULL)) {
        return;
    }

    heal->flight--;
    heal->waits = 0;

    for (i = 0; i < heal->n; i++) {
        top = &heal->tops[i];
        id = ngx_websocket_resp_at(value, i);

        if (!ngx_websocket_resp_begins(id, "")
            || ngx_websocket_envelope_parse_id(id->data, id->size, &top->epoch,
                                               &top->offset)
               != 0)
        {
            ngx_http_websocket_redis_fail(redis, "its scripts do not work");
            return;
        }
    }

    ngx_http_websocket_heal_go(heal);
}


/* the channel that is looked at, or its next message */

static ngx_int_t
ngx_http_websocket_heal_channel(ngx_http_websocket_heal_t *heal)
{
    ngx_int_t  rc;
    ngx_str_t  name;

    name.data = heal->names[heal->i].data;
    name.len = heal->names[heal->i].size;

    rc = heal->reads ? ngx_http_websocket_heal_message(heal, &name)
                     : ngx_http_websocket_heal_open(heal, &name,
                                                    &heal->tops[heal->i]);

    if (rc == NGX_DONE) {
        heal->reads = 0;
        heal->i++;
        return NGX_OK;
    }

    return rc;
}


/* NGX_DONE when the server has all of it */

static ngx_int_t
ngx_http_websocket_heal_open(ngx_http_websocket_heal_t *heal, ngx_str_t *name,
    ngx_websocket_position_t *top)
{
    int                          rc;
    uint64_t                     from, key[2];
    ngx_websocket_store_info_t  *info;

    info = &heal->info;

    rc = ngx_http_websocket_zone_newest(heal->remote->zone, name, info,
                                        &heal->history, key);

    if (rc == NGX_WEBSOCKET_STORE_BUSY) {
        return NGX_AGAIN;
    }

    if (rc != NGX_WEBSOCKET_STORE_OK
        || (info->epoch & NGX_WEBSOCKET_STORE_OWN)
        || info->epoch < top->epoch
        || (info->epoch == top->epoch
            && (info->ended ? NGX_WEBSOCKET_ENVELOPE_LAST : info->offset)
               <= top->offset))
    {
        return NGX_DONE;
    }

    from = info->epoch == top->epoch ? top->offset + 1 : 1;

    if (info->offset > NGX_HTTP_WEBSOCKET_HEAL_MOST) {
        from = ngx_max(from, info->offset - NGX_HTTP_WEBSOCKET_HEAL_MOST);
    }

    heal->brought = 0;
    heal->reads = 1;

    rc = ngx_http_websocket_zone_seek(heal->remote->zone, name, from,
                                      &heal->cursor, info);

    return rc == NGX_WEBSOCKET_STORE_BUSY ? NGX_AGAIN : NGX_OK;
}


/* what it does not have any more others may have: else it is missed there */

static ngx_int_t
ngx_http_websocket_heal_message(ngx_http_websocket_heal_t *heal,
    ngx_str_t *name)
{
    int                             rc;
    u_char                         *buf;
    ngx_int_t                       result;
    ngx_http_websocket_zone_t      *zone;
    ngx_websocket_store_message_t   message;

    buf = heal->buf;
    zone = heal->remote->zone;

    rc = ngx_http_websocket_zone_read_keyed(zone, &heal->cursor, &message,
                                            buf, sizeof(heal->buf));

    if (rc == NGX_WEBSOCKET_STORE_SHORT) {
        buf = ngx_alloc(message.size, heal->remote->log);
        if (buf == NULL) {
            return NGX_ERROR;
        }

        rc = ngx_http_websocket_zone_read_keyed(zone, &heal->cursor, &message,
                                                buf, message.size);
    }

    switch (rc) {

    case NGX_WEBSOCKET_STORE_OK:
        result = ngx_http_websocket_heal_read(heal, name, &message, buf);
        break;

    case NGX_WEBSOCKET_STORE_EMPTY:
    case NGX_WEBSOCKET_STORE_ENDED:
        result = ngx_http_websocket_heal_rest(heal, name);
        break;

    case NGX_WEBSOCKET_STORE_GAP:
        ngx_http_websocket_zone_skip(zone, &heal->cursor);
        result = NGX_OK;
        break;

    case NGX_WEBSOCKET_STORE_BUSY:
        result = NGX_AGAIN;
        break;

    default:
        result = NGX_DONE;
    }

    if (buf != heal->buf) {
        ngx_free(buf);
    }

    return result;
}


/* makes the envelope anew: where its offset is, is in the text now */

static ngx_int_t
ngx_http_websocket_heal_read(ngx_http_websocket_heal_t *heal, ngx_str_t *name,
    ngx_websocket_store_message_t *message, u_char *buf)
{
    u_char                       head[NGX_WEBSOCKET_RESP_HEADER
                                      + NGX_WEBSOCKET_ENVELOPE_SIZE];
    ngx_websocket_envelope_t     envelope;
    ngx_http_websocket_bring_t   bring;

    ngx_memzero(&envelope, sizeof(ngx_websocket_envelope_t));
    ngx_memzero(&bring, sizeof(ngx_http_websocket_bring_t));

    envelope.id[0] = message->key[0];
    envelope.id[1] = message->key[1];
    envelope.node = message->source ? heal->remote->shared->node : 0;
    envelope.source = message->source;
    envelope.place = NGX_WEBSOCKET_ENVELOPE_NOWHERE;
    envelope.type = message->type;
    envelope.priority = message->priority;
    envelope.meta = message->meta;
    envelope.wall = ngx_http_websocket_clock_wall(message->time) * 1000
                    + message->fraction * 1000 / 256;

    if (heal->history.length) {
        envelope.flags = NGX_WEBSOCKET_ENVELOPE_HISTORY;
        envelope.length = heal->history.length;
        envelope.time = heal->history.time;
        envelope.max = heal->history.max;
    }

    bring.channel = *name;
    bring.entry.epoch = heal->info.epoch;
    bring.entry.offset = message->offset;
    ngx_http_websocket_heal_stream(heal, &bring.entry);

    if (message->key[0] & NGX_WEBSOCKET_ENVELOPE_KEY) {
        bring.entry.key[0] = message->key[0];
        bring.entry.key[1] = message->key[1];
    }

    bring.head.data = head;
    bring.head.len = ngx_websocket_envelope_write(
                         ngx_sprintf(head, "%d ", NGX_WEBSOCKET_ENVELOPE_SIZE),
                         &envelope)
                     - head;

    bring.text.data = buf;
    bring.text.len = message->size;

    heal->brought = message->offset;

    return ngx_http_websocket_heal_bring(heal, &bring, 0);
}


/*
 * The newest one's place is used, at least; of a channel without messages it is
 * its epoch.  Then the end, if there is one.
 */

static ngx_int_t
ngx_http_websocket_heal_rest(ngx_http_websocket_heal_t *heal, ngx_str_t *name)
{
    u_char                       buf[2 + NGX_INT64_LEN];
    ngx_str_t                    end;
    ngx_websocket_store_info_t  *info;

    info = &heal->info;

    if (heal->brought < info->offset || (info->offset == 0 && !info->ended)) {

        heal->brought = info->offset;

        if (!info->ended) {
            heal->reads = 0;
            heal->i++;
        }

        return ngx_http_websocket_heal_place(heal, name, info->offset,
                                             &ngx_http_websocket_heal_lost);
    }

    if (!info->ended) {
        return NGX_DONE;
    }

    heal->reads = 0;
    heal->i++;

    end.data = buf;
    end.len = ngx_sprintf(buf, "xe%uL", info->offset) - buf;

    return ngx_http_websocket_heal_place(heal, name,
                                         NGX_WEBSOCKET_ENVELOPE_LAST, &end);
}


static ngx_int_t
ngx_http_websocket_heal_place(ngx_http_websocket_heal_t *heal, ngx_str_t *name,
    uint64_t offset, ngx_str_t *text)
{
    ngx_http_websocket_bring_t  bring;

    ngx_memzero(&bring, sizeof(ngx_http_websocket_bring_t));

    bring.channel = *name;
    bring.entry.epoch = heal->info.epoch;
    bring.entry.offset = offset;
    bring.text = *text;
    ngx_http_websocket_heal_stream(heal, &bring.entry);

    return ngx_http_websocket_heal_bring(heal, &bring, 0);
}


static void
ngx_http_websocket_heal_stream(ngx_http_websocket_heal_t *heal,
    ngx_http_websocket_ring_entry_t *entry)
{
    ngx_http_websocket_remote_stream(heal->remote, heal->history.length,
                                     heal->history.time, entry);
}


/* a message that was published of late */

static ngx_int_t
ngx_http_websocket_heal_kept(ngx_http_websocket_heal_t *heal)
{
    ngx_websocket_position_t         *top;
    ngx_websocket_store_name_t       *name;
    ngx_http_websocket_bring_t        bring;
    ngx_http_websocket_ring_entry_t  *entry;

    top = &heal->tops[heal->i];
    name = &heal->names[heal->i];
    entry = &heal->entries[heal->i];

    if (entry->epoch < top->epoch
        || (entry->epoch == top->epoch && entry->offset <= top->offset))
    {
        heal->i++;
        return NGX_OK;
    }

    ngx_memzero(&bring, sizeof(ngx_http_websocket_bring_t));

    bring.channel.data = name->data;
    bring.channel.len = name->size;
    bring.entry = *entry;
    bring.text.len = entry->content;

    return ngx_http_websocket_heal_bring(heal, &bring,
                                         heal->places[heal->i++]);
}


/* at is where the text is in the ring, or 0 */

static ngx_int_t
ngx_http_websocket_heal_bring(ngx_http_websocket_heal_t *heal,
    ngx_http_websocket_bring_t *bring, uint64_t at)
{
    size_t                            bytes;
    u_char                           *p, *size;
    ngx_int_t                         rc;
    ngx_str_t                         text;
    ngx_uint_t                        key;
    ngx_http_websocket_redis_t       *redis;
    ngx_http_websocket_command_t     *command;
    u_char                            id[NGX_WEBSOCKET_ENVELOPE_ID];

    redis = &heal->remote->redis;
    key = bring->entry.key[0] != 0;

    command = ngx_http_websocket_redis_command(redis,
                             ngx_http_websocket_heal_bring_size(redis, bring),
                             ngx_http_websocket_heal_brought, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_BRING, 3 + key,
                                        8);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_heal_key(redis, p, "h:", &bring->channel);
    p = ngx_http_websocket_heal_key(redis, p, "b:", NULL);

    if (key) {
        p = ngx_http_websocket_remote_key_name(redis, p, &bring->channel,
                                               bring->entry.key);
    }

    p = ngx_websocket_resp_bulk(p, redis->generation,
                                sizeof(redis->generation));
    p = ngx_websocket_resp_bulk(p, bring->channel.data, bring->channel.len);
    p = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_HEAL_KEEP);
    p = ngx_websocket_resp_number(p, bring->entry.length);
    p = ngx_websocket_resp_number(p, bring->entry.ttl);

    size = ngx_websocket_envelope_print_id(id, bring->entry.epoch,
                                           bring->entry.offset);
    p = ngx_websocket_resp_bulk(p, id, size - id);

    p = ngx_websocket_resp_bulk_header(p, bring->head.len + bring->text.len);
    p = ngx_cpymem(p, bring->head.data, bring->head.len);

    text = bring->text;
    rc = NGX_OK;

    if (at) {
        rc = ngx_http_websocket_remote_ring_read(heal->remote, at, p,
                                                 text.len);
        p += text.len;

    } else {
        p = ngx_cpymem(p, text.data, text.len);
    }

    *p++ = CR;
    *p++ = LF;

    command->last = key ? ngx_websocket_resp_number(p, bring->entry.keep)
                        : ngx_websocket_resp_bulk(p, "", 0);

    if (rc != NGX_OK) {

        /* it was let go for newer ones meanwhile */

        ngx_free(command);
        return NGX_OK;
    }

    bytes = command->last - command->text;
    command->data = (void *) (uintptr_t) bytes;

    ngx_http_websocket_redis_send(redis, command);

    heal->flight++;
    heal->bytes += bytes;

    return NGX_OK;
}


static size_t
ngx_http_websocket_heal_bring_size(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_bring_t *bring)
{
    return ngx_http_websocket_heal_size(redis, 4, bring->channel.len + 33, 5)
           + ngx_websocket_resp_bulk_size(bring->channel.len)
           + ngx_websocket_resp_bulk_size(NGX_WEBSOCKET_ENVELOPE_ID)
           + ngx_websocket_resp_bulk_size(bring->head.len + bring->text.len);
}


static void
ngx_http_websocket_heal_brought(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_heal_t    *heal;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    heal = remote->heal;

    if (value == NULL
        || ngx_http_websocket_heal_refused(redis, value, "to be brought"))
    {
        return;
    }

    heal->flight--;
    heal->bytes -= (size_t) (uintptr_t) command->data;

    ngx_http_websocket_heal_go(heal);
}


static ngx_int_t
ngx_http_websocket_heal_ready(ngx_http_websocket_heal_t *heal)
{
    u_char                              *p;
    u_char                               node[NGX_HTTP_WEBSOCKET_NODE];
    ngx_str_t                            name;
    ngx_uint_t                           i, n;
    ngx_http_websocket_redis_t          *redis;
    ngx_http_websocket_command_t        *command;
    ngx_http_websocket_remote_shared_t  *shared;

    redis = &heal->remote->redis;
    shared = heal->remote->shared;
    n = ngx_min(shared->nnodes, NGX_HTTP_WEBSOCKET_NODES);

    command = ngx_http_websocket_redis_command(redis,
                        ngx_http_websocket_heal_size(redis, 6, 16, 4 + n),
                        ngx_http_websocket_heal_ready_reply, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    ngx_http_websocket_remote_node(heal->remote, node);

    name.data = node;
    name.len = sizeof(node);

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_READY, 6, 4 + n);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_heal_key(redis, p, "d:", NULL);
    p = ngx_http_websocket_heal_key(redis, p, "x:", NULL);
    p = ngx_http_websocket_heal_key(redis, p, "f:", NULL);
    p = ngx_http_websocket_redis_key(redis, p, "nodes",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_redis_key(redis, p, "m:", &name);
    p = ngx_websocket_resp_bulk(p, redis->generation,
                                sizeof(redis->generation));
    p = ngx_websocket_resp_bulk(p, node, sizeof(node));
    p = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_HEAL_WAIT);
    p = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_HEAL_KEEP);

    for (i = 0; i < n; i++) {
        (void) ngx_sprintf(node, "%016xL", shared->nodes[i]);
        p = ngx_websocket_resp_bulk(p, node, sizeof(node));
    }

    command->last = p;

    ngx_http_websocket_redis_send(redis, command);

    heal->flight++;
    heal->waits = 1;

    return NGX_AGAIN;
}


/* while others are waited for, it is asked again with the next tick */

static void
ngx_http_websocket_heal_ready_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_heal_t    *heal;
    ngx_websocket_resp_value_t   *missing, *left;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    heal = remote->heal;

    if (value == NULL || ngx_http_websocket_heal_refused(redis, value, NULL)) {
        return;
    }

    heal->flight--;

    missing = ngx_websocket_resp_at(value, 0);
    left = ngx_websocket_resp_at(value, 1);

    if (left == NULL || missing->type != NGX_WEBSOCKET_RESP_INTEGER
        || left->type != NGX_WEBSOCKET_RESP_INTEGER)
    {
        ngx_http_websocket_redis_fail(redis, "its scripts do not work");
        return;
    }

    if (missing->number && left->number) {
        return;
    }

    if (missing->number) {
        heal->late = 1;

        ngx_log_error(NGX_LOG_ERR, remote->log, 0,
                      "websocket broker \"%V\": %L nodes did not bring what "
                      "they have: channels begin anew", &remote->conf->name,
                      missing->number);
    }

    heal->stage = NGX_HTTP_WEBSOCKET_HEAL_MERGE;
    heal->waits = 0;

    ngx_http_websocket_heal_go(heal);
}


/* some of the channels of which something was brought */

static ngx_int_t
ngx_http_websocket_heal_scan(ngx_http_websocket_heal_t *heal)
{
    u_char                        *p;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    if (heal->flight) {
        return NGX_AGAIN;
    }

    if (heal->scan_size == 0) {
        heal->stage = NGX_HTTP_WEBSOCKET_HEAL_FINISH;
        return NGX_OK;
    }

    redis = &heal->remote->redis;

    command = ngx_http_websocket_redis_command(redis,
                                 ngx_http_websocket_heal_size(redis, 1, 0, 4),
                                 ngx_http_websocket_heal_scanned, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_websocket_resp_array(command->last, 5);
    p = ngx_websocket_resp_bulk(p, "SSCAN", 5);
    p = ngx_http_websocket_heal_key(redis, p, "b:", NULL);
    p = ngx_websocket_resp_bulk(p, heal->scan, heal->scan_size);
    p = ngx_websocket_resp_bulk(p, "COUNT", 5);
    command->last = ngx_websocket_resp_number(p,
                                              NGX_HTTP_WEBSOCKET_HEAL_SOME);

    ngx_http_websocket_redis_send(redis, command);

    heal->flight++;
    heal->waits = 1;

    return NGX_OK;
}


static void
ngx_http_websocket_heal_scanned(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    size_t                        i;
    ngx_http_websocket_heal_t    *heal;
    ngx_websocket_resp_value_t   *scan, *names, *name;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    heal = remote->heal;

    if (value == NULL || ngx_http_websocket_heal_refused(redis, value, NULL)) {
        return;
    }

    heal->flight--;
    heal->waits = 0;

    scan = ngx_websocket_resp_at(value, 0);
    names = ngx_websocket_resp_at(value, 1);

    if (names == NULL || !ngx_websocket_resp_begins(scan, "")
        || scan->size > sizeof(heal->scan))
    {
        ngx_http_websocket_redis_fail(redis, "it does not tell what was "
                                             "brought");
        return;
    }

    heal->scan_size = ngx_websocket_resp_is(scan, "0") ? 0 : scan->size;
    ngx_memcpy(heal->scan, scan->data, heal->scan_size);

    for (i = 0; (name = ngx_websocket_resp_at(names, i)); i++) {

        if (ngx_http_websocket_heal_merge(heal, name) != NGX_OK) {
            ngx_http_websocket_redis_fail(redis, "memory was refused");
            return;
        }
    }

    ngx_http_websocket_heal_go(heal);
}


static ngx_int_t
ngx_http_websocket_heal_merge(ngx_http_websocket_heal_t *heal,
    ngx_websocket_resp_value_t *name)
{
    u_char                        *p;
    ngx_str_t                      channel;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &heal->remote->redis;

    channel.data = name->data;
    channel.len = name->size;

    command = ngx_http_websocket_redis_command(redis,
                         ngx_http_websocket_heal_size(redis, 4, name->size, 1),
                         ngx_http_websocket_heal_merged, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_MERGE, 4, 1);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_redis_key(redis, p, "e",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_redis_key(redis, p, "s:", &channel);
    p = ngx_http_websocket_heal_key(redis, p, "h:", &channel);
    command->last = ngx_websocket_resp_bulk(p, redis->generation,
                                            sizeof(redis->generation));

    ngx_http_websocket_redis_send(redis, command);

    heal->flight++;

    return NGX_OK;
}


static void
ngx_http_websocket_heal_merged(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_heal_t    *heal;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;
    heal = remote->heal;

    if (value == NULL
        || ngx_http_websocket_heal_refused(redis, value, "to be put back"))
    {
        return;
    }

    heal->flight--;

    if (value->type == NGX_WEBSOCKET_RESP_INTEGER && value->number > 0) {
        heal->merged += value->number;
    }

    ngx_http_websocket_heal_go(heal);
}


static ngx_int_t
ngx_http_websocket_heal_finish(ngx_http_websocket_heal_t *heal)
{
    u_char                        *p;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_command_t  *command;

    redis = &heal->remote->redis;

    command = ngx_http_websocket_redis_command(redis,
                                 ngx_http_websocket_heal_size(redis, 6, 0, 3),
                                 ngx_http_websocket_heal_finished, NULL);
    if (command == NULL) {
        return NGX_ERROR;
    }

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_FINISH, 6, 3);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_redis_key(redis, p, "e",
                                     &ngx_http_websocket_heal_none);
    p = ngx_http_websocket_heal_key(redis, p, "b:", NULL);
    p = ngx_http_websocket_heal_key(redis, p, "d:", NULL);
    p = ngx_http_websocket_heal_key(redis, p, "x:", NULL);
    p = ngx_http_websocket_heal_key(redis, p, "f:", NULL);
    p = ngx_websocket_resp_bulk(p, redis->generation,
                                sizeof(redis->generation));
    p = ngx_websocket_resp_number(p, heal->remote->shared->floor);
    command->last = ngx_websocket_resp_number(p, heal->late);

    ngx_http_websocket_redis_send(redis, command);

    heal->flight++;
    heal->waits = 1;

    return NGX_AGAIN;
}


static void
ngx_http_websocket_heal_finished(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_uint_t                    late;
    uint64_t                      merged;
    ngx_http_websocket_remote_t  *remote;

    remote = redis->data;

    if (value == NULL || ngx_http_websocket_heal_refused(redis, value, NULL)) {
        return;
    }

    merged = remote->heal->merged;
    late = remote->heal->late;

    ngx_http_websocket_remote_heal_end(remote);

    switch (ngx_http_websocket_heal_agree(remote, value)) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        ngx_http_websocket_redis_fail(redis, "its generation has changed");
        return;

    default:
        return;
    }

    ngx_log_error(NGX_LOG_NOTICE, remote->log, 0,
                  "websocket broker \"%V\" goes on: %uL messages were put back",
                  &remote->conf->name, merged);

    ngx_http_websocket_remote_count_some(remote,
                                         NGX_HTTP_WEBSOCKET_REMOTE_HEALED,
                                         merged);
    ngx_http_websocket_remote_count_some(remote,
                                         NGX_HTTP_WEBSOCKET_REMOTE_LOST, late);

    ngx_http_websocket_seat_wake_all();
}


/* KIND:GENERATION, or KIND:GENERATION:NAME */

static u_char *
ngx_http_websocket_heal_key(ngx_http_websocket_redis_t *redis, u_char *p,
    const char *kind, ngx_str_t *name)
{
    u_char     text[sizeof(redis->generation) + 1
                    + NGX_WEBSOCKET_STORE_NAME_SIZE];
    ngx_str_t  key;

    key.data = text;
    key.len = sizeof(redis->generation);

    ngx_memcpy(text, redis->generation, key.len);

    if (name) {
        text[key.len++] = ':';
        ngx_memcpy(text + key.len, name->data, name->len);
        key.len += name->len;
    }

    return ngx_http_websocket_redis_key(redis, p, kind, &key);
}


/*
 * Whether the connection is of no use.  A server that is full does not take all
 * that it had: what is said then of what is lost is that.
 */

static ngx_uint_t
ngx_http_websocket_heal_refused(ngx_http_websocket_redis_t *redis,
    ngx_websocket_resp_value_t *value, const char *what)
{
    ngx_http_websocket_remote_t  *remote;

    if (value->type != NGX_WEBSOCKET_RESP_REFUSED) {
        return 0;
    }

    remote = redis->data;

    if (what && ngx_websocket_resp_begins(value, "OOM")) {

        if (!remote->heal->late) {
            ngx_log_error(NGX_LOG_ERR, redis->log, 0,
                          "websocket broker \"%V\" has no room for what is %s: "
                          "channels begin anew", &redis->conf->name, what);
        }

        remote->heal->late = 1;
        return 0;
    }

    ngx_http_websocket_redis_fail(redis, "it does not heal");

    return 1;
}
