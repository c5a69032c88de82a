/*
 * pace.c
 *		How many requests may be sent now: the arithmetic of an allowance.
 *
 * The gateway counts the requests of a token in windows.  A window begins with
 * its first request, has a fixed length, and allows a number of requests.  Each
 * answer says how many are left.  No answer says when the window ends.
 *
 * Senders share the pace.  Each has a lease: a few requests that it may send.
 * What is left for others is what the gateway said was left, less all that is
 * leased and not heard of since.  That is never too much: the answer processed
 * last of those that were told counts every request before it.  Senders begin
 * without a lease, and have one once the gateway has said that it counts.
 *
 * When a window began is known by its first answer.  An answer that has more
 * left than was known when its request was begun is of a new window.  The
 * moment at which it came is the latest at which that window can have begun.
 * So the window is over, for certain, one length after that moment.  Then one
 * request goes ahead, and its answer begins the next window.
 *
 * The queue's requests are spread over the window, so that an order that a
 * session waits for always finds something left.  Near the end a share is kept
 * for such orders; the queue gets it at last.
 *
 * The first window may have begun before fpgo came.  Then what is left is
 * spread over a whole length, since the window cannot end later.
 */
#include "delivery/pace.h"

/* a grant has at most this part of what a window allows: one of ... */
#define PARTS_OF_GRANT 20

/* between two grants for the queue: one part of the window of ... */
#define PARTS_BETWEEN 40

/* the same near the window's end, and the shortest pause there is */
#define PARTS_BETWEEN_LATE 100

/* sessions get at most this part at once: a tenth of a second of a minute */
#define PARTS_OF_SUBMIT 600

/* the share that is kept for sessions, and until when, in percent */
#define KEPT_PERCENT 5
#define KEPT_WHOLE_UNTIL 90
#define KEPT_UNTIL 97

/* requests for an allowance of which only "slow down" is known */
#define UNLIMITED 1000
#define UNLIMITED_MS 1000

static int
min_int(int a, int b)
{
	return a < b ? a : b;
}

static int
max_int(int a, int b)
{
	return a > b ? a : b;
}

