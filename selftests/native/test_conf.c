// SPDX-License-Identifier: GPL-2.0-only
/* Values, lines and files of the configuration, by the library's own functions. */
#define _GNU_SOURCE
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include "conf.h"
#include "conf_values.h"

static const struct hu_conf fresh = { .reserve_min = SIZE_MAX, .reserve_max = SIZE_MAX };

static int size(const char *text, size_t *out)
{
	return hu_value_size(text, strlen(text), (uint64_t)1 << 40, out);
}

static int us(const char *text, uint64_t *out)
{
	return hu_value_time_us(text, strlen(text), 500, 1000000, out);
}

static void values(void **state)
{
	static const char *const bad[] = {
		"", "M", ".", "1.2.3M", "1 M", "-1", "+1", "0x10", "1.2345M", "1e3", "8X", "1MM",
	};
	size_t bytes = 7, i;
	uint64_t t = 7;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(size(bad[i], &bytes), -EINVAL);
	assert_int_equal(size("1025G", &bytes), -ERANGE);
	assert_int_equal(size("99999999999999999999999999999", &bytes), -ERANGE);
	assert_int_equal(size("99999999999999999G", &bytes), -ERANGE);
	assert_int_equal(bytes, 7);
	assert_int_equal(size("1.5M", &bytes), 0);
	assert_int_equal(bytes, 3 * MIB / 2);
	assert_int_equal(size("1", &bytes), 0);
	assert_int_equal(bytes, 4096);
	assert_int_equal(size("1024G", &bytes), 0);
	assert_int_equal(us("499us", &t), -ERANGE);
	assert_int_equal(us("1.001s", &t), -ERANGE);
	assert_int_equal(us("2", &t), -EINVAL);
	assert_int_equal(us("0.5ms", &t), 0);
	assert_int_equal(t, 500);
}

static void parse(const char *text)
{
	hu_conf = fresh;
	hu_conf_parse("test", text, strlen(text));
}

static void lines(void **state)
{
	(void)state;
	parse("# a comment, verbose=1\nreserve_min = 8M # and\tanother, verbose\r\n"
	      "\n  ,, decay=never,\tfactor=1.5\n#\nlatency=all");
	assert_int_equal(hu_conf.reserve_min, 8 * MIB);
	assert_int_equal(hu_conf.decay_ms, HU_DECAY_NEVER);
	assert_int_equal(hu_conf.factor_pct, 150);
	assert_int_equal(hu_conf.latency, HU_CONF_LATENCY_ALL);
	assert_false(hu_conf.verbose);
	parse("stats=json,stats_file=/a/b,verbose");
	assert_int_equal(hu_conf.stats, HU_CONF_STATS_JSON);
	assert_int_equal(hu_conf.stats_file, HU_CONF_STATS_FILE_ON);
	assert_string_equal(hu_conf.stats_path, "/a/b");
	assert_true(hu_conf.verbose);
	parse("stats");
	assert_int_equal(hu_conf.stats, HU_CONF_STATS_TEXT);
}

/* What parsing @path says on stderr. */
static const char *says(const char *path)
{
	static char text[600];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	hu_conf_parse_file(path);
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	close(saved);
	n = read(fds[0], text, sizeof(text) - 1);
	close(fds[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void files(void **state)
{
	char dir[] = "/tmp/hermes-conf-XXXXXX", path[64], many[6000];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/conf", dir);
	hu_conf = fresh;
	assert_string_equal(says(path), "");
	assert_non_null(strstr(says(dir), "is ignored: not a regular file that only root"));
	write_file(path, "verbose=1\ndecay=bad\n", 0644);
	if (geteuid()) {
		assert_non_null(strstr(says(path), "not a regular file that only root"));
	} else {
		assert_non_null(strstr(says(path), "/conf: decay is ignored: 0s to 86400s"));
		assert_true(hu_conf.verbose);
		hu_conf.verbose = false;
		chmod(path, 0646);
		assert_non_null(strstr(says(path), "not a regular file that only root"));
		assert_false(hu_conf.verbose);
		memset(many, '\n', sizeof(many));
		many[sizeof(many) - 1] = '\0';
		write_file(path, many, 0644);
		assert_non_null(strstr(says(path), "is ignored: longer than 4 KiB"));
	}
	unlink(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	assert_non_null(strstr(says(path), "not a regular file"));
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(lines),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
