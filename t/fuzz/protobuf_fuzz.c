
/*
 * Centrifugo's protocol in Protobuf.  The input is a frame: what is taken of
 * each command is held against a slow search for the last field of a number,
 * and is said again in a reply and a push, which are read by the same search.
 */

#include "fuzz.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/tags.c"
#include "message/filter.c"
#include "centrifuge/protobuf_codec.c"
#include "centrifuge/protobuf_command.c"
#include "centrifuge/request.c"
#include "centrifuge/tags_filter.c"


/* bytes of a number at p; 0 when there is none */

static size_t
number(const uint8_t *p, size_t n, uint64_t *value)
{
    size_t  i;

    *value = 0;

    for (i = 0; i < n && i < 10; i++) {
        *value += (uint64_t) (p[i] % 128) << (7 * i);

        if (p[i] < 128) {
            return i == 9 && p[i] > 1 ? 0 : i + 1;
        }
    }

    return 0;
}


/*
 * The value of the last field of a number, in a message that is right: its
 * bytes, or its value where it has none.
 */

static ngx_websocket_bytes_t
last_of(ngx_websocket_bytes_t message, uint64_t wanted, uint64_t *value)
{
    size_t                  n;
    uint64_t                tag, v;
    const uint8_t          *p, *end;
    ngx_websocket_bytes_t   found;

    p = (const uint8_t *) (message.size ? message.data : "");
    end = p + message.size;
    memset(&found, 0, sizeof(found));
    *value = 0;

    while (p < end) {
        n = number(p, (size_t) (end - p), &tag);
        fuzz_check(n != 0);
        p += n;

        v = 0;
        n = tag % 8 == 1 ? 8 : tag % 8 == 5 ? 4 : 0;

        if (tag % 8 == 0 || tag % 8 == 2) {
            n = number(p, (size_t) (end - p), &v);
            fuzz_check(n != 0);
            p += n;
            n = tag % 8 == 2 ? (size_t) v : 0;
        }

        fuzz_check(n <= (size_t) (end - p));

        if (tag / 8 == wanted) {
            found.data = (const char *) p;
            found.size = n;
            *value = v;
        }

        p += n;
    }

    return found;
}


static int
equal(const ngx_websocket_bytes_t *a, const ngx_websocket_bytes_t *b)
{
    return a->size == b->size && memcmp(a->size ? a->data : "",
                                        b->size ? b->data : "", a->size) == 0;
}


static ngx_websocket_bytes_t
message_of(const ngx_websocket_json_text_t *text)
{
    size_t                 n;
    uint64_t               size;
    ngx_websocket_bytes_t  message;

    fuzz_check(!text->failed);

    n = number((uint8_t *) text->data, text->size, &size);
    fuzz_check(n != 0 && size == text->size - n);

    message.data = text->data + n;
    message.size = (size_t) size;

    return message;
}


static void
say(ngx_websocket_command_t *command)
{
    uint64_t                   v;
    ngx_websocket_push_t       push;
    ngx_websocket_reply_t      reply;
    ngx_websocket_bytes_t      m, found;
    ngx_websocket_json_text_t  text;

    memset(&reply, 0, sizeof(reply));
    memset(&push, 0, sizeof(push));
    memset(&text, 0, sizeof(text));

    reply.id = command->id;
    reply.client = command->channel;
    reply.session = command->epoch;

    ngx_websocket_protobuf_codec.reply(&text, &reply);
    m = message_of(&text);
    (void) last_of(m, 1, &v);
    fuzz_check(v == command->id);

    m = last_of(m, 5, &v);
    found = last_of(m, 1, &v);
    fuzz_check(equal(&found, &command->channel));
    found = last_of(m, 9, &v);
    fuzz_check(equal(&found, &command->epoch));

    text.size = 0;

    push.channel = command->channel;
    push.publication.data = command->data;
    push.publication.info.client = command->channel;
    push.publication.info.user = command->token;
    push.publication.offset = command->offset;

    ngx_websocket_protobuf_codec.push(&text, &push);
    m = last_of(message_of(&text), 4, &v);
    found = last_of(m, 2, &v);
    fuzz_check(equal(&found, &command->channel));

    m = last_of(m, 4, &v);
    found = last_of(m, 4, &v);
    fuzz_check(equal(&found, &command->data));
    (void) last_of(m, 6, &v);
    fuzz_check(v == command->offset);

    m = last_of(m, 5, &v);
    found = last_of(m, 1, &v);
    fuzz_check(command->channel.data == NULL
               || equal(&found, &command->token));

    ngx_websocket_json_text_done(&text);
}


/* a subscribe has most of what there is */

static void
hold(const char *p, const char *end, ngx_websocket_command_t *command)
{
    uint64_t               v;
    ngx_websocket_bytes_t  m, found;

    m.data = p;
    m.size = (size_t) (end - p);
    m.data += number((const uint8_t *) p, m.size, &v);
    m.size = (size_t) v;

    (void) last_of(m, 1, &v);
    fuzz_check((uint32_t) v == command->id);

    if (command->kind != NGX_WEBSOCKET_COMMAND_SUBSCRIBE) {
        return;
    }

    m = last_of(m, 5, &v);
    found = last_of(m, 1, &v);
    fuzz_check(equal(&found, &command->channel));
    found = last_of(m, 2, &v);
    fuzz_check(equal(&found, &command->token));
    found = last_of(m, 8, &v);
    fuzz_check(equal(&found, &command->data));
    (void) last_of(m, 7, &v);
    fuzz_check(v == command->offset);
    (void) last_of(m, 14, &v);
    fuzz_check((uint32_t) v == command->flag);
    (void) last_of(m, 3, &v);
    fuzz_check((v != 0) == command->recover);
}


/* positions are an object, or anything that is no such */

static void
subs(const ngx_websocket_bytes_t *bytes)
{
    json_t  *json;

    if (ngx_websocket_protobuf_codec.subs(bytes, &json) == NGX_WEBSOCKET_JSON_OK)
    {
        json_decref(json);
    }
}


/* a filter of tags is read, and is one or none */

static void
filter(const ngx_websocket_bytes_t *tf)
{
    json_t  *node, *json;

    if (ngx_websocket_protobuf_codec.filter(tf, &node)
        != NGX_WEBSOCKET_JSON_OK)
    {
        return;
    }

    if (ngx_websocket_tags_filter(node, &json) == NGX_WEBSOCKET_JSON_OK) {
        fuzz_check(json_object_size(json) == 1);
        json_decref(json);
    }

    json_decref(node);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    const char                *at;
    uint8_t                   *copy;
    ngx_websocket_command_t    command;
    ngx_websocket_commands_e   rc;
    ngx_websocket_commands_t   commands;

    copy = fuzz_copy(p, n);

    ngx_websocket_commands_init(&commands, (char *) copy, n);

    do {
        at = commands.p;
        rc = ngx_websocket_protobuf_command(&commands, &command);

        if (rc == NGX_WEBSOCKET_COMMANDS_OK) {
            fuzz_check(commands.p > at);
            hold(at, commands.p, &command);
            say(&command);

            if (command.tf.size) {
                filter(&command.tf);
            }

            if (command.subs.size) {
                subs(&command.subs);
            }
        }

    } while (rc == NGX_WEBSOCKET_COMMANDS_OK);

    fuzz_check(rc == NGX_WEBSOCKET_COMMANDS_BAD
               || (rc == NGX_WEBSOCKET_COMMANDS_END
                   && commands.p == commands.last));
    fuzz_check(n == 0 || memcmp(copy, p, n) == 0);

    ngx_websocket_commands_done(&commands);
    free(copy);

    return 0;
}
