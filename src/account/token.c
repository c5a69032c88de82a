/*
 * token.c
 *		The bearer token: its form, and the file that may have it.
 *
 * The file is read at each use: a token is changed by replacing the file.  The
 * rule for its permissions is PostgreSQL's for the file of a TLS key.  No
 * message repeats the file's content.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#include "account/token.h"
#include "base/compat.h"
#include "base/fpgo.h"

const char *
fpgo_token_fault(const char *token)
{
	if (token[0] == '\0')
		return "must not be empty";
	if (strlen(token) > FPGO_TOKEN_MAX)
		return "must have at most " CppAsString2(FPGO_TOKEN_MAX) " characters";
	for (const char *p = token; *p != '\0'; p++)
	{
		/* a line break, too, is refused: it would begin another header */
		if (*p <= ' ' || *p > '~')
			return "must hold printable ASCII characters only, without spaces or line breaks";
	}
	return NULL;
}

/* A token file, for messages to users, who need not know its path. */
typedef struct TokenFile
{
	const char *path;
	const char *what;			/* "token" */
	const char *server_name;
} TokenFile;

pg_noreturn static void
refuse_file(const TokenFile *file, const char *fault, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s file of server \"%s\" cannot be used", file->what,
					file->server_name),
			 errdetail("%s.", fault),
			 errdetail_log("%s: \"%s\".", fault, file->path),
			 hint ? errhint("%s", hint) : 0,
			 fpgo_errhide()));
}

/*
 * The rule for private files: owned by this user and closed to all others, or
 * owned by root and readable for this user's group.
 */
static void
check_permissions(const TokenFile *file, const struct stat *status)
{
	bool		is_roots = status->st_uid == 0 && geteuid() != 0;
	mode_t		forbidden = is_roots ? S_IWGRP | S_IXGRP | S_IRWXO :
		S_IRWXG | S_IRWXO;

	if (!S_ISREG(status->st_mode))
		refuse_file(file, "It is not a regular file", NULL);
	if (status->st_uid != geteuid() && !is_roots)
		refuse_file(file, "It belongs to neither the database server's user nor root",
					"Give it to the operating system user that runs PostgreSQL.");
	if (status->st_mode & forbidden)
		refuse_file(file, "Other users of the machine may read or change it",
					"Take their permissions away: chmod 600, or chmod 640 if root owns the file.");
}

bool
fpgo_token_is_in_backups(const char *path)
{
	char	   *place = realpath(path, NULL);
	char	   *data = realpath(DataDir, NULL);
	bool		is_in = place != NULL && data != NULL &&
		path_is_prefix_of_path(data, place);

	free(place);
	free(data);
	return is_in;
}

char *
fpgo_token_read(const char *path, const char *what, const char *server_name)
{
	TokenFile	file = {path, what, server_name};

	/* one byte more than a token and a line end need, to see what is longer */
	char		content[FPGO_TOKEN_MAX + 8];
	char	   *token;
	const char *fault;
	struct stat status;
	ssize_t		len;
	int			fd;

	fd = OpenTransientFile(path, O_RDONLY | PG_BINARY | O_NONBLOCK);
	if (fd < 0)
	{
		bool		is_closed = errno == EACCES;

		refuse_file(&file, psprintf("It cannot be opened: %m"), is_closed ?
					"Let the operating system user that runs PostgreSQL read it, and pass through its directories." :
					"Create it, readable by the operating system user that runs PostgreSQL.");
	}
	if (fstat(fd, &status) != 0)
		refuse_file(&file, psprintf("It cannot be examined: %m"), NULL);
	check_permissions(&file, &status);
	if (fpgo_token_is_in_backups(path))
		refuse_file(&file, "It is in the data directory, which backups copy",
					"Move it elsewhere.");
	len = read(fd, content, sizeof(content));
	if (len < 0)
		refuse_file(&file, psprintf("It cannot be read: %m"), NULL);
	CloseTransientFile(fd);
	if (len == sizeof(content))
	{
		explicit_bzero(content, sizeof(content));
		refuse_file(&file, "It is larger than a token can be", NULL);
	}

	while (len > 0 && strchr(" \t\r\n", content[len - 1]) != NULL &&
		   content[len - 1] != '\0')
		len--;
	token = pnstrdup(content, len);
	explicit_bzero(content, sizeof(content));
	fault = strlen(token) != (size_t) len ? "must not hold NUL bytes" :
		fpgo_token_fault(token);
	if (fault != NULL)
	{
		explicit_bzero(token, len);
		refuse_file(&file, psprintf("The %s in it %s", file.what, fault), NULL);
	}
	return token;
}
