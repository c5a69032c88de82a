/*
 * test_rule.c
 *		Which copies of a database may send, and what they take over.
 *
 * The cases are those in which databases were copied, restored and promoted, and
 * what was seen of them then.
 */
#include "origin/rule.h"

#include <string.h>

#include "lib/tap.h"

#define LENGTH(array) ((int) (sizeof(array) / sizeof((array)[0])))

/* the database that has the seat */
static const FpgoOriginParts seat = {7001, 16384, 1, 55, 1000, "", 9};

/* how a server is started and restarted */
static const FpgoServerStart plain = {0};

/* a standby that followed, and was promoted from timeline 1 */
static const FpgoServerStart promoted = {
	.was_standby = true,.had_label = true,.has_heard = true,.parent = 1
};

/* one that stands alone and was started as a standby, as Patroni does */
static const FpgoServerStart alone = {.was_standby = true,.parent = 1};

typedef struct Case
{
	const char *name;
	FpgoOriginParts here;
	const FpgoServerStart *start;
	bool		is_trusted;
	FpgoSeatAnswer answer;
} Case;

static const Case cases[] = {
	{"the same database after a restart", {7001, 16384, 1, 55, 1000, "", 9},
	&plain, false, FPGO_SEAT_OURS},
	{"on a file system that tells nothing", {7001, 16384, 1, 0, 0, "", 9},
	&plain, false, FPGO_SEAT_OURS},
	{"a base backup started by itself", {7001, 16384, 1, 77, 2000, "", 9},
	&plain, false, FPGO_SEAT_OTHERS},
	{"the same inode, born again", {7001, 16384, 1, 55, 2000, "", 9},
	&plain, false, FPGO_SEAT_OTHERS},
	{"CREATE DATABASE ... TEMPLATE", {7001, 16999, 1, 55, 1000, "", 9},
	&plain, false, FPGO_SEAT_OTHERS},
	{"a dump restored elsewhere", {9999, 16384, 1, 77, 2000, "", 9},
	&plain, false, FPGO_SEAT_OTHERS},
	{"a dump restored over it", {7001, 16384, 1, 55, 1000, "", 10},
	&plain, false, FPGO_SEAT_OTHERS},
	{"a restore to a point in time", {7001, 16384, 2, 77, 2000, "", 9},
	&plain, true, FPGO_SEAT_OTHERS},
	{"the same in its directory", {7001, 16384, 2, 55, 1000, "", 9},
	&plain, true, FPGO_SEAT_OTHERS},
	{"a standby promoted", {7001, 16384, 2, 77, 2000, "", 9},
	&promoted, false, FPGO_SEAT_PROMOTION},
	{"a standby promoted that is trusted", {7001, 16384, 2, 77, 2000, "", 9},
	&promoted, true, FPGO_SEAT_FAILOVER},
	{"a standby promoted where files tell nothing", {7001, 16384, 2, 0, 0, "", 9},
	&promoted, false, FPGO_SEAT_PROMOTION},
	{"a server that stands alone", {7001, 16384, 2, 55, 1000, "", 9},
	&alone, false, FPGO_SEAT_CONTINUED},
	{"the same where files tell nothing", {7001, 16384, 2, 0, 0, "", 9},
	&alone, false, FPGO_SEAT_PROMOTION},
	{"another place", {7001, 16384, 1, 55, 1000, "staging", 9},
	&plain, false, FPGO_SEAT_OTHERS},
	{"another place, promoted and trusted", {7001, 16384, 2, 77, 2000, "staging", 9},
	&promoted, true, FPGO_SEAT_OTHERS},
	{"a former primary that was rewound", {7001, 16384, 1, 55, 1000, "", 9},
	&plain, true, FPGO_SEAT_OURS},
	{"a standby that still is on the old timeline", {7001, 16384, 1, 77, 2000, "", 9},
	&promoted, true, FPGO_SEAT_OTHERS},
};

static FpgoSeatAnswer
decide(const FpgoOriginParts *here, const FpgoOriginParts *holder,
	   FpgoServerStart start, bool is_trusted)
{
	const FpgoSeatCase c = {.here = here,.seat = holder,.start = start,
	.is_trusted = is_trusted};

	return fpgo_seat_decide(&c);
}

static void
test_cases(void)
{
	for (int i = 0; i < LENGTH(cases); i++)
	{
		const Case *c = &cases[i];
		FpgoSeatAnswer answer = decide(&c->here, &seat, *c->start,
									   c->is_trusted);

		ok(expect(answer == c->answer, "answer %d, expected %d", answer,
				  c->answer), "%s", c->name);
	}
}

static void
test_promotions(void)
{
	FpgoOriginParts here = {7001, 16384, 3, 55, 1000, "", 9};
	FpgoServerStart start = alone;

	/* pg_rewind keeps the file: the seat was another server's meanwhile */
	start.parent = 2;
	ok(decide(&here, &seat, start, false) == FPGO_SEAT_PROMOTION,
	   "not from the timeline of the seat: nothing is taken over");
	start = alone;
	start.has_heard = true;
	ok(decide(&here, &seat, start, false) == FPGO_SEAT_PROMOTION,
	   "a primary told it something: nothing is taken over");
	start = alone;
	start.had_label = true;
	ok(decide(&here, &seat, start, false) == FPGO_SEAT_PROMOTION,
	   "from a backup: nothing is taken over");
	ok(decide(&here, &seat, start, true) == FPGO_SEAT_PROMOTION,
	   "from a backup that heard nothing: not even if it is trusted");
	start = promoted;
	start.has_target = true;
	ok(decide(&here, &seat, start, true) == FPGO_SEAT_OTHERS,
	   "recovery was to stop somewhere: that is a restore");
}

static void
test_first(void)
{
	FpgoSeatCase c = {.here = &seat};

	ok(fpgo_seat_decide(&c) == FPGO_SEAT_FIRST, "nobody has sent: the first takes it");
	c.has_foreign = true;
	ok(fpgo_seat_decide(&c) == FPGO_SEAT_OTHERS,
	   "records of another database: a person decides");
	ok(fpgo_seat_word(FPGO_SEAT_OURS) == NULL &&
	   fpgo_seat_word(FPGO_SEAT_OTHERS) == NULL, "what takes nothing has no word");
	ok(strcmp(fpgo_seat_word(FPGO_SEAT_CONTINUED), "continued") == 0,
	   "what takes something has one");
}

int
main(void)
{
	test_cases();
	test_promotions();
	test_first();
	return done_testing();
}
