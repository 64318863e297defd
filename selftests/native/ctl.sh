#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hermesctl: usage errors, exit codes, what it shows and asks of a fake kernel (fake_genl.c), programs that it
# runs, completion. TAP on stdout.
# usage: ctl.sh BUILD_OUTPUT SOURCE
set -uo pipefail
# shellcheck source=tap.sh
source "$(dirname "${BASH_SOURCE[0]}")/tap.sh"
# shellcheck source=checks.sh
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

out=$(realpath "$1")
source=$(realpath "$2")
man=$source/Documentation/man
work=$(mktemp -d)
export LC_ALL=C PATH=$out/selftests/native/fake:$PATH
unset HERMES_CONF HERMES_LIB LD_PRELOAD HERMES_FAKE_ERROR HERMES_FAKE_EVENTS
export HERMES_FAKE_STATE=$work/state HERMES_FAKE_LOG=$work/log HERMESCTL_CGROUP_ROOT=$work/cgroup
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

real=$out/tools/hermesctl
commands=(status reserves "reserve set" cgroups "be add" "be set" "be del" "lc add" "lc del" "policy get"
	"policy set" auto watch top explain dry-run run metrics)

usage_errors()
{
	refuses hermesctl <<-EOF

		--frobnicate
		frobnicate
		be
		be frobnicate
		status operand
		status --frobnicate
		--json policy set
		metrics --json
		reserves redis
		reserves #
		reserves #1x
		reserves 0
		reserve set 1
		reserve set 1 min
		reserve set 1 min=x
		reserve set 1 min=-1
		reserve set 1 ready=1M
		reserve set 1 decay=10
		reserve set 1 batch=99999999999
		be add
		be add a weight=heavy
		be add a anon=maybe
		be set a
		be del
		be del a b
		lc add a weight=1
		policy set gap
		policy set gap=1M gap=2M
		policy set Gap=1M
		auto a
		auto --slice
		watch --count x
		watch --timeout 1m
		watch --timeout 0
		watch a
		top --interval 0
		top --interval 1s
		explain 1 2
		dry-run --free much
		run
		run --reserve 2M:1M -- true
		run --reserve much -- true
		run --lc -- true
	EOF
}

help_texts()
{
	local command

	exits 0 hermesctl --version && grep -qx 'hermesctl [0-9.]*' out && exits 0 hermesctl --help &&
		exits 0 hermesctl help || return
	for command in "${commands[@]}"; do
		grep -q "^  $command " out || return
	done
	for command in "${commands[@]}"; do
		# shellcheck disable=SC2086 # words of the command
		exits 0 hermesctl help $command && grep -q "^Usage: hermesctl .*$command" out &&
			exits 0 hermesctl $command --help && [[ ! -s err ]] || return
		# Every option is in the man page, and every command.
		grep -oE -- '--[a-z-]+' out | grep -vx -- --json | sort -u >options
		sed 's/\\-/-/g; s/\\fR//g' "$man/hermesctl.8" >page
		grep -qE "^\.B(R|I)? .*$command" page || return
		while read -r option; do
			grep -q -- "$option" page || { echo "# $option is not in the man page"; return 1; }
		done <options
	done
}

# The exit status is 3, and the message says what to do.
without_module()
{
	local command

	if [[ -e /sys/module/hermes ]]; then
		echo "# hermes is loaded"
		return
	fi
	for command in status reserves "reserve set 1 min=1M" cgroups "be add /" "be del #1" "lc add /" \
		"policy get" "policy set gap=1M" auto watch top explain dry-run metrics "--json status"; do
		# shellcheck disable=SC2086 # words of the command
		exits 3 "$real" $command && [[ ! -s out ]] && grep -q "modprobe hermes" err || return
	done
	# What needs none.
	exits 0 "$real" policy set && grep -q '^refill-cpu .*1% to 100% .*50%' out &&
		exits 0 "$real" reserve set && grep -q '^interval .*500us to 1s .*2ms' out &&
		exits 0 "$real" help run
}

status()
{
	exits 0 hermesctl status && grep -q '^hermes 9.8.7, ABI 1, loaded; policy: reclaim is on$' out &&
		grep -qE '^low watermark +100M ' out && grep -qE '^free +300M' out &&
		exits 0 hermesctl --json status &&
		holds out '.loaded and .totals.version == "9.8.7" and .totals.free == 300 * 1048576' &&
		holds out '.policy.enabled == true and .policy.gap == 16777216 and .totals.reserved_max > 1e19'
}

