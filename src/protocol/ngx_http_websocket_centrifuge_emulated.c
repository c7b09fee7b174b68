
#include "protocol/ngx_http_websocket_centrifuge_emulated.h"
#include "broker/ngx_http_websocket_mailbox.h"
#include "clock/ngx_http_websocket_turn.h"
#include "protocol/ngx_http_websocket_centrifuge_commands.h"
#include "protocol/ngx_http_websocket_centrifuge_connect.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "session/ngx_http_websocket_index.h"
#include "session/ngx_http_websocket_limits.h"
#include "session/ngx_http_websocket_response.h"
#include "session/ngx_http_websocket_write.h"
#include "wire/frame.h"

#include <openssl/crypto.h>


/* bytes of commands that may wait, in the largest messages */
#define NGX_HTTP_WEBSOCKET_EMULATED_REST  4


struct ngx_http_websocket_emulated_s {
    ngx_rbtree_node_t                 node;
    ngx_http_websocket_session_t     *session;
    u_char                            secret[NGX_HTTP_WEBSOCKET_UUID];
};


static void ngx_http_websocket_emulated_fail(ngx_http_websocket_session_t *s,
    uint16_t code, const char *text);
static void ngx_http_websocket_emulated_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static int ngx_http_websocket_emulated_compare(const u_char *a,
    const u_char *b);
static ngx_int_t ngx_http_websocket_emulated_letter(
    ngx_http_websocket_letter_t *letter);
static ngx_int_t ngx_http_websocket_emulated_lost(
    ngx_http_websocket_letter_t *letter);
static ngx_http_websocket_session_t *ngx_http_websocket_emulated_find(
    const u_char *secret);
static ngx_uint_t ngx_http_websocket_emulated_limited(
    ngx_http_websocket_session_t *s, size_t size);
static void ngx_http_websocket_emulated_wait(ngx_http_websocket_session_t *s,
    u_char *data, size_t size);


const ngx_http_websocket_transport_t  ngx_http_websocket_emulated_transport = {
    ngx_http_websocket_response_prepare,
    ngx_http_websocket_response_start,
    ngx_http_websocket_response_flush,
    ngx_http_websocket_response_bytes_out,
    ngx_http_websocket_response_end,
    ngx_http_websocket_response_forget,
    ngx_http_websocket_emulated_fail,
    0
};


/* by their secrets, of which the first bytes are the key */

static ngx_rbtree_t       ngx_http_websocket_emulated_tree;
static ngx_rbtree_node_t  ngx_http_websocket_emulated_sentinel;

static const ngx_http_websocket_reader_t  ngx_http_websocket_emulated_reader = {
    ngx_http_websocket_emulated_letter,
    ngx_http_websocket_emulated_lost,
    1
};


void
ngx_http_websocket_emulated_init(void)
{
    ngx_rbtree_init(&ngx_http_websocket_emulated_tree,
                    &ngx_http_websocket_emulated_sentinel,
                    ngx_http_websocket_emulated_insert);

    ngx_http_websocket_mailbox_reader(NGX_HTTP_WEBSOCKET_LETTER_COMMANDS,
                                      &ngx_http_websocket_emulated_reader);
}


ngx_int_t
ngx_http_websocket_emulated_begin(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_emulated_t  *emulated;

    emulated = ngx_alloc(sizeof(ngx_http_websocket_emulated_t),
                         s->connection->log);

    if (emulated == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_websocket_uuid(emulated->secret) != NGX_OK) {
        ngx_free(emulated);
        return NGX_ERROR;
    }

    emulated->session = s;
    emulated->node.key = ngx_crc32_short(emulated->secret,
                                         NGX_HTTP_WEBSOCKET_UUID);

    ngx_rbtree_insert(&ngx_http_websocket_emulated_tree, &emulated->node);

    ngx_http_websocket_centrifuge_of(s)->emulated = emulated;

    return NGX_OK;
}


void
ngx_http_websocket_emulated_end(ngx_http_websocket_session_t *s)
{
    ngx_http_websocket_centrifuge_t  *client;

    client = ngx_http_websocket_centrifuge_of(s);

    if (client->emulated) {
        ngx_rbtree_delete(&ngx_http_websocket_emulated_tree,
                          &client->emulated->node);
        ngx_free(client->emulated);

        client->emulated = NULL;
    }
}


