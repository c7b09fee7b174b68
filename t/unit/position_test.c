
/*
 * Positions: what is printed is read, and nothing else.
 */


#include "unit.h"
#include "store/position.c"


static int
parse(const char *text, ngx_websocket_position_t *positions)
{
    return ngx_websocket_position_parse((const uint8_t *) text, strlen(text),
                                        positions, 3);
}


static void
wrong(const char *text)
{
    ngx_websocket_position_t  positions[3];

    unit_ok(parse(text, positions) == -1, "not a position: \"%s\"", text);
}


static void
gathers(const char *text, int n, uint64_t first, uint64_t last)
{
    ngx_websocket_position_t  positions[3];

    unit_ok(ngx_websocket_position_gather((const uint8_t *) text, strlen(text),
                                          positions, 3) == n
            && (n == 0 || (positions[0].offset == first
                           && positions[n - 1].offset == last)),
            "%d positions of what others wrote: \"%s\"", n, text);
}


static void
prints(uint64_t epoch, uint64_t offset, const char *text)
{
    size_t                    size;
    uint8_t                   buf[NGX_WEBSOCKET_POSITION_SIZE];
    ngx_websocket_position_t  position = { epoch, offset }, again;

    size = ngx_websocket_position_print(buf, &position);

    unit_ok(size == strlen(text) && memcmp(buf, text, size) == 0
            && ngx_websocket_position_parse(buf, size, &again, 1) == 1
            && again.epoch == epoch && again.offset == offset,
            "a position: %s", text);
}


int
main(void)
{
    ngx_websocket_position_t  positions[3];

    prints(0, 0, "0000000000000000:0");
    prints(UINT64_C(0x0123456789abcdef), 17, "0123456789abcdef:17");
    prints(UINT64_MAX, UINT64_MAX, "ffffffffffffffff:18446744073709551615");

    unit_ok(parse("ABCDEFabcdef0000:1,0000000000000002:2", positions) == 2
            && positions[0].epoch == UINT64_C(0xabcdefabcdef0000)
            && positions[0].offset == 1 && positions[1].epoch == 2
            && positions[1].offset == 2, "several positions");

    wrong("");
    wrong("0");
    wrong("0123456789abcdef");
    wrong("0123456789abcdef:");
    wrong("0123456789abcdef:1,");
    wrong("0123456789abcdef:1 ");
    wrong("0123456789abcdeg:1");
    wrong("0123456789abcde:1");
    wrong("0123456789abcdef0:1");
    wrong("0123456789abcdef:-1");
    wrong("0123456789abcdef:18446744073709551616");
    wrong("0123456789abcdef:99999999999999999999");
    wrong("0123456789abcdef:1,0123456789abcdef:1,0123456789abcdef:1,"
          "0123456789abcdef:1");

    gathers("", 0, 0, 0);
    gathers(",", 0, 0, 0);
    gathers("urn:uuid:36d883aa-4015-4241-aaae-bde887c2662e", 0, 0, 0);
    gathers("1465314030:0", 0, 0, 0);
    gathers("0123456789abcdef:1", 1, 1, 1);
    gathers("0123456789abcdef:1,", 1, 1, 1);
    gathers("x,0123456789abcdef:1,,0123456789abcdef:y,0123456789abcdef:2", 2,
            1, 2);
    gathers("0123456789abcdef:1,0123456789abcdef:2,0123456789abcdef:3,"
            "0123456789abcdef:4", 3, 1, 3);

    return unit_done();
}
