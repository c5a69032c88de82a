/*
 * test_pace.c
 *		The allowance is used up and never exceeded, whenever windows begin,
 *		however many send, and whoever else uses the token.
 *
 * A gateway counts in fixed windows that begin with their first request, as
 * the sandbox does.  Senders know its answers only.  Time goes by in steps of a
 * millisecond.  Every number comes from a seed, which a failure names.
 */
#include <stdint.h>
#include <string.h>

#include "delivery/pace.h"

#include "lib/tap.h"

#define MAX_SENDERS 16
#define MAX_FLIGHTS 8
#define MAX_WINDOWS 64

/* ---------- chance ---------- */

static uint64_t state;

static uint32_t
draw(void)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) (state >> 33);
}

/* from 0 to n - 1 */
static int
below(int n)
{
	return n <= 0 ? 0 : (int) (draw() % (uint32_t) n);
}

/* ---------- the gateway ---------- */

static struct
{
	int			limit;
	int64_t		window_ms;
	int64_t		ends;
	int			used;
	int			n_windows;
	int64_t		begins[MAX_WINDOWS];
	int			taken[MAX_WINDOWS];
	int			refused[MAX_WINDOWS];	/* those of senders */
}			gateway;

/* A request arrives.  Returns what is left, or -1 if it is one too many. */
static int
arrive(int64_t now)
{
	if (now >= gateway.ends)
	{
		gateway.ends = now + gateway.window_ms;
		gateway.used = 0;
		gateway.begins[gateway.n_windows++] = now;
	}
	if (gateway.used == gateway.limit)
		return -1;
	gateway.taken[gateway.n_windows - 1]++;
	return gateway.limit - ++gateway.used;
}

/* ---------- senders ---------- */

typedef struct Flight
{
	bool		is_used;
	FpgoPaceTicket ticket;
	int64_t		arrives;
	int64_t		lands;
	bool		has_arrived;
	int			left;
	int64_t		ends;			/* of the window, if it was one too many */
} Flight;

typedef struct Sender
{
	FpgoPaceUse use;
	int			n_waiting;		/* orders, not begun */
	int64_t		waits_since;
	FpgoPaceLease lease;
	int64_t		again_at;
	int64_t		looks_at;		/* next time that the process looks */
	bool		is_urgent;		/* others should hear its news at once */
	int			n_flights;
	Flight		flights[MAX_FLIGHTS];
	int			n_refused;
} Sender;

static FpgoPace pace;
static bool is_kept;			/* is there a row? */
static FpgoPaceTerms terms;
static Sender senders[MAX_SENDERS];
static int	n_senders;
static int	latency_ms;
static int64_t longest_wait;

/* What a transaction on the row does. */
static void
go_to_row(Sender *sender, bool wants, int64_t now)
{
	FpgoPaceGrant grant = {0};

	if (!is_kept)
	{
		memset(&pace, 0, sizeof(pace));
		pace.number = 1;
		pace.since = now;
		is_kept = true;
	}
	fpgo_pace_learn(&pace, &terms, sender->lease.number, &sender->lease.news,
					now);
	if (wants)
	{
		grant = fpgo_pace_grant(&pace, &terms, sender->use, now);
		sender->again_at = now + grant.again_ms;
	}
	fpgo_pace_lease_fill(&sender->lease, &pace, &grant, now);
	sender->is_urgent = false;
}

static void
launch(Sender *sender, int64_t now)
{
	for (int i = 0; i < MAX_FLIGHTS; i++)
	{
		Flight	   *flight = &sender->flights[i];

		if (flight->is_used)
			continue;
		*flight = (Flight)
		{
			.is_used = true,.ticket = fpgo_pace_lease_take(&sender->lease),
				.arrives = now + 1 + below(latency_ms)
		};
		flight->lands = flight->arrives + 1 + below(latency_ms);
		sender->n_flights++;
		sender->n_waiting--;
		return;
	}
}

