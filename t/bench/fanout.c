
/*
 * Fan-out: subscribers on channels, bursts of messages in flight: the next
 * burst is published when all subscribers have all of the last one.  All
 * subscribers of a channel must get the same messages, byte by byte, in the
 * same order, and those of one publisher in the order of publishing.
 *
 * With --json a message is an object, and a subscriber of a view must get the
 * text of that view.
 */


#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "load.h"
#include "frame.h"


#define BENCH_ID_SIZE   8
#define BENCH_JSON_AT   9               /* the id in a JSON text */
#define BENCH_JSON_CHANNEL  30          /* the channel's digit */
#define BENCH_JSON_ID   1000000000      /* its first: all have one size */
#define BENCH_HTTP_MAX  64


typedef struct {
    uint8_t   *text;
    size_t     size;
    size_t     head;                /* of its frame */
} bench_view_t;


typedef struct {
    uint64_t   id;
    uint64_t   sent;                /* when, ns */
    uint8_t   *frames[BENCH_VIEWS]; /* as a server must send it */
    uint8_t   *packed;              /* the first compressed frame of it */
    size_t     packed_size;
    uint32_t   left;                /* subscribers that have not got it */
    uint32_t   channel;
    uint32_t   publisher;
} bench_slot_t;


typedef struct {
    uint64_t   count;               /* messages that somebody has got */
    uint64_t  *order;               /* their ids, a ring */
    uint64_t  *last;                /* 1 + the newest id of each publisher */
    uint32_t   subscribers;
} bench_channel_t;


static bench_conn_t     *bench_subs;
static bench_conn_t     *bench_pubs;
static bench_conn_t    **bench_free_pubs;   /* HTTP: no answer is awaited */
static uint32_t          bench_npubs, bench_nfree;
static bench_slot_t     *bench_slots;
static bench_channel_t  *bench_channels;
static uint32_t          bench_nslots;      /* a power of two */
static bench_view_t      bench_views[BENCH_VIEWS];
static uint32_t          bench_nviews;
static uint64_t          bench_id;          /* of the next message */
static uint64_t          bench_deliveries;
static uint32_t          bench_inflight;
static uint32_t          bench_burst;       /* still to be published of it */


static void bench_hub_message(bench_conn_t *c, uint8_t *p, size_t size);


/* The views of typed.py; the first one is the message itself. */

static const char       *bench_json[BENCH_VIEWS] = {
    ("{\"value\":1000000000,\"channel\":0,\"name\":\"meter\",\"unit\":\"ms\","
     "\"ok\":true,\"text\":\""),
    "{\"value\":1000000000,\"name\":\"meter\"}",
    "{\"value\":1000000000,\"unit\":\"ms\",\"ok\":true}"
};


static void
bench_put_id(uint8_t *p, uint64_t id)
{
    int  i;

    if (bench_options.json) {
        id += BENCH_JSON_ID;

        for (i = BENCH_JSON_AT + 9; i >= BENCH_JSON_AT; i--) {
            p[i] = '0' + id % 10;
            id /= 10;
        }

        return;
    }

    for (i = BENCH_ID_SIZE - 1; i >= 0; i--) {
        p[i] = "0123456789abcdef"[id & 0xf];
        id >>= 4;
    }
}


static uint64_t
bench_get_id(const uint8_t *p)
{
    int       i;
    uint64_t  id;

    id = 0;

    if (bench_options.json) {

        for (i = BENCH_JSON_AT; i < BENCH_JSON_AT + 10; i++) {
            id = 10 * id + p[i] - '0';
        }

        return id - BENCH_JSON_ID;
    }

    for (i = 0; i < BENCH_ID_SIZE; i++) {
        id = (id << 4) | (p[i] <= '9' ? p[i] - '0' : p[i] - 'a' + 10);
    }

    return id;
}


static void
bench_texts_init(void)
{
    uint32_t       i, size;
    uint8_t       *text;
    bench_view_t  *view;

    size = bench_options.size;
    text = bench_alloc(size);

    for (i = 0; i < size; i++) {
        text[i] = bench_options.json
                  ? "abcdefghijklmnopqrstuvwxyz"[i % 26]
                  : "abcdefghijklmnopqrstuvwxyz \"{}:,"[(i * 7) & 31];
    }

    if (bench_options.json) {
        memcpy(text, bench_json[0], strlen(bench_json[0]));
        memcpy(text + size - 2, "\"}", 2);
    }

    bench_nviews = bench_options.json ? bench_options.json : 1;
    bench_views[0].text = text;
    bench_views[0].size = size;

    for (i = 1; i < bench_nviews; i++) {
        view = &bench_views[i];
        view->text = (uint8_t *) bench_json[i];
        view->size = strlen(bench_json[i]);
    }
}


static void
bench_frames_init(bench_slot_t *m)
{
    uint32_t       i;
    bench_view_t  *view;

    for (i = 0; i < bench_nviews; i++) {
        view = &bench_views[i];
        m->frames[i] = bench_alloc(view->size + BENCH_HEAD_SIZE);
        view->head = bench_frame_put(m->frames[i], BENCH_FIN | BENCH_TEXT,
                                     view->size, NULL);
        memcpy(m->frames[i] + view->head, view->text, view->size);
    }
}


