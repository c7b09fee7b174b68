
/*
 * Origins: RFC 6454, sections 4 and 6.2, and patterns for them.
 */


#include "unit.h"
#include "auth/origin.c"


/* a text at the end of what may be read; NULL stays NULL */

static uint8_t *
guarded(const char *text)
{
    uint8_t  *p;

    if (text == NULL) {
        return NULL;
    }

    p = unit_guarded(strlen(text));
    memcpy(p, text, strlen(text));

    return p;
}


static void
unguard(uint8_t *p, const char *text)
{
    if (text) {
        unit_unguard(p, strlen(text));
    }
}


static int
match(const char *pattern, const char *origin, const char *host, int https)
{
    int                      rc;
    uint8_t                 *p, *o, *h;
    const char              *error;
    ngx_websocket_origin_t   compiled;

    p = guarded(pattern);
    o = guarded(origin);
    h = guarded(host);

    error = ngx_websocket_origin_parse(&compiled, p, strlen(pattern));

    if (error) {
        unit_ok(0, "%s: %s", pattern, error);
        exit(1);
    }

    rc = ngx_websocket_origin_match(&compiled, 1,
                                    o, origin ? strlen(origin) : 0,
                                    h, host ? strlen(host) : 0, https);

    unguard(p, pattern);
    unguard(o, origin);
    unguard(h, host);

    return rc;
}


static void
is(const char *pattern, const char *origin, int want)
{
    unit_ok(match(pattern, origin, "example.com", 1) == want,
            "%s: %s %s", pattern, origin ? origin : "(no Origin)",
            want ? "yes" : "no");
}


static void
same(const char *origin, const char *host, int https, int want)
{
    unit_ok(match("same", origin, host, https) == want,
            "%s at %s://%s %s", origin ? origin : "(no Origin)",
            https ? "https" : "http", host ? host : "(no Host)",
            want ? "yes" : "no");
}


static void
wrong(const char *pattern, const char *part)
{
    uint8_t                 *p;
    const char              *error;
    ngx_websocket_origin_t   compiled;

    p = guarded(pattern);
    error = ngx_websocket_origin_parse(&compiled, p, strlen(pattern));
    unguard(p, pattern);

    unit_ok(error && strstr(error, part), "no pattern: \"%s\": %s", pattern,
            error ? error : "taken");
}


static void
test_exact(void)
{
    is("https://example.com", "https://example.com", 1);
    is("https://example.com", "https://example.com:443", 1);
    is("https://example.com:443", "https://example.com", 1);
    is("HTTPS://Example.COM", "https://example.com", 1);
    is("https://example.com", "HTTPS://EXAMPLE.com", 1);
    is("http://example.com", "http://example.com:80", 1);
    is("http://example.com:8080", "http://example.com:8080", 1);
    is("http://example.com:8080", "http://example.com:08080", 1);
    is("https://[2001:db8::1]:8443", "https://[2001:DB8::1]:8443", 1);
    is("chrome-extension://abcdef", "chrome-extension://abcdef", 1);
    is("app+x.1://h", "app+x.1://h", 1);
    is("http://my_host-1.local", "http://my_host-1.local", 1);

    is("https://example.com", "http://example.com", 0);
    is("https://example.com", "http://example.com:443", 0);
    is("https://example.com", "https://example.com:80", 0);
    is("https://example.com", "https://example.com:8443", 0);
    is("https://example.com:8443", "https://example.com", 0);
    is("https://example.com", "https://example.co", 0);
    is("https://example.com", "https://example.com.", 0);
    is("https://example.com", "https://example.comx", 0);
    is("https://example.com", "https://xexample.com", 0);
    is("https://example.com", "https://www.example.com", 0);
    is("https://example.com", "https://example.com.evil.org", 0);
    is("https://example.com", "https://evil.org/https://example.com", 0);
    is("https://example.com", "https://evil.org#example.com", 0);
    is("https://example.com", "https://example.com/", 0);
    is("https://example.com", "https://example.com@evil.org", 0);
    is("https://example.com", "https://u:p@example.com", 0);
    is("https://example.com", "https://example.com https://evil.org", 0);
    is("https://example.com", "https://example.com:", 0);
    is("https://example.com", "https://example.com:0443", 1);
    is("https://example.com", "https://example.com:443x", 0);
    is("https://example.com", "https://example.com:4294967739", 0);
    is("https://example.com", "https://example.com:18446744073709552059", 0);
    is("https://example.com", "https:example.com", 0);
    is("https://example.com", "https://", 0);
    is("https://example.com", "://example.com", 0);
    is("https://example.com", "//example.com", 0);
    is("https://example.com", "example.com", 0);
    is("https://example.com", "null", 0);
    is("https://example.com", "", 0);
    is("https://example.com", NULL, 0);
    is("chrome-extension://abcdef", "chrome-extension://abcdef:1", 0);
    is("chrome-extension://abcdef", "chrome-extension://abcdef/", 0);
}


