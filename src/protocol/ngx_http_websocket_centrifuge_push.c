
#include "protocol/ngx_http_websocket_centrifuge_push.h"
#include "centrifuge/fossil.h"
#include "centrifuge/json_command.h"
#include "clock/ngx_http_websocket_turn.h"
#include "conf/ngx_http_websocket_conf_namespace.h"
#include "message/event.h"
#include "protocol/ngx_http_websocket_centrifuge_reply.h"
#include "wire/frame.h"


static void ngx_http_websocket_centrifuge_event_of(
    ngx_websocket_bytes_t *bytes, const ngx_websocket_meta_t *parts);
static ngx_websocket_json_text_t *ngx_http_websocket_centrifuge_make(void);
static void ngx_http_websocket_centrifuge_info(
    ngx_websocket_client_info_t *info, const ngx_websocket_meta_t *meta);
static void ngx_http_websocket_centrifuge_part(ngx_websocket_bytes_t *bytes,
    const ngx_websocket_meta_t *meta, ngx_uint_t type);
static void ngx_http_websocket_centrifuge_data(ngx_websocket_bytes_t *bytes,
    ngx_uint_t type, u_char *data, size_t size, ngx_uint_t known);
static void ngx_http_websocket_centrifuge_lines(
    ngx_websocket_json_text_t *made, u_char *data, size_t size);
static void ngx_http_websocket_centrifuge_base64(
    ngx_websocket_json_text_t *made, u_char *data, size_t size);


/* bytes that a step of a turn's work compares */
#define NGX_HTTP_WEBSOCKET_PATCH_STEP  512


/* the form of data that cannot go as it is, valid until the next one */

static ngx_websocket_json_text_t   ngx_http_websocket_centrifuge_made;
static ngx_websocket_json_text_t   ngx_http_websocket_centrifuge_kept;

static u_char                      ngx_http_websocket_centrifuge_patched[
                                       NGX_WEBSOCKET_FOSSIL_SIZE];

static ngx_array_t                *ngx_http_websocket_centrifuge_namespaces;


void
ngx_http_websocket_centrifuge_push_init(ngx_array_t *namespaces)
{
    ngx_http_websocket_centrifuge_namespaces = namespaces;
}


ngx_http_websocket_frame_t *
ngx_http_websocket_centrifuge_push_frame(
    const ngx_http_websocket_format_t *format, ngx_log_t *log,
    ngx_http_websocket_message_t *message)
{
    ngx_uint_t                                     event;
    ngx_websocket_push_t                           push;
    ngx_websocket_json_text_t                     *text;
    ngx_http_websocket_namespace_t                *ns;
    const ngx_http_websocket_centrifuge_form_t    *form;
    const ngx_http_websocket_centrifuge_format_t  *f;

    f = (const ngx_http_websocket_centrifuge_format_t *) format;
    form = f->form;

    ngx_memzero(&push, sizeof(ngx_websocket_push_t));

    push.channel.data = (char *) message->name->data;
    push.channel.size = message->name->len;

    event = ngx_http_websocket_centrifuge_publication(form->codec,
                                           &push.publication, message->type,
                                           message->meta, message->meta_size,
                                           message->payload, message->size);

    if (push.publication.data.data == NULL) {
        return NULL;
    }

    if (event == NGX_WEBSOCKET_META_JOIN) {
        push.kind = NGX_WEBSOCKET_PUSH_JOIN;

    } else if (event == NGX_WEBSOCKET_META_LEAVE) {
        push.kind = NGX_WEBSOCKET_PUSH_LEAVE;

    } else if (f->delta) {
        push.publication.delta = NGX_WEBSOCKET_DELTA_WHOLE;

        if (f->delta == NGX_WEBSOCKET_DELTA_PATCH) {
            ngx_http_websocket_centrifuge_patch(form->codec, &push.publication,
                                                message->prior);
        }
    }

    ns = ngx_http_websocket_namespace_of(
                                     ngx_http_websocket_centrifuge_namespaces,
                                     message->name);

    if (ns && ns->history.length && !message->ephemeral) {
        push.publication.offset = message->offset;
    }

    text = ngx_http_websocket_centrifuge_text();

    form->codec->push(text, &push);

    return ngx_http_websocket_centrifuge_frame(form, text, log);
}


