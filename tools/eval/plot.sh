# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# Sourced by report: the pictures. plot_all RESULTS SUMMARY DIR writes DIR/GROUP.KIND.svg; DIR holds the curves, too;
# $here is the directory of the filters.
# Ranges are given in full: gnuplot warns of those that it has to guess from too little.
# shellcheck disable=SC2154 # here

# color_of ALLOCATOR: the same everywhere, readable on black and on white
color_of()
{
	case $1 in
	glibc) echo '#8a8a8a' ;;
	glibc-tuned) echo '#b08d57' ;;
	jemalloc) echo '#c0392b' ;;
	jemalloc-bg) echo '#e58e84' ;;
	tcmalloc) echo '#e08e0b' ;;
	mimalloc) echo '#1e8449' ;;
	mimalloc-eager) echo '#7dc995' ;;
	hermes-populate) echo '#8e5bd0' ;;
	hermes-kmod) echo '#5fb4e8' ;;
	hermes) echo '#1f6fd2' ;;
	ideal) echo '#d648a8' ;;
	*+loop) color_of "${1%+loop}" ;;
	*) echo '#777755' ;;
	esac
}

style_of()
{
	local width=1.3 dash=1

	case $1 in
	hermes) width=3 ;;
	ideal) width=2 dash=3 ;;
	*+loop) dash=2 ;;
	esac
	printf 'lw %s dt %s lc rgb "%s"' "$width" "$dash" "$(color_of "$1")"
}

# Runs gnuplot over stdin for picture $1. What is black gets the page's colour; names of parts would not be unique.
draw()
{
	local header="set datafile separator \"\\t\"
		set border lc rgb \"#808080\"
		set grid lc rgb \"#a0a0a0\""

	{ printf 'set terminal svg size %s dynamic font "sans-serif,12" name "plot"\n%s\n' "$2" "$header"; cat; } |
		gnuplot | sed -E '/^<\?xml/d; /<defs>/,/<\/defs>/d; /^<desc>/d; /^ xmlns/d
			s/ id="[^"]*"//g; s/ color="(black|gray|white)"//g; s/"black"/"currentColor"/g
			s/rgb\( *0, *0, *0\)/currentColor/g'"; s|<title>plot</title>|<title>$1</title>|" >"$1.svg" ||
		{ echo "report: no picture $1" >&2; : >"$1.svg"; }
	[[ -s $1.svg ]] || rm -f "$1.svg"
}

# Names of the allocators that have a curve $2 in figure $1, in the order of the tables.
curves_of()
{
	local name

	while IFS= read -r name; do
		[[ ! -s $1@$2@$name ]] || printf '%s\n' "$name"
	done <names
}

# range FILE COLUMN...: the lowest and the highest number in the columns
range_of()
{
	local columns=$1

	shift
	awk -F '\t' -v columns="$columns" '
		BEGIN { n = split(columns, c, " ") }
		{
			for (i = 1; i <= n; i++) {
				v = $c[i]
				if (v == "-" || v == "")
					continue
				if (!seen++ || v + 0 < lo) lo = v + 0
				if (seen == 1 || v + 0 > hi) hi = v + 0
			}
		}
		END { print lo + 0, hi + 0 }' "$@"
}

# clauses FIGURE PART WITH: the plot command for each allocator's curve
clauses()
{
	local name separator="plot "

	while IFS= read -r name; do
		printf '%s"%s" using 1:2 with %s %s title "%s" noenhanced' "$separator" "$1@$2@$name" "$3" \
			"$(style_of "$name")" "$name"
		separator=", "
	done < <(curves_of "$1" "$2")
	printf '\n'
}