static void
test_below(void)
{
    is("*.example.com", "https://a.example.com", 1);
    is("*.example.com", "http://a.example.com", 1);
    is("*.example.com", "https://a.b.EXAMPLE.com:443", 1);
    is("https://*.example.com", "https://a.example.com", 1);
    is("https://*.example.com:8443", "https://a.example.com:8443", 1);
    is("*.example.com:8443", "http://a.example.com:8443", 1);
    is("*.example.com:80", "https://a.example.com:80", 1);
    is("app://*.local", "app://a.local", 1);
    is("*.1", "http://10.0.0.1", 1);

    is("*.example.com", "https://example.com", 0);
    is("*.example.com", "https://.example.com", 0);
    is("*.example.com", "https://aexample.com", 0);
    is("*.example.com", "https://a.example.com.evil.org", 0);
    is("*.example.com", "https://a.example.org", 0);
    is("*.example.com", "https://a.example.com:8443", 0);
    is("*.example.com", "https://a.example.com:80", 0);
    is("*.example.com", "app://a.example.com", 0);
    is("*.example.com", "https://evil.org?.example.com", 0);
    is("*.example.com", "https://evil.org\\.example.com", 0);
    is("*.example.com", "null", 0);
    is("*.example.com", NULL, 0);
    is("*.example.com:80", "https://a.example.com", 0);
    is("https://*.example.com", "http://a.example.com", 0);
    is("https://*.example.com", "https://a.example.com:80", 0);
    is("https://*.example.com:8443", "https://a.example.com", 0);
    is("app://*.local", "app://a.local:1", 0);
    is("app://*.local", "http://a.local", 0);
}


static void
test_words(void)
{
    is("any", "https://evil.org", 1);
    is("any", "null", 1);
    is("any", "what is this", 1);
    is("any", "", 1);
    is("any", NULL, 1);

    is("none", NULL, 1);
    is("none", "", 0);
    is("none", "null", 0);
    is("none", "none", 0);
    is("none", "https://example.com", 0);

    is("null", "null", 1);
    is("null", "NULL", 0);
    is("null", "nul", 0);
    is("null", "", 0);
    is("null", NULL, 0);
    is("null", "https://null", 0);

    same("https://example.com", "example.com", 1, 1);
    same("https://example.com", "EXAMPLE.com:443", 1, 1);
    same("https://example.com:8443", "example.com:8443", 1, 1);
    same("http://example.com", "example.com", 0, 1);
    same("http://example.com", "example.com:80", 0, 1);
    same("http://localhost:8080", "localhost:8080", 0, 1);
    same("http://[::1]:8080", "[::1]:8080", 0, 1);
    same("https://example.com", "example.com", 0, 1);
    same("https://example.com", "example.com:443", 0, 1);

    same("http://example.com", "example.com", 1, 0);
    same("http://example.com:443", "example.com:443", 1, 0);
    same("https://example.com", "example.com:80", 0, 0);
    same("https://example.com", "example.com:8443", 1, 0);
    same("https://example.com:8443", "example.com", 1, 0);
    same("https://evil.org", "example.com", 1, 0);
    same("https://example.com.evil.org", "example.com", 1, 0);
    same("https://www.example.com", "example.com", 1, 0);
    same("app://example.com", "example.com", 0, 0);
    same("null", "example.com", 1, 0);
    same("null", "null", 1, 0);
    same("", "example.com", 1, 0);
    same("", "", 1, 0);
    same(NULL, "example.com", 1, 0);
    same(NULL, NULL, 1, 0);
    same("https://example.com", NULL, 1, 0);
    same("https://example.com", "", 1, 0);
    same("https://example.com", "example.com:x", 1, 0);
    same("https://example.com", "example.com/", 1, 0);
    same("what is this", "what is this", 1, 0);
}


