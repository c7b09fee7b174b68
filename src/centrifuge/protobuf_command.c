
#include <string.h>

#include "centrifuge/protobuf_command.h"
#include "centrifuge/request.h"
#include "centrifuge/tags_filter.h"
#include "wire/utf8.h"


#define NGX_WEBSOCKET_PROTOBUF_LONGEST  10      /* bytes of a number */


/* how a field's value is written: groups are not known */

typedef enum {
    NGX_WEBSOCKET_PROTOBUF_VARINT = 0,
    NGX_WEBSOCKET_PROTOBUF_FIXED64 = 1,
    NGX_WEBSOCKET_PROTOBUF_BYTES = 2,
    NGX_WEBSOCKET_PROTOBUF_FIXED32 = 5
} ngx_websocket_protobuf_wire_e;


typedef struct {
    uint32_t                      number;
    ngx_websocket_protobuf_wire_e wire;
    uint64_t                      value;        /* of a VARINT */
    ngx_websocket_bytes_t         bytes;        /* of BYTES */
} ngx_websocket_protobuf_field_t;


static int ngx_websocket_protobuf_next(ngx_websocket_bytes_t *message,
    ngx_websocket_protobuf_field_t *field);
static int ngx_websocket_protobuf_length(const char **p, const char *last,
    size_t *size);
static ngx_websocket_commands_e ngx_websocket_protobuf_envelope(
    ngx_websocket_bytes_t *message, ngx_websocket_command_t *command,
    ngx_websocket_bytes_t *request);
static ngx_websocket_commands_e ngx_websocket_protobuf_members(
    ngx_websocket_bytes_t *message, const ngx_websocket_member_t *members,
    ngx_websocket_command_t *command);
static ngx_websocket_commands_e ngx_websocket_protobuf_set(
    ngx_websocket_protobuf_field_t *field,
    const ngx_websocket_member_t *member, ngx_websocket_command_t *command);
static ngx_websocket_json_e ngx_websocket_protobuf_sub(json_t *json,
    ngx_websocket_bytes_t *entry);
static json_t *ngx_websocket_protobuf_node(const ngx_websocket_bytes_t *text,
    unsigned depth, unsigned *values, ngx_websocket_json_e *rc);
static json_t *ngx_websocket_protobuf_node_value(
    const ngx_websocket_protobuf_field_t *field, unsigned depth,
    unsigned *values, ngx_websocket_json_e *rc);
static int ngx_websocket_protobuf_is_text(const ngx_websocket_bytes_t *bytes);


ngx_websocket_commands_e
ngx_websocket_protobuf_command(ngx_websocket_commands_t *commands,
    ngx_websocket_command_t *command)
{
    const char                *p;
    ngx_websocket_bytes_t      message, request, whole;
    ngx_websocket_commands_e   rc;

    p = commands->p;

    if (p == commands->last) {
        return NGX_WEBSOCKET_COMMANDS_END;
    }

    if (!ngx_websocket_protobuf_length(&p, commands->last, &message.size)) {
        return NGX_WEBSOCKET_COMMANDS_BAD;
    }

    message.data = p;
    p += message.size;

    memset(command, 0, sizeof(ngx_websocket_command_t));

    rc = ngx_websocket_protobuf_envelope(&message, command, &request);

    if (rc == NGX_WEBSOCKET_COMMANDS_OK && request.data) {
        whole = request;

        rc = ngx_websocket_protobuf_members(&request,
                               ngx_websocket_requests[command->kind].members,
                                            command);
    }

    if (rc == NGX_WEBSOCKET_COMMANDS_OK) {
        commands->p = p;

        if (command->subs.data) {

            /* there may be several */

            command->subs = whole;
        }
    }

    return rc;
}


int
ngx_websocket_protobuf_varint(const char **p, const char *last,
    uint64_t *number)
{
    int      i;
    uint8_t  c;

    *number = 0;

    for (i = 0; i < NGX_WEBSOCKET_PROTOBUF_LONGEST && *p < last; i++) {

        c = (uint8_t) *(*p)++;

        /* of the last byte there is room for one bit */

        if (i == NGX_WEBSOCKET_PROTOBUF_LONGEST - 1 && c > 1) {
            return 0;
        }

        *number |= (uint64_t) (c & 0x7f) << (7 * i);

        if (c < 0x80) {
            return 1;
        }
    }

    return 0;
}


