/*
 * compat.h
 *		Every test of PostgreSQL's version in the project.
 *
 * The sources are written for the newest spelling they were built with; older
 * or newer ones are mapped to it here and nowhere else.
 */
#ifndef FPGO_COMPAT_H
#define FPGO_COMPAT_H

#if PG_VERSION_NUM < 150000
#error "fpgo needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM < 160000
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "utils/acl.h"

/* 16 replaced one function an object class by one for all of them */
static inline AclResult
fpgo_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return pg_foreign_server_aclcheck(server, role, mode);
}

static inline AclResult
fpgo_function_aclcheck(Oid function, Oid role, AclMode mode)
{
	return pg_proc_aclcheck(function, role, mode);
}

static inline bool
fpgo_owns_database(Oid database, Oid role)
{
	return pg_database_ownercheck(database, role);
}
#else
#include "catalog/pg_database.h"
#include "catalog/pg_foreign_server.h"
#include "catalog/pg_proc.h"
#include "utils/acl.h"
#include "varatt.h"

static inline AclResult
fpgo_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return object_aclcheck(ForeignServerRelationId, server, role, mode);
}

static inline AclResult
fpgo_function_aclcheck(Oid function, Oid role, AclMode mode)
{
	return object_aclcheck(ProcedureRelationId, function, role, mode);
}

static inline bool
fpgo_owns_database(Oid database, Oid role)
{
	return object_ownercheck(DatabaseRelationId, database, role);
}
#endif

/*
 * A wait event of a name of ours, which 17 introduced; before, all waits of
 * extensions are one.
 */
#include "utils/wait_event.h"

static inline uint32
fpgo_wait_event_new(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	return PG_WAIT_EXTENSION;
#endif
}

/*
 * Let a process without a role of its own count as this role's: a database
 * owner who is no superuser may then end it with DROP DATABASE ... (FORCE).
 */
#include "storage/proc.h"

static inline void
fpgo_set_process_role(Oid role)
{
	MyProc->roleId = role;
}

/*
 * Put the search path in place by which a statement was analysed, past the
 * setting, until it is popped or the transaction or subtransaction ends.
 * Functions that run meanwhile, with a search_path of their own or without,
 * get that one: only for statements that run none but PostgreSQL's.  False
 * where there is no such thing: 17 took it away.
 */
#include "catalog/namespace.h"
#include "utils/plancache.h"

static inline bool
fpgo_push_path_of(const CachedPlanSource *source)
{
#if PG_VERSION_NUM < 170000
	PushOverrideSearchPath(source->search_path);
	return true;
#else
	return false;
#endif
}

static inline void
fpgo_pop_path(void)
{
#if PG_VERSION_NUM < 170000
	PopOverrideSearchPath();
#endif
}

/* Is the search path that by which a statement was analysed? */
static inline bool
fpgo_has_path_of(const CachedPlanSource *source)
{
#if PG_VERSION_NUM < 170000
	return OverrideSearchPathMatchesCurrent(source->search_path);
#else
	return SearchPathMatchesCurrentEnvironment(source->search_path);
#endif
}

#endif							/* FPGO_COMPAT_H */
