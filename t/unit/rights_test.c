
/*
 * Rights on channels: claims and what they let do, claims that are refused,
 * and that no pattern takes long.
 */


#include "unit.h"
#include "auth/rights.c"

#include <time.h>


#define S  NGX_WEBSOCKET_RIGHT_SUBSCRIBE
#define P  NGX_WEBSOCKET_RIGHT_PUBLISH
#define R  NGX_WEBSOCKET_RIGHT_PRESENCE
#define H  NGX_WEBSOCKET_RIGHT_HISTORY


static ngx_websocket_rights_t *
compile(const char *text, const char **error)
{
    json_t                  *json;
    ngx_websocket_rights_t  *rights;

    json = json_loads(text, JSON_DECODE_ANY, NULL);

    if (json == NULL) {
        unit_ok(0, "JSON: %s", text);
        exit(1);
    }

    rights = ngx_websocket_rights_compile(json, error);
    json_decref(json);

    return rights;
}


/* the mask of a name at the end of what may be read, by a block copied there */

static unsigned
mask_of(const ngx_websocket_rights_t *rights, const char *name)
{
    size_t                   n;
    uint8_t                 *p;
    unsigned                 mask;
    ngx_websocket_rights_t  *copy;

    n = strlen(name);
    p = unit_guarded(n);
    memcpy(p, name, n);

    copy = malloc(rights->size);
    memcpy(copy, rights, rights->size);

    mask = ngx_websocket_rights_match(copy, p, n);

    free(copy);
    unit_unguard(p, n);

    return mask;
}


static void
lets(const char *claim, const char *name, unsigned want)
{
    unsigned                 mask;
    const char              *error;
    ngx_websocket_rights_t  *rights;

    rights = compile(claim, &error);

    if (rights == NULL) {
        unit_ok(0, "%s: %s", claim, error);
        return;
    }

    mask = mask_of(rights, name);

    unit_ok(mask == want, "%s on \"%s\": %x", claim, name, mask);

    free(rights);
}


/* one pattern */

static void
matches(const char *pattern, const char *name, int want)
{
    char  claim[512];

    snprintf(claim, sizeof(claim), "[\"%s\"]", pattern);

    lets(claim, name, want ? NGX_WEBSOCKET_RIGHT_ALL : 0);
}


static void
refused(const char *claim, const char *part)
{
    const char              *error;
    ngx_websocket_rights_t  *rights;

    error = NULL;
    rights = compile(claim, &error);

    unit_ok(rights == NULL && error && strstr(error, part), "%.60s: %s",
            claim, error ? error : "taken");

    free(rights);
}


static void
test_patterns(void)
{
    matches("room", "room", 1);
    matches("room", "rooms", 0);
    matches("room", "roo", 0);
    matches("room", "Room", 0);
    matches("room", "", 0);

    matches("room/*", "room/1", 1);
    matches("room/*", "room/12", 1);
    matches("room/*", "room/", 0);
    matches("room/*", "room", 0);
    matches("room/*", "room/1/2", 0);
    matches("room/*", "rooms/1", 0);
    matches("room/*/log", "room/1/log", 1);
    matches("room/*/log", "room/1/2/log", 0);
    matches("room/*/log", "room//log", 0);
    matches("*", "room", 1);
    matches("*", "room/1", 0);
    matches("*", "", 0);
    matches("*:*", "a:b:c", 1);
    matches("user-*-in", "user-in-in", 1);
    matches("user-*-in", "user-in", 0);
    matches("*a*a", "aaa/", 0);
    matches("*a*a", "baca", 1);
    matches("*a*a", "aaaa", 1);
    matches("*a*a", "aba", 0);

    matches("**", "room", 1);
    matches("**", "room/1/2", 1);
    matches("**", "/", 1);
    matches("**", "", 0);
    matches("news/**", "news/1", 1);
    matches("news/**", "news/1/2/3", 1);
    matches("news/**", "news/", 0);
    matches("news/**", "news", 0);
    matches("news**", "news", 0);
    matches("**/log", "a/b/log", 1);
    matches("**/log", "/log", 0);
    matches("**/log", "a/b/log/c", 0);
    matches("a/**/b/*/c", "a/x/b/y/z/b/w/c", 1);
    matches("a/**/b/*/c", "a/x/b/y/z/c", 0);
    matches("**/*", "a/b/c", 1);
    matches("**/*", "a/b/", 0);
    matches("*/**", "a/b/c", 1);
    matches("*/**", "/b/c", 0);
    matches("** **", "a b", 1);
    matches("?[a]", "b", 0);
    matches("\xc3\xa9*", "\xc3\xa9\xc3\xa9", 1);
}


