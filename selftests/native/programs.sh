#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Real programs with the library preloaded: same output as without it. TAP on stdout.
# usage: programs.sh LIBRARY SOURCE_TREE
# shellcheck disable=SC2016 # other languages in single quotes
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
# shellcheck source=preload.sh
source "$(dirname "${BASH_SOURCE[0]}")/preload.sh"

tree=$(realpath "$2")
preload_begin "$1"

python_objects()
{
	/usr/bin/python3 -c '
import json, random, re, threading, zlib, hashlib, collections
random.seed(1)
out = []
def work(n):
    d = collections.defaultdict(list)
    for i in range(40000):
        d[str(i * 7919 % 4999)].append("x" * (i % 300))
    s = json.dumps(d, sort_keys=True)
    assert json.loads(s) == d
    z = zlib.compress(s.encode())
    assert zlib.decompress(z).decode() == s
    out.append(hashlib.sha256(s.encode()).hexdigest())
ts = [threading.Thread(target=work, args=(i,)) for i in range(4)]
[t.start() for t in ts]; [t.join() for t in ts]
print(sorted(set(out)), len(re.findall("a+b", "aab" * 100000)))
b = bytearray()
for i in range(200000): b += b"12345678" * (i % 9)
print(len(b), hashlib.md5(b).hexdigest())
print(2 ** 100000 % 1000007, sum(random.random() for _ in range(100000)))'
}

python_processes()
{
	/usr/bin/python3 -c '
import multiprocessing as mp, subprocess, os
def f(n): return sum(len(str(i)) * [1, 2][i % 2] for i in range(n)), len([b"x" * i for i in range(2000)])
if __name__ == "__main__":
    with mp.get_context("fork").Pool(4) as p: print(p.map(f, range(20000, 20040)))
    print([subprocess.run(["echo", str(i)], capture_output=True).stdout for i in range(30)])
    for i in range(50):
        pid = os.fork()
        if pid == 0:
            x = [bytes(j) for j in range(3000)]
            os._exit(len(x) % 256)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))'
}

# Parts of Python's own test suite, where it is installed; not those of the locks, which give a thread 100 ms to run: on
# a busy machine it may not.
python_suite()
{
	local log=$work/python.log

	if ! /usr/bin/python3 -c 'import test.test_list' 2>/dev/null; then
		skip "$1" "no libpython3-testsuite"
		return
	fi
	LD_PRELOAD=$library /usr/bin/python3 -m test -j2 test_list test_dict test_set test_bytes \
		test_array test_memoryview test_struct test_deque test_unicode test_json test_re \
		test_zlib test_bz2 test_lzma test_heapq test_itertools test_thread test_threading \
		test_fork1 -i '*LockTests' -i 'Condition*Tests' -i '*SemaphoreTests' \
		-i BarrierTests -i EventTests >"$log" 2>&1 &&
		grep -q 'Tests result: SUCCESS' "$log"
	report "$1" $?
	tail -n 3 "$log" | sed 's/^/# /'
}

perl_program()
{
	perl -e '
my (%h, @a);
for my $i (1 .. 200000) { $h{"k" . $i % 5000} .= chr(65 + $i % 26); push @a, $i x 3 if $i % 3 }
print join(",", map { length $h{$_} } (sort keys %h)[0 .. 20]), "\n";
@a = sort { $b <=> $a } @a; print "@a[0 .. 5] ", scalar @a, "\n";
my $s = join " ", @a; my $n = () = $s =~ /1(\d)1/g; print "$n\n";
for (1 .. 40) { my $p = fork; if (!$p) { my @b = map { "y" x $_ } 1 .. 2000; exit @b % 256 } waitpid $p, 0; print $? >> 8, "\n" }'
}

git_repository()
{
	git init -q -b main .
	git config user.name t
	git config user.email t@t
	for i in $(seq 25); do
		mkdir -p "d$((i % 5))"
		seq "$i" $((i * 400)) >"d$((i % 5))/f$i"
		git add .
		GIT_AUTHOR_DATE="2020-01-01T00:00:$i" GIT_COMMITTER_DATE="2020-01-01T00:00:$i" \
			git commit -q -m "commit $i"
	done
	git gc -q --aggressive
	git fsck --strict
	git clone -q . ../clone
	git -C ../clone log --stat | cksum
	git -C ../clone grep -c 77 | cksum
	git rev-parse HEAD
	rm -rf ../clone .git
}