static void
bench_slots_init(void)
{
    uint32_t       i;
    bench_slot_t  *m;

    bench_texts_init();

    for (bench_nslots = 4;
         bench_nslots < 4 * bench_options.inflight;
         bench_nslots *= 2)
    {
        /* void */
    }

    bench_slots = bench_alloc(bench_nslots * sizeof(bench_slot_t));

    for (i = 0; i < bench_nslots; i++) {
        m = &bench_slots[i];
        bench_frames_init(m);
        m->packed = bench_alloc(bench_options.size + 1024);
    }
}


static void
bench_channels_init(void)
{
    uint32_t          i;
    bench_channel_t  *ch;

    bench_channels = bench_alloc(bench_options.channels
                                 * sizeof(bench_channel_t));

    if (bench_options.connections == 0) {
        return;
    }

    for (i = 0; i < bench_options.channels; i++) {
        ch = &bench_channels[i];
        ch->order = bench_alloc(bench_nslots * sizeof(uint64_t));
        ch->last = bench_alloc((bench_npubs + 1) * sizeof(uint64_t));
    }

    for (i = 0; i < bench_options.connections; i++) {
        bench_channels[i % bench_options.channels].subscribers++;
    }
}


/* The answer to a POST. */

static void
bench_hub_posted(bench_conn_t *c, uint8_t *p, size_t size)
{
    if (size < 12 || p[9] != '2') {
        bench_fail("a publish was answered: %.*s", (int) size, p);
    }

    c->busy = 0;
    bench_free_pubs[bench_nfree++] = c;
}


void
bench_hub_open(void)
{
    uint32_t          i;
    int               deflate;
    bench_options_t  *o;

    o = &bench_options;

    bench_npubs = o->http
                  ? (o->inflight < BENCH_HTTP_MAX ? o->inflight
                                                  : BENCH_HTTP_MAX)
                  : o->channels * o->publishers;

    bench_slots_init();
    bench_channels_init();

    bench_subs = bench_alloc(o->connections * sizeof(bench_conn_t));
    bench_pubs = bench_alloc(bench_npubs * sizeof(bench_conn_t));
    bench_free_pubs = bench_alloc(bench_npubs * sizeof(bench_conn_t *));

    bench_open(bench_subs, o->connections, o->sub, o->channels, 0,
               bench_hub_message);

    if (o->http) {
        bench_open_http(bench_pubs, bench_npubs, bench_hub_posted);

        for (i = 0; i < bench_npubs; i++) {
            bench_free_pubs[bench_nfree++] = &bench_pubs[i];
        }

    } else {
        deflate = o->deflate;
        o->deflate = 0;
        bench_open(bench_pubs, bench_npubs, o->pub, o->channels,
                   o->publishers, bench_ignore);
        o->deflate = deflate;
    }

    bench_settle();
}


static void
bench_hub_got(bench_conn_t *c, bench_slot_t *m)
{
    uint64_t         *order;
    bench_channel_t  *ch;

    ch = &bench_channels[c->channel];

    if (m->channel != c->channel || m->left == 0) {
        bench_fail("message %llu came to a channel or at a time not its own",
                   (unsigned long long) m->id);
    }

    order = &ch->order[c->next & (bench_nslots - 1)];

    if (c->next == ch->count) {

        if (m->id < ch->last[m->publisher]) {
            bench_fail("message %llu came after a newer one",
                       (unsigned long long) m->id);
        }

        ch->last[m->publisher] = m->id + 1;
        ch->count++;
        *order = m->id;

    } else if (*order != m->id) {
        bench_fail("%llu was expected, %llu came",
                   (unsigned long long) *order, (unsigned long long) m->id);
    }

    c->next++;
    bench_deliveries++;
    bench_latency(bench_now - m->sent);

    if (--m->left == 0) {
        bench_inflight--;
    }
}


static bench_slot_t *
bench_hub_check(uint32_t n, const uint8_t *payload, size_t size)
{
    uint64_t       id;
    bench_slot_t  *m;
    bench_view_t  *view;

    view = &bench_views[n];

    if (size != view->size) {
        bench_fail("a message of %zu bytes came", size);
    }

    id = bench_get_id(payload);
    m = &bench_slots[id & (bench_nslots - 1)];

    if (m->id != id
        || memcmp(payload, m->frames[n] + view->head, size) != 0)
    {
        bench_fail("message %llu is not as it was published",
                   (unsigned long long) id);
    }

    return m;
}


/* A compressed frame: the channel's first one is inflated. */

