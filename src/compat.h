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
#include "utils/acl.h"

/* 16 replaced one function an object class by one for all of them */
static inline AclResult
fpgo_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return pg_foreign_server_aclcheck(server, role, mode);
}
#else
#include "catalog/pg_foreign_server.h"
#include "utils/acl.h"
#include "varatt.h"

static inline AclResult
fpgo_server_aclcheck(Oid server, Oid role, AclMode mode)
{
	return object_aclcheck(ForeignServerRelationId, server, role, mode);
}
#endif

#endif							/* FPGO_COMPAT_H */
