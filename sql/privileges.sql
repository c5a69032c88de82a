-- Every object of the extension, its owner, and who may do what with it.  A new
-- one fails this test until somebody has decided.

CREATE TEMP VIEW member AS
SELECT d.classid, d.objid,
	CASE d.classid WHEN 'pg_proc'::regclass THEN CASE (SELECT prokind FROM pg_proc WHERE oid = d.objid) WHEN 'p' THEN 'procedure' ELSE 'function' END
		ELSE i.type END AS type,
	-- (from 16 on PostgreSQL calls the type json by its SQL name)
	regexp_replace(i.identity, 'pg_catalog\.json\M', 'json') AS identity,
	coalesce(p.proowner, c.relowner, t.typowner, w.fdwowner, n.nspowner, e.evtowner) AS owner,
	coalesce(p.proacl, c.relacl, t.typacl, w.fdwacl, n.nspacl, acldefault((CASE d.classid
		WHEN 'pg_proc'::regclass THEN 'f' WHEN 'pg_type'::regclass THEN 'T' WHEN 'pg_foreign_data_wrapper'::regclass THEN 'F'
		WHEN 'pg_namespace'::regclass THEN 'n' ELSE CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END END)::"char",
		coalesce(p.proowner, c.relowner, t.typowner, w.fdwowner, n.nspowner))) AS acl
FROM (SELECT classid, objid FROM pg_depend
		WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fpgo') AND deptype = 'e'
		UNION SELECT 'pg_namespace'::regclass, 'fpgo'::regnamespace
		UNION SELECT 'pg_class'::regclass, oid FROM pg_class
			WHERE relkind = 'S' AND relnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace)) d
CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
LEFT JOIN pg_foreign_data_wrapper w ON d.classid = 'pg_foreign_data_wrapper'::regclass AND w.oid = d.objid
LEFT JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
LEFT JOIN pg_event_trigger e ON d.classid = 'pg_event_trigger'::regclass AND e.oid = d.objid;

-- what everybody may do; the rows of tables and the array types come with them
SELECT type, CASE WHEN length(identity) > 70 THEN left(identity, 67) || '...' ELSE identity END AS object,
	(SELECT string_agg(privilege_type, ' ' ORDER BY privilege_type) FROM aclexplode(acl) WHERE grantee = 0) AS public
FROM member
WHERE type <> 'type' OR NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = objid AND (t.typelem <> 0
	OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c')))
ORDER BY type, identity COLLATE "C";
SELECT type, identity, privilege_type AS others_may
FROM member, aclexplode(acl) WHERE grantee <> 0 AND grantee <> owner;
-- all belong to the one who installed it
SELECT count(DISTINCT owner) AS owners, bool_and(owner IN (SELECT extowner FROM pg_extension WHERE extname = 'fpgo')) AS installer
FROM member;
-- no column is granted to anybody
SELECT attrelid::regclass, attname FROM pg_attribute WHERE attacl IS NOT NULL
	AND attrelid IN (SELECT objid FROM member WHERE classid = 'pg_class'::regclass);

-- no function runs with another's rights, so none has a search_path to pin; what is
-- not C has a body that was parsed when it was made
SELECT p.oid::regprocedure AS function, l.lanname AS language, p.prosqlbody IS NOT NULL AS is_parsed
FROM member m JOIN pg_proc p ON p.oid = m.objid JOIN pg_language l ON l.oid = p.prolang
WHERE m.classid = 'pg_proc'::regclass AND (p.prosecdef OR p.proconfig IS NOT NULL OR l.lanname <> 'c')
ORDER BY p.oid::regprocedure::text COLLATE "C";
-- whoever is not a superuser cannot make a function of the library's symbols
SELECT lanname FROM pg_language WHERE lanname = 'c' AND lanpltrusted;
-- views that show each reader their own let no condition of a reader's own in
SELECT c.oid::regclass AS view, c.reloptions
FROM member m JOIN pg_class c ON c.oid = m.objid WHERE m.classid = 'pg_class'::regclass AND c.relkind = 'v' ORDER BY 1;
-- casts are explicit, and none is between types that are not fpgo's
SELECT castsource::regtype, casttarget::regtype, castcontext FROM pg_cast
WHERE oid IN (SELECT objid FROM member WHERE classid = 'pg_cast'::regclass) ORDER BY 1;
-- nothing but version() has one of PostgreSQL's own names, for which it could be taken
SELECT identity FROM member m WHERE classid = 'pg_proc'::regclass AND EXISTS (SELECT FROM pg_proc p, pg_proc q
	WHERE q.oid = m.objid AND p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = q.proname AND p.proargtypes = q.proargtypes);
SELECT oprname FROM pg_operator WHERE oprnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace);