reserves()
{
	exits 0 hermesctl reserves && [[ $(wc -l <out) -eq 3 ]] &&
		grep -qE '^ +3 +[0-9]+ .* 4M +64M +8M +6M +0 +[0-9]+M +10 /a "quoted"\\\?path$' out &&
		exits 0 hermesctl reserves '#4' --json && holds out '.clients | length == 1 and .[0].id == 4' &&
		holds out '.clients[0] | .factor_pct == 150 and (.comm | type == "string")' &&
		exits 0 hermesctl --json reserves id:3 && holds out '.clients[0].id == 3' &&
		exits 1 hermesctl reserves '#9' && grep -q '^hermesctl: #9: no client of Hermes$' err &&
		[[ ! -s out ]] &&
		exits 4 hermesctl reserves '#9' '#3' && grep -qE '^ +3 ' out && grep -q '#9' err
}

# set_all STATUS ARGUMENT...: both clients have one process, which is the one that runs hermesctl.
set_all()
{
	local status=$1

	shift
	# shellcheck disable=SC2016 # for the other shell
	exits "$status" bash -c 'hermesctl reserve set $$ "$@"; exit $?' bash "$@"
}

reserve_set()
{
	: >log
	set_all 0 min=8M factor=1.5 interval=4ms && grep -qx 'client #3 of process [0-9]*: set' out &&
		grep -q '^client #4' out && [[ $(grep '^2 ' log) == $'2 2=3 7=8388608 12=150 13=4000\n2 2=4 7=8388608 12=150 13=4000' ]] &&
		HERMES_FAKE_ERROR="2 34 7 min is above max" set_all 1 min=8G &&
		grep -q '^hermesctl: client #3 of process [0-9]*: min: min is above max (Numerical' err
}

cgroups()
{
	printf '7 1\n8 2\n' >state
	exits 0 hermesctl cgroups && grep -qE '^ +7 best-effort .* 100 .* yes .* 12M .*refault, 400ms +/batch' out &&
		grep -qE '^ +8 latency-critical ' out && exits 0 hermesctl cgroups --json &&
		holds out '.cgroups[0] | .type == "best-effort" and .anon and .backoff_ms == 400' &&
		holds out '.cgroups[1] | .type == "latency-critical" and (has("anon") | not)'
}

registration()
{
	local id

	rm -f state
	mkdir -p cgroup/batch cgroup/web
	id=$(stat -c %i cgroup/batch)
	: >log
	exits 0 hermesctl be add batch weight=50 min=1G rate=64M anon=yes &&
		grep -q '/cgroup/batch: registered$' out && [[ $(cat state) == "$id 1" ]] &&
		grep -qE '^3 2=[0-9]+ 5=1 6=50 7=1073741824 8=67108864 9=1$' log &&
		exits 0 hermesctl be set "$PWD/cgroup/batch" anon=no && grep -qE '^4 2=[0-9]+ 9=0$' log &&
		exits 0 hermesctl be set "#$id" weight=7 && grep -qx "4 3=$id 6=7" log &&
		exits 1 hermesctl lc del batch && grep -q 'is registered as best-effort$' err &&
		exits 0 hermesctl be del "id:$id" && grep -qx "5 3=$id" log &&
		exits 0 hermesctl lc add web && exits 0 hermesctl lc del web &&
		exits 1 hermesctl be add nowhere && grep -q '/cgroup/nowhere: No such file' err &&
		HERMES_FAKE_ERROR='3 13 2 its memory.reclaim may not be written' exits 1 hermesctl be add batch &&
		grep -q ': fd: its memory.reclaim may not be written (Permission denied)$' err
}

policy()
{
	: >log
	exits 0 hermesctl policy get && grep -qx gap=16M out && grep -qx reaction=200ms out && grep -qx cpu=25% out &&
		grep -qx enabled=yes out && mapfile -t settings <out && exits 0 hermesctl policy set "${settings[@]}" &&
		grep -qx '8 2=1 3=16777216 5=200 7=536870912 8=25 15=5000' log &&
		exits 0 hermesctl --json policy get && holds out '.backoff_max_ms == 5000 and .cpu_pct == 25' &&
		HERMES_FAKE_ERROR='8 34 8 out of its range' exits 1 hermesctl policy set gap=1M cpu=200 &&
		grep -q '^hermesctl: policy: cpu: out of its range (Numerical' err
}

