/*
 * test_http_coding.c
 *		Answers in a coding that nobody asked for.
 *
 * Each answer is a 201 whose body is given in hexadecimal digits, as Python's
 * gzip and zlib made it of JSON, or of 1,000 and 1,001 bytes.
 */
#include "postgres.h"

#include <signal.h>

#include "utils/memutils.h"

#include "gateway/http.h"
#include "lib/loopback.h"
#include "lib/tap.h"

#define ANSWER_LIMIT 1000
#define JSON "{\"a\":1}"

/* how an exchange ends, as outcome.c has the codes */
#define DONE 0
#define NOT_TAKEN 23
#define NOT_DECODED 61

#define PLAIN "7b2261223a317d"
#define GZIP "1f8b0800000000000003ab564a54b232ac0500afac1b5607000000"
#define DEFLATE "789cab564a54b232ac0500082a0209"
#define DEFLATE_BARE "ab564a54b232ac0500"
#define GZIP_OF_GZIP \
	"1f8b080000000000000393efe6600003e6d5615e219b8cd6b032ac5f231d" \
	"c60e1401008aabb1dc1b000000"
#define GZIP_OF_DEFLATE \
	"1f8b0800000000000003ab98b33acc2b6493d11a56060e2d264e00d6bb89" \
	"b80f000000"
#define GZIP_ALL_FLAGS \
	"1f8b081f00000000000303006162636e006300713cab564a54b232ac0500" \
	"afac1b5607000000"
#define GZIP_NO_CHECKSUM "1f8b0800000000000003ab564a54b232ac0500"
#define GZIP_HALF "1f8b0800000000000003010700f8ff7b226122"
#define GZIP_WRONG_CHECKSUM \
	"1f8b0800000000000003ab564a54b232ac0500aeac1b5607000000"
#define GZIP_WRONG_LENGTH \
	"1f8b0800000000000003ab564a54b232ac0500afac1b5608000000"
#define GZIP_UNKNOWN_FLAG \
	"1f8b0880000000000003ab564a54b232ac0500afac1b5607000000"
#define GZIP_1000 \
	"1f8b080000000000000353aa1805a360140c73a0040084b36215e8030000"
#define GZIP_1001 \
	"1f8b080000000000000353aa1805a360140c77a004003d3ef6ade9030000"

typedef struct Case
{
	const char *name;
	const char *coding;			/* Content-Encoding */
	const char *hex;			/* the body */
	int			code;
	int			body_len;		/* of what is read */
	const char *foreign;		/* the coding that is not read */
} Case;

static const Case cases[] = {
	{"gzip", "gzip", GZIP, DONE, 7, NULL},
	{"gzip under its old name", "x-gzip", GZIP, DONE, 7, NULL},
	{"letters of any case", "GZip", GZIP, DONE, 7, NULL},
	{"no coding", "identity", PLAIN, DONE, 7, NULL},
	{"no coding, in another word", "none", PLAIN, DONE, 7, NULL},
	{"an empty list", "", PLAIN, DONE, 7, NULL},
	{"a list", " identity,\tgzip ,, ", GZIP, DONE, 7, NULL},
	{"deflate", "deflate", DEFLATE, DONE, 7, NULL},
	{"deflate without its frame", "deflate", DEFLATE_BARE, DONE, 7, NULL},
	{"gzip twice", "gzip, gzip", GZIP_OF_GZIP, DONE, 7, NULL},
	{"gzip twice, in two headers", "gzip\r\nContent-Encoding: gzip",
	GZIP_OF_GZIP, DONE, 7, NULL},
	{"two codings", "deflate, gzip", GZIP_OF_DEFLATE, DONE, 7, NULL},
	{"gzip with all parts of a header", "gzip", GZIP_ALL_FLAGS, DONE, 7, NULL},
	{"as many bytes as are taken", "gzip", GZIP_1000, DONE, 1000, NULL},

	/* cut off: what is there is read, and JSON tells whether it is whole */
	{"gzip without checksum", "gzip", GZIP_NO_CHECKSUM, DONE, 7, NULL},
	{"gzip cut off", "gzip", GZIP_HALF, DONE, 4, NULL},
	{"gzip of which nothing came", "gzip", "", DONE, 0, NULL},

	/* damaged; what was read before the damage is there */
	{"a wrong checksum", "gzip", GZIP_WRONG_CHECKSUM, NOT_DECODED, 7, NULL},
	{"a wrong length", "gzip", GZIP_WRONG_LENGTH, NOT_DECODED, 7, NULL},
	{"an unknown flag", "gzip", GZIP_UNKNOWN_FLAG, NOT_DECODED, 0, NULL},
	{"no gzip at all", "gzip", PLAIN, NOT_DECODED, 0, NULL},
	{"gzip once that is to be twice", "gzip, gzip", GZIP, NOT_DECODED, 0, NULL},
	{"six codings", "gzip, gzip, gzip, gzip, gzip, gzip", GZIP, NOT_DECODED, 0,
	NULL},
	{"bytes after the end", "gzip", GZIP PLAIN, NOT_TAKEN, 7, NULL},
	{"gzip of two parts", "gzip", GZIP GZIP, NOT_TAKEN, 7, NULL},

	/* too large */
	{"one byte more than is taken", "gzip", GZIP_1001, NOT_TAKEN, 0, NULL},

	/* codings that are not read, whatever libcurl knows; their body neither */
	{"br", "br", PLAIN, NOT_TAKEN, 0, "br"},
	{"zstd", "ZSTD", PLAIN, NOT_TAKEN, 0, "zstd"},
	{"compress and gzip", "compress, gzip", GZIP, NOT_TAKEN, 0, "compress"},
	{"a word that is no coding", "utf-8", PLAIN, NOT_TAKEN, 0, ""},
	{"a name cut short", "gzi", PLAIN, NOT_TAKEN, 0, ""},
};

