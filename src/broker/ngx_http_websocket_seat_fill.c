
#include "broker/ngx_http_websocket_seat_fill.h"
#include "broker/ngx_http_websocket_remote_heal.h"
#include "broker/ngx_http_websocket_remote_publish.h"


/* channels that are read at a time: the others' commands get through, too */
#define NGX_HTTP_WEBSOCKET_FILLS      64

/* messages that are asked for at once, and about so many bytes of them */
#define NGX_HTTP_WEBSOCKET_FILL_FIRST 16
#define NGX_HTTP_WEBSOCKET_FILL_LEAST 2
#define NGX_HTTP_WEBSOCKET_FILL_MOST  200
#define NGX_HTTP_WEBSOCKET_FILL_SIZE  (256 * 1024)

/* how long a channel without messages is remembered, ms */
#define NGX_HTTP_WEBSOCKET_FILL_FRESH 300000


/* a command that reads a channel */

struct ngx_http_websocket_filling_s {
    ngx_http_websocket_seat_t    *seat;
    ngx_http_websocket_kept_t    *kept;     /* NULL: it was forgotten */

    /* what was the newest one here; with epoch 0 there was none */

    ngx_websocket_position_t      newest;
    uint64_t                      key[2];
};


/* an entry of a stream */

typedef struct {
    uint64_t                      epoch;
    uint64_t                      offset;
    ngx_websocket_resp_value_t   *envelope; /* NULL: it is no message */
    ngx_websocket_resp_value_t   *payload;
    ngx_uint_t                    deleted;  /* the channel was, here */
    ngx_uint_t                    ended;    /* it has, after this offset */
} ngx_http_websocket_stream_entry_t;


static void ngx_http_websocket_fill_queue(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept);
static ngx_int_t ngx_http_websocket_fill_start(
    ngx_http_websocket_seat_t *seat, ngx_http_websocket_kept_t *kept);
static ngx_int_t ngx_http_websocket_fill_command(
    ngx_http_websocket_filling_t *filling);
static void ngx_http_websocket_fill_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_fill_refused(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_websocket_resp_value_t *value);
static void ngx_http_websocket_fill_entries(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_http_websocket_filling_t *filling,
    ngx_websocket_resp_value_t *value);
static ngx_uint_t ngx_http_websocket_fill_is_ours(
    ngx_http_websocket_filling_t *filling,
    ngx_http_websocket_stream_entry_t *entry);
static int ngx_http_websocket_fill_top(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_websocket_resp_value_t *id);
static int ngx_http_websocket_fill_went_back(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept);
static void ngx_http_websocket_fill_failed(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, int rc);
static ngx_int_t ngx_http_websocket_fill_parse(
    ngx_websocket_resp_value_t *value,
    ngx_http_websocket_stream_entry_t *entry);
static ngx_int_t ngx_http_websocket_fill_parse_end(
    ngx_websocket_resp_value_t *end, ngx_http_websocket_stream_entry_t *entry);
static int ngx_http_websocket_fill_entry(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_http_websocket_stream_entry_t *entry);
static int ngx_http_websocket_fill_deleted(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, uint64_t epoch, uint64_t offset);
static int ngx_http_websocket_fill_end(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, uint64_t epoch, uint64_t offset);
static int ngx_http_websocket_fill_place(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_http_websocket_publish_t *p,
    uint64_t epoch);
static void ngx_http_websocket_fill_removed(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, uint64_t epoch);
static void ngx_http_websocket_fill_heard(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, int rc);
static void ngx_http_websocket_fill_done(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept);
static void ngx_http_websocket_fill_pause(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept);


static ngx_str_t  ngx_http_websocket_fill_none = ngx_null_string;


void
ngx_http_websocket_seat_fill(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    if (kept->filling) {
        kept->again = 1;
        return;
    }

    ngx_http_websocket_fill_queue(seat, kept);
    ngx_http_websocket_seat_fill_next(seat);
}


static void
ngx_http_websocket_fill_queue(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    if (!kept->queued && kept->subscribed) {
        kept->queued = 1;
        ngx_queue_insert_tail(&seat->fills, &kept->queue);
    }
}


