/*
 * install_guard.c
 *		CREATE EXTENSION refuses a schema in which others may have objects.
 *
 * Functions, operators and types that are in the schema already can fit a call
 * of the installation script better than those it means.  They would then run
 * with the rights of fpgo's users (CVE-2018-1058 and its kin).  The schema's
 * owner can add such objects later.  PostgreSQL makes the schema if it does
 * not exist.  A schema that exists, after DROP EXTENSION or in the restore of
 * a dump, must be empty and owned by a superuser.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/syscache.h"

#include "base/compat.h"

PG_FUNCTION_INFO_V1(fpgo_require_schema);

#define SCHEMA "fpgo"

pg_noreturn static void
refuse_schema(const char *fault)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("schema \"%s\" cannot hold extension fpgo", SCHEMA),
			 errdetail("%s.", fault),
			 errhint("Drop or rename the schema, and CREATE EXTENSION makes its own; or see to it that it is empty, and that none but superusers own it or may create objects in it.")));
}

/* May a role that is no superuser create objects in the schema? */
static bool
is_open(const Acl *acl, Oid owner)
{
	Oid		   *roles;
	int			n = aclmembers(acl, &roles);

	if (aclmask(acl, ACL_ID_PUBLIC, owner, ACL_CREATE, ACLMASK_ANY) != 0)
		return true;
	for (int i = 0; i < n; i++)
	{
		if (!superuser_arg(roles[i]) &&
			aclmask(acl, roles[i], owner, ACL_CREATE, ACLMASK_ANY) != 0)
			return true;
	}
	return false;
}

/* Has the schema any object besides the extension and this function? */
static bool
is_in_use(Oid schema, Oid this_function)
{
	Relation	depend = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&keys[0], Anum_pg_depend_refclassid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(NamespaceRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_refobjid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(schema));
	scan = systable_beginscan(depend, DependReferenceIndexId, true, NULL, 2,
							  keys);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		const FormData_pg_depend *row =
			(Form_pg_depend) GETSTRUCT(tuple);

		found = row->classid != ExtensionRelationId &&
			!(row->classid == ProcedureRelationId &&
			  row->objid == this_function);
	}
	systable_endscan(scan);
	table_close(depend, AccessShareLock);
	return found;
}

Datum
fpgo_require_schema(PG_FUNCTION_ARGS)
{
	Oid			schema = get_namespace_oid(SCHEMA, false);
	HeapTuple	tuple = SearchSysCache1(NAMESPACEOID,
										ObjectIdGetDatum(schema));
	Datum		acl;
	Oid			owner;
	bool		is_null;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for schema %u", schema);
	owner = ((Form_pg_namespace) GETSTRUCT(tuple))->nspowner;
	acl = SysCacheGetAttr(NAMESPACEOID, tuple, Anum_pg_namespace_nspacl,
						  &is_null);

	if (!superuser_arg(owner))
		refuse_schema(psprintf("It belongs to role \"%s\", which is no superuser",
							   GetUserNameFromId(owner, false)));
	if (!is_null && is_open(DatumGetAclP(acl), owner))
		refuse_schema("Roles that are no superusers may create objects in it");
	if (is_in_use(schema, fcinfo->flinfo->fn_oid))
		refuse_schema("It is not empty");
	ReleaseSysCache(tuple);
	PG_RETURN_VOID();
}
