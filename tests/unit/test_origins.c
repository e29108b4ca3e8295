/*
 * The list of URLs to ask, and the error it amounts to when none has the archive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/upstream/origins.h"
#include "server/upstream/tally.h"

#define MD5_HEX "000102030405060708090a0b0c0d0e0f"

struct world {
	struct config config;
	struct policy *policy;
	struct digest md5, sha256;
	struct catalog_wanted wanted;
	struct catalog_origin items[8];
	struct catalog_origins known;
	struct origins origins;
};

static int64_t ports[] = {80, 443};

static int
set_up(void **state)
{
	struct world *world = calloc(1, sizeof *world);
	struct err err = ERR_NONE;

	world->config.fetch.allow_ports = ports;
	world->config.fetch.n_allow_ports = 2;
	world->policy = policy_create(&world->config.fetch, &err);
	assert_non_null(world->policy);
	assert_true(digest_parse("md5", MD5_HEX, &world->md5, &err));
	world->sha256 = (struct digest){.algo = DIGEST_SHA256, .bytes = {0xfe, 0xdc}};
	world->known.items = world->items;
	*state = world;
	return 0;
}

static int
tear_down(void **state)
{
	struct world *world = *state;

	origins_finish(&world->origins);
	policy_destroy(world->policy);
	free(world);
	return 0;
}

static void
know(struct world *world, char *url)
{
	struct catalog_origin *item = &world->items[world->known.count];

	*item = (struct catalog_origin){.id = 10 + (int64_t)world->known.count, .url = url};
	world->known.count++;
}

static void
gather(struct world *world, const struct digest *asked)
{
	struct origins_question question = {.asked = asked, .wanted = &world->wanted, .known = &world->known};

	origins_finish(&world->origins);
	origins_gather(&world->origins, &world->config, world->policy, &question);
}

static void
expect(const struct world *world, size_t index, const char *url)
{
	assert_true(index < world->origins.count);
	assert_string_equal(world->origins.items[index].url, url);
}

static void
catalog_first_then_mirrors_each_once(void **state)
{
	static char a[] = "http://a.example/x", b[] = "https://b.example/x",
	            template[] = "http://m/{algo}/{hash:2}/{hash}";
	struct world *world = *state;
	struct config_mirror mirrors[2] = {{.url = template, .digests = {DIGEST_MD5}, .n_digests = 1},
	        {.url = a, .digests = {DIGEST_MD5}, .n_digests = 1}};

	know(world, a);
	know(world, b);
	know(world, a);
	digests_put(&world->items[1].digests, &world->sha256);
	world->config.mirrors = mirrors;
	world->config.n_mirrors = 2;
	gather(world, &world->md5);
	assert_int_equal(world->origins.count, 3);
	expect(world, 0, a);
	expect(world, 1, b);
	expect(world, 2, "http://m/md5/00/" MD5_HEX);
	assert_int_equal(world->origins.items[0].id, 10);
	assert_int_equal(world->origins.items[2].id, ORIGIN_MIRROR);
	assert_string_equal(world->origins.items[1].place.host, "b.example");
	/* Each with what it is named for, which is not always what is asked for. */
	assert_true(digests_have(&world->origins.items[1].promised, &world->sha256));
	assert_int_equal(digests_count(&world->origins.items[1].promised), 1);
	assert_true(digests_have(&world->origins.items[2].promised, &world->md5));
}

static void
mirrors_are_asked_by_a_digest_they_have(void **state)
{
	static char template[] = "http://m/{algo}/{hash:2}";
	struct world *world = *state;
	struct config_mirror mirror = {
	        .url = template, .digests = {DIGEST_SHA512, DIGEST_SHA256}, .n_digests = 2};

	world->config.mirrors = &mirror;
	world->config.n_mirrors = 1;
	gather(world, &world->md5);
	assert_int_equal(world->origins.count, 0); /* nothing but the md5 is known */

	world->wanted.count = 1;
	digests_put(&world->wanted.sets[0], &world->md5);
	digests_put(&world->wanted.sets[0], &world->sha256);
	gather(world, &world->md5);
	assert_int_equal(world->origins.count, 1);
	expect(world, 0, "http://m/sha256/fe");

	/* Two archives that the catalog calls by one md5: either may be meant. */
	world->sha256.bytes[0] = 0xba;
	world->wanted.count = 2;
	digests_put(&world->wanted.sets[1], &world->sha256);
	gather(world, &world->md5);
	assert_int_equal(world->origins.count, 2);
	expect(world, 1, "http://m/sha256/ba");

	/* The digest asked for comes first where the mirror has its algorithm. */
	gather(world, &world->sha256);
	assert_int_equal(world->origins.count, 1);
	expect(world, 0, "http://m/sha256/ba");
}

