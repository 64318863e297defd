// SPDX-License-Identifier: GPL-2.0-only
#include <hiredis/hiredis.h>
#include <string.h>

#include "cli.h"
#include "verify.h"

/* Bytes asked for at once: enough to keep the server busy, little beside what is stored. */
#define WINDOW_BYTES	(1 << 20)
#define WINDOW_MAX	64

static uint64_t last_request_of(uint64_t key, uint64_t count, uint64_t keys)
{
	return key + (count - 1 - key) / keys * keys;
}

static bool reply_matches(redisContext *redis, const char *expected, size_t size)
{
	redisReply *reply;
	bool same;

	if (redisGetReply(redis, (void **)&reply) != REDIS_OK)
		die(0, "verification: %s", redis->errstr);
	same = reply->type == REDIS_REPLY_STRING && reply->len == size &&
	       !memcmp(reply->str, expected, size);
	freeReplyObject(reply);
	return same;
}

struct verification verify(const char *socket, const char *host, int port,
			   const struct values *values, uint64_t count, uint64_t keys,
			   uint64_t sample)
{
	struct verification result = { 0 };
	uint64_t used = count < keys ? count : keys;
	uint64_t nr = sample && sample < used ? sample : used;
	uint64_t window = WINDOW_BYTES / values->size + 1;
	uint64_t asked = 0, key;
	redisContext *redis;
	char name[KEY_BYTES];

	redis = socket ? redisConnectUnix(socket) : redisConnect(host, port);
	if (!redis || redis->err)
		die(0, "verification: %s", redis ? redis->errstr : "no memory");
	if (window > WINDOW_MAX)
		window = WINDOW_MAX;
	while (result.checked < nr) {
		for (; asked < nr && asked < result.checked + window; asked++) {
			key_name(name, asked * used / nr);
			redisAppendCommand(redis, "GET %s", name);
		}
		key = result.checked++ * used / nr;
		if (!reply_matches(redis, value_of(values, last_request_of(key, count, keys)),
				   values->size))
			result.wrong++;
	}
	redisFree(redis);
	return result;
}