int
ngx_websocket_protobuf_emulation(const char *data, size_t size,
    ngx_websocket_emulation_t *emulation)
{
    ngx_websocket_bytes_t           message, *to[3];
    ngx_websocket_protobuf_field_t  field;

    memset(emulation, 0, sizeof(ngx_websocket_emulation_t));

    to[0] = &emulation->node;
    to[1] = &emulation->session;
    to[2] = &emulation->data;

    message.data = data;
    message.size = size;

    while (message.size) {

        if (!ngx_websocket_protobuf_next(&message, &field)) {
            return 0;
        }

        if (field.number > 3) {
            continue;
        }

        if (field.wire != NGX_WEBSOCKET_PROTOBUF_BYTES) {
            return 0;
        }

        *to[field.number - 1] = field.bytes;
    }

    return 1;
}


/* of bytes that are there */

static int
ngx_websocket_protobuf_length(const char **p, const char *last, size_t *size)
{
    uint64_t  length;

    if (!ngx_websocket_protobuf_varint(p, last, &length)
        || length > (uint64_t) (last - *p))
    {
        return 0;
    }

    *size = (size_t) length;

    return 1;
}


/* takes a field off a message; 0 where there is none that can be read */

static int
ngx_websocket_protobuf_next(ngx_websocket_bytes_t *message,
    ngx_websocket_protobuf_field_t *field)
{
    uint64_t     tag;
    const char  *p, *last;

    p = message->data;
    last = p + message->size;

    if (!ngx_websocket_protobuf_varint(&p, last, &tag)
        || tag >> 3 == 0 || tag > UINT32_MAX)
    {
        return 0;
    }

    field->number = (uint32_t) (tag >> 3);
    field->wire = tag & 7;
    field->bytes.size = 0;

    switch (field->wire) {

    case NGX_WEBSOCKET_PROTOBUF_VARINT:
        if (!ngx_websocket_protobuf_varint(&p, last, &field->value)) {
            return 0;
        }

        break;

    case NGX_WEBSOCKET_PROTOBUF_BYTES:
        if (!ngx_websocket_protobuf_length(&p, last, &field->bytes.size)) {
            return 0;
        }

        break;

    case NGX_WEBSOCKET_PROTOBUF_FIXED64:
        field->bytes.size = 8;
        break;

    case NGX_WEBSOCKET_PROTOBUF_FIXED32:
        field->bytes.size = 4;
        break;

    default:
        return 0;
    }

    if (field->bytes.size > (size_t) (last - p)) {
        return 0;
    }

    field->bytes.data = p;
    p += field->bytes.size;

    message->data = p;
    message->size = (size_t) (last - p);

    return 1;
}


/* request->data is NULL for a pong */

static ngx_websocket_commands_e
ngx_websocket_protobuf_envelope(ngx_websocket_bytes_t *message,
    ngx_websocket_command_t *command, ngx_websocket_bytes_t *request)
{
    int                             kind, known;
    ngx_websocket_protobuf_field_t  field;

    known = NGX_WEBSOCKET_COMMANDS;
    request->data = NULL;
    request->size = 0;

    while (message->size) {

        if (!ngx_websocket_protobuf_next(message, &field)) {
            return NGX_WEBSOCKET_COMMANDS_BAD;
        }

        if (field.number == 1) {

            if (field.wire != NGX_WEBSOCKET_PROTOBUF_VARINT) {
                return NGX_WEBSOCKET_COMMANDS_BAD;
            }

            command->id = (uint32_t) field.value;
            continue;
        }

        for (kind = 0; kind < NGX_WEBSOCKET_COMMANDS; kind++) {
            if (ngx_websocket_requests[kind].number == field.number) {
                break;
            }
        }

        if (kind == NGX_WEBSOCKET_COMMANDS || kind > known) {
            continue;
        }

        if (field.wire != NGX_WEBSOCKET_PROTOBUF_BYTES) {
            return NGX_WEBSOCKET_COMMANDS_BAD;
        }

        known = kind;
        *request = field.bytes;
    }

    return ngx_websocket_request_kind(command, known);
}


static ngx_websocket_commands_e
ngx_websocket_protobuf_members(ngx_websocket_bytes_t *message,
    const ngx_websocket_member_t *members, ngx_websocket_command_t *command)
{
    ngx_websocket_commands_e         rc;
    const ngx_websocket_member_t    *member;
    ngx_websocket_protobuf_field_t   field;

    while (message->size) {

        if (!ngx_websocket_protobuf_next(message, &field)) {
            return NGX_WEBSOCKET_COMMANDS_BAD;
        }

        for (member = members; member->name; member++) {
            if (member->number == field.number) {
                break;
            }
        }

        if (member->name == NULL) {
            continue;
        }

        rc = ngx_websocket_protobuf_set(&field, member, command);

        if (rc != NGX_WEBSOCKET_COMMANDS_OK) {
            return rc;
        }
    }

    return NGX_WEBSOCKET_COMMANDS_OK;
}