void
ngx_http_websocket_seat_fill_next(ngx_http_websocket_seat_t *seat)
{
    ngx_queue_t                *q;
    ngx_http_websocket_kept_t  *kept;

    while (!seat->paused && seat->remote->ready
           && seat->filling < NGX_HTTP_WEBSOCKET_FILLS
           && !ngx_queue_empty(&seat->fills))
    {
        q = ngx_queue_head(&seat->fills);
        kept = ngx_queue_data(q, ngx_http_websocket_kept_t, queue);

        ngx_queue_remove(q);
        kept->queued = 0;
        kept->again = 0;

        if (ngx_http_websocket_fill_start(seat, kept) != NGX_OK) {
            ngx_http_websocket_fill_pause(seat, kept);
        }
    }
}


/* it cannot be had now: the tick tries again */

static void
ngx_http_websocket_fill_pause(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    seat->paused = 1;
    ngx_http_websocket_fill_queue(seat, kept);
}


/* NGX_BUSY when the zone is stuck, or memory was refused */

static ngx_int_t
ngx_http_websocket_fill_start(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    int                            rc;
    uint64_t                       key[2];
    ngx_websocket_store_info_t     info;
    ngx_http_websocket_filling_t  *filling;
    ngx_websocket_store_history_t  history;

    rc = ngx_http_websocket_zone_newest(seat->remote->zone, &kept->node.str,
                                        &info, &history, key);

    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND) {
        ngx_http_websocket_seat_drop(seat, kept);
        return NGX_OK;
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        return NGX_BUSY;
    }

    filling = ngx_alloc(sizeof(ngx_http_websocket_filling_t),
                        seat->remote->log);
    if (filling == NULL) {
        return NGX_BUSY;
    }

    filling->seat = seat;
    filling->kept = kept;
    filling->newest.epoch = info.epoch & NGX_WEBSOCKET_STORE_OWN
                            ? 0 : info.epoch;
    filling->newest.offset = info.offset;
    filling->key[0] = key[0];
    filling->key[1] = key[1];

    if (ngx_http_websocket_fill_command(filling) != NGX_OK) {
        ngx_free(filling);
        return NGX_BUSY;
    }

    kept->filling = filling;
    seat->filling++;

    return NGX_OK;
}


/* the newest that is here, which must be there, and what is after it; or all */

static ngx_int_t
ngx_http_websocket_fill_command(ngx_http_websocket_filling_t *filling)
{
    u_char                        *p, *last;
    u_char                         from[NGX_WEBSOCKET_ENVELOPE_ID];
    ngx_http_websocket_kept_t     *kept;
    ngx_http_websocket_redis_t    *redis;
    ngx_http_websocket_remote_t   *remote;
    ngx_http_websocket_command_t  *command;

    kept = filling->kept;
    remote = filling->seat->remote;
    redis = &remote->redis;

    if (kept->most == 0) {
        kept->most = NGX_HTTP_WEBSOCKET_FILL_FIRST;
    }

    command = ngx_http_websocket_redis_command(redis,
                        NGX_HTTP_WEBSOCKET_REDIS_SCRIPT
                        + 3 * ngx_http_websocket_redis_key_size(redis,
                                                            &kept->node.str)
                        + ngx_websocket_resp_bulk_size(remote->gen_size)
                        + ngx_websocket_resp_bulk_size(sizeof(from))
                        + 3 * NGX_WEBSOCKET_RESP_NUMBER,
                        ngx_http_websocket_fill_reply, filling);
    if (command == NULL) {
        return NGX_ERROR;
    }

    last = filling->newest.epoch
           ? ngx_websocket_envelope_print_id(from, filling->newest.epoch,
                                             filling->newest.offset)
           : ngx_cpymem(from, "-", 1);

    p = ngx_http_websocket_redis_script(redis, command->last,
                                        NGX_WEBSOCKET_SCRIPT_READ, 3, 5);
    p = ngx_http_websocket_redis_key(redis, p, "gen",
                                     &ngx_http_websocket_fill_none);
    p = ngx_http_websocket_redis_key(redis, p, "e",
                                     &ngx_http_websocket_fill_none);
    p = ngx_http_websocket_redis_key(redis, p, "s:", &kept->node.str);
    p = ngx_websocket_resp_bulk(p, remote->gen, remote->gen_size);
    p = ngx_websocket_resp_bulk(p, from, last - from);
    p = ngx_websocket_resp_number(p, kept->most);
    p = ngx_websocket_resp_number(p, NGX_HTTP_WEBSOCKET_FILL_FRESH);
    command->last = ngx_websocket_resp_number(p,
                                              NGX_HTTP_WEBSOCKET_FILL_SIZE);

    ngx_http_websocket_redis_send(redis, command);

    return NGX_OK;
}


