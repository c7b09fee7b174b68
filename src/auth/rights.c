
#include <stdlib.h>
#include <string.h>

#include "auth/rights.h"


#define NGX_WEBSOCKET_RIGHTS_MAX       64    /* patterns */
#define NGX_WEBSOCKET_RIGHTS_PATTERN   240   /* bytes, as of a channel's name */
#define NGX_WEBSOCKET_RIGHTS_SIZE      4096  /* bytes of all patterns */

#define NGX_WEBSOCKET_RIGHTS_WORDS  (NGX_WEBSOCKET_RIGHTS_PATTERN / 64 + 1)


typedef struct {
    uint8_t        mask;
    uint8_t        stars;             /* 1: the pattern has stars */
    uint8_t        size;
    uint16_t       text;              /* where the pattern begins in text */
} ngx_websocket_right_t;


struct ngx_websocket_rights_s {
    size_t                 size;
    unsigned               n;
    ngx_websocket_right_t  right[];   /* n, and then the text */
};


/* a claim while it is compiled */

typedef struct {
    unsigned               n;
    size_t                 used;
    ngx_websocket_right_t  right[NGX_WEBSOCKET_RIGHTS_MAX];
    char                   text[NGX_WEBSOCKET_RIGHTS_SIZE];
} ngx_websocket_rights_draft_t;


static const char *ngx_websocket_rights_object(
    ngx_websocket_rights_draft_t *draft, json_t *claim);
static const char *ngx_websocket_rights_list(
    ngx_websocket_rights_draft_t *draft, const json_t *claim);
static const char *ngx_websocket_rights_mask(const json_t *names,
    uint8_t *mask);
static const char *ngx_websocket_rights_add(
    ngx_websocket_rights_draft_t *draft, const char *pattern, uint8_t mask);
static int ngx_websocket_rights_stars(const char *pattern, size_t n,
    const uint8_t *name, size_t size);
static uint64_t ngx_websocket_rights_step(const char *pattern, size_t n,
    const uint64_t *live, uint64_t *next, uint8_t c);


ngx_websocket_rights_t *
ngx_websocket_rights_compile(const json_t *claim, const char **error)
{
    size_t                         size;
    ngx_websocket_rights_t        *rights;
    ngx_websocket_rights_draft_t   draft;

    draft.n = 0;
    draft.used = 0;

    *error = json_is_object(claim)
             ? ngx_websocket_rights_object(&draft, (json_t *) claim)
             : ngx_websocket_rights_list(&draft, claim);

    if (*error) {
        return NULL;
    }

    size = sizeof(ngx_websocket_rights_t)
           + draft.n * sizeof(ngx_websocket_right_t) + draft.used;

    rights = malloc(size);

    if (rights == NULL) {
        *error = "no memory for the rights";
        return NULL;
    }

    rights->size = size;
    rights->n = draft.n;

    memcpy(rights->right, draft.right,
           draft.n * sizeof(ngx_websocket_right_t));
    memcpy(&rights->right[draft.n], draft.text, draft.used);

    return rights;
}


static const char *
ngx_websocket_rights_object(ngx_websocket_rights_draft_t *draft,
    json_t *claim)
{
    void        *member;
    uint8_t      mask;
    const char  *error;

    for (member = json_object_iter(claim);
         member;
         member = json_object_iter_next(claim, member))
    {
        error = ngx_websocket_rights_mask(json_object_iter_value(member),
                                          &mask);

        if (error == NULL) {
            error = ngx_websocket_rights_add(draft,
                                         json_object_iter_key(member), mask);
        }

        if (error) {
            return error;
        }
    }

    return NULL;
}


static const char *
ngx_websocket_rights_list(ngx_websocket_rights_draft_t *draft,
    const json_t *claim)
{
    size_t       i;
    json_t      *pattern;
    const char  *error;

    if (!json_is_array(claim)) {
        return "the channels are neither an object nor a list";
    }

    for (i = 0; i < json_array_size(claim); i++) {

        pattern = json_array_get(claim, i);

        if (!json_is_string(pattern)) {
            return "a channel is not a string";
        }

        error = ngx_websocket_rights_add(draft, json_string_value(pattern),
                                         NGX_WEBSOCKET_RIGHT_ALL);

        if (error) {
            return error;
        }
    }

    return NULL;
}