ngx_uint_t
ngx_http_websocket_centrifuge_publication(const ngx_websocket_codec_t *codec,
    ngx_websocket_publication_t *p, ngx_uint_t type, u_char *meta,
    size_t meta_size, u_char *data, size_t size)
{
    ngx_uint_t            event;
    ngx_websocket_meta_t  parts;

    ngx_memzero(p, sizeof(ngx_websocket_publication_t));

    (void) ngx_websocket_meta_read(meta, meta_size, &parts);

    event = parts.marks & (NGX_WEBSOCKET_META_JOIN | NGX_WEBSOCKET_META_LEAVE);

    if (event && parts.parts[NGX_WEBSOCKET_META_CHANNEL].data) {

        /* an event of another channel is a message like others here */

        ngx_http_websocket_centrifuge_event_of(&p->data, &parts);
        return 0;
    }

    ngx_http_websocket_centrifuge_info(&p->info, &parts);
    ngx_http_websocket_centrifuge_part(&p->tags, &parts,
                                       NGX_WEBSOCKET_META_TAGS);

    if (event) {
        p->data.data = "null";
        p->data.size = 4;

    } else if (codec->raw) {
        p->data.data = size ? (char *) data : "";
        p->data.size = size;

    } else {
        ngx_http_websocket_centrifuge_data(&p->data, type, data, size,
                                           p->info.client.data && size);
    }

    return event;
}


ngx_uint_t
ngx_http_websocket_centrifuge_is_event(ngx_http_websocket_message_t *message)
{
    ngx_websocket_meta_t  parts;

    if (!message->event) {
        return 0;
    }

    (void) ngx_websocket_meta_read(message->meta, message->meta_size, &parts);

    return parts.parts[NGX_WEBSOCKET_META_CHANNEL].data == NULL;
}


void
ngx_http_websocket_centrifuge_patch(const ngx_websocket_codec_t *codec,
    ngx_websocket_publication_t *p, ngx_http_websocket_message_t *prior)
{
    size_t                       size;
    ngx_websocket_json_text_t    made;
    ngx_websocket_publication_t  before;

    /* what was made of the message stays while the same is done of the other */

    made = ngx_http_websocket_centrifuge_kept;
    ngx_http_websocket_centrifuge_kept = ngx_http_websocket_centrifuge_made;
    ngx_http_websocket_centrifuge_made = made;

    (void) ngx_http_websocket_centrifuge_publication(codec, &before,
                                                   prior->type, prior->meta,
                                                   prior->meta_size,
                                                   prior->payload,
                                                   prior->size);
    if (before.data.data == NULL) {
        return;
    }

    ngx_http_websocket_turn_worked((before.data.size + p->data.size)
                                   / NGX_HTTP_WEBSOCKET_PATCH_STEP);

    size = ngx_websocket_fossil_make((const u_char *) before.data.data,
                                     before.data.size,
                                     (const u_char *) p->data.data,
                                     p->data.size, !codec->raw,
                                     ngx_http_websocket_centrifuge_patched);
    if (size == 0) {
        return;
    }

    p->data.data = (char *) ngx_http_websocket_centrifuge_patched;
    p->data.size = size;
    p->delta = NGX_WEBSOCKET_DELTA_PATCH;
}


static void
ngx_http_websocket_centrifuge_event_of(ngx_websocket_bytes_t *bytes,
    const ngx_websocket_meta_t *parts)
{
    ngx_websocket_json_text_t  *made;

    made = ngx_http_websocket_centrifuge_make();

    ngx_websocket_event_text(parts, made);

    bytes->data = made->failed ? NULL : made->data;
    bytes->size = made->size;
}


/* an empty text */

