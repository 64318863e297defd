#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Real servers with the library preloaded, under load, over unix sockets. TAP on stdout.
# usage: servers.sh LIBRARY
# shellcheck disable=SC2031 # LD_PRELOAD is set for one subshell, where it is looked at
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tap.sh
source "$here/tap.sh"
# shellcheck source=preload.sh
source "$here/preload.sh"

preload_begin "$1"
unpacked=$("$here/../../tools/setup/unpack.sh" 2>"$work/unpack.log") || unpacked=

# have_unpacked NAME PROGRAM: the path of a program that is unpacked or installed, in $program
have_unpacked()
{
	program=$unpacked/$2
	[[ -x $program ]] || program=/$2
	[[ -x $program ]] && return
	sed 's/^/# /' "$work/unpack.log"
	skip "$1" "no $2"
	return 1
}

# Servers do not run as root. The program's files must be where everybody may look.
as_nobody()
{
	if [[ $EUID -eq 0 ]]; then
		exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		exec "$@"
	fi
}

# In $state, outside of what is compared.
new_state()
{
	state=$(mktemp -d -p "$work")
	chmod 777 "$state"
}

# start NAME COMMAND...: in the background, in $state
start()
{
	local name=$1

	shift
	(cd "$state" && "$@") >"$state/log" 2>&1 &
	server=$!
	echo "$server" >"$work/$name.pid"
}

# stop NAME SIGNAL: prints the exit status
stop()
{
	kill "-$2" "$server"
	wait "$server"
	echo "$1 ended with status $?"
	rm "$work/$1.pid"
}

# With the library in the environment, it must be in the server, too.
has_library()
{
	[[ -z ${LD_PRELOAD:-} ]] || grep -q libhermes-u "/proc/$server/maps" || echo "not preloaded"
}

# wait_for COMMAND...: until it succeeds or the server has ended; only a fault takes minutes
wait_for()
{
	local i

	for ((i = 0; i < 1800; i++)); do
		"$@" >/dev/null 2>&1 && return
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	echo "in vain: $*"
	tail -n 5 "$state/log" >&2
	return 1
}

nginx_configuration()
{
	cat <<END
daemon off;
pid $state/pid;
worker_processes 2;
$([[ $EUID -ne 0 ]] || echo "user nobody nogroup;")
events { worker_connections 256; }
http {
	access_log off;
	gzip on;
	gzip_types *;
	client_body_temp_path $state/body;
	proxy_temp_path $state/proxy;
	fastcgi_temp_path $state/fastcgi;
	uwsgi_temp_path $state/uwsgi;
	scgi_temp_path $state/scgi;
	server {
		listen unix:$state/socket;
		location /plain/ { alias $work/www/; }
		location /proxy/ {
			proxy_pass http://unix:$state/socket:/plain/;
			proxy_buffers 16 32k;
		}
	}
}
END
}

get()
{
	curl --silent --show-error --fail --unix-socket "$state/socket" "$@"
}

# Files of all sizes, plain, compressed and through a proxy; the workers are replaced meanwhile.
nginx_serves()
{
	local i

	new_state
	nginx_configuration >"$state/nginx.conf"
	start nginx "$program" -e "$state/error.log" -c "$state/nginx.conf"
	wait_for get http://x/plain/f1 || return 1
	has_library
	for i in 1 2; do
		get --parallel --parallel-max 24 --compressed -o "$state/#1-#2-#3" \
			"http://x/{plain,proxy}/f[1-60]?[1-5]" &
		sleep 0.1
		kill -HUP "$server"
		wait $! || echo "a download failed"
		cat "$state"/plain-* "$state"/proxy-* | cksum
		rm "$state"/plain-* "$state"/proxy-*
	done
	stop nginx QUIT
}

nginx()
{
	local i

	mkdir -p "$work/www"
	for i in $(seq 60); do
		seq "$i" $((i * i * 10)) >"$work/www/f$i"
	done
	compare "$1" nginx_serves
}

