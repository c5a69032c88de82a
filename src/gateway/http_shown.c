/*
 * http_shown.c
 *		A request as a person reads it, without its token.
 *
 * The lines are those that http_easy.c gives to libcurl.  libcurl adds Host
 * and Content-Length, which are made here as libcurl makes them.
 *
 * The command is for any sh.  curl reads the token's line from its standard
 * input, and the shell writes that line by itself: the token is in no
 * argument, which other users of the machine may see.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "gateway/http_lines.h"
#include "gateway/http_shown.h"
#include "gateway/http_url.h"

#define COVER "***"

/* What the environment and ~/.curlrc could change of a request. */
#define COMMAND "curl --disable --noproxy '*' --http1.1 --globoff --path-as-is"

/* Does the line make libcurl leave a header out? */
static bool
removes_header(const char *line)
{
	return line[strlen(line) - 1] == ':';
}

static void
list_headers(const FpgoHttpRequest *request, FpgoHttpShown *shown)
{
	const struct curl_slist *lines = fpgo_http_lines(request->is_post);
	int			n_lines = 0;

	for (const struct curl_slist *line = lines; line; line = line->next)
		n_lines++;
	shown->headers = palloc((n_lines + 3) * sizeof(char *));
	shown->headers[shown->n_headers++] =
		psprintf("Host: %s", fpgo_http_host(request->url));
	shown->headers[shown->n_headers++] = FPGO_HTTP_BEARER COVER;
	for (const struct curl_slist *line = lines; line; line = line->next)
	{
		if (!removes_header(line->data))
			shown->headers[shown->n_headers++] = line->data;
	}
	shown->headers[shown->n_headers++] =
		psprintf("Content-Length: %zu", request->body_len);
}

/* One argument for sh: within single quotes nothing means anything but ' */
static void
append_quoted(StringInfo command, const char *text)
{
	appendStringInfoChar(command, '\'');
	for (const char *c = text; *c; c++)
	{
		if (*c == '\'')
			appendStringInfoString(command, "'\\''");
		else
			appendStringInfoChar(command, *c);
	}
	appendStringInfoChar(command, '\'');
}

static void
append_option(StringInfo command, const char *option, const char *value)
{
	appendStringInfo(command, " %s ", option);
	append_quoted(command, value);
}

static const char *
write_command(const FpgoHttpRequest *request)
{
	StringInfoData command;

	initStringInfo(&command);
	appendStringInfoString(&command, "printf '" FPGO_HTTP_BEARER
						   "%s\\n' \"$(cat token)\" | " COMMAND
						   " --header @-");
	for (const struct curl_slist *line = fpgo_http_lines(request->is_post);
		 line; line = line->next)
		append_option(&command, "--header", line->data);
	if (request->ca_file != NULL)
		append_option(&command, "--cacert", request->ca_file);
	/* no file, as --data would take a body that begins with @ */
	append_option(&command, "--data-raw", request->body);
	appendStringInfoChar(&command, ' ');
	append_quoted(&command, request->url);
	return command.data;
}

FpgoHttpShown
fpgo_http_show(const FpgoHttpRequest *request)
{
	FpgoHttpShown shown = {
		.method = "POST",
		.url = pstrdup(request->url),
		.curl = write_command(request),
	};

	Assert(request->is_post && request->query == NULL);
	list_headers(request, &shown);
	return shown;
}
