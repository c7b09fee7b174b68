
/* The store by a stream of commands, four bytes each, watched by the model. */

#include "store_work.h"
#include "store/store.c"
#include "store/channel.c"
#include "store/interest.c"
#include "store/member.c"
#include "store/ephemeral.c"
#include "store/message.c"
#include "store/numbered.c"
#include "store_check.c"
#include "store_model.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t           n;
    static model_t   model;
    static uint8_t   region[40 << 10] __attribute__((aligned(64)));

    model_init(&model, region, sizeof(region));

    for (n = 0; size >= 4 && n < 512; n++, data += 4, size -= 4) {

        model_command(&model, data);

        if (model.wrong) {
            fprintf(stderr, "command %zu: %s\n", n, model.wrong);
            abort();
        }
    }

    return 0;
}