cdf_commands()
{
	local lo hi top

	read -r lo hi < <(range_of 1 "$1"@cdf@*)
	read -r _ top < <(range_of 2 "$1"@cdf@*)
	awk -v lo="$lo" -v hi="$hi" -v top="$top" 'BEGIN {
		printf "set logscale x\nset xrange [%g:%g]\nset yrange [0:%g]\n", lo / 1.3, hi * 1.3, (top < 1 ? 1 : top * 1.03) }'
	cat <<-'EOT'
		set format x "10^{%T}"
		set xlabel "latency (us)"
		set ylabel "share of requests within"
		set ytics ("0" 0, "0.9" 1, "0.99" 2, "0.999" 3, "0.9999" 4, "0.99999" 5, "0.999999" 6, "0.9999999" 7)
		set key right bottom samplen 2 font ",10"
	EOT
	clauses "$1" cdf lines
	cat <<-'EOT'
		unset logscale
		unset xlabel
		set format x
		set xrange [*:*]
		set ytics auto
		set key default
	EOT
}

bar_commands()
{
	local file=$1@bars lo hi count clause="plot" what columns

	read -r lo hi < <(range_of "3 4 6 7" "$file")
	count=$(wc -l <"$file")
	awk -v lo="$lo" -v hi="$hi" -v n="$count" 'BEGIN {
		if (lo < 0.001) lo = 0.001
		if (hi < lo) hi = lo
		printf "set xrange [-0.6:%g]\nset yrange [%g:%g]\n", n - 0.4, lo / 2, hi * 2 }'
	cat <<-'EOT'
		set datafile missing "-"
		set logscale y
		set format y "10^{%T}"
		set ylabel "latency (us)"
		set style data histogram
		set style histogram errorbars gap 1
		set errorbars small lw 1 lc rgb "#808080"
		set style fill solid 0.85 noborder
		set xtics rotate by -35 noenhanced font ",10"
		set key right top horizontal
	EOT
	while IFS=$'\t' read -r what columns color; do
		cut -f "${columns%%:*}" "$file" | grep -q '[0-9]' || continue
		printf '%s "%s" using %s:xtic(1) lc rgb "%s" title "%s"' "$clause" "$file" "$columns" "$color" "$what"
		clause=","
	done <<<$'p99\t2:3:4\t#5fb4e8\np99.9\t5:6:7\t#d0605e'
	printf '\n'
}

plot_latency()
{
	local figure=$1 left="" right=""

	compgen -G "$figure@cdf@*" >/dev/null && left=yes
	[[ ! -s $figure@bars ]] || right=yes
	[[ -n $left$right ]] || return 0
	{
		[[ -z $left || -z $right ]] || echo 'set multiplot layout 1,2'
		[[ -z $left ]] || cdf_commands "$figure"
		[[ -z $right ]] || bar_commands "$figure"
		[[ -z $left || -z $right ]] || echo 'unset multiplot'
	} | draw "$figure.latency" 1200,460
}

