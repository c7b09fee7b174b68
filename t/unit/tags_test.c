
/* Tags: what is one, what is none, and that they come back as they went. */


#include "unit.h"
#include "message/tags.c"
#include "wire/utf8.c"


static uint8_t  buf[NGX_WEBSOCKET_TAGS_SIZE];


/* packs it, and says in a line what comes out again */

static void
is(const char *text, const char *expected)
{
    int                  size;
    char                 line[4 * NGX_WEBSOCKET_TAGS_SIZE], *p;
    size_t               i, n, len;
    uint8_t             *copy, *packed;
    ngx_websocket_tag_t  tags[NGX_WEBSOCKET_TAGS];

    len = strlen(text);
    copy = unit_guarded(len);
    memcpy(copy, text, len);

    size = ngx_websocket_tags_pack((char *) copy, len, buf);

    if (size < 0) {
        unit_ok(strcmp(expected, "none") == 0, "refused: %.60s", text);
        return;
    }

    packed = unit_guarded(size);
    memcpy(packed, buf, size);

    n = ngx_websocket_tags_unpack(packed, size, tags);

    for (p = line, i = 0; i < n; i++) {
        p += sprintf(p, "%.*s=%.*s;", (int) tags[i].name_size, tags[i].name,
                     (int) tags[i].value_size, tags[i].value);
    }

    *p = '\0';

    unit_ok(strcmp(line, expected) == 0, "%.60s -> %.60s", text, line);
}


/* "a=", then size bytes, before and after what else there is */

static const char *
sized(const char *before, size_t size, const char *after)
{
    static char  text[4096];

    sprintf(text, "%s%0*d%s", before, (int) size, 0, after);

    return text;
}


static void
bounds(void)
{
    char      expected[512];
    size_t    n;
    unsigned  i;
    uint8_t  *cut;

    sprintf(expected, "a=%0*d;", 255, 0);

    is(sized("a=", 255, ""), expected);
    is(sized("a=", 256, ""), "none");
    is(sized("a", 255, "=x"), "none");

    /* 4 * (2 + 1 + 253) are 1024 */

    for (i = 253; i < 255; i++) {
        char  text[2048];

        sprintf(text, "a=%0*d,b=%0*d,c=%0*d,d=%0*d", 253, 0, 253, 0, 253, 0,
                (int) i, 0);
        unit_ok(ngx_websocket_tags_pack(text, strlen(text), buf)
                == (i == 253 ? NGX_WEBSOCKET_TAGS_SIZE : -1),
                "of %u bytes", i + 771);
    }

    /* whatever the log has: nothing is read beyond it */

    for (n = 0; n < 8; n++) {
        ngx_websocket_tag_t  tags[NGX_WEBSOCKET_TAGS];

        cut = unit_guarded(n);
        memcpy(cut, "\2\3namee", n);

        unit_ok(ngx_websocket_tags_unpack(cut, n, tags) == (n == 7),
                "cut at %zu", n);
    }
}


static void
finds(void)
{
    int          n;
    uint8_t      buf[NGX_WEBSOCKET_TAGS_SIZE];
    const char  *value;

    n = ngx_websocket_tags_pack("events=x,event=go,a=", 20, buf);

    unit_ok(ngx_websocket_tags_find(buf, (size_t) n, "event", &value) == 2
            && memcmp(value, "go", 2) == 0, "a tag is found");
    unit_ok(ngx_websocket_tags_find(buf, (size_t) n, "even", &value) == 0
            && ngx_websocket_tags_find(buf, (size_t) n, "a", &value) == 0
            && ngx_websocket_tags_find(buf, 0, "a", &value) == 0,
            "no tag, and no value");
}


int
main(void)
{
    is("", "");
    is("  \t", "");
    is("a=b", "a=b;");
    is(" a = b c , d= ,e.f-g_H9=\"x\"", "a=b c;d=;e.f-g_H9=\"x\";");
    is("a==b=", "a==b=;");
    is("a=\xc3\xa9", "a=\xc3\xa9;");

    is("a", "none");
    is("a=b,", "none");
    is(",a=b", "none");
    is("a=b,,c=d", "none");
    is("=b", "none");
    is("a b=c", "none");
    is("a=b,a=c", "none");
    is("a=\xc3", "none");
    is("a=\xff", "none");
    is("a=\x01", "none");
    is("a=x\x7f", "none");
    is("\xc3\xa9=a", "none");

    is("a=,b=,c=,d=,e=,f=,g=,h=,i=,j=,k=,l=,m=,n=,o=,p=",
       "a=;b=;c=;d=;e=;f=;g=;h=;i=;j=;k=;l=;m=;n=;o=;p=;");
    is("a=,b=,c=,d=,e=,f=,g=,h=,i=,j=,k=,l=,m=,n=,o=,p=,q=", "none");

    bounds();
    finds();

    return unit_done();
}
