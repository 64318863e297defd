// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fuzzer's machine without the fuzzer: inputs of earlier findings, then
 * pseudo-random ones until a number of calls is made. TAP on stdout.
 * usage: fuzz_steps STEPS SEED [FILE...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "fuzz.h"

#define INPUT_MAX	3000

static uint8_t buffer[INPUT_MAX];

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t bytes;

	if (!f)
		die(path);
	bytes = fread(buffer, 1, sizeof(buffer), f);
	if (ferror(f) || fgetc(f) != EOF)
		die(path);
	fclose(f);
	LLVMFuzzerTestOneInput(buffer, bytes);
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

int main(int argc, char **argv)
{
	unsigned long steps, inputs = 0;
	uint64_t seed, state;
	size_t i, bytes;
	int file;

	if (argc < 3) {
		fprintf(stderr, "usage: fuzz_steps STEPS SEED [FILE...]\n");
		return 2;
	}
	steps = strtoul(argv[1], NULL, 0);
	seed = strtoull(argv[2], NULL, 0);
	state = seed ? seed : 1;
	printf("TAP version 13\n1..2\n# seed %#lx\n", (unsigned long)seed);
	fflush(stdout);
	for (file = 3; file < argc; file++)
		run_file(argv[file]);
	printf("ok 1 %d inputs of earlier findings\n", argc - 3);
	fflush(stdout);
	for (fuzz_steps = 0; fuzz_steps < steps; inputs++) {
		bytes = next_random(&state) % sizeof(buffer);
		for (i = 0; i < bytes; i++)
			buffer[i] = (uint8_t)(next_random(&state) >> 24);
		LLVMFuzzerTestOneInput(buffer, bytes);
	}
	printf("ok 2 %lu calls in %lu random inputs\n", fuzz_steps, inputs);
	return 0;
}