memcached_client()
{
	/usr/bin/python3 - "$state/socket" <<'END'
import hashlib, random, socket, sys, threading

def client(number, results):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    f = s.makefile("rwb")
    def call(line, data=None):
        f.write(line.encode() + b"\r\n" + (data + b"\r\n" if data is not None else b""))
        f.flush()
        return f.readline()
    def get(key):
        head = call("get " + key).split()
        if head == [b"END"]:
            return None
        data = f.read(int(head[3]) + 2)[:-2]
        assert f.readline() == b"END\r\n"
        return data
    r = random.Random(number)
    wrong = hits = 0
    for i in range(4000):
        n = r.randrange(700)
        key = "k%d-%d" % (number, n)
        data = bytes([n % 251]) * r.choice([10, 100, 1000, 10000, 10000, 100000, 900000 if i % 20 == 0 else 50])
        assert call("set %s 0 0 %d" % (key, len(data)), data) == b"STORED\r\n"
        wrong += get(key) != data
        old = get("k%d-%d" % (number, r.randrange(700)))
        wrong += old is not None and len(set(old)) != 1
        if i % 7 == 0:
            call("delete k%d-%d" % (number, r.randrange(700)))
        if i % 50 == 0:
            call("set c%d 0 0 1" % number, b"0")
        if i % 50 < 20:
            wrong += call("incr c%d 1" % number) != b"%d\r\n" % (i % 50 + 1)
    results.append((number, wrong))

results = []
threads = [threading.Thread(target=client, args=(i, results)) for i in range(6)]
[t.start() for t in threads]
[t.join() for t in threads]
print(sorted(results))
END
}

# What was just stored is there, although memory is short and other keys make room.
memcached_keeps()
{
	new_state
	start memcached as_nobody "$state/../memcached" -s "$state/socket" -a 0777 -m 64 -t 4 -c 64
	wait_for test -S "$state/socket" || return 1
	has_library
	memcached_client
	stop memcached TERM
}

memcached()
{
	cp "$program" "$work/memcached"
	compare "$1" memcached_keeps
}

sql()
{
	"$pg/bin/psql" -h "$state" -U hermes -d postgres -X -A -t -v ON_ERROR_STOP=1 "$@"
}

# Sums of the accounts, after many transactions at a time; large sorts and hashes; compiled queries.
postgres_queries()
{
	sql -c "SELECT count(*), sum(delta) = (SELECT sum(abalance) FROM pgbench_accounts),
			sum(delta) = (SELECT sum(tbalance) FROM pgbench_tellers),
			sum(delta) = (SELECT sum(bbalance) FROM pgbench_branches) FROM pgbench_history"
	sql -c "CREATE TABLE t AS SELECT i, md5(i::text) AS h, i * 7919 % 10007 AS m
			FROM generate_series(1, 120000) i" -c "CREATE INDEX ON t(h)"
	sql -c "SELECT md5(string_agg(h, ',' ORDER BY h)) FROM t" \
		-c "SELECT count(*), sum(a.i) FROM t a JOIN t b USING (m)" \
		-c "SELECT md5(jsonb_agg(x)::text) FROM (SELECT m, count(*) FROM t GROUP BY m ORDER BY m) x" \
		-c "SELECT length(repeat(h, 1000000)) FROM t WHERE i = 1"
	sql -c "SELECT pg_jit_available()" -c "SET jit_above_cost = 0" -c "SET jit_optimize_above_cost = 0" \
		-c "SELECT sum(i * 2 + m), avg(length(h || i)) FROM t WHERE m % 3 = 1"
}

postgres_works()
{
	new_state
	(cd "$state" && as_nobody "$pg/bin/initdb" -D "$state/data" -A trust -U hermes --no-locale \
		-E UTF8 --no-sync) >"$state/initdb.log" 2>&1 || cat "$state/initdb.log"
	start postgres as_nobody "$pg/bin/postgres" -D "$state/data" -k "$state" \
		-c listen_addresses= -c fsync=off -c work_mem=1MB
	wait_for sql -c "SELECT 1" || return 1
	has_library
	"$pg/bin/pgbench" -h "$state" -U hermes -i -s 2 -q postgres 2>/dev/null
	"$pg/bin/pgbench" -h "$state" -U hermes -n -c 6 -j 2 -t 200 postgres 2>&1 |
		grep 'actually processed'
	postgres_queries
	stop postgres INT
}

