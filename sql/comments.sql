-- \df+ and \dT+ are the reference: everything in the schema has a COMMENT.

SELECT pg_describe_object(classid, objid, 0) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fpgo')
	AND deptype = 'e'
	AND classid <> 'pg_namespace'::regclass
	AND obj_description(objid, classid::regclass::name) IS NULL
	-- an array type comes with its element type, a row type with its relation;
	-- up to 16 neither is a member
	AND NOT EXISTS (SELECT FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
		WHERE t.oid = objid AND (t.typelem <> 0 OR c.relkind <> 'c'))
ORDER BY 1;

SELECT c.relname AS type, a.attname AS attribute_without_comment
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace)
	AND c.relkind IN ('c', 'r', 'v') AND a.attnum > 0
	AND NOT a.attisdropped AND col_description(c.oid, a.attnum) IS NULL
ORDER BY 1, a.attnum;

-- psql shows them on a screen: longer ones have a list that cannot be shorter
SELECT pg_describe_object(d.classoid, d.objoid, d.objsubid) AS long_comment
FROM pg_description d LEFT JOIN pg_class c ON d.classoid = 'pg_class'::regclass AND c.oid = d.objoid
	LEFT JOIN pg_depend e ON e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e'
		AND e.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fpgo')
WHERE length(d.description) > 300
	AND (e.objid IS NOT NULL OR c.relnamespace IN ('fpgo'::regnamespace, 'fpgo_internal'::regnamespace))
ORDER BY 1;

-- \dew+ names every option that a server and a user mapping may have
CREATE FUNCTION pg_temp.options_of(catalog regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	PERFORM fpgo.option_validator('{none=}', catalog);
EXCEPTION WHEN fdw_invalid_option_name THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN QUERY SELECT regexp_split_to_table(rtrim(split_part(hint, ': ', 2), '.'), ', ');
END $$;
SELECT count(*) > 10 AS options_are_named, array_agg(option) FILTER (WHERE comment !~ ('[( ]' || option || '[,)]')) AS but_not
FROM (VALUES ('pg_foreign_server'::regclass), ('pg_user_mapping')) c (catalog), pg_temp.options_of(catalog) option,
	(SELECT obj_description(oid) FROM pg_foreign_data_wrapper WHERE fdwname = 'fpgo') w (comment);

-- what there is
SELECT CASE WHEN length(name) > 55 THEN left(name, 52) || '...' ELSE name END AS function, p.provolatile AS volatility,
	p.proparallel AS parallel, p.proisstrict AS strict
FROM pg_proc p, LATERAL CAST(p.oid::regprocedure AS text) name WHERE p.pronamespace = 'fpgo'::regnamespace
ORDER BY p.oid::regprocedure::text COLLATE "C";