auto_finds()
{
	rm -rf cgroup state
	mkdir -p cgroup/kubepods.slice/kubepods-besteffort.slice/pod1/kubepods-besteffort.slice \
		cgroup/kubepods/besteffort cgroup/system.slice cgroup/my.slice/batch-1/batch-2 cgroup/web.slice
	cat >slices.conf <<-EOF
		# a comment

		best-effort batch-* weight=200 anon=yes # another
		latency-critical web.slice
	EOF
	: >log
	exits 0 hermesctl auto --dry-run --config slices.conf && [[ ! -e state ]] &&
		[[ $(grep -c 'would be registered as best-effort$' out) -eq 3 ]] &&
		exits 0 hermesctl auto --config slices.conf && [[ $(grep -c ': registered as best-effort$' out) -eq 3 ]] &&
		grep -qx 'web.slice: registered as latency-critical' out && ! grep -q system.slice out &&
		[[ $(wc -l <state) -eq 4 ]] && grep -qE '^3 2=[0-9]+ 5=1 6=200 9=1$' log &&
		exits 0 hermesctl auto --config slices.conf && [[ $(grep -c ': is registered as ' out) -eq 4 ]] &&
		[[ $(wc -l <state) -eq 4 ]] &&
		exits 4 hermesctl auto --lc 'batch-*' --slice /system.slice --anon --config /dev/null &&
		grep -qx 'system.slice: registered as best-effort' out && grep -qE '^3 2=[0-9]+ 5=1 9=1$' log &&
		grep -q 'batch-1: is registered as best-effort, not latency-critical: left as it is' err &&
		rm -rf cgroup/* && exits 0 hermesctl auto --config /dev/null && grep -q 'no cgroup below .* matches' out
}

auto_refuses()
{
	local line

	while read -r line; do
		printf '# first\n%s\n' "$line" >slices.conf
		exits 1 hermesctl auto --config slices.conf && grep -q '^hermesctl: slices.conf:2: .' err || return
	done <<-EOF
		best-effort
		batch a
		best-effort a weight
		best-effort a color=red
		latency-critical a weight=1
	EOF
	exits 1 hermesctl auto --config /nonexistent && grep -q '^hermesctl: /nonexistent: ' err
	mkdir -p cgroup/kubepods/besteffort
	rm -f state
	HERMES_FAKE_ERROR='3 1 2 no' exits 1 hermesctl auto --config /dev/null && grep -q '^hermesctl: kubepods/' err
}

watch()
{
	export HERMES_FAKE_EVENTS=4
	exits 0 hermesctl watch --count 3 && [[ $(wc -l <out) -eq 5 ]] &&
		[[ $(sed -n 1p out) == '1.500 misses client #3: 9, cause shrink; ready 0 of 0' ]] &&
		[[ $(sed -n 2p out) == 'lost events: they came faster than they were read' ]] &&
		[[ $(sed -n 3p out) == 'lost 4 events' ]] &&
		sed -n 4p out | grep -qF '/batch?[2J: it has the most file cache' &&
		exits 0 hermesctl watch --json --timeout 0.2 && [[ $(jq -sc 'map(.type)' out) == \
			'["misses","lost","lost","step","step"]' ]] &&
		[[ $(jq -sc '.[2].events, .[3].decision.got, .[3].decision.error' out | xargs) == '4 3145728 -11' ]] &&
		exits 1 hermesctl watch --count 9 --timeout 0.2
}

top()
{
	exits 0 hermesctl top --interval 0.1 --count 2 && [[ $(grep -c '^free 300M, watermarks 100M to 116M' out) -eq 2 ]] &&
		[[ $(grep -cE '^ +3 .*M/s ' out) -eq 2 ]] && ! grep -q $'\033' out &&
		exits 0 hermesctl --json top --interval 0.1 --count 2 && [[ $(wc -l <out) -eq 2 ]] &&
		holds out '.clients[0].rates.consumed | . > 1048576 and . < 10.5 * 1048576' &&
		holds out '.totals.rates.steps > 1 and .seconds >= 0.1 and (.cgroups | type == "array")'
}

explain()
{
	exits 0 hermesctl explain && grep -q '^  7 (70%): the reserve was used up faster' out &&
		grep -q '^    raise min to the size of a burst' out && grep -q '^    raise memory.high' out &&
		grep -qE 's ago, 3 steps until .*: free memory fell below the low watermark \(90M free' out &&
		grep -q '^  Asked for 12M, got 9M in 6ms (CPU 3ms).$' out && grep -q '/batch?\[2J: it has' out &&
		grep -q ', 7 times until' out && grep -q 'Nobody: those that have are all backing off; candidates: 2.' out &&
		exits 0 hermesctl explain --last 1 '#4' && [[ $(grep -c ^Client out) -eq 1 ]] &&
		grep -q '^(1 earlier ones: --last 0)$' out && ! grep -q Asked out &&
		exits 0 hermesctl explain --json && holds out '.decisions | length == 4' &&
		holds out '.clients[0].causes | length == 2 and .[0].cause == "burst" and .[0].misses == 7' &&
		exits 1 hermesctl explain '#9'
}

dry_run()
{
	: >log
	exits 0 hermesctl dry-run && grep -q '^With 300M free (watermarks 100M to 116M) the controller would reclaim from:$' out && grep -qx '11 6=314572800' log &&
		exits 0 hermesctl dry-run --free 20M && grep -q '^With 20M free' out &&
		grep -q '^  It would ask for 4M.$' out && exits 0 hermesctl --json dry-run --free 1M &&
		holds out '.free == 1048576 and .trigger == "dry-run" and .choice == "file"'
}

metrics()
{
	printf '7 1\n' >state
	exits 0 hermesctl metrics && grep -qx 'hermes_info{version="9.8.7",abi="1"} 1' out &&
		grep -qx hermes_controller_cpu_seconds_total\ 0.0025 out && grep -qx 'hermes_policy_cpu_ratio 0.25' out &&
		grep -q '^hermes_client_misses_total{client="3",.*,cgroup="/a \\"quoted\\"\\\\\\npath",cause="burst"} 7$' out &&
		grep -q '^hermes_cgroup_reclaim_got_bytes_total{id="7",cgroup="/batch",type="best-effort"} 12582912$' out ||
		return
	# Every line is a comment or a sample; no metric twice, and each has its type.
	! grep -vE '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{.*\})? [0-9.e+-]+)$' out &&
		[[ -z $(grep '^# TYPE' out | cut -d ' ' -f 3 | sort | uniq -d) ]] &&
		[[ $(grep -v '^#' out | sed 's/[{ ].*//' | uniq | sort | uniq -d) == "" ]]
}

