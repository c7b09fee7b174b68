
#include <string.h>

#include "message/tags.h"
#include "wire/utf8.h"


/* a tag is packed as the sizes of its name and its value, then both */
#define NGX_WEBSOCKET_TAG_HEAD  2
#define NGX_WEBSOCKET_TAG_MAX   255


static int ngx_websocket_tag_parse(const char *text, size_t size,
    ngx_websocket_tag_t *tag);
static void ngx_websocket_tag_trim(const char **text, size_t *size);
static int ngx_websocket_tag_name(const char *name, size_t size);
static int ngx_websocket_tag_value(const char *value, size_t size);
static int ngx_websocket_tag_again(const ngx_websocket_tag_t *tags, size_t n);


int
ngx_websocket_tags_pack(const char *text, size_t size, uint8_t *buf)
{
    size_t               n, len;
    uint8_t             *p;
    const char          *last, *end;
    ngx_websocket_tag_t  tags[NGX_WEBSOCKET_TAGS], *tag;

    ngx_websocket_tag_trim(&text, &size);

    p = buf;
    last = text + size;

    for (n = 0; size; n++) {

        end = memchr(text, ',', size);
        len = (end ? end : last) - text;

        if (n == NGX_WEBSOCKET_TAGS) {
            return -1;
        }

        tag = &tags[n];

        if (ngx_websocket_tag_parse(text, len, tag) != 0
            || ngx_websocket_tag_again(tags, n)
            || NGX_WEBSOCKET_TAG_HEAD + tag->name_size + tag->value_size
               > (size_t) (buf + NGX_WEBSOCKET_TAGS_SIZE - p))
        {
            return -1;
        }

        *p++ = (uint8_t) tag->name_size;
        *p++ = (uint8_t) tag->value_size;

        memcpy(p, tag->name, tag->name_size);
        p += tag->name_size;
        memcpy(p, tag->value, tag->value_size);
        p += tag->value_size;

        if (end == NULL) {
            break;
        }

        text = end + 1;
        size = last - text;

        if (size == 0) {
            return -1;
        }
    }

    return (int) (p - buf);
}


static int
ngx_websocket_tag_parse(const char *text, size_t size,
    ngx_websocket_tag_t *tag)
{
    const char  *eq;

    eq = memchr(text, '=', size);

    if (eq == NULL) {
        return -1;
    }

    tag->name = text;
    tag->name_size = eq - text;
    tag->value = eq + 1;
    tag->value_size = text + size - tag->value;

    ngx_websocket_tag_trim(&tag->name, &tag->name_size);
    ngx_websocket_tag_trim(&tag->value, &tag->value_size);

    return ngx_websocket_tag_name(tag->name, tag->name_size) == 0
           && ngx_websocket_tag_value(tag->value, tag->value_size) == 0
           ? 0 : -1;
}


static void
ngx_websocket_tag_trim(const char **text, size_t *size)
{
    while (*size && (**text == ' ' || **text == '\t')) {
        (*text)++;
        (*size)--;
    }

    while (*size && ((*text)[*size - 1] == ' ' || (*text)[*size - 1] == '\t'))
    {
        (*size)--;
    }
}


static int
ngx_websocket_tag_name(const char *name, size_t size)
{
    size_t  i;

    for (i = 0; i < size; i++) {

        if (!((name[i] >= 'a' && name[i] <= 'z')
              || (name[i] >= 'A' && name[i] <= 'Z')
              || (name[i] >= '0' && name[i] <= '9')
              || name[i] == '_' || name[i] == '-' || name[i] == '.'))
        {
            return -1;
        }
    }

    return size == 0 || size > NGX_WEBSOCKET_TAG_MAX ? -1 : 0;
}


static int
ngx_websocket_tag_value(const char *value, size_t size)
{
    ngx_websocket_utf8_t  utf8;

    utf8 = 0;

    if (size > NGX_WEBSOCKET_TAG_MAX
        || ngx_websocket_utf8(&utf8, (const uint8_t *) value, size) != 0
        || utf8 != 0
        || ngx_websocket_control((const uint8_t *) value, size) < size)
    {
        return -1;
    }

    return 0;
}


/* not 0 when one of the first n has the name of the next */

static int
ngx_websocket_tag_again(const ngx_websocket_tag_t *tags, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (tags[i].name_size == tags[n].name_size
            && memcmp(tags[i].name, tags[n].name, tags[n].name_size) == 0)
        {
            return 1;
        }
    }

    return 0;
}


size_t
ngx_websocket_tags_unpack(const uint8_t *data, size_t size,
    ngx_websocket_tag_t *tags)
{
    size_t  n, total;

    for (n = 0; n < NGX_WEBSOCKET_TAGS && size >= NGX_WEBSOCKET_TAG_HEAD; n++)
    {
        total = NGX_WEBSOCKET_TAG_HEAD + (size_t) data[0] + data[1];

        if (total > size) {
            break;
        }

        tags[n].name_size = data[0];
        tags[n].value_size = data[1];
        tags[n].name = (const char *) data + NGX_WEBSOCKET_TAG_HEAD;
        tags[n].value = tags[n].name + tags[n].name_size;

        data += total;
        size -= total;
    }

    return n;
}


size_t
ngx_websocket_tags_find(const uint8_t *data, size_t size, const char *name,
    const char **value)
{
    size_t               i, n, length;
    ngx_websocket_tag_t  tags[NGX_WEBSOCKET_TAGS];

    n = ngx_websocket_tags_unpack(data, size, tags);
    length = strlen(name);

    for (i = 0; i < n; i++) {
        if (tags[i].name_size == length
            && memcmp(tags[i].name, name, length) == 0)
        {
            *value = tags[i].value;
            return tags[i].value_size;
        }
    }

    return 0;
}
