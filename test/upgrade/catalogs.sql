-- All that the catalogs say of extension fpgo, a line a property: the object, the
-- property, its value as JSON.  What differs between two databases of one version
-- is left out: oids, which are given as names, and sizes.

\pset format unaligned
\pset tuples_only on
\pset fieldsep '\t'
\pset pager off
SET search_path = pg_catalog;

CREATE TEMP VIEW member AS
    SELECT classid, objid FROM pg_depend
    WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'fpgo');
-- tables and what belongs to them: indexes and sequences are no members themselves
CREATE TEMP VIEW relation AS
    SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname IN ('fpgo', 'fpgo_internal');
CREATE TEMP VIEW object AS
    SELECT classid, objid FROM member
    UNION SELECT 'pg_class'::regclass, oid FROM relation
    UNION SELECT 'pg_constraint'::regclass, k.oid FROM pg_constraint k
        WHERE k.conrelid IN (SELECT oid FROM relation)
            OR k.contypid IN (SELECT objid FROM member WHERE classid = 'pg_type'::regclass)
    UNION SELECT 'pg_trigger'::regclass, t.oid FROM pg_trigger t WHERE t.tgrelid IN (SELECT oid FROM relation)
    UNION SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r WHERE r.ev_class IN (SELECT oid FROM relation)
    UNION SELECT 'pg_policy'::regclass, p.oid FROM pg_policy p WHERE p.polrelid IN (SELECT oid FROM relation);

CREATE FUNCTION pg_temp.name_of(class oid, object oid, sub integer DEFAULT 0) RETURNS text
    LANGUAGE sql STABLE RETURN (SELECT i.type || ' ' || i.identity FROM pg_identify_object(class, object, sub) i);