full_disk()
{
	timeout "$limit" hermesctl status >/dev/full 2>err
	[[ $? -eq 1 ]] && grep -q 'standard output: No space' err &&
		{ timeout "$limit" hermesctl --json status >/dev/full 2>err; [[ $? -eq 1 ]]; }
}

runs()
{
	# shellcheck disable=SC2016 # for the other shell
	local show='echo "$LD_PRELOAD|$HERMES_CONF|$1"'

	exits 0 "$real" run --reserve 8M:256M --conf verbose=0,factor=3 -- sh -c "$show" sh -x &&
		[[ $(cat out) == "$out/tools/../ulib/libhermes-u.so.0|verbose=0,factor=3,reserve_min=8M,reserve_max=256M|-x" ]] &&
		exits 0 env LD_PRELOAD=libc.so.6 HERMES_CONF=stats=0 "$real" run --reserve 1M -- sh -c "$show" sh &&
		[[ $(cat out) == "$out/tools/../ulib/libhermes-u.so.0:libc.so.6|stats=0,reserve_min=1M|" ]] &&
		exits 0 env HERMES_LIB="$out/ulib/libhermes-u.so.0" "$real" run sh -c "$show" sh &&
		[[ $(cat out) == "$out/ulib/libhermes-u.so.0||" ]] &&
		exits 0 env HERMES_CONF=backend=populate,verbose "$real" run -- ls / && grep -q '^hermes-u: ' err &&
		exits 1 env HERMES_LIB=/nonexistent "$real" run true && grep -q '^hermesctl: HERMES_LIB: /nonexistent' err &&
		exits 1 env HERMES_LIB='/a b' "$real" run true && exits 127 "$real" run nonexistent-program &&
		exits 126 "$real" run "$work" && exits 7 "$real" run -- sh -c 'exit 7'
}