static void
ngx_http_websocket_emulated_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel)
{
    int                  less;
    ngx_rbtree_node_t  **p;

    for ( ;; ) {

        if (node->key != temp->key) {
            less = node->key < temp->key;

        } else {
            less = ngx_http_websocket_emulated_compare(
                            ((ngx_http_websocket_emulated_t *) node)->secret,
                            ((ngx_http_websocket_emulated_t *) temp)->secret)
                   < 0;
        }

        p = less ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static int
ngx_http_websocket_emulated_compare(const u_char *a, const u_char *b)
{
    return ngx_memcmp(a, b, NGX_HTTP_WEBSOCKET_UUID);
}


void
ngx_http_websocket_emulated_secret(ngx_http_websocket_emulated_t *emulated,
    ngx_str_t *secret)
{
    ngx_str_null(secret);

    if (emulated) {
        secret->data = emulated->secret;
        secret->len = NGX_HTTP_WEBSOCKET_UUID;
    }
}


void
ngx_http_websocket_emulated_tell(ngx_http_websocket_emulated_t *emulated,
    ngx_websocket_reply_t *reply)
{
    reply->session.data = (char *) emulated->secret;
    reply->session.size = NGX_HTTP_WEBSOCKET_UUID;

    reply->node.data = (char *) ngx_http_websocket_mailbox_node;
    reply->node.size = NGX_HTTP_WEBSOCKET_UUID;
}


ngx_int_t
ngx_http_websocket_emulated_say(ngx_http_websocket_zone_t *zone,
    const ngx_websocket_emulation_t *e, ngx_http_websocket_publish_t *p)
{
    ngx_websocket_store_part_t  parts[3];

    if (e->node.size != NGX_HTTP_WEBSOCKET_UUID
        || e->session.size != NGX_HTTP_WEBSOCKET_UUID
        || e->node.data[0] == '\0')
    {
        p->rc = NGX_WEBSOCKET_STORE_NOTFOUND;
        return NGX_OK;
    }

    parts[1].data = (u_char *) e->session.data;
    parts[1].size = e->session.size;
    parts[2].data = (u_char *) e->data.data;
    parts[2].size = e->data.size;

    /* also to this worker: what a client says comes in one order */

    return ngx_http_websocket_mailbox_send(zone,
                                           NGX_HTTP_WEBSOCKET_LETTER_COMMANDS,
                                           (u_char *) e->node.data, parts, 2,
                                           p);
}


/* a secret, and commands */

static ngx_int_t
ngx_http_websocket_emulated_letter(ngx_http_websocket_letter_t *letter)
{
    size_t                         size;
    ngx_http_websocket_session_t  *s;

    if (letter->size < NGX_HTTP_WEBSOCKET_UUID) {
        return NGX_OK;
    }

    size = letter->size - NGX_HTTP_WEBSOCKET_UUID;

    ngx_http_websocket_turn_worked(1 + size / 1024);

    s = ngx_http_websocket_emulated_find(letter->data);

    if (s == NULL || s->conf->zone != letter->zone) {
        return NGX_OK;
    }

    if (letter->cut) {

        /* it sends more than is done, or others do */

        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_MESSAGES);

    } else {
        ngx_http_websocket_emulated_take(s,
                                       letter->data + NGX_HTTP_WEBSOCKET_UUID,
                                         size);
    }

    return NGX_OK;
}


/* commands of any of the zone's clients: all come back */

static ngx_int_t
ngx_http_websocket_emulated_lost(ngx_http_websocket_letter_t *letter)
{
    ngx_http_websocket_session_t  *s;

    while ((s = ngx_http_websocket_index_next(NULL, &letter->place)) != NULL) {

        if (s->conf->zone == letter->zone
            && s->record->aside->choice
            && ngx_http_websocket_centrifuge_of(s)->emulated)
        {
            ngx_http_websocket_session_close(s,
                                             NGX_HTTP_WEBSOCKET_REASON_LOST);
        }

        if (ngx_http_websocket_turn_step(1)) {
            return NGX_AGAIN;
        }
    }

    return NGX_OK;
}


/* how long this takes says of a secret no more than what its checksum is */

static ngx_http_websocket_session_t *
ngx_http_websocket_emulated_find(const u_char *secret)
{
    ngx_rbtree_key_t                key;
    ngx_rbtree_node_t              *node, *sentinel;
    ngx_http_websocket_emulated_t  *emulated;

    key = ngx_crc32_short((u_char *) secret, NGX_HTTP_WEBSOCKET_UUID);
    node = ngx_http_websocket_emulated_tree.root;
    sentinel = ngx_http_websocket_emulated_tree.sentinel;

    while (node != sentinel) {

        emulated = (ngx_http_websocket_emulated_t *) node;

        if (key == node->key
            && CRYPTO_memcmp(secret, emulated->secret, NGX_HTTP_WEBSOCKET_UUID)
               == 0)
        {
            return emulated->session;
        }

        node = key < node->key ? node->left : node->right;
    }

    return NULL;
}


void
ngx_http_websocket_emulated_take(ngx_http_websocket_session_t *s,
    u_char *data, size_t size)
{
    if (s->close_queued || s->detached) {
        return;
    }

    s->record->messages_in++;
    s->conf->stats->messages_received++;
    s->conf->stats->bytes_received += size;

    s->heard = ngx_http_websocket_now();
    s->active = s->heard;

    if (ngx_http_websocket_emulated_limited(s, size)) {
        return;
    }

    if (ngx_http_websocket_centrifuge_of(s)->rest) {
        ngx_http_websocket_emulated_wait(s, data, size);
        return;
    }

    /* what came is looked at as binary data are: it may be no UTF-8 */

    (void) ngx_http_websocket_centrifuge_receive(s, NGX_WEBSOCKET_BINARY, data,
                                                 size);
}


static ngx_uint_t
ngx_http_websocket_emulated_limited(ngx_http_websocket_session_t *s,
    size_t size)
{
    return s->conf->limits.rates
           && ngx_http_websocket_limits_message(s, size)
              != NGX_HTTP_WEBSOCKET_LIMITED_TAKEN;
}


/* behind those that wait already */

static void
ngx_http_websocket_emulated_wait(ngx_http_websocket_session_t *s, u_char *data,
    size_t size)
{
    u_char                         *p;
    ngx_http_websocket_commands_t  *rest;

    rest = ngx_http_websocket_centrifuge_of(s)->rest;

    if (rest->size + size > NGX_HTTP_WEBSOCKET_EMULATED_REST
                            * s->conf->max_message_size)
    {
        ngx_http_websocket_session_close(s,
                                         NGX_HTTP_WEBSOCKET_REASON_MESSAGES);
        return;
    }

    p = ngx_alloc(rest->size + 1 + size, s->connection->log);

    if (p == NULL) {
        ngx_http_websocket_session_fail(s, NGX_HTTP_WEBSOCKET_REASON_MEMORY);
        return;
    }

    ngx_memcpy(p, rest->data ? rest->data : data, rest->size);

    /* in JSON the last command of a frame need not have an end */

    if (rest->size && ngx_http_websocket_centrifuge_codec(s)->opcode
                      == NGX_WEBSOCKET_TEXT
        && p[rest->size - 1] != LF)
    {
        p[rest->size++] = LF;
    }

    ngx_memcpy(p + rest->size, data, size);

    ngx_free(rest->data);

    rest->data = p;
    rest->size += size;
}


static void
ngx_http_websocket_emulated_fail(ngx_http_websocket_session_t *s,
    uint16_t code, const char *text)
{
    ngx_http_websocket_session_close_code(s, code, text);
}


/* the last that is told; the reason is a constant text of ours */

void
ngx_http_websocket_emulated_close(ngx_http_websocket_session_t *s,
    uint16_t code, const u_char *reason, size_t size)
{
    ngx_websocket_push_t                         push;
    ngx_websocket_json_text_t                   *text;
    ngx_http_websocket_frame_t                  *frame;
    const ngx_http_websocket_centrifuge_form_t  *form;

    if (s->state == NGX_HTTP_WEBSOCKET_OPEN) {
        s->state = NGX_HTTP_WEBSOCKET_CLOSE_LAST;
    }

    form = ngx_http_websocket_centrifuge_form_of(s);
    text = ngx_http_websocket_centrifuge_text();

    ngx_memzero(&push, sizeof(ngx_websocket_push_t));

    push.kind = NGX_WEBSOCKET_PUSH_DISCONNECT;
    push.code = code;
    push.reason = (char *) reason;

    form->codec->push(text, &push);

    frame = ngx_http_websocket_centrifuge_frame(form, text,
                                                s->connection->log);

    if (frame) {
        (void) ngx_http_websocket_send_bytes(s, frame);

    } else {
        ngx_http_websocket_post_flush(s);
    }
}
