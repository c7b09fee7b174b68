
/*
 * permessage-deflate.  The first byte of the input chooses the size of the
 * pieces, the second what is configured; the rest is taken three times.
 *
 * As header lines: what is agreed on must be what a reading that first takes
 * the line apart into tokens finds, and the response, read as an offer, must
 * say the same.
 *
 * As a compressed payload: in these pieces, byte by byte and whole, it must
 * give what plain zlib gives, and be found complete only where zlib goes on
 * with a block that is put after it.
 *
 * As messages, compressed one after the other, which must come back.
 */

#include "fuzz.h"
#include "wire/deflate.c"


#define LIMIT   65536
#define TOKENS  512


/* t: token, q: quoted, or the separator; x: neither; 0: the end */

typedef struct {
    char       kind;
    char       text[32];
} lexeme_t;


/* a token's text, cut where it is longer than all that mean something */

static size_t
lex_text(lexeme_t *lexeme, const uint8_t *p, size_t n, int quoted)
{
    size_t   i, size;
    uint8_t  c;

    for (size = 0, i = quoted; i < n; i++) {

        c = p[i];

        if (quoted && c == '"') {
            lexeme->kind = size ? 'q' : 'x';
            return i + 1;
        }

        if (quoted && c == '\\' && ++i < n) {
            c = p[i];
        }

        if (c <= ' ' || c >= 127 || i == n
            || strchr("\"(),/:;<=>?@[\\]{}", c) != NULL)
        {
            lexeme->kind = size && !quoted ? 't' : 'x';
            return i;
        }

        if (size < sizeof(lexeme->text) - 1) {
            lexeme->text[size++] = (char) c;
        }
    }

    lexeme->kind = quoted ? 'x' : 't';

    return n;
}


static void
lex(const uint8_t *p, size_t n, lexeme_t *lexemes)
{
    size_t  at;

    memset(lexemes, 0, sizeof(lexeme_t) * TOKENS);

    for (at = 0; at < n; /* void */ ) {

        if (p[at] == ' ' || p[at] == '\t') {
            at++;

        } else if (p[at] == ',' || p[at] == ';' || p[at] == '=') {
            lexemes++->kind = (char) p[at++];

        } else {
            at += lex_text(lexemes, p + at, n - at, p[at] == '"');

            if (lexemes++->kind == 'x') {
                return;
            }
        }
    }
}


/* whether the lexemes are a list of extensions */

static int
is_list(const lexeme_t *lexemes)
{
    char  state;

    /* what may come: Name or comma, After a name or a value, Parameter,
       Equals or as after a name, Value */

    for (state = 'N'; lexemes->kind; lexemes++) {

        switch (lexemes->kind) {

        case 't':
            if (state == 'A' || state == 'E') {
                return 0;
            }

            state = state == 'P' ? 'E' : 'A';
            break;

        case 'q':
            if (state != 'V') {
                return 0;
            }

            state = 'A';
            break;

        case ',':
        case ';':
            if (state == 'P' || state == 'V'
                || (state == 'N' && lexemes->kind == ';'))
            {
                return 0;
            }

            state = lexemes->kind == ',' ? 'N' : 'P';
            break;

        case '=':
            if (state != 'E') {
                return 0;
            }

            state = 'V';
            break;

        default:
            return 0;
        }
    }

    return state == 'N' || state == 'A' || state == 'E';
}


static int
is_bits(const char *value)
{
    int   bits;
    char  text[16];

    bits = atoi(value);
    snprintf(text, sizeof(text), "%d", bits);

    return bits >= 8 && bits <= 15 && strcmp(value, text) == 0;
}


/*
 * The parameters of the offer that begins here: their value, "" where there
 * is none, NULL for those absent.  0 where it is not to be accepted.
 */

