// SPDX-License-Identifier: GPL-2.0-only
/*
 * The malloc family as a machine: an input is a program of it. Each
 * instruction is an opcode and its operands, a byte or two each; where the
 * input ends, operands are 0. Objects are in numbered slots. One instruction
 * lets another thread go on with the program, one ends a thread: so blocks
 * are freed and resized by threads that did not allocate them, also after
 * those have ended, and yet nothing depends on the scheduler.
 *
 * See fuzz_oracle.c for what is checked.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include "fuzz.h"
#include "fuzz_oracle.h"

#define THREADS		4

struct thread {
	pthread_t id;
	sem_t go;
	bool alive, ends;
};

unsigned long fuzz_steps;

static const uint8_t *input, *input_end;
static struct thread threads[THREADS];
static sem_t done;
static unsigned int running;

static unsigned int byte(void)
{
	return input < input_end ? *input++ : 0;
}

static unsigned int word(void)
{
	unsigned int low = byte();

	return low | byte() << 8;
}

/* Sizes: mostly small, and often next to where something changes. */
static size_t size_operand(void)
{
	unsigned int kind = byte(), x = word();
	unsigned int delta = x >> 8 & 3;

	if (kind < 96)
		return x % 1024;
	if (kind < 128)
		return x % 4096;
	if (kind < 160)		/* the edges of size classes */
		return ((size_t)(8 + x % 8) << (1 + x / 8 % 13)) + delta - 1;
	if (kind < 176)
		return x % 40000;
	if (kind < 244)		/* pages */
		return (size_t)(1 + x % 20) * 4096 + delta - 1;
	if (kind < 252)		/* units */
		return (size_t)(1 + x % 40) * 65536 + delta - 1;
	if (kind < 254)
		return (size_t)x * 128;
	/* Rarely, as it is slow: as large as no arena holds it. */
	return kind == 254 || x % 32 ? 0 : HUGE_MIN + ((size_t)x << 13);
}

static struct object *slot_operand(void)
{
	return &objects[word() % OBJECTS];
}

/* A slot for a new object of @bytes, NULL when that would be too much. */
static struct object *room_for(struct object *o, size_t bytes)
{
	oracle_free(o);
	return oracle_room(bytes, 0) ? o : NULL;
}

static void do_malloc(void)
{
	struct object *o = slot_operand();
	size_t bytes = size_operand();

	if (room_for(o, bytes))
		oracle_new(o, malloc(bytes), bytes, 16, false);
}

static void do_calloc(void)
{
	struct object *o = slot_operand();
	size_t bytes = size_operand(), count = 1 + byte() % 7;

	if (room_for(o, bytes))
		oracle_new(o, calloc(count, bytes / count), bytes / count * count, 16, true);
}

static void do_aligned(void)
{
	struct object *o = slot_operand();
	unsigned int how = byte();
	size_t bytes = size_operand(), align = (size_t)1 << how / 8 % 22;
	void *p = NULL;

	if (!room_for(o, bytes))
		return;
	switch (how % 5) {
	case 0:
		align = align < sizeof(void *) ? sizeof(void *) : align;
		if (posix_memalign(&p, align, bytes) && p)
			oracle_wrong("posix_memalign failed and changed the pointer");
		break;
	case 1:
		p = aligned_alloc(align, bytes);
		break;
	case 2:	/* an alignment that is no power of two is rounded up to one */
		p = memalign(align - align / 3, bytes);
		break;
	case 3:
		align = 4096;
		p = valloc(bytes);
		break;
	case 4:
		align = 4096;
		p = pvalloc(bytes);
		bytes = bytes ? (bytes + 4095) & ~(size_t)4095 : 4096;
		break;
	}
	oracle_new(o, p, bytes, align, false);
}

static void do_free(void)
{
	oracle_free(slot_operand());
}

/* Another size for the object: any, or a little more or less than it has. */
static size_t new_size(const struct object *o)
{
	unsigned int how = byte();

	if (how < 128)
		return size_operand();
	if (how < 208)
		return o->bytes + 1 + (size_t)byte() * (o->bytes / 256 + 1) / 4;
	return o->bytes - o->bytes * (how - 208) / 64;
}

static void do_realloc(void)
{
	struct object *o = slot_operand();
	unsigned int how = byte();
	size_t bytes = new_size(o);
	void *p;

	oracle_check(o);
	if (!oracle_room(bytes, o->usable))
		return;
	if (!bytes && o->p) {
		if (realloc(o->p, 0))
			oracle_wrong("realloc(p, 0) returned memory");
		oracle_forget(o);
		return;
	}
	p = how % 4 ? realloc(o->p, bytes) : reallocarray(o->p, 1, bytes);
	if (o->p)
		oracle_resized(o, p, bytes);
	else
		oracle_new(o, p, bytes, 16, false);
}

static void do_trim(void)
{
	malloc_trim((size_t)byte() << 16);
}

static void must_refuse(const char *what, const void *p, int error)
{
	if (p)
		oracle_wrong(what);
	if (errno != error)
		oracle_wrong("a refused request left another errno than it should");
	errno = 0;
}

