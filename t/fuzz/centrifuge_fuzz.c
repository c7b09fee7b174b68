
/*
 * Centrifugo's protocol in JSON.  The input is a frame: what is taken of it is
 * said again in replies and pushes, which must be JSON in a line, with the
 * same strings in them.
 */

#include "fuzz.h"
#include "wire/utf8.c"
#include "message/json.c"
#include "message/scan.c"
#include "message/tags.c"
#include "message/filter.c"
#include "centrifuge/json_codec.c"
#include "centrifuge/json_command.c"
#include "centrifuge/request.c"
#include "centrifuge/tags_filter.c"


static json_t *
read_back(ngx_websocket_json_text_t *text)
{
    json_t  *json;

    fuzz_check(memchr(text->data, '\n', text->size) == NULL);

    json = json_loadb(text->data, text->size, JSON_ALLOW_NUL, NULL);
    ngx_websocket_json_text_done(text);

    return json;
}


static void
same(json_t *json, const char *name, const ngx_websocket_bytes_t *bytes)
{
    json = json_object_get(json, name);

    fuzz_check(json ? json_string_length(json) == bytes->size
                      && memcmp(json_string_value(json), bytes->data,
                                bytes->size) == 0
                    : bytes->size == 0);
}


/* jansson takes no name with a zero byte, and no number that is too large */

static void
say(ngx_websocket_command_t *command)
{
    json_t                     *json;
    ngx_websocket_push_t        push;
    ngx_websocket_reply_t       reply;
    ngx_websocket_json_text_t   text;

    memset(&reply, 0, sizeof(reply));
    memset(&push, 0, sizeof(push));
    memset(&text, 0, sizeof(text));

    reply.id = command->id;
    reply.client = command->channel;
    reply.version = command->token;
    reply.session = command->epoch;

    ngx_websocket_json_codec.reply(&text, &reply);
    json = read_back(&text);

    fuzz_check(json != NULL);
    same(json_object_get(json, "connect"), "client", &command->channel);
    same(json_object_get(json, "connect"), "version", &command->token);
    same(json_object_get(json, "connect"), "session", &command->epoch);
    json_decref(json);

    push.channel = command->channel;
    push.publication.info.client = command->channel;
    push.publication.info.user = command->token;
    push.publication.offset = command->offset & INT64_MAX;

    ngx_websocket_json_codec.push(&text, &push);
    json = read_back(&text);

    fuzz_check(json != NULL);
    json_decref(json);

    if (command->data.data) {
        fuzz_check(ngx_websocket_json_valid(command->data.data,
                                            command->data.size));
    }
}


/* positions are an object, or anything that is no such */

static void
subs(const ngx_websocket_bytes_t *bytes)
{
    json_t  *json;

    if (ngx_websocket_json_codec.subs(bytes, &json) == NGX_WEBSOCKET_JSON_OK)
    {
        json_decref(json);
    }
}


/* a filter of tags is read, and is one or none */

static void
filter(const ngx_websocket_bytes_t *tf)
{
    json_t  *node, *json;

    if (ngx_websocket_json_codec.filter(tf, &node)
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
    uint8_t                   *copy;
    ngx_websocket_utf8_t       utf8;
    ngx_websocket_command_t    command;
    ngx_websocket_commands_e   rc;
    ngx_websocket_commands_t   commands;

    utf8 = 0;

    if (ngx_websocket_utf8(&utf8, p, n) != 0 || utf8 != 0) {
        return 0;
    }

    copy = fuzz_copy(p, n);

    ngx_websocket_commands_init(&commands, (char *) copy, n);

    do {
        rc = ngx_websocket_json_command(&commands, &command);

        if (rc == NGX_WEBSOCKET_COMMANDS_OK) {
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
