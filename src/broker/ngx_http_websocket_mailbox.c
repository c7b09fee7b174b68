
#include "broker/ngx_http_websocket_mailbox.h"
#include "clock/ngx_http_websocket_turn.h"
#include "hub/ngx_http_websocket_hub_subscribe.h"
#include "wire/frame.h"


/*
 * In no name that a client may have is a control character.  There is a channel
 * for all, and for each worker where all workers are in one nginx: elsewhere
 * anybody could have a server keep channels of workers that do not exist.
 */

#define NGX_HTTP_WEBSOCKET_MAILBOX_ALL     "\001mail"
#define NGX_HTTP_WEBSOCKET_MAILBOX_PREFIX  "\001mail:"
#define NGX_HTTP_WEBSOCKET_MAILBOX_NAME                                       \
    (sizeof(NGX_HTTP_WEBSOCKET_MAILBOX_PREFIX) - 1                            \
     + NGX_HTTP_WEBSOCKET_UUID)

/* bytes that may wait in a box; twice as many with those that were cut */
#define NGX_HTTP_WEBSOCKET_MAILBOX_SIZE    (4 * 1024 * 1024)


/* a letter that waits */

typedef struct {
    ngx_queue_t                         queue;
    ngx_uint_t                          kind;
    ngx_http_websocket_letter_t         letter;     /* its data follow */
} ngx_http_websocket_mail_t;


/* a channel of a zone that this worker hears */

typedef struct {
    ngx_http_websocket_subscription_t   subscription;
    ngx_queue_t                         queue;
    ngx_queue_t                         ready;      /* next is NULL: it is
                                                       empty */
    ngx_queue_t                         letters;
    ngx_http_websocket_zone_t          *zone;
    ngx_str_t                          *name;       /* one of those below */
    size_t                              size;       /* of the letters */
    ngx_http_websocket_mail_t           lost;       /* kind is the last one to
                                                       be told; next is NULL:
                                                       none was lost */
} ngx_http_websocket_box_t;


static ngx_http_websocket_box_t *ngx_http_websocket_mailbox_find(
    ngx_http_websocket_zone_t *zone, ngx_str_t *name);
