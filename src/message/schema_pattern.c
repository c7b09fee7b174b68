
#include <string.h>

#include "message/schema_pattern.h"


/* what ECMA-262 means by "." and "\s", and PCRE does not */

#define NGX_WEBSOCKET_PATTERN_DOT    "[^\\n\\r\\x{2028}\\x{2029}]"

#define NGX_WEBSOCKET_PATTERN_SPACE                                           \
    "\\t\\n\\x0b\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}"          \
    "\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"

#define NGX_WEBSOCKET_PATTERN_HEX    "0123456789abcdefABCDEF"
#define NGX_WEBSOCKET_PATTERN_DIGIT  "0123456789"


typedef struct {
    const char                  *p;
    ngx_websocket_json_text_t   *text;
    int                          repeats;   /* what is before p may */
} ngx_websocket_pattern_t;


static const char *ngx_websocket_pattern_next(ngx_websocket_pattern_t *ctx);
static const char *ngx_websocket_pattern_put(ngx_websocket_pattern_t *ctx,
    const char *text, size_t size, int repeats);
static const char *ngx_websocket_pattern_group(ngx_websocket_pattern_t *ctx);
static const char *ngx_websocket_pattern_repeat(ngx_websocket_pattern_t *ctx);
static const char *ngx_websocket_pattern_class(ngx_websocket_pattern_t *ctx);
static const char *ngx_websocket_pattern_member(ngx_websocket_pattern_t *ctx,
    int range);
static const char *ngx_websocket_pattern_set(ngx_websocket_pattern_t *ctx,
    int class);
static const char *ngx_websocket_pattern_escape(ngx_websocket_pattern_t *ctx,
    int class);
static const char *ngx_websocket_pattern_code(ngx_websocket_pattern_t *ctx,
    size_t digits);


const char *
ngx_websocket_schema_pattern(const char *pattern,
    ngx_websocket_json_text_t *text)
{
    const char               *wrong;
    ngx_websocket_pattern_t   ctx = { pattern, text, 0 };

    /* characters, not bytes */

    ngx_websocket_json_append(text, "(*UTF8)", 7);

    for (wrong = NULL; *ctx.p && wrong == NULL; /* void */ ) {
        wrong = ngx_websocket_pattern_next(&ctx);
    }

    return wrong;
}


static const char *
ngx_websocket_pattern_next(ngx_websocket_pattern_t *ctx)
{
    switch (*ctx->p) {

    case '^':
    case '|':
        return ngx_websocket_pattern_put(ctx, ctx->p, 1, 0);

    case '$':
        /* PCRE's own also matches before a newline at the end */
        return ngx_websocket_pattern_put(ctx, "\\z", 2, 0);

    case '.':
        return ngx_websocket_pattern_put(ctx, NGX_WEBSOCKET_PATTERN_DOT,
                                     sizeof(NGX_WEBSOCKET_PATTERN_DOT) - 1, 1);

    case '(':
        return ngx_websocket_pattern_group(ctx);

    case '*':
    case '+':
    case '?':
    case '{':
        return ngx_websocket_pattern_repeat(ctx);

    case '[':
        return ngx_websocket_pattern_class(ctx);

    case ']':
    case '}':
        return "a bracket without its partner is not escaped";

    case '\\':
        return ctx->p[1] && strchr("dDwWsS", ctx->p[1])
               ? ngx_websocket_pattern_set(ctx, 0)
               : ngx_websocket_pattern_escape(ctx, 0);

    default:
        return ngx_websocket_pattern_put(ctx, ctx->p, 1, 1);
    }
}


/* what one character of the pattern becomes */

static const char *
ngx_websocket_pattern_put(ngx_websocket_pattern_t *ctx, const char *text,
    size_t size, int repeats)
{
    ngx_websocket_json_append(ctx->text, text, size);
    ctx->repeats = repeats;
    ctx->p++;

    return NULL;
}


static const char *
ngx_websocket_pattern_group(ngx_websocket_pattern_t *ctx)
{
    if (ctx->p[1] != '?') {
        return ngx_websocket_pattern_put(ctx, "(?:", 3, 0);
    }

    if (ctx->p[2] == '\0' || strchr(":=!", ctx->p[2]) == NULL) {
        return "of groups that begin with (? only (?: (?= and (?! are "
               "supported";
    }

    (void) ngx_websocket_pattern_put(ctx, ctx->p, 3, 0);
    ctx->p += 2;

    return NULL;
}


/* "*", "+", "?", "{n}", "{n,}" or "{n,m}", and a "?" behind it */

static const char *
ngx_websocket_pattern_repeat(ngx_websocket_pattern_t *ctx)
{
    size_t       n;
    const char  *p;

    p = ctx->p;
    n = 1;

    if (!ctx->repeats) {
        return "there is nothing to repeat";
    }

    if (*p == '{') {
        n += strspn(p + n, NGX_WEBSOCKET_PATTERN_DIGIT);

        if (n > 1 && p[n] == ',') {
            n++;
            n += strspn(p + n, NGX_WEBSOCKET_PATTERN_DIGIT);
        }

        if (n == 1 || p[n++] != '}') {
            return "\"{\" is neither escaped nor {n}, {n,} or {n,m}";
        }
    }

    n += p[n] == '?';

    (void) ngx_websocket_pattern_put(ctx, p, n, 0);
    ctx->p = p + n;

    return NULL;
}


