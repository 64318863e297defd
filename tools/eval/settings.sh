# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the scripts that read this
# The evaluation in numbers. Each can be overridden from the environment of tools/eval/run.

# The virtual machine.
eval_kernel=${EVAL_KERNEL:-6.1}
eval_mem_mib=${EVAL_MEM_MIB:-1024}
eval_swap_mib=${EVAL_SWAP_MIB:-3072}
eval_disk_mib=${EVAL_DISK_MIB:-4096}
eval_cpus=${EVAL_CPUS:-2}
eval_accel=${EVAL_ACCEL:-auto}
# One cell may take so long, and so may getting memory short before it.
eval_cell_limit_s=${EVAL_CELL_LIMIT_S:-120}
# The time line has a sample every so many seconds.
eval_sample_s=${EVAL_SAMPLE_S:-1}

# Best-effort jobs: bytes per second. How much they use is the level, in percent of memory.
job_anon_rate=${EVAL_JOB_ANON_RATE:-60M}
job_file_rate=${EVAL_JOB_FILE_RATE:-100M}
job_write_rate=${EVAL_JOB_WRITE_RATE:-30M}
# Besides, working memory that is got, written and freed.
job_churn=${EVAL_JOB_CHURN:-64M}
job_churn_rate=${EVAL_JOB_CHURN_RATE:-64M}
# Of the processors the job gets this weight, the service 100.
job_cpu_weight=${EVAL_JOB_CPU_WEIGHT:-10}
# A level of 100 and more means that memory is short: a run begins when no more than this is free.
short_mib=${EVAL_SHORT_MIB:-100}
short_wait_s=${EVAL_SHORT_WAIT_S:-60}

# hermes-bench: bytes requested without a pause; in bursts, with the milliseconds between these.
bench_total=${EVAL_BENCH_TOTAL:-128M}
paced_total=${EVAL_PACED_TOTAL:-128M}
paced_burst=${EVAL_PACED_BURST:-4M}
paced_gap_ms=${EVAL_PACED_GAP_MS:-200}

# Redis: requests per second, how many arrive together, how many requests; so for each size.
redis_1k=${EVAL_REDIS_1K:-2400 16 24000}
redis_200k=${EVAL_REDIS_200K:-60 1 700}
redis_mixed_1k=${EVAL_REDIS_MIXED_1K:-2400 16 36000}
redis_mixed_200k=${EVAL_REDIS_MIXED_200K:-60 1 900}
redis_connections=${EVAL_REDIS_CONNECTIONS:-8}
# Percent of the requests that read in the mixed loads.
mixed_reads=${EVAL_MIXED_READS:-50}

# memcached: requests per second, number of requests, memory in MiB.
memcached_1k=${EVAL_MEMCACHED_1K:-600 6000}
memcached_mib=${EVAL_MEMCACHED_MIB:-256}

# RocksDB (db_bench fillrandom, no write-ahead log): number of writes, bytes per second.
rocksdb_1k=${EVAL_ROCKSDB_1K:-60000 8388608}
rocksdb_200k=${EVAL_ROCKSDB_200K:-500 16777216}
rocksdb_buffer=${EVAL_ROCKSDB_BUFFER:-33554432}

# Hermes: the reserve as one sizes it for such a service.
hermes_conf=${EVAL_HERMES_CONF:-reserve_min=32M,reserve_max=128M}
# An emulated processor needs many times the CPU time for a page: the budget is no limit here.
hermes_policy=${EVAL_HERMES_POLICY:-cpu=100}
# The ideal: so much memory is populated and locked before.
ideal_bytes=${EVAL_IDEAL_BYTES:-176M}

# The external loop: looks every so many milliseconds, and reclaims what is missing of this much free
# memory, in steps of at most 8 MiB, unless the job itself stalled for more than this share of the time.
loop_ms=${EVAL_LOOP_MS:-200}
loop_free_mib=${EVAL_LOOP_FREE_MIB:-96}
loop_stall_pct=${EVAL_LOOP_STALL_PCT:-20}