static int
read_offer(const lexeme_t *l, const char *values[4])
{
    int          i;
    const char  *value;

    static const char *const  names[] = {
        "server_no_context_takeover", "client_no_context_takeover",
        "server_max_window_bits", "client_max_window_bits"
    };
    if (strcmp(l->text, "permessage-deflate") != 0) {
        return 0;
    }

    for (i = 0; i < 4; i++) {
        values[i] = NULL;
    }

    for (l++; l->kind == ';'; /* void */ ) {

        for (i = 0; i < 4 && strcmp(names[i], l[1].text) != 0; i++) {
            /* void */
        }

        if (i == 4 || values[i]) {
            return 0;
        }

        value = l[2].kind == '=' ? l[3].text : "";
        l += value[0] ? 4 : 2;

        values[i] = value;

        if (value[0] && (i < 2 || !is_bits(value))) {
            return 0;
        }
    }

    return !values[2] || (strcmp(values[2], "8") != 0 && values[2][0]);
}


static uint8_t
least(uint8_t conf, const char *value)
{
    int  bits;

    bits = value && value[0] ? atoi(value) : 15;

    return bits < conf ? (uint8_t) bits : conf;
}


static void
read_line(const lexeme_t *lexemes, const ngx_websocket_deflate_conf_t *conf,
    ngx_websocket_deflate_t *want)
{
    char         before;
    const char  *values[4];

    for (before = ','; lexemes->kind; before = lexemes++->kind) {

        if (before == ',' && lexemes->kind == 't' && !want->accepted
            && read_offer(lexemes, values))
        {
            want->accepted = 1;
            want->server_no_takeover = !conf->server_takeover || values[0];
            want->client_no_takeover = !conf->client_takeover || values[1]
                                       || (!values[3]
                                           && conf->client_bits < 15);
            want->server_bits = least(conf->server_bits, values[2]);
            want->client_bits = values[3] ? least(conf->client_bits, values[3])
                                          : 15;
            want->say_server_bits = values[2] || want->server_bits < 15;
            want->say_client_bits = values[3] && want->client_bits < 15;
        }
    }
}


static void
check_response(const ngx_websocket_deflate_t *agreed)
{
    size_t                                     n;
    uint8_t                                   *p;
    ngx_websocket_deflate_t                    again;
    static const ngx_websocket_deflate_conf_t  all = { 1, 1, 15, 15 };

    p = malloc(NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE);
    fuzz_check(p != NULL);

    n = ngx_websocket_deflate_response(agreed, p);
    fuzz_check(n <= NGX_WEBSOCKET_DEFLATE_RESPONSE_SIZE);

    memset(&again, 0, sizeof(again));

    fuzz_check(ngx_websocket_deflate_accept(p, n, &all, &again)
               == NGX_WEBSOCKET_DEFLATE_OK);
    fuzz_check(memcmp(&again, agreed, sizeof(again)) == 0);

    free(p);
}


static void
check_lines(const uint8_t *p, size_t n, uint8_t choice)
{
    size_t                         k;
    uint8_t                       *line;
    const uint8_t                 *end;
    ngx_websocket_deflate_t        want, got;
    ngx_websocket_deflate_e        rc;
    ngx_websocket_deflate_conf_t   conf;

    static lexeme_t                lexemes[TOKENS];

    memset(&want, 0, sizeof(want));
    memset(&got, 0, sizeof(got));

    conf.server_takeover = choice & 1;
    conf.client_takeover = choice >> 1 & 1;
    conf.server_bits = 15 - (choice >> 2) % 7;
    conf.client_bits = 15 - (choice >> 4) % 7;

    for ( /* void */ ; n; p += k, n -= k) {

        end = memchr(p, '\n', n);
        k = end ? (size_t) (end - p) : n;

        if (k >= TOKENS) {
            return;
        }

        line = fuzz_copy(p, k);
        rc = ngx_websocket_deflate_accept(line, k, &conf, &got);
        free(line);

        lex(p, k, lexemes);

        if (!is_list(lexemes)) {
            fuzz_check(rc == NGX_WEBSOCKET_DEFLATE_ERROR);
            return;
        }

        read_line(lexemes, &conf, &want);

        fuzz_check(rc == (want.accepted ? NGX_WEBSOCKET_DEFLATE_OK
                                        : NGX_WEBSOCKET_DEFLATE_DECLINED));
        fuzz_check(memcmp(&got, &want, sizeof(got)) == 0);

        k += end ? 1 : 0;
    }

    if (got.accepted) {
        check_response(&got);
    }
}