static ngx_websocket_json_text_t *
ngx_http_websocket_centrifuge_make(void)
{
    ngx_websocket_json_text_t  *made;

    made = &ngx_http_websocket_centrifuge_made;

    if (made->failed || made->alloc > NGX_HTTP_WEBSOCKET_CENTRIFUGE_TEXT) {
        ngx_websocket_json_text_done(made);
    }

    made->size = 0;

    return made;
}


void
ngx_http_websocket_centrifuge_client_info(ngx_websocket_client_info_t *info,
    u_char *meta, size_t size)
{
    ngx_websocket_meta_t  parts;

    (void) ngx_websocket_meta_read(meta, size, &parts);

    ngx_http_websocket_centrifuge_info(info, &parts);
}


static void
ngx_http_websocket_centrifuge_info(ngx_websocket_client_info_t *info,
    const ngx_websocket_meta_t *meta)
{
    ngx_http_websocket_centrifuge_part(&info->client, meta,
                                       NGX_WEBSOCKET_META_CLIENT);
    ngx_http_websocket_centrifuge_part(&info->user, meta,
                                       NGX_WEBSOCKET_META_USER);
    ngx_http_websocket_centrifuge_part(&info->conn_info, meta,
                                       NGX_WEBSOCKET_META_CONN_INFO);
    ngx_http_websocket_centrifuge_part(&info->chan_info, meta,
                                       NGX_WEBSOCKET_META_CHAN_INFO);
}


static void
ngx_http_websocket_centrifuge_part(ngx_websocket_bytes_t *bytes,
    const ngx_websocket_meta_t *meta, ngx_uint_t type)
{
    bytes->data = (const char *) meta->parts[type].data;
    bytes->size = meta->parts[type].size;
}


/* a text is known to be JSON where a client of this protocol published it */

static void
ngx_http_websocket_centrifuge_data(ngx_websocket_bytes_t *bytes,
    ngx_uint_t type, u_char *data, size_t size, ngx_uint_t known)
{
    ngx_websocket_json_text_t  *made;

    if (type == NGX_WEBSOCKET_TEXT
        && (known || ngx_websocket_json_valid((char *) data, size)))
    {
        bytes->data = (char *) data;
        bytes->size = size;

        if (memchr(data, LF, size) == NULL && memchr(data, CR, size) == NULL) {
            return;
        }
    }

    made = ngx_http_websocket_centrifuge_make();

    if (bytes->data) {
        ngx_http_websocket_centrifuge_lines(made, data, size);

    } else if (type == NGX_WEBSOCKET_TEXT) {
        ngx_websocket_json_append_string(made, (char *) data, size);

    } else {
        ngx_http_websocket_centrifuge_base64(made, data, size);
    }

    bytes->data = made->failed ? NULL : made->data;
    bytes->size = made->size;
}


static void
ngx_http_websocket_centrifuge_lines(ngx_websocket_json_text_t *made,
    u_char *data, size_t size)
{
    ngx_websocket_json_append(made, data, size);

    if (!made->failed) {
        made->size = ngx_http_websocket_centrifuge_join_lines(
                                                        (u_char *) made->data,
                                                        made->size);
    }
}


static void
ngx_http_websocket_centrifuge_base64(ngx_websocket_json_text_t *made,
    u_char *data, size_t size)
{
    size_t     n;
    u_char     piece[4];
    ngx_str_t  from, to;

    ngx_websocket_json_append(made, "\"", 1);

    for ( /* void */ ; size && !made->failed; data += n, size -= n) {

        n = ngx_min(size, 3);

        from.data = data;
        from.len = n;
        to.data = piece;

        ngx_encode_base64(&to, &from);
        ngx_websocket_json_append(made, to.data, to.len);
    }

    ngx_websocket_json_append(made, "\"", 1);
}


size_t
ngx_http_websocket_centrifuge_join_lines(u_char *data, size_t size)
{
    u_char  *p, *to, *last;

    last = data + size;
    to = data;

    for (p = data; p < last; p++) {
        if (*p != LF && *p != CR) {
            *to++ = *p;
        }
    }

    return to - data;
}
