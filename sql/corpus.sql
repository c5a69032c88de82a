-- The corpus: orders with the verdicts of Laravel's own validator.  See
-- test/corpus/README.md for what it holds and how it is scored.

\set lines `cat "$PG_ABS_SRCDIR/test/corpus/orders.jsonl"`

CREATE TEMP TABLE corpus AS
SELECT line::jsonb ->> 'id' AS id, (line::jsonb ->> 'valid')::boolean AS valid,
	line::jsonb -> 'errors' AS errors,
	-- cut out as text: the spelling of numbers and repeated keys count
	rtrim(substr(line, position('"payload": ' IN line) + 11), E'\n ') AS payload
FROM regexp_split_to_table(:'lines', E'\n') line
WHERE line <> '';
UPDATE corpus SET payload = left(payload, -1);

CREATE TEMP TABLE verdict AS
SELECT c.*, fpgo.is_valid(payload::jsonb) AS is_valid,
	(SELECT array_agg(DISTINCT regexp_replace(v.path, '\[(\d+)\]', '.\1', 'g') COLLATE "C") FROM fpgo.validate(payload) v) AS ours,
	(SELECT array_agg(k COLLATE "C" ORDER BY k COLLATE "C") FROM jsonb_object_keys(CASE jsonb_typeof(errors) WHEN 'object' THEN errors ELSE '{}' END) k) AS theirs
FROM corpus c;

SELECT count(*) AS orders, count(*) FILTER (WHERE valid) AS valid,
	count(*) FILTER (WHERE is_valid AND NOT valid) AS false_accepts,
	count(*) FILTER (WHERE valid AND NOT is_valid) AS false_refusals,
	count(*) FILTER (WHERE is_valid <> (ours IS NULL)) AS is_valid_and_validate_disagree,
	count(*) FILTER (WHERE ours IS DISTINCT FROM theirs) AS other_paths
FROM verdict;
SELECT id, valid, is_valid, ours, theirs FROM verdict
WHERE valid <> is_valid OR ours IS DISTINCT FROM theirs ORDER BY id;
