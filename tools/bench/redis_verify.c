// SPDX-License-Identifier: GPL-2.0-only
#include <hiredis/hiredis.h>

#include "cli.h"
#include "load_options.h"
#include "redis_verify.h"

/* Bytes asked for at once: enough to keep the server busy, little beside what is stored. */
#define WINDOW_BYTES	(1 << 20)
#define WINDOW_MAX	64

static void read_answer(struct verification *v, redisContext *redis)
{
	redisReply *reply;

	if (redisGetReply(redis, (void **)&reply) != REDIS_OK)
		die(0, "verification: %s", redis->errstr);
	if (reply->type == REDIS_REPLY_STRING)
		verification_answer(v, reply->str, reply->len);
	else
		verification_answer(v, NULL, 0);
	freeReplyObject(reply);
}

void redis_verify(struct verification *v)
{
	uint64_t window = WINDOW_BYTES / v->values->size + 1, asked = 0;
	redisContext *redis;
	char name[KEY_BYTES];

	redis = opt.socket ? redisConnectUnix(opt.socket) : redisConnect(opt.host, (int)opt.port);
	if (!redis || redis->err)
		die(0, "verification: %s", redis ? redis->errstr : "no memory");
	if (window > WINDOW_MAX)
		window = WINDOW_MAX;
	while (v->checked < v->nr) {
		for (; asked < v->nr && asked < v->checked + window; asked++) {
			key_name(name, verification_key(v, asked));
			redisAppendCommand(redis, "GET %s", name);
		}
		read_answer(v, redis);
	}
	redisFree(redis);
}