/* what zlib makes of p: -1 for an error, 1 where it ends with a stream */

static int
plain(const uint8_t *p, size_t n, uint8_t *dst, size_t room, size_t *size)
{
    int       rc;
    z_stream  stream;

    memset(&stream, 0, sizeof(stream));
    fuzz_check(inflateInit2(&stream, -15) == Z_OK);

    stream.next_in = (Bytef *) p;
    stream.avail_in = (uInt) n;
    stream.next_out = dst;
    stream.avail_out = (uInt) room;

    do {
        rc = inflate(&stream, Z_NO_FLUSH);

        if (rc == Z_STREAM_END && stream.avail_in) {
            fuzz_check(inflateReset(&stream) == Z_OK);
        }

    } while ((rc == Z_OK || rc == Z_STREAM_END) && stream.avail_in
             && stream.avail_out);

    *size = room - stream.avail_out;
    inflateEnd(&stream);

    return rc == Z_STREAM_END ? 1 : rc == Z_OK || rc == Z_BUF_ERROR ? 0 : -1;
}


/* whether the payload, with n bytes of a tail, and then a last block with one
   byte, gives what it gave, and that byte */

static int
goes_on(const uint8_t *p, size_t n, size_t tail, const uint8_t *want,
    size_t size)
{
    int       ok;
    size_t    got;
    uint8_t  *q, *dst;

    static const uint8_t  block[] = { 0x00, 0x00, 0xff, 0xff,
                                      0x01, 0x01, 0x00, 0xfe, 0xff, 'Z' };

    q = malloc(n + sizeof(block));
    dst = malloc(LIMIT + 64);
    fuzz_check(q != NULL && dst != NULL);

    memcpy(q, p, n);
    memcpy(q + n, block + 4 - tail, tail + 6);

    ok = plain(q, n + tail + 6, dst, LIMIT + 64, &got) == 1
         && got == size + 1
         && memcmp(dst, want, size) == 0 && dst[size] == 'Z';

    free(q);
    free(dst);

    return ok;
}


/* feeds a payload in pieces, stops at LIMIT bytes as a caller does */

static ngx_websocket_deflate_e
unpack(ngx_websocket_inflater_t *inflater, const uint8_t *p, size_t n,
    uint8_t choice, int whole, uint8_t *dst, size_t *size)
{
    size_t                    i, at, k, room, used, made;
    uint8_t                  *piece, *part;
    ngx_websocket_deflate_e   rc;

    for (*size = 0, at = 0, i = 0; at < n; i++) {

        k = whole ? n : fuzz_piece(choice, i, n - at);
        room = whole ? LIMIT : 1 + (i * 131 + choice) % 700;
        room = room < LIMIT - *size ? room : LIMIT - *size;

        if (room == 0) {
            return NGX_WEBSOCKET_DEFLATE_FULL;
        }

        piece = fuzz_copy(p + at, k);
        part = malloc(room);
        fuzz_check(part != NULL);

        rc = ngx_websocket_inflater_feed(inflater, piece, k, part, room,
                                         &used, &made);

        fuzz_check(used <= k && made <= room);
        fuzz_check(rc != NGX_WEBSOCKET_DEFLATE_OK
                   || (used == k && made < room));
        fuzz_check(rc != NGX_WEBSOCKET_DEFLATE_FULL || made == room);

        memcpy(dst + *size, part, made);
        *size += made;
        at += used;

        free(piece);
        free(part);

        if (rc == NGX_WEBSOCKET_DEFLATE_FULL) {

            /* the last output may come without input */

            if (at == n && *size < LIMIT) {
                rc = ngx_websocket_inflater_feed(inflater, p, 0, dst + *size,
                                                 LIMIT - *size, &used, &made);
                *size += made;
            }

            if (rc == NGX_WEBSOCKET_DEFLATE_FULL && *size == LIMIT) {
                return rc;
            }
        }

        if (rc == NGX_WEBSOCKET_DEFLATE_ERROR) {
            return rc;
        }
    }

    return ngx_websocket_inflater_end(inflater);
}