static void
land(Sender *sender, Flight *flight, int64_t now)
{
	FpgoPaceAnswer answer = {.is_sent = true,.limit = gateway.limit,
		.remaining = flight->left < 0 ? 0 : flight->left,.closed_ms = -1};

	if (flight->left < 0)
	{
		answer.closed_ms = ((flight->ends - flight->arrives) / 1000 + 1) * 1000;
		sender->n_refused++;
		sender->n_waiting++;
	}
	flight->is_used = false;
	sender->n_flights--;
	if (fpgo_pace_lease_note(&sender->lease, &flight->ticket, &answer, now))
		sender->is_urgent = true;
}

static void
fly(Sender *sender, int64_t now)
{
	for (int i = 0; i < MAX_FLIGHTS; i++)
	{
		Flight	   *flight = &sender->flights[i];

		if (flight->is_used && !flight->has_arrived && now >= flight->arrives)
		{
			flight->left = arrive(now);
			flight->ends = gateway.ends;
			if (flight->left < 0)
				gateway.refused[gateway.n_windows - 1]++;
			flight->has_arrived = true;
		}
		if (flight->is_used && now >= flight->lands)
			land(sender, flight, now);
	}
}

/* A turn of the loop of a process that sends. */
static void
step(Sender *sender, int concurrency, int64_t now)
{
	fly(sender, now);
	if (now < sender->looks_at)
		return;
	/* with nothing under way, a session looks every 50 ms */
	sender->looks_at = now + 1 +
		(sender->n_flights == 0 && sender->use == FPGO_PACE_QUEUE ?
		 below(50) : 0);
	if (sender->is_urgent ||
		(sender->n_waiting == 0 && sender->n_flights == 0 && is_kept &&
		 fpgo_pace_lease_has_news(&sender->lease)))
		go_to_row(sender, false, now);
	if (is_kept && sender->n_waiting > 0 && now >= sender->again_at &&
		fpgo_pace_lease_left(&sender->lease, now) == 0)
		go_to_row(sender, true, now);
	while (sender->n_waiting > 0 && sender->n_flights < concurrency &&
		   (!is_kept || fpgo_pace_lease_left(&sender->lease, now) > 0))
	{
		if (sender->use == FPGO_PACE_SUBMIT &&
			now - sender->waits_since > longest_wait)
			longest_wait = now - sender->waits_since;
		launch(sender, now);
	}
}

/* ---------- the simulation ---------- */

typedef struct World
{
	const char *name;
	int			limit;
	int			window_ms;
	int			latency_ms;
	int			n_queue;		/* senders of the queue */
	int			n_sessions;		/* that submit ... */
	int			submit_every_ms;	/* ... so often each */
	int			others_every_ms;	/* another user of the token; 0: none */
	int			found;			/* a window is under way, with at least so
								 * much left; -1: there is none */
	int			n_seeds;
} World;

typedef struct Outcome
{
	double		share;			/* used of what was allowed, from the second
								 * window on */
	int			most_first;		/* refusals of one sender in the first */
	int			n_later;		/* refusals from the second window on */
	int64_t		longest_wait;	/* of a session */
} Outcome;

static void
set_up(const World *world, uint64_t seed)
{
	memset(&gateway, 0, sizeof(gateway));
	memset(senders, 0, sizeof(senders));
	state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	(void) draw();
	gateway.limit = world->limit;
	gateway.window_ms = world->window_ms;
	terms = (FpgoPaceTerms)
	{
		.window_ms = world->window_ms
	};
	is_kept = false;
	latency_ms = world->latency_ms;
	longest_wait = 0;
	n_senders = world->n_queue + world->n_sessions;
	for (int i = 0; i < n_senders; i++)
	{
		Sender	   *sender = &senders[i];

		fpgo_pace_lease_begin(&sender->lease);
		sender->use = i < world->n_queue ? FPGO_PACE_QUEUE : FPGO_PACE_SUBMIT;
		sender->n_waiting = i < world->n_queue ? 1 << 30 : 0;
		sender->looks_at = below(30);
	}
}

