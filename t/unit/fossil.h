
/*
 * Patches of Fossil's format applied, straight from its description, for the
 * tests of the encoder.
 */


#ifndef NGX_WEBSOCKET_TEST_FOSSIL_H
#define NGX_WEBSOCKET_TEST_FOSSIL_H


#include <stddef.h>
#include <stdint.h>
#include <string.h>


static int
fossil_number(const uint8_t **p, const uint8_t *last, uint32_t *number)
{
    const char  *digit;
    size_t       n;

    static const char  digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_"
                                  "abcdefghijklmnopqrstuvwxyz~";

    *number = 0;

    for (n = 0; *p < last; n++) {
        digit = memchr(digits, **p, 64);
        if (digit == NULL) {
            break;
        }
        *number = *number << 6 | (uint32_t) (digit - digits);
        (*p)++;
    }

    return n > 0;
}


/* the size of what was made of source in out, which has room; or -1 */

static long
fossil_apply(const uint8_t *source, size_t source_size, const uint8_t *p,
    size_t size, uint8_t *out, size_t room)
{
    size_t          n, i;
    uint32_t        all, number, from, sum;
    const uint8_t  *last;

    last = p + size;

    if (!fossil_number(&p, last, &all) || p == last || *p++ != '\n'
        || all > room)
    {
        return -1;
    }

    for (n = 0; fossil_number(&p, last, &number) && p < last; /* void */ ) {

        switch (*p++) {

        case '@':
            if (!fossil_number(&p, last, &from) || p == last || *p++ != ','
                || from > source_size || number > source_size - from
                || number > all - n)
            {
                return -1;
            }

            memcpy(out + n, source + from, number);
            n += number;
            break;

        case ':':
            if (number > (size_t) (last - p) || number > all - n) {
                return -1;
            }

            memcpy(out + n, p, number);
            p += number;
            n += number;
            break;

        case ';':
            for (sum = 0, i = 0; i < n; i++) {
                sum += (uint32_t) out[i] << (24 - 8 * (i & 3));
            }

            return p == last && n == all && sum == number ? (long) n : -1;

        default:
            return -1;
        }
    }

    return -1;
}


#endif /* NGX_WEBSOCKET_TEST_FOSSIL_H */