postgres()
{
	local usr=${program%/lib/postgresql/15/bin/postgres}

	# It finds its files from where it is; the cache is not for everybody.
	if [[ $usr != /usr ]]; then
		mkdir -p "$work/usr/lib" "$work/usr/share"
		cp -a "$usr/lib/postgresql" "$work/usr/lib/"
		cp -a "$usr/share/postgresql" "$work/usr/share/"
		usr=$work/usr
	fi
	pg=$usr/lib/postgresql/15
	compare "$1" postgres_works
}

start_redis()
{
	LD_PRELOAD=$1 HERMES_CONF=decay=200ms ./redis-server --port 0 --unixsocket "$work/redis.sock" \
		--enable-debug-command yes --save '' --daemonize no --dir "$work/redis" --loglevel warning \
		>redis.log 2>&1 &
	redis_pid=$!
	echo "$redis_pid" >"$work/redis.pid"
	for _ in $(seq 300); do
		# Not before it has loaded its dump: until then it answers LOADING.
		[[ $(redis-cli -s "$work/redis.sock" ping 2>/dev/null) != PONG ]] || return 0
		sleep 0.1
	done
	return 1
}

stop_redis()
{
	redis-cli -s "$work/redis.sock" shutdown "$1" >/dev/null 2>&1
	wait "$redis_pid"
	rm "$work/redis.pid"
}

cli()
{
	redis-cli -s "$work/redis.sock" "$@"
}

# Fill, save in the background while writing goes on, check the dump, load it again.
redis_bgsave()
{
	local digest i

	mkdir -p redis
	start_redis "$library" || return 1
	grep -q libhermes-u "/proc/$redis_pid/maps" || return 1
	redis-benchmark -s "$work/redis.sock" -q -n 60000 -r 20000 -P 16 \
		-t set,lpush,sadd,hset,zadd,incr -d 900 >/dev/null || return 1
	cli eval 'for i = 1, 300 do redis.call("set", "big" .. i, string.rep(i .. "-", 50000)) end
		return 1' 0 >/dev/null || return 1
	for i in 1 2 3; do
		cli bgsave >/dev/null || return 1
		redis-benchmark -s "$work/redis.sock" -q -n 30000 -r 20000 -P 16 -t set,lpush -d 2000 \
			>/dev/null || return 1
		while [[ $(cli info persistence | grep -c rdb_bgsave_in_progress:1) -ne 0 ]]; do
			sleep 0.1
		done
		[[ $(cli info persistence | grep -c rdb_last_bgsave_status:ok) -eq 1 ]] || return 1
		redis-check-rdb redis/dump.rdb >check.log 2>&1 || return 1
	done
	cli eval 'for i = 1, 300, 2 do redis.call("del", "big" .. i) end return 1' 0 >/dev/null
	cli memory purge >/dev/null
	cli bgrewriteaof >/dev/null
	digest=$(cli debug digest)
	[[ $digest =~ ^[0-9a-f]{40}$ && $digest != 000000* ]] || return 1
	cli save >/dev/null || return 1
	stop_redis nosave || return 1
	start_redis "" || return 1
	[[ $digest == "$(cli debug digest)" ]] || return 1
	stop_redis nosave
}

redis()
{
	ln -sf "$(command -v redis-check-rdb)" redis-server
	if redis_bgsave; then
		report "$1" 0
	else
		tail -n 20 redis.log | sed 's/^/# /'
		report "$1" 1
	fi
}

echo "TAP version 13"
have_unpacked "nginx: downloads while its workers are replaced" usr/sbin/nginx &&
	have "nginx: downloads while its workers are replaced" curl &&
	nginx "nginx: downloads while its workers are replaced"
have_unpacked "memcached: what is stored is there" usr/bin/memcached &&
	memcached "memcached: what is stored is there"
have_unpacked "postgres: pgbench, large queries" usr/lib/postgresql/15/bin/postgres &&
	postgres "postgres: pgbench, large queries"
have "redis: BGSAVE under writes, dump loaded elsewhere" redis-check-rdb redis-cli redis-benchmark &&
	redis "redis: BGSAVE under writes, dump loaded elsewhere"
echo "1..$tests"