static Outcome
judge(const World *world)
{
	Outcome		outcome = {.longest_wait = longest_wait};
	int			first = world->found >= 0 ? 1 : 0;
	int			last = gateway.n_windows - 1;
	int			taken = 0;

	for (int i = first + 1; i < last; i++)
	{
		taken += gateway.taken[i];
		outcome.n_later += gateway.refused[i];
	}
	outcome.share = (double) taken * world->window_ms / world->limit /
		(double) (gateway.begins[last] - gateway.begins[first + 1]);
	for (int i = 0; i < n_senders; i++)
	{
		if (senders[i].n_refused > outcome.most_first)
			outcome.most_first = senders[i].n_refused;
	}
	return outcome;
}

static Outcome
simulate(const World *world, uint64_t seed)
{
	int64_t		begins;
	int64_t		now = 1000;

	set_up(world, seed);
	if (world->found >= 0)
	{
		int			n = below(world->limit + 1 - world->found);

		for (int i = 0; i < n; i++)
			(void) arrive(now);
		now += 1 + below(world->window_ms - 1);
	}
	begins = now;
	for (; now < begins + 9 * (int64_t) world->window_ms; now++)
	{
		if (world->others_every_ms > 0 && below(world->others_every_ms) == 0)
			(void) arrive(now);
		for (int i = 0; i < n_senders; i++)
		{
			Sender	   *sender = &senders[i];

			if (sender->use == FPGO_PACE_SUBMIT && sender->n_waiting == 0 &&
				sender->n_flights == 0 && below(world->submit_every_ms) == 0)
			{
				sender->n_waiting = 1;
				sender->waits_since = now;
			}
			step(sender, sender->use == FPGO_PACE_QUEUE ? 4 : 1, now);
		}
	}
	return judge(world);
}

static void
try_world(const World *world, double least_share, int most_first,
		  double most_later, int64_t most_wait)
{
	bool		passed = true;
	double		worst = 2;
	int64_t		longest = 0;
	int			n_first = 0;
	int			n_later = 0;

	for (int seed = 1; seed <= world->n_seeds; seed++)
	{
		Outcome		outcome = simulate(world, (uint64_t) seed);

		passed = expect(outcome.share >= least_share &&
						outcome.most_first <= most_first &&
						outcome.longest_wait <= most_wait,
						"%s, seed %d: share %.3f, refusals of a sender %d, later %d, longest wait %lld ms",
						world->name, seed, outcome.share, outcome.most_first,
						outcome.n_later, (long long) outcome.longest_wait) &&
			passed;
		if (outcome.share < worst)
			worst = outcome.share;
		if (outcome.longest_wait > longest)
			longest = outcome.longest_wait;
		if (outcome.most_first > n_first)
			n_first = outcome.most_first;
		n_later += outcome.n_later;
	}
	passed = passed && n_later <= most_later * world->n_seeds;
	ok(passed, "%s: %d seeds, at least %.1f %% used, a sender was refused %d times at most, %d times later, a session waited %lld ms at most",
	   world->name, world->n_seeds, 100 * worst, n_first, n_later,
	   (long long) longest);
}

/* ---------- what the options state, and clocks that are set ---------- */

/* So many are granted in one window, by a sender that always wants more. */
static int
grant_all(FpgoPace *row, const FpgoPaceTerms *stated, int64_t begin)
{
	int			n = 0;

	for (int64_t now = begin; now < begin + stated->window_ms; now++)
		n += fpgo_pace_grant(row, stated, FPGO_PACE_QUEUE, now).n;
	return n;
}

