# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034 # used by the scripts that read this
# What the demo does, in numbers. Each can be overridden from the environment of tools/demo/run.

# The virtual machine: too little memory for all that runs in it.
demo_kernel=${DEMO_KERNEL:-6.1}
demo_mem_mib=${DEMO_MEM_MIB:-1024}
demo_swap_mib=${DEMO_SWAP_MIB:-3072}
demo_cpus=${DEMO_CPUS:-2}
demo_accel=${DEMO_ACCEL:-auto}

# Runs of each case with each allocator; no new round is begun after so many seconds in the guest.
demo_rounds=${DEMO_ROUNDS:-3}
demo_budget_s=${DEMO_BUDGET_S:-600}

# The best-effort job: anonymous memory written and a file read over and over, bytes per second, and
# working memory that is got, written and freed in bursts. Or file cache only: clean, or being written, too.
demo_job=${DEMO_JOB:-mixed}
case $demo_job in
mixed) demo_job_sizes=(800M 64M 300M 30M 0) ;;
cache) demo_job_sizes=(0 0 1400M 150M 0) ;;
writeback) demo_job_sizes=(0 0 1000M 100M 30M) ;;
*) echo "DEMO_JOB: $demo_job is not mixed, cache or writeback" >&2; exit 2 ;;
esac
hog_anon=${DEMO_HOG_ANON:-${demo_job_sizes[0]}}
hog_anon_rate=${DEMO_HOG_ANON_RATE:-60M}
hog_churn=${DEMO_HOG_CHURN:-${demo_job_sizes[1]}}
hog_churn_rate=${DEMO_HOG_CHURN_RATE:-64M}
hog_file=${DEMO_HOG_FILE:-${demo_job_sizes[2]}}
hog_file_rate=${DEMO_HOG_FILE_RATE:-${demo_job_sizes[3]}}
hog_write_rate=${DEMO_HOG_WRITE_RATE:-${demo_job_sizes[4]}}
# A run begins when no more than this is free: about where the kernel stops reclaiming by itself.
short_mib=${DEMO_SHORT_MIB:-100}

# Redis inserts by the size of the value: requests per second, how many arrive together (pipelined),
# number of requests, values that are read back and compared.
redis_1k_rate=${DEMO_REDIS_1K_RATE:-2400}
redis_1k_pipeline=${DEMO_REDIS_1K_PIPELINE:-16}
redis_1k_count=${DEMO_REDIS_1K_COUNT:-36000}
redis_1k_checks=${DEMO_REDIS_1K_CHECKS:-3000}
redis_200k_rate=${DEMO_REDIS_200K_RATE:-60}
redis_200k_pipeline=${DEMO_REDIS_200K_PIPELINE:-1}
redis_200k_count=${DEMO_REDIS_200K_COUNT:-1000}
redis_200k_checks=${DEMO_REDIS_200K_CHECKS:-100}

# hermes-bench: bytes requested and bytes per second.
bench_total=${DEMO_BENCH_TOTAL:-200M}
bench_pace=${DEMO_BENCH_PACE:-20M}

# The allocator that is compared with glibc's; others than Hermes are for developing the demo.
candidate_name=${DEMO_CANDIDATE:-hermes}
candidate_preload=${DEMO_PRELOAD:-}
candidate_map=${DEMO_MAP:-/dev/hermes}
candidate_conf=${DEMO_HERMES_CONF:-reserve_min=32M,reserve_max=128M}

# Whether hermes.ko reclaims from the best-effort job in the candidate's runs, and how it differs from the default
# policy. An emulated processor needs many times the CPU time for a page, so the budget is no limit here.
candidate_reclaim=${DEMO_RECLAIM:-yes}
candidate_policy=${DEMO_POLICY:-cpu=100}

demo_cases=${DEMO_CASES:-redis-1k redis-200k bench-1k bench-256k}