# Beside nothing, the name alone is preloaded.
runs_elsewhere()
{
	cp "$real" hermesctl
	# shellcheck disable=SC2016 # for the other shell
	exits 0 ./hermesctl run sh -c 'echo "$LD_PRELOAD"' && [[ $(cat out) == libhermes-u.so.0 ]]
}

runs_in_cgroup()
{
	rm -rf cgroup state
	mkdir -p cgroup/service
	touch cgroup/service/cgroup.procs cgroup/cgroup.subtree_control
	: >log
	exits 0 hermesctl run --cgroup service --lc -- true && [[ $(cat cgroup/service/cgroup.procs) == 0 ]] &&
		[[ $(cat cgroup/cgroup.subtree_control) == +memory && $(cut -d ' ' -f 2 state) == 2 ]] &&
		[[ $(grep -c '^3 ' log) -eq 1 ]] || return
	# It is registered already: as latency-critical all is well, else there is a warning.
	HERMES_FAKE_ERROR='3 17 2 registered already' exits 0 hermesctl run --cgroup service --lc -- true &&
		! grep -q registered err && rm state &&
		HERMES_FAKE_ERROR='3 17 2 registered already' exits 0 hermesctl run --cgroup service --lc -- true &&
		grep -q 'service is not registered: fd: registered already (File exists)$' err &&
		exits 1 hermesctl run --cgroup a/b -- true && grep -q '^hermesctl: create cgroup .*/a/b: No such' err &&
		exits 1 hermesctl run --cgroup new -- true && grep -q '^hermesctl: enter cgroup .*/new: No such' err &&
		[[ -d cgroup/new ]] || return
	[[ -e /sys/module/hermes ]] || {
		exits 0 "$real" run --cgroup service --lc -- true && grep -q 'the module hermes is not loaded' err &&
			exits 0 "$real" run --cgroup service -- true && ! grep -q module err
	}
}

# words LINE...: what bash offers for the last word
words()
{
	bash -c '
		shopt -u progcomp_alias
		source "$1"
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_hermesctl
		printf "%s\n" "${COMPREPLY[@]}"' bash "$source/tools/ctl/hermesctl.bash-completion" "$@" >offered
}

completion()
{
	local command

	words hermesctl '' || return
	for command in "${commands[@]}"; do
		grep -qx -- "${command%% *}" offered || return
	done
	words hermesctl policy '' && [[ $(xargs <offered) == "get set" ]] &&
		words hermesctl --json policy g && [[ $(xargs <offered) == get ]] &&
		words hermesctl policy set ref && [[ $(xargs <offered) == "refill-cpu= refault=" ]] &&
		words hermesctl auto --s && [[ $(xargs <offered) == --slice ]] || return
	# It knows all keys.
	for command in "policy set" "reserve set"; do
		# shellcheck disable=SC2086 # words of the command
		exits 0 hermesctl $command && sed '1d; s/ .*/=/' out | sort >keys &&
			words hermesctl $command ${command/#policy set/} '' || return
		[[ $command == "policy set" ]] || words hermesctl reserve set 1 ''
		sort offered | diff - keys >differences || { sed 's/^/# /' differences; return 1; }
	done
}

man_page()
{
	command -v man >/dev/null || return 0
	exits 0 man --warnings -E UTF-8 -l "$man/hermesctl.8" && [[ ! -s err ]]
}

echo "TAP version 13"
check "usage errors" usage_errors
check "help, and the man page has every option" help_texts
check "the man page is well-formed" man_page
check "without the module" without_module
check "run: environment and exit codes" runs
check "run: where no library is near" runs_elsewhere
check "run: cgroup" runs_in_cgroup
check "completion" completion
if ! command -v jq >/dev/null; then
	skip "what the module answers" "no jq"
else
	for test in status reserves reserve_set cgroups registration policy auto_finds auto_refuses watch top \
		explain dry_run metrics full_disk; do
		check "$test" "$test"
	done
fi
echo "1..$tests"
