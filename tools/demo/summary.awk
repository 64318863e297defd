# SPDX-License-Identifier: GPL-2.0-only
# One line per case and metric from one line per run (columns: see run_lines() in report).
# in:  case allocator round, then the metrics named in -v metrics
# out: case metric, then median minimum maximum of glibc and of the candidate, then their ratio
BEGIN {
	FS = OFS = "\t"
	nr_metrics = split(metrics, metric, " ")
	allocators[1] = "glibc"
	allocators[2] = candidate
}

{
	if (!($1 in seen)) {
		seen[$1] = 1
		order[++nr_cases] = $1
	}
	n = ++runs[$1, $2]
	for (m = 1; m <= nr_metrics; m++)
		value[$1, $2, m, n] = $(3 + m)
}

# Sorts v[1..n].
function sort(v, n,	i, j, x)
{
	for (i = 2; i <= n; i++) {
		x = v[i]
		for (j = i - 1; j > 0 && v[j] > x; j--)
			v[j + 1] = v[j]
		v[j + 1] = x
	}
}

function spread(c, a, m,	i, n, v)
{
	n = runs[c, a]
	for (i = 1; i <= n; i++)
		v[i] = value[c, a, m, i] + 0
	sort(v, n)
	low = v[1]
	high = v[n]
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

END {
	for (c = 1; c <= nr_cases; c++) {
		for (m = 1; m <= nr_metrics; m++) {
			line = order[c] OFS metric[m]
			for (a = 1; a <= 2; a++) {
				median[a] = spread(order[c], allocators[a], m)
				line = line OFS median[a] OFS low OFS high
			}
			print line, median[1] ? median[2] / median[1] : 0
		}
	}
}
