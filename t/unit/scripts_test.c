
/*
 * The scripts as C has them; with an argument, it prints them for the test that
 * runs them: NAME, SIZE, and the text.
 */


#include "unit.h"
#include "broker/scripts.c"


static void
print(void)
{
    unsigned                       i;
    const ngx_websocket_script_t  *script;

    for (i = 0; i < NGX_WEBSOCKET_SCRIPTS; i++) {
        script = &ngx_websocket_scripts[i];
        printf("%s %zu\n%s", script->name, script->size, script->text);
    }
}


static void
check(unsigned i)
{
    unsigned                       k;
    const char                    *p;
    const ngx_websocket_script_t  *script;

    script = &ngx_websocket_scripts[i];

    if (!unit_ok(script->name && script->text, "script %u is there", i)) {
        return;
    }

    unit_ok(script->size == strlen(script->text)
            && script->text[script->size - 1] == '\n',
            "%s: its size is that of its text", script->name);

    for (p = script->text; *p == '\n' || (*p >= ' ' && *p <= '~'); p++) {
        /* void */
    }

    unit_ok(*p == '\0', "%s: its text is plain", script->name);

    for (k = 0; k < i; k++) {
        if (strcmp(script->name, ngx_websocket_scripts[k].name) == 0
            || strcmp(script->text, ngx_websocket_scripts[k].text) == 0)
        {
            break;
        }
    }

    unit_ok(k == i, "%s: there is no other of its name or text", script->name);
}


int
main(int argc, char **argv)
{
    unsigned  i;

    (void) argv;

    if (argc > 1) {
        print();
        return 0;
    }

    for (i = 0; i < NGX_WEBSOCKET_SCRIPTS; i++) {
        check(i);
    }

    return unit_done();
}
