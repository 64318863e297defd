# SPDX-License-Identifier: GPL-2.0-only
# Writes the blocks of document.jq. in: the blocks, slurped; --arg as: text, markdown or html
# In HTML a line "@figure NAME" stands for a picture.

# Lines of at most 116 characters; tables have to stay whole.
def fold($indent):
	reduce splits(" ") as $w ([""]; if .[-1] == "" then .[-1] = $w
		elif (.[-1] | length) + ($w | length) > 115 then . + [$indent + $w]
		else .[-1] += " " + $w end) | .[];
def words_of: if type == "object" then .b else . end | tostring;
def spaces($n): if $n <= 0 then "" else " " * $n end;

# --- text ---

def text_cell: if type == "object" then "*\(.b)" else tostring end;
def pad($width; $first): . as $s | spaces($width - length) as $fill | if $first then $s + $fill else $fill + $s end;
def text_table:
	.status as $left | [.head, .rows[]] | map(map(text_cell)) | . as $lines |
	([range($lines[0] | length) as $i | [$lines[][$i] // "" | length] | max]) as $widths |
	$lines[] | [to_entries[] | .key as $i | .value | pad($widths[$i]; $i == 0 or $i == $left)] | join("  ") | sub(" +$"; "");
def text:
	if .only then empty
	elif .h2 then "", .h2, (.h2 | gsub("."; "="))
	elif .h3 then "", .h3
	elif .p then .p | fold("")
	elif .list then .list[] | "- \(.)" | fold("  ")
	elif .code then "    " + .code
	elif .open then "", .open
	elif .table then .table | text_table
	else empty end;

# --- markdown ---

def md_escape: gsub("(?<c>[|*<])"; "\\\(.c)");
def md_cell: if type == "object" then "**\(.b)**" else tostring | md_escape end;
def md_row: "| \(map(md_cell) | join(" | ")) |";
def markdown:
	if .only then empty
	elif .h2 then "", "## " + .h2, ""
	elif .h3 then "", "### " + (.h3 | md_escape), ""
	elif .p then (.p | md_escape | fold("")), ""
	elif .list then (.list[] | "- \(md_escape)" | fold("  ")), ""
	elif .code then "`\(.code)`", ""
	elif .open then "", "### " + (.open | md_escape), ""
	elif .table then (.table | (.head | md_row), "|\(.head | map("---|") | join(""))", (.rows[] | md_row)), ""
	else empty end;

# --- HTML ---

def html_cell: if type == "object" then "<td><b>\(.b | @html)</b></td>" else "<td>\(tostring | @html)</td>" end;
def status_class: if startswith("reached in") then "partly" elif . == "reached" then "yes"
	elif . == "not reached" then "no" else "unknown" end;
def html_row($status):
	(if $status then .[$status] | words_of | status_class else .[0] | words_of end) as $class |
	"<tr class=\"\($class | @html)\"><th>\(.[0] | words_of | @html)</th>\(.[1:] | map(html_cell) | join(""))</tr>";
def html:
	if .h2 then "<h2>\(.h2 | @html)</h2>"
	elif .h3 then "<h3\(if .id then " id=\"\(.id | @html)\"" else "" end)>\(.h3 | @html)</h3>"
	elif .p then "<p>\(.p | @html)</p>"
	elif .list then "<ul>\(.list | map("<li>\(@html)</li>") | join(""))</ul>"
	elif .code then "<pre>\(.code | @html)</pre>"
	elif .link then "<a class=\"figure\" href=\"#\(.to | @html)\">figure: \(.link | @html)</a>"
	elif .open then "<details><summary>\(.open | @html)</summary>"
	elif .close then "</details>"
	elif .figure then "<figure id=\"figure-\(.figure | @html)\">", "@figure \(.figure)",
		"<figcaption>\(.caption | @html)</figcaption></figure>"
	elif .table then .table | .status as $status | "<div class=\"wide\"><table\(if $status then " class=\"verdict\"" else "" end)>",
		"<tr>\(.head | map("<th>\(@html)</th>") | join(""))</tr>", (.rows[] | html_row($status)), "</table></div>"
	else empty end;

.[] | if $format == "text" then text elif $format == "markdown" then markdown else html end
