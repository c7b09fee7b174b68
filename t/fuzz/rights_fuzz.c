
/*
 * Rights on channels.  The first byte chooses: the rest is a claim in JSON
 * and a channel's name in the last line; or it is patterns, in lines, and a
 * name in the last one, held against a table of which beginnings of the
 * pattern match which of the name.
 */

#include "fuzz.h"
#include "auth/rights.c"


#define NAME_SIZE  300


static int
matches(const char *pattern, const uint8_t *name, size_t n)
{
    int     any;
    size_t  i, k, from, to, size;

    static uint8_t  table[NGX_WEBSOCKET_RIGHTS_PATTERN + 1][NAME_SIZE + 1];

    size = strlen(pattern);
    memset(table, 0, sizeof(table));
    table[0][0] = 1;

    for (i = 0; i < size; i = to) {

        any = pattern[i] == '*' && pattern[i + 1] == '*';
        to = i + 1 + (size_t) any;

        for (from = 0; from < n; from++) {

            if (!table[i][from]) {
                continue;
            }

            if (pattern[i] != '*') {
                table[to][from + 1] |= name[from] == (uint8_t) pattern[i];
                continue;
            }

            for (k = from; k < n && (any || name[k] != '/'); k++) {
                table[to][k + 1] = 1;
            }
        }
    }

    return table[size][n];
}


static unsigned
mask_of(json_t *names)
{
    size_t       i;
    unsigned     mask;
    const char  *name;

    for (mask = 0, i = 0; i < json_array_size(names); i++) {
        name = json_string_value(json_array_get(names, i));
        mask |= name[0] == 's' ? 1 : name[0] == 'h' ? 8
                : name[1] == 'u' ? 2 : 4;
    }

    return mask;
}


/* of a claim that was taken */

static unsigned
model(json_t *claim, const uint8_t *name, size_t n)
{
    size_t       i;
    json_t      *names;
    unsigned     mask;
    const char  *pattern;

    mask = 0;

    json_object_foreach(claim, pattern, names) {
        if (matches(pattern, name, n)) {
            mask |= mask_of(names);
        }
    }

    for (i = 0; i < json_array_size(claim); i++) {
        if (matches(json_string_value(json_array_get(claim, i)), name, n)) {
            mask = NGX_WEBSOCKET_RIGHT_ALL;
        }
    }

    return mask;
}


/* the lines as a list; those that are not UTF-8 are left out */

static json_t *
list_of(const uint8_t *p, const uint8_t *last)
{
    json_t         *list;
    const uint8_t  *end;

    list = json_array();

    for ( /* void */ ; p < last; p = end + 1) {

        for (end = p; end < last && *end != '\n'; end++) {
            /* void */
        }

        if (memchr(p, '\0', (size_t) (end - p)) == NULL) {
            json_array_append_new(list, json_stringn((const char *) p,
                                                     (size_t) (end - p)));
        }
    }

    return list;
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    size_t                   size;
    json_t                  *claim;
    uint8_t                 *name;
    const char              *error;
    const uint8_t           *q, *last;
    ngx_websocket_rights_t  *rights;

    if (n == 0) {
        return 0;
    }

    last = p + n;

    for (q = last; q > p + 1 && q[-1] != '\n'; q--) {
        /* void */
    }

    size = (size_t) (last - q);

    if (size > NAME_SIZE || q == p + 1) {
        return 0;
    }

    claim = *p & 1 ? list_of(p + 1, q - 1)
                   : json_loadb((const char *) p + 1, (size_t) (q - p - 2),
                                JSON_DECODE_ANY, NULL);

    if (claim == NULL) {
        return 0;
    }

    error = NULL;
    rights = ngx_websocket_rights_compile(claim, &error);

    fuzz_check((rights == NULL) == (error != NULL));

    if (rights) {
        fuzz_check(rights->n <= NGX_WEBSOCKET_RIGHTS_MAX);

        name = fuzz_copy(q, size);
        fuzz_check(ngx_websocket_rights_match(rights, name, size)
                   == model(claim, name, size));
        free(name);
    }

    free(rights);
    json_decref(claim);

    return 0;
}