static ngx_websocket_commands_e
ngx_websocket_protobuf_set(ngx_websocket_protobuf_field_t *field,
    const ngx_websocket_member_t *member, ngx_websocket_command_t *command)
{
    void  *to;

    to = (char *) command + member->offset;

    if ((field->wire == NGX_WEBSOCKET_PROTOBUF_BYTES)
        != (member->type <= NGX_WEBSOCKET_MEMBER_RAW
            || member->type == NGX_WEBSOCKET_MEMBER_POSITION)
        || (field->wire != NGX_WEBSOCKET_PROTOBUF_BYTES
            && field->wire != NGX_WEBSOCKET_PROTOBUF_VARINT))
    {
        return NGX_WEBSOCKET_COMMANDS_BAD;
    }

    switch (member->type) {

    case NGX_WEBSOCKET_MEMBER_STRING:
        if (!ngx_websocket_protobuf_is_text(&field->bytes)) {
            return NGX_WEBSOCKET_COMMANDS_BAD;
        }

        *(ngx_websocket_bytes_t *) to = field->bytes;
        break;

    case NGX_WEBSOCKET_MEMBER_DATA:
    case NGX_WEBSOCKET_MEMBER_RAW:
        *(ngx_websocket_bytes_t *) to = field->bytes;
        break;

    case NGX_WEBSOCKET_MEMBER_POSITION:
        *(uint8_t *) to = 1;
        return ngx_websocket_protobuf_members(&field->bytes,
                                              ngx_websocket_request_position,
                                              command);

    case NGX_WEBSOCKET_MEMBER_BOOL:
        *(uint8_t *) to = field->value != 0;
        break;

    case NGX_WEBSOCKET_MEMBER_UINT64:
        *(uint64_t *) to = field->value;
        break;

    default:  /* NGX_WEBSOCKET_MEMBER_UINT32, _INT32: the lower bits */
        *(uint32_t *) to = (uint32_t) field->value;
    }

    return NGX_WEBSOCKET_COMMANDS_OK;
}


/* the entries of a map, field 3 of a connect */

ngx_websocket_json_e
ngx_websocket_protobuf_subs(const ngx_websocket_bytes_t *subs, json_t **json)
{
    int                             n;
    ngx_websocket_json_e            rc;
    ngx_websocket_bytes_t           message;
    ngx_websocket_protobuf_field_t  field;

    n = 0;
    message = *subs;
    *json = json_object();
    rc = *json ? NGX_WEBSOCKET_JSON_OK : NGX_WEBSOCKET_JSON_NO_MEMORY;

    while (rc == NGX_WEBSOCKET_JSON_OK && message.size) {

        if (!ngx_websocket_protobuf_next(&message, &field)
            || n == NGX_WEBSOCKET_SUBS_MOST / 4)
        {
            rc = NGX_WEBSOCKET_JSON_REFUSED;

        } else if (field.number == 3
                   && field.wire == NGX_WEBSOCKET_PROTOBUF_BYTES)
        {
            n++;
            rc = ngx_websocket_protobuf_sub(*json, &field.bytes);
        }
    }

    if (rc != NGX_WEBSOCKET_JSON_OK) {
        json_decref(*json);
    }

    return rc;
}


/* a name, and its SubscribeRequest */

