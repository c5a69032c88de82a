/*
 * backend_stubs.c
 *		The little of a backend that http.c and reply.c stand on, for tests
 *		that run without a server.
 *
 * Memory contexts own their chunks and children, run reset callbacks, and
 * raise when memory runs out.  An error is caught by PG_TRY() or ends the
 * test.  The database's encoding is UTF-8, and no transaction is open.
 */
#include "postgres.h"

#include <poll.h>

#include "access/xact.h"
#include "catalog/namespace.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "base/wait.h"

typedef struct StubContext
{
	MemoryContextData base;		/* reset_cbs is all that is used of it */
	dlist_head	chunks;
	dlist_head	children;
	dlist_node	node;			/* in the parent's children */
} StubContext;

static StubContext top = {.chunks = DLIST_STATIC_INIT(top.chunks),
.children = DLIST_STATIC_INIT(top.children)};
MemoryContext CurrentMemoryContext = &top.base;
MemoryContext TopMemoryContext = &top.base;
int			MyProcPid = 1;

static uint32 current_wait = 0;
uint32	   *my_wait_event_info = &current_wait;

/* for PG_TRY() */
sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;

void
pg_re_throw(void)
{
	if (PG_exception_stack == NULL)
		abort();
	siglongjmp(*PG_exception_stack, 1);
}

/* Memory to be had, or an error. */
static void *
require_memory(Size size)
{
	void	   *block = calloc(1, size);

	if (block == NULL)
		pg_re_throw();
	return block;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize,
							  Size maxBlockSize)
{
	StubContext *context = require_memory(sizeof(StubContext));

	dlist_init(&context->chunks);
	dlist_init(&context->children);
	dlist_push_tail(&((StubContext *) parent)->children, &context->node);
	return &context->base;
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	dlist_node *chunk = require_memory(MAXALIGN(sizeof(dlist_node)) + size);

	dlist_push_tail(&((StubContext *) context)->chunks, chunk);
	return (char *) chunk + MAXALIGN(sizeof(dlist_node));
}

void
MemoryContextRegisterResetCallback(MemoryContext context,
								   MemoryContextCallback *callback)
{
	callback->next = context->reset_cbs;
	context->reset_cbs = callback;
}

void
MemoryContextReset(MemoryContext context)
{
	StubContext *stub = (StubContext *) context;

	while (!dlist_is_empty(&stub->children))
		MemoryContextDelete(&dlist_head_element(StubContext, node,
												&stub->children)->base);
	for (; context->reset_cbs; context->reset_cbs = context->reset_cbs->next)
		context->reset_cbs->func(context->reset_cbs->arg);
	while (!dlist_is_empty(&stub->chunks))
		free(dlist_pop_head_node(&stub->chunks));
}

void
MemoryContextDelete(MemoryContext context)
{
	MemoryContextReset(context);
	dlist_delete(&((StubContext *) context)->node);
	free(context);
}

void *
palloc(Size size)
{
	return MemoryContextAllocZero(CurrentMemoryContext, size);
}

void *
palloc0(Size size)
{
	return palloc(size);
}

/* libpgcommon is made for programs, whose pfree() takes NULL, too */
void
pfree(void *pointer)
{
	dlist_node *chunk = (dlist_node *) ((char *) pointer -
										MAXALIGN(sizeof(dlist_node)));

	if (pointer == NULL)
		return;
	dlist_delete(chunk);
	free(chunk);
}

void *
repalloc(void *pointer, Size size)
{
	char	   *block = (char *) pointer - MAXALIGN(sizeof(dlist_node));
	dlist_head *chunks = &((StubContext *) CurrentMemoryContext)->chunks;

	dlist_delete((dlist_node *) block);
	block = realloc(block, MAXALIGN(sizeof(dlist_node)) + size);
	if (block == NULL)
		pg_re_throw();
	dlist_push_tail(chunks, (dlist_node *) block);
	return block + MAXALIGN(sizeof(dlist_node));
}

char *
pstrdup(const char *text)
{
	return strcpy(palloc(strlen(text) + 1), text);
}

char *
pnstrdup(const char *text, Size len)
{
	return memcpy(palloc(len + 1), text, strnlen(text, len));
}

bool
errstart(int elevel, const char *domain)
{
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return true;
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errmsg(const char *format, ...)
{
	if (PG_exception_stack == NULL)
		fputs(format, stderr);
	return 0;
}

int
errmsg_internal(const char *format, ...)
{
	if (PG_exception_stack == NULL)
		fputs(format, stderr);
	return 0;
}

int
errdetail(const char *format, ...)
{
	return 0;
}

int
errhint(const char *format, ...)
{
	return 0;
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	pg_re_throw();
}

int			stub_external_fds = 0;
int			stub_idle_waits = 0;

bool
AcquireExternalFD(void)
{
	stub_external_fds++;
	return true;
}

void
ReleaseExternalFD(void)
{
	stub_external_fds--;
}

void
ReserveExternalFD(void)
{
	stub_external_fds++;
}

/* There is no latch: wait for the descriptor alone. */
static int	watched_fd = -1;

void
fpgo_wait_watch(int fd)
{
	watched_fd = fd;
}

bool
fpgo_wait_or_read(long timeout_ms, FpgoWait what)
{
	struct pollfd wanted = {.fd = watched_fd,.events = POLLIN};

	stub_idle_waits += poll(&wanted, 1, (int) timeout_ms) == 0;
	return false;
}

uint32
fpgo_wait_event(FpgoWait wait)
{
	return PG_WAIT_EXTENSION;
}

int
GetDatabaseEncoding(void)
{
	return PG_UTF8;
}

bool
IsTransactionState(void)
{
	return false;
}

Oid
FindDefaultConversionProc(int32 for_encoding, int32 to_encoding)
{
	return InvalidOid;
}

int
pg_do_encoding_conversion_buf(Oid proc, int src_encoding, int dest_encoding,
							  unsigned char *src, int srclen,
							  unsigned char *dest, int destlen, bool noError)
{
	abort();
}

int
pg_mbcliplen(const char *text, int len, int limit)
{
	return Min(len, limit);
}
