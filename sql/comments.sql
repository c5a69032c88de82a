-- \df+ and \dT+ are the reference: everything in the schema has a COMMENT.

SELECT pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fpgo')
	AND deptype = 'e'
	AND classid <> 'pg_namespace'::regclass
	AND obj_description(objid, classid::regclass::name) IS NULL
	-- an array type comes with its element type
	AND NOT EXISTS (SELECT FROM pg_type t WHERE t.oid = objid AND t.typelem <> 0)
ORDER BY 1;

SELECT c.relname AS type, a.attname AS attribute_without_comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace)
	AND c.relkind IN ('c', 'r', 'v') AND a.attnum > 0
	AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
ORDER BY 1, a.attnum;

-- what there is
SELECT CASE WHEN length(name) > 55 THEN left(name, 52) || '...' ELSE name END AS function, p.provolatile AS volatility,
	p.proparallel AS parallel, p.proisstrict AS strict
FROM pg_proc p, LATERAL CAST(p.oid::regprocedure AS text) name WHERE p.pronamespace = 'fpgo'::regnamespace
ORDER BY p.oid::regprocedure::text COLLATE "C";