static ngx_websocket_json_e
ngx_websocket_protobuf_sub(json_t *json, ngx_websocket_bytes_t *entry)
{
    json_t                         *sub;
    ngx_websocket_bytes_t           name, request, epoch;
    ngx_websocket_protobuf_field_t  field;
    uint64_t                        offset, recover;

    memset(&name, 0, sizeof(ngx_websocket_bytes_t));
    memset(&request, 0, sizeof(ngx_websocket_bytes_t));
    memset(&epoch, 0, sizeof(ngx_websocket_bytes_t));

    offset = 0;
    recover = 0;

    while (entry->size) {

        if (!ngx_websocket_protobuf_next(entry, &field)) {
            return NGX_WEBSOCKET_JSON_REFUSED;
        }

        if (field.wire == NGX_WEBSOCKET_PROTOBUF_BYTES && field.number <= 2) {
            *(field.number == 1 ? &name : &request) = field.bytes;
        }
    }

    while (request.size) {

        if (!ngx_websocket_protobuf_next(&request, &field)) {
            return NGX_WEBSOCKET_JSON_REFUSED;
        }

        if (field.number == 6 && field.wire == NGX_WEBSOCKET_PROTOBUF_BYTES) {
            epoch = field.bytes;

        } else if (field.wire == NGX_WEBSOCKET_PROTOBUF_VARINT) {
            recover = field.number == 3 ? field.value : recover;
            offset = field.number == 7 ? field.value : offset;
        }
    }

    if (!ngx_websocket_protobuf_is_text(&name)
        || !ngx_websocket_protobuf_is_text(&epoch)
        || (name.size && memchr(name.data, '\0', name.size)))
    {
        return NGX_WEBSOCKET_JSON_REFUSED;
    }

    sub = json_pack("{s:b,s:I,s:s%}", "recover", (int) (recover != 0),
                    "offset", (json_int_t) offset,
                    "epoch", epoch.size ? epoch.data : "", epoch.size);

    return json_object_setn_new(json, name.size ? name.data : "", name.size,
                                sub)
           == 0
           ? NGX_WEBSOCKET_JSON_OK : NGX_WEBSOCKET_JSON_NO_MEMORY;
}


ngx_websocket_json_e
ngx_websocket_protobuf_filter(const ngx_websocket_bytes_t *tf, json_t **node)
{
    unsigned              values;
    ngx_websocket_json_e  rc;

    values = 0;
    rc = NGX_WEBSOCKET_JSON_OK;

    *node = ngx_websocket_protobuf_node(tf, 0, &values, &rc);

    if (*node == NULL && rc == NGX_WEBSOCKET_JSON_OK) {
        return NGX_WEBSOCKET_JSON_NO_MEMORY;
    }

    return rc;
}


/* NULL with *rc set to REFUSED, or left as it is where memory was refused */

static json_t *
ngx_websocket_protobuf_node(const ngx_websocket_bytes_t *text, unsigned depth,
    unsigned *values, ngx_websocket_json_e *rc)
{
    int                             failed;
    json_t                         *node, *value;
    const char                     *name;
    ngx_websocket_bytes_t           message;
    ngx_websocket_protobuf_field_t  field;

    static const char *const  names[] = {
        NULL, "op", "key", "cmp", "val", "vals", "nodes"
    };

    if (depth == NGX_WEBSOCKET_TAGS_FILTER_DEPTH) {
        *rc = NGX_WEBSOCKET_JSON_REFUSED;
        return NULL;
    }

    message = *text;
    node = json_pack("{s:[],s:[]}", "vals", "nodes");
    failed = node == NULL;

    while (message.size && !failed) {

        if (!ngx_websocket_protobuf_next(&message, &field)
            || ++*values > NGX_WEBSOCKET_TAGS_FILTER_MOST)
        {
            *rc = NGX_WEBSOCKET_JSON_REFUSED;
            break;
        }

        if (field.number >= sizeof(names) / sizeof(names[0])) {
            continue;
        }

        name = names[field.number];
        value = ngx_websocket_protobuf_node_value(&field, depth, values, rc);

        failed = field.number < 5
                 ? json_object_set_new(node, name, value) != 0
                 : json_array_append_new(json_object_get(node, name), value)
                   != 0;
    }

    if (failed || *rc != NGX_WEBSOCKET_JSON_OK) {
        json_decref(node);
        return NULL;
    }

    return node;
}


static json_t *
ngx_websocket_protobuf_node_value(const ngx_websocket_protobuf_field_t *field,
    unsigned depth, unsigned *values, ngx_websocket_json_e *rc)
{
    if (field->wire != NGX_WEBSOCKET_PROTOBUF_BYTES
        || (field->number < 6
            && (!ngx_websocket_protobuf_is_text(&field->bytes)
                || memchr(field->bytes.data, '\0', field->bytes.size))))
    {
        *rc = NGX_WEBSOCKET_JSON_REFUSED;
        return NULL;
    }

    return field->number == 6
           ? ngx_websocket_protobuf_node(&field->bytes, depth + 1, values, rc)
           : json_stringn_nocheck(field->bytes.data, field->bytes.size);
}


static int
ngx_websocket_protobuf_is_text(const ngx_websocket_bytes_t *bytes)
{
    ngx_websocket_utf8_t  utf8;

    utf8 = 0;

    return ngx_websocket_utf8(&utf8, (const uint8_t *) bytes->data,
                              bytes->size)
           == 0
           && utf8 == 0;
}
