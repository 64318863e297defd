// SPDX-License-Identifier: GPL-2.0-only
/* A statically linked program: the model, and a fork. */
#include <hermes-u.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>
#include "model.h"

static int number;

static int report(const char *name, int ok)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++number, name);
	fflush(stdout);
	return !ok;
}

/* For conf.sh: 0 when the program has privileges of its file, 1 when it has none. */
static int secure(const struct model_options *options)
{
	return model_run(options) ? 2 : !getauxval(AT_SECURE);
}

int main(int argc, char **argv)
{
	struct model_options options = { model_seed(), 100000, 1000, 1 << 20, 128 << 20, false };
	struct hermes_u_stats stats;
	int failed = 0, status;
	pid_t pid;

	if (argc > 1 && !strcmp(argv[1], "secure"))
		return secure(&options);
	printf("TAP version 13\n1..3\n# seed %#lx\n", (unsigned long)options.seed);
	failed |= report("model", !model_run(&options));
	hermes_u_get_stats(&stats, sizeof(stats));
	failed |= report("memory comes from the library", stats.mapped_bytes > 0);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(model_run(&options) ? 1 : 0);
	waitpid(pid, &status, 0);
	failed |= report("model in a forked child", !status);
	return failed;
}