static void ngx_http_websocket_mailbox_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first);
static ngx_uint_t ngx_http_websocket_mailbox_ready(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_mailbox_live(
    ngx_http_websocket_subscription_t *subscription);
static void ngx_http_websocket_mailbox_broken(
    ngx_http_websocket_subscription_t *subscription, int rc);
static ngx_uint_t ngx_http_websocket_mailbox_is_mine(
    ngx_http_websocket_message_t *message);
static void ngx_http_websocket_mailbox_put(ngx_http_websocket_box_t *box,
    u_char *data, size_t size);
static void ngx_http_websocket_mailbox_lose(ngx_http_websocket_box_t *box);
static void ngx_http_websocket_mailbox_queue(ngx_http_websocket_box_t *box,
    ngx_http_websocket_mail_t *mail);
static void ngx_http_websocket_mailbox_event(ngx_event_t *ev);
static ngx_int_t ngx_http_websocket_mailbox_take(
    ngx_http_websocket_box_t *box);
static ngx_int_t ngx_http_websocket_mailbox_take_lost(
    ngx_http_websocket_box_t *box);


static const ngx_http_websocket_subscriber_t  ngx_http_websocket_mailboxes = {
    ngx_http_websocket_mailbox_deliver,
    ngx_http_websocket_mailbox_ready,
    ngx_http_websocket_mailbox_live,
    ngx_http_websocket_mailbox_broken
};


u_char  ngx_http_websocket_mailbox_node[NGX_HTTP_WEBSOCKET_UUID];

static u_char     ngx_http_websocket_mailbox_text[
                      NGX_HTTP_WEBSOCKET_MAILBOX_NAME];
static ngx_str_t  ngx_http_websocket_mailbox_names[] = {
    ngx_string(NGX_HTTP_WEBSOCKET_MAILBOX_ALL),
    { NGX_HTTP_WEBSOCKET_MAILBOX_NAME, ngx_http_websocket_mailbox_text }
};

static ngx_queue_t        ngx_http_websocket_mailbox_boxes;
static ngx_queue_t        ngx_http_websocket_mailbox_waiting;
static ngx_event_t        ngx_http_websocket_mailbox_ev;
static ngx_connection_t   ngx_http_websocket_mailbox_dummy;
static uint16_t           ngx_http_websocket_mailbox_kind;

static const ngx_http_websocket_reader_t
    *ngx_http_websocket_mailbox_readers[NGX_HTTP_WEBSOCKET_LETTERS];


ngx_int_t
ngx_http_websocket_mailbox_init(ngx_cycle_t *cycle)
{
    if (ngx_http_websocket_uuid(ngx_http_websocket_mailbox_node) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(ngx_cpymem(ngx_http_websocket_mailbox_text,
                          NGX_HTTP_WEBSOCKET_MAILBOX_PREFIX,
                          sizeof(NGX_HTTP_WEBSOCKET_MAILBOX_PREFIX) - 1),
               ngx_http_websocket_mailbox_node,
               NGX_HTTP_WEBSOCKET_UUID);

    ngx_http_websocket_mailbox_kind =
                   ngx_http_websocket_hub_kind(&ngx_http_websocket_mailboxes);

    ngx_queue_init(&ngx_http_websocket_mailbox_boxes);
    ngx_queue_init(&ngx_http_websocket_mailbox_waiting);

    ngx_http_websocket_mailbox_dummy.fd = (ngx_socket_t) -1;

    ngx_http_websocket_mailbox_ev.handler = ngx_http_websocket_mailbox_event;
    ngx_http_websocket_mailbox_ev.data = &ngx_http_websocket_mailbox_dummy;
    ngx_http_websocket_mailbox_ev.log = cycle->log;

    return NGX_OK;
}


void
ngx_http_websocket_mailbox_reader(ngx_http_websocket_letter_e kind,
    const ngx_http_websocket_reader_t *reader)
{
    ngx_http_websocket_mailbox_readers[kind] = reader;
}


ngx_str_t *
ngx_http_websocket_mailbox_name(ngx_http_websocket_zone_t *zone,
    ngx_uint_t own)
{
    return &ngx_http_websocket_mailbox_names[own && zone->remote == NULL];
}


ngx_uint_t
ngx_http_websocket_mailbox_hears(ngx_http_websocket_zone_t *zone,
    ngx_uint_t own)
{
    ngx_http_websocket_box_t  *box;

    box = ngx_http_websocket_mailbox_find(zone,
                                 ngx_http_websocket_mailbox_name(zone, own));

    return box && box->subscription.active;
}


static ngx_http_websocket_box_t *
ngx_http_websocket_mailbox_find(ngx_http_websocket_zone_t *zone,
    ngx_str_t *name)
{
    ngx_queue_t               *q;
    ngx_http_websocket_box_t  *box;

    for (q = ngx_queue_head(&ngx_http_websocket_mailbox_boxes);
         q != ngx_queue_sentinel(&ngx_http_websocket_mailbox_boxes);
         q = ngx_queue_next(q))
    {
        box = ngx_queue_data(q, ngx_http_websocket_box_t, queue);

        if (box->zone == zone && box->name == name) {
            return box;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_websocket_mailbox_listen(ngx_http_websocket_zone_t *zone,
    ngx_uint_t own)
{
    ngx_str_t                   *name;
    ngx_http_websocket_box_t    *box;
    ngx_http_websocket_begin_t   begin;

    name = ngx_http_websocket_mailbox_name(zone, own);
    box = ngx_http_websocket_mailbox_find(zone, name);

    if (box == NULL) {

        /* for as long as the worker lives */

        box = ngx_calloc(sizeof(ngx_http_websocket_box_t), ngx_cycle->log);
        if (box == NULL) {
            return NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY;
        }

        box->zone = zone;
        box->name = name;
        box->subscription.kind = ngx_http_websocket_mailbox_kind;

        ngx_queue_init(&box->letters);
        ngx_queue_insert_tail(&ngx_http_websocket_mailbox_boxes, &box->queue);
    }

    if (box->subscription.active) {
        return NGX_HTTP_WEBSOCKET_ROOM_OK;
    }

    if (box->subscription.name == NULL) {
        box->subscription.name = ngx_http_websocket_channel_name_create(name,
                                                               ngx_cycle->log);
        if (box->subscription.name == NULL) {
            return NGX_HTTP_WEBSOCKET_ROOM_NO_MEMORY;
        }
    }

    ngx_memzero(&begin, sizeof(ngx_http_websocket_begin_t));

    return ngx_http_websocket_hub_subscribe(zone, &begin, &box->subscription);
}


ngx_int_t
ngx_http_websocket_mailbox_send(ngx_http_websocket_zone_t *zone,
    ngx_http_websocket_letter_e kind, const u_char *to,
    ngx_websocket_store_part_t *parts, ngx_uint_t n,
    ngx_http_websocket_publish_t *p)
{
    u_char                      head[NGX_HTTP_WEBSOCKET_LETTER_HEAD];
    u_char                      name[NGX_HTTP_WEBSOCKET_MAILBOX_NAME];
    ngx_websocket_store_info_t  info;

    ngx_memzero(p, sizeof(ngx_http_websocket_publish_t));
    ngx_memzero(head, sizeof(head));

    p->channel = ngx_http_websocket_mailbox_names[0];
    head[0] = kind;

    if (to) {
        ngx_memcpy(&head[1], to, NGX_HTTP_WEBSOCKET_UUID);
    }

    if (to && zone->remote == NULL) {

        ngx_memcpy(ngx_cpymem(name, NGX_HTTP_WEBSOCKET_MAILBOX_PREFIX,
                              sizeof(NGX_HTTP_WEBSOCKET_MAILBOX_PREFIX) - 1),
                   to, NGX_HTTP_WEBSOCKET_UUID);

        p->channel.data = name;
        p->channel.len = NGX_HTTP_WEBSOCKET_MAILBOX_NAME;
        p->rc = ngx_http_websocket_zone_info(zone, &p->channel, &info);

        if (p->rc != NGX_WEBSOCKET_STORE_OK) {
            return NGX_OK;
        }
    }

    parts[0].data = head;
    parts[0].size = sizeof(head);

    p->message.type = NGX_WEBSOCKET_BINARY;
    p->message.priority = NGX_HTTP_WEBSOCKET_NORMAL;
    p->parts = parts;
    p->n = 1 + n;

    return zone->broker->publish(zone, p);
}


static void
ngx_http_websocket_mailbox_deliver(
    ngx_http_websocket_subscription_t *subscription,
    ngx_http_websocket_delivery_t *delivery, ngx_uint_t first)
{
    ngx_uint_t                     i;
    ngx_http_websocket_box_t      *box;
    ngx_http_websocket_message_t  *message;

    box = ngx_queue_data(subscription, ngx_http_websocket_box_t,
                         subscription);

    for (i = first; i < delivery->n; i++) {
        message = delivery->messages[i];

        if (ngx_http_websocket_mailbox_is_mine(message)) {
            ngx_http_websocket_mailbox_put(box, message->payload,
                                           message->size);
        }
    }
}


static ngx_uint_t
ngx_http_websocket_mailbox_is_mine(ngx_http_websocket_message_t *message)
{
    u_char  *head;

    head = message->payload;

    return message->size >= NGX_HTTP_WEBSOCKET_LETTER_HEAD
           && head[0] < NGX_HTTP_WEBSOCKET_LETTERS
           && ngx_http_websocket_mailbox_readers[head[0]]
           && (head[1] == '\0'
               || ngx_memcmp(&head[1], ngx_http_websocket_mailbox_node,
                             NGX_HTTP_WEBSOCKET_UUID)
                  == 0);
}


static ngx_uint_t
ngx_http_websocket_mailbox_ready(
    ngx_http_websocket_subscription_t *subscription)
{
    return 1;
}


static void
ngx_http_websocket_mailbox_live(
    ngx_http_websocket_subscription_t *subscription)
{
    /* void */
}


static void
ngx_http_websocket_mailbox_broken(
    ngx_http_websocket_subscription_t *subscription, int rc)
{
    ngx_http_websocket_box_t  *box;

    box = ngx_queue_data(subscription, ngx_http_websocket_box_t,
                         subscription);

    /* the next session that can be meant has it listen again */

    ngx_http_websocket_hub_unsubscribe(subscription);

    ngx_http_websocket_mailbox_lose(box);
}


/*
 * what is taken may end what others are subscribed to, which a subscriber must
 * not do
 */

static void
ngx_http_websocket_mailbox_put(ngx_http_websocket_box_t *box, u_char *data,
    size_t size)
{
    ngx_uint_t                  cut;
    ngx_http_websocket_mail_t  *mail;

    size -= NGX_HTTP_WEBSOCKET_LETTER_HEAD;

    cut = box->size + size > NGX_HTTP_WEBSOCKET_MAILBOX_SIZE;

    if (cut) {
        size = ngx_min(size, NGX_HTTP_WEBSOCKET_LETTER_CUT);
    }

    mail = box->size < 2 * NGX_HTTP_WEBSOCKET_MAILBOX_SIZE
           ? ngx_calloc(sizeof(ngx_http_websocket_mail_t) + size,
                        ngx_cycle->log)
           : NULL;

    if (mail == NULL) {
        ngx_http_websocket_mailbox_lose(box);
        return;
    }

    mail->kind = data[0];
    mail->letter.zone = box->zone;
    mail->letter.data = (u_char *) (mail + 1);
    mail->letter.size = size;
    mail->letter.cut = cut;

    ngx_memcpy(mail->letter.data, data + NGX_HTTP_WEBSOCKET_LETTER_HEAD, size);

    box->size += sizeof(ngx_http_websocket_mail_t) + size;

    ngx_http_websocket_mailbox_queue(box, mail);
}


/* behind what has come */

static void
ngx_http_websocket_mailbox_lose(ngx_http_websocket_box_t *box)
{
    if (box->lost.queue.next) {
        ngx_queue_remove(&box->lost.queue);
    }

    ngx_memzero(&box->lost, sizeof(ngx_http_websocket_mail_t));

    box->lost.letter.zone = box->zone;

    ngx_http_websocket_mailbox_queue(box, &box->lost);
}


static void
ngx_http_websocket_mailbox_queue(ngx_http_websocket_box_t *box,
    ngx_http_websocket_mail_t *mail)
{
    ngx_queue_insert_tail(&box->letters, &mail->queue);

    if (box->ready.next == NULL) {
        ngx_queue_insert_tail(&ngx_http_websocket_mailbox_waiting,
                              &box->ready);
    }

    ngx_http_websocket_turn_next(&ngx_http_websocket_mailbox_ev);
}


/* a letter of each box in its turn */

static void
ngx_http_websocket_mailbox_event(ngx_event_t *ev)
{
    ngx_int_t                  rc;
    ngx_queue_t               *q;
    ngx_http_websocket_box_t  *box;

    ngx_http_websocket_turn_loop();

    while (!ngx_queue_empty(&ngx_http_websocket_mailbox_waiting)) {

        q = ngx_queue_head(&ngx_http_websocket_mailbox_waiting);
        box = ngx_queue_data(q, ngx_http_websocket_box_t, ready);

        ngx_queue_remove(q);
        box->ready.next = NULL;

        rc = ngx_http_websocket_mailbox_take(box);

        if (!ngx_queue_empty(&box->letters)) {
            ngx_queue_insert_tail(&ngx_http_websocket_mailbox_waiting, q);
        }

        /* after each one: however busy a worker is, they get done */

        if (rc == NGX_AGAIN || ngx_http_websocket_turn_over()) {
            break;
        }
    }

    if (!ngx_queue_empty(&ngx_http_websocket_mailbox_waiting)) {
        ngx_http_websocket_turn_next(ev);
    }
}


static ngx_int_t
ngx_http_websocket_mailbox_take(ngx_http_websocket_box_t *box)
{
    ngx_queue_t                *q;
    ngx_http_websocket_mail_t  *mail;

    q = ngx_queue_head(&box->letters);
    mail = ngx_queue_data(q, ngx_http_websocket_mail_t, queue);

    if (mail == &box->lost) {
        return ngx_http_websocket_mailbox_take_lost(box);
    }

    if (ngx_http_websocket_mailbox_readers[mail->kind]->take(&mail->letter)
        == NGX_AGAIN)
    {
        return NGX_AGAIN;
    }

    box->size -= sizeof(ngx_http_websocket_mail_t) + mail->letter.size;

    ngx_queue_remove(q);
    ngx_free(mail);

    return NGX_OK;
}


/* all who read letters of this box are told, one after the other */

static ngx_int_t
ngx_http_websocket_mailbox_take_lost(ngx_http_websocket_box_t *box)
{
    ngx_http_websocket_mail_t          *mail;
    const ngx_http_websocket_reader_t  *reader;

    mail = &box->lost;

    while (mail->kind < NGX_HTTP_WEBSOCKET_LETTERS) {

        reader = ngx_http_websocket_mailbox_readers[mail->kind];

        if (reader
            && ngx_http_websocket_mailbox_name(box->zone, reader->own)
               == box->name)
        {

            if (reader->lost(&mail->letter) == NGX_AGAIN) {
                return NGX_AGAIN;
            }

            mail->letter.place = 0;
        }

        mail->kind++;
    }

    ngx_queue_remove(&mail->queue);
    mail->queue.next = NULL;

    return NGX_OK;
}