static void
test_several(void)
{
    size_t                  i;
    ngx_websocket_origin_t  patterns[3];

    static const char *const  texts[] = {
        "same", "https://app.example.org", "none"
    };

    static const struct {
        const char  *origin;
        int          want;
    } cases[] = {
        { "https://example.com", 1 }, { "https://app.example.org", 1 },
        { NULL, 1 }, { "https://example.org", 0 }, { "null", 0 }
    };

    for (i = 0; i < 3; i++) {
        (void) ngx_websocket_origin_parse(&patterns[i],
                                          (uint8_t *) texts[i],
                                          strlen(texts[i]));
    }

    for (i = 0; i < 5; i++) {
        unit_ok(ngx_websocket_origin_match(patterns, 3,
                    (uint8_t *) cases[i].origin,
                    cases[i].origin ? strlen(cases[i].origin) : 0,
                    (uint8_t *) "example.com", 11, 1)
                == cases[i].want, "one of three: %s",
                cases[i].origin ? cases[i].origin : "(no Origin)");
    }

    unit_ok(!ngx_websocket_origin_match(patterns, 0, NULL, 0, NULL, 0, 1),
            "no pattern matches nothing");
}


static void
test_wrong(void)
{
    wrong("", "scheme");
    wrong("Any", "scheme");
    wrong("example.com", "scheme");
    wrong("example.com:8443", "scheme");
    wrong("https:/example.com", "scheme");
    wrong("1https://example.com", "scheme");
    wrong("https://", "no host");
    wrong("https://:443", "no host");
    wrong("https://[]", "no host");
    wrong("https://[::1", "brackets");
    wrong("https://[::g-1]", "brackets");
    wrong("https://[::1]x", "perhaps a port");
    wrong("https://example.com/", "perhaps a port");
    wrong("https://example.com/path", "perhaps a port");
    wrong("https://user@example.com", "perhaps a port");
    wrong("https://ex ample.com", "perhaps a port");
    wrong("https://b\xc3\xbc" "cher.example", "perhaps a port");
    wrong("https://example.com:", "1 to 65535");
    wrong("https://example.com:0", "1 to 65535");
    wrong("https://example.com:65536", "1 to 65535");
    wrong("https://example.com:99999999999999999999", "1 to 65535");
    wrong("https://example.com:8443/", "1 to 65535");
    wrong("https://example.com:-1", "1 to 65535");
    wrong("*", "star");
    wrong("*.", "star");
    wrong("https://*", "star");
    wrong("*example.com", "star");
    wrong("a.*.example.com", "star");
    wrong("https://a.*.example.com", "star");
    wrong("*://example.com", "star");
    wrong("*.*.example.com", "star");
    wrong("*.example.com:*", "star");
    wrong("*.[::1]", "star");
}


int
main(void)
{
    test_exact();
    test_below();
    test_words();
    test_several();
    test_wrong();

    return unit_done();
}