/* Under one of its names a mirror may have what it lacks under another: all are tried, up to a number. */
static void
mirrors_are_asked_under_every_digest(void **state)
{
	static char template[] = "http://m/{algo}/{hash:2}", last[] = "http://last/{hash:2}";
	struct world *world = *state;
	struct config_mirror mirrors[] = {
	        {.url = template, .digests = {DIGEST_SHA512, DIGEST_SHA256, DIGEST_MD5}, .n_digests = 3},
	        {.url = last, .digests = {DIGEST_SHA256}, .n_digests = 1}};
	struct digest sha512 = {.algo = DIGEST_SHA512, .bytes = {0x51}};

	world->config.mirrors = mirrors;
	world->config.n_mirrors = 2;
	world->wanted.count = 1;
	digests_put(&world->wanted.sets[0], &world->md5);
	digests_put(&world->wanted.sets[0], &world->sha256);
	digests_put(&world->wanted.sets[0], &sha512);
	gather(world, &world->sha256);
	assert_int_equal(world->origins.count, 4);
	expect(world, 0, "http://m/sha256/fe");
	expect(world, 1, "http://m/sha512/51");
	expect(world, 2, "http://m/md5/00");
	expect(world, 3, "http://last/fe");
	assert_true(digest_equal(&world->origins.items[1].by, &sha512));
	assert_true(digest_equal(&world->origins.items[3].by, &world->sha256));
	assert_int_equal(world->origins.left_out, 0);

	world->wanted.count = CATALOG_ALTERNATIVES_MAX;
	for (uint8_t i = 1; i < CATALOG_ALTERNATIVES_MAX; i++) {
		sha512.bytes[0] = world->sha256.bytes[0] = (uint8_t)(0x60 + i);
		digests_put(&world->wanted.sets[i], &world->md5);
		digests_put(&world->wanted.sets[i], &sha512);
		digests_put(&world->wanted.sets[i], &world->sha256);
	}
	gather(world, &world->md5);
	assert_int_equal(world->origins.left_out, 1 + 2 * CATALOG_ALTERNATIVES_MAX - ORIGINS_OF_MIRROR_MAX);
	expect(world, 0, "http://m/md5/00");
	expect(world, 1, "http://m/sha512/51");
	expect(world, ORIGINS_OF_MIRROR_MAX, "http://last/fe");
	assert_int_equal(world->origins.count, ORIGINS_OF_MIRROR_MAX + CATALOG_ALTERNATIVES_MAX);
}

static void
rewritten_by_prefix_and_judged_afterwards(void **state)
{
	static char long_from[] = "https://github.com/ocaml/", long_to[] = "https://mirror.example/ocaml/",
	            from[] = "https://github.com/", to[] = "http://mirror.example:8080/gh/";
	static char a[] = "https://github.com/ocaml/a.tgz", b[] = "https://github.com/other/b.tgz",
	            c[] = "https://mirror.example/ocaml/a.tgz", d[] = "ftp://old.example/d.tgz";
	struct config_rewrite rules[] = {{long_from, long_to}, {from, to}};
	struct world *world = *state;

	world->config.rewrites = rules;
	world->config.n_rewrites = 2;
	know(world, a);
	know(world, b);
	know(world, c);
	know(world, d);
	gather(world, &world->md5);
	assert_int_equal(world->origins.count, 3);
	expect(world, 0, "https://mirror.example/ocaml/a.tgz");
	expect(world, 1, "http://mirror.example:8080/gh/other/b.tgz");
	assert_string_equal(world->origins.items[1].named, b);
	expect(world, 2, d);
	assert_int_equal(world->origins.items[0].allowed, POLICY_ALLOWED);
	assert_int_equal(world->origins.items[1].allowed, POLICY_PORT);
	assert_int_equal(world->origins.items[2].allowed, POLICY_SCHEME);

	origins_finish(&world->origins);
	origins_gather_one(&world->origins, &world->config, world->policy, a);
	assert_int_equal(world->origins.count, 1);
	expect(world, 0, "https://mirror.example/ocaml/a.tgz");
}

/* --- the verdict --- */

enum naming { NOT_NAMED, NAMED, VANISHED };

static const struct {
	enum naming named;
	unsigned counts[TALLY_KINDS]; /* gone, changed, too large, failed, resting, left, busy, barred */
	enum err_code code;
} verdicts[] = {
        {NOT_NAMED, {0}, ERR_UNKNOWN},
        {NOT_NAMED, {2, 0, 0, 0, 0}, ERR_UNKNOWN},
        {NAMED, {2, 0, 0, 0, 0}, ERR_ABSENT},
        {VANISHED, {2, 0, 0, 0, 0}, ERR_VANISHED},
        {VANISHED, {1, 0, 0, 1, 0}, ERR_FAILING},
        {NAMED, {1, 1, 0, 0, 0}, ERR_CHANGED},
        {NOT_NAMED, {0, 1, 0, 0, 0}, ERR_CHANGED},
        {NAMED, {1, 1, 1, 0, 0}, ERR_LIMIT},
        {NAMED, {0, 0, 1, 0, 0}, ERR_LIMIT},
        {NAMED, {5, 1, 1, 1, 0}, ERR_FAILING},
        {NAMED, {5, 0, 0, 0, 1}, ERR_FAILING},
        {NOT_NAMED, {1, 0, 0, 1, 0}, ERR_FAILING},
        {NAMED, {0, 0, 0, 0, 2}, ERR_FAILING},
        {NAMED, {0, 1, 0, 0, 1}, ERR_FAILING},
        {NAMED, {1, 0, 0, 0, 0, 1}, ERR_FAILING},
        {NOT_NAMED, {1, 0, 0, 0, 0, 0, 1}, ERR_FAILING},
        {NOT_NAMED, {0, 0, 0, 0, 1, 1, 0}, ERR_FAILING},
        {NAMED, {0, 0, 0, 0, 0, 0, 0, 2}, ERR_BARRED},
        {NOT_NAMED, {0, 0, 0, 0, 0, 0, 0, 1}, ERR_BARRED},
        {VANISHED, {2, 0, 0, 0, 0, 0, 0, 1}, ERR_BARRED},
        {NAMED, {0, 1, 1, 0, 0, 0, 0, 1}, ERR_BARRED},
        {NAMED, {0, 0, 0, 1, 0, 0, 0, 1}, ERR_FAILING},
        {NAMED, {0, 0, 0, 0, 1, 0, 0, 1}, ERR_FAILING},
        {NAMED, {1, 0, 0, 0, 0, 1, 0, 1}, ERR_FAILING},
};