/* What must fail, and leave everything as it was. */
static void do_refused(void)
{
	/* Volatile: the compiler refuses what it can see. */
	static const volatile size_t none = 0, beyond = (size_t)1 << 62;
	struct object *o = slot_operand();
	size_t x = word(), much = (size_t)PTRDIFF_MAX - 4096 + x;
	void *out = &out;

	errno = 0;
	must_refuse("malloc: more than there can be", malloc(much), ENOMEM);
	must_refuse("calloc: product overflows", calloc((size_t)1 << 48, (1 << 16) + x), ENOMEM);
	must_refuse("calloc: more than there can be", calloc(1, much), ENOMEM);
	must_refuse("reallocarray: product overflows",
		    reallocarray(o->p, SIZE_MAX / 2, 3 + x), ENOMEM);
	must_refuse("realloc: more than there can be", realloc(o->p, SIZE_MAX - x), ENOMEM);
	must_refuse("aligned_alloc: size", aligned_alloc(64, much), ENOMEM);
	must_refuse("aligned_alloc: 0", aligned_alloc(none, x), EINVAL);
	must_refuse("aligned_alloc: no power of two", aligned_alloc(3 * (x + 1), x), EINVAL);
	must_refuse("aligned_alloc: alignment", aligned_alloc(beyond, x), ENOMEM);
	must_refuse("memalign: alignment", memalign(SIZE_MAX - x, x), EINVAL);
	must_refuse("pvalloc: more than there can be", pvalloc(SIZE_MAX - x), ENOMEM);
	must_refuse("valloc: more than there can be", valloc(SIZE_MAX - x), ENOMEM);
	if (posix_memalign(&out, 4, x) != EINVAL || posix_memalign(&out, 24, x) != EINVAL ||
	    posix_memalign(&out, 64, much) != ENOMEM || out != &out || errno)
		oracle_wrong("posix_memalign: what must be refused");
	oracle_check(o);
}

/* Many objects of one size: whole spans are filled, */
static void do_fill(void)
{
	unsigned int first = word(), count = byte(), i;
	size_t bytes = size_operand() % 40000;

	for (i = 0; i < count; i++) {
		struct object *o = &objects[(first + i) % OBJECTS];

		if (!room_for(o, bytes))
			continue;
		oracle_new(o, malloc(bytes), bytes, 16, false);
		fuzz_steps++;
	}
}

/* and emptied: all slots of a range, or every second one. */
static void do_drain(void)
{
	unsigned int first = word(), count = byte() * 4, step = 1 + byte() % 2, i;

	for (i = 0; i < count; i += step) {
		struct object *o = &objects[(first + i) % OBJECTS];

		fuzz_steps += !!o->p;
		oracle_free(o);
	}
}

static void do_check(void)
{
	oracle_check(slot_operand());
}

/* Returns true when another thread is to go on. */
static bool do_switch(void)
{
	unsigned int next = byte() % THREADS, was = running;

	running = next;
	return next != was;
}

/* The next thread ends, if it lives; not this one, and not the main thread. */
static void do_end_thread(void)
{
	struct thread *t = &threads[byte() % THREADS];

	if (!t->alive || t == &threads[running])
		return;
	t->ends = true;
	sem_post(&t->go);
	pthread_join(t->id, NULL);
	sem_destroy(&t->go);
	t->alive = false;
}

static void (*const operations[32])(void) = {
	do_malloc, do_malloc, do_malloc, do_malloc, do_malloc, do_malloc,
	do_calloc, do_calloc, do_calloc, do_aligned, do_aligned, do_aligned,
	do_free, do_free, do_free, do_free, do_free, do_free,
	do_realloc, do_realloc, do_realloc, do_realloc, do_realloc,
	do_check, do_refused, do_fill, do_drain,
	/* the rest: see interpret() */
};

/* The program, until its end or until another thread is to go on. */
static void interpret(void)
{
	while (input < input_end) {
		unsigned int op = byte();

		fuzz_steps++;
		if (operations[op % 32])
			operations[op % 32]();
		else if (op % 32 == 31 && op < 96)
			do_trim();
		else if (op % 32 == 31)
			do_end_thread();
		else if (do_switch())
			return;
	}
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;

	for (;;) {
		sem_wait(&t->go);
		if (t->ends)
			return NULL;
		interpret();
		sem_post(&done);
	}
}

static void start_thread(struct thread *t)
{
	sem_init(&t->go, 0, 0);
	t->ends = false;
	t->alive = true;
	if (pthread_create(&t->id, NULL, thread_main, t))
		oracle_wrong("pthread_create failed");
}

static void let_run(struct thread *t)
{
	if (t == &threads[0]) {
		interpret();
		return;
	}
	if (!t->alive)
		start_thread(t);
	sem_post(&t->go);
	sem_wait(&done);
}

static void end_threads(void)
{
	unsigned int i;

	for (i = 1; i < THREADS; i++) {
		if (!threads[i].alive)
			continue;
		threads[i].ends = true;
		sem_post(&threads[i].go);
		pthread_join(threads[i].id, NULL);
		sem_destroy(&threads[i].go);
		threads[i].alive = false;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static bool started;

	if (!started)
		sem_init(&done, 0, 0);
	started = true;
	input = data;
	input_end = data + bytes;
	running = 0;
	while (input < input_end)
		let_run(&threads[running]);
	end_threads();
	oracle_end();
	return 0;
}
