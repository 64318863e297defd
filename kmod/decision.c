// SPDX-License-Identifier: GPL-2.0-only
/*
 * The last decisions of the controller, for who asks why.
 */
#include <linux/spinlock.h>

#include "hermes.h"
#include "victim.h"
#include "trace.h"

static DEFINE_SPINLOCK(hermes_decision_lock); /* what follows */
static struct hermes_decision hermes_decisions[HERMES_DECISIONS];
static u64 hermes_decision_seq;

/* Decisions against a step that a further one is compared with. */
#define HERMES_FOLD	16

static struct hermes_decision *hermes_decision_at(u64 seq)
{
	return &hermes_decisions[seq % HERMES_DECISIONS];
}

/* Doing nothing for the same reason again, since the last step, is one decision. */
static bool hermes_decision_repeats(const struct hermes_decision *d)
{
	struct hermes_decision *last;
	u64 seq = hermes_decision_seq;
	unsigned int i;

	for (i = 0; i < HERMES_FOLD && seq && !d->id; i++, seq--) {
		last = hermes_decision_at(seq);
		if (last->id)
			break;
		if (last->choice == d->choice && last->trigger == d->trigger &&
		    !strcmp(last->within, d->within)) {
			last->repeats++;
			return true;
		}
	}
	return false;
}

/**
 * hermes_decision_add() - remember a decision, and tell who listens
 * @decision: its number is set
 *
 * Context: The controller.
 */
void hermes_decision_add(struct hermes_decision *decision)
{
	bool folded;

	spin_lock(&hermes_decision_lock);
	folded = hermes_decision_repeats(decision);
	if (!folded) {
		decision->seq = ++hermes_decision_seq;
		*hermes_decision_at(decision->seq) = *decision;
	}
	spin_unlock(&hermes_decision_lock);
	if (folded || !decision->id)
		return;
	trace_hermes_reclaim(decision);
	hermes_event_step(decision);
}

/**
 * hermes_decision_next() - the next remembered decision
 * @after: number of the one before, 0 at first
 * @decision: out
 *
 * Return: false when there is none.
 */
bool hermes_decision_next(u64 after, struct hermes_decision *decision)
{
	u64 seq = after + 1;
	bool found;

	spin_lock(&hermes_decision_lock);
	if (hermes_decision_seq >= HERMES_DECISIONS)
		seq = max(seq, hermes_decision_seq - HERMES_DECISIONS + 1);
	found = seq <= hermes_decision_seq;
	if (found)
		*decision = *hermes_decision_at(seq);
	spin_unlock(&hermes_decision_lock);
	return found;
}