static void
check_payload(const uint8_t *p, size_t n, uint8_t choice)
{
    int                        i, valid;
    size_t                     size, got;
    uint8_t                   *want, *dst;
    ngx_websocket_deflate_e    rc;
    ngx_websocket_inflater_t   inflater;

    want = malloc(LIMIT);
    dst = malloc(LIMIT);
    fuzz_check(want != NULL && dst != NULL);

    valid = plain(p, n, want, LIMIT, &size) >= 0;

    if (valid && size < LIMIT) {
        valid = goes_on(p, n, 4, want, size) || goes_on(p, n, 0, want, size);
    }

    fuzz_check(ngx_websocket_inflater_init(&inflater, 15, choice & 1, NULL,
                                           NULL, NULL) == 0);

    for (i = 0; i < 3; i++) {

        rc = unpack(&inflater, p, n, i ? 1 : choice, i == 2, dst, &got);

        if (size == LIMIT) {
            fuzz_check(rc == NGX_WEBSOCKET_DEFLATE_FULL);

        } else {
            fuzz_check(rc == (valid ? NGX_WEBSOCKET_DEFLATE_OK
                                    : NGX_WEBSOCKET_DEFLATE_ERROR));
        }

        fuzz_check(got == size && memcmp(dst, want, size) == 0);

        ngx_websocket_inflater_reset(&inflater);
    }

    ngx_websocket_inflater_done(&inflater);
    free(want);
    free(dst);
}


static void
check_messages(const uint8_t *p, size_t n, uint8_t choice, uint8_t other)
{
    int                        bits, takeover;
    size_t                     at, i, k, room, size, got;
    uint8_t                   *packed, *dst;
    ngx_websocket_deflate_e    rc;
    ngx_websocket_deflater_t   deflater;
    ngx_websocket_inflater_t   inflater;

    bits = 9 + other % 7;
    takeover = choice >> 7;

    fuzz_check(ngx_websocket_deflater_init(&deflater, bits, other % 10,
                                           1 + choice % 9, takeover, NULL,
                                           NULL, NULL) == 0);
    fuzz_check(ngx_websocket_inflater_init(&inflater, bits, takeover, NULL,
                                           NULL, NULL) == 0);

    dst = malloc(LIMIT);
    fuzz_check(dst != NULL);

    for (at = 0, i = 0; at < n; at += k, i++) {

        k = i % 4 == 3 ? 0 : fuzz_piece(other, i, n - at) * (1 + other % 50);
        k = k < n - at ? k : n - at;
        k = k < LIMIT / 2 ? k : LIMIT / 2;

        /* now and then less room than is needed, maybe */

        room = i % 5 == 4 ? k : ngx_websocket_deflate_bound(k);

        packed = malloc(room ? room : 1);
        fuzz_check(packed != NULL);

        rc = ngx_websocket_deflate(&deflater, p + at, k, packed, room, &size);

        fuzz_check(rc == NGX_WEBSOCKET_DEFLATE_OK
                   || (rc == NGX_WEBSOCKET_DEFLATE_FULL && i % 5 == 4));

        if (rc == NGX_WEBSOCKET_DEFLATE_OK) {
            fuzz_check(size > 0 && size <= room);
            fuzz_check(unpack(&inflater, packed, size, choice, 0, dst, &got)
                       == NGX_WEBSOCKET_DEFLATE_OK);
            fuzz_check(got == k && memcmp(dst, p + at, k) == 0);
        }

        free(packed);
    }

    ngx_websocket_deflater_done(&deflater);
    ngx_websocket_inflater_done(&inflater);
    free(dst);
}


int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n < 2) {
        return 0;
    }

    check_lines(p + 2, n - 2, p[1]);
    check_payload(p + 2, n - 2, p[0]);
    check_messages(p + 2, n - 2, p[0], p[1]);

    return 0;
}
