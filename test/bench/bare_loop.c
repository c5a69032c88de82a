/*
 * bare_loop.c
 *		How many orders a second libcurl posts when nothing else is done.
 *
 * usage: bare_loop URL FILE SECONDS
 *
 * One easy handle, options set once, one kept connection, the headers fpgo
 * sends.  Prints the posts a second; any answer but 201 ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <curl/curl.h>

#define LARGEST_BODY 65536

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static size_t
count_bytes(char *data, size_t size, size_t count, void *total)
{
	(void) data;
	*(size_t *) total += size * count;
	return size * count;
}

static void
die(const char *what)
{
	fprintf(stderr, "bare_loop: %s\n", what);
	exit(1);
}

static size_t
read_file(const char *path, char *body)
{
	FILE	   *file = fopen(path, "rb");
	size_t		len;

	if (file == NULL)
		die("cannot read the order");
	len = fread(body, 1, LARGEST_BODY, file);
	fclose(file);
	return len;
}

static struct curl_slist *
make_headers(void)
{
	struct curl_slist *list = NULL;

	list = curl_slist_append(list, "Content-Type: application/json");
	list = curl_slist_append(list, "Accept: application/json");
	list = curl_slist_append(list, "Authorization: Bearer sandbox-token");
	return curl_slist_append(list, "Expect:");
}

static void
post(CURL *easy)
{
	long		status = 0;
	CURLcode	code = curl_easy_perform(easy);

	if (code != CURLE_OK)
		die(curl_easy_strerror(code));
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status != 201)
		die("the server did not answer 201");
}

int
main(int argc, char **argv)
{
	static char body[LARGEST_BODY];
	size_t		received = 0;
	long		posts = 0;
	double		began;
	double		ends;
	struct curl_slist *headers;
	CURL	   *easy;

	if (argc != 4)
		die("usage: bare_loop URL FILE SECONDS");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	easy = curl_easy_init();
	headers = make_headers();
	curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE,
					 (long) read_file(argv[2], body));
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);

	post(easy);					/* connects */
	began = now();
	ends = began + atof(argv[3]);
	while (now() < ends)
	{
		post(easy);
		posts++;
	}
	printf("%.0f\n", (double) posts / (now() - began));

	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	curl_global_cleanup();
	return 0;
}
