# SPDX-License-Identifier: GPL-2.0-only
# The report as a list of blocks that render.jq writes as text, markdown or HTML.
# in: summary.json; --argjson figures: the names of the pictures that there are
# Blocks: {h2}, {h3, id}, {p}, {list}, {code}, {link, to}, {figure, caption}, {open: what is folded away}, {close},
# {table: {head, rows, status: a column that says "reached" or not}}; a cell {b} of a table is to stand out.
include "stats";
include "sections";

verdict_section, conditions_section, cells_section, matrix_section, best_peer_section, overhead_section,
sensitivity_section, costs_section, not_helped_section, figures_section, reproduce_section
