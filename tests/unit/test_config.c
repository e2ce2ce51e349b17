#include "unit.h"

#include <stdio.h>
#include <unistd.h>

#include "config.h"

/* Settings, as people write them into rpnode.conf. */

static char folder[64];
static char path[128];
static struct config config;
static struct why why;

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "test-config-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/rpnode.conf", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static int read_text(const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    config = config_default;
    return config_read(&config, folder, &why);
}

static void without_a_file_all_is_at_its_default(void **state)
{
    char far[HOME_PATH_MAX];

    (void)state;
    config = config_default;
    assert_ok(config_read(&config, folder, &why));
    assert_memory_equal(&config, &config_default, sizeof config);
    assert_ok(read_text(config_text)); /* what a new home has */
    assert_memory_equal(&config, &config_default, sizeof config);
    memset(far, 'f', sizeof far - 1);
    far[sizeof far - 1] = '\0';
    assert_int_equal(config_read(&config, far, &why), RP_ERR_LIMIT);
}

static void reads_every_setting(void **state)
{
    (void)state;
    assert_ok(read_text("[node]\n"
                        "listen = 127.0.0.1:1\n"
                        "advertise = hub.example:2\n"
                        "web = 127.0.0.1:3\n"
                        "web_names = hub.example www.hub.example\n"
                        "language = cy\n"
                        "[trust]\n"
                        "depth = 0\n"
                        "vouch = no\n"
                        "[sync]\n"
                        "check = 86400\n"
                        "[store]\n"
                        "size = 16\n"
                        "free = 0\n"));
    assert_string_equal(config.listen, "127.0.0.1:1");
    assert_string_equal(config.advertise, "hub.example:2");
    assert_string_equal(config.web, "127.0.0.1:3");
    assert_string_equal(config.web_names, "hub.example www.hub.example");
    assert_string_equal(config.language, "cy");
    assert_int_equal(config.trust_depth, 0);
    assert_false(config.vouch);
    assert_int_equal(config.check_seconds, 86400);
    assert_int_equal(config.store_mib, 16);
    assert_int_equal(config.free_mib, 0);
    assert_ok(read_text("[trust]\nvouch = yes\ndepth = 64\n"));
    assert_true(config.vouch);
    assert_int_equal(config.trust_depth, 64);
}

static void names_the_line_that_it_cannot_take(void **state)
{
    static const struct {
        const char *text;
        const char *problem; /* behind the path */
    } cases[] = {
        {"[node]\nport = 1\n", ": there is no setting port in [node] (line 2)"},
        {"[nod]\nlisten = a:1\n", ": there is no setting listen in [nod] (line 2)"},
        {"[nod]\n.listen = a:1\n", ": there is no setting .listen in [nod] (line 2)"},
        {"listen = a:1\n", ": there is no setting listen in [] (line 1)"},
        {"[node]\n\nlisten\n", ": not a setting (line 3)"},
        {"[trust]\ndepth = 65\n", ": depth = 65 is not a value it can have (line 2)"},
        {"[trust]\ndepth = -1\n", ": depth = -1 is not a value it can have (line 2)"},
        {"[trust]\ndepth = +8\n", ": depth = +8 is not a value it can have (line 2)"},
        {"[trust]\ndepth = -18446744073709551615\n", /* modulo 2^64: 1 */
         ": depth = -18446744073709551615 is not a value it can have (line 2)"},
        {"[trust]\ndepth = x\n", ": depth = x is not a value it can have (line 2)"},
        {"[trust]\ndepth = 8x\n", ": depth = 8x is not a value it can have (line 2)"},
        {"[trust]\nvouch = maybe\n", ": vouch = maybe is not a value it can have (line 2)"},
        {"[sync]\ncheck = 0\n", ": check = 0 is not a value it can have (line 2)"},
        {"[sync]\ncheck = 86401\n", ": check = 86401 is not a value it can have (line 2)"},
        {"[store]\nsize = 15\n", ": size = 15 is not a value it can have (line 2)"},
        {"[store]\nfree = 99999999999999999999\n",
         ": free = 99999999999999999999 is not a value it can have (line 2)"},
        {"[node]\nlanguage = a-tag-that-is-longer-than-any-tag-is\n",
         ": language = a-tag-that-is-longer-than-any-tag-is is not a value it can have (line 2)"},
        {"[trust]\ndepth = 65\nvouch = maybe\n", /* the first is told */
         ": depth = 65 is not a value it can have (line 2)"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(read_text(cases[i].text), RP_ERR_ARGUMENT);
        assert_memory_equal(why.text, path, strlen(path));
        assert_string_equal(why.text + strlen(path), cases[i].problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(without_a_file_all_is_at_its_default, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_every_setting, setup, teardown),
        cmocka_unit_test_setup_teardown(names_the_line_that_it_cannot_take, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