void
ngx_http_websocket_seat_fill_forget(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    if (kept->filling) {
        kept->filling->kept = NULL;
        kept->filling = NULL;
        seat->filling--;
    }
}


static void
ngx_http_websocket_fill_reply(ngx_http_websocket_redis_t *redis,
    ngx_http_websocket_command_t *command, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_kept_t     *kept;
    ngx_http_websocket_seat_t     *seat;
    ngx_http_websocket_filling_t  *filling;

    filling = command->data;

    seat = filling->seat;
    kept = filling->kept;

    if (kept) {
        kept->filling = NULL;
        seat->filling--;

        if (value == NULL || value->type != NGX_WEBSOCKET_RESP_ARRAY) {
            ngx_http_websocket_fill_refused(seat, kept, value);

        } else {
            ngx_http_websocket_fill_entries(seat, kept, filling, value);
            ngx_http_websocket_seat_fill_next(seat);
        }
    }

    ngx_free(filling);
}


static void
ngx_http_websocket_fill_refused(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_websocket_resp_value_t *value)
{
    ngx_http_websocket_fill_queue(seat, kept);

    if (ngx_websocket_resp_begins(value, "FENCED")) {
        ngx_http_websocket_remote_fenced(seat->remote);

    } else if (value) {
        ngx_http_websocket_redis_fail(&seat->remote->redis,
                                      "it does not let us read");
    }
}


static void
ngx_http_websocket_fill_entries(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_http_websocket_filling_t *filling,
    ngx_websocket_resp_value_t *value)
{
    int                                rc;
    size_t                             i, size;
    ngx_uint_t                         most;
    ngx_websocket_resp_value_t        *entries, *one;
    ngx_http_websocket_stream_entry_t  entry;

    rc = NGX_WEBSOCKET_STORE_OK;
    entries = ngx_websocket_resp_at(value, 1);

    for (size = 0, i = 0;
         rc >= NGX_WEBSOCKET_STORE_OK
         && (one = ngx_websocket_resp_at(entries, i));
         i++)
    {
        if (ngx_http_websocket_fill_parse(one, &entry) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, seat->remote->log, 0,
                          "websocket broker \"%V\": channel \"%V\" has an "
                          "entry that is none", &seat->remote->conf->name,
                          &kept->node.str);
            continue;
        }

        size += entry.payload ? entry.payload->size : 0;

        if (i == 0 && !entry.ended
            && entry.epoch == filling->newest.epoch
            && entry.offset == filling->newest.offset)
        {
            if (!ngx_http_websocket_fill_is_ours(filling, &entry)) {
                rc = ngx_http_websocket_fill_went_back(seat, kept);
            }

            continue;
        }

        ngx_http_websocket_remote_count(seat->remote,
                                        NGX_HTTP_WEBSOCKET_REMOTE_FILLED);

        rc = ngx_http_websocket_fill_entry(seat, kept, &entry);
    }

    kept->fresh = 0;

    if (i == 0) {
        rc = ngx_http_websocket_fill_top(seat, kept,
                                         ngx_websocket_resp_at(value, 0));
    }

    if (rc < NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_fill_failed(seat, kept, rc);
        return;
    }

    most = kept->most;

    if (i) {
        kept->most = ngx_min(NGX_HTTP_WEBSOCKET_FILL_SIZE / (size / i + 1),
                             NGX_HTTP_WEBSOCKET_FILL_MOST);
        kept->most = ngx_max(kept->most, NGX_HTTP_WEBSOCKET_FILL_LEAST);
    }

    if (i < most && !kept->again
        && !ngx_websocket_resp_is(ngx_websocket_resp_at(value, 0), "+"))
    {
        ngx_http_websocket_fill_done(seat, kept);

    } else {
        ngx_http_websocket_fill_queue(seat, kept);
    }
}


