# SPDX-License-Identifier: GPL-2.0-only
# One result line from what a run left: see Documentation/evaluation-format.md.

def mib: . / 1048576 * 1000 | round / 1000;
def diff(f): if $before == null or $after == null then null else ($after | f) - ($before | f) end;
def totals(f): if $before.hermes == null or $after.hermes == null then null
	else ($after.hermes.totals | f) - ($before.hermes.totals | f) end;
def rate(f): $job | if . == null or (f == null) or ((.elapsed_s // 0) <= 0) then null else (f | mib) / .elapsed_s end;
def mean: if length == 0 then null else add / length end;
def known: with_entries(select(.value != null));

($run | split("/")) as [$setting, $load_name, $allocator, $round]
# The sampler ends later than the load.
| (($after.t // 0) - ($before.t // 0) + 1) as $length
| ($setting | capture("^(?<name>.*)-(?<level>[0-9]+)$")) as $s
| {
	cell: ($run | sub("/[0-9]+$"; "")),
	setting: $s.name,
	level: ($s.level | tonumber),
	load: $load_name,
	allocator: $allocator,
	round: ($round | tonumber),
	job: (if $s.name == "dedicated" then null
		elif ($s.name | IN("anon", "cache", "writeback", "both")) then "pressure" else $s.name end),
	status: (if $status == "ok" then "ok" else "failed" end)
}
+ if $status != "ok" then {why: $status} else {
	open_loop: ($load_name | startswith("rocksdb") | not),
	elapsed_s: $load.elapsed_s,
	latency_ns: $load.latency_ns,
	hist: $hist,
	process: ({
		minor_faults: $load.process.minflt,
		major_faults: $load.process.majflt,
		hwm_kib: $load.process.vm_hwm_kib,
		rss_kib: $load.process.vm_rss_kib,
		cpu_s: (diff(.service_cpu_us) | if . == null then null else . / 1000000 end)
	} | known),
	system: ({
		allocstall: diff(.allocstall),
		pswpin: diff(.pswpin),
		pswpout: diff(.pswpout),
		oom_kill: diff(.oom_kill),
		busy_s: (diff(.busy_ms) | if . == null then null else . / 1000 end)
	} | known),
	stalled_ms: (diff(.psi_some_us) | if . == null then null else . / 1000 end),
	hermes: (if ($allocator | startswith("hermes") | not) then null else ({
		hits: $library.hits,
		misses: $library.misses,
		reserve_cpu_ms: (if $allocator == "hermes-populate" then $thread_ms
			else (totals(.refill_ns) | if . == null then null else . / 1e6 end) end),
		reclaim_cpu_ms: (totals(.cpu_ns) | if . == null then null else . / 1e6 end),
		reclaimed_mib: (totals(.got) | if . == null then null else mib end),
		reserve_mib: ([($samples // [])[] | .totals.reserved // empty] | mean | if . == null then null else mib end)
	} | known) end),
	batch: (if $job == null then null else ({
		anon_mib_s: rate(.anon.bytes),
		file_mib_s: rate(.file.bytes),
		churn_mib_s: rate(.churn.bytes),
		write_mib_s: rate(.write.bytes),
		ops_s: (if $job.passes == null or (($job.elapsed_s // 0) <= 0) then null else $job.passes / $job.elapsed_s end)
	} | known) end),
	reclaim_loop: $loop,
	timeline: [($samples // [])[] | select(.t <= $length) | ({
		t: (.t * 100 | round / 100),
		free_mib: (.free_kib / 1024 * 10 | round / 10),
		ready_mib: (if .totals == null then null else (.totals.reserved | mib) end),
		misses: (if .totals == null then null else .totals.misses - ($before.hermes.totals.misses // 0) end),
		reclaimed_mib: (if .totals == null then null else .totals.got - ($before.hermes.totals.got // 0) | mib end),
		job_mib: (.job | mib)
	} | known)]
} end
| if .hist == null then del(.hist) else . end
