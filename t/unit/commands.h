
/*
 * Commands of Centrifugo's protocol as lines of text.
 */


#ifndef NGX_WEBSOCKET_UNIT_COMMANDS_H
#define NGX_WEBSOCKET_UNIT_COMMANDS_H


#include "unit.h"
#include "centrifuge/codec.h"


#define bytes(text)  { text, sizeof(text) - 1 }


static const char *const  kinds[] = {
    "connect", "subscribe", "unsubscribe", "publish", "presence",
    "presence_stats", "history", "rpc", "send", "refresh", "sub_refresh", "",
    "pong"
};


static char *
field(char *p, const char *name, const ngx_websocket_bytes_t *value)
{
    return value->data == NULL
           ? p : p + sprintf(p, " %s=%.*s", name, (int) value->size,
                             value->data);
}


/* a command in a line */

static char *
print(char *p, const ngx_websocket_command_t *c)
{
    p += sprintf(p, "%u %s", c->id, kinds[c->kind]);
    p = field(p, "channel", &c->channel);
    p = field(p, "token", &c->token);
    p = field(p, "epoch", &c->epoch);
    p = field(p, "name", &c->name);
    p = field(p, "version", &c->version);
    p = field(p, "method", &c->method);
    p = field(p, "delta", &c->delta);
    p = field(p, "data", &c->data);
    p = field(p, "subs", &c->subs);
    p = field(p, "tf", &c->tf);

    if (c->offset || c->flag || c->type || c->limit) {
        p += sprintf(p, " %llu/%u/%u/%d", (unsigned long long) c->offset,
                     c->flag, c->type, c->limit);
    }

    return p + sprintf(p, "%s%s%s%s%s%s;", c->since ? " since" : "",
                       c->reverse ? " reverse" : "",
                       c->recover ? " recover" : "",
                       c->positioned ? " positioned" : "",
                       c->recoverable ? " recoverable" : "",
                       c->join_leave ? " join_leave" : "");
}


/*
 * Takes the commands of a frame, which ends where memory does, and compares
 * them with a line.
 */

static void
commands_are(const ngx_websocket_codec_t *codec, const char *frame,
    size_t size, const char *expected)
{
    int                        ok;
    char                       line[4096], *p;
    uint8_t                   *copy;
    ngx_websocket_command_t    command;
    ngx_websocket_commands_e   rc;
    ngx_websocket_commands_t   commands;

    copy = unit_guarded(size);
    memcpy(copy, frame, size);

    p = line;
    *p = '\0';

    ngx_websocket_commands_init(&commands, (char *) copy, size);

    do {
        rc = codec->next(&commands, &command);

        if (rc == NGX_WEBSOCKET_COMMANDS_OK) {
            p = print(p, &command);
        }

    } while (rc == NGX_WEBSOCKET_COMMANDS_OK);

    if (rc != NGX_WEBSOCKET_COMMANDS_END) {
        strcpy(p, "bad");
    }

    ngx_websocket_commands_done(&commands);
    unit_unguard(copy, size);

    ok = strcmp(line, expected) == 0;

    for (p = line; *p; p++) {
        *p = *p == '\n' ? '|' : *p;
    }

    unit_ok(ok, "%s", line);
}


#endif /* NGX_WEBSOCKET_UNIT_COMMANDS_H */