/* a message that is not there any more here has no key to be known by */

static ngx_uint_t
ngx_http_websocket_fill_is_ours(ngx_http_websocket_filling_t *filling,
    ngx_http_websocket_stream_entry_t *entry)
{
    if ((filling->key[0] | filling->key[1]) == 0) {
        return 1;
    }

    return entry->envelope && entry->envelope->size >= sizeof(filling->key)
           && ngx_websocket_envelope_is(entry->envelope->data, filling->key);
}


/*
 * There is nothing after the newest that is here, nor that itself: the channel
 * has no messages, or the stream has no more of them, or it is behind.
 */

static int
ngx_http_websocket_fill_top(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_websocket_resp_value_t *id)
{
    int                       rc;
    ngx_websocket_position_t  top;

    if (!ngx_websocket_resp_begins(id, "")
        || ngx_websocket_envelope_parse_id(id->data, id->size, &top.epoch,
                                           &top.offset)
           != 0)
    {
        /* the server is full */

        return NGX_WEBSOCKET_STORE_OK;
    }

    kept->fresh = (top.offset == 0);
    kept->read = ngx_current_msec;

    rc = ngx_http_websocket_hub_reset(seat->remote->zone, &kept->node.str,
                                      top.epoch, top.offset);

    return rc == NGX_WEBSOCKET_STORE_EPOCH
           ? ngx_http_websocket_fill_went_back(seat, kept) : rc;
}


/* what was read here is not there: the channel begins anew, its readers are
   told */

static int
ngx_http_websocket_fill_went_back(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    int  rc;

    rc = ngx_http_websocket_hub_delete(seat->remote->zone, &kept->node.str);

    return rc < NGX_WEBSOCKET_STORE_OK ? rc : NGX_WEBSOCKET_STORE_NOTFOUND;
}


static void
ngx_http_websocket_fill_failed(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, int rc)
{
    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND) {
        ngx_http_websocket_seat_drop(seat, kept);

    } else {
        ngx_http_websocket_fill_pause(seat, kept);
    }
}


static ngx_int_t
ngx_http_websocket_fill_parse(ngx_websocket_resp_value_t *value,
    ngx_http_websocket_stream_entry_t *entry)
{
    size_t                       i;
    ngx_websocket_resp_value_t  *id, *fields, *name, *field, *end;

    end = NULL;
    id = ngx_websocket_resp_at(value, 0);
    fields = ngx_websocket_resp_at(value, 1);

    if (!ngx_websocket_resp_begins(id, "")
        || ngx_websocket_envelope_parse_id(id->data, id->size, &entry->epoch,
                                           &entry->offset)
           != 0)
    {
        return NGX_ERROR;
    }

    entry->envelope = NULL;
    entry->payload = NULL;
    entry->deleted = 0;
    entry->ended = 0;

    for (i = 0; (field = ngx_websocket_resp_at(fields, i + 1)); i += 2) {

        name = ngx_websocket_resp_at(fields, i);

        if (field->type != NGX_WEBSOCKET_RESP_STRING) {
            continue;
        }

        if (ngx_websocket_resp_is(name, "m")) {
            entry->envelope = field;

        } else if (ngx_websocket_resp_is(name, "d")) {
            entry->payload = field;

        } else if (ngx_websocket_resp_is(name, "x")) {
            entry->deleted = ngx_websocket_resp_is(field, "d");
            entry->ended = ngx_websocket_resp_begins(field, "e");
            end = field;
        }
    }

    if (entry->ended) {
        return ngx_http_websocket_fill_parse_end(end, entry);
    }

    return NGX_OK;
}


/* "e" and digits */

static ngx_int_t
ngx_http_websocket_fill_parse_end(ngx_websocket_resp_value_t *end,
    ngx_http_websocket_stream_entry_t *entry)
{
    ngx_int_t  offset;

    offset = ngx_atoi(end->data + 1, end->size - 1);

    if (offset == NGX_ERROR) {
        return NGX_ERROR;
    }

    entry->offset = offset;

    return NGX_OK;
}