SELECT object, property, value FROM (
    SELECT pg_temp.name_of(classid, objid) AS object, 'is a member' AS property, 'true'::jsonb AS value FROM member

    UNION ALL SELECT pg_temp.name_of('pg_proc'::regclass, p.oid), v.key, v.value
    FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid,
        jsonb_each((to_jsonb(p) - '{oid,pronamespace,prorettype,proargtypes,proallargtypes,prosqlbody,proargdefaults}'::text[])
            || jsonb_build_object('definition', pg_get_functiondef(p.oid), 'namespace', p.pronamespace::regnamespace)) v

    UNION ALL SELECT pg_temp.name_of('pg_type'::regclass, t.oid), v.key, v.value
    FROM pg_type t JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid,
        jsonb_each((to_jsonb(t)
                - '{oid,typnamespace,typrelid,typelem,typarray,typbasetype,typcollation,typdefaultbin}'::text[])
            || jsonb_build_object('base', format_type(nullif(t.typbasetype, 0), t.typtypmod),
                'collation', nullif(t.typcollation, 0)::regcollation)) v

    UNION ALL SELECT pg_temp.name_of('pg_class'::regclass, r.oid), v.key, v.value
    FROM relation r,
        jsonb_each((to_jsonb(r) - '{oid,relnamespace,reltype,reloftype,relam,relfilenode,relpages,reltuples,relallvisible,reltoastrelid,relfrozenxid,relminmxid}'::text[])
            || jsonb_build_object('method', (SELECT amname FROM pg_am WHERE oid = r.relam),
                'view', CASE WHEN r.relkind = 'v' THEN pg_get_viewdef(r.oid) END,
                'index', CASE WHEN r.relkind = 'i' THEN pg_get_indexdef(r.oid) END)) v

    UNION ALL SELECT pg_temp.name_of('pg_class'::regclass, a.attrelid, a.attnum), v.key, v.value
    FROM pg_attribute a JOIN relation r ON r.oid = a.attrelid AND a.attnum > 0
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum,
        -- a column that was added to a table with rows keeps a value for them, and
        -- PostgreSQL 15.20 keeps in pg_attver where in the WAL a column was made
        jsonb_each((to_jsonb(a) - '{attrelid,atttypid,attcollation,atthasmissing,attmissingval}'::text[])
            || jsonb_build_object('attoptions', (SELECT array_agg(o) FROM unnest(a.attoptions) o
                WHERE o NOT LIKE 'pg_attver=%'))
            || jsonb_build_object('type', format_type(a.atttypid, a.atttypmod),
                'collation', nullif(a.attcollation, 0)::regcollation,
                'default', pg_get_expr(d.adbin, d.adrelid))) v

    UNION ALL SELECT pg_temp.name_of('pg_class'::regclass, s.seqrelid), v.key, v.value
    FROM pg_sequence s JOIN relation r ON r.oid = s.seqrelid,
        jsonb_each((to_jsonb(s) - '{seqrelid,seqtypid}'::text[])
            || jsonb_build_object('type', format_type(s.seqtypid, NULL))) v

    UNION ALL SELECT pg_temp.name_of(o.classid, o.objid), 'definition', to_jsonb(CASE o.classid
            WHEN 'pg_constraint'::regclass THEN pg_get_constraintdef(o.objid)
            WHEN 'pg_trigger'::regclass THEN pg_get_triggerdef(o.objid)
            WHEN 'pg_rewrite'::regclass THEN pg_get_ruledef(o.objid)
            WHEN 'pg_policy'::regclass THEN (SELECT to_jsonb(p) - '{oid,polrelid}'::text[]
                FROM pg_policy p WHERE p.oid = o.objid)::text END)
    FROM object o
    WHERE o.classid = ANY ('{pg_constraint,pg_trigger,pg_rewrite,pg_policy}'::regclass[])

    UNION ALL SELECT pg_temp.name_of('pg_cast'::regclass, c.oid), v.key, v.value
    FROM pg_cast c JOIN member m ON m.classid = 'pg_cast'::regclass AND m.objid = c.oid,
        jsonb_each((to_jsonb(c) - '{oid,castsource,casttarget,castfunc}'::text[])
            || jsonb_build_object('function', c.castfunc::regprocedure)) v

    UNION ALL SELECT pg_temp.name_of('pg_event_trigger'::regclass, e.oid), v.key, v.value
    FROM pg_event_trigger e JOIN member m ON m.classid = 'pg_event_trigger'::regclass AND m.objid = e.oid,
        jsonb_each((to_jsonb(e) - '{oid,evtfoid}'::text[]) || jsonb_build_object('function', e.evtfoid::regprocedure)) v

    UNION ALL SELECT pg_temp.name_of('pg_foreign_data_wrapper'::regclass, w.oid), v.key, v.value
    FROM pg_foreign_data_wrapper w
        JOIN member m ON m.classid = 'pg_foreign_data_wrapper'::regclass AND m.objid = w.oid,
        jsonb_each((to_jsonb(w) - '{oid,fdwhandler,fdwvalidator}'::text[])
            || jsonb_build_object('handler', w.fdwhandler::regproc, 'validator', w.fdwvalidator::regproc)) v

    UNION ALL SELECT pg_temp.name_of('pg_namespace'::regclass, n.oid), v.key, v.value
    FROM pg_namespace n, jsonb_each(to_jsonb(n) - '{oid}'::text[]) v
    WHERE n.nspname IN ('fpgo', 'fpgo_internal')

    UNION ALL SELECT 'extension ' || e.extname, v.key, v.value
    FROM pg_extension e, jsonb_each((to_jsonb(e) - '{oid,extnamespace,extconfig,extcondition}'::text[])
        || jsonb_build_object('schema', e.extnamespace::regnamespace)) v
    WHERE e.extname = 'fpgo'
    -- the order of tables is not compared: pg_dump has one of its own
    UNION ALL SELECT 'extension ' || e.extname, 'dumps ' || c.relation::regclass, to_jsonb(c.condition)
    FROM pg_extension e, unnest(e.extconfig, e.extcondition) c (relation, condition)
    WHERE e.extname = 'fpgo'

    UNION ALL SELECT pg_temp.name_of(d.classoid, d.objoid, d.objsubid), 'comment', to_jsonb(d.description)
    FROM pg_description d JOIN object o ON o.classid = d.classoid AND o.objid = d.objoid

    -- what pg_dump takes for granted of their privileges
    UNION ALL SELECT pg_temp.name_of(i.classoid, i.objoid, i.objsubid), 'initial privileges', to_jsonb(i.initprivs)
    FROM pg_init_privs i JOIN object o ON o.classid = i.classoid AND o.objid = i.objoid

    UNION ALL SELECT pg_temp.name_of(d.classid, d.objid, d.objsubid),
        'depends (' || d.deptype::text || ') on ' || pg_temp.name_of(d.refclassid, d.refobjid, d.refobjsubid), 'true'
    FROM pg_depend d JOIN object o ON o.classid = d.classid AND o.objid = d.objid
) line
ORDER BY object COLLATE "C", property COLLATE "C", value;