static void
verdicts_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
		struct tally tally = {
		        .named = verdicts[i].named != NOT_NAMED, .vanished = verdicts[i].named == VANISHED};
		struct err err = ERR_NONE;

		for (int kind = 0; kind < TALLY_KINDS; kind++)
			for (unsigned n = 0; n < verdicts[i].counts[kind]; n++)
				tally_add(&tally, (enum tally_kind)kind, "host", "404");
		tally_verdict(&tally, &err);
		if (err.code != verdicts[i].code)
			fail_msg("row %zu: %s, %s", i, err_name(err.code), err.text);
		tally_finish(&tally);
	}
}

static void
verdicts_name_counts_and_causes(void **state)
{
	struct tally tally = {.named = true};
	struct err err = ERR_NONE;

	(void)state;
	tally_add(&tally, TALLY_GONE, "github.com", "404");
	tally_add(&tally, TALLY_GONE, "github.com", "404"); /* under another name */
	tally_add(&tally, TALLY_FAILED, "opam.ocaml.org", "timed out after 15 s");
	tally_verdict(&tally, &err);
	assert_string_equal(err.text,
	        "no origin has it now: 3 asked, github.com said 404, opam.ocaml.org: timed out after 15 s");
	for (int i = 0; i < 100; i++)
		tally_add(&tally, TALLY_FAILED, "a-host-with-quite-a-long-name.example.org",
		        "connection refused");
	tally_verdict(&tally, &err);
	assert_non_null(strstr(err.text, "103 asked"));
	tally_finish(&tally);
}

/*
 * Nobody has it but perhaps those who asked to be left alone: so it is until the first of them may be asked.
 */
static void
it_is_held_while_the_rest_of_them_is_left_alone(void **state)
{
	struct tally tally = {.named = true};
	struct err err = ERR_NONE;

	(void)state;
	tally_add(&tally, TALLY_LEFT, "swh.example", "rests for 900 s more");
	tally_add_rest(&tally, "swh.example", 1900, 1694512800000);
	tally_verdict(&tally, &err);
	assert_string_equal(err.text, "every origin is at rest: swh.example: rests for 900 s more");
	assert_int_equal(tally_holds_until(&tally), 0);
	for (int i = 0; i < 5; i++)
		tally_add(&tally, TALLY_GONE, "mirror.example", "404");
	tally_add(&tally, TALLY_BUSY, "busy.example", "429");
	tally_add_rest(&tally, "busy.example", 1800, 1694512700000);
	tally_add(&tally, TALLY_LEFT, "busy.example", "rests for 800 s more"); /* under another name */
	tally_add_rest(&tally, "busy.example", 1800, 1694512700001);
	tally_verdict(&tally, &err);
	assert_int_equal(err.code, ERR_FAILING);
	assert_string_equal(err.text,
	        "no origin has it now: 5 asked do not have it, swh.example asked for rest until "
	        "2023-09-12T10:00:00Z, busy.example asked for rest until 2023-09-12T09:58:20Z and will be "
	        "asked "
	        "then");
	assert_int_equal(tally_holds_until(&tally), 1800);
	tally_add(&tally, TALLY_RESTING, "ill.example", "rests for 30 s more");
	tally_verdict(&tally, &err);
	assert_non_null(strstr(err.text, "no origin has it now: 6 asked, swh.example: rests"));
	assert_int_equal(tally_holds_until(&tally), 0);
	tally_finish(&tally);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(catalog_first_then_mirrors_each_once),
	        CASE(mirrors_are_asked_by_a_digest_they_have),
	        CASE(mirrors_are_asked_under_every_digest),
	        CASE(rewritten_by_prefix_and_judged_afterwards),
	        cmocka_unit_test(verdicts_are_exact),
	        cmocka_unit_test(verdicts_name_counts_and_causes),
	        cmocka_unit_test(it_is_held_while_the_rest_of_them_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