static void
test_terms(void)
{
	FpgoPaceTerms stated = {.limit = 100,.window_ms = 6000};
	FpgoPace	row = {.number = 1,.since = 1};
	FpgoPaceNews news = {.remaining = 239,.limit = 240,.first_at = 1,
	.n_back = 1};

	ok(grant_all(&row, &stated, 1) == 100,
	   "a gateway that says nothing: what the option states");
	row = (FpgoPace) {.number = 1,.since = 1};
	fpgo_pace_learn(&row, &stated, 0, &news, 1);
	ok(grant_all(&row, &stated, 1) == 100, "less than the gateway allows");
	stated.limit = 1000;
	row = (FpgoPace) {.number = 1,.since = 1};
	fpgo_pace_learn(&row, &stated, 0, &news, 1);
	ok(grant_all(&row, &stated, 1) == 239, "not more than the gateway allows");
	stated.limit = 0;
	row = (FpgoPace) {.number = 1,.since = 1};
	ok(fpgo_pace_grant(&row, &stated, FPGO_PACE_QUEUE, 2).n > 100,
	   "nothing known: no limit");
}

static void
test_clock(void)
{
	const int64_t hour = 3600 * 1000;
	FpgoPaceTerms none = {.window_ms = 60000};
	FpgoPaceNews news = {.remaining = -1,.closed_until = hour + 5000};
	FpgoPaceGrant grant;
	FpgoPace	row = {.number = 1,.limit = 240,.since = hour,.began = hour,.is_seen = true,
	.at_start = 240};

	/* nothing left; the clock is set back by an hour */
	grant = fpgo_pace_grant(&row, &none, FPGO_PACE_SUBMIT, 1000);
	ok(grant.n == 0 && grant.never_ms <= 61000,
	   "a clock set back: a window at most");
	fpgo_pace_learn(&row, &none, 0, &news, hour);
	grant = fpgo_pace_grant(&row, &none, FPGO_PACE_SUBMIT, hour);
	ok(grant.is_closed && grant.n == 0 && grant.never_ms == 5000,
	   "asked to slow down: as long as the gateway says");
	row.closed_until = hour * 24;
	grant = fpgo_pace_grant(&row, &none, FPGO_PACE_SUBMIT, 1000);
	ok(grant.is_closed && grant.never_ms <= FPGO_PACE_LONGEST_MS,
	   "a clock set back: the longest pause at most");
	grant = fpgo_pace_grant(&row, &none, FPGO_PACE_SUBMIT, hour * 48);
	ok(grant.n == 1, "a clock set forward: open again");
}

int
main(void)
{
	static const World worlds[] = {
		{"a worker", 240, 6000, 10, 1, 0, 0, 0, -1, 10},
		{"five senders", 240, 6000, 10, 5, 0, 0, 0, -1, 10},
		{"five senders, sessions beside", 240, 6000, 10, 5, 3, 500, 0, -1, 10},
		{"five senders that find a window", 240, 6000, 10, 5, 2, 500, 0, 40, 20},
		{"a slow gateway", 240, 60000, 300, 1, 2, 5000, 0, -1, 2},
		{"a window of a minute", 240, 60000, 50, 3, 2, 5000, 0, 40, 2},
		{"five senders, a short window", 80, 2000, 40, 5, 2, 200, 0, -1, 20},
		{"few requests a window", 10, 6000, 10, 2, 0, 0, 0, -1, 10},
	};
	/* all that begin at once may meet a window that others have used up */
	static const World used_up = {"five senders that find nothing left", 240,
	6000, 10, 5, 0, 0, 0, 0, 20};
	static const World shared = {"another user of the token", 240, 6000, 10, 3,
	2, 500, 50, 40, 20};

	for (size_t i = 0; i < sizeof(worlds) / sizeof(*worlds); i++)
		try_world(&worlds[i], 0.97, 0, 0, 5000);
	try_world(&used_up, 0.97, 4, 0, 5000);
	try_world(&shared, 0.95, 10, 8, 6000);
	test_terms();
	test_clock();
	return done_testing();
}