sqlite_database()
{
	sqlite3 db 'PRAGMA journal_mode=MEMORY;
		CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
		WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
		INSERT INTO t SELECT i, printf("%d-%s", i * 7919 % 10007, hex(i)), i * 1.5 FROM n;
		CREATE INDEX tb ON t(b);
		SELECT count(*), sum(length(b)), sum(c) FROM t;
		SELECT b, count(*) FROM t GROUP BY substr(b, 1, 3) ORDER BY 2 DESC, 1 LIMIT 10;
		DELETE FROM t WHERE a % 3 = 0; VACUUM; PRAGMA integrity_check;'
	cksum <db
}

gcc_library()
{
	gcc -O2 -std=gnu11 -fPIC -I"$tree/ulib/include" -I"$tree/uapi" -c "$tree"/ulib/*.c
	cksum ./*.o
}

clang_library()
{
	clang -O2 -std=gnu11 -fPIC -I"$tree/ulib/include" -I"$tree/uapi" -c "$tree"/ulib/*.c
	cksum ./*.o
}

gxx_program()
{
	printf '%s\n' '#include <map>' '#include <regex>' '#include <iostream>' \
		'int main() { std::map<std::string, int> m; std::regex r("(a|b)+c");' \
		'for (int i = 0; i < 9999; i++) m[std::to_string(i % 77)]++;' \
		'std::cout << m.size() << std::regex_match("ababc", r) << std::endl; }' >p.cc
	g++ -O2 -o p p.cc
	./p
}

node_program()
{
	node -e '
const { Worker, isMainThread, parentPort } = require("worker_threads");
const zlib = require("zlib"), crypto = require("crypto");
const sum = b => crypto.createHash("sha256").update(b).digest("hex");
function work(n) {
  const o = {};
  for (let i = 0; i < 30000; i++) (o["k" + i * 7919 % 4999] ||= []).push("x".repeat(i % 200) + n);
  const text = JSON.stringify(o), z = zlib.gzipSync(text);
  if (zlib.gunzipSync(z).toString() !== text) throw "zlib";
  if (JSON.stringify(JSON.parse(text)) !== text) throw "json";
  const list = [];
  for (let i = 0; i < 3000; i++) list.push(Buffer.alloc(i % 5000, i));
  return [sum(text), sum(Buffer.concat(list)), sum(new Uint32Array(1 << 20).fill(n))];
}
const source = `${work}; const zlib = require("zlib"), crypto = require("crypto");
  const sum = ${sum}; const w = require("worker_threads"); w.parentPort.postMessage(work(w.workerData));`;
const runs = [1, 2, 3, 4].map(n => new Promise((ok, no) => {
  const w = new Worker(source, { eval: true, workerData: n }); w.on("message", ok); w.on("error", no); }));
Promise.all(runs).then(r => { console.log(r); console.log(work(9)); });
zlib.deflate(Buffer.alloc(9000000, "hermes"), (e, z) => zlib.inflate(z, (e, b) => console.log(sum(b))));' |
		sort
}

sorting()
{
	seq 600000 | awk '{ print $1 * 7919 % 1000003, $1 }' >in
	sort --parallel=4 -S 20M in | cksum
	sort -n -r -k2 in | head -n 1000 | cksum
	xz -T 2 -k in
	xz -dc in.xz | cksum
}

echo "TAP version 13"
have "python3: objects, threads" /usr/bin/python3 && compare "python3: objects, threads" python_objects
have "python3: processes" /usr/bin/python3 && compare "python3: processes" python_processes
have "python3: own tests" /usr/bin/python3 && python_suite "python3: own tests"
have perl perl && compare "perl: hashes, fork" perl_program
have git git && compare "git: commit, gc, fsck, clone" git_repository
have sqlite3 sqlite3 && compare "sqlite3: index, vacuum" sqlite_database
have gcc gcc && compare "gcc: build the library" gcc_library
have clang clang && compare "clang: build the library" clang_library
have g++ g++ && compare "g++: build and run" gxx_program
have node node && compare "node: JSON, buffers, zlib, workers" node_program
have sort sort xz && compare "sort, awk, xz: threads" sorting
echo "1..$tests"