static Loopback *loopback;

/* Have every request answered so. */
static void
prepare_answer(int status, const char *coding, const char *hex)
{
	int			n_bytes = strlen(hex) / 2;
	int			n = snprintf(loopback->answer, sizeof(loopback->answer),
							 "HTTP/1.1 %d X\r\nRetry-After: 7\r\n"
							 "Content-Encoding: %s\r\n"
							 "Content-Length: %d\r\n\r\n", status, coding,
							 n_bytes);

	for (int i = 0; i < n_bytes; i++)
	{
		unsigned int byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			abort();
		loopback->answer[n++] = (char) byte;
	}
	loopback->answer_len = n;
}

/* Send a request to its end. */
static FpgoHttpTransfer *
send_request(void)
{
	char		url[64];
	FpgoHttpRequest request = {
		.url = url,
		.is_post = true,
		.body = JSON,
		.body_len = strlen(JSON),
		.token = "token",
		.connect_timeout_ms = 10000,
		.timeout_ms = 10000,
		.keepalive_s = 60,
		.answer_limit = ANSWER_LIMIT,
	};
	FpgoHttpTransfer *transfer;

	snprintf(url, sizeof(url), "http://127.0.0.1:%d/a", loopback->port);
	loopback->n_received = 0;
	transfer = fpgo_http_start(&request, CurrentMemoryContext);
	while (!fpgo_http_is_done(transfer))
		fpgo_http_step(50);
	return transfer;
}

static bool
is_foreign(const char *found, const char *expected)
{
	if (found == NULL || expected == NULL)
		return found == expected;
	return strcmp(found, expected) == 0;
}

static void
test_cases(void)
{
	for (size_t i = 0; i < lengthof(cases); i++)
	{
		const Case *line = &cases[i];
		FpgoHttpTransfer *transfer;
		const FpgoHttpResult *result;
		bool		is_json;

		prepare_answer(201, line->coding, line->hex);
		transfer = send_request();
		result = fpgo_http_result(transfer);
		is_json = strncmp(result->body, JSON, line->body_len) == 0;
		ok(result->code == line->code && result->status == 201 &&
		   (int) result->body_len == line->body_len &&
		   (is_json || line->body_len == 1000) &&
		   is_foreign(result->foreign_coding, line->foreign) &&
		   loopback->n_received == 1, "%s", line->name);
		if (result->code != line->code ||
			(int) result->body_len != line->body_len)
			printf("# code %d, %zu bytes\n", result->code, result->body_len);
		fpgo_http_finish(transfer);
	}
}

/* What the reasons of exchange.c and the class of outcome.c depend on. */
static void
test_facts(void)
{
	FpgoHttpTransfer *transfer;
	const FpgoHttpResult *result;

	prepare_answer(201, "gzip", GZIP_1001);
	transfer = send_request();
	result = fpgo_http_result(transfer);
	ok(result->over_limit && result->is_coded && !result->no_memory,
	   "a body that is too large once it is decoded");
	fpgo_http_finish(transfer);

	prepare_answer(201, "gzip", GZIP PLAIN);
	transfer = send_request();
	result = fpgo_http_result(transfer);
	ok(!result->over_limit && result->is_coded && !result->no_memory,
	   "a body that cannot be decoded is neither too large nor out of memory");
	fpgo_http_finish(transfer);

	prepare_answer(417, "br", PLAIN);
	transfer = send_request();
	result = fpgo_http_result(transfer);
	ok(result->status == 417 && result->headers_complete &&
	   result->retry_after_s == 7 && !result->is_coded,
	   "status and headers are there if the coding is not read");
	fpgo_http_finish(transfer);

	prepare_answer(201, "identity", PLAIN);
	transfer = send_request();
	ok(!fpgo_http_result(transfer)->is_coded, "no coding is none");
	fpgo_http_finish(transfer);
}

/* An interim answer's coding is not that of the answer. */
static void
test_interim(void)
{
	FpgoHttpTransfer *transfer;
	const FpgoHttpResult *result;

	loopback->answer_len = 0;
	snprintf(loopback->answer, sizeof(loopback->answer),
			 "HTTP/1.1 103 X\r\nContent-Encoding: br\r\n\r\n"
			 "HTTP/1.1 201 X\r\nContent-Length: 7\r\n\r\n" JSON);
	transfer = send_request();
	result = fpgo_http_result(transfer);
	ok(result->foreign_coding == NULL && result->status == 201,
	   "the coding of an interim answer is forgotten");
	fpgo_http_finish(transfer);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	loopback = start_loopback();
	test_cases();
	test_facts();
	test_interim();
	return done_testing();
}