static void
test_claims(void)
{
    static const char  claim[] =
        "{\"room/*\":[\"subscribe\",\"publish\"],\"room/1\":[\"presence\"],"
        "\"**\":[\"history\"],\"none\":[],\"all\":"
        "[\"history\",\"presence\",\"publish\",\"subscribe\",\"publish\"]}";

    lets(claim, "room/1", S|P|R|H);
    lets(claim, "room/2", S|P|H);
    lets(claim, "other", H);
    lets(claim, "none", H);
    lets(claim, "all", NGX_WEBSOCKET_RIGHT_ALL);
    lets(claim, "", 0);

    lets("{\"a\":[\"subscribe\"]}", "a", S);
    lets("{\"a\":[\"publish\"]}", "a", P);
    lets("{\"a\":[\"presence\"]}", "a", R);
    lets("{\"a\":[\"history\"]}", "a", H);
    lets("{\"a\":[]}", "a", 0);
    lets("{}", "a", 0);
    lets("[]", "a", 0);
    lets("[\"a\",\"b/*\"]", "b/c", NGX_WEBSOCKET_RIGHT_ALL);

    refused("null", "neither");
    refused("\"room\"", "neither");
    refused("7", "neither");
    refused("[1]", "not a string");
    refused("[[\"a\"]]", "not a string");
    refused("[\"a\",{}]", "not a string");
    refused("{\"a\":\"subscribe\"}", "not a list");
    refused("{\"a\":{\"subscribe\":true}}", "not a list");
    refused("{\"a\":[\"subscribe\",\"subcribe\"]}", "is not one of");
    refused("{\"a\":[1]}", "is not one of");
    refused("{\"a\":[\"Publish\"]}", "is not one of");
    refused("{\"\":[\"publish\"]}", "1 to 240");
    refused("[\"\"]", "1 to 240");
    refused("[\"a***\"]", "three stars");
}


/* n patterns of so many bytes each, all different */

static char *
list(int n, int size)
{
    int    i;
    char  *text, *p;

    text = malloc((size_t) n * ((size_t) size + 4) + 3);
    p = text;
    *p++ = '[';

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s\"%0*d\"", i ? "," : "", size, i);
    }

    *p++ = ']';
    *p = '\0';

    return text;
}


static void
test_bounds(void)
{
    int     i;
    char   *text, name[256];

    static const struct {
        int  n, size, taken;
    } cases[] = {
        { 1, 240, 1 }, { 1, 241, 0 }, { 64, 64, 1 }, { 64, 65, 0 },
        { 65, 2, 0 }, { 64, 2, 1 }, { 17, 240, 1 }, { 18, 240, 0 }
    };

    for (i = 0; i < 8; i++) {

        text = list(cases[i].n, cases[i].size);

        if (cases[i].taken) {
            sprintf(name, "%0*d", cases[i].size, cases[i].n - 1);
            lets(text, name, NGX_WEBSOCKET_RIGHT_ALL);

        } else {
            refused(text, cases[i].size == 241 ? "1 to 240" : "more than");
        }

        free(text);
    }
}


/* the longest name against patterns that are made to be tried again */

static void
test_time(void)
{
    int                      i, k, n;
    char                     claim[8192], name[241], *p;
    clock_t                  begin;
    const char              *error;
    ngx_websocket_rights_t  *rights;

    static const char *const  parts[] = { "**a", "*a", "**a*b" };

    memset(name, 'a', 240);
    name[239] = 'c';
    name[240] = '\0';

    for (i = 0; i < 3; i++) {

        n = 240 / (int) strlen(parts[i]);
        p = claim;
        *p++ = '[';

        for (k = 0; k < 17 * n; k++) {
            p += sprintf(p, "%s%s", k % n ? "" : k ? "\",\"" : "\"", parts[i]);
        }

        strcpy(p, "\"]");

        rights = compile(claim, &error);

        if (rights == NULL) {
            unit_ok(0, "patterns of \"%s\": %s", parts[i], error);
            continue;
        }

        begin = clock();
        k = (int) ngx_websocket_rights_match(rights, (uint8_t *) name, 240);
        begin = clock() - begin;

        unit_ok(k == 0 && begin < CLOCKS_PER_SEC / 2,
                "17 patterns of \"%s\": %ld us", parts[i],
                (long) (begin * 1000000 / CLOCKS_PER_SEC));

        free(rights);
    }
}


int
main(void)
{
    test_patterns();
    test_claims();
    test_bounds();
    test_time();

    return unit_done();
}