# Four panels, fewer where nobody has such a line.
plot_time()
{
	local figure=$1 part title parts=() end top

	for part in ready_mib free_mib misses reclaimed_mib; do
		! compgen -G "$figure@$part@*" >/dev/null || parts+=("$part")
	done
	[[ ${#parts[@]} -gt 0 ]] || return 0
	{
		printf 'set multiplot layout %d,2\nset xlabel "s"\nset key outside right top samplen 2 font ",9"\n' \
			$(((${#parts[@]} + 1) / 2))
		for part in "${parts[@]}"; do
			case $part in
			ready_mib) title="ready memory (MiB)" ;;
			free_mib) title="free memory (MiB)" ;;
			misses) title="misses" ;;
			reclaimed_mib) title="reclaimed (MiB)" ;;
			esac
			read -r _ end < <(range_of 1 "$figure@$part"@*)
			read -r _ top < <(range_of 2 "$figure@$part"@*)
			awk -v t="$title" -v end="$end" -v top="$top" 'BEGIN {
				printf "set title \"%s\"\nset xrange [0:%g]\nset yrange [0:%g]\n", t, (end > 0 ? end : 1),
					(top > 0 ? top * 1.1 : 1) }'
			clauses "$figure" "$part" lines
		done
		echo 'unset multiplot'
	} | draw "$figure.time" "1200,$((((${#parts[@]} + 1) / 2) * 280))"
}

# Misses against ready memory: a line for each key through its values. Misses go from none to many: log10(misses + 1).
plot_sensitivity()
{
	local figure=$1 file=$1@sensitivity right top key curve separator="plot"
	local colors=('#1f6fd2' '#c0392b' '#1e8449' '#e08e0b' '#8e5bd0' '#777755') i=0

	[[ -s $file ]] || return 0
	read -r _ right < <(range_of 3 "$file")
	read -r _ top < <(range_of 4 "$file")
	{
		awk -v right="$right" -v top="$top" 'BEGIN {
			printf "set xrange [0:%g]\nset yrange [-0.1:%g]\n", (right > 0 ? right * 1.25 : 1),
				(top > 0 ? top + 0.4 : 1)
			printf "set ytics (\"0\" 0"
			for (n = 1; n <= 7; n++) printf ", \"10^%d\" %g", n, log(10 ^ n + 1) / log(10)
			print ")" }'
		printf 'set xlabel "ready memory (MiB)"\nset ylabel "misses"\nset key right top\nset style fill solid noborder\n'
		while IFS= read -r key; do
			curve=$file.${key//[^A-Za-z0-9_]/_}
			awk -F '\t' -v k="$key" '$1 == k { print $2 "\t" $3 "\t" $4 }' "$file" >"$curve"
			printf '%s "%s" using 2:3 with lines lw 1.5 lc rgb "%s" title "%s" noenhanced' "$separator" \
				"$curve" "${colors[i]}" "$key"
			printf ', "" using 2:3:(%g) with circles lc rgb "%s" notitle' \
				"$(awk -v r="$right" 'BEGIN { print (r > 0 ? r : 1) / 180 }')" "${colors[i]}"
			printf ', "" using 2:3:1 with labels left offset 0.7,0.5 font ",10" noenhanced notitle'
			separator=","
			i=$(((i + 1) % ${#colors[@]}))
		done < <(cut -f 1 "$file" | sort -u)
		printf '\n'
	} | draw "$figure.sensitivity" 900,460
}

# Splits what the filters write into a file for each curve; a line without a point begins one.
split_curves()
{
	awk -F '\t' '
		{ file = $1 "@" $2 "@" $3 }
		NF == 3 { if (last) close(last); printf "" >file; last = file; next }
		{ print $4 "\t" $5 >file }'
}

# Reads lines "FIGURE MORE..." and writes MORE to the file FIGURE@$1.
split_figures()
{
	awk -F '\t' -v part="$1" '{ file = $1 "@" part; sub(/^[^\t]*\t/, ""); print >>file; close(file) }'
}

bar_data()
{
	jq -r -L "$here" 'include "stats"; def us: if . == null then "-" else . / 1000 end;
		.groups[] | (.name | plain_name) as $figure |
		.results[] | select(.latency_ns.p99 or .latency_ns."p99.9") |
		[$figure, .allocator, (.latency_ns | .p99, ."p99.9" | (.median, .min, .max | us))] |
		map(tostring) | join("\t")' "$1"
}

sensitivity_data()
{
	jq -r -L "$here" 'include "stats"; .sensitivity[] | (.name | plain_name) as $figure |
		(.keys[], {key: "default", results: [.default // empty]}) | .key as $key |
		.results[] | .value as $value | .overhead | select(.misses and .reserve_mib) |
		[$figure, $key, $value, .reserve_mib.median, (.misses.median + 1 | log10)] |
		map(tostring) | join("\t")' "$1"
}

plot_data()
{
	jq -r '.allocators[]' "$2" >names
	jq -n -R -r -L "$here" --slurpfile summary "$2" -f "$here/figures.jq" "$1" | split_curves
	bar_data "$2" | split_figures bars
	sensitivity_data "$2" | split_figures sensitivity
}

plot_all()
{
	local results summary figure

	results=$(realpath "$1")
	summary=$(realpath "$2")
	pushd "$3" >/dev/null || return
	plot_data "$results" "$summary"
	while IFS= read -r figure; do
		plot_latency "$figure"
		plot_time "$figure"
		plot_sensitivity "$figure"
	done < <(jq -r -L "$here" 'include "stats"; [.groups[], .sensitivity[] | .name | plain_name] | unique[]' "$summary")
	popd >/dev/null || return
}