static int
ngx_http_websocket_fill_entry(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_http_websocket_stream_entry_t *entry)
{
    ngx_websocket_envelope_t       envelope;
    ngx_websocket_store_part_t     parts[3];
    ngx_http_websocket_publish_t   p;
    ngx_websocket_store_history_t  history;

    if (entry->deleted) {
        return ngx_http_websocket_fill_deleted(seat, kept, entry->epoch,
                                               entry->offset);
    }

    if (entry->ended) {
        return ngx_http_websocket_fill_end(seat, kept, entry->epoch,
                                           entry->offset);
    }

    p.parts = parts;

    if (entry->envelope && entry->payload
        && ngx_websocket_envelope_read(entry->envelope->data,
                                       entry->envelope->size,
                                       entry->payload->size, &envelope)
           == 0)
    {
        ngx_http_websocket_remote_open(seat->remote, &p, &history, &envelope,
                                       entry->payload->data,
                                       entry->payload->size);
    } else {

        /* nobody has it any more, or it is of another version of nodes */

        ngx_memzero(&p.message, sizeof(ngx_websocket_store_message_t));
        p.message.type = NGX_WEBSOCKET_STORE_NOTHING;
        p.n = 0;
        p.history = NULL;
    }

    p.message.offset = entry->offset;

    return ngx_http_websocket_fill_place(seat, kept, &p, entry->epoch);
}


/* what was before it is gone, and whoever has read it is told */

static int
ngx_http_websocket_fill_deleted(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, uint64_t epoch, uint64_t offset)
{
    int                          rc;
    ngx_websocket_store_info_t   info;
    ngx_http_websocket_zone_t   *zone;

    zone = seat->remote->zone;

    rc = ngx_http_websocket_zone_info(zone, &kept->node.str, &info);

    if (rc == NGX_WEBSOCKET_STORE_OK && info.offset) {
        rc = ngx_http_websocket_hub_delete(zone, &kept->node.str);
    }

    if (rc == NGX_WEBSOCKET_STORE_OK) {
        rc = ngx_http_websocket_zone_ask(zone, &kept->node.str);
    }

    if (rc < NGX_WEBSOCKET_STORE_OK && rc != NGX_WEBSOCKET_STORE_EMPTY) {
        return rc;
    }

    return ngx_http_websocket_hub_reset(zone, &kept->node.str, epoch, offset);
}


/* where messages before it are gone for good, its readers are told */

static int
ngx_http_websocket_fill_end(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, uint64_t epoch, uint64_t offset)
{
    int                         rc;
    ngx_http_websocket_zone_t  *zone;

    zone = seat->remote->zone;

    rc = ngx_http_websocket_hub_end(zone, &kept->node.str, epoch, offset);

    if (rc != NGX_WEBSOCKET_STORE_GAP && rc != NGX_WEBSOCKET_STORE_EPOCH) {
        return rc;
    }

    rc = ngx_http_websocket_hub_reset(zone, &kept->node.str, epoch, offset);

    if (rc == NGX_WEBSOCKET_STORE_EPOCH) {
        return ngx_http_websocket_fill_went_back(seat, kept);
    }

    return rc < NGX_WEBSOCKET_STORE_OK
           ? rc : ngx_http_websocket_hub_end(zone, &kept->node.str, epoch,
                                             offset);
}


/* as above */

static int
ngx_http_websocket_fill_place(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, ngx_http_websocket_publish_t *p,
    uint64_t epoch)
{
    int                         rc;
    ngx_http_websocket_zone_t  *zone;

    zone = seat->remote->zone;
    p->channel = kept->node.str;

    rc = ngx_http_websocket_hub_place(zone, p, epoch, 1);

    if (rc == NGX_WEBSOCKET_STORE_ENDED) {
        return ngx_http_websocket_fill_went_back(seat, kept);
    }

    if (rc != NGX_WEBSOCKET_STORE_EPOCH) {
        return rc;
    }

    rc = ngx_http_websocket_hub_reset(zone, &kept->node.str, epoch,
                                      p->message.offset - 1);

    if (rc == NGX_WEBSOCKET_STORE_EPOCH) {

        return ngx_http_websocket_fill_went_back(seat, kept);
    }

    return rc < NGX_WEBSOCKET_STORE_OK
           ? rc : ngx_http_websocket_hub_place(zone, p, epoch, 1);
}