static bench_slot_t *
bench_hub_inflate(bench_conn_t *c, const uint8_t *p, size_t size)
{
    size_t            head;
    z_stream          z;
    bench_slot_t     *m;
    static uint8_t   *in, *out;
    bench_channel_t  *ch;

    ch = &bench_channels[c->channel];

    if (c->next < ch->count) {
        m = &bench_slots[ch->order[c->next & (bench_nslots - 1)]
                         & (bench_nslots - 1)];

        if (size != m->packed_size || memcmp(p, m->packed, size) != 0) {
            bench_fail("subscribers got different compressed frames");
        }

        return m;
    }

    if (size > bench_options.size + 1024) {
        bench_fail("a compressed frame of %zu bytes", size);
    }

    if (in == NULL) {
        in = bench_alloc(bench_options.size + 1024 + 4);
        out = bench_alloc(bench_options.size + 1);
    }

    head = bench_frame_head(p);
    memcpy(in, p + head, size - head);
    memcpy(in + size - head, "\0\0\xff\xff", 4);

    memset(&z, 0, sizeof(z));
    z.next_in = in;
    z.avail_in = size - head + 4;
    z.next_out = out;
    z.avail_out = bench_options.size + 1;

    if (inflateInit2(&z, -15) != Z_OK || inflate(&z, Z_SYNC_FLUSH) != Z_OK) {
        bench_fail("a compressed frame is corrupt");
    }

    m = bench_hub_check(c->view, out, z.total_out);
    memcpy(m->packed, p, size);
    m->packed_size = size;
    inflateEnd(&z);

    return m;
}


static void
bench_hub_message(bench_conn_t *c, uint8_t *p, size_t size)
{
    size_t         head;
    bench_slot_t  *m;

    if (p[0] & BENCH_RSV1) {
        m = bench_hub_inflate(c, p, size);

    } else {
        head = bench_frame_head(p);
        m = bench_hub_check(c->view, p + head, size - head);

        if (memcmp(p, m->frames[c->view], head) != 0) {
            bench_fail("a frame begins with %02x %02x", p[0], p[1]);
        }
    }

    bench_hub_got(c, m);
}


static void
bench_hub_post(bench_slot_t *m)
{
    int            n;
    char           head[1024], path[512];
    bench_conn_t  *c;

    c = bench_free_pubs[--bench_nfree];
    c->busy = 1;
    m->publisher = c - bench_pubs;

    bench_path(path, sizeof(path), bench_options.pub, m->channel, 0);
    n = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\n"
                 "Host: localhost\r\nContent-Type: text/plain\r\n"
                 "Content-Length: %u\r\n\r\n", path, bench_options.size);

    bench_queue(c, head, n);
    bench_queue(c, m->frames[0] + bench_views[0].head, bench_options.size);
}


/* Makes the message, and what its views must be; returns what is published. */

static uint8_t *
bench_hub_text(bench_slot_t *m)
{
    uint32_t   i;
    uint8_t   *text;

    for (i = 0; i < bench_nviews; i++) {
        bench_put_id(m->frames[i] + bench_views[i].head, m->id);
    }

    text = m->frames[0] + bench_views[0].head;

    if (bench_options.json) {
        text[BENCH_JSON_CHANNEL] = '0' + m->channel;
    }

    return text;
}


/* Publishes the next message, if the burst and the publishers allow it. */

static int
bench_hub_publish(void)
{
    uint32_t       k;
    uint8_t       *text;
    bench_slot_t  *m;

    m = &bench_slots[bench_id & (bench_nslots - 1)];

    if (bench_inflight == 0) {
        bench_burst = bench_options.inflight;
    }

    if (bench_burst == 0 || (bench_options.http && bench_nfree == 0)) {
        return 0;
    }

    bench_burst--;
    m->id = bench_id++;
    m->channel = m->id % bench_options.channels;
    m->left = bench_channels[m->channel].subscribers;
    m->sent = bench_now;
    bench_inflight += (m->left != 0);
    text = bench_hub_text(m);

    if (bench_options.http) {
        bench_hub_post(m);
        return 1;
    }

    k = (m->id / bench_options.channels) % bench_options.publishers;
    m->publisher = k;
    bench_queue_frame(&bench_pubs[m->channel * bench_options.publishers + k],
                      BENCH_TEXT, text, bench_options.size);

    return 1;
}


static int
bench_hub_waits(void)
{
    return bench_inflight
           || (bench_options.http && bench_nfree < bench_npubs);
}


/* Publishes so many messages, or for so long, and waits until all are in. */

void
bench_hub_run(uint64_t messages, double seconds)
{
    uint64_t  last, deadline;

    last = bench_id + messages;
    bench_now = bench_clock();
    deadline = bench_now + (uint64_t) (seconds * 1e9);

    do {
        while (bench_id < last && bench_hub_publish()) { /* void */ }

        if (bench_hub_waits()) {
            (void) bench_turn(-1);
        }

        bench_now = bench_clock();

        if (bench_now > deadline) {
            last = bench_id;
        }

    } while (bench_id < last || bench_hub_waits());
}


void
bench_hub_close(void)
{
    bench_close_all(bench_subs, bench_options.connections);
    bench_close_all(bench_pubs, bench_npubs);
}


void
bench_fanout(void)
{
    bench_hub_open();
    bench_measure(bench_hub_run, &bench_deliveries);
}


/*
 * Publishes alone: nobody subscribes, each message is over when its POST was
 * answered.  On a socket there would be no telling.
 */

void
bench_post(void)
{
    bench_options.connections = 0;
    bench_options.http = 1;
    bench_hub_open();
    bench_measure(bench_hub_run, &bench_id);
}