static const char *
ngx_websocket_pattern_class(ngx_websocket_pattern_t *ctx)
{
    int          range;
    const char  *wrong, *begin;

    (void) ngx_websocket_pattern_put(ctx, "[", 1, 0);

    if (*ctx->p == '^') {
        (void) ngx_websocket_pattern_put(ctx, "^", 1, 0);
    }

    begin = ctx->p;

    if (*begin == ']') {
        return "an empty class is not supported";
    }

    for (range = 0; *ctx->p != ']'; /* void */ ) {

        if (*ctx->p == '\0') {
            return "a class has no end";
        }

        if (*ctx->p == '-' && ctx->p != begin) {
            (void) ngx_websocket_pattern_put(ctx, "-", 1, 0);
            range = 1;
            continue;
        }

        wrong = ngx_websocket_pattern_member(ctx, range);

        if (wrong) {
            return wrong;
        }

        range = 0;
    }

    return ngx_websocket_pattern_put(ctx, "]", 1, 1);
}


/* range: there is a "-" before it */

static const char *
ngx_websocket_pattern_member(ngx_websocket_pattern_t *ctx, int range)
{
    const char  *wrong;

    switch (*ctx->p) {

    case '[':
        return ngx_websocket_pattern_put(ctx, "\\[", 2, 0);

    case '\\':
        if (ctx->p[1] == '\0' || strchr("dDwWsS", ctx->p[1]) == NULL) {
            return ngx_websocket_pattern_escape(ctx, 1);
        }

        wrong = ngx_websocket_pattern_set(ctx, 1);

        if (wrong == NULL
            && (range || (*ctx->p == '-' && ctx->p[1] != ']')))
        {
            wrong = "a class is no end of a range";
        }

        return wrong;

    default:
        return ngx_websocket_pattern_put(ctx, ctx->p, 1, 0);
    }
}


/* an escape that is a set of characters */

static const char *
ngx_websocket_pattern_set(ngx_websocket_pattern_t *ctx, int class)
{
    char  c;

    c = *++ctx->p;

    if (c != 's' && c != 'S') {
        ngx_websocket_json_append(ctx->text, "\\", 1);
        return ngx_websocket_pattern_put(ctx, ctx->p, 1, 1);
    }

    if (class && c == 'S') {
        return "\\S in a class is not supported";
    }

    if (!class) {
        ngx_websocket_json_append(ctx->text, "[^", c == 'S' ? 2 : 1);
    }

    ngx_websocket_json_append(ctx->text, NGX_WEBSOCKET_PATTERN_SPACE,
                              sizeof(NGX_WEBSOCKET_PATTERN_SPACE) - 1);

    return ngx_websocket_pattern_put(ctx, "]", !class, 1);
}


/* an escape that is one character or, outside of a class, a place */

static const char *
ngx_websocket_pattern_escape(ngx_websocket_pattern_t *ctx, int class)
{
    char  escape[2];

    escape[0] = '\\';
    escape[1] = *++ctx->p;

    switch (escape[1]) {

    case 'b':
        return class ? ngx_websocket_pattern_put(ctx, "\\x08", 4, 1)
                     : ngx_websocket_pattern_put(ctx, "\\b", 2, 0);

    case 'B':
        return class ? "\\B in a class is not supported"
                     : ngx_websocket_pattern_put(ctx, "\\B", 2, 0);

    case 'v':
        return ngx_websocket_pattern_put(ctx, "\\x0b", 4, 1);

    case 'x':
        return ngx_websocket_pattern_code(ctx, 2);

    case 'u':
        return ngx_websocket_pattern_code(ctx, 4);

    case '\0':
        return "it ends with a backslash";

    default:
        if (strchr("tnrf^$\\.*+?()[]{}|/-", escape[1]) == NULL) {
            return "of escapes only \\d \\D \\w \\W \\s \\S \\b \\B \\t \\n "
                   "\\v \\f \\r \\xHH \\uHHHH and those of ^$\\.*+?()[]{}|/- "
                   "are supported";
        }

        return ngx_websocket_pattern_put(ctx, escape, 2, 1);
    }
}


static const char *
ngx_websocket_pattern_code(ngx_websocket_pattern_t *ctx, size_t digits)
{
    const char  *p;

    p = ctx->p + 1;

    if (strspn(p, NGX_WEBSOCKET_PATTERN_HEX) < digits) {
        return "\\x has two hexadecimal digits, \\u four";
    }

    if (digits == 4 && (*p == 'd' || *p == 'D')
        && strchr("89abcdefABCDEF", p[1]))
    {
        return "a surrogate in it is not supported: write the character";
    }

    ngx_websocket_json_append(ctx->text, "\\x{", 3);
    ngx_websocket_json_append(ctx->text, p, digits);
    (void) ngx_websocket_pattern_put(ctx, "}", 1, 1);
    ctx->p = p + digits;

    return NULL;
}