static void
ngx_http_websocket_fill_done(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept)
{
    int  rc;

    rc = ngx_http_websocket_zone_enliven(seat->remote->zone, &kept->node.str);

    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND) {
        ngx_http_websocket_seat_drop(seat, kept);
        return;
    }

    if (rc != NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_fill_pause(seat, kept);
        return;
    }

    kept->live = 1;

    ngx_post_event(&seat->tell, &ngx_posted_events);
}


/* with epoch 0 there were no messages, but there may be subscribers */

static void
ngx_http_websocket_fill_removed(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, uint64_t epoch)
{
    int                          rc;
    ngx_websocket_store_info_t   info;
    ngx_http_websocket_zone_t   *zone;

    zone = seat->remote->zone;

    rc = ngx_http_websocket_zone_info(zone, &kept->node.str, &info);

    if (rc == NGX_WEBSOCKET_STORE_OK
        && (epoch == 0 || (!(info.epoch & NGX_WEBSOCKET_STORE_OWN)
                           && info.epoch < epoch)))
    {
        rc = ngx_http_websocket_hub_delete(zone, &kept->node.str);

        if (rc == NGX_WEBSOCKET_STORE_OK) {
            rc = NGX_WEBSOCKET_STORE_NOTFOUND;
        }
    }

    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND) {
        ngx_http_websocket_seat_drop(seat, kept);

    } else if (epoch) {

        /* it began anew already, or could not be deleted now */

        ngx_http_websocket_seat_fill(seat, kept);
    }
}


void
ngx_http_websocket_seat_hear(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, const u_char *text, size_t size)
{
    ngx_websocket_heard_t          heard;
    ngx_websocket_store_part_t     parts[3];
    ngx_http_websocket_publish_t   p;
    ngx_websocket_store_history_t  history;

    if (ngx_websocket_envelope_hear(text, size, &heard) != 0) {

        /* what it may have been, the stream says */

        ngx_http_websocket_seat_fill(seat, kept);
        return;
    }

    if (heard.kind == NGX_WEBSOCKET_ENVELOPE_DELETED) {

        ngx_http_websocket_fill_removed(seat, kept, heard.epoch);
        return;
    }

    if (heard.kind == NGX_WEBSOCKET_ENVELOPE_ENDED) {
        ngx_http_websocket_fill_heard(seat, kept,
                        ngx_http_websocket_hub_end(seat->remote->zone,
                                                   &kept->node.str,
                                                   heard.epoch, heard.offset));
        return;
    }

    p.parts = parts;
    p.channel = kept->node.str;

    ngx_http_websocket_remote_open(seat->remote, &p, &history, &heard.envelope,
                                   heard.payload, heard.size);

    if (heard.kind == NGX_WEBSOCKET_ENVELOPE_EPHEMERAL) {
        p.message.ephemeral = 1;
        (void) ngx_http_websocket_hub_place(seat->remote->zone, &p, 0, 0);
        return;
    }

    ngx_http_websocket_remote_count(seat->remote,
                                    NGX_HTTP_WEBSOCKET_REMOTE_RECEIVED);

    p.message.offset = heard.offset;

    ngx_http_websocket_fill_heard(seat, kept,
                        ngx_http_websocket_hub_place(seat->remote->zone, &p,
                                                     heard.epoch, 0));
}


/* what the zone said of it */

static void
ngx_http_websocket_fill_heard(ngx_http_websocket_seat_t *seat,
    ngx_http_websocket_kept_t *kept, int rc)
{
    if (rc == NGX_WEBSOCKET_STORE_NOTFOUND) {
        ngx_http_websocket_seat_drop(seat, kept);

    } else if (rc < NGX_WEBSOCKET_STORE_OK) {
        ngx_http_websocket_remote_count(seat->remote,
                                        NGX_HTTP_WEBSOCKET_REMOTE_GAPS);
        ngx_http_websocket_seat_fill(seat, kept);
    }
}
