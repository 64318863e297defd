// SPDX-License-Identifier: GPL-2.0-only
// operator new and delete in all forms, and the new-handler protocol.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <vector>
#include <malloc.h>
#include <hermes-u.h>

static int number;
static bool failed;

static void report(const char *name, bool ok)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++number, name);
	failed |= !ok;
}

struct alignas(256) Aligned {
	char bytes[300];
};

static bool forms()
{
	volatile size_t bytes = 1000;
	bool ok = true;

	delete new int(5);
	delete[] new int[bytes];
	::operator delete(::operator new(bytes), bytes);
	::operator delete[](::operator new[](bytes), bytes);
	::operator delete(::operator new(bytes, std::nothrow), std::nothrow);
	::operator delete[](::operator new[](bytes, std::nothrow), std::nothrow);
	for (int i = 0; i < 100; i++) {
		std::unique_ptr<Aligned> one(new Aligned);
		std::unique_ptr<Aligned[]> many(new Aligned[3]);
		Aligned *p = new (std::nothrow) Aligned;

		ok &= (uintptr_t)one.get() % 256 == 0 && (uintptr_t)many.get() % 256 == 0 &&
		      (uintptr_t)p % 256 == 0 && malloc_usable_size(p) >= sizeof(Aligned);
		delete p;
	}
	void *p = ::operator new(bytes, std::align_val_t(8192), std::nothrow);
	ok &= (uintptr_t)p % 8192 == 0;
	::operator delete(p, std::align_val_t(8192), std::nothrow);
	p = ::operator new[](bytes, std::align_val_t(65536));
	ok &= (uintptr_t)p % 65536 == 0;
	::operator delete[](p, bytes, std::align_val_t(65536));
	return ok;
}

static const volatile size_t too_much = (size_t)1 << 60;

static bool throws()
{
	int caught = 0;

	try {
		::operator delete(::operator new(too_much));
	} catch (const std::bad_alloc &) {
		caught++;
	}
	try {
		::operator delete[](::operator new[](too_much));
	} catch (const std::bad_alloc &) {
		caught++;
	}
	try {
		::operator delete(::operator new(too_much, std::align_val_t(64)),
				  std::align_val_t(64));
	} catch (const std::bad_alloc &) {
		caught++;
	}
	return caught == 3;
}

static bool nothrow()
{
	return !::operator new(too_much, std::nothrow) &&
	       !::operator new[](too_much, std::nothrow) &&
	       !::operator new(too_much, std::align_val_t(64), std::nothrow) &&
	       !::operator new[](too_much, std::align_val_t(64), std::nothrow);
}

static int handler_calls;

static void handler()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

static void throwing_handler()
{
	handler_calls++;
	throw std::bad_alloc();
}

static bool new_handler()
{
	bool ok;

	std::set_new_handler(handler);
	handler_calls = 0;
	try {
		::operator delete(::operator new(too_much));
		return false;
	} catch (const std::bad_alloc &) {
		ok = handler_calls == 3;
	}
	std::set_new_handler(throwing_handler);
	handler_calls = 0;
	ok &= !::operator new(too_much, std::nothrow) && handler_calls == 1;
	std::set_new_handler(nullptr);
	return ok;
}

static bool containers()
{
	std::vector<std::thread> threads;
	bool ok[4] = { true, true, true, true };

	for (int t = 0; t < 4; t++)
		threads.emplace_back([t, &ok] {
			std::map<std::string, std::vector<int>> map;

			for (int i = 0; i < 20000; i++)
				map[std::to_string(i * 7919 % 5000)].push_back(i);
			for (int i = 0; i < 20000; i++) {
				auto &v = map[std::to_string(i * 7919 % 5000)];

				ok[t] &= v.size() == 4 && v[0] == i % 5000;
			}
		});
	for (auto &thread : threads)
		thread.join();
	return ok[0] && ok[1] && ok[2] && ok[3];
}

static bool is_ours()
{
	struct hermes_u_status status;

	delete new int;
	hermes_u_status(&status);
	return status.backend != HERMES_U_BACKEND_NONE;
}

int main()
{
	printf("TAP version 13\n1..6\n");
	report("memory comes from the library", is_ours());
	report("all forms of new and delete", forms());
	report("new throws bad_alloc", throws());
	report("nothrow new returns null", nothrow());
	report("new-handler is called", new_handler());
	report("containers in threads", containers());
	return failed;
}