static int64_t
min_time(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t
max_time(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* a part of the window, 1 ms at least */
static int64_t
part(const FpgoPaceTerms *terms, int parts)
{
	return max_time(terms->window_ms / parts, 1);
}

/* ---------- windows ---------- */

/*
 * No moment lies further ahead than it ever can.  If one that has passed lies
 * ahead, the clock was set back since, and what is to come comes so much earlier.
 */
static void
clamp(FpgoPace *pace, int64_t now)
{
	if (pace->closed_until != 0 && pace->since > now)
		pace->closed_until -= pace->since - now;
	pace->since = min_time(pace->since, now);
	pace->began = min_time(pace->began, now);
	pace->closed_until = min_time(pace->closed_until,
								  now + FPGO_PACE_LONGEST_MS);
}

/*
 * When the window is over for certain.  A little is added: clocks have a grain,
 * and a request that arrived too early would be one too many.
 */
static int64_t
end_of(const FpgoPace *pace, const FpgoPaceTerms *terms)
{
	return (pace->began != 0 ? pace->began : pace->since) + terms->window_ms +
		part(terms, 500);
}

/* Begin to count another window. */
static void
turn(FpgoPace *pace, int64_t now)
{
	pace->number++;
	pace->remaining = pace->limit;
	pace->at_start = pace->limit;
	pace->granted = 0;
	pace->leased = 0;
	pace->is_seen = false;
	pace->since = now;
	pace->began = 0;
	pace->closed_until = 0;
}

/* ---------- grants ---------- */

/* What the window allows fpgo; 0: that is not known. */
static int
find_budget(const FpgoPace *pace, const FpgoPaceTerms *terms)
{
	int			start = pace->is_seen ? pace->at_start : pace->limit;

	if (pace->limit == 0)
		return terms->limit;
	return terms->limit > 0 ? min_int(start, terms->limit) : start;
}

/* What nobody has been given. */
static int
find_free(const FpgoPace *pace, const FpgoPaceTerms *terms)
{
	int			by_gateway = pace->remaining - pace->leased;
	int			by_terms = terms->limit - pace->granted;

	if (pace->limit == 0)
		return max_int(by_terms, 0);
	return max_int(terms->limit > 0 ? min_int(by_gateway, by_terms) :
				   by_gateway, 0);
}

/* What the queue leaves to sessions, at that time of the window. */
static int
find_kept(int budget, int64_t time, const FpgoPaceTerms *terms)
{
	int64_t		kept = (int64_t) budget * KEPT_PERCENT / 100;
	int64_t		percent = time * 100 / terms->window_ms;

	if (percent < KEPT_WHOLE_UNTIL)
		return (int) kept;
	if (percent >= KEPT_UNTIL)
		return 0;
	return (int) (kept * (KEPT_UNTIL - percent) /
				  (KEPT_UNTIL - KEPT_WHOLE_UNTIL));
}

/* How many the queue may have had, all in all, at that time of the window. */
static int
find_plan(int budget, int64_t time, const FpgoPaceTerms *terms)
{
	return min_int((int) (budget * time / terms->window_ms) +
				   max_int(budget / PARTS_OF_GRANT, 1), budget);
}

/*
 * The queue: at first one request, to learn when the window begins; then as
 * many as are due by the plan.
 */
static void
grant_queue(const FpgoPace *pace, const FpgoPaceTerms *terms, int budget,
			int free, int64_t now, FpgoPaceGrant *grant)
{
	int64_t		time = now - (pace->began != 0 ? pace->began : pace->since);
	int			due = find_plan(budget, time, terms) - (budget - free);

	grant->again_ms = time * 100 < terms->window_ms * KEPT_WHOLE_UNTIL ?
		part(terms, PARTS_BETWEEN) : part(terms, PARTS_BETWEEN_LATE);
	if (!pace->is_seen && pace->limit > 0 && time < terms->window_ms / 10)
	{
		grant->n = pace->granted == 0 ? min_int(free, 1) : 0;
		grant->again_ms = part(terms, 300);
		return;
	}
	due = min_int(due, free - find_kept(budget, time, terms));
	grant->n = min_int(max_int(due, 0), max_int(budget / PARTS_OF_GRANT, 1));
}

FpgoPaceGrant
fpgo_pace_grant(FpgoPace *pace, const FpgoPaceTerms *terms, FpgoPaceUse use,
				int64_t now)
{
	FpgoPaceGrant grant = {0};
	int			budget;
	int			free;
	int64_t		left;

	clamp(pace, now);
	if (pace->closed_until > now)
	{
		grant.again_ms = grant.never_ms = pace->closed_until - now;
		grant.is_closed = true;
		return grant;
	}
	if (pace->closed_until != 0 || now >= end_of(pace, terms))
		turn(pace, now);
	budget = find_budget(pace, terms);
	free = find_free(pace, terms);
	left = end_of(pace, terms) - now;
	if (budget == 0 && pace->limit == 0)
	{
		grant.n = UNLIMITED;
		grant.good_ms = grant.again_ms = UNLIMITED_MS;
		return grant;
	}
	/* a lease for a window whose end is not known is a short one */
	grant.good_ms = pace->began != 0 ? left : part(terms, 10);
	if (free == 0)
	{
		/* what is leased may come back before the window ends */
		grant.never_ms = pace->leased > 0 ? 0 : left;
		grant.again_ms = pace->leased > 0 ?
			min_time(part(terms, PARTS_BETWEEN_LATE), left) : left;
		return grant;
	}
	if (use == FPGO_PACE_QUEUE)
		grant_queue(pace, terms, budget, free, now, &grant);
	else
	{
		grant.n = min_int(free, max_int(budget / PARTS_OF_SUBMIT, 1));
		grant.again_ms = part(terms, PARTS_BETWEEN_LATE);
	}
	grant.again_ms = max_time(min_time(grant.again_ms, left), 1);
	pace->granted += grant.n;
	pace->leased += grant.n;
	return grant;
}

/* ---------- news ---------- */

/*
 * The first answers of a window.  If all that is used were fpgo's requests, the
 * window began with them.  If not, it began at a moment that is not known.
 */
static void
see_first(FpgoPace *pace, const FpgoPaceNews *news, int64_t now)
{
	int			ours = max_int(pace->granted, news->n_back);

	pace->is_seen = true;
	if (pace->limit == 0)
	{
		pace->began = news->first_at;
		return;
	}
	if (news->remaining < 0)
		return;
	pace->remaining = news->remaining;
	if (pace->limit - news->remaining <= ours)
	{
		pace->began = news->first_at;
		pace->at_start = pace->limit;
		return;
	}
	pace->began = 0;
	pace->since = now;
	pace->at_start = news->remaining;
}

/* News of the window that the pace is in. */
static void
learn_of_window(FpgoPace *pace, const FpgoPaceNews *news, int64_t now)
{
	if (news->first_at != 0 && !pace->is_seen)
		see_first(pace, news, now);
	else if (news->remaining >= 0)
		pace->remaining = min_int(pace->remaining, news->remaining);
}

/*
 * The gateway has begun another window.  Others may have told that already.
 */
static void
learn_of_turn(FpgoPace *pace, const FpgoPaceTerms *terms, int64_t number,
			  const FpgoPaceNews *news)
{
	if (number == pace->number)
	{
		turn(pace, news->turned_at);
		pace->remaining = news->new_remaining;
		pace->began = news->turned_at;
		pace->is_seen = true;
		return;
	}
	/* is it another window than the one that the pace is in? */
	if (news->turned_at < pace->since - part(terms, 20))
		return;
	pace->remaining = min_int(pace->remaining, news->new_remaining);
	if (pace->began == 0 || news->turned_at < pace->began)
		pace->began = news->turned_at;
	pace->is_seen = true;
}

void
fpgo_pace_learn(FpgoPace *pace, const FpgoPaceTerms *terms, int64_t number,
				const FpgoPaceNews *news, int64_t now)
{
	clamp(pace, now);
	if (news->limit > 0)
	{
		/* what the gateway allows may change, and is not known at first */
		if (pace->limit == 0)
			pace->remaining = pace->at_start = news->limit;
		pace->limit = news->limit;
	}
	if (number == pace->number)
		pace->leased = max_int(pace->leased - news->n_back, 0);
	/* a sender that never had a lease has just had its first answers */
	if (number == pace->number || number == 0)
		learn_of_window(pace, news, now);
	if (news->is_turned)
		learn_of_turn(pace, terms, number, news);
	if (news->closed_until > now)
	{
		pace->closed_until = max_time(pace->closed_until, news->closed_until);
		/* since when it is closed: nothing else is counted until it opens */
		pace->since = now;
	}
	clamp(pace, now);
}

/* ---------- one sender ---------- */

static void
forget_news(FpgoPaceLease *lease)
{
	lease->news = (FpgoPaceNews)
	{
		.remaining = -1
	};
}

void
fpgo_pace_lease_begin(FpgoPaceLease *lease)
{
	*lease = (FpgoPaceLease)
	{
		.told = -1
	};
	forget_news(lease);
}

void
fpgo_pace_lease_return(FpgoPaceLease *lease)
{
	lease->news.n_back += lease->n;
	lease->n = 0;
}

void
fpgo_pace_lease_fill(FpgoPaceLease *lease, const FpgoPace *pace,
					 const FpgoPaceGrant *grant, int64_t now)
{
	forget_news(lease);
	if (lease->number != pace->number)
	{
		lease->number = pace->number;
		lease->epoch++;
		lease->n = 0;
		lease->told = -1;
	}
	if (pace->is_seen && pace->limit > 0)
		lease->told = lease->told < 0 ? pace->remaining :
			min_int(lease->told, pace->remaining);
	if (grant->n > 0)
		lease->good_until = now + grant->good_ms;
	lease->n += grant->n;
}

int
fpgo_pace_lease_left(FpgoPaceLease *lease, int64_t now)
{
	if (lease->n > 0 && now >= lease->good_until)
		fpgo_pace_lease_return(lease);
	return lease->n;
}

FpgoPaceTicket
fpgo_pace_lease_take(FpgoPaceLease *lease)
{
	if (lease->n > 0)
		lease->n--;
	return (FpgoPaceTicket)
	{
		.number = lease->number,.epoch = lease->epoch,.told = lease->told
	};
}

/* The gateway says what is left. */
static bool
note_remaining(FpgoPaceLease *lease, const FpgoPaceTicket *ticket,
			   int remaining, int64_t now)
{
	FpgoPaceNews *news = &lease->news;

	/* it may be of a window before the one that was noticed meanwhile */
	if (ticket->epoch != lease->epoch)
		return false;
	if (ticket->told >= 0 && remaining > ticket->told)
	{
		news->is_turned = true;
		news->turned_at = now;
		news->new_remaining = remaining;
		lease->epoch++;
		lease->told = remaining;
		return true;
	}
	if (news->is_turned)
		news->new_remaining = min_int(news->new_remaining, remaining);
	else
		news->remaining = news->remaining < 0 ? remaining :
			min_int(news->remaining, remaining);
	lease->told = lease->told < 0 ? remaining :
		min_int(lease->told, remaining);
	return false;
}

bool
fpgo_pace_lease_note(FpgoPaceLease *lease, const FpgoPaceTicket *ticket,
					 const FpgoPaceAnswer *answer, int64_t now)
{
	FpgoPaceNews *news = &lease->news;
	bool		is_first;

	/*
	 * A request that may have been counted, and that no answer tells of, stays
	 * leased until the window is over.
	 */
	if (ticket->number == lease->number &&
		(!answer->is_sent || answer->remaining >= 0))
		news->n_back++;
	if (!answer->is_sent)
		return false;
	/* an answer of an earlier window does not begin this one */
	is_first = lease->told < 0 && ticket->number == lease->number;
	if (news->first_at == 0 && is_first)
		news->first_at = now;
	if (answer->limit > 0)
		news->limit = answer->limit;
	if (answer->closed_ms >= 0)
	{
		news->closed_until = max_time(news->closed_until,
									  now + min_time(answer->closed_ms,
													 FPGO_PACE_LONGEST_MS));
		fpgo_pace_lease_return(lease);
		return true;
	}
	if (answer->remaining < 0)
		return false;
	return note_remaining(lease, ticket, answer->remaining, now) || is_first;
}

bool
fpgo_pace_lease_has_news(const FpgoPaceLease *lease)
{
	return lease->news.n_back > 0 || lease->news.is_turned ||
		lease->news.first_at != 0 || lease->news.closed_until != 0;
}