static const char *
ngx_websocket_rights_mask(const json_t *names, uint8_t *mask)
{
    size_t       i, k;
    const char  *name;

    static const char *const  known[] = {
        "subscribe", "publish", "presence", "history"
    };

    if (!json_is_array(names)) {
        return "the rights on a channel are not a list";
    }

    *mask = 0;

    for (i = 0; i < json_array_size(names); i++) {

        name = json_string_value(json_array_get(names, i));

        for (k = 0; name && k < sizeof(known) / sizeof(known[0]); k++) {
            if (strcmp(name, known[k]) == 0) {
                break;
            }
        }

        if (name == NULL || k == sizeof(known) / sizeof(known[0])) {
            return "a right is not one of subscribe, publish, presence, "
                   "history";
        }

        *mask |= (uint8_t) (1 << k);
    }

    return NULL;
}


static const char *
ngx_websocket_rights_add(ngx_websocket_rights_draft_t *draft,
    const char *pattern, uint8_t mask)
{
    size_t                  size;
    ngx_websocket_right_t  *right;

    size = strlen(pattern);

    if (size == 0 || size > NGX_WEBSOCKET_RIGHTS_PATTERN) {
        return "a channel's name has 1 to 240 bytes";
    }

    if (strstr(pattern, "***")) {
        return "a channel has three stars in a row";
    }

    if (draft->n == NGX_WEBSOCKET_RIGHTS_MAX
        || size > NGX_WEBSOCKET_RIGHTS_SIZE - draft->used)
    {
        return "there are more than 64 channels, or more than 4096 bytes "
               "of them";
    }

    right = &draft->right[draft->n++];

    memset(right, 0, sizeof(ngx_websocket_right_t));

    right->mask = mask;
    right->stars = strchr(pattern, '*') != NULL;
    right->size = (uint8_t) size;
    right->text = (uint16_t) draft->used;

    memcpy(draft->text + draft->used, pattern, size);
    draft->used += size;

    return NULL;
}


unsigned
ngx_websocket_rights_match(const ngx_websocket_rights_t *rights,
    const uint8_t *name, size_t size)
{
    int                           matches;
    unsigned                      i, mask;
    const char                   *text, *pattern;
    const ngx_websocket_right_t  *right;

    mask = 0;
    text = (const char *) &rights->right[rights->n];

    for (i = 0; i < rights->n; i++) {

        right = &rights->right[i];
        pattern = text + right->text;

        if ((right->mask & ~mask) == 0) {
            continue;
        }

        if (right->stars) {
            matches = ngx_websocket_rights_stars(pattern, right->size, name,
                                                 size);

        } else {
            matches = right->size == size && memcmp(pattern, name, size) == 0;
        }

        if (matches) {
            mask |= right->mask;
        }
    }

    return mask;
}


/*
 * All places of the pattern where a match may stand, one bit each, are moved
 * on together by each byte of the name: no star is ever tried again.
 */

static int
ngx_websocket_rights_stars(const char *pattern, size_t n, const uint8_t *name,
    size_t size)
{
    size_t    i;
    uint64_t  live[NGX_WEBSOCKET_RIGHTS_WORDS];
    uint64_t  next[NGX_WEBSOCKET_RIGHTS_WORDS];

    memset(live, 0, sizeof(live));
    live[0] = 1;

    for (i = 0; i < size; i++) {

        if (!ngx_websocket_rights_step(pattern, n, live, next, name[i])) {
            return 0;
        }

        memcpy(live, next, sizeof(live));
    }

    return live[n / 64] >> n % 64 & 1;
}


/* returns 0 when there is no place left */

static uint64_t
ngx_websocket_rights_step(const char *pattern, size_t n, const uint64_t *live,
    uint64_t *next, uint8_t c)
{
    size_t    i, to, word;
    uint64_t  bits, any;

    any = 0;

    memset(next, 0, NGX_WEBSOCKET_RIGHTS_WORDS * sizeof(uint64_t));

    for (word = 0; word < NGX_WEBSOCKET_RIGHTS_WORDS; word++) {

        for (bits = live[word]; bits; bits &= bits - 1) {

            i = word * 64 + (size_t) __builtin_ctzll(bits);

            if (i == n) {
                continue;
            }

            to = i + 1;

            if (pattern[i] == '*') {

                if (to < n && pattern[to] == '*') {
                    to++;

                } else if (c == '/') {
                    continue;
                }

                next[i / 64] |= UINT64_C(1) << i % 64;

            } else if ((uint8_t) pattern[i] != c) {
                continue;
            }

            next[to / 64] |= UINT64_C(1) << to % 64;
            any = 1;
        }
    }

    return any;
}
