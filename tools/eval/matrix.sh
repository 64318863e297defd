# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash # sourced by tools/eval/run
# Which cells the evaluation has. A line is a cell: SETTING LEVEL LOAD ALLOCATOR.

peers="glibc glibc-tuned jemalloc jemalloc-bg tcmalloc mimalloc mimalloc-eager"
loop_peers="glibc+loop glibc-tuned+loop jemalloc+loop tcmalloc+loop mimalloc+loop"
subjects="hermes-populate hermes-kmod hermes"
all_allocators="$peers $loop_peers $subjects ideal"
all_loads="bench-1k bench-256k bench-2m paced-1k paced-256k paced-2m redis-1k redis-200k
	redis-mixed-1k redis-mixed-200k rocksdb-1k rocksdb-200k memcached-1k"
# Settings other than anon-100 and dedicated-0 are of use to these; levels other than 100 to the next.
key_loads="paced-1k paced-256k redis-1k redis-200k rocksdb-200k"
level_loads="paced-1k redis-200k"
# Where the job is a real program.
batch_settings="grep-100 kmeans-100 stress-100"

# cells SETTINGS LOADS ALLOCATORS
cells()
{
	local setting load allocator

	for setting in $1; do
		for load in $2; do
			for allocator in $3; do
				# Nothing is reclaimed where there is no job.
				[[ $setting == dedicated-0 && ($allocator == *+loop || $allocator == hermes-kmod) ]] ||
					echo "${setting%-*} ${setting##*-} $load $allocator"
			done
		done
	done
}

# One parameter at a time, in the setting where the reserve matters most.
sensitivity_cells()
{
	local value

	for value in factor=0.5 factor=1 factor=1.5 factor=2 factor=3 reserve_min=1M reserve_min=4M reserve_min=16M \
		reserve_min=64M interval=500us interval=2ms interval=10ms interval=50ms batch=16K batch=64K \
		batch=256K batch=1M; do
		echo "anon 100 paced-1k hermes:$value"
	done
}

quick_cells()
{
	cells anon-100 paced-1k "glibc glibc+loop jemalloc mimalloc hermes-populate hermes-kmod hermes ideal"
	cells anon-100 redis-200k "glibc glibc+loop mimalloc hermes ideal"
	cells anon-100 paced-256k "glibc mimalloc hermes ideal"
	cells dedicated-0 "paced-1k redis-200k" "glibc hermes ideal"
	cells anon-100 rocksdb-200k "glibc hermes"
	cells cache-100 paced-1k "glibc hermes"
	cells anon-100 memcached-1k "glibc hermes"
	echo "anon 100 paced-1k hermes:reserve_min=1M"
}

full_cells()
{
	local few="glibc jemalloc mimalloc mimalloc+loop hermes-kmod hermes ideal"

	cells "anon-100 dedicated-0" "$all_loads" "$all_allocators"
	sensitivity_cells
	cells "cache-100 writeback-100 both-100" "$key_loads" "$all_allocators"
	cells "anon-50 anon-75 anon-125 anon-150 cache-50 cache-75 cache-125 cache-150" "$level_loads" "$few"
	cells "$batch_settings" "$level_loads" "$few"
}
