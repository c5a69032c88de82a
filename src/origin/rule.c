/*
 * rule.c
 *		May a database send for an account?
 *
 * An order that is sent twice is a person invoiced twice.  So a database sends
 * what it queued itself, and goes on after a restart.  It takes over what another
 * one queued where that one certainly sends no more, or where the owner of the
 * server trusts that it does not.  In doubt a person decides.
 */
#include <string.h>

#include "origin/rule.h"

static const char *const words[] = {
	[FPGO_SEAT_FIRST] = "first",
	[FPGO_SEAT_CONTINUED] = "continued",
	[FPGO_SEAT_FAILOVER] = "failover",
	[FPGO_SEAT_PROMOTION] = "promotion"
};

const char *
fpgo_seat_word(FpgoSeatAnswer answer)
{
	return words[answer];
}

static bool
is_same(int64_t a, int64_t b)
{
	return a == 0 || b == 0 || a == b;
}

bool
fpgo_parts_agree(const FpgoOriginParts *a, const FpgoOriginParts *b)
{
	return a->system_identifier == b->system_identifier &&
		a->database == b->database && a->records == b->records &&
		is_same(a->timeline, b->timeline) &&
		is_same(a->inode, b->inode) && is_same(a->born, b->born) &&
		strcmp(a->site, b->site) == 0;
}

/* Is this the database that has the seat, or a standby of it promoted? */
static bool
is_promoted(const FpgoSeatCase *c)
{
	const FpgoOriginParts *here = c->here;
	const FpgoOriginParts *seat = c->seat;

	if (here->system_identifier != seat->system_identifier ||
		here->database != seat->database ||
		here->records != seat->records ||
		strcmp(here->site, seat->site) != 0)
		return false;
	/* a restore to a point in time is on a new timeline, too */
	return here->timeline != 0 && here->timeline > seat->timeline &&
		c->start.was_standby && !c->start.has_target;
}

/*
 * Is it the same server?  Some managers of clusters start a server that stands
 * alone as a standby, and promote it.
 */
static bool
went_on(const FpgoSeatCase *c)
{
	return c->here->inode != 0 && c->here->born != 0 &&
		c->here->inode == c->seat->inode && c->here->born == c->seat->born &&
		c->start.parent == c->seat->timeline && c->seat->timeline != 0 &&
		!c->start.has_heard && !c->start.had_label;
}

FpgoSeatAnswer
fpgo_seat_decide(const FpgoSeatCase *c)
{
	if (c->seat == NULL)
		return c->has_foreign ? FPGO_SEAT_OTHERS : FPGO_SEAT_FIRST;
	if (fpgo_parts_agree(c->here, c->seat))
		return FPGO_SEAT_OURS;
	if (!is_promoted(c))
		return FPGO_SEAT_OTHERS;
	if (went_on(c))
		return FPGO_SEAT_CONTINUED;
	if (c->is_trusted && (c->start.has_heard || !c->start.had_label))
		return FPGO_SEAT_FAILOVER;
	return FPGO_SEAT_PROMOTION;
}
