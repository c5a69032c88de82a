/*
 * backend_stubs.c
 *		The little of a backend that http.c and reply.c stand on, for tests
 *		that run without a server.
 *
 * Memory contexts own their chunks and run reset callbacks, but have no
 * children.  An error ends the test.  The database's encoding is UTF-8, and
 * no transaction is open.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "lib/ilist.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/wait_event.h"

#include "waits.h"

typedef struct StubContext
{
	MemoryContextData base;		/* reset_cbs is all that is used of it */
	dlist_head	chunks;
} StubContext;

static StubContext top = {.chunks = DLIST_STATIC_INIT(top.chunks)};
MemoryContext CurrentMemoryContext = &top.base;
MemoryContext TopMemoryContext = &top.base;
int			MyProcPid = 1;

static uint32 current_wait = 0;
uint32	   *my_wait_event_info = &current_wait;

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize,
							  Size maxBlockSize)
{
	StubContext *context = calloc(1, sizeof(StubContext));

	dlist_init(&context->chunks);
	return &context->base;
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	dlist_node *chunk = calloc(1, MAXALIGN(sizeof(dlist_node)) + size);

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

	for (; context->reset_cbs; context->reset_cbs = context->reset_cbs->next)
		context->reset_cbs->func(context->reset_cbs->arg);
	while (!dlist_is_empty(&stub->chunks))
		free(dlist_pop_head_node(&stub->chunks));
}

void
MemoryContextDelete(MemoryContext context)
{
	MemoryContextReset(context);
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

void
pfree(void *pointer)
{
	dlist_node *chunk = (dlist_node *) ((char *) pointer -
										MAXALIGN(sizeof(dlist_node)));

	dlist_delete(chunk);
	free(chunk);
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
	fputs(format, stderr);
	return 0;
}

int
errmsg_internal(const char *format, ...)
{
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
	abort();
}

bool
AcquireExternalFD(void)
{
	return true;
}

void
ReleaseExternalFD(void)
{
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
